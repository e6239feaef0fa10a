/* SPDX-License-Identifier: MIT */
/**
 * Why an event is a hit of a rule, or why not: the first part that fails.
 */
#ifndef LOGWATCH_MATCH_EXPLAIN_H
#define LOGWATCH_MATCH_EXPLAIN_H

#include "match/fields.h"
#include "match/rule.h"
#include "match/seen.h"

struct event_source;

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
	struct captures captures; /* where a pattern matched; views of the
	                             event and of its fields */
	struct text span;         /* likewise; of ANSWER_EXCEPTED that of the
	                             exception */
	const struct where_one *where;
	/* ANSWER_MISS: of the patterns that do not match, the one that got
	 * farthest; ANSWER_EXCEPTED: the exception.  Lent by the rule. */
	const struct pattern *pattern;
	struct reach reach;
	bool reach_known; /* false: it was not to be found out */
};

/** An event, as one source has it. */
struct explained {
	const struct event_source *source;
	struct seen seen;
	struct fields fields; /* as the last rule wanted them */
};

/** Takes a line as the event of that source. */
void explained_see(
    struct explained *e, const struct event_source *source, struct text line);
void explained_free(struct explained *e); /* what is in it */

/**
 * Explains one rule for one event.  What it tells is lent until the next call
 * for that event.
 *
 * far  whether to find out how far a pattern got, which takes long
 */
void explain_rule(const struct rule *rule, struct explained *event, bool far,
    struct explanation *out);

const char *answer_name(enum answer a);

#endif
