/* SPDX-License-Identifier: MIT */
/*
 * Incident record -> Slack message: Block Kit for Slack itself, text and a
 * legacy attachment for what only understands those.
 */
#include "action/slack.h"

#include "action/message.h"
#include "base/mem.h"
#include "base/url.h"
#include "base/utf8.h"
#include "base/when.h"
#include "conf/node.h"
#include "io/fetch.h"

#include <string.h>
#include <strings.h>

/*
 * Characters of all blocks together: Slack refuses somewhere above 13,000
 * (msg_blocks_too_long).  Counted in UTF-16 units, the most that any service
 * counts.
 */
#define BLOCKS_MAX 9000
/* Of text and attachment together where there are no blocks: what Discord
 * takes is the least (6,000, of which 4,096 in one text). */
#define ATTACHMENT_MAX 5500
#define ATTACHMENT_TEXT_MAX 3900
#define PLAIN_MAX 1900

#define ZERO_WIDTH_SPACE "\xe2\x80\x8b" /* U+200B */

enum format { FORMAT_BLOCKS, FORMAT_ATTACHMENTS };

static const char *const format_words[] = { "blocks", "attachments", NULL };

struct slack {
	struct address address; /* the first: see receiver.h */
	bool format_set;        /* else the host decides */
	enum format format;
};

const struct key slack_keys[] = {
	ADDRESS_KEYS,
	{ "format", false, .words = format_words,
	    .what = "How messages are made. Default: blocks for Slack itself, "
		    "attachments for others." },
	{ "token", true, .type = KEY_TEXT,
	    .what =
		"The token of a Slack app, whose messages can be updated." },
	{ "token_file", true, .type = KEY_TEXT,
	    .what = "A file that holds the token." },
	{ "channel", true, .type = KEY_TEXT,
	    .what = "The channel that a Slack app writes to." },
	{ "api", true, .type = KEY_TEXT,
	    .what = "Another address of Slack's API." },
	{ 0 },
};

static const struct synonym synonyms[] = {
	{ "webhook", "url" },
	{ "webhook_url", "url" },
	{ "api_url", "url" },
	{ NULL, NULL },
};

/* What is pasted in place of a webhook's URL.  Other hosts speak its language
 * too, and may do so in the clear on a network of their own. */
static void
url_check(const struct node *n, const char *url)
{
	struct text host;

	if (url == NULL)
		return;
	host = url_host(url);
	if (host_within(host, "hooks.slack.com")) {
		if (strncasecmp(url, "http:", 5) == 0)
			node_warning(n, "http is not encrypted, and the url "
					"is a secret: write https");
	} else if (host_within(host, "slack.com"))
		node_warning(n,
		    "this is a page of Slack, not a webhook, which begins with "
		    "https://hooks.slack.com/: make one under 'Incoming "
		    "Webhooks' of a Slack app");
	else if (host_within(host, "logic.azure.com") ||
		 host_within(host, "powerplatform.com") ||
		 host_within(host, "office.com"))
		node_warning(n,
		    "this is a webhook of Teams: use 'teams' in place of "
		    "'slack'");
}

static void *
slack_read(const struct node *n, bool *disabled)
{
	struct slack *s = mem_new(1, sizeof *s);
	size_t format;

	node_keys(n, slack_keys, synonyms, "slack");
	address_read(n, slack_keys, &s->address, disabled);
	url_check(node_get(n, "url"), s->address.url);
	if (node_word(node_get(n, "format"), format_words, &format)) {
		s->format_set = true;
		s->format = (enum format)format;
	}
	return s;
}

static void
slack_free(void *settings)
{
	struct slack *s = settings;

	if (s == NULL)
		return;
	address_clear(&s->address);
	free(s);
}

/* Whether it is sent to Slack itself; so too where its url_file cannot be read
 * now. */
static bool
is_slack(const struct slack *s)
{
	char *url = address_url(&s->address, NULL);
	struct text host = url_host(url != NULL ? url : "");
	bool yes = url == NULL || host_within(host, "hooks.slack.com") ||
	           host_within(host, "hooks.slack-gov.com");

	free(url);
	return yes;
}

