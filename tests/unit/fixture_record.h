/* SPDX-License-Identifier: MIT */
/**
 * Incident records for the tests of receivers: one as it should be, and any
 * number as a hostile log would like them.  Also a receiver's settings from
 * YAML.
 */
#ifndef FIXTURE_RECORD_H
#define FIXTURE_RECORD_H

#include "action/receiver.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "conf/diag.h"
#include "conf/node.h"
#include "io/fetch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <jansson.h>

/* Settings that were read, and what was said about them. */
struct fixture {
	struct diag *diag;
	struct doc *doc;
	const struct receiver *receiver;
	void *settings;
	bool disabled;
};

static inline void
fixture_read(
    struct fixture *f, const struct receiver *receiver, const char *yaml)
{
	f->diag = diag_new();
	f->doc = doc_parse("test.yml", text_of(yaml), f->diag);
	f->receiver = receiver;
	f->disabled = false;
	f->settings = receiver->read(doc_root(f->doc), &f->disabled);
}

static inline void
fixture_free(struct fixture *f)
{
	f->receiver->free_settings(f->settings);
	doc_free(f->doc);
	diag_free(f->diag);
}

/* What was said, printed as text; the caller frees it. */
static inline char *
fixture_said(const struct fixture *f)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	diag_print(f->diag, out, false);
	fclose(out);
	return text;
}

/* A record as the manual shows it, with its change and the members that more
 * (a JSON object, or NULL) adds or replaces. */
static inline json_t *
record_make(const char *change, const char *more)
{
	static const char text[] =
	    "{\"version\": 1, \"id\": \"01JD0000000000000000000000\","
	    " \"rule\": \"fk-violation\","
	    " \"key\": {\"constraint\": \"FK_3c5c\"},"
	    " \"severity\": \"critical\", \"state\": \"open\","
	    " \"summary\": \"Foreign key FK_3c5c violated on timeline\","
	    " \"description\": \"A row names a parent that is gone.\","
	    " \"runbook\": \"https://wiki.example/fk?a=1&b=2\","
	    " \"labels\": {\"team\": \"crm\"}, \"host\": \"crm-1\","
	    " \"source\": \"worker\", \"path\": \"twenty_worker.log\","
	    " \"line\": 10234, \"offset\": 991823,"
	    " \"event\": \"error: insert violates FK_3c5c\\n    at query\","
	    " \"context\": {\"before\": [\"one before\", \"two before\"],"
	    "              \"after\": [\"one after\"]},"
	    " \"captures\": {\"table\": \"timeline\","
	    "               \"constraint\": \"FK_3c5c\"},"
	    " \"count\": 12, \"first_seen\": \"2025-10-17T08:00:03.123Z\","
	    " \"last_seen\": \"2025-10-17T08:03:11.000Z\","
	    " \"detected_at\": \"2025-10-17T08:00:04.000Z\","
	    " \"acknowledged_at\": null, \"escalated_at\": null,"
	    " \"resolved_at\": null, \"late\": false, \"caused_by\": null,"
	    " \"collected\": [], \"actions\": []}";
	json_t *record = json_loads(text, 0, NULL);
	json_t *extra = more == NULL ? NULL : json_loads(more, 0, NULL);

	assert_non_null(record);
	assert_true(more == NULL || extra != NULL);
	json_object_set_new(record, "change", json_string(change));
	if (extra != NULL)
		json_object_update(record, extra);
	json_decref(extra);
	return record;
}

#define ACTIONS_FAILED                                                         \
	"{\"actions\": [{\"name\": \"clean\", \"state\": \"succeeded\","       \
	" \"attempt\": 1, \"exit\": 0, \"duration_ms\": 812, \"output\":"      \
	" \"quiet\"}, {\"name\": \"restart\", \"state\": \"failed\","          \
	" \"attempt\": 2, \"exit\": 3, \"duration_ms\": 90400, \"output\":"    \
	" \"starting\\nport 6379 refused\\n\"}]}"
#define ACTIONS_GOOD                                                           \
	"{\"actions\": [{\"name\": \"restart\", \"state\": \"succeeded\","     \
	" \"attempt\": 1, \"exit\": 0, \"duration_ms\": 4100, \"output\":"     \
	" \"started\"}]}"
