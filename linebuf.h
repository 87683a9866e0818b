/* linebuf.h: a line that is being typed, apart from any terminal: text with a place in it, what was
 * killed, and the lines before it. Places are counted in bytes and lie between characters. */
#ifndef LINEBUF_H
#define LINEBUF_H

#include "buf.h"

#define LINEBUF_HISTORY 200       /* lines that can be brought back */

struct linebuf {
	struct buf line;        /* UTF-8 */
	size_t cursor;
	struct buf killed;
	struct buf history[LINEBUF_HISTORY];      /* oldest first */
	size_t history_n, history_at;           /* history_at == history_n: the line is a new one */
	struct buf draft;                       /* that new one, while others are looked at */
};

/* Columns on a terminal. A newline and a tab count as one: they are shown as one character. */
void linebuf_set_locale(void);                    /* once, before the first of these */
size_t linebuf_character(struct str s, size_t *columns);  /* the first one's bytes, at least 1 */
size_t linebuf_columns(struct str s);
struct str linebuf_fit(struct str s, size_t columns);     /* the longest front of s that fits */

struct str linebuf_part(const struct linebuf *t, size_t from, size_t to);

/* Places beside another one. What has no width of its own goes with what is before it. */
size_t linebuf_left(const struct linebuf *t, size_t at);
size_t linebuf_right(const struct linebuf *t, size_t at);
size_t linebuf_word_left(const struct linebuf *t);
size_t linebuf_word_right(const struct linebuf *t);

/* All of them move the cursor to where the change was. */
void linebuf_insert(struct linebuf *t, struct str s);
void linebuf_cut(struct linebuf *t, size_t from, size_t to);
void linebuf_kill(struct linebuf *t, size_t from, size_t to);       /* can be put back */
void linebuf_set(struct linebuf *t, struct str s);

void linebuf_remember(struct linebuf *t, struct str s);     /* as a line of the history */
void linebuf_go(struct linebuf *t, size_t at);              /* to a line of the history */

void linebuf_init(struct linebuf *t);
void linebuf_free(struct linebuf *t);

#endif
