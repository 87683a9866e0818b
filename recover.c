/* recover.c: what the store takes from the journal, and how it mends logs. The
 * payload of a batch is described in run.h. */
#include "store_impl.h"

#include "util.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* ---- learning from the journal ---- */

/* Takes the next line off a run's lines: 1, or 0 at the end. What is no good line is stepped over. */
static int take_line(struct store *s, struct str *lines, struct line *line, struct str *text)
{
	while (lines->n > 0) {
		const char *newline = memchr(lines->p, '\n', lines->n);
		size_t n = newline ? (size_t)(newline - lines->p) : lines->n;

		*text = (struct str){ lines->p, n };
		lines->p += n + (newline != NULL);
		lines->n -= n + (newline != NULL);
		if (line_decode(*text, line, &s->scratch) == NULL)
			return 1;
	}
	return 0;
}

static struct topic *topic_of_run(struct store *s, const struct run *run)
{
	struct topic *t = topics_find(s->topics, run->kind, run->name);

	if (t != NULL)
		return t;
	s->new_names = 1;
	return topics_add(s->topics, run->kind, run->name);
}

/* Learns from a batch that somebody stored how far each log goes, and its ids. */
int learn(void *ctx, const struct batch *b)
{
	struct store *s = ctx;
	struct str rest = b->payload, text;
	struct run run;
	struct line line;
	int more;

	while ((more = take_run(&rest, &run)) == 1) {
		struct topic *t = topic_of_run(s, &run);

		if (t == NULL || make_dirty(s, t, b->at) == -1)
			return STORE_REFUSED;
		t->created = t->loaded = 1;
		t->now.bytes = run.offset + run.lines.n;
		while (take_line(s, &run.lines, &line, &text)) {
			t->now.seq = line.seq;
			t->now.ms = line.ms;
			if (line.id.n > 0 && ids_add(s->ids, ids_hash(s->ids, (char)t->kind, t->name,
			    line.user, line.id), line.seq) == -1)
				return STORE_REFUSED;
		}
	}
	return more == 0 ? 0 : STORE_REFUSED;
}

/* ---- writing the logs from the journal ---- */

/* 1: the file holds other bytes in the place of these than the start of them, or zeros, which is what
 * a crash leaves of bytes that were not synced. */
static int differs(struct store *s, struct topic *t, struct str bytes, uint64_t at)
{
	char chunk[4096];

	while (bytes.n > 0) {
		size_t n = bytes.n < sizeof chunk ? bytes.n : sizeof chunk;
		ssize_t got = disk_read_full(s->disk, t->fd, chunk, n, at);

		if (got <= 0)
			return 0;
		for (ssize_t i = 0; i < got; i++)
			if (chunk[i] != bytes.p[i] && chunk[i] != '\0')
				return 1;
		at += (uint64_t)got;
		bytes.p += got;
		bytes.n -= (size_t)got;
	}
	return 0;
}

/* The first run of a log in a redo: normally the log is at least as long as the run's offset. A log
 * that has lost lines from before is damaged: what follows goes behind its last good line. */
static int redo_first(struct store *s, struct topic *t, const struct run *run)
{
	struct extent good;
	uint64_t size;

	if (s->disk->size(s->disk, t->fd, &size) == -1)
		return -1;
	t->next.bytes = run->offset;
	if (size >= run->offset)
		return 0;
	if (log_tail(&s->reader, s->disk, t->fd, size, &good) == -1)
		return -1;
	warn("%s: line %" PRIu64 ": %" PRIu64 " bytes are missing from here on",
	    topic_path(t, &s->path), good.seq + 1, run->offset - good.bytes);
	if (good.bytes < size && logs_cut(&s->logs, t, &good, size) == -1)
		return -1;
	t->next = good;
	return 0;
}

/* Writes the lines also when they are there already: after a failed sync the page cache may show bytes
 * that the kernel believes to be on the disk. Without room no half line is left to be seen. */
static int redo_write(struct store *s, struct topic *t, struct str lines)
{
	int e;

	if (disk_write_full(s->disk, t->fd, lines.p, lines.n, t->next.bytes) == 0)
		return 0;
	e = errno;
	(void)s->disk->truncate(s->disk, t->fd, t->next.bytes); /* the next redo writes over it anyway */
	errno = e;
	return -1;
}

