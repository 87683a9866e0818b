/* follow.c: see follow.h and talk.h: topics, and how nothing of them is missed.
 *
 * A topic knows the seq that was delivered last. A publication with the next one is delivered; an
 * older one is a repetition and dropped; a later one is held, and history asked for what is
 * between. Each topic asks history
 *   - at the start, with limit 0, for the newest seq: there it begins (or earlier, if so wanted);
 *   - a moment after it found a gap: with two servers the missing one is often just behind;
 *   - after a reconnect of the subscription, and in quiet times less and less often: what was lost
 *     at the end of a burst shows by no gap. */
#include "follow.h"

#include "limits.h"
#include "net.h"
#include "text.h"
#include "util.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define GAP_MS      20
#define RETRY_MS    2000        /* a history that failed, though the server has it */
#define QUIET_FIRST 250         /* after a (re)subscription, which takes its time to the proxy */
#define QUIET_MS    2000        /* after a message */
#define QUIET_MAX   8000
#define LOW_MS      1000        /* between looks at a log that seems to have become shorter */
#define AGAIN_MS    100         /* between looks at one that does not reach to where we begin */
#define LOW_TIMES   3           /* one answer may come from a server that lags behind another one */
#define HELD_MAX    1000        /* publications held for a topic; the rest is left to history */
#define HELD_BYTES  ((size_t)4 * 1024 * 1024)   /* and their bytes */
#define TURN        256         /* publications taken before answers get their turn */

struct held {
	uint64_t seq;
	char *p;                /* the publication, ours */
	size_t n;
};

struct topic {
	struct topic *next;
	struct follow *follow;
	struct str name;        /* ours */
	int inbox;
	int dead;               /* 1: to be freed when no answer is awaited */
	int started;            /* 1: last says something */
	int live_only;          /* 1: no history here */
	int asking;             /* 1: a request is under way */
	int wanted;             /* 1: and it asked for messages, not only for the newest seq */
	uint64_t asked;         /* behind this seq */
	uint64_t from, tail;    /* as talk_follow() was told */
	uint64_t last;          /* delivered */
	uint64_t old;           /* up to here it was there before */
	uint64_t low;           /* the newest seq of a log that seems too short */
	int low_times;
	int64_t ask_at, quiet;
	struct held *held;      /* by seq */
	size_t held_n, held_cap, held_bytes;
};

struct follow {
	struct talk *talk;
	void *socket;
	const struct talk_handler *handler;
	struct topic *topics;
	int64_t next;           /* no topic is due before */
	int works;              /* 1: this server has answered history before */
	int told;               /* 1: TALK_LIVE_ONLY was said */
	struct json json;
	struct message_strings strings;
	struct buf members;
};

/* ---- messages ---- */

static void deliver(struct topic *t, struct message *m)
{
	const struct talk_handler *h = t->follow->handler;

	m->old = m->seq != 0 && m->seq <= t->old;
	if (m->seq > t->last)
		t->last = m->seq;
	if (!t->dead && h->message != NULL)
		h->message(h->arg, m);
}

static void say(struct topic *t, enum talk_event event, const char *text)
{
	const struct talk_handler *h = t->follow->handler;

	if (!t->dead && h->event != NULL)
		h->event(h->arg, event, text);
}

/* ---- holding back ---- */

static void due_at(struct topic *t, int64_t at)
{
	t->ask_at = at;
	if (at < t->follow->next)
		t->follow->next = at;
}

static void due_by(struct topic *t, int64_t at)
{
	if (at < t->ask_at)
		due_at(t, at);
}

static void release(struct topic *t, size_t i)
{
	t->held_bytes -= t->held[i].n;
	free(t->held[i].p);
	t->held_n--;
	memmove(&t->held[i], &t->held[i + 1], (t->held_n - i) * sizeof *t->held);
}

static void release_all(struct topic *t)
{
	while (t->held_n > 0)
		release(t, t->held_n - 1);
}

