/* client.c: the program for people and for scripts: options, and the commands that are one
 * request. */
#include "client.h"

#include "limits.h"
#include "line.h"
#include "name.h"
#include "net.h"
#include "text.h"
#include "util.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int client_failed(const char *what, const struct answer *a)
{
	struct buf b = { 0 };

	put_visible(&b, str_of(what));
	buf_puts(&b, ": ");
	put_visible(&b, a->reason);
	buf_putc(&b, '\0');
	warn("%s", b.err ? "out of memory" : b.p);
	buf_free(&b);
	return a->kind == ANSWER_NONE ? EXIT_NOANSWER : EXIT_FAILED;
}

void client_open(struct client *c, const struct talk_handler *handler)
{
	if (c->talk == NULL)
		c->talk = talk_open(c->broker, c->proxy, handler);
}

int client_call(struct client *c, const char *what, const char *service, struct answer *a)
{
	enum answer_kind kind;

	client_open(c, NULL);
	kind = talk_call(c->talk, service, &c->members, c->limit_ms, a);
	buf_clear(&c->members);
	return kind == ANSWER_OK ? 0 : client_failed(what, a);
}

int client_login(struct client *c, struct answer *a)
{
	json_put_member(&c->members, "user", c->user);
	return client_call(c, "login", "login", a);
}

/* ---- commands that are one request ---- */

static void show_reply(struct client *c, const struct answer *a)
{
	if (!c->json)
		return;
	output_json(&c->out, a->json, a->data);
	buf_putc(&c->out, '\n');
	output_write(&c->out);
}

static int run_login(struct client *c)
{
	struct answer a;
	int code = client_login(c, &a);

	if (code == 0)
		show_reply(c, &a);
	return code;
}

struct listing {
	struct client *client;
	const char *key;        /* in the JSON form: "user" or "channel" */
};

static void list_name(void *arg, struct str name)
{
	struct listing *l = arg;
	struct buf *out = &l->client->out;

	if (l->client->json) {
		buf_putc(out, '{');
		json_put_key(out, l->key);
		output_json_string(out, name);
		buf_putc(out, '}');
	} else {
		output_text(out, name);
	}
	buf_putc(out, '\n');
}

static int list(struct client *c, const char *service, const char *key)
{
	struct listing l = { c, key };
	struct answer a;
	int code = client_call(c, service, service, &a);

	if (code != 0)
		return code;
	reply_names(&a, service, list_name, &l);
	output_write(&c->out);
	return 0;
}

static int run_users(struct client *c)
{
	return list(c, "users", "user");
}

static int run_channels(struct client *c)
{
	return list(c, "channels", "channel");
}

static int create(struct client *c, const char *name)
{
	struct answer a;
	int code;

	if (!name_ok(str_of(name))) {
		a = (struct answer){ .kind = ANSWER_ERRO, .reason = STR("not a name") };
		return client_failed(name, &a);
	}
	json_put_member(&c->members, "channel", str_of(name));
	code = client_call(c, name, "channel", &a);
	if (code == 0)
		show_reply(c, &a);
	return code;
}

/* All of them are tried; the exit code is the first failure's. */
static int run_create(struct client *c)
{
	int first = 0;

	for (int i = 0; i < c->operands && first != EXIT_NOANSWER; i++) {
		int code = create(c, c->operand[i]);

		if (first == 0)
			first = code;
	}
	return first;
}

static int run_ping(struct client *c)
{
	int64_t start = ticks_us(), us;
	struct answer a;
	int code = client_call(c, "ping", "ping", &a);

	us = ticks_us() - start;
	if (code != 0)
		return code;
	if (c->json)
		buf_printf(&c->out, "{\"ms\":%" PRId64 ".%03d}\n", us / 1000, (int)(us % 1000));
	else
		buf_printf(&c->out, "%" PRId64 ".%03d ms\n", us / 1000, (int)(us % 1000));
	output_write(&c->out);
	return 0;
}

static int run_pub(struct client *c)
{
	return client_send(c, "publish");
}

static int run_msg(struct client *c)
{
	return client_send(c, "message");
}

