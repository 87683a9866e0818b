/* services.c: see services.h; PROTOCOL.md describes each service for those who write clients. */
#include "services.h"

#include "limits.h"
#include "line.h"
#include "name.h"
#include "util.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct service {
	const char *name;
	void (*take)(struct services *v, struct request *r, const struct json_node *data);
	void (*answer)(struct services *v, const struct request *r, struct buf *out);   /* or NULL */
	const char *success;    /* its status then */
};

/* ---- reading a request ---- */

/* A member that must be a string; sets r->refused when it is not. */
static struct str member(struct services *v, struct request *r, const struct json_node *data,
    const char *key, const char *missing)
{
	struct str s = { NULL, 0 };
	const struct json_node *n = json_get(&v->json, data, key);

	if (n == NULL || n->type != JSON_STRING || json_string(n, &v->scratch, &s) == -1)
		r->refused = missing;
	return s;
}

static struct str name_member(struct services *v, struct request *r, const struct json_node *data,
    const char *key, const char *missing)
{
	struct str s = member(v, r, data, key, missing);

	if (r->refused == NULL && !name_ok(s))
		r->refused = "nome inválido: 1 a " LIMIT_TEXT(NAME_BYTES_MAX) " bytes, sem caracteres de controle nem espaços nas pontas";
	return s;
}

/* The client's timestamp as it came, for the log. It is kept and never believed: whatever it is, it
 * does no harm; what is too long to be one, or no scalar, is left out. */
static struct str stamp(const struct services *v, const struct json_node *data)
{
	const struct json_node *n = json_get(&v->json, data, "timestamp");
	struct str s = { NULL, 0 };

	if (n == NULL || n->type == JSON_ARRAY || n->type == JSON_OBJECT)
		return s;
	s = n->raw;
	if (n->type == JSON_STRING)
		s = (struct str){ s.p - 1, s.n + 2 };   /* with its quotes */
	return s.n <= STAMP_BYTES_MAX ? s : (struct str){ NULL, 0 };
}

/* The sender's id, or without one the broker's. */
static struct str request_id(struct services *v, struct request *r, const struct json_node *data)
{
	const struct json_node *n = json_get(&v->json, data, "id");
	struct str s = { NULL, 0 };
	size_t at = v->scratch.n;

	if (n != NULL && n->type != JSON_NULL) {
		if (json_string(n, &v->scratch, &s) == -1 || !name_id_ok(s))
			r->refused = "id inválido: 1 a " LIMIT_TEXT(ID_BYTES_MAX) " caracteres ASCII imprimíveis";
		return s;
	}
	/* That one is looked for among the stored ones too, even when the broker gave it for the first time:
	 * a server that hung finds requests in its socket that another one has been given meanwhile. */
	buf_putc(&v->scratch, '~');
	buf_hex(&v->scratch, r->id.boot);
	buf_putc(&v->scratch, '.');
	buf_hex(&v->scratch, r->id.count);
	if (!v->scratch.err)
		s = (struct str){ v->scratch.p + at, v->scratch.n - at };
	return s;
}

/* ---- storing ---- */

static const char *reason(int e)
{
	switch (e) {
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return "sem espaço em disco";
	case ENOENT:
		return "não existe";
	case EMSGSIZE:
		return "muitos pedidos de uma vez";
	case ENOMEM:
		return "sem memória";
	default:
		return "falha de disco";
	}
}

static void refuse_errno(struct request *r)
{
	r->refused = reason(errno);
}

static void put_event(struct services *v, struct request *r, struct str name, const char *event,
    struct str when, struct str id)
{
	struct topic *events = store_events(v->store);
	struct line l = { .user = name, .message = str_of(event), .stamp = when, .id = id };

	if (events == NULL || store_put(v->store, events, &l) == -1)
		refuse_errno(r);
	r->depends = 1;
}

/* 1: this very request has been stored already. */
static int event_seen(struct services *v, struct request *r, struct str name, const char *event,
    struct str id)
{
	struct topic *events = store_events(v->store);
	struct line l;
	uint64_t seq = events == NULL ? 0 : store_seen(v->store, events, name, id);

	if (seq == 0 || store_find(v->store, events, seq, &l) != 1 || !str_is(l.message, event))
		return 0;
	r->depends = seq > events->now.seq;
	return 1;
}

/* A topic that is used; NULL, with r->refused, when there is none. */
static struct topic *existing(struct services *v, struct request *r, enum topic_kind kind, struct str name)
{
	struct topic *t = store_topic(v->store, kind, name);

