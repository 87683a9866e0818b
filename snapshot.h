/* snapshot.h: what a data directory has at one moment, for a program that
 * looks on beside running servers.
 *
 * Logs only grow, and the journal is only appended to. So the names and sizes
 * of that moment are enough: what they say can be read at leisure afterwards.
 * The lock is held only to find the journal's end and to measure anew the files
 * that changed while all of them were measured. */
#ifndef SNAPSHOT_H
#define SNAPSHOT_H

#include "buf.h"
#include "disk.h"
#include "journal.h"
#include "topics.h"

struct snapshot_file {
	enum disk_dir dir;
	struct str name;        /* a must_copy() */
	uint64_t size;
	int error;              /* errno; 0: it is a regular file; ENOENT: only
	                         * the journal has it, its writer died */
};

struct snapshot {
	struct disk *disk;
	struct journal *journal;
	/* All but the journal and the lock, by directory and name. */
	struct snapshot_file *file;
	size_t n, cap;
	enum disk_dir listing;
};

/* 0, or a result (disk.h). */
int snapshot_take(struct snapshot *s, struct disk *disk);
void snapshot_free(struct snapshot *s);

/* NULL: there is no such file; or none whose name begins like this. */
struct snapshot_file *snapshot_find(const struct snapshot *s, enum disk_dir dir,
    const char *name);
struct snapshot_file *snapshot_find_prefix(const struct snapshot *s,
    enum disk_dir dir, const char *prefix);

/* "channels/", "users/", "journal/" or "". */
const char *snapshot_prefix(enum disk_dir dir);

#endif
