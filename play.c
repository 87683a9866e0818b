/* play.c: see play.h. */
#include "play.h"

#include "journal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOGS_OPEN 6     /* fewer than there are topics: logs are closed and opened all the time */

void play_limits(void)
{
	journal_limits.segment_bytes = 6000;
	journal_limits.ahead_bytes = 2000;
	journal_limits.remember_max = 20;
}

long play_stride(int argc, char **argv)
{
	const char *number = argc > 1 ? argv[1] : getenv("STRIDE");
	long n = number != NULL ? strtol(number, NULL, 10) : 1;

	return n > 0 ? n : 1;
}

void play_begin(struct play *p, struct sim *sim)
{
	*p = (struct play){ .sim = sim };
	model_init(&p->model);
}

void play_end(struct play *p)
{
	for (int who = 0; who < PLAY_SERVERS; who++)
		play_down(p, who);
	model_free(&p->model);
	sim_free(p->sim);
}

struct store *play_up(struct play *p, int who)
{
	int r;

	if (p->store[who] != NULL)
		return p->store[who];
	p->disk[who] = sim_handle(p->sim);
	r = store_open(&p->store[who], p->disk[who], LOGS_OPEN);
	p->broken += r == STORE_BROKEN;
	if (r != 0)
		play_down(p, who);
	return p->store[who];
}

void play_down(struct play *p, int who)
{
	int e = errno;

	store_close(p->store[who]);
	p->store[who] = NULL;
	if (p->disk[who] != NULL)
		p->disk[who]->free(p->disk[who]);
	p->disk[who] = NULL;
	errno = e;
}

/* What a turn puts into its batch. */
typedef void scene(struct play *p, struct store *s, int n);

/* A batch that was refused is gone; but if it was the power that went, nobody was told. */
static void finish_batch(struct play *p, struct store *s)
{
	if (model_commit(&p->model, s) == STORE_REFUSED && !sim_ended(p->sim))
		model_refuse(&p->model);
}

static int broken(struct play *p, int who)
{
	p->broken++;
	play_down(p, who);
	return -1;
}

static int act(struct play *p, int who, scene *play, int n)
{
	struct store *s = play_up(p, who);
	int r = s == NULL ? STORE_REFUSED : store_begin(s);

	if (r == STORE_BROKEN)
		return broken(p, who);
	p->begins_refused += s != NULL && r != 0;
	if (r != 0)
		return -1;
	model_settle(&p->model, s);
	play(p, s, n);
	finish_batch(p, s);
	store_end(s);
	p->turns++;
	if (p->model.doubt)
		return sim_ended(p->sim) ? -1 : broken(p, who);
	if (p->after != NULL)
		p->after(p);
	return 0;
}

static void checkpoint(struct play *p, int who)
{
	struct store *s = play_up(p, who);

	if (s != NULL && store_checkpoint(s) == STORE_BROKEN)
		(void)broken(p, who);
}

/* ---- scenes ---- */

static size_t user(struct play *p, const char *name)
{
	return model_log(&p->model, TOPIC_USER, name);
}

static size_t channel(struct play *p, const char *name)
{
	return model_log(&p->model, TOPIC_CHANNEL, name);
}

static void event(struct play *p, struct store *s, const char *name, const char *what)
{
	(void)model_put(&p->model, s, 0, name, what);
}

static void say(struct play *p, struct store *s, size_t log, const char *from, int n)
{
	char text[700];
	int at = snprintf(text, sizeof text, "mensagem %d,\tcom \\ e\nlinhas: ação 🎈", p->turns * 10 + n);

	/* of many lengths, so that lines end anywhere in a sector */
	for (int i = (p->turns * 37 + n * 101) % 400; i > 0; i--)
		text[at++] = (char)('a' + i % 26);
	text[at] = '\0';
	(void)model_put(&p->model, s, log, from, text);
}

static void login(struct play *p, struct store *s, const char *name)
{
	(void)model_create(&p->model, s, TOPIC_USER, name);
	event(p, s, name, "login");
}

static void open_channel(struct play *p, struct store *s, const char *name)
{
	if (model_create(&p->model, s, TOPIC_CHANNEL, name) == 0)
		event(p, s, name, "channel");
}

static void first(struct play *p, struct store *s, int n)
{
	(void)n;
	open_channel(p, s, "geral");
	login(p, s, "ana");
	login(p, s, "joão");
}

static void talk(struct play *p, struct store *s, int n)
{
	say(p, s, channel(p, "geral"), "ana", n);
	if (n % 2)
		say(p, s, user(p, "joão"), "ana", n + 1);
	if (n % 3 == 0)
		say(p, s, user(p, "ana"), "joão", n + 2);
	say(p, s, channel(p, "geral"), "joão", n + 3);
}

static void new_channel(struct play *p, struct store *s, int n)
{
	char name[24];

	(void)snprintf(name, sizeof name, "sala/%d.x", n);
	open_channel(p, s, name);
	say(p, s, channel(p, name), "ana", n);
	if (n % 2)
		login(p, s, "ana");
}

