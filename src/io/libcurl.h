/* SPDX-License-Identifier: MIT */
/**
 * libcurl, loaded when something is sent for the first time and not linked:
 * the 28 libraries that it pulls in (TLS, Kerberos, LDAP, SSH) would cost every
 * command's start three quarters of its time.
 */
#ifndef LOGWATCH_IO_LIBCURL_H
#define LOGWATCH_IO_LIBCURL_H

#include "base/err.h"

#include <stdint.h>

/* Its checks of types are macros that know only the linked functions. */
#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>

#define LIBCURL_CALLS(CALL)                                                    \
	CALL(curl_easy_cleanup)                                                \
	CALL(curl_easy_getinfo)                                                \
	CALL(curl_easy_init)                                                   \
	CALL(curl_easy_perform)                                                \
	CALL(curl_easy_setopt)                                                 \
	CALL(curl_easy_strerror)                                               \
	CALL(curl_getdate)                                                     \
	CALL(curl_global_cleanup)                                              \
	CALL(curl_global_init)                                                 \
	CALL(curl_multi_add_handle)                                            \
	CALL(curl_multi_assign)                                                \
	CALL(curl_multi_cleanup)                                               \
	CALL(curl_multi_info_read)                                             \
	CALL(curl_multi_init)                                                  \
	CALL(curl_multi_remove_handle)                                         \
	CALL(curl_multi_setopt)                                                \
	CALL(curl_multi_socket_action)                                         \
	CALL(curl_slist_append)                                                \
	CALL(curl_slist_free_all)

/** Each call under its own name, with the type that its header gives it. */
struct libcurl {
	void *handle; /* or NULL */
#define CALL(name) __typeof__(name) *(name);
	LIBCURL_CALLS(CALL)
#undef CALL
};

/**
 * Loads it; once loaded it stays, and the next load is a look-up.
 *
 * lib  zeroed; for libcurl_close(), also after a failure
 *
 * Returns 0, or -1 with the reason and what to install.
 */
int libcurl_open(struct libcurl *lib, struct err *err);
void libcurl_close(struct libcurl *lib); /* zeroed: does nothing */

/**
 * Who may be talked to, and how: no proxy or .netrc from the environment, no
 * redirects, certificates that are verified.
 *
 * protocols  such as "http,https"
 * ca_file    trusted instead of the system's; or NULL
 */
void libcurl_set_safety(const struct libcurl *lib, CURL *easy,
    const char *protocols, const char *ca_file);
/** How long all of it may take, and that connecting has at most 10 s of it.  A
 * request that is given up does not wait for its name to be resolved. */
void libcurl_set_times(
    const struct libcurl *lib, CURL *easy, int64_t timeout_ms);

#endif
