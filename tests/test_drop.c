/* test_drop.c: a channel is dropped, and power is lost or the process killed
 * before any step of that. It is dropped or it is not; its lines are kept, it
 * never comes back, and its name is never given again. */
#include "tap.h"
#include "scenario.h"

#include "../journal.h"
#include "../util.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOG "geral.log"

enum { KILLED = SIM_LOSSES };

static long stride, crashes;
/* What the log has before it is dropped. */
static char *lines;
static size_t lines_n;

static struct store *open_store(struct disk *disk)
{
	struct store *s;

	if (store_open(&s, disk, 4) != 0)
		return NULL;
	if (store_begin(s) == 0)
		return s;
	store_close(s);
	return NULL;
}

static int put(struct store *s, const char *channel, int i)
{
	struct topic *t = store_topic(s, TOPIC_CHANNEL, str_of(channel));
	char text[100];
	struct line l = { .user = STR("ana") };

	(void)snprintf(text, sizeof text, "number %d", i);
	l.id = l.message = str_of(text);
	return t == NULL ? -1 : store_put(s, t, &l);
}

/* A server that is killed: the journal has lines after its checkpoint. */
static void fill(struct sim *sim)
{
	struct disk *disk = sim_handle(sim);
	struct store *s = open_store(disk);

	if (s == NULL || !store_create(s, TOPIC_CHANNEL, STR("geral")) ||
	    !store_create(s, TOPIC_CHANNEL, STR("outro")))
		die(EXIT_FAILED, "fill:");
	for (int i = 1; i <= 40; i++)
		if (put(s, "geral", i) == -1 || put(s, "outro", i) == -1 ||
		    store_commit(s) != 0)
			die(EXIT_FAILED, "fill:");
	store_end(s);
	store_close(s);
	disk->free(disk);
}

static int drop(struct sim *sim)
{
	struct disk *disk = sim_handle(sim);
	struct store *s = open_store(disk);
	int r = STORE_REFUSED;

	if (s != NULL) {
		r = store_drop(s, STR("geral"));
		store_end(s);
		store_close(s);
	}
	disk->free(disk);
	return r;
}

/* A server goes on, and is killed. */
static void serve(struct sim *sim)
{
	struct disk *disk = sim_handle(sim);
	struct store *s = open_store(disk);

	if (s != NULL) {
		if (put(s, "outro", 41) == 0)
			(void)store_commit(s);
		store_end(s);
		store_close(s);
	}
	disk->free(disk);
}

/* ---- what is left ---- */

static const char *dropped_log(const struct sim *sim)
{
	const char *name, *found = NULL;

	for (size_t i = 0; (name = sim_name(sim, DISK_CHANNELS, i)) != NULL;
	    i++)
		if (strncmp(name, LOG ".dropped-", sizeof LOG + 8) == 0)
			found = found == NULL ? name : "two of them";
	return found;
}

static int count_drops(void *ctx, const struct line *l)
{
	int *drops = ctx;

	*drops += str_is(l->message, "dropped") && str_is(l->user, "geral");
	return 0;
}

static int has_lines(const struct sim *sim, const char *file)
{
	return str_eq(sim_content(sim, DISK_CHANNELS, file),
	    (struct str){ lines, lines_n });
}

/* With a store that has just been opened. */
static const char *wrong(struct sim *sim, struct store *s, int must)
{
	const char *dropped = dropped_log(sim);
	int live = sim_content(sim, DISK_CHANNELS, LOG).p != NULL, drops = 0;
	struct topic *outro = store_topic(s, TOPIC_CHANNEL, STR("outro"));

	if (live == (dropped != NULL))
		return live ? "it is there and dropped" : "its log is lost";
	if (must && live)
		return "it came back";
	if (!has_lines(sim, live ? LOG : dropped))
		return "it has other lines";
	if (store_has(s, TOPIC_CHANNEL, STR("geral")) != live ||
	    store_has(s, TOPIC_DROPPED, STR("geral")) == live)
		return "the store does not know";
	if (!live && (store_create(s, TOPIC_CHANNEL, STR("geral")) != NULL ||
	    store_create(s, TOPIC_USER, STR("geral")) != NULL))
		return "its name is given again";
	if (store_read(s, store_events(s), 0, count_drops, &drops) == -1 ||
	    drops != !live)
		return "events.log tells something else";
	return outro == NULL || outro->now.seq < 40 ? "another log suffers" :
	    NULL;
}

