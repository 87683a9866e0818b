/* logck.c: verifies logs, and the logs against the journal.
 *
 * Works beside running servers: the lock is held while the sizes are taken and the journal is
 * compared, not while the logs are read. */
#include "disk.h"
#include "journal.h"
#include "limits.h"
#include "log.h"
#include "entry.h"
#include "name.h"
#include "util.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct log {
	struct topic topic;     /* its name in memory of its own */
	uint64_t size;          /* when the lock was held */
	uint64_t lines;
	uint64_t wrong;         /* how much is wrong with it */
	char first[160];        /* the first thing that is */
};

struct check {
	struct disk *disk;
	const char *path;
	struct log *log;
	size_t n, cap;
	enum topic_kind listing;
	size_t aside;           /* files with bytes that were cut from logs */
	struct log_reader reader;
	struct buf name;
	int quiet, bad;
};

static void usage(FILE *to)
{
	(void)fprintf(to,
	    "usage: %s [-q] [directory or log]...\n"
	    "  verifies every line of every log below a directory (data), and what its journal\n"
	    "  says of them; exit 1 when anything is wrong\n"
	    "  -q        say only what is wrong\n"
	    "  -h, -V    this text; the version\n", program());
}

__attribute__((format(printf, 2, 3)))
static void wrong(struct log *l, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (l->wrong++ == 0)
		(void)vsnprintf(l->first, sizeof l->first, fmt, ap);    /* cut, it still says enough */
	va_end(ap);
}

/* ---- which logs there are ---- */

static struct log *add_log(struct check *c, enum topic_kind kind, struct str name)
{
	char *copy = must_alloc(name.n + 1);

	if (c->n == c->cap) {
		c->cap = c->cap > 0 ? 2 * c->cap : 64;
		c->log = must_grow(c->log, c->cap, sizeof *c->log);
	}
	memcpy(copy, name.p, name.n);
	c->log[c->n] = (struct log){ .topic = { .kind = kind, .name = { copy, name.n } } };
	return &c->log[c->n++];
}

static int add_file(void *ctx, const char *file)
{
	struct check *c = ctx;

	buf_clear(&c->name);
	if (name_from_file(&c->name, file) == 0)
		(void)add_log(c, c->listing, buf_str(&c->name));
	else if (strstr(file, ".log.damaged-") != NULL)
		c->aside++;
	return 0;
}

static int by_topic(const void *a, const void *b)
{
	const struct topic *x = &((const struct log *)a)->topic, *y = &((const struct log *)b)->topic;

	return x->kind != y->kind ? (int)x->kind - (int)y->kind : strcmp(x->name.p, y->name.p);
}

static int open_log(struct check *c, struct log *l)
{
	return c->disk->open(c->disk, topic_dir(&l->topic), topic_file(&l->topic, &c->name), 0);
}

static void take_size(struct check *c, struct log *l)
{
	int fd = open_log(c, l);

	if (fd == -1 || c->disk->size(c->disk, fd, &l->size) == -1)
		wrong(l, "%s", strerror(errno));
	if (fd != -1)
		c->disk->close(c->disk, fd);
}

static void list_logs(struct check *c)
{
	c->listing = TOPIC_EVENTS;
	if (c->disk->list(c->disk, DISK_ROOT, add_file, c) == -1)
		die(EXIT_IO, "%s:", c->path);
	c->listing = TOPIC_CHANNEL;
	if (c->disk->list(c->disk, DISK_CHANNELS, add_file, c) == -1)
		die(EXIT_IO, "%s/channels:", c->path);
	c->listing = TOPIC_USER;
	if (c->disk->list(c->disk, DISK_USERS, add_file, c) == -1)
		die(EXIT_IO, "%s/users:", c->path);
	if (c->n > 0)
		qsort(c->log, c->n, sizeof *c->log, by_topic);
	for (size_t i = 0; i < c->n; i++)
		take_size(c, &c->log[i]);
}

