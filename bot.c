/* bot.c: the client that needs nobody. It talks for ever, or for some rounds, and keeps count of
 * what it sent and saw: each of its messages that was acknowledged must come back once, under the
 * seq that the answer named, and no topic may repeat or leave out a seq. */
#include "limits.h"
#include "line.h"
#include "name.h"
#include "net.h"
#include "talk.h"
#include "text.h"
#include "util.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MESSAGES     10         /* in a round; -n */
#define INTERVAL_MS  200        /* between two; -i */
#define FOLLOWED_MAX 64         /* that are followed: after that it stays with those it knows */
#define RETRY_MS     1000       /* after an answer one cannot go on with */
#define BACK_MS      10000      /* how long the end waits for its own messages */
#define TEXT_MAX     256        /* bytes of a message */

/* A topic, and what was seen of it. */
struct stream {
	struct stream *next;
	char name[NAME_BYTES_MAX + 1];
	uint64_t last;
};

/* A message of ours that is not both acknowledged and seen yet, in the order they were sent. */
struct own {
	struct own *next;
	uint64_t number;
	uint64_t acked, seen;   /* its seq, 0: not yet */
};

struct bot {
	const char *broker, *proxy;
	char name[NAME_BYTES_MAX + 1];
	int named;              /* 1: by -u */
	int messages, strict;
	int64_t interval_ms, rounds;
	uint64_t random;

	struct talk *talk;
	int signals;
	int answered;           /* 1: the request at hand has its answer */
	enum answer_kind kind;
	uint64_t newest;        /* seq of a topic */
	int64_t asked_us;
	struct buf members;
	char tag[8];            /* tells our messages from those of a namesake */
	struct own *owns;
	struct stream *streams;
	size_t following;
	char (*channels)[NAME_BYTES_MAX + 1];
	size_t channels_n;
	uint64_t number, sent, ok, erro, seen, dup, gap;
	uint64_t took[64 * 16]; /* answers by microseconds, 16 steps to each power of two */
};

/* splitmix64: the same seed, the same words. */
static uint64_t next_random(struct bot *b, uint64_t below)
{
	uint64_t z = b->random += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return (z ^ z >> 31) % below;
}

/* ---- how long answers took ---- */

static void count_time(struct bot *b, uint64_t us)
{
	unsigned shift = 0;

	while (us >> shift >= 32)
		shift++;
	b->took[shift * 16 + (us >> shift)]++;
}

/* The time below which so many percent of the answers came; with 16 steps at most 6 % too low. */
static uint64_t percentile(const struct bot *b, uint64_t percent)
{
	uint64_t all = 0, below = 0;
	size_t i, n = sizeof b->took / sizeof *b->took;

	for (i = 0; i < n; i++)
		all += b->took[i];
	for (i = 0; i < n; i++) {
		below += b->took[i];
		if (below * 100 >= all * percent)
			break;
	}
	return i < 32 ? i : (i % 16 + 16) << (i / 16 - 1);
}

/* ---- what comes back ---- */

static struct own **find_own(struct bot *b, uint64_t number)
{
	struct own **link = &b->owns;

	while (*link != NULL && (*link)->number != number)
		link = &(*link)->next;
	return link;
}

static void drop_own(struct own **link)
{
	struct own *o = *link;

	*link = o->next;
	free(o);
}

static void settle(struct bot *b, struct own **link)
{
	struct own *o = *link;

	if (o->acked == 0 || o->seen == 0)
		return;
	if (o->acked != o->seen)
		b->dup++;               /* stored twice: answer and publication do not agree */
	drop_own(link);
}

/* Ours end in " #tag.number". */
static uint64_t own_number(const struct bot *b, const struct message *m)
{
	char text[TEXT_MAX], *mark;

	if (!str_is(m->user, b->name) || m->text.n >= sizeof text)
		return 0;
	memcpy(text, m->text.p, m->text.n);
	text[m->text.n] = '\0';
	mark = strrchr(text, '#');
	if (mark == NULL || strncmp(mark + 1, b->tag, strlen(b->tag)) != 0)
		return 0;
	return strtoull(mark + 1 + strlen(b->tag), NULL, 10);
}

static struct stream *find_stream(struct bot *b, struct str name)
{
	struct stream *s = b->streams;

	while (s != NULL && !str_is(name, s->name))
		s = s->next;
	return s;
}

static void check_seq(struct bot *b, struct stream *s, uint64_t seq)
{
	if (seq == 0)           /* a server that does not number */
		return;
	if (s->last != 0 && seq <= s->last)
		b->dup++;
	else if (s->last != 0)
		b->gap += seq - s->last - 1;
	s->last = seq;
}

