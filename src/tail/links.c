/* SPDX-License-Identifier: MIT */
/*
 * The kernel opens a path without links in one call.  One with links is walked
 * name by name along descriptors, so that nothing can be changed underneath.
 */
#include "tail/links.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#define LINKS_MAX 40 /* as the kernel's */

struct walk {
	unsigned links;
	struct err *err;
};

static int open_along(struct walk *w, int dir, const char *path, int flags);

/* Closes a descriptor that is no more of use, errno kept. */
static void
leave(int fd)
{
	int saved = errno;

	if (fd >= 0)
		close(fd);
	errno = saved;
}

static int
fail(struct walk *w, int why)
{
	errno = why;
	return err_set(w->err, "%m");
}

static int
open_at(struct walk *w, int dir, const char *name, int flags)
{
	int fd = openat(dir, name, flags | O_CLOEXEC);

	return fd < 0 ? err_set(w->err, "%m") : fd;
}

/* A link of proc is the kernel's, and its text not always where it leads. */
static bool
is_of_proc(int link)
{
	struct statfs fs;

	return fstatfs(link, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC;
}

static int
open_target(struct walk *w, int dir, int link, int flags)
{
	char target[PATH_MAX];
	ssize_t len = readlinkat(link, "", target, sizeof target - 1);

	if (len < 0)
		return fail(w, errno);
	target[len] = '\0';
	return open_along(w, dir, target, flags);
}

static int
refuse(struct walk *w, const char *name, uid_t owner, uid_t target)
{
	err_set(w->err,
	    "the symbolic link %s is user %u's and leads to what is user %u's; "
	    "where that is meant, make root the owner of the link (chown -h "
	    "root) or name the file itself",
	    name, (unsigned)owner, (unsigned)target);
	errno = EPERM;
	return -1;
}

/* Opens what a link leads to: name in dir, itself open as link. */
static int
open_link(struct walk *w, int dir, const char *name, int link,
    const struct stat *st, int flags)
{
	struct stat target;
	int fd;

	if (++w->links > LINKS_MAX)
		return fail(w, ELOOP);
	if (is_of_proc(link))
		return open_at(w, dir, name, flags);
	fd = open_target(w, dir, link, flags);
	if (fd < 0 || st->st_uid == 0 || st->st_uid == geteuid())
		return fd;
	if (fstat(fd, &target) == 0 && target.st_uid == st->st_uid)
		return fd;
	close(fd);
	return refuse(w, name, st->st_uid, target.st_uid);
}

static int
open_name(struct walk *w, int dir, const char *name, int flags)
{
	int at = open_at(w, dir, name, O_PATH | O_NOFOLLOW);
	struct stat st;
	int fd;

	if (at < 0)
		return -1;
	if (fstat(at, &st) != 0) {
		fd = fail(w, errno);
	} else if (S_ISLNK(st.st_mode)) {
		fd = open_link(w, dir, name, at, &st, flags);
	} else if (flags & O_PATH) {
		return at;
	} else {
		/* A link that came since: not followed. */
		fd = open_at(w, dir, name, flags | O_NOFOLLOW);
	}
	leave(at);
	return fd;
}

/* Opens the path, which is below dir where it does not begin with a slash. */
static int
open_along(struct walk *w, int dir, const char *path, int flags)
{
	int fd = path[0] == '/' ? open_at(w, dir, "/", O_PATH) : dir;

	path += strspn(path, "/");
	while (fd >= 0 || fd == AT_FDCWD) {
		size_t len = strcspn(path, "/");
		const char *rest = path + len + strspn(path + len, "/");
		bool last = rest[0] == '\0';
		int want = last ? flags : O_PATH;
		char *name = len > 0 ? mem_copy(path, len) : mem_text(".");
		int next;

		/* A slash behind the last one: it must be a directory. */
		if (last && path[len] == '/')
			want |= O_DIRECTORY;
		next = open_name(w, fd, name, want);
		free(name);
		if (fd != dir)
			leave(fd);
		if (last)
			return next;
		fd = next;
		path = rest;
	}
	return -1;
}

/* -1 with ELOOP where there is a link on the way. */
static int
open_without_links(const char *path, int flags)
{
	struct open_how how = {
		.flags = (unsigned)(flags | O_CLOEXEC),
		.resolve = RESOLVE_NO_SYMLINKS,
	};

	return (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how);
}

int
links_open(const char *path, int flags, struct err *err)
{
	struct walk w = { 0, err };
	int fd = open_without_links(path, flags);

	if (fd >= 0)
		return fd;
	/* EPERM: a sandbox that does not know of this call. */
	if (errno != ELOOP && errno != ENOSYS && errno != EPERM)
		return err_set(err, "%m");
	return open_along(&w, AT_FDCWD, path, flags);
}
