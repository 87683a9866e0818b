/* client_stat.c: stat: the counters once; or again and again, with rates and a
 * picture of the last minute. */
#include "client.h"

#include "line.h"
#include "linebuf.h"
#include "util.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SAMPLES      60         /* of a channel's rate: a minute at -i 1 */
#define NAME_COLUMNS 16         /* for a counter's or channel's name */
#define OTHER_ROWS   6          /* the head, and an empty row at the end */
#define ROW_COLUMNS  42         /* of a channel's row, before its picture */
/* Channels in the live view; others are not shown. */
#define WATCHED_MAX  4096

struct watched {
	struct str name;                /* ours */
	uint64_t seq, previous;         /* UINT64_MAX: unknown */
	uint64_t rate[SAMPLES];         /* messages a second; [0] is newest */
	uint64_t sum;
};

struct view {
	struct client *c;
	struct watched *channel;
	size_t channels, channels_cap;
	int64_t start;                  /* ticks_ms() */
	/* The sample before this one: when it was taken, and its counters. */
	int64_t taken;
	uint64_t requests, messages, batches;
	int samples;
	struct buf scratch;
};

/* ---- parts of both ---- */

static void put_duration(struct buf *b, uint64_t seconds)
{
	if (seconds >= 86400)
		buf_printf(b, "%" PRIu64 "d ", seconds / 86400);
	buf_printf(b, "%02d:%02d:%02d", (int)(seconds / 3600 % 24),
	    (int)(seconds / 60 % 60), (int)(seconds % 60));
}

/* Spaces after a text of `wide` columns up to `column`, at least `least`. */
static void put_spaces(struct buf *b, size_t wide, size_t column, size_t least)
{
	size_t n = column > wide + least ? column - wide : least;

	while (n-- > 0)
		buf_putc(b, ' ');
}

static void put_json(struct client *c, const struct answer *a)
{
	output_json(&c->out, a->json, a->data);
	buf_putc(&c->out, '\n');
}

/* ---- once ---- */

/* For people, uptime is a duration; other values are shown as they came. */
static void put_value(struct buf *b, const struct json *j,
    const struct json_node *key, int people)
{
	uint64_t n;

	if (people && str_is(key->raw, "uptime") &&
	    json_uint(key + 1, &n) == 0)
		put_duration(b, n);
	else
		output_json(b, j, key + 1);
}

static void put_counter(struct client *c, const char *part,
    const struct json *j, const struct json_node *key)
{
	int people = c->form == OUTPUT_PEOPLE;

	if (key[1].type == JSON_ARRAY || key[1].type == JSON_OBJECT)
		return;
	buf_puts(&c->out, part);
	buf_putc(&c->out, people ? ' ' : '.');
	output_text(&c->out, key->raw);
	if (people)
		put_spaces(&c->out, key->raw.n, NAME_COLUMNS + 1, 1);
	else
		buf_putc(&c->out, '\t');
	put_value(&c->out, j, key, people);
	buf_putc(&c->out, '\n');
}

static void put_counters(struct client *c, const struct answer *a,
    const char *part)
{
	const struct json_node *object = json_get(a->json, a->data, part), *key;

	if (object == NULL || object->type != JSON_OBJECT)
		return;
	for (key = json_first(a->json, object); key != NULL;
	    key = json_next(a->json, object, key))
		put_counter(c, part, a->json, key);
}

static void put_channel(struct client *c, struct str name, uint64_t seq)
{
	int people = c->form == OUTPUT_PEOPLE;

	buf_puts(&c->out, people ? "channel " : "channel.");
	line_put_text(&c->out, name);
	if (people)
		put_spaces(&c->out, linebuf_columns(name), NAME_COLUMNS, 1);
	else
		buf_putc(&c->out, '\t');
	buf_u64(&c->out, seq);
	buf_putc(&c->out, '\n');
}

static void put_channel_list(struct client *c, const struct answer *a)
{
	const struct json_node *list = reply_array(a, "channels"), *n;
	struct buf scratch = { 0 };

	for (n = json_first(a->json, list); n != NULL;
	    n = json_next(a->json, list, n))
		put_channel(c, reply_string(a->json, n, "name", &scratch),
		    reply_number(a->json, n, "seq", 0));
	buf_free(&scratch);
}

/* Servers of other projects have none. */
static void put_version(struct client *c, const struct answer *a)
{
	struct buf scratch = { 0 };
	struct str version = reply_string(a->json, a->data, "version",
	    &scratch);
	int people = c->form == OUTPUT_PEOPLE;

	if (version.n > 0) {
		buf_puts(&c->out, people ? "version " : "version\t");
		output_text(&c->out, version);
		buf_putc(&c->out, '\n');
	}
	buf_free(&scratch);
}

