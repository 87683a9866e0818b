/* test_store_nomem.c: memory runs out in the store, at any point: it refuses,
 * it loses nothing, it goes on when there is memory again, and nothing leaks.
 *
 * The files that ask for memory are compiled into this one with an allocator
 * that can fail while a function of store.h is at work. */
#include "tap.h"

#include <stdlib.h>

static long requests;           /* so far */
/* the request with this number fails; 0: none does */
static long deny;
static int all_fail;            /* the ones after it, too */
/* The store is at work: its blocks are counted, those of the test, which
 * shares buf.c, are not... */
static int inside;
static int armed;               /* ...and memory may run out */
static int denied;              /* how many were */
static long alive;              /* blocks not yet freed */

static int refuse_memory(void)
{
	int no = armed && (++requests == deny || (all_fail && deny > 0 &&
	    requests > deny));

	denied += no;
	return no;
}

static void *shaky_calloc(size_t n, size_t size)
{
	void *p = refuse_memory() ? NULL : calloc(n, size);

	alive += inside && p != NULL;
	return p;
}

static void *shaky_realloc(void *p, size_t n)
{
	void *q = refuse_memory() ? NULL : realloc(p, n);

	alive += inside && p == NULL && q != NULL;
	return q;
}

static void counted_free(void *p)
{
	alive -= inside && p != NULL;
	free(p);
}

#define calloc  shaky_calloc
#define realloc shaky_realloc
#define free    counted_free

#define store_open       inner_open
#define store_close      inner_close
#define store_begin      inner_begin
#define store_end        inner_end
#define store_topic      inner_topic
#define store_create     inner_create
#define store_events     inner_events
#define store_put        inner_put
#define store_seen       inner_seen
#define store_commit     inner_commit
#define store_read       inner_read
#define store_checkpoint inner_checkpoint
#include "../buf.c"
#include "../ids.c"
#include "../journal.c"
#include "../log.c"
#include "../recover.c"
#include "../entry.c"
#include "../segment.c"
#include "../store.c"
#include "../topics.c"
#undef store_open
#undef store_close
#undef store_begin
#undef store_end
#undef store_topic
#undef store_create
#undef store_events
#undef store_put
#undef store_seen
#undef store_commit
#undef store_read
#undef store_checkpoint
#undef calloc
#undef realloc
#undef free

/* The functions of store.h, as the rest of the test sees them. */
int store_open(struct store **store, struct disk *disk, size_t logs_open_max);
void store_close(struct store *s);
int store_begin(struct store *s);
void store_end(struct store *s);
struct topic *store_topic(struct store *s, enum topic_kind kind,
    struct str name);
struct topic *store_create(struct store *s, enum topic_kind kind,
    struct str name);
struct topic *store_events(struct store *s);
int store_put(struct store *s, struct topic *topic, struct line *l);
uint64_t store_seen(struct store *s, struct topic *topic, struct str sender,
    struct str id);
int store_commit(struct store *s);
int store_read(struct store *s, struct topic *topic, uint64_t after,
    store_line_fn *each, void *ctx);
int store_checkpoint(struct store *s);
#include "scenario.h"

#define AT_WORK(type, call) do { \
		type at_work_r; \
		\
		inside = armed = 1; \
		at_work_r = call; \
		inside = armed = 0; \
		return at_work_r; \
	} while (0)

int store_open(struct store **store, struct disk *disk, size_t logs_open_max)
{
	AT_WORK(int, inner_open(store, disk, logs_open_max));
}

void store_close(struct store *s)
{
	inside = 1;
	inner_close(s);
	inside = 0;
}

int store_begin(struct store *s)
{
	AT_WORK(int, inner_begin(s));
}

void store_end(struct store *s)
{
	inside = 1;
	inner_end(s);
	inside = 0;
}

struct topic *store_topic(struct store *s, enum topic_kind kind,
    struct str name)
{
	AT_WORK(struct topic *, inner_topic(s, kind, name));
}

struct topic *store_create(struct store *s, enum topic_kind kind,
    struct str name)
{
	AT_WORK(struct topic *, inner_create(s, kind, name));
}

struct topic *store_events(struct store *s)
{
	AT_WORK(struct topic *, inner_events(s));
}

int store_put(struct store *s, struct topic *topic, struct line *l)
{
	AT_WORK(int, inner_put(s, topic, l));
}

uint64_t store_seen(struct store *s, struct topic *topic, struct str sender,
    struct str id)
{
	AT_WORK(uint64_t, inner_seen(s, topic, sender, id));
}

int store_commit(struct store *s)
{
	AT_WORK(int, inner_commit(s));
}

struct reader_of {
	store_line_fn *each;
	void *ctx;
};

static int outside(void *ctx, const struct line *l)
{
	struct reader_of *r = ctx;
	int stop;

	inside = armed = 0;
	stop = r->each(r->ctx, l);
	inside = armed = 1;
	return stop;
}

int store_read(struct store *s, struct topic *topic, uint64_t after,
    store_line_fn *each, void *ctx)
{
	struct reader_of r = { each, ctx };

	AT_WORK(int, inner_read(s, topic, after, outside, &r));
}

int store_checkpoint(struct store *s)
{
	AT_WORK(int, inner_checkpoint(s));
}

static long stride;
static long runs;

/* 1: the request was reached. */
static int run(long n)
{
	struct scenario p;
	const char *why = NULL;

	requests = 0;
	denied = 0;
	deny = n;
	scenario_begin(&p, sim_new());
	scenario_script(&p);
	deny = 0;
	if (p.broken > 0)
		why = "the store is broken, and only memory was missing";
	for (int turn = 0; turn < 3 && why == NULL; turn++)
		why = scenario_turn(&p, turn % 2);
	if (why == NULL)
		why = oracle_files_wrong(&p.oracle, p.sim);
	for (int who = 0; who < SCENARIO_SERVERS; who++)
		scenario_down(&p, who);
	if (why == NULL)
		why = scenario_sound(&p);
	CHECK(why == NULL, "request %ld fails%s: %s", n,
	    all_fail ? " and all after it" : "", why);
	scenario_end(&p);
	CHECK(alive == 0, "request %ld fails and %ld blocks leak", n, alive);
	runs++;
	return denied > 0;
}

static void test_nomem(void)
{
	for (all_fail = 0; all_fail < 2; all_fail++) {
		long n = 1;

		while (run(n))
			n += stride;
		CHECK(n > 1, "no request for memory has failed");
	}
}

int main(int argc, char **argv)
{
	stride = scenario_stride(argc, argv);
	scenario_limits();
	check_group("memory runs out at any point: nothing is lost",
	    test_nomem);
	printf("# %ld runs\n", runs);
	return check_done();
}
