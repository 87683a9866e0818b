/* test_json.c: what json.h and text.h promise. */
#include "tap.h"
#include "../json.h"
#include "../text.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Parses a copy that has exactly these bytes: a sanitizer sees one
 * read too many. */
static int parse_copy(struct json *j, struct str text)
{
	char *copy = malloc(text.n > 0 ? text.n : 1);
	int result;

	if (copy == NULL)
		abort();
	if (text.n > 0)
		memcpy(copy, text.p, text.n);
	result = json_parse(j, copy, text.n);
	free(copy);
	return result;
}

static int accepted(struct str text)
{
	struct json j = { 0 };
	int result = parse_copy(&j, text);

	json_free(&j);
	return result == 0;
}

static void test_accepted(void)
{
	static const char *const text[] = {
		"0", "-0", "10", "-1.50", "1e5", "1E+05", "1e-5", "0.0e0",
		" \t\r\n7\n ", "123456789012345678901", "true", "false", "null",
		"\"\"", "\"a\"", "[]", "{}", " [ ] ", " { } ", "[[],{}]",
		"[1,2 , 3]", "{\"a\":1}", " { \"a\" : 1 , \"b\" : [ ] } ",
		"{\"\":0}", "\"\x7f\"",
		"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\uD83D\\ude00\"",
		"\"\xc3\xa9\xf0\x9f\x98\x80\"", "\"\\u0000\"",
		"\"\xef\xbf\xbf\xf4\x8f\xbf\xbf\"", "{\"a\":{\"a\":{\"a\":1}}}",
		"[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]",
	};

	for (size_t i = 0; i < COUNT(text); i++)
		CHECK(accepted(str_of(text[i])), "refused: %s", text[i]);
}

static void test_refused(void)
{
	static const char *const text[] = {
		"", " ", "01", "-", "-a", "+1", ".5", "1.", "1.e5", "1e", "1e+",
		"0x10", "1 2", "NaN", "Infinity", "tru", "truE", "nul",
		"falsee", "'a'", "\"", "\"a", "\"\\\"", "\"\n\"", "\"\x1f\"",
		"\"\t\"", "\"\\a\"", "\"\\u12\"", "\"\\u12g4\"", "\"\\U0041\"",
		"\"\\", "\"\\u", "\"\\u004", "[", "]", "[1", "[1,", "[1,]",
		"[,1]", "[1 2]", "[1}", "[1:2]", "[,]", "{", "}", "{]", "{a:1}",
		"{1:1}", "{\"a\"}", "{\"a\":}", "{\"a\":1", "{\"a\":1,",
		"{\"a\":1,}", "{,\"a\":1}", "{\"a\" 1}", "{\"a\"::1}",
		"{\"a\":1 \"b\":2}", "{\"a\":1,,\"b\":2}", "{\"a\":1]", "[]]",
		"{}}", "{} x", "[] []", "\v1", "\f1", "\xc2\xa0[]",
		"\xef\xbb\xbf{}", "# c\n1", "// c\n1",
		"[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]",
		"{\"a\":[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]}",
		/* surrogates: alone, two high ones, reversed, half of a
		 * pair and something else */
		"\"\\udc00\"", "\"\\ud800\"", "\"\\ud800\\ud800\"",
		"\"\\udc00\\ud800\"", "\"\\ud800\\n\"", "\"\\ud800x\"",
		"\"\\ud800\\u\"", "\"\\ud800\\udbff\"", "\"\\ud800\\ue000\"",
		"{\"\\ud800\":1}", "\"\\ud800", "\"\\ud800\\", "\"\\ud800\\u",
		"\"\\ud800\\udc0",
		/* not UTF-8: alone, overlong, surrogate, too high,
		 * cut off, Latin-1 */
		"\"\x80\"", "\"\xc0\x80\"", "\"\xc1\xbf\"", "\"\xe0\x80\x80\"",
		"\"\xe0\x9f\xbf\"", "\"\xf0\x80\x80\x80\"",
		"\"\xf0\x8f\xbf\xbf\"", "\"\xed\xa0\x80\"", "\"\xed\xbf\xbf\"",
		"\"\xf4\x90\x80\x80\"", "\"\xf5\x80\x80\x80\"", "\"\xff\"",
		"\"\xc3\"", "\"\xe2\x80\"", "\"\xf0\x9f\x98\"", "\"\xc3",
		"\"\xe9t\xe9\"", "\xc3\xa9",
	};
	const struct str with_nul[] = {
		STR("\0"), STR("1\0"), STR("\"a\0b\""), STR("[1,\0]"),
		STR("{}\0"), STR("\0{}"),
	};

	for (size_t i = 0; i < COUNT(text); i++)
		CHECK(!accepted(str_of(text[i])), "accepted: %s", text[i]);
	for (size_t i = 0; i < COUNT(with_nul); i++)
		CHECK(!accepted(with_nul[i]), "accepted: text %zu with a NUL",
		    i);
}

