/* SPDX-License-Identifier: MIT */
/**
 * What happened to an incident that the world may want to be told.
 */
#ifndef LOGWATCH_INCIDENT_CHANGE_H
#define LOGWATCH_INCIDENT_CHANGE_H

#include "incident/incident.h"

enum change_kind {
	CHANGE_OPENED,
	CHANGE_UPDATED,
	CHANGE_REMINDED,
	CHANGE_REMEDIATED,
	CHANGE_ESCALATED,
	CHANGE_RESOLVED,
	CHANGE_TEST,
	CHANGE_COUNT,
};

struct change {
	enum change_kind kind;
	struct incident *incident; /* lent; the incidents own it */
	bool reopened;             /* opened again within its cooldown */
	bool folded;   /* its cause is open, and told as updated instead */
	bool surfaced; /* updated: its cause, or a silence, is over, it is not;
	                  whoever was told of the cause alone, or of nothing,
	                  is to be told that it opened */
};

const char *change_name(enum change_kind kind);

typedef void change_fn(const struct change *change, void *ctx);

#endif
