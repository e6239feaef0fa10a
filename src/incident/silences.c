/* SPDX-License-Identifier: MIT */
/*
 * There are few: a list.  One that has ended stays in it, unseen, until that is
 * saved.
 */
#include "incident/silences.h"

#include "base/mem.h"

#include <jansson.h>
#include <string.h>
#include <sys/queue.h>

struct entry {
	TAILQ_ENTRY(entry) link;
	struct silence silence;
	bool ended, dirty;
};

struct silences {
	TAILQ_HEAD(, entry) all; /* of each rule one */
	size_t count;
};

struct silences *
silences_new(void)
{
	struct silences *ss = mem_new(1, sizeof *ss);

	TAILQ_INIT(&ss->all);
	return ss;
}

static void
entry_free(struct silences *ss, struct entry *e)
{
	TAILQ_REMOVE(&ss->all, e, link);
	ss->count--;
	free(e->silence.rule);
	free(e->silence.reason);
	free(e);
}

void
silences_free(struct silences *ss)
{
	struct entry *e, *next;

	if (ss == NULL)
		return;
	for (e = TAILQ_FIRST(&ss->all); e != NULL; e = next) {
		next = TAILQ_NEXT(e, link);
		entry_free(ss, e);
	}
	free(ss);
}

/* Of a rule, ended or not. */
static struct entry *
find(const struct silences *ss, const char *rule)
{
	struct entry *e;

	TAILQ_FOREACH(e, &ss->all, link)
	if (strcmp(e->silence.rule, rule) == 0)
		return e;
	return NULL;
}

static struct entry *
find_id(const struct silences *ss, const char *id)
{
	struct entry *e;

	TAILQ_FOREACH(e, &ss->all, link)
	if (!e->ended && strcmp(e->silence.id, id) == 0)
		return e;
	return NULL;
}

static struct entry *
entry_new(struct silences *ss, struct text rule, struct text reason)
{
	struct entry *e = mem_new(1, sizeof *e);

	e->silence.rule = mem_copy(rule.data, rule.len);
	e->silence.reason = mem_copy(reason.data, reason.len);
	TAILQ_INSERT_TAIL(&ss->all, e, link);
	ss->count++;
	return e;
}

const struct silence *
silences_add(struct silences *ss, const char *rule, int64_t for_ms,
    const char *reason, int64_t wall_ms)
{
	struct entry *e = find(ss, rule);

	if (e == NULL && ss->count == SILENCES_MAX)
		return NULL;
	if (e != NULL)
		entry_free(ss, e);
	e = entry_new(ss, text_of(rule), text_of(reason));
	ulid_new(wall_ms, e->silence.id);
	e->silence.since_ms = wall_ms;
	e->silence.until_ms = wall_ms + for_ms;
	e->dirty = true;
	return &e->silence;
}

bool
silences_has(const struct silences *ss, const char *rule)
{
	const struct entry *e = ss != NULL ? find(ss, rule) : NULL;

	return e != NULL && !e->ended;
}

const struct silence *
silences_get(const struct silences *ss, const char *id)
{
	const struct entry *e = find_id(ss, id);

	return e != NULL ? &e->silence : NULL;
}

static void
end(struct entry *e, silence_fn *fn, void *ctx)
{
	e->ended = e->dirty = true;
	fn(&e->silence, ctx);
}

bool
silences_end(struct silences *ss, const char *id, silence_fn *fn, void *ctx)
{
	struct entry *e = find_id(ss, id);

	if (e != NULL)
		end(e, fn, ctx);
	return e != NULL;
}

int64_t
silences_due(const struct silences *ss)
{
	const struct entry *e;
	int64_t due = INT64_MAX;

	TAILQ_FOREACH(e, &ss->all, link)
	if (!e->ended && e->silence.until_ms < due)
		due = e->silence.until_ms;
	return due;
}

void
silences_tick(struct silences *ss, int64_t wall_ms, silence_fn *fn, void *ctx)
{
	struct entry *e;

	TAILQ_FOREACH(e, &ss->all, link)
	if (!e->ended && wall_ms >= e->silence.until_ms)
		end(e, fn, ctx);
}

void
silences_each(const struct silences *ss, silence_fn *fn, void *ctx)
{
	const struct entry *e;

	TAILQ_FOREACH(e, &ss->all, link)
	if (!e->ended)
		fn(&e->silence, ctx);
}

/* The state. */

static char *
state_write(const struct silence *s)
{
	json_t *json = json_pack("{s:s, s:s, s:I, s:I}", "id", s->id, "reason",
	    s->reason, "since_ms", (json_int_t)s->since_ms, "until_ms",
	    (json_int_t)s->until_ms);
	char *text = mem_check(json_dumps(json, JSON_COMPACT));

	json_decref(json);
	return text;
}

void
silences_changed(struct silences *ss, silences_state_fn *fn, void *ctx)
{
	const struct entry *e;

	TAILQ_FOREACH(e, &ss->all, link)
	{
		char *text;

		if (!e->dirty)
			continue;
		text = e->ended ? NULL : state_write(&e->silence);
		fn(e->silence.rule, text_of(text != NULL ? text : ""), ctx);
		free(text);
	}
}

void
silences_saved(struct silences *ss)
{
	struct entry *e, *next;

	for (e = TAILQ_FIRST(&ss->all); e != NULL; e = next) {
		next = TAILQ_NEXT(e, link);
		e->dirty = false;
		if (e->ended)
			entry_free(ss, e);
	}
}

bool
silences_restore(struct silences *ss, struct text rule, struct text state)
{
	json_t *json = json_loadb(state.data, state.len, 0, NULL);
	const char *id = json_string_value(json_object_get(json, "id"));
	const char *reason = json_string_value(json_object_get(json, "reason"));
	const json_t *since = json_object_get(json, "since_ms");
	const json_t *until = json_object_get(json, "until_ms");
	bool taken = id != NULL && strlen(id) == ULID_SIZE - 1 &&
	             reason != NULL && json_is_integer(since) &&
	             json_is_integer(until) && ss->count < SILENCES_MAX;
	struct entry *e;

	if (taken) {
		e = entry_new(ss, rule, text_of(reason));
		memcpy(e->silence.id, id, ULID_SIZE);
		e->silence.since_ms = json_integer_value(since);
		e->silence.until_ms = json_integer_value(until);
	}
	json_decref(json);
	return taken;
}
