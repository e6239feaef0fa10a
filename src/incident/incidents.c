/* SPDX-License-Identifier: MIT */
/*
 * A bounded table of what is open, or was until a moment ago.
 */
#include "incident/incidents.h"

#include "base/map.h"
#include "base/mem.h"
#include "base/number.h"
#include "base/utf8.h"
#include "detect/active.h"
#include "detect/key.h"

#include <assert.h>

#define OPEN_MAX 10000    /* more at once tell nobody anything */
#define COOLING_MAX 10000 /* resolved ones that may come back */
#define EXPECTED_MAX 1000
#define SUMMARY_MAX 1000
#define REMIND_MAX_MS (INT64_C(24) * 60 * 60 * 1000)
#define SUMMARY_EVENT_MAX 200

struct incidents {
	struct incidents_spec spec;
	change_fn *fn;
	void *ctx;
	struct incident **v; /* open ones and those that cool down */
	size_t count, capacity;
	struct map *index; /* by rule and key -> one of v */
	struct map *ids;   /* likewise -> the id that is expected */
	size_t *open;      /* how many, by rule */
	size_t open_count;
	int64_t due_ms;
	bool behind; /* more was written than was read */
	/* When it was last told, and from there to the world's clock. */
	int64_t now_ms, wall_offset_ms;
	struct str scratch;
};

struct incidents *
incidents_new(const struct incidents_spec *spec, change_fn *fn, void *ctx)
{
	struct incidents *is = mem_new(1, sizeof *is);

	is->spec = *spec;
	is->fn = fn;
	is->ctx = ctx;
	is->index = map_new(SIZE_MAX, NULL);
	is->ids = map_new(EXPECTED_MAX, free);
	is->open = mem_new(spec->count, sizeof *is->open);
	is->due_ms = INT64_MAX;
	return is;
}

void
incidents_free(struct incidents *is)
{
	if (is == NULL)
		return;
	for (size_t k = 0; k < is->count; k++)
		incident_free(is->v[k]);
	free(is->v);
	free(is->open);
	map_free(is->index);
	map_free(is->ids);
	str_free(&is->scratch);
	free(is);
}

/* Lives until the next call. */
static struct text
index_key(struct incidents *is, size_t rule, struct text key)
{
	str_clear(&is->scratch);
	number_add(&is->scratch, (int64_t)rule);
	str_putc(&is->scratch, ' ');
	str_add_text(&is->scratch, key);
	return str_text(&is->scratch);
}

static struct text
key_of(const struct incident *i)
{
	return (struct text){ i->key_text, i->key_len };
}

/* Of those with one key the open one counts: a resolved one that is restored
 * after it must not hide it. */
static void
index_put(struct incidents *is, struct incident *i)
{
	struct text key = index_key(is, i->rule, key_of(i));
	const struct incident *there = map_get(is->index, key);

	if (there == NULL || there->state != INCIDENT_OPEN ||
	    i->state == INCIDENT_OPEN)
		map_put(is->index, key, i);
}

static void
add(struct incidents *is, struct incident *i)
{
	if (is->count == is->capacity) {
		is->capacity = is->capacity ? is->capacity * 2 : 16;
		is->v = mem_resize(is->v, is->capacity, sizeof *is->v);
	}
	is->v[is->count++] = i;
	if (i->rule != NO_RULE)
		index_put(is, i);
	if (i->state == INCIDENT_OPEN) {
		is->open_count++;
		if (i->rule != NO_RULE)
			is->open[i->rule]++;
	}
}

static void
drop(struct incidents *is, size_t k)
{
	struct incident *i = is->v[k];

	assert(i->state != INCIDENT_OPEN && !i->dirty && i->collecting == 0);
	if (i->rule != NO_RULE) {
		struct text key = index_key(is, i->rule, key_of(i));

		if (map_get(is->index, key) == i)
			map_remove(is->index, key);
	}
	is->v[k] = is->v[--is->count];
	incident_free(i);
}

static const struct policy *
policy_of(const struct incidents *is, const struct incident *i)
{
	return i->rule != NO_RULE ? &is->spec.policies[i->rule] : NULL;
}

