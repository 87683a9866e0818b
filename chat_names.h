/* chat_names.h: the names of users or of channels, as far as this client knows
 * them, and what Tab makes of them. */
#ifndef CHAT_NAMES_H
#define CHAT_NAMES_H

#include "edit.h"
#include "talk_list.h"

/* Others only read it. Ready when service is set and the rest is zero. */
struct names {
	const char *service;    /* that lists them; also its reply's key */
	struct str *name;       /* ours; sorted */
	size_t n, cap;
	int64_t asked_at;       /* ticks_ms(); 0: never */
	int asking;             /* 1: the list is under way */
	struct talk_list list;
};

/* Ignores a name that is known already, or invalid. */
void names_add(struct names *names, struct str name);
int names_have(const struct names *names, struct str name);
/* Asks the server for them, unless that was done a moment ago. */
void names_refresh(struct names *names, struct talk *talk);
/* Gives each to edit_candidate(), between two texts. A name with spaces that
 * is to be followed by text is put in quotes, except after a #. */
void names_offer(const struct names *names, struct edit *e, const char *before,
    const char *after);
void names_free(struct names *names);

#endif
