/* SPDX-License-Identifier: MIT */
/*
 * A run of lines cleaned at once is what its lines cleaned one by one are, and
 * each is found again where it was.
 */
#include "event/clean.h"

#include "base/mem.h"
#include "event/event.h"

#include "dice.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#define ROUNDS 20000

static const char *const pieces[] = { "\n", "\n", "\r", "\r\n", "\x1b", "\x1b[",
	"\x1b[32m", "\x1b[0m", "\x1b]0;t\a", "\x1b]t", "\x1b\\", "\x1b(B",
	"\x1b(", "m", "\a", "\r[50%]", "[", "a", "plain",
	"longer than a step of it", "\xc3\xa4", "\xc3", "\xa4", "\xe4\xb8",
	"\xff", "\xef\xbb\xbf", " ", "7", "\x1b[38;2;255;255;255;48;2;",
	"1;2;3;4;5;6;7;8;9;10;11;12;13;14;15;16;17;18;19;20;21;22;23;24;25;" };

static void
add_pieces(struct str *out, unsigned most)
{
	for (unsigned n = dice(most); n > 0; n--)
		str_puts(out, pieces[dice(sizeof pieces / sizeof *pieces)]);
	if (dice(8) == 0)
		str_add(out, "\0", 1);
	if (dice(4) > 0)
		str_putc(out, '\n');
}

/* The rest of a text without its first line. */
static struct text
next_line(struct text text, struct text *line)
{
	const char *newline =
	    text.len > 0 ? memchr(text.data, '\n', text.len) : NULL;
	size_t len = newline != NULL ? (size_t)(newline - text.data) : text.len;

	*line = (struct text){ text.data, len };
	len += newline != NULL;
	return (struct text){ text.data + len, text.len - len };
}

/* A run against its lines one by one. */
static void
compare(struct cleaner *cl, struct text raw, bool first, bool strip)
{
	struct text clean = cleaner_run(cl, raw, first, strip);
	struct text left = raw, clean_left = clean;
	struct str scratch = { 0 };

	while (left.len > 0) {
		size_t at = (size_t)(left.data - raw.data);
		struct text line, got, want;

		if (dice(2) == 0 && (clean_left.len > 0 || clean.len == 0))
			assert_int_equal(
			    cleaner_raw(cl, clean.len - clean_left.len), at);
		left = next_line(left, &line);
		clean_left = next_line(clean_left, &got);
		if (at == 0 && first && line.len >= 3 &&
		    memcmp(line.data, "\xef\xbb\xbf", 3) == 0)
			line = (struct text){ line.data + 3, line.len - 3 };
		want = event_clean(line, strip, &scratch);
		if (!text_equal(got, want))
			fail_msg("got '%.*s', want '%.*s'", (int)got.len,
			    got.data, (int)want.len, want.data);
	}
	assert_int_equal(clean_left.len, 0);
	str_free(&scratch);
}

static void
a_run_is_what_its_lines_are(void **state)
{
	struct cleaner *cl = cleaner_new();
	struct str raw = { 0 };
	uint64_t seed = (uint64_t)time(NULL);

	(void)state;
	print_message("seed %llu\n", (unsigned long long)seed);
	dice_seed(seed);
	for (int i = 0; i < ROUNDS; i++) {
		str_clear(&raw);
		add_pieces(&raw, 40);
		compare(cl, str_text(&raw), dice(2) == 0, dice(4) > 0);
	}
	str_free(&raw);
	cleaner_free(cl);
}

/* Long enough for many marks, asked for in any order. */
static void
a_line_far_in_a_run_is_found_again(void **state)
{
	struct cleaner *cl = cleaner_new();
	struct str raw = { 0 };
	size_t starts[3000], at[3000];
	struct text clean, left;

	(void)state;
	dice_seed(1);
	for (size_t i = 0; i < 3000; i++) {
		starts[i] = raw.len;
		for (unsigned n = dice(8); n > 0; n--)
			str_puts(
			    &raw, dice(2) ? "\x1b[32mgreen" : "and plain ");
		str_puts(&raw, dice(8) ? "\n" : "\r\n");
	}
	clean = cleaner_run(cl, str_text(&raw), false, true);
	left = clean;
	for (size_t i = 0; i < 3000; i++) {
		struct text line;

		at[i] = (size_t)(left.data - clean.data);
		left = next_line(left, &line);
	}
	for (int i = 0; i < 10000; i++) {
		size_t n = dice(3000);

		assert_int_equal(cleaner_raw(cl, at[n]), starts[n]);
	}
	str_free(&raw);
	cleaner_free(cl);
}

static void
what_needs_nothing_is_not_copied(void **state)
{
	static const struct {
		struct text raw;
		bool strip;
		size_t skipped;
	} cases[] = {
		{ TEXT("a\nb\n"), true, 0 },
		{ TEXT("a\n\xc3\xa4\n"), true, 0 },
		{ TEXT("a\x1b[0m\n"), false, 0 },
		{ TEXT("\xef\xbb\xbf"
		       "a\n"),
		    true, 3 },
		{ TEXT("longer than what is looked at in one step\n"), true,
		    0 },
	};
	struct cleaner *cl = cleaner_new();

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_ptr_equal(
		    cleaner_run(cl, cases[i].raw, true, cases[i].strip).data,
		    cases[i].raw.data + cases[i].skipped);
	cleaner_free(cl);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_run_is_what_its_lines_are),
		cmocka_unit_test(a_line_far_in_a_run_is_found_again),
		cmocka_unit_test(what_needs_nothing_is_not_copied),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
