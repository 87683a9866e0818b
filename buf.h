/* buf.h: text as pointer and length, and a buffer that grows.
 *
 * Everything here carries its length: a message may hold a NUL byte. An error sticks: when memory
 * runs out the buffer keeps what it has, sets err, and every later call does nothing, so one check
 * at the end of a message is enough. A zeroed struct buf is an empty buffer. */
#ifndef BUF_H
#define BUF_H

#include <stddef.h>
#include <stdint.h>

struct str {
	const char *p;          /* not ours, not terminated */
	size_t n;               /* bytes */
};

struct buf {
	char *p;                /* NULL or malloc'd, the buffer's own */
	size_t n;               /* bytes used */
	size_t cap;             /* bytes there */
	int err;                /* 1: memory ran out, the contents are incomplete */
};

#define STR(literal) ((struct str){ literal, sizeof(literal) - 1 })

struct str str_of(const char *terminated);
struct str buf_str(const struct buf *b);        /* valid until the buffer is next changed */
/* A copy in memory of its own, to be free()d; p is NULL: there is no memory. A NUL follows it. */
struct str str_copy(struct str s);
int str_eq(struct str a, struct str b);         /* 1: the same bytes */
int str_is(struct str a, const char *terminated);

/* Room for n more bytes behind the used ones; returns where they start or NULL. The caller writes
 * them and adds to b->n. */
char *buf_room(struct buf *b, size_t n);
void buf_add(struct buf *b, const void *p, size_t n);
void buf_str_add(struct buf *b, struct str s);
void buf_puts(struct buf *b, const char *terminated);
void buf_putc(struct buf *b, char c);
void buf_u64(struct buf *b, uint64_t n);        /* decimal */
void buf_hex(struct buf *b, uint64_t n);        /* lower case */
void buf_le64(struct buf *b, uint64_t n);       /* 8 bytes, little-endian, for files and wires */
int take_le64(struct str *s, uint64_t *n);      /* off the front of s; -1: s is shorter */
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

void buf_clear(struct buf *b);                  /* empty and without error; keeps its memory */
void buf_free(struct buf *b);                   /* gives the memory back; may be used again */

#endif
