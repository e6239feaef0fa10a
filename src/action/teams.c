/* SPDX-License-Identifier: MIT */
/*
 * Incident record -> Adaptive Card 1.2 (what Teams on a phone renders) for a
 * Workflows webhook.
 */
#include "action/teams.h"

#include "action/message.h"
#include "base/mem.h"
#include "base/url.h"
#include "conf/node.h"
#include "io/fetch.h"

#include <string.h>
#include <strings.h>

#define CARD_MAX 20000 /* bytes: Teams refuses from 28 KB as it stores them */
#define PLAIN_MAX 6000
#define ITEM_BYTES 120 /* of a line's item beside its text */

#define ZERO_WIDTH_SPACE "\xe2\x80\x8b" /* U+200B */
#define NO_BREAK_SPACE "\xc2\xa0"       /* U+00A0 */

const struct key teams_keys[] = {
	ADDRESS_KEYS,
	{ 0 },
};

static const struct synonym synonyms[] = {
	{ "webhook", "url" },
	{ "webhook_url", "url" },
	{ NULL, NULL },
};

/* Hosts of Office 365 connectors, whose end was in spring 2026. */
static const char *const retired[] = { "webhook.office.com",
	"outlook.office.com", "outlook.office365.com", NULL };

static void
retired_warn(const struct node *url, const struct address *a)
{
	struct text host = url_host(a->url != NULL ? a->url : "");

	for (size_t i = 0; retired[i] != NULL; i++)
		if (url != NULL && host_within(host, retired[i]))
			node_warning(url,
			    "%s was for Office 365 connectors, "
			    "which Microsoft has retired: make a "
			    "webhook with Workflows in Teams and "
			    "use its url",
			    retired[i]);
}

/* What is pasted in place of a workflow's URL. */
static void
url_check(const struct node *n, const char *url)
{
	static const char *const pages[] = { "teams.microsoft.com",
		"teams.cloud.microsoft", "teams.live.com", NULL };
	struct text host = url_host(url != NULL ? url : "");

	for (size_t i = 0; pages[i] != NULL; i++)
		if (host_within(host, pages[i]))
			node_warning(n,
			    "this is a link for people, not a webhook: make "
			    "one with Workflows in Teams and use its url");
	if (host_within(host, "hooks.slack.com"))
		node_warning(n, "this is a webhook of Slack: use 'slack' in "
				"place of 'teams'");
}

static void *
teams_read(const struct node *n, bool *disabled)
{
	struct address *a = mem_new(1, sizeof *a);

	node_keys(n, teams_keys, synonyms, "teams");
	address_read(n, teams_keys, a, disabled);
	retired_warn(node_get(n, "url"), a);
	url_check(node_get(n, "url"), a->url);
	return a;
}

static void
teams_free(void *settings)
{
	if (settings != NULL)
		address_clear(settings);
	free(settings);
}

/*
 * Text.  Nothing from a log may be a macro ({{DATE(...)}}) or a mention
 * (<at>), wherever it stands; in a TextBlock or FactSet it may be no Markdown
 * either.
 */

static void
literal_add(const char *text, struct str *out)
{
	for (; *text != '\0'; text++) {
		str_putc(out, *text);
		if ((*text == '{' && text[1] == '{') ||
		    (*text == '<' && (strncasecmp(text + 1, "at", 2) == 0 ||
					 strncasecmp(text + 1, "/at", 3) == 0)))
			str_puts(out, ZERO_WIDTH_SPACE);
	}
}

static void
markdown_add(const char *text, struct str *out)
{
	struct str literal = { 0 };

	literal_add(text, &literal);
	for (size_t i = 0; i < literal.len; i++) {
		if (strchr("\\*_[]()~#>-+`", literal.data[i]) != NULL)
			str_putc(out, '\\');
		str_putc(out, literal.data[i]);
	}
	str_free(&literal);
}

static json_t *
json_take(struct str *s)
{
	json_t *json = json_stringn(s->data != NULL ? s->data : "", s->len);

	str_free(s);
	return json;
}

static json_t *
literal(const char *text)
{
	struct str out = { 0 };

	literal_add(text, &out);
	return json_take(&out);
}

static json_t *
markdown(const char *text)
{
	struct str out = { 0 };

	markdown_add(text, &out);
	return json_take(&out);
}

