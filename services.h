/* services.h: the requests of the protocol, one row of a table each.
 *
 * A request is handled in two steps. service_take() checks it and puts what it asks for into the
 * store's batch; after the commit service_answer() writes the reply. So nothing is answered, or read,
 * that is not on disk, and the replies of a batch share one sync. */
#ifndef SERVICES_H
#define SERVICES_H

#include "back.h"
#include "buf.h"
#include "json.h"
#include "store.h"

#define HISTORY_NEWEST  UINT64_MAX      /* as "after": the newest ones */

struct service;

struct request {
	struct request_id id;
	struct str body;        /* not ours; needed until service_take() returns */
	int again;              /* the broker has given it to a server before */
	/* From here on what service_take() found out. */
	const struct service *service;  /* NULL: not known */
	const char *refused;    /* the text of its error reply, or NULL */
	int depends;            /* on the commit: it stores, or uses what the same batch stores */
	int stored;             /* a message, which was not there before */
	uint64_t seq;
	struct topic *topic;
	uint64_t after;
	unsigned limit;
};

/* A publication that waits for the commit: pieces of struct services.text. */
struct publication {
	size_t topic_at, topic_n, body_at, body_n;
};

struct services {
	struct store *store;
	struct json json;
	struct buf scratch;             /* decoded strings of the request at hand */
	struct buf text;                /* publications */
	struct publication *publication;
	size_t publications, publications_cap;
	int64_t started_ms;
	uint64_t requests, refused, messages, republished;
	uint64_t batches, batch_last;
	uint64_t syncs;                 /* commits that wrote; their times, the last SYNC_TIMES of them */
#define SYNC_TIMES 1024
	uint32_t sync_us[SYNC_TIMES];
	uint64_t broker[BACK_COUNTERS]; /* as the broker's last beat told them */
};

void service_take(struct services *v, struct request *r);
/* Appends the reply. failed: 0, or the errno of the commit that stored nothing. */
void service_answer(struct services *v, const struct request *r, int failed, struct buf *out);

/* Instead of service_take() where the store cannot be used: refuses the
 * request because of this errno, if nothing else is wrong with it. */
void service_refuse(struct services *v, struct request *r, int error);
void service_free(struct services *v);

/* Makes a channel in the current batch unless it is there. -1: the name is bad or taken, or errno. */
int service_create_channel(struct services *v, struct str name);

#endif
