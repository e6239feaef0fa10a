/* SPDX-License-Identifier: MIT */
/**
 * Firsts whose second half has to come in time: `not_followed_by`.  Pure.
 */
#ifndef LOGWATCH_DETECT_MISSING_H
#define LOGWATCH_DETECT_MISSING_H

#include "event/event.h"
#include "match/pattern.h"

#define MISSING_MAX 100000 /* firsts; the oldest makes room */

struct missing;

/** A first whose second half did not come; lent until the callback returns. */
struct missed {
	struct text key; /* of the rule, as the first has it */
	const struct captures *captures;
	const struct event *event;
};

/** What comes of it. */
struct missing_calls {
	void (*missed)(const struct missed *missed, void *ctx);
	/** Of a key that was missed no second half is missing any more. */
	void (*over)(struct text key, void *ctx);
	/** The memory of an id, see missing_write(), is another. */
	void (*changed)(struct text id, void *ctx);
	void *ctx;
};

/** within_ms: it is missed when it did not come for that long.  Returns one to
 * free with missing_free(); never NULL. */
struct missing *missing_new(int64_t within_ms);
void missing_free(struct missing *m); /* NULL does nothing */

/**
 * A first half: waits.  One that is there already (equal same and key) keeps
 * its deadline, or stays missed.
 *
 * same  key of the captures that both halves must share
 * key   key of the rule
 *
 * Returns whether another made room for it.
 */
bool missing_first(struct missing *m, struct text same, struct text key,
    const struct captures *captures, const struct event *event, int64_t now_ms,
    const struct missing_calls *calls);
/** A second half: settles every first with that same. */
void missing_second(
    struct missing *m, struct text same, const struct missing_calls *calls);
/** Forgets the firsts of a key that were missed, or where key is NULL those
 * that wait; over is not told. */
void missing_forget(struct missing *m, const struct text *key,
    const struct missing_calls *calls);

/** Whether a second half would settle anything. */
bool missing_waits(const struct missing *m);
/** When the last first came; INT64_MIN: there is none. */
int64_t missing_last(const struct missing *m);

int64_t missing_due(const struct missing *m); /* INT64_MAX: not at all */
/** Tells the firsts whose time is up. */
void missing_tick(
    struct missing *m, int64_t now_ms, const struct missing_calls *calls);

/** The memory of an id as text for missing_read(); "" where there is none. */
void missing_write(const struct missing *m, struct text id, struct str *out);
/** Takes in what missing_write() wrote.  A time after now_ms is now: the clock
 * was set back. */
void missing_read(
    struct missing *m, struct text id, struct text state, int64_t now_ms);
/** All is read, in whatever order. */
void missing_order(struct missing *m);

#endif