/* A log line: of blanks at its start and of several in a row, one would be
 * left, and of an empty line nothing. */
static json_t *
monospace(const char *line)
{
	struct str out = { 0 };
	struct str spaced = { 0 };
	bool blank = true;

	literal_add(line, &out);
	for (size_t i = 0; i < out.len; i++) {
		bool is_blank = out.data[i] == ' ' || out.data[i] == '\t';

		if (out.data[i] == '\t')
			str_puts(&spaced, NO_BREAK_SPACE NO_BREAK_SPACE
					      NO_BREAK_SPACE NO_BREAK_SPACE);
		else if (is_blank && blank)
			str_puts(&spaced, NO_BREAK_SPACE);
		else
			str_putc(&spaced, out.data[i]);
		blank = is_blank;
	}
	if (spaced.len == 0)
		str_puts(&spaced, NO_BREAK_SPACE);
	str_free(&out);
	return json_take(&spaced);
}

/* The card's items. */

static void
run_add(json_t *items, json_t *run, const char *spacing)
{
	json_object_set_new(run, "type", json_string("TextRun"));
	json_array_append_new(
	    items, json_pack("{s:s, s:s, s:[o]}", "type", "RichTextBlock",
		       "spacing", spacing, "inlines", run));
}

static void
paragraph_add(json_t *items, const char *text)
{
	if (text != NULL)
		run_add(items, json_pack("{s:o}", "text", literal(text)),
		    "Default");
}

static void
subtle_add(json_t *items, const char *text)
{
	if (text != NULL)
		run_add(items,
		    json_pack("{s:o, s:b, s:s}", "text", literal(text),
			"isSubtle", 1, "size", "Small"),
		    "Small");
}

/* Lines of a text, each a block of its own: a RichTextBlock has no line
 * break that every client shows. */
static void
lines_add(json_t *items, struct str *text)
{
	const char *spacing = "Medium";
	char *rest = text->data;
	char *line;

	while (rest != NULL && (line = strsep(&rest, "\n")) != NULL) {
		run_add(items,
		    json_pack("{s:o, s:s, s:s}", "text", monospace(line),
			"fontType", "Monospace", "size", "Small"),
		    spacing);
		spacing = "None";
	}
	str_free(text);
}

static const char *
style_of(enum message_tone tone)
{
	switch (tone) {
	case MESSAGE_CRITICAL:
	case MESSAGE_ERROR:
		return "attention";
	case MESSAGE_WARNING:
		return "warning";
	case MESSAGE_GOOD:
		return "good";
	case MESSAGE_INFO:
		break;
	}
	return "accent";
}

static void
head_add(json_t *items, const struct message *m)
{
	json_t *head = json_array();

	json_array_append_new(
	    head, json_pack("{s:s, s:o, s:s, s:b}", "type", "TextBlock", "text",
		      markdown(m->title), "weight", "Bolder", "wrap", 1));
	run_add(head,
	    json_pack(
		"{s:o, s:s}", "text", literal(m->summary), "weight", "Bolder"),
	    "Small");
	json_array_append_new(
	    items, json_pack("{s:s, s:s, s:b, s:o}", "type", "Container",
		       "style", style_of(m->tone), "bleed", 1, "items", head));
}

static void
facts_add(json_t *items, const struct message *m)
{
	json_t *facts = json_array();

	for (size_t i = 0; i < m->fact_count; i++)
		json_array_append_new(facts,
		    json_pack("{s:o, s:o}", "title", markdown(m->facts[i].name),
			"value", markdown(m->facts[i].value)));
	if (m->fact_count > 0)
		json_array_append_new(items,
		    json_pack("{s:s, s:O}", "type", "FactSet", "facts", facts));
	json_decref(facts);
}

static void
description_add(json_t *items, const struct message *m)
{
	char *text = mem_text(m->description);
	char *rest = text;
	char *line;

	while (rest != NULL && (line = strsep(&rest, "\n")) != NULL)
		if (line[0] != '\0')
			paragraph_add(items, line);
	free(text);
}

static void
steps_add(json_t *items, const struct message *m)
{
	struct str text = { 0 };

	if (m->step_count > 0)
		paragraph_add(items, "What was done:");
	for (size_t i = 0; i < m->step_count; i++) {
		paragraph_add(items, m->steps[i].text);
		message_lines_add(&m->steps[i].output, "", &text);
		lines_add(items, &text);
	}
}

