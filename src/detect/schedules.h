/* SPDX-License-Identifier: MIT */
/**
 * Tells when the times of rules have come: `schedule`.  It holds to the wall
 * clock, however that jumps: what logwatch was not there for is not caught up,
 * but for what a jump of less than three hours left out.
 */
#ifndef LOGWATCH_DETECT_SCHEDULES_H
#define LOGWATCH_DETECT_SCHEDULES_H

#include "detect/cron.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;
struct node;
struct schedules;
struct zone;

/** When. */
struct schedule_spec {
	struct cron cron;
	struct zone *zone; /* owned */
};

/** Reads `schedule` and `zone` of a rule's map; owner is for the texts of
 * faults. */
void schedule_spec_read(
    struct schedule_spec *s, const struct node *map, const char *owner);
void schedule_spec_free(struct schedule_spec *s); /* what is in it */

/** What is known of one.  Pure, as what works on it. */
struct schedule {
	const struct schedule_spec *spec; /* lent */
	int64_t next_ms;                  /* wall; INT64_MAX: never */
	int64_t seen_ms;                  /* the wall clock when it was asked */
};

/** One that begins now. */
struct schedule schedule_begin(
    const struct schedule_spec *spec, int64_t wall_ms);
enum schedule_sight {
	SCHEDULE_WAITS,
	SCHEDULE_COMES,  /* several times that have come at once are one */
	SCHEDULE_MISSED, /* the clock jumped past it */
};

/** Whether its time has come. */
enum schedule_sight schedule_look(struct schedule *s, int64_t wall_ms);

/** came: else it was missed. */
typedef void schedule_fn(size_t rule, bool came, void *ctx);

/**
 * specs  of each rule; NULL: it is of another kind; lent
 *
 * Returns one to free with schedules_free(); never NULL.
 */
struct schedules *schedules_new(struct loop *loop,
    const struct schedule_spec *const *specs, size_t count, schedule_fn *fn,
    void *ctx);
void schedules_free(struct schedules *ss); /* NULL does nothing */
/** Their times count from now on. */
void schedules_start(struct schedules *ss);

#endif