static void on_message(void *arg, const struct message *m)
{
	struct bot *b = arg;
	struct stream *s = find_stream(b, m->topic);
	uint64_t number = own_number(b, m);
	struct own **own;

	b->seen++;
	if (s != NULL)
		check_seq(b, s, m->seq);
	if (number == 0)
		return;
	own = find_own(b, number);
	if (*own == NULL || (*own)->seen != 0) {
		b->dup++;
		return;
	}
	(*own)->seen = m->seq != 0 ? m->seq : UINT64_MAX;
	settle(b, own);
}

static void on_event(void *arg, enum talk_event event, const char *text)
{
	(void)arg;
	if (event != TALK_LOST && event != TALK_BACK)
		warn("%s", text);
}

/* ---- requests: one at a time, each as long as it takes ---- */

/* 1: go on; 0: a signal came. */
static int wait_until(struct bot *b, const int *flag, int64_t until_ms)
{
	zmq_pollitem_t item = { .fd = b->signals, .events = ZMQ_POLLIN };

	while (!*flag && ticks_ms() < until_ms && !stop_asked(b->signals))
		(void)talk_poll(b->talk, until_ms == INT64_MAX ? TALK_FOREVER :
		    until_ms - ticks_ms(), &item, 1);
	return !stop_asked(b->signals);
}

static int pause_ms(struct bot *b, int64_t ms)
{
	static const int never;

	return wait_until(b, &never, ticks_ms() + ms);
}

static int ask(struct bot *b, const char *service, talk_answer *answer)
{
	b->answered = 0;
	b->asked_us = ticks_us();
	talk_request(b->talk, service, &b->members, TALK_FOREVER, answer, b);
	buf_clear(&b->members);
	return wait_until(b, &b->answered, INT64_MAX);
}

static void on_answer(void *arg, const struct answer *a)
{
	struct bot *b = arg;

	b->answered = 1;
	b->kind = a->kind;
}

static void add_channel(struct bot *b, struct str name)
{
	char *to;

	if (!name_ok(name) || memchr(name.p, '\0', name.n) != NULL)
		return;
	b->channels = must_grow(b->channels, b->channels_n + 1, sizeof *b->channels);
	to = b->channels[b->channels_n++];
	memcpy(to, name.p, name.n);
	to[name.n] = '\0';
}

static void on_channels(void *arg, const struct answer *a)
{
	struct bot *b = arg;
	const struct json_node *list = NULL, *n;
	struct buf scratch = { 0 };
	struct str name;

	on_answer(b, a);
	b->channels_n = 0;
	if (a->kind == ANSWER_OK)
		list = json_get(a->json, a->data, "channels");
	if (list == NULL || list->type != JSON_ARRAY)
		return;
	for (n = json_first(a->json, list); n != NULL; n = json_next(a->json, list, n)) {
		buf_clear(&scratch);
		if (json_string(n, &scratch, &name) == 0)
			add_channel(b, name);
	}
	buf_free(&scratch);
}

static void on_stored(void *arg, const struct answer *a)
{
	struct bot *b = arg;
	struct own **own = find_own(b, b->number);

	on_answer(b, a);
	count_time(b, (uint64_t)(ticks_us() - b->asked_us));
	if (a->kind == ANSWER_OK) {
		b->ok++;
		(*own)->acked = a->seq != 0 ? a->seq : UINT64_MAX;
		settle(b, own);
	} else {
		b->erro++;
		drop_own(own);          /* should it come back all the same, it counts as dup */
	}
}

/* UINT64_MAX: the server has no history. */
static void on_newest(void *arg, const struct answer *a)
{
	struct bot *b = arg;

	on_answer(b, a);
	b->newest = UINT64_MAX;
	if (a->kind == ANSWER_OK)
		b->newest = reply_number(a->json, a->data, "last", UINT64_MAX);
}

/* Where the topic ends is asked before anything is sent to it: else, with several servers, that
 * could be taken for old. 0: a signal came. */
static int follow(struct bot *b, const char *name, int inbox)
{
	struct stream *s;

	if (find_stream(b, str_of(name)) != NULL)
		return 1;
	json_put_member(&b->members, inbox ? "user" : "channel", str_of(name));
	json_put_number(&b->members, "limit", 0);
	if (!ask(b, "history", on_newest))
		return 0;
	s = must_alloc(sizeof *s);
	(void)snprintf(s->name, sizeof s->name, "%s", name);    /* longer ones were left out */
	s->next = b->streams;
	b->streams = s;
	b->following++;
	if (b->newest == UINT64_MAX)
		talk_follow(b->talk, str_of(name), inbox, 0, 0);
	else
		talk_follow(b->talk, str_of(name), inbox, b->newest, UINT64_MAX);
	return 1;
}

