/* SPDX-License-Identifier: MIT */
/*
 * An incident as JSON, and back.
 */
#include "incident/record.h"

#include "base/mem.h"
#include "base/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define BAD "\xef\xbf\xbd" /* U+FFFD */

static char **
argv_of(const char *program, const char *argument)
{
	char **argv = mem_new(3, sizeof *argv);

	argv[0] = mem_text(program);
	argv[1] = mem_text(argument);
	return argv;
}

/* One with a value in every field. */
static struct incident *
whole(void)
{
	struct incident *i = incident_new();
	struct run *run;

	strcpy(i->id, "01K7RXM000AAAAAAAAAAAAAAAA");
	i->rule_id = mem_text("fk-violation");
	i->key_text = mem_copy("4:F\0K1", 6);
	i->key_len = 6;
	pairs_add(&i->key, "constraint", TEXT("F\0K1"));
	i->severity = SEVERITY_CRITICAL;
	i->summary = mem_text("Foreign key \"FK1\"");
	i->description = mem_text("two\nlines");
	i->runbook = mem_text("https://wiki.example/fk");
	pairs_add(&i->labels, "team", TEXT("crm"));
	i->host = mem_text("crm-1");
	i->source = mem_text("worker");
	i->path = mem_text("twenty_worker.log");
	i->line = 10234;
	i->offset = INT64_C(5000000000);
	str_add_text(&i->event, TEXT("the \0 event\n\xc3\xa4"));
	lines_add(&i->before, TEXT("before 1"));
	lines_add(&i->before, TEXT(""));
	lines_add(&i->after, TEXT("after"));
	pairs_add(&i->captures, "table", TEXT("timelineActivity"));
	pairs_add(&i->captures, "none", TEXT(""));
	i->count = 3;
	i->first_ms = INT64_C(1760688003123);
	i->last_ms = INT64_C(1760688004000);
	i->detected_ms = INT64_C(1760688003999);
	run = incident_run(i, "clean-orphans");
	run->state = RUN_SUCCEEDED;
	run->attempt = 1;
	run->code = 0;
	run->duration_ms = 812;
	free(run->output);
	run->output = mem_text("done\n");
	run->ended_ms = INT64_C(1760688005000);
	run = incident_run(i, "restart");
	run->state = RUN_FAILED;
	run->attempt = 2;
	run->error = mem_text("killed by signal 9");
	i->changes[CHANGE_OPENED] = 2;
	i->changes[CHANGE_ESCALATED] = 1;
	i->last_change = CHANGE_ESCALATED;
	incident_collect(i, (struct collected){
				.argv = argv_of("redis-cli", "LLEN"),
				.output = mem_text("7\n"),
				.at_ms = INT64_C(1760688004100),
			    });
	incident_collect(i, (struct collected){
				.resolved = true,
				.argv = argv_of("sleep", "20"),
				.code = -1,
				.output = mem_text(""),
				.error = mem_text("ended"),
				.at_ms = INT64_C(1760688004200),
			    });
	i->dirty = false;
	i->collecting = 1;
	i->resolve_seen = true;
	i->opened_ms = INT64_C(1760688006000);
	i->remind_from_ms = INT64_C(1760688006500);
	i->quiet_from_ms = INT64_C(1760688006700);
	i->reminders = 2;
	return i;
}