static void test_errors(void)
{
	static const struct {
		const char *text;
		size_t at;
		const char *error;
	} bad[] = {
		{ "", 0, "value expected" },
		{ "[1,x]", 3, "value expected" },
		{ "{\"a\":1 x", 7, "',' or closing bracket expected" },
		{ "{\"a\" x", 5, "':' expected" },
		{ "{x", 1, "key expected" },
		{ "1.x", 2, "digit expected" },
		{ "\"ab", 3, "string without an end" },
		{ "\"a\\x\"", 2, "bad escape or lone surrogate" },
		{ "\"a\nb\"", 2, "control character in a string" },
		{ "\"a\xff\"", 2, "invalid UTF-8" },
		{ "[] 1", 3, "trailing bytes" },
		{ "[[[[[[[[[[[[[[[[[", 16, "too many levels" },
		{ "{\"ab\":1,\"ab\":2}", 9, "duplicate key" },
	};
	struct json j = { 0 };

	for (size_t i = 0; i < COUNT(bad); i++) {
		CHECK(parse_copy(&j, str_of(bad[i].text)) == -1, "accepted: %s",
		    bad[i].text);
		CHECK(j.error != NULL && strcmp(j.error, bad[i].error) == 0 &&
		    j.error_at == bad[i].at &&
		    j.n == 0, "%s: byte %zu: %s", bad[i].text, j.error_at,
		    j.error ? j.error : "none");
	}
	CHECK(json_parse(&j, "1", 1) == 0 && j.error == NULL,
	    "the error before is still there");
	CHECK(json_parse(&j, NULL, 0) == -1, "no text at all was accepted");
	json_free(&j);
}

#define REQUEST "{\"service\": \"publish\", \"data\": {\"user\":\"ana\", " \
	"\"list\":[1,[2,{}],\"x\"], \"m\\u0065ssage\":\"a\\tb\", " \
	"\"deep\":{\"user\":\"bob\"}, \"n\":7}, \"last\":null}"

