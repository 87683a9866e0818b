/* talk.c: see talk.h. Connections and requests; the topics are in follow.c.
 *
 * The order of requests is kept over a lost connection like this: the DEALER has ZMQ_IMMEDIATE, so
 * libzmq queues nothing for a broker that is away and throws away what it had queued for one that
 * went. A monitor says when it went; from then on nothing is sent until it says that there is a new
 * connection, and then everything that has no answer goes out again, oldest first. */
#include "talk.h"

#include "follow.h"
#include "limits.h"
#include "net.h"
#include "util.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define UNAVAILABLE_MS 250      /* no spin, and time for the same answer to those behind it: then
                                 * all go out again in their order, and no new one before them */
#define BUCKETS        1024     /* of requests by number; about as many as are ever under way */
#define TURN           256      /* answers taken before publications get their turn */
#define QUEUE          4096     /* messages in libzmq for the broker: a window and repeats */
#define SOCKETS        4

struct request {
	struct request *next, *prev;    /* all, oldest first: they are sent again in that order */
	struct request *chain;          /* those of the same bucket */
	uint64_t number;                /* in the envelope */
	int64_t deadline;               /* ticks_ms() */
	int64_t due;                    /* when to send it (again) */
	int unavailable;                /* 1: the last thing heard was that there is no server */
	talk_answer *answer;
	void *arg;
	size_t n;
	char body[];
};

struct link {                           /* one of the two connections */
	void *socket, *monitor;
	int up;                         /* 1: the TCP connection is there */
	int ready;                      /* 1: and speaks ZMTP */
};

struct talk {
	void *context;
	struct link broker, proxy;
	struct talk_handler handler;
	struct follow *follow;
	int met;                        /* 1: both were there once */
	int lost;                       /* 1: TALK_LOST was said, TALK_BACK not yet */

	struct request *first, *last, *bucket[BUCKETS];
	size_t requests, bytes;
	uint64_t finished;              /* requests that are over */
	uint64_t number;
	int unsent;                     /* 1: some are due but libzmq has no room or no broker */
	int64_t pause;                  /* ticks_ms(): nothing is sent before */
	int64_t check_at;               /* no request is due, and none over, before this */
	int64_t looked;                 /* ticks_ms() of the last look at the monitors */

	char id_base[16];               /* ids are this and a counter */
	uint64_t ids;
	struct json json;               /* of the answer at hand */
	struct buf reason, make;

	struct buf call_text;           /* of talk_call(): the answer that stays */
	struct json call_json;
	struct buf call_reason;
};

uint64_t talk_random(void)
{
	uint64_t bits;
	int fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC);

	if (fd == -1 || read(fd, &bits, sizeof bits) != (ssize_t)sizeof bits)
		die(EXIT_FAILED, "/dev/urandom:");
	(void)close(fd);        /* nothing was written */
	return bits;
}

/* 13 letters and digits hold 64 bits; short, because it is in every line of the logs. */
static void make_id_base(char *to, uint64_t bits)
{
	for (int i = 0; i < 13; i++, bits /= 36)
		to[i] = "0123456789abcdefghijklmnopqrstuvwxyz"[bits % 36];
	to[13] = '\0';
}

/* ---- reading and writing JSON ---- */

struct str talk_string(const struct json *j, const struct json_node *object, const char *key,
    struct buf *scratch)
{
	const struct json_node *n = json_get(j, object, key);
	struct str s = { "", 0 };

	buf_clear(scratch);
	if (n != NULL && n->type == JSON_STRING)
		(void)json_string(n, scratch, &s);      /* no memory: as if it were not there */
	return s;
}

uint64_t talk_number(const struct json *j, const struct json_node *object, const char *key,
    uint64_t otherwise)
{
	const struct json_node *n = json_get(j, object, key);
	uint64_t value;

	return n != NULL && json_uint(n, &value) == 0 ? value : otherwise;
}

