/* SPDX-License-Identifier: MIT */
/**
 * What was read of texts that stand in no followed file any more, for it was
 * truncated or written anew: copies of them may be found late, also after a
 * stop.  For the files of tail/ only.
 */
#ifndef LOGWATCH_TAIL_TEXTS_H
#define LOGWATCH_TAIL_TEXTS_H

#include <stdbool.h>
#include <stddef.h>

struct map;
struct position;
struct texts;

/**
 * Remembers 4 texts a path, and 1,000 of all paths together; the oldest makes
 * room.
 *
 * gone  where their positions go when they are to be forgotten; lent
 *
 * Returns what texts_free() takes; never NULL.
 */
struct texts *texts_new(struct map *gone);
void texts_free(struct texts *t);

/** A text was read to a position, and is not there any more.  Nothing is
 * remembered of one of which nothing was read. */
void texts_add(struct texts *t, size_t source, const struct position *p);
/** What texts_tell() told in an earlier life.  False: it is the position of a
 * file. */
bool texts_restore(struct texts *t, size_t source, const struct position *p);

typedef void text_fn(const struct position *p, void *ctx);
/** Those of a path, oldest first. */
void texts_each(const struct texts *t, size_t source, const char *path,
    text_fn *fn, void *ctx);
/** Those that were not told yet, or all, to be saved. */
void texts_tell(struct texts *t, bool all, text_fn *fn, void *ctx);

#endif
