/* logck.c: verifies logs, and the logs against the journal; copies a data
 * directory; drops a channel.
 *
 * Verifying and copying work beside running servers; see snapshot.h. */
#include "backup.h"
#include "disk.h"
#include "entry.h"
#include "journal.h"
#include "limits.h"
#include "log.h"
#include "name.h"
#include "snapshot.h"
#include "store.h"
#include "util.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Descriptors for logs, where the store is opened. */
#define LOGS_OPEN 16
/* A copy made while servers write can lack a log, some lines of one, or the
 * end of its last line. */
#define IF_COPY "; if this is a copy: copy again, with -b"

struct checked_log {
	enum disk_dir dir;
	struct str file;        /* its name, a must_copy() */
	uint64_t size;          /* at the moment of the snapshot */
	int missing;            /* the journal has it, the directory does not */
	int dropped;            /* its channel was, after its last entry */
	/* What the journal has of it: the position of the last entry; where the
	 * entries lead without a gap, and the end of its last whole line if
	 * that is further than the log goes; how many lines it lacks. */
	uint64_t last_at, reach, whole, lacks;
	int gap;
	uint64_t lines;
	uint64_t errors;        /* how many were found */
	char first[160];        /* the first one */
};

struct check {
	struct disk *disk;
	const char *path;
	struct snapshot snapshot;
	struct checked_log *log;
	size_t n, cap;
	/* Files with bytes that were cut off logs; of dropped channels. */
	size_t quarantined, dropped;
	/* Of the last directory. */
	size_t logs;
	uint64_t lines;
	struct log_reader reader;
	struct buf name;
	int quiet, bad;
};

