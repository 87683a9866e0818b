/* util.h: what every program here says and counts in the same way.
 *
 * Errors are one line on stderr, "program: object: reason". A format that ends in ':' asks for the
 * text of errno behind it. */
#ifndef UTIL_H
#define UTIL_H

#include <stddef.h>
#include <stdint.h>

#define RECADO_VERSION "1.0"

/* How a program ends. The values are those of sysexits.h, which POSIX does not have. */
enum {
	EXIT_FAILED   = 1,      /* it failed, or the server said "erro" */
	EXIT_USAGE    = 64,     /* it was called wrongly */
	EXIT_NOANSWER = 69,     /* nobody answered in time */
	EXIT_IO       = 74,     /* reading or writing failed */
	EXIT_TIMEOUT  = 75      /* the time one asked to wait is over */
};

/* The name in front of every message: "recado-server" and "./server" say what they were called as. */
void set_program(const char *argv0);
const char *program(void);

void warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void die(int code, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* For programs; libraries report ENOMEM instead. Neither ever returns NULL. */
void *must_alloc(size_t size);                  /* zeroed */
void *must_grow(void *p, size_t count, size_t size);

/* For signal handlers: neither end blocks, nor is it inherited. Failing ends the program. */
void must_pipe(int fd[2]);

int64_t now_ms(void);                           /* wall clock, milliseconds since 1970 */
int64_t ticks_us(void);                         /* monotonic clock, microseconds */
int64_t ticks_ms(void);

/* The number in text, which must be nothing but digits and lie within the bounds; else the program
 * ends with EXIT_USAGE and names the option. */
int64_t option_number(char option, const char *text, int64_t low, int64_t high);

#endif
