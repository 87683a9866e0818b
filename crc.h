/* crc.h: the checksum of log lines and journal records. */
#ifndef CRC_H
#define CRC_H

#include <stddef.h>
#include <stdint.h>

/* CRC-32C (Castagnoli) of n more bytes; start with 0. */
uint32_t crc32c(uint32_t crc, const void *p, size_t n);

#endif
