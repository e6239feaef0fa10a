/* SPDX-License-Identifier: MIT */
/*
 * The events that PagerDuty is sent, against what its Events API v2 takes.
 */
#include "action/pagerduty.h"

#include "fixture_record.h"

#include <unistd.h>

#define RECORDS 3000
#define KEY "0123456789abcdef0123456789ABCDEF"
#define YAML "routing_key: " KEY

#define ACKNOWLEDGED "{\"acknowledged_at\": \"2025-10-17T08:05:00.000Z\"}"

static char *
body_of(json_t *record)
{
	struct fixture f;
	char *body;

	fixture_read(&f, &pagerduty_receiver, YAML);
	assert_int_equal(diag_errors(f.diag), 0);
	assert_false(f.disabled);
	body = pagerduty_receiver.body(f.settings, record);
	fixture_free(&f);
	json_decref(record);
	return body;
}

static void
an_incident_that_opened_triggers_an_alert(void **state)
{
	char *body = body_of(record_make("opened", NULL));

	(void)state;
	assert_string_equal(body,
	    "{\"event_action\":\"trigger\","
	    "\"dedup_key\":\"01JD0000000000000000000000\","
	    "\"payload\":{"
	    "\"summary\":\"Foreign key FK_3c5c violated on timeline\","
	    "\"source\":\"crm-1\",\"severity\":\"critical\","
	    "\"timestamp\":\"2025-10-17T08:00:03.123Z\","
	    "\"component\":\"worker\",\"class\":\"fk-violation\","
	    "\"custom_details\":{\"Change\":\"CRITICAL: opened\","
	    "\"Description\":\"A row names a parent that is gone.\","
	    "\"Log\":\"  one before\\n  two before\\n"
	    "\xe2\x86\x92 error: insert violates FK_3c5c\\n"
	    "\xe2\x86\x92     at query\\n  one after\","
	    "\"Where\":\"crm-1 \xc2\xb7 worker \xc2\xb7 "
	    "twenty_worker.log:10234 \xc2\xb7 01JD0000000000000000000000\","
	    "\"Since\":\"2025-10-17 08:00:03 UTC\","
	    "\"Seen\":\"12 times, last 2025-10-17 08:03:11 UTC\","
	    "\"Rule\":\"fk-violation\",\"table\":\"timeline\","
	    "\"constraint\":\"FK_3c5c\",\"team\":\"crm\"}},"
	    "\"client\":\"logwatch\","
	    "\"links\":[{\"href\":\"https://wiki.example/fk?a=1&b=2\","
	    "\"text\":\"Runbook\"}]}");
	free(body);
}

static void
a_change_comes_to_an_event(void **state)
{
	static const struct {
		const char *change, *more, *event;
	} cases[] = {
		{ "opened", NULL, "trigger" },
		{ "reminded", NULL, "trigger" },
		{ "escalated", NULL, "trigger" },
		{ "escalated", ACKNOWLEDGED, "trigger" },
		{ "updated", NULL, "trigger" },
		{ "test", NULL, "trigger" },
		{ "updated", ACKNOWLEDGED, "acknowledge" },
		{ "remediated", ACKNOWLEDGED, "acknowledge" },
		{ "remediated", ACTIONS_GOOD, NULL },
		{ "resolved", RESOLVED, "resolve" },
		{ "resolved", ACKNOWLEDGED, "resolve" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char *body =
		    body_of(record_make(cases[i].change, cases[i].more));
		json_t *json;

		if (cases[i].event == NULL) {
			assert_null(body);
			continue;
		}
		json = check_json(body);
		assert_string_equal(
		    get_string(json, "event_action"), cases[i].event);
		assert_string_equal(get_string(json, "dedup_key"),
		    "01JD0000000000000000000000");
		json_decref(json);
		free(body);
	}
}

static void
the_end_of_an_alert_is_its_key_alone(void **state)
{
	char *body = body_of(record_make("resolved", RESOLVED));

	(void)state;
	assert_string_equal(body,
	    "{\"event_action\":\"resolve\","
	    "\"dedup_key\":\"01JD0000000000000000000000\"}");
	free(body);
}

static void
severities_are_those_of_pagerduty(void **state)
{
	static const struct {
		const char *ours, *theirs;
	} cases[] = { { "critical", "critical" }, { "error", "error" },
		{ "warning", "warning" }, { "info", "info" },
		{ "odd", "error" } };

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		json_t *record = record_make("opened", NULL), *json;
		char *body;

		json_object_set_new(
		    record, "severity", json_string(cases[i].ours));
		body = body_of(record);
		json = check_json(body);
		assert_string_equal(
		    get_string(json_object_get(json, "payload"), "severity"),
		    cases[i].theirs);
		json_decref(json);
		free(body);
	}
}

