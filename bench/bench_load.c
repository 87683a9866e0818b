/* bench_load.c: many clients in one process, each with a window of requests.
 *
 * One thread, one poll() over all connections: with N of them busy, the
 * answers that poll() finds share its cost, and a request costs some 10 us of
 * a core, nearly all of it the kernel's loopback. Answers come in the order of
 * the requests, so each connection keeps the times of its requests in a
 * ring. */
#include "bench.h"

#include "bench_wire.h"
#include "../json.h"
#include "../limits.h"
#include "../util.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define WARM_MS       300       /* not measured: first users, caches */
#define PATIENCE_MS   10000     /* without any answer: something hangs */
#define RANDOM_PAGE   50        /* lines of a history request */
#define CREATE_WINDOW 100

struct client {
	struct wire wire;
	int64_t *asked;         /* ring of ticks_us(), one per request */
	size_t first, under_way;
	size_t number;
};

struct load {
	/* Makes the members of a request's data. */
	void (*put)(struct buf *body, const struct client *c);
	void (*took)(struct str reply);         /* NULL, or reads an answer */
	const char *service;
	const char *expect;                     /* part of every answer */
	struct client *client;
	struct pollfd *item;
	int64_t begin, end;                     /* ticks_us() of what counts */
	uint64_t asked, answered;
	uint64_t limit;                         /* requests in all */
};

static struct load load;

/* ---- requests ---- */

/* What people write: letters beyond ASCII, quotes. About 80 bytes each, and
 * escaped already. */
static const char *const text[] = {
	"\"Bom dia a todos, alguém sabe a que horas começa a reunião de hoje "
	    "à tarde?\"",
	"\"deploy finished on node 7, all 212 checks green, 3 warnings about "
	    "disk space\"",
	"\"ele disse: \\\"depois eu vejo isso\\\", mas a gente sabe como "
	    "termina, não é? haha\"",
	"\"https://example.org/issues/48213?page=2 is the one I meant, see "
	    "the last comment\""
};
#define TEXTS (sizeof text / sizeof *text)

/* A string of a prefix, which needs no escapes, and a number. */
static void put_numbered(struct buf *b, const char *key, const char *prefix,
    uint64_t n)
{
	json_put_key(b, key);
	buf_putc(b, '"');
	buf_puts(b, prefix);
	buf_u64(b, n);
	buf_putc(b, '"');
}

static void put_publish(struct buf *b, const struct client *c)
{
	put_numbered(b, "user", "u", c->number);
	put_numbered(b, "channel", "t", load.asked % bench.topics);
	json_put_key(b, "message");
	buf_puts(b, text[load.asked % TEXTS]);
	put_numbered(b, "id", bench.run, load.asked);
}

static void put_channel(struct buf *b, const struct client *c)
{
	(void)c;
	put_numbered(b, "channel", "t", load.asked);
}

static void put_user(struct buf *b, const struct client *c)
{
	(void)c;
	put_numbered(b, "user", "u", load.asked);
}

static void put_nothing(struct buf *b, const struct client *c)
{
	(void)b;
	(void)c;
}

static void put_page(struct buf *b, uint64_t after, uint64_t limit)
{
	json_put_member(b, "channel", str_of(bench.topic));
	json_put_number(b, "after", after);
	json_put_number(b, "limit", limit);
}

/* xorshift from a fixed seed: the same places in every run. */
static uint64_t random_below(uint64_t n)
{
	static uint64_t x = 88172645463325252;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return x % n;
}

static void put_random_page(struct buf *b, const struct client *c)
{
	(void)c;
	put_page(b, random_below(bench.count), RANDOM_PAGE);
}

static void put_next_page(struct buf *b, const struct client *c)
{
	(void)c;
	put_page(b, bench.after, HISTORY_MAX);
}

static void put_request(struct buf *b, const struct client *c)
{
	buf_putc(b, '{');
	json_put_member(b, "service", str_of(load.service));
	json_put_key(b, "data");
	buf_putc(b, '{');
	load.put(b, c);
	json_put_time(b, "timestamp", now_ms());
	buf_puts(b, "}}");
}

/* ---- answers ---- */

/* Where needle first is in s, or NULL. */
static const char *find_text(struct str s, const char *needle)
{
	size_t n = strlen(needle);

	while (s.n >= n) {
		const char *p = memchr(s.p, *needle, s.n - n + 1);

		if (p == NULL)
			break;
		if (memcmp(p, needle, n) == 0)
			return p;
		str_skip(&s, (size_t)(p - s.p) + 1);
	}
	return NULL;
}

static uint64_t caught;

/* Counts the messages of a page and remembers the last one's seq. An empty
 * page ends the run. */
static void count_messages(struct str reply)
{
	static const char key[] = "\"seq\":";
	uint64_t before = caught;
	const char *p;

	while ((p = find_text(reply, key)) != NULL) {
		str_skip(&reply, (size_t)(p - reply.p) + sizeof key - 1);
		/* Stops at a comma or }. */
		bench.after = strtoull(reply.p, NULL, 10);
		caught++;
	}
	if (caught == before)
		load.limit = load.asked;
}

static void check_reply(struct str reply)
{
	int shown = reply.n > 500 ? 500 : (int)reply.n;

	if (find_text(reply, load.expect) == NULL)
		die(EXIT_FAILED, "instead of %s: %.*s", load.expect, shown,
		    reply.p);
}

static void take_reply(struct client *c, struct str reply, int64_t now)
{
	int64_t asked = c->asked[c->first];

	if (c->under_way == 0)
		die(EXIT_FAILED, "an answer without a request");
	check_reply(reply);
	c->first = (c->first + 1) % bench.window;
	c->under_way--;
	load.answered++;
	if (load.took != NULL)
		load.took(reply);
	if (now >= load.begin && now < load.end)
		times_add(now - asked);
}

