/* SPDX-License-Identifier: MIT */
/*
 * A state for each path that is not followed, each source that may fall silent,
 * each pattern that gives up.
 */
#include "incident/troubles.h"

#include "base/map.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "base/when.h"
#include "detect/key.h"

#include <errno.h>
#include <inttypes.h>

#define MISSING_MS 60000   /* a rotation is over long before */
#define UNREADABLE_MS 5000 /* likewise */
#define LIMIT_MS 60000
#define LIMIT_COUNT 10   /* times within LIMIT_MS */
#define PATHS_MAX 10000  /* that are not followed; of more the newest */
#define LIMITS_MAX 10000 /* patterns: more than a rule file can hold */

/** A path that is not followed. */
struct absent {
	size_t source;
	char *path; /* well-formed */
	char *reason;
	enum tail_path_state state;
	int64_t
	    due_ms; /* when it is told; INT64_MAX: it was, or is not to be */
};

/** A source that may fall silent. */
struct silence {
	int64_t last_ms; /* of its last line */
	bool told;
	bool unbroken; /* no line since it was told, or since the start, when
	                  an earlier logwatch may have told it */
	bool changed;
};

/** The last times at which a pattern hit its limit, in a ring. */
struct limits {
	int64_t at_ms[LIMIT_COUNT];
	size_t count;
};

struct troubles {
	struct troubles_spec spec;
	struct troubles_callbacks callbacks;
	struct map *absent; /* by source and path -> struct absent */
	struct map *limits; /* by name and part -> struct limits */
	struct silence *silences;
	bool caught_up;
	int64_t due_ms;
	struct str key, place, reason;
};

static void
absent_free(void *value)
{
	struct absent *a = value;

	free(a->path);
	free(a->reason);
	free(a);
}

struct troubles *
troubles_new(const struct troubles_spec *spec,
    const struct troubles_callbacks *callbacks, int64_t now_ms)
{
	struct troubles *ts = mem_new(1, sizeof *ts);

	ts->spec = *spec;
	ts->callbacks = *callbacks;
	ts->absent = map_new(PATHS_MAX, absent_free);
	ts->limits = map_new(LIMITS_MAX, free);
	ts->silences = mem_new(spec->count, sizeof *ts->silences);
	ts->due_ms = INT64_MAX;
	for (size_t i = 0; i < spec->count; i++)
		ts->silences[i] = (struct silence){
			.last_ms = now_ms,
			.unbroken = true,
			.changed = spec->sources[i].silent_ms != INT64_MAX,
		};
	return ts;
}

void
troubles_free(struct troubles *ts)
{
	if (ts == NULL)
		return;
	map_free(ts->absent);
	map_free(ts->limits);
	free(ts->silences);
	str_free(&ts->key);
	str_free(&ts->place);
	str_free(&ts->reason);
	free(ts);
}

/* Telling */

/* The key that a rule's incidents have for these values.  Lives until the next
 * call. */
static struct text
key_of(struct troubles *ts, enum builtin b, const struct captures *captures)
{
	struct rule rule = { 0 };

	builtin_rule(&rule, b);
	key_write(captures, rule.key, rule.keys, &ts->key);
	rule_free(&rule);
	return str_text(&ts->key);
}

static void
found(struct troubles *ts, enum builtin b, const struct captures *captures,
    const struct event *event, int64_t now_ms)
{
	struct finding finding = {
		.rule = ts->spec.first + b,
		.fired = true,
		.key = key_of(ts, b, captures),
		.captures = captures,
		.event = event,
		.span = event->text,
		.count = 1,
		.first_ms = now_ms,
		.now_ms = now_ms,
	};

	ts->callbacks.found(&finding, ts->callbacks.ctx);
}

static void
over(struct troubles *ts, enum builtin b, const struct captures *captures,
    int64_t now_ms)
{
	ts->callbacks.over(ts->spec.first + b, key_of(ts, b, captures), now_ms,
	    ts->callbacks.ctx);
}

/* Well-formed, for a path may be anything.  Lives until the next call. */
static struct text
cleaned(struct str *scratch, const char *text)
{
	str_clear(scratch);
	utf8_clean(text_of(text), scratch);
	return str_text(scratch);
}

static char *
copy_of(struct text text)
{
	return mem_copy(text.data, text.len);
}

static void
add_place(
    struct troubles *ts, size_t source, const char *path, struct captures *cs)
{
	captures_add(cs, "source", text_of(ts->spec.sources[source].name));
	captures_add(cs, "path", cleaned(&ts->place, path));
}

/* Losses and damage */

