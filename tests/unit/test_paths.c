/* SPDX-License-Identifier: MIT */
/*
 * What paths and globs name, and what to watch for it, in a real directory.
 */
#include "tail/paths.h"

#include "base/mem.h"
#include "base/str.h"

#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[] = "/tmp/test_paths.XXXXXX";

static const struct {
	const char *glob, *path;
	bool match;
} matches[] = {
	{ "a.log", "a.log", true },
	{ "a.log", "./a.log", true },
	{ "./a.log", "a.log", true },
	{ "/var//log/a", "/var/log/a", true },
	{ "/a", "a", false },
	{ "a", "/a", false },
	{ "*.log", "a.log", true },
	{ "*.log", ".log", false },
	{ "*.log", "a.log.1", false },
	{ "*.log", "d/a.log", false },
	{ "d/*.log", "d/a.log", true },
	{ "?[0-9].log", "a1.log", true },
	{ "?[0-9].log", "ab.log", false },
	{ "**", "a", true },
	{ "**", "d/e/a", true },
	{ "**/a", "a", true },
	{ "**/a", "d/e/a", true },
	{ "**/a", "d/.e/a", false },
	{ "d/**/a", "d/a", true },
	{ "d/**/a", "d/x/y/a", true },
	{ "d/**/a", "e/a", false },
	{ "d/**/e/*.log", "d/x/e/y/e/a.log", true },
	{ "*", "", false },
	{ "*", "-rf ; $(x)\n", true },
	{ "*", "\xff\xfe", true },
	{ "a*b", "a*b", true },
};

static void
a_glob_matches_whole_paths(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof matches / sizeof *matches; i++)
		if (paths_match(matches[i].glob, matches[i].path) !=
		    matches[i].match)
			fail_msg(
			    "%s against %s", matches[i].glob, matches[i].path);
}

static void
what_is_excluded_is_a_name_or_a_whole_path(void **state)
{
	const char *const globs[] = { "*.gz", "/var/log/*/x", NULL };

	(void)state;
	assert_true(paths_excluded(globs, "/a/b.gz"));
	assert_true(paths_excluded(globs, "b.gz"));
	assert_true(paths_excluded(globs, "/var/log/d/x"));
	assert_false(paths_excluded(globs, "/var/log/x"));
	assert_false(paths_excluded(globs, "/a.gz/b"));
	assert_false(paths_excluded(NULL, "/a.gz"));
}

/* What a visit told, a thing a line. */
static void
note_dir(enum paths_watch watch, const char *path, const char *name, void *ctx)
{
	static const char *const words[] = {
		[PATHS_SELF] = "self",
		[PATHS_NAME] = "name",
		[PATHS_LEAVES] = "leaves",
		[PATHS_DIRS] = "dirs",
	};

	str_printf(ctx, "%s %s", words[watch], path);
	if (name != NULL)
		str_printf(ctx, " %s", name);
	str_putc(ctx, '\n');
}

static void
note_file(const char *path, uint64_t inode, void *ctx)
{
	struct stat st;

	if (inode != 0 && lstat(path, &st) == 0)
		assert_int_equal(inode, st.st_ino);
	str_printf(ctx, "file %s\n", path);
}

static void
make(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	close(fd);
}

static void
make_dir(const char *path)
{
	assert_int_equal(mkdir(path, 0700), 0);
}

static void
check_visit(const char *path, const char *want)
{
	struct str told = { NULL, 0, 0 };
	const struct paths_visitor visitor = { note_dir, note_file, &told };

	assert_true(paths_visit(path, &visitor));
	assert_string_equal(told.data, want);
	str_free(&told);
}

static void
all_on_the_way_to_a_path_is_watched(void **state)
{
	(void)state;
	make_dir("d");
	make_dir("d/e");
	check_visit("d/e/a.log", "self d\nself d/e\nname d/e a.log\n");
	check_visit("a.log", "name . a.log\n");
	make("d/e/a.log");
	check_visit("./d//e/a.log", "self d\nself d/e\nname d/e a.log\n"
				    "file d/e/a.log\n");
}

