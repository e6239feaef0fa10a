/* SPDX-License-Identifier: MIT */
/*
 * The time that events carry.
 */
#include "event/stamp.h"

#include "base/when.h"
#include "base/zone.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* When the events are read. */
#define READ_AT "2025-10-17T12:00:00.000Z"

struct example {
	const char *event;
	const char *wall; /* NULL: no stamp that can be trusted */
};

static int64_t
wall_of(const char *text)
{
	int64_t wall_ms = 0;

	assert_true(when_read(text, &wall_ms));
	return wall_ms;
}

static void
check_at(
    const struct stamp_spec *spec, const struct example *x, const char *read_at)
{
	struct stamper *st = stamper_new(spec);
	char got[WHEN_SIZE];
	int64_t wall_ms = 0;
	bool yes =
	    stamper_read(st, text_of(x->event), wall_of(read_at), &wall_ms);

	if (yes != (x->wall != NULL))
		fail_msg("'%s': %s", x->event,
		    yes ? when_write(wall_ms, got) : "no stamp");
	else if (yes)
		assert_string_equal(when_write(wall_ms, got), x->wall);
	stamper_free(st);
}

static void
check(const struct stamp_spec *spec, const struct example *x)
{
	check_at(spec, x, READ_AT);
}

static void
the_forms_that_logs_have_are_known(void **state)
{
	static const struct example examples[] = {
		/* ISO 8601, RFC 3339 */
		{ "2025-10-17T08:00:03Z x", "2025-10-17T08:00:03.000Z" },
		{ "2025-10-17T08:00:03.123Z x", "2025-10-17T08:00:03.123Z" },
		{ "2025-10-17 08:00:03,5 x", "2025-10-17T08:00:03.500Z" },
		{ "[2025-10-17T08:00:03.123456+08:00] x",
		    "2025-10-17T00:00:03.123Z" },
		{ "2025-10-17 08:00:03 -0730", "2025-10-17T15:30:03.000Z" },
		{ "2025-10-17T08:00:03+08", "2025-10-17T00:00:03.000Z" },
		{ "2025-10-17T08:00:03-03:30", "2025-10-17T11:30:03.000Z" },
		{ "\"2025-10-17T08:00Z\" x", "2025-10-17T08:00:00.000Z" },
		{ "2016-12-31T23:59:60Z", "2017-01-01T00:00:00.000Z" },
		/* PostgreSQL */
		{ "2025-10-17 08:00:03.123 UTC [12] ERROR:  x",
		    "2025-10-17T08:00:03.123Z" },
		{ "2025-10-17 08:00:03.123 GMT [12] ERROR:  x",
		    "2025-10-17T08:00:03.123Z" },
		{ "2025-10-17 08:00:03.123 CST [12] ERROR:  x",
		    "2025-10-17T08:00:03.123Z" },
		/* syslog */
		{ "Oct 17 08:00:03 host app[1]: x",
		    "2025-10-17T08:00:03.000Z" },
		{ "Oct  7 08:00:03 host app[1]: x",
		    "2025-10-07T08:00:03.000Z" },
		{ "Oct 18 08:00:03 host app[1]: x",
		    "2025-10-18T08:00:03.000Z" },
		{ "Oct 19 08:00:03 host app[1]: x",
		    "2024-10-19T08:00:03.000Z" },
		{ "Feb 29 08:00:03 host app[1]: x",
		    "2024-02-29T08:00:03.000Z" },
		{ "<34>Oct 17 08:00:03 host x", "2025-10-17T08:00:03.000Z" },
		{ "<34>1 2025-10-17T08:00:03.003Z host x",
		    "2025-10-17T08:00:03.003Z" },
		/* Apache, nginx */
		{ "127.0.0.1 - - [17/Oct/2025:08:00:03 +0200] \"GET /\" 200",
		    "2025-10-17T06:00:03.000Z" },
		{ "::1 - a [b] [17/Oct/2025:08:00:03 +0000] \"GET /\"",
		    "2025-10-17T08:00:03.000Z" },
		{ "[Fri Oct 17 08:00:03.123456 2025] [core:error] x",
		    "2025-10-17T08:00:03.123Z" },
		{ "2025/10/17 08:00:03 [error] 1#1: x",
		    "2025-10-17T08:00:03.000Z" },
		/* Nest */
		{ "[Nest] 12  - 10/17/2025, 8:00:03 AM     LOG [A] x",
		    "2025-10-17T08:00:03.000Z" },
		{ "[Nest] 12  - 10/16/2025, 12:00:03 AM     LOG [A] x",
		    "2025-10-16T00:00:03.000Z" },
		{ "[Nest] 12  - 10/16/2025, 12:00:03\xe2\x80\xafPM     LOG x",
		    "2025-10-16T12:00:03.000Z" },
		{ "[Nest] 12  - 17/10/2025, 08:00:03     LOG [A] x",
		    "2025-10-17T08:00:03.000Z" },
		{ "[Nest] 12  - 17/10/2025 08:00:03     LOG [A] x",
		    "2025-10-17T08:00:03.000Z" },
		{ "[Nest] 12  - 5.10.2025, 08:00:03     LOG [A] x",
		    "2025-10-05T08:00:03.000Z" },
		{ "[Nest] 12  - 2025/10/17 08:00:03     LOG [A] x",
		    "2025-10-17T08:00:03.000Z" },
		{ "[Nest] 12  - 2025/10/17 \xe4\xb8\x8a\xe5\x8d\x88"
		  "8:00:05     LOG [A] x",
		    "2025-10-17T08:00:05.000Z" },
		{ "[Nest] 12  - 2025/10/16\xe2\x80\x89\xe4\xb8\x8b\xe5\x8d\x88"
		  "8:00:05     LOG [A] x",
		    "2025-10-16T20:00:05.000Z" },
		{ "[Nest] 12  - 2025. 10. 16. \xec\x98\xa4\xed\x9b\x84 "
		  "8:00:05     LOG [A] x",
		    "2025-10-16T20:00:05.000Z" },
		/* since 1970 */
		{ "1760688003 x", "2025-10-17T08:00:03.000Z" },
		{ "1760688003.25 x", "2025-10-17T08:00:03.250Z" },
		{ "[1760688003123] x", "2025-10-17T08:00:03.123Z" },
		/* JSON */
		{ "{\"level\":30,\"time\":1760688003123,\"msg\":\"x\"}",
		    "2025-10-17T08:00:03.123Z" },
		{ "{\"a\":{\"ts\":1},\"b\":[\"}\"], \"ts\" : 1760688003.5 }",
		    "2025-10-17T08:00:03.500Z" },
		{ "{\"m\":\"\\\"time\\\":\",\"@timestamp\":"
		  "\"2025-10-17T08:00:03Z\"}",
		    "2025-10-17T08:00:03.000Z" },
		{ "{\"timestamp\":\"17 Oct 2025 08:00:03 GMT\"}",
		    "2025-10-17T08:00:03.000Z" },
		/* others */
		{ "Fri, 17 Oct 2025 08:00:03 GMT x",
		    "2025-10-17T08:00:03.000Z" },
		{ "Fri Oct 17 08:00:03 2025 x", "2025-10-17T08:00:03.000Z" },
		{ "Oct 17, 2025, 8:00:03 AM x", "2025-10-17T08:00:03.000Z" },
		{ "17-Oct-2025 08:00:03.123 INFO [main] x",
		    "2025-10-17T08:00:03.123Z" },
	};
	const struct stamp_spec spec = { .kind = STAMP_AUTO };

	(void)state;
	for (size_t i = 0; i < sizeof examples / sizeof *examples; i++)
		check(&spec, &examples[i]);
}

