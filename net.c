/* net.c: see net.h. */
#include "net.h"

#include "limits.h"
#include "util.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

/* How long a silent connection can hold a descriptor. */
#define HANDSHAKE_MS 2000
/* How long a peer may leave what it was sent unread before it is cut; the
 * kernel adds up to a second. Without it, it would stay for ever. */
#define STUCK_MS 5000
/* Connections that come at once; with libzmq's 100 the others wait 1 s. */
#define BACKLOG 1024
/* Descriptors that a program needs for itself and libzmq. */
#define OWN_DESCRIPTORS 64
/* Seconds: a peer whose cable was pulled is found within 10 + 3 x 5. */
#define KEEPALIVE_IDLE  10
#define KEEPALIVE_EVERY 5
#define KEEPALIVE_COUNT 3
/* Below, copying costs less than the allocation that it needs anyway; above,
 * the buffer that a frame holds is at most some 20 times its own size. */
#define OWN_BYTES_MAX ((size_t)1024)
/* Frames of a stream up to here are counted together, until they are so many
 * bytes. */
#define SHORT_BYTES    ((size_t)1024)
#define TOGETHER_BYTES ((size_t)65536)

void *net_context(int io_threads)
{
	void *context = zmq_ctx_new();

	if (context == NULL ||
	    zmq_ctx_set(context, ZMQ_IO_THREADS, io_threads) == -1)
		die(EXIT_FAILED, "zmq_ctx_new:");
	return context;
}

void net_option(void *socket, int option, int value)
{
	if (zmq_setsockopt(socket, option, &value, sizeof value) == -1)
		die(EXIT_FAILED, "zmq_setsockopt %d: %s", option,
		    zmq_strerror(errno));
}

void *net_socket(void *context, int type, size_t frame_bytes_max,
    int linger_ms)
{
	void *socket = zmq_socket(context, type);
	int64_t bytes = (int64_t)frame_bytes_max;

	if (socket == NULL)
		die(EXIT_FAILED, "zmq_socket: %s", zmq_strerror(errno));
	if (zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &bytes, sizeof bytes) == -1)
		die(EXIT_FAILED, "ZMQ_MAXMSGSIZE: %s", zmq_strerror(errno));
	net_option(socket, ZMQ_LINGER, linger_ms);
	net_option(socket, ZMQ_HANDSHAKE_IVL, HANDSHAKE_MS);
	net_option(socket, ZMQ_TCP_MAXRT, STUCK_MS);
	net_option(socket, ZMQ_TCP_KEEPALIVE, 1);
	net_option(socket, ZMQ_TCP_KEEPALIVE_IDLE, KEEPALIVE_IDLE);
	net_option(socket, ZMQ_TCP_KEEPALIVE_INTVL, KEEPALIVE_EVERY);
	net_option(socket, ZMQ_TCP_KEEPALIVE_CNT, KEEPALIVE_COUNT);
	/* A daemon is back within a second, and so are we. */
	net_option(socket, ZMQ_RECONNECT_IVL, 50);
	net_option(socket, ZMQ_RECONNECT_IVL_MAX, 500);
	return socket;
}

void net_bind(void *socket, const char *endpoint)
{
	net_option(socket, ZMQ_BACKLOG, BACKLOG);
	if (zmq_bind(socket, endpoint) == -1)
		die(EXIT_FAILED, "bind %s: %s", endpoint, zmq_strerror(errno));
}

void net_connect(void *socket, const char *endpoint)
{
	if (zmq_connect(socket, endpoint) == -1)
		die(EXIT_FAILED, "connect %s: %s", endpoint,
		    zmq_strerror(errno));
}

const char *net_bound(void *socket)
{
	static char endpoint[256];
	size_t n = sizeof endpoint;

	if (zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, endpoint, &n) == -1)
		die(EXIT_FAILED, "ZMQ_LAST_ENDPOINT: %s", zmq_strerror(errno));
	return endpoint;
}

size_t net_descriptors(size_t peers)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) == -1)
		die(EXIT_FAILED, "getrlimit:");
	r.rlim_cur = peers + OWN_DESCRIPTORS;
	if (r.rlim_cur > r.rlim_max)
		r.rlim_cur = r.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &r) == -1)
		die(EXIT_FAILED, "setrlimit:");
	return r.rlim_cur > 2 * OWN_DESCRIPTORS ?
	    r.rlim_cur - OWN_DESCRIPTORS : r.rlim_cur / 2;
}

static int socket_value(void *socket, int option)
{
	int value;
	size_t n = sizeof value;

	/* ZMQ_EVENTS looks for news, which a signal interrupts. */
	while (zmq_getsockopt(socket, option, &value, &n) == -1)
		if (errno != EINTR)
			die(EXIT_FAILED, "zmq_getsockopt %d: %s", option,
			    zmq_strerror(errno));
	return value;
}

int net_fd(void *socket)
{
	return socket_value(socket, ZMQ_FD);
}

/* A socket's descriptor is edge-triggered: the socket is asked first whether
 * something has arrived before. */
static int can_read(void *socket)
{
	return (socket_value(socket, ZMQ_EVENTS) & ZMQ_POLLIN) != 0;
}

void net_poll(zmq_pollitem_t *item, unsigned n, long ms)
{
	struct pollfd fd[NET_POLL_MAX];

	for (unsigned i = 0; i < n; i++) {
		item[i].revents = 0;
		fd[i].fd = item[i].fd;
		if (item[i].socket != NULL && can_read(item[i].socket)) {
			item[i].revents = ZMQ_POLLIN;
			ms = 0;
		}
		if (item[i].socket != NULL)
			fd[i].fd = net_fd(item[i].socket);
		fd[i].events = POLLIN;
	}
	if (poll(fd, n, ms < INT_MAX ? (int)ms : INT_MAX) == -1) {
		if (errno != EINTR)
			die(EXIT_FAILED, "poll:");
		return;
	}
	for (unsigned i = 0; i < n; i++)
		if (fd[i].revents != 0)
			item[i].revents = ZMQ_POLLIN;
}

