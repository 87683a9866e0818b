/* log.c: see log.h. */
#include "log.h"

#include "date.h"
#include "limits.h"
#include "util.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define WINDOW_BYTES ((size_t)64 * 1024)        /* a page of history in one or two reads */
#define PROBE_BYTES  ((size_t)4 * 1024)         /* a step of a search wants one line */
#define TABS         6                          /* in a line */
#define SEARCH_BYTES ((uint64_t)8 * 1024)       /* below this, reading on is cheaper than halving */

void log_start(struct log_reader *r, struct disk *disk, int fd, uint64_t at, uint64_t end)
{
	r->disk = disk;
	r->fd = fd;
	r->end = end;
	r->at = r->from = at;
	buf_clear(&r->window);
	r->chunk = WINDOW_BYTES;
}

void log_free(struct log_reader *r)
{
	buf_free(&r->window);
	buf_free(&r->scratch);
}

/* Gets more of the file behind what the window has of the line at r->at. 0 at the end of the log. */
static int fill(struct log_reader *r)
{
	size_t skip = (size_t)(r->at - r->from), n;
	uint64_t behind;
	ssize_t got;

	memmove(r->window.p, r->window.p + skip, r->window.n - skip);
	r->window.n -= skip;
	r->from = r->at;
	behind = r->from + r->window.n;
	n = r->end - behind < r->chunk ? (size_t)(r->end - behind) : r->chunk;
	if (n == 0)
		return 0;
	if (buf_room(&r->window, n) == NULL) {
		buf_clear(&r->window);
		errno = ENOMEM;
		return -1;
	}
	got = disk_read_full(r->disk, r->fd, r->window.p + r->window.n, n, behind);
	if (got > 0)
		r->window.n += (size_t)got;
	return got > 0 ? 1 : (int)got;
}

int log_next(struct log_reader *r, struct str *text)
{
	size_t looked = 0;

	if (buf_room(&r->window, 1) == NULL) {
		errno = ENOMEM;
		return -1;
	}
	for (;;) {
		size_t skip = (size_t)(r->at - r->from), n = r->window.n - skip;
		const char *p = r->window.p + skip, *newline = memchr(p + looked, '\n', n - looked);
		int more = 1;

		r->whole = newline != NULL;
		if (newline == NULL && n < LINE_BYTES_MAX)
			more = fill(r);
		if (more == -1)
			return -1;
		if (more == 0) {        /* the end; what is left stands at the front of the window now */
			*text = (struct str){ r->window.p, n };
			r->at = r->from = r->end;
			r->window.n = 0;
			return n > 0;
		}
		if (newline != NULL || n >= LINE_BYTES_MAX) {
			*text = (struct str){ p, newline ? (size_t)(newline - p) : n };
			r->at += text->n + (newline != NULL);
			return 1;
		}
		looked = n;
	}
}

/* When the newline between two lines is damaged, the second one stands at the end of a text that is no
 * line: its start, or 0. Its number is in front of the sixth tab from the end. */
static size_t hidden_line(struct log_reader *r, struct str text)
{
	size_t i = text.n;
	struct line line;

	for (int tabs = 0; tabs < TABS; tabs++) {
		do
			if (i == 0)
				return 0;
		while (text.p[--i] != '\t');
	}
	while (i > 1 && text.p[i - 1] >= '0' && text.p[i - 1] <= '9') {
		i--;
		if (line_decode((struct str){ text.p + i, text.n - i }, &line, &r->scratch) == NULL)
			return i;
	}
	return 0;
}

int log_next_line(struct log_reader *r, struct line *line, const char **why)
{
	struct str text;
	int more = log_next(r, &text);
	size_t hidden;

	if (more != 1)
		return more;
	*why = line_decode(text, line, &r->scratch);
	if (*why != NULL && r->whole && !r->scratch.err && (hidden = hidden_line(r, text)) > 0)
		r->at -= text.n + 1 - hidden;
	if (r->scratch.err) {   /* says nothing about the line */
		errno = ENOMEM;
		return -1;
	}
	if (!r->whole)
		*why = "no newline at its end";
	return 1;
}

