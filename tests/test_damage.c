/* test_damage.c: a log or the journal is damaged. What is left of it
 * is served as it was, what is wrong is reported and quarantined, and
 * no other log suffers. */
#include "tap.h"
#include "../crc.h"
#include "../journal.h"
#include "scenario.h"
#include "../util.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINES_MAX 400
#define LOG       "geral.log"

/* What the journal has: all lines, not yet checkpointed; all,
 * checkpointed; nothing. */
enum helps { REDO, MEMORY, NONE, HELPS };
static const char *const help_name[HELPS] = { "redo", "journal", "no journal" };

/* A log before anybody damaged it. */
struct base {
	struct sim *sim;
	char *text;
	size_t n, lines;
	/* where each line starts, and the end */
	size_t at[LINES_MAX + 1];
};

static size_t stride;
static long cases;

/* ---- what the store says on stderr ---- */

static int said_fd = -1;
static char said[64 * 1024];

static void listen(void)
{
	FILE *f = tmpfile();

	if (f == NULL || (said_fd = dup(fileno(f))) == -1 ||
	    dup2(said_fd, STDERR_FILENO) == -1)
		die(EXIT_FAILED, "tmpfile:");
	(void)fclose(f);        /* the descriptors keep it */
}

static void hush(void)
{
	if (ftruncate(said_fd, 0) == -1 || lseek(said_fd, 0, SEEK_SET) == -1)
		abort();
}

static const char *heard(void)
{
	ssize_t n = pread(said_fd, said, sizeof said - 1, 0);

	said[n > 0 ? n : 0] = '\0';
	return said;
}

/* ---- the store before the damage ---- */

static struct store *open_store(struct disk *disk)
{
	struct store *s;

	if (store_open(&s, disk, 4) != 0 || store_begin(s) != 0)
		die(EXIT_FAILED, "store_open:");
	return s;
}

static void put(struct store *s, const char *channel, int i, int bytes)
{
	struct topic *t = store_topic(s, TOPIC_CHANNEL, str_of(channel));
	char text[400], id[24];
	struct line l = { .user = STR("ana"), .stamp = STR("1700000000.25") };
	int n = snprintf(text, sizeof text, "%d\t", i);

	for (; n < bytes; n++)
		text[n] = (char)('A' + (i + n) % 58);
	l.message = (struct str){ text, (size_t)n };
	(void)snprintf(id, sizeof id, "id%d", i);
	l.id = str_of(id);
	if (t == NULL || store_put(s, t, &l) == -1)
		die(EXIT_FAILED, "put:");
}

/* Batches of one, two and three lines. */
static void fill(struct store *s, int lines, int bytes)
{
	int i = 0;

	if (store_create(s, TOPIC_CHANNEL, STR("geral")) == NULL ||
	    store_create(s, TOPIC_CHANNEL, STR("outro")) == NULL)
		die(EXIT_FAILED, "create:");
	while (i < lines) {
		for (int k = 0; k < 1 + i % 3 && i < lines; k++, i++)
			put(s, "geral", i + 1, 3 + i * 37 % bytes);
		put(s, "outro", i, 30);
		if (store_commit(s) != 0)
			die(EXIT_FAILED, "commit:");
	}
}

static void forget_journal(struct sim *sim)
{
	const char *name;

	while ((name = sim_name(sim, DISK_JOURNAL, 0)) != NULL)
		sim_remove(sim, DISK_JOURNAL, name);
}

static void make_base(struct base *b, int lines, int bytes, enum helps help)
{
	struct disk *disk;
	struct store *s;
	struct str text;

	b->sim = sim_new();
	disk = sim_handle(b->sim);
	s = open_store(disk);
	fill(s, lines, bytes);
	store_end(s);
	if (help != REDO && store_checkpoint(s) != 0)
		die(EXIT_FAILED, "checkpoint:");
	store_close(s);
	disk->free(disk);
	if (help == NONE)
		forget_journal(b->sim);
	text = sim_content(b->sim, DISK_CHANNELS, LOG);
	b->text = must_grow(NULL, text.n, 1);
	memcpy(b->text, text.p, text.n);
	b->n = text.n;
	b->lines = b->at[0] = 0;
	for (size_t i = 0; i < b->n; i++)
		if (b->text[i] == '\n')
			b->at[++b->lines] = i + 1;
}

