/* sim_disk.c: see sim_disk.h; the calls of a process. */
#include "sim_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FD_FIRST 1000   /* never a descriptor of the process itself */

/* ---- bytes ---- */

void bytes_resize(struct bytes *b, size_t n)
{
	if (n > b->cap) {
		b->cap = n + n / 4;
		b->p = must_grow(b->p, b->cap, 1);
	}
	if (n > b->n)
		memset(b->p + b->n, 0, n - b->n);
	b->n = n;
}

void bytes_put(struct bytes *b, uint64_t at, const char *p, size_t n)
{
	if (n == 0)
		return;
	if (at + n > b->n)
		bytes_resize(b, (size_t)at + n);
	memcpy(b->p + at, p, n);
}

void bytes_copy(struct bytes *to, const struct bytes *from)
{
	bytes_resize(to, 0);
	bytes_put(to, 0, from->p, from->n);
}

/* ---- nodes and names ---- */

int node_add(struct sim *sim)
{
	sim->node = sim_grow(sim->node, sim->nodes, &sim->nodes_cap,
	    sizeof *sim->node);
	sim->node[sim->nodes] = (struct node){ 0 };
	return (int)sim->nodes++;
}

struct name *name_find(const struct sim *sim, enum disk_dir dir,
    const char *text)
{
	for (size_t i = 0; i < sim->names; i++)
		if (sim->name[i].dir == dir &&
		    strcmp(sim->name[i].text, text) == 0)
			return &sim->name[i];
	return NULL;
}

struct name *name_add(struct sim *sim, enum disk_dir dir, const char *text)
{
	struct name *name;

	sim->name = sim_grow(sim->name, sim->names, &sim->names_cap,
	    sizeof *sim->name);
	name = &sim->name[sim->names++];
	*name = (struct name){ .dir = dir, .seen = -1, .durable = -1 };
	/* checked by sim_open() */
	(void)snprintf(name->text, sizeof name->text, "%s", text);
	return name;
}

void node_forget_ops(struct node *node)
{
	for (size_t i = 0; i < node->ops; i++)
		free(node->op[i].data.p);
	node->ops = 0;
}

static struct op *add_op(struct sim *sim, struct node *node, int truncate,
    uint64_t at)
{
	node->op = sim_grow(node->op, node->ops, &node->ops_cap,
	    sizeof *node->op);
	node->op[node->ops] = (struct op){ .truncate = truncate, .at = at,
	    .when = ++sim->when };
	return &node->op[node->ops++];
}

void op_apply(struct bytes *b, const struct op *op)
{
	if (op->truncate)
		bytes_resize(b, (size_t)op->at);
	else
		bytes_put(b, op->at, op->data.p, op->data.n);
}

void node_sync(struct node *node)
{
	for (size_t i = 0; i < node->ops; i++)
		op_apply(&node->durable, &node->op[i]);
	node_forget_ops(node);
}

struct sim *sim_new(void)
{
	return must_alloc(sizeof(struct sim));
}

static void copy_node(struct sim *sim, size_t i, const struct node *from)
{
	struct node *to = &sim->node[i];

	bytes_copy(&to->seen, &from->seen);
	bytes_copy(&to->durable, &from->durable);
	for (size_t k = 0; k < from->ops; k++) {
		struct op *op = add_op(sim, to, from->op[k].truncate,
		    from->op[k].at);

		bytes_copy(&op->data, &from->op[k].data);
		op->when = from->op[k].when;
	}
}

struct sim *sim_copy(const struct sim *from)
{
	struct sim *sim = sim_new();

	for (size_t i = 0; i < from->nodes; i++)
		(void)node_add(sim);
	for (size_t i = 0; i < from->names; i++) {
		const struct name *name = &from->name[i];

		*name_add(sim, name->dir, name->text) = *name;
		/* Nodes without a name are as good as gone. */
		if (name->seen != -1)
			copy_node(sim, (size_t)name->seen,
			    &from->node[name->seen]);
		if (name->durable != -1 && name->durable != name->seen)
			copy_node(sim, (size_t)name->durable,
			    &from->node[name->durable]);
	}
	sim->when = from->when;
	return sim;
}