static int stat_once(struct client *c)
{
	struct answer a;
	int code = client_call(c, "stat", "stats", &a);

	if (code != 0)
		return code;
	if (c->json) {
		put_json(c, &a);
	} else {
		put_version(c, &a);
		put_counters(c, &a, "server");
		put_counters(c, &a, "broker");
		put_channel_list(c, &a);
	}
	output_write(&c->out);
	return 0;
}

/* ---- again and again: taking samples ---- */

static uint64_t counter(const struct answer *a, const char *part,
    const char *key)
{
	return reply_number(a->json, json_get(a->json, a->data, part), key, 0);
}

/* A restarted server counts from 0 again: no rate then. */
static uint64_t rate_of(uint64_t now, uint64_t before, int64_t ms)
{
	return now >= before && ms > 0 ? (now - before) * 1000 / (uint64_t)ms :
	    0;
}

static struct watched *find_watched(struct view *v, struct str name)
{
	struct watched *w;

	for (size_t i = 0; i < v->channels; i++)
		if (str_eq(v->channel[i].name, name))
			return &v->channel[i];
	if (v->channels == WATCHED_MAX || name.n == 0)
		return NULL;
	v->channel = must_array_room(v->channel, v->channels,
	    &v->channels_cap, sizeof *v->channel);
	w = &v->channel[v->channels++];
	*w = (struct watched){ .name = must_copy(name),
		.previous = UINT64_MAX };
	return w;
}

static void take_seqs(struct view *v, const struct answer *a)
{
	const struct json_node *list = reply_array(a, "channels"), *n;

	for (n = json_first(a->json, list); n != NULL;
	    n = json_next(a->json, list, n)) {
		struct watched *w = find_watched(v,
		    reply_string(a->json, n, "name", &v->scratch));

		if (w != NULL)
			w->seq = reply_number(a->json, n, "seq", 0);
	}
}

static void take_rate(struct watched *w, int64_t ms)
{
	memmove(w->rate + 1, w->rate, (SAMPLES - 1) * sizeof *w->rate);
	w->rate[0] = w->previous != UINT64_MAX ?
	    rate_of(w->seq, w->previous, ms) : 0;
	w->previous = w->seq;
	w->sum = 0;
	for (int i = 0; i < SAMPLES; i++)
		w->sum += w->rate[i];
}

/* ---- again and again: the screen ---- */

static int busier(const void *a, const void *b)
{
	const struct watched *x = a, *y = b;

	if (x->sum != y->sum)
		return x->sum < y->sum ? 1 : -1;
	return x->seq < y->seq ? 1 : x->seq > y->seq ? -1 : 0;
}

/* Samples are drawn oldest first, each against the highest one of the row. */
static void put_sparkline(struct buf *b, const struct watched *w, int samples)
{
	static const char *const bar[] = { "▁", "▂", "▃", "▄", "▅", "▆", "▇",
		"█" };
	uint64_t top = 1;

	for (int i = 0; i < samples; i++)
		top = w->rate[i] > top ? w->rate[i] : top;
	for (int i = samples; i-- > 0; )        /* the lowest bar is for 0 */
		buf_puts(b, bar[w->rate[i] > 0 ? 1 + w->rate[i] * 6 / top : 0]);
}

/* The counters of the server, as rates. */
static void put_rates(struct view *v, const struct answer *a, int64_t ms)
{
	struct buf *b = &v->c->out;
	uint64_t total = counter(a, "server", "messages");
	uint64_t messages = rate_of(total, v->messages, ms);
	uint64_t requests = rate_of(counter(a, "server", "requests"),
	    v->requests, ms);
	uint64_t batches = rate_of(counter(a, "server", "batches"),
	    v->batches, ms);

	buf_printf(b, "messages %8" PRIu64 "/s  %12" PRIu64 " in total   "
	    "requests %8" PRIu64 "/s\033[K\n", messages, total, requests);
	buf_printf(b, "batches  %8" PRIu64 "/s  %8" PRIu64 " messages each   "
	    "sync p50 %" PRIu64 " us, p99 %" PRIu64 " us\033[K\n", batches,
	    batches > 0 ? messages / batches : 0,
	    counter(a, "server", "sync_p50_us"),
	    counter(a, "server", "sync_p99_us"));
}

static void put_uptimes(struct view *v, const struct answer *a)
{
	struct buf *b = &v->c->out;

	buf_puts(b, "up: server ");
	put_duration(b, counter(a, "server", "uptime"));
	buf_puts(b, ", broker ");
	put_duration(b, counter(a, "broker", "uptime"));
	buf_puts(b, "; connected for ");
	put_duration(b, (uint64_t)(ticks_ms() - v->start) / 1000);
	buf_puts(b, "\033[K\n\033[K\n");
}

