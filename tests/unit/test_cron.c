/* SPDX-License-Identifier: MIT */
/*
 * Crontab times, as a table of what comes next.
 */
#include "base/err.h"
#include "base/when.h"
#include "base/zone.h"
#include "detect/cron.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define NEXT_MAX 6

/* Instants are UTC, to the minute. */
struct course {
	const char *cron, *zone, *after;
	const char *next[NEXT_MAX];
};

static int64_t
ms_of(const char *text)
{
	char full[WHEN_SIZE];
	int64_t ms;

	snprintf(full, sizeof full, "%s:00.000Z", text);
	if (!when_read(full, &ms))
		fail_msg("no time: %s", text);
	return ms;
}

static struct cron
cron_of(const char *text)
{
	struct err err = { "" };
	struct cron c;
	size_t place;

	if (cron_read(&c, text, &place, &err) != 0)
		fail_msg("'%s': %zu: %s", text, place, err.text);
	return c;
}

static void
check(const struct course *course, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct cron c = cron_of(course[i].cron);
		struct zone *z = zone_open(course[i].zone, NULL);
		int64_t at = ms_of(course[i].after);

		assert_non_null(z);
		for (size_t k = 0; k < NEXT_MAX && course[i].next[k]; k++) {
			char got[WHEN_SIZE];

			at = cron_next(&c, z, at);
			if (at != ms_of(course[i].next[k]))
				fail_msg("'%s' %s, %zu: %s, not %s",
				    course[i].cron, course[i].zone, k + 1,
				    when_write(at, got), course[i].next[k]);
		}
		zone_free(z);
	}
}
#define CHECK(courses) check(courses, sizeof(courses) / sizeof *(courses))

static void
fields_say_when(void **state)
{
	static const struct course courses[] = {
		{ "* * * * *", "UTC", "2025-12-31T23:58",
		    { "2025-12-31T23:59", "2026-01-01T00:00" } },
		{ "0 */6 * * *", "UTC", "2025-10-17T06:00",
		    { "2025-10-17T12:00", "2025-10-17T18:00",
			"2025-10-18T00:00", "2025-10-18T06:00" } },
		{ "*/25 9-10 * * *", "UTC", "2025-10-17T09:10",
		    { "2025-10-17T09:25", "2025-10-17T09:50",
			"2025-10-17T10:00", "2025-10-17T10:25",
			"2025-10-17T10:50", "2025-10-18T09:00" } },
		{ "5,1-3/2 8 * * *", "UTC", "2025-10-17T00:00",
		    { "2025-10-17T08:01", "2025-10-17T08:03",
			"2025-10-17T08:05", "2025-10-18T08:01" } },
		{ "\t30  4 1 jan,Jul * ", "UTC", "2025-01-01T04:30",
		    { "2025-07-01T04:30", "2026-01-01T04:30" } },
		{ "0 0 31 * *", "UTC", "2025-01-31T00:00",
		    { "2025-03-31T00:00", "2025-05-31T00:00" } },
		{ "0 0 29 2 *", "UTC", "2024-02-29T00:00",
		    { "2028-02-29T00:00", "2032-02-29T00:00" } },
		{ "0 0 29 2 *", "UTC", "2096-03-01T00:00",
		    { "2104-02-29T00:00" } },
		{ "59 23 31 12 *", "Asia/Taipei", "2025-12-31T15:58",
		    { "2025-12-31T15:59", "2026-12-31T15:59" } },
	};

	(void)state;
	CHECK(courses);
}

static void
of_two_days_that_are_restricted_one_is_enough(void **state)
{
	static const struct course courses[] = {
		/* 2025-10-17 is a Friday. */
		{ "0 0 * * 7", "UTC", "2025-10-17T00:00",
		    { "2025-10-19T00:00", "2025-10-26T00:00" } },
		{ "0 0 * * 0", "UTC", "2025-10-17T00:00",
		    { "2025-10-19T00:00", "2025-10-26T00:00" } },
		{ "0 0 * * fri-SUN", "UTC", "2025-10-17T00:00",
		    { "2025-10-18T00:00", "2025-10-19T00:00",
			"2025-10-24T00:00" } },
		{ "0 0 * * 5-7", "UTC", "2025-10-17T00:00",
		    { "2025-10-18T00:00", "2025-10-19T00:00",
			"2025-10-24T00:00" } },
		{ "0 0 20 * mon,wed", "UTC", "2025-11-18T00:00",
		    { "2025-11-19T00:00", "2025-11-20T00:00",
			"2025-11-24T00:00" } },
		/* '*', with a step, too, restricts nothing: both hold. */
		{ "0 0 */10 * mon", "UTC", "2025-11-18T00:00",
		    { "2025-12-01T00:00", "2026-05-11T00:00" } },
		{ "0 0 13 * *", "UTC", "2025-10-17T00:00",
		    { "2025-11-13T00:00", "2025-12-13T00:00" } },
	};

	(void)state;
	CHECK(courses);
}

