/* soak_load.c: the load of soak.sh, and its first judge: clients as others
 * write them, made of bare sockets and PROTOCOL.md, and a subscriber that
 * catches up. It uses nothing of talk.c.
 *
 *   soak_load BROKER PROXY DIRECTORY TALKER...
 *   soak_load locked FILE
 *       exit code 0 when a process has a lock on the file
 *
 * Senders number their messages; a text is "NAME NUMBER" and padding. There are
 * three kinds of them: plain REQ clients that have never heard of ids or
 * repetition, REQ clients that send what was not answered again with the same
 * id, and a DEALER with many requests under way, without ids.
 *
 * A line on stdin is what soak.sh does or wants: "broker" (it was just killed:
 * what was under way there is lost), "hung" and "awake" (a server is stopped
 * while it has the lock: requests may be refused), "push" (no pauses now),
 * "flow" (say "flow" when requests are answered, publications come, and TALKERs
 * are heard). When stdin ends all stop, the subscriber reads on to the last
 * message, and one line of totals comes.
 *
 * acked, unknown and seen.TOPIC in DIRECTORY then hold what was answered OK,
 * what may be stored or not, and what the subscriber saw. Each breach of a
 * promise is a line on stderr, and exit code 1. */
#include "../json.h"
#include "../limits.h"
#include "../net.h"
#include "../util.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define GIVE_UP_MS   5500
/* Between a kill and our knowing of it; what is sent in between is lost. */
#define SLACK_MS     1000
/* Between two requests of a REQ client, at most. */
#define PAUSE_MS     40
#define BURST_MS     50         /* between the bursts of the DEALER */
#define BURST        16
#define PUSH_MS      600        /* without any pause */
#define WINDOW       64         /* requests under way there */
#define QUIET_MS     500        /* after which a topic is asked for news */
#define PAGE         1000
/* Messages of which one is long, so that the journal fills its segments. */
#define PAD_EVERY    16
#define PAD_BYTES    8192
#define LOGIN_EVERY  25         /* requests of which one is a login */
#define SENDERS      8
#define TOPICS       5
#define TALKERS_MAX  8

enum kind { PLAIN, RETRY, PIPELINE };
enum fate { OPEN, ACKED, UNKNOWN };

struct sent {
	int64_t at;             /* when, the last time */
	uint64_t acked, seen;   /* its seq, 0: not yet */
	enum fate fate;
};

struct sender {
	const char *name;
	enum kind kind;
	void *socket;
	struct sent *sent;      /* by number, from 1 */
	uint64_t number;        /* the last one */
	size_t cap;
	uint64_t oldest;        /* all before this have their fate */
	uint64_t open;
	uint64_t acked;         /* the highest number that was */
	uint64_t flow;          /* what must be acked for it to flow */
	int64_t next;           /* when to send again */
};

struct topic {
	const char *name;
	int inbox;
	uint64_t last;          /* seen */
	uint64_t live;          /* published since flow was asked for */
	int64_t ask;            /* when */
	int complete;           /* at the end: there is no more */
	uint64_t order[SENDERS];        /* highest number seen */
	FILE *seen;
};

static struct sender sender[SENDERS] = {
	{ .name = "req1" }, { .name = "req2" },
	{ .name = "req3" }, { .name = "req4" },
	{ .name = "retry1", .kind = RETRY },
	{ .name = "retry2", .kind = RETRY },
	{ .name = "pipe1", .kind = PIPELINE },
	{ .name = "pipe2", .kind = PIPELINE }
};
static struct topic topic[TOPICS] = {
	{ .name = "canal1" }, { .name = "canal2" }, { .name = "canal3" },
	{ .name = "canal4" }, { .name = "caixa", .inbox = 1 }
};

static const char *broker, *proxy, *directory;
static char **talker;
static int talkers, heard[TALKERS_MAX];
static void *context, *sub, *history;
static struct topic *asked;             /* whose history is awaited */
static int64_t asked_at;
/* 1: it was asked when nothing more was to come */
static int asked_silent;
static int64_t now, broker_killed = INT64_MIN, awake_at = INT64_MIN,
    pushed = -PUSH_MS;
