/* SPDX-License-Identifier: MIT */
/**
 * Text as a length and bytes: lent (struct text), or owned and growing
 * (struct str).  A log may hold NUL, so neither ends at one.
 */
#ifndef LOGWATCH_BASE_STR_H
#define LOGWATCH_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>

/** Lent bytes; data may be NULL where len is 0. */
struct text {
	const char *data;
	size_t len;
};

/**
 * Owned bytes that grow.  All zero is an empty one.  Where data is not NULL
 * there is a NUL behind the last byte.
 */
struct str {
	char *data;
	size_t len;
	size_t capacity;
};

#define TEXT(literal) ((struct text){ (literal), sizeof(literal) - 1 })

/** A view of NUL-terminated text; NULL is empty. */
struct text text_of(const char *text);
/** A view of what a str holds now. */
struct text str_text(const struct str *s);

bool text_equal(struct text a, struct text b);
bool text_is(struct text a, const char *b);

void str_add(struct str *s, const char *data, size_t len);
void str_add_text(struct str *s, struct text text);
void str_puts(struct str *s, const char *text);
void str_putc(struct str *s, char c);
void str_printf(struct str *s, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/** Room for len more bytes; returns where they go.  Then add to s->len. */
char *str_reserve(struct str *s, size_t len);
/** Empty again; the memory stays. */
void str_clear(struct str *s);
/** Gives away the bytes (never NULL), which the caller frees; s is empty. */
char *str_take(struct str *s);
void str_free(struct str *s);

#endif
