/* SPDX-License-Identifier: MIT */
/*
 * What an answer of a probe means.  How it is run, tests/e2e/probe.sh shows.
 */
#include "detect/probes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct pattern *pattern;

static struct probe_spec
spec_of(char kind)
{
	struct probe_spec s = { .not_falling_ms = INT64_MAX };

	s.has_above = kind == 'a' || kind == 'r';
	s.has_below = kind == 'b' || kind == 'r';
	s.above = 10;
	s.below = 2.5;
	if (kind == 'f')
		s.not_falling_ms = 1000;
	if (kind == 'o')
		s.output = (struct patterns){ &pattern, 1 };
	return s;
}

static void
an_answer_is_good_bad_or_none(void **state)
{
	/* kind: of nothing asked (p), above (a), below (b), a range (r),
	 * output (o). */
	static const struct {
		char kind;
		int status;
		const char *output;
		enum sight sight;
		const char *why;
	} cases[] = {
		{ 'p', 0, "whatever", SIGHT_GOOD, "" },
		{ 'p', 1, "down\n", SIGHT_BAD, "exit status 1: down\n" },
		{ 'p', 127, "", SIGHT_BAD, "exit status 127: " },
		{ 'a', 0, "10\n", SIGHT_GOOD, "" },
		{ 'a', 0, " 10.5 \n", SIGHT_BAD, "10.5, above 10" },
		{ 'a', 0, "1e3", SIGHT_BAD, "1000, above 10" },
		{ 'a', 0, "warning: x\n11\n", SIGHT_BAD, "11, above 10" },
		{ 'a', 0, "-3", SIGHT_GOOD, "" },
		{ 'a', 0, "", SIGHT_UNKNOWN, "it printed no number: ''" },
		{ 'a', 0, "many", SIGHT_UNKNOWN,
		    "it printed no number: 'many'" },
		{ 'a', 0, "12 jobs", SIGHT_UNKNOWN,
		    "it printed no number: '12 jobs'" },
		{ 'a', 0, "nan", SIGHT_UNKNOWN, "it printed no number: 'nan'" },
		{ 'a', 0, "1e999", SIGHT_UNKNOWN,
		    "it printed no number: '1e999'" },
		{ 'a', 1, "50", SIGHT_UNKNOWN, "exit status 1: 50" },
		{ 'b', 0, "2.5", SIGHT_GOOD, "" },
		{ 'b', 0, "2", SIGHT_BAD, "2, below 2.5" },
		{ 'r', 0, "5", SIGHT_GOOD, "" },
		{ 'r', 0, "1", SIGHT_BAD, "1, below 2.5" },
		{ 'r', 0, "11", SIGHT_BAD, "11, above 10" },
		{ 'o', 0, "role:slave\n", SIGHT_BAD, "it says 'role:slave'" },
		{ 'o', 0, "role:master\n", SIGHT_GOOD, "" },
		{ 'o', 2, "role:slave\n", SIGHT_UNKNOWN,
		    "exit status 2: role:slave\n" },
		{ 'o', 0, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!",
		    SIGHT_UNKNOWN,
		    "the pattern of 'output' hit its match limit" },
	};

	(void)state;
	pattern =
	    pattern_compile(TEXT("^role:slave$|^(a+)+$|!(?<!!)"), NULL, NULL);
	assert_non_null(pattern);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct probe_spec s = spec_of(cases[i].kind);
		struct probe_memory m = { .last = 0 };
		struct probe_answer a = { NULL, cases[i].status,
			text_of(cases[i].output), false };
		struct err why;
		enum sight sight = probe_judge(&s, &m, &a, 0, &why);

		if (sight != cases[i].sight ||
		    strcmp(why.text, cases[i].why) != 0)
			fail_msg("case %zu: %d, '%s'", i, sight, why.text);
	}
	pattern_free(pattern);
}

static void
what_was_cut_off_is_not_known_to_be_good(void **state)
{
	struct probe_spec s = spec_of('o');
	struct probe_memory m = { .last = 0 };
	struct probe_answer a = { NULL, 0, TEXT("role:master\n"), true };
	struct err why;

	(void)state;
	pattern = pattern_compile(TEXT("^role:slave$"), NULL, NULL);
	assert_int_equal(probe_judge(&s, &m, &a, 0, &why), SIGHT_UNKNOWN);
	assert_string_equal(why.text, "it printed more than 65536 bytes");
	a.output = TEXT("role:slave\n");
	assert_int_equal(probe_judge(&s, &m, &a, 0, &why), SIGHT_BAD);
	pattern_free(pattern);
}

