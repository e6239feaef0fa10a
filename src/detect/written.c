/* SPDX-License-Identifier: MIT */
/*
 * FNV-1a, of 64 bits, over the values: nobody gains from two that are equal.
 */
#include "detect/written.h"

#include "conf/node.h"

#include <string.h>

#define FNV_OFFSET UINT64_C(0xcbf29ce484222325)
#define FNV_PRIME UINT64_C(0x100000001b3)

static const char *const names[] = { "source", "match", "followed_by",
	"not_followed_by", "absent", "process", "probe", "http", "schedule",
	"for", "forget", "above", "below", "output", "not_falling", "status",
	"except", "where", "key", "threshold", NULL };
/* In these a variable is none. */
static const char *const patterns[] = { "match", "absent", "output", "except",
	"cmdline", NULL };

static uint64_t
add(uint64_t hash, const void *data, size_t len)
{
	const unsigned char *p = data;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ p[i]) * FNV_PRIME;
	return hash;
}

/* Each behind its length, so that no two look like one. */
static uint64_t
add_text(uint64_t hash, struct text text)
{
	uint64_t len = text.len;

	return add(add(hash, &len, sizeof len), text.data, text.len);
}

static bool
is_one_of(const char *name, const char *const *list)
{
	while (*list != NULL && strcmp(name, *list) != 0)
		list++;
	return *list != NULL;
}

static uint64_t
add_scalar(uint64_t hash, const struct node *n, const char *key)
{
	struct text raw;
	const char *text;

	if (is_one_of(key, patterns))
		return node_raw(n, &raw) ? add_text(hash, raw) : hash;
	return node_text(n, &text) ? add_text(hash, text_of(text)) : hash;
}

static uint64_t add_node(uint64_t hash, const struct node *n, const char *key);

/* In any order: sums have none. */
static uint64_t
add_map(uint64_t hash, const struct node *n)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < node_count(n); i++) {
		const char *key = node_key_name(n, i);

		sum += add_node(
		    add_text(FNV_OFFSET, text_of(key)), node_at(n, i), key);
	}
	return add(hash, &sum, sizeof sum);
}

static uint64_t
add_node(uint64_t hash, const struct node *n, const char *key)
{
	switch (node_kind(n)) {
	case NODE_SCALAR:
		hash = add_scalar(hash, n, key);
		break;
	case NODE_LIST:
		for (size_t i = 0; i < node_count(n); i++)
			hash = add_node(hash, node_at(n, i), key);
		break;
	case NODE_MAP:
		hash = add_map(hash, n);
		break;
	}
	return hash;
}

uint64_t
written_of(const struct node *rule)
{
	uint64_t hash = FNV_OFFSET;

	for (const char *const *name = names; *name != NULL; name++) {
		const struct node *n = node_get(rule, *name);

		if (n != NULL)
			hash =
			    add_node(add_text(hash, text_of(*name)), n, *name);
	}
	return hash;
}
