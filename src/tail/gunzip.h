/* SPDX-License-Identifier: MIT */
/**
 * Unpacks gzip (RFC 1952): members one behind the other, each proved by its
 * checksum and length.  Pure: no file.  What comes before a fault is given.
 */
#ifndef LOGWATCH_TAIL_GUNZIP_H
#define LOGWATCH_TAIL_GUNZIP_H

#include "base/str.h"

#include <stdbool.h>

struct gunzip;

struct gunzip *gunzip_new(void);
void gunzip_free(struct gunzip *g); /* NULL does nothing */

/**
 * Unpacks until in is used up or room is full.  Zeros behind the last member
 * are padding, as tapes and tar make it.
 *
 * in   what was taken of it is gone when this returns
 * out  gets at most room bytes; *got says how many, also before a fault
 *
 * Returns NULL, or what is wrong with the data: it cannot go on.
 */
const char *gunzip_feed(
    struct gunzip *g, struct text *in, char *out, size_t room, size_t *got);

/** Whether the data may end here: not within a member. */
bool gunzip_may_end(const struct gunzip *g);

#endif
