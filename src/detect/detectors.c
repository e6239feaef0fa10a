/* SPDX-License-Identifier: MIT */
/*
 * Hands each hit to its rule's detector and remembers what of it changed.
 */
#include "detect/detectors.h"

#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "conf/node.h"
#include "detect/absence.h"
#include "detect/kept.h"
#include "detect/key.h"
#include "detect/missing.h"
#include "detect/sequence.h"
#include "detect/window.h"

#define CHANGED_MAX 1000000 /* keys of a rule that wait to be saved */
#define KEYS_MAX 100000     /* windows of a rule; the oldest makes room */

struct memory {
	struct window_spec spec;    /* of windows */
	struct map *windows;        /* by key; NULL: each hit fires */
	struct sequence *sequence;  /* NULL: no pairs */
	struct missing *missing;    /* NULL: no second half may be missing */
	struct absence *absence;    /* NULL: nothing is awaited */
	struct condition condition; /* of what a rule looks at by itself */
	struct kept *seen;          /* what was seen of it last */
	struct map *changed;        /* keys to be saved */
	bool full;                  /* a key made room; said */
};

struct detectors {
	const struct rule *rules;
	const struct detector *specs;
	struct memory *memories;
	size_t count;
	struct detectors_callbacks callbacks;
	bool caught_up;
	/* When it was last told, and from there to the world's clock. */
	int64_t now_ms, wall_offset_ms;
	struct str key, same;
};

const struct key threshold_keys[] = {
	{ "count", false, .type = KEY_INT, .need = KEY_REQUIRED,
	    .what = "How many hits, or different values." },
	{ "within", false, .type = KEY_DURATION, .need = KEY_REQUIRED,
	    .what = "Each of them is younger than this." },
	{ "distinct", false, .type = KEY_TEXT,
	    .what = "A capture, of which different values are counted instead "
		    "of hits." },
	{ 0 },
};

const struct key followed_keys[] = {
	{ "match", false, .type = KEY_PATTERN, .shape = KEY_ONE_OR_LIST,
	    .need = KEY_REQUIRED, .what = "The second event." },
	{ "within", false, .type = KEY_DURATION, .need = KEY_REQUIRED,
	    .what = "How long after the first one it has to come." },
	{ "same", false, .type = KEY_TEXT, .shape = KEY_ONE_OR_LIST,
	    .what = "Captures that have to be equal in both." },
	{ 0 },
};

static const struct synonym time_words[] = {
	{ "window", "within" },
	{ "timeframe", "within" },
	{ "timeout", "within" },
	{ "seconds", "within" },
	{ "for", "within" },
	{ "regex", "match" },
	{ "pattern", "match" },
	{ NULL, NULL },
};

/* What goes with a detector that reads events, and with no other; and the
 * other way round. */
#define OF_EVENTS                                                              \
	"except", "where", "key", "threshold", "followed_by",                  \
	    "not_followed_by", "forget", "resolve"
#define OF_PROBES "above", "below", "output", "not_falling"
#define OF_LOOKS "every", "timeout", "status", OF_PROBES
#define OF_SCHEDULES "schedule", "zone"

/* What has but one value within a key never reaches two. */
static void
distinct_check(const struct detector *d, const struct rule *rule,
    const struct node *n, const char *name, const char *what)
{
	if (d->count < 2)
		return;
	for (size_t i = 0; i < rule->keys; i++)
		if (strcmp(rule->key[i], name) == 0)
			node_warning(n,
			    "%s: distinct: '%s' is in 'key' too: what is "
			    "counted for one key has one value of it, so that "
			    "this never fires",
			    what, name);
	for (size_t i = 0; i < rule->where.count; i++)
		if (rule->where.v[i].op == WHERE_IS &&
		    strcmp(rule->where.v[i].name, name) == 0)
			node_warning(n,
			    "%s: distinct: 'where' leaves one value of '%s', "
			    "so that this never fires",
			    what, name);
}

