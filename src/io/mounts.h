/* SPDX-License-Identifier: MIT */
/**
 * Says when something is mounted or unmounted, which no inotify event tells.
 * Nothing wakes the loop meanwhile.
 */
#ifndef LOGWATCH_IO_MOUNTS_H
#define LOGWATCH_IO_MOUNTS_H

struct loop;
struct mounts;

/** What is mounted where has changed. */
typedef void mounts_fn(void *ctx);

/**
 * Calls fn on the loop when our mount namespace changes; at once, and where it
 * goes on changing at most ten times a second.
 *
 * Returns what to free with mounts_free(); NULL where there is no /proc.
 */
struct mounts *mounts_new(struct loop *l, mounts_fn *fn, void *ctx);
void mounts_free(struct mounts *m); /* NULL does nothing */

#endif
