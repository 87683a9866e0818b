/* follow.c: see follow.h and talk.h: topics, and how no message is missed.
 *
 * A topic knows the seq that was delivered last. The publication with the next
 * one is delivered; an earlier one is a repetition and dropped; a later one is
 * held, and history is asked for what is missing before it. Each topic asks
 * history
 *   - at the start, with limit 0, for the newest seq: there it begins (or
 *     earlier, if the caller wants that);
 *   - a moment after it found a gap: with two servers the missing publication
 *     is often just late. Anybody can publish any number: one that history does
 *     not confirm is forgotten, and the next one waits longer to be verified;
 *   - after a reconnect of the subscription, and in quiet times less and less
 *     often: what was lost at the end of a burst leaves no gap.
 *
 * So a topic goes through these states:
 *
 *   STARTING   history was asked for the newest seq; publications are held
 *     -> JOINED       when it answers with one
 *     -> LIVE_ONLY    when it has none: what comes is delivered as it comes
 *   any state
 *     -> DROPPED      unfollowed: tells nothing any more, and is freed when
 *                     its request is answered */
#include "follow.h"

#include "follow_held.h"
#include "limits.h"
#include "net.h"
#include "text.h"
#include "util.h"

#include <errno.h>
#include <stdlib.h>

/* How long to wait before history is asked: after a gap, */
#define GAP_MS        20
/* after an error, though the server has history, */
#define RETRY_MS      2000
/* after a log seemed to have become shorter, */
#define SHORTER_MS    1000
/* after it did not reach to where we are to begin. */
#define NOT_THERE_MS  100
/* In quiet times: after a (re)subscription, which takes a while to reach the
 * proxy; after a message; and, doubled each time, at most. */
#define QUIET_MS_NEW  250
#define QUIET_MS      2000
#define QUIET_MS_MAX  8000
/* A seq that is too low is believed after so many answers: a single one may
 * come from a server that lags behind another. */
#define LOW_TIMES     3
/* After a publication made us ask history, before another one may: if that told
 * something new, */
#define VERIFY_MS     100
/* and if it was in vain; doubled each time in a row, up to QUIET_MS_MAX, so
 * that whoever publishes numbers without end costs what a quiet topic does. */
#define VAIN_MS       1000
/* At the start: a publication that came before the first answer can be so many
 * messages older than that, and as many as twice those that came. */
#define SINCE_START   16
/* Publications read before replies get their turn. */
#define PUBLICATIONS_A_TURN 256

#define UNKNOWN UINT64_MAX      /* as a seq */

enum state { STARTING, JOINED, LIVE_ONLY, DROPPED };

struct followed {
	struct followed *next;
	struct follow *follow;
	struct str name;                /* ours */
	int inbox;
	enum state state;
	uint64_t from, tail;            /* as talk_follow() was told */
	uint64_t last;                  /* JOINED: delivered */
	uint64_t old;                   /* up to here it was there before */
	struct held held;

	int asking;                     /* 1: a request is under way */
	int asked_page;                 /* 1: it asked for messages too */
	uint64_t asked_after;           /* after this seq */
	uint64_t asked;                 /* requests so far */
	int64_t ask_at, quiet;          /* when next; when there is no news */
	int doubt, asked_doubt;         /* 1: because of a publication */
	int64_t verify_from, verify_ms; /* not before because of one */
	int low_times;                  /* a seq was too low, in a row */
	uint64_t low;                   /* and the first of these */
};

struct follow {
	struct talk *talk;
	void *socket;
	const struct talk_handler *handler;
	struct followed *topics;
	int64_t next;           /* no topic is due before */
	int works;              /* 1: this server has answered history */
	int told;               /* 1: TALK_LIVE_ONLY was told */
	struct json json;
	struct message_strings strings;
	struct buf members;
};

/* ---- telling the caller ---- */

static void deliver_message(struct followed *t, struct message *m)
{
	const struct talk_handler *h = t->follow->handler;

	m->old = m->seq != 0 && m->seq <= t->old;
	if (m->seq > t->last)
		t->last = m->seq;
	if (t->state != DROPPED && h->message != NULL)
		h->message(h->arg, m);
}

/* text is terminated here, and freed; without memory `otherwise` is told. */
static void tell_event(struct followed *t, enum talk_event event,
    struct buf *text, const char *otherwise)
{
	const struct talk_handler *h = t->follow->handler;

