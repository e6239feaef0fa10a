/* SPDX-License-Identifier: MIT */
/*
 * What of a rule is about log text, as it is written in YAML.
 */
#include "match/rule.h"

#include "base/mem.h"
#include "conf/node.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static const char *const sources[] = { "worker", "server", "db" };

struct bench {
	struct diag *diag;
	struct doc *doc;
	struct rule rule;
};

static void
bench_read(struct bench *b, const char *yaml)
{
	struct source_names names = { .names = sources, .count = 3 };

	b->diag = diag_new();
	b->doc = doc_parse("test.yml", text_of(yaml), b->diag);
	b->rule = (struct rule){ 0 };
	rule_read(&b->rule, "r", doc_root(b->doc), &names);
}

static void
bench_free(struct bench *b)
{
	rule_free(&b->rule);
	doc_free(b->doc);
	diag_free(b->diag);
}

static void
each_pattern_goes_to_its_part(void **state)
{
	struct bench b;
	size_t counts[PART_COUNT] = { 0, 1, 2, 3 };

	(void)state;
	bench_read(&b, "match: [a, b, '(?<c>c)']\n"
		       "followed_by: {match: ['(?<s>x)', y], within: 1m}\n"
		       "resolve: {match: '(?<o>over)'}\n"
		       "except: [n, m]\n"
		       "key: [c, s]\n");
	assert_int_equal(diag_errors(b.diag), 0);
	assert_string_equal(b.rule.id, "r");
	for (size_t i = 0; i < PART_COUNT; i++)
		assert_int_equal(b.rule.parts[i].count, counts[i]);
	assert_int_equal(b.rule.except.count, 2);
	assert_int_equal(
	    patterns_match(&b.rule.parts[PART_SECOND], TEXT("y"), NULL, NULL),
	    MATCH_YES);
	assert_int_equal(b.rule.keys, 2);
	assert_string_equal(b.rule.key[1], "s");
	assert_null(b.rule.key[2]);
	/* A capture is one of what makes a hit, not of what ends it. */
	assert_true(rule_captures(&b.rule, "c"));
	assert_true(rule_captures(&b.rule, "s"));
	assert_false(rule_captures(&b.rule, "o"));
	assert_true(patterns_capture(&b.rule.parts[PART_RESOLVE], "o"));
	bench_free(&b);
}

