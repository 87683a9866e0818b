/* line.h: one line of a log.
 *
 *   seq  time  user  message  client-timestamp  id  crc
 *
 * Seven fields with tabs between them, then a newline:
 *
 *   seq      1, 2, 3 ... without gaps in each file: line N holds seq N
 *   time     the server's, RFC 3339 in UTC with milliseconds
 *            (2024-03-01T21:04:05.123Z)
 *   user     who sent it, with escapes
 *   message  what they said, with escapes
 *   client-timestamp
 *            the JSON value as the client sent it, with escapes, or -
 *   id       the sender's id of the request, or ~boot.count when it had none,
 *            with escapes, or -
 *   crc      CRC-32C of all bytes before the last tab, 8 hex digits, lower case
 *
 * Escapes: \\ \t \n \r, and \uXXXX (lower case hex) for each other control
 * character (is_control() in text.h). So a log is safe to cat, grep finds text
 * as it was typed, and decoding gives back every byte. There is one way to
 * write a line: what decodes but would be encoded differently is damage. */
#ifndef LINE_H
#define LINE_H

#include "buf.h"

#include <stdint.h>

#define LINE_FIELDS 7

struct line {
	uint64_t seq;
	int64_t ms;             /* milliseconds since 1970 */
	struct str user, message;
	struct str stamp;       /* n = 0 stands for - */
	struct str id;          /* n = 0 stands for - */
};

/* Appends text with the escapes of a line. */
void line_put_text(struct buf *b, struct str s);

/* Appends the line and its newline. A string that is not valid UTF-8 sets
 * b->err. A stamp or an id that is itself "-" is written \u002d. */
void line_encode(struct buf *b, const struct line *l);

/* Decodes text, one line without its newline. NULL: it is good, and *l
 * describes it; strings with escapes are in scratch, which is cleared first,
 * the others in text. Otherwise returns what is wrong with it, in English, such
 * as "checksum is wrong"; l->seq is set if it could be read and is 0 if not.
 * When memory ran out, which says nothing about the line, scratch->err is set
 * too. */
const char *line_decode(struct str text, struct line *l, struct buf *scratch);

/* The seq at the front of a line, without a look at the rest; 0 when there is
 * no valid one. */
uint64_t line_seq(struct str text);

#endif
