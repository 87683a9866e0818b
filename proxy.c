/* proxy.c: carries publications from servers (XSUB) to subscribers (XPUB).
 *
 * It has its own loop since zmq_proxy() passes every subscription on to the
 * servers. There a long one crashes libzmq 4.3.4, and after more than a queue's
 * length of them a server that comes back is never heard again. Here the XSUB
 * subscribes to everything once, and subscriptions stay in the XPUB.
 *
 * A publication is best effort: the log has it. What subscribers make us hold
 * is bounded. libzmq tells neither what waits for a connection nor how many
 * subscriptions it has, but a monitor tells its descriptor, and so does each
 * subscription: so we count, ask the system what a connection takes, and cut
 * (shutdown()) the one that has too much or takes too little. It comes back, if
 * it is honest, and reads the log. */
#include "connections.h"
#include "limits.h"
#include "net.h"
#include "util.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#ifdef __linux__
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#endif

/* What a connection may say at once before it must wait for us. Whenever libzmq
 * looks for news it takes all that connections have said into a queue without a
 * bound: with 50, those who come, say 2000 things and leave made that grow by
 * 100 MiB a second. */
#define SUBSCRIPTIONS_AT_ONCE 1
/* Bytes that the system takes for us; it cannot be made to forget them. */
#define SUBSCRIPTIONS_BUFFER  65536
/* Subscriptions taken in a turn: as many as libzmq may bring in one. */
#define SUBSCRIPTIONS_A_TURN  1000

/* Seconds of the processor: after two of these in one call of libzmq we end. */
#define STALL_S 2

/* When too much waits, publishers wait for so long; after that publications
 * are dropped until a quarter is free. */
#define HOLD_MS 500
/* How often it is looked whether that has changed, */
#define FULL_MS 1
/* and which subscribers take nothing. */
#define LOOK_MS 250
/* If too much waits for so long, those are cut too that take less than so many
 * bytes between two looks. */
#define SLOW_MS    1000
#define SLOW_BYTES 65536

/* One for each descriptor. */
struct subscriber {
	int waiting;            /* 1: something waited at the last look */
	uint64_t taken;         /* bytes that it had taken then */
	size_t said;            /* about subscriptions */
	size_t bytes;           /* of them: SUBSCRIPTION_COST() */
};

static void *in, *out;
static int signals;

static struct connections publishers, subscribers;
static struct subscriber *subscriber;   /* the index is the descriptor */
static size_t rows;
static size_t subscribed;               /* bytes of all */

static volatile sig_atomic_t steps;     /* libzmq has returned so often */

static struct stream stream;            /* publications that wait */
static int64_t full_since;              /* ticks; 0: not full */
static int64_t look_at;

static void usage(FILE *to)
{
	(void)fprintf(to,
	    "usage: %s [-s ENDPOINT] [-x ENDPOINT]\n"
	    "  -s ENDPOINT   XSUB, for servers that publish (%s)\n"
	    "  -x ENDPOINT   XPUB, for subscribers (%s)\n"
	    "  -h, -V        this help; the version\n",
	    program(), DEFAULT_XSUB, DEFAULT_XPUB);
}

/* ---- the watch ---- */

static void step(void)
{
	steps = steps == SIG_ATOMIC_MAX ? 0 : steps + 1;
}

/* Only async-signal-safe calls. */
static void look_for_steps(int signal)
{
	static const char reason[] = "proxy: libzmq does not return, too many "
	    "subscriptions: ending, to be started again\n";
	static sig_atomic_t seen = -1;

	(void)signal;
	if (steps == seen) {
		/* who ends cannot say that it could not say why */
		(void)!write(STDERR_FILENO, reason, sizeof reason - 1);
		_exit(EXIT_FAILED);
	}
	seen = steps;
}

/* Whenever a connection ends libzmq looks through all subscriptions there are.
 * With 2000 connections that had 20 long ones each, which no limit keeps apart
 * from people, it does so for minutes, and hears no signal. A new process hears
 * the others again within a second, and they read what they missed in the log.
 * Time of the processor is measured: a proxy that is stopped does nothing
 * wrong. And that of this thread: a turn that copies a flood while the other
 * one sends it is no stall. */
static void watch_steps(void)
{
	struct sigevent by = { .sigev_notify = SIGEV_SIGNAL,
		.sigev_signo = SIGALRM };
	struct itimerspec every = { .it_interval.tv_sec = STALL_S,
		.it_value.tv_sec = STALL_S };
	timer_t timer;

	signal_set(SIGALRM, look_for_steps, SA_RESTART);
	if (timer_create(CLOCK_THREAD_CPUTIME_ID, &by, &timer) == -1 ||
	    timer_settime(timer, 0, &every, NULL) == -1)
		die(EXIT_FAILED, "timer:");
}

/* ---- subscribers ---- */

