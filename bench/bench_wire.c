/* bench_wire.c: see bench_wire.h. The protocol is rfc.zeromq.org/spec/23 with
 * the mechanism NULL. */
#include "bench_wire.h"

#include "../util.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define GREETING_BYTES 64
#define READ_BYTES     ((size_t)64 * 1024)      /* a window's answers */
#define HANDSHAKE_MS   5000
#define CONNECT_MS     5000     /* a daemon may not listen yet */

enum { MORE = 1, LONG = 2, COMMAND = 4 };

static struct sockaddr_in parse_endpoint(const char *endpoint)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	char address[16];
	unsigned port;

	if (sscanf(endpoint, "tcp://%15[0-9.]:%5u", address, &port) != 2 ||
	    port > 65535 || inet_pton(AF_INET, address, &to.sin_addr) != 1)
		die(EXIT_USAGE, "%s: not tcp://a.b.c.d:port", endpoint);
	to.sin_port = htons((uint16_t)port);
	return to;
}

static int connect_once(const struct sockaddr_in *to)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;

	if (fd == -1)
		die(EXIT_FAILED, "socket:");
	if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) == -1)
		die(EXIT_FAILED, "TCP_NODELAY:");
	if (connect(fd, (const struct sockaddr *)to, sizeof *to) == 0)
		return fd;
	(void)close(fd);        /* not connected: nothing to lose */
	return -1;
}

static int connect_to(const char *endpoint)
{
	const struct sockaddr_in to = parse_endpoint(endpoint);
	const struct timespec pause = { 0, 10 * 1000 * 1000 };
	int64_t until = ticks_ms() + CONNECT_MS;
	int fd;

	while ((fd = connect_once(&to)) == -1) {
		if (ticks_ms() > until)
			die(EXIT_NOANSWER, "connect %s:", endpoint);
		(void)nanosleep(&pause, NULL);  /* may be cut short */
	}
	return fd;
}

/* The command that names our type, the one property that a peer checks. */
static void put_ready(struct buf *b, const char *type)
{
	static const char name[] = "\5READY\13Socket-Type\0\0\0";
	size_t n = strlen(type);

	buf_putc(b, COMMAND);
	buf_putc(b, (char)(sizeof name - 1 + 1 + n));
	buf_add(b, name, sizeof name - 1);
	buf_putc(b, (char)n);
	buf_add(b, type, n);
}

static void put_greeting(struct buf *b, const char *type)
{
	char greeting[GREETING_BYTES] = { 0 };

	greeting[0] = (char)0xff;
	greeting[9] = 0x7f;
	/* Version 3.0: a subscription is a message, not a command. */
	greeting[10] = 3;
	memcpy(greeting + 12, "NULL", 4);
	buf_add(b, greeting, sizeof greeting);
	put_ready(b, type);
}

static void await_handshake(struct wire *w)
{
	struct pollfd item = { .fd = w->fd, .events = POLLIN };

	if (poll(&item, 1, HANDSHAKE_MS) != 1)
		die(EXIT_NOANSWER, "no handshake from the peer");
}

/* The size of the next frame's header, or 0 when it is incomplete. */
static size_t read_header(struct str in, unsigned char *flags, uint64_t *n)
{
	const unsigned char *p = (const unsigned char *)in.p;
	size_t header = 2;

	if (in.n < 2)
		return 0;
	*flags = p[0];
	*n = p[1];
	if (*flags & LONG) {
		header = 9;
		if (in.n < header)
			return 0;
		*n = 0;
		for (int i = 1; i <= 8; i++)
			*n = *n << 8 | p[i];
	}
	return header;
}

/* Commands too. */
static int take_frame(struct wire *w, struct str *frame, unsigned char *flags)
{
	struct str in = { w->in.p + w->taken, w->in.n - w->taken };
	uint64_t n;
	size_t header = read_header(in, flags, &n);

	if (header == 0 || n > in.n - header)
		return 0;
	*frame = (struct str){ in.p + header, (size_t)n };
	w->taken += header + frame->n;
	return 1;
}

static void shake_hands(struct wire *w)
{
	struct str frame;
	unsigned char flags;

	while (!wire_flush(w))
		;       /* a hundred bytes: a new connection takes them */
	while (w->in.n < GREETING_BYTES) {
		await_handshake(w);
		wire_fill(w);
	}
	w->taken = GREETING_BYTES;
	while (!take_frame(w, &frame, &flags)) {
		await_handshake(w);
		wire_fill(w);
	}
	if (!(flags & COMMAND) || frame.n < 6 ||
	    memcmp(frame.p, "\5READY", 6) != 0)
		die(EXIT_FAILED, "the peer refuses the connection");
}

void wire_open(struct wire *w, const char *endpoint, const char *type)
{
	*w = (struct wire){ .fd = connect_to(endpoint) };
	if (fcntl(w->fd, F_SETFL, O_NONBLOCK) == -1 ||
	    fcntl(w->fd, F_SETFD, FD_CLOEXEC) == -1)
		die(EXIT_FAILED, "fcntl:");
	put_greeting(&w->out, type);
	shake_hands(w);
}

void wire_close(struct wire *w)
{
	/* What was sent has been answered, or the answer is not needed. */
	(void)close(w->fd);
	buf_free(&w->in);
	buf_free(&w->out);
}

void wire_put(struct wire *w, struct str frame, int more)
{
	int big = frame.n > 255;

	buf_putc(&w->out, (char)((more ? MORE : 0) | (big ? LONG : 0)));
	for (int i = big ? 7 : 0; i >= 0; i--)
		buf_putc(&w->out, (char)(frame.n >> 8 * i));
	buf_str_add(&w->out, frame);
}

int wire_flush(struct wire *w)
{
	if (w->out.err)
		die(EXIT_FAILED, "out of memory");
	while (w->sent < w->out.n) {
		ssize_t n = send(w->fd, w->out.p + w->sent,
		    w->out.n - w->sent, MSG_NOSIGNAL);

		if (n == -1 && errno == EAGAIN)
			return 0;
		if (n == -1 && errno != EINTR)
			die(EXIT_FAILED, "send:");
		if (n > 0)
			w->sent += (size_t)n;
	}
	buf_clear(&w->out);
	w->sent = 0;
	return 1;
}

void wire_fill(struct wire *w)
{
	char *to;
	ssize_t n;

	if (w->taken > 0) {
		memmove(w->in.p, w->in.p + w->taken, w->in.n - w->taken);
		w->in.n -= w->taken;
		w->taken = 0;
	}
	to = buf_room(&w->in, READ_BYTES);
	if (to == NULL)
		die(EXIT_FAILED, "out of memory");
	n = recv(w->fd, to, w->in.cap - w->in.n, 0);
	if (n == 0)
		die(EXIT_FAILED, "the peer has closed the connection");
	if (n == -1 && errno != EAGAIN && errno != EINTR)
		die(EXIT_FAILED, "recv:");
	if (n > 0)
		w->in.n += (size_t)n;
}

int wire_next(struct wire *w, struct str *frame, int *more)
{
	unsigned char flags;

	do
		if (!take_frame(w, frame, &flags))
			return 0;
	while (flags & COMMAND);
	*more = (flags & MORE) != 0;
	return 1;
}
