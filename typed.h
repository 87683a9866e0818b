/* typed.h: a line that is being typed, apart from any terminal: text with a place in it, what was
 * killed, and the lines before it. Places are counted in bytes and lie between characters. */
#ifndef TYPED_H
#define TYPED_H

#include "buf.h"

#define TYPED_HISTORY 200       /* lines that can be brought back */

struct typed {
	struct buf line;        /* UTF-8 */
	size_t cursor;
	struct buf killed;
	struct buf history[TYPED_HISTORY];      /* oldest first */
	size_t history_n, history_at;           /* history_at == history_n: the line is a new one */
	struct buf draft;                       /* that new one, while others are looked at */
};

/* Columns on a terminal. A newline and a tab count as one: they are shown as one character. */
void typed_set_locale(void);                    /* once, before the first of these */
size_t typed_character(struct str s, size_t *columns);  /* the first one's bytes, at least 1 */
size_t typed_columns(struct str s);
struct str typed_fit(struct str s, size_t columns);     /* the longest front of s that fits */

struct str typed_part(const struct typed *t, size_t from, size_t to);

/* Places beside another one. What has no width of its own goes with what is before it. */
size_t typed_left(const struct typed *t, size_t at);
size_t typed_right(const struct typed *t, size_t at);
size_t typed_word_left(const struct typed *t);
size_t typed_word_right(const struct typed *t);

/* All of them move the cursor to where the change was. */
void typed_insert(struct typed *t, struct str s);
void typed_cut(struct typed *t, size_t from, size_t to);
void typed_kill(struct typed *t, size_t from, size_t to);       /* can be put back */
void typed_set(struct typed *t, struct str s);

void typed_remember(struct typed *t, struct str s);     /* as a line of the history */
void typed_go(struct typed *t, size_t at);              /* to a line of the history */

void typed_init(struct typed *t);
void typed_free(struct typed *t);

#endif
