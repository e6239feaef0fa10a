/* SPDX-License-Identifier: MIT */
/*
 * An incident as JSON and back.  Its texts are well-formed UTF-8 already.
 */
#include "incident/record.h"

#include "base/mem.h"
#include "base/utf8.h"

static const char *const changes[CHANGE_COUNT] = {
	[CHANGE_OPENED] = "opened",
	[CHANGE_UPDATED] = "updated",
	[CHANGE_REMINDED] = "reminded",
	[CHANGE_REMEDIATED] = "remediated",
	[CHANGE_ESCALATED] = "escalated",
	[CHANGE_RESOLVED] = "resolved",
	[CHANGE_TEST] = "test",
};

const char *
change_name(enum change_kind kind)
{
	return changes[kind];
}

json_t *
record_text(struct text text)
{
	json_t *json = json_stringn(text.len > 0 ? text.data : "", text.len);
	struct str clean = { 0 };

	if (json == NULL) { /* a path may be no UTF-8 */
		utf8_clean(text, &clean);
		json = json_stringn(clean.data, clean.len);
		str_free(&clean);
	}
	return json;
}

static json_t *
time_json(int64_t wall_ms)
{
	char text[WHEN_SIZE];

	return wall_ms == 0 ? json_null()
	                    : json_string(when_write(wall_ms, text));
}

static json_t *
pairs_json(const struct pairs *ps)
{
	json_t *object = json_object();

	for (size_t i = 0; i < ps->count; i++)
		json_object_set_new(object, ps->v[i].name,
		    record_text((struct text){ ps->v[i].value, ps->v[i].len }));
	return object;
}

static size_t
fields_count(const struct pairs *captures)
{
	size_t count = 0;

	for (size_t i = 0; i < captures->count; i++)
		count += captures->v[i].told;
	return count;
}

/* The names of captures that the log alone names. */
static json_t *
fields_json(const struct pairs *captures)
{
	json_t *list = json_array();

	for (size_t i = 0; i < captures->count; i++)
		if (captures->v[i].told)
			json_array_append_new(
			    list, json_string(captures->v[i].name));
	return list;
}

static json_t *
lines_json(const struct lines *ls)
{
	json_t *list = json_array();

	for (size_t i = 0; i < ls->count; i++)
		json_array_append_new(list, record_text(text_of(ls->v[i])));
	return list;
}

static json_t *
runs_json(const struct incident *i)
{
	json_t *list = json_array();

	for (size_t k = 0; k < i->run_count; k++) {
		const struct run *r = &i->runs[k];
		json_t *run = json_object();

		json_object_set_new(run, "name", json_string(r->name));
		json_object_set_new(
		    run, "state", json_string(run_state_name(r->state)));
		json_object_set_new(run, "attempt", json_integer(r->attempt));
		json_object_set_new(run, "exit",
		    r->code >= 0 ? json_integer(r->code) : json_null());
		json_object_set_new(
		    run, "duration_ms", json_integer(r->duration_ms));
		json_object_set_new(
		    run, "output", record_text(text_of(r->output)));
		if (r->error != NULL)
			json_object_set_new(
			    run, "error", record_text(text_of(r->error)));
		json_array_append_new(list, run);
	}
	return list;
}

static json_t *
argv_json(char *const *argv)
{
	json_t *list = json_array();

	for (; *argv != NULL; argv++)
		json_array_append_new(list, record_text(text_of(*argv)));
	return list;
}

static json_t *
collected_json(const struct incident *i)
{
	json_t *list = json_array();

	for (size_t k = 0; k < i->collected_count; k++) {
		const struct collected *c = &i->collected[k];
		json_t *one = json_object();

		json_object_set_new(one, "when",
		    json_string(c->resolved ? "resolved" : "opened"));
		json_object_set_new(one, "argv", argv_json(c->argv));
		json_object_set_new(one, "exit",
		    c->code >= 0 ? json_integer(c->code) : json_null());
		json_object_set_new(
		    one, "output", record_text(text_of(c->output)));
		json_object_set_new(one, "at", time_json(c->at_ms));
		if (c->error != NULL)
			json_object_set_new(
			    one, "error", record_text(text_of(c->error)));
		json_array_append_new(list, one);
	}
	return list;
}

static json_t *
effects_json(const struct incident *i)
{
	json_t *list = json_array();

	for (size_t k = 0; k < i->effect_count; k++)
		json_array_append_new(list, json_string(i->effects[k]));
	return list;
}

