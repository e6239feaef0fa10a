/* SPDX-License-Identifier: MIT */
/**
 * A rule file as a whole (or several together): hands each section to the
 * folder that owns it and keeps what comes back, by index.
 */
#ifndef LOGWATCH_RULESET_H
#define LOGWATCH_RULESET_H

#include "action/action.h"
#include "action/outbox.h"
#include "conf/diag.h"
#include "incident/judge.h"
#include "incident/trials.h"
#include "incident/troubles.h"
#include "tail/streams.h"

/** The rule file itself; from here on all keys there are can be walked. */
extern const struct key top_keys[];

struct ruleset {
	/* settings */
	char *state; /* path of the state file; NULL: by default */
	char *host;
	size_t context_before, context_after; /* lines */
	int64_t outbox_bytes, outbox_age_ms;  /* see outbox_limit() */
	int64_t history_ms; /* how long a resolved incident is kept */
	bool builtin;
	int64_t late_ms; /* older hits start nothing; INT64_MAX: none is late */

	/* sources, by index */
	char **source_names;
	bool *source_objects; /* whether its lines are JSON objects */
	char ***source_paths, ***source_excludes, ***source_rotated;
	char ***source_commands;
	struct tail_source *tail_sources;
	struct event_source *event_sources;
	struct stamping *stampings;
	struct trouble_source *trouble_sources;
	size_t source_count;
	struct stream_source *stream_sources; /* of those, by their own index */
	size_t stream_count;

	/* rules, by index */
	struct rule *rules; /* those of the built-in incidents come last, */
	struct detector *detectors;
	struct policy *policies; /* also here */
	struct plan *plans;      /* and here */
	size_t rule_count;       /* of the file */
	size_t builtin_count;    /* 0: they are switched off */
	struct plan builtin_plan;

	/* actions, by index */
	struct action *actions;
	struct proof *proofs; /* lent by the actions */
	size_t action_count;
	struct notifier *notifiers; /* by their own index */
	char **notifier_names;
	size_t notifier_count;

	struct trials trials;
};

/**
 * Reads rule files; a directory stands for the *.yml and *.yaml in it, by name.
 *
 * diag  gets every fault; with an error in it the ruleset may be looked at but
 *       must not be used
 *
 * Returns a ruleset to free with ruleset_free(), or NULL with the reason where
 * a file cannot be read at all.
 */
struct ruleset *ruleset_read(
    const char *const *paths, size_t count, struct diag *diag, struct err *err);
void ruleset_free(struct ruleset *rs); /* NULL does nothing */

/** Index of a source by name; source_count: none. */
size_t ruleset_source(const struct ruleset *rs, const char *name);

/** Whose a pattern is, in words. */
struct pattern_owner {
	const char *kind, *name; /* "rule", its id */
};
struct pattern_owner ruleset_owner(
    const struct ruleset *rs, size_t index, enum part part);

/** What the steps that think need of it; all of it is lent. */
struct judge_spec ruleset_judge(const struct ruleset *rs);

/** The source that is standard input; NULL: none is. */
const char *ruleset_stdin(const struct ruleset *rs);

#endif
