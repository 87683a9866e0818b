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
		const char *name = topic_file(t, &logs->file);

		if (logs->file.err) {
			errno = ENOMEM;
			return -1;
		}
		t->fd = logs->disk->open(logs->disk, topic_dir(t), name, create);
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

static void aside_name(const struct topic *t, struct buf *name)
{
	char time[TIME_BYTES + 1] = { 0 };

	time_encode(time, now_ms());
	(void)topic_file(t, name);
	if (name->n > 0)
		name->n--;      /* over the NUL */
	buf_printf(name, ".damaged-%s", time);
	buf_putc(name, '\0');
}

static int copy(struct logs *logs, int from_fd, uint64_t from, uint64_t size, int to_fd, uint64_t to)
{
	char chunk[4096];

	while (from < size) {
		size_t n = size - from < sizeof chunk ? (size_t)(size - from) : sizeof chunk;
		ssize_t got = disk_read_full(logs->disk, from_fd, chunk, n, from);

		if (got == 0)
			errno = EIO;    /* it has become shorter */
		if (got <= 0 || disk_write_full(logs->disk, to_fd, chunk, (size_t)got, to) == -1)
			return -1;
		from += (uint64_t)got;
		to += (uint64_t)got;
	}
	return 0;
}

/* Copies the end of a log, from an offset on, to a file beside it. What was copied before an error is
 * taken back: on a full disk each try would leave a piece otherwise. */
static int copy_aside(struct logs *logs, struct topic *t, uint64_t from, uint64_t size, struct buf *name)
{
	struct disk *d = logs->disk;
	uint64_t to = 0;
	int fd, r, e;

	aside_name(t, name);
	fd = name->err ? -1 : d->open(d, topic_dir(t), name->p, 1);
	if (fd == -1)
		return -1;
	r = d->size(d, fd, &to);        /* twice in a millisecond: one behind the other */
	if (r == 0) {
		r = copy(logs, t->fd, from, size, fd, to);
		e = errno;
		if (r == -1 && to > 0)
			(void)d->truncate(d, fd, to);
		if (r == -1 && to == 0)
			(void)d->unlink(d, topic_dir(t), name->p);
		errno = e;
	}
	if (r == 0 && (d->sync(d, fd) == -1 || d->sync_dir(d, topic_dir(t)) == -1)) {
		logs->broken = 1;       /* the log is not cut then: nothing is lost */
		r = -1;
	}
	e = errno;
	d->close(d, fd);
	errno = e;
	return r;
}

int logs_cut(struct logs *logs, struct topic *t, const struct extent *good, uint64_t size)
{
	struct buf path = { 0 }, name = { 0 };
	int r = copy_aside(logs, t, good->bytes, size, &name);

	if (r == 0)
		r = logs->disk->truncate(logs->disk, t->fd, good->bytes);
	if (r == 0) {
		warn("%s: line %" PRIu64 ": not a line; %" PRIu64 " bytes set aside in %s",
		    topic_path(t, &path), good->seq + 1, size - good->bytes, name.p);
		t->hint_seq = t->hint_at = 0;
		t->reported = t->reported < good->bytes ? t->reported : good->bytes;
	} else {
		warn("%s: line %" PRIu64 ": not a line, and it cannot be set aside:",
		    topic_path(t, &path), good->seq + 1);
	}
	buf_free(&path);
	buf_free(&name);
	return r;
}
