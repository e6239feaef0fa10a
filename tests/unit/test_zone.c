/* SPDX-License-Identifier: MIT */
/*
 * Dates, and time zones as the machine's database has them.
 */
#include "base/civil.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/when.h"
#include "base/zone.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static int64_t
ms_of(const char *text)
{
	char full[WHEN_SIZE];
	int64_t ms;

	snprintf(full, sizeof full, "%s.000Z", text);
	if (!when_read(full, &ms))
		fail_msg("no time: %s", text);
	return ms;
}

static struct zone *
zone_of(const char *name)
{
	struct err err = { "" };
	struct zone *z = zone_open(name, &err);

	if (z == NULL)
		fail_msg("%s: %s", name == NULL ? "(none)" : name, err.text);
	return z;
}

static void
a_day_has_a_date_and_a_date_has_its_day(void **state)
{
	int64_t expected = civil_days(-401, 1, 1);

	(void)state;
	assert_int_equal(civil_days(1970, 1, 1), 0);
	assert_int_equal(civil_days(2000, 3, 1), 11017);
	for (int y = -401; y <= 2401; y++)
		for (int m = 1; m <= 12; m++)
			for (int d = 1; civil_is_date(y, m, d); d++) {
				int year, month, day;

				if (civil_days(y, m, d) != expected)
					fail_msg("%d-%d-%d", y, m, d);
				civil_from_days(
				    expected++, &year, &month, &day);
				if (year != y || month != m || day != d)
					fail_msg("%d-%d-%d", y, m, d);
			}
	assert_int_equal(expected, civil_days(2402, 1, 1));
	assert_int_equal(civil_weekday(0), 4);
	assert_int_equal(civil_weekday(-5), 6);
	assert_int_equal(civil_weekday(civil_days(2026, 11, 29)), 0);
}

static void
what_the_calendar_does_not_have_is_no_date(void **state)
{
	static const int bad[][3] = { { 2025, 2, 29 }, { 1900, 2, 29 },
		{ 2025, 4, 31 }, { 2025, 0, 1 }, { 2025, 13, 1 },
		{ 2025, 1, 0 }, { 2025, 1, 32 } };

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(civil_is_date(bad[i][0], bad[i][1], bad[i][2]));
	assert_true(civil_is_date(2000, 2, 29));
	assert_true(civil_is_date(2024, 2, 29));
}

