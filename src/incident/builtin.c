/* SPDX-License-Identifier: MIT */
/*
 * The table of them.
 */
#include "incident/builtin.h"

#include "base/mem.h"

#include <assert.h>

#define KEYS_MAX 2
#define QUIET_MS (15 * 60 * 1000)
#define UNTIL_OVER INT64_MAX /* resolved when it is known to be over */
/* What comes and goes is one incident, not one each time. */
#define COOLDOWN_MS (5 * 60 * 1000)

static const struct {
	const char *id;
	enum severity severity;
	int64_t quiet_ms;
	const char *key[KEYS_MAX];
	const char *summary, *description;
} table[BUILTIN_COUNT] = {
	[BUILTIN_LINES_LOST] = { "logwatch.lines-lost", SEVERITY_ERROR,
	    QUIET_MS, { "source" }, "Lines of {{path}} are lost: {{reason}}",
	    "What was in them was matched by no rule.  Bytes lost, at least: "
	    "{{bytes}}.  See how the log is rotated, and how long logwatch "
	    "was not running." },
	[BUILTIN_STATE_DAMAGED] = { "logwatch.state-damaged", SEVERITY_ERROR,
	    QUIET_MS, { NULL },
	    "The state file was damaged; logwatch started with a new one",
	    "It was moved to {{path}}.  Positions in logs, open incidents, "
	    "notifications that waited and the ledger of runs are lost with "
	    "it: logs were followed as at a first start." },
	[BUILTIN_SOURCE_MISSING] = { "logwatch.source-missing",
	    SEVERITY_WARNING, UNTIL_OVER, { "source", "path" },
	    "The log {{path}} is not there",
	    "Nothing of it can be matched: {{reason}}." },
	[BUILTIN_SOURCE_UNREADABLE] = { "logwatch.source-unreadable",
	    SEVERITY_ERROR, UNTIL_OVER, { "source", "path" },
	    "The log {{path}} cannot be read",
	    "Nothing of it can be matched: {{reason}}." },
	[BUILTIN_SOURCE_SILENT] = { "logwatch.source-silent", SEVERITY_ERROR,
	    UNTIL_OVER, { "source" },
	    "Nothing was logged by {{source}} for {{silent}}",
	    "Whoever writes this log may have stopped." },
	[BUILTIN_RULE_SUSPENDED] = { "logwatch.rule-suspended",
	    SEVERITY_WARNING, QUIET_MS, { "name", "part" },
	    "A pattern of {{name}} ({{part}}) keeps hitting its match limit",
	    "The lines on which it does are neither hits nor misses.  Make "
	    "the pattern simpler." },
	[BUILTIN_PROBE_FAILED] = { "logwatch.probe-failed", SEVERITY_WARNING,
	    UNTIL_OVER, { "name" },
	    "The probe of {{name}} cannot tell: {{reason}}",
	    "Whether what it looks at is well is not known, so that nothing "
	    "is opened or resolved for it." },
	[BUILTIN_ACTION_FAILED] = { "logwatch.action-failed", SEVERITY_ERROR,
	    UNTIL_OVER, { "action" },
	    "The action {{action}} failed: {{reason}}",
	    "It was for the incident {{incident}}, of which nobody may know." },
	[BUILTIN_OUTBOX_FULL] = { "logwatch.outbox-full", SEVERITY_ERROR,
	    QUIET_MS, { NULL },
	    "Notifications were dropped: more wait than there is room for",
	    "Dropped since logwatch started, the oldest first: {{dropped}}.  "
	    "See why they are not received; settings.outbox says how much may "
	    "wait." },
};

const char *
builtin_id(enum builtin b)
{
	return table[b].id;
}

void
builtin_rule(struct rule *rule, enum builtin b)
{
	rule->id = mem_text(table[b].id);
	rule->key = mem_new(KEYS_MAX + 1, sizeof *rule->key);
	while (rule->keys < KEYS_MAX && table[b].key[rule->keys] != NULL) {
		rule->key[rule->keys] = mem_text(table[b].key[rule->keys]);
		rule->keys++;
	}
}

static struct template *
template_of(const char *text)
{
	struct template *t = template_parse(text_of(text), NULL, NULL);

	assert(t != NULL);
	return t;
}

void
builtin_policy(struct policy *policy, enum builtin b)
{
	policy->severity = table[b].severity;
	policy->summary = template_of(table[b].summary);
	policy->description = template_of(table[b].description);
	policy->quiet_ms = table[b].quiet_ms;
	policy->cooldown_ms = COOLDOWN_MS;
	policy->remind_ms = policy_remind_default(policy->severity);
}
