/* SPDX-License-Identifier: MIT */
/*
 * What an incident is made of, and its values by name.
 */
#include "incident/incident.h"

#include "base/mem.h"
#include "base/utf8.h"

/* U+FFFD, for the NUL that would end a text. */
#define NUL_SHOWN "\xef\xbf\xbd"

static const char *const severities[] = {
	[SEVERITY_INFO] = "info",
	[SEVERITY_WARNING] = "warning",
	[SEVERITY_ERROR] = "error",
	[SEVERITY_CRITICAL] = "critical",
};

static const char *const states[] = {
	[INCIDENT_OPEN] = "open",
	[INCIDENT_RESOLVED] = "resolved",
	[INCIDENT_UNOPENED] = "open", /* to a script: what it would be */
};

static const char *const run_states[] = {
	[RUN_PENDING] = "pending",
	[RUN_RUNNING] = "running",
	[RUN_VERIFYING] = "verifying",
	[RUN_SUCCEEDED] = "succeeded",
	[RUN_FAILED] = "failed",
	[RUN_UNVERIFIED] = "unverified",
	[RUN_LIMITED] = "limited",
	[RUN_SKIPPED] = "skipped",
	[RUN_UNKNOWN] = "unknown",
};

const char *
severity_name(enum severity s)
{
	return severities[s];
}

const char *
incident_state_name(enum incident_state s)
{
	return states[s];
}

const char *
run_state_name(enum run_state s)
{
	return run_states[s];
}

void
pairs_add(struct pairs *ps, const char *name, struct text value)
{
	value = utf8_head_bytes(value, VALUE_MAX);
	ps->v = mem_resize(ps->v, ps->count + 1, sizeof *ps->v);
	ps->v[ps->count++] = (struct pair){
		.name = mem_text(name),
		.value = mem_copy(value.data, value.len),
		.len = value.len,
	};
}

static const struct pair *
pairs_find(const struct pairs *ps, const char *name)
{
	for (size_t i = 0; i < ps->count; i++)
		if (strcmp(ps->v[i].name, name) == 0)
			return &ps->v[i];
	return NULL;
}

struct text
pairs_get(const struct pairs *ps, const char *name)
{
	const struct pair *p = pairs_find(ps, name);

	return p != NULL ? (struct text){ p->value, p->len }
	                 : (struct text){ NULL, 0 };
}

void
pairs_free(struct pairs *ps)
{
	for (size_t i = 0; i < ps->count; i++) {
		free(ps->v[i].name);
		free(ps->v[i].value);
	}
	free(ps->v);
	*ps = (struct pairs){ 0 };
}

void
lines_add(struct lines *ls, struct text line)
{
	struct str clean = { 0 }, text = { 0 };

	utf8_clean(line, &clean);
	for (size_t i = 0; i < clean.len; i++)
		if (clean.data[i] == '\0')
			str_puts(&text, NUL_SHOWN);
		else
			str_putc(&text, clean.data[i]);
	str_free(&clean);
	ls->v = mem_resize(ls->v, ls->count + 1, sizeof(char *));
	ls->v[ls->count++] = str_take(&text);
}

void
lines_free(struct lines *ls)
{
	for (size_t i = 0; i < ls->count; i++)
		free(ls->v[i]);
	free(ls->v);
	*ls = (struct lines){ 0 };
}

static void
collected_free(struct collected *c)
{
	for (size_t k = 0; c->argv[k] != NULL; k++)
		free(c->argv[k]);
	free(c->argv);
	free(c->output);
	free(c->error);
}

struct incident *
incident_new(void)
{
	struct incident *i = mem_new(1, sizeof *i);

	i->rule = NO_RULE;
	return i;
}

void
incident_free(struct incident *i)
{
	if (i == NULL)
		return;
	for (size_t k = 0; k < i->run_count; k++) {
		free(i->runs[k].name);
		free(i->runs[k].output);
		free(i->runs[k].error);
		free(i->runs[k].lock);
	}
	free(i->runs);
	free(i->effects);
	for (size_t k = 0; k < i->collected_count; k++)
		collected_free(&i->collected[k]);
	free(i->collected);
	free(i->rule_id);
	free(i->key_text);
	pairs_free(&i->key);
	free(i->summary);
	free(i->description);
	free(i->runbook);
	pairs_free(&i->labels);
	free(i->host);
	free(i->source);
	free(i->path);
	str_free(&i->event);
	lines_free(&i->before);
	lines_free(&i->after);
	pairs_free(&i->captures);
	free(i);
}

struct run *
incident_run(struct incident *i, const char *action)
{
	for (size_t k = 0; k < i->run_count; k++)
		if (strcmp(i->runs[k].name, action) == 0)
			return &i->runs[k];
	i->runs = mem_resize(i->runs, i->run_count + 1, sizeof *i->runs);
	i->runs[i->run_count] = (struct run){
		.name = mem_text(action), .code = -1, .output = mem_text("")
	};
	return &i->runs[i->run_count++];
}

static void
cut_arguments(char **argv)
{
	size_t k = 0;

	for (; argv[k] != NULL && k < ARGUMENTS_MAX; k++)
		argv[k][utf8_head_bytes(text_of(argv[k]), ARGUMENT_MAX).len] =
		    '\0';
	for (size_t more = k; argv[more] != NULL; more++) {
		free(argv[more]);
		argv[more] = NULL;
	}
}

