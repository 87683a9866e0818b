/* chat_outbox.c: see chat_outbox.h. */
#include "chat_outbox.h"

#include "limits.h"
#include "text.h"
#include "util.h"

#include <stdlib.h>
#include <string.h>

struct sending {
	struct sending *next;
	struct outbox *outbox;
	int private;
	int seen;                       /* 1: received from the channel */
	struct str to, text;            /* ours */
};

static void forget_sending(struct sending *s)
{
	struct sending **link = &s->outbox->first;

	while (*link != s)
		link = &(*link)->next;
	*link = s->next;
	str_free(s->to);
	str_free(s->text);
	free(s);
}

void outbox_free(struct outbox *o)
{
	while (o->first != NULL)
		forget_sending(o->first);
}

/* ---- waiting ---- */

void outbox_show(const struct outbox *o)
{
	struct buf b = { 0 };

	for (const struct sending *s = o->first; s != NULL; s = s->next) {
		if (s->seen)
			continue;
		buf_puts(&b, s->private ? "sending to " : "sending to #");
		output_text(&b, s->to);
		buf_puts(&b, ": ");
		output_text(&b, s->text);
		buf_putc(&b, '\n');
	}
	edit_waiting(o->look->edit, buf_str(&b));
	buf_free(&b);
}

size_t outbox_waiting(const struct outbox *o)
{
	size_t n = 0;

	for (const struct sending *s = o->first; s != NULL; s = s->next)
		n += !s->seen;
	return n;
}

void outbox_seen(struct outbox *o, struct str channel, struct str text)
{
	struct sending *s = o->first;

	while (s != NULL && (s->seen || s->private ||
	    !str_eq(s->to, channel) || !str_eq(s->text, text)))
		s = s->next;
	if (s != NULL)
		s->seen = 1;
}

/* ---- sending ---- */

/* What was refused can be typed differently. */
static void give_back(struct edit *e, const struct sending *s)
{
	int quoted = memchr(s->to.p, ' ', s->to.n) != NULL;
	struct buf b = { 0 };

	if (s->private) {
		buf_puts(&b, quoted ? "/msg \"" : "/msg ");
		buf_str_add(&b, s->to);
		buf_puts(&b, quoted ? "\" " : " ");
	}
	buf_str_add(&b, s->text);
	edit_text(e, buf_str(&b));
	buf_free(&b);
}

/* The user does not receive what goes to another one, so it is shown when it
 * is confirmed. */
static void show_private(const struct look *look, const struct sending *s,
    uint64_t seq)
{
	struct message m = { .topic = s->to, .user = look->user,
	    .text = s->text, .inbox = 1, .seq = seq, .ms = now_ms() };

	if (!str_eq(s->to, look->user) && look->form == OUTPUT_PEOPLE)
		look_message(look, &m);
}

static void on_outbox_answer(void *arg, const struct answer *a)
{
	struct sending *s = arg;
	struct look *look = s->outbox->look;

	if (a->kind != ANSWER_OK) {
		look_refused(look, "not sent: %.*s", (int)a->reason.n,
		    a->reason.p);
		if (look->edit != NULL)
			give_back(look->edit, s);
	} else if (s->private) {
		show_private(look, s, a->seq);
	}
	forget_sending(s);
}

static void add_sending(struct outbox *o, int private, struct str to,
    struct str text)
{
	struct sending *s = must_alloc(sizeof *s), **end = &o->first;
	struct buf members = { 0 };

	*s = (struct sending){ .outbox = o, .private = private,
	    .to = must_copy(to), .text = must_copy(text) };
	while (*end != NULL)
		end = &(*end)->next;
	*end = s;
	json_put_member(&members, private ? "src" : "user", o->look->user);
	json_put_member(&members, private ? "dst" : "channel", to);
	json_put_member(&members, "message", text);
	talk_request(o->talk, private ? "message" : "publish", &members,
	    TALK_FOREVER, on_outbox_answer, s);
	buf_free(&members);
}

void outbox_send(struct outbox *o, int private, struct str to, struct str text)
{
	if (text.n > MESSAGE_BYTES_MAX)
		look_refused(o->look, "not sent: longer than "
		    LIMIT_TEXT(MESSAGE_BYTES_MAX) " bytes");
	else if (!utf8_valid(text))
		look_refused(o->look, "not sent: not valid UTF-8");
	else if (text.n > 0)
		add_sending(o, private, to, text);
}
