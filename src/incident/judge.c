/* SPDX-License-Identifier: MIT */
#include "incident/judge.h"

#include "base/mem.h"
#include "match/seen.h"
#include "tail/block.h"

#define GATHERS_MAX 64 /* incidents that still want lines after their event */

/** An incident that wants more lines after its event. */
struct gather {
	struct incident *incident;
	uint64_t file;
	size_t left;
	bool fresh; /* the block at hand was looked at already */
	bool grown; /* has lines that are not saved */
};

struct judge {
	struct judge_spec spec;
	struct judge_callbacks callbacks;
	struct matcher *matcher;
	struct detectors *detectors;
	struct incidents *incidents;
	const struct event *event; /* the one at hand; NULL: none */
	struct stamper **stampers; /* by source */
	struct seen seen;          /* a line that is asked for its stamp */
	struct gather gathers[GATHERS_MAX];
	size_t gather_count;
	int64_t *last_ms; /* of the last hit, by rule */
	bool refused;     /* too many incidents are open, and that was told */
};

static int64_t
now_ms(const struct judge *j)
{
	return j->callbacks.now_ms(j->callbacks.ctx);
}

static int64_t
wall_ms(const struct judge *j)
{
	return j->callbacks.wall_ms(j->callbacks.ctx);
}

/* Lines around events */

static void
add_line(struct text line, void *ctx)
{
	lines_add(ctx, line);
}

static void
gather_more(struct judge *j, const struct block *block)
{
	size_t kept = 0;

	for (size_t k = 0; k < j->gather_count; k++) {
		struct gather *g = &j->gathers[k];

		if (g->file == block->file && !g->fresh) {
			g->left -= context_after(
			    block, 0, g->left, add_line, &g->incident->after);
			g->grown = true;
		}
		g->fresh = false;
		if (g->left > 0)
			j->gathers[kept++] = *g;
		else
			g->incident->dirty = true;
	}
	j->gather_count = kept;
}

static void
gather_forget(struct judge *j, const struct incident *i)
{
	size_t kept = 0;

	for (size_t k = 0; k < j->gather_count; k++)
		if (j->gathers[k].incident != i)
			j->gathers[kept++] = j->gathers[k];
		else if (j->gathers[k].grown)
			j->gathers[k].incident->dirty = true;
	j->gather_count = kept;
}

/* The lines around the event at hand; those that are still to be written are
 * gathered as they come. */
static void
add_context(struct judge *j, struct incident *i)
{
	const struct event *e = j->event;
	size_t left = j->spec.context_after;

	matcher_before(j->matcher, e, add_line, &i->before);
	if (e->block != NULL)
		left -= context_after(
		    e->block, e->after, left, add_line, &i->after);
	if (left == 0)
		return;
	if (j->gather_count == GATHERS_MAX)
		gather_forget(j, j->gathers[0].incident);
	j->gathers[j->gather_count++] = (struct gather){ .incident = i,
		.file = e->file,
		.left = left,
		.fresh = e->block != NULL };
}

bool
judge_gathered(const struct judge *j)
{
	for (size_t k = 0; k < j->gather_count; k++)
		if (j->gathers[k].grown)
			return true;
	return false;
}

void
judge_save_gathered(struct judge *j)
{
	for (size_t k = 0; k < j->gather_count; k++) {
		j->gathers[k].incident->dirty |= j->gathers[k].grown;
		j->gathers[k].grown = false;
	}
}

/* Stamps of a block's lines */

static bool
stamp_of(struct judge *j, const struct block *block, struct text line,
    int64_t reference_ms, int64_t *wall_ms)
{
	const struct event_source *source = &j->spec.sources[block->source];

	seen_line(&j->seen, line, source->message, source->strip);
	return judge_stamp(j, block->source, j->seen.text, j->seen.object,
	    reference_ms, wall_ms);
}

bool
judge_first_stamp(struct judge *j, const struct block *block,
    int64_t reference_ms, int64_t *wall_ms)
{
	const char *p = block->data, *end = block->data + block->len;

	while (p < end) {
		const char *stop = memchr(p, '\n', (size_t)(end - p));

		if (stop == NULL)
			stop = end;
		if (stamp_of(j, block, (struct text){ p, (size_t)(stop - p) },
			reference_ms, wall_ms))
			return true;
		p = stop + 1;
	}
	return false;
}

