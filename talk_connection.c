/* talk_connection.c: see talk_connection.h. */
#include "talk_connection.h"

#include "net.h"

#define EVENTS (ZMQ_EVENT_CONNECTED | ZMQ_EVENT_DISCONNECTED | \
	ZMQ_EVENT_HANDSHAKE_SUCCEEDED)

void connection_open(struct connection *c, void *context, int type,
    size_t frame_bytes_max, const char *name)
{
	c->socket = net_socket(context, type, frame_bytes_max, 0);
	c->monitor = net_monitor(context, c->socket, name, EVENTS);
}

void connection_close(struct connection *c)
{
	net_monitor_close(c->monitor, c->socket);
	(void)zmq_close(c->socket);     /* a socket */
}

int connection_look(struct connection *c)
{
	int event, fd, happened = 0;

	while (net_monitor_next(c->monitor, &event, &fd)) {
		c->up = event != ZMQ_EVENT_DISCONNECTED;
		c->ready = event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED;
		if (!c->up)
			happened |= CONNECTION_LOST;
		if (c->ready)
			happened |= CONNECTION_READY;
	}
	return happened;
}
