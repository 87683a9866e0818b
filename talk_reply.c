/* talk_reply.c: see talk_reply.h. */
#include "talk_reply.h"

struct str reply_string(const struct json *j, const struct json_node *object,
    const char *key, struct buf *scratch)
{
	struct str s;

	buf_clear(scratch);
	if (json_string(json_get(j, object, key), scratch, &s) == -1)
		return STR("");
	return s;
}

uint64_t reply_number(const struct json *j, const struct json_node *object,
    const char *key, uint64_t otherwise)
{
	uint64_t value;

	return json_uint(json_get(j, object, key), &value) == 0 ? value :
	    otherwise;
}

const struct json_node *reply_array(const struct answer *a, const char *key)
{
	const struct json_node *n = json_get(a->json, a->data, key);

	return n != NULL && n->type == JSON_ARRAY ? n : NULL;
}

void reply_names(const struct answer *a, const char *key,
    void (*add)(void *arg, struct str name), void *arg)
{
	const struct json_node *list = reply_array(a, key), *n;
	struct buf scratch = { 0 };
	struct str name;

	for (n = json_first(a->json, list); n != NULL;
	    n = json_next(a->json, list, n)) {
		buf_clear(&scratch);
		if (json_string(n, &scratch, &name) == 0)
			add(arg, name);
	}
	buf_free(&scratch);
}

/* Fills *a but for a reason that is in the reply. Returns the member "service",
 * or NULL: it is not a reply. */
static const struct json_node *read_envelope(struct answer *a, struct str body,
    struct json *j)
{
	const struct json_node *service;

	*a = (struct answer){ .kind = ANSWER_ERRO,
		.reason = STR("the reply is not JSON") };
	if (json_parse(j, body.p, body.n) == -1)
		return NULL;
	a->json = j;
	a->data = json_get(j, j->node, "data");
	service = json_get(j, j->node, "service");
	a->reason = STR("the reply has no data");
	if (a->data == NULL || a->data->type != JSON_OBJECT || service == NULL)
		return NULL;
	a->kind = ANSWER_OK;
	a->seq = reply_number(j, a->data, "seq", 0);
	return service;
}

int reply_read(struct answer *a, struct str body, struct json *j,
    struct buf *scratch)
{
	const struct json_node *service = read_envelope(a, body, j);

	if (service == NULL ||
	    !str_is(reply_string(j, a->data, "status", scratch), "erro"))
		return 0;
	a->kind = ANSWER_ERRO;
	a->reason = reply_string(j, a->data, "description", scratch);
	if (a->reason.n == 0)
		a->reason = reply_string(j, a->data, "message", scratch);
	if (a->reason.n == 0)
		a->reason = STR("erro");
	return str_is(service->raw, "erro") &&
	    str_is(a->reason, "servidor indisponível");
}
