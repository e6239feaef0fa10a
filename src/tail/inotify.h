/* SPDX-License-Identifier: MIT */
/**
 * Directories and files watched by inotify, each watch for itself, however many
 * there are on one inode.  Knows nothing of names' meaning.
 */
#ifndef LOGWATCH_TAIL_INOTIFY_H
#define LOGWATCH_TAIL_INOTIFY_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct loop;
struct watcher;
struct watch;

enum watch_event {
	WATCH_NAME,    /* a name in the directory came, went or was changed */
	WATCH_CONTENT, /* the file was written to or truncated */
	WATCH_ATTRIB,  /* the file's mode, owner, times or link count */
	WATCH_SELF,    /* what is watched was moved, deleted or unmounted */
};

/**
 * name    for WATCH_NAME, else NULL
 * is_dir  that name is a directory
 *
 * Takes note: it must neither add nor free watches.
 */
typedef void watch_fn(
    enum watch_event event, const char *name, bool is_dir, void *ctx);

struct watcher_callbacks {
	/** Events were lost: look at everything again. */
	void (*overflow)(void *ctx);
	/** There are events to take. */
	void (*ready)(void *ctx);
	void *ctx;
};

/** Returns a watcher to free with watcher_free(), or NULL with the reason. */
struct watcher *watcher_new(
    struct loop *l, const struct watcher_callbacks *callbacks, struct err *err);
void watcher_free(struct watcher *w); /* free its watches before; NULL ok */

/** Tells the events that are there; those of more than a turn's worth make it
 * ready again.  Returns whether all were told.  NULL: there are none. */
bool watcher_take(struct watcher *w);

enum watch_dir {
	WATCH_DIR_SELF,   /* only its own moves and end */
	WATCH_DIR_NAMES,  /* names that come and go */
	WATCH_DIR_ATTRIB, /* and attributes, its own and of names in it */
};

/**
 * Watches a directory.
 *
 * w  NULL: there is none, and no watch either
 *
 * Returns a watch to free with watch_free(), or NULL with errno.
 */
struct watch *watch_dir(struct watcher *w, const char *path,
    enum watch_dir what, watch_fn *fn, void *ctx);

/** Watches the file that is open as fd, wherever it moves; by its path where
 * there is no /proc.  Returns likewise. */
struct watch *watch_file(
    struct watcher *w, int fd, const char *path, watch_fn *fn, void *ctx);

void watch_free(struct watch *watch); /* NULL does nothing */

/** Whether the file system of an open file, or of a directory, may change
 * without an event: it is a network's, or one that programs serve. */
bool watch_is_deaf(int fd);
bool watch_is_deaf_dir(const char *path);
/** Whether files of it can turn into others of the same text when they are
 * first written to, as those of overlayfs do. */
bool watch_is_layered(int fd);

#endif