static enum format
slack_format(const struct slack *s)
{
	if (s->format_set)
		return s->format;
	return is_slack(s) ? FORMAT_BLOCKS : FORMAT_ATTACHMENTS;
}

/*
 * Escaping.  & < > are Slack's own three.  A zero width space keeps apart what
 * look-alikes would read as a mention, the end of a code block or a link; there
 * is no escape for these that all of them know.
 */
static void
escaped_add(const char *text, struct str *out)
{
	for (; *text != '\0'; text++) {
		if (*text == '&')
			str_puts(out, "&amp;");
		else if (*text == '<')
			str_puts(out, "&lt;");
		else if (*text == '>')
			str_puts(out, "&gt;");
		else
			str_putc(out, *text);
		if (*text == '@' || *text == '`' ||
		    (*text == ']' && text[1] == '('))
			str_puts(out, ZERO_WIDTH_SPACE);
	}
}

/* A URL as message.h has it may hold & alone of the three. */
static void
escaped_url_add(const char *url, struct str *out)
{
	for (; *url != '\0'; url++)
		if (*url == '&')
			str_puts(out, "&amp;");
		else
			str_putc(out, *url);
}

static json_t *
escaped(const char *text)
{
	struct str out = { 0 };
	json_t *json;

	escaped_add(text, &out);
	json = json_stringn(out.data != NULL ? out.data : "", out.len);
	str_free(&out);
	return json;
}

/* Blocks. */

static json_t *
plain_text(const char *text)
{
	return json_pack(
	    "{s:s, s:b, s:s}", "type", "plain_text", "emoji", 0, "text", text);
}

static void
section_add(json_t *blocks, const char *text)
{
	if (text != NULL)
		json_array_append_new(
		    blocks, json_pack("{s:s, s:o}", "type", "section", "text",
				plain_text(text)));
}

static void
summary_add(json_t *blocks, const struct message *m)
{
	json_t *section = json_pack(
	    "{s:s, s:o}", "type", "section", "text", plain_text(m->summary));
	json_t *fields = json_array();

	for (size_t i = 0; i < m->fact_count; i++) {
		struct str text = { 0 };

		str_printf(
		    &text, "%s\n%s", m->facts[i].name, m->facts[i].value);
		json_array_append_new(fields, plain_text(text.data));
		str_free(&text);
	}
	if (m->fact_count > 0)
		json_object_set(section, "fields", fields);
	json_decref(fields);
	json_array_append_new(blocks, section);
}

static void
preformatted_add(json_t *blocks, struct str *text)
{
	if (text->len > 0)
		json_array_append_new(
		    blocks, json_pack("{s:s, s:[{s:s, s:[{s:s, s:s}]}]}",
				"type", "rich_text", "elements", "type",
				"rich_text_preformatted", "elements", "type",
				"text", "text", text->data));
	str_free(text);
}

static void
log_add(json_t *blocks, const struct message *m)
{
	struct str text = { 0 };

	message_log(m, &text);
	preformatted_add(blocks, &text);
}

static void
steps_write(const struct message *m, struct str *out)
{
	for (size_t i = 0; i < m->step_count; i++) {
		str_puts(out, i == 0 ? "What was done:" : "");
		str_puts(out, "\n- ");
		str_puts(out, m->steps[i].text);
	}
}

static void
steps_add(json_t *blocks, const struct message *m)
{
	struct str text = { 0 };

	steps_write(m, &text);
	section_add(blocks, text.data);
	str_free(&text);
	for (size_t i = 0; i < m->step_count; i++) {
		const struct message_step *step = &m->steps[i];

		if (step->output.count == 0)
			continue;
		message_lines_add(&step->output, "", &text);
		preformatted_add(blocks, &text);
	}
}

