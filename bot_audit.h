/* bot_audit.h: the bot's account of what it sent and saw.
 *
 * Each of its messages that was acknowledged must come back once, with the seq
 * that the answer named; and no topic may repeat a seq or leave one out. */
#ifndef BOT_AUDIT_H
#define BOT_AUDIT_H

#include "buf.h"
#include "talk_message.h"
#include "talk_reply.h"

#define AUDIT_TIMES 1024        /* 16 steps to each power of two of 2^64 us */

struct audit_topic {
	struct str name;        /* ours */
	uint64_t last;          /* seq seen, 0: none yet */
};

/* A message of ours, until it is both acknowledged and seen. */
struct audit_own {
	uint64_t number;
	uint64_t acked, seen;   /* its seq, 0: not yet */
};

struct audit {
	char tag[8];            /* tells our messages from a namesake's */
	struct audit_topic *topic;      /* in the order they were added */
	size_t topics, topics_cap;
	struct audit_own *own;
	size_t owns, owns_cap;
	uint64_t sent, ok, erro, seen, dup, gap;
	uint64_t took[AUDIT_TIMES];     /* answers, by how long they took */
};

/* Failing ends the program. */
void audit_open(struct audit *a);
void audit_close(struct audit *a);

/* 1: the topic was added before. */
int audit_has(const struct audit *a, struct str topic);
void audit_add(struct audit *a, struct str topic);

/* A message is about to be sent: returns its number and writes the mark that
 * its text must end with. One is sent at a time. */
#define AUDIT_MARK_BYTES 32
uint64_t audit_send(struct audit *a, char mark[AUDIT_MARK_BYTES]);
/* Its answer came after so many microseconds. */
void audit_answer(struct audit *a, uint64_t number, const struct answer *answer,
    int64_t us);
/* A message came; user is our name. */
void audit_see(struct audit *a, const char *user, const struct message *m);

/* Messages that were acknowledged and have not come back. */
size_t audit_awaited(const struct audit *a);
/* Stops waiting for them: they count as gaps. */
void audit_give_up(struct audit *a);

/* Appends the sums as a line; with times also p50 and p99 of the answers, in
 * microseconds. Returns 1 if anything was refused, repeated or missing. */
int audit_report(const struct audit *a, struct buf *b, int times);

#endif
