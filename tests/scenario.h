/* scenario.h: a script that two servers act out on a simulated disk: logins,
 * channels, messages on several topics in turns, checkpoints, full segments, a
 * restart, and a server that ends without a goodbye. */
#ifndef SCENARIO_H
#define SCENARIO_H

#include "oracle.h"

#define SCENARIO_SERVERS 2

struct scenario {
	struct sim *sim;
	struct oracle oracle;
	struct disk *disk[SCENARIO_SERVERS];
	struct store *store[SCENARIO_SERVERS];      /* NULL: not running */
	uint64_t directory;     /* its number, once a store has told it */
	int turns;
	int broken;             /* how often a store was */
	int begins_refused;     /* turns that an open store did not begin */
	/* Called after each turn that ended well; may be NULL. */
	void (*after)(struct scenario *p);
};

/* Small files, so that a script goes through several of them. */
void scenario_limits(void);

/* A test that tries all steps, calls or bytes tries only one in so many when an
 * argument, or else the variable STRIDE, says so: for slow builds. */
long scenario_stride(int argc, char **argv);

/* Takes ownership of the disk, which scenario_end() frees. */
void scenario_begin(struct scenario *p, struct sim *sim);
void scenario_end(struct scenario *p);

/* Acts the script out. A store that breaks is closed, and opened when
 * it is its turn again; a batch that is refused is forgotten. Ends
 * early when the disk has. */
void scenario_script(struct scenario *p);

/* Everything is checked with a store, the files too; then it goes on, is opened
 * again, and everything is checked again. NULL, or what was wrong. The servers
 * must be down, and are afterwards. */
const char *scenario_sound(struct scenario *p);
/* Whether all that was acknowledged would survive a power loss now:
 * tried out on a copy. */
const char *scenario_durable(const struct scenario *p);
/* A copy of the disk and of what is known about it, without servers. */
void scenario_copy(struct scenario *to, const struct scenario *from);

/* One turn: everything is checked, then a batch is put. NULL, or
 * what was wrong. */
const char *scenario_turn(struct scenario *p, int who);
/* The store of a server, opened when it is not running; NULL:
 * errno says why. */
struct store *scenario_up(struct scenario *p, int who);
void scenario_down(struct scenario *p, int who);

#endif
