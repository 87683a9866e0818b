/* test_broker.c: the broker as its clients and its servers see it: credit,
 * order, redelivery, expiry.
 *
 * The broker is compiled into this program and runs in a child process, on a
 * clock that moves only as fast as this program wants. Its clients and servers
 * are bare sockets. */
#include "tap.h"
#include "../back.h"
#include "../limits.h"
#include "../net.h"
#include "../util.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* How often the broker looks at the clock. */
#define LOOK_MS  5
/* While nothing comes the broker's clock moves by 1 ms in this time: too slow
 * for anything to expire by it. */
#define STEP_MS  10
/* What has not come within this is taken never to come. */
#define QUIET_MS 100

/* The directory of its servers. */
#define HERE     7

/* ---- the broker ---- */

/* What this process tells the child. */
static struct told {
	_Atomic int64_t clock_ms;
	_Atomic int stop;
} *told;
static pid_t parent;

static int64_t broker_ticks(void)
{
	return told->clock_ms;
}

/* The signal comes where it interrupts no call of libzmq. */
static void broker_poll(zmq_pollitem_t *item, unsigned n, long ms)
{
	if (getppid() != parent)
		_exit(EXIT_FAILED);
	if (atomic_exchange(&told->stop, 0))
		(void)raise(SIGTERM);
	net_poll(item, n, ms >= 0 && ms < LOOK_MS ? ms : LOOK_MS);
}

int broker_main(int argc, char **argv);

#define main     broker_main
#define ticks_ms broker_ticks
#define net_poll broker_poll
#include "../broker.c"
#undef main
#undef ticks_ms
#undef net_poll

static pid_t broker;
static int steps_left;          /* to wait in this test */
static char clients_at[64], servers_at[64];
static void *context;

static void share_memory(void)
{
	FILE *file = tmpfile();

	if (file == NULL || ftruncate(fileno(file), sizeof *told) == -1)
		die(EXIT_IO, "tmpfile:");
	told = mmap(NULL, sizeof *told, PROT_READ | PROT_WRITE, MAP_SHARED,
	    fileno(file), 0);
	if (told == MAP_FAILED)
		die(EXIT_IO, "mmap:");
	(void)fclose(file);
}

/* The context is made after the fork: libzmq's threads do not survive one. */
static void broker_start(void)
{
	char name[] = "broker", f[] = "-f", k[] = "-k";
	char *argv[] = { name, f, clients_at, k, servers_at, NULL };

	(void)fflush(stdout);
	told->clock_ms = 1000000;
	steps_left = patience_s() * 1000 / STEP_MS;
	parent = getpid();
	broker = fork();
	if (broker == 0)
		exit(broker_main(5, argv));
	context = net_context(1);
}

static void pass_ms(int64_t ms)
{
	told->clock_ms += ms;
}

static void broker_stop(void)
{
	int status = -1;

	(void)zmq_ctx_term(context);
	told->stop = 1;
	for (int i = 0; waitpid(broker, &status, WNOHANG) == 0; i++) {
		if (i == patience_s() * 1000 / STEP_MS)
			(void)kill(broker, SIGKILL);
		(void)zmq_poll(NULL, 0, STEP_MS);
		pass_ms(STOP_MS);
	}
	CHECK(status == 0, "the broker ended with status %d", status);
}

/* ---- sockets ---- */

static void *peer_open(const char *endpoint)
{
	void *s = net_socket(context, ZMQ_DEALER, REPLY_BYTES_MAX, 0);

	net_option(s, ZMQ_SNDHWM, 0);
	net_option(s, ZMQ_RCVHWM, 0);
	net_connect(s, endpoint);
	return s;
}

/* 1: a frame has come. 0: this test has waited long enough, and has failed. */
static int peer_recv(void *s, zmq_msg_t *m)
{
	zmq_pollitem_t item = { s, 0, ZMQ_POLLIN, 0 };

	while (!net_recv(s, m)) {
		if (steps_left <= 0)
			return 0;
		if (zmq_poll(&item, 1, STEP_MS) == 0) {
			steps_left--;
			pass_ms(1);
		}
	}
	return 1;
}

static int is_quiet_for(void *s, int ms)
{
	zmq_pollitem_t item = { s, 0, ZMQ_POLLIN, 0 };

	return zmq_poll(&item, 1, ms) == 0;
}

static int is_quiet(void *s)
{
	return is_quiet_for(s, QUIET_MS);
}

/* ---- clients ---- */

static void *client_open(void)
{
	return peer_open(clients_at);
}

static void ask(void *client, const char *request)
{
	(void)net_send_copy(client, "", 0, 1);
	(void)net_send_copy(client, request, strlen(request), 0);
}

/* The next reply; "" when none comes. Valid until the next call. */
static const char *reply(void *client)
{
	static char text[256];
	size_t n = 0;
	zmq_msg_t m;

	(void)zmq_msg_init(&m);
	if (peer_recv(client, &m)) {
		net_drop_rest(client, &m);
		n = zmq_msg_size(&m);
		n = n < sizeof text ? n : sizeof text - 1;
		memcpy(text, zmq_msg_data(&m), n);
	}
	(void)zmq_msg_close(&m);
	text[n] = '\0';
	return text;
}