static void
threshold_read(struct detector *d, const struct rule *rule,
    const struct node *n, const char *what)
{
	const struct node *distinct = node_get(n, "distinct");
	const char *name;

	if (!node_keys(n, threshold_keys, time_words, what))
		return;
	node_int(node_get(n, "count"), 1, WINDOW_COUNT_MAX, &d->count);
	node_duration(node_get(n, "within"), 1, &d->within_ms);
	if (node_lacks(n, "count", threshold_keys))
		node_error(n, "%s: needs 'count'", what);
	if (node_lacks(n, "within", threshold_keys))
		node_error(n, "%s: needs 'within'", what);
	if (!node_text(distinct, &name))
		return;
	if (!rule_captures(rule, name))
		rule_unknown_capture(rule, name, distinct, what, "distinct");
	distinct_check(d, rule, distinct, name, what);
	d->distinct = mem_text(name);
}

static void
same_read(struct detector *d, const struct rule *rule, const struct node *n,
    const char *second, const char *what)
{
	if (!node_texts(n, true, &d->same, &d->same_count))
		return;
	for (size_t i = 0; i < d->same_count; i++)
		for (int part = PART_SECOND; part <= PART_MATCH; part++)
			if (!rule_part_captures(
				rule, (enum part)part, d->same[i]))
				node_error(n,
				    "%s: same: '%s' has no capture (?<%s>…)",
				    what, part == PART_MATCH ? "match" : second,
				    d->same[i]);
}

static void
pair_read(struct detector *d, const struct rule *rule, const struct node *pair,
    const char *second, const char *what)
{
	if (!node_keys(pair, followed_keys, time_words, what))
		return;
	if (node_lacks(pair, "match", followed_keys))
		node_error(pair, "%s: needs 'match'", what);
	if (node_lacks(pair, "within", followed_keys))
		node_error(pair, "%s: needs 'within'", what);
	node_duration(node_get(pair, "within"), 1, &d->within_ms);
	same_read(d, rule, node_get(pair, "same"), second, what);
}

/* The keys of an absence, which are the rule's own. */
static void
absent_read(struct detector *d, const struct rule *rule, const struct node *map)
{
	const struct node *absent = node_get(map, "absent");
	const struct node *forget = node_get(map, "forget");
	const struct node *resolve = node_get(map, "resolve");
	bool has_for;

	d->within_ms = d->forget_ms = INT64_MAX;
	has_for = node_duration(node_get(map, "for"), 1, &d->within_ms);
	if (node_get(map, "for") == NULL)
		node_error(absent,
		    "rule '%s': absent: needs 'for', how long nothing may "
		    "match",
		    rule->id);
	if (node_duration(forget, 1, &d->forget_ms) && has_for &&
	    d->forget_ms < d->within_ms)
		node_error(forget,
		    "rule '%s': 'forget' is shorter than 'for': what is "
		    "awaited would be forgotten before it is missed",
		    rule->id);
	if (forget != NULL && node_get(map, "key") == NULL)
		node_error(forget,
		    "rule '%s': 'forget' needs 'key', whose values are "
		    "forgotten",
		    rule->id);
	if (resolve != NULL)
		node_error(resolve,
		    "rule '%s': 'resolve' does not go with 'absent', which "
		    "resolves at the next match",
		    rule->id);
}

/* What does not go with the detector that a rule has. */
static void
refuse(const struct rule *rule, const struct node *map, const char *detector,
    const char *const *names)
{
	for (; *names != NULL; names++)
		if (node_get(map, *names) != NULL)
			node_error(node_get(map, *names),
			    "rule '%s': '%s' does not go with '%s'", rule->id,
			    *names, detector);
}

/* A rule with `match`, and perhaps a second half to it. */
static void
match_read(struct detector *d, const struct rule *rule, const struct node *map)
{
	static const char *const not_match[] = { "for", "forget", OF_LOOKS,
		OF_SCHEDULES, NULL };
	static const char *const not_pair[] = { "threshold", NULL };
	static const char *const not_both[] = { "followed_by", NULL };
	bool missing = node_get(map, "not_followed_by") != NULL;
	const char *second = missing ? "not_followed_by" : "followed_by";
	const struct node *threshold = node_get(map, "threshold");
	const struct node *pair = node_get(map, second);
	struct str what = { 0 };

	if (node_get(map, "match") != NULL)
		refuse(rule, map, "match", not_match);
	if (missing)
		refuse(rule, map, second, not_both);
	if (pair != NULL)
		refuse(rule, map, second, not_pair);
	d->kind = missing        ? DETECT_MISSING
	          : pair != NULL ? DETECT_PAIR
	                         : DETECT_MATCH;
	str_printf(&what, "rule '%s': threshold", rule->id);
	if (threshold != NULL)
		threshold_read(d, rule, threshold, what.data);
	str_clear(&what);
	str_printf(&what, "rule '%s': %s", rule->id, second);
	if (pair != NULL)
		pair_read(d, rule, pair, second, what.data);
	str_free(&what);
}

