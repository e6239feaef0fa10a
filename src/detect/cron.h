/* SPDX-License-Identifier: MIT */
/**
 * When a line of a crontab runs: the five fields as Vixie cron has them, and
 * summer time as Debian's cron does it.  Pure.
 */
#ifndef LOGWATCH_DETECT_CRON_H
#define LOGWATCH_DETECT_CRON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct zone;

/** What may be: a bit a value. */
struct cron {
	uint64_t minutes, hours, days, months, weekdays; /* 0 is Sunday */
	bool either; /* both days are restricted: one of them is enough */
	bool fixed;  /* neither minute nor hour begins with '*' */
};

/**
 * Reads "MINUTE HOUR DAY MONTH WEEKDAY", each '*', numbers (months and weekdays
 * also by their English names), ranges, lists, with steps; or @hourly, @daily,
 * @midnight, @weekly, @monthly, @yearly, @annually.  A time that never comes is
 * a fault.
 *
 * place  where in the text the fault is, in bytes
 *
 * Returns 0, or -1 with the reason.
 */
int cron_read(struct cron *c, const char *text, size_t *place, struct err *err);

/**
 * The first instant after another one; INT64_MAX: none.
 *
 * Times that clocks leave out as they go forward come once, right after.  Times
 * that come twice as clocks go back come the first time only.  Both is for
 * fixed times: where minute or hour begins with '*', it is as clocks show.
 */
int64_t cron_next(
    const struct cron *c, const struct zone *z, int64_t after_wall_ms);

#endif
