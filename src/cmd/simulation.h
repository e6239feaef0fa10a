/* SPDX-License-Identifier: MIT */
/**
 * The steps that think under a clock that its owner turns, and that the time
 * stamps of events turn: what `test` and `replay` share.  Nothing is run,
 * posted, saved or waited for.
 */
#ifndef LOGWATCH_CMD_SIMULATION_H
#define LOGWATCH_CMD_SIMULATION_H

#include "incident/judge.h"

struct ruleset;
struct simulation;

/**
 * rs         lent
 * start_ms   its clock, wall, in milliseconds
 * change     told of what incidents come to; an incident is lent, and gone when
 *            it is resolved and its cooldown over
 *
 * Returns a simulation to free with simulation_free(); never NULL.
 */
struct simulation *simulation_new(
    const struct ruleset *rs, int64_t start_ms, change_fn *change, void *ctx);
void simulation_free(struct simulation *s); /* NULL does nothing */

int64_t simulation_now(const struct simulation *s);

/** Turns the clock on, judging what is due on the way; never back. */
void simulation_until(struct simulation *s, int64_t at_ms);

/** Takes in a block of lines; reference_ms: a time that is not before any
 * stamp in it, for those that leave things out. */
void simulation_block(struct simulation *s, const struct block *block);
/** What waits for lines that may belong to it is an event. */
void simulation_flush(struct simulation *s);
/** Events on which a pattern gave up. */
uint64_t simulation_failures(const struct simulation *s);

/** Each open incident. */
void simulation_open(struct simulation *s, incident_fn *fn, void *ctx);

#endif
