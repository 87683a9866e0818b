/* test_topics.c: whoever chooses names does not choose where the table of
 * topics puts them, and so cannot make all of them share one place. */
#include "tap.h"

#include "../topics.c"

#include <stdio.h>

#define NAMES 65536

/* Names that share a place in one table, put into another. */
static void test_names_that_collide(void)
{
	struct topics *t = topics_new(), *other = topics_new();
	int here = 0, there = 0;
	size_t first = 0;

	CHECK(t != NULL && other != NULL, "no memory");
	for (int i = 0; i < NAMES; i++) {
		char name[16];
		struct str s = { name, (size_t)snprintf(name, sizeof name,
		    "nome%d", i) };
		size_t place = bucket_index(other, TOPIC_USER, s);

		if (bucket_index(t, TOPIC_USER, s) != 0)
			continue;
		if (here++ == 0)
			first = place;
		there += place == first;
	}
	CHECK(here > NAMES / BUCKETS_FIRST / 2, "%d names", here);
	CHECK(there < here / 4, "%d of %d names", there, here);
	topics_free(t);
	topics_free(other);
}

int main(void)
{
	check_group("names that share a place in one table do not in another",
	    test_names_that_collide);
	return check_done();
}
