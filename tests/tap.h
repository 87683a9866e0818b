/* tap.h: what the unit tests share. Each test program prints TAP: a line for
 * each group of checks, a comment with file and line for each check that
 * failed, the plan at the end. Exit 0 when all is well.
 *
 * A group that checks nothing fails: its loops ran zero times. */
#ifndef TAP_H
#define TAP_H

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* Failures that a group shows: a broken loop must not fill the screen. */
#define CHECK_SHOWN 20

static long checks_done;        /* in this group */
static int check_failures;      /* likewise */
static int check_groups, check_bad_groups;

#define COUNT(array) (sizeof(array) / sizeof *(array))

#define CHECK(cond, ...) \
	check_one((cond) != 0, __FILE__, __LINE__, __VA_ARGS__)

__attribute__((format(printf, 4, 5)))
static void check_one(int good, const char *file, int line,
    const char *fmt, ...)
{
	va_list ap;

	checks_done++;
	if (good || ++check_failures > CHECK_SHOWN)
		return;
	printf("# %s:%d: ", file, line);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

static void check_group(const char *what, void (*run)(void))
{
	checks_done = 0;
	check_failures = 0;
	run();
	CHECK(checks_done > 0, "nothing was checked");
	printf("%s %d - %s\n", check_failures > 0 ? "not ok" : "ok",
	    ++check_groups, what);
	check_bad_groups += check_failures > 0;
}

static int check_done(void)
{
	printf("1..%d\n", check_groups);
	return check_bad_groups > 0;
}

/* Seconds to wait for something before it counts as failed: as in test.sh. */
static inline int patience_s(void)
{
	const char *text = getenv("PATIENCE");

	return text != NULL && atoi(text) > 0 ? atoi(text) : 30;
}

/* The same numbers in every run, so that a failure can be repeated. */
static inline uint32_t check_random(uint32_t below)
{
	static uint64_t x = 88172645463325252u;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return (uint32_t)(x >> 16) % below;
}

#endif
