/* SPDX-License-Identifier: MIT */
/**
 * A run of lines as patterns see them, made in one pass and not line by line;
 * and where in the run each of them was.
 */
#ifndef LOGWATCH_EVENT_CLEAN_H
#define LOGWATCH_EVENT_CLEAN_H

#include "base/str.h"

#include <stdbool.h>

struct cleaner;

/** Holds one run at a time.  Free with cleaner_free(). */
struct cleaner *cleaner_new(void);
void cleaner_free(struct cleaner *cl); /* NULL does nothing */

/**
 * Makes each line what event_clean() would make of it.
 *
 * raw    lent until the next call
 * first  it begins its file: a byte order mark there is no text
 * strip  escape sequences off
 *
 * Returns text with as many newlines as raw has: a part of raw itself where
 * nothing else was to do.  Lent until the next call.
 */
struct text cleaner_run(
    struct cleaner *cl, struct text raw, bool first, bool strip);

/** Where in raw a line starts that starts at `at` in what cleaner_run()
 * returned last; quickest in ascending order. */
size_t cleaner_raw(struct cleaner *cl, size_t at);

#endif
