/* log.c: see log.h. */
#include "log.h"

#include "date.h"
#include "limits.h"
#include "topics.h"
#include "util.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* Read at a time: a page of history needs one or two reads, a step of a search
 * one line. */
#define PAGE_BYTES ((size_t)64 * 1024)
#define PROBE_BYTES  ((size_t)4 * 1024)
/* Below this, reading on is cheaper than halving. */
#define SEARCH_BYTES ((uint64_t)8 * 1024)

void log_start(struct log_reader *r, struct disk *disk, int fd, uint64_t at,
    uint64_t end)
{
	r->disk = disk;
	r->fd = fd;
	r->end = end;
	r->at = r->from = at;
	buf_clear(&r->window);
	r->chunk = PAGE_BYTES;
}

void log_free(struct log_reader *r)
{
	buf_free(&r->window);
	buf_free(&r->scratch);
}

/* Reads more of the file, after what the window has of the line at r->at. 0 at
 * the end of the log. */
static int fill_window(struct log_reader *r)
{
	size_t skip = (size_t)(r->at - r->from), n = r->chunk;
	uint64_t next;
	ssize_t got;

	memmove(r->window.p, r->window.p + skip, r->window.n - skip);
	r->window.n -= skip;
	r->from = r->at;
	next = r->from + r->window.n;
	if (r->end - next < n)
		n = (size_t)(r->end - next);
	if (n == 0)
		return 0;
	if (buf_room(&r->window, n) == NULL) {
		buf_clear(&r->window);
		errno = ENOMEM;
		return -1;
	}
	got = disk_read_full(r->disk, r->fd, r->window.p + r->window.n, n,
	    next);
	if (got > 0)
		r->window.n += (size_t)got;
	return got > 0 ? 1 : (int)got;
}

/* The next line without its newline, in *text until the next call. 1; 0 at the
 * end; -1 with errno. */
static int next_text(struct log_reader *r, struct str *text)
{
	size_t looked = 0;

	if (buf_room(&r->window, 1) == NULL) {
		errno = ENOMEM;
		return -1;
	}
	for (;;) {
		size_t skip = (size_t)(r->at - r->from), n = r->window.n - skip;
		const char *p = r->window.p + skip, *newline;
		int more;

		newline = memchr(p + looked, '\n', n - looked);
		r->whole = newline != NULL;
		if (newline != NULL || n >= LINE_BYTES_MAX) {
			text->p = p;
			text->n = newline != NULL ? (size_t)(newline - p) : n;
			r->at += text->n + (newline != NULL);
			return 1;
		}
		more = fill_window(r);
		if (more == -1)
			return -1;
		if (more == 0) {        /* the rest, which is in front now */
			*text = (struct str){ r->window.p, n };
			r->at = r->from = r->end;
			r->window.n = 0;
			return n > 0;
		}
		looked = n;
	}
}

/* When the newline between two lines is damaged, the second line is the end of
 * a text that is not a line: returns where it starts, or 0. Its number is
 * before the first of its tabs, which is found from the end. */
static size_t hidden_line(struct log_reader *r, struct str text)
{
	size_t i = text.n;
	struct line line;

	for (int tabs = 0; tabs < LINE_FIELDS - 1; tabs++) {
		do
			if (i == 0)
				return 0;
		while (text.p[--i] != '\t');
	}
	while (i > 1 && text.p[i - 1] >= '0' && text.p[i - 1] <= '9') {
		struct str end = { text.p + i - 1, text.n - i + 1 };

		i--;
		if (line_decode(end, &line, &r->scratch) == NULL)
			return i;
	}
	return 0;
}

