/* chat_command.c: what can be typed in chat, and what Tab makes of it. See
 * chat.h. */
#include "chat.h"

#include "limits.h"
#include "name.h"
#include "util.h"

#include <stdlib.h>
#include <string.h>

#define HIST_DEFAULT 20         /* /hist without a number */

/* ---- requests ---- */

struct errand;

/* What to do with the last reply when the request worked. */
typedef void errand_done(struct errand *e, const struct answer *a);

/* A command that waits for its reply, or for the whole of a list. */
struct errand {
	struct chat *chat;
	errand_done *done;
	struct str name;        /* what it is about; ours */
	struct talk_list list;
	struct buf text;        /* of the names in the list */
};

static void on_errand(void *arg, const struct answer *a)
{
	struct errand *e = arg;

	e->chat->busy--;
	if (a->kind == ANSWER_OK)
		e->done(e, a);
	else
		look_refused(&e->chat->look, "%.*s", (int)a->reason.n,
		    a->reason.p);
	str_free(e->name);
	buf_free(&e->text);
	free(e);
}

static struct errand *make_errand(struct chat *chat, errand_done *done,
    struct str name)
{
	struct errand *e = must_alloc(sizeof *e);

	*e = (struct errand){ chat, done, must_copy(name), .list = {
	    .talk = chat->c->talk, .limit_ms = TALK_FOREVER,
	    .done = on_errand, .arg = e } };
	chat->busy++;
	return e;
}

/* Makes a request of the members collected in chat->c. */
static void start_errand(struct chat *chat, const char *service,
    errand_done *done, struct str name)
{
	struct errand *e = make_errand(chat, done, name);

	talk_request(chat->c->talk, service, &chat->c->members, TALK_FOREVER,
	    on_errand, e);
	buf_clear(&chat->c->members);
}

static void start_list(struct chat *chat, const char *service,
    void (*add)(void *arg, struct str name), errand_done *done,
    struct str name)
{
	struct errand *e = make_errand(chat, done, name);

	e->list.service = service;
	e->list.add = add;
	talk_list(&e->list);
}

static int check_name(const struct chat *chat, struct str name)
{
	if (name_ok(name))
		return 0;
	look_note(&chat->look, "invalid name: %.*s: " NAME_RULE, (int)name.n,
	    name.p);
	return -1;
}

/* ---- channels ---- */

void chat_no_channel(struct chat *chat, struct str name)
{
	look_refused(&chat->look, "no channel %.*s; /create makes one",
	    (int)name.n, name.p);
}

static void enter_channel(struct chat *chat, struct str name)
{
	struct room *room = rooms_add(&chat->rooms, name, 0);

	names_add(&chat->channels, name);
	rooms_follow(&chat->rooms, room);
	rooms_go(&chat->rooms, room);
}

static void add_joinable(void *arg, struct str name)
{
	struct errand *e = arg;

	names_add(&e->chat->channels, name);
}

/* "#geral" is taken for "geral", unless there is a channel of that name. */
static void join_listed(struct errand *e, const struct answer *a)
{
	struct chat *chat = e->chat;
	struct str name = e->name;

	(void)a;
	if (!names_have(&chat->channels, name) && name.n > 1 && *name.p == '#')
		str_skip(&name, 1);
	if (names_have(&chat->channels, name))
		enter_channel(chat, name);
	else
		chat_no_channel(chat, name);
}

static void do_join(struct chat *chat, struct str name)
{
	struct room *room = name.n > 0 ? rooms_find(&chat->rooms, name, 0) :
	    rooms_next_unread(&chat->rooms);

	if (room != NULL)
		rooms_go(&chat->rooms, room);
	else if (name.n > 0)
		start_list(chat, "channels", add_joinable, join_listed, name);
	else
		look_note(&chat->look,
		    "nothing unread elsewhere; /join CHANNEL goes to one");
}

static void do_part(struct chat *chat, struct str name)
{
	struct room *room = name.n > 0 ? rooms_find(&chat->rooms, name, 0) :
	    chat->rooms.current;

	if (room != NULL)
		rooms_leave(&chat->rooms, room);
	else if (name.n > 0)
		look_note(&chat->look, "you are not in %.*s", (int)name.n,
		    name.p);
	else
		look_note(&chat->look, "you are not in a channel");
}

static void enter_created(struct errand *e, const struct answer *a)
{
	(void)a;
	enter_channel(e->chat, e->name);
}

