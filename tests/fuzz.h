/* fuzz.h: what the fuzz targets share. A target is what libFuzzer calls with
 * bytes; it ends the program when a promise is broken. "make fuzz" runs all of
 * them, from the inputs in seeds/ on. */
#ifndef FUZZ_H
#define FUZZ_H

#include "../buf.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static inline void must(int condition)
{
	if (!condition)
		abort();
}

/* The next byte; 0 at the end. */
static inline unsigned fuzz_byte(struct str *in)
{
	unsigned c = 0;

	if (in->n > 0) {
		c = (unsigned char)*in->p;
		str_skip(in, 1);
	}
	return c;
}

/* What comes before the next byte `end`, or all the rest. */
static inline struct str fuzz_until(struct str *in, char end)
{
	struct str s = { in->p, 0 };

	while (s.n < in->n && s.p[s.n] != end)
		s.n++;
	if (in->n > 0)
		str_skip(in, s.n < in->n ? s.n + 1 : s.n);
	return s;
}

/* What comes before the next bytes FF FE, or all the rest. */
static inline struct str fuzz_part(struct str *in)
{
	struct str s = { in->p, 0 };

	while (s.n < in->n && (s.n + 1 == in->n ||
	    memcmp(s.p + s.n, "\377\376", 2) != 0))
		s.n++;
	str_skip(in, s.n < in->n ? s.n + 2 : s.n);
	return s;
}

#endif
