/* SPDX-License-Identifier: MIT */
/**
 * Which patterns could match where in a text of many lines: all of them looked
 * for in one pass, by Hyperscan or Vectorscan.  It never leaves out what PCRE2
 * would find; whether there is a match, PCRE2 decides.
 */
#ifndef LOGWATCH_MATCH_PREFILTER_H
#define LOGWATCH_MATCH_PREFILTER_H

#include "base/err.h"
#include "base/str.h"
#include "match/literal.h"

#include <stdbool.h>
#include <stddef.h>

struct prefilter;         /* use does not change it: threads may share it */
struct prefilter_scratch; /* what a thread needs to use one */

/** How a pattern is looked for. */
enum prefilter_cover {
	PREFILTER_EXACT, /* as it is written */
	PREFILTER_LOOSE, /* a wider one in its place */
	PREFILTER_TEXT,  /* a text that each match holds */
	PREFILTER_NONE,  /* not at all: it is to be held to every line */
};

/** What is to be looked for. */
struct prefilter_want {
	struct text pattern; /* as pattern_compile() takes it: UTF-8, MULTILINE,
	                        newline is LF */
	const struct literals *instead; /* each match holds one; NULL: not
	                                   known */
	bool last; /* those only where the pattern cannot be looked for */
};

/** Whether this program was built to look for patterns at all. */
bool prefilter_is_built(void);

/**
 * Compiles a database.  Takes about a millisecond for each pattern, a tenth of
 * that for a text.
 *
 * Returns an object to free with prefilter_free(), or NULL with the reason:
 * no library is there, or it does not know this processor.
 */
struct prefilter *prefilter_new(
    const struct prefilter_want *wants, size_t count, struct err *err);
void prefilter_free(struct prefilter *p); /* NULL does nothing */

enum prefilter_cover prefilter_covers(const struct prefilter *p, size_t i);
/** Why not exactly, in words that follow 'for'; NULL: it is.  Lent. */
const char *prefilter_why(const struct prefilter *p, size_t i);

/** Free with prefilter_scratch_free(), before the prefilter. */
struct prefilter_scratch *prefilter_scratch_new(const struct prefilter *p);
void prefilter_scratch_free(
    struct prefilter_scratch *s); /* NULL does nothing */

/** A pattern could match from some place on up to `end`, or around a text that
 * ends there; in no order, and as often as it likes. */
typedef void prefilter_fn(size_t pattern, size_t end, void *ctx);

/**
 * Looks through a text.  A line is what stands between newlines.
 *
 * text  well-formed UTF-8, less than 4 GiB
 *
 * Returns 0, or -1 where the text could not be looked through: hold all of it
 * to all patterns.
 */
int prefilter_scan(
    struct prefilter_scratch *s, struct text text, prefilter_fn *fn, void *ctx);

#endif
