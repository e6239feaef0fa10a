/* SPDX-License-Identifier: MIT */
/**
 * Time zones of the IANA database, several at once, which tzset(3) cannot.
 * Pure but for zone_open(), which reads a file.
 */
#ifndef LOGWATCH_BASE_ZONE_H
#define LOGWATCH_BASE_ZONE_H

#include "base/str.h"

#include <stdint.h>

struct err;
struct zone;

/**
 * Opens a zone by its name in $TZDIR, or else in /usr/share/zoneinfo.
 *
 * name  as "Asia/Taipei"; "UTC" needs no file; a leading '/' and '..' are
 *       refused.  NULL or "": what $TZ says (a name, a file, or a rule as in
 *       POSIX), else /etc/localtime, else UTC
 *
 * Returns a zone to free with zone_free(), or NULL.
 */
struct zone *zone_open(const char *name, struct err *err);

/**
 * Reads a zone from the bytes of a TZif file (RFC 8536, versions 1 to 4);
 * one that counts leap seconds ("right/...") is refused.
 *
 * Returns a zone to free with zone_free(), or NULL.
 */
struct zone *zone_read(struct text tzif, struct err *err);

void zone_free(struct zone *z); /* NULL does nothing */

/** Seconds east of UTC at an instant; less than 27 hours. */
int32_t zone_offset_s(const struct zone *z, int64_t wall_ms);

/**
 * The instant of a civil time.  Where clocks went forward past it, it is as if
 * they had not yet; where they went back and it comes twice, it is the first.
 *
 * civil_ms  milliseconds since 1970-01-01T00:00 of the zone's calendar
 */
int64_t zone_instant_ms(const struct zone *z, int64_t civil_ms);

/** All instants of a civil time, to the minute. */
struct zone_instants {
	int64_t first_ms;     /* INT64_MAX: clocks leave it out */
	int64_t second_ms;    /* INT64_MAX: it comes once at most */
	int64_t after_gap_ms; /* where it is left out: when clocks went forward
	                         past it; else INT64_MAX */
};

/** As zone_instant_ms(), with what that leaves open. */
struct zone_instants zone_instants(const struct zone *z, int64_t civil_ms);

#endif
