/* chat_names.c: see chat_names.h. */
#include "chat_names.h"

#include "limits.h"
#include "name.h"
#include "util.h"

#include <stdlib.h>
#include <string.h>

#define REFRESH_MS 5000         /* between two requests for the list */

/* Where it is, or belongs. */
static size_t place_of(const struct names *names, struct str name)
{
	size_t low = 0, high = names->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (str_compare(names->name[mid], name) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

int names_have(const struct names *names, struct str name)
{
	size_t i = place_of(names, name);

	return i < names->n && str_eq(names->name[i], name);
}

void names_add(struct names *names, struct str name)
{
	size_t i = place_of(names, name);

	if (names_have(names, name) || names->n == LIST_MAX || !name_ok(name))
		return;
	names->name = must_array_room(names->name, names->n, &names->cap,
	    sizeof *names->name);
	memmove(names->name + i + 1, names->name + i,
	    (names->n++ - i) * sizeof *names->name);
	names->name[i] = must_copy(name);
}

static void add_name(void *arg, struct str name)
{
	names_add(arg, name);
}

static void on_names(void *arg, const struct answer *a)
{
	struct names *names = arg;

	(void)a;
	names->asking = 0;
}

void names_refresh(struct names *names, struct talk *talk)
{
	int64_t now = ticks_ms();

	if (names->asking ||
	    (names->asked_at != 0 && now - names->asked_at < REFRESH_MS))
		return;
	names->asking = 1;
	names->asked_at = now;
	names->list = (struct talk_list){ .talk = talk,
	    .service = names->service, .limit_ms = TALK_FOREVER,
	    .add = add_name, .done = on_names, .arg = names };
	talk_list(&names->list);
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
