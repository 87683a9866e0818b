/* connections.c: see connections.h. */
#include "connections.h"

#include "limits.h"
#include "net.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct connection {
	int open;               /* 1: and not cut */
	int cut;                /* 1: the last one that had it was */
	in_addr_t address;      /* 0: of another kind, which share one */
};

void connections_open(struct connections *c, void *context, void *socket,
    const char *of, size_t most, size_t descriptors)
{
	char endpoint[64];

	*c = (struct connections){ .socket = socket, .of = of };
	c->max = most < descriptors ? most : descriptors;
	(void)snprintf(endpoint, sizeof endpoint, "inproc://%ss", of);
	c->monitor = net_socket(context, ZMQ_PAIR, FRAME_BYTES_MAX, 0);
	if (zmq_socket_monitor(socket, endpoint, ZMQ_EVENT_ACCEPTED |
	    ZMQ_EVENT_DISCONNECTED) == -1)
		die(EXIT_FAILED, "zmq_socket_monitor: %s", zmq_strerror(errno));
	net_connect(c->monitor, endpoint);
}

void connections_close(struct connections *c)
{
	/* Without a reader the monitor stalls the socket. Neither fails: both
	 * are sockets. */
	(void)zmq_socket_monitor(c->socket, NULL, 0);
	(void)zmq_close(c->monitor);
	free(c->row);
	*c = (struct connections){ 0 };
}

int connections_fd(struct connections *c)
{
	return net_fd(c->monitor);
}

int connections_has(const struct connections *c, int fd)
{
	return fd >= 0 && (size_t)fd < c->rows && c->row[fd].open;
}

int connections_was_cut(const struct connections *c, int fd)
{
	return fd >= 0 && (size_t)fd < c->rows && c->row[fd].cut;
}

static void make_row(struct connections *c, int fd)
{
	size_t before = c->rows;

	while ((size_t)fd >= c->rows)
		c->row = must_array_room(c->row, c->rows, &c->rows,
		    sizeof *c->row);
	memset(c->row + before, 0, (c->rows - before) * sizeof *c->row);
}

static void set_row(struct connections *c, int fd, struct connection row)
{
	make_row(c, fd);
	c->count -= (size_t)c->row[fd].open;
	c->count += (size_t)row.open;
	c->row[fd] = row;
}

static void drop(struct connections *c, int fd)
{
	const struct sockaddr nobody = { .sa_family = AF_UNSPEC };

	/* Linux also forgets what has come and not been read, and what waits
	 * to be sent; elsewhere this fails. It may be gone already. */
	if (connect(fd, &nobody, sizeof nobody) == -1)
		(void)shutdown(fd, SHUT_RDWR);
	set_row(c, fd, (struct connection){ .cut = 1 });
}

void connections_cut(struct connections *c, int fd, const char *why)
{
	warn_seldom(&c->cuts, "%s cut: %s", c->of, why);
	drop(c, fd);
}

void connections_cut_left(struct connections *c, int fd)
{
	char byte;

	/* libzmq made it non-blocking. */
	if (connections_has(c, fd) && recv(fd, &byte, 1, MSG_PEEK) == 0)
		drop(c, fd);
}

static in_addr_t address_of(int fd)
{
	struct sockaddr_in a = { 0 };
	socklen_t n = sizeof a;

	if (getpeername(fd, (struct sockaddr *)&a, &n) == -1 ||
	    a.sin_family != AF_INET)
		return 0;
	return a.sin_addr.s_addr;
}

static size_t count_of(const struct connections *c, in_addr_t address)
{
	size_t n = 0;

	for (size_t i = 0; i < c->rows; i++)
		n += c->row[i].open && c->row[i].address == address;
	return n;
}

/* 1: there is room for it. */
static int add(struct connections *c, int fd)
{
	in_addr_t address = address_of(fd);

	set_row(c, fd, (struct connection){ 0 });
	if (c->busy) {
		connections_cut(c, fd, "too much to do");
		return 0;
	}
	if (count_of(c, address) >= c->max - c->count) {
		connections_cut(c, fd, "too many from its address");
		return 0;
	}
	set_row(c, fd, (struct connection){ .open = 1, .address = address });
	return 1;
}

/* An event is two bytes that say which, and four with the descriptor. */
static int take_event(struct str event, uint16_t *kind, int *fd)
{
	int32_t number;

	if (event.n < sizeof *kind + sizeof number)
		return -1;
	memcpy(kind, event.p, sizeof *kind);
	memcpy(&number, event.p + sizeof *kind, sizeof number);
	*fd = number;
	return number < 0 ? -1 : 0;
}

static int next_event(struct connections *c, uint16_t *kind, int *fd)
{
	zmq_msg_t frame;
	int taken = 0;

	(void)zmq_msg_init(&frame);             /* cannot fail */
	while (!taken && net_recv(c->monitor, &frame)) {
		taken = take_event(net_bytes(&frame), kind, fd) == 0;
		net_drop_rest(c->monitor, &frame);
	}
	(void)zmq_msg_close(&frame);            /* valid */
	return taken;
}

enum connections_event connections_next(struct connections *c, int *fd)
{
	uint16_t kind;

	while (next_event(c, &kind, fd)) {
		if (kind == ZMQ_EVENT_DISCONNECTED) {
			set_row(c, *fd, (struct connection){
			    .cut = connections_was_cut(c, *fd) });
			return CONNECTIONS_WENT;
		}
		if (add(c, *fd))
			return CONNECTIONS_CAME;
	}
	return CONNECTIONS_NOTHING;
}
