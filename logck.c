/* logck.c: verifies logs, and the logs against the journal.
 *
 * Works beside running servers: it holds the lock while it takes the sizes of
 * the logs and compares the journal, not while it reads the logs. */
#include "disk.h"
#include "entry.h"
#include "journal.h"
#include "limits.h"
#include "log.h"
#include "name.h"
#include "topics.h"
#include "util.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct checked_log {
	struct topic topic;     /* its name is a must_copy() */
	uint64_t size;          /* when the lock was held */
	uint64_t lines;
	uint64_t errors;        /* how many were found */
	char first[160];        /* the first one */
};

struct check {
	struct disk *disk;
	const char *path;
	struct checked_log *log;
	size_t n, cap;
	enum topic_kind listing;
	size_t quarantined;     /* files with bytes that were cut off logs */
	struct log_reader reader;
	struct buf name;
	int quiet, bad;
};

static void usage(FILE *to)
{
	(void)fprintf(to,
	    "usage: %s [-q] [DIRECTORY | LOG]...\n"
	    "  -q            print only what is wrong\n"
	    "  -h, -V        this help; the version\n"
	    "Verifies every line of every log in a directory (data), and that\n"
	    "the logs have what its journal has. Exit code 1 if anything is\n"
	    "wrong.\n", program());
}

__attribute__((format(printf, 2, 3)))
static void add_error(struct checked_log *l, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (l->errors++ == 0)   /* truncated it still says enough */
		(void)vsnprintf(l->first, sizeof l->first, fmt, ap);
	va_end(ap);
}

/* ---- which logs there are ---- */

static struct checked_log *add_log(struct check *c, enum topic_kind kind,
    struct str name)
{
	struct topic topic = { .kind = kind, .name = must_copy(name) };

	c->log = must_array_room(c->log, c->n, &c->cap, sizeof *c->log);
	c->log[c->n] = (struct checked_log){ .topic = topic };
	return &c->log[c->n++];
}

static int add_log_file(void *ctx, const char *file)
{
	struct check *c = ctx;

	buf_clear(&c->name);
	if (name_from_file(&c->name, file) == 0)
		(void)add_log(c, c->listing, buf_str(&c->name));
	else if (strstr(file, ".log.damaged-") != NULL)
		c->quarantined++;
	return 0;
}

static int by_topic(const void *a, const void *b)
{
	const struct topic *x = &((const struct checked_log *)a)->topic;
	const struct topic *y = &((const struct checked_log *)b)->topic;

	if (x->kind != y->kind)
		return (int)x->kind - (int)y->kind;
	return strcmp(x->name.p, y->name.p);
}

static void sort_logs(struct check *c)
{
	if (c->n > 0)
		qsort(c->log, c->n, sizeof *c->log, by_topic);
}

static int open_log_file(struct check *c, const struct checked_log *l)
{
	const char *file = topic_file(&l->topic, &c->name);

	return c->disk->open(c->disk, topic_dir(&l->topic), file, 0);
}

static void take_size(struct check *c, struct checked_log *l)
{
	int fd = open_log_file(c, l);

	if (fd == -1 || c->disk->size(c->disk, fd, &l->size) == -1)
		add_error(l, "%s", strerror(errno));
	if (fd != -1)
		c->disk->close(c->disk, fd);
}

static void list_directory(struct check *c, enum topic_kind kind,
    enum disk_dir dir, const char *name)
{
	c->listing = kind;
	if (c->disk->list(c->disk, dir, add_log_file, c) == -1)
		die(EXIT_IO, "%s%s:", c->path, name);
}

static void list_logs(struct check *c)
{
	list_directory(c, TOPIC_EVENTS, DISK_ROOT, "");
	list_directory(c, TOPIC_CHANNEL, DISK_CHANNELS, "/channels");
	list_directory(c, TOPIC_USER, DISK_USERS, "/users");
	sort_logs(c);
	for (size_t i = 0; i < c->n; i++)
		take_size(c, &c->log[i]);
}

/* ---- the journal ---- */

static struct checked_log *find_log(struct check *c, const struct entry *entry)
{
	char name[NAME_BYTES_MAX + 1] = { 0 };
	struct checked_log key = { .topic = { .kind = entry->kind,
	    .name = { name, entry->name.n } } };

	if (c->n == 0 || entry->name.n > NAME_BYTES_MAX)
		return NULL;
	memcpy(name, entry->name.p, entry->name.n);
	return bsearch(&key, c->log, c->n, sizeof *c->log, by_topic);
}

/* The seq of the first line of an entry that the log does not have. */
static uint64_t first_difference(struct str lines, const char *have, size_t n)
{
	uint64_t seq = line_seq(lines);

	for (size_t i = 0; i < lines.n && i < n && lines.p[i] == have[i]; i++)
		seq += lines.p[i] == '\n';
	return seq;
}

