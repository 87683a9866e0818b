/* linebuf.c: see linebuf.h. */
#define _XOPEN_SOURCE 700       /* wcwidth() NOLINT(bugprone-reserved-identifier) */
#include "linebuf.h"

#include "text.h"
#include "util.h"

#include <locale.h>
#include <string.h>
#include <wchar.h>

#define LINEBUF_MAX ((size_t)1024 * 1024)      /* a paste beyond it is left out */

/* Without a locale of UTF-8 no character would have a width. */
void linebuf_set_locale(void)
{
	(void)setlocale(LC_CTYPE, "");
	if (wcwidth(0x4e00) != 2)
		(void)setlocale(LC_CTYPE, "C.UTF-8");
}

/* Columns of a character as we draw it. */
static size_t width_of(uint32_t c)
{
	int w = c == '\n' || c == '\t' || is_control(c) ? 1 : wcwidth((wchar_t)c);

	return w < 0 ? 1 : (size_t)w;
}

/* The character at the front of s: its bytes, at least 1, and its columns. */
size_t linebuf_character(struct str s, size_t *columns)
{
	uint32_t c = 0;
	size_t n = utf8_next(s, &c);

	*columns = n > 0 ? width_of(c) : 1;
	return n > 0 ? n : 1;
}

size_t linebuf_columns(struct str s)
{
	size_t sum = 0, columns;

	while (s.n > 0) {
		str_skip(&s, linebuf_character(s, &columns));
		sum += columns;
	}
	return sum;
}

/* The longest front of s that fits. */
struct str linebuf_fit(struct str s, size_t columns)
{
	struct str rest = s;
	size_t w, n;

	while (rest.n > 0) {
		n = linebuf_character(rest, &w);
		if (w > columns)
			break;
		columns -= w;
		str_skip(&rest, n);
	}
	return (struct str){ s.p, s.n - rest.n };
}

struct str linebuf_part(const struct linebuf *t, size_t from, size_t to)
{
	return (struct str){ t->line.p + from, to - from };
}

/* The place one character to the left: what has no width of its own goes with what is before it. */
size_t linebuf_left(const struct linebuf *t, size_t at)
{
	size_t columns = 0;

	while (at > 0 && columns == 0) {
		do
			at--;
		while (at > 0 && ((unsigned char)t->line.p[at] & 0xc0) == 0x80);
		(void)linebuf_character(linebuf_part(t, at, t->line.n), &columns);
	}
	return at;
}

size_t linebuf_right(const struct linebuf *t, size_t at)
{
	size_t columns = 0, n;

	if (at < t->line.n)
		at += linebuf_character(linebuf_part(t, at, t->line.n), &columns);
	while (at < t->line.n) {
		n = linebuf_character(linebuf_part(t, at, t->line.n), &columns);
		if (columns > 0)
			break;
		at += n;
	}
	return at;
}

void linebuf_insert(struct linebuf *t, struct str s)
{
	if (s.n > LINEBUF_MAX - t->line.n)
		return;
	if (s.n == 0 || buf_room(&t->line, s.n) == NULL)
		return;
	memmove(t->line.p + t->cursor + s.n, t->line.p + t->cursor, t->line.n - t->cursor);
	memcpy(t->line.p + t->cursor, s.p, s.n);
	t->line.n += s.n;
	t->cursor += s.n;
}

void linebuf_cut(struct linebuf *t, size_t from, size_t to)
{
	if (from == to)
		return;
	memmove(t->line.p + from, t->line.p + to, t->line.n - to);
	t->line.n -= to - from;
	t->cursor = from;
}

void linebuf_kill(struct linebuf *t, size_t from, size_t to)
{
	if (from == to)
		return;
	buf_clear(&t->killed);
	buf_str_add(&t->killed, linebuf_part(t, from, to));
	linebuf_cut(t, from, to);
}

void linebuf_set(struct linebuf *t, struct str s)
{
	buf_clear(&t->line);
	buf_str_add(&t->line, s);
	t->cursor = t->line.n;
}

static int is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n';
}

size_t linebuf_word_left(const struct linebuf *t)
{
	size_t at = t->cursor;

	while (at > 0 && is_space(t->line.p[at - 1]))
		at--;
	while (at > 0 && !is_space(t->line.p[at - 1]))
		at--;
	return at;
}

size_t linebuf_word_right(const struct linebuf *t)
{
	size_t at = t->cursor;

	while (at < t->line.n && is_space(t->line.p[at]))
		at++;
	while (at < t->line.n && !is_space(t->line.p[at]))
		at++;
	return at;
}

void linebuf_remember(struct linebuf *t, struct str s)
{
	if (s.n == 0 || (t->history_n > 0 && str_eq(buf_str(&t->history[t->history_n - 1]), s)))
		return;
	if (t->history_n == LINEBUF_HISTORY) {
		buf_free(&t->history[0]);
		memmove(t->history, t->history + 1, (LINEBUF_HISTORY - 1) * sizeof *t->history);
		t->history[--t->history_n] = (struct buf){ 0 };
	}
	buf_str_add(&t->history[t->history_n++], s);
}

void linebuf_go(struct linebuf *t, size_t at)
{
	struct buf *draft = &t->draft;

	if (t->history_at == t->history_n) {
		buf_clear(draft);
		buf_str_add(draft, buf_str(&t->line));
	}
	t->history_at = at;
	linebuf_set(t, buf_str(at == t->history_n ? draft : &t->history[at]));
}

void linebuf_init(struct linebuf *t)
{
	*t = (struct linebuf){ 0 };
	if (buf_room(&t->line, 1) == NULL)      /* places are pointers into it from the start */
		die(EXIT_FAILED, "out of memory");
}

void linebuf_free(struct linebuf *t)
{
	for (size_t i = 0; i < t->history_n; i++)
		buf_free(&t->history[i]);
	buf_free(&t->line);
	buf_free(&t->killed);
	buf_free(&t->draft);
}
