/* SPDX-License-Identifier: MIT */
/*
 * Reads what a rule says of its incidents.
 */
#include "incident/policy.h"

#include "base/mem.h"
#include "base/when.h"
#include "conf/node.h"

#include <string.h>
#include <strings.h>

#define QUIET_DEFAULT_MS (15 * 60 * 1000)
#define REMIND_DEFAULT_MS (4 * 60 * 60 * 1000)
#define REMIND_MIN_MS 1000

const char *const severity_words[] = {
	"info",
	"warning",
	"error",
	"critical",
	NULL,
};

const char *const resolve_words[] = { "manual", NULL };
const char *const remind_words[] = { "never", NULL };

const struct key resolve_keys[] = {
	{ "match", false, .type = KEY_PATTERN, .shape = KEY_ONE_OR_LIST,
	    .need = KEY_ANY_OF, .what = "An event that one of these matches." },
	{ "same", false, .type = KEY_TEXT, .shape = KEY_ONE_OR_LIST,
	    .with = "match",
	    .what = "Captures that have to be equal in both. Default: none, "
		    "so all open incidents of the rule resolve." },
	{ "quiet", false, .type = KEY_DURATION, .need = KEY_ANY_OF,
	    .what = "Without a further hit for so long." },
	{ 0 },
};

const struct key caused_by_keys[] = {
	{ "rules", false, .type = KEY_NAME, .shape = KEY_ONE_OR_LIST,
	    .need = KEY_REQUIRED,
	    .what = "The rules whose open incident may be the cause." },
	{ "within", false, .type = KEY_DURATION, .need = KEY_REQUIRED,
	    .what = "How long before, at most, it began." },
	{ 0 },
};

bool
policy_knows(const struct policy *p, const struct rule *rule, const char *name)
{
	return rule_captures(rule, name) ||
	       pairs_get(&p->labels, name).data != NULL ||
	       incident_has_value(name);
}

/* What other tools call what every incident has. */
static const char *
near_value(const char *name)
{
	static const char *const words[][2] = { { "hostname", "host" },
		{ "message", "event" }, { "msg", "event" }, { "log", "event" },
		{ "text", "event" }, { "match", "event" }, { "file", "path" },
		{ "filename", "path" }, { "time", "last_seen" },
		{ "timestamp", "last_seen" }, { "name", "rule" },
		{ "alertname", "rule" }, { "level", "severity" },
		{ "hits", "count" } };

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strcasecmp(name, words[i][0]) == 0)
			return words[i][1];
	return NULL;
}

static struct template *
template_of(const struct policy *p, const struct rule *rule,
    const struct node *n, const char *key)
{
	const char *text;
	struct template *t;
	struct err err;
	size_t offset;

	if (!node_text(n, &text))
		return NULL;
	t = template_parse(text_of(text), &offset, &err);
	if (t == NULL) {
		node_error_at(
		    n, offset, "rule '%s': %s: %s", rule->id, key, err.text);
		return NULL;
	}
	for (size_t i = 0; i < template_count(t); i++) {
		const char *name = template_name(t, i), *near;

		if (policy_knows(p, rule, name))
			continue;
		near = rule_near(rule, name);
		if (near == NULL)
			near = near_value(name);
		if (near != NULL)
			node_error_at(n, template_offset(t, i),
			    "rule '%s': %s: unknown name '%s' (did you mean "
			    "'%s'?)",
			    rule->id, key, name, near);
		else
			node_error_at(n, template_offset(t, i),
			    "rule '%s': %s: unknown name '%s': no pattern of "
			    "the rule captures (?<%s>…)",
			    rule->id, key, name, name);
	}
	return t;
}

static void
labels_read(struct policy *p, const struct rule *rule, const struct node *n)
{
	const char *value;

	if (n == NULL)
		return;
	if (node_kind(n) != NODE_MAP) {
		node_error(n, "rule '%s': labels: expected a map, not %s",
		    rule->id, node_kind_name(n));
		return;
	}
	for (size_t i = 0; i < node_count(n); i++)
		if (node_text(node_at(n, i), &value))
			pairs_add(
			    &p->labels, node_key_name(n, i), text_of(value));
}

