/* SPDX-License-Identifier: MIT */
/*
 * Incident record -> words for a person, bounded, with what matters kept.
 */
#include "action/message.h"

#include "base/mem.h"
#include "base/utf8.h"
#include "base/when.h"

#include <assert.h>
#include <ctype.h>
#include <string.h>
#include <strings.h>

#define ELLIPSIS "\xe2\x80\xa6" /* U+2026 */
#define DOT " \xc2\xb7 "        /* U+00B7 */
#define ARROW "\xe2\x86\x92 "   /* U+2192: no chat has a meaning for it */
#define NOTE_MAX 32             /* " … 123 characters … " */

const char message_rest[] =
    "Shortened; all of it: logwatch incidents --all --json";

/* How the record's words for changes and states read. */
struct wording {
	const char *word;
	const char *text;
};

static const struct wording changes[] = {
	{ "opened", "opened" },
	{ "updated", "updated" },
	{ "reminded", "still open" },
	{ "remediated", "repaired" },
	{ "escalated", "a human is needed" },
	{ "resolved", "resolved" },
	{ "test", "test message" },
	{ NULL, NULL },
};

static const struct wording outcomes[] = {
	{ "pending", "waits to be run" },
	{ "running", "is running" },
	{ "verifying", "ran; waiting for the proof that it worked" },
	{ "succeeded", "succeeded" },
	{ "failed", "failed" },
	{ "unverified", "ran, but the proof that it worked did not come" },
	{ "limited", "not run, its limit of runs is reached" },
	{ "skipped", "not run, because one before it did not succeed" },
	{ "unknown", "outcome unknown, logwatch was stopped while it ran" },
	{ NULL, NULL },
};

static const char *
wording_find(const struct wording *w, const char *word)
{
	for (; w->word != NULL; w++)
		if (strcmp(w->word, word) == 0)
			return w->text;
	return NULL;
}

/* The record's values. */

static struct text
json_text(const json_t *value)
{
	if (!json_is_string(value))
		return (struct text){ NULL, 0 };
	return (
	    struct text){ json_string_value(value), json_string_length(value) };
}

static const char *
member_word(const json_t *map, const char *name)
{
	const char *word = json_string_value(json_object_get(map, name));

	return word == NULL ? "" : word;
}

static json_int_t
member_int(const json_t *map, const char *name)
{
	return json_integer_value(json_object_get(map, name));
}

