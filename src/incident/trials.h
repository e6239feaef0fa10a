/* SPDX-License-Identifier: MIT */
/**
 * The `tests:` of a rule file as written, and whether incidents are what one
 * expects.
 */
#ifndef LOGWATCH_INCIDENT_TRIALS_H
#define LOGWATCH_INCIDENT_TRIALS_H

#include "conf/key.h"
#include "incident/incident.h"
#include "match/rule.h"

struct node;

extern const struct key trial_keys[]; /* of one of `tests` */

/** One incident that is expected. */
struct expected {
	size_t rule;   /* index */
	bool resolved; /* it was, within the test; else it is open */
	struct pairs key, captures; /* those that are held to it */
	int64_t count;              /* -1: any */
	char *summary;              /* NULL: any */
	unsigned line;              /* of the rule file, from 1 */
};

enum trial_kind { TRIAL_LOG, TRIAL_LOG_FILE, TRIAL_WAIT, TRIAL_EXPECT };

struct trial_step {
	enum trial_kind kind;
	struct str log; /* whole lines */
	char *path;     /* of the log file */
	int64_t wait_ms;
	struct expected *v;
	size_t count;
	unsigned line;
};

struct trial {
	char *name;
	char *file; /* the rule file */
	unsigned line;
	size_t source; /* index */
	struct trial_step *steps;
	size_t count;
};

struct trials {
	struct trial *v;
	size_t count;
};

/** What a test may name. */
struct trial_names {
	const struct rule *rules;
	size_t rule_count;
	struct source_names sources;
};

/** Reads a `tests` list and adds what is in it. */
void trials_read(
    struct trials *ts, const struct node *n, const struct trial_names *names);
void trials_free(struct trials *ts); /* what is in it */

/** Whether an incident is the one that is expected. */
bool expected_is(const struct expected *e, const struct incident *i);

/**
 * Whether each of the expected is another one of the incidents, and each open
 * incident is expected.
 *
 * missing  set to the first one that is not there; NULL: all are
 * surplus  set to the first open one that nobody expects; NULL: none is
 */
bool expected_are(const struct expected *v, size_t count,
    struct incident *const *incidents, size_t incident_count,
    const struct expected **missing, const struct incident **surplus);

#endif
