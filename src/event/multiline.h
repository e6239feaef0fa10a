/* SPDX-License-Identifier: MIT */
/**
 * Lines -> events for one file: each line by itself, or those joined that the
 * source's `multiline` says belong together.  Pure: time is an argument.
 */
#ifndef LOGWATCH_EVENT_MULTILINE_H
#define LOGWATCH_EVENT_MULTILINE_H

#include "event/event.h"

struct block;
struct multiline;

/** Whether a line, as if it were an event, begins one. */
typedef bool multiline_test_fn(const struct event *line, void *ctx);

struct multiline_options {
	multiline_test_fn *begins; /* NULL: each line is an event */
	void *ctx;
	size_t max_lines;   /* past them a new one begins */
	size_t max_bytes;   /* of an event's text; the rest of it is left out */
	int64_t timeout_ms; /* an event is whole so long after its last line */
	bool strip;         /* escape sequences off */
};

typedef void event_fn(const struct event *event, void *ctx);

/** options are copied.  Returns one to free with multiline_free(). */
struct multiline *multiline_new(
    const struct multiline_options *options, event_fn *emit, void *ctx);
void multiline_free(struct multiline *m); /* NULL does nothing */

/** Takes in a block of its file and emits what is whole. */
void multiline_feed(struct multiline *m, const struct block *block,
    int64_t now_ms, int64_t wall_ms);
/** No more will come soon: emits what waits. */
void multiline_flush(struct multiline *m);
/** When what waits is whole by time; INT64_MAX: nothing waits. */
int64_t multiline_due(const struct multiline *m);
void multiline_tick(struct multiline *m, int64_t now_ms);

/** The event that waits, without its text; its block is that of the last feed,
 * if it began there, and may be looked at until the next.  NULL: none. */
const struct event *multiline_waiting(const struct multiline *m);

/** Where the event that waits starts: to be read again after a restart.
 * Returns false where none waits. */
bool multiline_pending(
    const struct multiline *m, int64_t *offset, int64_t *line);

#endif