static void
what_was_done_is_among_the_details(void **state)
{
	char *body = body_of(record_make("escalated", ACTIONS_FAILED));
	json_t *json = check_json(body);
	const json_t *details =
	    json_object_get(json_object_get(json, "payload"), "custom_details");

	(void)state;
	check_contains(get_string(details, "Note"), "A human is needed");
	check_contains(get_string(details, "Done"),
	    "restart: failed with exit status 3 after 1m30s (attempt 2)\n"
	    "  starting\n  port 6379 refused");
	json_decref(json);
	free(body);
}

static void
a_capture_takes_no_place_of_ours(void **state)
{
	char *body = body_of(record_make(
	    "opened", "{\"captures\": {\"Log\": \"theirs\", \"a\": \"b\"}}"));
	json_t *json = check_json(body);
	const json_t *details =
	    json_object_get(json_object_get(json, "payload"), "custom_details");

	(void)state;
	check_contains(get_string(details, "Log"), "insert violates");
	assert_string_equal(get_string(details, "a"), "b");
	json_decref(json);
	free(body);
}

static void
a_long_summary_is_cut_at_1024_characters(void **state)
{
	static const char *const bits[] = { "a", "\xc3\xa4",
		"\xf0\x9f\x94\xa5" };

	(void)state;
	for (size_t i = 0; i < sizeof bits / sizeof *bits; i++) {
		for (size_t n = 500; n <= 3000; n += 4) {
			json_t *record = record_make("opened", NULL), *json;
			struct str text = { 0 };
			const char *summary;
			char *body;

			for (size_t k = 0; k < n; k++)
				str_puts(&text, bits[i]);
			json_object_set_new(
			    record, "summary", json_string(text.data));
			body = body_of(record);
			json = check_json(body);
			summary = get_string(
			    json_object_get(json, "payload"), "summary");
			assert_in_range(units_of(summary), 1, 1024);
			if (units_of(text.data) <= 1024)
				assert_string_equal(summary, text.data);
			else
				assert_in_range(units_of(summary), 1022, 1024);
			json_decref(json);
			free(body);
			str_free(&text);
		}
	}
}

static void
a_text_of_two_units_is_never_cut_in_half(void **state)
{
	json_t *record = record_make("opened", NULL), *json;
	struct str text = { 0 };
	char *body;

	(void)state;
	str_putc(&text, 'x');
	for (size_t k = 0; k < 600; k++)
		str_puts(&text, "\xf0\x9f\x94\xa5");
	json_object_set_new(record, "summary", json_string(text.data));
	body = body_of(record);
	json = check_json(body);
	check_contains(get_string(json_object_get(json, "payload"), "summary"),
	    "\xf0\x9f\x94\xa5\xe2\x80\xa6");
	json_decref(json);
	free(body);
	str_free(&text);
}

/* The largest record that there can be. */
static json_t *
large_record(void)
{
	json_t *record = record_make("opened", NULL);
	json_t *before = json_array(), *after = json_array();
	json_t *actions = json_array();
	struct str line = { 0 }, event = { 0 };

	for (size_t i = 0; i < 1500; i++)
		str_puts(&line, "\xf0\x9f\x94\xa5");
	for (size_t i = 0; i < 60; i++) {
		json_array_append_new(before, json_string(line.data));
		json_array_append_new(after, json_string(line.data));
		str_puts(&event, line.data);
		str_putc(&event, '\n');
	}
	for (size_t i = 0; i < 8; i++)
		json_array_append_new(actions,
		    json_pack("{s:s, s:s, s:i, s:s}", "name", "a", "state",
			"failed", "attempt", 1, "output", event.data));
	json_object_set_new(record, "event", json_string(event.data));
	json_object_set_new(record, "context",
	    json_pack("{s:o, s:o}", "before", before, "after", after));
	json_object_set_new(record, "actions", actions);
	str_free(&line);
	str_free(&event);
	return record;
}

static char *
sent_body(const struct fixture *f, const char *body)
{
	struct request r = { 0 };
	struct err err;
	char *sent;

	assert_int_equal(
	    f->receiver->request(f->settings, "1", text_of(body), 0, &r, &err),
	    0);
	sent = mem_text(r.body);
	request_free(&r);
	return sent;
}

static void
an_event_has_at_most_512_kb_and_a_plainer_one_20(void **state)
{
	struct fixture f;
	json_t *record = large_record();
	char *body, *plain, *sent;

	(void)state;
	fixture_read(&f, &pagerduty_receiver, YAML);
	body = pagerduty_receiver.body(f.settings, record);
	plain = pagerduty_receiver.plain_body(f.settings, record);
	sent = sent_body(&f, body);
	assert_in_range(strlen(sent), 200000, 512000);
	assert_in_range(strlen(plain), 5000, 20000);
	check_contains(plain, "Shortened");
	json_decref(check_json(sent));
	json_decref(check_json(plain));
	free(sent);
	free(body);
	free(plain);
	json_decref(record);
	fixture_free(&f);
}

