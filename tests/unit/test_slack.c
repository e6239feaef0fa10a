/* SPDX-License-Identifier: MIT */
/*
 * What Slack and its look-alikes are sent, against their limits.
 */
#include "action/slack.h"

#include "fixture_record.h"

#include <ctype.h>
#include <unistd.h>

#define RECORDS 2000
#define SLACK_URL "https://hooks.slack.com/services/T0/B0/SECRET"
#define OTHER_URL "https://chat.example/hooks/SECRET"

static char *
body_of(const char *yaml, json_t *record)
{
	struct fixture f;
	char *body;

	fixture_read(&f, &slack_receiver, yaml);
	body = slack_receiver.body(f.settings, record);
	fixture_free(&f);
	json_decref(record);
	return body;
}

/* Nothing in it is a mention, a link or an entity of somebody else's. */
static void
check_escaped(const char *text)
{
	for (const char *p = text; *p != '\0'; p++) {
		assert_int_not_equal(*p, '<');
		assert_int_not_equal(*p, '>');
		if (*p == '&' && strncmp(p, "&amp;", 5) != 0 &&
		    strncmp(p, "&lt;", 4) != 0)
			assert_memory_equal(p, "&gt;", 4);
		if (*p == '@' || (*p == ']' && p[1] == '('))
			assert_memory_equal(p + 1, "\xe2\x80\x8b", 3);
	}
}

/* As check_escaped(); ``` on lines of their own are ours, others are broken. */
static void
check_fenced(const char *text)
{
	size_t fences = 0;

	check_escaped(text);
	for (const char *p = text; *p != '\0'; p++) {
		if (*p != '`')
			continue;
		if (strncmp(p, "```", 3) == 0) {
			assert_true(p == text || p[-1] == '\n');
			assert_true(p[3] == '\n' || p[3] == '\0');
			p += 2;
			fences++;
		} else {
			assert_memory_equal(p + 1, "\xe2\x80\x8b", 3);
		}
	}
	assert_int_equal(fences % 2, 0);
}

static size_t
check_plain_text(const json_t *json, size_t max)
{
	const char *text = get_string(json, "text");

	assert_string_equal(get_string(json, "type"), "plain_text");
	assert_true(json_is_false(json_object_get(json, "emoji")));
	assert_in_range(units_of(text), 1, max);
	return units_of(text);
}

static size_t
check_section(const json_t *block)
{
	json_t *fields = json_object_get(block, "fields");
	size_t n = check_plain_text(json_object_get(block, "text"), 3000);
	json_t *field;
	size_t i;

	if (fields != NULL)
		assert_in_range(json_array_size(fields), 1, 10);
	json_array_foreach(fields, i, field) n += check_plain_text(field, 2000);
	return n;
}

static size_t
check_rich_text(const json_t *block)
{
	json_t *elements = json_object_get(block, "elements");
	json_t *text;

	assert_int_equal(json_array_size(elements), 1);
	elements = json_array_get(elements, 0);
	assert_string_equal(
	    get_string(elements, "type"), "rich_text_preformatted");
	elements = json_object_get(elements, "elements");
	assert_int_equal(json_array_size(elements), 1);
	text = json_array_get(elements, 0);
	assert_string_equal(get_string(text, "type"), "text");
	assert_in_range(units_of(get_string(text, "text")), 1, 9000);
	return units_of(get_string(text, "text"));
}

/* <URL|Runbook>, and nothing in the URL ends it. */
static size_t
check_link(const json_t *element)
{
	const char *text = get_string(element, "text");
	size_t len;

	assert_true(json_is_true(json_object_get(element, "verbatim")));
	assert_memory_equal(text, "<http", 5);
	len = 1 + strcspn(text + 1, "<>| \n");
	assert_string_equal(text + len, "|Runbook>");
	assert_true(units_of(text) <= 3000);
	return units_of(text);
}

static size_t
check_context(const json_t *block)
{
	json_t *elements = json_object_get(block, "elements");
	json_t *element;
	size_t i, n = 0;

	assert_in_range(json_array_size(elements), 1, 10);
	json_array_foreach(elements, i, element) n +=
	    strcmp(get_string(element, "type"), "mrkdwn") == 0
		? check_link(element)
		: check_plain_text(element, 3000);
	return n;
}

