/* SPDX-License-Identifier: MIT */
#include "match/stamping.h"

#include "base/mem.h"
#include "base/zone.h"
#include "conf/node.h"
#include "match/rule.h"

#include <stdlib.h>

const char *const stamping_words[] = { "auto", "none", NULL };

const struct key stamping_keys[] = {
	{ "match", false, .type = KEY_PATTERN, .shape = KEY_ONE_OR_LIST,
	    .need = KEY_REQUIRED,
	    .what = "What finds the stamp: its first capture, or else all of "
		    "it." },
	{ "format", false, .type = KEY_TEXT, .need = KEY_REQUIRED,
	    .what = "How strptime(3) reads it; %f or %L is a fraction, %s "
		    "seconds since 1970." },
	{ "zone", false, .type = KEY_TEXT,
	    .what = "Of a time without one, such as Asia/Taipei. Default: "
		    "that of TZ, or the machine's." },
	{ 0 },
};

static void
own_zone_read(struct stamping *s, const struct node *n, const char *owner)
{
	const char *name = NULL;
	struct err err;

	node_text(n, &name);
	zone_free(s->zone);
	s->spec.zone = s->zone = zone_open(name, &err);
	if (s->zone == NULL)
		node_error(n, "%s: timestamp: %s", owner, err.text);
}

static void
format_read(struct stamping *s, const struct node *n, const char *owner)
{
	const char *format, *fault;
	size_t offset;

	if (!node_text(n, &format))
		return;
	s->spec.format = mem_text(format);
	fault = stamp_format_fault(format, &offset);
	if (fault != NULL)
		node_error_at(n, offset, "%s: timestamp: %s", owner, fault);
}

static void
map_read(struct stamping *s, const struct node *n, const char *owner)
{
	struct str what = { 0 };

	str_printf(&what, "%s: timestamp", owner);
	if (node_keys(n, stamping_keys, NULL, what.data)) {
		s->spec.kind = STAMP_FORMAT;
		if (node_lacks(n, "format", stamping_keys))
			node_error(n, "%s: needs a 'format'", what.data);
		if (node_lacks(n, "match", stamping_keys))
			node_error(n,
			    "%s: needs a 'match', which finds the stamp",
			    what.data);
		patterns_read(&s->match, node_get(n, "match"), what.data);
		format_read(s, node_get(n, "format"), owner);
		if (node_get(n, "zone") != NULL)
			own_zone_read(s, node_get(n, "zone"), owner);
	}
	str_free(&what);
}

static enum stamp_order
order_here(void)
{
	static const char *const names[] = { "LC_ALL", "LC_TIME", "LANG" };

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		const char *value = getenv(names[i]);

		if (value != NULL && value[0] != '\0')
			return stamp_order_of(value);
	}
	return ORDER_UNKNOWN;
}

void
stamping_read(struct stamping *s, const struct node *n, const char *owner)
{
	struct err err;
	size_t word;

	/* What is wrong with the machine's own zone is no fault of the file. */
	s->spec.zone = s->zone = zone_open(NULL, &err);
	s->spec.order = order_here();
	if (n == NULL)
		return;
	if (node_kind(n) == NODE_MAP)
		map_read(s, n, owner);
	else if (node_word(n, stamping_words, &word))
		s->spec.kind = word == 0 ? STAMP_AUTO : STAMP_NONE;
}

void
stamping_free(struct stamping *s)
{
	free(s->spec.format);
	patterns_free(&s->match);
	zone_free(s->zone);
}

/* By the format, in what the pattern finds. */
static bool
stamp_in(const struct stamping *s, struct stamper *st, struct text text,
    int64_t reference_ms, int64_t *wall_ms)
{
	struct captures captures = { .count = 0 };
	struct text span;

	if (s->spec.kind != STAMP_FORMAT)
		return stamper_read(st, text, reference_ms, wall_ms);
	if (patterns_match(&s->match, text, &captures, &span) != MATCH_YES)
		return false;
	/* The first capture, or all of it. */
	return stamper_read(st, captures.count > 0 ? captures.v[0].value : span,
	    reference_ms, wall_ms);
}

bool
stamping_stamp(const struct stamping *s, struct stamper *st, struct text event,
    struct text object, int64_t reference_ms, int64_t *wall_ms)
{
	return (object.data != NULL &&
		   stamp_in(s, st, object, reference_ms, wall_ms)) ||
	       stamp_in(s, st, event, reference_ms, wall_ms);
}
