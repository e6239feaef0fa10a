/* SPDX-License-Identifier: MIT */
/**
 * PagerDuty: an alert by the Events API v2, triggered, acknowledged, resolved.
 */
#ifndef LOGWATCH_ACTION_PAGERDUTY_H
#define LOGWATCH_ACTION_PAGERDUTY_H

#include "action/receiver.h"
#include "conf/key.h"

extern const struct receiver pagerduty_receiver;
extern const struct key pagerduty_keys[];

#endif
