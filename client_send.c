/* client_send.c: pub and msg. The lines of stdin are sent in a window: many
 * are under way at once, in their order. The first one that is refused ends it
 * and is named. */
#include "client.h"

#include "limits.h"
#include "lines.h"
#include "name.h"
#include "text.h"
#include "util.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Requests under way: enough to fill the server's batches; and their bytes,
 * which are memory here and in the broker. */
#define WINDOW       1000
#define WINDOW_BYTES (8 * MIB)

#define PROGRESS_MS  200

struct sender {
	struct client *c;
	int private;            /* 1: to a user */
	struct str to;
	struct lines in;
	uint64_t lines;         /* read; empty ones too, as editors count */
	uint64_t sent, stored;
	uint64_t bad;           /* the first line that was refused, 0: none */
	uint64_t before_bad;    /* sent before that line: all are stored */
	int code;               /* the exit code for it */
	struct buf why;
	int64_t start, shown;   /* ticks_ms(), of the progress */
	int progress;           /* 1: its line is on the terminal */
};

struct sent_line {
	struct sender *s;
	uint64_t line, before;
};

static void refuse_line(const struct sent_line *l, int code, struct str why)
{
	struct sender *s = l->s;

	if (s->bad != 0 && s->bad < l->line)
		return;
	s->bad = l->line;
	s->before_bad = l->before;
	s->code = code;
	buf_clear(&s->why);
	put_visible(&s->why, why);
}

static void confirm_line(struct sender *s, uint64_t seq)
{
	struct buf *out = &s->c->out;

	s->stored++;
	if (!s->c->json)
		return;
	buf_putc(out, '{');
	json_put_key(out, "topic");
	output_json_string(out, s->to);
	json_put_number(out, "seq", seq);
	buf_puts(out, "}\n");
}

static void on_sent(void *arg, const struct answer *a)
{
	struct sent_line *l = arg;

	if (a->kind == ANSWER_OK)
		confirm_line(l->s, a->seq);
	else
		refuse_line(l, client_exit_code(a), a->reason);
	free(l);
}

static void send_text(struct sender *s, struct str text)
{
	struct client *c = s->c;
	struct sent_line *l = must_alloc(sizeof *l);

	*l = (struct sent_line){ s, s->lines, s->sent };
	buf_clear(&c->members);
	json_put_member(&c->members, s->private ? "src" : "user", c->user);
	json_put_member(&c->members, s->private ? "dst" : "channel", s->to);
	json_put_member(&c->members, "message", text);
	talk_request(c->talk, s->private ? "message" : "publish", &c->members,
	    c->limit_ms, on_sent, l);
	s->sent++;
}

static void send_line(struct sender *s, struct str text)
{
	struct sent_line here = { s, ++s->lines, s->sent };

	if (text.n == 0)
		return;
	if (text.n > MESSAGE_BYTES_MAX)
		refuse_line(&here, EXIT_FAILED, STR("longer than "
		    LIMIT_TEXT(MESSAGE_BYTES_MAX) " bytes"));
	else if (!utf8_valid(text))
		refuse_line(&here, EXIT_FAILED, STR("not valid UTF-8"));
	else
		send_text(s, text);
}

/* ---- progress ---- */

static void show_progress(struct sender *s)
{
	int64_t now = ticks_ms(), ms = now - s->start;

	if (!isatty(STDERR_FILENO) || ms < 1000 ||
	    now - s->shown < PROGRESS_MS)
		return;
	(void)fprintf(stderr, "\r\033[K%" PRIu64 " sent, %" PRIu64 " stored, %"
	    PRIu64 "/s", s->sent, s->stored,
	    s->stored * 1000 / (uint64_t)ms);
	s->shown = now;
	s->progress = 1;
}

static void clear_progress(struct sender *s)
{
	if (s->progress)
		(void)fputs("\r\033[K", stderr);
}

/* ---- the loop ---- */

static int window_open(const struct sender *s)
{
	return talk_under_way(s->c->talk) < WINDOW &&
	    talk_under_way_bytes(s->c->talk) < WINDOW_BYTES;
}

/* One turn: the answers that have come, and more input if wanted. */
static void poll_once(struct sender *s, int want_input)
{
	zmq_pollitem_t item = { .fd = STDIN_FILENO, .events = ZMQ_POLLIN };

	if (talk_poll(s->c->talk, PROGRESS_MS, &item, want_input) > 0 &&
	    lines_read(&s->in) == -1)
		die(EXIT_IO, "stdin:");
	show_progress(s);
	output_write(&s->c->out);
}

static void send_lines(struct sender *s)
{
	struct str line;

	while (s->bad == 0) {
		while (s->bad == 0 && window_open(s) &&
		    lines_next(&s->in, MESSAGE_BYTES_MAX, &line))
			send_line(s, line);
		if (s->in.eof && lines_waiting(&s->in) == 0)
			return;
		if (s->bad == 0)
			poll_once(s, window_open(s) && !s->in.eof);
	}
}

static void wait_for_answers(struct sender *s)
{
	while (talk_under_way(s->c->talk) > 0)
		poll_once(s, 0);
	clear_progress(s);
}

/* ---- the commands ---- */

static void warn_refused(struct sender *s, int many)
{
	struct buf b = { 0 };

	if (many)
		buf_printf(&b, "line %" PRIu64 ": ", s->bad);
	buf_str_add(&b, buf_str(&s->why));
	/* They were under way when the refusal came. */
	if (s->stored > s->before_bad)
		buf_printf(&b, " (lines after it that were stored: %" PRIu64
		    ")", s->stored - s->before_bad);
	output_warn(&b);
}

static void send_words(struct sender *s, char **word, int n)
{
	struct buf text = { 0 };

	for (int i = 0; i < n; i++) {
		if (i > 0)
			buf_putc(&text, ' ');
		buf_puts(&text, word[i]);
	}
	if (text.n == 0)
		die(EXIT_USAGE, "an empty message");
	send_line(s, buf_str(&text));
	buf_free(&text);
}

static int send_messages(struct client *c, int private)
{
	struct sender s = { .c = c, .private = private,
		.to = str_of(c->operand[0]), .start = ticks_ms() };
	int words = c->operands - 1;
	int many = words == 0 ||
	    (words == 1 && strcmp(c->operand[1], "-") == 0);

	if (!name_ok(s.to)) {
		output_invalid_name(s.to);
		return EXIT_FAILED;
	}
	client_open(c, NULL);
	if (many)
		send_lines(&s);
	else
		send_words(&s, c->operand + 1, words);
	wait_for_answers(&s);
	if (s.bad != 0)
		warn_refused(&s, many);
	lines_free(&s.in);
	buf_free(&s.why);
	return s.code;
}

int client_pub(struct client *c)
{
	return send_messages(c, 0);
}

int client_msg(struct client *c)
{
	return send_messages(c, 1);
}
