/* broker.c: gives each request of a client to a server that has room, keeps it
 * until it is answered, and gives it to another server when that one dies or
 * hangs. It reads no request: bodies are bytes.
 *
 * Clients take turns, request by request. The life of a request:
 *
 *   taken from the front -> waits in a queue -> is at a server -> answered
 *                               ^                    |
 *                               +--- server gone ----+
 *
 * After REQUEST_WAIT_MS, in whatever state it is, the broker answers it with an
 * error itself. What broker and servers say to each other is in back.h. */
#include "back.h"
#include "connections.h"
#include "json.h"
#include "limits.h"
#include "net.h"
#include "requests.h"
#include "util.h"

#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* How long it waits at the end for servers to answer what is open, then for the
 * last answers to leave. Together below 1 s. */
#define STOP_MS  700
#define FLUSH_MS 200
/* After this long a server whose pipe was full is tried again. */
#define FULL_RETRY_MS 10
/* After a connection has ended so many heartbeats are sent, so far apart: the
 * event can come before the ROUTER itself knows. */
#define PROBES   3
#define PROBE_MS 10
/* Requests: a turn that took fewer, with more at servers, came too early. */
#define FEW      32
/* Bytes of answers after which the other sockets get their turn. */
#define TURN_BYTES MIB
/* After so many refusals in a turn clients wait for so long. One that floods
 * reads them slower than we write, and libzmq's thread does nothing else
 * meanwhile: it did not hear servers for 3 s. */
#define REFUSALS   100
#define REFUSED_MS 10
/* How often it is looked who has left, while there is little room. */
#define LEFT_MS 10
/* And after so many bytes of what was refused in a turn, clients are cut, which
 * takes them longer: libzmq reads on for each, and counts only messages. */
#define REFUSED_BYTES (MIB / 4)
/* A directory that has answered no client yet has so long when another one
 * waits: it may be one that never will. */
#define FIRST_MS 500
/* The count of the requests with which the broker tries new servers out; the
 * table never gets there. */
#define TRIAL ((uint64_t)1 << 62)

struct server {
	char name[255];         /* the address that the ROUTER gave it */
	size_t name_bytes;      /* 0: the row is free */
	unsigned number;        /* in what we print */
	uint64_t directory;
	int fd;                 /* of its connection */
	int used;               /* 1: clients may be bound to it */
	int leaving;            /* it said goodbye */
	int full;               /* its pipe took no more */
	int lost;               /* gone; removed at the end of the turn */
	uint64_t credit;        /* requests that it takes at a time */
	uint64_t open;          /* requests that it has not answered */
	int64_t heard;          /* ms: when it last said something */
	int64_t answered;       /* ms: when it last did, or had nothing to */
	struct ring waiting;    /* clients that are bound to it */
	struct buf out;         /* the batch of this turn */
};

/* A connection that has said hello: it has no place among the servers until it
 * has answered a request of ours. Each has a row of its own, so that none takes
 * another's, however many there are and however often they say it. */
struct trial {
	char name[255];
	size_t name_bytes;      /* 0: the row is free */
	uint64_t directory, credit;
	uint64_t count;         /* of the request */
	uint64_t passed;        /* its turn among those that have; 0: not yet */
	int64_t heard;          /* ms */
};

static void *front, *back;
static struct connections clients_there, servers_there;
static int signals, stopping;

static struct requests table;
static struct ring general;     /* clients that wait for any server */
static uint64_t open;           /* requests that are at a server */
static uint64_t counter[BACK_COUNTERS];
static int64_t started, now;    /* ms */
static int refusals;            /* in this turn */
static size_t refused;          /* bytes, in this turn */
static int64_t taking_from;     /* ms: no request is taken before */

static struct server server[SERVERS_MAX];
static struct server *servers_end = server;     /* free rows are before it */
static int servers, lost, full; /* how many there are; are lost; are full */
static int64_t heartbeat_at, probe_at;
static int probes;
static uint64_t home;           /* the directory of the servers */
static int64_t home_heard;      /* ms: when one of them last said something */
static int64_t home_asked;      /* ms: when it was first given one; or 0 */
static uint64_t served;         /* whose servers last answered a client */

static struct trial *trial;     /* the index is the descriptor */
static size_t trials;

/* ---- who comes and goes ---- */

/* The ROUTER does not know its peers by descriptor: heartbeats find out which
 * server has gone. */
static void look_for_gone(void)
{
	enum connections_event e;
	int fd;

	while (connections_next(&clients_there, &fd) != CONNECTIONS_NOTHING)
		;
	while ((e = connections_next(&servers_there, &fd)) !=
	    CONNECTIONS_NOTHING)
		if (e == CONNECTIONS_WENT)
			probes = PROBES;
}

/* ---- the front: clients ---- */

