/* SPDX-License-Identifier: MIT */
/*
 * So many within a time.
 */
#include "detect/window.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static bool
add(struct window *w, int64_t now_ms, const char *value, int64_t first_ms)
{
	int64_t first = -1;
	bool enough = window_add(w, now_ms, now_ms, text_of(value), &first);

	assert_int_equal(first, first_ms);
	return enough;
}

static void
enough_are_within_until_the_first_is_as_old_as_the_time(void **state)
{
	struct window *w = window_new(&(struct window_spec){ 3, 1000, false });

	(void)state;
	assert_false(add(w, 0, NULL, 0));
	assert_false(add(w, 500, NULL, 0));
	assert_true(add(w, 999, NULL, 0));
	assert_true(add(w, 1499, NULL, 500));
	assert_false(add(w, 2499, NULL, 2499));
	assert_false(add(w, 2499, NULL, 2499));
	assert_true(add(w, 2499, NULL, 2499));
	window_free(w);
	window_free(NULL);
}

static void
a_window_of_one_is_full_at_once(void **state)
{
	struct window *w = window_new(&(struct window_spec){ 1, 1, false });

	(void)state;
	assert_true(add(w, 5, NULL, 5));
	assert_true(add(w, 5, NULL, 5));
	assert_true(add(w, 6, NULL, 6));
	window_free(w);
}

static void
values_count_once_at_their_last_time(void **state)
{
	struct window *w = window_new(&(struct window_spec){ 2, 1000, true });
	char one[600], other[600];

	(void)state;
	assert_false(add(w, 0, "a", 0));
	assert_false(add(w, 900, "a", 900));
	assert_true(add(w, 1899, "b", 900));
	assert_false(add(w, 2899, "b", 2899));
	assert_false(add(w, 4000, "", 4000));
	assert_true(add(w, 4001, "c", 4000));
	/* Of a long one the head tells it apart. */
	memset(one, 'x', sizeof one);
	memset(other, 'x', sizeof other);
	one[599] = other[599] = '\0';
	other[598] = 'y';
	assert_false(add(w, 9000, one, 9000));
	assert_false(add(w, 9000, other, 9000));
	window_free(w);
}

static void
one_expires_when_its_last_hit_is_too_old(void **state)
{
	struct window *w = window_new(&(struct window_spec){ 3, 1000, false });

	(void)state;
	assert_true(window_expired(w, 0));
	add(w, 0, NULL, 0);
	add(w, 500, NULL, 0);
	assert_false(window_expired(w, 1499));
	assert_true(window_expired(w, 1500));
	window_free(w);
}

static void
it_keeps_no_more_than_it_takes_to_tell(void **state)
{
	struct window *w =
	    window_new(&(struct window_spec){ 3, 1000000, false });
	struct str text = { 0 };

	(void)state;
	for (int64_t i = 0; i < 100000; i++)
		add(w, i, NULL, i > 2 ? i - 2 : 0);
	window_write(w, &text);
	assert_string_equal(text.data, "[99997,99998,99999]");
	str_free(&text);
	window_free(w);
}

static void
what_was_written_is_read_back(void **state)
{
	static const bool kinds[] = { false, true };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct window *w =
		    window_new(&(struct window_spec){ 3, 1000, kinds[i] });
		struct window *copy =
		    window_new(&(struct window_spec){ 3, 1000, kinds[i] });
		struct str text = { 0 }, again = { 0 };

		window_write(w, &text);
		assert_int_equal(text.len, 0);
		window_read(copy, str_text(&text));
		add(w, 10, "a \"\xc3\xa4\n", 10);
		add(w, 20, "", 10);
		window_write(w, &text);
		window_read(copy, str_text(&text));
		window_write(copy, &again);
		assert_string_equal(text.data, again.data);
		assert_true(add(copy, 1009, "c", 10));
		str_free(&text);
		str_free(&again);
		window_free(w);
		window_free(copy);
	}
}

static void
a_window_that_became_smaller_or_another_kind_reads_what_it_can(void **state)
{
	struct window *w = window_new(&(struct window_spec){ 2, 1000, false });

	(void)state;
	window_read(w, TEXT("[1,2,3,4]"));
	assert_true(add(w, 5, NULL, 4));
	window_free(w);
	w = window_new(&(struct window_spec){ 2, 1000, false });
	window_read(w, TEXT("[1,\"a\",2,\"b\"]"));
	assert_true(add(w, 5, NULL, 2));
	window_free(w);
	w = window_new(&(struct window_spec){ 2, 1000, true });
	window_read(w, TEXT("[1,2,3]"));
	assert_false(add(w, 5, "a", 5));
	window_free(w);
}

static void
a_value_with_nul_is_kept_whole(void **state)
{
	struct window *w = window_new(&(struct window_spec){ 2, 1000, true });
	struct window *copy =
	    window_new(&(struct window_spec){ 3, 1000, true });
	struct str text = { 0 };
	int64_t first;

	(void)state;
	window_add(w, 1, 1, TEXT("a\0b"), &first);
	window_write(w, &text);
	window_read(copy, str_text(&text));
	assert_false(window_add(copy, 2, 2, TEXT("a\0b"), &first));
	assert_int_equal(first, 2);
	assert_false(window_add(copy, 3, 3, TEXT("a\0c"), &first));
	assert_true(window_add(copy, 4, 4, TEXT("a"), &first));
	str_free(&text);
	window_free(w);
	window_free(copy);
}