void
incident_collect(struct incident *i, struct collected collected)
{
	cut_arguments(collected.argv);
	if (i->collected_count == COLLECTED_MAX) {
		collected_free(&i->collected[0]);
		memmove(i->collected, i->collected + 1,
		    --i->collected_count * sizeof *i->collected);
	}
	i->collected = mem_resize(
	    i->collected, i->collected_count + 1, sizeof *i->collected);
	i->collected[i->collected_count++] = collected;
	i->dirty = true;
}

void
incident_add_effect(struct incident *i, const char *id)
{
	for (size_t k = 0; k < i->effect_count; k++)
		if (strcmp(i->effects[k], id) == 0)
			return;
	if (i->effect_count == EFFECTS_MAX) {
		i->effects_omitted++;
		return;
	}
	i->effects =
	    mem_resize(i->effects, i->effect_count + 1, sizeof *i->effects);
	snprintf(i->effects[i->effect_count++], ULID_SIZE, "%s", id);
}

static struct text
number(int64_t value, struct str *scratch)
{
	str_printf(scratch, "%lld", (long long)value);
	return str_text(scratch);
}

static struct text
moment(int64_t wall_ms, struct str *scratch)
{
	char text[WHEN_SIZE];

	str_puts(scratch, when_write(wall_ms, text));
	return str_text(scratch);
}

static struct text
key_value(const struct incident *i, struct str *scratch)
{
	for (size_t k = 0; k < i->key.count; k++) {
		str_printf(
		    scratch, "%s%s=", k > 0 ? ", " : "", i->key.v[k].name);
		str_add(scratch, i->key.v[k].value, i->key.v[k].len);
	}
	return str_text(scratch);
}

static struct text
lasted(const struct incident *i, int64_t wall_ms, struct str *scratch)
{
	int64_t end = i->resolved_ms != 0 ? i->resolved_ms : wall_ms;
	char text[WHEN_SIZE];

	str_puts(scratch,
	    duration_write(end > i->first_ms ? (end - i->first_ms) : 0, text));
	return str_text(scratch);
}

enum value {
	VALUE_RULE,
	VALUE_ID,
	VALUE_KEY,
	VALUE_SEVERITY,
	VALUE_STATE,
	VALUE_SUMMARY,
	VALUE_HOST,
	VALUE_SOURCE,
	VALUE_PATH,
	VALUE_LINE,
	VALUE_EVENT,
	VALUE_COUNT,
	VALUE_FIRST_SEEN,
	VALUE_LAST_SEEN,
	VALUE_DURATION,
	VALUE_RUNBOOK,
	VALUE_NONE,
};

static const char *const values[VALUE_NONE] = {
	[VALUE_RULE] = "rule",
	[VALUE_ID] = "id",
	[VALUE_KEY] = "key",
	[VALUE_SEVERITY] = "severity",
	[VALUE_STATE] = "state",
	[VALUE_SUMMARY] = "summary",
	[VALUE_HOST] = "host",
	[VALUE_SOURCE] = "source",
	[VALUE_PATH] = "path",
	[VALUE_LINE] = "line",
	[VALUE_EVENT] = "event",
	[VALUE_COUNT] = "count",
	[VALUE_FIRST_SEEN] = "first_seen",
	[VALUE_LAST_SEEN] = "last_seen",
	[VALUE_DURATION] = "duration",
	[VALUE_RUNBOOK] = "runbook",
};

static enum value
value_find(const char *name)
{
	enum value v = VALUE_RULE;

	while (v < VALUE_NONE && strcmp(values[v], name) != 0)
		v++;
	return v;
}

bool
incident_has_value(const char *name)
{
	return value_find(name) != VALUE_NONE;
}

struct text
incident_value(const struct incident *i, const char *name, int64_t wall_ms,
    struct str *scratch)
{
	const struct pair *capture = pairs_find(&i->captures, name);
	struct text own = { NULL, 0 };

	str_clear(scratch);
	if (capture != NULL && !capture->told)
		own = (struct text){ capture->value, capture->len };
	if (own.data == NULL)
		own = pairs_get(&i->labels, name);
	if (own.data != NULL)
		return own;
	switch (value_find(name)) {
	case VALUE_RULE:
		return text_of(i->rule_id);
	case VALUE_ID:
		return text_of(i->id);
	case VALUE_KEY:
		return key_value(i, scratch);
	case VALUE_SEVERITY:
		return text_of(severity_name(i->severity));
	case VALUE_STATE:
		return text_of(incident_state_name(i->state));
	case VALUE_SUMMARY:
		return text_of(i->summary);
	case VALUE_HOST:
		return text_of(i->host);
	case VALUE_SOURCE:
		return text_of(i->source);
	case VALUE_PATH:
		return text_of(i->path);
	case VALUE_LINE:
		return number(i->line, scratch);
	case VALUE_EVENT:
		return str_text(&i->event);
	case VALUE_COUNT:
		return number(i->count, scratch);
	case VALUE_FIRST_SEEN:
		return moment(i->first_ms, scratch);
	case VALUE_LAST_SEEN:
		return moment(i->last_ms, scratch);
	case VALUE_DURATION:
		return lasted(i, wall_ms, scratch);
	case VALUE_RUNBOOK:
		return text_of(i->runbook);
	case VALUE_NONE:
		break;
	}
	return capture != NULL ? (struct text){ capture->value, capture->len }
	                       : (struct text){ "", 0 };
}
