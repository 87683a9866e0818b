/* sim_crash.c: see sim_disk.h; what the world does to a simulated disk. */
#include "sim_impl.h"

#include "../util.h"

#define SECTOR 512      /* what a disk writes at once */

/* ---- power ---- */

long sim_steps(const struct sim *sim)
{
	return sim->steps;
}

void sim_end_at(struct sim *sim, long at, int only_process)
{
	sim->end_at = at;
	sim->only_process = only_process;
	sim->ended = 0;
}

int sim_ended(const struct sim *sim)
{
	return sim->ended;
}

const char *sim_loss_name(enum sim_loss loss)
{
	static const char *const name[SIM_LOSSES] = {
		"drop", "keep", "zeros", "subset", "shuffle", "tear"
	};

	return name[loss];
}

static uint32_t dice(uint64_t *state, uint32_t below)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return (uint32_t)(*state >> 20) % below;
}

/* The bytes of a write from one offset within it to another. */
static void keep_part(struct bytes *b, const struct op *op, size_t from,
    size_t to)
{
	bytes_put(b, op->at + from, op->data.p + from, to - from);
}

static void keep_size(struct bytes *b, const struct op *op)
{
	if (op->truncate || op->at + op->data.n > b->n)
		bytes_resize(b, (size_t)op->at + op->data.n);
}

static void keep_sectors(struct bytes *b, const struct op *op, uint64_t *state)
{
	size_t from = 0, to;

	for (; from < op->data.n; from = to) {
		to = from + SECTOR - (size_t)((op->at + from) % SECTOR);
		to = to < op->data.n ? to : op->data.n;
		if (dice(state, 2))
			keep_part(b, op, from, to);
	}
}

static void keep_some(struct node *node, int shuffle, uint64_t *state)
{
	struct bytes *b = &node->durable;

	for (size_t i = 0; shuffle && i + 1 < node->ops; i++) {
		size_t k = i + dice(state, (uint32_t)(node->ops - i));
		struct op op = node->op[i];

		node->op[i] = node->op[k];
		node->op[k] = op;
	}
	for (size_t i = 0; i < node->ops; i++) {
		uint32_t what = dice(state, 4);

		if (what == 0)
			op_apply(b, &node->op[i]);
		else if (what == 1)
			keep_size(b, &node->op[i]);
		else if (what == 2)
			keep_sectors(b, &node->op[i], state);
	}
}

/* When the torn write happened: any write that was not synced; 0: all
 * were. */
static long choose_torn(const struct sim *sim, uint64_t *state)
{
	uint32_t seen = 0;
	long when = 0;

	for (size_t i = 0; i < sim->nodes; i++)
		for (size_t k = 0; k < sim->node[i].ops; k++)
			if (!sim->node[i].op[k].truncate &&
			    dice(state, ++seen) == 0)
				when = sim->node[i].op[k].when;
	return when;
}

static void keep_until(struct node *node, long torn, uint64_t *state)
{
	for (size_t i = 0; i < node->ops && node->op[i].when <= torn; i++) {
		const struct op *op = &node->op[i];
		size_t cut;

		if (op->when < torn) {
			op_apply(&node->durable, op);
			continue;
		}
		cut = dice(state, (uint32_t)op->data.n);
		if (dice(state, 4) > 0)
			keep_part(&node->durable, op, 0, cut);
		else
			keep_part(&node->durable, op, cut, op->data.n);
	}
}

static void lose(struct node *node, enum sim_loss loss, long torn,
    uint64_t *state)
{
	if (loss == SIM_KEEP)
		node_sync(node);
	for (size_t i = 0; loss == SIM_ZEROS && i < node->ops; i++)
		keep_size(&node->durable, &node->op[i]);
	if (loss == SIM_SUBSET || loss == SIM_SHUFFLE)
		keep_some(node, loss == SIM_SHUFFLE, state);
	if (loss == SIM_TEAR)
		keep_until(node, torn, state);
	node_forget_ops(node);
	bytes_copy(&node->seen, &node->durable);
}