/* ---- the journal ---- */

static struct log *find_log(struct check *c, const struct entry *entry)
{
	char name[NAME_BYTES_MAX + 1] = { 0 };
	struct log key = { .topic = { .kind = entry->kind, .name = { name, entry->name.n } } };

	if (c->n == 0 || entry->name.n > NAME_BYTES_MAX)
		return NULL;
	memcpy(name, entry->name.p, entry->name.n);
	return bsearch(&key, c->log, c->n, sizeof *c->log, by_topic);
}

/* The first line of an entry that the log does not have: its number. */
static uint64_t first_difference(struct str lines, const char *have, size_t n)
{
	uint64_t number = line_seq(lines);

	for (size_t i = 0; i < lines.n && i < n && lines.p[i] == have[i]; i++)
		number += lines.p[i] == '\n';
	return number;
}

/* An entry's bytes stand in the log where the journal says. */
static void compare(struct check *c, struct log *l, const struct entry *entry)
{
	struct buf have = { 0 };
	char *to = buf_room(&have, entry->lines.n + 1);
	int fd = open_log(c, l);
	ssize_t got = -1;

	if (to == NULL)
		die(EXIT_FAILED, "%zu bytes: out of memory", entry->lines.n);
	if (fd != -1) {
		got = disk_read_full(c->disk, fd, to, entry->lines.n, entry->offset);
		c->disk->close(c->disk, fd);
	}
	if (got == -1)
		wrong(l, "%s", strerror(errno));
	else if ((size_t)got < entry->lines.n || memcmp(to, entry->lines.p, entry->lines.n) != 0)
		wrong(l, "line %" PRIu64 ": not what the journal has",
		    first_difference(entry->lines, to, (size_t)got));
	buf_free(&have);
}

static int compare_batch(void *ctx, const struct batch *b)
{
	struct check *c = ctx;
	struct str rest = b->payload;
	struct entry entry;
	int more;

	while ((more = entry_take(&rest, &entry)) == 1) {
		struct log *l = find_log(c, &entry);

		if (l == NULL) {
			l = add_log(c, entry.kind, entry.name);
			wrong(l, "the journal has this log, the directory has not");
			qsort(c->log, c->n, sizeof *c->log, by_topic);
		} else if (entry.lines.n > 0 && l->wrong == 0) {
			compare(c, l, &entry);
		}
	}
	if (more == -1) {
		warn("%s/journal: batch at %" PRIu64 ": not readable", c->path, b->at);
		c->bad = 1;
	}
	return 0;
}

/* ---- the lines ---- */

static void check_line(struct log *l, const struct line *line, const char *why, int64_t *ms)
{
	uint64_t number = ++l->lines;

	if (why != NULL) {
		wrong(l, "line %" PRIu64 ": %s", number, why);
		return;
	}
	if (line->seq != number)
		wrong(l, "line %" PRIu64 ": its number is %" PRIu64, number, line->seq);
	if (line->ms < *ms)
		wrong(l, "line %" PRIu64 ": its time is before the one of the line above", number);
	*ms = line->ms;
}

static void check_lines(struct check *c, struct log *l)
{
	const char *why = NULL;
	struct line line = { 0 };
	int64_t ms = 0;
	int fd = open_log(c, l), more;

	if (fd == -1) {
		wrong(l, "%s", strerror(errno));
		return;
	}
	log_start(&c->reader, c->disk, fd, 0, l->size);
	while ((more = log_next_line(&c->reader, &line, &why)) == 1)
		check_line(l, &line, why, &ms);
	if (more == -1)
		wrong(l, "%s", strerror(errno));
	c->disk->close(c->disk, fd);
}

static void tell(struct check *c, struct log *l, const char *path)
{
	if (l->wrong > 0)
		c->bad = 1;
	if (l->wrong > 1)
		(void)printf("%s: %s (and %" PRIu64 " more)\n", path, l->first, l->wrong - 1);
	else if (l->wrong == 1)
		(void)printf("%s: %s\n", path, l->first);
	else if (!c->quiet)
		(void)printf("%s: ok, %" PRIu64 " lines\n", path, l->lines);
}

