/* test_store.c: what store.h promises while nothing goes wrong, and a little of
 * when something does; power, faults and damage have tests of their own. */
#include "../limits.h"
#include "tap.h"
#include "../journal.h"
#include "scenario.h"
#include "../util.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* ---- on a simulated disk ---- */

static struct store *start(struct disk *disk, size_t logs)
{
	struct store *s = NULL;

	CHECK(store_open(&s, disk, logs) == 0, "%s", strerror(errno));
	CHECK(s != NULL && store_begin(s) == 0, "begin: %s", strerror(errno));
	return s;
}

static void stop(struct store *s)
{
	store_end(s);
	store_close(s);
}

static uint64_t put(struct store *s, struct topic *t, const char *id,
    const char *text)
{
	struct line l = { .user = STR("ana"), .message = str_of(text),
	    .id = str_of(id) };

	return t != NULL && store_put(s, t, &l) == 0 ? l.seq : 0;
}

/* Where it must exist. */
static struct topic *sure(struct topic *t)
{
	if (t == NULL)
		die(EXIT_FAILED, "there is no topic:");
	return t;
}

static struct topic *channel(struct store *s, const char *name)
{
	return store_topic(s, TOPIC_CHANNEL, str_of(name));
}

static uint64_t seen(struct store *s, const char *name, const char *id)
{
	return store_seen(s, channel(s, name), STR("ana"), str_of(id));
}

static void test_basics(struct disk *disk)
{
	struct store *s = start(disk, 4);
	struct topic *t = sure(store_create(s, TOPIC_CHANNEL, STR("geral")));
	struct line l;

	CHECK(store_pending(s) && !t->created, "create");
	CHECK(channel(s, "geral") == t && store_has(s, TOPIC_CHANNEL,
	    STR("geral")), "not to be found");
	CHECK(store_create(s, TOPIC_CHANNEL, STR("geral")) == NULL &&
	    errno == EEXIST, "created twice");
	CHECK(put(s, t, "a", "oi") == 1 && put(s, t, "b", "tudo\tbem?\n") == 2,
	    "put");
	CHECK(seen(s, "geral", "b") == 2 && seen(s, "geral", "c") == 0,
	    "seen in the batch");
	CHECK(put(s, t, "", "no id") == 3 && seen(s, "geral", "") == 0,
	    "without an id");
	CHECK(store_seen(s, t, STR("bob"), STR("a")) == 0,
	    "another sender's id");
	CHECK(store_find(s, t, 2, &l) == 1 && str_is(l.message, "tudo\tbem?\n"),
	    "find in the batch");
	CHECK(t->now.seq == 0 && store_commit(s) == 0 && t->now.seq == 3 &&
	    t->created, "commit");
	CHECK(!store_pending(s) && store_commit(s) == 0, "nothing to commit");
	CHECK(store_find(s, t, 1, &l) == 1 && str_is(l.message, "oi"), "find");
	CHECK(store_find(s, t, 4, &l) == 0, "a line that is not there");
	CHECK(seen(s, "geral", "a") == 1, "seen later");
	CHECK(channel(s, "nada") == NULL && errno == ENOENT,
	    "a channel that does not exist");
	CHECK(!store_has(s, TOPIC_USER, STR("geral")),
	    "a channel is not a user");
	CHECK(put(s, store_events(s), "e", "channel") == 1 &&
	    store_commit(s) == 0, "events");
	CHECK(store_needs_checkpoint(s), "nothing to sync");
	store_end(s);
	CHECK(store_checkpoint(s) == 0 && !store_needs_checkpoint(s),
	    "checkpoint");
	store_close(s);
	s = start(disk, 4);
	CHECK(!store_needs_checkpoint(s),
	    "there is something to repair after a clean end");
	t = sure(channel(s, "geral"));
	CHECK(t->now.seq == 3 && seen(s, "geral", "a") == 1 &&
	    seen(s, "geral", "b") == 2, "after a reopening");
	CHECK(put(s, t, "d", "again") == 4 && store_commit(s) == 0, "go on");
	CHECK(store_count(s, TOPIC_CHANNEL) == 1 && store_at(s, TOPIC_CHANNEL,
	    0) == t, "list");
	stop(s);
}

static void test_on_sim(void)
{
	struct sim *sim = sim_new();
	struct disk *disk = sim_handle(sim);

	test_basics(disk);
	CHECK(sim_open_files(sim) == 0, "%zu descriptors are left",
	    sim_open_files(sim));
	disk->free(disk);
	sim_free(sim);
}

