/* SPDX-License-Identifier: MIT */
/**
 * A file under a rotated name that is perhaps to be read, and the place in the
 * order of a log's files where it would be.  For the files of tail/ only.
 */
#ifndef LOGWATCH_TAIL_CANDIDATE_H
#define LOGWATCH_TAIL_CANDIDATE_H

#include "tail/following.h"
#include "tail/rotated.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct position;

/* The kernel stamps files with the time of its last tick. */
#define CANDIDATE_TICK_NS INT64_C(10000000)

/** Where a file would come: after one that was at a log's path, and before the
 * next.  Wall times. */
struct between {
	const char *path;
	size_t source;
	int64_t old_born_ns;  /* 0: not known */
	int64_t since_ms;     /* what was written before has been seen */
	struct followed *was; /* read before; NULL: it is gone */
	const struct position *position; /* of the old one */
	struct followed *next;           /* NULL: nothing is there yet */
	bool copies; /* what is there now was there before: they are copies */
	const struct position *text; /* that one that cannot be looked into may
	                                go on with; NULL: none */
};

/** Globs of a source's rotated names, NULL-ended; NULL: the default. */
const char *const *candidate_globs(const struct following *all, size_t source);

struct identity candidate_identity(size_t source, const struct rotated_file *r);
bool candidate_is(const struct rotated_file *r, const struct identity *i);

/**
 * A descriptor of what stands under a rotated name still, the caller's; -1:
 * what does not has another name by now or is compressed, which is noted for
 * candidates_renew(), or cannot be opened.
 *
 * denied  set to whether there is no permission
 */
int candidate_open(
    struct following *all, const struct rotated_file *r, bool *denied);
/** Whether to look again, for a name vanished between two looks; then r is to
 * be listed anew.
 *
 * looks  counts them, from 0 */
bool candidates_renew(
    struct following *all, struct rotated *r, unsigned *looks);

bool candidate_is_newly_written(
    const struct rotated_file *r, const struct between *b);
/** Whether a file came after the old one.  Both times are needed: a copy is
 * made late, and a rotated file may be written to late. */
bool candidate_is_later(const struct rotated_file *r, const struct between *b);

/** Whether a glob's file of which nothing was read is a compressed log. */
bool candidate_may_unpack(struct followed *f);

#endif