void sim_free(struct sim *sim)
{
	if (sim->handles > 0)
		die(EXIT_FAILED, "simulated disk: freed before its handles");
	for (size_t i = 0; i < sim->nodes; i++) {
		node_forget_ops(&sim->node[i]);
		free(sim->node[i].op);
		free(sim->node[i].seen.p);
		free(sim->node[i].durable.p);
	}
	free(sim->node);
	free(sim->name);
	free(sim->file);
	free(sim);
}

/* ---- what each call begins with ---- */

static struct handle *of(struct disk *d)
{
	return (struct handle *)d;
}

void handle_die(struct handle *h)
{
	struct sim *sim = h->sim;

	h->dead = 1;
	if (sim->locker == h)
		sim->locker = NULL;
}

/* -1: this is one of the calls that were to fail. *half is set when it is to do
 * half of its work, and the next one is to fail. */
static int faulty(struct sim *sim, enum sim_call call, int *half)
{
	int r = 0;

	for (size_t i = 0; i < sim->faults; i++) {
		struct sim_fault *f = &sim->fault[i];

		if (f->call != call || --f->n > 0 ||
		    (f->n < 0 && !f->for_ever && !(f->half && f->n == -1)))
			continue;
		sim->struck++;
		if (f->half && f->n == 0 && half != NULL) {
			*half = 1;
			continue;
		}
		errno = f->error;
		r = -1;
	}
	return r;
}

static int call(struct handle *h, enum sim_call which, int *half)
{
	if (h->dead || (h->sim->ended && !h->sim->only_process)) {
		errno = EIO;
		return -1;
	}
	return faulty(h->sim, which, half);
}

/* -1: the power goes, or the process is killed, before this step. */
static int step(struct handle *h)
{
	struct sim *sim = h->sim;

	if (++sim->steps != sim->end_at)
		return 0;
	sim->ended = 1;
	if (sim->only_process)
		handle_die(h);
	errno = EIO;
	return -1;
}

static void changes(struct handle *h)
{
	h->sim->writes_unlocked += h->sim->locker != h;
}

static struct node *node_of(struct handle *h, int fd)
{
	struct sim *sim = h->sim;

	if (fd < FD_FIRST || (size_t)(fd - FD_FIRST) >= sim->files ||
	    sim->file[fd - FD_FIRST].by != h)
		die(EXIT_FAILED, "simulated disk: descriptor %d is not open",
		    fd);
	return &sim->node[sim->file[fd - FD_FIRST].node];
}

/* ---- the calls ---- */

static int new_file(struct handle *h, int node)
{
	struct sim *sim = h->sim;
	size_t i = 0;
	int n = 0;

	for (size_t k = 0; k < sim->files; k++)
		n += sim->file[k].by == h;
	if (sim->open_max > 0 && n >= sim->open_max) {
		errno = EMFILE;
		return -1;
	}
	while (i < sim->files && sim->file[i].by != NULL)
		i++;
	if (i == sim->files) {
		sim->file = sim_grow(sim->file, i, &sim->files_cap,
		    sizeof *sim->file);
		sim->files++;
	}
	sim->file[i] = (struct file){ h, node };
	return FD_FIRST + (int)i;
}

static int sim_open(struct disk *d, enum disk_dir dir, const char *text,
    int create)
{
	struct handle *h = of(d);
	struct sim *sim = h->sim;
	struct name *name = name_find(sim, dir, text);
	int node = name != NULL ? name->seen : -1, fd;

	if (call(h, SIM_OPEN, NULL) == -1)
		return -1;
	if (node == -1 && (!create || *text == '\0')) {
		errno = ENOENT;
		return -1;
	}
	if (strlen(text) > NAME_MAX) {
		errno = ENAMETOOLONG;
		return -1;
	}
	if (node == -1 && step(h) == -1)
		return -1;
	fd = new_file(h, node);
	if (fd == -1 || node != -1)
		return fd;
	node = node_add(sim);
	if (name == NULL)
		name = name_add(sim, dir, text);
	name->seen = sim->file[fd - FD_FIRST].node = node;
	return fd;
}

static void sim_close(struct disk *d, int fd)
{
	struct sim *sim = of(d)->sim;

	(void)node_of(of(d), fd);
	sim->file[fd - FD_FIRST].by = NULL;
	if (sim->locker == of(d) && sim->lock_fd == fd)
		sim->locker = NULL;
}