static void
context_add(json_t *blocks, const struct message *m)
{
	json_t *elements = json_array();

	if (m->where != NULL)
		json_array_append_new(elements, plain_text(m->where));
	if (m->shortened)
		json_array_append_new(elements, plain_text(message_rest));
	if (m->runbook != NULL) {
		struct str link = { 0 };

		str_puts(&link, "<");
		escaped_url_add(m->runbook, &link);
		str_puts(&link, "|Runbook>");
		json_array_append_new(
		    elements, json_pack("{s:s, s:b, s:s}", "type", "mrkdwn",
				  "verbatim", 1, "text", link.data));
		str_free(&link);
	}
	if (json_array_size(elements) > 0)
		json_array_append_new(
		    blocks, json_pack("{s:s, s:O}", "type", "context",
				"elements", elements));
	json_decref(elements);
}

static json_t *
blocks_of(const struct message *m)
{
	json_t *blocks = json_array();

	json_array_append_new(blocks, json_pack("{s:s, s:o}", "type", "header",
					  "text", plain_text(m->title)));
	summary_add(blocks, m);
	section_add(blocks, m->need);
	section_add(blocks, m->description);
	log_add(blocks, m);
	steps_add(blocks, m);
	context_add(blocks, m);
	return blocks;
}

/* Attachments. */

static void
fenced_add(struct str *text, struct str *lines)
{
	if (lines->len > 0) {
		str_puts(text, text->len > 0 ? "\n```\n" : "```\n");
		escaped_add(lines->data, text);
		str_puts(text, "\n```");
	}
	str_free(lines);
}

static void
paragraph_add(struct str *text, const char *paragraph)
{
	if (paragraph == NULL)
		return;
	if (text->len > 0)
		str_putc(text, '\n');
	escaped_add(paragraph, text);
}

static json_t *
attachment_text(const struct message *m)
{
	struct str text = { 0 };
	struct str part = { 0 };
	json_t *json;

	paragraph_add(&text, m->summary);
	paragraph_add(&text, m->need);
	paragraph_add(&text, m->description);
	message_log(m, &part);
	fenced_add(&text, &part);
	steps_write(m, &part);
	paragraph_add(&text, part.data);
	str_clear(&part);
	for (size_t i = 0; i < m->step_count; i++) {
		message_lines_add(&m->steps[i].output, "", &part);
		fenced_add(&text, &part);
	}
	paragraph_add(&text, m->shortened ? message_rest : NULL);
	str_free(&part);
	json = json_stringn(text.data, text.len);
	str_free(&text);
	return json;
}

static json_t *
attachment_fields(const struct message *m)
{
	json_t *fields = json_array();

	for (size_t i = 0; i < m->fact_count; i++)
		json_array_append_new(
		    fields, json_pack("{s:o, s:o, s:b}", "title",
				escaped(m->facts[i].name), "value",
				escaped(m->facts[i].value), "short",
				strlen(m->facts[i].value) < 40));
	return fields;
}

static json_t *
attachment_of(const struct message *m)
{
	json_t *a = json_pack("{s:o, s:o, s:[s], s:o}", "title",
	    escaped(m->title), "text", attachment_text(m), "mrkdwn_in", "text",
	    "fields", attachment_fields(m));

	if (m->runbook != NULL)
		json_object_set_new(a, "title_link", json_string(m->runbook));
	if (m->where != NULL)
		json_object_set_new(a, "footer", escaped(m->where));
	return a;
}

/* Bodies. */

static size_t
units(const char *text)
{
	size_t n = 0;

	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;

		n += (c & 0xc0) != 0x80;
		n += c >= 0xf0; /* beyond U+FFFF: a surrogate pair */
	}
	return n;
}

/* All that is shown of a message: the values of these names, at any depth. */
static size_t
shown_units(const json_t *json)
{
	static const char *const names[] = { "text", "title", "value", "footer",
		NULL };
	const char *name;
	json_t *item;
	size_t i, n = 0;

	json_array_foreach(json, i, item) n += shown_units(item);
	json_object_foreach((json_t *)json, name, item)
	{
		n += shown_units(item);
		for (i = 0; names[i] != NULL && json_is_string(item); i++)
			if (strcmp(name, names[i]) == 0)
				n += units(json_string_value(item));
	}
	return n;
}

