/* server.c: checks requests, stores them, publishes and answers.
 *
 * One turn of the loop is one batch: take what has arrived, check and number it, commit it with one
 * sync, publish, answer. While the disk syncs, the next batch collects by itself in the socket. */
#include "back.h"
#include "disk.h"
#include "limits.h"
#include "net.h"
#include "services.h"
#include "store.h"
#include "util.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define SUBSCRIBED_MS   1000    /* how long to wait for the proxy before the first request is taken */
#define QUIET_MS        1000    /* without requests: time for a checkpoint */
#define LEAVE_QUIET_MS  100     /* after the goodbye: silence that long means all is answered */
#define LEAVE_MS        700     /* and no longer than this; the broker gives what is left to others */
#define RETRY_MS        250     /* how often to call for a broker that does not answer */
#define LINGER_MS       500

struct options {
	const char *data, *broker, *proxy;
	const char *channel[CREATE_MAX];
	int channels;
};

struct server {
	const char *broker;
	void *context, *back, *pub;
	int signals, stopping;
	struct services services;
	struct request *request;        /* the batch */
	size_t requests, requests_cap;
	zmq_msg_t message[BATCH_MESSAGES_MAX];        /* where its bodies are; small ones even inside the struct,
	                                         * so that these must not move */
	size_t messages;
	struct buf answers;
	int welcome;                    /* the broker knows us */
	int64_t heard, spoken;          /* ticks: from the broker; to it */
	int64_t called;                 /* ticks of the last hello or call */
	int64_t collected;              /* ticks: when it last looked for requests */
	int64_t busy;                   /* ticks of the last request */
	int64_t subscribed;             /* ticks from which on it does not wait for the proxy any more */
};

static void usage(FILE *to)
{
	(void)fprintf(to,
	    "usage: %s [-d directory] [-b endpoint] [-p endpoint] [-c channel]...\n"
	    "  -d directory  where the logs are; made when missing (data)\n"
	    "  -b endpoint   the broker's back (%s)\n"
	    "  -p endpoint   the proxy's side for publishers (%s)\n"
	    "  -c channel    create this channel when it is missing\n"
	    "  -h, -V        this text; the version\n",
	    program(), DEFAULT_BROKER_BACK, DEFAULT_PROXY_IN);
}

static struct options options(int argc, char **argv)
{
	struct options o = { "data", DEFAULT_BROKER_BACK, DEFAULT_PROXY_IN, { NULL }, 0 };
	int c;

	while ((c = getopt(argc, argv, "d:b:p:c:hV")) != -1)
		switch (c) {
		case 'd': o.data = optarg; break;
		case 'b': o.broker = optarg; break;
		case 'p': o.proxy = optarg; break;
		case 'c':
			if (o.channels == CREATE_MAX)
				die(EXIT_USAGE, "-c: at most %d channels", CREATE_MAX);
			o.channel[o.channels++] = optarg;
			break;
		case 'h': usage(stdout); exit(0);
		case 'V': (void)printf("recado %s\n", RECADO_VERSION); exit(0);
		default: usage(stderr); exit(EXIT_USAGE);
		}
	if (optind != argc) {
		usage(stderr);
		exit(EXIT_USAGE);
	}
	return o;
}

/* ---- the store ---- */

/* As many descriptors for logs as the system lets us have. */
static size_t logs_open_max(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) == -1)
		return FILES_SPARE;
	if (r.rlim_cur < LOGS_OPEN_MAX + FILES_SPARE) {
		r.rlim_cur = r.rlim_max < LOGS_OPEN_MAX + FILES_SPARE ? r.rlim_max :
		    LOGS_OPEN_MAX + FILES_SPARE;
		(void)setrlimit(RLIMIT_NOFILE, &r);     /* up to the hard limit; else what there was stays */
		if (getrlimit(RLIMIT_NOFILE, &r) == -1)
			return FILES_SPARE;
	}
	if (r.rlim_cur >= LOGS_OPEN_MAX + FILES_SPARE)
		return LOGS_OPEN_MAX;
	return r.rlim_cur > 2 * FILES_SPARE ? (size_t)r.rlim_cur - FILES_SPARE : FILES_SPARE;
}

static struct disk *open_disk(const char *path)
{
	struct disk *disk = disk_posix(path, 1);

	if (disk == NULL)
		die(EXIT_IO, "%s:", path);
	return disk;
}

static struct store *open_store(struct disk *disk, const char *path)
{
	struct store *store;

