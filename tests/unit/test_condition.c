/* SPDX-License-Identifier: MIT */
/*
 * What is looked at, over time: good, bad, or not to be seen.
 */
#include "detect/condition.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define FOR_MS 1000

/* What is seen and what comes of it: g, b, u for what was seen, t for time
 * alone; then the turn: '-' none, '+' fired, '.' over. */
struct step {
	char what;
	int64_t now_ms;
	char turn;
};

static char
take(struct condition *c, const struct step *s)
{
	static const char turns[] = { '-', '+', '.' };
	enum sight sight = s->what == 'g'   ? SIGHT_GOOD
	                   : s->what == 'b' ? SIGHT_BAD
	                                    : SIGHT_UNKNOWN;

	return turns[s->what == 't'
			 ? condition_tick(c, FOR_MS, s->now_ms)
			 : condition_see(c, sight, FOR_MS, s->now_ms)];
}

static void
check(const struct step *steps, size_t count)
{
	struct condition c = { 0 };

	for (size_t i = 0; i < count; i++)
		if (take(&c, &steps[i]) != steps[i].turn)
			fail_msg("step %zu: %c at %lld", i, steps[i].what,
			    (long long)steps[i].now_ms);
}

#define CHECK(...)                                                             \
	check((const struct step[]){ __VA_ARGS__ },                            \
	    sizeof((const struct step[]){ __VA_ARGS__ }) /                     \
		sizeof(struct step))

static void
it_fires_when_it_was_bad_for_as_long(void **state)
{
	(void)state;
	CHECK({ 'b', 0, '-' }, { 'b', 999, '-' }, { 'b', 1000, '+' },
	    { 'b', 2000, '-' }, { 'g', 3000, '.' }, { 'g', 4000, '-' },
	    { 'b', 5000, '-' }, { 'b', 6000, '+' });
	/* By time alone. */
	CHECK({ 'b', 0, '-' }, { 't', 999, '-' }, { 't', 1000, '+' },
	    { 't', 2000, '-' }, { 'g', 2500, '.' });
}

static void
what_is_good_in_between_begins_anew(void **state)
{
	(void)state;
	CHECK({ 'g', 0, '.' }, { 'b', 0, '-' }, { 'g', 900, '-' },
	    { 'b', 950, '-' }, { 'b', 1900, '-' }, { 'b', 1950, '+' });
}

static void
what_cannot_be_seen_is_neither(void **state)
{
	(void)state;
	CHECK({ 'u', 0, '-' }, { 'u', 9000, '-' }, { 'g', 9100, '.' },
	    { 'g', 9200, '-' });
	/* It neither fires nor ends; the time counts on. */
	CHECK({ 'b', 0, '-' }, { 'u', 500, '-' }, { 't', 1000, '-' },
	    { 'u', 1500, '-' }, { 'b', 1600, '+' }, { 'u', 1700, '-' },
	    { 't', 9000, '-' }, { 'g', 9100, '.' });
}

static void
its_deadline_is_known(void **state)
{
	struct condition c = { 0 };

	(void)state;
	assert_int_equal(condition_due(&c, FOR_MS), INT64_MAX);
	condition_see(&c, SIGHT_BAD, FOR_MS, 500);
	assert_int_equal(condition_due(&c, FOR_MS), 1500);
	assert_int_equal(condition_due(&c, INT64_MAX), INT64_MAX);
	condition_see(&c, SIGHT_UNKNOWN, FOR_MS, 600);
	assert_int_equal(condition_due(&c, FOR_MS), INT64_MAX);
	condition_see(&c, SIGHT_BAD, FOR_MS, 700);
	assert_int_equal(condition_due(&c, FOR_MS), 1500);
	condition_tick(&c, FOR_MS, 1500);
	assert_int_equal(condition_due(&c, FOR_MS), INT64_MAX);
	/* A repair that is proved: bad for as long again, then. */
	condition_reset(&c, 2000);
	assert_int_equal(condition_due(&c, FOR_MS), 3000);
	/* And over when it is good. */
	assert_int_equal(
	    condition_see(&c, SIGHT_GOOD, FOR_MS, 2100), TURN_OVER);
	assert_int_equal(
	    condition_see(&c, SIGHT_GOOD, FOR_MS, 2200), TURN_NONE);
	/* Without a time it fires at once. */
	c = (struct condition){ 0 };
	assert_int_equal(condition_see(&c, SIGHT_BAD, 0, 10), TURN_FIRED);
}

static void
it_goes_on_after_a_restart(void **state)
{
	struct condition c = { 0 }, later = { 0 };
	struct str text = { 0 };

	(void)state;
	condition_write(&c, &text);
	assert_int_equal(text.len, 0);
	condition_see(&c, SIGHT_BAD, FOR_MS, 500);
	condition_write(&c, &text);
	condition_read(&later, str_text(&text), 900);
	/* It may be good by now. */
	assert_int_equal(condition_tick(&later, FOR_MS, 9000), TURN_NONE);
	assert_int_equal(
	    condition_see(&later, SIGHT_BAD, FOR_MS, 1400), TURN_NONE);
	assert_int_equal(condition_due(&later, FOR_MS), 1500);
	/* What was told is not told again, and its end is. */
	condition_tick(&c, FOR_MS, 1500);
	str_clear(&text);
	condition_write(&c, &text);
	later = (struct condition){ 0 };
	condition_read(&later, str_text(&text), 1600);
	assert_int_equal(
	    condition_see(&later, SIGHT_BAD, FOR_MS, 9000), TURN_NONE);
	assert_int_equal(
	    condition_see(&later, SIGHT_GOOD, FOR_MS, 9100), TURN_OVER);
	/* The clock was set back. */
	later = (struct condition){ 0 };
	condition_read(&later, str_text(&text), 100);
	assert_int_equal(later.since_ms, 100);
	str_free(&text);
}

static void
what_is_no_memory_is_left_out(void **state)
{
	static const char *const states[] = { "", "[]", "{}",
		"{\"bad_ms\":\"1\"}", "\xff",
		/* of an absence that the rule was */
		"{\"ms\":1,\"absent\":true}" };

	(void)state;
	for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
		struct condition c = { 0 };

		condition_read(&c, text_of(states[i]), 100);
		assert_false(c.bad);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_fires_when_it_was_bad_for_as_long),
		cmocka_unit_test(what_is_good_in_between_begins_anew),
		cmocka_unit_test(what_cannot_be_seen_is_neither),
		cmocka_unit_test(its_deadline_is_known),
		cmocka_unit_test(it_goes_on_after_a_restart),
		cmocka_unit_test(what_is_no_memory_is_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