/* Each reminder comes twice as long after the one before it, up to a day; what
 * the rule says is taken even where that is longer. */
static int64_t
remind_due(const struct incident *i, const struct policy *p)
{
	int64_t every = p->remind_ms;

	if (every == INT64_MAX || i->acknowledged_ms != 0)
		return INT64_MAX;
	for (size_t k = 0; k < i->reminders && every < REMIND_MAX_MS; k++)
		every = every * 2 < REMIND_MAX_MS ? every * 2 : REMIND_MAX_MS;
	return every < INT64_MAX - i->remind_from_ms ? i->remind_from_ms + every
	                                             : INT64_MAX;
}

/* When it has been quiet for long enough, were nothing to come. */
static int64_t
quiet_end(const struct incidents *is, const struct incident *i,
    const struct policy *p)
{
	if (i->held || p->quiet_ms == INT64_MAX)
		return INT64_MAX;
	return active_defer(p->active, i->quiet_from_ms + p->quiet_ms,
	    is->now_ms, is->wall_offset_ms);
}

/* What was not read yet may break it. */
static int64_t
quiet_due(const struct incidents *is, const struct incident *i,
    const struct policy *p)
{
	return is->behind ? INT64_MAX : quiet_end(is, i, p);
}

/* When something becomes of it by itself. */
static int64_t
due_of(const struct incidents *is, const struct incident *i)
{
	const struct policy *p = policy_of(is, i);
	int64_t quiet, remind;

	if (i->state == INCIDENT_RESOLVED)
		return i->dirty || i->collecting > 0
		           ? INT64_MAX
		           : i->closed_ms + (p ? p->cooldown_ms : 0);
	if (p == NULL || i->state == INCIDENT_UNOPENED)
		return INT64_MAX;
	quiet = quiet_due(is, i, p);
	remind = remind_due(i, p);
	return quiet < remind ? quiet : remind;
}

static struct incident *
get(const struct incidents *is, const char *id)
{
	for (size_t k = 0; k < is->count; k++)
		if (strcmp(is->v[k]->id, id) == 0)
			return is->v[k];
	return NULL;
}

static void
schedule(struct incidents *is, const struct incident *i)
{
	int64_t due = due_of(is, i);

	if (due < is->due_ms)
		is->due_ms = due;
}

/* Its cause, while that is open and somebody may be told of it; NULL: none. */
static struct incident *
cause_of(const struct incidents *is, const struct incident *i)
{
	struct incident *cause =
	    i->caused_by[0] != '\0' ? get(is, i->caused_by) : NULL;

	return cause != NULL && cause->state == INCIDENT_OPEN &&
	               cause->rule != NO_RULE
	           ? cause
	           : NULL;
}

static void
tell(struct incidents *is, struct incident *i, struct change change)
{
	change.incident = i;
	i->changes[change.kind]++;
	i->dirty = true;
	is->fn(&change, is->ctx);
}

bool
incidents_folded(const struct incidents *is, const struct incident *i)
{
	return !i->alone && cause_of(is, i) != NULL;
}

void
incidents_tell(struct incidents *is, struct incident *i, enum change_kind kind)
{
	struct incident *cause;

	/* A human is needed for this one. */
	i->alone |= kind == CHANGE_ESCALATED;
	tell(is, i,
	    (struct change){
		.kind = kind,
		.reopened = kind == CHANGE_OPENED && i->changes[kind] > 0,
		.folded = incidents_folded(is, i),
	    });
	cause = cause_of(is, i); /* still */
	if (cause != NULL)
		incidents_tell(is, cause, CHANGE_UPDATED);
}

void
incidents_surface(struct incidents *is, struct incident *i, int64_t now_ms)
{
	i->remind_from_ms = now_ms;
	tell(is, i,
	    (struct change){ .kind = CHANGE_UPDATED,
		.surfaced = true,
		.folded = incidents_folded(is, i) });
	schedule(is, i);
}

/* A cause is over: what it caused and is not over is an incident of its own,
 * of which nobody may have heard. */