/* Twice: the second time what the first one has mended. */
static const char *check_left(struct sim *sim, int must)
{
	const char *why = NULL;

	for (int i = 0; i < 2 && why == NULL; i++) {
		struct disk *disk = sim_handle(sim);
		struct store *s = open_store(disk);

		why = s == NULL ? "it cannot be opened" : wrong(sim, s, must);
		must |= dropped_log(sim) != NULL;
		if (s != NULL) {
			store_end(s);
			store_close(s);
		}
		disk->free(disk);
	}
	if (why == NULL && sim_content(sim, DISK_CHANNELS, LOG).p != NULL) {
		CHECK(drop(sim) == 0, "it cannot be dropped again");
		why = check_left(sim, 1);
	}
	return why;
}

static void lose(struct sim *sim, int loss, uint32_t seed)
{
	if (loss == KILLED)
		sim_end_at(sim, 0, 0);
	else
		sim_power_loss(sim, (enum sim_loss)loss, seed);
}

/* Power is lost again, in the recovery. */
static void crash_again(const struct sim *left, int must, long step)
{
	for (long again = 1 + step % 3; again < 40; again += 3) {
		struct sim *sim = sim_copy(left);
		const char *why;

		sim_end_at(sim, again, 0);
		serve(sim);
		lose(sim, again % 2 ? SIM_DROP : SIM_SUBSET, (uint32_t)again);
		why = check_left(sim, must);
		CHECK(why == NULL, "step %ld, then step %ld: %s", step, again,
		    why);
		sim_free(sim);
		crashes++;
	}
}

static int crash_at(const struct sim *base, long step)
{
	int ended = 0;

	for (int loss = 0; loss <= KILLED; loss++) {
		struct sim *sim = sim_copy(base);
		const char *why;
		int must;

		sim_end_at(sim, step, 0);
		must = drop(sim) == 0;
		serve(sim);
		ended = sim_ended(sim);
		lose(sim, loss, (uint32_t)step);
		if (loss == SIM_SUBSET || loss == KILLED)
			crash_again(sim, must, step);
		why = check_left(sim, must);
		CHECK(why == NULL, "step %ld, %s: %s", step, loss == KILLED ?
		    "killed" : sim_loss_name((enum sim_loss)loss), why);
		sim_free(sim);
		crashes++;
	}
	return ended;
}

static struct sim *filled(void)
{
	struct sim *sim = sim_new();
	struct str log;

	fill(sim);
	log = sim_content(sim, DISK_CHANNELS, LOG);
	free(lines);
	lines = must_grow(NULL, log.n, 1);
	memcpy(lines, log.p, log.n);
	lines_n = log.n;
	return sim;
}

static void test_power(void)
{
	struct sim *sim = filled();
	long step = 1;

	while (crash_at(sim, step))
		step += stride;
	CHECK(step > 10, "only %ld steps", step);
	sim_free(sim);
}

/* The drop's own batch fills the segment, which begins a checkpoint. Only one
 * step tells. */
static void test_full_segment(void)
{
	const uint64_t before = journal_limits.segment_bytes;
	struct sim *sim = filled();

	for (uint64_t bytes = 60; bytes < 240; bytes += 60) {
		long step = 1;

		journal_limits.segment_bytes = bytes;
		while (crash_at(sim, step))
			step++;
	}
	journal_limits.segment_bytes = before;
	sim_free(sim);
}