static void free_base(struct base *b)
{
	free(b->text);
	sim_free(b->sim);
}

/* ---- after the damage ---- */

struct reading {
	const struct base *base;
	char have[LINES_MAX];
	int other;              /* lines that were never put */
	struct buf line;
};

static int take(void *ctx, const struct line *l)
{
	struct reading *r = ctx;
	const struct base *b = r->base;

	buf_clear(&r->line);
	line_encode(&r->line, l);
	if (l->seq >= 1 && l->seq <= b->lines && str_eq(buf_str(&r->line),
	    (struct str){ b->text + b->at[l->seq - 1],
	    b->at[l->seq] - b->at[l->seq - 1] }))
		r->have[l->seq - 1]++;
	else
		r->other++;
	return 0;
}

static int intact(const struct base *b, struct str damaged, size_t line)
{
	return damaged.n >= b->at[line + 1] && memcmp(damaged.p + b->at[line],
	    b->text + b->at[line], b->at[line + 1] - b->at[line]) == 0;
}

static int count(void *ctx, const struct line *l)
{
	int *n = ctx;

	(void)l;
	++*n;
	return 0;
}

static const char *quarantine(const struct sim *sim)
{
	const char *name;

	for (size_t i = 0; (name = sim_name(sim, DISK_CHANNELS, i)) != NULL;
	    i++)
		if (strstr(name, LOG ".damaged-") != NULL)
			return name;
	return NULL;
}

/* Whether the damage is what a crash leaves of bytes that were not
 * synced: nothing, or zeros. */
static int like_a_crash(const struct base *b, struct str damaged)
{
	for (size_t i = 0; i < damaged.n; i++)
		if (damaged.p[i] != '\0' &&
		    (i >= b->n || damaged.p[i] != b->text[i]))
			return 0;
	return damaged.n <= b->n;
}

/* Every byte of the damaged log that is not zero still stands where it stood,
 * or in the quarantine. */
static int kept(const struct sim *sim, struct str damaged)
{
	struct str log = sim_content(sim, DISK_CHANNELS, LOG),
	    cut = { NULL, 0 };
	size_t n = damaged.n;

	if (quarantine(sim) != NULL)
		cut = sim_content(sim, DISK_CHANNELS, quarantine(sim));
	if (cut.n > n || (cut.n > 0 && memcmp(damaged.p + n - cut.n, cut.p,
	    cut.n) != 0))
		return 0;
	n -= cut.n;
	for (size_t i = 0; i < n; i++)
		if (damaged.p[i] != '\0' &&
		    (i >= log.n || log.p[i] != damaged.p[i]))
			return 0;
	return 1;
}

/* What is wrong with what a store makes of a damaged log, or NULL. */
static const char *judge(const struct base *b, const struct sim *sim,
    struct store *s, struct str damaged, enum helps help)
{
	struct reading r = { .base = b };
	struct topic *t = store_topic(s, TOPIC_CHANNEL, STR("geral"));
	char named[64];
	size_t first = b->lines, last = b->lines;
	int others = 0, r1 = t != NULL ? store_read(s, t, 0, take, &r) : -1;

	buf_free(&r.line);
	if (r1 == -1)
		return "it cannot be read";
	if (r.other > 0)
		return "a line was given out that was never put";
	while (last > 0 && !intact(b, damaged, last - 1))
		last--;
	for (size_t i = b->lines; i-- > 0; ) {
		int whole = intact(b, damaged, i);

		if (!whole)
			first = i;
		if (r.have[i] > 1)
			return "a line was given out twice";
		if (r.have[i] == 0 && (whole || help == REDO ||
		    (help == MEMORY && i >= last)))
			return "a line is missing";
	}
	/* A log that ends after a line looks intact when there is no journal.
	 * What a crash has done is repaired silently. */
	(void)snprintf(named, sizeof named, "channels/" LOG ": line %zu: ",
	    first + 1);
	if ((first < b->lines || damaged.n > b->n) &&
	    strstr(heard(), named) == NULL &&
	    !(help == NONE && damaged.n == b->at[first]) &&
	    !(help == REDO && like_a_crash(b, damaged)))
		return "it was not reported";
	if (!kept(sim, damaged))
		return "bytes were thrown away";
	t = store_topic(s, TOPIC_CHANNEL, STR("outro"));
	if (t == NULL || store_read(s, t, 0, count, &others) == -1 ||
	    others == 0 || (uint64_t)others != t->now.seq)
		return "another log suffers";
	return NULL;
}

