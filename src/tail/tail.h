/* SPDX-License-Identifier: MIT */
/**
 * The first step: paths and globs -> followed files -> blocks.  Files are
 * watched by inotify and read in fair shares on the loop.
 */
#ifndef LOGWATCH_TAIL_TAIL_H
#define LOGWATCH_TAIL_TAIL_H

#include "tail/block.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct loop;
struct tail;
struct position;

/** What to follow; lent, and must outlive the tail. */
struct tail_source {
	const char *name;
	const char *const
	    *paths; /* files or globs (*, ?, [], **), NULL-ended; none where
	               the source is no file, and not the tail's */
	const char *const *exclude; /* globs for whole paths or base names that
	                               are left out, NULL-ended; or NULL */
	const char *const *rotated; /* globs that name rotated files, NULL-
	                               ended; NULL: PATH.* and PATH-* */
	bool from_beginning; /* start_at for what is there at the first start */
	size_t max_line;     /* bytes */
};

/** Bytes of a log that nobody can read any more. */
struct tail_loss {
	size_t source;    /* index */
	const char *path; /* name it was last seen under */
	const char *why; /* in words, lent: "truncated before it was read" … */
	int64_t bytes;   /* at least so many; 0: not known */
};

/** What is at a path of a source, or at a name that its globs found. */
enum tail_path_state {
	TAIL_PATH_FOLLOWED,
	TAIL_PATH_MISSING,
	TAIL_PATH_UNREADABLE,
};

struct tail_callbacks {
	/** Lines were read.  */
	block_fn *block;
	/** No more will come from this file: it was removed or rotated away and
	 * is read to its end, or it was truncated and starts anew (a block with
	 * a smaller offset follows, 0 unless zeros were skipped).  Blocks of it
	 * may be pending elsewhere: finish. */
	void (*end)(uint64_t file, void *ctx);
	/** Lines that were read in this turn have all been told.  Also where
	 * only positions changed, and when everything is read to its end. */
	void (*turn)(void *ctx);
	/** Lines are lost; it is in the log already.  May be NULL. */
	void (*lost)(const struct tail_loss *loss, void *ctx);
	/** What is at a path changed; may be NULL.  A glob's name that is gone
	 * is told as missing where it was told as unreadable.  reason is in
	 * words, NULL where it is followed. */
	void (*state)(size_t source, const char *path,
	    enum tail_path_state state, const char *reason, void *ctx);
	void *ctx;
};

/** Makes a tail; nothing is opened yet. */
struct tail *tail_new(struct loop *l, const struct tail_source *sources,
    size_t count, const struct tail_callbacks *callbacks);
void tail_free(struct tail *t); /* NULL does nothing */

/**
 * A position from the store: the file of that device, inode and fingerprint is
 * read on from there wherever it is found.  Call before tail_start().
 *
 * A path or glob without a mark is at its first start.
 */
void tail_resume(struct tail *t, const struct position *p);

/**
 * Starts to watch and to read.  Every path is watched when this returns; one
 * that is not there is said once in the log and followed when it appears, from
 * its beginning.  Where inotify cannot be had, all is looked at every second.
 */
void tail_start(struct tail *t);

/** Whether every file has been read to its end as of the last look. */
bool tail_caught_up(const struct tail *t);

/**
 * Tells each followed file whose position changed since it was last told (all:
 * every one), in the form that tail_resume() takes.  offset and line are those
 * of the first byte not given to block(); whoever holds blocks back may keep
 * smaller ones, of the start of a line.  line is 0 until it has been counted.
 * file is the block's; it is 0 for a mark, with inode 0, that a path or glob of
 * the source was followed: a log that comes later is then read from its
 * beginning even where logwatch was not there to see it come.  It is 0, too,
 * for what was read of a text that is in no file any more.
 */
typedef void tail_position_fn(
    uint64_t file, const struct position *p, void *ctx);
void tail_positions(struct tail *t, bool all, tail_position_fn *fn, void *ctx);

/** Positions to forget: of files that are gone, told until they are saved. */
typedef void tail_gone_fn(
    const char *source, uint64_t device, uint64_t inode, void *ctx);
void tail_gone(struct tail *t, tail_gone_fn *fn, void *ctx);
/** What was told is saved. */
void tail_gone_saved(struct tail *t);

/** Tells each followed file's size now, and when it was last written to: what
 * comes behind it is newer.  Nothing does in a compressed file: INT64_MAX. */
typedef void tail_size_fn(
    uint64_t file, int64_t size, int64_t written_ms, void *ctx);
void tail_sizes(const struct tail *t, tail_size_fn *fn, void *ctx);

/** A followed file, as one may see it. */
struct tail_file {
	size_t source;        /* index */
	const char *path;     /* a name of it, lent; NULL: it has none now */
	int64_t offset, size; /* size -1: not known now */
	bool watched;         /* by inotify; else it is looked at */
};
typedef void tail_file_fn(const struct tail_file *file, void *ctx);
void tail_each(const struct tail *t, tail_file_fn *fn, void *ctx);

/** The last bytes of a followed file, at most len of them, before it goes on
 * behind size.  Returns how many, or -1 where they cannot be had: it is gone,
 * or compressed. */
ssize_t tail_end(
    const struct tail *t, uint64_t file, int64_t size, char *to, size_t len);

/** Looks at everything again, as after an overflow (also for --once). */
void tail_look(struct tail *t);

#endif