static void test_nodes(void)
{
	const struct str text = STR(REQUEST);
	struct json j = { 0 };
	static const char *const keys[] = { "service", "data", "last" };
	const struct json_node *data, *v, *e;

	CHECK(json_parse(&j, text.p, text.n) == 0, "refused at byte %zu",
	    j.error_at);
	CHECK(j.node[0].type == JSON_OBJECT && j.node[0].next == j.n &&
	    str_eq(j.node[0].raw, text), "node 0 is not the whole text");
	v = json_get(&j, j.node, "service");
	CHECK(v && v->type == JSON_STRING && str_is(v->raw, "publish") &&
	    !v->escaped, "service");
	data = json_get(&j, j.node, "data");
	CHECK(data && data->type == JSON_OBJECT, "data");
	v = json_get(&j, data, "user");
	CHECK(v && str_is(v->raw, "ana"),
	    "the user of data, not the one deeper down");
	v = json_get(&j, data, "message");
	CHECK(v && v->escaped && str_is(v->raw, "a\\tb"),
	    "a key with an escape in it is found by its meaning");
	CHECK(json_get(&j, data, "m\\u0065ssage") == NULL,
	    "an escaped key was found by its raw bytes");
	CHECK(json_get(&j, data, "messag") == NULL &&
	    json_get(&j, data, "messages") == NULL, "prefixes");
	CHECK(json_get(&j, data, "last") == NULL && json_get(&j, j.node,
	    "user") == NULL, "wrong level");
	v = json_get(&j, j.node, "last");
	CHECK(v && v->type == JSON_NULL && str_is(v->raw, "null") &&
	    v->next == j.n, "last");

	v = json_get(&j, data, "list");
	CHECK(v && v->type == JSON_ARRAY && str_is(v->raw, "[1,[2,{}],\"x\"]"),
	    "list");
	CHECK(json_get(&j, v, "x") == NULL && json_get(&j, NULL, "x") == NULL,
	    "members of no object");
	e = json_first(&j, v);
	CHECK(e && e->type == JSON_NUMBER && str_is(e->raw, "1"), "list[0]");
	e = e ? json_next(&j, v, e) : NULL;
	CHECK(e && e->type == JSON_ARRAY && str_is(e->raw, "[2,{}]"),
	    "list[1]");
	e = e ? json_next(&j, v, e) : NULL;
	CHECK(e && e->type == JSON_STRING && str_is(e->raw, "x"), "list[2]");
	CHECK(e && json_next(&j, v, e) == NULL, "a fourth element");
	CHECK(e && json_first(&j, e) == NULL && json_first(&j, NULL) == NULL,
	    "inside of no container");

	e = json_first(&j, j.node);
	for (size_t i = 0; i < 3; i++, e = e ? json_next(&j, j.node, e) : NULL)
		CHECK(e && e->type == JSON_STRING && str_is(e->raw, keys[i]),
		    "key %zu", i);
	CHECK(e == NULL, "a fourth key");
	CHECK(json_parse(&j, "[[],{}]", 7) == 0 &&
	    json_first(&j, &j.node[1]) == NULL &&
	    json_first(&j, &j.node[2]) == NULL, "inside of empty containers");
	json_free(&j);
}

static void test_strings(void)
{
	const struct {
		const char *raw;
		struct str meaning;
	} pair[] = {
		{ "plain", STR("plain") }, { "", STR("") },
		{ "\\\"\\\\\\/", STR("\"\\/") },
		{ "\\b\\f\\n\\r\\t", STR("\b\f\n\r\t") },
		{ "a\\u0000b", STR("a\0b") },
		{ "\\u00e9", STR("\xc3\xa9") },
		{ "\\u00E9\\u20aC", STR("\xc3\xa9\xe2\x82\xac") },
		{ "\\ud83d\\uDE00!", STR("\xf0\x9f\x98\x80!") },
		{ "\\ud800\\udc00\\udbff\\udfff",
		STR("\xf0\x90\x80\x80\xf4\x8f\xbf\xbf") },
		{ "\\uffff\\u007f\\u0080", STR("\xef\xbf\xbf\x7f\xc2\x80") },
		{ "\\u07ff\\u0800", STR("\xdf\xbf\xe0\xa0\x80") },
		{ "\\\\u0041", STR("\\u0041") }, { "x\\\\", STR("x\\") },
		{ "12345678\\n12345678", STR("12345678\n12345678") },
	};
	struct buf text = { 0 }, scratch = { 0 };
	struct json j = { 0 };
	struct str all[COUNT(pair)], s;
	const struct json_node *e;
	size_t n = 0;

	buf_putc(&text, '[');
	for (size_t i = 0; i < COUNT(pair); i++)
		buf_printf(&text, "\"%s\",", pair[i].raw);
	buf_puts(&text, "0]");
	CHECK(json_parse(&j, text.p, text.n) == 0, "refused at byte %zu",
	    j.error_at);
	/* so that one scratch can hold all of them */
	(void)buf_room(&scratch, text.n);
	e = json_first(&j, j.node);
	for (; n < COUNT(pair) && json_string(e, &scratch, &all[n]) == 0; n++)
		e = json_next(&j, j.node, e);
	CHECK(n == COUNT(pair), "%zu strings", n);
	for (size_t i = 0; i < n; i++)
		CHECK(str_eq(all[i], pair[i].meaning),
		    "%s means something else", pair[i].raw);
	CHECK(n > 0 && all[0].p > text.p && all[0].p < text.p + text.n,
	    "a plain string was copied");
	CHECK(json_string(j.node, &scratch, &s) == -1 &&
	    json_string(NULL, &scratch, &s) == -1, "no string");
	json_free(&j);
	buf_free(&text);
	buf_free(&scratch);
}