static void
the_record_is_what_the_interface_promises(void **state)
{
	static const char want[] =
	    "{\"version\":1,\"change\":\"opened\","
	    "\"id\":\"01K7RXM000AAAAAAAAAAAAAAAA\",\"rule\":\"fk-violation\","
	    "\"key\":{\"constraint\":\"F\\u0000K1\"},"
	    "\"severity\":\"critical\",\"state\":\"open\","
	    "\"summary\":\"Foreign key \\\"FK1\\\"\","
	    "\"description\":\"two\\nlines\","
	    "\"runbook\":\"https://wiki.example/fk\","
	    "\"labels\":{\"team\":\"crm\"},\"host\":\"crm-1\","
	    "\"source\":\"worker\",\"path\":\"twenty_worker.log\","
	    "\"line\":10234,\"offset\":5000000000,"
	    "\"event\":\"the \\u0000 event\\n\xc3\xa4\","
	    "\"context\":{\"before\":[\"before 1\",\"\"],"
	    "\"after\":[\"after\"]},"
	    "\"captures\":{\"table\":\"timelineActivity\",\"none\":\"\"},"
	    "\"count\":3,\"first_seen\":\"2025-10-17T08:00:03.123Z\","
	    "\"last_seen\":\"2025-10-17T08:00:04.000Z\","
	    "\"detected_at\":\"2025-10-17T08:00:03.999Z\","
	    "\"acknowledged_at\":null,\"escalated_at\":null,"
	    "\"resolved_at\":null,\"late\":false,\"caused_by\":null,"
	    "\"effects\":[],"
	    "\"collected\":["
	    "{\"when\":\"opened\",\"argv\":[\"redis-cli\",\"LLEN\"],"
	    "\"exit\":0,\"output\":\"7\\n\","
	    "\"at\":\"2025-10-17T08:00:04.100Z\"},"
	    "{\"when\":\"resolved\",\"argv\":[\"sleep\",\"20\"],"
	    "\"exit\":null,\"output\":\"\","
	    "\"at\":\"2025-10-17T08:00:04.200Z\",\"error\":\"ended\"}],"
	    "\"actions\":["
	    "{\"name\":\"clean-orphans\",\"state\":\"succeeded\","
	    "\"attempt\":1,\"exit\":0,\"duration_ms\":812,"
	    "\"output\":\"done\\n\"},"
	    "{\"name\":\"restart\",\"state\":\"failed\",\"attempt\":2,"
	    "\"exit\":null,\"duration_ms\":0,\"output\":\"\","
	    "\"error\":\"killed by signal 9\"}]}";
	struct incident *i = whole();
	json_t *record = record_of(i, CHANGE_OPENED);
	char *got = json_dumps(record, JSON_COMPACT);

	(void)state;
	assert_string_equal(got, want);
	free(got);
	json_decref(record);
	incident_free(i);
}

static void
each_change_and_state_has_its_word(void **state)
{
	static const char *const changes[] = { "opened", "updated", "reminded",
		"remediated", "escalated", "resolved", "test" };
	static const char *const runs[] = { "pending", "running", "verifying",
		"succeeded", "failed", "unverified", "limited", "skipped",
		"unknown" };
	struct incident *i = whole();
	json_t *record;

	(void)state;
	for (size_t k = 0; k < CHANGE_COUNT; k++) {
		record = record_of(i, (enum change_kind)k);
		assert_string_equal(
		    json_string_value(json_object_get(record, "change")),
		    changes[k]);
		json_decref(record);
	}
	for (size_t k = 0; k <= RUN_UNKNOWN; k++)
		assert_string_equal(run_state_name((enum run_state)k), runs[k]);
	i->state = INCIDENT_RESOLVED;
	i->resolved_ms = INT64_C(1760688009000);
	i->escalated_ms = 1;
	record = record_of(i, CHANGE_RESOLVED);
	assert_string_equal(
	    json_string_value(json_object_get(record, "state")), "resolved");
	assert_string_equal(
	    json_string_value(json_object_get(record, "resolved_at")),
	    "2025-10-17T08:00:09.000Z");
	assert_string_equal(
	    json_string_value(json_object_get(record, "escalated_at")),
	    "1970-01-01T00:00:00.001Z");
	json_decref(record);
	incident_free(i);
}

/* There and back. */
static struct incident *
again(const struct incident *i)
{
	json_t *record = record_of(i, (enum change_kind)i->last_change);
	char *text = json_dumps(record, JSON_COMPACT), *more = record_state(i);
	struct incident *back = record_read(text_of(text), text_of(more));

	free(text);
	free(more);
	json_decref(record);
	assert_non_null(back);
	return back;
}

