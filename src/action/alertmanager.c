/* SPDX-License-Identifier: MIT */
/*
 * Incident record -> alert of Alertmanager's API v2.  Until when an open one is
 * to be believed is put in when it is sent.
 */
#include "action/alertmanager.h"

#include "action/message.h"
#include "base/mem.h"
#include "base/url.h"
#include "base/utf8.h"
#include "base/when.h"
#include "conf/node.h"
#include "io/fetch.h"

#include <ctype.h>
#include <string.h>

#define PATH "/api/v2/alerts"
#define AGAIN_MS 60000
/* As Prometheus does: an alert outlives three times that it was not told. */
#define BELIEVED_MS (4 * AGAIN_MS)
#define BODY_MAX 16000 /* bytes: it goes on to mail and chats */
#define ITEM_BYTES 8   /* of a line or fact beside its text */
#define INSTANCES_MAX 16

struct alertmanager {
	struct address transport; /* what is common to them */
	struct address *v;        /* one an instance */
	size_t count;
};

const struct key alertmanager_keys[] = {
	{ "url", false, .type = KEY_TEXT, .shape = KEY_ONE_OR_LIST,
	    .need = KEY_REQUIRED,
	    .what = "Its base address, or those of all instances of a cluster, "
		    "each of which is told by itself. Empty ones are left out "
		    "with a warning." },
	TRANSPORT_KEYS,
	{ 0 },
};

static const struct synonym synonyms[] = {
	{ "urls", "url" },
	{ "api_url", "url" },
	{ "targets", "url" },
	{ NULL, NULL },
};

/* Settings. */

/* In words that follow 'the url'; NULL: nothing is wrong. */
static const char *
base_fault(const char *url)
{
	const char *fault = url_fault(url);

	if (fault == NULL && strpbrk(url, "?#") != NULL)
		return "is a base address, which has no query";
	if (fault == NULL && strstr(url, "/api/v") != NULL)
		return "is a base address, without " PATH;
	return fault;
}

static void
instance_add(struct alertmanager *am, const struct node *at, const char *url)
{
	const char *fault = base_fault(url);
	struct address *a;

	for (size_t i = 0; i < am->count; i++)
		if (strcmp(am->v[i].url, url) == 0)
			fault = "is there twice";
	if (am->count == INSTANCES_MAX)
		fault = "is one of more than 16";
	if (fault != NULL) {
		node_error(at, "the url %s", fault);
		return;
	}
	am->v = mem_resize(am->v, am->count + 1, sizeof *am->v);
	a = &am->v[am->count++];
	*a = (struct address){ .url = mem_text(url),
		.ca_file = mem_text(am->transport.ca_file),
		.timeout_ms = am->transport.timeout_ms };
}

static void
instances_read(struct alertmanager *am, const struct node *n, bool *disabled)
{
	const struct node *list = node_get(n, "url");
	char **urls;
	size_t count, empty = 0;

	if (!node_texts(list, true, &urls, &count))
		return;
	if (count == 0)
		node_error(list, "needs a url");
	for (size_t i = 0; i < count; i++)
		empty += urls[i][0] == '\0';
	*disabled = count > 0 && empty == count;
	for (size_t i = 0; i < count; i++) {
		const struct node *at =
		    node_kind(list) == NODE_LIST ? node_at(list, i) : list;

		if (urls[i][0] != '\0')
			instance_add(am, at, urls[i]);
		else if (!*disabled)
			node_warning(at, "an empty url is left out");
	}
	node_texts_free(urls);
}

static void *
alertmanager_read(const struct node *n, bool *disabled)
{
	struct alertmanager *am = mem_new(1, sizeof *am);

	*disabled = false;
	node_keys(n, alertmanager_keys, synonyms, "alertmanager");
	transport_read(n, &am->transport);
	if (node_kind(n) == NODE_MAP && node_lacks(n, "url", alertmanager_keys))
		node_error(n, "needs a url");
	instances_read(am, n, disabled);
	return am;
}

static void
alertmanager_free(void *settings)
{
	struct alertmanager *am = settings;

	if (am == NULL)
		return;
	for (size_t i = 0; i < am->count; i++)
		address_clear(&am->v[i]);
	address_clear(&am->transport);
	free(am->v);
	free(am);
}

static size_t
alertmanager_instances(const void *settings)
{
	return ((const struct alertmanager *)settings)->count;
}

static const void *
alertmanager_instance(const void *settings, size_t i)
{
	return &((const struct alertmanager *)settings)->v[i];
}

/*
 * Labels are what an alert is known by: only what stays the same as long as the
 * incident is open.  Their names are those that every version takes, before
 * 0.27 introduced others.
 */

