/* SPDX-License-Identifier: MIT */
#include "cmd/explanation.h"

#include "base/utf8.h"
#include "cmd/cmd.h"
#include "incident/record.h"
#include "ruleset.h"

#include <inttypes.h>
#include <string.h>

#define SHOWN_BEFORE 30 /* code points in front of what is marked */
#define SHOWN_MAX 100   /* and in all */

const char *
not_asked_why(const struct ruleset *rs, size_t rule)
{
	if (rs->rules[rule].disabled)
		return "it is switched off";
	switch (rs->detectors[rule].kind) {
	case DETECT_PROCESS:
		return "it looks at processes, not at the log";
	case DETECT_PROBE:
		return "it asks a program, not the log";
	case DETECT_HTTP:
		return "it asks a server, not the log";
	case DETECT_SCHEDULE:
		return "it goes by the clock, not by the log";
	case DETECT_MATCH:
	case DETECT_PAIR:
	case DETECT_MISSING:
	case DETECT_ABSENT:
		break;
	}
	return NULL;
}

static const char *
part_name(const struct ruleset *rs, size_t rule, enum part part)
{
	if (rs->detectors[rule].kind == DETECT_ABSENT)
		return "absent";
	if (part != PART_SECOND)
		return "match";
	return rs->detectors[rule].kind == DETECT_MISSING ? "not_followed_by"
	                                                  : "followed_by";
}

/* Goes back in well-formed text by so many code points. */
static size_t
back(struct text text, size_t at, size_t points)
{
	while (at > 0 && points > 0)
		if (((unsigned char)text.data[--at] & 0xc0) != 0x80)
			points--;
	return at;
}

/* A character in one column; what is none is shown as a blank. */
static void
put_char(struct text one, uint32_t code, FILE *out)
{
	if (utf8_is_control(code))
		fputc(' ', out);
	else
		fwrite(one.data, 1, one.len, out);
}

/* A text, and below it '~' under bytes from..to and '^' behind them. */
static void
print_marked(const char *title, struct text text, size_t from, size_t to,
    bool behind, FILE *out)
{
	size_t start = back(text, from, SHOWN_BEFORE), points = 0;
	struct text rest = { text.data + start, text.len - start };
	struct str marks = { 0 };

	fprintf(out, "    %-8s %s", title, start > 0 ? "..." : "");
	for (; rest.len > 0 && points < SHOWN_MAX; points++) {
		struct utf8_char c = utf8_next(rest);
		size_t at = (size_t)(rest.data - text.data);

		put_char((struct text){ rest.data, c.len }, c.code, out);
		str_add(&marks,
		    at >= from && at < to ? "~"
		    : at == to && behind  ? "^"
					  : " ",
		    1);
		rest.data += c.len;
		rest.len -= c.len;
	}
	if (rest.len > 0)
		fputs("...", out);
	else if (to == text.len && behind)
		str_add(&marks, "^", 1);
	while (marks.len > 0 && marks.data[marks.len - 1] == ' ')
		marks.len--;
	fprintf(out, "\n    %-8s %s%.*s\n", "", start > 0 ? "   " : "",
	    (int)marks.len, marks.len > 0 ? marks.data : "");
	str_free(&marks);
}

static void
print_captures(const struct captures *cs, FILE *out)
{
	for (size_t i = 0; i < cs->count; i++) {
		fprintf(out, " %s='", cs->v[i].name);
		display(cs->v[i].value, out);
		fputc('\'', out);
	}
}

static size_t
offset_in(struct text text, struct text part)
{
	return (size_t)(part.data - text.data);
}

static void
print_span(struct text event, const struct explanation *x, FILE *out)
{
	size_t from = offset_in(event, x->span);

	print_marked("event", event, from, from + x->span.len, false, out);
}

static void
print_miss(struct text event, const struct explanation *x, FILE *out)
{
	const struct reach *r = &x->reach;
	struct text pattern;

	if (x->pattern == NULL)
		return;
	pattern = pattern_text(x->pattern);
	if (r->end == r->start)
		fputs("    nothing in the event begins as the pattern does\n",
		    out);
	print_marked("pattern", pattern, 0, r->want, true, out);
	if (r->end > r->start)
		print_marked("event", event, r->start, r->end, true, out);
	if (!x->reach_known)
		fputs("    it took too long to look farther\n", out);
}

