/* scenario.c: see scenario.h. */
#include "scenario.h"

#include "../journal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Fewer than there are topics: logs are closed and opened all the time. */
#define LOGS_OPEN 6

void scenario_limits(void)
{
	journal_limits.segment_bytes = 6000;
	journal_limits.ahead_bytes = 2000;
	journal_limits.remember_max = 20;
}

long scenario_stride(int argc, char **argv)
{
	const char *number = argc > 1 ? argv[1] : getenv("STRIDE");
	long n = number != NULL ? strtol(number, NULL, 10) : 1;

	return n > 0 ? n : 1;
}

void scenario_begin(struct scenario *p, struct sim *sim)
{
	*p = (struct scenario){ .sim = sim };
	oracle_init(&p->oracle);
}

void scenario_end(struct scenario *p)
{
	for (int who = 0; who < SCENARIO_SERVERS; who++)
		scenario_down(p, who);
	oracle_free(&p->oracle);
	sim_free(p->sim);
}

/* Others know the number: it must never be another one. */
static void check_number(struct scenario *p, const struct store *s)
{
	uint64_t number = store_directory(s);
	struct oracle *m = &p->oracle;

	if (p->directory == 0)
		p->directory = number;
	if (number == 0 || (number != p->directory && m->why[0] == '\0'))
		(void)snprintf(m->why, sizeof m->why,
		    "the directory has another number");
}

struct store *scenario_up(struct scenario *p, int who)
{
	int r;

	if (p->store[who] != NULL)
		return p->store[who];
	p->disk[who] = sim_handle(p->sim);
	r = store_open(&p->store[who], p->disk[who], LOGS_OPEN);
	p->broken += r == STORE_BROKEN;
	if (r != 0)
		scenario_down(p, who);
	else
		check_number(p, p->store[who]);
	return p->store[who];
}

void scenario_down(struct scenario *p, int who)
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
typedef void scene(struct scenario *p, struct store *s, int n);

/* A batch that was refused is gone; after a power loss it is in doubt. */
static void finish_batch(struct scenario *p, struct store *s)
{
	if (oracle_commit(&p->oracle, s) == STORE_REFUSED && !sim_ended(p->sim))
		oracle_refuse(&p->oracle);
}

static int broken(struct scenario *p, int who)
{
	p->broken++;
	scenario_down(p, who);
	return -1;
}

static int act(struct scenario *p, int who, scene *enact, int n)
{
	struct store *s = scenario_up(p, who);
	int r = s == NULL ? STORE_REFUSED : store_begin(s);

	if (r == STORE_BROKEN)
		return broken(p, who);
	p->begins_refused += s != NULL && r != 0;
	if (r != 0)
		return -1;
	oracle_settle(&p->oracle, s);
	enact(p, s, n);
	finish_batch(p, s);
	store_end(s);
	p->turns++;
	if (p->oracle.doubt)
		return sim_ended(p->sim) ? -1 : broken(p, who);
	if (p->after != NULL)
		p->after(p);
	return 0;
}

static void checkpoint(struct scenario *p, int who)
{
	struct store *s = scenario_up(p, who);

	if (s != NULL && store_checkpoint(s) == STORE_BROKEN)
		(void)broken(p, who);
}

/* ---- scenes ---- */

static size_t user(struct scenario *p, const char *name)
{
	return oracle_log(&p->oracle, TOPIC_USER, name);
}

static size_t channel(struct scenario *p, const char *name)
{
	return oracle_log(&p->oracle, TOPIC_CHANNEL, name);
}

static void event(struct scenario *p, struct store *s, const char *name,
    const char *what)
{
	(void)oracle_put(&p->oracle, s, 0, name, what);
}

static void say(struct scenario *p, struct store *s, size_t log,
    const char *from, int n)
{
	char text[700];
	int at = snprintf(text, sizeof text,
	    "mensagem %d,\tcom \\ e\nlinhas: ação 🎈", p->turns * 10 + n);

	/* of many lengths, so that lines end anywhere in a sector */
	for (int i = (p->turns * 37 + n * 101) % 400; i > 0; i--)
		text[at++] = (char)('a' + i % 26);
	text[at] = '\0';
	(void)oracle_put(&p->oracle, s, log, from, text);
}

static void login(struct scenario *p, struct store *s, const char *name)
{
	(void)oracle_create(&p->oracle, s, TOPIC_USER, name);
	event(p, s, name, "login");
}

static void open_channel(struct scenario *p, struct store *s, const char *name)
{
	if (oracle_create(&p->oracle, s, TOPIC_CHANNEL, name) == 0)
		event(p, s, name, "channel");
}

static void first(struct scenario *p, struct store *s, int n)
{
	(void)n;
	open_channel(p, s, "geral");
	login(p, s, "ana");
	login(p, s, "joão");
}

static void talk(struct scenario *p, struct store *s, int n)
{
	say(p, s, channel(p, "geral"), "ana", n);
	if (n % 2)
		say(p, s, user(p, "joão"), "ana", n + 1);
	if (n % 3 == 0)
		say(p, s, user(p, "ana"), "joão", n + 2);
	say(p, s, channel(p, "geral"), "joão", n + 3);
}

static void new_channel(struct scenario *p, struct store *s, int n)
{
	char name[24];

	(void)snprintf(name, sizeof name, "sala/%d.x", n);
	open_channel(p, s, name);
	say(p, s, channel(p, name), "ana", n);
	if (n % 2)
		login(p, s, "ana");
}

