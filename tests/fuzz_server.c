/* fuzz_server.c: what a broker says to a server, or something that passes for
 * one. The server goes on, and answers what it was given, each at most once.
 *
 * Input: steps, each ended by the bytes FF FE: a byte that says what is done,
 * then data. The server's disk is in memory. */
#include "fuzz_loop.h"
#include "../back.h"
#include "../journal.h"
#include "../limits.h"
#include "../util.h"
#include "sim_disk.h"

/* Whatever its path. */
static struct disk *fuzz_disk(const char *path, int create)
{
	(void)path;
	(void)create;
	return sim_handle(sim_new());
}

#define main        fuzz_main
#define ticks_ms    fuzz_ticks
#define net_poll    fuzz_poll
#define net_context fuzz_context
#define disk_posix  fuzz_disk
#include "../server.c"
#undef main
#undef ticks_ms
#undef net_poll
#undef net_context
#undef disk_posix

/* A peer's bytes as they come, or well formed requests. */
enum act {
	DO_SAY, DO_REQUEST, DO_AGAIN, DO_BEAT, DO_WHO, DO_NO, DO_TIME, DO_ACTS
};

static void *broker, *proxy;
static struct buf name;         /* the server's address */
static uint64_t given, answered;

static void say(struct str text)
{
	if (name.n > 0 && net_send_copy(broker, name.p, name.n, 1) == 0)
		(void)net_send_copy(broker, text.p, text.n, 0);
}

static void say_letter(char letter, struct str in)
{
	struct buf b = { 0 };

	buf_putc(&b, letter);
	buf_str_add(&b, in);
	say(buf_str(&b));
	buf_free(&b);
}

/* With a newline between them. */
static void give(struct str in, uint64_t again)
{
	struct buf b = { 0 };

	buf_putc(&b, 'Q');
	while (in.n > 0) {
		struct back_request r = { .id = { 7, given | again },
			.client = given % 3, .body = fuzz_until(&in, '\n') };

		given++;
		back_put_request(&b, &r);
	}
	say(buf_str(&b));
	buf_free(&b);
}

static void take_answers(struct str said)
{
	struct request_id id;
	struct str body;
	int r;

	if (said.n == 0 || *said.p != 'A')
		return;
	str_skip(&said, 1);
	while ((r = back_take_answer(&said, &id, &body)) == 1)
		answered++;
	must(r == 0);
}

static void hear_all(void)
{
	zmq_msg_t m;

	(void)zmq_msg_init(&m);                 /* cannot fail */
	while (net_recv(broker, &m)) {
		buf_clear(&name);
		buf_str_add(&name, net_bytes(&m));
		must(net_more(&m) && net_recv(broker, &m) && !net_more(&m));
		take_answers(net_bytes(&m));
	}
	while (net_recv(proxy, &m))
		;
	(void)zmq_msg_close(&m);
}

/* More answers than requests are fine only where bytes as they come may have
 * been a request. */
static void step(struct str in, int *strange)
{
	enum act act = fuzz_byte(&in) % DO_ACTS;

	switch (act) {
	case DO_SAY:
		*strange = 1;
		say(in);
		break;
	case DO_REQUEST:
		give(in, 0);
		break;
	case DO_AGAIN:
		give(in, BACK_AGAIN);
		break;
	case DO_BEAT:
		say_letter('B', in);
		break;
	case DO_WHO:
		say_letter('W', in);
		break;
	case DO_NO:
		say_letter('N', in);
		break;
	default:
		loop_turns(1, fuzz_byte(&in) * 16);
	}
	loop_turns(2, 1);
	hear_all();
}

static void start_server(void)
{
	journal_limits.segment_bytes = 1024 * 1024;
	journal_limits.ahead_bytes = 4096;
	loop_start("server -d data -c geral -b inproc://broker "
	    "-p inproc://proxy");
	broker = loop_socket(ZMQ_ROUTER);
	proxy = loop_socket(ZMQ_SUB);
	net_bind(broker, "inproc://broker");
	net_bind(proxy, "inproc://proxy");
	must(zmq_setsockopt(proxy, ZMQ_SUBSCRIBE, "", 0) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct str in = { (const char *)bytes, n };
	int strange = 0;

	if (broker == NULL)
		start_server();
	given = answered = 0;
	loop_turns(2, HEARTBEAT_MS);
	hear_all();
	while (in.n > 0)
		step(fuzz_part(&in), &strange);
	loop_turns(3, HEARTBEAT_MS);
	hear_all();
	must(strange || answered <= given);
	return 0;
}
