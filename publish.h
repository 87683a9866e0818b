/* publish.h: the publications of a batch.
 *
 * They are written while the batch is put together and sent once it is
 * committed. A publication is two frames: the topic, and a JSON object. */
#ifndef PUBLISH_H
#define PUBLISH_H

#include "buf.h"
#include "line.h"
#include "net.h"
#include "topics.h"

/* What waits for the commit; zeroed at first. */
struct publications {
	struct buf text;        /* both frames of each, one after the other */
	struct publication *size;
	size_t n, cap;
	struct stream stream;   /* what waits for the proxy */
};

/* Appends the object, which a history reply shows as well. */
void publish_put(struct buf *b, const struct topic *t, const struct line *l);

/* Adds the publication of a line to the batch. Without memory for it, it is
 * left out: the log has the message. */
void publish_later(struct publications *p, const struct topic *t,
    const struct line *l);

/* Sends them in order, and forgets them. What a proxy that takes nothing has no
 * room for is left out, too. p must live as long as the socket's context. */
void publish_send(struct publications *p, void *socket);
/* Forgets them: their batch was not stored. */
void publish_forget(struct publications *p);
void publish_free(struct publications *p);

#endif
