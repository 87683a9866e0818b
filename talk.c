/* talk.c: see talk.h. Requests and the loop; topics are in follow.c.
 *
 * Requests keep their order over a lost connection like this: the DEALER has
 * ZMQ_IMMEDIATE, so libzmq queues nothing for a broker that is away, and drops
 * what it had queued for one that has gone. The monitor tells when it has gone;
 * from then on nothing is sent until there is a new connection, and then
 * everything without an answer is sent again, oldest first. */
#include "talk.h"

#include "follow.h"
#include "limits.h"
#include "net.h"
#include "talk_connection.h"
#include "util.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of requests by number; about as many as are ever under way. */
#define BUCKETS        1024
/* Replies read before publications get their turn. */
#define REPLIES_A_TURN 256
/* Messages in libzmq, from and to the broker: a window and repetitions. */
#define QUEUE          4096
/* Bytes of a reply: servers of other projects know no pages. */
#define REPLY_MAX      (16 * REPLY_BYTES_MAX)
/* The longest wait: zmq_poll() cannot wait for INT64_MAX, which means never. */
#define WAIT_MS_MAX    60000

/* A request that is not answered yet. */
struct pending {
	struct pending *next, *prev;    /* all, oldest first */
	struct pending *chain;          /* those of the same bucket */
	uint64_t number;                /* in the envelope */
	int64_t deadline;               /* ticks_ms() */
	int64_t due;                    /* when to send it (again) */
	int unavailable;        /* 1: its last reply was: no server */
	talk_answer *answer;
	void *arg;
	size_t n;
	char body[];
};

struct talk {
	void *context;
	struct connection broker, proxy;
	struct talk_handler handler;
	struct follow *follow;
	int met;                /* 1: both were connected once */
	int lost;               /* 1: TALK_LOST was told, TALK_BACK not yet */

	struct pending *first, *last, *bucket[BUCKETS];
	size_t requests, bytes;
	uint64_t finished;      /* requests that are over */
	uint64_t number;        /* of the newest request */
	int unsent;             /* 1: some are due; no room or no broker */
	int64_t pause;          /* ticks_ms(): nothing is sent before */
	int64_t check_at;       /* no request is due or over before this */
	int64_t looked;         /* when the monitors were last read */

	char id_base[16];       /* ids are this and a counter */
	uint64_t ids;
	struct json json;       /* of the reply at hand */
	struct buf scratch, body;

	struct buf call_data;   /* of talk_call(): the answer that stays */
	struct json call_json;
	struct buf call_reason;
};

static const char *environment(const char *name, const char *otherwise)
{
	const char *value = getenv(name);

	return value != NULL && *value != '\0' ? value : otherwise;
}

const char *talk_default_broker(void)
{
	return environment("RECADO_BROKER", DEFAULT_BROKER);
}

const char *talk_default_proxy(void)
{
	return environment("RECADO_PROXY", DEFAULT_PROXY);
}

/* 13 letters and digits hold 64 bits: short, for it is in each line logged. */
static void make_id_base(char *to, uint64_t bits)
{
	for (int i = 0; i < 13; i++, bits /= 36)
		to[i] = "0123456789abcdefghijklmnopqrstuvwxyz"[bits % 36];
	to[13] = '\0';
}

/* Brings a time forward. */
static void no_later_than(int64_t *at, int64_t ms)
{
	if (ms < *at)
		*at = ms;
}

/* ---- connections ---- */

static void tell_handler(struct talk *t, enum talk_event event,
    const char *text)
{
	if (t->handler.event != NULL)
		t->handler.event(t->handler.arg, event, text);
}

static void tell_connections(struct talk *t)
{
	int both = t->broker.ready && t->proxy.ready;

	if (t->met && !both && !t->lost)
		tell_handler(t, TALK_LOST, "connection lost; trying again");
	if (both && t->lost)
		tell_handler(t, TALK_BACK, "connected again");
	t->lost = t->met && !both;
	t->met |= both;
}

static void make_all_due(struct talk *t)
{
	for (struct pending *p = t->first; p != NULL; p = p->next)
		p->due = 0;
	t->unsent = 1;
}

static void look_at_broker(struct talk *t)
{
	if (connection_look(&t->broker) & CONNECTION_LOST)
		make_all_due(t);
}

static void look_at_connections(struct talk *t)
{
	t->looked = ticks_ms();
	look_at_broker(t);
	if (connection_look(&t->proxy) & CONNECTION_READY)
		follow_again(t->follow);
	tell_connections(t);
}