static void
words_stand_for_fields(void **state)
{
	static const struct course courses[] = {
		{ "@hourly", "UTC", "2025-10-17T09:10",
		    { "2025-10-17T10:00" } },
		{ "@daily", "UTC", "2025-10-17T09:10", { "2025-10-18T00:00" } },
		{ "@midnight", "Asia/Taipei", "2025-10-17T09:10",
		    { "2025-10-17T16:00" } },
		{ "@weekly", "UTC", "2025-10-17T09:10",
		    { "2025-10-19T00:00" } },
		{ " @Monthly ", "UTC", "2025-10-17T09:10",
		    { "2025-11-01T00:00" } },
		{ "@yearly", "UTC", "2025-10-17T09:10",
		    { "2026-01-01T00:00" } },
		{ "@annually", "UTC", "2025-10-17T09:10",
		    { "2026-01-01T00:00" } },
	};

	(void)state;
	CHECK(courses);
}

/* Berlin's clocks go from 2 to 3 on 2025-03-30 at 01:00 UTC. */
static void
what_clocks_leave_out_comes_once_right_after(void **state)
{
	static const struct course courses[] = {
		{ "30 2 * * *", "Europe/Berlin", "2025-03-29T00:00",
		    { "2025-03-29T01:30", "2025-03-30T01:00",
			"2025-03-31T00:30" } },
		{ "0,20,40 2 * * *", "Europe/Berlin", "2025-03-30T00:00",
		    { "2025-03-30T01:00", "2025-03-31T00:00",
			"2025-03-31T00:20" } },
		/* Once also where it would come by itself at that time. */
		{ "0,30 2,3 * * *", "Europe/Berlin", "2025-03-30T00:00",
		    { "2025-03-30T01:00", "2025-03-30T01:30",
			"2025-03-31T00:00" } },
		/* As clocks show. */
		{ "0 * * * *", "Europe/Berlin", "2025-03-29T23:30",
		    { "2025-03-30T00:00", "2025-03-30T01:00",
			"2025-03-30T02:00" } },
		{ "*/30 2 * * *", "Europe/Berlin", "2025-03-29T22:00",
		    { "2025-03-31T00:00" } },
		{ "15 2 * * *", "Australia/Lord_Howe", "2025-10-04T14:00",
		    { "2025-10-04T15:30", "2025-10-05T15:15" } },
	};

	(void)state;
	CHECK(courses);
}

/* Berlin's clocks go from 3 to 2 on 2025-10-26 at 01:00 UTC. */
static void
what_comes_twice_runs_twice_only_where_the_hour_is_any(void **state)
{
	static const struct course courses[] = {
		{ "30 2 * * *", "Europe/Berlin", "2025-10-25T12:00",
		    { "2025-10-26T00:30", "2025-10-27T01:30" } },
		{ "30 2 * * *", "Europe/Berlin", "2025-10-26T01:10",
		    { "2025-10-27T01:30" } },
		{ "0 3 * * *", "Europe/Berlin", "2025-10-26T00:30",
		    { "2025-10-26T02:00" } },
		{ "30 * * * *", "Europe/Berlin", "2025-10-25T23:45",
		    { "2025-10-26T00:30", "2025-10-26T01:30",
			"2025-10-26T02:30" } },
		{ "*/30 2 * * *", "Europe/Berlin", "2025-10-25T12:00",
		    { "2025-10-26T00:00", "2025-10-26T00:30",
			"2025-10-26T01:00", "2025-10-26T01:30",
			"2025-10-27T01:00" } },
		{ "*/15 * * * *", "Australia/Lord_Howe", "2025-04-05T14:30",
		    { "2025-04-05T14:45", "2025-04-05T15:00",
			"2025-04-05T15:15", "2025-04-05T15:30" } },
		{ "45 1 * * *", "Australia/Lord_Howe", "2025-04-05T14:00",
		    { "2025-04-05T14:45", "2025-04-06T15:15" } },
	};

	(void)state;
	CHECK(courses);
}

