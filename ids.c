/* ids.c: see ids.h.
 *
 * A ring of ids in order of age, and a table of their places in the ring, twice
 * as long, with open addressing. Both are larger than a processor's cache, so
 * a slot holds a part of the hash next to the place: looking for an id that is
 * new, forgetting an old one and growing read slots only. Each look into the
 * ring is one more wait for memory: with a million ids that was 12 to 16 % of
 * the server's processor time. */
#include "ids.h"

#include "limits.h"
#include "util.h"

#include <stdlib.h>
#include <string.h>

#define CAP_FIRST 1024

struct stored_id {
	uint64_t hash, seq;
};

struct slot {
	uint32_t place;         /* in the ring + 1, or 0: free */
	uint32_t hash;          /* its low bits, which tell the slot's home */
};

struct ids {
	struct stored_id *ring;
	struct slot *slot;      /* 2 * cap of them, linear probing */
	size_t cap;             /* a power of two */
	size_t n, next;         /* ids in the ring; where the next one goes */
	uint64_t seed;
};

struct ids *ids_new(void)
{
	struct ids *ids = calloc(1, sizeof *ids);

	if (ids != NULL)
		ids->seed = random_seed();
	return ids;
}

void ids_free(struct ids *ids)
{
	if (ids == NULL)
		return;
	free(ids->ring);
	free(ids->slot);
	free(ids);
}

void ids_clear(struct ids *ids)
{
	ids->n = ids->next = 0;
	if (ids->slot != NULL)
		memset(ids->slot, 0, 2 * ids->cap * sizeof *ids->slot);
}

uint64_t ids_hash(const struct ids *ids, char kind, struct str topic,
    struct str sender, struct str id)
{
	uint64_t h = ids->seed ^ (unsigned char)kind;

	return str_hash(str_hash(str_hash(h, topic), sender), id);
}

static size_t home(const struct ids *ids, uint64_t hash)
{
	return (size_t)hash & (2 * ids->cap - 1);
}

static void fill_slot(struct ids *ids, size_t place)
{
	size_t mask = 2 * ids->cap - 1, i = home(ids, ids->ring[place].hash);

	while (ids->slot[i].place != 0)
		i = (i + 1) & mask;
	ids->slot[i] = (struct slot){ (uint32_t)place + 1,
	    (uint32_t)ids->ring[place].hash };
}

/* Linear probing without tombstones: the slots that follow move up into the
 * hole if their home is at or before it. */
static void free_slot(struct ids *ids, size_t place)
{
	size_t mask = 2 * ids->cap - 1, i;
	size_t hole = home(ids, ids->ring[place].hash);

	while (ids->slot[hole].place != (uint32_t)place + 1)
		hole = (hole + 1) & mask;
	i = (hole + 1) & mask;
	for (; ids->slot[i].place != 0; i = (i + 1) & mask) {
		size_t h = home(ids, ids->slot[i].hash);

		if (((i - h) & mask) < ((i - hole) & mask))
			continue;
		ids->slot[hole] = ids->slot[i];
		hole = i;
	}
	ids->slot[hole].place = 0;
}

/* Only called before the ring wraps for the first time: its ids are in order
 * from 0. */
static int grow_ring(struct ids *ids)
{
	size_t cap = ids->cap > 0 ? 2 * ids->cap : CAP_FIRST;
	struct slot *slot = calloc(2 * cap, sizeof *slot);
	struct stored_id *ring = NULL;

	if (slot != NULL)
		ring = realloc(ids->ring, cap * sizeof *ring);
	if (ring == NULL) {
		free(slot);
		return -1;
	}
	free(ids->slot);
	ids->ring = ring;
	ids->slot = slot;
	ids->cap = cap;
	ids->next = ids->n;
	for (size_t i = 0; i < ids->n; i++)
		fill_slot(ids, i);
	return 0;
}

int ids_add(struct ids *ids, uint64_t hash, uint64_t seq)
{
	if (ids->n == ids->cap && ids->cap < IDS_MAX) {
		if (grow_ring(ids) == -1)
			return -1;
	} else if (ids->n == ids->cap) {
		free_slot(ids, ids->next);
		ids->n--;
	}
	ids->ring[ids->next] = (struct stored_id){ hash, seq };
	fill_slot(ids, ids->next);
	ids->next = (ids->next + 1) & (ids->cap - 1);
	ids->n++;
	return 0;
}

void ids_take_back(struct ids *ids, size_t n)
{
	while (n-- > 0 && ids->n > 0) {
		ids->next = (ids->next - 1) & (ids->cap - 1);
		free_slot(ids, ids->next);
		ids->n--;
	}
}

uint64_t ids_find(const struct ids *ids, uint64_t hash, size_t *at)
{
	size_t mask = 2 * ids->cap - 1, i;

	if (ids->cap == 0)
		return 0;
	for (i = home(ids, hash) + *at; ids->slot[i & mask].place != 0; i++) {
		struct slot slot = ids->slot[i & mask];
		const struct stored_id *id = &ids->ring[slot.place - 1];

		++*at;
		if (slot.hash == (uint32_t)hash && id->hash == hash)
			return id->seq;
	}
	return 0;
}