static void
surface(struct incidents *is, const struct incident *cause, int64_t now_ms)
{
	for (size_t k = 0; cause->effect_count > 0 && k < is->count; k++) {
		struct incident *i = is->v[k];

		if (i->state != INCIDENT_OPEN || i->alone ||
		    strcmp(i->caused_by, cause->id) != 0)
			continue;
		i->alone = true;
		incidents_surface(is, i, now_ms);
	}
}

static void
resolve(
    struct incidents *is, struct incident *i, int64_t now_ms, int64_t wall_ms)
{
	if (i->held) {
		i->resolve_seen = true;
		i->dirty = true;
		return;
	}
	i->state = INCIDENT_RESOLVED;
	i->resolved_ms = wall_ms;
	i->closed_ms = now_ms;
	i->resolve_seen = false;
	is->open_count--;
	if (i->rule != NO_RULE)
		is->open[i->rule]--;
	incidents_tell(is, i, CHANGE_RESOLVED);
	surface(is, i, now_ms);
	schedule(is, i);
}

struct rendering {
	const struct incident *incident;
	int64_t wall_ms;
	struct str scratch;
};

static struct text
value_of(const char *name, void *ctx)
{
	struct rendering *r = ctx;

	return incident_value(r->incident, name, r->wall_ms, &r->scratch);
}

/* Replaces *out by a template filled in; with none, by rule and event. */
static void
render(const struct template *t, const struct incident *i, int64_t wall_ms,
    size_t max, char **out)
{
	struct rendering r = { .incident = i, .wall_ms = wall_ms };
	struct str text = { 0 };
	struct text head;

	if (t != NULL)
		template_write(t, value_of, &r, NULL, &text);
	head = utf8_head(str_text(&text), max);
	free(*out);
	*out = mem_copy(head.data, head.len);
	str_free(&text);
	str_free(&r.scratch);
}

static void
default_summary(struct incident *i, const struct policy *p)
{
	struct text event = str_text(&i->event);
	const char *newline =
	    event.len > 0 ? memchr(event.data, '\n', event.len) : NULL;
	struct str text = { 0 };

	if (newline != NULL)
		event.len = (size_t)(newline - event.data);
	event = utf8_head(event, SUMMARY_EVENT_MAX);
	str_printf(&text, "%s: ", i->rule_id);
	if (p->says != NULL)
		str_puts(&text, p->says);
	if (p->says_event)
		str_puts(&text, ": ");
	if (p->says == NULL || p->says_event)
		str_add_text(&text, event);
	free(i->summary);
	i->summary = str_take(&text);
}

/* A capture that another pattern of the rule defines took no part: it is empty,
 * and no name of ours may stand for it. */
static void
add_empty(struct incident *i, const struct rule *rule)
{
	for (int part = PART_SECOND; part <= PART_MATCH; part++)
		for (size_t k = 0; k < rule->parts[part].count; k++) {
			const struct pattern *p = rule->parts[part].v[k];

			for (size_t n = 0; n < pattern_names(p); n++)
				if (pairs_get(&i->captures, pattern_name(p, n))
					.data == NULL)
					pairs_add(&i->captures,
					    pattern_name(p, n), TEXT(""));
		}
}

/* What the last hit says: its captures, and the texts that name them. */
static void
describe(struct incidents *is, struct incident *i, const struct finding *f)
{
	const struct policy *p = &is->spec.policies[f->rule];
	int64_t wall_ms = f->event->wall_ms;

	pairs_free(&i->captures);
	for (size_t k = 0; k < f->captures->count; k++) {
		pairs_add(&i->captures, f->captures->v[k].name,
		    f->captures->v[k].value);
		i->captures.v[k].told = f->captures->v[k].told;
	}
	add_empty(i, &is->spec.rules[f->rule]);
	if (p->summary != NULL)
		render(p->summary, i, wall_ms, SUMMARY_MAX, &i->summary);
	else if (i->summary == NULL)
		default_summary(i, p);
	if (p->description != NULL || i->description == NULL)
		render(p->description, i, wall_ms, 16384, &i->description);
}