static const char *
colour_of(enum message_tone tone)
{
	switch (tone) {
	case MESSAGE_CRITICAL:
		return "#A30200";
	case MESSAGE_ERROR:
		return "#D9480F";
	case MESSAGE_WARNING:
		return "#DAA038";
	case MESSAGE_GOOD:
		return "#2EB886";
	case MESSAGE_INFO:
		break;
	}
	return "#2F80ED";
}

static size_t
excess(size_t shown, size_t max)
{
	return shown > max ? shown - max : 0;
}

static size_t
blocks_excess(const json_t *blocks)
{
	return excess(shown_units(blocks), BLOCKS_MAX);
}

static size_t
attachment_excess(const json_t *a)
{
	const char *text = json_string_value(json_object_get(a, "text"));
	size_t all =
	    excess(shown_units(a) + MESSAGE_HEADLINE_MAX, ATTACHMENT_MAX);
	size_t of_text = excess(units(text), ATTACHMENT_TEXT_MAX);

	return all > of_text ? all : of_text;
}

/* The attachment in a format: written, and again with less in it until it
 * fits. */
static json_t *
attachment_fitted(struct message *m, enum format format)
{
	for (;;) {
		bool blocks = format == FORMAT_BLOCKS;
		json_t *json = blocks ? blocks_of(m) : attachment_of(m);
		size_t over =
		    blocks ? blocks_excess(json) : attachment_excess(json);

		if (over == 0 || !message_drop(m, over, 1))
			return blocks ? json_pack("{s:o}", "blocks", json)
			              : json;
		json_decref(json);
	}
}

/* When it was last seen, in seconds since 1970, shown beside the footer. */
static void
stamp_set(json_t *attachment, const json_t *record)
{
	const char *when =
	    json_string_value(json_object_get(record, "last_seen"));
	int64_t ms;

	if (when != NULL && when_read(when, &ms))
		json_object_set_new(attachment, "ts", json_integer(ms / 1000));
}

static json_t *
envelope(json_t *text)
{
	/* Slack has no escape for its asterisks and the like: it is told that
	 * there are none. */
	return json_pack("{s:o, s:b, s:b, s:b}", "text", text, "mrkdwn", 0,
	    "unfurl_links", 0, "unfurl_media", 0);
}

static char *
json_write(json_t *json)
{
	char *body = mem_check(json_dumps(json, JSON_COMPACT));

	json_decref(json);
	return body;
}

static char *
slack_body(const void *settings, const json_t *record)
{
	enum format format = slack_format(settings);
	struct message *m = message_new(record);
	json_t *body = envelope(escaped(m->headline));
	json_t *a = attachment_fitted(m, format);

	json_object_set_new(a, "color", json_string(colour_of(m->tone)));
	json_object_set_new(a, "fallback", escaped(m->headline));
	if (format == FORMAT_ATTACHMENTS)
		stamp_set(a, record);
	json_object_set_new(body, "attachments", json_pack("[o]", a));
	message_free(m);
	return json_write(body);
}

/* Adds a line where it fits as a whole. */
static void
plain_add(struct str *text, const char *line)
{
	struct str escaped_line = { 0 };

	paragraph_add(&escaped_line, line);
	if (escaped_line.len > 0 &&
	    units(text->data != NULL ? text->data : "") + 1 +
		    units(escaped_line.data) <=
		PLAIN_MAX) {
		if (text->len > 0)
			str_putc(text, '\n');
		str_add_text(text, str_text(&escaped_line));
	}
	str_free(&escaped_line);
}

static void
plain_add_facts(struct str *text, const struct message *m)
{
	for (size_t i = 0; i < m->fact_count; i++) {
		struct str line = { 0 };

		str_printf(
		    &line, "%s: %s", m->facts[i].name, m->facts[i].value);
		plain_add(text, line.data);
		str_free(&line);
	}
}