	if (store_open(&store, disk, logs_open_max()) != 0)
		die(EXIT_IO, "%s:", path);
	return store;
}

static void create_channels(struct services *v, const struct options *o)
{
	if (o->channels == 0)
		return;
	if (store_begin(v->store) != 0)
		die(EXIT_IO, "%s:", o->data);
	for (int i = 0; i < o->channels; i++)
		if (service_create_channel(v, str_of(o->channel[i])) == -1)
			die(EXIT_FAILED, "channel %s:", o->channel[i]);
	if (store_commit(v->store) != 0)
		die(EXIT_IO, "%s:", o->data);
	store_end(v->store);
}

/* ---- talking to the broker ---- */

static void connect_back(struct server *s)
{
	s->back = net_socket(s->context, ZMQ_DEALER, BACK_REQUESTS_BYTES_MAX, LINGER_MS);
	net_option(s->back, ZMQ_IMMEDIATE, 1);  /* nothing is kept for a broker that is not there */
	net_connect(s->back, s->broker);
	s->welcome = 0;
}

/* 1: the process was stopped, or waited that long for the lock or the disk. */
static int was_away(const struct server *s)
{
	return ticks_ms() - s->collected > AWAY_MS;
}

/* Waits for room rather than lose an answer; a broker that takes nothing for that long is given up,
 * and gives its requests to others or, after the next hello, again to us. */
static void say(struct server *s, const void *p, size_t n)
{
	zmq_pollitem_t room = { s->back, 0, ZMQ_POLLOUT, 0 };

	if (net_send_copy(s->back, p, n, 0) == -1) {
		(void)zmq_poll(&room, 1, HEARTBEAT_MS);      /* interrupted or not: one more try */
		if (net_send_copy(s->back, p, n, 0) == -1)
			s->welcome = 0;
	}
	s->spoken = ticks_ms();
}

static void say_hello(struct server *s)
{
	struct buf hello = { 0 };

	buf_putc(&hello, 'H');
	buf_le64(&hello, BACK_VERSION);
	buf_le64(&hello, CREDIT);
	/* Not said while there is no connection: old hellos must not queue up for a new broker. */
	if (!hello.err)
		(void)net_send_copy(s->back, hello.p, hello.n, 0);
	buf_free(&hello);
	s->called = s->spoken = ticks_ms();
}

/* A beat each second keeps us in the broker's table. A broker that is silent, or does not know us yet,
 * is called more often: a new one answers with W. */
static void beat(struct server *s)
{
	int64_t now = ticks_ms();

	if (now < s->subscribed)
		return;
	if (!s->welcome) {
		if (now - s->called >= RETRY_MS)
			say_hello(s);
		return;
	}
	if (now - s->spoken >= HEARTBEAT_MS ||
	    (now - s->heard > HEARTBEAT_MS + RETRY_MS && now - s->spoken >= RETRY_MS)) {
		(void)net_send_copy(s->back, "P", 1, 0);        /* no connection: nobody misses it */
		s->spoken = now;
	}
}

/* ---- taking requests ---- */

static void add_request(struct server *s, struct request_id id, struct str body)
{
	struct request *r;

	if (s->requests == s->requests_cap) {
		s->requests_cap = s->requests_cap > 0 ? 2 * s->requests_cap : 64;
		s->request = must_grow(s->request, s->requests_cap, sizeof *s->request);
	}
	r = &s->request[s->requests++];
	*r = (struct request){ .id = id, .body = body };
	r->again = (id.count & BACK_AGAIN) != 0;
	r->id.count &= ~BACK_AGAIN;
}

static void take_requests(struct server *s, struct str records)
{
	struct request_id id;
	struct str body;
	int more;

	while ((more = back_take_record(&records, &id, &body)) == 1)
		add_request(s, id, body);
	if (more == -1)
		warn("broker: a message that breaks off");
}

static void take_counters(struct server *s, struct str counters)
{
	for (int i = 0; i < BACK_COUNTERS; i++)
		if (take_le64(&counters, &s->services.broker[i]) == -1)
			break;          /* an older broker has fewer */
}

