/* SPDX-License-Identifier: MIT */
/*
 * Firsts that wait for their second half.
 */
#include "detect/sequence.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static void
first(struct sequence *q, const char *same, const char *key, const char *value,
    int64_t now_ms)
{
	struct captures cs = { 1,
		{ { .name = "v", .value = text_of(value) } } };

	sequence_first(q, text_of(same), text_of(key), &cs, now_ms);
}

static void
note(const struct first *f, void *ctx)
{
	str_printf(ctx, "%lld", (long long)f->ms);
	for (size_t i = 0; i < f->captures->count; i++) {
		str_printf(ctx, " %s=", f->captures->v[i].name);
		str_add_text(ctx, f->captures->v[i].value);
	}
	str_putc(ctx, '|');
}

static void
second_is(
    struct sequence *q, const char *same, int64_t now_ms, const char *want)
{
	struct str got = { 0 };

	str_puts(&got, "");
	sequence_second(q, text_of(same), now_ms, note, &got);
	assert_string_equal(got.data, want);
	str_free(&got);
}

static void
a_second_half_settles_every_first_with_equal_captures(void **state)
{
	struct sequence *q = sequence_new(1000);

	(void)state;
	second_is(q, "a", 0, "");
	first(q, "a", "k1", "1", 10);
	first(q, "a", "k2", "2", 20);
	first(q, "b", "k1", "3", 30);
	second_is(q, "c", 40, "");
	second_is(q, "a", 50, "10 v=1|20 v=2|");
	second_is(q, "a", 60, "");
	assert_true(sequence_waits(q, 60));
	second_is(q, "b", 70, "30 v=3|");
	assert_false(sequence_waits(q, 70));
	sequence_free(q);
	sequence_free(NULL);
}

static void
a_first_counts_while_it_is_younger_than_within(void **state)
{
	struct sequence *q = sequence_new(1000);

	(void)state;
	first(q, "a", "1", "1", 0);
	first(q, "a", "2", "2", 1);
	assert_true(sequence_waits(q, 999));
	second_is(q, "a", 1000, "1 v=2|");
	first(q, "a", "1", "1", 2000);
	assert_true(sequence_waits(q, 2999));
	assert_false(sequence_waits(q, 3000));
	sequence_free(q);
}

static void
a_repeated_first_keeps_the_first_deadline_and_captures(void **state)
{
	struct sequence *q = sequence_new(1000);

	(void)state;
	first(q, "a", "k", "old", 0);
	first(q, "a", "k", "new", 900);
	second_is(q, "a", 999, "0 v=old|");
	first(q, "a", "k", "old", 2000);
	first(q, "a", "k", "new", 2900);
	second_is(q, "a", 3000, "");
	/* One whose time is up starts anew. */
	first(q, "a", "k", "old", 4000);
	first(q, "a", "k", "new", 5000);
	second_is(q, "a", 5999, "5000 v=new|");
	sequence_free(q);
}

static void
what_is_same_and_what_is_key_are_not_mixed_up(void **state)
{
	struct sequence *q = sequence_new(1000);

	(void)state;
	first(q, "a", "bc", "1", 0);
	first(q, "ab", "c", "2", 0);
	first(q, "", "abc", "3", 0);
	second_is(q, "a", 1, "0 v=1|");
	second_is(q, "ab", 1, "0 v=2|");
	second_is(q, "", 1, "0 v=3|");
	sequence_free(q);
}

static void
firsts_without_number_take_bounded_memory(void **state)
{
	struct sequence *q = sequence_new(1000);
	struct str got = { 0 };

	(void)state;
	for (int i = 0; i < 12000; i++) {
		char key[24];

		snprintf(key, sizeof key, "%d", i);
		first(q, "s", key, key, 0);
	}
	assert_int_equal(sequence_evicted(q), 2000);
	sequence_second(q, TEXT("s"), 1, note, &got);
	assert_memory_equal(got.data, "0 v=2000|", 9);
	str_free(&got);
	sequence_free(q);
}

static void
what_was_written_is_read_back(void **state)
{
	struct sequence *q = sequence_new(1000), *copy = sequence_new(1000);
	struct str text = { 0 }, again = { 0 };

	(void)state;
	sequence_write(q, &text);
	assert_int_equal(text.len, 0);
	sequence_read(copy, str_text(&text));
	first(q, "a\"", "k\n", "\xc3\xa4\\", 5);
	first(q, "", "", "", 6);
	sequence_write(q, &text);
	sequence_read(copy, str_text(&text));
	sequence_write(copy, &again);
	assert_string_equal(text.data, again.data);
	/* Those that are back are the same as if they had stayed. */
	first(copy, "a\"", "k\n", "other", 500);
	second_is(copy, "a\"", 1004, "5 v=\xc3\xa4\\|");
	assert_true(sequence_waits(copy, 1005));
	assert_false(sequence_waits(copy, 1006));
	str_free(&text);
	str_free(&again);
	sequence_free(q);
	sequence_free(copy);
}

static void
values_keep_their_nul_and_a_bounded_length(void **state)
{
	struct sequence *q = sequence_new(1000), *copy = sequence_new(1000);
	char *big = mem_new(100001, 1);
	struct captures cs = { 2,
		{ { .name = "nul", .value = TEXT("a\0b") },
		    { .name = "big", .value = { big, 100000 } } } };
	struct str text = { 0 }, got = { 0 };

	(void)state;
	memset(big, 'x', 100000);
	sequence_first(q, TEXT("s\0s"), TEXT("k\0k"), &cs, 1);
	sequence_write(q, &text);
	assert_true(text.len < 10000);
	sequence_read(copy, str_text(&text));
	sequence_second(copy, TEXT("s\0s"), 2, note, &got);
	assert_memory_equal(got.data, "1 nul=a\0b big=xxx", 17);
	assert_true(got.len < 5000);
	str_free(&text);
	str_free(&got);
	free(big);
	sequence_free(q);
	sequence_free(copy);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    a_second_half_settles_every_first_with_equal_captures),
		cmocka_unit_test(
		    a_first_counts_while_it_is_younger_than_within),
		cmocka_unit_test(
		    a_repeated_first_keeps_the_first_deadline_and_captures),
		cmocka_unit_test(what_is_same_and_what_is_key_are_not_mixed_up),
		cmocka_unit_test(firsts_without_number_take_bounded_memory),
		cmocka_unit_test(what_was_written_is_read_back),
		cmocka_unit_test(values_keep_their_nul_and_a_bounded_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
