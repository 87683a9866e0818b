/* broker.c: gives each request of a client to a server that has room, keeps it until it is answered
 * and gives it to another server when that one dies or hangs. It reads none: bodies are bytes.
 *
 * The life of a request is a row of the table:
 *
 *   taken from the front -> waits in a queue -> is at a server -> answered, row free
 *                               ^                    |
 *                               +--- server gone ----+
 *
 * and whatever its state, the broker answers it with an error itself after REQUEST_WAIT_MS. What
 * broker and servers say to each other is in back.h. */
#include "back.h"
#include "json.h"
#include "limits.h"
#include "net.h"
#include "requests.h"
#include "util.h"

#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STOP_MS         700     /* at the end, for the servers to answer what is open */
#define FLUSH_MS        200     /* then, for the last answers to leave; together below 1 s */
#define RETRY_MS        10      /* until a server whose pipe was full is tried again */
#define PROBES          3       /* beats after some peer went, PROBE_MS apart: the event can be */
#define PROBE_MS        10      /* faster than the end of the connection itself */
#define TAKE_MAX        1000    /* messages from one socket in one turn, then the other has its */
#define FEW             32      /* requests: a turn that took fewer, of more under way, was early */

struct server {
	char name[255];         /* the address that the ROUTER gave it */
	size_t name_bytes;      /* 0: the row is free */
	unsigned number;        /* in our log */
	int leaving;            /* it said goodbye */
	int full;               /* its pipe took no more */
	int lost;               /* it is gone, which is dealt with at the end of the turn */
	uint64_t credit;        /* requests it takes at a time */
	uint64_t open;          /* requests it was given and has not answered */
	int64_t heard;          /* when it last said something, ms */
	struct queue waiting;   /* requests of clients that are bound to it */
	struct buf out;         /* the batch of this turn */
};

/* A big answer in libzmq's hands. */
struct unread {
	size_t n;
	char text[];
};

static void *front, *back, *monitor;
static int signals, monitor_fd, stopping;

static struct requests table;
static struct queue general;            /* waiting, for any server; in order of arrival */
static uint64_t open;                   /* requests that are at a server */
static uint64_t counter[BACK_COUNTERS];
static int64_t started, now;            /* ms */

static struct server server[SERVERS_MAX], *servers_end = server;       /* free rows among them */
static int servers, lost, full;         /* how many there are, and of which kind */
static int64_t beat_at, probe_at;
static int probes;
static atomic_size_t unread_bytes;      /* of answers above SMALL_ANSWER_BYTES that libzmq has */

/* ---- the front: clients ---- */

/* Reads what stands behind the address: the envelope up to its first empty frame and then the body,
 * or, from a DEALER that sends no empty frame, frames of which the last is the body. Any other
 * message gets an empty body: a server answers that with its one clear error. */
static void take_frames(struct request *r)
{
	int delimited = 0, more = 1;

	while (more && net_recv(front, &r->body)) {
		size_t n = zmq_msg_size(&r->body);

		more = net_more(&r->body);
		r->bytes += n;
		net_own(&r->body);
		if (!more && (delimited || n > 0))
			return;
		if (delimited || r->frames == ENVELOPE_FRAMES_MAX)
			break;
		(void)zmq_msg_init(&r->frame[r->frames]);
		(void)zmq_msg_move(&r->frame[r->frames++], &r->body);
		delimited = n == 0;
	}
	while (more && net_recv(front, &r->body))
		more = net_more(&r->body);
	(void)zmq_msg_close(&r->body);
	(void)zmq_msg_init(&r->body);
}

/* 1: a request was there, and waits now. */
static int take_request(void)
{
	zmq_msg_t identity;
	struct request *r;

	(void)zmq_msg_init(&identity);
	if (!net_recv(front, &identity))
		return 0;
	r = requests_add(&table, &identity, now);
	take_frames(r);
	table.bytes += r->bytes;
	counter[BACK_REQUESTS]++;
	queue_add(&general, r);
	return 1;
}

/* The one answer that is the broker's own. It leaves open whether a server has done the request. */
static struct str refusal(void)
{
	static struct buf b;

	buf_clear(&b);
	buf_puts(&b, "{\"service\":\"erro\",\"data\":{\"status\":\"erro\","
	    "\"message\":\"servidor indisponível\",\"description\":\"servidor indisponível\","
	    "\"timestamp\":");
	json_put_time(&b, now_ms());
	buf_puts(&b, "}}");
	if (b.err)
		die(EXIT_FAILED, "out of memory");
	return buf_str(&b);
}