/* Reads what follows the address: the envelope up to its first empty frame and
 * then the body, or, from a DEALER that sends no empty frame, frames of which
 * the last is the body. Any other message gets an empty body, which a server
 * answers with its one clear error. Returns the bytes of the frames. *fd is the
 * connection, which the address does not always tell. */
static size_t take_frames(struct request *r, int *fd)
{
	size_t n, envelope = 0;
	int delimited = 0, more = 1;

	*fd = -1;
	while (more && net_recv(front, &r->body)) {
		if (*fd == -1)
			*fd = zmq_msg_get(&r->body, ZMQ_SRCFD);
		n = zmq_msg_size(&r->body);
		more = net_more(&r->body);
		net_own(&r->body);
		if (!more && (delimited || n > 0))
			return envelope + n;
		if (delimited || r->frames == ENVELOPE_FRAMES_MAX ||
		    envelope + n > ENVELOPE_BYTES_MAX)
			break;
		envelope += n;
		(void)zmq_msg_init(&r->frame[r->frames]);
		(void)zmq_msg_move(&r->frame[r->frames++], &r->body);
		delimited = n == 0;
	}
	while (more && net_recv(front, &r->body))
		more = net_more(&r->body);
	(void)zmq_msg_close(&r->body);
	(void)zmq_msg_init(&r->body);
	return envelope;
}

/* The only answer of the broker's own. It leaves open whether a server has
 * carried out the request. */
static struct str refusal(void)
{
	static struct buf b;
	struct str reason = STR("servidor indisponível");

	buf_clear(&b);
	buf_puts(&b, "{\"service\":\"erro\",\"data\":{\"status\":\"erro\"");
	json_put_member(&b, "message", reason);
	json_put_member(&b, "description", reason);
	json_put_time(&b, "timestamp", now_ms());
	buf_puts(&b, "}}");
	if (b.err)
		die(EXIT_FAILED, "out of memory");
	return buf_str(&b);
}

static int fits_unread(struct requester *c, size_t bytes)
{
	size_t mine = c->unread.bytes, all = table.unread.bytes;

	if (mine + bytes <= UNREAD_BYTES_LEAST)
		return 1;
	if (all + bytes > UNREAD_BYTES_MAX)
		return 0;
	return mine == 0 ||
	    mine + bytes <= (UNREAD_BYTES_MAX - (all - mine)) / UNREAD_PARTS;
}

/* What libzmq keeps beside the body until the answer is read. */
static size_t answer_extra(struct request *r)
{
	size_t n = ANSWER_BYTES_EXTRA + FRAME_BYTES_EXTRA;

	for (int i = 0; i < r->frames; i++)
		n += FRAME_BYTES_EXTRA + zmq_msg_size(&r->frame[i]);
	return n;
}

/* When the client is gone, or has left FRONT_OUT_MAX answers unread, libzmq
 * refuses the first frame, and none may follow it. */
static int send_address(struct requester *c)
{
	zmq_msg_t identity;

	(void)zmq_msg_init(&identity);
	(void)zmq_msg_copy(&identity, &c->identity);
	return net_send(front, &identity, 1);
}

/* Sends the answer in the shape of the request, or drops it. */
static void send_answer(struct request *r, struct str text)
{
	struct requester *c = r->client;
	size_t extra = answer_extra(r);

	if (!fits_unread(c, text.n + extra)) {
		counter[BACK_UNROUTABLE]++;
		text = refusal();
	}
	if (!fits_unread(c, text.n + extra))
		return;
	if (send_address(c) == -1) {
		counter[BACK_UNROUTABLE]++;
		return;
	}
	for (int i = 0; i < r->frames; i++)
		(void)net_send(front, &r->frame[i], 1); /* cannot fail */
	r->frames = 0;
	(void)net_send_counted(front, text.p, text.n, extra, &c->unread);
}

static void drop_request(struct request *r)
{
	for (int i = 0; i < r->frames; i++)
		(void)zmq_msg_close(&r->frame[i]);      /* not sent */
	open -= r->server != NULL;
	requests_remove(&table, r);
}

static void answer(struct request *r, struct str text)
{
	send_answer(r, text);
	drop_request(r);
}

static void refuse(struct request *r)
{
	counter[BACK_EXPIRED]++;
	answer(r, refusal());
}

/* ---- clients that make us hold too much ---- */

static void drop_requests_of_cut(void)
{
	struct request *r = table.oldest;

	while (r != NULL) {
		struct request *newer = r->newer;

		if (r->client->cut)
			drop_request(r);
		r = newer;
	}
}

/* It is remembered for as long as libzmq has more from it, which another
 * connection could have the descriptor of. */
static void mark_cut(struct requester *c)
{
	c->cut = 1;
	c->refuse_until = now + REFUSE_ON_MS;
}

