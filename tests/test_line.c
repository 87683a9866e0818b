/* test_line.c: what line.h promises. */
#include "../crc.h"
#include "../date.h"
#include "../limits.h"
#include "../name.h"
#include "tap.h"
#include "../line.h"
#include "../text.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Bit by bit, as the polynomial says it. */
static uint32_t slow_crc(const unsigned char *p, size_t n)
{
	uint32_t crc = UINT32_MAX;

	for (; n > 0; n--, p++) {
		crc ^= *p;
		for (int bit = 0; bit < 8; bit++)
			crc = crc & 1 ? crc >> 1 ^ 0x82f63b78 : crc >> 1;
	}
	return ~crc;
}

static void test_crc(void)
{
	unsigned char bytes[300], zeros[32] = { 0 };

	CHECK(crc32c(0, "123456789", 9) == 0xe3069283,
	    "the check value of the algorithm");
	CHECK(crc32c(0, zeros, sizeof zeros) == 0x8a9136aa,
	    "32 zeros, as RFC 3720 has it");
	CHECK(crc32c(0, "", 0) == 0, "nothing");
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (unsigned char)check_random(256);
	for (size_t n = 0; n < 200; n++) {
		const unsigned char *p = bytes + n % 9;

		CHECK(crc32c(0, p, n) == slow_crc(p, n), "%zu bytes", n);
		CHECK(crc32c(crc32c(0, p, n / 3), p + n / 3,
		    n - n / 3) == slow_crc(p, n), "%zu bytes in two pieces", n);
	}
}

/* The line without its checksum, with it. */
static struct str with_crc(struct buf *b, struct str fields)
{
	buf_clear(b);
	buf_str_add(b, fields);
	buf_printf(b, "\t%08lx", (unsigned long)crc32c(0, fields.p, fields.n));
	return buf_str(b);
}

/* Why a line is refused, or NULL. It gets a copy that has exactly these bytes:
 * a sanitizer sees one read too many. */
static const char *refusal(struct str text)
{
	char *copy = malloc(text.n > 0 ? text.n : 1);
	struct buf scratch = { 0 };
	struct line l;
	const char *why;

	if (copy == NULL)
		abort();
	if (text.n > 0)
		memcpy(copy, text.p, text.n);
	why = line_decode((struct str){ copy, text.n }, &l, &scratch);
	buf_free(&scratch);
	free(copy);
	return why;
}

static int same_line(const struct line *a, const struct line *b)
{
	return a->seq == b->seq && a->ms == b->ms && str_eq(a->user, b->user) &&
	    str_eq(a->message, b->message) && str_eq(a->stamp, b->stamp) &&
	    str_eq(a->id, b->id);
}

/* Encodes, decodes and compares; returns the line in b, without its newline. */
static struct str round_trip(struct buf *b, const struct line *l)
{
	struct buf scratch = { 0 };
	struct line again;
	struct str text;
	const char *why;

	buf_clear(b);
	line_encode(b, l);
	CHECK(!b->err && b->n > 0 && b->n <= LINE_BYTES_MAX &&
	    b->p[b->n - 1] == '\n' &&
	    memchr(b->p, '\n', b->n) == b->p + b->n - 1, "not one line");
	text = (struct str){ b->p, b->n - 1 };
	why = line_decode(text, &again, &scratch);
	CHECK(why == NULL, "refused: %s: %.*s", why ? why : "",
	    (int)(text.n < 300 ? text.n : 300), text.p);
	CHECK(why != NULL || same_line(l, &again), "changed: %.*s",
	    (int)(text.n < 300 ? text.n : 300), text.p);
	buf_free(&scratch);
	return text;
}

static struct line some_line(void)
{
	return (struct line){ 7, 1709327045123, STR("ana"), STR("bom dia"),
	    STR("1709327045.5"), STR("abc-1") };
}

