/* chat_outbox.h: messages of the user that are on their way. They stay above
 * the prompt until they are confirmed; one that is refused comes back into the
 * line being typed. */
#ifndef CHAT_OUTBOX_H
#define CHAT_OUTBOX_H

#include "chat_look.h"
#include "talk.h"

/* Ready when talk and look are set. */
struct outbox {
	struct talk *talk;              /* not ours */
	struct look *look;              /* not ours */
	struct sending *first;          /* oldest first; NULL: none */
};

/* Sends text to a channel, or to a user when private. An empty text is not
 * sent; one that no server would take is refused at once. */
void outbox_send(struct outbox *o, int private, struct str to, struct str text);
/* A message of the user was received from a channel: it is no longer shown as
 * waiting. */
void outbox_seen(struct outbox *o, struct str channel, struct str text);
/* Shows what waits above the prompt. */
void outbox_show(const struct outbox *o);
/* How many are neither confirmed nor seen. */
size_t outbox_waiting(const struct outbox *o);
void outbox_free(struct outbox *o);

#endif
