/* bot.c: a client that talks by itself, for ever or for some rounds, and checks
 * that its messages come back: see bot_audit.h. */
#include "bot_audit.h"
#include "limits.h"
#include "name.h"
#include "output.h"
#include "talk_list.h"
#include "util.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MESSAGES    10          /* in a round; -n */
#define INTERVAL_MS 200         /* after each; -i */
#define REFUSED_MS  1000        /* after an answer that it cannot go on with */
#define BACK_MS     10000       /* how long it waits for its last messages */
#define TEXT_BYTES  256         /* for a message and a NUL */
/* Channels that are followed; then it stays with those. */
#define CHANNELS_MAX 64

struct bot {
	const char *broker, *proxy;
	char name[NAME_BYTES_MAX + 1];
	int named;              /* 1: by -u */
	int messages, strict;
	int64_t interval_ms, rounds;
	uint64_t random;

	struct talk *talk;
	int signals;
	struct audit audit;     /* its first topic is the bot's inbox */

	struct buf members;     /* of the request at hand */
	int answered;           /* 1: that has its answer */
	enum answer_kind kind;
	int64_t asked_us;
	uint64_t number;        /* of the message that it sends */
	uint64_t newest;        /* seq of a topic; UINT64_MAX: not known */
	struct talk_list list;  /* of the channels, under way */
	char (*channel)[NAME_BYTES_MAX + 1];
	size_t channels, channels_cap;
};

/* ---- choosing ---- */

/* splitmix64: the same seed, the same words. */
static uint64_t next_random(struct bot *b, uint64_t below)
{
	uint64_t z = b->random += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return (z ^ z >> 31) % below;
}

static void make_name(struct bot *b)
{
	static const char consonants[] = "bcdfglmnprstvz", vowels[] = "aeiou";
	size_t syllables = 3 + (size_t)next_random(b, 2), n = 0;

	for (size_t i = 0; i < syllables; i++) {
		b->name[n++] = consonants[next_random(b,
		    sizeof consonants - 1)];
		b->name[n++] = vowels[next_random(b, sizeof vowels - 1)];
	}
	b->name[n] = '\0';
}

static void make_text(struct bot *b, char *to, size_t size, const char *mark)
{
	static const char *const start[] = { "oi", "olá", "bom dia",
		"boa noite", "e aí", "opa", "salve" };
	static const char *const what[] = { "tudo bem?", "alguém por aqui?",
		"deixei um recado.", "vou tomar um café ☕",
		"que dia é hoje?",
		"não esqueçam a reunião!", "está chovendo…" };
	const char *hello = start[next_random(b, sizeof start / sizeof *start)];
	const char *rest = what[next_random(b, sizeof what / sizeof *what)];

	(void)snprintf(to, size, "%s, %s %s", hello, rest, mark);  /* fits */
}

/* ---- requests: one at a time, for as long as it takes ---- */

/* Until *flag is set or the time has come. 1: go on; 0: a signal came. */
static int wait_until(struct bot *b, const int *flag, int64_t until)
{
	zmq_pollitem_t item = { .fd = b->signals, .events = ZMQ_POLLIN };
	int64_t left;

	while (!*flag && (left = until - ticks_ms()) > 0 &&
	    !stop_asked(b->signals))
		(void)talk_poll(b->talk, left, &item, 1);
	return !stop_asked(b->signals);
}

static int pause_ms(struct bot *b, int64_t ms)
{
	static const int never;

	return wait_until(b, &never, ticks_ms() + ms);
}

/* Sends the request made of b->members. 1: answered; 0: a signal came. */
static int request(struct bot *b, const char *service, talk_answer *answer)
{
	b->answered = 0;
	b->asked_us = ticks_us();
	talk_request(b->talk, service, &b->members, TALK_FOREVER, answer, b);
	buf_clear(&b->members);
	return wait_until(b, &b->answered, INT64_MAX);
}

