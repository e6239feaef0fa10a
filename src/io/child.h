/* SPDX-License-Identifier: MIT */
/**
 * One program, run once: argv without a shell, an environment built from
 * nothing, a session of its own, only descriptors 0, 1 and 2.  Its standard
 * input is fed, its standard output and error are read together, its end is
 * told by a pidfd.  Knows nothing of incidents.
 */
#ifndef LOGWATCH_IO_CHILD_H
#define LOGWATCH_IO_CHILD_H

#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct identity;
struct loop;
struct ready;
struct child;

struct child_spec {
	const char *const *argv;     /* ends with NULL; argv[0] is looked up in
	                                the PATH of envp where it has no slash,
	                                relative to cwd where it has one */
	const char *const *envp;     /* ends with NULL: the whole environment */
	const char *cwd;             /* NULL: logwatch's own */
	const struct identity *user; /* likewise; lent until it is started */
	int64_t timeout_ms;          /* then SIGTERM to its session and what
	                                escaped from it; INT64_MAX: never */
	int64_t grace_ms;            /* so much later SIGKILL */
	size_t output_max;           /* bytes kept: the last ones */
	const int *stdout_fd; /* lent: its standard output goes there, and
	                         what is read here is its standard error
	                         alone; NULL: both are read */
	struct ready *ready;  /* what it becomes, in any case taken over; NULL:
	                         one is made */
	bool whole; /* when it ends of itself, what is left of its session is
	               ended as if its time were up */
};

struct child_end {
	bool signaled;  /* code is a signal, else an exit status */
	int code;       /* -1: unknown, somebody else waited for it */
	bool timed_out; /* it was ended for its time-out */
	int64_t duration_ms;
	struct text output;    /* the last output_max bytes; lent */
	uint64_t output_bytes; /* how many there were in all */
};

/**
 * Told once, when the process has ended, whatever still holds its pipes; never
 * from within child_start().  What outlives it of a session whose time is up
 * keeps the rest of its grace.
 */
typedef void child_end_fn(const struct child_end *end, void *ctx);
/** Told each line of output as it comes, without its newline, the unfinished
 * last one at the end; a longer one is cut at 8 KiB.  May be NULL. */
typedef void child_line_fn(struct text line, void *ctx);

/**
 * Starts it.  A program that cannot be executed (not there, not executable, no
 * interpreter) is the reason in err, told at once.  SIGPIPE must be ignored in
 * logwatch itself, SIGCHLD must not; the child has all signals at default.
 *
 * Returns a child to free with child_free(), also after it ended, or NULL.
 */
struct child *child_start(struct loop *l, const struct child_spec *spec,
    child_end_fn *end, child_line_fn *line, void *ctx, struct err *err);

/** Writes its standard input, of which it takes a copy, and closes it; until
 * then the child waits where it reads, and nothing is told of it but its
 * time-out.  Call once after child_start(): best not at once, for on its way
 * to its first instruction the child may wait for this very processor. */
void child_feed(struct child *c, struct text input);

pid_t child_pid(const struct child *c);
/** When its process was made, as of clock_now_ms(): that may be long before it
 * was started. */
int64_t child_made_ms(const struct child *c);

/** Its time is up now. */
void child_stop(struct child *c);

/**
 * Lets go: no callback comes any more; a process that still runs goes on,
 * without a time-out unless that has come already, and leaves no zombie.  Its
 * output is read and dropped until loop_free(): from then on, as after
 * logwatch's own death, who writes to it gets SIGPIPE.
 */
void child_free(struct child *c); /* NULL does nothing */

#endif
