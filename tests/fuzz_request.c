/* fuzz_request.c: requests to a server whose store is in memory. Each gets one
 * reply, a JSON object that is not too long; what the store keeps is right
 * whatever was asked, and is still there when it is opened again.
 *
 * Input: a byte that says which write fails, then requests with a newline
 * between them; after a form feed a new batch begins. */
#include "fuzz.h"
#include "../journal.h"
#include "../limits.h"
#include "../services.h"
#include "sim_disk.h"

#include <errno.h>
#include <string.h>

#define REQUESTS 32             /* of a batch; the rest is left out */
#define FAULTS   32             /* first bytes below this are one */

static const char first[] =
    "{\"service\":\"channel\",\"data\":{\"channel\":\"geral\"}}\n"
    "{\"service\":\"channel\",\"data\":{\"channel\":\"a/b\"}}\n"
    "{\"service\":\"login\",\"data\":{\"user\":\"ana\"}}\n"
    "{\"service\":\"login\",\"data\":{\"user\":\"bia\"}}\f"
    "{\"service\":\"publish\",\"data\":{\"user\":\"ana\",\"channel\":\"geral\","
    "\"message\":\"oi\\n\\u0007\",\"id\":\"1\"}}\n"
    "{\"service\":\"message\",\"data\":{\"src\":\"ana\",\"dst\":\"bia\","
    "\"message\":\"oi\",\"id\":\"2\"}}";

static struct services open_services(struct disk *disk)
{
	struct services v = { 0 };

	must(store_open(&v.store, disk, 3) == 0);
	return v;
}

static void close_services(struct services *v, struct disk *disk)
{
	store_close(v->store);
	service_free(v);
	disk->free(disk);
}

static void judge_reply(struct str reply)
{
	struct json j = { 0 };
	const struct json_node *data;

	must(reply.n < REPLY_BYTES_MAX &&
	    json_parse(&j, reply.p, reply.n) == 0 &&
	    j.node[0].type == JSON_OBJECT);
	data = json_get(&j, j.node, "data");
	must(json_get(&j, j.node, "service") != NULL && data != NULL &&
	    json_get(&j, data, "timestamp") != NULL);
	json_free(&j);
}

static void answer(struct services *v, struct job *job, int failed)
{
	struct buf out = { 0 };

	if (failed != 0 && job->depends)
		service_fail(job, failed);
	(void)service_answer(v, job, &out);
	must(!out.err);
	judge_reply(buf_str(&out));
	buf_free(&out);
}

/* -1: the store is broken, and a server would end. */
static int run_batch(struct services *v, struct str text)
{
	static uint64_t count;
	struct job job[REQUESTS];
	unsigned n = 0;
	int r = store_begin(v->store), failed = 0;

	if (r != 0)
		return -1;
	for (; n < REQUESTS && text.n > 0; n++, count++) {
		job[n] = (struct job){ .id = { 1, count },
			.client = count % 3, .body = fuzz_until(&text, '\n') };
		service_take(v, &job[n]);
	}
	if (store_pending(v->store) && (r = store_commit(v->store)) != 0)
		failed = errno;
	publish_forget(&v->publications);
	store_end(v->store);
	for (unsigned i = 0; i < n && r != STORE_BROKEN; i++)
		answer(v, &job[i], failed);
	return r == STORE_BROKEN ? -1 : 0;
}

static void run_all(struct services *v, struct str in)
{
	while (in.n > 0)
		if (run_batch(v, fuzz_until(&in, '\f')) == -1)
			return;
}

static int next_line(void *seq, const struct line *l)
{
	must(l->seq == ++*(uint64_t *)seq);
	return 0;
}

static void judge_topics(struct store *s, enum topic_kind kind)
{
	for (size_t i = 0; i < store_count(s, kind); i++) {
		struct str name = store_at(s, kind, i)->name;
		struct topic *t = store_topic(s, kind, name);
		uint64_t seq = 0;

		must(t != NULL && store_read(s, t, 0, next_line, &seq) == 0);
	}
}

static void judge_sim(struct sim *sim)
{
	struct disk *disk = sim_handle(sim);
	struct services v = open_services(disk);

	must(store_begin(v.store) == 0);
	judge_topics(v.store, TOPIC_CHANNEL);
	judge_topics(v.store, TOPIC_USER);
	store_end(v.store);
	must(store_checkpoint(v.store) == 0);
	close_services(&v, disk);
	must(sim_open_files(sim) == 0 && sim_syncs_repeated(sim) == 0 &&
	    sim_writes_unlocked(sim) == 0);
}

static struct sim *make_base(void)
{
	struct sim *sim = sim_new();
	struct disk *disk = sim_handle(sim);
	struct services v;

	journal_limits.segment_bytes = 4096;
	journal_limits.ahead_bytes = 512;
	v = open_services(disk);
	run_all(&v, str_of(first));
	must(store_checkpoint(v.store) == 0);
	close_services(&v, disk);
	return sim;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	static struct sim *base;
	struct str in = { (const char *)bytes, n };
	struct sim_fault fault = { .call = SIM_WRITE, .error = ENOSPC };
	struct sim *sim;
	struct disk *disk;
	struct services v;

	if (base == NULL)
		base = make_base();
	sim = sim_copy(base);
	disk = sim_handle(sim);
	v = open_services(disk);
	fault.n = fuzz_byte(&in);
	fault.half = fault.n % 2 != 0;
	if (fault.n > 0 && fault.n < FAULTS)
		sim_set_fault(sim, &fault);
	run_all(&v, in);
	sim_no_faults(sim);
	close_services(&v, disk);
	judge_sim(sim);
	sim_free(sim);
	return 0;
}