static void do_create(struct chat *chat, struct str name)
{
	if (name.n == 0) {
		look_note(&chat->look, "/create CHANNEL makes one");
	} else if (check_name(chat, name) == 0) {
		json_put_member(&chat->c->members, "channel", name);
		start_errand(chat, "channel", enter_created, name);
	}
}

/* ---- lists ---- */

static void put_where(struct buf *b, const struct rooms *rooms,
    struct str channel)
{
	const struct room *room = rooms_find(rooms, channel, 0);

	if (room != NULL && room == rooms->current)
		buf_puts(b, " (here)");
	else if (room != NULL && room->unread > 0)
		buf_printf(b, " (%zu unread)", room->unread);
	else if (room != NULL)
		buf_puts(b, " (joined)");
}

static void put_listed(struct errand *e, const char *before, struct str name)
{
	buf_puts(&e->text, e->text.n > 0 ? ", " : "");
	buf_puts(&e->text, before);
	output_text(&e->text, name);
}

static void put_user(void *arg, struct str name)
{
	struct errand *e = arg;

	names_add(&e->chat->users, name);
	put_listed(e, "", name);
}

static void put_channel_name(void *arg, struct str name)
{
	struct errand *e = arg;

	names_add(&e->chat->channels, name);
	put_listed(e, "#", name);
	put_where(&e->text, &e->chat->rooms, name);
}

static void show_list(struct errand *e, const struct answer *a)
{
	(void)a;
	buf_putc(&e->text, '\0');
	look_note(&e->chat->look, "%s: %s", e->list.service,
	    e->text.err ? "" : e->text.p);
}

static void do_channels(struct chat *chat, struct str rest)
{
	(void)rest;
	start_list(chat, "channels", put_channel_name, show_list, STR(""));
}

static void do_users(struct chat *chat, struct str rest)
{
	(void)rest;
	start_list(chat, "users", put_user, show_list, STR(""));
}

/* ---- messages ---- */

/* Pasted text of several lines becomes as many messages. */
static void send_here(struct chat *chat, struct str text)
{
	if (chat->rooms.current == NULL)
		look_refused(&chat->look,
		    "you are in no channel; /join one, or /create it");
	while (chat->rooms.current != NULL && text.n > 0)
		outbox_send(&chat->outbox, 0, chat->rooms.current->name,
		    str_take(&text, '\n'));
}

/* Takes a name off the front of s. One with spaces is in quotes. */
static struct str take_quoted(struct str *s)
{
	int quoted = s->n > 0 && *s->p == '"';
	struct str name;

	str_skip(s, (size_t)quoted);
	name = str_take(s, quoted ? '"' : ' ');
	while (s->n > 0 && *s->p == ' ')
		str_skip(s, 1);
	return name;
}

static void do_msg(struct chat *chat, struct str rest)
{
	struct str to = take_quoted(&rest);

	if (to.n == 0 || rest.n == 0)
		look_note(&chat->look, "/msg USER TEXT; "
		    "a name with spaces goes between \"\"");
	else if (check_name(chat, to) == 0)
		outbox_send(&chat->outbox, 1, to, rest);
}

static void show_history(struct errand *e, const struct answer *a)
{
	const struct json_node *list = reply_array(a, "messages"), *n;
	struct message_strings strings = { 0 };
	struct message m;

	if (list == NULL)
		return;
	for (n = json_first(a->json, list); n != NULL;
	    n = json_next(a->json, list, n)) {
		if (message_read(&m, &strings, e->name, 0, a->json, n) == -1)
			continue;
		m.old = 1;
		look_message(&e->chat->look, &m);
	}
	message_strings_free(&strings);
}

/* The number at the front of s, at most HISTORY_MAX; 0: none. */
static uint64_t read_count(struct str s)
{
	uint64_t n = 0;

	for (; s.n > 0 && *s.p >= '0' && *s.p <= '9'; str_skip(&s, 1)) {
		n = 10 * n + (uint64_t)(*s.p - '0');
		if (n > HISTORY_MAX)
			return HISTORY_MAX;
	}
	return n;
}

static void do_hist(struct chat *chat, struct str rest)
{
	const struct room *room = chat->rooms.current;
	uint64_t n = read_count(rest);

	if (room == NULL) {
		look_note(&chat->look, "you are in no channel");
		return;
	}
	json_put_member(&chat->c->members, "channel", room->name);
	json_put_number(&chat->c->members, "limit", n > 0 ? n : HIST_DEFAULT);
	start_errand(chat, "history", show_history, room->name);
}

