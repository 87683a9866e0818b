/* logs.c: see logs.h. */
#include "logs.h"

#include "line.h"
#include "util.h"

#include <errno.h>
#include <inttypes.h>

static void unlink_open(struct logs *logs, struct topic *t)
{
	*(t->newer ? &t->newer->older : &logs->newest) = t->older;
	*(t->older ? &t->older->newer : &logs->oldest) = t->newer;
	t->newer = t->older = NULL;
}

static void link_open(struct logs *logs, struct topic *t)
{
	t->older = logs->newest;
	*(logs->newest ? &logs->newest->newer : &logs->oldest) = t;
	logs->newest = t;
}

void logs_close(struct logs *logs, struct topic *t)
{
	if (t->fd == -1)
		return;
	unlink_open(logs, t);
	logs->disk->close(logs->disk, t->fd);
	t->fd = -1;
	logs->open--;
}

void logs_close_all(struct logs *logs)
{
	while (logs->oldest != NULL)
		logs_close(logs, logs->oldest);
}

/* What is closed for another one and not synced yet will be synced by name. */
int logs_open(struct logs *logs, struct topic *t, int create)
{
	if (t->fd != -1) {
		unlink_open(logs, t);
		link_open(logs, t);
		return 0;
	}
	while (logs->open >= logs->open_max)
		logs_close(logs, logs->oldest);
	for (;;) {
		t->fd = logs->disk->open(logs->disk, topic_dir(t), topic_file(t, &logs->file), create);
		if (t->fd != -1)
			break;
		if ((errno != EMFILE && errno != ENFILE) || logs->oldest == NULL)
			return -1;
		logs_close(logs, logs->oldest);  /* others use up descriptors too */
	}
	link_open(logs, t);
	logs->open++;
	return 0;
}

/* Copies the end of a log, from an offset on, to a file beside it. */
static int copy_aside(struct logs *logs, struct topic *t, uint64_t from, uint64_t size, struct buf *name)
{
	char chunk[4096], time[TIME_BYTES + 1] = { 0 };
	uint64_t to;
	int fd, r;

	time_encode(time, now_ms());
	(void)topic_file(t, name);
	if (name->n > 0)
		name->n--;      /* over the NUL */
	buf_printf(name, ".damaged-%s", time);
	buf_putc(name, '\0');
	fd = name->err ? -1 : logs->disk->open(logs->disk, topic_dir(t), name->p, 1);
	if (fd == -1)
		return -1;
	r = logs->disk->size(logs->disk, fd, &to);  /* twice in a millisecond: one behind the other */
	while (r == 0 && from < size) {
		size_t n = size - from < sizeof chunk ? (size_t)(size - from) : sizeof chunk;
		ssize_t got = disk_read_full(logs->disk, t->fd, chunk, n, from);

		if (got <= 0 || disk_write_full(logs->disk, fd, chunk, (size_t)got, to) == -1)
			r = -1;
		from += (uint64_t)(got > 0 ? got : 0);
		to += (uint64_t)(got > 0 ? got : 0);
	}
	if (r == 0 && (logs->disk->sync(logs->disk, fd) == -1 ||
	    logs->disk->sync_dir(logs->disk, topic_dir(t)) == -1))
		r = -1;         /* the log is not cut then, so nothing is lost */
	logs->disk->close(logs->disk, fd);
	return r;
}

int logs_cut(struct logs *logs, struct topic *t, const struct extent *good, uint64_t size)
{
	struct buf path = { 0 }, name = { 0 };
	int r = copy_aside(logs, t, good->bytes, size, &name);

	if (r == 0 && logs->disk->truncate(logs->disk, t->fd, good->bytes) == -1)
		r = -1;
	if (r == 0)
		warn("%s: line %" PRIu64 ": not a line; %" PRIu64 " bytes set aside in %s",
		    topic_path(t, &path), good->seq + 1, size - good->bytes, name.p);
	else
		warn("%s: line %" PRIu64 ": not a line, and it cannot be set aside:",
		    topic_path(t, &path), good->seq + 1);
	buf_free(&path);
	buf_free(&name);
	return r;
}
