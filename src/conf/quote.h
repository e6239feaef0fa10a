/* SPDX-License-Identifier: MIT */
/**
 * Any text as a YAML scalar on one line, for rule files that are written.
 */
#ifndef LOGWATCH_CONF_QUOTE_H
#define LOGWATCH_CONF_QUOTE_H

#include "base/str.h"

/** Adds well-formed UTF-8 in single quotes, or, where it holds what cannot
 * stand in those, in double quotes and escaped.  NUL becomes U+FFFD. */
void quote_add(struct str *out, struct text text);

/** The same for a value in which ${VARIABLES} are replaced: read back it is
 * this text. */
void quote_add_value(struct str *out, struct text text);

#endif