static void
a_rule_asks_every_source_unless_it_names_some(void **state)
{
	static const struct {
		const char *yaml;
		bool want[3];
	} cases[] = {
		{ "match: x", { true, true, true } },
		{ "{match: x, source: server}", { false, true, false } },
		{ "{match: x, source: [db, worker]}", { true, false, true } },
		{ "{match: x, source: [db, db]}", { false, false, true } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct bench b;

		bench_read(&b, cases[i].yaml);
		assert_int_equal(diag_errors(b.diag), 0);
		assert_memory_equal(
		    b.rule.sources, cases[i].want, sizeof cases[i].want);
		bench_free(&b);
	}
}

static void
a_pattern_is_taken_as_it_is_written(void **state)
{
	static const struct {
		const char *yaml;
		struct text subject;
		enum match_result want;
	} cases[] = {
		/* No variable is replaced in one. */
		{ "match: 'costs \\${HOME}'", TEXT("costs ${HOME}"),
		    MATCH_YES },
		{ "match: 'a$$'", TEXT("a"), MATCH_YES },
		{ "match: \"\\\\d\"", TEXT("5"), MATCH_YES },
		{ "match: 'it''s'", TEXT("it's"), MATCH_YES },
		{ "match: |-\n  (?x) a   # one\n  b     # two\n", TEXT("ab"),
		    MATCH_YES },
		{ "match: |-\n  a\n  b\n", TEXT("a\nb"), MATCH_YES },
		{ "match: 12", TEXT("x12x"), MATCH_YES },
		{ "match: true", TEXT("it is true"), MATCH_YES },
		{ "match: '^b$'", TEXT("a\nb\nc"), MATCH_YES },
		{ "match: 'a.c'", TEXT("a\nc"), MATCH_NO },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct bench b;

		bench_read(&b, cases[i].yaml);
		assert_int_equal(diag_errors(b.diag), 0);
		if (patterns_match(&b.rule.parts[PART_MATCH], cases[i].subject,
			NULL, NULL) != cases[i].want)
			fail_msg("%s", cases[i].yaml);
		bench_free(&b);
	}
}

static void
a_fault_stands_where_it_is(void **state)
{
	static const struct {
		const char *yaml, *want;
	} cases[] = {
		{ "match: 'heap (out'",
		    "test.yml:1:18: error: rule 'r': match: missing closing "
		    "parenthesis\n" },
		{ "match: [a, 'b(', c, '*']",
		    "test.yml:1:15: error: rule 'r': match: missing closing "
		    "parenthesis\n" },
		{ "{match: a, except: ')'}",
		    "test.yml:1:21: error: rule 'r': except: unmatched closing "
		    "parenthesis\n" },
		{ "{match: a, followed_by: {match: '['}}",
		    "test.yml:1:35: error: rule 'r': followed_by: match: "
		    "missing terminating ] for character class\n" },
		{ "{match: a, resolve: {match: '+'}}",
		    "test.yml:1:30: error: rule 'r': resolve: match: "
		    "quantifier does not follow a repeatable item\n" },
		{ "match: []",
		    "test.yml:1:8: error: rule 'r': match: the list of "
		    "patterns is empty\n" },
		{ "match: {a: b}", "test.yml:1:8: error: 'match': expected "
				   "text, not a map\n" },
		{ "{match: a, source: worcer}",
		    "test.yml:1:20: error: rule 'r': no source 'worcer' (did "
		    "you mean 'worker'?)\n" },
		{ "{match: a, source: [db, xyz]}",
		    "test.yml:1:25: error: rule 'r': no source 'xyz'; define "
		    "it under 'sources'\n" },
		{ "{match: '(?<a>a)', key: b}",
		    "test.yml:1:25: error: rule 'r': key: no pattern of the "
		    "rule has a capture (?<b>" },
		{ "{match: x, resolve: {match: '(?<b>b)'}, key: b}",
		    "test.yml:1:46: error: rule 'r': key: no pattern of the "
		    "rule has a capture (?<b>" },
		{ "match: 'a*'",
		    "test.yml:1:8: warning: rule 'r': match: the pattern "
		    "matches the empty text" },
		{ "match: job #7",
		    "test.yml:1:8: warning: rule 'r': match: the pattern ends "
		    "before ' #'" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct bench b;
		char *text = NULL;
		size_t len;
		FILE *out = open_memstream(&text, &len);

		bench_read(&b, cases[i].yaml);
		diag_print(b.diag, out, false);
		fclose(out);
		if (strncmp(text, cases[i].want, strlen(cases[i].want)) != 0)
			fail_msg("%s", text);
		free(text);
		bench_free(&b);
	}
}

static void
a_quoted_hash_and_a_comment_of_its_own_line_cut_nothing(void **state)
{
	static const char *const cases[] = { "match: 'job #7'", "match: job#7",
		"match: \"job #7\" # why", "# why\nmatch: job",
		"match: job\n# why", "match: [a, 'b #']" };

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct bench b;

		bench_read(&b, cases[i]);
		assert_int_equal(diag_errors(b.diag), 0);
		if (diag_warnings(b.diag) != 0)
			fail_msg("%s", cases[i]);
		bench_free(&b);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_pattern_goes_to_its_part),
		cmocka_unit_test(a_rule_asks_every_source_unless_it_names_some),
		cmocka_unit_test(a_pattern_is_taken_as_it_is_written),
		cmocka_unit_test(a_fault_stands_where_it_is),
		cmocka_unit_test(
		    a_quoted_hash_and_a_comment_of_its_own_line_cut_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
