/* requests.c: see requests.h. */
#include "requests.h"

#include "util.h"

#include <stdlib.h>
#include <string.h>

/* The rows are zeroed memory, which the system hands out page by page when it
 * is touched. */
void requests_open(struct requests *t, uint64_t boot)
{
	*t = (struct requests){ .boot = boot, .seed = random_seed() };
	t->row = must_alloc(REQUESTS_MAX * sizeof *t->row);
	t->client = must_alloc(REQUESTERS_MAX * sizeof *t->client);
	t->bucket = must_alloc(REQUESTS_MAX * sizeof *t->bucket);
}

void ring_remove(struct requester *c)
{
	struct ring *ring = c->ring;

	if (ring == NULL)
		return;
	*(c->before ? &c->before->after : &ring->first) = c->after;
	*(c->after ? &c->after->before : &ring->last) = c->before;
	c->ring = NULL;
}

void ring_add(struct ring *ring, struct requester *c)
{
	ring_remove(c);
	c->ring = ring;
	c->after = NULL;
	c->before = ring->last;
	*(ring->last ? &ring->last->after : &ring->first) = c;
	ring->last = c;
}

static void client_forget(struct requests *t, struct requester *c)
{
	struct requester **p = &t->bucket[c->hash % REQUESTS_MAX];

	while (*p != c)
		p = &(*p)->next;
	*p = c->next;
	(void)zmq_msg_close(&c->identity);
	c->next = t->free_clients;
	t->free_clients = c;
}

/* Only clients with unread answers may be left. */
void requests_close(struct requests *t)
{
	struct requester *c;

	while ((c = t->readers.first) != NULL) {
		ring_remove(c);
		client_forget(t, c);
	}
	free(t->row);
	free(t->client);
	free(t->bucket);
}

/* Looks at some of the clients that only had unread answers, or were refused a
 * moment ago. */
static void forget_readers(struct requests *t, int some)
{
	struct requester *c;

	while (some-- > 0 && (c = t->readers.first) != NULL) {
		ring_add(&t->readers, c);
		if (c->unread.bytes > 0 || t->now < c->refuse_until)
			continue;
		ring_remove(c);
		client_forget(t, c);
	}
}

static int clients_room(struct requests *t)
{
	if (t->free_clients == NULL && t->clients_used == REQUESTERS_MAX)
		forget_readers(t, REQUESTERS_MAX);
	return t->free_clients != NULL || t->clients_used < REQUESTERS_MAX;
}

int requests_room(struct requests *t)
{
	return clients_room(t);
}

int requests_full(const struct requests *t)
{
	return t->kept == REQUESTS_MAX || t->bytes >= REQUESTS_BYTES_MAX;
}

int requests_short(const struct requests *t)
{
	return t->kept > REQUESTS_MAX / 2 || t->bytes > REQUESTS_BYTES_MAX / 2;
}

struct requester *requests_greediest(struct requests *t,
    size_t (*holds)(const struct requester *), size_t bytes)
{
	struct requester *greediest = NULL;
	size_t most = 0, all = 0;

	for (uint64_t i = 0; i < t->clients_used; i++) {
		struct requester *c = &t->client[i];
		size_t n = c->cut ? 0 : holds(c);

		all += n;
		if (n > most) {
			greediest = c;
			most = n;
		}
	}
	return all < bytes ? NULL : greediest;
}

static int is_client(struct requester *c, uint32_t hash, const void *p,
    size_t n)
{
	zmq_msg_t *identity = &c->identity;

	return c->hash == hash && zmq_msg_size(identity) == n &&
	    memcmp(zmq_msg_data(identity), p, n) == 0;
}

static struct requester *client_new(struct requests *t,
    struct requester **head, uint32_t hash)
{
	struct requester *c = t->free_clients;

	if (c != NULL)
		t->free_clients = c->next;
	else
		c = &t->client[t->clients_used++];
	*c = (struct requester){ .next = *head, .hash = hash,
	    .unread = { .all = &t->unread } };
	(void)zmq_msg_init(&c->identity);       /* cannot fail, nor a move */
	*head = c;
	return c;
}

