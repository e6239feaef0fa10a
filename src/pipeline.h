/* SPDX-License-Identifier: MIT */
/**
 * Joins the steps: tail -> match -> detect -> incident -> action, and commits
 * what was read together with what it led to.  The one file that sees them all.
 */
#ifndef LOGWATCH_PIPELINE_H
#define LOGWATCH_PIPELINE_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct incidents;
struct loop;
struct outbox;
struct pipeline;
struct ruleset;
struct silences;
struct store;
struct tail;

struct pipeline_spec {
	struct loop *loop;
	const struct ruleset *ruleset; /* lent */
	struct store *store;           /* lent */
	bool dry_run;                  /* acts on nothing */
	bool once; /* done when all is read and what it led to is finished */
	void (*done)(void *ctx); /* it came to its end, or was stopped */
	void *ctx;
};

/** Returns a pipeline to free with pipeline_free(); never NULL. */
struct pipeline *pipeline_new(const struct pipeline_spec *spec);
void pipeline_free(struct pipeline *p); /* NULL does nothing */

/** Takes up the state that is stored and starts to follow: when this returns 0
 * every source is watched. */
int pipeline_start(struct pipeline *p, struct err *err);

/** Stops cleanly: starts nothing any more, waits for scripts that run, ten
 * seconds at most, saves, and is done. */
void pipeline_stop(struct pipeline *p);
/** The same, but waits as long as they take: another one goes on. */
void pipeline_drain(struct pipeline *p);

/** Says in the log how things stand. */
void pipeline_log_status(const struct pipeline *p);

/** How things stand, for those who show it; lent until it is freed, and of the
 * moment. */
struct pipeline_view {
	const struct ruleset *ruleset;
	struct incidents *incidents;
	struct store *store;
	const struct tail *tail;
	const struct outbox *outbox;
	const struct silences *silences;
	const uint64_t *hits;         /* by rule of the file */
	const int64_t *last_event_ms; /* by source, wall; 0: none yet */
	bool saved; /* false: the state cannot be written now */
};
void pipeline_view(const struct pipeline *p, struct pipeline_view *out);

/** By hand: false where there is no such open incident. */
bool pipeline_acknowledge(struct pipeline *p, const char *id);
bool pipeline_resolve(struct pipeline *p, const char *id);

/**
 * Silences a rule, by hand: nobody is told of its incidents until then; what is
 * not over by then is told.
 *
 * until_ms  set to when, wall
 *
 * Returns the id of the silence, lent until the next call, or NULL where there
 * are too many.
 */
const char *pipeline_silence(struct pipeline *p, const char *rule,
    int64_t for_ms, const char *reason, int64_t *until_ms);
/** Ends one.  False where there is none of that id. */
bool pipeline_unsilence(struct pipeline *p, const char *id);
/** Whether it is the id of a rule, a built-in one included. */
bool pipeline_has_rule(const struct pipeline *p, const char *id);

/** What is done again, by hand. */
struct pipeline_retried {
	bool known;        /* there is such an incident */
	bool scripts;      /* its scripts run again */
	size_t deliveries; /* dead letters that are sent again */
};
/** Of an incident: what failed of it. */
struct pipeline_retried pipeline_retry(struct pipeline *p, const char *id);
/** Dead letters: of a delivery id, or all where it is NULL.  Returns how
 * many. */
size_t pipeline_retry_deliveries(struct pipeline *p, const char *id);

/** Notifications that could not be sent yet. */
size_t pipeline_waiting(const struct pipeline *p);

#endif
