/* name.h: the names of users and channels, and the file names of their logs. */
#ifndef NAME_H
#define NAME_H

#include "buf.h"
#include "limits.h"

/* What a name must be, for messages: "invalid name: ana*: " NAME_RULE. */
#define NAME_RULE "1 to " LIMIT_TEXT(NAME_BYTES_MAX) \
	" bytes of UTF-8, no control characters, no space at either end"

/* 1: a name of a user or a channel: 1 to NAME_BYTES_MAX bytes of valid UTF-8 with no control character
 * and no space at either end. Names are refused, never repaired: two names mended into one would
 * share a log. */
int name_ok(struct str name);

/* 1: an id of a request: 1 to ID_BYTES_MAX printable ASCII bytes, space included. */
int name_id_ok(struct str id);

/* geral -> geral.log, "a/b" -> a%2Fb.log. Every ASCII byte but letters, digits, _ and (not in front)
 * . and - becomes %XX, upper case. One name, one file name, and back. */
void name_to_file(struct buf *b, struct str name);
/* 0, or -1: no name has this file name (wrong ending, needless or missing encoding, bad name).
 * The name is appended to b. */
int name_from_file(struct buf *b, const char *file);

#endif
