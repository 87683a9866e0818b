/* lines.c: see lines.h. */
#include "lines.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define CHUNK_BYTES 65536       /* read at a time */

size_t lines_waiting(const struct lines *l)
{
	return l->input.n - l->at;
}

int lines_next(struct lines *l, size_t most, struct str *line)
{
	size_t n = lines_waiting(l);
	const char *p, *end;

	if (n == 0)
		return 0;
	p = l->input.p + l->at;
	end = memchr(p, '\n', n);
	if (end == NULL && !l->eof && n <= most)
		return 0;
	if (end != NULL)
		n = (size_t)(end - p);
	*line = (struct str){ p, n };
	l->at += n + (end != NULL);
	return 1;
}

static void drop_returned(struct lines *l)
{
	if (l->at > 0)
		memmove(l->input.p, l->input.p + l->at, lines_waiting(l));
	l->input.n -= l->at;
	l->at = 0;
}

int lines_read(struct lines *l)
{
	char *to;
	ssize_t n;

	drop_returned(l);
	to = buf_room(&l->input, CHUNK_BYTES);
	if (to == NULL) {
		errno = ENOMEM;
		return -1;
	}
	n = read(STDIN_FILENO, to, CHUNK_BYTES);
	if (n == -1)
		return errno == EINTR || errno == EAGAIN ? 0 : -1;
	l->input.n += (size_t)n;
	l->eof = n == 0;
	return 0;
}

void lines_free(struct lines *l)
{
	buf_free(&l->input);
}