/* One message from the broker; requests stay in it, so it is kept for the batch. */
static void take_message(struct server *s, zmq_msg_t *m)
{
	struct str text = { zmq_msg_data(m), zmq_msg_size(m) };
	char kind = text.n > 0 ? *text.p : '\0';
	struct str rest = { text.p + 1, text.n - 1 };

	s->heard = ticks_ms();
	switch (kind) {
	case 'Q':
		s->welcome = 1;
		s->busy = s->heard;
		take_requests(s, rest);
		break;
	case 'B':
		s->welcome = 1;
		take_counters(s, rest);
		break;
	case 'W':
		s->welcome = 0;
		say_hello(s);
		break;
	default:
		warn("broker: a message of unknown kind");
	}
}

/* Collects a batch; the bodies of its requests stay in the messages. What waits for one that was away
 * has been done by others or was refused, and their ids are not remembered for ever: it must not be
 * stored now, and stays behind in the old connection. */
static void collect(struct server *s)
{
	size_t bytes = 0;

	if (was_away(s)) {
		(void)zmq_close(s->back);       /* a socket */
		connect_back(s);
	}
	s->collected = ticks_ms();
	while (s->requests < BATCH_REQUESTS_MAX && bytes < BATCH_BYTES && s->messages < BATCH_MESSAGES_MAX) {
		zmq_msg_t *m = &s->message[s->messages];
		size_t before = s->requests;

		(void)zmq_msg_init(m);          /* cannot fail */
		if (!net_recv(s->back, m))
			break;
		take_message(s, m);
		bytes += zmq_msg_size(m);
		if (s->requests > before)
			s->messages++;
		else
			(void)zmq_msg_close(m); /* valid */
	}
}

/* ---- a batch ---- */

static void publish(struct server *s)
{
	struct services *v = &s->services;

	for (size_t i = 0; i < v->publications; i++) {
		const struct publication *p = &v->publication[i];

		/* An XPUB drops for a proxy that is too far behind, whole messages: the log has them. */
		if (net_send_copy(s->pub, v->text.p + p->topic_at, p->topic_n, 1) == 0)
			(void)net_send_copy(s->pub, v->text.p + p->body_at, p->body_n, 0);
	}
}

static void send_answers(struct server *s)
{
	if (s->answers.err)
		die(EXIT_FAILED, "answers: out of memory");
	if (s->answers.n > 1)
		say(s, s->answers.p, s->answers.n);
	buf_clear(&s->answers);
	buf_putc(&s->answers, 'A');
}

static void answer(struct server *s, int failed)
{
	struct services *v = &s->services;

	buf_clear(&s->answers);
	buf_putc(&s->answers, 'A');
	for (size_t i = 0; i < s->requests; i++) {
		size_t at = back_open_record(&s->answers, s->request[i].id);

		service_answer(v, &s->request[i], failed, &s->answers);
		back_close_record(&s->answers, at);
		if (s->answers.n >= BACK_ANSWERS_BYTES)
			send_answers(s);
	}
	send_answers(s);
}

/* 0, or the errno of a commit that stored nothing. */
static int commit(struct server *s)
{
	struct services *v = &s->services;
	int64_t start = ticks_us();
	int r, e;

	if (!store_pending(v->store))
		return 0;
	r = store_commit(v->store);
	e = errno;
	if (r == STORE_BROKEN)  /* nothing of this batch is answered, and no sync is tried again */
		die(EXIT_IO, "sync:");
	v->sync_us[v->syncs++ % SYNC_TIMES] = (uint32_t)(ticks_us() - start);
	if (r == 0)
		return 0;
	v->publications = 0;
	warn("commit:");
	return e;
}

static void end_batch(struct server *s)
{
	while (s->messages > 0)
		(void)zmq_msg_close(&s->message[--s->messages]);        /* valid */
	s->services.batch_last = s->requests;
	s->services.batches++;
	s->requests = 0;
}

static void refuse_all(struct server *s)
{
	int e = errno;

	warn("store:");
	for (size_t i = 0; i < s->requests; i++)
		service_refuse(&s->services, &s->request[i], e);
	answer(s, 0);
}

static void run_batch(struct server *s)
{
	struct services *v = &s->services;
	int r = store_begin(v->store), failed;

	if (r == STORE_BROKEN)
		die(EXIT_IO, "sync:");
	v->publications = 0;
	buf_clear(&v->text);
	if (r != 0) {
		refuse_all(s);
		end_batch(s);
		return;
	}
	if (was_away(s)) {      /* as in collect() */
		store_end(v->store);
		end_batch(s);
		return;
	}
	for (size_t i = 0; i < s->requests; i++)
		service_take(v, &s->request[i]);
	failed = commit(s);
	store_end(v->store);    /* another server may go on while we talk */
	publish(s);
	answer(s, failed);
	end_batch(s);
}