/* Services that the server recognises a repetition of. */
static int takes_id(const char *service)
{
	static const char *const with[] = { "publish", "message", "channel", "login" };

	for (size_t i = 0; i < sizeof with / sizeof *with; i++)
		if (strcmp(service, with[i]) == 0)
			return 1;
	return 0;
}

static void make_body(struct talk *t, const char *service, const struct buf *members)
{
	struct buf *b = &t->make;
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
	json_put_key(b, "timestamp");
	json_put_time(b, now_ms());
	buf_puts(b, "}}");
	if (b->err || (members != NULL && members->err))
		die(EXIT_FAILED, "out of memory");
}

/* ---- connections ---- */

static void *watch(struct talk *t, void *socket, const char *name)
{
	char endpoint[64];
	void *monitor = net_socket(t->context, ZMQ_PAIR, FRAME_BYTES_MAX, 0);

	(void)snprintf(endpoint, sizeof endpoint, "inproc://%s", name); /* a short name fits */
	if (zmq_socket_monitor(socket, endpoint, ZMQ_EVENT_CONNECTED | ZMQ_EVENT_DISCONNECTED |
	    ZMQ_EVENT_HANDSHAKE_SUCCEEDED) == -1)
		die(EXIT_FAILED, "zmq_socket_monitor: %s", zmq_strerror(errno));
	net_connect(monitor, endpoint);
	return monitor;
}

static void say(struct talk *t, enum talk_event event, const char *text)
{
	if (t->handler.event != NULL)
		t->handler.event(t->handler.arg, event, text);
}

static void tell_connection(struct talk *t)
{
	int both = t->broker.ready && t->proxy.ready;

	if (t->met && !both && !t->lost)
		say(t, TALK_LOST, "connection lost; trying again");
	if (both && t->lost)
		say(t, TALK_BACK, "connected again");
	t->lost = t->met && !both;
	t->met |= both;
}

static void all_are_due(struct talk *t)
{
	for (struct request *r = t->first; r != NULL; r = r->next)
		r->due = 0;
	t->unsent = 1;
}

/* Takes the next event of a connection: 1, or 0 when there is none. */
static int next_event(struct link *l, unsigned *event)
{
	zmq_msg_t msg;
	uint16_t number;
	int there;

	(void)zmq_msg_init(&msg);       /* cannot fail */
	there = net_recv(l->monitor, &msg);
	if (there && zmq_msg_size(&msg) >= sizeof number) {
		memcpy(&number, zmq_msg_data(&msg), sizeof number);
		*event = number;
	}
	net_drop_rest(l->monitor, &msg);
	(void)zmq_msg_close(&msg);      /* a valid message closes */
	return there;
}

static void look_at_proxy(struct talk *t)
{
	unsigned event = 0;

	while (next_event(&t->proxy, &event)) {
		t->proxy.ready = event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED;
		if (t->proxy.ready)
			follow_again(t->follow);
	}
}

static void look_at_broker(struct talk *t)
{
	unsigned event = 0;

	while (next_event(&t->broker, &event)) {
		t->broker.up = event != ZMQ_EVENT_DISCONNECTED;
		t->broker.ready = event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED;
		if (event == ZMQ_EVENT_DISCONNECTED)
			all_are_due(t);
	}
}

static void look_at_connections(struct talk *t)
{
	t->looked = ticks_ms();
	look_at_broker(t);
	look_at_proxy(t);
	tell_connection(t);
}

/* ---- requests ---- */

static void append(struct talk *t, struct request *r)
{
	struct request **bucket = &t->bucket[r->number % BUCKETS];

	r->chain = *bucket;
	*bucket = r;
	r->prev = t->last;
	if (t->last != NULL)
		t->last->next = r;
	else
		t->first = r;
	t->last = r;
	t->requests++;
	t->bytes += r->n;
}

