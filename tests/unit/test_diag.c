/* SPDX-License-Identifier: MIT */
/*
 * Faults as they are printed.
 */
#include "conf/diag.h"

#include "base/mem.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

typedef void print_fn(const struct diag *d, FILE *out);

static void
print_plain(const struct diag *d, FILE *out)
{
	diag_print(d, out, false);
}

static void
print_colour(const struct diag *d, FILE *out)
{
	diag_print(d, out, true);
}

/* What is printed; the caller frees it.  Inlined, gcc 12 takes the bytes for
 * those of the variable that points to them. */
__attribute__((noinline)) static char *
printed(const struct diag *d, print_fn *print)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	print(d, out);
	assert_int_equal(fclose(out), 0);
	return text;
}

static void
expect(const struct diag *d, const char *expected)
{
	char *text = printed(d, print_plain);

	assert_string_equal(text, expected);
	free(text);
}

/* One error in one file. */
static void
expect_one(
    struct text content, unsigned line, unsigned column, const char *expected)
{
	struct diag *d = diag_new();
	const char *file = diag_file(d, "f", content);

	diag_error(d, (struct place){ file, line, column }, "bad");
	expect(d, expected);
	diag_free(d);
}

static void
a_fault_is_printed_with_its_line_and_a_caret(void **state)
{
	struct diag *d = diag_new();
	const char *file = diag_file(d, "rules/twenty.yaml",
	    TEXT("version: 1\n"
		 "    match: 'heap (out of memory'\n"
		 "    treshold: 3\n"));

	(void)state;
	diag_error(d, (struct place){ file, 3, 5 },
	    "rule '%s': unknown key 'treshold' (did you mean 'threshold'?)",
	    "oom");
	diag_error(d, (struct place){ file, 2, 32 },
	    "rule 'oom': match: missing closing parenthesis");
	diag_warning(d, (struct place){ file, 1, 1 }, "old");
	expect(d, "rules/twenty.yaml:1:1: warning: old\n"
		  "   1 | version: 1\n"
		  "     | ^\n"
		  "rules/twenty.yaml:2:32: error: rule 'oom': match: missing "
		  "closing parenthesis\n"
		  "   2 |     match: 'heap (out of memory'\n"
		  "     |                                ^\n"
		  "rules/twenty.yaml:3:5: error: rule 'oom': unknown key "
		  "'treshold' (did you mean 'threshold'?)\n"
		  "   3 |     treshold: 3\n"
		  "     |     ^\n");
	assert_int_equal(diag_errors(d), 2);
	assert_int_equal(diag_warnings(d), 1);
	diag_free(d);
}

static void
faults_come_by_file_line_and_column_each_once(void **state)
{
	struct diag *d = diag_new();
	const char *b = diag_file(d, "b", TEXT(""));
	const char *a = diag_file(d, "a", TEXT(""));

	(void)state;
	diag_error(d, (struct place){ a, 1, 1 }, "six");
	diag_error(d, (struct place){ "gone", 0, 0 }, "seven");
	diag_error(d, (struct place){ b, 10, 2 }, "five");
	diag_error(d, (struct place){ b, 9, 9 }, "two");
	diag_error(d, (struct place){ b, 10, 1 }, "three");
	diag_error(d, (struct place){ b, 10, 1 }, "four");
	diag_error(d, (struct place){ b, 10, 1 }, "three");
	diag_error(d, (struct place){ b, 0, 0 }, "one");
	expect(d, "b: error: one\n"
		  "b:9:9: error: two\n"
		  "b:10:1: error: three\n"
		  "b:10:1: error: four\n"
		  "b:10:2: error: five\n"
		  "a:1:1: error: six\n"
		  "gone: error: seven\n");
	assert_int_equal(diag_errors(d), 7);
	diag_free(d);
}

static void
an_error_and_a_warning_of_the_same_text_are_two(void **state)
{
	struct diag *d = diag_new();

	(void)state;
	diag_error(d, (struct place){ NULL, 0, 0 }, "odd");
	diag_warning(d, (struct place){ NULL, 0, 0 }, "odd");
	expect(d, "error: odd\nwarning: odd\n");
	diag_free(d);
}

static void
the_caret_stands_under_its_character(void **state)
{
	(void)state;
	/* tabs stay tabs, wide characters take two columns */
	expect_one(TEXT("\ta:\tb\n"), 1, 5,
	    "f:1:5: error: bad\n"
	    "   1 | \ta:\tb\n"
	    "     | \t  \t^\n");
	expect_one(TEXT("\xe4\xb8\x8a\xe5\x8d\x88 x"), 1, 4,
	    "f:1:4: error: bad\n"
	    "   1 | \xe4\xb8\x8a\xe5\x8d\x88 x\n"
	    "     |      ^\n");
	expect_one(TEXT("caf\xc3\xa9 x"), 1, 6,
	    "f:1:6: error: bad\n"
	    "   1 | caf\xc3\xa9 x\n"
	    "     |      ^\n");
	/* behind the end of a line, with any kind of line end */
	expect_one(TEXT("ab\r\ncd\r\n"), 1, 3,
	    "f:1:3: error: bad\n"
	    "   1 | ab\n"
	    "     |   ^\n");
	expect_one(TEXT("ab\rcd"), 2, 1,
	    "f:2:1: error: bad\n"
	    "   2 | cd\n"
	    "     | ^\n");
}

