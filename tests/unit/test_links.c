/* SPDX-License-Identifier: MIT */
/*
 * Whose symbolic links are followed, in a real directory; with more than one
 * owner only as root.
 */
#include "tail/links.h"

#include <dirent.h>
#include <errno.h>
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

enum { A = 1001, B = 1002 }; /* strangers */

static char dir[] = "/tmp/test_links.XXXXXX";

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int
dir_new(void **state)
{
	(void)state;
	return mkdtemp(dir) == NULL || chdir(dir) != 0 ? -1 : 0;
}

static int
dir_free(void **state)
{
	(void)state;
	return nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void
give(const char *path, uid_t owner)
{
	assert_int_equal(lchown(path, owner, (gid_t)-1), 0);
}

static void
make_file(const char *path, uid_t owner)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	close(fd);
	give(path, owner);
}

static void
make_dir(const char *path, uid_t owner)
{
	assert_int_equal(mkdir(path, 0700), 0);
	give(path, owner);
}

static void
make_link(const char *path, const char *target, uid_t owner)
{
	assert_int_equal(symlink(target, path), 0);
	give(path, owner);
}

static unsigned
descriptors_count(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	assert_non_null(d);
	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n;
}

/* 0, or the errno with which a path is not opened; the file must be the one
 * that the kernel would open. */
static int
result_of(const char *path)
{
	unsigned before = descriptors_count();
	struct stat st, wanted;
	struct err err = { "" };
	int fd = links_open(path, O_RDONLY, &err), why = errno;

	if (fd >= 0) {
		assert_int_equal(fstat(fd, &st), 0);
		assert_int_equal(stat(path, &wanted), 0);
		assert_int_equal(st.st_ino, wanted.st_ino);
		assert_int_not_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
		close(fd);
		why = 0;
	} else {
		assert_true(err.text[0] != '\0');
	}
	assert_int_equal(descriptors_count(), before);
	return why;
}

static const struct {
	const char *path;
	int result;
} ours[] = {
	{ "d/file", 0 },
	{ "./d//.//file", 0 },
	{ "link", 0 },
	{ "twice", 0 },
	{ "to-dir/file", 0 },
	{ "to-dir/../d/file", 0 },
	{ "to-dir/", 0 },
	{ "d/up", 0 },
	{ "absolute", 0 },
	{ "to-root", 0 },
	{ "link/", ENOTDIR },
	{ "link/file", ENOTDIR },
	{ "slash", ENOTDIR },
	{ "dangling", ENOENT },
	{ "circle", ELOOP },
	{ "none", ENOENT },
	{ "to-dir/none", ENOENT },
	{ "/proc/self/fd/0", 0 },
	{ "", ENOENT },
};

static void
our_links_lead_where_the_kernel_has_them_lead(void **state)
{
	(void)state;
	make_dir("d", geteuid());
	make_file("d/file", geteuid());
	make_link("link", "d/file", geteuid());
	make_link("twice", "to-dir/up", geteuid());
	make_link("to-dir", "./d/", geteuid());
	make_link("d/up", "../link", geteuid());
	make_link("absolute", "/proc/self/cwd/d/file", geteuid());
	make_link("to-root", "//", geteuid());
	make_link("slash", "d/file/", geteuid());
	make_link("dangling", "none", geteuid());
	make_link("circle", "circle", geteuid());
	for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
		if (result_of(ours[i].path) != ours[i].result)
			fail_msg("%s: %s", ours[i].path, strerror(errno));
}

static const struct {
	const char *path;
	int result;
} of_others[] = {
	{ "roots-to-a", 0 },
	{ "as-to-a", 0 },
	{ "as-to-b", EPERM },
	{ "as-to-root", EPERM },
	{ "as-to-dir-of-a/file", 0 },
	{ "as-to-dir-of-a/of-root", 0 },
	{ "as-to-dir-of-root/of-a", EPERM },
	{ "as-to-link-to-root", EPERM },
	{ "roots-to-link-to-root", EPERM },
	{ "roots-to-link-to-a", 0 },
	{ "as-to-link-of-b-to-b", EPERM },
	{ "as-to-link-of-b-to-a", EPERM },
	{ "as-to-proc", EPERM },
};

static void
links_of_strangers_lead_only_to_what_is_theirs(void **state)
{
	char proc[64];
	int secret;

	(void)state;
	if (geteuid() != 0)
		skip();
	make_dir("a", A);
	make_dir("r", 0);
	make_file("a/file", A);
	make_file("a/of-root", 0);
	make_file("r/secret", 0);
	make_file("r/of-a", A);
	make_file("b-file", B);
	make_link("roots-to-a", "a/file", 0);
	make_link("as-to-a", "a/file", A);
	make_link("as-to-b", "b-file", A);
	make_link("as-to-root", "r/secret", A);
	make_link("as-to-dir-of-a", "a", A);
	make_link("as-to-dir-of-root", "r", A);
	make_link("as-to-link-to-root", "as-to-root", A);
	make_link("roots-to-link-to-root", "as-to-root", 0);
	make_link("roots-to-link-to-a", "as-to-a", 0);
	make_link("bs-to-b", "b-file", B);
	make_link("bs-to-a", "a/file", B);
	make_link("as-to-link-of-b-to-b", "bs-to-b", A);
	make_link("as-to-link-of-b-to-a", "bs-to-a", A);
	secret = open("r/secret", O_RDONLY | O_CLOEXEC);
	snprintf(proc, sizeof proc, "/proc/self/fd/%d", secret);
	make_link("as-to-proc", proc, A);
	for (size_t i = 0; i < sizeof of_others / sizeof *of_others; i++)
		if (result_of(of_others[i].path) != of_others[i].result)
			fail_msg("%s", of_others[i].path);
	close(secret);
}

static void
a_refusal_says_which_link_and_what_to_do(void **state)
{
	struct err err;

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(links_open("as-to-root", O_RDONLY, &err), -1);
	assert_int_equal(errno, EPERM);
	assert_non_null(strstr(err.text, "link as-to-root is user 1001's"));
	assert_non_null(strstr(err.text, "user 0's"));
	assert_non_null(strstr(err.text, "chown -h"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(our_links_lead_where_the_kernel_has_them_lead),
		cmocka_unit_test(
		    links_of_strangers_lead_only_to_what_is_theirs),
		cmocka_unit_test(a_refusal_says_which_link_and_what_to_do),
	};

	return cmocka_run_group_tests(tests, dir_new, dir_free);
}