static json_t *
card_items(const struct message *m)
{
	json_t *items = json_array();
	struct str log = { 0 };

	head_add(items, m);
	paragraph_add(items, m->need);
	facts_add(items, m);
	description_add(items, m);
	message_log(m, &log);
	lines_add(items, &log);
	steps_add(items, m);
	subtle_add(items, m->where);
	subtle_add(items, m->shortened ? message_rest : NULL);
	return items;
}

static json_t *
card_of(const struct message *m)
{
	json_t *card =
	    json_pack("{s:s, s:s, s:s, s:{s:s}, s:o, s:o}", "$schema",
		"http://adaptivecards.io/schemas/adaptive-card.json", "type",
		"AdaptiveCard", "version", "1.2", "msteams", "width", "Full",
		"fallbackText", markdown(m->headline), "body", card_items(m));

	if (m->runbook != NULL)
		json_object_set_new(card, "actions",
		    json_pack("[{s:s, s:s, s:s}]", "type", "Action.OpenUrl",
			"title", "Runbook", "url", m->runbook));
	return card;
}

/* The envelope is what the flow's "for each attachment" works on. */
static char *
envelope_write(json_t *card)
{
	json_t *body = json_pack("{s:s, s:[{s:s, s:n, s:o}]}", "type",
	    "message", "attachments", "contentType",
	    "application/vnd.microsoft.card.adaptive", "contentUrl", "content",
	    card);
	char *text = mem_check(json_dumps(body, JSON_COMPACT));

	json_decref(body);
	return text;
}

/* Written, and again with less in it until it fits. */
static char *
body_fitted(const json_t *record, size_t max)
{
	struct message *m = message_new(record);
	char *body = envelope_write(card_of(m));

	while (strlen(body) > max &&
	       message_drop(m, strlen(body) - max, ITEM_BYTES)) {
		free(body);
		body = envelope_write(card_of(m));
	}
	message_free(m);
	return body;
}

static char *
teams_body(const void *settings, const json_t *record)
{
	(void)settings;
	return body_fitted(record, CARD_MAX);
}

static char *
teams_plain_body(const void *settings, const json_t *record)
{
	(void)settings;
	return body_fitted(record, PLAIN_MAX);
}

static int
teams_request(const void *settings, const char *delivery_id, struct text body,
    int64_t wall_ms, struct request *out, struct err *err)
{
	/* Without a charset some flows store the text twice as long. */
	static const char *const headers[] = {
		"Content-Type: application/json; charset=utf-8", NULL
	};
	char *url = address_url(settings, err);

	(void)delivery_id;
	(void)body;
	(void)wall_ms;
	if (url == NULL)
		return -1;
	request_set(out, url, headers);
	return 0;
}

static const char *
hint_of(int status)
{
	switch (status) {
	case 401:
	case 403:
		return ": the flow's trigger must be open to 'Anyone' (When a "
		       "Teams webhook request is received: Who can trigger the "
		       "flow)";
	case 404:
	case 410:
		return ": the flow is gone or switched off, as when its owner "
		       "left: make a new webhook with Workflows";
	case 413:
		return ": too large";
	default:
		return "";
	}
}

static enum verdict
teams_judge(const void *settings, const struct fetch_end *end, struct err *err)
{
	struct err reason = { "" };
	enum verdict verdict = receiver_judge(end, &reason);

	(void)settings;
	err_set(err, "%s%s", reason.text, hint_of(end->status));
	if (end->status == 413)
		return VERDICT_PLAIN;
	/* Connectors answered 200 while Teams itself said no. */
	if (verdict == VERDICT_SENT && end->answer.len > 0 &&
	    memmem(end->answer.data, end->answer.len, "HTTP error 429", 14))
		return VERDICT_RETRY;
	return verdict;
}

const struct receiver teams_receiver = {
	.name = "teams",
	.read = teams_read,
	.free_settings = teams_free,
	.body = teams_body,
	.plain_body = teams_plain_body,
	.request = teams_request,
	.judge = teams_judge,
	.timeout_ms = receiver_timeout_ms,
	.ca_file = receiver_ca_file,
};
