/* SPDX-License-Identifier: MIT */
/**
 * What of a rule is about its incidents: how bad, in which words, and when they
 * are over.
 */
#ifndef LOGWATCH_INCIDENT_POLICY_H
#define LOGWATCH_INCIDENT_POLICY_H

#include "base/template.h"
#include "conf/key.h"
#include "incident/incident.h"
#include "match/rule.h"

struct active;
struct node;

struct policy {
	enum severity severity;
	struct template *summary, *description; /* NULL: none written */
	char *says;      /* what the summary is without one; NULL: the event */
	bool says_event; /* and then the event */
	char *runbook;   /* NULL: none */
	struct pairs labels;
	int64_t quiet_ms; /* resolved so long after the last hit; INT64_MAX:
	                     not by quiet */
	char **same; /* captures that a resolving event must share; NULL: none,
	                it resolves all open incidents of the rule */
	size_t same_count;
	int64_t cooldown_ms; /* 0: none */
	int64_t remind_ms;   /* told again so long after it opened, and later
	                        and later; INT64_MAX: never */
	const struct active *active; /* when quiet counts; lent; NULL: always */
	char **cause_names; /* ids of rules; NULL: none, else ends with NULL */
	size_t *causes;     /* their indexes, see causes_link() */
	size_t cause_count;
	int64_t caused_within_ms; /* so long before, at most */
};

extern const char *const severity_words[]; /* by enum severity */
/* Of `resolve`. */
extern const struct key resolve_keys[];
extern const struct key caused_by_keys[];
extern const char *const resolve_words[];
extern const char *const remind_words[];

/** Reads `absent`, `not_followed_by`, `for`, `severity`, `summary`,
 * `description`, `runbook`, `labels`, `resolve`, `cooldown`, `remind` and
 * `caused_by` of a rule's map. */
void policy_read(
    struct policy *p, const struct rule *rule, const struct node *map);
void policy_free(struct policy *p); /* what is in it */

/** When incidents of a severity are told again where their rule says nothing;
 * INT64_MAX: never. */
int64_t policy_remind_default(enum severity severity);

/** Whether a template of this rule may name it: a capture, a label, or what
 * every incident has. */
bool policy_knows(
    const struct policy *p, const struct rule *rule, const char *name);

#endif