/* So many logs that they are synced all at once. */
static void crowd(struct scenario *p, struct store *s, int n)
{
	char name[24];

	for (int i = 0; i < n; i++) {
		(void)snprintf(name, sizeof name, "user %02d", i);
		login(p, s, name);
		say(p, s, user(p, name), "ana", i);
	}
}

static void only_name(struct scenario *p, struct store *s, int n)
{
	char name[24];

	(void)snprintf(name, sizeof name, "vazio-%d", n);
	(void)oracle_create(&p->oracle, s, TOPIC_CHANNEL, name);
}

static void nothing(struct scenario *p, struct store *s, int n)
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
	/* NULL: a checkpoint; and with n set it is closed then */
	scene *scene;
} script[] = {
	{ A, 0, first }, { A, 1, talk }, { B, 2, talk }, { A, 3, talk },
	{ B, 4, talk }, { B, 5, talk }, { A, 0, NULL }, { B, 6, talk },
	{ B, 1, new_channel }, { A, 7, talk }, { A, 1, only_name },
	{ B, 0, NULL }, { A, 8, talk }, { B, 0, nothing }, { A, 0, NULL },
	{ B, 2, new_channel }, { A, 9, talk }, { B, 10, talk }, { A, 11, talk },
	{ B, 12, talk }, { A, 13, talk }, { B, 2, only_name }, { A, 14, talk },
	{ B, 15, talk }, { B, 0, NULL }, { A, 17, crowd }, { B, 16, talk },
	{ A, 0, NULL }, { A, 17, talk }, { A, 18, talk }, { A, 19, talk },
	{ A, 20, talk }, { A, 21, talk }, { A, 33, talk }, { A, 34, talk },
	{ A, 35, talk }, { A, 1, NULL }, { B, 22, talk }, { A, 23, talk },
	{ A, 3, new_channel }, { B, 24, talk }, { A, 25, talk },
	{ B, 26, talk }, { A, 3, crowd }, { B, 27, talk }, { B, 28, talk },
	{ A, 29, talk }, { A, 1, nothing }, { A, 30, talk }, { B, 0, NULL },
	{ A, 31, talk }, { B, 32, talk }, { A, 0, NULL }, { B, 0, NULL }
};

#define SCENES (sizeof script / sizeof *script)

void scenario_script(struct scenario *p)
{
	for (size_t i = 0; i < SCENES; i++) {
		int who = script[i].who;
		int ends = script[i].scene == nothing && script[i].n;

		if (sim_ended(p->sim))
			return;
		if (script[i].scene == NULL)
			checkpoint(p, who);
		else if (!ends)
			(void)act(p, who, script[i].scene, script[i].n);
		if (ends || (script[i].scene == NULL && script[i].n))
			scenario_down(p, who);
	}
}

/* A new name, and lines after old ones. */
static void last(struct scenario *p, struct store *s)
{
	char name[24];

	(void)snprintf(name, sizeof name, "depois-%d", p->turns);
	open_channel(p, s, name);
	say(p, s, channel(p, name), "eva", 1);
	for (size_t i = 1; i < p->oracle.logs && i < 4; i++)
		if (p->oracle.log[i].made)
			say(p, s, i, "eva", (int)i);
}

const char *scenario_turn(struct scenario *p, int who)
{
	struct oracle *m = &p->oracle;
	struct store *s = scenario_up(p, who);
	const char *why;

	if (s == NULL || store_begin(s) != 0)
		return strerror(errno);
	oracle_settle(m, s);
	why = oracle_wrong(m, s);
	if (why == NULL)
		last(p, s);
	if (why == NULL && oracle_commit(m, s) != 0)
		why = strerror(errno);
	if (why == NULL && m->why[0] != '\0')
		why = m->why;
	store_end(s);
	p->turns++;
	return why;
}

void scenario_copy(struct scenario *to, const struct scenario *from)
{
	*to = (struct scenario){ .sim = sim_copy(from->sim),
	    .directory = from->directory, .turns = from->turns };
	oracle_copy(&to->oracle, &from->oracle);
}

static const char *settle(struct scenario *p, int who)
{
	struct store *s = scenario_up(p, who);

	if (s == NULL || store_begin(s) != 0)
		return strerror(errno);
	oracle_settle(&p->oracle, s);
	store_end(s);
	return NULL;
}

const char *scenario_sound(struct scenario *p)
{
	const char *why = settle(p, 0);

	if (why == NULL)
		why = oracle_files_wrong(&p->oracle, p->sim);
	if (why == NULL)
		why = scenario_turn(p, 0);
	scenario_down(p, 0);
	if (why == NULL)
		why = scenario_turn(p, 1);
	if (why == NULL)
		why = oracle_files_wrong(&p->oracle, p->sim);
	scenario_down(p, 1);
	if (why == NULL && sim_writes_unlocked(p->sim) > 0)
		why = "something was written without the lock";
	if (why == NULL && sim_open_files(p->sim) > 0)
		why = "a descriptor was left open";
	return why;
}

const char *scenario_durable(const struct scenario *p)
{
	static char text[256];
	struct scenario copy;
	const char *why;

	scenario_copy(&copy, p);
	sim_power_loss(copy.sim, SIM_DROP, 0);
	why = scenario_sound(&copy);
	/* cut it says enough */
	(void)snprintf(text, sizeof text, "%s", why != NULL ? why : "");
	scenario_end(&copy);
	return why != NULL ? text : NULL;
}
