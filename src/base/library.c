/* SPDX-License-Identifier: MIT */
/*
 * A pointer to a function is stored as one to an object, as POSIX has it for
 * dlsym(): ISO C knows no conversion.
 */
#include "base/library.h"

#include <dlfcn.h>

void *
library_open(const char *soname, const struct library_call *calls, size_t count,
    void *into, const char *install, struct err *err)
{
	void *handle = dlopen(soname, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);

	for (size_t i = 0; handle != NULL && i < count; i++) {
		void *call = dlsym(handle, calls[i].name);

		if (call == NULL) {
			err_set(err, "%s; %s", dlerror(), install);
			dlclose(handle);
			return NULL;
		}
		*(void **)((char *)into + calls[i].at) = call;
	}
	if (handle == NULL)
		err_set(err, "%s; %s", dlerror(), install);
	return handle;
}

void
library_close(void *handle)
{
	if (handle != NULL)
		dlclose(handle);
}