static int ending, flow_wanted;
static uint64_t requests, acked, lost, refused, wrongs, slowest, live,
    caught_up;
static FILE *acked_file, *unknown_file;
static struct json json;
static struct buf scratch[2];

static void wrong(const char *what, const char *who, uint64_t number,
    uint64_t more)
{
	wrongs++;
	warn("wrong: %s: %s %" PRIu64 " (%" PRIu64 ")", what, who, number,
	    more);
}

/* For pauses and lengths: the same in every run. */
static unsigned random_below(unsigned n)
{
	static uint64_t state = 1;

	state = state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(state >> 33) % n;
}

static FILE *create(const char *name, const char *rest)
{
	char path[512];
	FILE *f;

	(void)snprintf(path, sizeof path, "%s/%s%s", directory, name, rest);
	if ((f = fopen(path, "w")) == NULL)
		die(EXIT_IO, "%s:", path);
	return f;
}

static void *connect_to(int type, const char *endpoint)
{
	void *s = zmq_socket(context, type);

	if (s == NULL)
		die(EXIT_FAILED, "zmq_socket: %s", zmq_strerror(errno));
	net_option(s, ZMQ_LINGER, 0);
	net_connect(s, endpoint);
	return s;
}

/* 1: m is a frame, to be closed; 0: nothing has come. */
static int get(void *socket, zmq_msg_t *m)
{
	/* cannot fail, nor can closing a valid one */
	(void)zmq_msg_init(m);
	if (net_recv(socket, m))
		return 1;
	(void)zmq_msg_close(m);
	return 0;
}

/* ---- what is sent ---- */

static struct topic *topic_of(uint64_t number)
{
	return &topic[number % TOPICS];
}

static int is_login(uint64_t number)
{
	return number % LOGIN_EVERY == 0;
}

/* The length of a padding depends on the number alone: what is
 * sent again is the same. */
static void put_text(struct buf *b, const struct sender *s, uint64_t number)
{
	buf_printf(b, "%s %" PRIu64, s->name, number);
	if (number % PAD_EVERY != 0)
		return;
	buf_putc(b, ' ');
	for (uint64_t n = number * 2654435761u % PAD_BYTES; n > 0; n--)
		buf_putc(b, (char)('a' + n % 26));
}

static void put_body(struct buf *b, const struct sender *s, uint64_t number)
{
	const struct topic *t = topic_of(number);

	if (is_login(number)) {
		buf_printf(b,
		    "{\"service\":\"login\",\"data\":{\"user\":\"%s\"",
		    s->name);
	} else {
		buf_printf(b, "{\"service\":\"%s\",\"data\":{\"%s\":\"%s\","
		    "\"%s\":\"%s\",\"message\":\"",
		    t->inbox ? "message" : "publish", t->inbox ? "src" : "user",
		    s->name, t->inbox ? "dst" : "channel", t->name);
		put_text(b, s, number);
		buf_putc(b, '"');
	}
	if (s->kind == RETRY)
		buf_printf(b, ",\"id\":\"%" PRIu64 "\"", number);
	buf_printf(b, ",\"timestamp\":%" PRId64 "}}", now_ms());
}

/* A REQ socket queues for a broker that is away; a DEALER without room
 * tries it again later. */
static int send_number(struct sender *s, uint64_t number)
{
	static struct buf b;

	buf_clear(&b);
	put_body(&b, s, number);
	if (b.err)
		die(EXIT_FAILED, "out of memory");
	if (s->kind == PIPELINE &&
	    (net_send_copy(s->socket, &number, sizeof number, 1) == -1 ||
	    net_send_copy(s->socket, "", 0, 1) == -1))
		return -1;
	if (net_send_copy(s->socket, b.p, b.n, 0) == -1)
		return -1;
	requests++;
	s->sent[number].at = now;
	return 0;
}

static int send_next(struct sender *s)
{
	s->sent = must_array_room(s->sent, s->number + 1, &s->cap,
	    sizeof *s->sent);
	s->sent[s->number + 1] = (struct sent){ .fate = OPEN };
	if (send_number(s, s->number + 1) == -1)
		return -1;
	s->number++;
	s->open++;
	return 0;
}