static void cut_client(struct requester *c, const char *why)
{
	if (connections_has(&clients_there, c->fd))
		connections_cut(&clients_there, c->fd, why);
	mark_cut(c);
	drop_requests_of_cut();
}

/* What those have sent who left meanwhile goes when room gets short: else who
 * comes, says 2000 things and leaves takes it from those that stay. Until then
 * it is carried out. */
static void drop_left(void)
{
	static int64_t looked;

	if (!requests_short(&table) || now - looked < LEFT_MS)
		return;
	looked = now;
	for (uint64_t i = 0; i < table.clients_used; i++) {
		struct requester *c = &table.client[i];

		if (c->requests > 0 && c->fd >= 0 &&
		    connections_cut_left(&clients_there, c->fd))
			mark_cut(c);
	}
	drop_requests_of_cut();
}

static size_t requests_of(const struct requester *c)
{
	return c->bytes + c->requests * (REQUESTS_BYTES_MAX / REQUESTS_MAX);
}

static size_t unread_of(const struct requester *c)
{
	return atomic_load(&c->unread.bytes);
}

/* All connections are read, whatever waits: what stays in libzmq is bounded by
 * number only. */
static void make_room(void)
{
	struct requester *c = requests_greediest(&table, requests_of, 0);
	struct request *r = table.oldest;

	while (r != NULL && c != NULL) {
		struct request *newer = r->newer;

		if (r->client == c)
			refuse(r);
		r = newer;
	}
	if (c != NULL)
		requests_expired(&table, c);
	refusals++;
}

/* libzmq forgets what was cut a moment later: until then it still counts. */
static void bound_unread(void)
{
	struct requester *c;

	while (table.unread.bytes >= UNREAD_BYTES_CUT &&
	    (c = requests_greediest(&table, unread_of, UNREAD_BYTES_CUT)) !=
	    NULL)
		cut_client(c, "too many unread answers in all, and it has "
		    "most");
}

static void take_refused(struct request *r, int fd)
{
	refused += r->bytes;
	if (refused > REFUSED_BYTES) {
		cut_client(r->client, "refused, and sends on");
		return;
	}
	refuse(r);
	refusals++;
	(void)connections_cut_left(&clients_there, fd);         /* or not */
}

/* 1: a request was taken, and waits now, was refused or dropped. */
static int take_request(void)
{
	zmq_msg_t identity;
	struct request *r;
	int fd, within;

	(void)zmq_msg_init(&identity);
	if (!net_recv(front, &identity))
		return 0;
	if (requests_full(&table))
		make_room();
	r = requests_add(&table, &identity);
	within = requests_count(&table, r, take_frames(r, &fd)) == 0;
	/* One that comes, says 2000 things and leaves, and does so all the
	 * time, must not have that answered. It is still to be read. */
	if (r->client->cut || connections_was_cut(&clients_there, fd)) {
		drop_request(r);
		return 1;
	}
	counter[BACK_REQUESTS]++;
	r->client->fd = fd;
	if (!within) {
		take_refused(r, fd);
		return 1;
	}
	request_wait(r);
	if (r->client->ring == NULL)
		ring_add(&general, r->client);
	return 1;
}

static int is_expired(const struct request *r)
{
	return now - r->arrived >= REQUEST_WAIT_MS;
}

/* When a request expires, all later ones of its client do, waiting or open:
 * another server would store those first, and this one after them when the
 * client sends it again. */
static void refuse_expired(void)
{
	struct request *r = table.oldest;

	if (r == NULL || !is_expired(r))
		return;
	while (r != NULL) {
		struct request *newer = r->newer;

		if (is_expired(r))
			requests_expired(&table, r->client);
		if (r->client->expired == now)
			refuse(r);
		r = newer;
	}
}

/* ---- the back: servers ---- */

static int send_to_server(const struct server *s, const void *p, size_t n)
{
	if (net_send_copy(back, s->name, s->name_bytes, 1) == -1)
		return -1;
	return net_send_copy(back, p, n, 0);
}

/* Who comes and goes is told, but a peer that does so all the time must not
 * fill the log. */
enum about { HELLO, GOODBYE, LOST, ABOUTS };

static struct seldom *about(const struct server *s, enum about what)
{
	static struct seldom kinds[SERVERS_MAX][ABOUTS];

	return &kinds[s - server][what];
}

static void mark_lost(struct server *s, const char *why)
{
	if (s->lost)
		return;
	warn_seldom(about(s, LOST), "server %u: %s, open requests: %" PRIu64,
	    s->number, why, s->open);
	s->lost = 1;
	lost++;
}

static void mark_full(struct server *s, int yes)
{
	full += yes - s->full;
	s->full = yes;
}

