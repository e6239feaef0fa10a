/* SPDX-License-Identifier: MIT */
/**
 * An explanation for people and for programs.
 */
#ifndef LOGWATCH_CMD_EXPLANATION_H
#define LOGWATCH_CMD_EXPLANATION_H

#include "match/explain.h"

#include <jansson.h>
#include <stdio.h>

struct ruleset;

/** Why a rule reads no log, in words; NULL: it does. */
const char *not_asked_why(const struct ruleset *rs, size_t rule);

/** Prints the verdict on a rule and the first part that fails, with marks under
 * the pattern and the event. */
void explanation_print(const struct ruleset *rs, size_t rule, struct text event,
    const struct explanation *x, bool colour, FILE *out);

/** The same as an object, which the caller decrefs. */
json_t *explanation_json(const struct ruleset *rs, size_t rule,
    struct text event, const struct explanation *x);

#endif
