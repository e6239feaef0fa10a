/* SPDX-License-Identifier: MIT */
/**
 * Writing all of a text.
 */
#ifndef LOGWATCH_BASE_WRITE_H
#define LOGWATCH_BASE_WRITE_H

#include "base/str.h"

/** Writes all of text to fd, goes on after a signal and after a part.  Returns
 * -1 with errno where it could not. */
int write_whole(int fd, struct text text);

#endif
