/* util.c: see util.h. */
#include "util.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Lines of one kind: so many at once, and one in so many ms in the long run. */
#define SELDOM_AT_ONCE 5
#define SELDOM_MS      1000

static const char *program_name = "recado";

/* A closed descriptor 0, 1 or 2 would become one of libzmq's own, which is then
 * read, or written into, as if it were ours. */
static void open_standard_descriptors(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= STDIN_FILENO && fd <= STDERR_FILENO);
	if (fd != -1)
		(void)close(fd);        /* nothing was written */
}

void set_program(const char *argv0)
{
	const char *slash = strrchr(argv0, '/');

	program_name = slash ? slash + 1 : argv0;
	open_standard_descriptors();
}

const char *program(void)
{
	return program_name;
}

/* One fprintf for the whole line: stderr is unbuffered, and two processes that
 * share it would otherwise write into each other's lines. */
static void complain(const char *fmt, va_list ap, uint64_t left_out)
{
	char text[1024], more[64] = "";
	int saved = errno;
	size_t n = strlen(fmt);
	int ends_open = n > 0 && fmt[n - 1] == ':';

	/* A truncated message is still a message. */
	(void)vsnprintf(text, sizeof text, fmt, ap);
	if (left_out > 0)
		(void)snprintf(more, sizeof more, " (%" PRIu64
		    " more like this left out)", left_out);
	(void)fprintf(stderr, "%s: %s%s%s%s\n", program_name, text,
	    ends_open ? " " : "", ends_open ? strerror(saved) : "", more);
	errno = saved;
}

void warn(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	complain(fmt, ap, 0);
	va_end(ap);
}

_Noreturn void die(int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	complain(fmt, ap, 0);
	va_end(ap);
	exit(code);
}

void warn_seldom(struct seldom *s, const char *fmt, ...)
{
	int64_t now = ticks_ms();
	va_list ap;

	if (s->until - now > (SELDOM_AT_ONCE - 1) * SELDOM_MS) {
		s->left_out++;
		return;
	}
	va_start(ap, fmt);
	complain(fmt, ap, s->left_out);
	va_end(ap);
	s->until = (s->until > now ? s->until : now) + SELDOM_MS;
	s->left_out = 0;
}

void *must_alloc(size_t size)
{
	void *p = calloc(1, size);

	if (p == NULL)
		die(EXIT_FAILED, "%zu bytes:", size);
	return p;
}

void *must_grow(void *p, size_t count, size_t size)
{
	void *q = NULL;

	if (count <= SIZE_MAX / size)
		q = realloc(p, count * size);
	if (q == NULL)
		die(EXIT_FAILED, "%zu times %zu bytes: out of memory", count,
		    size);
	return q;
}

void *must_array_room(void *array, size_t n, size_t *cap, size_t size)
{
	void *p = array_room(array, n, cap, size);

	if (p == NULL)
		die(EXIT_FAILED, "out of memory");
	return p;
}

void *must_element(void *array, size_t i, size_t *cap, size_t size)
{
	size_t before = *cap;

	while (i >= *cap)
		array = must_array_room(array, *cap, cap, size);
	if (*cap > before)
		memset((char *)array + before * size, 0,
		    (*cap - before) * size);
	return array;
}

struct str must_copy(struct str s)
{
	struct str copy = str_copy(s);

	if (copy.p == NULL)
		die(EXIT_FAILED, "%zu bytes: out of memory", s.n);
	return copy;
}

#define SIGNALS 65      /* Linux has 64 */

/* By number: where its handler writes. */
static int signal_to[SIGNALS];

void signal_pipe(int fd[2])
{
	if (pipe(fd) == -1)
		die(EXIT_FAILED, "pipe:");
	for (int i = 0; i < 2; i++)
		if (fcntl(fd[i], F_SETFL, O_NONBLOCK) == -1 ||
		    fcntl(fd[i], F_SETFD, FD_CLOEXEC) == -1)
			die(EXIT_FAILED, "fcntl:");
}

static void on_signal(int number)
{
	int saved = errno;
	char byte = (char)number;

	/* A full pipe already has enough to read. */
	(void)!write(signal_to[number], &byte, 1);
	errno = saved;
}

void signal_set(int number, void (*handler)(int), int sa_flags)
{
	struct sigaction a;

	memset(&a, 0, sizeof a);
	a.sa_handler = handler;
	a.sa_flags = sa_flags;
	(void)sigemptyset(&a.sa_mask);  /* cannot fail on our own set */
	if (sigaction(number, &a, NULL) == -1)
		die(EXIT_FAILED, "sigaction:");
}

void signal_to_pipe(int number, const int fd[2], int sa_flags)
{
	signal_to[number] = fd[1];
	signal_set(number, on_signal, sa_flags);
}

int stop_signals(void)
{
	int fd[2];

	signal_pipe(fd);
	signal_to_pipe(SIGINT, fd, 0);
	signal_to_pipe(SIGTERM, fd, 0);
	signal_set(SIGPIPE, SIG_IGN, 0);
	signal_set(SIGXFSZ, SIG_IGN, 0);
	return fd[0];
}

int stop_asked(int fd)
{
	static int asked;
	char byte;

	if (!asked && read(fd, &byte, 1) == 1)
		asked = 1;
	return asked;
}

_Noreturn void option_common(int letter, void (*usage)(FILE *to))
{
	if (letter != 'h' && letter != 'V')
		exit(EXIT_USAGE);
	if (letter == 'h')
		usage(stdout);
	else
		(void)printf("recado %s\n", RECADO_VERSION);
	/* printf()'s error is still there for fflush(). */
	if (fflush(stdout) == EOF)
		die(EXIT_IO, "stdout:");
	exit(0);
}

void option_end(int argc, char **argv)
{
	if (optind < argc)
		die(EXIT_USAGE, "%s: unexpected argument (%s -h shows how)",
		    argv[optind], program_name);
}

int64_t option_number(char option, const char *text, int64_t low, int64_t high)
{
	char *end;
	intmax_t n;

	errno = 0;
	n = strtoimax(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || n < low || n > high)
		die(EXIT_USAGE,
		    "-%c %s: must be a number from %" PRId64 " to %" PRId64,
		    option, text, low, high);
	return n;
}

static int64_t clock_us(clockid_t id)
{
	struct timespec t;

	if (clock_gettime(id, &t) == -1)
		die(EXIT_FAILED, "clock_gettime:");
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t now_ms(void)
{
	return clock_us(CLOCK_REALTIME) / 1000;
}

int64_t ticks_us(void)
{
	return clock_us(CLOCK_MONOTONIC);
}

int64_t ticks_ms(void)
{
	return ticks_us() / 1000;
}

int random_bits(uint64_t *bits)
{
	int fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd == -1)
		return -1;
	n = read(fd, bits, sizeof *bits);
	(void)close(fd);        /* only read */
	if (n >= 0 && n < (ssize_t)sizeof *bits)
		errno = EIO;
	return n == (ssize_t)sizeof *bits ? 0 : -1;
}

uint64_t must_random(void)
{
	uint64_t bits;

	if (random_bits(&bits) == -1)
		die(EXIT_FAILED, "/dev/urandom:");
	return bits;
}

uint64_t random_seed(void)
{
	uint64_t seed;

	if (random_bits(&seed) == -1)
		seed = (uint64_t)ticks_us() * 0x9e3779b97f4a7c15u;
	return seed;
}
