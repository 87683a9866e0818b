/* oracle.c: see oracle.h. */
#include "oracle.h"

#include "../journal.h"
#include "../entry.h"
#include "../name.h"
#include "../util.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

__attribute__((format(printf, 2, 3)))
static void wrong(struct oracle *m, const char *fmt, ...)
{
	va_list ap;

	if (m->why[0] != '\0')
		return;
	va_start(ap, fmt);
	/* cut it says enough */
	(void)vsnprintf(m->why, sizeof m->why, fmt, ap);
	va_end(ap);
}

static void sure(const struct buf *b)
{
	if (b->err)
		die(EXIT_FAILED, "oracle: out of memory");
}

void oracle_init(struct oracle *m)
{
	memset(m, 0, sizeof *m);
	(void)oracle_log(m, TOPIC_EVENTS, "events");
}

void oracle_copy(struct oracle *to, const struct oracle *from)
{
	*to = *from;
	for (size_t i = 0; i < to->logs; i++) {
		to->log[i].text = (struct buf){ 0 };
		buf_str_add(&to->log[i].text, buf_str(&from->log[i].text));
		sure(&to->log[i].text);
	}
	to->id = must_grow(NULL, from->ids_cap + 1, sizeof *to->id);
	to->ids_cap = from->ids_cap + 1;
	if (from->ids > 0)
		memcpy(to->id, from->id, from->ids * sizeof *to->id);
}

void oracle_free(struct oracle *m)
{
	for (size_t i = 0; i < m->logs; i++)
		buf_free(&m->log[i].text);
	free(m->id);
}

size_t oracle_log(struct oracle *m, enum topic_kind kind, const char *name)
{
	struct oracle_log *log = m->log;
	size_t i = 0;

	while (i < m->logs && !(log[i].kind == kind &&
	    strcmp(log[i].name, name) == 0))
		i++;
	if (i < m->logs)
		return i;
	if (m->logs == ORACLE_LOGS)
		die(EXIT_FAILED, "oracle: too many logs");
	log[i].kind = kind;
	/* names of tests are short */
	(void)snprintf(log[i].name, sizeof log[i].name, "%s", name);
	m->logs++;
	return i;
}

struct topic *oracle_topic(const struct oracle *m, struct store *s, size_t log)
{
	const struct oracle_log *l = &m->log[log];

	return l->kind == TOPIC_EVENTS ? store_events(s) :
	    store_topic(s, l->kind, str_of(l->name));
}

int oracle_create(struct oracle *m, struct store *s, enum topic_kind kind,
    const char *name)
{
	struct oracle_log *log = &m->log[oracle_log(m, kind, name)];
	struct topic *t = store_create(s, kind, str_of(name));

	if (log->made || log->making) {
		if (t != NULL)
			wrong(m, "%s was created twice", name);
		return -1;
	}
	if (t == NULL) {
		if (errno == EEXIST)
			wrong(m, "%s is said to exist", name);
		return -1;
	}
	log->making = 1;
	return 0;
}

static void add_id(struct oracle *m, size_t log, const struct line *l)
{
	struct oracle_id *id;

	m->id = must_array_room(m->id, m->ids, &m->ids_cap, sizeof *m->id);
	id = &m->id[m->ids++];
	id->log = log;
	id->seq = l->seq;
	/* the ids and names of tests are short */
	(void)snprintf(id->user, sizeof id->user, "%.*s", (int)l->user.n,
	    l->user.p);
	(void)snprintf(id->id, sizeof id->id, "%.*s", (int)l->id.n, l->id.p);
}

int oracle_put(struct oracle *m, struct store *s, size_t log, const char *user,
    const char *message)
{
	struct oracle_log *to = &m->log[log];
	struct topic *t = oracle_topic(m, s, log);
	char id[ORACLE_ID_BYTES];
	struct line l = { .user = str_of(user), .message = str_of(message),
	    .stamp = STR("17.25") };

	(void)snprintf(id, sizeof id, "%zu-%zu-%zu", log,
	    to->lines + to->more + 1, m->ids);
	l.id = str_of(id);
	if (t == NULL) {
		if (to->making || (to->made && errno == ENOENT))
			wrong(m, "%s is not there", to->name);
		return -1;
	}
	if (store_seen(s, t, l.user, l.id) != 0)
		wrong(m, "%s: id %s is said to be known", to->name, id);
	if (store_put(s, t, &l) == -1)
		return -1;
	if (l.seq != to->lines + to->more + 1)
		wrong(m, "%s: line %zu gets seq %" PRIu64, to->name,
		    to->lines + to->more + 1, l.seq);
	line_encode(&to->text, &l);
	sure(&to->text);
	to->more++;
	add_id(m, log, &l);
	if (store_seen(s, t, l.user, l.id) != l.seq)
		wrong(m, "%s: id %s of the batch is not known", to->name, id);
	return 0;
}