bool
judge_last_stamp(struct judge *j, const struct block *block, size_t lines,
    int64_t reference_ms, int64_t *wall_ms)
{
	const char *end = block->data + block->len;

	for (; lines > 0 && end > block->data; lines--) {
		const char *line;

		if (end[-1] == '\n')
			end--;
		line = memrchr(block->data, '\n', (size_t)(end - block->data));
		line = line != NULL ? line + 1 : block->data;
		if (stamp_of(j, block,
			(struct text){ line, (size_t)(end - line) },
			reference_ms, wall_ms))
			return true;
		end = line;
	}
	return false;
}

/* What flows from step to step */

bool
judge_stamp(struct judge *j, size_t source, struct text event,
    struct text object, int64_t reference_ms, int64_t *wall_ms)
{
	return stamping_stamp(&j->spec.stampings[source], j->stampers[source],
	    event, object, reference_ms, wall_ms);
}

/* When a hit of a rule was, by its clock: that of its sources, which never goes
 * back. */
static int64_t
time_of(struct judge *j, const struct hit *hit, struct event *event)
{
	int64_t now = now_ms(j), own = now - event->age_ms, at = own, *last;

	if (hit->part == PART_VERIFY) /* of an action */
		return now;
	last = &j->last_ms[hit->index];
	if (at < *last)
		at = *last < now ? *last : now;
	*last = at;
	event->age_ms = now - at;
	event->behind_ms = at - own;
	return at;
}

/* What of a rule is asked for now.  An incident of what is missing opens by the
 * time, which an event that resolves it may be the first to tell. */
static void
want_parts(struct judge *j, size_t rule)
{
	bool waits = detectors_waits(j->detectors, rule);

	matcher_want(j->matcher, PART_SECOND, rule, waits);
	matcher_want(j->matcher, PART_RESOLVE, rule,
	    waits || incidents_open(j->incidents, rule));
}

static void
on_hit(const struct hit *told, void *ctx)
{
	struct judge *j = ctx;
	struct event event = *told->event;
	struct hit own = *told;
	const struct hit *hit = &own;
	int64_t reference_ms = event.wall_ms, at_ms;

	own.event = &event;
	if (j->callbacks.reference_ms != NULL)
		reference_ms =
		    j->callbacks.reference_ms(event.file, j->callbacks.ctx);
	if (!judge_stamp(j, event.source, event.text, event.object,
		reference_ms, &event.stamp_ms))
		event.stamp_ms = 0;
	if (j->callbacks.event != NULL)
		j->callbacks.event(&event, hit, j->callbacks.ctx);
	at_ms = time_of(j, hit, &event);
	if (event.age_ms > 0)
		incidents_pass(j->incidents, hit->index,
		    (struct moment){ at_ms, event.wall_ms });
	j->event = &event;
	switch (hit->part) {
	case PART_VERIFY:
		if (j->callbacks.proof != NULL)
			j->callbacks.proof(hit, j->callbacks.ctx);
		break;
	case PART_RESOLVE:
		incidents_resolve_match(j->incidents, hit, at_ms);
		break;
	case PART_SECOND:
	case PART_MATCH:
		detectors_hit(j->detectors, hit, at_ms);
		want_parts(j, hit->index);
		break;
	case PART_JOIN:
	case PART_COUNT:
		break;
	}
	j->event = NULL;
}

static void
on_finding(const struct finding *finding, void *ctx)
{
	judge_finding(ctx, finding);
}

void
judge_finding(struct judge *j, const struct finding *finding)
{
	struct incident *incident;
	bool refused =
	    incidents_find(j->incidents, finding, &incident) == TAKEN_REFUSED;

	if (refused && !j->refused)
		j->callbacks.refused(finding, j->callbacks.ctx);
	j->refused = refused;
}

static void
on_over(size_t rule, struct text key, int64_t at_ms, void *ctx)
{
	struct judge *j = ctx;

	incidents_resolve_key(j->incidents, rule, key, at_ms, wall_ms(j));
}

void
judge_caught_up(struct judge *j, bool caught_up)
{
	detectors_caught_up(j->detectors, caught_up);
	incidents_caught_up(j->incidents, caught_up);
}

void
judge_over(struct judge *j, size_t rule, struct text key)
{
	on_over(rule, key, now_ms(j), j);
}

/* Whether it is of a rule of the file, that has patterns and a detector. */
static bool
is_rule(const struct judge *j, size_t rule)
{
	return rule < j->spec.rule_count;
}

void
judge_reset(struct judge *j, size_t rule)
{
	if (is_rule(j, rule))
		detectors_reset(j->detectors, rule, NULL, now_ms(j));
}

