/* chat_state.h: which rooms a user was in and what was shown there, kept in a
 * small file for the next time.
 *
 * There is one file for each user of each broker, named after both, in
 * $XDG_STATE_HOME/recado or ~/.local/state/recado. Each line is a room: the
 * seq shown last, "channel" or "user", the name, between tabs. The first
 * channel is the one that was current. */
#ifndef CHAT_STATE_H
#define CHAT_STATE_H

#include "chat_rooms.h"
#include "client.h"

/* Adds the rooms of last time, but follows none. A file that cannot be read
 * counts as no file. */
void state_load(struct rooms *rooms, const struct client *c);
/* Only the first failure is noted: it is no reason to disturb a conversation
 * again. rooms->save_at is 0 afterwards in any case. */
void state_save(struct rooms *rooms, const struct client *c);

#endif
