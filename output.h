/* output.h: how a message looks to people, to scripts and as JSON; and the one
 * way to write to stdout.
 *
 * The text comes from strangers: nothing here passes on a character that acts
 * on a terminal. */
#ifndef OUTPUT_H
#define OUTPUT_H

#include "buf.h"
#include "json.h"
#include "talk.h"
#include "talk_message.h"

enum output_form {
	OUTPUT_PEOPLE,  /* 21:04:05 #geral ana: oi */
	OUTPUT_TABS,    /* seq time topic user text, escaped as in a log */
	OUTPUT_JSON     /* the publication and its topic, an object a line */
};

/* Appends the message, with a newline. */
void output_message(struct buf *b, enum output_form form,
    const struct message *m);

/* The parts of the form for people. The time is local, with the date unless it
 * is today. Tabs and newlines in a text become spaces. */
void output_time(struct buf *b, int64_t ms);
void output_text(struct buf *b, struct str text);
/* And of the form for scripts: the time as it is in a log. */
void output_date(struct buf *b, int64_t ms);

/* Appends a JSON value, written anew from what it means. */
void output_json(struct buf *b, const struct json *j,
    const struct json_node *value);
void output_json_string(struct buf *b, struct str s);

/* The terminal's size; 24 x 80 if it is not known. */
void output_size(int *rows, int *columns);

/* Writes b to stdout and clears it. A reader that has gone ends the program
 * quietly, with 0: it has seen what it wanted. Any other failure ends it with
 * EXIT_IO. */
void output_write(struct buf *b);

/* The same for stderr: one line, after the program's name; b is freed. */
void output_warn(struct buf *b);
/* Says "invalid name: NAME: RULE" on stderr. */
void output_invalid_name(struct str name);
/* An event function for talk_open(): prints the text on stderr, except about
 * connections that come and go, since nothing is lost by that. */
void output_event(void *arg, enum talk_event event, const char *text);

#endif
