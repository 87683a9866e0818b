/* services.c: see services.h. PROTOCOL.md describes each service. */
#include "services.h"

#include "limits.h"
#include "line.h"
#include "name.h"
#include "util.h"

#include <errno.h>
#include <string.h>

#define NONE ((struct str){ NULL, 0 })

struct service {
	const char *name;
	/* Either may be NULL. The second writes the members between status
	 * and timestamp; or it returns the reason why it cannot. */
	void (*take)(struct services *v, struct job *j);
	const char *(*answer)(struct services *v, const struct job *j,
	    struct buf *out);
	const char *success;    /* the status */
	int is_long;            /* 1: the reply may be */
};

/* ---- reading a request ---- */

/* What reads a member sets j->refused if it must, and does nothing once that
 * is set: the first mistake is the one in the reply. */

static struct str string_member(struct services *v, struct job *j,
    const char *key, const char *missing)
{
	const struct json_node *n = json_get(&v->json, v->data, key);
	struct str s = NONE;

	if (j->refused == NULL && json_string(n, &v->scratch, &s) == -1)
		j->refused = missing;
	return s;
}

static struct str name_member(struct services *v, struct job *j,
    const char *key, const char *missing)
{
	struct str s = string_member(v, j, key, missing);

	if (j->refused == NULL && !name_ok(s))
		j->refused = "nome inválido: 1 a " LIMIT_TEXT(NAME_BYTES_MAX)
		    " bytes, sem caracteres de controle nem espaços nas pontas";
	return s;
}

static int has_member(const struct services *v, const char *key)
{
	const struct json_node *n = json_get(&v->json, v->data, key);

	return n != NULL && n->type != JSON_NULL;
}

/* An integer from 0 to most; where it is missing, its default. */
static uint64_t integer_member(struct services *v, struct job *j,
    const char *key, uint64_t most, uint64_t missing, const char *refused)
{
	const struct json_node *n = json_get(&v->json, v->data, key);
	uint64_t value = missing;

	if (j->refused == NULL && has_member(v, key) &&
	    (json_uint(n, &value) == -1 || value > most))
		j->refused = refused;
	return value;
}

/* The client's timestamp as it came, for the log. It is kept but never
 * believed, so any scalar will do; one that is too long is left out. */
static struct str stamp_member(const struct services *v)
{
	const struct json_node *n = json_get(&v->json, v->data, "timestamp");
	struct str s;

	if (n == NULL || n->type == JSON_ARRAY || n->type == JSON_OBJECT)
		return NONE;
	s = n->raw;
	if (n->type == JSON_STRING)
		s = (struct str){ s.p - 1, s.n + 2 };   /* with its quotes */
	return s.n <= STAMP_BYTES_MAX ? s : NONE;
}

/* The broker's id of a request, as the log has it. It is looked up even when
 * the request is given for the first time: a server that hung finds requests
 * in its socket that another server has been given meanwhile. */
static struct str put_broker_id(struct buf *b, struct request_id id)
{
	size_t start = b->n;

	buf_putc(b, '~');
	buf_hex(b, id.boot);
	buf_putc(b, '.');
	buf_hex(b, id.count);
	return b->err ? NONE : (struct str){ b->p + start, b->n - start };
}

/* The sender's id; where it is missing, the broker's. */
static struct str id_member(struct services *v, struct job *j)
{
	const struct json_node *n = json_get(&v->json, v->data, "id");
	struct str s = NONE;

	if (!has_member(v, "id"))
		return put_broker_id(&v->scratch, j->id);
	if (j->refused != NULL)
		return s;
	if (json_string(n, &v->scratch, &s) == -1 || !name_id_ok(s))
		j->refused = "id inválido: 1 a " LIMIT_TEXT(ID_BYTES_MAX)
		    " caracteres ASCII imprimíveis";
	return s;
}

/* ---- storing ---- */

