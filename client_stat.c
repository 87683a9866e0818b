/* client_stat.c: stat: the counters once, or again and again with rates and a line of the last
 * minute. */
#include "client.h"

#include "date.h"
#include "line.h"
#include "linebuf.h"
#include "util.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SAMPLES      60         /* of a channel's rate: a minute at -i 1 */
#define NAME_COLUMNS 16         /* for a channel's name */
#define WATCHED_MAX 4096       /* watched in the live view; what is beyond is not shown */

struct channel {
	struct str name;                /* ours */
	uint64_t seq, previous;
	uint64_t rate[SAMPLES];         /* messages a second; [0] is the newest */
	uint64_t sum;
};

struct view {
	struct client *c;
	struct channel *channel;
	size_t channels;
	int64_t start, taken;           /* ticks_ms(): of the view, of the sample before this one */
	uint64_t requests, messages, batches;   /* of that sample */
	int samples;
	struct buf scratch;
};

/* ---- once ---- */

static void put_duration(struct buf *b, uint64_t seconds)
{
	if (seconds >= 86400)
		buf_printf(b, "%" PRIu64 "d ", seconds / 86400);
	buf_printf(b, "%02d:%02d:%02d", (int)(seconds / 3600 % 24), (int)(seconds / 60 % 60),
	    (int)(seconds % 60));
}

static void put_spaces(struct buf *b, size_t n)
{
	while (n-- > 0)
		buf_putc(b, ' ');
}

/* uptime is for people a duration; every other value is shown as it came. */
static void put_value(struct buf *b, const struct json *j, const struct json_node *key, int people)
{
	uint64_t n;

	if (people && str_is(key->raw, "uptime") && json_uint(key + 1, &n) == 0)
		put_duration(b, n);
	else
		output_json(b, j, key + 1);
}

static void put_counters(struct client *c, const struct answer *a, const char *part)
{
	const struct json_node *object = json_get(a->json, a->data, part), *key;
	int people = c->form == OUTPUT_PEOPLE;

	if (object == NULL || object->type != JSON_OBJECT)
		return;
	for (key = json_first(a->json, object); key != NULL;
	    key = json_next(a->json, object, key)) {
		if ((key + 1)->type == JSON_ARRAY || (key + 1)->type == JSON_OBJECT)
			continue;
		buf_puts(&c->out, part);
		buf_putc(&c->out, people ? ' ' : '.');
		output_text(&c->out, key->raw);
		if (people)
			put_spaces(&c->out, key->raw.n < 17 ? 17 - key->raw.n : 1);
		else
			buf_putc(&c->out, '\t');
		put_value(&c->out, a->json, key, people);
		buf_putc(&c->out, '\n');
	}
}

static const struct json_node *channel_list(const struct answer *a)
{
	const struct json_node *list = json_get(a->json, a->data, "channels");

	return list != NULL && list->type == JSON_ARRAY ? list : NULL;
}

static void put_channels(struct client *c, const struct answer *a)
{
	const struct json_node *list = channel_list(a), *n;
	struct buf scratch = { 0 };

	if (list == NULL)
		return;
	for (n = json_first(a->json, list); n != NULL; n = json_next(a->json, list, n)) {
		struct str name = reply_string(a->json, n, "name", &scratch);

		buf_puts(&c->out, c->form == OUTPUT_PEOPLE ? "channel " : "channel.");
		line_put_text(&c->out, name);
		if (c->form == OUTPUT_PEOPLE)
			put_spaces(&c->out, linebuf_columns(name) < 16 ? 16 - linebuf_columns(name) : 1);
		else
			buf_putc(&c->out, '\t');
		buf_u64(&c->out, reply_number(a->json, n, "seq", 0));
		buf_putc(&c->out, '\n');
	}
	buf_free(&scratch);
}

static void put_json(struct client *c, const struct answer *a)
{
	output_json(&c->out, a->json, a->data);
	buf_putc(&c->out, '\n');
}

