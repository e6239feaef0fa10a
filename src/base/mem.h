/* SPDX-License-Identifier: MIT */
/**
 * Memory that is always there: where the machine has none left, the program
 * ends with a message, so that nobody tests for NULL.  free() gives it back.
 */
#ifndef LOGWATCH_BASE_MEM_H
#define LOGWATCH_BASE_MEM_H

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/** What an allocation that failed comes to. */
__attribute__((returns_nonnull)) static inline void *
mem_check(void *p)
{
	if (p == NULL) {
		fputs("logwatch: out of memory\n", stderr);
		abort();
	}
	return p;
}

/** Zeroed memory for count things of size bytes. */
__attribute__((returns_nonnull)) static inline void *
mem_new(size_t count, size_t size)
{
	return mem_check(calloc(count ? count : 1, size ? size : 1));
}

/** Memory grown or shrunk to count things of size bytes; new part unset. */
__attribute__((returns_nonnull)) static inline void *
mem_resize(void *p, size_t count, size_t size)
{
	if (count == 0 || size == 0)
		count = size = 1;
	return mem_check(reallocarray(p, count, size));
}

/** A copy of len bytes with a NUL behind them. */
__attribute__((returns_nonnull)) static inline char *
mem_copy(const char *data, size_t len)
{
	char *copy = mem_new(len + 1, 1);

	if (len > 0)
		memcpy(copy, data, len);
	return copy;
}

/** A copy of NUL-terminated text; NULL for NULL. */
static inline char *
mem_text(const char *text)
{
	return text == NULL ? NULL : mem_copy(text, strlen(text));
}

#endif