static void
process_read(
    struct detector *d, const struct rule *rule, const struct node *map)
{
	static const char *const not_process[] = { "match", "absent", "probe",
		"http", OF_EVENTS, OF_LOOKS, OF_SCHEDULES, NULL };
	struct str what = { 0 };

	str_printf(&what, "rule '%s': process", rule->id);
	process_spec_read(&d->process, node_get(map, "process"), what.data);
	str_free(&what);
	node_duration(node_get(map, "for"), 0, &d->within_ms);
	refuse(rule, map, "process", not_process);
}

static void
probe_read(struct detector *d, const struct rule *rule, const struct node *map)
{
	static const char *const not_probe[] = { "match", "absent", "http",
		"status", OF_EVENTS, OF_SCHEDULES, NULL };
	struct str what = { 0 };

	str_printf(&what, "rule '%s'", rule->id);
	probe_spec_read(&d->probe, map, what.data);
	str_free(&what);
	node_duration(node_get(map, "for"), 0, &d->within_ms);
	refuse(rule, map, "probe", not_probe);
}

static void
http_read(struct detector *d, const struct rule *rule, const struct node *map)
{
	static const char *const not_http[] = { "match", "absent", OF_EVENTS,
		OF_PROBES, OF_SCHEDULES, NULL };
	struct str what = { 0 };

	str_printf(&what, "rule '%s'", rule->id);
	http_spec_read(&d->http, map, what.data);
	str_free(&what);
	node_duration(node_get(map, "for"), 0, &d->within_ms);
	refuse(rule, map, "http", not_http);
}

static void
schedule_read(
    struct detector *d, const struct rule *rule, const struct node *map)
{
	static const char *const not_schedule[] = { "match", "absent", "for",
		"cooldown", "active", OF_EVENTS, OF_LOOKS, NULL };
	struct str what = { 0 };

	str_printf(&what, "rule '%s'", rule->id);
	schedule_spec_read(&d->schedule, map, what.data);
	str_free(&what);
	refuse(rule, map, "schedule", not_schedule);
}

void
detector_read(struct detector *d, struct rule *rule, const struct node *map)
{
	static const char *const not_absent[] = { "match", "threshold",
		"followed_by", "not_followed_by", OF_LOOKS, OF_SCHEDULES,
		NULL };

	struct str what = { 0 };

	d->count = 1;
	str_printf(&what, "rule '%s'", rule->id);
	d->active = active_read(node_get(map, "active"), what.data);
	str_free(&what);
	if (node_get(map, "process") != NULL) {
		d->kind = DETECT_PROCESS;
		rule->given = process_captures;
		process_read(d, rule, map);
	} else if (node_get(map, "probe") != NULL) {
		d->kind = DETECT_PROBE;
		rule->given = probe_captures;
		probe_read(d, rule, map);
	} else if (node_get(map, "http") != NULL) {
		d->kind = DETECT_HTTP;
		rule->given = http_captures;
		http_read(d, rule, map);
	} else if (node_get(map, "absent") != NULL) {
		d->kind = DETECT_ABSENT;
		absent_read(d, rule, map);
		refuse(rule, map, "absent", not_absent);
	} else if (node_get(map, "schedule") != NULL) {
		d->kind = DETECT_SCHEDULE;
		schedule_read(d, rule, map);
	} else {
		match_read(d, rule, map);
	}
}

void
detector_free(struct detector *d)
{
	process_spec_free(&d->process);
	probe_spec_free(&d->probe);
	http_spec_free(&d->http);
	schedule_spec_free(&d->schedule);
	active_free(d->active);
	free(d->distinct);
	node_texts_free(d->same);
}

/* Whether a detector looks at something by itself. */
static bool
looks(const struct detector *d)
{
	return d->kind == DETECT_PROCESS || d->kind == DETECT_PROBE ||
	       d->kind == DETECT_HTTP;
}

static void
window_release(void *value)
{
	window_free(value);
}