static void
scalar_add(const json_t *value, struct str *out)
{
	if (json_is_integer(value))
		str_printf(
		    out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	else if (json_is_real(value))
		str_printf(out, "%g", json_real_value(value));
	else if (json_is_boolean(value))
		str_puts(out, json_is_true(value) ? "true" : "false");
	else
		str_add_text(out, json_text(value));
}

void
message_value(const json_t *value, struct str *out)
{
	const char *separator = "";
	const char *name;
	json_t *item;
	size_t i;

	if (!json_is_object(value) && !json_is_array(value)) {
		scalar_add(value, out);
		return;
	}
	json_array_foreach(value, i, item)
	{
		str_puts(out, separator);
		scalar_add(item, out);
		separator = ", ";
	}
	json_object_foreach((json_t *)value, name, item)
	{
		str_printf(out, "%s%s=", separator, name);
		scalar_add(item, out);
		separator = ", ";
	}
}

/* Cutting. */

static size_t
count_characters(struct text text)
{
	size_t n = 0;

	for (size_t i = 0; i < text.len; i++)
		n += ((unsigned char)text.data[i] & 0xc0) != 0x80;
	return n;
}

static struct text
tail_characters(struct text text, size_t max)
{
	size_t start = text.len;

	while (max > 0 && start > 0)
		if (((unsigned char)text.data[--start] & 0xc0) != 0x80)
			max--;
	return (struct text){ text.data + start, text.len - start };
}

/* Text of at most max characters; of a longer one, head and tail. */
static char *
text_cut(struct text text, size_t max, bool *shortened)
{
	size_t count = count_characters(text);
	size_t tail = max / 4;
	struct str out = { 0 };

	assert(max >= tail + NOTE_MAX);
	if (count <= max)
		return mem_copy(text.data, text.len);
	*shortened = true;
	str_add_text(&out, utf8_head(text, max - tail - NOTE_MAX));
	str_printf(&out, " %s %zu characters %s ", ELLIPSIS,
	    count - (max - NOTE_MAX), ELLIPSIS);
	str_add_text(&out, tail_characters(text, tail));
	return str_take(&out);
}

static struct text
text_trim(struct text text)
{
	while (text.len > 0 && strchr(" \t\n", text.data[text.len - 1]))
		text.len--;
	while (text.len > 0 && strchr(" \t\n", text.data[0])) {
		text.data++;
		text.len--;
	}
	return text;
}

/* Text as it may be shown, cut, trimmed; NULL where nothing is left. */
static char *
text_shown(struct text text, size_t max, bool *shortened)
{
	struct str clean = { 0 };
	struct text trimmed;
	char *shown = NULL;

	utf8_display(text, &clean);
	trimmed = text_trim(str_text(&clean));
	if (trimmed.len > 0)
		shown = text_cut(trimmed, max, shortened);
	str_free(&clean);
	return shown;
}

/* The same on one line. */
static char *
line_shown(struct text text, size_t max, bool *shortened)
{
	char *shown = text_shown(text, max, shortened);

	for (char *p = shown; p != NULL && *p != '\0'; p++)
		if (*p == '\n' || *p == '\t')
			*p = ' ';
	return shown;
}

static char *
member_line(struct message *m, const json_t *map, const char *name, size_t max)
{
	return line_shown(
	    json_text(json_object_get(map, name)), max, &m->shortened);
}

/* Lines. */

static void
lines_free(struct message_lines *lines)
{
	for (size_t i = 0; i < lines->count; i++)
		free(lines->line[i]);
	free(lines->line);
}

/* A line keeps the blanks it begins with: they say what belongs to what. */
static void
lines_push(struct message *m, struct message_lines *lines, struct text text,
    size_t max)
{
	struct str clean = { 0 };

	utf8_display(text, &clean);
	for (size_t i = 0; i < clean.len; i++)
		if (clean.data[i] == '\n')
			clean.data[i] = ' ';
	lines->line =
	    mem_resize(lines->line, lines->count + 1, sizeof *lines->line);
	lines->line[lines->count++] =
	    text_cut(str_text(&clean), max, &m->shortened);
	str_free(&clean);
}

/* Cuts the first line off text. */
static struct text
text_line(struct text *text)
{
	const char *end = memchr(text->data, '\n', text->len);
	struct text line = { text->data,
		end == NULL ? text->len : (size_t)(end - text->data) };
	size_t used = end == NULL ? line.len : line.len + 1;

	text->data += used;
	text->len -= used;
	return line;
}

static size_t
count_lines(struct text text)
{
	size_t n = 0;

	for (; text.len > 0; n++)
		text_line(&text);
	return n;
}

static struct text
text_without_last_newlines(struct text text)
{
	while (text.len > 0 && strchr("\r\n", text.data[text.len - 1]))
		text.len--;
	return text;
}

/* The lines of a text: its first max, or its last. */
static void
lines_split(struct message *m, struct message_lines *lines, struct text text,
    size_t max, size_t line_max, bool last)
{
	size_t total;

	text = text_without_last_newlines(text);
	total = count_lines(text);
	for (size_t i = 0; i < total; i++) {
		struct text line = text_line(&text);

		if (last ? i + max >= total : i < max)
			lines_push(m, lines, line, line_max);
		else
			lines->skipped++;
	}
	if (lines->skipped > 0)
		m->shortened = true;
}

static void
lines_list(struct message *m, struct message_lines *lines, const json_t *list,
    bool last)
{
	size_t total = json_array_size(list);
	size_t from = last && total > MESSAGE_LINES ? total - MESSAGE_LINES : 0;

	for (size_t i = from; i < total && i < from + MESSAGE_LINES; i++)
		lines_push(m, lines, json_text(json_array_get(list, i)),
		    MESSAGE_LINE_MAX);
	lines->skipped = total - lines->count;
	if (lines->skipped > 0)
		m->shortened = true;
}

/* Times. */

/* "2025-10-17 08:00:03 UTC" from the record's form; "" where it is none. */
static void
time_shown(const char *when, char out[static WHEN_SIZE])
{
	int64_t ms;

	out[0] = '\0';
	if (when_read(when, &ms))
		snprintf(out, WHEN_SIZE, "%.10s %.8s UTC", when, when + 11);
}

/* How long from one member of the record to another; false: cannot tell. */
static bool
span_shown(const json_t *record, const char *from, const char *to,
    char out[static WHEN_SIZE])
{
	int64_t start, end;

	if (!when_read(member_word(record, from), &start) ||
	    !when_read(member_word(record, to), &end) || end < start)
		return false;
	duration_write(
	    end - start < 1000 ? end - start : (end - start) / 1000 * 1000,
	    out);
	return true;
}

/* Facts. */

static void
fact_add(struct message *m, struct text name, struct text value)
{
	struct message_fact fact;

	if (m->fact_count == MESSAGE_FACTS) {
		m->shortened = true;
		return;
	}
	fact.value = line_shown(value, MESSAGE_FACT_MAX, &m->shortened);
	if (fact.value == NULL)
		return;
	fact.name = line_shown(name, MESSAGE_FACT_NAME_MAX, &m->shortened);
	if (fact.name == NULL)
		fact.name = mem_text("?");
	m->facts[m->fact_count++] = fact;
}

bool
message_tells(const json_t *record, const char *capture)
{
	const json_t *name;
	size_t i;

	json_array_foreach(json_object_get(record, "fields"), i, name)
	{
		if (strcmp(json_string_value(name), capture) == 0)
			return true;
	}
	return false;
}

/* But of captures those of which the rule says something. */
static void
facts_add_map(struct message *m, const json_t *record, const char *member)
{
	const char *name;
	json_t *value;

	json_object_foreach(json_object_get(record, member), name, value)
	{
		struct str text = { 0 };

		if (strcmp(member, "captures") == 0 &&
		    message_tells(record, name))
			continue;
		message_value(value, &text);
		fact_add(m, text_of(name), str_text(&text));
		str_free(&text);
	}
}

static void
fact_add_count(struct message *m, const json_t *record)
{
	json_int_t count = member_int(record, "count");
	char last[WHEN_SIZE];
	struct str text = { 0 };

	if (count <= 1)
		return;
	str_printf(&text, "%" JSON_INTEGER_FORMAT " times", count);
	time_shown(member_word(record, "last_seen"), last);
	if (last[0] != '\0')
		str_printf(&text, ", last %s", last);
	fact_add(m, TEXT("Seen"), str_text(&text));
	str_free(&text);
}

static void
fact_add_effects(struct message *m, const json_t *record)
{
	size_t count = json_array_size(json_object_get(record, "effects")) +
	               (size_t)member_int(record, "effects_omitted");
	struct str text = { 0 };

	if (count == 0)
		return;
	str_printf(
	    &text, "%zu %s", count, count == 1 ? "incident" : "incidents");
	fact_add(m, TEXT("Caused"), str_text(&text));
	str_free(&text);
}

static void
facts_add(struct message *m, const json_t *record)
{
	char when[WHEN_SIZE];

	time_shown(member_word(record, "first_seen"), when);
	fact_add(m, TEXT("Since"), text_of(when));
	fact_add_count(m, record);
	if (span_shown(record, "first_seen", "resolved_at", when))
		fact_add(m, TEXT("Lasted"), text_of(when));
	fact_add(m, TEXT("Rule"), json_text(json_object_get(record, "rule")));
	fact_add(m, TEXT("Caused by"),
	    json_text(json_object_get(record, "caused_by")));
	fact_add_effects(m, record);
	facts_add_map(m, record, "captures");
	facts_add_map(m, record, "labels");
}

static void
fact_free(struct message_fact *fact)
{
	free(fact->name);
	free(fact->value);
}

/* What was done. */

static bool
action_went_wrong(const json_t *action)
{
	const char *state = member_word(action, "state");

	return strcmp(state, "failed") == 0 ||
	       strcmp(state, "unverified") == 0 ||
	       strcmp(state, "limited") == 0 || strcmp(state, "unknown") == 0;
}

/* Adds "restart-worker: failed with exit status 1 after 3s (attempt 2)". */
static void
action_add(const json_t *action, struct str *out)
{
	const char *state = member_word(action, "state");
	const char *words = wording_find(outcomes, state);
	json_t *exit_status = json_object_get(action, "exit");
	const char *error = member_word(action, "error");
	json_int_t ms = member_int(action, "duration_ms");
	bool ended =
	    strcmp(state, "failed") == 0 || strcmp(state, "succeeded") == 0;
	char duration[WHEN_SIZE];

	str_printf(out, "%s: %s", member_word(action, "name"),
	    words != NULL ? words : state);
	if (ended && json_integer_value(exit_status) != 0)
		str_printf(out, " with exit status %" JSON_INTEGER_FORMAT,
		    json_integer_value(exit_status));
	if (ended && ms > 0) {
		duration_write(ms < 1000 ? ms : ms / 1000 * 1000, duration);
		str_printf(out, " after %s", duration);
	}
	if (member_int(action, "attempt") > 1)
		str_printf(out, " (attempt %" JSON_INTEGER_FORMAT ")",
		    member_int(action, "attempt"));
	if (error[0] != '\0')
		str_printf(out, ": %s", error);
}

static void
step_add(struct message *m, const json_t *action)
{
	struct message_step *step = &m->steps[m->step_count];
	struct str text = { 0 };

	if (m->step_count == MESSAGE_STEPS) {
		m->shortened = true;
		return;
	}
	action_add(action, &text);
	step->text =
	    line_shown(str_text(&text), MESSAGE_STEP_MAX, &m->shortened);
	if (action_went_wrong(action))
		lines_split(m, &step->output,
		    json_text(json_object_get(action, "output")),
		    MESSAGE_OUTPUT_LINES, MESSAGE_LINE_MAX, true);
	m->step_count++;
	str_free(&text);
}

/* Heads. */

static bool
repair_went_wrong(const json_t *record)
{
	json_t *action;
	size_t i;

	json_array_foreach(json_object_get(record, "actions"), i,
	    action) if (action_went_wrong(action)) return true;
	return false;
}

static const char *
change_words(const json_t *record)
{
	const char *change = member_word(record, "change");
	const char *words = wording_find(changes, change);

	if (strcmp(change, "remediated") == 0 && repair_went_wrong(record))
		return "repair failed";
	if (words != NULL)
		return words;
	return change[0] != '\0' ? change : "changed";
}

static enum message_tone
tone_of(const json_t *record)
{
	const char *change = member_word(record, "change");
	const char *severity = member_word(record, "severity");

	if (strcmp(change, "resolved") == 0 ||
	    (strcmp(change, "remediated") == 0 && !repair_went_wrong(record)))
		return MESSAGE_GOOD;
	if (strcmp(severity, "critical") == 0)
		return MESSAGE_CRITICAL;
	if (strcmp(severity, "error") == 0)
		return MESSAGE_ERROR;
	return strcmp(severity, "warning") == 0 ? MESSAGE_WARNING
	                                        : MESSAGE_INFO;
}

static const char *
severity_of(const json_t *record)
{
	const char *severity = member_word(record, "severity");

	return severity[0] != '\0' ? severity : "incident";
}

static char *
title_of(struct message *m, const json_t *record)
{
	struct str text = { 0 };
	char *title;

	str_puts(&text, severity_of(record));
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] >= 'a' && text.data[i] <= 'z')
			text.data[i] -= 'a' - 'A';
	str_printf(&text, ": %s", change_words(record));
	title = line_shown(str_text(&text), MESSAGE_TITLE_MAX, &m->shortened);
	str_free(&text);
	return title;
}

