/* rude.c: peers as nobody wants them, for tests: each a bounded process that
 * does one wrong thing to one port, and then leaves. The daemon's loss must be
 * none, so this program prints nothing that a test would have to judge.
 *
 *   rude malformed ENDPOINT N
 *       N connections whose bytes are wrong in every way we know
 *   rude knock ENDPOINT N
 *       opens and closes N connections, one after the other, and says nothing
 *   rude crowd ENDPOINT TYPE N
 *       N connections that shake hands as TYPE (or, with -, say nothing) and
 *       stay until stdin ends; a SUB has 20 long topics of its own; "N\n" on
 *       stdout once all of them were tried
 *   rude endless ENDPOINT MIB
 *       one message that has no last frame
 *   rude deaf FRONT SECONDS
 *       clients that ask much, in large envelopes, and read nothing
 *   rude flood FRONT SECONDS
 *       a client that sends as fast as it can and reads now and then
 *   rude garbage FRONT SECONDS
 *       a client whose every request is wrong in another way
 *   rude subscribe XPUB N
 *       N subscriptions, by one who does not read what comes
 *   rude visit FRONT SECONDS
 *   rude visit-xpub XPUB SECONDS
 *       connections that come, say 2000 things and leave before anybody can
 *       have looked, as many as there can be; how many were read that far, on
 *       stdout
 *   rude liar BACK SECONDS DIRECTORY
 *       servers of this directory, in hex, that take all there is, beat, and
 *       answer nothing but the broker's own request: so they count
 *   rude strangers BACK SECONDS
 *       200 of them that say hello as fast as they can, and nothing else
 *   rude babbler BACK SECONDS DIRECTORY
 *       one that says nonsense besides, and answers what it was not asked
 *
 * A crowd comes from another address of this machine for an ENDPOINT like
 * "tcp://127.0.0.2:0;127.0.0.1:5555". */
#include "../back.h"
#include "../limits.h"
#include "../net.h"
#include "../util.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define RING     64     /* malformed connections at a time */
#define DEAF     4      /* clients */
#define LIARS    4      /* servers */
#define STRANGERS 200
#define PAUSE_MS 10

static void *context;
static struct sockaddr_in from;         /* of bare connections, if it is set */

static void usage(void)
{
	(void)fprintf(stderr, "usage: rude WAY ENDPOINT ARGUMENT...\n");
	exit(EXIT_USAGE);
}

/* The same in every run. */
static unsigned random_below(unsigned n)
{
	static uint64_t state = 1;

	state = state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(state >> 33) % n;
}

static void put_random(struct buf *b, unsigned n)
{
	while (n-- > 0)
		buf_putc(b, (char)random_below(256));
}

/* ---- bare connections ---- */

/* The address of "tcp://127.0.0.1:PORT", the only one that tests use; what
 * comes before ";" is ours. */
static struct sockaddr_in address_of(const char *endpoint)
{
	static const char start[] = "tcp://127.0.0.1:",
	    elsewhere[] = "tcp://127.0.0.2:0;127.0.0.1:";
	struct sockaddr_in a = { .sin_family = AF_INET };

	if (strncmp(endpoint, elsewhere, sizeof elsewhere - 1) == 0) {
		from.sin_family = AF_INET;
		from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1);
		endpoint += sizeof elsewhere - sizeof start;
	} else if (strncmp(endpoint, start, sizeof start - 1) != 0)
		die(EXIT_USAGE, "%s: not on 127.0.0.1", endpoint);
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	a.sin_port = htons((in_port_t)option_number('p',
	    endpoint + sizeof start - 1, 1, 65535));
	return a;
}

/* -1: it was refused, or the queue is full. */
static int call(const struct sockaddr_in *a)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd == -1)
		die(EXIT_FAILED, "socket:");
	if (from.sin_family == AF_INET && bind(fd,
	    (const struct sockaddr *)&from, sizeof from) == -1)
		die(EXIT_FAILED, "bind:");
	if (connect(fd, (const struct sockaddr *)a, sizeof *a) == 0)
		return fd;
	(void)close(fd);        /* nothing was sent on it */
	return -1;
}