static void
the_nearest_ancestor_of_what_is_missing_is_watched(void **state)
{
	(void)state;
	make_dir("d");
	check_visit("d/e/f/a.log", "self d\nname d e\n");
	check_visit("x/y/*.log", "name . x\n");
	make("d/e"); /* a file where a directory should be */
	check_visit("d/e/f/a.log", "self d\nname d e\n");
}

static void
a_glob_finds_what_is_there_in_order(void **state)
{
	(void)state;
	make_dir("d");
	make_dir("d/dir.log");
	make("d/b.log");
	make("d/a.log");
	make("d/.hidden.log");
	make("d/a.txt");
	make("d/ x\n.log");
	check_visit("d/*.log", "self d\nleaves d\nfile d/ x\n.log\n"
			       "file d/a.log\nfile d/b.log\n");
}

static void
a_glob_goes_through_directories(void **state)
{
	(void)state;
	make_dir("one");
	make_dir("two");
	make("two/a.log");
	make("file");
	check_visit("*/a.log", "dirs .\nname one a.log\nname two a.log\n"
			       "file two/a.log\n");
}

static void
a_double_asterisk_goes_to_any_depth(void **state)
{
	(void)state;
	make_dir("d");
	make_dir("d/e");
	make_dir("d/e/.git");
	make("a");
	make("d/e/a");
	make("d/e/.git/a");
	assert_int_equal(symlink("..", "d/loop"), 0);
	check_visit("**/a", "dirs .\nname . a\nfile a\n"
			    "dirs d\nname d a\n"
			    "dirs d/e\nname d/e a\nfile d/e/a\n");
}

static void
what_links_on_the_way_hold_is_watched_too(void **state)
{
	(void)state;
	make_dir("v1");
	make("v1/a.log");
	assert_int_equal(symlink("v1", "now"), 0);
	assert_int_equal(symlink("now/a.log", "link"), 0);
	check_visit("now/a.log", "name . now\nname . v1\nself now\n"
				 "name now a.log\nfile now/a.log\n");
	check_visit("link", "name . link\nname . now\nname . v1\nself now\n"
			    "name now a.log\nfile link\n");
}

static void
links_that_lead_nowhere_end(void **state)
{
	struct str told = { NULL, 0, 0 };
	const struct paths_visitor visitor = { note_dir, note_file, &told };

	(void)state;
	assert_int_equal(symlink("b", "a"), 0);
	assert_int_equal(symlink("a", "b"), 0);
	assert_int_equal(symlink("gone", "dangling"), 0);
	assert_true(paths_visit("a", &visitor));
	assert_true(paths_visit("a/x", &visitor));
	assert_true(paths_visit("*", &visitor));
	assert_non_null(strstr(told.data, "name . gone\n"));
	str_free(&told);
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
	memcpy(dir + strlen(dir) - 6, "XXXXXX", 6);
	return mkdtemp(dir) == NULL || chdir(dir) != 0;
}

static int
remove_directory(void **state)
{
	(void)state;
	return chdir("/") != 0 ||
	       nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS) != 0;
}

#define in_directory(test)                                                     \
	cmocka_unit_test_setup_teardown(                                       \
	    test, in_new_directory, remove_directory)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_glob_matches_whole_paths),
		cmocka_unit_test(what_is_excluded_is_a_name_or_a_whole_path),
		in_directory(all_on_the_way_to_a_path_is_watched),
		in_directory(
		    the_nearest_ancestor_of_what_is_missing_is_watched),
		in_directory(a_glob_finds_what_is_there_in_order),
		in_directory(a_glob_goes_through_directories),
		in_directory(a_double_asterisk_goes_to_any_depth),
		in_directory(what_links_on_the_way_hold_is_watched_too),
		in_directory(links_that_lead_nowhere_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
