/* SPDX-License-Identifier: MIT */
/*
 * The alerts that Alertmanager is sent, against what its API v2 takes.
 */
#include "action/alertmanager.h"

#include "base/when.h"
#include "fixture_record.h"

#include <ctype.h>

#define RECORDS 3000
#define YAML "url: http://am1:9093"
#define MINUTE_MS INT64_C(60000)
#define NOW "2025-10-17T08:10:00.000Z"
#define LABELS                                                                 \
	"\"labels\":{\"alertname\":\"fk-violation\","                          \
	"\"rule\":\"fk-violation\",\"severity\":\"critical\","                 \
	"\"host\":\"crm-1\",\"source\":\"worker\","                            \
	"\"constraint\":\"FK_3c5c\",\"team\":\"crm\"}"

static char *
body_of(json_t *record)
{
	struct fixture f;
	char *body;

	fixture_read(&f, &alertmanager_receiver, YAML);
	assert_int_equal(diag_errors(f.diag), 0);
	assert_false(f.disabled);
	body = alertmanager_receiver.body(f.settings, record);
	fixture_free(&f);
	json_decref(record);
	return body;
}

static int64_t
time_of(const char *text)
{
	int64_t wall_ms = 0;

	assert_true(when_read(text, &wall_ms));
	return wall_ms;
}

/* What is sent at a time, by the first instance; the caller frees it. */
static char *
sent_at(const char *body, int64_t wall_ms)
{
	struct request r = { 0 };
	struct fixture f;
	struct err err;
	char *sent;

	fixture_read(&f, &alertmanager_receiver, YAML);
	assert_int_equal(alertmanager_receiver.request(
			     alertmanager_receiver.instance(f.settings, 0),
			     "01JD-opened", text_of(body), wall_ms, &r, &err),
	    0);
	assert_string_equal(r.url, "http://am1:9093/api/v2/alerts");
	assert_string_equal(r.headers[0], "Content-Type: application/json");
	assert_null(r.headers[1]);
	sent = mem_text(r.body);
	request_free(&r);
	fixture_free(&f);
	return sent;
}

static void
an_open_incident_is_an_alert_for_four_minutes(void **state)
{
	char *body = body_of(record_make("opened", NULL));
	char *sent = sent_at(body, time_of(NOW));

	(void)state;
	assert_string_equal(sent,
	    "[{" LABELS ",\"annotations\":{"
	    "\"summary\":\"Foreign key FK_3c5c violated on timeline\","
	    "\"description\":\"A row names a parent that is gone.\","
	    "\"runbook_url\":\"https://wiki.example/fk?a=1&b=2\","
	    "\"details\":\"Since: 2025-10-17 08:00:03 UTC\\n"
	    "Seen: 12 times, last 2025-10-17 08:03:11 UTC\\n"
	    "Rule: fk-violation\\ntable: timeline\\nconstraint: FK_3c5c\\n"
	    "team: crm\","
	    "\"log\":\"  one before\\n  two before\\n"
	    "\xe2\x86\x92 error: insert violates FK_3c5c\\n"
	    "\xe2\x86\x92     at query\\n  one after\","
	    "\"where\":\"crm-1 \xc2\xb7 worker \xc2\xb7 "
	    "twenty_worker.log:10234 \xc2\xb7 01JD0000000000000000000000\"},"
	    "\"startsAt\":\"2025-10-17T08:00:03.123Z\","
	    "\"endsAt\":\"2025-10-17T08:14:00.000Z\"}]");
	free(sent);
	free(body);
}

/* The alert alone, as it is sent at NOW; the caller decrefs it. */
static json_t *
alert_of(json_t *record)
{
	char *body = body_of(record);
	char *sent = sent_at(body, time_of(NOW));
	json_t *alerts = check_json(sent);
	json_t *alert = json_incref(json_array_get(alerts, 0));

	assert_int_equal(json_array_size(alerts), 1);
	json_decref(alerts);
	free(sent);
	free(body);
	return alert;
}

static void
a_resolved_incident_ends_when_it_was_resolved(void **state)
{
	json_t *alert = alert_of(record_make("resolved",
	    "{\"state\": \"resolved\","
	    " \"resolved_at\": \"2025-10-17T08:05:00.000Z\"}"));

	(void)state;
	assert_string_equal(
	    get_string(alert, "endsAt"), "2025-10-17T08:05:00.000Z");
	assert_string_equal(
	    get_string(alert, "startsAt"), "2025-10-17T08:00:03.123Z");
	json_decref(alert);
}