static char *
slack_plain_body(const void *settings, const json_t *record)
{
	struct message *m = message_new(record);
	struct str text = { 0 };
	json_t *body;

	(void)settings;
	plain_add(&text, m->headline);
	if (text.len == 0)
		plain_add(&text, m->title);
	plain_add(&text, m->need);
	for (size_t i = 0; i < m->step_count; i++)
		plain_add(&text, m->steps[i].text);
	plain_add(&text, m->where);
	plain_add(&text, m->runbook);
	plain_add(&text, message_rest);
	plain_add_facts(&text, m);
	for (size_t i = 0; i < m->event.count; i++)
		plain_add(&text, m->event.line[i]);
	body = envelope(json_stringn(text.data, text.len));
	message_free(m);
	str_free(&text);
	return json_write(body);
}

static int
slack_request(const void *settings, const char *delivery_id, struct text body,
    int64_t wall_ms, struct request *out, struct err *err)
{
	static const char *const headers[] = {
		"Content-Type: application/json; charset=utf-8", NULL
	};
	const struct slack *s = settings;
	char *url = address_url(&s->address, err);

	(void)delivery_id;
	(void)body;
	(void)wall_ms;
	if (url == NULL)
		return -1;
	request_set(out, url, headers);
	return 0;
}

/* Answers. */

static const struct hint {
	const char *code;
	const char *text;
} hints[] = {
	{ "no_service", "the webhook was revoked: make a new one" },
	{ "no_active_hooks", "the webhook was revoked: make a new one" },
	{ "no_team", "the workspace is gone: check the url" },
	{ "invalid_token", "the url is not that of a webhook: check it" },
	{ "channel_not_found", "the channel is gone: make a new webhook" },
	{ "channel_is_archived",
	    "the channel is archived: make a webhook for another" },
	{ "action_prohibited", "an admin of the workspace forbids it" },
	{ "posting_to_general_channel_denied",
	    "an admin forbids posts to this channel" },
	{ NULL, NULL },
};

static struct text
trimmed(struct text t)
{
	while (t.len > 0 && strchr(" \r\n", t.data[t.len - 1]) != NULL)
		t.len--;
	return t;
}

static const char *
hint_find(struct text answer)
{
	for (const struct hint *h = hints; h->code != NULL; h++)
		if (text_is(trimmed(answer), h->code))
			return h->text;
	return NULL;
}

/* "ok", or {"ok": true} as newer kinds of webhook say it. */
static bool
says_ok(struct text answer)
{
	json_t *json;
	bool ok;

	if (text_is(trimmed(answer), "ok"))
		return true;
	json = json_loadb(
	    answer.data != NULL ? answer.data : "", answer.len, 0, NULL);
	ok = json_is_true(json_object_get(json, "ok"));
	json_decref(json);
	return ok;
}

static enum verdict
slack_judge(const void *settings, const struct fetch_end *end, struct err *err)
{
	struct err reason = { "" };
	enum verdict verdict = receiver_judge(end, &reason);
	const char *hint = hint_find(end->answer);

	err_set(err, "%s%s%s", reason.text, hint != NULL ? ": " : "",
	    hint != NULL ? hint : "");
	if (end->status == 400 || end->status == 413)
		return VERDICT_PLAIN;
	if (verdict == VERDICT_SENT && is_slack(settings) &&
	    !says_ok(end->answer)) {
		err_set(err,
		    "%s, where Slack says ok: check what stands "
		    "between",
		    reason.text);
		return VERDICT_RETRY;
	}
	return verdict;
}

const struct receiver slack_receiver = {
	.name = "slack",
	.read = slack_read,
	.free_settings = slack_free,
	.body = slack_body,
	.plain_body = slack_plain_body,
	.request = slack_request,
	.judge = slack_judge,
	.timeout_ms = receiver_timeout_ms,
	.ca_file = receiver_ca_file,
};