/* Every other one is reset, so that both ways to leave are tried. */
static void hang_up(int fd, unsigned n)
{
	const struct linger now = { 1, 0 };

	if (fd == -1)
		return;
	if (n % 2 != 0)
		/* or it ends in the other way */
		(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
	(void)close(fd);        /* what is lost was not worth much */
}

static void put_greeting(struct buf *b, const char *mechanism)
{
	char g[64] = { 0 };

	memcpy(g, "\377\0\0\0\0\0\0\0\1\177\3", 11);
	memcpy(g + 12, mechanism, strlen(mechanism));
	buf_add(b, g, sizeof g);
}

static void put_ready(struct buf *b, const char *type)
{
	static const char name[] = "\5READY\13Socket-Type\0\0\0";
	size_t n = strlen(type);

	buf_putc(b, 4);
	buf_putc(b, (char)(sizeof name - 1 + 1 + n));
	buf_add(b, name, sizeof name - 1);
	buf_putc(b, (char)n);
	buf_add(b, type, n);
}

static void put_handshake(struct buf *b, const char *type)
{
	put_greeting(b, "NULL");
	put_ready(b, type);
}

static void put_silence(struct buf *b)
{
	(void)b;
}

static void put_noise(struct buf *b)
{
	put_random(b, 1 + random_below(300));
}

static void put_cut(struct buf *b)
{
	put_handshake(b, "REQ");
	b->n = 1 + random_below((unsigned)b->n - 1);
}

static void put_http(struct buf *b)
{
	buf_str_add(b, str_of("GET / HTTP/1.1\r\nHost: recado\r\n\r\n"));
}

static void put_tls(struct buf *b)
{
	buf_add(b, "\26\3\1\2\0\1\0\1\374\3\3", 11);
	put_random(b, 506);
}

static void put_wrong_type(struct buf *b)
{
	static const char *const type[] = { "PULL", "PAIR", "REP", "XSUB",
		"NONSENSE", "" };

	put_handshake(b, type[random_below(6)]);
}

static void put_mechanism(struct buf *b)
{
	put_greeting(b, random_below(2) == 0 ? "CURVE" : "PLAIN");
	put_random(b, 200);
}

/* The fields of a READY that say more bytes than there are, and commands that
 * nobody knows. */
static void put_command(struct buf *b)
{
	put_handshake(b, random_below(2) == 0 ? "DEALER" : "SUB");
	if (random_below(2) == 0)
		b->p[b->n - 1 - random_below(12)] = (char)random_below(256);
	buf_putc(b, 4);
	buf_putc(b, (char)random_below(64));
	put_random(b, 64);
}

static void put_huge(struct buf *b)
{
	static const char *const type[] = { "DEALER", "SUB", "XPUB" };

	put_handshake(b, type[random_below(3)]);
	buf_putc(b, (char)(random_below(2) == 0 ? 2 : 6));
	buf_add(b, "\177\377\377\377\377\377\377\377", 8);
	put_random(b, 64);
}

static void put_old(struct buf *b)
{
	if (random_below(2) == 0)
		buf_add(b, "\1\0", 2);                  /* version 1 */
	else
		buf_add(b, "\377\0\0\0\0\0\0\0\1\177\1\5\0\0", 14);
	put_random(b, random_below(32));
}

static void run_malformed(const char *endpoint, unsigned count)
{
	static void (*const put[])(struct buf *) = { put_silence, put_noise,
		put_cut, put_http, put_tls, put_wrong_type, put_mechanism,
		put_command, put_huge, put_old };
	const struct sockaddr_in a = address_of(endpoint);
	int fd[RING];
	struct buf b = { 0 };

	memset(fd, -1, sizeof fd);
	for (unsigned n = 0; n < count + RING; n++) {
		hang_up(fd[n % RING], n / RING);
		fd[n % RING] = -1;
		if (n >= count)
			continue;
		if ((fd[n % RING] = call(&a)) == -1)
			die(EXIT_FAILED, "%s:", endpoint);
		buf_clear(&b);
		put[n % (sizeof put / sizeof *put)](&b);
		/* it may have been cut already, which is what we want */
		if (b.n > 0)
			(void)send(fd[n % RING], b.p, b.n, MSG_NOSIGNAL);
	}
	buf_free(&b);
}

static void run_knock(const char *endpoint, unsigned count)
{
	const struct sockaddr_in a = address_of(endpoint);

	while (count-- > 0) {
		int fd = call(&a);

		if (fd == -1)
			die(EXIT_FAILED, "%s:", endpoint);
		(void)close(fd);        /* nothing was sent on it */
	}
}

/* 0: all of it. -1: we were cut. */
static int send_all(int fd, struct str bytes)
{
	while (bytes.n > 0) {
		ssize_t n = send(fd, bytes.p, bytes.n, MSG_NOSIGNAL);

		if (n == -1)
			return -1;
		str_skip(&bytes, (size_t)n);
	}
	return 0;
}

/* 0: it has said so many bytes. -1: it has not, in a second. */
static int hear(int fd, size_t n)
{
	const struct timeval second = { 1, 0 };
	char byte[256];

	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &second, sizeof second);
	while (n > 0) {
		ssize_t got = recv(fd, byte, n < sizeof byte ? n : sizeof byte,
		    0);

		if (got <= 0)
			return -1;
		n -= (size_t)got;
	}
	return 0;
}

