/* SPDX-License-Identifier: MIT */
/**
 * When a rule counts at all: `active`, some hours of some days in a time zone.
 * Pure but for reading the zone.
 */
#ifndef LOGWATCH_DETECT_ACTIVE_H
#define LOGWATCH_DETECT_ACTIVE_H

#include "conf/key.h"

#include <stdbool.h>
#include <stdint.h>

struct active;
struct node;

/** Of `active`. */
extern const struct key active_keys[];

/**
 * Reads the value of `active`: {days, hours, zone}.
 *
 * owner  for the texts of faults
 *
 * Returns one to free with active_free(); NULL: always, or there were faults.
 */
struct active *active_read(const struct node *n, const char *owner);
void active_free(struct active *a); /* NULL does nothing */

/** Whether an instant is within; hours over midnight are of the day on which
 * they began.  a may be NULL: it is. */
bool active_is(const struct active *a, int64_t wall_ms);
/** The first instant that is within, not before one: the beginning of hours.
 * Those that clocks go back into once more, after they were over, are not
 * found. */
int64_t active_next(const struct active *a, int64_t wall_ms);

/**
 * When a deadline is judged: when it comes, or when it is active again.
 *
 * due_ms     the deadline; INT64_MAX: there is none
 * now_ms     of the same clock: not before it
 * offset_ms  from that clock to the wall's
 */
int64_t active_defer(
    const struct active *a, int64_t due_ms, int64_t now_ms, int64_t offset_ms);

#endif
