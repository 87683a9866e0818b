/* journal.c: see journal.h; the format of the files is in segment.c.
 *
 * Space is zeroed ahead in steps, so that the sync of a batch writes only data
 * blocks and no metadata of the file system. The process that writes holds the
 * lock on DATA/lock, whose 8 bytes are the applied position. */
#include "journal.h"

#include "limits.h"
#include "segment.h"
#include "util.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* How often a process that starts looks for further sealed segments before it
 * takes the lock. */
#define READ_AHEAD_ROUNDS 8

struct journal_limits journal_limits = {
	.segment_bytes = SEGMENT_BYTES,
	.ahead_bytes = SEGMENT_AHEAD_BYTES,
	.remember_ms = REMEMBER_MS,
	.remember_max = REMEMBER_MESSAGES,
	.remember_bytes = REMEMBER_BYTES
};

struct journal {
	struct disk *disk;
	struct segment_reader reader;
	int lock_fd, fd;        /* fd: the newest segment, segment[n - 1] */
	struct segment *segment;
	size_t n, cap;
	/* Of them, at the start: those that were read, or are too old; and
	 * whether the next one was read up to `end`. */
	size_t taken, begun;
	/* Positions: after the last valid record; the last valid record of this
	 * segment, or the end if it has no records. */
	uint64_t end, last;
	/* Bytes of the segment's file that were written, at least as zeros. */
	uint64_t ready;
	uint64_t checkpoint;
	/* The last record is a seal: the next segment must be begun first. */
	int sealed;
	/* Records of others were read: the last one may not be synced. */
	int unsure;
	int looking;            /* it never writes */
	struct buf out;
};

static struct segment *newest(const struct journal *j)
{
	return &j->segment[j->n - 1];
}

static int open_segment(struct journal *j, uint64_t number, int create)
{
	char name[SEGMENT_NAME_BYTES];

	segment_name(name, number);
	return j->disk->open(j->disk, DISK_JOURNAL, name, create);
}

static int add_segment(struct journal *j, const struct segment *s)
{
	struct segment *p = array_room(j->segment, j->n, &j->cap, sizeof *p);

	if (p == NULL)
		return -1;
	j->segment = p;
	p[j->n++] = *s;
	return 0;
}

static void drop_segment(struct journal *j, size_t i)
{
	struct segment *s = &j->segment[i];
	size_t after = --j->n - i;

	memmove(s, s + 1, after * sizeof *s);
}

static void use_fd(struct journal *j, int fd)
{
	if (j->fd != -1)
		j->disk->close(j->disk, j->fd);
	j->fd = fd;
}

/* A directory may be removed under a running server. */
static int check_removed(struct journal *j, int fd, const char *what)
{
	uint64_t names = 1;

	if (j->disk->links(j->disk, fd, &names) == -1 && errno == ESTALE)
		names = 0;
	if (names > 0)
		return 0;
	warn("%s: removed while in use", what);
	errno = ENOENT;
	return STORE_BROKEN;
}

/* ---- reading ---- */

static struct batch batch_of(const struct record *r)
{
	return (struct batch){ r->at, r->end, r->messages, r->payload };
}

static int take_record(struct journal *j, struct segment *s,
    const struct record *r, batch_fn *each, void *ctx)
{
	static struct seldom unknown;
	struct batch b = batch_of(r);
	struct str position = r->payload;
	uint64_t n;
	int e;

	switch (r->kind) {
	case RECORD_BATCH:
		if ((e = each(ctx, &b)) != 0)
			return e;
		/* A wrong number would make ids forgotten early. */
		if (r->messages <= r->length)
			s->messages += r->messages;
		return 0;
	case RECORD_CHECKPOINT:
		/* The logs cannot have what comes after it. */
		if (take_le64(&position, &n) == 0 && n > j->checkpoint &&
		    n <= r->at)
			j->checkpoint = n;
		return 0;
	case RECORD_SEAL:
		j->sealed = 1;
		return 0;
	default:
		/* Each turn reads it again. */
		warn_seldom(&unknown, "journal/%016" PRIx64 ".journal: byte %"
		    PRIu64 ": a record of another version", s->number,
		    segment_offset(s, r->at));
		errno = EIO;
		return STORE_REFUSED;
	}
}

