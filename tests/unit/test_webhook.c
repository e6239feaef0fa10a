/* SPDX-License-Identifier: MIT */
/*
 * The record as a web server gets it, and templates filled with it.
 */
#include "action/webhook.h"

#include "base/template.h"
#include "fixture_record.h"

#include <unistd.h>

#define RECORDS 10000
#define WEBHOOK_URL "https://h.example/in/SECRET?k=v"

static char *
body_of(const char *yaml, json_t *record)
{
	struct fixture f;
	char *body;

	fixture_read(&f, &webhook_receiver, yaml);
	assert_int_equal(diag_errors(f.diag), 0);
	body = webhook_receiver.body(f.settings, record);
	fixture_free(&f);
	json_decref(record);
	return body;
}

static void
the_body_is_the_record(void **state)
{
	json_t *record = record_make("escalated", ACTIONS_FAILED);
	char *body = body_of("url: '" WEBHOOK_URL "'", json_incref(record));
	json_t *got = json_loads(body, JSON_REJECT_DUPLICATES, NULL);

	(void)state;
	assert_true(json_equal(got, record));
	assert_null(strchr(body, '\n'));
	json_decref(got);
	json_decref(record);
	free(body);
}

static void
there_is_no_plainer_body(void **state)
{
	struct fixture f;
	json_t *record = record_make("opened", NULL);

	(void)state;
	fixture_read(&f, &webhook_receiver, "url: '" WEBHOOK_URL "'");
	assert_null(webhook_receiver.plain_body(f.settings, record));
	json_decref(record);
	fixture_free(&f);
}

