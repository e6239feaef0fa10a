/* SPDX-License-Identifier: MIT */
/**
 * Blocks that are looked through beside each other, on all processors, and told
 * in their order.
 */
#ifndef LOGWATCH_CMD_AHEAD_H
#define LOGWATCH_CMD_AHEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ahead;
struct block;
struct blocks;
struct matcher;

/** The hits of a block have been told; lent. */
typedef void ahead_fn(const struct block *block, void *ctx);

/** m is lent, and fed by nobody else.  Free with ahead_free(). */
struct ahead *ahead_new(struct matcher *m, ahead_fn *told, void *ctx);
void ahead_free(struct ahead *a); /* NULL does nothing */

/**
 * Feeds it with a file that can be read anywhere, as far as whole lines of
 * usual length go: each thread reads its own part, which is in its own cache
 * then.
 *
 * block     file, source and path; the rest is set
 * fd        lent
 * size      of the file, in bytes
 * max_line  as blocks_new() takes it
 * stop      asked now and then: true ends it early
 *
 * Returns behind which byte to go on, and sets *line to the number of the line
 * there.  All up to it has been told.
 */
int64_t ahead_file(struct ahead *a, const struct block *block, int fd,
    int64_t size, size_t max_line, bool (*stop)(void), int64_t *line);
/** Feeds the matcher with a block within the callback of bs that tells of it;
 * its hits are told now or later. */
void ahead_feed(struct ahead *a, const struct block *block, struct blocks *bs);
/** Returns when all hits have been told; before bs is freed. */
void ahead_finish(struct ahead *a);

#endif