static int once(struct client *c)
{
	struct answer a;
	int code = client_call(c, "stat", "stats", &a);

	if (code != 0)
		return code;
	if (c->json) {
		put_json(c, &a);
	} else {
		put_counters(c, &a, "server");
		put_counters(c, &a, "broker");
		put_channels(c, &a);
	}
	output_write(&c->out);
	return 0;
}

/* ---- again and again ---- */

static uint64_t counter(const struct answer *a, const char *part, const char *key)
{
	const struct json_node *object = json_get(a->json, a->data, part);

	return object != NULL ? reply_number(a->json, object, key, 0) : 0;
}

/* A restarted server counts from 0 again: no rate then. */
static uint64_t rate(uint64_t now, uint64_t before, int64_t ms)
{
	return now >= before && ms > 0 ? (now - before) * 1000 / (uint64_t)ms : 0;
}

static struct channel *find_channel(struct view *v, struct str name)
{
	struct channel *c;
	char *copy;

	for (size_t i = 0; i < v->channels; i++)
		if (str_eq(v->channel[i].name, name))
			return &v->channel[i];
	if (v->channels == WATCHED_MAX || name.n == 0)
		return NULL;
	v->channel = must_grow(v->channel, v->channels + 1, sizeof *v->channel);
	c = &v->channel[v->channels++];
	copy = must_alloc(name.n);
	memcpy(copy, name.p, name.n);
	*c = (struct channel){ .name = { copy, name.n }, .previous = UINT64_MAX };
	return c;
}

static void take_channels(struct view *v, const struct answer *a)
{
	const struct json_node *list = channel_list(a), *n;

	if (list == NULL)
		return;
	for (n = json_first(a->json, list); n != NULL; n = json_next(a->json, list, n)) {
		struct channel *c = find_channel(v, reply_string(a->json, n, "name", &v->scratch));

		if (c != NULL)
			c->seq = reply_number(a->json, n, "seq", 0);
	}
}

static void take_rates(struct view *v, int64_t ms)
{
	for (size_t i = 0; i < v->channels; i++) {
		struct channel *c = &v->channel[i];

		memmove(c->rate + 1, c->rate, (SAMPLES - 1) * sizeof *c->rate);
		c->rate[0] = c->previous != UINT64_MAX ? rate(c->seq, c->previous, ms) : 0;
		c->previous = c->seq;
		c->sum = 0;
		for (int k = 0; k < SAMPLES; k++)
			c->sum += c->rate[k];
	}
}

static int busier(const void *a, const void *b)
{
	const struct channel *x = a, *y = b;

	if (x->sum != y->sum)
		return x->sum < y->sum ? 1 : -1;
	return x->seq < y->seq ? 1 : x->seq > y->seq ? -1 : 0;
}

