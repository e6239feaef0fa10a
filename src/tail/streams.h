/* SPDX-License-Identifier: MIT */
/**
 * The sources that are no files: commands, and standard input.  They stand
 * beside the tail and tell the same.
 */
#ifndef LOGWATCH_TAIL_STREAMS_H
#define LOGWATCH_TAIL_STREAMS_H

#include "tail/tail.h"

struct streams;

/** One source; lent, and must outlive the streams. */
struct stream_source {
	const char *name;
	size_t source;              /* index among all sources */
	const char *const *command; /* argv, ends with NULL, not empty; NULL:
	                               standard input */
	size_t max_line;            /* bytes */
};

/**
 * Makes them; nothing is opened yet.
 *
 * once       a command is read until it ends and not started again
 * callbacks  as the tail's; the numbers of files have bit 63 set
 */
struct streams *streams_new(struct loop *l, const struct stream_source *sources,
    size_t count, bool once, const struct tail_callbacks *callbacks);
/** What still runs is ended.  NULL does nothing. */
void streams_free(struct streams *ss);

/** What cannot be started is said in the log, and a command tried again. */
void streams_start(struct streams *ss);
/** Ends the commands for good, within seconds. */
void streams_stop(struct streams *ss);

/** Whether all is read and no more will come; callbacks->turn is told after
 * that.  So it is where there are none. */
bool streams_ended(const struct streams *ss);
/** Whether something was written to one that is not read yet. */
bool streams_wait(const struct streams *ss);
/** Whether no command runs. */
bool streams_stopped(const struct streams *ss);

/** Tells for each where what has not been written yet will stand. */
void streams_sizes(const struct streams *ss, tail_size_fn *fn, void *ctx);

#endif
