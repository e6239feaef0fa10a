/* SPDX-License-Identifier: MIT */
/*
 * A graph of rules that must have no circle.
 */
#include "incident/causes.h"

#include "base/mem.h"
#include "conf/node.h"

struct linking {
	const struct rule *rules;
	struct policy *policies;
	size_t count;
	bool *seen; /* by index of the rule: leads nowhere */
};

static const struct node *
place_of(const struct node *map, size_t k)
{
	const struct node *names =
	    node_get(node_get(map, "caused_by"), "rules");

	return node_kind(names) == NODE_LIST ? node_at(names, k) : names;
}

static void
unknown(const struct linking *l, const struct rule *rule, const char *name,
    const struct node *at)
{
	const char **ids = mem_new(l->count, sizeof *ids);
	const struct defined defined = { "rule", NULL, ids, l->count };
	struct str what = { 0 };

	for (size_t i = 0; i < l->count; i++)
		ids[i] = l->rules[i].id;
	str_printf(&what, "rule '%s': caused_by", rule->id);
	node_undefined(at, what.data, name, &defined);
	str_free(&what);
	free(ids);
}

static void
link_one(
    struct linking *l, size_t rule, const char *name, const struct node *at)
{
	struct policy *p = &l->policies[rule];
	size_t i = 0;

	while (i < l->count && strcmp(l->rules[i].id, name) != 0)
		i++;
	if (i == l->count)
		unknown(l, &l->rules[rule], name, at);
	else if (i == rule)
		node_error(at,
		    "rule '%s': caused_by: a rule cannot be its own "
		    "cause",
		    name);
	else
		p->causes[p->cause_count++] = i;
}

/* Whether a way from cause to cause leads to a rule. */
static bool
leads_to(const struct linking *l, size_t from, size_t rule)
{
	const struct policy *p = &l->policies[from];

	if (l->seen[from])
		return false;
	l->seen[from] = true;
	for (size_t k = 0; k < p->cause_count; k++)
		if (p->causes[k] == rule || leads_to(l, p->causes[k], rule))
			return true;
	return false;
}

static void
check_circle(
    const struct linking *l, size_t rule, const struct node *const *maps)
{
	const struct policy *p = &l->policies[rule];

	memset(l->seen, false, l->count * sizeof *l->seen);
	for (size_t k = 0; k < p->cause_count; k++) {
		if (!leads_to(l, p->causes[k], rule))
			continue;
		node_error(node_get(node_get(maps[rule], "caused_by"), "rules"),
		    "rule '%s': caused_by: '%s' is caused by it too, perhaps "
		    "by way of others: which one is the cause?",
		    l->rules[rule].id, l->rules[p->causes[k]].id);
		return;
	}
}

void
causes_link(const struct rule *rules, struct policy *policies, size_t count,
    const struct node *const *maps, size_t map_count)
{
	struct linking l = { rules, policies, count,
		mem_new(count, sizeof(bool)) };

	for (size_t i = 0; i < map_count; i++) {
		struct policy *p = &policies[i];
		size_t names = 0;

		while (p->cause_names != NULL && p->cause_names[names] != NULL)
			names++;
		p->causes = mem_new(names, sizeof *p->causes);
		for (size_t k = 0; k < names; k++)
			link_one(
			    &l, i, p->cause_names[k], place_of(maps[i], k));
	}
	for (size_t i = 0; i < map_count; i++)
		check_circle(&l, i, maps);
	free(l.seen);
}
