/* drop.c: dropping a channel: store_drop() of store.h.
 *
 * What drops it is a batch with one line for events.log, "dropped". Renaming
 * its log is part of applying that batch, as writing the line is: whatever
 * fails or dies after the commit point is done again from the journal. The name
 * of the file is then what says that the channel's name is used up. */
#include "store_impl.h"

#include "date.h"
#include "name.h"

#include <errno.h>

/* Its log may have been renamed before. The name is durable before the next
 * checkpoint. */
static int rename_log(struct store *s, const struct topic *t, int64_t ms)
{
	char time[DATE_BYTES + 1] = { 0 };
	struct buf from = { 0 }, to = { 0 };
	int r = -1;

	date_encode(time, ms);
	name_to_file(&from, t->name);
	buf_str_add(&to, buf_str(&from));
	buf_printf(&to, NAME_DROPPED "%s", time);
	buf_putc(&from, '\0');
	buf_putc(&to, '\0');
	errno = ENOMEM;
	if (!from.err && !to.err)
		r = s->disk->rename(s->disk, DISK_CHANNELS, from.p, to.p);
	if (r == -1 && errno == ENOENT)
		r = 0;
	s->new_names = 1;
	buf_free(&from);
	buf_free(&to);
	return r;
}

static int drop_channel(struct store *s, struct str name, int64_t ms)
{
	const struct topic key = { .kind = TOPIC_CHANNEL, .name = name };
	struct topic *t = topics_find(s->topics, TOPIC_CHANNEL, name);

	if (t != NULL && (t->sync.dirty || t->batch.in)) {
		errno = EIO;    /* store_drop() has seen to that */
		return -1;
	}
	if (rename_log(s, &key, ms) == -1)
		return -1;
	if (topics_find(s->topics, TOPIC_DROPPED, name) == NULL &&
	    topics_add(s->topics, TOPIC_DROPPED, name) == NULL)
		return -1;
	if (t != NULL) {
		log_close_all(&s->logs);
		topics_remove(s->topics, t);
	}
	return 0;
}

int store_finish_drops(struct store *s, struct str lines)
{
	struct line line;

	while (lines.n > 0)
		if (line_decode(str_take(&lines, '\n'), &line, &s->scratch) ==
		    NULL && str_is(line.message, EVENT_DROPPED) &&
		    drop_channel(s, line.user, line.ms) == -1)
			return -1;
	return 0;
}

static int commit_drop(struct store *s, struct str name)
{
	struct line l = { .user = name, .message = STR(EVENT_DROPPED) };
	struct topic *events = store_events(s);
	int r;

	if (events == NULL || store_put(s, events, &l) == -1)
		return STORE_REFUSED;
	s->dropping = 1;
	r = store_commit(s);
	s->dropping = 0;
	return r;
}

int store_drop(struct store *s, struct str name)
{
	int r;

	if (store_topic(s, TOPIC_CHANNEL, name) == NULL)
		return STORE_REFUSED;
	/* So that the journal has no lines that would bring it back. */
	r = store_sync_logs(s);
	if (r == 0 && s->behind == NOT_BEHIND)
		r = commit_drop(s, name);
	if (r == 0 && s->behind == NOT_BEHIND)
		r = store_sync_logs(s);
	if (r == 0 && s->behind != NOT_BEHIND) {
		errno = s->behind_errno;
		r = STORE_REFUSED;
	}
	return r;
}
