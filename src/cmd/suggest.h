/* SPDX-License-Identifier: MIT */
/**
 * A rule for what goes wrong most often in a log, for somebody who has none
 * yet.
 */
#ifndef LOGWATCH_CMD_SUGGEST_H
#define LOGWATCH_CMD_SUGGEST_H

#include "base/str.h"

#include <stddef.h>
#include <stdint.h>

struct logkind;
struct sample;

struct suggestion {
	char *pattern;
	char *line; /* the first of the log that it matches */
	size_t line_len;
	uint64_t count; /* of its lines that it is for; 0: the log has none, and
	                   the line is made up */
};

/** Finds one, and where there is nothing to find one for anything that looks
 * like trouble.  What it was, suggestion_free() takes. */
void suggestion_find(struct suggestion *s, const struct sample *sample,
    const struct logkind *kind);
void suggestion_free(struct suggestion *s); /* what is in it */

#endif
