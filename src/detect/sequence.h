/* SPDX-License-Identifier: MIT */
/**
 * Firsts that wait for their second half: `followed_by`.  Pure.
 */
#ifndef LOGWATCH_DETECT_SEQUENCE_H
#define LOGWATCH_DETECT_SEQUENCE_H

#include "match/pattern.h"

#define SEQUENCE_MAX 100000 /* firsts; the oldest makes room */

struct sequence;

/** What comes of a first. */
struct sequence_calls {
	/** Its second half came; captures are lent until it returns. */
	void (*complete)(
	    const struct captures *first, int64_t first_ms, void *ctx);
	/** The memory of an id, see sequence_write(), is another. */
	void (*changed)(struct text id, void *ctx);
	void *ctx;
};

/** within_ms: a second half counts while the first is younger than that.
 * Returns a sequence to free with sequence_free(); never NULL. */
struct sequence *sequence_new(int64_t within_ms);
void sequence_free(struct sequence *q); /* NULL does nothing */

/**
 * A first half: waits.  One that is there already (equal same and key) keeps
 * its deadline.
 *
 * same  key of the captures that both halves must share
 * key   key of the rule as far as the first half has it
 *
 * Returns whether another made room for it.
 */
bool sequence_first(struct sequence *q, struct text same, struct text key,
    const struct captures *captures, int64_t now_ms,
    const struct sequence_calls *calls);

/** A second half: completes, and forgets, every first with that same, in their
 * order. */
void sequence_second(struct sequence *q, struct text same, int64_t now_ms,
    const struct sequence_calls *calls);

/** Whether any waits, as of the last half that came. */
bool sequence_waits(const struct sequence *q);

/** When the last of those came; INT64_MIN: none waits. */
int64_t sequence_last(const struct sequence *q);

/** Forgets all. */
void sequence_forget(struct sequence *q, const struct sequence_calls *calls);

/** The memory of an id as text for sequence_read(); "" where there is none. */
void sequence_write(const struct sequence *q, struct text id, struct str *out);
/** Takes in what sequence_write() wrote.  False: it is no such memory, or there
 * is no room. */
bool sequence_read(struct sequence *q, struct text id, struct text state);
/** All is read, in whatever order. */
void sequence_order(struct sequence *q);

#endif