void
troubles_lost(
    struct troubles *ts, const struct tail_loss *loss, struct moment at)
{
	struct captures cs = { 0 };
	char bytes[32];
	struct event event = {
		.source = loss->source,
		.path = loss->path,
		.text = text_of(loss->why),
		.wall_ms = at.wall_ms,
	};

	snprintf(bytes, sizeof bytes, "%" PRId64, loss->bytes);
	add_place(ts, loss->source, loss->path, &cs);
	captures_add(
	    &cs, "bytes", loss->bytes > 0 ? text_of(bytes) : TEXT("unknown"));
	captures_add(&cs, "reason", text_of(loss->why));
	found(ts, BUILTIN_LINES_LOST, &cs, &event, at.now_ms);
}

void
troubles_state_damaged(
    struct troubles *ts, const char *moved_to, struct moment at)
{
	struct captures cs = { 0 };
	struct event event = {
		.source = NO_SOURCE,
		.path = moved_to,
		.text = TEXT("the state file was damaged"),
		.wall_ms = at.wall_ms,
	};

	captures_add(&cs, "path", cleaned(&ts->place, moved_to));
	found(ts, BUILTIN_STATE_DAMAGED, &cs, &event, at.now_ms);
}

void
troubles_outbox(struct troubles *ts, size_t dropped, struct moment at)
{
	struct captures cs = { 0 };
	struct event event = {
		.source = NO_SOURCE,
		.path = "",
		.text = TEXT("notifications were dropped"),
		.wall_ms = at.wall_ms,
	};
	char text[24];

	snprintf(text, sizeof text, "%zu", dropped);
	captures_add(&cs, "dropped", text_of(text));
	found(ts, BUILTIN_OUTBOX_FULL, &cs, &event, at.now_ms);
}

/* Paths */

/* What a glob finds may go. */
static bool
is_awaited(const struct troubles *ts, size_t source, const char *path)
{
	const char *const *paths = ts->spec.sources[source].paths;

	for (size_t i = 0; paths[i] != NULL; i++)
		if (strcmp(paths[i], path) == 0)
			return true;
	return false;
}

static void
schedule(struct troubles *ts, int64_t due_ms)
{
	if (due_ms < ts->due_ms)
		ts->due_ms = due_ms;
}

static void
absent_put(struct troubles *ts, struct text key, size_t source,
    const char *path, enum tail_path_state state, const char *reason,
    int64_t due_ms)
{
	struct absent *a = mem_new(1, sizeof *a);

	a->source = source;
	a->path = copy_of(cleaned(&ts->place, path));
	a->reason = copy_of(cleaned(&ts->reason, reason));
	a->state = state;
	a->due_ms = due_ms;
	map_put(ts->absent, key, a);
	schedule(ts, due_ms);
}

void
troubles_path(struct troubles *ts, size_t source, const char *path,
    enum tail_path_state state, const char *reason, struct moment at)
{
	struct captures cs = { 0 };
	struct str id = { 0 };
	const struct absent *was;

	str_printf(&id, "%zu %s", source, path);
	add_place(ts, source, path, &cs);
	if (state != TAIL_PATH_MISSING)
		over(ts, BUILTIN_SOURCE_MISSING, &cs, at.now_ms);
	if (state != TAIL_PATH_UNREADABLE)
		over(ts, BUILTIN_SOURCE_UNREADABLE, &cs, at.now_ms);
	was = map_get(ts->absent, str_text(&id));
	if (state == TAIL_PATH_UNREADABLE &&
	    (was == NULL || was->state != state))
		absent_put(ts, str_text(&id), source, path, state, reason,
		    at.now_ms + UNREADABLE_MS);
	else if (state == TAIL_PATH_MISSING && is_awaited(ts, source, path))
		absent_put(ts, str_text(&id), source, path, state, reason,
		    at.now_ms + MISSING_MS);
	else if (state != TAIL_PATH_UNREADABLE)
		map_remove(ts->absent, str_text(&id));
	str_free(&id);
}

struct ticking {
	struct troubles *ts;
	struct moment at;
};

static void
absent_tick(struct text key, void *value, void *ctx)
{
	struct absent *a = value;
	struct ticking *t = ctx;
	struct captures cs = { 0 };
	struct event event = {
		.source = a->source,
		.path = a->path,
		.text = text_of(a->reason),
		.wall_ms = t->at.wall_ms,
	};

	(void)key;
	if (a->due_ms > t->at.now_ms) {
		schedule(t->ts, a->due_ms);
		return;
	}
	a->due_ms = INT64_MAX;
	add_place(t->ts, a->source, a->path, &cs);
	captures_add(&cs, "reason", text_of(a->reason));
	found(t->ts,
	    a->state == TAIL_PATH_MISSING ? BUILTIN_SOURCE_MISSING
					  : BUILTIN_SOURCE_UNREADABLE,
	    &cs, &event, t->at.now_ms);
}

