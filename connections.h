/* connections.h: who is connected to a socket that listens, by descriptor.
 *
 * libzmq takes every connection there is, and each costs it memory. Its monitor
 * tells who comes and goes: so they are counted, and who comes is cut at once
 * if its address has as many already as are still free. One address has half of
 * the places at most, a second one a quarter, and so on.
 *
 * Where connections give way, the oldest of that address that is not kept is
 * cut instead: those that say nothing of use and stay keep nobody out. */
#ifndef CONNECTIONS_H
#define CONNECTIONS_H

#include "util.h"

#include <stddef.h>
#include <stdint.h>

struct connections {
	void *socket, *monitor;
	const char *of;         /* what we call them */
	int fd;                 /* of the monitor: see below */
	struct place *row;      /* the index is the descriptor */
	size_t rows;
	size_t count, max;
	int busy;               /* 1: nobody is let in now; the owner says so */
	int gives_way;          /* 1: see above; the owner says so */
	uint64_t came;          /* how many */
	struct seldom cuts;
};

/* Before the socket is bound. of ("client") is for messages, and must last.
 * There will be `most` at most, and no more than the descriptors that are set
 * aside for them. The program ends if it cannot be done. */
void connections_open(struct connections *c, void *context, void *socket,
    const char *of, size_t most, size_t descriptors);
/* While the socket is open. */
void connections_close(struct connections *c);

/* c->fd is to be polled; when it can be read, all events are to be: it tells of
 * none before, and of 2000 that nobody reads libzmq's thread stops. */
enum connections_event { CONNECTIONS_NOTHING, CONNECTIONS_CAME,
	CONNECTIONS_WENT };
enum connections_event connections_next(struct connections *c, int *fd);

/* 1: fd is a connection, and was not cut. */
int connections_has(const struct connections *c, int fd);
/* 1: it was cut, and libzmq may still have what had come on it. Until another
 * connection has fd. */
int connections_was_cut(const struct connections *c, int fd);
/* yes: it gives way to nobody from now on. */
void connections_keep(struct connections *c, int fd, int yes);
/* Should libzmq have closed fd since its last event, and another connection
 * have it now, that one is cut, and comes back. */
void connections_cut(struct connections *c, int fd, const char *why);
/* Cuts it if its peer has left, and nobody will hear an answer. 1: it has. */
int connections_cut_left(struct connections *c, int fd);

#endif
