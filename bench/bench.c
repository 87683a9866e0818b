/* bench.c: what recado is measured beside, and the load for both; bench.sh is its user.
 *
 * The limits are the smallest programs that do half of the work: stock proxies of libzmq, a server
 * that only echoes, a disk that is only appended to. Each prints its figures on one line. */
#include "bench.h"

#include "../line.h"
#include "../name.h"
#include "../net.h"
#include "../util.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define LINE_BYTES    200
#define IN_PLACE_BYTES ((size_t)16 * 1024 * 1024)
#define TIMES_MAX     1000000
#define WRITE_BYTES   ((size_t)1024 * 1024)     /* of a log that is made, at a time */

struct bench_options bench = { .clients = 1, .window = 1, .topics = 10, .seconds = 3, .run = "run",
    .topic = "t0" };

/* ---- the limits ---- */

/* hwm: messages for each peer, 0 for the stock 1000. */
static void run_proxy(int front, int back, int hwm, char **operand)
{
	void *context = net_context(1), *socket[2];
	const int type[2] = { front, back };

	for (int i = 0; i < 2; i++) {
		socket[i] = zmq_socket(context, type[i]);
		if (socket[i] == NULL)
			die(EXIT_FAILED, "zmq_socket: %s", zmq_strerror(errno));
		if (hwm > 0)
			net_option(socket[i], ZMQ_SNDHWM, hwm);
		net_bind(socket[i], operand[i]);
	}
	(void)zmq_proxy(socket[0], socket[1], NULL);    /* until a signal ends us */
}

static void run_echo_proxy(char **operand)
{
	/* A ROUTER drops what is beyond its mark, and learns in steps of half of it what was read:
	 * with the stock mark a client with 1000 requests under way would lose answers. */
	run_proxy(ZMQ_ROUTER, ZMQ_DEALER, 20000, operand);
}

static void run_pubsub_proxy(char **operand)
{
	run_proxy(ZMQ_XSUB, ZMQ_XPUB, 0, operand);
}

static void sync_bytes(int fd, const void *p, size_t n)
{
	if (write(fd, p, n) != (ssize_t)n || fdatasync(fd) == -1)
		die(EXIT_IO, "write:");
}

static int open_file(const char *path, int flags)
{
	int fd = open(path, O_WRONLY | O_CREAT | flags, 0644);

	if (fd == -1)
		die(EXIT_IO, "%s:", path);
	return fd;
}

/* Sends back what comes; with a file, one request and one sync at a time, as a plain server would. */
static void run_echo_server(char **operand)
{
	void *context = net_context(1), *socket = zmq_socket(context, ZMQ_DEALER);
	int fd = bench.file != NULL ? open_file(bench.file, O_APPEND | O_TRUNC) : -1;
	zmq_msg_t m;

	if (socket == NULL)
		die(EXIT_FAILED, "zmq_socket: %s", zmq_strerror(errno));
	net_connect(socket, operand[0]);
	(void)zmq_msg_init(&m);         /* cannot fail */
	while (zmq_msg_recv(&m, socket, 0) != -1) {
		int more = zmq_msg_more(&m);

		if (!more && fd != -1)
			sync_bytes(fd, zmq_msg_data(&m), zmq_msg_size(&m));
		if (zmq_msg_send(&m, socket, more ? ZMQ_SNDMORE : 0) == -1)
			break;
	}
	die(EXIT_FAILED, "echo: %s", zmq_strerror(errno));
}

