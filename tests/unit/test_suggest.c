/* SPDX-License-Identifier: MIT */
#include "base/mem.h"
#include "base/utf8.h"
#include "cmd/logkind.h"
#include "cmd/sample.h"
#include "cmd/suggest.h"
#include "cmd/unmatched.h"
#include "match/pattern.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define LINES_MAX 8

static size_t
count_lines(const char *const *lines, struct text out[static LINES_MAX])
{
	size_t count = 0;

	for (; count < LINES_MAX && lines[count] != NULL; count++)
		out[count] = text_of(lines[count]);
	return count;
}

static bool
matches(const char *pattern, struct text text)
{
	struct pattern *p = pattern_compile(text_of(pattern), NULL, NULL);
	bool yes;

	assert_non_null(p);
	yes = pattern_match(p, text, NULL, NULL) == MATCH_YES;
	pattern_free(p);
	return yes;
}

static const struct known {
	const char *lines[LINES_MAX];
	const char *name;
	const char *multiline; /* NULL: each line is an event */
	const char *message;   /* of the first line */
} known[] = {
	{ { "[Nest] 57621  - 10/17/2025, 8:00:03 AM   ERROR [Ctx] Job 7 failed",
	      "Error: boom", "    at f (/a.js:1:2)", NULL },
	    "A Nest application's log", "start", "ERROR [Ctx] Job 7 failed" },
	{ { "worker-1  | [Nest] 1  - 2025/10/17 上午8:00:03     LOG [C] x",
	      NULL },
	    "A Nest application's log", NULL, "LOG [C] x" },
	{ { "2025-10-17 08:00:00.123 UTC [12] a@b ERROR:  no \"x\"",
	      "2025-10-17 08:00:00.123 UTC [12] a@b STATEMENT:  SELECT", "\t1",
	      NULL },
	    "PostgreSQL's log", "continue", "ERROR:  no \"x\"" },
	{ { "2025-10-17 08:00:00 UTC:10.0.0.1(5432):u@d:[7]:FATAL:  gone",
	      NULL },
	    "PostgreSQL's log", NULL, "FATAL:  gone" },
	{ { "{\"level\":\"error\",\"msg\":\"x\"}", "{\"level\":\"info\"}",
	      NULL },
	    "JSON objects, one a line", NULL,
	    "{\"level\":\"error\",\"msg\":\"x\"}" },
	{ { "Oct  7 08:00:00 host sshd[12]: Failed", NULL }, "Syslog", NULL,
	    "sshd[12]: Failed" },
	{ { "2025-10-17T08:00:00.1+02:00 host a/b[12]: Failed", NULL },
	    "Syslog", NULL, "a/b[12]: Failed" },
	{ { "2025-10-17 08:00:00,123 ERROR [main] failed", "java.lang.X: y",
	      "\tat a.b(C.java:1)", NULL },
	    "A log whose events begin with a time", "start",
	    "ERROR [main] failed" },
	{ { "[2025-10-17T08:00:00Z] failed", NULL },
	    "A log whose events begin with a time", NULL, "failed" },
	{ { "java.lang.X: y", "\tat a.b(C.java:1)", "Caused by: z", NULL },
	    "A log with stack traces", "continue", "java.lang.X: y" },
	{ { "ERROR:root:x", "Traceback (most recent call last):",
	      "  File \"x.py\"", "ValueError: y", NULL },
	    "A log with Python's tracebacks", "continue", "ERROR:root:x" },
	{ { "failed", "failed again", NULL }, "A log of single lines", NULL,
	    "failed" },
	{ { NULL }, "A log of single lines", NULL, NULL },
};

static void
logs_are_told_by_how_their_lines_begin(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		struct text lines[LINES_MAX], message;
		size_t count = count_lines(known[i].lines, lines);
		struct logkind *k = logkind_new(lines, count);
		bool start;
		const char *multiline = logkind_multiline(k, &start);

		assert_string_equal(logkind_name(k), known[i].name);
		if (known[i].multiline == NULL)
			assert_null(multiline);
		else
			assert_string_equal(
			    known[i].multiline, multiline == NULL ? ""
						: start           ? "start"
								  : "continue");
		if (known[i].message != NULL) {
			assert_true(logkind_begins(k, lines[0], &message));
			assert_true(text_is(message, known[i].message));
		}
		logkind_free(k);
	}
}

