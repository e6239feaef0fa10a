/* SPDX-License-Identifier: MIT */
/**
 * Slack by an incoming webhook, and what understands Slack's: Mattermost,
 * Rocket.Chat, Discord's /slack.
 */
#ifndef LOGWATCH_ACTION_SLACK_H
#define LOGWATCH_ACTION_SLACK_H

#include "action/receiver.h"
#include "conf/key.h"

extern const struct receiver slack_receiver;
extern const struct key slack_keys[];

#endif
