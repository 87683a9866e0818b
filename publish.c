/* publish.c: see publish.h. */
#include "publish.h"

#include "json.h"
#include "limits.h"

#include <stdlib.h>

/* Bytes of its two frames. */
struct publication {
	size_t topic, object;
};

void publish_put(struct buf *b, const struct topic *t, const struct line *l)
{
	if (t->kind == TOPIC_CHANNEL) {
		buf_puts(b, "{\"type\":\"channel\"");
		json_put_member(b, "channel", t->name);
		json_put_member(b, "user", l->user);
	} else {
		buf_puts(b, "{\"type\":\"private\"");
		json_put_member(b, "user", l->user);
		json_put_member(b, "src", l->user);
		json_put_member(b, "from", l->user);
		json_put_member(b, "dst", t->name);
		json_put_member(b, "to", t->name);
	}
	json_put_member(b, "message", l->message);
	json_put_time(b, "timestamp", l->ms);
	json_put_number(b, "seq", l->seq);
	buf_putc(b, '}');
}

void publish_later(struct publications *p, const struct topic *t,
    const struct line *l)
{
	size_t start = p->text.n;
	struct publication *size = array_room(p->size, p->n, &p->cap,
	    sizeof *p->size);

	if (size == NULL)
		return;
	p->size = size;
	buf_str_add(&p->text, t->name);
	publish_put(&p->text, t, l);
	if (p->text.err) {
		p->text.n = start;
		p->text.err = 0;
		return;
	}
	p->size[p->n++] = (struct publication){ t->name.n,
	    p->text.n - start - t->name.n };
}

void publish_send(struct publications *p, void *socket)
{
	const char *at = p->text.p;

	for (size_t i = 0; i < p->n; i++) {
		size_t topic = p->size[i].topic, object = p->size[i].object;

		/* An XPUB drops whole messages for a proxy that is too slow:
		 * the log has them. */
		if (atomic_load(&p->stream.unread.bytes) < PUBLISH_BYTES_MAX &&
		    net_send_copy(socket, at, topic, 1) == 0)
			(void)net_send_stream(socket, at + topic, object,
			    topic + PLACE_BYTES, &p->stream);
		at += topic + object;
	}
	publish_forget(p);
}

void publish_forget(struct publications *p)
{
	buf_clear(&p->text);
	p->n = 0;
}

void publish_free(struct publications *p)
{
	buf_free(&p->text);
	free(p->size);
}
