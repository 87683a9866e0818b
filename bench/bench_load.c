/* bench_load.c: many clients in one process, each with so many requests under way.
 *
 * One thread, one poll() over all connections: with N of them busy, what poll() costs is shared by
 * the answers it finds, and the whole comes to some 10 us of a core per request, nearly all of it the
 * kernel's loopback. Answers come in the order of the requests, so each connection keeps the times at
 * which it asked in a ring. */
#include "bench.h"

#include "bench_wire.h"
#include "../json.h"
#include "../text.h"
#include "../util.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define WARM_MS    300          /* not measured: connections, first users, caches */
#define PATIENCE_MS 10000       /* without any answer: it hangs */
#define TIMES      2000000      /* us; slower answers count as this slow */
#define PAGE       1000         /* lines that a client catches up with at a time */
#define CREATE_WINDOW 100

struct client {
	struct wire wire;
	int64_t *asked;         /* ring of ticks, one per request under way */
	size_t first, under_way;
	size_t number;
};

struct load {
	void (*put)(struct buf *body, const struct client *c);  /* makes a request */
	void (*took)(struct str reply);         /* NULL, or reads an answer */
	const char *expect;                     /* what every answer holds */
	struct client *client;
	struct pollfd *item;
	int64_t begin, end;                     /* ticks between which it counts */
	uint64_t asked, answered, counted;
	uint64_t limit;                         /* requests in all */
	uint32_t *times;                        /* how many took i us */
};

static struct load load;

/* ---- what is asked ---- */

/* As people write: some with letters beyond ASCII, some with what JSON escapes. About 80 bytes. */
static const char *const text[] = {
	"Bom dia a todos, alguém sabe a que horas começa a reunião de hoje à tarde?",
	"deploy finished on node 7, all 212 checks green, 3 warnings about disk space",
	"ele disse: \\\"depois eu vejo isso\\\", mas a gente sabe como termina, não é? haha",
	"https://example.org/issues/48213?page=2 is the one I meant, see the last comment"
};
#define TEXTS (sizeof text / sizeof *text)

static void put_time(struct buf *b)
{
	buf_puts(b, ",\"timestamp\":");
	json_put_time(b, now_ms());
}

static void put_publish(struct buf *b, const struct client *c)
{
	buf_puts(b, "{\"service\":\"publish\",\"data\":{\"user\":\"u");
	buf_u64(b, c->number);
	buf_puts(b, "\",\"channel\":\"t");
	buf_u64(b, load.asked % bench.topics);
	buf_puts(b, "\",\"message\":\"");
	buf_puts(b, text[load.asked % TEXTS]);
	buf_puts(b, "\"");
	put_time(b);
	buf_puts(b, ",\"id\":\"");
	buf_puts(b, bench.run);
	buf_puts(b, "-");
	buf_u64(b, load.asked);
	buf_puts(b, "\"}}");
}

/* First the channels t0, t1 ..., then the users u0, u1 ... */
static void put_create(struct buf *b, const struct client *c)
{
	int channel = load.asked < bench.topics;

	(void)c;
	buf_puts(b, channel ? "{\"service\":\"channel\",\"data\":{\"channel\":\"t" :
	    "{\"service\":\"login\",\"data\":{\"user\":\"u");
	buf_u64(b, channel ? load.asked : load.asked - bench.topics);
	buf_puts(b, "\"");
	put_time(b);
	buf_puts(b, "}}");
}

static void put_ping(struct buf *b, const struct client *c)
{
	(void)c;
	buf_puts(b, "{\"service\":\"ping\",\"data\":{}}");
}

static void put_history(struct buf *b, uint64_t after, uint64_t limit)
{
	buf_puts(b, "{\"service\":\"history\",\"data\":{\"channel\":\"");
	buf_puts(b, bench.topic);
	buf_puts(b, "\",\"after\":");
	buf_u64(b, after);
	buf_puts(b, ",\"limit\":");
	buf_u64(b, limit);
	put_time(b);
	buf_puts(b, "}}");
}

