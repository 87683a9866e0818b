/* util.h: what all programs here do in the same way: errors, memory, signals,
 * options, time, random numbers.
 *
 * An error is one line on stderr, "program: object: reason". A format that
 * ends in ':' is followed by the text of errno. */
#ifndef UTIL_H
#define UTIL_H

#include "buf.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define RECADO_VERSION "1.0"

/* How a program ends. The values are those of sysexits.h, which is not in
 * POSIX. */
enum {
	EXIT_FAILED   = 1,      /* it failed, or the server said "erro" */
	EXIT_USAGE    = 64,     /* it was called wrongly */
	EXIT_NOANSWER = 69,     /* no answer in time */
	EXIT_IO       = 74,     /* reading or writing failed */
	EXIT_TIMEOUT  = 75      /* the time it was told to wait is over */
};

/* To be called first. Takes the name at the start of every message, the last
 * part of argv[0], and opens what is closed of descriptors 0 to 2. */
void set_program(const char *argv0);
const char *program(void);

void warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void die(int code, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* As warn(), for lines that a peer can cause as often as it likes: for each s,
 * which is static, a few at once but only one a second in the long run. The
 * next line says how many were left out. */
struct seldom {
	int64_t until;          /* ticks: the lines so far are for this long */
	uint64_t left_out;
};
void warn_seldom(struct seldom *s, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Memory for programs; libraries report ENOMEM instead. These never return
 * NULL: without memory the program ends. */
void *must_alloc(size_t size);                  /* zeroed */
void *must_grow(void *p, size_t count, size_t size);
/* See array_room() and str_copy(). */
void *must_array_room(void *array, size_t n, size_t *cap, size_t size);
/* Makes room for element i of an array; the new ones are zeroed. */
void *must_element(void *array, size_t i, size_t *cap, size_t size);
struct str must_copy(struct str s);

/* Signals as something to poll: a flag would miss the signal that lands
 * between the test and the poll. A failure here ends the program. */

/* A pipe whose ends neither block nor are inherited. */
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

/* The options that every program has: -h prints the usage to stdout, -V the
 * version, and both end the program with 0. Any other letter is an error that
 * getopt() has reported, and ends it with EXIT_USAGE. */
_Noreturn void option_common(int letter, void (*usage)(FILE *to));
/* For a program without operands: if words are left after the options, it ends
 * with EXIT_USAGE. */
void option_end(int argc, char **argv);
/* The number in text, which must be nothing else and lie within the bounds;
 * otherwise the program names the option and ends with EXIT_USAGE. */
int64_t option_number(char option, const char *text, int64_t low, int64_t high);

/* The wall clock: milliseconds since 1970. */
int64_t now_ms(void);
/* The monotonic clock: microseconds, milliseconds. */
int64_t ticks_us(void);
int64_t ticks_ms(void);

/* 64 random bits from the system. 0, or -1 with errno. */
int random_bits(uint64_t *bits);
/* The same for a program: without them it ends. */
uint64_t must_random(void);
/* For str_hash(). The clock, if the system gives no random bits: then strangers
 * can hardly choose what collides. */
uint64_t random_seed(void);

#endif