/* Alertmanager refuses what starts after its end, and takes what ends in the
 * future for open. */
static void
clocks_that_are_ahead_make_no_alert_that_is_refused(void **state)
{
	static const struct {
		const char *more, *start, *end;
	} cases[] = {
		{ "{\"first_seen\": \"2025-10-17T11:00:00.000Z\"}", NOW,
		    "2025-10-17T08:14:00.000Z" },
		{ "{\"first_seen\": \"2025-10-17T11:00:00.000Z\","
		  " \"state\": \"resolved\","
		  " \"resolved_at\": \"2025-10-17T08:05:00.000Z\"}",
		    "2025-10-17T08:05:00.000Z", "2025-10-17T08:05:00.000Z" },
		{ "{\"state\": \"resolved\","
		  " \"resolved_at\": \"2025-10-17T09:00:00.000Z\"}",
		    "2025-10-17T08:00:03.123Z", NOW },
		{ "{\"first_seen\": null}", "2025-10-17T08:00:04.000Z",
		    "2025-10-17T08:14:00.000Z" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		json_t *alert = alert_of(record_make("opened", cases[i].more));

		assert_string_equal(
		    get_string(alert, "startsAt"), cases[i].start);
		assert_string_equal(get_string(alert, "endsAt"), cases[i].end);
		json_decref(alert);
	}
}

/* They are the identity: all else may change meanwhile. */
static void
labels_stay_the_same_until_it_is_over(void **state)
{
	static const struct {
		const char *change, *more;
	} cases[] = {
		{ "opened", NULL },
		{ "updated", "{\"count\": 99, \"captures\": {\"table\": \"x\"},"
			     " \"last_seen\": \"2025-10-17T08:09:00.000Z\"}" },
		{ "remediated", ACTIONS_GOOD },
		{ "escalated", ACTIONS_FAILED },
		{ "reminded", "{\"event\": \"another\", \"line\": 5}" },
		{ "resolved", RESOLVED },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char *body =
		    body_of(record_make(cases[i].change, cases[i].more));

		assert_memory_equal(body, "[{" LABELS, strlen("[{" LABELS));
		free(body);
	}
}

static void
names_of_labels_are_made_valid_and_none_takes_anothers_place(void **state)
{
	static const struct {
		const char *more, *labels;
	} cases[] = {
		{ "{\"key\": {}, \"labels\": {}}", "" },
		{ "{\"key\": {\"db name\": \"a\", \"1st\": \"b\", \"\": \"c\","
		  " \"caf\xc3\xa9.x\": \"d\"}, \"labels\": {}}",
		    ",\"db_name\":\"a\",\"_1st\":\"b\",\"_\":\"c\","
		    "\"caf__x\":\"d\"" },
		{ "{\"key\": {\"host\": \"db-1\", \"source\": \"s\"},"
		  " \"labels\": {\"severity\": \"page\", \"host\": \"h\"}}",
		    ",\"key_host\":\"db-1\",\"key_source\":\"s\","
		    "\"label_severity\":\"page\",\"label_host\":\"h\"" },
		{ "{\"key\": {\"a-b\": \"1\", \"a.b\": \"2\", \"a b\": \"3\","
		  " \"key_a_b\": \"4\"}, \"labels\": {\"a_b\": \"5\"}}",
		    ",\"a_b\":\"1\",\"key_a_b\":\"2\",\"key_a_b_2\":\"3\","
		    "\"key_key_a_b\":\"4\",\"label_a_b\":\"5\"" },
		{ "{\"key\": {\"a\": \"\", \"b\": \"\\u001b\\u202e\"},"
		  " \"labels\": {\"c\": \"\"}}",
		    "" },
	};
	static const char ours[] =
	    "[{\"labels\":{\"alertname\":\"fk-violation\","
	    "\"rule\":\"fk-violation\",\"severity\":\"critical\","
	    "\"host\":\"crm-1\",\"source\":\"worker\"";

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char *body = body_of(record_make("opened", cases[i].more));
		struct str expected = { 0 };

		str_printf(&expected, "%s%s},", ours, cases[i].labels);
		if (strncmp(body, expected.data, expected.len) != 0)
			fail_msg("%.600s\n%s", body, expected.data);
		str_free(&expected);
		free(body);
	}
}

