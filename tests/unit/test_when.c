/* SPDX-License-Identifier: MIT */
/*
 * Times and durations as text.
 */
#include "base/when.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define DAY INT64_C(86400000)

static const struct {
	int64_t ms;
	const char *text;
} times[] = {
	{ 0, "1970-01-01T00:00:00.000Z" },
	{ 1760688003123, "2025-10-17T08:00:03.123Z" },
	{ -1, "1969-12-31T23:59:59.999Z" },
	{ 951782400000, "2000-02-29T00:00:00.000Z" },
	{ 4102444800000, "2100-01-01T00:00:00.000Z" },
	{ -62167219200000, "0000-01-01T00:00:00.000Z" },
	{ 253402300799999, "9999-12-31T23:59:59.999Z" },
};

static void
a_time_is_written_and_read_back(void **state)
{
	char out[WHEN_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
		int64_t ms = 1;

		assert_string_equal(
		    when_write(times[i].ms, out), times[i].text);
		assert_true(when_read(times[i].text, &ms));
		assert_int_equal(ms, times[i].ms);
	}
}

static void
a_time_out_of_reach_is_the_last_that_can_be_written(void **state)
{
	char out[WHEN_SIZE];

	(void)state;
	assert_string_equal(
	    when_write(INT64_MAX, out), "9999-12-31T23:59:59.999Z");
	assert_string_equal(
	    when_write(INT64_MIN, out), "0000-01-01T00:00:00.000Z");
}

static void
what_is_no_such_time_is_not_read(void **state)
{
	static const char *const wrong[] = { "", "now", "2025-10-17T08:00:03Z",
		"2025-10-17T08:00:03.123", "2025-10-17 08:00:03.123Z",
		"2025-10-17T08:00:03.12aZ", "2025-10-17T08:00:03.+12Z",
		"2025-02-30T08:00:03.123Z", "2025-13-01T08:00:03.123Z",
		"2025-10-17T24:00:00.000Z", "2025-10-17T08:00:60.000Z",
		"2025-10-17T08:00:03.123z", "2025-10-17T08:00:03.123Z ",
		" 2025-1-17T08:00:03.123Z", "2025-10-17T08:00:03,123Z",
		"+025-10-17T08:00:03.123Z" };
	int64_t ms = 42;

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		if (when_read(wrong[i], &ms))
			fail_msg("'%s' was read", wrong[i]);
	assert_int_equal(ms, 42);
}

static const struct {
	int64_t ms;
	const char *text;
} durations[] = {
	{ 0, "0s" },
	{ 1, "1ms" },
	{ 250, "250ms" },
	{ 10000, "10s" },
	{ 1500, "1s500ms" },
	{ 90000, "1m30s" },
	{ 5400000, "1h30m" },
	{ 3 * DAY, "3d" },
	{ DAY + 1, "1d1ms" },
	{ 36525 * DAY, "36525d" },
};

static void
a_duration_is_written_short_and_exact_and_read_back(void **state)
{
	char out[WHEN_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof durations / sizeof *durations; i++) {
		int64_t ms = -1;

		assert_string_equal(
		    duration_write(durations[i].ms, out), durations[i].text);
		assert_null(duration_read(text_of(durations[i].text), &ms));
		assert_int_equal(ms, durations[i].ms);
	}
}

static void
the_longest_durations_fit(void **state)
{
	char out[WHEN_SIZE];

	(void)state;
	assert_string_equal(
	    duration_write(INT64_MAX, out), "106751991167d7h12m55s807ms");
	assert_string_equal(
	    duration_write(INT64_MIN, out), "-106751991167d7h12m55s808ms");
	assert_string_equal(duration_write(-1500, out), "-1s500ms");
}

