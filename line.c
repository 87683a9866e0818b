/* line.c: see line.h. */
#include "line.h"

#include "crc.h"
#include "date.h"
#include "limits.h"
#include "name.h"
#include "text.h"

#include <string.h>

#define CRC_BYTES 8

/* A text that is "-" itself, where a bare - would mean no text. */
#define DASH_ESCAPED "\\u002d"

/* The escapes other than \uXXXX, and what they stand for. */
static const char letter[] = "\\tnr", meaning[] = "\\\t\n\r";

static void crc_encode(char *to, uint32_t crc)
{
	for (int i = CRC_BYTES - 1; i >= 0; i--, crc >>= 4)
		to[i] = "0123456789abcdef"[crc & 15];
}

/* How many bytes at the front of s stand for themselves in a line. */
static size_t unescaped_run(struct str s)
{
	struct str rest = s;
	uint32_t c;

	while (rest.n > 0 && *rest.p != '\\') {
		size_t n = plain_run(rest);

		if (n == 0) {
			n = utf8_next(rest, &c);
			if (n == 0 || is_control(c))
				break;
		}
		str_skip(&rest, n);
	}
	return s.n - rest.n;
}

static void put_escaped(struct buf *b, uint32_t c)
{
	const char *known = NULL;

	if (c < 0x80)
		known = memchr(meaning, (int)c, sizeof meaning - 1);
	if (known != NULL) {
		buf_putc(b, '\\');
		buf_putc(b, letter[known - meaning]);
	} else {
		put_escape(b, c);
	}
}

void line_put_text(struct buf *b, struct str s)
{
	uint32_t c;

	while (s.n > 0) {
		size_t n = unescaped_run(s);

		if (n > 0) {
			buf_add(b, s.p, n);
		} else if ((n = utf8_next(s, &c)) > 0) {
			put_escaped(b, c);
		} else {
			b->err = 1;     /* would be read as damage */
			return;
		}
		str_skip(&s, n);
	}
}

static void put_optional(struct buf *b, struct str s)
{
	if (s.n == 0)
		buf_putc(b, '-');
	else if (str_is(s, "-"))
		buf_puts(b, DASH_ESCAPED);
	else
		line_put_text(b, s);
}

void line_encode(struct buf *b, const struct line *l)
{
	size_t start = b->n;
	char time[1 + DATE_BYTES + 1] = "\t", crc[1 + CRC_BYTES + 1] = "\t";

	buf_u64(b, l->seq);
	date_encode(time + 1, l->ms);
	time[1 + DATE_BYTES] = '\t';
	buf_add(b, time, sizeof time);
	line_put_text(b, l->user);
	buf_putc(b, '\t');
	line_put_text(b, l->message);
	buf_putc(b, '\t');
	put_optional(b, l->stamp);
	buf_putc(b, '\t');
	put_optional(b, l->id);
	if (b->err)
		return;
	crc_encode(crc + 1, crc32c(0, b->p + start, b->n - start));
	crc[1 + CRC_BYTES] = '\n';
	buf_add(b, crc, sizeof crc);
}

/* Decodes the escape at the front of s. Its length, or 0 when put_escaped()
 * would not write this. */
static size_t escaped_next(struct str s, uint32_t *c)
{
	const char *known;

	if (s.n < 2 || s.p[0] != '\\')
		return 0;
	known = memchr(letter, s.p[1], sizeof letter - 1);
	if (known != NULL) {
		*c = (unsigned char)meaning[known - letter];
		return 2;
	}
	str_skip(&s, 2);
	if (s.p[-1] != 'u' || hex_take(s, 4, c) == -1 || !is_control(*c) ||
	    *c == '\t' || *c == '\n' || *c == '\r')
		return 0;
	for (int i = 0; i < 4; i++)
		if (s.p[i] >= 'A' && s.p[i] <= 'F')
			return 0;
	return 6;
}