/* Reads the records from j->end on, in the segment that j->end is in, and moves
 * j->end along. A record that was not taken is read again the next time. */
static int read_on(struct journal *j, int fd, struct segment *s,
    batch_fn *each, void *ctx)
{
	struct record r;
	int e;

	while (!j->sealed) {
		int v = record_read(&j->reader, fd, s, j->end, &r);

		if (v != SEGMENT_VALID)
			return v == SEGMENT_FAILED ? STORE_REFUSED : 0;
		e = take_record(j, s, &r, each, ctx);
		if (e != 0)
			return e;
		j->last = r.at;
		j->end = r.end;
	}
	return 0;
}

static void report_unreadable(const struct segment *s, uint64_t from,
    uint64_t to)
{
	warn("journal/%016" PRIx64 ".journal: byte %" PRIu64
	    ": damaged, %" PRIu64 " bytes cannot be read", s->number,
	    segment_offset(s, from), to - from);
}

/* The same to the end of a segment that may be damaged. */
static int read_rest(struct journal *j, int fd, struct segment *s,
    batch_fn *each, void *ctx)
{
	int r;

	while ((r = read_on(j, fd, s, each, ctx)) == 0 && !j->sealed) {
		uint64_t next = 0;
		int v = record_find(&j->reader, fd, s, j->end, &next);

		if (v == SEGMENT_FAILED)
			return STORE_REFUSED;
		if (v == SEGMENT_INVALID)
			break;
		report_unreadable(s, j->end, next);
		j->end = next;
	}
	return r;
}

/* 1: name is a segment's name, and *number its number. */
static int is_segment(const char *name, uint64_t *number)
{
	char wanted[SEGMENT_NAME_BYTES];

	*number = strtoull(name, NULL, 16);
	segment_name(wanted, *number);
	return strcmp(name, wanted) == 0;
}

static int add_named(void *ctx, const char *name)
{
	struct journal *j = ctx;
	size_t known = j->taken + j->begun;
	struct segment s = { 0 };

	if (!is_segment(name, &s.number) ||
	    (known > 0 && s.number <= j->segment[known - 1].number))
		return 0;
	return add_segment(j, &s);
}

static int by_number(const void *a, const void *b)
{
	const struct segment *x = a, *y = b;

	return (x->number > y->number) - (x->number < y->number);
}

/* Which segments there are after those that were read. */
static int list_segments(struct journal *j)
{
	size_t known = j->taken + j->begun;

	j->n = known;
	if (j->disk->list(j->disk, DISK_JOURNAL, add_named, j) == -1)
		return STORE_REFUSED;
	if (j->n > known)
		qsort(j->segment + known, j->n - known, sizeof *j->segment,
		    by_number);
	return 0;
}

/* SEGMENT_VALID with the segment's start; SEGMENT_INVALID: its file does not
 * have one, or was removed meanwhile. */
static int read_start(struct journal *j, struct segment *s)
{
	int fd = open_segment(j, s->number, 0), v;

	if (fd == -1)
		return errno == ENOENT ? SEGMENT_INVALID : SEGMENT_FAILED;
	v = segment_read_start(&j->reader, fd, s);
	j->disk->close(j->disk, fd);
	return v;
}

/* Files without a start were never used: they are forgotten here, and made anew
 * when it is their turn. */
static int read_starts(struct journal *j)
{
	for (size_t i = j->taken + j->begun; i < j->n; ) {
		int v = read_start(j, &j->segment[i]);

		if (v == SEGMENT_FAILED)
			return STORE_REFUSED;
		if (v == SEGMENT_VALID)
			i++;
		else
			drop_segment(j, i);
	}
	return 0;
}

/* 1: the ids in the segment before this one need not be remembered. */
static int is_long_ago(const struct journal *j, const struct segment *s)
{
	return s->ms < now_ms() - journal_limits.remember_ms ||
	    newest(j)->start - s->start >= journal_limits.remember_bytes;
}

/* Opens the first segment that was not taken. SEGMENT_INVALID: it need not be
 * read. The logs have everything before the newest one: older ones are read for
 * their ids only, while those must be remembered. */
