/* SPDX-License-Identifier: MIT */
/**
 * Who a program runs as.
 */
#ifndef LOGWATCH_IO_IDENTITY_H
#define LOGWATCH_IO_IDENTITY_H

#include "base/err.h"

#include <stddef.h>
#include <sys/types.h>

/** A user with all groups.  All zero but for identity_free() is none. */
struct identity {
	uid_t uid;
	gid_t gid;
	gid_t *groups;
	size_t group_count;
	char *home;
};

/**
 * Finds a user by name.
 *
 * Returns 0 with what identity_free() frees, or -1 with the reason: there is
 * none of that name, or only root may become it.
 */
int identity_find(const char *user, struct identity *out, struct err *err);
void identity_free(struct identity *id); /* what is in it */

/** Becomes it, for good, and this thread alone: for a process that has no other
 * and is about to execute something.  Returns -1 with errno where it may
 * not. */
int identity_take(const struct identity *id);

#endif
