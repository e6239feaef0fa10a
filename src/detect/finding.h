/* SPDX-License-Identifier: MIT */
/**
 * What a detector has to say of a rule and a key: one more hit, or that its
 * condition holds.
 */
#ifndef LOGWATCH_DETECT_FINDING_H
#define LOGWATCH_DETECT_FINDING_H

#include "match/hit.h"

/** When something happened, on both clocks. */
struct moment {
	int64_t now_ms, wall_ms;
};

/** Lent until the callback returns. */
struct finding {
	size_t rule;
	bool fired; /* the condition holds; else it is a hit that by itself only
	               keeps an open incident open, or reopens a recent one */
	struct text key; /* see key_write() */
	const struct captures *captures;
	const struct event *event; /* the last hit's */
	struct text span;
	int64_t count;    /* hits that made it fire */
	int64_t first_ms; /* of the first of them */
	int64_t now_ms;   /* of the last */
};

typedef void finding_fn(const struct finding *finding, void *ctx);

#endif