/* The same places in every run: xorshift, from a fixed start. */
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
	put_history(b, random_below(bench.count), 50);
}

static void put_next_page(struct buf *b, const struct client *c)
{
	(void)c;
	put_history(b, bench.after, PAGE);
}

/* ---- the answers ---- */

/* Where needle stands in s, or NULL. */
static const char *find(struct str s, const char *needle)
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

/* Counts the messages of a page and remembers the last one's seq; after an empty page it is over. */
static void take_page(struct str reply)
{
	static const char key[] = "\"seq\":";
	uint64_t before = caught;
	const char *p;

	while ((p = find(reply, key)) != NULL) {
		str_skip(&reply, (size_t)(p - reply.p) + sizeof key - 1);
		bench.after = strtoull(reply.p, NULL, 10);      /* stops at a comma or } */
		caught++;
	}
	if (caught == before)
		load.limit = load.asked;
}

static void take_answer(struct client *c, struct str reply, int64_t now)
{
	int64_t took;

	if (c->under_way == 0)
		die(EXIT_FAILED, "an answer too many");
	if (find(reply, load.expect) == NULL)
		die(EXIT_FAILED, "instead of %s: %.*s", load.expect,
		    reply.n > 500 ? 500 : (int)reply.n, reply.p);
	took = now - c->asked[c->first];
	c->first = (c->first + 1) % bench.window;
	c->under_way--;
	load.answered++;
	if (load.took != NULL)
		load.took(reply);
	if (now < load.begin || now >= load.end)
		return;
	load.counted++;
	load.times[took < TIMES ? took : TIMES - 1]++;
}

/* ---- the clients ---- */

static int asking(int64_t now)
{
	return now < load.end && load.asked < load.limit;
}

static void ask(struct client *c, int64_t now)
{
	static struct buf body;

	while (c->under_way < bench.window && asking(now)) {
		buf_clear(&body);
		load.put(&body, c);
		wire_put(&c->wire, (struct str){ NULL, 0 }, 1);         /* as a REQ does */
		wire_put(&c->wire, buf_str(&body), 0);
		c->asked[(c->first + c->under_way++) % bench.window] = now;
		load.asked++;
	}
}

static void serve(struct client *c, struct pollfd *item)
{
	struct str frame;
	int64_t now;
	int more;

	if (item->revents & ~POLLOUT) {
		wire_fill(&c->wire);
		now = ticks_us();
		while (wire_next(&c->wire, &frame, &more))
			if (!more)
				take_answer(c, frame, now);
		ask(c, now);
	}
	item->events = wire_flush(&c->wire) ? POLLIN : POLLIN | POLLOUT;
}

static void turn(void)
{
	int ready = poll(load.item, (nfds_t)bench.clients, PATIENCE_MS);

	if (ready <= 0)
		die(EXIT_NOANSWER, "no answer in %d ms, %" PRIu64 " are missing", PATIENCE_MS,
		    load.asked - load.answered);
	for (size_t i = 0; i < bench.clients && ready > 0; i++)
		if (load.item[i].revents != 0) {
			serve(&load.client[i], &load.item[i]);
			ready--;
		}
}

static void connect_clients(const char *endpoint)
{
	load.client = must_alloc(bench.clients * sizeof *load.client);
	load.item = must_alloc(bench.clients * sizeof *load.item);
	load.times = must_alloc(TIMES * sizeof *load.times);
	for (size_t i = 0; i < bench.clients; i++) {
		struct client *c = &load.client[i];

		wire_open(&c->wire, endpoint, "DEALER");
		c->asked = must_alloc(bench.window * sizeof *c->asked);
		c->number = i;
		load.item[i] = (struct pollfd){ .fd = c->wire.fd, .events = POLLIN };
	}
}

