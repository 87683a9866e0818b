/* edit.c: see edit.h. Completion, keys, and what they do to the line;
 * edit_screen.c draws it. */
#include "edit.h"

#include "edit_screen.h"
#include "linebuf.h"
#include "term.h"
#include "text.h"
#include "util.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KEYS_BYTES 4096         /* read at a time */

struct edit {
	struct edit_handler handler;
	struct screen screen;
	struct linebuf typed;
	struct buf done;                /* the line that was given out */
	struct buf in;                  /* bytes typed, not looked at yet */
	struct buf candidates;          /* a '\n' after each */
	int pasting;
	int ended;
};

void edit_show(struct edit *e)
{
	screen_show(&e->screen, &e->typed);
}

void edit_above(struct edit *e, struct str text)
{
	screen_above(&e->screen, text);
}

void edit_waiting(struct edit *e, struct str lines)
{
	screen_waiting(&e->screen, lines);
}

void edit_prompt(struct edit *e, struct str prompt)
{
	screen_prompt(&e->screen, prompt);
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
	e->screen.changed = 1;
}

/* ---- completion ---- */

void edit_candidate(struct edit *e, struct str word)
{
	buf_str_add(&e->candidates, word);
	buf_putc(&e->candidates, '\n');
}

static int begins(struct str s, struct str with)
{
	return s.n >= with.n &&
	    (with.n == 0 || memcmp(s.p, with.p, with.n) == 0);
}

/* How far both are the same, in bytes of whole characters. */
static size_t common_bytes(struct str a, struct str b)
{
	size_t n = 0;

	while (n < a.n && n < b.n && a.p[n] == b.p[n])
		n++;
	while (n > 0 && n < a.n && utf8_inside(a.p[n]))
		n--;
	return n;
}

/* What all candidates that begin with the word have in common. *n: how many
 * they are. */
static struct str common_part(const struct edit *e, struct str word, size_t *n)
{
	struct str rest = buf_str(&e->candidates), all = { 0 }, c;

	*n = 0;
	while (rest.n > 0) {
		c = str_take(&rest, '\n');
		if (!begins(c, word))
			continue;
		if ((*n)++ == 0)
			all = c;
		all.n = common_bytes(all, c);
	}
	return all;
}

static void list_candidates(struct edit *e, struct str word)
{
	struct str rest = buf_str(&e->candidates), c;
	struct buf b = { 0 };

	while (rest.n > 0) {
		c = str_take(&rest, '\n');
		if (!begins(c, word))
			continue;
		put_visible(&b, c);
		buf_puts(&b, "  ");
	}
	buf_putc(&b, '\n');
	screen_above(&e->screen, buf_str(&b));
	buf_free(&b);
}

static void key_complete(struct edit *e)
{
	size_t cursor = e->typed.cursor, start, n;
	struct str word, all;

	buf_clear(&e->candidates);
	start = e->handler.complete(e->handler.arg, e,
	    linebuf_part(&e->typed, 0, cursor));
	word = linebuf_part(&e->typed, start, cursor);
	all = common_part(e, word, &n);
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
	size_t at = e->typed.cursor;

	linebuf_cut(&e->typed, linebuf_left(&e->typed, at), at);
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
	screen_clear(&e->screen);
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
	{ "\033b", key_word_left }, { "\033[1;5D", key_word_left },
	{ "\033[1;3D", key_word_left },
	{ "\033f", key_word_right }, { "\033[1;5C", key_word_right },
	{ "\033[1;3C", key_word_right },
	{ "\010", key_backspace }, { "\177", key_backspace },
	{ "\004", key_delete_or_end }, { "\033[3~", key_delete },
	{ "\027", key_kill_word }, { "\033\177", key_kill_word },
	{ "\033d", key_kill_next_word }, { "\025", key_kill_start },
	{ "\013", key_kill_end }, { "\031", key_yank },
	{ "\020", key_up }, { "\033[A", key_up }, { "\033OA", key_up },
	{ "\016", key_down }, { "\033[B", key_down }, { "\033OB", key_down },
	{ "\014", key_clear }, { "\011", key_complete },
	{ TERM_PASTE_BEGIN, key_paste }
};

