/* SPDX-License-Identifier: MIT */
/*
 * What goes wrong with logwatch's own work, as incidents: when they open, in
 * which words, when they are over.
 */
#include "incident/troubles.h"

#include "base/mem.h"
#include "detect/key.h"
#include "incident/incidents.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define FIRST 1 /* there is one rule of the file */
#define START_MS INT64_C(1000000)

static const char *const paths[] = { "a.log", "logs/*.log", NULL };

static const struct trouble_source sources[] = {
	{ "app", paths, 60000 },
	{ "db", paths, INT64_MAX },
};

struct bench {
	struct rule rules[FIRST + BUILTIN_COUNT];
	struct policy policies[FIRST + BUILTIN_COUNT];
	struct incidents *incidents;
	struct troubles *troubles;
	int64_t now_ms;
	struct str told; /* CHANGE RULE SUMMARY| each */
	struct str kept; /* as a store has it */
};

static struct moment
at(const struct bench *b)
{
	return (struct moment){ b->now_ms, b->now_ms };
}

static void
on_change(const struct change *change, void *ctx)
{
	struct bench *b = ctx;
	const struct incident *i = change->incident;

	str_printf(&b->told, "%s%s %s %s|", change->reopened ? "re" : "",
	    change_name(change->kind), i->rule_id + strlen("logwatch."),
	    i->summary);
}

static void
on_found(const struct finding *finding, void *ctx)
{
	struct bench *b = ctx;
	struct incident *i;

	incidents_find(b->incidents, finding, &i);
}

static void
on_over(size_t rule, struct text key, int64_t now_ms, void *ctx)
{
	struct bench *b = ctx;

	incidents_resolve_key(b->incidents, rule, key, now_ms, now_ms);
}

static void
start(struct bench *b)
{
	const struct troubles_spec spec = { sources, 2, FIRST };
	const struct troubles_callbacks callbacks = { on_found, on_over, b };

	b->troubles = troubles_new(&spec, &callbacks, b->now_ms);
}

static int
set_up(void **state)
{
	static const char *const names[] = { "app", "db" };
	struct bench *b = *state = mem_new(1, sizeof *b);
	const struct incidents_spec spec = { b->rules, b->policies,
		FIRST + BUILTIN_COUNT, names, "crm-1" };

	b->rules[0].id = mem_text("fk");
	for (size_t k = 0; k < BUILTIN_COUNT; k++) {
		builtin_rule(&b->rules[FIRST + k], k);
		builtin_policy(&b->policies[FIRST + k], k);
	}
	b->incidents = incidents_new(&spec, on_change, b);
	b->now_ms = START_MS;
	start(b);
	return 0;
}

static int
tear_down(void **state)
{
	struct bench *b = *state;

	troubles_free(b->troubles);
	incidents_free(b->incidents);
	for (size_t k = 0; k < FIRST + BUILTIN_COUNT; k++) {
		rule_free(&b->rules[k]);
		policy_free(&b->policies[k]);
	}
	str_free(&b->told);
	str_free(&b->kept);
	free(b);
	return 0;
}

static void
told(struct bench *b, const char *want)
{
	assert_string_equal(b->told.data == NULL ? "" : b->told.data, want);
	str_clear(&b->told);
	str_puts(&b->told, "");
}

/* Time passes; nobody is asked before he says that he is due. */
static void
pass(struct bench *b, int64_t ms)
{
	b->now_ms += ms;
	if (troubles_due(b->troubles) <= b->now_ms)
		troubles_tick(b->troubles, at(b));
	incidents_tick(b->incidents, b->now_ms, b->now_ms);
}

static void
path(struct bench *b, const char *name, enum tail_path_state state)
{
	troubles_path(b->troubles, 0, name, state,
	    state != TAIL_PATH_FOLLOWED ? "no such file" : NULL, at(b));
}

