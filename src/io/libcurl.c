/* SPDX-License-Identifier: MIT */
#include "io/libcurl.h"

#include "base/library.h"

#include <stddef.h>

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