/* What comes before its own hello libzmq takes for a mistake. */
static void subscribe(int fd, unsigned n, size_t hello)
{
	static const char rest[] = "nome de um canal que nao existe e so custa";
	struct buf b = { 0 };

	for (unsigned i = 0; i < 20; i++) {
		buf_add(&b, "\0\71\1", 3);
		buf_printf(&b, "%04u %04u %04u%s", n, i, n, rest);
	}
	if (hear(fd, hello) == 0)
		(void)send_all(fd, buf_str(&b));        /* or we were cut */
	buf_free(&b);
}

/* The kernel connects also those that the daemon has no descriptor for. */
static void run_crowd(const char *endpoint, const char *type, unsigned count)
{
	const struct sockaddr_in a = address_of(endpoint);
	struct buf b = { 0 };
	char c;

	if (strcmp(type, "-") != 0)
		put_handshake(&b, type);
	for (unsigned n = 0; n < count; n++) {
		int fd = call(&a);

		if (fd == -1)
			die(EXIT_FAILED, "%s:", endpoint);
		if (b.n > 0)
			(void)send(fd, b.p, b.n, MSG_NOSIGNAL); /* see above */
		if (strcmp(type, "SUB") == 0)
			subscribe(fd, n, b.n);
	}
	(void)printf("%u\n", count);
	if (fflush(stdout) == EOF)
		die(EXIT_IO, "stdout:");
	while (read(STDIN_FILENO, &c, 1) == 1)
		;
	buf_free(&b);           /* the descriptors end with us */
}

/* Not with libzmq, which sends whole messages only. */
static void run_endless(const char *endpoint, unsigned mib)
{
	const struct sockaddr_in a = address_of(endpoint);
	struct buf b = { 0 };
	int fd = call(&a);

	put_handshake(&b, "DEALER");
	if (fd == -1 || send_all(fd, buf_str(&b)) == -1)
		die(EXIT_FAILED, "%s:", endpoint);
	buf_clear(&b);
	buf_add(&b, "\3\0\0\0\0\0\17\0\0", 9);     /* more; a long one */
	put_random(&b, 0xf0000);
	while (mib-- > 0 && send_all(fd, buf_str(&b)) == 0)
		;
	(void)close(fd);        /* nothing is owed */
	buf_free(&b);
}

/* ---- peers that speak ZeroMQ ---- */

static void *open_socket(int type, const char *endpoint)
{
	void *s = net_socket(context, type, REPLY_BYTES_MAX, 0);

	net_connect(s, endpoint);
	return s;
}

/* 0: it has gone. -1: there was no room, in good time. */
static int say(void *s, struct str text, int more)
{
	zmq_pollitem_t item = { .socket = s, .events = ZMQ_POLLOUT };

	if (zmq_poll(&item, 1, PAUSE_MS) != 1)
		return -1;
	return net_send_copy(s, text.p, text.n, more);
}

