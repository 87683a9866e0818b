/* zraw.c: for tests: says to a socket what it is told, byte for byte.
 *
 *   zraw req ENDPOINT
 *       a REQ socket that never retries: stdin is the request, the body of the
 *       reply goes to stdout
 *   zraw -l req ENDPOINT
 *       every line of stdin is a request, and every reply one line; at the end
 *       the longest wait for one goes to stderr
 *   zraw pipe ENDPOINT N
 *       a DEALER that sends the lines of stdin N times without waiting; prints
 *       of each reply the number of its request, its length and its beginning
 *   zraw dealer ENDPOINT FRAME...
 *       sends exactly these frames, prints those of the reply
 *   zraw sub ENDPOINT PREFIX N
 *       prints the frames of N publications
 *   zraw pub ENDPOINT FRAME...
 *       publishes every line of stdin, after these frames
 *   zraw flood ENDPOINT TOPIC N BYTES
 *       publishes N times so many bytes
 *   zraw deaf ENDPOINT CONNECTIONS N
 *       subscribes on each connection to N topics that nobody else has (0: to
 *       everything), never reads, and stays
 *   zraw xpub ENDPOINT N
 *       prints N subscriptions, as a publisher gets them: 1 or 0, the topic
 *   zraw stream ENDPOINT
 *       sends stdin without any ZeroMQ around it, waits for the other end to
 *       hang up or for the first bytes
 *
 * A FRAME or PREFIX "-" stands for all of stdin. Frames are printed as "LENGTH
 * BYTES", a line each, with an empty line after each message. -t: milliseconds
 * to wait for each reply. Exit 69: none came. */
#include "../buf.h"
#include "../limits.h"
#include "../net.h"
#include "../util.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A slow machine under a sanitizer still answers within this. */
#define WAIT_MS 20000
/* Bytes of a reply that are printed where it may be long. */
#define HEAD ((size_t)100)

static void *context;
static long wait_ms = WAIT_MS;

static void usage(void)
{
	(void)fprintf(stderr,
	    "usage: zraw [-l] [-t MS] KIND ENDPOINT [ARGUMENT...]\n");
	exit(EXIT_USAGE);
}

static struct buf read_all(void)
{
	struct buf b = { 0 };
	char *to;
	ssize_t n;

	do {
		to = buf_room(&b, 65536);
		n = to == NULL ? -1 : read(STDIN_FILENO, to, 65536);
		if (n == -1)
			die(EXIT_IO, "stdin:");
		b.n += (size_t)n;
	} while (n > 0);
	return b;
}

static void *open_socket(int type, const char *endpoint)
{
	void *s = net_socket(context, type, REPLY_BYTES_MAX, 1000);

	net_connect(s, endpoint);
	return s;
}

static void recv_wait(void *s, zmq_msg_t *m)
{
	zmq_pollitem_t item = { .socket = s, .events = ZMQ_POLLIN };

	while (!net_recv(s, m)) {
		int n = zmq_poll(&item, 1, wait_ms);

		if (n == 0)
			die(EXIT_NOANSWER, "no answer");
		if (n == -1 && errno != EINTR)
			die(EXIT_FAILED, "zmq_poll: %s", zmq_strerror(errno));
	}
}

static void must_send(void *s, const void *p, size_t n, int more)
{
	zmq_pollitem_t item = { .socket = s, .events = ZMQ_POLLOUT };

	if (zmq_poll(&item, 1, wait_ms) != 1 || net_send_copy(s, p, n,
	    more) == -1)
		die(EXIT_NOANSWER, "not sent: %s", zmq_strerror(errno));
}

static void print(zmq_msg_t *m)
{
	if (fwrite(zmq_msg_data(m), 1, zmq_msg_size(m),
	    stdout) != zmq_msg_size(m))
		die(EXIT_IO, "stdout:");
}

/* One whole message, each frame with its length. */
static void print_frames(void *s)
{
	zmq_msg_t m;
	int more;

	(void)zmq_msg_init(&m);                         /* cannot fail */
	do {
		recv_wait(s, &m);
		(void)printf("%zu ", zmq_msg_size(&m));
		print(&m);
		(void)putchar('\n');
		more = net_more(&m);
	} while (more);
	(void)putchar('\n');
	(void)zmq_msg_close(&m);
	/* tests wait for lines in a file */
	if (fflush(stdout) == EOF)
		die(EXIT_IO, "stdout:");
}

static void ask(void *s, const char *body, size_t n)
{
	zmq_msg_t m;

	(void)zmq_msg_init(&m);
	must_send(s, body, n, 0);
	recv_wait(s, &m);
	print(&m);
	if (net_more(&m))
		die(EXIT_FAILED, "an answer of more than one frame");
	(void)zmq_msg_close(&m);
	if (fflush(stdout) == EOF)
		die(EXIT_IO, "stdout:");
}