/* Samples are drawn oldest first, each against the highest one of the line. */
static void put_sparkline(struct buf *b, const struct channel *c, int samples)
{
	static const char *const bar[] = { "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };
	uint64_t top = 1;

	for (int i = 0; i < samples; i++)
		top = c->rate[i] > top ? c->rate[i] : top;
	for (int i = samples; i-- > 0; )        /* the lowest bar is nothing at all */
		buf_puts(b, bar[c->rate[i] > 0 ? 1 + c->rate[i] * 6 / top : 0]);
}

static void put_head(struct view *v, const struct answer *a, int64_t ms)
{
	struct buf *b = &v->c->out;
	uint64_t messages = counter(a, "server", "messages");
	uint64_t batches = counter(a, "server", "batches");
	uint64_t new_batches = rate(batches, v->batches, ms);

	buf_printf(b, "messages %8" PRIu64 "/s  %12" PRIu64 " in total   requests %8" PRIu64
	    "/s\033[K\n", rate(messages, v->messages, ms), messages,
	    rate(counter(a, "server", "requests"), v->requests, ms));
	buf_printf(b, "batches  %8" PRIu64 "/s  %8" PRIu64 " messages each   sync p50 %" PRIu64
	    " us, p99 %" PRIu64 " us\033[K\n", new_batches,
	    new_batches > 0 ? rate(messages, v->messages, ms) / new_batches : 0,
	    counter(a, "server", "sync_p50_us"), counter(a, "server", "sync_p99_us"));
	buf_printf(b, "waiting  %8" PRIu64 "    open %8" PRIu64 "   servers %" PRIu64
	    " with credit %" PRIu64 "\033[K\n",
	    counter(a, "broker", "waiting"), counter(a, "broker", "open"),
	    counter(a, "broker", "servers"), counter(a, "broker", "credit"));
	buf_puts(b, "up: server ");
	put_duration(b, counter(a, "server", "uptime"));
	buf_puts(b, ", broker ");
	put_duration(b, counter(a, "broker", "uptime"));
	buf_puts(b, "; connected for ");
	put_duration(b, (uint64_t)(ticks_ms() - v->start) / 1000);
	buf_puts(b, "\033[K\n\033[K\n");
}

/* One write from the top left corner: without clearing first nothing flickers. Lines that are too
 * long for the terminal end at its edge. */
static void show_screen(struct view *v, const struct answer *a, int64_t ms)
{
	struct buf *b = &v->c->out;
	int rows, columns, samples;

	output_size(&rows, &columns);
	samples = columns - 42 < v->samples ? columns - 42 : v->samples;
	buf_puts(b, "\033[H\033[?7l");
	put_head(v, a, ms);
	if (v->channels > 0)
		qsort(v->channel, v->channels, sizeof *v->channel, busier);
	for (size_t i = 0; i < v->channels && (int)i < rows - 6; i++) {
		const struct channel *c = &v->channel[i];
		struct str name = linebuf_fit(c->name, NAME_COLUMNS);

		buf_putc(b, '#');
		output_text(b, name);
		put_spaces(b, NAME_COLUMNS - linebuf_columns(name));
		buf_printf(b, "%7" PRIu64 "/s %12" PRIu64 " ", c->rate[0], c->seq);
		put_sparkline(b, c, samples);
		buf_puts(b, "\033[K\n");
	}
	buf_puts(b, "\033[J\033[?7h");
}

/* Not for a terminal: time, messages/s, in total, batches/s, waiting, servers, credit, p50, p99. */
static void show_line(struct view *v, const struct answer *a, int64_t ms)
{
	struct buf *b = &v->c->out;
	uint64_t messages = counter(a, "server", "messages");
	char *time = buf_room(b, DATE_BYTES);

	if (time != NULL) {
		date_encode(time, now_ms());
		b->n += DATE_BYTES;
	}
	buf_printf(b, "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64, rate(messages, v->messages, ms),
	    messages, rate(counter(a, "server", "batches"), v->batches, ms));
	buf_printf(b, "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64, counter(a, "broker", "waiting"),
	    counter(a, "broker", "servers"), counter(a, "broker", "credit"));
	buf_printf(b, "\t%" PRIu64 "\t%" PRIu64 "\n", counter(a, "server", "sync_p50_us"),
	    counter(a, "server", "sync_p99_us"));
}

static void sample(struct view *v, const struct answer *a)
{
	int64_t now = ticks_ms(), ms = v->samples > 0 ? now - v->taken : 0;

	take_channels(v, a);
	take_rates(v, ms);
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

/* Ends by a signal, or with a reader that goes away. An answer that does not come is said and asked
 * for again: watching an outage is what this is for. */
static _Noreturn void again_and_again(struct client *c)
{
	struct view v = { .c = c, .start = ticks_ms() };
	int64_t next = ticks_ms();

	if (c->limit_ms > 1000 * (c->interval_s + 1))
		c->limit_ms = 1000 * (c->interval_s + 1);
	if (c->form == OUTPUT_PEOPLE)
		buf_puts(&c->out, "\033[2J");
	for (;;) {
		struct answer a;

		if (client_call(c, "stat", "stats", &a) == 0)
			sample(&v, &a);
		next += 1000 * c->interval_s;
		if (next < ticks_ms())
			next = ticks_ms();      /* it was away longer: no hurry to make up for it */
		while (ticks_ms() < next)
			(void)talk_poll(c->talk, next - ticks_ms(), NULL, 0);
	}
}

int client_stat(struct client *c)
{
	linebuf_set_locale();
	if (c->interval_s > 0)
		again_and_again(c);
	return once(c);
}
