/* chat_command.c: what can be typed in chat, and what Tab makes of the beginning of it. See
 * chat.h. */
#include "chat.h"

#include "limits.h"
#include "line.h"
#include "name.h"
#include "text.h"
#include "util.h"

#include <stdlib.h>
#include <string.h>

#define HIST     20             /* /hist without a number */

/* A command on its way to the server, and what it was about. */
struct errand {
	struct chat *chat;
	char name[NAME_BYTES_MAX + 1];  /* of a channel; empty: none */
	size_t n;
};

static void run(struct chat *chat, const char *service, talk_answer *answer, struct str name)
{
	struct errand *e = must_alloc(sizeof *e);

	e->chat = chat;
	e->n = name.n < sizeof e->name ? name.n : 0;
	memcpy(e->name, name.p, e->n);
	chat->busy++;
	talk_request(chat->c->talk, service, &chat->c->members, TALK_FOREVER, answer, e);
	buf_clear(&chat->c->members);
}

/* 1: it worked. 0: it did not, and that was said; then e is gone. */
static int worked(struct errand *e, const struct answer *a)
{
	struct buf b = { 0 };

	e->chat->busy--;
	if (a->kind == ANSWER_OK)
		return 1;
	e->chat->refused = 1;
	chat_note(e->chat, "%s", chat_visible(&b, a->reason).p);
	buf_free(&b);
	free(e);
	return 0;
}

static void enter_room(struct chat *chat, struct str name)
{
	struct room *room = room_add(chat, name, 0);

	names_add(&chat->channels, name);
	room_follow(chat, room);
	room_go(chat, room);
}

static void on_join(void *arg, const struct answer *a)
{
	struct errand *e = arg;
	struct chat *chat = e->chat;
	struct str name = { e->name, e->n };
	struct buf b = { 0 };

	if (!worked(e, a))
		return;
	names_take(&chat->channels, a, "channels");
	if (!names_have(&chat->channels, name) && name.n > 1 && *name.p == '#')
		str_skip(&name, 1);
	if (names_have(&chat->channels, name)) {
		enter_room(chat, name);
	} else {
		chat->refused = 1;
		chat_note(chat, "no channel %s; /create makes one", chat_visible(&b, name).p);
	}
	buf_free(&b);
	free(e);
}

static struct room *next_unread(const struct chat *chat)
{
	struct room *best = NULL;

	for (struct room *r = chat->rooms; r != NULL; r = r->next)
		if (r->unread > 0 && (best == NULL || r->mentions > best->mentions))
			best = r;
	return best;
}

static void do_join(struct chat *chat, struct str name)
{
	struct room *room = name.n > 0 ? room_find(chat, name, 0) : next_unread(chat);

	if (room != NULL)
		room_go(chat, room);
	else if (name.n > 0)
		run(chat, "channels", on_join, name);
	else
		chat_note(chat, "nothing unread elsewhere; /join CHANNEL goes to one");
}

static void do_part(struct chat *chat, struct str name)
{
	struct room *room = name.n > 0 ? room_find(chat, name, 0) : chat->current;
	struct buf b = { 0 };

	if (room == NULL) {
		chat_note(chat, "you are not in %s",
		    name.n > 0 ? chat_visible(&b, name).p : "a channel");
		buf_free(&b);
		return;
	}
	talk_unfollow(chat->c->talk, room->name);
	room_remove(chat, room);
	chat->save_at = ticks_ms();
	for (room = chat->rooms; room != NULL && chat->current == NULL; room = room->next)
		if (!room->inbox)
			room_go(chat, room);
}

static void on_create(void *arg, const struct answer *a)
{
	struct errand *e = arg;

	if (!worked(e, a))
		return;
	enter_room(e->chat, (struct str){ e->name, e->n });
	free(e);
}

static void do_create(struct chat *chat, struct str name)
{
	if (!name_ok(name)) {
		chat_note(chat, "/create NAME: 1 to 64 bytes");
		return;
	}
	json_put_member(&chat->c->members, "channel", name);
	run(chat, "channel", on_create, name);
}

struct listing {
	struct chat *chat;
	struct buf b;
};