static void
check_event(const json_t *json)
{
	const json_t *payload = json_object_get(json, "payload");
	const json_t *links = json_object_get(json, "links");

	assert_in_range(units_of(get_string(json, "dedup_key")), 1, 255);
	if (strcmp(get_string(json, "event_action"), "trigger") != 0) {
		assert_null(payload);
		return;
	}
	assert_in_range(units_of(get_string(payload, "summary")), 1, 1024);
	assert_in_range(units_of(get_string(payload, "source")), 1, 255);
	get_string(payload, "severity");
	if (links != NULL) {
		const json_t *link = json_array_get(links, 0);

		assert_null(strpbrk(get_string(link, "href"), " \"<>\n"));
	}
}

static void
a_hostile_record_is_an_event_within_the_limits(void **state)
{
	struct fixture f;

	(void)state;
	fixture_read(&f, &pagerduty_receiver, YAML);
	for (uint64_t seed = 0; seed < RECORDS; seed++) {
		json_t *record = hostile_record(seed), *json;
		char *body = pagerduty_receiver.body(f.settings, record), *sent;

		json_decref(record);
		if (body == NULL)
			continue;
		sent = sent_body(&f, body);
		assert_in_range(strlen(sent), 1, 512000);
		json = check_json(sent);
		assert_string_equal(get_string(json, "routing_key"), KEY);
		check_event(json);
		json_decref(json);
		free(sent);
		free(body);
	}
	fixture_free(&f);
}

static void
check_request(const char *yaml, const char *url, const char *key)
{
	struct request r = { 0 };
	struct fixture f;
	struct err err;
	struct str body = { 0 };
	struct str hidden = { 0 };

	fixture_read(&f, &pagerduty_receiver, yaml);
	assert_int_equal(diag_errors(f.diag), 0);
	assert_int_equal(pagerduty_receiver.request(f.settings, "01JD-opened",
			     TEXT("{\"a\":1}"), 0, &r, &err),
	    0);
	assert_string_equal(r.url, url);
	assert_string_equal(r.headers[0], "Content-Type: application/json");
	assert_null(r.headers[1]);
	str_printf(&body, "{\"routing_key\":\"%s\",\"a\":1}", key);
	assert_string_equal(r.body, body.data);
	request_hide(&r, text_of(r.body), &hidden);
	assert_string_equal(hidden.data, "{\"routing_key\":\"***\",\"a\":1}");
	str_free(&hidden);
	str_free(&body);
	request_free(&r);
	fixture_free(&f);
}

static void
key_file_write(char *path, const char *key)
{
	FILE *file;

	strcpy(path, "/tmp/logwatch-pagerduty-XXXXXX");
	file = fdopen(mkstemp(path), "w");
	assert_non_null(file);
	fputs(key, file);
	fclose(file);
}

static void
the_key_is_put_in_when_it_is_sent(void **state)
{
	char path[32];
	struct str yaml = { 0 };

	(void)state;
	check_request(YAML, "https://events.pagerduty.com/v2/enqueue", KEY);
	check_request("{" YAML ", api: 'https://events.eu.pagerduty.com/'}",
	    "https://events.eu.pagerduty.com/v2/enqueue", KEY);
	key_file_write(path, "ABCDEF0123456789abcdef0123456789\n");
	str_printf(&yaml, "routing_key_file: %s", path);
	check_request(yaml.data, "https://events.pagerduty.com/v2/enqueue",
	    "ABCDEF0123456789abcdef0123456789");
	unlink(path);
	str_free(&yaml);
}

