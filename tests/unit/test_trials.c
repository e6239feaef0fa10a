/* SPDX-License-Identifier: MIT */
/*
 * Whether incidents are those that a test expects.
 */
#include "incident/trials.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* An incident or what is expected of one: "RULE STATE KEY COUNT", where a '-'
 * asks for nothing. */
struct told {
	char rule, state, key, count;
};

static struct told
told_of(const char *text)
{
	return (struct told){ text[0], text[1], text[2], text[3] };
}

static struct incident *
incident_of(const char *text)
{
	struct told told = told_of(text);
	struct incident *i = incident_new();

	i->rule = (size_t)(told.rule - '0');
	i->state = told.state == 'o' ? INCIDENT_OPEN : INCIDENT_RESOLVED;
	i->summary = mem_text("");
	pairs_add(&i->key, "k", (struct text){ &told.key, 1 });
	pairs_add(&i->captures, "c", (struct text){ &told.key, 1 });
	i->count = told.count - '0';
	return i;
}

static struct expected
expected_of(const char *text, bool by_key)
{
	struct told told = told_of(text);
	struct expected e = { .rule = (size_t)(told.rule - '0'), .count = -1 };

	e.resolved = told.state == 'r';
	if (told.key != '-')
		pairs_add(by_key ? &e.key : &e.captures, by_key ? "k" : "c",
		    (struct text){ &told.key, 1 });
	if (told.count != '-')
		e.count = told.count - '0';
	return e;
}

struct example {
	const char *expected[4], *got[4];
	int missing, surplus; /* index; -1: none */
};

static void
check(const struct example *x, bool by_key)
{
	struct expected v[4];
	struct incident *got[4];
	size_t count = 0, got_count = 0;
	const struct expected *missing;
	const struct incident *surplus;
	bool yes;

	for (; x->expected[count] != NULL; count++)
		v[count] = expected_of(x->expected[count], by_key);
	for (; x->got[got_count] != NULL; got_count++)
		got[got_count] = incident_of(x->got[got_count]);
	yes = expected_are(v, count, got, got_count, &missing, &surplus);
	assert_int_equal(missing != NULL ? missing - v : -1, x->missing);
	assert_ptr_equal(surplus, x->surplus < 0 ? NULL : got[x->surplus]);
	assert_int_equal(yes, x->missing < 0 && x->surplus < 0);
	for (size_t i = 0; i < count; i++) {
		pairs_free(&v[i].key);
		pairs_free(&v[i].captures);
	}
	for (size_t i = 0; i < got_count; i++)
		incident_free(got[i]);
}

static void
exactly_those_that_are_expected_are_open(void **state)
{
	static const struct example examples[] = {
		{ { NULL }, { NULL }, -1, -1 },
		{ { NULL }, { "1oa1" }, -1, 0 },
		{ { "1o--" }, { NULL }, 0, -1 },
		{ { "1o--" }, { "1oa1" }, -1, -1 },
		{ { "1o--" }, { "2oa1" }, 0, 0 },
		{ { "1oa-" }, { "1oa1" }, -1, -1 },
		{ { "1ob-" }, { "1oa1" }, 0, 0 },
		{ { "1o-2" }, { "1oa1" }, 0, 0 },
		{ { "1o-2" }, { "1oa2" }, -1, -1 },
		{ { "1o--", "1o--" }, { "1oa1" }, 1, -1 },
		{ { "1o--", "1o--" }, { "1oa1", "1ob1" }, -1, -1 },
		{ { "1o--" }, { "1oa1", "1ob1" }, -1, 1 },
		/* Who asks for little leaves the one that another needs. */
		{ { "1o--", "1oa-" }, { "1oa1", "1ob1" }, -1, -1 },
		{ { "1o--", "1oa-", "1o-2" }, { "1oa1", "1ob2", "1oc1" }, -1,
		    -1 },
		{ { "1oa-", "1oa-" }, { "1oa1", "1ob1" }, 1, 1 },
		/* What was resolved may be expected, and need not be. */
		{ { NULL }, { "1ra1" }, -1, -1 },
		{ { "1r--" }, { "1ra1" }, -1, -1 },
		{ { "1o--" }, { "1ra1" }, 0, -1 },
		{ { "1r--" }, { "1oa1" }, 0, 0 },
		{ { "1o--", "1r--" }, { "1ra1", "1oa1" }, -1, -1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
		check(&examples[i], true);
		check(&examples[i], false);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exactly_those_that_are_expected_are_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
