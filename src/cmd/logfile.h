/* SPDX-License-Identifier: MIT */
/**
 * Log files that a command is given: opened, unpacked, read to their end.
 */
#ifndef LOGWATCH_CMD_LOGFILE_H
#define LOGWATCH_CMD_LOGFILE_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct blocks;

/** Opens a log; "-" is standard input.  Returns a descriptor to close, or -1
 * with the reason. */
int logfile_open(const char *path, struct err *err);
/** What to call it. */
const char *logfile_name(const char *path);

/**
 * Reads a log from where it stands to its end into bs, unpacked where it is
 * compressed, and ends bs: also of one that fails, with all that could be had.
 *
 * stop  asked now and then: true leaves off, without ending bs
 */
int logfile_read(struct blocks *bs, int fd, bool (*stop)(void *ctx), void *ctx,
    struct err *err);

bool logfile_is_compressed(const char *path); /* false: cannot be read */

/** Bytes of all logs; 0: not known of all, as of those that are compressed. */
int64_t logfiles_size(char *const *paths, size_t count);

#endif