static void put_head(struct view *v, const struct answer *a, int64_t ms)
{
	put_rates(v, a, ms);
	buf_printf(&v->c->out, "waiting  %8" PRIu64 "    open %8" PRIu64
	    "   servers %" PRIu64 " with credit %" PRIu64 "\033[K\n",
	    counter(a, "broker", "waiting"), counter(a, "broker", "open"),
	    counter(a, "broker", "servers"), counter(a, "broker", "credit"));
	put_uptimes(v, a);
}

static void put_row(struct buf *b, const struct watched *w, int samples)
{
	struct str name = linebuf_fit(w->name, NAME_COLUMNS);

	buf_putc(b, '#');
	output_text(b, name);
	put_spaces(b, linebuf_columns(name), NAME_COLUMNS, 0);
	buf_printf(b, "%7" PRIu64 "/s %12" PRIu64 " ", w->rate[0], w->seq);
	put_sparkline(b, w, samples);
	buf_puts(b, "\033[K\n");
}

/* One write, from the top left corner: nothing flickers if nothing is cleared
 * first. Rows that are too long for the terminal end at its edge. */
static void show_screen(struct view *v, const struct answer *a, int64_t ms)
{
	struct buf *b = &v->c->out;
	int rows, columns, samples;

	output_size(&rows, &columns);
	samples = columns - ROW_COLUMNS;
	if (samples > v->samples)
		samples = v->samples;
	buf_puts(b, "\033[H\033[?7l");
	put_head(v, a, ms);
	if (v->channels > 0)
		qsort(v->channel, v->channels, sizeof *v->channel, busier);
	for (size_t i = 0; i < v->channels && (int)i < rows - OTHER_ROWS; i++)
		put_row(b, &v->channel[i], samples);
	buf_puts(b, "\033[J\033[?7h");
}

/* ---- again and again: without a terminal ---- */

/* Time, messages/s, in total, batches/s, waiting, servers, credit, p50, p99. */
static void show_line(struct view *v, const struct answer *a, int64_t ms)
{
	struct buf *b = &v->c->out;
	uint64_t messages = counter(a, "server", "messages");
	uint64_t value[] = {
		rate_of(messages, v->messages, ms), messages,
		rate_of(counter(a, "server", "batches"), v->batches, ms),
		counter(a, "broker", "waiting"),
		counter(a, "broker", "servers"), counter(a, "broker", "credit"),
		counter(a, "server", "sync_p50_us"),
		counter(a, "server", "sync_p99_us") };

	output_date(b, now_ms());
	for (size_t i = 0; i < sizeof value / sizeof *value; i++) {
		buf_putc(b, '\t');
		buf_u64(b, value[i]);
	}
	buf_putc(b, '\n');
}

/* ---- again and again: the loop ---- */

static void take_sample(struct view *v, const struct answer *a)
{
	int64_t now = ticks_ms(), ms = v->samples > 0 ? now - v->taken : 0;

	take_seqs(v, a);
	for (size_t i = 0; i < v->channels; i++)
		take_rate(&v->channel[i], ms);
	v->samples += v->samples < SAMPLES;
	if (v->c->json)
		put_json(v->c, a);
	else if (v->c->form == OUTPUT_PEOPLE)
		show_screen(v, a, ms);
	else
		show_line(v, a, ms);
	output_write(&v->c->out);
	v->taken = now;
	v->requests = counter(a, "server", "requests");
	v->messages = counter(a, "server", "messages");
	v->batches = counter(a, "server", "batches");
}

/* Ends by a signal, or when the reader goes away. A missing answer is reported
 * and asked for again: watching an outage is what this is for. */
static _Noreturn void watch_stats(struct client *c)
{
	struct view v = { .c = c, .start = ticks_ms() };
	int64_t next = ticks_ms(), interval_ms = 1000 * c->interval_s, left;

	if (c->limit_ms > interval_ms + 1000)
		c->limit_ms = interval_ms + 1000;
	if (c->form == OUTPUT_PEOPLE)
		buf_puts(&c->out, "\033[2J");
	for (;;) {
		struct answer a;

		if (client_call(c, "stat", "stats", &a) == 0)
			take_sample(&v, &a);
		next += interval_ms;
		if (next < ticks_ms())
			next = ticks_ms();      /* it is late: no catching up */
		while ((left = next - ticks_ms()) > 0)
			(void)talk_poll(c->talk, left, NULL, 0);
	}
}

int client_stat(struct client *c)
{
	linebuf_set_locale();
	if (c->interval_s > 0)
		watch_stats(c);
	return stat_once(c);
}