static size_t
check_block(const json_t *block)
{
	const char *type = get_string(block, "type");

	if (strcmp(type, "header") == 0)
		return check_plain_text(json_object_get(block, "text"), 150);
	if (strcmp(type, "section") == 0)
		return check_section(block);
	if (strcmp(type, "rich_text") == 0)
		return check_rich_text(block);
	assert_string_equal(type, "context");
	return check_context(block);
}

static void
check_head(const json_t *body, size_t text_max)
{
	const char *text = get_string(body, "text");

	check_escaped(text);
	assert_in_range(units_of(text), 1, text_max);
	assert_true(json_is_false(json_object_get(body, "unfurl_links")));
	assert_true(json_is_false(json_object_get(body, "unfurl_media")));
}

static void
check_blocks(const char *text)
{
	json_t *body = check_json(text);
	json_t *list = json_object_get(body, "attachments");
	json_t *attachment = json_array_get(list, 0);
	json_t *blocks = json_object_get(attachment, "blocks");
	json_t *block;
	size_t i, n = 0;

	check_head(body, 4000);
	assert_int_equal(json_array_size(list), 1);
	assert_int_equal(strlen(get_string(attachment, "color")), 7);
	check_escaped(get_string(attachment, "fallback"));
	assert_in_range(json_array_size(blocks), 1, 50);
	json_array_foreach(blocks, i, block) n += check_block(block);
	assert_in_range(n, 1, 9000);
	json_decref(body);
}

static size_t
check_member(const json_t *json, const char *name, size_t max)
{
	const char *text = get_string(json, name);

	check_escaped(text);
	assert_in_range(units_of(text), 1, max);
	return units_of(text);
}

/* Limits are those of Discord, the narrowest. */
static void
check_attachment(const char *text)
{
	json_t *body = check_json(text);
	json_t *a = json_array_get(json_object_get(body, "attachments"), 0);
	json_t *fields = json_object_get(a, "fields");
	json_t *field;
	size_t i, n = 0;

	check_head(body, 2000);
	assert_null(json_object_get(a, "blocks"));
	n += check_member(a, "title", 256);
	n += units_of(get_string(a, "text"));
	assert_in_range(units_of(get_string(a, "text")), 1, 4096);
	check_fenced(get_string(a, "text"));
	check_member(a, "fallback", 2000);
	if (json_object_get(a, "footer") != NULL)
		n += check_member(a, "footer", 2048);
	assert_true(json_array_size(fields) <= 10);
	json_array_foreach(fields, i, field)
	{
		n += check_member(field, "title", 256);
		n += check_member(field, "value", 1024);
	}
	assert_in_range(n, 1, 6000);
	json_decref(body);
}

static void
hostile_records_keep_to_the_limits_of_blocks(void **state)
{
	struct fixture f;

	(void)state;
	fixture_read(&f, &slack_receiver, "url: '" SLACK_URL "'");
	for (uint64_t seed = 0; seed < RECORDS; seed++) {
		json_t *record = hostile_record(seed);
		char *body = slack_receiver.body(f.settings, record);

		check_blocks(body);
		free(body);
		json_decref(record);
	}
	fixture_free(&f);
}

static void
hostile_records_keep_to_the_limits_of_attachments(void **state)
{
	struct fixture f;

	(void)state;
	fixture_read(&f, &slack_receiver, "url: '" OTHER_URL "'");
	for (uint64_t seed = 0; seed < RECORDS / 2; seed++) {
		json_t *record = hostile_record(seed);
		char *body = slack_receiver.body(f.settings, record);

		check_attachment(body);
		free(body);
		json_decref(record);
	}
	fixture_free(&f);
}

static void
hostile_records_keep_to_the_limits_of_plain_text(void **state)
{
	struct fixture f;

	(void)state;
	fixture_read(&f, &slack_receiver, "url: '" SLACK_URL "'");
	for (uint64_t seed = 0; seed < RECORDS / 4; seed++) {
		json_t *record = hostile_record(seed);
		char *text = slack_receiver.plain_body(f.settings, record);
		json_t *body = check_json(text);

		check_head(body, 2000);
		assert_null(json_object_get(body, "attachments"));
		json_decref(body);
		free(text);
		json_decref(record);
	}
	fixture_free(&f);
}

