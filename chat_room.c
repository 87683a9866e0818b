/* chat_room.c: see chat.h. */
#include "chat.h"

#include "crc.h"
#include "line.h"
#include "text.h"
#include "util.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define HELD_LINES 200                          /* of a room one is not in; /hist has the rest */
#define HELD_BYTES ((size_t)256 * 1024)
#define MISSED_MAX 200                          /* old ones shown of a known room */
#define FIRST_MAX  20                           /* and of one that is new to us */
#define SAVE_MS    5000                         /* between a change and the file */

#define DIM     "\033[2m"
#define BOLD    "\033[1m"
#define REVERSE "\033[7m"
#define PLAIN   "\033[0m"

/* ---- looks ---- */

static void style(const struct chat *chat, struct buf *b, const char *code)
{
	if (chat->colours)
		buf_puts(b, code);
}

/* The same user is the same colour everywhere; six that can be read on black and on white. */
static void user_colour(const struct chat *chat, struct buf *b, struct str user)
{
	uint32_t sum = crc32c(0, user.p, user.n);

	if (chat->colours)
		buf_printf(b, "\033[1;%dm", 31 + (int)(sum % 6));
}

static int is_word(unsigned char c)
{
	return c >= 0x80 || c == '_' || (c >= '0' && c <= '9') ||
	    ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

/* 1: the text has the name as a word of its own. */
static int mentions(struct str text, struct str name)
{
	for (size_t i = 0; i + name.n <= text.n; i++)
		if (strncasecmp(text.p + i, name.p, name.n) == 0 &&
		    (i == 0 || !is_word((unsigned char)text.p[i - 1])) &&
		    (i + name.n == text.n || !is_word((unsigned char)text.p[i + name.n])))
			return 1;
	return 0;
}

static int for_us(const struct chat *chat, const struct message *m)
{
	return !m->inbox && !str_eq(m->user, chat->c->user) && mentions(m->text, chat->c->user);
}

static void put_people(const struct chat *chat, struct buf *b, const struct message *m)
{
	int mention = for_us(chat, m);

	style(chat, b, DIM);
	buf_puts(b, m->old ? "old " : "");
	output_time(b, m->ms);
	buf_puts(b, m->inbox ? " " : " #");
	if (!m->inbox) {
		output_text(b, m->topic);
		buf_putc(b, ' ');
	}
	style(chat, b, PLAIN);
	user_colour(chat, b, m->user);
	output_text(b, m->user);
	style(chat, b, PLAIN);
	if (m->inbox) {
		buf_puts(b, " -> ");
		output_text(b, m->topic);
	}
	buf_puts(b, ": ");
	style(chat, b, mention ? REVERSE : m->inbox ? BOLD : m->old ? DIM : "");
	output_text(b, m->text);
	style(chat, b, PLAIN);
	buf_putc(b, '\n');
}

static void put_message(const struct chat *chat, struct buf *b, const struct message *m)
{
	if (chat->c->form == OUTPUT_PEOPLE)
		put_people(chat, b, m);
	else
		output_message(b, chat->c->form, m);
}

static void show_lines(struct chat *chat, struct str lines)
{
	if (chat->edit != NULL) {
		edit_above(chat->edit, lines);
		return;
	}
	buf_str_add(&chat->c->out, lines);
	output_write(&chat->c->out);
}

void chat_message(struct chat *chat, const struct message *m)
{
	buf_clear(&chat->line);
	put_message(chat, &chat->line, m);
	show_lines(chat, buf_str(&chat->line));
}

struct str chat_visible(struct buf *b, struct str s)
{
	size_t from = b->n;

	output_text(b, s);
	buf_putc(b, '\0');
	return b->err ? STR("") : (struct str){ b->p + from, b->n - from - 1 };
}

/* What the program itself has to say. When a script reads stdout it goes to stderr. */
void chat_note(struct chat *chat, const char *fmt, ...)
{
	struct buf b = { 0 };
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);    /* a cut note is still a note */
	va_end(ap);
	if (chat->c->form != OUTPUT_PEOPLE) {
		warn("%s", text);
		return;
	}
	style(chat, &b, DIM);
	buf_puts(&b, "-- ");
	put_visible(&b, str_of(text));
	style(chat, &b, PLAIN);
	buf_putc(&b, '\n');
	show_lines(chat, buf_str(&b));
	buf_free(&b);
}