static void
what_only_looks_like_a_time_is_none(void **state)
{
	static const char *const events[] = { "", " ", "[", "{", "{}", "x",
		"2025", "2025-10-17", "2025-10-17 x", "2025-10-17T",
		"2025-10-17T08", "2025-10-17T08:0", "2025-10-17T08:00:3",
		"2025-02-30T08:00:03Z", "2025-13-01T08:00:03Z",
		"2025-10-17T24:00:03Z", "2025-10-17T08:60:03Z",
		"2025-10-17T08:00:61Z", "2025-10-17T08:00:03x",
		"1999-12-31T23:59:59Z", "2025-10-18T12:00:01Z",
		"12025-10-17T08:00:03Z", "10.0.0.1 - - x", "1.2.3 x",
		"1.2.2025 is a version", "176068800 x", "17606880031 x",
		"1760688003x", "1760688003-1", "9999999999 x", "Oct x",
		"Oct 32 08:00:03", "October", "Octopus 17 08:00:03",
		"10/11/2025, 8:00:03 AM", "at 2025-10-17T08:00:03Z",
		"13/13/2025, 08:00:03", "10/17/2025, 18:00:03 AM",
		"{\"msg\":\"x\"}", "{\"time\":\"x\"}", "{\"time\":1}",
		"{\"a\":{\"time\":1760688003}}", "{\"time\":1760688003",
		"{\"a\":\"", "{\"a\\", "[Nest] 12  - ", "[Nest] x", "<34>",
		"<34>1 ", "[17/Oct/2025:08:0", "02:10 left" };
	const struct stamp_spec spec = { .kind = STAMP_AUTO };

	(void)state;
	for (size_t i = 0; i < sizeof events / sizeof *events; i++)
		check(&spec, &(const struct example){ events[i], NULL });
}