/* The checksums here were computed by another program. */
static void test_format(void)
{
	const struct {
		struct line l;
		const char *text;
	} line[] = {
		{ some_line(), "7\t2024-03-01T21:04:05.123Z\tana\tbom dia\t"
		    "1709327045.5\tabc-1\t6a8de084" },
		{ { 1, 0, STR("Jo\xc3\xa3o"),
		    STR("a\\b\tc\nd\re\0\x7f\xc2\x85\xe2\x80\xa8"
		    "\xe2\x80\xae\xd8\x9c \"\xf0\x9f\x98\x80\""),
		    { NULL, 0 }, { NULL, 0 } },
		    "1\t1970-01-01T00:00:00.000Z\tJo\xc3\xa3o\ta\\\\b\\tc\\nd"
		    "\\re\\u0000\\u007f\\u0085\\u2028\\u202e\\u061c "
		    "\"\xf0\x9f\x98\x80\"\t-\t-\t997bcd2a" },
		{ { UINT64_MAX, 253402300799999, STR("x"), STR("y"), STR("-"),
		    STR("-") }, "18446744073709551615\t"
		    "9999-12-31T23:59:59.999Z\tx\ty\t\\u002d\t\\u002d\t"
		    "b46c5ddb" },
	};
	struct buf b = { 0 };

	for (size_t i = 0; i < COUNT(line); i++) {
		struct str text = round_trip(&b, &line[i].l);

		CHECK(str_is(text, line[i].text), "%.*s", (int)text.n, text.p);
	}
	buf_free(&b);
}

/* A plain line is not copied, so it needs no memory. */
static void test_slices(void)
{
	struct line l = some_line(), again;
	struct buf b = { 0 }, scratch = { 0 };
	struct str text;

	l.message = STR("ol\xc3\xa1, \"mundo\" \xf0\x9f\x98\x80 %$");
	text = round_trip(&b, &l);
	CHECK(line_decode(text, &again, &scratch) == NULL && scratch.p == NULL,
	    "scratch was used");
	CHECK(again.message.p > text.p && again.message.p < text.p + text.n,
	    "a copy was made");
	l.user = STR("a\\b");
	l.message = STR("um\ndois");
	l.stamp = STR("\"\\u0041\"");
	l.id = STR("\\\\");
	/* four strings in one scratch */
	(void)round_trip(&b, &l);
	buf_free(&b);
	buf_free(&scratch);
}

/* 64 bytes, as long as a name or an id may be. */
#define LONG_NAME "0123456789abcdef0123456789abcdef" \
	"0123456789abcdef0123456789abcdef"
#define TIME "\t2024-03-01T21:04:05.123Z\t"
#define HEAD "1" TIME
#define TAIL TIME "ana\toi\t-\t-"
#define NOT_ENCODED "message is encoded wrongly"

