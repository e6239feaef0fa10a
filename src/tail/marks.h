/* SPDX-License-Identifier: MIT */
/**
 * Marks in a text that was read: whether a file that is shorter now still is
 * the same text, as far as it goes.
 */
#ifndef LOGWATCH_TAIL_MARKS_H
#define LOGWATCH_TAIL_MARKS_H

#include "base/str.h"

#include <stddef.h>
#include <stdint.h>

/* 32 places at most, evenly far apart: zeroed, it has none. */
struct marks {
	struct mark *at;
	size_t count;
	int64_t step; /* bytes; 0: none were made yet */
};

void marks_free(struct marks *m);

/** Takes in what was read: data at offset, and the last bytes before it, 64 or
 * as many as there are. */
void marks_add(
    struct marks *m, struct text before, struct text data, int64_t offset);
/** Forgets those behind a place. */
void marks_cut(struct marks *m, int64_t offset);

/**
 * The last place that is marked and not behind size.
 *
 * Returns it where the open file holds there what was read, else -1; also where
 * there is none.
 */
int64_t marks_find(const struct marks *m, int fd, int64_t size);

#endif
