/* SPDX-License-Identifier: MIT */
/**
 * Where rotated files are: lists the files among a log's rotated names, oldest
 * first.  Opens none of them and decides nothing.
 */
#ifndef LOGWATCH_TAIL_ROTATED_H
#define LOGWATCH_TAIL_ROTATED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rotated_file {
	char *path;
	uint64_t device, inode;
	int64_t size;       /* bytes */
	int64_t written_ns; /* last, since 1970 */
	int64_t born_ns;    /* 0: the file system does not say */
};

/** A view of directories as they were when they were first asked for: make a
 * new one for each look. */
struct rotated;
struct rotated *rotated_new(void);
void rotated_free(struct rotated *r); /* NULL does nothing */

/**
 * Lists the regular files under the rotated names of a log: those that the
 * globs (NULL-ended) name, or where globs is NULL PATH.* and PATH-*, beside
 * PATH and beside what it leads to as a symbolic link.  What is at PATH itself
 * may be among them where a glob names it.
 *
 * files  set to an array that lives until the next call: oldest first, as the
 *        time of their making tells, then that of their last write, then their
 *        number (log.2 is older than log.1)
 *
 * Returns how many; no more than ROTATED_MAX, the newest.
 */
#define ROTATED_MAX 10000
size_t rotated_list(struct rotated *r, const char *path,
    const char *const *globs, const struct rotated_file **files);

/** What was listed is not there any more: the directories are read again when
 * they are next asked for. */
void rotated_renew(struct rotated *r);

/** Whether name is a rotated name of the log at path. */
bool rotated_is_name(
    const char *path, const char *const *globs, const char *name);

/** When a file was made, in ns since 1970; 0: not known. */
int64_t rotated_born_ns(int fd);

#endif