/* A batch that was refused, or never committed, leaves no trace. */
static void test_rollback(void)
{
	const struct sim_fault full = { SIM_WRITE, 1, 0, ENOSPC, 0 };
	struct sim *sim = sim_new();
	struct disk *disk = sim_handle(sim);
	struct store *s = start(disk, 4);
	struct topic *t = sure(store_create(s, TOPIC_CHANNEL, STR("geral")));

	CHECK(put(s, t, "1", "one") == 1 && store_commit(s) == 0, "commit");
	for (int end = 0; end < 2; end++) {
		CHECK(put(s, t, "2", "two") == 2 &&
		    put(s, t, "3", "three") == 3, "put");
		CHECK(put(s, store_create(s, TOPIC_CHANNEL, STR("novo")), "4",
		    "four") == 1, "create");
		if (end) {
			store_end(s);
			CHECK(store_begin(s) == 0, "begin");
		} else {
			sim_set_fault(sim, &full);
			errno = 0;
			CHECK(store_commit(s) == STORE_REFUSED &&
			    errno == ENOSPC, "commit on a full disk");
			sim_no_faults(sim);
		}
		CHECK(!store_pending(s) && t->now.seq == 1,
		    "something is left");
		CHECK(seen(s, "geral", "1") == 1 && seen(s, "geral", "2") == 0,
		    "ids");
		CHECK(channel(s, "novo") == NULL &&
		    store_count(s, TOPIC_CHANNEL) == 1, "the new channel");
	}
	CHECK(put(s, t, "2", "another two") == 2 && store_commit(s) == 0,
	    "go on");
	stop(s);
	CHECK(sim_content(sim, DISK_CHANNELS, "novo.log").p == NULL,
	    "there is a file");
	s = start(disk, 4);
	CHECK(sure(channel(s, "geral"))->now.seq == 2 &&
	    channel(s, "novo") == NULL, "after a reopening");
	stop(s);
	disk->free(disk);
	sim_free(sim);
}

struct range {
	uint64_t next, last;
	int wrong;
};

static int in_order(void *ctx, const struct line *l)
{
	struct range *r = ctx;

	r->wrong += l->seq != r->next++;
	return l->seq == r->last;
}

static void test_history(void)
{
	enum { N = 700 };
	struct sim *sim = sim_new();
	struct disk *disk = sim_handle(sim);
	struct store *s = start(disk, 4);
	struct topic *t = sure(store_create(s, TOPIC_CHANNEL, STR("geral")));
	char text[900];

	for (int i = 0; i < N; i++) {
		memset(text, 'a' + i % 26, sizeof text);
		text[check_random(sizeof text - 1) + 1] = '\0';
		CHECK(put(s, t, "", text) == (uint64_t)i + 1, "put");
		if (i % 10 == 0)
			CHECK(store_commit(s) == 0, "commit");
	}
	CHECK(store_commit(s) == 0, "commit");
	for (uint64_t after = 0; after <= N + 1; after++)
		for (uint64_t n = 1; n < 60; n += 50) {
			struct range r = { after + 1, after + n, 0 };
			uint64_t end = after + n < N ? after + n : N;

			CHECK(store_read(s, t, after, in_order, &r) == 0 &&
			    r.wrong == 0 && (after >= N || r.next == end + 1),
			    "after %" PRIu64 ": ends at %" PRIu64, after,
			    r.next);
		}
	stop(s);
	disk->free(disk);
	sim_free(sim);
}

/* open_max: what the store is told; files: what there really is. */
static void many(size_t open_max, int files)
{
	struct sim *sim = sim_new();
	struct disk *disk = sim_handle(sim);
	struct store *s = start(disk, open_max);
	char name[24];

	if (files > 0)
		sim_set_open_max(sim, files);

	for (int round = 0; round < 4; round++) {
		for (int i = 0; i < 50; i++) {
			(void)snprintf(name, sizeof name, "canal%d", i);
			if (round == 0)
				CHECK(store_create(s, TOPIC_CHANNEL,
				    str_of(name)) != NULL, "create");
			CHECK(put(s, channel(s, name), "",
			    name) == (uint64_t)round + 1, "put");
		}
		CHECK(store_commit(s) == 0, "commit");
		for (int i = 0; i < 50; i++) {
			struct range r = { 1, 0, 0 };

			(void)snprintf(name, sizeof name, "canal%d",
			    (i * 7 + round) % 50);
			CHECK(store_read(s, channel(s, name), 0, in_order,
			    &r) == 0 && r.next == (uint64_t)round + 2, "read");
			CHECK(store_open_logs(s) <= 2 &&
			    sim_open_files(sim) <= 4, "%zu files are open",
			    sim_open_files(sim));
		}
		store_end(s);
		if (round % 2) {
			store_close(s);
			s = start(disk, open_max);
		} else {
			CHECK(store_begin(s) == 0, "begin");
		}
	}
	stop(s);
	disk->free(disk);
	sim_free(sim);
}

/* Creates channels, a hundred with each commit. Returns with how many of them
 * the first checkpoint comes after `from`, or 0. */