/* Opens with n keys "k0", "k1" ..., when asked every third with an escape;
 * the caller goes on. */
static void put_keys(struct buf *b, int n, int escapes)
{
	b->n = 0;
	buf_putc(b, '{');
	for (int i = 0; i < n; i++)
		buf_printf(b, "\"%s%d\":0,", escapes &&
		    i % 3 == 2 ? "\\u006b" : "k", i);
}

static void test_duplicates(void)
{
	static const int sizes[] = { 1, 2, 3, 15, 16, 17, 18, 33, 1000 };
	struct buf b = { 0 };

	CHECK(!accepted(STR("{\"a\":1,\"a\":1}")), "twice the same");
	CHECK(!accepted(STR("{\"\":1,\"\":1}")), "twice the empty key");
	CHECK(!accepted(STR("{\"a\":1,\"\\u0061\":2}")) &&
	    !accepted(STR("{\"\\u0061\":1,\"a\":2}")), "with an escape");
	CHECK(!accepted(STR("{\"\\u00e9\":1,\"\xc3\xa9\":2}")),
	    "as escape and as UTF-8");
	CHECK(!accepted(STR("[{\"x\":{\"a\":1,\"b\":{},\"a\":1}}]")),
	    "inside of others");
	CHECK(accepted(STR("{\"a\":{\"a\":1},\"b\":[{\"a\":1},{\"a\":1}]}")),
	    "the same key in different objects");
	CHECK(accepted(STR("{\"a\":\"b\",\"b\":\"a\",\"\\\\u0061\":0,"
	    "\"A\":0,\"a\\u0000\":0}")), "only similar");
	for (size_t i = 0; i < COUNT(sizes) * 2; i++) {
		int n = sizes[i / 2], escapes = i % 2;

		put_keys(&b, n, escapes);
		buf_puts(&b, "\"x\":0}");
		CHECK(accepted(buf_str(&b)), "%d different keys", n);
		for (int same = 0; same < n; same += 1 + n / 7) {
			put_keys(&b, n, escapes);
			buf_printf(&b, "\"k%d\":0}", same);
			CHECK(!accepted(buf_str(&b)),
			    "the last of %d keys is key %d", n, same);
		}
	}
	buf_free(&b);
}

/* Comparing each key with each other one would take five thousand million
 * comparisons, many seconds; sorting takes a hundredth of a second. */
static void test_many_keys(void)
{
	struct json j = { 0 };
	struct buf b = { 0 };
	clock_t start;

	put_keys(&b, 100000, 1);
	buf_puts(&b, "\"k99999\":0}");
	start = clock();
	CHECK(json_parse(&j, b.p, b.n) == -1 &&
	    strcmp(j.error, "duplicate key") == 0, "accepted");
	CHECK(clock() - start < 3 * CLOCKS_PER_SEC, "100 000 keys take %g s",
	    (double)(clock() - start) / (double)CLOCKS_PER_SEC);
	json_free(&j);
	buf_free(&b);
}

static void test_uint(void)
{
	static const struct {
		const char *text;
		int good;
		uint64_t value;
	} number[] = {
		{ "0", 1, 0 }, { "7", 1, 7 },
		{ "1700000000123", 1, 1700000000123 },
		{ "9223372036854775807", 1, INT64_MAX },
		{ "9223372036854775808", 0, 0 },
		{ "18446744073709551616", 0, 0 },
		{ "99999999999999999999999", 0, 0 },
		{ "-0", 0, 0 }, { "-1", 0, 0 }, { "7.0", 0, 0 },
		{ "7e0", 0, 0 }, { "\"7\"", 0, 0 },
		{ "null", 0, 0 },
	};
	struct json j = { 0 };
	uint64_t n;

	for (size_t i = 0; i < COUNT(number); i++) {
		CHECK(json_parse(&j, number[i].text,
		    strlen(number[i].text)) == 0, "refused: %s",
		    number[i].text);
		n = 0;
		CHECK((json_uint(j.node, &n) == 0) == number[i].good &&
		    n == number[i].value, "%s", number[i].text);
	}
	CHECK(json_uint(NULL, &n) == -1, "no node is not a number");
	json_free(&j);
}