static int redo_run(struct store *s, struct run *run)
{
	struct topic *t = topic_of_run(s, run);
	struct str text, lines = run->lines;
	struct line line;
	uint64_t size;

	if (t == NULL || logs_open(&s->logs, t, 1) == -1)
		return -1;
	if (!t->in_batch && (enter_batch(s, t) == -1 || redo_first(s, t, run) == -1))
		return -1;
	if (differs(s, t, lines, t->next.bytes)) {
		struct extent here = t->next;

		if (take_line(s, &run->lines, &line, &text))
			here.seq = line.seq - 1;
		if (s->disk->size(s->disk, t->fd, &size) == -1 || logs_cut(&s->logs, t, &here, size) == -1)
			return -1;
		run->lines = lines;
	}
	if (redo_write(s, t, lines) == -1)
		return -1;
	t->next.bytes += lines.n;
	while (take_line(s, &run->lines, &line, &text)) {
		t->next.seq = line.seq;
		t->next.ms = line.ms;
	}
	return 0;
}

static int redo_batch(void *ctx, const struct batch *b)
{
	struct store *s = ctx;
	struct str rest = b->payload;
	struct run run;
	int more;

	while ((more = take_run(&rest, &run)) == 1)
		if (redo_run(s, &run) == -1)
			return STORE_REFUSED;
	return more == 0 ? 0 : STORE_REFUSED;
}

/* Behind its last run a log should end. Good lines that go on with the numbers are kept: a copy of a
 * live directory may have a newer log than journal. */
static int redo_end(struct store *s, struct topic *t)
{
	const char *why = NULL;
	struct line line;
	uint64_t size;
	int more = 1;

	if (logs_open(&s->logs, t, 0) == -1 || s->disk->size(s->disk, t->fd, &size) == -1)
		return -1;
	log_start(&s->reader, s->disk, t->fd, t->next.bytes, size);
	while ((more = log_next_line(&s->reader, &line, &why)) == 1) {
		if (why != NULL || line.seq != t->next.seq + 1)
			return logs_cut(&s->logs, t, &t->next, size);
		t->next = (struct extent){ line.seq, s->reader.at, line.ms };
	}
	return more;
}

/* Makes the logs agree with the journal from a position on. */
int redo(struct store *s, uint64_t from)
{
	int r = journal_again(s->journal, from, redo_batch, s);

	for (size_t i = 0; i < s->batch.n && r == 0; i++)
		r = redo_end(s, s->batch.at[i]);
	for (size_t i = 0; i < s->batch.n && r == 0; i++) {
		struct topic *t = s->batch.at[i];

		t->now = t->next;
		t->loaded = 1;
		r = make_dirty(s, t, from);
	}
	leave_batch(s);
	if (r == 0) {
		s->behind = NOT_BEHIND;
		journal_set_applied(s->journal);
	}
	return r;
}

void fall_behind(struct store *s, uint64_t at)
{
	s->behind_errno = errno;
	if (at < s->behind)
		s->behind = at;
}

/* ---- loading a log ---- */

/* Appends to one log what the journal still has beyond its end. */
struct restore {
	struct store *s;
	struct topic *topic;
};

static int restore_batch(void *ctx, const struct batch *b)
{
	struct restore *to = ctx;
	struct topic *t = to->topic;
	struct str rest = b->payload, text;
	struct run run;
	struct line line;

	while (take_run(&rest, &run) == 1) {
		if (run.kind != t->kind || !str_eq(run.name, t->name))
			continue;
		while (take_line(to->s, &run.lines, &line, &text)) {
			if (line.seq != t->now.seq + 1)
				continue;
			/* The newline stands behind the text in the run too. */
			if (disk_write_full(to->s->disk, t->fd, text.p, text.n + 1, t->now.bytes) == -1)
				return STORE_REFUSED;
			t->now = (struct extent){ line.seq, t->now.bytes + text.n + 1, line.ms };
		}
	}
	return 0;
}

