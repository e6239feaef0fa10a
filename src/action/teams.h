/* SPDX-License-Identifier: MIT */
/**
 * Microsoft Teams by a Workflows webhook: one Adaptive Card a change.
 */
#ifndef LOGWATCH_ACTION_TEAMS_H
#define LOGWATCH_ACTION_TEAMS_H

#include "action/receiver.h"
#include "conf/key.h"

extern const struct receiver teams_receiver;
extern const struct key teams_keys[];

#endif
