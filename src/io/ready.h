/* SPDX-License-Identifier: MIT */
/**
 * A process that is ready to become a program: a session of its own, default
 * signal actions, pipes at descriptors 0, 1 and 2 and no others.  Made while
 * there is time; what is left to do is the exec.
 */
#ifndef LOGWATCH_IO_READY_H
#define LOGWATCH_IO_READY_H

#include "base/err.h"

#include <stdint.h>
#include <sys/types.h>

struct identity;
struct ready;

/**
 * Makes one.  It ends when logwatch does, and `ps` calls it logwatch-ready.
 *
 * stdout_fd  lent: its standard output; NULL: that is its standard error's pipe
 *
 * Returns one to free with ready_free(), or NULL with the reason.
 */
struct ready *ready_new(const int *stdout_fd, struct err *err);
/** Ends it where it was not started.  NULL does nothing. */
void ready_free(struct ready *r);

struct ready_program {
	const char *path;
	const char *const *argv, *const *envp;
	const char *cwd; /* where it is run; NULL: where logwatch was when the
	                    process was made */
	const struct identity *user; /* NULL: logwatch's own */
};

/**
 * Has it execute a program; once.  Where somebody has ended it meanwhile,
 * another one is made.
 *
 * Returns 0, the number of the error, or -1 with the reason.
 */
int ready_start(
    struct ready *r, const struct ready_program *program, struct err *err);

pid_t ready_pid(const struct ready *r);
/** When it was made, as of clock_now_ms(). */
int64_t ready_made_ms(const struct ready *r);
/** Once it was started: frees what is known of it.  Its standard input and what
 * it prints are for the caller to close, the process to wait for. */
void ready_let_go(struct ready *r, int *input_fd, int *output_fd);

#endif
