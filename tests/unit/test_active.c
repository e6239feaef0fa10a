/* SPDX-License-Identifier: MIT */
/*
 * Hours of days, as a table of instants.
 */
#include "base/when.h"
#include "conf/node.h"
#include "detect/active.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static struct active *
read_active(const char *yaml)
{
	struct diag *diag = diag_new();
	struct doc *doc = doc_parse("test.yml", text_of(yaml), diag);
	struct active *a = active_read(doc_root(doc), "rule 'a'");

	if (diag_errors(diag) > 0)
		fail_msg("'%s' is refused", yaml);
	assert_non_null(a);
	doc_free(doc);
	diag_free(diag);
	return a;
}

/* 2025-10-17 is a Friday. */
static void
it_is_active_within_its_hours_of_its_days(void **state)
{
	static const struct {
		const char *active, *at, *next; /* next NULL: it is active */
	} cases[] = {
		{ "{days: Mon-Fri}", "2025-10-17T23:59:59", NULL },
		{ "{days: Mon-Fri}", "2025-10-18T00:00:00",
		    "2025-10-20T00:00:00" },
		{ "{days: [Sat, sunday]}", "2025-10-17T12:00:00",
		    "2025-10-18T00:00:00" },
		{ "{days: [Sat, sunday]}", "2025-10-19T23:59:59", NULL },
		{ "{days: Fri-Mon}", "2025-10-20T12:00:00", NULL },
		{ "{days: Fri-Mon}", "2025-10-21T00:00:00",
		    "2025-10-24T00:00:00" },
		{ "{days: fri}", "2025-10-18T00:00:00", "2025-10-24T00:00:00" },
		/* The end is not within. */
		{ "{hours: '08:00-20:00'}", "2025-10-17T07:59:59",
		    "2025-10-17T08:00:00" },
		{ "{hours: '08:00-20:00'}", "2025-10-17T08:00:00", NULL },
		{ "{hours: '8:00-20:00'}", "2025-10-17T19:59:59", NULL },
		{ "{hours: '08:00-20:00'}", "2025-10-17T20:00:00",
		    "2025-10-18T08:00:00" },
		{ "{hours: '00:00-24:00'}", "2025-10-17T23:59:59", NULL },
		{ "{hours: ['08:00-12:00', '13:00-17:00']}",
		    "2025-10-17T12:30:00", "2025-10-17T13:00:00" },
		{ "{hours: ['08:00-12:00', '13:00-17:00']}",
		    "2025-10-17T16:59:00", NULL },
		/* Past midnight it is the day on which it began. */
		{ "{days: Fri, hours: '22:00-06:00'}", "2025-10-17T03:00:00",
		    "2025-10-17T22:00:00" },
		{ "{days: Fri, hours: '22:00-06:00'}", "2025-10-17T22:00:00",
		    NULL },
		{ "{days: Fri, hours: '22:00-06:00'}", "2025-10-18T05:59:59",
		    NULL },
		{ "{days: Fri, hours: '22:00-06:00'}", "2025-10-18T06:00:00",
		    "2025-10-24T22:00:00" },
		{ "{days: Fri, hours: '22:00-06:00'}", "2025-10-18T22:00:00",
		    "2025-10-24T22:00:00" },
		{ "{days: Fri, hours: '22:00-00:00'}", "2025-10-17T23:59:59",
		    NULL },
		{ "{days: Fri, hours: '22:00-00:00'}", "2025-10-18T00:00:00",
		    "2025-10-24T22:00:00" },
		/* Of the zone's calendar. */
		{ "{days: Fri, zone: Asia/Taipei}", "2025-10-16T15:59:59",
		    "2025-10-16T16:00:00" },
		{ "{days: Fri, zone: Asia/Taipei}", "2025-10-17T15:59:59",
		    NULL },
		{ "{days: Mon-Fri, hours: '08:00-20:00', zone: Asia/Taipei}",
		    "2025-10-17T12:00:00", "2025-10-20T00:00:00" },
		/* Clocks there go from 2 to 3 at 01:00 UTC. */
		{ "{hours: '02:30-06:00', zone: Europe/Berlin}",
		    "2025-03-30T00:59:59", "2025-03-30T01:00:00" },
		{ "{hours: '02:30-06:00', zone: Europe/Berlin}",
		    "2025-03-30T01:00:00", NULL },
		{ "{hours: '02:00-02:30', zone: Europe/Berlin}",
		    "2025-03-30T00:30:00", "2025-03-31T00:00:00" },
		/* And from 3 to 2 at 01:00 UTC. */
		{ "{hours: '02:30-06:00', zone: Europe/Berlin}",
		    "2025-10-26T00:30:00", NULL },
		{ "{hours: '02:30-06:00', zone: Europe/Berlin}",
		    "2025-10-26T01:10:00", "2025-10-26T01:30:00" },
		{ "{hours: '02:30-06:00', zone: Europe/Berlin}",
		    "2025-10-26T04:59:59", NULL },
	};

	(void)state;
	setenv("TZ", "UTC", 1);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const char *next = cases[i].next;
		int64_t at = ms_of(cases[i].at);
		struct active *a = read_active(cases[i].active);
		char got[WHEN_SIZE];

		if (active_is(a, at) != (next == NULL))
			fail_msg("%s %s", cases[i].active, cases[i].at);
		if (active_next(a, at) != (next != NULL ? ms_of(next) : at))
			fail_msg("%s %s: %s", cases[i].active, cases[i].at,
			    when_write(active_next(a, at), got));
		active_free(a);
	}
}

static void
what_names_no_hours_is_always_active(void **state)
{
	(void)state;
	assert_true(active_is(NULL, 0));
	assert_int_equal(active_defer(NULL, 7, 0, 0), 7);
	active_free(NULL);
}

static void
a_deadline_outside_waits_for_the_next_hours(void **state)
{
	struct active *a = read_active("{hours: '08:00-20:00', zone: UTC}");
	const int64_t offset = 1000000;
	const int64_t day = ms_of("2025-10-17T00:00:00") - offset;
	const int64_t hour = 3600000;

	(void)state;
	assert_int_equal(
	    active_defer(a, day + 9 * hour, day, offset), day + 9 * hour);
	assert_int_equal(
	    active_defer(a, day + 3 * hour, day, offset), day + 8 * hour);
	/* It came within them, and nobody looked before they were over. */
	assert_int_equal(
	    active_defer(a, day + 19 * hour, day + 20 * hour, offset),
	    day + 32 * hour);
	assert_int_equal(active_defer(a, INT64_MAX, day, offset), INT64_MAX);
	active_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_active_within_its_hours_of_its_days),
		cmocka_unit_test(what_names_no_hours_is_always_active),
		cmocka_unit_test(a_deadline_outside_waits_for_the_next_hours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
