/* SPDX-License-Identifier: MIT */
/**
 * UTF-8 as strangers write it: where it breaks, and what stands there instead.
 * Well-formed is what RFC 3629 says: no overlong forms, no surrogates, nothing
 * above U+10FFFF.
 */
#ifndef LOGWATCH_BASE_UTF8_H
#define LOGWATCH_BASE_UTF8_H

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** What stands at the start of some text. */
struct utf8_char {
	size_t len;    /* in bytes; 0: the text is empty */
	bool valid;    /* else a maximal ill-formed part of len bytes, */
	uint32_t code; /* with U+FFFD here */
};
struct utf8_char utf8_next(struct text text);

/**
 * Whether a code point can change how the text around it is shown: C0 and C1
 * controls (newline and tab too), DEL, the bidirectional controls (U+061C,
 * U+200E, U+200F, U+202A-E, U+2066-9) and the line separators U+2028-9.
 */
bool utf8_is_control(uint32_t code);

/** How long the byte order mark is that text begins with; 0: it does not. */
size_t utf8_bom(struct text text);

/** How many bytes from the start of text are well-formed. */
size_t utf8_valid(struct text text);

/**
 * Adds text to out with U+FFFD for each maximal ill-formed part, as Unicode
 * recommends (section 3.9, "maximal subparts").
 */
void utf8_clean(struct text text, struct str *out);

/**
 * Adds text to out as it may be shown: what utf8_clean does, and without the
 * controls (utf8_is_control) but newline and tab, by which a log could paint a
 * terminal or a chat.
 */
void utf8_display(struct text text, struct str *out);

/**
 * The longest start of well-formed text that has at most max code points;
 * never cuts through one.
 */
struct text utf8_head(struct text text, size_t max);

/** The longest start of well-formed text of at most max bytes, likewise. */
struct text utf8_head_bytes(struct text text, size_t max);

#endif
