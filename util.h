/* util.h: what every program here says and counts in the same way.
 *
 * Errors are one line on stderr, "program: object: reason". A format that ends in ':' asks for the
 * text of errno behind it. */
#ifndef UTIL_H
#define UTIL_H

#include "buf.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

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

/* An array with room for one element more: array has n elements of a size and room for *cap. Returns
 * the array, or what has taken its place; NULL: no memory, the array is as it was. */
void *array_room(void *array, size_t n, size_t *cap, size_t size);

/* For programs; libraries report ENOMEM instead. None of them ever returns NULL. */
void *must_alloc(size_t size);                  /* zeroed */
void *must_grow(void *p, size_t count, size_t size);
void *must_array_room(void *array, size_t n, size_t *cap, size_t size);
struct str must_copy(struct str s);             /* see str_copy() */

/* Signals as something to poll: a flag would miss the signal that lands
 * between the test and the poll. Failing ends the program. */

/* Neither end blocks, nor is it inherited. */
void signal_pipe(int fd[2]);
/* From now on the number of this signal is written to the pipe, as a byte. */
void signal_to_pipe(int number, const int fd[2], int sa_flags);
/* As sigaction(). */
void signal_set(int number, void (*handler)(int), int sa_flags);

/* SIGINT and SIGTERM, which process 1 of a container ignores until it catches
 * them: returns the end of a pipe that can be read when one has come. SIGPIPE
 * and SIGXFSZ are ignored: the failing write says it better. */
int stop_signals(void);
/* 1: a signal has come (and stays that way). Never blocks. */
int stop_asked(int fd);

/* The options that every program has: -h prints the usage to stdout, -V the version, and both end the
 * program with 0; every other letter is an error of which getopt() has told. */
_Noreturn void option_common(int letter, void (*usage)(FILE *to));

int64_t now_ms(void);                           /* wall clock, milliseconds since 1970 */
int64_t ticks_us(void);                         /* monotonic clock, microseconds */
int64_t ticks_ms(void);

/* The number in text, which must be nothing but digits and lie within the bounds; else the program
 * ends with EXIT_USAGE and names the option. */
int64_t option_number(char option, const char *text, int64_t low, int64_t high);

#endif
