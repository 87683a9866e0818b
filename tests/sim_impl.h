/* sim_impl.h: the inside of a simulated disk, shared by sim_disk.c (the calls)
 * and sim_crash.c (what the world does to it).
 *
 * A node is a file without its name: the bytes that are seen, the bytes that
 * are durable, and the operations that lead from these to those. A name has two
 * nodes: the one it is seen to have, and the one it has after a power loss.
 * Nodes and names are never taken away, and found by their index. */
#ifndef SIM_IMPL_H
#define SIM_IMPL_H

#include "../util.h"
#include "sim_disk.h"

#include <limits.h>

#define FAULTS_MAX 4

struct bytes {
	char *p;
	size_t n, cap;
};

struct op {
	int truncate;
	uint64_t at;            /* of a write; or the new size */
	struct bytes data;
	long when;
};

struct node {
	struct bytes seen, durable;
	struct op *op;          /* not synced, oldest first */
	size_t ops, ops_cap;
};

struct name {
	enum disk_dir dir;
	char text[NAME_MAX + 1];
	int seen, durable;      /* nodes, -1: there is no such name */
};

struct handle {
	/* first: a struct disk * is a struct handle * */
	struct disk ops;
	struct sim *sim;
	int dead, sync_failed;
};

struct file {
	struct handle *by;      /* NULL: not open */
	int node;
};

struct sim {
	struct node *node;
	size_t nodes, nodes_cap;
	struct name *name;
	size_t names, names_cap;
	struct file *file;
	size_t files, files_cap;
	struct handle *locker;
	int lock_fd;            /* its descriptor: closing it unlocks */
	size_t handles;
	long steps, when, end_at;
	int only_process, ended;
	struct sim_fault fault[FAULTS_MAX];
	size_t faults;
	int struck;
	uint64_t capacity;
	int was_full;
	int open_max;
	long syncs_repeated, writes_unlocked;
	uint64_t randoms;       /* how many were given */
};

/* As must_array_room(), whose allocator test_store_nomem lets fail while the
 * store, and so this disk, is at work. */
static inline void *sim_grow(void *array, size_t n, size_t *cap, size_t size)
{
	if (n < *cap)
		return array;
	*cap = *cap > 0 ? 2 * *cap : 16;
	return must_grow(array, *cap, size);
}

void bytes_resize(struct bytes *b, size_t n);   /* new ones are 0 */
void bytes_put(struct bytes *b, uint64_t at, const char *p, size_t n);
void bytes_copy(struct bytes *to, const struct bytes *from);

int node_add(struct sim *sim);
void node_forget_ops(struct node *node);
void node_sync(struct node *node);
void op_apply(struct bytes *b, const struct op *op);

struct name *name_find(const struct sim *sim, enum disk_dir dir,
    const char *text);
struct name *name_add(struct sim *sim, enum disk_dir dir, const char *text);

/* The end of a process. */
void handle_die(struct handle *h);

#endif
