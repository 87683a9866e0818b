/* snapshot.c: see snapshot.h. */
#include "snapshot.h"

#include "entry.h"
#include "util.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int by_name(const void *a, const void *b)
{
	const struct snapshot_file *x = a, *y = b;

	if (x->dir != y->dir)
		return (int)x->dir - (int)y->dir;
	return strcmp(x->name.p, y->name.p);
}

/* The index of a name, or where it belongs. */
static size_t find_index(const struct snapshot *s, enum disk_dir dir,
    const char *name)
{
	struct snapshot_file key = { .dir = dir, .name = str_of(name) };
	size_t low = 0, high = s->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (by_name(&s->file[mid], &key) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

struct snapshot_file *snapshot_find_prefix(const struct snapshot *s,
    enum disk_dir dir, const char *prefix)
{
	size_t i = find_index(s, dir, prefix);

	if (i == s->n || s->file[i].dir != dir ||
	    strncmp(s->file[i].name.p, prefix, strlen(prefix)) != 0)
		return NULL;
	return &s->file[i];
}

struct snapshot_file *snapshot_find(const struct snapshot *s, enum disk_dir dir,
    const char *name)
{
	struct snapshot_file *f = snapshot_find_prefix(s, dir, name);

	return f != NULL && str_is(f->name, name) ? f : NULL;
}

/* Returns what it adds, as the i-th. */
static struct snapshot_file *add_file(struct snapshot *s, size_t i,
    enum disk_dir dir, const char *name)
{
	struct str copy = must_copy(str_of(name));
	struct snapshot_file *f;

	s->file = must_array_room(s->file, s->n, &s->cap, sizeof *s->file);
	f = &s->file[i];
	memmove(f + 1, f, (s->n++ - i) * sizeof *f);
	*f = (struct snapshot_file){ .dir = dir, .name = copy };
	return f;
}

static int add_listed_file(void *ctx, const char *name)
{
	struct snapshot *s = ctx;

	if (s->listing != DISK_ROOT || strcmp(name, "lock") != 0)
		(void)add_file(s, s->n, s->listing, name);
	return 0;
}

static void measure_file(struct snapshot *s, struct snapshot_file *f)
{
	int fd = s->disk->open(s->disk, f->dir, f->name.p, 0);

	f->error = 0;
	if (fd == -1 || s->disk->size(s->disk, fd, &f->size) == -1)
		f->error = errno;
	if (fd != -1)
		s->disk->close(s->disk, fd);
}

static int list_files(struct snapshot *s)
{
	for (int dir = DISK_ROOT; dir <= DISK_USERS; dir++) {
		s->listing = (enum disk_dir)dir;
		if (s->disk->list(s->disk, s->listing, add_listed_file, s) ==
		    -1)
			return STORE_REFUSED;
	}
	if (s->n > 0)
		qsort(s->file, s->n, sizeof *s->file, by_name);
	for (size_t i = 0; i < s->n; i++)
		measure_file(s, &s->file[i]);
	return 0;
}

static int measure_entries(void *ctx, const struct batch *b)
{
	struct snapshot *s = ctx;
	struct str rest = b->payload;
	struct buf name = { 0 };
	struct entry entry;
	int more;

	while ((more = entry_take(&rest, &entry)) == 1) {
		struct topic t = { .kind = entry.kind, .name = entry.name };
		struct snapshot_file *f;

		(void)topic_file(&t, &name);
		if (name.err)
			break;
		f = snapshot_find(s, topic_dir(&t), name.p);
		if (f == NULL)
			f = add_file(s, find_index(s, topic_dir(&t), name.p),
			    topic_dir(&t), name.p);
		measure_file(s, f);
	}
	if (name.err)
		errno = ENOMEM;
	buf_free(&name);
	return more == 0 ? 0 : STORE_REFUSED;
}

static void forget_files(struct snapshot *s)
{
	for (size_t i = 0; i < s->n; i++)
		str_free(s->file[i].name);
	s->n = 0;
}

/* 1: all that the journal has is in the logs: its writer did not die. */
static int find_end(struct snapshot *s, uint64_t *end)
{
	if (journal_look_on(s->journal) != 0)
		return -1;
	*end = journal_end(s->journal);
	return journal_applied(s->journal) == *end;
}

/* Measures again what the journal has got since a position. Where that does not
 * tell, everything: a server may have mended logs meanwhile, or removed old
 * segments. */
static int measure_again(struct snapshot *s, uint64_t from, int was_complete)
{
	uint64_t end;

	if (find_end(s, &end) == -1)
		return STORE_REFUSED;
	if (was_complete && (from == end || journal_oldest(s->journal) <= from))
		return journal_replay(s->journal, from, measure_entries, s);
	forget_files(s);
	return list_files(s);
}

int snapshot_take(struct snapshot *s, struct disk *disk)
{
	uint64_t from = 0;
	int complete, r;

	*s = (struct snapshot){ .disk = disk };
	if (journal_look(&s->journal, disk) != 0 ||
	    journal_lock(s->journal) != 0)
		return STORE_REFUSED;
	complete = find_end(s, &from);
	journal_unlock(s->journal);
	if (complete == -1 || list_files(s) != 0 ||
	    journal_lock(s->journal) != 0)
		return STORE_REFUSED;
	r = measure_again(s, from, complete);
	journal_unlock(s->journal);
	return r;
}

void snapshot_free(struct snapshot *s)
{
	forget_files(s);
	free(s->file);
	journal_close(s->journal);
}

const char *snapshot_prefix(enum disk_dir dir)
{
	static const char *const prefix[DISK_DIRS] = {
		"", "channels/", "users/", "journal/"
	};

	return prefix[dir];
}
