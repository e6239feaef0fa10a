/* SPDX-License-Identifier: MIT */
/**
 * Times and durations as text, and the identifiers made of them.  Pure but for
 * ulid_new's randomness; asks no clock.
 */
#ifndef LOGWATCH_BASE_WHEN_H
#define LOGWATCH_BASE_WHEN_H

#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

#define WHEN_SIZE 32 /* room for an RFC 3339 time */
#define ULID_SIZE 27 /* room for a ULID */

/** "2025-10-17T08:00:03.123Z": RFC 3339, UTC, milliseconds. */
const char *when_write(int64_t wall_ms, char out[static WHEN_SIZE]);

/** Reads what when_write wrote.  Returns false where it is no such time. */
bool when_read(const char *text, int64_t *wall_ms);

/** "1h30m", "10s", "250ms": the shortest exact form. */
const char *duration_write(int64_t ms, char out[static WHEN_SIZE]);

/**
 * Reads "500ms", "10s", "5m", "1h30m", "3d": one or more whole numbers with
 * units, in falling order of unit, at most 100 years in all.
 *
 * Returns NULL, or what is wrong, in words.
 */
const char *duration_read(struct text text, int64_t *ms);

/** A new ULID (github.com/ulid/spec): time, then 80 random bits. */
const char *ulid_new(int64_t wall_ms, char out[static ULID_SIZE]);

#endif
