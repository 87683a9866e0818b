/* chat_state.c: see chat_state.h. */
#include "chat_state.h"

#include "name.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A line: 20 digits, a word, a name, two tabs, the newline. */
#define STATE_LINE_BYTES 256
_Static_assert(NAME_BYTES_MAX + 32 < STATE_LINE_BYTES, "a line must fit");

/* 0, or -1: the user has no home. The last slash separates the folder from the
 * file. */
static int put_path(struct buf *b, const struct client *c)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");

	if (state != NULL && *state == '/') {
		buf_puts(b, state);
	} else if (home != NULL && *home == '/') {
		buf_puts(b, home);
		buf_puts(b, "/.local/state");
	} else {
		return -1;
	}
	buf_puts(b, "/recado/");
	name_encode(b, c->user);
	buf_putc(b, '@');
	name_encode(b, str_of(c->broker));
	buf_putc(b, '\0');
	return b->err ? -1 : 0;
}

/* ---- loading ---- */

static void load_room(struct rooms *rooms, const struct client *c, char *line)
{
	char *kind = strchr(line, '\t');
	char *name = kind != NULL ? strchr(kind + 1, '\t') : NULL;
	int inbox;

	if (name == NULL)
		return;
	*name++ = '\0';
	inbox = strcmp(kind + 1, "user") == 0;
	if (!name_ok(str_of(name)) || (inbox && !str_is(c->user, name)))
		return;
	rooms_seen(rooms_add(rooms, str_of(name), inbox),
	    strtoull(line, NULL, 10));
}

void state_load(struct rooms *rooms, const struct client *c)
{
	char line[STATE_LINE_BYTES];
	struct buf path = { 0 };
	FILE *f = NULL;

	if (put_path(&path, c) == 0)
		f = fopen(path.p, "r");
	buf_free(&path);
	if (f == NULL)
		return;
	while (fgets(line, sizeof line, f) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		load_room(rooms, c, line);
	}
	(void)fclose(f);        /* nothing was written */
}

/* ---- saving ---- */

static void put_room(struct buf *b, const struct room *room)
{
	buf_u64(b, room->shown);
	buf_puts(b, room->inbox ? "\tuser\t" : "\tchannel\t");
	buf_str_add(b, room->name);
	buf_putc(b, '\n');
}

/* Makes each folder of the path that does not exist. */
static int make_folders(char *path)
{
	int failed = 0;

	for (char *p = strchr(path + 1, '/'); p != NULL && !failed;
	    p = strchr(p + 1, '/')) {
		*p = '\0';
		failed = mkdir(path, 0700) == -1 && errno != EEXIST;
		*p = '/';
	}
	return failed ? -1 : 0;
}

static int write_state(const char *path, struct str text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC |
	    O_NOFOLLOW, 0600);
	int failed;

	if (fd == -1)
		return -1;
	failed = write(fd, text.p, text.n) != (ssize_t)text.n ||
	    fsync(fd) == -1;
	return close(fd) == -1 || failed ? -1 : 0;
}

/* Replaces the file as a whole, so that there is always a complete one. */
static int replace_state(struct buf *path, struct str text)
{
	struct buf fresh = { 0 };
	int result = -1, why;

	buf_printf(&fresh, "%s.%ld", path->p, (long)getpid());
	buf_putc(&fresh, '\0');
	if (fresh.err)
		return -1;
	if (make_folders(path->p) == 0 && write_state(fresh.p, text) == 0)
		result = rename(fresh.p, path->p);
	why = errno;
	if (result == -1)
		(void)unlink(fresh.p);  /* it may not exist */
	errno = why;
	buf_free(&fresh);
	return result;
}

void state_save(struct rooms *rooms, const struct client *c)
{
	static int noted;
	struct buf path = { 0 }, b = { 0 };

	rooms->save_at = 0;
	if (rooms->current != NULL)
		put_room(&b, rooms->current);
	for (const struct room *r = rooms->first; r != NULL; r = r->next)
		if (r != rooms->current)
			put_room(&b, r);
	if (put_path(&path, c) == 0 && !b.err &&
	    replace_state(&path, buf_str(&b)) == -1 && !noted++)
		look_note(rooms->look, "%s: %s", path.p, strerror(errno));
	buf_free(&path);
	buf_free(&b);
}