static void test_put(void)
{
	const struct {
		struct str s;
		const char *written;
	} pair[] = {
		{ { NULL, 0 }, "\"\"" }, { STR("abc"), "\"abc\"" },
		{ STR("\"\\/"), "\"\\\"\\\\/\"" },
		{ STR("\b\f\n\r\t"), "\"\\b\\f\\n\\r\\t\"" },
		{ STR("\0\x01\x1f\x7f"), "\"\\u0000\\u0001\\u001f\\u007f\"" },
		{ STR("\xe2\x80\xa7\xe2\x80\xa8"), "\"\xe2\x80\xa7\\u2028\"" },
		{ STR("\xe2\x80\xa9\xe2\x80\xaa"), "\"\\u2029\xe2\x80\xaa\"" },
		{ STR("\xc3\xa9\xf0\x9f\x98\x80"),
		"\"\xc3\xa9\xf0\x9f\x98\x80\"" },
	};
	static const struct {
		int64_t ms;
		const char *written;
	} times[] = {
		{ 1700000000123, "\"t\":1700000000.123" },
		{ 0, "\"t\":0.000" }, { 7, "\"t\":0.007" },
		{ 1000, "\"t\":1.000" }, { -1, "\"t\":-0.001" },
	};
	struct buf b = { 0 };

	for (size_t i = 0; i < COUNT(pair); i++) {
		buf_clear(&b);
		json_put_string(&b, pair[i].s);
		CHECK(!b.err && str_is(buf_str(&b), pair[i].written),
		    "%s: %.*s", pair[i].written, (int)b.n, b.p);
	}
	for (size_t i = 0; i < COUNT(times); i++) {
		buf_clear(&b);
		json_put_time(&b, "t", times[i].ms);
		CHECK(str_is(buf_str(&b), times[i].written), "%s: %.*s",
		    times[i].written, (int)b.n, b.p);
	}
	json_put_string(&b, STR("a\xff"));
	CHECK(b.err, "invalid UTF-8 was written");
	buf_free(&b);
}

/* Every character there is, 64 in a string: written, read and
 * understood again. */
static void test_every_character(void)
{
	struct buf plain = { 0 }, text = { 0 }, scratch = { 0 };
	struct json j = { 0 };
	struct str s;

	for (uint32_t c = 0; c <= 0x10ffff; c++) {
		uint32_t again = 0;
		size_t start = plain.n;

		if (c >= 0xd800 && c <= 0xdfff)
			continue;
		utf8_put(&plain, c);
		CHECK(utf8_next((struct str){ plain.p + start,
		    plain.n - start }, &again) == plain.n - start && again == c,
		    "U+%04X in UTF-8", c);
		if (c % 64 != 63)
			continue;
		buf_clear(&text);
		buf_clear(&scratch);
		json_put_string(&text, buf_str(&plain));
		CHECK(utf8_valid(buf_str(&plain)) &&
		    parse_copy(&j, buf_str(&text)) == 0, "up to U+%04X: %s", c,
		    j.error ? j.error : "not UTF-8");
		CHECK(json_parse(&j, text.p, text.n) == 0 &&
		    json_string(j.node, &scratch, &s) == 0 &&
		    str_eq(s, buf_str(&plain)), "up to U+%04X: changed", c);
		buf_clear(&plain);
	}
	json_free(&j);
	buf_free(&plain);
	buf_free(&text);
	buf_free(&scratch);
}

/* No prefix of a text is a text, and no damage may make the parser
 * read outside of it. */
static void test_damage(void)
{
	const struct str text = STR(REQUEST);
	struct json j = { 0 };
	char copy[sizeof REQUEST];

	for (size_t n = 0; n < text.n; n++)
		CHECK(parse_copy(&j, (struct str){ text.p, n }) == -1,
		    "the first %zu bytes were accepted", n);
	CHECK(parse_copy(&j, text) == 0, "the whole was refused");
	for (int round = 0; round < 20000; round++) {
		memcpy(copy, text.p, text.n);
		for (uint32_t k = check_random(4) + 1; k > 0; k--)
			copy[check_random((uint32_t)text.n)] = check_random(2) ?
			    (char)check_random(256) :
			    "{}[]\",:\\u0"[check_random(10)];
		if (parse_copy(&j, (struct str){ copy, text.n }) == 0)
			CHECK(j.n > 0 && j.node[0].next == j.n,
			    "round %d: %zu nodes", round, j.n);
		else
			CHECK(j.error != NULL && j.error_at <= text.n &&
			    j.n == 0, "round %d: no reason", round);
	}
	json_free(&j);
}