static int create_hundreds(struct store *s, int from, int upto)
{
	char name[24];

	for (int i = from; i < upto; i++) {
		(void)snprintf(name, sizeof name, "canal%d", i);
		if (store_create(s, TOPIC_CHANNEL, str_of(name)) == NULL)
			return -1;
		if (i % 100 == 99 && store_commit(s) != 0)
			return -1;
		if (i % 100 == 99 && !store_needs_checkpoint(s))
			return i + 1 - from;
	}
	return 0;
}

/* Where each log must be synced, a checkpoint must not have very many to sync:
 * others wait meanwhile. */
static void test_many_to_sync(void)
{
	const struct sim_fault none = { SIM_SYNC_ALL, 1, 1, ENOSYS, 0 };
	const struct journal_limits limits = journal_limits;
	struct sim *sim = sim_new();
	struct disk *disk = sim_handle(sim);
	struct store *s = start(disk, 4);
	int first, second;

	journal_limits.segment_bytes = SEGMENT_BYTES;
	journal_limits.ahead_bytes = SEGMENT_AHEAD_BYTES;
	sim_set_fault(sim, &none);
	first = create_hundreds(s, 0, 1000);
	second = create_hundreds(s, 500, 1500);
	CHECK(first == 500 && second == 500, "checkpoints after %d, %d",
	    first, second);
	/* It takes one more to see that this is not such a disk any more. */
	sim_no_faults(sim);
	first = create_hundreds(s, 1000, 2000);
	second = create_hundreds(s, 1500, 2500);
	CHECK(first == 500 && second == 0, "checkpoints after %d, %d",
	    first, second);
	stop(s);
	disk->free(disk);
	sim_free(sim);
	journal_limits = limits;
}

static void test_many(void)
{
	many(2, 0);
	many(1000, 4);
}

static void test_two(void)
{
	struct sim *sim = sim_new();
	struct disk *disk[2] = { sim_handle(sim), sim_handle(sim) };
	struct store *s[2];
	char id[24];

	for (int i = 0; i < 2; i++) {
		s[i] = start(disk[i], 4);
		store_end(s[i]);
	}
	for (int i = 0; i < 120; i++) {
		struct store *me = s[i % 2];

		(void)snprintf(id, sizeof id, "id%d", i);
		CHECK(store_begin(me) == 0, "begin");
		if (i % 20 == 0)
			CHECK(store_create(me, TOPIC_USER, str_of(id)) != NULL,
			    "create");
		if (i == 0)
			CHECK(store_create(me, TOPIC_CHANNEL,
			    STR("geral")) != NULL, "create");
		CHECK(put(me, channel(me, "geral"), id,
		    "oi") == (uint64_t)i + 1, "put");
		CHECK(store_commit(me) == 0, "commit");
		store_end(me);
		CHECK(i % 17 > 0 || store_checkpoint(s[i / 17 % 2]) == 0,
		    "checkpoint");
	}
	for (int i = 0; i < 2; i++) {
		struct range r = { 1, 0, 0 };

		CHECK(store_begin(s[i]) == 0, "begin");
		CHECK(store_read(s[i], channel(s[i], "geral"), 0, in_order,
		    &r) == 0 && r.next == 121, "read");
		CHECK(store_count(s[i], TOPIC_USER) == 6, "users");
		CHECK(seen(s[i], "geral", "id118") == 119 &&
		    seen(s[i], "geral", "id119") == 120, "seen");
		stop(s[i]);
		disk[i]->free(disk[i]);
	}
	CHECK(sim_writes_unlocked(sim) == 0,
	    "something was written without the lock");
	sim_free(sim);
}

/* One is away for so long that what the other one stored has left
 * the journal. */
static void test_left_behind(void)
{
	struct sim *sim = sim_new();
	struct disk *disk[2] = { sim_handle(sim), sim_handle(sim) };
	struct store *a = start(disk[0], 4), *b;
	char name[24];

	CHECK(store_create(a, TOPIC_CHANNEL, STR("geral")) != NULL &&
	    store_commit(a) == 0, "create");
	store_end(a);
	b = start(disk[1], 4);
	CHECK(put(b, channel(b, "geral"), "first", "oi") == 1 &&
	    store_commit(b) == 0, "put");
	store_end(b);
	for (uint64_t i = 2; i <= 300; i++) {
		(void)snprintf(name, sizeof name, "canal%d", (int)i % 10);
		CHECK(store_begin(a) == 0, "begin");
		CHECK(i > 11 || store_create(a, TOPIC_CHANNEL,
		    str_of(name)) != NULL, "create");
		CHECK(put(a, channel(a, "geral"), name, "oi") == i &&
		    put(a, channel(a, name), "", "oi") > 0 &&
		    store_commit(a) == 0, "put");
		store_end(a);
	}
	CHECK(store_begin(b) == 0, "begin: %s", strerror(errno));
	CHECK(store_count(b, TOPIC_CHANNEL) == 11, "channels");
	CHECK(seen(b, "geral", "canal0") != 0 && seen(b, "geral", "first") == 0,
	    "ids");
	CHECK(put(b, channel(b, "geral"), "", "oi") == 301 &&
	    put(b, channel(b, "canal7"), "", "oi") > 29 && store_commit(b) == 0,
	    "go on");
	stop(b);
	CHECK(store_begin(a) == 0 && put(a, channel(a, "geral"), "",
	    "oi") == 302 && store_commit(a) == 0, "and the other one");
	stop(a);
	for (int i = 0; i < 2; i++)
		disk[i]->free(disk[i]);
	sim_free(sim);
}

