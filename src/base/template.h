/* SPDX-License-Identifier: MIT */
/**
 * Text with {{names}} in it, parsed once and filled in often.  What is filled
 * in is never parsed again.
 */
#ifndef LOGWATCH_BASE_TEMPLATE_H
#define LOGWATCH_BASE_TEMPLATE_H

#include "base/err.h"
#include "base/str.h"

struct template;

#define TEMPLATE_NAMES_MAX 200 /* bounds what one text can grow to */

/** The value of a name; the bytes live until the next call. */
typedef struct text template_value_fn(const char *name, void *ctx);

/** How a receiver writes a value; NULL writes it as it is. */
typedef void template_escape_fn(struct text value, struct str *out);

/**
 * Parses text.  "{{" without "}}" behind it, a name that is not
 * [A-Za-z0-9_.-]+ (blanks around it are allowed), or more than
 * TEMPLATE_NAMES_MAX of them is a fault.
 *
 * offset  where it is wrong, in bytes from the start of text; may be NULL
 *
 * Returns a template to free with template_free(), or NULL with the reason.
 */
struct template *template_parse(
    struct text text, size_t *offset, struct err *err);
void template_free(struct template *t); /* NULL does nothing */

size_t template_count(const struct template *t); /* names in it */
const char *template_name(const struct template *t, size_t i);
/** Where name i stands: the offset of its first character in the text. */
size_t template_offset(const struct template *t, size_t i);

/** Adds the filled-in text to out. */
void template_write(const struct template *t, template_value_fn *value,
    void *ctx, template_escape_fn *escape, struct str *out);

#endif
