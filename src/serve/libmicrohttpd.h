/* SPDX-License-Identifier: MIT */
/**
 * libmicrohttpd, loaded when somebody first connects and not linked: what it
 * pulls in (GnuTLS and more) would cost every start time and memory.
 */
#ifndef LOGWATCH_SERVE_LIBMICROHTTPD_H
#define LOGWATCH_SERVE_LIBMICROHTTPD_H

#include "base/err.h"

#ifdef HAVE_MICROHTTPD
#include <microhttpd.h>

#define MICROHTTPD_CALLS(CALL)                                                 \
	CALL(MHD_add_response_header)                                          \
	CALL(MHD_create_response_from_buffer)                                  \
	CALL(MHD_destroy_response)                                             \
	CALL(MHD_get_connection_info)                                          \
	CALL(MHD_get_daemon_info)                                              \
	CALL(MHD_get_timeout)                                                  \
	CALL(MHD_lookup_connection_value)                                      \
	CALL(MHD_queue_response)                                               \
	CALL(MHD_run)                                                          \
	CALL(MHD_start_daemon)                                                 \
	CALL(MHD_stop_daemon)

/** Each call under its own name, with the type that its header gives it. */
struct libmicrohttpd {
	void *handle; /* or NULL */
#define CALL(name) __typeof__(name) *(name);
	MICROHTTPD_CALLS(CALL)
#undef CALL
};

/**
 * Loads it; once loaded it stays.
 *
 * lib  zeroed; for libmicrohttpd_close(), also after a failure
 *
 * Returns 0, or -1 with the reason and what to install.
 */
int libmicrohttpd_open(struct libmicrohttpd *lib, struct err *err);
void libmicrohttpd_close(struct libmicrohttpd *lib); /* zeroed: does nothing */
#endif

#endif