/* They come nearly in order: the place is looked for from the end. */
static void hold(struct topic *t, const struct message *m)
{
	struct str raw = m->object->raw;
	size_t i = t->held_n;

	while (i > 0 && t->held[i - 1].seq > m->seq)
		i--;
	if (i > 0 && t->held[i - 1].seq == m->seq)
		return;
	if (t->held_n == HELD_MAX || t->held_bytes + raw.n > HELD_BYTES) {
		due_by(t, ticks_ms() + GAP_MS);
		return;
	}
	if (t->held_n == t->held_cap) {
		t->held_cap = t->held_cap > 0 ? t->held_cap * 2 : 16;
		t->held = must_grow(t->held, t->held_cap, sizeof *t->held);
	}
	memmove(&t->held[i + 1], &t->held[i], (t->held_n - i) * sizeof *t->held);
	t->held[i] = (struct held){ m->seq, must_alloc(raw.n), raw.n };
	memcpy(t->held[i].p, raw.p, raw.n);
	t->held_n++;
	t->held_bytes += raw.n;
}

static void deliver_held(struct topic *t, const struct held *h)
{
	struct follow *f = t->follow;
	struct message m;

	if (json_parse(&f->json, h->p, h->n) == 0 && message_read(&m, &f->strings, t->name,
	    t->inbox, &f->json, f->json.node) == 0)
		deliver(t, &m);         /* both worked when it came */
}

/* Delivers what is held as far as it goes on from the last one. */
static void drain(struct topic *t)
{
	size_t i = 0, n = t->held_n;

	if (n == 0)
		return;
	for (; i < n && (t->live_only || t->held[i].seq <= t->last + 1); i++) {
		if (t->live_only || t->held[i].seq == t->last + 1)
			deliver_held(t, &t->held[i]);
		t->held_bytes -= t->held[i].n;
		free(t->held[i].p);
	}
	memmove(t->held, t->held + i, (n - i) * sizeof *t->held);
	t->held_n = n - i;
	if (t->held_n > 0)
		due_by(t, ticks_ms() + GAP_MS);
}

/* A publication of a topic that is followed. */
static void take(struct topic *t, struct message *m)
{
	if (m->seq == 0 || t->live_only) {
		deliver(t, m);
	} else if (!t->started) {
		hold(t, m);
	} else if (m->seq <= t->last) {
		due_by(t, ticks_ms() + LOW_MS); /* a repetition, or a log that begins anew: ask */
	} else if (m->seq == t->last + 1) {
		t->quiet = QUIET_MS;
		t->ask_at = ticks_ms() + QUIET_MS;
		deliver(t, m);
		drain(t);
	} else {
		hold(t, m);
		due_by(t, ticks_ms() + GAP_MS);
	}
}

/* ---- history ---- */

static void missing(struct topic *t, uint64_t first, uint64_t last)
{
	struct buf b = { 0 };

	message_put_missing(&b, t->name, first, last);
	buf_putc(&b, '\0');
	say(t, TALK_MISSING, b.err ? "messages are missing in the log" : b.p);
	buf_free(&b);
}

/* The log has become shorter. Believed only when it is said several times. */
static void too_short(struct topic *t, uint64_t newest)
{
	struct buf b = { 0 };

	if (t->low_times++ == 0)
		t->low = newest;
	due_at(t, ticks_ms() + LOW_MS);
	if (t->low_times < LOW_TIMES)
		return;
	put_visible(&b, t->name);
	buf_puts(&b, ": the log was set back");
	buf_putc(&b, '\0');
	say(t, TALK_RESET, b.err ? "the log was set back" : b.p);
	buf_free(&b);
	t->last = t->low;
	t->old = t->old < t->low ? t->old : t->low;
	t->low_times = 0;
	release_all(t);
	due_at(t, ticks_ms());
}

/* 1: the topic does not reach to where we are to begin. Its answer may come from a server that lags
 * behind another one, so it is asked again; if it stays so, only what is new is wanted. */
