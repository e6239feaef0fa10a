/* SPDX-License-Identifier: MIT */
#include "match/explain.h"

#include "match/matcher.h"

#include <string.h>

const char *
answer_name(enum answer a)
{
	static const char *const names[] = {
		[ANSWER_HIT] = "hit",
		[ANSWER_MISS] = "miss",
		[ANSWER_EXCEPTED] = "excepted",
		[ANSWER_WHERE] = "where",
		[ANSWER_FAILED] = "failed",
		[ANSWER_NOT_ASKED] = "not-asked",
	};

	return names[a];
}

/* What an event that matches a part is held to then, in the order in which the
 * matcher asks. */
static void
hold(const struct rule *rule, enum part part, struct explained *event,
    struct explanation *out)
{
	const struct fields_spec spec = {
		.message = event->source->message,
		.wanted = rule->fields,
		.strip = event->source->strip,
	};

	out->part = part;
	out->answer = ANSWER_HIT;
	if (event->seen.object.data != NULL) {
		fields_read(&event->fields, event->seen.object, &spec);
		fields_capture(&event->fields, &out->captures);
	}
	out->where =
	    where_fails(&rule->where, &rule->parts[part], &out->captures);
	if (out->where != NULL) {
		out->answer = ANSWER_WHERE;
		return;
	}
	for (size_t i = 0; i < rule->except.count; i++) {
		struct text span;

		if (pattern_match(rule->except.v[i], event->seen.text, NULL,
			&span) != MATCH_YES)
			continue;
		out->answer = ANSWER_EXCEPTED;
		out->pattern = rule->except.v[i];
		out->span = span;
		return;
	}
}

static void
look_how_far(
    const struct patterns *ps, struct text event, struct explanation *out)
{
	for (size_t i = 0; i < ps->count; i++) {
		struct reach reach;
		bool known = pattern_reach(ps->v[i], event, &reach);

		if (out->pattern != NULL &&
		    reach.end - reach.start <=
			out->reach.end - out->reach.start)
			continue;
		out->pattern = ps->v[i];
		out->reach = reach;
		out->reach_known = known;
	}
}

void
explained_see(
    struct explained *e, const struct event_source *source, struct text line)
{
	e->source = source;
	seen_line(&e->seen, line, source->message, source->strip);
}

void
explained_free(struct explained *e)
{
	seen_free(&e->seen);
	fields_free(&e->fields);
}

void
explain_rule(const struct rule *rule, struct explained *event, bool far,
    struct explanation *out)
{
	static const enum part parts[] = { PART_MATCH, PART_SECOND };

	memset(out, 0, sizeof *out);
	out->part = PART_MATCH;
	out->answer = ANSWER_MISS;
	if (rule->disabled || rule->parts[PART_MATCH].count == 0) {
		out->answer = ANSWER_NOT_ASKED;
		return;
	}
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		const struct patterns *ps = &rule->parts[parts[i]];

		switch (patterns_match(
		    ps, event->seen.text, &out->captures, &out->span)) {
		case MATCH_YES:
			hold(rule, parts[i], event, out);
			return;
		case MATCH_FAILED:
			out->answer = ANSWER_FAILED;
			out->part = parts[i];
			return;
		case MATCH_NO:
			break;
		}
	}
	if (far)
		look_how_far(&rule->parts[PART_MATCH], event->seen.text, out);
}
