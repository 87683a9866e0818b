/* line.c: see line.h. */
#include "line.h"

#include "text.h"

#include <string.h>

#define FIELDS      7
#define CRC_BYTES   8
#define DAY_SECONDS (INT64_C(24) * 60 * 60)
#define TIME_MS_MAX INT64_C(253402300799999)    /* 9999-12-31T23:59:59.999Z */

/* crc_table[k][byte]: what the byte does to the CRC when k more bytes follow, so that eight bytes
 * cost eight independent look-ups. */
static uint32_t crc_table[8][256];

static void crc_build(void)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t crc = i;

		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);    /* Castagnoli, reflected */
		crc_table[0][i] = crc;
	}
	for (int k = 1; k < 8; k++)
		for (int i = 0; i < 256; i++) {
			uint32_t crc = crc_table[k - 1][i];

			crc_table[k][i] = crc >> 8 ^ crc_table[0][crc & 255];
		}
}

/* Byte by byte, so that it means the same on any machine; compilers make one load of it. */
static uint32_t load32(const unsigned char *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

uint32_t crc32c(uint32_t crc, const void *bytes, size_t n)
{
	const unsigned char *p = bytes;

	if (crc_table[0][1] == 0)
		crc_build();
	crc = ~crc;
	for (; n >= 8; n -= 8, p += 8) {
		uint32_t a = crc ^ load32(p), b = load32(p + 4);

		crc = crc_table[7][a & 255] ^ crc_table[6][a >> 8 & 255] ^
		    crc_table[5][a >> 16 & 255] ^ crc_table[4][a >> 24] ^
		    crc_table[3][b & 255] ^ crc_table[2][b >> 8 & 255] ^
		    crc_table[1][b >> 16 & 255] ^ crc_table[0][b >> 24];
	}
	for (; n > 0; n--, p++)
		crc = crc >> 8 ^ crc_table[0][(crc ^ *p) & 255];
	return ~crc;
}

static void crc_encode(char *to, uint32_t crc)
{
	for (int i = CRC_BYTES - 1; i >= 0; i--, crc >>= 4)
		to[i] = "0123456789abcdef"[crc & 15];
}

/* Days from 1970-01-01 to the first of January; the Gregorian rule, for any year from 1970. */
static int64_t days_before_year(int64_t year)
{
	const int64_t leap_days_before_1970 = 1969 / 4 - 1969 / 100 + 1969 / 400;
	int64_t y = year - 1;

	return 365 * (year - 1970) + y / 4 - y / 100 + y / 400 - leap_days_before_1970;
}

/* Days from the first of January to the first of a month, 0 to 12. */
static int64_t days_before_month(int64_t year, int month)
{
	static const short days[] = { 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365 };
	int leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return days[month] + (leap && month > 1);
}

static void put_digits(char *to, int n, int64_t value)
{
	for (int i = n - 1; i >= 0; i--, value /= 10)
		to[i] = (char)('0' + value % 10);
}

void time_encode(char *to, int64_t ms)
{
	int64_t day, second, year;
	int month = 0;

	ms = ms < 0 ? 0 : ms > TIME_MS_MAX ? TIME_MS_MAX : ms;
	second = ms / 1000 % DAY_SECONDS;
	day = ms / 1000 / DAY_SECONDS;
	for (year = 1970 + day / 366; days_before_year(year + 1) <= day; year++)
		;
	day -= days_before_year(year);
	while (days_before_month(year, month + 1) <= day)
		month++;
	memcpy(to, "yyyy-mm-ddThh:mm:ss.mmmZ", TIME_BYTES);
	put_digits(to, 4, year);
	put_digits(to + 5, 2, month + 1);
	put_digits(to + 8, 2, day - days_before_month(year, month) + 1);
	put_digits(to + 11, 2, second / 3600);
	put_digits(to + 14, 2, second / 60 % 60);
	put_digits(to + 17, 2, second % 60);
	put_digits(to + 20, 3, ms % 1000);
}

/* The number in n digits. -1: one is none. */
static int64_t take_digits(const char *p, int n)
{
	int64_t value = 0;

	for (int i = 0; i < n; i++) {
		if (p[i] < '0' || p[i] > '9')
			return -1;
		value = value * 10 + (p[i] - '0');
	}
	return value;
}

/* What a date that does not exist or another form stands for is written differently: refused. */
static int time_decode(struct str s, int64_t *ms)
{
	char again[TIME_BYTES];
	int64_t year, month, day, second;

	if (s.n != TIME_BYTES)
		return -1;
	year = take_digits(s.p, 4);
	month = take_digits(s.p + 5, 2);
	day = take_digits(s.p + 8, 2);
	if (year < 1970 || month < 1 || month > 12)
		return -1;
	day += days_before_year(year) + days_before_month(year, (int)month - 1) - 1;
	second = take_digits(s.p + 11, 2) * 3600 + take_digits(s.p + 14, 2) * 60 +
	    take_digits(s.p + 17, 2);
	*ms = (day * DAY_SECONDS + second) * 1000 + take_digits(s.p + 20, 3);
	time_encode(again, *ms);
	return memcmp(again, s.p, TIME_BYTES) == 0 ? 0 : -1;
}

/* The bytes at the front of s that stand for themselves in a line. */
static size_t shown(struct str s)
{
	struct str rest = s;
	uint32_t c;

	while (rest.n > 0 && *rest.p != '\\') {
		size_t n = plain_run(rest);

		if (n == 0 && ((n = utf8_next(rest, &c)) == 0 || is_control(c)))
			break;
		str_skip(&rest, n);
	}
	return s.n - rest.n;
}

static const char letter[] = "\\tnr", meaning[] = "\\\t\n\r";

static void put_hidden(struct buf *b, uint32_t c)
{
	const char *known = c < 0x80 ? memchr(meaning, (int)c, sizeof meaning - 1) : NULL;

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
		size_t n = shown(s);

		if (n > 0) {
			buf_add(b, s.p, n);
		} else if ((n = utf8_next(s, &c)) > 0) {
			put_hidden(b, c);
		} else {
			b->err = 1;             /* a line with it would be taken for damage */
			return;
		}
		str_skip(&s, n);
	}
}

