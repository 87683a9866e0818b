/* stats.c: see stats.h. */
#include "stats.h"

#include "json.h"
#include "limits.h"
#include "util.h"

#include <stdlib.h>
#include <string.h>

void stats_start(struct stats *s)
{
	s->started_ms = ticks_ms();
}

void stats_batch(struct stats *s, size_t requests)
{
	s->batch_last = requests;
	s->batches++;
}

void stats_sync(struct stats *s, int64_t us)
{
	s->sync_us[s->syncs++ % SYNC_TIMES] = (uint32_t)us;
}

void stats_broker(struct stats *s, struct str counters)
{
	for (int i = 0; i < BACK_COUNTERS; i++)
		if (take_le64(&counters, &s->broker[i]) == -1)
			break;          /* an older broker has fewer */
}

static int by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void put_sync_times(const struct stats *s, struct buf *out)
{
	uint32_t sorted[SYNC_TIMES];
	size_t n = s->syncs < SYNC_TIMES ? (size_t)s->syncs : SYNC_TIMES;

	memcpy(sorted, s->sync_us, n * sizeof *sorted);
	qsort(sorted, n, sizeof *sorted, by_value);
	json_put_number(out, "sync_p50_us", n > 0 ? sorted[n / 2] : 0);
	json_put_number(out, "sync_p99_us", n > 0 ? sorted[n * 99 / 100] : 0);
}

static void put_server(const struct stats *s, struct store *store,
    struct buf *out)
{
	uint64_t uptime_ms = (uint64_t)(ticks_ms() - s->started_ms);

	json_put_key(out, "server");
	buf_putc(out, '{');
	json_put_number(out, "uptime", uptime_ms / 1000);
	json_put_number(out, "requests", s->requests);
	json_put_number(out, "refused", s->refused);
	json_put_number(out, "messages", s->messages);
	json_put_number(out, "republished", s->republished);
	json_put_number(out, "batches", s->batches);
	json_put_number(out, "batch_last", s->batch_last);
	json_put_number(out, "syncs", s->syncs);
	put_sync_times(s, out);
	json_put_number(out, "topics", store_count(store, TOPIC_CHANNEL) +
	    store_count(store, TOPIC_USER));
	json_put_number(out, "open_logs", store_open_logs(store));
	buf_putc(out, '}');
}

static void put_broker(const struct stats *s, struct buf *out)
{
	static const char *const key[BACK_COUNTERS] = {
		[BACK_WAITING] = "waiting", [BACK_OPEN] = "open",
		[BACK_SERVERS] = "servers", [BACK_CREDIT] = "credit",
		[BACK_REQUESTS] = "requests", [BACK_ANSWERED] = "answered",
		[BACK_REDELIVERED] = "redelivered",
		[BACK_EXPIRED] = "expired", [BACK_UNROUTABLE] = "unroutable",
		[BACK_UPTIME_MS] = "uptime"
	};

	json_put_key(out, "broker");
	buf_putc(out, '{');
	for (int i = 0; i < BACK_COUNTERS; i++)
		json_put_number(out, key[i], i == BACK_UPTIME_MS ?
		    s->broker[i] / 1000 : s->broker[i]);
	buf_putc(out, '}');
}

static void put_channel_seq(const struct topic *t, struct buf *out)
{
	json_put_comma(out);
	buf_putc(out, '{');
	json_put_member(out, "name", t->name);
	json_put_number(out, "seq", t->now.seq);
	buf_putc(out, '}');
}

/* Only channels used since the start: to look at another opens its log. And of
 * those as many as fit. */
static void put_channel_seqs(struct store *store, struct buf *out)
{
	size_t start, before;

	json_put_key(out, "channels");
	buf_putc(out, '[');
	start = before = out->n;
	for (size_t i = 0; i < store_count(store, TOPIC_CHANNEL); i++) {
		const struct topic *t = store_at(store, TOPIC_CHANNEL, i);

		if (t->loaded)
			put_channel_seq(t, out);
		if (out->n - start > PAGE_BYTES_MAX) {
			out->n = before;
			break;
		}
		before = out->n;
	}
	buf_putc(out, ']');
}

void stats_put(const struct stats *s, struct store *store, struct buf *out)
{
	put_server(s, store, out);
	put_broker(s, out);
	put_channel_seqs(store, out);
}