static void
what_could_not_be_run_is_no_answer(void **state)
{
	static const char kinds[] = "paof";
	const struct probe_answer a = { "it did not end in time", 0, { "5", 1 },
		false };

	(void)state;
	for (size_t i = 0; kinds[i] != '\0'; i++) {
		struct probe_spec s = spec_of(kinds[i]);
		struct probe_memory m = { .last = 0 };
		struct err why;

		assert_int_equal(
		    probe_judge(&s, &m, &a, 0, &why), SIGHT_UNKNOWN);
		assert_string_equal(why.text, "it did not end in time");
	}
}

static void
a_number_that_does_not_fall_is_bad(void **state)
{
	/* not_falling: 1s */
	static const struct {
		int64_t now_ms;
		const char *output;
		enum sight sight;
	} steps[] = {
		/* Nothing is known yet, perhaps of an earlier life. */
		{ 0, "5", SIGHT_UNKNOWN },
		{ 500, "5", SIGHT_UNKNOWN },
		{ 999, "7", SIGHT_UNKNOWN },
		{ 1000, "7", SIGHT_BAD },
		{ 1100, "9", SIGHT_BAD },
		/* It falls. */
		{ 1200, "8", SIGHT_GOOD },
		{ 2100, "8", SIGHT_GOOD },
		{ 2200, "8", SIGHT_BAD },
		/* What is not known changes nothing. */
		{ 2300, "?", SIGHT_UNKNOWN },
		{ 2400, "8", SIGHT_BAD },
		/* Nothing is left to fall. */
		{ 2500, "0", SIGHT_GOOD },
		{ 9000, "0", SIGHT_GOOD },
		/* From then on it may be above 0 for a second. */
		{ 9500, "3", SIGHT_GOOD },
		{ 9999, "4", SIGHT_GOOD },
		{ 10000, "4", SIGHT_BAD },
	};
	struct probe_spec s = spec_of('f');
	struct probe_memory m = { .last = 0 };

	(void)state;
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		struct probe_answer a = { NULL, 0, text_of(steps[i].output),
			false };
		struct err why;
		enum sight sight =
		    probe_judge(&s, &m, &a, steps[i].now_ms, &why);

		if (sight != steps[i].sight)
			fail_msg("step %zu: %d, %s", i, sight, why.text);
	}
}

/* A number above 0 at a time, with not_falling: 1s. */
static enum sight
sight_of(struct probe_memory *m, const char *output, int64_t now_ms)
{
	struct probe_spec s = spec_of('f');
	struct probe_answer a = { NULL, 0, text_of(output), false };
	struct err why;

	return probe_judge(&s, m, &a, now_ms, &why);
}

/* What another that is started at now_ms remembers. */
static struct probe_memory
restarted(const struct probe_memory *m, int64_t now_ms)
{
	struct probe_memory other = { .last = 0 };
	struct str text = { 0 };

	probe_memory_write(m, &text);
	probe_memory_read(&other, str_text(&text), now_ms);
	str_free(&text);
	return other;
}

static void
a_restart_goes_on_without_the_time_in_which_nobody_asked(void **state)
{
	struct probe_memory m = { .last = 0 };

	(void)state;
	m = restarted(&m, 0);
	assert_false(m.has_last);
	sight_of(&m, "9", 0);
	sight_of(&m, "8.5", 100);
	sight_of(&m, "8.5", 700);
	m = restarted(&m, 5000);
	assert_int_equal(sight_of(&m, "8.5", 5399), SIGHT_GOOD);
	assert_int_equal(sight_of(&m, "8.5", 5400), SIGHT_BAD);
	m = restarted(&m, 10); /* the clock was set back */
	assert_int_equal(sight_of(&m, "9", 1010), SIGHT_BAD);
	m = restarted(&m, 2000);
	assert_int_equal(sight_of(&m, "8.9", 2000), SIGHT_GOOD);
}

static void
a_memory_that_is_none_is_left_out(void **state)
{
	static const char *const texts[] = { "", "[]", "{\"bad_ms\":1}",
		"{\"last\":1,\"fell_ms\":2,\"seen_ms\":1}",
		"{\"last\":1,\"fell_ms\":-9223372036854775807,"
		"\"seen_ms\":9223372036854775807}",
		"{\"last\":\"1\",\"fell_ms\":1,\"seen_ms\":2}" };
	struct probe_memory m = { .last = 0 };

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		probe_memory_read(&m, text_of(texts[i]), 100);
		assert_false(m.has_last);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_is_good_bad_or_none),
		cmocka_unit_test(what_was_cut_off_is_not_known_to_be_good),
		cmocka_unit_test(what_could_not_be_run_is_no_answer),
		cmocka_unit_test(a_number_that_does_not_fall_is_bad),
		cmocka_unit_test(
		    a_restart_goes_on_without_the_time_in_which_nobody_asked),
		cmocka_unit_test(a_memory_that_is_none_is_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