static int is_server(const struct server *s)
{
	return s->name_bytes > 0 && !s->lost;
}

static uint64_t room_of(const struct server *s)
{
	return is_server(s) && s->credit > s->open ? s->credit - s->open : 0;
}

/* A heartbeat also finds out who is gone: it cannot be sent to a connection
 * that has ended. */
static void send_heartbeat(struct server *s)
{
	static struct buf b;

	counter[BACK_OPEN] = open;
	counter[BACK_WAITING] = table.kept - open;
	counter[BACK_UPTIME_MS] = (uint64_t)(now - started);
	counter[BACK_SERVERS] = counter[BACK_CREDIT] = 0;
	for (struct server *t = server; t < servers_end; t++) {
		counter[BACK_SERVERS] += (uint64_t)is_server(t);
		counter[BACK_CREDIT] += room_of(t);
	}
	buf_clear(&b);
	buf_putc(&b, 'B');
	for (int i = 0; i < BACK_COUNTERS; i++)
		buf_le64(&b, counter[i]);
	if (b.err)
		die(EXIT_FAILED, "out of memory");
	if (send_to_server(s, b.p, b.n) == -1 && errno == EHOSTUNREACH)
		mark_lost(s, "gone");
}

static void send_heartbeats(void)
{
	for (struct server *s = server; s < servers_end; s++)
		if (is_server(s))
			send_heartbeat(s);
}

/* Lets all requests that are at s or wait for it wait for any server, those of
 * each client in order of arrival: they are queued anew, which costs a walk
 * over the table, but only when a server goes that was given some: one that
 * says hello all the time must not have it walked each time. */
static void reclaim_requests(struct server *s)
{
	if (!s->used)
		return;
	for (struct request *r = table.oldest; r != NULL; r = r->newer) {
		if (r->client->server != s)
			continue;
		if (r->waiting)
			request_go(r);
		open -= r->server != NULL;
		r->server = NULL;
		request_wait(r);
	}
	for (struct request *r = table.oldest; r != NULL; r = r->newer)
		if (r->client->server == s) {
			r->client->server = NULL;
			ring_add(&general, r->client);
		}
	s->open = 0;
	s->used = 0;
	buf_clear(&s->out);
	mark_full(s, 0);
}

/* Another server may have the descriptor by now. */
static void let_go(int fd)
{
	for (struct server *s = server; s < servers_end; s++)
		if (s->name_bytes > 0 && s->fd == fd)
			return;
	connections_keep(&servers_there, fd, 0);
}

static void remove_lost(void)
{
	for (struct server *s = server; lost > 0 && s < servers_end; s++)
		if (s->lost) {
			int fd = s->fd;

			reclaim_requests(s);
			buf_free(&s->out);
			*s = (struct server){ 0 };
			let_go(fd);
			servers--;
			lost--;
		}
}

static struct server *server_find(struct str name)
{
	for (struct server *s = server; s < servers_end; s++)
		if (str_eq((struct str){ s->name, s->name_bytes }, name))
			return s;
	return NULL;
}

/* NULL: all places are taken. */
static struct server *server_add(const struct trial *t, int fd)
{
	static unsigned number;
	struct server *s = server;

	while (s < servers_end && s->name_bytes > 0)
		s++;
	if (s == server + SERVERS_MAX)
		return NULL;
	if (s == servers_end)
		servers_end++;
	*s = (struct server){ .name_bytes = t->name_bytes, .number = ++number,
	    .directory = t->directory, .credit = t->credit, .fd = fd,
	    .heard = now };
	memcpy(s->name, t->name, t->name_bytes);
	connections_keep(&servers_there, fd, 1);
	servers++;
	return s;
}

static int has_served(uint64_t directory)
{
	return counter[BACK_ANSWERED] > 0 && directory == served;
}

static int is_vacant(void)
{
	return now - home_heard >= DEAD_MS;
}

static void leave_home(const char *why)
{
	for (struct server *s = server; s < servers_end; s++)
		if (is_server(s))
			mark_lost(s, why);
	home_heard = now - DEAD_MS;
}

static void move_home(uint64_t directory)
{
	if (directory != home)
		leave_home("of another directory");
	if (is_vacant())
		home_asked = 0;
	home = directory;
	home_heard = now;
}

static void refuse_hello(const struct trial *t)
{
	static struct seldom kind;

	warn_seldom(&kind,
	    "server: hello refused: its directory is not that of the others");
	/* It may be gone by now. */
	if (net_send_copy(back, t->name, t->name_bytes, 1) == 0)
		(void)net_send_copy(back, "N", 1, 0);
}

/* Gives one that said hello a request of ours. When it says it again it is the
 * same request, or no answer to it would come in time. */
