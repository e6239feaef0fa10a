/* SPDX-License-Identifier: MIT */
/**
 * One run of an exec action for an incident: arguments, environment, the
 * record on its standard input, its time-out.
 */
#ifndef LOGWATCH_ACTION_EXEC_H
#define LOGWATCH_ACTION_EXEC_H

#include "action/action.h"
#include "io/child.h"

/**
 * Starts it.  What the script prints goes to the log, line by line, and its
 * last OUTPUT_MAX bytes to end.
 *
 * ready  as in struct child_spec
 *
 * Returns a child as child_start() does, for exec_feed(), or NULL with the
 * reason.
 */
struct child *exec_start(struct loop *l, const struct action *a,
    const struct incident *i, enum change_kind change, int64_t wall_ms,
    struct ready *ready, child_end_fn *end, child_line_fn *line, void *ctx,
    struct err *err);

/** Writes the record to its standard input: see child_feed(). */
void exec_feed(
    struct child *child, const struct incident *i, enum change_kind change);

/** The arguments of a command, filled in: an array that ends with NULL, to free
 * with exec_texts_free(). */
char **exec_arguments(
    const struct program *c, const struct incident *i, int64_t wall_ms);
void exec_texts_free(char **texts); /* NULL does nothing */

/** What a program printed, as text of at most OUTPUT_MAX bytes, its end: bytes
 * that are none, and NUL, are U+FFFD.  The caller frees it. */
char *exec_output(struct text output);

/** The command as a person would read it, for logs; the caller frees it. */
char *exec_describe(
    const struct action *a, const struct incident *i, int64_t wall_ms);

#endif