static void send_due(struct sender *s)
{
	uint64_t most = s->kind == PIPELINE ? WINDOW : 1;

	if (ending || (now < s->next && now - pushed >= PUSH_MS))
		return;
	if (s->kind == PIPELINE)
		s->next = now + BURST_MS;
	for (int i = 0; i < BURST && s->open < most && send_next(s) == 0; i++)
		;
}

/* ---- what is answered ---- */

static void settle(struct sender *s, uint64_t number, enum fate fate)
{
	s->sent[number].fate = fate;
	s->open--;
	if (s->kind != PIPELINE)
		s->next = now + random_below(PAUSE_MS);
	while (s->oldest <= s->number && s->sent[s->oldest].fate != OPEN)
		s->oldest++;
	if (fate == UNKNOWN)
		(void)fprintf(unknown_file, "%s %" PRIu64 "\n", s->name,
		    number);
}

/* It is unknown whether it is stored. A sender that uses ids sends it again. */
static void in_doubt(struct sender *s, uint64_t number)
{
	if (s->kind != PIPELINE) {
		(void)zmq_close(s->socket);
		s->socket = connect_to(ZMQ_REQ, broker);
	}
	if (s->kind != RETRY)
		settle(s, number, UNKNOWN);
	else if (send_number(s, number) == -1)
		die(EXIT_FAILED, "a new REQ socket does not take a request");
}

/* A broker that was killed after a request was sent has forgotten
 * it, or when it came. */
static int broker_lived(int64_t sent_at)
{
	return broker_killed + SLACK_MS < sent_at;
}

static void give_up_late(struct sender *s)
{
	for (uint64_t n = s->oldest; n <= s->number; n++) {
		int64_t at = s->sent[n].at;

		if (s->sent[n].fate != OPEN || now - at < GIVE_UP_MS)
			continue;
		if (broker_lived(at))
			wrong("no answer", s->name, n, (uint64_t)(now - at));
		lost++;
		in_doubt(s, n);
	}
}

static void check_seen(const struct sender *s, uint64_t number)
{
	const struct sent *m = &s->sent[number];

	if (m->acked != 0 && m->seen != 0 && m->acked != m->seen)
		wrong("stored twice, or published as another", s->name, number,
		    m->seen);
}

static void on_acked(struct sender *s, uint64_t number, uint64_t seq)
{
	acked++;
	if (!is_login(number)) {
		if (seq == 0)
			wrong("OK without a seq", s->name, number, 0);
		s->sent[number].acked = seq;
		check_seen(s, number);
		(void)fprintf(acked_file, "%s %" PRIu64 " %s %" PRIu64 "\n",
		    topic_of(number)->name, seq, s->name, number);
	}
	if (number > s->acked)
		s->acked = number;
	settle(s, number, ACKED);
}

static void on_refused(struct sender *s, uint64_t number, struct str why)
{
	refused++;
	if (!str_is(why, "servidor indisponível"))
		wrong("refused", s->name, number, 0);
	else if (awake_at + SLACK_MS < s->sent[number].at)
		wrong("no server", s->name, number,
		    (uint64_t)(now - s->sent[number].at));
	in_doubt(s, number);
}

static struct str string_of(const struct json_node *object, const char *key,
    struct buf *room)
{
	struct str s = { "", 0 };

	buf_clear(room);
	/* no string: an empty one */
	(void)json_string(json_get(&json, object, key), room, &s);
	return s;
}

static uint64_t number_of(const struct json_node *object, const char *key)
{
	uint64_t n = 0;

	/* missing: 0, which no seq is */
	(void)json_uint(json_get(&json, object, key), &n);
	return n;
}

static const struct json_node *data_of(struct str text)
{
	return json_parse(&json, text.p, text.n) == 0 ? json_get(&json,
	    json.node, "data") : NULL;
}

