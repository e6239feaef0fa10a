/* SPDX-License-Identifier: MIT */
/**
 * One incident: what a rule reported, and what became of it.  Owns its text.
 */
#ifndef LOGWATCH_INCIDENT_INCIDENT_H
#define LOGWATCH_INCIDENT_INCIDENT_H

#include "base/str.h"
#include "base/when.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NO_RULE SIZE_MAX /* an incident whose rule the file no longer has */
#define EVENT_MAX 65536  /* bytes of an event that are kept */
#define OUTPUT_MAX 4096  /* bytes of an action's output that are kept */
#define VALUE_MAX 4096   /* bytes of a capture that are kept */
#define EFFECTS_MAX 100  /* ids of incidents that another one caused */

enum severity {
	SEVERITY_INFO,
	SEVERITY_WARNING,
	SEVERITY_ERROR,
	SEVERITY_CRITICAL,
};

enum incident_state {
	INCIDENT_OPEN,
	INCIDENT_RESOLVED,
	INCIDENT_UNOPENED, /* an errand: opened only when it fails */
};

/** What became of an action's last attempt. */
enum run_state {
	RUN_PENDING,
	RUN_RUNNING,
	RUN_VERIFYING,
	RUN_SUCCEEDED,
	RUN_FAILED,
	RUN_UNVERIFIED,
	RUN_LIMITED,
	RUN_SKIPPED,
	RUN_UNKNOWN,
};

/** Names and values: a key, captures, labels. */
struct pairs {
	struct pair {
		char *name;
		char *value; /* well-formed UTF-8, may hold NUL */
		size_t len;
		bool told; /* a field of which the rule says nothing: its name
		              is the log's, too, and names nothing else */
	} * v;
	size_t count;
};
void pairs_add(struct pairs *ps, const char *name, struct text value);
struct text pairs_get(const struct pairs *ps, const char *name);
void pairs_free(struct pairs *ps);

/** Lines of context. */
struct lines {
	char **v;
	size_t count;
};
void lines_add(struct lines *ls, struct text line);
void lines_free(struct lines *ls);

/** An exec action of the incident: its last attempt. */
struct run {
	char *name; /* of the action */
	enum run_state state;
	int attempt; /* from 1; 0: none yet */
	int code;    /* exit status; -1: none (a signal, or never executed) */
	int64_t duration_ms;
	char *output;       /* the last OUTPUT_MAX bytes, cleaned; never NULL */
	char *error;        /* why it failed, in words; NULL: no more to say */
	int64_t ended_ms;   /* wall; when its script ended, 0: not yet */
	char *lock;         /* that it began with; NULL: none */
	int64_t timeout_ms; /* likewise; 0: it never began */
};

#define COLLECTED_MAX 32 /* of the last commands that are kept */
#define ARGUMENT_MAX 256 /* bytes of their arguments, each */
#define ARGUMENTS_MAX 64

/** What a command of `collect` said. */
struct collected {
	bool resolved; /* it ran when the incident resolved, else opened */
	char **argv;   /* ends with NULL */
	int code;      /* exit status; -1: none (a signal, or never executed) */
	char *output;  /* the last OUTPUT_MAX bytes, cleaned; never NULL */
	char *error;   /* why it did not end by itself; NULL: it did */
	int64_t at_ms; /* wall; when it was started */
};

struct incident {
	char id[ULID_SIZE];
	char caused_by[ULID_SIZE]; /* the id of its cause, "": none */
	bool late;
	bool alone;     /* told by itself, whatever its cause is told */
	unsigned muted; /* changes, as bits, that a silence kept from all */
	size_t rule;    /* index, or NO_RULE */
	char *rule_id;
	char *key_text; /* see key_write(); */
	size_t key_len;
	struct pairs key;
	enum severity severity;
	enum incident_state state;
	char *summary, *description, *runbook; /* never NULL, may be "" */
	struct pairs labels;
	char *host, *source, *path;
	int64_t line, offset; /* of the event that opened it */
	struct str event;
	struct lines before, after;
	struct pairs captures; /* the last hit's */
	int64_t count;
	/* wall times; 0: not (yet) */
	int64_t first_ms, last_ms, detected_ms, acknowledged_ms, escalated_ms,
	    resolved_ms;
	struct run *runs;
	size_t run_count;
	struct collected *collected;
	size_t collected_count;
	char (*effects)[ULID_SIZE]; /* ids of those that it caused */
	size_t effect_count, effects_omitted;

	size_t collecting; /* how often that is under way: kept till then */
	/* How often each change was told, and which one last: for the ids of
	 * deliveries, and for who reads the record from the state file. */
	size_t changes[7];
	int last_change;
	bool held;         /* a remediation runs or is being verified */
	bool resolve_seen; /* its end was seen meanwhile */
	bool dirty;        /* to be saved */
	int64_t opened_ms; /* wall; the last time that it opened */
	size_t reminders;  /* that were told since then */
	/* Of the clock of the steps: the next reminder is counted from the last
	 * one, or from when it opened. */
	int64_t quiet_from_ms, remind_from_ms, closed_ms;
};

const char *severity_name(enum severity s);
const char *incident_state_name(enum incident_state s);
const char *run_state_name(enum run_state s);

/** Returns an empty one to free with incident_free(). */
struct incident *incident_new(void);
void incident_free(struct incident *i); /* NULL does nothing */

/** The run of an action, made (pending) where there is none yet. */
struct run *incident_run(struct incident *i, const char *action);

/** Adds what a command said, which is taken over; past COLLECTED_MAX the oldest
 * is forgotten, and long arguments are cut. */
void incident_collect(struct incident *i, struct collected collected);

/** Another incident is caused by this one; past EFFECTS_MAX it is counted. */
void incident_add_effect(struct incident *i, const char *id);

/**
 * A value that a template may name: a capture, a label, or one of the names
 * that every incident has.
 *
 * wall_ms  for how long an open incident has lasted
 * scratch  holds the result where it has to be made
 */
struct text incident_value(const struct incident *i, const char *name,
    int64_t wall_ms, struct str *scratch);

/** Whether a name is one that every incident has. */
bool incident_has_value(const char *name);

#endif
