/* client.h: what the commands of the client share. Each command takes its
 * arguments from struct client and returns the exit code. What goes wrong was
 * reported on stderr by then. */
#ifndef CLIENT_H
#define CLIENT_H

#include "buf.h"
#include "output.h"
#include "talk.h"

struct client {
	const char *broker, *proxy;
	struct str user;
	int user_given;         /* 1: by -u or RECADO_USER, 0: by LOGNAME */
	int64_t limit_ms;       /* -t: how long to wait for an answer */
	int json;               /* -j */
	enum output_form form;
	struct talk *talk;

	char **operand;
	int operands;
	uint64_t count;         /* -c, 0: not given */
	int64_t wait_ms;        /* -w, TALK_FOREVER: not given */
	uint64_t newest;        /* -n, 0: not given */
	uint64_t after;         /* -s */
	int after_given;
	int inbox;              /* hist -i */
	int64_t interval_s;     /* stat -i, 0: not given */

	struct buf members;     /* of the request at hand */
	struct buf out;         /* on its way to stdout */
};

/* client_ask.c: one request, and the commands that need no more. */

/* Connects, if that is not done yet. Needed only by those that follow topics:
 * client_call() does it too. */
void client_open(struct client *c, const struct talk_handler *handler);
/* Sends the request made of c->members, which it clears, and waits for the
 * answer. 0; or the exit code, and the reason was reported, about what. */
int client_call(struct client *c, const char *what, const char *service,
    struct answer *a);
/* Gives add() the names of all users or channels. 0, or the exit code, and the
 * reason was reported. */
int client_list(struct client *c, const char *service,
    void (*add)(void *arg, struct str name), void *arg);
/* Reports why a request failed, and returns the exit code. */
int client_failed(const char *what, const struct answer *a);
int client_exit_code(const struct answer *a);
/* Ends the program if it is not known who is talking. */
void client_need_user(const struct client *c);

/* Logs the user in, for a command that goes on. 0, or the exit code. */
int client_register(struct client *c);

int client_login(struct client *c);
int client_users(struct client *c);
int client_channels(struct client *c);
int client_create(struct client *c);
int client_ping(struct client *c);

/* The other commands: pub and msg are in client_send.c, chat is in chat.c, each
 * other one is in the file of its name. */
int client_pub(struct client *c);
int client_msg(struct client *c);
int client_sub(struct client *c);
int client_hist(struct client *c);
int client_stat(struct client *c);
int client_chat(struct client *c);

#endif
