/* SPDX-License-Identifier: MIT */
#include "cmd/timeline.h"

#include "base/map.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "cmd/cmd.h"
#include "cmd/explanation.h"
#include "ruleset.h"

#include <inttypes.h>

#define SPELLS_MAX 100000 /* that are remembered */
#define ROWS_MAX 200      /* that are printed */
#define BAR_MIN 10
#define BAR_MAX 60
#define NAME_MAX_WIDTH 28

/** A time for which an incident was open. */
struct spell {
	size_t rule;
	int64_t opened_ms, resolved_ms; /* resolved_ms is 0: it is open */
	int64_t count;
	char *summary;
	bool reopened;
};

/** What there is to say of a rule. */
struct tally {
	uint64_t hits, spells;
	size_t open;
};

struct timeline {
	const struct ruleset *rs;
	struct spell **spells;
	size_t count, room;
	uint64_t dropped;
	struct map *open;      /* by id of the incident: its spell, lent */
	struct tally *tallies; /* by rule */
};

struct timeline *
timeline_new(const struct ruleset *rs)
{
	struct timeline *t = mem_new(1, sizeof *t);

	t->rs = rs;
	t->tallies = mem_new(rs->rule_count, sizeof *t->tallies);
	t->open = map_new(SIZE_MAX, NULL);
	return t;
}

void
timeline_free(struct timeline *t)
{
	if (t == NULL)
		return;
	for (size_t i = 0; i < t->count; i++) {
		free(t->spells[i]->summary);
		free(t->spells[i]);
	}
	free(t->spells);
	map_free(t->open);
	free(t->tallies);
	free(t);
}

void
timeline_hit(struct timeline *t, size_t rule)
{
	t->tallies[rule].hits++;
}

static void
spell_add(struct timeline *t, const struct change *change, int64_t wall_ms)
{
	const struct incident *i = change->incident;
	struct spell *s;

	t->tallies[i->rule].spells++;
	t->tallies[i->rule].open++;
	if (t->count == SPELLS_MAX) {
		t->dropped++;
		return;
	}
	if (t->count == t->room) {
		t->room = t->room == 0 ? 16 : t->room * 2;
		t->spells = mem_resize(t->spells, t->room, sizeof *t->spells);
	}
	s = t->spells[t->count++] = mem_new(1, sizeof *s);
	*s = (struct spell){ .rule = i->rule,
		.opened_ms = wall_ms,
		.count = i->count,
		.summary = mem_text(i->summary),
		.reopened = change->reopened };
	map_put(t->open, text_of(i->id), s);
}

void
timeline_change(
    struct timeline *t, const struct change *change, int64_t wall_ms)
{
	const struct incident *i = change->incident;
	struct spell *s;

	if (i->rule >= t->rs->rule_count)
		return;
	if (change->kind == CHANGE_OPENED)
		spell_add(t, change, wall_ms);
	if (change->kind != CHANGE_RESOLVED)
		return;
	t->tallies[i->rule].open--;
	s = map_get(t->open, text_of(i->id));
	if (s == NULL)
		return;
	map_remove(t->open, text_of(i->id));
	s->resolved_ms = wall_ms > s->opened_ms ? wall_ms : s->opened_ms + 1;
	s->count = i->count;
	free(s->summary);
	s->summary = mem_text(i->summary);
}

/* Printing. */

struct printing {
	const struct timeline *t;
	int64_t from_ms, to_ms;
	const struct timeline_style *style;
	FILE *out;
	int name_width;
	size_t bar;
};

static void
put(FILE *out, const char *text, size_t width)
{
	/* Its first line, as far as there is room. */
	const struct text line = { text, strcspn(text, "\n") };

	display(utf8_head(line, width), out);
}

static const char *
time_text(int64_t wall_ms, char out[static WHEN_SIZE])
{
	when_write(wall_ms, out);
	out[10] = ' ';
	out[19] = '\0'; /* to the second */
	return out;
}

static const char *
lasted_text(const struct spell *s, int64_t to_ms, char out[static WHEN_SIZE])
{
	int64_t ms =
	    (s->resolved_ms != 0 ? s->resolved_ms : to_ms) - s->opened_ms;

	if (ms >= 1000)
		ms -= ms % 1000;
	return duration_write(ms, out);
}

static const char *
severity_colour(enum severity severity)
{
	static const char *const colours[] = {
		[SEVERITY_INFO] = "\033[36m",
		[SEVERITY_WARNING] = "\033[33m",
		[SEVERITY_ERROR] = "\033[31m",
		[SEVERITY_CRITICAL] = "\033[1;31m",
	};

	return colours[severity];
}

static size_t
column_of(const struct printing *p, int64_t wall_ms)
{
	int64_t span = p->to_ms - p->from_ms;
	double part =
	    span > 0 ? (double)(wall_ms - p->from_ms) / (double)span : 0;
	size_t column = part > 0 ? (size_t)(part * (double)p->bar) : 0;

	return column < p->bar ? column : p->bar - 1;
}

