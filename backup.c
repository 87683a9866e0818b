/* backup.c: see backup.h. */
#include "backup.h"

#include "disk.h"
#include "snapshot.h"
#include "util.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Copied at a time. */
#define CHUNK_BYTES ((size_t)256 * 1024)

/* The one backup that is being made. */
static struct {
	const char *path;               /* from where */
	struct snapshot from;
	struct disk *to;
	struct buf name, partial;       /* terminated paths */
	char *chunk;
	int skipped, kept;
} backup;

/* ---- the directory it is made in ---- */

/* The lock stays: others may have it open. */
static int remove_listed(void *ctx, const char *name)
{
	const enum disk_dir *dir = ctx;

	if (strcmp(name, "lock") != 0)
		(void)backup.to->unlink(backup.to, *dir, name);
	return 0;
}

/* If this fails, the next backup of this name tries again. */
static void remove_files(void)
{
	for (int i = DISK_ROOT; i < DISK_DIRS; i++) {
		enum disk_dir dir = (enum disk_dir)i;

		(void)backup.to->list(backup.to, dir, remove_listed, &dir);
	}
}

/* What is not copied but made. */
static void for_each_made(void (*each)(const char *path))
{
	static const char *const sub[] = {
		"/lock", "/channels", "/users", "/journal", ""
	};
	size_t n = backup.partial.n - 1;        /* over the NUL */

	for (size_t i = 0; i < sizeof sub / sizeof *sub; i++) {
		backup.partial.n = n;
		buf_puts(&backup.partial, sub[i]);
		buf_putc(&backup.partial, '\0');
		if (!backup.partial.err)
			each(backup.partial.p);
	}
}

static void remove_made(const char *path)
{
	(void)remove(path);     /* see remove_files() */
}

/* However the program ends: half a backup must not stay. */
static void remove_partial(void)
{
	if (backup.kept || backup.to == NULL)
		return;
	remove_files();
	for_each_made(remove_made);
}

static void put_paths(const char *to)
{
	size_t n = strlen(to);

	while (n > 1 && to[n - 1] == '/')
		n--;
	buf_add(&backup.name, to, n);
	buf_putc(&backup.name, '\0');
	buf_add(&backup.partial, to, n);
	buf_puts(&backup.partial, ".partial");
	buf_putc(&backup.partial, '\0');
	if (backup.name.err || backup.partial.err)
		die(EXIT_FAILED, "out of memory");
}

/* 1: the directory that is to be copied. */
static int is_source(const struct stat *st)
{
	struct stat source;

	return stat(backup.path, &source) == 0 &&
	    source.st_dev == st->st_dev && source.st_ino == st->st_ino;
}

/* What no backup has made is not emptied. */
static void check_partial(const char *path)
{
	struct buf lock = { 0 };
	struct stat st;

	if (lstat(path, &st) == -1)
		return;
	buf_printf(&lock, "%s/lock", path);
	buf_putc(&lock, '\0');
	if (lock.err || !S_ISDIR(st.st_mode) || is_source(&st) ||
	    lstat(lock.p, &st) == -1)
		die(EXIT_IO, "%s: not left by a backup: rename it", path);
	buf_free(&lock);
}

/* What an earlier backup has left there, killed or without power, is
 * removed. */
static void open_partial(void)
{
	const char *path = backup.partial.p;
	struct disk *to;

	check_partial(path);
	to = disk_posix(path, 1);
	if (to == NULL)
		die(EXIT_IO, "%s:", path);
	if (disk_alone(to) == -1 && errno == EAGAIN)
		die(EXIT_IO, "%s: another backup is being made there", path);
	backup.to = to;
	remove_files();
	if (atexit(remove_partial) != 0)
		die(EXIT_FAILED, "atexit: out of memory");
}

/* ---- copying ---- */

static _Noreturn void die_of_file(const char *path, enum disk_dir dir,
    const char *name)
{
	die(EXIT_IO, "%s/%s%s:", path, snapshot_prefix(dir), name);
}

/* As root: servers must be able to use what is restored. */
static void copy_owner(int from_fd, int to_fd)
{
	struct stat st;

	if (geteuid() == 0 && fstat(from_fd, &st) == 0 &&
	    fchown(to_fd, st.st_uid, st.st_gid) == -1)
		return;         /* the file system does not have owners */
}

static void copy_part(int from_fd, int to_fd, enum disk_dir dir,
    const char *name, uint64_t bytes)
{
	for (uint64_t at = 0; at < bytes; ) {
		size_t n = CHUNK_BYTES;
		ssize_t got;

		if (bytes - at < n)
			n = (size_t)(bytes - at);
		got = disk_read_full(backup.from.disk, from_fd, backup.chunk,
		    n, at);
		if (got == 0)
			die(EXIT_IO, "%s/%s%s: became shorter: try again",
			    backup.path, snapshot_prefix(dir), name);
		if (got == -1)
			die_of_file(backup.path, dir, name);
		if (disk_write_full(backup.to, to_fd, backup.chunk, (size_t)got,
		    at) == -1)
			die_of_file(backup.partial.p, dir, name);
		at += (uint64_t)got;
	}
}

