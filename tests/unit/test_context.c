/* SPDX-License-Identifier: MIT */
/*
 * The lines around an event, in its own block and in those before.
 */
#include "event/context.h"

#include "base/mem.h"
#include "base/utf8.h"
#include "tail/block.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void
add(struct text line, void *ctx)
{
	str_add_text(ctx, line);
	str_putc(ctx, '|');
}

static struct block
block_of(struct text data, int64_t line)
{
	return (
	    struct block){ .data = data.data, .len = data.len, .line = line };
}

/* The lines before the line that starts at byte `before` of a block. */
static void
before_is(const struct context *c, const struct block *b, size_t before,
    int64_t line, const char *want)
{
	struct event event = { .block = b, .before = before, .line = line };
	struct str got = { 0 };

	str_puts(&got, "");
	context_before(c, &event, add, &got);
	assert_string_equal(got.data, want);
	str_free(&got);
}

static void
lines_before_come_from_the_block_and_then_from_earlier_ones(void **state)
{
	struct context *c = context_new(3);
	struct block one = block_of(TEXT("1\n2\n3\n4\n"), 1);
	struct block two = block_of(TEXT("5\n6\n7\n8\n9\n"), 5);

	(void)state;
	before_is(c, &one, 0, 1, "");
	before_is(c, &one, 2, 2, "1|");
	before_is(c, &one, 6, 4, "1|2|3|");
	context_note(c, &one);
	before_is(c, &two, 0, 5, "2|3|4|");
	before_is(c, &two, 2, 6, "3|4|5|");
	before_is(c, &two, 6, 8, "5|6|7|");
	before_is(c, &two, 8, 9, "6|7|8|");
	/* An event that has no block any more. */
	before_is(c, NULL, 0, 5, "2|3|4|");
	context_free(c);
	context_free(NULL);
}

static void
small_blocks_add_up(void **state)
{
	struct context *c = context_new(3);

	(void)state;
	for (int i = 1; i <= 9; i++) {
		char line[2] = { (char)('0' + i), '\n' };
		struct block b = block_of((struct text){ line, 2 }, i);

		context_note(c, &b);
	}
	before_is(c, NULL, 0, 10, "7|8|9|");
	/* An event that began earlier gets those before it alone. */
	before_is(c, NULL, 0, 9, "7|8|");
	context_free(c);
}

static void
lines_of_what_the_file_was_before_are_not_told(void **state)
{
	struct context *c = context_new(4);
	struct block old = block_of(TEXT("a\nb\n"), 1);
	struct block new = block_of(TEXT("1\n2\n"), 1);
	struct block third = block_of(TEXT("3\n"), 3);

	(void)state;
	/* Truncated and written anew: its lines count from 1 again. */
	context_note(c, &old);
	before_is(c, &new, 2, 2, "1|");
	context_note(c, &new);
	before_is(c, &third, 0, 3, "1|2|");
	context_free(c);
}

static void
a_context_may_want_nothing(void **state)
{
	struct context *c = context_new(0);
	struct block b = block_of(TEXT("1\n2\n"), 1);

	(void)state;
	context_note(c, &b);
	before_is(c, &b, 2, 2, "");
	before_is(c, NULL, 0, 3, "");
	context_free(c);
}

static void
lines_after_are_those_of_the_block(void **state)
{
	static const struct {
		size_t from, max, count;
		const char *want;
	} cases[] = {
		{ 0, 10, 4, "1|2||4|" },
		{ 2, 10, 3, "2||4|" },
		{ 2, 2, 2, "2||" },
		{ 2, 0, 0, "" },
		{ 6, 10, 0, "" },
		{ 5, 10, 1, "4|" },
	};
	struct block b = block_of(TEXT("1\n2\n\n4"), 1);

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct str got = { 0 };

		str_puts(&got, "");
		assert_int_equal(
		    context_after(&b, cases[i].from, cases[i].max, add, &got),
		    cases[i].count);
		assert_string_equal(got.data, cases[i].want);
		str_free(&got);
	}
}

static void
a_line_of_context_is_clean_and_short(void **state)
{
	struct context *c = context_new(2);
	struct str text = { 0 }, got = { 0 };
	struct event event = { .line = 3 };
	struct block b;

	(void)state;
	str_puts(&text, "\x1b[31mred\xff\r\n");
	for (int i = 0; i < 1000; i++)
		str_puts(&text, "\xe4\xb8\x8a");
	str_puts(&text, "\n");
	b = block_of(str_text(&text), 1);
	context_note(c, &b);
	context_before(c, &event, add, &got);
	assert_int_equal(utf8_valid(str_text(&got)), got.len);
	assert_memory_equal(got.data, "red\xef\xbf\xbd|", 7);
	assert_in_range(got.len, 1000, CONTEXT_LINE_MAX + 20);
	str_clear(&got);
	context_after(&b, 0, 2, add, &got);
	assert_int_equal(utf8_valid(str_text(&got)), got.len);
	assert_in_range(got.len, 1000, CONTEXT_LINE_MAX + 20);
	str_free(&text);
	str_free(&got);
	context_free(c);
}

static void
a_cut_line_has_a_number_too(void **state)
{
	struct context *c = context_new(3);
	struct block cut = block_of(TEXT("1\nlong"), 1);
	struct block next = block_of(TEXT("3\n"), 3);

	(void)state;
	cut.truncated = true;
	context_note(c, &cut);
	before_is(c, &next, 0, 3, "1|long|");
	context_free(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    lines_before_come_from_the_block_and_then_from_earlier_ones),
		cmocka_unit_test(small_blocks_add_up),
		cmocka_unit_test(
		    lines_of_what_the_file_was_before_are_not_told),
		cmocka_unit_test(a_context_may_want_nothing),
		cmocka_unit_test(lines_after_are_those_of_the_block),
		cmocka_unit_test(a_line_of_context_is_clean_and_short),
		cmocka_unit_test(a_cut_line_has_a_number_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
