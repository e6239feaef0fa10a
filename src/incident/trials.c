/* SPDX-License-Identifier: MIT */
#include "incident/trials.h"

#include "base/mem.h"
#include "conf/node.h"

#include <string.h>

static const char *const state_words[] = { "open", "resolved", NULL };

static const struct key expected_keys[] = {
	{ "rule", false, .type = KEY_NAME, .need = KEY_REQUIRED,
	    .what = "The rule that it is of." },
	{ "state", false, .words = state_words, .fallback = "open",
	    .what = "Whether it is open, or was resolved within the test." },
	{ "key", false, .type = KEY_TEXT, .shape = KEY_NAMED,
	    .what = "Values of its key." },
	{ "captures", false, .type = KEY_TEXT, .shape = KEY_NAMED,
	    .what = "Values of its captures." },
	{ "count", false, .type = KEY_INT, .what = "How many hits it has." },
	{ "summary", false, .type = KEY_TEXT, .what = "Its summary." },
	{ 0 },
};

static const struct key step_keys[] = {
	{ "log", false, .type = KEY_TEXT, .shape = KEY_ONE_OR_LIST,
	    .need = KEY_ONE_OF,
	    .what = "A line, several in a block, or a list of them, as they "
		    "would be written to the log." },
	{ "log_file", false, .type = KEY_TEXT, .need = KEY_ONE_OF,
	    .what = "A file of at most 64 MiB whose lines are taken." },
	{ "wait", false, .type = KEY_DURATION, .need = KEY_ONE_OF,
	    .what = "Time that passes, with all that is due in it." },
	{ "expect", false, .shape = KEY_LIST, .keys = expected_keys,
	    .need = KEY_ONE_OF,
	    .what = "Exactly the incidents that are open then; [] for none." },
	{ 0 },
};

const struct key trial_keys[] = {
	{ "name", false, .type = KEY_TEXT, .need = KEY_REQUIRED,
	    .what = "What is tested, in words." },
	{ "source", false, .type = KEY_NAME,
	    .what = "The source that the lines are of; needed where there is "
		    "more than one." },
	{ "steps", false, .shape = KEY_LIST, .keys = step_keys,
	    .need = KEY_REQUIRED,
	    .what = "What happens, and what it must lead to." },
	{ 0 },
};

static const struct synonym step_words[] = {
	{ "line", "log" },
	{ "lines", "log" },
	{ "input", "log" },
	{ "file", "log_file" },
	{ "sleep", "wait" },
	{ "incidents", "expect" },
	{ NULL, NULL },
};

/* What is being read. */
struct reading {
	const struct trial_names *names;
	struct str what; /* for the texts of faults */
};

/* Expectations. */

static size_t
rule_of(const struct reading *r, const struct node *n, const char *id)
{
	const struct trial_names *names = r->names;
	const char **ids = mem_new(names->rule_count + 1, sizeof *ids);
	const struct defined defined = { "rule", NULL, ids, names->rule_count };
	size_t i = 0;

	for (; i < names->rule_count; i++) {
		if (strcmp(names->rules[i].id, id) == 0)
			break;
		ids[i] = names->rules[i].id;
	}
	if (i == names->rule_count)
		node_undefined(n, r->what.data, id, &defined);
	free(ids);
	return i;
}

static bool
is_key(const struct rule *rule, const char *name)
{
	for (size_t i = 0; i < rule->keys; i++)
		if (strcmp(rule->key[i], name) == 0)
			return true;
	return false;
}

/* Names and values, each of which a rule has to know. */
static void
values_read(struct pairs *ps, const struct reading *r, const struct node *n,
    const struct rule *rule, bool key)
{
	const char *value;

	if (n == NULL)
		return;
	if (node_kind(n) != NODE_MAP) {
		node_error(n, "%s: %s: expected a map, not %s", r->what.data,
		    key ? "key" : "captures", node_kind_name(n));
		return;
	}
	for (size_t i = 0; i < node_count(n); i++) {
		const char *name = node_key_name(n, i);

		if (node_text(node_at(n, i), &value))
			pairs_add(ps, name, text_of(value));
		if (rule == NULL)
			continue;
		if (key && !is_key(rule, name))
			node_error(node_key(n, i),
			    "%s: the key of rule '%s' has no '%s'",
			    r->what.data, rule->id, name);
		if (!key && !rule_captures(rule, name))
			node_error(node_key(n, i),
			    "%s: rule '%s' does not capture '%s'", r->what.data,
			    rule->id, name);
	}
}

