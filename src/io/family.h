/* SPDX-License-Identifier: MIT */
/**
 * What came of one child: all process groups of its session, and descendants
 * that left the session while their ancestors were still there to be seen.  For
 * ending them together.
 */
#ifndef LOGWATCH_IO_FAMILY_H
#define LOGWATCH_IO_FAMILY_H

#include <stdbool.h>
#include <sys/types.h>

struct family;

/**
 * Makes one.
 *
 * leader  a child of ours that leads its session, and that nobody waits for
 *         before family_free(): as a zombie too it keeps the pid, and with it
 *         the session's number, from being given to others
 */
struct family *family_new(pid_t leader);
void family_free(struct family *f); /* NULL does nothing */

/**
 * Sends a signal to each that is there, then SIGCONT, without which a stopped
 * process would not see it.  For SIGKILL all are stopped first, so that nobody
 * is born meanwhile.  Those once seen are remembered when their parents are
 * gone.
 */
void family_signal(struct family *f, int signum);

/** Whether any but the leader still runs. */
bool family_lives(struct family *f);

#endif