static int begins_later(struct topic *t, uint64_t newest)
{
	if (t->from <= newest)
		return 0;
	if (++t->low_times < LOW_TIMES) {
		due_at(t, ticks_ms() + AGAIN_MS);
		return 1;
	}
	t->from = t->tail = 0;
	return 0;
}

/* Nothing that was published since we subscribed is skipped, even when it is in the newest seq. */
static void start(struct topic *t, uint64_t newest)
{
	uint64_t at = newest > t->tail ? newest - t->tail : 0;

	t->low_times = 0;
	t->old = newest;
	if (t->held_n > 0 && t->held[0].seq <= newest) {
		t->old = t->held[0].seq - 1;
		at = at < t->old ? at : t->old;
	}
	t->last = at > t->from ? at : t->from;
	t->started = 1;
}

static void take_page(struct topic *t, const struct answer *a)
{
	const struct json_node *list = json_get(a->json, a->data, "messages"), *n;
	struct message m;

	if (list == NULL || list->type != JSON_ARRAY)
		return;
	for (n = json_first(a->json, list); n != NULL; n = json_next(a->json, list, n)) {
		if (message_read(&m, &t->follow->strings, t->name, t->inbox, a->json,
		    n) == -1 || m.seq <= t->last)
			continue;
		if (m.seq > t->last + 1)
			missing(t, t->last + 1, m.seq - 1);
		deliver(t, &m);
	}
}

/* What an answer said has been taken: when to ask next. */
static void plan(struct topic *t, uint64_t newest)
{
	int64_t now = ticks_ms();

	if (newest < t->asked) {        /* not last: publications have come since it was asked */
		too_short(t, newest);
		return;
	}
	t->low_times = 0;
	if (newest > t->last && t->wanted && t->last == t->asked) {
		missing(t, t->last + 1, newest);        /* it has them and does not give them */
		t->last = newest;
	}
	if (newest > t->last) {
		due_at(t, now);
	} else {
		due_at(t, now + t->quiet);
		t->quiet = t->quiet * 2 < QUIET_MAX ? t->quiet * 2 : QUIET_MAX;
	}
	drain(t);
}

static void no_history(struct topic *t)
{
	if (t->follow->works) {         /* it had: a passing fault, and nothing may be missed */
		due_at(t, ticks_ms() + RETRY_MS);
		return;
	}
	t->live_only = 1;
	drain(t);
	if (!t->follow->told)
		say(t, TALK_LIVE_ONLY, "no history here: only what comes from now on");
	t->follow->told = 1;
}

static void on_history(void *arg, const struct answer *a)
{
	struct topic *t = arg;
	uint64_t newest = UINT64_MAX;

	t->asking = 0;
	if (t->dead) {
		t->follow->next = 0;    /* it can be freed now */
		return;
	}
	if (a->kind == ANSWER_OK)
		newest = reply_number(a->json, a->data, "last", UINT64_MAX);
	if (newest == UINT64_MAX) {
		no_history(t);
		return;
	}
	t->follow->works = 1;
	if (!t->started && begins_later(t, newest))
		return;
	if (!t->started)
		start(t, newest);
	take_page(t, a);
	plan(t, newest);
}

static void ask(struct topic *t)
{
	struct follow *f = t->follow;

	buf_clear(&f->members);
	json_put_member(&f->members, t->inbox ? "user" : "channel", t->name);
	if (t->started)
		json_put_number(&f->members, "after", t->last);
	json_put_number(&f->members, "limit", t->started ? HISTORY_PAGE : 0);
	t->asking = 1;
	t->wanted = t->started;
	t->asked = t->last;
	talk_request(f->talk, "history", &f->members, TALK_FOREVER, on_history, t);
}

/* ---- topics ---- */

static struct topic *find(const struct follow *f, struct str name)
{
	struct topic *t = f->topics;

	while (t != NULL && (t->dead || !str_eq(t->name, name)))
		t = t->next;
	return t;
}