/* ---- options ---- */

static const struct command {
	const char *name;
	int (*run)(struct client *c);
	const char *options;    /* its own, for getopt() */
	int least, most;        /* operands */
	int user;               /* 1: it acts as a user */
	int text;               /* 1: behind the first operand comes text, not options */
	const char *usage;
} commands[] = {
	{ "login", run_login, "", 0, 0, 1, 0,
	    "login                               register the user" },
	{ "users", run_users, "", 0, 0, 0, 0,
	    "users                               list the users" },
	{ "channels", run_channels, "", 0, 0, 0, 0,
	    "channels                            list the channels" },
	{ "create", run_create, "", 1, INT32_MAX, 0, 0,
	    "create CHANNEL...                   make channels" },
	{ "pub", run_pub, "", 1, INT32_MAX, 1, 1,
	    "pub CHANNEL [TEXT...]               publish; without TEXT each line of stdin" },
	{ "msg", run_msg, "", 1, INT32_MAX, 1, 1,
	    "msg USER [TEXT...]                  the same to one user" },
	{ "sub", client_sub, "c:w:s:", 0, INT32_MAX, 1, 0,
	    "sub [-c COUNT] [-w SECONDS] [-s SEQ] [CHANNEL...]\n"
	    "                                      show what comes there and to the user;\n"
	    "                                      -c end after COUNT messages, -w end with exit\n"
	    "                                      code 75 after SECONDS, -s first all after SEQ" },
	{ "hist", client_hist, "n:s:i", 1, 1, 0, 0,
	    "hist TOPIC [-n N | -s SEQ] [-i]     show the newest N (50), or all after SEQ;\n"
	    "                                      -i TOPIC is a user: what was sent to them" },
	{ "chat", client_chat, "", 0, INT32_MAX, 0, 0,
	    "chat [CHANNEL...]                   talk; when no user is given and the first name\n"
	    "                                      is no channel's, it is the user's" },
	{ "ping", run_ping, "", 0, 0, 0, 0,
	    "ping                                how long an answer takes" },
	{ "stat", client_stat, "i:", 0, 0, 0, 0,
	    "stat [-i SECONDS]                   what the system is doing; -i again and again" },
};

static void print_usage(FILE *to, const struct client *c)
{
	(void)fprintf(to, "usage: %s [-b BROKER] [-p PROXY] [-u USER] [-t SECONDS] [-j] COMMAND\n"
	    "  -b %-28s where requests go (RECADO_BROKER)\n"
	    "  -p %-28s where messages come from (RECADO_PROXY)\n"
	    "  -u %-28s who is talking (RECADO_USER, else LOGNAME)\n"
	    "  -t %-28d how long to wait for an answer\n"
	    "  -j                              one JSON object on each line\n"
	    "  -h, -V                          this help; the version\n",
	    program(), c->broker, c->proxy, c->user.n > 0 ? c->user.p : "(none)", CLIENT_WAIT_S);
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
		(void)fprintf(to, "  %s\n", commands[i].usage);
	(void)fprintf(to, "exit codes: 0; 1 refused or failed; 64 usage; 69 no answer in time;\n"
	    "            74 I/O; 75 the time of sub -w is over\n");
}

static _Noreturn void wrong_usage(const char *what, const char *which)
{
	die(EXIT_USAGE, "%s%s%s (%s -h shows how)", which, *which != '\0' ? " " : "", what,
	    program());
}

void client_need_user(const struct client *c)
{
	if (c->user.n == 0)
		wrong_usage("give -u or RECADO_USER", "who is talking?");
	if (!name_ok(c->user))
		wrong_usage("a name has 1 to 64 bytes of UTF-8 without control characters", "-u");
}

static _Noreturn void show_help(const struct client *c)
{
	print_usage(stdout, c);
	if (fflush(stdout) == EOF)
		die(EXIT_IO, "stdout:");
	exit(0);
}

static const char *from_environment(const char *name, const char *otherwise)
{
	const char *value = getenv(name);

	return value != NULL && *value != '\0' ? value : otherwise;
}

