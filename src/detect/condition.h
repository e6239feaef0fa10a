/* SPDX-License-Identifier: MIT */
/**
 * Whether something that is looked at holds for long enough: `process`, `probe`
 * and `http` with their `for`.  Three-valued: what cannot be seen changes
 * nothing.  Pure.
 */
#ifndef LOGWATCH_DETECT_CONDITION_H
#define LOGWATCH_DETECT_CONDITION_H

#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

enum sight {
	SIGHT_UNKNOWN,
	SIGHT_GOOD,
	SIGHT_BAD,
};

/** All zero is one of which nothing is known. */
struct condition {
	bool bad;         /* when it was last seen */
	bool unsure;      /* since then it could not be seen */
	bool fired;       /* bad for long enough: told */
	bool clear;       /* it was told that it is good, and nothing since */
	int64_t since_ms; /* it is bad */
};

/** What came of it. */
enum turn_of {
	TURN_NONE,  /* nothing to tell */
	TURN_FIRED, /* it has been bad for long enough */
	TURN_OVER,  /* it is good, and may have been bad, perhaps for a rule
	               that was another then */
};

/** Takes in what was seen. */
enum turn_of condition_see(
    struct condition *c, enum sight sight, int64_t for_ms, int64_t now_ms);
/** When it fires if nothing else is seen; INT64_MAX: not at all. */
int64_t condition_due(const struct condition *c, int64_t for_ms);
/** Nothing else was seen. */
enum turn_of condition_tick(
    struct condition *c, int64_t for_ms, int64_t now_ms);
/** It is looked at anew: what is bad has to be so for as long again. */
void condition_reset(struct condition *c, int64_t now_ms);

/** Its memory as text for condition_read(); "" where there is nothing. */
void condition_write(const struct condition *c, struct str *out);
/** Nothing fires before it was seen again.  A time after now_ms is now: the
 * clock was set back. */
void condition_read(struct condition *c, struct text state, int64_t now_ms);

#endif
