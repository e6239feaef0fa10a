/* SPDX-License-Identifier: MIT */
/**
 * Base64 of RFC 4648, section 4.
 */
#ifndef LOGWATCH_BASE_BASE64_H
#define LOGWATCH_BASE_BASE64_H

#include "base/str.h"

#include <stdbool.h>

/** Adds data in base64, padded, on one line. */
void base64_add(struct text data, struct str *out);

/** Adds the bytes that text stands for; its padding may be missing.  Returns
 * false where it is no base64: out then has anything of it. */
bool base64_read(struct text text, struct str *out);

#endif
