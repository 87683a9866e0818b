/* talk.h: the client's half of the protocol, for everything that talks to a
 * broker and a proxy.
 *
 * Requests. talk_request() sends one and returns; the answer is passed to a
 * function, out of talk_poll(). Any number may be under way at once. A number
 * in an envelope frame tells which request a reply belongs to. A request is
 * kept until it is answered or its time is over. It is sent again, with the
 * same id and in the original order, after the connection to the broker was
 * lost, after a while without a reply, and when the broker had no server for
 * it. So a restart of anything is a delay and not an error, and nothing is
 * stored twice.
 *
 * Topics. talk_follow() subscribes, and then reads from history what the
 * subscription cannot deliver. Messages are passed to a function in the order
 * of their seq, each once, whatever is restarted or lost on the way. After a
 * reconnect and in quiet times the library asks for the newest seq, so a lost
 * publication is found even if no other follows it. What somebody else than a
 * server has published is passed on if it has the next number, and then what
 * the log has under this number, after TALK_RESET. With a server that has no
 * history, or does not number its messages, they are passed on as they come.
 *
 * Everything happens inside talk_poll() and talk_call(), which call the
 * functions given here. Those may make requests, follow and unfollow, but not
 * poll or call. Running out of memory ends the program. */
#ifndef TALK_H
#define TALK_H

#include "buf.h"
#include "talk_message.h"
#include "talk_reply.h"

#include <zmq.h>

#define TALK_FOREVER   (-1)     /* as a time limit */
#define TALK_EXTRA_MAX 4        /* descriptors of the caller in talk_poll() */

struct talk;

enum talk_event {
	TALK_LOST,      /* the connection to the broker or proxy is lost */
	TALK_BACK,      /* both are there again */
	TALK_MISSING,   /* the log has a hole; what is after it comes next */
	TALK_RESET,     /* not all that was passed on is in the log: goes on
			 * from what is, with numbers that were had before */
	TALK_LIVE_ONLY  /* the server has no history to catch up from */
};

struct talk_handler {
	/* m is valid until it returns. */
	void (*message)(void *arg, const struct message *m);
	/* text says what happened, in English. */
	void (*event)(void *arg, enum talk_event event, const char *text);
	void *arg;
};

/* a is valid until it returns. */
typedef void talk_answer(void *arg, const struct answer *a);

/* Where a broker and a proxy are looked for if no option says so: the value of
 * RECADO_BROKER and RECADO_PROXY, or else on this host. */
const char *talk_default_broker(void);
const char *talk_default_proxy(void);

/* handler may be NULL if nothing is followed. A peer that is not there is not
 * an error: the connection is made once it is. */
struct talk *talk_open(const char *broker, const char *proxy,
    const struct talk_handler *handler);
void talk_close(struct talk *t);        /* forgets what is under way */

/* members: those of the request's data, as json_put_member() and
 * json_put_number() write them into an empty buffer; NULL: none. An id, where
 * the service takes one, and the timestamp are added. limit_ms: TALK_FOREVER
 * or how long to try. answer is called once, unless talk_close() comes
 * first. */
void talk_request(struct talk *t, const char *service,
    const struct buf *members, int64_t limit_ms, talk_answer *answer,
    void *arg);
/* The same, and waits. *a is valid until the next talk_call(). */
enum answer_kind talk_call(struct talk *t, const char *service,
    const struct buf *members, int64_t limit_ms, struct answer *a);

/* Requests that are not answered yet, and the bytes of their bodies. */
size_t talk_under_way(const struct talk *t);
size_t talk_under_way_bytes(const struct talk *t);

/* Delivers the messages of a topic after seq from; of those that exist now, at
 * most the newest tail: (0, 0) only new ones, (n, UINT64_MAX) all after n,
 * (n, 20) at most 20 old ones. A from that the topic has not reached yet counts
 * as (0, 0). Following a topic a second time does nothing. */
void talk_follow(struct talk *t, struct str topic, int inbox, uint64_t from,
    uint64_t tail);
void talk_unfollow(struct talk *t, struct str topic);

/* Waits for something to happen, at most wait_ms, and deals with it. extra are
 * descriptors of the caller, at most TALK_EXTRA_MAX. Returns how many of them
 * are ready (their revents say which). */
int talk_poll(struct talk *t, int64_t wait_ms, zmq_pollitem_t *extra,
    int extras);

#endif
