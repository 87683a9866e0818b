/* test_output.c: what others say never acts on a terminal, breaks a line or
 * adds a column, in whatever form it is shown. */
#include "tap.h"
#include "../client.h"
#include "../text.h"
#include "../util.h"

#include <stdlib.h>
#include <string.h>

/* Clears the screen, rings, makes a new line and a new column, sets a colour
 * with a C1 control, turns the direction of writing, deletes. */
#define EVIL "\x1b[2J\a\r\n\tx\xc2\x9b" "1m\xe2\x80\xae\x7f"
#define EVIL_JSON "\\u001b[2J\\u0007\\r\\n\\tx\\u009b1m\\u202e\\u007f"
#define OBJECT "{\"message\":\"" EVIL_JSON "\",\"" EVIL_JSON "\":[\"" \
	EVIL_JSON "\"]}"

/* One line, with so many tabs and no other control character. */
static void check_line(struct str s, size_t tabs)
{
	struct str line = str_take(&s, '\n');
	size_t got = 0;
	uint32_t c;

	CHECK(s.n == 0 && line.n > 0, "not one line: %.*s", (int)line.n,
	    line.p);
	while (line.n > 0) {
		size_t n = utf8_next(line, &c);

		CHECK(n > 0 && (c == '\t' || !is_control(c)), "U+%04X", c);
		got += n > 0 && c == '\t';
		str_skip(&line, n > 0 ? n : 1);
	}
	CHECK(got == tabs, "%zu tabs", got);
}

static void test_messages(void)
{
	struct json j = { 0 };
	struct message m = { .topic = STR(EVIL), .user = STR(EVIL),
	    .text = STR(EVIL), .seq = 7, .json = &j };
	struct buf b = { 0 };

	CHECK(json_parse(&j, OBJECT, sizeof OBJECT - 1) == 0, "not JSON");
	m.object = j.node;
	for (m.inbox = 0; m.inbox < 2; m.inbox++) {
		buf_clear(&b);
		output_message(&b, OUTPUT_PEOPLE, &m);
		check_line(buf_str(&b), 0);
		buf_clear(&b);
		output_message(&b, OUTPUT_TABS, &m);
		check_line(buf_str(&b), 4);
		buf_clear(&b);
		output_message(&b, OUTPUT_JSON, &m);
		check_line(buf_str(&b), 0);
	}
	json_free(&j);
	buf_free(&b);
}

/* What is said on stderr meanwhile goes to a file. */
static FILE *begin_stderr(void)
{
	FILE *file = freopen("stderr.txt", "w+", stderr);

	if (file == NULL || remove("stderr.txt") == -1)
		exit(EXIT_IO);
	return file;
}

static void check_stderr(FILE *file)
{
	char text[1024];
	size_t n;

	rewind(file);
	n = fread(text, 1, sizeof text, file);
	check_line((struct str){ text, n }, 0);
}

/* A reason comes from the server, and a name may be anything. */
static void test_errors(void)
{
	const struct answer a = { .kind = ANSWER_ERRO, .reason = STR(EVIL) };
	FILE *file = begin_stderr();

	CHECK(client_failed(EVIL, &a) == EXIT_FAILED, "another exit code");
	check_stderr(file);
	file = begin_stderr();
	output_invalid_name(STR(EVIL));
	check_stderr(file);
}

int main(void)
{
	set_program("test_output");
	check_group("messages of others are one harmless line", test_messages);
	check_group("errors of others are one harmless line", test_errors);
	return check_done();
}
