/* SPDX-License-Identifier: MIT */
/**
 * Incidents on one time axis, as a person reads them: each with a bar, then a
 * line a rule.
 */
#ifndef LOGWATCH_CMD_TIMELINE_H
#define LOGWATCH_CMD_TIMELINE_H

#include "incident/change.h"

#include <stdio.h>

struct ruleset;
struct timeline;

/** rs is lent.  Free with timeline_free(). */
struct timeline *timeline_new(const struct ruleset *rs);
void timeline_free(struct timeline *t); /* NULL does nothing */

/** An event was a hit of a rule of the file. */
void timeline_hit(struct timeline *t, size_t rule);
/** What an incident came to, at that time. */
void timeline_change(
    struct timeline *t, const struct change *change, int64_t wall_ms);

/** How it is to be printed. */
struct timeline_style {
	size_t width; /* columns, at least 60 */
	bool colour;
};

/** Prints all that happened from one time to another. */
void timeline_print(const struct timeline *t, int64_t from_ms, int64_t to_ms,
    const struct timeline_style *style, FILE *out);

#endif
