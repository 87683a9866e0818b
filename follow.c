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
 * Anybody can publish any text, too, under the next number, before the server
 * does or in place of a publication that was lost. So what was delivered
 * because it was published counts only until history has been read that far
 * (`sure`), and a mark is kept of it. What history has under the same number is
 * compared with the mark, and delivered if it is another text; a second text
 * that is published under a number makes us ask for that one. No more is
 * delivered in advance than there are marks. If history does not reach up to
 * what was delivered, following goes on from where it is sure. Either way
 * TALK_RESET is told first.
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
/* Messages delivered because they were published, before history was read that
 * far: at most; and after so many it is asked, busy as the topic may be. 16 KiB
 * of marks for a topic, of which a quiet one touches a page. */
#define AHEAD_MAX     4096
#define AHEAD_ASK     1024
/* Of these so many at most are read again. Reading all of them would make the
 * servers send each message of a busy topic to each subscriber. */
#define AGAIN_MAX     32
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
	uint64_t sure;                  /* history was read up to here */
	uint64_t wrong;                 /* not 0: read again from here */
	uint32_t *mark;                 /* of what was delivered; 0: none */
	uint64_t old;                   /* up to here it was there before */
	struct held held;

	int asking;                     /* 1: a request is under way */
	uint64_t asked_after;           /* after this seq */
	uint64_t asked_last, asked_wrong;       /* what they were then */
	uint64_t asked;                 /* requests so far */
	int64_t ask_at, quiet;          /* when next; when there is no news */
	int64_t since;                  /* last was above sure */
	int doubt, asked_doubt;         /* 1: because of a publication */
	int64_t verify_from, verify_ms; /* not before because of one */
	int low_times;                  /* newest was too low, in a row */
	uint64_t low, low_last;         /* the first of these; last was then */
};

struct follow {
	struct talk *talk;
	void *socket;
	const struct talk_handler *handler;
	struct followed *topics;
	int64_t next;           /* no topic is due before */
	int works;              /* 1: this server has answered history */
	int told;               /* 1: TALK_LIVE_ONLY was told */
	uint64_t seed;          /* of the marks */
	struct json json;
	struct message_strings strings;
	struct buf members;
};

/* ---- marks ---- */

/* Nobody knows the seed, and so none has a text with the mark of another. */
static uint32_t mark_of(const struct followed *t, const struct message *m)
{
	uint64_t h = str_hash(t->follow->seed ^ m->seq, m->user);

	return (uint32_t)str_hash(h, m->text) | 1;
}

static void set_mark(struct followed *t, const struct message *m)
{
	if (t->state != JOINED || m->seq == 0)
		return;
	if (t->mark == NULL)
		t->mark = must_alloc(AHEAD_MAX * sizeof *t->mark);
	t->mark[m->seq % AHEAD_MAX] = mark_of(t, m);
}

/* Those after this seq: what comes under their numbers is new. */
static void forget_marks(struct followed *t, uint64_t seq)
{
	if (t->mark == NULL)
		return;
	for (uint64_t i = 0; i < AHEAD_MAX && t->last - i > seq; i++)
		t->mark[(t->last - i) % AHEAD_MAX] = 0;
}

/* 1: another message was delivered under the seq of this one. */
static int is_other(const struct followed *t, const struct message *m)
{
	uint32_t mark;

	if (t->mark == NULL || m->seq > t->last ||
	    t->last - m->seq >= AHEAD_MAX)
		return 0;
	mark = t->mark[m->seq % AHEAD_MAX];
	return mark != 0 && mark != mark_of(t, m);
}

/* ---- telling the caller ---- */

