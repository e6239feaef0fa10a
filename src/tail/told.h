/* SPDX-License-Identifier: MIT */
/**
 * What an open file holds: whether it is the text of a position, and whether
 * all of it, or its first part, was read elsewhere.  For the files of tail/
 * only.
 */
#ifndef LOGWATCH_TAIL_TOLD_H
#define LOGWATCH_TAIL_TOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct between;
struct followed;
struct following;
struct position;

/** Whether an open file has by chance the number of that of a position, which
 * is gone.  False where the file system copies what is written to: it is not
 * made anew by that. */
bool told_is_reused(int fd, const struct position *p);
/** Whether a position is of that file, or of what it was compressed from. */
bool told_is_at(int fd, const struct position *p);
/** The same, but not by chance: files that begin with the same lines may follow
 * each other under one number. */
bool told_is_its(int fd, const struct position *p);

/** Whether a file is being compressed, perhaps still empty: until that is done,
 * what it is made of stands beside it. */
bool told_is_half(const char *path, int fd, const struct between *b);
/** Whether it is a copy of less than was read of the old one. */
bool told_is_part(int fd, const struct between *b);
/** Whether a file has a line in it: with less, many are the same. */
bool told_has_line(int fd);

/** The position in a text that a followed file held before and that an open
 * file holds now: it came back from a copy.  Lent; NULL: there is none. */
const struct position *told_text_before(
    struct following *all, size_t source, const char *path, int fd);
/** Whether an open file begins with more than the text of a position, all of
 * which was told of another one. */
bool told_further(
    struct following *all, size_t source, int fd, const struct position *p);

/**
 * Whether all that is in a file is or was in another that is read.
 *
 * holder  set to the followed file that holds it, in *size bytes; NULL: none
 *         that is followed does
 * from    set to the position behind the first part where only that was told;
 *         lent; NULL: none
 */
bool told_is(struct following *all, int fd, const struct between *b,
    struct followed **holder, int64_t *size, const struct position **from);

#endif
