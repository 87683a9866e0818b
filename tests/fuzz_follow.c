/* fuzz_follow.c: what a proxy and a broker tell a client: publications, replies
 * to history, anything. Each message is delivered once, in order, whatever
 * they say, and no answer makes the client ask for ever.
 *
 * The broker and the proxy are sockets of this program, and the clock moves
 * only here. Input: steps, each ended by a newline: a letter that says who
 * speaks or whether time passes, then text, in which a few bytes stand for what
 * can hardly be guessed. */
#include "fuzz.h"
#include "../limits.h"
#include "../net.h"
#include "../talk.h"
#include "../talk_connection.h"
#include "../util.h"

#include <string.h>

static int64_t clock_ms = 1;
static void *context;

static int64_t fuzz_ticks(void)
{
	return clock_ms;
}

/* One context for both ends, so that nothing goes through the kernel. */
static void *fuzz_context(int threads)
{
	(void)threads;
	return context;
}

static int fuzz_term(void *c)
{
	(void)c;
	return 0;
}

/* Such a connection is there at once, and tells no monitor. Making one takes a
 * hundred times as long as all the rest: it is kept for the next input. */
static void *kept[2];

static void fuzz_open(struct connection *c, void *in, int type, size_t most,
    const char *name)
{
	void **s = &kept[type == ZMQ_SUB];
	zmq_msg_t m;

	(void)name;
	if (*s == NULL)
		*s = net_socket(in, type, most, 0);
	c->socket = *s;
	c->up = c->ready = 0;
	(void)zmq_msg_init(&m);         /* cannot fail */
	while (net_recv(c->socket, &m))
		;
	(void)zmq_msg_close(&m);
}

static void fuzz_close(struct connection *c)
{
	c->socket = NULL;
}

static void fuzz_connect(void *socket, const char *endpoint)
{
	static int connected[2];

	if (!connected[socket == kept[1]]++)
		net_connect(socket, endpoint);
}

static int fuzz_look(struct connection *c)
{
	if (c->ready)
		return 0;
	c->up = c->ready = 1;
	return CONNECTION_READY;
}

#define ticks_ms         fuzz_ticks
#define net_context      fuzz_context
#define zmq_ctx_term     fuzz_term
#define net_connect      fuzz_connect
#define connection_open  fuzz_open
#define connection_close fuzz_close
#define connection_look  fuzz_look
#include "../talk.c"
#include "../follow.c"
#undef ticks_ms
#undef net_context
#undef zmq_ctx_term
#undef net_connect
#undef connection_open
#undef connection_close
#undef connection_look

#define ASKED_MAX 1000  /* requests for an input */

static void *broker, *proxy;
static uint64_t last;           /* delivered */
static unsigned asked;
static struct buf envelope;     /* of the request that came last */

static void see(void *arg, const struct message *m)
{
	(void)arg;
	if (!str_is(m->topic, "geral"))
		return;
	/* 0: a server that does not number */
	must(m->seq == 0 || m->seq > last);
	if (m->seq != 0)
		last = m->seq;
}

static void happen(void *arg, enum talk_event event, const char *text)
{
	(void)arg;
	(void)text;
	if (event == TALK_RESET)
		last = 0;
}

static void take_requests(void)
{
	zmq_msg_t m;

	(void)zmq_msg_init(&m);
	while (net_recv(broker, &m)) {
		buf_clear(&envelope);
		do {
			struct str s = net_bytes(&m);

			buf_le64(&envelope, s.n);
			buf_str_add(&envelope, s);
		} while (net_more(&m) && net_recv(broker, &m));
		must(++asked < ASKED_MAX);
	}
	while (net_recv(proxy, &m))
		;
	(void)zmq_msg_close(&m);
}

/* To the request that came last, in its envelope. */
static void reply(struct str text)
{
	struct str s = buf_str(&envelope);
	uint64_t n;

	while (take_le64(&s, &n) == 0 && n < s.n) {
		if (net_send_copy(broker, s.p, (size_t)n, 1) == -1)
			return;
		str_skip(&s, (size_t)n);
	}
	/* nobody has asked: there is nobody to send it to */
	if (envelope.n > 0)
		(void)net_send_copy(broker, text.p, text.n, 0);
}

static void publish(struct str text)
{
	struct str topic = fuzz_until(&text, '|');

	if (net_send_copy(proxy, topic.p, topic.n, 1) == 0)
		(void)net_send_copy(proxy, text.p, text.n, 0);
}

/* A byte that JSON does not have stands for what is long. */
static void expand(struct buf *b, struct str text)
{
	static const char *const long_one[] = {
		"{\"type\":\"channel\",\"channel\":\"geral\",\"user\":\"ana\","
		"\"message\":\"oi\",\"timestamp\":1,\"seq\":",
		"{\"service\":\"history\",\"data\":{\"status\":\"OK\","
		"\"messages\":[",
		"],\"last\":", ",\"timestamp\":1}}", "geral|",
		"{\"service\":\"history\",\"data\":{\"status\":\"erro\","
		"\"message\":\"", "9223372036854775807"
	};

	for (size_t i = 0; i < text.n; i++) {
		unsigned c = (unsigned char)text.p[i];

		if (c > 0 && c <= sizeof long_one / sizeof *long_one)
			buf_str_add(b, str_of(long_one[c - 1]));
		else
			buf_putc(b, text.p[i]);
	}
}

static void step(struct talk *t, struct str in)
{
	struct buf b = { 0 };
	unsigned who = fuzz_byte(&in);

	expand(&b, in);
	if (who % 4 == 0)
		publish(buf_str(&b));
	else if (who % 4 == 1)
		reply(buf_str(&b));
	else
		clock_ms += who;
	buf_free(&b);
	(void)talk_poll(t, 0, NULL, 0);
	take_requests();
}

static void open_all(void)
{
	context = net_context(1);
	broker = net_socket(context, ZMQ_ROUTER, FRAME_BYTES_MAX, 0);
	proxy = net_socket(context, ZMQ_XPUB, FRAME_BYTES_MAX, 0);
	net_bind(broker, "inproc://broker");
	net_bind(proxy, "inproc://proxy");
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	const struct talk_handler handler = { see, happen, NULL };
	struct str in = { (const char *)bytes, n };
	struct talk *t;

	if (context == NULL)
		open_all();
	last = asked = 0;
	buf_clear(&envelope);
	t = talk_open("inproc://broker", "inproc://proxy", &handler);
	talk_follow(t, str_of("geral"), 0, 0, UINT64_MAX);
	talk_follow(t, str_of("ana"), 1, 0, 0);
	(void)talk_poll(t, 0, NULL, 0);
	take_requests();
	while (in.n > 0)
		step(t, fuzz_until(&in, '\n'));
	talk_close(t);
	take_requests();
	return 0;
}
