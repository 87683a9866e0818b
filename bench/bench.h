/* bench.h: what the files of the benchmark's program share. */
#ifndef BENCH_H
#define BENCH_H

#include <stddef.h>
#include <stdint.h>

struct bench_options {
	size_t clients;         /* -c: connections, or subscribers */
	size_t window;          /* -w: requests under way on each; lead over
	                         *     the slowest subscriber */
	uint64_t topics;        /* -k: how many: t0, t1 ... */
	uint64_t count;         /* -n: requests, lines, users; 0: no limit */
	int64_t seconds;        /* -t: how long to measure */
	uint64_t after;         /* -a: a seq */
	const char *run;        /* -i: the prefix of the requests' ids */
	const char *topic;      /* -s */
	const char *file;       /* -d: sync each request to it */
	int echo;               /* -e: the other end only echoes */
	int in_place;           /* -p: overwrite instead of appending */
};

extern struct bench_options bench;

/* The modes. operand: what follows the options. Each prints its figures on
 * one line, for bench.sh to read, and ends the program if anything fails. */

/* bench_limits.c: what recado is compared with */
void bench_echo_proxy(char **operand);
void bench_echo_server(char **operand);
void bench_pubsub_proxy(char **operand);
/* Prints like bench_load(), without the share of a core. */
void bench_disk(char **operand);

/* bench_load.c: clients */

/* Prints the number of answers, requests per second, p50 and p99 in us, and
 * the load generator's own share of a core in %. */
void bench_load(char **operand);
void bench_history(char **operand);
/* Channels and users that exist already are no error. Prints nothing. */
void bench_create(char **operand);
/* Prints how long the answer to one request took, in ms. */
void bench_ping(char **operand);
/* Prints how many messages came, and how many per second. */
void bench_catchup(char **operand);

/* bench_fan.c: a publisher and subscribers */

/* Prints publications sent, publications received by all subscribers
 * together, received per second, and lost in %. */
void bench_fanout(char **operand);
/* Prints how many publications came before -t seconds of silence. */
void bench_listen(char **operand);

/* bench_fill.c: a big data directory. Prints nothing. */
void bench_fill(char **operand);

/* bench_times.c: how long things took. A process measures one thing. */
void times_add(int64_t us);
uint64_t times_count(void);
/* us; only after a times_add(). */
unsigned times_percentile(unsigned percent);

#endif
