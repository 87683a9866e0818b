/* recover.c: what the store takes from the journal, and how it mends logs. The
 * payload of a batch is described in entry.h. */
#include "name.h"
#include "store_impl.h"

#include "util.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* ---- learning from the journal ---- */

/* Takes the next line off an entry's lines: 1; 0 at the end; -1: no memory. What is no good line is stepped
 * over. */
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
		if (s->scratch.err) {
			errno = ENOMEM;
			return -1;
		}
	}
	return 0;
}

static struct topic *topic_of_entry(struct store *s, const struct entry *entry)
{
	struct topic *t = topics_find(s->topics, entry->kind, entry->name);

	if (t != NULL)
		return t;
	s->new_names = 1;
	return topics_add(s->topics, entry->kind, entry->name);
}

/* Learns from a batch that somebody stored how far each log goes, and its ids. */
int store_replay(void *ctx, const struct batch *b)
{
	struct store *s = ctx;
	struct str rest = b->payload, text;
	struct entry entry;
	struct line line;
	int more;

	while ((more = entry_take(&rest, &entry)) == 1) {
		struct topic *t = topic_of_entry(s, &entry);

		if (t == NULL || store_mark_dirty(s, t, b->at) == -1)
			return STORE_REFUSED;
		t->created = t->loaded = 1;
		t->measured = 0;
		if (entry.offset & ENTRY_MENDED) {
			t->loaded = 0;  /* it may be of another length than we believe */
			continue;
		}
		if (entry.offset == 0) {  /* a new file, perhaps in the place of one that was removed */
			t->now = (struct extent){ 0 };
			s->new_names = 1;
		}
		t->now.bytes = entry.offset + entry.lines.n;
		while ((more = take_line(s, &entry.lines, &line, &text)) == 1) {
			t->now.seq = line.seq;
			t->now.ms = line.ms;
			if (line.id.n > 0 && ids_add(s->ids, ids_hash(s->ids, (char)t->kind, t->name,
			    line.user, line.id), line.seq) == -1)
				return STORE_REFUSED;
		}
		if (more == -1)
			return STORE_REFUSED;
	}
	return more == 0 ? 0 : STORE_REFUSED;
}

/* ---- writing the logs from the journal ---- */

/* How many of these bytes, from the first on, the file agrees with. It agrees too when it ends, or has
 * zeros, which is what a crash leaves of bytes that were not synced. -1: it cannot be read. */
static ssize_t agreeing(struct store *s, struct topic *t, struct str bytes, uint64_t at)
{
	char chunk[4096];
	size_t done = 0;

	while (done < bytes.n) {
		size_t n = bytes.n - done < sizeof chunk ? bytes.n - done : sizeof chunk;
		ssize_t got = disk_read_full(s->disk, t->fd, chunk, n, at + done);

		if (got == -1)
			return -1;
		if (got == 0)
			break;
		for (ssize_t i = 0; i < got; i++, done++)
			if (chunk[i] != bytes.p[done] && chunk[i] != '\0')
				return (ssize_t)done;
	}
	return (ssize_t)bytes.n;
}

/* The seq of the first line of an entry; 0: it has none. */
static int first_seq(struct store *s, const struct entry *entry, uint64_t *seq)
{
	struct str lines = entry->lines, text;
	struct line line = { 0 };
	int more = take_line(s, &lines, &line, &text);

	*seq = more == 1 ? line.seq : 0;
	return more == -1 ? -1 : 0;
}

/* Where an entry belongs: t->next becomes what the log has before it. Normally that ends in a good line
 * right at the entry's offset, the predecessor of its first one. If not, the log has lost lines, or had
 * before and was mended with gaps: t->short_of is set, and t->next is the last line before the entry. */