json_t *
record_of(const struct incident *i, enum change_kind change)
{
	json_t *r = json_object();

	json_object_set_new(r, "version", json_integer(1));
	json_object_set_new(r, "change", json_string(change_name(change)));
	json_object_set_new(r, "id", json_string(i->id));
	json_object_set_new(r, "rule", json_string(i->rule_id));
	json_object_set_new(r, "key", pairs_json(&i->key));
	json_object_set_new(
	    r, "severity", json_string(severity_name(i->severity)));
	json_object_set_new(
	    r, "state", json_string(incident_state_name(i->state)));
	json_object_set_new(r, "summary", record_text(text_of(i->summary)));
	json_object_set_new(
	    r, "description", record_text(text_of(i->description)));
	json_object_set_new(r, "runbook", record_text(text_of(i->runbook)));
	json_object_set_new(r, "labels", pairs_json(&i->labels));
	json_object_set_new(r, "host", record_text(text_of(i->host)));
	json_object_set_new(r, "source", record_text(text_of(i->source)));
	json_object_set_new(r, "path", record_text(text_of(i->path)));
	json_object_set_new(r, "line", json_integer(i->line));
	json_object_set_new(r, "offset", json_integer(i->offset));
	json_object_set_new(r, "event", record_text(str_text(&i->event)));
	json_object_set_new(r, "context",
	    json_pack("{s:o, s:o}", "before", lines_json(&i->before), "after",
		lines_json(&i->after)));
	json_object_set_new(r, "captures", pairs_json(&i->captures));
	if (fields_count(&i->captures) > 0)
		json_object_set_new(r, "fields", fields_json(&i->captures));
	json_object_set_new(r, "count", json_integer(i->count));
	json_object_set_new(r, "first_seen", time_json(i->first_ms));
	json_object_set_new(r, "last_seen", time_json(i->last_ms));
	json_object_set_new(r, "detected_at", time_json(i->detected_ms));
	json_object_set_new(
	    r, "acknowledged_at", time_json(i->acknowledged_ms));
	json_object_set_new(r, "escalated_at", time_json(i->escalated_ms));
	json_object_set_new(r, "resolved_at", time_json(i->resolved_ms));
	json_object_set_new(r, "late", json_boolean(i->late));
	json_object_set_new(r, "caused_by",
	    i->caused_by[0] != '\0' ? json_string(i->caused_by) : json_null());
	json_object_set_new(r, "effects", effects_json(i));
	if (i->effects_omitted > 0)
		json_object_set_new(r, "effects_omitted",
		    json_integer((json_int_t)i->effects_omitted));
	json_object_set_new(r, "collected", collected_json(i));
	json_object_set_new(r, "actions", runs_json(i));
	return r;
}

/* With what scripts began, for when the rules do not say so any more. */
static json_t *
began_json(const struct incident *i)
{
	json_t *began = json_object();

	for (size_t k = 0; k < i->run_count; k++) {
		const struct run *r = &i->runs[k];
		json_t *with;

		if (r->timeout_ms == 0)
			continue;
		with =
		    json_pack("{s:I}", "timeout_ms", (json_int_t)r->timeout_ms);
		if (r->lock != NULL)
			json_object_set_new(with, "lock", json_string(r->lock));
		json_object_set_new(began, r->name, with);
	}
	return began;
}

char *
record_state(const struct incident *i)
{
	json_t *told = json_array(), *ended = json_object(), *state;
	char *text;

	for (size_t k = 0; k < CHANGE_COUNT; k++)
		json_array_append_new(
		    told, json_integer((json_int_t)i->changes[k]));
	for (size_t k = 0; k < i->run_count; k++)
		json_object_set_new(
		    ended, i->runs[k].name, json_integer(i->runs[k].ended_ms));
	state = json_pack(
	    "{s:o, s:b, s:o, s:o, s:o, s:o, s:I, s:o, s:o, s:b, s:I, s:I}",
	    "key", json_stringn(i->key_text, i->key_len), "resolve_seen",
	    i->resolve_seen, "told", told, "ended", ended, "began",
	    began_json(i), "opened", time_json(i->opened_ms), "reminders",
	    (json_int_t)i->reminders, "remind_from",
	    time_json(i->remind_from_ms), "quiet_from",
	    time_json(i->quiet_from_ms), "alone", i->alone, "collecting",
	    (json_int_t)i->collecting, "muted", (json_int_t)i->muted);
	text = json_dumps(state, JSON_COMPACT);
	json_decref(state);
	return text;
}

