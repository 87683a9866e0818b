/* bot_audit.c: see bot_audit.h. */
#include "bot_audit.h"

#include "util.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NO_SEQ UINT64_MAX       /* from a server that does not number */

/* ---- how long answers took ---- */

static void count_time(struct audit *a, uint64_t us)
{
	unsigned shift = 0;

	while (us >> shift >= 32)
		shift++;
	a->took[shift * 16 + (us >> shift)]++;
}

/* The time within which so many percent of the answers came. With 16 steps it
 * is at most 6 % too low. */
static uint64_t percentile(const struct audit *a, uint64_t percent)
{
	uint64_t all = 0, below = 0;
	size_t i;

	for (i = 0; i < AUDIT_TIMES; i++)
		all += a->took[i];
	for (i = 0; i < AUDIT_TIMES; i++) {
		below += a->took[i];
		if (below * 100 >= all * percent)
			break;
	}
	return i < 32 ? i : (i % 16 + 16) << (i / 16 - 1);
}

/* ---- our own messages ---- */

static struct audit_own *find_own(struct audit *a, uint64_t number)
{
	for (size_t i = 0; i < a->owns; i++)
		if (a->own[i].number == number)
			return &a->own[i];
	return NULL;
}

static void drop_own(struct audit *a, struct audit_own *own)
{
	*own = a->own[--a->owns];
}

static void settle_own(struct audit *a, struct audit_own *own)
{
	if (own->acked == 0 || own->seen == 0)
		return;
	if (own->acked != own->seen)
		a->dup++;       /* stored twice, under two seqs */
	drop_own(a, own);
}

uint64_t audit_send(struct audit *a, char mark[AUDIT_MARK_BYTES])
{
	uint64_t number = ++a->sent;

	a->own = must_array_room(a->own, a->owns, &a->owns_cap,
	    sizeof *a->own);
	a->own[a->owns++] = (struct audit_own){ .number = number };
	(void)snprintf(mark, AUDIT_MARK_BYTES, "#%s%" PRIu64, a->tag,
	    number);                /* fits: 1, 6 and at most 20 */
	return number;
}

void audit_answer(struct audit *a, uint64_t number, const struct answer *answer,
    int64_t us)
{
	struct audit_own *own = find_own(a, number);

	count_time(a, (uint64_t)us);
	if (answer->kind == ANSWER_OK) {
		a->ok++;
		own->acked = answer->seq != 0 ? answer->seq : NO_SEQ;
		settle_own(a, own);
	} else {
		a->erro++;
		drop_own(a, own);       /* if it comes anyway it is a dup */
	}
}

/* The number in the mark at the end of the text, 0: it is not ours. */
static uint64_t own_number(const struct audit *a, const char *user,
    const struct message *m)
{
	size_t at = m->text.n, tag = strlen(a->tag);
	const char *p = m->text.p;
	uint64_t number = 0;

	while (at > 0 && p[at - 1] != '#')
		at--;
	if (!str_is(m->user, user) || at == 0 || m->text.n - at < tag ||
	    memcmp(p + at, a->tag, tag) != 0)
		return 0;
	for (at += tag; at < m->text.n && p[at] >= '0' && p[at] <= '9'; at++)
		number = number * 10 + (uint64_t)(p[at] - '0');
	return number;
}

static void see_own(struct audit *a, uint64_t number, uint64_t seq)
{
	struct audit_own *own = find_own(a, number);

	if (own == NULL || own->seen != 0) {
		a->dup++;
		return;
	}
	own->seen = seq != 0 ? seq : NO_SEQ;
	settle_own(a, own);
}

/* ---- topics ---- */

static struct audit_topic *find_topic(const struct audit *a, struct str name)
{
	for (size_t i = 0; i < a->topics; i++)
		if (str_eq(a->topic[i].name, name))
			return &a->topic[i];
	return NULL;
}

int audit_has(const struct audit *a, struct str topic)
{
	return find_topic(a, topic) != NULL;
}

void audit_add(struct audit *a, struct str topic)
{
	a->topic = must_array_room(a->topic, a->topics, &a->topics_cap,
	    sizeof *a->topic);
	a->topic[a->topics++] = (struct audit_topic){
		.name = must_copy(topic) };
}

static void check_seq(struct audit *a, struct audit_topic *t, uint64_t seq)
{
	if (seq == 0)           /* a server that does not number */
		return;
	if (t->last != 0 && seq <= t->last)
		a->dup++;
	else if (t->last != 0)
		a->gap += seq - t->last - 1;
	t->last = seq;
}

void audit_see(struct audit *a, const char *user, const struct message *m)
{
	struct audit_topic *topic = find_topic(a, m->topic);
	uint64_t number = own_number(a, user, m);

	a->seen++;
	if (topic != NULL)
		check_seq(a, topic, m->seq);
	if (number != 0)
		see_own(a, number, m->seq);
}

/* ---- the sums ---- */

size_t audit_awaited(const struct audit *a)
{
	size_t n = 0;

	for (size_t i = 0; i < a->owns; i++)
		n += a->own[i].acked != 0 && a->own[i].seen == 0;
	return n;
}

void audit_give_up(struct audit *a)
{
	a->gap += audit_awaited(a);
}

int audit_report(const struct audit *a, struct buf *b, int times)
{
	buf_printf(b, "sent=%" PRIu64 " ok=%" PRIu64 " erro=%" PRIu64 " seen=%"
	    PRIu64 " dup=%" PRIu64 " gap=%" PRIu64, a->sent, a->ok, a->erro,
	    a->seen, a->dup, a->gap);
	if (times)
		buf_printf(b, " p50=%" PRIu64 " p99=%" PRIu64,
		    percentile(a, 50), percentile(a, 99));
	buf_putc(b, '\n');
	return a->erro > 0 || a->dup > 0 || a->gap > 0;
}

void audit_open(struct audit *a)
{
	*a = (struct audit){ 0 };
	(void)snprintf(a->tag, sizeof a->tag, "%05x.",
	    (unsigned)(must_random() & 0xfffff));
}

void audit_close(struct audit *a)
{
	for (size_t i = 0; i < a->topics; i++)
		str_free(a->topic[i].name);
	free(a->topic);
	free(a->own);
}