	buf_putc(text, '\0');
	if (t->state != DROPPED && h->event != NULL)
		h->event(h->arg, event, text->err ? otherwise : text->p);
	buf_free(text);
}

static void tell_missing(struct followed *t, uint64_t first, uint64_t last)
{
	struct buf b = { 0 };

	message_put_missing(&b, t->name, first, last);
	tell_event(t, TALK_MISSING, &b, "messages are missing in the log");
}

static void tell_reset(struct followed *t)
{
	struct buf b = { 0 };

	put_visible(&b, t->name);
	buf_puts(&b, ": the log was set back");
	tell_event(t, TALK_RESET, &b, "the log was set back");
}

static void tell_live_only(struct followed *t)
{
	static const char text[] =
	    "no history here: only what comes from now on";
	struct buf b = { 0 };

	if (t->follow->told)
		return;
	t->follow->told = 1;
	buf_puts(&b, text);
	tell_event(t, TALK_LIVE_ONLY, &b, text);
}

/* ---- when to ask ---- */

static void ask_at(struct followed *t, int64_t at)
{
	t->ask_at = at;
	if (at < t->follow->next)
		t->follow->next = at;
}

static void ask_in(struct followed *t, int64_t ms)
{
	ask_at(t, ticks_ms() + ms);
}

/* Because of what a publication says. */
static void verify_in(struct followed *t, int64_t ms)
{
	int64_t at = ticks_ms() + ms;

	if (at < t->verify_from)
		at = t->verify_from;
	t->doubt = 1;
	if (at < t->ask_at)
		ask_at(t, at);
}

/* What a publication made us ask was answered. */
static void verified(struct followed *t, int in_vain)
{
	if (!t->asked_doubt)
		return;
	if (!in_vain)
		t->verify_ms = VERIFY_MS;
	else if (t->verify_ms < VAIN_MS)
		t->verify_ms = VAIN_MS;
	else if (t->verify_ms < QUIET_MS_MAX)
		t->verify_ms *= 2;
	t->verify_from = ticks_ms() + t->verify_ms;
}

/* ---- publications ---- */

static void keep(struct followed *t, const struct message *m)
{
	/* If it is not kept, it is left to history. */
	(void)held_add(&t->held, m->seq, t->asked, m->object->raw);
	if (t->state != STARTING)
		verify_in(t, GAP_MS);
}

/* 0, or -1: the text is not a message of this topic. */
static int parse_message(struct followed *t, struct str text,
    struct message *m)
{
	struct follow *f = t->follow;

	if (json_parse(&f->json, text.p, text.n) == -1)
		return -1;
	return message_read(m, &f->strings, t->name, t->inbox, &f->json,
	    f->json.node);
}

static void deliver_held(struct followed *t, struct str text)
{
	struct message m;

	if (parse_message(t, text, &m) == 0)    /* as it was when it came */
		deliver_message(t, &m);
}

/* Delivers what is held as far as it continues the last one. */
static void drain_held(struct followed *t)
{
	int all = t->state == LIVE_ONLY;
	size_t i = 0;

	for (; i < t->held.n; i++) {
		const struct held_one *h = &t->held.one[i];

		if (!all && h->seq > t->last + 1)
			break;
		if (all || h->seq == t->last + 1)
			deliver_held(t, h->text);
	}
	held_drop(&t->held, i);
	if (t->held.n > 0)
		verify_in(t, GAP_MS);
}

static void take_next(struct followed *t, struct message *m)
{
	t->quiet = QUIET_MS;
	t->ask_at = ticks_ms() + QUIET_MS;
	deliver_message(t, m);
	drain_held(t);
}

static void take_publication(struct followed *t, struct message *m)
{
	if (t->state == LIVE_ONLY || (m->seq == 0 && !t->follow->works)) {
		deliver_message(t, m);
	} else if (m->seq == 0) {
		/* Not from the server, which numbers its messages. */
		return;
	} else if (t->state == STARTING) {
		keep(t, m);
	} else if (m->seq <= t->last) {
		/* A repetition, or a log that begins anew. */
		verify_in(t, SHORTER_MS);
	} else if (m->seq == t->last + 1) {
		take_next(t, m);
	} else {
		keep(t, m);
	}
}

/* ---- history ---- */

/* Goes on from the end of a log that became shorter, if that was told often
 * enough to be believed. */
