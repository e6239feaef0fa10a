/* SPDX-License-Identifier: MIT */
/**
 * The incidents that no rule of the file reports: logwatch's own troubles, as
 * rules and policies of their own.
 */
#ifndef LOGWATCH_INCIDENT_BUILTIN_H
#define LOGWATCH_INCIDENT_BUILTIN_H

#include "incident/policy.h"

enum builtin {
	BUILTIN_LINES_LOST,
	BUILTIN_STATE_DAMAGED,
	BUILTIN_SOURCE_MISSING,
	BUILTIN_SOURCE_UNREADABLE,
	BUILTIN_SOURCE_SILENT,
	BUILTIN_RULE_SUSPENDED,
	BUILTIN_PROBE_FAILED,
	BUILTIN_ACTION_FAILED,
	BUILTIN_OUTBOX_FULL,
	BUILTIN_COUNT,
};

/** "logwatch.lines-lost" and the like. */
const char *builtin_id(enum builtin b);

/** Fills an empty rule: its id and its key, and no pattern. */
void builtin_rule(struct rule *rule, enum builtin b);
/** Fills an empty policy. */
void builtin_policy(struct policy *policy, enum builtin b);

#endif
