/* SPDX-License-Identifier: MIT */
/*
 * The Adaptive Cards that Teams is sent, against what it renders and takes.
 */
#include "action/teams.h"

#include "fixture_record.h"

#include <strings.h>

#define RECORDS 2000
#define TEAMS_URL "https://x.environment.api.powerplatform.com:443/a?sig=SECRET"
#define NO_BREAK_SPACE "\xc2\xa0"

static char *
body_of(json_t *record)
{
	struct fixture f;
	char *body;

	fixture_read(&f, &teams_receiver, "url: '" TEAMS_URL "'");
	body = teams_receiver.body(f.settings, record);
	fixture_free(&f);
	json_decref(record);
	return body;
}

static bool
is_word(const char *word, const char *const *words)
{
	for (; *words != NULL; words++)
		if (strcmp(word, *words) == 0)
			return true;
	return false;
}

/* No macro and no mention, and there is something. */
static void
check_literal(const char *text)
{
	assert_string_not_equal(text, "");
	assert_null(strstr(text, "{{"));
	assert_null(strcasestr(text, "<at"));
	assert_null(strcasestr(text, "</at"));
}

/* Every character that Markdown knows stands behind a backslash. */
static void
check_markdown(const char *text)
{
	static const char special[] = "\\*_[]()~#>-+`";

	check_literal(text);
	for (const char *p = text; *p != '\0'; p++) {
		bool escaped = *p == '\\';

		if (escaped)
			p++;
		if (escaped != (*p != '\0' && strchr(special, *p) != NULL))
			fail_msg("at '%s' in %s", p, text);
	}
}

static void
check_rich_text(const json_t *item)
{
	static const char *const spacings[] = { "None", "Small", "Default",
		"Medium", NULL };
	json_t *inlines = json_object_get(item, "inlines");
	json_t *run = json_array_get(inlines, 0);
	const char *font = json_string_value(json_object_get(run, "fontType"));

	assert_int_equal(json_array_size(inlines), 1);
	assert_string_equal(get_string(run, "type"), "TextRun");
	assert_true(is_word(get_string(item, "spacing"), spacings));
	check_literal(get_string(run, "text"));
	if (font == NULL)
		return;
	assert_string_equal(font, "Monospace");
	assert_int_not_equal(get_string(run, "text")[0], ' ');
	assert_null(strstr(get_string(run, "text"), "  "));
	assert_null(strchr(get_string(run, "text"), '\n'));
}

static void
check_facts(const json_t *item)
{
	json_t *facts = json_object_get(item, "facts");
	json_t *fact;
	size_t i;

	assert_in_range(json_array_size(facts), 1, 10);
	json_array_foreach(facts, i, fact)
	{
		check_markdown(get_string(fact, "title"));
		check_markdown(get_string(fact, "value"));
	}
}

static void check_item(const json_t *item);

static void
check_container(const json_t *item)
{
	static const char *const styles[] = { "attention", "warning", "accent",
		"good", NULL };
	json_t *items = json_object_get(item, "items");
	json_t *inner;
	size_t i;

	assert_true(is_word(get_string(item, "style"), styles));
	assert_int_equal(json_array_size(items), 2);
	json_array_foreach(items, i, inner) check_item(inner);
}

static void
check_item(const json_t *item)
{
	const char *type = get_string(item, "type");

	if (strcmp(type, "RichTextBlock") == 0)
		check_rich_text(item);
	else if (strcmp(type, "FactSet") == 0)
		check_facts(item);
	else if (strcmp(type, "TextBlock") == 0)
		check_markdown(get_string(item, "text"));
	else if (strcmp(type, "Container") == 0)
		check_container(item);
	else
		fail_msg("%s is not for Teams", type);
}

static void
check_actions(const json_t *card)
{
	json_t *actions = json_object_get(card, "actions");
	json_t *action = json_array_get(actions, 0);

	if (actions == NULL)
		return;
	assert_int_equal(json_array_size(actions), 1);
	assert_string_equal(get_string(action, "type"), "Action.OpenUrl");
	assert_int_equal(strncasecmp(get_string(action, "url"), "http", 4), 0);
	assert_null(strpbrk(get_string(action, "url"), " <>\"\n"));
}

static void
check_card(const char *text, size_t max)
{
	json_t *body = check_json(text);
	json_t *list = json_object_get(body, "attachments");
	json_t *attachment = json_array_get(list, 0);
	json_t *card = json_object_get(attachment, "content");
	json_t *item;
	size_t i;

	if (strlen(text) > max)
		fail_msg("%zu bytes", strlen(text));
	assert_string_equal(get_string(body, "type"), "message");
	assert_int_equal(json_array_size(list), 1);
	assert_string_equal(get_string(attachment, "contentType"),
	    "application/vnd.microsoft.card.adaptive");
	assert_true(json_is_null(json_object_get(attachment, "contentUrl")));
	assert_string_equal(get_string(card, "type"), "AdaptiveCard");
	assert_string_equal(get_string(card, "version"), "1.2");
	assert_null(
	    json_object_get(json_object_get(card, "msteams"), "entities"));
	check_markdown(get_string(card, "fallbackText"));
	json_array_foreach(json_object_get(card, "body"), i, item)
	    check_item(item);
	check_actions(card);
	json_decref(body);
}