/* ---- all commands ---- */

static void do_quit(struct chat *chat, struct str rest)
{
	(void)rest;
	chat->leaving = 1;
}

static void do_help(struct chat *chat, struct str rest);

static const struct chat_command {
	const char *name;
	void (*run)(struct chat *chat, struct str rest);
	int argument;           /* for Tab: 'c' a channel, 'u' a user, 0 none */
	const char *help;
} chat_commands[] = {
	{ "/join", do_join, 'c',
	    "/join [CHANNEL]    go to it; "
	    "without a name to one with unread messages" },
	{ "/part", do_part, 'c',
	    "/part [CHANNEL]    leave it" },
	{ "/channels", do_channels, 0,
	    "/channels          list the channels" },
	{ "/create", do_create, 0,
	    "/create CHANNEL    make a channel and go there" },
	{ "/msg", do_msg, 'u',
	    "/msg USER TEXT     to one user alone" },
	{ "/users", do_users, 0,
	    "/users             list the users" },
	{ "/hist", do_hist, 0,
	    "/hist [N]          the newest N messages of this channel ("
	    LIMIT_TEXT(HIST_DEFAULT) ")" },
	{ "/help", do_help, 0,
	    "/help              this list; //text sends /text" },
	{ "/quit", do_quit, 0,
	    "/quit              or ^D" },
};

#define COMMANDS (sizeof chat_commands / sizeof *chat_commands)

static void do_help(struct chat *chat, struct str rest)
{
	(void)rest;
	for (size_t i = 0; i < COMMANDS; i++)
		look_note(&chat->look, "%s", chat_commands[i].help);
}

static const struct chat_command *chat_command_of(struct str name)
{
	for (size_t i = 0; i < COMMANDS; i++)
		if (str_is(name, chat_commands[i].name))
			return &chat_commands[i];
	return NULL;
}

static void run_command(struct chat *chat, struct str line)
{
	struct str name = str_take(&line, ' ');
	const struct chat_command *c = chat_command_of(name);

	if (c == NULL) {
		look_refused(&chat->look, "no such command; /help lists them");
		return;
	}
	/* No name ends with a space; a text may. */
	while (line.n > 0 && line.p[line.n - 1] == ' ' && c->run != do_msg)
		line.n--;
	c->run(chat, line);
}

void chat_line(struct chat *chat, struct str line)
{
	if (line.n == 0)
		return;
	if (*line.p != '/' || memchr(line.p, '\n', line.n) != NULL) {
		send_here(chat, line);
	} else if (line.n > 1 && line.p[1] == '/') {
		str_skip(&line, 1);
		send_here(chat, line);
	} else {
		run_command(chat, line);
	}
}

/* ---- completion ---- */

static void offer_commands(struct edit *e)
{
	struct buf b = { 0 };

	for (size_t i = 0; i < COMMANDS; i++) {
		buf_clear(&b);
		buf_puts(&b, chat_commands[i].name);
		buf_putc(&b, ' ');
		edit_candidate(e, buf_str(&b));
	}
	buf_free(&b);
}

/* After a command what it takes; else commands at the start of the line, and
 * users and #channels anywhere. */
size_t chat_complete(void *arg, struct edit *e, struct str before)
{
	struct chat *chat = arg;
	const struct chat_command *c;
	struct str rest = before, first = str_take(&rest, ' ');
	size_t argument = first.n + 1, word = before.n;

	names_refresh(&chat->users, chat->c->talk);     /* for the next Tab */
	names_refresh(&chat->channels, chat->c->talk);
	while (word > 0 && before.p[word - 1] != ' ')
		word--;
	c = chat_command_of(first);
	if (c != NULL && argument <= before.n &&
	    (c->argument == 'c' || word == argument)) {
		if (c->argument == 'c')         /* its name may have spaces */
			names_offer(&chat->channels, e, "", "");
		else if (c->argument == 'u')
			names_offer(&chat->users, e, "", " ");
		return argument;
	}
	if (word == 0 && before.n > 0 && *before.p == '/')
		offer_commands(e);
	else if (before.n > word && before.p[word] == '#')
		names_offer(&chat->channels, e, "#", " ");
	else
		names_offer(&chat->users, e, "", word == 0 ? ": " : " ");
	return word;
}
