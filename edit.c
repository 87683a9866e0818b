/* edit.c: see edit.h. Knows of terminals what ECMA-48 and xterm have in common: CR, CSI n A, CSI
 * n C, CSI J, CSI H, and bracketed paste, which the others ignore. */
#include "edit.h"

#include "output.h"
#include "term.h"
#include "text.h"
#include "linebuf.h"
#include "util.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WAITING_MAX    8        /* lines between text and prompt */
#define PROMPT_SHARE   2        /* the prompt gets at most one part in so many of the width */
#define CHUNK          4096     /* bytes read at a time */

struct edit {
	struct edit_handler handler;
	int colours;
	int ended;
	struct linebuf typed;
	size_t from;                    /* what is left of this place is out of sight */
	struct buf done;                /* the line that was given out */
	struct buf in;                  /* bytes typed, not looked at yet */
	int pasting;

	struct buf candidates;          /* each with a '\n' behind it */
	struct buf prompt, waiting;
	struct buf out;                 /* for the terminal */
	int lines, columns;             /* of the terminal */
	int shown;                      /* 1: prompt and waiting lines are on the screen */
	int changed;                    /* 1: not as they should be */
	size_t row[WAITING_MAX];        /* columns that each waiting line on the screen takes */
	size_t rows;
	size_t cursor_column;
};

/* ---- drawing ---- */

static void put(struct edit *e, const char *s)
{
	buf_puts(&e->out, s);
}

static size_t rows_of(size_t columns, size_t width_now)
{
	return columns == 0 ? 1 : (columns + width_now - 1) / width_now;
}

/* Takes prompt and waiting lines off the screen. When the terminal has become narrower meanwhile it
 * has most likely broken them into several rows each. */
static void hide(struct edit *e)
{
	size_t columns = (size_t)e->columns, up = e->cursor_column / columns;

	if (!e->shown)
		return;
	for (size_t i = 0; i < e->rows; i++)
		up += rows_of(e->row[i], columns);
	put(e, "\r");
	if (up > 0)
		buf_printf(&e->out, "\033[%zuA", up);
	put(e, "\033[J");
	e->shown = 0;
}

static void draw_waiting(struct edit *e)
{
	struct str rest = buf_str(&e->waiting), line;

	size_t most = (size_t)e->lines / 2;     /* the screen is for the text */

	e->rows = 0;
	while (rest.n > 0 && e->rows < WAITING_MAX && e->rows < most) {
		const char *end = memchr(rest.p, '\n', rest.n);

		line = (struct str){ rest.p, end != NULL ? (size_t)(end - rest.p) : rest.n };
		str_skip(&rest, line.n + (end != NULL));
		line = linebuf_fit(line, (size_t)e->columns - 1);
		put(e, e->colours ? "\033[2m" : "");
		put_visible(&e->out, line);
		put(e, e->colours ? "\033[0m\r\n" : "\r\n");
		e->row[e->rows++] = linebuf_columns(line);
	}
}

/* Moves the part of the line that is seen so that the cursor is in it, and no room is wasted. */
static void scroll(struct edit *e, size_t room)
{
	struct linebuf *t = &e->typed;
	size_t left, columns;

	if (e->from > t->cursor)
		e->from = t->cursor;
	columns = linebuf_columns(linebuf_part(t, e->from, t->cursor));
	while (e->from < t->cursor && columns >= room) {
		size_t next = linebuf_right(t, e->from);

		columns -= linebuf_columns(linebuf_part(t, e->from, next));
		e->from = next;
	}
	while (e->from > 0) {
		left = linebuf_left(t, e->from);
		if (linebuf_columns(linebuf_part(t, left, t->line.n)) >= room)
			break;
		e->from = left;
	}
}

static void put_typed(struct edit *e, struct str s)
{
	size_t columns, n;

	for (; s.n > 0; str_skip(&s, n)) {
		n = linebuf_character(s, &columns);
		if (*s.p == '\n')
			put(e, "↵");
		else if (*s.p == '\t')
			put(e, " ");
		else
			put_visible(&e->out, (struct str){ s.p, n });
	}
}

