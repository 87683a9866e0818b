/* bench_fan.c: one publisher, many subscribers, and a proxy between them.
 *
 * The publisher is a process and a libzmq socket of its own, set up like the server's; the
 * subscribers are connections of this process. With a window the publisher waits for the slowest of
 * them: nothing is lost, and the rate is what the proxy can do. Without one it goes flat out, and
 * what the queues on the way do not hold is lost. */
#include "bench.h"

#include "bench_wire.h"
#include "../limits.h"
#include "../net.h"
#include "../util.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TOPIC       "geral"
#define SEQ_BYTES   12          /* digits of the seq, at the end of a publication, before }} */
#define PROBE_MS    10
#define QUIET_MS    500         /* nothing for so long: all that comes has come */
#define PATIENCE_MS 10000
#define LINGER_MS   5000

struct subscriber {
	struct wire wire;
	uint64_t received, last;        /* publications; seq of the newest */
	int probed;
};

static struct subscriber *sub;
static struct pollfd *item;             /* one per subscriber, and one for the publisher */
static int64_t newest;                  /* ticks of the last publication */

/* ---- the publisher: another process ---- */

struct publisher {
	void *context, *socket;
	char body[256];
	size_t n;
	int told, tell;         /* pipes: what the slowest subscriber has; how many were sent */
	uint64_t sent, seen;
};

/* A publication as the server makes them, about 200 bytes, but for its last digits. */
static void make_body(struct publisher *p)
{
	int n = snprintf(p->body, sizeof p->body, "{\"type\":\"channel\",\"channel\":\"" TOPIC "\","
	    "\"user\":\"ana\",\"message\":\"Bom dia a todos, alguém sabe a que horas começa a "
	    "reunião de hoje à tarde?\",\"timestamp\":1700000000.123,\"seq\":%0*d}", SEQ_BYTES, 0);

	if (n < 0 || (size_t)n >= sizeof p->body)
		die(EXIT_FAILED, "the publication does not fit");
	p->n = (size_t)n;
}

static void publish(struct publisher *p, uint64_t seq)
{
	char *digit = p->body + p->n - 1;

	for (int i = 0; i < SEQ_BYTES; i++, seq /= 10)
		*--digit = (char)('0' + seq % 10);
	/* A PUB never says no: it drops. */
	if (net_send_copy(p->socket, TOPIC, sizeof TOPIC - 1, 1) == 0)
		(void)net_send_copy(p->socket, p->body, p->n, 0);
}

static void take_progress(struct publisher *p)
{
	if (read(p->told, &p->seen, sizeof p->seen) != sizeof p->seen)
		exit(EXIT_FAILED);      /* the subscribers are gone, and have said why */
}

/* Probes until all subscribers are known to have one. */
static void probe(struct publisher *p)
{
	struct pollfd go = { .fd = p->told, .events = POLLIN };

	while (poll(&go, 1, PROBE_MS) == 0)
		publish(p, 0);
	take_progress(p);
}

static _Noreturn void run_publisher(const char *endpoint, int told, int tell)
{
	struct publisher p = { .told = told, .tell = tell };
	int64_t end;

	p.context = net_context(1);
	p.socket = net_socket(p.context, ZMQ_PUB, FRAME_BYTES_MAX, LINGER_MS);
	net_option(p.socket, ZMQ_SNDHWM, PUBLISH_QUEUE_MAX);
	net_connect(p.socket, endpoint);
	make_body(&p);
	probe(&p);
	end = ticks_ms() + bench.seconds * 1000;
	while (ticks_ms() < end) {
		while (bench.window > 0 && p.sent - p.seen >= bench.window)
			take_progress(&p);
		publish(&p, ++p.sent);
	}
	(void)zmq_close(p.socket);              /* a socket; its linger sends what is queued */
	(void)zmq_ctx_term(p.context);
	if (write(p.tell, &p.sent, sizeof p.sent) != sizeof p.sent)
		exit(EXIT_FAILED);
	exit(0);
}

struct child {
	pid_t pid;
	int tell, told;         /* the other ends */
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
	c.tell = down[1];
	c.told = up[0];
	return c;
}

/* ---- the subscribers ---- */

static void subscribe(const char *endpoint, struct str prefix)
{
	char frame[64] = "\1";

	memcpy(frame + 1, prefix.p, prefix.n);
	sub = must_alloc(bench.clients * sizeof *sub);
	item = must_alloc((bench.clients + 1) * sizeof *item);
	for (size_t i = 0; i < bench.clients; i++) {
		wire_open(&sub[i].wire, endpoint, "SUB");
		wire_put(&sub[i].wire, (struct str){ frame, 1 + prefix.n }, 0);
		if (!wire_flush(&sub[i].wire))
			die(EXIT_FAILED, "a new connection takes no subscription");
		item[i] = (struct pollfd){ .fd = sub[i].wire.fd, .events = POLLIN };
	}
	item[bench.clients].fd = -1;
}