/* ---- the requests that are pending ---- */

static void attach(struct talk *t, struct pending *p)
{
	struct pending **bucket = &t->bucket[p->number % BUCKETS];

	p->chain = *bucket;
	*bucket = p;
	p->prev = t->last;
	*(t->last != NULL ? &t->last->next : &t->first) = p;
	t->last = p;
	t->requests++;
	t->bytes += p->n;
}

static void detach(struct talk *t, struct pending *p)
{
	struct pending **link = &t->bucket[p->number % BUCKETS];

	while (*link != p)
		link = &(*link)->chain;
	*link = p->chain;
	*(p->prev != NULL ? &p->prev->next : &t->first) = p->next;
	*(p->next != NULL ? &p->next->prev : &t->last) = p->prev;
	t->requests--;
	t->bytes -= p->n;
}

static struct pending *find_pending(const struct talk *t, uint64_t number)
{
	struct pending *p = t->bucket[number % BUCKETS];

	while (p != NULL && p->number != number)
		p = p->chain;
	return p;
}

/* It is gone before its function runs, which may make the next request. */
static void hand_over(struct talk *t, struct pending *p,
    const struct answer *a)
{
	talk_answer *answer = p->answer;
	void *arg = p->arg;

	detach(t, p);
	free(p);
	t->finished++;
	if (answer != NULL)
		answer(arg, a);
}

/* ---- sending ---- */

/* Services for which the server recognises a repeated id. */
static int takes_id(const char *service)
{
	static const char *const with[] = { "publish", "message", "channel",
		"login" };

	for (size_t i = 0; i < sizeof with / sizeof *with; i++)
		if (strcmp(service, with[i]) == 0)
			return 1;
	return 0;
}

static void make_body(struct talk *t, const char *service,
    const struct buf *members)
{
	struct buf *b = &t->body;
	char id[ID_BYTES_MAX + 1];

	buf_clear(b);
	buf_putc(b, '{');
	json_put_member(b, "service", str_of(service));
	json_put_key(b, "data");
	buf_putc(b, '{');
	if (members != NULL)
		buf_str_add(b, buf_str(members));
	if (takes_id(service)) {
		(void)snprintf(id, sizeof id, "%s.%" PRIu64, t->id_base,
		    ++t->ids);      /* fits: 13, 1 and at most 20 */
		json_put_member(b, "id", str_of(id));
	}
	json_put_time(b, "timestamp", now_ms());
	buf_puts(b, "}}");
	if (b->err || (members != NULL && members->err))
		die(EXIT_FAILED, "out of memory");
}

/* 0; or -1: there is no room now. If there is none for a later frame, libzmq
 * takes back the earlier ones. */
static int send_one(struct talk *t, struct pending *p, int64_t now)
{
	void *s = t->broker.socket;

	if (net_send_copy(s, &p->number, sizeof p->number, 1) == -1 ||
	    net_send_copy(s, "", 0, 1) == -1 ||
	    net_send_copy(s, p->body, p->n, 0) == -1)
		return -1;
	p->due = now + RESEND_MS;
	no_later_than(&t->check_at, p->due);
	return 0;
}

static int may_send(const struct talk *t, int64_t now)
{
	return t->broker.up && now >= t->pause;
}

/* Sends what is due, oldest first, and never one past another that has to
 * wait. */
static void send_due(struct talk *t, int64_t now)
{
	t->unsent = 1;
	if (!may_send(t, now))
		return;
	for (struct pending *p = t->first; p != NULL; p = p->next)
		if (p->due <= now && send_one(t, p, now) == -1)
			return;
	t->unsent = 0;
}

static struct pending *make_pending(struct talk *t, int64_t deadline)
{
	struct pending *p = must_alloc(sizeof *p + t->body.n);

	p->number = ++t->number;
	p->deadline = deadline;
	p->n = t->body.n;
	memcpy(p->body, t->body.p, p->n);
	return p;
}

void talk_request(struct talk *t, const char *service,
    const struct buf *members, int64_t limit_ms, talk_answer *answer,
    void *arg)
{
	int64_t now = ticks_ms();
	struct pending *p;

	make_body(t, service, members);
	p = make_pending(t, limit_ms < 0 ? INT64_MAX : now + limit_ms);
	p->answer = answer;
	p->arg = arg;
	attach(t, p);
	no_later_than(&t->check_at, p->deadline);
	if (now != t->looked)   /* else it could overtake what was lost */
		look_at_broker(t);
	if (!may_send(t, now) || t->unsent || send_one(t, p, now) == -1)
		t->unsent = 1;
}

