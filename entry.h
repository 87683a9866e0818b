/* entry.h: what the store writes into the journal.
 *
 * The payload of a batch is a sequence of entries. An entry is what one log
 * gains, with numbers as in segment.c and c, u or e as its kind:
 *
 *   entry    kind name-length offset length name lines
 *
 * offset is where the lines go in the log. So the journal says for every byte
 * of a log what it must be: after a crash each entry since the last checkpoint
 * is compared and written again, whatever the log has there. An entry without
 * lines is the creation of a topic. With ENTRY_MENDED in its offset it says
 * that the log was damaged, and that from the rest of the offset on it gets
 * once more what older batches have. */
#ifndef ENTRY_H
#define ENTRY_H

#include "buf.h"
#include "topics.h"

#define ENTRY_MENDED (UINT64_C(1) << 63)

struct entry {
	enum topic_kind kind;
	struct str name, lines;
	uint64_t offset;
};

/* The head of an entry, for `bytes` of lines that follow it. */
void entry_put(struct buf *payload, const struct topic *t, uint64_t offset,
    uint64_t bytes);

/* Takes the next entry off a payload. 1; 0 at the end; -1: what is left is not
 * an entry (EIO). */
int entry_take(struct str *payload, struct entry *entry);

#endif
