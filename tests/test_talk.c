/* test_talk.c: what talk.h promises: when and in which order requests are sent
 * again, and which messages of a topic are delivered.
 *
 * The broker and the proxy are sockets of this program, and the clock moves
 * only when a test moves it. */
#include "tap.h"
#include "../limits.h"
#include "../net.h"
#include "../talk.h"
#include "../talk_list.h"
#include "../util.h"

#include <stdlib.h>
#include <string.h>

static int64_t clock_ms;

static int64_t talk_ticks(void)
{
	return clock_ms;
}

#define ticks_ms talk_ticks
#include "../talk.c"
#include "../follow.c"
#undef ticks_ms

#define TURN_MS 10
/* What has not happened after so many turns is taken never to happen. */
#define QUIET_TURNS 10

static void *context, *broker, *proxy;
static char broker_at[64], proxy_at[64];
static struct talk *talk;
static int turns_left;          /* to wait in this test */

/* The text of each message that was delivered, and the events. */
static struct buf seen;
static int events[TALK_LIVE_ONLY + 1];

static int turns_max(void)
{
	return patience_s() * 1000 / TURN_MS;
}

static void turn(void)
{
	(void)talk_poll(talk, TURN_MS, NULL, 0);
}

/* Another turn for what is waited for; 0: this test has waited long enough, and
 * has failed. */
static int wait_turn(void)
{
	if (turns_left == 0)
		return 0;
	turns_left--;
	turn();
	return 1;
}

static void turn_until_quiet(void)
{
	for (int i = 0; i < QUIET_TURNS; i++)
		turn();
}

static void see_message(void *arg, const struct message *m)
{
	(void)arg;
	buf_str_add(&seen, m->text);
	buf_putc(&seen, ' ');
}

static void see_event(void *arg, enum talk_event event, const char *text)
{
	(void)arg;
	(void)text;
	events[event]++;
}

static void want_seen(const char *expected)
{
	while (!str_is(buf_str(&seen), expected) && wait_turn())
		;
	CHECK(str_is(buf_str(&seen), expected), "%.*s instead of %s",
	    (int)seen.n, seen.p, expected);
}

/* ---- opening and closing ---- */

static void *peer_open(int type, const char *at, char *bound)
{
	void *s = net_socket(context, type, REPLY_BYTES_MAX, 0);
	const int without_end = 0;

	/* Nothing that is published is lost here. */
	(void)zmq_setsockopt(s, ZMQ_SNDHWM, &without_end, sizeof without_end);
	/* The socket before it may not have closed yet. */
	for (int i = 0; zmq_bind(s, at) == -1; i++)
		if (i < turns_max())
			(void)zmq_poll(NULL, 0, TURN_MS);
		else
			die(EXIT_FAILED, "bind %s: %s", at,
			    zmq_strerror(errno));
	(void)snprintf(bound, sizeof broker_at, "%s", net_bound(s));
	return s;
}

/* Breaks the connections of a peer, which is there again at once. */
static void *peer_again(void *peer, int type, const char *at)
{
	char bound[sizeof broker_at];

	(void)zmq_close(peer);
	return peer_open(type, at, bound);
}

static void open_all(void)
{
	static const struct talk_handler handler = { see_message, see_event,
	    NULL };

	clock_ms = 1000000;
	turns_left = turns_max();
	buf_clear(&seen);
	memset(events, 0, sizeof events);
	context = net_context(1);
	broker = peer_open(ZMQ_ROUTER, "tcp://127.0.0.1:*", broker_at);
	proxy = peer_open(ZMQ_XPUB, "tcp://127.0.0.1:*", proxy_at);
	talk = talk_open(broker_at, proxy_at, &handler);
}

static void close_all(void)
{
	talk_close(talk);
	(void)zmq_close(broker);
	(void)zmq_close(proxy);
	(void)zmq_ctx_term(context);
}

/* ---- the broker ---- */

/* A request that has reached it. */
struct asked {
	char address[256], number[8], body[512];
	size_t address_bytes;
};

/* The next frame of a message as a string; returns its length. */
static size_t take_frame(char *to, size_t room)
{
	size_t n = 0;
	zmq_msg_t m;

	(void)zmq_msg_init(&m);
	if (net_recv(broker, &m) && zmq_msg_size(&m) <= room) {
		n = zmq_msg_size(&m);
		memcpy(to, zmq_msg_data(&m), n);
	}
	(void)zmq_msg_close(&m);
	return n;
}

