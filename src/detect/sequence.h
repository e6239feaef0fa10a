/* SPDX-License-Identifier: MIT */
/**
 * Firsts that wait for their second half: `followed_by`.  Pure.
 */
#ifndef LOGWATCH_DETECT_SEQUENCE_H
#define LOGWATCH_DETECT_SEQUENCE_H

#include "match/pattern.h"

struct sequence;

/** A first whose second half came; lent until the callback returns. */
struct first {
	const struct captures *captures;
	int64_t ms;
};

typedef void first_fn(const struct first *first, void *ctx);

/** within_ms: a second half counts while the first is younger than that.
 * Returns a sequence to free with sequence_free(); never NULL. */
struct sequence *sequence_new(int64_t within_ms);
void sequence_free(struct sequence *q); /* NULL does nothing */

/**
 * A first half: waits.  One that is there already (equal same and key) keeps
 * its deadline.
 *
 * same  key of the captures that both halves must share
 * key   key of the rule as far as the first half has it
 */
void sequence_first(struct sequence *q, struct text same, struct text key,
    const struct captures *captures, int64_t now_ms);

/** A second half: tells, and forgets, every first with that same. */
void sequence_second(struct sequence *q, struct text same, int64_t now_ms,
    first_fn *fn, void *ctx);

/** Whether any waits; those that are too old at now_ms are forgotten. */
bool sequence_waits(struct sequence *q, int64_t now_ms);
uint64_t sequence_evicted(const struct sequence *q);

/** Its memory as text for sequence_read(); "" where nothing waits. */
void sequence_write(const struct sequence *q, struct str *out);
void sequence_read(struct sequence *q, struct text state);

#endif
