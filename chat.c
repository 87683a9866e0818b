/* chat.c: the client's command chat: how it begins, its loop, how it ends. See
 * chat.h. */
#include "chat.h"

#include "chat_state.h"
#include "limits.h"
#include "lines.h"
#include "name.h"
#include "util.h"

#include <string.h>
#include <unistd.h>

#define QUIT_MS     2000        /* /quit waits for what is on its way */
#define TURN_MS     50          /* between two looks at what it waits for */
#define INPUT_BYTES 65536       /* of stdin; none are read while more wait */

/* ---- what is received ---- */

static void on_chat_message(void *arg, const struct message *m)
{
	struct chat *chat = arg;

	names_add(&chat->users, m->user);
	if (!m->inbox && !m->old && str_eq(m->user, chat->c->user))
		outbox_seen(&chat->outbox, m->topic, m->text);
	rooms_message(&chat->rooms, m);
}

static void on_chat_event(void *arg, enum talk_event event, const char *text)
{
	struct chat *chat = arg;

	(void)event;
	look_note(&chat->look, "%s", text);
}

/* ---- the beginning ---- */

/* "chat ana", without a user given otherwise, says who is talking. */
static void take_user(struct client *c, const struct names *channels)
{
	struct str name = str_of(c->operands > 0 ? c->operand[0] : "");

	if (c->user_given || names_have(channels, name) || !name_ok(name))
		return;
	c->user = name;
	c->operands--;
	memmove(c->operand, c->operand + 1,
	    (size_t)c->operands * sizeof *c->operand);
}

static void on_channel(void *arg, struct str name)
{
	struct chat *chat = arg;

	names_add(&chat->channels, name);
}

static int chat_log_in(struct chat *chat)
{
	struct client *c = chat->c;
	int code = client_list(c, "channels", on_channel, chat);

	if (code != 0)
		return code;
	take_user(c, &chat->channels);
	client_need_user(c);
	return client_register(c);
}

/* Adds the channels named on the command line. Returns the first of them. */
static struct room *add_operands(struct chat *chat)
{
	struct room *first = NULL, *room;

	for (int i = 0; i < chat->c->operands; i++) {
		struct str name = str_of(chat->c->operand[i]);

		if (!names_have(&chat->channels, name)) {
			chat_no_channel(chat, name);
			continue;
		}
		room = rooms_add(&chat->rooms, name, 0);
		first = first != NULL ? first : room;
	}
	return first;
}

/* The channel to begin in when the command line names none: that of last time,
 * else geral, else any. NULL: no channel exists. */
static struct room *usual_room(struct chat *chat)
{
	struct rooms *rooms = &chat->rooms;
	const struct names *channels = &chat->channels;

	for (struct room *r = rooms->first; r != NULL; r = r->next)
		if (!r->inbox && names_have(channels, r->name))
			return r;
	if (names_have(channels, STR("geral")))
		return rooms_add(rooms, STR("geral"), 0);
	return channels->n > 0 ? rooms_add(rooms, channels->name[0], 0) : NULL;
}

/* The rooms of last time, the inbox, and those of the command line. */
static void enter_rooms(struct chat *chat)
{
	struct rooms *rooms = &chat->rooms;
	struct room *first;

	state_load(rooms, chat->c);
	(void)rooms_add(rooms, chat->c->user, 1);
	first = add_operands(chat);
	rooms->current = first != NULL ? first : usual_room(chat);
	for (struct room *r = rooms->first; r != NULL; r = r->next)
		if (r->inbox || names_have(&chat->channels, r->name))
			rooms_follow(rooms, r);
}

static void welcome(struct chat *chat)
{
	struct str user = chat->c->user;

	look_note(&chat->look, "you are %.*s; /help lists the commands",
	    (int)user.n, user.p);
	if (chat->rooms.current == NULL)
		look_note(&chat->look,
		    "there is no channel yet; /create NAME makes one");
}

/* ---- the loop ---- */

static void save_when_due(struct chat *chat)
{
	if (chat->rooms.save_at > 0 && ticks_ms() >= chat->rooms.save_at)
		state_save(&chat->rooms, chat->c);
}

static int64_t ms_to_save(const struct chat *chat)
{
	int64_t left = chat->rooms.save_at - ticks_ms();

	if (chat->rooms.save_at == 0)
		return TALK_FOREVER;
	return left > 0 ? left : 0;
}

/* Each command is over before the next line is looked at: what follows a /join
 * is meant for that channel. */
static void take_lines(struct chat *chat, struct lines *in)
{
	struct str line;

	while (!chat->leaving && chat->busy == 0 &&
	    lines_next(in, MESSAGE_BYTES_MAX, &line))
		chat_line(chat, line);
}

/* Without a terminal. At the end of the input it waits for all replies, and
 * for what they lead to: until nothing is under way for two turns. */