/* The summary is cut again, so that the host behind it stays in sight. */
static char *
headline_of(struct message *m, const json_t *record)
{
	bool cut = false; /* the summary itself is in the message as well */
	char *summary = text_cut(text_of(m->summary), 200, &cut);
	char *host = member_line(m, record, "host", MESSAGE_NAME_MAX);
	struct str text = { 0 };
	char *headline;

	str_printf(&text, "[%s] %s: %s", severity_of(record),
	    change_words(record), summary);
	if (host != NULL)
		str_printf(&text, " (%s)", host);
	headline =
	    line_shown(str_text(&text), MESSAGE_HEADLINE_MAX, &m->shortened);
	free(summary);
	free(host);
	str_free(&text);
	return headline;
}

static char *
summary_of(struct message *m, const json_t *record)
{
	char *summary = member_line(m, record, "summary", MESSAGE_TEXT_MAX);

	if (summary == NULL)
		summary = member_line(m, record, "rule", MESSAGE_TEXT_MAX);
	return summary != NULL ? summary : mem_text("an incident");
}

/* Why a human is needed: what went wrong, else that nobody took it on. */
static void
reasons_add(const json_t *record, struct str *out)
{
	const char *separator = ": ";
	json_t *action;
	size_t i;

	str_puts(out, "A human is needed");
	json_array_foreach(json_object_get(record, "actions"), i, action)
	{
		if (!action_went_wrong(action))
			continue;
		str_puts(out, separator);
		action_add(action, out);
		separator = "; ";
	}
	if (!repair_went_wrong(record) &&
	    !json_is_string(json_object_get(record, "acknowledged_at")))
		str_puts(out, ": nobody has acknowledged it yet");
	str_putc(out, '.');
}