/* It goes on from there. */
static const char *go_on(struct sim *sim, struct store *s)
{
	struct topic *t = store_topic(s, TOPIC_CHANNEL, STR("geral"));
	uint64_t seq = t->now.seq + 1;
	struct line l = { 0 };

	put(s, "geral", 1000, 20);
	if (store_commit(s) != 0 || t->now.seq != seq || store_find(s, t, seq,
	    &l) != 1 || l.message.n != 20)
		return "the next line is not stored";
	if (sim_content(sim, DISK_CHANNELS, LOG).n != t->now.bytes)
		return "the log does not end after it";
	return NULL;
}

static void try(const struct base *b, struct str damaged, enum helps help,
    const char *what, size_t n)
{
	struct sim *sim = sim_copy(b->sim);
	struct disk *disk = sim_handle(sim);
	struct store *s;
	const char *why;
	uint64_t seq;

	sim_put_content(sim, DISK_CHANNELS, LOG, damaged);
	hush();
	s = open_store(disk);
	why = judge(b, sim, s, damaged, help);
	if (why == NULL)
		why = go_on(sim, s);
	seq = why == NULL ? store_topic(s, TOPIC_CHANNEL,
	    STR("geral"))->now.seq : 0;
	store_end(s);
	store_close(s);
	if (why == NULL) {      /* and from there again */
		s = open_store(disk);
		if (store_topic(s, TOPIC_CHANNEL, STR("geral"))->now.seq != seq)
			why = "it is another log the next time";
		store_end(s);
		store_close(s);
	}
	CHECK(why == NULL, "%s %zu, %s: %s", what, n, help_name[help], why);
	disk->free(disk);
	sim_free(sim);
	cases++;
}

static void test_cut(void)
{
	struct base b;

	for (int help = 0; help < HELPS; help++) {
		make_base(&b, 66, 300, (enum helps)help);
		CHECK(b.n > 9000, "the log is too short: %zu", b.n);
		for (size_t n = b.n - 8192; n < b.n; n += stride)
			try(&b, (struct str){ b.text, n }, (enum helps)help,
			    "cut to", n);
		try(&b, (struct str){ b.text, 0 }, (enum helps)help, "cut to",
		    0);
		free_base(&b);
	}
}

static void test_zeros(void)
{
	struct base b;

	for (int help = 0; help < HELPS; help++) {
		make_base(&b, 66, 300, (enum helps)help);
		for (size_t n = 0; n < b.n; n += 512) {
			char *copy = must_grow(NULL, b.n, 1);

			memcpy(copy, b.text, b.n);
			memset(copy + n, 0, b.n - n);
			try(&b, (struct str){ copy, b.n }, (enum helps)help,
			    "zeros from", n);
			/* a hole of a sector */
			memcpy(copy, b.text, b.n);
			memset(copy + n, 0, b.n - n < 512 ? b.n - n : 512);
			try(&b, (struct str){ copy, b.n }, (enum helps)help,
			    "a sector of zeros at", n);
			free(copy);
		}
		free_base(&b);
	}
}

static void test_tail(void)
{
	struct base b;

	for (int help = 0; help < HELPS; help++) {
		make_base(&b, 20, 100, (enum helps)help);
		for (size_t n = 1; n < 600; n += stride) {
			char *copy = must_grow(NULL, b.n + n, 1);

			memcpy(copy, b.text, b.n);
			for (size_t i = 0; i < n; i++)
				copy[b.n + i] = (char)(n % 3 ?
				    check_random(256) : n % 2 ? 'x' : '\0');
			try(&b, (struct str){ copy, b.n + n }, (enum helps)help,
			    "random bytes at the end:", n);
			free(copy);
		}
		free_base(&b);
	}
}

/* A copy, because what is compared with must stay right. */
static void flip(const struct base *b, size_t bit, enum helps help)
{
	char *copy = must_grow(NULL, b->n, 1);

	memcpy(copy, b->text, b->n);
	copy[bit / 8] = (char)(copy[bit / 8] ^ 1 << bit % 8);
	try(b, (struct str){ copy, b->n }, help, "flipped bit", bit);
	free(copy);
}

