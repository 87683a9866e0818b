/* date.h: points in time as the logs write them, RFC 3339 in UTC with
 * milliseconds. */
#ifndef DATE_H
#define DATE_H

#include "buf.h"

#include <stdint.h>

/* 2024-03-01T21:04:05.123Z, always 24 bytes and no NUL. A time outside the
 * years 1970 to 9999 is written as the nearest one inside them. */
#define DATE_BYTES 24
void date_encode(char *to, int64_t ms);

/* 0 and *ms; -1: date_encode() does not write s for any time. */
int date_decode(struct str s, int64_t *ms);

#endif
