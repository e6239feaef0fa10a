/* SPDX-License-Identifier: MIT */
/*
 * Matches come in any order and as often as a pattern has ends: a line counts
 * once for each group.
 */
#include "match/sieve.h"

#include "base/mem.h"
#include "event/clean.h"
#include "match/prefilter.h"

#include <string.h>

struct sieve {
	struct prefilter *prefilter;
	size_t *group_of; /* by pattern */
	bool *open;       /* by group */
	size_t groups;
};

struct candidates {
	const struct sieve *sieve;
	struct prefilter_scratch *scratch;
	struct cleaner *cleaner;
	struct text text;
	size_t from, to; /* the line of the last match */
	size_t *last;    /* by group: behind the start of its last line */
	struct candidate *v;
	size_t count, capacity;
};

static struct prefilter *
look_for(const struct patterns *const *groups, size_t count, size_t patterns,
    struct err *err)
{
	struct text *texts = mem_new(patterns, sizeof *texts);
	struct prefilter *prefilter;
	size_t n = 0;

	for (size_t g = 0; g < count; g++)
		for (size_t i = 0; i < groups[g]->count; i++)
			texts[n++] = pattern_text(groups[g]->v[i]);
	prefilter = prefilter_new(texts, patterns, err);
	free(texts);
	return prefilter;
}

struct sieve *
sieve_new(const struct patterns *const *groups, size_t count, struct err *err)
{
	struct sieve *s;
	struct prefilter *prefilter;
	size_t patterns = 0, n = 0;

	for (size_t g = 0; g < count; g++)
		patterns += groups[g]->count;
	prefilter = look_for(groups, count, patterns, err);
	if (prefilter == NULL)
		return NULL;
	s = mem_new(1, sizeof *s);
	s->prefilter = prefilter;
	s->groups = count;
	s->group_of = mem_new(patterns, sizeof *s->group_of);
	s->open = mem_new(count, sizeof *s->open);
	for (size_t g = 0; g < count; g++)
		for (size_t i = 0; i < groups[g]->count; i++, n++) {
			s->group_of[n] = g;
			s->open[g] |=
			    prefilter_covers(prefilter, n) == PREFILTER_NONE;
		}
	return s;
}

void
sieve_free(struct sieve *s)
{
	if (s == NULL)
		return;
	prefilter_free(s->prefilter);
	free(s->group_of);
	free(s->open);
	free(s);
}

bool
sieve_is_open(const struct sieve *s, size_t group)
{
	return s->open[group];
}

struct candidates *
candidates_new(const struct sieve *s)
{
	struct candidates *cs = mem_new(1, sizeof *cs);

	cs->sieve = s;
	cs->scratch = prefilter_scratch_new(s->prefilter);
	cs->cleaner = cleaner_new();
	cs->last = mem_new(s->groups, sizeof *cs->last);
	return cs;
}

void
candidates_free(struct candidates *cs)
{
	if (cs == NULL)
		return;
	prefilter_scratch_free(cs->scratch);
	cleaner_free(cs->cleaner);
	free(cs->last);
	free(cs->v);
	free(cs);
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

	if (end == 0 || cs->sieve->open[group])
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
