/* SPDX-License-Identifier: MIT */
/*
 * Which files are found for a log, and in which order.
 */
#include "tail/rotated.h"

#include "base/str.h"

#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[] = "/tmp/test_rotated.XXXXXX";

/* Makes a file that was last written to at that second. */
static void
make(const char *path, time_t written)
{
	const struct timespec times[] = { { written, 0 }, { written, 0 } };
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "x", 1), 1);
	assert_int_equal(futimens(fd, times), 0);
	close(fd);
}

/* The names that are found, oldest first. */
static void
check(const char *path, const char *const *globs, const char *want)
{
	struct rotated *r = rotated_new();
	const struct rotated_file *files;
	size_t count = rotated_list(r, path, globs, &files);
	struct str names = { 0 };

	for (size_t i = 0; i < count; i++)
		str_printf(&names, "%s ", files[i].path);
	str_putc(&names, '\0');
	assert_string_equal(names.data, want);
	str_free(&names);
	rotated_free(r);
}

static void
names_with_a_dot_or_a_hyphen_behind_the_path_are_rotated(void **state)
{
	(void)state;
	make("a.log.1", 1);
	make("a.log-20260101", 2);
	make("a.logger", 3);
	make("a.log.", 4);
	make("b.log.1", 5);
	make("a.log", 6);
	assert_int_equal(mkdir("a.log.d", 0700), 0);
	assert_int_equal(symlink("a.log.1", "a.log.link"), 0);
	check("a.log", NULL, "a.log.1 a.log-20260101 ");
	check("./a.log", NULL, "./a.log.1 ./a.log-20260101 ");
	check("missing.log", NULL, "");
	check("no/such/dir.log", NULL, "");
}

static void
globs_replace_the_default(void **state)
{
	static const char *const globs[] = { "old/*.log*", "a.log*", NULL };
	static const char *const none[] = { NULL };

	(void)state;
	assert_int_equal(mkdir("old", 0700), 0);
	make("old/a.log-1", 1);
	make("a.log.1", 2);
	make("a.log", 3);
	check("a.log", globs, "old/a.log-1 a.log.1 a.log ");
	check("a.log", none, "");
}

static void
what_a_link_leads_to_has_rotated_names_too(void **state)
{
	(void)state;
	assert_int_equal(mkdir("pods", 0700), 0);
	make("pods/0.log.1", 1);
	make("pods/0.log", 2);
	assert_int_equal(symlink("pods/0.log", "a.log"), 0);

	struct rotated *r = rotated_new();
	const struct rotated_file *files;

	assert_int_equal(rotated_list(r, "a.log", NULL, &files), 1);
	assert_non_null(strstr(files[0].path, "/pods/0.log.1"));
	rotated_free(r);
}

/* A view of a directory with the rotated files of two logs, read for one. */
static struct rotated *
view_of_two(void)
{
	struct rotated *r = rotated_new();
	const struct rotated_file *files;

	make("a.log.1", 1);
	make("b.log.1", 1);
	assert_int_equal(rotated_list(r, "a.log", NULL, &files), 1);
	return r;
}

/* All names that were there are there still. */
static void
what_was_handed_on_since_its_directory_was_read_is_found(void **state)
{
	static const char *const globs[] = { "a.log.*", NULL };
	struct rotated *r = view_of_two();
	const struct rotated_file *files;

	(void)state;
	assert_int_equal(rename("b.log.1", "b.log.2"), 0);
	make("b.log.1", 2);
	assert_int_equal(rotated_list(r, "b.log", NULL, &files), 2);
	assert_int_equal(rename("a.log.1", "a.log.2"), 0);
	make("a.log.1", 2);
	assert_int_equal(rotated_list(r, "a.log", globs, &files), 2);
	rotated_free(r);
}

/* The directory is read once for many logs, so names may be old. */
static void
what_was_renamed_since_its_directory_was_read_is_found(void **state)
{
	struct rotated *r = view_of_two();
	const struct rotated_file *files;

	(void)state;
	assert_int_equal(rename("b.log.1", "b.log.2"), 0);
	assert_int_equal(rotated_list(r, "b.log", NULL, &files), 1);
	assert_string_equal(files[0].path, "b.log.2");
	rotated_free(r);
}

static void
a_file_under_two_names_is_listed_once(void **state)
{
	(void)state;
	make("a.log.1", 1);
	assert_int_equal(link("a.log.1", "a.log.2"), 0);

	struct rotated *r = rotated_new();
	const struct rotated_file *files;

	assert_int_equal(rotated_list(r, "a.log", NULL, &files), 1);
	assert_int_equal(files[0].size, 1);
	assert_int_equal(files[0].written_ns, 1000000000);
	rotated_free(r);
}

static const struct {
	const char *path, *name;
	bool is;
} names[] = {
	{ "a.log", "a.log.1", true },
	{ "a.log", "a.log-20260101.gz", true },
	{ "a.log", "a.log", false },
	{ "a.log", "a.log.", false },
	{ "a.log", "a.logs", false },
	{ "a.log", "d/a.log.1", false },
	{ "d/a.log", "d/a.log.1", true },
	{ "d/a.log", "d/a.log.d/1", false },
};

static void
a_name_is_told_to_be_a_rotated_one(void **state)
{
	static const char *const globs[] = { "old/*", NULL };

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (rotated_is_name(names[i].path, NULL, names[i].name) !=
		    names[i].is)
			fail_msg("%s of %s", names[i].name, names[i].path);
	assert_true(rotated_is_name("a.log", globs, "old/x"));
	assert_false(rotated_is_name("a.log", globs, "a.log.1"));
	assert_false(rotated_is_name("old/x", globs, "old/x"));
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int
in_new_directory(void **state)
{
	(void)state;
	memcpy(dir + sizeof dir - 7, "XXXXXX", 6);
	return mkdtemp(dir) == NULL ? -1 : chdir(dir);
}

static int
remove_directory(void **state)
{
	(void)state;
	return chdir("/") != 0
	           ? -1
	           : nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

#define in_directory(test)                                                     \
	cmocka_unit_test_setup_teardown(                                       \
	    test, in_new_directory, remove_directory)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		in_directory(
		    names_with_a_dot_or_a_hyphen_behind_the_path_are_rotated),
		in_directory(globs_replace_the_default),
		in_directory(what_a_link_leads_to_has_rotated_names_too),
		in_directory(
		    what_was_renamed_since_its_directory_was_read_is_found),
		in_directory(
		    what_was_handed_on_since_its_directory_was_read_is_found),
		in_directory(a_file_under_two_names_is_listed_once),
		cmocka_unit_test(a_name_is_told_to_be_a_rotated_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
