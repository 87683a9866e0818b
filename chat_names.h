/* chat_names.h: the names of users or of channels, as far as this client knows
 * them, and what Tab makes of them. */
#ifndef CHAT_NAMES_H
#define CHAT_NAMES_H

#include "edit.h"
#include "talk.h"

/* Others only read it. Ready when service is set and the rest is zero. */
struct names {
	const char *service;    /* that lists them; also its reply's key */
	struct str *name;       /* ours */
	size_t n, cap;
	int64_t asked_at;       /* ticks_ms(); 0: never */
};

/* Ignores a name that is known already, or invalid. */
void names_add(struct names *names, struct str name);
/* Adds those of a reply. */
void names_take(struct names *names, const struct answer *a);
int names_have(const struct names *names, struct str name);
/* Asks the server for them, unless that was done a moment ago. */
void names_refresh(struct names *names, struct talk *talk);
/* Gives each to edit_candidate(), between two texts. A name with spaces that
 * is to be followed by text is put in quotes, except after a #. */
void names_offer(const struct names *names, struct edit *e, const char *before,
    const char *after);
void names_free(struct names *names);

#endif
