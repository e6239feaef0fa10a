/* SPDX-License-Identifier: MIT */
/*
 * Incident record -> event of PagerDuty's Events API v2.  Its key is put in
 * when it is sent, for what waits is in the state file.
 */
#include "action/pagerduty.h"

#include "action/message.h"
#include "base/mem.h"
#include "base/url.h"
#include "base/utf8.h"
#include "base/when.h"
#include "conf/node.h"
#include "io/fetch.h"

#include <ctype.h>
#include <string.h>

#define API "https://events.pagerduty.com"

/* Of the whole event 512 KB are taken: the key and what JSON adds fit too. */
#define EVENT_MAX_BYTES 500000
#define PLAIN_MAX 20000
#define ITEM_BYTES 8 /* of a line or fact beside its text */
#define SUMMARY_MAX 1024
#define DEDUP_KEY_MAX 255
#define NAME_MAX_UNITS 255
#define ROUTING_KEY_LEN 32

#define ELLIPSIS "\xe2\x80\xa6" /* U+2026 */

struct pagerduty {
	struct address address; /* the first: see receiver.h; url is the api */
	char *routing_key;      /* one of the two, once read without a fault */
	char *routing_key_file;
};

const struct key pagerduty_keys[] = {
	{ "routing_key", false, .type = KEY_TEXT, .need = KEY_ONE_OF,
	    .what = "The integration key of a service. Empty, it is left out "
		    "with a warning." },
	{ "routing_key_file", false, .type = KEY_TEXT, .need = KEY_ONE_OF,
	    .what = "A file that holds the key, read at each send." },
	{ "api", false, .type = KEY_TEXT, .fallback = API,
	    .what = "Another address of the Events API." },
	TRANSPORT_KEYS,
	{ 0 },
};

static const struct synonym synonyms[] = {
	{ "integration_key", "routing_key" },
	{ "service_key", "routing_key" },
	{ "key", "routing_key" },
	{ "key_file", "routing_key_file" },
	{ "token", "routing_key" },
	{ "url", "api" },
	{ NULL, NULL },
};

/* Settings. */

/* What is wrong with a key, in words that do not show it; NULL: nothing. */
static const char *
key_fault(struct text key)
{
	for (size_t i = 0; i < key.len; i++)
		if (!isalnum((unsigned char)key.data[i]))
			return "holds what is neither a letter nor a digit";
	return key.len == ROUTING_KEY_LEN
	           ? NULL
	           : "has not the 32 characters of a routing key";
}

static void
routing_key_read(struct pagerduty *p, const struct node *n, bool *disabled)
{
	const char *key, *fault;

	if (!node_text(n, &key))
		return;
	*disabled = key[0] == '\0';
	fault = *disabled ? NULL : key_fault(text_of(key));
	if (fault != NULL)
		node_error(n, "the routing_key %s", fault);
	p->routing_key = mem_text(key);
}

static void
api_read(struct pagerduty *p, const struct node *n)
{
	const char *api = API, *fault;

	node_text(n, &api);
	fault = url_fault(api);
	if (fault == NULL && strpbrk(api, "?#") != NULL)
		fault = "is a base address, which has no query";
	if (fault != NULL)
		node_error(n, "the api %s", fault);
	p->address.url = mem_text(api);
}

static void *
pagerduty_read(const struct node *n, bool *disabled)
{
	struct pagerduty *p = mem_new(1, sizeof *p);
	const struct node *key = node_get(n, "routing_key");
	const struct node *file = node_get(n, "routing_key_file");

	*disabled = false;
	node_keys(n, pagerduty_keys, synonyms, "pagerduty");
	transport_read(n, &p->address);
	if (key != NULL && file != NULL)
		node_error(
		    file, "either routing_key or routing_key_file, not both");
	else if (file == NULL && node_kind(n) == NODE_MAP &&
		 node_lacks(n, "routing_key", pagerduty_keys))
		node_error(n, "needs a routing_key or a routing_key_file");
	routing_key_read(p, key, disabled);
	p->routing_key_file = secret_file_read(file, disabled);
	api_read(p, node_get(n, "api"));
	return p;
}

static void
pagerduty_free(void *settings)
{
	struct pagerduty *p = settings;

	if (p == NULL)
		return;
	address_clear(&p->address);
	free(p->routing_key);
	free(p->routing_key_file);
	free(p);
}

/* Text. */

/* The start of text of at most max UTF-16 units, the most that any service
 * counts. */
static struct text
head_units(struct text text, size_t max)
{
	size_t units = 0, len = 0;

	while (len < text.len) {
		struct utf8_char c =
		    utf8_next((struct text){ text.data + len, text.len - len });

		units += c.code > 0xffff ? 2 : 1;
		if (units > max)
			break;
		len += c.len;
	}
	return (struct text){ text.data, len };
}

