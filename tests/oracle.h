/* oracle.h: what a store must contain, judging by what it has acknowledged. For
 * the tests of the store.
 *
 * A test creates and puts through the oracle, which notes each line as it must
 * stand in its log, byte for byte. oracle_wrong() and oracle_files_wrong() then
 * find the first difference. */
#ifndef ORACLE_H
#define ORACLE_H

#include "../limits.h"
#include "sim_disk.h"
#include "../store.h"

#define ORACLE_LOGS     64
#define ORACLE_ID_BYTES 24

struct oracle_log {
	enum topic_kind kind;
	char name[NAME_BYTES_MAX + 1];
	int made, making;       /* acknowledged; in the batch */
	struct buf text;        /* its lines, then those of the batch */
	size_t bytes, lines;    /* acknowledged */
	size_t more;            /* lines in the batch */
};

struct oracle_id {
	size_t log;
	char user[ORACLE_ID_BYTES], id[ORACLE_ID_BYTES];
	uint64_t seq;
};

struct oracle {
	struct oracle_log log[ORACLE_LOGS];     /* the first is events.log */
	size_t logs;
	struct oracle_id *id;   /* oldest first, the batch's ones at the end */
	size_t ids, ids_cap, ids_acked;
	int doubt;              /* it is unknown whether the batch was stored */
	char why[256];          /* what was wrong first; "" for nothing */
};

void oracle_init(struct oracle *m);
void oracle_copy(struct oracle *to, const struct oracle *from);
void oracle_free(struct oracle *m);

/* The log with this name, which is noted if it is new. */
size_t oracle_log(struct oracle *m, enum topic_kind kind, const char *name);
struct topic *oracle_topic(const struct oracle *m, struct store *s, size_t log);

/* Within a turn. 0, or -1: the store refused it. */
int oracle_create(struct oracle *m, struct store *s, enum topic_kind kind,
    const char *name);
int oracle_put(struct oracle *m, struct store *s, size_t log, const char *user,
    const char *message);
/* What the store says. When it is not 0 the batch is in doubt: oracle_refuse()
 * says that it must never show up, oracle_settle() looks whether all of it or
 * nothing is there, later and through any store. */
int oracle_commit(struct oracle *m, struct store *s);
void oracle_refuse(struct oracle *m);
void oracle_settle(struct oracle *m, struct store *s);

/* NULL, or what is wrong with what a store says, within a turn; and
 * with what stands in the files. Quarantined files are wrong too. */
const char *oracle_wrong(struct oracle *m, struct store *s);
const char *oracle_files_wrong(struct oracle *m, struct sim *sim);
/* 1: a log ends in the middle of a line. */
int oracle_half_line(const struct oracle *m, const struct sim *sim);

#endif
