/* talk.h: the client's half of the protocol, for everything that talks to a broker and a proxy.
 *
 * Requests. talk_request() sends one and returns; the answer comes to a function, out of
 * talk_poll(). Any number may be under way at once. An envelope frame with a number tells whose
 * answer came. A request is kept until it is answered or its time is over, and sent again, with
 * the same id and in the order of the first time, when the connection to the broker was lost,
 * when nothing came for a while, and when the broker had no server for it: a restart of anything
 * is a delay, not an error, and nothing is stored twice.
 *
 * Topics. talk_follow() subscribes and then reads from history what the subscription cannot
 * bring. Messages come to a function in the order of their seq, each once, whatever is restarted
 * or lost on the way. After a reconnect and in quiet times the library asks what the newest seq
 * is, so that a lost publication is found without a next one. With a server that knows no history
 * or numbers nothing, messages are passed on as they come.
 *
 * Everything happens inside talk_poll() and talk_call(), which call the functions given here.
 * Those may make requests, follow and unfollow, but not poll or call. Memory that runs out ends
 * the program. */
#ifndef TALK_H
#define TALK_H

#include "buf.h"
#include "json.h"

#include <zmq.h>

#define TALK_FOREVER      (-1)  /* as a time limit */
#define TALK_EXTRA_MAX    4     /* descriptors a caller may have polled beside the sockets */

struct talk;

enum answer_kind {
	ANSWER_OK,
	ANSWER_ERRO,            /* the server refused: reason says why */
	ANSWER_NONE             /* none in time; what was to be stored may be or not */
};

struct answer {
	enum answer_kind kind;
	struct str reason;              /* not for ANSWER_OK */
	uint64_t seq;                   /* of a stored message, else 0 */
	const struct json *json;        /* not for ANSWER_NONE */
	const struct json_node *data;   /* the member "data" of the reply, an object */
};

/* A message of a topic that is followed. Everything is valid until the function returns. */
struct talk_message {
	struct str topic, user, text;
	int inbox;                      /* 1: to the user that the topic is named after */
	int old;                        /* 1: it was there before talk_follow() */
	uint64_t seq;                   /* 0: the server does not number them */
	int64_t ms;                     /* the server's time, milliseconds since 1970 */
	const struct json *json;        /* the publication as it came */
	const struct json_node *object;
};

enum talk_event {
	TALK_LOST,              /* the connection to the broker or the proxy has gone */
	TALK_BACK,              /* both are there again */
	TALK_MISSING,           /* the log has a hole; what is behind it comes next */
	TALK_RESET,             /* the log is shorter than what was seen; goes on from its end */
	TALK_LIVE_ONLY          /* the server has no history: nothing can be caught up */
};

struct talk_handler {
	void (*message)(void *arg, const struct talk_message *m);
	void (*event)(void *arg, enum talk_event event, const char *text);      /* text: English */
	void *arg;
};

typedef void talk_answer(void *arg, const struct answer *a);

/* handler may be NULL when nothing is followed. Never fails because of the network: what is not
 * there yet is connected to when it comes. */
struct talk *talk_open(const char *broker, const char *proxy, const struct talk_handler *handler);
void talk_close(struct talk *t);                /* forgets what is under way */

/* members: those of the request's data, as json_put_member() and
 * json_put_number() write them into an empty buffer; NULL: none. An id, where
 * the service takes one, and the timestamp are added. limit_ms: TALK_FOREVER
 * or how long to try. answer is called once, unless talk_close() comes first. */
void talk_request(struct talk *t, const char *service, const struct buf *members, int64_t limit_ms,
    talk_answer *answer, void *arg);
/* The same, and waits. *a is valid until the next talk_call(). */
enum answer_kind talk_call(struct talk *t, const char *service, const struct buf *members,
    int64_t limit_ms, struct answer *a);

/* What talk_request() has made and is not answered yet. */
size_t talk_under_way(const struct talk *t);
size_t talk_under_way_bytes(const struct talk *t);

/* Delivers the messages of a topic behind seq from, of those that exist now at most the newest
 * tail: (0, 0) only what is new from here on, (n, UINT64_MAX) all after n, (n, 20) at most 20 old
 * ones. A from that the topic has not reached yet counts as (0, 0). Following a topic a second time
 * does nothing. */
void talk_follow(struct talk *t, struct str topic, int inbox, uint64_t from, uint64_t tail);
void talk_unfollow(struct talk *t, struct str topic);

/* Waits for something to happen, at most wait_ms, and deals with it. extra are the caller's own
 * descriptors. Returns how many of them are ready (their revents say which). */
int talk_poll(struct talk *t, int64_t wait_ms, zmq_pollitem_t *extra, int extras);

/* Random bits from the system, never the same twice. */
uint64_t talk_random(void);

/* For reading replies: the string under key, or an empty one, decoded into scratch. */
struct str talk_string(const struct json *j, const struct json_node *object, const char *key,
    struct buf *scratch);
/* The number under key, or otherwise when there is none. */
uint64_t talk_number(const struct json *j, const struct json_node *object, const char *key,
    uint64_t otherwise);
/* One message out of an object that is not from a followed topic, such as those in a history reply.
 * topic is what it must belong to. 0, or -1: it is none. Its strings stand in m's own memory. */
struct talk_strings {
	struct buf user, text, spare;
};
int talk_read_message(struct talk_message *m, struct talk_strings *s, struct str topic, int inbox,
    const struct json *j, const struct json_node *object);
/* Appends "geral: 5 to 7 are missing in the log". */
void talk_put_missing(struct buf *b, struct str topic, uint64_t first, uint64_t last);

#endif
