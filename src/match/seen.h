/* SPDX-License-Identifier: MIT */
/**
 * A line of a source as patterns and `where` see it.
 */
#ifndef LOGWATCH_MATCH_SEEN_H
#define LOGWATCH_MATCH_SEEN_H

#include "base/str.h"

#include <stdbool.h>

/** All zero has seen none. */
struct seen {
	struct text text;   /* what patterns see */
	struct text object; /* the line, where it is a JSON object and its text
	                       a field of it; data NULL: it is not */
	struct str clean, message, stripped; /* in which they are */
};

/**
 * Sees a line; what was seen before is gone.
 *
 * raw      without its newline; lent until the next call
 * message  the field that patterns see where it is a JSON object; NULL: a line
 *          is text, whatever is in it
 * strip    escape sequences off
 */
void seen_line(
    struct seen *s, struct text raw, const char *message, bool strip);
void seen_free(struct seen *s); /* what is in it */

#endif