static void test_visible(void)
{
	const struct {
		struct str s;
		const char *seen;
	} pair[] = {
		{ STR("ol\xc3\xa1 \"\\\" \xf0\x9f\x98\x80"),
		"ol\xc3\xa1 \"\\\" \xf0\x9f\x98\x80" },
		{ STR("\x1b[2J"), "\xef\xbf\xbd[2J" },
		{ STR("a\0b\n"), "a\xef\xbf\xbd" "b\xef\xbf\xbd" },
		{ STR("\x7f\xc2\x9b"), "\xef\xbf\xbd\xef\xbf\xbd" },
		{ STR("\xe2\x80\xae" "x"), "\xef\xbf\xbdx" },
		{ STR("\xff\xc3"), "\xef\xbf\xbd\xef\xbf\xbd" },
		{ STR("\xe2\x80"), "\xef\xbf\xbd\xef\xbf\xbd" },
	};
	static const uint32_t control[] = { 0, 0x1f, 0x7f, 0x80, 0x9f, 0x61c,
	    0x200e, 0x200f, 0x2028, 0x2029, 0x202a, 0x202e, 0x2066, 0x2069 };
	static const uint32_t other[] = { 0x20, 0x7e, 0xa0, 0x61b, 0x61d,
	    0x200d, 0x2010, 0x2027, 0x202f, 0x2065, 0x206a, 0xfeff, 0x10ffff };
	struct buf b = { 0 };

	for (size_t i = 0; i < COUNT(pair); i++) {
		buf_clear(&b);
		put_visible(&b, pair[i].s);
		CHECK(str_is(buf_str(&b), pair[i].seen), "%s: %.*s",
		    pair[i].seen, (int)b.n, b.p);
	}
	for (size_t i = 0; i < COUNT(control); i++)
		CHECK(is_control(control[i]), "U+%04X is a control character",
		    control[i]);
	for (size_t i = 0; i < COUNT(other); i++)
		CHECK(!is_control(other[i]), "U+%04X is not one", other[i]);
	CHECK(utf8_valid((struct str){ NULL, 0 }) &&
	    !utf8_valid(STR("12345678\xff")) && !utf8_valid(STR("a\xc3")),
	    "valid UTF-8");
	buf_free(&b);
}

/* The fast scan and a slow one, over every byte at every place. */
static void test_plain_run(void)
{
	char s[24];

	for (size_t at = 0; at < sizeof s; at++)
		for (int byte = 0; byte < 256; byte++) {
			int plain = byte >= 0x20 && byte < 0x7f &&
			    byte != '"' && byte != '\\';

			memset(s, 'a', sizeof s);
			s[at] = (char)byte;
			CHECK(plain_run((struct str){ s,
			    sizeof s }) == (plain ? sizeof s : at),
			    "byte %02x at %zu", (unsigned)byte, at);
			CHECK(plain_run((struct str){ s, at }) == at,
			    "the end at %zu", at);
		}
}

int main(void)
{
	check_group("json: what the RFC allows is accepted", test_accepted);
	check_group("json: everything else is refused", test_refused);
	check_group("json: the first error and its place are named",
	    test_errors);
	check_group("json: nodes, members and elements are found", test_nodes);
	check_group("json: what strings mean", test_strings);
	check_group("json: duplicate keys are refused", test_duplicates);
	check_group("json: many keys are no attack", test_many_keys);
	check_group("json: only whole numbers that fit are numbers", test_uint);
	check_group("json: strings and times are written as promised",
	    test_put);
	check_group("json: every character comes back unchanged",
	    test_every_character);
	check_group("json: cut and damaged texts are refused or sound",
	    test_damage);
	check_group("text: what a terminal gets to see", test_visible);
	check_group("text: the fast scan finds what a slow one finds",
	    test_plain_run);
	return check_done();
}