static int64_t
later(int64_t ms, int64_t grace_ms)
{
	return ms > INT64_MAX - grace_ms ? INT64_MAX : ms + grace_ms;
}

struct detectors *
detectors_new(const struct rule *rules, const struct detector *specs,
    size_t count, const struct detectors_callbacks *callbacks)
{
	struct detectors *ds = mem_new(1, sizeof *ds);

	ds->rules = rules;
	ds->specs = specs;
	ds->count = count;
	ds->callbacks = *callbacks;
	ds->memories = mem_new(count, sizeof *ds->memories);
	for (size_t i = 0; i < count; i++) {
		struct memory *m = &ds->memories[i];

		m->changed = map_new(CHANGED_MAX, NULL);
		if (specs[i].kind == DETECT_PAIR)
			m->sequence = sequence_new(specs[i].within_ms);
		else if (specs[i].kind == DETECT_MISSING)
			m->missing = missing_new(
			    later(specs[i].within_ms, specs[i].grace_ms));
		else if (specs[i].kind == DETECT_ABSENT)
			m->absence = absence_new(
			    later(specs[i].within_ms, specs[i].grace_ms),
			    later(specs[i].forget_ms, specs[i].grace_ms));
		else if (specs[i].count > 1)
			m->windows = map_new(KEYS_MAX, window_release);
		m->spec = (struct window_spec){
			.count = (size_t)specs[i].count,
			.within_ms = specs[i].within_ms,
			.distinct = specs[i].distinct != NULL,
		};
	}
	return ds;
}

void
detectors_free(struct detectors *ds)
{
	if (ds == NULL)
		return;
	for (size_t i = 0; i < ds->count; i++) {
		map_free(ds->memories[i].windows);
		sequence_free(ds->memories[i].sequence);
		missing_free(ds->memories[i].missing);
		absence_free(ds->memories[i].absence);
		kept_free(ds->memories[i].seen);
		map_free(ds->memories[i].changed);
	}
	free(ds->memories);
	str_free(&ds->key);
	str_free(&ds->same);
	free(ds);
}

static void
mark_changed(struct detectors *ds, size_t rule, struct text key)
{
	if (map_get(ds->memories[rule].changed, key) == NULL)
		map_put(ds->memories[rule].changed, key, ds);
}

static struct finding
finding_of(struct detectors *ds, const struct hit *hit,
    const struct captures *captures, int64_t now_ms)
{
	const struct rule *rule = &ds->rules[hit->index];

	key_write(captures, rule->key, rule->keys, &ds->key);
	return (struct finding){
		.rule = hit->index,
		.fired = true,
		.key = str_text(&ds->key),
		.captures = captures,
		.event = hit->event,
		.span = hit->span,
		.count = 1,
		.first_ms = now_ms,
		.now_ms = now_ms,
	};
}

struct resetting {
	struct detectors *ds;
	size_t rule;
};

static void
reset_one(struct text key, void *value, void *ctx)
{
	struct resetting *r = ctx;

	(void)value;
	mark_changed(r->ds, r->rule, key);
	map_remove(r->ds->memories[r->rule].windows, key);
}

static void
say_full(struct detectors *ds, size_t rule)
{
	if (!ds->memories[rule].full)
		log_warning("too many keys, from now on each new one makes "
			    "the oldest be forgotten; fewer values in 'key' "
			    "help rule=%s keys=%d",
		    ds->rules[rule].id, KEYS_MAX);
	ds->memories[rule].full = true;
}

/* A new window makes room: the oldest goes when its hits are too old to count,
 * or when there are too many. */
static struct window *
window_for(struct detectors *ds, size_t rule, struct text key, int64_t now_ms)
{
	struct map *windows = ds->memories[rule].windows;
	struct resetting r = { ds, rule };
	struct window *w = map_get(windows, key), *oldest;
	struct text old;

	if (w != NULL)
		return w;
	for (int i = 0; i < 2; i++) {
		oldest = map_oldest(windows, &old);
		if (oldest == NULL)
			continue;
		if (window_expired(oldest, now_ms)) {
			reset_one(old, oldest, &r);
		} else if (map_count(windows) == KEYS_MAX) {
			say_full(ds, rule);
			reset_one(old, oldest, &r);
		}
	}
	w = window_new(&ds->memories[rule].spec);
	map_put(windows, key, w);
	return w;
}

