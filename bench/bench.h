/* bench.h: what the files of the benchmark's program share. */
#ifndef BENCH_H
#define BENCH_H

#include <stddef.h>
#include <stdint.h>

struct bench_options {
	size_t clients;         /* -c: connections, or subscribers */
	size_t window;          /* -w: requests under way on each; lead over the slowest */
	uint64_t topics;        /* -k: publish to t0, t1 ... so many */
	uint64_t count;         /* -n: requests, lines, messages; 0: as many as the time allows */
	int64_t seconds;        /* -t: how long is measured */
	uint64_t after;         /* -a: a seq */
	const char *run;        /* -i: the ids of the requests begin with it */
	const char *topic;      /* -s */
	const char *file;       /* -d: sync each request into it */
	int echo;               /* -e: the other end echoes */
	int in_place;           /* -p: write over what is there instead of appending */
};

extern struct bench_options bench;

/* What main() calls; operand is what stands behind the options. bench.sh knows what each prints. */
void bench_load(char **operand);
void bench_create(char **operand);
void bench_ping(char **operand);
void bench_history(char **operand);
void bench_catchup(char **operand);
void bench_fanout(char **operand);
void bench_listen(char **operand);

#endif