#define DASH_ESCAPED "\\u002d"  /* a text that is "-" itself, where a bare - would mean none */

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
	char time[1 + TIME_BYTES + 1] = "\t", crc[1 + CRC_BYTES + 1] = "\t";

	buf_u64(b, l->seq);
	time_encode(time + 1, l->ms);
	time[1 + TIME_BYTES] = '\t';
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

/* What put_hidden() wrote at the front of s: its length, or 0 when it would write it otherwise. */
static size_t hidden_next(struct str s, uint32_t *c)
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

/* -1: this is no text as line_put_text() writes it. */
static int take_text(struct str field, struct buf *scratch, struct str *out)
{
	size_t start = scratch->n;
	uint32_t c;

	*out = field;
	if (shown(field) == field.n)
		return 0;
	while (field.n > 0) {
		size_t n = shown(field);

		if (n > 0)
			buf_add(scratch, field.p, n);
		else if ((n = hidden_next(field, &c)) > 0)
			utf8_put(scratch, c);
		else
			return -1;
		str_skip(&field, n);
	}
	*out = (struct str){ scratch->p + start, scratch->n - start };
	return 0;
}

static int take_optional(struct str field, struct buf *scratch, struct str *out)
{
	*out = STR("-");
	if (str_is(field, "-"))
		out->n = 0;
	else if (!str_is(field, DASH_ESCAPED))
		return field.n > 0 ? take_text(field, scratch, out) : -1;
	return 0;
}

/* NULL: the line ends in a tab and the right CRC; else what is wrong. */
static const char *check_crc(struct str text)
{
	char crc[CRC_BYTES];
	size_t n;

	if (text.n <= CRC_BYTES || text.p[text.n - CRC_BYTES - 1] != '\t')
		return "checksum is missing";
	n = text.n - CRC_BYTES - 1;
	crc_encode(crc, crc32c(0, text.p, n));
	return memcmp(crc, text.p + n + 1, CRC_BYTES) == 0 ? NULL : "checksum is wrong";
}

