/* SPDX-License-Identifier: MIT */
/**
 * The state file as a file: making it, who holds it, moving it aside, a copy
 * of it.  Knows SQLite's names and locks, not what is in it.
 *
 * POSIX locks end when a process closes any descriptor of the file, so none of
 * this may be called for a file that the same process has open as a database.
 */
#ifndef LOGWATCH_STORE_STATEFILE_H
#define LOGWATCH_STORE_STATEFILE_H

#include "base/err.h"

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

/**
 * Makes the file's directories (0700) where they are not there and waits till
 * no other process is opening a state file in the last one: that takes several
 * steps, and two that take them at once could refuse each other.
 *
 * Returns a descriptor to close when the file is open, or -1: there is no such
 * lock, or another process takes too long; what follows is safe all the same.
 */
int statefile_queue(const char *path);

/**
 * Makes the file (0600) and its directories (0700) where they are not there.
 *
 * st  is set to what is there now
 *
 * Returns its canonical name, which the caller frees, or NULL with the reason.
 */
char *statefile_make(const char *path, struct stat *st, struct err *err);

/** Whether there is a write-ahead log with something in it. */
bool statefile_has_wal(const char *file);

/**
 * Whether it begins as no database does, damaged or not: somebody else's file,
 * named by mistake, which is not ours to move.
 */
bool statefile_is_foreign(const char *file);

/** Which process has it locked; 0: none, this one, or nobody can tell. */
pid_t statefile_holder(const char *file);

/**
 * Renames the file and what belongs to it to FILE.damaged-N, while nobody else
 * has it open; of an empty one only what belongs to it.
 *
 * judged  the file that is meant: where another has come in its place, nothing
 *         is done
 * moved   set to FILE.damaged-N, which the caller frees; NULL: nothing was done
 */
int statefile_move_aside(
    const char *file, const struct stat *judged, char **moved, struct err *err);

/**
 * Copies the file and its write-ahead log to a private directory as they
 * belong together, also while a process writes to them.
 *
 * Returns the name of the copy, to give back to statefile_discard(), or NULL:
 * with the reason, or with *missing set.
 */
char *statefile_copy(const char *path, bool *missing, struct err *err);
void statefile_discard(char *copy); /* NULL does nothing */

#endif
