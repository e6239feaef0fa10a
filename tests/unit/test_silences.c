/* SPDX-License-Identifier: MIT */
/*
 * Rules of which nobody is told for a while.
 */
#include "incident/silences.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HOUR_MS INT64_C(3600000)
#define NOW INT64_C(1700000000000)

static void
on_end(const struct silence *s, void *ctx)
{
	struct str *text = ctx;

	str_printf(text, "%s(%s) ", s->rule, s->reason);
}

static void
check(struct str *told, const char *want)
{
	str_puts(told, "");
	assert_string_equal(told->data, want);
	str_clear(told);
}

static void
a_rule_is_silent_until_its_time(void **state)
{
	struct silences *ss = silences_new();
	struct str told = { 0 };

	(void)state;
	assert_false(silences_has(NULL, "a"));
	assert_false(silences_has(ss, "a"));
	assert_true(silences_due(ss) == INT64_MAX);
	assert_non_null(silences_add(ss, "a", HOUR_MS, "why", NOW));
	assert_non_null(silences_add(ss, "b", 2 * HOUR_MS, "", NOW));
	assert_true(silences_has(ss, "a"));
	assert_false(silences_has(ss, "c"));
	assert_true(silences_due(ss) == NOW + HOUR_MS);
	silences_tick(ss, NOW + HOUR_MS - 1, on_end, &told);
	check(&told, "");
	silences_tick(ss, NOW + HOUR_MS, on_end, &told);
	check(&told, "a(why) ");
	assert_false(silences_has(ss, "a"));
	assert_true(silences_due(ss) == NOW + 2 * HOUR_MS);
	silences_tick(ss, NOW + HOUR_MS, on_end, &told);
	check(&told, "");
	str_free(&told);
	silences_free(ss);
	silences_free(NULL);
}

static void
another_one_of_a_rule_replaces_the_first(void **state)
{
	struct silences *ss = silences_new();
	struct str told = { 0 };
	char first[ULID_SIZE];

	(void)state;
	strcpy(first, silences_add(ss, "a", HOUR_MS, "1", NOW)->id);
	assert_string_equal(silences_get(ss, first)->rule, "a");
	assert_non_null(silences_add(ss, "a", 3 * HOUR_MS, "2", NOW));
	assert_null(silences_get(ss, first));
	assert_false(silences_end(ss, first, on_end, &told));
	silences_tick(ss, NOW + HOUR_MS, on_end, &told);
	check(&told, "");
	assert_true(silences_has(ss, "a"));
	silences_each(ss, on_end, &told);
	check(&told, "a(2) ");
	/* So does one after it was ended by hand, and before that is saved. */
	strcpy(first, silences_add(ss, "a", HOUR_MS, "3", NOW)->id);
	assert_true(silences_end(ss, first, on_end, &told));
	check(&told, "a(3) ");
	assert_false(silences_has(ss, "a"));
	assert_false(silences_end(ss, first, on_end, &told));
	assert_non_null(silences_add(ss, "a", HOUR_MS, "4", NOW));
	assert_true(silences_has(ss, "a"));
	str_free(&told);
	silences_free(ss);
}

struct rows {
	struct silences *to;
	struct str names;
};

static void
on_state(const char *rule, struct text state, void *ctx)
{
	struct rows *rows = ctx;

	str_printf(&rows->names, "%s%s ", state.len > 0 ? "" : "-", rule);
	if (rows->to != NULL && state.len > 0)
		assert_true(silences_restore(rows->to, text_of(rule), state));
}

static void
what_is_saved_comes_back(void **state)
{
	struct silences *ss = silences_new(), *back = silences_new();
	struct rows rows = { back, { 0 } };
	struct str told = { 0 };
	char id[ULID_SIZE];

	(void)state;
	strcpy(id, silences_add(ss, "a", HOUR_MS, "\"\n\xc3\xa9", NOW)->id);
	silences_changed(ss, on_state, &rows);
	check(&rows.names, "a ");
	rows.to = NULL;
	silences_changed(ss, on_state, &rows); /* that was not saved */
	check(&rows.names, "a ");
	silences_saved(ss);
	silences_changed(ss, on_state, &rows);
	check(&rows.names, "");
	assert_string_equal(silences_get(back, id)->reason, "\"\n\xc3\xa9");
	assert_true(silences_get(back, id)->since_ms == NOW);
	assert_true(silences_due(back) == NOW + HOUR_MS);
	silences_changed(back, on_state, &rows);
	check(&rows.names, "");
	assert_true(silences_end(ss, id, on_end, &told));
	silences_changed(ss, on_state, &rows);
	check(&rows.names, "-a ");
	silences_saved(ss);
	silences_changed(ss, on_state, &rows);
	check(&rows.names, "");
	str_free(&rows.names);
	str_free(&told);
	silences_free(ss);
	silences_free(back);
}

static void
what_is_no_silence_is_left_out(void **state)
{
	static const char *const texts[] = { "", "{", "[]", "{}",
		"{\"id\":\"1\",\"reason\":\"\",\"since_ms\":1,\"until_ms\":2}",
		"{\"id\":\"01ARZ3NDEKTSV4RRFFQ69G5FAV\",\"reason\":1,"
		"\"since_ms\":1,\"until_ms\":2}",
		"{\"id\":\"01ARZ3NDEKTSV4RRFFQ69G5FAV\",\"reason\":\"\","
		"\"since_ms\":1}" };
	struct silences *ss = silences_new();

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		assert_false(
		    silences_restore(ss, TEXT("a"), text_of(texts[i])));
	assert_false(silences_has(ss, "a"));
	silences_free(ss);
}

static void
there_are_not_too_many(void **state)
{
	struct silences *ss = silences_new();
	char rule[20];

	(void)state;
	for (int i = 0; i < SILENCES_MAX; i++) {
		snprintf(rule, sizeof rule, "r%d", i);
		assert_non_null(silences_add(ss, rule, 1, "", NOW));
	}
	assert_null(silences_add(ss, "one more", 1, "", NOW));
	assert_non_null(silences_add(ss, "r7", 1, "", NOW));
	silences_free(ss);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_rule_is_silent_until_its_time),
		cmocka_unit_test(another_one_of_a_rule_replaces_the_first),
		cmocka_unit_test(what_is_saved_comes_back),
		cmocka_unit_test(what_is_no_silence_is_left_out),
		cmocka_unit_test(there_are_not_too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