/* Space is left for the logs; when it returns all is well at once. */
static void test_reserve(void)
{
	enum { RESERVE = 4 * 1024 * 1024 };
	struct sim *sim = sim_new();
	struct disk *disk = sim_handle(sim);
	struct store *s = start(disk, 4);
	struct topic *t = sure(store_create(s, TOPIC_CHANNEL, STR("geral")));
	struct range r = { 1, 0, 0 };
	long steps;

	CHECK(put(s, t, "", "oi") == 1 && store_commit(s) == 0, "put");
	sim_set_capacity(sim, sim_used(sim) + RESERVE);
	steps = sim_steps(sim);
	errno = 0;
	CHECK(put(s, t, "", "oi") == 2 && store_commit(s) == STORE_REFUSED &&
	    errno == ENOSPC, "put");
	CHECK(steps == sim_steps(sim), "something was written");
	CHECK(store_read(s, t, 0, in_order, &r) == 0 && r.next == 2, "read");
	sim_set_capacity(sim, sim_used(sim) + RESERVE + 10000);
	CHECK(put(s, t, "", "oi") == 2 && store_commit(s) == 0, "space again");
	stop(s);
	disk->free(disk);
	sim_free(sim);
}

/* A full segment is followed by another one; what is too old goes, and with it
 * only ids. */
static void fill_segments(void)
{
	struct sim *sim = sim_new();
	struct disk *disk = sim_handle(sim);
	struct store *s = start(disk, 4);
	struct topic *t = sure(store_create(s, TOPIC_CHANNEL, STR("geral")));
	char id[24];
	int most = 0, n;

	for (int i = 0; i < 400; i++) {
		(void)snprintf(id, sizeof id, "id%d", i);
		CHECK(put(s, t, id, "uma mensagem") == (uint64_t)i + 1 &&
		    store_commit(s) == 0, "put");
		for (n = 0; sim_name(sim, DISK_JOURNAL, (size_t)n) != NULL; n++)
			;
		most = n > most ? n : most;
	}
	CHECK(most >= 2 && most <= 4, "%d segments", most);
	stop(s);
	s = start(disk, 4);
	CHECK(sure(channel(s, "geral"))->now.seq == 400, "seq");
	CHECK(seen(s, "geral", "id399") == 400 &&
	    seen(s, "geral", "id380") == 381, "the last ids");
	CHECK(seen(s, "geral", "id0") == 0, "the first id is still there");
	stop(s);
	disk->free(disk);
	sim_free(sim);
}

/* By number, and by bytes, which somebody with long messages fills sooner. */
static void test_segments(void)
{
	const struct journal_limits before = journal_limits;

	fill_segments();
	journal_limits.remember_max = before.remember_max * 1000;
	journal_limits.remember_bytes = journal_limits.segment_bytes;
	fill_segments();
	journal_limits = before;
}

/* The file is the topic: it is removed while no server runs, and
 * created anew. */
static void test_removed(void)
{
	struct sim *sim = sim_new();
	struct disk *disk = sim_handle(sim);
	struct store *s = start(disk, 4);
	struct topic *t = sure(store_create(s, TOPIC_CHANNEL, STR("geral")));

	for (uint64_t i = 1; i <= 5; i++)
		CHECK(put(s, t, "", "velha") == i && store_commit(s) == 0,
		    "put");
	store_end(s);
	CHECK(store_checkpoint(s) == 0, "checkpoint");
	store_close(s);
	sim_remove(sim, DISK_CHANNELS, "geral.log");
	s = start(disk, 4);
	CHECK(channel(s, "geral") == NULL && errno == ENOENT,
	    "it is still there");
	CHECK(store_create(s, TOPIC_CHANNEL, STR("geral")) != NULL &&
	    store_commit(s) == 0, "create");
	stop(s);
	s = start(disk, 4);
	CHECK(put(s, channel(s, "geral"), "", "nova") == 1 &&
	    store_commit(s) == 0, "the first line");
	stop(s);
	s = start(disk, 4);
	CHECK(sure(channel(s, "geral"))->now.seq == 1, "seq %" PRIu64,
	    sure(channel(s, "geral"))->now.seq);
	stop(s);
	disk->free(disk);
	sim_free(sim);
}