static int begin_reading(struct journal *j)
{
	const struct segment *s = &j->segment[j->taken];
	int fd;

	if (s != newest(j) && is_long_ago(j, s + 1))
		return SEGMENT_INVALID;
	fd = open_segment(j, s->number, 0);
	/* Another process may have removed an old segment. */
	if (fd == -1)
		return errno == ENOENT && s != newest(j) ? SEGMENT_INVALID :
		    SEGMENT_FAILED;
	use_fd(j, fd);
	j->end = j->last = j->checkpoint = s->start;
	j->sealed = 0;
	j->begun = 1;
	return SEGMENT_VALID;
}

static int take_segment(struct journal *j, batch_fn *each, void *ctx)
{
	int v = j->begun ? SEGMENT_VALID : begin_reading(j), r = 0;

	if (v == SEGMENT_FAILED)
		return STORE_REFUSED;
	if (v == SEGMENT_VALID)
		r = read_rest(j, j->fd, &j->segment[j->taken], each, ctx);
	j->begun = 0;
	j->taken++;
	return r;
}

/* Reads the segments that have another one after them: they never change
 * again. A file without a start, which may be about to get it, is left to
 * read_journal(), and what is after it. */
static int read_sealed(struct journal *j, batch_fn *each, void *ctx)
{
	int r = list_segments(j), v = SEGMENT_VALID;
	size_t n = j->taken;

	for (; r == 0 && n < j->n; n++) {
		v = read_start(j, &j->segment[n]);
		if (v != SEGMENT_VALID)
			break;
	}
	if (v == SEGMENT_FAILED)
		return STORE_REFUSED;
	j->n = n;
	while (r == 0 && j->taken + 1 < j->n)
		r = take_segment(j, each, ctx);
	return r;
}

/* While a process has the lock nobody else is served: so as much as possible is
 * read before that. Others may write on meanwhile, but more slowly than this
 * reads. What is seen of the newest segment stays valid too; only what looks
 * damaged may be a record that is being written. */
static int read_ahead(struct journal *j, batch_fn *each, void *ctx)
{
	size_t before;
	int r, rounds = 0;

	do {
		before = j->taken;
		r = read_sealed(j, each, ctx);
	} while (r == 0 && j->taken > before && ++rounds < READ_AHEAD_ROUNDS);
	if (r != 0 || j->taken == j->n)
		return r;
	if (begin_reading(j) == SEGMENT_FAILED)
		return errno == ENOENT ? 0 : STORE_REFUSED;
	return read_on(j, j->fd, newest(j), each, ctx);
}

static int read_journal(struct journal *j, batch_fn *each, void *ctx)
{
	int r = list_segments(j);

	if (r == 0)
		r = read_starts(j);
	while (r == 0 && j->taken < j->n)
		r = take_segment(j, each, ctx);
	return r;
}

/* ---- writing ---- */

/* Zeroes space before it is needed. If the disk is full, the file is as it
 * was. */
static int make_ready(struct journal *j, uint64_t upto)
{
	static const char zeros[64 * 1024];
	uint64_t ready = j->ready;

	if (upto <= ready)
		return 0;
	upto += journal_limits.ahead_bytes;
	while (ready < upto) {
		size_t n = sizeof zeros;

		if (upto - ready < n)
			n = (size_t)(upto - ready);
		if (disk_write_full(j->disk, j->fd, zeros, n, ready) == -1) {
			int e = errno;

			/* Gives the space back. If that fails, zeros after the
			 * end do no harm. */
			(void)j->disk->truncate(j->disk, j->fd, j->ready);
			errno = e;
			return -1;
		}
		ready += n;
	}
	j->ready = ready;
	return 0;
}

static int write_out(struct journal *j, uint64_t offset)
{
	if (j->out.err) {
		errno = ENOMEM;
		return STORE_REFUSED;
	}
	if (make_ready(j, offset + j->out.n) == -1 ||
	    disk_write_full(j->disk, j->fd, j->out.p, j->out.n, offset) == -1)
		return STORE_REFUSED;
	return 0;
}