/* The log must have an entry's bytes where the journal says. */
static void compare_entry(struct check *c, struct checked_log *l,
    const struct entry *entry)
{
	struct str lines = entry->lines;
	struct buf have = { 0 };
	char *to = buf_room(&have, lines.n + 1);
	int fd = open_log_file(c, l);
	ssize_t got = -1;

	if (to == NULL)
		die(EXIT_FAILED, "%zu bytes: out of memory", lines.n);
	if (fd != -1) {
		got = disk_read_full(c->disk, fd, to, lines.n, entry->offset);
		c->disk->close(c->disk, fd);
	}
	if (got == -1)
		add_error(l, "%s", strerror(errno));
	else if ((size_t)got < lines.n || memcmp(to, lines.p, lines.n) != 0)
		add_error(l, "line %" PRIu64 ": differs from the journal",
		    first_difference(lines, to, (size_t)got));
	buf_free(&have);
}

static int compare_batch(void *ctx, const struct batch *b)
{
	struct check *c = ctx;
	struct str rest = b->payload;
	struct entry entry;
	int more;

	while ((more = entry_take(&rest, &entry)) == 1) {
		struct checked_log *l = find_log(c, &entry);

		if (l == NULL) {
			l = add_log(c, entry.kind, entry.name);
			add_error(l, "the file is missing, the journal has it");
			sort_logs(c);
		} else if (entry.lines.n > 0 && l->errors == 0) {
			compare_entry(c, l, &entry);
		}
	}
	if (more == -1) {
		warn("%s/journal: batch at %" PRIu64 ": cannot be read",
		    c->path, b->at);
		c->bad = 1;
	}
	return 0;
}

/* Sizes and journal belong together: no server may write in between. A
 * directory that no server has used does not have a lock. */
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
		c->disk->close(c->disk, fd);    /* releases the lock */
}

/* ---- the lines ---- */

static void check_line(struct checked_log *l, const struct line *line,
    const char *why, int64_t *ms)
{
	uint64_t number = ++l->lines;

	if (why != NULL) {
		add_error(l, "line %" PRIu64 ": %s", number, why);
		return;
	}
	if (line->seq != number)
		add_error(l, "line %" PRIu64 ": its seq is %" PRIu64, number,
		    line->seq);
	if (line->ms < *ms)
		add_error(l, "line %" PRIu64
		    ": its time is before that of the line above", number);
	*ms = line->ms;
}

static void check_lines(struct check *c, struct checked_log *l)
{
	const char *why = NULL;
	struct line line = { 0 };
	int64_t ms = 0;
	int fd = open_log_file(c, l), more;

	if (fd == -1) {
		add_error(l, "%s", strerror(errno));
		return;
	}
	log_start(&c->reader, c->disk, fd, 0, l->size);
	while ((more = log_next_line(&c->reader, &line, &why)) == 1)
		check_line(l, &line, why, &ms);
	if (more == -1)
		add_error(l, "%s", strerror(errno));
	c->disk->close(c->disk, fd);
}

static void print_log(struct check *c, const struct checked_log *l,
    const char *path)
{
	if (l->errors > 0)
		c->bad = 1;
	if (l->errors > 1)
		(void)printf("%s: %s (and %" PRIu64 " more)\n", path, l->first,
		    l->errors - 1);
	else if (l->errors == 1)
		(void)printf("%s: %s\n", path, l->first);
	else if (!c->quiet)
		(void)printf("%s: ok, %" PRIu64 " lines\n", path, l->lines);
}

/* ---- what to check ---- */

static void begin_check(struct check *c, const char *path)
{
	c->path = path;
	c->disk = disk_posix(path, 0);
	if (c->disk == NULL)
		die(EXIT_IO, "%s:", path);
}

static void end_check(struct check *c)
{
	for (size_t i = 0; i < c->n; i++)
		str_free(c->log[i].topic.name);
	c->n = c->quarantined = 0;
	c->disk->free(c->disk);
}

static void check_directory(struct check *c, const char *path)
{
	struct buf name = { 0 };

	begin_check(c, path);
	check_journal(c);
	for (size_t i = 0; i < c->n; i++) {
		check_lines(c, &c->log[i]);
		print_log(c, &c->log[i], topic_path(&c->log[i].topic, &name));
	}
	if (c->quarantined > 0 && !c->quiet)
		(void)printf("%zu files have quarantined bytes (*.damaged-*)\n",
		    c->quarantined);
	if (c->n == 0 && !c->quiet)
		(void)printf("%s: no logs\n", path);
	buf_free(&name);
	end_check(c);
}

static void check_file(struct check *c, const char *path)
{
	struct buf directory = { 0 };
	const char *slash = strrchr(path, '/');
	const char *file = slash != NULL ? slash + 1 : path;
	struct checked_log *l;

	buf_puts(&directory, ".");
	if (slash != NULL) {
		buf_clear(&directory);
		buf_add(&directory, path, (size_t)(slash - path) + 1);
	}
	buf_putc(&directory, '\0');
	buf_clear(&c->name);
	if (directory.err || name_from_file(&c->name, file) == -1)
		die(EXIT_USAGE, "%s: not the name of a log", path);
	begin_check(c, directory.p);
	/* The kind of topic that is in the root. */
	l = add_log(c, TOPIC_EVENTS, buf_str(&c->name));
	take_size(c, l);
	check_lines(c, l);
	print_log(c, l, path);
	end_check(c);
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
	int letter;

	set_program(argv[0]);
	while ((letter = getopt(argc, argv, "qhV")) != -1) {
		if (letter != 'q')
			option_common(letter, usage);
		c.quiet = 1;
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
