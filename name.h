/* name.h: the names of users and channels, and the file names of their logs. */
#ifndef NAME_H
#define NAME_H

#include "buf.h"
#include "limits.h"

/* What a name must be, for messages: "invalid name: NAME: " NAME_RULE. */
#define NAME_RULE "1 to " LIMIT_TEXT(NAME_BYTES_MAX) \
	" bytes of UTF-8, no control characters, no space at either end"

/* 1: a valid name of a user or a channel: 1 to NAME_BYTES_MAX bytes of valid
 * UTF-8 with no control character and no space at either end. Names are
 * refused, never repaired: two names repaired into one would share a log. */
int name_ok(struct str name);

/* 1: a valid id of a request: 1 to ID_BYTES_MAX printable ASCII bytes, space
 * included. */
int name_id_ok(struct str id);

/* geral -> geral.log, "a/b" -> a%2Fb.log. Every ASCII byte becomes %XX, upper
 * case, except letters, digits, _ and, unless they come first, . and -.
 * One name has one file name, and the other way round. */
void name_to_file(struct buf *b, struct str name);
/* The same without .log. s may be any text; the result has no slash. */
void name_encode(struct buf *b, struct str s);
/* Appends the name to b. 0, or -1: this is not the file name of a valid name
 * (wrong suffix, needless or missing encoding), or, with b->err, memory has
 * run out. */
int name_from_file(struct buf *b, const char *file);

/* What follows the name of the log of a channel that was dropped, before the
 * time: geral.log.dropped-2024-03-01T21:04:05.123Z. */
#define NAME_DROPPED ".dropped-"
/* As name_from_file(), for such a log. */
int name_from_dropped(struct buf *b, const char *file);

#endif
