/* SPDX-License-Identifier: MIT */
/**
 * Asks a program whether a remediation worked, again and again until it says
 * so: `verify: {probe}`.
 */
#ifndef LOGWATCH_ACTION_PROVER_H
#define LOGWATCH_ACTION_PROVER_H

#include "action/action.h"

struct loop;
struct prover;

/** It ended with status 0; never told from within prover_new(). */
typedef void prover_fn(void *ctx);

/**
 * Runs the program of an action's proof, and a second after its end again: it
 * gets the surroundings and no input, and ten seconds.
 *
 * action, incident  lent
 *
 * Returns one to free with prover_free(); never NULL.
 */
struct prover *prover_new(struct loop *l, const struct action *action,
    const struct incident *incident, int64_t wall_ms, prover_fn *fn, void *ctx);
/** Ends what runs.  NULL does nothing. */
void prover_free(struct prover *p);

/** What became of the last run, such as "exit status 1"; "" where none is over
 * yet.  Lent. */
const char *prover_last(const struct prover *p);

#endif