static char *
need_of(struct message *m, const json_t *record)
{
	const char *change = member_word(record, "change");
	struct str text = { 0 };
	char *need;

	if (strcmp(change, "escalated") == 0)
		reasons_add(record, &text);
	else if (strcmp(change, "reminded") == 0)
		str_puts(&text, "It is still open and nobody has acknowledged "
				"it.");
	else if (strcmp(change, "opened") == 0 &&
		 json_is_true(json_object_get(record, "late")))
		str_puts(&text, "Found late, in a backlog: no repair was run "
				"for it. Check whether it is still so.");
	need = line_shown(str_text(&text), MESSAGE_TEXT_MAX, &m->shortened);
	str_free(&text);
	return need;
}

static void
where_add(struct str *out, const char *text)
{
	if (text == NULL)
		return;
	if (out->len > 0)
		str_puts(out, DOT);
	str_puts(out, text);
}

static char *
place_of(struct message *m, const json_t *record)
{
	char *path = member_line(m, record, "path", MESSAGE_FACT_MAX);
	struct str place = { 0 };

	if (path == NULL)
		return NULL;
	str_puts(&place, path);
	if (member_int(record, "line") > 0)
		str_printf(&place, ":%" JSON_INTEGER_FORMAT,
		    member_int(record, "line"));
	free(path);
	return str_take(&place);
}

