/* follow.h: the topics of a struct talk; talk.c is its only user, talk.h says what it does. */
#ifndef FOLLOW_H
#define FOLLOW_H

#include "talk.h"

struct follow;

struct follow *follow_open(struct talk *t, void *sub, const struct talk_handler *handler);
void follow_close(struct follow *f);

void follow_topic(struct follow *f, struct str name, int inbox, uint64_t from, uint64_t tail);
void follow_drop(struct follow *f, struct str name);

/* Receives what has arrived on the socket, so much at a time that others get their turn. */
void follow_read(struct follow *f);
/* The subscriptions were away for some time: asks each topic for its newest seq. */
void follow_again(struct follow *f);
/* Asks what is due. Returns when to come again (ticks_ms()). */
int64_t follow_tick(struct follow *f, int64_t now);

#endif