static void take_answer(struct sender *s, uint64_t number, struct str text)
{
	const struct json_node *data = data_of(text);
	struct str status = string_of(data, "status", &scratch[0]);
	uint64_t took;

	if (number == 0 || number > s->number || s->sent[number].fate == ACKED)
		wrong("answered twice, or never asked", s->name, number, 0);
	if (number == 0 || number > s->number || s->sent[number].fate != OPEN)
		return;         /* or it was given up, which was counted */
	took = (uint64_t)(now - s->sent[number].at);
	if (took > slowest)
		slowest = took;
	if (took > ANSWER_MS && broker_lived(s->sent[number].at))
		wrong("late answer", s->name, number, took);
	if (str_is(status, "OK") || str_is(status, "sucesso"))
		on_acked(s, number, number_of(data, "seq"));
	else
		on_refused(s, number, string_of(data, "message", &scratch[1]));
}

/* 1: there was one. A REQ has one request under way, whose number
 * is the last one's. */
static int receive(struct sender *s)
{
	uint64_t number = s->number;
	zmq_msg_t m;

	if (!get(s->socket, &m))
		return 0;
	if (s->kind == PIPELINE) {
		number = 0;
		if (zmq_msg_size(&m) == sizeof number)
			memcpy(&number, zmq_msg_data(&m), sizeof number);
		net_drop_rest(s->socket, &m);
	}
	take_answer(s, number, net_bytes(&m));
	(void)zmq_msg_close(&m);
	return 1;
}

/* ---- the subscriber ---- */

/* A message of one of our senders comes once, in the order of sending, under
 * the seq of its answer. What was never answered may come at any time. */
static void judge(struct topic *t, uint64_t seq, struct str user,
    struct str text)
{
	char copy[64] = { 0 };
	struct sender *s = sender;
	uint64_t number;

	while (!str_is(user, s->name))
		if (++s == sender + SENDERS)
			return;         /* one of the TALKERs */
	memcpy(copy, text.p, text.n < sizeof copy ? text.n : sizeof copy - 1);
	number = strtoull(copy + strcspn(copy, " "), NULL, 10);
	if (number == 0 || number > s->number || topic_of(number) != t) {
		wrong("was never sent here", s->name, number, seq);
		return;
	}
	if (s->sent[number].seen != 0)
		wrong("came twice", s->name, number, seq);
	s->sent[number].seen = seq;
	check_seen(s, number);
	if (number > t->order[s - sender])
		t->order[s - sender] = number;
	else if (s->sent[number].fate != UNKNOWN)
		wrong("out of order", s->name, number, t->order[s - sender]);
}

static void deliver(struct topic *t, uint64_t seq, const struct json_node *m)
{
	struct str user = string_of(m, "user", &scratch[0]);
	struct str text = string_of(m, "message", &scratch[1]);

	t->last = seq;
	for (int i = 0; i < talkers; i++)
		heard[i] |= str_is(user, talker[i]);
	(void)fprintf(t->seen, "%" PRIu64 "\t%.*s\t%.*s\n", seq, (int)user.n,
	    user.p, (int)text.n, text.p);
	judge(t, seq, user, text);
}

static void take_publication(struct topic *t, struct str text)
{
	uint64_t seq;

	if (json_parse(&json, text.p, text.n) == -1 ||
	    (seq = number_of(json.node, "seq")) == 0) {
		wrong("a publication that is invalid", t->name, 0, 0);
	} else if (seq == t->last + 1) {
		live++;
		t->live++;
		t->ask = now + QUIET_MS;
		deliver(t, seq, json.node);
	} else if (seq > t->last) {
		t->ask = now;
	}
}

/* 1: there was one. Exactly two frames; topics match by prefix, but none of
 * ours begins another. */
static int receive_publication(void)
{
	struct topic *t = topic;
	zmq_msg_t m;

	if (!get(sub, &m))
		return 0;
	while (t < topic + TOPICS && !str_is(net_bytes(&m), t->name))
		t++;
	if (t == topic + TOPICS || !net_more(&m) || !net_recv(sub, &m) ||
	    net_more(&m))
		wrong("a publication of another shape", "proxy", 0, 0);
	else
		take_publication(t, net_bytes(&m));
	net_drop_rest(sub, &m);
	(void)zmq_msg_close(&m);
	return 1;
}