/* ---- what it does ---- */

static void make_name(struct bot *b)
{
	static const char consonants[] = "bcdfglmnprstvz", vowels[] = "aeiou";
	size_t syllables = 3 + (size_t)next_random(b, 2), n = 0;

	for (size_t i = 0; i < syllables; i++) {
		b->name[n++] = consonants[next_random(b, sizeof consonants - 1)];
		b->name[n++] = vowels[next_random(b, sizeof vowels - 1)];
	}
	b->name[n] = '\0';
}

/* 1: it is known to the server; 0: a signal came. */
static int login(struct bot *b)
{
	for (;;) {
		if (!b->named)
			make_name(b);
		json_put_member(&b->members, "user", str_of(b->name));
		if (!ask(b, "login", on_answer))
			return 0;
		if (b->kind == ANSWER_OK)
			break;
		if (b->named)
			die(EXIT_FAILED, "%s: this name was refused", b->name);
		if (!pause_ms(b, RETRY_MS))
			return 0;
	}
	return follow(b, b->name, 1);
}

/* Two bots may find none at the same time: that the second one is refused is no error. */
static int create_first(struct bot *b)
{
	json_put_member(&b->members, "channel", STR("geral"));
	return ask(b, "channel", on_answer) && (b->kind == ANSWER_OK || pause_ms(b, RETRY_MS));
}

/* NULL: a signal came. */
static const char *choose_channel(struct bot *b)
{
	const struct stream *s = b->streams;

	do {
		if (!ask(b, "channels", on_channels))
			return NULL;
		if (b->channels_n == 0 && !create_first(b))
			return NULL;
	} while (b->channels_n == 0);
	if (b->following <= FOLLOWED_MAX)
		return b->channels[next_random(b, b->channels_n)];
	for (uint64_t i = next_random(b, b->following - 1); i > 0; i--)
		s = s->next;            /* the last one is its own inbox */
	return s->name;
}

static void make_text(struct bot *b, char *to, size_t size)
{
	static const char *const start[] = { "oi", "olá", "bom dia", "boa noite", "e aí", "opa",
	    "salve" };
	static const char *const what[] = { "tudo bem?", "alguém por aqui?", "deixei um recado.",
	    "vou tomar um café ☕", "que dia é hoje?", "não esqueçam a reunião!", "está chovendo…" };
	const char *hello = start[next_random(b, sizeof start / sizeof *start)];
	const char *rest = what[next_random(b, sizeof what / sizeof *what)];

	(void)snprintf(to, size, "%s, %s #%s%" PRIu64, hello, rest, b->tag, b->number); /* fits */
}

static int say_something(struct bot *b, const char *channel)
{
	struct own *own = must_alloc(sizeof *own);
	char text[TEXT_MAX];

	own->number = ++b->number;
	*find_own(b, own->number) = own;        /* its place is the end of the list */
	make_text(b, text, sizeof text);
	json_put_member(&b->members, "user", str_of(b->name));
	json_put_member(&b->members, "channel", str_of(channel));
	json_put_member(&b->members, "message", str_of(text));
	b->sent++;
	return ask(b, "publish", on_stored);
}

static int one_round(struct bot *b)
{
	const char *channel = choose_channel(b);

	if (channel == NULL || !follow(b, channel, 0))
		return 0;
	for (int i = 0; i < b->messages; i++)
		if (!say_something(b, channel) || !pause_ms(b, b->interval_ms))
			return 0;
	return 1;
}

static uint64_t not_back(const struct bot *b)
{
	uint64_t n = 0;

	for (const struct own *o = b->owns; o != NULL; o = o->next)
		n += o->acked != 0 && o->seen == 0;
	return n;
}

/* After a signal nobody has time: the servers may be stopping too. */
static void wait_for_own(struct bot *b)
{
	int64_t end = ticks_ms() + BACK_MS;

	while (not_back(b) > 0 && ticks_ms() < end)
		if (!pause_ms(b, 20))
			return;
	b->gap += not_back(b);
}

static void work(struct bot *b)
{
	if (!login(b))
		return;
	for (int64_t i = 0; b->rounds == 0 || i < b->rounds; i++)
		if (!one_round(b))
			return;
	wait_for_own(b);
}

