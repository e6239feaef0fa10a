/* SPDX-License-Identifier: MIT */
/**
 * Prometheus Alertmanager: an incident is an alert, which its API v2 is told
 * again and again while that is open.
 */
#ifndef LOGWATCH_ACTION_ALERTMANAGER_H
#define LOGWATCH_ACTION_ALERTMANAGER_H

#include "action/receiver.h"
#include "conf/key.h"

extern const struct receiver alertmanager_receiver;
extern const struct key alertmanager_keys[];

#endif
