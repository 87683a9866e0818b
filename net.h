/* net.h: ZeroMQ sockets set up the one way that is safe here, and the default
 * endpoints.
 *
 * Every socket gets a bound on the size of a message, TCP keepalive
 * (ZMQ_HEARTBEAT_* aborts libzmq 4.3.4 under backpressure), a time limit on
 * the handshake and a bounded linger, so that a dead peer can neither hold
 * memory nor keep a process from ending. When a socket cannot be set up the
 * program ends. */
#ifndef NET_H
#define NET_H

#include "buf.h"

#include <stdatomic.h>
#include <zmq.h>

/* Where the broker listens for clients and for servers. */
#define DEFAULT_FRONT       "tcp://*:5555"
#define DEFAULT_BACK        "tcp://*:5556"
/* Where the proxy listens for publishing servers and for subscribers. */
#define DEFAULT_XSUB        "tcp://*:5557"
#define DEFAULT_XPUB        "tcp://*:5558"
/* Where client and bot find the broker and the proxy. */
#define DEFAULT_BROKER      "tcp://localhost:5555"
#define DEFAULT_PROXY       "tcp://localhost:5558"
/* Where a server finds the broker and the proxy. */
#define DEFAULT_BROKER_BACK "tcp://localhost:5556"
#define DEFAULT_PROXY_IN    "tcp://localhost:5557"

/* A context, and a socket in it. io_threads is 1 except where a measurement
 * shows that more are faster. */
void *net_context(int io_threads);
void *net_socket(void *context, int type, size_t frame_bytes_max,
    int linger_ms);
void net_option(void *socket, int option, int value);
void net_bind(void *socket, const char *endpoint);
void net_connect(void *socket, const char *endpoint);
/* The endpoint a socket is really bound to, which for "*" as the port has the
 * number; valid until the next call. */
const char *net_bound(void *socket);

/* Asks for descriptors for so many peers, beside those that a program needs for
 * itself: the usual limit is 1024. There will be no more of them: a connection
 * that was cut keeps its own until libzmq has read what had come on it. While
 * one waits for a descriptor libzmq spins, but serves the others. Returns for
 * how many peers there are, which can be fewer. */
size_t net_descriptors(size_t peers);

/* Waits like zmq_poll() until something can be read, for NET_POLL_MAX items at
 * most. It may report a socket that turns out to have nothing. What zmq_poll()
 * does twice is done once here: with 64 clients a request cost the broker's
 * own thread 6.8 us, 2.2 of them in poll(); now 4.9 and 1.5. */
#define NET_POLL_MAX 5
void net_poll(zmq_pollitem_t *item, unsigned n, long ms);
/* A descriptor to be polled instead of the socket. Only for a socket that is
 * never sent to, and which is read until it is empty each time. */
int net_fd(void *socket);

/* Events of a socket's connections, ZMQ_EVENT_... `events`; name is unique in
 * the context. Of 2000 that nobody reads libzmq's thread stops, and without a
 * reader the socket stalls: it is closed before the socket is. */
void *net_monitor(void *context, void *socket, const char *name, int events);
void net_monitor_close(void *monitor, void *socket);
/* 1: the next event, and the descriptor it is about; 0: there are no more. */
int net_monitor_next(void *monitor, int *event, int *fd);

/* Receives into msg without blocking. 1: a frame; 0: nothing is there now. An
 * interrupted call is tried again; any other error ends the program. */
int net_recv(void *socket, zmq_msg_t *msg);
int net_more(zmq_msg_t *msg);
/* The bytes of a frame, valid as long as the frame is. */
struct str net_bytes(zmq_msg_t *msg);
/* Reads the rest of a message and drops it. */
void net_drop_rest(void *socket, zmq_msg_t *last);

/* Gives a small frame that was received its own memory, for a message that may
 * have to wait: until then it is a part of the buffer it was read into and
 * keeps all of that, some 18 KiB. To be called after net_more(), since the new
 * frame does not know the answer. */
void net_own(zmq_msg_t *msg);

/* Sends msg, ours until then, without blocking. 0: libzmq has it. -1: libzmq
 * did not take it (EAGAIN: no room; EHOSTUNREACH: the peer is gone), and msg
 * has been closed. Any other error ends the program. */
int net_send(void *socket, zmq_msg_t *msg, int more);
/* The same for a copy of some bytes. */
int net_send_copy(void *socket, const void *p, size_t n, int more);

/* What libzmq holds for somebody, in bytes: it is counted down in libzmq's
 * thread when a frame has been written, or was dropped with its connection. */
struct unread {
	atomic_size_t bytes;
	struct unread *all;     /* counted too, or NULL */
};
/* As net_send_copy(), but counted: n and `extra`, for what else is held as
 * long. unread must live as long as the context. */
int net_send_counted(void *socket, const void *p, size_t n, size_t extra,
    struct unread *unread);

/* The same for a stream of frames. Counting one costs an allocation, so short
 * ones are counted together, by one in 64 KiB. */
struct stream {
	struct unread unread;
	size_t uncounted;
};
int net_send_stream(void *socket, const void *p, size_t n, size_t extra,
    struct stream *stream);

#endif
