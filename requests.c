/* requests.c: see requests.h. */
#include "requests.h"

#include "util.h"

#include <stdlib.h>
#include <string.h>

/* The rows are zeroed memory, which the system hands out page by page when it
 * is touched. */
void requests_open(struct requests *t, uint64_t boot)
{
	*t = (struct requests){ .boot = boot };
	t->row = must_alloc(REQUESTS_MAX * sizeof *t->row);
	t->client = must_alloc(REQUESTS_MAX * sizeof *t->client);
	t->bucket = must_alloc(REQUESTS_MAX * sizeof *t->bucket);
}

void requests_close(struct requests *t)
{
	free(t->row);
	free(t->client);
	free(t->bucket);
}

int requests_room(const struct requests *t)
{
	return t->kept < REQUESTS_MAX && t->bytes < REQUESTS_BYTES_MAX;
}

/* FNV-1a, started from our boot time: nobody can choose addresses that fall
 * into one bucket. */
static uint32_t hash_of(const struct requests *t, const unsigned char *p,
    size_t n)
{
	uint32_t h = 2166136261u ^ (uint32_t)t->boot;

	while (n-- > 0)
		h = (h ^ *p++) * 16777619u;
	return h ^ h >> 16;
}

static int is_client(struct requester *c, uint32_t hash, const void *p,
    size_t n)
{
	zmq_msg_t *identity = &c->identity;

	return c->hash == hash && zmq_msg_size(identity) == n &&
	    memcmp(zmq_msg_data(identity), p, n) == 0;
}

/* There are never more clients than requests. */
static struct requester *client_new(struct requests *t,
    struct requester **head, uint32_t hash)
{
	struct requester *c = t->free_clients;

	if (c != NULL)
		t->free_clients = c->next;
	else
		c = &t->client[t->clients_used++];
	*c = (struct requester){ .next = *head, .hash = hash };
	(void)zmq_msg_init(&c->identity);       /* cannot fail, nor a move */
	*head = c;
	return c;
}

static struct requester *client_of(struct requests *t, zmq_msg_t *identity)
{
	void *p = zmq_msg_data(identity);
	size_t n = zmq_msg_size(identity);
	uint32_t hash = hash_of(t, p, n);
	struct requester **head = &t->bucket[hash % REQUESTS_MAX], *c = *head;

	while (c != NULL && !is_client(c, hash, p, n))
		c = c->next;
	if (c == NULL) {
		c = client_new(t, head, hash);
		(void)zmq_msg_move(&c->identity, identity);
	} else {
		(void)zmq_msg_close(identity);
	}
	c->requests++;
	return c;
}

static void client_done(struct requests *t, struct requester *c)
{
	struct requester **p = &t->bucket[c->hash % REQUESTS_MAX];

	if (--c->requests > 0)
		return;
	while (*p != c)
		p = &(*p)->next;
	*p = c->next;
	(void)zmq_msg_close(&c->identity);
	c->next = t->free_clients;
	t->free_clients = c;
}

struct request *requests_add(struct requests *t, zmq_msg_t *identity,
    int64_t now)
{
	struct request *r = t->free_rows;

	if (r != NULL)
		t->free_rows = r->next;
	else
		r = &t->row[t->rows_used++];
	r->count = ++t->sequence << REQUESTS_BITS | (uint64_t)(r - t->row);
	r->queue = NULL;
	r->server = NULL;
	r->client = client_of(t, identity);
	r->arrived = now;
	r->bytes = 0;
	r->assigned = 0;
	r->frames = 0;
	(void)zmq_msg_init(&r->body);
	r->newer = NULL;
	r->older = t->newest;
	*(t->newest ? &t->newest->newer : &t->oldest) = r;
	t->newest = r;
	t->kept++;
	return r;
}

struct request *requests_find(const struct requests *t, struct request_id id)
{
	uint64_t slot = id.count & (REQUESTS_MAX - 1);

	/* A free row has the count 0. */
	if (id.count == 0 || id.boot != t->boot || slot >= t->rows_used ||
	    t->row[slot].count != id.count)
		return NULL;
	return &t->row[slot];
}

void requests_remove(struct requests *t, struct request *r)
{
	if (r->queue != NULL)
		queue_remove(r);
	*(r->older ? &r->older->newer : &t->oldest) = r->newer;
	*(r->newer ? &r->newer->older : &t->newest) = r->older;
	(void)zmq_msg_close(&r->body);
	client_done(t, r->client);
	r->count = 0;
	r->next = t->free_rows;
	t->free_rows = r;
	t->kept--;
	t->bytes -= r->bytes;
}

void queue_add(struct queue *q, struct request *r)
{
	r->queue = q;
	r->next = NULL;
	r->prev = q->last;
	*(q->last ? &q->last->next : &q->first) = r;
	q->last = r;
}

void queue_remove(struct request *r)
{
	struct queue *q = r->queue;

	*(r->prev ? &r->prev->next : &q->first) = r->next;
	*(r->next ? &r->next->prev : &q->last) = r->prev;
	r->queue = NULL;
}
