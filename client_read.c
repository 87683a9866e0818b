/* client_read.c: sub and hist. */
#include "client.h"

#include "limits.h"
#include "text.h"
#include "util.h"

#include <stdlib.h>
#include <unistd.h>

/* ---- sub ---- */

struct reading {
	struct client *c;
	uint64_t seen;
};

static int enough(const struct reading *r)
{
	return r->c->count > 0 && r->seen == r->c->count;
}

static void on_message(void *arg, const struct message *m)
{
	struct reading *r = arg;

	if (enough(r))
		return;
	r->seen++;
	output_message(&r->c->out, r->c->form, m);
}

/* Connections come and go without a word: nothing is lost by it. */
static void on_event(void *arg, enum talk_event event, const char *text)
{
	(void)arg;
	if (event != TALK_LOST && event != TALK_BACK)
		warn("%s", text);
}

struct search {
	struct str name;
	int found;
};

static void compare(void *arg, struct str name)
{
	struct search *s = arg;

	s->found |= str_eq(s->name, name);
}

static int channels_exist(struct client *c)
{
	struct answer a, no = { .kind = ANSWER_ERRO, .reason = STR("no such channel") };
	int code = client_call(c, "channels", "channels", &a);

	for (int i = 0; code == 0 && i < c->operands; i++) {
		struct search s = { .name = str_of(c->operand[i]) };

		reply_names(&a, "channels", compare, &s);
		if (!s.found)
			code = client_failed(c->operand[i], &no);
	}
	return code;
}

static void follow(struct client *c)
{
	uint64_t tail = c->after_given ? UINT64_MAX : 0;

	talk_follow(c->talk, c->user, 1, c->after, tail);
	for (int i = 0; i < c->operands; i++)
		talk_follow(c->talk, str_of(c->operand[i]), 0, c->after, tail);
}

/* What has come in one turn goes out at once. Watching stdout finds a reader that went away while
 * nothing comes. */
static int listen_for_messages(struct reading *r)
{
	int64_t end = r->c->wait_ms < 0 ? INT64_MAX : ticks_ms() + r->c->wait_ms;
	zmq_pollitem_t out = { .fd = STDOUT_FILENO };
	int64_t left;

	while (!enough(r)) {
		left = end - ticks_ms();
		if (left <= 0)
			return EXIT_TIMEOUT;
		if (talk_poll(r->c->talk, left, &out, 1) > 0 && (out.revents & ZMQ_POLLERR))
			return 0;
		output_write(&r->c->out);
	}
	return 0;
}

int client_sub(struct client *c)
{
	struct reading r = { .c = c };
	struct talk_handler handler = { on_message, on_event, &r };
	struct answer a;
	int code;

	client_open(c, &handler);
	code = client_login(c, &a);
	if (code == 0 && c->operands > 0)
		code = channels_exist(c);
	if (code != 0)
		return code;
	follow(c);
	return listen_for_messages(&r);
}

/* ---- hist ---- */

struct page {
	struct client *c;
	struct str topic;
	uint64_t last;          /* shown */
	uint64_t newest;        /* in the log when we began: what comes later is not waited for */
	struct message_strings strings;
};

static int ask(struct page *p, uint64_t limit, struct answer *a)
{
	struct client *c = p->c;

	json_put_member(&c->members, c->inbox ? "user" : "channel", p->topic);
	if (limit > 0)
		json_put_number(&c->members, "after", p->last);
	json_put_number(&c->members, "limit", limit);
	return client_call(c, c->operand[0], "history", a);
}

static void warn_missing(const struct page *p, uint64_t from, uint64_t to)
{
	struct buf b = { 0 };

	message_put_missing(&b, p->topic, from, to);
	buf_putc(&b, '\0');
	warn("%s", b.err ? "messages are missing in the log" : b.p);
	buf_free(&b);
}

static void show_one(struct page *p, const struct message *m)
{
	if (m->seq <= p->last || m->seq > p->newest)
		return;
	if (m->seq > p->last + 1)
		warn_missing(p, p->last + 1, m->seq - 1);
	p->last = m->seq;
	output_message(&p->c->out, p->c->form, m);
}

static void show_page(struct page *p, const struct answer *a)
{
	const struct json_node *list = json_get(a->json, a->data, "messages"), *n;
	struct message m;

	if (list == NULL || list->type != JSON_ARRAY)
		return;
	for (n = json_first(a->json, list); n != NULL; n = json_next(a->json, list, n))
		if (message_read(&m, &p->strings, p->topic, p->c->inbox, a->json, n) == 0)
			show_one(p, &m);
	output_write(&p->c->out);
}

static int show_pages(struct page *p)
{
	struct answer a;

	while (p->last < p->newest) {
		uint64_t left = p->newest - p->last, before = p->last;
		int code = ask(p, left < HISTORY_PAGE ? left : HISTORY_PAGE, &a);

		if (code != 0)
			return code;
		show_page(p, &a);
		if (p->last == before) {
			warn_missing(p, p->last + 1, p->newest);
			return EXIT_FAILED;
		}
	}
	return 0;
}

int client_hist(struct client *c)
{
	struct page p = { .c = c, .topic = str_of(c->operand[0]) };
	uint64_t count = c->newest > 0 ? c->newest : HISTORY_DEFAULT;
	struct answer a;
	int code;

	if (!utf8_valid(p.topic))
		die(EXIT_FAILED, "the name given is none");
	code = ask(&p, 0, &a);
	if (code != 0)
		return code;
	p.newest = reply_number(a.json, a.data, "last", 0);
	p.last = c->after;
	if (!c->after_given)
		p.last = p.newest > count ? p.newest - count : 0;
	code = show_pages(&p);
	buf_free(&p.strings.user);
	buf_free(&p.strings.text);
	buf_free(&p.strings.spare);
	return code;
}
