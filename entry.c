/* entry.c: see entry.h. */
#include "entry.h"

#include "name.h"

#include <errno.h>

void entry_put(struct buf *payload, const struct topic *t, uint64_t offset,
    uint64_t bytes)
{
	buf_le64(payload, (uint64_t)t->kind);
	buf_le64(payload, t->name.n);
	buf_le64(payload, offset);
	buf_le64(payload, bytes);
	buf_str_add(payload, t->name);
}

static int is_kind(uint64_t kind)
{
	return kind == TOPIC_CHANNEL || kind == TOPIC_USER ||
	    kind == TOPIC_EVENTS;
}

/* The checksum was right: if these are wrong, another version wrote it. */
static int is_sound(uint64_t kind, struct str name, struct str lines)
{
	if (!is_kind(kind) || !name_ok(name) ||
	    (kind == TOPIC_EVENTS && !str_is(name, "events")))
		return 0;
	return lines.n == 0 || lines.p[lines.n - 1] == '\n';
}

int entry_take(struct str *payload, struct entry *entry)
{
	uint64_t kind, name, offset, length;

	if (payload->n == 0)
		return 0;
	if (take_le64(payload, &kind) == -1 ||
	    take_le64(payload, &name) == -1 ||
	    take_le64(payload, &offset) == -1 ||
	    take_le64(payload, &length) == -1 ||
	    name > payload->n || length > payload->n - name) {
		errno = EIO;
		return -1;
	}
	entry->kind = (enum topic_kind)kind;
	entry->offset = offset;
	entry->name = (struct str){ payload->p, (size_t)name };
	entry->lines = (struct str){ payload->p + name, (size_t)length };
	if (!is_sound(kind, entry->name, entry->lines)) {
		errno = EIO;
		return -1;
	}
	str_skip(payload, (size_t)(name + length));
	return 1;
}
