/* talk_list.c: see talk_list.h. */
#include "talk_list.h"

#include <string.h>

/* A list of more pages than this has no end. */
#define PAGES_MAX 1000

static void take_listed(void *arg, struct str name)
{
	struct talk_list *l = arg;
	struct str highest = { l->name, l->name_bytes };

	l->add(l->arg, name);
	if (name.n > sizeof l->name || str_compare(name, highest) <= 0)
		return;
	memcpy(l->name, name.p, name.n);
	l->name_bytes = name.n;
	l->higher = 1;
}

/* A page without a higher name than before would come again and again. */
static void on_page(void *arg, const struct answer *a)
{
	struct talk_list *l = arg;
	const struct json_node *more = NULL;

	l->higher = 0;
	if (a->kind == ANSWER_OK) {
		more = json_get(a->json, a->data, "more");
		reply_names(a, l->service, take_listed, l);
	}
	if (more != NULL && more->type == JSON_TRUE && l->higher &&
	    l->pages < PAGES_MAX)
		talk_list(l);
	else
		l->done(l->arg, a);
}

void talk_list(struct talk_list *l)
{
	struct buf members = { 0 };

	l->pages++;
	json_put_member(&members, "after",
	    (struct str){ l->name, l->name_bytes });
	talk_request(l->talk, l->service, &members, l->limit_ms, on_page, l);
	buf_free(&members);
}
