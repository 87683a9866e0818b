/* disk.c: see disk.h. The only file with calls beyond POSIX: syncfs and what
 * tells whether it works, and open file description locks, where the system has
 * them. */
#define _GNU_SOURCE     /* NOLINT(bugprone-reserved-identifier) */
#include "disk.h"

#include "util.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#ifdef __linux__
#include <linux/magic.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#endif

#ifdef F_OFD_SETLKW
#define LOCK_WAIT F_OFD_SETLKW
#define LOCK_SET  F_OFD_SETLK
#else   /* the process' locks are as good while it opens a directory once */
#define LOCK_WAIT F_SETLKW
#define LOCK_SET  F_SETLK
#endif

struct posix_disk {
	struct disk ops;        /* first, so that the two can be cast */
	int dir[DISK_DIRS];
	int use_fd;             /* DATA/lock, while it is in use; or -1 */
	int writable;
	int syncfs_works;
	int links_counted;      /* the system tells how many names a file has */
	dev_t device;           /* of the root */
};

static const char *const dir_name[DISK_DIRS] = {
	".", "channels", "users", "journal"
};

static int dir_of(struct disk *d, enum disk_dir dir)
{
	return ((struct posix_disk *)d)->dir[dir];
}

static int is_writable(struct disk *d)
{
	return ((struct posix_disk *)d)->writable;
}

/* ---- whether one syncfs syncs everything ---- */

#ifdef __linux__
/* Before 5.8 syncfs() says nothing of bytes that could not be written. */
static int kernel_reports(void)
{
	struct utsname u;
	int major = 0, minor = 0;

	if (uname(&u) == -1 || sscanf(u.release, "%d.%d", &major, &minor) != 2)
		return 0;
	return major > 5 || (major == 5 && minor >= 8);
}

/* On FUSE syncfs() returns 0 and syncs nothing, overlayfs does not pass the
 * errors of the file system below on, those of a network are up to a server:
 * only a file system that is known to keep the promise counts. */
static int is_known(int fd)
{
	static const uint32_t known[] = {
		EXT4_SUPER_MAGIC,       /* ext2 and ext3 too */
		XFS_SUPER_MAGIC, BTRFS_SUPER_MAGIC, F2FS_SUPER_MAGIC,
		TMPFS_MAGIC
	};
	struct statfs s;

	if (fstatfs(fd, &s) == -1)
		return 0;
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if ((uint32_t)s.f_type == known[i])
			return 1;
	return 0;
}

static int sync_root(int fd)
{
	return syncfs(fd);
}
#else   /* sync(2) reports nothing */
static int kernel_reports(void)
{
	return 0;
}

static int is_known(int fd)
{
	(void)fd;
	return 0;
}

static int sync_root(int fd)
{
	(void)fd;
	errno = ENOSYS;
	return -1;
}
#endif

/* A file or directory that was opened: it may be mounted there, and then
 * syncing the root's file system does not sync it. */
static void note_device(struct posix_disk *p, const struct stat *st)
{
	if (st->st_dev != p->device)
		p->syncfs_works = 0;
}

/* ---- the calls ---- */

/* Clients may ask for such a file again and again. Whoever looks on opens what
 * there is, directories too, and says itself what is wrong with that. Keeps
 * errno. */
static void report_kind(struct disk *d, enum disk_dir dir, const char *name,
    int e)
{
	static struct seldom seldom;
	const char *kind = e == ELOOP ? "a symbolic link" :
	    e == EISDIR ? "a directory" : "not a regular file";

	if (e == EISDIR && !is_writable(d)) {
		errno = e;
		return;
	}
	warn_seldom(&seldom, "%s%s%s: refused: %s",
	    dir == DISK_ROOT ? "" : dir_name[dir], dir == DISK_ROOT ? "" : "/",
	    name, kind);
	errno = e;
}

