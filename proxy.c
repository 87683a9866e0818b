/* proxy.c: carries publications from servers (XSUB) to subscribers (XPUB).
 *
 * Its own loop instead of zmq_proxy(): that one hands every subscription on to the servers, where a
 * long one crashes libzmq 4.3.4 and more than a queue's length of them mute a server that comes back.
 * Here the XSUB subscribes to everything once, and what subscribers ask for stays in the XPUB. */
#include "limits.h"
#include "net.h"
#include "util.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TAKE_MAX   1000         /* messages in one turn, so that signals and subscriptions have theirs */
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

/* Moves one message. A subscriber may be slow to read it: it must not hold more than itself, even if
 * that costs a tenth of the rate to a single one. */
static void move(zmq_msg_t *frame)
{
	int more;

	do {
		more = net_more(frame);
		net_own(frame);
		if (net_send(out, frame, more) == -1)   /* cannot be: an XPUB takes everything */
			return;
		(void)zmq_msg_init(frame);              /* cannot fail */
	} while (more && net_recv(in, frame));
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
		move(&frame);
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
	int stopping = 0;

	while (!stopping) {
		net_poll(item, 3, -1);
		if (item[2].revents != 0)
			stopping = stop_asked(signals);
		if (item[1].revents != 0)
			drop_subscriptions();
		if (item[0].revents != 0)
			publish();
	}
}

static void open_sockets(void *context, const char *xsub, const char *xpub)
{
	char bound[256];

	out = net_socket(context, ZMQ_XPUB, SUBSCRIPTION_BYTES_MAX, LINGER_MS);
	net_option(out, ZMQ_SNDHWM, PROXY_OUT_MAX);
	net_bind(out, xpub);
	in = net_socket(context, ZMQ_XSUB, FRAME_BYTES_MAX, 0);
	net_option(in, ZMQ_RCVHWM, PROXY_IN_MAX);
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
	signals = stop_signals();
	net_descriptors();
	context = net_context(1);
	open_sockets(context, xsub, xpub);
	serve();
	(void)zmq_close(in);                    /* both are sockets */
	(void)zmq_close(out);
	(void)zmq_ctx_term(context);
	return 0;
}
