/* SPDX-License-Identifier: MIT */
/**
 * Commands that ask the running logwatch: which one, and what it says.
 */
#ifndef LOGWATCH_CMD_CONTROL_H
#define LOGWATCH_CMD_CONTROL_H

#include "cmd/cmd.h"

#include <jansson.h>

/** Which logwatch is meant, as --socket, --state and --rules say; all empty:
 * the only one of this user. */
struct controlled {
	struct paths rules;
	const char *state, *socket;
};
void controlled_free(struct controlled *c); /* what is in it */

/**
 * Asks it.
 *
 * body    JSON to post; NULL: it is got
 * answer  set to an object, which the caller decrefs
 *
 * Returns STATUS_OK; STATUS_NO with the reason said where it answers that there
 * is no such thing; or STATUS_FAILED, said.
 */
int control_request(const struct controlled *c, const char *target,
    const char *body, json_t **answer);

#endif
