/* store_impl.h: the inside of a store, shared by store.c (turns, batches,
 * reading) and recover.c (learning from the journal, repair). Nobody else
 * includes it. */
#ifndef STORE_IMPL_H
#define STORE_IMPL_H

#include "entry.h"
#include "ids.h"
#include "journal.h"
#include "log.h"
#include "store.h"
#include "topics.h"

#define NOT_BEHIND UINT64_MAX

/* A line of the batch. */
struct staged {
	struct topic *topic;
	uint64_t seq;
	size_t at, n;           /* in store.text */
};

struct store {
	struct disk *disk;
	struct journal *journal;
	struct topics *topics;
	size_t topics_max;      /* besides the events */
	struct ids *ids;
	uint64_t directory;     /* its number; 0: not read yet */
	struct topic *events;
	struct logs logs;
	struct topic_list batch, dirty;
	struct staged *line;
	size_t lines, lines_cap;
	struct buf text, payload, path, scratch;
	struct log_reader reader;
	int64_t ms;             /* when the turn began: the time of its lines */
	uint64_t behind;        /* position after which logs may lack lines */
	int behind_errno;       /* and why */
	int told_errno;         /* the last one reported on stderr */
	int broken;             /* a sync failed; logs.broken says the same */
	int new_names;          /* directories have names that are not synced */
	int dropping;           /* the batch drops a channel */
	int syncs_all;          /* the disk could sync everything at once */
};

/* Puts a topic into the batch. 0, or -1: out of memory. */
int store_enter_batch(struct store *s, struct topic *t);
/* Notes that its log is not synced from a journal position on. 0, or -1: out of
 * memory. */
int store_mark_dirty(struct store *s, struct topic *t, uint64_t at);
/* Remembers the id of a line. 0, or -1: out of memory. */
int store_add_id(struct store *s, const struct topic *t, const struct line *l);
/* Forgets the batch; the topics that were in it stay as they are now. */
void store_leave_batch(struct store *s);

/* A batch_fn, with the store as its context: learns from a batch how far each
 * log goes, and its ids. */
int store_replay(void *ctx, const struct batch *b);

/* Makes the logs agree with the journal from a position on. 0, or a result. */
int store_redo(struct store *s, uint64_t from);
/* Notes that logs lack what the journal has from this position on; errno says
 * why. */
void store_fall_behind(struct store *s, uint64_t at);

/* Completes the drops that these lines of events.log tell of. 0, or -1 with
 * errno. */
int store_finish_drops(struct store *s, struct str lines);

/* Finds the end of a log that is used for the first time, and mends it. 0, or
 * -1 with errno. */
int store_find_end(struct store *s, struct topic *t);

/* Reads everything anew. 0 with the lock held; otherwise a result, and the
 * store has no journal until this is tried again. */
int store_recover(struct store *s);
void store_forget(struct store *s);

int store_is_broken(const struct store *s);

/* Syncs all dirty logs and records that in the journal. 0, or a result. */
int store_sync_logs(struct store *s);

#endif
