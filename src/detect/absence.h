/* SPDX-License-Identifier: MIT */
/**
 * What has not come for too long: `absent`, with a timer for each key.  Pure.
 */
#ifndef LOGWATCH_DETECT_ABSENCE_H
#define LOGWATCH_DETECT_ABSENCE_H

#include "event/event.h"
#include "match/pattern.h"

#define ABSENCE_KEYS_MAX 100000 /* the longest unseen makes room */

struct absence;

/** A key that did not come; lent until the callback returns. */
struct absent {
	struct text key;
	const struct captures *captures; /* of the last match; none: there was
	                                    none */
	const struct event *event;       /* that match: path, place, text */
	int64_t last_ms;                 /* of it, or when the timer began */
};

typedef void absent_fn(const struct absent *absent, void *ctx);
typedef void absence_key_fn(struct text key, void *ctx);

/**
 * for_ms     it is absent when it did not come for that long
 * forget_ms  a key is forgotten then, at least for_ms; INT64_MAX: never
 *
 * Returns one to free with absence_free(); never NULL.
 */
struct absence *absence_new(int64_t for_ms, int64_t forget_ms);
void absence_free(struct absence *a); /* NULL does nothing */

/** Starts the timer of a key, unless it has one.  Returns whether it had none.
 */
bool absence_begin(struct absence *a, struct text key, int64_t now_ms);
/**
 * It came.
 *
 * evicted  called with the key that made room for a new one
 */
void absence_seen(struct absence *a, struct text key,
    const struct captures *captures, const struct event *event, int64_t now_ms,
    absence_key_fn *evicted, void *ctx);
/** Starts the timer of a key anew, or of all where key is NULL; tells each. */
void absence_restart(struct absence *a, const struct text *key, int64_t now_ms,
    absence_key_fn *restarted, void *ctx);

/** The time of the last match; INT64_MIN: there was none. */
int64_t absence_last(const struct absence *a);

/** When a key is absent, or to be forgotten, next; INT64_MAX: not at all. */
int64_t absence_due(const struct absence *a);
/** Tells those that have become absent, and those that are forgotten. */
void absence_tick(struct absence *a, int64_t now_ms, absent_fn *absent,
    absence_key_fn *forgotten, void *ctx);

/** The memory of a key as text for absence_read(); "" where it has no timer. */
void absence_write(const struct absence *a, struct text key, struct str *out);
/** Takes in what absence_write() wrote.  A time after now_ms is now: the clock
 * was set back. */
void absence_read(
    struct absence *a, struct text key, struct text state, int64_t now_ms);
/** All is read, in whatever order. */
void absence_order(struct absence *a);

#endif