static void detach(struct talk *t, struct request *r)
{
	struct request **link = &t->bucket[r->number % BUCKETS];

	while (*link != r)
		link = &(*link)->chain;
	*link = r->chain;
	*(r->prev != NULL ? &r->prev->next : &t->first) = r->next;
	*(r->next != NULL ? &r->next->prev : &t->last) = r->prev;
	t->requests--;
	t->bytes -= r->n;
}

static struct request *find(const struct talk *t, uint64_t number)
{
	struct request *r = t->bucket[number % BUCKETS];

	while (r != NULL && r->number != number)
		r = r->chain;
	return r;
}

/* The request is over: it is gone before its function runs, which may make the next one. */
static void finish(struct talk *t, struct request *r, const struct answer *a)
{
	talk_answer *answer = r->answer;
	void *arg = r->arg;

	detach(t, r);
	free(r);
	t->finished++;
	if (answer != NULL)
		answer(arg, a);
}

/* 0, or -1: there is no room now. When a later frame finds none libzmq takes back the earlier
 * ones. */
static int send_one(struct talk *t, struct request *r, int64_t now)
{
	void *s = t->broker.socket;

	if (net_send_copy(s, &r->number, sizeof r->number, 1) == -1 ||
	    net_send_copy(s, "", 0, 1) == -1 || net_send_copy(s, r->body, r->n, 0) == -1)
		return -1;
	r->due = now + RESEND_MS;
	if (r->due < t->check_at)
		t->check_at = r->due;
	return 0;
}

/* Sends what is due, oldest first and never past one that has to wait. */
static void send_due(struct talk *t, int64_t now)
{
	t->unsent = 1;
	if (!t->broker.up || now < t->pause)
		return;
	for (struct request *r = t->first; r != NULL; r = r->next)
		if (r->due <= now && send_one(t, r, now) == -1)
			return;
	t->unsent = 0;
}

void talk_request(struct talk *t, const char *service, const struct buf *members, int64_t limit_ms,
    talk_answer *answer, void *arg)
{
	struct request *r;
	int64_t now = ticks_ms();

	make_body(t, service, members);
	r = must_alloc(sizeof *r + t->make.n);
	r->number = ++t->number;
	r->deadline = limit_ms < 0 ? INT64_MAX : now + limit_ms;
	r->answer = answer;
	r->arg = arg;
	r->n = t->make.n;
	memcpy(r->body, t->make.p, r->n);
	append(t, r);
	if (r->deadline < t->check_at)
		t->check_at = r->deadline;
	if (now != t->looked)           /* or this could overtake what the broker lost */
		look_at_broker(t);
	if (!t->broker.up || now < t->pause || t->unsent || send_one(t, r, now) == -1)
		t->unsent = 1;
}

static void give_up(struct talk *t, struct request *r)
{
	struct answer a = { .kind = ANSWER_NONE, .reason = STR("no answer in time") };

	if (r->unavailable)
		a.reason = STR("no answer in time: servidor indisponível");
	finish(t, r, &a);
}

/* Looks through all requests; done rarely, because check_at says when it is worth it. A function
 * that is called may make requests: these are appended and seen. */
static void check_times(struct talk *t, int64_t now)
{
	struct request *next;
	int due = 0;

	t->check_at = INT64_MAX;
	for (struct request *r = t->first; r != NULL; r = next) {
		next = r->next;
		if (r->deadline <= now) {
			give_up(t, r);
			continue;
		}
		due |= r->due <= now;
		if (r->deadline < t->check_at)
			t->check_at = r->deadline;
		if (r->due > now && r->due < t->check_at)
			t->check_at = r->due;
	}
	if (due)
		send_due(t, now);
}

/* ---- answers ---- */

static const struct json_node *read_answer(struct talk *t, struct str body, struct answer *a)
{
	const struct json_node *service;

	*a = (struct answer){ .kind = ANSWER_ERRO, .reason = STR("the answer is not JSON") };
	if (json_parse(&t->json, body.p, body.n) == -1)
		return NULL;
	a->json = &t->json;
	a->data = json_get(&t->json, t->json.node, "data");
	service = json_get(&t->json, t->json.node, "service");
	a->reason = STR("the answer has no data");
	if (a->data == NULL || a->data->type != JSON_OBJECT || service == NULL)
		return NULL;
	a->kind = ANSWER_OK;
	a->seq = talk_number(&t->json, a->data, "seq", 0);
	return service;
}

