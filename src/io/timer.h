/* SPDX-License-Identifier: MIT */
/**
 * A deadline on the loop.  One-shot: a timer that is not set wakes nobody.
 */
#ifndef LOGWATCH_IO_TIMER_H
#define LOGWATCH_IO_TIMER_H

#include <stdint.h>

struct loop;
struct timer;

typedef void timer_fn(void *ctx);

struct timer *timer_new(struct loop *l, timer_fn *fn, void *ctx);
/** Sets the deadline, in clock_now_ms() time; INT64_MAX: never.  A deadline
 * that has passed fires on the next turn. */
void timer_at(struct timer *t, int64_t now_ms);
/** The same from now on. */
void timer_in(struct timer *t, int64_t delay_ms);
void timer_stop(struct timer *t);
void timer_free(struct timer *t); /* NULL does nothing */

#endif
