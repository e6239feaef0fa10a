/* SPDX-License-Identifier: MIT */
/**
 * Follows the blocks of an .xz file, to know how large a dictionary each one
 * makes its reader allocate.  Unpacks and proves nothing.
 */
#ifndef LOGWATCH_TAIL_XZ_H
#define LOGWATCH_TAIL_XZ_H

#include "base/str.h"

#include <stdint.h>

#define XZ_DICTIONARY (UINT64_C(64) << 20) /* the largest, that of xz -9 */

struct xz;

struct xz *xz_new(void);
void xz_free(struct xz *x); /* NULL does nothing */

/**
 * Takes in what comes next of the file.  What is damaged is not for here to
 * say: from there on nothing is refused, for no reader gets further.
 *
 * Returns how many bytes of in may be unpacked: all, or only those before a
 * block with a larger dictionary.  From then on that is none.
 */
size_t xz_feed(struct xz *x, struct text in);

/** The dictionary that was refused, in bytes; 0 where none was. */
uint64_t xz_refused(const struct xz *x);

#endif
