/* fuzz_loop.h: a daemon inside of a fuzz target. It runs in a thread of its own
 * and never ends; between two turns of its loop, where it would wait, the
 * target has its turn. Only one of the two ever runs. Clock and context are the
 * target's, and its sockets are inproc: nothing goes through the kernel.
 *
 * To be included once, before the daemon's source and
 *   #define main        fuzz_main
 *   #define ticks_ms    fuzz_ticks
 *   #define net_poll    fuzz_poll
 *   #define net_context fuzz_context */
#ifndef FUZZ_LOOP_H
#define FUZZ_LOOP_H

#include "fuzz.h"
#include "../net.h"

#include <pthread.h>

#define LOOP_ARGUMENTS 10

int fuzz_main(int argc, char **argv);

static pthread_mutex_t loop_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t loop_turn = PTHREAD_COND_INITIALIZER;
static int loop_daemon;         /* 1: it is the daemon's turn */
static char loop_argument[LOOP_ARGUMENTS][20];
static int64_t loop_ms = 1000;
static void *loop_context;

static int64_t fuzz_ticks(void)
{
	return loop_ms;
}

static void *fuzz_context(int threads)
{
	(void)threads;
	return loop_context;
}

/* Gives the turn away, and waits until it is back. */
static void loop_switch(int daemon)
{
	must(pthread_mutex_lock(&loop_lock) == 0);
	loop_daemon = daemon;
	must(pthread_cond_broadcast(&loop_turn) == 0);
	while (loop_daemon == daemon)
		must(pthread_cond_wait(&loop_turn, &loop_lock) == 0);
	must(pthread_mutex_unlock(&loop_lock) == 0);
}

static void fuzz_poll(zmq_pollitem_t *item, unsigned n, long ms)
{
	(void)ms;
	loop_switch(0);
	net_poll(item, n, 0);
}

static void *loop_run(void *arg)
{
	static char *argv[LOOP_ARGUMENTS + 1];
	int argc = 0;

	(void)arg;
	for (; argc < LOOP_ARGUMENTS && *loop_argument[argc] != '\0'; argc++)
		argv[argc] = loop_argument[argc];
	(void)fuzz_main(argc, argv);
	abort();
}

/* With these words as its arguments. Returns when it waits for the first
 * time. */
static void loop_start(const char *words)
{
	struct str in = { words, strlen(words) };
	pthread_t thread;

	for (int i = 0; in.n > 0; i++) {
		struct str word = fuzz_until(&in, ' ');

		memcpy(loop_argument[i], word.p, word.n);
	}
	loop_context = net_context(1);
	loop_daemon = 1;
	must(pthread_create(&thread, NULL, loop_run, NULL) == 0 &&
	    pthread_mutex_lock(&loop_lock) == 0);
	while (loop_daemon)
		must(pthread_cond_wait(&loop_turn, &loop_lock) == 0);
	must(pthread_mutex_unlock(&loop_lock) == 0);
}

/* Some turns of the daemon, after each of which this much time has passed. */
static void loop_turns(int turns, int64_t ms)
{
	while (turns-- > 0) {
		loop_switch(1);
		loop_ms += ms;
	}
}

static void *loop_socket(int type)
{
	void *s = net_socket(loop_context, type, (size_t)1 << 30, 0);

	/* what the daemon says may wait as long as an input lasts */
	net_option(s, ZMQ_RCVHWM, 0);
	return s;
}

#endif
