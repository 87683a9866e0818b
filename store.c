/* store.c: see store.h. Learning from the journal and mending logs are in
 * recover.c. */
#include "store_impl.h"

#include "limits.h"
#include "util.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Dirty logs: from here on one syncfs is cheaper than an fsync of each. */
#define SYNC_ALL_FROM 16
/* Where there is no syncfs, so many, and those of one batch, are synced at
 * most: at a millisecond each others wait for half a second, and on a busy disk
 * for two. */
#define SYNC_EACH_MAX 500

/* ---- the batch, and the dirty logs ---- */

int store_enter_batch(struct store *s, struct topic *topic)
{
	if (topic->batch.in)
		return 0;
	if (topic_list_add(&s->batch, topic) == -1)
		return -1;
	topic->batch.in = 1;
	topic->batch.next = topic->now;
	return 0;
}

int store_mark_dirty(struct store *s, struct topic *topic, uint64_t at)
{
	if (!topic->sync.dirty && topic_list_add(&s->dirty, topic) == -1)
		return -1;
	if (!topic->sync.dirty || at > topic->sync.at)
		topic->sync.at = at;
	topic->sync.dirty = 1;
	return 0;
}

int store_add_id(struct store *s, const struct topic *t, const struct line *l)
{
	uint64_t hash = ids_hash(s->ids, (char)t->kind, t->name, l->user,
	    l->id);

	return ids_add(s->ids, hash, l->seq);
}

void store_leave_batch(struct store *s)
{
	for (size_t i = 0; i < s->batch.n; i++)
		s->batch.at[i]->batch.in = 0;
	s->batch.n = 0;
	s->lines = 0;
	buf_clear(&s->text);
}

/* ---- syncing the logs ---- */

static int sync_each(struct store *s)
{
	for (size_t i = 0; i < s->dirty.n; i++) {
		struct topic *t = s->dirty.at[i];

		if (log_open(&s->logs, t, 0) == -1) {
			if (errno == ENOENT)
				continue;       /* the log was removed */
			return STORE_REFUSED;
		}
		if (s->disk->sync(s->disk, t->log.fd) == -1)
			return STORE_BROKEN;
	}
	return 0;
}

static int sync_names(struct store *s)
{
	for (int dir = DISK_ROOT; s->new_names && dir <= DISK_USERS; dir++)
		if (s->disk->sync_dir(s->disk, (enum disk_dir)dir) == -1)
			return STORE_BROKEN;
	s->new_names = 0;
	return 0;
}

static int sync_dirty(struct store *s)
{
	int r = 0;

	if (s->dirty.n >= SYNC_ALL_FROM) {
		s->syncs_all = s->disk->sync_all(s->disk) == 0;
		if (!s->syncs_all)
			r = errno == ENOSYS ? sync_each(s) : STORE_BROKEN;
	} else {
		r = sync_each(s);
	}
	return r == 0 ? sync_names(s) : r;
}

/* 1: the file of a dirty log was removed or replaced under us. Its lines are in
 * the journal, from which the next turn writes them again. */
static int lost_log(struct store *s)
{
	for (size_t i = 0; i < s->dirty.n; i++) {
		struct topic *t = s->dirty.at[i];

		if (!log_is_gone(&s->logs, t))
			continue;
		warn("%s: removed or replaced while in use",
		    topic_path(t, &s->path));
		errno = EIO;
		store_fall_behind(s, journal_checkpointed(s->journal));
		(void)journal_reset_applied(s->journal); /* or we fail again */
		return 1;
	}
	return 0;
}

int store_sync_logs(struct store *s)
{
	int r;

	/* The journal must keep what the logs lack. */
	if (s->behind != NOT_BEHIND || lost_log(s))
		return 0;
	r = sync_dirty(s);
	/* The system reports the failure once, to us. Another process would
	 * find nothing wrong and record a checkpoint, and nobody would write
	 * again what was not written. Our own start does so anyway. */
	if (r == STORE_BROKEN)
		(void)journal_reset_applied(s->journal);
	if (r == 0)
		r = journal_checkpoint(s->journal);
	if (r != 0)
		return r;
	journal_set_applied(s->journal);
	for (size_t i = 0; i < s->dirty.n; i++) {
		s->dirty.at[i]->sync.dirty = 0;
		s->dirty.at[i]->sync.measured = 0;
	}
	s->dirty.n = 0;
	return 0;
}

