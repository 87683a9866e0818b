/* directory.c: see directory.h.
 *
 * DATA/id: 16 lower-case hex digits and a newline, never all zeros. It is
 * written under another name first, so that it is never seen half made: bytes
 * that are not a number are damage. They are not replaced by a new number,
 * since servers that know the old one may be running, and would be taken for
 * those of another directory. */
#include "directory.h"

#include "buf.h"
#include "util.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define ID_FILE   "id"
#define ID_NEW    "id.new"
#define ID_DIGITS 16

/* The bytes of the file for a number, and a NUL. */
static void put_id(char text[ID_DIGITS + 2], uint64_t id)
{
	/* It fits. */
	(void)snprintf(text, ID_DIGITS + 2, "%016" PRIx64 "\n", id);
}

static int read_id(struct disk *d, int fd, uint64_t *id)
{
	char text[ID_DIGITS + 2] = { 0 }, wanted[ID_DIGITS + 2];
	ssize_t got = disk_read_full(d, fd, text, sizeof text, 0);

	if (got == -1)
		return STORE_REFUSED;
	*id = strtoull(text, NULL, 16);
	put_id(wanted, *id);
	if (got == ID_DIGITS + 1 && *id != 0 &&
	    memcmp(text, wanted, (size_t)got) == 0)
		return 0;
	warn(ID_FILE ": damaged: remove it while no server runs here");
	errno = EIO;
	return STORE_REFUSED;
}

/* A process may have died while it wrote the same file: what it wrote is
 * removed. */
static int write_id(struct disk *d, int fd, uint64_t id)
{
	char text[ID_DIGITS + 2];

	put_id(text, id);
	if (d->truncate(d, fd, 0) == -1 ||
	    disk_write_full(d, fd, text, ID_DIGITS + 1, 0) == -1)
		return STORE_REFUSED;
	return d->sync(d, fd) == -1 ? STORE_BROKEN : 0;
}

static int make_id(struct disk *d, uint64_t *id)
{
	int fd, r;

	do
		if (d->random(d, id) == -1)
			return STORE_REFUSED;
	while (*id == 0);
	fd = d->open(d, DISK_ROOT, ID_NEW, 1);
	if (fd == -1)
		return STORE_REFUSED;
	r = write_id(d, fd, *id);
	d->close(d, fd);
	if (r == 0 && d->rename(d, DISK_ROOT, ID_NEW, ID_FILE) == -1)
		r = STORE_REFUSED;
	return r;
}

int directory_id(struct disk *d, uint64_t *id)
{
	int fd = d->open(d, DISK_ROOT, ID_FILE, 0), r;

	if (fd == -1 && errno != ENOENT)
		return STORE_REFUSED;
	if (fd == -1) {
		r = make_id(d, id);
	} else {
		r = read_id(d, fd, id);
		d->close(d, fd);
	}
	/* Its maker may have died before it synced the name. */
	if (r == 0 && d->sync_dir(d, DISK_ROOT) == -1)
		r = STORE_BROKEN;
	return r;
}
