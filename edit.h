/* edit.h: one line at the bottom of a terminal, edited while other lines
 * appear above it.
 *
 * The terminal is in a mode of its own from edit_open() to edit_close(). The
 * old mode also comes back when the process exits, is suspended, or dies of a
 * signal that can be caught. These functions only note what is to be seen:
 * edit_show() draws it, with one write.
 *
 *   text that scrolls by                    edit_above()
 *   a few lines that stay                   edit_waiting()
 *   prompt> the line being typed            edit_prompt(), edit_text()
 *
 * The keys are those of readline: arrows, Home, End, ^A ^E ^B ^F, M-b M-f,
 * Backspace, Delete, ^D (at an empty line: the end), ^W ^U ^K M-d M-Backspace
 * and ^Y, ^P ^N or up and down for the lines typed before, ^L, Tab. Pasted
 * text is not acted on: its newlines become part of the line. */
#ifndef EDIT_H
#define EDIT_H

#include "buf.h"

struct edit;

struct edit_handler {
	/* Tab was typed after this text. Returns where in it the word begins
	 * that is to be completed; gives everything that the word could
	 * become to edit_candidate(). */
	size_t (*complete)(void *arg, struct edit *e, struct str before);
	void *arg;
};

enum edit_event {
	EDIT_NOTHING,           /* everything typed so far is dealt with */
	EDIT_LINE,              /* Enter */
	EDIT_END                /* ^D, or the terminal is gone */
};

/* NULL: stdin and stdout are not both a terminal whose cursor can be moved.
 * colours: 1: the prompt may be bold and the waiting lines dim. */
struct edit *edit_open(const struct edit_handler *handler, int colours);
void edit_close(struct edit *e);

/* To be polled for input together with stdin; then edit_signals() deals with
 * a resize or ^Z. */
int edit_signal_fd(const struct edit *e);
void edit_signals(struct edit *e);

/* Reads what was typed; to be called when stdin has something. */
void edit_input(struct edit *e);
/* What was typed; to be called until EDIT_NOTHING. *line is valid until the
 * next call. */
enum edit_event edit_next(struct edit *e, struct str *line);

/* Both take whole lines, each with its newline. Waiting lines that are too
 * long for the terminal are truncated. */
void edit_above(struct edit *e, struct str text);
void edit_waiting(struct edit *e, struct str lines);
void edit_prompt(struct edit *e, struct str prompt);
/* Becomes the line, if nothing is being typed; ^P brings it back first in any
 * case. */
void edit_text(struct edit *e, struct str text);
void edit_candidate(struct edit *e, struct str word);
void edit_show(struct edit *e);

#endif
