/* SPDX-License-Identifier: MIT */
/*
 * What captures have to be: texts and numbers.
 */
#include "match/where.h"

#include "conf/diag.h"
#include "conf/node.h"
#include "match/rule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *const sources[] = { "app" };

struct bench {
	struct diag *diag;
	struct doc *doc;
	struct rule rule;
};

static void
bench_read(struct bench *b, const char *match, const char *where)
{
	const struct source_names names = { .names = sources, .count = 1 };
	struct str text = { 0 };

	str_printf(&text, "{id: r, match: %s, where: %s}", match, where);
	*b = (struct bench){ .diag = diag_new() };
	b->doc = doc_parse("test.yml", str_text(&text), b->diag);
	rule_read(&b->rule, "r", doc_root(b->doc), &names);
	str_free(&text);
}

static void
bench_free(struct bench *b)
{
	rule_free(&b->rule);
	doc_free(b->doc);
	diag_free(b->diag);
}

static void
a_capture_is_compared_as_text_or_as_a_number(void **state)
{
	static const struct {
		const char *where, *line;
		bool holds;
	} cases[] = {
		{ "{v: abc}", "v=abc", true },
		{ "{v: abc}", "v=abcd", false },
		{ "{v: ''}", "v=", true },
		{ "{v: ''}", "v=a", false },
		/* text that is a number is text */
		{ "{v: 5}", "v=5", true },
		{ "{v: 5}", "v=5.0", false },
		{ "{v: '== 5'}", "v=5.0", true },
		{ "{v: '==5'}", "v=x5", false },
		{ "{v: '== abc'}", "v=abc", true },
		{ "{v: '!= abc'}", "v=abc", false },
		{ "{v: '!= abc'}", "v=", true },
		{ "{v: '!= 5'}", "v=05", false },
		{ "{v: '!= 5'}", "v=6", true },
		{ "{v: '>= 500'}", "v=500", true },
		{ "{v: '>= 500'}", "v=499.9", false },
		{ "{v: '> 500'}", "v=500", false },
		{ "{v: '> -1e3'}", "v=-999", true },
		{ "{v: '<= 2.5'}", "v=2.5", true },
		{ "{v: '< 2.5'}", "v=2.5", false },
		/* what is no number is none of these */
		{ "{v: '< 2.5'}", "v=", false },
		{ "{v: '< 2.5'}", "v=abc", false },
		{ "{v: '>= 0'}", "v=12ms", false },
		{ "{v: '>= 0'}", "v=nan", false },
		{ "{v: '>= 0'}", "v=inf", false },
		{ "{v: '>= 0'}", "v=0x10", false },
		{ "{v: '!= 200'}", "v=-", true },
		{ "{v: '!= 200'}", "v=", true },
		{ "{v: '!= 200'}", "v=200.0", false },
		{ "{v: '== 9007199254740993'}", "v=9007199254740992", false },
		{ "{v: '== 9007199254740993'}", "v=9007199254740993", true },
		{ "{v: '!= 9007199254740993'}", "v=9007199254740992", true },
		/* all of them */
		{ "{v: '> 1', w: x}", "v=2 w=x", true },
		{ "{v: '> 1', w: x}", "v=2 w=y", false },
		{ "{v: '> 1', w: x}", "v=1 w=x", false },
		/* one that took no part is the empty text */
		{ "{w: ''}", "v=1", true },
		{ "{w: x}", "v=1", false },
		{ "{}", "v=1", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct bench b;
		struct captures captures;

		bench_read(
		    &b, "'v=(?<v>\\S*)( w=(?<w>\\S*))?'", cases[i].where);
		assert_int_equal(diag_errors(b.diag), 0);
		assert_int_equal(patterns_match(&b.rule.parts[PART_MATCH],
				     text_of(cases[i].line), &captures, NULL),
		    MATCH_YES);
		if (where_holds(&b.rule.where, &b.rule.parts[PART_MATCH],
			&captures) != cases[i].holds)
			fail_msg("%s, %s", cases[i].where, cases[i].line);
		bench_free(&b);
	}
}

static void
what_another_pattern_captures_is_empty(void **state)
{
	struct bench b;
	struct captures captures;

	(void)state;
	bench_read(&b, "['a(?<v>\\d)', 'b(?<w>\\d)']", "{v: 1}");
	patterns_match(&b.rule.parts[PART_MATCH], TEXT("b1"), &captures, NULL);
	assert_false(
	    where_holds(&b.rule.where, &b.rule.parts[PART_MATCH], &captures));
	assert_true(
	    where_holds(&b.rule.where, &b.rule.parts[PART_SECOND], &captures));
	bench_free(&b);
}

static void
what_is_wrong_is_a_fault(void **state)
{
	static const struct {
		const char *where, *fault;
	} cases[] = {
		{ "{x: 1}", "where: no pattern of the rule has a capture" },
		{ "{v: '> many'}", "where: v: '>' needs a number, not 'many'" },
		{ "{v: '>='}", "where: v: '>=' needs a number, not ''" },
		{ "{v: [1]}", "expected" },
		{ "v", "where: expected a map of captures" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct bench b;
		char *text = NULL;
		size_t len;
		FILE *out = open_memstream(&text, &len);

		bench_read(&b, "'v=(?<v>.)'", cases[i].where);
		diag_print(b.diag, out, false);
		fclose(out);
		if (diag_errors(b.diag) != 1 ||
		    strstr(text, cases[i].fault) == NULL)
			fail_msg("%s:\n%s", cases[i].where, text);
		free(text);
		bench_free(&b);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_capture_is_compared_as_text_or_as_a_number),
		cmocka_unit_test(what_another_pattern_captures_is_empty),
		cmocka_unit_test(what_is_wrong_is_a_fault),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