static void
what_was_done_is_among_the_annotations(void **state)
{
	json_t *alert = alert_of(record_make("escalated", ACTIONS_FAILED));

	(void)state;
	check_contains(
	    get_string(json_object_get(alert, "annotations"), "actions"),
	    "clean: succeeded after 812ms\n"
	    "restart: failed with exit status 3 after 1m30s (attempt 2)\n"
	    "  starting\n  port 6379 refused");
	json_decref(alert);
}

/* A runbook that is no link is no link in Alertmanager's pages either. */
static void
a_runbook_that_is_no_link_is_text(void **state)
{
	json_t *alert = alert_of(
	    record_make("opened", "{\"runbook\": \"javascript:alert(1)\"}"));
	const json_t *notes = json_object_get(alert, "annotations");

	(void)state;
	assert_null(json_object_get(notes, "runbook_url"));
	check_contains(
	    get_string(notes, "details"), "Runbook: javascript:alert(1)");
	json_decref(alert);
}

static void
check_label_name(const char *name)
{
	assert_false(isdigit((unsigned char)name[0]));
	assert_string_not_equal(name, "");
	for (; *name != '\0'; name++)
		if (!isalnum((unsigned char)*name) && *name != '_')
			fail_msg("'%c' in the name of a label", *name);
}

static void
a_hostile_record_is_an_alert_that_is_taken(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < RECORDS; seed++) {
		json_t *alert = alert_of(hostile_record(seed));
		json_t *value;
		const char *name;

		json_object_foreach(
		    json_object_get(alert, "labels"), name, value)
		{
			check_label_name(name);
			assert_true(json_string_length(value) > 0);
		}
		get_string(json_object_get(alert, "labels"), "alertname");
		json_object_foreach(
		    json_object_get(alert, "annotations"), name, value)
		{
			check_label_name(name);
			assert_true(json_is_string(value));
		}
		if (json_object_get(alert, "startsAt") != NULL)
			assert_true(time_of(get_string(alert, "startsAt")) <=
				    time_of(get_string(alert, "endsAt")));
		json_decref(alert);
	}
}

static void
annotations_are_cut_to_what_is_passed_on(void **state)
{
	struct str event = { 0 };
	json_t *record = record_make("opened", NULL);
	char *body;

	(void)state;
	for (size_t i = 0; i < 50000; i++)
		str_puts(&event, i % 300 == 0 ? "\n" : "\xf0\x9f\x94\xa5");
	json_object_set_new(record, "event", json_string(event.data));
	body = body_of(record);
	assert_in_range(strlen(body), 2000, 16000);
	check_contains(body, "Shortened");
	json_decref(check_json(body));
	free(body);
	str_free(&event);
}

static void
a_damaged_body_is_no_request(void **state)
{
	static const char *const bodies[] = { "", "{}", "[", "[1]x" };
	struct fixture f;

	(void)state;
	fixture_read(&f, &alertmanager_receiver, YAML);
	for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
		struct request r = { 0 };
		struct err err;

		assert_int_equal(
		    alertmanager_receiver.request(
			alertmanager_receiver.instance(f.settings, 0), "1",
			text_of(bodies[i]), 0, &r, &err),
		    -1);
		check_contains(err.text, "damaged");
	}
	fixture_free(&f);
}

static void
each_instance_has_its_url(void **state)
{
	static const char *const urls[] = { "http://am1:9093/api/v2/alerts",
		"https://am2/prefix/api/v2/alerts" };
	const struct receiver *am = &alertmanager_receiver;
	struct fixture f;

	(void)state;
	fixture_read(&f, am,
	    "{url: ['http://am1:9093/', '', 'https://am2/prefix'],"
	    " timeout: 7s, ca_file: /dev/null}");
	assert_int_equal(diag_errors(f.diag), 0);
	assert_false(f.disabled);
	assert_int_equal(am->instances(f.settings), 2);
	for (size_t i = 0; i < 2; i++) {
		const void *one = am->instance(f.settings, i);
		struct request r = { 0 };
		struct err err;

		assert_int_equal(
		    am->request(one, "1", TEXT("[]"), 0, &r, &err), 0);
		assert_string_equal(r.url, urls[i]);
		assert_int_equal(am->timeout_ms(one), 7000);
		assert_string_equal(am->ca_file(one), "/dev/null");
		request_free(&r);
	}
	fixture_free(&f);
}

