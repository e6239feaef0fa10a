/* SPDX-License-Identifier: MIT */
/*
 * One pattern: what it compiles to, what it captures, when it gives up.
 */
#include "match/pattern.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

static struct pattern *
compiled(const char *text)
{
	struct err err;
	size_t offset;
	struct pattern *p = pattern_compile(text_of(text), &offset, &err);

	if (p == NULL)
		fail_msg("%s: at %zu: %s", text, offset, err.text);
	return p;
}

static enum match_result
match_text(const char *pattern, struct text subject)
{
	struct pattern *p = compiled(pattern);
	enum match_result result = pattern_match(p, subject, NULL, NULL);

	pattern_free(p);
	return result;
}

static void
a_pattern_means_what_the_rule_file_promises(void **state)
{
	static const struct {
		const char *pattern;
		struct text subject;
		enum match_result want;
	} cases[] = {
		/* Lines: ^ and $ at each, LF alone ends one. */
		{ "^b$", TEXT("a\nb\nc"), MATCH_YES },
		{ "^b", TEXT("ab"), MATCH_NO },
		{ "a.b", TEXT("a\nb"), MATCH_NO },
		{ "a.b", TEXT("a\rb"), MATCH_YES },
		{ "^b", TEXT("a\rb"), MATCH_NO },
		{ "a$", TEXT("a\rb"), MATCH_NO },
		{ "(?s)a.b", TEXT("a\nb"), MATCH_YES },
		{ "\\Ab", TEXT("a\nb"), MATCH_NO },
		{ "a.b",
		    TEXT("a\xe2\x80\xa8"
			 "b"),
		    MATCH_YES },
		/* UTF, and no UCP unless it is asked for. */
		{ "^.$", TEXT("\xc3\xa4"), MATCH_YES },
		{ "^.$", TEXT("\xf0\x9f\x98\x80"), MATCH_YES },
		{ "\xc3\xa4+", TEXT("\xc3\xa4\xc3\xa4"), MATCH_YES },
		{ "\\w", TEXT("\xc3\xa4"), MATCH_NO },
		{ "(*UCP)\\w", TEXT("\xc3\xa4"), MATCH_YES },
		{ "^\\S$", TEXT("\xe4\xb8\x8a"), MATCH_YES },
		{ "^\\D$", TEXT("\xe4\xb8\x8a"), MATCH_YES },
		{ "^\\W$", TEXT("\xe4\xb8\x8a"), MATCH_YES },
		{ "^\\D\\D$", TEXT("\xef\xbf\xbd\xc3\xa4"), MATCH_YES },
		{ "(?i)\xc3\x84", TEXT("\xc3\xa4"), MATCH_YES },
		{ "^\\X$", TEXT("e\xcc\x81"), MATCH_YES },
		{ "^a\\Rb$", TEXT("a\r\nb"), MATCH_YES },
		/* NUL is a character like any other. */
		{ "a\\x00b", TEXT("a\0b"), MATCH_YES },
		{ "^a.b$", TEXT("a\0b"), MATCH_YES },
		{ "b", TEXT("a\0b"), MATCH_YES },
		/* What takes no room. */
		{ "a*", TEXT("b"), MATCH_YES },
		{ "^", TEXT(""), MATCH_YES },
		{ "\\b", TEXT("..."), MATCH_NO },
		{ "(?<=a)(?=b)", TEXT("ab"), MATCH_YES },
		{ "\\z", TEXT(""), MATCH_YES },
		/* The language's own. */
		{ "(.)\\1++$", TEXT("abbb"), MATCH_YES },
		{ "^(\\((?1)*\\))$", TEXT("(()())"), MATCH_YES },
		{ "(?C1)a", TEXT("a"), MATCH_YES },
		{ "(*UTF)a", TEXT("a"), MATCH_YES },
		{ "(*NO_JIT)a", TEXT("a"), MATCH_YES },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		if (match_text(cases[i].pattern, cases[i].subject) !=
		    cases[i].want)
			fail_msg("%s", cases[i].pattern);
}

static void
what_is_no_pattern_is_said_with_its_place(void **state)
{
	static const struct {
		const char *pattern;
		size_t offset;
		const char *words;
	} cases[] = {
		{ "heap (out of memory", 19, "missing closing parenthesis" },
		{ "a)", 1, "unmatched closing parenthesis" },
		{ "[a", 2, "missing terminating ] for character class" },
		{ "*a", 0, "quantifier does not follow a repeatable item" },
		{ "ab\\", 3, "\\ at end of pattern" },
		{ "a{2,1}", 5, "numbers out of order in {} quantifier" },
		{ "a{0,65536}", 9, "number too big in {} quantifier" },
		{ "(?<=a+)b", 0, "lookbehind assertion is not fixed length" },
		{ "(?<a>.)(?<a>.)", 12, "two named subpatterns" },
		{ "(?<n23456789012345678901234567890123>.)", 36,
		    "subpattern name is too long" },
		{ "(?<1a>.)", 3, "must start with a non-digit" },
		{ "\\C", 2, "using \\C is disabled" },
		{ "\\p{Nonsense}", 12, "unknown property" },
		{ "(?J(", 3, "unrecognized character" },
		{ "\\k<nobody>", 3, "reference to non-existent subpattern" },
		{ "[[:nonsense:]]", 3, "unknown POSIX class name" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		size_t offset = 999;
		struct err err = { "" };

		assert_null(
		    pattern_compile(text_of(cases[i].pattern), &offset, &err));
		if (strstr(err.text, cases[i].words) == NULL ||
		    offset != cases[i].offset)
			fail_msg("%s: at %zu: %s", cases[i].pattern, offset,
			    err.text);
	}
}

static void
no_pattern_is_too_much_for_the_compiler(void **state)
{
	struct str text = { 0 };
	struct err err;
	struct pattern *p;

	(void)state;
	/* As long as it may be, and one more. */
	str_puts(&text, "(?x)a");
	while (text.len < PATTERN_SIZE_MAX)
		str_putc(&text, ' ');
	p = pattern_compile(str_text(&text), NULL, &err);
	assert_non_null(p);
	pattern_free(p);
	str_putc(&text, ' ');
	assert_null(pattern_compile(str_text(&text), NULL, &err));
	assert_non_null(strstr(err.text, "longer than the limit"));

	/* As deep as one may be is a fault, not a crash. */
	str_clear(&text);
	for (int i = 0; i < 20000; i++)
		str_putc(&text, '(');
	assert_null(pattern_compile(str_text(&text), NULL, &err));
	assert_non_null(strstr(err.text, "parentheses are too deeply nested"));

	/* As large as it can become likewise. */
	assert_null(pattern_compile(
	    TEXT("((((a{1,999}){1,999}){1,999}){1,999})"), NULL, &err));
	assert_non_null(strstr(err.text, "regular expression is too large"));

	/* Counted assertions that once ran over the compiler's stack. */
	pattern_free(pattern_compile(TEXT("(?=x){0,2500}"), NULL, &err));
	pattern_free(pattern_compile(TEXT("(?=x){,2500}"), NULL, &err));

	/* A thousand groups without a name are no captures. */
	str_clear(&text);
	for (int i = 0; i < 1000; i++)
		str_puts(&text, "(a)?");
	p = pattern_compile(str_text(&text), NULL, &err);
	assert_non_null(p);
	assert_int_equal(pattern_names(p), 0);
	assert_int_equal(pattern_match(p, TEXT("aaa"), NULL, NULL), MATCH_YES);
	pattern_free(p);
	str_free(&text);
}

static void
more_captures_than_are_kept_are_a_fault(void **state)
{
	struct str text = { 0 };
	struct err err = { "" };
	struct pattern *p;

	(void)state;
	for (int i = 0; i < PATTERN_NAMES_MAX; i++)
		str_printf(&text, "(?<n%d>.)?", i);
	p = pattern_compile(str_text(&text), NULL, &err);
	assert_non_null(p);
	assert_int_equal(pattern_names(p), PATTERN_NAMES_MAX);
	pattern_free(p);
	str_puts(&text, "(?<one_more>.)?");
	assert_null(pattern_compile(str_text(&text), NULL, &err));
	assert_string_equal(err.text, "more than 64 named captures");
	str_free(&text);
}

/* NAME=VALUE of all captures, in the order they are told. */
static void
check_captures(const char *pattern, struct text subject, const char *want)
{
	struct pattern *p = compiled(pattern);
	struct captures cs;
	struct str got = { 0 };

	assert_int_equal(pattern_match(p, subject, &cs, NULL), MATCH_YES);
	for (size_t i = 0; i < cs.count; i++) {
		assert_non_null(cs.v[i].value.data);
		str_printf(&got, "%s=", cs.v[i].name);
		str_add_text(&got, cs.v[i].value);
		str_putc(&got, ' ');
	}
	str_puts(&got, "");
	assert_string_equal(got.data, want);
	str_free(&got);
	pattern_free(p);
}

static void
captures_are_the_text_of_the_named_groups(void **state)
{
	(void)state;
	check_captures("no names (here)", TEXT("no names here"), "");
	check_captures("table \"(?<table>[^\"]+)\".*\"(?<key>[^\"]+)\"",
	    TEXT("on table \"a b\" violates \"FK_1\""), "key=FK_1 table=a b ");
	/* One that took no part is the empty text, and so is an empty one. */
	check_captures("(?<a>x)|(?<b>y)(?<c>z*)", TEXT("y"), "a= b=y c= ");
	/* A name that stands twice: the group that took part. */
	check_captures(
	    "(?J)(?:(?<n>\\d+)|x(?<n>[a-z]+))", TEXT("xabc"), "n=abc ");
	check_captures("(?J)(?:(?<n>\\d+)|x(?<n>[a-z]+))", TEXT("12"), "n=12 ");
	check_captures("(?|(?<n>a)b|(?<n>c)d)", TEXT("cd"), "n=c ");
	check_captures("(?P<p>a)(?'q'b)", TEXT("ab"), "p=a q=b ");
	check_captures(
	    "(?<PATH>.)(?<LD_PRELOAD>.)", TEXT("ab"), "LD_PRELOAD=b PATH=a ");
	check_captures("(?<n23456789012345678901234567890_2>.)", TEXT("a"),
	    "n23456789012345678901234567890_2=a ");
}

static void
a_capture_keeps_its_nul_and_any_length(void **state)
{
	struct pattern *p = compiled("<(?<all>(?s:.*))>");
	size_t size = 10 * 1024 * 1024;
	char *big = mem_new(size, 1);
	struct captures cs;

	(void)state;
	assert_int_equal(
	    pattern_match(p, TEXT("<a\0b>"), &cs, NULL), MATCH_YES);
	assert_true(text_equal(captures_get(&cs, "all"), TEXT("a\0b")));
	big[0] = '<';
	big[size - 1] = '>';
	assert_int_equal(
	    pattern_match(p, (struct text){ big, size }, &cs, NULL), MATCH_YES);
	assert_ptr_equal(captures_get(&cs, "all").data, big + 1);
	assert_int_equal(captures_get(&cs, "all").len, size - 2);
	assert_null(captures_get(&cs, "nobody").data);
	free(big);
	pattern_free(p);
}

static void
the_span_is_where_it_matched(void **state)
{
	static const struct {
		const char *pattern, *subject;
		size_t start, len;
	} cases[] = {
		{ "b+", "abbc", 1, 2 },
		{ "x*", "abc", 0, 0 },
		{ "$", "abc", 3, 0 },
		{ "a\\Kb", "ab", 1, 1 },
		{ "\\z", "", 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct pattern *p = compiled(cases[i].pattern);
		const char *subject = cases[i].subject;
		struct text span;

		assert_int_equal(
		    pattern_match(p, text_of(subject), NULL, &span), MATCH_YES);
		assert_int_equal(span.len, cases[i].len);
		if (span.len > 0 || cases[i].subject[0] != '\0')
			assert_ptr_equal(span.data, subject + cases[i].start);
		pattern_free(p);
	}
}

static void
captures_merge_keeps_what_is_there(void **state)
{
	struct captures a = { 2, { { .name = "x", .value = TEXT("1") },
				     { .name = "empty", .value = TEXT("") } } };
	struct captures b = { 3,
		{ { .name = "x", .value = TEXT("2") },
		    { .name = "y", .value = TEXT("3") },
		    { .name = "empty", .value = TEXT("4") } } };
	struct captures full = { 0 };

	(void)state;
	captures_merge(&a, &b);
	assert_int_equal(a.count, 3);
	assert_true(text_is(captures_get(&a, "x"), "1"));
	assert_true(text_is(captures_get(&a, "y"), "3"));
	assert_true(text_is(captures_get(&a, "empty"), ""));
	for (size_t i = 0; i < CAPTURES_MAX; i++)
		full.v[full.count++] =
		    (struct capture){ .name = "n", .value = TEXT("v") };
	captures_merge(&full, &b);
	assert_int_equal(full.count, CAPTURES_MAX);
}

static void
what_hits_a_limit_is_neither_yes_nor_no(void **state)
{
	char subject[42];
	struct pattern *p = compiled("(a+)+$");
	struct pattern *slow = compiled("(*NO_JIT)(a+)+$");

	(void)state;
	memset(subject, 'a', 40);
	subject[40] = '!';
	for (int i = 1; i <= 3; i++) {
		assert_int_equal(
		    pattern_match(p, (struct text){ subject, 41 }, NULL, NULL),
		    MATCH_FAILED);
		assert_int_equal(pattern_failures(p), i);
		assert_int_equal(pattern_match(slow,
				     (struct text){ subject, 41 }, NULL, NULL),
		    MATCH_FAILED);
	}
	/* It can be used after that. */
	assert_int_equal(pattern_match(p, TEXT("aaa"), NULL, NULL), MATCH_YES);
	assert_int_equal(pattern_match(p, TEXT("b"), NULL, NULL), MATCH_NO);
	assert_int_equal(pattern_failures(p), 3);
	pattern_free(p);
	pattern_free(slow);
}

static void
a_limit_is_hit_soon(void **state)
{
	static const char *const bad[] = { "(a+)+$", "(*NO_JIT)(a+)+$",
		"(a|aa)+$", "^(a?){40}a{40}$", "(.*)*x", "(a|b|ab)*\\1c",
		"(*LIMIT_MATCH=999999999)(a+)+$" };
	char subject[1025];

	(void)state;
	memset(subject, 'a', 1024);
	subject[1024] = '!';
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct pattern *p = compiled(bad[i]);
		clock_t start = clock();

		for (int times = 0; times < 20; times++)
			assert_int_not_equal(
			    pattern_match(
				p, (struct text){ subject, 1025 }, NULL, NULL),
			    MATCH_YES);
		/* With PCRE2's own limit it is a hundred times as long. */
		if ((clock() - start) * 1000 / CLOCKS_PER_SEC > 1000)
			fail_msg("%s", bad[i]);
		pattern_free(p);
	}
}

static void
a_small_jit_stack_is_no_reason_to_give_up(void **state)
{
	struct pattern *p = compiled("([^A]|B)*$");
	char subject[5000];

	(void)state;
	memset(subject, 'c', sizeof subject);
	/* More than once: the stack of its own is kept. */
	for (int i = 0; i < 3; i++)
		assert_int_equal(
		    pattern_match(p, (struct text){ subject, sizeof subject },
			NULL, NULL),
		    MATCH_YES);
	assert_int_equal(pattern_failures(p), 0);
	pattern_free(p);
}

static void
what_overflows_any_jit_stack_is_left_to_the_interpreter(void **state)
{
	size_t size = 1000000;
	char *subject = mem_new(size, 1);
	struct pattern *p = compiled("(.|\\n)*foo");

	(void)state;
	memset(subject, 'c', size);
	assert_int_equal(
	    pattern_match(p, (struct text){ subject, size }, NULL, NULL),
	    MATCH_NO);
	pattern_free(p);
	free(subject);
}

static void
no_recursion_runs_over_a_stack(void **state)
{
	size_t size = 1024 * 1024;
	char *subject = mem_new(size, 1);
	static const char *const deep[] = { "^(\\((?1)*\\)|x)*$",
		"(*NO_JIT)^(\\((?1)*\\)|x)*$", "(.|\\n)*foo",
		"(*NO_JIT)([^A]|B)*$", "(?R)?\\(" };

	(void)state;
	memset(subject, '(', size);
	for (size_t i = 0; i < sizeof deep / sizeof *deep; i++) {
		struct pattern *p = compiled(deep[i]);
		struct text text = { subject, size };
		enum match_result result = pattern_match(p, text, NULL, NULL);

		assert_int_equal(
		    pattern_failures(p), result == MATCH_FAILED ? 1 : 0);
		assert_int_equal(
		    pattern_match(p, TEXT("\n"), NULL, NULL) == MATCH_FAILED,
		    0);
		pattern_free(p);
	}
	free(subject);
}

static void
with_and_without_jit_the_answer_is_the_same(void **state)
{
	static const char *const texts[] = { "a+b", "(?<x>\\d+)-(?<x2>\\d+)",
		"^\\S+ \\W", "(?i)error|\xc3\xa4", "\\bfoo\\b" };
	static const char *const subjects[] = { "aab", "12-34",
		"\xe4\xb8\x8a \xe4\xb8\x8b", "ERROR", "\xc3\x84", "a foo",
		"foobar", "" };

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct str plain = { 0 };
		struct pattern *jit = compiled(texts[i]), *no;

		str_printf(&plain, "(*NO_JIT)%s", texts[i]);
		no = compiled(plain.data);
		for (size_t k = 0; k < sizeof subjects / sizeof *subjects;
		     k++) {
			struct text subject = text_of(subjects[k]), a, b;
			struct captures ca = { 0 }, cb = { 0 };
			enum match_result result =
			    pattern_match(jit, subject, &ca, &a);

			assert_int_equal(
			    pattern_match(no, subject, &cb, &b), result);
			if (result != MATCH_YES)
				continue;
			assert_true(a.data == b.data && a.len == b.len);
			assert_int_equal(ca.count, cb.count);
			for (size_t n = 0; n < ca.count; n++)
				assert_true(
				    text_equal(ca.v[n].value, cb.v[n].value));
		}
		pattern_free(jit);
		pattern_free(no);
		str_free(&plain);
	}
}

static void
the_first_pattern_of_a_list_that_matches_gives_the_captures(void **state)
{
	struct pattern *v[] = { compiled("(?<a>x)"), compiled("(?<b>.)y"),
		compiled("(?<c>.)y") };
	struct patterns ps = { v, 3 };
	struct captures cs;
	struct text span;

	(void)state;
	assert_int_equal(
	    patterns_match(&ps, TEXT("zy"), &cs, &span), MATCH_YES);
	assert_int_equal(cs.count, 1);
	assert_string_equal(cs.v[0].name, "b");
	assert_true(text_is(span, "zy"));
	assert_int_equal(
	    patterns_match(&ps, TEXT("zyx"), &cs, NULL), MATCH_YES);
	assert_string_equal(cs.v[0].name, "a");
	assert_int_equal(patterns_match(&ps, TEXT("q"), &cs, NULL), MATCH_NO);
	ps.count = 0;
	assert_int_equal(patterns_match(&ps, TEXT("zy"), &cs, NULL), MATCH_NO);
	for (size_t i = 0; i < 3; i++)
		pattern_free(v[i]);
}

static void
one_that_gives_up_does_not_hide_another_that_matches(void **state)
{
	struct pattern *v[] = { compiled("(a+)+$"), compiled("(?<end>!)") };
	struct patterns ps = { v, 2 };
	struct captures cs;
	struct text subject = TEXT("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!");

	(void)state;
	assert_int_equal(patterns_match(&ps, subject, &cs, NULL), MATCH_YES);
	assert_true(text_is(captures_get(&cs, "end"), "!"));
	ps.count = 1;
	assert_int_equal(patterns_match(&ps, subject, &cs, NULL), MATCH_FAILED);
	for (size_t i = 0; i < 2; i++)
		pattern_free(v[i]);
}

static void
a_pattern_that_matches_the_empty_text_is_told(void **state)
{
	static const struct {
		const char *pattern;
		bool want;
	} cases[] = { { "a*", true }, { "", true }, { "^$", true },
		{ "a|", true }, { "a", false }, { "\\b", false },
		{ "(?=a)", false } };

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct pattern *p = compiled(cases[i].pattern);

		if (pattern_matches_empty(p) != cases[i].want)
			fail_msg("%s", cases[i].pattern);
		pattern_free(p);
	}
	pattern_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pattern_means_what_the_rule_file_promises),
		cmocka_unit_test(what_is_no_pattern_is_said_with_its_place),
		cmocka_unit_test(no_pattern_is_too_much_for_the_compiler),
		cmocka_unit_test(more_captures_than_are_kept_are_a_fault),
		cmocka_unit_test(captures_are_the_text_of_the_named_groups),
		cmocka_unit_test(a_capture_keeps_its_nul_and_any_length),
		cmocka_unit_test(the_span_is_where_it_matched),
		cmocka_unit_test(captures_merge_keeps_what_is_there),
		cmocka_unit_test(what_hits_a_limit_is_neither_yes_nor_no),
		cmocka_unit_test(a_limit_is_hit_soon),
		cmocka_unit_test(a_small_jit_stack_is_no_reason_to_give_up),
		cmocka_unit_test(
		    what_overflows_any_jit_stack_is_left_to_the_interpreter),
		cmocka_unit_test(no_recursion_runs_over_a_stack),
		cmocka_unit_test(with_and_without_jit_the_answer_is_the_same),
		cmocka_unit_test(
		    the_first_pattern_of_a_list_that_matches_gives_the_captures),
		cmocka_unit_test(
		    one_that_gives_up_does_not_hide_another_that_matches),
		cmocka_unit_test(a_pattern_that_matches_the_empty_text_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
