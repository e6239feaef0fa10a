/* SPDX-License-Identifier: MIT */
#include "match/where.h"

#include "base/mem.h"
#include "base/number.h"
#include "conf/node.h"
#include "match/rule.h"

#include <stdlib.h>
#include <string.h>

#define EXACT_MAX 15 /* of one that a double holds exactly */

/* Those with two characters first. */
static const struct {
	const char *text;
	enum where_op number, otherwise; /* for a number; for any text */
	bool only_number;
} ops[] = {
	{ ">=", WHERE_AT_LEAST, WHERE_IS, true },
	{ "<=", WHERE_AT_MOST, WHERE_IS, true },
	{ "!=", WHERE_UNEQUAL, WHERE_IS_NOT, false },
	{ "==", WHERE_EQUAL, WHERE_IS, false },
	{ ">", WHERE_ABOVE, WHERE_IS, true },
	{ "<", WHERE_LESS, WHERE_IS, true },
};

static void
one_read(struct where_one *one, const struct node *n, const char *text,
    const char *owner)
{
	for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
		size_t len = strlen(ops[i].text);
		const char *rest = text + len;

		if (strncmp(text, ops[i].text, len) != 0)
			continue;
		rest += strspn(rest, " ");
		one->op = ops[i].number;
		if (!number_read(text_of(rest), &one->number)) {
			one->op = ops[i].otherwise;
			if (ops[i].only_number)
				node_error(n,
				    "%s: where: %s: '%s' needs a number, "
				    "not '%.60s'",
				    owner, one->name, ops[i].text, rest);
		}
		one->text = mem_text(rest);
		return;
	}
	if (*text == '=' || *text == '~' || *text == '!')
		node_warning(n,
		    "%s: where: %s: all of '%.60s' is the text that it has to "
		    "be; comparisons begin with >=, >, <=, <, == or !=",
		    owner, one->name, text);
	one->op = WHERE_IS;
	one->text = mem_text(text);
}

void
where_read(struct where *w, const struct node *n, const char *owner)
{
	if (n == NULL)
		return;
	if (node_kind(n) != NODE_MAP) {
		node_error(n,
		    "%s: where: expected a map of captures and what they have "
		    "to be, not %s",
		    owner, node_kind_name(n));
		return;
	}
	w->v = mem_new(node_count(n), sizeof *w->v);
	for (size_t i = 0; i < node_count(n); i++) {
		const struct node *value = node_at(n, i);
		const char *text;

		if (!node_text(value, &text))
			continue;
		w->v[w->count].name = mem_text(node_key_name(n, i));
		one_read(&w->v[w->count++], value, text, owner);
	}
}

void
where_free(struct where *w)
{
	for (size_t i = 0; i < w->count; i++) {
		free(w->v[i].name);
		free(w->v[i].text);
	}
	free(w->v);
}

/* What is longer than a double is exact is the same only as text. */
static bool
is_equal(const struct where_one *one, struct text value, double number)
{
	if (value.len > EXACT_MAX || strlen(one->text) > EXACT_MAX)
		return text_is(value, one->text);
	return number == one->number;
}

static bool
compare(const struct where_one *one, struct text value)
{
	double number;

	if (one->op == WHERE_IS || one->op == WHERE_IS_NOT)
		return text_is(value, one->text) == (one->op == WHERE_IS);
	if (!number_read(value, &number))
		return one->op == WHERE_UNEQUAL;
	switch (one->op) {
	case WHERE_EQUAL:
		return is_equal(one, value, number);
	case WHERE_UNEQUAL:
		return !is_equal(one, value, number);
	case WHERE_LESS:
		return number < one->number;
	case WHERE_AT_MOST:
		return number <= one->number;
	case WHERE_ABOVE:
		return number > one->number;
	default:
		return number >= one->number;
	}
}

const struct where_one *
where_fails(const struct where *w, const struct patterns *defined,
    const struct captures *captures)
{
	for (size_t i = 0; i < w->count; i++) {
		const struct where_one *one = &w->v[i];
		struct text value = captures_get(captures, one->name);

		if (value.data == NULL) {
			if (!one->field &&
			    !patterns_capture(defined, one->name))
				continue;
			value = TEXT("");
		}
		if (!compare(one, value))
			return one;
	}
	return NULL;
}

bool
where_holds(const struct where *w, const struct patterns *defined,
    const struct captures *captures)
{
	return where_fails(w, defined, captures) == NULL;
}

void
where_write(const struct where_one *one, struct str *out)
{
	if (one->op == WHERE_IS_NOT)
		str_printf(out, "!= ");
	for (size_t i = 0; i < sizeof ops / sizeof *ops; i++)
		if (ops[i].number == one->op) {
			str_printf(out, "%s %.15g", ops[i].text, one->number);
			return;
		}
	str_printf(out, "'%s'", one->text);
}
