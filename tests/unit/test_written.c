/* SPDX-License-Identifier: MIT */
#include "detect/written.h"

#include "conf/node.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static uint64_t
written(const char *rule)
{
	struct diag *diag = diag_new();
	struct doc *doc = doc_parse("r.yml", text_of(rule), diag);
	uint64_t number = written_of(doc_root(doc));

	assert_int_equal(diag_errors(diag), 0);
	doc_free(doc);
	diag_free(diag);
	return number;
}

static void
what_is_no_part_of_a_detector_changes_nothing(void **state)
{
	static const char *const same[] = {
		"{id: r, match: 'a b', key: [k], threshold: {count: 3, within: "
		"1m}}",
		"# a comment\n{key: [k], threshold: {within: 1m, count: 3}, "
		"id: r, match: a b}",
		"{id: r, match: 'a b', key: [k], threshold: {count: 3, within: "
		"1m}, severity: info, summary: x, actions: [a], resolve: "
		"manual, cooldown: 1m, remind: 1h, active: {days: Mon}}",
		"id: r\nmatch: |-\n  a b\nkey: [k]\nthreshold:\n  count: 3\n"
		"  within: 1m\n",
	};

	(void)state;
	for (size_t i = 1; i < sizeof same / sizeof *same; i++)
		if (written(same[i]) != written(same[0]))
			fail_msg("another: %s", same[i]);
}

static void
each_part_of_a_detector_counts(void **state)
{
	static const char *const others[] = {
		"{match: a}",
		"{match: b}",
		"{absent: a}",
		"{match: [a, b]}",
		"{match: [ab]}",
		"{match: [b, a]}",
		"{match: a, except: b}",
		"{match: a, where: {k: b}}",
		"{match: a, where: {b: k}}",
		"{match: a, key: [k]}",
		"{match: a, source: k}",
		"{match: a, threshold: {count: 2, within: 1m}}",
		"{match: a, threshold: {count: 3, within: 1m}}",
		"{match: a, threshold: {count: 2, within: 2m}}",
		"{match: a, threshold: {count: 2, within: 1m, distinct: k}}",
		"{match: a, followed_by: {match: b, within: 1m}}",
		"{match: a, not_followed_by: {match: b, within: 1m}}",
		"{match: a, followed_by: {match: c, within: 1m}}",
		"{match: a, followed_by: {match: b, within: 1m, same: [k]}}",
		"{absent: a, for: 1m}",
		"{absent: a, for: 1m, forget: 2m}",
		"{process: {name: a}}",
		"{process: {cmdline: a}}",
		"{process: {name: a}, for: 1m}",
		"{probe: [a]}",
		"{probe: [a, b]}",
		"{probe: [a], above: 1}",
		"{probe: [a], below: 1}",
		"{probe: [a], output: 1}",
		"{probe: [a], not_falling: 1m}",
		"{http: a}",
		"{http: a, status: 1}",
		"{schedule: a}",
		"{match: '${WORD}'}",
	};
	const size_t count = sizeof others / sizeof *others;

	(void)state;
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < i; k++)
			if (written(others[i]) == written(others[k]))
				fail_msg(
				    "equal: %s and %s", others[i], others[k]);
}

static void
variables_are_what_they_hold_but_none_in_patterns(void **state)
{
	uint64_t one, pattern;

	(void)state;
	setenv("WORD", "a", 1);
	one = written("{probe: ['${WORD}']}");
	pattern = written("{match: '${WORD}'}");
	assert_true(one == written("{probe: [a]}"));
	setenv("WORD", "b", 1);
	assert_true(one != written("{probe: ['${WORD}']}"));
	assert_true(pattern == written("{match: '${WORD}'}"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_no_part_of_a_detector_changes_nothing),
		cmocka_unit_test(each_part_of_a_detector_counts),
		cmocka_unit_test(
		    variables_are_what_they_hold_but_none_in_patterns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
