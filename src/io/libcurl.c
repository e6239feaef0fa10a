/* SPDX-License-Identifier: MIT */
/*
 * The name to load is what configure found the linker to take.
 */
#include "io/libcurl.h"

#include <dlfcn.h>

static int
open_failed(struct err *err)
{
	return err_set(err,
	    "libcurl cannot be loaded: %s; install it (on Debian the package "
	    "libcurl4)",
	    dlerror());
}

/* It is never unloaded: libraries that it brings leave state behind. */
int
libcurl_open(struct libcurl *lib, struct err *err)
{
	lib->handle =
	    dlopen(LIBCURL_SONAME, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	if (lib->handle == NULL)
		return open_failed(err);
#define CALL(name)                                                             \
	lib->name = dlsym(lib->handle, #name);                                 \
	if (lib->name == NULL)                                                 \
		return open_failed(err);
	LIBCURL_CALLS(CALL)
#undef CALL
	return 0;
}

void
libcurl_close(struct libcurl *lib)
{
	if (lib->handle != NULL)
		dlclose(lib->handle);
	lib->handle = NULL;
}