static void test_big(void)
{
	struct sim *sim = sim_new();
	struct disk *disk = sim_handle(sim);
	struct store *s = start(disk, 4);
	struct topic *t = sure(store_create(s, TOPIC_CHANNEL, STR("geral")));
	static char text[MESSAGE_BYTES_MAX + 1];
	uint64_t seq = 0;

	memset(text, '\t', sizeof text - 1);    /* doubles */
	while (put(s, t, "", text) != 0)
		seq++;
	CHECK(errno == EMSGSIZE &&
	    seq * MESSAGE_BYTES_MAX * 2 > COMMIT_BYTES_MAX - 2 * sizeof text,
	    "%s", strerror(errno));
	CHECK(store_commit(s) == 0 && t->now.seq == seq, "commit: %s",
	    strerror(errno));
	stop(s);
	s = start(disk, 4);
	CHECK(sure(channel(s, "geral"))->now.seq == seq, "after a reopening");
	stop(s);
	disk->free(disk);
	sim_free(sim);
}

/* ---- a start beside others ---- */

/* One starts, and each time that it reads, another one may do a turn. */
static struct {
	struct disk real;       /* the calls of the one that starts */
	struct store *other;
	int locked, reads, turns, locked_opens;
	uint64_t locked_bytes;  /* read while others wait */
} beside;

static void turn_beside(void)
{
	char id[16];

	(void)snprintf(id, sizeof id, "b%d", ++beside.turns);
	CHECK(store_begin(beside.other) == 0 && put(beside.other,
	    channel(beside.other, "geral"), id, "meanwhile") > 0 &&
	    store_commit(beside.other) == 0, "not served: %s",
	    strerror(errno));
	store_end(beside.other);
}

static ssize_t read_beside(struct disk *d, int fd, void *p, size_t n,
    uint64_t at)
{
	ssize_t got;

	if (!beside.locked && ++beside.reads % 4 == 0)
		turn_beside();
	got = beside.real.read(d, fd, p, n, at);
	if (beside.locked && got > 0)
		beside.locked_bytes += (uint64_t)got;
	return got;
}

static int open_beside(struct disk *d, enum disk_dir dir, const char *name,
    int create)
{
	beside.locked_opens += beside.locked;
	return beside.real.open(d, dir, name, create);
}

static int lock_beside(struct disk *d, int fd)
{
	/* At the last moment others begin new segments. */
	for (int i = 0; i < 60 && beside.turns < 2000; i++)
		turn_beside();
	beside.locked = 1;
	return beside.real.lock(d, fd);
}

static int unlock_beside(struct disk *d, int fd)
{
	beside.locked = 0;
	return beside.real.unlock(d, fd);
}

static struct disk *handle_beside(struct sim *sim, struct store *other)
{
	struct disk *d = sim_handle(sim);

	memset(&beside, 0, sizeof beside);
	beside.real = *d;
	beside.other = other;
	d->open = open_beside;
	d->read = read_beside;
	d->lock = lock_beside;
	d->unlock = unlock_beside;
	return d;
}

static void put_many(struct store *s, int n)
{
	char id[16], text[200];

	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	for (int i = 1; i <= n; i++) {
		(void)snprintf(id, sizeof id, "a%d", i);
		CHECK(store_begin(s) == 0 && put(s, channel(s, "geral"), id,
		    text) > 0 && store_commit(s) == 0, "%s", strerror(errno));
		store_end(s);
	}
}

static void test_start_beside(void)
{
	const uint64_t remember = journal_limits.remember_max;
	struct sim *sim = sim_new();
	struct disk *disk[2] = { sim_handle(sim), NULL };
	struct store *a = start(disk[0], 4), *b = NULL;
	char id[16];
	int turns;

	journal_limits.remember_max = 100000;
	CHECK(store_create(a, TOPIC_CHANNEL, STR("geral")) != NULL &&
	    create_hundreds(a, 0, 300) != -1, "create");
	store_end(a);
	put_many(a, 600);
	disk[1] = handle_beside(sim, a);
	CHECK(store_open(&b, disk[1], 4) == 0, "%s", strerror(errno));
	/* It knows the last one before it looks for more. */
	turns = beside.turns;
	(void)snprintf(id, sizeof id, "b%d", turns);
	CHECK(seen(b, "geral", id) == 600 + (uint64_t)turns, "%s", id);
	CHECK(store_begin(b) == 0, "%s", strerror(errno));
	CHECK(beside.turns > 300, "only %d turns beside it", beside.turns);
	/* The rest of the newest segment, and the logs since it was begun. */
	CHECK(beside.locked_bytes < 9 * journal_limits.segment_bytes,
	    "%" PRIu64 " bytes were read with the lock", beside.locked_bytes);
	CHECK(beside.locked_opens < 100, "%d files were opened with the lock",
	    beside.locked_opens);
	CHECK(channel(b, "geral")->now.seq == 600 + (uint64_t)beside.turns,
	    "seq");
	for (int i = 1; i <= 600; i++) {
		(void)snprintf(id, sizeof id, "a%d", i);
		CHECK(seen(b, "geral", id) == (uint64_t)i, "%s", id);
	}
	for (int i = 1; i <= beside.turns; i++) {
		(void)snprintf(id, sizeof id, "b%d", i);
		CHECK(seen(b, "geral", id) == 600 + (uint64_t)i, "%s", id);
	}
	stop(b);
	store_close(a);
	disk[0]->free(disk[0]);
	disk[1]->free(disk[1]);
	sim_free(sim);
	journal_limits.remember_max = remember;
}

