/* SPDX-License-Identifier: MIT */
/*
 * A year begins in March here, so that a leap day is its last; 400 years have
 * 146097 days.  719468 days lie between 0000-03-01 and 1970-01-01.
 * See https://howardhinnant.github.io/date_algorithms.html
 */
#include "base/civil.h"

int64_t
floor_div(int64_t value, int64_t whole)
{
	return value / whole - (value % whole < 0);
}

int64_t
civil_days(int year, int month, int day)
{
	int64_t y = (int64_t)year - (month <= 2);
	int64_t era = floor_div(y, 400);
	int64_t year_of_era = y - era * 400;
	int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5;
	int64_t day_of_era = year_of_era * 365 + year_of_era / 4 -
	                     year_of_era / 100 + day_of_year;

	return era * 146097 + day_of_era - 719468 + day - 1;
}

void
civil_from_days(int64_t days, int *year, int *month, int *day)
{
	int64_t z = days + 719468;
	int64_t era = floor_div(z, 146097);
	int64_t day_of_era = z - era * 146097;
	int64_t year_of_era = (day_of_era - day_of_era / 1460 +
				  day_of_era / 36524 - day_of_era / 146096) /
	                      365;
	int64_t day_of_year =
	    day_of_era -
	    (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int64_t m = (5 * day_of_year + 2) / 153;

	*day = (int)(day_of_year - (153 * m + 2) / 5 + 1);
	*month = (int)(m < 10 ? m + 3 : m - 9);
	*year = (int)(year_of_era + era * 400 + (*month <= 2));
}

int
civil_month_days(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30,
		31 };
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return days[month - 1] + (month == 2 && leap);
}

bool
civil_is_date(int year, int month, int day)
{
	return month >= 1 && month <= 12 && day >= 1 &&
	       day <= civil_month_days(year, month);
}

int
civil_weekday(int64_t days)
{
	int64_t since_sunday = days + 4; /* 1970-01-01 was a Thursday */

	return (int)(since_sunday - floor_div(since_sunday, 7) * 7);
}