static int has_asked(struct asked *a)
{
	char empty[1];

	memset(a, 0, sizeof *a);
	a->address_bytes = take_frame(a->address, sizeof a->address);
	if (a->address_bytes == 0)
		return 0;
	(void)take_frame(a->number, sizeof a->number);
	(void)take_frame(empty, sizeof empty);
	(void)take_frame(a->body, sizeof a->body - 1);
	return 1;
}

/* The next request has this in it. */
static struct asked want_asked(const char *part)
{
	struct asked a;

	while (!has_asked(&a) && wait_turn())
		;
	CHECK(strstr(a.body, part) != NULL, "\"%s\" and not %s", a.body, part);
	return a;
}

static void want_nothing_asked(void)
{
	struct asked a;

	turn_until_quiet();
	CHECK(!has_asked(&a), "%s", a.body);
}

static void reply(const struct asked *a, const char *body)
{
	(void)net_send_copy(broker, a->address, a->address_bytes, 1);
	(void)net_send_copy(broker, a->number, sizeof a->number, 1);
	(void)net_send_copy(broker, "", 0, 1);
	(void)net_send_copy(broker, body, strlen(body), 0);
}

#define STORED  "{\"service\":\"publish\",\"data\":{\"status\":\"OK\"," \
	"\"seq\":7}}"
#define REFUSED "{\"service\":\"publish\",\"data\":{\"status\":\"erro\"," \
	"\"message\":\"canal não existe\"}}"
#define AWAY    "{\"service\":\"erro\",\"data\":{\"status\":\"erro\"," \
	"\"message\":\"servidor indisponível\"}}"

/* ---- requests ---- */

struct outcome {
	int times;
	enum answer_kind kind;
};

static void on_answer(void *arg, const struct answer *a)
{
	struct outcome *o = arg;

	o->times++;
	o->kind = a->kind;
}

static void request(const char *message, struct outcome *o)
{
	struct buf members = { 0 };

	*o = (struct outcome){ 0 };
	json_put_member(&members, "message", str_of(message));
	talk_request(talk, "publish", &members, TALK_FOREVER, on_answer, o);
	buf_free(&members);
}

static void want_outcome(const struct outcome *o, enum answer_kind kind)
{
	while (o->times == 0 && wait_turn())
		;
	CHECK(o->times == 1 && o->kind == kind, "answered %d times, kind %d",
	    o->times, (int)o->kind);
}

/* Before RESEND_MS a second copy could overtake what is between. */
static void test_resend(void)
{
	struct asked first, again, second;
	struct outcome o, p;

	open_all();
	request("um", &o);
	first = want_asked("um");
	clock_ms += RESEND_MS - 1;
	turn_until_quiet();
	request("dois", &p);
	second = want_asked("dois");
	clock_ms += 1;
	again = want_asked("um");
	CHECK(strcmp(first.body, again.body) == 0, "%s became %s", first.body,
	    again.body);
	want_nothing_asked();
	reply(&again, STORED);
	reply(&first, STORED);
	reply(&second, REFUSED);
	want_outcome(&p, ANSWER_ERRO);
	want_outcome(&o, ANSWER_OK);
	close_all();
}

/* That there is no server is no answer: all are sent again after a pause, and
 * no new one before them. */
static void test_no_server(void)
{
	struct outcome o[4];
	struct asked a[4];

	open_all();
	request("um", &o[0]);
	request("dois", &o[1]);
	a[0] = want_asked("um");
	a[1] = want_asked("dois");
	reply(&a[0], AWAY);
	reply(&a[1], AWAY);
	turn_until_quiet();
	request("tres", &o[2]);
	want_nothing_asked();
	clock_ms += UNAVAILABLE_MS;
	request("quatro", &o[3]);
	a[0] = want_asked("um");
	a[1] = want_asked("dois");
	a[2] = want_asked("tres");
	a[3] = want_asked("quatro");
	for (int i = 0; i < 4; i++)
		reply(&a[i], STORED);
	for (int i = 0; i < 4; i++)
		want_outcome(&o[i], ANSWER_OK);
	close_all();
}

/* What was under way when the connection broke is sent again at once, first to
 * last. */