int net_recv(void *socket, zmq_msg_t *msg)
{
	while (zmq_msg_recv(msg, socket, ZMQ_DONTWAIT) == -1) {
		if (errno == EAGAIN)
			return 0;
		if (errno != EINTR)
			die(EXIT_FAILED, "zmq_msg_recv: %s",
			    zmq_strerror(errno));
	}
	return 1;
}

int net_more(zmq_msg_t *msg)
{
	return zmq_msg_more(msg);
}

struct str net_bytes(zmq_msg_t *msg)
{
	return (struct str){ zmq_msg_data(msg), zmq_msg_size(msg) };
}

/* The frames of a message arrive together: once the first is here, receiving
 * the others does not wait. */
void net_drop_rest(void *socket, zmq_msg_t *last)
{
	while (zmq_msg_more(last) && net_recv(socket, last))
		;
}

void net_own(zmq_msg_t *msg)
{
	size_t n = zmq_msg_size(msg);
	zmq_msg_t copy;

	if (n == 0 || n > OWN_BYTES_MAX)
		return;
	if (zmq_msg_init_size(&copy, n) == -1)
		die(EXIT_FAILED, "%zu bytes:", n);
	memcpy(zmq_msg_data(&copy), zmq_msg_data(msg), n);
	(void)zmq_msg_move(msg, &copy); /* cannot fail on valid messages */
}

void *net_monitor(void *context, void *socket, const char *name, int events)
{
	void *monitor = net_socket(context, ZMQ_PAIR, FRAME_BYTES_MAX, 0);
	char endpoint[64];

	(void)snprintf(endpoint, sizeof endpoint, "inproc://%s", name);
	if (zmq_socket_monitor(socket, endpoint, events) == -1)
		die(EXIT_FAILED, "zmq_socket_monitor: %s", zmq_strerror(errno));
	net_connect(monitor, endpoint);
	return monitor;
}

void net_monitor_close(void *monitor, void *socket)
{
	/* Neither fails: both are sockets. */
	(void)zmq_socket_monitor(socket, NULL, 0);
	(void)zmq_close(monitor);
}

/* The first frame is two bytes that say which, and four with the descriptor. */
static int read_event(struct str frame, int *event, int *fd)
{
	uint16_t kind;
	int32_t number;

	if (frame.n < sizeof kind + sizeof number)
		return 0;
	memcpy(&kind, frame.p, sizeof kind);
	memcpy(&number, frame.p + sizeof kind, sizeof number);
	*event = kind;
	*fd = number;
	return 1;
}

int net_monitor_next(void *monitor, int *event, int *fd)
{
	zmq_msg_t frame;
	int there = 0;

	(void)zmq_msg_init(&frame);             /* cannot fail */
	while (!there && net_recv(monitor, &frame)) {
		there = read_event(net_bytes(&frame), event, fd);
		net_drop_rest(monitor, &frame);
	}
	(void)zmq_msg_close(&frame);            /* valid */
	return there;
}

int net_send(void *socket, zmq_msg_t *msg, int more)
{
	int flags = ZMQ_DONTWAIT | (more ? ZMQ_SNDMORE : 0);

	while (zmq_msg_send(msg, socket, flags) == -1) {
		int e = errno;

		if (e == EINTR)
			continue;
		if (e != EAGAIN && e != EHOSTUNREACH)
			die(EXIT_FAILED, "zmq_msg_send: %s", zmq_strerror(e));
		(void)zmq_msg_close(msg);       /* not sent: still ours */
		errno = e;
		return -1;
	}
	return 0;
}

int net_send_copy(void *socket, const void *p, size_t n, int more)
{
	zmq_msg_t msg;

	if (zmq_msg_init_size(&msg, n) == -1)
		die(EXIT_FAILED, "%zu bytes:", n);
	if (n > 0)
		memcpy(zmq_msg_data(&msg), p, n);
	return net_send(socket, &msg, more);
}

/* A frame that is counted. */
struct counted {
	struct unread *unread;
	size_t bytes;
	char text[];
};

static void count_down(void *text, void *hint)
{
	struct counted *c = hint;

	(void)text;             /* is inside *c */
	for (struct unread *u = c->unread; u != NULL; u = u->all)
		(void)atomic_fetch_sub(&u->bytes, c->bytes);
	free(c);
}

int net_send_counted(void *socket, const void *p, size_t n, size_t extra,
    struct unread *unread)
{
	struct counted *c = malloc(sizeof *c + n);
	zmq_msg_t msg;

	if (c == NULL)
		die(EXIT_FAILED, "%zu bytes:", n);
	*c = (struct counted){ unread, n + extra };
	memcpy(c->text, p, n);
	if (zmq_msg_init_data(&msg, c->text, n, count_down, c) == -1)
		die(EXIT_FAILED, "%zu bytes: %s", n, zmq_strerror(errno));
	for (struct unread *u = unread; u != NULL; u = u->all)
		(void)atomic_fetch_add(&u->bytes, c->bytes);
	return net_send(socket, &msg, 0);
}

int net_send_stream(void *socket, const void *p, size_t n, size_t extra,
    struct stream *stream)
{
	if (n <= SHORT_BYTES && stream->uncounted < TOGETHER_BYTES) {
		stream->uncounted += n + extra;
		return net_send_copy(socket, p, n, 0);
	}
	extra += stream->uncounted;
	stream->uncounted = 0;
	return net_send_counted(socket, p, n, extra, &stream->unread);
}