int store_open(struct store **store, struct disk *disk, size_t logs_open_max)
{
	struct store *s = calloc(1, sizeof *s);
	int r = STORE_REFUSED;

	*store = NULL;
	if (s == NULL)
		return STORE_REFUSED;
	s->disk = s->logs.disk = disk;
	s->logs.open_max = logs_open_max;
	s->topics_max = TOPICS_MAX;
	s->ids = ids_new();
	if (s->ids != NULL)
		r = store_recover(s);
	if (r != 0) {
		int e = errno;

		store_close(s);
		errno = e;
		return r;
	}
	store_end(s);
	*store = s;
	return 0;
}

void store_close(struct store *s)
{
	if (s == NULL)
		return;
	store_forget(s);
	ids_free(s->ids);
	free(s->batch.at);
	free(s->dirty.at);
	free(s->line);
	buf_free(&s->text);
	buf_free(&s->payload);
	buf_free(&s->path);
	buf_free(&s->logs.file);
	buf_free(&s->scratch);
	log_free(&s->reader);
	free(s);
}

void store_limit_topics(struct store *s, size_t n)
{
	s->topics_max = n;
}

uint64_t store_directory(const struct store *s)
{
	return s->directory;
}

/* ---- a turn ---- */

/* Another process's checkpoint has synced what was written before it. */
static void forget_synced(struct store *s)
{
	uint64_t upto = journal_checkpointed(s->journal);
	size_t kept = 0;

	for (size_t i = 0; i < s->dirty.n; i++) {
		struct topic *t = s->dirty.at[i];

		t->sync.dirty = t->sync.at >= upto;
		if (t->sync.dirty)
			s->dirty.at[kept++] = t;
	}
	s->dirty.n = kept;
}

int store_is_broken(const struct store *s)
{
	return s->broken || s->logs.broken;
}

/* A process, perhaps this one, died between journal and logs, or found no room
 * or a bad disk. Until its lines are in the logs, reading works and writing is
 * refused. */
static void catch_up(struct store *s)
{
	uint64_t from = journal_applied(s->journal);

	s->behind = NOT_BEHIND;
	if (from == journal_end(s->journal))
		return;
	if (from < journal_checkpointed(s->journal))
		from = journal_checkpointed(s->journal);
	errno = EIO;    /* until the reason is known */
	store_fall_behind(s, from);
	if (store_redo(s, from) != 0)
		s->behind_errno = errno;
	if (s->behind != NOT_BEHIND && (errno == EMFILE || errno == ENFILE))
		log_close_all(&s->logs);        /* the journal needs one */
}

/* With the lock held; after a failure it is not. */
static int take_over(struct store *s)
{
	uint64_t checkpoint = journal_checkpointed(s->journal);
	int r = journal_follow(s->journal, store_replay, s);

	if (r == STORE_LOST)
		return store_recover(s);
	if (r == 0) {
		if (journal_checkpointed(s->journal) > checkpoint)
			forget_synced(s);
		catch_up(s);
	}
	if (r == 0 && store_is_broken(s))
		r = STORE_BROKEN;
	if (r != 0)
		journal_unlock(s->journal);
	return r;
}

int store_begin(struct store *s)
{
	int r;

	if (store_is_broken(s)) {
		errno = EIO;
		return STORE_BROKEN;
	}
	if (s->journal == NULL)
		r = store_recover(s);
	else if ((r = journal_lock(s->journal)) == 0)
		r = take_over(s);
	s->broken = r == STORE_BROKEN;
	/* One time for the batch: asking the clock for each line was 3 % of
	 * the server's work. */
	s->ms = now_ms();
	return r;
}

static void roll_back(struct store *s)
{
	int e = errno;

	ids_take_back(s->ids, s->lines);
	for (size_t i = 0; i < s->batch.n; i++) {
		struct topic *t = s->batch.at[i];

		t->batch.in = 0;
		if (!t->created)
			topics_remove(s->topics, t);
	}
	s->batch.n = 0;
	store_leave_batch(s);
	errno = e;
}

void store_end(struct store *s)
{
	if (s->batch.n > 0)
		roll_back(s);   /* uncommitted */
	journal_unlock(s->journal);
}

struct topic *store_topic(struct store *s, enum topic_kind kind,
    struct str name)
{
	struct topic *t = topics_find(s->topics, kind, name);

