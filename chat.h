/* chat.h: what the files of chat share.
 *
 * A room is a channel one has joined, or one's inbox. The messages of the current channel and of
 * the inbox are shown as they come; those of the other channels are held, counted in the prompt,
 * and shown when one goes there. Without a terminal to edit on everything is shown as it comes. */
#ifndef CHAT_H
#define CHAT_H

#include "client.h"
#include "edit.h"

struct room {
	struct room *next;
	struct str name;                /* ours */
	int inbox;
	uint64_t shown;                 /* the seq that was shown last: where one has been */
	int known;                      /* 1: shown says something, 0: never been there */
	uint64_t newest;                /* the seq that came last */
	size_t unread, mentions;        /* held, or thrown away because there were too many */
	struct buf held;                /* lines as they will be shown */
	size_t lines;                   /* of them */
};

/* A message of ours on its way, oldest first. */
struct sending {
	struct sending *next;
	struct chat *chat;
	int private;
	int seen;                       /* 1: it has come back to us already */
	struct str to, text;            /* ours */
};

struct names {                          /* users or channels, for completion */
	struct str *name;               /* ours */
	size_t n;
	int64_t asked;                  /* ticks_ms() when the list was asked for last */
};

struct chat {
	struct client *c;
	struct edit *edit;              /* NULL: no terminal */
	int colours;
	struct room *rooms;             /* in the order they were joined */
	struct room *current;           /* NULL: none */
	struct sending *sending;
	struct names users, channels;
	int busy;                       /* commands that have no answer yet */
	int leaving;                    /* 1: /quit, a signal, the end of the input */
	int refused;                    /* 1: something was, and nobody saw it on a screen */
	int64_t save_at;                /* ticks_ms(), INT64_MAX: nothing has changed */
	struct buf line;                /* scratch */
};

/* chat_room.c: rooms, and what they look like. */
struct room *room_find(const struct chat *chat, struct str name, int inbox);
struct room *room_add(struct chat *chat, struct str name, int inbox);
/* Lets its messages come, the old ones first. */
void room_follow(struct chat *chat, struct room *room);
void room_remove(struct chat *chat, struct room *room);
/* Makes it the current one and shows what it held. */
void room_go(struct chat *chat, struct room *room);
void room_message(struct chat *chat, struct room *room, const struct message *m);
/* Shows one, whatever the room. */
void chat_message(struct chat *chat, const struct message *m);
void chat_note(struct chat *chat, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void chat_prompt(struct chat *chat);
struct str chat_visible(struct buf *b, struct str s);   /* terminated, for a format; uses up b */

/* chat_names.c: who and what there is, as far as we know. */
void names_add(struct names *names, struct str name);
void names_take(struct names *names, const struct answer *a, const char *key);  /* of a reply */
int names_have(const struct names *names, struct str name);
void names_refresh(struct chat *chat);
void names_free(struct names *names);

/* chat_send.c: what we say. It waits above the prompt until it is confirmed; what is refused comes
 * back into the line. */
void chat_say(struct chat *chat, struct str text);      /* to the current channel, line by line */
void chat_say_to(struct chat *chat, struct str user, struct str text);
void chat_show_waiting(struct chat *chat);
void sending_forget(struct sending *s);

/* chat_command.c: a line that was typed, and Tab (see edit.h). */
void chat_line(struct chat *chat, struct str line);
size_t chat_complete(void *arg, struct edit *e, struct str before);

/* chat_state.c: where this user last was, kept in a small file. */
void state_load(struct chat *chat);     /* adds the rooms of last time, but follows none */
void state_save(struct chat *chat);

#endif
