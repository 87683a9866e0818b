/* client_ask.c: one request and its answer; and the commands that need no more:
 * login, users, channels, create, ping. */
#include "client.h"

#include "name.h"
#include "talk_list.h"
#include "text.h"
#include "util.h"

#include <inttypes.h>
#include <stdlib.h>

#define OUTPUT_BYTES ((size_t)65536)    /* written at a time */

int client_exit_code(const struct answer *a)
{
	return a->kind == ANSWER_OK ? 0 :
	    a->kind == ANSWER_NONE ? EXIT_NOANSWER : EXIT_FAILED;
}

int client_failed(const char *what, const struct answer *a)
{
	struct buf b = { 0 };

	put_visible(&b, str_of(what));
	buf_puts(&b, ": ");
	put_visible(&b, a->reason);
	output_warn(&b);
	return client_exit_code(a);
}

void client_open(struct client *c, const struct talk_handler *handler)
{
	if (c->talk == NULL)
		c->talk = talk_open(c->broker, c->proxy, handler);
}

int client_call(struct client *c, const char *what, const char *service,
    struct answer *a)
{
	enum answer_kind kind;

	client_open(c, NULL);
	kind = talk_call(c->talk, service, &c->members, c->limit_ms, a);
	buf_clear(&c->members);
	return kind == ANSWER_OK ? 0 : client_failed(what, a);
}

struct list_call {
	struct talk_list list;
	void (*add)(void *arg, struct str name);
	void *arg;
	int done, code;
};

static void on_list_name(void *arg, struct str name)
{
	struct list_call *call = arg;

	call->add(call->arg, name);
}

static void on_list_done(void *arg, const struct answer *a)
{
	struct list_call *call = arg;

	call->done = 1;
	if (a->kind != ANSWER_OK)
		call->code = client_failed(call->list.service, a);
}

int client_list(struct client *c, const char *service,
    void (*add)(void *arg, struct str name), void *arg)
{
	struct list_call call = { .add = add, .arg = arg };

	client_open(c, NULL);
	call.list = (struct talk_list){ .talk = c->talk, .service = service,
	    .limit_ms = c->limit_ms, .add = on_list_name,
	    .done = on_list_done, .arg = &call };
	talk_list(&call.list);
	while (!call.done)
		(void)talk_poll(c->talk, TALK_FOREVER, NULL, 0);
	return call.code;
}

void client_need_user(const struct client *c)
{
	if (c->user.n == 0)
		die(EXIT_USAGE, "who is talking? give -u or RECADO_USER"
		    " (%s -h shows how)", program());
	if (!name_ok(c->user)) {
		output_invalid_name(c->user);
		exit(EXIT_USAGE);
	}
}

/* The reply as it is, with -j. */
static void show_reply(struct client *c, const struct answer *a)
{
	if (!c->json)
		return;
	output_json(&c->out, a->json, a->data);
	buf_putc(&c->out, '\n');
	output_write(&c->out);
}

/* ---- login ---- */

static int log_in(struct client *c, struct answer *a)
{
	json_put_member(&c->members, "user", c->user);
	return client_call(c, "login", "login", a);
}

int client_register(struct client *c)
{
	struct answer a;

	return log_in(c, &a);
}

int client_login(struct client *c)
{
	struct answer a;
	int code = log_in(c, &a);

	if (code == 0)
		show_reply(c, &a);
	return code;
}

/* ---- users, channels ---- */

struct name_output {
	struct client *client;
	const char *key;        /* in the JSON form */
};

static void list_name(void *arg, struct str name)
{
	struct name_output *l = arg;
	struct buf *out = &l->client->out;

	if (l->client->json) {
		buf_putc(out, '{');
		json_put_key(out, l->key);
		output_json_string(out, name);
		buf_putc(out, '}');
	} else {
		output_text(out, name);
	}
	buf_putc(out, '\n');
	if (out->n >= OUTPUT_BYTES)
		output_write(out);
}

static int list_names(struct client *c, const char *service, const char *key)
{
	struct name_output l = { c, key };
	int code = client_list(c, service, list_name, &l);

	output_write(&c->out);
	return code;
}

int client_users(struct client *c)
{
	return list_names(c, "users", "user");
}

int client_channels(struct client *c)
{
	return list_names(c, "channels", "channel");
}

/* ---- create ---- */

static int create_channel(struct client *c, const char *name)
{
	struct answer a;
	int code;

	if (!name_ok(str_of(name))) {
		output_invalid_name(str_of(name));
		return EXIT_FAILED;
	}
	json_put_member(&c->members, "channel", str_of(name));
	code = client_call(c, name, "channel", &a);
	if (code == 0)
		show_reply(c, &a);
	return code;
}

/* All of them are tried; the exit code is that of the first failure. */
int client_create(struct client *c)
{
	int first = 0;

	for (int i = 0; i < c->operands && first != EXIT_NOANSWER; i++) {
		int code = create_channel(c, c->operand[i]);

		if (first == 0)
			first = code;
	}
	return first;
}

/* ---- ping ---- */

int client_ping(struct client *c)
{
	int64_t start = ticks_us(), us;
	struct answer a;
	int code = client_call(c, "ping", "ping", &a);

	us = ticks_us() - start;
	if (code != 0)
		return code;
	buf_printf(&c->out, c->json ? "{\"ms\":%" PRId64 ".%03d}\n" :
	    "%" PRId64 ".%03d ms\n", us / 1000, (int)(us % 1000));
	output_write(&c->out);
	return 0;
}
