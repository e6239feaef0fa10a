/* SPDX-License-Identifier: MIT */
/**
 * Why an event is a hit of a rule, or why not: the first part that fails.
 */
#ifndef LOGWATCH_MATCH_EXPLAIN_H
#define LOGWATCH_MATCH_EXPLAIN_H

#include "match/rule.h"

enum answer {
	ANSWER_HIT,
	ANSWER_MISS,      /* no pattern matches */
	ANSWER_EXCEPTED,  /* one does, and so does one of `except` */
	ANSWER_WHERE,     /* one does, and `where` does not hold */
	ANSWER_FAILED,    /* a pattern gave up */
	ANSWER_NOT_ASKED, /* the rule reads no log, or is switched off */
};

struct explanation {
	enum answer answer;
	enum part part;           /* PART_MATCH, or PART_SECOND of a pair */
	struct captures captures; /* where a pattern matched */
	struct text span;         /* likewise; of ANSWER_EXCEPTED that of the
	                             exception */
	const struct where_one *where;
	/* ANSWER_MISS: of the patterns that do not match, the one that got
	 * farthest; ANSWER_EXCEPTED: the exception.  Lent by the rule. */
	const struct pattern *pattern;
	struct reach reach;
	bool reach_known; /* false: it was not to be found out */
};

/**
 * Explains one rule for one event.
 *
 * far  whether to find out how far a pattern got, which takes long
 */
void explain_rule(const struct rule *rule, struct text event, bool far,
    struct explanation *out);

const char *answer_name(enum answer a);

#endif
