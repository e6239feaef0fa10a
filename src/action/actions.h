/* SPDX-License-Identifier: MIT */
/**
 * The last step: changes -> the world.  What a change calls for: notifications
 * go to the outbox; the exec actions of an incident run in order, each proved
 * by its `verify`, within its `limit`, once an incident; what fails escalates.
 *
 * Nothing starts before a kill of logwatch could be survived: what is to be
 * done is noted by actions_change() and the like, written by actions_save()
 * within the owner's transaction, and begun by actions_start() after it.  The
 * first script of an incident need not wait for that: see actions_hurry().
 */
#ifndef LOGWATCH_ACTION_ACTIONS_H
#define LOGWATCH_ACTION_ACTIONS_H

#include "action/action.h"

struct actions;
struct incidents;
struct loop;
struct outbox;
struct store;

struct actions_spec {
	struct loop *loop;
	struct store *store;
	struct outbox *outbox;
	struct incidents *incidents;
	const struct action *actions; /* lent */
	size_t action_count;
	const struct plan *plans; /* lent; by index of the rule */
	size_t plan_count;
	bool dry_run; /* says what it would do, and does nothing */
	const struct silences *silences; /* lent */
};

struct actions_callbacks {
	/** Something is to be saved and committed, then actions_start(). */
	void (*dirty)(void *ctx);
	/** Events that prove action i are wanted, or not any more. */
	void (*want_proof)(size_t action, bool wanted, void *ctx);
	/** An action is about to start: what is in the logs by now is no proof
	 * of it. */
	void (*starting)(size_t action, void *ctx);
	/** A remediation of this rule was verified: its window is void. */
	void (*reset)(size_t rule, void *ctx);
	/** A script did its work (error is NULL), or one of an escalation,
	 * whose failure nothing else tells, did not; may be NULL. */
	void (*ended)(const char *action, const char *incident,
	    const char *error, void *ctx);
	/** The times of the steps. */
	int64_t (*now_ms)(void *ctx);
	int64_t (*wall_ms)(void *ctx);
	void *ctx;
};

struct actions *actions_new(
    const struct actions_spec *spec, const struct actions_callbacks *callbacks);
void actions_free(struct actions *as); /* NULL does nothing; scripts that run
                                          are left running */

/** Goes on with what an earlier logwatch began for an incident. */
int actions_load(struct actions *as, struct err *err);

/**
 * The sources were read to their end: an incident whose script an earlier
 * logwatch started and could not save would have opened again by now.
 */
void actions_read_up(struct actions *as);

/** The time of a rule's schedule has come: runs its scripts.  Not where they
 * still run from the last time. */
void actions_errand(struct actions *as, size_t rule);
/** What a change calls for. */
void actions_change(struct actions *as, const struct change *change);
/** An event proved an action. */
void actions_proof(struct actions *as, size_t action);

/**
 * Starts what nothing has to be saved for but an intent, which is written here:
 * the first scripts of incidents that have just opened.  A kill of logwatch
 * before the next commit has the lines read again, the incident opened again
 * under its id, and the script known again.
 *
 * A power cut before that commit may take the intent.  It then also takes the
 * line, which nobody has synced either, and the machine wakes up at a time when
 * it was not written yet.
 *
 * Returns whether one is starting: commit then only when dirty() asks for it
 * again, in a moment.  Who was forked runs on the processor of who forked, and
 * would wait there for all that we do.
 */
bool actions_hurry(struct actions *as);

/** Writes what changed to the ledger, within the owner's transaction. */
int actions_save(struct actions *as, struct err *err);
/** The transaction was committed: that is saved. */
void actions_saved(struct actions *as);
/** Begins what was noted; call when it is committed, or cannot be.
 *
 * saved  it is committed.  Where it cannot be, what starts is noted beside the
 *        state, and what cannot be noted either waits for the next call: a
 *        restart would run it again */
void actions_start(struct actions *as, bool saved);

/** Runs an open incident's scripts again, from the first, where some did not do
 * what they are for and none is at it.  Returns whether they run. */
bool actions_retry(struct actions *as, struct incident *i);

/** A rule is silent no more: what of its open incidents was kept from all is
 * told now. */
void actions_unsilenced(struct actions *as, const char *rule);

/** Escalations for want of acknowledgement, by wall time. */
int64_t actions_due(const struct actions *as); /* INT64_MAX: not at all */
void actions_tick(struct actions *as, int64_t wall_ms);

/** No new script starts from now on. */
void actions_stop(struct actions *as);
/** Whether a script runs now. */
bool actions_running(const struct actions *as);
/** Whether anything is under way: runs, waits its turn, is being verified. */
bool actions_busy(const struct actions *as);

#endif
