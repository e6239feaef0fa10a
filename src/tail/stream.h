/* SPDX-License-Identifier: MIT */
/**
 * A descriptor that is read to its end: the output of a command, or standard
 * input, be it a pipe, a terminal, a socket or a file.  Its bytes become blocks
 * as those of followed files do; there is no position to go on from.
 */
#ifndef LOGWATCH_TAIL_STREAM_H
#define LOGWATCH_TAIL_STREAM_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;
struct stream;
struct tail_callbacks;

/** What is read. */
struct stream_spec {
	int fd; /* the stream's from now on, also where it cannot be had; its
	           flags, which others may share, stay as they are */
	uint64_t file;    /* of its blocks */
	size_t source;    /* index of its source */
	const char *name; /* its source's; lent */
	const char *path; /* of its blocks; copied */
	size_t max_line;  /* bytes */
};

/** Told once, when all was read, an unfinished last line too, and
 * callbacks->end was told; the stream may be freed from within. */
typedef void stream_end_fn(void *ctx);

/**
 * Starts to read, a bounded share in each turn of the loop, so that it keeps
 * nobody from being read; who writes faster waits.
 *
 * callbacks  as a tail tells them; lent
 *
 * Returns a stream to free with stream_free(), or NULL with the reason.
 */
struct stream *stream_new(struct loop *l, const struct stream_spec *spec,
    const struct tail_callbacks *callbacks, stream_end_fn *end, void *ctx,
    struct err *err);
/** Closes it; nothing is told any more.  NULL does nothing. */
void stream_free(struct stream *s);

/** Reads what is in a pipe now, and no more: its writer is gone, whoever else
 * holds it.  Then it is at its end. */
void stream_drain(struct stream *s);

/** Whether something was written that is not read yet. */
bool stream_waits(const struct stream *s);
/** Where what has not been written yet will stand, as an offset. */
int64_t stream_size(const struct stream *s);

#endif