/* Each start of a stamp, with nothing behind it. */
static void
a_text_may_end_anywhere(void **state)
{
	static const char *const events[] = {
		"<34>1 2025-10-17T08:00:03.123456+08:00 x",
		"[Nest] 12  - 2025/10/16\xe2\x80\x89\xe4\xb8\x8b\xe5\x8d\x88"
		"8:00:05     LOG [A] x",
		"127.0.0.1 - - [17/Oct/2025:08:00:03 +0200] \"GET /\" 200",
		"{\"a\":{\"ts\":1},\"b\":[\"}\\\"\"], \"ts\":\"Oct 17 "
		"08:00:03\"}",
		"Fri Oct 17 08:00:03.123 2025",
	};
	const struct stamp_spec spec = { .kind = STAMP_AUTO };
	struct stamper *st = stamper_new(&spec);
	int64_t wall_ms;

	(void)state;
	for (size_t i = 0; i < sizeof events / sizeof *events; i++)
		for (size_t len = 0; len <= strlen(events[i]); len++) {
			char *copy = malloc(len + 1);

			/* Exactly as long, for the sanitizer to see. */
			assert_non_null(copy);
			copy = realloc(copy, len > 0 ? len : 1);
			assert_non_null(copy);
			memcpy(copy, events[i], len);
			(void)stamper_read(st, (struct text){ copy, len },
			    wall_of(READ_AT), &wall_ms);
			free(copy);
		}
	stamper_free(st);
}

static void
day_and_month_are_told_apart_by_what_was_seen(void **state)
{
	static const struct example examples[] = {
		{ "10/11/2024, 08:00:03 x", NULL },
		{ "10/10/2024, 08:00:03 x", "2024-10-10T08:00:03.000Z" },
		{ "10/11/2024, 08:00:03 x", NULL },
		{ "30/02/2024, 08:00:03 x", NULL }, /* teaches nothing */
		{ "10/11/2024, 08:00:03 x", NULL },
		{ "17/11/2024, 08:00:03 x", "2024-11-17T08:00:03.000Z" },
		{ "10/11/2024, 08:00:03 x", "2024-11-10T08:00:03.000Z" },
		{ "11/17/2024, 08:00:03 x", "2024-11-17T08:00:03.000Z" },
		{ "10/11/2024, 08:00:03 x", "2024-10-11T08:00:03.000Z" },
	};
	const struct stamp_spec spec = { .kind = STAMP_AUTO };
	struct stamper *st = stamper_new(&spec);
	char got[WHEN_SIZE];
	int64_t wall_ms;

	(void)state;
	for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
		bool yes = stamper_read(
		    st, text_of(examples[i].event), wall_of(READ_AT), &wall_ms);

		assert_int_equal(yes, examples[i].wall != NULL);
		if (yes)
			assert_string_equal(
			    when_write(wall_ms, got), examples[i].wall);
	}
	stamper_free(st);
}

static void
a_locale_may_tell_day_and_month_apart(void **state)
{
	static const struct {
		const char *locale;
		enum stamp_order order;
	} locales[] = {
		{ NULL, ORDER_UNKNOWN },
		{ "", ORDER_UNKNOWN },
		{ "C", ORDER_UNKNOWN },
		{ "C.UTF-8", ORDER_UNKNOWN },
		{ "POSIX", ORDER_UNKNOWN },
		{ "english", ORDER_UNKNOWN },
		{ "en_US.UTF-8", ORDER_MONTH },
		{ "en_GB.UTF-8", ORDER_DAY },
		{ "de_DE", ORDER_DAY },
	};
	const struct stamp_spec day = { .order = ORDER_DAY },
				month = { .order = ORDER_MONTH };

	(void)state;
	for (size_t i = 0; i < sizeof locales / sizeof *locales; i++)
		assert_int_equal(
		    stamp_order_of(locales[i].locale), locales[i].order);
	check(&day, &(const struct example){
			"10/11/2024, 08:00:03", "2024-11-10T08:00:03.000Z" });
	check(&month, &(const struct example){
			  "10/11/2024, 08:00:03", "2024-10-11T08:00:03.000Z" });
}