static void give_up(struct talk *t, struct pending *p)
{
	struct answer a = { .kind = ANSWER_NONE,
		.reason = STR("no answer in time") };

	if (p->unavailable)
		a.reason = STR("no answer in time: servidor indisponível");
	hand_over(t, p, &a);
}

/* Goes through all requests; this is rare, because check_at says when it is
 * worth it. Requests that are made by a function called here are appended, and
 * seen. */
static void check_times(struct talk *t, int64_t now)
{
	struct pending *next;
	int due = 0;

	t->check_at = INT64_MAX;
	for (struct pending *p = t->first; p != NULL; p = next) {
		next = p->next;
		if (p->deadline <= now) {
			give_up(t, p);
			continue;
		}
		no_later_than(&t->check_at, p->deadline);
		if (p->due <= now)
			due = 1;
		else
			no_later_than(&t->check_at, p->due);
	}
	if (due)
		send_due(t, now);
}

/* ---- replies ---- */

static void take_reply(struct talk *t, uint64_t number, struct str body)
{
	struct pending *p = find_pending(t, number);
	struct answer a;

	if (p == NULL)          /* answered before, or given up */
		return;
	if (!reply_read(&a, body, &t->json, &t->scratch)) {
		hand_over(t, p, &a);
		return;
	}
	/* The same reply to later requests has time to come: then all are sent
	 * again in their order, and no new one before them. */
	p->unavailable = 1;
	p->due = t->pause = ticks_ms() + UNAVAILABLE_MS;
	no_later_than(&t->check_at, p->due);
}

/* The frames are our envelope, which begins with the number, and last the body.
 * Brokers differ in whether the empty frame is still there. 1: a message was
 * read; 0: there are no more. */
static int read_reply(struct talk *t)
{
	zmq_msg_t msg;
	uint64_t number = 0;

	(void)zmq_msg_init(&msg);       /* cannot fail */
	if (!net_recv(t->broker.socket, &msg)) {
		(void)zmq_msg_close(&msg);
		return 0;
	}
	if (zmq_msg_size(&msg) == sizeof number)
		memcpy(&number, zmq_msg_data(&msg), sizeof number);
	net_drop_rest(t->broker.socket, &msg);
	take_reply(t, number, net_bytes(&msg));
	(void)zmq_msg_close(&msg);      /* a valid message closes */
	return 1;
}

static void read_replies(struct talk *t)
{
	for (int i = 0; i < REPLIES_A_TURN && read_reply(t); i++)
		;
}

/* ---- the loop ---- */

/* What is polled, and after that the caller's own. */
enum { BROKER_MONITOR, PROXY_MONITOR, BROKER, PROXY, SOCKETS };

static void fill_items(struct talk *t, zmq_pollitem_t *item)
{
	item[BROKER_MONITOR].socket = t->broker.monitor;
	item[PROXY_MONITOR].socket = t->proxy.monitor;
	item[BROKER].socket = t->broker.socket;
	item[PROXY].socket = t->proxy.socket;
	for (int i = 0; i < SOCKETS; i++)
		item[i].events = ZMQ_POLLIN;
	if (t->unsent && may_send(t, ticks_ms()))
		item[BROKER].events |= ZMQ_POLLOUT;
}

/* Does what is due, and returns for how long nothing else will be. That is 0
 * when a request ended by it, since the caller is waiting for that. */
static int64_t do_due(struct talk *t)
{
	int64_t now = ticks_ms(), next;
	uint64_t finished = t->finished;

	if (t->check_at <= now)
		check_times(t, now);
	next = follow_tick(t->follow, now);
	if (t->finished != finished)
		return 0;
	if (t->unsent && t->pause > now)
		no_later_than(&next, t->pause);
	no_later_than(&next, t->check_at);
	return next - now;
}

static void poll_items(zmq_pollitem_t *item, int n, int64_t ms)
{
	if (zmq_poll(item, n, ms > 0 ? (long)ms : 0) != -1)
		return;
	if (errno != EINTR)
		die(EXIT_FAILED, "zmq_poll: %s", zmq_strerror(errno));
	for (int i = 0; i < n; i++)
		item[i].revents = 0;    /* undefined after an error */
}