static ssize_t sim_read(struct disk *d, int fd, void *p, size_t n, uint64_t at)
{
	const struct bytes *b = &node_of(of(d), fd)->seen;

	if (call(of(d), SIM_READ, NULL) == -1)
		return -1;
	if (at >= b->n || n == 0)
		return 0;
	n = n < b->n - at ? n : b->n - (size_t)at;
	memcpy(p, b->p + at, n);
	return (ssize_t)n;
}

/* As many bytes as there is room for. */
static size_t fitting(const struct sim *sim, const struct node *node,
    uint64_t at, size_t n)
{
	uint64_t used = sim_used(sim),
	    more = at + n > node->seen.n ? at + n - node->seen.n : 0;

	if (sim->capacity == 0 || used + more <= sim->capacity)
		return n;
	more -= used < sim->capacity ? sim->capacity - used : 0;
	return more < n ? n - (size_t)more : 0;
}

static ssize_t sim_write(struct disk *d, int fd, const void *p, size_t n,
    uint64_t at)
{
	struct handle *h = of(d);
	struct node *node = node_of(h, fd);
	size_t fits;
	int half = 0;

	if (call(h, SIM_WRITE, &half) == -1 || step(h) == -1)
		return -1;
	changes(h);
	if (half)
		n = (n + 1) / 2;
	fits = fitting(h->sim, node, at, n);
	h->sim->was_full |= fits < n;
	if (n > 0 && fits == 0) {
		errno = ENOSPC;
		return -1;
	}
	n = fits;
	if (n > 0) {
		bytes_put(&add_op(h->sim, node, 0, at)->data, 0, p, n);
		bytes_put(&node->seen, at, p, n);
	}
	return (ssize_t)n;
}

static int sim_size(struct disk *d, int fd, uint64_t *bytes)
{
	*bytes = node_of(of(d), fd)->seen.n;
	return call(of(d), SIM_SIZE, NULL);
}

static int sim_truncate(struct disk *d, int fd, uint64_t bytes)
{
	struct handle *h = of(d);
	struct node *node = node_of(h, fd);

	if (call(h, SIM_TRUNCATE, NULL) == -1 || step(h) == -1)
		return -1;
	changes(h);
	(void)add_op(h->sim, node, 1, bytes);
	bytes_resize(&node->seen, (size_t)bytes);
	return 0;
}

/* Hard links there are none: a file has one name, or it was removed. */
static int sim_links(struct disk *d, int fd, uint64_t *names)
{
	struct sim *sim = of(d)->sim;
	int node = (int)(node_of(of(d), fd) - sim->node);

	*names = 0;
	for (size_t i = 0; i < sim->names; i++)
		*names += sim->name[i].seen == node;
	return call(of(d), SIM_LINKS, NULL);
}

static int sim_is_named(struct disk *d, int fd, enum disk_dir dir,
    const char *text)
{
	struct sim *sim = of(d)->sim;
	int node = (int)(node_of(of(d), fd) - sim->node);
	const struct name *name = name_find(sim, dir, text);

	if (call(of(d), SIM_IS_NAMED, NULL) == -1)
		return -1;
	return name != NULL && name->seen == node;
}

static int begin_sync(struct handle *h, enum sim_call which)
{
	h->sim->syncs_repeated += h->sync_failed;
	if (call(h, which, NULL) == -1) {
		h->sync_failed |= errno != ENOSYS && !h->dead && !h->sim->ended;
		return -1;
	}
	return step(h);
}

static int sim_sync(struct disk *d, int fd)
{
	struct node *node = node_of(of(d), fd);
	int r = begin_sync(of(d), SIM_SYNC);

	if (r == 0)
		node_sync(node);
	else if (of(d)->sync_failed)
		node_forget_ops(node);
	return r;
}

static int sim_sync_dir(struct disk *d, enum disk_dir dir)
{
	struct sim *sim = of(d)->sim;

	if (begin_sync(of(d), SIM_SYNC_DIR) == -1)
		return -1;
	for (size_t i = 0; i < sim->names; i++)
		if (sim->name[i].dir == dir) {
			sim->name[i].durable = sim->name[i].seen;
			sim->name[i].partner = 0;
		}
	return 0;
}

/* Bytes only: what it does with names is not relied on. */
static int sim_sync_all(struct disk *d)
{
	struct sim *sim = of(d)->sim;
	int r = begin_sync(of(d), SIM_SYNC_ALL);

	for (size_t i = 0; i < sim->nodes; i++)
		if (r == 0)
			node_sync(&sim->node[i]);
		else if (of(d)->sync_failed)
			node_forget_ops(&sim->node[i]);
	return r;
}

