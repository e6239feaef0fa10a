/* SPDX-License-Identifier: MIT */
/**
 * Writes bytes into a pipe and closes it, without ever waiting for the reader:
 * one that reads nothing, half, or goes away does no harm.
 */
#ifndef LOGWATCH_IO_FEED_H
#define LOGWATCH_IO_FEED_H

#include "base/str.h"

struct loop;
struct feed;

/**
 * Starts.  SIGPIPE must be ignored.
 *
 * fd     write end of a pipe, non-blocking; the feed's from now on
 * input  copied, where it does not go in at once
 *
 * Returns a feed to free with feed_free(); NULL where nothing is left to do.
 */
struct feed *feed_new(struct loop *l, int fd, struct text input);
void feed_free(struct feed *f); /* NULL does nothing; closes fd */

#endif