static void acknowledge(struct oracle *m)
{
	for (size_t i = 0; i < m->logs; i++) {
		struct oracle_log *log = &m->log[i];

		log->made |= log->making || log->more > 0;
		log->making = 0;
		log->lines += log->more;
		log->more = 0;
		log->bytes = log->text.n;
	}
	m->ids_acked = m->ids;
	m->doubt = 0;
}

void oracle_refuse(struct oracle *m)
{
	for (size_t i = 0; i < m->logs; i++) {
		struct oracle_log *log = &m->log[i];

		log->making = 0;
		log->more = 0;
		log->text.n = log->bytes;
	}
	m->ids = m->ids_acked;
	m->doubt = 0;
}

int oracle_commit(struct oracle *m, struct store *s)
{
	int r = store_commit(s);

	if (r == 0)
		acknowledge(m);
	else
		m->doubt = 1;
	return r;
}

void oracle_settle(struct oracle *m, struct store *s)
{
	int there = 0, missing = 0;

	if (!m->doubt)
		return;
	for (size_t i = 0; i < m->logs; i++) {
		struct oracle_log *log = &m->log[i];
		struct topic *t;
		int all;

		if (!log->making && log->more == 0)
			continue;
		t = oracle_topic(m, s, i);
		if (t == NULL && errno != ENOENT)
			wrong(m, "%s cannot be used: %s", log->name,
			    strerror(errno));
		all = t != NULL && t->now.seq >= log->lines + log->more;
		if (!all && t != NULL && (t->now.seq > log->lines ||
		    log->making))
			wrong(m, "%s: a part of a batch is there", log->name);
		there += all;
		missing += !all;
	}
	if (there > 0 && missing > 0)
		wrong(m, "a part of a batch is there: %d of %d logs", there,
		    there + missing);
	if (there > 0)
		acknowledge(m);
	else
		oracle_refuse(m);
}

/* ---- what a store says ---- */

struct reading {
	struct oracle *m;
	const struct oracle_log *log;
	struct buf got;
};

static int take_line(void *ctx, const struct line *l)
{
	struct reading *r = ctx;

	line_encode(&r->got, l);
	return 0;
}

/* The offset after line n of a text. */
static size_t after_line(const struct oracle_log *log, size_t n)
{
	size_t at = 0;

	for (; n > 0; n--)
		at += (size_t)((const char *)memchr(log->text.p + at, '\n',
		    log->bytes - at) - (log->text.p + at)) + 1;
	return at;
}

static void compare_from(struct oracle *m, struct store *s, size_t i,
    struct topic *t, size_t after)
{
	const struct oracle_log *log = &m->log[i];
	struct reading r = { m, log, { 0 } };
	size_t at = after_line(log, after);

	if (store_read(s, t, after, take_line, &r) == -1)
		wrong(m, "%s: cannot be read: %s", log->name, strerror(errno));
	else if (!str_eq(buf_str(&r.got), (struct str){ log->text.p + at,
	    log->bytes - at }))
		wrong(m, "%s: after %zu: %zu bytes instead of %zu, or others",
		    log->name, after, r.got.n, log->bytes - at);
	buf_free(&r.got);
}

static void compare_log(struct oracle *m, struct store *s, size_t i)
{
	const struct oracle_log *log = &m->log[i];
	struct topic *t = oracle_topic(m, s, i);

	if (log->kind != TOPIC_EVENTS && (t != NULL) != log->made) {
		wrong(m, "%s is %s: %s", log->name,
		    log->made ? "not there" : "there", strerror(errno));
		return;
	}
	if (t == NULL) {
		if (log->made || errno != ENOENT)
			wrong(m, "%s: %s", log->name, strerror(errno));
		return;
	}
	if (t->now.seq != log->lines || t->now.bytes != log->bytes)
		wrong(m, "%s: %" PRIu64 " lines, %" PRIu64 " bytes"
		    " instead of %zu and %zu", log->name, t->now.seq,
		    t->now.bytes, log->lines, log->bytes);
	else
		for (size_t after = 0; after <= log->lines;
		    after += 1 + 2 * log->lines / 3)
			compare_from(m, s, i, t, after);
}

static void compare_ids(struct oracle *m, struct store *s)
{
	size_t first = m->ids > journal_limits.remember_max ?
	    m->ids - journal_limits.remember_max : 0;

	for (size_t i = first; i < m->ids; i++) {
		const struct oracle_id *id = &m->id[i];
		struct topic *t = oracle_topic(m, s, id->log);
		uint64_t seq = t ? store_seen(s, t, str_of(id->user),
		    str_of(id->id)) : 0;

		if (t != NULL && seq != id->seq)
			wrong(m, "%s: id %s of line %" PRIu64
			    " is known as %" PRIu64, m->log[id->log].name,
			    id->id, id->seq, seq);
	}
}

