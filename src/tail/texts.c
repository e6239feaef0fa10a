/* SPDX-License-Identifier: MIT */
/*
 * Where the positions of files have a device and a number, those of texts have
 * hashes of the path and of the text.
 */
#include "tail/texts.h"

#include "base/map.h"
#include "base/mem.h"
#include "store/store.h"
#include "tail/following.h"
#include "tail/position.h"

#include <stdlib.h>
#include <string.h>

#define TEXTS_MAX 1000
#define PATH_MAX_TEXTS 4

struct told {
	struct position *position;
	bool dirty; /* it is not told yet */
};

struct texts {
	struct map *all; /* struct told, by identity */
	struct map *gone;
};

static void
told_free(void *told)
{
	struct told *d = told;

	position_free(d->position);
	free(d);
}

struct texts *
texts_new(struct map *gone)
{
	struct texts *t = mem_new(1, sizeof *t);

	t->all = map_new(SIZE_MAX, told_free);
	t->gone = gone;
	return t;
}

void
texts_free(struct texts *t)
{
	map_free(t->all);
	free(t);
}

static struct identity
identity_of(size_t source, const struct position *p)
{
	return (struct identity){ source, p->device, p->inode };
}

static bool
is_of(struct text key, const struct told *d, size_t source, const char *path)
{
	const struct identity *i = (const void *)key.data;

	return i->source == source && strcmp(d->position->path, path) == 0;
}

static void
put(struct texts *t, size_t source, const struct position *p, bool dirty)
{
	struct identity identity = identity_of(source, p);
	struct told *d = mem_new(1, sizeof *d);

	d->position = position_copy(p);
	d->dirty = dirty;
	map_put(t->all, identity_key(&identity), d);
	map_remove(t->gone, identity_key(&identity));
}

static void
forget(struct texts *t, struct text key, const struct told *d)
{
	map_put(t->gone, key, position_copy(d->position));
	map_remove(t->all, key);
}

struct oldest {
	size_t source;
	const char *path;
	struct text key;
	const struct told *told;
	size_t count;
};

static void
compare_oldest(struct text key, void *value, void *ctx)
{
	struct oldest *o = ctx;
	const struct told *d = value;

	if (!is_of(key, d, o->source, o->path))
		return;
	o->count++;
	if (o->told != NULL &&
	    o->told->position->seen_ms <= d->position->seen_ms)
		return;
	o->key = key;
	o->told = d;
}

static void
make_room(struct texts *t, size_t source, const char *path)
{
	struct oldest o = { .source = source, .path = path };

	map_each(t->all, compare_oldest, &o);
	if (o.count <= PATH_MAX_TEXTS)
		o.told = map_oldest(t->all, &o.key);
	if (o.count > PATH_MAX_TEXTS || map_count(t->all) > TEXTS_MAX)
		forget(t, o.key, o.told);
}

void
texts_add(struct texts *t, size_t source, const struct position *p)
{
	struct fingerprint print;
	struct position text = *p;

	if (!position_as_text(&text, &print, p))
		return;
	put(t, source, &text, true);
	make_room(t, source, p->path);
}

bool
texts_restore(struct texts *t, size_t source, const struct position *p)
{
	if (!position_is_text(p))
		return false;
	put(t, source, p, false);
	return true;
}

struct each {
	size_t source;
	const char *path;
	text_fn *fn;
	void *ctx;
};

static void
each_of(struct text key, void *value, void *ctx)
{
	const struct told *d = value;
	const struct each *e = ctx;

	if (is_of(key, d, e->source, e->path))
		e->fn(d->position, e->ctx);
}

void
texts_each(const struct texts *t, size_t source, const char *path, text_fn *fn,
    void *ctx)
{
	struct each e = { source, path, fn, ctx };

	map_each(t->all, each_of, &e);
}

struct telling {
	bool all;
	text_fn *fn;
	void *ctx;
};

static void
tell(struct text key, void *value, void *ctx)
{
	const struct telling *telling = ctx;
	struct told *d = value;

	(void)key;
	if (d->dirty || telling->all)
		telling->fn(d->position, telling->ctx);
	d->dirty = false;
}

void
texts_tell(struct texts *t, bool all, text_fn *fn, void *ctx)
{
	struct telling telling = { all, fn, ctx };

	map_each(t->all, tell, &telling);
}