static void draw_line(struct edit *e)
{
	size_t columns = (size_t)e->columns - 1, used;  /* the last one would wrap the cursor */
	struct str prompt = linebuf_fit(buf_str(&e->prompt), columns / PROMPT_SHARE);

	used = linebuf_columns(prompt);
	scroll(e, columns - used);
	put(e, e->colours ? "\033[1m" : "");
	put_visible(&e->out, prompt);
	put(e, e->colours ? "\033[0m" : "");
	put_typed(e, linebuf_fit(linebuf_part(&e->typed, e->from, e->typed.line.n), columns - used));
	e->cursor_column = used + linebuf_columns(linebuf_part(&e->typed, e->from, e->typed.cursor));
	put(e, "\r");
	if (e->cursor_column > 0)
		buf_printf(&e->out, "\033[%zuC", e->cursor_column);
}

/* A terminal of one column is treated as one of two: nothing can be right there. */
static void look_at_size(struct edit *e)
{
	output_size(&e->lines, &e->columns);
	if (e->columns < 2)
		e->columns = 2;
}

void edit_show(struct edit *e)
{
	if (e->changed || !e->shown) {
		hide(e);
		look_at_size(e);
		draw_waiting(e);
		draw_line(e);
		e->shown = 1;
		e->changed = 0;
	}
	if (e->out.n > 0)
		output_write(&e->out);
}

void edit_above(struct edit *e, struct str text)
{
	hide(e);
	buf_str_add(&e->out, text);
}

static void set(struct edit *e, struct buf *b, struct str s)
{
	if (str_eq(buf_str(b), s))
		return;
	buf_clear(b);
	buf_str_add(b, s);
	e->changed = 1;
}

void edit_waiting(struct edit *e, struct str lines)
{
	set(e, &e->waiting, lines);
}

void edit_prompt(struct edit *e, struct str prompt)
{
	set(e, &e->prompt, prompt);
}

void edit_text(struct edit *e, struct str text)
{
	struct linebuf *t = &e->typed;
	int fresh = t->history_at == t->history_n;

	linebuf_remember(t, text);
	if (fresh)
		t->history_at = t->history_n;
	if (fresh && t->line.n == 0)
		linebuf_set(t, text);
	e->changed = 1;
}

/* ---- completion ---- */

void edit_candidate(struct edit *e, struct str word)
{
	buf_str_add(&e->candidates, word);
	buf_putc(&e->candidates, '\n');
}

static struct str next_candidate(struct str *rest)
{
	const char *end = rest->n > 0 ? memchr(rest->p, '\n', rest->n) : NULL;
	struct str word = { rest->p, end != NULL ? (size_t)(end - rest->p) : 0 };

	str_skip(rest, end != NULL ? word.n + 1 : rest->n);
	return word;
}

static int begins(struct str s, struct str with)
{
	return s.n >= with.n && (with.n == 0 || memcmp(s.p, with.p, with.n) == 0);
}

/* What all candidates that begin with the word have in common; how many they are in *n. */
static struct str common(const struct edit *e, struct str word, size_t *n)
{
	struct str rest = buf_str(&e->candidates), all = { 0 }, c;

	*n = 0;
	while (rest.n > 0) {
		size_t same = 0;

		c = next_candidate(&rest);
		if (!begins(c, word))
			continue;
		if ((*n)++ == 0)
			all = c;
		while (same < all.n && same < c.n && all.p[same] == c.p[same])
			same++;
		while (same > 0 && same < all.n && ((unsigned char)all.p[same] & 0xc0) == 0x80)
			same--;         /* not in the middle of a character */
		all.n = same;
	}
	return all;
}

static void list_candidates(struct edit *e, struct str word)
{
	struct str rest = buf_str(&e->candidates), c;

	hide(e);
	while (rest.n > 0) {
		c = next_candidate(&rest);
		if (!begins(c, word))
			continue;
		put_visible(&e->out, c);
		put(e, "  ");
	}
	put(e, "\r\n");
}

static void complete(struct edit *e)
{
	struct str word, all;
	size_t start, n;

	if (e->handler.complete == NULL)
		return;
	buf_clear(&e->candidates);
	start = e->handler.complete(e->handler.arg, e, linebuf_part(&e->typed, 0, e->typed.cursor));
	word = linebuf_part(&e->typed, start, e->typed.cursor);
	all = common(e, word, &n);
	if (n == 0)
		return;
	if (n > 1 && all.n == word.n)
		list_candidates(e, word);
	str_skip(&all, word.n);
	linebuf_insert(&e->typed, all);
}

/* ---- keys ---- */

static void key_left(struct edit *e)
{
	e->typed.cursor = linebuf_left(&e->typed, e->typed.cursor);
}

static void key_right(struct edit *e)
{
	e->typed.cursor = linebuf_right(&e->typed, e->typed.cursor);
}

