/* SPDX-License-Identifier: MIT */
/**
 * Log files that a command is given: opened, unpacked, read to their end.
 */
#ifndef LOGWATCH_CMD_LOGFILE_H
#define LOGWATCH_CMD_LOGFILE_H

#include "base/err.h"
#include "tail/block.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Opens a log; "-" is standard input.  Returns a descriptor to close, or -1
 * with the reason. */
int logfile_open(const char *path, struct err *err);
/** What to call it. */
const char *logfile_name(const char *path);

/**
 * Reads a log from where it stands to its end into bs, unpacked where it is
 * compressed, and ends bs: also of one that fails, with all that could be had.
 *
 * stop  asked now and then with ctx: true leaves off, without ending bs; NULL
 *       leaves off when nobody takes what is printed
 */
int logfile_read(struct blocks *bs, int fd, bool (*stop)(void *ctx), void *ctx,
    struct err *err);

/**
 * Opens a log, tells its blocks as they are read, closes it.
 *
 * origin    of its first block, but for its path: that is path as it is called
 * max_line  bytes of a line that are kept
 * stop      as for logfile_read(), with the ctx of fn
 *
 * Returns -1 with the reason, which names the log, where it could not be read
 * to its end.
 */
int logfile_tell(const char *path, struct block_origin *origin, size_t max_line,
    block_fn *fn, bool (*stop)(void *ctx), void *ctx, struct err *err);

bool logfile_is_compressed(const char *path); /* false: cannot be read */

/** Bytes of all logs; 0: not known of all, as of those that are compressed. */
int64_t logfiles_size(char *const *paths, size_t count);

#endif
