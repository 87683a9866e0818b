/* talk_message.h: one message, as it stands in a publication and in a reply to
 * history. */
#ifndef TALK_MESSAGE_H
#define TALK_MESSAGE_H

#include "buf.h"
#include "json.h"

#include <stdint.h>

struct message {
	struct str topic, user, text;
	int inbox;      /* 1: sent to the user whom the topic is named after */
	int old;        /* 1: it was there before talk_follow() */
	uint64_t seq;   /* 0: the server does not number its messages */
	int64_t ms;     /* the server's time, milliseconds since 1970 */
	const struct json *json;        /* the whole text */
	const struct json_node *object; /* the message in it */
};

/* Where a message's strings are when they had escapes. A zeroed one is ready
 * for use, and for the next message once the one before is done with. */
struct message_strings {
	struct buf user, text, spare;
};

/* Reads an object into *m, which is then valid as long as j and s are. 0; or
 * -1: it is not a message of this topic. old is 0. */
int message_read(struct message *m, struct message_strings *s,
    struct str topic, int inbox, const struct json *j,
    const struct json_node *object);
void message_strings_free(struct message_strings *s);

/* Appends "geral: 5 to 7 are missing in the log". */
void message_put_missing(struct buf *b, struct str topic, uint64_t first,
    uint64_t last);

#endif
