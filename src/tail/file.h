/* SPDX-License-Identifier: MIT */
/**
 * One followed file: opened, read in shares, seen to be another text than was
 * read before.  Knows nothing of names and watches.
 */
#ifndef LOGWATCH_TAIL_FILE_H
#define LOGWATCH_TAIL_FILE_H

#include "base/err.h"
#include "tail/block.h"
#include "tail/position.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

struct file;

enum file_opening {
	FILE_OPENED,
	FILE_MISSING, /* there is none */
	FILE_DENIED,  /* not ours to read */
	FILE_REFUSED, /* no regular file */
	FILE_DIR,     /* likewise: a directory */
	FILE_FAILED,  /* could be tried again: no descriptors left, EIO … */
};

/**
 * Opens a regular file for reading, without waiting for a FIFO's writer or
 * touching a device.
 *
 * *fd and *st are set where it was opened; the reason is in err where not.
 */
enum file_opening file_open(
    const char *path, int *fd, struct stat *st, struct err *err);

struct file_spec {
	int fd; /* taken over */
	uint64_t id;
	size_t source;
	const char *path; /* copied */
	size_t max_line;
	int64_t offset; /* where reading starts */
	int64_t line;   /* number of the line there; 0: not known, the lines
	                   before it are counted first */
	const struct position
	    *position; /* of that place, told before; NULL: none */
	bool packed;   /* read what it was compressed from: places are in that,
	                  and nothing will be added to it */
};

/** Returns a file to free with file_free(); never NULL. */
struct file *file_new(const struct file_spec *spec, block_fn *emit, void *ctx);
void file_free(struct file *f); /* NULL does nothing; closes */

const char *file_path(const struct file *f);

/** Closes the descriptor until file_unpark(), which takes over one of the same
 * inode.  In between only what was read so far can be asked for. */
void file_park(struct file *f);
void file_unpark(struct file *f, int fd);
int file_fd(const struct file *f); /* -1: parked */

enum file_reading {
	FILE_MORE,    /* the share was used up */
	FILE_END,     /* there is nothing more now */
	FILE_ZEROS,   /* nothing but zeros: of a hole that is still to be
	                 written behind, or in which text will appear without an
	                 event, as its writer has mapped it */
	FILE_CHANGED, /* it is not the text that was read before: recover */
	FILE_FOREIGN, /* no text that can be read, what it is in err */
	FILE_BROKEN,  /* read failed, reason in err */
};

/** Looks how large it is, in bytes, and at what stands before its end: that it
 * was truncated is seen later, even where nothing was read yet. */
int64_t file_look(struct file *f);
/** False where what was read, or looked at while nothing was read yet, is not
 * there any more; reading will tell so too. */
bool file_is_as_read(const struct file *f);

/**
 * Reads at most about share bytes and emits their blocks.
 *
 * got  set to how many bytes there were
 */
enum file_reading file_read(
    struct file *f, size_t share, size_t *got, struct err *err);

enum file_recovery {
	FILE_ANEW,  /* another text: from its first byte that is no zero */
	FILE_MOVED, /* the same bytes stand elsewhere: behind them */
	FILE_CUT,   /* its end was cut off: from what is known to be left,
	               so that some lines may be read again but none is missed */
};

/** Decides where to read on after FILE_CHANGED. */
enum file_recovery file_recover(struct file *f);

/** Reads on in f, of which nothing was read yet, behind the bytes that were
 * read last in old, where they stand in it: an editor wrote it in its place.
 * False: they do not, or not for sure. */
bool file_go_on(struct file *f, struct file *old);
/** Reads on in f, of which nothing was read yet, at a position that is its. */
void file_seek(struct file *f, int64_t offset, int64_t line);
/** Whether what stands in f now is what was read in old, or its first part.
 * *size is set to how many bytes that are, if it is. */
bool file_is_copy(const struct file *f, const struct file *old, int64_t *size);
/** Whether the first bytes of two open files are the same, as far as a look at
 * the head and the end tells. */
bool file_begins_as(const struct file *f, const struct file *old, int64_t size);
/** Whether all that an open file holds, perhaps compressed, stands at the start
 * of f; *size likewise, as it is in the file.  False where f is parked or
 * compressed itself. */
bool file_holds(const struct file *f, int fd, int64_t *size);
/** Leaves out the lines that are whole in the first bytes. */
void file_skip(struct file *f, int64_t size);

/** No more will come: emits the unfinished line. */
void file_end(struct file *f);
/** Gives memory back between reads. */
void file_rest(struct file *f);

/** First byte that was not emitted. */
int64_t file_offset(const struct file *f);
int64_t file_read_offset(const struct file *f);
/** How many bytes were behind the last one read when the text was last as
 * expected. */
int64_t file_unread(const struct file *f);
/** Whether size and time of writing are as when it was last read to its end. */
bool file_is_still(const struct file *f, const struct stat *st);
uint64_t file_long_lines(const struct file *f);
int64_t file_born_ns(const struct file *f); /* 0: not known */
/** When it was last written to, as it is now; 0: not known. */
int64_t file_written_ns(const struct file *f);
bool file_is_packed(const struct file *f);

/** How far it was read: path, offset, line (0: not counted yet) and the
 * fingerprints, which live until the next call. */
void file_position(struct file *f, enum position_kind kind, struct position *p);
/** The same, but the fingerprints are those of all that was read, also of a
 * line that is not whole yet: only for comparing, now or later. */
void file_read_position(
    const struct file *f, struct fingerprint *print, struct position *p);

#endif
