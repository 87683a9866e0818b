/* linebuf.c: see linebuf.h. */
/* For wcwidth(). NOLINTNEXTLINE(bugprone-reserved-identifier) */
#define _XOPEN_SOURCE 700
#include "linebuf.h"

#include "text.h"
#include "util.h"

#include <locale.h>
#include <string.h>
#include <wchar.h>

#define LINEBUF_BYTES_MAX ((size_t)1024 * 1024) /* beyond it: ignored */

/* wcwidth() knows the width of characters only in a UTF-8 locale. */
void linebuf_set_locale(void)
{
	(void)setlocale(LC_CTYPE, "");
	if (wcwidth(0x4e00) != 2)
		(void)setlocale(LC_CTYPE, "C.UTF-8");
}

/* Columns of a character as we draw it. */
static size_t width_of(uint32_t c)
{
	int w = is_control(c) ? 1 : wcwidth((wchar_t)c);

	return w < 0 ? 1 : (size_t)w;
}

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

/* The bytes and the columns of the character at a position before the end. */
static size_t character_at(const struct linebuf *t, size_t at, size_t *columns)
{
	return linebuf_character(linebuf_part(t, at, t->line.n), columns);
}

size_t linebuf_left(const struct linebuf *t, size_t at)
{
	size_t columns = 0;

	while (at > 0 && columns == 0) {
		do
			at--;
		while (at > 0 && utf8_inside(t->line.p[at]));
		(void)character_at(t, at, &columns);
	}
	return at;
}

size_t linebuf_right(const struct linebuf *t, size_t at)
{
	size_t columns, n;

	if (at < t->line.n)
		at += character_at(t, at, &columns);
	while (at < t->line.n) {
		n = character_at(t, at, &columns);
		if (columns > 0)
			break;
		at += n;
	}
	return at;
}

void linebuf_insert(struct linebuf *t, struct str s)
{
	char *at;

	if (s.n > LINEBUF_BYTES_MAX - t->line.n)
		return;
	if (s.n == 0 || buf_room(&t->line, s.n) == NULL)
		return;
	at = t->line.p + t->cursor;
	memmove(at + s.n, at, t->line.n - t->cursor);
	memcpy(at, s.p, s.n);
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
	struct buf *h = t->history;
	size_t n = t->history_n;

	if (s.n == 0 || (n > 0 && str_eq(buf_str(&h[n - 1]), s)))
		return;
	if (n == LINEBUF_HISTORY) {
		buf_free(&h[0]);
		memmove(h, h + 1, (LINEBUF_HISTORY - 1) * sizeof *h);
		h[--n] = (struct buf){ 0 };
	}
	buf_str_add(&h[n], s);
	t->history_n = n + 1;
}

void linebuf_recall(struct linebuf *t, size_t at)
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
	/* linebuf_part() adds to the pointer, which must not be NULL. */
	if (buf_room(&t->line, 1) == NULL)
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