static const struct {
	const char *fields, *why;
} bad_line[] = {
	{ "0" TAIL, "seq is not a number" },
	{ "01" TAIL, "seq is not a number" },
	{ "-1" TAIL, "seq is not a number" },
	{ " 1" TAIL, "seq is not a number" },
	{ "1 " TAIL, "seq is not a number" },
	{ "" TAIL, "seq is not a number" },
	{ "18446744073709551616" TAIL, "seq is not a number" },
	{ "", "not seven fields" },
	{ HEAD "ana\toi\t-", "not seven fields" },
	{ HEAD "ana\toi\t-\t-\t-", "not seven fields" },
	{ HEAD "ana\toi\tcomo vai\t-\t-", "not seven fields" },
	{ HEAD "\toi\t-\t-", "user is not a valid name" },
	{ HEAD " ana\toi\t-\t-", "user is not a valid name" },
	{ HEAD "ana\\n\toi\t-\t-", "user is not a valid name" },
	{ HEAD "an\\a\toi\t-\t-", "user is not a valid name" },
	{ HEAD "an\xe1\toi\t-\t-", "user is not a valid name" },
	{ HEAD LONG_NAME "x\toi\t-\t-", "user is not a valid name" },
	{ HEAD "ana\t\t-\t-", "message is empty or too long" },
	/* raw where an escape is due */
	{ HEAD "ana\toi\n\t-\t-", NOT_ENCODED },
	{ HEAD "ana\to\ri\t-\t-", NOT_ENCODED },
	{ HEAD "ana\t\x1b[2J\t-\t-", NOT_ENCODED },
	{ HEAD "ana\toi\x7f\t-\t-", NOT_ENCODED },
	{ HEAD "ana\toi\xc2\x85\t-\t-", NOT_ENCODED },
	{ HEAD "ana\toi\xe2\x80\xa8\t-\t-", NOT_ENCODED },
	{ HEAD "ana\toi\xe2\x80\xae\t-\t-", NOT_ENCODED },
	/* no UTF-8 */
	{ HEAD "ana\toi\xff\t-\t-", NOT_ENCODED },
	{ HEAD "ana\toi\xc0\x80\t-\t-", NOT_ENCODED },
	{ HEAD "ana\toi\xed\xa0\x80\t-\t-", NOT_ENCODED },
	{ HEAD "ana\toi\xc3\t-\t-", NOT_ENCODED },
	/* an escape that is invalid, needless, or not the one way
	 * to write it */
	{ HEAD "ana\toi\\\t-\t-", NOT_ENCODED },
	{ HEAD "ana\to\\i\t-\t-", NOT_ENCODED },
	{ HEAD "ana\t\\\"\t-\t-", NOT_ENCODED },
	{ HEAD "ana\t\\u\t-\t-", NOT_ENCODED },
	{ HEAD "ana\t\\u008\t-\t-", NOT_ENCODED },
	{ HEAD "ana\t\\u00g0\t-\t-", NOT_ENCODED },
	{ HEAD "ana\t\\u0041\t-\t-", NOT_ENCODED },
	{ HEAD "ana\t\\u002d\t-\t-", NOT_ENCODED },
	{ HEAD "ana\t\\u005c\t-\t-", NOT_ENCODED },
	{ HEAD "ana\t\\u0009\t-\t-", NOT_ENCODED },
	{ HEAD "ana\t\\u000a\t-\t-", NOT_ENCODED },
	{ HEAD "ana\t\\u000d\t-\t-", NOT_ENCODED },
	{ HEAD "ana\t\\u001B\t-\t-", NOT_ENCODED },
	{ HEAD "ana\t\\U001b\t-\t-", NOT_ENCODED },
	{ HEAD "ana\t\\ud83d\\ude00\t-\t-", NOT_ENCODED },
	{ HEAD "ana\toi\t\t-", "client timestamp is wrong" },
	{ HEAD "ana\toi\t\\u002D\t-", "client timestamp is wrong" },
	{ HEAD "ana\toi\t\\u002d1\t-", "client timestamp is wrong" },
	{ HEAD "ana\toi\t-\t", "id is wrong" },
	{ HEAD "ana\toi\t-\t\\u002d\\u002d", "id is wrong" },
	{ HEAD "ana\toi\t-\tid\\n", "id is wrong" },
	{ HEAD "ana\toi\t-\t\xc3\xa9", "id is wrong" },
	{ HEAD "ana\toi\t-\t" LONG_NAME "x", "id is wrong" },
};

static void test_refused(void)
{
	struct buf b = { 0 };

	CHECK(refusal(with_crc(&b, STR(HEAD "ana\toi\t-\t-"))) == NULL,
	    "the good one");
	for (size_t i = 0; i < COUNT(bad_line); i++) {
		const char *why = refusal(with_crc(&b,
		    str_of(bad_line[i].fields)));

		CHECK(why != NULL && strcmp(why, bad_line[i].why) == 0,
		    "%s: %s", bad_line[i].fields, why ? why : "taken");
	}
	CHECK(refusal(with_crc(&b, STR(HEAD "ana\toi\0\t-\t-"))) != NULL,
	    "a NUL was accepted");
	buf_free(&b);
}

