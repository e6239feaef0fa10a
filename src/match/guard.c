/* SPDX-License-Identifier: MIT */
/*
 * Counts events, not time, so that the same log gives the same answers.
 */
#include "match/guard.h"

bool
guard_asks(struct guard *g)
{
	if (g->left == 0)
		return true;
	g->left--;
	return false;
}

uint64_t
guard_note(struct guard *g, bool failed)
{
	if (!failed) {
		if (g->failures > 0 && ++g->answers == GUARD_ANSWERS)
			*g = (struct guard){ 0 };
		return 0;
	}
	g->answers = 0;
	if (++g->failures < GUARD_FAILURES)
		return 0;
	/* One more failure after that is enough. */
	g->failures = GUARD_FAILURES - 1;
	g->span = g->span == 0 ? GUARD_SPAN : 2 * g->span;
	if (g->span > GUARD_SPAN_MAX)
		g->span = GUARD_SPAN_MAX;
	g->left = g->span;
	return g->span;
}
