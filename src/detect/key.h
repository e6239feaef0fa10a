/* SPDX-License-Identifier: MIT */
/**
 * The values of some captures as one text that is equal only where all of them
 * are: what tells two incidents, windows or pairs of one rule apart.
 */
#ifndef LOGWATCH_DETECT_KEY_H
#define LOGWATCH_DETECT_KEY_H

#include "match/pattern.h"

#include <stdbool.h>

#define KEY_VALUE_MAX 1024 /* bytes of a value that count */

/** Replaces out by the key of the named captures; no names: the empty text. */
void key_write(const struct captures *captures, char *const *names,
    size_t count, struct str *out);

/** Replaces out by an id of a first half: by what both halves share, and the
 * key of its rule. */
void key_pair_write(struct text same, struct text key, struct str *out);
/** And back, as views of id; either may be NULL.  False: it is no such id. */
bool key_pair_read(struct text id, struct text *same, struct text *key);

#endif