static void forget_subscriber(int fd)
{
	subscriber = must_element(subscriber, (size_t)fd, &rows,
	    sizeof *subscriber);
	subscribed -= subscriber[fd].bytes;
	subscriber[fd] = (struct subscriber){ 0 };
}

static void cut(int fd, const char *why)
{
	connections_cut(&subscribers, fd, why);
	forget_subscriber(fd);
}

static void take_events(void)
{
	int fd;

	while (connections_next(&publishers, &fd) != CONNECTIONS_NOTHING)
		;
	while (connections_next(&subscribers, &fd) != CONNECTIONS_NOTHING)
		forget_subscriber(fd);
}

/* ---- subscriptions ---- */

static void cut_greediest(void)
{
	size_t most = 0;

	for (size_t fd = 1; fd < rows; fd++)
		if (subscriber[fd].bytes > subscriber[most].bytes)
			most = fd;
	cut((int)most, "too many subscriptions in all, and it has most");
}

static void count_subscription(int fd, struct str said)
{
	struct subscriber *s = &subscriber[fd];

	if (++s->said > SUBSCRIPTIONS_MAX) {
		cut(fd, "more than " LIMIT_TEXT(SUBSCRIPTIONS_MAX)
		    " subscriptions");
		return;
	}
	if (said.n == 0 || *said.p != 1)
		return;
	s->bytes += SUBSCRIPTION_COST(said.n - 1);
	subscribed += SUBSCRIPTION_COST(said.n - 1);
	if (subscribed > SUBSCRIPTIONS_BYTES_MAX)
		cut_greediest();
}

/* The XPUB has noted what they say; what is left to do is counting. Those that
 * it makes up for a connection that has ended name none. */
static void count_subscriptions(void)
{
	zmq_msg_t frame;
	int taken = 0;

	(void)zmq_msg_init(&frame);             /* cannot fail */
	while (taken < SUBSCRIPTIONS_A_TURN && net_recv(out, &frame)) {
		int fd = zmq_msg_get(&frame, ZMQ_SRCFD);

		if (connections_has(&subscribers, fd))
			count_subscription(fd, net_bytes(&frame));
		net_drop_rest(out, &frame);
		taken++;
		step();
	}
	subscribers.busy = taken == SUBSCRIPTIONS_A_TURN;
	(void)zmq_msg_close(&frame);            /* valid */
}

/* ---- subscribers that take too little ---- */

#ifdef __linux__
/* 1: something waits for this connection in the system. */
static int waits(int fd, uint64_t *taken)
{
	struct tcp_info info = { 0 };
	socklen_t n = sizeof info;
	int queued = 0;

	if (ioctl(fd, SIOCOUTQ, &queued) == -1 || queued == 0 ||
	    getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &n) == -1)
		return 0;
	*taken = info.tcpi_bytes_acked;
	return 1;
}
#else
/* The system does not tell: ZMQ_TCP_MAXRT must do (see net.c). */
static int waits(int fd, uint64_t *taken)
{
	(void)fd;
	(void)taken;
	return 0;
}
#endif

static void cut_slow(uint64_t least)
{
	for (size_t fd = 0; fd < rows; fd++) {
		struct subscriber *s = &subscriber[fd];
		uint64_t taken = 0;
		int waiting = connections_has(&subscribers, (int)fd) &&
		    waits((int)fd, &taken);

		if (waiting && s->waiting && taken - s->taken < least) {
			cut((int)fd, "it does not read");
			continue;
		}
		s->waiting = waiting;
		s->taken = taken;
	}
}

/* ---- publications ---- */

/* 1: too much waits for subscribers. */
static int is_full(void)
{
	size_t bytes = atomic_load(&stream.unread.bytes);

	if (bytes < PUBLICATIONS_BYTES_MAX / 4 * 3)
		full_since = 0;
	else if (bytes >= PUBLICATIONS_BYTES_MAX && full_since == 0)
		full_since = look_at = ticks_ms();
	return full_since != 0;
}

/* 1: publishers are to wait, for subscribers that read. */
static int is_holding(void)
{
	int64_t now;

	if (!is_full())
		return 0;
	now = ticks_ms();
	if (now >= look_at) {
		look_at = now + LOOK_MS;
		cut_slow(now - full_since < SLOW_MS ? 1 : SLOW_BYTES);
	}
	return now - full_since < HOLD_MS;
}

/* An XPUB takes everything: for a subscriber without room it drops the message.
 * What waits is copied: until then it is a part of the buffer that it was read
 * into, and would keep all of that. */
static void publish(struct str topic, struct str body)
{
	size_t extra = topic.n + PLACE_BYTES * subscribers.count;

	if (net_send_copy(out, topic.p, topic.n, 1) == 0)
		(void)net_send_stream(out, body.p, body.n, extra, &stream);
}