static void key_word_left(struct edit *e)
{
	e->typed.cursor = linebuf_word_left(&e->typed);
}

static void key_word_right(struct edit *e)
{
	e->typed.cursor = linebuf_word_right(&e->typed);
}

static void key_home(struct edit *e)
{
	e->typed.cursor = 0;
}

static void key_end(struct edit *e)
{
	e->typed.cursor = e->typed.line.n;
}

static void key_backspace(struct edit *e)
{
	linebuf_cut(&e->typed, linebuf_left(&e->typed, e->typed.cursor), e->typed.cursor);
}

static void key_delete(struct edit *e)
{
	size_t at = e->typed.cursor;

	linebuf_cut(&e->typed, at, linebuf_right(&e->typed, at));
}

static void key_delete_or_end(struct edit *e)
{
	if (e->typed.line.n == 0)
		e->ended = 1;
	key_delete(e);
}

static void key_kill_word(struct edit *e)
{
	linebuf_kill(&e->typed, linebuf_word_left(&e->typed), e->typed.cursor);
}

static void key_kill_next_word(struct edit *e)
{
	size_t at = e->typed.cursor;

	linebuf_kill(&e->typed, at, linebuf_word_right(&e->typed));
}

static void key_kill_start(struct edit *e)
{
	linebuf_kill(&e->typed, 0, e->typed.cursor);
}

static void key_kill_end(struct edit *e)
{
	linebuf_kill(&e->typed, e->typed.cursor, e->typed.line.n);
}

static void key_yank(struct edit *e)
{
	linebuf_insert(&e->typed, buf_str(&e->typed.killed));
}

static void key_up(struct edit *e)
{
	if (e->typed.history_at > 0)
		linebuf_recall(&e->typed, e->typed.history_at - 1);
}

static void key_down(struct edit *e)
{
	if (e->typed.history_at < e->typed.history_n)
		linebuf_recall(&e->typed, e->typed.history_at + 1);
}

static void key_clear(struct edit *e)
{
	put(e, "\033[H\033[2J");
	e->shown = 0;
}

static void key_paste(struct edit *e)
{
	e->pasting = 1;
}

static const struct key {
	const char *typed;
	void (*act)(struct edit *e);
} keys[] = {
	{ "\001", key_home }, { "\033[H", key_home }, { "\033OH", key_home },
	{ "\033[1~", key_home }, { "\033[7~", key_home },
	{ "\005", key_end }, { "\033[F", key_end }, { "\033OF", key_end },
	{ "\033[4~", key_end }, { "\033[8~", key_end },
	{ "\002", key_left }, { "\033[D", key_left }, { "\033OD", key_left },
	{ "\006", key_right }, { "\033[C", key_right }, { "\033OC", key_right },
	{ "\033b", key_word_left }, { "\033[1;5D", key_word_left }, { "\033[1;3D", key_word_left },
	{ "\033f", key_word_right }, { "\033[1;5C", key_word_right },
	{ "\033[1;3C", key_word_right },
	{ "\010", key_backspace }, { "\177", key_backspace },
	{ "\004", key_delete_or_end }, { "\033[3~", key_delete },
	{ "\027", key_kill_word }, { "\033\177", key_kill_word }, { "\033d", key_kill_next_word },
	{ "\025", key_kill_start }, { "\013", key_kill_end }, { "\031", key_yank },
	{ "\020", key_up }, { "\033[A", key_up }, { "\033OA", key_up },
	{ "\016", key_down }, { "\033[B", key_down }, { "\033OB", key_down },
	{ "\014", key_clear }, { "\011", complete }, { TERM_PASTE_BEGIN, key_paste }
};

/* The bytes of the escape sequence at the front of s, 0 when it is not complete. An escape that
 * does not begin one is a key by itself. */
static size_t sequence(struct str s)
{
	size_t n = 2;

	if (s.n < 2)
		return 0;
	if (s.p[1] == 'O')
		return s.n < 3 ? 0 : 3;
	if (s.p[1] != '[')
		return 1;
	while (n < s.n && (unsigned char)s.p[n] >= 0x20 && (unsigned char)s.p[n] < 0x40)
		n++;
	return n < s.n ? n + 1 : 0;
}