/* Called by libzmq's thread when a big answer has left, or was dropped with its connection. */
static void unread_done(void *text, void *hint)
{
	struct unread *u = hint;

	(void)text;                             /* is inside *u */
	atomic_fetch_sub(&unread_bytes, u->n);
	free(u);
}

static void send_body(struct str text)
{
	struct unread *u;
	zmq_msg_t msg;

	if (text.n > SMALL_ANSWER_BYTES && unread_bytes + text.n > UNREAD_BYTES_MAX) {
		counter[BACK_UNROUTABLE]++;
		text = refusal();
	}
	if (text.n <= SMALL_ANSWER_BYTES) {
		(void)net_send_copy(front, text.p, text.n, 0);
		return;
	}
	u = must_grow(NULL, sizeof *u + text.n, 1);
	u->n = text.n;
	memcpy(u->text, text.p, text.n);
	if (zmq_msg_init_data(&msg, u->text, u->n, unread_done, u) == -1)
		die(EXIT_FAILED, "out of memory");
	atomic_fetch_add(&unread_bytes, text.n);
	(void)net_send(front, &msg, 0);
}

/* Sends the answer in the shape of the request, whose row is free then. When the client is gone or
 * has left FRONT_OUT_MAX answers unread the first frame is not taken, and no other must follow it. */
static void answer(struct request *r, struct str text)
{
	zmq_msg_t identity;
	int there;

	(void)zmq_msg_init(&identity);
	(void)zmq_msg_copy(&identity, &r->client->identity);
	there = net_send(front, &identity, 1) == 0;
	for (int i = 0; i < r->frames; i++)
		if (there)
			(void)net_send(front, &r->frame[i], 1); /* behind the first nothing fails */
		else
			(void)zmq_msg_close(&r->frame[i]);
	if (there)
		send_body(text);
	else
		counter[BACK_UNROUTABLE]++;
	open -= r->server != NULL;
	requests_remove(&table, r);
}

static void refuse(struct request *r)
{
	counter[BACK_EXPIRED]++;
	answer(r, refusal());
}

static int expired(const struct request *r)
{
	return now - r->arrived >= REQUEST_WAIT_MS;
}

/* With a request all that its client sent behind it expire, waiting or open: another server would store
 * those first, and the client's second try of this one after them. */
static void expire(void)
{
	if (table.oldest == NULL || !expired(table.oldest))
		return;
	for (struct request *r = table.oldest, *newer; r != NULL; r = newer) {
		newer = r->newer;
		if (expired(r))
			r->client->late = now;
		if (r->client->late == now)
			refuse(r);
	}
}

/* ---- the back: servers ---- */

static int say(const struct server *s, const void *p, size_t n)
{
	if (net_send_copy(back, s->name, s->name_bytes, 1) == -1)
		return -1;
	return net_send_copy(back, p, n, 0);
}

static void mark_lost(struct server *s, const char *why)
{
	if (s->lost)
		return;
	warn("server %u: %s, open requests: %llu", s->number, why, (unsigned long long)s->open);
	s->lost = 1;
	lost++;
}

static void mark_full(struct server *s, int yes)
{
	full += yes - s->full;
	s->full = yes;
}

/* A beat is also how we find out who is gone: it cannot be sent to a connection that ended. */
static void beat(struct server *s)
{
	static struct buf b;

	counter[BACK_OPEN] = open;
	counter[BACK_WAITING] = table.kept - open;
	counter[BACK_SERVERS] = (uint64_t)servers;
	counter[BACK_UPTIME_MS] = (uint64_t)(now - started);
	counter[BACK_CREDIT] = 0;
	for (struct server *t = server; t < servers_end; t++)
		if (t->name_bytes > 0 && t->credit > t->open)
			counter[BACK_CREDIT] += t->credit - t->open;
	buf_clear(&b);
	buf_putc(&b, 'B');
	for (int i = 0; i < BACK_COUNTERS; i++)
		buf_le64(&b, counter[i]);
	if (b.err)
		die(EXIT_FAILED, "out of memory");
	if (say(s, b.p, b.n) == -1 && errno == EHOSTUNREACH)
		mark_lost(s, "gone");
}

static void beat_all(void)
{
	for (struct server *s = server; s < servers_end; s++)
		if (s->name_bytes > 0)
			beat(s);
}

/* Takes back all that s has and all that waits for it. The general queue is made anew, in order of
 * arrival: that costs a walk over the table, but only when a server goes. */