/* A record, and what a person must find in its message. */
static const struct told {
	const char *change, *more;
	const char *parts[12];
} told[] = {
	{ "opened", NULL,
	    { "CRITICAL: opened",
		"[critical] opened: Foreign key FK_3c5c violated on timeline "
		"(crm-1)",
		"twenty_worker.log:10234", "2025-10-17 08:00:03 UTC",
		"12 times", "error: insert violates FK_3c5c",
		"  one before\\n  two before\\n", "\\n  one after",
		"A row names a parent that is gone.",
		"https://wiki.example/fk?a=1&amp;b=2", "#A30200" } },
	{ "remediated", ACTIONS_GOOD,
	    { "CRITICAL: repaired", "restart: succeeded after 4s",
		"#2EB886" } },
	{ "remediated", ACTIONS_FAILED,
	    { "CRITICAL: repair failed", "clean: succeeded after 812ms",
		"restart: failed with exit status 3 after 1m30s (attempt 2)",
		"starting\\nport 6379 refused", "#A30200" } },
	{ "escalated", ACTIONS_FAILED,
	    { "CRITICAL: a human is needed",
		"A human is needed: restart: failed with exit status 3" } },
	{ "escalated", NULL,
	    { "A human is needed: nobody has acknowledged it yet." } },
	{ "resolved", RESOLVED,
	    { "CRITICAL: resolved", "Lasted\\n20m", "#2EB886" } },
	{ "opened", "{\"late\": true, \"severity\": \"info\"}",
	    { "INFO: opened", "Found late", "no repair was run", "#2F80ED" } },
	{ "reminded", "{\"severity\": \"warning\"}",
	    { "WARNING: still open", "#DAA038" } },
	{ "test", "{\"severity\": \"error\"}",
	    { "ERROR: test message", "#D9480F" } },
};

static void
a_message_says_what_its_reader_needs(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof told / sizeof *told; i++) {
		char *body = body_of("url: '" SLACK_URL "'",
		    record_make(told[i].change, told[i].more));

		check_blocks(body);
		for (size_t k = 0; told[i].parts[k] != NULL; k++)
			check_contains(body, told[i].parts[k]);
		free(body);
	}
}

static void
output_is_shown_only_of_what_failed(void **state)
{
	char *body = body_of(
	    "url: '" SLACK_URL "'", record_make("remediated", ACTIONS_FAILED));

	(void)state;
	assert_null(strstr(body, "quiet"));
	free(body);
}

static void
the_last_lines_of_a_long_output_are_shown(void **state)
{
	json_t *record = record_make("escalated", ACTIONS_FAILED);
	json_t *action = json_array_get(json_object_get(record, "actions"), 1);
	struct str output = { 0 };
	char *body;

	(void)state;
	for (int i = 0; i < 30; i++)
		str_printf(&output, "line %d.\n", i);
	json_object_set_new(action, "output", json_string(output.data));
	str_free(&output);
	body = body_of("url: '" SLACK_URL "'", record);
	check_contains(body, "\"line 20.\\nline 21.");
	check_contains(body, "line 29.\"");
	free(body);
}

static void
an_attachment_says_the_same_with_link_time_and_place(void **state)
{
	char *body = body_of(
	    "url: '" OTHER_URL "'", record_make("escalated", ACTIONS_FAILED));

	(void)state;
	check_attachment(body);
	check_contains(body, "\"title\":\"CRITICAL: a human is needed\"");
	check_contains(
	    body, "\"title_link\":\"https://wiki.example/fk?a=1&b=2\"");
	check_contains(body, "\"ts\":1760688191");
	check_contains(body, "\"color\":\"#A30200\"");
	check_contains(body, "twenty_worker.log:10234");
	check_contains(body, "{\"title\":\"Rule\",\"value\":\"fk-violation\","
			     "\"short\":true}");
	check_contains(body, "```\\n  one before\\n  two before\\n"
			     "\xe2\x86\x92 error: insert violates FK_3c5c");
	check_contains(body, "```\\nstarting\\nport 6379 refused\\n```");
	free(body);
}

static json_t *
lines(const char *word, int count, size_t len)
{
	json_t *list = json_array();

	for (int i = 0; i < count; i++) {
		struct str line = { 0 };

		str_printf(&line, "%s%d ", word, i);
		while (line.len < len)
			str_putc(&line, 'x');
		json_array_append_new(list, json_string(line.data));
		str_free(&line);
	}
	return list;
}

static json_t *
record_with_facts(size_t len)
{
	json_t *record = record_make("opened", NULL);
	json_t *captures = json_object();
	struct str value = { 0 };
	char name[16];

	while (value.len < len)
		str_putc(&value, '&');
	for (int i = 0; i < 12; i++) {
		snprintf(name, sizeof name, "n%d", i);
		json_object_set_new(captures, name, json_string(value.data));
	}
	str_free(&value);
	json_object_set_new(record, "captures", captures);
	json_object_set_new(record, "context",
	    json_pack(
		"{s:o, s:[]}", "before", lines("before", 50, 250), "after"));
	return record;
}

