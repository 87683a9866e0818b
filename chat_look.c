/* chat_look.c: see chat_look.h. */
#include "chat_look.h"

#include "crc.h"
#include "term.h"
#include "text.h"
#include "util.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define NOTE_BYTES 1024         /* a longer note is truncated */

/* ---- colours ---- */

#define STYLE_MENTION TERM_REVERSE      /* the text of one */
#define STYLE_PRIVATE TERM_BOLD         /* the text of one to the user */
#define STYLE_OLD     TERM_DIM          /* the text of one from the log */
#define STYLE_WHERE   TERM_DIM          /* time and channel */
#define STYLE_NOTE    TERM_DIM

static void put_style(const struct look *look, struct buf *b, const char *code)
{
	if (look->colours)
		buf_puts(b, code);
}

/* A user has the same colour everywhere: one of six, which can all be read on
 * black and on white. */
static void put_user_colour(const struct look *look, struct buf *b,
    struct str user)
{
	uint32_t sum = crc32c(0, user.p, user.n);

	if (look->colours)
		buf_printf(b, "\033[1;%dm", 31 + (int)(sum % 6));
}

/* ---- messages ---- */

static int is_word(char c)
{
	return (unsigned char)c >= 0x80 || c == '_' || (c >= '0' && c <= '9') ||
	    ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

/* 1: the name stands in the text as a word of its own. */
static int has_word(struct str text, struct str name)
{
	for (size_t i = 0, end; (end = i + name.n) <= text.n; i++)
		if (strncasecmp(text.p + i, name.p, name.n) == 0 &&
		    (i == 0 || !is_word(text.p[i - 1])) &&
		    (end == text.n || !is_word(text.p[end])))
			return 1;
	return 0;
}

int look_mentions_user(const struct look *look, const struct message *m)
{
	return !m->inbox && !str_eq(m->user, look->user) &&
	    has_word(m->text, look->user);
}

static const char *text_style(const struct look *look,
    const struct message *m)
{
	if (look_mentions_user(look, m))
		return STYLE_MENTION;
	return m->inbox ? STYLE_PRIVATE : m->old ? STYLE_OLD : "";
}

/* "21:04:05 #geral ana: oi", "21:04:05 ana -> bob: oi" */
static void put_for_people(const struct look *look, struct buf *b,
    const struct message *m)
{
	put_style(look, b, STYLE_WHERE);
	buf_puts(b, m->old ? "old " : "");
	output_time(b, m->ms);
	buf_puts(b, m->inbox ? " " : " #");
	if (!m->inbox) {
		output_text(b, m->topic);
		buf_putc(b, ' ');
	}
	put_style(look, b, TERM_PLAIN);
	put_user_colour(look, b, m->user);
	output_text(b, m->user);
	put_style(look, b, TERM_PLAIN);
	if (m->inbox) {
		buf_puts(b, " -> ");
		output_text(b, m->topic);
	}
	buf_puts(b, ": ");
	put_style(look, b, text_style(look, m));
	output_text(b, m->text);
	put_style(look, b, TERM_PLAIN);
	buf_putc(b, '\n');
}

void look_put_message(const struct look *look, struct buf *b,
    const struct message *m)
{
	if (look->form == OUTPUT_PEOPLE)
		put_for_people(look, b, m);
	else
		output_message(b, look->form, m);
}

void look_lines(const struct look *look, struct str lines)
{
	struct buf b = { 0 };

	if (look->edit != NULL) {
		edit_above(look->edit, lines);
		return;
	}
	buf_str_add(&b, lines);
	output_write(&b);
	buf_free(&b);
}

void look_message(const struct look *look, const struct message *m)
{
	struct buf b = { 0 };

	look_put_message(look, &b, m);
	look_lines(look, buf_str(&b));
	buf_free(&b);
}

/* ---- notes and the prompt ---- */

static void show_note(const struct look *look, const char *fmt, va_list ap)
{
	struct buf b = { 0 };
	char text[NOTE_BYTES];

	(void)vsnprintf(text, sizeof text, fmt, ap);
	if (look->form != OUTPUT_PEOPLE) {
		put_visible(&b, str_of(text));
		output_warn(&b);
		return;
	}
	put_style(look, &b, STYLE_NOTE);
	buf_puts(&b, "-- ");
	output_text(&b, str_of(text));
	put_style(look, &b, TERM_PLAIN);
	buf_putc(&b, '\n');
	look_lines(look, buf_str(&b));
	buf_free(&b);
}

void look_note(const struct look *look, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	show_note(look, fmt, ap);
	va_end(ap);
}

void look_refused(struct look *look, const char *fmt, ...)
{
	va_list ap;

	look->refused = 1;
	va_start(ap, fmt);
	show_note(look, fmt, ap);
	va_end(ap);
}

void look_prompt(const struct look *look, struct str channel, size_t unread,
    int mentioned)
{
	struct buf b = { 0 };

	buf_puts(&b, channel.n > 0 ? "#" : "(no channel)");
	output_text(&b, channel);
	if (unread > 0)
		buf_printf(&b, " (+%zu%s)", unread, mentioned ? "!" : "");
	buf_puts(&b, "> ");
	edit_prompt(look->edit, buf_str(&b));
	buf_free(&b);
}

/* ---- the terminal ---- */

static int wants_colours(void)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	return (no_color == NULL || *no_color == '\0') && term != NULL &&
	    strcmp(term, "dumb") != 0;
}

void look_open(struct look *look, struct str user,
    const struct edit_handler *handler)
{
	look->user = user;
	if (look->form != OUTPUT_PEOPLE)
		return;
	look->colours = wants_colours();
	look->edit = edit_open(handler, look->colours);
}

void look_close(struct look *look)
{
	if (look->edit != NULL)
		edit_close(look->edit);
	look->edit = NULL;
}