static void release(struct server *s)
{
	general = (struct queue){ NULL, NULL };
	for (struct request *r = table.oldest; r != NULL; r = r->newer) {
		if (r->client->server == s)
			r->client->server = NULL;
		if (r->server == s) {
			r->server = NULL;
			open--;
			queue_add(&general, r);
		} else if (r->queue == &general || r->queue == &s->waiting)
			queue_add(&general, r);
	}
	s->waiting = (struct queue){ NULL, NULL };
	s->open = 0;
	buf_clear(&s->out);
	mark_full(s, 0);
}

static void bury_lost(void)
{
	for (struct server *s = server; lost > 0 && s < servers_end; s++)
		if (s->lost) {
			release(s);
			buf_free(&s->out);
			*s = (struct server){ 0 };
			servers--;
			lost--;
		}
}

static struct server *server_find(const char *name, size_t n)
{
	for (struct server *s = server; s < servers_end; s++)
		if (s->name_bytes == n && memcmp(s->name, name, n) == 0)
			return s;
	return NULL;
}

/* A new server; NULL: the table is full. */
static struct server *server_new(const char *name, size_t n)
{
	static unsigned number;
	struct server *s = server;

	while (s < servers_end && s->name_bytes > 0)
		s++;
	if (s == server + SERVERS_MAX || n > sizeof s->name)
		return NULL;
	if (s == servers_end)
		servers_end++;
	memcpy(s->name, name, n);
	s->name_bytes = n;
	s->number = ++number;
	servers++;
	return s;
}

/* A server that says hello again has forgotten what it was given, or was told that we have. */
static void hello(struct server *s, const char *name, size_t n, struct str rest)
{
	uint64_t version, credit;

	if (take_le64(&rest, &version) == -1 || take_le64(&rest, &credit) == -1 ||
	    version != BACK_VERSION) {
		warn("hello of a server that speaks another version: ignored");
		return;
	}
	if (s != NULL)
		release(s);
	else if ((s = server_new(name, n)) == NULL) {
		warn("more than %d servers: hello ignored", SERVERS_MAX);
		return;
	}
	s->credit = credit < REQUESTS_MAX ? credit : REQUESTS_MAX;
	s->leaving = 0;
	s->heard = now;
	warn("server %u: hello, takes %llu requests", s->number, (unsigned long long)s->credit);
	beat(s);
}

/* The first answer to a request is the answer, whoever gives it. A server's room comes back with
 * each answer to what it was given, also when the request has expired; but not when that is at
 * another server now, for then s was given up in between and its account was begun anew. */
static void take_answers(struct server *s, struct str records)
{
	struct request_id id;
	struct str body;
	int got;

	while ((got = back_take_record(&records, &id, &body)) == 1) {
		struct request *r = requests_find(&table, id);

		if (s != NULL && s->open > 0 && (r == NULL || r->server == s))
			s->open--;
		if (r != NULL) {
			counter[BACK_ANSWERED]++;
			answer(r, body);
		}
	}
	if (got == -1)
		warn("answers of a server are cut off: the rest is ignored");
}

/* Asks an unknown server who it is: once for all that comes from it in one go, since each hello has
 * its requests given again. Should this get lost, its next beat comes after HEARTBEAT_MS. */
static void ask(const char *name, size_t n)
{
	static struct server asked;             /* only its name and when it was heard */

	if (n > sizeof asked.name || (n == asked.name_bytes && memcmp(name, asked.name, n) == 0 &&
	    now - asked.heard < HEARTBEAT_MS / 2))
		return;
	memcpy(asked.name, name, n);
	asked.name_bytes = n;
	asked.heard = now;
	(void)say(&asked, "W", 1);              /* gone meanwhile: nobody to ask */
}

static void hear(const char *name, size_t n, struct str said)
{
	struct server *s = server_find(name, n);
	char letter = said.n > 0 ? said.p[0] : '\0';
	struct str rest = { said.p + 1, said.n > 0 ? said.n - 1 : 0 };

	if (letter == 'A')
		take_answers(s, rest);
	if (letter == 'H')
		hello(s, name, n, rest);
	else if (s == NULL)
		ask(name, n);
	else {
		s->heard = now;
		if (letter == 'G' && !s->leaving) {
			s->leaving = 1;
			warn("server %u: goodbye", s->number);
		}
	}
}

/* 1: some server had said something. */
static int take_back(void)
{
	zmq_msg_t name, said;

	(void)zmq_msg_init(&name);
	(void)zmq_msg_init(&said);
	if (!net_recv(back, &name))
		return 0;
	if (net_more(&name) && net_recv(back, &said))
		hear(zmq_msg_data(&name), zmq_msg_size(&name),
		    (struct str){ zmq_msg_data(&said), zmq_msg_size(&said) });
	net_drop_rest(back, &said);
	(void)zmq_msg_close(&name);
	(void)zmq_msg_close(&said);
	return 1;
}

