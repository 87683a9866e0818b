/* test_disk.c: file systems that tell less than others. */
#define _GNU_SOURCE     /* as disk.c NOLINT(bugprone-reserved-identifier) */
#include "tap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

static struct statvfs told;     /* what the file system says of itself */
static uint32_t magic;          /* its f_type, or 0: it cannot be asked */
static const char *release;     /* of the system; NULL: its own */
static ino_t other_inode;       /* of what is on another file system */
static int synced;              /* calls of syncfs() */

static int fake_fstatvfs(int fd, struct statvfs *v)
{
	(void)fd;
	*v = told;
	return 0;
}

static int fake_fstatfs(int fd, struct statfs *s)
{
	(void)fd;
	*s = (struct statfs){ .f_type = magic };
	return magic == 0 ? -1 : 0;
}

static int fake_uname(struct utsname *u)
{
	int r = uname(u);

	if (release != NULL)
		(void)snprintf(u->release, sizeof u->release, "%s", release);
	return r;
}

static int fake_fstat(int fd, struct stat *st)
{
	int r = fstat(fd, st);

	if (r == 0 && st->st_ino == other_inode)
		st->st_dev++;
	return r;
}

static int fake_syncfs(int fd)
{
	(void)fd;
	synced++;
	return 0;
}

#define fstatvfs fake_fstatvfs
#define fstatfs  fake_fstatfs
#define uname    fake_uname
#define fstat    fake_fstat
#define syncfs   fake_syncfs
#include "../disk.c"
#undef fstatvfs
#undef fstatfs
#undef uname
#undef fstat
#undef syncfs

static char path[] = "/tmp/test_disk.XXXXXX";

/* -1: the disk does not know. */
static int room(uint64_t *bytes)
{
	struct disk *d = disk_posix(path, 0);
	int r;

	CHECK(d != NULL, "%s cannot be opened", path);
	if (d == NULL)
		return -1;
	r = d->room(d, bytes);
	d->free(d);
	return r;
}

static void test_known(void)
{
	uint64_t bytes = 1;

	told = (struct statvfs){ .f_frsize = 4096, .f_blocks = 9,
	    .f_bavail = 3 };
	CHECK(room(&bytes) == 0 && bytes == 3 * 4096, "it has room");
	told.f_bavail = 0;
	CHECK(room(&bytes) == 0 && bytes == 0, "it is full");
}

static void test_unknown(void)
{
	uint64_t bytes = 1;

	told = (struct statvfs){ .f_frsize = 4096 };
	CHECK(room(&bytes) == -1, "no block counts, and taken for full");
}

/* 1: everything is synced at once, 0: each file must be. */
static int at_once(struct disk *d)
{
	int before = synced, r = d->sync_all(d), e = errno;

	CHECK(r == 0 || (r == -1 && e == ENOSYS), "sync_all: %d, %s", r,
	    strerror(e));
	CHECK(synced == before + (r == 0), "success without a sync");
	return r == 0;
}

static int new_disk_syncs_at_once(void)
{
	struct disk *d = disk_posix(path, 1);
	int r;

	CHECK(d != NULL, "%s cannot be opened", path);
	if (d == NULL)
		return -1;
	r = at_once(d);
	d->free(d);
	return r;
}

static void test_types(void)
{
	static const struct {
		uint32_t type;
		int works;
	} fs[] = {
		{ 0xef53, 1 }, { 0x58465342, 1 }, { 0x9123683e, 1 },
		{ 0xf2f52010, 1 }, { 0x01021994, 1 },
		{ 0x65735546, 0 },      /* FUSE: 0, and nothing is synced */
		{ 0x794c7630, 0 },      /* overlayfs */
		{ 0x6969, 0 }, { 0xff534d42, 0 }, { 0xfe534d42, 0 },
		{ 0x01021997, 0 }, { 0x00c36400, 0 }, { 0x4d44, 0 },
		{ 0x12345678, 0 }, { 0, 0 }
	};

	for (size_t i = 0; i < COUNT(fs); i++) {
		magic = fs[i].type;
		CHECK(new_disk_syncs_at_once() == fs[i].works,
		    "file system of type %x", (unsigned)fs[i].type);
	}
}

static void test_releases(void)
{
	static const struct {
		const char *release;
		int works;
	} kernel[] = {
		{ "5.8.0", 1 }, { "6.1.0-18-amd64", 1 }, { "10.0", 1 },
		{ "5.7.19", 0 }, { "4.19.0", 0 }, { "x", 0 }, { "", 0 }
	};

	magic = 0xef53;
	for (size_t i = 0; i < COUNT(kernel); i++) {
		release = kernel[i].release;
		CHECK(new_disk_syncs_at_once() == kernel[i].works, "Linux %s",
		    release);
	}
	release = NULL;
}

static ino_t inode_of(const char *name)
{
	char file[64];
	struct stat st = { 0 };

	(void)snprintf(file, sizeof file, "%s/%s", path, name);
	CHECK(stat(file, &st) == 0, "%s: %s", file, strerror(errno));
	return st.st_ino;
}

/* Something below the directory is mounted there. */
static void test_mounts(void)
{
	struct disk *d;
	int fd;

	magic = 0xef53;
	other_inode = inode_of("users");
	CHECK(new_disk_syncs_at_once() == 0, "users is elsewhere");
	other_inode = 0;
	d = disk_posix(path, 1);
	fd = d->open(d, DISK_CHANNELS, "geral.log", 1);
	CHECK(fd != -1 && at_once(d), "%s", strerror(errno));
	d->close(d, fd);
	other_inode = inode_of("channels/geral.log");
	fd = d->open(d, DISK_CHANNELS, "geral.log", 0);
	CHECK(fd != -1 && !at_once(d), "geral.log is elsewhere");
	d->close(d, fd);
	other_inode = 0;
	d->free(d);
}

static void remove_all(void)
{
	char command[64];

	(void)snprintf(command, sizeof command, "rm -rf '%s'", path);
	if (system(command) != 0)
		printf("# %s was not removed\n", path);
}

int main(void)
{
	if (mkdtemp(path) == NULL)
		return 1;
	check_group("the room of a file system", test_known);
	check_group("unknown is not full", test_unknown);
	check_group("syncfs is trusted where it is known to work", test_types);
	check_group("and where the kernel reports its errors", test_releases);
	check_group("and where everything is on one file system", test_mounts);
	remove_all();
	return check_done();
}