/* A hit after what seemed to be the end: it was not the end. */
static void
count_hit(struct incident *i, const struct finding *f)
{
	int64_t seen_ms = event_seen_ms(f->event);

	if (seen_ms > i->last_ms) /* else it was written late */
		i->last_ms = seen_ms;
	i->quiet_from_ms = f->now_ms;
	i->resolve_seen = false;
	i->dirty = true;
}

static bool
may_cause(const struct policy *p, const struct incident *i, int64_t wall_ms)
{
	int64_t age_ms = wall_ms - i->opened_ms;

	if (i->state != INCIDENT_OPEN || age_ms < 0 ||
	    age_ms > p->caused_within_ms)
		return false;
	for (size_t k = 0; k < p->cause_count; k++)
		if (p->causes[k] == i->rule)
			return true;
	return false;
}

/* Whether the causes of an incident, one by one, lead to another.  No circle
 * is ever closed, so that they end. */
static bool
leads_to(const struct incidents *is, const struct incident *from,
    const struct incident *to)
{
	while (from != NULL && from != to)
		from = cause_of(is, from);
	return from != NULL;
}

/* Of several the one that began last is the cause.  One that is itself an
 * effect of this one is none: rules that were changed meanwhile may say so of
 * incidents that opened before. */
static void
find_cause(struct incidents *is, struct incident *i, const struct finding *f)
{
	const struct policy *p = &is->spec.policies[f->rule];
	struct incident *cause = NULL;

	for (size_t k = 0; p->cause_count > 0 && k < is->count; k++)
		if (may_cause(p, is->v[k], f->event->wall_ms) &&
		    (cause == NULL ||
			is->v[k]->opened_ms >= cause->opened_ms) &&
		    !leads_to(is, is->v[k], i))
			cause = is->v[k];
	i->alone = false;
	i->caused_by[0] = '\0';
	if (cause == NULL)
		return;
	snprintf(i->caused_by, sizeof i->caused_by, "%s", cause->id);
	incident_add_effect(cause, i->id);
	cause->dirty = true;
}

/* It opens, for the first time or again: nobody knows of it yet. */
static void
begin(struct incidents *is, struct incident *i, const struct finding *f)
{
	find_cause(is, i, f);
	i->opened_ms = f->event->wall_ms;
	i->acknowledged_ms = 0;
	i->remind_from_ms = f->now_ms + f->event->age_ms;
	i->reminders = 0;
	count_hit(i, f);
}

/* The id that is expected, or a new one. */
static void
give_id(struct incidents *is, struct incident *i, const struct finding *f)
{
	struct text key = index_key(is, f->rule, f->key);
	const char *expected = map_get(is->ids, key);

	if (expected == NULL) {
		ulid_new(f->event->wall_ms, i->id);
		return;
	}
	snprintf(i->id, sizeof i->id, "%s", expected);
	map_remove(is->ids, key);
}

static struct incident *
make(struct incidents *is, const struct finding *f)
{
	const struct rule *rule = &is->spec.rules[f->rule];
	const struct policy *p = &is->spec.policies[f->rule];
	const struct event *e = f->event;
	struct incident *i = incident_new();

	give_id(is, i, f);
	i->rule = f->rule;
	i->rule_id = mem_text(rule->id);
	i->key_text = mem_copy(f->key.data, f->key.len);
	i->key_len = f->key.len;
	for (size_t k = 0; k < rule->keys; k++)
		pairs_add(&i->key, rule->key[k],
		    captures_get(f->captures, rule->key[k]));
	i->severity = p->severity;
	i->runbook = mem_text(p->runbook != NULL ? p->runbook : "");
	for (size_t k = 0; k < p->labels.count; k++)
		pairs_add(&i->labels, p->labels.v[k].name,
		    (struct text){ p->labels.v[k].value, p->labels.v[k].len });
	i->host = mem_text(is->spec.host);
	i->source =
	    mem_text(e->source != NO_SOURCE ? is->spec.sources[e->source] : "");
	i->path = mem_text(e->path);
	i->line = e->line;
	i->offset = e->offset;
	str_add_text(&i->event, utf8_head_bytes(e->text, EVENT_MAX));
	i->count = f->count;
	i->detected_ms = e->wall_ms;
	i->first_ms = event_seen_ms(e) - (f->now_ms - f->first_ms);
	return i;
}

