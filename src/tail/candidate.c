/* SPDX-License-Identifier: MIT */
/*
 * Names come and go while they are looked at, so that each is known by its
 * number only when it is open.
 */
#include "tail/candidate.h"

#include "tail/archive.h"
#include "tail/file.h"

#include <sys/stat.h>
#include <unistd.h>

#define LOOKS_MAX 8 /* in a row, while names come and go */

const char *const *
candidate_globs(const struct following *all, size_t source)
{
	return all->sources[source].rotated;
}

struct identity
candidate_identity(size_t source, const struct rotated_file *r)
{
	return (struct identity){ source, r->device, r->inode };
}

bool
candidate_is(const struct rotated_file *r, const struct identity *i)
{
	return i != NULL && r->device == i->device && r->inode == i->inode;
}

int
candidate_open(
    struct following *all, const struct rotated_file *r, bool *denied)
{
	struct stat st;
	enum file_opening opening;
	int fd;

	opening = file_open(r->path, &fd, &st, NULL);
	*denied = opening == FILE_DENIED;
	if (opening == FILE_OPENED && st.st_dev == r->device &&
	    st.st_ino == r->inode)
		return fd;
	if (opening == FILE_OPENED)
		close(fd);
	if (opening == FILE_OPENED || opening == FILE_MISSING)
		all->vanished = true;
	return -1;
}

bool
candidates_renew(struct following *all, struct rotated *r, unsigned *looks)
{
	bool again = all->vanished && ++*looks < LOOKS_MAX;

	all->vanished = false;
	if (again)
		rotated_renew(r);
	return again;
}

bool
candidate_may_unpack(struct followed *f)
{
	return f->fresh && !file_is_packed(f->file) && followed_open(f) &&
	       packed_is(file_fd(f->file));
}

bool
candidate_is_newly_written(
    const struct rotated_file *r, const struct between *b)
{
	return r->written_ns >= b->since_ms * 1000000 - CANDIDATE_TICK_NS;
}

bool
candidate_is_later(const struct rotated_file *r, const struct between *b)
{
	return candidate_is_newly_written(r, b) &&
	       (r->born_ns == 0 || b->old_born_ns == 0 ||
		   r->born_ns >= b->old_born_ns);
}
