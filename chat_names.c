/* chat_names.c: see chat_names.h. */
#include "chat_names.h"

#include "name.h"
#include "util.h"

#include <stdlib.h>
#include <string.h>

#define NAMES_MAX  10000        /* remembered */
#define REFRESH_MS 5000         /* between two requests for the list */

int names_have(const struct names *names, struct str name)
{
	for (size_t i = 0; i < names->n; i++)
		if (str_eq(names->name[i], name))
			return 1;
	return 0;
}

void names_add(struct names *names, struct str name)
{
	if (names_have(names, name) || names->n == NAMES_MAX || !name_ok(name))
		return;
	names->name = must_array_room(names->name, names->n, &names->cap,
	    sizeof *names->name);
	names->name[names->n++] = must_copy(name);
}

static void add_name(void *arg, struct str name)
{
	names_add(arg, name);
}

void names_take(struct names *names, const struct answer *a)
{
	reply_names(a, names->service, add_name, names);
}

static void on_names(void *arg, const struct answer *a)
{
	if (a->kind == ANSWER_OK)
		names_take(arg, a);
}

void names_refresh(struct names *names, struct talk *talk)
{
	int64_t now = ticks_ms();

	if (names->asked_at != 0 && now - names->asked_at < REFRESH_MS)
		return;
	names->asked_at = now;
	talk_request(talk, names->service, NULL, TALK_FOREVER, on_names, names);
}

void names_offer(const struct names *names, struct edit *e, const char *before,
    const char *after)
{
	int quotes = *before == '\0' && *after != '\0';
	struct buf b = { 0 };

	for (size_t i = 0; i < names->n; i++) {
		struct str name = names->name[i];
		int quoted = quotes && memchr(name.p, ' ', name.n) != NULL;

		buf_clear(&b);
		buf_puts(&b, quoted ? "\"" : before);
		buf_str_add(&b, name);
		buf_puts(&b, quoted ? "\"" : "");
		buf_puts(&b, after);
		edit_candidate(e, buf_str(&b));
	}
	buf_free(&b);
}

void names_free(struct names *names)
{
	for (size_t i = 0; i < names->n; i++)
		str_free(names->name[i]);
	free(names->name);
}