static char *
where_of(struct message *m, const json_t *record)
{
	char *parts[] = {
		member_line(m, record, "host", MESSAGE_NAME_MAX),
		member_line(m, record, "source", MESSAGE_NAME_MAX),
		place_of(m, record),
		member_line(m, record, "id", MESSAGE_NAME_MAX),
	};
	struct str where = { 0 };

	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		where_add(&where, parts[i]);
		free(parts[i]);
	}
	return where.len > 0 ? str_take(&where) : NULL;
}

static bool
is_link(const char *url)
{
	const char *host = strstr(url, "://");

	if (strncasecmp(url, "https://", 8) != 0 &&
	    strncasecmp(url, "http://", 7) != 0)
		return false;
	return isalnum((unsigned char)host[3]) || host[3] == '[';
}

/* A link that nothing in it can end: RFC 3986's characters, no others.  What
 * cannot be one stands among the facts. */
static char *
runbook_of(struct message *m, const json_t *record)
{
	struct text text = json_text(json_object_get(record, "runbook"));
	struct str out = { 0 };

	for (size_t i = 0; i < text.len && out.len <= MESSAGE_URL_MAX; i++) {
		unsigned char c = (unsigned char)text.data[i];

		if (c > ' ' && c < 0x7f && strchr("\"<>\\^`{|}", c) == NULL)
			str_putc(&out, (char)c);
		else
			str_printf(&out, "%%%02X", c);
	}
	if (out.len > 0 && out.len <= MESSAGE_URL_MAX && is_link(out.data))
		return str_take(&out);
	fact_add(m, TEXT("Runbook"), text);
	str_free(&out);
	return NULL;
}

struct message *
message_new(const json_t *record)
{
	struct message *m = mem_new(1, sizeof *m);
	json_t *context = json_object_get(record, "context");
	json_t *action;
	size_t i;

	m->tone = tone_of(record);
	m->title = title_of(m, record);
	m->summary = summary_of(m, record);
	m->headline = headline_of(m, record);
	m->need = need_of(m, record);
	m->description =
	    text_shown(json_text(json_object_get(record, "description")),
		MESSAGE_TEXT_MAX, &m->shortened);
	m->where = where_of(m, record);
	m->runbook = runbook_of(m, record);
	facts_add(m, record);
	lines_list(m, &m->before, json_object_get(context, "before"), true);
	lines_split(m, &m->event, json_text(json_object_get(record, "event")),
	    MESSAGE_LINES, MESSAGE_EVENT_LINE_MAX, false);
	lines_list(m, &m->after, json_object_get(context, "after"), false);
	json_array_foreach(json_object_get(record, "actions"), i, action)
	    step_add(m, action);
	return m;
}

