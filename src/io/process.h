/* SPDX-License-Identifier: MIT */
/**
 * Processes as /proc shows them.  A pid comes back in use; the pid and the time
 * at which the process started do not.
 */
#ifndef LOGWATCH_IO_PROCESS_H
#define LOGWATCH_IO_PROCESS_H

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PROCESS_COMMAND_MAX 4096
#define PROCESS_NAME_SIZE 32

struct process {
	pid_t pid, parent, group, session;
	int64_t start_time;
	bool ended; /* a zombie: it runs no more */
};

/** Reads one.  Returns false where there is none. */
bool process_read(pid_t pid, struct process *out);

/**
 * When a process started, in clock ticks since boot (field 22 of
 * /proc/PID/stat): with the pid, its identity.  -1: there is none.
 */
int64_t process_start_time(pid_t pid);

/**
 * The same, for a process that was started a moment after boot_ms (of
 * clock_now_ms()).  -1 also where the pid has another by now.
 */
int64_t process_started_at(pid_t pid, int64_t boot_ms);

/**
 * A pidfd of that very process, for the caller to close.
 *
 * Returns -1 with errno: ESRCH where it is gone, anything else where it cannot
 * be told.
 */
int process_open(pid_t pid, int64_t start_time);

/**
 * Adds what a process was started with to out: its arguments, a blank between
 * two, as well-formed UTF-8, at most PROCESS_COMMAND_MAX bytes of it.
 *
 * Returns false where there is none: it is gone, or of the kernel.
 */
bool process_command(pid_t pid, struct str *out);
/** The name that the kernel has for it, up to 15 bytes.  False: it is gone. */
bool process_name(pid_t pid, char out[static PROCESS_NAME_SIZE]);

/**
 * All there are, by rising pid.
 *
 * Returns an array for the caller to free; *count is 0 where /proc is not to be
 * read.
 */
struct process *process_list(size_t *count);

#endif
