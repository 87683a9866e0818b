/* json.h: a small JSON reader and writer, RFC 8259 to the letter.
 *
 * Reading. json_parse() checks one whole text and lays its values out in a
 * flat array of nodes that point into the text: no tree, no allocation for a
 * value, and a struct json that is used again keeps its memory. The text must
 * stay where it is, unchanged, as long as the nodes are used.
 * Refused in addition to what the RFC refuses: invalid UTF-8, lone surrogates,
 * duplicate keys in an object (compared after unescaping), more than
 * JSON_DEPTH_MAX levels, a byte order mark, trailing bytes. */
#ifndef JSON_H
#define JSON_H

#include "buf.h"

/* Levels: the protocol needs 3, and the parser's stack is this long. */
#define JSON_DEPTH_MAX 16

enum json_type {
	JSON_NULL, JSON_FALSE, JSON_TRUE, JSON_NUMBER, JSON_STRING, JSON_ARRAY,
	JSON_OBJECT
};

/* One value. In an object each member is its key, a JSON_STRING, followed by
 * its value. */
struct json_node {
	/* The value's bytes in the text; a string's are those between the
	 * quotes. */
	struct str raw;
	/* Index of the node after this value and all that is inside it. */
	uint32_t next;
	unsigned char type;     /* enum json_type */
	unsigned char escaped;  /* 1: a string that has escapes in raw */
};

struct json {
	struct json_node *node; /* node[0] is the whole text */
	size_t n, cap;
	/* Why the last json_parse() failed, in English, and at which byte. */
	const char *error;
	size_t error_at;
	struct buf keys;        /* the parser's own: keys of a big object */
};

/* 0: the text is one JSON value and node[] describes it. -1: it is not, or
 * memory ran out; error and error_at say why, and there are no nodes. The
 * struct json may be a zeroed one; json_free() frees its memory. */
int json_parse(struct json *j, const char *text, size_t len);
void json_free(struct json *j);

/* All functions that take a node accept NULL, which stands for a value with
 * nothing in it, so that a path of keys needs one check, at its end. */

/* The value of a member of an object, or NULL when there is no such member or
 * the node is not an object. */
const struct json_node *json_get(const struct json *j,
    const struct json_node *object, const char *key);

/* The elements of an array, or the keys of an object, in order: json_first()
 * gives the first one or NULL, json_next() the one after it, or NULL at the
 * end. The value of an object's key k is k + 1. */
const struct json_node *json_first(const struct json *j,
    const struct json_node *container);
const struct json_node *json_next(const struct json *j,
    const struct json_node *container, const struct json_node *element);

/* What a string means, its escapes resolved. Without escapes this is a part of
 * the text and costs nothing; otherwise it is appended to scratch and valid
 * until scratch grows: make room first, or decode one string per scratch.
 * 0, or -1: not a string, or memory ran out. */
int json_string(const struct json_node *s, struct buf *scratch,
    struct str *out);

/* An integer from 0 to 2^63-1 ("7", not "7.0" or "7e0"): 0, else -1. */
int json_uint(const struct json_node *number, uint64_t *out);

/* Writing. All of these append to b; an error sticks in b->err.
 * json_put_string() writes the quotes too; text that is not valid UTF-8 sets
 * b->err. Control characters (C0 and DEL) and U+2028/9 become escapes,
 * everything else stays as it is. */
void json_put_string(struct buf *b, struct str s);
/* Begins a member of an object: a comma, unless it is the first one, and the
 * key, which must need no escapes. It is the first one when b is empty or ends
 * in { or [. */
void json_put_key(struct buf *b, const char *key);
/* The same comma, before an element of an array. */
void json_put_comma(struct buf *b);
/* A whole member, with its comma. */
void json_put_member(struct buf *b, const char *key, struct str value);
void json_put_number(struct buf *b, const char *key, uint64_t value);
void json_put_flag(struct buf *b, const char *key, int value);
/* ms as seconds with three decimals: 1700000000.123 */
void json_put_time(struct buf *b, const char *key, int64_t ms);

#endif