static void try_out(struct trial *t)
{
	static uint64_t given;
	static struct buf b;
	struct back_request ping = {
	    .body = STR("{\"service\":\"ping\",\"data\":{}}") };

	if (t->count == 0)
		t->count = TRIAL + ++given;
	ping.id = (struct request_id){ table.boot, t->count };
	buf_clear(&b);
	buf_putc(&b, 'Q');
	back_put_request(&b, &ping);
	if (b.err)
		die(EXIT_FAILED, "out of memory");
	/* It may be gone, or read nothing: then it answers nothing. */
	if (net_send_copy(back, t->name, t->name_bytes, 1) == 0)
		(void)net_send_copy(back, b.p, b.n, 0);
}

/* It becomes a server. */
static void admit(struct trial *t)
{
	static struct seldom no_place;
	struct trial was = *t;
	int moved = was.directory != home || is_vacant();
	struct server *s;

	*t = (struct trial){ 0 };
	move_home(was.directory);
	remove_lost();          /* there may be no other place */
	s = server_add(&was, (int)(t - trial));
	if (s == NULL) {
		warn_seldom(&no_place, "server: hello ignored: there are %d "
		    "already", SERVERS_MAX);
		return;
	}
	warn_seldom(about(s, HELLO), "server %u: hello, takes %" PRIu64
	    " requests", s->number, s->credit);
	send_heartbeat(s);
	if (s->lost && moved)
		leave_home("gone");     /* to the next that waits */
}

/* The first that has passed, of all or of other directories, and is still
 * there: while it waits, a server says hello again and again. */
static struct trial *first_waiting(int others)
{
	struct trial *first = NULL;

	for (struct trial *t = trial; t < trial + trials; t++)
		if (t->passed != 0 && now - t->heard < HEARTBEAT_MS &&
		    !(others && t->directory == home) &&
		    (first == NULL || t->passed < first->passed))
			first = t;
	return first;
}

/* Those who wait have it in turn: where one of many answers clients, it is not
 * the fastest to say hello that has it again and again. */
static void fill_home(void)
{
	struct trial *t;

	while (is_vacant() && (t = first_waiting(0)) != NULL)
		admit(t);
}

/* Servers of two directories would share the clients' messages between them,
 * and each would have half of a conversation. A stranger cannot guess the
 * number of the one that has served, which gets its place back. */
static void settle(struct trial *t)
{
	if (!has_served(t->directory))
		fill_home();
	if (t->passed == 0)
		return;         /* it was the first that waited */
	if (has_served(t->directory) || t->directory == home)
		admit(t);
	else
		refuse_hello(t);
}

static int is_of(const struct trial *t, struct str name)
{
	return str_eq((struct str){ t->name, t->name_bytes }, name);
}

/* The row of the connection that m came on. A socket in the same process has no
 * descriptor, and no connection has the first. */
static struct trial *trial_of(zmq_msg_t *m)
{
	int fd = zmq_msg_get(m, ZMQ_SRCFD);
	size_t i = fd > 0 ? (size_t)fd : 0;

	trial = must_element(trial, i, &trials, sizeof *trial);
	return &trial[i];
}

/* A server that says hello has forgotten what it was given, or was told that we
 * have. s is NULL for one that we do not know. */
static void take_hello(struct server *s, struct trial *t, struct str name,
    struct str said)
{
	static struct seldom other_version;
	uint64_t version, credit, directory;

	if (take_le64(&said, &version) == -1 || version != BACK_VERSION ||
	    take_le64(&said, &credit) == -1 ||
	    take_le64(&said, &directory) == -1 || name.n > sizeof t->name) {
		warn_seldom(&other_version,
		    "server: hello of another version: ignored");
		return;
	}
	if (s != NULL) {
		mark_lost(s, "says hello again");
		remove_lost();
	}
	if (!is_of(t, name)) {
		*t = (struct trial){ .name_bytes = name.n };
		memcpy(t->name, name.p, name.n);
	}
	/* A real server takes no more. */
	t->credit = credit < CREDIT ? credit : CREDIT;
	t->directory = directory;
	t->heard = now;
	if (t->passed != 0)
		settle(t);
	else
		try_out(t);
}

/* It may have answered its first request. */
static void take_trial(struct trial *t, struct str records)
{
	static uint64_t passed;
	struct request_id id;
	struct str body;

	while (back_take_answer(&records, &id, &body) == 1)
		if (t->passed == 0 && id.boot == table.boot &&
		    id.count == t->count) {
			t->passed = ++passed;
			t->heard = now;
			settle(t);
			return;
		}
}

/* An answer counts when it comes from the server that has the request now:
 * another one has forged it, or was given up meanwhile. Each answer gives its
 * server credit back, even for a request that has expired; but not for one that
 * is at another server now, since s's account then began anew. */
