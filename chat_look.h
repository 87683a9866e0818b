/* chat_look.h: what chat shows, and how it looks: messages, notes, the prompt,
 * their colours. Everything appears above the prompt when there is a terminal
 * to edit on, else on stdout.
 *
 * Text comes from strangers: all of it is made visible here (put_visible()). */
#ifndef CHAT_LOOK_H
#define CHAT_LOOK_H

#include "edit.h"
#include "output.h"

/* Others only read it. Notes can be shown as soon as form is set and the rest
 * is zero. */
struct look {
	enum output_form form;
	struct str user;        /* not ours; mentions of this name stand out */
	int colours;
	struct edit *edit;      /* ours; NULL: no terminal to edit on */
	int refused;            /* 1: look_refused() was called */
};

/* Opens the terminal, if there is one and people read it. */
void look_open(struct look *look, struct str user,
    const struct edit_handler *handler);
void look_close(struct look *look);

/* 1: a message of somebody else in a channel that names the user. */
int look_mentions_user(const struct look *look, const struct message *m);

/* Appends a message as look_message() would show it, with its newline. */
void look_put_message(const struct look *look, struct buf *b,
    const struct message *m);
void look_message(const struct look *look, const struct message *m);
/* Shows lines of look_put_message(). */
void look_lines(const struct look *look, struct str lines);

/* What the program itself has to say, without a newline. It goes to stderr
 * when a script reads stdout. */
void look_note(const struct look *look, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* The same about something that failed: without a terminal, where nobody saw
 * it, it decides the exit code. */
void look_refused(struct look *look, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* "#geral (+3!)> ": three unread messages elsewhere, one of them names the
 * user. channel is empty in no channel. */
void look_prompt(const struct look *look, struct str channel, size_t unread,
    int mentioned);

#endif
