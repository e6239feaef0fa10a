/* SPDX-License-Identifier: MIT */
/*
 * Matches come in any order and as often as a pattern has ends: a line counts
 * once for each group.
 *
 * Most patterns hold some text that is rare in the log.  To look for that takes
 * less than half as long as to look for the pattern, so that few lines are held
 * to it for nothing.
 */
#include "match/sieve.h"

#include "base/mem.h"
#include "event/clean.h"
#include "match/literal.h"
#include "match/prefilter.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* What is looked for. */
struct plan {
	struct prefilter *prefilter;
	const struct literals **instead; /* by pattern; NULL: itself */
	bool *open;                      /* by group */
	bool any_open;
	size_t users;
};

struct sieve {
	pthread_mutex_t lock; /* of the plan and its users */
	struct plan *plan;
	size_t patterns, groups;
	struct text *texts;              /* by pattern */
	struct literal_choices *choices; /* likewise */
	size_t *group_of;                /* likewise */
};

struct candidates {
	struct sieve *sieve;
	struct plan *plan;
	struct prefilter_scratch *scratch; /* for that */
	struct cleaner *cleaner;
	struct text text;
	size_t from, to; /* the line of the last match */
	size_t *last;    /* by group: behind the start of its last line */
	struct candidate *v;
	size_t count, capacity;
};

/* Plans. */

static struct prefilter *
look_for(const struct sieve *s, const struct literals **instead,
    struct text sample, struct err *err)
{
	struct prefilter_want *wants = mem_new(s->patterns, sizeof *wants);
	struct literals *texts = mem_new(s->patterns, sizeof *texts);
	struct prefilter *prefilter;

	for (size_t i = 0; i < s->patterns; i++) {
		const struct literal_choices *c = &s->choices[i];

		wants[i].pattern = s->texts[i];
		if (instead[i] != NULL) {
			texts[i] = *instead[i];
		} else if (c->count > 0) {
			/* Better than to be held to every line. */
			texts[i] = c->v[0];
			wants[i].last = true;
		}
		if (texts[i].count > 0)
			wants[i].instead = &texts[i];
	}
	literals_cut(texts, s->patterns, sample);
	prefilter = prefilter_new(wants, s->patterns, err);
	free(texts);
	free(wants);
	return prefilter;
}

static void
plan_free(struct plan *p)
{
	prefilter_free(p->prefilter);
	free(p->instead);
	free(p->open);
	free(p);
}

/* instead  the plan's */
static struct plan *
plan_new(const struct sieve *s, const struct literals **instead,
    struct text sample, struct err *err)
{
	struct plan *p = mem_new(1, sizeof *p);

	p->users = 1;
	p->instead = instead;
	p->open = mem_new(s->groups, sizeof *p->open);
	p->prefilter = look_for(s, instead, sample, err);
	if (p->prefilter == NULL) {
		plan_free(p);
		return NULL;
	}
	for (size_t i = 0; i < s->patterns; i++)
		if (prefilter_covers(p->prefilter, i) == PREFILTER_NONE)
			p->any_open = p->open[s->group_of[i]] = true;
	return p;
}

static const struct literals **
choose(const struct sieve *s, struct text sample)
{
	const struct literals **chosen =
	    mem_new(s->patterns, sizeof(struct literals *));

	for (size_t i = 0; i < s->patterns; i++)
		chosen[i] = literals_choose(&s->choices[i], sample);
	return chosen;
}

static struct plan *
plan_take(struct sieve *s)
{
	struct plan *p;

	pthread_mutex_lock(&s->lock);
	p = s->plan;
	p->users++;
	pthread_mutex_unlock(&s->lock);
	return p;
}

static void
plan_leave(struct sieve *s, struct plan *p)
{
	bool last;

	pthread_mutex_lock(&s->lock);
	last = --p->users == 0;
	pthread_mutex_unlock(&s->lock);
	if (last)
		plan_free(p);
}

/* Sieves. */

static void
add_patterns(struct sieve *s, const struct patterns *const *groups)
{
	size_t n = 0;

	s->texts = mem_new(s->patterns, sizeof *s->texts);
	s->choices = mem_new(s->patterns, sizeof *s->choices);
	s->group_of = mem_new(s->patterns, sizeof *s->group_of);
	for (size_t g = 0; g < s->groups; g++)
		for (size_t i = 0; i < groups[g]->count; i++, n++) {
			s->texts[n] = pattern_text(groups[g]->v[i]);
			s->group_of[n] = g;
			literals_find(s->texts[n], &s->choices[n]);
		}
}

struct sieve *
sieve_new(const struct patterns *const *groups, size_t count,
    struct text sample, struct err *err)
{
	struct sieve *s = mem_new(1, sizeof *s);