static void take_answer(struct server *s, struct request_id id,
    struct str body)
{
	struct request *r = requests_find(&table, id);

	if ((r != NULL && r->server != s) || id.count >= TRIAL)
		return;
	if (s->open > 0)
		s->open--;
	if (r != NULL) {
		s->answered = now;
		served = s->directory;
		counter[BACK_ANSWERED]++;
		requests_answered(&table, r->client);
		answer(r, body);
	}
}

static void take_answers(struct server *s, struct str records)
{
	static struct seldom kind;
	struct request_id id;
	struct str body;
	int got;

	while ((got = back_take_answer(&records, &id, &body)) == 1)
		take_answer(s, id, body);
	if (got == -1)
		warn_seldom(&kind,
		    "server: truncated message: the rest is ignored");
}

/* Asks an unknown server to say hello, but only once for all that comes from it
 * at a time: after each hello its requests are given again. Should this get
 * lost, its next heartbeat comes after HEARTBEAT_MS. */
static void ask_for_hello(struct str name)
{
	static struct server asked;     /* only name and heard are used */
	struct str before = { asked.name, asked.name_bytes };

	if (name.n > sizeof asked.name || (str_eq(name, before) &&
	    now - asked.heard < HEARTBEAT_MS / 2))
		return;
	memcpy(asked.name, name.p, name.n);
	asked.name_bytes = name.n;
	asked.heard = now;
	(void)send_to_server(&asked, "W", 1);   /* it may be gone by now */
}

static void take_from_stranger(struct trial *t, struct str name, char letter,
    struct str said)
{
	if (!is_of(t, name))
		ask_for_hello(name);
	else if (letter == 'A')
		take_trial(t, said);
	else if (letter == 'G')
		*t = (struct trial){ 0 };
}

static void take_from_server(struct server *s, char letter, struct str said)
{
	s->heard = home_heard = now;
	if (letter == 'A')
		take_answers(s, said);
	if (letter == 'G' && !s->leaving) {
		s->leaving = 1;
		warn_seldom(about(s, GOODBYE), "server %u: goodbye",
		    s->number);
	}
}

static void take_said(struct str name, zmq_msg_t *m)
{
	struct server *s = server_find(name);
	struct str said = net_bytes(m);
	char letter = said.n > 0 ? *said.p : '\0';

	if (said.n > 0)
		str_skip(&said, 1);
	if (letter == 'H')
		take_hello(s, trial_of(m), name, said);
	else if (s == NULL)
		take_from_stranger(trial_of(m), name, letter, said);
	else
		take_from_server(s, letter, said);
}

/* 1: a server had said something, in so many bytes. */
static int take_from_back(size_t *bytes)
{
	zmq_msg_t name, said;

	(void)zmq_msg_init(&name);
	(void)zmq_msg_init(&said);
	if (!net_recv(back, &name))
		return 0;
	if (net_more(&name) && net_recv(back, &said))
		take_said(net_bytes(&name), &said);
	*bytes = zmq_msg_size(&said);
	net_drop_rest(back, &said);
	(void)zmq_msg_close(&name);
	(void)zmq_msg_close(&said);
	return 1;
}

/* ---- from the queues to the servers ---- */

static int can_take(const struct server *s)
{
	return room_of(s) > 0 && !s->leaving && !s->full && !s->lost;
}

/* The server with the most room, or NULL. */
static struct server *roomiest(void)
{
	struct server *best = NULL;

	for (struct server *s = server; s < servers_end; s++)
		if (can_take(s) &&
		    (best == NULL || room_of(s) > room_of(best)))
			best = s;
	return best;
}

static void send_batch(struct server *s)
{
	if (s->out.n == 0)
		return;
	if (send_to_server(s, s->out.p, s->out.n) == 0) {
		buf_clear(&s->out);
		mark_full(s, 0);
	} else if (errno == EAGAIN) {
		mark_full(s, 1);        /* the batch stays for another try */
	} else {
		mark_lost(s, "gone");
	}
}

static void assign(struct server *s, struct request *r)
{
	struct back_request given = { .id = { table.boot, r->count },
	    .client = (uint64_t)(r->client - table.client),
	    .body = net_bytes(&r->body) };

	if (r->assigned)
		given.id.count |= BACK_AGAIN;
	request_go(r);
	if (s->out.n == 0)
		buf_putc(&s->out, 'Q');
	back_put_request(&s->out, &given);
	if (s->out.err)
		die(EXIT_FAILED, "out of memory");
	counter[BACK_REDELIVERED] += (uint64_t)r->assigned;
	r->assigned = 1;
	r->server = s;
	if (s->open++ == 0)
		s->answered = now;
	if (home_asked == 0)
		home_asked = now;
	open++;
	if (s->out.n >= BACK_REQUESTS_BYTES)
		send_batch(s);
}

