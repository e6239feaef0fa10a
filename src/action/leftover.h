/* SPDX-License-Identifier: MIT */
/**
 * Scripts that an earlier logwatch started and that today's rules leave to
 * nobody: their rule or action is gone or has another name.  They keep their
 * lock and their time until they end.
 */
#ifndef LOGWATCH_ACTION_LEFTOVER_H
#define LOGWATCH_ACTION_LEFTOVER_H

#include <stdbool.h>
#include <stdint.h>

struct leftovers;
struct loop;
struct run_row;

/** One has ended; row is as it was added, and lent.  Never told from within
 * leftovers_add(). */
typedef void leftover_end_fn(const struct run_row *row, void *ctx);

/** Returns an empty set to free with leftovers_free(); never NULL. */
struct leftovers *leftovers_new(
    struct loop *l, leftover_end_fn *ended, void *ctx);
void leftovers_free(struct leftovers *ls); /* NULL does nothing */

struct leftover_spec {
	const struct run_row *row; /* with its pid and start time */
	const char *rule;          /* id; NULL: not known */
	const char *lock;          /* NULL: none */
	bool known;                /* what lock and timeout_ms are */
	int64_t timeout_ms, wall_ms;
};

/** Watches one, and ends it when its time is over.  Returns false where its
 * process is gone.  Texts are copied. */
bool leftovers_add(struct leftovers *ls, const struct leftover_spec *spec);

/** Whether a script of that rule (NULL: whatever its rule is) with that lock
 * (NULL: none) must wait.  A leftover whose lock is not known has any. */
bool leftovers_hold(
    const struct leftovers *ls, const char *rule, const char *lock);

#endif
