/* fuzz_recover.c: a directory that holds anything. It opens or is refused; if
 * it opens, what is stored then is there when it is opened again, and the logs
 * of it can be read.
 *
 * Input: a byte that says whether the directory was used before, and whether it
 * is in use; then changes, each ended by the bytes FF FE: what to do, to which
 * file, a number, and bytes for it. */
#include "fuzz.h"
#include "../crc.h"
#include "../entry.h"
#include "../journal.h"
#include "../segment.h"
#include "../store.h"
#include "sim_disk.h"

/* What to do. Without the right checksums little of it would be looked at. */
enum act { REPLACE, APPEND, LINE, HEADER, RECORD, ENTRY, OVERWRITE, CUT, ACTS };

static const struct {
	enum disk_dir dir;
	const char *name;
} file[] = {
	{ DISK_JOURNAL, "0000000000000001.journal" },
	{ DISK_JOURNAL, "0000000000000002.journal" },
	{ DISK_CHANNELS, "geral.log" }, { DISK_USERS, "ana.log" },
	{ DISK_CHANNELS, "novo.log" }, { DISK_ROOT, "events.log" },
	{ DISK_ROOT, "lock" }, { DISK_USERS, "geral.log" },
	{ DISK_CHANNELS, "%zz.log" }, { DISK_JOURNAL, "x.journal" }
};
#define FILES (sizeof file / sizeof *file)

static void put_one(struct store *s, uint64_t *seq)
{
	struct topic *t = store_topic(s, TOPIC_CHANNEL, str_of("geral"));
	struct line l = { .user = STR("ana"), .message = STR("oi") };

	if (t == NULL)
		t = store_create(s, TOPIC_CHANNEL, str_of("geral"));
	if (t != NULL && store_put(s, t, &l) == 0 && store_commit(s) == 0)
		*seq = l.seq;
}

static int any_line(void *last, const struct line *l)
{
	must(l->seq > *(uint64_t *)last);
	*(uint64_t *)last = l->seq;
	return 0;
}

static void read_all(struct store *s, enum topic_kind kind)
{
	for (size_t i = 0; i < store_count(s, kind); i++) {
		struct str name = store_at(s, kind, i)->name;
		struct topic *t = store_topic(s, kind, name);
		uint64_t last = 0;

		if (t != NULL)
			/* one that is damaged may refuse */
			(void)store_read(s, t, 0, any_line, &last);
	}
}

static void want_one(struct store *s, uint64_t seq)
{
	struct topic *t = store_topic(s, TOPIC_CHANNEL, str_of("geral"));
	struct line l;

	must(t != NULL && store_find(s, t, seq, &l) == 1 &&
	    str_is(l.user, "ana") && str_is(l.message, "oi"));
}

/* 0: it opens. Stores one line, or, with *seq, looks for it. */
static int use(struct sim *sim, uint64_t *seq)
{
	struct disk *disk = sim_handle(sim);
	struct store *s;
	int opened = store_open(&s, disk, 3) == 0;

	if (opened && store_begin(s) == 0) {
		read_all(s, TOPIC_CHANNEL);
		read_all(s, TOPIC_USER);
		if (*seq == 0)
			put_one(s, seq);
		else
			want_one(s, *seq);
		store_end(s);
	}
	if (opened)
		store_close(s);
	disk->free(disk);
	must(sim_open_files(sim) == 0);
	return opened ? 0 : -1;
}

static struct sim *in_use(void)
{
	struct sim *sim = sim_new();

	for (int i = 0; i < 3; i++) {
		uint64_t seq = 0;

		must(use(sim, &seq) == 0 && seq != 0);
	}
	return sim;
}

/* Line N has seq N. Another seq under a right checksum is no accident: it takes
 * logck to find it. */
static void put_line(struct buf *b, struct str rest)
{
	size_t at = b->n, seq = 1;

	for (size_t i = 0; i < at; i++)
		seq += b->p[i] == '\n';
	buf_printf(b, "%zu\t", seq);
	buf_str_add(b, rest);
	buf_printf(b, "\t%08lx\n", (unsigned long)crc32c(0, b->p + at,
	    b->n - at));
}

/* After the last one, in place of zeros. off: how far its position is from
 * where it goes. */
static void put_record(struct buf *b, enum record_kind kind,
    struct str payload, uint64_t messages, uint64_t off)
{
	struct buf record = { 0 };
	uint64_t at;

