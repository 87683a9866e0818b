/* json.c: see json.h.
 *
 * One pass without recursion: the parser keeps the containers it is in on a stack of fixed length.
 * A container's node is made when it opens and completed when it closes, so nodes stand in the
 * order of the text and what is inside a value stands right behind it. */
#include "json.h"

#include "text.h"

#include <stdlib.h>
#include <string.h>

#define FEW_KEYS 16     /* up to here comparing each key with each is faster than sorting them */

struct parser {
	struct json *j;
	const char *text, *end;
	uint32_t open[JSON_DEPTH_MAX];  /* indexes of the nodes of the containers around us */
	size_t depth;
};

/* A key's meaning, and where it stands. */
struct key {
	struct str name;
	const char *at;
};

/* What reads takes the place where it starts and returns the place behind, or NULL after fail(). */
static const char *fail(struct parser *s, const char *at, const char *why)
{
	s->j->error = why;
	s->j->error_at = (size_t)(at - s->text);
	return NULL;
}

static const char *out_of_memory(struct parser *s, const char *at)
{
	return fail(s, at, "out of memory");
}

static int grow_nodes(struct json *j)
{
	size_t cap = j->cap > 0 ? j->cap * 2 : 32;
	struct json_node *node = NULL;

	if (cap <= SIZE_MAX / sizeof *node)
		node = realloc(j->node, cap * sizeof *node);
	if (node == NULL)
		return -1;
	j->node = node;
	j->cap = cap;
	return 0;
}

static struct json_node *add_node(struct parser *s, enum json_type type, const char *at)
{
	struct json *j = s->j;
	struct json_node *v;

	if (j->n == j->cap && grow_nodes(j) == -1) {
		(void)out_of_memory(s, at);             /* NULL is for the caller to return */
		return NULL;
	}
	v = &j->node[j->n++];
	*v = (struct json_node){ { at, 0 }, (uint32_t)j->n, (unsigned char)type, 0 };
	return v;
}

static const char *skip_space(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
		p++;
	return p;
}

static const char *skip_digits(const char *p, const char *end)
{
	while (p < end && *p >= '0' && *p <= '9')
		p++;
	return p;
}

/* As utf8_next(), for the escape at the front of s: 2, 6 or 12 bytes, or 0 when there is no valid
 * one. Half of a surrogate pair is none: no UTF-8 could hold it. */
static size_t escape_next(struct str s, uint32_t *c)
{
	static const char letter[] = "\"\\/bfnrt", meaning[] = "\"\\/\b\f\n\r\t";
	const char *known;
	uint32_t low;

	if (s.n < 2 || s.p[0] != '\\')
		return 0;
	if (s.p[1] != 'u') {
		known = memchr(letter, s.p[1], sizeof letter - 1);
		*c = known != NULL ? (uint32_t)meaning[known - letter] : 0;
		return known != NULL ? 2 : 0;
	}
	if (hex_take((struct str){ s.p + 2, s.n - 2 }, 4, c) == -1)
		return 0;
	if (*c < 0xd800 || *c > 0xdfff)
		return 6;
	if (*c > 0xdbff || s.n < 12 || s.p[6] != '\\' || s.p[7] != 'u' ||
	    hex_take((struct str){ s.p + 8, 4 }, 4, &low) == -1 || low < 0xdc00 || low > 0xdfff)
		return 0;
	*c = 0x10000 + ((*c - 0xd800) << 10) + (low - 0xdc00);
	return 12;
}

/* The one character of a string at p, which is not a plain one. */
static const char *read_character(struct parser *s, const char *p, struct json_node *string)
{
	struct str rest = { p, (size_t)(s->end - p) };
	uint32_t c;
	size_t n;

	if (*p == '\\') {
		string->escaped = 1;
		n = escape_next(rest, &c);
		return n > 0 ? p + n : fail(s, p, "bad escape or lone surrogate");
	}
	n = utf8_next(rest, &c);
	if (n == 0)
		return fail(s, p, "invalid UTF-8");
	return c >= 0x20 ? p + n : fail(s, p, "control character in a string");
}

/* p is behind the opening quote. */
static const char *read_string(struct parser *s, const char *p)
{
	struct json_node *v = add_node(s, JSON_STRING, p);

	while (v != NULL && p != NULL) {
		p += plain_run((struct str){ p, (size_t)(s->end - p) });
		if (p == s->end)
			return fail(s, p, "string without an end");
		if (*p == '"') {
			v->raw.n = (size_t)(p - v->raw.p);
			return p + 1;
		}
		p = read_character(s, p, v);
	}
	return NULL;
}

