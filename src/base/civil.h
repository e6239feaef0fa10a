/* SPDX-License-Identifier: MIT */
/**
 * Dates of the Gregorian calendar, carried on into all years before and after.
 * Pure.
 */
#ifndef LOGWATCH_BASE_CIVIL_H
#define LOGWATCH_BASE_CIVIL_H

#include <stdbool.h>
#include <stdint.h>

#define DAY_MS INT64_C(86400000)

/** How often whole fits into value, rounded down for negative ones, too. */
int64_t floor_div(int64_t value, int64_t whole);

/**
 * Days from 1970-01-01 to a date.  Howard Hinnant's days_from_civil.
 *
 * month  1 to 12
 * day    counts on from the month's first: 0 is the day before it
 */
int64_t civil_days(int year, int month, int day);

/** The date of a number of days since 1970-01-01 whose year fits an int. */
void civil_from_days(int64_t days, int *year, int *month, int *day);

/** 28 to 31. */
int civil_month_days(int year, int month);

/** Whether the month has such a day, and the year such a month. */
bool civil_is_date(int year, int month, int day);

/** 0 is Sunday, 6 is Saturday. */
int civil_weekday(int64_t days);

#endif