static void defaults(struct client *c)
{
	const char *user = from_environment("RECADO_USER", NULL);

	c->broker = from_environment("RECADO_BROKER", DEFAULT_BROKER);
	c->proxy = from_environment("RECADO_PROXY", DEFAULT_PROXY);
	c->user_given = user != NULL;
	c->user = str_of(user != NULL ? user : from_environment("LOGNAME", ""));
	c->limit_ms = CLIENT_WAIT_S * 1000;
	c->wait_ms = TALK_FOREVER;
}

/* Letters that belong to one command; -i means two things, told apart by their having an
 * argument. */
static int own_option(struct client *c, int letter)
{
	switch (letter) {
	case 'c':
		c->count = (uint64_t)option_number('c', optarg, 1, INT64_MAX);
		return 0;
	case 'w':
		c->wait_ms = 1000 * option_number('w', optarg, 0, INT32_MAX);
		return 0;
	case 's':
		c->after = (uint64_t)option_number('s', optarg, 0, INT64_MAX);
		c->after_given = 1;
		return 0;
	case 'n':
		c->newest = (uint64_t)option_number('n', optarg, 1, INT64_MAX);
		return 0;
	case 'i':
		c->inbox = 1;
		if (optarg != NULL)
			c->interval_s = option_number('i', optarg, 1, 3600);
		return 0;
	default:
		return -1;
	}
}

static void option(struct client *c, int letter)
{
	switch (letter) {
	case 'b':
		c->broker = optarg;
		break;
	case 'p':
		c->proxy = optarg;
		break;
	case 'u':
		c->user = str_of(optarg);
		c->user_given = 1;
		break;
	case 't':
		c->limit_ms = 1000 * option_number('t', optarg, 1, INT32_MAX);
		break;
	case 'j':
		c->json = 1;
		break;
	case 'h':
		show_help(c);
	case 'V':
		(void)printf("recado %s\n", RECADO_VERSION);
		exit(fflush(stdout) == EOF ? EXIT_IO : 0);
	default:
		if (own_option(c, letter) == -1)
			exit(EXIT_USAGE);       /* getopt() has said why */
	}
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	wrong_usage("is no command", name);
}

/* Options may stand behind operands (hist geral -n 5), but where text begins everything is text. */
static void command_line(struct client *c, const struct command *k, int argc, char **argv)
{
	char letters[32];
	int letter;

	(void)snprintf(letters, sizeof letters, "+b:p:u:t:jhV%s", k->options);
	c->operand = must_alloc((size_t)argc * sizeof *c->operand);
	while (optind < argc) {
		int before = optind;

		letter = k->text && c->operands > 0 ? -1 : getopt(argc, argv, letters);
		if (letter != -1)
			option(c, letter);
		else if (optind == before)
			c->operand[c->operands++] = argv[optind++];
		else            /* it took a "--": no more options */
			while (optind < argc)
				c->operand[c->operands++] = argv[optind++];
	}
	if (c->operands < k->least || c->operands > k->most)
		wrong_usage(c->operands < k->least ? "needs more" : "takes less", k->name);
}

static const struct command *options(struct client *c, int argc, char **argv)
{
	const struct command *k;
	int letter;

	defaults(c);
	while ((letter = getopt(argc, argv, "+b:p:u:t:jhV")) != -1)
		option(c, letter);
	if (optind == argc)
		wrong_usage("no command given", "");
	k = find_command(argv[optind++]);
	command_line(c, k, argc, argv);
	if (k->user)
		client_need_user(c);
	return k;
}

int main(int argc, char **argv)
{
	struct client c = { 0 };
	const struct command *k;
	int code;

	set_program(argv[0]);
	k = options(&c, argc, argv);
	c.form = c.json ? OUTPUT_JSON : isatty(STDOUT_FILENO) ? OUTPUT_PEOPLE : OUTPUT_TABS;
	(void)signal(SIGPIPE, SIG_IGN); /* cannot fail for it; output_write() sees the EPIPE */
	code = k->run(&c);
	buf_free(&c.members);
	buf_free(&c.out);
	free(c.operand);
	if (c.talk != NULL)
		talk_close(c.talk);
	return code;
}