static void test_flips(void)
{
	struct base b;

	for (int help = 0; help < HELPS; help++) {
		make_base(&b, 30, 40, (enum helps)help);
		CHECK(b.n > 2048, "the log is too short: %zu", b.n);
		for (size_t bit = 0; bit < 8 * b.n; bit += stride)
			flip(&b, bit, (enum helps)help);
		free_base(&b);
	}
}

/* ---- and a crash on top ---- */

/* Power is lost while a damaged log is repaired: what the journal has still
 * comes back. 0: the repair has fewer steps. */
static int crash_repair(const struct base *b, struct str damaged, long step,
    enum sim_loss loss)
{
	struct sim *sim = sim_copy(b->sim);
	struct disk *disk = sim_handle(sim);
	struct reading r = { .base = b };
	struct topic *t;
	struct store *s = NULL;
	size_t missing = 0;
	int ended;

	sim_put_content(sim, DISK_CHANNELS, LOG, damaged);
	sim_end_at(sim, step, 0);
	if (store_open(&s, disk, 4) == 0 && store_begin(s) == 0) {
		(void)store_topic(s, TOPIC_CHANNEL, STR("geral"));
		store_end(s);
		(void)store_checkpoint(s);
	}
	store_close(s);
	disk->free(disk);
	ended = sim_ended(sim);
	sim_power_loss(sim, loss, (uint32_t)step);
	disk = sim_handle(sim);
	s = open_store(disk);
	t = store_topic(s, TOPIC_CHANNEL, STR("geral"));
	CHECK(t != NULL && t->now.seq == b->lines && store_read(s, t, 0, take,
	    &r) == 0 && r.other == 0,
	    "cut to %zu, power lost at step %ld, %s: it cannot be read",
	    damaged.n, step, sim_loss_name(loss));
	buf_free(&r.line);
	for (size_t i = 0; i < b->lines; i++)
		missing += r.have[i] != 1;
	CHECK(missing == 0,
	    "cut to %zu, power lost at step %ld, %s: %zu lines are missing",
	    damaged.n, step, sim_loss_name(loss), missing);
	store_end(s);
	store_close(s);
	disk->free(disk);
	sim_free(sim);
	cases++;
	return ended;
}

static void test_crash(void)
{
	struct base b;

	for (int help = REDO; help <= MEMORY; help++)
		for (int loss = 0; loss < SIM_LOSSES; loss++) {
			char *copy;

			make_base(&b, 20, 100, (enum helps)help);
			copy = must_grow(NULL, b.n, 1);
			memcpy(copy, b.text, b.n);
			/* otherwise only the end is repaired */
			copy[b.n / 2] ^= help == REDO;
			for (size_t n = b.n; n > b.n / 2; n -= 1 + n / 9)
				for (long step = 1;
				    crash_repair(&b, (struct str){ copy, n },
				    step, (enum sim_loss)loss); step++)
					;
			free(copy);
			free_base(&b);
		}
}

/* A log is cut under a running server, another one starts and repairs it,
 * the first one goes on. */
static void repair_for_another(const struct base *b, size_t n)
{
	struct sim *sim = sim_copy(b->sim);
	struct disk *disk[2] = { sim_handle(sim), sim_handle(sim) };
	struct store *s[2];
	struct reading r = { .base = b };
	struct topic *t;
	size_t missing = 0;

	s[0] = open_store(disk[0]);
	(void)store_topic(s[0], TOPIC_CHANNEL, STR("geral"));
	store_end(s[0]);
	sim_cut(sim, DISK_CHANNELS, LOG, n);
	s[1] = open_store(disk[1]);
	put(s[1], "geral", 3000, 20);
	CHECK(store_commit(s[1]) == 0, "commit: %s", strerror(errno));
	store_end(s[1]);
	CHECK(store_begin(s[0]) == 0, "begin: %s", strerror(errno));
	put(s[0], "geral", 3001, 20);
	CHECK(store_commit(s[0]) == 0, "commit: %s", strerror(errno));
	t = store_topic(s[0], TOPIC_CHANNEL, STR("geral"));
	CHECK(t != NULL && t->now.seq == b->lines + 2 && store_read(s[0], t, 0,
	    take, &r) == 0 && r.other == 2, "cut to %zu: %d lines are new", n,
	    r.other);
	buf_free(&r.line);
	for (size_t i = 0; i < b->lines; i++)
		missing += r.have[i] != 1;
	CHECK(missing == 0, "cut to %zu: %zu lines are missing", n, missing);
	store_end(s[0]);
	for (int i = 0; i < 2; i++) {
		store_close(s[i]);
		disk[i]->free(disk[i]);
	}
	sim_free(sim);
	cases++;
}