/* The number that a store of this disk says the directory has, or 0. */
static uint64_t number_of(struct sim *sim)
{
	struct disk *disk = sim_handle(sim);
	struct store *s = NULL;
	uint64_t number = 0;

	if (store_open(&s, disk, 4) == 0)
		number = store_directory(s);
	store_close(s);
	disk->free(disk);
	return number;
}

static void test_number(void)
{
	static const char *const damaged[] = {
		"", "0123456789abcde\n", "0123456789abcdef",
		"0000000000000000\n", "0123456789abcdef\n\n",
		"0123456789ABCDEF\n",
		"-123456789abcdef\n", "ponto de encontro"
	};
	const struct sim_fault none = { SIM_RANDOM, 1, 0, EIO, 0 };
	struct sim *sim = sim_new(), *copy;
	uint64_t number;

	sim_set_fault(sim, &none);
	CHECK(number_of(sim) == 0, "made without random bits");
	sim_no_faults(sim);
	sim_put_content(sim, DISK_ROOT, "id.new", STR("half of an older one"));
	number = number_of(sim);
	CHECK(number != 0 && number_of(sim) == number, "not the same again");
	CHECK(sim_content(sim, DISK_ROOT, "id").n == 17, "the file");
	CHECK(sim_content(sim, DISK_ROOT, "id.new").p == NULL, "is left");
	copy = sim_copy(sim);
	CHECK(number_of(copy) == number, "a copy has another one");
	sim_free(copy);
	sim_put_content(sim, DISK_ROOT, "id", STR("0123456789abcdef\n"));
	CHECK(number_of(sim) == UINT64_C(0x0123456789abcdef), "read");
	for (size_t i = 0; i < COUNT(damaged); i++) {
		struct str text = str_of(damaged[i]);

		sim_put_content(sim, DISK_ROOT, "id", text);
		CHECK(number_of(sim) == 0 && errno == EIO &&
		    str_eq(sim_content(sim, DISK_ROOT, "id"), text),
		    "taken for a number, or replaced: %s", damaged[i]);
	}
	sim_free(sim);
}

static void test_too_many(void)
{
	struct sim *sim = sim_new();
	struct disk *disk = sim_handle(sim);
	struct store *s = start(disk, 4);

	store_limit_topics(s, 2);
	CHECK(store_create(s, TOPIC_CHANNEL, STR("geral")) != NULL &&
	    store_create(s, TOPIC_USER, STR("ana")) != NULL &&
	    store_commit(s) == 0, "two");
	errno = 0;
	CHECK(store_create(s, TOPIC_CHANNEL, STR("outro")) == NULL &&
	    errno == EUSERS, "the third one: %s", strerror(errno));
	CHECK(put(s, channel(s, "geral"), "", "oi") == 1 &&
	    store_commit(s) == 0, "the first two");
	store_limit_topics(s, 3);
	CHECK(store_create(s, TOPIC_CHANNEL, STR("outro")) != NULL &&
	    store_commit(s) == 0, "a higher limit");
	stop(s);
	/* What is there is never refused. */
	CHECK(store_open(&s, disk, 4) == 0, "%s", strerror(errno));
	store_limit_topics(s, 1);
	CHECK(store_begin(s) == 0 && channel(s, "outro") != NULL &&
	    put(s, channel(s, "outro"), "", "oi") == 1, "a lower limit");
	stop(s);
	disk->free(disk);
	sim_free(sim);
}

/* ---- the real disk ---- */

static char dir[PATH_MAX];

static const char *in_dir(const char *name)
{
	static char path[PATH_MAX + 64];

	/* dir is short */
	(void)snprintf(path, sizeof path, "%s/%s", dir, name);
	return path;
}