static void
facts_that_grow_by_escaping_keep_to_the_limits(void **state)
{
	(void)state;
	for (size_t len = 10; len < 300; len += 5) {
		char *body =
		    body_of("url: '" OTHER_URL "'", record_with_facts(len));

		check_attachment(body);
		free(body);
	}
}

static json_t *
record_with_context(int before, int after)
{
	json_t *record = record_make("opened", NULL);

	json_object_set_new(record, "context",
	    json_pack("{s:o, s:o}", "before", lines("before", before, 250),
		"after", lines("after", after, 250)));
	return record;
}

static void
context_after_goes_before_context_before_and_both_say_so(void **state)
{
	char *body =
	    body_of("url: '" SLACK_URL "'", record_with_context(25, 25));

	(void)state;
	check_blocks(body);
	check_contains(body, "before24 ");
	check_contains(body, "before0 ");
	check_contains(body, "after0 ");
	assert_null(strstr(body, "after24 "));
	check_contains(body, "more lines after");
	check_contains(body, "Shortened; all of it: logwatch incidents");
	free(body);
	body = body_of("url: '" SLACK_URL "'", record_with_context(50, 50));
	check_blocks(body);
	check_contains(body, "before49 ");
	assert_null(strstr(body, "before0 "));
	assert_null(strstr(body, "after0 "));
	check_contains(body, "more lines before");
	check_contains(body, "Rule\\nfk-violation");
	free(body);
}

static void
a_long_line_keeps_its_head_and_its_tail(void **state)
{
	json_t *record = record_make("opened", NULL);
	struct str event = { 0 };
	char *body;

	(void)state;
	str_puts(&event, "HEAD");
	for (int i = 0; i < 100000; i++)
		str_puts(&event, "\xe6\xbc\xa2");
	str_puts(&event, "TAIL");
	json_object_set_new(record, "event", json_string(event.data));
	str_free(&event);
	body = body_of("url: '" SLACK_URL "'", record);
	check_blocks(body);
	check_contains(body, "HEAD");
	check_contains(body, "TAIL");
	check_contains(body, "98540 characters");
	free(body);
}