/* Gives s the next request of this client, which then waits for its next turn
 * after all others. */
static void take_turn(struct server *s, struct requester *c)
{
	assign(s, c->waiting.first);
	if (c->waiting.first != NULL)
		ring_add(&general, c);
}

/* A client that is bound to a server without room waits for that one, and lets
 * others pass. It was first in the general ring once, and is so again. */
static void dispatch(void)
{
	struct requester *c;

	for (struct server *s = server; s < servers_end; s++) {
		if (s->leaving && s->open == 0 && s->waiting.first != NULL)
			reclaim_requests(s);
		while (s->waiting.first != NULL && can_take(s))
			take_turn(s, s->waiting.first);
	}
	while ((c = general.first) != NULL) {
		struct server *s = c->server;

		if (s == NULL || (s->leaving && s->open == 0))
			s = c->server = roomiest();
		if (s == NULL)
			return;
		s->used = 1;
		if (can_take(s))
			take_turn(s, c);
		else
			ring_add(&s->waiting, c);
	}
}

static void deliver(void)
{
	do {
		remove_lost();
		dispatch();
		for (struct server *s = server; s < servers_end; s++)
			send_batch(s);
	} while (lost > 0);
}

/* ---- the loop ---- */

/* One that takes requests and answers none is as good as silent, whatever else
 * it says. Where nobody has answered anything yet, others of its directory are
 * no better, and do not hold the place for it. */
static void mark_silent(void)
{
	for (struct server *s = server; s < servers_end; s++) {
		if (s->name_bytes == 0)
			continue;
		if (now - s->heard >= DEAD_MS)
			mark_lost(s, "silent");
		if (s->open > 0 && now - s->answered >= DEAD_MS) {
			mark_lost(s, "answers nothing");
			if (!has_served(home))
				leave_home("of one that answers nothing");
		}
	}
}

static int is_first_turn(void)
{
	return home_asked != 0 && !is_vacant() && !has_served(home);
}

static void end_first_turn(void)
{
	if (!is_first_turn() || now - home_asked < FIRST_MS)
		return;
	home_asked = now;       /* for the next look */
	if (first_waiting(1) == NULL)
		return;
	leave_home("answers nothing, and another directory waits");
	fill_home();
}

static void run_timers(void)
{
	refuse_expired();
	end_first_turn();
	if (servers > 0 && now >= heartbeat_at) {
		heartbeat_at = now + HEARTBEAT_MS;
		send_heartbeats();
		mark_silent();
	}
	if (probes > 0 && now >= probe_at) {
		probe_at = now + PROBE_MS;
		probes--;
		send_heartbeats();
	}
}

/* Milliseconds until something is due even if no message comes; -1: nothing
 * is. */
static long timer_ms(void)
{
	int64_t at = INT64_MAX;

	if (table.oldest != NULL)
		at = table.oldest->arrived + REQUEST_WAIT_MS;
	if (servers > 0 && heartbeat_at < at)
		at = heartbeat_at;
	if (probes > 0 && probe_at < at)
		at = probe_at;
	if (is_first_turn() && home_asked + FIRST_MS < at)
		at = home_asked + FIRST_MS;
	if (full > 0 && now + FULL_RETRY_MS < at)
		at = now + FULL_RETRY_MS;
	if (taking_from > now && taking_from < at)
		at = taking_from;
	return at == INT64_MAX ? -1 : at > now ? (long)(at - now) : 0;
}

static void take_answers_of_all(void)
{
	size_t bytes, all = 0;

	for (int i = 0; i < TURN_MESSAGES_MAX && all < TURN_BYTES &&
	    take_from_back(&bytes); i++)
		all += bytes;
}

static int take_all_requests(void)
{
	int taken = 0;

	refusals = 0;
	refused = 0;
	while (taken < TURN_MESSAGES_MAX && refusals < REFUSALS &&
	    requests_room(&table) && take_request())
		taken++;
	if (refusals == REFUSALS)
		taking_from = now + REFUSED_MS;
	return taken;
}

/* Answers first, since they make room. Waits until something comes, for most_ms
 * at most (-1: no limit). The front is only watched while it is read: else this
 * would spin. */