static void want_reply(void *client, const char *expected)
{
	const char *got = reply(client);

	CHECK(strcmp(got, expected) == 0, "\"%s\" instead of \"%s\"", got,
	    expected);
}

/* As many replies as that, each of which says that there is no server. */
static void want_expired(void *client, uint64_t replies)
{
	uint64_t good = 0;

	while (good < replies &&
	    strstr(reply(client), "servidor indisponível") != NULL)
		good++;
	CHECK(good == replies, "%llu expired, not %llu",
	    (unsigned long long)good, (unsigned long long)replies);
}

/* ---- servers ---- */

struct given {
	struct request_id id;
	int again;
	char request[32];
};

/* A server, and all that it was given. */
struct peer {
	void *socket;
	struct given given[CREDIT];
	size_t n;
	uint64_t counter[BACK_COUNTERS];        /* the broker's */
};

static void take_given(struct peer *s, struct str records)
{
	struct back_request r;

	while (back_take_request(&records, &r) == 1) {
		struct given *g = &s->given[s->n++ % COUNT(s->given)];

		r.body.n = r.body.n < sizeof g->request ? r.body.n :
		    sizeof g->request - 1;
		memcpy(g->request, r.body.p, r.body.n);
		g->request[r.body.n] = '\0';
		g->again = (r.id.count & BACK_AGAIN) != 0;
		g->id = (struct request_id){ r.id.boot,
		    r.id.count & ~BACK_AGAIN };
	}
}

/* One message; returns its letter, or '\0': none came. */
static char hear(struct peer *s)
{
	struct str said;
	char letter = '\0';
	zmq_msg_t m;

	(void)zmq_msg_init(&m);
	if (peer_recv(s->socket, &m)) {
		said = (struct str){ zmq_msg_data(&m), zmq_msg_size(&m) };
		letter = *said.p++;
		said.n--;
		if (letter == 'Q')
			take_given(s, said);
		for (int i = 0; letter == 'B' && i < BACK_COUNTERS; i++)
			(void)take_le64(&said, &s->counter[i]);
	}
	(void)zmq_msg_close(&m);
	return letter;
}

static void give_answer_to(struct peer *s, struct request_id id,
    const char *text)
{
	struct buf b = { 0 };
	size_t opened;

	buf_putc(&b, 'A');
	opened = back_open_answer(&b, id);
	buf_puts(&b, text);
	back_close_answer(&b, opened);
	(void)net_send_copy(s->socket, b.p, b.n, 0);
	buf_free(&b);
}

static void send_hello(struct peer *s, uint64_t credit, uint64_t directory)
{
	struct buf b = { 0 };

	buf_putc(&b, 'H');
	buf_le64(&b, BACK_VERSION);
	buf_le64(&b, credit);
	buf_le64(&b, directory);
	buf_le64(&b, 0);        /* rank */
	(void)net_send_copy(s->socket, b.p, b.n, 0);
	buf_free(&b);
}

/* Answers the request that the broker tries it out with. */
static void hello_from(struct peer *s, uint64_t credit, uint64_t directory)
{
	size_t before = s->n;
	char letter;

	send_hello(s, credit, directory);
	do
		letter = hear(s);
	while (letter != 'Q' && letter != '\0');
	if (s->n > before)
		give_answer_to(s, s->given[(s->n - 1) % COUNT(s->given)].id,
		    "pong");
	s->n = before;
	do
		letter = hear(s);
	while (letter != 'B' && letter != '\0');
	CHECK(letter == 'B', "a hello did not count");
}

static void hello(struct peer *s, uint64_t credit)
{
	hello_from(s, credit, HERE);
}

static struct peer server_open(uint64_t credit)
{
	struct peer s = { .socket = peer_open(servers_at) };

	hello(&s, credit);
	return s;
}

/* It is given this request as its n-th. */
static void want_given(struct peer *s, size_t n, const char *request)
{
	const char *got;

	while (s->n < n && hear(s) != '\0')
		;
	got = s->n >= n ? s->given[n - 1].request : "";
	CHECK(strcmp(got, request) == 0, "\"%s\" instead of \"%s\"", got,
	    request);
}

static void want_no_more(struct peer *s, size_t n)
{
	while (!is_quiet(s->socket) && hear(s) != '\0')
		;
	CHECK(s->n == n, "was given %zu requests, not %zu", s->n, n);
}

/* Answers its n-th request. */
static void give_answer(struct peer *s, size_t n, const char *text)
{
	give_answer_to(s, s->given[n - 1].id, text);
}

/* Waits until one of the broker's counters is n: it tells them to a
 * server that says hello, also to one that takes no requests. */
static void want_counter(enum back_counter which, uint64_t n)
{
	struct peer s = server_open(0);

	for (; s.counter[which] != n && steps_left > 0; steps_left--) {
		(void)zmq_poll(NULL, 0, STEP_MS);
		hello(&s, 0);
	}
	CHECK(s.counter[which] == n, "counter %d is %llu, not %llu", (int)which,
	    (unsigned long long)s.counter[which], (unsigned long long)n);
	(void)zmq_close(s.socket);
}

/* ---- the tests ---- */

/* Never more requests than the server takes; each answer makes room for one
 * more. */