static json_t *
text_json(struct text text)
{
	return mem_check(json_stringn(text.len > 0 ? text.data : "", text.len));
}

/* Cleaned text as it is, or cut with an ellipsis at its end. */
static json_t *
text_cut(const char *text, size_t max)
{
	struct text all = text_of(text);
	struct str cut = { 0 };
	json_t *json;

	if (head_units(all, max).len == all.len)
		return text_json(all);
	str_add_text(&cut, head_units(all, max - 1));
	str_puts(&cut, ELLIPSIS);
	json = text_json(str_text(&cut));
	str_free(&cut);
	return json;
}

/* A member of the record on one line, cut; NULL where nothing is left. */
static json_t *
member_shown(const json_t *record, const char *name, size_t max)
{
	const json_t *value = json_object_get(record, name);
	struct str clean = { 0 };
	json_t *json = NULL;

	if (json_is_string(value))
		utf8_display((struct text){ json_string_value(value),
				 json_string_length(value) },
		    &clean);
	for (size_t i = 0; i < clean.len; i++)
		if (clean.data[i] == '\n' || clean.data[i] == '\t')
			clean.data[i] = ' ';
	if (clean.len > 0)
		json = text_cut(clean.data, max);
	str_free(&clean);
	return json;
}

static void
member_set(json_t *object, const char *name, json_t *value)
{
	if (value != NULL)
		json_object_set_new(object, name, value);
}

static const char *
member_word(const json_t *record, const char *name)
{
	const char *word = json_string_value(json_object_get(record, name));

	return word != NULL ? word : "";
}

/* Events. */

enum event { EVENT_NONE, EVENT_TRIGGER, EVENT_ACKNOWLEDGE, EVENT_RESOLVE };

static const char *const event_words[] = {
	[EVENT_NONE] = "",
	[EVENT_TRIGGER] = "trigger",
	[EVENT_ACKNOWLEDGE] = "acknowledge",
	[EVENT_RESOLVE] = "resolve",
};

/*
 * What a change comes to.  A trigger of an alert that is open is added to it
 * and wakes nobody; of one that somebody resolved there by hand it opens a new
 * one: that is right where a human is needed, and wrong where it was repaired.
 */
static enum event
event_of(const json_t *record)
{
	const char *change = member_word(record, "change");

	if (strcmp(change, "resolved") == 0)
		return EVENT_RESOLVE;
	if (strcmp(change, "remediated") != 0 && strcmp(change, "updated") != 0)
		return EVENT_TRIGGER;
	if (json_is_string(json_object_get(record, "acknowledged_at")))
		return EVENT_ACKNOWLEDGE;
	return strcmp(change, "updated") == 0 ? EVENT_TRIGGER : EVENT_NONE;
}

static const char *
severity_of(const json_t *record)
{
	static const char *const severities[] = { "critical", "error",
		"warning", "info", NULL };
	const char *severity = member_word(record, "severity");

	for (size_t i = 0; severities[i] != NULL; i++)
		if (strcmp(severities[i], severity) == 0)
			return severities[i];
	return "error";
}

static void
detail_add(json_t *details, const char *name, const char *text)
{
	if (text != NULL && json_object_get(details, name) == NULL)
		json_object_set_new(details, name, text_json(text_of(text)));
}

static void
steps_add(json_t *details, const struct message *m)
{
	struct str text = { 0 };

	for (size_t i = 0; i < m->step_count; i++) {
		if (i > 0)
			str_putc(&text, '\n');
		str_puts(&text, m->steps[i].text);
		message_lines_add(&m->steps[i].output, "  ", &text);
	}
	if (text.len > 0)
		detail_add(details, "Done", text.data);
	str_free(&text);
}

/* Ours first: a capture of the same name does not take its place. */
static json_t *
details_of(const struct message *m)
{
	json_t *details = json_object();
	struct str log = { 0 };

	message_log(m, &log);
	detail_add(details, "Change", m->title);
	detail_add(details, "Note", m->need);
	detail_add(details, "Description", m->description);
	if (log.len > 0)
		detail_add(details, "Log", log.data);
	steps_add(details, m);
	detail_add(details, "Where", m->where);
	detail_add(details, "More", m->shortened ? message_rest : NULL);
	for (size_t i = 0; i < m->fact_count; i++)
		detail_add(details, m->facts[i].name, m->facts[i].value);
	str_free(&log);
	return details;
}