/* What cannot be opened: ENXIO is a socket or a FIFO. */
static int is_wrong_kind(int e)
{
	return e == ELOOP || e == EISDIR || e == ENXIO;
}

/* O_NONBLOCK: a FIFO in the place of a log must not hang the server. */
static int posix_open(struct disk *d, enum disk_dir dir, const char *name,
    int create)
{
	struct posix_disk *p = (struct posix_disk *)d;
	int flags = O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, fd;
	struct stat st;

	flags |= is_writable(d) ? O_RDWR : O_RDONLY;
	fd = openat(dir_of(d, dir), name, flags | (create ? O_CREAT : 0), 0640);
	if (fd == -1) {
		if (is_wrong_kind(errno))
			report_kind(d, dir, name, errno);
		return -1;
	}
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
		note_device(p, &st);
		if (st.st_nlink == 0)
			p->links_counted = 0;
		return fd;
	}
	(void)close(fd);        /* nothing was written to it */
	report_kind(d, dir, name, S_ISDIR(st.st_mode) ? EISDIR : EINVAL);
	return -1;
}

static void posix_close(struct disk *d, int fd)
{
	(void)d;
	/* What must last has been synced, or will be by another descriptor. */
	(void)close(fd);
}

static ssize_t posix_read(struct disk *d, int fd, void *p, size_t n,
    uint64_t at)
{
	(void)d;
	return pread(fd, p, n, (off_t)at);
}

static ssize_t posix_write(struct disk *d, int fd, const void *p, size_t n,
    uint64_t at)
{
	(void)d;
	return pwrite(fd, p, n, (off_t)at);
}

static int posix_size(struct disk *d, int fd, uint64_t *bytes)
{
	struct stat st;

	(void)d;
	if (fstat(fd, &st) == -1)
		return -1;
	*bytes = (uint64_t)st.st_size;
	return 0;
}

static int posix_links(struct disk *d, int fd, uint64_t *names)
{
	struct stat st;

	*names = 1;
	if (!((struct posix_disk *)d)->links_counted)
		return 0;
	if (fstat(fd, &st) == -1)
		return -1;
	*names = (uint64_t)st.st_nlink;
	return 0;
}

static int posix_is_named(struct disk *d, int fd, enum disk_dir dir,
    const char *name)
{
	struct stat open_one, named;

	if (fstat(fd, &open_one) == -1)
		return -1;
	if (fstatat(dir_of(d, dir), name, &named, AT_SYMLINK_NOFOLLOW) == -1)
		return errno == ENOENT ? 0 : -1;
	return open_one.st_ino == named.st_ino &&
	    open_one.st_dev == named.st_dev;
}

static int posix_truncate(struct disk *d, int fd, uint64_t bytes)
{
	(void)d;
	return ftruncate(fd, (off_t)bytes);
}

static int posix_sync(struct disk *d, int fd)
{
	(void)d;
	/* It includes the file's size, the only metadata that we need. */
	return fdatasync(fd);
}

static int posix_sync_dir(struct disk *d, enum disk_dir dir)
{
	return fsync(dir_of(d, dir));
}

static int posix_sync_all(struct disk *d)
{
	if (((struct posix_disk *)d)->syncfs_works)
		return sync_root(dir_of(d, DISK_ROOT));
	errno = ENOSYS;
	return -1;
}

static int posix_unlink(struct disk *d, enum disk_dir dir, const char *name)
{
	return unlinkat(dir_of(d, dir), name, 0);
}

static int posix_rename(struct disk *d, enum disk_dir dir, const char *from,
    const char *to)
{
	return renameat(dir_of(d, dir), from, dir_of(d, dir), to);
}

/* Not dup(): a listing must begin at the start, and duplicates share their
 * position. */
static DIR *open_stream(int dir)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stream = fd == -1 ? NULL : fdopendir(fd);

	if (stream == NULL && fd != -1)
		(void)close(fd);        /* nothing was read */
	return stream;
}

