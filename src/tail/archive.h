/* SPDX-License-Identifier: MIT */
/**
 * Reads one compressed file (gzip, zstd, xz, bzip2) as the bytes that were
 * compressed.  Knows nothing of lines.  Named "packed", for libarchive has
 * taken the other name.
 */
#ifndef LOGWATCH_TAIL_ARCHIVE_H
#define LOGWATCH_TAIL_ARCHIVE_H

#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define COMPRESSION_HEAD 10 /* so many first bytes tell */

/** Whether a file that starts so is compressed; asks no library. */
bool compression_is(struct text head);
/** The same of an open file. */
bool packed_is(int fd);
/** Whether head is too short to tell, but may yet turn out to be compressed;
 * also for none at all. */
bool compression_may_be(struct text head);

struct packed;

/**
 * Starts to read.
 *
 * fd    lent: stays open until packed_free(), and stays the caller's; it is
 *       read on from where it stands
 * head  bytes that were read from it already, from the file's start, and that
 *       compression_is() knows; copied.  Empty: the first ones are read here
 *
 * Returns an object to free with packed_free(), or NULL with the reason.
 */
struct packed *packed_open(int fd, struct text head, struct err *err);
void packed_free(struct packed *p); /* NULL does nothing */

/**
 * Reads on, at most len (above 0) bytes, perhaps fewer: one call unpacks at
 * most 128 KiB, and takes in at most 4 MiB that hold none.
 *
 * Returns how many; 0 at the end; -1 where the file is damaged, truncated or
 * cannot be read, saying how far it was, after what came before was given, and
 * from then on.  Of zstd, xz and bzip2 up to 128 KiB before a damage are lost
 * with it: libarchive does not give them.
 */
ssize_t packed_read(struct packed *p, char *buf, size_t len, struct err *err);
/** The same, but drops what it reads. */
ssize_t packed_skip(struct packed *p, size_t len, struct err *err);
/** How many unpacked bytes were read or skipped. */
int64_t packed_offset(const struct packed *p);

#endif
