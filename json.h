/* json.h: a small JSON reader and writer, RFC 8259 to the letter.
 *
 * Reading. json_parse() checks one whole text and lays its values out in a flat array of nodes that
 * point into the text: no tree, no allocation per value, and a struct json that is used again keeps
 * its memory. The text must stay in place, unchanged, as long as the nodes are used.
 * Refused besides what the RFC refuses: invalid UTF-8, lone surrogates, duplicate keys in an object
 * (compared after unescaping), more than JSON_DEPTH_MAX levels, a byte order mark, trailing bytes. */
#ifndef JSON_H
#define JSON_H

#include "buf.h"

#define JSON_DEPTH_MAX 16       /* levels; the protocol needs 3, the stack of the parser is this long */

enum json_type {
	JSON_NULL, JSON_FALSE, JSON_TRUE, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT
};

/* One value. In an object each member is its key, a JSON_STRING, and right behind it its value. */
struct json_node {
	struct str raw;         /* the value's own bytes in the text; a string's are between the quotes */
	uint32_t next;          /* index of the node behind this value and all that is inside it */
	unsigned char type;     /* enum json_type */
	unsigned char escaped;  /* 1: a string with a backslash in it, raw is not its meaning yet */
};

struct json {
	struct json_node *node; /* node[0] is the whole text */
	size_t n, cap;
	const char *error;      /* why the last json_parse() failed, in English */
	size_t error_at;        /* and at which byte of the text */
	int allow_duplicates;   /* the caller's to set: 1 accepts them, as the bare grammar does */
	struct buf keys;        /* the parser's own: a big object's keys while they are compared */
};

/* 0: the text is one JSON value and node[] describes it. -1: it is not, or memory ran out; error
 * and error_at say why, and there are no nodes. A zeroed struct json may be given; json_free()
 * gives its memory back. */
int json_parse(struct json *j, const char *text, size_t len);
void json_free(struct json *j);

/* Wherever a node is asked for NULL may be given, and stands for a value that has nothing in it: a
 * path of keys needs one check at its end. */

/* The value of a member of an object, or NULL when there is none or the node is no object. */
const struct json_node *json_get(const struct json *j, const struct json_node *object, const char *key);

/* A way through an array or an object's keys: json_first() gives the first element (or key), or NULL;
 * json_next() the one behind it, or NULL at the end. For an object the value of key k is k + 1, and
 * json_next() takes a key and gives the next key. */
const struct json_node *json_first(const struct json *j, const struct json_node *container);
const struct json_node *json_next(const struct json *j, const struct json_node *container,
    const struct json_node *element);

/* What a string means, its escapes resolved. Without escapes this is a piece of the text and costs
 * nothing; else it is appended to scratch and stands there (until scratch grows: give room first or
 * decode one string per scratch). 0, or -1: no string, or memory ran out. */
int json_string(const struct json_node *s, struct buf *scratch, struct str *out);

/* A number that is a whole one from 0 to 2^63-1 ("7", not "7.0" or "7e0"): 0, else -1. */
int json_uint(const struct json_node *number, uint64_t *out);

/* Writing. Both append to b and let it remember an error. json_put_string() writes the quotes too;
 * text that is not valid UTF-8 sets b->err. Control characters (C0 and DEL) and U+2028/9 go out as
 * escapes, everything else as it is. */
void json_put_string(struct buf *b, struct str s);
/* Begins a member of an object: a comma, unless it is the first one there, and the key, which must
 * need no escapes. "First" is seen by what b ends in: nothing, { or [. */
void json_put_key(struct buf *b, const char *key);
/* The same comma, before an element of an array. */
void json_put_comma(struct buf *b);
void json_put_member(struct buf *b, const char *key, struct str value);
void json_put_number(struct buf *b, const char *key, uint64_t value);
/* A time in milliseconds as seconds with three decimals: 1700000000.123 */
void json_put_time(struct buf *b, int64_t ms);

#endif
