/* SPDX-License-Identifier: MIT */
#include "io/identity.h"

#include "base/mem.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BUFFER_MAX (1024 * 1024)
#define GROUPS_MAX 65536

/* Returns 0, or the number of the error; *found is NULL where there is none. */
static int
look_up(const char *user, struct passwd *pw, char **buf, struct passwd **found)
{
	size_t size = 1024;
	int number;

	do {
		size *= 2;
		*buf = mem_resize(*buf, size, 1);
		number = getpwnam_r(user, pw, *buf, size, found);
	} while (number == ERANGE && size < BUFFER_MAX);
	return number;
}

static void
groups_find(const char *user, struct identity *id)
{
	int count = 32;

	do {
		count = count > GROUPS_MAX ? GROUPS_MAX : count * 2;
		id->groups =
		    mem_resize(id->groups, (size_t)count, sizeof *id->groups);
		id->group_count = (size_t)count;
	} while (getgrouplist(user, id->gid, id->groups, &count) < 0 &&
		 id->group_count < GROUPS_MAX);
	id->group_count = (size_t)count;
}

int
identity_find(const char *user, struct identity *out, struct err *err)
{
	struct passwd pw, *found = NULL;
	char *buf = NULL;
	int number = look_up(user, &pw, &buf, &found), ret = -1;

	*out = (struct identity){ 0 };
	if (number != 0) {
		errno = number;
		err_set(err, "user '%s' cannot be looked up: %m", user);
	} else if (found == NULL) {
		err_set(err, "there is no user '%s'", user);
	} else if (geteuid() != 0 && pw.pw_uid != geteuid()) {
		err_set(err,
		    "only root can run a script as user '%s'; logwatch runs "
		    "as uid %u",
		    user, geteuid());
	} else {
		out->uid = pw.pw_uid;
		out->gid = pw.pw_gid;
		out->home = mem_text(pw.pw_dir);
		groups_find(user, out);
		ret = 0;
	}
	free(buf);
	return ret;
}

void
identity_free(struct identity *id)
{
	free(id->groups);
	free(id->home);
}

/* By the system calls: the functions of the C library would have all threads of
 * the process whose memory is shared do the same. */
int
identity_take(const struct identity *id)
{
	if (syscall(SYS_geteuid) != 0)
		return 0; /* it is that user */
	if (syscall(SYS_setgroups, id->group_count, id->groups) != 0 ||
	    syscall(SYS_setresgid, id->gid, id->gid, id->gid) != 0 ||
	    syscall(SYS_setresuid, id->uid, id->uid, id->uid) != 0)
		return -1;
	return 0;
}
