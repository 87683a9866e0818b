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

static int is_quiet(void *s)
{
	zmq_pollitem_t item = { s, 0, ZMQ_POLLIN, 0 };

	return zmq_poll(&item, 1, QUIET_MS) == 0;
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
	struct given given[16];
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

static void hello(struct peer *s, uint64_t credit)
{
	struct buf b = { 0 };
	char letter;

	buf_putc(&b, 'H');
	buf_le64(&b, BACK_VERSION);
	buf_le64(&b, credit);
	(void)net_send_copy(s->socket, b.p, b.n, 0);
	buf_free(&b);
	do
		letter = hear(s);
	while (letter != 'B' && letter != '\0');
	CHECK(letter == 'B', "no answer to a hello");
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
 * client sent later is refused with it, or that would be stored first. What
 * other clients sent later is not. */
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
	s = server_open(10);
	want_given(&s, 1, "3");
	give_answer(&s, 1, "three");
	want_reply(other, "three");
	want_no_more(&s, 1);
	(void)zmq_close(c);
	(void)zmq_close(other);
	(void)zmq_close(s.socket);
	broker_stop();
}

/* More requests than the broker holds wait in their connection. */
static void test_full_table(void)
{
	uint64_t rest = 300;
	void *c;

	broker_start();
	c = client_open();
	for (uint64_t i = 0; i < REQUESTS_MAX + rest; i++)
		ask(c, "x");
	want_counter(BACK_WAITING, REQUESTS_MAX);
	pass_ms(REQUEST_WAIT_MS);
	want_counter(BACK_WAITING, rest);
	want_expired(c, REQUESTS_MAX);
	pass_ms(REQUEST_WAIT_MS);
	want_expired(c, rest);
	CHECK(is_quiet(c), "more replies than requests");
	(void)zmq_close(c);
	broker_stop();
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
	check_group("a full table takes no more", test_full_table);
	return check_done();
}