static void test_credit(void)
{
	static const char *const text[] = { "1", "2", "3", "4", "5" };
	struct peer s;
	void *c;

	broker_start();
	s = server_open(2);
	c = client_open();
	for (size_t i = 0; i < COUNT(text); i++)
		ask(c, text[i]);
	want_given(&s, 2, "2");
	want_no_more(&s, 2);
	for (size_t i = 0; i < COUNT(text); i++) {
		size_t under_way = i + 2 < COUNT(text) ? i + 2 : COUNT(text);

		want_given(&s, under_way, text[under_way - 1]);
		give_answer(&s, i + 1, text[i]);
		want_reply(c, text[i]);
	}
	(void)zmq_close(c);
	(void)zmq_close(s.socket);
	broker_stop();
}

/* What a server leaves behind goes to another one, in its order, and says that
 * it was given before. */
static void check_given_again(struct peer *s)
{
	static const char *const text[] = { "1", "2", "3" };

	for (size_t i = 0; i < COUNT(text); i++) {
		want_given(s, i + 1, text[i]);
		CHECK(s->given[i].again, "request %s comes as a new one",
		    text[i]);
		give_answer(s, i + 1, text[i]);
	}
}

static void test_dead_server(void)
{
	struct peer dead, next;
	void *c;

	broker_start();
	dead = server_open(10);
	c = client_open();
	ask(c, "1");
	ask(c, "2");
	ask(c, "3");
	want_given(&dead, 3, "3");
	CHECK(!dead.given[0].again, "a new request was given before");
	next = server_open(10);
	(void)zmq_close(dead.socket);
	/* At the latest a heartbeat finds that it is gone. */
	if (is_quiet(next.socket))
		pass_ms(HEARTBEAT_MS);
	check_given_again(&next);
	want_reply(c, "1");
	want_reply(c, "2");
	want_reply(c, "3");
	(void)zmq_close(c);
	(void)zmq_close(next.socket);
	broker_stop();
}

static void test_silent_server(void)
{
	struct peer hung, next;
	void *c;

	broker_start();
	hung = server_open(10);
	c = client_open();
	ask(c, "1");
	ask(c, "2");
	ask(c, "3");
	want_given(&hung, 3, "3");
	pass_ms(DEAD_MS);
	next = server_open(10);
	check_given_again(&next);
	want_reply(c, "1");
	want_reply(c, "2");
	want_reply(c, "3");
	(void)zmq_close(c);
	(void)zmq_close(hung.socket);
	(void)zmq_close(next.socket);
	broker_stop();
}

/* An answer that comes too late, or twice, is not taken for that of another
 * request. */
static void test_late_answer(void)
{
	struct peer s;
	void *c;

	broker_start();
	s = server_open(10);
	c = client_open();
	ask(c, "first");
	want_given(&s, 1, "first");
	give_answer(&s, 1, "one");
	want_reply(c, "one");
	ask(c, "second");
	want_given(&s, 2, "second");
	give_answer(&s, 1, "one again");
	give_answer(&s, 2, "two");
	want_reply(c, "two");
	CHECK(is_quiet(c), "a third reply");
	(void)zmq_close(c);
	(void)zmq_close(s.socket);
	broker_stop();
}

/* A server answers what another one was given, and what nobody asked. */
static void test_forged_answer(void)
{
	struct peer s, forger;
	struct request_id id;
	void *c;

	broker_start();
	s = server_open(10);
	c = client_open();
	ask(c, "first");
	want_given(&s, 1, "first");
	forger = server_open(1);
	id = s.given[0].id;
	give_answer_to(&forger, id, "forged");
	CHECK(is_quiet(c), "a forged reply");
	give_answer(&s, 1, "one");
	want_reply(c, "one");
	/* A free row of the table has the count 0, and was this server's. */
	id.count = 0;
	give_answer_to(&s, id, "to nobody");
	ask(c, "second");
	want_given(&s, 2, "second");
	give_answer(&s, 2, "two");
	want_reply(c, "two");
	(void)zmq_close(c);
	(void)zmq_close(s.socket);
	(void)zmq_close(forger.socket);
	broker_stop();
}

/* While a client has requests at one server its later ones go there too, or
 * they could overtake. The next client gets the server with the most room. */
static void test_one_server_for_a_client(void)
{
	static const char *const text[] = { "1", "2", "3", "4", "5", "6" };
	struct peer large, small;
	void *c, *other;

	broker_start();
	large = server_open(9);
	small = server_open(5);
	c = client_open();
	for (size_t i = 0; i < COUNT(text); i++) {
		ask(c, text[i]);
		want_given(&large, i + 1, text[i]);
	}
	other = client_open();
	ask(other, "7");
	want_given(&small, 1, "7");
	want_no_more(&large, COUNT(text));
	(void)zmq_close(c);
	(void)zmq_close(other);
	(void)zmq_close(large.socket);
	(void)zmq_close(small.socket);
	broker_stop();
}