#define RESOLVED                                                               \
	"{\"state\": \"resolved\","                                            \
	" \"resolved_at\": \"2025-10-17T08:20:03.123Z\"}"

/* Randomness that a seed repeats: splitmix64. */
static inline uint64_t
random_from(uint64_t *seed)
{
	uint64_t z = *seed += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static inline size_t
random_below(uint64_t *seed, size_t n)
{
	return (size_t)(random_from(seed) % n);
}

static inline json_t *
hostile_text(uint64_t *seed)
{
	static const char *const bits[] = { "<!channel>", "<!here|x>",
		"<@U024BE7LH>", "@here", "@channel", "@all", "@everyone", "`",
		"``", "```", "\n```\n", "{{DATE(2017-02-14T06:08:39Z, LONG)}}",
		"{{", "}}", "{", "{{{{", "<at>Ann</at>", "<AT>", "</at>",
		"[x](https://evil.example)", "](", "![x](http://evil.example)",
		"<https://evil.example|ok>", "&", "&amp;", "&lt;", "<", ">",
		"*b*", "_i_", "~s~", "# h", "- l", "+ l", "1. l", "\\", "\"",
		"'", "\n", "\r\n", "\t", " ", "    ", "\x1b[31m",
		"\x1b]52;c;eA==\x07", "\x01\x02\x7f", "\xc2\x85",
		"\xe2\x80\xae", "\xe2\x81\xa6", "\xe2\x80\xa8", "\xef\xbf\xbd",
		"\xf0\x9f\x94\xa5", "\xe6\xbc\xa2\xe5\xad\x97", "a", "word ",
		"@", "@\n", "%s%n", "$(id)", "\xe2\x80\x8b" };
	static const size_t counts[] = { 0, 1, 2, 3, 5, 8, 10, 20, 60, 400 };
	size_t count =
	    counts[random_below(seed, random_below(seed, 8) ? 8 : 10)];
	struct str text = { 0 };
	json_t *json;

	if (random_below(seed, 1000) == 0) /* one bit very often */
		count = 30000;
	for (size_t i = 0, bit = random_below(seed, sizeof bits / sizeof *bits);
	     i < count; i++) {
		str_puts(&text, bits[bit]);
		if (count < 30000)
			bit = random_below(seed, sizeof bits / sizeof *bits);
		if (random_below(seed, 200) == 0)
			str_putc(&text, '\0');
	}
	json = json_stringn(text.data != NULL ? text.data : "", text.len);
	str_free(&text);
	return json;
}

static inline json_t *
hostile_list(uint64_t *seed, bool map, bool large)
{
	size_t count =
	    large ? 20 + random_below(seed, 60) : random_below(seed, 4);
	json_t *list = map ? json_object() : json_array();

	for (size_t i = 0; i < count; i++) {
		json_t *name = hostile_text(seed);

		if (map)
			json_object_set_new(
			    list, json_string_value(name), hostile_text(seed));
		else
			json_array_append(list, name);
		json_decref(name);
	}
	return list;
}

static inline json_t *
hostile_actions(uint64_t *seed)
{
	static const char *const states[] = { "pending", "running", "verifying",
		"succeeded", "failed", "unverified", "limited", "skipped",
		"unknown", "", "odd <!here>" };
	json_t *list = json_array();

	for (size_t i = random_below(seed, 9); i > 0; i--) {
		json_t *action = json_pack("{s:o, s:s, s:I, s:I, s:I, s:o}",
		    "name", hostile_text(seed), "state",
		    states[random_below(seed, 11)], "attempt",
		    (json_int_t)random_from(seed), "exit",
		    (json_int_t)random_below(seed, 3), "duration_ms",
		    (json_int_t)random_from(seed) / 100000, "output",
		    hostile_text(seed));

		if (random_below(seed, 3) == 0)
			json_object_set_new(
			    action, "error", hostile_text(seed));
		json_array_append_new(list, action);
	}
	return list;
}

/* A record with anything in it: also what no record should hold. */
static inline json_t *
hostile_record(uint64_t number)
{
	static const char *const changes[] = { "opened", "updated", "reminded",
		"remediated", "escalated", "resolved", "test", "", "x<!here>" };
	static const char *const texts[] = { "id", "rule", "severity",
		"summary", "description", "runbook", "host", "source", "path",
		"event", "caused_by", "first_seen" };
	uint64_t seed = number;
	bool large = random_below(&seed, 8) == 0;
	json_t *record = record_make(changes[random_below(&seed, 9)], NULL);

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		if (random_below(&seed, 3) != 0)
			json_object_set_new(
			    record, texts[i], hostile_text(&seed));
	if (random_below(&seed, 4) == 0) {
		json_t *url = hostile_text(&seed);
		struct str runbook = { 0 };

		str_puts(&runbook, "https://wiki");
		str_puts(&runbook, json_string_value(url));
		json_object_set_new(
		    record, "runbook", json_string(runbook.data));
		json_decref(url);
		str_free(&runbook);
	}
	json_object_set_new(
	    record, "captures", hostile_list(&seed, true, large));
	json_object_set_new(record, "labels", hostile_list(&seed, true, large));
	json_object_set_new(record, "context",
	    json_pack("{s:o, s:o}", "before", hostile_list(&seed, false, large),
		"after", hostile_list(&seed, false, large)));
	json_object_set_new(record, "actions", hostile_actions(&seed));
	json_object_set_new(
	    record, "late", json_boolean(random_below(&seed, 2)));
	for (size_t i = random_below(&seed, 4); i > 0; i--) { /* odd types */
		const char *name = texts[random_below(&seed, 12)];

		switch (random_below(&seed, 4)) {
		case 0:
			json_object_del(record, name);
			break;
		case 1:
			json_object_set_new(record, name, json_integer(-1));
			break;
		case 2:
			json_object_set_new(record, name, json_array());
			break;
		default:
			json_object_set_new(record, name, json_null());
			break;
		}
	}
	if (random_below(&seed, 50) == 0)
		json_object_clear(record);
	return record;
}

/* The most that a service may count for a text: UTF-16 units. */
static inline size_t
units_of(const char *text)
{
	size_t n = 0;

	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;

		n += ((c & 0xc0) != 0x80) + (c >= 0xf0);
	}
	return n;
}

