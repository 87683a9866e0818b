/* services.h: the services of the protocol, one row of a table each.
 *
 * A request is handled in two steps. service_take() checks it and puts what it
 * stores into the store's batch; service_answer() writes its reply after the
 * commit. So nothing is answered, or read, that is not on disk, and the
 * requests of a batch share one sync. */
#ifndef SERVICES_H
#define SERVICES_H

#include "back.h"
#include "json.h"
#include "publish.h"
#include "stats.h"
#include "store.h"

/* As "after": the newest messages. */
#define HISTORY_NEWEST UINT64_MAX

/* A request while it is handled. */
struct job {
	struct request_id id;
	uint64_t client;        /* equal for those of one connection */
	struct str body;        /* not ours; in use until it is taken */
	int again;              /* a server was given it before */
	/* What service_take() found out. */
	const struct service *service;  /* NULL: not known */
	const char *refused;    /* the reason in its error reply, or NULL */
	/* 1: it stores, or uses what the same batch stores: if the commit
	 * fails, so does this. */
	int depends;
	int stored;             /* a message that was not there before */
	uint64_t seq;
	struct topic *topic;
	uint64_t after;
	unsigned limit;
};

/* Zeroed at first, but for the store. */
struct services {
	struct store *store;
	struct publications publications;
	struct stats stats;
	/* The request that is being taken, its data, its decoded strings. */
	struct json json;
	const struct json_node *data;
	struct buf scratch;
};

void service_take(struct services *v, struct job *j);
/* Instead of service_take() where the store cannot be used: refuses the
 * request because of this errno, if nothing else is wrong with it. */
void service_refuse(struct services *v, struct job *j, int error);
/* Appends the reply. failed: 0, or the errno of the commit. */
void service_answer(struct services *v, const struct job *j, int failed,
    struct buf *out);
void service_free(struct services *v);

/* Puts a channel into the batch unless there is one. -1 with errno: EINVAL
 * for a bad name, EEXIST for a user's, or what the store says. */
int service_create_channel(struct services *v, struct str name);

#endif