static void set_back(struct followed *t, uint64_t newest)
{
	if (t->low_times++ == 0)
		t->low = newest;
	ask_in(t, SHORTER_MS);
	if (t->low_times < LOW_TIMES)
		return;
	tell_reset(t);
	t->last = t->low;
	t->old = t->old < t->low ? t->old : t->low;
	t->low_times = 0;
	held_drop(&t->held, t->held.n);
	ask_in(t, 0);
}

/* 1: the log does not reach to where we are to begin, and is asked again. If it
 * stays so, only new messages are wanted. */
static int not_there_yet(struct followed *t, uint64_t newest)
{
	if (t->from <= newest)
		return 0;
	if (++t->low_times < LOW_TIMES) {
		ask_in(t, NOT_THERE_MS);
		return 1;
	}
	t->from = t->tail = 0;
	return 0;
}

/* What there was before we subscribed. Nothing that was published since then
 * counts as old, even if newest counts it; but a number that is far below has
 * been made up. */
static uint64_t old_messages(const struct held *h, uint64_t newest)
{
	uint64_t most = SINCE_START + 2 * (uint64_t)h->n;

	for (size_t i = 0; i < h->n && h->one[i].seq <= newest; i++)
		if (newest - h->one[i].seq < most)
			return h->one[i].seq - 1;
	return newest;
}

static void join_history(struct followed *t, uint64_t newest)
{
	uint64_t at = newest > t->tail ? newest - t->tail : 0;

	t->low_times = 0;
	t->old = old_messages(&t->held, newest);
	at = at < t->old ? at : t->old;
	t->last = at > t->from ? at : t->from;
	t->state = JOINED;
}

static void take_page(struct followed *t, const struct answer *a)
{
	const struct json_node *list = reply_array(a, "messages"), *n;
	struct message m;

	for (n = json_first(a->json, list); n != NULL;
	    n = json_next(a->json, list, n)) {
		if (message_read(&m, &t->follow->strings, t->name, t->inbox,
		    a->json, n) == -1 || m.seq <= t->last)
			continue;
		if (m.seq > t->last + 1)
			tell_missing(t, t->last + 1, m.seq - 1);
		deliver_message(t, &m);
	}
}

/* There is nothing after the last one. */
static void stay_quiet(struct followed *t)
{
	ask_in(t, t->quiet);
	t->quiet *= 2;
	if (t->quiet > QUIET_MS_MAX)
		t->quiet = QUIET_MS_MAX;
}

/* The page of an answer was taken: when to ask next. */
static void plan_next(struct followed *t, uint64_t newest)
{
	size_t unconfirmed;

	/* Not t->last: publications have come since this was asked. */
	if (newest < t->asked_after) {
		set_back(t, newest);
		return;
	}
	t->low_times = 0;
	if (newest > t->last && t->asked_page && t->last == t->asked_after) {
		/* The server has them, but does not give them. */
		tell_missing(t, t->last + 1, newest);
		t->last = newest;
	}
	if (newest > t->last)
		ask_in(t, 0);
	else
		stay_quiet(t);
	unconfirmed = held_refute(&t->held, newest, t->asked);
	drain_held(t);
	verified(t, unconfirmed > 0 || t->last == t->asked_after);
}

static void no_history(struct followed *t)
{
	/* It had: a passing fault, and nothing may be missed. */
	if (t->follow->works) {
		ask_in(t, RETRY_MS);
		return;
	}
	t->state = LIVE_ONLY;
	drain_held(t);
	tell_live_only(t);
}

static void on_history(void *arg, const struct answer *a)
{
	struct followed *t = arg;
	uint64_t newest = UNKNOWN;

	t->asking = 0;
	if (t->state == DROPPED) {
		t->follow->next = 0;    /* it can be freed now */
		return;
	}
	if (a->kind == ANSWER_OK)
		newest = reply_number(a->json, a->data, "last", UNKNOWN);
	if (newest == UNKNOWN) {
		no_history(t);
		return;
	}
	t->follow->works = 1;
	if (t->state == STARTING) {
		if (not_there_yet(t, newest))
			return;
		join_history(t, newest);
	}
	take_page(t, a);
	plan_next(t, newest);
}

static void ask_history(struct followed *t)
{
	struct follow *f = t->follow;
	int page = t->state == JOINED;

	buf_clear(&f->members);
	json_put_member(&f->members, t->inbox ? "user" : "channel", t->name);
	if (page)
		json_put_number(&f->members, "after", t->last);
	json_put_number(&f->members, "limit", page ? HISTORY_PAGE : 0);
	t->asking = 1;
	t->asked++;
	t->asked_doubt = t->doubt;
	t->doubt = 0;
	t->asked_page = page;
	t->asked_after = t->last;
	talk_request(f->talk, "history", &f->members, TALK_FOREVER, on_history,
	    t);
}