static json_t *
payload_of(const json_t *record, const struct message *m)
{
	json_t *payload = json_object();
	json_t *host = member_shown(record, "host", NAME_MAX_UNITS);
	const char *first_seen = member_word(record, "first_seen");
	int64_t wall_ms;

	json_object_set_new(
	    payload, "summary", text_cut(m->summary, SUMMARY_MAX));
	json_object_set_new(
	    payload, "source", host != NULL ? host : json_string("logwatch"));
	json_object_set_new(
	    payload, "severity", json_string(severity_of(record)));
	if (when_read(first_seen, &wall_ms))
		json_object_set_new(
		    payload, "timestamp", json_string(first_seen));
	member_set(payload, "component",
	    member_shown(record, "source", NAME_MAX_UNITS));
	member_set(
	    payload, "class", member_shown(record, "rule", NAME_MAX_UNITS));
	json_object_set_new(payload, "custom_details", details_of(m));
	return payload;
}

static json_t *
event_make(
    enum event event, const json_t *record, const struct message *message)
{
	json_t *id = member_shown(record, "id", DEDUP_KEY_MAX);
	json_t *json =
	    json_pack("{s:s, s:o}", "event_action", event_words[event],
		"dedup_key", id != NULL ? id : json_string("logwatch"));

	if (event != EVENT_TRIGGER)
		return json;
	json_object_set_new(json, "payload", payload_of(record, message));
	json_object_set_new(json, "client", json_string("logwatch"));
	if (message->runbook != NULL)
		json_object_set_new(json, "links",
		    json_pack("[{s:s, s:s}]", "href", message->runbook, "text",
			"Runbook"));
	return json;
}

static char *
event_write(
    enum event event, const json_t *record, const struct message *message)
{
	json_t *json = event_make(event, record, message);
	char *text = mem_check(json_dumps(json, JSON_COMPACT));

	json_decref(json);
	return text;
}

/* Written, and again with less in it until it fits. */
static char *
body_fitted(const json_t *record, size_t max)
{
	enum event event = event_of(record);
	struct message *m;
	char *body;

	if (event == EVENT_NONE)
		return NULL;
	m = message_new(record);
	body = event_write(event, record, m);
	while (strlen(body) > max &&
	       message_drop(m, strlen(body) - max, ITEM_BYTES)) {
		free(body);
		body = event_write(event, record, m);
	}
	message_free(m);
	return body;
}

static char *
pagerduty_body(const void *settings, const json_t *record)
{
	(void)settings;
	return body_fitted(record, EVENT_MAX_BYTES);
}

static char *
pagerduty_plain_body(const void *settings, const json_t *record)
{
	(void)settings;
	return body_fitted(record, PLAIN_MAX);
}

/* Requests. */

static int
key_get(const struct pagerduty *p, struct str *out, struct err *err)
{
	const char *fault;

	if (p->routing_key_file == NULL) {
		str_puts(out, p->routing_key != NULL ? p->routing_key : "");
		return 0;
	}
	if (secret_file_get(p->routing_key_file, out, err) != 0)
		return -1;
	fault = key_fault(str_text(out));
	if (fault == NULL)
		return 0;
	return err_set(
	    err, "the routing key in %s %s", p->routing_key_file, fault);
}

static char *
api_url(const struct pagerduty *p)
{
	struct str url = { 0 };

	str_puts(&url, p->address.url);
	while (url.len > 0 && url.data[url.len - 1] == '/')
		url.data[--url.len] = '\0';
	str_puts(&url, "/v2/enqueue");
	return str_take(&url);
}

static int
pagerduty_request(const void *settings, const char *delivery_id,
    struct text body, int64_t wall_ms, struct request *out, struct err *err)
{
	static const char *const headers[] = { "Content-Type: application/json",
		NULL };
	const struct pagerduty *p = settings;
	struct str key = { 0 }, all = { 0 };

	(void)delivery_id;
	(void)wall_ms;
	if (key_get(p, &key, err) != 0) {
		str_free(&key);
		return -1;
	}
	request_set(out, api_url(p), headers);
	/* Letters and digits; the body is an object that is not empty. */
	str_printf(&all, "{\"routing_key\":\"%s\",", key.data);
	str_add(&all, body.data + 1, body.len - 1);
	out->body = str_take(&all);
	out->secrets = mem_new(2, sizeof *out->secrets);
	out->secrets[0] = str_take(&key);
	return 0;
}

static enum verdict
pagerduty_judge(
    const void *settings, const struct fetch_end *end, struct err *err)
{
	(void)settings;
	if (receiver_judge(end, err) == VERDICT_DEAD && end->status == 413)
		return VERDICT_PLAIN;
	return receiver_judge(end, err);
}

const struct receiver pagerduty_receiver = {
	.name = "pagerduty",
	.goes_by = "routing_key",
	.read = pagerduty_read,
	.free_settings = pagerduty_free,
	.body = pagerduty_body,
	.plain_body = pagerduty_plain_body,
	.request = pagerduty_request,
	.judge = pagerduty_judge,
	.timeout_ms = receiver_timeout_ms,
	.ca_file = receiver_ca_file,
};