static void
match_hit(struct detectors *ds, const struct hit *hit, int64_t now_ms)
{
	const struct detector *d = &ds->specs[hit->index];
	struct memory *m = &ds->memories[hit->index];
	struct finding f = finding_of(ds, hit, hit->captures, now_ms);
	struct text value = { NULL, 0 };
	struct window *w;

	if (m->windows != NULL) {
		w = window_for(ds, hit->index, f.key, now_ms);
		if (d->distinct != NULL)
			value = captures_get(hit->captures, d->distinct);
		f.fired = window_add(w, now_ms, now_ms - hit->event->behind_ms,
		    value, &f.first_ms);
		f.count = f.fired ? d->count : 1;
		mark_changed(ds, hit->index, f.key);
	}
	ds->callbacks.found(&f, ds->callbacks.ctx);
}

/* Pairs: of one rule at a time. */

struct completing {
	struct detectors *ds;
	size_t rule;
	const struct hit *hit; /* the second half */
	int64_t now_ms;
};

static void
complete(const struct captures *first, int64_t first_ms, void *ctx)
{
	struct completing *c = ctx;
	struct captures both = *c->hit->captures;
	struct finding f;

	(void)first_ms;
	captures_merge(&both, first);
	f = finding_of(c->ds, c->hit, &both, c->now_ms);
	c->ds->callbacks.found(&f, c->ds->callbacks.ctx);
}

static void
note_first(struct text id, void *ctx)
{
	const struct completing *c = ctx;

	mark_changed(c->ds, c->rule, id);
}

static struct sequence_calls
sequence_calls(struct completing *c)
{
	return (struct sequence_calls){ complete, note_first, c };
}

static void
pair_hit(struct detectors *ds, const struct hit *hit, int64_t now_ms)
{
	const struct detector *d = &ds->specs[hit->index];
	const struct rule *rule = &ds->rules[hit->index];
	struct sequence *q = ds->memories[hit->index].sequence;
	struct completing c = { ds, hit->index, hit, now_ms };
	struct sequence_calls calls = sequence_calls(&c);

	key_write(hit->captures, d->same, d->same_count, &ds->same);
	if (hit->part == PART_SECOND) {
		sequence_second(q, str_text(&ds->same), now_ms, &calls);
		return;
	}
	key_write(hit->captures, rule->key, rule->keys, &ds->key);
	if (sequence_first(q, str_text(&ds->same), str_text(&ds->key),
		hit->captures, now_ms, &calls))
		say_full(ds, hit->index);
}

/* What does not come: of one rule at a time. */

struct awaiting {
	struct detectors *ds;
	size_t rule;
	struct moment at;
};

static void
note_changed(struct text key, void *ctx)
{
	const struct awaiting *w = ctx;

	mark_changed(w->ds, w->rule, key);
}

static void
tell_over(struct text key, void *ctx)
{
	const struct awaiting *w = ctx;
	struct detectors *ds = w->ds;

	ds->callbacks.over(w->rule, key, w->at.now_ms, ds->callbacks.ctx);
}

/* It came, or nobody will know when it does. */
static void
give_up(struct text key, void *ctx)
{
	note_changed(key, ctx);
	tell_over(key, ctx);
}

static void
make_room(struct text key, void *ctx)
{
	const struct awaiting *w = ctx;

	say_full(w->ds, w->rule);
	give_up(key, ctx);
}

/* Of a rule that reads events its first source, of another the one that it
 * names, if it is one. */
static size_t
source_of(const struct detectors *ds, size_t rule)
{
	const struct rule *r = &ds->rules[rule];
	size_t found = NO_SOURCE;

	for (size_t i = 0; i < r->source_count; i++) {
		if (!r->sources[i])
			continue;
		if (found != NO_SOURCE)
			return looks(&ds->specs[rule]) ? NO_SOURCE : found;
		found = i;
	}
	return found;
}

/* event  the last that there was */
static void
tell_awaited(const struct awaiting *w, struct text key,
    const struct captures *captures, struct event event)
{
	struct detectors *ds = w->ds;
	struct finding f = {
		.rule = w->rule,
		.fired = true,
		.key = key,
		.captures = captures,
		.event = &event,
		.span = event.text,
		.count = 1,
		.first_ms = w->at.now_ms,
		.now_ms = w->at.now_ms,
	};

	/* Which it was is not known of an earlier life, nor of none. */
	if (event.source == NO_SOURCE)
		event.source = source_of(ds, w->rule);
	event.wall_ms = w->at.wall_ms;
	ds->callbacks.found(&f, ds->callbacks.ctx);
}

