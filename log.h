/* log.h: reading one log, line by line, from either end or from any seq; and
 * the descriptors of the logs that are open.
 *
 * A line is good when line_decode() says so. Damage is never fatal here: bad
 * lines are handed over as they are, and searches step over them. Memory does
 * not depend on the length of the log. */
#ifndef LOG_H
#define LOG_H

#include "buf.h"
#include "disk.h"
#include "line.h"

struct topic;

/* How far a log goes. */
struct extent {
	uint64_t seq;           /* of the last line; 0: there are no lines */
	uint64_t bytes;
	int64_t ms;             /* its time */
};

struct log_reader {
	struct disk *disk;
	int fd;
	uint64_t end;           /* reads no further: the size of the log */
	uint64_t at;            /* offset of the next line */
	struct buf window;      /* bytes of the file, `from` its offset */
	uint64_t from;
	size_t chunk;           /* bytes read at a time */
	int whole;              /* the last line ended in a newline */
	struct buf scratch;     /* what the last line decoded to */
};

/* Points a reader, zeroed or used before, at an offset of a log. */
void log_start(struct log_reader *r, struct disk *disk, int fd, uint64_t at,
    uint64_t end);
void log_free(struct log_reader *r);

/* The next line, valid until the next call: *why is NULL for a good one,
 * otherwise what is wrong with it. 1; 0 at the end; -1 with errno. Bytes at the
 * end without a newline, and LINE_BYTES_MAX bytes without one, count as a bad
 * line. A good line is found even if the one before it has lost its newline.
 * r->at tells where the next one starts. */
int log_next_line(struct log_reader *r, struct line *line, const char **why);

/* The next good line. */
int log_next_good(struct log_reader *r, struct line *line);

/* Moves r to the first good line with this seq or a higher one, by binary
 * search; to the end when there is no such line. 0, or -1 with errno. */
int log_seek(struct log_reader *r, uint64_t seq);

/* Where the good lines end: after the last good one. Reads only the end of the
 * log, unless that is bad. 0, or -1 with errno. */
int log_tail(struct log_reader *r, struct disk *disk, int fd, uint64_t size,
    struct extent *tail);

/* ---- the open logs ---- */

/* The part of a topic that belongs to log.c. */
struct open_log {
	int fd;                 /* -1: not open */
	/* The open ones in order of use. */
	struct topic *newer, *older;
	/* The line after hint_seq, the last one read, starts at hint_at. */
	uint64_t hint_seq, hint_at;
	uint64_t reported;      /* damage before this offset was reported */
	int links_reported;     /* and that it has another name */
};

/* The descriptors of the logs, at most open_max at a time. */
struct logs {
	struct disk *disk;
	struct topic *newest, *oldest;  /* the open ones, by use */
	size_t open, open_max;
	struct buf file;        /* scratch: the last name used */
	int broken;             /* a sync failed: the process must end */
};

/* Opens the log unless it is open, and makes it the one most recently used;
 * another one may be closed for it. 0, or -1 with errno. */
int log_open(struct logs *logs, struct topic *t, int create);
void log_close_all(struct logs *logs);
/* 1: the log was open, but its file has been removed or replaced by another
 * one: now it is closed. */
int log_is_gone(struct logs *logs, struct topic *t);

/* Cuts an open log of `size` bytes after its good lines. The bytes that are cut
 * off are quarantined first: copied to a file beside it,
 * NAME.log.damaged-TIME, and synced. If that fails the log stays as it is.
 * Reports either way. */
int log_quarantine(struct logs *logs, struct topic *t,
    const struct extent *good, uint64_t size);

#endif
