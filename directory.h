/* directory.h: what tells one data directory from another: DATA/id, a random
 * number that is made once.
 *
 * Two servers with the same number have the same directory, or one a copy of
 * the other's. */
#ifndef DIRECTORY_H
#define DIRECTORY_H

#include "disk.h"

/* Reads the number, or makes it if there is none. Needs the lock. 0, or a
 * result (disk.h); damage has been reported. */
int directory_id(struct disk *d, uint64_t *id);

#endif