const char *oracle_wrong(struct oracle *m, struct store *s)
{
	size_t channels = 0, users = 0;

	for (size_t i = 0; i < m->logs; i++) {
		compare_log(m, s, i);
		channels += m->log[i].made && m->log[i].kind == TOPIC_CHANNEL;
		users += m->log[i].made && m->log[i].kind == TOPIC_USER;
	}
	if (store_count(s, TOPIC_CHANNEL) != channels ||
	    store_count(s, TOPIC_USER) != users)
		wrong(m, "%zu channels and %zu users instead of %zu and %zu",
		    store_count(s, TOPIC_CHANNEL), store_count(s, TOPIC_USER),
		    channels, users);
	compare_ids(m, s);
	return m->why[0] != '\0' ? m->why : NULL;
}

/* ---- what stands in the files ---- */

static struct str content(const struct sim *sim, enum topic_kind kind,
    struct str name)
{
	struct topic t = { .name = name, .kind = kind };
	struct buf b = { 0 };
	struct str s = sim_content(sim, topic_dir(&t), topic_file(&t, &b));

	buf_free(&b);
	return s;
}

int oracle_half_line(const struct oracle *m, const struct sim *sim)
{
	for (size_t i = 0; i < m->logs; i++) {
		struct str file = content(sim, m->log[i].kind,
		    str_of(m->log[i].name));

		if (file.n > 0 && file.p[file.n - 1] != '\n')
			return 1;
	}
	return 0;
}

static size_t common(struct str a, struct str b)
{
	size_t n = 0;

	while (n < a.n && n < b.n && a.p[n] == b.p[n])
		n++;
	return n;
}

static void compare_file(struct oracle *m, const struct sim *sim, size_t i)
{
	const struct oracle_log *log = &m->log[i];
	struct str right = { log->text.p, log->bytes };
	struct str file = content(sim, log->kind, str_of(log->name));

	if (log->made && file.p == NULL)
		wrong(m, "%s: there is no file", log->name);
	if (file.p != NULL && !log->made && log->kind != TOPIC_EVENTS)
		wrong(m, "%s: there is a file", log->name);
	if (file.p != NULL && !str_eq(file, right))
		wrong(m, "%s: the file has %zu bytes instead of %zu,"
		    " the first %zu are right", log->name, file.n, right.n,
		    common(file, right));
}

static void compare_names(struct oracle *m, const struct sim *sim,
    enum disk_dir dir, enum topic_kind kind)
{
	struct buf b = { 0 };
	const char *file;

	for (size_t i = 0; (file = sim_name(sim, dir, i)) != NULL; i++) {
		size_t k = 0;

		if (strstr(file, ".damaged-") != NULL) {
			wrong(m, "%s was made", file);
			continue;
		}
		buf_clear(&b);
		if (name_from_file(&b, file) == -1) {
			wrong(m, "%s is not a log", file);
			continue;
		}
		while (k < m->logs && !(m->log[k].kind == kind &&
		    str_is(buf_str(&b), m->log[k].name)))
			k++;
		if (k == m->logs)
			wrong(m, "%s is there", file);
	}
	buf_free(&b);
}

struct agreeing {
	struct oracle *m;
	const struct sim *sim;
};

/* Each entry of a batch stands in its log, where it says. */
static int agree(void *ctx, const struct batch *batch)
{
	struct agreeing *a = ctx;
	struct str rest = batch->payload;
	struct entry entry;
	int more;

	while ((more = entry_take(&rest, &entry)) == 1) {
		struct str file = content(a->sim, entry.kind, entry.name);

		if (file.p == NULL || (entry.lines.n > 0 &&
		    (entry.offset + entry.lines.n > file.n ||
		    !str_eq(entry.lines, (struct str){ file.p + entry.offset,
		    entry.lines.n }))))
			wrong(a->m,
			    "%.*s: the journal has something else at %" PRIu64,
			    (int)entry.name.n, entry.name.p, entry.offset);
	}
	if (more == -1)
		wrong(a->m, "journal: the batch at %" PRIu64 " is invalid",
		    batch->at);
	return 0;
}

const char *oracle_files_wrong(struct oracle *m, struct sim *sim)
{
	struct disk *disk = sim_handle(sim);
	struct agreeing a = { m, sim };
	struct journal *journal;

	for (size_t i = 0; i < m->logs; i++)
		compare_file(m, sim, i);
	compare_names(m, sim, DISK_CHANNELS, TOPIC_CHANNEL);
	compare_names(m, sim, DISK_USERS, TOPIC_USER);
	if (journal_look(&journal, disk) != 0 ||
	    journal_look_on(journal) != 0 ||
	    journal_replay(journal, 0, agree, &a) != 0)
		wrong(m, "journal: cannot be read: %s", strerror(errno));
	journal_close(journal);
	disk->free(disk);
	return m->why[0] != '\0' ? m->why : NULL;
}