/* Writes a record at the end, without a sync, and does not move the end. */
static int write_record(struct journal *j, enum record_kind kind,
    struct str payload, uint64_t messages)
{
	record_put(&j->out, j->end, kind, payload, messages);
	return write_out(j, segment_offset(newest(j), j->end));
}

static void advance(struct journal *j, size_t payload)
{
	j->last = j->end;
	j->end += record_bytes(payload);
}

static int sync_journal_dir(struct journal *j)
{
	if (j->disk->sync_dir(j->disk, DISK_JOURNAL) == -1)
		return STORE_BROKEN;
	return 0;
}

/* Makes an opened file an empty segment. A process may have died while it made
 * the same file: what it wrote is removed. */
static int init_segment(struct journal *j, struct segment *s)
{
	j->ready = 0;
	s->start = j->end;
	s->ms = now_ms();
	segment_put_header(&j->out, s);
	if (j->disk->truncate(j->disk, j->fd, 0) == -1 || write_out(j, 0) != 0)
		return STORE_REFUSED;
	/* The header says that the logs have everything before it, and batches
	 * in this file will be acknowledged: neither may be lost with the
	 * file's name. */
	if (j->disk->sync(j->disk, j->fd) == -1)
		return STORE_BROKEN;
	return sync_journal_dir(j);
}

/* Reads or makes the segment after the last one; fd is its file. */
static int start_segment(struct journal *j, struct segment *s, int fd)
{
	int v = segment_read_header(&j->reader, fd, s), old = j->fd, r;

	if (v == SEGMENT_FAILED)
		return STORE_REFUSED;
	if (v == SEGMENT_VALID && s->start != j->end)
		return STORE_LOST;
	/* Its maker may have died before it synced the name. */
	if (v == SEGMENT_VALID)
		return sync_journal_dir(j);
	j->fd = fd;
	r = init_segment(j, s);
	j->fd = old;
	return r;
}

static int next_segment(struct journal *j)
{
	struct segment s = { .number = j->n > 0 ? newest(j)->number + 1 : 1 };
	int fd = open_segment(j, s.number, 1), r;

	if (fd == -1)
		return STORE_REFUSED;
	r = start_segment(j, &s, fd);
	if (r == 0 && (j->disk->size(j->disk, fd, &j->ready) == -1 ||
	    add_segment(j, &s) == -1))
		r = STORE_REFUSED;
	if (r != 0) {
		j->disk->close(j->disk, fd);
		return r;
	}
	use_fd(j, fd);
	j->last = j->end = j->checkpoint = s.start;
	j->sealed = 0;
	return 0;
}

/* What was read may be in the page cache only: its writer was killed before the
 * sync, or the sync failed and the kernel takes the pages for clean. Each batch
 * is synced before the next one is written, so this can be true of the last one
 * only, or of the header when there is no batch. It is written again, which
 * makes its pages dirty. */
static int rewrite_last(struct journal *j)
{
	struct record r;
	struct str raw;
	uint64_t offset = 0;
	int v = SEGMENT_VALID;

	if (j->last == j->end) {
		segment_put_header(&j->out, newest(j));
		raw = buf_str(&j->out);
	} else {
		v = record_read(&j->reader, j->fd, newest(j), j->last, &r);
		raw = record_raw(&j->reader);
		offset = segment_offset(newest(j), j->last);
	}
	if (v == SEGMENT_INVALID)
		errno = EIO;    /* it was valid a moment ago */
	if (v != SEGMENT_VALID)
		return STORE_REFUSED;
	if (disk_write_full(j->disk, j->fd, raw.p, raw.n, offset) == -1)
		return STORE_REFUSED;
	return j->disk->sync(j->disk, j->fd) == -1 ? STORE_BROKEN : 0;
}

/* ---- opening ---- */

static struct journal *journal_new(struct disk *disk)
{
	struct journal *j = calloc(1, sizeof *j);

	if (j != NULL) {
		j->disk = j->reader.disk = disk;
		j->lock_fd = j->fd = -1;
	}
	return j;
}

void journal_close(struct journal *j)
{
	if (j == NULL)
		return;
	use_fd(j, -1);
	if (j->lock_fd != -1)
		j->disk->close(j->disk, j->lock_fd);
	free(j->segment);
	buf_free(&j->reader.in);
	buf_free(&j->out);
	free(j);
}

