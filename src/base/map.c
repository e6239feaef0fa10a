/* SPDX-License-Identifier: MIT */
/*
 * A hash table with chains, its entries also on one list by age.
 */
#include "base/map.h"

#include "base/mem.h"

#include <assert.h>
#include <sys/random.h>

struct entry {
	struct entry *chain;
	struct entry *older, *newer;
	uint64_t hash;
	void *value;
	size_t len;
	char key[];
};

struct map {
	struct entry **buckets;
	size_t size; /* a power of two */
	size_t count, max;
	uint64_t seed, evicted;
	struct entry *oldest, *newest;
	map_free_fn *free_value;
};

/* FNV-1a, seeded: a log cannot choose keys that meet in one chain. */
static uint64_t
hash(const struct map *m, struct text key)
{
	uint64_t h = m->seed ^ 0xcbf29ce484222325;

	for (size_t i = 0; i < key.len; i++)
		h = (h ^ (unsigned char)key.data[i]) * 0x100000001b3;
	return h ^ (h >> 32);
}

struct map *
map_new(size_t max, map_free_fn *free_value)
{
	struct map *m = mem_new(1, sizeof *m);

	assert(max > 0);
	m->max = max;
	m->size = 8;
	m->buckets = mem_new(m->size, sizeof(struct entry *));
	m->free_value = free_value;
	if (getrandom(&m->seed, sizeof m->seed, GRND_NONBLOCK) < 0)
		m->seed = (uint64_t)(uintptr_t)m;
	return m;
}

static struct entry **
find(const struct map *m, struct text key, uint64_t h)
{
	struct entry **link = &m->buckets[h & (m->size - 1)];

	for (; *link != NULL; link = &(*link)->chain) {
		struct entry *e = *link;

		if (e->hash == h &&
		    text_equal((struct text){ e->key, e->len }, key))
			break;
	}
	return link;
}

static void
drop(struct map *m, struct entry **link)
{
	struct entry *e = *link;

	*link = e->chain;
	if (e->older != NULL)
		e->older->newer = e->newer;
	else
		m->oldest = e->newer;
	if (e->newer != NULL)
		e->newer->older = e->older;
	else
		m->newest = e->older;
	m->count--;
	if (m->free_value != NULL)
		m->free_value(e->value);
	free(e);
}

static void
grow(struct map *m)
{
	m->size *= 2;
	free(m->buckets);
	m->buckets = mem_new(m->size, sizeof(struct entry *));
	for (struct entry *e = m->oldest; e != NULL; e = e->newer) {
		struct entry **bucket = &m->buckets[e->hash & (m->size - 1)];

		e->chain = *bucket;
		*bucket = e;
	}
}

void *
map_get(const struct map *m, struct text key)
{
	struct entry *e = *find(m, key, hash(m, key));

	return e != NULL ? e->value : NULL;
}

void
map_put(struct map *m, struct text key, void *value)
{
	struct entry *e = mem_check(malloc(sizeof *e + key.len + 1));

	assert(value != NULL);
	*e = (struct entry){
		.hash = hash(m, key), .value = value, .len = key.len
	};
	if (key.len > 0)
		memcpy(e->key, key.data, key.len);
	map_remove(m, (struct text){ e->key, e->len });
	if (m->count == m->max) {
		map_remove(m, (struct text){ m->oldest->key, m->oldest->len });
		m->evicted++;
	}
	if (m->count >= m->size)
		grow(m);
	e->chain = m->buckets[e->hash & (m->size - 1)];
	m->buckets[e->hash & (m->size - 1)] = e;
	e->older = m->newest;
	if (m->newest != NULL)
		m->newest->newer = e;
	else
		m->oldest = e;
	m->newest = e;
	m->count++;
}

void
map_remove(struct map *m, struct text key)
{
	struct entry **link = find(m, key, hash(m, key));

	if (*link != NULL)
		drop(m, link);
}

void
map_clear(struct map *m)
{
	while (m->oldest != NULL)
		map_remove(m, (struct text){ m->oldest->key, m->oldest->len });
}

void
map_free(struct map *m)
{
	if (m == NULL)
		return;
	map_clear(m);
	free(m->buckets);
	free(m);
}

size_t
map_count(const struct map *m)
{
	return m->count;
}

uint64_t
map_evicted(const struct map *m)
{
	return m->evicted;
}

void *
map_oldest(const struct map *m, struct text *key)
{
	if (m->oldest == NULL)
		return NULL;
	if (key != NULL)
		*key = (struct text){ m->oldest->key, m->oldest->len };
	return m->oldest->value;
}

void
map_each(struct map *m, map_each_fn *fn, void *ctx)
{
	struct entry *next;

	for (struct entry *e = m->oldest; e != NULL; e = next) {
		next = e->newer;
		fn((struct text){ e->key, e->len }, e->value, ctx);
	}
}