static void unsubscribe(void)
{
	for (size_t i = 0; i < bench.clients; i++)
		wire_close(&sub[i].wire);
	free(sub);
	free(item);
}

/* A publication of ours: its order is checked too. */
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
		die(EXIT_FAILED, "publication %" PRIu64 " behind %" PRIu64, seq, s->last);
	s->last = seq;
	s->received++;
}

static void take_any(struct subscriber *s, struct str body)
{
	(void)body;
	s->received++;
}

static void receive(struct subscriber *s, void (*take)(struct subscriber *, struct str))
{
	struct str frame;
	int more;

	wire_fill(&s->wire);
	while (wire_next(&s->wire, &frame, &more))
		if (!more)
			take(s, frame);
}

/* 0: nothing came in time. */
static int turn(int wait_ms, void (*take)(struct subscriber *, struct str))
{
	int ready = poll(item, (nfds_t)bench.clients + 1, wait_ms);

	if (ready == -1 && errno != EINTR)
		die(EXIT_FAILED, "poll:");
	for (size_t i = 0; i < bench.clients && ready > 0; i++)
		if (item[i].revents != 0)
			receive(&sub[i], take);
	return ready > 0;
}

static int all_probed(void)
{
	for (size_t i = 0; i < bench.clients; i++)
		if (!sub[i].probed)
			return 0;
	return 1;
}

static uint64_t slowest(void)
{
	uint64_t last = UINT64_MAX;

	for (size_t i = 0; i < bench.clients; i++)
		if (sub[i].last < last)
			last = sub[i].last;
	return last;
}

static uint64_t received(void)
{
	uint64_t n = 0;

	for (size_t i = 0; i < bench.clients; i++)
		n += sub[i].received;
	return n;
}

/* A publisher that has ended wants to know no more; what it has said waits in the other pipe. */
static void tell(const struct child *c, uint64_t seen)
{
	if (write(c->tell, &seen, sizeof seen) != sizeof seen && errno != EPIPE)
		die(EXIT_FAILED, "the publisher:");
}

/* Receives until the publisher has said how many it sent and no more come. */
static uint64_t follow(const struct child *c)
{
	uint64_t sent = 0, told = 0, seen, before = 0, count;

	item[bench.clients] = (struct pollfd){ .fd = c->told, .events = POLLIN };
	while (turn(sent > 0 ? QUIET_MS : PATIENCE_MS, take_numbered)) {
		if (item[bench.clients].revents != 0) {
			if (read(c->told, &sent, sizeof sent) != sizeof sent)
				die(EXIT_FAILED, "the publisher has failed");
			item[bench.clients].fd = -1;
			item[bench.clients].revents = 0;
		}
		count = received();
		if (count > before)
			newest = ticks_us();
		before = count;
		seen = slowest();
		/* In steps: a write each time would be half of the work. */
		if (bench.window > 0 && sent == 0 && seen >= told + bench.window / 4)
			tell(c, told = seen);
	}
	if (sent == 0)
		die(EXIT_NOANSWER, "nothing arrives any more");
	return sent;
}

/* Prints: sent, received by all, received a second, lost in % */
void bench_fanout(char **operand)
{
	struct child c;
	int64_t start;
	uint64_t sent;
	double wanted;

	(void)stop_signals();    /* SIGPIPE is ignored: the failing write says it better */
	c = start_publisher(operand[0]);
	subscribe(operand[1], STR(TOPIC));
	while (!all_probed())
		if (!turn(PATIENCE_MS, take_numbered))
			die(EXIT_NOANSWER, "no publication arrives");
	start = ticks_us();
	tell(&c, 0);
	sent = follow(&c);
	wanted = (double)sent * (double)bench.clients;
	(void)printf("%" PRIu64 " %" PRIu64 " %.0f %.2f\n", sent, received(),
	    (double)received() * 1e6 / (double)(newest - start),
	    100 * (wanted - (double)received()) / wanted);
	if (waitpid(c.pid, NULL, 0) == -1)
		die(EXIT_FAILED, "waitpid:");
	unsubscribe();
}

/* Receives everything until -t seconds of silence; prints how many publications came. */
void bench_listen(char **operand)
{
	subscribe(operand[0], STR(""));
	(void)fprintf(stderr, "%s: ready\n", program());
	while (turn(received() > 0 ? (int)bench.seconds * 1000 : PATIENCE_MS, take_any))
		;
	(void)printf("%" PRIu64 "\n", received());
	unsubscribe();
}
