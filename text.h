/* text.h: UTF-8, and which characters may go where. */
#ifndef TEXT_H
#define TEXT_H

#include "buf.h"

#include <stdint.h>

/* The length in bytes of the character at the front of s (1 to 4), with its
 * code point in *c. 0 when there is no valid one: an overlong form, a
 * surrogate, a code point above U+10FFFF, a truncated sequence, an empty s. */
size_t utf8_next(struct str s, uint32_t *c);
/* 1: the byte is inside a character, after its first byte. */
static inline int utf8_inside(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

/* 1: all of s is valid. */
int utf8_valid(struct str s);
void utf8_put(struct buf *b, uint32_t c);

/* Characters that act on a terminal or a line instead of being shown: C0,
 * DEL, C1, U+2028, U+2029 and the bidirectional controls (U+061C, U+200E,
 * U+200F, U+202A-E, U+2066-9). */
int is_control(uint32_t c);

/* Appends text for a person's terminal: each control character, and each byte
 * that is not UTF-8, becomes U+FFFD, so that nobody's message can move another
 * person's cursor. */
void put_visible(struct buf *b, struct str s);

/* The number of bytes at the front of s that are printable ASCII other than
 * " and \. JSON and the lines of a log both write those as they are, so that
 * both can step over the plain part of a text at once. */
size_t plain_run(struct str s);

/* The number in the first n bytes of s, hex digits of either case. 0, or -1
 * when they are not there. */
int hex_take(struct str s, size_t n, uint32_t *value);
/* Appends \uXXXX in lower case, the one escape for a character below U+10000
 * both in JSON and in a log. */
void put_escape(struct buf *b, uint32_t c);

#endif