/* ---- topics ---- */

static struct followed *find_followed(const struct follow *f, struct str name)
{
	struct followed *t = f->topics;

	while (t != NULL && (t->state == DROPPED || !str_eq(t->name, name)))
		t = t->next;
	return t;
}

static void subscribe(struct follow *f, struct str name, int yes)
{
	if (zmq_setsockopt(f->socket, yes ? ZMQ_SUBSCRIBE : ZMQ_UNSUBSCRIBE,
	    name.p, name.n) == -1)
		die(EXIT_FAILED, "zmq_setsockopt: %s", zmq_strerror(errno));
}

void follow_topic(struct follow *f, struct str name, int inbox, uint64_t from,
    uint64_t tail)
{
	struct followed *t;

	if (name.n == 0 || find_followed(f, name) != NULL)
		return;
	t = must_alloc(sizeof *t);
	t->name = must_copy(name);
	t->follow = f;
	t->inbox = inbox;
	t->from = from;
	t->tail = tail;
	t->quiet = QUIET_MS_NEW;
	t->next = f->topics;
	f->topics = t;
	subscribe(f, name, 1);
	/* Now: the answer must not count what the caller publishes next. */
	ask_history(t);
}

void follow_drop(struct follow *f, struct str name)
{
	struct followed *t = find_followed(f, name);

	if (t == NULL)
		return;
	subscribe(f, t->name, 0);
	t->state = DROPPED;
	f->next = 0;
}

void follow_again(struct follow *f)
{
	for (struct followed *t = f->topics; t != NULL; t = t->next) {
		t->quiet = QUIET_MS_NEW;
		ask_in(t, 0);
	}
}

/* ---- the socket and the clock ---- */

static void read_body(struct followed *t, struct str body)
{
	struct message m;

	if (parse_message(t, body, &m) == 0)
		take_publication(t, &m);
}

/* Subscriptions match by prefix: what is published to topics whose names begin
 * with ours comes here too, and is dropped. 1: a publication was read; 0: there
 * are no more. */
static int read_publication(struct follow *f)
{
	struct followed *t;
	zmq_msg_t msg;

	(void)zmq_msg_init(&msg);       /* cannot fail */
	if (!net_recv(f->socket, &msg)) {
		(void)zmq_msg_close(&msg);
		return 0;
	}
	t = find_followed(f, net_bytes(&msg));
	if (t != NULL && net_more(&msg) && net_recv(f->socket, &msg) &&
	    !net_more(&msg))
		read_body(t, net_bytes(&msg));
	net_drop_rest(f->socket, &msg);
	(void)zmq_msg_close(&msg);      /* a valid message closes */
	return 1;
}

void follow_read(struct follow *f)
{
	for (int i = 0; i < PUBLICATIONS_A_TURN && read_publication(f); i++)
		;
}

static void free_followed(struct followed *t)
{
	held_free(&t->held);
	str_free(t->name);
	free(t);
}

static void free_dropped(struct follow *f)
{
	struct followed *t, **link = &f->topics;

	while ((t = *link) != NULL) {
		if (t->state != DROPPED || t->asking) {
			link = &t->next;
			continue;
		}
		*link = t->next;
		free_followed(t);
	}
}

int64_t follow_tick(struct follow *f, int64_t now)
{
	if (now < f->next)
		return f->next;
	f->next = INT64_MAX;
	free_dropped(f);
	for (struct followed *t = f->topics; t != NULL; t = t->next) {
		if (t->asking || (t->state != STARTING && t->state != JOINED))
			continue;
		if (t->ask_at <= now)
			ask_history(t);
		else if (t->ask_at < f->next)
			f->next = t->ask_at;
	}
	return f->next;
}

/* ---- opening and closing ---- */

struct follow *follow_open(struct talk *t, void *sub,
    const struct talk_handler *handler)
{
	struct follow *f = must_alloc(sizeof *f);

	f->talk = t;
	f->socket = sub;
	f->handler = handler;
	f->next = INT64_MAX;
	return f;
}

void follow_close(struct follow *f)
{
	while (f->topics != NULL) {
		struct followed *t = f->topics;

		f->topics = t->next;
		free_followed(t);
	}
	json_free(&f->json);
	message_strings_free(&f->strings);
	buf_free(&f->members);
	free(f);
}
