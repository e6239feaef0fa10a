/* SPDX-License-Identifier: MIT */
/**
 * The incident record: one JSON object, the same everywhere.  And back, with
 * what else an incident has to remember.
 */
#ifndef LOGWATCH_INCIDENT_RECORD_H
#define LOGWATCH_INCIDENT_RECORD_H

#include "incident/change.h"

#include <jansson.h>

/** Text as a JSON string, bytes that are no UTF-8 (a path may have some) as
 * U+FFFD; the caller decrefs it. */
json_t *record_text(struct text text);

/** The record of an incident at a change; the caller decrefs it. */
json_t *record_of(const struct incident *i, enum change_kind change);

/** What the record does not tell but a restart needs, as JSON text; the caller
 * frees it. */
char *record_state(const struct incident *i);

/**
 * An incident as it was: from what record_of() and record_state() made.
 *
 * Returns an incident to free with incident_free(), its rule NO_RULE; NULL
 * where record is none.  Its `collecting` is not 0 where that was under way:
 * the caller, who knows that it is not any more, resets it.
 */
struct incident *record_read(struct text record, struct text state);

#endif
