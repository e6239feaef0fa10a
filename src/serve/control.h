/* SPDX-License-Identifier: MIT */
/**
 * The control socket: a unix socket beside the state file, for its owner alone.
 * Both ends of it.
 */
#ifndef LOGWATCH_SERVE_CONTROL_H
#define LOGWATCH_SERVE_CONTROL_H

#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>

#define CONTROL_ANSWER_MAX (256 * 1024 * 1024)

/** Its path, for a state file's; the caller frees it. */
char *control_path(const char *state_path);

/**
 * Makes it, in place of one that a logwatch of before left behind: who holds
 * the state file holds its socket too.
 *
 * Returns a socket that listens, or -1 with the reason.
 */
int control_listen(const char *path, struct err *err);

/**
 * Asks over it, with HTTP/1.0; waits for the answer, 30 seconds at most.
 *
 * body    JSON to post; NULL: it is got
 * status  set to that of the answer
 * answer  its body is added, at most CONTROL_ANSWER_MAX bytes
 *
 * Returns 0, or -1 with the reason; *missing says that nobody listens there.
 */
int control_ask(const char *path, const char *target, const char *body,
    int *status, struct str *answer, bool *missing, struct err *err);

#endif