	if (t == NULL)
		errno = ENOENT;
	if (t == NULL || t->loaded || store_find_end(s, t) == 0)
		return t;
	if (errno != ENOENT || t->log.fd != -1)
		return NULL;
	if (t->sync.dirty) {
		errno = EIO;    /* it is in the journal */
	} else {
		/* The file is the topic, and it was removed. */
		topics_remove(s->topics, t);
		errno = ENOENT;
	}
	return NULL;
}

int store_readable(const struct store *s)
{
	return s->journal != NULL;
}

struct topic *store_ready(struct store *s, enum topic_kind kind,
    struct str name)
{
	struct topic *t = NULL;

	if (store_readable(s))
		t = topics_find(s->topics, kind, name);
	return t != NULL && t->loaded ? t : NULL;
}

/* While logs lack lines nobody knows which number comes next. */
static int refuses(const struct store *s)
{
	if (s->behind != NOT_BEHIND)
		errno = s->behind_errno;
	return s->behind != NOT_BEHIND;
}

int store_has(struct store *s, enum topic_kind kind, struct str name)
{
	return topics_find(s->topics, kind, name) != NULL;
}

struct topic *store_create(struct store *s, enum topic_kind kind,
    struct str name)
{
	struct topic *t;

	if (topics_find(s->topics, kind, name) != NULL ||
	    topics_find(s->topics, TOPIC_DROPPED, name) != NULL) {
		errno = EEXIST;
		return NULL;
	}
	if (refuses(s))
		return NULL;
	if (topics_total(s->topics) > s->topics_max) {  /* the events are one */
		errno = EUSERS;
		return NULL;
	}
	t = topics_add(s->topics, kind, name);
	if (t == NULL)
		return NULL;
	/* A file that was put there since the start is a topic too, and must
	 * not be written over. */
	if (log_open(&s->logs, t, 0) == 0) {
		t->created = 1;
		errno = EEXIST;
		return NULL;
	}
	if (errno != ENOENT || store_enter_batch(s, t) == -1) {
		topics_remove(s->topics, t);
		return NULL;
	}
	t->loaded = 1;
	return t;
}

struct topic *store_events(struct store *s)
{
	if (!s->events->loaded && store_find_end(s, s->events) == -1)
		return NULL;
	return s->events;
}

/* ---- putting lines into the batch ---- */

/* The bytes of s->text from `at` on are a line of the batch. */
static int stage_line(struct store *s, struct topic *t, uint64_t seq,
    size_t at)
{
	struct staged *line = array_room(s->line, s->lines, &s->lines_cap,
	    sizeof *line);

	if (line == NULL)
		return -1;
	s->line = line;
	line[s->lines++] = (struct staged){ t, seq, at, s->text.n - at };
	return 0;
}

int store_put(struct store *s, struct topic *t, struct line *l)
{
	size_t at = s->text.n;

	if (at > COMMIT_BYTES_MAX) {
		errno = EMSGSIZE;
		return -1;
	}
	if (refuses(s) || store_enter_batch(s, t) == -1)
		return -1;
	l->seq = t->batch.next.seq + 1;
	/* The clock may be set back, a log's time may not. */
	l->ms = s->ms > t->batch.next.ms ? s->ms : t->batch.next.ms;
	line_encode(&s->text, l);
	if (s->text.err || stage_line(s, t, l->seq, at) == -1)
		goto no_memory;
	/* Always one id for a line, so that a failed batch can take its ids
	 * back. */
	if (store_add_id(s, t, l) == -1) {
		s->lines--;
		goto no_memory;
	}
	t->batch.next.seq = l->seq;
	t->batch.next.bytes += s->text.n - at;
	t->batch.next.ms = l->ms;
	return 0;
no_memory:
	s->text.n = at;
	s->text.err = 0;
	errno = ENOMEM;
	return -1;
}

/* The same for a line that is still in the batch. */
static int find_staged(struct store *s, const struct topic *t, uint64_t seq,
    struct line *line)
{
	for (size_t i = s->lines; i-- > 0; ) {
		const struct staged *l = &s->line[i];
		struct str text = { s->text.p + l->at, l->n - 1 };

		if (l->topic == t && l->seq == seq)
			return line_decode(text, line, &s->scratch) ? -1 : 1;
	}
	return -1;
}

int store_find(struct store *s, struct topic *t, uint64_t seq,
    struct line *line)
{
	if (seq > (t->batch.in ? t->batch.next.seq : t->now.seq))
		return 0;       /* its log lost lines: numbers are used again */
	if (seq > t->now.seq)
		return find_staged(s, t, seq, line);
	if (log_open(&s->logs, t, 0) == -1)
		return -1;
	log_start(&s->reader, s->disk, t->log.fd, 0, t->now.bytes);
	if (log_seek(&s->reader, seq) == -1 ||
	    log_next_good(&s->reader, line) != 1)
		return -1;
	return line->seq == seq ? 1 : -1;
}

