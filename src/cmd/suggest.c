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

#define PATTERN_MAX 160 /* about so long, for a person reads it */
#define LETTERS_MIN 8   /* of words: fewer say nothing */
#define LINE_MAX 4096   /* bytes of a line in a test */

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
	struct str scratch;
};

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

	if (s->found->pattern != NULL ||
	    unmatched_pattern_of(shape->text, PATTERN_MAX, &s->scratch) <
		LETTERS_MIN ||
	    !matches(s->scratch.data, line))
		return;
	set(s->found, s->scratch.data, line, shape->count);
}

static void
find_shape(struct suggestion *found, const struct sample *sample,
    const struct logkind *kind)
{
	struct search search = { sample, found, { 0 } };
	struct unmatched *u = unmatched_new();
	struct rule trouble;

	unmatched_rule(&trouble, 0);
	for (size_t i = 0; i < sample->count; i++) {
		struct event event = { .path = "", .line = (int64_t)i };

		if (logkind_begins(kind, sample->lines[i], &event.text) &&
		    patterns_match(&trouble.parts[PART_MATCH], event.text, NULL,
			NULL) == MATCH_YES &&
		    patterns_match(&trouble.except, event.text, NULL, NULL) ==
			MATCH_NO)
			unmatched_add(u, &event);
	}
	unmatched_each(u, on_shape, &search);
	rule_free(&trouble);
	unmatched_free(u);
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
		find_shape(s, sample, kind);
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