static void
tell_absent(const struct absent *absent, void *ctx)
{
	const struct awaiting *w = ctx;

	mark_changed(w->ds, w->rule, absent->key);
	tell_awaited(w, absent->key, absent->captures, *absent->event);
}

static void
tell_missed(const struct missed *missed, void *ctx)
{
	tell_awaited(ctx, missed->key, missed->captures, *missed->event);
}

static struct missing_calls
missing_calls(struct awaiting *w)
{
	return (
	    struct missing_calls){ tell_missed, tell_over, note_changed, w };
}

static void
missing_hit(struct detectors *ds, const struct hit *hit, int64_t now_ms)
{
	const struct detector *d = &ds->specs[hit->index];
	const struct rule *rule = &ds->rules[hit->index];
	struct missing *m = ds->memories[hit->index].missing;
	struct awaiting w = { ds, hit->index, { now_ms, hit->event->wall_ms } };
	struct missing_calls calls = missing_calls(&w);

	key_write(hit->captures, d->same, d->same_count, &ds->same);
	if (hit->part == PART_SECOND) {
		missing_second(m, str_text(&ds->same), &calls);
		return;
	}
	key_write(hit->captures, rule->key, rule->keys, &ds->key);
	if (missing_first(m, str_text(&ds->same), str_text(&ds->key),
		hit->captures, hit->event, now_ms, &calls))
		say_full(ds, hit->index);
}

static void
absent_hit(struct detectors *ds, const struct hit *hit, int64_t now_ms)
{
	const struct rule *rule = &ds->rules[hit->index];
	struct awaiting w = { ds, hit->index, { now_ms, hit->event->wall_ms } };

	key_write(hit->captures, rule->key, rule->keys, &ds->key);
	absence_seen(ds->memories[hit->index].absence, str_text(&ds->key),
	    hit->captures, hit->event, now_ms, make_room, &w);
	give_up(str_text(&ds->key), &w);
}

/* Whether a hit counts.  What was awaited has come whenever it comes: the
 * second half that was missing, or what was absent. */
static bool
counts(const struct detector *d, const struct hit *hit)
{
	const struct event *e = hit->event;

	if (d->kind == DETECT_ABSENT ||
	    (d->kind == DETECT_MISSING && hit->part == PART_SECOND))
		return true;
	return active_is(
	    d->active, e->stamp_ms != 0 ? e->stamp_ms : e->wall_ms);
}

void
detectors_hit(struct detectors *ds, const struct hit *hit, int64_t now_ms)
{
	if (!counts(&ds->specs[hit->index], hit))
		return;
	switch (ds->specs[hit->index].kind) {
	case DETECT_MATCH:
		match_hit(ds, hit, now_ms);
		break;
	case DETECT_PAIR:
		pair_hit(ds, hit, now_ms);
		break;
	case DETECT_MISSING:
		missing_hit(ds, hit, now_ms);
		break;
	case DETECT_ABSENT:
		absent_hit(ds, hit, now_ms);
		break;
	case DETECT_PROCESS: /* they ask for no events */
	case DETECT_PROBE:
	case DETECT_HTTP:
	case DETECT_SCHEDULE:
		break;
	}
}

/* What a rule looks at by itself. */

static void
turned(struct detectors *ds, size_t rule, enum turn_of turn, struct moment at)
{
	const struct text none = { "", 0 };
	struct awaiting w = { ds, rule, at };
	struct captures captures;
	struct event event;

	if (turn == TURN_NONE)
		return;
	mark_changed(ds, rule, none);
	if (turn == TURN_OVER) {
		tell_over(none, &w);
		return;
	}
	kept_tell(ds->memories[rule].seen, &captures, &event);
	tell_awaited(&w, none, &captures, event);
}

static void
note_clock(struct detectors *ds, struct moment at)
{
	ds->now_ms = at.now_ms;
	ds->wall_offset_ms = at.wall_ms - at.now_ms;
}

