/* test_turns.c: who is answered next, as turns.h promises. */
#include "../turns.h"
#include "tap.h"

static struct turns turns;

static void add(uint64_t client, uint64_t number)
{
	struct job j = { .client = client, .seq = number };

	turns_add(&turns, &j);
}

/* The next answer is this client's one with this number, of so many bytes. */
static void want(uint64_t client, uint64_t number, size_t bytes)
{
	struct job j;

	CHECK(turns.n > 0, "nothing waits");
	if (turns.n == 0)
		return;
	j = turns_next(&turns);
	CHECK(j.client == client && j.seq == number,
	    "client %d, number %d, and not %d, %d", (int)j.client, (int)j.seq,
	    (int)client, (int)number);
	turns_charge(&turns, bytes);
}

static void want_empty(void)
{
	CHECK(turns.n == 0 && turns.first == NULL, "%zu wait", turns.n);
	for (uint64_t i = 0; i < TURNS_BUCKETS; i++)
		CHECK(turns.bucket[i] == NULL, "a client is left");
}

static void test_order(void)
{
	for (uint64_t i = 1; i <= 3; i++)
		add(7, i);
	CHECK(turns_has(&turns, 7) && !turns_has(&turns, 8), "who waits");
	for (uint64_t i = 1; i <= 3; i++)
		want(7, i, 10 * TURNS_SHARE);
	CHECK(!turns_has(&turns, 7), "it has its answers");
	want_empty();
}

/* One who asks for a lot delays the others by one answer, and not again until
 * they had as much. */
static void test_shares(void)
{
	for (uint64_t i = 1; i <= 3; i++)
		add(1, i);
	want(1, 1, 3 * TURNS_SHARE);
	for (uint64_t i = 1; i <= 4; i++) {
		add(2, i);
		add(1 + TURNS_BUCKETS, i);
	}
	for (uint64_t i = 1; i <= 3; i++) {
		want(2, i, TURNS_SHARE);
		want(1 + TURNS_BUCKETS, i, TURNS_SHARE);
	}
	want(1, 2, 1);
	want(1, 3, 1);
	want(2, 4, 1);
	want(1 + TURNS_BUCKETS, 4, 1);
	want_empty();
}

/* Short ones are given several at a time. */
static void test_short(void)
{
	for (uint64_t i = 1; i <= 4; i++) {
		add(1, i);
		add(2, i);
	}
	for (uint64_t i = 1; i <= 4; i += 2) {
		want(1, i, TURNS_SHARE / 2);
		want(1, i + 1, TURNS_SHARE / 2);
		want(2, i, TURNS_SHARE / 2);
		want(2, i + 1, TURNS_SHARE / 2);
	}
	want_empty();
}

/* The same as with a simple queue for each of many clients. */
static void test_many(void)
{
	enum { CLIENTS = 3000 };
	static uint64_t added[CLIENTS], given[CLIENTS];

	for (int i = 0; i < 50000; i++) {
		uint32_t c = check_random(CLIENTS);
		struct job j;

		if (check_random(2) == 0) {
			add(c, ++added[c]);
			continue;
		}
		if (turns.n == 0)
			continue;
		CHECK(turns_has(&turns, c) == (given[c] < added[c]), "%d",
		    (int)c);
		j = turns_next(&turns);
		CHECK(j.seq == ++given[j.client], "out of order");
		turns_charge(&turns, check_random(3 * TURNS_SHARE));
	}
	turns_clear(&turns);
	want_empty();
}

int main(void)
{
	check_group("a client's answers keep their order", test_order);
	check_group("a client with long answers waits for others",
	    test_shares);
	check_group("a client with short answers gets several", test_short);
	check_group("many clients", test_many);
	return check_done();
}