static struct requester *client_of(struct requests *t, zmq_msg_t *identity)
{
	void *p = zmq_msg_data(identity);
	size_t n = zmq_msg_size(identity);
	/* Clients may choose their addresses. */
	uint32_t hash = (uint32_t)str_hash(t->seed, (struct str){ p, n });
	struct requester **head = &t->bucket[hash % REQUESTS_MAX], *c = *head;

	while (c != NULL && !is_client(c, hash, p, n))
		c = c->next;
	if (c == NULL) {
		c = client_new(t, head, hash);
		(void)zmq_msg_move(&c->identity, identity);
	} else {
		(void)zmq_msg_close(identity);
	}
	if (c->requests++ == 0) {
		ring_remove(c);         /* of the readers */
		t->asking += (size_t)c->answered;
	}
	return c;
}

/* One that leaves makes two others be looked at: there are never many more of
 * them than clients that do not read. */
static void client_done(struct requests *t, struct requester *c)
{
	if (--c->requests > 0)
		return;
	t->asking -= (size_t)c->answered;
	c->server = NULL;
	c->refused = 0;
	c->expired = 0;
	ring_add(&t->readers, c);
	forget_readers(t, 2);
}

struct request *requests_add(struct requests *t, zmq_msg_t *identity)
{
	struct request *r = t->free_rows;

	if (r != NULL)
		t->free_rows = r->next;
	else
		r = &t->row[t->rows_used++];
	r->count = ++t->sequence << REQUESTS_BITS | (uint64_t)(r - t->row);
	r->waiting = 0;
	r->server = NULL;
	r->client = client_of(t, identity);
	r->arrived = t->now;
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

void requests_answered(struct requests *t, struct requester *c)
{
	t->asking += (size_t)!c->answered;
	c->answered = 1;
}

/* However many come and take twice what is free, those that have been answered
 * keep an equal part of half of the room. */
static int is_share(const struct requests *t, const struct requester *c,
    size_t part, size_t taken, size_t all)
{
	size_t twice_free = taken < all ? 2 * (all - taken) : 0;

	return part <= twice_free ||
	    (c->answered && part <= all / 2 / t->asking);
}

static int over_share(const struct requests *t, const struct requester *c)
{
	return c->requests > 1 &&
	    (!is_share(t, c, c->requests, t->kept, REQUESTS_MAX) ||
	    !is_share(t, c, c->bytes, t->bytes, REQUESTS_BYTES_MAX));
}

int requests_count(struct requests *t, struct request *r, size_t bytes)
{
	struct requester *c = r->client;

	r->bytes = bytes;
	c->bytes += bytes;
	t->bytes += bytes;
	if (over_share(t, c) && !c->refused) {
		c->refused = 1;
		c->refuse_until = t->now + REFUSE_ON_MS;
	}
	return c->refused || t->now < c->refuse_until ? -1 : 0;
}

void requests_expired(struct requests *t, struct requester *c)
{
	c->expired = t->now;
	c->refuse_until = t->now + REFUSE_ON_MS;
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
	struct requester *c = r->client;

	if (r->waiting)
		request_go(r);
	*(r->older ? &r->older->newer : &t->oldest) = r->newer;
	*(r->newer ? &r->newer->older : &t->newest) = r->older;
	(void)zmq_msg_close(&r->body);
	t->kept--;
	t->bytes -= r->bytes;
	c->bytes -= r->bytes;
	client_done(t, c);
	r->count = 0;
	r->next = t->free_rows;
	t->free_rows = r;
}

void request_wait(struct request *r)
{
	struct queue *q = &r->client->waiting;

	r->waiting = 1;
	r->next = NULL;
	r->prev = q->last;
	*(q->last ? &q->last->next : &q->first) = r;
	q->last = r;
}

void request_go(struct request *r)
{
	struct queue *q = &r->client->waiting;

	*(r->prev ? &r->prev->next : &q->first) = r->next;
	*(r->next ? &r->next->prev : &q->last) = r->prev;
	r->waiting = 0;
	if (q->first == NULL)
		ring_remove(r->client);
}
