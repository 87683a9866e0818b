/* model.h: what a store must have, told by what it has acknowledged. For the tests of the store.
 *
 * A test creates and puts through the model, which notes each line as it must stand in its log, byte
 * for byte. model_wrong() and model_files_wrong() then find the first difference. */
#ifndef MODEL_H
#define MODEL_H

#include "simdisk.h"
#include "store.h"

#define MODEL_LOGS     64
#define MODEL_ID_BYTES 24

struct model_log {
	enum topic_kind kind;
	char name[NAME_BYTES_MAX + 1];
	int made, making;       /* acknowledged; in the batch */
	struct buf text;        /* its lines, and behind them those of the batch */
	size_t bytes, lines;    /* acknowledged */
	size_t more;            /* lines in the batch */
};

struct model_id {
	size_t log;
	char user[MODEL_ID_BYTES], id[MODEL_ID_BYTES];
	uint64_t seq;
};

struct model {
	struct model_log log[MODEL_LOGS];       /* the first one is events.log */
	size_t logs;
	struct model_id *id;    /* oldest first, those of the batch at the end */
	size_t ids, ids_cap, ids_acked;
	int doubt;              /* nobody heard whether the batch was stored */
	char why[256];          /* what was wrong first; "" for nothing */
};

void model_init(struct model *m);
void model_copy(struct model *to, const struct model *from);
void model_free(struct model *m);

/* The log with this name, which is noted if it is new. */
size_t model_log(struct model *m, enum topic_kind kind, const char *name);
struct topic *model_topic(const struct model *m, struct store *s, size_t log);

/* Within a turn. 0, or -1: the store did not want it. */
int model_create(struct model *m, struct store *s, enum topic_kind kind, const char *name);
int model_put(struct model *m, struct store *s, size_t log, const char *user, const char *message);
/* What the store says. When it is not 0 the batch is in doubt: model_refuse() says that it must never
 * show up, model_settle() looks whether all of it or nothing is there, later and through any store. */
int model_commit(struct model *m, struct store *s);
void model_refuse(struct model *m);
void model_settle(struct model *m, struct store *s);

/* NULL, or what is wrong with what a store says, within a turn; and with what stands in the files.
 * Files set aside are wrong too, unless there was damage. */
const char *model_wrong(struct model *m, struct store *s);
const char *model_files_wrong(struct model *m, struct sim *sim, int damage);
/* 1: a log ends in the middle of a line. */
int model_half_line(const struct model *m, const struct sim *sim);

#endif