static struct text
get_text(const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);

	return json_is_string(value) ? (struct text){ json_string_value(value),
		json_string_length(value) }
	                             : (struct text){ "", 0 };
}

static char *
copy_text(const json_t *object, const char *name)
{
	struct text text = get_text(object, name);

	return mem_copy(text.data, text.len);
}

static int64_t
get_time(const json_t *object, const char *name)
{
	int64_t ms = 0;
	struct text text = get_text(object, name);

	return text.len > 0 && when_read(text.data, &ms) ? ms : 0;
}

static int64_t
get_int(const json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

/* Index of a name in a table of count; the first where it is not there. */
static size_t
get_word(const json_t *object, const char *name, const char *(*word)(unsigned),
    size_t count)
{
	struct text text = get_text(object, name);

	for (size_t i = 0; i < count; i++)
		if (text_is(text, word((unsigned)i)))
			return i;
	return 0;
}

static const char *
severity_word(unsigned i)
{
	return severity_name((enum severity)i);
}

static const char *
change_word(unsigned i)
{
	return change_name((enum change_kind)i);
}

static const char *
run_state_word(unsigned i)
{
	return run_state_name((enum run_state)i);
}

static void
read_pairs(struct pairs *ps, const json_t *object)
{
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)object, name, value)
	    pairs_add(ps, name,
		(struct text){
		    json_string_value(value), json_string_length(value) });
}

static void
read_fields(struct incident *i, const json_t *names)
{
	const json_t *name;
	size_t n;

	json_array_foreach(names, n, name)
	{
		for (size_t k = 0; k < i->captures.count; k++)
			i->captures.v[k].told |=
			    text_is((struct text){ json_string_value(name),
					json_string_length(name) },
				i->captures.v[k].name);
	}
}

static void
read_lines(struct lines *ls, const json_t *list)
{
	json_t *value;
	size_t i;

	json_array_foreach(list, i, value)
	    lines_add(ls, (struct text){ json_string_value(value),
			      json_string_length(value) });
}

static void
read_runs(struct incident *i, const json_t *list, const json_t *ended)
{
	json_t *value;
	size_t k;

	json_array_foreach(list, k, value)
	{
		struct text name = get_text(value, "name");
		const json_t *code = json_object_get(value, "exit");
		struct run *r = incident_run(i, name.data);

		r->state =
		    get_word(value, "state", run_state_word, RUN_UNKNOWN + 1);
		r->attempt = (int)get_int(value, "attempt");
		r->code =
		    json_is_integer(code) ? (int)json_integer_value(code) : -1;
		r->duration_ms = get_int(value, "duration_ms");
		free(r->output);
		r->output = copy_text(value, "output");
		if (json_object_get(value, "error") != NULL)
			r->error = copy_text(value, "error");
		r->ended_ms = get_int(ended, name.data);
	}
}

static void
read_began(struct incident *i, const json_t *began)
{
	for (size_t k = 0; k < i->run_count; k++) {
		struct run *r = &i->runs[k];
		const json_t *with = json_object_get(began, r->name);

		if (json_object_get(with, "lock") != NULL)
			r->lock = copy_text(with, "lock");
		r->timeout_ms = get_int(with, "timeout_ms");
	}
}

/* What is not there was not known to who wrote it. */
static int64_t
get_time_or(const json_t *object, const char *name, int64_t otherwise)
{
	int64_t ms = get_time(object, name);

	return ms != 0 ? ms : otherwise;
}

static void
read_state(struct incident *i, const json_t *state)
{
	const json_t *told = json_object_get(state, "told");
	struct text key = get_text(state, "key");

	i->key_text = mem_copy(key.data, key.len);
	i->key_len = key.len;
	i->resolve_seen = json_is_true(json_object_get(state, "resolve_seen"));
	i->opened_ms = get_time_or(state, "opened", i->detected_ms);
	i->collecting = get_int(state, "collecting") > 0;
	i->alone = json_is_true(json_object_get(state, "alone"));
	i->muted = (unsigned)get_int(state, "muted");
	i->reminders = (size_t)get_int(state, "reminders");
	i->remind_from_ms = get_time_or(state, "remind_from", i->opened_ms);
	i->quiet_from_ms = get_time_or(state, "quiet_from", i->last_ms);
	for (size_t k = 0; k < CHANGE_COUNT; k++)
		i->changes[k] =
		    (size_t)json_integer_value(json_array_get(told, k));
}

