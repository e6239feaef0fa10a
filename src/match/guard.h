/* SPDX-License-Identifier: MIT */
/**
 * Whether a pattern is worth asking: one that keeps hitting its match limit
 * costs a thousand times what others do, and would hold up all of them.
 */
#ifndef LOGWATCH_MATCH_GUARD_H
#define LOGWATCH_MATCH_GUARD_H

#include <stdbool.h>
#include <stdint.h>

/* Failures, with fewer than so many answers from one to the next, after which a
 * pattern is suspended. */
#define GUARD_FAILURES 10
#define GUARD_ANSWERS 1000
/* Events for which it is, first and at most: twice as many each time. */
#define GUARD_SPAN UINT64_C(1024)
#define GUARD_SPAN_MAX (UINT64_C(1) << 20)

/** All zero: a new one. */
struct guard {
	unsigned failures, answers;
	uint64_t left; /* events for which it is suspended yet */
	uint64_t span; /* how many they were */
};

/** Whether to ask about the next event.  False: it is neither a match nor
 * none. */
bool guard_asks(struct guard *g);
/**
 * What came of asking.
 *
 * Returns about how many events the pattern is not asked from now on; 0: it is.
 */
uint64_t guard_note(struct guard *g, bool failed);

#endif