/* Fills *a. 1: it is the broker's word that there is no server: the request is to be sent again. */
static int judge(struct talk *t, struct str body, struct answer *a)
{
	const struct json_node *service = read_answer(t, body, a);

	if (service == NULL)
		return 0;
	if (str_is(talk_string(&t->json, a->data, "status", &t->reason), "erro")) {
		a->kind = ANSWER_ERRO;
		a->reason = talk_string(&t->json, a->data, "description", &t->reason);
		if (a->reason.n == 0)
			a->reason = talk_string(&t->json, a->data, "message", &t->reason);
		if (a->reason.n == 0)
			a->reason = STR("erro");
		return str_is(service->raw, "erro") && str_is(a->reason, "servidor indisponível");
	}
	return 0;
}

static void answered(struct talk *t, uint64_t number, struct str body)
{
	struct request *r = find(t, number);
	struct answer a;

	if (r == NULL)          /* answered before, or given up */
		return;
	if (!judge(t, body, &a)) {
		finish(t, r, &a);
		return;
	}
	r->unavailable = 1;
	r->due = t->pause = ticks_ms() + UNAVAILABLE_MS;
	if (r->due < t->check_at)
		t->check_at = r->due;
}

/* The frames are our envelope, which begins with the number, and last the body; brokers differ in
 * whether the empty frame is still there. 1: a message was taken off; 0: there is none. */
static int take_answer(struct talk *t)
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
	answered(t, number, (struct str){ zmq_msg_data(&msg), zmq_msg_size(&msg) });
	(void)zmq_msg_close(&msg);      /* a valid message closes */
	return 1;
}

static void read_answers(struct talk *t)
{
	for (int i = 0; i < TURN && take_answer(t); i++)
		;
}

/* ---- the loop ---- */

static void fill_items(struct talk *t, zmq_pollitem_t *item)
{
	void *socket[SOCKETS] = { t->broker.monitor, t->proxy.monitor, t->broker.socket,
		t->proxy.socket };

	for (int i = 0; i < SOCKETS; i++)
		item[i] = (zmq_pollitem_t){ .socket = socket[i], .events = ZMQ_POLLIN };
	if (t->unsent && t->broker.up && ticks_ms() >= t->pause)
		item[2].events |= ZMQ_POLLOUT;
}

/* Does what the clock asks for; returns how long nothing else will be due: not at all when a
 * request has ended by it, because that is what the caller is waiting for. */
static int64_t tick(struct talk *t)
{
	int64_t now = ticks_ms(), next;
	uint64_t finished = t->finished;

	if (t->check_at <= now)
		check_times(t, now);
	next = follow_tick(t->follow, now);
	if (t->finished != finished)
		return 0;
	if (t->unsent && t->pause > now && t->pause < next)
		next = t->pause;
	return (next < t->check_at ? next : t->check_at) - now;
}

static int ready_extras(zmq_pollitem_t *extra, const zmq_pollitem_t *item, int n)
{
	int ready = 0;

	for (int i = 0; i < n; i++) {
		extra[i].revents = item[i].revents;
		ready += item[i].revents != 0;
	}
	return ready;
}

