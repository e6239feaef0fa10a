/* SPDX-License-Identifier: MIT */
/*
 * How long ago what is read was written.
 */
#include "event/backlog.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define FILE_ID 7
#define SIZE 1000
#define WRITTEN 50000 /* when the file was */
#define NOW 60000

struct last {
	int64_t stamp_ms;
	unsigned asked;
};

static int64_t
last_of(uint64_t file, int64_t size, void *ctx)
{
	struct last *last = ctx;

	assert_int_equal(file, FILE_ID);
	assert_int_equal(size, SIZE);
	last->asked++;
	return last->stamp_ms;
}

static void
an_event_is_as_old_as_it_stands_before_the_last(void **state)
{
	static const struct {
		int64_t offset, stamp_ms, last_ms, age_ms;
	} cases[] = {
		{ 0, 30000, 50000, 30000 },
		{ SIZE - 1, 50000, 50000, 10000 },
		/* Whatever the writer's clock is. */
		{ 0, 1030000, 1050000, 30000 },
		{ 0, 1, 20001, 30000 },
		/* Of later than the last it is said that it is new. */
		{ 0, 60000, 50000, 0 },
		{ 0, 99000, 50000, 0 },
		/* Not there yet when it was looked. */
		{ SIZE, 30000, 50000, 0 },
		/* Not known. */
		{ 0, 0, 50000, 0 },
		{ 0, 30000, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct backlog *b = backlog_new();
		struct last last = { cases[i].last_ms, 0 };
		int64_t age_ms;

		backlog_add(b, FILE_ID, SIZE, WRITTEN);
		age_ms = backlog_age(b, FILE_ID, cases[i].offset,
		    cases[i].stamp_ms, NOW, last_of, &last);
		if (age_ms != cases[i].age_ms)
			fail_msg("case %zu: %lld", i, (long long)age_ms);
		backlog_free(b);
	}
	backlog_free(NULL);
}

static void
a_file_is_asked_for_its_last_event_once(void **state)
{
	struct backlog *b = backlog_new();
	struct last last = { 50000, 0 };

	(void)state;
	assert_int_equal(
	    backlog_age(b, FILE_ID, 0, 30000, NOW, last_of, &last), 0);
	assert_false(backlog_has(b, FILE_ID, 0));
	assert_int_equal(backlog_written_ms(b, FILE_ID), 0);
	backlog_add(b, FILE_ID, SIZE, WRITTEN);
	assert_int_equal(last.asked, 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(
		    backlog_age(b, FILE_ID, i, 30000, NOW, last_of, &last),
		    30000);
	assert_int_equal(last.asked, 1);
	assert_true(backlog_has(b, FILE_ID, SIZE - 1));
	assert_false(backlog_has(b, FILE_ID, SIZE));
	assert_int_equal(backlog_written_ms(b, FILE_ID), WRITTEN);
	backlog_remove(b, FILE_ID);
	assert_false(backlog_has(b, FILE_ID, 0));
	assert_int_equal(
	    backlog_age(b, FILE_ID, 0, 30000, NOW, last_of, &last), 0);
	assert_int_equal(last.asked, 1);
	backlog_free(b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    an_event_is_as_old_as_it_stands_before_the_last),
		cmocka_unit_test(a_file_is_asked_for_its_last_event_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