/* The child has the lock for a moment; we get it after that, not before. */
static void test_lock(struct disk *disk)
{
	int fd = disk->open(disk, DISK_ROOT, "lock", 1), word[2] = { -1, -1 };
	int status = -1;
	char c = '\0';
	pid_t pid;

	CHECK(fd != -1 && pipe(word) == 0, "%s", strerror(errno));
	pid = fork();
	CHECK(pid != -1, "fork: %s", strerror(errno));
	if (pid == 0) {
		struct disk *mine = disk_posix(dir, 1);
		int mine_fd = mine ? mine->open(mine, DISK_ROOT, "lock",
		    0) : -1;
		struct timespec moment = { 0, 100 * 1000 * 1000 };

		if (mine_fd == -1 || mine->lock(mine, mine_fd) == -1 ||
		    write(word[1], "1", 1) != 1)
			_exit(1);
		(void)nanosleep(&moment, NULL);
		if (write(word[1], "2", 1) != 1)
			_exit(1);
		mine->free(mine);       /* and with it the lock */
		disk->free(disk);
		_exit(0);
	}
	(void)close(word[1]);
	CHECK(read(word[0], &c, 1) == 1 && c == '1', "the child has no lock");
	CHECK(disk->lock(disk, fd) == 0, "%s", strerror(errno));
	CHECK(fcntl(word[0], F_SETFL, O_NONBLOCK) == 0 &&
	    read(word[0], &c, 1) == 1 && c == '2', "two have the lock");
	CHECK(disk->unlock(disk, fd) == 0, "%s", strerror(errno));
	disk->close(disk, fd);
	(void)close(word[0]);
	CHECK(waitpid(pid, &status, 0) == pid && status == 0,
	    "the child ends with %d", status);
}

/* A log is cut under a running server: what the journal has comes
 * back at the next turn. */
static void test_cut_live(struct disk *disk)
{
	struct store *s = start(disk, 4);
	struct topic *t = sure(channel(s, "geral"));
	struct range r = { 1, 0, 0 };
	uint64_t seq = t->now.seq;
	struct stat st;

	CHECK(put(s, t, "", "last but one") == seq + 1 && store_commit(s) == 0,
	    "put");
	CHECK(store_read(s, t, 0, in_order, &r) == 0 && r.next == seq + 2,
	    "lines");
	store_end(s);
	CHECK(store_checkpoint(s) == 0 && store_begin(s) == 0, "checkpoint");
	CHECK(stat(in_dir("channels/geral.log"), &st) == 0, "%s",
	    strerror(errno));
	CHECK(truncate(in_dir("channels/geral.log"), st.st_size - 3) == 0, "%s",
	    strerror(errno));
	CHECK(put(s, t, "", "last") == seq + 2 && store_commit(s) == 0, "put");
	store_end(s);
	CHECK(store_begin(s) == 0 && t->now.seq == seq + 2, "seq");
	CHECK(stat(in_dir("channels/geral.log"), &st) == 0 &&
	    t->now.bytes == (uint64_t)st.st_size, "size");
	CHECK(store_read(s, t, seq + 1, in_order, &r) == 0 &&
	    r.next == seq + 3 && r.wrong == 0, "the last line");
	r = (struct range){ 1, 0, 0 };
	CHECK(store_read(s, t, 0, in_order, &r) == 0 && r.next == seq + 3 &&
	    r.wrong == 0, "all lines");
	stop(s);
}

static mode_t mode_of(const char *name)
{
	struct stat st = { 0 };

	CHECK(lstat(in_dir(name), &st) == 0, "%s: %s", name, strerror(errno));
	return st.st_mode & 0777;
}

static void test_modes(void)
{
	CHECK(mode_of("channels/geral.log") == 0640 &&
	    mode_of("id") == 0640 && mode_of("lock") == 0640, "files");
	CHECK(mode_of("channels") == 0750 && mode_of("journal") == 0750,
	    "directories");
}

static void move(const char *from, const char *to)
{
	char other[PATH_MAX + 64];

	(void)snprintf(other, sizeof other, "%s", in_dir(to));
	CHECK(rename(in_dir(from), other) == 0, "%s: %s", from,
	    strerror(errno));
}

/* A log is replaced by a FIFO under a running server. What is acknowledged
 * stays in the journal, and nothing new is taken; when the FIFO is gone all of
 * it is in a new log. With `between` there was a checkpoint before. */
static void replace_live(struct disk *disk, int between)
{
	struct store *s = start(disk, 4);
	struct topic *t = sure(channel(s, "geral"));
	struct range r = { 1, 0, 0 };
	uint64_t seq = t->now.seq;

	CHECK(put(s, t, "", "before") == seq + 1 && store_commit(s) == 0,
	    "put");
	store_end(s);
	CHECK(!between || store_checkpoint(s) == 0, "checkpoint");
	move("channels/geral.log", "old");
	CHECK(mkfifo(in_dir("channels/geral.log"), 0600) == 0, "%s",
	    strerror(errno));
	CHECK(store_begin(s) == 0 && put(s, t, "", "meanwhile") == seq + 2 &&
	    store_commit(s) == 0, "put");
	store_end(s);
	(void)store_checkpoint(s);
	CHECK(store_begin(s) == 0 && channel(s, "geral") != NULL &&
	    put(s, channel(s, "geral"), "", "no") == 0, "written to a FIFO");
	store_end(s);
	CHECK(unlink(in_dir("channels/geral.log")) == 0, "%s",
	    strerror(errno));
	CHECK(store_begin(s) == 0 && put(s, sure(channel(s, "geral")), "",
	    "after") == seq + 3 && store_commit(s) == 0, "not mended: %s",
	    strerror(errno));
	CHECK(store_read(s, channel(s, "geral"), 0, in_order, &r) == 0 &&
	    r.next == seq + 4 && r.wrong == 0, "%d lines", (int)r.next - 1);
	CHECK(unlink(in_dir("old")) == 0, "%s", strerror(errno));
	stop(s);
}

