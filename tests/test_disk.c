/* test_disk.c: file systems that tell less than others. */
#define _GNU_SOURCE     /* as disk.c NOLINT(bugprone-reserved-identifier) */
#include "tap.h"

#include <stdlib.h>
#include <sys/statvfs.h>

static struct statvfs told;     /* what the file system says of itself */

static int fake_fstatvfs(int fd, struct statvfs *v)
{
	(void)fd;
	*v = told;
	return 0;
}

#define fstatvfs fake_fstatvfs
#include "../disk.c"
#undef fstatvfs

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

int main(void)
{
	if (mkdtemp(path) == NULL)
		return 1;
	check_group("the room of a file system", test_known);
	check_group("unknown is not full", test_unknown);
	(void)rmdir(path);
	return check_done();
}