static void on_any(void *arg, const struct answer *a)
{
	struct bot *b = arg;

	b->answered = 1;
	b->kind = a->kind;
}

/* ---- topics ---- */

static void on_newest(void *arg, const struct answer *a)
{
	struct bot *b = arg;

	on_any(b, a);
	b->newest = UINT64_MAX;
	if (a->kind == ANSWER_OK)
		b->newest = reply_number(a->json, a->data, "last", UINT64_MAX);
}

/* Asks where the topic ends before anything is sent to it: else, with several
 * servers, that could be taken for old. 0: a signal came. */
static int follow_new(struct bot *b, struct str topic, int inbox)
{
	if (audit_has(&b->audit, topic))
		return 1;
	json_put_member(&b->members, inbox ? "user" : "channel", topic);
	json_put_number(&b->members, "limit", 0);
	if (!request(b, "history", on_newest))
		return 0;
	audit_add(&b->audit, topic);
	if (b->newest == UINT64_MAX)    /* the server has no history */
		talk_follow(b->talk, topic, inbox, 0, 0);
	else
		talk_follow(b->talk, topic, inbox, b->newest, UINT64_MAX);
	return 1;
}

static void add_channel(void *arg, struct str name)
{
	struct bot *b = arg;
	char *to;

	if (!name_ok(name) || b->channels == LIST_MAX)
		return;
	b->channel = must_array_room(b->channel, b->channels, &b->channels_cap,
	    sizeof *b->channel);
	to = b->channel[b->channels++];
	memcpy(to, name.p, name.n);
	to[name.n] = '\0';
}

/* 0: a signal came. */
static int list_channels(struct bot *b)
{
	b->answered = 0;
	b->channels = 0;
	b->list = (struct talk_list){ .talk = b->talk, .service = "channels",
	    .limit_ms = TALK_FOREVER, .add = add_channel, .done = on_any,
	    .arg = b };
	talk_list(&b->list);
	return wait_until(b, &b->answered, INT64_MAX);
}

/* Two bots may do this at the same time; that the second one is refused is not
 * an error. 0: a signal came. */
static int create_first(struct bot *b)
{
	json_put_member(&b->members, "channel", STR("geral"));
	return request(b, "channel", on_any) &&
	    (b->kind == ANSWER_OK || pause_ms(b, REFUSED_MS));
}

/* 0: a signal came. */
static int choose_channel(struct bot *b, struct str *channel)
{
	uint64_t followed = b->audit.topics - 1;        /* not the inbox */

	do {
		if (!list_channels(b))
			return 0;
		if (b->channels == 0 && !create_first(b))
			return 0;
	} while (b->channels == 0);
	if (followed < CHANNELS_MAX)
		*channel = str_of(b->channel[next_random(b, b->channels)]);
	else
		*channel = b->audit.topic[1 + next_random(b, followed)].name;
	return 1;
}

/* ---- what it does ---- */

/* 0: a signal came. */
static int log_in_bot(struct bot *b)
{
	for (;;) {
		if (!b->named)
			make_name(b);
		json_put_member(&b->members, "user", str_of(b->name));
		if (!request(b, "login", on_any))
			return 0;
		if (b->kind == ANSWER_OK)
			break;
		if (b->named)
			die(EXIT_FAILED, "%s: this name was refused", b->name);
		if (!pause_ms(b, REFUSED_MS))
			return 0;
	}
	return follow_new(b, str_of(b->name), 1);
}

static void on_published(void *arg, const struct answer *a)
{
	struct bot *b = arg;

	on_any(b, a);
	audit_answer(&b->audit, b->number, a, ticks_us() - b->asked_us);
}

static int say_something(struct bot *b, struct str channel)
{
	char mark[AUDIT_MARK_BYTES], text[TEXT_BYTES];

	b->number = audit_send(&b->audit, mark);
	make_text(b, text, sizeof text, mark);
	json_put_member(&b->members, "user", str_of(b->name));
	json_put_member(&b->members, "channel", channel);
	json_put_member(&b->members, "message", str_of(text));
	return request(b, "publish", on_published);
}