	if (t != NULL) {
		r->depends = !t->created;
		return t;
	}
	if (errno != ENOENT)
		refuse_errno(r);
	else
		r->refused = kind == TOPIC_CHANNEL ? "canal não existe" : "usuário não existe";
	return NULL;
}

/* Creates the user if need be. 1: that was needed. */
static int create_user(struct services *v, struct request *r, struct str user)
{
	if (store_has(v->store, TOPIC_USER, user))
		return 0;
	if (store_has(v->store, TOPIC_CHANNEL, user))
		r->refused = "já existe um canal com esse nome";
	else if (store_create(v->store, TOPIC_USER, user) == NULL)
		refuse_errno(r);
	return r->refused == NULL;
}

/* ---- publications ---- */

static void put_member(struct buf *b, const char *key, struct str value)
{
	buf_puts(b, key);
	json_put_string(b, value);
}

static void put_publication(struct buf *b, const struct topic *t, const struct line *l)
{
	if (t->kind == TOPIC_CHANNEL) {
		put_member(b, "{\"type\":\"channel\",\"channel\":", t->name);
		put_member(b, ",\"user\":", l->user);
	} else {
		put_member(b, "{\"type\":\"private\",\"user\":", l->user);
		put_member(b, ",\"src\":", l->user);
		put_member(b, ",\"from\":", l->user);
		put_member(b, ",\"dst\":", t->name);
		put_member(b, ",\"to\":", t->name);
	}
	put_member(b, ",\"message\":", l->message);
	buf_puts(b, ",\"timestamp\":");
	json_put_time(b, l->ms);
	buf_puts(b, ",\"seq\":");
	buf_u64(b, l->seq);
	buf_putc(b, '}');
}

static int add_publication(struct services *v, const struct publication *p)
{
	if (v->publications == v->publications_cap) {
		size_t cap = v->publications_cap > 0 ? 2 * v->publications_cap : 64;
		struct publication *more = realloc(v->publication, cap * sizeof *more);

		if (more == NULL)
			return -1;
		v->publication = more;
		v->publications_cap = cap;
	}
	v->publication[v->publications++] = *p;
	return 0;
}

/* A publication that memory does not suffice for is left out: the log has the message. */
static void publish_later(struct services *v, const struct topic *t, const struct line *l)
{
	struct publication p = { .topic_at = v->text.n, .topic_n = t->name.n };
	size_t before = v->text.n;

	buf_str_add(&v->text, t->name);
	p.body_at = v->text.n;
	put_publication(&v->text, t, l);
	p.body_n = v->text.n - p.body_at;
	if (v->text.err || add_publication(v, &p) == -1) {
		v->text.n = before;
		v->text.err = 0;
	}
}

/* ---- the services ---- */

static void take_login(struct services *v, struct request *r, const struct json_node *data)
{
	struct str user = name_member(v, r, data, "user", "falta user"), id = { NULL, 0 };

	if (r->refused == NULL)
		id = request_id(v, r, data);
	if (r->refused != NULL || event_seen(v, r, user, "login", id))
		return;
	(void)create_user(v, r, user);
	if (r->refused == NULL)
		put_event(v, r, user, "login", stamp(v, data), id);
}

static void take_channel(struct services *v, struct request *r, const struct json_node *data)
{
	struct str name = name_member(v, r, data, "channel", "falta channel"), id = { NULL, 0 };

	if (r->refused == NULL)
		id = request_id(v, r, data);
	if (r->refused != NULL || event_seen(v, r, name, "channel", id))
		return;
	if (store_has(v->store, TOPIC_CHANNEL, name))
		r->refused = "canal já existe";
	else if (store_has(v->store, TOPIC_USER, name))
		r->refused = "já existe um usuário com esse nome";
	else if (store_create(v->store, TOPIC_CHANNEL, name) == NULL)
		refuse_errno(r);
	else
		put_event(v, r, name, "channel", stamp(v, data), id);
}

/* A message that was stored before. It is published again only when the broker gives it again: the
 * server that stored it may have died before it published; receivers drop a seq they have seen. */
static void take_again(struct services *v, struct request *r, struct topic *t)
{
	struct line l;

	r->depends = r->seq > t->now.seq;
	if (!r->again || store_find(v->store, t, r->seq, &l) != 1)
		return;
	publish_later(v, t, &l);
	v->republished++;
}

static void take_text(struct services *v, struct request *r, const struct json_node *data,
    struct str user, enum topic_kind kind, struct str to)
{
	struct line l = { .user = user, .stamp = stamp(v, data) };
	struct topic *t = NULL;