void
detectors_see(struct detectors *ds, size_t rule, enum sight sight,
    const struct captures *captures, struct text text, struct moment at)
{
	const struct event event = {
		.source = NO_SOURCE,
		.path = "",
		.text = text,
	};
	struct memory *m = &ds->memories[rule];
	bool was_bad = m->condition.bad;
	enum turn_of turn;

	if (sight == SIGHT_BAD) {
		kept_free(m->seen);
		m->seen = kept_new(captures, &event);
	}
	note_clock(ds, at);
	turn = condition_see(&m->condition, sight,
	    active_is(ds->specs[rule].active, at.wall_ms)
		? ds->specs[rule].within_ms
		: INT64_MAX,
	    at.now_ms);
	if (m->condition.bad != was_bad)
		mark_changed(ds, rule, (struct text){ "", 0 });
	turned(ds, rule, turn, at);
}

/* What is read back comes by its keys; to find the place of each at once would
 * take a minute for as many as there may be. */
static void
put_in_order(struct memory *m)
{
	if (m->sequence != NULL)
		sequence_order(m->sequence);
	if (m->missing != NULL)
		missing_order(m->missing);
	if (m->absence != NULL)
		absence_order(m->absence);
}

void
detectors_order(struct detectors *ds)
{
	for (size_t i = 0; i < ds->count; i++)
		put_in_order(&ds->memories[i]);
}

static void
find_last(struct text key, void *value, void *ctx)
{
	int64_t *last = ctx, ms = window_last(value);

	(void)key;
	if (ms > *last)
		*last = ms;
}

int64_t
detectors_last(const struct detectors *ds, size_t rule)
{
	const struct memory *m = &ds->memories[rule];
	int64_t last = INT64_MIN;

	if (m->windows != NULL)
		map_each(m->windows, find_last, &last);
	if (m->sequence != NULL)
		last = sequence_last(m->sequence);
	if (m->missing != NULL)
		last = missing_last(m->missing);
	if (m->absence != NULL)
		last = absence_last(m->absence);
	return last;
}

void
detectors_begin(struct detectors *ds, int64_t now_ms)
{
	const struct text none = { "", 0 };

	for (size_t i = 0; i < ds->count; i++) {
		if (ds->memories[i].absence != NULL && ds->rules[i].keys == 0 &&
		    absence_begin(ds->memories[i].absence, none, now_ms))
			mark_changed(ds, i, none);
	}
}

void
detectors_caught_up(struct detectors *ds, bool caught_up)
{
	ds->caught_up = caught_up;
}

/* What of a rule is due next, were it active. */
static int64_t
due_of(const struct detectors *ds, size_t rule)
{
	const struct memory *m = &ds->memories[rule];

	if (looks(&ds->specs[rule]))
		return condition_due(&m->condition, ds->specs[rule].within_ms);
	if (m->absence != NULL && ds->caught_up)
		return absence_due(m->absence);
	if (m->missing != NULL && ds->caught_up)
		return missing_due(m->missing);
	return INT64_MAX;
}

int64_t
detectors_due(const struct detectors *ds)
{
	int64_t due_ms = INT64_MAX;

	for (size_t i = 0; i < ds->count; i++) {
		int64_t at_ms = due_of(ds, i);

		if (at_ms < due_ms)
			at_ms = active_defer(ds->specs[i].active, at_ms,
			    ds->now_ms, ds->wall_offset_ms);
		if (at_ms < due_ms)
			due_ms = at_ms;
	}
	return due_ms;
}

void
detectors_tick(struct detectors *ds, struct moment at)
{
	note_clock(ds, at);
	for (size_t i = 0; i < ds->count; i++) {
		struct memory *m = &ds->memories[i];
		struct awaiting w = { ds, i, at };
		struct missing_calls calls = missing_calls(&w);

		if (!active_is(ds->specs[i].active, at.wall_ms))
			continue;
		turned(ds, i,
		    condition_tick(
			&m->condition, ds->specs[i].within_ms, at.now_ms),
		    at);
		if (m->absence != NULL && ds->caught_up)
			absence_tick(
			    m->absence, at.now_ms, tell_absent, give_up, &w);
		if (m->missing != NULL && ds->caught_up)
			missing_tick(m->missing, at.now_ms, &calls);
	}
}

