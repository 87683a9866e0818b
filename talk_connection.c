/* talk_connection.c: see talk_connection.h. */
#include "talk_connection.h"

#include "limits.h"
#include "net.h"
#include "util.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define EVENTS (ZMQ_EVENT_CONNECTED | ZMQ_EVENT_DISCONNECTED | \
	ZMQ_EVENT_HANDSHAKE_SUCCEEDED)

void connection_open(struct connection *c, void *context, int type,
    size_t frame_bytes_max, const char *name)
{
	char endpoint[64];

	c->socket = net_socket(context, type, frame_bytes_max, 0);
	c->monitor = net_socket(context, ZMQ_PAIR, FRAME_BYTES_MAX, 0);
	(void)snprintf(endpoint, sizeof endpoint, "inproc://%s", name);
	if (zmq_socket_monitor(c->socket, endpoint, EVENTS) == -1)
		die(EXIT_FAILED, "zmq_socket_monitor: %s",
		    zmq_strerror(errno));
	net_connect(c->monitor, endpoint);
}

void connection_close(struct connection *c)
{
	/* These fail only for what is not a socket. */
	(void)zmq_socket_monitor(c->socket, NULL, 0);
	(void)zmq_close(c->monitor);
	(void)zmq_close(c->socket);
}

/* 1: an event was taken off the monitor; 0: there are no more. */
static int next_event(struct connection *c, unsigned *event)
{
	zmq_msg_t msg;
	uint16_t number;
	int there;

	(void)zmq_msg_init(&msg);       /* cannot fail */
	there = net_recv(c->monitor, &msg);
	if (there && zmq_msg_size(&msg) >= sizeof number) {
		memcpy(&number, zmq_msg_data(&msg), sizeof number);
		*event = number;
	}
	net_drop_rest(c->monitor, &msg);
	(void)zmq_msg_close(&msg);      /* a valid message closes */
	return there;
}

int connection_look(struct connection *c)
{
	unsigned event = 0;
	int happened = 0;

	while (next_event(c, &event)) {
		c->up = event != ZMQ_EVENT_DISCONNECTED;
		c->ready = event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED;
		if (!c->up)
			happened |= CONNECTION_LOST;
		if (c->ready)
			happened |= CONNECTION_READY;
	}
	return happened;
}