static void test_checksum(void)
{
	struct line l = some_line(), again;
	struct buf b = { 0 }, scratch = { 0 };
	struct str text;

	l.message =
	    STR("ol\xc3\xa1\n, \"mundo\" \xe2\x80\xa8 \xf0\x9f\x98\x80\\");
	text = round_trip(&b, &l);
	for (size_t i = 0; i < text.n * 8; i++) {
		b.p[i / 8] = (char)(b.p[i / 8] ^ 1 << i % 8);
		CHECK(refusal(text) != NULL, "bit %zu turned: %.*s", i,
		    (int)text.n, text.p);
		b.p[i / 8] = (char)(b.p[i / 8] ^ 1 << i % 8);
	}
	for (size_t n = 0; n < text.n; n++)
		CHECK(refusal((struct str){ text.p, n }) != NULL,
		    "the first %zu bytes were accepted", n);
	CHECK(refusal((struct str){ NULL, 0 }) != NULL, "nothing was accepted");
	CHECK(refusal((struct str){ b.p, b.n }) != NULL,
	    "a newline was accepted");
	b.p[text.n - 20] = (char)(b.p[text.n - 20] ^ 1);
	CHECK(strcmp(line_decode(text, &again, &scratch),
	    "checksum is wrong") == 0 && again.seq == 7,
	    "a wrong checksum with seq %lu", (unsigned long)again.seq);
	CHECK(strcmp(line_decode(STR("7\tx"), &again, &scratch),
	    "checksum is missing") == 0 && again.seq == 7, "no checksum");
	buf_free(&b);
	buf_free(&scratch);
}

static void test_random(void)
{
	static const char *const piece[] = { "a", " ", "\"", "\\", "\t", "\n",
	    "\r", "\x01", "\x7f", "\xc2\x80", "\xc3\xa9", "\xe2\x80\xa8",
	    "\xe2\x81\xa9", "\xf0\x9f\x98\x80", "\\u0041", "-", "abcdefghijklm",
	    "%2F" };
	struct buf b = { 0 }, message = { 0 }, stamp = { 0 };

	for (int round = 0; round < 5000; round++) {
		struct line l = some_line();

		buf_clear(&message);
		buf_clear(&stamp);
		for (uint32_t n = 1 + check_random(30); n > 0; n--)
			buf_puts(&message, piece[check_random(COUNT(piece))]);
		for (uint32_t n = check_random(10); n > 0; n--)
			buf_puts(&stamp, piece[check_random(COUNT(piece))]);
		l.message = buf_str(&message);
		l.stamp = buf_str(&stamp);
		l.seq = 1 + check_random(1000000);
		l.ms = (int64_t)check_random(UINT32_MAX) * 1000 +
		    check_random(1000);
		(void)round_trip(&b, &l);
	}
	buf_free(&b);
	buf_free(&message);
	buf_free(&stamp);
}

/* 1: nothing in it acts on a terminal, but the tabs between the fields. */
static int harmless(struct str text)
{
	uint32_t c;

	while (text.n > 0) {
		size_t n = utf8_next(text, &c);

		if (n == 0 || (is_control(c) && c != '\t'))
			return 0;
		str_skip(&text, n);
	}
	return 1;
}

static void test_every_character(void)
{
	struct buf b = { 0 }, message = { 0 };
	struct line l = some_line();

	for (uint32_t c = 0; c <= 0x10ffff; c++) {
		if (c >= 0xd800 && c <= 0xdfff)
			continue;
		utf8_put(&message, c);
		if (c % 64 != 63)
			continue;
		l.message = buf_str(&message);
		CHECK(harmless(round_trip(&b, &l)),
		    "up to U+%04X: a raw control character", c);
		buf_clear(&message);
	}
	buf_free(&b);
	buf_free(&message);
}

