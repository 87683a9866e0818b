/* edit_screen.h: what edit.c has on the terminal: a few waiting lines, then
 * the prompt with the line being typed. Text above pushes them down. Changes
 * are only noted; screen_show() draws them, with one write. */
#ifndef EDIT_SCREEN_H
#define EDIT_SCREEN_H

#include "linebuf.h"

#define SCREEN_WAITING_MAX 8    /* waiting lines shown */

/* Others only set changed. */
struct screen {
	int colours;                    /* 1: see edit_open() */
	int changed;                    /* 1: not drawn as it should be */
	int drawn;                      /* 1: prompt and waiting lines are */
	int lines, columns;             /* of the terminal */
	struct buf prompt, waiting;
	struct buf out;                 /* on its way to the terminal */
	size_t from;                    /* the typed line is seen from here */
	/* What is drawn: columns of each waiting line, and the cursor's. */
	size_t row[SCREEN_WAITING_MAX];
	size_t rows;
	size_t cursor_column;
};

/* See edit_above(), edit_waiting(), edit_prompt(). */
void screen_above(struct screen *s, struct str text);
void screen_waiting(struct screen *s, struct str lines);
void screen_prompt(struct screen *s, struct str prompt);

void screen_show(struct screen *s, const struct linebuf *typed);
/* Clears the whole terminal. */
void screen_clear(struct screen *s);
/* Takes prompt and waiting lines off the terminal, at once. */
void screen_remove(struct screen *s);
/* The terminal has another size now. */
void screen_resized(struct screen *s);
void screen_free(struct screen *s);

#endif