static void
a_key_file_that_cannot_serve_is_said_without_what_it_holds(void **state)
{
	static const struct {
		const char *holds, *says;
	} cases[] = {
		{ NULL, "No such file" },
		{ "", "has not the 32 characters" },
		{ "CANARY", "has not the 32 characters" },
		{ "CANARY\",\"x\":\"" KEY, "neither a letter nor a digit" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct request r = { 0 };
		struct str yaml = { 0 };
		struct fixture f;
		struct err err = { "" };
		char path[32];

		key_file_write(path, cases[i].holds ? cases[i].holds : "");
		if (cases[i].holds == NULL)
			unlink(path);
		str_printf(&yaml, "routing_key_file: %s", path);
		fixture_read(&f, &pagerduty_receiver, yaml.data);
		assert_int_equal(diag_errors(f.diag), 0);
		assert_int_equal(pagerduty_receiver.request(
				     f.settings, "1", TEXT("{}"), 0, &r, &err),
		    -1);
		check_contains(err.text, cases[i].says);
		check_contains(err.text, path);
		assert_null(strstr(err.text, "CANARY"));
		unlink(path);
		request_free(&r);
		fixture_free(&f);
		str_free(&yaml);
	}
}

static void
mistakes_in_the_settings_are_named(void **state)
{
	static const struct {
		const char *yaml, *says;
	} cases[] = {
		{ "{}", "needs a routing_key or a routing_key_file" },
		{ "text", "expected a map" },
		{ "{" YAML ", routing_key_file: /dev/null}",
		    "either routing_key or routing_key_file, not both" },
		{ "{routing_key: CANARY}", "has not the 32 characters" },
		{ "{routing_key: 'CANARY-89abcdef0123456789abcdef01'}",
		    "neither a letter nor a digit" },
		{ "{key: " KEY "}", "did you mean 'routing_key'" },
		{ "{" YAML ", url: 'https://a'}", "did you mean 'api'" },
		{ "{" YAML ", api: 'events.pagerduty.com'}", "must start" },
		{ "{" YAML ", api: 'https://a/?b'}", "no query" },
		{ "{" YAML ", timeout: 11m}", "at most 10m" },
		{ "{" YAML ", ca_file: /none}", "cannot read /none" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct fixture f;
		char *said;

		fixture_read(&f, &pagerduty_receiver, cases[i].yaml);
		said = fixture_said(&f);
		if (diag_errors(f.diag) != 1)
			fail_msg("%s: %s", cases[i].yaml, said);
		check_contains(said, cases[i].says);
		free(said);
		fixture_free(&f);
	}
}

static void
without_a_key_it_is_left_out(void **state)
{
	struct fixture f;

	(void)state;
	fixture_read(&f, &pagerduty_receiver, "routing_key: ''");
	assert_int_equal(diag_errors(f.diag), 0);
	assert_true(f.disabled);
	fixture_free(&f);
}

static void
timeout_and_ca_file_are_read(void **state)
{
	struct fixture f;

	(void)state;
	fixture_read(&f, &pagerduty_receiver,
	    "{" YAML ", timeout: 7s, ca_file: /dev/null}");
	assert_int_equal(pagerduty_receiver.timeout_ms(f.settings), 7000);
	assert_string_equal(
	    pagerduty_receiver.ca_file(f.settings), "/dev/null");
	fixture_free(&f);
	fixture_read(&f, &pagerduty_receiver, YAML);
	assert_int_equal(pagerduty_receiver.timeout_ms(f.settings), 30000);
	assert_null(pagerduty_receiver.ca_file(f.settings));
	fixture_free(&f);
}

static void
answers_are_judged(void **state)
{
	static const struct judged answers[] = {
		{ 202, "{\"status\":\"success\"}", VERDICT_SENT, NULL },
		{ 400, "{\"errors\":[\"'summary' is missing\"]}", VERDICT_DEAD,
		    "is missing" },
		{ 401, "", VERDICT_DEAD, "401" },
		{ 404, "", VERDICT_DEAD, "404" },
		{ 413, "", VERDICT_PLAIN, "413" },
		{ 429, "", VERDICT_RETRY, "429" },
		{ 500, "", VERDICT_RETRY, "500" },
		{ 503, "", VERDICT_RETRY, "503" },
		{ 0, "", VERDICT_RETRY, "connection refused" },
	};
	struct fixture f;

	(void)state;
	fixture_read(&f, &pagerduty_receiver, YAML);
	for (size_t i = 0; i < sizeof answers / sizeof *answers; i++)
		check_judged(&f, &answers[i]);
	fixture_free(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_incident_that_opened_triggers_an_alert),
		cmocka_unit_test(a_change_comes_to_an_event),
		cmocka_unit_test(the_end_of_an_alert_is_its_key_alone),
		cmocka_unit_test(severities_are_those_of_pagerduty),
		cmocka_unit_test(what_was_done_is_among_the_details),
		cmocka_unit_test(a_capture_takes_no_place_of_ours),
		cmocka_unit_test(a_long_summary_is_cut_at_1024_characters),
		cmocka_unit_test(a_text_of_two_units_is_never_cut_in_half),
		cmocka_unit_test(
		    an_event_has_at_most_512_kb_and_a_plainer_one_20),
		cmocka_unit_test(
		    a_hostile_record_is_an_event_within_the_limits),
		cmocka_unit_test(the_key_is_put_in_when_it_is_sent),
		cmocka_unit_test(
		    a_key_file_that_cannot_serve_is_said_without_what_it_holds),
		cmocka_unit_test(mistakes_in_the_settings_are_named),
		cmocka_unit_test(without_a_key_it_is_left_out),
		cmocka_unit_test(timeout_and_ca_file_are_read),
		cmocka_unit_test(answers_are_judged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
