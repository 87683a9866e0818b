/* topics.h: the set of topics that a store knows, in memory: by name, and in order.
 *
 * About 250 bytes each; nothing here grows with the length of a log. */
#ifndef TOPICS_H
#define TOPICS_H

#include "buf.h"
#include "disk.h"

enum topic_kind { TOPIC_CHANNEL = 'c', TOPIC_USER = 'u', TOPIC_EVENTS = 'e' };

/* How far a log goes: on disk, or with the lines of the batch that is being put together. */
struct extent {
	uint64_t seq;           /* of the last line; 0: none */
	uint64_t bytes;
	int64_t ms;             /* its time */
};

struct topic {
	struct str name;        /* its own memory */
	enum topic_kind kind;
	struct extent now;      /* on disk */
	struct extent next;     /* with the batch */
	int loaded;             /* now is known: the end of the log has been looked at */
	int created;            /* 0: only its creation is in the batch */
	int in_batch;
	int short_of;           /* in a redo: it lacks lines from before */
	int fd;                 /* -1: not open */
	struct topic *newer, *older;    /* the open ones in order of use */
	int dirty;              /* written since the last checkpoint */
	int measured;           /* by us only, and the log was seen to be as long as it should be */
	uint64_t dirty_at;      /* journal position of the last batch that wrote to it */
	uint64_t reported;      /* damage below this offset has been reported */
	uint64_t hint_seq, hint_at;     /* the line behind the last one read starts at hint_at */
	size_t entry_at;          /* where its next line goes while a batch is laid out */
	struct topic *chain;    /* next one in the same bucket */
};

struct topics;

struct topics *topics_new(void);        /* NULL: no memory */
void topics_free(struct topics *t);     /* and all topics */

struct topic *topics_find(const struct topics *t, enum topic_kind kind, struct str name);
/* Adds one that is not there yet. NULL: no memory, or TOPICS_MAX (ENOSPC). */
struct topic *topics_add(struct topics *t, enum topic_kind kind, struct str name);
void topics_remove(struct topics *t, struct topic *topic);
size_t topics_count(struct topics *t, enum topic_kind kind);
/* The i-th of a kind in order of its name's bytes. */
struct topic *topics_at(struct topics *t, enum topic_kind kind, size_t i);

enum disk_dir topic_dir(const struct topic *topic);
/* Its log's name within that directory; b is cleared first and ends in a NUL. No memory: "", b->err. */
const char *topic_file(const struct topic *topic, struct buf *b);
/* The log's name for people: channels/geral.log */
const char *topic_path(const struct topic *topic, struct buf *b);

#endif