static void
hostile_records_make_cards_within_the_limits(void **state)
{
	struct fixture f;

	(void)state;
	fixture_read(&f, &teams_receiver, "url: '" TEAMS_URL "'");
	for (uint64_t seed = 0; seed < RECORDS; seed++) {
		json_t *record = hostile_record(seed);
		char *body = teams_receiver.body(f.settings, record);

		check_card(body, 20000);
		free(body);
		json_decref(record);
	}
	fixture_free(&f);
}

static void
hostile_records_make_plain_cards_that_are_smaller(void **state)
{
	struct fixture f;

	(void)state;
	fixture_read(&f, &teams_receiver, "url: '" TEAMS_URL "'");
	for (uint64_t seed = 0; seed < RECORDS / 4; seed++) {
		json_t *record = hostile_record(seed);
		char *body = teams_receiver.plain_body(f.settings, record);

		check_card(body, 14000);
		free(body);
		json_decref(record);
	}
	fixture_free(&f);
}

static void
a_large_record_makes_a_plain_card_of_a_third(void **state)
{
	struct fixture f;
	json_t *record = record_make("opened", NULL);
	json_t *lines = json_array();
	struct str event = { 0 };
	char *body, *plain;

	(void)state;
	for (int i = 0; i < 200; i++) {
		json_array_append_new(lines, json_string("around the match"));
		str_puts(&event, "a line of the event\n");
	}
	json_object_set_new(record, "context",
	    json_pack("{s:O, s:o}", "before", lines, "after", lines));
	json_object_set_new(record, "event", json_string(event.data));
	fixture_read(&f, &teams_receiver, "url: '" TEAMS_URL "'");
	body = teams_receiver.body(f.settings, record);
	plain = teams_receiver.plain_body(f.settings, record);
	check_card(body, 20000);
	assert_true(strlen(body) > 15000);
	check_card(plain, 6000);
	check_contains(plain, "a line of the event");
	check_contains(plain, "Shortened; all of it: logwatch incidents");
	free(body);
	free(plain);
	fixture_free(&f);
	json_decref(record);
	str_free(&event);
}

/* A record, and what a person must find in its card. */
static const struct told {
	const char *change, *more;
	const char *parts[12];
} told[] = {
	{ "opened", NULL,
	    { "\"CRITICAL: opened\"", "\"style\":\"attention\"",
		"Foreign key FK_3c5c violated on timeline",
		"twenty_worker.log:10234", "2025\\\\-10\\\\-17 08:00:03 UTC",
		"12 times", "\xe2\x86\x92 error: insert violates FK_3c5c",
		"A row names a parent that is gone.",
		NO_BREAK_SPACE NO_BREAK_SPACE "two before",
		"\"url\":\"https://wiki.example/fk?a=1&b=2\"" } },
	{ "remediated", ACTIONS_GOOD,
	    { "\"CRITICAL: repaired\"", "\"style\":\"good\"",
		"restart: succeeded after 4s" } },
	{ "remediated", ACTIONS_FAILED,
	    { "\"CRITICAL: repair failed\"", "\"port 6379 refused\"",
		"restart: failed with exit status 3 after 1m30s (attempt "
		"2)" } },
	{ "escalated", ACTIONS_FAILED,
	    { "\"CRITICAL: a human is needed\"",
		"A human is needed: restart: failed with exit status 3" } },
	{ "resolved", RESOLVED,
	    { "\"CRITICAL: resolved\"", "\"Lasted\",\"value\":\"20m\"",
		"\"style\":\"good\"" } },
	{ "opened", "{\"severity\": \"warning\"}",
	    { "\"style\":\"warning\"" } },
	{ "opened", "{\"severity\": \"info\"}", { "\"style\":\"accent\"" } },
};

static void
a_card_says_what_its_reader_needs(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof told / sizeof *told; i++) {
		char *body = body_of(record_make(told[i].change, told[i].more));

		check_card(body, 20000);
		for (size_t k = 0; told[i].parts[k] != NULL; k++)
			check_contains(body, told[i].parts[k]);
		free(body);
	}
}

