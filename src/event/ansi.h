/* SPDX-License-Identifier: MIT */
/**
 * Takes terminal escape sequences (ECMA-48: CSI, OSC and the other strings,
 * two-character escapes) out of text.
 */
#ifndef LOGWATCH_EVENT_ANSI_H
#define LOGWATCH_EVENT_ANSI_H

#include "base/str.h"

/** Adds text without its escape sequences to out.  An unfinished sequence at
 * the end goes too. */
void ansi_strip(struct text text, struct str *out);

/** How long the escape sequence is that text begins with, its ESC counted. */
size_t ansi_len(struct text text);

#endif