uint64_t store_seen(struct store *s, struct topic *t, struct str sender,
    struct str id)
{
	uint64_t hash, seq;
	struct line l;
	size_t at = 0;

	if (id.n == 0)
		return 0;
	hash = ids_hash(s->ids, (char)t->kind, t->name, sender, id);
	while ((seq = ids_find(s->ids, hash, &at)) != 0) {
		int found = store_find(s, t, seq, &l);

		/* If the line is damaged, 64 matching bits are proof enough. */
		if (found == -1)
			return seq;
		if (found == 1 && str_eq(l.user, sender) && str_eq(l.id, id))
			return seq;
	}
	return 0;
}

/* ---- commit ---- */

/* Makes the payload: for each log of the batch the head of its entry and room
 * for its lines, then puts each line in its place. */
static int lay_out(struct store *s)
{
	struct buf *p = &s->payload;

	buf_clear(p);
	for (size_t i = 0; i < s->batch.n; i++) {
		struct topic *t = s->batch.at[i];
		size_t n = (size_t)(t->batch.next.bytes - t->now.bytes);

		if (n == 0 && t->created)
			continue;       /* its line was refused */
		entry_put(p, t, t->now.bytes, n);
		t->batch.entry_at = p->n;
		if (buf_room(p, n) == NULL) {
			errno = ENOMEM;
			return -1;
		}
		p->n += n;
	}
	for (size_t i = 0; i < s->lines; i++) {
		const struct staged *l = &s->line[i];
		size_t *to = &l->topic->batch.entry_at;

		memcpy(p->p + *to, s->text.p + l->at, l->n);
		*to += l->n;
	}
	return 0;
}

/* Checked before anything is written, so that the journal rarely has what the
 * logs have no room for. */
static int check_room(struct store *s)
{
	uint64_t room, wanted = RESERVE_BYTES + 2 * (uint64_t)s->payload.n;

	if (refuses(s))
		return -1;
	if (s->disk->room(s->disk, &room) == -1 || room >= wanted)
		return 0;       /* if it is not known, writing will tell */
	errno = ENOSPC;
	return -1;
}

/* A log whose length has changed is not written to: it was cut, or something
 * was appended, or the file is another one, and a redo will find out. Checked
 * once between two checkpoints: checking each time would cost as much as the
 * writing. */
static int measure(struct store *s, struct topic *t)
{
	uint64_t size;

	if (t->sync.measured)
		return 0;
	if (s->disk->size(s->disk, t->log.fd, &size) == -1)
		return -1;
	if (size != t->now.bytes || log_is_gone(&s->logs, t)) {
		errno = EIO;
		return -1;
	}
	t->sync.measured = 1;
	return 0;
}

/* Writes the lines of one log of the batch, from the payload. A log never shows
 * half a line: what a failed write has written is taken back. */
static int write_log(struct store *s, struct topic *t)
{
	size_t n = (size_t)(t->batch.next.bytes - t->now.bytes);
	const char *lines = s->payload.p + t->batch.entry_at - n;
	int e;

	if (log_open(&s->logs, t, 1) == -1 || measure(s, t) == -1)
		return -1;
	if (disk_write_full(s->disk, t->log.fd, lines, n, t->now.bytes) == 0)
		return 0;
	e = errno;
	/* If this fails too, the next redo writes over it. */
	(void)s->disk->truncate(s->disk, t->log.fd, t->now.bytes);
	errno = e;
	return -1;
}

/* The batch is in the journal: now its lines go into the logs. */
static void apply_batch(struct store *s, uint64_t at)
{
	static struct seldom failed;

	for (size_t i = 0; i < s->batch.n; i++) {
		struct topic *t = s->batch.at[i];

		s->new_names |= !t->created || t->now.bytes == 0;
		if (write_log(s, t) == -1) {
			warn_seldom(&failed, "%s:", topic_path(t, &s->path));
			store_fall_behind(s, at);
		}
		t->now = t->batch.next;
		t->created = 1;
		if (store_mark_dirty(s, t, at) == -1) {
			/* The checkpoint would miss it; the redo retries. */
			errno = ENOMEM;
			store_fall_behind(s, at);
		}
	}
	if (s->dropping &&
	    store_finish_drops(s, buf_str(&s->text)) == -1) {
		warn("channels:");
		store_fall_behind(s, at);
	}
	if (s->behind == NOT_BEHIND)
		journal_set_applied(s->journal);
	store_leave_batch(s);
}