static void test_lost_connection(void)
{
	struct outcome o[3];

	open_all();
	request("um", &o[0]);
	request("dois", &o[1]);
	(void)want_asked("um");
	(void)want_asked("dois");
	broker = peer_again(broker, ZMQ_ROUTER, broker_at);
	request("tres", &o[2]);
	(void)want_asked("um");
	(void)want_asked("dois");
	(void)want_asked("tres");
	want_nothing_asked();
	close_all();
}

/* ---- lists ---- */

#define PAGE(names, more) "{\"service\":\"users\",\"data\":{" \
	"\"status\":\"OK\",\"users\":[" names "]" more "}}"
#define MORE ",\"more\":true"

static void see_name(void *arg, struct str name)
{
	(void)arg;
	buf_str_add(&seen, name);
	buf_putc(&seen, ' ');
}

static void start_users(struct talk_list *l, struct outcome *o)
{
	*o = (struct outcome){ 0 };
	*l = (struct talk_list){ .talk = talk, .service = "users",
		.limit_ms = TALK_FOREVER, .add = see_name, .done = on_answer,
		.arg = o };
	talk_list(l);
}

static void test_list(void)
{
	struct talk_list l;
	struct outcome o;
	struct asked a;

	open_all();
	start_users(&l, &o);
	a = want_asked("\"after\":\"\"");
	reply(&a, PAGE("\"ana\",\"bob\"", MORE));
	a = want_asked("\"after\":\"bob\"");
	reply(&a, PAGE("\"caio\"", MORE));
	a = want_asked("\"after\":\"caio\"");
	reply(&a, PAGE("\"dia\"", ",\"more\":false"));
	want_outcome(&o, ANSWER_OK);
	want_seen("ana bob caio dia ");
	want_nothing_asked();
	close_all();
}

/* A server that ignores "after" is not asked twice; not even one that promises
 * more and gives the same again. */
static void test_list_without_pages(void)
{
	struct talk_list l;
	struct outcome o;
	struct asked a;

	open_all();
	start_users(&l, &o);
	a = want_asked("users");
	reply(&a, PAGE("\"bob\",\"ana\"", ""));
	want_outcome(&o, ANSWER_OK);
	want_seen("bob ana ");
	start_users(&l, &o);
	for (int i = 0; i < 2; i++) {
		a = want_asked("users");
		reply(&a, PAGE("\"bob\",\"ana\"", MORE));
	}
	want_outcome(&o, ANSWER_OK);
	start_users(&l, &o);
	a = want_asked("users");
	reply(&a, PAGE("\"ana\"", MORE));
	a = want_asked("users");
	reply(&a, AWAY);
	turn_until_quiet();
	clock_ms += UNAVAILABLE_MS;
	a = want_asked("\"after\":\"ana\"");
	reply(&a, REFUSED);
	want_outcome(&o, ANSWER_ERRO);
	want_nothing_asked();
	close_all();
}

/* ---- topics ---- */

static void publish(const char *topic, const char *object)
{
	(void)net_send_copy(proxy, topic, strlen(topic), 1);
	(void)net_send_copy(proxy, object, strlen(object), 0);
}

#define MESSAGE(seq) "{\"type\":\"channel\",\"channel\":\"geral\"," \
	"\"user\":\"ana\",\"message\":\"m" #seq "\",\"timestamp\":1," \
	"\"seq\":" #seq "}"
#define HISTORY(messages, last) "{\"service\":\"history\",\"data\":{" \
	"\"status\":\"OK\",\"messages\":[" messages "],\"last\":" #last "}}"

/* Waits until the proxy knows the subscription. */
static void want_subscription(void)
{
	zmq_msg_t m;

	(void)zmq_msg_init(&m);
	while (!net_recv(proxy, &m) && wait_turn())
		;
	CHECK(zmq_msg_size(&m) == 6 &&
	    memcmp(zmq_msg_data(&m), "\1geral", 6) == 0, "no subscription");
	(void)zmq_msg_close(&m);
}

/* Follows a channel of which one message is known. */
static void follow_geral(void)
{
	struct asked a;

	open_all();
	talk_follow(talk, STR("geral"), 0, 0, 0);
	a = want_asked("\"limit\":0");
	want_subscription();
	reply(&a, HISTORY("", 1));
	turn_until_quiet();
}

/* What is missing before a publication is read from history first, and what
 * was delivered is not delivered again. */
