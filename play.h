/* play.h: a script that two servers act out on a simulated disk: logins, channels, messages on several
 * topics in turns, checkpoints, full segments, a restart, and one that ends without goodbye. */
#ifndef PLAY_H
#define PLAY_H

#include "model.h"

#define PLAY_SERVERS 2

struct play {
	struct sim *sim;
	struct model model;
	struct disk *disk[PLAY_SERVERS];
	struct store *store[PLAY_SERVERS];      /* NULL: not running */
	int turns;
	int broken;             /* how often a store was */
	int begins_refused;     /* how often an open store did not even begin a turn */
	void (*after)(struct play *p);  /* when not NULL: called behind each turn that ended well */
};

/* Small files, so that a script goes through several of them. */
void play_limits(void);

/* Where a test tries all steps, calls, bytes one by one it tries every so many-th only, when an argument
 * or else the variable STRIDE says so: for builds that are slow. */
long play_stride(int argc, char **argv);

void play_begin(struct play *p, struct sim *sim);       /* takes the disk over */
void play_end(struct play *p);

/* Acts the script out. A store that breaks is closed, and opened when it is its turn again; a batch
 * that is refused is forgotten. Ends early when the disk has. */
void play_script(struct play *p);

/* Everything is checked with a store, the files too; then it goes on, is opened again, and everything
 * is checked again. NULL, or what was wrong. The servers must be down, and are afterwards. */
const char *play_sound(struct play *p, int damage);
/* Whether all that was acknowledged would survive a power loss now: tried out on a copy. */
const char *play_durable(const struct play *p);
/* A copy of the disk and of what is known about it, without servers. */
void play_copy(struct play *to, const struct play *from);

/* One turn: everything is checked, then a batch is put. NULL, or what was wrong. */
const char *play_turn(struct play *p, int who);
/* The store of a server, opened when it is not running; NULL: errno says why. */
struct store *play_up(struct play *p, int who);
void play_down(struct play *p, int who);

#endif
