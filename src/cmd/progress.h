/* SPDX-License-Identifier: MIT */
/**
 * How far a command is, on a terminal, for those that take longer than a
 * moment.
 */
#ifndef LOGWATCH_CMD_PROGRESS_H
#define LOGWATCH_CMD_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress;

/** total  bytes to be done; 0: not known
 * shown  false: nothing is ever printed
 *
 * Free with progress_free(), which takes what was printed off again. */
struct progress *progress_new(int64_t total, bool shown);
void progress_free(struct progress *p); /* NULL does nothing */

/** So many bytes are done: says so, not too often. */
void progress_at(struct progress *p, int64_t done);

#endif