static void
on_change(const struct change *change, void *ctx)
{
	struct judge *j = ctx;
	struct incident *i = change->incident;
	struct text key = { i->key_text, i->key_len };

	i->last_change = (int)change->kind;
	if (change->kind == CHANGE_OPENED && !change->reopened &&
	    j->event != NULL)
		add_context(j, i);
	if (change->kind == CHANGE_RESOLVED) {
		gather_forget(j, i);
		if (is_rule(j, i->rule))
			detectors_reset(j->detectors, i->rule, &key, now_ms(j));
	}
	if (is_rule(j, i->rule))
		want_parts(j, i->rule);
	j->callbacks.change(change, j->callbacks.ctx);
}

void
judge_block(struct judge *j, const struct block *block)
{
	matcher_feed(j->matcher, block, now_ms(j), wall_ms(j));
	if (j->gather_count > 0)
		gather_more(j, block);
}

void
judge_file_end(struct judge *j, uint64_t file)
{
	matcher_end(j->matcher, file);
}

const struct event *
judge_event(const struct judge *j)
{
	return j->event;
}

/* Time */

int64_t
judge_due(struct judge *j)
{
	int64_t due = matcher_due(j->matcher);

	if (incidents_due(j->incidents) < due)
		due = incidents_due(j->incidents);
	if (detectors_due(j->detectors) < due)
		due = detectors_due(j->detectors);
	return due;
}

void
judge_tick(struct judge *j)
{
	struct moment at = { now_ms(j), wall_ms(j) };

	matcher_tick(j->matcher, at.now_ms);
	incidents_tick(j->incidents, at.now_ms, at.wall_ms);
	detectors_tick(j->detectors, at);
}

/* Beginning and end */

static struct matcher *
new_matcher(struct judge *j)
{
	const struct judge_spec *from = &j->spec;
	struct matcher_spec spec = {
		.rules = from->rules,
		.rule_count = from->rule_count,
		.sources = from->sources,
		.source_count = from->source_count,
		.proofs = from->proofs,
		.proof_count = from->proof_count,
		.context_lines = from->context_before,
		.sieve_after = MATCHER_SIEVE_AFTER,
	};
	const struct matcher_callbacks callbacks = { on_hit, j,
		j->callbacks.reports };

	return matcher_new(&spec, &callbacks);
}

struct judge *
judge_new(
    const struct judge_spec *spec, const struct judge_callbacks *callbacks)
{
	struct judge *j = mem_new(1, sizeof *j);
	struct detectors_callbacks detectors = { on_finding, on_over, j };
	struct incidents_spec incidents = { spec->rules, spec->policies,
		spec->policy_count, spec->source_names, spec->host };

	j->spec = *spec;
	j->callbacks = *callbacks;
	j->stampers = mem_new(spec->source_count, sizeof *j->stampers);
	for (size_t i = 0; i < spec->source_count; i++)
		j->stampers[i] = stamper_new(&spec->stampings[i].spec);
	j->last_ms = mem_new(spec->rule_count, sizeof *j->last_ms);
	j->matcher = new_matcher(j);
	j->detectors = detectors_new(
	    spec->rules, spec->detectors, spec->rule_count, &detectors);
	j->incidents = incidents_new(&incidents, on_change, j);
	return j;
}

void
judge_free(struct judge *j)
{
	if (j == NULL)
		return;
	incidents_free(j->incidents);
	detectors_free(j->detectors);
	matcher_free(j->matcher);
	for (size_t i = 0; i < j->spec.source_count; i++)
		stamper_free(j->stampers[i]);
	seen_free(&j->seen);
	free(j->stampers);
	free(j->last_ms);
	free(j);
}

/* What was hit before a restart was hit before what comes now, whatever the log
 * says of when that was. */
static void
restore_clocks(struct judge *j)
{
	incidents_last(j->incidents, j->last_ms, j->spec.rule_count);
	for (size_t k = 0; k < j->spec.rule_count; k++)
		if (detectors_last(j->detectors, k) > j->last_ms[k])
			j->last_ms[k] = detectors_last(j->detectors, k);
}

void
judge_begin(struct judge *j)
{
	detectors_order(j->detectors);
	restore_clocks(j);
	detectors_begin(j->detectors, now_ms(j));
	for (size_t k = 0; k < j->spec.rule_count; k++)
		want_parts(j, k);
}

struct matcher *
judge_matcher(struct judge *j)
{
	return j->matcher;
}

struct detectors *
judge_detectors(struct judge *j)
{
	return j->detectors;
}

struct incidents *
judge_incidents(struct judge *j)
{
	return j->incidents;
}