int log_next_good(struct log_reader *r, struct line *line)
{
	const char *why = NULL;
	int more;

	do
		more = log_next_line(r, line, &why);
	while (more == 1 && why != NULL);
	return more;
}

/* The first good line that starts behind a given offset: where it starts and its seq. */
static int probe(struct log_reader *r, uint64_t offset, uint64_t *start, uint64_t *seq)
{
	const char *why = "";
	struct str text;
	struct line line;
	int more = 1;

	log_start(r, r->disk, r->fd, offset, r->end);
	r->chunk = PROBE_BYTES;
	if (offset > 0)
		more = log_next(r, &text);      /* the rest of the line that the offset is in */
	while (more == 1 && why != NULL) {
		*start = r->at;
		more = log_next_line(r, &line, &why);
	}
	if (more == 1)
		*seq = line.seq;
	return more;
}

int log_seek(struct log_reader *r, uint64_t seq)
{
	uint64_t low = 0, high = r->end, start, found;
	struct line line;
	int more;

	while (high - low > SEARCH_BYTES) {
		uint64_t mid = low + (high - low) / 2;

		more = probe(r, mid, &start, &found);
		if (more == -1)
			return -1;
		if (more == 1 && found < seq && start < high)
			low = start;
		else
			high = mid;
	}
	log_start(r, r->disk, r->fd, low, r->end);
	do {
		start = r->at;
		more = log_next_good(r, &line);
	} while (more == 1 && line.seq < seq);
	if (more == -1)
		return -1;
	log_start(r, r->disk, r->fd, more == 1 ? start : r->end, r->end);
	return 0;
}

/* The last good line from an offset on; 0 when there is none. */
static int last_good(struct log_reader *r, uint64_t from, struct extent *tail)
{
	struct line line;
	struct str text;
	int more = 1, found = 0;

	log_start(r, r->disk, r->fd, from, r->end);
	if (from > 0)
		more = log_next(r, &text);
	while (more == 1 && (more = log_next_good(r, &line)) == 1) {
		*tail = (struct extent){ line.seq, r->at, line.ms };
		found = 1;
	}
	return more == -1 ? -1 : found;
}

int log_tail(struct log_reader *r, struct disk *disk, int fd, uint64_t size, struct extent *tail)
{
	uint64_t back = SEARCH_BYTES;
	int found;

	*tail = (struct extent){ 0 };
	log_start(r, disk, fd, 0, size);
	do {
		found = last_good(r, back < size ? size - back : 0, tail);
		back *= 2;
	} while (found == 0 && back / 2 < size);
	return found == -1 ? -1 : 0;
}

/* ---- the open logs ---- */

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

void log_close(struct logs *logs, struct topic *t)
{
	if (t->fd == -1)
		return;
	unlink_open(logs, t);
	logs->disk->close(logs->disk, t->fd);
	t->fd = -1;
	logs->open--;
}

void log_close_all(struct logs *logs)
{
	while (logs->oldest != NULL)
		log_close(logs, logs->oldest);
}

/* What is closed for another one and not synced yet will be synced by name. */
int log_open(struct logs *logs, struct topic *t, int create)
{
	if (t->fd != -1) {
		unlink_open(logs, t);
		link_open(logs, t);
		return 0;
	}
	while (logs->open >= logs->open_max)
		log_close(logs, logs->oldest);
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
		log_close(logs, logs->oldest);  /* others use up descriptors too */
	}
	link_open(logs, t);
	logs->open++;
	return 0;
}

static void quarantine_name(const struct topic *t, struct buf *name)
{
	char time[DATE_BYTES + 1] = { 0 };

	date_encode(time, now_ms());
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
static int copy_to_quarantine(struct logs *logs, struct topic *t, uint64_t from, uint64_t size, struct buf *name)
{
	struct disk *d = logs->disk;
	uint64_t to = 0;
	int fd, r, e;

	quarantine_name(t, name);
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

int log_quarantine(struct logs *logs, struct topic *t, const struct extent *good, uint64_t size)
{
	struct buf path = { 0 }, name = { 0 };
	int r = copy_to_quarantine(logs, t, good->bytes, size, &name);

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
