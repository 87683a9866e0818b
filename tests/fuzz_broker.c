/* fuzz_broker.c: what servers say to a broker, and strangers that pass for
 * servers. Whatever they say, each request gets one reply, within the promised
 * time, and from nobody who was not given it.
 *
 * Input: steps, each ended by the bytes FF FE: a byte that says what is done
 * by whom, then data. */
#include "fuzz_loop.h"
#include "../back.h"
#include "../limits.h"
#include "../util.h"

#define main        fuzz_main
#define ticks_ms    fuzz_ticks
#define net_poll    fuzz_poll
#define net_context fuzz_context
#include "../broker.c"
#undef main
#undef ticks_ms
#undef net_poll
#undef net_context

#define PEERS  3
#define ASKED  64       /* requests of an input */
#define KNOWN  256      /* requests that a peer was given, and remembers */

/* What a peer does: as it comes, or well formed. */
enum act {
	DO_SAY, DO_HELLO, DO_ANSWER, DO_BEAT, DO_GOODBYE, DO_REQUEST, DO_TIME,
	DO_ACTS
};

static void *client, *peer[PEERS];
static struct request_id known[PEERS][KNOWN];
static unsigned knows[PEERS], requests_sent, replies;
static uint64_t boot;           /* of the broker */

static void say(void *s, const struct buf *b)
{
	must(!b->err);
	(void)net_send_copy(s, b->p, b->n, 0);  /* or it is full: as good */
}

static void say_hello(void *s, struct str in)
{
	struct buf b = { 0 };
	uint64_t credit = 0;

	(void)take_le64(&in, &credit);          /* or 0 */
	buf_putc(&b, 'H');
	buf_le64(&b, BACK_VERSION);
	buf_le64(&b, credit);
	buf_le64(&b, 1 + fuzz_byte(&in) % 2);
	buf_le64(&b, fuzz_byte(&in));
	say(s, &b);
	buf_free(&b);
}

static int is_forged(int p, struct request_id id)
{
	for (unsigned i = 0; i < knows[p]; i++)
		if (known[p][i].count == id.count)
			return 0;
	return knows[p] < KNOWN;        /* else it may have been forgotten */
}

/* To requests that this peer, or another one, was given, or to none. A letter
 * at the start of the text says which. */
static void say_answer(int p, struct str in)
{
	struct buf b = { 0 };

	buf_putc(&b, 'A');
	while (in.n > 0) {
		unsigned c = fuzz_byte(&in), whose = c / 64 % PEERS;
		struct request_id id = c % 64 < knows[whose] ?
		    known[whose][c % 64] : (struct request_id){ boot, 0 };
		size_t at = back_open_answer(&b, id);

		buf_putc(&b, is_forged(p, id) ? 'F' : 'A');
		back_close_answer(&b, at);
	}
	say(peer[p], &b);
	buf_free(&b);
}

static void say_letter(void *s, char letter, struct str in)
{
	struct buf b = { 0 };

	buf_putc(&b, letter);
	buf_str_add(&b, in);
	say(s, &b);
	buf_free(&b);
}

static void ask(struct str in)
{
	if (requests_sent == ASKED)
		return;
	/* the number tells the replies apart */
	must(net_send_copy(client, &requests_sent, sizeof requests_sent,
	    1) == 0 && net_send_copy(client, "", 0, 1) == 0 &&
	    net_send_copy(client, in.p, in.n, 0) == 0);
	requests_sent++;
}

static void take_given(int p, struct str said)
{
	struct back_request r;

	if (said.n == 0 || *said.p != 'Q')
		return;
	str_skip(&said, 1);
	while (back_take_request(&said, &r) == 1) {
		boot = r.id.boot;
		r.id.count &= ~BACK_AGAIN;
		if (knows[p] < KNOWN)
			known[p][knows[p]++] = r.id;
	}
	must(said.n == 0);
}

static void take_reply(zmq_msg_t *m, uint64_t *seen)
{
	unsigned number = ASKED;

	if (zmq_msg_size(m) == sizeof number)
		memcpy(&number, zmq_msg_data(m), sizeof number);
	must(number < requests_sent && (*seen >> number & 1) == 0);
	*seen |= UINT64_C(1) << number;
	replies++;
	while (net_more(m))
		must(net_recv(client, m));
	must(zmq_msg_size(m) > 0 && *(char *)zmq_msg_data(m) != 'F');
}

static void hear_all(uint64_t *seen)
{
	zmq_msg_t m;

	(void)zmq_msg_init(&m);                 /* cannot fail */
	for (int i = 0; i < PEERS; i++)
		while (net_recv(peer[i], &m))
			take_given(i, net_bytes(&m));
	while (net_recv(client, &m))
		take_reply(&m, seen);
	(void)zmq_msg_close(&m);
}

static void step(struct str in)
{
	unsigned c = fuzz_byte(&in);
	int p = (int)(c / DO_ACTS % PEERS);
	void *s = peer[p];
	struct buf b = { 0 };

	switch ((enum act)(c % DO_ACTS)) {
	case DO_SAY:
		buf_str_add(&b, in);
		say(s, &b);
		break;
	case DO_HELLO:
		say_hello(s, in);
		break;
	case DO_ANSWER:
		say_answer(p, in);
		break;
	case DO_BEAT:
		say_letter(s, 'P', in);
		break;
	case DO_GOODBYE:
		say_letter(s, 'G', in);
		break;
	case DO_REQUEST:
		ask(in);
		break;
	default:
		loop_turns(1, fuzz_byte(&in) * 16);
	}
	buf_free(&b);
	loop_turns(1, 1);
}

static void start_broker(void)
{
	loop_start("broker -f inproc://front -k inproc://servers");
	client = loop_socket(ZMQ_DEALER);
	net_connect(client, "inproc://front");
	for (int i = 0; i < PEERS; i++) {
		peer[i] = loop_socket(ZMQ_DEALER);
		net_connect(peer[i], "inproc://servers");
	}
}

/* All is answered within the time, and every peer is forgotten. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct str in = { (const char *)bytes, n };
	uint64_t seen = 0;

	if (client == NULL)
		start_broker();
	memset(knows, 0, sizeof knows);
	requests_sent = replies = 0;
	while (in.n > 0) {
		step(fuzz_part(&in));
		hear_all(&seen);
	}
	for (int ms = 0; ms < ANSWER_MS + DEAD_MS; ms += HEARTBEAT_MS / 2) {
		loop_turns(1, HEARTBEAT_MS / 2);
		hear_all(&seen);
		must(ms < ANSWER_MS || replies == requests_sent);
	}
	return 0;
}