static int is_dots(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static int posix_list(struct disk *d, enum disk_dir dir, disk_name_fn *each,
    void *ctx)
{
	DIR *stream = open_stream(dir_of(d, dir));
	struct dirent *e;
	int r = 0, saved;

	if (stream == NULL)
		return dir_of(d, dir) == -1 ? 0 : -1;
	while (errno = 0, r == 0 && (e = readdir(stream)) != NULL)
		if (!is_dots(e->d_name))
			r = each(ctx, e->d_name);
	saved = errno;
	(void)closedir(stream); /* only read */
	errno = saved;
	return r == 0 && errno == 0 ? 0 : -1;
}

/* Of DATA/lock: the first bytes are the lock, and one that never exists says
 * that the directory is in use. */
#define IN_USE ((off_t)1 << 30)

static int set_lock(int fd, int command, short type, off_t at)
{
	struct flock l;

	memset(&l, 0, sizeof l);
	l.l_type = type;
	l.l_whence = SEEK_SET;
	l.l_start = at;
	l.l_len = at == IN_USE ? 1 : IN_USE;
	while (fcntl(fd, command, &l) == -1)
		if (errno != EINTR)
			return -1;
	return 0;
}

/* A read lock keeps writers out and needs no permission to write. */
static int posix_lock(struct disk *d, int fd)
{
	return set_lock(fd, LOCK_WAIT, is_writable(d) ? F_WRLCK : F_RDLCK, 0);
}

static int posix_unlock(struct disk *d, int fd)
{
	(void)d;
	return set_lock(fd, LOCK_SET, F_UNLCK, 0);
}

static int posix_room(struct disk *d, uint64_t *bytes)
{
	struct statvfs v;

	if (fstatvfs(dir_of(d, DISK_ROOT), &v) == -1)
		return -1;
	if (v.f_blocks == 0) {  /* it does not count blocks: FUSE often */
		errno = ENOSYS;
		return -1;
	}
	*bytes = (uint64_t)v.f_bavail * v.f_frsize;
	return 0;
}

static int posix_random(struct disk *d, uint64_t *bits)
{
	(void)d;
	return random_bits(bits);
}

static void posix_free(struct disk *d)
{
	for (int i = 0; i < DISK_DIRS; i++) {
		int fd = dir_of(d, (enum disk_dir)i);

		if (fd != -1)
			posix_close(d, fd);
	}
	if (((struct posix_disk *)d)->use_fd != -1)
		posix_close(d, ((struct posix_disk *)d)->use_fd);
	free(d);
}

static const struct disk posix_ops = {
	.open = posix_open, .close = posix_close,
	.read = posix_read, .write = posix_write,
	.size = posix_size, .truncate = posix_truncate,
	.links = posix_links, .is_named = posix_is_named,
	.sync = posix_sync, .sync_dir = posix_sync_dir,
	.sync_all = posix_sync_all,
	.unlink = posix_unlink, .rename = posix_rename, .list = posix_list,
	.lock = posix_lock, .unlock = posix_unlock,
	.room = posix_room, .random = posix_random, .free = posix_free
};

int disk_sync_parent(const char *path)
{
	char up[PATH_MAX];
	size_t n = strlen(path);
	int fd, r;

	while (n > 1 && path[n - 1] == '/')     /* data/ is data */
		n--;
	while (n > 0 && path[n - 1] != '/')
		n--;
	if (n >= sizeof up) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(up, n > 0 ? path : "./", n > 0 ? n : 2);
	up[n > 0 ? n : 2] = '\0';
	fd = open(up, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1)
		return -1;
	r = fsync(fd);
	(void)close(fd);        /* only synced */
	return r;
}

/* A new directory must still be there after a power loss. One that exists may
 * have been made a moment ago by a process that died before it synced the
 * name; but we may have no permission to open its parent. */
static int make_root(const char *path)
{
	if (mkdir(path, 0750) == 0)
		return disk_sync_parent(path);
	if (errno != EEXIST)
		return -1;
	(void)disk_sync_parent(path);   /* as far as we may */
	return 0;
}

/* Without create a subdirectory may be missing. */
static int open_subdir(struct posix_disk *p, int i, int create)
{
	int root = p->dir[DISK_ROOT];

	if (create && mkdirat(root, dir_name[i], 0750) == -1 && errno != EEXIST)
		return -1;
	p->dir[i] = openat(root, dir_name[i],
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return p->dir[i] == -1 && (create || errno != ENOENT) ? -1 : 0;
}

static int learn_devices(struct posix_disk *p)
{
	struct stat st;

	p->syncfs_works = kernel_reports() && is_known(p->dir[DISK_ROOT]);
	for (int i = 0; i < DISK_DIRS; i++) {
		if (p->dir[i] == -1)
			continue;
		if (fstat(p->dir[i], &st) == -1)
			return -1;
		if (i == DISK_ROOT)
			p->device = st.st_dev;
		note_device(p, &st);
	}
	return 0;
}

static int open_dirs(struct posix_disk *p, const char *path, int create)
{
	for (int i = 0; i < DISK_DIRS; i++)
		p->dir[i] = -1;
	if (create && make_root(path) == -1)
		return -1;
	p->dir[DISK_ROOT] = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (p->dir[DISK_ROOT] == -1)
		return -1;
	for (int i = DISK_CHANNELS; i < DISK_DIRS; i++)
		if (open_subdir(p, i, create) == -1)
			return -1;
	if (learn_devices(p) == -1)
		return -1;
	return create ? fsync(p->dir[DISK_ROOT]) : 0;   /* their names */
}

/* Several may use a directory; see disk_alone(). */
static int begin_use(struct posix_disk *p)
{
	p->use_fd = posix_open(&p->ops, DISK_ROOT, "lock", 1);
	if (p->use_fd == -1)
		return -1;
	return set_lock(p->use_fd, LOCK_WAIT, F_RDLCK, IN_USE);
}

int disk_alone(struct disk *d)
{
	int use_fd = ((struct posix_disk *)d)->use_fd;

	if (set_lock(use_fd, LOCK_SET, F_WRLCK, IN_USE) == 0)
		return 0;
	if (errno == EACCES)
		errno = EAGAIN; /* POSIX allows either */
	return -1;
}

struct disk *disk_posix(const char *path, int create)
{
	struct posix_disk *p = calloc(1, sizeof *p);
	int saved;

	if (p == NULL)
		return NULL;
	p->ops = posix_ops;
	p->use_fd = -1;
	p->writable = create;
	p->links_counted = 1;
	if (open_dirs(p, path, create) == 0 &&
	    (!create || begin_use(p) == 0))
		return &p->ops;
	saved = errno;
	posix_free(&p->ops);
	errno = saved;
	return NULL;
}

ssize_t disk_read_full(struct disk *d, int fd, void *p, size_t n, uint64_t at)
{
	size_t done = 0;

	while (done < n) {
		ssize_t r = d->read(d, fd, (char *)p + done, n - done,
		    at + done);

		if (r == -1 && errno == EINTR)
			continue;
		if (r == -1)
			return -1;
		if (r == 0)
			break;
		done += (size_t)r;
	}
	return (ssize_t)done;
}

int disk_write_full(struct disk *d, int fd, const void *p, size_t n,
    uint64_t at)
{
	size_t done = 0;

	while (done < n) {
		ssize_t r = d->write(d, fd, (const char *)p + done, n - done,
		    at + done);

		if (r == -1 && errno == EINTR)
			continue;
		if (r == 0)     /* pwrite never does; if it did we would spin */
			errno = EIO;
		if (r <= 0)
			return -1;
		done += (size_t)r;
	}
	return 0;
}
