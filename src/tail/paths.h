/* SPDX-License-Identifier: MIT */
/**
 * Paths and globs: which files they name now, which they could name, and which
 * directories to watch to hear of a change.  Watches nothing itself.
 */
#ifndef LOGWATCH_TAIL_PATHS_H
#define LOGWATCH_TAIL_PATHS_H

#include <stdbool.h>
#include <stdint.h>

/** What about a directory matters. */
enum paths_watch {
	PATHS_SELF,   /* only that it moves or goes */
	PATHS_NAME,   /* one name in it */
	PATHS_LEAVES, /* any name in it could be a file of the glob */
	PATHS_DIRS,   /* any directory in it could lead to one */
};

struct paths_visitor {
	/** A directory to watch; told before it is looked into, so that what
	 * comes between is seen.  name is NULL but for PATHS_NAME. */
	void (*dir)(enum paths_watch watch, const char *dir, const char *name,
	    void *ctx);
	/** A name that matches and is there now: of a glob only, never a
	 * directory; sorted within its directory.  inode is what its directory
	 * says when it is read; 0: not asked for. */
	void (*file)(const char *path, uint64_t inode, void *ctx);
	void *ctx;
};

/** Whether a path has one of * ? [ in it. */
bool paths_is_glob(const char *path);

/**
 * Goes through the directories that decide what a path or glob names: those on
 * the way, those of symbolic links on it, and as far as the first that is not
 * there.  `*`, `?` and [] match within a name and no dot at its start; `**`
 * matches any number of directories, not through symbolic links.
 *
 * Returns false where it was cut short: more than 10,000 directories or
 * 200,000 names were in them.
 */
bool paths_visit(const char *path, const struct paths_visitor *visitor);

/** Whether a path is one that the glob names, were it there. */
bool paths_match(const char *glob, const char *path);

/** Whether one of the globs (NULL-ended; or NULL) matches the whole path, or,
 * where the glob has no slash, its last name. */
bool paths_excluded(const char *const *globs, const char *path);

/** dir/name; "" is the directory we are in.  The caller frees it. */
char *paths_join(const char *dir, const char *name);

#endif
