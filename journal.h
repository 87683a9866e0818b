/* journal.h: the one stream of everything that is acknowledged.
 *
 * A batch is appended with one write and one sync. When journal_append() has
 * returned 0 the batch is on disk, and that is what "OK" means: this is the
 * commit point. The journal knows nothing of lines and logs: a payload is
 * bytes. Several processes may have one journal open. All calls need the lock,
 * except journal_open(), which takes it, and where they say so.
 *
 * A position is a number of bytes since the very first batch; it names a record
 * forever. Functions that return an int and do not say more return 0 or one of
 * enum store_result (disk.h). */
#ifndef JOURNAL_H
#define JOURNAL_H

#include "buf.h"
#include "disk.h"

/* The limits of the segments. They are variables so that a test can fill many
 * segments in a moment; nobody else changes them. */
extern struct journal_limits {
	uint64_t segment_bytes, ahead_bytes;
	int64_t remember_ms;
	uint64_t remember_max, remember_bytes;
} journal_limits;

struct journal;

struct batch {
	uint64_t at, end;       /* positions */
	uint64_t messages;
	struct str payload;     /* valid during the call */
};

/* 0 to go on; anything else ends the reading, and the function that reads
 * returns it. */
typedef int batch_fn(void *ctx, const struct batch *b);

/* Reads all batches, oldest first, most of them before it takes the lock, which
 * it keeps; and makes the last one durable: a crash may have left it in the
 * page cache only. */
int journal_open(struct journal **journal, struct disk *disk, batch_fn *each,
    void *ctx);
void journal_close(struct journal *j);

/* For a program that must not write, beside servers that do. journal_look()
 * finds what there is without the lock. journal_look_on() needs it, and goes
 * from there to the end; journal_replay() and journal_each_file() then need no
 * lock: they hand over what the journal had at that moment. */
int journal_look(struct journal **journal, struct disk *disk);
int journal_look_on(struct journal *j);

/* The segments, newest first, and how many bytes of each belong to that moment;
 * those that others have removed meanwhile are left out. What each() returns
 * other than 0 ends it. */
typedef int journal_file_fn(void *ctx, const char *name, int fd,
    uint64_t bytes);
int journal_each_file(struct journal *j, journal_file_fn *each, void *ctx);

/* Broken, if the files of the journal have been removed: neither would others
 * be kept out, nor would they find what is written. */
int journal_lock(struct journal *j);
void journal_unlock(struct journal *j);

/* Hands over the batches that others appended since the last call, and makes
 * them durable if their writer died before it could. A batch that each() did
 * not take comes again the next time. */
int journal_follow(struct journal *j, batch_fn *each, void *ctx);

/* Hands over the batches from a position to the end again. */
int journal_replay(struct journal *j, uint64_t from, batch_fn *each,
    void *ctx);

int journal_append(struct journal *j, struct str payload, uint64_t messages);

uint64_t journal_end(const struct journal *j);
/* The first position that can still be read. */
uint64_t journal_oldest(const struct journal *j);

/* The positions up to which the logs are known to have everything: applied if
 * it is written, checkpointed if it is synced. All processes share the applied
 * position; it outlives a process, but not a power loss. When it is not the
 * end, the process that has the lock writes the logs again from there, or from
 * the checkpoint if that is later. */
void journal_set_applied(struct journal *j);
uint64_t journal_applied(struct journal *j);
/* Nothing is applied: what the logs show may not be what will be on disk. */
int journal_reset_applied(struct journal *j);
uint64_t journal_checkpointed(const struct journal *j);

/* Records that the logs have everything before the end, synced: after a crash
 * nothing older is needed. When the segment is full, begins a new one and
 * removes those whose ids need no longer be remembered: they are older than two
 * minutes, or have a million messages or 1 GiB after them. */
int journal_checkpoint(struct journal *j);
int journal_full(const struct journal *j);

#endif
