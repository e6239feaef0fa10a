/* SPDX-License-Identifier: MIT */
/**
 * How the events of a source tell their time, as its `timestamp` is written.
 */
#ifndef LOGWATCH_MATCH_STAMPING_H
#define LOGWATCH_MATCH_STAMPING_H

#include "conf/key.h"
#include "event/stamp.h"
#include "match/pattern.h"

struct node;

/** The words and the keys of `timestamp`. */
extern const char *const stamping_words[];
extern const struct key stamping_keys[];

struct stamping {
	struct stamp_spec spec;
	struct patterns match; /* of STAMP_FORMAT: where the stamp stands */
	struct zone *zone;     /* the spec's */
};

/** Reads `timestamp`; n is NULL where there is none.  Faults go to the diag;
 * owner is for their texts. */
void stamping_read(struct stamping *s, const struct node *n, const char *owner);
void stamping_free(struct stamping *s); /* what is in it */

/**
 * Reads the stamp of an event, by a stamper of s->spec: see stamper_read().
 *
 * object  the JSON object of which event is a field: there it is looked for,
 *         too; data NULL: it is none
 */
bool stamping_stamp(const struct stamping *s, struct stamper *st,
    struct text event, struct text object, int64_t reference_ms,
    int64_t *wall_ms);

#endif
