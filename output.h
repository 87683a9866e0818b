/* output.h: how a message looks to people, to scripts and as JSON, and the one way to write to
 * stdout.
 *
 * Text comes from strangers: nothing here ever hands on a character that acts on a terminal. */
#ifndef OUTPUT_H
#define OUTPUT_H

#include "buf.h"
#include "json.h"
#include "talk.h"

enum output_form {
	OUTPUT_PEOPLE,    /* 21:04:05 #geral ana: oi */
	OUTPUT_TABS,      /* seq time topic user text, with the escapes of the log */
	OUTPUT_JSON       /* the publication and its topic, one object on a line */
};

/* Appends the message, with its newline. */
void output_message(struct buf *b, enum output_form form, const struct message *m);

/* The parts of the people's form. The time is local; another day than today is named. */
void output_time(struct buf *b, int64_t ms);
void output_text(struct buf *b, struct str text);         /* tabs and newlines as spaces */

/* Appends a JSON value anew; no byte of it is copied unseen. */
void output_json(struct buf *b, const struct json *j, const struct json_node *value);
void output_json_string(struct buf *b, struct str s);

/* The terminal's size, 24 x 80 when nobody knows. */
void output_size(int *rows, int *columns);

/* Writes b to stdout and clears it. A reader that has gone ends the program quietly, with 0: it has
 * seen what it wanted. Any other failure ends it with EXIT_IO. */
void output_write(struct buf *b);

#endif
