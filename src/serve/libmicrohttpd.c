/* SPDX-License-Identifier: MIT */
#include "serve/libmicrohttpd.h"

#ifdef HAVE_MICROHTTPD
#include "base/library.h"

#include <stddef.h>

static const struct library_call calls[] = {
#define CALL(name) { #name, offsetof(struct libmicrohttpd, name) },
	MICROHTTPD_CALLS(CALL)
#undef CALL
};

int
libmicrohttpd_open(struct libmicrohttpd *lib, struct err *err)
{
	lib->handle = library_open(LIBMICROHTTPD_SONAME, calls,
	    sizeof calls / sizeof *calls, lib,
	    "install it (on Debian the package libmicrohttpd12)", err);
	if (lib->handle == NULL)
		return err_wrap(err,
		    "the control socket needs libmicrohttpd, which cannot be "
		    "loaded");
	return 0;
}

void
libmicrohttpd_close(struct libmicrohttpd *lib)
{
	library_close(lib->handle);
	lib->handle = NULL;
}
#endif
