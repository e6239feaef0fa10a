/* SPDX-License-Identifier: MIT */
/**
 * A place in a log that a rule, or a proof of a remediation, asked for.
 */
#ifndef LOGWATCH_MATCH_HIT_H
#define LOGWATCH_MATCH_HIT_H

#include "event/event.h"
#include "match/pattern.h"

/** What of a rule matched, in the order in which an event is held to them:
 * what ends something comes before what begins something; and what lines are
 * held to before they are events. */
enum part {
	PART_VERIFY,  /* an action's `verify`; index is the action's */
	PART_RESOLVE, /* a rule's `resolve: {match}` */
	PART_SECOND,  /* a rule's `followed_by` or `not_followed_by` */
	PART_MATCH,   /* a rule's `match`, or its `absent` */
	PART_JOIN,    /* a source's `multiline`; index is the source's, and
	                 there are no hits of it */
	PART_COUNT,
};

/** Lent until the callback returns. */
struct hit {
	size_t index; /* of the rule, the action or the source */
	enum part part;
	const struct event *event;
	const struct captures *captures;
	struct text span; /* where in the event's text it matched */
};

typedef void hit_fn(const struct hit *hit, void *ctx);

#endif
