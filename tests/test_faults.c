/* test_faults.c: the n-th call to the system fails, for every call and every n,
 * once or from then on; and the disk is full, at any point. */
#include "tap.h"
#include "scenario.h"

#include <errno.h>
#include <string.h>

static long stride;
static long runs;

/* What may go wrong with a call; half of a write may be done first. */
static const struct {
	enum sim_call call;
	int error, half;
} fault[] = {
	{ SIM_OPEN, EMFILE, 0 }, { SIM_OPEN, EACCES, 0 },
	{ SIM_OPEN, ENOSPC, 0 },
	{ SIM_READ, EIO, 0 },
	{ SIM_WRITE, ENOSPC, 0 }, { SIM_WRITE, EIO, 1 },
	{ SIM_WRITE, EFBIG, 0 }, { SIM_WRITE, ENOSPC, 1 },
	{ SIM_SIZE, EIO, 0 },
	{ SIM_TRUNCATE, EIO, 0 },
	{ SIM_SYNC, EIO, 0 }, { SIM_SYNC, ENOSPC, 0 },
	{ SIM_SYNC_DIR, EIO, 0 },
	{ SIM_SYNC_ALL, EIO, 0 }, { SIM_SYNC_ALL, ENOSYS, 0 },
	{ SIM_UNLINK, EIO, 0 }, { SIM_RENAME, EIO, 0 },
	{ SIM_LIST, EIO, 0 }, { SIM_LIST, ENOMEM, 0 },
	{ SIM_LOCK, ENOLCK, 0 },
	{ SIM_ROOM, EIO, 0 }, { SIM_RANDOM, EIO, 0 }
};

static int is_sync(const struct sim_fault *f)
{
	return (f->call == SIM_SYNC || f->call == SIM_SYNC_DIR ||
	    f->call == SIM_SYNC_ALL) && f->error != ENOSYS;
}

static int durable_checks;      /* how many more */
static int truncates;           /* they work */

static void check_turn(struct scenario *p)
{
	const char *why;

	CHECK(!truncates || !oracle_half_line(&p->oracle, p->sim),
	    "turn %d: a log ends in half a line", p->turns);
	if (sim_faults_struck(p->sim) == 0 || durable_checks == 0)
		return;
	durable_checks--;
	why = scenario_durable(p);
	CHECK(why == NULL, "turn %d, would not survive a power loss: %s",
	    p->turns, why);
}

/* The disk works again: nothing acknowledged is missing, nothing refused
 * is there, both servers go on at once; and all of it is durable, and
 * found by the next start. */
static const char *good_again(struct scenario *p)
{
	const char *why = p->oracle.why[0] != '\0' ? p->oracle.why : NULL;

	sim_no_faults(p->sim);
	for (int who = 0; who < SCENARIO_SERVERS && why == NULL; who++)
		why = scenario_turn(p, who);
	if (why == NULL)
		why = scenario_turn(p, 0);
	if (why == NULL)
		why = oracle_files_wrong(&p->oracle, p->sim);
	if (why == NULL)
		why = scenario_durable(p);
	for (int who = 0; who < SCENARIO_SERVERS; who++)
		scenario_down(p, who);
	if (why == NULL)
		why = scenario_sound(p);
	if (why == NULL && sim_syncs_repeated(p->sim) > 0)
		why = "a sync was tried again after one had failed";
	return why;
}

/* A store whose sync failed says so at its next turn, at the latest. */
static void end_broken(struct scenario *p, int who)
{
	int r = p->store[who] != NULL ? store_begin(p->store[who]) :
	    STORE_REFUSED;

	if (r == 0)
		store_end(p->store[who]);
	if (r != STORE_BROKEN)
		return;
	p->broken++;
	scenario_down(p, who);
}

static int run(const struct scenario *start, struct sim_fault f)
{
	struct scenario p;
	const char *why = NULL;
	int struck;

	(void)start;
	scenario_begin(&p, sim_new());
	sim_set_fault(p.sim, &f);
	durable_checks = is_sync(&f) ? 4 : 0;
	truncates = f.call != SIM_TRUNCATE;
	p.after = check_turn;
	scenario_script(&p);
	p.after = NULL;
	struck = sim_faults_struck(p.sim);
	for (int who = 0; who < SCENARIO_SERVERS && is_sync(&f) && struck > 0;
	    who++)
		end_broken(&p, who);
	if (is_sync(&f) && struck > 0 && p.broken == 0)
		why = "a sync failed and the store went on";
	if (!is_sync(&f) && p.broken > 0)
		why = "the store is broken and no sync has failed";
	if (why == NULL)
		why = good_again(&p);
	CHECK(why == NULL, "%s call %ld fails %s with %s%s: %s",
	    sim_call_name(f.call), f.n, f.for_ever ? "from then on" : "once",
	    strerror(f.error), f.half ? " after half" : "", why);
	scenario_end(&p);
	runs++;
	return struck;
}

