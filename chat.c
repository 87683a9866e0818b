/* chat.c: the client's command chat: how it begins, its loop, how it ends. See chat.h. */
#include "chat.h"

#include "limits.h"
#include "line.h"
#include "name.h"
#include "net.h"
#include "util.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LEAVE_MS 2000           /* /quit waits for what is on its way */
#define CHUNK    65536          /* bytes of stdin read at a time, without a terminal */

/* ---- what comes ---- */

static void on_message(void *arg, const struct message *m)
{
	struct chat *chat = arg;
	struct room *room = room_find(chat, m->topic, m->inbox);

	names_add(&chat->users, m->user);
	if (room != NULL)
		room_message(chat, room, m);
}

static void on_event(void *arg, enum talk_event event, const char *text)
{
	struct chat *chat = arg;

	(void)event;
	chat_note(chat, "%s", text);
}

/* ---- the loop ---- */

/* Lines of stdin without a terminal. Each command is over before the next line is looked at: what
 * is said behind a /join is meant for that channel. */
struct input {
	struct buf b;
	size_t at;
	int eof;
};

static void take_input(struct chat *chat, struct input *in)
{
	while (!chat->leaving && chat->busy == 0 && in->at < in->b.n) {
		char *p = in->b.p + in->at, *end = memchr(p, '\n', in->b.n - in->at);
		size_t n = end != NULL ? (size_t)(end - p) : in->b.n - in->at;

		if (end == NULL && !in->eof && n <= MESSAGE_BYTES_MAX)
			return;
		in->at += n + (end != NULL);
		chat_line(chat, (struct str){ p, n });
	}
}

static void read_input(struct input *in)
{
	char *to;
	ssize_t n;

	if (in->at > 0)
		memmove(in->b.p, in->b.p + in->at, in->b.n - in->at);
	in->b.n -= in->at;
	in->at = 0;
	to = buf_room(&in->b, CHUNK);
	if (to == NULL)
		die(EXIT_FAILED, "out of memory");
	n = read(STDIN_FILENO, to, CHUNK);
	if (n > 0)
		in->b.n += (size_t)n;
	else if (n == 0)
		in->eof = 1;
	else if (errno != EINTR && errno != EAGAIN)
		die(EXIT_IO, "stdin:");
}

static int64_t time_to_save(const struct chat *chat)
{
	int64_t left = chat->save_at == INT64_MAX ? TALK_FOREVER : chat->save_at - ticks_ms();

	return chat->save_at != INT64_MAX && left < 0 ? 0 : left;
}

/* At the end of the input what is on its way is waited for, and what was asked for: until nothing
 * has been under way for two turns. */
static void plain_loop(struct chat *chat, int signals)
{
	struct input in = { 0 };
	int quiet = 0;
	int64_t end = INT64_MAX;

	while (!chat->leaving && quiet < 2 && ticks_ms() < end) {
		int full = in.eof || chat->busy > 0 || in.b.n - in.at > CHUNK;
		zmq_pollitem_t item[2] = { { .fd = signals, .events = ZMQ_POLLIN },
			{ .fd = STDIN_FILENO, .events = ZMQ_POLLIN } };

		(void)talk_poll(chat->c->talk, in.eof ? 50 : time_to_save(chat), item,
		    full ? 1 : 2);
		if (stop_asked(signals))
			break;
		if (!full && item[1].revents != 0)
			read_input(&in);
		take_input(chat, &in);
		if (in.eof && end == INT64_MAX)
			end = ticks_ms() + chat->c->limit_ms;
		quiet = in.eof && talk_under_way(chat->c->talk) == 0 ? quiet + 1 : 0;
		if (ticks_ms() >= chat->save_at)
			state_save(chat);
	}
	buf_free(&in.b);
}

static void take_keys(struct chat *chat)
{
	enum edit_event event;
	struct str line;

	edit_input(chat->edit);
	while ((event = edit_next(chat->edit, &line)) == EDIT_LINE && !chat->leaving)
		chat_line(chat, line);
	if (event == EDIT_END)
		chat->leaving = 1;
}

static void draw(struct chat *chat)
{
	chat_prompt(chat);
	chat_show_waiting(chat);
	edit_show(chat->edit);
}

static void terminal_loop(struct chat *chat, int signals)
{
	while (!chat->leaving) {
		zmq_pollitem_t item[3] = { { .fd = signals, .events = ZMQ_POLLIN },
			{ .fd = edit_signal_fd(chat->edit), .events = ZMQ_POLLIN },
			{ .fd = STDIN_FILENO, .events = ZMQ_POLLIN } };

		draw(chat);
		(void)talk_poll(chat->c->talk, time_to_save(chat), item, 3);
		edit_signals(chat->edit);
		if (item[2].revents != 0)
			take_keys(chat);
		if (stop_asked(signals))
			chat->leaving = 1;
		if (ticks_ms() >= chat->save_at)
			state_save(chat);
	}
}