static void list_channel(void *arg, struct str name)
{
	struct listing *l = arg;
	const struct room *room = room_find(l->chat, name, 0);

	buf_puts(&l->b, l->b.n > 0 ? ", #" : "#");
	output_text(&l->b, name);
	if (room != NULL && room == l->chat->current)
		buf_puts(&l->b, " (here)");
	else if (room != NULL && room->unread > 0)
		buf_printf(&l->b, " (%zu unread)", room->unread);
	else if (room != NULL)
		buf_puts(&l->b, " (joined)");
}

static void list_user(void *arg, struct str name)
{
	struct listing *l = arg;

	buf_puts(&l->b, l->b.n > 0 ? ", " : "");
	output_text(&l->b, name);
}

static void on_list(struct errand *e, const struct answer *a, const char *key, struct names *names,
    void (*list)(void *arg, struct str name))
{
	struct listing l = { .chat = e->chat };

	if (!worked(e, a))
		return;
	names_take(names, a, key);
	reply_names(a, key, list, &l);
	buf_putc(&l.b, '\0');
	chat_note(e->chat, "%s: %s", key, l.b.err ? "" : l.b.p);
	buf_free(&l.b);
	free(e);
}

static void on_channel_list(void *arg, const struct answer *a)
{
	struct errand *e = arg;

	on_list(e, a, "channels", &e->chat->channels, list_channel);
}

static void on_user_list(void *arg, const struct answer *a)
{
	struct errand *e = arg;

	on_list(e, a, "users", &e->chat->users, list_user);
}

static void do_channels(struct chat *chat, struct str rest)
{
	(void)rest;
	run(chat, "channels", on_channel_list, STR(""));
}

static void do_users(struct chat *chat, struct str rest)
{
	(void)rest;
	run(chat, "users", on_user_list, STR(""));
}

/* A name at the front of s, in quotes when it has spaces. Taken off s. */
static struct str take_name(struct str *s)
{
	int quoted = s->n > 0 && *s->p == '"';
	const char *end;
	struct str name;

	str_skip(s, (size_t)quoted);
	end = s->n > 0 ? memchr(s->p, quoted ? '"' : ' ', s->n) : NULL;
	name = (struct str){ s->p, end != NULL ? (size_t)(end - s->p) : s->n };
	str_skip(s, name.n + (end != NULL));
	while (s->n > 0 && *s->p == ' ')
		str_skip(s, 1);
	return name;
}

static void do_msg(struct chat *chat, struct str rest)
{
	struct str to = take_name(&rest);

	if (!name_ok(to) || rest.n == 0)
		chat_note(chat, "/msg USER TEXT; a name with spaces goes between \"\"");
	else
		chat_say_to(chat, to, rest);
}

static void on_hist(void *arg, const struct answer *a)
{
	struct errand *e = arg;
	struct str name = { e->name, e->n };
	struct message_strings strings = { 0 };
	const struct json_node *list, *n;
	struct message m;

	if (!worked(e, a))
		return;
	list = json_get(a->json, a->data, "messages");
	if (list != NULL && list->type == JSON_ARRAY)
		for (n = json_first(a->json, list); n != NULL; n = json_next(a->json, list, n))
			if (message_read(&m, &strings, name, 0, a->json, n) == 0) {
				m.old = 1;
				chat_message(e->chat, &m);
			}
	buf_free(&strings.user);
	buf_free(&strings.text);
	buf_free(&strings.spare);
	free(e);
}

static void do_hist(struct chat *chat, struct str rest)
{
	uint64_t n = 0;

	for (size_t i = 0; i < rest.n && rest.p[i] >= '0' && rest.p[i] <= '9' && n <= HISTORY_MAX; i++)
		n = n * 10 + (uint64_t)(rest.p[i] - '0');
	if (chat->current == NULL) {
		chat_note(chat, "you are in no channel");
		return;
	}
	json_put_member(&chat->c->members, "channel", chat->current->name);
	json_put_number(&chat->c->members, "limit", n == 0 ? HIST : n < HISTORY_MAX ? n : HISTORY_MAX);
	run(chat, "history", on_hist, chat->current->name);
}

static void do_quit(struct chat *chat, struct str rest)
{
	(void)rest;
	chat->leaving = 1;
}

static void do_help(struct chat *chat, struct str rest);

