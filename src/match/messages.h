/* SPDX-License-Identifier: MIT */
/**
 * What patterns see of a block of JSON objects, as one text of lines, so that
 * it can be looked through at once.
 */
#ifndef LOGWATCH_MATCH_MESSAGES_H
#define LOGWATCH_MATCH_MESSAGES_H

#include "base/str.h"

#include <stdbool.h>

struct block;
struct messages;

/** message, strip: see seen_line(); lent.  Free with messages_free(). */
struct messages *messages_new(const char *message, bool strip);
void messages_free(struct messages *ms); /* NULL does nothing */

/** Reads the lines of a block, which is lent until the next call. */
void messages_read(struct messages *ms, const struct block *block);

/** All of them, to be cleaned yet, each with a newline behind it; one may have
 * some in it. */
struct text messages_text(const struct messages *ms);

/** A line of the block. */
struct message {
	size_t raw;       /* where it starts in the block */
	struct text line; /* without byte order mark and newline */
	size_t text;      /* where messages_text() has it */
};
const struct message *messages_list(const struct messages *ms, size_t *count);

#endif
