/* connections.c: see connections.h. */
#include "connections.h"

#include "net.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#ifdef __linux__
#include <linux/tcp.h>

/* TCP_ESTABLISHED of the kernel; the number is part of its interface. */
#define ESTABLISHED 1
#endif

struct place {
	int open;               /* 1: and not cut */
	int cut;                /* 1: the last one that had it was */
	int kept;               /* 1: it does not give way */
	uint64_t number;        /* of those that came */
	in_addr_t address;      /* 0: of another kind, which share one */
};

void connections_open(struct connections *c, void *context, void *socket,
    const char *of, size_t most, size_t descriptors)
{
	int fd;

	*c = (struct connections){ .socket = socket, .of = of };
	c->max = most < descriptors ? most : descriptors;
	c->monitor = net_monitor(context, socket, of, ZMQ_EVENT_ACCEPTED |
	    ZMQ_EVENT_DISCONNECTED);
	c->fd = net_fd(c->monitor);
	/* Before all was read once, the descriptor tells of nothing. */
	(void)connections_next(c, &fd);
}

void connections_close(struct connections *c)
{
	net_monitor_close(c->monitor, c->socket);
	free(c->row);
	*c = (struct connections){ 0 };
}

static struct place row_of(const struct connections *c, int fd)
{
	return fd >= 0 && (size_t)fd < c->rows ? c->row[fd] :
	    (struct place){ 0 };
}

int connections_has(const struct connections *c, int fd)
{
	return row_of(c, fd).open;
}

int connections_was_cut(const struct connections *c, int fd)
{
	return row_of(c, fd).cut;
}

static void set_row(struct connections *c, int fd, struct place row)
{
	c->row = must_element(c->row, (size_t)fd, &c->rows, sizeof *c->row);
	c->count -= (size_t)c->row[fd].open;
	c->count += (size_t)row.open;
	c->row[fd] = row;
}

void connections_keep(struct connections *c, int fd, int yes)
{
	if (connections_has(c, fd))
		c->row[fd].kept = yes;
}

static void disconnect(struct connections *c, int fd)
{
	const struct sockaddr nobody = { .sa_family = AF_UNSPEC };

	/* Linux also forgets what has come and not been read, and what waits
	 * to be sent; elsewhere this fails. It may be gone already. */
	if (connect(fd, &nobody, sizeof nobody) == -1)
		(void)shutdown(fd, SHUT_RDWR);
	set_row(c, fd, (struct place){ .cut = 1 });
}

void connections_cut(struct connections *c, int fd, const char *why)
{
	warn_seldom(&c->cuts, "%s cut: %s", c->of, why);
	disconnect(c, fd);
}

#ifdef __linux__
/* 1: the other side has closed or reset it, whatever is still to be read. */
static int has_left(int fd)
{
	struct tcp_info info = { 0 };
	socklen_t n = sizeof info;

	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &n) == 0 &&
	    info.tcpi_state != ESTABLISHED;
}
#else
/* Seen when all was read. libzmq made it non-blocking. */
static int has_left(int fd)
{
	char byte;

	return recv(fd, &byte, 1, MSG_PEEK) == 0;
}
#endif

int connections_cut_left(struct connections *c, int fd)
{
	if (!connections_has(c, fd))
		return 1;
	if (!has_left(fd))
		return 0;
	disconnect(c, fd);
	return 1;
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

static int is_before(const struct place *a, const struct place *b)
{
	return b == NULL || a->number < b->number;
}

/* 1: one of this address, if it may, has given way to another. */
static int give_way(struct connections *c, in_addr_t address)
{
	struct place *oldest = NULL;

	for (struct place *p = c->row; p < c->row + c->rows; p++)
		if (c->gives_way && p->open && !p->kept &&
		    p->address == address && is_before(p, oldest))
			oldest = p;
	if (oldest == NULL)
		return 0;
	connections_cut(c, (int)(oldest - c->row), "too many from its address");
	return 1;
}

/* 1: there is room for it. */
static int add(struct connections *c, int fd)
{
	in_addr_t address = address_of(fd);
	const char *why = NULL;

	set_row(c, fd, (struct place){ 0 });
	if (c->busy)
		why = "too much to do";
	else if (count_of(c, address) >= c->max - c->count &&
	    !give_way(c, address))
		why = "too many from its address";
	if (why != NULL)
		connections_cut(c, fd, why);
	else
		set_row(c, fd, (struct place){ .open = 1, .address = address,
		    .number = ++c->came });
	return why == NULL;
}

enum connections_event connections_next(struct connections *c, int *fd)
{
	int event;

	while (net_monitor_next(c->monitor, &event, fd)) {
		if (*fd < 0)
			continue;
		if (event == ZMQ_EVENT_DISCONNECTED) {
			set_row(c, *fd, (struct place){
			    .cut = connections_was_cut(c, *fd) });
			return CONNECTIONS_WENT;
		}
		if (add(c, *fd))
			return CONNECTIONS_CAME;
	}
	return CONNECTIONS_NOTHING;
}