static void drop_all(void *s)
{
	zmq_msg_t m;

	(void)zmq_msg_init(&m);                         /* cannot fail */
	while (net_recv(s, &m))
		;
	(void)zmq_msg_close(&m);
}

static void pause_ms(int ms)
{
	(void)zmq_poll(NULL, 0, ms);                    /* may be cut short */
}

static void put_request(struct buf *b, const char *service, const char *data)
{
	buf_clear(b);
	buf_printf(b, "{\"service\":\"%s\",\"data\":{%s}}", service, data);
	if (b->err)
		die(EXIT_FAILED, "out of memory");
}

/* Small answers, large ones and large envelopes, one client each. */
static void run_deaf(const char *endpoint, int64_t until)
{
	void *s[DEAF];
	struct buf large = { 0 }, ping = { 0 }, history = { 0 };

	put_random(&large, 700 * 1024);
	put_request(&ping, "ping", "");
	put_request(&history, "history",
	    "\"channel\":\"canal1\",\"limit\":1000");
	for (int i = 0; i < DEAF; i++)
		s[i] = open_socket(ZMQ_DEALER, endpoint);
	for (unsigned n = 0; ticks_ms() < until; n++) {
		void *to = s[n % DEAF];

		if (n % DEAF == 2 && (say(to, buf_str(&large), 1) == -1 ||
		    say(to, str_of(""), 1) == -1))
			continue;
		/* one that takes no more is one we have stuffed */
		(void)say(to, buf_str(n % 2 == 0 ? &ping : &history), 0);
	}
	for (int i = 0; i < DEAF; i++)
		(void)zmq_close(s[i]);
	buf_free(&large);
	buf_free(&ping);
	buf_free(&history);
}

/* All it stores goes to a channel of its own, and is little; else the disk
 * of a test would be the first to give in. */
static void run_flood(const char *endpoint, int64_t until)
{
	void *s = open_socket(ZMQ_DEALER, endpoint);
	struct buf b = { 0 };

	put_request(&b, "channel", "\"channel\":\"enchente\"");
	(void)say(s, buf_str(&b), 0);   /* or it is there by the next try */
	for (unsigned n = 0; ticks_ms() < until; n++) {
		static const char *const service[] = { "publish", "history",
			"users", "channels", "login", "ping", "stats" };
		const char *name = service[n % 7];

		put_request(&b, name, "\"user\":\"inundador\","
		    "\"channel\":\"enchente\",\"message\":\"agua\"");
		if (strcmp(name, "history") == 0)
			put_request(&b, name,
			    "\"channel\":\"enchente\",\"limit\":1000");
		(void)say(s, buf_str(&b), 0);
		if (n % 1000 == 0)
			drop_all(s);
	}
	(void)zmq_close(s);
	buf_free(&b);
}

static void spoil(struct buf *b)
{
	if (b->n == 0)
		return;
	switch (random_below(4)) {
	case 0:
		b->p[random_below((unsigned)b->n)] = (char)random_below(256);
		break;
	case 1:
		b->n = random_below((unsigned)b->n);
		break;
	case 2:
		put_random(b, random_below(64));
		break;
	default:
		buf_clear(b);
		put_random(b, random_below(200));
	}
}

static void run_garbage(const char *endpoint, int64_t until)
{
	void *s = open_socket(ZMQ_DEALER, endpoint);
	struct buf b = { 0 };

	while (ticks_ms() < until) {
		put_request(&b, "login", "\"user\":\"lixo\"");
		spoil(&b);
		for (unsigned frames = random_below(12); frames > 0; frames--)
			if (say(s, str_of("envelope"), 1) == -1)
				break;
		(void)say(s, buf_str(&b), 0);   /* or it is spoilt by chance */
		drop_all(s);
		if (random_below(20) == 0)
			pause_ms(1);
	}
	(void)zmq_close(s);
	buf_free(&b);
}

