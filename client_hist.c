/* client_hist.c: hist: shows messages that are in the log, page by page. */
#include "client.h"

#include "limits.h"
#include "name.h"
#include "util.h"

struct hist {
	struct client *c;
	struct str topic;
	uint64_t last;          /* shown */
	/* In the log when we began: what comes later is not waited for. */
	uint64_t newest;
	struct message_strings strings;
};

/* limit 0 asks for the newest seq alone. */
static int ask_page(struct hist *h, uint64_t limit, struct answer *a)
{
	struct client *c = h->c;

	json_put_member(&c->members, c->inbox ? "user" : "channel", h->topic);
	if (limit > 0)
		json_put_number(&c->members, "after", h->last);
	json_put_number(&c->members, "limit", limit);
	return client_call(c, c->operand[0], "history", a);
}

static void warn_missing(const struct hist *h, uint64_t first, uint64_t last)
{
	struct buf b = { 0 };

	message_put_missing(&b, h->topic, first, last);
	output_warn(&b);
}

static void show_one(struct hist *h, const struct message *m)
{
	if (m->seq <= h->last || m->seq > h->newest)
		return;
	if (m->seq > h->last + 1)
		warn_missing(h, h->last + 1, m->seq - 1);
	h->last = m->seq;
	output_message(&h->c->out, h->c->form, m);
}

static void show_page(struct hist *h, const struct answer *a)
{
	const struct json_node *list = reply_array(a, "messages"), *n;
	struct message m;

	for (n = json_first(a->json, list); n != NULL;
	    n = json_next(a->json, list, n))
		if (message_read(&m, &h->strings, h->topic, h->c->inbox,
		    a->json, n) == 0)
			show_one(h, &m);
	output_write(&h->c->out);
}

static int show_pages(struct hist *h)
{
	struct answer a;

	while (h->last < h->newest) {
		uint64_t left = h->newest - h->last, before = h->last;
		int code = ask_page(h,
		    left < HISTORY_PAGE ? left : HISTORY_PAGE, &a);

		if (code != 0)
			return code;
		show_page(h, &a);
		if (h->last == before) {
			warn_missing(h, h->last + 1, h->newest);
			return EXIT_FAILED;
		}
	}
	return 0;
}

static uint64_t begin_after(const struct hist *h)
{
	uint64_t count = h->c->newest > 0 ? h->c->newest : HISTORY_DEFAULT;

	if (h->c->after_given)
		return h->c->after;
	return h->newest > count ? h->newest - count : 0;
}

int client_hist(struct client *c)
{
	struct hist h = { .c = c, .topic = str_of(c->operand[0]) };
	struct answer a;
	int code;

	if (!name_ok(h.topic)) {
		output_invalid_name(h.topic);
		return EXIT_FAILED;
	}
	code = ask_page(&h, 0, &a);
	if (code != 0)
		return code;
	h.newest = reply_number(a.json, a.data, "last", 0);
	h.last = begin_after(&h);
	code = show_pages(&h);
	message_strings_free(&h.strings);
	return code;
}
