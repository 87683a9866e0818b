/* follow_held.h: publications that came too early, kept by seq until what is
 * missing before them has come. */
#ifndef FOLLOW_HELD_H
#define FOLLOW_HELD_H

#include "buf.h"

#include <stdint.h>

#define HELD_MAX       1000
#define HELD_BYTES_MAX ((size_t)4 * 1024 * 1024)

struct held_one {
	uint64_t seq;
	uint64_t when;          /* requests made before it came */
	struct str text;        /* ours */
};

/* A zeroed one is empty. Running out of memory ends the program. */
struct held {
	struct held_one *one;   /* by seq, each once */
	size_t n, cap, bytes;
};

/* Keeps a copy of the text, if this seq is not held already. 0; 1: it is, with
 * another text; or -1: there are too many, or too many bytes, and this one is
 * not kept. The lowest are needed first: they take the place of the highest. */
int held_add(struct held *h, uint64_t seq, uint64_t when, struct str text);
/* Drops those above newest that came before request number `when` was made.
 * Returns how many. */
size_t held_refute(struct held *h, uint64_t newest, uint64_t when);
/* Drops the first n. */
void held_drop(struct held *h, size_t n);
void held_free(struct held *h);

#endif
