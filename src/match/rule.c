/* SPDX-License-Identifier: MIT */
/*
 * Reads the patterns of a rule; every fault is told where it stands.
 */
#include "match/rule.h"

#include "base/mem.h"
#include "conf/node.h"

/* As word processors and chats make them of ' and ". */
static bool
is_in_typographic_quotes(struct text text)
{
	static const char *const opening[] = { "‘", "’", "“", "”", "„", "«" };

	for (size_t i = 0; i < sizeof opening / sizeof *opening; i++)
		if (strncmp(text.data, opening[i], strlen(opening[i])) == 0)
			return true;
	return false;
}

static void
pattern_read(struct patterns *ps, const struct node *n, const char *owner)
{
	struct text text;
	struct err err;
	struct pattern *p;
	size_t offset;

	if (!node_raw(n, &text))
		return;
	p = pattern_compile(text, &offset, &err);
	if (p == NULL) {
		node_error_at(n, offset, "%s: %s", owner, err.text);
		return;
	}
	if (node_is_plain(n) && is_in_typographic_quotes(text))
		node_warning(n,
		    "%s: quotes such as “ ” are part of the pattern; those of "
		    "YAML are ' '",
		    owner);
	if (node_is_cut(n))
		node_warning(n,
		    "%s: the pattern ends before ' #', where a comment begins; "
		    "put it in single quotes",
		    owner);
	if (pattern_matches_empty(p))
		node_warning(n,
		    "%s: the pattern matches the empty text, and so perhaps "
		    "every event",
		    owner);
	ps->v = mem_resize(ps->v, ps->count + 1, sizeof(struct pattern *));
	ps->v[ps->count++] = p;
}

void
patterns_read(struct patterns *ps, const struct node *n, const char *owner)
{
	if (n == NULL)
		return;
	if (node_kind(n) != NODE_LIST) {
		pattern_read(ps, n, owner);
		return;
	}
	if (node_count(n) == 0)
		node_error(n, "%s: the list of patterns is empty", owner);
	for (size_t i = 0; i < node_count(n); i++)
		pattern_read(ps, node_at(n, i), owner);
}

bool
patterns_capture(const struct patterns *ps, const char *name)
{
	for (size_t i = 0; i < ps->count; i++)
		for (size_t k = 0; k < pattern_names(ps->v[i]); k++)
			if (strcmp(pattern_name(ps->v[i], k), name) == 0)
				return true;
	return false;
}

/* What is no field. */
static bool
defines(const struct rule *rule, const char *name)
{
	for (const char *const *given = rule->given;
	     given != NULL && *given != NULL; given++)
		if (strcmp(*given, name) == 0)
			return true;
	return patterns_capture(&rule->parts[PART_MATCH], name) ||
	       patterns_capture(&rule->parts[PART_SECOND], name);
}

bool
rule_captures(const struct rule *rule, const char *name)
{
	return rule->reads_objects || defines(rule, name);
}

bool
rule_part_captures(const struct rule *rule, enum part part, const char *name)
{
	return rule->reads_objects ||
	       patterns_capture(&rule->parts[part], name);
}

void
rule_name(struct rule *rule, const char *name)
{
	size_t count = 0;

	if (!rule->reads_objects || defines(rule, name))
		return;
	for (; rule->fields != NULL && rule->fields[count] != NULL; count++)
		if (strcmp(rule->fields[count], name) == 0)
			return;
	rule->fields =
	    mem_resize(rule->fields, count + 2, sizeof *rule->fields);
	rule->fields[count] = mem_text(name);
	rule->fields[count + 1] = NULL;
}

const char *
rule_near(const struct rule *rule, const char *name)
{
	for (const char *const *given = rule->given;
	     given != NULL && *given != NULL; given++)
		if (diag_suggest(name, given, 1) != NULL)
			return *given;
	for (int part = PART_SECOND; part <= PART_MATCH; part++)
		for (size_t i = 0; i < rule->parts[part].count; i++) {
			const struct pattern *p = rule->parts[part].v[i];

			for (size_t k = 0; k < pattern_names(p); k++) {
				const char *one = pattern_name(p, k);
				const char *near = diag_suggest(name, &one, 1);

				if (near != NULL)
					return near;
			}
		}
	return NULL;
}

void
rule_unknown_capture(const struct rule *rule, const char *name,
    const struct node *at, const char *owner, const char *part)
{
	const char *near = rule_near(rule, name);

	if (near != NULL)
		node_error(at,
		    "%s: %s: no pattern of the rule has a capture (?<%s>…) "
		    "(did you mean '%s'?)",
		    owner, part, name, near);
	else if (strspn(name, "0123456789") == strlen(name))
		node_error(at,
		    "%s: %s: captures have names, (?<name>…), not numbers such "
		    "as '%s'",
		    owner, part, name);
	else
		node_error(at,
		    "%s: %s: no pattern of the rule has a capture (?<%s>…)",
		    owner, part, name);
}