static void
a_template_is_filled(void **state)
{
	static const struct {
		const char *template, *out;
	} cases[] = {
		{ "{\"t\": \"{{summary}}\"}",
		    "{\"t\": \"Foreign key FK_3c5c violated on timeline\"}" },
		{ "{{rule}} {{severity}} {{state}} {{change}}",
		    "fk-violation critical open opened" },
		{ "{{host}} {{source}} {{path}}:{{line}} {{count}}",
		    "crm-1 worker twenty_worker.log:10234 12" },
		{ "{{table}} {{team}} {{key}}",
		    "timeline crm constraint=FK_3c5c" },
		{ "{{event}}",
		    "error: insert violates FK_3c5c\\n    at query" },
		{ "{{duration}} {{first_seen}}",
		    "3m7s877ms 2025-10-17T08:00:03.123Z" },
		{ "[{{resolved_at}}{{none_such}}]", "[]" },
		{ "no names", "no names" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		json_t *yaml = json_pack("{s:s, s:s}", "url", WEBHOOK_URL,
		    "body", cases[i].template);
		char *text = json_dumps(yaml, 0);
		char *body = body_of(text, record_make("opened", NULL));

		assert_string_equal(body, cases[i].out);
		free(body);
		free(text);
		json_decref(yaml);
	}
}

static void
a_capture_goes_before_a_label_and_both_before_the_rest(void **state)
{
	char *body =
	    body_of("{url: '" WEBHOOK_URL "', body: '{{team}} {{rule}}'}",
		record_make("opened", "{\"captures\": {\"team\": \"caught\"},"
				      " \"labels\": {\"team\": \"crm\","
				      "              \"rule\": \"label\"}}"));

	(void)state;
	assert_string_equal(body, "caught label");
	free(body);
}

static void
hostile_values_stay_within_the_quotes_of_a_template(void **state)
{
	static const char *const names[] = { "summary", "event", "host", "rule",
		NULL };
	struct fixture f;

	(void)state;
	fixture_read(&f, &webhook_receiver,
	    "{url: '" WEBHOOK_URL "', body: '{\"summary\": \"{{summary}}\", "
	    "\"event\": \"{{event}}\", \"host\": \"{{host}}\", "
	    "\"rule\": \"{{rule}}\"}'}");
	for (uint64_t seed = 0; seed < RECORDS; seed++) {
		json_t *record = hostile_record(seed);
		char *body;
		json_t *got;

		json_object_del(record, "captures");
		json_object_del(record, "labels");
		body = webhook_receiver.body(f.settings, record);
		got = json_loads(
		    body, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
		assert_non_null(got);
		assert_int_equal(json_object_size(got), 4);
		for (size_t i = 0; names[i] != NULL; i++) {
			json_t *value = json_object_get(record, names[i]);

			if (json_is_string(value))
				assert_true(json_equal(
				    json_object_get(got, names[i]), value));
		}
		json_decref(got);
		free(body);
		json_decref(record);
	}
	fixture_free(&f);
}

static void
a_hostile_record_is_strict_json(void **state)
{
	struct fixture f;

	(void)state;
	fixture_read(&f, &webhook_receiver, "url: '" WEBHOOK_URL "'");
	for (uint64_t seed = 0; seed < RECORDS / 10; seed++) {
		json_t *record = hostile_record(seed);
		char *body = webhook_receiver.body(f.settings, record);
		json_t *got = json_loads(
		    body, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);

		assert_true(json_equal(got, record));
		json_decref(got);
		free(body);
		json_decref(record);
	}
	fixture_free(&f);
}

static void
check_request(const char *yaml, const char *const *headers)
{
	struct request r = { 0 };
	struct fixture f;
	struct err err;
	size_t i;

	fixture_read(&f, &webhook_receiver, yaml);
	assert_int_equal(diag_errors(f.diag), 0);
	assert_int_equal(webhook_receiver.request(f.settings, "01JD-opened",
			     TEXT("{}"), 1760688003999, &r, &err),
	    0);
	assert_string_equal(r.url, WEBHOOK_URL);
	for (i = 0; headers[i] != NULL; i++) {
		assert_non_null(r.headers[i]);
		assert_string_equal(r.headers[i], headers[i]);
	}
	assert_null(r.headers[i]);
	request_free(&r);
	fixture_free(&f);
}

static void
the_request_carries_id_time_and_headers(void **state)
{
	(void)state;
	check_request("url: '" WEBHOOK_URL "'",
	    (const char *const[]){ "webhook-id: 01JD-opened",
		"webhook-timestamp: 1760688003",
		"Content-Type: application/json; charset=utf-8", NULL });
	check_request("{url: '" WEBHOOK_URL "', headers: {X-Team: crm, "
		      "content-type: text/plain, X-Empty: ''}}",
	    (const char *const[]){ "webhook-id: 01JD-opened",
		"webhook-timestamp: 1760688003", "X-Team: crm",
		"content-type: text/plain", "X-Empty;", NULL });
}

/* The secret, id, time and body of the examples of Standard Webhooks' own
 * libraries, and their signature. */
#define SECRET "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define SIGNED_ID "msg_p5jXN8AQM9LWM0D4loKWxJek"
#define SIGNED_TIME_S INT64_C(1614265330)
#define SIGNED_BODY "{\"test\": 2432232314}"
#define SIGNATURE "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
/* another secret, of 24 bytes of 'a' */
#define OTHER "whsec_YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFh"
#define OTHER_SIGNATURE "v1,p/aCZAPUoPHV4ef7o8HCy2oI82P4UXjmN+MG//Bx9gE="
#define BYTES_23 "YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE="
#define BYTES_64                                                               \
	"YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFh"                         \
	"YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYQ=="
#define BYTES_65                                                               \
	"YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFh"                         \
	"YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE="

/* The signature that a request has; NULL: it was not made, for the reason in
 * err.  The caller frees it. */
static char *
signature_of(const struct fixture *f, int64_t wall_ms, struct err *err)
{
	struct request r = { 0 };
	char *signature = NULL;

	if (webhook_receiver.request(f->settings, SIGNED_ID, TEXT(SIGNED_BODY),
		wall_ms, &r, err) != 0)
		return NULL;
	for (size_t i = 0; r.headers[i] != NULL; i++)
		if (strncmp(r.headers[i], "webhook-signature: ", 19) == 0)
			signature = mem_text(r.headers[i] + 19);
	request_free(&r);
	assert_non_null(signature);
	return signature;
}

static void
a_request_is_signed_as_standard_webhooks_are(void **state)
{
	struct fixture f;
	struct err err;
	char *first, *second;

	(void)state;
	fixture_read(
	    &f, &webhook_receiver, "{url: 'https://a/b', secret: " SECRET "}");
	assert_int_equal(diag_errors(f.diag), 0);
	first = signature_of(&f, SIGNED_TIME_S * 1000 + 999, &err);
	assert_string_equal(first, SIGNATURE);
	second = signature_of(&f, SIGNED_TIME_S * 1000 + 1000, &err);
	assert_string_not_equal(second, SIGNATURE);
	free(first);
	free(second);
	fixture_free(&f);
}

static void
secret_write(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void
a_file_of_secrets_is_read_at_each_send_and_each_signs(void **state)
{
	static const struct {
		const char *text, *signature, *fault;
	} cases[] = {
		{ SECRET "\n", SIGNATURE, NULL },
		{ "\r\n " OTHER "\r\n\n" SECRET, OTHER_SIGNATURE " " SIGNATURE,
		    NULL },
		{ SECRET " " OTHER, SIGNATURE " " OTHER_SIGNATURE, NULL },
		{ "\n \n", NULL, " is empty" },
		{ "", NULL, " is empty" },
		{ SECRET "\nhush-hush\n", NULL, " must begin with whsec_" },
		{ "whsec_hush-hush", NULL, " is no base64" },
		{ OTHER "\n" OTHER "\n" OTHER "\n" OTHER "\n" OTHER "\n" OTHER
			"\n" OTHER "\n" OTHER "\n" OTHER,
		    NULL, " holds more than 8" },
	};
	char path[] = "/tmp/test_webhook.XXXXXX";
	struct str yaml = { 0 };
	struct fixture f;

	(void)state;
	close(mkstemp(path));
	str_printf(&yaml, "{url: 'https://a/b', secret_file: '%s'}", path);
	fixture_read(&f, &webhook_receiver, yaml.data);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct err err = { "" };
		char *signature;

		secret_write(path, cases[i].text);
		signature = signature_of(&f, SIGNED_TIME_S * 1000, &err);
		if (cases[i].fault != NULL) {
			assert_null(signature);
			check_contains(err.text, path);
			check_contains(err.text, cases[i].fault);
			assert_null(strstr(err.text, "hush"));
		} else {
			assert_string_equal(signature, cases[i].signature);
		}
		free(signature);
	}
	unlink(path);
	{
		struct err err = { "" };

		assert_null(signature_of(&f, 0, &err));
		check_contains(err.text, "No such file");
	}
	fixture_free(&f);
	str_free(&yaml);
}

static void
the_longest_secret_is_taken(void **state)
{
	struct fixture f;

	(void)state;
	fixture_read(&f, &webhook_receiver,
	    "{url: 'https://a/b', secret: 'whsec_" BYTES_64 "'}");
	assert_int_equal(diag_errors(f.diag), 0);
	fixture_free(&f);
}

static void
mistakes_in_the_settings_are_named(void **state)
{
	static const struct {
		const char *yaml, *says;
	} cases[] = {
		{ "{url: 'https://a/b', secret: x}", "begin with whsec_" },
		{ "{url: 'https://a/b', secret: 'whsec_!'}", "no base64" },
		{ "{url: 'https://a/b', secret: 'whsec_" BYTES_23 "'}",
		    "24 to 64 bytes" },
		{ "{url: 'https://a/b', secret: 'whsec_" BYTES_65 "'}",
		    "24 to 64 bytes" },
		{ "{url: 'https://a/b', secret: ''}", "is empty" },
		{ "{url: 'https://a/b', secret: ' '}", "is empty" },
		{ "{url: 'https://a/b', secret_file: ''}", "is empty" },
		{ "{url: 'https://a/b', secret: " SECRET
		  ", secret_file: /dev/null}",
		    "not both" },
		{ "{url: 'https://a/b', headers: {Webhook-Signature: a}}",
		    "set by logwatch itself" },
		{ "{url: 'https://a/b', header: {}}", "headers" },
		{ "{url: 'https://a/b', headers: [a]}", "a map is needed" },
		{ "{url: 'https://a/b', headers: {'X Y': a}}",
		    "no name of a header" },
		{ "{url: 'https://a/b', headers: {X: \"a\\r\\nY: b\"}}",
		    "control character" },
		{ "{url: 'https://a/b', headers: {webhook-ID: a}}",
		    "set by logwatch itself" },
		{ "{url: 'https://a/b', headers: {Content-Length: '1'}}",
		    "set by logwatch itself" },
		{ "{url: 'https://a/b', body: '{{summary'}", "body: " },
		{ "{url: 'https://a/b', body: '{{a b}}'}", "body: " },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct fixture f;
		char *said;

		fixture_read(&f, &webhook_receiver, cases[i].yaml);
		said = fixture_said(&f);
		if (diag_errors(f.diag) != 1)
			fail_msg("%s: %s", cases[i].yaml, said);
		check_contains(said, cases[i].says);
		free(said);
		fixture_free(&f);
	}
}

static void
too_many_headers_are_a_fault(void **state)
{
	struct str yaml = { 0 };
	struct fixture f;

	(void)state;
	str_puts(&yaml, "{url: 'https://a/b', headers: {");
	for (int i = 0; i < 65; i++)
		str_printf(&yaml, "X-%d: x, ", i);
	str_puts(&yaml, "}}");
	fixture_read(&f, &webhook_receiver, yaml.data);
	assert_int_equal(diag_errors(f.diag), 1);
	fixture_free(&f);
	str_free(&yaml);
}

static void
the_names_in_a_template_can_be_looked_up(void **state)
{
	struct fixture f;
	const struct template *t;

	(void)state;
	fixture_read(&f, &webhook_receiver,
	    "{url: '" WEBHOOK_URL "', body: '{{summary}} {{x}}'}");
	t = webhook_receiver.body_template(f.settings);
	assert_int_equal(template_count(t), 2);
	assert_string_equal(template_name(t, 1), "x");
	fixture_free(&f);
	fixture_read(&f, &webhook_receiver, "url: '" WEBHOOK_URL "'");
	assert_null(webhook_receiver.body_template(f.settings));
	fixture_free(&f);
}

static void
answers_are_judged(void **state)
{
	static const struct judged answers[] = {
		{ 200, "", VERDICT_SENT, NULL },
		{ 204, "", VERDICT_SENT, NULL },
		{ 301, "", VERDICT_DEAD, "redirect" },
		{ 400, "no such field", VERDICT_DEAD, "no such field" },
		{ 401, "", VERDICT_DEAD, "401" },
		{ 404, "", VERDICT_DEAD, "404" },
		{ 408, "", VERDICT_RETRY, "408" },
		{ 410, "", VERDICT_DEAD, "410" },
		{ 413, "", VERDICT_DEAD, "413" },
		{ 425, "", VERDICT_RETRY, "425" },
		{ 429, "", VERDICT_RETRY, "429" },
		{ 500, "", VERDICT_RETRY, "500" },
		{ 599, "", VERDICT_RETRY, "599" },
		{ 0, "", VERDICT_RETRY, "connection refused" },
	};
	struct fixture f;

	(void)state;
	fixture_read(&f, &webhook_receiver, "url: '" WEBHOOK_URL "'");
	for (size_t i = 0; i < sizeof answers / sizeof *answers; i++)
		check_judged(&f, &answers[i]);
	fixture_free(&f);
}

static void
receivers_are_found_by_name(void **state)
{
	(void)state;
	assert_ptr_equal(receiver_find("webhook"), &webhook_receiver);
	assert_string_equal(receiver_find("slack")->name, "slack");
	assert_string_equal(receiver_find("teams")->name, "teams");
	assert_string_equal(receiver_find("email")->name, "email");
	assert_null(receiver_find("pager"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_body_is_the_record),
		cmocka_unit_test(there_is_no_plainer_body),
		cmocka_unit_test(a_template_is_filled),
		cmocka_unit_test(
		    a_capture_goes_before_a_label_and_both_before_the_rest),
		cmocka_unit_test(
		    hostile_values_stay_within_the_quotes_of_a_template),
		cmocka_unit_test(a_hostile_record_is_strict_json),
		cmocka_unit_test(the_request_carries_id_time_and_headers),
		cmocka_unit_test(a_request_is_signed_as_standard_webhooks_are),
		cmocka_unit_test(
		    a_file_of_secrets_is_read_at_each_send_and_each_signs),
		cmocka_unit_test(the_longest_secret_is_taken),
		cmocka_unit_test(mistakes_in_the_settings_are_named),
		cmocka_unit_test(too_many_headers_are_a_fault),
		cmocka_unit_test(the_names_in_a_template_can_be_looked_up),
		cmocka_unit_test(answers_are_judged),
		cmocka_unit_test(receivers_are_found_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
