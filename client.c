/* client.c: the program for people and for scripts: its command line. */
#include "client.h"

#include "limits.h"
#include "util.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OPTIONS "+b:p:u:t:jhV"  /* before the command, and after it too */

static const struct command {
	const char *name;
	int (*run)(struct client *c);
	const char *options;    /* its own, for getopt() */
	int least, most;        /* operands */
	int user;               /* 1: it acts as a user */
	int text;               /* 1: text follows the first operand */
	const char *usage;
} commands[] = {
	{ "login", client_login, "", 0, 0, 1, 0,
	    "login                      register the user" },
	{ "users", client_users, "", 0, 0, 0, 0,
	    "users                      list the users" },
	{ "channels", client_channels, "", 0, 0, 0, 0,
	    "channels                   list the channels" },
	{ "create", client_create, "", 1, INT32_MAX, 0, 0,
	    "create CHANNEL...          create channels" },
	{ "pub", client_pub, "", 1, INT32_MAX, 1, 1,
	    "pub CHANNEL [TEXT...]      publish TEXT, or each line of stdin" },
	{ "msg", client_msg, "", 1, INT32_MAX, 1, 1,
	    "msg USER [TEXT...]         the same to one user" },
	{ "sub", client_sub, "c:w:s:", 0, INT32_MAX, 1, 0,
	    "sub [-c COUNT] [-w SECONDS] [-s SEQ] [CHANNEL...]\n"
	    "      show what is sent there and to the user; -c end after\n"
	    "      COUNT messages, -w end with exit code 75 after SECONDS,\n"
	    "      -s begin with all messages after SEQ" },
	{ "hist", client_hist, "n:s:i", 1, 1, 0, 0,
	    "hist TOPIC [-n N | -s SEQ] [-i]\n"
	    "      show the newest N messages (" LIMIT_TEXT(HISTORY_DEFAULT)
	    "), or all after SEQ;\n"
	    "      -i TOPIC is a user: what was sent to them" },
	{ "chat", client_chat, "", 0, INT32_MAX, 0, 0,
	    "chat [CHANNEL...]          talk; if no user is given and the\n"
	    "      first name is not that of a channel, it is the user" },
	{ "ping", client_ping, "", 0, 0, 0, 0,
	    "ping                       how long an answer takes" },
	{ "stat", client_stat, "i:", 0, 0, 0, 0,
	    "stat [-i SECONDS]          what the system is doing; -i repeats it"
	    },
};

/* "": there is no user by default. */
static const char *default_user(int *given)
{
	const char *user = getenv("RECADO_USER");

	*given = user != NULL && *user != '\0';
	if (!*given)
		user = getenv("LOGNAME");
	return user != NULL ? user : "";
}

static void usage(FILE *to)
{
	int given;
	const char *user = default_user(&given);

	(void)fprintf(to, "usage: %s [-b BROKER] [-p PROXY] [-u USER] "
	    "[-t SECONDS] [-j] COMMAND\n"
	    "  -b BROKER     where requests go (%s)\n"
	    "  -p PROXY      where messages come from (%s)\n"
	    "  -u USER       who is talking (%s)\n"
	    "  -t SECONDS    how long to wait for an answer (%d)\n"
	    "  -j            one JSON object on each line\n"
	    "  -h, -V        this help; the version\n"
	    "Commands:\n",
	    program(), talk_default_broker(), talk_default_proxy(),
	    *user != '\0' ? user : "no default", CLIENT_WAIT_S);
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
		(void)fprintf(to, "  %s\n", commands[i].usage);
	(void)fprintf(to,
	    "RECADO_BROKER, RECADO_PROXY and RECADO_USER stand for -b, -p and "
	    "-u.\n"
	    "LOGNAME is the user if neither -u nor RECADO_USER names one.\n"
	    "Exit codes: 0; 1 refused or failed; 64 usage; "
	    "69 no answer in time;\n"
	    "            74 I/O; 75 the time of sub -w is over.\n");
}

static void defaults(struct client *c)
{
	c->broker = talk_default_broker();
	c->proxy = talk_default_proxy();
	c->user = str_of(default_user(&c->user_given));
	c->limit_ms = CLIENT_WAIT_S * 1000;
	c->wait_ms = TALK_FOREVER;
}

/* The options of single commands. -i means two things, of which one has an
 * argument. */
static void command_option(struct client *c, int letter)
{
	switch (letter) {
	case 'c':
		c->count = (uint64_t)option_number('c', optarg, 1, INT64_MAX);
		break;
	case 'w':
		c->wait_ms = 1000 * option_number('w', optarg, 0, INT32_MAX);
		break;
	case 's':
		c->after = (uint64_t)option_number('s', optarg, 0, INT64_MAX);
		c->after_given = 1;
		break;
	case 'n':
		c->newest = (uint64_t)option_number('n', optarg, 1, INT64_MAX);
		break;
	case 'i':
		c->inbox = 1;
		if (optarg != NULL)
			c->interval_s = option_number('i', optarg, 1, 3600);
		break;
	default:
		option_common(letter, usage);
	}
}

static void any_option(struct client *c, int letter)
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
	default:
		command_option(c, letter);
	}
}

static const struct command *command_called(const char *name)
{
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	die(EXIT_USAGE, "%s: no such command (%s -h shows how)", name,
	    program());
}

/* Options may stand after operands (hist geral -n 5), but once text begins,
 * everything is text. */
static void command_line(struct client *c, const struct command *k, int argc,
    char **argv)
{
	char letters[32];

	(void)snprintf(letters, sizeof letters, OPTIONS "%s", k->options);
	c->operand = must_alloc((size_t)argc * sizeof *c->operand);
	while (optind < argc) {
		int text = k->text && c->operands > 0, before = optind;
		int letter = text ? -1 : getopt(argc, argv, letters);

		if (letter != -1)
			any_option(c, letter);
		else if (optind == before)
			c->operand[c->operands++] = argv[optind++];
		else            /* it took a "--": no more options */
			while (optind < argc)
				c->operand[c->operands++] = argv[optind++];
	}
	if (c->operands < k->least || c->operands > k->most)
		die(EXIT_USAGE, "%s: too %s arguments (%s -h shows how)",
		    k->name, c->operands < k->least ? "few" : "many",
		    program());
}

static const struct command *options(struct client *c, int argc, char **argv)
{
	const struct command *k;
	int letter;

	defaults(c);
	while ((letter = getopt(argc, argv, OPTIONS)) != -1)
		any_option(c, letter);
	if (optind == argc)
		die(EXIT_USAGE, "no command given (%s -h shows how)",
		    program());
	k = command_called(argv[optind++]);
	command_line(c, k, argc, argv);
	if (k->user)
		client_need_user(c);
	c->form = c->json ? OUTPUT_JSON :
	    isatty(STDOUT_FILENO) ? OUTPUT_PEOPLE : OUTPUT_TABS;
	return k;
}

int main(int argc, char **argv)
{
	struct client c = { 0 };
	const struct command *k;
	int code;

	set_program(argv[0]);
	k = options(&c, argc, argv);
	signal_set(SIGPIPE, SIG_IGN, 0);        /* output_write() sees it */
	code = k->run(&c);
	buf_free(&c.members);
	buf_free(&c.out);
	free(c.operand);
	if (c.talk != NULL)
		talk_close(c.talk);
	return code;
}
