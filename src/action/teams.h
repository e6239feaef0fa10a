/* SPDX-License-Identifier: MIT */
/**
 * Microsoft Teams by a Workflows webhook: one Adaptive Card a change.
 */
#ifndef LOGWATCH_ACTION_TEAMS_H
#define LOGWATCH_ACTION_TEAMS_H

#include "action/receiver.h"

extern const struct receiver teams_receiver;

#endif
