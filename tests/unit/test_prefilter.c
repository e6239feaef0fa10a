/* SPDX-License-Identifier: MIT */
/*
 * What is looked for, and how.  That nothing is left out, test_sieve shows.
 */
#include "match/prefilter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static enum prefilter_cover
cover_of(const char *pattern)
{
	struct prefilter_want want = { .pattern = text_of(pattern) };
	struct err err;
	struct prefilter *p = prefilter_new(&want, 1, &err);
	enum prefilter_cover cover;

	/* As where Debian's Vectorscan is in its place. */
	if (p == NULL) {
		print_message("%s\n", err.text);
		skip();
	}
	cover = prefilter_covers(p, 0);
	prefilter_free(p);
	return cover;
}

static void
it_is_known_what_is_looked_for(void **unused)
{
	static const struct {
		const char *pattern;
		enum prefilter_cover cover;
	} cases[] = {
		{ "violates foreign key constraint \"(?<c>[^\"]+)\"",
		    PREFILTER_EXACT },
		{ "^\\[Nest\\] \\d+.*ERROR", PREFILTER_EXACT },
		{ "(?i)out of memory$", PREFILTER_EXACT },
		{ "\\AFATAL", PREFILTER_LOOSE },
		{ "(?<!no )error", PREFILTER_LOOSE },
		{ "(a|b)\\1", PREFILTER_LOOSE },
		{ "^", PREFILTER_NONE },
		{ "x*", PREFILTER_NONE },
		{ "\\p{Lu}rror", PREFILTER_NONE },
		{ "(?i)\xc3\xa4rger", PREFILTER_NONE },
		{ "\xc3\xa4rger", PREFILTER_EXACT },
		{ "{ 1,2}x", PREFILTER_NONE },
		{ "\\{\"a\": {1,2}x", PREFILTER_EXACT },
		{ "(?-m)^error", PREFILTER_NONE },
		{ "(*UCP)\\werror", PREFILTER_NONE },
	};

	(void)unused;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		if (cover_of(cases[i].pattern) != cases[i].cover)
			fail_msg("%s: %d", cases[i].pattern,
			    cover_of(cases[i].pattern));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_known_what_is_looked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
