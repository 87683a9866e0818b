/* client.h: what the commands of the client share. Each takes its arguments from struct client and
 * returns the exit code; what goes wrong it has said on stderr. */
#ifndef CLIENT_H
#define CLIENT_H

#include "buf.h"
#include "output.h"
#include "talk.h"

struct client {
	const char *broker, *proxy;
	struct str user;
	int user_given;         /* 1: by -u or RECADO_USER, 0: it is only the login name */
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

/* Connects, if that is not done yet. For what follows no topics client_call() does it. */
void client_open(struct client *c, const struct talk_handler *handler);
/* Asks and waits. 0, or the exit code; then the reason was said, about what. */
int client_call(struct client *c, const char *what, const char *service, struct answer *a);
/* Says why a request failed, and returns the exit code. */
int client_failed(const char *what, const struct answer *a);
/* Ends the program when it is not known who is talking. */
void client_need_user(const struct client *c);
int client_login(struct client *c, struct answer *a);

int client_send(struct client *c, const char *service);         /* pub and msg: client_send.c */
int client_sub(struct client *c);                               /* client_read.c */
int client_hist(struct client *c);
int client_stat(struct client *c);                              /* client_stat.c */
int client_chat(struct client *c);                              /* chat.c */

#endif