static void test_gap(void)
{
	struct asked a;

	follow_geral();
	publish("geral", MESSAGE(2));
	want_seen("m2 ");
	publish("geral", MESSAGE(4));
	want_nothing_asked();
	want_seen("m2 ");
	clock_ms += GAP_MS;
	a = want_asked("\"after\":1");
	reply(&a, HISTORY(MESSAGE(2) "," MESSAGE(3) "," MESSAGE(4), 4));
	want_seen("m2 m3 m4 ");
	publish("geral", MESSAGE(4));
	publish("geral", MESSAGE(3));
	publish("geral", MESSAGE(5));
	want_seen("m2 m3 m4 m5 ");
	close_all();
}

/* A publication that is only late costs no request. */
static void test_late_publication(void)
{
	follow_geral();
	publish("geral", MESSAGE(3));
	publish("geral", MESSAGE(4));
	publish("geral", MESSAGE(2));
	want_seen("m2 m3 m4 ");
	want_nothing_asked();
	close_all();
}

/* Subscriptions match by prefix. Not every server says the channel in the
 * object, too. */
static void test_longer_topic(void)
{
	follow_geral();
	publish("geral2", "{\"message\":\"other\",\"seq\":2}");
	publish("geral", MESSAGE(2));
	want_seen("m2 ");
	close_all();
}

/* What was lost at the end of a burst leaves no gap: history is asked. */
static void test_lost_at_the_end(void)
{
	struct asked a;

	follow_geral();
	clock_ms += QUIET_MS_MAX;
	a = want_asked("\"after\":1");
	reply(&a, HISTORY(MESSAGE(2), 2));
	want_seen("m2 ");
	want_nothing_asked();
	clock_ms += QUIET_MS_MAX;
	a = want_asked("\"after\":2");
	reply(&a, HISTORY(MESSAGE(3), 3));
	want_seen("m2 m3 ");
	close_all();
}

/* The same for what was published while the proxy was away. */
static void test_lost_proxy(void)
{
	struct asked a;

	follow_geral();
	proxy = peer_again(proxy, ZMQ_XPUB, proxy_at);
	a = want_asked("\"after\":1");
	reply(&a, HISTORY(MESSAGE(2), 2));
	want_seen("m2 ");
	close_all();
}

/* A hole in the log is told, and does not stop what is after it. */
static void test_hole(void)
{
	struct asked a;

	follow_geral();
	publish("geral", MESSAGE(3));
	turn_until_quiet();
	clock_ms += GAP_MS;
	a = want_asked("\"after\":1");
	reply(&a, HISTORY(MESSAGE(3), 3));
	want_seen("m3 ");
	CHECK(events[TALK_MISSING] == 1, "told %d times", events[TALK_MISSING]);
	close_all();
}

/* ---- publications that nobody stored ---- */

/* Their numbers, each as MESSAGE() has it. */
#define FORGED(seq) "{\"message\":\"forged\",\"seq\":" seq "}"
#define FAR "9223372036854775807"

/* Answers what is asked; last is that of the topic. Returns how often. */
static int answer_all(const char *history)
{
	struct asked a;
	int n = 0;

	for (int i = 0; i < QUIET_TURNS; i++) {
		turn();
		for (; has_asked(&a); n++)
			reply(&a, history);
	}
	return n;
}

/* A number that history does not confirm is asked for once, and changes
 * nothing. */
static void test_forged_jump(void)
{
	struct asked a;

	follow_geral();
	publish("geral", FORGED(FAR));
	publish("geral", FORGED("7"));
	turn_until_quiet();
	clock_ms += GAP_MS;
	a = want_asked("\"after\":1");
	reply(&a, HISTORY("", 1));
	turn_until_quiet();
	clock_ms += 2 * GAP_MS;
	want_nothing_asked();
	publish("geral", MESSAGE(2));
	want_seen("m2 ");
	publish("geral", MESSAGE(4));
	turn_until_quiet();
	clock_ms += VAIN_MS;
	a = want_asked("\"after\":1");
	reply(&a, HISTORY(MESSAGE(2) "," MESSAGE(3) "," MESSAGE(4), 4));
	want_seen("m2 m3 m4 ");
	CHECK(events[TALK_MISSING] + events[TALK_RESET] == 0, "events");
	close_all();
}

