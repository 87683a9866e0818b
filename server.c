/* server.c: checks requests, stores them, publishes and answers.
 *
 * One turn of the loop is one batch: take what has arrived, check and number
 * it, commit it with one sync, publish, answer. While the disk syncs, the
 * next batch collects by itself in the socket. Answers that may be long wait
 * (turns.h), and are given a few in each turn, so that storing is never held up
 * by reading. */
#include "back.h"
#include "disk.h"
#include "limits.h"
#include "name.h"
#include "net.h"
#include "services.h"
#include "store.h"
#include "text.h"
#include "turns.h"
#include "util.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

/* How long the first request waits for the proxy's subscription. */
#define SUBSCRIBED_MS  1000
/* Of answers that wait so many bytes are given in a turn, which the last one
 * may take them over, */
#define ANSWERS_BYTES ((size_t)256 * 1024)
/* for so long, */
#define ANSWERS_MS 5
/* and none while so much waits to be sent to the broker: what is answered next
 * comes after it. */
#define ON_THE_WAY_BYTES ((size_t)256 * 1024)
/* How long it waits for the broker to take what is on its way. Messages that
 * are shorter than this are not counted. */
#define ON_THE_WAY_MS 1
#define COUNTED_BYTES ((size_t)4096)
/* What an answer counts in its client's turn, beside its bytes. */
#define ANSWER_COST ((size_t)4096)
/* After this long without requests it is time for a checkpoint. */
#define CHECKPOINT_MS  1000
/* After the goodbye: this long without requests means that all are answered, */
#define LEAVE_QUIET_MS 100
/* and after this long the broker gives what is left to other servers. */
#define LEAVE_MS       700
/* How often to say hello to a broker that does not answer. */
#define HELLO_MS       250

struct options {
	const char *data, *broker, *proxy;
	const char *channel[CREATE_MAX];
	int channels;
	size_t topics_max;
};

/* This server. All times are ticks. */
struct self {
	const char *broker;
	void *context, *back, *pub;
	int signals, stopping;
	struct services services;
	/* The batch, and the messages that its bodies are in; small ones are
	 * inside the zmq_msg_t itself, which therefore must not move. */
	struct job *job;
	size_t jobs, jobs_cap;
	zmq_msg_t message[BATCH_MESSAGES_MAX];
	size_t messages;
	struct buf answers;
	struct turns turns;     /* answers that wait */
	struct unread on_the_way;       /* of those, what libzmq has */
	int greeted;            /* hello was said, and nothing lost since */
	int welcome;            /* and the broker knows us */
	int64_t heard, spoken;  /* the last message from it, and to it */
	int64_t hello_at;       /* the last hello */
	int64_t collected;      /* the last look for requests */
	int64_t busy;           /* the last request */
	int64_t subscribed;     /* until then it waits for the proxy */
};

static void usage(FILE *to)
{
	(void)fprintf(to,
	    "usage: %s [-d DIRECTORY] [-b ENDPOINT] [-p ENDPOINT] "
	    "[-n NUMBER] [-c CHANNEL]...\n"
	    "  -d DIRECTORY  where the logs are; created if missing (data)\n"
	    "  -b ENDPOINT   the broker's port for servers (%s)\n"
	    "  -p ENDPOINT   the proxy's port for servers (%s)\n"
	    "  -n NUMBER     how many users and channels there may be (%zu)\n"
	    "  -c CHANNEL    create this channel if it is missing\n"
	    "  -h, -V        this help; the version\n",
	    program(), DEFAULT_BROKER_BACK, DEFAULT_PROXY_IN, TOPICS_MAX);
}

static struct options options(int argc, char **argv)
{
	struct options o = { .data = "data", .broker = DEFAULT_BROKER_BACK,
	    .proxy = DEFAULT_PROXY_IN, .topics_max = TOPICS_MAX };
	int c;

	while ((c = getopt(argc, argv, "d:b:p:n:c:hV")) != -1)
		switch (c) {
		case 'd': o.data = optarg; break;
		case 'b': o.broker = optarg; break;
		case 'p': o.proxy = optarg; break;
		case 'n':
			o.topics_max = (size_t)option_number('n', optarg, 1,
			    TOPICS_OPTION_MAX);
			break;
		case 'c':
			if (o.channels == CREATE_MAX)
				die(EXIT_USAGE, "-c: at most %d channels",
				    CREATE_MAX);
			o.channel[o.channels++] = optarg;
			break;
		default: option_common(c, usage);
		}
	option_end(argc, argv);
	return o;
}

/* ---- the store ---- */