/* Whether a time that no clock shows is told: minutes alone matter. */
static void
each_next_time_is_later_and_nothing_lies_between(void **state)
{
	static const char *const crons[] = { "*/7 * * * *", "10 1-3 * * *",
		"0 */2 * * *" };
	struct zone *z = zone_open("Europe/Berlin", NULL);

	(void)state;
	assert_non_null(z);
	for (size_t i = 0; i < sizeof crons / sizeof *crons; i++) {
		struct cron c = cron_of(crons[i]);
		int64_t end = ms_of("2025-11-02T00:00");
		int64_t next = 0;

		/* What comes next does not depend on where one asks from. */
		for (int64_t at = ms_of("2025-10-25T00:00"); at < end;
		     at += 60000) {
			int64_t now = cron_next(&c, z, at);

			assert_true(now > at);
			if (next > at)
				assert_int_equal(now, next);
			next = now;
		}
	}
	zone_free(z);
}

static void
what_is_no_time_is_refused_where_it_stands(void **state)
{
	static const struct {
		const char *text, *why;
		size_t place;
	} cases[] = {
		{ "", "here are 0", 0 },
		{ "* * * *", "here are 4", 7 },
		{ "* * * * * *", "seconds are none", 10 },
		{ "0 0 * * * root", "may follow the weekday", 10 },
		{ "60 * * * *", "the minute is 0 to 59", 0 },
		{ "* 24 * * *", "the hour is 0 to 23", 2 },
		{ "* * 0 * *", "the day of the month is 1 to 31", 4 },
		{ "* * * 13 *", "the month is 1 to 12", 6 },
		{ "* * * * 8", "the weekday is 0 to 7", 8 },
		{ "* * 99999999999999999999 * *", "1 to 31", 4 },
		{ "* * * foo *", "a name of three letters", 6 },
		{ "* * * june *", "a name of three letters", 6 },
		{ "mon * * * *", "expected a minute", 0 },
		{ "-1 * * * *", "expected a minute", 0 },
		{ "1, * * * *", "expected a minute", 2 },
		{ "1- * * * *", "expected a minute", 2 },
		{ "5-1 * * * *", "a range goes up", 0 },
		{ "1-3-5 * * * *", "no '-' in a minute", 3 },
		{ "1x * * * *", "no 'x' in a minute", 1 },
		{ "** * * * *", "no '*' in a minute", 1 },
		{ "5/10 * * * *", "a step needs '*' or a range", 1 },
		{ "*/0 * * * *", "a step here is 1 to 59", 3 },
		{ "*/90 * * * *", "a step here is 1 to 59", 4 },
		{ "*/ * * * *", "a step here is 1 to 59", 2 },
		{ "0 0 30 2 *", "never comes", 0 },
		{ "0 0 31 4,6,9,11 *", "never comes", 0 },
		{ "@reboot", "the words are", 0 },
		{ "@daily x", "the words are", 0 },
		{ "@", "the words are", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct err err = { "" };
		struct cron c;
		size_t place = 99;

		if (cron_read(&c, cases[i].text, &place, &err) == 0)
			fail_msg("'%s' is taken", cases[i].text);
		if (strstr(err.text, cases[i].why) == NULL ||
		    place != cases[i].place)
			fail_msg(
			    "'%s': %zu: %s", cases[i].text, place, err.text);
	}
	/* Weekdays of February come, and so do leap days on Sundays. */
	cron_of("0 0 30 2 1");
	cron_of("0 0 29 2 */7");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_say_when),
		cmocka_unit_test(of_two_days_that_are_restricted_one_is_enough),
		cmocka_unit_test(words_stand_for_fields),
		cmocka_unit_test(what_clocks_leave_out_comes_once_right_after),
		cmocka_unit_test(
		    what_comes_twice_runs_twice_only_where_the_hour_is_any),
		cmocka_unit_test(
		    each_next_time_is_later_and_nothing_lies_between),
		cmocka_unit_test(what_is_no_time_is_refused_where_it_stands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