/* ---- from the queues to the servers ---- */

static int ready(const struct server *s)
{
	return s->open < s->credit && !s->leaving && !s->full && !s->lost;
}

/* The one with the most room, or NULL. */
static struct server *pick(void)
{
	struct server *best = NULL;

	for (struct server *s = server; s < servers_end; s++)
		if (s->name_bytes > 0 && ready(s) &&
		    (best == NULL || s->credit - s->open > best->credit - best->open))
			best = s;
	return best;
}

static void flush(struct server *s)
{
	if (s->out.n == 0)
		return;
	if (say(s, s->out.p, s->out.n) == 0) {
		buf_clear(&s->out);
		mark_full(s, 0);
	} else if (errno == EAGAIN)
		mark_full(s, 1);        /* the batch stays, and is tried again */
	else
		mark_lost(s, "gone");
}

static void give(struct server *s, struct request *r)
{
	struct str body = { zmq_msg_data(&r->body), zmq_msg_size(&r->body) };
	struct request_id id = { table.boot, r->count | (r->given ? BACK_AGAIN : 0) };

	queue_remove(r);
	if (s->out.n == 0)
		buf_putc(&s->out, 'Q');
	back_put_record(&s->out, id, body);
	if (s->out.err)
		die(EXIT_FAILED, "out of memory");
	counter[BACK_REDELIVERED] += (uint64_t)r->given;
	r->given = 1;
	r->server = s;
	s->open++;
	open++;
	if (s->out.n >= BACK_REQUESTS_BYTES)
		flush(s);
}

/* A request whose client is bound to a server without room waits in that server's queue and lets
 * others pass. What is there has been at the head of the general queue: it goes first. */
static void dispatch(void)
{
	struct request *r;

	for (struct server *s = server; s < servers_end; s++) {
		if (s->leaving && s->open == 0 && s->waiting.first != NULL)
			release(s);
		while (s->waiting.first != NULL && ready(s))
			give(s, s->waiting.first);
	}
	while ((r = general.first) != NULL) {
		struct server *s = r->client->server;

		if (s == NULL || (s->leaving && s->open == 0))
			s = r->client->server = pick();
		if (s == NULL)
			return;
		if (ready(s)) {
			give(s, r);
		} else {
			queue_remove(r);
			queue_add(&s->waiting, r);
		}
	}
}

static void deliver(void)
{
	do {
		bury_lost();
		dispatch();
		for (struct server *s = server; s < servers_end; s++)
			flush(s);
	} while (lost > 0);
}

/* ---- the loop ---- */

static void timers(void)
{
	expire();
	if (servers > 0 && now >= beat_at) {
		beat_at = now + HEARTBEAT_MS;
		beat_all();
		for (struct server *s = server; s < servers_end; s++)
			if (s->name_bytes > 0 && now - s->heard >= DEAD_MS)
				mark_lost(s, "silent");
	}
	if (probes > 0 && now >= probe_at) {
		probe_at = now + PROBE_MS;
		probes--;
		beat_all();
	}
}

/* Milliseconds until timers() has something to do, or -1: nothing. */
static long wait_ms(void)
{
	int64_t at = INT64_MAX;

	if (table.oldest != NULL)
		at = table.oldest->arrived + REQUEST_WAIT_MS;
	if (servers > 0 && beat_at < at)
		at = beat_at;
	if (probes > 0 && probe_at < at)
		at = probe_at;
	if (full > 0 && now + RETRY_MS < at)
		at = now + RETRY_MS;
	return at == INT64_MAX ? -1 : at > now ? (long)(at - now) : 0;
}

/* Which connection ended the event does not say: beats find out. */
static void take_events(void)
{
	zmq_msg_t event;

	(void)zmq_msg_init(&event);
	while (net_recv(monitor, &event))
		probes = PROBES;
	(void)zmq_msg_close(&event);
}

/* One turn: answers first, they make room. Waits until something comes, most_ms at most (-1: for
 * ever). The front is only watched while there is room, else a full table would spin. */