static void free_topic(struct topic *t)
{
	release_all(t);
	free(t->held);
	free((char *)t->name.p);        /* ours, though a struct str cannot say so */
	free(t);
}

void follow_topic(struct follow *f, struct str name, int inbox, uint64_t from, uint64_t tail)
{
	struct topic *t;
	char *copy;

	if (name.n == 0 || find(f, name) != NULL)
		return;
	t = must_alloc(sizeof *t);
	copy = must_alloc(name.n);
	memcpy(copy, name.p, name.n);
	t->name = (struct str){ copy, name.n };
	t->follow = f;
	t->inbox = inbox;
	t->from = from;
	t->tail = tail;
	t->quiet = QUIET_FIRST;
	t->next = f->topics;
	f->topics = t;
	if (zmq_setsockopt(f->socket, ZMQ_SUBSCRIBE, name.p, name.n) == -1)
		die(EXIT_FAILED, "ZMQ_SUBSCRIBE: %s", zmq_strerror(errno));
	ask(t);         /* now: what the caller publishes next is to come behind the answer */
}

void follow_drop(struct follow *f, struct str name)
{
	struct topic *t = find(f, name);

	if (t == NULL)
		return;
	if (zmq_setsockopt(f->socket, ZMQ_UNSUBSCRIBE, t->name.p, t->name.n) == -1)
		die(EXIT_FAILED, "ZMQ_UNSUBSCRIBE: %s", zmq_strerror(errno));
	t->dead = 1;
	f->next = 0;
}

void follow_again(struct follow *f)
{
	for (struct topic *t = f->topics; t != NULL; t = t->next) {
		t->quiet = QUIET_FIRST;
		due_at(t, ticks_ms());
	}
}

static void publication(struct follow *f, struct topic *t, struct str body)
{
	struct message m;

	if (json_parse(&f->json, body.p, body.n) == 0 && message_read(&m, &f->strings,
	    t->name, t->inbox, &f->json, f->json.node) == 0)
		take(t, &m);    /* else it is none, or of another topic than its frame says */
}

/* Subscriptions match by prefix: what begins like a topic comes here too and is dropped. 1:
 * something was taken off; 0: there is nothing. */
static int take_publication(struct follow *f)
{
	struct topic *t;
	zmq_msg_t msg;

	(void)zmq_msg_init(&msg);       /* cannot fail */
	if (!net_recv(f->socket, &msg)) {
		(void)zmq_msg_close(&msg);
		return 0;
	}
	t = find(f, (struct str){ zmq_msg_data(&msg), zmq_msg_size(&msg) });
	if (t != NULL && net_more(&msg) && net_recv(f->socket, &msg) && !net_more(&msg))
		publication(f, t, (struct str){ zmq_msg_data(&msg), zmq_msg_size(&msg) });
	net_drop_rest(f->socket, &msg);
	(void)zmq_msg_close(&msg);      /* a valid message closes */
	return 1;
}

void follow_read(struct follow *f)
{
	for (int i = 0; i < TURN && take_publication(f); i++)
		;
}

int64_t follow_tick(struct follow *f, int64_t now)
{
	struct topic *t, **link = &f->topics;

	if (now < f->next)
		return f->next;
	f->next = INT64_MAX;
	while ((t = *link) != NULL) {
		if (t->dead && !t->asking) {
			*link = t->next;
			free_topic(t);
			continue;
		}
		if (!t->dead && !t->asking && !t->live_only && t->ask_at <= now)
			ask(t);
		if (!t->dead && !t->asking && !t->live_only && t->ask_at < f->next)
			f->next = t->ask_at;
		link = &t->next;
	}
	return f->next;
}

struct follow *follow_open(struct talk *t, void *sub, const struct talk_handler *handler)
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
		struct topic *t = f->topics;

		f->topics = t->next;
		free_topic(t);
	}
	json_free(&f->json);
	message_strings_free(&f->strings);
	buf_free(&f->members);
	free(f);
}