static enum taken
open_new(struct incidents *is, const struct finding *f, struct incident **out)
{
	struct incident *i;

	if (is->open_count >= OPEN_MAX)
		return TAKEN_REFUSED;
	i = *out = make(is, f);
	begin(is, i, f);
	describe(is, i, f);
	add(is, i);
	schedule(is, i);
	incidents_tell(is, i, CHANGE_OPENED);
	return TAKEN_OPENED;
}

static enum taken
reopen(struct incidents *is, struct incident *i, const struct finding *f)
{
	i->state = INCIDENT_OPEN;
	i->resolved_ms = 0;
	i->count++;
	is->open_count++;
	is->open[i->rule]++;
	begin(is, i, f);
	describe(is, i, f);
	schedule(is, i);
	incidents_tell(is, i, CHANGE_OPENED);
	return TAKEN_OPENED;
}

enum taken
incidents_find(
    struct incidents *is, const struct finding *f, struct incident **incident)
{
	struct incident *i = map_get(is->index, index_key(is, f->rule, f->key));
	const struct policy *p = &is->spec.policies[f->rule];

	*incident = i;
	if (i != NULL && i->state == INCIDENT_OPEN) {
		i->count++;
		count_hit(i, f);
		describe(is, i, f);
		return TAKEN_COUNTED;
	}
	if (i != NULL && f->now_ms < i->closed_ms + p->cooldown_ms)
		return reopen(is, i, f);
	if (!f->fired)
		return TAKEN_NOT;
	if (i != NULL) /* it has cooled down: no more of ours */
		map_remove(is->index, index_key(is, f->rule, f->key));
	return open_new(is, f, incident);
}

/* What is said of an errand, of which no log speaks. */
struct saying {
	struct event event;
	struct captures captures;
	struct finding finding;
};

static const struct finding *
say(struct saying *s, size_t rule, struct text text, struct moment at)
{
	*s = (struct saying){ .event = { .source = NO_SOURCE,
				  .path = "",
				  .text = text,
				  .wall_ms = at.wall_ms } };
	s->finding = (struct finding){
		.rule = rule,
		.key = { "", 0 },
		.captures = &s->captures,
		.event = &s->event,
		.first_ms = at.now_ms,
		.now_ms = at.now_ms,
	};
	return &s->finding;
}

struct incident *
incidents_errand(struct incidents *is, size_t rule, struct moment at)
{
	struct saying s;
	const struct finding *f = say(&s, rule, TEXT("scheduled"), at);
	struct incident *i = map_get(is->index, index_key(is, rule, f->key));

	if (i != NULL && i->state != INCIDENT_RESOLVED)
		return i;
	if (i != NULL)
		map_remove(is->index, index_key(is, rule, f->key));
	i = make(is, f);
	i->state = INCIDENT_UNOPENED;
	describe(is, i, f);
	count_hit(i, f);
	add(is, i);
	return i;
}

void
incidents_errand_failed(
    struct incidents *is, struct incident *i, struct text why, struct moment at)
{
	struct saying s;
	const struct finding *f = say(&s, i->rule, why, at);

	i->count++;
	count_hit(i, f);
	if (i->state != INCIDENT_UNOPENED) {
		describe(is, i, f);
		return;
	}
	i->state = INCIDENT_OPEN;
	i->detected_ms = at.wall_ms;
	is->open_count++;
	is->open[i->rule]++;
	str_clear(&i->event);
	str_add_text(&i->event, utf8_head_bytes(why, EVENT_MAX));
	free(i->summary);
	i->summary = NULL;
	describe(is, i, f);
	incidents_tell(is, i, CHANGE_OPENED);
}

