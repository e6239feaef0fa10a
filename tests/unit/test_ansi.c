/* SPDX-License-Identifier: MIT */
/*
 * Escape sequences out of text, and nothing else.
 */
#include "event/ansi.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void
sequences_go_and_text_stays(void **state)
{
	static const struct {
		struct text text, want;
	} cases[] = {
		{ TEXT("plain"), TEXT("plain") },
		{ TEXT(""), TEXT("") },
		/* CSI: colours, cursors, private modes, intermediates. */
		{ TEXT("\x1b[31mred\x1b[0m"), TEXT("red") },
		{ TEXT("\x1b[1;38;5;208mx\x1b[m"), TEXT("x") },
		{ TEXT("\x1b[38:2::1:2:3mx"), TEXT("x") },
		{ TEXT("\x1b[2J\x1b[1;1Hx\x1b[?25lx\x1b[!px\x1b[0 qx"),
		    TEXT("xxxx") },
		{ TEXT("\x1b[200~x\x1b[@x"), TEXT("xx") },
		/* OSC and the other strings, ended by BEL or ESC \. */
		{ TEXT("\x1b]0;title\ax"), TEXT("x") },
		{ TEXT("\x1b]52;c;aGk=\x1b\\x"), TEXT("x") },
		{ TEXT("\x1b]8;;http://a/\x1b\\link\x1b]8;;\x1b\\"),
		    TEXT("link") },
		{ TEXT("\x1bP1$r\x1b\\x\x1bXsos\x1b\\x\x1b^pm\x1b\\x\x1b_apc"
		       "\x1b\\x"),
		    TEXT("xxxx") },
		/* Of two characters and of three. */
		{ TEXT("\x1b"
		       "7x\x1b"
		       "8x\x1b=x\x1b>x\x1b"
		       "cx"),
		    TEXT("xxxxx") },
		{ TEXT("\x1b(Bx\x1b)0x\x1b#8x\x1b%Gx"), TEXT("xxxx") },
		/* Broken off: what is no part of it stays. */
		{ TEXT("\x1b[31\xc3\xa4x"), TEXT("\xc3\xa4x") },
		{ TEXT("\x1b[31\nx"), TEXT("\nx") },
		{ TEXT("\x1b]0;title\nx"), TEXT("\nx") },
		{ TEXT("\x1b]0;a\x1b[1mx"), TEXT("x") },
		{ TEXT("\x1b\xc3\xa4"), TEXT("\xc3\xa4") },
		{ TEXT("\x1b\nx"), TEXT("\nx") },
		{ TEXT("\x1b[\0x"), TEXT("\0x") },
		{ TEXT("\x1b\0x"), TEXT("\0x") },
		/* Unfinished at the end. */
		{ TEXT("x\x1b"), TEXT("x") },
		{ TEXT("x\x1b["), TEXT("x") },
		{ TEXT("x\x1b[31"), TEXT("x") },
		{ TEXT("x\x1b]0;t"), TEXT("x") },
		{ TEXT("x\x1b("), TEXT("x") },
		{ TEXT("x\x1b]0;t\x1b"), TEXT("x") },
		/* One behind the other. */
		{ TEXT("\x1b\x1b[31mx"), TEXT("x") },
		{ TEXT("\x1b[\x1b[31mx"), TEXT("x") },
		/* Other controls and bytes are not its business. */
		{ TEXT("a\tb\ac\b\x7f\0d"), TEXT("a\tb\ac\b\x7f\0d") },
		{ TEXT("\xff\x9b"
		       "31m"),
		    TEXT("\xff\x9b"
			 "31m") },
		{ TEXT("[31m"), TEXT("[31m") },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		/* At the end of its memory: whoever reads on is caught. */
		char *copy = mem_check(malloc(cases[i].text.len + 1));
		struct str got = { 0 };

		memcpy(copy, cases[i].text.data, cases[i].text.len);
		copy = mem_resize(copy, cases[i].text.len, 1);
		str_puts(&got, "<");
		ansi_strip((struct text){ copy, cases[i].text.len }, &got);
		if (got.len != cases[i].want.len + 1 ||
		    memcmp(got.data + 1, cases[i].want.data,
			cases[i].want.len) != 0)
			fail_msg("case %zu: '%s'", i, got.data);
		str_free(&got);
		free(copy);
	}
}

static void
no_escape_is_left_of_any_bytes(void **state)
{
	unsigned seed = 20251017;

	(void)state;
	print_message("seed %u\n", seed);
	for (int round = 0; round < 20000; round++) {
		static const char likely[] = "\x1b\x1b\x1b[]P;0m\a\\ \n(";
		char text[24];
		struct str got = { 0 };

		for (size_t i = 0; i < sizeof text; i++) {
			seed = seed * 1103515245 + 12345;
			text[i] =
			    (seed >> 16) % 4 == 0
				? (char)(seed >> 20)
				: likely[(seed >> 18) % (sizeof likely - 1)];
		}
		ansi_strip((struct text){ text, sizeof text }, &got);
		assert_true(got.len <= sizeof text);
		assert_true(
		    got.len == 0 || memchr(got.data, '\x1b', got.len) == NULL);
		str_free(&got);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sequences_go_and_text_stays),
		cmocka_unit_test(no_escape_is_left_of_any_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