static const char *read_number(struct parser *s, const char *start)
{
	struct json_node *v = add_node(s, JSON_NUMBER, start);
	const char *p = start + (*start == '-'), *digits = p;

	if (v == NULL)
		return NULL;
	p = p < s->end && *p == '0' ? p + 1 : skip_digits(p, s->end);
	if (p > digits && p < s->end && *p == '.')
		p = skip_digits(digits = p + 1, s->end);
	if (p > digits && p < s->end && (*p == 'e' || *p == 'E')) {
		digits = p + 1;
		if (digits < s->end && (*digits == '+' || *digits == '-'))
			digits++;
		p = skip_digits(digits, s->end);
	}
	if (p == digits)
		return fail(s, p, "digit expected");
	v->raw.n = (size_t)(p - start);
	return p;
}

static const char *read_word(struct parser *s, const char *p, struct str word, enum json_type type)
{
	struct json_node *v;

	if ((size_t)(s->end - p) < word.n || memcmp(p, word.p, word.n) != 0)
		return fail(s, p, "value expected");
	v = add_node(s, type, p);
	if (v == NULL)
		return NULL;
	v->raw.n = word.n;
	return p + word.n;
}

static const char *open_container(struct parser *s, const char *p, enum json_type type)
{
	if (s->depth == JSON_DEPTH_MAX)
		return fail(s, p, "too many levels");
	s->open[s->depth++] = (uint32_t)s->j->n;
	return add_node(s, type, p) != NULL ? p + 1 : NULL;
}

/* Of a container only the opening bracket: next_value() goes on from there. */
static const char *read_value(struct parser *s, const char *p)
{
	if (p == s->end)
		return fail(s, p, "value expected");
	switch (*p) {
	case '"':
		return read_string(s, p + 1);
	case '{':
		return open_container(s, p, JSON_OBJECT);
	case '[':
		return open_container(s, p, JSON_ARRAY);
	case 't':
		return read_word(s, p, STR("true"), JSON_TRUE);
	case 'f':
		return read_word(s, p, STR("false"), JSON_FALSE);
	case 'n':
		return read_word(s, p, STR("null"), JSON_NULL);
	default:
		if (*p == '-' || (*p >= '0' && *p <= '9'))
			return read_number(s, p);
		return fail(s, p, "value expected");
	}
}

/* A key and its colon. */
static const char *read_key(struct parser *s, const char *p)
{
	if (p == s->end || *p != '"')
		return fail(s, p, "key expected");
	p = read_string(s, p + 1);
	if (p == NULL)
		return NULL;
	p = skip_space(p, s->end);
	if (p == s->end || *p != ':')
		return fail(s, p, "':' expected");
	return skip_space(p + 1, s->end);
}

/* Appends what a string means: never more bytes than raw has. */
static void unescape(struct buf *b, struct str raw)
{
	uint32_t c;

	while (raw.n > 0) {
		const char *escape = memchr(raw.p, '\\', raw.n);
		size_t n = escape != NULL ? (size_t)(escape - raw.p) : raw.n;

		buf_add(b, raw.p, n);
		str_skip(&raw, n);
		n = escape_next(raw, &c);               /* 0 only at the end: it was parsed */
		if (n > 0)
			utf8_put(b, c);
		str_skip(&raw, n);
	}
}

static int compare_keys(const void *a, const void *b)
{
	const struct str x = ((const struct key *)a)->name, y = ((const struct key *)b)->name;

	if (x.n != y.n)
		return x.n < y.n ? -1 : 1;
	return x.n > 0 ? memcmp(x.p, y.p, x.n) : 0;
}

/* All keys of an object, in j->keys: first the array, then what the escaped ones mean. NULL: memory
 * ran out. */
static struct key *list_keys(struct json *j, const struct json_node *object, size_t *count)
{
	size_t n = 0, bytes = 0;
	struct key *key;

	for (const struct json_node *k = json_first(j, object); k; k = json_next(j, object, k)) {
		n++;
		bytes += k->escaped ? k->raw.n : 0;
	}
	buf_clear(&j->keys);
	key = (void *)buf_room(&j->keys, n * sizeof *key + bytes);
	if (key == NULL)
		return NULL;
	j->keys.n = n * sizeof *key;
	*count = n;
	n = 0;
	for (const struct json_node *k = json_first(j, object); k; k = json_next(j, object, k)) {
		key[n].at = k->raw.p;
		if (json_string(k, &j->keys, &key[n++].name) == -1)
			return NULL;
	}
	return key;
}