/* As many descriptors for logs as the system allows. */
static size_t logs_open_max(void)
{
	const rlim_t wanted = LOGS_OPEN_MAX + FILES_SPARE;
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) == -1)
		return FILES_SPARE;
	if (r.rlim_cur < wanted) {
		rlim_t before = r.rlim_cur;

		r.rlim_cur = r.rlim_max < wanted ? r.rlim_max : wanted;
		if (setrlimit(RLIMIT_NOFILE, &r) == -1)
			r.rlim_cur = before;
	}
	if (r.rlim_cur >= wanted)
		return LOGS_OPEN_MAX;
	return r.rlim_cur > 2 * FILES_SPARE ?
	    (size_t)r.rlim_cur - FILES_SPARE : FILES_SPARE;
}

static struct disk *open_data(const char *path, struct store **store)
{
	struct disk *disk = disk_posix(path, 1);

	if (disk == NULL || store_open(store, disk, logs_open_max()) != 0)
		die(EXIT_IO, "%s:", path);
	return disk;
}

static _Noreturn void die_of_channel(const char *channel)
{
	struct buf visible = { 0 };
	int e = errno;

	put_visible(&visible, str_of(channel));
	buf_putc(&visible, '\0');
	if (e == EINVAL && !visible.err)
		die(EXIT_USAGE, "invalid name: %s: " NAME_RULE, visible.p);
	errno = e;
	die(EXIT_FAILED, "channel %s:", visible.err ? "" : visible.p);
}

/* A unit that names a channel must still start when that has been dropped. */
static int is_dropped(struct services *v, const char *channel)
{
	struct str name = str_of(channel);
	struct buf visible = { 0 };

	if (!store_has(v->store, TOPIC_DROPPED, name) ||
	    store_has(v->store, TOPIC_CHANNEL, name))
		return 0;
	put_visible(&visible, name);
	buf_putc(&visible, '\0');
	warn("channel %s: was dropped: not created",
	    visible.err ? "" : visible.p);
	buf_free(&visible);
	return 1;
}

static void create_channels(struct services *v, const struct options *o)
{
	if (o->channels == 0)
		return;
	if (store_begin(v->store) != 0)
		die(EXIT_IO, "%s:", o->data);
	for (int i = 0; i < o->channels; i++)
		if (!is_dropped(v, o->channel[i]) &&
		    service_create_channel(v, str_of(o->channel[i])) == -1)
			die_of_channel(o->channel[i]);
	if (store_commit(v->store) != 0)
		die(EXIT_IO, "%s:", o->data);
	store_end(v->store);
}

/* ---- talking to the broker ---- */

/* Until the next hello, after which the broker gives everything again. */
static void start_over(struct self *s)
{
	s->greeted = s->welcome = 0;
}

static void connect_back(struct self *s)
{
	s->back = net_socket(s->context, ZMQ_DEALER, BACK_REQUESTS_BYTES_MAX,
	    LINGER_MS);
	/* Nothing is kept for a broker that is not there. */
	net_option(s->back, ZMQ_IMMEDIATE, 1);
	net_option(s->back, ZMQ_SNDBUF, BACK_BUFFER_BYTES);
	net_connect(s->back, s->broker);
	start_over(s);
}

/* 1: the process was stopped, or waited that long for the lock or the disk. */
static int was_away(const struct self *s)
{
	return ticks_ms() - s->collected > AWAY_MS;
}

static int try_to_send(struct self *s, const void *p, size_t n)
{
	return n < COUNTED_BYTES ? net_send_copy(s->back, p, n, 0) :
	    net_send_counted(s->back, p, n, 0, &s->on_the_way);
}

/* Waits for room rather than lose an answer. A broker that takes nothing for
 * that long is given up; it gives its requests to other servers or, after the
 * next hello, to us again. */
static void send_to_broker(struct self *s, const void *p, size_t n)
{
	zmq_pollitem_t room = { s->back, 0, ZMQ_POLLOUT, 0 };

	if (try_to_send(s, p, n) == -1) {
		(void)zmq_poll(&room, 1, HEARTBEAT_MS); /* then one more try */
		if (try_to_send(s, p, n) == -1)
			start_over(s);
	}
	s->spoken = ticks_ms();
}

/* What we were given before a hello is given again after it, and forgotten
 * until then. */
static void forget_given(struct self *s)
{
	turns_clear(&s->turns);
	while (s->messages > 0)
		(void)zmq_msg_close(&s->message[--s->messages]); /* valid */
	s->jobs = 0;
}

/* It is lost if there is no connection: old hellos must not queue up for a
 * new broker. */
