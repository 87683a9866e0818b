/* test_nomem.c: memory that runs out is reported, wherever it happens, and
 * nothing leaks.
 *
 * The two files that ask for memory are compiled into this one with an
 * allocator that can fail. Each trial runs again and again while first the
 * first request fails, then the second, and so on until none does: once with
 * only that one failing, once with all from there on. */
#include "../name.h"
#include "tap.h"
#include "../line.h"
#include "../text.h"

#include <stdlib.h>

/* the request that makes this 0 fails; below 0 none does */
static long requests_left;
static int all_fail;            /* the ones after it, too */
static int denied;              /* 1: a request failed */
static long alive;              /* blocks not yet freed */

static void *shaky_realloc(void *p, size_t n)
{
	void *q;

	if (requests_left > 0)
		requests_left--;
	if (requests_left == 0) {
		requests_left = all_fail ? 0 : -1;
		denied = 1;
		return NULL;
	}
	q = realloc(p, n);
	if (p == NULL && q != NULL)
		alive++;
	return q;
}

static void counted_free(void *p)
{
	alive -= p != NULL;
	free(p);
}

#define realloc shaky_realloc
#define free    counted_free
#include "../buf.c"
#include "../json.c"

/* Many nodes, many keys, and escapes in keys and values. */
static struct str big_text(void)
{
	static char text[16 * 1024];
	size_t n = 0;

	text[n++] = '{';
	for (int i = 0; i < 300; i++)
		n += (size_t)snprintf(text + n, sizeof text - n,
		    "%s\"\\u006b%d\":[\"a\\nb\",{\"x\":%d}]",
		    i > 0 ? "," : "", i, i);
	text[n++] = '}';
	return (struct str){ text, n };
}

/* A trial returns 1 when all went well and 0 when it was told that
 * memory ran out. */
static int try_parse(void)
{
	struct str text = big_text();
	struct json j = { 0 };
	int good = json_parse(&j, text.p, text.n) == 0;

	CHECK(good || (strcmp(j.error, "out of memory") == 0 && j.n == 0), "%s",
	    j.error);
	requests_left = -1;
	CHECK(json_parse(&j, text.p, text.n) == 0 && j.error == NULL,
	    "not usable afterwards");
	json_free(&j);
	CHECK(j.node == NULL && j.n == 0, "json_free() leaves something");
	return good;
}

static int try_string(void)
{
	static const char text[] = "[\"plain\",\"tab\\t\"]";
	struct json j = { 0 };
	struct buf scratch = { 0 };
	struct str a, b;
	int good = 0;

	if (json_parse(&j, text, sizeof text - 1) == 0) {
		CHECK(json_string(&j.node[1], &scratch, &a) == 0 &&
		    str_is(a, "plain"), "plain");
		good = json_string(&j.node[2], &scratch, &b) == 0;
		CHECK(good ? str_is(b, "tab\t") : scratch.err,
		    "wrong text without an error");
	}
	buf_free(&scratch);
	json_free(&j);
	return good;
}

static int try_write(void)
{
	struct buf b = { 0 };
	int good;

	json_put_string(&b, STR("um texto com \"aspas\" e\nlinhas, "
	    "mais longo que um bloco de 64 bytes"));
	json_put_time(&b, "t", 1700000000123);
	buf_printf(&b, "%s %d",
	    "and some more of it, to make it grow another time", 42);
	put_visible(&b, STR("\x1b[31m and more and more and more and more "
	    "and more and more"));
	name_to_file(&b,
	    STR("a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/r/s/t/u/v/w/x/y/z"));
	good = !b.err;
	CHECK(!good || b.n > 300, "%zu bytes without an error", b.n);
	buf_free(&b);
	return good;
}

static int try_line(void)
{
	struct line l = { 7, 1709327045123, STR("ana"),
	    STR("um\ndois\tcom \\ e mais texto"), STR("\"\\u0041\""),
	    STR("id\\1") }, again;
	struct buf b = { 0 }, scratch = { 0 };
	const char *why;
	int good;

	line_encode(&b, &l);
	good = !b.err;
	if (good) {
		why = line_decode((struct str){ b.p, b.n - 1 }, &again,
		    &scratch);
		good = why == NULL;
		CHECK(good ? str_eq(again.message, l.message) &&
		    str_eq(again.id, l.id) : scratch.err &&
		    strcmp(why, "out of memory") == 0, "%s",
		    why ? why : "changed");
	}
	buf_free(&b);
	buf_free(&scratch);
	return good;
}

static int try_file(void)
{
	struct buf b = { 0 };
	int good = name_from_file(&b, "geral.log") == 0;

	CHECK(good ? str_is(buf_str(&b), "geral") : b.err && b.n == 0, "%.*s",
	    (int)b.n, b.p);
	buf_free(&b);
	return good;
}

static void exhaust(int (*trial)(void))
{
	long n = 1;

	do {
		int good;

		denied = 0;
		requests_left = n;
		good = trial();
		requests_left = -1;
		CHECK(good == !denied,
		    "request %ld failed and was not reported", n);
		CHECK(alive == 0, "request %ld failed and %ld blocks leak", n,
		    alive);
		n++;
	} while (denied);
	CHECK(n > 2, "no memory was asked for");
}

static void test_nomem(void)
{
	for (all_fail = 0; all_fail < 2; all_fail++) {
		exhaust(try_parse);
		exhaust(try_string);
		exhaust(try_write);
		exhaust(try_line);
		exhaust(try_file);
	}
}

int main(void)
{
	check_group("memory that runs out is reported and nothing leaks",
	    test_nomem);
	return check_done();
}
