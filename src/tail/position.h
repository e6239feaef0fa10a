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
	char head[2 + 8 + 8];   /* length, hash; when the file was made */
	char anchor[8 + 2 + 8]; /* offset of its end, length, hash */
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
    struct text head, struct text anchor, int64_t born_ns);

/** Whether the open file still starts, and before the position goes on, as it
 * did when that was told.  True of any file where nothing was read yet. */
bool position_is(int fd, const struct position *p);
/** The same for a text that is read from its start: its first bytes (at least
 * POSITION_BYTES where there are so many), and where the anchor ends (-1: it
 * makes no sense) and the bytes before that. */
bool position_head_is(const struct position *p, struct text head);
int64_t position_anchor_end(const struct position *p);
bool position_anchor_is(const struct position *p, struct text before);

/** When the file was made, in ns since 1970; 0: not known. */
int64_t position_born_ns(const struct position *p);

/** FNV-1a (Fowler, Noll, Vo): against mistakes, not against forgers. */
uint64_t position_hash(struct text text);

/* Positions kept for later: copies that own all their text. */
struct position *position_copy(const struct position *p);
void position_free(void *position);

#endif
