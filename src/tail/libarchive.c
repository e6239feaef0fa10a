/* SPDX-License-Identifier: MIT */
/*
 * The name to load is what configure found the linker to take.
 */
#include "tail/libarchive.h"

#ifdef HAVE_LIBARCHIVE
#include <dlfcn.h>

static int
open_failed(struct err *err)
{
	return err_set(err,
	    "zstd, xz and bzip2 need libarchive, which cannot be loaded: %s; "
	    "install it (on Debian the package libarchive13), or unpack the "
	    "log first",
	    dlerror());
}

/* It is never unloaded: libraries that it brings leave state behind. */
int
libarchive_open(struct libarchive *lib, struct err *err)
{
	lib->handle =
	    dlopen(LIBARCHIVE_SONAME, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	if (lib->handle == NULL)
		return open_failed(err);
#define CALL(name)                                                             \
	lib->name = dlsym(lib->handle, #name);                                 \
	if (lib->name == NULL)                                                 \
		return open_failed(err);
	LIBARCHIVE_CALLS(CALL)
#undef CALL
	return 0;
}

void
libarchive_close(struct libarchive *lib)
{
	if (lib->handle != NULL)
		dlclose(lib->handle);
}
#endif
