/* SPDX-License-Identifier: MIT */
/**
 * Logs that were rotated while logwatch was not there: finds the files of
 * positions again.  For the files of tail/ only.
 */
#ifndef LOGWATCH_TAIL_RESUME_H
#define LOGWATCH_TAIL_RESUME_H

struct following;
struct rotated;

/** Positions whose files were not found under a name: reads on in them, before
 * what came after, and says of which ones lines are lost. */
void resume_all(struct following *all, struct rotated *r);

#endif
