/* SPDX-License-Identifier: MIT */
/*
 * Schedules under a wall clock that jumps.
 */
#include "base/err.h"
#include "base/when.h"
#include "base/zone.h"
#include "detect/schedules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define LOOKS_MAX 8

static int64_t
ms_of(const char *time)
{
	char full[WHEN_SIZE];
	int64_t ms;

	snprintf(full, sizeof full, "2025-10-17T%s.000Z", time);
	if (!when_read(full, &ms))
		fail_msg("no time: %s", time);
	return ms;
}

/* At which times it is looked at, and what is seen: '-', 'C' (it comes) or 'M'
 * (it was missed). */
struct course {
	const char *cron, *begin;
	struct {
		const char *at;
		char seen;
	} looks[LOOKS_MAX];
};

static void
check(const struct course *courses, size_t count)
{
	static const char letters[] = { [SCHEDULE_WAITS] = '-',
		[SCHEDULE_COMES] = 'C',
		[SCHEDULE_MISSED] = 'M' };
	struct err err;

	for (size_t i = 0; i < count; i++) {
		struct schedule_spec spec = { .zone = zone_open("UTC", &err) };
		struct schedule s;
		size_t place;

		assert_int_equal(
		    cron_read(&spec.cron, courses[i].cron, &place, &err), 0);
		s = schedule_begin(&spec, ms_of(courses[i].begin));
		for (size_t k = 0; k < LOOKS_MAX; k++) {
			const char *at = courses[i].looks[k].at;
			char seen;

			if (at == NULL)
				break;
			seen = letters[schedule_look(&s, ms_of(at))];
			if (seen != courses[i].looks[k].seen)
				fail_msg("'%s' at %s: %c", courses[i].cron, at,
				    seen);
		}
		schedule_spec_free(&spec);
	}
}
#define CHECK(courses) check(courses, sizeof(courses) / sizeof *(courses))

static void
a_time_comes_once(void **state)
{
	static const struct course courses[] = {
		{ "*/10 * * * *", "10:00:00",
		    { { "10:00:01", '-' }, { "10:09:59", '-' },
			{ "10:10:00", 'C' }, { "10:10:00", '-' },
			{ "10:19:59", '-' }, { "10:20:02", 'C' } } },
		/* Several at once are one. */
		{ "* * * * *", "10:00:30",
		    { { "10:05:10", 'C' }, { "10:05:59", '-' },
			{ "10:06:00", 'C' } } },
	};

	(void)state;
	CHECK(courses);
}

static void
what_a_clock_that_goes_forward_leaves_out_comes_once_if_it_is_little(
    void **state)
{
	static const struct course courses[] = {
		{ "30 12 * * *", "10:00:00",
		    { { "12:10:00", '-' }, { "15:29:59", 'C' } } },
		{ "30 12 * * *", "10:00:00",
		    { { "12:10:00", '-' }, { "15:30:00", 'M' },
			{ "15:30:01", '-' } } },
	};

	(void)state;
	CHECK(courses);
}

static void
a_clock_that_goes_back_a_little_repeats_no_fixed_time(void **state)
{
	static const struct course courses[] = {
		{ "30 12 * * *", "10:00:00",
		    { { "12:30:00", 'C' }, { "11:00:00", '-' },
			{ "12:30:00", '-' }, { "12:31:00", '-' } } },
		{ "30 12,14 * * *", "10:00:00",
		    { { "12:30:00", 'C' }, { "12:00:00", '-' },
			{ "12:30:00", '-' }, { "14:30:00", 'C' } } },
		/* By so much that it was wrong before. */
		{ "30 12 * * *", "10:00:00",
		    { { "12:30:00", 'C' }, { "09:30:00", '-' },
			{ "12:30:00", 'C' } } },
		/* By little, again and again. */
		{ "30 12 * * *", "10:00:00",
		    { { "12:30:00", 'C' }, { "10:30:00", '-' },
			{ "08:30:00", '-' }, { "12:30:00", 'C' } } },
		/* As clocks show. */
		{ "*/30 * * * *", "10:00:00",
		    { { "12:30:00", 'C' }, { "11:40:00", '-' },
			{ "12:00:00", 'C' }, { "12:30:00", 'C' } } },
	};

	(void)state;
	CHECK(courses);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_time_comes_once),
		cmocka_unit_test(
		    what_a_clock_that_goes_forward_leaves_out_comes_once_if_it_is_little),
		cmocka_unit_test(
		    a_clock_that_goes_back_a_little_repeats_no_fixed_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
