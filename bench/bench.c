/* bench.c: the benchmark's program; bench.sh calls it, and knows what each
 * mode prints.
 *
 * One program is the load, and also the limits that recado is measured
 * beside. */
#include "bench.h"

#include "../util.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct bench_options bench = { .clients = 1, .window = 1, .topics = 10,
    .seconds = 3, .run = "run-", .topic = "t0" };

static void discard_output(void)
{
	int fd = open("/dev/null", O_WRONLY);

	if (fd == -1 || dup2(fd, STDOUT_FILENO) == -1)
		die(EXIT_FAILED, "/dev/null:");
}

/* Prints how many ms a command takes. */
static void run_timed(char **operand)
{
	int64_t start = ticks_us();
	pid_t pid = fork();
	int status;

	if (pid == -1)
		die(EXIT_FAILED, "fork:");
	if (pid == 0) {
		discard_output();
		(void)execvp(operand[0], operand);
		die(EXIT_FAILED, "%s:", operand[0]);
	}
	if (waitpid(pid, &status, 0) == -1)
		die(EXIT_FAILED, "waitpid:");
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		die(EXIT_FAILED, "%s: failed", operand[0]);
	(void)printf("%.1f\n", (double)(ticks_us() - start) / 1000);
}

static const struct mode {
	const char *name;
	int least, most;        /* operands */
	void (*run)(char **operand);
	const char *arguments, *does;
} modes[] = {
	{ "echo-proxy", 2, 2, bench_echo_proxy, "FRONT BACK",
	    "a stock ROUTER/DEALER proxy" },
	{ "echo-server", 1, 1, bench_echo_server, "[-d FILE] BACK",
	    "sends every request back; -d: syncs each one to FILE first" },
	{ "pubsub-proxy", 2, 2, bench_pubsub_proxy, "IN OUT",
	    "a stock XSUB/XPUB proxy" },
	{ "load", 1, 1, bench_load,
	    "[-e] [-c N] [-w N] [-k TOPICS] [-i ID] [-t S] [-n N] FRONT",
	    "N clients publish; -e: to an echo server" },
	{ "create", 1, 1, bench_create, "[-k TOPICS] [-n USERS] FRONT",
	    "creates channels t0, t1 ... and users u0, u1 ..." },
	{ "ping", 1, 1, bench_ping, "FRONT",
	    "prints how many ms one request takes" },
	{ "history", 1, 1, bench_history,
	    "-s TOPIC -n LINES [-c N] [-t S] FRONT",
	    "reads 50 lines at a time, at random places" },
	{ "catchup", 1, 1, bench_catchup, "-s TOPIC [-a SEQ] FRONT",
	    "reads everything after SEQ" },
	{ "fanout", 2, 2, bench_fanout, "[-c N] [-w N] [-t S] IN OUT",
	    "one publisher, N subscribers; -w 0: flat out" },
	{ "listen", 1, 1, bench_listen, "[-c N] [-t S] OUT",
	    "counts publications until S seconds of silence" },
	{ "disk", 1, 1, bench_disk, "[-p] [-t S] FILE",
	    "200 bytes and a sync, again and again; -p: in place" },
	{ "fill", 1, 2, bench_fill, "-n LINES [-k TOPICS] DIRECTORY [TOPIC]",
	    "writes the logs of t0, t1 ..., or only that of TOPIC" },
	{ "timed", 1, INT32_MAX, run_timed, "COMMAND...",
	    "prints how many ms a command takes" }
};
#define MODES (sizeof modes / sizeof *modes)

static void usage(FILE *to)
{
	(void)fprintf(to, "usage: %s MODE [OPTION...] OPERAND...\n",
	    program());
	for (size_t i = 0; i < MODES; i++)
		(void)fprintf(to, "  %s %s\n      %s\n", modes[i].name,
		    modes[i].arguments, modes[i].does);
}

static uint64_t count_option(int letter, int64_t low, int64_t high)
{
	return (uint64_t)option_number((char)letter, optarg, low, high);
}

static void options(int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "a:c:d:ehi:k:n:ps:t:w:V")) != -1)
		switch (c) {
		case 'a': bench.after = count_option(c, 0, INT64_MAX); break;
		case 'c': bench.clients = count_option(c, 1, 10000); break;
		case 'd': bench.file = optarg; break;
		case 'e': bench.echo = 1; break;
		case 'i': bench.run = optarg; break;
		case 'k': bench.topics = count_option(c, 1, 1000000); break;
		case 'n': bench.count = count_option(c, 1, INT64_MAX); break;
		case 'p': bench.in_place = 1; break;
		case 's': bench.topic = optarg; break;
		case 't':
			bench.seconds = option_number('t', optarg, 1, 3600);
			break;
		case 'w': bench.window = count_option(c, 0, 1000000); break;
		default: option_common(c, usage);
		}
}

static const struct mode *find_mode(const char *name)
{
	for (size_t i = 0; i < MODES; i++)
		if (strcmp(modes[i].name, name) == 0)
			return &modes[i];
	return NULL;
}

int main(int argc, char **argv)
{
	const struct mode *mode = argc > 1 ? find_mode(argv[1]) : NULL;
	int skip = mode != NULL, operands;

	set_program(argv[0]);
	options(argc - skip, argv + skip);
	operands = argc - skip - optind;
	if (mode == NULL || operands < mode->least || operands > mode->most) {
		usage(stderr);
		return EXIT_USAGE;
	}
	mode->run(argv + skip + optind);
	return 0;
}
