/* SPDX-License-Identifier: MIT */
/**
 * What goes wrong with logwatch's own work -> findings of the built-in rules.
 * Pure: time is an argument.
 */
#ifndef LOGWATCH_INCIDENT_TROUBLES_H
#define LOGWATCH_INCIDENT_TROUBLES_H

#include "detect/finding.h"
#include "incident/builtin.h"
#include "tail/tail.h"

struct troubles;

/** What of a source matters here; lent. */
struct trouble_source {
	const char *name;
	const char *const *paths; /* files or globs, NULL-ended */
	int64_t silent_ms; /* without a line so long it is silent; INT64_MAX:
	                      never */
};

struct troubles_spec {
	const struct trouble_source *sources; /* by index; lent */
	size_t count;
	size_t first; /* index of the rule of the first built-in */
};

struct troubles_callbacks {
	/** It is so (again). */
	finding_fn *found;
	/** It is over, if it ever was: what has that key is to be resolved. */
	void (*over)(size_t rule, struct text key, int64_t now_ms, void *ctx);
	void *ctx;
};

/** now_ms: silence is counted from here where nothing else is known. */
struct troubles *troubles_new(const struct troubles_spec *spec,
    const struct troubles_callbacks *callbacks, int64_t now_ms);
void troubles_free(struct troubles *ts); /* NULL does nothing */

void troubles_lost(
    struct troubles *ts, const struct tail_loss *loss, struct moment at);

/** Notifications were dropped for want of room: so many by now. */
void troubles_outbox(struct troubles *ts, size_t dropped, struct moment at);

/** The state file was damaged and is at that name now. */
void troubles_state_damaged(
    struct troubles *ts, const char *moved_to, struct moment at);

/**
 * What is at a path changed, as the tail tells it.  A path that is written as
 * such is a trouble when it is missing for a minute; one that cannot be read,
 * after five seconds: a rotation may take a moment to set the mode.
 */
void troubles_path(struct troubles *ts, size_t source, const char *path,
    enum tail_path_state state, const char *reason, struct moment at);

/** A line of a source came. */
void troubles_line(struct troubles *ts, size_t source, int64_t now_ms);
/** All there was is read, or not: silence is judged only while it is. */
void troubles_caught_up(struct troubles *ts, bool caught_up);

/** A pattern hit its match limit; ten times within a minute is a trouble.
 * name is the rule's or, of a proof, the action's. */
void troubles_pattern(struct troubles *ts, const char *name, enum part part,
    const struct event *event, int64_t now_ms);

/** It keeps doing so, and is not asked for a while: a trouble at once. */
void troubles_suspended(struct troubles *ts, const char *name, enum part part,
    const struct event *event, int64_t now_ms);

/** An action's work for an incident ended; error is NULL where it is well. */
void troubles_action(struct troubles *ts, const char *action,
    const char *incident, const char *error, struct moment at);

int64_t troubles_due(const struct troubles *ts); /* INT64_MAX: not at all */
void troubles_tick(struct troubles *ts, struct moment at);
/** The probe of a rule cannot tell, and why; NULL: it can again. */
void troubles_probe(struct troubles *ts, const char *rule, const char *reason,
    struct moment at);

/**
 * Whether an incident of a path that was restored may still be so: the tail has
 * told of every path.  Others always may.
 */
bool troubles_may_last(
    const struct troubles *ts, enum builtin b, const struct pairs *key);

/** What must survive a restart, by id of the built-in and key. */
typedef void troubles_state_fn(
    const char *rule, struct text key, struct text state, void *ctx);
void troubles_changed(struct troubles *ts, troubles_state_fn *fn, void *ctx);
void troubles_saved(struct troubles *ts);
/** Returns false where it is of no source that is asked for. */
bool troubles_restore(
    struct troubles *ts, const char *rule, struct text key, struct text state);

#endif