static void
a_year_that_is_left_out_is_the_last_one(void **state)
{
	static const struct {
		const char *read_at;
		struct example example;
	} cases[] = {
		{ "2026-01-01T00:00:01.000Z",
		    { "Dec 31 23:59:59 h x", "2025-12-31T23:59:59.000Z" } },
		{ "2025-12-31T23:59:59.000Z",
		    { "Jan  1 00:00:01 h x", "2026-01-01T00:00:01.000Z" } },
		{ "2025-12-31T23:59:59.000Z",
		    { "Jan  2 00:00:01 h x", "2025-01-02T00:00:01.000Z" } },
		{ "2100-03-01T00:00:00.000Z",
		    { "Feb 29 00:00:01 h x", "2096-02-29T00:00:01.000Z" } },
	};
	const struct stamp_spec spec = { .kind = STAMP_AUTO };

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		check_at(&spec, &cases[i].example, cases[i].read_at);
}

static void
a_time_without_a_zone_is_of_that_of_the_source(void **state)
{
	static const struct example examples[] = {
		{ "2025-07-17 08:00:03 x", "2025-07-17T06:00:03.000Z" },
		{ "2025-01-17 08:00:03 x", "2025-01-17T07:00:03.000Z" },
		{ "2025-07-17T08:00:03Z x", "2025-07-17T08:00:03.000Z" },
		/* clocks go forward: it was not there; back: the first */
		{ "2025-03-30 02:30:00 x", "2025-03-30T01:30:00.000Z" },
		{ "2024-10-27 02:30:00 x", "2024-10-27T00:30:00.000Z" },
	};
	struct err err;
	struct zone *zone = zone_open("Europe/Berlin", &err);
	const struct stamp_spec spec = { .kind = STAMP_AUTO, .zone = zone };

	(void)state;
	assert_non_null(zone);
	for (size_t i = 0; i < sizeof examples / sizeof *examples; i++)
		check(&spec, &examples[i]);
	zone_free(zone);
}

static void
a_format_says_how_to_read_it(void **state)
{
	static const struct {
		char format[40];
		struct example example;
	} cases[] = {
		{ "%Y%m%d-%H%M%S",
		    { "20251017-080003", "2025-10-17T08:00:03.000Z" } },
		{ "%d.%m.%y %H:%M:%S.%f",
		    { "17.10.25 08:00:03.25", "2025-10-17T08:00:03.250Z" } },
		{ "%Y-%m-%d %H:%M:%S,%L %z", { "2025-10-17 08:00:03,123 +0200",
						 "2025-10-17T06:00:03.123Z" } },
		{ "%s", { "1760688003", "2025-10-17T08:00:03.000Z" } },
		{ "%s.%f", { "1760688003.5", "2025-10-17T08:00:03.500Z" } },
		{ "%b %d %H:%M",
		    { "Oct 18 08:00", "2025-10-18T08:00:00.000Z" } },
		{ "%b %d %H:%M",
		    { "Oct 20 08:00", "2024-10-20T08:00:00.000Z" } },
		{ "%Y-%m-%d", { "yesterday", NULL } },
		{ "%Y-%m-%d", { "2025-02-30", NULL } },
		{ "%Y-%m-%d", { "", NULL } },
		{ "%s", { "x", NULL } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char format[40];
		const struct stamp_spec spec = { .kind = STAMP_FORMAT,
			.format = format };

		memcpy(format, cases[i].format, sizeof format);
		check(&spec, &cases[i].example);
	}
}

static void
a_format_that_tells_no_time_is_a_fault(void **state)
{
	size_t offset;

	(void)state;
	assert_null(stamp_format_fault("%Y-%m-%d %H:%M:%S.%f %z", &offset));
	assert_null(stamp_format_fault("%s", &offset));
	assert_null(stamp_format_fault("%F %T %%", &offset));
	assert_non_null(stamp_format_fault("%H:%M", &offset));
	assert_non_null(stamp_format_fault("", &offset));
	assert_non_null(stamp_format_fault("%d %q", &offset));
	assert_int_equal(offset, 3);
	assert_non_null(stamp_format_fault("%d %", &offset));
	assert_int_equal(offset, 3);
}

static void
none_is_none(void **state)
{
	const struct stamp_spec spec = { .kind = STAMP_NONE };

	(void)state;
	check(&spec, &(const struct example){ "2025-10-17T08:00:03Z", NULL });
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_forms_that_logs_have_are_known),
		cmocka_unit_test(what_only_looks_like_a_time_is_none),
		cmocka_unit_test(a_text_may_end_anywhere),
		cmocka_unit_test(day_and_month_are_told_apart_by_what_was_seen),
		cmocka_unit_test(a_locale_may_tell_day_and_month_apart),
		cmocka_unit_test(a_year_that_is_left_out_is_the_last_one),
		cmocka_unit_test(
		    a_time_without_a_zone_is_of_that_of_the_source),
		cmocka_unit_test(a_format_says_how_to_read_it),
		cmocka_unit_test(a_format_that_tells_no_time_is_a_fault),
		cmocka_unit_test(none_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
