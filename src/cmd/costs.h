/* SPDX-License-Identifier: MIT */
/**
 * What the patterns of rules cost, and why.
 */
#ifndef LOGWATCH_CMD_COSTS_H
#define LOGWATCH_CMD_COSTS_H

#include <stdbool.h>

struct ruleset;

/** Prints a line for each pattern of each rule, or an object. */
void costs_print(const struct ruleset *rs, bool json);

#endif
