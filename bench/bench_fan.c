/* bench_fan.c: one publisher, many subscribers, and a proxy between them.
 *
 * The publisher is a process of its own with a libzmq socket, set up like the
 * server's; the subscribers are connections of this process. With a window
 * the publisher waits for the slowest subscriber: nothing is lost, and the
 * rate is what the proxy can do. Without one it goes flat out, and what the
 * queues on the way do not hold is lost. */
#include "bench.h"

#include "bench_wire.h"
#include "../limits.h"
#include "../net.h"
#include "../util.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define TOPIC       "geral"
#define SEQ_BYTES   12          /* digits of the seq, before the last } */
#define PROBE_MS    10
#define SILENCE_MS  500         /* after so long nothing more arrives */
#define PATIENCE_MS 10000
#define SEND_MS     5000        /* at the end, for what is queued */

struct subscriber {
	struct wire wire;
	uint64_t received, last;        /* publications; seq of the newest */
	int probed;
};

static struct subscriber *sub;
/* One for each subscriber, and the last for the publisher's pipe. */
static struct pollfd *item;
static int64_t newest_us;       /* ticks_us() of the last publication */

/* ---- the publisher: another process ---- */

struct publisher {
	void *context, *socket;
	char body[256];
	size_t n;
	int seen_fd;            /* tells the seq that the slowest has */
	int sent_fd;            /* is told how many were sent */
	uint64_t sent, seen;
};

/* A publication as the server makes it, about 200 bytes, with seq 0. */
static void make_publication(struct publisher *p)
{
	int n = snprintf(p->body, sizeof p->body,
	    "{\"type\":\"channel\",\"channel\":\"" TOPIC "\","
	    "\"user\":\"ana\",\"message\":\"Bom dia a todos, alguém sabe a "
	    "que horas começa a reunião de hoje à tarde?\","
	    "\"timestamp\":1700000000.123,\"seq\":%0*d}", SEQ_BYTES, 0);

	if (n < 0 || (size_t)n >= sizeof p->body)
		die(EXIT_FAILED, "the publication does not fit");
	p->n = (size_t)n;
}

static void publish_seq(struct publisher *p, uint64_t seq)
{
	char *digit = p->body + p->n - 1;

	for (int i = 0; i < SEQ_BYTES; i++, seq /= 10)
		*--digit = (char)('0' + seq % 10);
	/* A PUB never refuses: it drops. */
	if (net_send_copy(p->socket, TOPIC, sizeof TOPIC - 1, 1) == 0)
		(void)net_send_copy(p->socket, p->body, p->n, 0);
}

static void read_seen(struct publisher *p)
{
	/* On an end of file the subscribers have ended and said why. */
	if (read(p->seen_fd, &p->seen, sizeof p->seen) != sizeof p->seen)
		exit(EXIT_FAILED);
}

/* Publishes seq 0 until every subscriber is known to have one. */
static void probe_subscribers(struct publisher *p)
{
	struct pollfd go = { .fd = p->seen_fd, .events = POLLIN };

	while (poll(&go, 1, PROBE_MS) == 0)
		publish_seq(p, 0);
	read_seen(p);
}

static void publish_all(struct publisher *p)
{
	int64_t end = ticks_ms() + bench.seconds * 1000;

	while (ticks_ms() < end) {
		while (bench.window > 0 && p->sent - p->seen >= bench.window)
			read_seen(p);
		publish_seq(p, ++p->sent);
	}
}

static _Noreturn void run_publisher(const char *endpoint, int seen_fd,
    int sent_fd)
{
	struct publisher p = { .seen_fd = seen_fd, .sent_fd = sent_fd };

	p.context = net_context(1);
	p.socket = net_socket(p.context, ZMQ_PUB, FRAME_BYTES_MAX, SEND_MS);
	net_option(p.socket, ZMQ_SNDHWM, PUBLISH_QUEUE_MAX);
	net_connect(p.socket, endpoint);
	make_publication(&p);
	probe_subscribers(&p);
	publish_all(&p);
	(void)zmq_close(p.socket);      /* a socket; it sends the rest */
	(void)zmq_ctx_term(p.context);
	if (write(p.sent_fd, &p.sent, sizeof p.sent) != sizeof p.sent)
		exit(EXIT_FAILED);
	exit(0);
}

struct child {
	pid_t pid;
	int seen_fd, sent_fd;   /* our ends of the publisher's pipes */
};

static struct child start_publisher(const char *endpoint)
{
	int down[2], up[2];
	struct child c;

	if (pipe(down) == -1 || pipe(up) == -1)
		die(EXIT_FAILED, "pipe:");
	c.pid = fork();
	if (c.pid == -1)
		die(EXIT_FAILED, "fork:");
	if (c.pid == 0) {
		(void)close(down[1]);
		(void)close(up[0]);
		run_publisher(endpoint, down[0], up[1]);
	}
	(void)close(down[0]);
	(void)close(up[1]);
	c.seen_fd = down[1];
	c.sent_fd = up[0];
	return c;
}

/* ---- the subscribers ---- */

static void open_subscribers(const char *endpoint, struct str prefix)
{
	char frame[64] = "\1";

	memcpy(frame + 1, prefix.p, prefix.n);
	sub = must_alloc(bench.clients * sizeof *sub);
	item = must_alloc((bench.clients + 1) * sizeof *item);
	for (size_t i = 0; i < bench.clients; i++) {
		wire_open(&sub[i].wire, endpoint, "SUB");
		wire_put(&sub[i].wire, (struct str){ frame, 1 + prefix.n }, 0);
		if (!wire_flush(&sub[i].wire))
			die(EXIT_FAILED, "no room for the subscription");
		item[i].fd = sub[i].wire.fd;
		item[i].events = POLLIN;
	}
	item[bench.clients].fd = -1;
}