static int do_round(struct bot *b)
{
	struct str channel;

	if (!choose_channel(b, &channel) || !follow_new(b, channel, 0))
		return 0;
	for (int i = 0; i < b->messages; i++)
		if (!say_something(b, channel) || !pause_ms(b, b->interval_ms))
			return 0;
	return 1;
}

/* After a signal it does not wait: the servers may be stopping too. */
static void wait_for_own(struct bot *b)
{
	int64_t end = ticks_ms() + BACK_MS;

	while (audit_awaited(&b->audit) > 0 && ticks_ms() < end)
		if (!pause_ms(b, 20))
			return;
	audit_give_up(&b->audit);
}

static void work(struct bot *b)
{
	if (!log_in_bot(b))
		return;
	for (int64_t i = 0; b->rounds == 0 || i < b->rounds; i++)
		if (!do_round(b))
			return;
	wait_for_own(b);
}

/* ---- the program ---- */

static void usage(FILE *to)
{
	(void)fprintf(to, "usage: %s [-b BROKER] [-p PROXY] [-u USER] "
	    "[-n MESSAGES] [-i MS] [-r ROUNDS]\n"
	    "       [-s SEED] [-S]\n"
	    "  -b BROKER     where requests go (%s)\n"
	    "  -p PROXY      where messages come from (%s)\n"
	    "  -u USER       who is talking (a name that the bot makes up)\n"
	    "  -n MESSAGES   messages in a round (%d)\n"
	    "  -i MS         milliseconds after each message (%d)\n"
	    "  -r ROUNDS     how many rounds; 0: until a signal comes (0)\n"
	    "  -s SEED       of the random numbers\n"
	    "  -S            also print p50 and p99 of the answers, in\n"
	    "                microseconds\n"
	    "  -h, -V        this help; the version\n"
	    "RECADO_BROKER and RECADO_PROXY stand for -b and -p.\n"
	    "Exit code 1 if anything was refused, repeated or missing.\n",
	    program(), talk_default_broker(), talk_default_proxy(), MESSAGES,
	    INTERVAL_MS);
}

static void name_option(struct bot *b, const char *name)
{
	if (!name_ok(str_of(name))) {
		output_invalid_name(str_of(name));
		exit(EXIT_USAGE);
	}
	(void)snprintf(b->name, sizeof b->name, "%s", name);
	b->named = 1;
}

static void bot_option(struct bot *b, int letter)
{
	switch (letter) {
	case 'b':
		b->broker = optarg;
		break;
	case 'p':
		b->proxy = optarg;
		break;
	case 'u':
		name_option(b, optarg);
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
	default:
		option_common(letter, usage);
	}
}

static void options(struct bot *b, int argc, char **argv)
{
	int letter;

	b->broker = talk_default_broker();
	b->proxy = talk_default_proxy();
	b->messages = MESSAGES;
	b->interval_ms = INTERVAL_MS;
	b->random = must_random();
	while ((letter = getopt(argc, argv, "b:p:u:n:i:r:s:ShV")) != -1)
		bot_option(b, letter);
	option_end(argc, argv);
}

static void on_seen(void *arg, const struct message *m)
{
	struct bot *b = arg;

	audit_see(&b->audit, b->name, m);
}

int main(int argc, char **argv)
{
	static struct bot b;
	struct talk_handler handler = { on_seen, output_event, &b };
	struct buf sums = { 0 };
	int wrong;

	set_program(argv[0]);
	options(&b, argc, argv);
	audit_open(&b.audit);
	b.signals = stop_signals();
	b.talk = talk_open(b.broker, b.proxy, &handler);
	work(&b);
	talk_close(b.talk);
	wrong = audit_report(&b.audit, &sums, b.strict);
	output_write(&sums);
	buf_free(&sums);
	audit_close(&b.audit);
	free(b.channel);
	buf_free(&b.members);
	return wrong ? EXIT_FAILED : 0;
}