int log_next_line(struct log_reader *r, struct line *line, const char **why)
{
	struct str text;
	int more = next_text(r, &text);
	size_t hidden = 0;

	if (more != 1)
		return more;
	*why = line_decode(text, line, &r->scratch);
	if (*why != NULL && r->whole && !r->scratch.err)
		hidden = hidden_line(r, text);
	if (hidden > 0)
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

/* The first good line that starts after an offset: where it starts, and its
 * seq. */
static int probe(struct log_reader *r, uint64_t offset, uint64_t *start,
    uint64_t *seq)
{
	const char *why = "";
	struct str text;
	struct line line;
	int more = 1;

	log_start(r, r->disk, r->fd, offset, r->end);
	r->chunk = PROBE_BYTES;
	if (offset > 0)
		more = next_text(r, &text);      /* the rest of a line */
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

/* The last good line from an offset on: 1; 0 when there is no good one. */
static int last_good(struct log_reader *r, uint64_t from, struct extent *tail)
{
	struct line line;
	struct str text;
	int more = 1, found = 0;

	log_start(r, r->disk, r->fd, from, r->end);
	if (from > 0)
		more = next_text(r, &text);
	while (more == 1 && (more = log_next_good(r, &line)) == 1) {
		*tail = (struct extent){ line.seq, r->at, line.ms };
		found = 1;
	}
	return more == -1 ? -1 : found;
}

int log_tail(struct log_reader *r, struct disk *disk, int fd, uint64_t size,
    struct extent *tail)
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
	struct topic *newer = t->log.newer, *older = t->log.older;

	*(newer ? &newer->log.older : &logs->newest) = older;
	*(older ? &older->log.newer : &logs->oldest) = newer;
	t->log.newer = t->log.older = NULL;
}

static void link_open(struct logs *logs, struct topic *t)
{
	struct topic *older = logs->newest;

	t->log.older = older;
	*(older ? &older->log.newer : &logs->oldest) = t;
	logs->newest = t;
}

static void close_log(struct logs *logs, struct topic *t)
{
	unlink_open(logs, t);
	logs->disk->close(logs->disk, t->log.fd);
	t->log.fd = -1;
	logs->open--;
}

void log_close_all(struct logs *logs)
{
	while (logs->oldest != NULL)
		close_log(logs, logs->oldest);
}

int log_is_gone(struct logs *logs, struct topic *t)
{
	struct disk *d = logs->disk;

	if (t->log.fd == -1)
		return 0;
	(void)topic_file(t, &logs->file);
	if (logs->file.err || d->is_named(d, t->log.fd, topic_dir(t),
	    logs->file.p) != 0)
		return 0;       /* if it cannot be told, it is there */
	close_log(logs, t);
	return 1;
}

/* What is written to the log changes the file under its other name, too: a
 * snapshot made of hard links is meant so, a link to another file is not. */
static void report_links(struct logs *logs, struct topic *t)
{
	static struct seldom seldom;
	uint64_t names;

	if (t->log.links_reported ||
	    logs->disk->links(logs->disk, t->log.fd, &names) == -1 ||
	    names < 2)
		return;
	t->log.links_reported = 1;
	warn_seldom(&seldom, "%s: has another name (a hard link): "
	    "it changes there too", topic_path(t, &logs->file));
}

/* A log that is closed for another one before it was synced is opened again to
 * be synced. */
int log_open(struct logs *logs, struct topic *t, int create)
{
	struct disk *d = logs->disk;

	if (t->log.fd != -1) {
		unlink_open(logs, t);
		link_open(logs, t);
		return 0;
	}
	while (logs->open >= logs->open_max)
		close_log(logs, logs->oldest);
	(void)topic_file(t, &logs->file);
	if (logs->file.err) {
		errno = ENOMEM;
		return -1;
	}
	for (;;) {
		t->log.fd = d->open(d, topic_dir(t), logs->file.p, create);
		if (t->log.fd != -1)
			break;
		if ((errno != EMFILE && errno != ENFILE) || !logs->oldest)
			return -1;
		/* Sockets use up descriptors too. */
		close_log(logs, logs->oldest);
	}
	link_open(logs, t);
	logs->open++;
	report_links(logs, t);
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

/* The bytes of one file between two offsets, to an offset of another one. */
static int copy_bytes(struct disk *d, int from_fd, uint64_t from, uint64_t end,
    int to_fd, uint64_t to)
{
	char chunk[4096];

	while (from < end) {
		size_t n = sizeof chunk;
		ssize_t got;

		if (end - from < n)
			n = (size_t)(end - from);
		got = disk_read_full(d, from_fd, chunk, n, from);
		if (got == 0)
			errno = EIO;    /* it has become shorter */
		if (got <= 0 ||
		    disk_write_full(d, to_fd, chunk, (size_t)got, to) == -1)
			return -1;
		from += (uint64_t)got;
		to += (uint64_t)got;
	}
	return 0;
}

/* Appends the end of a log, from an offset on, to the quarantine file. After an
 * error takes back what was copied: on a full disk each try would leave a part
 * of it otherwise. */
static int copy_tail(struct disk *d, struct topic *t, uint64_t from,
    uint64_t size, int fd, const char *name)
{
	uint64_t to;
	int e;

	/* Two quarantines in a millisecond have one file. */
	if (d->size(d, fd, &to) == -1)
		return -1;
	if (copy_bytes(d, t->log.fd, from, size, fd, to) == 0)
		return 0;
	e = errno;
	if (to > 0)
		(void)d->truncate(d, fd, to);
	else
		(void)d->unlink(d, topic_dir(t), name);
	errno = e;
	return -1;
}

static int copy_to_quarantine(struct logs *logs, struct topic *t,
    uint64_t from, uint64_t size, struct buf *name)
{
	struct disk *d = logs->disk;
	int fd, r, e;

	quarantine_name(t, name);
	fd = name->err ? -1 : d->open(d, topic_dir(t), name->p, 1);
	if (fd == -1)
		return -1;
	r = copy_tail(d, t, from, size, fd, name->p);
	if (r == 0 &&
	    (d->sync(d, fd) == -1 || d->sync_dir(d, topic_dir(t)) == -1)) {
		logs->broken = 1;       /* uncut: nothing is lost */
		r = -1;
	}
	e = errno;
	d->close(d, fd);
	errno = e;
	return r;
}

int log_quarantine(struct logs *logs, struct topic *t,
    const struct extent *good, uint64_t size)
{
	static struct seldom again;
	struct buf path = { 0 }, name = { 0 };
	int r = copy_to_quarantine(logs, t, good->bytes, size, &name);

	if (r == 0)
		r = logs->disk->truncate(logs->disk, t->log.fd, good->bytes);
	if (r == 0) {
		warn("%s: line %" PRIu64 ": not a line; %" PRIu64
		    " bytes quarantined in %s", topic_path(t, &path),
		    good->seq + 1, size - good->bytes, name.p);
		t->log.hint_seq = t->log.hint_at = 0;
		if (t->log.reported > good->bytes)
			t->log.reported = good->bytes;
	} else {
		/* Each request for the topic tries again. */
		warn_seldom(&again, "%s: line %" PRIu64
		    ": not a line, and it cannot be quarantined:",
		    topic_path(t, &path), good->seq + 1);
	}
	buf_free(&path);
	buf_free(&name);
	return r;
}