	while (b->n > SEGMENT_HEADER_BYTES && b->p[b->n - 1] == '\0')
		b->n--;
	at = b->n < SEGMENT_HEADER_BYTES ? 0 : b->n - SEGMENT_HEADER_BYTES;
	record_put(&record, at + off, kind, payload, messages);
	buf_str_add(b, buf_str(&record));
	buf_free(&record);
}

static void put_any_record(struct buf *b, struct str in)
{
	enum record_kind kind = fuzz_byte(&in);
	unsigned messages = fuzz_byte(&in), off = fuzz_byte(&in);

	put_record(b, kind, in, messages, off < 128 ? 0 : off);
}

/* A batch of one entry. */
static void put_entry(struct buf *b, struct str in)
{
	static const char kinds[] = "cue?";
	struct buf payload = { 0 };
	unsigned kind = fuzz_byte(&in), offset = fuzz_byte(&in);
	struct str name = fuzz_until(&in, '\0');

	buf_le64(&payload, (uint64_t)kinds[kind % 4]);
	buf_le64(&payload, name.n);
	buf_le64(&payload, offset < 128 ? offset : (uint64_t)offset << 56);
	buf_le64(&payload, in.n);
	buf_str_add(&payload, name);
	buf_str_add(&payload, in);
	put_record(b, RECORD_BATCH, buf_str(&payload), 1, 0);
	buf_free(&payload);
}

static void put_header(struct buf *b, unsigned f, struct str in)
{
	struct segment s = { .number = f + 1, .start = fuzz_byte(&in) };

	segment_put_header(b, &s);
}

/* As another process does, which may have gone mad. */
static void write_file(struct sim *sim, unsigned f, struct str bytes)
{
	struct disk *d = sim_handle(sim);
	int fd = d->open(d, file[f].dir, file[f].name, 1);

	must(fd != -1 && d->truncate(d, fd, 0) == 0 &&
	    disk_write_full(d, fd, bytes.p, bytes.n, 0) == 0);
	d->close(d, fd);
	d->free(d);
}

static void change(struct sim *sim, struct str in)
{
	enum act act = fuzz_byte(&in) % ACTS;
	unsigned f = fuzz_byte(&in) % FILES, at = fuzz_byte(&in);
	struct str old = sim_content(sim, file[f].dir, file[f].name);
	struct buf b = { 0 };

	if (act != REPLACE && act != HEADER)
		buf_str_add(&b, old);
	switch (act) {
	case REPLACE:
	case APPEND:
		buf_str_add(&b, in);
		break;
	case LINE:
		put_line(&b, in);
		break;
	case HEADER:
		put_header(&b, f, in);
		break;
	case RECORD:
		put_any_record(&b, in);
		break;
	case ENTRY:
		put_entry(&b, in);
		break;
	case OVERWRITE:
		for (size_t i = 0; i < in.n && at + i < b.n; i++)
			b.p[at + i] = in.p[i];
		break;
	default:
		if (at < b.n)
			b.n = at;
	}
	write_file(sim, f, buf_str(&b));
	buf_free(&b);
}

static void change_all(struct sim *sim, struct str in)
{
	while (in.n > 0)
		change(sim, fuzz_part(&in));
}

/* A store is open, and takes over what others have written. */
static void use_while_open(struct sim *sim, struct str in)
{
	struct disk *disk = sim_handle(sim);
	struct store *s;
	uint64_t seq = 0;

	must(store_open(&s, disk, 3) == 0);
	change_all(sim, in);
	for (int i = 0; i < 2; i++) {
		if (store_begin(s) != 0)
			break;
		read_all(s, TOPIC_CHANNEL);
		put_one(s, &seq);
		store_end(s);
	}
	store_close(s);
	disk->free(disk);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	static struct sim *used, *empty;
	struct str in = { (const char *)bytes, n };
	unsigned how = fuzz_byte(&in);
	struct sim *sim;
	uint64_t seq = 0;

	if (used == NULL) {
		journal_limits.segment_bytes = 4096;
		journal_limits.ahead_bytes = 512;
		empty = sim_new();
		used = in_use();
	}
	sim = sim_copy(how % 2 == 0 ? empty : used);
	if (how / 2 % 2 == 0)
		change_all(sim, in);
	else
		use_while_open(sim, in);
	if (use(sim, &seq) == 0 && seq != 0)
		must(use(sim, &seq) == 0);
	sim_free(sim);
	return 0;
}
