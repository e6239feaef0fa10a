/* SPDX-License-Identifier: MIT */
/*
 * Patterns that give up are asked less and less, and those that answer again
 * always.
 */
#include "match/guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Asks about so many events, all of which fail.  Returns how often it did. */
static uint64_t
fail_on(struct guard *g, uint64_t events)
{
	uint64_t asked = 0;

	for (; events > 0; events--)
		if (guard_asks(g)) {
			guard_note(g, true);
			asked++;
		}
	return asked;
}

static void
a_pattern_that_always_fails_is_asked_less_and_less(void **state)
{
	struct guard g = { 0 };

	(void)state;
	assert_int_equal(fail_on(&g, GUARD_FAILURES), GUARD_FAILURES);
	assert_int_equal(fail_on(&g, GUARD_SPAN), 0);
	assert_int_equal(fail_on(&g, 1), 1);
	assert_int_equal(fail_on(&g, 2 * GUARD_SPAN), 0);
	assert_int_equal(fail_on(&g, 1), 1);
	/* A millisecond each is no more than one in a million events then. */
	assert_in_range(fail_on(&g, 100 * GUARD_SPAN_MAX), 100, 110);
}

static void
it_is_told_for_how_long(void **state)
{
	struct guard g = { 0 };

	(void)state;
	for (int i = 1; i < GUARD_FAILURES; i++)
		assert_int_equal(guard_note(&g, true), 0);
	assert_int_equal(guard_note(&g, true), GUARD_SPAN);
	fail_on(&g, GUARD_SPAN);
	assert_true(guard_asks(&g));
	assert_int_equal(guard_note(&g, true), 2 * GUARD_SPAN);
}

static void
a_pattern_that_answers_again_is_as_new(void **state)
{
	struct guard g = { 0 };

	(void)state;
	fail_on(&g, GUARD_FAILURES + GUARD_SPAN);
	for (int i = 0; i < GUARD_ANSWERS; i++) {
		assert_true(guard_asks(&g));
		assert_int_equal(guard_note(&g, false), 0);
	}
	assert_int_equal(fail_on(&g, GUARD_FAILURES), GUARD_FAILURES);
	assert_int_equal(g.span, GUARD_SPAN);
}

static void
a_failure_now_and_then_suspends_nothing(void **state)
{
	struct guard g = { 0 };

	(void)state;
	for (int i = 0; i < 100; i++) {
		assert_true(guard_asks(&g));
		assert_int_equal(guard_note(&g, true), 0);
		for (int k = 0; k < GUARD_ANSWERS; k++)
			guard_note(&g, false);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    a_pattern_that_always_fails_is_asked_less_and_less),
		cmocka_unit_test(it_is_told_for_how_long),
		cmocka_unit_test(a_pattern_that_answers_again_is_as_new),
		cmocka_unit_test(a_failure_now_and_then_suspends_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