	l.message = member(v, r, data, "message", "falta message");
	if (r->refused == NULL && (l.message.n == 0 || l.message.n > MESSAGE_BYTES_MAX))
		r->refused = l.message.n == 0 ? "mensagem vazia" : "mensagem longa demais: até "
		    LIMIT_TEXT(MESSAGE_BYTES_MAX) " bytes";
	if (r->refused == NULL)
		l.id = request_id(v, r, data);
	if (r->refused == NULL)
		t = existing(v, r, kind, to);
	if (t == NULL)
		return;
	r->seq = store_seen(v->store, t, user, l.id);
	if (r->seq != 0) {
		take_again(v, r, t);
		return;
	}
	/* The message has the id: a login with the same one must find its own
	 * event, not this one. */
	if (create_user(v, r, user))
		put_event(v, r, user, "user", l.stamp, (struct str){ NULL, 0 });
	if (r->refused != NULL)
		return;
	if (store_put(v->store, t, &l) == -1) {
		refuse_errno(r);
		return;
	}
	r->depends = r->stored = 1;
	r->seq = l.seq;
	publish_later(v, t, &l);
}

static void take_publish(struct services *v, struct request *r, const struct json_node *data)
{
	struct str user = name_member(v, r, data, "user", "falta user"), channel = { NULL, 0 };

	if (r->refused == NULL)
		channel = name_member(v, r, data, "channel", "falta channel");
	if (r->refused == NULL)
		take_text(v, r, data, user, TOPIC_CHANNEL, channel);
}

static void take_message(struct services *v, struct request *r, const struct json_node *data)
{
	struct str src = name_member(v, r, data, "src", "falta src"), dst = { NULL, 0 };

	if (r->refused == NULL)
		dst = name_member(v, r, data, "dst", "falta dst");
	if (r->refused == NULL)
		take_text(v, r, data, src, TOPIC_USER, dst);
}

static void answer_seq(struct services *v, const struct request *r, struct buf *out)
{
	(void)v;
	buf_puts(out, ",\"seq\":");
	buf_u64(out, r->seq);
}

/* A whole number within a bound, or its default when it is missing. */
static uint64_t number(struct services *v, struct request *r, const struct json_node *data,
    const char *key, uint64_t most, uint64_t missing, const char *refused)
{
	const struct json_node *n = json_get(&v->json, data, key);
	uint64_t value = missing;

	if (n != NULL && n->type != JSON_NULL &&
	    (n->type != JSON_NUMBER || json_uint(n, &value) == -1 || value > most))
		r->refused = refused;
	return value;
}

static void take_history(struct services *v, struct request *r, const struct json_node *data)
{
	int channel = json_get(&v->json, data, "channel") != NULL;
	struct str name = name_member(v, r, data, channel ? "channel" : "user", "falta channel ou user");

	if (r->refused == NULL)
		r->limit = (unsigned)number(v, r, data, "limit", HISTORY_MAX, HISTORY_DEFAULT,
		    "limit inválido: um inteiro de 0 a " LIMIT_TEXT(HISTORY_MAX));
	if (r->refused == NULL)
		r->after = number(v, r, data, "after", INT64_MAX, HISTORY_NEWEST,
		    "after inválido: um inteiro a partir de 0");
	if (r->refused == NULL)
		r->topic = existing(v, r, channel ? TOPIC_CHANNEL : TOPIC_USER, name);
}

struct page {
	struct buf *out;
	const struct topic *topic;
	size_t start;
	unsigned left;
};

static int add_message(void *ctx, const struct line *l)
{
	struct page *p = ctx;
	size_t before = p->out->n;

	if (p->left == 0)
		return 1;
	if (before > p->start)
		buf_putc(p->out, ',');
	put_publication(p->out, p->topic, l);
	if (p->out->n - p->start > HISTORY_BYTES_MAX && before > p->start) {
		p->out->n = before;
		return 1;
	}
	return --p->left == 0;
}

/* Fewer messages than there are when a line cannot be read: which one is said on stderr. */
static void answer_history(struct services *v, const struct request *r, struct buf *out)
{
	uint64_t last = r->topic->now.seq, after = r->after;
	struct page page = { out, r->topic, 0, r->limit };

	if (after == HISTORY_NEWEST)
		after = last > r->limit ? last - r->limit : 0;
	buf_puts(out, ",\"messages\":[");
	page.start = out->n;
	if (r->limit > 0 && store_read(v->store, r->topic, after, add_message, &page) == -1)
		warn("history:");
	buf_puts(out, "],\"last\":");
	buf_u64(out, last);
}

static void take_nothing(struct services *v, struct request *r, const struct json_node *data)
{
	(void)v;
	(void)r;
	(void)data;
}