static void
print_where(const struct explanation *x, FILE *out)
{
	struct str wanted = { 0 };

	where_write(x->where, &wanted);
	fprintf(out, "where: %s is '", x->where->name);
	display(captures_get(&x->captures, x->where->name), out);
	fprintf(out, "', not %s\n", wanted.data);
	str_free(&wanted);
}

void
explanation_print(const struct ruleset *rs, size_t rule, struct text event,
    const struct explanation *x, bool colour, FILE *out)
{
	const char *part = part_name(rs, rule, x->part);
	const char *why = not_asked_why(rs, rule);

	fprintf(out, "%s%s: %s%s ", rs->rules[rule].id,
	    colour ? (x->answer == ANSWER_HIT ? "\033[1;32m" : "\033[1m") : "",
	    x->answer == ANSWER_HIT ? "yes:" : "no:", colour ? "\033[0m" : "");
	switch (x->answer) {
	case ANSWER_HIT:
		fprintf(out, "%s", part);
		print_captures(&x->captures, out);
		fputc('\n', out);
		print_span(event, x, out);
		break;
	case ANSWER_MISS:
		fprintf(out, "%s\n", part);
		print_miss(event, x, out);
		break;
	case ANSWER_EXCEPTED:
		fputs("except: it matches too\n", out);
		print_marked(
		    "pattern", pattern_text(x->pattern), 0, 0, false, out);
		print_span(event, x, out);
		break;
	case ANSWER_WHERE:
		print_where(x, out);
		print_span(event, x, out);
		break;
	case ANSWER_FAILED:
		fprintf(out,
		    "%s: the pattern hit its match limit; make it "
		    "simpler\n",
		    part);
		break;
	case ANSWER_NOT_ASKED:
		fprintf(out, "%s\n", why != NULL ? why : "it reads no log");
		break;
	}
}

static void
set_part(
    json_t *json, const char *name, struct text text, size_t from, size_t to)
{
	json_t *object = json_object();

	json_object_set_new(object, "start", json_integer((json_int_t)from));
	json_object_set_new(object, "end", json_integer((json_int_t)to));
	json_object_set_new(object, "text",
	    record_text((struct text){ text.data + from, to - from }));
	json_object_set_new(json, name, object);
}

static void
set_miss(json_t *json, struct text event, const struct explanation *x)
{
	const struct reach *r = &x->reach;
	struct text pattern = pattern_text(x->pattern);
	struct text saw = { event.data + r->end, event.len - r->end };

	json_object_set_new(json, "pattern", record_text(pattern));
	set_part(json, "matched", event, r->start, r->end);
	set_part(json, "wanted", pattern, r->want, r->want + r->want_len);
	json_object_set_new(json, "saw", record_text(utf8_head(saw, 20)));
}

json_t *
explanation_json(const struct ruleset *rs, size_t rule, struct text event,
    const struct explanation *x)
{
	json_t *json = json_object(), *captures = json_object();
	size_t from = x->span.data != NULL ? offset_in(event, x->span) : 0;
	struct str wanted = { 0 };

	for (size_t i = 0; i < x->captures.count; i++)
		json_object_set_new(captures, x->captures.v[i].name,
		    record_text(x->captures.v[i].value));
	json_object_set_new(json, "rule", json_string(rs->rules[rule].id));
	json_object_set_new(
	    json, "verdict", json_string(answer_name(x->answer)));
	json_object_set_new(
	    json, "part", json_string(part_name(rs, rule, x->part)));
	json_object_set_new(json, "captures", captures);
	if (x->answer == ANSWER_MISS && x->pattern != NULL)
		set_miss(json, event, x);
	if (x->answer == ANSWER_EXCEPTED)
		json_object_set_new(
		    json, "pattern", record_text(pattern_text(x->pattern)));
	if (x->span.data != NULL)
		set_part(json, "matched", event, from, from + x->span.len);
	if (x->where != NULL) {
		where_write(x->where, &wanted);
		json_object_set_new(json, "name", json_string(x->where->name));
		json_object_set_new(
		    json, "wanted", record_text(str_text(&wanted)));
		json_object_set_new(json, "saw",
		    record_text(captures_get(&x->captures, x->where->name)));
	}
	str_free(&wanted);
	return json;
}
