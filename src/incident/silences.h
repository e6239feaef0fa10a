/* SPDX-License-Identifier: MIT */
/**
 * Rules of which nobody is told for a while.  Pure: who calls gives the time.
 */
#ifndef LOGWATCH_INCIDENT_SILENCES_H
#define LOGWATCH_INCIDENT_SILENCES_H

#include "base/str.h"
#include "base/when.h"

#include <stdbool.h>
#include <stdint.h>

#define SILENCE_MAX_MS (INT64_C(365) * 24 * 60 * 60 * 1000)
#define SILENCE_REASON_MAX 1000 /* bytes */
#define SILENCES_MAX 1000

struct silences;

struct silence {
	char id[ULID_SIZE];
	char *rule, *reason;
	int64_t since_ms, until_ms; /* wall */
};

/** Returns an empty set to free with silences_free(); never NULL. */
struct silences *silences_new(void);
void silences_free(struct silences *ss); /* NULL does nothing */

/**
 * Silences a rule; one that is there already is replaced.
 *
 * for_ms  above 0, at most SILENCE_MAX_MS
 * reason  at most SILENCE_REASON_MAX bytes
 *
 * Returns it, lent until the next call; NULL where there are too many.
 */
const struct silence *silences_add(struct silences *ss, const char *rule,
    int64_t for_ms, const char *reason, int64_t wall_ms);

/** Whether a rule is silent; where ss is NULL none is. */
bool silences_has(const struct silences *ss, const char *rule);
/** The silence of that id; NULL: there is none.  Lent until the next call. */
const struct silence *silences_get(const struct silences *ss, const char *id);

/** Told as a silence ends, when the rule is not silent any more. */
typedef void silence_fn(const struct silence *s, void *ctx);
/** Ends one; false where there is none of that id. */
bool silences_end(
    struct silences *ss, const char *id, silence_fn *fn, void *ctx);
/** When the next is over by itself; INT64_MAX: none is. */
int64_t silences_due(const struct silences *ss);
/** Ends those that are over. */
void silences_tick(
    struct silences *ss, int64_t wall_ms, silence_fn *fn, void *ctx);
/** Tells those that are there. */
void silences_each(const struct silences *ss, silence_fn *fn, void *ctx);

/** Tells what is to be saved, by rule; empty: nothing any more. */
typedef void silences_state_fn(const char *rule, struct text state, void *ctx);
void silences_changed(struct silences *ss, silences_state_fn *fn, void *ctx);
void silences_saved(struct silences *ss);
/** Takes in what was saved.  False: it is no such thing. */
bool silences_restore(struct silences *ss, struct text rule, struct text state);

#endif