void journal_unlock(struct journal *j)
{
	if (j->lock_fd == -1)
		return;
	/* Cannot fail on a lock that is held. */
	(void)j->disk->unlock(j->disk, j->lock_fd);
}

int journal_lock(struct journal *j)
{
	int r;

	if (j->lock_fd == -1)
		return 0;       /* see open_lock() */
	if (j->disk->lock(j->disk, j->lock_fd) == -1)
		return STORE_REFUSED;
	r = check_removed(j, j->lock_fd, "lock");
	if (r != 0)
		journal_unlock(j);
	return r;
}

static int open_locked(struct journal *j, batch_fn *each, void *ctx)
{
	int r;

	j->lock_fd = j->disk->open(j->disk, DISK_ROOT, "lock", 1);
	if (j->lock_fd == -1)
		return STORE_REFUSED;
	r = read_ahead(j, each, ctx);
	if (r == 0)
		r = journal_lock(j);
	if (r == 0)
		r = read_journal(j, each, ctx);
	if (r == 0 && j->n == 0)
		r = next_segment(j);
	if (r == 0 && j->disk->size(j->disk, j->fd, &j->ready) == -1)
		r = STORE_REFUSED;
	if (r == 0)
		r = rewrite_last(j);
	/* The names of the lock, and of a segment whose maker died before it
	 * synced the directory. */
	if (r == 0)
		r = sync_journal_dir(j);
	if (r == 0 && j->disk->sync_dir(j->disk, DISK_ROOT) == -1)
		r = STORE_BROKEN;
	return r;
}

int journal_open(struct journal **journal, struct disk *disk, batch_fn *each,
    void *ctx)
{
	struct journal *j = journal_new(disk);
	int r = j == NULL ? STORE_REFUSED : open_locked(j, each, ctx);

	if (r != 0) {
		int e = errno;

		journal_close(j);
		errno = e;
		j = NULL;
	}
	*journal = j;
	return r;
}

/* ---- following ---- */

static int find_highest(void *ctx, const char *name)
{
	uint64_t *most = ctx, number;

	if (is_segment(name, &number) && number > *most)
		*most = number;
	return 0;
}

/* The segment with this number does not exist: nobody has made it yet, or it
 * was made, filled and removed. */
static int is_lost(struct journal *j, uint64_t number)
{
	struct disk *d = j->disk;
	uint64_t most = 0;

	if (d->list(d, DISK_JOURNAL, find_highest, &most) == -1)
		return STORE_REFUSED;
	return most > number ? STORE_LOST : 0;
}

/* Goes on to the next segment after a seal, if another process has begun it:
 * then *gone_on is 1. If not, appending will make it. */
static int follow_seal(struct journal *j, int *gone_on)
{
	struct segment s = { .number = newest(j)->number + 1 };
	int fd = open_segment(j, s.number, 0), v;

	*gone_on = 0;
	if (fd == -1)
		return errno == ENOENT ? is_lost(j, s.number) : STORE_REFUSED;
	v = segment_read_header(&j->reader, fd, &s);
	j->disk->close(j->disk, fd);
	if (v == SEGMENT_FAILED)
		return STORE_REFUSED;
	*gone_on = v == SEGMENT_VALID;
	return v == SEGMENT_VALID ? next_segment(j) : 0;
}

int journal_follow(struct journal *j, batch_fn *each, void *ctx)
{
	uint64_t from = j->end, applied;
	int r, more;

	do {
		more = 0;
		r = read_on(j, j->fd, newest(j), each, ctx);
		if (r == 0 && j->sealed)
			r = follow_seal(j, &more);
	} while (r == 0 && more);
	j->unsure |= j->end != from;
	if (r != 0)
		return r;
	applied = journal_applied(j);
	/* Others continued where we see no record: what is there is damaged. */
	if (applied > j->end)
		return STORE_LOST;
	if (!j->unsure)
		return 0;
	if (j->disk->size(j->disk, j->fd, &j->ready) == -1)
		return STORE_REFUSED;
	r = applied < j->end ? rewrite_last(j) : 0;
	if (r == 0)
		j->unsure = 0;
	return r;
}