/* The n-th call of one kind fails, for every n until there are no more such
 * calls. Returns how often one did. */
static long fail_each(size_t i, int for_ever,
    int (*try)(const struct scenario *, struct sim_fault),
    const struct scenario *start)
{
	long n = 1, struck = 0;

	while (try(start, (struct sim_fault){ fault[i].call, n, for_ever,
	    fault[i].error, fault[i].half }) > 0) {
		struck++;
		n += stride;
	}
	return struck;
}

static void test_calls(void)
{
	for (size_t i = 0; i < COUNT(fault); i++)
		for (int for_ever = 0; for_ever < 2; for_ever++)
			CHECK(fail_each(i, for_ever, run, NULL) > 0,
			    "no %s call has failed with %s",
			    sim_call_name(fault[i].call),
			    strerror(fault[i].error));
}

/* ---- while it recovers ---- */

static int run_recovery(const struct scenario *crashed, struct sim_fault f)
{
	struct scenario p;
	struct store *s;
	const char *why;
	int struck;

	scenario_copy(&p, crashed);
	sim_set_fault(p.sim, &f);
	s = scenario_up(&p, 0);
	if (s != NULL && store_begin(s) == 0)
		store_end(s);
	if (s != NULL)
		/* good or not, what was acknowledged stays */
		(void)store_checkpoint(s);
	struck = sim_faults_struck(p.sim);
	end_broken(&p, 0);
	why = good_again(&p);
	CHECK(why == NULL, "%s call %ld of the recovery fails %s with %s%s: %s",
	    sim_call_name(f.call), f.n, f.for_ever ? "from then on" : "once",
	    strerror(f.error), f.half ? " after half" : "", why);
	scenario_end(&p);
	runs++;
	return struck;
}

/* How often each fault has struck, in all recoveries. */
static long recoveries_failed[COUNT(fault)];

static void fail_recovery(long step, enum sim_loss loss)
{
	struct scenario p;

	scenario_begin(&p, sim_new());
	sim_end_at(p.sim, step, 0);
	scenario_script(&p);
	for (int who = 0; who < SCENARIO_SERVERS; who++)
		scenario_down(&p, who);
	sim_power_loss(p.sim, loss, (uint32_t)step);
	for (size_t i = 0; i < COUNT(fault); i++)
		for (int for_ever = 0; for_ever < 2; for_ever++)
			recoveries_failed[i] +=
			    fail_each(i, for_ever, run_recovery, &p);
	scenario_end(&p);
}

static void test_recovery(void)
{
	fail_recovery(14, SIM_DROP);
	fail_recovery(85, SIM_DROP);            /* a new segment: truncate */
	fail_recovery(100, SIM_SUBSET);
	/* many logs: sync_all, unlink */
	fail_recovery(215, SIM_DROP);
	fail_recovery(261, SIM_DROP);
	fail_recovery(330, SIM_ZEROS);
	/* A recovery commits nothing, so it never asks how much
	 * room there is. */
	for (size_t i = 0; i < COUNT(fault); i++)
		CHECK(recoveries_failed[i] > 0 || fault[i].call == SIM_ROOM,
		    "no %s call has failed with %s",
		    sim_call_name(fault[i].call), strerror(fault[i].error));
}

/* ---- full ---- */

/* A disk of unknown size: the store finds out by writing. */
static void run_full(uint64_t capacity)
{
	const struct sim_fault room = { SIM_ROOM, 1, 1, ENOSYS, 0 };
	struct scenario p;
	const char *why = NULL;

	scenario_begin(&p, sim_new());
	sim_set_capacity(p.sim, capacity);
	sim_set_fault(p.sim, &room);
	truncates = 1;
	p.after = check_turn;
	scenario_script(&p);
	p.after = NULL;
	if (!sim_was_full(p.sim))
		why = "the disk was never full";
	if (p.broken > 0 || p.begins_refused > 0)
		why = "a turn did not begin";
	if (why == NULL)
		why = good_again(&p);
	CHECK(why == NULL, "with %llu bytes: %s", (unsigned long long)capacity,
	    why);
	scenario_end(&p);
	runs++;
}

static void test_full(void)
{
	struct scenario p;
	uint64_t enough;

	scenario_begin(&p, sim_new());
	scenario_script(&p);
	enough = sim_used(p.sim);
	scenario_end(&p);
	for (uint64_t capacity = 1; capacity < enough;
	    capacity += 61 * (uint64_t)stride)
		run_full(capacity);
}

int main(int argc, char **argv)
{
	stride = scenario_stride(argc, argv);
	scenario_limits();
	check_group("any call fails: nothing acknowledged is lost", test_calls);
	check_group("any call of a recovery fails: the next one succeeds",
	    test_recovery);
	check_group("a full disk refuses, and goes on when there is room",
	    test_full);
	printf("# %ld runs\n", runs);
	return check_done();
}
