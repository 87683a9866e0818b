/* run.h: what the store writes into the journal.
 *
 * The payload of a batch is run*. A run is what one log gains:
 *
 *   run   kind name-length offset length name lines      kind: c, u or e; numbers as in segment.c
 *
 * offset is where the lines stand in the log. So the journal says for every byte of a log what it must
 * be: after a crash each run since the last checkpoint is compared and written again, whatever the log
 * holds there. A run without lines is the creation of a topic; or, with RUN_MENDED in its offset, it
 * says that the log was damaged, and that from the rest of the offset on it gets once more what older
 * batches have. */
#ifndef RUN_H
#define RUN_H

#include "buf.h"
#include "topics.h"

#define RUN_MENDED (UINT64_C(1) << 63)

struct run {
	enum topic_kind kind;
	struct str name, lines;
	uint64_t offset;
};

/* The head of a run, for `bytes` of lines that follow it. */
void put_run(struct buf *payload, const struct topic *t, uint64_t offset, uint64_t bytes);

/* Takes the next run off a payload. 1; 0 at the end; -1: what is left is none (EIO). */
int take_run(struct str *payload, struct run *run);

#endif
