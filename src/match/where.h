/* SPDX-License-Identifier: MIT */
/**
 * What captures have to be for an event to be a hit: a rule's `where`.
 */
#ifndef LOGWATCH_MATCH_WHERE_H
#define LOGWATCH_MATCH_WHERE_H

#include "match/pattern.h"

struct node;

enum where_op {
	WHERE_IS, /* that text */
	WHERE_IS_NOT,
	WHERE_EQUAL, /* that number; what is no number is none of these */
	WHERE_UNEQUAL,
	WHERE_LESS,
	WHERE_AT_MOST,
	WHERE_ABOVE,
	WHERE_AT_LEAST,
};

/** All of them have to hold. */
struct where {
	struct where_one {
		char *name; /* of a capture */
		bool field; /* of a JSON object: no pattern captures it */
		enum where_op op;
		char *text;
		double number;
	} * v;
	size_t count;
};

/** Reads a map of names; faults go to the diag.  Whether the names are
 * captures is for the caller to say. */
void where_read(struct where *w, const struct node *n, const char *owner);
void where_free(struct where *w); /* what is in it */

/** The first that does not hold, of what where_holds() asks; NULL: all hold. */
const struct where_one *where_fails(const struct where *w,
    const struct patterns *defined, const struct captures *captures);
/** Adds what has to be, such as ">= 500", to out. */
void where_write(const struct where_one *one, struct str *out);

/** Whether the captures of an event are as they have to be.  defined: the
 * patterns that it was held to; what none of them captures is not asked, but a
 * field is. */
bool where_holds(const struct where *w, const struct patterns *defined,
    const struct captures *captures);

#endif
