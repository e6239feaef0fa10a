/* SPDX-License-Identifier: MIT */
/**
 * Lines of a log to look at: of a long one the first and the last.
 */
#ifndef LOGWATCH_CMD_SAMPLE_H
#define LOGWATCH_CMD_SAMPLE_H

#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>

struct cleaner;

#define SAMPLE_BYTES (256 * 1024) /* of each end */

struct sample {
	struct text *lines; /* as patterns see them, colours off; views */
	size_t count;
	bool packed; /* it was compressed: only its first lines */
	bool binary; /* it looks like no text; there are no lines then */

	struct str raw;
	struct cleaner *cleaner;
};

/**
 * Reads a sample of a file, or of standard input where path is "-", of which
 * it takes the first.  Free with sample_free(), also where it failed.
 *
 * Returns 0; 1 where there is no such file; -1 with the reason where it cannot
 * be read.
 */
int sample_read(struct sample *s, const char *path, struct err *err);
void sample_free(struct sample *s); /* what is in it */

#endif
