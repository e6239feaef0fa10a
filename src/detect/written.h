/* SPDX-License-Identifier: MIT */
/**
 * Whether a rule's detector is as it was: what the rule file says of it, as a
 * number.  Pure.
 */
#ifndef LOGWATCH_DETECT_WRITTEN_H
#define LOGWATCH_DETECT_WRITTEN_H

#include <stdint.h>

struct node;

/**
 * rule  a rule's map without a fault
 *
 * Returns a number that is another where the detector is: what is looked at,
 * what is a hit, and when it fires.  What becomes of an incident, when the rule
 * is active, and how often it looks are no part of that, nor is the order in
 * which keys are written.
 */
uint64_t written_of(const struct node *rule);

#endif