static int restore(struct store *s, struct topic *t, uint64_t seq)
{
	struct restore to = { s, t };
	uint64_t had = t->now.seq;

	if (journal_again(s->journal, journal_oldest(s->journal), restore_batch, &to) != 0 ||
	    make_dirty(s, t, journal_end(s->journal)) == -1)
		return -1;
	warn("%s: line %" PRIu64 ": %" PRIu64 " lines were missing, %" PRIu64
	    " of them restored from the journal", topic_path(t, &s->path), had + 1, seq - had,
	    t->now.seq - had);
	return 0;
}

/* Finds the end of a log that is used for the first time, and cuts off what is no line. */
int load(struct store *s, struct topic *t)
{
	struct extent known = t->now, good;
	uint64_t size;

	if (logs_open(&s->logs, t, t == s->events) == -1 ||
	    s->disk->size(s->disk, t->fd, &size) == -1 ||
	    log_tail(&s->reader, s->disk, t->fd, size, &good) == -1)
		return -1;
	if (good.bytes < size && logs_cut(&s->logs, t, &good, size) == -1)
		return -1;
	t->now = good;
	if (good.seq < known.seq && restore(s, t, known.seq) == -1) {
		t->now = known; /* to be tried again */
		return -1;
	}
	t->loaded = 1;
	return 0;
}

/* ---- opening ---- */

struct listing {
	struct store *s;
	enum topic_kind kind;
};

static int add_file(void *ctx, const char *file)
{
	struct listing *l = ctx;
	struct store *s = l->s;
	struct topic *t;

	buf_clear(&s->path);
	if (file_to_name(&s->path, file) == -1)
		return 0;       /* not ours, or set aside */
	t = topics_add(s->topics, l->kind, buf_str(&s->path));
	if (t == NULL)
		return -1;
	t->created = 1;
	return 0;
}

static int list_topics(struct store *s)
{
	struct listing channels = { s, TOPIC_CHANNEL }, users = { s, TOPIC_USER };

	s->events = topics_add(s->topics, TOPIC_EVENTS, STR("events"));
	if (s->events == NULL)
		return -1;
	s->events->created = 1;
	if (s->disk->list(s->disk, DISK_CHANNELS, add_file, &channels) == -1)
		return -1;
	return s->disk->list(s->disk, DISK_USERS, add_file, &users);
}

void forget(struct store *s)
{
	journal_close(s->journal);
	s->journal = NULL;
	logs_close_all(&s->logs);
	topics_free(s->topics);
	s->topics = NULL;
	s->batch.n = s->dirty.n = 0;
	s->behind = NOT_BEHIND;
}

/* Topics that only old segments of the journal tell of have been synced: their logs are looked at when
 * they are used, if they are still there. What is left is to be written again. */
static void sort_out(struct store *s, uint64_t checkpoint)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->dirty.n; i++) {
		struct topic *t = s->dirty.at[i];

		t->loaded = 0;
		t->dirty = t->dirty_at >= checkpoint;
		if (t->dirty)
			s->dirty.at[kept++] = t;
		else if (t != s->events && logs_open(&s->logs, t, 0) == -1 && errno == ENOENT)
			topics_remove(s->topics, t);
	}
	s->dirty.n = kept;
}

static int recover_from_journal(struct store *s)
{
	int r = journal_open(&s->journal, s->disk, learn, s);

	if (r != 0)
		return r;
	sort_out(s, journal_checkpointed(s->journal));
	s->new_names = 1;       /* perhaps: whoever made some did not live to sync them */
	if (s->dirty.n > 0)
		r = redo(s, journal_checkpointed(s->journal));
	if (r == 0 && s->dirty.n > 0)
		r = sync_logs(s);
	if (r == 0)
		journal_set_applied(s->journal);
	return r;
}

int recover(struct store *s)
{
	int r = STORE_REFUSED;

	forget(s);
	ids_clear(s->ids);
	s->topics = topics_new();
	if (s->topics != NULL && list_topics(s) == 0)
		r = recover_from_journal(s);
	if (r != 0) {
		int e = errno;

		journal_close(s->journal);      /* and with it the lock */
		s->journal = NULL;
		errno = e;
	}
	return r;
}