static void deliver_message(struct followed *t, struct message *m)
{
	const struct talk_handler *h = t->follow->handler;

	m->old = m->seq != 0 && m->seq <= t->old;
	set_mark(t, m);
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

static void tell_reset(struct followed *t, uint64_t to)
{
	struct buf b = { 0 };

	put_visible(&b, t->name);
	buf_puts(&b, ": back to ");
	buf_u64(&b, to);
	buf_puts(&b, ": not all that was shown after it is in the log");
	tell_event(t, TALK_RESET, &b, "not all that was shown is in the log");
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

/* Two texts were published under this seq: history must tell which is right. */
static void doubt_text(struct followed *t, uint64_t seq)
{
	if (seq > t->sure)
		seq = t->sure + 1;
	if (t->wrong == 0 || seq < t->wrong)
		t->wrong = seq;
}

static void keep(struct followed *t, const struct message *m)
{
	/* If it is not kept, it is left to history. */
	if (held_add(&t->held, m->seq, t->asked, m->object->raw) == 1)
		doubt_text(t, m->seq);
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

static int is_next(const struct followed *t, uint64_t seq)
{
	return seq == t->last + 1 && t->last - t->sure < AHEAD_MAX;
}

/* Delivers what is held as far as it continues the last one. */
static void drain_held(struct followed *t)
{
	int all = t->state == LIVE_ONLY;
	size_t i = 0;

	for (; i < t->held.n; i++) {
		const struct held_one *h = &t->held.one[i];

		if (!all && h->seq > t->last && !is_next(t, h->seq))
			break;
		if (all || is_next(t, h->seq))
			deliver_held(t, h->text);
	}
	held_drop(&t->held, i);
	if (t->held.n > 0)
		verify_in(t, GAP_MS);
}

/* The next check: after a pause, but not later and later. */
static void put_off_asking(struct followed *t)
{
	int64_t at = ticks_ms() + QUIET_MS;
	uint64_t ahead = t->last - t->sure;

	t->quiet = QUIET_MS;
	if (t->low_times > 0 || t->wrong != 0 || ahead > AHEAD_ASK)
		return;
	if (at > t->since + QUIET_MS_MAX)
		at = t->since + QUIET_MS_MAX;
	ask_at(t, ahead == AHEAD_ASK ? ticks_ms() : at);
}

static void take_next(struct followed *t, struct message *m)
{
	if (t->last == t->sure)
		t->since = ticks_ms();
	deliver_message(t, m);
	put_off_asking(t);
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
	} else if (is_other(t, m)) {
		doubt_text(t, m->seq);
		verify_in(t, GAP_MS);
	} else if (m->seq <= t->last) {
		/* A repetition, or a log that begins anew. */
		verify_in(t, SHORTER_MS);
	} else if (is_next(t, m->seq)) {
		take_next(t, m);
	} else {
		keep(t, m);
	}
}

/* ---- history ---- */

static void set_back(struct followed *t, uint64_t to)
{
	tell_reset(t, to);
	forget_marks(t, to);
	t->last = t->sure = to;
	t->old = t->old < to ? t->old : to;
	t->low_times = 0;
	if (t->wrong > to)
		t->wrong = 0;
	held_drop(&t->held, t->held.n);
	ask_in(t, 0);
}

/* More was delivered than the log has: somebody made it up, or the log became
 * shorter. If that is told often enough to be believed, goes on from where
 * history was read to, or from the end of the shorter log. */
static void too_low(struct followed *t, uint64_t newest)
{
	if (t->low_times == 0 || newest >= t->low_last) {
		t->low_times = 0;
		t->low = newest;
		t->low_last = t->asked_last;
	}
	t->low_times++;
	ask_in(t, newest > t->sure ? 0 : SHORTER_MS);
	if (t->low_times >= LOW_TIMES && newest <= t->sure)
		set_back(t, newest < t->sure ? t->low : newest);
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
	t->last = t->sure = at > t->from ? at : t->from;
	if (t->wrong != 0)
		t->wrong = t->sure + 1;
	t->state = JOINED;
}

/* One message of a page. Returns 1 if another text was delivered in its
 * place. */
static int take_line(struct followed *t, struct message *m, int reset)
{
	int other = is_other(t, m);

	if (m->seq <= t->last && !other)
		return 0;
	if (other && !reset)
		tell_reset(t, m->seq - 1);
	if (m->seq > t->last + 1)
		tell_missing(t, t->last + 1, m->seq - 1);
	deliver_message(t, m);
	return other;
}

/* A page of history ends at this seq. */
static void read_up_to(struct followed *t, uint64_t end, uint64_t newest)
{
	if (newest > end && end == t->asked_after) {
		/* The server has them, but does not give them. */
		if (newest > t->last) {
			tell_missing(t, t->last + 1, newest);
			t->last = newest;
		}
		end = newest;
	}
	if (end > t->sure && end <= newest)
		t->sure = end;
	if (t->asked_wrong != 0 && end < newest)
		doubt_text(t, end + 1);
}

/* Returns 1 if something else had been delivered in place of a message. */
static int take_page(struct followed *t, const struct answer *a,
    uint64_t newest)
{
	const struct json_node *list = reply_array(a, "messages"), *n;
	uint64_t end = t->asked_after;
	struct message m;
	int reset = 0;

	for (n = json_first(a->json, list); n != NULL;
	    n = json_next(a->json, list, n)) {
		if (message_read(&m, &t->follow->strings, t->name, t->inbox,
		    a->json, n) == -1 || m.seq <= end)
			continue;
		end = m.seq;
		reset |= take_line(t, &m, reset);
	}
	read_up_to(t, end, newest);
	return reset;
}

/* There is nothing after the last one. */
static void stay_quiet(struct followed *t)
{
	ask_in(t, t->quiet);
	t->quiet *= 2;
	if (t->quiet > QUIET_MS_MAX)
		t->quiet = QUIET_MS_MAX;
}

/* An answer was taken: when to ask next. news: it told something that no
 * publication had, or confirmed what one had. */
static void plan_next(struct followed *t, uint64_t newest, int news)
{
	size_t unconfirmed;

	/* Not t->last: publications have come since this was asked. */
	if (newest < t->asked_last) {
		too_low(t, newest);
		verified(t, !news);
		return;
	}
	t->low_times = 0;
	t->since = ticks_ms();
	if (newest > t->sure || t->wrong != 0 ||
	    t->last - t->sure >= AHEAD_ASK)
		ask_in(t, 0);
	else
		stay_quiet(t);
	unconfirmed = held_refute(&t->held, newest, t->asked);
	drain_held(t);
	verified(t, unconfirmed > 0 || !news);
}

static void no_history(struct followed *t)
{
	/* It had: a passing fault, and nothing may be missed. */
	if (t->follow->works) {
		t->since = ticks_ms();
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
	uint64_t newest = UNKNOWN, sure;
	int other;

	t->asking = 0;
	if (t->state == DROPPED) {
		t->follow->next = 0;    /* it can be freed now */
		return;
	}
	if (a->kind == ANSWER_OK)
		newest = reply_number(a->json, a->data, "last", UNKNOWN);
	if (newest == UNKNOWN) {
		if (t->asked_wrong != 0)
			doubt_text(t, t->asked_wrong);
		no_history(t);
		return;
	}
	t->follow->works = 1;
	if (t->state == STARTING) {
		if (not_there_yet(t, newest))
			return;
		join_history(t, newest);
		plan_next(t, newest, 0);
		return;
	}
	sure = t->sure;
	other = take_page(t, a, newest);
	plan_next(t, newest, t->asked_wrong != 0 ? other : t->sure > sure);
}

/* After which message a page is to begin. */
static uint64_t page_after(const struct followed *t)
{
	if (t->wrong != 0)
		return t->wrong - 1;
	if (t->low_times > 0 || t->last - t->sure <= AGAIN_MAX)
		return t->sure;
	return t->last - AGAIN_MAX;
}

static void ask_history(struct followed *t)
{
	struct follow *f = t->follow;
	int page = t->state == JOINED;

	t->asked_after = page_after(t);
	t->asked_last = t->last;
	t->asked_wrong = t->wrong;
	buf_clear(&f->members);
	json_put_member(&f->members, t->inbox ? "user" : "channel", t->name);
	if (page)
		json_put_number(&f->members, "after", t->asked_after);
	json_put_number(&f->members, "limit", page ? HISTORY_PAGE : 0);
	t->asking = 1;
	t->asked++;
	t->asked_doubt = t->doubt;
	t->doubt = 0;
	if (page)
		t->wrong = 0;
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
	free(t->mark);
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
	f->seed = random_seed();
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
