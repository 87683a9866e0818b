/* back.h: what broker and servers say to each other (port 5556).
 *
 * A message is one frame (in the broker's ROUTER the server's address comes
 * before it): a letter that says what it is, then its data. Numbers are
 * unsigned, little-endian, 8 bytes. Many requests travel in one message, since
 * a frame costs about as much as the rest of a request: in a turn of its loop
 * each side sends the other at most one.
 *
 *   server to broker
 *     H version credit directory rank
 *                                hello: takes requests, so many at a time. The
 *                                directory is a random number that its servers
 *                                share; of those with one directory the broker
 *                                may prefer the lowest rank
 *     A (boot count length body)...
 *                                answers; each gives one credit back
 *     P rank                     heartbeat, every HEARTBEAT_MS when nothing
 *                                else was said
 *     G                          goodbye: no new requests please; the open
 *                                ones will be answered
 *   broker to server
 *     Q (boot count client length who length body)...
 *                                requests, never more than the credit. Those
 *                                of one connection have the same client; who
 *                                is the key it showed, or empty
 *     B counters                 heartbeat, every HEARTBEAT_MS, with the
 *                                broker's counters in their fixed order; it
 *                                also says that a hello counts
 *     W                          who are you? A server that the broker does
 *                                not know, or no longer knows, must say hello
 *     N                          no: servers of another directory are here;
 *                                keep saying hello, and it will be your turn
 *
 * A hello is answered with one request of the broker's own, whose answer is
 * dropped: the server counts from then on, or waits for its turn. What only
 * takes requests is no server.
 *
 * boot and count are the request id: boot is a random number of the broker's
 * and no count comes twice, so an id is unique over restarts of the broker. In
 * a log it reads ~boot.count, both in hex. In a Q, BACK_AGAIN is added to the
 * count of a request that a server was given before. A peer that is silent for
 * DEAD_MS is dead. */
#ifndef BACK_H
#define BACK_H

#include "buf.h"

#define BACK_VERSION 2

#define BACK_AGAIN   (UINT64_C(1) << 63)

struct request_id {
	uint64_t boot, count;
};

/* A request in a Q. */
struct back_request {
	struct request_id id;
	uint64_t client;
	struct str who, body;
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

static inline void back_put_bytes(struct buf *b, struct str s)
{
	buf_le64(b, s.n);
	buf_str_add(b, s);
}

static inline int back_take_bytes(struct str *from, struct str *s)
{
	uint64_t n;

	if (take_le64(from, &n) == -1 || n > from->n)
		return -1;
	*s = (struct str){ from->p, (size_t)n };
	str_skip(from, (size_t)n);
	return 0;
}

static inline int back_take_id(struct str *s, struct request_id *id)
{
	return take_le64(s, &id->boot) == -1 ||
	    take_le64(s, &id->count) == -1 ? -1 : 0;
}

static inline void back_put_request(struct buf *b,
    const struct back_request *r)
{
	buf_le64(b, r->id.boot);
	buf_le64(b, r->id.count);
	buf_le64(b, r->client);
	back_put_bytes(b, r->who);
	back_put_bytes(b, r->body);
}

/* Takes the next request off s. 1: there was one; 0: s is at its end; -1: s is
 * truncated. */
static inline int back_take_request(struct str *s, struct back_request *r)
{
	if (s->n == 0)
		return 0;
	return back_take_id(s, &r->id) == -1 ||
	    take_le64(s, &r->client) == -1 ||
	    back_take_bytes(s, &r->who) == -1 ||
	    back_take_bytes(s, &r->body) == -1 ? -1 : 1;
}

/* An answer, whose body is appended to b between these two calls. */
static inline size_t back_open_answer(struct buf *b, struct request_id id)
{
	buf_le64(b, id.boot);
	buf_le64(b, id.count);
	buf_le64(b, 0);
	return b->n;
}

static inline void back_close_answer(struct buf *b, size_t opened)
{
	uint64_t n = b->n - opened;

	for (int i = 0; i < 8 && !b->err; i++)
		b->p[opened - 8 + (size_t)i] = (char)(n >> 8 * i);
}

/* As back_take_request(). */
static inline int back_take_answer(struct str *s, struct request_id *id,
    struct str *body)
{
	if (s->n == 0)
		return 0;
	return back_take_id(s, id) == -1 ||
	    back_take_bytes(s, body) == -1 ? -1 : 1;
}

#endif