int talk_poll(struct talk *t, int64_t wait_ms, zmq_pollitem_t *extra, int extras)
{
	zmq_pollitem_t item[SOCKETS + TALK_EXTRA_MAX];
	int64_t idle = tick(t);

	if (wait_ms < 0 || idle < wait_ms)
		wait_ms = idle > 60000 ? 60000 : idle;  /* INT64_MAX stands for never */
	fill_items(t, item);
	for (int i = 0; i < extras; i++)
		item[SOCKETS + i] = extra[i];
	if (zmq_poll(item, SOCKETS + extras, wait_ms > 0 ? (long)wait_ms : 0) == -1) {
		if (errno != EINTR)
			die(EXIT_FAILED, "zmq_poll: %s", zmq_strerror(errno));
		for (int i = 0; i < SOCKETS + extras; i++)
			item[i].revents = 0;            /* undefined after an error */
	}
	look_at_connections(t);
	if (t->unsent)
		send_due(t, ticks_ms());
	read_answers(t);
	follow_read(t->follow);
	return ready_extras(extra, item + SOCKETS, extras);
}

/* ---- calls that wait ---- */

struct call {
	struct talk *talk;
	struct answer *answer;
	int done;
};

/* The answer's memory belongs to the next one as soon as this returns: keep a copy. */
static void call_done(void *arg, const struct answer *a)
{
	struct call *c = arg;
	struct talk *t = c->talk;

	*c->answer = *a;
	c->done = 1;
	buf_clear(&t->call_reason);
	buf_str_add(&t->call_reason, a->reason);
	c->answer->reason = buf_str(&t->call_reason);
	c->answer->json = NULL;
	c->answer->data = NULL;
	buf_clear(&t->call_text);
	if (a->data == NULL)
		return;
	buf_str_add(&t->call_text, a->data->raw);
	if (json_parse(&t->call_json, t->call_text.p, t->call_text.n) == -1)
		die(EXIT_FAILED, "out of memory");      /* it was parsed before */
	c->answer->json = &t->call_json;
	c->answer->data = t->call_json.node;
}

enum answer_kind talk_call(struct talk *t, const char *service, const struct buf *members,
    int64_t limit_ms, struct answer *a)
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

void talk_follow(struct talk *t, struct str topic, int inbox, uint64_t from, uint64_t tail)
{
	follow_topic(t->follow, topic, inbox, from, tail);
}

void talk_unfollow(struct talk *t, struct str topic)
{
	follow_drop(t->follow, topic);
}

struct talk *talk_open(const char *broker, const char *proxy, const struct talk_handler *handler)
{
	struct talk *t = must_alloc(sizeof *t);

	t->context = net_context(1);
	t->broker.socket = net_socket(t->context, ZMQ_DEALER, REPLY_BYTES_MAX, 0);
	t->proxy.socket = net_socket(t->context, ZMQ_SUB, FRAME_BYTES_MAX, 0);
	t->broker.monitor = watch(t, t->broker.socket, "broker");
	t->proxy.monitor = watch(t, t->proxy.socket, "proxy");
	net_option(t->broker.socket, ZMQ_IMMEDIATE, 1);
	net_option(t->broker.socket, ZMQ_SNDHWM, QUEUE);
	net_option(t->broker.socket, ZMQ_RCVHWM, QUEUE);
	if (handler != NULL)
		t->handler = *handler;
	t->follow = follow_open(t, t->proxy.socket, &t->handler);
	t->check_at = INT64_MAX;
	make_id_base(t->id_base, talk_random());
	net_connect(t->broker.socket, broker);
	net_connect(t->proxy.socket, proxy);
	return t;
}

static void close_link(struct link *l)
{
	(void)zmq_socket_monitor(l->socket, NULL, 0);   /* ends with the socket anyway */
	(void)zmq_close(l->monitor);                    /* fails only for what is no socket */
	(void)zmq_close(l->socket);
}

void talk_close(struct talk *t)
{
	for (struct request *r = t->first, *next; r != NULL; r = next) {
		next = r->next;
		free(r);
	}
	follow_close(t->follow);
	close_link(&t->broker);
	close_link(&t->proxy);
	(void)zmq_ctx_term(t->context);         /* a signal in between: the process ends anyway */
	json_free(&t->json);
	json_free(&t->call_json);
	buf_free(&t->reason);
	buf_free(&t->make);
	buf_free(&t->call_text);
	buf_free(&t->call_reason);
	free(t);
}