static void plain_loop(struct chat *chat, int signals)
{
	enum { ON_SIGNAL, ON_STDIN, ITEMS };
	struct talk *talk = chat->c->talk;
	struct lines in = { 0 };
	int64_t end = INT64_MAX;
	int quiet = 0;

	while (!chat->leaving && quiet < 2 && ticks_ms() < end) {
		int full = in.eof || chat->busy > 0 ||
		    lines_waiting(&in) > INPUT_BYTES;
		zmq_pollitem_t item[ITEMS] = {
			[ON_SIGNAL] = { NULL, signals, ZMQ_POLLIN, 0 },
			[ON_STDIN] = { NULL, STDIN_FILENO, ZMQ_POLLIN, 0 },
		};

		(void)talk_poll(talk, in.eof ? TURN_MS : ms_to_save(chat),
		    item, full ? ON_STDIN : ITEMS);
		if (stop_asked(signals))
			break;
		if (!full && item[ON_STDIN].revents != 0 &&
		    lines_read(&in) == -1)
			die(EXIT_IO, "stdin:");
		take_lines(chat, &in);
		if (in.eof && end == INT64_MAX)
			end = ticks_ms() + chat->c->limit_ms;
		quiet = in.eof && talk_under_way(talk) == 0 ? quiet + 1 : 0;
		save_when_due(chat);
	}
	lines_free(&in);
}

static void take_keys(struct chat *chat)
{
	struct edit *e = chat->look.edit;
	enum edit_event event;
	struct str line;

	edit_input(e);
	while ((event = edit_next(e, &line)) == EDIT_LINE && !chat->leaving)
		chat_line(chat, line);
	if (event == EDIT_END)
		chat->leaving = 1;
}

static void draw_chat(struct chat *chat)
{
	const struct room *room = chat->rooms.current;
	size_t mentions, unread = rooms_unread(&chat->rooms, &mentions);

	look_prompt(&chat->look, room != NULL ? room->name : STR(""), unread,
	    mentions > 0);
	outbox_show(&chat->outbox);
	edit_show(chat->look.edit);
}

static void terminal_loop(struct chat *chat, int signals)
{
	enum { ON_SIGNAL, ON_STDIN, ON_EDIT, ITEMS };
	struct edit *e = chat->look.edit;

	while (!chat->leaving) {
		zmq_pollitem_t item[ITEMS] = {
			[ON_SIGNAL] = { NULL, signals, ZMQ_POLLIN, 0 },
			[ON_STDIN] = { NULL, STDIN_FILENO, ZMQ_POLLIN, 0 },
			[ON_EDIT] = { NULL, edit_signal_fd(e), ZMQ_POLLIN, 0 },
		};

		draw_chat(chat);
		(void)talk_poll(chat->c->talk, ms_to_save(chat), item, ITEMS);
		edit_signals(e);
		if (item[ON_STDIN].revents != 0)
			take_keys(chat);
		if (stop_asked(signals))
			chat->leaving = 1;
		save_when_due(chat);
	}
}

/* ---- the end ---- */

/* Waits a moment for the last messages; a signal ends that. */
static int finish_outbox(struct chat *chat, int signals)
{
	int64_t end = ticks_ms() + QUIT_MS;
	zmq_pollitem_t item = { .fd = signals, .events = ZMQ_POLLIN };
	size_t lost;

	while (chat->outbox.first != NULL && ticks_ms() < end &&
	    !stop_asked(signals))
		(void)talk_poll(chat->c->talk, TURN_MS, &item, 1);
	lost = outbox_waiting(&chat->outbox);
	if (lost > 0)
		look_note(&chat->look, "not confirmed: %zu", lost);
	return lost > 0 ? EXIT_NOANSWER : 0;
}

static void chat_free(struct chat *chat)
{
	rooms_free(&chat->rooms);
	outbox_free(&chat->outbox);
	names_free(&chat->users);
	names_free(&chat->channels);
}

/* ---- all of it ---- */

static int chat_run(struct chat *chat)
{
	struct edit_handler handler = { chat_complete, chat };
	int signals = stop_signals(), code;

	look_open(&chat->look, chat->c->user, &handler);
	if (chat->look.edit != NULL) {
		names_refresh(&chat->users, chat->c->talk);
		names_refresh(&chat->channels, chat->c->talk);
	}
	enter_rooms(chat);
	if (chat->c->form == OUTPUT_PEOPLE)
		welcome(chat);
	if (chat->look.edit != NULL)
		terminal_loop(chat, signals);
	else
		plain_loop(chat, signals);
	code = finish_outbox(chat, signals);
	state_save(&chat->rooms, chat->c);
	if (chat->look.edit == NULL && code == 0 && chat->look.refused)
		code = EXIT_FAILED;
	look_close(&chat->look);
	return code;
}

int client_chat(struct client *c)
{
	struct chat chat = { .c = c, .look.form = c->form,
	    .rooms.look = &chat.look, .outbox.look = &chat.look,
	    .users.service = "users", .channels.service = "channels" };
	struct talk_handler handler = { on_chat_message, on_chat_event, &chat };
	int code;

	client_open(c, &handler);
	chat.rooms.talk = chat.outbox.talk = c->talk;
	code = chat_log_in(&chat);
	if (code == 0)
		code = chat_run(&chat);
	talk_close(c->talk);            /* its callbacks use what follows */
	c->talk = NULL;
	chat_free(&chat);
	return code;
}