/* Sorting, and not a hash table: whoever chooses the keys cannot make it slow. */
static const char *check_many_keys(struct parser *s, const struct json_node *object, const char *p)
{
	size_t n;
	struct key *key = list_keys(s->j, object, &n);

	if (key == NULL)
		return out_of_memory(s, p);
	qsort(key, n, sizeof *key, compare_keys);
	for (size_t i = 1; i < n; i++)
		if (compare_keys(&key[i - 1], &key[i]) == 0)
			return fail(s, key[i].at, "duplicate key");
	return p;
}

/* Nearly every object is small and has no escapes in its keys; for it this takes no memory. */
static const char *check_keys(struct parser *s, const struct json_node *object, const char *p)
{
	const struct json *j = s->j;
	struct str name[FEW_KEYS];
	size_t n = 0;

	for (const struct json_node *k = json_first(j, object); k; k = json_next(j, object, k)) {
		if (n == FEW_KEYS || k->escaped)
			return check_many_keys(s, object, p);
		for (size_t i = 0; i < n; i++)
			if (name[i].n == k->raw.n && str_eq(name[i], k->raw))
				return fail(s, k->raw.p, "duplicate key");
		name[n++] = k->raw;
	}
	return p;
}

/* p is behind the closing bracket. */
static const char *close_container(struct parser *s, const char *p)
{
	struct json_node *v = &s->j->node[s->open[--s->depth]];

	v->raw.n = (size_t)(p - v->raw.p);
	v->next = (uint32_t)s->j->n;
	if (v->type == JSON_OBJECT && !s->j->allow_duplicates)
		return check_keys(s, v, p);
	return p;
}

/* From behind a value, or behind an opening bracket, to the next value: closes what ends here,
 * reads the comma and the key. At depth 0 the text is over. */
static const char *next_value(struct parser *s, const char *p)
{
	while (p != NULL && s->depth > 0) {
		uint32_t around = s->open[s->depth - 1];
		int object = s->j->node[around].type == JSON_OBJECT;

		p = skip_space(p, s->end);
		if (p < s->end && *p == (object ? '}' : ']')) {
			p = close_container(s, p + 1);
			continue;
		}
		if (around + 1 < s->j->n) {             /* there is an element already */
			if (p == s->end || *p != ',')
				return fail(s, p, "',' or closing bracket expected");
			p = skip_space(p + 1, s->end);
		}
		return object ? read_key(s, p) : p;
	}
	return p;
}

static const char *read_text(struct parser *s)
{
	const char *p = skip_space(s->text, s->end);

	do {
		p = read_value(s, p);
		p = next_value(s, p);
	} while (p != NULL && s->depth > 0);
	if (p == NULL)
		return NULL;
	p = skip_space(p, s->end);
	return p == s->end ? p : fail(s, p, "bytes behind the value");
}

int json_parse(struct json *j, const char *text, size_t len)
{
	struct parser s = { .j = j };

	s.text = len > 0 ? text : "";                   /* an empty text may come as NULL */
	s.end = s.text + len;
	j->n = 0;
	j->error = NULL;
	j->error_at = 0;
	if (len >= UINT32_MAX)                          /* indexes of nodes have 32 bits */
		(void)fail(&s, s.text, "text too long");
	else
		(void)read_text(&s);
	if (j->error == NULL)
		return 0;
	j->n = 0;
	return -1;
}

void json_free(struct json *j)
{
	free(j->node);
	buf_free(&j->keys);
	*j = (struct json){ 0 };
}

static const struct json_node *node_before(const struct json *j, const struct json_node *container,
    uint32_t at)
{
	return at < container->next ? &j->node[at] : NULL;
}

const struct json_node *json_first(const struct json *j, const struct json_node *container)
{
	if (container == NULL)
		return NULL;
	return node_before(j, container, (uint32_t)(container - j->node) + 1);
}

const struct json_node *json_next(const struct json *j, const struct json_node *container,
    const struct json_node *element)
{
	uint32_t next = element->next;

	if (container->type == JSON_OBJECT)     /* element is a key, its value comes first */
		next = j->node[next].next;
	return node_before(j, container, next);
}

