/* SPDX-License-Identifier: MIT */
/*
 * What a match must hold.  That nothing is said to be held that is not,
 * test_sieve shows with random patterns.
 */
#include "match/literal.h"

#include "base/mem.h"
#include "match/pattern.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

/* Choices with ' & ' between them, alternatives with '|'; i: behind what may
 * stand in either case. */
static char *
show(const struct literal_choices *cs)
{
	struct str out = { 0 };

	for (size_t i = 0; i < cs->count; i++)
		for (size_t j = 0; j < cs->v[i].count; j++) {
			const struct literal *l = &cs->v[i].v[j];

			if (i + j > 0)
				str_puts(&out, j > 0 ? "|" : " & ");
			str_add(&out, l->bytes, l->len);
			if (l->caseless)
				str_puts(&out, "/i");
		}
	return str_take(&out);
}

static void
what_is_plain_text_must_be_held(void **unused)
{
	static const char *const cases[][2] = {
		{ "on table \"(?<t>[^\"]+)\" violates foreign key",
		    "\" violates foreign key & on table \"" },
		/* zero width, plain groups */
		{ "^FATAL:\\b error$", "FATAL: error" },
		{ "dead(?:lo(ck))ed", "deadlocked" },
		/* repeats */
		{ "abcd+efgh", "abcd & efgh" },
		{ "abcd?efgh", "efgh & abc" },
		{ "abcd{0,2}efgh", "efgh & abc" },
		{ "abcd{2}?efgh", "abcd & efgh" },
		{ "abcd*+efgh", "efgh & abc" },
		{ "(?:abcd)+x(?:efg)?y", "abcd" },
		{ "x{abc", "x{abc" },
		/* alternatives */
		{ "read (ECONNRESET|EPIPE) at",
		    "read  & ECONNRESET|EPIPE &  at" },
		{ "(abc|defg)|hijkl", "abc|defg|hijkl" },
		{ "(abc|)", "" },
		{ "(abc|de)", "" },
		{ "abc|\\d", "" },
		{ "aaa|bbb|ccc|ddd|eee|fff|ggg|hhh|iii", "" },
		/* either case */
		{ "(?i)Out Of Memory", "Out Of Memory/i" },
		{ "abc(?i:def)ghij", "ghij & abc & def/i" },
		{ "(?:(?i)abc)defg", "defg & abc/i" },
		{ "(?i)abc(?-i)defg", "defg & abc/i" },
		{ "(?i)\xc3\xa4rger", "rger/i" },
		{ "\xc3\xa4rger", "\xc3\xa4rger" },
		{ "abc\xc3\xa4?def", "abc & def" },
		/* quotes and escapes */
		{ "\\Qa.b|c\\E+def", "a.b|c & def" },
		{ "\\Qab\\Ecd", "abcd" },
		{ "\\(core dumped\\)", "(core dumped)" },
		{ "abc\\x41def", "abc" },
		{ "abc\\x{41}def", "abc & def" },
		{ "abc\\t\\d\\p{L}\\pLdef", "abc & def" },
		{ "abc\\12def", "abc & def" },
		{ "(abc)\\1def", "abc & def" },
		{ "abc\\Kdef", "abcdef" },
		/* classes */
		{ "abc[]def]ghi", "abc & ghi" },
		{ "abc[^]def]ghi", "abc & ghi" },
		{ "abc[[:alpha:]]def", "abc & def" },
		{ "abc[[:]def]ghi", "def]ghi & abc" },
		{ "abc[\\]def]ghi", "abc & ghi" },
		/* looking around */
		{ "abc(?=def)(?!ghi)(?<=jkl)(?<!mno)pqr", "abc & pqr" },
		/* within a line */
		{ "abc\ndefg", "defg & abc" },
		{ "abc\\ndefg", "defg & abc" },
		/* what is not understood */
		{ "(*UCP)abc", "" },
		{ "abc(?#d)", "" },
		{ "(?x)a b c d", "" },
		{ "(abc)(?1)", "" },
		{ "(?<n>abc)\\k<n>", "" },
		{ "(abc)?(?(1)def|ghi)", "" },
		{ "abc{,2}def", "" },
		{ "(?<*abc)(?:d|e>fgh)", "" },
		{ "(?*abc)(?:d|e>fgh)", "" },
		{ "abc\\cAdef", "" },
		{ "[\\Qabc]\\E]", "" },
		{ "ab", "" },
		{ "", "" },
		{ "abcdefghijklmnopqrstuvwxyz0123456789ABC",
		    "abcdefghijklmnopqrstuvwxyz012345 & 6789ABC" },
	};

	(void)unused;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct text text = text_of(cases[i][0]);
		struct pattern *p = pattern_compile(text, NULL, NULL);
		struct literal_choices cs;
		char *shown;

		if (p == NULL)
			fail_msg("%s: PCRE2 does not take it", cases[i][0]);
		pattern_free(p);
		literals_find(text, &cs);
		shown = show(&cs);
		/* Which of two as long comes first is no matter, but known. */
		if (strcmp(shown, cases[i][1]) != 0)
			fail_msg("%s: '%s', not '%s'", cases[i][0], shown,
			    cases[i][1]);
		free(shown);
	}
}

