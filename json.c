/* json.c: see json.h.
 *
 * One pass without recursion: the parser keeps the containers that it is in on
 * a stack of fixed length. A container's node is made when it opens and
 * completed when it closes, so the nodes are in the order of the text and what
 * is inside a value follows it. */
#include "json.h"

#include "text.h"

#include <stdlib.h>
#include <string.h>

/* Up to here comparing each key with each other is faster than sorting. */
#define FEW_KEYS 16

struct parser {
	struct json *j;
	const char *text, *end;
	/* Indexes of the nodes of the containers around us. */
	uint32_t open[JSON_DEPTH_MAX];
	size_t depth;
};

/* A key, unescaped, and where it is in the text. */
struct object_key {
	struct str name;
	const char *at;
};

/* The functions read_*() take the place where they start and return the one
 * where they end, or NULL after fail(). */
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

static struct json_node *add_node(struct parser *s, enum json_type type,
    const char *at)
{
	struct json *j = s->j;
	struct json_node *v = array_room(j->node, j->n, &j->cap, sizeof *v);

	if (v == NULL) {
		(void)out_of_memory(s, at);     /* its NULL has another type */
		return NULL;
	}
	j->node = v;
	v += j->n++;
	*v = (struct json_node){ .raw = { at, 0 }, .next = (uint32_t)j->n,
	    .type = (unsigned char)type };
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

/* \uXXXX at the front of s. */
static int take_u_escape(struct str *s, uint32_t *c)
{
	if (s->n < 6 || s->p[0] != '\\' || s->p[1] != 'u')
		return -1;
	str_skip(s, 2);
	if (hex_take(*s, 4, c) == -1)
		return -1;
	str_skip(s, 4);
	return 0;
}

/* As utf8_next(), for the escape at the front of s: its length is 2, 6 or 12
 * bytes, or 0 when there is no valid one. Half of a surrogate pair is not
 * valid: no UTF-8 could hold it. */
static size_t escape_next(struct str s, uint32_t *c)
{
	static const char letter[] = "\"\\/bfnrt";
	static const char meaning[] = "\"\\/\b\f\n\r\t";
	uint32_t low;

	if (s.n < 2 || s.p[0] != '\\')
		return 0;
	if (s.p[1] != 'u') {
		const char *known = memchr(letter, s.p[1], sizeof letter - 1);

		*c = known != NULL ? (uint32_t)meaning[known - letter] : 0;
		return known != NULL ? 2 : 0;
	}
	if (take_u_escape(&s, c) == -1)
		return 0;
	if (*c < 0xd800 || *c > 0xdfff)
		return 6;
	if (*c > 0xdbff || take_u_escape(&s, &low) == -1 ||
	    low < 0xdc00 || low > 0xdfff)
		return 0;
	*c = 0x10000 + ((*c - 0xd800) << 10) + (low - 0xdc00);
	return 12;
}

/* One character of a string at p that plain_run() stopped at. */
static const char *read_character(struct parser *s, const char *p,
    struct json_node *string)
{
	struct str rest = { p, (size_t)(s->end - p) };
	uint32_t c;
	size_t n;

	if (*p == '\\') {
		string->escaped = 1;
		n = escape_next(rest, &c);
		return n > 0 ? p + n :
		    fail(s, p, "bad escape or lone surrogate");
	}
	n = utf8_next(rest, &c);
	if (n == 0)
		return fail(s, p, "invalid UTF-8");
	return c >= 0x20 ? p + n : fail(s, p, "control character in a string");
}

/* p is after the opening quote. */
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

static const char *read_word(struct parser *s, const char *p, struct str word,
    enum json_type type)
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

static const char *open_container(struct parser *s, const char *p,
    enum json_type type)
{
	if (s->depth == JSON_DEPTH_MAX)
		return fail(s, p, "too many levels");
	s->open[s->depth++] = (uint32_t)s->j->n;
	return add_node(s, type, p) != NULL ? p + 1 : NULL;
}

/* Of a container this reads the opening bracket only: next_value() continues
 * from there. */
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

/* Appends what a string means, which is never longer than raw. */
static void unescape(struct buf *b, struct str raw)
{
	uint32_t c;

	while (raw.n > 0) {
		const char *escape = memchr(raw.p, '\\', raw.n);
		size_t n = escape ? (size_t)(escape - raw.p) : raw.n;

		buf_add(b, raw.p, n);
		str_skip(&raw, n);
		n = escape_next(raw, &c);       /* it is valid: 0 at the end */
		if (n > 0)
			utf8_put(b, c);
		str_skip(&raw, n);
	}
}

static int compare_keys(const void *a, const void *b)
{
	struct str x = ((const struct object_key *)a)->name;
	struct str y = ((const struct object_key *)b)->name;

	if (x.n != y.n)
		return x.n < y.n ? -1 : 1;
	return x.n > 0 ? memcmp(x.p, y.p, x.n) : 0;
}

/* All keys of an object, in j->keys: the array, followed by the bytes of those
 * that had escapes. NULL: memory ran out. */
static struct object_key *list_keys(struct json *j,
    const struct json_node *object, size_t *count)
{
	const struct json_node *k;
	size_t n = 0, bytes = 0;
	struct object_key *key;

	for (k = json_first(j, object); k; k = json_next(j, object, k)) {
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
	for (k = json_first(j, object); k; k = json_next(j, object, k)) {
		key[n].at = k->raw.p;
		if (json_string(k, &j->keys, &key[n++].name) == -1)
			return NULL;
	}
	return key;
}

/* By sorting and not with a hash table: no choice of keys can make it slow. */
static const char *check_many_keys(struct parser *s,
    const struct json_node *object, const char *p)
{
	size_t n;
	struct object_key *key = list_keys(s->j, object, &n);

	if (key == NULL)
		return out_of_memory(s, p);
	qsort(key, n, sizeof *key, compare_keys);
	for (size_t i = 1; i < n; i++)
		if (compare_keys(&key[i - 1], &key[i]) == 0)
			return fail(s, key[i].at, "duplicate key");
	return p;
}

/* Nearly every object is small and has no escapes in its keys; checking one
 * takes no memory. */
static const char *check_keys(struct parser *s, const struct json_node *object,
    const char *p)
{
	const struct json *j = s->j;
	const struct json_node *k;
	struct str name[FEW_KEYS];
	size_t n = 0;

	for (k = json_first(j, object); k; k = json_next(j, object, k)) {
		if (n == FEW_KEYS || k->escaped)
			return check_many_keys(s, object, p);
		for (size_t i = 0; i < n; i++)
			if (str_eq(name[i], k->raw))
				return fail(s, k->raw.p, "duplicate key");
		name[n++] = k->raw;
	}
	return p;
}

/* p is after the closing bracket. */
static const char *close_container(struct parser *s, const char *p)
{
	struct json_node *v = &s->j->node[s->open[--s->depth]];

	v->raw.n = (size_t)(p - v->raw.p);
	v->next = (uint32_t)s->j->n;
	return v->type == JSON_OBJECT ? check_keys(s, v, p) : p;
}

/* From the end of a value, or of an opening bracket, to the next value: closes
 * the containers that end here, reads the comma and the key. At depth 0 the
 * whole text has been read. */
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
		if (around + 1 < s->j->n) {     /* not the first element */
			if (p == s->end || *p != ',')
				return fail(s, p,
				    "',' or closing bracket expected");
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
	return p == s->end ? p : fail(s, p, "trailing bytes");
}

int json_parse(struct json *j, const char *text, size_t len)
{
	struct parser s = { .j = j };

	s.text = len > 0 ? text : "";   /* an empty text may come as NULL */
	s.end = s.text + len;
	j->n = 0;
	j->error = NULL;
	j->error_at = 0;
	if (len >= UINT32_MAX)          /* indexes of nodes have 32 bits */
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

/* The node at an index, if it is still inside the container. */
static const struct json_node *node_inside(const struct json *j,
    const struct json_node *container, uint32_t at)
{
	return at < container->next ? &j->node[at] : NULL;
}

const struct json_node *json_first(const struct json *j,
    const struct json_node *container)
{
	if (container == NULL)
		return NULL;
	return node_inside(j, container, (uint32_t)(container - j->node) + 1);
}

const struct json_node *json_next(const struct json *j,
    const struct json_node *container, const struct json_node *element)
{
	uint32_t next = element->next;

	if (container->type == JSON_OBJECT)     /* over the key's value */
		next = j->node[next].next;
	return node_inside(j, container, next);
}

/* 1: the key means name. Takes no memory, so that a look-up cannot fail. */
static int key_is(const struct json_node *key, struct str name)
{
	struct str raw = key->raw;
	uint32_t c = 0, d;

	if (!key->escaped)
		return str_eq(raw, name);
	while (raw.n > 0) {
		size_t n = utf8_next(name, &d);

		str_skip(&raw, *raw.p == '\\' ? escape_next(raw, &c) :
		    utf8_next(raw, &c));
		if (n == 0 || c != d)
			return 0;
		str_skip(&name, n);
	}
	return name.n == 0;
}

const struct json_node *json_get(const struct json *j,
    const struct json_node *object, const char *key)
{
	const struct json_node *k;
	struct str name = str_of(key);

	if (object == NULL || object->type != JSON_OBJECT)
		return NULL;
	for (k = json_first(j, object); k; k = json_next(j, object, k))
		if (key_is(k, name))
			return k + 1;
	return NULL;
}

int json_string(const struct json_node *s, struct buf *scratch,
    struct str *out)
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
		int digit = number->raw.p[i] - '0';

		if (digit < 0 || digit > 9 ||
		    n > (uint64_t)(INT64_MAX - digit) / 10)
			return -1;
		n = n * 10 + (uint64_t)digit;
	}
	*out = n;
	return 0;
}

/* One character that plain_run() stopped at. */
static void put_character(struct buf *b, struct str s, uint32_t c)
{
	static const char special[] = "\"\\\b\f\n\r\t", letter[] = "\"\\bfnrt";
	const char *known = NULL;

	if (c < 0x80)
		known = memchr(special, (int)c, sizeof special - 1);
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
			b->err = 1;     /* no JSON text could hold it */
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

void json_put_flag(struct buf *b, const char *key, int value)
{
	json_put_key(b, key);
	buf_puts(b, value ? "true" : "false");
}

void json_put_time(struct buf *b, const char *key, int64_t ms)
{
	uint64_t n = ms < 0 ? -(uint64_t)ms : (uint64_t)ms;
	char fraction[4] = { '.', (char)('0' + n / 100 % 10),
	    (char)('0' + n / 10 % 10), (char)('0' + n % 10) };

	json_put_key(b, key);
	if (ms < 0)
		buf_putc(b, '-');
	buf_u64(b, n / 1000);
	buf_add(b, fraction, sizeof fraction);
}