static void test_two(void)
{
	struct base b;

	for (int help = REDO; help <= MEMORY; help++) {
		make_base(&b, 20, 100, (enum helps)help);
		for (size_t n = 0; n < b.n; n += 13)
			repair_for_another(&b, n);
		free_base(&b);
	}
}

/* ---- a damaged journal ---- */

/* The logs have everything: nothing is lost or quarantined, no
 * number is given twice. */
static const char *judge_logs(const struct base *b, const struct sim *sim,
    struct store *s)
{
	struct topic *t = store_topic(s, TOPIC_CHANNEL, STR("geral"));
	struct reading r = { .base = b };
	int good = t != NULL && t->now.seq == b->lines &&
	    store_read(s, t, 0, take, &r) == 0;

	buf_free(&r.line);
	if (!good || r.other > 0)
		return "the log cannot be read";
	for (size_t i = 0; i < b->lines; i++)
		if (r.have[i] != 1)
			return "a line is missing";
	return quarantine(sim) != NULL ? "something was quarantined" :
	    go_on((struct sim *)sim, s);
}

/* The logs have nothing. What a damaged record had is lost, the rest is there,
 * and it is reported; unless the last one was hit, which looks like a batch
 * that was never acknowledged. */
static const char *judge_rest(const struct base *b, struct sim *sim,
    struct store *s, size_t last)
{
	struct topic *t = store_topic(s, TOPIC_CHANNEL, STR("geral"));
	struct reading r = { .base = b };
	size_t missing = 0;
	int good = t == NULL || store_read(s, t, 0, take, &r) == 0;

	buf_free(&r.line);
	if (!good || r.other > 0)
		return "the log cannot be read";
	for (size_t i = 0; i < b->lines; i++)
		missing += r.have[i] != 1;
	if (missing > 3)
		return "more than one batch is lost";
	if (missing > 0 && r.have[b->lines - 1] &&
	    strstr(heard(), "journal/") == NULL)
		return "it was not reported";
	if (missing > 0 && !r.have[b->lines - 1] && missing > last)
		return "more than the last batch is lost";
	return t != NULL ? go_on(sim, s) : NULL;
}

static void empty_logs(struct sim *sim)
{
	sim_put_content(sim, DISK_CHANNELS, LOG, (struct str){ "", 0 });
	sim_put_content(sim, DISK_CHANNELS, "outro.log",
	    (struct str){ "", 0 });
}

static void hurt_journal(const struct base *b, const char *file, size_t bit,
    int n, int with_logs)
{
	struct sim *sim = sim_copy(b->sim);
	struct disk *disk = sim_handle(sim);
	struct str text = sim_content(sim, DISK_JOURNAL, file);
	char *copy = must_grow(NULL, text.n, 1);
	const char *why;
	struct store *s;

	memcpy(copy, text.p, text.n);
	if (n == 0)
		copy[bit / 8] = (char)(copy[bit / 8] ^ 1 << bit % 8);
	else
		memset(copy + bit / 8, 0,
		    bit / 8 + (size_t)n < text.n ? (size_t)n :
		    text.n - bit / 8);
	sim_put_content(sim, DISK_JOURNAL, file, (struct str){ copy, text.n });
	free(copy);
	if (!with_logs)
		empty_logs(sim);
	hush();
	s = open_store(disk);
	why = with_logs ? judge_logs(b, sim, s) : judge_rest(b, sim, s, 3);
	CHECK(why == NULL, "journal, %s %zu, %s logs: %s",
	    n ? "zeros at bit" : "flipped bit", bit,
	    with_logs ? "with" : "without", why);
	store_end(s);
	store_close(s);
	disk->free(disk);
	sim_free(sim);
	cases++;
}

/* A record in the middle is damaged, and a read of the journal fails: what
 * could not be read is not taken for missing. 0: there were fewer reads. */
