/* topics.h: the set of topics that a store knows, in memory: by name, and in
 * order.
 *
 * About 250 bytes each; nothing here grows with the length of a log. */
#ifndef TOPICS_H
#define TOPICS_H

#include "buf.h"
#include "disk.h"
#include "log.h"

/* TOPIC_DROPPED is no topic: only the name of a channel that was dropped. */
enum topic_kind {
	TOPIC_CHANNEL = 'c', TOPIC_USER = 'u', TOPIC_EVENTS = 'e',
	TOPIC_DROPPED = 'd'
};

struct topic {
	/* What it is. The store sets the last three; others read them. */
	struct str name;        /* its own memory */
	enum topic_kind kind;
	int created;            /* 0: only its creation is in the batch */
	int loaded;             /* 1: the end of the log was read, now is set */
	int listed;             /* 1: a starting store has found its file */
	struct extent now;      /* how far the log goes on disk */

	/* Of topics.c: the next topic in the same bucket. */
	struct topic *chain;
	/* Of log.c. */
	struct open_log log;
	/* Of the store: its part of the batch that is being put together, or
	 * of the batches that are replayed. */
	struct {
		int in;                 /* 1: it has one */
		int short_of;           /* replay: lacks lines from before */
		struct extent next;     /* how far the log goes with it */
		size_t entry_at;        /* where its next line is laid out */
	} batch;
	/* Of the store: what the next checkpoint has to do. */
	struct {
		int dirty;              /* written since the last one */
		/* Since then only we wrote, to a log of the right length. */
		int measured;
		uint64_t at;    /* position of the last batch that wrote */
	} sync;
};

/* Some topics. A zeroed one is empty; list->at is to be free()d. */
struct topic_list {
	struct topic **at;
	size_t n, cap;
};

/* Appends a topic. 0, or -1: out of memory. */
int topic_list_add(struct topic_list *list, struct topic *topic);

struct topics;

/* NULL: out of memory. */
struct topics *topics_new(void);
/* Frees all topics in it, too. */
void topics_free(struct topics *t);

struct topic *topics_find(const struct topics *t, enum topic_kind kind,
    struct str name);
/* Adds one that is not there yet. NULL: out of memory. */
struct topic *topics_add(struct topics *t, enum topic_kind kind,
    struct str name);
void topics_remove(struct topics *t, struct topic *topic);
size_t topics_count(struct topics *t, enum topic_kind kind);
size_t topics_total(const struct topics *t);
/* The i-th of a kind in order of its name's bytes. */
struct topic *topics_at(struct topics *t, enum topic_kind kind, size_t i);
/* Where in that order those begin whose names are above this one. */
size_t topics_above(struct topics *t, enum topic_kind kind, struct str name);

enum disk_dir topic_dir(const struct topic *topic);
/* The name of its log in that directory, in b, which is cleared first. Without
 * memory "", and b->err is set. */
const char *topic_file(const struct topic *topic, struct buf *b);
/* The log's name for people: channels/geral.log */
const char *topic_path(const struct topic *topic, struct buf *b);

#endif
