/* SPDX-License-Identifier: MIT */
/**
 * What is remembered of a hit for when its event is long gone: the captures,
 * where it was, and the head of its text.
 */
#ifndef LOGWATCH_DETECT_KEPT_H
#define LOGWATCH_DETECT_KEPT_H

#include "event/event.h"
#include "match/pattern.h"

#include <jansson.h>

#define KEPT_VALUE_MAX 1024 /* bytes of a capture, or of the text */

struct kept;

/** Captures as an object, which the caller decrefs; of each value the first max
 * bytes. */
json_t *captures_keep(const struct captures *captures, size_t max);
/** And back; lent as long as kept is. */
void captures_kept(const json_t *kept, struct captures *captures);

/** Copies; free with kept_free(). */
struct kept *kept_new(
    const struct captures *captures, const struct event *event);
void kept_free(struct kept *k); /* NULL does nothing */

/**
 * What it was; lent as long as k is.  For NULL, of no hit: nothing captured, an
 * event without text, path and line.
 *
 * event  its source is NO_SOURCE where that was in an earlier life; it has
 *        neither a file, a time nor a block
 */
void kept_tell(
    const struct kept *k, struct captures *captures, struct event *event);

/** Adds it to an object, for kept_read(). */
void kept_write(const struct kept *k, json_t *object);
/** NULL: there is none in it. */
struct kept *kept_read(const json_t *object);

#endif