static int fail_read(const struct base *b, const char *file, long n)
{
	const struct sim_fault fault = { SIM_READ, n, 0, EIO, 0 };
	struct sim *sim = sim_copy(b->sim);
	struct disk *disk = sim_handle(sim);
	struct str text = sim_content(sim, DISK_JOURNAL, file);
	char *copy = must_grow(NULL, text.n, 1);
	struct store *s = NULL;
	const char *why;
	int struck;

	memcpy(copy, text.p, text.n);
	memset(copy + b->n / 2, 0, 10);
	sim_put_content(sim, DISK_JOURNAL, file, (struct str){ copy, text.n });
	free(copy);
	sim_put_content(sim, DISK_CHANNELS, LOG, (struct str){ "", 0 });
	hush();
	sim_set_fault(sim, &fault);
	if (store_open(&s, disk, 4) == 0 && store_begin(s) == 0) {
		for (int i = 0; i < 40 && store_topic(s, TOPIC_CHANNEL,
		    STR("outro")) != NULL; i++)
			put(s, "outro", 2000 + i, 200);
		(void)store_commit(s);
		store_end(s);
	}
	struck = sim_faults_struck(sim);
	sim_no_faults(sim);
	store_close(s);
	s = open_store(disk);
	why = judge_rest(b, sim, s, 3);
	CHECK(why == NULL, "journal damaged, read %ld fails: %s", n, why);
	store_end(s);
	store_close(s);
	disk->free(disk);
	sim_free(sim);
	cases++;
	return struck;
}

static void test_journal(void)
{
	struct base b;
	size_t n;
	long reads;

	for (int with_logs = 0; with_logs < 2; with_logs++) {
		const char *file;

		make_base(&b, 20, 40, REDO);
		file = sim_name(b.sim, DISK_JOURNAL, 0);
		n = sim_content(b.sim, DISK_JOURNAL, file).n;
		for (size_t bit = 0; bit < 8 * n; bit += stride)
			hurt_journal(&b, file, bit, 0, with_logs);
		for (size_t at = 0; at < n && with_logs; at += 512)
			hurt_journal(&b, file, 8 * at, 512, with_logs);
		reads = 0;
		while (!with_logs && fail_read(&b, file, reads + 1))
			reads++;
		CHECK(with_logs || reads > 0, "no read has failed");
		free_base(&b);
	}
}

/* ---- nonsense with a right checksum ---- */

static uint64_t number_at(const char *p)
{
	struct str s = { p, 8 };
	uint64_t n = 0;

	(void)take_le64(&s, &n);
	return n;
}

static void put_number(char *p, uint64_t n)
{
	for (int i = 0; i < 8; i++, n >>= 8)
		p[i] = (char)(n & 0xff);
}

static void complement(char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (char)~p[i];
}

/* Makes the checksum right that covers a field: of the header, or of the record
 * that begins at `record`, if its length still makes sense. */
static void mend_checksum(char *clear, size_t n, size_t record)
{
	uint64_t length;
	uint32_t crc;

	if (record == 0) {
		put_number(clear + 32, crc32c(0, clear, 32));
		return;
	}
	length = number_at(clear + record + 24);
	if (length > n - record - 48)
		return;
	crc = crc32c(0, clear + record, 40);
	put_number(clear + record + 40, crc32c(crc, clear + record + 48,
	    (size_t)length));
}

/* The start is refused, and changes nothing; or all lines are there: the logs
 * or the journal have them. Neither crashes. */
static void try_nonsense(const struct base *b, const char *file,
    struct str journal, size_t record, size_t field, uint64_t value,
    int with_logs)
{
	struct sim *sim = sim_copy(b->sim);
	struct disk *disk = sim_handle(sim);
	char *copy = must_grow(NULL, journal.n, 1);
	struct store *s = NULL;
	struct reading r = { .base = b };
	struct topic *t = NULL;
	int opened;

	memcpy(copy, journal.p, journal.n);
	put_number(copy + field, value);
	mend_checksum(copy, journal.n, record);
	complement(copy, journal.n);
	sim_put_content(sim, DISK_JOURNAL, file,
	    (struct str){ copy, journal.n });
	if (!with_logs)
		empty_logs(sim);
	hush();
	opened = store_open(&s, disk, 4) == 0;
	if (opened && store_begin(s) == 0) {
		t = store_topic(s, TOPIC_CHANNEL, STR("geral"));
		CHECK(t != NULL && store_read(s, t, 0, take, &r) == 0 &&
		    r.other == 0, "field %zu is %llx: it cannot be read",
		    field, (unsigned long long)value);
		for (size_t i = 0; i < b->lines; i++)
			CHECK(r.have[i] == 1,
			    "field %zu is %llx, %d: line %zu is there %d times",
			    field, (unsigned long long)value, with_logs,
			    i + 1, r.have[i]);
		store_end(s);
		(void)store_checkpoint(s);
	}
	CHECK(opened || (errno == EIO && str_eq(sim_content(sim, DISK_JOURNAL,
	    file), (struct str){ copy, journal.n })),
	    "field %zu is %llx: the start fails with %s", field,
	    (unsigned long long)value, strerror(errno));
	buf_free(&r.line);
	free(copy);
	store_close(s);
	disk->free(disk);
	sim_free(sim);
	cases++;
}

