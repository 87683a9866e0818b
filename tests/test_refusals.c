/* test_refusals.c: what a server answers when memory runs out or its data
 * directory cannot be used. Requests are given to the services directly; one
 * that is refused so early needs no store. */
#include "../services.h"
#include "tap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static size_t bytes_max = SIZE_MAX;     /* a longer block is not given */

static void *small_realloc(void *p, size_t n)
{
	return n <= bytes_max ? realloc(p, n) : NULL;
}

#define realloc small_realloc
#include "../buf.c"
#include "../json.c"
#undef realloc

static int begins_with(struct str s, const char *start)
{
	return s.n >= strlen(start) && memcmp(s.p, start, strlen(start)) == 0;
}

#define ERROR_REPLY(service, reason) "{\"service\":\"" service "\"," \
	"\"data\":{\"status\":\"erro\",\"message\":\"" reason "\"," \
	"\"description\":\"" reason "\",\"timestamp\":"

static void check_reply(struct services *v, const struct job *r,
    const char *start)
{
	struct buf reply = { 0 };

	bytes_max = SIZE_MAX;
	service_answer(v, r, &reply);
	CHECK(begins_with(buf_str(&reply), start), "%.*s", (int)reply.n,
	    reply.p);
	buf_free(&reply);
}

/* Valid JSON with more values than the parser gets memory for. */
static void test_parse(void)
{
	struct services v = { 0 };
	struct job r = { 0 };
	struct buf body = { 0 };

	buf_puts(&body, "{\"service\":\"ping\",\"data\":{\"a\":[0");
	for (int i = 0; i < 1000; i++)
		buf_puts(&body, ",0");
	buf_puts(&body, "]}}");
	r.body = buf_str(&body);
	bytes_max = 8192;
	service_take(&v, &r);
	check_reply(&v, &r, ERROR_REPLY("erro", "sem memória"));
	r = (struct job){ .body = r.body };
	service_take(&v, &r);
	CHECK(r.refused == NULL, "%s", r.refused);
	buf_free(&body);
	service_free(&v);
}

static void check_refused(struct str body, int error, const char *start)
{
	struct services v = { 0 };
	struct job r = { .body = body };

	service_refuse(&v, &r, error);
	check_reply(&v, &r, start);
	service_free(&v);
}

static void test_refused(void)
{
	check_refused(STR("{\"service\":\"login\",\"data\":{}}"), EIO,
	    ERROR_REPLY("login", "falha de disco"));
	check_refused(STR("{\"service\":\"p\\u0069ng\",\"data\":{}}"), ENOENT,
	    ERROR_REPLY("ping", "não existe"));
	check_refused(STR("{\"service\":\"dance\",\"data\":{}}"), EIO,
	    ERROR_REPLY("erro", "serviço desconhecido"));
	check_refused(STR("nonsense"), EIO,
	    ERROR_REPLY("erro", "JSON inválido"));
}

int main(void)
{
	check_group("a parse that runs out of memory says so", test_parse);
	check_group("without a store each service refuses", test_refused);
	return check_done();
}