static void ask_history(struct topic *t)
{
	struct buf b = { 0 };

	buf_printf(&b, "{\"service\":\"history\",\"data\":{\"%s\":\"%s\","
	    "\"after\":%" PRIu64 ",\"limit\":%d}}",
	    t->inbox ? "user" : "channel", t->name, t->last, PAGE);
	if (b.err || net_send_copy(history, b.p, b.n, 0) == -1)
		die(EXIT_FAILED, "history was not sent");
	buf_free(&b);
	asked = t;
	asked_at = now;
	asked_silent = ending;
	for (struct sender *s = sender; s < sender + SENDERS; s++)
		asked_silent &= s->open == 0;
}

static void drop_history(void)
{
	(void)zmq_close(history);
	history = connect_to(ZMQ_REQ, broker);
	asked->ask = now + BURST_MS;
	asked = NULL;
}

static void take_page(struct topic *t, const struct json_node *data)
{
	const struct json_node *list = json_get(&json, data, "messages"), *m;
	uint64_t before = t->last;

	for (m = json_first(&json, list); m != NULL;
	    m = json_next(&json, list, m)) {
		uint64_t seq = number_of(m, "seq");

		if (seq <= t->last)
			continue;
		if (seq != t->last + 1)
			wrong("a hole in history", t->name, t->last + 1, seq);
		caught_up++;
		deliver(t, seq, m);
	}
	t->complete = asked_silent && number_of(data, "last") == t->last;
	t->ask = t->last > before ? now : now + QUIET_MS;
}

static void take_history(struct str text)
{
	const struct json_node *data = data_of(text);

	if (str_is(string_of(data, "status", &scratch[0]), "OK")) {
		take_page(asked, data);
		asked = NULL;
		return;
	}
	if (!str_is(string_of(data, "message", &scratch[0]),
	    "servidor indisponível"))
		wrong("history refused", asked->name, asked->last, 0);
	drop_history();
}

static void receive_history(void)
{
	zmq_msg_t m;

	if (asked != NULL && get(history, &m)) {
		take_history(net_bytes(&m));
		(void)zmq_msg_close(&m);
	}
	if (asked != NULL && now - asked_at >= GIVE_UP_MS) {
		if (broker_lived(asked_at))
			wrong("no history", asked->name, asked->last,
			    (uint64_t)(now - asked_at));
		drop_history();
	}
	for (struct topic *t = topic; t < topic + TOPICS && asked == NULL; t++)
		if (now >= t->ask)
			ask_history(t);
}

/* ---- soak.sh ---- */

static void want_flow(void)
{
	flow_wanted = 1;
	for (struct sender *s = sender; s < sender + SENDERS; s++)
		s->flow = s->number + 1;
	for (struct topic *t = topic; t < topic + TOPICS; t++)
		t->live = 0;
	memset(heard, 0, sizeof heard);
}

static void tell_flow(void)
{
	for (struct sender *s = sender; s < sender + SENDERS; s++)
		if (s->acked < s->flow)
			return;
	for (struct topic *t = topic; t < topic + TOPICS; t++)
		if (t->live == 0)
			return;
	for (int i = 0; i < talkers; i++)
		if (!heard[i])
			return;
	flow_wanted = 0;
	(void)printf("flow\n");
	if (fflush(stdout) == EOF)
		die(EXIT_IO, "stdout:");
}

static void obey(const char *word)
{
	if (strcmp(word, "broker") == 0)
		broker_killed = now;
	else if (strcmp(word, "hung") == 0)
		awake_at = INT64_MAX - SLACK_MS;
	else if (strcmp(word, "awake") == 0)
		awake_at = now;
	else if (strcmp(word, "push") == 0)
		pushed = now;
	else if (strcmp(word, "flow") == 0)
		want_flow();
	else
		die(EXIT_USAGE, "stdin: %s?", word);
}

static void read_stdin(void)
{
	static char line[64];
	static size_t n;
	char c;

	if (read(STDIN_FILENO, &c, 1) != 1) {
		ending = 1;
	} else if (c != '\n' && n + 1 < sizeof line) {
		line[n++] = c;
	} else {
		line[n] = '\0';
		n = 0;
		obey(line);
	}
}

