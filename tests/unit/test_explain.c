/* SPDX-License-Identifier: MIT */
/*
 * How far patterns get, and why an event is no hit.
 */
#include "match/explain.h"
#include "match/matcher.h"

#include "conf/diag.h"
#include "conf/node.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct example {
	const char *pattern, *subject;
	const char *stretch, *wanted;
};

static void
check(const struct example *x)
{
	struct err err;
	struct pattern *p = pattern_compile(text_of(x->pattern), NULL, &err);
	struct text subject = text_of(x->subject);
	struct reach r;

	assert_non_null(p);
	assert_int_equal(pattern_match(p, subject, NULL, NULL), MATCH_NO);
	assert_true(pattern_reach(p, subject, &r));
	assert_true(r.start <= r.end && r.end <= subject.len);
	assert_true(r.want + r.want_len <= strlen(x->pattern));
	if (r.end - r.start != strlen(x->stretch) ||
	    memcmp(x->subject + r.start, x->stretch, r.end - r.start) != 0 ||
	    r.want_len != strlen(x->wanted) ||
	    memcmp(x->pattern + r.want, x->wanted, r.want_len) != 0)
		fail_msg("%s in '%s': matched '%.*s', wanted '%.*s'",
		    x->pattern, x->subject, (int)(r.end - r.start),
		    x->subject + r.start, (int)r.want_len, x->pattern + r.want);
	pattern_free(p);
}

static void
the_longest_stretch_is_told_and_what_was_wanted_behind_it(void **state)
{
	static const struct example examples[] = {
		{ "abc", "", "", "a" },
		{ "abc", "xyz", "", "a" },
		{ "abc", "xxabx", "ab", "c" },
		{ "abc", "a ab a", "ab", "c" },
		{ "on table \"(?<t>[^\"]+)\" violates",
		    "on table \"x\" violated", "on table \"x\" violate", "s" },
		{ "^b", "ab", "", "b" },
		{ "a$", "ab", "a", "$" },
		{ "a\\b", "ab", "a", "\\b" },
		{ "a\\d{3}b", "a12b", "a", "\\d{3}" },
		{ "a\\d+b", "a12c", "a12", "b" },
		{ "foo|bar", "fox bat", "fo", "o" },
		{ "a(?=b)", "ac", "a", "b" },
		{ "(a)x\\1", "axb", "ax", "\\1" },
		{ "a(?:b|c)d", "abx", "ab", "d" },
		{ "a(?>b+)b", "abbb", "abbb", "b" },
		{ "\xc3\xa4\xc3\xb6", "x\xc3\xa4y", "\xc3\xa4", "\xc3\xb6" },
		{ "(*UCP)\\w\\d", "\xc3\xa4x", "\xc3\xa4", "\\d" },
		{ "(?x) a b", "ac", "a", "b" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof examples / sizeof *examples; i++)
		check(&examples[i]);
}

static void
what_takes_too_long_is_given_up(void **state)
{
	struct err err;
	struct pattern *p =
	    pattern_compile(TEXT("(a+)+(a+)+(a+)+$"), NULL, &err);
	char subject[200];
	struct reach r;

	(void)state;
	memset(subject, 'a', sizeof subject);
	subject[sizeof subject - 1] = 'b';
	assert_false(
	    pattern_reach(p, (struct text){ subject, sizeof subject }, &r));
	assert_true(r.end <= sizeof subject);
	pattern_free(p);
}

static const char *const sources[] = { "app" };

static void
the_first_part_that_fails_is_told(void **state)
{
	static const struct {
		const char *event;
		enum answer answer;
		enum part part;
	} cases[] = {
		{ "rows=500", ANSWER_HIT, PART_MATCH },
		{ "rows=499", ANSWER_WHERE, PART_MATCH },
		{ "rows=500 in a migration", ANSWER_EXCEPTED, PART_MATCH },
		{ "rows=499 in a migration", ANSWER_WHERE, PART_MATCH },
		{ "then", ANSWER_HIT, PART_SECOND },
		{ "then a migration", ANSWER_EXCEPTED, PART_SECOND },
		{ "row=500", ANSWER_MISS, PART_MATCH },
	};
	const struct source_names names = { .names = sources, .count = 1 };
	struct diag *diag = diag_new();
	struct doc *doc = doc_parse("test.yml",
	    TEXT("{id: r, match: 'rows=(?<rows>\\d+)', "
		 "followed_by: {match: then, within: 1s}, "
		 "where: {rows: '>= 500'}, except: migration}"),
	    diag);
	const struct event_source source = { .strip = true };
	struct explained event = { 0 };
	struct rule rule = { 0 };
	struct explanation x;

	(void)state;
	rule_read(&rule, "r", doc_root(doc), &names);
	assert_int_equal(diag_errors(diag), 0);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		explained_see(&event, &source, text_of(cases[i].event));
		explain_rule(&rule, &event, true, &x);
		if (x.answer != cases[i].answer || x.part != cases[i].part)
			fail_msg(
			    "'%s': %s", cases[i].event, answer_name(x.answer));
	}
	assert_int_equal(x.reach.end - x.reach.start, 3);
	rule.disabled = true;
	explained_see(&event, &source, TEXT("rows=500"));
	explain_rule(&rule, &event, true, &x);
	assert_int_equal(x.answer, ANSWER_NOT_ASKED);
	explained_free(&event);
	rule_free(&rule);
	doc_free(doc);
	diag_free(diag);
}

static void
what_has_to_be_is_written_as_it_was(void **state)
{
	static const char *const texts[] = { ">= 500", "<= 1", "!= 3", "== 4",
		"> 5", "< 0.5" };

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct diag *diag = diag_new();
		struct str text = { 0 }, got = { 0 };
		struct where w = { 0 };
		struct doc *doc;

		str_printf(&text, "{a: '%s'}", texts[i]);
		doc = doc_parse("test.yml", str_text(&text), diag);
		where_read(&w, doc_root(doc), "test");
		where_write(&w.v[0], &got);
		assert_string_equal(got.data, texts[i]);
		str_free(&text);
		str_free(&got);
		where_free(&w);
		doc_free(doc);
		diag_free(diag);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    the_longest_stretch_is_told_and_what_was_wanted_behind_it),
		cmocka_unit_test(what_takes_too_long_is_given_up),
		cmocka_unit_test(the_first_part_that_fails_is_told),
		cmocka_unit_test(what_has_to_be_is_written_as_it_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
