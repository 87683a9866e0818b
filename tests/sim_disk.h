/* sim_disk.h: a disk in memory for tests. It can lose power, fill up and fail.
 *
 * What a process sees and what would survive a power loss are kept apart: the
 * bytes of each file, the names in each directory. sim_handle() gives a struct
 * disk (disk.h); several of them on one disk are several processes, and
 * freeing one does what killing a process does: its descriptors and its lock
 * go, what it wrote stays. Wrong use is a bug of the test or of the store and
 * ends the program: waiting for a lock that another handle has, a descriptor
 * that is not open. */
#ifndef SIM_DISK_H
#define SIM_DISK_H

#include "../buf.h"
#include "../disk.h"

struct sim;

struct sim *sim_new(void);
/* The same contents, synced or not; no handles, no faults, counters at 0. */
struct sim *sim_copy(const struct sim *from);
void sim_free(struct sim *sim);         /* after its handles */

struct disk *sim_handle(struct sim *sim);

/* ---- power ---- */

/* A step is a call that changes something or syncs it: write, truncate, sync,
 * sync_dir, sync_all, unlink, rename, an open that makes a file. */
long sim_steps(const struct sim *sim);

/* The step with this number (from 1) does not happen, and nothing after it
 * does: all calls fail. With only_process just the process that wanted to do it
 * is dead, the other ones go on. */
void sim_end_at(struct sim *sim, long step, int only_process);
int sim_ended(const struct sim *sim);

/* What a power loss leaves of all that was not synced. */
enum sim_loss {
	SIM_DROP,               /* nothing */
	SIM_KEEP,               /* all: the disk was lucky */
	/* names and sizes, but zeros for all new bytes */
	SIM_ZEROS,
	/* of each write nothing, all, some sectors or zeros; of names some */
	SIM_SUBSET,
	/* the same, but in any order, older bytes over newer ones */
	SIM_SHUFFLE,
	/* all up to one write, and of that a part, up to or from some byte */
	SIM_TEAR,
	SIM_LOSSES
};
const char *sim_loss_name(enum sim_loss loss);

/* The power is back; earlier handles are dead. */
void sim_power_loss(struct sim *sim, enum sim_loss loss, uint32_t seed);

/* ---- faults ---- */

enum sim_call {
	SIM_OPEN, SIM_READ, SIM_WRITE, SIM_SIZE, SIM_TRUNCATE, SIM_SYNC,
	SIM_SYNC_DIR, SIM_SYNC_ALL, SIM_UNLINK, SIM_RENAME, SIM_LIST, SIM_LOCK,
	SIM_ROOM, SIM_RANDOM, SIM_CALLS
};
const char *sim_call_name(enum sim_call call);

/* The n-th call from now on fails; several may be set. A failed sync leaves
 * what it was asked to sync not synced, but clean, as Linux does: only bytes
 * that are written again can become durable. */
struct sim_fault {
	enum sim_call call;
	long n;                 /* 1: the next one */
	int for_ever;           /* and all after it */
	int error;              /* errno */
	/* a write does half of its bytes, the next one fails */
	int half;
};
void sim_set_fault(struct sim *sim, const struct sim_fault *fault);
void sim_no_faults(struct sim *sim);            /* and no limits */
/* How many calls failed because of them. */
int sim_faults_struck(const struct sim *sim);

/* Limits: bytes of all files, and open descriptors. 0: none. */
void sim_set_capacity(struct sim *sim, uint64_t bytes);
uint64_t sim_used(const struct sim *sim);
/* 1: a write found too little room. */
int sim_was_full(const struct sim *sim);
void sim_set_open_max(struct sim *sim, int n);

/* ---- what must never happen ---- */

/* Syncs by a process that had one fail. */
long sim_syncs_repeated(const struct sim *sim);
/* Changes by a process that did not have the lock. */
long sim_writes_unlocked(const struct sim *sim);
/* 0 when every store is closed. */
size_t sim_open_files(const struct sim *sim);

/* ---- contents ---- */

/* What a process sees; p is NULL when there is no such file. Valid
 * until the file changes. */
struct str sim_content(const struct sim *sim, enum disk_dir dir,
    const char *name);
/* Makes or replaces a file, durably, from outside: between runs of
 * a process. */
void sim_put_content(struct sim *sim, enum disk_dir dir, const char *name,
    struct str bytes);
void sim_remove(struct sim *sim, enum disk_dir dir, const char *name);
/* Truncates a file, even while a process has it open. */
void sim_cut(struct sim *sim, enum disk_dir dir, const char *name,
    size_t bytes);
/* The i-th name of a directory, or NULL. */
const char *sim_name(const struct sim *sim, enum disk_dir dir, size_t i);

#endif