/* What nobody will find is not acknowledged. */
static void test_remove_live(void)
{
	struct disk *disk = disk_posix(dir, 1);
	struct store *s = start(disk, 4);
	char command[PATH_MAX + 16];

	CHECK(put(s, sure(channel(s, "geral")), "", "lost") > 0, "put");
	(void)snprintf(command, sizeof command, "rm -r '%s/journal'", dir);
	CHECK(system(command) == 0, "rm");
	CHECK(store_commit(s) == STORE_BROKEN, "acknowledged");
	store_end(s);
	CHECK(store_begin(s) == STORE_BROKEN, "it goes on");
	store_close(s);
	disk->free(disk);
	disk = disk_posix(dir, 1);
	s = start(disk, 4);
	store_end(s);
	CHECK(unlink(in_dir("lock")) == 0, "%s", strerror(errno));
	CHECK(store_begin(s) == STORE_BROKEN, "a lock that nobody finds");
	store_close(s);
	disk->free(disk);
}

static void test_posix(void)
{
	const char *tmp = getenv("TMPDIR");
	struct disk *disk, *reader;
	struct store *s;
	int fd;

	(void)snprintf(dir, sizeof dir, "%s/test_store.XXXXXX",
	    tmp ? tmp : "/tmp");
	CHECK(mkdtemp(dir) != NULL, "%s", strerror(errno));
	disk = disk_posix(dir, 1);
	CHECK(disk != NULL, "%s", strerror(errno));
	if (disk == NULL)
		return;
	test_basics(disk);
	test_lock(disk);
	test_cut_live(disk);
	s = start(disk, 4);
	CHECK(store_directory(s) != 0, "no random number");
	stop(s);
	/* Neither followed nor waited for. */
	CHECK(symlink("geral.log", in_dir("channels/elo.log")) == 0, "%s",
	    strerror(errno));
	CHECK(mkfifo(in_dir("channels/cano.log"), 0600) == 0, "%s",
	    strerror(errno));
	s = start(disk, 4);
	CHECK(channel(s, "elo") == NULL && channel(s, "cano") == NULL,
	    "no regular file");
	CHECK(channel(s, "geral") != NULL, "the others suffer");
	stop(s);
	test_modes();
	replace_live(disk, 1);
	replace_live(disk, 0);
	reader = disk_posix(dir, 0);
	CHECK(reader != NULL, "%s", strerror(errno));
	fd = reader->open(reader, DISK_CHANNELS, "geral.log", 0);
	CHECK(fd != -1 && reader->write(reader, fd, "x", 1, 0) == -1,
	    "a reader that writes");
	reader->close(reader, fd);
	fd = reader->open(reader, DISK_ROOT, "lock", 0);
	CHECK(fd != -1 && reader->lock(reader, fd) == 0,
	    "a reader cannot lock: %s", strerror(errno));
	reader->close(reader, fd);
	reader->free(reader);
	disk->free(disk);
	test_remove_live();
	CHECK(disk_posix(in_dir("nowhere"), 0) == NULL && errno == ENOENT,
	    "made for reading");
}

static void remove_dir(void)
{
	char command[PATH_MAX + 16];

	(void)snprintf(command, sizeof command, "rm -rf '%s'", dir);
	if (system(command) != 0)
		printf("# %s was not removed\n", dir);
}

int main(void)
{
	scenario_limits();
	check_group("what is committed is read back, also after a restart",
	    test_on_sim);
	check_group("a batch that is refused leaves nothing", test_rollback);
	check_group("history is complete from every line on", test_history);
	check_group("there may be more logs than descriptors", test_many);
	check_group("a checkpoint does not sync very many logs one by one",
	    test_many_to_sync);
	check_group("two stores take turns and see the same", test_two);
	check_group("a store that was away too long catches up",
	    test_left_behind);
	check_group("space is reserved for the logs", test_reserve);
	check_group("old segments go, the last ids stay", test_segments);
	check_group("a log removed between runs is gone", test_removed);
	check_group("the largest batch is committed and read back", test_big);
	check_group("others are served while one starts", test_start_beside);
	check_group("there are as many topics as allowed", test_too_many);
	check_group("a directory keeps its number, and damage stops the start",
	    test_number);
	check_group("a real directory does what the simulated one does",
	    test_posix);
	remove_dir();
	return check_done();
}