static void ask_lines(void *s)
{
	char *line = NULL;
	size_t cap = 0;
	int64_t slowest = 0;
	ssize_t n;

	while ((n = getline(&line, &cap, stdin)) > 0) {
		int64_t start = ticks_ms(), took;

		ask(s, line, (size_t)n - (line[n - 1] == '\n'));
		(void)putchar('\n');
		took = ticks_ms() - start;
		slowest = took > slowest ? took : slowest;
	}
	free(line);
	warn("slowest: %" PRId64 " ms", slowest);
}

static void run_req(const char *endpoint, int lines)
{
	void *s = open_socket(ZMQ_REQ, endpoint);

	if (lines) {
		ask_lines(s);
	} else {
		struct buf b = read_all();

		ask(s, b.p, b.n);
		buf_free(&b);
	}
	(void)zmq_close(s);
}

static void run_dealer(const char *endpoint, char **frame, int frames)
{
	void *s = open_socket(ZMQ_DEALER, endpoint);
	struct buf in = { 0 };

	for (int i = 0; i < frames; i++) {
		struct str f = str_of(frame[i]);

		if (str_is(f, "-")) {
			in = read_all();
			f = buf_str(&in);
		}
		must_send(s, f.p, f.n, i < frames - 1);
	}
	buf_free(&in);
	print_frames(s);
	(void)zmq_close(s);
}

/* Frames: the number of the request, nothing, the body. */
static void print_head(void *s)
{
	uint64_t number = 0;
	zmq_msg_t m;

	(void)zmq_msg_init(&m);
	recv_wait(s, &m);
	if (zmq_msg_size(&m) == sizeof number)
		memcpy(&number, zmq_msg_data(&m), sizeof number);
	net_drop_rest(s, &m);
	(void)printf("%" PRIu64 " %zu %.*s\n", number, zmq_msg_size(&m),
	    (int)(zmq_msg_size(&m) < HEAD ? zmq_msg_size(&m) : HEAD),
	    (char *)zmq_msg_data(&m));
	(void)zmq_msg_close(&m);
	if (fflush(stdout) == EOF)
		die(EXIT_IO, "stdout:");
}

/* Returns how many requests were sent before this one and it. */
static uint64_t send_numbered(void *s, struct str body)
{
	static uint64_t number;

	number++;
	must_send(s, &number, sizeof number, 1);
	must_send(s, "", 0, 1);
	must_send(s, body.p, body.n, 0);
	return number;
}

static void run_pipe(const char *endpoint, int64_t count)
{
	void *s = open_socket(ZMQ_DEALER, endpoint);
	struct buf in = read_all();
	uint64_t sent = 0;

	while (count-- > 0)
		for (struct str lines = buf_str(&in); lines.n > 0; )
			sent = send_numbered(s, str_take(&lines, '\n'));
	while (sent-- > 0)
		print_head(s);
	buf_free(&in);
	(void)zmq_close(s);
}

static void run_sub(const char *endpoint, const char *prefix, int64_t count)
{
	void *s = open_socket(ZMQ_SUB, endpoint);
	struct buf in = { 0 };
	struct str p = str_of(prefix);

	if (str_is(p, "-")) {
		in = read_all();
		p = buf_str(&in);
	}
	if (zmq_setsockopt(s, ZMQ_SUBSCRIBE, p.p, p.n) == -1)
		die(EXIT_FAILED, "subscribe: %s", zmq_strerror(errno));
	while (count-- > 0)
		print_frames(s);
	buf_free(&in);
	(void)zmq_close(s);
}

/* A publisher that drops nothing, once somebody has subscribed. */
static void *open_publisher(const char *endpoint)
{
	void *s = open_socket(ZMQ_XPUB, endpoint);
	zmq_msg_t m;

	net_option(s, ZMQ_XPUB_NODROP, 1);
	net_option(s, ZMQ_LINGER, (int)wait_ms);
	(void)zmq_msg_init(&m);
	recv_wait(s, &m);
	(void)zmq_msg_close(&m);
	return s;
}

static void send_frame(void *s, const void *p, size_t n, int more)
{
	int64_t end = ticks_ms() + wait_ms;

	while (net_send_copy(s, p, n, more) == -1) {
		if (ticks_ms() > end)
			die(EXIT_NOANSWER, "not sent");
		(void)poll(NULL, 0, 1);
	}
}

