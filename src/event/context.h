/* SPDX-License-Identifier: MIT */
/**
 * The lines around an event of one file.  Those of its own block are there to
 * look at; of earlier blocks the last few are remembered here.
 */
#ifndef LOGWATCH_EVENT_CONTEXT_H
#define LOGWATCH_EVENT_CONTEXT_H

#include "event/event.h"

#define CONTEXT_LINE_MAX 1024 /* bytes kept of a line of context */
#define CONTEXT_LINES_MAX 100 /* most lines that can be asked for */

struct context;

/** One line of context: cleaned, without escape sequences, at most
 * CONTEXT_LINE_MAX bytes; lent. */
typedef void context_line_fn(struct text line, void *ctx);

/** lines: how many before an event are wanted.  Free with context_free(). */
struct context *context_new(size_t lines);
void context_free(struct context *c); /* NULL does nothing */

/** Remembers the end of a block; call when its events have been told. */
void context_note(struct context *c, const struct block *block);

/** Tells the lines before an event, oldest first. */
void context_before(const struct context *c, const struct event *event,
    context_line_fn *fn, void *ctx);

/**
 * Tells at most max lines of a block from byte `from` on.
 *
 * Returns how many there were.
 */
size_t context_after(const struct block *block, size_t from, size_t max,
    context_line_fn *fn, void *ctx);

#endif