/* "#geral (+3!)> ": three unread elsewhere, one of them names us. */
void chat_prompt(struct chat *chat)
{
	struct buf b = { 0 };
	size_t unread = 0, named = 0;

	for (const struct room *r = chat->rooms; r != NULL; r = r->next) {
		unread += r->unread;
		named += r->mentions;
	}
	buf_puts(&b, chat->current != NULL ? "#" : "(no channel)");
	if (chat->current != NULL)
		output_text(&b, chat->current->name);
	if (unread > 0)
		buf_printf(&b, " (+%zu%s)", unread, named > 0 ? "!" : "");
	buf_puts(&b, "> ");
	edit_prompt(chat->edit, buf_str(&b));
	buf_free(&b);
}

/* ---- rooms ---- */

struct room *room_find(const struct chat *chat, struct str name, int inbox)
{
	struct room *r = chat->rooms;

	while (r != NULL && (r->inbox != inbox || !str_eq(r->name, name)))
		r = r->next;
	return r;
}

struct room *room_add(struct chat *chat, struct str name, int inbox)
{
	struct room *r = room_find(chat, name, inbox), **end = &chat->rooms;
	char *copy;

	if (r != NULL)
		return r;
	r = must_alloc(sizeof *r);
	copy = must_alloc(name.n);
	memcpy(copy, name.p, name.n);
	r->name = (struct str){ copy, name.n };
	r->inbox = inbox;
	while (*end != NULL)
		end = &(*end)->next;
	*end = r;
	return r;
}

void room_follow(struct chat *chat, struct room *room)
{
	talk_follow(chat->c->talk, room->name, room->inbox, room->shown,
	    room->known ? MISSED_MAX : FIRST_MAX);
}

void room_remove(struct chat *chat, struct room *room)
{
	struct room **link = &chat->rooms;

	while (*link != room)
		link = &(*link)->next;
	*link = room->next;
	if (chat->current == room)
		chat->current = NULL;
	free((char *)room->name.p);     /* ours, though a struct str cannot say so */
	buf_free(&room->held);
	free(room);
}

static void changed(struct chat *chat)
{
	int64_t at = ticks_ms() + SAVE_MS;

	if (at < chat->save_at)
		chat->save_at = at;
}

static void drop_first_line(struct room *room)
{
	char *end = memchr(room->held.p, '\n', room->held.n);
	size_t n = (size_t)(end - room->held.p) + 1;

	room->held.n -= n;
	room->lines--;
	memmove(room->held.p, room->held.p + n, room->held.n);
}

static void hold(struct chat *chat, struct room *room, const struct message *m)
{
	room->unread++;
	room->mentions += (size_t)for_us(chat, m);
	put_message(chat, &room->held, m);
	room->lines++;
	while (room->lines > HELD_LINES || (room->held.n > HELD_BYTES && room->lines > 1))
		drop_first_line(room);
}

void room_go(struct chat *chat, struct room *room)
{
	struct buf b = { 0 };

	chat->current = room;
	changed(chat);
	if (room->unread > room->lines)
		chat_note(chat, "%zu older ones in #%s: /hist %zu", room->unread - room->lines,
		    chat_visible(&b, room->name).p, room->unread);
	show_lines(chat, buf_str(&room->held));
	buf_free(&room->held);
	room->lines = room->unread = room->mentions = 0;
	room->shown = room->newest;
	buf_free(&b);
}

/* Our own message has come back: no need to show it as waiting as well. */
static void came_back(struct chat *chat, const struct message *m)
{
	struct sending *s = chat->sending;

	if (!str_eq(m->user, chat->c->user))
		return;
	while (s != NULL && (s->seen || s->private || !str_eq(s->to, m->topic) ||
	    !str_eq(s->text, m->text)))
		s = s->next;
	if (s != NULL)
		s->seen = 1;
}

void room_message(struct chat *chat, struct room *room, const struct message *m)
{
	struct buf b = { 0 };

	if (room->known && room->newest > 0 && m->seq > room->newest + 1 && m->old) {
		chat_note(chat, "%llu older ones for %s%s are not shown",
		    (unsigned long long)(m->seq - room->newest - 1), room->inbox ? "" : "#",
		    chat_visible(&b, room->name).p);
		buf_free(&b);
	}
	if (!m->inbox && !m->old)
		came_back(chat, m);
	room->newest = m->seq;          /* lower than before only when the log was set back */
	room->known = 1;
	if (chat->edit != NULL && room != chat->current && !room->inbox) {
		hold(chat, room, m);
		return;
	}
	room->shown = room->newest;
	changed(chat);
	chat_message(chat, m);
}
