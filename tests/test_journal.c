/* test_journal.c: what journal.h and ids.h promise. */
#include "../limits.h"
#include "tap.h"
#include "../ids.h"
#include "../journal.h"
#include "scenario.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* ---- ids ---- */

#define SMALL 3000

/* The same, kept as a plain list: what is still remembered, oldest first. */
struct naive {
	uint64_t hash[SMALL], seq[SMALL];
	size_t n;
};

static void compare_ids(const struct ids *ids, const struct naive *naive,
    uint64_t hash)
{
	uint64_t seq, sum = 0, expected = 0;
	size_t at = 0, found = 0, wanted = 0;

	while ((seq = ids_find(ids, hash, &at)) != 0) {
		sum += seq;
		found++;
	}
	for (size_t i = 0; i < naive->n; i++)
		if (naive->hash[i] == hash) {
			expected += naive->seq[i];
			wanted++;
		}
	CHECK(found == wanted && sum == expected,
	    "hash %" PRIx64 ": %zu entries instead of %zu", hash, found,
	    wanted);
}

/* Few hashes, which all begin to probe in the same places: long runs, with
 * holes made in them. */
static uint64_t crowded_hash(void)
{
	return (uint64_t)check_random(50) << 40 | check_random(3) * 5;
}

static void test_ids_small(void)
{
	static struct naive naive;
	struct ids *ids = ids_new();
	uint64_t seq = 0;
	size_t at = 0;

	CHECK(ids_find(ids, 7, &at) == 0, "something in nothing");
	for (int i = 0; i < 4000 && naive.n < SMALL; i++) {
		size_t back = check_random(8) == 0 ? check_random(40) : 0;

		naive.hash[naive.n] = crowded_hash();
		naive.seq[naive.n] = ++seq;
		CHECK(ids_add(ids, naive.hash[naive.n], seq) == 0, "no memory");
		naive.n++;
		ids_take_back(ids, back);
		naive.n -= back < naive.n ? back : naive.n;
		if (i % 7 == 0)
			compare_ids(ids, &naive, crowded_hash());
	}
	for (int i = 0; i < 300; i++)
		compare_ids(ids, &naive, crowded_hash());
	ids_clear(ids);
	naive.n = 0;
	compare_ids(ids, &naive, crowded_hash());
	ids_free(ids);
}

/* Runs of 64: entries that come in one after the other begin at
 * the same place. */
static uint64_t hash_of(uint64_t seq)
{
	return seq << 32 | (seq / 64 * 128 & (2 * IDS_MAX - 1));
}

static int remembered(const struct ids *ids, uint64_t seq)
{
	size_t at = 0;

	return ids_find(ids, hash_of(seq), &at) == seq;
}

static void test_ids_full(void)
{
	struct ids *ids = ids_new();
	uint64_t last = 0;

	while (last < 2 * IDS_MAX + 12345)
		if (ids_add(ids, hash_of(last + 1), last + 1) == 0)
			last++;
	ids_take_back(ids, 1000);
	for (uint64_t seq = last - IDS_MAX - 500; seq <= last; seq += 7)
		CHECK(remembered(ids, seq) == (seq > last - IDS_MAX &&
		    seq <= last - 1000), "entry %" PRIu64 " of %" PRIu64, seq,
		    last);
	for (uint64_t seq = last - 999; seq <= last + 500; seq++)
		CHECK(ids_add(ids, hash_of(seq), seq) == 0, "no memory");
	last += 500;
	for (uint64_t seq = last - IDS_MAX - 500; seq <= last; seq += 3)
		CHECK(remembered(ids, seq) == (seq > last - IDS_MAX),
		    "later: entry %" PRIu64 " of %" PRIu64, seq, last);
	ids_free(ids);
}

static void test_ids(void)
{
	struct ids *ids = ids_new();
	uint64_t h = ids_hash(ids, 'c', STR("geral"), STR("ana"), STR("1"));

	CHECK(h == ids_hash(ids, 'c', STR("geral"), STR("ana"), STR("1")),
	    "a hash that changes");
	CHECK(h != ids_hash(ids, 'u', STR("geral"), STR("ana"), STR("1")),
	    "kind");
	CHECK(h != ids_hash(ids, 'c', STR("gerala"), STR("na"), STR("1")),
	    "fields trade bytes");
	CHECK(h != ids_hash(ids, 'c', STR("geral"), STR("an"), STR("a1")),
	    "fields trade bytes");
	ids_free(ids);
	test_ids_small();
	test_ids_full();
}

/* ---- the journal ---- */

struct heard {
	int n;
	uint64_t at[64], messages;
	char last[64];
};

static int hear(void *ctx, const struct batch *b)
{
	struct heard *h = ctx;

	if (h->n < (int)COUNT(h->at))
		h->at[h->n] = b->at;
	h->n++;
	h->messages += b->messages;
	(void)snprintf(h->last, sizeof h->last, "%.*s", (int)b->payload.n,
	    b->payload.p);
	return 0;
}

static struct journal *journal(struct disk *disk, struct heard *h)
{
	struct journal *j;

	*h = (struct heard){ 0 };
	CHECK(journal_open(&j, disk, hear, h) == 0, "%s", strerror(errno));
	return j;
}

static int segments(const struct sim *sim)
{
	int n = 0;

	while (sim_name(sim, DISK_JOURNAL, (size_t)n) != NULL)
		n++;
	return n;
}