static void
what_nests_deeply_is_left_alone(void **unused)
{
	struct str text = { 0 };
	struct literal_choices cs;

	(void)unused;
	for (int i = 0; i < 100; i++)
		str_puts(&text, "(");
	str_puts(&text, "abcdef");
	for (int i = 0; i < 100; i++)
		str_puts(&text, ")");
	literals_find(str_text(&text), &cs);
	assert_int_equal(cs.count, 0);
	str_free(&text);
}

/* What is chosen for a pattern in a log of so many of those texts in 64 KiB. */
static char *
choice(const char *pattern, const char *often, unsigned times)
{
	struct str sample = { 0 };
	struct literal_choices cs, chosen = { .count = 0 };
	const struct literals *ls;

	for (unsigned i = 0; i < times; i++)
		str_puts(&sample, often);
	while (sample.len < 65536)
		str_putc(&sample, '-');
	literals_find(text_of(pattern), &cs);
	ls = literals_choose(&cs, str_text(&sample));
	if (ls != NULL) {
		chosen.count = 1;
		chosen.v[0] = *ls;
	}
	str_free(&sample);
	return show(&chosen);
}

static void
what_is_rare_in_the_log_is_chosen(void **unused)
{
	static const struct {
		const char *pattern, *often;
		unsigned times;
		const char *chosen;
	} cases[] = {
		{ "Job \\d+ failed on queue", "", 0, " failed on queue" },
		{ "Job \\d+ failed on queue", " failed on queue", 1, "Job " },
		{ "Job \\d+ failed on queue", "Job 7 failed on queue", 3,
		    " failed on queue" },
		{ "Job \\d+ failed on queue", "Job 7 failed on queue", 5, "" },
		{ "(?i)job \\d+ ended badly", "JOB 7 ENDED BADLY", 5, "" },
		{ "(abcd|efgh)x", "efgh", 5, "" },
		{ "\\d+", "", 0, "" },
	};

	(void)unused;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char *chosen =
		    choice(cases[i].pattern, cases[i].often, cases[i].times);

		if (strcmp(chosen, cases[i].chosen) != 0)
			fail_msg("case %zu: '%s'", i, chosen);
		free(chosen);
	}
}

static void
a_long_text_ends_where_its_last_bytes_are_rare(void **unused)
{
	static const struct {
		const char *pattern, *sample, *cut;
	} cases[] = {
		{ "out of memory for job", "", "out of memory for job" },
		{ "out of memory for job", "x job", "out of memory for j" },
		{ "out of memory for job", "a job, a job, so job",
		    "out of memory for j" },
		{ "out of memory for job", "memory for job", "out of me" },
		{ "(out of memory|no space at all)", "ory all",
		    "out of memor|no space at a" },
		{ "a memory", "memory ory", "a memory" },
		/* Not within a character. */
		{ "memory \xe4\xb8\xad", "memory \xe4\xb8\xad",
		    "memory \xe4\xb8\xad" },
		{ "memory x\xe4\xb8\xad", "\xe4\xb8\xad", "memory x" },
	};

	(void)unused;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct literal_choices cs;
		char *shown;

		literals_find(text_of(cases[i].pattern), &cs);
		literals_cut(cs.v, cs.count, text_of(cases[i].sample));
		shown = show(&cs);
		if (strcmp(shown, cases[i].cut) != 0)
			fail_msg("case %zu: '%s'", i, shown);
		free(shown);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_plain_text_must_be_held),
		cmocka_unit_test(what_nests_deeply_is_left_alone),
		cmocka_unit_test(what_is_rare_in_the_log_is_chosen),
		cmocka_unit_test(
		    a_long_text_ends_where_its_last_bytes_are_rare),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
