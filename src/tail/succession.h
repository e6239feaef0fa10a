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

struct between;
struct position;
struct rotated;
struct rotated_file;

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
 * Something came to a rotated name of a file that is at a path.  It may be a
 * copy, and the file rewritten since so that nothing in it shows: it begins
 * with what was read of it before.
 *
 * since_ms  wall time before which it was not there
 */
void succession_beside(struct following *all, struct rotated *r,
    const char *path, struct followed *f, int64_t since_ms);

/**
 * Nothing is known of what was at a path before: those that came to it since
 * and went are read, before next (NULL: nothing is there now).
 *
 * since_ms  wall time at which nothing was there, or what was has been read
 */
void succession_begin(struct following *all, struct rotated *r, size_t source,
    const char *path, struct followed *next, int64_t since_ms);

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

/** Tries again to read rotated files for which there was no permission; asks
 * for a poll where there is none yet. */
void succession_look_again(struct following *all);
void succession_denied_free(void *denied);

/** f may be read now, for old, which was in its place, has been. */
void succession_go_on(struct followed *f, const struct followed *old);

/** Opens a parked file that has lost its name.  Returns false where it is not
 * found; *fd is -1 where it is, but cannot be opened now. */
bool succession_find(const struct followed *f, int *fd);

/* What resume.c is built from. */

/** Follows a file that has no name of ours any more, or a compressed one, from
 * a position on or, where that is NULL, from its start.  Takes fd. */
struct followed *succession_follow(struct following *all,
    const struct identity *identity, int fd, const char *path,
    const struct position *p);
/** Reads on in a rotated file whose position is still waiting for it; NULL: it
 * is not its, or may not be read yet. */
struct followed *succession_take_known(struct following *all,
    const struct rotated_file *r, const struct between *b);
/** Takes all that came between.  Returns the last one before next. */
struct followed *succession_read_between(
    struct following *all, struct rotated *r, const struct between *b);
/** A file is looked at again until it may be read.  It may hold the text of a
 * position. */
void succession_deny(struct following *all, const struct rotated_file *r,
    const struct between *b, const struct position *text);
/** As told_is(); a file that may yet grow is followed behind what was told. */
bool succession_is_told(struct following *all, const struct identity *identity,
    int fd, const struct between *b, const struct position **from);

#endif
