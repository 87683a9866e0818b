/* linebuf.h: a line that is being typed, apart from any terminal: the text,
 * the cursor, what was killed, and the lines typed before. Positions are
 * counted in bytes and lie between characters. */
#ifndef LINEBUF_H
#define LINEBUF_H

#include "buf.h"

#define LINEBUF_HISTORY 200     /* lines that can be brought back */

struct linebuf {
	struct buf line;        /* UTF-8 */
	size_t cursor;
	struct buf killed;
	struct buf history[LINEBUF_HISTORY];    /* oldest first */
	/* history_at == history_n: the line is a new one. */
	size_t history_n, history_at;
	/* That new line, while others are looked at. */
	struct buf draft;
};

/* Columns on a terminal. A newline and a tab count as one: each is shown as
 * one character. */
void linebuf_set_locale(void);          /* once, before the others */
/* The bytes of the first character, at least 1. s is not empty. */
size_t linebuf_character(struct str s, size_t *columns);
size_t linebuf_columns(struct str s);
/* The longest part from the start of s that fits. */
struct str linebuf_fit(struct str s, size_t columns);

struct str linebuf_part(const struct linebuf *t, size_t from, size_t to);

/* The positions next to one. A character without a width of its own belongs
 * to the one before it. */
size_t linebuf_left(const struct linebuf *t, size_t at);
size_t linebuf_right(const struct linebuf *t, size_t at);
size_t linebuf_word_left(const struct linebuf *t);
size_t linebuf_word_right(const struct linebuf *t);

/* Each moves the cursor to where the change was. */
void linebuf_insert(struct linebuf *t, struct str s);
void linebuf_cut(struct linebuf *t, size_t from, size_t to);
void linebuf_kill(struct linebuf *t, size_t from, size_t to); /* and keeps it */
void linebuf_set(struct linebuf *t, struct str s);

/* Adds s to the history. */
void linebuf_remember(struct linebuf *t, struct str s);
/* Brings back a line of the history; history_n: the draft. */
void linebuf_recall(struct linebuf *t, size_t at);

void linebuf_init(struct linebuf *t);
void linebuf_free(struct linebuf *t);

#endif
