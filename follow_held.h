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
	struct str text;        /* ours */
};

/* A zeroed one is empty. Running out of memory ends the program. */
struct held {
	struct held_one *one;   /* by seq, each once */
	size_t n, cap, bytes;
};

/* Keeps a copy of the text, if this seq is not held already. 0; or -1: there
 * are too many, or too many bytes, and this one is not kept. */
int held_add(struct held *h, uint64_t seq, struct str text);
/* Drops the first n. */
void held_drop(struct held *h, size_t n);
void held_free(struct held *h);

#endif
