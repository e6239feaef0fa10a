/* SPDX-License-Identifier: MIT */
/**
 * The steps that only think: match -> detect -> incident, side by side, and
 * what flows between them.  What `run`, `test` and `replay` share.  Asks nobody
 * the time but its owner.
 */
#ifndef LOGWATCH_INCIDENT_JUDGE_H
#define LOGWATCH_INCIDENT_JUDGE_H

#include "detect/detectors.h"
#include "incident/incidents.h"
#include "match/matcher.h"
#include "match/stamping.h"

struct judge;

struct judge_spec {
	const struct rule *rules; /* lent; those of the file come first */
	const struct detector *detectors; /* lent, by index of the rule */
	size_t rule_count;                /* of the file: they have detectors */
	const struct policy *policies;    /* lent, by index of the rule */
	size_t policy_count;              /* also of the rules built in */
	const struct event_source *sources; /* lent, by index */
	const struct stamping *stampings;   /* likewise */
	const char *const *source_names;    /* lent, by index */
	size_t source_count;
	const struct proof *proofs; /* lent */
	size_t proof_count;
	size_t context_before, context_after; /* lines around an event */
	const char *host;                     /* lent */
};

struct judge_callbacks {
	/** Its clock, which never goes back, and the world's. */
	int64_t (*now_ms)(void *ctx);
	int64_t (*wall_ms)(void *ctx);
	/** What time stamps are judged by: about when a file was written.
	 * NULL: when its events are read. */
	int64_t (*reference_ms)(uint64_t file, void *ctx);
	/** An event that matched is about to be taken in: may turn the clock,
	 * and say when it was read and how long before that it was written.
	 * NULL: nobody wants to know. */
	void (*event)(struct event *event, const struct hit *hit, void *ctx);
	/** An event matched an action's `verify`; may be NULL. */
	hit_fn *proof;
	/** A finding opens no incident, for too many are open; told once, until
	 * one is taken in again. */
	finding_fn *refused;
	/** What an incident has come to. */
	change_fn *change;
	void *ctx;
	struct matcher_reports reports; /* with a ctx of their own */
};

/** Returns a judge to free with judge_free(); never NULL. */
struct judge *judge_new(
    const struct judge_spec *spec, const struct judge_callbacks *callbacks);
void judge_free(struct judge *j); /* NULL does nothing */

struct matcher *judge_matcher(struct judge *j);
struct detectors *judge_detectors(struct judge *j);
struct incidents *judge_incidents(struct judge *j);

/** What is to be known before the first event was restored, or there is
 * nothing: what is awaited is from now on. */
void judge_begin(struct judge *j);

/** Takes in a block. */
void judge_block(struct judge *j, const struct block *block);
/** A file ended. */
void judge_file_end(struct judge *j, uint64_t file);

/** The time that an event of a source carries; see stamping_stamp(). */
bool judge_stamp(struct judge *j, size_t source, struct text event,
    struct text object, int64_t reference_ms, int64_t *wall_ms);

/**
 * The stamp of the first line of a block, or of the last of its last lines,
 * that has one that can be trusted.
 *
 * reference_ms  see stamper_read()
 */
bool judge_first_stamp(struct judge *j, const struct block *block,
    int64_t reference_ms, int64_t *wall_ms);
bool judge_last_stamp(struct judge *j, const struct block *block, size_t lines,
    int64_t reference_ms, int64_t *wall_ms);

/** Whether all that was written was read: what did not come is judged only
 * then. */
void judge_caught_up(struct judge *j, bool caught_up);

/** What a rule, of the file or built in, has to say. */
void judge_finding(struct judge *j, const struct finding *finding);
/** What a rule found of a key is over. */
void judge_over(struct judge *j, size_t rule, struct text key);
/** A rule of the file was repaired: it starts anew. */
void judge_reset(struct judge *j, size_t rule);

/** When there is something to judge by time; as detectors_due(). */
int64_t judge_due(struct judge *j);
void judge_tick(struct judge *j);

/** The event at hand, within a callback; NULL: there is none. */
const struct event *judge_event(const struct judge *j);

/** Lines that came after an event can wait to be saved: nobody acts on them.
 * Whether there are some, and that they are to be saved now. */
bool judge_gathered(const struct judge *j);
void judge_save_gathered(struct judge *j);

#endif