/* ---- what to check ---- */

static void open_disk(struct check *c, const char *path)
{
	c->path = path;
	c->disk = disk_posix(path, 0);
	if (c->disk == NULL)
		die(EXIT_IO, "%s:", path);
}

static void check_end(struct check *c)
{
	for (size_t i = 0; i < c->n; i++)
		free((char *)c->log[i].topic.name.p);   /* from add_log() */
	c->n = c->aside = 0;
	c->disk->free(c->disk);
}

/* Sizes and journal belong together: no server may write in between. A directory that no server has
 * used has no lock. */
static void check_journal(struct check *c)
{
	int fd = c->disk->open(c->disk, DISK_ROOT, "lock", 0);

	if (fd == -1 && errno != ENOENT)
		die(EXIT_IO, "%s/lock:", c->path);
	if (fd != -1 && c->disk->lock(c->disk, fd) == -1)
		die(EXIT_IO, "%s/lock:", c->path);
	list_logs(c);
	if (journal_scan(c->disk, compare_batch, c) != 0)
		die(EXIT_IO, "%s/journal:", c->path);
	if (fd != -1)
		c->disk->close(c->disk, fd);    /* and with it the lock */
}

static void check_directory(struct check *c, const char *path)
{
	struct buf name = { 0 };

	open_disk(c, path);
	check_journal(c);
	for (size_t i = 0; i < c->n; i++) {
		check_lines(c, &c->log[i]);
		tell(c, &c->log[i], topic_path(&c->log[i].topic, &name));
	}
	if (c->aside > 0 && !c->quiet)
		(void)printf("%zu files hold bytes that were set aside (*.damaged-*)\n", c->aside);
	if (c->n == 0 && !c->quiet)
		(void)printf("%s: no logs\n", path);
	buf_free(&name);
	check_end(c);
}

static void check_file(struct check *c, const char *path)
{
	struct buf directory = { 0 };
	const char *slash = strrchr(path, '/'), *file = slash ? slash + 1 : path;
	struct log *l;

	buf_add(&directory, slash ? path : ".", slash ? (size_t)(slash - path) + 1 : 1);
	buf_putc(&directory, '\0');
	buf_clear(&c->name);
	if (directory.err || name_from_file(&c->name, file) == -1)
		die(EXIT_USAGE, "%s: not the name of a log", path);
	open_disk(c, directory.p);
	l = add_log(c, TOPIC_EVENTS, buf_str(&c->name));        /* the kind of topic that lies in the root */
	take_size(c, l);
	check_lines(c, l);
	tell(c, l, path);
	check_end(c);
	buf_free(&directory);
}

static void check_path(struct check *c, const char *path)
{
	struct stat st;

	if (stat(path, &st) == -1)
		die(EXIT_IO, "%s:", path);
	if (S_ISDIR(st.st_mode))
		check_directory(c, path);
	else
		check_file(c, path);
}

int main(int argc, char **argv)
{
	struct check c = { 0 };
	int o;

	set_program(argv[0]);
	while ((o = getopt(argc, argv, "qhV")) != -1)
		switch (o) {
		case 'q': c.quiet = 1; break;
		case 'h': usage(stdout); return 0;
		case 'V': (void)printf("recado %s\n", RECADO_VERSION); return 0;
		default: usage(stderr); return EXIT_USAGE;
		}
	if (optind == argc)
		check_path(&c, "data");
	while (optind < argc)
		check_path(&c, argv[optind++]);
	if (fflush(stdout) == EOF)
		die(EXIT_IO, "stdout:");
	free(c.log);
	buf_free(&c.name);
	log_free(&c.reader);
	return c.bad ? EXIT_FAILED : 0;
}
