/* requests.h: the broker's requests, from the moment they are taken until they are answered.
 *
 * A fixed number of rows. Rows that were never used cost no memory, and nothing here allocates after
 * the start. A request is in the list of all, in order of arrival; it is in at most one queue; and
 * it belongs to a client, whose entry lives as long as it has requests here. */
#ifndef REQUESTS_H
#define REQUESTS_H

#include "back.h"
#include "limits.h"

#include <zmq.h>

struct server;

struct queue {
	struct request *first, *last;
};

/* All its requests go to the same server, so that they stay in order. */
struct client {
	zmq_msg_t identity;     /* the address that the ROUTER gave it */
	struct client *next;    /* in its bucket, or in the list of free entries */
	struct server *server;  /* or NULL: none yet */
	int64_t late;           /* when a request of its own expired last, ms */
	uint32_t requests;
	uint32_t hash;
};

struct request {
	uint64_t count;         /* of its id: a sequence and the row; 0: the row is free */
	struct request *older, *newer;          /* all of them, in order of arrival */
	struct request *next, *prev;            /* in its queue; next also in the list of free rows */
	struct queue *queue;    /* where it waits, or NULL */
	struct server *server;  /* where it is open, or NULL */
	struct client *client;
	int64_t arrived;        /* ms */
	size_t bytes;           /* counted in the table's */
	int given;              /* 1: to a server, once at least */
	int frames;
	zmq_msg_t body;         /* empty when the message had a shape that no request has */
	zmq_msg_t frame[ENVELOPE_FRAMES_MAX];
};

struct requests {
	struct request *oldest, *newest;
	uint64_t kept;
	size_t bytes;
	uint64_t boot, sequence;
	struct request *row, *free_rows;
	struct client *client, *free_clients, **bucket;
	uint64_t rows_used, clients_used;
};

void requests_open(struct requests *t, uint64_t boot);
void requests_close(struct requests *t);
/* 1: one more request may be added. */
int requests_room(const struct requests *t);
/* A new request, in no queue, its body an empty message. The identity is taken. */
struct request *requests_add(struct requests *t, zmq_msg_t *identity, int64_t now);
/* The request with this id, or NULL: it was answered, or is of another broker's life. */
struct request *requests_find(const struct requests *t, struct request_id id);
/* The frames of its envelope are the caller's to send or close before. */
void requests_remove(struct requests *t, struct request *r);

void queue_add(struct queue *q, struct request *r);
void queue_remove(struct request *r);

#endif
