/* SPDX-License-Identifier: MIT */
/*
 * Libraries that are loaded when they are needed.
 */
#include "base/library.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct lib {
	size_t (*length)(const char *);
	size_t (*missing)(const char *);
};

static const struct library_call calls[] = {
	{ "strlen", offsetof(struct lib, length) },
	{ "no_such_call", offsetof(struct lib, missing) },
};

static void
its_calls_are_put_in_their_places(void **state)
{
	struct lib lib = { NULL, NULL };
	struct err err;
	void *handle =
	    library_open("libc.so.6", calls, 1, &lib, "install it", &err);

	(void)state;
	assert_non_null(handle);
	assert_int_equal(lib.length("four"), 4);
	assert_null(lib.missing);
	library_close(handle);
}

static void
one_without_a_call_is_refused_by_the_name_of_the_call(void **state)
{
	struct lib lib = { NULL, NULL };
	struct err err;

	(void)state;
	assert_null(
	    library_open("libc.so.6", calls, 2, &lib, "install it", &err));
	assert_non_null(strstr(err.text, "no_such_call"));
	assert_non_null(strstr(err.text, "; install it"));
}

static void
one_that_is_not_there_is_said_with_what_to_do(void **state)
{
	struct lib lib = { NULL, NULL };
	struct err err;

	(void)state;
	assert_null(
	    library_open("libnone.so.9", calls, 1, &lib, "install it", &err));
	assert_non_null(strstr(err.text, "libnone.so.9"));
	assert_non_null(strstr(err.text, "; install it"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(its_calls_are_put_in_their_places),
		cmocka_unit_test(
		    one_without_a_call_is_refused_by_the_name_of_the_call),
		cmocka_unit_test(one_that_is_not_there_is_said_with_what_to_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
