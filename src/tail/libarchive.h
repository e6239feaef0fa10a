/* SPDX-License-Identifier: MIT */
/**
 * libarchive, loaded when it is first needed and not linked: what it pulls in
 * (libxml2, ICU, nettle) would cost every start time and memory.
 */
#ifndef LOGWATCH_TAIL_LIBARCHIVE_H
#define LOGWATCH_TAIL_LIBARCHIVE_H

#include "base/err.h"

#ifdef HAVE_LIBARCHIVE
#include <archive.h>

#define LIBARCHIVE_CALLS(CALL)                                                 \
	CALL(archive_errno)                                                    \
	CALL(archive_error_string)                                             \
	CALL(archive_filter_bytes)                                             \
	CALL(archive_filter_count)                                             \
	CALL(archive_read_data_block)                                          \
	CALL(archive_read_free)                                                \
	CALL(archive_read_new)                                                 \
	CALL(archive_read_next_header)                                         \
	CALL(archive_read_open)                                                \
	CALL(archive_read_support_filter_bzip2)                                \
	CALL(archive_read_support_filter_xz)                                   \
	CALL(archive_read_support_filter_zstd)                                 \
	CALL(archive_read_support_format_empty)                                \
	CALL(archive_read_support_format_raw)                                  \
	CALL(archive_set_error)

/** Each call under its own name, with the type that its header gives it. */
struct libarchive {
	void *handle; /* or NULL */
#define CALL(name) __typeof__(name) *(name);
	LIBARCHIVE_CALLS(CALL)
#undef CALL
};

/**
 * Loads it; once loaded it stays, and the next load is a look-up.
 *
 * lib  zeroed; for libarchive_close(), also after a failure
 *
 * Returns 0, or -1 with the reason and what to install.
 */
int libarchive_open(struct libarchive *lib, struct err *err);
void libarchive_close(struct libarchive *lib); /* zeroed: does nothing */
#endif

#endif
