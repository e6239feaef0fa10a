/* SPDX-License-Identifier: MIT */
/**
 * What every match of a pattern holds, word for word: much quicker to look for
 * than the pattern.
 */
#ifndef LOGWATCH_MATCH_LITERAL_H
#define LOGWATCH_MATCH_LITERAL_H

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

#define LITERAL_BYTES 32            /* of one; what is longer is cut */
#define LITERAL_LEAST 3             /* bytes; less stands in every other line */
#define LITERAL_CUT 8               /* bytes that are left at least of one */
#define LITERALS_MAX 8              /* alternatives */
#define LITERAL_CHOICES 4           /* for one pattern */
#define LITERAL_SAMPLE (256 * 1024) /* bytes */

/** Well-formed UTF-8 without a newline. */
struct literal {
	char bytes[LITERAL_BYTES];
	size_t len;
	bool caseless; /* all of it is ASCII then */
};

/** A match holds at least one of these. */
struct literals {
	struct literal v[LITERALS_MAX];
	size_t count;
};

/** A match holds each of these; those that are likely rarest come first. */
struct literal_choices {
	struct literals v[LITERAL_CHOICES];
	size_t count;
};

/**
 * Finds out what every match holds.  An event with a match holds it, too, and
 * each within one line.
 *
 * pattern  as pattern_compile() takes it; what is not understood gives nothing
 */
void literals_find(struct text pattern, struct literal_choices *out);

/**
 * What is best looked for.
 *
 * sample  of the log, as large as LITERAL_SAMPLE or less; may be empty
 *
 * Returns those that stand least often in it, lent; NULL: all do so often that
 * the pattern itself is better looked for.
 */
const struct literals *literals_choose(
    const struct literal_choices *cs, struct text sample);

/**
 * Cuts long ones where the bytes before the end stand least often in a sample:
 * who looks for many looks for their last bytes first.
 *
 * all  count of them, which may be empty
 */
void literals_cut(struct literals *all, size_t count, struct text sample);

#endif
