/* SPDX-License-Identifier: MIT */
/**
 * Which lines of a block are to be held to which groups of patterns: those of a
 * source, looked for together.
 */
#ifndef LOGWATCH_MATCH_SIEVE_H
#define LOGWATCH_MATCH_SIEVE_H

#include "match/pattern.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sieve; /* threads may share it, and find while one learns */

/**
 * Makes a sieve; takes about a millisecond for each pattern.
 *
 * groups  lent, and must outlive it
 * sample  some of the log: what is rare in it is looked for; may be empty
 *
 * Returns an object to free with sieve_free(), or NULL with the reason: every
 * line is to be held to every group then.
 */
struct sieve *sieve_new(const struct patterns *const *groups, size_t count,
    struct text sample, struct err *err);
void sieve_free(struct sieve *s); /* NULL does nothing */
/** Looks for what is rare in another sample from now on.  Returns whether that
 * is something else; takes as long as making one, then. */
bool sieve_learn(struct sieve *s, struct text sample);

/** The lines of one block in which a match of the groups could be, or end, but
 * the open ones: one of their patterns cannot be looked for, so that they are
 * to be asked about every line. */
struct candidates;

/** A line in which a match of a group could be, or end: its newline counts. */
struct candidate {
	uint32_t start; /* of the line in the clean text, in bytes */
	uint32_t group;
};

/** Free with candidates_free(), before the sieve. */
struct candidates *candidates_new(struct sieve *s);
void candidates_free(struct candidates *cs); /* NULL does nothing */

/**
 * Looks through the lines of a block, cleaned.
 *
 * raw    less than 1 GiB, lent until the next call
 * first  it begins its file: a byte order mark there is no text
 * strip  escape sequences off
 *
 * Returns 0, or -1: all lines are to be held to all groups.
 */
int candidates_find(
    struct candidates *cs, struct text raw, bool first, bool strip);

/* What the last call found, lent until the next. */

/** The lines as patterns see them: each is what event_clean() makes of it. */
struct text candidates_text(const struct candidates *cs);
/** Whether a group is open. */
bool candidates_is_open(const struct candidates *cs, size_t group);
/** Whether any is. */
bool candidates_any_open(const struct candidates *cs);
/** By place and then by group, each once. */
const struct candidate *candidates_list(
    const struct candidates *cs, size_t *count);
/** Where in raw a line starts that starts at `at` in the clean text; quickest
 * in ascending order. */
size_t candidates_raw(struct candidates *cs, size_t at);

#endif