static void test_limits(void)
{
	static char text[MESSAGE_BYTES_MAX + 1];
	struct line l = some_line();
	struct buf b = { 0 };

	memset(text, '\x1b', sizeof text);
	l.message = (struct str){ text, MESSAGE_BYTES_MAX };
	l.stamp = (struct str){ text, STAMP_BYTES_MAX };
	(void)round_trip(&b, &l);               /* the longest line there is */
	l.message.n++;
	buf_clear(&b);
	line_encode(&b, &l);
	CHECK(refusal((struct str){ b.p, b.n - 1 }) != NULL,
	    "a message too long was accepted");
	l = some_line();
	l.stamp = (struct str){ text, STAMP_BYTES_MAX + 1 };
	buf_clear(&b);
	line_encode(&b, &l);
	CHECK(refusal((struct str){ b.p, b.n - 1 }) != NULL,
	    "a stamp too long was accepted");
	b.n = 0;
	memset(buf_room(&b, LINE_BYTES_MAX), 'a', LINE_BYTES_MAX);
	CHECK(refusal((struct str){ b.p, LINE_BYTES_MAX }) != NULL,
	    "a line too long was accepted");
	buf_clear(&b);
	l = some_line();
	l.message = STR("a\xff");
	line_encode(&b, &l);
	CHECK(b.err, "a message that is not UTF-8 was written");
	buf_free(&b);
}

static void test_time(void)
{
	static const char *const bad[] = {
		"2024-02-30T00:00:00.000Z", "2023-02-29T00:00:00.000Z",
		"2100-02-29T00:00:00.000Z", "2024-04-31T00:00:00.000Z",
		"2024-00-01T00:00:00.000Z", "2024-13-01T00:00:00.000Z",
		"2024-01-00T00:00:00.000Z", "2024-01-32T00:00:00.000Z",
		"2024-01-01T24:00:00.000Z", "2024-01-01T00:60:00.000Z",
		"2024-01-01T00:00:60.000Z", "1969-12-31T23:59:59.999Z",
		"0000-01-01T00:00:00.000Z", "9999-12-31T23:59:60.000Z",
		"2024-01-01 00:00:00.000Z", "2024-01-01T00:00:00.000z",
		"2024-01-01T00:00:00,000Z", "2024-1-01T00:00:00.0000Z",
		"2024-01-01T00:00:00.00Z", "2024-01-01T00:00:00Z",
		"+024-01-01T00:00:00.000Z", "2024-01-01T00:00:00.-10Z",
		"2024-01-01T-1:00:00.000Z", "2024/01/01T00:00:00.000Z",
		"2024-01-01T00:00:00.000Z ", "2024-01-01T00:00:00.000+", "-",
		"",
	};
	struct buf b = { 0 }, line = { 0 };
	struct line l = some_line();
	char text[DATE_BYTES];

	/* each day until the end of 9999 */
	for (int64_t day = 0; day < 2932897; day++) {
		time_t t = (time_t)day * 86400 + (time_t)check_random(86400);
		char expected[32];
		struct tm tm;

		if (day > 60000 && day % 37 != 0)
			continue;
		if (gmtime_r(&t, &tm) == NULL ||
		    strftime(expected, sizeof expected,
		    "%Y-%m-%dT%H:%M:%S.042Z", &tm) != DATE_BYTES)
			abort();
		date_encode(text, (int64_t)t * 1000 + 42);
		CHECK(memcmp(text, expected, DATE_BYTES) == 0, "%.*s, not %s",
		    DATE_BYTES, text, expected);
		l.ms = (int64_t)t * 1000 + 42;
		(void)round_trip(&b, &l);
	}
	date_encode(text, -1);
	CHECK(memcmp(text, "1970-01-01T00:00:00.000Z", DATE_BYTES) == 0,
	    "before 1970");
	date_encode(text, INT64_MAX);
	CHECK(memcmp(text, "9999-12-31T23:59:59.999Z", DATE_BYTES) == 0,
	    "after 9999");
	for (size_t i = 0; i < COUNT(bad); i++) {
		const char *why;

		buf_clear(&line);
		buf_printf(&line, "1\t%s\tana\toi\t-\t-", bad[i]);
		why = refusal(with_crc(&b, buf_str(&line)));
		CHECK(why != NULL && strcmp(why, "time is wrong") == 0,
		    "%s: %s", bad[i], why ? why : "taken");
	}
	buf_free(&b);
	buf_free(&line);
}

