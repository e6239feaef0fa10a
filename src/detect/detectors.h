/* SPDX-License-Identifier: MIT */
/**
 * The third step: hits and time -> findings.  One detector a rule; its memory
 * (windows, firsts that wait) can be saved and read back.  Pure: time is an
 * argument, in milliseconds that never go back.
 */
#ifndef LOGWATCH_DETECT_DETECTORS_H
#define LOGWATCH_DETECT_DETECTORS_H

#include "conf/key.h"
#include "detect/active.h"
#include "detect/condition.h"
#include "detect/finding.h"
#include "detect/https.h"
#include "detect/probes.h"
#include "detect/processes.h"
#include "detect/schedules.h"
#include "match/rule.h"

struct detectors;
struct node;

enum detector_kind {
	DETECT_MATCH,
	DETECT_PAIR,
	DETECT_MISSING, /* of a pair, the second half */
	DETECT_ABSENT,
	DETECT_PROCESS,
	DETECT_PROBE,
	DETECT_HTTP,
	DETECT_SCHEDULE,
};

/** A rule's detector as written. */
struct detector {
	enum detector_kind kind;
	int64_t within_ms; /* of the threshold, or of the second half; how long
	                      it must be absent, or its condition hold */
	int64_t grace_ms;  /* how long an event may be held back to be joined */
	int64_t forget_ms; /* a key that was absent for so long is forgotten;
	                      INT64_MAX: never */
	int64_t count;     /* of the threshold; 1: each hit fires */
	char *distinct;    /* capture whose values are counted; NULL: hits */
	char **same;       /* captures that both halves share; NULL: none */
	size_t same_count;
	struct active *active; /* when it counts; NULL: always */
	uint64_t written; /* see written_of(); another is another detector */
	struct process_spec process;
	struct probe_spec probe;
	struct http_spec http;
	struct schedule_spec schedule;
};

/* Of `threshold`, and of `followed_by` and `not_followed_by`. */
extern const struct key threshold_keys[];
extern const struct key followed_keys[];

/** Reads `threshold`, `followed_by`, `not_followed_by`, `absent`, `process`,
 * `probe`, `http`, `schedule`, `active`, and what goes with them, of a rule's
 * map.  Tells the rule what its detector captures. */
void detector_read(
    struct detector *d, struct rule *rule, const struct node *map);
void detector_free(struct detector *d); /* what is in it */

struct detectors_callbacks {
	finding_fn *found;
	/** What a rule found of a key is over; it may not have been. */
	void (*over)(size_t rule, struct text key, int64_t now_ms, void *ctx);
	void *ctx;
};

/** rules and specs are lent, count of each. */
struct detectors *detectors_new(const struct rule *rules,
    const struct detector *specs, size_t count,
    const struct detectors_callbacks *callbacks);
void detectors_free(struct detectors *ds); /* NULL does nothing */

/** Takes in a hit of a rule's PART_MATCH or PART_SECOND.  Where the rule is not
 * active at its event's time, it counts only where it ends a wait. */
void detectors_hit(struct detectors *ds, const struct hit *hit, int64_t now_ms);

/**
 * Takes in what was seen of what a rule looks at by itself.
 *
 * captures  what to tell of it; text: in words
 */
void detectors_see(struct detectors *ds, size_t rule, enum sight sight,
    const struct captures *captures, struct text text, struct moment at);

/** Whether a rule waits for second halves. */
bool detectors_waits(const struct detectors *ds, size_t rule);

/** Empties what a rule remembers: of one key, or of all where key is NULL. What
 * is awaited is from now on. */
void detectors_reset(
    struct detectors *ds, size_t rule, const struct text *key, int64_t now_ms);

/** All is read back, in whatever order: to be called before what follows. */
void detectors_order(struct detectors *ds);
/** The time of the last hit that a rule remembers; INT64_MIN: there is none. */
int64_t detectors_last(const struct detectors *ds, size_t rule);

/** All is restored: what is awaited and was not before is from now on. */
void detectors_begin(struct detectors *ds, int64_t now_ms);
/** Whether all that was written was read; what is absent is judged only then.
 */
void detectors_caught_up(struct detectors *ds, bool caught_up);
/** When there is something to judge by time; INT64_MAX: not at all, INT64_MIN:
 * at once. */
int64_t detectors_due(const struct detectors *ds);
void detectors_tick(struct detectors *ds, struct moment at);

/** Tells the memory that changed since detectors_saved(), an empty state where
 * it is gone. */
typedef void detector_state_fn(
    const char *rule, struct text key, struct text state, void *ctx);
void detectors_changed(struct detectors *ds, detector_state_fn *fn, void *ctx);
/** Whether so much changed that it should be saved soon. */
bool detectors_crowded(const struct detectors *ds);
/** What was told is saved. */
void detectors_saved(struct detectors *ds);
/** Reads back what detectors_changed() told.  Returns false where no rule has
 * such memory: it can be forgotten. */
bool detectors_restore(struct detectors *ds, const char *rule, struct text key,
    struct text state, int64_t now_ms);

#endif