static void put_names(struct services *v, const char *key, enum topic_kind kind, struct buf *out)
{
	buf_puts(out, key);
	for (size_t i = 0; i < store_count(v->store, kind); i++) {
		if (i > 0)
			buf_putc(out, ',');
		json_put_string(out, store_at(v->store, kind, i)->name);
	}
	buf_putc(out, ']');
}

static void answer_users(struct services *v, const struct request *r, struct buf *out)
{
	(void)r;
	put_names(v, ",\"users\":[", TOPIC_USER, out);
}

/* The course's text has the list under "users" here too, and some clients read it there. */
static void answer_channels(struct services *v, const struct request *r, struct buf *out)
{
	(void)r;
	put_names(v, ",\"channels\":[", TOPIC_CHANNEL, out);
	put_names(v, ",\"users\":[", TOPIC_CHANNEL, out);
}

static void answer_ping(struct services *v, const struct request *r, struct buf *out)
{
	(void)v;
	(void)r;
	json_put_member(out, "version", STR(RECADO_VERSION));
}

/* ---- stats ---- */

static int by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void put_number(struct buf *out, const char *key, uint64_t n)
{
	buf_puts(out, key);
	buf_u64(out, n);
}

static void put_sync_times(const struct services *v, struct buf *out)
{
	uint32_t sorted[SYNC_TIMES];
	size_t n = v->syncs < SYNC_TIMES ? (size_t)v->syncs : SYNC_TIMES;

	memcpy(sorted, v->sync_us, n * sizeof *sorted);
	qsort(sorted, n, sizeof *sorted, by_value);
	put_number(out, ",\"sync_p50_us\":", n > 0 ? sorted[n / 2] : 0);
	put_number(out, ",\"sync_p99_us\":", n > 0 ? sorted[n * 99 / 100] : 0);
}

static void put_server(struct services *v, struct buf *out)
{
	put_number(out, ",\"server\":{\"uptime\":", (uint64_t)(ticks_ms() - v->started_ms) / 1000);
	put_number(out, ",\"requests\":", v->requests);
	put_number(out, ",\"refused\":", v->refused);
	put_number(out, ",\"messages\":", v->messages);
	put_number(out, ",\"republished\":", v->republished);
	put_number(out, ",\"batches\":", v->batches);
	put_number(out, ",\"batch_last\":", v->batch_last);
	put_number(out, ",\"syncs\":", v->syncs);
	put_sync_times(v, out);
	put_number(out, ",\"topics\":", store_count(v->store, TOPIC_CHANNEL) +
	    store_count(v->store, TOPIC_USER));
	put_number(out, ",\"open_logs\":", store_open_logs(v->store));
	buf_putc(out, '}');
}

static void put_broker(const struct services *v, struct buf *out)
{
	static const char *const key[BACK_COUNTERS] = {
		[BACK_WAITING] = ",\"broker\":{\"waiting\":", [BACK_OPEN] = ",\"open\":",
		[BACK_SERVERS] = ",\"servers\":", [BACK_CREDIT] = ",\"credit\":",
		[BACK_REQUESTS] = ",\"requests\":", [BACK_ANSWERED] = ",\"answered\":",
		[BACK_REDELIVERED] = ",\"redelivered\":", [BACK_EXPIRED] = ",\"expired\":",
		[BACK_UNROUTABLE] = ",\"unroutable\":", [BACK_UPTIME_MS] = ",\"uptime\":"
	};

	for (int i = 0; i < BACK_COUNTERS; i++)
		put_number(out, key[i], i == BACK_UPTIME_MS ? v->broker[i] / 1000 : v->broker[i]);
	buf_putc(out, '}');
}

/* Only channels that have been used since the start: looking at the others would open their logs. */
static void put_channels(struct services *v, struct buf *out)
{
	int first = 1;

	buf_puts(out, ",\"channels\":[");
	for (size_t i = 0; i < store_count(v->store, TOPIC_CHANNEL); i++) {
		const struct topic *t = store_at(v->store, TOPIC_CHANNEL, i);

		if (!t->loaded)
			continue;
		put_member(out, first ? "{\"name\":" : ",{\"name\":", t->name);
		put_number(out, ",\"seq\":", t->now.seq);
		buf_putc(out, '}');
		first = 0;
	}
	buf_putc(out, ']');
}

static void answer_stats(struct services *v, const struct request *r, struct buf *out)
{
	answer_ping(v, r, out);
	put_server(v, out);
	put_broker(v, out);
	put_channels(v, out);
}

