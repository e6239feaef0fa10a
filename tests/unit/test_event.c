/* SPDX-License-Identifier: MIT */
/*
 * Raw bytes made fit for patterns.
 */
#include "event/event.h"

#include "base/mem.h"
#include "base/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define BAD "\xef\xbf\xbd" /* U+FFFD */

static void
bytes_become_text_for_patterns(void **state)
{
	static const struct {
		struct text raw;
		bool strip;
		struct text want;
		bool same; /* as it is, without a copy */
	} cases[] = {
		{ TEXT("plain"), true, TEXT("plain"), true },
		{ TEXT(""), true, TEXT(""), true },
		{ TEXT("ends\r"), true, TEXT("ends"), true },
		{ TEXT("\r"), true, TEXT(""), true },
		{ TEXT("a\r\r"), true, TEXT("a\r"), true },
		{ TEXT("a\rb"), true, TEXT("a\rb"), true },
		{ TEXT("a\0b"), true, TEXT("a\0b"), true },
		{ TEXT("\xc3\xa4\xe4\xb8\x8a\xf0\x9f\x98\x80"), true,
		    TEXT("\xc3\xa4\xe4\xb8\x8a\xf0\x9f\x98\x80"), true },
		{ TEXT("a long line of ASCII, more than a word"), true,
		    TEXT("a long line of ASCII, more than a word"), true },
		/* Escape sequences, where they are to go. */
		{ TEXT("\x1b[31mred\x1b[0m\r"), true, TEXT("red"), false },
		{ TEXT("\x1b[31mred"), false, TEXT("\x1b[31mred"), true },
		{ TEXT("1234567\x1b[1m"), true, TEXT("1234567"), false },
		{ TEXT("12345678\x1b"), true, TEXT("12345678"), false },
		/* What looks like an ESC to a sloppy eye. */
		{ TEXT("\x1a\x1c\x9b\xc2\x9b"), false,
		    TEXT("\x1a\x1c" BAD "\xc2\x9b"), false },
		/* Bytes that are no UTF-8. */
		{ TEXT("a\xff"
		       "b"),
		    true, TEXT("a" BAD "b"), false },
		{ TEXT("latin \xe4\xf6\xfc"), true, TEXT("latin " BAD BAD BAD),
		    false },
		{ TEXT("overlong \xc0\xaf"), true, TEXT("overlong " BAD BAD),
		    false },
		{ TEXT("surrogate \xed\xa0\x80"), true,
		    TEXT("surrogate " BAD BAD BAD), false },
		{ TEXT("cut \xe4\xb8"), true, TEXT("cut " BAD), false },
		{ TEXT("12345678\xff"), true, TEXT("12345678" BAD), false },
		/* Both; a sequence in the middle of a character. */
		{ TEXT("\x1b[1m\xff"), true, TEXT(BAD), false },
		{ TEXT("\xe4\x1b[1m\xb8\x8a"), true, TEXT("\xe4\xb8\x8a"),
		    false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct str scratch = { 0 };
		char *raw = mem_copy(cases[i].raw.data, cases[i].raw.len);
		struct text got =
		    event_clean((struct text){ raw, cases[i].raw.len },
			cases[i].strip, &scratch);

		if (!text_equal(got, cases[i].want))
			fail_msg("case %zu: '%.*s'", i, (int)got.len, got.data);
		assert_int_equal(got.data == raw, cases[i].same);
		str_free(&scratch);
		free(raw);
	}
}

static void
an_escape_is_seen_wherever_it_stands(void **state)
{
	char raw[40];
	struct str scratch = { 0 };

	(void)state;
	for (size_t len = 1; len < sizeof raw; len++)
		for (size_t at = 0; at < len; at++) {
			struct text got;

			memset(raw, 'x', len);
			raw[at] = '\x1b';
			got = event_clean(
			    (struct text){ raw, len }, true, &scratch);
			assert_true(got.data != raw);
			assert_true(got.len == 0 ||
				    memchr(got.data, '\x1b', got.len) == NULL);
			memset(raw, 'x', len);
			raw[at] = '\x80';
			got = event_clean(
			    (struct text){ raw, len }, true, &scratch);
			assert_int_equal(utf8_valid(got), got.len);
			assert_int_equal(got.len, len + 2);
		}
	str_free(&scratch);
}

static void
the_scratch_is_used_again(void **state)
{
	struct str scratch = { 0 };
	struct text got;

	(void)state;
	event_clean(TEXT("a long text with \xff in it"), true, &scratch);
	got = event_clean(TEXT("\xff"), true, &scratch);
	assert_true(text_is(got, BAD));
	assert_ptr_equal(got.data, scratch.data);
	str_free(&scratch);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_become_text_for_patterns),
		cmocka_unit_test(an_escape_is_seen_wherever_it_stands),
		cmocka_unit_test(the_scratch_is_used_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