static void relay_turn(int taking, long most_ms)
{
	enum { ON_SIGNAL, ON_BACK, ON_SERVERS, ON_CLIENTS, ON_FRONT, ITEMS };
	zmq_pollitem_t item[ITEMS] = {
		[ON_SIGNAL] = { NULL, signals, ZMQ_POLLIN, 0 },
		[ON_BACK] = { back, 0, ZMQ_POLLIN, 0 },
		[ON_SERVERS] = { NULL, servers_there.fd, ZMQ_POLLIN, 0 },
		[ON_CLIENTS] = { NULL, clients_there.fd, ZMQ_POLLIN, 0 },
		[ON_FRONT] = { front, 0, ZMQ_POLLIN, 0 },
	};
	long ms = timer_ms();
	int taken = 0;

	if (most_ms >= 0 && (ms == -1 || most_ms < ms))
		ms = most_ms;
	taking = taking && now >= taking_from && requests_room(&table);
	net_poll(item, taking ? ITEMS : ON_FRONT, ms);
	now = table.now = ticks_ms();
	if (item[ON_SIGNAL].revents != 0)
		stopping = stop_asked(signals);
	if (item[ON_SERVERS].revents != 0 || item[ON_CLIENTS].revents != 0)
		look_for_gone();
	if (item[ON_BACK].revents != 0)
		take_answers_of_all();
	if (item[ON_FRONT].revents != 0) {
		drop_left();
		taken = take_all_requests();
	}
	run_timers();
	bound_unread();
	deliver();
	/* When all processors are busy this lets others run first, and what
	 * they send meanwhile costs no wake-up: 1.09 times the rate with 256
	 * clients on two processors. When one is idle it does nothing. */
	if (taken > 0 && taken < FEW && open > FEW)
		(void)sched_yield();    /* cannot fail */
}

/* Answers everything that was taken, and what has come meanwhile. */
static void stop_in_order(void)
{
	int64_t until = now + STOP_MS;

	while (table.oldest != NULL && now < until)
		relay_turn(0, (long)(until - now));
	while (table.oldest != NULL)
		refuse(table.oldest);
	for (uint64_t i = 0; i < REQUESTS_MAX && take_request(); i++)
		if (table.oldest != NULL)
			refuse(table.oldest);
	connections_close(&servers_there);
	connections_close(&clients_there);
	(void)zmq_close(back);                  /* both are sockets */
	(void)zmq_close(front);
}

static void usage(FILE *to)
{
	(void)fprintf(to,
	    "usage: %s [-f ENDPOINT] [-k ENDPOINT]\n"
	    "  -f ENDPOINT   ROUTER, for clients (%s)\n"
	    "  -k ENDPOINT   ROUTER, for servers (%s)\n"
	    "  -h, -V        this help; the version\n",
	    program(), DEFAULT_FRONT, DEFAULT_BACK);
}

static void options(int argc, char **argv, const char **clients_at,
    const char **servers_at)
{
	int c;

	while ((c = getopt(argc, argv, "f:k:hV")) != -1)
		switch (c) {
		case 'f': *clients_at = optarg; break;
		case 'k': *servers_at = optarg; break;
		default: option_common(c, usage);
		}
	option_end(argc, argv);
}

static void *open_router(void *context, size_t frame_bytes_max, int linger_ms,
    int hwm_out, int hwm_in)
{
	void *socket = net_socket(context, ZMQ_ROUTER, frame_bytes_max,
	    linger_ms);

	net_option(socket, ZMQ_ROUTER_MANDATORY, 1);
	net_option(socket, ZMQ_SNDHWM, hwm_out);
	net_option(socket, ZMQ_RCVHWM, hwm_in);
	return socket;
}

int main(int argc, char **argv)
{
	const char *clients_at = DEFAULT_FRONT, *servers_at = DEFAULT_BACK;
	char bound[256];
	size_t descriptors;
	void *context;

	set_program(argv[0]);
	options(argc, argv, &clients_at, &servers_at);
	signals = stop_signals();
	descriptors = net_descriptors(CONNECTIONS_MAX +
	    SERVERS_CONNECTIONS_MAX);
	started = now = ticks_ms();
	home_heard = now - DEAD_MS;
	requests_open(&table, must_random());
	context = net_context(1);
	front = open_router(context, FRAME_BYTES_MAX, FLUSH_MS, FRONT_OUT_MAX,
	    FRONT_IN_MAX);
	connections_open(&clients_there, context, front, "client",
	    CONNECTIONS_MAX, descriptors / 4 * 3);
	net_bind(front, clients_at);
	back = open_router(context, BACK_ANSWERS_BYTES_MAX, 0, BACK_OUT_MAX,
	    BACK_IN_MAX);
	net_option(back, ZMQ_RCVBUF, BACK_BUFFER_BYTES);
	connections_open(&servers_there, context, back, "server",
	    SERVERS_CONNECTIONS_MAX, descriptors / 4);
	servers_there.gives_way = 1;
	net_bind(back, servers_at);
	(void)snprintf(bound, sizeof bound, "%s", net_bound(front));
	warn("ready: clients %s, servers %s", bound, net_bound(back));
	while (!stopping)
		relay_turn(1, -1);
	stop_in_order();
	(void)zmq_ctx_term(context);
	requests_close(&table);         /* libzmq counts in there until now */
	free(trial);
	return 0;
}