static void
a_pattern_stands_for_the_shape_of_its_text(void **state)
{
	static const struct {
		const char *text, *pattern, *other;
	} cases[] = {
		{ "Job 7 failed", "Job [\\w.:/-]+ failed", "Job 12a failed" },
		{ "at 10:00:01.5, 2025-10-17", "at [\\w.:/-]+, [\\w.:/-]+",
		    "at 9:1, 2" },
		{ "table \"a b\" is", "table \"[^\"]*\" is", "table \"\" is" },
		{ "a.b(c)[d]{e}*+?|^$\\",
		    "a\\.b\\(c\\)\\[d\\]\\{e\\}\\*\\+\\?\\|\\^\\$\\\\",
		    "xa.b(c)[d]{e}*+?|^$\\" },
		{ "  two   blanks  ", "two +blanks +", "two  blanks  " },
		{ "tab\there \x01", "tab.here .", "tab here ." },
		{ "1-ab-2", "[\\w.:/-]+-ab-[\\w.:/-]+", "4-ab-4" },
		{ "失敗7 x", "\\S+ x", "失敗8 x" },
		{ "7/失敗7 x", "[\\w.:/-]+/\\S+ x", "8/失敗8 x" },
		{ "it's", "it's", "it's" },
		{ "${HOME} {{host}}", "\\$\\{HOME\\} \\{\\{host\\}\\}",
		    "${HOME} {{host}}" },
	};
	struct str out = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		unmatched_pattern_of(text_of(cases[i].text), 1000, &out);
		assert_string_equal(out.data, cases[i].pattern);
		assert_true(matches(out.data, text_of(cases[i].text)));
		assert_true(matches(out.data, text_of(cases[i].other)));
	}
	str_free(&out);
}

/* Text of bytes that are special to patterns, to shapes or to UTF-8. */
static void
any_text_is_matched_by_its_pattern_however_short_it_is_cut(void **state)
{
	static const char alphabet[] = "ab1 2.-:/\"'`[](){}*+?|^$\\\t\n\x01\xc3"
				       "\xa9\xe2\x80\xae\xff";
	uint32_t seed = 7;
	struct str raw = { 0 }, text = { 0 }, out = { 0 };

	(void)state;
	for (int round = 0; round < 20000; round++) {
		size_t len = 1 + (seed >> 16) % 40;

		str_clear(&raw);
		str_clear(&text);
		for (size_t i = 0; i < len; i++) {
			seed = seed * 1103515245 + 12345;
			str_putc(&raw,
			    alphabet[(seed >> 16) % (sizeof alphabet - 1)]);
		}
		utf8_clean(str_text(&raw), &text);
		unmatched_pattern_of(str_text(&text), (size_t)round % 50, &out);
		if (out.len == 0)
			continue;
		for (size_t i = 0; i < out.len; i++)
			assert_true((unsigned char)out.data[i] >= ' ');
		if (!matches(out.data, str_text(&text)))
			fail_msg(
			    "'%s' does not match '%s'", out.data, text.data);
	}
	str_free(&raw);
	str_free(&text);
	str_free(&out);
}

static void
what_makes_a_line_trouble_is_in_its_pattern(void **state)
{
	static const char *const lines[] = {
		"a long line, as they are written by those who have much to "
		"tell before they come to what it is about: it was denied",
		"a long line, as they are written by those who have much to "
		"tell before they come to what it is about: it was given",
		NULL
	};
	struct text views[LINES_MAX];
	struct sample sample = { .lines = views };
	struct suggestion s;
	struct logkind *k;

	(void)state;
	sample.count = count_lines(lines, views);
	k = logkind_new(views, sample.count);
	suggestion_find(&s, &sample, k);
	assert_true(matches(s.pattern, views[0]));
	assert_false(matches(s.pattern, views[1]));
	suggestion_free(&s);
	logkind_free(k);
}

static void
the_most_frequent_trouble_is_suggested(void **state)
{
	static const char *const lines[] = { "all is well", "job 1 failed",
		"disk is unreachable: 1", "job 2 failed",
		"0 errors in this one", "job 3 failed", NULL };
	struct text views[LINES_MAX];
	struct sample sample = { .lines = views };
	struct suggestion s;
	struct logkind *k;

	(void)state;
	sample.count = count_lines(lines, views);
	k = logkind_new(views, sample.count);
	suggestion_find(&s, &sample, k);
	assert_string_equal(s.pattern, "job [\\w.:/-]+ failed");
	assert_string_equal(s.line, "job 1 failed");
	assert_int_equal(s.count, 3);
	suggestion_free(&s);
	sample.count = 1;
	suggestion_find(&s, &sample, k);
	assert_int_equal(s.count, 0);
	assert_true(matches(s.pattern, text_of(s.line)));
	suggestion_free(&s);
	logkind_free(k);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(logs_are_told_by_how_their_lines_begin),
		cmocka_unit_test(a_pattern_stands_for_the_shape_of_its_text),
		cmocka_unit_test(
		    any_text_is_matched_by_its_pattern_however_short_it_is_cut),
		cmocka_unit_test(what_makes_a_line_trouble_is_in_its_pattern),
		cmocka_unit_test(the_most_frequent_trouble_is_suggested),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
