/* output.c: see output.h. */
#include "output.h"

#include "date.h"
#include "line.h"
#include "name.h"
#include "text.h"
#include "util.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

static int same_day(const struct tm *a, const struct tm *b)
{
	return a->tm_yday == b->tm_yday && a->tm_year == b->tm_year;
}

void output_time(struct buf *b, int64_t ms)
{
	time_t then = (time_t)(ms / 1000), now = (time_t)(now_ms() / 1000);
	const char *format = "%Y-%m-%d %H:%M:%S";
	struct tm at, today;
	char text[32];

	if (localtime_r(&then, &at) == NULL ||
	    localtime_r(&now, &today) == NULL)
		return;
	if (same_day(&at, &today))
		format = "%H:%M:%S";
	buf_add(b, text, strftime(text, sizeof text, format, &at));
}

void output_date(struct buf *b, int64_t ms)
{
	char *to = buf_room(b, DATE_BYTES);

	if (to == NULL)
		return;
	date_encode(to, ms);
	b->n += DATE_BYTES;
}

void output_text(struct buf *b, struct str text)
{
	size_t from = 0;

	for (size_t i = 0; i <= text.n; i++) {
		if (i < text.n && text.p[i] != '\n' && text.p[i] != '\t')
			continue;
		put_visible(b, (struct str){ text.p + from, i - from });
		if (i < text.n)
			buf_putc(b, ' ');
		from = i + 1;
	}
}

static void show_people(struct buf *b, const struct message *m)
{
	output_time(b, m->ms);
	buf_puts(b, m->inbox ? " " : " #");
	output_text(b, m->inbox ? m->user : m->topic);
	buf_puts(b, m->inbox ? " -> " : " ");
	output_text(b, m->inbox ? m->topic : m->user);
	buf_puts(b, ": ");
	output_text(b, m->text);
}

static void show_tabs(struct buf *b, const struct message *m)
{
	if (m->seq > 0)
		buf_u64(b, m->seq);
	else
		buf_putc(b, '-');
	buf_putc(b, '\t');
	output_date(b, m->ms);
	buf_putc(b, '\t');
	line_put_text(b, m->topic);
	buf_putc(b, '\t');
	line_put_text(b, m->user);
	buf_putc(b, '\t');
	line_put_text(b, m->text);
}

/* JSON allows any character from U+0080 up in a string; here those that act on
 * a terminal are escaped too. */
void output_json_string(struct buf *b, struct str s)
{
	struct buf quoted = { 0 };
	struct str rest;
	uint32_t c = 0;
	size_t n;

	json_put_string(&quoted, s);
	for (rest = buf_str(&quoted); rest.n > 0; str_skip(&rest, n)) {
		n = utf8_next(rest, &c);
		if (n == 0)
			break;          /* cut: quoted.err is set */
		if (is_control(c))
			put_escape(b, c);
		else
			buf_add(b, rest.p, n);
	}
	b->err |= quoted.err;
	buf_free(&quoted);
}

static void show_string(struct buf *b, const struct json_node *value)
{
	struct buf scratch = { 0 };
	struct str s;

	if (json_string(value, &scratch, &s) == 0)
		output_json_string(b, s);
	else
		b->err = 1;
	buf_free(&scratch);
}

static void show_container(struct buf *b, const struct json *j,
    const struct json_node *value)
{
	int object = value->type == JSON_OBJECT;
	const struct json_node *n;

	buf_putc(b, object ? '{' : '[');
	for (n = json_first(j, value); n != NULL; n = json_next(j, value, n)) {
		json_put_comma(b);
		output_json(b, j, n);
		if (object) {
			buf_putc(b, ':');
			output_json(b, j, n + 1);
		}
	}
	buf_putc(b, object ? '}' : ']');
}

/* The recursion is at most JSON_DEPTH_MAX deep. */
void output_json(struct buf *b, const struct json *j,
    const struct json_node *value)
{
	if (value->type == JSON_STRING)
		show_string(b, value);
	else if (value->type == JSON_ARRAY || value->type == JSON_OBJECT)
		show_container(b, j, value);
	else
		buf_str_add(b, value->raw);     /* number or literal: ASCII */
}

static void show_object(struct buf *b, const struct message *m)
{
	const struct json_node *key;

	buf_putc(b, '{');
	json_put_key(b, "topic");
	output_json_string(b, m->topic);
	for (key = json_first(m->json, m->object); key != NULL;
	    key = json_next(m->json, m->object, key)) {
		/* Another server's: a key is written once. */
		if (key + 1 == json_get(m->json, m->object, "topic"))
			continue;
		json_put_comma(b);
		output_json(b, m->json, key);
		buf_putc(b, ':');
		output_json(b, m->json, key + 1);
	}
	buf_putc(b, '}');
}

void output_message(struct buf *b, enum output_form form,
    const struct message *m)
{
	if (form == OUTPUT_PEOPLE)
		show_people(b, m);
	else if (form == OUTPUT_TABS)
		show_tabs(b, m);
	else
		show_object(b, m);
	buf_putc(b, '\n');
}

void output_size(int *rows, int *columns)
{
	struct winsize size;

	*rows = 24;
	*columns = 80;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == -1 ||
	    size.ws_row == 0 || size.ws_col == 0)
		return;
	*rows = size.ws_row;
	*columns = size.ws_col;
}

/* A stdout that does not block was made so by a program we share it with. */
static void wait_for_room(void)
{
	struct pollfd p = { .fd = STDOUT_FILENO, .events = POLLOUT };

	(void)poll(&p, 1, -1);  /* the next write reports an error, too */
}

void output_write(struct buf *b)
{
	size_t done = 0;

	if (b->err)
		die(EXIT_FAILED, "out of memory");
	while (done < b->n) {
		ssize_t n = write(STDOUT_FILENO, b->p + done, b->n - done);

		if (n >= 0)
			done += (size_t)n;
		else if (errno == EPIPE)
			exit(0);
		else if (errno == EAGAIN)
			wait_for_room();
		else if (errno != EINTR)
			die(EXIT_IO, "stdout:");
	}
	buf_clear(b);
}

void output_warn(struct buf *b)
{
	buf_putc(b, '\0');
	warn("%s", b->err ? "out of memory" : b->p);
	buf_free(b);
}

void output_invalid_name(struct str name)
{
	struct buf b = { 0 };

	buf_puts(&b, "invalid name: ");
	put_visible(&b, name);
	buf_puts(&b, ": " NAME_RULE);
	output_warn(&b);
}

void output_event(void *arg, enum talk_event event, const char *text)
{
	(void)arg;
	if (event != TALK_LOST && event != TALK_BACK)
		warn("%s", text);
}
