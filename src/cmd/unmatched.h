/* SPDX-License-Identifier: MIT */
/**
 * Lines that look like trouble and that no rule claims: those of one shape are
 * counted together, so that a rule for each can be written.
 */
#ifndef LOGWATCH_CMD_UNMATCHED_H
#define LOGWATCH_CMD_UNMATCHED_H

#include "base/str.h"
#include "match/rule.h"

#include <stdbool.h>
#include <stdio.h>

/** A rule that matches what looks like trouble in any of so many sources.  Free
 * with rule_free(). */
void unmatched_rule(struct rule *rule, size_t sources);

struct unmatched;

/** Free with unmatched_free(). */
struct unmatched *unmatched_new(void);
void unmatched_free(struct unmatched *u); /* NULL does nothing */

/** Counts an event by the shape of its first line.  Past UNMATCHED_MAX shapes,
 * new ones are counted as others. */
#define UNMATCHED_MAX 10000
void unmatched_add(struct unmatched *u, const struct event *event);

/** One shape: how often, and its first event. */
struct unmatched_shape {
	uint64_t count;
	struct text shape;
	const char *path;
	int64_t line;
	struct text text; /* the first line of it, at most 4 KiB */
};

typedef void unmatched_fn(const struct unmatched_shape *s, void *ctx);

/**
 * Tells all shapes, the most frequent first.
 *
 * Returns how many events were of other shapes than these.
 */
uint64_t unmatched_each(struct unmatched *u, unmatched_fn *fn, void *ctx);

/** What events with other numbers, ids and names in quotes have in common. */
void unmatched_shape_of(struct text text, struct str *out);

/**
 * The same as a pattern, of the first most bytes of text and what of a word is
 * behind them: it matches what has that shape, wherever that stands.  Holds no
 * control and nothing else that a rule file cannot.
 *
 * Returns how many bytes of it are words: with few, it matches anything.
 */
size_t unmatched_pattern_of(struct text text, size_t most, struct str *out);

#endif