static int sim_unlink(struct disk *d, enum disk_dir dir, const char *text)
{
	struct handle *h = of(d);
	struct name *name = name_find(h->sim, dir, text);

	if (call(h, SIM_UNLINK, NULL) == -1)
		return -1;
	if (name == NULL || name->seen == -1) {
		errno = ENOENT;
		return -1;
	}
	if (step(h) == -1)
		return -1;
	changes(h);
	name->seen = -1;
	return 0;
}

static int sim_rename(struct disk *d, enum disk_dir dir, const char *from,
    const char *to)
{
	struct handle *h = of(d);
	struct name *name = name_find(h->sim, dir, from), *other;
	int node = name != NULL ? name->seen : -1;

	if (call(h, SIM_RENAME, NULL) == -1)
		return -1;
	if (node == -1) {
		errno = ENOENT;
		return -1;
	}
	if (step(h) == -1)
		return -1;
	changes(h);
	other = name_find(h->sim, dir, to);
	if (other == NULL)
		other = name_add(h->sim, dir, to);
	name = name_find(h->sim, dir, from);    /* it may have moved */
	name->seen = -1;
	other->seen = node;
	name->partner = 1 + (size_t)(other - h->sim->name);
	other->partner = 1 + (size_t)(name - h->sim->name);
	return 0;
}

static int sim_list(struct disk *d, enum disk_dir dir, disk_name_fn *each,
    void *ctx)
{
	struct sim *sim = of(d)->sim;

	if (call(of(d), SIM_LIST, NULL) == -1)
		return -1;
	for (size_t i = 0; i < sim->names; i++)
		if (sim->name[i].dir == dir && sim->name[i].seen != -1 &&
		    each(ctx, sim->name[i].text) != 0)
			return -1;
	return 0;
}

static int sim_lock(struct disk *d, int fd)
{
	struct handle *h = of(d);

	(void)node_of(h, fd);
	if (call(h, SIM_LOCK, NULL) == -1)
		return -1;
	if (h->sim->locker != NULL)
		die(EXIT_FAILED, "simulated disk: %s process holds the lock",
		    h->sim->locker == h ? "the same" : "another");
	h->sim->locker = h;
	h->sim->lock_fd = fd;
	return 0;
}

static int sim_unlock(struct disk *d, int fd)
{
	struct handle *h = of(d);

	(void)node_of(h, fd);
	if (h->sim->locker == h)
		h->sim->locker = NULL;
	return 0;
}

static int sim_room(struct disk *d, uint64_t *bytes)
{
	struct sim *sim = of(d)->sim;
	uint64_t used = sim_used(sim);

	*bytes = sim->capacity > used ? sim->capacity - used : 0;
	if (sim->capacity == 0)
		*bytes = UINT64_MAX;
	return call(of(d), SIM_ROOM, NULL);
}

/* The same ones in each run. */
static int sim_random(struct disk *d, uint64_t *bits)
{
	*bits = ++of(d)->sim->randoms * UINT64_C(0x9e3779b97f4a7c15);
	return call(of(d), SIM_RANDOM, NULL);
}

static void sim_free_handle(struct disk *d)
{
	struct handle *h = of(d);

	handle_die(h);
	for (size_t i = 0; i < h->sim->files; i++)
		if (h->sim->file[i].by == h)
			h->sim->file[i].by = NULL;
	h->sim->handles--;
	free(h);
}

struct disk *sim_handle(struct sim *sim)
{
	static const struct disk ops = {
		.open = sim_open, .close = sim_close, .read = sim_read,
		.write = sim_write,
		.size = sim_size, .truncate = sim_truncate, .sync = sim_sync,
		.links = sim_links, .is_named = sim_is_named,
		.sync_dir = sim_sync_dir, .sync_all = sim_sync_all,
		.unlink = sim_unlink, .rename = sim_rename,
		.list = sim_list, .lock = sim_lock, .unlock = sim_unlock,
		.room = sim_room, .random = sim_random,
		.free = sim_free_handle
	};
	struct handle *h = must_alloc(sizeof *h);

	h->ops = ops;
	h->sim = sim;
	sim->handles++;
	return &h->ops;
}
