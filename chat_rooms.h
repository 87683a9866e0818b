/* chat_rooms.h: the rooms a user is in: each joined channel, and the inbox.
 *
 * Messages of the current channel and of the inbox are shown as they come;
 * those of other channels are held and shown when the user goes there.
 * Without a terminal to edit on all are shown as they come. */
#ifndef CHAT_ROOMS_H
#define CHAT_ROOMS_H

#include "chat_look.h"
#include "talk.h"

struct room {
	struct room *next;
	struct str name;                /* ours */
	int inbox;
	int known;                      /* 0: the user was never here */
	uint64_t shown;                 /* seq shown last */
	uint64_t newest;                /* seq received last */
	size_t unread, mentions;        /* since the user was here */
	struct buf held;                /* the newest of them, as shown */
	size_t held_lines;
};

/* Ready when talk and look are set and the rest is zero. Others only read it,
 * but chat.c sets the first current room, and state_save() clears save_at. */
struct rooms {
	struct talk *talk;              /* not ours */
	struct look *look;              /* not ours */
	struct room *first;             /* in the order they were joined */
	struct room *current;           /* NULL: in no channel */
	int64_t save_at;                /* ticks_ms() when state_save() is due;
	                                 * 0: nothing has changed */
};

struct room *rooms_find(const struct rooms *rooms, struct str name, int inbox);
/* The room of this name, which may be new. Nothing is received yet. */
struct room *rooms_add(struct rooms *rooms, struct str name, int inbox);
/* The user was in the room before, and saw it up to this seq. */
void rooms_seen(struct room *room, uint64_t seq);
/* Receives messages from now on, and some old ones first. */
void rooms_follow(struct rooms *rooms, struct room *room);
/* Makes it the current one and shows what it held. */
void rooms_go(struct rooms *rooms, struct room *room);
/* Forgets the room; if it was current, goes to the first channel left. */
void rooms_leave(struct rooms *rooms, struct room *room);

/* Shows or holds a message that was received. */
void rooms_message(struct rooms *rooms, const struct message *m);

/* The channel to read next: the one that mentions the user most. NULL: nothing
 * is unread. */
struct room *rooms_next_unread(const struct rooms *rooms);
/* How many are unread in all rooms; *mentions: how many name the user. */
size_t rooms_unread(const struct rooms *rooms, size_t *mentions);

void rooms_free(struct rooms *rooms);

#endif