/* A server that has said goodbye still answers, and is given nothing more. */
static void test_goodbye(void)
{
	struct peer leaving, next;
	void *c, *other;

	broker_start();
	leaving = server_open(10);
	c = client_open();
	ask(c, "1");
	want_given(&leaving, 1, "1");
	(void)net_send_copy(leaving.socket, "G", 1, 0);
	give_answer(&leaving, 1, "one");
	want_reply(c, "one");
	other = client_open();
	ask(other, "2");
	want_no_more(&leaving, 1);
	next = server_open(10);
	want_given(&next, 1, "2");
	give_answer(&next, 1, "two");
	want_reply(other, "two");
	(void)zmq_close(c);
	(void)zmq_close(other);
	(void)zmq_close(leaving.socket);
	(void)zmq_close(next.socket);
	broker_stop();
}

/* A request that nobody answers is answered in time, with an error. What its
 * client sent later is refused with it, and what it sends before it can have
 * heard: that would be stored first. What other clients sent later is not. */
static void test_expiry(void)
{
	struct peer s;
	void *c, *other;

	broker_start();
	c = client_open();
	ask(c, "1");
	want_counter(BACK_WAITING, 1);
	pass_ms(REQUEST_WAIT_MS - 500);
	ask(c, "2");
	want_counter(BACK_WAITING, 2);
	other = client_open();
	ask(other, "3");
	want_counter(BACK_WAITING, 3);
	pass_ms(500);
	want_expired(c, 2);
	CHECK(is_quiet(other), "an expired request took another one along");
	ask(c, "sent before it was heard");
	want_expired(c, 1);
	pass_ms(REFUSE_ON_MS);
	s = server_open(10);
	want_given(&s, 1, "3");
	give_answer(&s, 1, "three");
	want_reply(other, "three");
	want_no_more(&s, 1);
	ask(c, "1 again");
	want_given(&s, 2, "1 again");
	(void)zmq_close(c);
	(void)zmq_close(other);
	(void)zmq_close(s.socket);
	broker_stop();
}

/* Who sends and leaves has sent. */
static void test_leaving(void)
{
	enum { CLIENTS = 50 };
	struct peer s;

	broker_start();
	s = server_open(CLIENTS);
	for (int i = 0; i < CLIENTS; i++) {
		void *c = client_open();
		int linger = -1;

		ask(c, "x");
		(void)zmq_setsockopt(c, ZMQ_LINGER, &linger, sizeof linger);
		(void)zmq_close(c);
	}
	for (uint64_t i = 1; i <= CLIENTS; i++)
		want_given(&s, i, "x");
	(void)zmq_close(s.socket);
	broker_stop();
}

/* ---- one client beside others ---- */

/* Clients take turns, however many requests one of them has sent before. */
static void test_turns(void)
{
	static const char *const text[] = { "1", "4", "5", "2", "3" };
	struct peer s;
	void *c, *other, *third;

	broker_start();
	c = client_open();
	ask(c, "1");
	ask(c, "2");
	ask(c, "3");
	want_counter(BACK_WAITING, 3);
	other = client_open();
	ask(other, "4");
	want_counter(BACK_WAITING, 4);
	third = client_open();
	ask(third, "5");
	want_counter(BACK_WAITING, 5);
	s = server_open(1);
	for (size_t i = 0; i < COUNT(text); i++) {
		want_given(&s, i + 1, text[i]);
		give_answer(&s, i + 1, text[i]);
	}
	(void)zmq_close(c);
	(void)zmq_close(other);
	(void)zmq_close(third);
	(void)zmq_close(s.socket);
	broker_stop();
}

/* A client may have twice as many requests waiting as still have room. What it
 * sends beyond that is refused, and so is what comes later, until it has none
 * left: what is sent again must not come after it. Others have room. */
static void test_share(void)
{
	uint64_t share = 2 * REQUESTS_MAX / 3, rest = 300;
	struct peer s;
	void *c, *other;

	broker_start();
	c = client_open();
	for (uint64_t i = 0; i < share + rest; i++)
		ask(c, "x");
	want_expired(c, rest);
	want_counter(BACK_WAITING, share);
	other = client_open();
	ask(other, "y");
	want_counter(BACK_WAITING, share + 1);
	s = server_open(2);
	want_given(&s, 2, "y");
	give_answer(&s, 1, "one");
	give_answer(&s, 2, "two");
	want_reply(c, "one");
	want_reply(other, "two");
	want_given(&s, 4, "x");
	ask(c, "x");
	want_expired(c, 1);
	(void)zmq_close(s.socket);
	pass_ms(REQUEST_WAIT_MS);
	want_expired(c, share - 1);
	pass_ms(REFUSE_ON_MS);
	ask(c, "x");
	want_counter(BACK_WAITING, 1);
	pass_ms(REQUEST_WAIT_MS);
	want_expired(c, 1);
	CHECK(is_quiet(c), "more replies than requests");
	(void)zmq_close(c);
	(void)zmq_close(other);
	broker_stop();
}

/* However many come and take what they can, one that was answered before has
 * its part. */