/* The bytes of the escape sequence at the front of s, 0 when it is incomplete.
 * An escape that does not begin one is a key by itself. */
static size_t sequence_bytes(struct str s)
{
	size_t n = 2;

	if (s.n < 2)
		return 0;
	if (s.p[1] == 'O')
		return s.n < 3 ? 0 : 3;
	if (s.p[1] != '[')
		return 1;
	while (n < s.n && s.p[n] >= ' ' && s.p[n] <= '?')
		n++;
	return n < s.n ? n + 1 : 0;
}

/* 1: s begins with a character whose other bytes may follow. */
static int is_incomplete(struct str s)
{
	unsigned char first = (unsigned char)s.p[0];
	size_t want = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;

	for (size_t i = 1; i < s.n; i++)
		if (!utf8_inside(s.p[i]))
			return 0;
	return first >= 0xc2 && first <= 0xf4 && s.n < want;
}

/* Takes a character of text into the line. Returns its bytes, 0 when they are
 * not all there. Leaves out invalid bytes and control characters. */
static size_t type_text(struct edit *e, struct str s)
{
	uint32_t c;
	size_t n = utf8_next(s, &c);

	if (n == 0)
		return is_incomplete(s) ? 0 : 1;
	if (!is_control(c) || (e->pasting && (c == '\n' || c == '\t')))
		linebuf_insert(&e->typed, (struct str){ s.p, n });
	return n;
}

static size_t type_pasted(struct edit *e, struct str s)
{
	struct str end = STR(TERM_PASTE_END);

	if (begins(s, end)) {
		e->pasting = 0;
		return end.n;
	}
	if (begins(end, s))
		return 0;
	if (*s.p == '\r') {             /* terminals send this for a newline */
		linebuf_insert(&e->typed, STR("\n"));
		return s.n > 1 && s.p[1] == '\n' ? 2 : 1;
	}
	return type_text(e, s);
}

/* Acts on the key at the front of s. Returns its bytes, 0: it is incomplete. */
static size_t press_key(struct edit *e, struct str s)
{
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		struct str typed = str_of(keys[i].typed);

		if (begins(s, typed)) {
			keys[i].act(e);
			return typed.n;
		}
	}
	return *s.p == '\033' ? sequence_bytes(s) : type_text(e, s);
}

static void press_enter(struct edit *e)
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

		e->screen.changed = 1;
		entered = !e->pasting && (*rest.p == '\r' || *rest.p == '\n');
		n = entered ? 1 :
		    e->pasting ? type_pasted(e, rest) : press_key(e, rest);
		at += n;
	}
	if (at > 0)
		memmove(e->in.p, e->in.p + at, e->in.n - at);
	e->in.n -= at;
	if (!entered)
		return e->ended ? EDIT_END : EDIT_NOTHING;
	press_enter(e);
	*line = buf_str(&e->done);
	return EDIT_LINE;
}

void edit_input(struct edit *e)
{
	char *to = buf_room(&e->in, KEYS_BYTES);
	ssize_t n;

	if (to == NULL)
		die(EXIT_FAILED, "out of memory");
	n = read(STDIN_FILENO, to, KEYS_BYTES);
	if (n > 0)
		e->in.n += (size_t)n;
	else if (n == 0 || (errno != EINTR && errno != EAGAIN))
		e->ended = 1;           /* the terminal is gone */
}

/* ---- coming and going ---- */

void edit_signals(struct edit *e)
{
	enum term_event event;

	while ((event = term_next()) != TERM_NOTHING) {
		if (event == TERM_SUSPEND) {
			screen_remove(&e->screen);
			term_suspend();
		} else if (event == TERM_GONE) {
			e->ended = 1;
		} else {
			screen_resized(&e->screen);
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
	e->screen.colours = colours;
	linebuf_init(&e->typed);
	return e;
}

void edit_close(struct edit *e)
{
	screen_remove(&e->screen);
	term_close();
	screen_free(&e->screen);
	linebuf_free(&e->typed);
	buf_free(&e->done);
	buf_free(&e->in);
	buf_free(&e->candidates);
	free(e);
}
