/* buf.h: text as pointer and length, buffers and arrays that grow.
 *
 * Everything here carries its length: a message may hold a NUL byte. An error
 * sticks: when memory runs out the buffer keeps what it has, sets err, and
 * every later call does nothing, so one check at the end of a message is
 * enough. A zeroed struct buf is an empty buffer. */
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
	size_t cap;             /* bytes allocated */
	int err;                /* 1: out of memory, contents incomplete */
};

#define STR(literal) ((struct str){ literal, sizeof(literal) - 1 })

struct str str_of(const char *terminated);
/* Valid until the buffer is next changed. */
struct str buf_str(const struct buf *b);
/* A copy in its own memory, followed by a NUL, for str_free(). p is NULL when
 * memory has run out. */
struct str str_copy(struct str s);
void str_free(struct str copy);
/* 1: the same bytes. */
int str_eq(struct str a, struct str b);
int str_is(struct str a, const char *terminated);
/* Below, at or above 0: a sorts before b, is b, or sorts after it. */
int str_compare(struct str a, struct str b);
/* Who does not know the seed cannot choose texts with the same hash. */
uint64_t str_hash(uint64_t seed, struct str s);

/* Takes n bytes, which must be there, off the front of s. */
static inline void str_skip(struct str *s, size_t n)
{
	s->p += n;
	s->n -= n;
}

/* Takes the part before the next `end` off the front of s, and that byte too.
 * Without one it takes all of s. */
struct str str_take(struct str *s, char end);

/* Room for n more bytes after the used ones: returns where they start, or
 * NULL. The caller writes them and adds to b->n. */
char *buf_room(struct buf *b, size_t n);
void buf_add(struct buf *b, const void *p, size_t n);
void buf_str_add(struct buf *b, struct str s);
void buf_puts(struct buf *b, const char *terminated);
void buf_putc(struct buf *b, char c);
/* Decimal, and hexadecimal in lower case. */
void buf_u64(struct buf *b, uint64_t n);
void buf_hex(struct buf *b, uint64_t n);
void buf_printf(struct buf *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* 8 bytes, little-endian, for files and the wire. take_le64() takes them off
 * the front of s: 0, or -1 when s is shorter. */
void buf_le64(struct buf *b, uint64_t n);
int take_le64(struct str *s, uint64_t *n);

/* Empty and without an error; keeps its memory. */
void buf_clear(struct buf *b);
/* Frees the memory; the buffer is empty and may be used again. */
void buf_free(struct buf *b);

/* Makes room for more elements in an array that has room for *cap of `size`
 * bytes each. Returns the array, which may have moved; NULL: out of memory, the
 * array is as it was. */
void *array_grow(void *array, size_t *cap, size_t size);

/* The same for an array of n elements, only if it has no room for one more. */
static inline void *array_room(void *array, size_t n, size_t *cap, size_t size)
{
	return n < *cap ? array : array_grow(array, cap, size);
}

#endif
