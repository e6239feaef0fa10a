/* SPDX-License-Identifier: MIT */
/**
 * Waits for the end of a process that is not our child, found again by pid and
 * start time, as after a restart of logwatch.
 */
#ifndef LOGWATCH_IO_ORPHAN_H
#define LOGWATCH_IO_ORPHAN_H

#include <stdint.h>
#include <sys/types.h>

struct loop;
struct orphan;

/** Told once; never from within orphan_watch(). */
typedef void orphan_end_fn(void *ctx);

/**
 * Starts to wait.
 *
 * start_time  as process_start_time() told it
 *
 * Returns NULL where that process is gone.
 */
struct orphan *orphan_watch(struct loop *l, pid_t pid, int64_t start_time,
    orphan_end_fn *end, void *ctx);
void orphan_free(struct orphan *o); /* NULL does nothing */

#endif
