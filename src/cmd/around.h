/* SPDX-License-Identifier: MIT */
/**
 * The lines around what is printed of one log, as grep prints them: each once
 * and in order, with a mark where some between are left out.
 */
#ifndef LOGWATCH_CMD_AROUND_H
#define LOGWATCH_CMD_AROUND_H

#include "base/str.h"

#include <stddef.h>
#include <stdint.h>

struct around;
struct block;
struct event;

struct around_spec {
	size_t before, after; /* lines that are wanted */
	size_t event_lines;   /* most that an event waits for, beyond a block */
	/** A line around a hit, raw and without its newline; lent. */
	void (*line)(int64_t number, struct text raw, void *ctx);
	/** Some lines are left out here. */
	void (*gap)(void *ctx);
	void *ctx;
};

/** spec is copied.  Free with around_free(). */
struct around *around_new(const struct around_spec *spec);
void around_free(struct around *a); /* NULL does nothing */

/** An event is printed next (it may be that of the last call again): tells the
 * lines that come before it. */
void around_hit(struct around *a, const struct event *event);
/**
 * The events of a block have been told: tells the lines after the last.
 *
 * waiting  number of the first line of an event that may go on in the next
 *          block; INT64_MAX: there is none
 */
void around_block(struct around *a, const struct block *block, int64_t waiting);
/** Events that waited have been told: tells more lines after the last, up to
 * one that waits still, as above. */
void around_more(struct around *a, int64_t waiting);

#endif
