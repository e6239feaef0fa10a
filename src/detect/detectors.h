/* SPDX-License-Identifier: MIT */
/**
 * The third step: hits and time -> findings.  One detector a rule; its memory
 * (windows, firsts that wait) can be saved and read back.  Pure: time is an
 * argument, in milliseconds that never go back.
 */
#ifndef LOGWATCH_DETECT_DETECTORS_H
#define LOGWATCH_DETECT_DETECTORS_H

#include "detect/finding.h"
#include "match/rule.h"

struct detectors;
struct node;

enum detector_kind { DETECT_MATCH, DETECT_PAIR };

/** A rule's detector as written. */
struct detector {
	enum detector_kind kind;
	int64_t within_ms; /* of the threshold, or of the second half */
	int64_t count;     /* of the threshold; 1: each hit fires */
	char *distinct;    /* capture whose values are counted; NULL: hits */
	char **same;       /* captures that both halves share; NULL: none */
	size_t same_count;
};

/** Reads `threshold` and `followed_by` of a rule's map. */
void detector_read(
    struct detector *d, const struct rule *rule, const struct node *map);
void detector_free(struct detector *d); /* what is in it */

/** rules and specs are lent, count of each. */
struct detectors *detectors_new(const struct rule *rules,
    const struct detector *specs, size_t count, finding_fn *fn, void *ctx);
void detectors_free(struct detectors *ds); /* NULL does nothing */

/** Takes in a hit of a rule's PART_MATCH or PART_SECOND. */
void detectors_hit(struct detectors *ds, const struct hit *hit, int64_t now_ms);

/** Whether a rule waits for second halves. */
bool detectors_waits(struct detectors *ds, size_t rule, int64_t now_ms);

/** Empties what a rule remembers: of one key, or of all where key is NULL. */
void detectors_reset(struct detectors *ds, size_t rule, const struct text *key);

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
bool detectors_restore(
    struct detectors *ds, const char *rule, struct text key, struct text state);

#endif
