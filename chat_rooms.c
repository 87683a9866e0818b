/* chat_rooms.c: see chat_rooms.h. */
#include "chat_rooms.h"

#include "util.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Kept of a channel that is not the current one; /hist has the rest. */
#define HELD_LINES 200
#define HELD_BYTES ((size_t)256 * 1024)
/* Old messages shown of a room that the user knows, and of a new one. */
#define MISSED_MAX 200
#define FIRST_MAX  20
/* From a change to the next save. */
#define SAVE_MS    5000

struct room *rooms_find(const struct rooms *rooms, struct str name, int inbox)
{
	struct room *r = rooms->first;

	while (r != NULL && (r->inbox != inbox || !str_eq(r->name, name)))
		r = r->next;
	return r;
}

struct room *rooms_add(struct rooms *rooms, struct str name, int inbox)
{
	struct room *r = rooms_find(rooms, name, inbox), **end = &rooms->first;

	if (r != NULL)
		return r;
	r = must_alloc(sizeof *r);
	r->name = must_copy(name);
	r->inbox = inbox;
	while (*end != NULL)
		end = &(*end)->next;
	*end = r;
	return r;
}

void rooms_seen(struct room *room, uint64_t seq)
{
	room->shown = room->newest = seq;
	room->known = 1;
}

void rooms_follow(struct rooms *rooms, struct room *room)
{
	talk_follow(rooms->talk, room->name, room->inbox, room->shown,
	    room->known ? MISSED_MAX : FIRST_MAX);
}

static void room_free(struct room *room)
{
	str_free(room->name);
	buf_free(&room->held);
	free(room);
}

static void save_soon(struct rooms *rooms)
{
	if (rooms->save_at == 0)
		rooms->save_at = ticks_ms() + SAVE_MS;
}

/* ---- messages ---- */

static void drop_first_line(struct room *room)
{
	char *end = memchr(room->held.p, '\n', room->held.n);
	size_t n = (size_t)(end - room->held.p) + 1;

	room->held.n -= n;
	room->held_lines--;
	memmove(room->held.p, room->held.p + n, room->held.n);
}

static void hold_message(const struct look *look, struct room *room,
    const struct message *m)
{
	room->unread++;
	room->mentions += (size_t)look_mentions_user(look, m);
	look_put_message(look, &room->held, m);
	room->held_lines++;
	while (room->held_lines > HELD_LINES ||
	    (room->held.n > HELD_BYTES && room->held_lines > 1))
		drop_first_line(room);
}

/* What came while the user was away may have been more than MISSED_MAX. */
static void note_missed(const struct look *look, const struct room *room,
    const struct message *m)
{
	uint64_t next = room->newest + 1;

	if (m->old && room->known && next > 1 && m->seq > next)
		look_note(look, "%" PRIu64 " older ones for %s%.*s are not "
		    "shown", m->seq - next, room->inbox ? "" : "#",
		    (int)room->name.n, room->name.p);
}

void rooms_message(struct rooms *rooms, const struct message *m)
{
	struct room *room = rooms_find(rooms, m->topic, m->inbox);
	const struct look *look = rooms->look;

	if (room == NULL)
		return;
	note_missed(look, room, m);
	room->newest = m->seq;  /* falls only when the log was set back */
	room->known = 1;
	if (look->edit != NULL && room != rooms->current && !room->inbox) {
		hold_message(look, room, m);
		return;
	}
	room->shown = room->newest;
	save_soon(rooms);
	look_message(look, m);
}

struct room *rooms_next_unread(const struct rooms *rooms)
{
	struct room *best = NULL;

	for (struct room *r = rooms->first; r != NULL; r = r->next)
		if (r->unread > 0 &&
		    (best == NULL || r->mentions > best->mentions))
			best = r;
	return best;
}

size_t rooms_unread(const struct rooms *rooms, size_t *mentions)
{
	size_t unread = 0;

	*mentions = 0;
	for (const struct room *r = rooms->first; r != NULL; r = r->next) {
		unread += r->unread;
		*mentions += r->mentions;
	}
	return unread;
}

/* ---- going and leaving ---- */

void rooms_go(struct rooms *rooms, struct room *room)
{
	rooms->current = room;
	save_soon(rooms);
	if (room->unread > room->held_lines)
		look_note(rooms->look, "%zu older ones in #%.*s: /hist %zu",
		    room->unread - room->held_lines, (int)room->name.n,
		    room->name.p, room->unread);
	look_lines(rooms->look, buf_str(&room->held));
	buf_free(&room->held);
	room->held_lines = room->unread = room->mentions = 0;
	room->shown = room->newest;
}

void rooms_leave(struct rooms *rooms, struct room *room)
{
	struct room **link = &rooms->first;

	talk_unfollow(rooms->talk, room->name);
	while (*link != room)
		link = &(*link)->next;
	*link = room->next;
	if (rooms->current == room)
		rooms->current = NULL;
	room_free(room);
	rooms->save_at = ticks_ms();
	room = rooms->first;
	while (room != NULL && room->inbox)
		room = room->next;
	if (rooms->current == NULL && room != NULL)
		rooms_go(rooms, room);
}

void rooms_free(struct rooms *rooms)
{
	struct room *room;

	while ((room = rooms->first) != NULL) {
		rooms->first = room->next;
		room_free(room);
	}
	rooms->current = NULL;
}