static int split(struct str text, struct str *field)
{
	for (int i = 0; i < FIELDS; i++) {
		const char *tab = memchr(text.p, '\t', text.n);

		if ((tab == NULL) != (i == FIELDS - 1))
			return -1;
		field[i] = (struct str){ text.p, tab != NULL ? (size_t)(tab - text.p) : text.n };
		if (tab != NULL)
			str_skip(&text, field[i].n + 1);
	}
	return 0;
}

static const char *take_fields(const struct str *field, struct line *l, struct buf *scratch)
{
	if (l->seq == 0)
		return "seq is no number";
	if (time_decode(field[1], &l->ms) == -1)
		return "time is wrong";
	if (take_text(field[2], scratch, &l->user) == -1 || !name_ok(l->user))
		return "user is no name";
	if (take_text(field[3], scratch, &l->message) == -1)
		return "message is not encoded as it should be";
	if (l->message.n == 0 || l->message.n > MESSAGE_BYTES_MAX)
		return "message is empty or too long";
	if (take_optional(field[4], scratch, &l->stamp) == -1 || l->stamp.n > STAMP_BYTES_MAX)
		return "client timestamp is wrong";
	if (take_optional(field[5], scratch, &l->id) == -1 || (l->id.n > 0 && !id_ok(l->id)))
		return "id is wrong";
	return NULL;
}

const char *line_decode(struct str text, struct line *l, struct buf *scratch)
{
	struct str field[FIELDS];
	const char *why;

	*l = (struct line){ .seq = line_seq(text) };
	buf_clear(scratch);
	if (text.n >= LINE_BYTES_MAX)
		return "too long for a line";
	why = check_crc(text);
	if (why != NULL)
		return why;
	if (split(text, field) == -1)
		return "not seven fields";
	/* Room for all at once: growing later would move what is decoded already. */
	if (memchr(text.p, '\\', text.n) != NULL && buf_room(scratch, text.n) == NULL)
		return "out of memory";
	return take_fields(field, l, scratch);
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

int name_ok(struct str name)
{
	uint32_t c;

	if (name.n < 1 || name.n > NAME_BYTES_MAX || name.p[0] == ' ' || name.p[name.n - 1] == ' ')
		return 0;
	while (name.n > 0) {
		size_t n = utf8_next(name, &c);

		if (n == 0 || is_control(c))
			return 0;
		str_skip(&name, n);
	}
	return 1;
}

int id_ok(struct str id)
{
	if (id.n < 1 || id.n > ID_BYTES_MAX)
		return 0;
	for (size_t i = 0; i < id.n; i++)
		if (id.p[i] < ' ' || id.p[i] > '~')
			return 0;
	return 1;
}

/* 1: this byte of a name cannot stand in a file name as it is. A leading . would hide the file, a
 * leading - would be an option to whoever types `cat *`. */
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

#define SUFFIX ".log"

void name_to_file(struct buf *b, struct str name)
{
	for (size_t i = 0; i < name.n; i++)
		if (needs_percent(name.p[i], i == 0))
			put_percent(b, name.p[i]);
		else
			buf_putc(b, name.p[i]);
	buf_puts(b, SUFFIX);
}

/* What name_to_file() wrote for one byte at the front of s: its length, or 0 when it would write it
 * otherwise. */
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

int file_to_name(struct buf *b, const char *file)
{
	struct str s = str_of(file);
	size_t start = b->n;
	char c;

	if (s.n < sizeof SUFFIX || strcmp(file + s.n - (sizeof SUFFIX - 1), SUFFIX) != 0)
		return -1;
	for (s.n -= sizeof SUFFIX - 1; s.n > 0;) {
		size_t n = file_next(s, b->n == start, &c);

		if (n == 0)
			break;
		buf_putc(b, c);
		str_skip(&s, n);
	}
	if (s.n == 0 && !b->err && name_ok((struct str){ b->p + start, b->n - start }))
		return 0;
	b->n = start;
	return -1;
}
