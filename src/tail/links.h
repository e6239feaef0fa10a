/* SPDX-License-Identifier: MIT */
/**
 * Opens files without being led astray: a symbolic link is followed only where
 * who made it could not gain by it.
 */
#ifndef LOGWATCH_TAIL_LINKS_H
#define LOGWATCH_TAIL_LINKS_H

#include "base/err.h"

/**
 * Opens as open(2) does, O_CLOEXEC added.  Each symbolic link on the way must
 * be root's, ours (of our effective user), or of the owner of what it leads to:
 * else whoever may write to a directory of logs has us read, and tell, what is
 * closed to them.  What is checked is what is opened, whatever is renamed
 * meanwhile.
 *
 * Returns a descriptor; or -1 with the reason and errno, which is EPERM for a
 * link that is not followed.
 */
int links_open(const char *path, int flags, struct err *err);

#endif