/* The newest one is open. */
static int segment_fd(struct journal *j, const struct segment *s)
{
	return s == newest(j) ? j->fd : open_segment(j, s->number, 0);
}

/* The batches of one segment between two positions. Steps over damage as
 * read_rest() does, which has reported it unless this only looks on. */
static int replay_segment(struct journal *j, const struct segment *s,
    uint64_t at, uint64_t stop, batch_fn *each, void *ctx)
{
	int fd = segment_fd(j, s), r = 0, v = SEGMENT_VALID;
	struct record record;

	/* Another process may have removed an old segment. */
	if (fd == -1)
		return errno == ENOENT ? 0 : STORE_REFUSED;
	while (at < stop && v == SEGMENT_VALID && r == 0) {
		v = record_read(&j->reader, fd, s, at, &record);
		if (v == SEGMENT_VALID && record.kind == RECORD_BATCH) {
			struct batch b = batch_of(&record);

			r = each(ctx, &b);
		}
		if (v == SEGMENT_VALID)
			at = record.end;
		if (v == SEGMENT_INVALID) {
			uint64_t from = at;

			v = record_find(&j->reader, fd, s, at, &at);
			if (j->looking && v == SEGMENT_VALID && at < stop)
				report_unreadable(s, from, at);
		}
	}
	if (fd != j->fd)
		j->disk->close(j->disk, fd);
	return v == SEGMENT_FAILED ? STORE_REFUSED : r;
}

int journal_replay(struct journal *j, uint64_t from, batch_fn *each, void *ctx)
{
	int r = 0;

	for (size_t i = 0; i < j->n && r == 0; i++) {
		const struct segment *s = &j->segment[i];
		uint64_t start = from > s->start ? from : s->start;
		uint64_t stop = i + 1 < j->n ? s[1].start : j->end;

		if (stop > from)
			r = replay_segment(j, s, start, stop, each, ctx);
	}
	return r;
}

/* ---- looking on ---- */

static int ignore_batch(void *ctx, const struct batch *b)
{
	(void)ctx;
	(void)b;
	return 0;
}

/* Opens the newest segment, unless that is the one which is open. */
static int find_newest(struct journal *j)
{
	uint64_t before = j->n > 0 ? newest(j)->number : 0;
	int r = list_segments(j), fd;

	if (r == 0)
		r = read_starts(j);
	if (r != 0 || j->n == 0 || newest(j)->number == before)
		return r;
	fd = open_segment(j, newest(j)->number, 0);
	if (fd == -1)
		return STORE_REFUSED;
	use_fd(j, fd);
	j->end = j->last = j->checkpoint = newest(j)->start;
	j->sealed = 0;
	return 0;
}

/* A directory that no server has used does not have a lock. */
static int open_lock(struct journal *j)
{
	j->lock_fd = j->disk->open(j->disk, DISK_ROOT, "lock", 0);
	return j->lock_fd == -1 && errno != ENOENT ? STORE_REFUSED : 0;
}

/* Without the lock a record may be half written: what comes after it must not
 * be looked for. */
int journal_look(struct journal **journal, struct disk *disk)
{
	struct journal *j = journal_new(disk);
	int r = j == NULL ? STORE_REFUSED : open_lock(j);

	if (r == 0)
		r = find_newest(j);
	if (r == 0 && j->n > 0)
		r = read_on(j, j->fd, newest(j), ignore_batch, NULL);
	if (r != 0) {
		int e = errno;

		journal_close(j);
		errno = e;
		j = NULL;
	} else {
		j->looking = 1;
	}
	*journal = j;
	return r;
}

int journal_look_on(struct journal *j)
{
	int r = find_newest(j);

	if (r == 0 && j->n > 0)
		r = read_rest(j, j->fd, newest(j), ignore_batch, NULL);
	return r;
}