static void test_journal_basics(void)
{
	struct sim *sim = sim_new();
	struct disk *disk = sim_handle(sim);
	struct heard h;
	struct journal *j = journal(disk, &h);
	struct buf big = { 0 };
	uint64_t second;

	CHECK(h.n == 0 && journal_end(j) == 0 && journal_oldest(j) == 0,
	    "not empty at first");
	CHECK(journal_append(j, STR("one"), 1) == 0, "append");
	second = journal_end(j);
	CHECK(journal_append(j, STR("two"), 2) == 0, "append");
	CHECK(buf_room(&big, JOURNAL_PAYLOAD_BYTES_MAX + 1) != NULL,
	    "no memory");
	memset(big.p, 'x', JOURNAL_PAYLOAD_BYTES_MAX + 1);
	errno = 0;
	CHECK(journal_append(j, (struct str){ big.p,
	    JOURNAL_PAYLOAD_BYTES_MAX + 1 }, 1) == STORE_REFUSED &&
	    errno == EMSGSIZE, "a record that could not be read again");
	buf_free(&big);
	CHECK(journal_append(j, STR(""), 0) == 0 &&
	    journal_append(j, STR("four"), 4) == 0, "append");
	h = (struct heard){ 0 };
	CHECK(journal_replay(j, second, hear, &h) == 0 && h.n == 3 &&
	    h.at[0] == second && strcmp(h.last, "four") == 0, "again: %d, %s",
	    h.n, h.last);
	journal_set_applied(j);
	CHECK(journal_applied(j) == journal_end(j), "applied");
	CHECK(journal_reset_applied(j) == 0 && journal_applied(j) == 0,
	    "distrust");
	journal_unlock(j);
	journal_close(j);
	j = journal(disk, &h);
	CHECK(h.n == 4 && h.messages == 7 && strcmp(h.last, "four") == 0,
	    "%d batches", h.n);
	CHECK(journal_checkpoint(j) == 0 && journal_checkpointed(j) > second,
	    "checkpoint");
	journal_close(j);
	j = journal(disk, &h);
	CHECK(h.n == 4 && journal_checkpointed(j) > second &&
	    journal_checkpointed(j) < journal_end(j), "after the checkpoint");
	journal_close(j);
	h = (struct heard){ 0 };
	CHECK(journal_look(&j, disk) == 0 && journal_look_on(j) == 0 &&
	    journal_replay(j, 0, hear, &h) == 0 && h.n == 4, "look");
	journal_close(j);
	disk->free(disk);
	sim_free(sim);
}

static void test_journal_refuses(void)
{
	const struct sim_fault half = { SIM_WRITE, 1, 0, ENOSPC, 1 };
	struct sim *sim = sim_new();
	struct disk *disk = sim_handle(sim);
	struct heard h;
	struct journal *j = journal(disk, &h);
	uint64_t end;

	CHECK(journal_append(j, STR("one"), 1) == 0, "append");
	end = journal_end(j);
	sim_set_fault(sim, &half);
	CHECK(journal_append(j, STR("the record that was refused"),
	    1) == STORE_REFUSED && errno == ENOSPC && journal_end(j) == end,
	    "a short write");
	sim_no_faults(sim);
	CHECK(journal_append(j, STR("two"), 1) == 0, "append");
	journal_close(j);
	j = journal(disk, &h);
	CHECK(h.n == 2 && strcmp(h.last, "two") == 0, "%d batches, %s", h.n,
	    h.last);
	journal_close(j);
	disk->free(disk);
	sim_free(sim);
}

/* One goes on through several segments while another one follows, or
 * does not for too long. */
static void test_journal_two(void)
{
	struct sim *sim = sim_new();
	struct disk *disk[2] = { sim_handle(sim), sim_handle(sim) };
	struct heard h[2];
	struct journal *a = journal(disk[0], &h[0]), *b;
	char text[600];
	int most = 0;

	memset(text, 'x', sizeof text);
	journal_unlock(a);
	b = journal(disk[1], &h[1]);
	journal_unlock(b);
	for (int i = 0; i < 200; i++) {
		CHECK(journal_lock(a) == 0 && journal_follow(a, hear,
		    &h[0]) == 0, "follow");
		CHECK(journal_append(a, (struct str){ text, sizeof text },
		    1) == 0, "append");
		journal_set_applied(a);
		if (journal_full(a))
			CHECK(journal_checkpoint(a) == 0, "checkpoint");
		journal_unlock(a);
		if (i < 100) {
			CHECK(journal_lock(b) == 0 && journal_follow(b, hear,
			    &h[1]) == 0, "follow");
			CHECK(h[1].n == i + 1 &&
			    journal_end(b) == journal_end(a), "after %d: %d", i,
			    h[1].n);
			journal_unlock(b);
		}
		most = segments(sim) > most ? segments(sim) : most;
	}
	CHECK(most >= 3 && most <= 6, "%d segments", most);
	CHECK(journal_lock(b) == 0 && journal_follow(b, hear,
	    &h[1]) == STORE_LOST, "not lost");
	journal_unlock(b);
	journal_close(a);
	journal_close(b);
	for (int i = 0; i < 2; i++)
		disk[i]->free(disk[i]);
	sim_free(sim);
}

static void test_journal(void)
{
	scenario_limits();
	test_journal_basics();
	test_journal_refuses();
	test_journal_two();
}

int main(void)
{
	check_group("ids are found while they are remembered", test_ids);
	check_group("the journal gives back what was appended", test_journal);
	return check_done();
}
