/* talk_connection.h: a socket that connects to one endpoint, and whether the
 * connection is there. */
#ifndef TALK_CONNECTION_H
#define TALK_CONNECTION_H

#include <stddef.h>

struct connection {
	void *socket, *monitor;
	int up;         /* 1: there is a TCP connection */
	int ready;      /* 1: and the ZMTP handshake is over */
};

/* The caller sets options and connects the socket. name is the monitor's, and
 * unique in the context. Failing ends the program. */
void connection_open(struct connection *c, void *context, int type,
    size_t frame_bytes_max, const char *name);
void connection_close(struct connection *c);

/* Brings up and ready up to date, without blocking. Returns what happened. */
#define CONNECTION_LOST  1      /* what was in the socket is lost */
#define CONNECTION_READY 2      /* there is a new connection */
int connection_look(struct connection *c);

#endif
