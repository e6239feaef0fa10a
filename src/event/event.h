/* SPDX-License-Identifier: MIT */
/**
 * One log record: a line, or several that belong together, as patterns see it.
 */
#ifndef LOGWATCH_EVENT_EVENT_H
#define LOGWATCH_EVENT_EVENT_H

#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

#define NO_SOURCE SIZE_MAX /* of what logwatch itself says */

struct block;

/** Lent until the callback that told it returns. */
struct event {
	uint64_t file; /* the block's */
	size_t source; /* index of its source, or NO_SOURCE */
	const char *path;
	int64_t offset;     /* byte at which it starts in its file */
	int64_t line;       /* number of its first line, from 1 */
	struct text text;   /* without the last newline and without CRs at line
	                       ends, colours off where the source says so;
	                       always well-formed UTF-8 */
	struct text object; /* the line, where it is a JSON object of which text
	                       is a field; else empty */
	bool truncated;     /* its head only: longer than max_line */
	int64_t wall_ms;    /* when it was read */
	int64_t stamp_ms;   /* its own time; 0: none that can be trusted */
	int64_t age_ms;     /* how long before it was read it was written, where
	                       that was not at once */
	int64_t behind_ms;  /* how much earlier it was written than that, where
	                       its rule's clock had gone on, by another file */
	/* Where the lines around it are: those of the block from `after` on
	 * come next; those before `before` went ahead.  The event may have
	 * begun in an earlier block, `before` is then 0. */
	const struct block *block;
	size_t before, after;
};

/** When it happened: by its own time where it has one, else when it was read.
 */
static inline int64_t
event_seen_ms(const struct event *e)
{
	return e->stamp_ms != 0 ? e->stamp_ms : e->wall_ms;
}

/**
 * Text as patterns may see it: a CR at the end off, escape sequences off where
 * strip is true, ill-formed UTF-8 as U+FFFD.
 *
 * scratch  holds the result where it differs; replaced
 *
 * Returns raw itself where nothing was to do, else a view of scratch.
 */
struct text event_clean(struct text raw, bool strip, struct str *scratch);

#endif