struct looking {
	const struct troubles *ts;
	enum tail_path_state state;
	struct text source, path;
	bool found;
};

static void
compare_absent(struct text key, void *value, void *ctx)
{
	const struct absent *a = value;
	struct looking *l = ctx;

	(void)key;
	l->found |= a->state == l->state && text_is(l->path, a->path) &&
	            text_is(l->source, l->ts->spec.sources[a->source].name);
}

static bool
is_absent(const struct troubles *ts, enum tail_path_state state,
    const struct pairs *key)
{
	struct looking l = { ts, state, pairs_get(key, "source"),
		pairs_get(key, "path"), false };

	map_each(ts->absent, compare_absent, &l);
	return l.found;
}

/* Silence */

/* The source of that name, if it may fall silent; else count. */
static size_t
silent_source(const struct troubles *ts, struct text name)
{
	size_t i = 0;

	while (
	    i < ts->spec.count && (ts->spec.sources[i].silent_ms == INT64_MAX ||
				      !text_is(name, ts->spec.sources[i].name)))
		i++;
	return i;
}

void
troubles_line(struct troubles *ts, size_t source, int64_t now_ms)
{
	const struct trouble_source *spec = &ts->spec.sources[source];
	struct silence *s = &ts->silences[source];
	struct captures cs = { 0 };

	if (spec->silent_ms == INT64_MAX)
		return;
	s->last_ms = now_ms;
	s->changed = true;
	schedule(ts, now_ms + spec->silent_ms);
	if (!s->unbroken)
		return;
	s->unbroken = s->told = false;
	captures_add(&cs, "source", text_of(spec->name));
	over(ts, BUILTIN_SOURCE_SILENT, &cs, now_ms);
}

void
troubles_caught_up(struct troubles *ts, bool caught_up)
{
	if (caught_up && !ts->caught_up)
		ts->due_ms = INT64_MIN; /* judge again what was put off */
	ts->caught_up = caught_up;
}

static void
silence_tell(struct troubles *ts, size_t source, struct moment at)
{
	const struct trouble_source *spec = &ts->spec.sources[source];
	struct captures cs = { 0 };
	char silent[WHEN_SIZE];
	struct event event = {
		.source = source,
		.path = "",
		.wall_ms = at.wall_ms,
	};

	captures_add(&cs, "source", text_of(spec->name));
	captures_add(
	    &cs, "silent", text_of(duration_write(spec->silent_ms, silent)));
	found(ts, BUILTIN_SOURCE_SILENT, &cs, &event, at.now_ms);
}

static void
silence_tick(struct troubles *ts, size_t source, struct moment at)
{
	struct silence *s = &ts->silences[source];
	int64_t silent_ms = ts->spec.sources[source].silent_ms;

	if (silent_ms == INT64_MAX || s->told || !ts->caught_up)
		return;
	if (s->last_ms + silent_ms > at.now_ms) {
		schedule(ts, s->last_ms + silent_ms);
		return;
	}
	s->told = s->unbroken = true;
	silence_tell(ts, source, at);
}

void
troubles_changed(struct troubles *ts, troubles_state_fn *fn, void *ctx)
{
	for (size_t i = 0; i < ts->spec.count; i++) {
		struct captures cs = { 0 };
		char state[32];

		if (!ts->silences[i].changed)
			continue;
		snprintf(
		    state, sizeof state, "%" PRId64, ts->silences[i].last_ms);
		captures_add(&cs, "source", text_of(ts->spec.sources[i].name));
		fn(builtin_id(BUILTIN_SOURCE_SILENT),
		    key_of(ts, BUILTIN_SOURCE_SILENT, &cs), text_of(state),
		    ctx);
	}
}

void
troubles_saved(struct troubles *ts)
{
	for (size_t i = 0; i < ts->spec.count; i++)
		ts->silences[i].changed = false;
}

/* What is no time, or one to come, is no better than the start's. */
static void
silence_read(struct silence *s, struct text state)
{
	char *copy = copy_of(state), *end;
	int64_t last_ms;

	errno = 0;
	last_ms = strtoll(copy, &end, 10);
	if (errno == 0 && end != copy && *end == '\0' && last_ms >= 0 &&
	    last_ms < s->last_ms)
		s->last_ms = last_ms;
	free(copy);
}