static void test_seq(void)
{
	static const struct {
		const char *text;
		uint64_t seq;
	} line[] = {
		{ "1\t", 1 }, { "42\tx", 42 },
		{ "18446744073709551615\t", UINT64_MAX }, { "", 0 },
		{ "1", 0 },
		{ "0\t", 0 }, { "00\t", 0 }, { "01\t", 0 }, { "\t", 0 },
		{ "x\t", 0 },
		{ "-1\t", 0 }, { "+1\t", 0 },
		{ "1 \t", 0 }, { "1x\t", 0 }, { "18446744073709551616\t", 0 },
		{ "99999999999999999999999\t", 0 },
	};

	for (size_t i = 0; i < COUNT(line); i++)
		CHECK(line_seq(str_of(line[i].text)) == line[i].seq, "%s",
		    line[i].text);
}

static void test_names(void)
{
	const struct str good[] = {
		STR("a"), STR("geral"), STR("Jo\xc3\xa3o da Silva"), STR("."),
		STR(".."), STR("-x"), STR("a/b"), STR("%41"),
		STR("\xf0\x9f\x98\x80"), STR("\""), STR("\\"), STR("a.log"),
		    STR(LONG_NAME),
		STR("\xc2\xa0"), STR("*"),
	};
	const struct str bad[] = {
		{ NULL, 0 }, STR(" a"), STR("a "), STR(" "), STR("a\0b"),
		STR("a\n"), STR("\ta"), STR("\x7f"), STR("\xc2\x9b"),
		STR("a\xe2\x80\xae" "b"), STR("a\xe2\x80\xa8"), STR("\xff"),
		STR("\xc3"),
		STR("\xed\xa0\x80"), STR(LONG_NAME "x"),
	};
	const struct str bad_id[] = {
		{ NULL, 0 }, STR("a\tb"), STR("\x7f"), STR("\xc3\xa9"),
		STR("a\0"),
		STR(LONG_NAME "x"),
	};

	for (size_t i = 0; i < COUNT(good); i++)
		CHECK(name_ok(good[i]), "refused: %.*s", (int)good[i].n,
		    good[i].p);
	for (size_t i = 0; i < COUNT(bad); i++)
		CHECK(!name_ok(bad[i]), "bad name %zu was accepted", i);
	CHECK(name_id_ok(STR(" ~!\"\\-")) && name_id_ok(STR(LONG_NAME)),
	    "a good id was refused");
	for (size_t i = 0; i < COUNT(bad_id); i++)
		CHECK(!name_id_ok(bad_id[i]), "bad id %zu was accepted", i);
}

/* There and back; returns the file name, terminated. */
static const char *file_of(struct buf *b, struct str name)
{
	struct buf again = { 0 };

	buf_clear(b);
	name_to_file(b, name);
	buf_putc(b, '\0');
	CHECK(strchr(b->p, '/') == NULL && *b->p != '.' && *b->p != '-' &&
	    strlen(b->p) == b->n - 1 &&
	    b->n <= NAME_BYTES_MAX * 3 + sizeof ".log",
	    "not a safe file name: %s", b->p);
	buf_puts(&again, "x");                          /* it must append */
	CHECK(name_from_file(&again, b->p) == 0 && again.n == name.n + 1 &&
	    memcmp(again.p + 1, name.p, name.n) == 0, "not the same again: %s",
	    b->p);
	buf_free(&again);
	return b->p;
}

