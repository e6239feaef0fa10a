/* SPDX-License-Identifier: MIT */
/**
 * A shared library that is loaded when it is first needed and not linked: what
 * it pulls in would cost every command's start time and memory.
 */
#ifndef LOGWATCH_BASE_LIBRARY_H
#define LOGWATCH_BASE_LIBRARY_H

#include "base/err.h"

#include <stddef.h>

/** One function of it, and where its pointer goes. */
struct library_call {
	const char *name;
	size_t at; /* offset in the caller's struct */
};

/**
 * Loads it.  Once loaded it stays, for libraries that it brings leave state
 * behind, and the next load is a look-up.
 *
 * soname   as configure found the linker to take
 * into     the struct that gets the pointers
 * install  what to do where it is not there, in words
 *
 * Returns a handle for library_close(), or NULL with the reason and the advice.
 */
void *library_open(const char *soname, const struct library_call *calls,
    size_t count, void *into, const char *install, struct err *err);
void library_close(void *handle); /* NULL does nothing */

#endif
