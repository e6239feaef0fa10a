/* SPDX-License-Identifier: MIT */
/**
 * Cuts the bytes of one followed file into blocks of whole lines.  Pure: no
 * file, no clock.
 */
#ifndef LOGWATCH_TAIL_BLOCK_H
#define LOGWATCH_TAIL_BLOCK_H

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BLOCKS_ANCHOR 256 /* most bytes before a place that are remembered */

/** A run of whole lines of one file; valid until the callback returns. */
struct block {
	uint64_t file; /* which followed file: never used again for another */
	size_t source; /* index of its source */
	const char *path; /* name it was opened under */
	int64_t offset;   /* of data in the file, in bytes */
	int64_t line;     /* number of the first line, from 1 */
	const char *data; /* whole lines with their newlines */
	size_t len;
	bool truncated;  /* the last line has no newline: it is the head of one
	                    longer than max_line, whose rest is skipped */
	bool unfinished; /* the last line has no newline: its writer never ended
	                    it and no more will come */
};

typedef void block_fn(const struct block *block, void *ctx);

struct blocks;

/** Where bytes come from: fills the block's fields that do not change. */
struct block_origin {
	uint64_t file;
	size_t source;
	const char *path;     /* copied */
	int64_t offset, line; /* where feeding starts */
	struct text before;   /* the file's last bytes before offset, as far as
	                         known.  Where they do not end a line, offset is
	                         within one that is not ours: it is skipped */
};

/**
 * Makes a cutter.
 *
 * max_line  longest line in bytes, newline not counted; the rest of a longer
 *           one is skipped and its head marked truncated
 * emit      called once a block, in file order
 *
 * Returns a cutter to free with blocks_free(); never NULL.
 */
struct blocks *blocks_new(const struct block_origin *origin, size_t max_line,
    block_fn *emit, void *ctx);
void blocks_free(struct blocks *bs); /* NULL does nothing */

/** Room to read into: at least 1 byte, *room many.  Then blocks_feed. */
char *blocks_room(struct blocks *bs, size_t *room);
/** The same where about `want` bytes (above 0) are there to be read: a log to
 * which a line is added now and then takes little memory. */
char *blocks_room_for(struct blocks *bs, size_t want, size_t *room);
/** Takes in len bytes that were read into blocks_room().  An unfinished line
 * waits for its writer to end it. */
void blocks_feed(struct blocks *bs, size_t len);
/** Some memory; all zero: none. */
struct blocks_memory {
	char *data;
	size_t capacity;
};
/**
 * Within emit: takes the memory that the block is in, in exchange for other,
 * which may be none.  Once a feed; false: it was taken already.
 *
 * memory  in: what is given; out: what is the caller's now, to free
 */
bool blocks_take(struct blocks *bs, struct blocks_memory *memory);
/** No more will come: an unfinished line is emitted, marked unfinished. */
void blocks_end(struct blocks *bs);
/** Starts over at offset and line; an unfinished line is dropped.  before is as
 * in struct block_origin. */
void blocks_restart(
    struct blocks *bs, int64_t offset, int64_t line, struct text before);
/** Sets the number of the line to come, where it was not known before. */
void blocks_number(struct blocks *bs, int64_t line);
/** Gives memory back: all where nothing is unfinished, so that an idle file
 * costs none, and all but the unfinished line otherwise. */
void blocks_rest(struct blocks *bs);

/** First byte that has not been emitted, and the number of its line: where to
 * go on after a restart.  The rest of a truncated line counts as emitted only
 * when its end was seen. */
void blocks_position(const struct blocks *bs, int64_t *offset, int64_t *line);
/** Next byte to read from the file. */
int64_t blocks_read_offset(const struct blocks *bs);
/** What was last read: the bytes before blocks_read_offset(), at most
 * BLOCKS_ANCHOR.  Whoever reads on and finds others there reads another text.
 * Lent until the next call. */
struct text blocks_read_anchor(const struct blocks *bs);
/** The bytes before blocks_position(), likewise. */
struct text blocks_anchor(const struct blocks *bs);
/** Lines that were longer than max_line. */
uint64_t blocks_truncated(const struct blocks *bs);

/** How many newlines there are in data. */
int64_t newlines_count(const char *data, size_t len);

#endif