static void
expected_read(struct expected *e, const struct reading *r, const struct node *n)
{
	const struct rule *rule = NULL;
	const char *text;
	size_t word;

	e->count = -1;
	e->rule = r->names->rule_count;
	e->line = node_place(n).line;
	if (!node_keys(n, expected_keys, NULL, r->what.data))
		return;
	if (node_lacks(n, "rule", expected_keys))
		node_error(n, "%s: needs a 'rule'", r->what.data);
	if (node_text(node_get(n, "rule"), &text))
		e->rule = rule_of(r, node_get(n, "rule"), text);
	if (e->rule < r->names->rule_count)
		rule = &r->names->rules[e->rule];
	if (node_word(node_get(n, "state"), state_words, &word))
		e->resolved = word == 1;
	values_read(&e->key, r, node_get(n, "key"), rule, true);
	values_read(&e->captures, r, node_get(n, "captures"), rule, false);
	node_int(node_get(n, "count"), 1, INT64_MAX, &e->count);
	if (node_text(node_get(n, "summary"), &text))
		e->summary = mem_text(text);
}

static void
expect_read(
    struct trial_step *step, const struct reading *r, const struct node *n)
{
	if (node_kind(n) != NODE_LIST) {
		node_error(n,
		    "%s: expect: expected a list of incidents, [] for none, "
		    "not %s",
		    r->what.data, node_kind_name(n));
		return;
	}
	step->count = node_count(n);
	step->v = mem_new(step->count, sizeof *step->v);
	for (size_t i = 0; i < step->count; i++)
		expected_read(&step->v[i], r, node_at(n, i));
}

/* Steps. */

static void
log_read(struct trial_step *step, const struct node *n)
{
	char **texts = NULL;
	size_t count = 0;

	if (node_texts(n, true, &texts, &count))
		for (size_t i = 0; i < count; i++) {
			size_t len = strlen(texts[i]);

			str_add(&step->log, texts[i], len);
			/* A block scalar has its newline already. */
			if (len == 0 || texts[i][len - 1] != '\n')
				str_add(&step->log, "\n", 1);
		}
	node_texts_free(texts);
}

static void
step_read(
    struct trial_step *step, const struct reading *r, const struct node *n)
{
	const char *text;

	step->line = node_place(n).line;
	if (!node_keys(n, step_keys, step_words, r->what.data))
		return;
	if (node_count(n) != 1) {
		node_error(n,
		    "%s: a step is one of 'log', 'log_file', 'wait' and "
		    "'expect'",
		    r->what.data);
		return;
	}
	if (node_get(n, "log") != NULL) {
		step->kind = TRIAL_LOG;
		log_read(step, node_get(n, "log"));
	} else if (node_get(n, "log_file") != NULL) {
		step->kind = TRIAL_LOG_FILE;
		if (node_text(node_get(n, "log_file"), &text))
			step->path = mem_text(text);
	} else if (node_get(n, "wait") != NULL) {
		step->kind = TRIAL_WAIT;
		node_duration(node_get(n, "wait"), 1, &step->wait_ms);
	} else if (node_get(n, "expect") != NULL) {
		step->kind = TRIAL_EXPECT;
		expect_read(step, r, node_get(n, "expect"));
	}
}

static void
steps_read(struct trial *t, const struct reading *r, const struct node *n)
{
	bool expects = false;

	if (n == NULL)
		return;
	if (node_kind(n) != NODE_LIST) {
		node_error(n, "%s: steps: expected a list, not %s",
		    r->what.data, node_kind_name(n));
		return;
	}
	t->count = node_count(n);
	t->steps = mem_new(t->count, sizeof *t->steps);
	for (size_t i = 0; i < t->count; i++) {
		step_read(&t->steps[i], r, node_at(n, i));
		expects |= node_get(node_at(n, i), "expect") != NULL;
	}
	if (!expects)
		node_warning(
		    n, "%s: expects nothing, so it cannot fail", r->what.data);
}

static void
source_read(struct trial *t, const struct reading *r, const struct node *map)
{
	const struct source_names *sources = &r->names->sources;
	const struct node *n = node_get(map, "source");
	bool *flags;
	const char *name;

	if (n == NULL && sources->count > 1 &&
	    node_lacks(map, "source", trial_keys))
		node_error(map,
		    "%s: needs a 'source', for there are %zu of them",
		    r->what.data, sources->count);
	if (n == NULL || !node_text(n, &name))
		return;
	flags = sources_read(n, sources, r->what.data);
	for (size_t i = 0; i < sources->count; i++)
		if (flags[i])
			t->source = i;
	free(flags);
}