static int ready_extras(zmq_pollitem_t *extra, const zmq_pollitem_t *item,
    int n)
{
	int ready = 0;

	for (int i = 0; i < n; i++) {
		extra[i].revents = item[i].revents;
		ready += item[i].revents != 0;
	}
	return ready;
}

int talk_poll(struct talk *t, int64_t wait_ms, zmq_pollitem_t *extra,
    int extras)
{
	zmq_pollitem_t item[SOCKETS + TALK_EXTRA_MAX] = { 0 };
	int64_t idle = do_due(t);

	if (wait_ms < 0 || wait_ms > WAIT_MS_MAX)
		wait_ms = WAIT_MS_MAX;
	no_later_than(&wait_ms, idle);
	fill_items(t, item);
	for (int i = 0; i < extras; i++)
		item[SOCKETS + i] = extra[i];
	poll_items(item, SOCKETS + extras, wait_ms);
	look_at_connections(t);
	if (t->unsent)
		send_due(t, ticks_ms());
	read_replies(t);
	follow_read(t->follow);
	return ready_extras(extra, item + SOCKETS, extras);
}

/* ---- calls that wait ---- */

struct call {
	struct talk *talk;
	struct answer *answer;
	int done;
};

/* The memory of *a is the next reply's once this returns: keeps a copy. */
static void call_done(void *arg, const struct answer *a)
{
	struct call *c = arg;
	struct talk *t = c->talk;

	c->done = 1;
	buf_clear(&t->call_reason);
	buf_str_add(&t->call_reason, a->reason);
	*c->answer = (struct answer){ .kind = a->kind, .seq = a->seq,
		.reason = buf_str(&t->call_reason) };
	if (a->data == NULL)
		return;
	buf_clear(&t->call_data);
	buf_str_add(&t->call_data, a->data->raw);
	if (json_parse(&t->call_json, t->call_data.p, t->call_data.n) == -1)
		die(EXIT_FAILED, "out of memory");      /* it was valid */
	c->answer->json = &t->call_json;
	c->answer->data = t->call_json.node;
}

enum answer_kind talk_call(struct talk *t, const char *service,
    const struct buf *members, int64_t limit_ms, struct answer *a)
{
	struct call c = { t, a, 0 };

	talk_request(t, service, members, limit_ms, call_done, &c);
	while (!c.done)
		(void)talk_poll(t, TALK_FOREVER, NULL, 0);
	return a->kind;
}

size_t talk_under_way(const struct talk *t)
{
	return t->requests;
}

size_t talk_under_way_bytes(const struct talk *t)
{
	return t->bytes;
}

/* ---- topics ---- */

void talk_follow(struct talk *t, struct str topic, int inbox, uint64_t from,
    uint64_t tail)
{
	follow_topic(t->follow, topic, inbox, from, tail);
}

void talk_unfollow(struct talk *t, struct str topic)
{
	follow_drop(t->follow, topic);
}

/* ---- opening and closing ---- */

struct talk *talk_open(const char *broker, const char *proxy,
    const struct talk_handler *handler)
{
	struct talk *t = must_alloc(sizeof *t);

	if (handler != NULL)
		t->handler = *handler;
	t->check_at = INT64_MAX;
	make_id_base(t->id_base, must_random());
	t->context = net_context(1);
	connection_open(&t->broker, t->context, ZMQ_DEALER, REPLY_MAX,
	    "broker");
	net_option(t->broker.socket, ZMQ_IMMEDIATE, 1);
	net_option(t->broker.socket, ZMQ_SNDHWM, QUEUE);
	net_option(t->broker.socket, ZMQ_RCVHWM, QUEUE);
	connection_open(&t->proxy, t->context, ZMQ_SUB, FRAME_BYTES_MAX,
	    "proxy");
	t->follow = follow_open(t, t->proxy.socket, &t->handler);
	net_connect(t->broker.socket, broker);
	net_connect(t->proxy.socket, proxy);
	return t;
}

void talk_close(struct talk *t)
{
	for (struct pending *p = t->first, *next; p != NULL; p = next) {
		next = p->next;
		free(p);
	}
	follow_close(t->follow);
	connection_close(&t->broker);
	connection_close(&t->proxy);
	/* After a signal in between the process ends anyway. */
	(void)zmq_ctx_term(t->context);
	json_free(&t->json);
	json_free(&t->call_json);
	buf_free(&t->scratch);
	buf_free(&t->body);
	buf_free(&t->call_data);
	buf_free(&t->call_reason);
	free(t);
}