/* What came while history was asked is not refuted by that answer. */
static void test_newer_than_the_answer(void)
{
	struct asked a;

	follow_geral();
	publish("geral", FORGED(FAR));
	turn_until_quiet();
	clock_ms += GAP_MS;
	a = want_asked("\"after\":1");
	publish("geral", MESSAGE(3));
	turn_until_quiet();
	reply(&a, HISTORY("", 1));
	turn_until_quiet();
	publish("geral", MESSAGE(2));
	want_seen("m2 m3 ");
	close_all();
}

/* Numbers without end, above and below ours, cost little more than silence;
 * and a message is heard in between. */
static void test_forged_flood(void)
{
	char object[64];
	int asked = 0;

	follow_geral();
	for (int i = 0; i < 60; i++) {
		(void)snprintf(object, sizeof object, FORGED("%d"),
		    1000 + i);
		publish("geral", object);
		publish("geral", FORGED("1"));
		clock_ms += 1000;
		asked += answer_all(HISTORY("", 1));
	}
	CHECK(asked >= 4 && asked <= 24, "%d requests in a minute", asked);
	publish("geral", MESSAGE(2));
	want_seen("m2 ");
	close_all();
}

/* Without room for more the lowest are held: they are needed first. */
static void test_forged_crowd(void)
{
	char object[64];
	struct asked a;

	follow_geral();
	for (int i = 0; i < HELD_MAX; i++) {
		(void)snprintf(object, sizeof object, FORGED("%d"),
		    1000 + i);
		publish("geral", object);
		if (i % PUBLICATIONS_A_TURN == 0)
			turn();
	}
	turn_until_quiet();
	publish("geral", MESSAGE(3));
	publish("geral", MESSAGE(2));
	want_seen("m2 m3 ");
	clock_ms += QUIET_MS;
	a = want_asked("\"after\":1");
	reply(&a, HISTORY(MESSAGE(2) "," MESSAGE(3), 3));
	close_all();
}

/* A server that has history numbers its messages. */
static void test_forged_without_number(void)
{
	follow_geral();
	publish("geral", "{\"message\":\"forged\"}");
	publish("geral", FORGED("0"));
	publish("geral", FORGED("-1"));
	publish("geral", MESSAGE(2));
	want_seen("m2 ");
	close_all();
}

/* At the start what was just published is new, but not what was long ago. */
static void test_forged_at_the_start(void)
{
	struct asked a;

	open_all();
	talk_follow(talk, STR("geral"), 0, 0, 0);
	a = want_asked("\"limit\":0");
	want_subscription();
	publish("geral", FORGED("3"));
	publish("geral", "{\"message\":\"m999\",\"seq\":999}");
	publish("geral", FORGED(FAR));
	turn_until_quiet();
	reply(&a, HISTORY("", 1000));
	a = want_asked("\"after\":998");
	close_all();
}

/* A text under the next number is shown. So is that of the log, when it is
 * published, and after it all goes on. */
static void test_forged_text(void)
{
	struct asked a;

	follow_geral();
	publish("geral", FORGED("2"));
	want_seen("forged ");
	publish("geral", MESSAGE(2));
	turn_until_quiet();
	clock_ms += GAP_MS;
	a = want_asked("\"after\":1");
	publish("geral", MESSAGE(3));
	want_seen("forged m3 ");
	reply(&a, HISTORY(MESSAGE(2), 3));
	a = want_asked("\"after\":2");
	reply(&a, HISTORY(MESSAGE(3), 3));
	want_seen("forged m3 m2 ");
	publish("geral", MESSAGE(4));
	want_seen("forged m3 m2 m4 ");
	CHECK(events[TALK_RESET] == 1, "told %d times", events[TALK_RESET]);
	close_all();
}

/* The same if the publication of the log's was lost, and more of the same kind
 * leaves no pause. */
static void test_forged_and_lost(void)
{
	char object[64];
	struct asked a;
	int64_t before;
	int i = 3;

	follow_geral();
	publish("geral", FORGED("2"));
	want_seen("forged ");
	before = clock_ms;
	for (; !has_asked(&a) && i < 100; i++) {
		(void)snprintf(object, sizeof object, FORGED("%d"), i);
		publish("geral", object);
		clock_ms += 500;
		turn_until_quiet();
	}
	CHECK(clock_ms - before < 2 * QUIET_MS_MAX, "%d publications", i);
	buf_clear(&seen);
	reply(&a, HISTORY(MESSAGE(2), 2));
	want_seen("m2 ");
	close_all();
}

