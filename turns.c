/* turns.c: see turns.h. */
#include "turns.h"

#include "util.h"

#include <stdlib.h>

struct turn {
	struct turn *next;
	struct job job;
};

/* The broker counts its clients: neighbours get different buckets. */
static struct turn_client **link_of(struct turns *t, uint64_t number)
{
	struct turn_client **link = &t->bucket[number % TURNS_BUCKETS];

	while (*link != NULL && (*link)->number != number)
		link = &(*link)->chain;
	return link;
}

int turns_has(const struct turns *t, uint64_t client)
{
	const struct turn_client *c;

	if (t->n == 0)
		return 0;
	c = t->bucket[client % TURNS_BUCKETS];
	while (c != NULL && c->number != client)
		c = c->chain;
	return c != NULL;
}

static void join_round(struct turns *t, struct turn_client *c)
{
	c->next = NULL;
	*(t->first != NULL ? &t->last->next : &t->first) = c;
	t->last = c;
}

static struct turn_client *turn_client_of(struct turns *t, uint64_t number)
{
	struct turn_client **link = link_of(t, number);

	if (*link == NULL) {
		*link = must_alloc(sizeof **link);
		(*link)->number = number;
		(*link)->left = TURNS_SHARE;
		join_round(t, *link);
	}
	return *link;
}

void turns_add(struct turns *t, const struct job *j)
{
	struct turn_client *c = turn_client_of(t, j->client);
	struct turn *turn = must_alloc(sizeof *turn);

	turn->job = *j;
	*(c->first != NULL ? &c->last->next : &c->first) = turn;
	c->last = turn;
	t->n++;
}

struct job turns_next(struct turns *t)
{
	struct turn_client *c;
	struct turn *turn;
	struct job j;

	while ((c = t->first)->left <= 0) {
		c->left += TURNS_SHARE;
		t->first = c->next;
		join_round(t, c);
	}
	turn = c->first;
	c->first = turn->next;
	j = turn->job;
	free(turn);
	t->n--;
	return j;
}

/* A client without further answers leaves, and owes nothing when it is back:
 * by then all others have had a turn. */
void turns_charge(struct turns *t, size_t bytes)
{
	struct turn_client *c = t->first;

	c->left -= (int64_t)bytes;
	if (c->first != NULL)
		return;
	*link_of(t, c->number) = c->chain;
	t->first = c->next;
	free(c);
}

void turns_clear(struct turns *t)
{
	while (t->n > 0) {
		(void)turns_next(t);
		turns_charge(t, 0);
	}
}
