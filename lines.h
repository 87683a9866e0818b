/* lines.h: the lines of stdin, for a program that also has other things to
 * wait for.
 *
 * The caller polls stdin, calls lines_read() when there is something, and then
 * lines_next() until it returns 0. A zeroed struct lines is ready for use. */
#ifndef LINES_H
#define LINES_H

#include "buf.h"

struct lines {
	struct buf input;       /* what was read */
	size_t at;              /* bytes of it that were returned */
	int eof;                /* 1: there is no more to read */
};

/* Takes the next line, without its newline; it stays valid until the next
 * lines_read(). 1: *line is a line. Text without a newline counts as a line at
 * the end of the input, or when it is longer than `most` bytes. 0: no line is
 * there; more may come unless l->eof is set. */
int lines_next(struct lines *l, size_t most, struct str *line);

/* Reads once. 0; or -1 with errno. A signal, or nothing to read now, is not an
 * error. */
int lines_read(struct lines *l);

/* Bytes not returned yet. */
size_t lines_waiting(const struct lines *l);

void lines_free(struct lines *l);

#endif