static void
other_ways_to_write_a_duration_are_read(void **state)
{
	int64_t ms;

	(void)state;
	assert_null(duration_read(TEXT("90m"), &ms));
	assert_int_equal(ms, 5400000);
	assert_null(duration_read(TEXT("007s"), &ms));
	assert_int_equal(ms, 7000);
	assert_null(duration_read(TEXT("1d2h3m4s5ms"), &ms));
	assert_int_equal(ms, DAY + 7384005);
}

static void
what_is_wrong_with_a_duration_is_said(void **state)
{
	static const struct {
		struct text in;
		const char *why;
	} wrong[] = {
		{ TEXT(""), "it is empty" },
		{ TEXT("10"), "a number needs a unit" },
		{ TEXT("0"), "a number needs a unit" },
		{ TEXT("1h30"), "a number needs a unit" },
		{ TEXT("-5s"), "it cannot be negative" },
		{ TEXT("soon"), "it begins with a number" },
		{ TEXT(" 5s"), "it begins with a number" },
		{ TEXT("s"), "it begins with a number" },
		{ TEXT("5 min"), "no blanks in a duration" },
		{ TEXT("1.5h"), "only whole numbers" },
		{ TEXT("1e3s"), "the units are d, h, m, s and ms" },
		{ TEXT("5min"), "the units are d, h, m, s and ms" },
		{ TEXT("5w"), "the units are d, h, m, s and ms" },
		{ TEXT("5s\0"), "the units are d, h, m, s and ms" },
		{ TEXT("5s "), "no blanks in a duration" },
		{ TEXT("5S"), "the units are d, h, m, s and ms" },
		{ TEXT("30m1h"), "larger units come first, each once" },
		{ TEXT("1h1h"), "larger units come first, each once" },
		{ TEXT("36526d"), "at most 100 years" },
		{ TEXT("36525d1ms"), "at most 100 years" },
		{ TEXT("1000000000000000000s"), "at most 100 years" },
		{ TEXT("99999999999999999999999ms"), "at most 100 years" },
	};
	int64_t ms = 42;

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		const char *why = duration_read(wrong[i].in, &ms);

		if (why == NULL)
			fail_msg("'%s' was read", wrong[i].in.data);
		assert_string_equal(why, wrong[i].why);
	}
	assert_int_equal(ms, 42);
}

static void
a_ulid_is_its_time_and_then_random(void **state)
{
	char a[ULID_SIZE], b[ULID_SIZE];

	(void)state;
	/* The example of the ULID specification. */
	ulid_new(1469918176385, a);
	ulid_new(1469918176385, b);
	assert_int_equal(strlen(a), 26);
	assert_memory_equal(a, "01ARYZ6S41", 10);
	assert_memory_equal(b, "01ARYZ6S41", 10);
	assert_string_not_equal(a, b);
	assert_int_equal(strspn(a, "0123456789ABCDEFGHJKMNPQRSTVWXYZ"), 26);
}

static void
ulids_sort_by_time_up_to_the_ends_of_their_range(void **state)
{
	char a[ULID_SIZE], b[ULID_SIZE];

	(void)state;
	assert_true(strcmp(ulid_new(1000, a), ulid_new(1001, b)) < 0);
	assert_memory_equal(ulid_new(-5, a), "0000000000", 10);
	assert_memory_equal(ulid_new(INT64_MAX, a), "7ZZZZZZZZZ", 10);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_time_is_written_and_read_back),
		cmocka_unit_test(
		    a_time_out_of_reach_is_the_last_that_can_be_written),
		cmocka_unit_test(what_is_no_such_time_is_not_read),
		cmocka_unit_test(
		    a_duration_is_written_short_and_exact_and_read_back),
		cmocka_unit_test(the_longest_durations_fit),
		cmocka_unit_test(other_ways_to_write_a_duration_are_read),
		cmocka_unit_test(what_is_wrong_with_a_duration_is_said),
		cmocka_unit_test(a_ulid_is_its_time_and_then_random),
		cmocka_unit_test(
		    ulids_sort_by_time_up_to_the_ends_of_their_range),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