/* 1: the key means name. Without memory, so that looking something up cannot fail. */
static int key_is(const struct json_node *key, struct str name)
{
	struct str raw = key->raw;
	uint32_t c = 0, d;

	if (!key->escaped)
		return str_eq(raw, name);
	while (raw.n > 0) {
		size_t n = utf8_next(name, &d);

		str_skip(&raw, *raw.p == '\\' ? escape_next(raw, &c) : utf8_next(raw, &c));
		if (n == 0 || c != d)
			return 0;
		str_skip(&name, n);
	}
	return name.n == 0;
}

const struct json_node *json_get(const struct json *j, const struct json_node *object,
    const char *key)
{
	struct str name = str_of(key);

	if (object == NULL || object->type != JSON_OBJECT)
		return NULL;
	for (const struct json_node *k = json_first(j, object); k; k = json_next(j, object, k))
		if (key_is(k, name))
			return k + 1;
	return NULL;
}

int json_string(const struct json_node *s, struct buf *scratch, struct str *out)
{
	size_t start;

	if (s == NULL || s->type != JSON_STRING)
		return -1;
	*out = s->raw;
	if (!s->escaped)
		return 0;
	if (buf_room(scratch, s->raw.n) == NULL)
		return -1;
	start = scratch->n;
	unescape(scratch, s->raw);
	*out = (struct str){ scratch->p + start, scratch->n - start };
	return 0;
}

int json_uint(const struct json_node *number, uint64_t *out)
{
	uint64_t n = 0;

	if (number == NULL || number->type != JSON_NUMBER)
		return -1;
	for (size_t i = 0; i < number->raw.n; i++) {
		char c = number->raw.p[i];

		if (c < '0' || c > '9' || n > (uint64_t)(INT64_MAX - (c - '0')) / 10)
			return -1;
		n = n * 10 + (uint64_t)(c - '0');
	}
	*out = n;
	return 0;
}

/* One character that plain_run() stopped at. */
static void put_character(struct buf *b, struct str s, uint32_t c)
{
	static const char special[] = "\"\\\b\f\n\r\t", letter[] = "\"\\bfnrt";
	const char *known = c < 0x80 ? memchr(special, (int)c, sizeof special - 1) : NULL;

	if (known != NULL) {
		buf_putc(b, '\\');
		buf_putc(b, letter[known - special]);
	} else if (c < 0x20 || c == 0x7f || c == 0x2028 || c == 0x2029) {
		put_escape(b, c);
	} else {
		buf_str_add(b, s);
	}
}

void json_put_string(struct buf *b, struct str s)
{
	uint32_t c;

	buf_putc(b, '"');
	while (s.n > 0) {
		size_t n = plain_run(s);

		if (n > 0) {
			buf_add(b, s.p, n);
		} else if ((n = utf8_next(s, &c)) > 0) {
			put_character(b, (struct str){ s.p, n }, c);
		} else {
			b->err = 1;                     /* no JSON text could hold it */
			return;
		}
		str_skip(&s, n);
	}
	buf_putc(b, '"');
}

static int is_first(const struct buf *b)
{
	return b->n == 0 || b->p[b->n - 1] == '{' || b->p[b->n - 1] == '[';
}

void json_put_comma(struct buf *b)
{
	if (!is_first(b))
		buf_putc(b, ',');
}

void json_put_key(struct buf *b, const char *key)
{
	size_t n = strlen(key);
	char *to = buf_room(b, n + sizeof ",\"\":" - 1);

	if (to == NULL)
		return;
	if (!is_first(b))
		*to++ = ',';
	*to++ = '"';
	memcpy(to, key, n);
	to += n;
	*to++ = '"';
	*to++ = ':';
	b->n = (size_t)(to - b->p);
}

void json_put_member(struct buf *b, const char *key, struct str value)
{
	json_put_key(b, key);
	json_put_string(b, value);
}

void json_put_number(struct buf *b, const char *key, uint64_t value)
{
	json_put_key(b, key);
	buf_u64(b, value);
}

void json_put_time(struct buf *b, int64_t ms)
{
	uint64_t n = ms < 0 ? -(uint64_t)ms : (uint64_t)ms;
	char fraction[4] = { '.', (char)('0' + n / 100 % 10), (char)('0' + n / 10 % 10),
	    (char)('0' + n % 10) };

	if (ms < 0)
		buf_putc(b, '-');
	buf_u64(b, n / 1000);
	buf_add(b, fraction, sizeof fraction);
}