/* Older segments are sealed: nobody writes to them. */
int journal_each_file(struct journal *j, journal_file_fn *each, void *ctx)
{
	int r = 0;

	for (size_t i = j->n; i-- > 0 && r == 0; ) {
		const struct segment *s = &j->segment[i];
		char name[SEGMENT_NAME_BYTES];
		uint64_t bytes = segment_offset(s, j->end);
		int fd = segment_fd(j, s);

		if (fd == -1 && errno == ENOENT)
			continue;
		if (fd == -1 || (fd != j->fd &&
		    j->disk->size(j->disk, fd, &bytes) == -1))
			r = STORE_REFUSED;
		segment_name(name, s->number);
		if (r == 0)
			r = each(ctx, name, fd, bytes);
		if (fd != -1 && fd != j->fd)
			j->disk->close(j->disk, fd);
	}
	return r;
}

/* ---- appending ---- */

int journal_append(struct journal *j, struct str payload, uint64_t messages)
{
	int r = 0;

	if (payload.n > JOURNAL_PAYLOAD_BYTES_MAX) {
		errno = EMSGSIZE;
		return STORE_REFUSED;
	}
	if (j->sealed)
		r = next_segment(j);
	if (r == 0)
		r = write_record(j, RECORD_BATCH, payload, messages);
	if (r != 0)
		return r;
	if (j->disk->sync(j->disk, j->fd) == -1)
		return STORE_BROKEN;
	/* What nobody can find is not acknowledged. */
	r = check_removed(j, j->fd, "journal");
	if (r != 0)
		return r;
	advance(j, payload.n);
	newest(j)->messages += messages;
	return 0;
}

uint64_t journal_end(const struct journal *j)
{
	return j->end;
}

uint64_t journal_oldest(const struct journal *j)
{
	return j->segment[0].start;
}

static int write_applied(struct journal *j, uint64_t position)
{
	struct buf b = { 0 };
	int r;

	buf_le64(&b, position);
	r = b.err ? -1 : disk_write_full(j->disk, j->lock_fd, b.p, b.n, 0);
	buf_free(&b);
	return r;
}

void journal_set_applied(struct journal *j)
{
	/* If this fails it stays too low, and some work is done twice. */
	(void)write_applied(j, j->end);
}

int journal_reset_applied(struct journal *j)
{
	return write_applied(j, 0) == -1 ? STORE_REFUSED : 0;
}

uint64_t journal_applied(struct journal *j)
{
	char bytes[8];
	struct str s = { bytes, 0 };
	uint64_t position = 0;
	ssize_t got = disk_read_full(j->disk, j->lock_fd, bytes, sizeof bytes,
	    0);

	if (got > 0)
		s.n = (size_t)got;
	(void)take_le64(&s, &position); /* 0 when there are no 8 bytes */
	return position;
}

uint64_t journal_checkpointed(const struct journal *j)
{
	return j->checkpoint;
}

int journal_full(const struct journal *j)
{
	return segment_offset(newest(j), j->end) >=
	    journal_limits.segment_bytes;
}

/* Of a segment that is not the newest only the ids are needed. */
static void remove_old(struct journal *j)
{
	uint64_t later = 0;
	char name[SEGMENT_NAME_BYTES];

	for (size_t i = 1; i < j->n; i++)
		later += j->segment[i].messages;
	while (j->n > 1 && (later >= journal_limits.remember_max ||
	    is_long_ago(j, &j->segment[1]))) {
		segment_name(name, j->segment[0].number);
		/* If this fails, another process may have been first, or the
		 * next start tries again. */
		(void)j->disk->unlink(j->disk, DISK_JOURNAL, name);
		drop_segment(j, 0);
		later -= j->segment[0].messages;
	}
}

static int begin_segment(struct journal *j)
{
	int r = next_segment(j);

	if (r == 0)
		remove_old(j);
	return r;
}

int journal_checkpoint(struct journal *j)
{
	struct buf position = { 0 };
	int full = journal_full(j), r;

	if (j->sealed)
		return begin_segment(j);
	buf_le64(&position, j->end);
	r = write_record(j, full ? RECORD_SEAL : RECORD_CHECKPOINT,
	    buf_str(&position), 0);
	/* A seal needs no sync: the next segment's header says the same. */
	if (r == 0 && !full && j->disk->sync(j->disk, j->fd) == -1)
		r = STORE_BROKEN;
	if (r == 0) {
		j->checkpoint = j->end;
		advance(j, position.n);
		j->sealed = full;
	}
	buf_free(&position);
	return r == 0 && full ? begin_segment(j) : r;
}