/* -1: line_put_text() does not write this for any text. */
static int decode_text(struct str field, struct buf *scratch, struct str *out)
{
	size_t start = scratch->n;
	uint32_t c;

	*out = field;
	if (unescaped_run(field) == field.n)
		return 0;
	while (field.n > 0) {
		size_t n = unescaped_run(field);

		if (n > 0)
			buf_add(scratch, field.p, n);
		else if ((n = escaped_next(field, &c)) > 0)
			utf8_put(scratch, c);
		else
			return -1;
		str_skip(&field, n);
	}
	*out = (struct str){ scratch->p + start, scratch->n - start };
	return 0;
}

static int decode_optional(struct str field, struct buf *scratch,
    struct str *out)
{
	*out = STR("-");
	if (str_is(field, "-"))
		out->n = 0;
	else if (!str_is(field, DASH_ESCAPED))
		return field.n > 0 ? decode_text(field, scratch, out) : -1;
	return 0;
}

/* NULL: the line ends in a tab and the right CRC; otherwise what is wrong. */
static const char *check_crc(struct str text)
{
	char crc[CRC_BYTES];
	size_t n;

	if (text.n <= CRC_BYTES || text.p[text.n - CRC_BYTES - 1] != '\t')
		return "checksum is missing";
	n = text.n - CRC_BYTES - 1;
	crc_encode(crc, crc32c(0, text.p, n));
	if (memcmp(crc, text.p + n + 1, CRC_BYTES) != 0)
		return "checksum is wrong";
	return NULL;
}

static int split_fields(struct str text, struct str *field)
{
	for (int i = 0; i < LINE_FIELDS; i++) {
		const char *tab = memchr(text.p, '\t', text.n);

		if ((tab == NULL) != (i == LINE_FIELDS - 1))
			return -1;
		field[i] = text;
		if (tab == NULL)
			break;
		field[i].n = (size_t)(tab - text.p);
		str_skip(&text, field[i].n + 1);
	}
	return 0;
}

static const char *decode_fields(const struct str *field, struct line *l,
    struct buf *scratch)
{
	if (l->seq == 0)
		return "seq is not a number";
	if (date_decode(field[1], &l->ms) == -1)
		return "time is wrong";
	if (decode_text(field[2], scratch, &l->user) == -1 || !name_ok(l->user))
		return "user is not a valid name";
	if (decode_text(field[3], scratch, &l->message) == -1)
		return "message is encoded wrongly";
	if (l->message.n == 0 || l->message.n > MESSAGE_BYTES_MAX)
		return "message is empty or too long";
	if (decode_optional(field[4], scratch, &l->stamp) == -1 ||
	    l->stamp.n > STAMP_BYTES_MAX)
		return "client timestamp is wrong";
	if (decode_optional(field[5], scratch, &l->id) == -1 ||
	    (l->id.n > 0 && !name_id_ok(l->id)))
		return "id is wrong";
	return NULL;
}

const char *line_decode(struct str text, struct line *l, struct buf *scratch)
{
	struct str field[LINE_FIELDS];
	const char *why;

	*l = (struct line){ .seq = line_seq(text) };
	buf_clear(scratch);
	if (text.n >= LINE_BYTES_MAX)
		return "too long for a line";
	why = check_crc(text);
	if (why != NULL)
		return why;
	if (split_fields(text, field) == -1)
		return "not seven fields";
	/* Room for everything at once: growing later would move the strings
	 * that are decoded already. */
	if (memchr(text.p, '\\', text.n) != NULL &&
	    buf_room(scratch, text.n) == NULL)
		return "out of memory";
	return decode_fields(field, l, scratch);
}

uint64_t line_seq(struct str text)
{
	uint64_t n = 0;
	size_t i = 0;

	for (; i < text.n && text.p[i] >= '0' && text.p[i] <= '9'; i++) {
		uint64_t digit = (uint64_t)(text.p[i] - '0');

		if (n > (UINT64_MAX - digit) / 10 || (n == 0 && i > 0))
			return 0;
		n = n * 10 + digit;
	}
	return i < text.n && text.p[i] == '\t' ? n : 0;
}
