/* SPDX-License-Identifier: MIT */
/*
 * Random numbers that a seed gives again: xorshift64*, Vigna 2016.
 */
#ifndef LOGWATCH_TESTS_UNIT_DICE_H
#define LOGWATCH_TESTS_UNIT_DICE_H

#include <stdint.h>

static uint64_t dice_state;

/** Any seed, also 0. */
static inline void
dice_seed(uint64_t seed)
{
	dice_state = seed * UINT64_C(0x9e3779b97f4a7c15) | 1;
}

/** A number from 0, below sides. */
static inline unsigned
dice(unsigned sides)
{
	dice_state ^= dice_state >> 12;
	dice_state ^= dice_state << 25;
	dice_state ^= dice_state >> 27;
	return (unsigned)((dice_state * UINT64_C(2685821657736338717)) >> 33) %
	       sides;
}

#endif