static void usage(FILE *to)
{
	(void)fprintf(to,
	    "usage: %s [-q] [DIRECTORY | LOG]...\n"
	    "       %s -b BACKUP [DIRECTORY]\n"
	    "       %s -d CHANNEL [DIRECTORY]\n"
	    "  -b BACKUP     copy the directory, beside running servers\n"
	    "  -d CHANNEL    drop this channel, while no server runs\n"
	    "  -q            print only what is wrong\n"
	    "  -h, -V        this help; the version\n"
	    "Verifies every line of every log in a directory (data), and that\n"
	    "the logs have what its journal has. Exit code 1 if anything is\n"
	    "wrong. A backup is verified, too.\n",
	    program(), program(), program());
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

static struct checked_log *add_log(struct check *c, enum disk_dir dir,
    struct str file)
{
	c->log = must_array_room(c->log, c->n, &c->cap, sizeof *c->log);
	c->log[c->n] = (struct checked_log){ .dir = dir,
	    .file = must_copy(file) };
	return &c->log[c->n++];
}

static int by_file(const void *a, const void *b)
{
	const struct checked_log *x = a, *y = b;

	if (x->dir != y->dir)
		return (int)x->dir - (int)y->dir;
	return strcmp(x->file.p, y->file.p);
}

static void add_log_file(struct check *c, const struct snapshot_file *f)
{
	struct checked_log *l;

	if (f->error == ENOENT)
		return;
	buf_clear(&c->name);
	if (name_from_file(&c->name, f->name.p) == 0) {
		l = add_log(c, f->dir, f->name);
		l->size = l->reach = l->whole = f->size;
		if (f->error != 0)
			add_error(l, "%s", strerror(f->error));
	} else if (f->dir == DISK_CHANNELS &&
	    name_from_dropped(&c->name, f->name.p) == 0) {
		c->dropped++;
	} else if (strstr(f->name.p, ".log.damaged-") != NULL) {
		c->quarantined++;
	}
}

static int open_log_file(struct check *c, const struct checked_log *l)
{
	return c->disk->open(c->disk, l->dir, l->file.p, 0);
}

/* ---- the journal ---- */

static struct checked_log *find_log(struct check *c, enum disk_dir dir,
    struct str file)
{
	struct checked_log key = { .dir = dir, .file = file };

	if (c->n == 0)
		return NULL;
	return bsearch(&key, c->log, c->n, sizeof *c->log, by_file);
}

/* A log that only the journal knows. */
static struct checked_log *add_missing(struct check *c, enum disk_dir dir,
    struct str file)
{
	add_log(c, dir, file)->missing = 1;
	qsort(c->log, c->n, sizeof *c->log, by_file);
	return find_log(c, dir, file);
}

static struct checked_log *log_of_entry(struct check *c,
    const struct entry *entry)
{
	struct topic topic = { .kind = entry->kind, .name = entry->name };
	enum disk_dir dir = topic_dir(&topic);
	struct str file = str_of(topic_file(&topic, &c->name));
	struct checked_log *l;

	if (c->name.err)
		die(EXIT_FAILED, "out of memory");
	l = find_log(c, dir, file);
	return l != NULL ? l : add_missing(c, dir, file);
}

/* How many of these bytes the log has at an offset. -1: it cannot be read. */
static ssize_t same_bytes(struct check *c, int fd, struct str bytes,
    uint64_t offset)
{
	char chunk[16 * 1024];
	size_t done = 0;

	while (done < bytes.n) {
		size_t left = bytes.n - done, i = 0;
		ssize_t got = disk_read_full(c->disk, fd, chunk,
		    left < sizeof chunk ? left : sizeof chunk, offset + done);

		if (got == -1)
			return -1;
		while (i < (size_t)got && chunk[i] == bytes.p[done + i])
			i++;
		done += i;
		if (i < sizeof chunk)
			break;
	}
	return (ssize_t)done;
}

static uint64_t count_lines(struct str text)
{
	uint64_t n = 0;

	for (size_t i = 0; i < text.n; i++)
		n += text.p[i] == '\n';
	return n;
}

/* The log must have these bytes of an entry where the journal says. */
static void compare_bytes(struct check *c, struct checked_log *l,
    struct str bytes, uint64_t offset)
{
	int fd = open_log_file(c, l);
	ssize_t same = fd != -1 ? same_bytes(c, fd, bytes, offset) : -1;

	if (same == -1)
		add_error(l, "%s", strerror(errno));
	else if ((size_t)same < bytes.n)
		add_error(l, "line %" PRIu64 ": differs from the journal",
		    line_seq(bytes) + count_lines((struct str){ bytes.p,
		    (size_t)same }));
	if (fd != -1)
		c->disk->close(c->disk, fd);
}

/* The log has only `have` bytes of an entry. Half a line is as good as none. */
static void note_lack(struct checked_log *l, const struct entry *entry,
    size_t have)
{
	struct str rest = entry->lines;

	while (have > 0 && rest.p[have - 1] != '\n')
		have--;
	l->gap |= entry->offset > l->reach;
	if (l->lacks == 0 && entry->offset + have < l->whole)
		l->whole = entry->offset + have;
	str_skip(&rest, have);
	l->lacks += count_lines(rest);
	l->reach = entry->offset + entry->lines.n;
}

static void compare_entry(struct check *c, struct checked_log *l,
    const struct entry *entry)
{
	struct str have = entry->lines;

	if (entry->offset == 0) {       /* older entries were another file's */
		l->dropped = 0;
		l->errors = l->lacks = 0;
		l->reach = l->whole = l->size;
		l->gap = 0;
	}
	if (entry->offset > l->size)
		have.n = 0;
	else if (l->size - entry->offset < have.n)
		have.n = (size_t)(l->size - entry->offset);
	if (have.n > 0 && l->errors == 0)
		compare_bytes(c, l, have, entry->offset);
	if (have.n < entry->lines.n)
		note_lack(l, entry, have.n);
}

/* The file that a dropped channel's log became may be removed, too. */
static void note_drops(struct check *c, struct str events)
{
	struct line line;

	while (events.n > 0) {
		struct topic topic = { .kind = TOPIC_CHANNEL };
		struct checked_log *l;

		if (line_decode(str_take(&events, '\n'), &line,
		    &c->reader.scratch) != NULL ||
		    !str_is(line.message, EVENT_DROPPED))
			continue;
		topic.name = line.user;
		l = find_log(c, DISK_CHANNELS,
		    str_of(topic_file(&topic, &c->name)));
		if (l != NULL)
			l->dropped = 1;
	}
}

static int compare_batch(void *ctx, const struct batch *b)
{
	struct check *c = ctx;
	struct str rest = b->payload;
	struct entry entry;
	int more;

	while ((more = entry_take(&rest, &entry)) == 1) {
		struct checked_log *l = log_of_entry(c, &entry);

		l->last_at = b->at;
		if (entry.lines.n > 0)
			compare_entry(c, l, &entry);
		if (entry.kind == TOPIC_EVENTS)
			note_drops(c, entry.lines);
	}
	if (more == -1) {
		warn("%s/journal: batch at %" PRIu64 ": cannot be read",
		    c->path, b->at);
		c->bad = 1;
	}
	return 0;
}

static void check_journal(struct check *c)
{
	if (snapshot_take(&c->snapshot, c->disk) != 0)
		die(EXIT_IO, "%s:", c->path);
	for (size_t i = 0; i < c->snapshot.n; i++)
		add_log_file(c, &c->snapshot.file[i]);
	if (c->n > 0)
		qsort(c->log, c->n, sizeof *c->log, by_file);
	if (journal_replay(c->snapshot.journal, 0, compare_batch, c) != 0)
		die(EXIT_IO, "%s/journal:", c->path);
}

/* ---- the lines ---- */

static void check_line(struct checked_log *l, const struct line *line,
    int64_t *ms)
{
	uint64_t number = l->lines;

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
	log_start(&c->reader, c->disk, fd, 0, l->whole);
	while ((more = log_next_line(&c->reader, &line, &why)) == 1) {
		l->lines++;
		if (why == NULL)
			check_line(l, &line, &ms);
		else
			add_error(l, "line %" PRIu64 ": %s%s", l->lines, why,
			    c->reader.whole ? "" : IF_COPY);
	}
	if (more == -1)
		add_error(l, "%s", strerror(errno));
	c->disk->close(c->disk, fd);
}

/* The next start writes again what a log got after the last checkpoint, and
 * with it what it lacks from before. */
static void check_end(struct check *c, struct checked_log *l)
{
	int redone = l->last_at >= journal_checkpointed(c->snapshot.journal);

	if (l->missing && !redone)
		add_error(l, "the file is missing, the journal has it" IF_COPY);
	else if (l->lacks > 0 && (l->gap || !redone))
		add_error(l, "line %" PRIu64
		    ": missing, and not the last one" IF_COPY, l->lines + 1);
}

/* What the journal has of a dropped channel need not be there any more. */
static int log_was_dropped(struct check *c, const struct checked_log *l)
{
	struct buf prefix = { 0 };
	int there;

	if (!l->missing || l->dir != DISK_CHANNELS)
		return 0;
	buf_puts(&prefix, l->file.p);
	buf_puts(&prefix, NAME_DROPPED);
	buf_putc(&prefix, '\0');
	if (prefix.err)
		die(EXIT_FAILED, "out of memory");
	there = snapshot_find_prefix(&c->snapshot, l->dir, prefix.p) != NULL;
	buf_free(&prefix);
	return there || l->dropped;
}

static void check_log(struct check *c, struct checked_log *l)
{
	if (!l->missing)
		check_lines(c, l);
	check_end(c, l);
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
	else if (!c->quiet && l->lacks > 0)
		(void)printf("%s: ok, %" PRIu64 " lines, the next start adds %"
		    PRIu64 "\n", path, l->lines, l->lacks);
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
		str_free(c->log[i].file);
	c->n = c->quarantined = c->dropped = 0;
	c->disk->free(c->disk);
}

static void print_totals(const struct check *c)
{
	if (c->quarantined > 0)
		(void)printf("%zu files have quarantined bytes (*.damaged-*)\n",
		    c->quarantined);
	if (c->dropped > 0)
		(void)printf("%zu channels were dropped (*.dropped-*)\n",
		    c->dropped);
	if (c->n == 0)
		(void)printf("%s: no logs\n", c->path);
}

static void check_directory(struct check *c, const char *path)
{
	begin_check(c, path);
	check_journal(c);
	c->logs = 0;
	c->lines = 0;
	for (size_t i = 0; i < c->n; i++) {
		struct checked_log *l = &c->log[i];

		if (log_was_dropped(c, l))
			continue;
		check_log(c, l);
		buf_clear(&c->name);
		buf_puts(&c->name, snapshot_prefix(l->dir));
		buf_str_add(&c->name, l->file);
		buf_putc(&c->name, '\0');
		print_log(c, l, c->name.err ? "?" : c->name.p);
		c->logs++;
		c->lines += l->lines + l->lacks;
	}
	if (!c->quiet)
		print_totals(c);
	snapshot_free(&c->snapshot);
	end_check(c);
}

static void take_size(struct check *c, struct checked_log *l)
{
	int fd = open_log_file(c, l);

	if (fd != -1 && c->disk->size(c->disk, fd, &l->whole) == -1)
		add_error(l, "%s", strerror(errno));
	if (fd != -1)
		c->disk->close(c->disk, fd);
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
	l = add_log(c, DISK_ROOT, str_of(file));
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

/* ---- copying, dropping ---- */

static void copy_directory(struct check *c, const char *to, const char *from)
{
	const char *copy = backup_make(from, to);
	int quiet = c->quiet;
	size_t logs;

	c->quiet = 1;
	check_directory(c, copy);
	logs = c->logs;
	if (backup_keep() == -1)
		c->bad = 1;
	if (c->bad)
		warn("%s: made, but something is wrong with it: see above", to);
	else if (!quiet)
		(void)printf("%s: ok, %zu logs, %" PRIu64 " lines\n", to, logs,
		    c->lines);
}

/* As root: servers must be able to use the files that this makes. */
static void act_as_owner(const char *path)
{
	struct stat st;

	if (geteuid() != 0 || stat(path, &st) == -1)
		return;
	if (setegid(st.st_gid) == -1 || seteuid(st.st_uid) == -1)
		die(EXIT_IO, "%s: cannot act as its owner:", path);
}

/* A directory that a server has used, and none uses now. */
static struct disk *open_alone(const char *path)
{
	struct disk *disk = disk_posix(path, 0);
	int fd = disk != NULL ? disk->open(disk, DISK_ROOT, "lock", 0) : -1;

	if (fd == -1)
		die(EXIT_IO, "%s%s:", path, disk != NULL ? "/lock" : "");
	disk->close(disk, fd);
	disk->free(disk);
	act_as_owner(path);
	disk = disk_posix(path, 1);
	if (disk == NULL)
		die(EXIT_IO, "%s:", path);
	if (disk_alone(disk) == 0)
		return disk;
	if (errno == EAGAIN)
		die(EXIT_FAILED, "%s: in use: stop its servers first", path);
	die(EXIT_IO, "%s/lock:", path);
}

static void drop_from_store(struct store *s, const char *path,
    const char *channel)
{
	struct str name = str_of(channel);
	int r = store_begin(s);

	if (r != 0)
		die(EXIT_IO, "%s:", path);
	if (!store_has(s, TOPIC_CHANNEL, name))
		die(EXIT_FAILED, store_has(s, TOPIC_DROPPED, name) ?
		    "%s: channel %s: was dropped before" :
		    "%s: channel %s: does not exist", path, channel);
	r = store_drop(s, name);
	if (r != 0)
		die(EXIT_IO, r == STORE_BROKEN ? "%s: %s: sync:" : "%s: %s:",
		    path, channel);
	store_end(s);
}

static void drop(const struct check *c, const char *channel,
    const char *path)
{
	struct disk *disk;
	struct store *s;

	if (!name_ok(str_of(channel)))
		die(EXIT_USAGE, "-d: not a name: " NAME_RULE);
	disk = open_alone(path);
	if (store_open(&s, disk, LOGS_OPEN) != 0)
		die(EXIT_IO, "%s:", path);
	drop_from_store(s, path, channel);
	store_close(s);
	disk->free(disk);
	if (!c->quiet)
		(void)printf("%s: dropped, and its name is used up; its log is "
		    "kept as *" NAME_DROPPED "*\n", channel);
}

/* ---- the command line ---- */

struct options {
	const char *backup, *channel;
	int quiet;
};

static struct options options(int argc, char **argv)
{
	struct options o = { 0 };
	int letter;

	while ((letter = getopt(argc, argv, "b:d:qhV")) != -1)
		switch (letter) {
		case 'b': o.backup = optarg; break;
		case 'd': o.channel = optarg; break;
		case 'q': o.quiet = 1; break;
		default: option_common(letter, usage);
		}
	if (o.backup != NULL && o.channel != NULL)
		die(EXIT_USAGE, "-b and -d: one at a time");
	if ((o.backup != NULL || o.channel != NULL) && argc - optind > 1)
		die(EXIT_USAGE, "%s: too many directories", argv[optind + 1]);
	if (o.backup != NULL && *o.backup == '\0')
		die(EXIT_USAGE, "-b: no name");
	return o;
}

int main(int argc, char **argv)
{
	struct check c = { 0 };
	struct options o;
	const char *path;

	set_program(argv[0]);
	o = options(argc, argv);
	c.quiet = o.quiet;
	path = optind < argc ? argv[optind++] : "data";
	if (o.backup != NULL)
		copy_directory(&c, o.backup, path);
	else if (o.channel != NULL)
		drop(&c, o.channel, path);
	else
		check_path(&c, path);
	while (optind < argc)
		check_path(&c, argv[optind++]);
	if (fflush(stdout) == EOF)
		die(EXIT_IO, "stdout:");
	free(c.log);
	buf_free(&c.name);
	log_free(&c.reader);
	return c.bad ? EXIT_FAILED : 0;
}