bool
detectors_waits(const struct detectors *ds, size_t rule)
{
	const struct memory *m = &ds->memories[rule];

	return (m->sequence != NULL && sequence_waits(m->sequence)) ||
	       (m->missing != NULL && missing_waits(m->missing));
}

void
detectors_reset(
    struct detectors *ds, size_t rule, const struct text *key, int64_t now_ms)
{
	struct memory *m = &ds->memories[rule];
	struct resetting r = { ds, rule };
	struct awaiting w = { .ds = ds, .rule = rule };
	struct missing_calls calls = missing_calls(&w);
	struct completing c = { .ds = ds, .rule = rule };
	struct sequence_calls firsts = sequence_calls(&c);

	if (m->windows != NULL && key == NULL)
		map_each(m->windows, reset_one, &r);
	else if (m->windows != NULL && map_get(m->windows, *key) != NULL)
		reset_one(*key, NULL, &r);
	if (m->sequence != NULL && key == NULL)
		sequence_forget(m->sequence, &firsts);
	if (m->missing != NULL)
		missing_forget(m->missing, key, &calls);
	if (m->absence != NULL)
		absence_restart(m->absence, key, now_ms, note_changed, &w);
	if (looks(&ds->specs[rule]) && m->condition.bad) {
		condition_reset(&m->condition, now_ms);
		mark_changed(ds, rule, (struct text){ "", 0 });
	}
}

struct telling {
	struct detectors *ds;
	size_t rule;
	detector_state_fn *fn;
	void *ctx;
};

static void
tell(struct text key, void *value, void *ctx)
{
	struct telling *t = ctx;
	struct memory *m = &t->ds->memories[t->rule];
	const struct window *w =
	    m->windows != NULL ? map_get(m->windows, key) : NULL;
	struct str state = { 0 };

	(void)value;
	if (m->sequence != NULL)
		sequence_write(m->sequence, key, &state);
	else if (m->missing != NULL)
		missing_write(m->missing, key, &state);
	else if (m->absence != NULL)
		absence_write(m->absence, key, &state);
	else if (m->condition.bad)
		condition_write(&m->condition, &state);
	else if (w != NULL)
		window_write(w, &state);
	t->fn(t->ds->rules[t->rule].id, key, str_text(&state), t->ctx);
	str_free(&state);
}

void
detectors_changed(struct detectors *ds, detector_state_fn *fn, void *ctx)
{
	for (size_t i = 0; i < ds->count; i++) {
		struct telling t = { ds, i, fn, ctx };

		map_each(ds->memories[i].changed, tell, &t);
	}
}

bool
detectors_crowded(const struct detectors *ds)
{
	for (size_t i = 0; i < ds->count; i++)
		if (map_count(ds->memories[i].changed) > CHANGED_MAX / 10)
			return true;
	return false;
}

void
detectors_saved(struct detectors *ds)
{
	for (size_t i = 0; i < ds->count; i++)
		map_clear(ds->memories[i].changed);
}

/* Memory of a rule that was another then, or is switched off: to be forgotten,
 * for it would be wrong when it is that again.  Returns false. */
static bool
outdated(struct detectors *ds, size_t rule, struct text key)
{
	mark_changed(ds, rule, key);
	return false;
}

bool
detectors_restore(struct detectors *ds, const char *rule, struct text key,
    struct text state, int64_t now_ms)
{
	for (size_t i = 0; i < ds->count; i++) {
		const struct detector *d = &ds->specs[i];
		struct memory *m = &ds->memories[i];
		struct window *w;

		if (strcmp(ds->rules[i].id, rule) != 0)
			continue;
		if (m->sequence != NULL)
			return sequence_read(m->sequence, key, state) ||
			       outdated(ds, i, key);
		if (m->missing != NULL) {
			missing_read(m->missing, key, state, now_ms);
			return true;
		}
		if (looks(d)) {
			condition_read(&m->condition, state, now_ms);
			return true;
		}
		/* A rule that had a key before, or has one now, begins anew. */
		if (m->absence != NULL) {
			if ((key.len > 0) != (ds->rules[i].keys > 0))
				return outdated(ds, i, key);
			absence_read(m->absence, key, state, now_ms);
			return true;
		}
		if (m->windows == NULL)
			return outdated(ds, i, key);
		w = window_new(&m->spec);
		window_read(w, state);
		map_put(m->windows, key, w);
		return true;
	}
	return false;
}