static void send_hello(struct self *s)
{
	struct buf hello = { 0 };

	forget_given(s);
	buf_putc(&hello, 'H');
	buf_le64(&hello, BACK_VERSION);
	buf_le64(&hello, CREDIT);
	buf_le64(&hello, store_directory(s->services.store));
	buf_le64(&hello, 0);    /* the rank */
	if (!hello.err)
		(void)net_send_copy(s->back, hello.p, hello.n, 0);
	buf_free(&hello);
	s->hello_at = s->spoken = ticks_ms();
	s->greeted = 1;
}

/* A heartbeat each second keeps us in the broker's table. A broker that is
 * silent, or does not know us yet, hears from us more often: a new one answers
 * with W. */
static void keep_in_touch(struct self *s)
{
	static const char heartbeat[1 + 8] = "P";       /* the rank is 0 */
	int64_t now = ticks_ms(), quiet = now - s->spoken;
	int silent = now - s->heard > HEARTBEAT_MS + HELLO_MS;

	if (now < s->subscribed)
		return;
	if (!s->welcome) {
		if (now - s->hello_at >= HELLO_MS)
			send_hello(s);
	} else if (quiet >= (silent ? HELLO_MS : HEARTBEAT_MS)) {
		/* Without a connection it is lost, and not missed. */
		(void)net_send_copy(s->back, heartbeat,
		    sizeof heartbeat, 0);
		s->spoken = now;
	}
}

/* ---- taking requests ---- */

static void take_requests(struct self *s, struct str records)
{
	static struct seldom truncated;
	struct back_request r;
	int more;

	while ((more = back_take_request(&records, &r)) == 1) {
		s->job = must_array_room(s->job, s->jobs, &s->jobs_cap,
		    sizeof *s->job);
		s->job[s->jobs++] = (struct job){
			.id = { r.id.boot, r.id.count & ~BACK_AGAIN },
			.client = r.client,
			.again = (r.id.count & BACK_AGAIN) != 0,
			.body = r.body };
	}
	if (more == -1)
		warn_seldom(&truncated,
		    "broker: truncated message: the rest is ignored");
}

static void take_from_broker(struct self *s, struct str said)
{
	static struct seldom refused, unknown;
	char letter = said.n > 0 ? *said.p : '\0';

	if (said.n > 0)
		str_skip(&said, 1);
	s->heard = ticks_ms();
	switch (letter) {
	case 'Q':
		s->welcome = s->greeted;
		s->busy = s->heard;
		take_requests(s, said);
		break;
	case 'B':
		s->welcome = s->greeted;
		stats_broker(&s->services.stats, said);
		break;
	case 'N':
		s->welcome = 0;         /* until it gives us something */
		warn_seldom(&refused, "broker: servers of another directory "
		    "are there: trying again");
		break;
	case 'W':
		s->welcome = 0;
		send_hello(s);
		break;
	default:
		warn_seldom(&unknown,
		    "broker: unknown kind of message: ignored");
	}
}

/* Collects a batch. A message with requests is kept as long as the batch: the
 * bodies stay in it. What waits for a server that was away has been given to
 * others or refused, and its ids are not remembered for ever: it must not be
 * stored now, and is dropped with the old connection. */
static void collect(struct self *s)
{
	size_t bytes = 0;

	if (was_away(s)) {
		(void)zmq_close(s->back);       /* a socket */
		connect_back(s);
	}
	s->collected = ticks_ms();
	while (s->jobs < BATCH_REQUESTS_MAX && bytes < BATCH_BYTES &&
	    s->messages < BATCH_MESSAGES_MAX) {
		zmq_msg_t *m = &s->message[s->messages];
		size_t before = s->jobs;

		(void)zmq_msg_init(m);          /* cannot fail */
		if (!net_recv(s->back, m))
			break;
		take_from_broker(s, net_bytes(m));
		bytes += zmq_msg_size(m);
		if (s->jobs > before)
			s->messages++;
		else
			(void)zmq_msg_close(m); /* valid */
	}
}

/* ---- a batch ---- */

/* After a failure the broker gives the requests again. */
static void send_answers(struct self *s)
{
	if (s->answers.err)
		die(EXIT_FAILED, "answers: out of memory");
	if (s->answers.n > 1 && s->welcome)
		send_to_broker(s, s->answers.p, s->answers.n);
	buf_clear(&s->answers);
}

static size_t put_answer(struct self *s, const struct job *j)
{
	size_t at, work;

	if (s->answers.n == 0)
		buf_putc(&s->answers, 'A');
	at = back_open_answer(&s->answers, j->id);
	work = service_answer(&s->services, j, &s->answers);
	back_close_answer(&s->answers, at);
	return work;
}

