/* SPDX-License-Identifier: MIT */
/**
 * What a program says: its last bytes are kept, its lines are told.  Pure.
 */
#ifndef LOGWATCH_IO_OUTPUT_H
#define LOGWATCH_IO_OUTPUT_H

#include "base/str.h"

#include <stdint.h>

struct output;

typedef void output_line_fn(struct text line, void *ctx);

/**
 * Makes one.
 *
 * max   bytes kept; while it runs up to twice as many are held
 * line  told each line without its newline, one longer than 8 KiB without its
 *       rest; NULL: nobody wants to know
 */
struct output *output_new(size_t max, output_line_fn *line, void *ctx);
void output_free(struct output *o); /* NULL does nothing */

void output_feed(struct output *o, struct text bytes);
/** No more will come: tells an unfinished last line. */
void output_end(struct output *o);

/** The last max bytes; lent until the next call. */
struct text output_text(const struct output *o);
/** How many there were in all. */
uint64_t output_bytes(const struct output *o);

#endif
