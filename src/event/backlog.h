/* SPDX-License-Identifier: MIT */
/**
 * What had been written before anybody read it, and how long ago: by where an
 * event stands before the last one of its file, and when that was written.  So
 * a writer's clock, or a zone that is not known, counts for nothing.
 */
#ifndef LOGWATCH_EVENT_BACKLOG_H
#define LOGWATCH_EVENT_BACKLOG_H

#include <stdbool.h>
#include <stdint.h>

struct backlog;

/** Free with backlog_free(). */
struct backlog *backlog_new(void);
void backlog_free(struct backlog *b); /* NULL does nothing */

/** A file has so many bytes, and was written to last at that time. */
void backlog_add(
    struct backlog *b, uint64_t file, int64_t size, int64_t written_ms);
void backlog_remove(struct backlog *b, uint64_t file);

/** Whether a place in a file is within it. */
bool backlog_has(const struct backlog *b, uint64_t file, int64_t offset);
/** When its file was written to last; 0: it is within none. */
int64_t backlog_written_ms(const struct backlog *b, uint64_t file);

/** The stamp of the last event of a file that ends within its first size bytes;
 * 0: it has none. */
typedef int64_t backlog_last_fn(uint64_t file, int64_t size, void *ctx);

/**
 * How many ms ago an event was written; 0 where it is in no backlog, or it is
 * not known.
 *
 * stamp_ms  its stamp; 0: it has none
 * last      asked once for each file
 */
int64_t backlog_age(struct backlog *b, uint64_t file, int64_t offset,
    int64_t stamp_ms, int64_t wall_ms, backlog_last_fn *last, void *ctx);

#endif
