/* SPDX-License-Identifier: MIT */
/**
 * What comes after what: finds the files that were at a log's path and are
 * there no more, so that each is read once and in order.  For the files of
 * tail/ only.
 */
#ifndef LOGWATCH_TAIL_SUCCESSION_H
#define LOGWATCH_TAIL_SUCCESSION_H

#include "tail/following.h"

#include <stdbool.h>

struct position;
struct rotated;

/**
 * Another file is at a path than before.  Those that came and went in between
 * were never open: they are found among the rotated names and read after old
 * and before next (NULL: nothing is there now).
 *
 * r  a view of the directories that is newer than the look that found next
 */
void succession_between(struct following *all, struct rotated *r,
    const char *path, struct followed *old, struct followed *next);

/**
 * A file at a path was perhaps away from it for some time: those that were
 * there meanwhile are read too, after it.
 *
 * since_ms  wall time before which it was there
 */
void succession_away(struct following *all, struct rotated *r, const char *path,
    struct followed *f, int64_t since_ms);

/**
 * Nothing is known of what was at a path before: those that came to it since
 * and went are read, before next (NULL: nothing is there now).
 *
 * since_ms  wall time at which nothing was there, or what was has been read
 */
void succession_begin(struct following *all, struct rotated *r, size_t source,
    const char *path, struct followed *next, int64_t since_ms);

/**
 * Positions whose files were not found under a name, for they were rotated
 * while logwatch was not there: reads on in them, before what came after.
 */
void succession_resume(struct following *all, struct rotated *r);

/**
 * A file was truncated since a position in it was taken: what was not read is
 * perhaps in a copy, and so may be what came in between.
 *
 * since_ms  wall time when the position was taken
 * found     set to whether there is a copy that goes on at the position
 *
 * Returns the last of these, to be read before the file is; NULL: none.
 */
struct followed *succession_copied(struct following *all, struct rotated *r,
    size_t source, const struct position *was, int64_t since_ms, bool *found);
/** The position in a text that a followed file held before and that an open
 * file holds now: it came back from a copy.  Lent; NULL: there is none. */
const struct position *succession_text_before(
    struct following *all, size_t source, const char *path, int fd);
/** The same for a file that is followed, which waits for the copies then. */
bool succession_copy(
    struct followed *f, struct rotated *r, const struct position *was);
/** The text of f changes: decides about those that may be copies of it as it
 * was at a position; all are where that is NULL.
 *
 * newest  id of the last file followed before the change was seen: who came
 *         later was found by it, and is no copy of what stood there */
void succession_copies(
    struct followed *f, const struct position *was, uint64_t newest);

/** Whether an open file has by chance the number of that of a position, which
 * is gone.  False where the file system copies what is written to: it is not
 * made anew by that. */
bool succession_is_reused(int fd, const struct position *p);

/** Tries again to read rotated files for which there was no permission; asks
 * for a poll where there is none yet. */
void succession_look_again(struct following *all);
void succession_denied_free(void *denied);

/** f may be read now, for old, which was in its place, has been. */
void succession_go_on(struct followed *f, const struct followed *old);

/** Opens a parked file that has lost its name.  Returns false where it is not
 * found; *fd is -1 where it is, but cannot be opened now. */
bool succession_find(const struct followed *f, int *fd);

#endif