static void turn(int taking, long most_ms)
{
	zmq_pollitem_t item[] = {
		{ NULL, signals, ZMQ_POLLIN, 0 },
		{ back, 0, ZMQ_POLLIN, 0 },
		{ NULL, monitor_fd, ZMQ_POLLIN, 0 },
		{ front, 0, ZMQ_POLLIN, 0 },
	};
	long ms = wait_ms();
	int taken = 0;

	if (most_ms >= 0 && (ms == -1 || most_ms < ms))
		ms = most_ms;
	net_poll(item, taking && requests_room(&table) ? 4 : 3, ms);
	now = ticks_ms();
	if (item[0].revents != 0)
		stopping = stop_asked(signals);
	if (item[2].revents != 0)
		take_events();
	if (item[1].revents != 0)
		for (int i = 0; i < TAKE_MAX && take_back(); i++)
			;
	if (item[3].revents != 0)
		while (taken < TAKE_MAX && requests_room(&table) && take_request())
			taken++;
	timers();
	deliver();
	/* Where all processors are busy others come first, and what they send meanwhile wakes nobody: with
	 * 256 clients on two processors x 1.09. Where one is idle this is nothing. */
	if (taken > 0 && taken < FEW && open > FEW)
		(void)sched_yield();    /* cannot fail */
}

/* Nothing that was taken stays without an answer, nor what has come meanwhile. */
static void stop(void)
{
	int64_t until = now + STOP_MS;

	while (table.oldest != NULL && now < until)
		turn(0, (long)(until - now));
	while (table.oldest != NULL)
		refuse(table.oldest);
	for (uint64_t i = 0; i < REQUESTS_MAX && take_request(); i++)
		refuse(table.oldest);
	(void)zmq_socket_monitor(back, NULL, 0);        /* without a reader it stalls the back */
	(void)zmq_close(monitor);                       /* cannot fail: all three are sockets */
	(void)zmq_close(back);
	(void)zmq_close(front);
}

static void usage(FILE *to)
{
	(void)fprintf(to,
	    "usage: %s [-f endpoint] [-k endpoint]\n"
	    "  -f endpoint   ROUTER, for clients (%s)\n"
	    "  -k endpoint   ROUTER, for servers (%s)\n"
	    "  -h, -V        this text; the version\n", program(), DEFAULT_FRONT, DEFAULT_BACK);
}

static void options(int argc, char **argv, const char **clients_at, const char **servers_at)
{
	int c;

	while ((c = getopt(argc, argv, "f:k:hV")) != -1)
		switch (c) {
		case 'f': *clients_at = optarg; break;
		case 'k': *servers_at = optarg; break;
		case 'h': usage(stdout); exit(0);
		case 'V': (void)printf("recado %s\n", RECADO_VERSION); exit(0);
		default: usage(stderr); exit(EXIT_USAGE);
		}
	if (optind != argc) {
		usage(stderr);
		exit(EXIT_USAGE);
	}
}

static void *open_router(void *context, const char *endpoint, size_t frame_bytes_max, int linger_ms,
    int hwm_out, int hwm_in)
{
	void *socket = net_socket(context, ZMQ_ROUTER, frame_bytes_max, linger_ms);

	net_option(socket, ZMQ_ROUTER_MANDATORY, 1);
	net_option(socket, ZMQ_SNDHWM, hwm_out);
	net_option(socket, ZMQ_RCVHWM, hwm_in);
	net_bind(socket, endpoint);
	return socket;
}

static void *open_monitor(void *context, void *socket)
{
	static const char endpoint[] = "inproc://back";
	void *events = net_socket(context, ZMQ_PAIR, FRAME_BYTES_MAX, 0);

	if (zmq_socket_monitor(socket, endpoint, ZMQ_EVENT_DISCONNECTED) == -1)
		die(EXIT_FAILED, "zmq_socket_monitor: %s", zmq_strerror(errno));
	net_connect(events, endpoint);
	return events;
}

int main(int argc, char **argv)
{
	const char *clients_at = DEFAULT_FRONT, *servers_at = DEFAULT_BACK;
	char bound[256];
	void *context;

	set_program(argv[0]);
	options(argc, argv, &clients_at, &servers_at);
	signals = stop_signals();
	net_descriptors();
	started = now = ticks_ms();
	requests_open(&table, (uint64_t)now_ms() * 1000);
	context = net_context(1);
	front = open_router(context, clients_at, FRAME_BYTES_MAX, FLUSH_MS, FRONT_OUT_MAX, FRONT_IN_MAX);
	back = open_router(context, servers_at, BACK_ANSWERS_BYTES_MAX, 0, BACK_OUT_MAX, BACK_IN_MAX);
	monitor = open_monitor(context, back);
	monitor_fd = net_fd(monitor);
	(void)snprintf(bound, sizeof bound, "%s", net_bound(front));
	warn("ready: clients %s, servers %s", bound, net_bound(back));
	while (!stopping)
		turn(1, -1);
	stop();
	requests_close(&table);
	(void)zmq_ctx_term(context);
	return 0;
}
