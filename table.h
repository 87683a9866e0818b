/* table.h: the broker's requests, from the moment they are taken until they are answered.
 *
 * A fixed number of rows. Rows that were never used cost no memory, and nothing here allocates after
 * the start. A request is in the list of all, in order of arrival; it is in at most one queue; and
 * it belongs to a client, whose entry lives as long as it has requests here. */
#ifndef TABLE_H
#define TABLE_H

#include "back.h"

#include <zmq.h>

#define SLOT_BITS    14         /* 16384 requests: half a second of the fastest server, or one for each
                                 * of more clients than descriptors usually allow */
#define SLOTS        ((uint64_t)1 << SLOT_BITS)
#define KEPT_BYTES_MAX ((size_t)64 * 1024 * 1024)       /* of all requests; 256 of the longest */
#define ENVELOPE_MAX 8          /* frames between the client's address and the body: REQ sends 1 or 2,
                                 * each further proxy on the way adds 1 */

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
	zmq_msg_t frame[ENVELOPE_MAX];
};

struct table {
	struct request *oldest, *newest;
	uint64_t kept;
	size_t bytes;
	uint64_t boot, sequence;
	struct request *row, *free_rows;
	struct client *client, *free_clients, **bucket;
	uint64_t rows_used, clients_used;
};

void table_open(struct table *t, uint64_t boot);
void table_close(struct table *t);
/* 1: one more request may be added. */
int table_room(const struct table *t);
/* A new request, in no queue, its body an empty message. The identity is taken. */
struct request *table_add(struct table *t, zmq_msg_t *identity, int64_t now);
/* The request with this id, or NULL: it was answered, or is of another broker's life. */
struct request *table_find(const struct table *t, struct request_id id);
/* The frames of its envelope are the caller's to send or close before. */
void table_remove(struct table *t, struct request *r);

void queue_add(struct queue *q, struct request *r);
void queue_remove(struct request *r);

#endif
