/* chat.h: a chat: what the loop (chat.c) and the commands (chat_command.c)
 * work on. Each part below changes only in its own file. */
#ifndef CHAT_H
#define CHAT_H

#include "chat_look.h"
#include "chat_names.h"
#include "chat_outbox.h"
#include "chat_rooms.h"
#include "client.h"

struct chat {
	struct client *c;
	struct look look;
	struct rooms rooms;
	struct outbox outbox;
	struct names users, channels;
	int busy;               /* commands without a reply yet */
	int leaving;            /* 1: /quit, a signal, the end of the input */
};

/* Acts on a line that was typed: a command, or text for the current channel,
 * each line of it a message. */
void chat_line(struct chat *chat, struct str line);
/* For struct edit_handler; arg is the struct chat. */
size_t chat_complete(void *arg, struct edit *e, struct str before);
/* Says that there is no such channel. */
void chat_no_channel(struct chat *chat, struct str name);

#endif