static void
keep(const char *rule, struct text key, struct text state, void *ctx)
{
	struct bench *b = ctx;

	assert_string_equal(rule, "logwatch.source-silent");
	assert_true(text_is(key, "3:app"));
	str_clear(&b->kept);
	str_add_text(&b->kept, state);
}

static void
restart(struct bench *b)
{
	troubles_changed(b->troubles, keep, b);
	troubles_saved(b->troubles);
	troubles_free(b->troubles);
	start(b);
	assert_true(troubles_restore(b->troubles, "logwatch.source-silent",
	    TEXT("3:app"), str_text(&b->kept)));
}

/* What every incident's key and texts name is told with it. */
static void
each_built_in_has_a_name_a_severity_and_words(void **state)
{
	struct bench *b = *state;

	for (size_t k = 0; k < BUILTIN_COUNT; k++) {
		const struct policy *p = &b->policies[FIRST + k];

		assert_int_equal(
		    strncmp(b->rules[FIRST + k].id, "logwatch.", 9), 0);
		assert_true(p->severity >= SEVERITY_WARNING);
		assert_non_null(p->summary);
		assert_non_null(p->description);
	}
	assert_int_equal(b->policies[FIRST + BUILTIN_SOURCE_MISSING].severity,
	    SEVERITY_WARNING);
	assert_int_equal(
	    b->policies[FIRST + BUILTIN_LINES_LOST].severity, SEVERITY_ERROR);
}

static void
losses_of_one_source_are_one_incident_until_it_is_quiet(void **state)
{
	struct bench *b = *state;
	struct tail_loss loss = { 0, "a.log", "truncated", 120 };

	troubles_lost(b->troubles, &loss, at(b));
	told(b, "opened lines-lost Lines of a.log are lost: truncated|");
	loss.bytes = 0;
	loss.why = "gone";
	pass(b, 60000);
	troubles_lost(b->troubles, &loss, at(b));
	loss.path = "b.log";
	troubles_lost(b->troubles, &loss, at(b));
	told(b, "");
	assert_int_equal(incidents_open_count(b->incidents), 1);
	pass(b, 15 * 60000 - 1);
	told(b, "");
	pass(b, 1);
	told(b, "resolved lines-lost Lines of b.log are lost: gone|");
}

static void
note_loss(struct incident *i, void *ctx)
{
	(void)ctx;
	assert_int_equal(i->count, 2);
	assert_string_equal(i->source, "db");
	assert_string_equal(i->path, "x\xff.log");
	assert_true(
	    text_is(pairs_get(&i->captures, "path"), "x\xef\xbf\xbd.log"));
	assert_true(text_is(pairs_get(&i->captures, "bytes"), "unknown"));
	assert_true(text_is(pairs_get(&i->captures, "reason"), "gone"));
}

static void
a_loss_says_where_and_how_much(void **state)
{
	struct bench *b = *state;
	struct tail_loss loss = { 1, "x\xff.log", "gone", 7 };

	troubles_lost(b->troubles, &loss, at(b));
	loss.bytes = 0;
	troubles_lost(b->troubles, &loss, at(b));
	assert_int_equal(incidents_open_count(b->incidents), 1);
	incidents_each_open(b->incidents, note_loss, NULL);
}

static void
a_damaged_state_file_is_told_with_its_new_name(void **state)
{
	struct bench *b = *state;

	troubles_state_damaged(b->troubles, "/s.db.damaged-1", at(b));
	told(b, "opened state-damaged The state file was damaged; logwatch "
		"started with a new one|");
	pass(b, 15 * 60000);
	told(b, "resolved state-damaged The state file was damaged; logwatch "
		"started with a new one|");
}