static void
hits_of_a_clock_that_ran_ahead_do_not_count(void **state)
{
	struct window *w = window_new(&(struct window_spec){ 3, 1000, false });

	(void)state;
	window_read(w, TEXT("[500,900000,900001]"));
	assert_false(add(w, 1000, NULL, 500));
	assert_true(add(w, 1001, NULL, 500));
	window_free(w);
}

/* One that is read late; LAST is the last hit of the rule. */
#define LAST INT64_C(100000)
static bool
add_late(struct window *w, int64_t at_ms, const char *value)
{
	int64_t first;

	return window_add(w, LAST, at_ms, text_of(value), &first);
}

static void
one_that_is_read_late_counts_where_it_was(void **state)
{
	struct window *w = window_new(&(struct window_spec){ 3, 1000, false });
	struct str text = { 0 };
	int64_t first;

	(void)state;
	assert_false(add_late(w, LAST - 900, NULL));
	assert_false(add_late(w, LAST, NULL));
	assert_true(window_add(w, LAST, LAST - 950, text_of(NULL), &first));
	assert_int_equal(first, LAST - 950);
	/* Where there are enough the last ones stay. */
	assert_true(add_late(w, LAST - 500, NULL));
	assert_true(add_late(w, LAST - 999, NULL));
	window_write(w, &text);
	assert_string_equal(text.data, "[99100,99500,100000]");
	str_free(&text);
	window_free(w);
}

static void
those_of_another_time_make_no_crowd(void **state)
{
	struct window *w = window_new(&(struct window_spec){ 3, 1000, false });

	(void)state;
	assert_false(add_late(w, LAST, NULL));
	assert_false(add_late(w, 1000, NULL));
	assert_false(add_late(w, 20000, NULL));
	assert_false(add_late(w, 40000, NULL));
	assert_false(add_late(w, LAST - 1000, NULL));
	/* A third file. */
	assert_false(add_late(w, 500, NULL));
	assert_false(add_late(w, 501, NULL));
	/* What is there now is not forgotten over them. */
	assert_false(add(w, LAST + 1, NULL, LAST));
	assert_true(add(w, LAST + 2, NULL, LAST));
	window_free(w);
}

static void
a_crowd_of_another_time_is_one(void **state)
{
	struct window *w = window_new(&(struct window_spec){ 3, 1000, false });
	struct window *copy =
	    window_new(&(struct window_spec){ 3, 1000, false });
	struct str text = { 0 };
	int64_t first;

	(void)state;
	assert_false(add_late(w, LAST, NULL));
	assert_false(add_late(w, 1000, NULL));
	assert_false(add_late(w, 1500, NULL));
	window_write(w, &text);
	assert_string_equal(text.data, "[[100000],[1000,1500]]");
	window_read(copy, str_text(&text));
	assert_true(window_add(copy, LAST, 1999, text_of(NULL), &first));
	assert_int_equal(first, 1000);
	assert_false(add_late(w, 2000, NULL));
	assert_true(add_late(w, 2000, NULL));
	assert_true(window_last(copy) == LAST);
	str_free(&text);
	window_free(w);
	window_free(copy);
}

static void
a_value_that_is_read_late_counts_at_its_last_time(void **state)
{
	struct window *w = window_new(&(struct window_spec){ 3, 1000, true });
	struct window *copy =
	    window_new(&(struct window_spec){ 3, 1000, true });
	struct str text = { 0 };

	(void)state;
	assert_false(add_late(w, LAST - 100, "a"));
	assert_false(add_late(w, LAST, "b"));
	assert_false(add_late(w, LAST - 200, "a"));
	assert_false(add_late(w, LAST - 300, "b"));
	window_write(w, &text);
	assert_string_equal(text.data, "[99900,\"a\",100000,\"b\"]");
	str_clear(&text);
	assert_false(add_late(w, LAST - 50, "a"));
	window_write(w, &text);
	assert_string_equal(text.data, "[99950,\"a\",100000,\"b\"]");
	assert_true(add_late(w, LAST - 60, "c"));
	assert_false(add_late(w, 1, "x"));
	str_clear(&text);
	window_write(w, &text);
	assert_string_equal(
	    text.data, "[[99940,\"c\",99950,\"a\",100000,\"b\"],[1,\"x\"]]");
	window_read(copy, str_text(&text));
	assert_false(add_late(copy, 2, "y"));
	assert_true(add_late(copy, 3, "z"));
	str_free(&text);
	window_free(w);
	window_free(copy);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_that_is_read_late_counts_where_it_was),
		cmocka_unit_test(those_of_another_time_make_no_crowd),
		cmocka_unit_test(a_crowd_of_another_time_is_one),
		cmocka_unit_test(
		    a_value_that_is_read_late_counts_at_its_last_time),
		cmocka_unit_test(
		    enough_are_within_until_the_first_is_as_old_as_the_time),
		cmocka_unit_test(a_window_of_one_is_full_at_once),
		cmocka_unit_test(values_count_once_at_their_last_time),
		cmocka_unit_test(one_expires_when_its_last_hit_is_too_old),
		cmocka_unit_test(it_keeps_no_more_than_it_takes_to_tell),
		cmocka_unit_test(what_was_written_is_read_back),
		cmocka_unit_test(
		    a_window_that_became_smaller_or_another_kind_reads_what_it_can),
		cmocka_unit_test(a_value_with_nul_is_kept_whole),
		cmocka_unit_test(hits_of_a_clock_that_ran_ahead_do_not_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
