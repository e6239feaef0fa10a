/* SPDX-License-Identifier: MIT */
/**
 * Numbers as text.
 */
#ifndef LOGWATCH_BASE_NUMBER_H
#define LOGWATCH_BASE_NUMBER_H

#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

/** Reads a decimal number, such as 7, -2.5 or 1e3, with nothing around it and
 * at most 63 bytes; false where it is none.  *out is then untouched. */
bool number_read(struct text text, double *out);

/** Adds a whole number to out, as "%" PRId64 would. */
void number_add(struct str *out, int64_t number);

#endif