static void test_files(void)
{
	const struct {
		struct str name;
		const char *file;
	} pair[] = {
		{ STR("geral"), "geral.log" }, { STR("a/b"), "a%2Fb.log" },
		{ STR("."), "%2E.log" },
		{ STR(".."), "%2E..log" },
		{ STR("-x-y.z"), "%2Dx-y.z.log" }, { STR("%41"), "%2541.log" },
		{ STR("\xc3\xa9"), "\xc3\xa9.log" },
		{ STR("a b*\"\\~_9Z"), "a%20b%2A%22%5C%7E_9Z.log" },
		{ STR("a.log"), "a.log.log" },
	};
	static const char *const bad[] = {
		"", ".log", "log", "geral", "geral.LOG", "geral.log ",
		"geral.log.damaged-1", ".geral.log", "-x.log", "a%2fb.log",
		"%41.log", "%.log", "%2.log", "%2", "%GG.log", "a%2Eb.log",
		"a b.log", "%20a.log", "a%20.log", "%00.log", "a%0A.log",
		"%C3%A9.log", "\xff.log", "a/b.log", "..log", "...log",
		"%2E%2E.log", "%7F.log",
		"\xe2\x80\xae.log", LONG_NAME "x.log", "%61.log", "a%5fb.log",
	};
	struct buf b = { 0 };
	char slashes[NAME_BYTES_MAX];

	for (size_t i = 0; i < COUNT(pair); i++)
		CHECK(strcmp(file_of(&b, pair[i].name), pair[i].file) == 0,
		    "%s: %s", pair[i].file, b.p);
	memset(slashes, '/', sizeof slashes);
	CHECK(strlen(file_of(&b, (struct str){ slashes,
	    sizeof slashes })) == 196, "64 slashes: %s", b.p);
	for (size_t i = 0; i < COUNT(bad); i++) {
		buf_clear(&b);
		CHECK(name_from_file(&b, bad[i]) == -1 && b.n == 0 && !b.err,
		    "accepted: %s", bad[i]);
	}
	buf_free(&b);
}

/* Names go to files and back; and any file name either belongs to no name or to
 * the one that it decodes to, so that no two names share a file. */
static void test_random_files(void)
{
	static const char *const piece[] = { "a", "B", "9", "_", "-", ".", "..",
	    "/", "%", "%41", "%2F", "%2E", "%2f", " ", "~", "\\", "\"",
	    "\xc3\xa9", "\xf0\x9f\x98\x80", "\xff", "\n", ".log" };
	struct buf b = { 0 }, text = { 0 }, file = { 0 };
	int names = 0, files = 0;

	for (int round = 0; round < 200000; round++) {
		buf_clear(&text);
		buf_clear(&b);
		for (uint32_t n = check_random(8); n > 0; n--)
			buf_puts(&text, piece[check_random(COUNT(piece))]);
		if (name_ok(buf_str(&text))) {
			(void)file_of(&b, buf_str(&text));
			names++;
		}
		buf_puts(&text, ".log");
		buf_putc(&text, '\0');
		buf_clear(&b);
		buf_clear(&file);
		if (name_from_file(&b, text.p) == 0) {
			name_to_file(&file, buf_str(&b));
			CHECK(name_ok(buf_str(&b)) && str_is(buf_str(&file),
			    text.p), "%s: %.*s", text.p, (int)file.n, file.p);
			files++;
		}
	}
	CHECK(names > 10000 && files > 10000, "only %d names and %d files",
	    names, files);
	buf_free(&b);
	buf_free(&text);
	buf_free(&file);
}

int main(void)
{
	check_group("line: the checksum is CRC-32C", test_crc);
	check_group("line: byte for byte as the manual says", test_format);
	check_group("line: plain text is not copied", test_slices);
	check_group("line: only the one way to write a line is accepted",
	    test_refused);
	check_group("line: every damaged bit and every cut is found",
	    test_checksum);
	check_group("line: any message comes back unchanged", test_random);
	check_group("line: every character comes back unchanged",
	    test_every_character);
	check_group("line: the longest line fits, a longer one is refused",
	    test_limits);
	check_group("line: every day until 9999, and no other time", test_time);
	check_group("line: the seq can be read alone", test_seq);
	check_group("name: what a name and an id may contain", test_names);
	check_group("name: file names are safe and come back as names",
	    test_files);
	check_group("name: no two names share a file", test_random_files);
	return check_done();
}