static char **
read_argv(const json_t *list)
{
	size_t count = json_array_size(list);
	char **argv = mem_new(count + 1, sizeof *argv);

	for (size_t k = 0; k < count; k++) {
		const json_t *one = json_array_get(list, k);

		argv[k] =
		    mem_copy(json_is_string(one) ? json_string_value(one) : "",
			json_string_length(one));
	}
	return argv;
}

static void
read_collected(struct incident *i, const json_t *list)
{
	json_t *value;
	size_t k;

	json_array_foreach(list, k, value)
	{
		const json_t *code = json_object_get(value, "exit");

		incident_collect(
		    i, (struct collected){
			   .resolved =
			       text_is(get_text(value, "when"), "resolved"),
			   .argv = read_argv(json_object_get(value, "argv")),
			   .code = json_is_integer(code)
		                       ? (int)json_integer_value(code)
		                       : -1,
			   .output = copy_text(value, "output"),
			   .error = json_object_get(value, "error") != NULL
		                        ? copy_text(value, "error")
		                        : NULL,
			   .at_ms = get_time(value, "at"),
		       });
	}
	i->dirty = false;
}

static void
read_causes(struct incident *i, const json_t *r)
{
	struct text cause = get_text(r, "caused_by");
	json_int_t omitted = get_int(r, "effects_omitted");
	json_t *effect;
	size_t k;

	if (cause.len == ULID_SIZE - 1)
		memcpy(i->caused_by, cause.data, ULID_SIZE);
	json_array_foreach(json_object_get(r, "effects"), k, effect)
	{
		if (json_string_length(effect) == ULID_SIZE - 1)
			incident_add_effect(i, json_string_value(effect));
	}
	i->effects_omitted = omitted > 0 ? (size_t)omitted : 0;
}

static void
read_times(struct incident *i, const json_t *r)
{
	i->first_ms = get_time(r, "first_seen");
	i->last_ms = get_time(r, "last_seen");
	i->detected_ms = get_time(r, "detected_at");
	i->acknowledged_ms = get_time(r, "acknowledged_at");
	i->escalated_ms = get_time(r, "escalated_at");
	i->resolved_ms = get_time(r, "resolved_at");
	i->closed_ms = i->resolved_ms;
}

struct incident *
record_read(struct text record, struct text state)
{
	json_t *r = json_loadb(record.data, record.len, JSON_ALLOW_NUL, NULL);
	json_t *s = json_loadb(state.data, state.len, JSON_ALLOW_NUL, NULL);
	struct text id = get_text(r, "id");
	struct incident *i = NULL;

	if (id.len != ULID_SIZE - 1)
		goto out;
	i = incident_new();
	memcpy(i->id, id.data, ULID_SIZE);
	i->rule_id = copy_text(r, "rule");
	i->severity =
	    get_word(r, "severity", severity_word, SEVERITY_CRITICAL + 1);
	i->last_change = (int)get_word(r, "change", change_word, CHANGE_COUNT);
	i->state = text_is(get_text(r, "state"), "resolved") ? INCIDENT_RESOLVED
	                                                     : INCIDENT_OPEN;
	i->summary = copy_text(r, "summary");
	i->description = copy_text(r, "description");
	i->runbook = copy_text(r, "runbook");
	i->host = copy_text(r, "host");
	i->source = copy_text(r, "source");
	i->path = copy_text(r, "path");
	i->line = get_int(r, "line");
	i->offset = get_int(r, "offset");
	i->count = get_int(r, "count");
	i->late = json_is_true(json_object_get(r, "late"));
	str_add_text(&i->event, get_text(r, "event"));
	read_pairs(&i->key, json_object_get(r, "key"));
	read_pairs(&i->labels, json_object_get(r, "labels"));
	read_pairs(&i->captures, json_object_get(r, "captures"));
	read_fields(i, json_object_get(r, "fields"));
	read_lines(&i->before,
	    json_object_get(json_object_get(r, "context"), "before"));
	read_lines(
	    &i->after, json_object_get(json_object_get(r, "context"), "after"));
	read_times(i, r);
	read_causes(i, r);
	read_collected(i, json_object_get(r, "collected"));
	read_state(i, s);
	read_runs(
	    i, json_object_get(r, "actions"), json_object_get(s, "ended"));
	read_began(i, json_object_get(s, "began"));
out:
	json_decref(r);
	json_decref(s);
	return i;
}