void
message_free(struct message *m)
{
	if (m == NULL)
		return;
	free(m->title);
	free(m->headline);
	free(m->summary);
	free(m->need);
	free(m->description);
	free(m->where);
	free(m->runbook);
	for (size_t i = 0; i < m->fact_count; i++)
		fact_free(&m->facts[i]);
	lines_free(&m->before);
	lines_free(&m->event);
	lines_free(&m->after);
	for (size_t i = 0; i < m->step_count; i++) {
		free(m->steps[i].text);
		lines_free(&m->steps[i].output);
	}
	free(m);
}

/* Dropping: each function drops one piece and tells its bytes; 0: there is none
 * to drop. */

static size_t
lines_drop(struct message_lines *lines, size_t keep, bool first)
{
	size_t i = first ? 0 : lines->count - 1;
	size_t bytes;

	if (lines->count <= keep)
		return 0;
	bytes = strlen(lines->line[i]) + 1;
	free(lines->line[i]);
	lines->count--;
	lines->skipped++;
	memmove(lines->line + i, lines->line + i + 1,
	    (lines->count - i) * sizeof *lines->line);
	return bytes;
}

/* Cut a little shorter, it may well have more bytes than before. */
static size_t
text_drop(char **text, size_t max)
{
	bool cut = false;
	char *shorter;
	size_t before, after;

	if (*text == NULL)
		return 0;
	shorter = text_cut(text_of(*text), max, &cut);
	before = strlen(*text);
	after = strlen(shorter);
	free(*text);
	*text = shorter;
	if (!cut)
		return 0;
	return before > after ? before - after : 1;
}

static size_t
fact_drop(struct message *m)
{
	struct message_fact *fact;
	size_t bytes;

	if (m->fact_count == 0)
		return 0;
	fact = &m->facts[--m->fact_count];
	bytes = strlen(fact->name) + strlen(fact->value);
	fact_free(fact);
	return bytes;
}

static size_t
description_drop(struct message *m)
{
	size_t bytes = m->description != NULL ? strlen(m->description) : 0;

	free(m->description);
	m->description = NULL;
	return bytes;
}

static size_t
output_drop(struct message *m)
{
	size_t bytes = 0;

	for (size_t i = 0; i < m->step_count && bytes == 0; i++)
		bytes = lines_drop(&m->steps[i].output, 0, true);
	return bytes;
}

static size_t
event_drop(struct message *m)
{
	size_t bytes = lines_drop(&m->event, 1, false);

	if (bytes == 0 && m->event.count > 0)
		bytes = text_drop(&m->event.line[0], 500);
	return bytes;
}

static size_t
piece_drop(struct message *m)
{
	size_t bytes;

	if ((bytes = lines_drop(&m->after, 0, false)) > 0 ||
	    (bytes = lines_drop(&m->before, 0, true)) > 0 ||
	    (bytes = fact_drop(m)) > 0 || (bytes = description_drop(m)) > 0 ||
	    (bytes = output_drop(m)) > 0 || (bytes = event_drop(m)) > 0 ||
	    (bytes = text_drop(&m->need, 300)) > 0 ||
	    (bytes = text_drop(&m->summary, 300)) > 0)
		return bytes;
	return text_drop(&m->where, 300);
}

bool
message_drop(struct message *m, size_t over, size_t piece)
{
	size_t dropped = 0;

	m->shortened = true;
	while (dropped < over) {
		size_t bytes = piece_drop(m);

		if (bytes == 0)
			break;
		dropped += bytes + piece;
	}
	return dropped > 0;
}

/* Log lines. */

void
message_lines_add(
    const struct message_lines *lines, const char *prefix, struct str *out)
{
	for (size_t i = 0; i < lines->count; i++) {
		if (out->len > 0)
			str_putc(out, '\n');
		str_puts(out, prefix);
		str_puts(out, lines->line[i]);
	}
}

static void
skipped_add(
    const struct message_lines *lines, const char *what, struct str *out)
{
	if (lines->skipped == 0)
		return;
	if (out->len > 0)
		str_putc(out, '\n');
	str_printf(out, "  %s %zu more %s%s", ELLIPSIS, lines->skipped,
	    lines->skipped == 1 ? "line" : "lines", what);
}

void
message_log(const struct message *m, struct str *out)
{
	skipped_add(&m->before, " before", out);
	message_lines_add(&m->before, "  ", out);
	message_lines_add(&m->event, ARROW, out);
	skipped_add(&m->event, "", out);
	message_lines_add(&m->after, "  ", out);
	skipped_add(&m->after, " after", out);
}