static void
a_line_that_is_not_there_or_empty_is_not_quoted(void **state)
{
	(void)state;
	expect_one(TEXT(""), 1, 1, "f:1:1: error: bad\n");
	expect_one(TEXT("a\n"), 2, 1, "f:2:1: error: bad\n");
	expect_one(TEXT("a\n"), 7, 3, "f:7:3: error: bad\n");
	expect_one(TEXT("a\n\nb"), 2, 1, "f:2:1: error: bad\n");
	expect_one(TEXT("a"), 1, 0, "f:1: error: bad\n   1 | a\n");
	expect_one(
	    TEXT("a"), 1, 900, "f:1:900: error: bad\n   1 | a\n     |  ^\n");
}

static void
what_could_paint_a_terminal_is_not_printed(void **state)
{
	struct diag *d = diag_new();
	const char *file =
	    diag_file(d, "na\x1bme", TEXT("\x1b[31m\xff \xe2\x80\x8e x"));

	(void)state;
	diag_error(d, (struct place){ file, 1, 10 }, "%s",
	    "esc \x1b[2J\nnewline\ttab \xff");
	expect(d, "name:1:10: error: esc [2J newline tab \xef\xbf\xbd\n"
		  "   1 | \xef\xbf\xbd[31m\xef\xbf\xbd \xef\xbf\xbd x\n"
		  "     |          ^\n");
	diag_free(d);
}

static void
of_a_long_line_the_part_around_the_caret_is_shown(void **state)
{
	struct str content = { 0 };
	struct diag *d = diag_new();
	const char *file;
	char *text, *quoted, *below;

	(void)state;
	for (int i = 0; i < 20000; i++)
		str_printf(&content, "%05d|", i);
	file = diag_file(d, "f", str_text(&content));
	diag_error(d, (struct place){ file, 1, 60001 }, "middle");
	diag_error(d, (struct place){ file, 1, 1 }, "start");
	diag_error(d, (struct place){ file, 1, 120001 }, "end");
	text = printed(d, print_plain);
	assert_true(strlen(text) < 1000);
	assert_non_null(strstr(text, "   1 | 00000|00001|"));
	assert_non_null(strstr(text, "19998|19999|\n"));
	quoted = strstr(text, "middle\n") + strlen("middle\n");
	below = strchr(quoted, '\n') + 1;
	assert_memory_equal(quoted, "   1 | ...", 10);
	assert_memory_equal(
	    quoted + (strchr(below, '^') - below), "10000|10001|", 12);
	free(text);
	diag_free(d);
	str_free(&content);
}

static void
past_a_thousand_faults_are_counted(void **state)
{
	struct diag *d = diag_new();
	char *text;

	(void)state;
	for (unsigned i = 1; i <= 1500; i++)
		diag_error(d, (struct place){ "f", i, 1 }, "bad");
	assert_int_equal(diag_errors(d), 1500);
	text = printed(d, print_plain);
	assert_non_null(strstr(text, "1000:1: error: bad\n"));
	assert_null(strstr(text, "1001:1: error: bad\n"));
	assert_non_null(strstr(text, "\n500 more faults are not shown\n"));
	free(text);
	diag_free(d);
}

static void
a_long_text_is_cut(void **state)
{
	struct diag *d = diag_new();
	char *long_text = mem_new(100001, 1), *text;

	(void)state;
	memset(long_text, 'x', 100000);
	diag_error(d, (struct place){ NULL, 0, 0 }, "%s", long_text);
	text = printed(d, print_plain);
	assert_true(strlen(text) < 2100);
	assert_string_equal(text + strlen(text) - 5, "x...\n");
	free(text);
	free(long_text);
	diag_free(d);
}

static void
colours_mark_severity_and_caret(void **state)
{
	struct diag *d = diag_new();
	const char *file = diag_file(d, "f", TEXT("a\n"));
	char *text;

	(void)state;
	diag_error(d, (struct place){ file, 1, 1 }, "bad");
	diag_warning(d, (struct place){ file, 1, 1 }, "odd");
	text = printed(d, print_colour);
	assert_string_equal(text, "\033[1mf:1:1: \033[1;31merror:\033[m bad\n"
				  "   1 | a\n"
				  "     | \033[1;32m^\033[m\n"
				  "\033[1mf:1:1: \033[1;35mwarning:\033[m odd\n"
				  "   1 | a\n"
				  "     | \033[1;32m^\033[m\n");
	free(text);
	diag_free(d);
}

