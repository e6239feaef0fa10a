/* SPDX-License-Identifier: MIT */
/*
 * Kinds are tried in order: the first of which enough lines are is taken.
 */
#include "cmd/logkind.h"

#include "base/mem.h"
#include "match/pattern.h"

#include <assert.h>

#define COMPOSE "^(?:[\\w.-]+ +\\| )?" /* docker compose: NAME  | LINE */
#define DAY "\\d{4}[-/]\\d\\d[-/]\\d\\d"
#define CLOCK "\\d\\d:\\d\\d:\\d\\d(?:[.,]\\d+)?"
#define ZONE "(?: ?(?:Z|UTC|GMT|[+-]\\d\\d:?\\d\\d))?"

static const struct spec {
	const char *name;
	const char *record; /* how an event begins, up to its message */
	size_t percent;     /* of the lines at least begin so, */
	const char *inside; /* and one at least is such; NULL: none need be */
	const char *start;  /* of `multiline`; NULL: */
	const char *continued; /* or this one; NULL: each line is an event */
	bool json;
} specs[] = {
	{ .name = "JSON objects, one a line",
	    .record = "^(?=\\{.*\\}$)",
	    .percent = 50,
	    .json = true },
	{ .name = "A Nest application's log",
	    .record = COMPOSE "\\[Nest\\] \\d+ +- [^\\[\\]]{6,40}? +"
			      "(?=(?:LOG|ERROR|WARN|DEBUG|VERBOSE|FATAL) )",
	    .percent = 5,
	    .start = COMPOSE "\\[Nest\\] " },
	{ .name = "PostgreSQL's log",
	    .record = "^" DAY " " CLOCK " [^\"]{2,160}?"
		      "(?=(?:LOG|ERROR|FATAL|PANIC|WARNING|NOTICE|INFO|"
		      "DETAIL|HINT|STATEMENT|CONTEXT|QUERY|LOCATION):  )",
	    .percent = 20,
	    .continued = "^\\t" },
	{ .name = "Syslog",
	    .record = "^(?:<\\d{1,3}>)?(?:1 )?"
		      "(?:[A-Z][a-z]{2} [ \\d]\\d " CLOCK
		      "|\\d{4}-\\d\\d-\\d\\dT" CLOCK ZONE ") [\\w.:-]+ "
		      "(?=[\\w./@:-]+(?:\\[\\d+\\])?: )",
	    .percent = 50 },
	{ .name = "A log whose events begin with a time",
	    .record = "^\\[?" DAY "[T ]" CLOCK ZONE "\\]?[ :]+",
	    .percent = 5,
	    .start = "^\\[?" DAY "[T ]\\d\\d:" },
	{ .name = "A log with stack traces",
	    .record = "^(?!\\s|Caused by: |$)",
	    .inside = "^\\s+at .*\\(.*\\)$",
	    .continued = "^\\s+(?:at |\\.\\.\\. \\d)|^Caused by: " },
	{ .name = "A log with Python's tracebacks",
	    .record = "^(?!\\s|Traceback |[\\w.]+(?:Error|Exception)\\b|$)",
	    .inside = "^Traceback \\(most recent call last\\):$",
	    .continued = "^\\s|^Traceback |^[\\w.]+(?:Error|Exception)\\b" },
	{ .name = "A log of single lines", .record = "^(?!$)" }, /* any is */
};

struct logkind {
	const struct spec *spec;
	struct pattern *record;
	bool joins; /* there are lines that begin no event */
};

static struct pattern *
known(const char *text)
{
	struct pattern *p = pattern_compile(text_of(text), NULL, NULL);

	assert(p != NULL);
	return p;
}

static size_t
count_matches(struct pattern *p, const struct text *lines, size_t count)
{
	size_t matches = 0;

	for (size_t i = 0; i < count; i++)
		matches += pattern_match(p, lines[i], NULL, NULL) == MATCH_YES;
	return matches;
}

/* How many of the lines begin an event of that kind; 0 also where it is not
 * their kind. */
static size_t
events_of(const struct spec *spec, struct pattern *record,
    const struct text *lines, size_t count)
{
	size_t events = count_matches(record, lines, count), inner = 1;

	if (spec->inside != NULL) {
		struct pattern *inside = known(spec->inside);

		inner = count_matches(inside, lines, count);
		pattern_free(inside);
	}
	return inner > 0 && events * 100 >= count * spec->percent ? events : 0;
}

struct logkind *
logkind_new(const struct text *lines, size_t count)
{
	const struct spec *last = &specs[sizeof specs / sizeof *specs - 1];
	struct logkind *k = mem_new(1, sizeof *k);
	size_t events;

	for (k->spec = specs;; k->spec++) {
		k->record = known(k->spec->record);
		events = events_of(k->spec, k->record, lines, count);
		if (events > 0 || k->spec == last)
			break;
		pattern_free(k->record);
	}
	k->joins = events < count;
	return k;
}

void
logkind_free(struct logkind *k)
{
	if (k == NULL)
		return;
	pattern_free(k->record);
	free(k);
}

const char *
logkind_name(const struct logkind *k)
{
	return k->spec->name;
}

bool
logkind_is_json(const struct logkind *k)
{
	return k->spec->json;
}

const char *
logkind_multiline(const struct logkind *k, bool *start)
{
	*start = k->spec->start != NULL;
	if (!k->joins)
		return NULL;
	return *start ? k->spec->start : k->spec->continued;
}

bool
logkind_begins(const struct logkind *k, struct text line, struct text *message)
{
	struct text span;

	if (pattern_match(k->record, line, NULL, &span) != MATCH_YES)
		return false;
	message->data = span.data + span.len;
	message->len = line.len - (size_t)(message->data - line.data);
	return true;
}
