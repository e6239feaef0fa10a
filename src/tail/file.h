/* SPDX-License-Identifier: MIT */
/**
 * One followed file: opened, told apart from others by what it holds, read in
 * shares, seen to be truncated.  Knows nothing of names and watches.
 */
#ifndef LOGWATCH_TAIL_FILE_H
#define LOGWATCH_TAIL_FILE_H

#include "base/err.h"
#include "tail/block.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

struct file;
struct position;

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
};

/** Returns a file to free with file_free(); never NULL. */
struct file *file_new(const struct file_spec *spec, block_fn *emit, void *ctx);
void file_free(struct file *f); /* NULL does nothing; closes */

int file_fd(const struct file *f);
const char *file_path(const struct file *f);

enum file_reading {
	FILE_MORE,      /* the share was used up */
	FILE_END,       /* there is nothing more now */
	FILE_TRUNCATED, /* it is not the text that was read before: restart */
	FILE_BROKEN,    /* read failed, reason in err */
};

/**
 * Reads at most about share bytes and emits their blocks.
 *
 * got  set to how many bytes there were
 */
enum file_reading file_read(
    struct file *f, size_t share, size_t *got, struct err *err);
/** Starts over at the first byte that is no hole. */
void file_restart(struct file *f);
/** No more will come: emits the unfinished line. */
void file_end(struct file *f);
/** Gives memory back between reads. */
void file_rest(struct file *f);

/** First byte that was not emitted. */
int64_t file_offset(const struct file *f);
int64_t file_read_offset(const struct file *f);
uint64_t file_long_lines(const struct file *f);

/**
 * How far it was read: path, offset, line (0: not counted yet) and the
 * fingerprints, which live until the next call.
 */
void file_position(struct file *f, struct position *p);

/** Whether the open file still starts, and before the position goes on, as it
 * did when that was told. */
bool file_is(int fd, const struct position *p);

/* Positions kept for later: copies that own all their text. */
struct position *position_copy(const struct position *p);
void position_free(void *position);

#endif