static void
a_log_that_is_missing_for_a_minute_is_told_until_it_is_there(void **state)
{
	struct bench *b = *state;

	path(b, "a.log", TAIL_PATH_MISSING);
	pass(b, 59999);
	told(b, "");
	pass(b, 1);
	told(b, "opened source-missing The log a.log is not there|");
	pass(b, 3600000);
	told(b, "");
	path(b, "a.log", TAIL_PATH_FOLLOWED);
	told(b, "resolved source-missing The log a.log is not there|");
	assert_true(troubles_due(b->troubles) == INT64_MAX);
}

static void
a_log_that_is_back_within_the_minute_is_no_trouble(void **state)
{
	struct bench *b = *state;

	path(b, "a.log", TAIL_PATH_MISSING);
	pass(b, 59000);
	path(b, "a.log", TAIL_PATH_FOLLOWED);
	path(b, "a.log", TAIL_PATH_MISSING);
	pass(b, 59000);
	path(b, "a.log", TAIL_PATH_FOLLOWED);
	pass(b, 3600000);
	told(b, "");
}

static void
what_a_glob_found_may_go(void **state)
{
	struct bench *b = *state;

	path(b, "logs/x.log", TAIL_PATH_MISSING);
	pass(b, 3600000);
	told(b, "");
}

static void
a_log_that_cannot_be_read_is_told_until_it_can(void **state)
{
	struct bench *b = *state;

	path(b, "logs/x.log", TAIL_PATH_UNREADABLE);
	path(b, "a.log", TAIL_PATH_UNREADABLE);
	pass(b, 4999);
	told(b, "");
	path(b, "a.log", TAIL_PATH_UNREADABLE); /* still: no new time */
	pass(b, 1);
	told(b, "opened source-unreadable The log logs/x.log cannot be read|"
		"opened source-unreadable The log a.log cannot be read|");
	path(b, "logs/x.log", TAIL_PATH_MISSING);
	told(b, "resolved source-unreadable The log logs/x.log cannot be "
		"read|");
	path(b, "a.log", TAIL_PATH_MISSING);
	told(b, "resolved source-unreadable The log a.log cannot be read|");
	pass(b, 60000);
	told(b, "opened source-missing The log a.log is not there|");
}

static void
silence_is_judged_once_all_there_was_is_read(void **state)
{
	struct bench *b = *state;

	pass(b, 100000);
	told(b, "");
	troubles_caught_up(b->troubles, true);
	pass(b, 0);
	told(b, "opened source-silent Nothing was logged by app for 1m|");
	troubles_line(b->troubles, 0, b->now_ms);
	told(b, "resolved source-silent Nothing was logged by app for 1m|");
	pass(b, 59999);
	troubles_line(b->troubles, 0, b->now_ms);
	troubles_line(b->troubles, 1, b->now_ms);
	pass(b, 59999);
	told(b, "");
	pass(b, 1);
	told(b, "reopened source-silent Nothing was logged by app for 1m|");
}

static void
silence_goes_on_over_a_restart(void **state)
{
	struct bench *b = *state;

	troubles_caught_up(b->troubles, true);
	troubles_line(b->troubles, 0, b->now_ms);
	restart(b);
	pass(b, 59999);
	restart(b);
	troubles_caught_up(b->troubles, true);
	pass(b, 0);
	told(b, "");
	pass(b, 1);
	told(b, "opened source-silent Nothing was logged by app for 1m|");
	restart(b); /* and what an earlier one told is over with a line */
	troubles_line(b->troubles, 0, b->now_ms);
	told(b, "resolved source-silent Nothing was logged by app for 1m|");
}

static void
what_is_kept_of_silence_may_be_anything(void **state)
{
	static const char *const texts[] = { "", "x", "-1", "1x",
		"99999999999999999999", "9000000000000000000" };
	struct bench *b = *state;

	for (size_t k = 0; k < sizeof texts / sizeof *texts; k++)
		assert_true(
		    troubles_restore(b->troubles, "logwatch.source-silent",
			TEXT("3:app"), text_of(texts[k])));
	assert_false(troubles_restore(
	    b->troubles, "logwatch.source-silent", TEXT("2:db"), TEXT("1")));
	assert_false(
	    troubles_restore(b->troubles, "fk", TEXT("3:app"), TEXT("1")));
	troubles_caught_up(b->troubles, true);
	pass(b, 59999);
	told(b, "");
	pass(b, 1);
	told(b, "opened source-silent Nothing was logged by app for 1m|");
}

