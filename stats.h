/* stats.h: what a server counts, and its part of the reply to "stats". */
#ifndef STATS_H
#define STATS_H

#include "back.h"
#include "store.h"

#define SYNC_TIMES 1024

/* Zeroed at first. */
struct stats {
	int64_t started_ms;
	uint64_t requests, refused, messages, republished;
	uint64_t batches, batch_last;
	/* Commits that wrote, and how long the last SYNC_TIMES of them took. */
	uint64_t syncs;
	uint32_t sync_us[SYNC_TIMES];
	/* As the broker's last heartbeat had them. */
	uint64_t broker[BACK_COUNTERS];
};

void stats_start(struct stats *s);
/* A batch of so many requests was answered. */
void stats_batch(struct stats *s, size_t requests);
/* A commit wrote, and took so long. */
void stats_sync(struct stats *s, int64_t us);
/* Takes the counters off a heartbeat of the broker. */
void stats_broker(struct stats *s, struct str counters);

/* Appends the members "server", "broker" and "channels". */
void stats_put(const struct stats *s, struct store *store, struct buf *out);

#endif