static void
an_instant_has_the_offset_of_its_zone(void **state)
{
	static const struct {
		const char *zone, *at;
		int32_t offset_s;
	} cases[] = {
		{ "UTC", "2025-07-01T00:00:00", 0 },
		{ "Asia/Taipei", "2025-07-01T00:00:00", 28800 },
		{ "Asia/Taipei", "1979-07-15T00:00:00", 32400 },
		{ "Asia/Kolkata", "2025-07-01T00:00:00", 19800 },
		{ "Etc/GMT+8", "2025-07-01T00:00:00", -28800 },
		{ "Europe/Berlin", "2025-03-30T00:59:59", 3600 },
		{ "Europe/Berlin", "2025-03-30T01:00:00", 7200 },
		{ "Europe/Berlin", "2025-10-26T00:59:59", 7200 },
		{ "Europe/Berlin", "2025-10-26T01:00:00", 3600 },
		{ "Europe/Berlin", "1800-01-01T00:00:00", 3208 },
		/* By the rule in the footer. */
		{ "America/New_York", "2050-03-13T06:59:59", -18000 },
		{ "America/New_York", "2050-03-13T07:00:00", -14400 },
		{ "America/New_York", "2050-11-06T05:59:59", -14400 },
		{ "America/New_York", "2050-11-06T06:00:00", -18000 },
		{ "America/New_York", "9999-12-31T23:59:59", -18000 },
		/* In the south summer lasts over the new year. */
		{ "Australia/Lord_Howe", "2025-01-01T00:00:00", 39600 },
		{ "Australia/Lord_Howe", "2025-04-05T14:59:59", 39600 },
		{ "Australia/Lord_Howe", "2025-04-05T15:00:00", 37800 },
		{ "Australia/Lord_Howe", "2060-12-31T23:00:00", 39600 },
		{ "Australia/Lord_Howe", "2060-07-01T00:00:00", 37800 },
		/* Ramadan turns clocks back. */
		{ "Africa/Casablanca", "2025-02-23T01:59:59", 3600 },
		{ "Africa/Casablanca", "2025-02-23T02:00:00", 0 },
		{ "Africa/Casablanca", "2025-04-06T02:00:00", 3600 },
		/* Winter is what is saved. */
		{ "Europe/Dublin", "2055-01-01T00:00:00", 0 },
		{ "Europe/Dublin", "2055-07-01T00:00:00", 3600 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct zone *z = zone_of(cases[i].zone);
		int32_t offset_s = zone_offset_s(z, ms_of(cases[i].at));

		if (offset_s != cases[i].offset_s)
			fail_msg(
			    "%s %s: %d", cases[i].zone, cases[i].at, offset_s);
		zone_free(z);
	}
}

static void
a_civil_time_has_an_instant(void **state)
{
	static const struct {
		const char *zone, *civil, *instant;
	} cases[] = {
		{ "UTC", "2025-03-30T02:30:00", "2025-03-30T02:30:00" },
		{ "Asia/Taipei", "2025-03-30T02:30:00", "2025-03-29T18:30:00" },
		{ "Europe/Berlin", "2025-03-30T01:59:59",
		    "2025-03-30T00:59:59" },
		/* Never shown by a clock there: half past two. */
		{ "Europe/Berlin", "2025-03-30T02:30:00",
		    "2025-03-30T01:30:00" },
		{ "Europe/Berlin", "2025-03-30T03:00:00",
		    "2025-03-30T01:00:00" },
		/* Twice. */
		{ "Europe/Berlin", "2025-10-26T02:00:00",
		    "2025-10-26T00:00:00" },
		{ "Europe/Berlin", "2025-10-26T02:59:59",
		    "2025-10-26T00:59:59" },
		{ "Europe/Berlin", "2025-10-26T03:00:00",
		    "2025-10-26T02:00:00" },
		{ "America/New_York", "2050-03-13T02:30:00",
		    "2050-03-13T07:30:00" },
		{ "America/New_York", "2050-11-06T01:30:00",
		    "2050-11-06T05:30:00" },
		{ "Australia/Lord_Howe", "2025-10-05T02:15:00",
		    "2025-10-04T15:45:00" },
		{ "Australia/Lord_Howe", "2025-04-06T01:45:00",
		    "2025-04-05T14:45:00" },
		/* Samoa left out a whole day. */
		{ "Pacific/Apia", "2011-12-29T23:59:59",
		    "2011-12-30T09:59:59" },
		{ "Pacific/Apia", "2011-12-30T12:00:00",
		    "2011-12-30T22:00:00" },
		{ "Pacific/Apia", "2011-12-31T00:00:00",
		    "2011-12-30T10:00:00" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct zone *z = zone_of(cases[i].zone);
		int64_t ms = zone_instant_ms(z, ms_of(cases[i].civil));
		char got[WHEN_SIZE];

		if (ms != ms_of(cases[i].instant))
			fail_msg("%s %s: %s", cases[i].zone, cases[i].civil,
			    when_write(ms, got));
		zone_free(z);
	}
}

static void
what_is_far_away_has_an_offset_too(void **state)
{
	static const int64_t far[] = { INT64_MIN, INT64_MIN + 1, -1, 0,
		INT64_MAX - 1, INT64_MAX };

	(void)state;
	for (size_t i = 0; i < sizeof far / sizeof *far; i++) {
		struct zone *z = zone_of("Europe/Berlin");

		assert_in_range(zone_offset_s(z, far[i]), 3208, 7200);
		zone_instant_ms(z, far[i]);
		zone_free(z);
	}
}

/* The offset of the zone that $TZ tells, in the summer of 2025. */
static int32_t
summer_offset(const char *tz)
{
	struct err err = { "" };
	struct zone *z;
	int32_t offset_s;

	if (tz == NULL)
		unsetenv("TZ");
	else
		setenv("TZ", tz, 1);
	z = zone_open(NULL, &err);
	unsetenv("TZ");
	if (z == NULL)
		return -1;
	offset_s = zone_offset_s(z, ms_of("2025-07-01T00:00:00"));
	zone_free(z);
	return offset_s;
}

static void
without_a_name_the_environment_says_which(void **state)
{
	static const struct {
		const char *tz;
		int32_t offset_s; /* -1: it is refused */
	} cases[] = {
		{ "", 0 },
		{ "UTC", 0 },
		{ "Asia/Taipei", 28800 },
		{ ":Asia/Taipei", 28800 },
		{ "/usr/share/zoneinfo/Asia/Taipei", 28800 },
		{ "CST-8", 28800 },
		{ "<+0545>-5:45", 20700 },
		{ "CET-1CEST", 7200 },
		{ "CET-1CEST,M3.5.0,M10.5.0/3", 7200 },
		{ "CET-1CEST,J60,J300", 7200 },
		{ "CET-1CEST,300,59", 3600 },
		/* Summer all the time: RFC 8536, 3.3.1. */
		{ "EST5EDT,0/0,J365/25", -14400 },
		{ "CET-1CEST,M3.5.0", -1 },
		{ "CET-1CEST,M13.5.0,M10.5.0", -1 },
		{ "CE-1", -1 },
		{ "CET-99", -1 },
		{ "CET-1 ", -1 },
		{ "<CET-1", -1 },
		{ "Asia/Nowhere", -1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		int32_t offset_s = summer_offset(cases[i].tz);

		if (offset_s != cases[i].offset_s)
			fail_msg("TZ='%s': %d", cases[i].tz, offset_s);
	}
	assert_true(summer_offset(NULL) != -1);
}

static void
a_rule_of_all_year_summer_holds_at_every_turn(void **state)
{
	struct zone *z;

	(void)state;
	setenv("TZ", "EST5EDT,0/0,J365/25", 1);
	z = zone_of(NULL);
	unsetenv("TZ");
	for (int64_t at = ms_of("2023-12-01T00:00:00");
	     at < ms_of("2025-02-01T00:00:00"); at += 3600000)
		assert_int_equal(zone_offset_s(z, at), -14400);
	zone_free(z);
}

static void
a_name_leads_to_zones_only(void **state)
{
	static const struct {
		const char *name, *why;
	} cases[] = {
		{ "/etc/localtime", "no name of a time zone" },
		{ "../../../etc/passwd", "no name of a time zone" },
		{ "Asia/../Asia/Taipei", "no name of a time zone" },
		{ "Asia/Taipei ", "no name of a time zone" },
		{ "CST-8", "no time zone 'CST-8' in " },
		{ "Asia/Tapei", "no time zone 'Asia/Tapei' in " },
		{ "Asia", "not a time zone file" },
		{ "tzdata/zi", "no time zone" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct err err = { "" };

		assert_null(zone_open(cases[i].name, &err));
		if (strstr(err.text, cases[i].why) == NULL)
			fail_msg("%s: %s", cases[i].name, err.text);
	}
}

static void
without_the_database_there_is_utc_and_a_clear_word(void **state)
{
	struct err err = { "" };

	(void)state;
	setenv("TZDIR", "/nonexistent", 1);
	assert_null(zone_open("Asia/Taipei", &err));
	zone_free(zone_of("UTC"));
	unsetenv("TZDIR");
	assert_string_equal(err.text,
	    "/nonexistent: No such file or directory; the package tzdata "
	    "brings it");
}

/* The bytes of a zone's file. */
static struct str
bytes_of(const char *name)
{
	struct str s = { 0 };
	char path[200];
	FILE *f;

	snprintf(path, sizeof path, "/usr/share/zoneinfo/%s", name);
	f = fopen(path, "re");
	assert_non_null(f);
	str_reserve(&s, 65536);
	s.len = fread(s.data, 1, 65536, f);
	fclose(f);
	return s;
}

/* Reads a copy with nothing behind it, and asks what was read. */
static bool
is_read(struct text t)
{
	char *copy = malloc(t.len ? t.len : 1);
	struct err err = { "" };
	struct zone *z;

	assert_non_null(copy);
	memcpy(copy, t.data, t.len);
	z = zone_read((struct text){ copy, t.len }, &err);
	free(copy);
	if (z == NULL) {
		assert_true(*err.text != '\0');
		return false;
	}
	for (int64_t at = ms_of("1900-01-01T00:00:00");
	     at < ms_of("2100-01-01T00:00:00"); at += 400 * DAY_MS)
		zone_instant_ms(z, at);
	zone_free(z);
	return true;
}

static void
a_damaged_file_is_refused_at_any_length(void **state)
{
	static const char *const names[] = { "Europe/Berlin",
		"Africa/Casablanca", "UTC" };

	(void)state;
	for (size_t n = 0; n < sizeof names / sizeof *names; n++) {
		struct str s = bytes_of(names[n]);

		assert_true(is_read(str_text(&s)));
		for (size_t len = 0; len < s.len; len++)
			if (is_read((struct text){ s.data, len }))
				fail_msg("%s: %zu bytes", names[n], len);
		for (size_t i = 0; i < s.len; i++)
			for (int bit = 0; bit < 8; bit++) {
				s.data[i] ^= (char)(1 << bit);
				is_read(str_text(&s));
				s.data[i] ^= (char)(1 << bit);
			}
		str_free(&s);
	}
}

static void
a_file_of_version_1_is_read_up_to_its_last_turn(void **state)
{
	/* One turn, at 1000 s, from UTC to an hour east. */
	static const char file[] = "TZif\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
				   "\0\0\0\0\0\0\0\0\0\0\0\0"
				   "\0\0\0\1\0\0\0\2\0\0\0\4"
				   "\0\0\3\350"
				   "\1"
				   "\0\0\0\0\0\0\0\0\16\20\0\0"
				   "ABC";
	struct err err = { "" };
	struct zone *z = zone_read((struct text){ file, sizeof file }, &err);

	(void)state;
	assert_non_null(z);
	assert_int_equal(zone_offset_s(z, 999999), 0);
	assert_int_equal(zone_offset_s(z, 1000000), 3600);
	assert_int_equal(zone_offset_s(z, INT64_MAX), 3600);
	zone_free(z);
}

static void
a_zone_with_leap_seconds_is_refused(void **state)
{
	struct err err = { "" };

	(void)state;
	if (access("/usr/share/zoneinfo/right/UTC", R_OK) != 0)
		skip();
	assert_null(zone_open("right/UTC", &err));
	assert_non_null(strstr(err.text, "leap seconds"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_day_has_a_date_and_a_date_has_its_day),
		cmocka_unit_test(what_the_calendar_does_not_have_is_no_date),
		cmocka_unit_test(an_instant_has_the_offset_of_its_zone),
		cmocka_unit_test(a_civil_time_has_an_instant),
		cmocka_unit_test(what_is_far_away_has_an_offset_too),
		cmocka_unit_test(without_a_name_the_environment_says_which),
		cmocka_unit_test(a_rule_of_all_year_summer_holds_at_every_turn),
		cmocka_unit_test(a_name_leads_to_zones_only),
		cmocka_unit_test(
		    without_the_database_there_is_utc_and_a_clear_word),
		cmocka_unit_test(a_damaged_file_is_refused_at_any_length),
		cmocka_unit_test(
		    a_file_of_version_1_is_read_up_to_its_last_turn),
		cmocka_unit_test(a_zone_with_leap_seconds_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