/* 1: more bytes could make a character of it. */
static int cut_off(struct str s)
{
	unsigned char first = (unsigned char)s.p[0];
	size_t want = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;

	for (size_t i = 1; i < s.n; i++)
		if (((unsigned char)s.p[i] & 0xc0) != 0x80)
			return 0;
	return first >= 0xc2 && first <= 0xf4 && s.n < want;
}

/* Takes a character that is text into the line. Returns its bytes, 0 when they are not all there;
 * what is no character and what acts on a terminal is left out. */
static size_t take_text(struct edit *e, struct str s)
{
	uint32_t c;
	size_t n = utf8_next(s, &c);

	if (n == 0)
		return cut_off(s) ? 0 : 1;
	if (!is_control(c) || (e->pasting && (c == '\n' || c == '\t')))
		linebuf_insert(&e->typed, (struct str){ s.p, n });
	return n;
}

static size_t take_pasted(struct edit *e, struct str s)
{
	struct str end = STR(TERM_PASTE_END);

	if (begins(s, end)) {
		e->pasting = 0;
		return end.n;
	}
	if (begins(end, s))
		return 0;
	if (*s.p == '\r') {                     /* terminals send this for a newline */
		linebuf_insert(&e->typed, STR("\n"));
		return s.n > 1 && s.p[1] == '\n' ? 2 : 1;
	}
	return take_text(e, s);
}

/* Acts on what is at the front of s. Returns the bytes used, 0: it is not complete. */
static size_t take_key(struct edit *e, struct str s)
{
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		struct str typed = str_of(keys[i].typed);

		if (begins(s, typed)) {
			keys[i].act(e);
			return typed.n;
		}
	}
	return *s.p == '\033' ? sequence(s) : take_text(e, s);
}

static void enter(struct edit *e)
{
	buf_clear(&e->done);
	buf_str_add(&e->done, buf_str(&e->typed.line));
	linebuf_remember(&e->typed, buf_str(&e->typed.line));
	linebuf_set(&e->typed, STR(""));
	e->typed.history_at = e->typed.history_n;
}

enum edit_event edit_next(struct edit *e, struct str *line)
{
	size_t at = 0, n = 1;
	int entered = 0;

	while (at < e->in.n && n > 0 && !entered && !e->ended) {
		struct str rest = { e->in.p + at, e->in.n - at };

		e->changed = 1;
		entered = !e->pasting && (*rest.p == '\r' || *rest.p == '\n');
		n = entered ? 1 : e->pasting ? take_pasted(e, rest) : take_key(e, rest);
		at += n;
	}
	if (at > 0)
		memmove(e->in.p, e->in.p + at, e->in.n - at);
	e->in.n -= at;
	if (!entered)
		return e->ended ? EDIT_END : EDIT_NOTHING;
	enter(e);
	*line = buf_str(&e->done);
	return EDIT_LINE;
}

void edit_input(struct edit *e)
{
	char *to = buf_room(&e->in, CHUNK);
	ssize_t n;

	if (to == NULL)
		die(EXIT_FAILED, "out of memory");
	n = read(STDIN_FILENO, to, CHUNK);
	if (n > 0)
		e->in.n += (size_t)n;
	else if (n == 0 || (errno != EINTR && errno != EAGAIN))
		e->ended = 1;           /* the terminal is gone */
}

/* ---- coming and going ---- */

static void suspend(struct edit *e)
{
	hide(e);
	output_write(&e->out);
	term_suspend();
	look_at_size(e);
}

void edit_signals(struct edit *e)
{
	enum term_event event;

	while ((event = term_next()) != TERM_NOTHING) {
		if (event == TERM_SUSPEND) {
			suspend(e);
		} else if (event == TERM_GONE) {
			e->ended = 1;
		} else {
			look_at_size(e);
			hide(e);
		}
	}
}

int edit_signal_fd(const struct edit *e)
{
	(void)e;
	return term_fd();
}

struct edit *edit_open(const struct edit_handler *handler, int colours)
{
	struct edit *e;

	if (term_open() == -1)
		return NULL;
	linebuf_set_locale();
	e = must_alloc(sizeof *e);
	e->handler = *handler;
	e->colours = colours;
	linebuf_init(&e->typed);
	look_at_size(e);
	return e;
}

void edit_close(struct edit *e)
{
	hide(e);
	output_write(&e->out);
	term_close();
	linebuf_free(&e->typed);
	buf_free(&e->done);
	buf_free(&e->in);
	buf_free(&e->candidates);
	buf_free(&e->prompt);
	buf_free(&e->waiting);
	buf_free(&e->out);
	free(e);
}