static void disconnect_clients(void)
{
	for (size_t i = 0; i < bench.clients; i++) {
		wire_close(&load.client[i].wire);
		free(load.client[i].asked);
	}
	free(load.client);
	free(load.item);
	free(load.times);
}

/* Every request that was sent is waited for: what is counted afterwards in the logs is exact. */
static void run(const char *endpoint)
{
	int64_t now;

	if (bench.window == 0)
		die(EXIT_USAGE, "-w 0: a client with no request under way asks nothing");
	connect_clients(endpoint);
	now = ticks_us();
	load.begin = now + (load.limit == UINT64_MAX ? WARM_MS * 1000 : 0);
	load.end = load.limit == UINT64_MAX ? load.begin + bench.seconds * 1000000 : INT64_MAX;
	for (size_t i = 0; i < bench.clients; i++) {
		ask(&load.client[i], now);
		(void)wire_flush(&load.client[i].wire); /* the rest: after its first answer */
	}
	while (asking(ticks_us()) || load.answered < load.asked)
		turn();
	if (load.end == INT64_MAX)
		load.end = ticks_us();
}

/* ---- the figures ---- */

static double elapsed_s(void)
{
	return (double)(load.end - load.begin) / 1e6;
}

static long percentile(unsigned percent)
{
	uint64_t below = 0;
	long us = 0;

	while (us < TIMES - 1 && (below += load.times[us]) * 100 < load.counted * percent)
		us++;
	return us;
}

/* acknowledged in all, requests a second, p50 and p99 in us, our own share of a core in % */
static void print_figures(clock_t cpu)
{
	double own = (double)(clock() - cpu) / CLOCKS_PER_SEC;

	if (load.counted == 0)
		die(EXIT_FAILED, "nothing was measured");
	(void)printf("%" PRIu64 " %.0f %ld %ld %.0f\n", load.answered,
	    (double)load.counted / elapsed_s(), percentile(50), percentile(99),
	    100 * own / (elapsed_s() + WARM_MS / 1000.));
}

void bench_load(char **operand)
{
	clock_t cpu = clock();

	load = (struct load){ .put = put_publish, .limit = bench.count > 0 ? bench.count : UINT64_MAX,
	    .expect = bench.echo ? "\"service\":\"publish\"" : "\"status\":\"OK\"" };
	run(*operand);
	print_figures(cpu);
	disconnect_clients();
}

/* What is there already is refused, which does not matter here. */
void bench_create(char **operand)
{
	bench.window = CREATE_WINDOW;
	load = (struct load){ .put = put_create, .limit = bench.topics + bench.count, .expect = "\"status\":\"" };
	run(*operand);
	disconnect_clients();
}

/* Waits for the answer to one request; prints how long that was, in ms. */
void bench_ping(char **operand)
{
	int64_t start = ticks_us();

	load = (struct load){ .put = put_ping, .limit = 1, .expect = "\"status\":\"OK\"" };
	run(*operand);
	(void)printf("%.1f\n", (double)(ticks_us() - start) / 1000);
	disconnect_clients();
}

void bench_history(char **operand)
{
	clock_t cpu = clock();

	if (bench.count == 0)
		die(EXIT_USAGE, "-n is missing: the number of lines");
	load = (struct load){ .put = put_random_page, .limit = UINT64_MAX,
	    .expect = "\"status\":\"OK\"" };
	run(*operand);
	print_figures(cpu);
	disconnect_clients();
}

/* Prints how many messages it was given, and how many a second. */
void bench_catchup(char **operand)
{
	bench.clients = bench.window = 1;
	load = (struct load){ .put = put_next_page, .took = take_page, .limit = UINT64_MAX - 1,
	    .expect = "\"status\":\"OK\"" };
	run(*operand);
	(void)printf("%" PRIu64 " %.0f\n", caught, (double)caught / elapsed_s());
	disconnect_clients();
}