static int find_place(struct store *s, struct topic *t, const struct entry *entry)
{
	uint64_t first, size, offset = entry->offset & ~ENTRY_MENDED;

	t->next = (struct extent){ 0 };
	if (entry->offset == 0)
		return 0;
	if (first_seq(s, entry, &first) == -1 || s->disk->size(s->disk, t->fd, &size) == -1)
		return -1;
	if (size > offset)
		size = offset;
	if (log_tail(&s->reader, s->disk, t->fd, size, &t->next) == -1)
		return -1;
	if (t->next.bytes == entry->offset && t->next.seq + 1 == first)
		return 0;
	t->short_of = 1;
	if (first == 0 || t->next.seq < first)
		return 0;
	/* Mended before, at another place: what was written then is perhaps not on the disk. */
	log_start(&s->reader, s->disk, t->fd, 0, size);
	return log_seek(&s->reader, first) == -1 ? -1 :
	    log_tail(&s->reader, s->disk, t->fd, s->reader.at, &t->next);
}

/* Cuts off what stands behind t->next. */
static int cut_behind(struct store *s, struct topic *t)
{
	uint64_t size;

	if (s->disk->size(s->disk, t->fd, &size) == -1)
		return -1;
	return size > t->next.bytes ? log_quarantine(&s->logs, t, &t->next, size) : 0;
}

/* Writes the lines also when they are there already: after a failed sync the page cache may show bytes
 * that the kernel believes to be on the disk. Without room no half line is left to be seen. */
static int write_behind(struct store *s, struct topic *t, struct str lines)
{
	int e;

	if (disk_write_full(s->disk, t->fd, lines.p, lines.n, t->next.bytes) == 0)
		return 0;
	e = errno;
	(void)s->disk->truncate(s->disk, t->fd, t->next.bytes); /* the next try writes over it anyway */
	errno = e;
	return -1;
}

/* Writes the first n bytes of some lines, and takes them off. Only whole lines are taken. */
static int redo_part(struct store *s, struct topic *t, struct str *lines, size_t n)
{
	struct str part = { lines->p, n }, text;
	struct line line;
	int more;

	while (part.n > 0 && part.p[part.n - 1] != '\n')
		part.n--;
	lines->p += part.n;
	lines->n -= part.n;
	if (write_behind(s, t, part) == -1)
		return -1;
	t->next.bytes += part.n;
	while ((more = take_line(s, &part, &line, &text)) == 1) {
		t->next.seq = line.seq;
		t->next.ms = line.ms;
	}
	return more;
}

static int redo_lines(struct store *s, struct topic *t, struct str lines)
{
	ssize_t same = agreeing(s, t, lines, t->next.bytes);

	if (same == -1 || redo_part(s, t, &lines, (size_t)same) == -1)
		return -1;
	if (lines.n == 0)
		return 0;
	return cut_behind(s, t) == -1 ? -1 : redo_part(s, t, &lines, lines.n);
}

static int redo_entry(struct store *s, const struct entry *entry)
{
	struct topic *t = topic_of_entry(s, entry);
	int known;

	if (t == NULL || log_open(&s->logs, t, 1) == -1)
		return -1;
	known = t->in_batch && entry->offset == t->next.bytes;
	if (!t->in_batch)
		t->short_of = 0;
	if (store_enter_batch(s, t) == -1 || (!known && !t->short_of && find_place(s, t, entry) == -1))
		return -1;
	return t->short_of ? 0 : redo_lines(s, t, entry->lines);
}

/* ---- restoring what a log has lost ---- */

struct restore {
	struct store *s;
	struct topic *topic;
	struct extent had;
	uint64_t lines;
};

static int restore_batch(void *ctx, const struct batch *b)
{
	struct restore *to = ctx;
	struct topic *t = to->topic;
	struct str rest = b->payload, text;
	struct entry entry;
	struct line line;
	int more = 0;

	while (more == 0 && entry_take(&rest, &entry) == 1) {
		if (entry.kind != t->kind || !str_eq(entry.name, t->name))
			continue;
		if (entry.offset == 0) {  /* what came before was another log, with the same name */
			t->next = to->had;
			to->lines = 0;
		}
		while ((more = take_line(to->s, &entry.lines, &line, &text)) == 1) {
			if (line.seq <= t->next.seq)
				continue;
			text.n++;       /* the newline stands behind the text in the entry too */
			if (write_behind(to->s, t, text) == -1)
				return STORE_REFUSED;
			t->next = (struct extent){ line.seq, t->next.bytes + text.n, line.ms };
			to->lines++;
		}
	}
	return more == 0 ? 0 : STORE_REFUSED;
}