static void
source_read(bool *flags, const char *name, const struct node *at,
    const struct source_names *sources, const char *owner)
{
	const struct defined defined = { "source", "sources", sources->names,
		sources->count };

	for (size_t i = 0; i < sources->count; i++)
		if (strcmp(sources->names[i], name) == 0) {
			flags[i] = true;
			return;
		}
	if (sources->count == 0)
		return; /* that there are none is told already */
	node_undefined(at, owner, name, &defined);
}

bool *
sources_read(
    const struct node *n, const struct source_names *sources, const char *owner)
{
	bool *flags = mem_new(sources->count, sizeof *flags);
	char **names = NULL;
	size_t count = 0;

	if (n == NULL)
		memset(flags, true, sources->count * sizeof *flags);
	else if (node_texts(n, true, &names, &count))
		for (size_t i = 0; i < count; i++)
			source_read(flags, names[i],
			    node_kind(n) == NODE_LIST ? node_at(n, i) : n,
			    sources, owner);
	node_texts_free(names);
	return flags;
}

static void
key_read(struct rule *rule, const struct node *n, const char *owner)
{
	if (!node_texts(n, true, &rule->key, &rule->keys))
		return;
	for (size_t i = 0; i < rule->keys; i++) {
		rule_name(rule, rule->key[i]);
		if (!rule_captures(rule, rule->key[i]))
			rule_unknown_capture(rule, rule->key[i],
			    node_kind(n) == NODE_LIST ? node_at(n, i) : n,
			    owner, "key");
	}
}

static void
where_check(struct rule *rule, const struct node *n, const char *owner)
{
	for (size_t i = 0; i < rule->where.count; i++) {
		struct where_one *one = &rule->where.v[i];

		one->field = !defines(rule, one->name);
		rule_name(rule, one->name);
		if (!rule_captures(rule, one->name))
			rule_unknown_capture(
			    rule, one->name, n, owner, "where");
	}
}

/* Whether a pattern is in both, as it is written. */
static bool
patterns_share(const struct patterns *a, const struct patterns *b)
{
	for (size_t i = 0; i < a->count; i++)
		for (size_t k = 0; k < b->count; k++) {
			struct text text = pattern_text(b->v[k]);

			if (text_equal(pattern_text(a->v[i]), text))
				return true;
		}
	return false;
}

/* What is legal and cannot be meant. */
static void
slips_check(const struct rule *rule, const struct node *map, const char *owner)
{
	const struct patterns *match = &rule->parts[PART_MATCH];

	if (match->count == 1 && patterns_share(match, &rule->except))
		node_warning(node_get(map, "except"),
		    "%s: except: the same pattern as in 'match', so that no "
		    "event is a hit",
		    owner);
	if (rule->parts[PART_SECOND].count == 0 &&
	    patterns_share(match, &rule->parts[PART_RESOLVE]))
		node_warning(node_get(node_get(map, "resolve"), "match"),
		    "%s: resolve: match: the same pattern as in 'match', so "
		    "that each hit resolves the incident of the last and opens "
		    "another",
		    owner);
}

void
rule_read(struct rule *rule, const char *id, const struct node *map,
    const struct source_names *sources)
{
	bool missing = node_get(map, "not_followed_by") != NULL;
	const char *second = missing ? "not_followed_by" : "followed_by";
	const struct node *resolve = node_get(map, "resolve");
	bool absent = node_get(map, "absent") != NULL;
	struct str owner = { 0 }, part = { 0 };

	str_printf(&owner, "rule '%s'", id);
	rule->id = mem_text(id);
	rule->sources =
	    sources_read(node_get(map, "source"), sources, owner.data);
	rule->source_count = sources->count;
	for (size_t i = 0; sources->objects && i < sources->count; i++)
		rule->reads_objects |= rule->sources[i] && sources->objects[i];
	str_printf(&part, "%s: %s", owner.data, absent ? "absent" : "match");
	patterns_read(&rule->parts[PART_MATCH],
	    node_get(map, absent ? "absent" : "match"), part.data);
	str_clear(&part);
	str_printf(&part, "%s: %s: match", owner.data, second);
	patterns_read(&rule->parts[PART_SECOND],
	    node_get(node_get(map, second), "match"), part.data);
	str_clear(&part);
	str_printf(&part, "%s: resolve: match", owner.data);
	patterns_read(
	    &rule->parts[PART_RESOLVE], node_get(resolve, "match"), part.data);
	str_clear(&part);
	str_printf(&part, "%s: except", owner.data);
	patterns_read(&rule->except, node_get(map, "except"), part.data);
	where_read(&rule->where, node_get(map, "where"), owner.data);
	where_check(rule, node_get(map, "where"), owner.data);
	key_read(rule, node_get(map, "key"), owner.data);
	slips_check(rule, map, owner.data);
	str_free(&owner);
	str_free(&part);
}

void
rule_free(struct rule *rule)
{
	for (size_t i = 0; i < PART_COUNT; i++)
		patterns_free(&rule->parts[i]);
	patterns_free(&rule->except);
	where_free(&rule->where);
	node_texts_free(rule->key);
	node_texts_free(rule->fields);
	free(rule->sources);
	free(rule->id);
}
