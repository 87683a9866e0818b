/* chat_names.c: see chat.h. */
#include "chat.h"

#include "line.h"
#include "name.h"
#include "util.h"

#include <stdlib.h>
#include <string.h>

#define NAMES_MAX 10000         /* remembered for completion */
#define NAMES_MS  5000          /* between two looks at who there is */

void names_add(struct names *names, struct str name)
{
	char *copy;

	for (size_t i = 0; i < names->n; i++)
		if (str_eq(names->name[i], name))
			return;
	if (names->n == NAMES_MAX || !name_ok(name))
		return;
	copy = must_alloc(name.n);
	memcpy(copy, name.p, name.n);
	names->name = must_grow(names->name, names->n + 1, sizeof *names->name);
	names->name[names->n++] = (struct str){ copy, name.n };
}

static void add_name(void *arg, struct str name)
{
	names_add(arg, name);
}

void names_take(struct names *names, const struct answer *a, const char *key)
{
	reply_names(a, key, add_name, names);
}

int names_have(const struct names *names, struct str name)
{
	for (size_t i = 0; i < names->n; i++)
		if (str_eq(names->name[i], name))
			return 1;
	return 0;
}

void names_free(struct names *names)
{
	for (size_t i = 0; i < names->n; i++)
		free((char *)names->name[i].p); /* ours, though a struct str cannot say so */
	free(names->name);
	*names = (struct names){ 0 };
}

static void on_users(void *arg, const struct answer *a)
{
	struct chat *chat = arg;

	if (a->kind == ANSWER_OK)
		names_take(&chat->users, a, "users");
}

static void on_channels(void *arg, const struct answer *a)
{
	struct chat *chat = arg;

	if (a->kind == ANSWER_OK)
		names_take(&chat->channels, a, "channels");
}

static void refresh(struct chat *chat, struct names *names, const char *service,
    talk_answer *answer)
{
	int64_t now = ticks_ms();

	if (names->asked != 0 && now - names->asked < NAMES_MS)
		return;
	names->asked = now;
	talk_request(chat->c->talk, service, NULL, TALK_FOREVER, answer, chat);
}

void names_refresh(struct chat *chat)
{
	refresh(chat, &chat->users, "users", on_users);
	refresh(chat, &chat->channels, "channels", on_channels);
}

