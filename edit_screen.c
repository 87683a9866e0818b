/* edit_screen.c: see edit_screen.h. Uses what all terminals share with
 * ECMA-48 and xterm: CR, CSI n A, CSI n C, CSI J, CSI H. */
#include "edit_screen.h"

#include "output.h"
#include "term.h"
#include "text.h"

#define PROMPT_SHARE 2  /* the prompt gets at most 1/2 of the width */

static void style(struct screen *s, const char *code)
{
	if (s->colours)
		buf_puts(&s->out, code);
}

static size_t rows_of(size_t columns, size_t width)
{
	return columns == 0 ? 1 : (columns + width - 1) / width;
}

/* Takes prompt and waiting lines off the screen. A terminal that is narrower
 * now has most likely broken each of them into several rows. */
static void hide(struct screen *s)
{
	size_t width = (size_t)s->columns, up;

	if (!s->drawn)
		return;
	up = s->cursor_column / width;
	for (size_t i = 0; i < s->rows; i++)
		up += rows_of(s->row[i], width);
	buf_puts(&s->out, "\r");
	if (up > 0)
		buf_printf(&s->out, "\033[%zuA", up);
	buf_puts(&s->out, "\033[J");
	s->drawn = 0;
}

static void draw_waiting(struct screen *s)
{
	struct str rest = buf_str(&s->waiting), line;
	size_t most = (size_t)s->lines / 2;     /* the rest is for the text */

	s->rows = 0;
	while (rest.n > 0 && s->rows < SCREEN_WAITING_MAX && s->rows < most) {
		line = str_take(&rest, '\n');
		line = linebuf_fit(line, (size_t)s->columns - 1);
		style(s, TERM_DIM);
		put_visible(&s->out, line);
		style(s, TERM_PLAIN);
		buf_puts(&s->out, "\r\n");
		s->row[s->rows++] = linebuf_columns(line);
	}
}

/* Chooses the part of the line that is seen: the cursor is in it, and no room
 * is wasted. */
static void scroll(struct screen *s, const struct linebuf *t, size_t room)
{
	size_t columns, next;

	if (s->from > t->cursor)
		s->from = t->cursor;
	columns = linebuf_columns(linebuf_part(t, s->from, t->cursor));
	while (s->from < t->cursor && columns >= room) {
		next = linebuf_right(t, s->from);
		columns -= linebuf_columns(linebuf_part(t, s->from, next));
		s->from = next;
	}
	while (s->from > 0) {
		next = linebuf_left(t, s->from);
		if (linebuf_columns(linebuf_part(t, next, t->line.n)) >= room)
			break;
		s->from = next;
	}
}

static void put_typed(struct buf *b, struct str s)
{
	size_t columns, n;

	for (; s.n > 0; str_skip(&s, n)) {
		n = linebuf_character(s, &columns);
		if (*s.p == '\n')
			buf_puts(b, "↵");
		else if (*s.p == '\t')
			buf_puts(b, " ");
		else
			put_visible(b, (struct str){ s.p, n });
	}
}

static void draw_typed(struct screen *s, const struct linebuf *t)
{
	/* A character in the last column would wrap the cursor. */
	size_t columns = (size_t)s->columns - 1, used;
	struct str prompt, seen;

	prompt = linebuf_fit(buf_str(&s->prompt), columns / PROMPT_SHARE);
	used = linebuf_columns(prompt);
	scroll(s, t, columns - used);
	seen = linebuf_fit(linebuf_part(t, s->from, t->line.n), columns - used);
	style(s, TERM_BOLD);
	put_visible(&s->out, prompt);
	style(s, TERM_PLAIN);
	put_typed(&s->out, seen);
	used += linebuf_columns(linebuf_part(t, s->from, t->cursor));
	buf_puts(&s->out, "\r");
	if (used > 0)
		buf_printf(&s->out, "\033[%zuC", used);
	s->cursor_column = used;
}

/* A terminal of one column counts as one of two: nothing fits there anyway. */
static void look_at_size(struct screen *s)
{
	output_size(&s->lines, &s->columns);
	if (s->columns < 2)
		s->columns = 2;
}

void screen_show(struct screen *s, const struct linebuf *typed)
{
	if (s->changed || !s->drawn) {
		hide(s);
		look_at_size(s);
		draw_waiting(s);
		draw_typed(s, typed);
		s->drawn = 1;
		s->changed = 0;
	}
	if (s->out.n > 0)
		output_write(&s->out);
}

void screen_above(struct screen *s, struct str text)
{
	hide(s);
	buf_str_add(&s->out, text);
}

static void replace(struct screen *s, struct buf *b, struct str text)
{
	if (str_eq(buf_str(b), text))
		return;
	buf_clear(b);
	buf_str_add(b, text);
	s->changed = 1;
}

void screen_waiting(struct screen *s, struct str lines)
{
	replace(s, &s->waiting, lines);
}

void screen_prompt(struct screen *s, struct str prompt)
{
	replace(s, &s->prompt, prompt);
}

void screen_clear(struct screen *s)
{
	buf_puts(&s->out, "\033[H\033[2J");
	s->drawn = 0;
}

void screen_remove(struct screen *s)
{
	hide(s);
	output_write(&s->out);
}

void screen_resized(struct screen *s)
{
	look_at_size(s);
	hide(s);
}

void screen_free(struct screen *s)
{
	buf_free(&s->prompt);
	buf_free(&s->waiting);
	buf_free(&s->out);
}
