/* SPDX-License-Identifier: MIT */
/**
 * Which file a program's name means, and why one cannot be executed, in words
 * that say what to do.
 */
#ifndef LOGWATCH_IO_PROGRAM_H
#define LOGWATCH_IO_PROGRAM_H

#include "base/err.h"

/**
 * Finds the file for argv[0]: a name with a slash is itself; any other is
 * looked up in the PATH of envp (/usr/bin:/bin where it has none).
 *
 * cwd  the directory that it will be run in, and that a relative path starts
 *      from; NULL: logwatch's own
 *
 * Returns the path to execute from within cwd, for the caller to free; NULL
 * with the reason where there is none.
 */
char *program_find(const char *name, const char *const *envp, const char *cwd,
    struct err *err);

/**
 * The environment of a program that gets nothing but the surroundings: PATH,
 * HOME, LANG and TZ as they are here, where they are set.
 *
 * Returns an array that ends with NULL, each entry and itself for the caller
 * to free.
 */
char **program_environment(void);

/**
 * Says why executing path in cwd failed with error number.  Returns -1, always.
 */
int program_fault(
    const char *path, const char *cwd, int number, struct err *err);

#endif