static void run_subscribe(const char *endpoint, unsigned count)
{
	void *s = net_socket(context, ZMQ_XSUB, REPLY_BYTES_MAX, 0);
	char topic[32];

	/* beyond its queue an XSUB drops them */
	net_option(s, ZMQ_SNDHWM, 0);
	net_connect(s, endpoint);
	for (unsigned n = 0; n < count; n++) {
		(void)snprintf(topic, sizeof topic, "\1assinatura %u", n);
		(void)say(s, str_of(topic), 0); /* there is room */
	}
	pause_ms(3000);
	(void)zmq_close(s);
}

static void visit(const char *endpoint, const char *type, int64_t until)
{
	const struct sockaddr_in a = address_of(endpoint);
	struct buf b = { 0 }, hello = { 0 };
	unsigned said = 0;

	put_handshake(&hello, type);
	for (unsigned n = 0; n < 1000; n++)
		buf_add(&b, "\0\2\1x\0\2\0x", 8);
	while (ticks_ms() < until) {
		int fd = call(&a);

		if (fd == -1) {
			pause_ms(1);            /* it is busy */
			continue;
		}
		/* If it is not read the rest does not count either. */
		said += send_all(fd, buf_str(&hello)) == 0 &&
		    hear(fd, hello.n) == 0 && send_all(fd, buf_str(&b)) == 0;
		(void)close(fd);                /* nothing is owed */
	}
	(void)printf("%u\n", said);
	buf_free(&hello);
	buf_free(&b);
}

static void run_visit(const char *endpoint, int64_t until)
{
	visit(endpoint, "DEALER", until);
}

static void run_visit_xpub(const char *endpoint, int64_t until)
{
	visit(endpoint, "SUB", until);
}

/* ---- servers ---- */

/* The first in rank. */
static void put_hello(struct buf *b, uint64_t credit, uint64_t directory)
{
	buf_clear(b);
	buf_putc(b, 'H');
	buf_le64(b, BACK_VERSION);
	buf_le64(b, credit);
	buf_le64(b, directory);
	buf_le64(b, 0);
}

struct fake {
	void *socket;
	uint64_t directory;
};

static void open_fake(struct fake *f, const char *endpoint, uint64_t directory)
{
	*f = (struct fake){ .directory = directory };
	f->socket = open_socket(ZMQ_DEALER, endpoint);
}

static void say_hello(struct fake *f, uint64_t credit)
{
	struct buf b = { 0 };

	put_hello(&b, credit, f->directory);
	(void)say(f->socket, buf_str(&b), 0);   /* it is said again */
	buf_free(&b);
}

static void beat(struct fake *f)
{
	static const char p[] = "P\0\0\0\0\0\0\0";

	/* see above */
	(void)say(f->socket, (struct str){ p, sizeof p }, 0);
}

/* Its own request is a bare ping of no client. */
static void answer_broker(struct fake *f, struct str requests)
{
	struct back_request r;
	struct buf b = { 0 };

	if (back_take_request(&requests, &r) != 1 || r.client != 0 ||
	    !str_is(r.body, "{\"service\":\"ping\",\"data\":{}}"))
		return;
	buf_putc(&b, 'A');
	back_close_answer(&b, back_open_answer(&b, r.id));
	(void)say(f->socket, buf_str(&b), 0);   /* it is asked again */
	buf_free(&b);
}

/* As a server does, until it counts. Then it only listens. */
static void pose(struct fake *f)
{
	zmq_msg_t m;

	(void)zmq_msg_init(&m);                         /* cannot fail */
	while (net_recv(f->socket, &m)) {
		struct str said = net_bytes(&m);
		char letter = said.n > 0 ? *said.p : '\0';

		str_skip(&said, said.n > 0);
		if (letter == 'W')
			say_hello(f, UINT64_MAX);
		else if (letter == 'Q')
			answer_broker(f, said);
	}
	(void)zmq_msg_close(&m);
}

static void run_liar(const char *endpoint, int64_t until, uint64_t directory)
{
	struct fake fake[LIARS];

	for (int i = 0; i < LIARS; i++)
		open_fake(&fake[i], endpoint, directory);
	while (ticks_ms() < until) {
		for (int i = 0; i < LIARS; i++) {
			beat(&fake[i]);
			pose(&fake[i]);
		}
		pause_ms(PAUSE_MS);
	}
	for (int i = 0; i < LIARS; i++)
		(void)zmq_close(fake[i].socket);
}