/* So many logs that they are synced all at once. */
static void crowd(struct play *p, struct store *s, int n)
{
	char name[24];

	for (int i = 0; i < n; i++) {
		(void)snprintf(name, sizeof name, "user %02d", i);
		login(p, s, name);
		say(p, s, user(p, name), "ana", i);
	}
}

static void only_name(struct play *p, struct store *s, int n)
{
	char name[24];

	(void)snprintf(name, sizeof name, "vazio-%d", n);
	(void)model_create(&p->model, s, TOPIC_CHANNEL, name);
}

static void nothing(struct play *p, struct store *s, int n)
{
	(void)p;
	(void)s;
	(void)n;
}

/* ---- the script ---- */

enum { A, B };

static const struct {
	int who;
	int n;
	scene *scene;           /* NULL: a checkpoint; and with n set it is closed then */
} script[] = {
	{ A, 0, first }, { A, 1, talk }, { B, 2, talk }, { A, 3, talk }, { B, 4, talk },
	{ B, 5, talk }, { A, 0, NULL }, { B, 6, talk }, { B, 1, new_channel }, { A, 7, talk },
	{ A, 1, only_name }, { B, 0, NULL }, { A, 8, talk }, { B, 0, nothing }, { A, 0, NULL },
	{ B, 2, new_channel }, { A, 9, talk }, { B, 10, talk }, { A, 11, talk }, { B, 12, talk },
	{ A, 13, talk }, { B, 2, only_name }, { A, 14, talk }, { B, 15, talk }, { B, 0, NULL },
	{ A, 17, crowd }, { B, 16, talk }, { A, 0, NULL }, { A, 17, talk }, { A, 18, talk },
	{ A, 19, talk }, { A, 20, talk }, { A, 21, talk }, { A, 33, talk }, { A, 34, talk },
	{ A, 35, talk }, { A, 1, NULL }, { B, 22, talk }, { A, 23, talk }, { A, 3, new_channel },
	{ B, 24, talk }, { A, 25, talk }, { B, 26, talk }, { A, 3, crowd }, { B, 27, talk },
	{ B, 28, talk }, { A, 29, talk }, { A, 1, nothing }, { A, 30, talk }, { B, 0, NULL },
	{ A, 31, talk }, { B, 32, talk }, { A, 0, NULL }, { B, 0, NULL }
};

#define SCENES (sizeof script / sizeof *script)

void play_script(struct play *p)
{
	for (size_t i = 0; i < SCENES; i++) {
		int who = script[i].who, ends = script[i].scene == nothing && script[i].n;

		if (sim_ended(p->sim))
			return;
		if (script[i].scene == NULL)
			checkpoint(p, who);
		else if (!ends)
			(void)act(p, who, script[i].scene, script[i].n);
		if (ends || (script[i].scene == NULL && script[i].n))
			play_down(p, who);
	}
}

/* A new name, and lines behind old ones. */
static void last(struct play *p, struct store *s)
{
	char name[24];

	(void)snprintf(name, sizeof name, "depois-%d", p->turns);
	open_channel(p, s, name);
	say(p, s, channel(p, name), "eva", 1);
	for (size_t i = 1; i < p->model.logs && i < 4; i++)
		if (p->model.log[i].made)
			say(p, s, i, "eva", (int)i);
}

const char *play_turn(struct play *p, int who)
{
	struct model *m = &p->model;
	struct store *s = play_up(p, who);
	const char *why;

	if (s == NULL || store_begin(s) != 0)
		return strerror(errno);
	model_settle(m, s);
	why = model_wrong(m, s);
	if (why == NULL)
		last(p, s);
	if (why == NULL && model_commit(m, s) != 0)
		why = strerror(errno);
	if (why == NULL && m->why[0] != '\0')
		why = m->why;
	store_end(s);
	p->turns++;
	return why;
}

void play_copy(struct play *to, const struct play *from)
{
	*to = (struct play){ .sim = sim_copy(from->sim), .turns = from->turns };
	model_copy(&to->model, &from->model);
}

static const char *settle(struct play *p, int who)
{
	struct store *s = play_up(p, who);

	if (s == NULL || store_begin(s) != 0)
		return strerror(errno);
	model_settle(&p->model, s);
	store_end(s);
	return NULL;
}

const char *play_sound(struct play *p, int damage)
{
	const char *why = settle(p, 0);

	if (why == NULL)
		why = model_files_wrong(&p->model, p->sim, damage);
	if (why == NULL)
		why = play_turn(p, 0);
	play_down(p, 0);
	if (why == NULL)
		why = play_turn(p, 1);
	if (why == NULL)
		why = model_files_wrong(&p->model, p->sim, damage);
	play_down(p, 1);
	if (why == NULL && sim_writes_unlocked(p->sim) > 0)
		why = "something was written without the lock";
	if (why == NULL && sim_open_files(p->sim) > 0)
		why = "a descriptor was left open";
	return why;
}

const char *play_durable(const struct play *p)
{
	static char text[256];
	struct play copy;
	const char *why;

	play_copy(&copy, p);
	sim_power_loss(copy.sim, SIM_DROP, 0);
	why = play_sound(&copy, 0);
	(void)snprintf(text, sizeof text, "%s", why != NULL ? why : "");        /* cut it says enough */
	play_end(&copy);
	return why != NULL ? text : NULL;
}
