/* test_power.c: power is lost, or a process is killed, before each
 * step of a script. */
#include "tap.h"
#include "scenario.h"

#include <errno.h>

/* No power loss at all: what was written stays. */
#define KILLED SIM_LOSSES

/* What may be left, and with how many seeds. */
static const struct {
	int loss;
	uint32_t seeds;
	int again;              /* 1: the recovery is interrupted too */
} variant[] = {
	{ KILLED, 1, 1 }, { SIM_DROP, 1, 1 }, { SIM_KEEP, 1, 0 },
	{ SIM_ZEROS, 1, 1 },
	{ SIM_SUBSET, 3, 1 }, { SIM_SHUFFLE, 2, 0 }, { SIM_TEAR, 3, 1 }
};

static long stride;
static long script_steps, crashes, recovery_crashes;

static const char *loss_name(int loss)
{
	return loss == KILLED ? "killed" : sim_loss_name((enum sim_loss)loss);
}

static void lose(struct sim *sim, int loss, uint32_t seed)
{
	if (loss == KILLED)
		sim_end_at(sim, 0, 0);
	else
		sim_power_loss(sim, (enum sim_loss)loss, seed);
}

/* Power is lost again, before every second step of the recovery: the
 * variants take turns. */
static void crash_again(const struct scenario *left, long step, int loss,
    uint32_t seed)
{
	long recovery = 1 + (step + loss) % 2;
	int ended;

	do {
		struct scenario p;
		const char *why;

		scenario_copy(&p, left);
		sim_end_at(p.sim, recovery, 0);
		(void)scenario_up(&p, 0);
		scenario_down(&p, 0);
		ended = sim_ended(p.sim);
		lose(p.sim, recovery % 4 < 2 ? loss : SIM_SUBSET,
		    seed + (uint32_t)recovery);
		why = scenario_sound(&p);
		CHECK(why == NULL,
		    "step %ld, %s, seed %u, then step %ld of the recovery: %s",
		    step, loss_name(loss), (unsigned)seed, recovery, why);
		scenario_end(&p);
		recovery_crashes++;
		recovery += 2;
	} while (ended);
}

static void crash_at(long step)
{
	struct scenario p;

	scenario_begin(&p, sim_new());
	sim_end_at(p.sim, step, 0);
	scenario_script(&p);
	CHECK(sim_ended(p.sim), "step %ld was not reached", step);
	CHECK(p.oracle.why[0] == '\0', "before step %ld: %s", step,
	    p.oracle.why);
	scenario_down(&p, 0);
	scenario_down(&p, 1);
	for (size_t i = 0; i < COUNT(variant); i++)
		for (uint32_t seed = 0; seed < variant[i].seeds; seed++) {
			struct scenario left;
			const char *why;

			scenario_copy(&left, &p);
			lose(left.sim, variant[i].loss,
			    seed + (uint32_t)step * 16);
			if (variant[i].again && seed == 0)
				crash_again(&left, step, variant[i].loss, seed);
			why = scenario_sound(&left);
			CHECK(why == NULL, "step %ld, %s, seed %u: %s", step,
			    loss_name(variant[i].loss), (unsigned)seed, why);
			scenario_end(&left);
			crashes++;
		}
	scenario_end(&p);
}

static void test_script(void)
{
	struct scenario p;
	const char *why;

	scenario_begin(&p, sim_new());
	scenario_script(&p);
	script_steps = sim_steps(p.sim);
	CHECK(script_steps >= 300, "the script has only %ld steps",
	    script_steps);
	CHECK(p.broken == 0 && p.oracle.why[0] == '\0', "%s", p.oracle.why);
	scenario_down(&p, 0);
	scenario_down(&p, 1);
	why = scenario_sound(&p);
	CHECK(why == NULL, "%s", why);
	scenario_end(&p);
}

static void test_power(void)
{
	for (long step = 1; step <= script_steps; step += stride)
		crash_at(step);
}

/* Where one sync of everything is not known to work, a checkpoint syncs log by
 * log. */