static void
bar_print(const struct printing *p, const struct spell *s)
{
	size_t from = column_of(p, s->opened_ms);
	size_t to =
	    s->resolved_ms != 0 ? column_of(p, s->resolved_ms) : p->bar - 1;

	fputc('|', p->out);
	if (p->style->colour)
		fputs(severity_colour(p->t->rs->policies[s->rule].severity),
		    p->out);
	for (size_t k = 0; k < p->bar; k++)
		fputc(k < from || k > to                       ? ' '
		      : s->resolved_ms == 0 && k == p->bar - 1 ? '>'
							       : '#',
		    p->out);
	if (p->style->colour)
		fputs("\033[0m", p->out);
	fputc('|', p->out);
}

static void
spell_print(const struct printing *p, const struct spell *s)
{
	char opened[WHEN_SIZE], lasted[WHEN_SIZE];

	fprintf(p->out, "%-*.*s  %s  %9s%s  %6" PRId64 "  ", p->name_width,
	    NAME_MAX_WIDTH, p->t->rs->rules[s->rule].id,
	    time_text(s->opened_ms, opened), lasted_text(s, p->to_ms, lasted),
	    s->resolved_ms == 0 ? "+" : " ", s->count);
	bar_print(p, s);
	fputs("\n    ", p->out);
	if (s->reopened)
		fputs("(reopened) ", p->out);
	put(p->out, s->summary, p->style->width - 4);
	fputc('\n', p->out);
}

static void
spells_print(const struct printing *p)
{
	const struct timeline *t = p->t;
	size_t shown = t->count < ROWS_MAX ? t->count : ROWS_MAX;

	fprintf(p->out, "%-*s  %-19s  %9s   %6s  |%-*s|\n", p->name_width,
	    "INCIDENT", "OPENED (UTC)", "LASTED", "HITS", (int)p->bar,
	    "from first to last event");
	for (size_t i = 0; i < shown; i++)
		spell_print(p, t->spells[i]);
	if (t->count + t->dropped > shown)
		fprintf(p->out,
		    "... and %" PRIu64 " more, which --json tells\n",
		    t->count - shown + t->dropped);
	fputc('\n', p->out);
}

static void
steps_print(const struct printing *p, const char *what,
    const struct steps *steps, bool *said)
{
	for (size_t i = 0; i < steps->count; i++)
		fprintf(p->out, "%s%s",
		    i > 0   ? ", "
		    : *said ? what
			    : what + 2,
		    p->t->rs->actions[steps->v[i]].name);
	*said |= steps->count > 0;
}

/* What would have been done, of what is there. */
static void
plan_print(const struct printing *p, size_t rule)
{
	const struct plan *plan = &p->t->rs->plans[rule];
	bool said = false;

	if (!plan->observe)
		steps_print(p, "; would run ", &plan->execs, &said);
	steps_print(p, "; would tell ", &plan->notifies, &said);
}

static void
rule_print(const struct printing *p, size_t rule)
{
	const struct tally *tally = &p->t->tallies[rule];
	const char *why = not_asked_why(p->t->rs, rule);

	fprintf(p->out, "%-*.*s  ", p->name_width, NAME_MAX_WIDTH,
	    p->t->rs->rules[rule].id);
	if (why != NULL) {
		fprintf(p->out, "not replayed: %s\n", why);
		return;
	}
	fprintf(p->out, "%9" PRIu64 "  %6zu  %6" PRIu64 "  ", tally->spells,
	    tally->open, tally->hits);
	if (tally->spells > 0)
		plan_print(p, rule);
	fputc('\n', p->out);
}

static void
rules_print(const struct printing *p)
{
	fprintf(p->out, "%-*s  %9s  %6s  %6s\n", p->name_width, "RULE",
	    "INCIDENTS", "OPEN", "HITS");
	for (size_t i = 0; i < p->t->rs->rule_count; i++)
		rule_print(p, i);
}

static int
name_width(const struct ruleset *rs)
{
	size_t width = strlen("INCIDENT");

	for (size_t i = 0; i < rs->rule_count; i++)
		if (strlen(rs->rules[i].id) > width)
			width = strlen(rs->rules[i].id);
	return (int)(width < NAME_MAX_WIDTH ? width : NAME_MAX_WIDTH);
}

void
timeline_print(const struct timeline *t, int64_t from_ms, int64_t to_ms,
    const struct timeline_style *style, FILE *out)
{
	struct printing p = { t, from_ms, to_ms, style, out, name_width(t->rs),
		BAR_MIN };
	size_t rest = (size_t)p.name_width + 45;

	if (style->width > rest + BAR_MIN)
		p.bar = style->width - rest;
	if (p.bar > BAR_MAX)
		p.bar = BAR_MAX;
	if (t->count > 0)
		spells_print(&p);
	rules_print(&p);
}
