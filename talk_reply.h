/* talk_reply.h: what a reply says, and reading the JSON that is in it. */
#ifndef TALK_REPLY_H
#define TALK_REPLY_H

#include "buf.h"
#include "json.h"

#include <stdint.h>

enum answer_kind {
	ANSWER_OK,
	ANSWER_ERRO,    /* the server refused: reason says why */
	/* None came in time; what was to be stored may be stored or not. */
	ANSWER_NONE
};

struct answer {
	enum answer_kind kind;
	struct str reason;              /* not for ANSWER_OK */
	uint64_t seq;                   /* of a stored message, else 0 */
	const struct json *json;        /* not for ANSWER_NONE */
	/* The member "data" of the reply, an object. */
	const struct json_node *data;
};

/* Reads a reply into *a, which becomes ANSWER_OK or ANSWER_ERRO, and is valid
 * as long as body, j and scratch are. 1: the broker says that it has no server,
 * so the request is not answered yet and can be sent again. Else 0. */
int reply_read(struct answer *a, struct str body, struct json *j,
    struct buf *scratch);

/* The array under key in the data of a reply, or NULL. */
const struct json_node *reply_array(const struct answer *a, const char *key);
/* The strings of that array, each given to add(). */
void reply_names(const struct answer *a, const char *key,
    void (*add)(void *arg, struct str name), void *arg);

/* A member of any object, also one of a publication. The string under key, or
 * an empty one; scratch is cleared, and holds it if it has escapes. */
struct str reply_string(const struct json *j, const struct json_node *object,
    const char *key, struct buf *scratch);
/* The number under key, or otherwise. */
uint64_t reply_number(const struct json *j, const struct json_node *object,
    const char *key, uint64_t otherwise);

#endif
