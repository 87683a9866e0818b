/* logs.h: the descriptors of the logs, at most so many at a time, and what is cut off a log. */
#ifndef LOGS_H
#define LOGS_H

#include "buf.h"
#include "disk.h"
#include "topics.h"

struct logs {
	struct disk *disk;
	struct topic *newest, *oldest;  /* the open ones, by use */
	size_t open, open_max;
	struct buf file;                /* scratch: the name that was used last */
	int broken;                     /* a sync has failed: the process must end */
};

/* Opens the log unless it is open, and makes it the one most recently used; another one may be closed
 * for it. 0, or -1 with errno. */
int logs_open(struct logs *logs, struct topic *t, int create);
void logs_close(struct logs *logs, struct topic *t);
void logs_close_all(struct logs *logs);

/* Cuts an open log behind its good lines. What stands there is first copied to a file beside it,
 * NAME.log.damaged-TIME, and synced; if that fails the log stays as it is. Reports either way. */
int logs_cut(struct logs *logs, struct topic *t, const struct extent *good, uint64_t size);

#endif
