/* net.h: ZeroMQ sockets set up the one way that is safe here, and the default endpoints.
 *
 * Every socket gets a bound on the size of a message, TCP keepalive (ZMQ_HEARTBEAT_* aborts libzmq
 * 4.3.4 under backpressure), a time limit on the handshake and a bounded linger, so that a dead peer
 * can hold neither memory nor the end of a process. Failing to set up a socket ends the program. */
#ifndef NET_H
#define NET_H

#include <stddef.h>
#include <zmq.h>

#define DEFAULT_FRONT       "tcp://*:5555"              /* broker: clients */
#define DEFAULT_BACK        "tcp://*:5556"              /* broker: servers */
#define DEFAULT_XSUB        "tcp://*:5557"              /* proxy: publishing servers */
#define DEFAULT_XPUB        "tcp://*:5558"              /* proxy: subscribers */
#define DEFAULT_BROKER      "tcp://localhost:5555"      /* client and bot to the broker */
#define DEFAULT_PROXY       "tcp://localhost:5558"      /* client and bot to the proxy */
#define DEFAULT_BROKER_BACK "tcp://localhost:5556"      /* server to the broker */
#define DEFAULT_PROXY_IN    "tcp://localhost:5557"      /* server to the proxy */

/* A context, and a socket in it. io_threads is 1 but where measuring shows that more pay. */
void *net_context(int io_threads);
void *net_socket(void *context, int type, size_t frame_bytes_max, int linger_ms);
void net_option(void *socket, int option, int value);
void net_bind(void *socket, const char *endpoint);
void net_connect(void *socket, const char *endpoint);
/* The endpoint a socket is really bound to (for "*" as the port), valid until the next call. */
const char *net_bound(void *socket);

/* Asks for as many descriptors as the system gives without privilege, for a program with many peers:
 * the usual limit is 1024, and libzmq spins while a connection waits that it has no descriptor for. */
void net_descriptors(void);

/* Waits like zmq_poll() until something can be read, for NET_POLL_MAX items at most, which it may say
 * of a socket that has nothing after all. What zmq_poll() does twice is done once here: with 64 clients
 * a request cost the broker's own thread 6.8 us, 2.2 of them in poll(); now 4.9 and 1.5. */
#define NET_POLL_MAX 4
void net_poll(zmq_pollitem_t *item, unsigned n, long ms);
/* A descriptor to be polled instead of the socket, if that is only ever received from, and each time
 * until there is nothing more. */
int net_fd(void *socket);

/* Receives into msg without blocking. 1: a frame; 0: there is none now. An interrupted call is tried
 * again; anything else ends the program. */
int net_recv(void *socket, zmq_msg_t *msg);
int net_more(zmq_msg_t *msg);
/* Reads the rest of a message away. */
void net_drop_rest(void *socket, zmq_msg_t *last);

/* Gives a small frame that was received memory of its own, for a message that may have to wait: until
 * then it is a piece of the buffer it was read into and holds all of that, some 18 KiB. To be called
 * after net_more(), of which the new frame knows nothing. */
void net_own(zmq_msg_t *msg);

/* Sends msg, ours until then, without blocking. 0: libzmq has it. -1: it was not taken (EAGAIN: no
 * room; EHOSTUNREACH: the peer is gone) and has been closed. Anything else ends the program. */
int net_send(void *socket, zmq_msg_t *msg, int more);
/* The same for a copy of some bytes. */
int net_send_copy(void *socket, const void *p, size_t n, int more);

#endif