static int crash_one_by_one(long step)
{
	const struct sim_fault none = { SIM_SYNC_ALL, 1, 1, ENOSYS, 0 };
	struct scenario p;
	const char *why;
	int ended;

	scenario_begin(&p, sim_new());
	sim_set_fault(p.sim, &none);
	sim_end_at(p.sim, step, 0);
	scenario_script(&p);
	scenario_down(&p, 0);
	scenario_down(&p, 1);
	ended = sim_ended(p.sim);
	sim_power_loss(p.sim, SIM_DROP, 0);
	why = scenario_sound(&p);
	CHECK(why == NULL, "log by log, step %ld: %s", step, why);
	scenario_end(&p);
	crashes++;
	return ended;
}

static void test_one_by_one(void)
{
	long step = 1;

	while (crash_one_by_one(step))
		step += 3 * stride;
	CHECK(step > script_steps, "there are only %ld steps", step);
}

static void bury(struct scenario *p)
{
	for (int who = 0; who < SCENARIO_SERVERS; who++)
		if (p->store[who] != NULL && store_begin(p->store[who]) != 0)
			scenario_down(p, who);
		else if (p->store[who] != NULL)
			store_end(p->store[who]);
}

/* One of two servers is killed before a step, the other one goes on;
 * then power is lost. */
static void kill_at(long step)
{
	struct scenario p;
	const char *why = NULL;
	int alive;

	scenario_begin(&p, sim_new());
	sim_end_at(p.sim, step, 1);
	scenario_script(&p);
	bury(&p);
	alive = p.store[1] != NULL;
	/* the dead one comes back */
	for (int turn = 0; turn < 3 && why == NULL; turn++)
		why = scenario_turn(&p, turn == 1 ? !alive : alive);
	if (why == NULL)
		why = oracle_files_wrong(&p.oracle, p.sim);
	CHECK(why == NULL, "one is killed at step %ld, the other one sees: %s",
	    step, why);
	scenario_down(&p, 0);
	scenario_down(&p, 1);
	sim_power_loss(p.sim, SIM_DROP, 0);
	why = scenario_sound(&p);
	CHECK(why == NULL, "one is killed at step %ld, then all is dropped: %s",
	    step, why);
	scenario_end(&p);
	crashes++;
}

/* The same, and power is lost while the other one takes over. */
static void kill_and_crash_at(long step)
{
	struct scenario p;
	const char *why;

	scenario_begin(&p, sim_new());
	sim_end_at(p.sim, step, 1);
	scenario_script(&p);
	bury(&p);
	sim_end_at(p.sim, sim_steps(p.sim) + 1 + step % 23, 0);
	why = scenario_turn(&p, p.store[1] != NULL);
	CHECK(why == NULL || sim_ended(p.sim), "one is killed at step %ld: %s",
	    step, why);
	p.oracle.why[0] = '\0';  /* it could not be read: the power was gone */
	for (int who = 0; who < SCENARIO_SERVERS; who++)
		scenario_down(&p, who);
	sim_power_loss(p.sim, step % 3 ? SIM_DROP : SIM_SUBSET, (uint32_t)step);
	why = scenario_sound(&p);
	CHECK(why == NULL,
	    "one is killed at step %ld, and then the power goes: %s", step,
	    why);
	scenario_end(&p);
	crashes++;
}

static void test_takeover(void)
{
	for (long step = 1; step <= script_steps; step += stride)
		kill_at(step);
	for (long step = 1; step <= script_steps; step += stride)
		kill_and_crash_at(step);
}

int main(int argc, char **argv)
{
	stride = scenario_stride(argc, argv);
	scenario_limits();
	check_group("without a crash the script stores what it should",
	    test_script);
	check_group("power is lost before any step, and again in the recovery",
	    test_power);
	check_group("the same where logs are synced one by one",
	    test_one_by_one);
	check_group("one server is killed before any step, the other goes on",
	    test_takeover);
	printf("# %ld steps, %ld crashes, %ld more during recovery\n",
	    script_steps, crashes, recovery_crashes);
	return check_done();
}
