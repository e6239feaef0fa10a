/* SPDX-License-Identifier: MIT */
/**
 * The actions of a rule file as written, and which of them a rule calls for.
 */
#ifndef LOGWATCH_ACTION_ACTION_H
#define LOGWATCH_ACTION_ACTION_H

#include "action/receiver.h"
#include "base/template.h"
#include "conf/key.h"
#include "incident/change.h"
#include "incident/policy.h"
#include "match/matcher.h"

struct node;

enum action_kind { ACTION_EXEC, ACTION_NOTIFY };

/** The arguments of a program. */
struct program {
	struct template **argv;
	size_t argc;
};

struct action {
	char *name;
	enum action_kind kind;
	unsigned changes; /* bit 1 << CHANGE_…: which it is told */

	/* ACTION_EXEC */
	struct program command;
	char **env; /* "NAME=value", NULL-ended; NULL: none */
	char *cwd;  /* NULL: where logwatch was started */
	char *user; /* that it runs as; NULL: logwatch's own */
	int64_t timeout_ms;
	struct proof proof;    /* verify by event; proof.sources NULL: none */
	struct program prover; /* verify by probe; argc 0: none */
	int64_t proof_within_ms;
	int64_t limit_runs; /* 0: no limit */
	int64_t limit_within_ms;
	int64_t attempts;   /* how often it is tried at most */
	int64_t backoff_ms; /* before the second; then twice as long each time
	                     */
	char *lock;         /* those with the same one never overlap; NULL */
	bool rerun;         /* where nobody saw its end, it is run again */

	/* ACTION_NOTIFY */
	const struct receiver *receiver;
	void *settings;
	size_t notifier, notifier_count; /* its indexes in the outbox, from */
	bool disabled;                   /* its url is empty: left out */

	bool used;
};

/** Some actions, by index, in the order written. */
struct steps {
	size_t *v;
	size_t count;
};

/** Some programs, in the order written. */
struct programs {
	struct program *v;
	size_t count;
};

/** What a rule calls for. */
struct plan {
	struct steps execs, notifies;
	struct steps escalate_execs, escalate_notifies;
	int64_t escalate_after_ms; /* unacknowledged so long; INT64_MAX: no */
	bool observe;              /* no script is run */
	struct programs collect;   /* they only read */
	bool scheduled; /* scripts run by the clock, not when it opens */
};

/* Keys and words of actions, and of a rule about them. */
extern const struct key action_keys[];
extern const struct key escalate_keys[];
extern const char *const mode_words[];

/** Reads one action; faults go to the diag. */
void action_read(struct action *a, const char *name, const struct node *n,
    const struct source_names *sources);
void action_free(struct action *a); /* what is in it */

/** Whether a script's success is to be proved. */
bool action_is_proved(const struct action *a);

/** Reads `actions`, `escalate`, `mode` and `collect` of a rule's map, marks the
 * actions used, and checks their templates against what this rule knows. */
void plan_read(struct plan *p, const struct rule *rule,
    const struct policy *policy, const struct node *map, struct action *actions,
    size_t count);
/** Reads `actions` of the settings, for the built-in incidents, likewise. */
void plan_read_builtin(struct plan *p, const struct node *settings,
    struct action *actions, size_t count);
void plan_free(struct plan *p); /* what is in it */

#endif
