/* SPDX-License-Identifier: MIT */
/**
 * The fourth step: findings -> incidents -> changes.  One open incident a
 * (rule, key); pure: time is an argument, saving is somebody else's.
 */
#ifndef LOGWATCH_INCIDENT_INCIDENTS_H
#define LOGWATCH_INCIDENT_INCIDENTS_H

#include "detect/finding.h"
#include "incident/change.h"
#include "incident/policy.h"

struct incidents;

struct incidents_spec {
	const struct rule *rules; /* lent, count of each */
	const struct policy *policies;
	size_t count;
	const char *const *sources; /* names, by index */
	const char *host;
};

struct incidents *incidents_new(
    const struct incidents_spec *spec, change_fn *fn, void *ctx);
void incidents_free(struct incidents *is); /* NULL does nothing */

/** What came of a finding. */
enum taken {
	TAKEN_NOT,     /* a hit that by itself means nothing */
	TAKEN_COUNTED, /* an open incident counted it */
	TAKEN_OPENED,  /* one was opened, or opened again */
	TAKEN_REFUSED, /* too many are open: counted, not opened */
};

/** Takes in a finding.  *incident is the one it belongs to; NULL: none. */
enum taken incidents_find(struct incidents *is, const struct finding *finding,
    struct incident **incident);

/** An event that resolves matched: closes the rule's incidents (with equal
 * captures where the rule says `same`). */
void incidents_resolve_match(
    struct incidents *is, const struct hit *hit, int64_t now_ms);

/** It is known to be over: closes the open incident of that key, if any. */
void incidents_resolve_key(struct incidents *is, size_t rule, struct text key,
    int64_t now_ms, int64_t wall_ms);

/**
 * What a schedule has scripts run for.  It is told to nobody before it fails.
 *
 * Returns the rule's open incident, or one that is not opened.
 */
struct incident *incidents_errand(
    struct incidents *is, size_t rule, struct moment at);
/** A script of it failed: opens it, or counts one that is open.  why is what it
 * says as its event. */
void incidents_errand_failed(struct incidents *is, struct incident *i,
    struct text why, struct moment at);
/** All went well: resolves what is open; one that was not opened is gone with
 * incidents_saved(). */
void incidents_errand_done(
    struct incidents *is, struct incident *i, struct moment at);
/** Whether it is an errand that was never opened, and may be done. */
bool incident_is_untold(const struct incident *i);

/** Resolves an open one of which nobody else will tell the end. */
void incidents_end(
    struct incidents *is, struct incident *i, int64_t now_ms, int64_t wall_ms);

/** The incident of that id, open or resolved a moment ago; NULL: none. */
const struct incident *incidents_get(
    const struct incidents *is, const char *id);
struct incident *incidents_find_id(struct incidents *is, const char *id);

/** A remediation of an incident begins or has ended: while held it is not
 * resolved; what was seen meanwhile takes effect when it is let go. */
void incidents_hold(struct incidents *is, struct incident *i, bool held,
    int64_t now_ms, int64_t wall_ms);

/** Tells a change of one that is there: escalated, remediated.  While its cause
 * is open that is told as updated too. */
void incidents_tell(
    struct incidents *is, struct incident *i, enum change_kind kind);

/** A silence is over that kept it from all: tells it as it stands. */
void incidents_surface(
    struct incidents *is, struct incident *i, int64_t now_ms);

/** Whether its cause is open and told instead of it. */
bool incidents_folded(const struct incidents *is, const struct incident *i);

/** Whether a rule has an open incident. */
bool incidents_open(const struct incidents *is, size_t rule);
size_t incidents_open_count(const struct incidents *is);

/** A human has seen it: nobody is reminded of it, and it does not escalate for
 * want of that.  False: there is no such open incident. */
bool incidents_acknowledge(
    struct incidents *is, const char *id, int64_t wall_ms);
/** A human says that it is over; it is once no script is at it any more.  False
 * likewise. */
bool incidents_resolve(struct incidents *is, const char *id, struct moment at);

/** Whether all that was written was read, as it is at first: else nothing
 * resolves because it was quiet. */
void incidents_caught_up(struct incidents *is, bool caught_up);
/** By a rule's clock it is so late, before anything else comes: what was quiet
 * until then is over. */
void incidents_pass(struct incidents *is, size_t rule, struct moment at);

/** Raises the times of the first rules to those of their last hits that are
 * known. */
void incidents_last(
    const struct incidents *is, int64_t *last_ms, size_t rule_count);

int64_t incidents_due(const struct incidents *is); /* INT64_MAX: not at all */
void incidents_tick(struct incidents *is, int64_t now_ms, int64_t wall_ms);

/** Tells each that is to be saved; the caller saves it. */
typedef void incident_fn(struct incident *i, void *ctx);
void incidents_dirty(struct incidents *is, incident_fn *fn, void *ctx);
/** What was told is saved.  Of those that cool down too many may be there now:
 * the longest resolved are forgotten. */
void incidents_saved(struct incidents *is);
void incidents_each_open(struct incidents *is, incident_fn *fn, void *ctx);
/** Tells each errand that is not opened. */
void incidents_each_unopened(struct incidents *is, incident_fn *fn, void *ctx);
/** An earlier logwatch opened an incident and could not save it: when it opens
 * again it is to have that id. */
void incidents_expect(
    struct incidents *is, const char *rule, struct text key, const char *id);
/** What was expected and has not come by now will not. */
void incidents_expect_none(struct incidents *is);

/** Takes back one from the store; owns it from now on. */
void incidents_restore(struct incidents *is, struct incident *i);

#endif
