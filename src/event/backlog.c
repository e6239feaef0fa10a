/* SPDX-License-Identifier: MIT */
#include "event/backlog.h"

#include "base/map.h"
#include "base/mem.h"

struct reach {
	int64_t size, written_ms;
	bool dated;
	int64_t last_ms; /* the last stamp; 0: there is none */
};

struct backlog {
	struct map *files;
};

struct backlog *
backlog_new(void)
{
	struct backlog *b = mem_new(1, sizeof *b);

	b->files = map_new(SIZE_MAX, free);
	return b;
}

void
backlog_free(struct backlog *b)
{
	if (b == NULL)
		return;
	map_free(b->files);
	free(b);
}

static struct text
key_of(const uint64_t *file)
{
	return (struct text){ (const char *)file, sizeof *file };
}

void
backlog_add(struct backlog *b, uint64_t file, int64_t size, int64_t written_ms)
{
	struct reach *r = mem_new(1, sizeof *r);

	r->size = size;
	r->written_ms = written_ms;
	map_put(b->files, key_of(&file), r);
}

void
backlog_remove(struct backlog *b, uint64_t file)
{
	map_remove(b->files, key_of(&file));
}

bool
backlog_has(const struct backlog *b, uint64_t file, int64_t offset)
{
	const struct reach *r = map_get(b->files, key_of(&file));

	return r != NULL && offset < r->size;
}

int64_t
backlog_written_ms(const struct backlog *b, uint64_t file)
{
	const struct reach *r = map_get(b->files, key_of(&file));

	return r != NULL ? r->written_ms : 0;
}

int64_t
backlog_age(struct backlog *b, uint64_t file, int64_t offset, int64_t stamp_ms,
    int64_t wall_ms, backlog_last_fn *last, void *ctx)
{
	struct reach *r = map_get(b->files, key_of(&file));
	int64_t age_ms;

	if (r == NULL || offset >= r->size || stamp_ms == 0)
		return 0;
	if (!r->dated) {
		r->dated = true;
		r->last_ms = last(file, r->size, ctx);
	}
	if (r->last_ms == 0)
		return 0;
	age_ms = wall_ms - r->written_ms + (r->last_ms - stamp_ms);
	return age_ms > 0 ? age_ms : 0;
}