void
incidents_errand_done(
    struct incidents *is, struct incident *i, struct moment at)
{
	if (i->state == INCIDENT_OPEN) {
		resolve(is, i, at.now_ms, at.wall_ms);
		return;
	}
	i->state = INCIDENT_RESOLVED;
	i->resolved_ms = at.wall_ms;
	i->closed_ms = at.now_ms;
	i->dirty = true;
}

bool
incident_is_untold(const struct incident *i)
{
	return i->state != INCIDENT_OPEN && i->changes[CHANGE_OPENED] == 0;
}

static bool
shares(const struct policy *p, const struct incident *i, const struct hit *hit)
{
	for (size_t k = 0; k < p->same_count; k++)
		if (!text_equal(pairs_get(&i->captures, p->same[k]),
			utf8_head_bytes(captures_get(hit->captures, p->same[k]),
			    VALUE_MAX)))
			return false;
	return true;
}

void
incidents_resolve_match(
    struct incidents *is, const struct hit *hit, int64_t now_ms)
{
	const struct policy *p = &is->spec.policies[hit->index];

	for (size_t k = 0; k < is->count; k++) {
		struct incident *i = is->v[k];

		if (i->rule == hit->index && i->state == INCIDENT_OPEN &&
		    shares(p, i, hit))
			resolve(is, i, now_ms, hit->event->wall_ms);
	}
}

void
incidents_resolve_key(struct incidents *is, size_t rule, struct text key,
    int64_t now_ms, int64_t wall_ms)
{
	struct incident *i = map_get(is->index, index_key(is, rule, key));

	if (i != NULL && i->state == INCIDENT_OPEN)
		resolve(is, i, now_ms, wall_ms);
}

struct incident *
incidents_find_id(struct incidents *is, const char *id)
{
	return get(is, id);
}

void
incidents_end(
    struct incidents *is, struct incident *i, int64_t now_ms, int64_t wall_ms)
{
	resolve(is, i, now_ms, wall_ms);
}

void
incidents_last(const struct incidents *is, int64_t *last_ms, size_t rule_count)
{
	for (size_t k = 0; k < is->count; k++) {
		const struct incident *i = is->v[k];

		if (i->rule < rule_count && i->quiet_from_ms > last_ms[i->rule])
			last_ms[i->rule] = i->quiet_from_ms;
	}
}

const struct incident *
incidents_get(const struct incidents *is, const char *id)
{
	return get(is, id);
}

void
incidents_hold(struct incidents *is, struct incident *i, bool held,
    int64_t now_ms, int64_t wall_ms)
{
	i->held = held;
	if (held)
		return;
	if (i->resolve_seen && i->state == INCIDENT_OPEN)
		resolve(is, i, now_ms, wall_ms);
	schedule(is, i);
}

bool
incidents_open(const struct incidents *is, size_t rule)
{
	return is->open[rule] > 0;
}

size_t
incidents_open_count(const struct incidents *is)
{
	return is->open_count;
}

int64_t
incidents_due(const struct incidents *is)
{
	return is->due_ms;
}

/* After a long sleep that is one, however many were missed: the next is
 * counted from now.  Who was told of its cause alone is reminded of that. */
static void
remind(struct incidents *is, struct incident *i, int64_t now_ms)
{
	i->remind_from_ms = now_ms;
	if (i->alone || cause_of(is, i) == NULL) {
		i->reminders++;
		incidents_tell(is, i, CHANGE_REMINDED);
	}
	i->dirty = true;
	schedule(is, i);
}

/* Something has become of an open one. */
static void
tick_open(
    struct incidents *is, struct incident *i, int64_t now_ms, int64_t wall_ms)
{
	const struct policy *p = policy_of(is, i);

	assert(p != NULL); /* else nothing is due */
	if (quiet_due(is, i, p) <= now_ms)
		resolve(is, i, now_ms, wall_ms);
	else
		remind(is, i, now_ms);
}

void
incidents_pass(struct incidents *is, size_t rule, struct moment at)
{
	const struct policy *p = &is->spec.policies[rule];

	for (size_t k = 0; is->open[rule] > 0 && k < is->count; k++) {
		struct incident *i = is->v[k];
		int64_t end_ms;

		if (i->rule != rule || i->state != INCIDENT_OPEN)
			continue;
		end_ms = quiet_end(is, i, p);
		if (end_ms <= at.now_ms)
			resolve(is, i, end_ms, at.wall_ms);
	}
}

