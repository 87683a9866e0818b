/* client_sub.c: sub: shows what is sent to channels and to the user. */
#include "client.h"

#include "util.h"

#include <stdlib.h>
#include <unistd.h>

struct reading {
	struct client *c;
	uint64_t seen;
};

static int seen_enough(const struct reading *r)
{
	return r->c->count > 0 && r->seen == r->c->count;
}

static void show_message(void *arg, const struct message *m)
{
	struct reading *r = arg;

	if (seen_enough(r))
		return;
	r->seen++;
	output_message(&r->c->out, r->c->form, m);
}

struct search {
	const struct client *c;
	char *found;            /* for each operand, 1: it exists */
};

static void match_name(void *arg, struct str name)
{
	struct search *s = arg;

	for (int i = 0; i < s->c->operands; i++)
		if (str_is(name, s->c->operand[i]))
			s->found[i] = 1;
}

static int channels_exist(struct client *c)
{
	struct answer no = { .kind = ANSWER_ERRO,
		.reason = STR("no such channel") };
	struct search s = { c, must_alloc((size_t)c->operands) };
	int code = client_list(c, "channels", match_name, &s);

	for (int i = 0; code == 0 && i < c->operands; i++)
		if (!s.found[i])
			code = client_failed(c->operand[i], &no);
	free(s.found);
	return code;
}

static void follow_all(struct client *c)
{
	uint64_t tail = c->after_given ? UINT64_MAX : 0;

	talk_follow(c->talk, c->user, 1, c->after, tail);
	for (int i = 0; i < c->operands; i++)
		talk_follow(c->talk, str_of(c->operand[i]), 0, c->after, tail);
}

/* What has come in one turn is written at once. Watching stdout finds a reader
 * that has gone while nothing comes. */
static int show_messages(struct reading *r)
{
	struct client *c = r->c;
	int64_t end = c->wait_ms < 0 ? INT64_MAX : ticks_ms() + c->wait_ms;
	zmq_pollitem_t out = { .fd = STDOUT_FILENO };

	while (!seen_enough(r)) {
		int64_t left = end - ticks_ms();

		if (left <= 0)
			return EXIT_TIMEOUT;
		if (talk_poll(c->talk, left, &out, 1) > 0 &&
		    (out.revents & ZMQ_POLLERR))
			return 0;
		output_write(&c->out);
	}
	return 0;
}

int client_sub(struct client *c)
{
	struct reading r = { .c = c };
	struct talk_handler handler = { show_message, output_event, &r };
	int code;

	client_open(c, &handler);
	code = client_register(c);
	if (code == 0 && c->operands > 0)
		code = channels_exist(c);
	if (code != 0)
		return code;
	follow_all(c);
	return show_messages(&r);
}
