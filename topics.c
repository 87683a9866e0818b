/* topics.c: see topics.h. A chained hash table, and one sorted list for each
 * kind. */
#include "topics.h"

#include "name.h"
#include "util.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS_FIRST 256
#define KINDS         4

struct topics {
	struct topic **bucket;
	size_t buckets;         /* a power of two */
	size_t n;
	uint64_t seed;
	struct topic_list list[KINDS];
};

int topic_list_add(struct topic_list *list, struct topic *topic)
{
	struct topic **at = array_room(list->at, list->n, &list->cap,
	    sizeof(struct topic *));

	if (at == NULL)
		return -1;
	list->at = at;
	at[list->n++] = topic;
	return 0;
}

static struct topic_list *list_of(struct topics *t, enum topic_kind kind)
{
	return &t->list[kind == TOPIC_CHANNEL ? 0 : kind == TOPIC_USER ? 1 :
	    kind == TOPIC_EVENTS ? 2 : 3];
}

/* Names are chosen by strangers: without the seed they could all have one
 * bucket. */
static size_t bucket_index(const struct topics *t, enum topic_kind kind,
    struct str name)
{
	return str_hash(t->seed ^ (uint64_t)kind, name) & (t->buckets - 1);
}

static struct topic **bucket_of(const struct topics *t, enum topic_kind kind,
    struct str name)
{
	return &t->bucket[bucket_index(t, kind, name)];
}

struct topics *topics_new(void)
{
	struct topics *t = calloc(1, sizeof *t);

	if (t == NULL)
		return NULL;
	t->seed = random_seed();
	t->buckets = BUCKETS_FIRST;
	t->bucket = calloc(t->buckets, sizeof *t->bucket);
	if (t->bucket == NULL) {
		free(t);
		return NULL;
	}
	return t;
}

static void free_topics(struct topic_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->at[i]);
	free(l->at);
}

void topics_free(struct topics *t)
{
	if (t == NULL)
		return;
	for (int i = 0; i < KINDS; i++)
		free_topics(&t->list[i]);
	free(t->bucket);
	free(t);
}

struct topic *topics_find(const struct topics *t, enum topic_kind kind,
    struct str name)
{
	struct topic *p = *bucket_of(t, kind, name);

	while (p != NULL && !(p->kind == kind && str_eq(p->name, name)))
		p = p->chain;
	return p;
}

/* The index of a name in a list, or where it belongs. */
static size_t index_of(const struct topic_list *l, struct str name)
{
	size_t low = 0, high = l->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (str_compare(l->at[mid]->name, name) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static int insert_topic(struct topic_list *l, struct topic *topic)
{
	size_t i = index_of(l, topic->name), after = l->n - i;

	if (topic_list_add(l, topic) == -1)
		return -1;
	memmove(l->at + i + 1, l->at + i, after * sizeof(struct topic *));
	l->at[i] = topic;
	return 0;
}

/* Having more topics than buckets makes look-ups slow and does no other harm:
 * without memory the table stays small. */
static void double_buckets(struct topics *t)
{
	struct topic **old = t->bucket;
	size_t n = t->buckets;
	struct topic **bucket = calloc(2 * n, sizeof *bucket);

	if (bucket == NULL)
		return;
	t->bucket = bucket;
	t->buckets = 2 * n;
	for (size_t i = 0; i < n; i++)
		for (struct topic *p = old[i], *next; p != NULL; p = next) {
			struct topic **b = bucket_of(t, p->kind, p->name);

			next = p->chain;
			p->chain = *b;
			*b = p;
		}
	free(old);
}

static struct topic *new_topic(enum topic_kind kind, struct str name)
{
	struct topic *p = calloc(1, sizeof *p + name.n);

	if (p == NULL)
		return NULL;
	memcpy(p + 1, name.p, name.n);
	p->name = (struct str){ (const char *)(p + 1), name.n };
	p->kind = kind;
	p->log.fd = -1;
	return p;
}

struct topic *topics_add(struct topics *t, enum topic_kind kind,
    struct str name)
{
	struct topic *p, **b;

	p = new_topic(kind, name);
	if (p == NULL || insert_topic(list_of(t, kind), p) == -1) {
		free(p);
		errno = ENOMEM;
		return NULL;
	}
	if (t->n++ == t->buckets)
		double_buckets(t);
	b = bucket_of(t, kind, name);
	p->chain = *b;
	*b = p;
	return p;
}

void topics_remove(struct topics *t, struct topic *topic)
{
	struct topic **b = bucket_of(t, topic->kind, topic->name);
	struct topic_list *l = list_of(t, topic->kind);
	size_t i = index_of(l, topic->name), after = --l->n - i;

	while (*b != topic)
		b = &(*b)->chain;
	*b = topic->chain;
	memmove(l->at + i, l->at + i + 1, after * sizeof(struct topic *));
	t->n--;
	free(topic);
}

size_t topics_count(struct topics *t, enum topic_kind kind)
{
	return list_of(t, kind)->n;
}

size_t topics_total(const struct topics *t)
{
	return t->n;
}

struct topic *topics_at(struct topics *t, enum topic_kind kind, size_t i)
{
	return list_of(t, kind)->at[i];
}

size_t topics_above(struct topics *t, enum topic_kind kind, struct str name)
{
	const struct topic_list *l = list_of(t, kind);
	size_t i = index_of(l, name);

	return i + (i < l->n && str_eq(l->at[i]->name, name));
}

enum disk_dir topic_dir(const struct topic *topic)
{
	return topic->kind == TOPIC_CHANNEL ? DISK_CHANNELS :
	    topic->kind == TOPIC_USER ? DISK_USERS : DISK_ROOT;
}

const char *topic_file(const struct topic *topic, struct buf *b)
{
	buf_clear(b);
	name_to_file(b, topic->name);
	buf_putc(b, '\0');
	return b->err ? "" : b->p;
}

const char *topic_path(const struct topic *topic, struct buf *b)
{
	buf_clear(b);
	if (topic->kind == TOPIC_CHANNEL)
		buf_puts(b, "channels/");
	if (topic->kind == TOPIC_USER)
		buf_puts(b, "users/");
	name_to_file(b, topic->name);
	buf_putc(b, '\0');
	return b->err ? "?" : b->p;
}
