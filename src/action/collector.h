/* SPDX-License-Identifier: MIT */
/**
 * What commands say of the machine when an incident opens and when it resolves:
 * runs `collect`, a few at once, and adds their output to the incident.
 *
 * They only read, and nobody waits for them: what a kill of logwatch interrupts
 * is not run again.
 */
#ifndef LOGWATCH_ACTION_COLLECTOR_H
#define LOGWATCH_ACTION_COLLECTOR_H

#include "action/action.h"

struct collector;
struct loop;

struct collector_spec {
	struct loop *loop;
	const struct plan *plans; /* lent; by index of the rule */
	bool dry_run;             /* says what it would do, and does nothing */
};

struct collector_callbacks {
	/** An incident has more in it and is to be saved. */
	void (*dirty)(void *ctx);
	int64_t (*wall_ms)(void *ctx);
	void *ctx;
};

struct collector *collector_new(const struct collector_spec *spec,
    const struct collector_callbacks *callbacks);
/** Ends what runs; NULL does nothing.  To be called before those who own the
 * incidents free them. */
void collector_free(struct collector *c);

/** Notes what a change calls for; the incident is kept until that is done. */
void collector_change(struct collector *c, const struct change *change);
/** Begins what was noted: when whoever is in more of a hurry has begun. */
void collector_start(struct collector *c);

/** Ends what runs, and begins nothing more. */
void collector_stop(struct collector *c);
/** Whether something runs or waits. */
bool collector_busy(const struct collector *c);

#endif
