/* back.h: what broker and servers say to each other (port 5556).
 *
 * A message is one frame (in the broker's ROUTER the server's address comes
 * before it): a letter that says what it is, then its data. Numbers are
 * unsigned, little-endian, 8 bytes. Many requests travel in one message, since
 * a frame costs about as much as the rest of a request: in a turn of its loop
 * each side sends the other at most one.
 *
 *   server to broker
 *     H version credit           hello: takes requests, so many at a time;
 *                                it is answered with a B
 *     A (boot count length body)...
 *                                answers; each gives one credit back
 *     P                          heartbeat, every HEARTBEAT_MS when nothing
 *                                else was said
 *     G                          goodbye: no new requests please; the open
 *                                ones will be answered
 *   broker to server
 *     Q (boot count length body)...
 *                                requests, never more than the credit
 *     B counters                 heartbeat, every HEARTBEAT_MS, with the
 *                                broker's counters in their fixed order
 *     W                          who are you? A server that the broker does
 *                                not know, or no longer knows, must say hello
 *
 * boot and count are the request id: boot is the broker's start time in
 * microseconds and no count comes twice, so an id is unique over restarts of
 * the broker. In a log it reads ~boot.count, both in hex. In a Q, BACK_AGAIN is
 * added to the count of a request that a server was given before. A peer that
 * is silent for DEAD_MS is dead. */
#ifndef BACK_H
#define BACK_H

#include "buf.h"

#define BACK_VERSION 1

#define BACK_AGAIN   (UINT64_C(1) << 63)

struct request_id {
	uint64_t boot, count;
};

/* The broker's counters as they travel in B. */
enum back_counter {
	BACK_WAITING,           /* requests that wait for a server */
	BACK_OPEN,              /* requests at servers */
	BACK_SERVERS,
	BACK_CREDIT,            /* room at all servers together */
	BACK_REQUESTS,          /* taken from clients since the start */
	BACK_ANSWERED,
	BACK_REDELIVERED,       /* given to a server a second time */
	BACK_EXPIRED,           /* answered by the broker: no server in time */
	BACK_UNROUTABLE,        /* answers that no client took */
	BACK_UPTIME_MS,
	BACK_COUNTERS
};

/* One request or one answer. */
static inline void back_put_record(struct buf *b, struct request_id id,
    struct str body)
{
	buf_le64(b, id.boot);
	buf_le64(b, id.count);
	buf_le64(b, body.n);
	buf_str_add(b, body);
}

/* The same for a body that is appended to b between these two calls. */
static inline size_t back_open_record(struct buf *b, struct request_id id)
{
	back_put_record(b, id, (struct str){ NULL, 0 });
	return b->n;
}

static inline void back_close_record(struct buf *b, size_t opened)
{
	uint64_t n = b->n - opened;

	for (int i = 0; i < 8 && !b->err; i++)
		b->p[opened - 8 + (size_t)i] = (char)(n >> 8 * i);
}

/* Takes the next record off s. 1: there was one; 0: s is at its end; -1: s is
 * truncated. */
static inline int back_take_record(struct str *s, struct request_id *id,
    struct str *body)
{
	uint64_t n;

	if (s->n == 0)
		return 0;
	if (take_le64(s, &id->boot) == -1 || take_le64(s, &id->count) == -1 ||
	    take_le64(s, &n) == -1 || n > s->n)
		return -1;
	*body = (struct str){ s->p, (size_t)n };
	str_skip(s, (size_t)n);
	return 1;
}

#endif