static void
name_add(const char *name, struct str *out)
{
	struct text rest = text_of(name);

	if (rest.len == 0 || isdigit((unsigned char)name[0]))
		str_putc(out, '_');
	while (rest.len > 0) {
		struct utf8_char c = utf8_next(rest);

		if (c.code < 0x80 && isalnum((int)c.code))
			str_putc(out, rest.data[0]);
		else
			str_putc(out, '_');
		rest.data += c.len;
		rest.len -= c.len;
	}
}

static json_t *
value_shown(struct text value)
{
	struct str clean = { 0 };
	json_t *json = NULL;

	utf8_display(value, &clean);
	if (clean.len > 0)
		json = mem_check(json_stringn(clean.data, clean.len));
	str_free(&clean);
	return json;
}

static struct text
json_text(const json_t *value)
{
	return json_is_string(value) ? (struct text){ json_string_value(value),
		json_string_length(value) }
	                             : (struct text){ NULL, 0 };
}

/* One of ours; an empty label is none. */
static void
label_set(json_t *labels, const char *name, const json_t *value)
{
	json_t *shown = value_shown(json_text(value));

	if (shown != NULL)
		json_object_set_new(labels, name, shown);
}

/* One of a rule's, which takes nobody's place: "key_host", "a_b_2". */
static void
label_add(
    json_t *labels, const char *prefix, const char *name, const json_t *value)
{
	json_t *shown = value_shown(json_text(value));
	struct str free_name = { 0 };

	if (shown == NULL)
		return;
	name_add(name, &free_name);
	if (json_object_get(labels, free_name.data) != NULL) {
		str_clear(&free_name);
		str_puts(&free_name, prefix);
		name_add(name, &free_name);
	}
	for (size_t n = 2, len = free_name.len;
	     json_object_get(labels, free_name.data) != NULL; n++) {
		free_name.len = len;
		str_printf(&free_name, "_%zu", n);
	}
	json_object_set_new(labels, free_name.data, shown);
	str_free(&free_name);
}

static json_t *
labels_of(const json_t *record)
{
	static const char *const ours[] = { "rule", "severity", "host",
		"source", NULL };
	json_t *labels = json_object();
	const char *name;
	json_t *value;

	json_object_set_new(labels, "alertname", json_string("logwatch"));
	label_set(labels, "alertname", json_object_get(record, "rule"));
	for (size_t i = 0; ours[i] != NULL; i++)
		label_set(labels, ours[i], json_object_get(record, ours[i]));
	json_object_foreach(json_object_get(record, "key"), name, value)
	{
		label_add(labels, "key_", name, value);
	}
	json_object_foreach(json_object_get(record, "labels"), name, value)
	{
		label_add(labels, "label_", name, value);
	}
	return labels;
}

/* Annotations: all else, for people. */

static void
note_add(json_t *notes, const char *name, const char *text)
{
	if (text != NULL && text[0] != '\0')
		json_object_set_new(notes, name, json_string(text));
}

static void
details_add(json_t *notes, const struct message *m)
{
	struct str text = { 0 };

	for (size_t i = 0; i < m->fact_count; i++)
		str_printf(&text, "%s%s: %s", i > 0 ? "\n" : "",
		    m->facts[i].name, m->facts[i].value);
	note_add(notes, "details", text.data);
	str_free(&text);
}

static void
steps_add(json_t *notes, const struct message *m)
{
	struct str text = { 0 };

	for (size_t i = 0; i < m->step_count; i++) {
		str_puts(&text, i > 0 ? "\n" : "");
		str_puts(&text, m->steps[i].text);
		message_lines_add(&m->steps[i].output, "  ", &text);
	}
	note_add(notes, "actions", text.data);
	str_free(&text);
}

static json_t *
notes_of(const struct message *m)
{
	json_t *notes = json_object();
	struct str log = { 0 };

	message_log(m, &log);
	note_add(notes, "summary", m->summary);
	note_add(notes, "description", m->description);
	note_add(notes, "runbook_url", m->runbook);
	details_add(notes, m);
	note_add(notes, "log", log.data);
	steps_add(notes, m);
	note_add(notes, "where", m->where);
	note_add(notes, "more", m->shortened ? message_rest : NULL);
	str_free(&log);
	return notes;
}

/* Alerts. */

static bool
member_time(const json_t *object, const char *name, int64_t *wall_ms)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text != NULL && when_read(text, wall_ms);
}

static void
time_set(json_t *object, const char *name, int64_t wall_ms)
{
	char text[WHEN_SIZE];

	json_object_set_new(
	    object, name, json_string(when_write(wall_ms, text)));
}