static void
an_incident_comes_back_as_it_was(void **state)
{
	struct incident *i = whole(), *back;
	json_t *a, *b;

	(void)state;
	i->state = INCIDENT_RESOLVED;
	i->resolved_ms = INT64_C(1760688009000);
	i->acknowledged_ms = INT64_C(1760688008000);
	i->escalated_ms = INT64_C(1760688007000);
	i->late = true;
	i->alone = true;
	strcpy(i->caused_by, "01K7RXM000BBBBBBBBBBBBBBBB");
	incident_add_effect(i, "01K7RXM000CCCCCCCCCCCCCCCC");
	incident_add_effect(i, "01K7RXM000DDDDDDDDDDDDDDDD");
	incident_add_effect(i, "01K7RXM000CCCCCCCCCCCCCCCC");
	i->effects_omitted = 7;
	back = again(i);
	assert_int_equal(back->effect_count, 2);
	assert_string_equal(back->effects[1], "01K7RXM000DDDDDDDDDDDDDDDD");
	assert_true(back->alone);
	assert_int_equal(back->collecting, 1);
	a = record_of(i, CHANGE_OPENED);
	b = record_of(back, CHANGE_OPENED);
	assert_true(json_equal(a, b));
	json_decref(a);
	json_decref(b);
	/* And what the record does not tell. */
	assert_true(back->rule == NO_RULE);
	assert_int_equal(back->key_len, 6);
	assert_memory_equal(back->key_text, i->key_text, 6);
	assert_true(
	    text_equal(pairs_get(&back->key, "constraint"), TEXT("F\0K1")));
	assert_memory_equal(back->changes, i->changes, sizeof i->changes);
	assert_int_equal(back->last_change, CHANGE_ESCALATED);
	assert_true(back->resolve_seen);
	assert_true(back->closed_ms == i->resolved_ms);
	assert_true(back->quiet_from_ms == i->quiet_from_ms);
	assert_true(back->opened_ms == i->opened_ms);
	assert_true(back->remind_from_ms == i->remind_from_ms);
	assert_int_equal(back->reminders, 2);
	assert_true(back->runs[0].ended_ms == i->runs[0].ended_ms);
	assert_true(back->runs[1].ended_ms == 0);
	assert_false(back->held);
	assert_false(back->dirty);
	incident_free(i);
	incident_free(back);
}

static void
bytes_that_are_no_utf_8_do_not_break_the_record(void **state)
{
	struct incident *i = whole(), *back;
	json_t *record;

	(void)state;
	free(i->path);
	i->path = mem_text("logs/\xff\xfe.log");
	free(i->runs[0].output);
	i->runs[0].output = mem_text("\x80 out");
	record = record_of(i, CHANGE_OPENED);
	assert_string_equal(json_string_value(json_object_get(record, "path")),
	    "logs/" BAD BAD ".log");
	assert_string_equal(
	    json_string_value(json_object_get(
		json_array_get(json_object_get(record, "actions"), 0),
		"output")),
	    BAD " out");
	json_decref(record);
	back = again(i);
	assert_string_equal(back->path, "logs/" BAD BAD ".log");
	incident_free(back);
	incident_free(i);
}

static void
a_line_of_context_is_not_cut_at_a_nul(void **state)
{
	struct lines lines = { 0 };

	(void)state;
	lines_add(&lines, TEXT("a\0b\xff"));
	lines_add(&lines, (struct text){ NULL, 0 });
	assert_string_equal(lines.v[0], "a" BAD "b" BAD);
	assert_string_equal(lines.v[1], "");
	assert_int_equal(lines.count, 2);
	lines_free(&lines);
	assert_int_equal(lines.count, 0);
}

static void
a_long_value_is_kept_to_its_bound(void **state)
{
	struct pairs ps = { 0 };
	char *big = mem_new(VALUE_MAX + 10, 1);

	(void)state;
	memset(big, 'x', VALUE_MAX + 10);
	memcpy(big + VALUE_MAX - 1, "\xe4\xb8\x8a", 3);
	pairs_add(&ps, "v", (struct text){ big, VALUE_MAX + 10 });
	assert_int_equal(pairs_get(&ps, "v").len, VALUE_MAX - 1);
	pairs_add(&ps, "w", TEXT("1"));
	assert_true(text_is(pairs_get(&ps, "w"), "1"));
	assert_null(pairs_get(&ps, "z").data);
	pairs_free(&ps);
	free(big);
}

static void
what_is_collected_is_bounded(void **state)
{
	struct incident *i = incident_new();
	char *big = mem_new(1000, 1);

	(void)state;
	memset(big, 'x', 999);
	for (int k = 0; k < COLLECTED_MAX + 3; k++)
		incident_collect(i, (struct collected){
					.argv = argv_of("a", big),
					.output = mem_text(""),
					.at_ms = k,
				    });
	assert_int_equal(i->collected_count, COLLECTED_MAX);
	assert_int_equal(i->collected[0].at_ms, 3);
	assert_int_equal(strlen(i->collected[0].argv[1]), ARGUMENT_MAX);
	assert_true(i->dirty);
	free(big);
	incident_free(i);
}

