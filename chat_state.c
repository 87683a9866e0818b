/* chat_state.c: below $XDG_STATE_HOME/recado (or ~/.local/state/recado) one file for each user of
 * each broker, named after both. A line is a room: seq, "channel" or "user", name, between tabs;
 * the first channel is the one that was current. The file is replaced as a whole, so that there
 * is always one. */
#include "chat.h"

#include "line.h"
#include "name.h"
#include "util.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The file's name with an encoding that has no slash; .log belongs to the encoding of a log. */
static void put_encoded(struct buf *b, struct str s)
{
	name_to_file(b, s);
	if (b->n > 4)
		b->n -= 4;
}

/* 0, or -1: there is no home for it. The last slash divides the folder from the file. */
static int make_path(const struct chat *chat, struct buf *b)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");

	if (state != NULL && *state == '/')
		buf_puts(b, state);
	else if (home != NULL && *home == '/')
		buf_puts(b, home);
	else
		return -1;
	if (state == NULL || *state != '/')
		buf_puts(b, "/.local/state");
	buf_puts(b, "/recado/");
	put_encoded(b, chat->c->user);
	buf_putc(b, '@');
	put_encoded(b, str_of(chat->c->broker));
	buf_putc(b, '\0');
	return b->err ? -1 : 0;
}

/* Makes each folder on the way that is not there. */
static int make_folders(char *path)
{
	for (char *p = path + 1; (p = strchr(p, '/')) != NULL; *p++ = '/') {
		*p = '\0';
		if (mkdir(path, 0700) == -1 && errno != EEXIST) {
			*p = '/';
			return -1;
		}
	}
	return 0;
}

static void take_line(struct chat *chat, char *line)
{
	char *kind = strchr(line, '\t'), *name = kind != NULL ? strchr(kind + 1, '\t') : NULL;
	struct room *room;
	int inbox;

	if (name == NULL)
		return;
	*name++ = '\0';
	inbox = strcmp(kind + 1, "user") == 0;
	if (!name_ok(str_of(name)) || (inbox && !str_is(chat->c->user, name)))
		return;
	room = room_add(chat, str_of(name), inbox);
	room->shown = room->newest = strtoull(line, NULL, 10);
	room->known = 1;
}

void state_load(struct chat *chat)
{
	struct buf path = { 0 };
	char line[256];         /* 20 digits, a word, a name of 64 bytes */
	FILE *f = NULL;

	if (make_path(chat, &path) == 0)
		f = fopen(path.p, "r");
	buf_free(&path);
	if (f == NULL)          /* the first time, or not readable: as if it were the first time */
		return;
	while (fgets(line, sizeof line, f) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		take_line(chat, line);
	}
	(void)fclose(f);        /* nothing was written */
}

static void put_room(struct buf *b, const struct room *room)
{
	buf_u64(b, room->shown);
	buf_puts(b, room->inbox ? "\tuser\t" : "\tchannel\t");
	buf_str_add(b, room->name);
	buf_putc(b, '\n');
}

static int write_file(const char *path, const struct buf *b)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	int failed;

	if (fd == -1)
		return -1;
	failed = write(fd, b->p, b->n) != (ssize_t)b->n || fsync(fd) == -1;
	return close(fd) == -1 || failed ? -1 : 0;
}

static int replace(struct buf *path, const struct buf *b)
{
	struct buf fresh = { 0 };
	int result = -1;

	buf_puts(&fresh, path->p);
	buf_printf(&fresh, ".%ld", (long)getpid());
	buf_putc(&fresh, '\0');
	if (!fresh.err && make_folders(path->p) == 0 && write_file(fresh.p, b) == 0)
		result = rename(fresh.p, path->p);
	if (result == -1 && !fresh.err)
		(void)unlink(fresh.p);          /* it may not even be there */
	buf_free(&fresh);
	return result;
}

/* Failing is said once: to talk is worth more than to know where one was. */
void state_save(struct chat *chat)
{
	static int said;
	struct buf path = { 0 }, b = { 0 };

	chat->save_at = INT64_MAX;
	if (chat->current != NULL)
		put_room(&b, chat->current);
	for (const struct room *r = chat->rooms; r != NULL; r = r->next)
		if (r != chat->current)
			put_room(&b, r);
	if (make_path(chat, &path) == 0 && !b.err && replace(&path, &b) == -1 && !said++)
		chat_note(chat, "%s: %s", path.p, strerror(errno));
	buf_free(&path);
	buf_free(&b);
}