static void run_strangers(const char *endpoint, int64_t until)
{
	void *s[STRANGERS];
	struct buf b = { 0 };

	for (unsigned n = 0; n < STRANGERS; n++)
		s[n] = open_socket(ZMQ_DEALER, endpoint);
	for (unsigned n = 0; ticks_ms() < until; n++) {
		void *to = s[n % STRANGERS];

		put_hello(&b, UINT64_MAX, 1 + n % STRANGERS);
		while (net_send_copy(to, b.p, b.n, 0) == 0 &&
		    random_below(100) > 0)
			;
		drop_all(to);
	}
	for (unsigned n = 0; n < STRANGERS; n++)
		(void)zmq_close(s[n]);
	buf_free(&b);
}

/* Answers to requests that are others', and records that are none. */
static void put_babble(struct buf *b)
{
	static const char letter[] = "HAPGQBWNX";
	static const char body[] = "{\"service\":\"ping\",\"data\":{}}";

	buf_clear(b);
	buf_putc(b, letter[random_below(sizeof letter - 1)]);
	if (random_below(2) == 0) {
		put_random(b, random_below(200));
		return;
	}
	for (unsigned n = random_below(100); n > 0; n--) {
		buf_le64(b, random_below(2) == 0 ? 0 : random_below(1u << 31));
		buf_le64(b, random_below(1u << 20));
		buf_le64(b, random_below(10) == 0 ? UINT64_MAX - 3 :
		    sizeof body - 1);
		buf_add(b, body, sizeof body - 1);
	}
}

static void run_babbler(const char *endpoint, int64_t until,
    uint64_t directory)
{
	struct buf b = { 0 };
	struct fake f;

	open_fake(&f, endpoint, directory);
	while (ticks_ms() < until) {
		if (random_below(1000) == 0)
			say_hello(&f, random_below(1000));
		put_babble(&b);
		(void)say(f.socket, buf_str(&b), 0);    /* more is to come */
		pose(&f);
		if (random_below(20) == 0)
			pause_ms(1);
	}
	(void)zmq_close(f.socket);
	buf_free(&b);
}

static const struct way {
	const char *name;
	void (*count)(const char *, unsigned);
	void (*time)(const char *, int64_t);
	void (*serve)(const char *, int64_t, uint64_t);
} ways[] = {
	{ .name = "malformed", .count = run_malformed },
	{ .name = "knock", .count = run_knock },
	{ .name = "endless", .count = run_endless },
	{ .name = "subscribe", .count = run_subscribe },
	{ .name = "visit", .time = run_visit },
	{ .name = "visit-xpub", .time = run_visit_xpub },
	{ .name = "deaf", .time = run_deaf },
	{ .name = "flood", .time = run_flood },
	{ .name = "garbage", .time = run_garbage },
	{ .name = "liar", .serve = run_liar },
	{ .name = "strangers", .time = run_strangers },
	{ .name = "babbler", .serve = run_babbler }
};

static unsigned number(const char *text)
{
	return (unsigned)option_number('N', text, 1, 10 * 1000 * 1000);
}

static int64_t end_of(const char *seconds)
{
	return ticks_ms() + 1000 * (int64_t)number(seconds);
}

int main(int argc, char **argv)
{
	const struct way *w = ways;

	set_program(argv[0]);
	if (argc == 5 && strcmp(argv[1], "crowd") == 0) {
		run_crowd(argv[2], argv[3], number(argv[4]));
		return 0;
	}
	if (argc < 4)
		usage();
	while (strcmp(w->name, argv[1]) != 0)
		if (++w == ways + sizeof ways / sizeof *ways)
			usage();
	if (argc != (w->serve != NULL ? 5 : 4))
		usage();
	context = net_context(1);
	if (w->count != NULL)
		w->count(argv[2], number(argv[3]));
	else if (w->time != NULL)
		w->time(argv[2], end_of(argv[3]));
	else
		w->serve(argv[2], end_of(argv[3]), strtoull(argv[4], NULL, 16));
	(void)zmq_ctx_term(context);
	return 0;
}