/* What it reads may be gone since its request was taken: another server has
 * made the log anew, for example. */
static void find_again(struct self *s, struct job *j)
{
	struct store *store = s->services.store;
	int r = store_begin(store);

	if (r == STORE_BROKEN)
		die(EXIT_IO, "sync:");
	if (r != 0) {
		service_fail(j, errno);
		return;
	}
	service_find(&s->services, j);
	store_end(store);
}

/* The broker no longer waits for what was taken that long ago, but it counts as
 * taken until it is answered. */
static void give_answer(struct self *s)
{
	struct job j = turns_next(&s->turns);
	int late = ticks_ms() - j.taken >= REQUEST_WAIT_MS;

	if (late && service_is_long(&j))
		service_expire(&j);
	if (!service_ready(&s->services, &j))
		find_again(s, &j);
	turns_charge(&s->turns, ANSWER_COST + put_answer(s, &j));
}

static int may_give(const struct self *s)
{
	return s->turns.n > 0 && s->welcome &&
	    s->on_the_way.bytes < ON_THE_WAY_BYTES;
}

static void give_answers(struct self *s)
{
	int64_t start = ticks_ms();

	while (may_give(s) && s->answers.n < ANSWERS_BYTES &&
	    ticks_ms() - start < ANSWERS_MS)
		give_answer(s);
	send_answers(s);
}

/* Long answers wait for their turn, and so does what the same client gets after
 * them. */
static void answer_batch(struct self *s)
{
	int64_t now = ticks_ms();

	for (size_t i = 0; i < s->jobs; i++) {
		struct job *j = &s->job[i];

		j->taken = now;
		if (service_is_long(j) || turns_has(&s->turns, j->client))
			turns_add(&s->turns, j);
		else
			(void)put_answer(s, j);
		if (s->answers.n >= BACK_ANSWERS_BYTES)
			send_answers(s);
	}
	send_answers(s);
}

/* 0, or the errno of a commit that stored nothing. */
static int commit_batch(struct services *v)
{
	static struct seldom refused;
	int64_t start = ticks_us();
	int r, e;

	if (!store_pending(v->store))
		return 0;
	r = store_commit(v->store);
	e = errno;
	/* Nothing of this batch is answered, and no sync is tried again. */
	if (r == STORE_BROKEN)
		die(EXIT_IO, "sync:");
	stats_sync(&v->stats, ticks_us() - start);
	if (r == 0)
		return 0;
	publish_forget(&v->publications);
	warn_seldom(&refused, "commit:");
	return e;
}

static void store_batch(struct self *s)
{
	struct services *v = &s->services;
	int failed;

	for (size_t i = 0; i < s->jobs; i++)
		service_take(v, &s->job[i]);
	failed = commit_batch(v);
	store_end(v->store);    /* another server may go on while we talk */
	publish_send(&v->publications, s->pub);
	for (size_t i = 0; failed != 0 && i < s->jobs; i++)
		if (s->job[i].depends)
			service_fail(&s->job[i], failed);
	answer_batch(s);
}

static void refuse_batch(struct self *s)
{
	static struct seldom refused;
	int e = errno;

	warn_seldom(&refused, "store:");
	for (size_t i = 0; i < s->jobs; i++)
		service_refuse(&s->services, &s->job[i], e);
	answer_batch(s);
}

static void run_batch(struct self *s)
{
	int r = store_begin(s->services.store);

	if (r == STORE_BROKEN)
		die(EXIT_IO, "sync:");
	if (r != 0)
		refuse_batch(s);
	else if (was_away(s))
		store_end(s->services.store);   /* as in collect() */
	else
		store_batch(s);
	stats_batch(&s->services.stats, s->jobs);
	while (s->messages > 0)
		(void)zmq_msg_close(&s->message[--s->messages]); /* valid */
	s->jobs = 0;
}

static void collect_and_run(struct self *s)
{
	collect(s);
	if (s->jobs > 0)
		run_batch(s);
}

/* ---- the loop ---- */

/* The proxy subscribes to everything. What is published before that reaches
 * no subscriber. */
static void take_subscriptions(struct self *s)
{
	zmq_msg_t m;

	(void)zmq_msg_init(&m);         /* cannot fail */
	while (net_recv(s->pub, &m))
		s->subscribed = 0;
	(void)zmq_msg_close(&m);        /* valid */
}

static void checkpoint(struct self *s)
{
	int r = store_checkpoint(s->services.store);

	if (r == STORE_BROKEN)
		die(EXIT_IO, "sync:");
	if (r != 0)
		warn("checkpoint:");
}

