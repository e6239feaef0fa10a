/* SPDX-License-Identifier: MIT */
/**
 * The file of intents: starts that are noted before anything else of them is
 * saved.  A write to it costs a tenth of a transaction, and a kill of logwatch
 * cannot take it back; it is not synced.  Its room is taken beforehand, so that
 * a full disk does not keep a note from being made.
 */
#ifndef LOGWATCH_STORE_INTENTS_H
#define LOGWATCH_STORE_INTENTS_H

#include "store/store.h"

struct intents;

/** Opens or makes it (0600).  Returns intents to close with intents_close(), or
 * NULL with the reason. */
struct intents *intents_open(const char *path, struct err *err);
void intents_close(struct intents *is); /* NULL does nothing */

/** See store_intent_put(), store_intent_delete(), store_intents(). */
bool intents_put(struct intents *is, struct intent_row *row);
void intents_delete(struct intents *is, int slot);
void intents_each(struct intents *is, store_intent_fn *fn, void *ctx);

#endif
