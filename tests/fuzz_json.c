/* fuzz_json.c: every text that the parser accepts must be described by sound
 * nodes, and what its strings mean must come back unchanged when it is written
 * and read again. "make fuzz" runs it. */
#include "fuzz.h"
#include "../json.h"
#include "../text.h"

static void check_string(const struct json_node *s)
{
	struct buf meaning = { 0 }, written = { 0 }, meaning2 = { 0 };
	struct json j = { 0 };
	struct str a, b;

	must(json_string(s, &meaning, &a) == 0 && utf8_valid(a) &&
	    a.n <= s->raw.n);
	must(s->escaped || a.p == s->raw.p);
	json_put_string(&written, a);
	must(!written.err && json_parse(&j, written.p, written.n) == 0 &&
	    j.n == 1);
	must(json_string(j.node, &meaning2, &b) == 0 && str_eq(a, b));
	json_free(&j);
	buf_free(&meaning);
	buf_free(&written);
	buf_free(&meaning2);
}

/* A node lies within the text and holds what is listed inside of
 * it, nothing else. */
static void check_node(const struct json *j, uint32_t i, struct str text)
{
	const struct json_node *v = &j->node[i];
	uint32_t at = i + 1;

	must(v->raw.p >= text.p && v->raw.p + v->raw.n <= text.p + text.n);
	must(v->next > i && v->next <= j->n);
	for (const struct json_node *e = json_first(j, v); e;
	    e = json_next(j, v, e)) {
		must(e == &j->node[at] && e->raw.p > v->raw.p);
		at = e->next;
		if (v->type == JSON_OBJECT) {
			must(e->type == JSON_STRING);
			at = j->node[at].next;
		}
	}
	must(at == v->next);
	if (v->type == JSON_STRING)
		check_string(v);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct json j = { 0 };
	struct str text = { (const char *)bytes, n };

	if (json_parse(&j, text.p, n) == 0) {
		must(j.n > 0 && j.node[0].next == j.n && utf8_valid(text));
		for (uint32_t i = 0; i < j.n; i++)
			check_node(&j, i, text);
	} else {
		must(j.error != NULL && j.error_at <= n && j.n == 0);
	}
	json_free(&j);
	return 0;
}