static int by_size(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* Writes the file once before: what is then written over needs no sync of its size and blocks. */
static void fill_file(int fd)
{
	char *zeros = must_alloc(IN_PLACE_BYTES);

	sync_bytes(fd, zeros, IN_PLACE_BYTES);
	free(zeros);
}

/* Prints like bench_load(): how many, a second, p50 and p99 in us. */
static void run_disk(char **operand)
{
	uint32_t *times = must_alloc(TIMES_MAX * sizeof *times);
	int fd = open_file(operand[0], O_TRUNC);
	char line[LINE_BYTES];
	size_t n = 0, at_most = IN_PLACE_BYTES / sizeof line;
	int64_t start, end, now;

	memset(line, 'x', sizeof line);
	if (bench.in_place)
		fill_file(fd);
	start = now = ticks_us();
	end = start + bench.seconds * 1000000;
	while (now < end && n < TIMES_MAX) {
		int64_t before = now;

		if (bench.in_place && n % at_most == 0 && lseek(fd, 0, SEEK_SET) == -1)
			die(EXIT_IO, "lseek:");
		sync_bytes(fd, line, sizeof line);
		now = ticks_us();
		times[n++] = (uint32_t)(now - before);
	}
	qsort(times, n, sizeof *times, by_size);
	(void)printf("%zu %.0f %" PRIu32 " %" PRIu32 "\n", n, (double)n * 1e6 / (double)(now - start),
	    times[n / 2], times[n * 99 / 100]);
	(void)close(fd);        /* all of it was synced */
	free(times);
}

/* ---- a big data directory ---- */

static void make_dir(const char *path)
{
	if (mkdir(path, 0755) == -1 && errno != EEXIST)
		die(EXIT_IO, "%s:", path);
}

static void write_all(int fd, struct buf *b)
{
	size_t done = 0;

	if (b->err)
		die(EXIT_FAILED, "out of memory");
	while (done < b->n) {
		ssize_t n = write(fd, b->p + done, b->n - done);

		if (n == -1)
			die(EXIT_IO, "write:");
		done += (size_t)n;
	}
	buf_clear(b);
}

/* One log with -n lines, as the server would have written them. */
static void write_log(const char *dir, struct str topic, uint64_t lines)
{
	static struct buf path, id, out;
	struct line l = { .ms = INT64_C(1700000000000), .user = STR("ana"),
	    .message = STR("Bom dia a todos, alguém sabe a que horas começa a reunião?"),
	    .stamp = STR("1700000000.123") };
	int fd;

	buf_clear(&path);
	buf_printf(&path, "%s/channels/", dir);
	name_to_file(&path, topic);
	buf_putc(&path, '\0');
	fd = open_file(path.p, O_TRUNC);
	for (l.seq = 1; l.seq <= lines; l.seq++, l.ms++) {
		buf_clear(&id);
		buf_puts(&id, "fill-");
		buf_u64(&id, l.seq);
		l.id = buf_str(&id);
		line_encode(&out, &l);
		if (out.n >= WRITE_BYTES)
			write_all(fd, &out);
	}
	write_all(fd, &out);
	if (close(fd) == -1)
		die(EXIT_IO, "%s:", path.p);
}

/* fill DIRECTORY: -k logs t0, t1 ..., each with -n lines. fill DIRECTORY TOPIC: that one. */
static void run_fill(char **operand)
{
	struct buf path = { 0 };

	make_dir(operand[0]);
	buf_printf(&path, "%s/channels", operand[0]);
	buf_putc(&path, '\0');
	make_dir(path.p);
	for (uint64_t i = 0; operand[1] == NULL && i < bench.topics; i++) {
		buf_clear(&path);
		buf_printf(&path, "t%" PRIu64, i);
		write_log(operand[0], buf_str(&path), bench.count);
	}
	if (operand[1] != NULL)
		write_log(operand[0], str_of(operand[1]), bench.count);
	buf_free(&path);
}

/* ---- */

/* Prints how many ms a command takes; what it says goes nowhere. */
static void run_timed(char **operand)
{
	int64_t start = ticks_us();
	pid_t pid = fork();
	int status;

	if (pid == -1)
		die(EXIT_FAILED, "fork:");
	if (pid == 0) {
		if (dup2(open_file("/dev/null", 0), STDOUT_FILENO) != -1)
			(void)execvp(operand[0], operand);
		die(EXIT_FAILED, "%s:", operand[0]);
	}
	if (waitpid(pid, &status, 0) == -1 || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
		die(EXIT_FAILED, "%s has failed", operand[0]);
	(void)printf("%.1f\n", (double)(ticks_us() - start) / 1000);
}

static const struct mode {
	const char *name;
	int least, most;        /* operands */
	void (*run)(char **operand);
	const char *arguments, *does;
} modes[] = {
	{ "echo-proxy", 2, 2, run_echo_proxy, "FRONT BACK", "a stock ROUTER/DEALER proxy" },
	{ "echo-server", 1, 1, run_echo_server, "[-d FILE] BACK",
	    "sends back what comes; -d: syncs each request there" },
	{ "pubsub-proxy", 2, 2, run_pubsub_proxy, "IN OUT", "a stock XSUB/XPUB proxy" },
	{ "load", 1, 1, bench_load, "[-e] [-c N] [-w N] [-k TOPICS] [-i ID] [-t S] [-n N] FRONT",
	    "N clients publish; -e: to an echo" },
	{ "create", 1, 1, bench_create, "[-k TOPICS] [-n USERS] FRONT",
	    "makes channels t0, t1 ... and users u0, u1 ..." },
	{ "ping", 1, 1, bench_ping, "FRONT", "how many ms one request takes" },
	{ "history", 1, 1, bench_history, "-s TOPIC -n LINES [-c N] [-t S] FRONT",
	    "50 lines at random places" },
	{ "catchup", 1, 1, bench_catchup, "-s TOPIC [-a SEQ] FRONT", "all that is behind SEQ" },
	{ "fanout", 2, 2, bench_fanout, "[-c N] [-w N] [-t S] IN OUT",
	    "one publisher, N subscribers; -w 0: flat out" },
	{ "listen", 1, 1, bench_listen, "[-c N] [-t S] OUT", "counts until S seconds of silence" },
	{ "disk", 1, 1, run_disk, "[-p] [-t S] FILE", "200 bytes and a sync; -p: in place" },
	{ "fill", 1, 2, run_fill, "-n LINES [-k TOPICS] DIRECTORY [TOPIC]",
	    "makes logs t0, t1 ..., or that of TOPIC" },
	{ "timed", 1, INT32_MAX, run_timed, "COMMAND...", "how many ms it takes" }
};
#define MODES (sizeof modes / sizeof *modes)

static void usage(FILE *to)
{
	(void)fprintf(to, "usage: %s MODE [OPTION...] OPERAND...\n", program());
	for (size_t i = 0; i < MODES; i++)
		(void)fprintf(to, "  %s %s\n      %s\n", modes[i].name, modes[i].arguments,
		    modes[i].does);
}

static _Noreturn void wrong_usage(void)
{
	usage(stderr);
	exit(EXIT_USAGE);
}

static void options(int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "a:c:d:ehi:k:n:ps:t:w:V")) != -1)
		switch (c) {
		case 'a': bench.after = (uint64_t)option_number('a', optarg, 0, INT64_MAX); break;
		case 'c': bench.clients = (size_t)option_number('c', optarg, 1, 10000); break;
		case 'd': bench.file = optarg; break;
		case 'e': bench.echo = 1; break;
		case 'i': bench.run = optarg; break;
		case 'k': bench.topics = (uint64_t)option_number('k', optarg, 1, 1000000); break;
		case 'n': bench.count = (uint64_t)option_number('n', optarg, 1, INT64_MAX); break;
		case 'p': bench.in_place = 1; break;
		case 's': bench.topic = optarg; break;
		case 't': bench.seconds = option_number('t', optarg, 1, 3600); break;
		case 'w': bench.window = (size_t)option_number('w', optarg, 0, 1000000); break;
		case 'h': usage(stdout); exit(0);
		case 'V': (void)printf("recado %s\n", RECADO_VERSION); exit(0);
		default: wrong_usage();
		}
}

int main(int argc, char **argv)
{
	const struct mode *m = modes;

	set_program(argv[0]);
	if (argc < 2)
		wrong_usage();
	while (m < modes + MODES && strcmp(m->name, argv[1]) != 0)
		m++;
	options(argc - (m < modes + MODES), argv + (m < modes + MODES));
	if (m == modes + MODES || argc - 1 - optind < m->least || argc - 1 - optind > m->most)
		wrong_usage();
	m->run(argv + 1 + optind);
	return 0;
}
