/* bench_times.c: how long things took, as a histogram; see bench.h. */
#include "bench.h"

#define TIMES 2000000           /* us; what took longer counts as this long */

static uint32_t took[TIMES];    /* how many took so many us */
static uint64_t all;

void times_add(int64_t us)
{
	took[us < TIMES ? us : TIMES - 1]++;
	all++;
}

uint64_t times_count(void)
{
	return all;
}

unsigned times_percentile(unsigned percent)
{
	uint64_t below = 0;
	unsigned us = 0;

	while (us < TIMES - 1 && (below += took[us]) * 100 < all * percent)
		us++;
	return us;
}
