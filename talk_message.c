/* talk_message.c: see talk_message.h. */
#include "talk_message.h"

#include "talk_reply.h"
#include "text.h"
#include "util.h"

#include <stdlib.h>
#include <string.h>

#define MS_FROM 1e11                    /* seconds: the year 5138; ms: 1973 */
#define MS_TO   253402300800000.0       /* the year 10000 */

/* Seconds as a number; some servers send milliseconds, or a string. */
static int64_t read_time(const struct json *j, const struct json_node *object)
{
	const struct json_node *n = json_get(j, object, "timestamp");
	char text[32];
	double value;

	if (n == NULL || n->type != JSON_NUMBER || n->raw.n >= sizeof text)
		return now_ms();
	memcpy(text, n->raw.p, n->raw.n);
	text[n->raw.n] = '\0';
	value = strtod(text, NULL);
	if (value < MS_FROM)
		value *= 1000;
	return value > 0 && value < MS_TO ? (int64_t)(value + 0.5) : now_ms();
}

/* 1: the member is there and has another value. */
static int differs(const struct json *j, const struct json_node *object,
    const char *key, struct str value, struct buf *spare)
{
	return json_get(j, object, key) != NULL &&
	    !str_eq(reply_string(j, object, key, spare), value);
}

/* 0: the topic frame and the JSON disagree. */
static int belongs(struct str topic, int inbox, const struct json *j,
    const struct json_node *object, struct buf *spare)
{
	struct str type = reply_string(j, object, "type", spare);

	if (str_is(type, inbox ? "channel" : "private"))
		return 0;
	if (!inbox)
		return !differs(j, object, "channel", topic, spare);
	return !differs(j, object, "dst", topic, spare) &&
	    !differs(j, object, "to", topic, spare);
}

int message_read(struct message *m, struct message_strings *s,
    struct str topic, int inbox, const struct json *j,
    const struct json_node *object)
{
	static const char *const sender[] = { "user", "src", "from" };
	const struct json_node *text = json_get(j, object, "message");

	*m = (struct message){ .topic = topic, .inbox = inbox, .json = j,
		.object = object };
	if (text == NULL || text->type != JSON_STRING ||
	    !belongs(topic, inbox, j, object, &s->spare))
		return -1;
	for (int i = 0; i < 3 && m->user.n == 0; i++)
		m->user = reply_string(j, object, sender[i], &s->user);
	m->text = reply_string(j, object, "message", &s->text);
	m->seq = reply_number(j, object, "seq", 0);
	m->ms = read_time(j, object);
	return 0;
}

void message_strings_free(struct message_strings *s)
{
	buf_free(&s->user);
	buf_free(&s->text);
	buf_free(&s->spare);
}

void message_put_missing(struct buf *b, struct str topic, uint64_t first,
    uint64_t last)
{
	put_visible(b, topic);
	buf_puts(b, ": ");
	buf_u64(b, first);
	if (last > first) {
		buf_puts(b, " to ");
		buf_u64(b, last);
	}
	buf_puts(b, last > first ? " are missing in the log" :
	    " is missing in the log");
}