static void
the_host_decides_the_format_unless_it_is_written(void **state)
{
	static const struct {
		const char *yaml;
		bool blocks;
	} cases[] = {
		{ "url: 'https://hooks.slack.com/services/x'", true },
		{ "url: 'https://hooks.slack-gov.com/services/x'", true },
		{ "url: 'HTTPS://HOOKS.SLACK.COM:443/services/x'", true },
		{ "url: 'https://hooks.slack.com.evil.example/x'", false },
		{ "url: 'https://evilhooks.slack.com.example/x'", false },
		{ "url: 'https://hooks.slack.com@evil.example/x'", false },
		{ "url: 'http://127.0.0.1:8065/hooks/x'", false },
		{ "{url: 'http://127.0.0.1/x', format: blocks}", true },
		{ "{url: '" SLACK_URL "', format: attachments}", false },
		{ "url_file: /nowhere/at/all", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char *body =
		    body_of(cases[i].yaml, record_make("opened", NULL));
		bool blocks = strstr(body, "\"blocks\"") != NULL;

		if (blocks != cases[i].blocks)
			fail_msg("%s", cases[i].yaml);
		free(body);
	}
}

static void
mistakes_in_the_settings_are_named(void **state)
{
	static const struct {
		const char *yaml, *says;
	} cases[] = {
		{ "{}", "needs a url or a url_file" },
		{ "{url: 'https://a/b', url_file: x}", "not both" },
		{ "url: 'ftp://a/b'", "must start with https:// or http://" },
		{ "url: 'hooks.slack.com/x'", "must start with" },
		{ "url: 'https:///x'", "names no host" },
		{ "url: 'https://a/b c'", "holds a blank" },
		{ "{url: 'https://a/b', token: x}", "not supported yet" },
		{ "{url: 'https://a/b', token_file: x}", "not supported yet" },
		{ "{url: 'https://a/b', channel: x}", "not supported yet" },
		{ "{url: 'https://a/b', api: x}", "not supported yet" },
		{ "{url: 'https://a/b', chanel: x}", "chanel" },
		{ "{url: 'https://a/b', format: block}", "blocks" },
		{ "{url: 'https://a/b', timeout: 11m}", "at most 10m" },
		{ "{url: 'https://a/b', timeout: 10}", "timeout" },
		{ "{url: 'https://a/b', ca_file: /no/such}", "/no/such" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct fixture f;
		char *said;

		fixture_read(&f, &slack_receiver, cases[i].yaml);
		said = fixture_said(&f);
		if (diag_errors(f.diag) != 1)
			fail_msg("%s: %s", cases[i].yaml, said);
		check_contains(said, cases[i].says);
		free(said);
		fixture_free(&f);
	}
}

static void
an_empty_url_disables_and_is_no_fault(void **state)
{
	static const char *const cases[] = { "url: ''",
		"url: '${LOGWATCH_TEST_NOT_SET:-}'", "url_file: ''" };

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct fixture f;

		fixture_read(&f, &slack_receiver, cases[i]);
		assert_true(f.disabled);
		assert_int_equal(diag_errors(f.diag), 0);
		fixture_free(&f);
	}
}

static void
a_good_url_is_not_disabled(void **state)
{
	struct fixture f;

	(void)state;
	fixture_read(
	    &f, &slack_receiver, "{url: '" SLACK_URL "', timeout: 7s}");
	assert_false(f.disabled);
	assert_int_equal(diag_errors(f.diag) + diag_warnings(f.diag), 0);
	assert_int_equal(slack_receiver.timeout_ms(f.settings), 7000);
	assert_null(slack_receiver.ca_file(f.settings));
	fixture_free(&f);
}

static void
file_write(const char *path, const char *text)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static int
url_now(const struct fixture *f, struct request *r, struct err *err)
{
	return slack_receiver.request(
	    f->settings, "01-opened", TEXT("{}"), 0, r, err);
}

static void
a_url_file_is_read_at_each_send(void **state)
{
	char path[] = "/tmp/logwatch-test-XXXXXX";
	struct request r = { 0 };
	struct str yaml = { 0 };
	struct fixture f;
	struct err err;

	(void)state;
	close(mkstemp(path));
	str_printf(&yaml, "url_file: %s", path);
	fixture_read(&f, &slack_receiver, yaml.data);
	file_write(path, "https://hooks.slack.com/one\n");
	assert_int_equal(url_now(&f, &r, &err), 0);
	assert_string_equal(r.url, "https://hooks.slack.com/one");
	request_free(&r);
	file_write(path, "https://hooks.slack.com/two\r\n\n");
	assert_int_equal(url_now(&f, &r, &err), 0);
	assert_string_equal(r.url, "https://hooks.slack.com/two");
	request_free(&r);
	file_write(path, "SECRET\n");
	assert_int_equal(url_now(&f, &r, &err), -1);
	check_contains(err.text, path);
	assert_null(strstr(err.text, "SECRET"));
	file_write(path, "");
	assert_int_equal(url_now(&f, &r, &err), -1);
	unlink(path);
	assert_int_equal(url_now(&f, &r, &err), -1);
	check_contains(err.text, "No such file");
	fixture_free(&f);
	str_free(&yaml);
}

static const struct judged slack_answers[] = {
	{ 200, "ok", VERDICT_SENT, NULL },
	{ 200, "ok\n", VERDICT_SENT, NULL },
	{ 200, "{\"ok\":true}", VERDICT_SENT, NULL },
	{ 200, "<html>log in</html>", VERDICT_RETRY, "where Slack says ok" },
	{ 200, "", VERDICT_RETRY, "where Slack says ok" },
	{ 400, "invalid_blocks", VERDICT_PLAIN, "invalid_blocks" },
	{ 400, "invalid_payload", VERDICT_PLAIN, "400" },
	{ 413, "", VERDICT_PLAIN, "413" },
	{ 403, "action_prohibited", VERDICT_DEAD, "admin" },
	{ 403, "invalid_token", VERDICT_DEAD, "check it" },
	{ 404, "no_service", VERDICT_DEAD, "revoked: make a new one" },
	{ 404, "channel_not_found", VERDICT_DEAD, "channel is gone" },
	{ 410, "channel_is_archived", VERDICT_DEAD, "archived" },
	{ 302, "", VERDICT_DEAD, "redirect" },
	{ 408, "", VERDICT_RETRY, "408" },
	{ 425, "", VERDICT_RETRY, "425" },
	{ 429, "rate_limited", VERDICT_RETRY, "429" },
	{ 500, "rollup_error", VERDICT_RETRY, "500" },
	{ 503, "", VERDICT_RETRY, "503" },
	{ 0, "", VERDICT_RETRY, "connection refused" },
};

static void
answers_of_slack_are_judged(void **state)
{
	struct fixture f;

	(void)state;
	fixture_read(&f, &slack_receiver, "url: '" SLACK_URL "'");
	for (size_t i = 0; i < sizeof slack_answers / sizeof *slack_answers;
	     i++)
		check_judged(&f, &slack_answers[i]);
	fixture_free(&f);
}

static void
any_2xx_of_another_host_is_success(void **state)
{
	static const struct judged answers[] = {
		{ 200, "", VERDICT_SENT, NULL },
		{ 204, "", VERDICT_SENT, NULL },
		{ 400, "Invalid webhook payload", VERDICT_PLAIN, "Invalid" },
		{ 404, "", VERDICT_DEAD, "404" },
		{ 502, "", VERDICT_RETRY, "502" },
	};
	struct fixture f;

	(void)state;
	fixture_read(&f, &slack_receiver, "url: '" OTHER_URL "'");
	for (size_t i = 0; i < sizeof answers / sizeof *answers; i++)
		check_judged(&f, &answers[i]);
	fixture_free(&f);
}

static void
an_answer_in_a_reason_is_one_clean_line(void **state)
{
	struct fixture f;
	struct fetch_end end = { .status = 404,
		.answer = TEXT("a\x1b[31mb\nc\0d\xff") };
	struct err err;

	(void)state;
	fixture_read(&f, &slack_receiver, "url: '" OTHER_URL "'");
	assert_int_equal(
	    slack_receiver.judge(f.settings, &end, &err), VERDICT_DEAD);
	assert_string_equal(err.text, "answered 404: a[31mb cd\xef\xbf\xbd");
	fixture_free(&f);
}

static void
what_is_secret_in_a_request_is_hidden_in_its_answer(void **state)
{
	char url[] = "https://user:passw0rd@h.example/services/T0AB/s3cret"
		     "?sig=abc-def_9&x=1#frag";
	char header[] = "Authorization: Bearer t0ken-value";
	char *headers[] = { header, NULL };
	struct request r = { .url = url, .headers = headers };
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "Cannot POST /services/T0AB/s3cret",
		    "Cannot POST /***/***/***" },
		{ "sig=abc-def_9&amp;x=1", "sig=***&amp;x=1" },
		{ "user passw0rd t0ken-value h.example",
		    "*** *** *** h.example" },
		{ "cut: s3cr", "cut: ***" },
		{ "cut: s3c", "cut: s3c" },
		{ "", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct str out = { 0 };

		request_hide(&r, text_of(cases[i].in), &out);
		assert_string_equal(
		    out.data != NULL ? out.data : "", cases[i].out);
		str_free(&out);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hostile_records_keep_to_the_limits_of_blocks),
		cmocka_unit_test(
		    hostile_records_keep_to_the_limits_of_attachments),
		cmocka_unit_test(
		    hostile_records_keep_to_the_limits_of_plain_text),
		cmocka_unit_test(a_message_says_what_its_reader_needs),
		cmocka_unit_test(output_is_shown_only_of_what_failed),
		cmocka_unit_test(the_last_lines_of_a_long_output_are_shown),
		cmocka_unit_test(
		    an_attachment_says_the_same_with_link_time_and_place),
		cmocka_unit_test(
		    facts_that_grow_by_escaping_keep_to_the_limits),
		cmocka_unit_test(
		    context_after_goes_before_context_before_and_both_say_so),
		cmocka_unit_test(a_long_line_keeps_its_head_and_its_tail),
		cmocka_unit_test(
		    the_host_decides_the_format_unless_it_is_written),
		cmocka_unit_test(mistakes_in_the_settings_are_named),
		cmocka_unit_test(an_empty_url_disables_and_is_no_fault),
		cmocka_unit_test(a_good_url_is_not_disabled),
		cmocka_unit_test(a_url_file_is_read_at_each_send),
		cmocka_unit_test(answers_of_slack_are_judged),
		cmocka_unit_test(any_2xx_of_another_host_is_success),
		cmocka_unit_test(an_answer_in_a_reason_is_one_clean_line),
		cmocka_unit_test(
		    what_is_secret_in_a_request_is_hidden_in_its_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
