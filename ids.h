/* ids.h: which requests were stored lately.
 *
 * A memory of fixed size for (topic, sender, id) -> seq that forgets the oldest
 * first. It keeps only a hash of the three, 64 bits with a seed that nobody
 * outside knows. So a match is a hint: the store reads the line with that seq
 * and compares before it believes it. 32 MiB when full, a few KiB at first. */
#ifndef IDS_H
#define IDS_H

#include "buf.h"

#include <stdint.h>

struct ids;

/* NULL: out of memory. */
struct ids *ids_new(void);
void ids_free(struct ids *ids);

uint64_t ids_hash(const struct ids *ids, char kind, struct str topic,
    struct str sender, struct str id);

/* 0, or -1: out of memory, nothing was added. */
int ids_add(struct ids *ids, uint64_t hash, uint64_t seq);
/* Takes the n newest ids back: their batch did not reach the disk. The ones
 * they displaced stay forgotten, which could matter only to a batch as large
 * as the whole memory. */
void ids_take_back(struct ids *ids, size_t n);
void ids_clear(struct ids *ids);

/* The seqs kept under this hash, one by one: start with *at = 0; 0 when there
 * are no more. */
uint64_t ids_find(const struct ids *ids, uint64_t hash, size_t *at);

#endif
