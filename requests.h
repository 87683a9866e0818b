/* requests.h: the broker's requests, from when they are taken until they are
 * answered.
 *
 * A fixed number of rows. Rows that were never used cost no memory, and nothing
 * here allocates after the start. A request is in the list of all, in order of
 * arrival; it is in at most one queue; and it belongs to a requester, whose
 * entry lives as long as it has requests here. */
#ifndef REQUESTS_H
#define REQUESTS_H

#include "back.h"
#include "limits.h"

#include <zmq.h>

struct server;

struct queue {
	struct request *first, *last;
};

/* A client with requests here. They all go to the same server, so that they
 * stay in order. */
struct requester {
	zmq_msg_t identity;     /* the address that the ROUTER gave it */
	struct requester *next; /* in its bucket or the list of free entries */
	struct server *server;  /* NULL: none yet */
	int64_t expired;        /* ms: when a request of its own last did */
	uint32_t requests;
	uint32_t hash;
};

struct request {
	/* Of its id: a sequence and the row. 0: the row is free. */
	uint64_t count;
	struct request *older, *newer;  /* of all, in order of arrival */
	struct request *next, *prev;    /* in its queue, or of the free rows */
	struct queue *queue;    /* where it waits, or NULL */
	struct server *server;  /* where it is open, or NULL */
	struct requester *client;
	int64_t arrived;        /* ms */
	size_t bytes;           /* counted in the table's */
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
	struct request *row, *free_rows;
	struct requester *client, *free_clients, **bucket;
	uint64_t rows_used, clients_used;
};

void requests_open(struct requests *t, uint64_t boot);
void requests_close(struct requests *t);
/* 1: one more request may be added. */
int requests_room(const struct requests *t);
/* A new request, in no queue, its body an empty message. Takes the identity. */
struct request *requests_add(struct requests *t, zmq_msg_t *identity,
    int64_t now);
/* The request with this id; NULL: it was answered, or the id is from before
 * this broker's start. */
struct request *requests_find(const struct requests *t, struct request_id id);
/* The caller sends or closes the frames of its envelope first. */
void requests_remove(struct requests *t, struct request *r);

void queue_add(struct queue *q, struct request *r);
void queue_remove(struct request *r);

#endif
