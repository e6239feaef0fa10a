/* SPDX-License-Identifier: MIT */
#include "tail/libarchive.h"

#ifdef HAVE_LIBARCHIVE
#include "base/library.h"

#include <stddef.h>

static const struct library_call calls[] = {
#define CALL(name) { #name, offsetof(struct libarchive, name) },
	LIBARCHIVE_CALLS(CALL)
#undef CALL
};

int
libarchive_open(struct libarchive *lib, struct err *err)
{
	lib->handle = library_open(LIBARCHIVE_SONAME, calls,
	    sizeof calls / sizeof *calls, lib,
	    "install it (on Debian the package libarchive13), or unpack the "
	    "log first",
	    err);
	if (lib->handle == NULL)
		return err_wrap(err,
		    "zstd, xz and bzip2 need libarchive, which "
		    "cannot be loaded");
	return 0;
}

void
libarchive_close(struct libarchive *lib)
{
	library_close(lib->handle);
	lib->handle = NULL;
}
#endif