static int report(const struct bot *b)
{
	printf("sent=%" PRIu64 " ok=%" PRIu64 " erro=%" PRIu64 " seen=%" PRIu64 " dup=%" PRIu64
	    " gap=%" PRIu64, b->sent, b->ok, b->erro, b->seen, b->dup, b->gap);
	if (b->strict)
		printf(" p50=%" PRIu64 " p99=%" PRIu64, percentile(b, 50), percentile(b, 99));
	printf("\n");
	if (fflush(stdout) == EOF)
		die(EXIT_IO, "stdout:");
	return b->erro > 0 || b->dup > 0 || b->gap > 0 ? EXIT_FAILED : 0;
}

static _Noreturn void usage(const struct bot *b)
{
	printf("usage: %s [-b BROKER] [-p PROXY] [-u USER] [-n MESSAGES] [-i MILLISECONDS]\n"
	    "       [-r ROUNDS] [-s SEED] [-S]\n"
	    "  -b %-24s where requests go (RECADO_BROKER)\n"
	    "  -p %-24s where messages come from (RECADO_PROXY)\n"
	    "  -u USER                     who it is; without it a name is made up\n"
	    "  -n %-24d messages in a round\n"
	    "  -i %-24d milliseconds between two\n"
	    "  -r %-24d rounds, 0: until SIGTERM\n"
	    "  -s SEED                     the same words again\n"
	    "  -S                          also p50 and p99 of the answers in microseconds\n"
	    "  -h, -V                      this help; the version\n"
	    "Exit code 1 when anything was refused, came twice or did not come.\n",
	    program(), b->broker, b->proxy, MESSAGES, INTERVAL_MS, 0);
	exit(fflush(stdout) == EOF ? EXIT_IO : 0);
}

static void take_name(struct bot *b, const char *name)
{
	if (!name_ok(str_of(name)))
		die(EXIT_USAGE, "-u: a name has 1 to 64 bytes of UTF-8 without control characters");
	(void)snprintf(b->name, sizeof b->name, "%s", name);
	b->named = 1;
}

static void option(struct bot *b, int letter)
{
	switch (letter) {
	case 'b':
		b->broker = optarg;
		break;
	case 'p':
		b->proxy = optarg;
		break;
	case 'u':
		take_name(b, optarg);
		break;
	case 'n':
		b->messages = (int)option_number('n', optarg, 1, INT32_MAX);
		break;
	case 'i':
		b->interval_ms = option_number('i', optarg, 0, 86400000);
		break;
	case 'r':
		b->rounds = option_number('r', optarg, 0, INT64_MAX);
		break;
	case 's':
		b->random = (uint64_t)option_number('s', optarg, 0, INT64_MAX);
		break;
	case 'S':
		b->strict = 1;
		break;
	case 'h':
		usage(b);
	case 'V':
		printf("recado %s\n", RECADO_VERSION);
		exit(fflush(stdout) == EOF ? EXIT_IO : 0);
	default:
		exit(EXIT_USAGE);       /* getopt() has said why */
	}
}

static void options(struct bot *b, int argc, char **argv)
{
	const char *broker = getenv("RECADO_BROKER"), *proxy = getenv("RECADO_PROXY");
	int letter;

	b->broker = broker != NULL && *broker != '\0' ? broker : DEFAULT_BROKER;
	b->proxy = proxy != NULL && *proxy != '\0' ? proxy : DEFAULT_PROXY;
	b->messages = MESSAGES;
	b->interval_ms = INTERVAL_MS;
	b->random = talk_random();
	while ((letter = getopt(argc, argv, "b:p:u:n:i:r:s:ShV")) != -1)
		option(b, letter);
	if (optind < argc)
		die(EXIT_USAGE, "%s: no arguments are taken; -h shows the options", argv[optind]);
}

static void forget(struct bot *b)
{
	struct own *o;
	struct stream *s;

	talk_close(b->talk);
	while ((o = b->owns) != NULL) {
		b->owns = o->next;
		free(o);
	}
	while ((s = b->streams) != NULL) {
		b->streams = s->next;
		free(s);
	}
	free(b->channels);
	buf_free(&b->members);
}

int main(int argc, char **argv)
{
	static struct bot b;
	struct talk_handler handler = { on_message, on_event, &b };

	set_program(argv[0]);
	options(&b, argc, argv);
	(void)snprintf(b.tag, sizeof b.tag, "%05x.", (unsigned)(talk_random() & 0xfffff));
	b.signals = stop_signals();
	b.talk = talk_open(b.broker, b.proxy, &handler);
	work(&b);
	forget(&b);
	return report(&b);
}
