/* SPDX-License-Identifier: MIT */
/**
 * How many hits, or how many different values, within a sliding time.  Pure.
 */
#ifndef LOGWATCH_DETECT_WINDOW_H
#define LOGWATCH_DETECT_WINDOW_H

#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

#define WINDOW_COUNT_MAX 10000

struct window;

/** Of which all windows of a rule are. */
struct window_spec {
	size_t count;      /* how many it takes, at most WINDOW_COUNT_MAX */
	int64_t within_ms; /* a hit counts while it is younger than that */
	bool distinct;     /* values are counted, not hits: each once, at its
	                      last time */
};

/** spec is lent.  Free with window_free(). */
struct window *window_new(const struct window_spec *spec);
void window_free(struct window *w); /* NULL does nothing */

/**
 * Takes in a hit.
 *
 * now_ms    when the last hit was that its rule has seen, or this one
 * at_ms     when it was; it may be earlier, as of a file that is read after
 *           another one.  It then counts with those that were there by then, as
 *           far back as the time reaches from the last hit; before that, with
 *           those of its kind that were read since the last that went back
 * value     for distinct ones only
 * first_ms  the time of the first of those that count
 *
 * Returns whether enough are within the time.
 */
bool window_add(struct window *w, int64_t now_ms, int64_t at_ms,
    struct text value, int64_t *first_ms);

/** Whether no hit in it can count any more. */
bool window_expired(const struct window *w, int64_t now_ms);

/** The time of its last hit; INT64_MIN: there is none. */
int64_t window_last(const struct window *w);

/** Its memory as text for window_read(); "" where it remembers nothing. */
void window_write(const struct window *w, struct str *out);
/** Takes in what window_write() wrote; what is no such text is left out. */
void window_read(struct window *w, struct text state);

#endif
