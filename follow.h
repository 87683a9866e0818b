/* follow.h: the topics that a struct talk follows. talk.c is the only user;
 * talk.h says what following is. */
#ifndef FOLLOW_H
#define FOLLOW_H

#include "talk.h"

struct follow;

/* sub, a SUB socket, and handler belong to the caller. */
struct follow *follow_open(struct talk *t, void *sub,
    const struct talk_handler *handler);
void follow_close(struct follow *f);

void follow_topic(struct follow *f, struct str name, int inbox, uint64_t from,
    uint64_t tail);
void follow_drop(struct follow *f, struct str name);

/* Reads publications off the socket, but only so many that others get their
 * turn. */
void follow_read(struct follow *f);
/* The subscriptions were away for some time: asks for each topic's newest
 * seq. */
void follow_again(struct follow *f);
/* Makes the requests that are due. Returns when to call again (ticks_ms()). */
int64_t follow_tick(struct follow *f, int64_t now);

#endif