/* ---- the loop ---- */

/* The proxy subscribes to everything; until then what is published is lost to the live path. */
static void take_subscriptions(struct server *s)
{
	zmq_msg_t m;

	(void)zmq_msg_init(&m);         /* cannot fail */
	while (net_recv(s->pub, &m))
		s->subscribed = 0;
	(void)zmq_msg_close(&m);        /* valid */
}

static void checkpoint(struct server *s)
{
	int r = store_checkpoint(s->services.store);

	if (r == STORE_BROKEN)
		die(EXIT_IO, "sync:");
	if (r != 0)
		warn("checkpoint:");
}

/* Milliseconds until something is to be done without being told. */
static long patience(const struct server *s, int64_t now)
{
	int64_t wait = s->welcome ? HEARTBEAT_MS - (now - s->spoken) : RETRY_MS;

	if (s->subscribed > now)
		wait = s->subscribed - now;
	if (s->welcome && now - s->heard > HEARTBEAT_MS)
		wait = RETRY_MS;
	if (store_needs_checkpoint(s->services.store) && s->busy + QUIET_MS - now < wait)
		wait = s->busy + QUIET_MS - now;
	return wait > 0 ? (long)wait : 0;
}

static void turn(struct server *s, long wait)
{
	zmq_pollitem_t item[] = {
		{ s->back, 0, ZMQ_POLLIN, 0 }, { s->pub, 0, ZMQ_POLLIN, 0 }, { NULL, s->signals, ZMQ_POLLIN, 0 }
	};

	net_poll(item, 3, wait);
	if (item[2].revents != 0)
		s->stopping = stop_asked(s->signals);
	if (item[1].revents != 0)
		take_subscriptions(s);
	collect(s);
	if (s->requests > 0)
		run_batch(s);
}

static void serve(struct server *s)
{
	while (!s->stopping) {
		int64_t now = ticks_ms();

		turn(s, patience(s, now));
		beat(s);
		now = ticks_ms();
		if (now - s->busy >= QUIET_MS && store_needs_checkpoint(s->services.store)) {
			checkpoint(s);
			s->busy = now;  /* when it fails it is not tried again at once */
		}
	}
}

/* The broker sends nothing new after the goodbye; what was under way is answered. */
static void leave(struct server *s)
{
	/* Without a connection there is nobody to wait for. */
	int connected = net_send_copy(s->back, "G", 1, 0) == 0;
	int64_t until = ticks_ms() + (connected ? LEAVE_MS : 0);

	s->busy = ticks_ms();
	while (ticks_ms() < until && ticks_ms() - s->busy < LEAVE_QUIET_MS) {
		zmq_pollitem_t item = { s->back, 0, ZMQ_POLLIN, 0 };

		net_poll(&item, 1, LEAVE_QUIET_MS);
		collect(s);
		if (s->requests > 0)
			run_batch(s);
	}
	checkpoint(s);
}

static void connect_all(struct server *s, const struct options *o)
{
	s->context = net_context(1);
	s->signals = stop_signals();
	s->pub = net_socket(s->context, ZMQ_XPUB, BACK_REQUESTS_BYTES_MAX, LINGER_MS);
	net_option(s->pub, ZMQ_SNDHWM, PUBLISH_QUEUE_MAX);
	net_connect(s->pub, o->proxy);
	s->broker = o->broker;
	connect_back(s);
	s->busy = s->collected = ticks_ms();
	s->subscribed = s->busy + SUBSCRIBED_MS;
}

static void disconnect_all(struct server *s)
{
	/* Both are sockets; their linger bounds how long the last answers may take. */
	(void)zmq_close(s->back);
	(void)zmq_close(s->pub);
	(void)zmq_ctx_term(s->context);
}

int main(int argc, char **argv)
{
	static struct server s;
	struct disk *disk;
	struct options o;

	set_program(argv[0]);
	o = options(argc, argv);
	disk = open_disk(o.data);
	s.services.started_ms = ticks_ms();
	s.services.store = open_store(disk, o.data);
	create_channels(&s.services, &o);
	connect_all(&s, &o);
	warn("ready: data in %s, broker %s, proxy %s", o.data, o.broker, o.proxy);
	serve(&s);
	leave(&s);
	disconnect_all(&s);
	store_close(s.services.store);
	disk->free(disk);
	service_free(&s.services);
	free(s.request);
	buf_free(&s.answers);
	return 0;
}