/* What is not a topic and a body was not sent by a server. */
static void move_message(zmq_msg_t *topic, zmq_msg_t *body)
{
	size_t n = zmq_msg_size(topic);

	if (!net_more(topic) || !net_recv(in, body))
		return;
	if (net_more(body))
		net_drop_rest(in, body);
	else if (n > 0 && n <= NAME_BYTES_MAX && !is_full())
		publish(net_bytes(topic), net_bytes(body));
}

static void carry_publications(void)
{
	zmq_msg_t topic, body;

	(void)zmq_msg_init(&topic);             /* cannot fail */
	(void)zmq_msg_init(&body);
	for (int i = 0; i < TURN_MESSAGES_MAX && net_recv(in, &topic); i++) {
		move_message(&topic, &body);
		step();
	}
	(void)zmq_msg_close(&topic);            /* both are valid */
	(void)zmq_msg_close(&body);
}

/* ---- the loop ---- */

static void run_proxy(void)
{
	enum { ON_SIGNAL, ON_PUBLISHERS, ON_SUBSCRIBERS, ON_OUT, ON_IN,
		ITEMS };
	zmq_pollitem_t item[ITEMS] = {
		[ON_SIGNAL] = { NULL, signals, ZMQ_POLLIN, 0 },
		[ON_PUBLISHERS] = { NULL, publishers.fd, ZMQ_POLLIN, 0 },
		[ON_SUBSCRIBERS] = { NULL, subscribers.fd, ZMQ_POLLIN, 0 },
		[ON_OUT] = { out, 0, ZMQ_POLLIN, 0 },
		[ON_IN] = { in, 0, ZMQ_POLLIN, 0 },
	};
	int stopping = 0;

	while (!stopping) {
		int holding = is_holding();

		step();
		item[ON_IN].revents = 0;
		net_poll(item, holding ? ON_IN : ITEMS, holding ? FULL_MS : -1);
		if (item[ON_SIGNAL].revents != 0)
			stopping = stop_asked(signals);
		if (item[ON_PUBLISHERS].revents != 0 ||
		    item[ON_SUBSCRIBERS].revents != 0)
			take_events();
		subscribers.busy = 0;
		if (item[ON_OUT].revents != 0)
			count_subscriptions();
		if (item[ON_IN].revents != 0)
			carry_publications();
	}
}

static void open_out(void *context, const char *xpub, size_t descriptors)
{
	out = net_socket(context, ZMQ_XPUB, SUBSCRIPTION_BYTES_MAX, LINGER_MS);
	net_option(out, ZMQ_SNDHWM, PROXY_OUT_MAX);
	net_option(out, ZMQ_RCVHWM, SUBSCRIPTIONS_AT_ONCE);
	net_option(out, ZMQ_RCVBUF, SUBSCRIPTIONS_BUFFER);
	/* All subscriptions are to be counted, not only the first to a topic.
	 * (ZMQ_XPUB_MANUAL would tell more, and uses freed memory.) */
	net_option(out, ZMQ_XPUB_VERBOSE, 1);
	connections_open(&subscribers, context, out, "subscriber",
	    CONNECTIONS_MAX, descriptors / 4 * 3);
	net_bind(out, xpub);
}

static void open_in(void *context, const char *xsub, size_t descriptors)
{
	in = net_socket(context, ZMQ_XSUB, PUBLICATION_BYTES_MAX, 0);
	net_option(in, ZMQ_RCVHWM, PROXY_IN_MAX);
	connections_open(&publishers, context, in, "publisher",
	    SERVERS_CONNECTIONS_MAX, descriptors / 4);
	net_bind(in, xsub);
	/* The XSUB keeps it for servers that connect later. */
	if (net_send_copy(in, "\1", 1, 0) == -1)
		die(EXIT_FAILED, "subscription:");
}

static void close_all(void *context)
{
	connections_close(&publishers);
	connections_close(&subscribers);
	(void)zmq_close(in);                    /* none of these fails */
	(void)zmq_close(out);
	(void)zmq_ctx_term(context);
	free(subscriber);
}

int main(int argc, char **argv)
{
	const char *xsub = DEFAULT_XSUB, *xpub = DEFAULT_XPUB;
	void *context;
	char bound[256];
	size_t descriptors;
	int c;

	set_program(argv[0]);
	while ((c = getopt(argc, argv, "s:x:hV")) != -1)
		switch (c) {
		case 's': xsub = optarg; break;
		case 'x': xpub = optarg; break;
		default: option_common(c, usage);
		}
	option_end(argc, argv);
	signals = stop_signals();
	descriptors = net_descriptors(CONNECTIONS_MAX +
	    SERVERS_CONNECTIONS_MAX);
	context = net_context(1);
	open_out(context, xpub, descriptors);
	open_in(context, xsub, descriptors);
	/* An endpoint is shorter than that. */
	(void)snprintf(bound, sizeof bound, "%s", net_bound(in));
	warn("ready: publishers %s, subscribers %s", bound, net_bound(out));
	watch_steps();
	run_proxy();
	close_all(context);
	return 0;
}