bool
incidents_acknowledge(struct incidents *is, const char *id, int64_t wall_ms)
{
	struct incident *i = get(is, id);

	if (i == NULL || i->state != INCIDENT_OPEN)
		return false;
	if (i->acknowledged_ms != 0)
		return true;
	i->acknowledged_ms = wall_ms;
	incidents_tell(is, i, CHANGE_UPDATED);
	return true;
}

bool
incidents_resolve(struct incidents *is, const char *id, struct moment at)
{
	struct incident *i = get(is, id);

	if (i == NULL || i->state != INCIDENT_OPEN)
		return false;
	resolve(is, i, at.now_ms, at.wall_ms);
	return true;
}

void
incidents_caught_up(struct incidents *is, bool caught_up)
{
	if (is->behind && caught_up)
		is->due_ms = INT64_MIN; /* perhaps */
	is->behind = !caught_up;
}

void
incidents_tick(struct incidents *is, int64_t now_ms, int64_t wall_ms)
{
	is->now_ms = now_ms;
	is->wall_offset_ms = wall_ms - now_ms;
	if (now_ms < is->due_ms)
		return;
	is->due_ms = INT64_MAX;
	for (size_t k = is->count; k-- > 0;) {
		struct incident *i = is->v[k];

		if (due_of(is, i) <= now_ms) {
			if (i->state == INCIDENT_OPEN)
				tick_open(is, i, now_ms, wall_ms);
			else
				drop(is, k);
		} else {
			schedule(is, i);
		}
	}
}

void
incidents_dirty(struct incidents *is, incident_fn *fn, void *ctx)
{
	for (size_t k = 0; k < is->count; k++)
		if (is->v[k]->dirty)
			fn(is->v[k], ctx);
}

/* A cooldown is long and a log has keys without number: the longest resolved
 * do not come back. */
static void
bound_cooling(struct incidents *is)
{
	while (is->count - is->open_count > COOLING_MAX) {
		size_t oldest = is->count;

		for (size_t k = 0; k < is->count; k++)
			if (is->v[k]->state == INCIDENT_RESOLVED &&
			    is->v[k]->collecting == 0 &&
			    (oldest == is->count ||
				is->v[k]->closed_ms < is->v[oldest]->closed_ms))
				oldest = k;
		if (oldest == is->count) /* errands, one a rule */
			return;
		drop(is, oldest);
	}
}

void
incidents_saved(struct incidents *is)
{
	for (size_t k = 0; k < is->count; k++)
		if (is->v[k]->dirty) {
			is->v[k]->dirty = false;
			schedule(is, is->v[k]);
		}
	bound_cooling(is);
}

void
incidents_each_open(struct incidents *is, incident_fn *fn, void *ctx)
{
	for (size_t k = 0; k < is->count; k++)
		if (is->v[k]->state == INCIDENT_OPEN)
			fn(is->v[k], ctx);
}

void
incidents_each_unopened(struct incidents *is, incident_fn *fn, void *ctx)
{
	for (size_t k = 0; k < is->count; k++)
		if (is->v[k]->state == INCIDENT_UNOPENED)
			fn(is->v[k], ctx);
}

static size_t
find_rule(const struct incidents *is, const char *id)
{
	for (size_t k = 0; k < is->spec.count; k++)
		if (strcmp(is->spec.rules[k].id, id) == 0)
			return k;
	return NO_RULE;
}

void
incidents_expect(
    struct incidents *is, const char *rule, struct text key, const char *id)
{
	size_t index = find_rule(is, rule);

	if (index != NO_RULE)
		map_put(is->ids, index_key(is, index, key), mem_text(id));
}

void
incidents_expect_none(struct incidents *is)
{
	map_clear(is->ids);
}

void
incidents_restore(struct incidents *is, struct incident *i)
{
	i->rule = find_rule(is, i->rule_id);
	add(is, i);
	schedule(is, i);
}