static void
blanks_at_the_start_of_a_line_are_kept(void **state)
{
	json_t *record = record_make("opened", NULL);
	char *body;

	(void)state;
	json_object_set_new(record, "event", json_string("x\n\ty\n\nz"));
	json_object_set_new(record, "context",
	    json_pack("{s:[s], s:[]}", "before", "    four", "after"));
	body = body_of(record);
	check_card(body, 20000);
	check_contains(body, "\"\xe2\x86\x92 " NO_BREAK_SPACE NO_BREAK_SPACE
				 NO_BREAK_SPACE NO_BREAK_SPACE "y\"");
	check_contains(body,
	    "\"text\":\"" NO_BREAK_SPACE NO_BREAK_SPACE NO_BREAK_SPACE
		NO_BREAK_SPACE NO_BREAK_SPACE NO_BREAK_SPACE "four\"");
	free(body);
}

static void
a_retired_host_is_warned_about(void **state)
{
	static const struct {
		const char *yaml;
		size_t warnings;
	} cases[] = {
		{ "url: 'https://crm.webhook.office.com/webhookb2/x'", 1 },
		{ "url: 'https://outlook.office.com/webhook/x'", 1 },
		{ "url: 'https://OUTLOOK.office365.com/webhook/x'", 1 },
		{ "url: 'https://prod-1.westeurope.logic.azure.com/w'", 0 },
		{ "url: 'https://notwebhook.office.com.example/x'", 0 },
		{ "url: '" TEAMS_URL "'", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct fixture f;

		fixture_read(&f, &teams_receiver, cases[i].yaml);
		assert_int_equal(diag_errors(f.diag), 0);
		if (diag_warnings(f.diag) != cases[i].warnings)
			fail_msg("%s", cases[i].yaml);
		fixture_free(&f);
	}
}

static void
a_key_of_another_receiver_is_a_fault(void **state)
{
	struct fixture f;

	(void)state;
	fixture_read(
	    &f, &teams_receiver, "{url: '" TEAMS_URL "', format: blocks}");
	assert_int_equal(diag_errors(f.diag), 1);
	fixture_free(&f);
}

static void
an_empty_url_disables(void **state)
{
	struct fixture f;

	(void)state;
	fixture_read(&f, &teams_receiver, "url: ''");
	assert_true(f.disabled);
	assert_int_equal(diag_errors(f.diag), 0);
	fixture_free(&f);
}

static void
the_request_names_its_charset(void **state)
{
	struct request r = { 0 };
	struct fixture f;
	struct err err;

	(void)state;
	fixture_read(&f, &teams_receiver, "url: '" TEAMS_URL "'");
	assert_int_equal(teams_receiver.request(
			     f.settings, "01-opened", TEXT("{}"), 0, &r, &err),
	    0);
	assert_string_equal(r.url, TEAMS_URL);
	assert_string_equal(
	    r.headers[0], "Content-Type: application/json; charset=utf-8");
	assert_null(r.headers[1]);
	request_free(&r);
	fixture_free(&f);
}

static void
answers_are_judged(void **state)
{
	static const struct judged answers[] = {
		{ 202, "", VERDICT_SENT, NULL },
		{ 200, "1", VERDICT_SENT, NULL },
		{ 200,
		    "Webhook message delivery failed with error: Microsoft "
		    "Teams endpoint returned HTTP error 429",
		    VERDICT_RETRY, "HTTP error 429" },
		{ 400, "{\"error\":{}}", VERDICT_DEAD, "{\"error\":{}}" },
		{ 401, "", VERDICT_DEAD, "open to 'Anyone'" },
		{ 403, "", VERDICT_DEAD, "open to 'Anyone'" },
		{ 404, "", VERDICT_DEAD, "make a new webhook" },
		{ 410, "", VERDICT_DEAD, "make a new webhook" },
		{ 413, "", VERDICT_PLAIN, "too large" },
		{ 429, "", VERDICT_RETRY, "429" },
		{ 500, "", VERDICT_RETRY, "500" },
		{ 307, "", VERDICT_DEAD, "redirect" },
		{ 0, "", VERDICT_RETRY, "connection refused" },
	};
	struct fixture f;

	(void)state;
	fixture_read(&f, &teams_receiver, "url: '" TEAMS_URL "'");
	for (size_t i = 0; i < sizeof answers / sizeof *answers; i++)
		check_judged(&f, &answers[i]);
	fixture_free(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hostile_records_make_cards_within_the_limits),
		cmocka_unit_test(
		    hostile_records_make_plain_cards_that_are_smaller),
		cmocka_unit_test(a_large_record_makes_a_plain_card_of_a_third),
		cmocka_unit_test(a_card_says_what_its_reader_needs),
		cmocka_unit_test(blanks_at_the_start_of_a_line_are_kept),
		cmocka_unit_test(a_retired_host_is_warned_about),
		cmocka_unit_test(a_key_of_another_receiver_is_a_fault),
		cmocka_unit_test(an_empty_url_disables),
		cmocka_unit_test(the_request_names_its_charset),
		cmocka_unit_test(answers_are_judged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
