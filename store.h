/* store.h: the durable part of recado: topics, their logs, and what "OK" means.
 *
 * One turn is: store_begin(), any number of look-ups, creations and
 * store_put()s, store_commit(), reads, store_end(). A line that was put is in
 * the batch, numbered but uncommitted. When store_commit() returns 0 the whole
 * batch is on disk, in order; otherwise none of it is, and the store is as it
 * was. Several processes may have one directory open: from begin to end the
 * store holds the write lock.
 *
 * Layout of the directory (the format of a line is in line.h, that of the
 * journal in segment.c):
 *
 *   channels/NAME.log    one per channel; the file is the channel
 *   users/NAME.log       one per user; the file is the user
 *   events.log           logins, creations, dropped channels: user = the
 *                        name, message = the event (EVENT_DROPPED)
 *   journal/             what is acknowledged, until the logs are synced
 *   lock                 the write lock
 *   id                   a number that tells this directory from others
 *   *.log.damaged-TIME   quarantined: bytes that were cut off a log because
 *                        they were not lines
 *   channels/NAME.log.dropped-TIME
 *                        the log of a channel that was dropped; as long as it
 *                        is there, the name is not given again
 *
 * Damage is reported through warn(), for example as
 * "channels/geral.log: line 7: checksum is wrong".
 *
 * store_open(), store_begin(), store_commit() and store_checkpoint() return 0
 * or one of enum store_result (disk.h). */
#ifndef STORE_H
#define STORE_H

#include "buf.h"
#include "disk.h"
#include "line.h"
#include "topics.h"

#define EVENT_DROPPED "dropped"

struct store;

/* Opens the store, and repairs what a crash has left. logs_open_max: how many
 * descriptors it may use for logs. */
int store_open(struct store **store, struct disk *disk, size_t logs_open_max);
/* What is not synced stays in the journal; for a clean end call
 * store_checkpoint() first. */
void store_close(struct store *s);

/* How many users and channels there may be before no more are created; at first
 * TOPICS_MAX. */
void store_limit_topics(struct store *s, size_t n);

/* The number of the directory, the same for all that have it open; never 0. */
uint64_t store_directory(const struct store *s);

/* Takes the lock, and takes over what others have stored. On failure the lock
 * is not held. */
int store_begin(struct store *s);
void store_end(struct store *s);

/* The topic, ready for use. NULL: it does not exist (errno = ENOENT), or its
 * log cannot be used. A topic is valid until the next store_begin(). */
struct topic *store_topic(struct store *s, enum topic_kind kind,
    struct str name);
/* After store_end(): the same, if it is still ready for use, or NULL. */
struct topic *store_ready(struct store *s, enum topic_kind kind,
    struct str name);
/* 0: the last store_begin() could not read the directory, so that no topic is
 * known. */
int store_readable(const struct store *s);
/* 1: it exists. Opens nothing. */
int store_has(struct store *s, enum topic_kind kind, struct str name);
/* Puts the creation of a topic into the batch. NULL: errno says why; EEXIST: it
 * exists already; EUSERS: there are too many. */
struct topic *store_create(struct store *s, enum topic_kind kind,
    struct str name);
struct topic *store_events(struct store *s);

/* Drops a channel: renames its log to NAME.log.dropped-TIME and records that as
 * an event. Its name is not given again, since readers remember how far they
 * have read: store_has(s, TOPIC_DROPPED, name). A turn of its own, while nobody
 * else uses the directory. 0, or a result; ENOENT: there is no such channel. */
int store_drop(struct store *s, struct str name);

/* Puts one line into the batch. l says who and what, and gets its seq and time.
 * 0, or -1 with errno. */
int store_put(struct store *s, struct topic *topic, struct line *l);

/* The seq under which this sender's request was stored in this topic, or 0. */
uint64_t store_seen(struct store *s, struct topic *topic, struct str sender,
    struct str id);

/* The line with this seq, on disk or in the batch, valid until the next call
 * of anything here. 1; 0: there is no such line; -1: it cannot be read. */
int store_find(struct store *s, struct topic *topic, uint64_t seq,
    struct line *l);

/* 1: there is something to commit. */
int store_pending(const struct store *s);
int store_commit(struct store *s);

/* Hands over the good lines with seq > after, each seq above the one before,
 * until each() returns something other than 0. 0, or -1 with errno. */
typedef int store_line_fn(void *ctx, const struct line *l);
int store_read(struct store *s, struct topic *topic, uint64_t after,
    store_line_fn *each, void *ctx);

/* How many topics of a kind there are, and the i-th by name. */
size_t store_count(struct store *s, enum topic_kind kind);
struct topic *store_at(struct store *s, enum topic_kind kind, size_t i);
/* Where in that order those begin whose names are above this one. */
size_t store_above(struct store *s, enum topic_kind kind, struct str name);

/* Syncs the logs, so that the next start has nothing to repair. To be called
 * when it is quiet, and before a clean end. Takes the lock itself. */
int store_checkpoint(struct store *s);
int store_needs_checkpoint(const struct store *s);

size_t store_open_logs(const struct store *s);

#endif