void sim_power_loss(struct sim *sim, enum sim_loss loss, uint32_t seed)
{
	uint64_t state = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15);
	int some_names = loss == SIM_SUBSET || loss == SIM_SHUFFLE;
	long torn;

	(void)dice(&state, 2);
	torn = choose_torn(sim, &state);
	for (size_t i = 0; i < sim->nodes; i++)
		lose(&sim->node[i], loss, torn, &state);
	for (size_t i = 0; i < sim->names; i++) {
		struct name *name = &sim->name[i];

		if (loss != SIM_DROP && (!some_names || dice(&state, 2)))
			name->durable = name->seen;
		name->seen = name->durable;
	}
	for (size_t i = 0; i < sim->files; i++)
		if (sim->file[i].by != NULL)
			handle_die(sim->file[i].by);
	sim_end_at(sim, 0, 0);
}

/* ---- faults ---- */

const char *sim_call_name(enum sim_call which)
{
	static const char *const name[SIM_CALLS] = {
		"open", "read", "write", "size", "truncate", "sync", "sync_dir",
		"sync_all", "unlink", "rename",
		"list", "lock", "room", "random"
	};

	return name[which];
}

void sim_set_fault(struct sim *sim, const struct sim_fault *fault)
{
	if (sim->faults == FAULTS_MAX)
		die(EXIT_FAILED, "simulated disk: too many faults");
	sim->fault[sim->faults++] = *fault;
}

void sim_no_faults(struct sim *sim)
{
	sim->faults = 0;
	sim->capacity = 0;
	sim->open_max = 0;
}

int sim_faults_struck(const struct sim *sim)
{
	return sim->struck;
}

void sim_set_capacity(struct sim *sim, uint64_t bytes)
{
	sim->capacity = bytes;
}

uint64_t sim_used(const struct sim *sim)
{
	uint64_t used = 0;

	for (size_t i = 0; i < sim->names; i++)
		if (sim->name[i].seen != -1)
			used += sim->node[sim->name[i].seen].seen.n;
	return used;
}

int sim_was_full(const struct sim *sim)
{
	return sim->was_full;
}

void sim_set_open_max(struct sim *sim, int n)
{
	sim->open_max = n;
}

long sim_syncs_repeated(const struct sim *sim)
{
	return sim->syncs_repeated;
}

long sim_writes_unlocked(const struct sim *sim)
{
	return sim->writes_unlocked;
}

size_t sim_open_files(const struct sim *sim)
{
	size_t n = 0;

	for (size_t i = 0; i < sim->files; i++)
		n += sim->file[i].by != NULL;
	return n;
}

/* ---- contents ---- */

struct str sim_content(const struct sim *sim, enum disk_dir dir,
    const char *text)
{
	const struct name *name = name_find(sim, dir, text);
	const struct bytes *b;

	if (name == NULL || name->seen == -1)
		return (struct str){ NULL, 0 };
	b = &sim->node[name->seen].seen;
	return (struct str){ b->n > 0 ? b->p : "", b->n };
}

void sim_put_content(struct sim *sim, enum disk_dir dir, const char *text,
    struct str bytes)
{
	struct name *name = name_find(sim, dir, text);
	struct node *node;

	if (name == NULL)
		name = name_add(sim, dir, text);
	name->seen = name->durable = node_add(sim);
	node = &sim->node[name->seen];
	bytes_put(&node->seen, 0, bytes.p, bytes.n);
	bytes_put(&node->durable, 0, bytes.p, bytes.n);
}

void sim_remove(struct sim *sim, enum disk_dir dir, const char *text)
{
	struct name *name = name_find(sim, dir, text);

	if (name != NULL)
		name->seen = name->durable = -1;
}

void sim_cut(struct sim *sim, enum disk_dir dir, const char *text, size_t bytes)
{
	struct name *name = name_find(sim, dir, text);

	if (name == NULL || name->seen == -1)
		return;
	bytes_resize(&sim->node[name->seen].seen, bytes);
	node_forget_ops(&sim->node[name->seen]);
	bytes_copy(&sim->node[name->seen].durable, &sim->node[name->seen].seen);
}

const char *sim_name(const struct sim *sim, enum disk_dir dir, size_t i)
{
	for (size_t k = 0; k < sim->names; k++)
		if (sim->name[k].dir == dir && sim->name[k].seen != -1 &&
		    i-- == 0)
			return sim->name[k].text;
	return NULL;
}