static void run_pub(const char *endpoint, char **frame, int frames)
{
	void *s = open_publisher(endpoint);
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;

	while ((n = getline(&line, &cap, stdin)) > 0) {
		for (int i = 0; i < frames; i++)
			send_frame(s, frame[i], strlen(frame[i]), 1);
		send_frame(s, line, (size_t)n - (line[n - 1] == '\n'), 0);
	}
	free(line);
	(void)zmq_close(s);
}

static void run_flood(const char *endpoint, const char *topic, int64_t count,
    int64_t bytes)
{
	void *s = open_publisher(endpoint);
	char *body = must_alloc((size_t)bytes);

	while (count-- > 0) {
		send_frame(s, topic, strlen(topic), 1);
		send_frame(s, body, (size_t)bytes, 0);
	}
	free(body);
	(void)zmq_close(s);
}

static void run_deaf(const char *endpoint, int64_t connections, int64_t count)
{
	char topic[64];

	for (int64_t i = 0; i < connections; i++) {
		void *s = net_socket(context, ZMQ_SUB, FRAME_BYTES_MAX, 0);

		net_option(s, ZMQ_RCVHWM, 1);
		net_option(s, ZMQ_SNDHWM, 0);
		for (int64_t j = 0; j < count || j < 1; j++) {
			int n = count == 0 ? 0 : snprintf(topic, sizeof topic,
			    "%jx-%jx", (intmax_t)(j * 2654435761 % 4294967296),
			    (intmax_t)i);

			if (zmq_setsockopt(s, ZMQ_SUBSCRIBE, topic,
			    (size_t)n) == -1)
				die(EXIT_FAILED, "subscribe: %s",
				    zmq_strerror(errno));
		}
		net_connect(s, endpoint);
	}
	(void)puts("ready");
	(void)fflush(stdout);
	(void)pause();
}

static void run_xpub(const char *endpoint, int64_t count)
{
	void *s = open_socket(ZMQ_XPUB, endpoint);

	while (count-- > 0)
		print_frames(s);
	(void)zmq_close(s);
}

/* A STREAM socket says with an empty frame that a connection came, and with
 * another that it went. */
static void run_stream(const char *endpoint)
{
	void *s = open_socket(ZMQ_STREAM, endpoint);
	struct buf in = read_all();
	zmq_msg_t id, m;

	(void)zmq_msg_init(&id);
	(void)zmq_msg_init(&m);
	recv_wait(s, &id);
	recv_wait(s, &m);
	if (zmq_msg_send(&id, s, ZMQ_SNDMORE) == -1)
		die(EXIT_FAILED, "not sent: %s", zmq_strerror(errno));
	must_send(s, in.p, in.n, 0);
	recv_wait(s, &id);
	recv_wait(s, &m);
	(void)printf("%zu bytes\n", zmq_msg_size(&m));
	(void)zmq_msg_close(&id);
	(void)zmq_msg_close(&m);
	buf_free(&in);
	(void)zmq_close(s);
}

int main(int argc, char **argv)
{
	int c, lines = 0;

	set_program(argv[0]);
	while ((c = getopt(argc, argv, "lt:")) != -1)
		if (c == 'l')
			lines = 1;
		else if (c == 't')
			wait_ms = (long)option_number('t', optarg, 1, 600000);
		else
			usage();
	argv += optind;
	argc -= optind;
	if (argc < 2)
		usage();
	net_descriptors(CONNECTIONS_MAX);
	context = net_context(1);
	if (strcmp(argv[0], "req") == 0)
		run_req(argv[1], lines);
	else if (strcmp(argv[0], "dealer") == 0 && argc > 2)
		run_dealer(argv[1], argv + 2, argc - 2);
	else if (strcmp(argv[0], "pipe") == 0 && argc == 3)
		run_pipe(argv[1], option_number('N', argv[2], 1, 1000000));
	else if (strcmp(argv[0], "sub") == 0 && argc == 4)
		run_sub(argv[1], argv[2], option_number('N', argv[3], 1,
		    1000000));
	else if (strcmp(argv[0], "pub") == 0)
		run_pub(argv[1], argv + 2, argc - 2);
	else if (strcmp(argv[0], "flood") == 0 && argc == 5)
		run_flood(argv[1], argv[2], option_number('N', argv[3], 1,
		    1000000), option_number('B', argv[4], 1, 1000000));
	else if (strcmp(argv[0], "deaf") == 0 && argc == 4)
		run_deaf(argv[1], option_number('C', argv[2], 1, 10000),
		    option_number('N', argv[3], 0, 1000000));
	else if (strcmp(argv[0], "xpub") == 0 && argc == 3)
		run_xpub(argv[1], option_number('N', argv[2], 1, 1000000));
	else if (strcmp(argv[0], "stream") == 0)
		run_stream(argv[1]);
	else
		usage();
	(void)zmq_ctx_term(context);
	return 0;
}