/* An alert without an end is of an open incident. */
static json_t *
alert_of(const json_t *record, const struct message *m)
{
	static const char *const starts[] = { "first_seen", "detected_at",
		NULL };
	json_t *alert = json_pack("{s:o, s:o}", "labels", labels_of(record),
	    "annotations", notes_of(m));
	const char *state = json_string_value(json_object_get(record, "state"));
	int64_t wall_ms;

	for (size_t i = 0; starts[i] != NULL; i++)
		if (json_object_get(alert, "startsAt") == NULL &&
		    member_time(record, starts[i], &wall_ms))
			time_set(alert, "startsAt", wall_ms);
	if (state != NULL && strcmp(state, "resolved") == 0 &&
	    member_time(record, "resolved_at", &wall_ms))
		time_set(alert, "endsAt", wall_ms);
	return alert;
}

static char *
alerts_write(const json_t *record, const struct message *m)
{
	json_t *alerts = json_pack("[o]", alert_of(record, m));
	char *text = mem_check(json_dumps(alerts, JSON_COMPACT));

	json_decref(alerts);
	return text;
}

/* Written, and again with less in it until it fits. */
static char *
alertmanager_body(const void *settings, const json_t *record)
{
	struct message *m = message_new(record);
	char *body = alerts_write(record, m);

	(void)settings;
	while (strlen(body) > BODY_MAX &&
	       message_drop(m, strlen(body) - BODY_MAX, ITEM_BYTES)) {
		free(body);
		body = alerts_write(record, m);
	}
	message_free(m);
	return body;
}

static char *
alertmanager_plain_body(const void *settings, const json_t *record)
{
	(void)settings;
	(void)record;
	return NULL;
}

/* Requests. */

/*
 * When an alert ends: an open one if it is not told again.  One that starts
 * after its end is refused, and clocks of logs may be ahead.
 */
static void
end_set(json_t *alert, int64_t wall_ms)
{
	int64_t start_ms, end_ms = wall_ms;

	if (!member_time(alert, "endsAt", &end_ms) || end_ms > wall_ms)
		end_ms = wall_ms;
	if (member_time(alert, "startsAt", &start_ms) && start_ms > end_ms)
		time_set(alert, "startsAt", end_ms);
	if (json_object_get(alert, "endsAt") == NULL)
		end_ms = wall_ms + BELIEVED_MS;
	time_set(alert, "endsAt", end_ms);
}

static char *
body_ended(struct text body, int64_t wall_ms, struct err *err)
{
	json_t *alerts = json_loadb(body.data, body.len, 0, NULL);
	char *text = NULL;
	json_t *alert;
	size_t i;

	if (!json_is_array(alerts)) {
		err_set(err, "its body in the state file is damaged");
		json_decref(alerts);
		return NULL;
	}
	json_array_foreach(alerts, i, alert)
	{
		end_set(alert, wall_ms);
	}
	text = mem_check(json_dumps(alerts, JSON_COMPACT));
	json_decref(alerts);
	return text;
}

static char *
alerts_url(const struct address *a)
{
	struct str url = { 0 };

	str_puts(&url, a->url);
	while (url.len > 0 && url.data[url.len - 1] == '/')
		url.data[--url.len] = '\0';
	str_puts(&url, PATH);
	return str_take(&url);
}

static int
alertmanager_request(const void *settings, const char *delivery_id,
    struct text body, int64_t wall_ms, struct request *out, struct err *err)
{
	static const char *const headers[] = { "Content-Type: application/json",
		NULL };
	char *ended = body_ended(body, wall_ms, err);

	(void)delivery_id;
	if (ended == NULL)
		return -1;
	request_set(out, alerts_url(settings), headers);
	out->body = ended;
	return 0;
}

static enum verdict
alertmanager_judge(
    const void *settings, const struct fetch_end *end, struct err *err)
{
	struct err reason = { "" };
	enum verdict verdict = receiver_judge(end, &reason);

	(void)settings;
	err_set(err, "%s%s", reason.text,
	    end->status == 404 || end->status == 410
		? ": no Alertmanager of 0.16 or later has its API there"
		: "");
	return verdict;
}

const struct receiver alertmanager_receiver = {
	.name = "alertmanager",
	.read = alertmanager_read,
	.free_settings = alertmanager_free,
	.body = alertmanager_body,
	.plain_body = alertmanager_plain_body,
	.request = alertmanager_request,
	.judge = alertmanager_judge,
	.again_ms = AGAIN_MS,
	.instances = alertmanager_instances,
	.instance = alertmanager_instance,
	.timeout_ms = receiver_timeout_ms,
	.ca_file = receiver_ca_file,
};