static void test_part(void)
{
	enum { MANY = 7, FEW_ASKED = 64 };
	uint64_t left = REQUESTS_MAX - 1;
	void *many[MANY], *c;
	struct peer s;

	broker_start();
	s = server_open(1);
	c = client_open();
	ask(c, "1");
	want_given(&s, 1, "1");
	ask(c, "2");
	give_answer(&s, 1, "one");
	want_reply(c, "one");
	for (int i = 0; i < MANY; i++) {
		many[i] = client_open();
		for (uint64_t j = 0; j < left * 2 / 3; j++)
			ask(many[i], "x");
		CHECK(is_quiet(many[i]), "its share is refused");
		left -= left * 2 / 3;
	}
	for (int j = 0; j < FEW_ASKED; j++)
		ask(c, "few");
	CHECK(is_quiet(c), "it is refused");
	for (int i = 0; i < MANY; i++)
		(void)zmq_close(many[i]);
	(void)zmq_close(c);
	(void)zmq_close(s.socket);
	broker_stop();
}

/* Refusing takes time from others: a client that floods must wait for it. */
static void test_refusals(void)
{
	uint64_t share = 2 * REQUESTS_MAX / 3;
	int replies = 1;
	void *c;

	broker_start();
	c = client_open();
	for (uint64_t i = 0; i < share + 20 * REFUSALS; i++)
		ask(c, "x");
	want_expired(c, 1);
	for (; !is_quiet(c); replies++)
		(void)reply(c);
	CHECK(replies < 10 * REFUSALS, "%d refusals at once", replies);
	want_expired(c, REFUSALS);
	(void)zmq_close(c);
	broker_stop();
}

/* One that takes what the kernel holds, and no more. */
static void *deaf_client_open(void)
{
	void *c = zmq_socket(context, ZMQ_DEALER);

	net_option(c, ZMQ_LINGER, 0);
	net_option(c, ZMQ_RCVHWM, 1);
	net_option(c, ZMQ_SNDHWM, 0);
	net_connect(c, clients_at);
	return c;
}

/* Takes a request and answers it with as many bytes. */
static void serve(struct peer *s, size_t bytes)
{
	static char text[MIB / 2 + 1];
	size_t before = s->n;

	while (s->n == before && hear(s) != '\0')
		;
	memset(text, 'x', bytes);
	text[bytes] = '\0';
	for (size_t i = before; i < s->n; i++)
		give_answer_to(s, s->given[i % COUNT(s->given)].id, text);
}

/* In KiB; 0 where it is not known, or where a sanitizer keeps what is freed. */
static long most_memory(void)
{
	long kib = 0;
#ifndef __SANITIZE_ADDRESS__
	char path[64], text[256];
	FILE *file;

	(void)snprintf(path, sizeof path, "/proc/%ld/status", (long)broker);
	file = fopen(path, "r");
	while (file != NULL && fgets(text, sizeof text, file) != NULL)
		(void)sscanf(text, "VmHWM: %ld", &kib);
	if (file != NULL)
		(void)fclose(file);
#endif
	return kib;
}

static void want_memory_below(size_t bytes)
{
	long kib = most_memory();

	CHECK((size_t)kib < bytes / 1024, "the broker has used %ld KiB", kib);
}

/* A client that reads no answers has a share of what they may take; the others
 * get theirs. */
static void test_unread(void)
{
	enum { DEAF = 3, ASKED = 200 };
	size_t whole = MIB / 2;
	void *deaf[DEAF], *c;
	struct peer s;

	broker_start();
	s = server_open(16);
	for (int i = 0; i < DEAF; i++) {
		deaf[i] = deaf_client_open();
		for (int j = 0; j < ASKED; j++)
			ask(deaf[i], "long");
	}
	while (s.n < DEAF * ASKED && steps_left > 0)
		serve(&s, whole);
	c = client_open();
	for (int i = 0; i < 10; i++) {
		ask(c, "long");
		serve(&s, whole);
		CHECK(strncmp(reply(c), "xxx", 3) == 0, "no answer to another");
	}
	want_memory_below(DEAF * (UNREAD_BYTES_MAX / UNREAD_PARTS) + 32 * MIB);
	for (int i = 0; i < DEAF; i++)
		(void)zmq_close(deaf[i]);
	(void)zmq_close(c);
	(void)zmq_close(s.socket);
	broker_stop();
}

/* However many they are: who holds most is cut, and there is room. */
static void test_many_unread(void)
{
	enum { DEAF = 60 };
	size_t whole = MIB / 2, n = 0;
	void *deaf[DEAF], *c;
	struct peer s;

	broker_start();
	s = server_open(16);
	for (int i = 0; i < DEAF; i++) {
		deaf[i] = deaf_client_open();
		/* an eighth of what those before have left, and some more */
		for (int j = 0; j < 4 + 64 / (1 + i / 5); j++, n++)
			ask(deaf[i], "long");
		while (s.n < n && steps_left > 0)
			serve(&s, whole);
	}
	c = client_open();
	for (int i = 0; i < 10; i++) {
		ask(c, "long");
		serve(&s, whole);
		CHECK(strncmp(reply(c), "xxx", 3) == 0, "no answer to another");
	}
	want_memory_below(UNREAD_BYTES_MAX + 48 * MIB);
	for (int i = 0; i < DEAF; i++)
		(void)zmq_close(deaf[i]);
	(void)zmq_close(c);
	(void)zmq_close(s.socket);
	broker_stop();
}

/* So are short answers, which cost libzmq more than their bytes: as many shares
 * as there are clients that do not read, and each is smaller than the last. */
