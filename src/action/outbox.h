/* SPDX-License-Identifier: MIT */
/**
 * Notifications that wait: one queue a receiver, in order, each row committed
 * with the change it tells, sent at least once with the same body and
 * idempotency key at every attempt; back-off with jitter from 1 s to 10 min,
 * Retry-After; what is final or older than 3 days becomes a dead letter.  One
 * dead receiver delays no other.  Where a receiver is told how incidents stand
 * (again_ms), the later of an incident takes the place of what waits, and those
 * that are open are told again, which is not in the store.  Bodies are in the
 * store, not in memory; at most 64 MiB of them wait, and as much are kept as
 * dead letters, then the oldest are dropped, counted and said.
 */
#ifndef LOGWATCH_ACTION_OUTBOX_H
#define LOGWATCH_ACTION_OUTBOX_H

#include "action/receiver.h"

#include <stddef.h>

struct fetcher;
struct loop;
struct fetch_end;
struct outbox;
struct store;

/** One notification action of the rule file, or one of those that it is sent
 * to; lent, outlives the outbox. */
struct notifier {
	const char *name; /* of the action, and /N where there are several */
	const struct receiver *receiver;
	const void *settings; /* of the receiver's instance */
};

/**
 * Called when something is to be saved; the owner then saves and commits, at
 * once or later.  Only from the loop, never from within a call of these
 * functions: who adds knows that there is something to save.
 */
typedef void outbox_dirty_fn(void *ctx);

struct outbox *outbox_new(struct loop *l, struct fetcher *fetcher,
    struct store *store, const struct notifier *notifiers, size_t count,
    outbox_dirty_fn *dirty, void *ctx);
void outbox_free(struct outbox *ob); /* NULL does nothing; lets go */

#define OUTBOX_BYTES (INT64_C(64) << 20)
#define OUTBOX_AGE_MS (INT64_C(3) * 24 * 3600 * 1000)
#define OUTBOX_ONCE (-1) /* an age: nothing is tried again */

/** What may wait at most, OUTBOX_BYTES and OUTBOX_AGE_MS unless it is said: the
 * oldest is dropped for want of room; what was tried for so long is dead.  As
 * many bytes are kept of dead ones.  Before outbox_load(). */
void outbox_limit(struct outbox *ob, int64_t bytes, int64_t age_ms);

/** Calls fn, with the ctx of outbox_new(), when a notification was sent (error
 * is NULL) or is given up.  It may add others. */
typedef void outbox_ended_fn(
    const char *action, const char *incident, const char *error, void *ctx);
void outbox_on_ended(struct outbox *ob, outbox_ended_fn *fn);

/** Calls fn, with the ctx of outbox_new(), with each answer, and what is no
 * answer, before it is judged; without what it repeats of a secret. */
typedef void outbox_answer_fn(
    const char *action, const struct fetch_end *end, void *ctx);
void outbox_on_answer(struct outbox *ob, outbox_answer_fn *fn);
/** Time to tell all that is open again, by outbox_again(). */
typedef void outbox_again_fn(void *ctx);
/** The record of an incident as it stands; NULL: it is not open any more.  The
 * caller decrefs it. */
typedef json_t *outbox_state_fn(const char *incident, void *ctx);
void outbox_on_again(struct outbox *ob, outbox_again_fn *again,
    outbox_state_fn *state, void *ctx);

/** Reads what waits from the store.  Rows of an action that the rule file no
 * longer has stay where they are, counted and said once. */
int outbox_load(struct outbox *ob, struct err *err);

/** Takes in one change for notifiers[i].  Sent after outbox_save() and the
 * commit, by outbox_send(). */
void outbox_add(struct outbox *ob, size_t i, const char *delivery_id,
    const json_t *record, int64_t wall_ms);

/** Tells notifiers[i], which is told how incidents stand, that this one is
 * open, unless something of it waits there; sent without being saved. */
void outbox_again(struct outbox *ob, size_t i, const char *incident);

/** Writes what changed; within the owner's transaction. */
int outbox_save(struct outbox *ob, struct err *err);
/** The transaction is over: committed, or given up, in which case what is in
 * memory goes out all the same and is saved the next time.  From the next turn
 * of the loop on, what may be sent is. */
void outbox_send(struct outbox *ob);

/** One that waits or is dead; lent. */
struct outbox_row {
	const char *id, *action, *incident, *change;
	const char *error; /* of the last attempt; NULL: none */
	bool dead;
	int64_t attempts, next_ms; /* wall; of a dead one 0 */
};
typedef void outbox_row_fn(const struct outbox_row *row, void *ctx);
/** Those that wait, by action and in their order, and then the dead. */
void outbox_each(const struct outbox *ob, outbox_row_fn *fn, void *ctx);
/** Sends dead letters again, as if they were new: those of a delivery id, of an
 * incident, or both NULL all; but for actions that are gone.  To be saved.
 * Returns how many. */
size_t outbox_retry(
    struct outbox *ob, const char *delivery_id, const char *incident);

/** Whether one is being sent now, or is due, or waits without having failed
 * yet and without one before it that has. */
bool outbox_busy(const struct outbox *ob);
size_t outbox_waiting(const struct outbox *ob); /* not sent, not dead */
size_t outbox_dead(const struct outbox *ob);
size_t outbox_dropped(const struct outbox *ob); /* for want of room */

#endif
