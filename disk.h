/* disk.h: everything that the store asks of an operating system, as a table of
 * functions.
 *
 * disk_posix() fills the table with the real calls. The tests fill it with a
 * disk in memory that can lose power, run full and fail. All calls return 0
 * (or what they say) and -1 with errno, like the system calls they stand for.
 * Files live in one of four directories and are named within it. */
#ifndef DISK_H
#define DISK_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum disk_dir {
	DISK_ROOT, DISK_CHANNELS, DISK_USERS, DISK_JOURNAL, DISK_DIRS
};

/* What the functions of journal.h and store.h return instead of 0 when they
 * "return a result":
 *   refused   nothing has changed and it may be tried again; errno says why
 *   broken    a sync failed, so nobody knows what is on the disk until a new
 *             start has looked: the process must end
 *   lost      other processes have removed what this one had still to read
 *             from the journal: everything must be read again */
enum store_result { STORE_REFUSED = -1, STORE_BROKEN = -2, STORE_LOST = -3 };

/* Called for each name in a directory but "." and "..", in no order; -1 ends the
 * listing. */
typedef int disk_name_fn(void *ctx, const char *name);

struct disk {
	/* A descriptor for reading and writing a regular file. Anything else,
	 * symbolic links too, is refused and reported; but not a directory
	 * (EISDIR), if nothing is ever written. */
	int (*open)(struct disk *d, enum disk_dir dir, const char *name,
	    int create);
	void (*close)(struct disk *d, int fd);
	/* May be short, like pread(2) and pwrite(2). */
	ssize_t (*read)(struct disk *d, int fd, void *p, size_t n, uint64_t at);
	ssize_t (*write)(struct disk *d, int fd, const void *p, size_t n,
	    uint64_t at);
	int (*size)(struct disk *d, int fd, uint64_t *bytes);
	int (*truncate)(struct disk *d, int fd, uint64_t bytes);
	/* How many names it has; 0: it was removed. A system that does not
	 * count them says 1. */
	int (*links)(struct disk *d, int fd, uint64_t *names);
	/* 1: the open file still has this name. 0: it was removed, or replaced
	 * by another one. -1: it cannot be told. */
	int (*is_named)(struct disk *d, int fd, enum disk_dir dir,
	    const char *name);
	/* 0: these are on the disk now: the bytes of a file, the names in a
	 * directory, everything written anywhere. After -1 it is unknown what
	 * is, and the call is never repeated. */
	int (*sync)(struct disk *d, int fd);
	int (*sync_dir)(struct disk *d, enum disk_dir dir);
	/* ENOSYS: not known to work here, each file must be synced. */
	int (*sync_all)(struct disk *d);
	int (*unlink)(struct disk *d, enum disk_dir dir, const char *name);
	/* Replaces a file that has the new name. */
	int (*rename)(struct disk *d, enum disk_dir dir, const char *from,
	    const char *to);
	int (*list)(struct disk *d, enum disk_dir dir, disk_name_fn *each,
	    void *ctx);
	/* The exclusive write lock among all that have this directory open;
	 * waits for it. */
	int (*lock)(struct disk *d, int fd);
	int (*unlock)(struct disk *d, int fd);
	/* Bytes that may still be written. -1: the system does not know. */
	int (*room)(struct disk *d, uint64_t *bytes);
	int (*random)(struct disk *d, uint64_t *bits);
	void (*free)(struct disk *d);
};

/* The directory at path with its subdirectories. With create, missing ones are
 * made. Without it nothing is ever written: files are opened for reading, the
 * lock only keeps writers out, and missing subdirectories are empty. NULL:
 * errno says why. */
struct disk *disk_posix(const char *path, int create);

/* Whoever has a directory open with create uses it, also while it does not hold
 * the lock. Keeps others from that until disk_free(). -1 with EAGAIN: one uses
 * it now. Only for a disk of disk_posix() with create. */
int disk_alone(struct disk *d);

/* Makes the name of a directory durable. 0, or -1 with errno. */
int disk_sync_parent(const char *path);

/* All n bytes, or -1. A read that meets the end of the file returns how many
 * bytes there were. */
ssize_t disk_read_full(struct disk *d, int fd, void *p, size_t n, uint64_t at);
int disk_write_full(struct disk *d, int fd, const void *p, size_t n,
    uint64_t at);

#endif
