/* SPDX-License-Identifier: MIT */
/**
 * A bounded map from text to something of the caller's, which remembers the
 * order in which keys came.  A full one gives up its oldest entry, so that no
 * stranger makes it grow.
 */
#ifndef LOGWATCH_BASE_MAP_H
#define LOGWATCH_BASE_MAP_H

#include "base/str.h"

#include <stddef.h>
#include <stdint.h>

struct map;

typedef void map_free_fn(void *value);

/**
 * Makes a map.
 *
 * max   most entries; putting one more frees the oldest, which is counted
 * free  called for a value that leaves; NULL: nothing to free
 *
 * Returns a map to free with map_free(); never NULL.
 */
struct map *map_new(size_t max, map_free_fn *free_value);
void map_free(struct map *m); /* NULL does nothing */

void *map_get(const struct map *m, struct text key); /* NULL: none */
/** Puts value (not NULL) under a copy of key; replaces and frees an old one,
 * which then counts as new. */
void map_put(struct map *m, struct text key, void *value);
void map_remove(struct map *m, struct text key); /* frees the value */
void map_clear(struct map *m);
size_t map_count(const struct map *m);
uint64_t map_evicted(const struct map *m); /* how many made room */

/** The oldest entry; NULL where it is empty.  key may be NULL. */
void *map_oldest(const struct map *m, struct text *key);

/** Tells every entry, oldest first; fn may remove the one it is told. */
typedef void map_each_fn(struct text key, void *value, void *ctx);
void map_each(struct map *m, map_each_fn *fn, void *ctx);

#endif
