/* SPDX-License-Identifier: MIT */
/*
 * UTF-8 as strangers write it.
 */
#include "base/utf8.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define BAD "\xef\xbf\xbd"

/* valid: bytes that are well-formed from the start; clean: the mended text */
static const struct {
	struct text in;
	size_t valid;
	const char *clean;
} cases[] = {
	{ TEXT(""), 0, "" },
	{ TEXT("plain"), 5, "plain" },
	{ TEXT("sixteen bytes in"), 16, "sixteen bytes in" },
	{ TEXT("\xc2\x80|\xdf\xbf"), 5, "\xc2\x80|\xdf\xbf" },
	{ TEXT("\xe0\xa0\x80\xed\x9f\xbf"), 6, "\xe0\xa0\x80\xed\x9f\xbf" },
	{ TEXT("\xee\x80\x80\xef\xbf\xbf"), 6, "\xee\x80\x80\xef\xbf\xbf" },
	{ TEXT("\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"), 8,
	    "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf" },
	/* overlong forms */
	{ TEXT("a\xc0\x80z"), 1, "a" BAD BAD "z" },
	{ TEXT("a\xc1\xbfz"), 1, "a" BAD BAD "z" },
	{ TEXT("\xe0\x9f\xbf"), 0, BAD BAD BAD },
	{ TEXT("\xf0\x8f\xbf\xbf"), 0, BAD BAD BAD BAD },
	/* surrogates, and above U+10FFFF */
	{ TEXT("\xed\xa0\x80"), 0, BAD BAD BAD },
	{ TEXT("\xf4\x90\x80\x80"), 0, BAD BAD BAD BAD },
	{ TEXT("\xf8\x88\x80\x80\x80"), 0, BAD BAD BAD BAD BAD },
	/* cut off: a maximal part is one replacement */
	{ TEXT("12345678\xe2\x82"), 8, "12345678" BAD },
	{ TEXT("\xf0\x9f\x98|"), 0, BAD "|" },
	{ TEXT("\xe2\x82\xe2\x82\xac"), 0, BAD "\xe2\x82\xac" },
	{ TEXT("\xf1\x80\xe1\x80\xc2\x62"), 0, BAD BAD BAD "b" },
	{ TEXT("\x80\xbf\xff"), 0, BAD BAD BAD },
	{ TEXT("latin-1: \xe9t\xe9"), 9, "latin-1: " BAD "t" BAD },
};

static void
what_is_well_formed_ends_at_the_first_fault(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_int_equal(utf8_valid(cases[i].in), cases[i].valid);
}

static void
each_maximal_ill_formed_part_becomes_one_replacement(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct str out = { 0 };

		utf8_clean(cases[i].in, &out);
		assert_string_equal(out.data ? out.data : "", cases[i].clean);
		assert_int_equal(
		    utf8_valid(str_text(&out)), strlen(cases[i].clean));
		str_free(&out);
	}
}

static void
every_code_point_is_read_as_itself(void **state)
{
	(void)state;
	for (uint32_t code = 0x800; code < 0x110000; code++) {
		bool wide = code >= 0x10000;
		bool surrogate = code >= 0xd800 && code <= 0xdfff;
		char bytes[4] = { (char)(0xf0 | code >> 18),
			(char)(0x80 | (code >> 12 & 0x3f)),
			(char)(0x80 | (code >> 6 & 0x3f)),
			(char)(0x80 | (code & 0x3f)) };
		struct text text = { bytes, 4 };
		struct utf8_char c;

		if (!wide) {
			bytes[1] = (char)(0xe0 | code >> 12);
			text = (struct text){ bytes + 1, 3 };
		}
		c = utf8_next(text);
		assert_int_equal(c.valid, !surrogate);
		assert_int_equal(c.len, surrogate ? 1 : wide ? 4 : 3);
		assert_int_equal(c.code, surrogate ? 0xfffd : code);
	}
}

static void
a_nul_is_a_character_like_any_other(void **state)
{
	struct str out = { 0 };

	(void)state;
	assert_int_equal(utf8_valid(TEXT("a\0b")), 3);
	utf8_clean(TEXT("a\0b\xff"), &out);
	assert_int_equal(out.len, 6);
	assert_memory_equal(out.data, "a\0b" BAD, 6);
	str_free(&out);
}

static void
what_could_paint_a_terminal_is_not_shown(void **state)
{
	static const struct {
		struct text in;
		const char *shown;
	} shows[] = {
		{ TEXT("tab\tand\nnewline"), "tab\tand\nnewline" },
		{ TEXT("\x1b[31mred\x1b[0m"), "[31mred[0m" },
		{ TEXT("\x1b]52;c;AAAA\x07"), "]52;c;AAAA" },
		{ TEXT("over\rwrite\b\x7f\0!"), "overwrite!" },
		{ TEXT("c1 \xc2\x9b"
		       "31m \xc2\x80"),
		    "c1 31m " },
		{ TEXT("gpj.\xe2\x80\xae"
		       "exe\xe2\x80\xac"),
		    "gpj.exe" },
		{ TEXT("\xe2\x81\xa6x\xe2\x81\xa9\xe2\x80\x8e\xd8\x9c"), "x" },
		{ TEXT("\xe2\x80\xa8line\xe2\x80\xa9"), "line" },
		{ TEXT("caf\xc3\xa9 \xc2\xa0\xff"),
		    "caf\xc3\xa9 \xc2\xa0" BAD },
	};

	(void)state;
	for (size_t i = 0; i < sizeof shows / sizeof *shows; i++) {
		struct str out = { 0 };

		utf8_display(shows[i].in, &out);
		assert_string_equal(out.data, shows[i].shown);
		str_free(&out);
	}
}

static void
a_head_never_cuts_through_a_character(void **state)
{
	static const struct text euros = TEXT("\xe2\x82\xac"
					      "1\xf0\x9f\x98\x80");

	(void)state;
	assert_int_equal(utf8_head(euros, 0).len, 0);
	assert_int_equal(utf8_head(euros, 1).len, 3);
	assert_int_equal(utf8_head(euros, 2).len, 4);
	assert_int_equal(utf8_head(euros, 3).len, 8);
	assert_int_equal(utf8_head(euros, 99).len, 8);
	for (size_t max = 0; max < 12; max++) {
		size_t len = utf8_head_bytes(euros, max).len;

		assert_int_equal(len, max < 3   ? 0
				      : max < 4 ? 3
				      : max < 8 ? 4
						: 8);
	}
}

static void
a_head_of_what_is_no_text_stays_within_its_bound(void **state)
{
	static const struct text noise = TEXT("\x80\x80\x80\x80\x80\x80\x80");

	(void)state;
	for (size_t max = 0; max <= noise.len; max++) {
		assert_true(utf8_head_bytes(noise, max).len <= max);
		assert_int_equal(utf8_head(noise, max).len, max);
	}
	assert_int_equal(utf8_head((struct text){ NULL, 0 }, 3).len, 0);
	assert_int_equal(utf8_head_bytes((struct text){ NULL, 0 }, 3).len, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_well_formed_ends_at_the_first_fault),
		cmocka_unit_test(
		    each_maximal_ill_formed_part_becomes_one_replacement),
		cmocka_unit_test(every_code_point_is_read_as_itself),
		cmocka_unit_test(a_nul_is_a_character_like_any_other),
		cmocka_unit_test(what_could_paint_a_terminal_is_not_shown),
		cmocka_unit_test(a_head_never_cuts_through_a_character),
		cmocka_unit_test(
		    a_head_of_what_is_no_text_stays_within_its_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