int store_pending(const struct store *s)
{
	return s->batch.n > 0;
}

/* The journal's next segment needs a descriptor, and the logs can spare
 * theirs. */
static int append_batch(struct store *s)
{
	struct str payload = buf_str(&s->payload);
	int r = journal_append(s->journal, payload, s->lines);

	if (r != STORE_REFUSED || (errno != EMFILE && errno != ENFILE))
		return r;
	log_close_all(&s->logs);
	return journal_append(s->journal, payload, s->lines);
}

static int is_checkpoint_due(const struct store *s)
{
	return journal_full(s->journal) ||
	    (!s->syncs_all && s->dirty.n >= SYNC_EACH_MAX);
}

int store_commit(struct store *s)
{
	uint64_t at = journal_end(s->journal);
	int r;

	if (s->batch.n == 0)
		return 0;
	if (store_is_broken(s))
		r = STORE_BROKEN;
	else if (lay_out(s) == -1 || check_room(s) == -1)
		r = STORE_REFUSED;
	else
		r = append_batch(s);
	if (r != 0) {
		roll_back(s);
		s->broken = r == STORE_BROKEN;
		return s->broken ? STORE_BROKEN : STORE_REFUSED;
	}
	apply_batch(s, at);
	/* The batch is committed whatever happens now; the next turn finds a
	 * broken store. */
	if (is_checkpoint_due(s) && store_sync_logs(s) == STORE_BROKEN)
		s->broken = 1;
	return 0;
}

/* ---- checkpoint ---- */

int store_needs_checkpoint(const struct store *s)
{
	return s->dirty.n > 0;
}

int store_checkpoint(struct store *s)
{
	int r = store_begin(s);

	if (r != 0)
		return r;
	r = s->dirty.n > 0 ? store_sync_logs(s) : 0;
	if (r == STORE_BROKEN)
		s->broken = 1;
	store_end(s);
	return r;
}

/* ---- reading ---- */

static void report_damage(struct store *s, struct topic *t, uint64_t offset,
    uint64_t number, const char *why)
{
	if (offset < t->log.reported)
		return;
	t->log.reported = offset + 1;
	warn("%s: line %" PRIu64 ": %s", topic_path(t, &s->path), number, why);
}

/* A line that somebody has copied to another place. The reading may begin with
 * the line before the first wanted one. */
static int is_misplaced(const struct line *l, uint64_t last, uint64_t after)
{
	return l->seq < last || (l->seq == last && last > after);
}

int store_read(struct store *s, struct topic *t, uint64_t after,
    store_line_fn *each, void *ctx)
{
	struct log_reader *r = &s->reader;
	uint64_t offset, last = after, number = after;
	const char *why = NULL;
	struct line line;
	int more;

	if (after >= t->now.seq)
		return 0;
	if (log_open(&s->logs, t, 0) == -1)
		return -1;
	offset = t->log.hint_seq == after ? t->log.hint_at : 0;
	log_start(r, s->disk, t->log.fd, offset, t->now.bytes);
	/* From the line before the first wanted one, to see damage between the
	 * two. */
	if (t->log.hint_seq != after && after > 0 && log_seek(r, after) == -1)
		return -1;
	while (offset = r->at, (more = log_next_line(r, &line, &why)) == 1) {
		number++;
		if (why == NULL && is_misplaced(&line, last, after))
			why = "its seq is not above that of a line before";
		if (why != NULL) {
			report_damage(s, t, offset, number, why);
			continue;
		}
		if (line.seq > after && each(ctx, &line) != 0)
			break;
		last = number = line.seq;
		t->log.hint_seq = last;
		t->log.hint_at = r->at;
	}
	return more == -1 ? -1 : 0;
}

size_t store_count(struct store *s, enum topic_kind kind)
{
	return topics_count(s->topics, kind);
}

struct topic *store_at(struct store *s, enum topic_kind kind, size_t i)
{
	return topics_at(s->topics, kind, i);
}

size_t store_above(struct store *s, enum topic_kind kind, struct str name)
{
	return topics_above(s->topics, kind, name);
}

size_t store_open_logs(const struct store *s)
{
	return s->logs.open;
}
