/* follow_held.c: see follow_held.h. */
#include "follow_held.h"

#include "util.h"

#include <stdlib.h>
#include <string.h>

static void insert_held(struct held *h, size_t at, struct held_one one)
{
	h->one = must_array_room(h->one, h->n, &h->cap, sizeof *h->one);
	memmove(&h->one[at + 1], &h->one[at], (h->n - at) * sizeof *h->one);
	h->one[at] = one;
	h->n++;
	h->bytes += one.text.n;
}

static void drop_last(struct held *h)
{
	struct str text = h->one[--h->n].text;

	h->bytes -= text.n;
	str_free(text);
}

/* They come nearly in order: the place is looked for from the end. */
int held_add(struct held *h, uint64_t seq, uint64_t when, struct str text)
{
	size_t at = h->n;

	while (at > 0 && h->one[at - 1].seq > seq)
		at--;
	if (at > 0 && h->one[at - 1].seq == seq)
		return !str_eq(h->one[at - 1].text, text);
	while (h->n == HELD_MAX || h->bytes + text.n > HELD_BYTES_MAX) {
		if (at == h->n)
			return -1;
		drop_last(h);
	}
	insert_held(h, at, (struct held_one){ seq, when, must_copy(text) });
	return 0;
}

size_t held_refute(struct held *h, uint64_t newest, uint64_t when)
{
	size_t n = h->n;

	h->n = 0;
	for (size_t i = 0; i < n; i++)
		if (h->one[i].seq <= newest || h->one[i].when >= when) {
			h->one[h->n++] = h->one[i];
		} else {
			h->bytes -= h->one[i].text.n;
			str_free(h->one[i].text);
		}
	return n - h->n;
}

void held_drop(struct held *h, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		h->bytes -= h->one[i].text.n;
		str_free(h->one[i].text);
	}
	h->n -= n;
	if (n > 0)
		memmove(h->one, h->one + n, h->n * sizeof *h->one);
}

void held_free(struct held *h)
{
	held_drop(h, h->n);
	free(h->one);
}