/* Only as far as it went at the moment of the snapshot. */
static void copy_file(int from_fd, enum disk_dir dir, const char *name,
    uint64_t bytes)
{
	int to_fd = backup.to->open(backup.to, dir, name, 1);

	if (to_fd == -1)
		die_of_file(backup.partial.p, dir, name);
	copy_owner(from_fd, to_fd);
	copy_part(from_fd, to_fd, dir, name, bytes);
	backup.to->close(backup.to, to_fd);
}

static int copy_segment(void *ctx, const char *name, int fd, uint64_t bytes)
{
	(void)ctx;
	copy_file(fd, DISK_JOURNAL, name, bytes);
	return 0;
}

static int is_log(const struct snapshot_file *f)
{
	return strstr(f->name.p, ".log") != NULL;
}

/* What is no regular file is no part of the data; in the place of a log it is
 * told. */
static void copy_listed(const struct snapshot_file *f)
{
	struct disk *d = backup.from.disk;
	int fd;

	if (f->error == ENOENT)
		return;
	fd = d->open(d, f->dir, f->name.p, 0);
	/* Somebody drops its channel. */
	if (fd == -1 && errno == ENOENT)
		die(EXIT_IO, "%s/%s%s: removed meanwhile: try again",
		    backup.path, snapshot_prefix(f->dir), f->name.p);
	if (fd == -1 && is_log(f)) {
		warn("%s/%s%s: not copied:", backup.path,
		    snapshot_prefix(f->dir), f->name.p);
		backup.skipped = 1;
	}
	if (fd == -1)
		return;
	copy_file(fd, f->dir, f->name.p, f->size);
	d->close(d, fd);
}

/* ---- making it last ---- */

static int sync_file(enum disk_dir dir, const char *name)
{
	int fd = backup.to->open(backup.to, dir, name, 0), r;

	if (fd == -1)
		return -1;
	r = backup.to->sync(backup.to, fd);
	backup.to->close(backup.to, fd);
	return r;
}

static int sync_listed(void *ctx, const char *name)
{
	const enum disk_dir *dir = ctx;

	if (sync_file(*dir, name) == -1 && errno != EINVAL)
		return -1;      /* EINVAL: a directory */
	return 0;
}

/* One by one where the system cannot sync everything at once. */
static void sync_copy(void)
{
	int all = backup.to->sync_all(backup.to), r = 0;

	if (all == -1 && errno != ENOSYS)
		die(EXIT_IO, "%s:", backup.partial.p);
	for (int i = DISK_ROOT; i < DISK_DIRS && r == 0; i++) {
		enum disk_dir dir = (enum disk_dir)i;

		if (all == -1)
			r = backup.to->list(backup.to, dir, sync_listed, &dir);
		if (r == 0)
			r = backup.to->sync_dir(backup.to, dir);
	}
	if (r == -1)
		die(EXIT_IO, "%s:", backup.partial.p);
}

/* See copy_owner(). */
static void own_made(const char *path)
{
	struct stat st;

	if (geteuid() == 0 && stat(backup.path, &st) == 0 &&
	    chown(path, st.st_uid, st.st_gid) == -1)
		return;
}

/* Another directory, given by mistake, would make an empty backup. */
static void check_used(struct disk *disk, const char *path)
{
	int fd = disk->open(disk, DISK_ROOT, "lock", 0);

	if (fd == -1)
		die(EXIT_IO, "%s/lock:", path);
	disk->close(disk, fd);
}

static void open_source(const char *path)
{
	struct disk *disk = disk_posix(path, 0);

	if (disk == NULL)
		die(EXIT_IO, "%s:", path);
	check_used(disk, path);
	backup.path = path;
	if (snapshot_take(&backup.from, disk) != 0)
		die(EXIT_IO, "%s:", path);
}

static void check_target(void)
{
	struct stat st;

	if (lstat(backup.name.p, &st) == 0)
		die(EXIT_IO, "%s: exists already", backup.name.p);
	if (errno != ENOENT)
		die(EXIT_IO, "%s:", backup.name.p);
}

const char *backup_make(const char *from, const char *to)
{
	put_paths(to);
	check_target();
	backup.chunk = must_alloc(CHUNK_BYTES);
	open_source(from);
	open_partial();
	/* The journal first: others remove old segments. */
	if (journal_each_file(backup.from.journal, copy_segment, NULL) != 0)
		die(EXIT_IO, "%s/journal:", from);
	for (size_t i = 0; i < backup.from.n; i++)
		copy_listed(&backup.from.file[i]);
	for_each_made(own_made);
	sync_copy();
	return backup.partial.p;
}

int backup_keep(void)
{
	struct disk *from = backup.from.disk;

	check_target();
	if (rename(backup.partial.p, backup.name.p) == -1)
		die(EXIT_IO, "%s:", backup.name.p);
	backup.kept = 1;
	if (disk_sync_parent(backup.name.p) == -1)
		die(EXIT_IO, "%s: its name is not synced:", backup.name.p);
	snapshot_free(&backup.from);
	from->free(from);
	backup.to->free(backup.to);
	buf_free(&backup.name);
	buf_free(&backup.partial);
	free(backup.chunk);
	return backup.skipped ? -1 : 0;
}