static void
resolve_read(struct policy *p, const struct rule *rule, const struct node *n)
{
	struct str what = { 0 };
	size_t word;

	p->quiet_ms = QUIET_DEFAULT_MS;
	if (n == NULL)
		return;
	p->quiet_ms = INT64_MAX;
	if (node_kind(n) == NODE_SCALAR) {
		node_word(n, resolve_words, &word);
		return;
	}
	str_printf(&what, "rule '%s': resolve", rule->id);
	if (node_keys(n, resolve_keys, NULL, what.data)) {
		node_duration(node_get(n, "quiet"), 1, &p->quiet_ms);
		if (node_get(n, "match") == NULL &&
		    node_get(n, "quiet") == NULL)
			node_error(n,
			    "%s: needs 'match' or 'quiet', or is the word "
			    "manual",
			    what.data);
		if (node_texts(
			node_get(n, "same"), true, &p->same, &p->same_count))
			for (size_t i = 0; i < p->same_count; i++)
				if (!rule_part_captures(
					rule, PART_RESOLVE, p->same[i]) ||
				    !rule_captures(rule, p->same[i]))
					node_error(node_get(n, "same"),
					    "%s: same: '%s' must be a capture "
					    "of both patterns",
					    what.data, p->same[i]);
	}
	str_free(&what);
}

/* What does not come shows nothing, and resolves when it comes after all. */
static void
awaited_read(struct policy *p, const struct node *map)
{
	const struct node *missing = node_get(map, "not_followed_by");
	char written[WHEN_SIZE];
	struct str text = { 0 };
	int64_t ms = 0;

	if (node_get(map, "absent") != NULL) {
		node_duration(node_get(map, "for"), 1, &ms);
		str_puts(&text, "nothing has matched for ");
	} else if (missing != NULL) {
		node_duration(node_get(missing, "within"), 1, &ms);
		str_puts(&text, "not followed within ");
	} else {
		if (node_get(map, "process") != NULL ||
		    node_get(map, "probe") != NULL ||
		    node_get(map, "http") != NULL ||
		    node_get(map, "schedule") != NULL)
			p->quiet_ms = INT64_MAX;
		return;
	}
	str_puts(&text, duration_write(ms, written));
	p->says = str_take(&text);
	p->says_event = missing != NULL;
	if (node_get(map, "resolve") == NULL)
		p->quiet_ms = INT64_MAX;
}

int64_t
policy_remind_default(enum severity severity)
{
	return severity == SEVERITY_CRITICAL ? REMIND_DEFAULT_MS : INT64_MAX;
}

static void
remind_read(struct policy *p, const struct node *n)
{
	const char *text;

	p->remind_ms = policy_remind_default(p->severity);
	if (!node_text(n, &text))
		return;
	if (strcmp(text, remind_words[0]) == 0)
		p->remind_ms = INT64_MAX;
	else
		node_duration(n, REMIND_MIN_MS, &p->remind_ms);
}

static void
causes_read(struct policy *p, const struct rule *rule, const struct node *n)
{
	struct str what = { 0 };
	size_t count;

	if (n == NULL)
		return;
	str_printf(&what, "rule '%s': caused_by", rule->id);
	if (node_keys(n, caused_by_keys, NULL, what.data)) {
		if (node_lacks(n, "rules", caused_by_keys) ||
		    node_lacks(n, "within", caused_by_keys))
			node_error(
			    n, "%s: needs 'rules' and 'within'", what.data);
		if (node_texts(
			node_get(n, "rules"), true, &p->cause_names, &count) &&
		    count == 0)
			node_error(node_get(n, "rules"),
			    "%s: the list of rules is empty", what.data);
		node_duration(node_get(n, "within"), 1, &p->caused_within_ms);
	}
	str_free(&what);
}

void
policy_read(struct policy *p, const struct rule *rule, const struct node *map)
{
	size_t severity = SEVERITY_ERROR;
	const char *text;

	node_word(node_get(map, "severity"), severity_words, &severity);
	p->severity = (enum severity)severity;
	labels_read(p, rule, node_get(map, "labels"));
	p->summary = template_of(p, rule, node_get(map, "summary"), "summary");
	p->description =
	    template_of(p, rule, node_get(map, "description"), "description");
	if (node_text(node_get(map, "runbook"), &text))
		p->runbook = mem_text(text);
	resolve_read(p, rule, node_get(map, "resolve"));
	awaited_read(p, map);
	node_duration(node_get(map, "cooldown"), 0, &p->cooldown_ms);
	remind_read(p, node_get(map, "remind"));
	causes_read(p, rule, node_get(map, "caused_by"));
}

void
policy_free(struct policy *p)
{
	template_free(p->summary);
	template_free(p->description);
	free(p->runbook);
	free(p->says);
	pairs_free(&p->labels);
	node_texts_free(p->same);
	node_texts_free(p->cause_names);
	free(p->causes);
}