static void
json_is_an_object_a_line(void **state)
{
	struct diag *d = diag_new();
	const char *file = diag_file(d, "f\xff", TEXT("a\n"));
	char *text, *rest;
	static const char *const expected[] = {
		"{\"file\":\"f\xef\xbf\xbd\",\"line\":0,\"column\":0,"
		"\"severity\":\"warning\",\"text\":\"first\"}",
		"{\"file\":\"f\xef\xbf\xbd\",\"line\":2,\"column\":3,"
		"\"severity\":\"error\",\"text\":\"say \\\"no\\\"\"}",
		"{\"file\":\"\",\"line\":0,\"column\":0,"
		"\"severity\":\"error\",\"text\":\"last\"}",
	};

	(void)state;
	diag_error(d, (struct place){ NULL, 0, 0 }, "last");
	diag_error(d, (struct place){ file, 2, 3 }, "say \"no\"");
	diag_warning(d, (struct place){ file, 0, 0 }, "first");
	text = printed(d, diag_print_json);
	rest = text;
	for (size_t i = 0; i < 3; i++) {
		size_t len = strcspn(rest, "\n");

		assert_int_equal(len, strlen(expected[i]));
		assert_memory_equal(rest, expected[i], len);
		rest += len + 1;
	}
	assert_string_equal(rest, "");
	free(text);
	diag_free(d);
}

static void
bytes_and_characters_have_places(void **state)
{
	struct diag *d = diag_new();
	struct str content = { 0 };
	const char *file;

	(void)state;
	for (int i = 0; i < 300; i++)
		str_puts(&content, "\xc3\xa9"
				   "b\r\n");
	file = diag_file(d, "f", str_text(&content));
	for (unsigned i = 0; i < 300; i++) {
		for (unsigned j = 0; j < 4; j++) {
			size_t byte = i * 5 + (j == 0 ? 0 : j + 1);
			struct place at = diag_place(d, file, byte);

			assert_int_equal(at.line, i + 1);
			assert_int_equal(at.column, j + 1);
			assert_int_equal(diag_offset(d, file, i * 4 + j), byte);
		}
		assert_int_equal(diag_place(d, file, i * 5 + 1).column, 1);
	}
	assert_int_equal(diag_offset(d, file, 1200), 1500);
	assert_int_equal(diag_offset(d, file, 99999), 1500);
	assert_int_equal(diag_place(d, file, 99999).line, 301);
	assert_int_equal(diag_place(d, file, 1500).column, 1);
	str_free(&content);
	diag_free(d);
}

static const char *const keys[] = { "match", "except", "threshold", "id",
	"followed_by", "summary", "source", "key", "path" };

static void
a_near_word_is_suggested(void **state)
{
	static const struct {
		const char *word, *meant;
	} words[] = {
		{ "treshold", "threshold" },
		{ "threshhold", "threshold" },
		{ "trehsold", "threshold" },
		{ "thrshld", "threshold" },
		{ "Match", "match" },
		{ "SUMMARY", "summary" },
		{ "mathc", "match" },
		{ "followed-by", "followed_by" },
		{ "followedby", "followed_by" },
		{ "ids", "id" },
		{ "pth", "path" },
		{ "sources", "source" },
		{ "match", "match" },
		{ "tresh", NULL },
		{ "", NULL },
		{ "x", NULL },
		{ "foo", NULL },
		{ "colour", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		const char *meant = diag_suggest(
		    words[i].word, keys, sizeof keys / sizeof *keys);

		if (words[i].meant == NULL)
			assert_null(meant);
		else
			assert_string_equal(
			    meant ? meant : words[i].word, words[i].meant);
	}
	assert_null(diag_suggest("match", NULL, 0));
}

static void
the_nearest_of_several_is_suggested_the_first_where_equal(void **state)
{
	static const char *const words[] = { "abcdef", "abcdeg", "abcxeg" };

	(void)state;
	assert_ptr_equal(diag_suggest("abcdeh", words, 3), words[0]);
	assert_ptr_equal(diag_suggest("abcxeh", words, 3), words[2]);
}

static void
endless_words_are_not_compared(void **state)
{
	char *word = mem_new(100001, 1);
	const char *candidates[] = { word, "match" };

	(void)state;
	memset(word, 'm', 100000);
	assert_null(diag_suggest(word, keys, sizeof keys / sizeof *keys));
	assert_string_equal(diag_suggest("matsh", candidates, 2), "match");
	free(word);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_fault_is_printed_with_its_line_and_a_caret),
		cmocka_unit_test(faults_come_by_file_line_and_column_each_once),
		cmocka_unit_test(
		    an_error_and_a_warning_of_the_same_text_are_two),
		cmocka_unit_test(the_caret_stands_under_its_character),
		cmocka_unit_test(
		    a_line_that_is_not_there_or_empty_is_not_quoted),
		cmocka_unit_test(what_could_paint_a_terminal_is_not_printed),
		cmocka_unit_test(
		    of_a_long_line_the_part_around_the_caret_is_shown),
		cmocka_unit_test(past_a_thousand_faults_are_counted),
		cmocka_unit_test(a_long_text_is_cut),
		cmocka_unit_test(colours_mark_severity_and_caret),
		cmocka_unit_test(json_is_an_object_a_line),
		cmocka_unit_test(bytes_and_characters_have_places),
		cmocka_unit_test(a_near_word_is_suggested),
		cmocka_unit_test(
		    the_nearest_of_several_is_suggested_the_first_where_equal),
		cmocka_unit_test(endless_words_are_not_compared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