/* ---- the loop ---- */

static int done(void)
{
	for (struct topic *t = topic; t < topic + TOPICS; t++)
		if (!t->complete)
			return 0;
	return 1;
}

static void turn(void)
{
	enum { INPUT = SENDERS + 2 };
	zmq_pollitem_t item[SENDERS + 3] = {
		[SENDERS] = { sub, 0, ZMQ_POLLIN, 0 },
		{ history, 0, ZMQ_POLLIN, 0 },
		{ NULL, STDIN_FILENO, ZMQ_POLLIN, 0 }
	};

	for (int i = 0; i < SENDERS; i++)
		item[i] = (zmq_pollitem_t){ sender[i].socket, 0, ZMQ_POLLIN,
		    0 };
	if (zmq_poll(item, ending ? INPUT : INPUT + 1, 5) == -1 &&
	    errno != EINTR)
		die(EXIT_FAILED, "zmq_poll: %s", zmq_strerror(errno));
	now = ticks_ms();
	if (item[INPUT].revents != 0)
		read_stdin();
	for (struct sender *s = sender; s < sender + SENDERS; s++) {
		/* a REQ that asked nothing must not be read */
		while (s->open > 0 && receive(s))
			;
		give_up_late(s);
		send_due(s);
	}
	for (int i = 0; i < PAGE && receive_publication(); i++)
		;
	receive_history();
	if (flow_wanted)
		tell_flow();
}

static void open_all(void)
{
	context = net_context(1);
	sub = connect_to(ZMQ_SUB, proxy);
	history = connect_to(ZMQ_REQ, broker);
	net_option(sub, ZMQ_RCVHWM, 100000);
	acked_file = create("acked", "");
	unknown_file = create("unknown", "");
	for (struct sender *s = sender; s < sender + SENDERS; s++) {
		s->oldest = 1;
		s->socket = connect_to(s->kind == PIPELINE ? ZMQ_DEALER :
		    ZMQ_REQ, broker);
	}
	for (struct topic *t = topic; t < topic + TOPICS; t++) {
		t->seen = create("seen.", t->name);
		if (zmq_setsockopt(sub, ZMQ_SUBSCRIBE, t->name,
		    strlen(t->name)) == -1)
			die(EXIT_FAILED, "ZMQ_SUBSCRIBE: %s",
			    zmq_strerror(errno));
	}
}

static void close_all(void)
{
	for (struct sender *s = sender; s < sender + SENDERS; s++) {
		/* they are sockets: closing them cannot fail */
		(void)zmq_close(s->socket);
		free(s->sent);
	}
	(void)zmq_close(sub);
	(void)zmq_close(history);
	(void)zmq_ctx_term(context);
	json_free(&json);
	buf_free(&scratch[0]);
	buf_free(&scratch[1]);
}

static int is_locked(const char *path)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd = open(path, O_RDWR);

	if (fd == -1 || fcntl(fd, F_GETLK, &l) == -1)
		die(EXIT_IO, "%s:", path);
	return l.l_type != F_UNLCK;
}

int main(int argc, char **argv)
{
	set_program(argv[0]);
	if (argc == 3 && strcmp(argv[1], "locked") == 0)
		return is_locked(argv[2]) ? 0 : EXIT_FAILED;
	if (argc < 4 || argc > 4 + TALKERS_MAX)
		die(EXIT_USAGE, "soak_load BROKER PROXY DIRECTORY [TALKER]...");
	broker = argv[1];
	proxy = argv[2];
	directory = argv[3];
	talker = argv + 4;
	talkers = argc - 4;
	open_all();
	while (!done())
		turn();
	close_all();
	(void)printf("requests %" PRIu64 " acknowledged %" PRIu64
	    " unanswered %" PRIu64 " unavailable %" PRIu64 " slowest %" PRIu64
	    " live %" PRIu64 " from_history %" PRIu64 "\n",
	    requests, acked, lost, refused, slowest, live, caught_up);
	if (fflush(NULL) == EOF)
		die(EXIT_IO, "%s:", directory);
	return wrongs == 0 ? 0 : EXIT_FAILED;
}
