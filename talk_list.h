/* talk_list.h: the names of all users, or of all channels, however many there
 * are: the list is asked for page by page. A server that knows no pages gives
 * it whole, and that is the end of it. */
#ifndef TALK_LIST_H
#define TALK_LIST_H

#include "limits.h"
#include "talk.h"

/* Stays where it is until `done` is called or the talk is closed. */
struct talk_list {
	struct talk *talk;
	const char *service;    /* that lists them; also its reply's key */
	int64_t limit_ms;       /* for each page, as in talk_request() */
	void (*add)(void *arg, struct str name);
	/* Called once, with the reply that was the last. */
	talk_answer *done;
	void *arg;
	/* Its own: the highest name so far. */
	char name[NAME_BYTES_MAX];
	size_t name_bytes;
	int pages, higher;
};

void talk_list(struct talk_list *l);

#endif