static const char *reason_of(int e)
{
	switch (e) {
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return "sem espaço em disco";
	case EUSERS:
		return "usuários e canais demais";
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

static void refuse_errno(struct job *j)
{
	j->refused = reason_of(errno);
}

static void put_event(struct services *v, struct job *j, struct str name,
    const char *event, struct str stamp, struct str id)
{
	struct topic *events = store_events(v->store);
	struct line l = { .user = name, .message = str_of(event),
	    .stamp = stamp, .id = id };

	if (events == NULL || store_put(v->store, events, &l) == -1)
		refuse_errno(j);
	j->depends = 1;
}

/* 1: this very request was stored before. */
static int event_seen(struct services *v, struct job *j, struct str name,
    const char *event, struct str id)
{
	struct topic *events = store_events(v->store);
	struct line l;
	uint64_t seq = 0;

	if (events != NULL)
		seq = store_seen(v->store, events, name, id);
	if (seq == 0 || store_find(v->store, events, seq, &l) != 1 ||
	    !str_is(l.message, event))
		return 0;
	j->depends = seq > events->now.seq;
	return 1;
}

/* A topic that must exist; NULL: j->refused says why not. */
static struct topic *existing_topic(struct services *v, struct job *j,
    enum topic_kind kind, struct str name)
{
	struct topic *t = store_topic(v->store, kind, name);

	if (t != NULL)
		j->depends = !t->created;
	else if (errno != ENOENT)
		refuse_errno(j);
	else
		j->refused = kind == TOPIC_CHANNEL ? "canal não existe" :
		    "usuário não existe";
	return t;
}

static const char name_dropped[] =
    "esse nome foi usado por um canal removido";

/* 1: the user did not exist and is created with the batch. */
static int create_user(struct services *v, struct job *j, struct str user)
{
	if (store_has(v->store, TOPIC_USER, user))
		return 0;
	if (store_has(v->store, TOPIC_CHANNEL, user))
		j->refused = "já existe um canal com esse nome";
	else if (store_has(v->store, TOPIC_DROPPED, user))
		j->refused = name_dropped;
	else if (store_create(v->store, TOPIC_USER, user) == NULL)
		refuse_errno(j);
	return j->refused == NULL;
}

/* A message that was stored before. It is published again only if the broker
 * gives it again, since the server that stored it may have died before it
 * published. Receivers drop a seq that they have seen. */
static void take_again(struct services *v, struct job *j, struct topic *t)
{
	struct line l;

	j->depends = j->seq > t->now.seq;
	if (!j->again || store_find(v->store, t, j->seq, &l) != 1)
		return;
	publish_later(&v->publications, t, &l);
	v->stats.republished++;
}

static void store_message(struct services *v, struct job *j, struct topic *t,
    struct line *l)
{
	/* The message has the id: a login with the same one must find its own
	 * event, not this one. */
	if (create_user(v, j, l->user))
		put_event(v, j, l->user, "user", l->stamp, NONE);
	if (j->refused == NULL && store_put(v->store, t, l) == -1)
		refuse_errno(j);
	if (j->refused != NULL)
		return;
	j->depends = j->stored = 1;
	j->seq = l->seq;
	publish_later(&v->publications, t, l);
}

/* ---- each service: taking ---- */

static void take_to_topic(struct services *v, struct job *j, struct str user,
    enum topic_kind kind, struct str to)
{
	struct str message = string_member(v, j, "message", "falta message");
	struct line l = { .user = user, .message = message };
	struct topic *t;

	if (j->refused == NULL && message.n == 0)
		j->refused = "mensagem vazia";
	if (message.n > MESSAGE_BYTES_MAX)
		j->refused = "mensagem longa demais: até "
		    LIMIT_TEXT(MESSAGE_BYTES_MAX) " bytes";
	l.id = id_member(v, j);
	l.stamp = stamp_member(v);
	if (j->refused != NULL || (t = existing_topic(v, j, kind, to)) == NULL)
		return;
	j->seq = store_seen(v->store, t, user, l.id);
	if (j->seq != 0)
		take_again(v, j, t);
	else
		store_message(v, j, t, &l);
}

static void take_publish(struct services *v, struct job *j)
{
	struct str user = name_member(v, j, "user", "falta user");
	struct str channel = name_member(v, j, "channel", "falta channel");

	take_to_topic(v, j, user, TOPIC_CHANNEL, channel);
}

static void take_private(struct services *v, struct job *j)
{
	struct str src = name_member(v, j, "src", "falta src");
	struct str dst = name_member(v, j, "dst", "falta dst");

	take_to_topic(v, j, src, TOPIC_USER, dst);
}

/* A valid name, for longer than the request. */
static void keep_name(struct job *j, struct str name)
{
	memcpy(j->name, name.p, name.n);
	j->name_bytes = name.n;
}

static struct str kept_name(const struct job *j)
{
	return (struct str){ j->name, j->name_bytes };
}

static void take_history(struct services *v, struct job *j)
{
	int channel = json_get(&v->json, v->data, "channel") != NULL;
	enum topic_kind kind = channel ? TOPIC_CHANNEL : TOPIC_USER;
	struct str name = name_member(v, j, channel ? "channel" : "user",
	    "falta channel ou user");

	j->kind = kind;
	j->limit = (unsigned)integer_member(v, j, "limit", HISTORY_MAX,
	    HISTORY_DEFAULT, "limit inválido: um inteiro de 0 a "
	    LIMIT_TEXT(HISTORY_MAX));
	j->after = integer_member(v, j, "after", INT64_MAX, HISTORY_NEWEST,
	    "after inválido: um inteiro a partir de 0");
	if (j->refused != NULL)
		return;
	keep_name(j, name);
	j->topic = existing_topic(v, j, kind, name);
}

/* Clients that know no pages send neither member. */
static void take_list(struct services *v, struct job *j)
{
	const char *refused = "after inválido: um nome ou vazio";
	int after = has_member(v, "after");
	struct str name = NONE;

	if (after)
		name = string_member(v, j, "after", refused);
	if (j->refused == NULL && name.n > 0 && !name_ok(name))
		j->refused = refused;
	j->limit = (unsigned)integer_member(v, j, "limit", LIST_MAX,
	    after ? LIST_MAX : LIST_WHOLE, "limit inválido: um inteiro de 0 a "
	    LIMIT_TEXT(LIST_MAX));
	if (j->refused == NULL && name.n > 0)
		keep_name(j, name);
}

static void take_login(struct services *v, struct job *j)
{
	struct str user = name_member(v, j, "user", "falta user");
	struct str id = id_member(v, j);

	if (j->refused != NULL || event_seen(v, j, user, "login", id))
		return;
	(void)create_user(v, j, user);
	if (j->refused == NULL)
		put_event(v, j, user, "login", stamp_member(v), id);
}

static void take_channel(struct services *v, struct job *j)
{
	struct str name = name_member(v, j, "channel", "falta channel");
	struct str id = id_member(v, j);

	if (j->refused != NULL || event_seen(v, j, name, "channel", id))
		return;
	if (store_has(v->store, TOPIC_CHANNEL, name))
		j->refused = "canal já existe";
	else if (store_has(v->store, TOPIC_USER, name))
		j->refused = "já existe um usuário com esse nome";
	else if (store_has(v->store, TOPIC_DROPPED, name))
		j->refused = name_dropped;
	else if (store_create(v->store, TOPIC_CHANNEL, name) == NULL)
		refuse_errno(j);
	else
		put_event(v, j, name, "channel", stamp_member(v), id);
}

/* ---- each service: answering ---- */

static const char *answer_seq(struct services *v, const struct job *j,
    struct buf *out)
{
	(void)v;
	json_put_number(out, "seq", j->seq);
	return NULL;
}

struct page {
	struct buf *out;
	const struct topic *topic;
	size_t start;
	unsigned left;
};

/* No line that a server has written is too long for a page of its own. */
static int add_to_page(void *ctx, const struct line *l)
{
	struct page *p = ctx;
	size_t before = p->out->n;

	json_put_comma(p->out);
	publish_put(p->out, p->topic, l);
	if (p->out->n - p->start > PAGE_BYTES_MAX) {
		p->out->n = before;
		if (before > p->start)
			return 1;
	}
	return --p->left == 0;
}

/* A line that cannot be read is left out, and reported on stderr. */
static const char *answer_history(struct services *v, const struct job *j,
    struct buf *out)
{
	static struct seldom unread;
	uint64_t last = j->topic->now.seq, after = j->after;
	struct page page = { out, j->topic, 0, j->limit };

	if (after == HISTORY_NEWEST)
		after = last > j->limit ? last - j->limit : 0;
	json_put_key(out, "messages");
	buf_putc(out, '[');
	page.start = out->n;
	if (j->limit > 0 && store_read(v->store, j->topic, after, add_to_page,
	    &page) == -1)
		warn_seldom(&unread, "history:");
	buf_putc(out, ']');
	json_put_number(out, "last", last);
	return NULL;
}

/* Some names of a kind in order, of which those before `next` are done. */
struct names_page {
	enum topic_kind kind;
	size_t next, end;
};

/* As many as fit. */
static void put_names(struct services *v, const char *key,
    struct names_page *p, size_t bytes_max, struct buf *out)
{
	size_t start;

	json_put_key(out, key);
	buf_putc(out, '[');
	start = out->n;
	for (; p->next < p->end; p->next++) {
		size_t before = out->n;

		json_put_comma(out);
		json_put_string(out,
		    store_at(v->store, p->kind, p->next)->name);
		if (out->n - start > bytes_max) {
			out->n = before;
			break;
		}
	}
	buf_putc(out, ']');
}

/* The course's text has the list of channels under "users" too, and some
 * clients read it there. */
static const char *put_list(struct services *v, const struct job *j,
    enum topic_kind kind, struct buf *out)
{
	struct str after = kept_name(j);
	size_t count = store_count(v->store, kind);
	size_t first = after.n > 0 ? store_above(v->store, kind, after) : 0;
	struct names_page page = { kind, first,
		j->limit < count - first ? first + j->limit : count };

	if (kind == TOPIC_CHANNEL) {
		struct names_page again = page;

		put_names(v, "channels", &page, PAGE_BYTES_MAX / 2, out);
		again.end = page.next;
		put_names(v, "users", &again, PAGE_BYTES_MAX / 2, out);
	} else {
		put_names(v, "users", &page, PAGE_BYTES_MAX, out);
	}
	if (j->limit != LIST_WHOLE)
		json_put_flag(out, "more", page.next < count);
	else if (page.next < count)
		return "lista longa demais: peça por partes, com after e limit";
	return NULL;
}

static const char *answer_users(struct services *v, const struct job *j,
    struct buf *out)
{
	return put_list(v, j, TOPIC_USER, out);
}

static const char *answer_channels(struct services *v, const struct job *j,
    struct buf *out)
{
	return put_list(v, j, TOPIC_CHANNEL, out);
}

static const char *answer_ping(struct services *v, const struct job *j,
    struct buf *out)
{
	(void)v;
	(void)j;
	json_put_member(out, "version", STR(RECADO_VERSION));
	return NULL;
}

static const char *answer_stats(struct services *v, const struct job *j,
    struct buf *out)
{
	(void)j;
	json_put_member(out, "version", STR(RECADO_VERSION));
	stats_put(&v->stats, v->store, out);
	return NULL;
}

static const struct service services[] = {
	{ "publish",  take_publish, answer_seq,      "OK", 0 },
	{ "message",  take_private, answer_seq,      "OK", 0 },
	{ "history",  take_history, answer_history,  "OK", 1 },
	{ "login",    take_login,   NULL,            "sucesso", 0 },
	{ "channel",  take_channel, NULL,            "sucesso", 0 },
	{ "channels", take_list,    answer_channels, "OK", 1 },
	{ "users",    take_list,    answer_users,    "OK", 1 },
	{ "ping",     NULL,         answer_ping,     "OK", 0 },
	{ "stats",    NULL,         answer_stats,    "OK", 1 },
};

/* ---- the two steps ---- */

static const struct service *find_service(struct services *v)
{
	struct str name;

	if (json_string(json_get(&v->json, v->json.node, "service"),
	    &v->scratch, &name) == -1)
		return NULL;
	for (size_t i = 0; i < sizeof services / sizeof *services; i++)
		if (str_is(name, services[i].name))
			return &services[i];
	return NULL;
}

/* The reason why a body is not a request, or NULL. */
static const char *parse_body(struct services *v, struct str body)
{
	buf_clear(&v->scratch);
	/* Escapes only shrink, and an id is added: decoded strings never move
	 * while others are in use. */
	if (buf_room(&v->scratch, body.n + ID_BYTES_MAX) == NULL)
		return reason_of(ENOMEM);
	if (body.n > REQUEST_BYTES_MAX)
		return "pedido longo demais: até " LIMIT_TEXT(REQUEST_KIB_MAX)
		    " KiB";
	if (json_parse(&v->json, body.p, body.n) == -1)
		return strcmp(v->json.error, "out of memory") == 0 ?
		    reason_of(ENOMEM) : "JSON inválido";
	if (v->json.node->type != JSON_OBJECT)
		return "o pedido não é um objeto";
	return NULL;
}

/* Checks what all requests have in common. -1: something is wrong, which
 * j->refused says. */
static int read_request(struct services *v, struct job *j)
{
	j->refused = parse_body(v, j->body);
	if (j->refused != NULL)
		return -1;
	j->service = find_service(v);
	v->data = json_get(&v->json, v->json.node, "data");
	if (j->service == NULL)
		j->refused = "serviço desconhecido";
	else if (v->data == NULL || v->data->type != JSON_OBJECT)
		j->refused = "falta data";
	return j->refused == NULL ? 0 : -1;
}

void service_take(struct services *v, struct job *j)
{
	if (read_request(v, j) == 0 && j->service->take != NULL)
		j->service->take(v, j);
	v->stats.requests++;
}

void service_refuse(struct services *v, struct job *j, int error)
{
	if (read_request(v, j) == 0)
		j->refused = reason_of(error);
}

static void answer_refused(const struct job *j, const char *reason,
    struct buf *out)
{
	const char *service = j->service != NULL ? j->service->name : "erro";

	buf_putc(out, '{');
	json_put_member(out, "service", str_of(service));
	json_put_key(out, "data");
	buf_putc(out, '{');
	json_put_member(out, "status", STR("erro"));
	json_put_member(out, "message", str_of(reason));
	json_put_member(out, "description", str_of(reason));
}

static const char *answer_accepted(struct services *v, const struct job *j,
    struct buf *out)
{
	buf_puts(out, "{\"service\":\"");
	buf_puts(out, j->service->name);
	buf_puts(out, "\",\"data\":{\"status\":\"");
	buf_puts(out, j->service->success);
	buf_putc(out, '"');
	return j->service->answer != NULL ? j->service->answer(v, j, out) :
	    NULL;
}

void service_fail(struct job *j, int error)
{
	if (j->refused == NULL)
		j->refused = reason_of(error);
}

void service_expire(struct job *j)
{
	j->refused = "servidor indisponível";
}

int service_is_long(const struct job *j)
{
	return j->service != NULL && j->service->is_long && j->refused == NULL;
}

int service_ready(struct services *v, struct job *j)
{
	if (!service_is_long(j))
		return 1;
	if (j->topic == NULL)
		return store_readable(v->store);
	j->topic = store_ready(v->store, j->kind, kept_name(j));
	return j->topic != NULL;
}

void service_find(struct services *v, struct job *j)
{
	if (j->service->answer == answer_history)
		j->topic = existing_topic(v, j, j->kind, kept_name(j));
}

size_t service_answer(struct services *v, const struct job *j,
    struct buf *out)
{
	const char *refused = j->refused;
	size_t start = out->n, taken_back = 0;

	if (refused == NULL)
		refused = answer_accepted(v, j, out);
	if (refused != NULL) {
		v->stats.refused++;
		taken_back = out->n - start;
		out->n = start;
		answer_refused(j, refused, out);
	} else {
		v->stats.messages += (uint64_t)j->stored;
	}
	json_put_time(out, "timestamp", now_ms());
	buf_puts(out, "}}");
	return out->n - start + taken_back;
}

void service_free(struct services *v)
{
	json_free(&v->json);
	buf_free(&v->scratch);
	publish_free(&v->publications);
}

int service_create_channel(struct services *v, struct str name)
{
	struct job j = { 0 };

	errno = EINVAL;
	if (!name_ok(name))
		return -1;
	if (store_has(v->store, TOPIC_CHANNEL, name))
		return 0;
	errno = EEXIST;
	if (store_has(v->store, TOPIC_USER, name) ||
	    store_create(v->store, TOPIC_CHANNEL, name) == NULL)
		return -1;
	put_event(v, &j, name, "channel", NONE, NONE);
	return j.refused == NULL ? 0 : -1;
}
