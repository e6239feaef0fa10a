/* SPDX-License-Identifier: MIT */
#include "io/libcurl.h"

#include "base/library.h"

#include <limits.h>
#include <stddef.h>

#define CONNECT_MAX_MS 10000L

static const struct library_call calls[] = {
#define CALL(name) { #name, offsetof(struct libcurl, name) },
	LIBCURL_CALLS(CALL)
#undef CALL
};

int
libcurl_open(struct libcurl *lib, struct err *err)
{
	lib->handle =
	    library_open(LIBCURL_SONAME, calls, sizeof calls / sizeof *calls,
		lib, "install it (on Debian the package libcurl4)", err);
	if (lib->handle == NULL)
		return err_wrap(err, "libcurl cannot be loaded");
	return 0;
}

void
libcurl_close(struct libcurl *lib)
{
	library_close(lib->handle);
	lib->handle = NULL;
}

void
libcurl_set_safety(const struct libcurl *lib, CURL *easy, const char *protocols,
    const char *ca_file)
{
	lib->curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, protocols);
	lib->curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	lib->curl_easy_setopt(easy, CURLOPT_PROXY, "");
	lib->curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
	lib->curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	lib->curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
	lib->curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
	if (ca_file != NULL) {
		lib->curl_easy_setopt(easy, CURLOPT_CAINFO, ca_file);
		lib->curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	}
}

/* The resolver's thread ends by itself (QUICK_EXIT). */
void
libcurl_set_times(const struct libcurl *lib, CURL *easy, int64_t timeout_ms)
{
	long all = timeout_ms > LONG_MAX / 2 ? LONG_MAX / 2 : (long)timeout_ms;

	all = all > 0 ? all : 1; /* 0 would be no time-out */
	lib->curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, all);
	lib->curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
	    all < CONNECT_MAX_MS ? all : CONNECT_MAX_MS);
	lib->curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	lib->curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
}
