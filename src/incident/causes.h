/* SPDX-License-Identifier: MIT */
/**
 * Which rules of a file are the causes of which: names into indexes.
 */
#ifndef LOGWATCH_INCIDENT_CAUSES_H
#define LOGWATCH_INCIDENT_CAUSES_H

#include "incident/policy.h"

/**
 * Links each policy to the rules that its `caused_by` names.  That there is no
 * such rule, that a rule names itself, or that rules name each other in a
 * circle is a fault.
 *
 * rules, policies  count of each
 * maps             the rules as written, by index: the first map_count of them
 */
void causes_link(const struct rule *rules, struct policy *policies,
    size_t count, const struct node *const *maps, size_t map_count);

#endif
