/* SPDX-License-Identifier: MIT */
/**
 * What kind of log it is, by how its lines begin: which lines make one event,
 * and what of a line is its message.
 */
#ifndef LOGWATCH_CMD_LOGKIND_H
#define LOGWATCH_CMD_LOGKIND_H

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

struct logkind;

/** Looks at lines as patterns see them.  Free with logkind_free(). */
struct logkind *logkind_new(const struct text *lines, size_t count);
void logkind_free(struct logkind *k); /* NULL does nothing */

/** In words, as a sentence begins: "A Nest application's log". */
const char *logkind_name(const struct logkind *k);
/** Whether each line is a JSON object. */
bool logkind_is_json(const struct logkind *k);
/** The pattern of `multiline`, and whether it is of `start` or else of
 * `continue`; NULL: each line is an event. */
const char *logkind_multiline(const struct logkind *k, bool *start);

/**
 * Whether an event begins with this line.
 *
 * message  what comes after the time, the process and the like
 */
bool logkind_begins(
    const struct logkind *k, struct text line, struct text *message);

#endif
