/* SPDX-License-Identifier: MIT */
/**
 * Blocks that are looked through beside each other, on all processors, and told
 * in their order.
 */
#ifndef LOGWATCH_CMD_AHEAD_H
#define LOGWATCH_CMD_AHEAD_H

#include <stddef.h>

struct ahead;
struct block;
struct blocks;
struct matcher;

/** The hits of a block have been told; lent. */
typedef void ahead_fn(const struct block *block, void *ctx);

/** m is lent, and fed by nobody else.  Free with ahead_free(). */
struct ahead *ahead_new(struct matcher *m, ahead_fn *told, void *ctx);
void ahead_free(struct ahead *a); /* NULL does nothing */

/** Feeds the matcher with a block within the callback of bs that tells of it;
 * its hits are told now or later. */
void ahead_feed(struct ahead *a, const struct block *block, struct blocks *bs);
/** Returns when all hits have been told; before bs is freed. */
void ahead_finish(struct ahead *a);

#endif
