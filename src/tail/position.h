/* SPDX-License-Identifier: MIT */
/**
 * What a position remembers of a file's content, so that the file is known
 * again under whatever name and number, and another one is not taken for it.
 */
#ifndef LOGWATCH_TAIL_POSITION_H
#define LOGWATCH_TAIL_POSITION_H

#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

struct position;

#define POSITION_BYTES 256 /* most bytes of the head, and of the anchor */

/** The fingerprints of one position, as they are stored. */
struct fingerprint {
	char head[2 + 8 + 8 + 1]; /* length, hash; when the file was made;
	                             whether it is done, a guess, a text's */
	char anchor[8 + 2 + 8];   /* offset of its end, length, hash */
};

enum position_kind {
	POSITION_PLAIN,
	POSITION_DONE,  /* at the file's end, and no more was expected */
	POSITION_GUESS, /* what is behind it was perhaps told of another file */
};

/**
 * Lets p->head and p->anchor point to the fingerprints of the file's first
 * bytes and of those before p->offset.
 *
 * head     at most POSITION_BYTES, none behind p->offset
 * anchor   likewise
 * born_ns  since 1970; 0: not known
 */
void position_print(struct position *p, struct fingerprint *out,
    struct text head, struct text anchor, int64_t born_ns,
    enum position_kind kind);

/** The same with the fingerprints of the same place in the same text, told
 * before. */
void position_reprint(struct position *p, struct fingerprint *out,
    const struct position *told, enum position_kind kind);

/** The fingerprints of a file that cannot be looked into: what it holds may be
 * the text of that position (NULL: of none), so that p goes on there.
 *
 * born_ns  of the file, since 1970; 0: not known */
void position_guess(struct position *p, struct fingerprint *out,
    const struct position *text, int64_t born_ns);
bool position_is_guess(const struct position *p);

/** The same position of the text alone, which is in its file no more.  Returns
 * false where nothing of it was read. */
bool position_as_text(
    struct position *p, struct fingerprint *out, const struct position *told);
bool position_is_text(const struct position *p);

/** Whether an open file still starts, and before the position goes on, as it
 * did when that was told; where enough was read, the latter will do.  True of
 * any file where nothing was read yet. */
bool position_is(int fd, const struct position *p);
/**
 * Where the position is in an open file now, whose text has moved: behind the
 * only place where the bytes stand that were before it.
 *
 * Returns -1 where there is no such place, for sure.
 */
int64_t position_find(int fd, const struct position *p);
/** The same as position_is() for a compressed file, of at most 1 GiB up to the
 * position: what it was compressed from. */
bool position_is_packed(int fd, const struct position *p);
/** Whether first bytes (POSITION_BYTES where there are so many) are those. */
bool position_head_is(const struct position *p, struct text head);
/** Whether bytes repeat themselves, so that they may stand elsewhere by chance.
 */
bool text_is_periodic(struct text text);

/** Whether two times at which a file was made are not the same, for sure. */
bool position_born_else(int64_t a_ns, int64_t b_ns);
/** When the file was made, in ns since 1970; 0: not known. */
int64_t position_born_ns(const struct position *p);
/** Whether nothing was left to read. */
bool position_is_done(const struct position *p);

/** A polynomial hash (Karp and Rabin): against mistakes, not forgers. */
uint64_t position_hash(struct text text);

/* Positions kept for later: copies that own all their text. */
struct position *position_copy(const struct position *p);
void position_free(void *position); /* NULL does nothing */

#endif
