/* test_entry.c: what another version, or somebody else, has written into the
 * journal is refused, be its checksum right or not. */
#include "tap.h"

#include "../entry.h"
#include "../limits.h"

#include <errno.h>
#include <string.h>

static void put(struct buf *b, uint64_t kind, struct str name, uint64_t length,
    struct str lines)
{
	buf_le64(b, kind);
	buf_le64(b, name.n);
	buf_le64(b, 0);
	buf_le64(b, length);
	buf_str_add(b, name);
	buf_str_add(b, lines);
}

static int take(uint64_t kind, struct str name, uint64_t length)
{
	struct buf b = { 0 };
	struct entry entry;
	struct str rest;
	int r;

	put(&b, kind, name, length, STR("ab\n"));
	rest = buf_str(&b);
	errno = 0;
	r = entry_take(&rest, &entry);
	buf_free(&b);
	return r == -1 && errno != EIO ? -2 : r;
}

static void test_good(void)
{
	CHECK(take(TOPIC_CHANNEL, STR("geral"), 3) == 1, "a channel");
	CHECK(take(TOPIC_USER, STR("ana"), 3) == 1, "a user");
	CHECK(take(TOPIC_EVENTS, STR("events"), 0) == 1, "the events");
}

static void test_kinds(void)
{
	CHECK(take('x', STR("geral"), 3) == -1, "an unknown kind");
	CHECK(take(0, STR("geral"), 3) == -1, "no kind");
	CHECK(take(UINT64_C(1) << 32 | TOPIC_USER, STR("geral"), 3) == -1,
	    "a kind beyond an enum");
}

static void test_names(void)
{
	char name[NAME_BYTES_MAX + 1];

	memset(name, 'n', sizeof name);
	CHECK(take(TOPIC_USER, (struct str){ name, sizeof name }, 3) == -1,
	    "a name that is too long");
	CHECK(take(TOPIC_USER, STR(""), 3) == -1, "no name");
	CHECK(take(TOPIC_USER, STR("a\nb"), 3) == -1, "a newline in a name");
	CHECK(take(TOPIC_EVENTS, STR("lock"), 3) == -1, "other events");
}

static void test_lengths(void)
{
	CHECK(take(TOPIC_USER, STR("ana"), 4) == -1, "lines beyond the end");
	CHECK(take(TOPIC_USER, STR("ana"), UINT64_MAX) == -1,
	    "a length that wraps");
	CHECK(take(TOPIC_USER, STR("ana"), 2) == -1, "half a line");
}

int main(void)
{
	check_group("entries are taken", test_good);
	check_group("an unknown kind is refused", test_kinds);
	check_group("an invalid name is refused", test_names);
	check_group("a wrong length is refused", test_lengths);
	return check_done();
}