/* The second text is not dropped because the first is still held. */
static void test_forged_and_held(void)
{
	struct asked a;

	follow_geral();
	publish("geral", FORGED("3"));
	publish("geral", MESSAGE(3));
	publish("geral", MESSAGE(2));
	want_seen("m2 forged ");
	clock_ms += GAP_MS;
	a = want_asked("\"after\":1");
	reply(&a, HISTORY(MESSAGE(2) "," MESSAGE(3), 3));
	want_seen("m2 forged m3 ");
	close_all();
}

/* Publishes made-up messages, and waits until these or those before are
 * delivered. */
static void forge(int first, int end)
{
	char object[64];

	for (int i = first; i < end; i++) {
		(void)snprintf(object, sizeof object, FORGED("%d"), i);
		publish("geral", object);
		if (i % PUBLICATIONS_A_TURN == 0)
			turn();
	}
	turn_until_quiet();
}

/* Many at once move nobody past what the log will have under their numbers. */
static void test_forged_run(void)
{
	struct asked a;

	follow_geral();
	forge(3, 1003);
	want_seen("");
	publish("geral", MESSAGE(2));
	turn_until_quiet();
	CHECK(seen.n > 1000, "they were not delivered");
	buf_clear(&seen);
	publish("geral", MESSAGE(3));
	turn_until_quiet();
	clock_ms += VAIN_MS;
	a = want_asked("\"after\":1");
	reply(&a, HISTORY(MESSAGE(2) "," MESSAGE(3), 3));
	want_seen("m3 ");
	publish("geral", MESSAGE(4));
	turn_until_quiet();
	for (int i = 1; i < LOW_TIMES; i++) {
		clock_ms += SHORTER_MS;
		a = want_asked("\"after\":");
		reply(&a, HISTORY(MESSAGE(4) "," MESSAGE(5), 5));
		want_seen("m3 m4 m5 ");
	}
	turn_until_quiet();
	publish("geral", MESSAGE(6));
	want_seen("m3 m4 m5 m6 ");
	close_all();
}

/* No more is delivered than can be told from what the log will have. */
static void test_forged_without_end(void)
{
	follow_geral();
	forge(2, 2 * AHEAD_MAX);
	CHECK(seen.n == AHEAD_MAX * strlen("forged "), "%zu bytes", seen.n);
	buf_clear(&seen);
	for (int i = 0; i < 2 * LOW_TIMES; i++) {
		clock_ms += SHORTER_MS;
		(void)answer_all(HISTORY(MESSAGE(2), 2));
	}
	want_seen("m2 ");
	publish("geral", MESSAGE(3));
	want_seen("m2 m3 ");
	close_all();
}

int main(void)
{
	set_program("test_talk");
	check_group("requests are sent again when it is time, and not before",
	    test_resend);
	check_group("requests keep their order when there is no server",
	    test_no_server);
	check_group("requests keep their order over a lost connection",
	    test_lost_connection);
	check_group("a list is asked for page by page", test_list);
	check_group("a list without pages ends",
	    test_list_without_pages);
	check_group("a gap is filled from history", test_gap);
	check_group("a late publication fills its gap", test_late_publication);
	check_group("a longer topic is another topic", test_longer_topic);
	check_group("quiet times are used to ask", test_lost_at_the_end);
	check_group("a new connection to the proxy is used to ask",
	    test_lost_proxy);
	check_group("a hole in the log is told", test_hole);
	check_group("a number that nobody stored is asked for once",
	    test_forged_jump);
	check_group("an answer says nothing about what came after the request",
	    test_newer_than_the_answer);
	check_group("numbers without end cost few requests", test_forged_flood);
	check_group("what is needed first is held", test_forged_crowd);
	check_group("what has no number is not from the server",
	    test_forged_without_number);
	check_group("what is old does not become new",
	    test_forged_at_the_start);
	check_group("the text of the log is shown after another",
	    test_forged_text);
	check_group("a lost publication is missed though its number was used",
	    test_forged_and_lost);
	check_group("the second text under a number is not forgotten",
	    test_forged_and_held);
	check_group("many made-up messages hide none of the log",
	    test_forged_run);
	check_group("made-up messages are delivered in bounds",
	    test_forged_without_end);
	buf_free(&seen);
	return check_done();
}