static const struct service services[] = {
	{ "publish",  take_publish, answer_seq,      "OK" },
	{ "message",  take_message, answer_seq,      "OK" },
	{ "history",  take_history, answer_history,  "OK" },
	{ "login",    take_login,   NULL,            "sucesso" },
	{ "channel",  take_channel, NULL,            "sucesso" },
	{ "channels", take_nothing, answer_channels, "OK" },
	{ "users",    take_nothing, answer_users,    "OK" },
	{ "ping",     take_nothing, answer_ping,     "OK" },
	{ "stats",    take_nothing, answer_stats,    "OK" },
};

/* ---- the two steps ---- */

static const struct service *find_service(struct services *v)
{
	const struct json_node *n = json_get(&v->json, v->json.node, "service");
	struct str name;

	if (n == NULL || json_string(n, &v->scratch, &name) == -1)
		return NULL;
	for (size_t i = 0; i < sizeof services / sizeof *services; i++)
		if (str_is(name, services[i].name))
			return &services[i];
	return NULL;
}

/* The request's data, once all is checked that every request has in common;
 * else NULL, and r->refused. */
static const struct json_node *read_request(struct services *v,
    struct request *r)
{
	const struct json_node *data;

	buf_clear(&v->scratch);
	/* Escapes only shrink, and an id is added: decoded strings never move
	 * while others are in use. */
	if (buf_room(&v->scratch, r->body.n + ID_BYTES_MAX) == NULL)
		r->refused = reason(ENOMEM);
	else if (r->body.n > REQUEST_BYTES_MAX)
		r->refused = "pedido longo demais: até " LIMIT_TEXT(REQUEST_KIB_MAX) " KiB";
	else if (json_parse(&v->json, r->body.p, r->body.n) == -1)
		r->refused = strcmp(v->json.error, "out of memory") == 0 ?
		    reason(ENOMEM) : "JSON inválido";
	else if (v->json.node->type != JSON_OBJECT)
		r->refused = "o pedido não é um objeto";
	if (r->refused != NULL)
		return NULL;
	r->service = find_service(v);
	data = json_get(&v->json, v->json.node, "data");
	if (r->service == NULL)
		r->refused = "serviço desconhecido";
	else if (data == NULL || data->type != JSON_OBJECT)
		r->refused = "falta data";
	return r->refused == NULL ? data : NULL;
}

void service_take(struct services *v, struct request *r)
{
	const struct json_node *data = read_request(v, r);

	if (data != NULL)
		r->service->take(v, r, data);
	v->requests++;
}

static void answer_refused(const struct request *r, const char *text, struct buf *out)
{
	buf_puts(out, "{\"service\":");
	json_put_string(out, str_of(r->service != NULL ? r->service->name : "erro"));
	buf_puts(out, ",\"data\":{\"status\":\"erro\"");
	put_member(out, ",\"message\":", str_of(text));
	put_member(out, ",\"description\":", str_of(text));
}

static void answer_accepted(struct services *v, const struct request *r, struct buf *out)
{
	buf_puts(out, "{\"service\":\"");
	buf_puts(out, r->service->name);
	buf_puts(out, "\",\"data\":{\"status\":\"");
	buf_puts(out, r->service->success);
	buf_putc(out, '"');
	if (r->service->answer != NULL)
		r->service->answer(v, r, out);
}

void service_answer(struct services *v, const struct request *r, int failed, struct buf *out)
{
	const char *refused = r->refused;

	if (refused == NULL && r->depends && failed != 0)
		refused = reason(failed);
	if (refused != NULL) {
		v->refused++;
		answer_refused(r, refused, out);
	} else {
		v->messages += (uint64_t)r->stored;
		answer_accepted(v, r, out);
	}
	buf_puts(out, ",\"timestamp\":");
	json_put_time(out, now_ms());
	buf_puts(out, "}}");
}

void service_refuse(struct services *v, struct request *r, int error)
{
	if (read_request(v, r) != NULL)
		r->refused = reason(error);
}

void service_free(struct services *v)
{
	json_free(&v->json);
	buf_free(&v->scratch);
	buf_free(&v->text);
	free(v->publication);
}

int service_create_channel(struct services *v, struct str name)
{
	struct request r = { 0 };

	if (!name_ok(name)) {
		errno = EINVAL;
		return -1;
	}
	if (store_has(v->store, TOPIC_CHANNEL, name))
		return 0;
	if (store_has(v->store, TOPIC_USER, name)) {
		errno = EEXIST;
		return -1;
	}
	if (store_create(v->store, TOPIC_CHANNEL, name) == NULL)
		return -1;
	put_event(v, &r, name, "channel", (struct str){ NULL, 0 }, (struct str){ NULL, 0 });
	return r.refused == NULL ? 0 : -1;
}