static void test_short_unread(void)
{
	enum { DEAF = 12, ASKED = 500, ROUNDS = 36 };
	void *deaf[DEAF];
	struct peer s;

	broker_start();
	s = server_open(CREDIT);
	for (int i = 0; i < DEAF; i++)
		deaf[i] = deaf_client_open();
	for (size_t round = 1; round <= ROUNDS; round++) {
		for (int i = 0; i < DEAF * ASKED; i++)
			ask(deaf[i % DEAF], "short");
		while (s.n < round * DEAF * ASKED && steps_left > 0)
			serve(&s, 1000);
	}
	want_counter(BACK_OPEN, 0);
	want_memory_below(DEAF * UNREAD_BYTES_MAX / (UNREAD_PARTS + DEAF) +
	    48 * MIB);
	for (int i = 0; i < DEAF; i++)
		(void)zmq_close(deaf[i]);
	(void)zmq_close(s.socket);
	broker_stop();
}

/* The same frame for all: this program has to hold it only once. */
static void ask_long(void *client)
{
	static char frame[FRAME_BYTES_MAX];
	zmq_msg_t m;

	(void)net_send_copy(client, "", 0, 1);
	if (zmq_msg_init_data(&m, frame, sizeof frame, NULL, NULL) == -1)
		die(EXIT_FAILED, "zmq_msg_init_data:");
	(void)net_send(client, &m, 0);
}

/* While there is no server, many that send long requests without waiting for
 * an answer. A short one of another waits for a server all the same. */
static void test_many_long_requests(void)
{
	enum { LONG = 24, ASKED = 40 };
	void *many[LONG], *c;
	struct peer s;
	char letter;

	broker_start();
	for (int i = 0; i < LONG; i++)
		many[i] = client_open();
	c = client_open();
	for (int j = 0; j < ASKED; j++)
		for (int i = 0; i < LONG; i++)
			ask_long(many[i]);
	ask(c, "short");
	for (int i = 0; i < LONG; i++)
		(void)is_quiet(many[i]);
	s = server_open(1);
	do {
		letter = hear(&s);
		if (letter == 'Q')
			give_answer(&s, s.n, "answer");
	} while (letter != '\0' &&
	    (s.n == 0 || strcmp(s.given[s.n - 1].request, "short") != 0));
	want_reply(c, "answer");
	want_memory_below(2 * REQUESTS_BYTES_MAX + 64 * MIB);
	for (int i = 0; i < LONG; i++)
		(void)zmq_close(many[i]);
	(void)zmq_close(c);
	(void)zmq_close(s.socket);
	broker_stop();
}

/* An envelope that nobody needs comes back to nobody. */
static void test_long_envelope(void)
{
	static char frame[FRAME_BYTES_MAX];
	struct peer s;
	void *c;

	broker_start();
	s = server_open(CREDIT);
	c = deaf_client_open();
	for (int i = 0; i < 300; i++) {
		(void)net_send_copy(c, frame, sizeof frame, 1);
		ask(c, "x");
	}
	while (s.n < 300 && steps_left > 0)
		serve(&s, 1);
	CHECK(s.n == 300, "%zu requests", s.n);
	CHECK(s.given[0].request[0] == '\0', "a request with that envelope");
	want_memory_below(96 * MIB);
	(void)zmq_close(c);
	(void)zmq_close(s.socket);
	broker_stop();
}

/* ---- what is no server ---- */

/* What the broker tries servers out with. */
#define PING "{\"service\":\"ping\",\"data\":{}}"

static struct peer stranger_open(uint64_t directory)
{
	struct peer s = { .socket = peer_open(servers_at) };

	send_hello(&s, UINT64_MAX, directory);
	return s;
}

/* Strangers in all places, with requests waiting: they get none of them, and a
 * server finds a place. */
static void test_strangers(void)
{
	static struct peer stranger[3 * SERVERS_MAX];
	struct peer s;
	void *c;

	broker_start();
	c = client_open();
	ask(c, "1");
	for (size_t i = 0; i < COUNT(stranger); i++)
		stranger[i] = stranger_open(HERE + 1 + i);
	want_counter(BACK_SERVERS, 1);  /* the one that asks */
	s = server_open(10);
	want_given(&s, 1, "1");
	give_answer(&s, 1, "one");
	want_reply(c, "one");
	for (size_t i = 0; i < COUNT(stranger); i++)
		(void)zmq_close(stranger[i].socket);
	(void)zmq_close(c);
	(void)zmq_close(s.socket);
	broker_stop();
}

/* More of them say hello while a server is tried out than there are places. */
static void test_flood_of_hellos(void)
{
	enum { STRANGERS = 200 };
	static struct peer stranger[STRANGERS];
	struct peer s;

	broker_start();
	s = stranger_open(HERE);
	want_given(&s, 1, PING);
	for (int i = 0; i < STRANGERS; i++) {
		stranger[i].socket = peer_open(servers_at);
		send_hello(&stranger[i], 1, HERE + 1);
	}
	for (int i = 0; i < STRANGERS; i++)
		want_given(&stranger[i], 1, PING);
	give_answer(&s, 1, "pong");
	CHECK(hear(&s) == 'B', "it was not let in");
	for (int i = 0; i < STRANGERS; i++)
		(void)zmq_close(stranger[i].socket);
	(void)zmq_close(s.socket);
	broker_stop();
}

