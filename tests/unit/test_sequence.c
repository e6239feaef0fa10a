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
ignore(struct text id, void *ctx)
{
	(void)id;
	(void)ctx;
}

static const struct sequence_calls quiet = { .changed = ignore };

static void
first(struct sequence *q, const char *same, const char *key, const char *value,
    int64_t now_ms)
{
	struct captures cs = { 1,
		{ { .name = "v", .value = text_of(value) } } };

	sequence_first(q, text_of(same), text_of(key), &cs, now_ms, &quiet);
}

static void
note(const struct captures *captures, int64_t ms, void *ctx)
{
	str_printf(ctx, "%lld", (long long)ms);
	for (size_t i = 0; i < captures->count; i++) {
		str_printf(ctx, " %s=", captures->v[i].name);
		str_add_text(ctx, captures->v[i].value);
	}
	str_putc(ctx, '|');
}

static void
second(struct sequence *q, struct text same, int64_t now_ms, struct str *got)
{
	const struct sequence_calls calls = { note, ignore, got };

	sequence_second(q, same, now_ms, &calls);
}

static void
second_is(
    struct sequence *q, const char *same, int64_t now_ms, const char *want)
{
	struct str got = { 0 };

	str_puts(&got, "");
	second(q, text_of(same), now_ms, &got);
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
	assert_true(sequence_waits(q));
	second_is(q, "b", 70, "30 v=3|");
	assert_false(sequence_waits(q));
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
	assert_true(sequence_waits(q));
	second_is(q, "a", 1000, "1 v=2|");
	first(q, "a", "1", "1", 2000);
	second_is(q, "b", 2999, "");
	assert_true(sequence_waits(q));
	second_is(q, "b", 3000, "");
	assert_false(sequence_waits(q));
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
	for (int i = 0; i < SEQUENCE_MAX + 2000; i++) {
		struct captures cs = { 0 };
		char key[24];

		snprintf(key, sizeof key, "%d", i);
		captures_add(&cs, "v", text_of(key));
		assert_true(sequence_first(q, TEXT("s"), text_of(key), &cs, 0,
				&quiet) == (i >= SEQUENCE_MAX));
	}
	second(q, TEXT("s"), 1, &got);
	assert_memory_equal(got.data, "0 v=2000|", 9);
	str_free(&got);
	sequence_free(q);
}

/* Who saves what changed. */
struct saving {
	struct str ids[20];
	size_t count;
};

static void
note_id(struct text id, void *ctx)
{
	struct saving *s = ctx;

	assert_true(s->count < sizeof s->ids / sizeof *s->ids);
	str_add_text(&s->ids[s->count++], id);
}

/* Gives what changed to another. */
static void
hand_over(struct saving *s, struct sequence *from, struct sequence *to)
{
	for (size_t i = 0; i < s->count; i++) {
		struct str state = { 0 };

		sequence_write(from, str_text(&s->ids[i]), &state);
		if (state.len > 0)
			assert_true(sequence_read(
			    to, str_text(&s->ids[i]), str_text(&state)));
		str_free(&state);
		str_free(&s->ids[i]);
	}
	s->count = 0;
}

static void
what_was_written_is_read_back(void **state)
{
	struct sequence *q = sequence_new(1000), *copy = sequence_new(1000);
	struct saving s = { 0 };
	const struct sequence_calls calls = { NULL, note_id, &s };
	struct captures cs = { 0 };

	(void)state;
	captures_add(&cs, "v", TEXT("\xc3\xa4\\"));
	sequence_first(q, TEXT("a\""), TEXT("k\n"), &cs, 5, &calls);
	sequence_first(q, TEXT(""), TEXT(""), &cs, 6, &calls);
	sequence_first(q, TEXT("a\""), TEXT("k\n"), &cs, 7, &calls);
	assert_int_equal(s.count, 2);
	hand_over(&s, q, copy);
	/* Those that are back are the same as if they had stayed. */
	first(copy, "a\"", "k\n", "other", 500);
	second_is(copy, "a\"", 1004, "5 v=\xc3\xa4\\|");
	second_is(copy, "", 1005, "6 v=\xc3\xa4\\|");
	assert_false(sequence_waits(copy));
	sequence_free(q);
	sequence_free(copy);
}