/* Milliseconds until the next of the answers that wait; or otherwise. */
static long until_answer_ms(const struct self *s, long otherwise)
{
	if (s->turns.n == 0 || !s->welcome)
		return otherwise;
	return may_give(s) ? 0 : ON_THE_WAY_MS;
}

/* Milliseconds until something is due even if no message comes. */
static long patience_ms(const struct self *s)
{
	int64_t now = ticks_ms(), checkpoint_at = s->busy + CHECKPOINT_MS;
	int64_t wait = s->welcome ? s->spoken + HEARTBEAT_MS - now : HELLO_MS;

	if (s->subscribed > now)
		wait = s->subscribed - now;
	if (s->welcome && now - s->heard > HEARTBEAT_MS)
		wait = HELLO_MS;
	if (checkpoint_at - now < wait &&
	    store_needs_checkpoint(s->services.store))
		wait = checkpoint_at - now;
	return until_answer_ms(s, wait > 0 ? (long)wait : 0);
}

static void serve_turn(struct self *s)
{
	enum { ON_BACK, ON_PUB, ON_SIGNAL, ITEMS };
	zmq_pollitem_t item[ITEMS] = {
		[ON_BACK] = { s->back, 0, ZMQ_POLLIN, 0 },
		[ON_PUB] = { s->pub, 0, ZMQ_POLLIN, 0 },
		[ON_SIGNAL] = { NULL, s->signals, ZMQ_POLLIN, 0 },
	};

	net_poll(item, ITEMS, patience_ms(s));
	if (item[ON_SIGNAL].revents != 0)
		s->stopping = stop_asked(s->signals);
	if (item[ON_PUB].revents != 0)
		take_subscriptions(s);
	collect_and_run(s);
	give_answers(s);
	keep_in_touch(s);
}

static void serve(struct self *s)
{
	while (!s->stopping) {
		int64_t now;

		serve_turn(s);
		now = ticks_ms();
		if (now - s->busy >= CHECKPOINT_MS &&
		    store_needs_checkpoint(s->services.store)) {
			checkpoint(s);
			s->busy = now;  /* if it failed: not again at once */
		}
	}
}

/* The broker sends nothing new after the goodbye; what was under way is
 * answered. Without a connection there is nothing to wait for. */
static void leave(struct self *s)
{
	int connected = net_send_copy(s->back, "G", 1, 0) == 0;
	int64_t until = ticks_ms() + (connected ? LEAVE_MS : 0);

	s->busy = ticks_ms();
	while (ticks_ms() < until && (s->turns.n > 0 ||
	    ticks_ms() - s->busy < LEAVE_QUIET_MS)) {
		zmq_pollitem_t item = { s->back, 0, ZMQ_POLLIN, 0 };

		net_poll(&item, 1, until_answer_ms(s, LEAVE_QUIET_MS));
		collect_and_run(s);
		give_answers(s);
	}
	checkpoint(s);
}

static void connect_all(struct self *s, const struct options *o)
{
	s->context = net_context(1);
	s->signals = stop_signals();
	s->pub = net_socket(s->context, ZMQ_XPUB, BACK_REQUESTS_BYTES_MAX,
	    LINGER_MS);
	net_option(s->pub, ZMQ_SNDHWM, PUBLISH_QUEUE_MAX);
	net_connect(s->pub, o->proxy);
	s->broker = o->broker;
	connect_back(s);
	s->busy = s->collected = ticks_ms();
	s->subscribed = s->busy + SUBSCRIBED_MS;
}

/* Their linger bounds how long the last answers may take. */
static void disconnect_all(struct self *s)
{
	(void)zmq_close(s->back);       /* a socket */
	(void)zmq_close(s->pub);        /* a socket */
	(void)zmq_ctx_term(s->context);
}

int main(int argc, char **argv)
{
	static struct self s;
	struct disk *disk;
	struct options o;

	set_program(argv[0]);
	o = options(argc, argv);
	stats_start(&s.services.stats);
	disk = open_data(o.data, &s.services.store);
	store_limit_topics(s.services.store, o.topics_max);
	create_channels(&s.services, &o);
	connect_all(&s, &o);
	warn("ready: data in %s, broker %s, proxy %s", o.data, o.broker,
	    o.proxy);
	serve(&s);
	leave(&s);
	disconnect_all(&s);
	store_close(s.services.store);
	disk->free(disk);
	service_free(&s.services);
	turns_clear(&s.turns);
	free(s.job);
	buf_free(&s.answers);
	return 0;
}
