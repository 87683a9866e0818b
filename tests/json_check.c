/* json_check.c: reads one JSON text from stdin; exit 0 when json.c accepts it,
 * 1 and the reason on stderr when not. For test suites from outside: duplicate
 * keys are let through, as the grammar does and as those suites want it;
 * recado's own programs refuse them. */
#include "../json.h"
#include "../util.h"

#include <stdio.h>

#define CHUNK ((size_t)64 * 1024)       /* bytes read at once */

static void read_all(struct buf *b)
{
	char *to;
	size_t n;

	do {
		to = buf_room(b, CHUNK);
		if (to == NULL)
			die(EXIT_FAILED, "out of memory after %zu bytes", b->n);
		n = fread(to, 1, CHUNK, stdin);
		b->n += n;
	} while (n > 0);
	if (ferror(stdin))
		die(EXIT_IO, "stdin:");
}

int main(int argc, char **argv)
{
	struct json j = { .allow_duplicates = 1 };
	struct buf text = { 0 };
	int bad;

	set_program(argv[0]);
	if (argc > 1)
		die(EXIT_USAGE, "usage: json_check <file");
	read_all(&text);
	bad = json_parse(&j, text.p, text.n) == -1;
	if (bad)
		warn("byte %zu: %s", j.error_at, j.error);
	json_free(&j);
	buf_free(&text);
	return bad ? EXIT_FAILED : 0;
}
