/* bench_limits.c: the limits that recado is compared with.
 *
 * They are the smallest programs that do half of the work: libzmq's stock
 * proxies, a server that only echoes, a disk that only takes appends. */
#include "bench.h"

#include "../net.h"
#include "../util.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE_BYTES     200      /* a message's line in a log */
#define IN_PLACE_BYTES ((size_t)16 * 1024 * 1024)

/* net_socket() would set what a stock socket does not have. */
static void *stock_socket(void *context, int type)
{
	void *socket = zmq_socket(context, type);

	if (socket == NULL)
		die(EXIT_FAILED, "zmq_socket: %s", zmq_strerror(errno));
	return socket;
}

/* hwm: messages queued for each peer; 0: the stock 1000. */
static void run_proxy(int front, int back, int hwm, char **operand)
{
	void *context = net_context(1), *socket[2];
	const int type[2] = { front, back };

	for (int i = 0; i < 2; i++) {
		socket[i] = stock_socket(context, type[i]);
		if (hwm > 0)
			net_option(socket[i], ZMQ_SNDHWM, hwm);
		net_bind(socket[i], operand[i]);
	}
	/* Until a signal ends the process. */
	(void)zmq_proxy(socket[0], socket[1], NULL);
}

void bench_echo_proxy(char **operand)
{
	/* A ROUTER drops what exceeds its high-water mark, and learns only in
	 * steps of half of it what was read: with the stock mark a client with
	 * 1000 requests under way would lose answers. */
	run_proxy(ZMQ_ROUTER, ZMQ_DEALER, 20000, operand);
}

void bench_pubsub_proxy(char **operand)
{
	run_proxy(ZMQ_XSUB, ZMQ_XPUB, 0, operand);
}

static int open_empty(const char *path, int flags)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | flags, 0644);

	if (fd == -1)
		die(EXIT_IO, "%s:", path);
	return fd;
}

static void write_and_sync(int fd, const void *p, size_t n)
{
	if (write(fd, p, n) != (ssize_t)n || fdatasync(fd) == -1)
		die(EXIT_IO, "write:");
}

/* With a file it syncs one request at a time, as a plain server would. */
void bench_echo_server(char **operand)
{
	void *socket = stock_socket(net_context(1), ZMQ_DEALER);
	int fd = bench.file != NULL ? open_empty(bench.file, O_APPEND) : -1;
	zmq_msg_t m;

	net_connect(socket, operand[0]);
	(void)zmq_msg_init(&m);         /* cannot fail */
	while (zmq_msg_recv(&m, socket, 0) != -1) {
		int more = zmq_msg_more(&m);

		if (!more && fd != -1)
			write_and_sync(fd, zmq_msg_data(&m), zmq_msg_size(&m));
		if (zmq_msg_send(&m, socket, more ? ZMQ_SNDMORE : 0) == -1)
			break;
	}
	die(EXIT_FAILED, "echo: %s", zmq_strerror(errno));
}

/* A file that has its size and blocks already needs no sync of either. */
static void fill_with_zeros(int fd)
{
	char *zeros = must_alloc(IN_PLACE_BYTES);

	write_and_sync(fd, zeros, IN_PLACE_BYTES);
	free(zeros);
}

static void rewind_file(int fd)
{
	if (lseek(fd, 0, SEEK_SET) == -1)
		die(EXIT_IO, "lseek:");
}

void bench_disk(char **operand)
{
	const uint64_t lines_in_place = IN_PLACE_BYTES / LINE_BYTES;
	int fd = open_empty(operand[0], 0);
	char line[LINE_BYTES];
	int64_t start, now;

	memset(line, 'x', sizeof line);
	if (bench.in_place)
		fill_with_zeros(fd);
	start = now = ticks_us();
	while (now < start + bench.seconds * 1000000) {
		int64_t before = now;

		if (bench.in_place && times_count() % lines_in_place == 0)
			rewind_file(fd);
		write_and_sync(fd, line, sizeof line);
		now = ticks_us();
		times_add(now - before);
	}
	(void)printf("%" PRIu64 " %.0f %u %u\n", times_count(),
	    (double)times_count() * 1e6 / (double)(now - start),
	    times_percentile(50), times_percentile(99));
	(void)close(fd);        /* everything was synced */
}