static void
mistakes_in_the_settings_are_named(void **state)
{
	static const struct {
		const char *yaml, *says;
	} cases[] = {
		{ "{}", "needs a url" },
		{ "text", "expected a map" },
		{ "url: []", "needs a url" },
		{ "url: am1:9093", "must start with" },
		{ "url: [http://a, 'ftp://b']", "must start with" },
		{ "url: [http://a, http://a]", "is there twice" },
		{ "url: http://a/api/v2/alerts", "without /api/v2/alerts" },
		{ "url: http://a/?x=1", "no query" },
		{ "{url: [http://a, http://b], timeout: 11m}", "at most 10m" },
		{ "urls: [http://a]", "did you mean 'url'" },
		{ "url: [http://1, http://2, http://3, http://4, http://5,"
		  " http://6, http://7, http://8, http://9, http://10,"
		  " http://11, http://12, http://13, http://14, http://15,"
		  " http://16, http://17]",
		    "more than 16" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct fixture f;
		char *said;

		fixture_read(&f, &alertmanager_receiver, cases[i].yaml);
		said = fixture_said(&f);
		if (diag_errors(f.diag) != 1)
			fail_msg("%s: %s", cases[i].yaml, said);
		check_contains(said, cases[i].says);
		free(said);
		fixture_free(&f);
	}
}

static void
without_a_url_it_is_left_out(void **state)
{
	static const char *const yaml[] = { "url: ''", "url: ['', '']" };

	(void)state;
	for (size_t i = 0; i < sizeof yaml / sizeof *yaml; i++) {
		struct fixture f;

		fixture_read(&f, &alertmanager_receiver, yaml[i]);
		assert_int_equal(diag_errors(f.diag), 0);
		assert_true(f.disabled);
		assert_int_equal(
		    alertmanager_receiver.instances(f.settings), 0);
		fixture_free(&f);
	}
}

static void
it_is_told_every_minute(void **state)
{
	(void)state;
	assert_int_equal(alertmanager_receiver.again_ms, MINUTE_MS);
}

static void
answers_are_judged(void **state)
{
	static const struct judged answers[] = {
		{ 200, "", VERDICT_SENT, NULL },
		{ 400, "\"at least one label pair required\"", VERDICT_DEAD,
		    "at least one label" },
		{ 404, "", VERDICT_DEAD, "no Alertmanager" },
		{ 410, "", VERDICT_DEAD, "no Alertmanager" },
		{ 429, "", VERDICT_RETRY, "429" },
		{ 500, "", VERDICT_RETRY, "500" },
		{ 502, "", VERDICT_RETRY, "502" },
		{ 0, "", VERDICT_RETRY, "connection refused" },
	};
	struct fixture f;

	(void)state;
	fixture_read(&f, &alertmanager_receiver, YAML);
	for (size_t i = 0; i < sizeof answers / sizeof *answers; i++)
		check_judged(&f, &answers[i]);
	fixture_free(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_open_incident_is_an_alert_for_four_minutes),
		cmocka_unit_test(a_resolved_incident_ends_when_it_was_resolved),
		cmocka_unit_test(
		    clocks_that_are_ahead_make_no_alert_that_is_refused),
		cmocka_unit_test(labels_stay_the_same_until_it_is_over),
		cmocka_unit_test(
		    names_of_labels_are_made_valid_and_none_takes_anothers_place),
		cmocka_unit_test(what_was_done_is_among_the_annotations),
		cmocka_unit_test(a_runbook_that_is_no_link_is_text),
		cmocka_unit_test(a_hostile_record_is_an_alert_that_is_taken),
		cmocka_unit_test(annotations_are_cut_to_what_is_passed_on),
		cmocka_unit_test(a_damaged_body_is_no_request),
		cmocka_unit_test(each_instance_has_its_url),
		cmocka_unit_test(mistakes_in_the_settings_are_named),
		cmocka_unit_test(without_a_url_it_is_left_out),
		cmocka_unit_test(it_is_told_every_minute),
		cmocka_unit_test(answers_are_judged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