static void try_field(const struct base *b, const char *file,
    struct str journal, size_t record, size_t field)
{
	const uint64_t was = number_at(journal.p + field);
	const uint64_t value[] = {
		0, 1, 'x', was - 1, was + 1, was + 48, UINT64_C(1) << 31,
		UINT64_C(1) << 32, UINT64_C(1) << 62, INT64_MAX,
		UINT64_C(1) << 63, UINT64_MAX - 47, UINT64_MAX
	};

	/* A record that says nonsense of itself counts as damaged. */
	const int only_with_logs = record > 0 && field < record + 40;

	for (size_t i = 0; i < COUNT(value); i++)
		for (int with_logs = only_with_logs; with_logs < 2; with_logs++)
			try_nonsense(b, file, journal, record, field, value[i],
			    with_logs);
}

/* A checkpoint at the end of the journal says that the logs have more than
 * there is. They have nothing. */
static void try_checkpoint(const struct base *b, const char *file,
    struct str journal, size_t end)
{
	struct str text = { journal.p, end + 56 };
	char *copy = must_grow(NULL, text.n, 1);

	memcpy(copy, journal.p, end);
	put_number(copy + end, number_at(journal.p + 40));
	put_number(copy + end + 8, end - 40);
	put_number(copy + end + 16, 'c');
	put_number(copy + end + 24, 8);
	put_number(copy + end + 32, 0);
	text.p = copy;
	try_nonsense(b, file, text, end, end + 48, UINT64_MAX, 0);
	free(copy);
}

static void test_nonsense(void)
{
	enum { HEADER = 40, RECORD = 48, ENTRY = 32 };
	struct base b;
	const char *file;
	char *clear;
	struct str journal;
	size_t at = HEADER;

	make_base(&b, 12, 40, REDO);
	file = sim_name(b.sim, DISK_JOURNAL, 0);
	journal = sim_content(b.sim, DISK_JOURNAL, file);
	clear = must_grow(NULL, journal.n, 1);
	memcpy(clear, journal.p, journal.n);
	complement(clear, journal.n);
	journal.p = clear;
	for (size_t field = 8; field < 32; field += 8)
		try_field(&b, file, journal, 0, field);
	while (number_at(clear + at) == number_at(clear + HEADER)) {
		size_t end = at + RECORD + (size_t)number_at(clear + at + 24);
		size_t entry = at + RECORD;

		for (size_t field = at + 8; field < at + 40; field += 8)
			try_field(&b, file, journal, at, field);
		try_nonsense(&b, file, journal, at, at + 16, 'x', 0);
		while (entry < end) {
			for (size_t k = 0; k < ENTRY; k += 8)
				try_field(&b, file, journal, at, entry + k);
			entry += ENTRY + (size_t)(number_at(clear + entry + 8) +
			    number_at(clear + entry + 24));
		}
		at = end;
	}
	try_checkpoint(&b, file, journal, at);
	free(clear);
	free_base(&b);
}

int main(int argc, char **argv)
{
	stride = (size_t)scenario_stride(argc, argv);
	journal_limits.ahead_bytes = 500;
	listen();
	check_group("a log cut at any byte is completed or reported", test_cut);
	check_group("zeros from any sector on, and in any sector", test_zeros);
	check_group("random bytes after the end", test_tail);
	check_group("any flipped bit is found, and costs one line at most",
	    test_flips);
	check_group("power is lost while a log is repaired", test_crash);
	check_group("a log is repaired while another server runs", test_two);
	check_group("a damaged journal costs nothing that the logs have",
	    test_journal);
	check_group("nonsense in the journal with a right checksum",
	    test_nonsense);
	printf("# %ld cases\n", cases);
	return check_done();
}