	pthread_mutex_init(&s->lock, NULL);
	s->groups = count;
	for (size_t g = 0; g < count; g++)
		s->patterns += groups[g]->count;
	add_patterns(s, groups);
	s->plan = plan_new(s, choose(s, sample), sample, err);
	if (s->plan != NULL)
		return s;
	sieve_free(s);
	return NULL;
}

void
sieve_free(struct sieve *s)
{
	if (s == NULL)
		return;
	if (s->plan != NULL)
		plan_leave(s, s->plan);
	pthread_mutex_destroy(&s->lock);
	free(s->texts);
	free(s->choices);
	free(s->group_of);
	free(s);
}

bool
sieve_learn(struct sieve *s, struct text sample)
{
	const struct literals **chosen = choose(s, sample);
	struct plan *old = s->plan, *plan = NULL;
	struct err err;

	if (memcmp(chosen, old->instead, s->patterns * sizeof *chosen) != 0)
		plan = plan_new(s, chosen, sample, &err);
	else
		free(chosen);
	if (plan == NULL)
		return false;
	pthread_mutex_lock(&s->lock);
	s->plan = plan;
	pthread_mutex_unlock(&s->lock);
	plan_leave(s, old);
	return true;
}

/* Candidates. */

struct candidates *
candidates_new(struct sieve *s)
{
	struct candidates *cs = mem_new(1, sizeof *cs);

	cs->sieve = s;
	cs->cleaner = cleaner_new();
	cs->last = mem_new(s->groups, sizeof *cs->last);
	return cs;
}

static void
leave(struct candidates *cs)
{
	if (cs->plan == NULL)
		return;
	prefilter_scratch_free(cs->scratch);
	plan_leave(cs->sieve, cs->plan);
}

void
candidates_free(struct candidates *cs)
{
	if (cs == NULL)
		return;
	leave(cs);
	cleaner_free(cs->cleaner);
	free(cs->last);
	free(cs->v);
	free(cs);
}

/* To the plan of now. */
static void
renew(struct candidates *cs)
{
	struct plan *plan = plan_take(cs->sieve);

	if (plan == cs->plan) {
		plan_leave(cs->sieve, plan);
		return;
	}
	leave(cs);
	cs->plan = plan;
	cs->scratch = prefilter_scratch_new(plan->prefilter);
}

/* The line that a byte is in, or whose newline it is. */
static void
find_line(struct candidates *cs, size_t at)
{
	const char *data = cs->text.data;
	const char *newline = at > 0 ? memrchr(data, '\n', at) : NULL;

	cs->from = newline != NULL ? (size_t)(newline + 1 - data) : 0;
	newline = memchr(data + at, '\n', cs->text.len - at);
	cs->to = newline != NULL ? (size_t)(newline - data) : cs->text.len;
}

static void
on_match(size_t pattern, size_t end, void *ctx)
{
	struct candidates *cs = ctx;
	size_t group = cs->sieve->group_of[pattern];

	if (end == 0 || cs->plan->open[group])
		return;
	if (cs->count == 0 || end <= cs->from || end - 1 > cs->to)
		find_line(cs, end - 1);
	if (cs->last[group] == cs->from + 1)
		return;
	cs->last[group] = cs->from + 1;
	if (cs->count == cs->capacity) {
		cs->capacity = cs->capacity * 2 + 64;
		cs->v = mem_resize(cs->v, cs->capacity, sizeof *cs->v);
	}
	cs->v[cs->count++] =
	    (struct candidate){ (uint32_t)cs->from, (uint32_t)group };
}

static int
compare(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return x->group < y->group ? -1 : x->group > y->group;
}

/* Of each the first. */
static void
sort(struct candidates *cs)
{
	size_t kept = 0;

	if (cs->count > 1)
		qsort(cs->v, cs->count, sizeof *cs->v, compare);
	for (size_t i = 0; i < cs->count; i++)
		if (kept == 0 || compare(&cs->v[kept - 1], &cs->v[i]) != 0)
			cs->v[kept++] = cs->v[i];
	cs->count = kept;
}

int
candidates_find(struct candidates *cs, struct text raw, bool first, bool strip)
{
	renew(cs);
	cs->text = cleaner_run(cs->cleaner, raw, first, strip);
	cs->from = cs->to = 0;
	cs->count = 0;
	memset(cs->last, 0, cs->sieve->groups * sizeof *cs->last);
	if (prefilter_scan(cs->scratch, cs->text, on_match, cs) < 0)
		return -1;
	sort(cs);
	return 0;
}

struct text
candidates_text(const struct candidates *cs)
{
	return cs->text;
}

bool
candidates_is_open(const struct candidates *cs, size_t group)
{
	return cs->plan->open[group];
}

bool
candidates_any_open(const struct candidates *cs)
{
	return cs->plan->any_open;
}

const struct candidate *
candidates_list(const struct candidates *cs, size_t *count)
{
	*count = cs->count;
	return cs->v;
}

size_t
candidates_raw(struct candidates *cs, size_t at)
{
	return cleaner_raw(cs->cleaner, at);
}