/* Whatever it was given before, it is given a request of a client now. */
static void want_asked(struct peer *s)
{
	const struct given *last;

	do
		last = &s->given[s->n > 0 ? (s->n - 1) % COUNT(s->given) : 0];
	while (strcmp(last->request, "x") != 0 && hear(s) != '\0');
	CHECK(strcmp(last->request, "x") == 0, "it was given nothing");
}

/* One that says hello again and again, and answers each time, does not make the
 * broker walk over all requests for it. */
static void test_hello_again(void)
{
	enum { WAITING = 10000, MORE = 4000, HELLOS = 40000, TAKES = 1 };
	struct request_id id;
	struct peer fake;
	int64_t since;
	void *c, *other;

	broker_start();
	c = client_open();
	for (int i = 0; i < WAITING; i++)
		ask(c, "x");
	want_counter(BACK_WAITING, WAITING);
	other = client_open();
	for (int i = 0; i < MORE; i++)
		ask(other, "x");
	want_counter(BACK_WAITING, WAITING + MORE);
	fake = server_open(0);
	id = fake.given[0].id;
	since = ticks_ms();
	for (int i = 1; i <= HELLOS; i++) {
		send_hello(&fake, i < HELLOS ? 0 : TAKES, HERE);
		id.count++;
		give_answer_to(&fake, id, "pong");
	}
	want_asked(&fake);
	CHECK(ticks_ms() - since < 5000, "it took %lld ms",
	    (long long)(ticks_ms() - since));
	(void)zmq_close(c);
	(void)zmq_close(other);
	(void)zmq_close(fake.socket);
	broker_stop();
}

/* Servers of one directory at a time. Another one may have the place when the
 * last of them has been gone for a while. */
static void test_other_directory(void)
{
	struct peer here, there;

	broker_start();
	here = server_open(10);
	there = stranger_open(HERE + 1);
	want_given(&there, 1, PING);
	give_answer(&there, 1, "pong");
	CHECK(hear(&there) == 'N', "another directory was not refused");
	want_counter(BACK_SERVERS, 2);
	(void)zmq_close(here.socket);
	pass_ms(DEAD_MS);
	send_hello(&there, 1, HERE + 1);
	CHECK(hear(&there) == 'B', "the next directory was not let in");
	(void)zmq_close(there.socket);
	broker_stop();
}

/* It says that it takes everything, and beats, and answers nothing. */
static void test_answers_nothing(void)
{
	struct peer fake, next;
	void *c;

	broker_start();
	fake = server_open(UINT64_MAX);
	CHECK(fake.counter[BACK_CREDIT] == CREDIT, "credit of %llu",
	    (unsigned long long)fake.counter[BACK_CREDIT]);
	c = client_open();
	ask(c, "1");
	want_given(&fake, 1, "1");
	for (int i = 0; i < DEAD_MS / HEARTBEAT_MS; i++) {
		(void)net_send_copy(fake.socket, "P", 1, 0);
		want_counter(BACK_OPEN, 1);
		pass_ms(HEARTBEAT_MS);
	}
	(void)net_send_copy(fake.socket, "P", 1, 0);
	next = server_open(10);
	want_given(&next, 1, "1");
	give_answer(&next, 1, "one");
	want_reply(c, "one");
	(void)zmq_close(c);
	(void)zmq_close(fake.socket);
	(void)zmq_close(next.socket);
	broker_stop();
}

/* Fake servers of one directory; the broker takes them for real ones. */
static struct peer fake[SERVERS_MAX];

static void fakes_open(size_t n)
{
	for (size_t i = 0; i < n; i++) {
		fake[i] = (struct peer){ .socket = peer_open(servers_at) };
		hello_from(&fake[i], UINT64_MAX, HERE + 1);
	}
}

static void fakes_close(size_t n)
{
	for (size_t i = 0; i < n; i++)
		(void)zmq_close(fake[i].socket);
}

/* The directory that has answered clients gets its place back, whoever has
 * taken all places meanwhile. */
static void test_place_given_back(void)
{
	struct peer s;
	void *c;

	broker_start();
	s = server_open(10);
	c = client_open();
	ask(c, "1");
	want_given(&s, 1, "1");
	give_answer(&s, 1, "one");
	want_reply(c, "one");
	(void)zmq_close(s.socket);
	pass_ms(DEAD_MS);
	fakes_open(SERVERS_MAX);
	s = server_open(10);
	ask(c, "2");
	want_given(&s, 1, "2");
	give_answer(&s, 1, "two");
	want_reply(c, "two");
	fakes_close(SERVERS_MAX);
	(void)zmq_close(c);
	(void)zmq_close(s.socket);
	broker_stop();
}

/* Where nobody has answered anything yet, those of one directory lose the place
 * together. */
