/* proxy.c: carries publications from servers (XSUB) to subscribers (XPUB).
 *
 * It has its own loop since zmq_proxy() passes every subscription on to the
 * servers. There a long one crashes libzmq 4.3.4, and after more than a queue's
 * length of them a server that comes back is never heard again. Here the XSUB
 * subscribes to everything once, and subscriptions stay in the XPUB. */
#include "limits.h"
#include "net.h"
#include "util.h"

#include <stdio.h>
#include <unistd.h>

static void *in, *out;
static int signals;

static void usage(FILE *to)
{
	(void)fprintf(to,
	    "usage: %s [-s ENDPOINT] [-x ENDPOINT]\n"
	    "  -s ENDPOINT   XSUB, for servers that publish (%s)\n"
	    "  -x ENDPOINT   XPUB, for subscribers (%s)\n"
	    "  -h, -V        this help; the version\n",
	    program(), DEFAULT_XSUB, DEFAULT_XPUB);
}

/* Moves one message. An XPUB takes everything: for a subscriber without room it
 * drops the message. One that reads slowly must hold no more than the message
 * itself, hence net_own(), even if that costs a tenth of the rate to a single
 * subscriber. */
static void move_message(zmq_msg_t *frame)
{
	int more;

	do {
		more = net_more(frame);
		net_own(frame);
		(void)net_send(out, frame, more);       /* cannot fail */
		(void)zmq_msg_init(frame);              /* cannot fail */
	} while (more && net_recv(in, frame));
}

static void carry_publications(void)
{
	zmq_msg_t frame;

	(void)zmq_msg_init(&frame);             /* cannot fail */
	for (int i = 0; i < TURN_MESSAGES_MAX && net_recv(in, &frame); i++)
		move_message(&frame);
	(void)zmq_msg_close(&frame);            /* valid */
}

/* The XPUB has noted what they say; there is nothing more to do. */
static void drop_subscriptions(void)
{
	zmq_msg_t frame;

	(void)zmq_msg_init(&frame);             /* cannot fail */
	for (int i = 0; i < TURN_MESSAGES_MAX && net_recv(out, &frame); i++)
		net_drop_rest(out, &frame);
	(void)zmq_msg_close(&frame);            /* valid */
}

static void run_proxy(void)
{
	enum { ON_IN, ON_OUT, ON_SIGNAL, ITEMS };
	zmq_pollitem_t item[ITEMS] = {
		[ON_IN] = { in, 0, ZMQ_POLLIN, 0 },
		[ON_OUT] = { out, 0, ZMQ_POLLIN, 0 },
		[ON_SIGNAL] = { NULL, signals, ZMQ_POLLIN, 0 },
	};
	int stopping = 0;

	while (!stopping) {
		net_poll(item, ITEMS, -1);
		if (item[ON_SIGNAL].revents != 0)
			stopping = stop_asked(signals);
		if (item[ON_OUT].revents != 0)
			drop_subscriptions();
		if (item[ON_IN].revents != 0)
			carry_publications();
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
	/* The XSUB keeps it for servers that connect later. */
	if (net_send_copy(in, "\1", 1, 0) == -1)
		die(EXIT_FAILED, "subscription:");
	/* An endpoint is shorter than that. */
	(void)snprintf(bound, sizeof bound, "%s", net_bound(in));
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
		default: option_common(c, usage);
		}
	option_end(argc, argv);
	signals = stop_signals();
	net_descriptors();
	context = net_context(1);
	open_sockets(context, xsub, xpub);
	run_proxy();
	(void)zmq_close(in);                    /* both are sockets */
	(void)zmq_close(out);
	(void)zmq_ctx_term(context);
	return 0;
}