/* ---- clients ---- */

static int asking(int64_t now)
{
	return now < load.end && load.asked < load.limit;
}

/* Fills the client's window. */
static void put_requests(struct client *c, int64_t now)
{
	static struct buf body;

	while (c->under_way < bench.window && asking(now)) {
		size_t slot = (c->first + c->under_way++) % bench.window;

		buf_clear(&body);
		put_request(&body, c);
		wire_put(&c->wire, STR(""), 1);         /* as a REQ does */
		wire_put(&c->wire, buf_str(&body), 0);
		c->asked[slot] = now;
		load.asked++;
	}
}

static void drive_client(struct client *c, struct pollfd *item)
{
	struct str frame;
	int64_t now;
	int more;

	if (item->revents & ~POLLOUT) {
		wire_fill(&c->wire);
		now = ticks_us();
		while (wire_next(&c->wire, &frame, &more))
			if (!more)
				take_reply(c, frame, now);
		put_requests(c, now);
	}
	item->events = wire_flush(&c->wire) ? POLLIN : POLLIN | POLLOUT;
}

static void poll_clients(void)
{
	int ready = poll(load.item, (nfds_t)bench.clients, PATIENCE_MS);

	if (ready <= 0)
		die(EXIT_NOANSWER, "no answer in %d ms, %" PRIu64
		    " are missing", PATIENCE_MS, load.asked - load.answered);
	for (size_t i = 0; i < bench.clients && ready > 0; i++)
		if (load.item[i].revents != 0) {
			drive_client(&load.client[i], &load.item[i]);
			ready--;
		}
}

static void open_clients(const char *endpoint)
{
	load.client = must_alloc(bench.clients * sizeof *load.client);
	load.item = must_alloc(bench.clients * sizeof *load.item);
	for (size_t i = 0; i < bench.clients; i++) {
		struct client *c = &load.client[i];

		wire_open(&c->wire, endpoint, "DEALER");
		c->asked = must_alloc(bench.window * sizeof *c->asked);
		c->number = i;
		load.item[i].fd = c->wire.fd;
		load.item[i].events = POLLIN;
	}
}

static void close_clients(void)
{
	for (size_t i = 0; i < bench.clients; i++) {
		wire_close(&load.client[i].wire);
		free(load.client[i].asked);
	}
	free(load.client);
	free(load.item);
}

/* Waits for the answer to every request that was sent, so that bench.sh can
 * count them in the logs exactly. */
static void run_load(const char *endpoint)
{
	int timed = load.limit == 0;
	int64_t now;

	if (bench.window == 0)
		die(EXIT_USAGE, "-w 0: a client needs a window of 1 or more");
	if (timed)
		load.limit = UINT64_MAX;
	open_clients(endpoint);
	load.begin = now = ticks_us();
	load.end = INT64_MAX;
	if (timed) {
		load.begin += WARM_MS * 1000;
		load.end = load.begin + bench.seconds * 1000000;
	}
	for (size_t i = 0; i < bench.clients; i++) {
		put_requests(&load.client[i], now);
		/* What does not fit goes after the first answer. */
		(void)wire_flush(&load.client[i].wire);
	}
	while (asking(ticks_us()) || load.answered < load.asked)
		poll_clients();
	if (!timed)
		load.end = ticks_us();
	close_clients();
}

/* ---- figures ---- */

static double elapsed_s(void)
{
	return (double)(load.end - load.begin) / 1e6;
}

/* share: processor time of ours, all of it, warming up included. */
static void print_figures(clock_t cpu)
{
	double share = (double)cpu / CLOCKS_PER_SEC /
	    (elapsed_s() + WARM_MS / 1000.);

	if (times_count() == 0)
		die(EXIT_FAILED, "nothing was measured");
	(void)printf("%" PRIu64 " %.0f %u %u %.0f\n", load.answered,
	    (double)times_count() / elapsed_s(), times_percentile(50),
	    times_percentile(99), 100 * share);
}

void bench_load(char **operand)
{
	load = (struct load){ .put = put_publish, .service = "publish",
	    .limit = bench.count, .expect = bench.echo ?
	    "\"service\":\"publish\"" : "\"status\":\"OK\"" };
	run_load(*operand);
	print_figures(clock());
}

void bench_history(char **operand)
{
	if (bench.count == 0)
		die(EXIT_USAGE, "-n is missing: the number of lines");
	load = (struct load){ .put = put_random_page, .service = "history",
	    .expect = "\"status\":\"OK\"" };
	run_load(*operand);
	print_figures(clock());
}

void bench_create(char **operand)
{
	bench.window = CREATE_WINDOW;
	load = (struct load){ .put = put_channel, .service = "channel",
	    .limit = bench.topics, .expect = "\"status\":\"" };
	run_load(*operand);
	if (bench.count == 0)
		return;
	load = (struct load){ .put = put_user, .service = "login",
	    .limit = bench.count, .expect = "\"status\":\"" };
	run_load(*operand);
}

void bench_ping(char **operand)
{
	int64_t start = ticks_us();

	load = (struct load){ .put = put_nothing, .service = "ping",
	    .limit = 1, .expect = "\"status\":\"OK\"" };
	run_load(*operand);
	(void)printf("%.1f\n", (double)(ticks_us() - start) / 1000);
}

void bench_catchup(char **operand)
{
	bench.clients = bench.window = 1;
	load = (struct load){ .put = put_next_page, .took = count_messages,
	    .service = "history", .limit = UINT64_MAX,
	    .expect = "\"status\":\"OK\"" };
	run_load(*operand);
	(void)printf("%" PRIu64 " %.0f\n", caught,
	    (double)caught / elapsed_s());
}
