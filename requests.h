/* requests.h: the broker's requests, from when they are taken until they are
 * answered, and the clients that they are from.
 *
 * A fixed number of rows. Rows that were never used cost no memory, and nothing
 * here allocates after the start. A request is in the list of all, in order of
 * arrival; it belongs to a requester, and until a server has it, it waits in
 * the requester's queue. Requesters wait in a ring, where each has its turn. */
#ifndef REQUESTS_H
#define REQUESTS_H

#include "back.h"
#include "limits.h"
#include "net.h"

struct server;

struct queue {
	struct request *first, *last;
};

struct ring {
	struct requester *first, *last;
};

/* A client with requests here, or with answers that it has not read. Its
 * requests all go to the same server, so that they stay in order. */
struct requester {
	zmq_msg_t identity;     /* the address that the ROUTER gave it */
	int fd;                 /* its connection */
	int cut;                /* 1: that was cut */
	struct requester *next; /* in its bucket or the list of free entries */
	struct requester *before, *after;       /* in its ring */
	struct ring *ring;      /* where it waits, or NULL */
	struct queue waiting;   /* its requests that are at no server */
	struct server *server;  /* NULL: none yet */
	struct unread unread;   /* its answers that libzmq has */
	int64_t expired;        /* ms: when a request of its own last did */
	int64_t refuse_until;   /* ms: what it sends before is refused */
	size_t bytes;           /* of its requests */
	uint32_t requests;
	uint32_t hash;
	int answered;           /* 1: a server has, since it was forgotten */
	int refused;            /* had more than its share: see over_share */
};

struct request {
	/* Of its id: a sequence and the row. 0: the row is free. */
	uint64_t count;
	struct request *older, *newer;  /* of all, in order of arrival */
	struct request *next, *prev;    /* in its queue, or of the free rows */
	int waiting;            /* it is in its client's queue */
	struct server *server;  /* where it is open, or NULL */
	struct requester *client;
	int64_t arrived;        /* ms */
	size_t bytes;           /* of all frames */
	int assigned;           /* 1: to a server, at least once */
	int frames;
	zmq_msg_t body;         /* empty: the message was not a request */
	zmq_msg_t frame[ENVELOPE_FRAMES_MAX];   /* the envelope */
};

struct requests {
	struct request *oldest, *newest;
	uint64_t kept;
	size_t bytes;
	uint64_t boot, sequence;
	uint64_t seed;          /* of the hashes */
	int64_t now;            /* ms: the broker keeps it right */
	struct request *row, *free_rows;
	struct requester *client, *free_clients, **bucket;
	uint64_t rows_used, clients_used;
	size_t asking;          /* clients with requests, answered before */
	struct ring readers;    /* clients with unread answers only */
	struct unread unread;   /* of all clients */
};

void requests_open(struct requests *t, uint64_t boot);
void requests_close(struct requests *t);
/* 1: one more request may be taken: there is a place for its client. */
int requests_room(struct requests *t);
/* 1: a request must go before another one is added. */
int requests_full(const struct requests *t);
/* 1: half of the room is taken. */
int requests_short(const struct requests *t);
/* The client with most of what `holds` tells, unless all those that are not cut
 * have less than `bytes` together; then NULL. Looks at all clients. */
struct requester *requests_greediest(struct requests *t,
    size_t (*holds)(const struct requester *), size_t bytes);
/* A new request, not waiting yet, its body an empty message. Takes the
 * identity. */
struct request *requests_add(struct requests *t, zmq_msg_t *identity);
/* Counts the bytes of its frames. -1: its client has more than its share now,
 * and this request and all that come before its others are answered, and in the
 * next REFUSE_ON_MS, must be refused. The share is twice what is free, so that
 * a few clients that flood the broker leave room for the others; for one that
 * was answered before, at least an equal part of half of the room. */
int requests_count(struct requests *t, struct request *r, size_t bytes);
/* It is about to have an answer from a server. */
void requests_answered(struct requests *t, struct requester *c);
/* A request of this client has expired: what comes in the next REFUSE_ON_MS
 * must be refused, too. */
void requests_expired(struct requests *t, struct requester *c);
/* The request with this id; NULL: it was answered, or the id is from before
 * this broker's start. */
struct request *requests_find(const struct requests *t, struct request_id id);
/* The caller sends or closes the frames of its envelope first. */
void requests_remove(struct requests *t, struct request *r);

/* Puts it at the end of its client's queue. */
void request_wait(struct request *r);
/* Takes it out of there. */
void request_go(struct request *r);

/* Puts a client at the end of the ring, out of the one that it is in. */
void ring_add(struct ring *ring, struct requester *c);
void ring_remove(struct requester *c);

#endif
