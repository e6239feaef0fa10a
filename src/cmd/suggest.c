/* SPDX-License-Identifier: MIT */
/*
 * The most frequent shape of lines that look like trouble, as a pattern: of a
 * JSON log the field that tells how bad it is.
 */
#include "cmd/suggest.h"

#include "base/mem.h"
#include "base/utf8.h"
#include "cmd/logkind.h"
#include "cmd/sample.h"
#include "cmd/unmatched.h"
#include "event/event.h"

#include <assert.h>
#include <inttypes.h>

#define TAKEN_MIN 100 /* bytes of a line that a pattern is made of; more */
#define TAKEN_MAX 300 /* where what looks like trouble is further behind */
#define LETTERS_MIN 8 /* of words: fewer say nothing */
#define LINE_MAX 4096 /* bytes of a line in a test */

static const char anything[] =
    "(?i)\\b(?:error|fatal|panic|critical|exception)\\b";
static const char anything_line[] = "ERROR this line is made up";

/* How bad a JSON object says that it is; numbers are pino's and bunyan's. */
static const char *const json_levels[] = {
	"\"(?:level|severity|levelname|log\\.level)\": ?"
	"\"(?i:error|err|fatal|critical|alert|emerg|panic)\"",
	"\"level\": ?(?:50|60)\\b",
	anything,
};

struct search {
	const struct sample *sample;
	struct suggestion *found;
	struct rule trouble; /* what looks like it */
	struct str scratch;
};

/* How much of a message its pattern has to stand for: with less, it would match
 * what is no trouble. */
static size_t
taken(const struct search *s, struct text message)
{
	struct text span;
	size_t end;

	if (patterns_match(&s->trouble.parts[PART_MATCH], message, NULL,
		&span) != MATCH_YES)
		return SIZE_MAX;
	end = (size_t)(span.data + span.len - message.data);
	return end > TAKEN_MIN ? end : TAKEN_MIN;
}

static void
set(struct suggestion *s, const char *pattern, struct text line, uint64_t count)
{
	line = utf8_head_bytes(line, LINE_MAX);
	*s = (struct suggestion){ mem_text(pattern),
		mem_copy(line.data, line.len), line.len, count };
}

/* Whether a line that is cut as a test has it is still matched. */
static bool
matches(const char *pattern, struct text line)
{
	struct pattern *p = pattern_compile(text_of(pattern), NULL, NULL);
	bool yes =
	    p != NULL && pattern_match(p, utf8_head_bytes(line, LINE_MAX), NULL,
			     NULL) == MATCH_YES;

	pattern_free(p);
	return yes;
}

/* Shapes come with the most frequent first: takes the first that can be had. */
static void
on_shape(const struct unmatched_shape *shape, void *ctx)
{
	struct search *s = ctx;
	struct text line = s->sample->lines[shape->line];
	size_t most;

	if (s->found->pattern != NULL)
		return;
	most = taken(s, shape->text);
	if (most > TAKEN_MAX ||
	    unmatched_pattern_of(shape->text, most, &s->scratch) <
		LETTERS_MIN ||
	    !matches(s->scratch.data, line))
		return;
	set(s->found, s->scratch.data, line, shape->count);
}

/* kind  tells which lines begin an event, that only those are looked at; NULL:
 *       all are */
static void
find_shape(struct search *s, const struct logkind *kind)
{
	const struct patterns *match = &s->trouble.parts[PART_MATCH];
	const struct patterns *except = &s->trouble.except;
	struct unmatched *u = unmatched_new();

	for (size_t i = 0; i < s->sample->count; i++) {
		struct event e = { .path = "",
			.line = (int64_t)i,
			.text = s->sample->lines[i] };

		if ((kind == NULL || logkind_begins(kind, e.text, &e.text)) &&
		    patterns_match(match, e.text, NULL, NULL) == MATCH_YES &&
		    patterns_match(except, e.text, NULL, NULL) == MATCH_NO)
			unmatched_add(u, &e);
	}
	unmatched_each(u, on_shape, s);
	unmatched_free(u);
}

static void
find_trouble(struct suggestion *found, const struct sample *sample,
    const struct logkind *kind)
{
	struct search search = { .sample = sample, .found = found };

	unmatched_rule(&search.trouble, 0);
	find_shape(&search, kind);
	if (found->pattern == NULL) /* what is printed within an event */
		find_shape(&search, NULL);
	rule_free(&search.trouble);
	str_free(&search.scratch);
}

/* A pattern that is known, if lines match it. */
static void
find_known(
    struct suggestion *found, const struct sample *sample, const char *pattern)
{
	struct pattern *p = pattern_compile(text_of(pattern), NULL, NULL);
	const struct text *first = NULL;
	uint64_t count = 0;

	assert(p != NULL);
	for (size_t i = 0; i < sample->count; i++) {
		struct text line = utf8_head_bytes(sample->lines[i], LINE_MAX);

		if (pattern_match(p, line, NULL, NULL) != MATCH_YES)
			continue;
		count++;
		if (first == NULL)
			first = &sample->lines[i];
	}
	if (first != NULL)
		set(found, pattern, *first, count);
	pattern_free(p);
}

void
suggestion_find(struct suggestion *s, const struct sample *sample,
    const struct logkind *kind)
{
	size_t levels = sizeof json_levels / sizeof *json_levels;

	*s = (struct suggestion){ 0 };
	if (!logkind_is_json(kind))
		find_trouble(s, sample, kind);
	else
		for (size_t i = 0; i < levels && s->pattern == NULL; i++)
			find_known(s, sample, json_levels[i]);
	if (s->pattern == NULL)
		find_known(s, sample, anything);
	if (s->pattern == NULL)
		set(s, anything, text_of(anything_line), 0);
}

void
suggestion_free(struct suggestion *s)
{
	free(s->pattern);
	free(s->line);
}
