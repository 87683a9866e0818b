/* buf.c: see buf.h. */
#include "buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct str str_of(const char *terminated)
{
	return (struct str){ terminated, strlen(terminated) };
}

struct str buf_str(const struct buf *b)
{
	return (struct str){ b->p, b->n };
}

struct str str_copy(struct str s)
{
	char *p = malloc(s.n + 1);

	if (p == NULL)
		return (struct str){ NULL, 0 };
	if (s.n > 0)
		memcpy(p, s.p, s.n);
	p[s.n] = '\0';
	return (struct str){ p, s.n };
}

void str_free(struct str copy)
{
	free((char *)copy.p);   /* ours, though struct str is const */
}

int str_eq(struct str a, struct str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

int str_is(struct str a, const char *terminated)
{
	return str_eq(a, str_of(terminated));
}

int str_compare(struct str a, struct str b)
{
	int c = memcmp(a.p, b.p, a.n < b.n ? a.n : b.n);

	return c != 0 ? c : (a.n > b.n) - (a.n < b.n);
}

/* Twice: after once, two texts that differ in the right two bits have the same
 * hash under every seed. */
static uint64_t mix(uint64_t h)
{
	h ^= h >> 32;
	h *= 0xd6e8feb86659fd93u;
	h ^= h >> 32;
	h *= 0xd6e8feb86659fd93u;
	return h ^ h >> 32;
}

/* Eight bytes at a time. The length goes in first, so that "ab" and "c" differ
 * from "a" and "bc". */
uint64_t str_hash(uint64_t seed, struct str s)
{
	uint64_t h = mix(seed ^ s.n);

	while (s.n > 0) {
		uint64_t word = 0;
		size_t n = s.n < 8 ? s.n : 8;

		memcpy(&word, s.p, n);
		h = mix(h ^ word);
		str_skip(&s, n);
	}
	return h;
}

struct str str_take(struct str *s, char end)
{
	const char *at = s->n > 0 ? memchr(s->p, end, s->n) : NULL;
	struct str part = { s->p, at != NULL ? (size_t)(at - s->p) : s->n };

	str_skip(s, part.n + (at != NULL));
	return part;
}

/* Doubling keeps appending linear; 64 bytes hold most single values. */
static int grow_buf(struct buf *b, size_t n)
{
	size_t cap = b->cap > 0 ? b->cap : 64;
	char *p;

	if (n > SIZE_MAX / 2 - b->n)
		return -1;
	while (cap < b->n + n)
		cap *= 2;
	p = realloc(b->p, cap);
	if (p == NULL)
		return -1;
	b->p = p;
	b->cap = cap;
	return 0;
}

char *buf_room(struct buf *b, size_t n)
{
	if (b->err)
		return NULL;
	if ((b->p == NULL || b->cap - b->n < n) && grow_buf(b, n) == -1) {
		b->err = 1;
		return NULL;
	}
	return b->p + b->n;
}

void buf_add(struct buf *b, const void *p, size_t n)
{
	char *to = buf_room(b, n);

	if (to == NULL || n == 0)
		return;
	memcpy(to, p, n);
	b->n += n;
}

void buf_str_add(struct buf *b, struct str s)
{
	buf_add(b, s.p, s.n);
}

void buf_puts(struct buf *b, const char *terminated)
{
	buf_add(b, terminated, strlen(terminated));
}

void buf_putc(struct buf *b, char c)
{
	buf_add(b, &c, 1);
}

void buf_u64(struct buf *b, uint64_t n)
{
	char digits[20], *p = digits + sizeof digits;

	do
		*--p = (char)('0' + n % 10);
	while ((n /= 10) > 0);
	buf_add(b, p, (size_t)(digits + sizeof digits - p));
}

void buf_hex(struct buf *b, uint64_t n)
{
	char digits[16], *p = digits + sizeof digits;

	do
		*--p = "0123456789abcdef"[n & 15];
	while ((n >>= 4) > 0);
	buf_add(b, p, (size_t)(digits + sizeof digits - p));
}

void buf_le64(struct buf *b, uint64_t n)
{
	unsigned char bytes[8];

	for (int i = 0; i < 8; i++)
		bytes[i] = (unsigned char)(n >> 8 * i);
	buf_add(b, bytes, sizeof bytes);
}

int take_le64(struct str *s, uint64_t *n)
{
	if (s->n < 8)
		return -1;
	*n = 0;
	for (int i = 0; i < 8; i++)
		*n |= (uint64_t)(unsigned char)s->p[i] << 8 * i;
	str_skip(s, 8);
	return 0;
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	char *to;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	to = n >= 0 ? buf_room(b, (size_t)n + 1) : NULL;
	if (to == NULL) {
		b->err = 1;
		return;
	}
	va_start(ap, fmt);
	/* The same format a second time gives n again. */
	(void)vsnprintf(to, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->n += (size_t)n;
}

void buf_clear(struct buf *b)
{
	b->n = 0;
	b->err = 0;
}

void buf_free(struct buf *b)
{
	free(b->p);
	*b = (struct buf){ 0 };
}

void *array_grow(void *array, size_t *cap, size_t size)
{
	size_t more = *cap > 0 ? 2 * *cap : 16;
	void *p;

	if (more > SIZE_MAX / size)
		return NULL;
	p = realloc(array, more * size);
	if (p != NULL)
		*cap = more;
	return p;
}
