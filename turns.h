/* turns.h: answers that wait for their turn: long ones, and what the same
 * client gets after them, since the answers of a client keep their order.
 *
 * Clients take turns by the size of their answers: one that has been given its
 * share waits for the others. So a client with a thousand long answers delays
 * nobody else by more than one of them. */
#ifndef TURNS_H
#define TURNS_H

#include "services.h"

/* A client is given so many bytes before it is the next one's turn. What an
 * answer has more is made up for in later rounds. */
#define TURNS_SHARE 65536

#define TURNS_BUCKETS 1024

struct turn;

/* A client with answers that wait. */
struct turn_client {
	uint64_t number;
	struct turn_client *next;       /* in the round */
	struct turn_client *chain;      /* in its bucket */
	struct turn *first, *last;
	int64_t left;                   /* bytes of its share */
};

/* A zeroed one is empty. */
struct turns {
	size_t n;                       /* answers */
	struct turn_client *first, *last, *bucket[TURNS_BUCKETS];
};

/* 1: answers of this client wait. */
int turns_has(const struct turns *t, uint64_t client);
/* The job needs its body no more. Without memory the program ends. */
void turns_add(struct turns *t, const struct job *j);
/* Takes the next job off, which must be there; then turns_charge() says how
 * many bytes its answer was. */
struct job turns_next(struct turns *t);
void turns_charge(struct turns *t, size_t bytes);
/* Forgets all. */
void turns_clear(struct turns *t);

#endif