static void
pattern(struct bench *b, const char *name)
{
	const struct event event = { .path = "a.log",
		.text = TEXT("aaaa"),
		.line = 7,
		.wall_ms = b->now_ms };

	troubles_pattern(b->troubles, name, PART_MATCH, &event, b->now_ms);
}

static void
ten_match_limits_within_a_minute_are_a_trouble(void **state)
{
	struct bench *b = *state;

	for (int i = 0; i < 30; i++) { /* nine within each minute */
		pattern(b, "slow");
		pass(b, 6667);
	}
	told(b, "");
	for (int i = 0; i < 9; i++)
		pattern(b, "fast");
	told(b, "");
	pass(b, 59999);
	pattern(b, "fast");
	pattern(b, "fast");
	told(b, "opened rule-suspended A pattern of fast (match) keeps "
		"hitting its match limit|");
}

static void
a_failed_action_is_told_until_it_works_again(void **state)
{
	struct bench *b = *state;

	troubles_action(b->troubles, "chat", "01", "answered 404", at(b));
	troubles_action(b->troubles, "chat", "02", "answered 500", at(b));
	told(b, "opened action-failed The action chat failed: answered 404|");
	troubles_action(b->troubles, "mail", "02", NULL, at(b));
	pass(b, 24 * 3600000);
	told(b, "");
	troubles_action(b->troubles, "chat", "03", NULL, at(b));
	told(b, "resolved action-failed The action chat failed: answered 500|");
	troubles_action(b->troubles, "chat", "04", NULL, at(b));
	told(b, "");
}

static void
what_was_over_before_the_start_does_not_last(void **state)
{
	struct bench *b = *state;
	struct pairs key = { 0 };

	pairs_add(&key, "source", TEXT("app"));
	pairs_add(&key, "path", TEXT("a.log"));
	assert_false(
	    troubles_may_last(b->troubles, BUILTIN_SOURCE_MISSING, &key));
	path(b, "a.log", TAIL_PATH_MISSING);
	assert_true(
	    troubles_may_last(b->troubles, BUILTIN_SOURCE_MISSING, &key));
	assert_false(
	    troubles_may_last(b->troubles, BUILTIN_SOURCE_UNREADABLE, &key));
	assert_true(
	    troubles_may_last(b->troubles, BUILTIN_SOURCE_SILENT, &key));
	assert_true(troubles_may_last(b->troubles, BUILTIN_LINES_LOST, &key));
	pairs_free(&key);
	pairs_add(&key, "source", TEXT("db"));
	assert_false(
	    troubles_may_last(b->troubles, BUILTIN_SOURCE_SILENT, &key));
	pairs_free(&key);
}

#define real(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		real(each_built_in_has_a_name_a_severity_and_words),
		real(losses_of_one_source_are_one_incident_until_it_is_quiet),
		real(a_loss_says_where_and_how_much),
		real(a_damaged_state_file_is_told_with_its_new_name),
		real(
		    a_log_that_is_missing_for_a_minute_is_told_until_it_is_there),
		real(a_log_that_is_back_within_the_minute_is_no_trouble),
		real(what_a_glob_found_may_go),
		real(a_log_that_cannot_be_read_is_told_until_it_can),
		real(silence_is_judged_once_all_there_was_is_read),
		real(silence_goes_on_over_a_restart),
		real(what_is_kept_of_silence_may_be_anything),
		real(ten_match_limits_within_a_minute_are_a_trouble),
		real(a_failed_action_is_told_until_it_works_again),
		real(what_was_over_before_the_start_does_not_last),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
