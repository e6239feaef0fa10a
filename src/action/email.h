/* SPDX-License-Identifier: MIT */
/**
 * Mail by SMTP: a change in plain text for a person, an incident as one thread.
 */
#ifndef LOGWATCH_ACTION_EMAIL_H
#define LOGWATCH_ACTION_EMAIL_H

#include "action/receiver.h"
#include "conf/key.h"

extern const struct receiver email_receiver;
extern const struct key email_keys[];

#endif
