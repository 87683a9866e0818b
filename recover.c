/* recover.c: what the store learns from the journal, and how it mends logs. The
 * payload of a batch is described in entry.h. */
#include "store_impl.h"

#include "directory.h"
#include "name.h"
#include "util.h"

#include <errno.h>
#include <inttypes.h>

/* ---- learning from the journal ---- */

/* Takes the next good line off an entry's lines, decoded, and without its
 * newline in *text. 1; 0 at the end; -1: out of memory. */
static int take_good_line(struct store *s, struct str *lines,
    struct line *line, struct str *text)
{
	while (lines->n > 0) {
		*text = str_take(lines, '\n');
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

/* 1: a new file begins with it, or a new one again. Lines with later numbers
 * are no beginning, whatever the entry says. */
static int begins_log(const struct entry *entry)
{
	return entry->offset == 0 && line_seq(entry->lines) <= 1;
}

static int replay_entry(struct store *s, struct entry *entry, uint64_t at)
{
	struct topic *t = topic_of_entry(s, entry);
	struct line line;
	struct str text;
	int more;

	if (t == NULL || store_mark_dirty(s, t, at) == -1)
		return -1;
	t->created = t->loaded = 1;
	t->sync.measured = 0;
	if (entry->offset & ENTRY_MENDED) {
		t->loaded = 0;  /* its length may be another one */
		return 0;
	}
	if (begins_log(entry)) {
		t->now = (struct extent){ 0 };
		s->new_names = 1;
	}
	t->now.bytes = entry->offset + entry->lines.n;
	while ((more = take_good_line(s, &entry->lines, &line, &text)) == 1) {
		t->now.seq = line.seq;
		t->now.ms = line.ms;
		if (line.id.n > 0 && store_add_id(s, t, &line) == -1)
			return -1;
	}
	return more;
}

int store_replay(void *ctx, const struct batch *b)
{
	struct store *s = ctx;
	struct str rest = b->payload;
	struct entry entry;
	int more;

	while ((more = entry_take(&rest, &entry)) == 1)
		if (replay_entry(s, &entry, b->at) == -1)
			return STORE_REFUSED;
	return more == 0 ? 0 : STORE_REFUSED;
}

/* ---- writing the logs from the journal ---- */

/* How many of these bytes, from the first on, the file agrees with. It also
 * agrees where it ends, or has zeros, which is what a crash leaves of bytes
 * that were not synced. -1: it cannot be read. */
static ssize_t agreeing(struct store *s, struct topic *t, struct str bytes,
    uint64_t at)
{
	char chunk[4096];
	size_t done = 0;

	while (done < bytes.n) {
		size_t left = bytes.n - done;
		size_t n = left < sizeof chunk ? left : sizeof chunk;
		ssize_t got = disk_read_full(s->disk, t->log.fd, chunk, n,
		    at + done);

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

/* The seq of the first line of an entry, or 0 if it has no lines. */
static int first_seq(struct store *s, const struct entry *entry, uint64_t *seq)
{
	struct str lines = entry->lines, text;
	struct line line = { 0 };
	int more = take_good_line(s, &lines, &line, &text);

	*seq = more == 1 ? line.seq : 0;
	return more == -1 ? -1 : 0;
}

static int size_of(struct store *s, const struct topic *t, uint64_t *size)
{
	return s->disk->size(s->disk, t->log.fd, size);
}

/* Where the good lines within the first `size` bytes of the log end. */
static int find_next(struct store *s, struct topic *t, uint64_t size)
{
	return log_tail(&s->reader, s->disk, t->log.fd, size, &t->batch.next);
}

/* Where an entry belongs: t->batch.next becomes what the log has before it.
 * Normally that ends exactly at the entry's offset, in the line before the
 * entry's first one. If not, the log has lost lines, or had lost some and was
 * mended with gaps: then t->batch.short_of is set, and t->batch.next is the
 * last line before the entry. */
static int find_place(struct store *s, struct topic *t,
    const struct entry *entry)
{
	const struct extent *before = &t->batch.next;
	uint64_t first, size, offset = entry->offset & ~ENTRY_MENDED;

	t->batch.next = (struct extent){ 0 };
	if (begins_log(entry))
		return 0;
	if (first_seq(s, entry, &first) == -1 || size_of(s, t, &size) == -1)
		return -1;
	if (size > offset)
		size = offset;
	if (find_next(s, t, size) == -1)
		return -1;
	if (before->bytes == entry->offset && before->seq + 1 == first)
		return 0;
	t->batch.short_of = 1;
	if (first == 0 || before->seq < first)
		return 0;
	/* Mended before, at another place: what was written then may not be on
	 * the disk. */
	log_start(&s->reader, s->disk, t->log.fd, 0, size);
	if (log_seek(&s->reader, first) == -1)
		return -1;
	return find_next(s, t, s->reader.at);
}

/* Cuts off what is after t->batch.next. */
static int cut_log(struct store *s, struct topic *t)
{
	uint64_t size;

	if (size_of(s, t, &size) == -1)
		return -1;
	if (size <= t->batch.next.bytes)
		return 0;
	return log_quarantine(&s->logs, t, &t->batch.next, size);
}

/* Writes lines after t->batch.next, even if they are there already: after a
 * failed sync the page cache may show bytes that the kernel believes to be on
 * the disk. When the disk is full no half line stays visible. */
static int write_after(struct store *s, struct topic *t, struct str lines)
{
	uint64_t at = t->batch.next.bytes;
	int e;

	if (disk_write_full(s->disk, t->log.fd, lines.p, lines.n, at) == 0)
		return 0;
	e = errno;
	/* If this fails too, the next try writes over it. */
	(void)s->disk->truncate(s->disk, t->log.fd, at);
	errno = e;
	return -1;
}

/* Writes the first n bytes of some lines, or fewer so that they are whole
 * lines, and takes them off. */
static int redo_part(struct store *s, struct topic *t, struct str *lines,
    size_t n)
{
	struct str part = { lines->p, n }, text;
	struct line line;
	int more;

	while (part.n > 0 && part.p[part.n - 1] != '\n')
		part.n--;
	str_skip(lines, part.n);
	if (write_after(s, t, part) == -1)
		return -1;
	t->batch.next.bytes += part.n;
	while ((more = take_good_line(s, &part, &line, &text)) == 1) {
		t->batch.next.seq = line.seq;
		t->batch.next.ms = line.ms;
	}
	return more;
}

static int redo_lines(struct store *s, struct topic *t, struct str lines)
{
	ssize_t same = agreeing(s, t, lines, t->batch.next.bytes);

	if (same == -1 || redo_part(s, t, &lines, (size_t)same) == -1)
		return -1;
	if (lines.n == 0)
		return 0;
	if (cut_log(s, t) == -1)
		return -1;
	return redo_part(s, t, &lines, lines.n);
}

static int redo_entry(struct store *s, const struct entry *entry)
{
	struct topic *t = topic_of_entry(s, entry);
	int known;

	if (t == NULL || log_open(&s->logs, t, 1) == -1)
		return -1;
	known = t->batch.in && entry->offset == t->batch.next.bytes;
	if (!t->batch.in)
		t->batch.short_of = 0;
	if (store_enter_batch(s, t) == -1)
		return -1;
	if (!known && !t->batch.short_of && find_place(s, t, entry) == -1)
		return -1;
	if (!t->batch.short_of && redo_lines(s, t, entry->lines) == -1)
		return -1;
	return t == s->events ? store_finish_drops(s, entry->lines) : 0;
}

/* ---- restoring what a log has lost ---- */

struct restore {
	struct store *s;
	struct topic *topic;
	struct extent had;
	uint64_t lines;
};

static int restore_entry(struct restore *to, struct entry *entry)
{
	struct store *s = to->s;
	struct extent *next = &to->topic->batch.next;
	struct line line;
	struct str text;
	int more;

	if (begins_log(entry)) {        /* older lines were another log's */
		*next = to->had;
		to->lines = 0;
	}
	while ((more = take_good_line(s, &entry->lines, &line, &text)) == 1) {
		if (line.seq <= next->seq)
			continue;
		text.n++;       /* the newline follows in the entry, too */
		if (write_after(s, to->topic, text) == -1)
			return -1;
		next->seq = line.seq;
		next->bytes += text.n;
		next->ms = line.ms;
		to->lines++;
	}
	return more;
}

static int restore_batch(void *ctx, const struct batch *b)
{
	struct restore *to = ctx;
	const struct topic *t = to->topic;
	struct str rest = b->payload;
	struct entry entry;

	while (entry_take(&rest, &entry) == 1)
		if (entry.kind == t->kind && str_eq(entry.name, t->name) &&
		    restore_entry(to, &entry) == -1)
			return STORE_REFUSED;
	return 0;
}

/* Records in the journal that a log is mended from t->batch.next on, so that
 * this is tried again after a crash in the middle of it, and other servers read
 * the log anew. */
static int announce(struct store *s, struct topic *t, uint64_t *at)
{
	int r;

	*at = journal_end(s->journal);
	buf_clear(&s->payload);
	entry_put(&s->payload, t, t->batch.next.bytes | ENTRY_MENDED, 0);
	if (s->payload.err) {
		errno = ENOMEM;
		return -1;
	}
	r = journal_append(s->journal, buf_str(&s->payload), 0);
	if (r == STORE_BROKEN)
		s->broken = 1;
	return r == 0 ? 0 : -1;
}

/* Appends to a log, which ends at t->batch.next, what the journal still has
 * after that. A gap that stays is better than a number given a second time. */
static int restore(struct store *s, struct topic *t)
{
	struct restore to = { s, t, t->batch.next, 0 };
	const struct extent *next = &t->batch.next;
	uint64_t size, at, oldest = journal_oldest(s->journal), last;

	if (announce(s, t, &at) == -1 ||
	    journal_replay(s->journal, oldest, restore_batch, &to) != 0 ||
	    size_of(s, t, &size) == -1)
		return -1;
	if (size > next->bytes &&
	    s->disk->truncate(s->disk, t->log.fd, next->bytes) == -1)
		return -1;
	if (store_mark_dirty(s, t, at) == -1)
		return -1;
	last = t->now.seq > next->seq ? t->now.seq : next->seq;
	warn("%s: line %" PRIu64 ": %" PRIu64 " lines were missing, %" PRIu64
	    " of them restored from the journal", topic_path(t, &s->path),
	    to.had.seq + 1, last - to.had.seq, to.lines);
	return 0;
}

/* ---- writing all logs again ---- */

/* Reports an error only once, since the redo is tried again each turn. */
static void report_entry(struct store *s, const struct entry *entry)
{
	struct topic t = { .kind = entry->kind, .name = entry->name };

	if (errno != s->told_errno)
		warn("%s:", topic_path(&t, &s->path));
	s->told_errno = errno;
}

/* 1: a channel that is no more, perhaps because somebody renamed its log. */
static int was_dropped(struct store *s, const struct entry *entry)
{
	return entry->kind == TOPIC_CHANNEL &&
	    topics_find(s->topics, TOPIC_DROPPED, entry->name) != NULL &&
	    topics_find(s->topics, TOPIC_CHANNEL, entry->name) == NULL;
}

static int redo_batch(void *ctx, const struct batch *b)
{
	struct store *s = ctx;
	struct str rest = b->payload;
	struct entry entry;
	int more;

	while ((more = entry_take(&rest, &entry)) == 1)
		if (!was_dropped(s, &entry) && redo_entry(s, &entry) == -1) {
			report_entry(s, &entry);
			return STORE_REFUSED;
		}
	return more == 0 ? 0 : STORE_REFUSED;
}

/* After its last entry a log should end. Good lines that continue the numbers
 * are kept: in a copy of a live directory a log may be newer than the
 * journal. */
static int redo_end(struct store *s, struct topic *t)
{
	struct extent *next = &t->batch.next;
	const char *why = NULL;
	struct line line;
	uint64_t size;
	int more;

	if (log_open(&s->logs, t, 0) == -1 || size_of(s, t, &size) == -1)
		return -1;
	if (t->batch.short_of)
		return cut_log(s, t) == -1 ? -1 : restore(s, t);
	log_start(&s->reader, s->disk, t->log.fd, next->bytes, size);
	while ((more = log_next_line(&s->reader, &line, &why)) == 1) {
		if (why != NULL || line.seq != next->seq + 1)
			return cut_log(s, t);
		*next = (struct extent){ line.seq, s->reader.at, line.ms };
	}
	return more;
}

int store_redo(struct store *s, uint64_t from)
{
	int r;

	s->new_names = 1;       /* perhaps */
	r = journal_replay(s->journal, from, redo_batch, s);
	for (size_t i = 0; i < s->batch.n && r == 0; i++)
		r = redo_end(s, s->batch.at[i]);
	for (size_t i = 0; i < s->batch.n && r == 0; i++) {
		struct topic *t = s->batch.at[i];

		t->now = t->batch.next;
		t->loaded = 1;
		t->log.hint_seq = t->log.hint_at = 0;
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

int store_find_end(struct store *s, struct topic *t)
{
	uint64_t size;

	if (t->batch.in)
		return 0;       /* the batch knows it */
	if (log_open(&s->logs, t, t == s->events) == -1 ||
	    size_of(s, t, &size) == -1 || find_next(s, t, size) == -1)
		return -1;
	if (t->sync.dirty && s->behind != NOT_BEHIND) {
		t->now = t->batch.next; /* for reading; it is mended later */
		return 0;
	}
	s->new_names |= size == 0;
	if (cut_log(s, t) == -1)
		return -1;
	if (t->batch.next.seq < t->now.seq) {
		if (restore(s, t) == -1)
			return -1;      /* the next turn tries again */
		if (s->behind == NOT_BEHIND)
			journal_set_applied(s->journal);
	}
	t->now = t->batch.next;
	t->log.hint_seq = t->log.hint_at = 0;
	t->loaded = 1;
	return 0;
}

/* ---- opening ---- */

struct listing {
	struct store *s;
	enum topic_kind kind;
};

static int add_listed(void *ctx, const char *file)
{
	struct listing *l = ctx;
	struct store *s = l->s;
	enum topic_kind kind = l->kind;
	struct topic *t;

	buf_clear(&s->path);
	if (name_from_file(&s->path, file) == -1 && !s->path.err) {
		if (kind != TOPIC_CHANNEL ||
		    (name_from_dropped(&s->path, file) == -1 && !s->path.err))
			return 0;       /* not ours, or quarantined */
		kind = TOPIC_DROPPED;
	}
	if (s->path.err) {
		errno = ENOMEM;
		return -1;
	}
	t = topics_find(s->topics, kind, buf_str(&s->path));
	if (t == NULL)
		t = topics_add(s->topics, kind, buf_str(&s->path));
	if (t == NULL)
		return -1;
	t->created = t->listed = 1;
	return 0;
}

static void forget_listing(struct store *s, enum topic_kind kind)
{
	for (size_t i = topics_count(s->topics, kind); i-- > 0; )
		topics_at(s->topics, kind, i)->listed = 0;
}

/* Done twice: what was found before the lock is taken costs little with it. */
static int list_topics(struct store *s)
{
	struct listing channels = { s, TOPIC_CHANNEL };
	struct listing users = { s, TOPIC_USER };
	struct disk *d = s->disk;

	forget_listing(s, TOPIC_CHANNEL);
	forget_listing(s, TOPIC_USER);
	if (d->list(d, DISK_CHANNELS, add_listed, &channels) == -1 ||
	    d->list(d, DISK_USERS, add_listed, &users) == -1)
		return STORE_REFUSED;
	return 0;
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

/* 1: its log was renamed to that of a channel that was dropped. */
static int is_gone(struct store *s, struct topic *t)
{
	return t->kind == TOPIC_CHANNEL && !t->listed &&
	    topics_find(s->topics, TOPIC_DROPPED, t->name) != NULL;
}

/* Leaves in s->dirty what must be written again. Topics that appear only in old
 * segments of the journal have been synced: their logs are looked at when they
 * are used, if they still exist. The listing tells that: opening all of them
 * would keep others waiting. */
static void forget_checkpointed(struct store *s, uint64_t checkpoint)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->dirty.n; i++) {
		struct topic *t = s->dirty.at[i];

		t->loaded = 0;
		t->sync.dirty = t->sync.at >= checkpoint && !is_gone(s, t);
		if (t->sync.dirty)
			s->dirty.at[kept++] = t;
		else if (t != s->events && !t->listed)
			topics_remove(s->topics, t);
	}
	s->dirty.n = kept;
}

/* Until this is done no process may rely on the logs. If it cannot be done, for
 * example because the disk is full, the store can still be read. */
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

	if (s->directory == 0)
		r = directory_id(s->disk, &s->directory);
	if (r != 0)
		return r;
	r = list_topics(s);
	if (r != 0)
		return r;
	forget_checkpointed(s, journal_checkpointed(s->journal));
	s->new_names = 1;       /* perhaps: their maker may have died */
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
	s->events = NULL;
	s->topics = topics_new();
	if (s->topics != NULL)
		s->events = topics_add(s->topics, TOPIC_EVENTS, STR("events"));
	if (s->events != NULL) {
		s->events->created = 1;
		r = list_topics(s);
	}
	if (r == 0)
		r = journal_open(&s->journal, s->disk, store_replay, s);
	if (r == 0)
		r = recover_locked(s);
	if (r != 0) {
		int e = errno;

		journal_close(s->journal);      /* releases the lock */
		s->journal = NULL;
		errno = e;
	}
	return r;
}
