/* SPDX-License-Identifier: MIT */
/**
 * Any HTTP server: the incident record as JSON, or a body made of a template.
 */
#ifndef LOGWATCH_ACTION_WEBHOOK_H
#define LOGWATCH_ACTION_WEBHOOK_H

#include "action/receiver.h"
#include "conf/key.h"

extern const struct receiver webhook_receiver;
extern const struct key webhook_keys[];

#endif
