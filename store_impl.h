/* store_impl.h: the inside of a store, shared by store.c (turns, batches, reading) and recover.c (what
 * is learnt from the journal, and repair). Nobody else includes it. */
#ifndef STORE_IMPL_H
#define STORE_IMPL_H

#include "ids.h"
#include "journal.h"
#include "log.h"
#include "entry.h"
#include "store.h"

#define NOT_BEHIND UINT64_MAX

struct set {
	struct topic **at;
	size_t n, cap;
};

struct staged {                 /* a line of the batch */
	struct topic *topic;
	uint64_t seq;
	size_t at, n;           /* in store.text */
};

struct store {
	struct disk *disk;
	struct journal *journal;
	struct topics *topics;
	struct ids *ids;
	struct topic *events;
	struct logs logs;
	struct set batch, dirty;
	struct staged *line;
	size_t lines, lines_cap;
	struct buf text, payload, path, scratch;
	struct log_reader reader;
	int64_t ms;             /* when the turn began: the time of its lines */
	uint64_t behind;        /* journal position from which on logs perhaps lack lines */
	int behind_errno;       /* and why */
	int told_errno;         /* the one that stderr has heard of */
	int broken;             /* a sync has failed; so does logs.broken say */
	int new_names;          /* directories have names that are not synced */
};

/* Puts a topic into the batch, or notes that its log is not synced from a journal position on. */
int store_enter_batch(struct store *s, struct topic *t);
int store_mark_dirty(struct store *s, struct topic *t, uint64_t at);
/* Forgets the batch; what was in it stays as it is now. */
void store_leave_batch(struct store *s);

/* A batch_fn, its context the store: how far each log goes by this batch, and its ids. */
int store_replay(void *ctx, const struct batch *b);

/* Makes the logs agree with the journal from a position on. 0, or a code of store.h. */
int store_redo(struct store *s, uint64_t from);
/* Logs lack what the journal has from this position on; errno says why. */
void store_fall_behind(struct store *s, uint64_t at);

/* Finds the end of a log that is used for the first time, and mends it. 0, or -1 with errno. */
int store_find_end(struct store *s, struct topic *t);

/* Reads everything anew. 0 with the lock held; else the store has no journal until it is tried again. */
int store_recover(struct store *s);
void store_forget(struct store *s);

int store_is_broken(const struct store *s);

/* Syncs all dirty logs and records it in the journal. */
int store_sync_logs(struct store *s);

#endif