static const struct chat_command {
	const char *name;
	void (*run)(struct chat *chat, struct str rest);
	int argument;           /* for Tab: 'c' a channel, 'u' a user, 0 nothing */
	const char *help;
} commands[] = {
	{ "/join", do_join, 'c',
	    "/join [CHANNEL]    go to it; without a name to one with unread messages" },
	{ "/part", do_part, 'c', "/part [CHANNEL]    leave it" },
	{ "/channels", do_channels, 0, "/channels          list the channels" },
	{ "/create", do_create, 0, "/create CHANNEL    make a channel and go there" },
	{ "/msg", do_msg, 'u', "/msg USER TEXT     to one user alone" },
	{ "/users", do_users, 0, "/users             list the users" },
	{ "/hist", do_hist, 0, "/hist [N]          the newest N messages of this channel (20)" },
	{ "/help", do_help, 0, "/help              this list; //text sends /text" },
	{ "/quit", do_quit, 0, "/quit              or ^D" },
};

#define COMMANDS (sizeof commands / sizeof *commands)

static void do_help(struct chat *chat, struct str rest)
{
	(void)rest;
	for (size_t i = 0; i < COMMANDS; i++)
		chat_note(chat, "%s", commands[i].help);
}

static const struct chat_command *find_command(struct str name)
{
	for (size_t i = 0; i < COMMANDS; i++)
		if (str_is(name, commands[i].name))
			return &commands[i];
	return NULL;
}

static void command(struct chat *chat, struct str line)
{
	const char *space = memchr(line.p, ' ', line.n);
	struct str name = { line.p, space != NULL ? (size_t)(space - line.p) : line.n };
	const struct chat_command *c = find_command(name);

	str_skip(&line, name.n + (space != NULL));
	while (line.n > 0 && line.p[line.n - 1] == ' ' && c != NULL && c->run != do_msg)
		line.n--;
	if (c != NULL)
		c->run(chat, line);
	else
		chat_note(chat, "no such command; /help lists them");
	chat->refused |= c == NULL;
}

void chat_line(struct chat *chat, struct str line)
{
	if (line.n == 0)
		return;
	if (*line.p != '/' || memchr(line.p, '\n', line.n) != NULL) {
		chat_say(chat, line);
	} else if (line.n > 1 && line.p[1] == '/') {
		str_skip(&line, 1);
		chat_say(chat, line);
	} else {
		command(chat, line);
	}
}

/* ---- completion ---- */

static void offer(struct edit *e, const struct names *names, const char *before, const char *after)
{
	struct buf b = { 0 };

	for (size_t i = 0; i < names->n; i++) {
		struct str name = names->name[i];
		int quoted = memchr(name.p, ' ', name.n) != NULL && *before == '\0';

		buf_clear(&b);
		buf_puts(&b, quoted ? "\"" : before);
		buf_str_add(&b, name);
		buf_puts(&b, quoted ? "\"" : "");
		buf_puts(&b, after);
		edit_candidate(e, buf_str(&b));
	}
	buf_free(&b);
}

static void offer_commands(struct edit *e)
{
	struct buf b = { 0 };

	for (size_t i = 0; i < COMMANDS; i++) {
		buf_clear(&b);
		buf_puts(&b, commands[i].name);
		buf_putc(&b, ' ');
		edit_candidate(e, buf_str(&b));
	}
	buf_free(&b);
}

/* Behind a command what it takes; else commands at the front of the line, users and #channels in
 * it. */
size_t chat_complete(void *arg, struct edit *e, struct str before)
{
	struct chat *chat = arg;
	const struct chat_command *c;
	size_t first = 0, word = before.n;

	names_refresh(chat);            /* for the next Tab */
	while (first < before.n && before.p[first] != ' ')
		first++;
	while (word > 0 && before.p[word - 1] != ' ')
		word--;
	c = find_command((struct str){ before.p, first });
	if (c != NULL && first < before.n && (c->argument == 'c' || word == first + 1)) {
		if (c->argument == 'c')         /* all of the rest: its name may have spaces */
			for (size_t i = 0; i < chat->channels.n; i++)
				edit_candidate(e, chat->channels.name[i]);
		else if (c->argument == 'u')
			offer(e, &chat->users, "", " ");
		return first + 1;
	}
	if (word == 0 && before.n > 0 && *before.p == '/')
		offer_commands(e);
	else if (before.n > word && before.p[word] == '#')
		offer(e, &chat->channels, "#", " ");
	else
		offer(e, &chat->users, "", word == 0 ? ": " : " ");
	return word;
}