static void close_subscribers(void)
{
	for (size_t i = 0; i < bench.clients; i++)
		wire_close(&sub[i].wire);
	free(sub);
	free(item);
}

typedef void take_fn(struct subscriber *s, struct str body);

/* A publication of ours, which must come in order. */
static void take_numbered(struct subscriber *s, struct str body)
{
	uint64_t seq = 0;

	if (body.n <= SEQ_BYTES)
		die(EXIT_FAILED, "a publication of %zu bytes", body.n);
	for (const char *p = body.p + body.n - 1 - SEQ_BYTES; *p != '}'; p++)
		seq = seq * 10 + (uint64_t)(*p - '0');
	s->probed = 1;
	if (seq == 0)
		return;
	if (seq <= s->last)
		die(EXIT_FAILED, "publication %" PRIu64 " after %" PRIu64, seq,
		    s->last);
	s->last = seq;
	s->received++;
}

static void take_unnumbered(struct subscriber *s, struct str body)
{
	(void)body;
	s->received++;
}

static void read_publications(struct subscriber *s, take_fn *take)
{
	struct str frame;
	int more;

	wire_fill(&s->wire);
	while (wire_next(&s->wire, &frame, &more))
		if (!more)
			take(s, frame);
}

/* 0: nothing came in time. */
static int poll_subscribers(int wait_ms, take_fn *take)
{
	int ready = poll(item, (nfds_t)bench.clients + 1, wait_ms);

	if (ready == -1 && errno != EINTR)
		die(EXIT_FAILED, "poll:");
	for (size_t i = 0; i < bench.clients && ready > 0; i++)
		if (item[i].revents != 0)
			read_publications(&sub[i], take);
	return ready > 0;
}

static int all_probed(void)
{
	for (size_t i = 0; i < bench.clients; i++)
		if (!sub[i].probed)
			return 0;
	return 1;
}

static uint64_t slowest_seq(void)
{
	uint64_t last = UINT64_MAX;

	for (size_t i = 0; i < bench.clients; i++)
		if (sub[i].last < last)
			last = sub[i].last;
	return last;
}

static uint64_t count_received(void)
{
	uint64_t n = 0;

	for (size_t i = 0; i < bench.clients; i++)
		n += sub[i].received;
	return n;
}

/* When the publisher has ended it reads no more; what it wrote before waits
 * in the other pipe. */
static void tell_seen(const struct child *c, uint64_t seen)
{
	ssize_t n = write(c->seen_fd, &seen, sizeof seen);

	if (n != sizeof seen && errno != EPIPE)
		die(EXIT_FAILED, "the publisher:");
}

/* How many publications there were, once the publisher has said so; else 0. */
static uint64_t read_sent(const struct child *c)
{
	uint64_t sent = 0;

	if (item[bench.clients].revents == 0)
		return 0;
	if (read(c->sent_fd, &sent, sizeof sent) != sizeof sent)
		die(EXIT_FAILED, "the publisher has failed");
	item[bench.clients].fd = -1;    /* poll() then clears revents */
	return sent;
}

/* Receives until the publisher has said how many it sent and no more come;
 * returns that number. */
static uint64_t receive_all(const struct child *c)
{
	uint64_t sent = 0, told = 0, before = 0;

	item[bench.clients] = (struct pollfd){ c->sent_fd, POLLIN, 0 };
	while (poll_subscribers(sent > 0 ? SILENCE_MS : PATIENCE_MS,
	    take_numbered)) {
		uint64_t count = count_received(), seen = slowest_seq();

		if (sent == 0)
			sent = read_sent(c);
		if (count > before)
			newest_us = ticks_us();
		before = count;
		/* In steps: a write each time would be half of the work. */
		if (bench.window > 0 && sent == 0 &&
		    seen >= told + bench.window / 4)
			tell_seen(c, told = seen);
	}
	if (sent == 0)
		die(EXIT_NOANSWER, "nothing arrives any more");
	return sent;
}

void bench_fanout(char **operand)
{
	struct child c;
	int64_t start;
	uint64_t sent, received;
	double wanted;

	(void)stop_signals();   /* ignores SIGPIPE: a failing write says it */
	c = start_publisher(operand[0]);
	open_subscribers(operand[1], STR(TOPIC));
	while (!all_probed())
		if (!poll_subscribers(PATIENCE_MS, take_numbered))
			die(EXIT_NOANSWER, "no publication arrives");
	start = ticks_us();
	tell_seen(&c, 0);
	sent = receive_all(&c);
	received = count_received();
	wanted = (double)sent * (double)bench.clients;
	(void)printf("%" PRIu64 " %" PRIu64 " %.0f %.2f\n", sent, received,
	    (double)received * 1e6 / (double)(newest_us - start),
	    100 * (wanted - (double)received) / wanted);
	if (waitpid(c.pid, NULL, 0) == -1)
		die(EXIT_FAILED, "waitpid:");
	close_subscribers();
}

static int listen_wait_ms(void)
{
	return count_received() > 0 ? (int)bench.seconds * 1000 : PATIENCE_MS;
}

void bench_listen(char **operand)
{
	open_subscribers(operand[0], STR(""));
	(void)fprintf(stderr, "%s: ready\n", program());
	while (poll_subscribers(listen_wait_ms(), take_unnumbered))
		;
	(void)printf("%" PRIu64 "\n", count_received());
	close_subscribers();
}