static void
what_is_no_record_is_none(void **state)
{
	static const char *const records[] = { "", "null", "[]", "{}", "\"x\"",
		"{\"id\":5}", "{\"id\":\"short\"}",
		"{\"id\":", "{\"id\":\"01K7RXM000AAAAAAAAAAAAAAAAB\"}",
		"\xff" };

	(void)state;
	for (size_t k = 0; k < sizeof records / sizeof *records; k++)
		assert_null(
		    record_read(text_of(records[k]), TEXT("{\"key\":\"\"}")));
}

static void
what_is_missing_or_of_another_kind_is_empty(void **state)
{
	static const char *const states[] = { "", "null", "{}", "[1]",
		"{\"key\":5,\"told\":{},\"ended\":[]}",
		"{\"told\":[1,\"x\",-1,null,1e300,{},[],9,9,9]}" };
	static const char *const records[] = {
		"{\"id\":\"01K7RXM000AAAAAAAAAAAAAAAA\"}",
		"{\"id\":\"01K7RXM000AAAAAAAAAAAAAAAA\",\"rule\":5,"
		"\"key\":[1],\"severity\":\"dire\",\"state\":7,"
		"\"labels\":{\"a\":5,\"b\":null},\"line\":\"x\","
		"\"event\":{},\"context\":[],\"captures\":\"\","
		"\"first_seen\":\"yesterday\",\"actions\":[5,null,{},"
		"{\"name\":\"a\",\"state\":\"odd\",\"exit\":\"0\"},"
		"{\"name\":\"a\",\"error\":7}],\"change\":\"odd\"}",
		"{\"id\":\"01K7RXM000AAAAAAAAAAAAAAAA\",\"context\":"
		"{\"before\":[5,null,{}],\"after\":{}},\"late\":1}",
	};

	(void)state;
	for (size_t k = 0; k < sizeof records / sizeof *records; k++)
		for (size_t n = 0; n < sizeof states / sizeof *states; n++) {
			struct incident *i = record_read(
			    text_of(records[k]), text_of(states[n]));
			json_t *record;

			assert_non_null(i);
			assert_string_equal(
			    i->id, "01K7RXM000AAAAAAAAAAAAAAAA");
			assert_int_equal(i->state, INCIDENT_OPEN);
			assert_int_equal(i->key_len, 0);
			assert_non_null(i->summary);
			assert_non_null(i->rule_id);
			record = record_of(i, CHANGE_OPENED);
			assert_non_null(record);
			json_decref(record);
			incident_free(i);
		}
}

static void
no_damage_of_a_record_breaks_the_reader(void **state)
{
	struct incident *i = whole();
	json_t *json = record_of(i, CHANGE_OPENED);
	char *record = json_dumps(json, JSON_COMPACT), *more = record_state(i);
	size_t len = strlen(record);

	(void)state;
	for (size_t cut = 0; cut < len; cut++) {
		incident_free(
		    record_read((struct text){ record, cut }, text_of(more)));
		record[cut] ^= 1;
		incident_free(record_read(text_of(record), text_of(more)));
		record[cut] ^= 1;
	}
	len = strlen(more);
	for (size_t cut = 0; cut < len; cut++) {
		incident_free(
		    record_read(text_of(record), (struct text){ more, cut }));
		more[cut] ^= 1;
		incident_free(record_read(text_of(record), text_of(more)));
		more[cut] ^= 1;
	}
	free(record);
	free(more);
	json_decref(json);
	incident_free(i);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_record_is_what_the_interface_promises),
		cmocka_unit_test(each_change_and_state_has_its_word),
		cmocka_unit_test(an_incident_comes_back_as_it_was),
		cmocka_unit_test(
		    bytes_that_are_no_utf_8_do_not_break_the_record),
		cmocka_unit_test(a_line_of_context_is_not_cut_at_a_nul),
		cmocka_unit_test(a_long_value_is_kept_to_its_bound),
		cmocka_unit_test(what_is_collected_is_bounded),
		cmocka_unit_test(what_is_no_record_is_none),
		cmocka_unit_test(what_is_missing_or_of_another_kind_is_empty),
		cmocka_unit_test(no_damage_of_a_record_breaks_the_reader),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