static void test_fakes_go_together(void)
{
	struct peer s;
	void *c;

	broker_start();
	fakes_open(3);
	c = client_open();
	ask(c, "1");
	want_given(&fake[0], 1, "1");
	for (int i = 0; i <= DEAD_MS / HEARTBEAT_MS; i++) {
		for (int n = 0; n < 3; n++)
			(void)net_send_copy(fake[n].socket, "P", 1, 0);
		while (!is_quiet(fake[2].socket))
			(void)hear(&fake[2]);
		pass_ms(HEARTBEAT_MS);
	}
	s = server_open(10);
	want_given(&s, 1, "1");
	give_answer(&s, 1, "one");
	want_reply(c, "one");
	fakes_close(3);
	(void)zmq_close(c);
	(void)zmq_close(s.socket);
	broker_stop();
}

/* Does what a server does; without an answer for clients, what a fake does. */
static void play(struct peer *s, uint64_t directory, const char *answer)
{
	char letter = '\0';

	(void)net_send_copy(s->socket, "P", 1, 0);
	while (letter != 'N' && !is_quiet_for(s->socket, 0)) {
		size_t n = s->n;

		letter = hear(s);
		if (letter == 'W' || letter == 'N')
			send_hello(s, 10, directory);
		while (n++ < s->n)
			if (s->given[n - 1].id.count >= TRIAL)
				give_answer(s, n, "pong");
			else if (answer != NULL)
				give_answer(s, n, answer);
	}
}

/* Fakes of many directories, which come back at once: each has its turn, and
 * then waits until a server had one. */
static void test_fakes_take_turns(void)
{
	enum { FAKES = 4, CLOCK_MS = 20 };
	struct peer s = { 0 };
	void *c;

	broker_start();
	fakes_open(1);
	for (size_t i = 1; i < FAKES; i++)
		fake[i] = (struct peer){ .socket = peer_open(servers_at) };
	s.socket = peer_open(servers_at);
	c = client_open();
	ask(c, "1");
	for (int ms = 0; ms < ANSWER_MS && is_quiet_for(c, STEP_MS);
	    ms += CLOCK_MS) {
		for (size_t i = 0; i < FAKES; i++)
			play(&fake[i], HERE + 1 + i, NULL);
		play(&s, HERE, "one");
		pass_ms(CLOCK_MS);
	}
	want_reply(c, "one");
	fakes_close(FAKES);
	(void)zmq_close(c);
	(void)zmq_close(s.socket);
	broker_stop();
}

/* What strangers say is told, but not each time. */
static void test_lines(void)
{
	FILE *lines = tmpfile();
	int as_it_was = dup(STDERR_FILENO);
	struct peer s = { 0 };
	int n = 0, c;

	if (lines == NULL || as_it_was == -1 ||
	    dup2(fileno(lines), STDERR_FILENO) == -1)
		die(EXIT_IO, "tmpfile:");
	broker_start();
	(void)dup2(as_it_was, STDERR_FILENO);
	(void)close(as_it_was);
	s.socket = peer_open(servers_at);
	for (int i = 0; i < 10000; i++)
		(void)net_send_copy(s.socket, "H", 1, 0);
	hello(&s, 0);           /* all the others have been taken */
	(void)zmq_close(s.socket);
	broker_stop();
	rewind(lines);
	while ((c = getc(lines)) != EOF)
		n += c == '\n';
	CHECK(n > 1 && n < 200, "%d lines", n);
	(void)fclose(lines);
}

int main(void)
{
	set_program("test_broker");
	share_memory();
	(void)snprintf(clients_at, sizeof clients_at, "ipc://clients.%ld",
	    (long)getpid());
	(void)snprintf(servers_at, sizeof servers_at, "ipc://servers.%ld",
	    (long)getpid());
	check_group("a server is given what it takes, no more and no less",
	    test_credit);
	check_group("what a dead server had goes to another", test_dead_server);
	check_group("what a silent server had goes to another",
	    test_silent_server);
	check_group("an answer is not taken for that of another request",
	    test_late_answer);
	check_group("an answer counts only from the server that was asked",
	    test_forged_answer);
	check_group("a client's requests do not overtake each other",
	    test_one_server_for_a_client);
	check_group("after a goodbye a server is given nothing", test_goodbye);
	check_group("an expired request takes its client's later ones along",
	    test_expiry);
	check_group("clients take turns", test_turns);
	check_group("a client that floods leaves room for others", test_share);
	check_group("one that was answered before keeps its part", test_part);
	check_group("who sends and leaves has sent", test_leaving);
	check_group("a client that is refused waits for that", test_refusals);
	check_group("a client that does not read costs its share",
	    test_unread);
	check_group("many that do not read leave room for others",
	    test_many_unread);
	check_group("short answers that are not read are counted, too",
	    test_short_unread);
	check_group("many long requests wait in bounded memory",
	    test_many_long_requests);
	check_group("a long envelope does not come back", test_long_envelope);
	check_group("strangers take no requests, and no server's place",
	    test_strangers);
	check_group("strangers say hello without end, and a server is heard",
	    test_flood_of_hellos);
	check_group("a hello costs nobody else time", test_hello_again);
	check_group("servers of one directory at a time", test_other_directory);
	check_group("one that answers nothing is no server",
	    test_answers_nothing);
	check_group("fakes do not keep the place of a directory that served",
	    test_place_given_back);
	check_group("fakes that answer nothing lose the place together",
	    test_fakes_go_together);
	check_group("fakes of many directories take turns",
	    test_fakes_take_turns);
	check_group("strangers do not fill the log", test_lines);
	return check_done();
}
