/* journal.h: the one stream of everything that is acknowledged.
 *
 * A batch is appended with one write and one sync; when journal_append() has returned 0 the batch is
 * on the disk, and that is what "OK" means. The journal knows nothing of lines and logs: a payload is
 * bytes. Several processes may have one journal open; all calls but journal_open() need the lock, and
 * journal_open() takes it.
 *
 * A position is a number of bytes since the very first batch; it names a record for ever. */
#ifndef JOURNAL_H
#define JOURNAL_H

#include "buf.h"
#include "disk.h"

/* The numbers that the files go by. They are no constants so that a test can go through many files in
 * a moment; nobody else changes them. */
extern struct journal_limits {
	uint64_t segment_bytes, ahead_bytes;
	int64_t remember_ms;
	uint64_t remember_max;
} journal_limits;

struct journal;

struct batch {
	uint64_t at, end;       /* positions */
	uint64_t messages;
	struct str payload;     /* valid during the call */
};

/* 0 to go on; anything else ends the reading and is what the reading function returns. */
typedef int batch_fn(void *ctx, const struct batch *b);

/* Takes the lock, reads what there is, oldest first, makes the last batch durable (a crash may have
 * left it in the page cache only), and keeps the lock. 0, or a code from above, or each's. */
int journal_open(struct journal **journal, struct disk *disk, batch_fn *each, void *ctx);
void journal_close(struct journal *j);

/* Reads without the lock, for a verifier; nothing is changed. */
int journal_scan(struct disk *disk, batch_fn *each, void *ctx);

int journal_lock(struct journal *j);
void journal_unlock(struct journal *j);

/* Hands over the batches that others appended since the last call, and makes them durable when
 * their writer did not live to do it. A batch that each() did not take comes again the next time. */
int journal_follow(struct journal *j, batch_fn *each, void *ctx);

/* The batches from a position on to the end, once more. */
int journal_replay(struct journal *j, uint64_t from, batch_fn *each, void *ctx);

int journal_append(struct journal *j, struct str payload, uint64_t messages);

uint64_t journal_end(const struct journal *j);
uint64_t journal_oldest(const struct journal *j);       /* the first position that can still be read */

/* The position up to which the logs are known to have everything, applied: written, checkpointed:
 * synced. "Applied" is for all processes, and outlives a process, but not a power loss. When it is not
 * the end, whoever has the lock writes the logs again from there or from the checkpoint on. */
void journal_set_applied(struct journal *j);
uint64_t journal_applied(struct journal *j);
/* Applied is nothing: what the logs show is perhaps not what will be on the disk. 0, or refused. */
int journal_reset_applied(struct journal *j);
uint64_t journal_checkpointed(const struct journal *j);

/* Records that all before the end is in the logs, and synced: nothing older is needed after a crash.
 * When the current file is full, goes on with a new one and removes files that are too old to be
 * of use: older than two minutes, or more than a million messages ago. */
int journal_checkpoint(struct journal *j);
int journal_full(const struct journal *j);

#endif