static void
what_is_gone_is_told_so_that_its_memory_goes_too(void **state)
{
	struct sequence *q = sequence_new(1000);
	struct saving s = { 0 };
	struct str got = { 0 };
	const struct sequence_calls calls = { note, ignore, &got };
	const struct sequence_calls saved = { NULL, note_id, &s };
	struct text gone[2] = { TEXT("1:ak"), TEXT("1:bk") };

	(void)state;
	first(q, "a", "k", "1", 0);
	first(q, "b", "k", "1", 1);
	first(q, "c", "k", "1", 1500);
	first(q, "d", "k", "1", 1600);
	sequence_second(q, TEXT("c"), 1700, &calls);
	first(q, "e", "k", "1", 1700);
	sequence_forget(q, &saved);
	assert_int_equal(s.count, 2);
	assert_true(text_is(str_text(&s.ids[0]), "1:dk"));
	assert_true(text_is(str_text(&s.ids[1]), "1:ek"));
	str_free(&s.ids[0]);
	str_free(&s.ids[1]);
	s.count = 0;
	/* Those that are too old. */
	first(q, "a", "k", "1", 5000);
	first(q, "b", "k", "1", 5001);
	sequence_second(q, TEXT("x"), 6001, &saved);
	assert_int_equal(s.count, 2);
	for (size_t i = 0; i < s.count; i++) {
		assert_true(text_equal(str_text(&s.ids[i]), gone[i]));
		str_free(&s.ids[i]);
	}
	str_free(&got);
	sequence_free(q);
}

static void
what_is_no_memory_is_not_taken(void **state)
{
	static const struct {
		const char *id, *state;
	} cases[] = {
		{ "", "{\"ms\":1,\"captures\":{}}" },
		{ "a", "{\"ms\":1,\"captures\":{}}" },
		{ ":a", "{\"ms\":1,\"captures\":{}}" },
		{ "2:a", "{\"ms\":1,\"captures\":{}}" },
		{ "99999999999999999999:a", "{\"ms\":1,\"captures\":{}}" },
		{ "1x:ab", "{\"ms\":1,\"captures\":{}}" },
		{ "1:a", "" },
		{ "1:a", "[]" },
		{ "1:a", "{\"ms\":\"1\",\"captures\":{}}" },
		{ "1:a", "{\"ms\":1,\"captures\":[]}" },
		{ "1:a", "{\"ms\":1}" },
	};
	struct sequence *q = sequence_new(1000);

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		if (sequence_read(
			q, text_of(cases[i].id), text_of(cases[i].state)))
			fail_msg("'%s' %s", cases[i].id, cases[i].state);
	assert_true(
	    sequence_read(q, TEXT("1:a"), TEXT("{\"ms\":1,\"captures\":{}}")));
	assert_false(
	    sequence_read(q, TEXT("1:a"), TEXT("{\"ms\":2,\"captures\":{}}")));
	/* What is read back out of order is in order. */
	assert_true(
	    sequence_read(q, TEXT("1:ak"), TEXT("{\"ms\":0,\"captures\":{}}")));
	sequence_order(q);
	second_is(q, "a", 5, "0|1|");
	sequence_free(q);
}

static void
values_keep_their_nul_and_a_bounded_length(void **state)
{
	struct sequence *q = sequence_new(1000), *copy = sequence_new(1000);
	struct saving s = { 0 };
	const struct sequence_calls calls = { NULL, note_id, &s };
	char *big = mem_new(100001, 1);
	struct captures cs = { 0 };
	struct str got = { 0 };

	(void)state;
	memset(big, 'x', 100000);
	captures_add(&cs, "nul", TEXT("a\0b"));
	captures_add(&cs, "big", (struct text){ big, 100000 });
	sequence_first(q, TEXT("s\0s"), TEXT("k\0k"), &cs, 1, &calls);
	hand_over(&s, q, copy);
	second(copy, TEXT("s\0s"), 2, &got);
	assert_memory_equal(got.data, "1 nul=a\0b big=xxx", 17);
	assert_true(got.len < 5000);
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
		cmocka_unit_test(
		    what_is_gone_is_told_so_that_its_memory_goes_too),
		cmocka_unit_test(what_is_no_memory_is_not_taken),
		cmocka_unit_test(values_keep_their_nul_and_a_bounded_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
