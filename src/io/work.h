/* SPDX-License-Identifier: MIT */
/**
 * A piece of work that another thread does, of libuv's pool, while the loop's
 * goes on.
 */
#ifndef LOGWATCH_IO_WORK_H
#define LOGWATCH_IO_WORK_H

#include <stdbool.h>
#include <stddef.h>

struct loop;
struct work;

/** fn runs on another thread: what it touches is its own until work_wait()
 * returned.  Free with work_free(), when nothing runs. */
typedef void work_fn(void *ctx);
struct work *work_new(struct loop *l, work_fn *fn, void *ctx);
void work_free(struct work *w); /* NULL does nothing */

/** Has fn run once; not while it runs. */
void work_start(struct work *w);
/** Runs fn here where no thread has taken it yet.  Returns whether it did; then
 * work_wait() does not wait. */
bool work_help(struct work *w);
bool work_is_done(const struct work *w);
/** Returns when fn has run, at once where it does not; the loop turns
 * meanwhile. */
void work_wait(struct work *w);

/** How many processors this program may run on, and so how much work is worth
 * doing at once. */
size_t work_processors(void);
/** Lets libuv have so many threads, where no environment variable says
 * otherwise; before the first work_start() of the program. */
void work_threads(size_t count);

#endif
