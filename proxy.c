/* proxy.c: carries publications from servers (XSUB) to subscribers (XPUB).
 *
 * Its own loop instead of zmq_proxy(): that one hands every subscription on to the servers, where a
 * long one crashes libzmq 4.3.4 and more than a queue's length of them mute a server that comes back.
 * Here the XSUB subscribes to everything once, and what subscribers ask for stays in the XPUB. */
#include "net.h"
#include "util.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SUBSCRIPTION_BYTES_MAX ((size_t)1024)   /* topics have 64; a longer one costs its connection */
#define TAKE_MAX   1000         /* messages in one turn, so that signals and subscriptions have theirs */
#define QUEUE_IN   10000        /* messages from a server that wait for us: a burst of a few batches */
#define QUEUE_OUT  100000       /* and for each subscriber. One that falls further behind loses live
                                 * publications and reads them from the log */
#define LINGER_MS  500

static void *in, *out;
static int signals;

static void usage(FILE *to)
{
	(void)fprintf(to,
	    "usage: %s [-s endpoint] [-x endpoint]\n"
	    "  -s endpoint   XSUB, for servers that publish (%s)\n"
	    "  -x endpoint   XPUB, for subscribers (%s)\n"
	    "  -h, -V        this text; the version\n", program(), DEFAULT_XSUB, DEFAULT_XPUB);
}

/* Moves one frame; frames after the first of a message go where that went. */
static void move_rest(zmq_msg_t *frame)
{
	int more = net_more(frame);

	while (net_send(out, frame, more) == 0 && more) {
		(void)zmq_msg_init(frame);      /* cannot fail */
		if (!net_recv(in, frame))
			return;                 /* cannot be: the frames of a message come together */
		more = net_more(frame);
	}
}

/* An XPUB takes everything: for a subscriber without room it drops the message. */
static void publish(void)
{
	zmq_msg_t frame;

	for (int i = 0; i < TAKE_MAX; i++) {
		(void)zmq_msg_init(&frame);     /* cannot fail */
		if (!net_recv(in, &frame)) {
			(void)zmq_msg_close(&frame);    /* valid */
			return;
		}
		move_rest(&frame);
	}
}

/* The XPUB has noted what it says; for us there is nothing to do. */
static void drop_subscriptions(void)
{
	zmq_msg_t frame;

	(void)zmq_msg_init(&frame);             /* cannot fail */
	for (int i = 0; i < TAKE_MAX && net_recv(out, &frame); i++)
		net_drop_rest(out, &frame);
	(void)zmq_msg_close(&frame);            /* valid */
}

static void serve(void)
{
	zmq_pollitem_t item[] = {
		{ in, 0, ZMQ_POLLIN, 0 }, { out, 0, ZMQ_POLLIN, 0 }, { NULL, signals, ZMQ_POLLIN, 0 }
	};

	while (!net_stopping(signals)) {
		if (zmq_poll(item, 3, -1) == -1 && errno != EINTR)
			die(EXIT_FAILED, "zmq_poll: %s", zmq_strerror(errno));
		drop_subscriptions();
		publish();
	}
}

static void open_sockets(void *context, const char *xsub, const char *xpub)
{
	char bound[256];

	out = net_socket(context, ZMQ_XPUB, SUBSCRIPTION_BYTES_MAX, LINGER_MS);
	net_option(out, ZMQ_SNDHWM, QUEUE_OUT);
	net_bind(out, xpub);
	in = net_socket(context, ZMQ_XSUB, FRAME_BYTES_MAX, 0);
	net_option(in, ZMQ_RCVHWM, QUEUE_IN);
	net_bind(in, xsub);
	if (net_send_copy(in, "\1", 1, 0) == -1)        /* kept by the XSUB for servers that come later */
		die(EXIT_FAILED, "subscription:");
	(void)snprintf(bound, sizeof bound, "%s", net_bound(in));       /* an endpoint is shorter */
	warn("ready: publishers %s, subscribers %s", bound, net_bound(out));
}

int main(int argc, char **argv)
{
	const char *xsub = DEFAULT_XSUB, *xpub = DEFAULT_XPUB;
	void *context;
	int c;

	set_program(argv[0]);
	while ((c = getopt(argc, argv, "s:x:hV")) != -1)
		switch (c) {
		case 's': xsub = optarg; break;
		case 'x': xpub = optarg; break;
		case 'h': usage(stdout); return 0;
		case 'V': (void)printf("recado %s\n", RECADO_VERSION); return 0;
		default: usage(stderr); return EXIT_USAGE;
		}
	if (optind != argc) {
		usage(stderr);
		return EXIT_USAGE;
	}
	signals = net_signals();
	context = net_context(1);
	open_sockets(context, xsub, xpub);
	serve();
	(void)zmq_close(in);                    /* both are sockets */
	(void)zmq_close(out);
	(void)zmq_ctx_term(context);
	return 0;
}