bool
troubles_restore(
    struct troubles *ts, const char *rule, struct text key, struct text state)
{
	if (strcmp(rule, builtin_id(BUILTIN_SOURCE_SILENT)) != 0)
		return false;
	for (size_t i = 0; i < ts->spec.count; i++) {
		struct captures cs = { 0 };

		captures_add(&cs, "source", text_of(ts->spec.sources[i].name));
		if (ts->spec.sources[i].silent_ms == INT64_MAX ||
		    !text_equal(key, key_of(ts, BUILTIN_SOURCE_SILENT, &cs)))
			continue;
		silence_read(&ts->silences[i], state);
		return true;
	}
	return false;
}

/* Patterns and actions */

static struct captures
pattern_captures(const char *name, enum part part)
{
	static const char *const parts[PART_COUNT] = {
		[PART_JOIN] = "multiline",
		[PART_VERIFY] = "verify",
		[PART_RESOLVE] = "resolve",
		[PART_SECOND] = "followed_by",
		[PART_MATCH] = "match",
	};
	struct captures cs = { 0 };

	captures_add(&cs, "name", text_of(name));
	captures_add(&cs, "part", text_of(parts[part]));
	return cs;
}

void
troubles_suspended(struct troubles *ts, const char *name, enum part part,
    const struct event *event, int64_t now_ms)
{
	struct captures cs = pattern_captures(name, part);

	found(ts, BUILTIN_RULE_SUSPENDED, &cs, event, now_ms);
}

void
troubles_pattern(struct troubles *ts, const char *name, enum part part,
    const struct event *event, int64_t now_ms)
{
	struct captures cs = pattern_captures(name, part);
	struct limits *l;
	struct text key;
	int64_t *at_ms;

	key = key_of(ts, BUILTIN_RULE_SUSPENDED, &cs);
	l = map_get(ts->limits, key);
	if (l == NULL) {
		l = mem_new(1, sizeof *l);
		map_put(ts->limits, key, l);
	}
	l->at_ms[l->count++ % LIMIT_COUNT] = now_ms;
	at_ms = &l->at_ms[l->count % LIMIT_COUNT]; /* the oldest */
	if (l->count >= LIMIT_COUNT && now_ms - *at_ms < LIMIT_MS)
		found(ts, BUILTIN_RULE_SUSPENDED, &cs, event, now_ms);
}

void
troubles_action(struct troubles *ts, const char *action, const char *incident,
    const char *error, struct moment at)
{
	struct captures cs = { 0 };
	struct event event = {
		.source = NO_SOURCE,
		.path = "",
		.wall_ms = at.wall_ms,
	};

	captures_add(&cs, "action", text_of(action));
	if (error == NULL) {
		over(ts, BUILTIN_ACTION_FAILED, &cs, at.now_ms);
		return;
	}
	event.text = cleaned(&ts->reason, error);
	captures_add(&cs, "reason", event.text);
	captures_add(&cs, "incident", text_of(incident));
	found(ts, BUILTIN_ACTION_FAILED, &cs, &event, at.now_ms);
}

void
troubles_probe(
    struct troubles *ts, const char *rule, const char *reason, struct moment at)
{
	struct captures cs = { 0 };
	struct event event = {
		.source = NO_SOURCE,
		.path = "",
		.wall_ms = at.wall_ms,
	};

	captures_add(&cs, "name", text_of(rule));
	if (reason == NULL) {
		over(ts, BUILTIN_PROBE_FAILED, &cs, at.now_ms);
		return;
	}
	event.text = cleaned(&ts->reason, reason);
	captures_add(&cs, "reason", event.text);
	found(ts, BUILTIN_PROBE_FAILED, &cs, &event, at.now_ms);
}

/* Time */

int64_t
troubles_due(const struct troubles *ts)
{
	return ts->due_ms;
}

void
troubles_tick(struct troubles *ts, struct moment at)
{
	struct ticking t = { ts, at };

	if (at.now_ms < ts->due_ms)
		return;
	ts->due_ms = INT64_MAX;
	map_each(ts->absent, absent_tick, &t);
	for (size_t i = 0; i < ts->spec.count; i++)
		silence_tick(ts, i, at);
}

bool
troubles_may_last(
    const struct troubles *ts, enum builtin b, const struct pairs *key)
{
	switch (b) {
	case BUILTIN_SOURCE_MISSING:
		return is_absent(ts, TAIL_PATH_MISSING, key);
	case BUILTIN_SOURCE_UNREADABLE:
		return is_absent(ts, TAIL_PATH_UNREADABLE, key);
	case BUILTIN_SOURCE_SILENT:
		return silent_source(ts, pairs_get(key, "source")) <
		       ts->spec.count;
	default:
		return true;
	}
}
