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

struct simulation_callbacks {
	/** What an incident has come to. */
	change_fn *change;
	/** An event was a hit of a rule; NULL: nobody wants to know. */
	hit_fn *hit;
	/** About when a file was written, see stamper_read(). */
	int64_t (*reference_ms)(uint64_t file, void *ctx);
	void *ctx;
};

/** rs is lent.  Returns a simulation to free with simulation_free(), whose
 * clock stands still until simulation_begin(); never NULL. */
struct simulation *simulation_new(
    const struct ruleset *rs, const struct simulation_callbacks *callbacks);
void simulation_free(struct simulation *s); /* NULL does nothing */

/**
 * The first stamp in the lines of a block.
 *
 * Returns whether there is one.
 */
bool simulation_first_stamp(
    struct simulation *s, const struct block *block, int64_t *wall_ms);

/** Sets the clock, in milliseconds since 1970: what is awaited is from now on.
 */
void simulation_begin(struct simulation *s, int64_t start_ms);
int64_t simulation_now(const struct simulation *s);
/** Turns the clock on, judging what is due on the way; never back. */
void simulation_until(struct simulation *s, int64_t at_ms);

/** Takes in a block of lines, whose stamps turn the clock, those of hits and
 * those of the lines before them and at the end. */
void simulation_block(struct simulation *s, const struct block *block);
/** What waits for lines that may belong to it is an event. */
void simulation_flush(struct simulation *s);

/** Whether a pattern gave up on an event, so that what came of it is not known;
 * it was logged. */
bool simulation_failed(const struct simulation *s);

/** Each open incident. */
void simulation_open(struct simulation *s, incident_fn *fn, void *ctx);

#endif