/* The last words are waited for a moment, unless one is in a hurry. */
static int leave(struct chat *chat, int signals)
{
	int64_t end = ticks_ms() + LEAVE_MS;
	zmq_pollitem_t item = { .fd = signals, .events = ZMQ_POLLIN };
	size_t lost = 0;

	while (chat->sending != NULL && ticks_ms() < end && !stop_asked(signals))
		(void)talk_poll(chat->c->talk, 50, &item, 1);
	for (const struct sending *s = chat->sending; s != NULL; s = s->next)
		lost += !s->seen;
	if (lost > 0)
		chat_note(chat, "not confirmed: %zu", lost);
	return lost > 0 ? EXIT_NOANSWER : 0;
}

/* ---- the beginning ---- */

/* "chat ana", typed by somebody who gave no name otherwise, says who is talking. */
static void take_user(struct client *c, const struct names *channels)
{
	if (c->user_given || c->operands == 0 || names_have(channels, str_of(c->operand[0])) ||
	    !name_ok(str_of(c->operand[0])))
		return;
	c->user = str_of(c->operand[0]);
	c->operands--;
	memmove(c->operand, c->operand + 1, (size_t)c->operands * sizeof *c->operand);
}

static int begin(struct chat *chat)
{
	struct client *c = chat->c;
	struct answer a;
	int code = client_call(c, "chat", "channels", &a);

	if (code != 0)
		return code;
	names_take(&chat->channels, &a, "channels");
	take_user(c, &chat->channels);
	client_need_user(c);
	return client_register(c);
}

/* Those named on the command line and those of last time; in the first of them one is. */
static void enter_rooms(struct chat *chat)
{
	struct room *first = NULL, *r;
	struct buf b = { 0 };

	state_load(chat);
	(void)room_add(chat, chat->c->user, 1);
	for (int i = 0; i < chat->c->operands; i++) {
		struct str name = str_of(chat->c->operand[i]);

		buf_clear(&b);
		if (!names_have(&chat->channels, name)) {
			chat->refused = 1;
			chat_note(chat, "no channel %s; /create makes one",
			    chat_visible(&b, name).p);
			continue;
		}
		r = room_add(chat, name, 0);
		first = first != NULL ? first : r;
	}
	for (r = chat->rooms; r != NULL && first == NULL; r = r->next)
		first = !r->inbox && names_have(&chat->channels, r->name) ? r : NULL;
	if (first == NULL && names_have(&chat->channels, STR("geral")))
		first = room_add(chat, STR("geral"), 0);
	if (first == NULL && chat->channels.n > 0)
		first = room_add(chat, chat->channels.name[0], 0);
	chat->current = first;
	for (r = chat->rooms; r != NULL; r = r->next)
		if (r->inbox || names_have(&chat->channels, r->name))
			room_follow(chat, r);
	buf_free(&b);
}

static void welcome(struct chat *chat)
{
	struct buf b = { 0 };

	chat_note(chat, "you are %s; /help lists the commands", chat_visible(&b, chat->c->user).p);
	if (chat->current == NULL)
		chat_note(chat, "there is no channel yet; /create NAME makes one");
	buf_free(&b);
}

static void open_terminal(struct chat *chat)
{
	struct edit_handler handler = { chat_complete, chat };
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
	int wanted = no_color == NULL || *no_color == '\0';

	chat->colours = wanted && chat->c->form == OUTPUT_PEOPLE && term != NULL &&
	    strcmp(term, "dumb") != 0;
	if (chat->c->form == OUTPUT_PEOPLE)
		chat->edit = edit_open(&handler, chat->colours);
	if (chat->edit != NULL)
		names_refresh(chat);
}

static void forget(struct chat *chat)
{
	while (chat->rooms != NULL)
		room_remove(chat, chat->rooms);
	while (chat->sending != NULL)
		sending_forget(chat->sending);
	names_free(&chat->users);
	names_free(&chat->channels);
	buf_free(&chat->line);
}

static int talk(struct chat *chat)
{
	int signals = stop_signals(), code;

	open_terminal(chat);
	enter_rooms(chat);
	if (chat->c->form == OUTPUT_PEOPLE)
		welcome(chat);
	if (chat->edit != NULL)
		terminal_loop(chat, signals);
	else
		plain_loop(chat, signals);
	code = leave(chat, signals);
	state_save(chat);
	if (chat->edit != NULL)
		edit_close(chat->edit);
	else if (code == 0 && chat->refused)
		code = EXIT_FAILED;
	return code;
}

int client_chat(struct client *c)
{
	struct chat chat = { .c = c, .save_at = INT64_MAX };
	struct talk_handler handler = { on_message, on_event, &chat };
	int code;

	client_open(c, &handler);
	code = begin(&chat);
	if (code == 0)
		code = talk(&chat);
	talk_close(c->talk);            /* before what its functions use is gone */
	c->talk = NULL;
	forget(&chat);
	return code;
}