/* A call fails: it says so, or it is done. */
static void test_faults(void)
{
	struct sim *sim = filled();

	for (int which = 0; which < SIM_CALLS; which++)
		for (long n = 1; n < 60; n += stride) {
			struct sim_fault fault = { (enum sim_call)which, n, 0,
			    EIO, 0 };
			struct sim *copy = sim_copy(sim);
			const char *why;
			int must;

			sim_set_fault(copy, &fault);
			must = drop(copy) == 0;
			CHECK(must || sim_faults_struck(copy) > 0,
			    "refused without a reason");
			sim_no_faults(copy);
			sim_power_loss(copy, SIM_DROP, 0);
			why = check_left(copy, must);
			CHECK(why == NULL, "%s %ld fails: %s",
			    sim_call_name((enum sim_call)which), n, why);
			sim_free(copy);
		}
	sim_free(sim);
}

/* Somebody renames the log, without a word to the journal. */
static void test_by_hand(void)
{
	struct sim *sim = filled();
	struct disk *disk = sim_handle(sim);
	struct store *s;

	sim_remove(sim, DISK_CHANNELS, LOG);
	sim_put_content(sim, DISK_CHANNELS, LOG ".dropped-by-hand",
	    (struct str){ lines, lines_n });
	s = open_store(disk);
	CHECK(s != NULL && !store_has(s, TOPIC_CHANNEL, STR("geral")) &&
	    sim_content(sim, DISK_CHANNELS, LOG).p == NULL, "it came back");
	CHECK(s != NULL && store_create(s, TOPIC_CHANNEL, STR("geral")) == NULL
	    && errno == EEXIST, "its name is given again");
	CHECK(s != NULL && put(s, "outro", 41) == 0 && store_commit(s) == 0,
	    "another channel: %s", strerror(errno));
	store_end(s);
	store_close(s);
	/* And back. */
	sim_remove(sim, DISK_CHANNELS, LOG ".dropped-by-hand");
	sim_put_content(sim, DISK_CHANNELS, LOG, (struct str){ lines,
	    lines_n });
	s = open_store(disk);
	CHECK(s != NULL && put(s, "geral", 41) == 0 && store_commit(s) == 0 &&
	    store_topic(s, TOPIC_CHANNEL, STR("geral"))->now.seq == 41,
	    "it does not go on");
	store_end(s);
	store_close(s);
	disk->free(disk);
	sim_free(sim);
}

static void test_refused(void)
{
	struct sim *sim = filled();
	struct disk *disk = sim_handle(sim);
	struct store *s = open_store(disk);

	errno = 0;
	CHECK(store_drop(s, STR("nada")) == STORE_REFUSED && errno == ENOENT,
	    "a channel that does not exist: %s", strerror(errno));
	CHECK(store_drop(s, STR("geral")) == 0, "%s", strerror(errno));
	CHECK(store_drop(s, STR("geral")) == STORE_REFUSED && errno == ENOENT,
	    "twice: %s", strerror(errno));
	CHECK(store_count(s, TOPIC_CHANNEL) == 1, "it is still in the list");
	store_end(s);
	store_close(s);
	CHECK(sim_writes_unlocked(sim) == 0, "writes without the lock");
	disk->free(disk);
	CHECK(sim_open_files(sim) == 0, "files stay open");
	sim_free(sim);
}

int main(int argc, char **argv)
{
	stride = scenario_stride(argc, argv);
	scenario_limits();
	check_group("a channel is dropped once", test_refused);
	check_group("power is lost before any step of a drop, and again",
	    test_power);
	check_group("a segment is full at the drop", test_full_segment);
	check_group("a call fails in a drop", test_faults);
	check_group("a log is renamed by hand, and back", test_by_hand);
	free(lines);
	printf("# %ld crashes\n", crashes);
	return check_done();
}