/* Says in the journal that a log is mended from t->next on: a crash in the middle of it is followed by
 * another try, and other servers look at the log anew. */
static int announce(struct store *s, struct topic *t, uint64_t *at)
{
	int r;

	*at = journal_end(s->journal);
	buf_clear(&s->payload);
	entry_put(&s->payload, t, t->next.bytes | ENTRY_MENDED, 0);
	if (s->payload.err) {
		errno = ENOMEM;
		return -1;
	}
	r = journal_append(s->journal, buf_str(&s->payload), 0);
	if (r == STORE_BROKEN)
		s->broken = 1;
	return r == 0 ? 0 : -1;
}

/* Appends to a log what the journal still has beyond t->next, where it ends. A gap that stays is better
 * than numbers that are given a second time. */
static int restore(struct store *s, struct topic *t)
{
	struct restore to = { s, t, t->next, 0 };
	uint64_t size, missing, at;

	if (announce(s, t, &at) == -1 ||
	    journal_replay(s->journal, journal_oldest(s->journal), restore_batch, &to) != 0 ||
	    s->disk->size(s->disk, t->fd, &size) == -1 ||
	    (size > t->next.bytes && s->disk->truncate(s->disk, t->fd, t->next.bytes) == -1) ||
	    store_mark_dirty(s, t, at) == -1)
		return -1;
	missing = t->now.seq > t->next.seq ? t->now.seq - to.had.seq : t->next.seq - to.had.seq;
	warn("%s: line %" PRIu64 ": %" PRIu64 " lines were missing, %" PRIu64
	    " of them restored from the journal", topic_path(t, &s->path), to.had.seq + 1, missing,
	    to.lines);
	return 0;
}

/* ---- writing all logs again ---- */

static int redo_batch(void *ctx, const struct batch *b)
{
	struct store *s = ctx;
	struct str rest = b->payload;
	struct entry entry;
	int more;

	while ((more = entry_take(&rest, &entry)) == 1)
		if (redo_entry(s, &entry) == -1) {
			struct topic t = { .kind = entry.kind, .name = entry.name };

			if (errno != s->told_errno)     /* it is tried again each turn */
				warn("%s:", topic_path(&t, &s->path));
			s->told_errno = errno;
			return STORE_REFUSED;
		}
	return more == 0 ? 0 : STORE_REFUSED;
}

/* Behind its last entry a log should end. Good lines that go on with the numbers are kept: a copy of a
 * live directory may have a newer log than journal. */
static int redo_end(struct store *s, struct topic *t)
{
	const char *why = NULL;
	struct line line;
	uint64_t size;
	int more = 1;

	if (log_open(&s->logs, t, 0) == -1 || s->disk->size(s->disk, t->fd, &size) == -1)
		return -1;
	if (t->short_of)
		return cut_behind(s, t) == -1 ? -1 : restore(s, t);
	log_start(&s->reader, s->disk, t->fd, t->next.bytes, size);
	while ((more = log_next_line(&s->reader, &line, &why)) == 1) {
		if (why != NULL || line.seq != t->next.seq + 1)
			return cut_behind(s, t);
		t->next = (struct extent){ line.seq, s->reader.at, line.ms };
	}
	return more;
}

/* Makes the logs agree with the journal from a position on. */
int store_redo(struct store *s, uint64_t from)
{
	int r;

	s->new_names = 1;       /* perhaps */
	r = journal_replay(s->journal, from, redo_batch, s);
	for (size_t i = 0; i < s->batch.n && r == 0; i++)
		r = redo_end(s, s->batch.at[i]);
	for (size_t i = 0; i < s->batch.n && r == 0; i++) {
		struct topic *t = s->batch.at[i];

		t->now = t->next;
		t->loaded = 1;
		t->hint_seq = t->hint_at = 0;
		r = store_mark_dirty(s, t, from);
	}
	store_leave_batch(s);
	if (r == 0) {
		s->behind = NOT_BEHIND;
		s->told_errno = 0;
		journal_set_applied(s->journal);
	}
	return r;
}

