/* SPDX-License-Identifier: MIT */
/*
 * Text that is lent and text that grows.
 */
#include "base/str.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void
texts_are_equal_by_their_bytes(void **state)
{
	static const struct {
		struct text a, b;
		bool want;
	} cases[] = {
		{ TEXT("a"), TEXT("a"), true },
		{ TEXT("a"), TEXT("b"), false },
		{ TEXT("a"), TEXT("ab"), false },
		{ TEXT("a\0b"), TEXT("a\0b"), true },
		{ TEXT("a\0b"), TEXT("a\0c"), false },
		{ TEXT(""), { NULL, 0 }, true },
		{ { NULL, 0 }, { NULL, 0 }, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		assert_int_equal(
		    text_equal(cases[i].a, cases[i].b), cases[i].want);
		assert_int_equal(
		    text_equal(cases[i].b, cases[i].a), cases[i].want);
	}
	assert_true(text_is(TEXT("abc"), "abc"));
	assert_false(text_is(TEXT("abc"), "ab"));
	assert_true(text_is((struct text){ NULL, 0 }, ""));
	assert_true(text_is((struct text){ NULL, 0 }, NULL));
	assert_int_equal(text_of(NULL).len, 0);
	assert_int_equal(text_of("abc").len, 3);
}

static void
a_str_grows_and_has_a_nul_behind_its_end(void **state)
{
	struct str s = { 0 }, want = { 0 };

	(void)state;
	for (size_t i = 0; i < 1000; i++) {
		str_putc(&s, (char)('a' + i % 26));
		assert_int_equal(s.len, i + 1);
		assert_int_equal(s.data[s.len], '\0');
		assert_true(s.capacity > s.len);
	}
	for (size_t i = 0; i < 1000; i++)
		assert_int_equal(s.data[i], 'a' + i % 26);
	/* One large piece at once. */
	str_add(&want, s.data, s.len);
	str_add_text(&want, str_text(&s));
	assert_int_equal(want.len, 2000);
	assert_memory_equal(want.data + 1000, s.data, 1000);
	str_free(&s);
	str_free(&want);
	assert_null(s.data);
	str_free(&s);
}

static void
nothing_can_be_added(void **state)
{
	struct str s = { 0 };

	(void)state;
	assert_null(str_text(&s).data);
	str_clear(&s);
	str_add(&s, NULL, 0);
	assert_string_equal(s.data, "");
	str_add_text(&s, (struct text){ NULL, 0 });
	str_puts(&s, "");
	str_printf(&s, "%s", "");
	assert_int_equal(s.len, 0);
	assert_string_equal(s.data, "");
	str_free(&s);
}

static void
a_nul_is_a_byte_like_any_other(void **state)
{
	struct str s = { 0 };

	(void)state;
	str_add(&s, "a\0b", 3);
	str_putc(&s, '\0');
	str_printf(&s, "%c%d", 0, 5);
	assert_true(
	    text_equal(str_text(&s), ((struct text){ "a\0b\0\0005", 6 })));
	str_free(&s);
}

static void
formatted_text_is_never_cut(void **state)
{
	struct str s = { 0 };

	(void)state;
	for (int len = 0; len < 300; len++) {
		str_clear(&s);
		str_printf(&s, "<%*d>", len, 7);
		assert_int_equal(s.len, (len < 1 ? 1 : len) + 2);
		assert_int_equal(s.data[s.len - 1], '>');
		assert_int_equal(s.data[s.len], '\0');
	}
	str_printf(&s, "%s-%d", "x", 1);
	assert_string_equal(s.data + s.len - 3, "x-1");
	str_free(&s);
}

static void
room_that_was_reserved_can_be_filled(void **state)
{
	struct str s = { 0 };
	char *to;

	(void)state;
	str_puts(&s, "ab");
	to = str_reserve(&s, 100);
	memset(to, 'x', 100);
	s.len += 100;
	str_putc(&s, 'y');
	assert_int_equal(s.len, 103);
	assert_int_equal(s.data[101], 'x');
	assert_int_equal(s.data[102], 'y');
	str_free(&s);
}

static void
what_was_taken_is_the_callers(void **state)
{
	struct str s = { 0 };
	char *empty = str_take(&s), *full;

	(void)state;
	assert_string_equal(empty, "");
	str_puts(&s, "abc");
	full = str_take(&s);
	assert_string_equal(full, "abc");
	assert_null(s.data);
	assert_int_equal(s.len, 0);
	str_puts(&s, "new");
	assert_string_equal(full, "abc");
	str_free(&s);
	free(empty);
	free(full);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_are_equal_by_their_bytes),
		cmocka_unit_test(a_str_grows_and_has_a_nul_behind_its_end),
		cmocka_unit_test(nothing_can_be_added),
		cmocka_unit_test(a_nul_is_a_byte_like_any_other),
		cmocka_unit_test(formatted_text_is_never_cut),
		cmocka_unit_test(room_that_was_reserved_can_be_filled),
		cmocka_unit_test(what_was_taken_is_the_callers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
