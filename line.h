/* line.h: one line of a log, and the file name of a topic.
 *
 *   seq  time  user  message  client-timestamp  id  crc        seven fields between tabs, then \n
 *
 *   seq     1, 2, 3 ... without gaps in each file: line N holds seq N
 *   time    the server's, RFC 3339 in UTC with milliseconds (2024-03-01T21:04:05.123Z)
 *   user    who sent it;  message: what;  both with escapes
 *   client-timestamp  the JSON value as the client sent it, with escapes, or -
 *   id      the sender's id of the request, or ~boot.count when there was none, with escapes, or -
 *   crc     CRC-32C of all bytes before the last tab, 8 hex digits, lower case
 *
 * Escapes: \\ \t \n \r, and \uXXXX (lower case hex) for each other control character (is_control() in
 * text.h): a log is safe to cat, grep finds text as it was typed, and decoding gives back every byte.
 * There is one way to write a line: what decodes but would be encoded differently is damage. */
#ifndef LINE_H
#define LINE_H

#include "buf.h"

#include <stdint.h>

#define NAME_BYTES_MAX    64            /* percent-encoded threefold plus ".log.damaged-TIME" fits NAME_MAX */
#define MESSAGE_BYTES_MAX 32768         /* a reply with one of them, all escapes, stays below 1 MiB */
#define ID_BYTES_MAX      64
#define STAMP_BYTES_MAX   256           /* a client-timestamp longer than that is not a time: - is kept */
#define LINE_BYTES_MAX    ((size_t)256 * 1024)  /* 6 x 32768 for a message all of escapes, and the rest */

struct line {
	uint64_t seq;
	int64_t ms;             /* milliseconds since 1970 */
	struct str user, message;
	struct str stamp;       /* n = 0 stands for - */
	struct str id;          /* n = 0 stands for - */
};

/* CRC-32C (Castagnoli) of n more bytes; start with 0. */
uint32_t crc32c(uint32_t crc, const void *p, size_t n);

/* 2024-03-01T21:04:05.123Z, always 24 bytes. A time outside of the years 1970 to 9999 is written
 * as the nearest end of them. */
#define TIME_BYTES 24
void time_encode(char *to, int64_t ms);

/* Appends text with the escapes of a line. */
void line_put_text(struct buf *b, struct str s);

/* Appends the line and its newline. A string that is not valid UTF-8 sets b->err. A stamp or an id
 * that is itself "-" is written \u002d. */
void line_encode(struct buf *b, const struct line *l);

/* text is one line without its newline. NULL: it is right, and *l describes it; strings with escapes
 * stand in scratch (cleared first), others in text. Else what is wrong with it, in English, such as
 * "checksum is wrong"; l->seq is then set when it could be read and else 0. When memory ran
 * out, which says nothing about the line, scratch->err is set too. */
const char *line_decode(struct str text, struct line *l, struct buf *scratch);

/* The seq at the front of a line, without a look at the rest: 0 when there is none. */
uint64_t line_seq(struct str text);

/* 1: a name of a user or a channel: 1 to NAME_BYTES_MAX bytes of valid UTF-8 with no control character
 * and no space at either end. Names are refused, never repaired: two names mended into one would
 * share a log. */
int name_ok(struct str name);

/* 1: an id of a request: 1 to ID_BYTES_MAX printable ASCII bytes, space included. */
int id_ok(struct str id);

/* geral -> geral.log, "a/b" -> a%2Fb.log. Every ASCII byte but letters, digits, _ and (not in front)
 * . and - becomes %XX, upper case. One name, one file name, and back. */
void name_to_file(struct buf *b, struct str name);
/* 0, or -1: no name has this file name (wrong ending, needless or missing encoding, bad name).
 * The name is appended to b. */
int file_to_name(struct buf *b, const char *file);

#endif