static void
trial_read(struct trial *t, struct reading *r, const struct node *n)
{
	const char *name = "?";

	t->file = mem_text(node_place(n).file);
	t->line = node_place(n).line;
	node_text(node_get(n, "name"), &name);
	t->name = mem_text(name);
	str_clear(&r->what);
	str_printf(&r->what, "test '%s'", name);
	if (!node_keys(n, trial_keys, NULL, r->what.data))
		return;
	if (node_lacks(n, "name", trial_keys))
		node_error(n, "a test needs a 'name'");
	if (node_lacks(n, "steps", trial_keys))
		node_error(n, "%s: needs 'steps'", r->what.data);
	source_read(t, r, n);
	steps_read(t, r, node_get(n, "steps"));
}

void
trials_read(
    struct trials *ts, const struct node *n, const struct trial_names *names)
{
	struct reading r = { .names = names };

	if (n == NULL)
		return;
	if (node_kind(n) != NODE_LIST) {
		node_error(
		    n, "tests: expected a list, not %s", node_kind_name(n));
		return;
	}
	ts->v = mem_resize(ts->v, ts->count + node_count(n), sizeof *ts->v);
	for (size_t i = 0; i < node_count(n); i++) {
		ts->v[ts->count] = (struct trial){ 0 };
		trial_read(&ts->v[ts->count++], &r, node_at(n, i));
	}
	str_free(&r.what);
}

static void
step_free(struct trial_step *step)
{
	for (size_t i = 0; i < step->count; i++) {
		pairs_free(&step->v[i].key);
		pairs_free(&step->v[i].captures);
		free(step->v[i].summary);
	}
	free(step->v);
	free(step->path);
	str_free(&step->log);
}

void
trials_free(struct trials *ts)
{
	for (size_t i = 0; i < ts->count; i++) {
		for (size_t k = 0; k < ts->v[i].count; k++)
			step_free(&ts->v[i].steps[k]);
		free(ts->v[i].steps);
		free(ts->v[i].name);
		free(ts->v[i].file);
	}
	free(ts->v);
	*ts = (struct trials){ 0 };
}

/* Judging. */

static bool
pairs_hold(const struct pairs *expected, const struct pairs *got)
{
	for (size_t i = 0; i < expected->count; i++) {
		const struct pair *want = &expected->v[i];
		struct text has = pairs_get(got, want->name);

		if (has.data == NULL || has.len != want->len ||
		    memcmp(has.data, want->value, want->len) != 0)
			return false;
	}
	return true;
}

bool
expected_is(const struct expected *e, const struct incident *i)
{
	return i->rule == e->rule &&
	       (i->state == INCIDENT_RESOLVED) == e->resolved &&
	       (e->count < 0 || e->count == i->count) &&
	       (e->summary == NULL || strcmp(e->summary, i->summary) == 0) &&
	       pairs_hold(&e->key, &i->key) &&
	       pairs_hold(&e->captures, &i->captures);
}

/* Kuhn's search for a matching: one that asks for little must not take the
 * incident that another asks for. */
struct matching {
	const struct expected *v;
	struct incident *const *incidents;
	size_t count;
	size_t *taken; /* by incident: 1 + index of who has it; 0: nobody */
	bool *seen;
};

static bool
place_one(struct matching *m, size_t e)
{
	for (size_t i = 0; i < m->count; i++) {
		if (m->seen[i] || !expected_is(&m->v[e], m->incidents[i]))
			continue;
		m->seen[i] = true;
		if (m->taken[i] == 0 || place_one(m, m->taken[i] - 1)) {
			m->taken[i] = e + 1;
			return true;
		}
	}
	return false;
}

bool
expected_are(const struct expected *v, size_t count,
    struct incident *const *incidents, size_t incident_count,
    const struct expected **missing, const struct incident **surplus)
{
	struct matching m = { v, incidents, incident_count,
		mem_new(incident_count, sizeof(size_t)),
		mem_new(incident_count, sizeof(bool)) };

	*missing = NULL;
	*surplus = NULL;
	for (size_t e = 0; e < count; e++) {
		memset(m.seen, false, incident_count * sizeof *m.seen);
		if (!place_one(&m, e) && *missing == NULL)
			*missing = &v[e];
	}
	for (size_t i = incident_count; i-- > 0;)
		if (m.taken[i] == 0 && incidents[i]->state == INCIDENT_OPEN)
			*surplus = incidents[i];
	free(m.taken);
	free(m.seen);
	return *missing == NULL && *surplus == NULL;
}