/* Every string of a document is fit to be shown. */
static inline void
check_clean(const json_t *json)
{
	const char *name;
	json_t *item;
	size_t i;

	json_array_foreach(json, i, item) check_clean(item);
	json_object_foreach((json_t *)json, name, item) check_clean(item);
	if (json_is_string(json)) {
		struct str shown = { 0 };

		assert_int_equal(
		    strlen(json_string_value(json)), json_string_length(json));
		utf8_display(text_of(json_string_value(json)), &shown);
		assert_int_equal(shown.len, json_string_length(json));
		str_free(&shown);
	}
}

/* A body is strict JSON, and clean; the caller decrefs it. */
static inline json_t *
check_json(const char *body)
{
	json_error_t error;
	json_t *json = json_loads(body, JSON_REJECT_DUPLICATES, &error);

	if (json == NULL)
		fail_msg("%s at %d: %.2000s", error.text, error.position, body);
	check_clean(json);
	return json;
}

static inline const char *
get_string(const json_t *json, const char *name)
{
	const json_t *value = json_object_get(json, name);

	if (!json_is_string(value))
		fail_msg("no text '%s'", name);
	return json_string_value(value);
}

static inline void
check_contains(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("'%s' is not in: %s", part, text);
}

/* What an answer comes to. */
struct judged {
	int status;
	const char *answer;
	enum verdict verdict;
	const char *says; /* part of the reason */
};

static inline void
check_judged(const struct fixture *f, const struct judged *j)
{
	struct fetch_end end = { .status = j->status,
		.error = j->status == 0 ? "connection refused" : NULL,
		.answer = text_of(j->answer),
		.retry_after_ms = -1 };
	struct err err = { "" };
	enum verdict verdict = f->receiver->judge(f->settings, &end, &err);

	if (verdict != j->verdict)
		fail_msg("%d '%s': verdict %d", j->status, j->answer, verdict);
	if (j->says != NULL)
		check_contains(err.text, j->says);
}

#endif
