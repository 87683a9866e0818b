/* bench_wire.h: a connection that speaks ZMTP 3.0 itself, for the load.
 *
 * To its peer it is a DEALER, a SUB or whatever it says it is. It costs a
 * third of what a libzmq socket costs, with no thread, lock or pipe in the
 * way, so that one process can be a thousand clients and still not be what is
 * measured. Any error ends the program. */
#ifndef BENCH_WIRE_H
#define BENCH_WIRE_H

#include "../buf.h"

struct wire {
	int fd;                 /* non-blocking, for poll() */
	struct buf in, out;
	size_t taken, sent;     /* bytes of in and of out that are done */
};

/* endpoint: tcp://a.b.c.d:port. type: "DEALER", "SUB" ... Waits a while for
 * the peer to listen, and returns after the handshake. */
void wire_open(struct wire *w, const char *endpoint, const char *type);
void wire_close(struct wire *w);

/* One frame, which the next wire_flush() sends. */
void wire_put(struct wire *w, struct str frame, int more);
/* Sends what the peer takes without waiting. 1: all; 0: wait for POLLOUT. */
int wire_flush(struct wire *w);

/* Reads what is there. It moves the frames that wire_next() returned. */
void wire_fill(struct wire *w);
/* Takes the next frame off what was read. 1: done; 0: it is incomplete. */
int wire_next(struct wire *w, struct str *frame, int *more);

#endif
