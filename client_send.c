/* client_send.c: pub and msg. Lines of stdin go out in a window: many are under way at once, in
 * their order, and the first one that is refused ends it and is named. */
#include "client.h"

#include "limits.h"
#include "line.h"
#include "name.h"
#include "text.h"
#include "util.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WINDOW       1000       /* requests under way: enough to fill the server's batches */
#define WINDOW_BYTES ((size_t)8 * 1024 * 1024)  /* of them: memory here and in the broker */
#define CHUNK        65536      /* bytes read at a time */
#define PROGRESS_MS  200

struct sender {
	struct client *c;
	const char *service;
	struct buf input;
	size_t at;              /* bytes of it that are used up */
	int eof;
	uint64_t lines;         /* read so far, the empty ones too: numbers as an editor has them */
	uint64_t sent, stored;
	uint64_t bad;           /* the first line that was refused, 0: none */
	uint64_t before;        /* messages sent before that line: they are all stored */
	int code;               /* and the exit code for it */
	struct buf why;
	int64_t start, shown;   /* ticks_ms(), of the progress */
	int progress;           /* 1: there is a progress line on the terminal */
};

struct pending {
	struct sender *s;
	uint64_t line, before;
};

static void refuse(struct sender *s, const struct pending *p, int code, struct str why)
{
	if (s->bad != 0 && s->bad < p->line)
		return;
	s->bad = p->line;
	s->before = p->before;
	s->code = code;
	buf_clear(&s->why);
	put_visible(&s->why, why);
}

static void confirm(struct sender *s, const struct answer *a)
{
	struct buf *out = &s->c->out;

	s->stored++;
	if (!s->c->json)
		return;
	buf_putc(out, '{');
	json_put_key(out, "topic");
	output_json_string(out, str_of(s->c->operand[0]));
	json_put_number(out, "seq", a->seq);
	buf_puts(out, "}\n");
}

static void answered(void *arg, const struct answer *a)
{
	struct pending *p = arg;

	if (a->kind == ANSWER_OK)
		confirm(p->s, a);
	else
		refuse(p->s, p, a->kind == ANSWER_NONE ? EXIT_NOANSWER : EXIT_FAILED, a->reason);
	free(p);
}

static void post(struct sender *s, struct str text)
{
	struct client *c = s->c;
	struct str to = str_of(c->operand[0]);
	struct pending *p = must_alloc(sizeof *p);
	int private = strcmp(s->service, "message") == 0;

	*p = (struct pending){ s, s->lines, s->sent };
	buf_clear(&c->members);
	json_put_member(&c->members, private ? "src" : "user", c->user);
	json_put_member(&c->members, private ? "dst" : "channel", to);
	json_put_member(&c->members, "message", text);
	talk_request(c->talk, s->service, &c->members, c->limit_ms, answered, p);
	s->sent++;
}

static void take_text(struct sender *s, struct str text)
{
	struct pending here = { s, ++s->lines, s->sent };

	if (text.n == 0)
		return;
	if (text.n > MESSAGE_BYTES_MAX)
		refuse(s, &here, EXIT_FAILED, STR("longer than 32768 bytes"));
	else if (!utf8_valid(text))
		refuse(s, &here, EXIT_FAILED, STR("not valid UTF-8"));
	else
		post(s, text);
}

static int room(const struct sender *s)
{
	return talk_under_way(s->c->talk) < WINDOW &&
	    talk_under_way_bytes(s->c->talk) < WINDOW_BYTES;
}

/* Takes the next line off what was read. 0: there is none yet. */
static int take_line(struct sender *s)
{
	const char *p = s->input.p + s->at, *end;
	size_t n = s->input.n - s->at;

	end = n > 0 ? memchr(p, '\n', n) : NULL;
	if (end == NULL && n <= MESSAGE_BYTES_MAX && (!s->eof || n == 0))
		return 0;
	if (end != NULL)
		n = (size_t)(end - p);
	s->at += n + (end != NULL);
	take_text(s, (struct str){ p, n });
	return 1;
}

static void read_more(struct sender *s)
{
	char *to;
	ssize_t n;

	if (s->at > 0)
		memmove(s->input.p, s->input.p + s->at, s->input.n - s->at);
	s->input.n -= s->at;
	s->at = 0;
	to = buf_room(&s->input, CHUNK);
	if (to == NULL)
		die(EXIT_FAILED, "out of memory");
	n = read(STDIN_FILENO, to, CHUNK);
	if (n > 0)
		s->input.n += (size_t)n;
	else if (n == 0)
		s->eof = 1;
	else if (errno != EINTR && errno != EAGAIN)
		die(EXIT_IO, "stdin:");
}

static void show_progress(struct sender *s)
{
	int64_t now = ticks_ms(), ms = now - s->start;

	if (!isatty(STDERR_FILENO) || ms < 1000 || now - s->shown < PROGRESS_MS)
		return;
	(void)fprintf(stderr, "\r\033[K%" PRIu64 " sent, %" PRIu64 " stored, %" PRIu64 "/s",
	    s->sent, s->stored, s->stored * 1000 / (uint64_t)ms);
	s->shown = now;
	s->progress = 1;
}

/* One turn: what answers have come, and more input when there is room for it. */
static void turn(struct sender *s, int input)
{
	zmq_pollitem_t item = { .fd = STDIN_FILENO, .events = ZMQ_POLLIN };

	if (talk_poll(s->c->talk, PROGRESS_MS, &item, input) > 0)
		read_more(s);
	show_progress(s);
	output_write(&s->c->out);
}

static void send_lines(struct sender *s)
{
	while (s->bad == 0) {
		while (s->bad == 0 && room(s) && take_line(s))
			;
		if (s->eof && s->at == s->input.n && talk_under_way(s->c->talk) == 0)
			return;
		if (s->bad == 0)
			turn(s, room(s) && !s->eof);
	}
}

static void finish(struct sender *s)
{
	while (talk_under_way(s->c->talk) > 0)
		turn(s, 0);
	if (s->progress)
		(void)fputs("\r\033[K", stderr);
}

static void say_refused(struct sender *s, int lines)
{
	if (s->stored > s->before) {    /* they were under way when the refusal came */
		buf_puts(&s->why, " (lines after it that were stored: ");
		buf_u64(&s->why, s->stored - s->before);
		buf_putc(&s->why, ')');
	}
	buf_putc(&s->why, '\0');
	if (s->why.err)
		die(EXIT_FAILED, "out of memory");
	if (lines)
		warn("line %" PRIu64 ": %s", s->bad, s->why.p);
	else
		warn("%s", s->why.p);
}

static void join(struct buf *text, char **words, int n)
{
	for (int i = 0; i < n; i++) {
		if (i > 0)
			buf_putc(text, ' ');
		buf_puts(text, words[i]);
	}
}

int client_send(struct client *c, const char *service)
{
	struct sender s = { .c = c, .service = service, .start = ticks_ms() };
	int lines = c->operands == 1 || (c->operands == 2 && strcmp(c->operand[1], "-") == 0);

	client_open(c, NULL);
	if (!name_ok(str_of(c->operand[0])))
		die(EXIT_FAILED, "the name given is none");
	if (lines) {
		send_lines(&s);
	} else {
		join(&s.input, c->operand + 1, c->operands - 1);
		if (s.input.n == 0)
			die(EXIT_USAGE, "an empty message");
		take_text(&s, buf_str(&s.input));
	}
	finish(&s);
	if (s.bad != 0)
		say_refused(&s, lines);
	buf_free(&s.input);
	buf_free(&s.why);
	return s.code;
}
