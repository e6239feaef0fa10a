/* SPDX-License-Identifier: MIT */
/**
 * The time that an event carries, as its writer stamped it.  Pure: asks no
 * clock; a time that is left out or cannot be so is judged by a reference.
 */
#ifndef LOGWATCH_EVENT_STAMP_H
#define LOGWATCH_EVENT_STAMP_H

#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

struct zone;

enum stamp_kind {
	STAMP_AUTO,   /* one of the forms that are known */
	STAMP_NONE,   /* events have the time at which they are read */
	STAMP_FORMAT, /* as strptime(3) reads it */
};

/** Which comes first in 10/11/2025. */
enum stamp_order { ORDER_UNKNOWN, ORDER_DAY, ORDER_MONTH };

struct stamp_spec {
	enum stamp_kind kind;
	char *format;            /* of STAMP_FORMAT */
	const struct zone *zone; /* of a time without one; lent */
	enum stamp_order order;
};

/** What a locale, such as "en_GB.UTF-8", says; NULL or "C": nothing. */
enum stamp_order stamp_order_of(const char *locale);

/** What is wrong with a format, at which byte of it; NULL: nothing. */
const char *stamp_format_fault(const char *format, size_t *offset);

struct stamper;

/** Free with stamper_free(); spec is lent. */
struct stamper *stamper_new(const struct stamp_spec *spec);
void stamper_free(struct stamper *st); /* NULL does nothing */

/**
 * Reads the stamp of an event.  STAMP_AUTO knows, where the event begins with
 * it: ISO 8601 and RFC 3339, RFC 3164 and 5424, PostgreSQL, Apache and nginx
 * (theirs within the first 256 bytes), Nest in its locales, seconds and
 * milliseconds since 1970; and of a JSON object the fields time, timestamp, ts
 * and @timestamp.  Day and month that could be either are no stamp until a
 * number above 12, or the order of the spec, tells them apart.
 *
 * text          the event; of STAMP_FORMAT what is to be read, and no more
 * reference_ms  when it was read, about: a year that is left out is the one
 *               nearest before it
 * wall_ms       set where there is one that can be trusted: from 2000 to a day
 *               after the reference
 */
bool stamper_read(struct stamper *st, struct text text, int64_t reference_ms,
    int64_t *wall_ms);

#endif