void store_fall_behind(struct store *s, uint64_t at)
{
	s->behind_errno = errno;
	if (at < s->behind)
		s->behind = at;
}

/* ---- loading a log ---- */

/* Finds the end of a log that is used for the first time, and cuts off what is no line. */
int store_find_end(struct store *s, struct topic *t)
{
	uint64_t size;

	if (t->in_batch)
		return 0;       /* it was good enough for that */
	if (log_open(&s->logs, t, t == s->events) == -1 ||
	    s->disk->size(s->disk, t->fd, &size) == -1 ||
	    log_tail(&s->reader, s->disk, t->fd, size, &t->next) == -1)
		return -1;
	if (t->dirty && s->behind != NOT_BEHIND) {
		t->now = t->next;       /* to be read; it is mended when the rest is */
		return 0;
	}
	s->new_names |= size == 0;
	if (cut_behind(s, t) == -1)
		return -1;
	if (t->next.seq < t->now.seq) {
		if (restore(s, t) == -1)
			return -1;      /* the next turn will see to it */
		if (s->behind == NOT_BEHIND)
			journal_set_applied(s->journal);
	}
	t->now = t->next;
	t->hint_seq = t->hint_at = 0;
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
	if (name_from_file(&s->path, file) == -1 && !s->path.err)
		return 0;       /* not ours, or set aside */
	if (s->path.err) {
		errno = ENOMEM;
		return -1;
	}
	t = topics_find(s->topics, l->kind, buf_str(&s->path));
	if (t == NULL)
		t = topics_add(s->topics, l->kind, buf_str(&s->path));
	if (t == NULL)
		return -1;
	t->created = 1;
	return 0;
}

static int list_topics(struct store *s)
{
	struct listing channels = { s, TOPIC_CHANNEL }, users = { s, TOPIC_USER };

	if (s->disk->list(s->disk, DISK_CHANNELS, add_file, &channels) == -1)
		return -1;
	return s->disk->list(s->disk, DISK_USERS, add_file, &users);
}

void store_forget(struct store *s)
{
	journal_close(s->journal);
	s->journal = NULL;
	log_close_all(&s->logs);
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
		else if (t != s->events && log_open(&s->logs, t, 0) == -1 && errno == ENOENT)
			topics_remove(s->topics, t);
	}
	s->dirty.n = kept;
}

/* Until it is done no process may rely on the logs. If it cannot be done, be it for want of room, the
 * store is there for reading. */
static int redo_dirty(struct store *s)
{
	uint64_t from = journal_checkpointed(s->journal);
	int r;

	if (journal_reset_applied(s->journal) != 0)
		return STORE_REFUSED;
	r = store_redo(s, from);
	if (r == 0)
		r = store_sync_logs(s);
	else
		store_fall_behind(s, from);
	if (store_is_broken(s))
		return STORE_BROKEN;
	return r == STORE_BROKEN ? r : 0;
}

/* With the lock held, so that nobody makes files while they are listed. */
static int recover_locked(struct store *s)
{
	int r = 0;

	if (list_topics(s) == -1)
		return STORE_REFUSED;
	sort_out(s, journal_checkpointed(s->journal));
	s->new_names = 1;       /* perhaps: whoever made some did not live to sync them */
	if (s->dirty.n > 0)
		r = redo_dirty(s);
	if (r == 0 && s->behind == NOT_BEHIND)
		journal_set_applied(s->journal);
	return r;
}

int store_recover(struct store *s)
{
	int r = STORE_REFUSED;

	store_forget(s);
	ids_clear(s->ids);
	s->topics = topics_new();
	s->events = s->topics ? topics_add(s->topics, TOPIC_EVENTS, STR("events")) : NULL;
	if (s->events != NULL) {
		s->events->created = 1;
		r = journal_open(&s->journal, s->disk, store_replay, s);
	}
	if (r == 0)
		r = recover_locked(s);
	if (r != 0) {
		int e = errno;

		journal_close(s->journal);      /* and with it the lock */
		s->journal = NULL;
		errno = e;
	}
	return r;
}
