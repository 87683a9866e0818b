/* name.c: see name.h. */
#include "name.h"

#include "limits.h"
#include "text.h"

#include <string.h>

int name_ok(struct str name)
{
	uint32_t c;

	if (name.n < 1 || name.n > NAME_BYTES_MAX)
		return 0;
	if (name.p[0] == ' ' || name.p[name.n - 1] == ' ')
		return 0;
	while (name.n > 0) {
		size_t n = utf8_next(name, &c);

		if (n == 0 || is_control(c))
			return 0;
		str_skip(&name, n);
	}
	return 1;
}

int name_id_ok(struct str id)
{
	if (id.n < 1 || id.n > ID_BYTES_MAX)
		return 0;
	for (size_t i = 0; i < id.n; i++)
		if (id.p[i] < ' ' || id.p[i] > '~')
			return 0;
	return 1;
}

/* 1: this byte of a name cannot stand in a file name as it is. A leading .
 * would hide the file, a leading - would make it an option in `cat *`. */
static int needs_percent(char c, int leading)
{
	if (c == '.' || c == '-')
		return leading;
	return (unsigned char)c < 0x80 && c != '_' && !(c >= '0' && c <= '9') &&
	    !(c >= 'A' && c <= 'Z') && !(c >= 'a' && c <= 'z');
}

static void put_percent(struct buf *b, char c)
{
	static const char digit[] = "0123456789ABCDEF";

	buf_putc(b, '%');
	buf_putc(b, digit[c >> 4 & 15]);
	buf_putc(b, digit[c & 15]);
}

void name_encode(struct buf *b, struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (needs_percent(s.p[i], i == 0))
			put_percent(b, s.p[i]);
		else
			buf_putc(b, s.p[i]);
}

#define SUFFIX       ".log"
#define SUFFIX_BYTES (sizeof SUFFIX - 1)

void name_to_file(struct buf *b, struct str name)
{
	name_encode(b, name);
	buf_puts(b, SUFFIX);
}

/* Decodes what name_to_file() wrote for one byte of a name, at the front of s.
 * Its length, or 0 when name_to_file() would not write this. */
static size_t file_next(struct str s, int leading, char *c)
{
	uint32_t v;

	if (*s.p != '%') {
		*c = *s.p;
		return needs_percent(*c, leading) ? 0 : 1;
	}
	str_skip(&s, 1);
	if (hex_take(s, 2, &v) == -1 || s.p[0] >= 'a' || s.p[1] >= 'a')
		return 0;
	*c = (char)v;
	return needs_percent(*c, leading) ? 3 : 0;
}

static int from_file(struct buf *b, struct str s)
{
	size_t start = b->n;
	char c;

	if (s.n <= SUFFIX_BYTES ||
	    memcmp(s.p + s.n - SUFFIX_BYTES, SUFFIX, SUFFIX_BYTES) != 0)
		return -1;
	for (s.n -= SUFFIX_BYTES; s.n > 0;) {
		size_t n = file_next(s, b->n == start, &c);

		if (n == 0)
			break;
		buf_putc(b, c);
		str_skip(&s, n);
	}
	if (s.n == 0 && !b->err &&
	    name_ok((struct str){ b->p + start, b->n - start }))
		return 0;
	b->n = start;
	return -1;
}

int name_from_file(struct buf *b, const char *file)
{
	return from_file(b, str_of(file));
}

int name_from_dropped(struct buf *b, const char *file)
{
	const char *p = file, *last = NULL;

	/* The name itself may have it, too. */
	while ((p = strstr(p, NAME_DROPPED)) != NULL)
		last = p++;
	if (last == NULL)
		return -1;
	return from_file(b, (struct str){ file, (size_t)(last - file) });
}
