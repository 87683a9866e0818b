/* chat_send.c: messages of ours on their way. See chat.h. */
#include "chat.h"

#include "limits.h"
#include "line.h"
#include "text.h"
#include "util.h"

#include <stdlib.h>
#include <string.h>

void chat_show_waiting(struct chat *chat)
{
	struct buf b = { 0 };

	for (const struct sending *s = chat->sending; s != NULL; s = s->next) {
		if (s->seen)
			continue;
		buf_puts(&b, s->private ? "sending to " : "sending to #");
		output_text(&b, s->to);
		buf_puts(&b, ": ");
		output_text(&b, s->text);
		buf_putc(&b, '\n');
	}
	edit_waiting(chat->edit, buf_str(&b));
	buf_free(&b);
}

void sending_forget(struct sending *s)
{
	struct sending **link = &s->chat->sending;

	while (*link != s)
		link = &(*link)->next;
	*link = s->next;
	free((char *)s->to.p);          /* the text stands behind it */
	free(s);
}

/* What was refused can be typed differently. */
static void give_back(struct chat *chat, const struct sending *s)
{
	struct buf b = { 0 };
	int quoted = memchr(s->to.p, ' ', s->to.n) != NULL;

	if (s->private) {
		buf_puts(&b, quoted ? "/msg \"" : "/msg ");
		buf_str_add(&b, s->to);
		buf_puts(&b, quoted ? "\" " : " ");
	}
	buf_str_add(&b, s->text);
	edit_text(chat->edit, buf_str(&b));
	buf_free(&b);
}

static void refused(struct chat *chat, const struct sending *s, struct str reason)
{
	struct buf b = { 0 };

	chat->refused = 1;
	chat_note(chat, "not sent: %s", chat_visible(&b, reason).p);
	if (chat->edit != NULL)
		give_back(chat, s);
	buf_free(&b);
}

/* What one sends to another user comes back to nobody: shown when it is confirmed. */
static void show_private(struct chat *chat, const struct sending *s, uint64_t seq)
{
	struct message m = { .topic = s->to, .user = chat->c->user, .text = s->text,
	    .inbox = 1, .seq = seq, .ms = now_ms() };

	if (!str_eq(s->to, chat->c->user) && chat->c->form == OUTPUT_PEOPLE)
		chat_message(chat, &m);
}

static void on_stored(void *arg, const struct answer *a)
{
	struct sending *s = arg;

	if (a->kind != ANSWER_OK)
		refused(s->chat, s, a->reason);
	else if (s->private)
		show_private(s->chat, s, a->seq);
	sending_forget(s);
}

static void post(struct chat *chat, int private, struct str to, struct str text)
{
	struct sending *s = must_alloc(sizeof *s), **end = &chat->sending;
	struct buf *members = &chat->c->members;
	char *copy = must_alloc(to.n + text.n);

	memcpy(copy, to.p, to.n);
	memcpy(copy + to.n, text.p, text.n);
	*s = (struct sending){ .chat = chat, .private = private, .to = { copy, to.n },
	    .text = { copy + to.n, text.n } };
	while (*end != NULL)
		end = &(*end)->next;
	*end = s;
	buf_clear(members);
	json_put_member(members, private ? "src" : "user", chat->c->user);
	json_put_member(members, private ? "dst" : "channel", to);
	json_put_member(members, "message", text);
	talk_request(chat->c->talk, private ? "message" : "publish", members, TALK_FOREVER,
	    on_stored, s);
}

static void say(struct chat *chat, int private, struct str to, struct str text)
{
	if (text.n == 0)
		return;
	if (text.n <= MESSAGE_BYTES_MAX && utf8_valid(text)) {
		post(chat, private, to, text);
		return;
	}
	chat->refused = 1;
	chat_note(chat, "not sent: %s", text.n > MESSAGE_BYTES_MAX ?
	    "longer than 32768 bytes" : "not valid UTF-8");
}

void chat_say_to(struct chat *chat, struct str user, struct str text)
{
	say(chat, 1, user, text);
}

/* Several lines, which were pasted, are as many messages. */
void chat_say(struct chat *chat, struct str text)
{
	if (chat->current == NULL) {
		chat_note(chat, "you are in no channel; /join one, or /create it");
		chat->refused = 1;
		return;
	}
	while (text.n > 0) {
		const char *end = memchr(text.p, '\n', text.n);
		size_t n = end != NULL ? (size_t)(end - text.p) : text.n;

		say(chat, 0, chat->current->name, (struct str){ text.p, n });
		str_skip(&text, n + (end != NULL));
	}
}
