/* SPDX-License-Identifier: MIT */
/*
 * libuv's timers, set by our clock.  libuv counts from the start of the turn
 * and in CLOCK_MONOTONIC, so that a deadline is checked again when it comes.
 */
#include "io/timer.h"

#include "base/mem.h"
#include "io/loop.h"

#include <uv.h>

struct timer {
	uv_timer_t uv;
	struct turn *soon; /* for a deadline that has passed: libuv 1.44 would
	                      run a time-out of 0 that is set anew each time
	                      for ever within one turn */
	int64_t at_ms;
	timer_fn *fn;
	void *ctx;
};

static void
fire(void *ctx)
{
	struct timer *t = ctx;

	t->fn(t->ctx);
}

static void arm(struct timer *t);

static void
time_came(uv_timer_t *uv)
{
	struct timer *t = uv->data;

	if (clock_now_ms() < t->at_ms)
		arm(t);
	else
		fire(t);
}

static void
arm(struct timer *t)
{
	int64_t now_ms = clock_now_ms();
	uint64_t turn_ms; /* since the turn began, from where libuv counts */

	if (t->at_ms <= now_ms) {
		turn_ask(t->soon);
		return;
	}
	turn_ms = uv_hrtime() / 1000000 - uv_now(t->uv.loop);
	uv_timer_start(
	    &t->uv, time_came, (uint64_t)(t->at_ms - now_ms) + turn_ms, 0);
}

struct timer *
timer_new(struct loop *l, timer_fn *fn, void *ctx)
{
	struct timer *t = mem_new(1, sizeof *t);

	t->fn = fn;
	t->ctx = ctx;
	t->soon = turn_new(l, fire, t);
	uv_timer_init(loop_uv(l), &t->uv);
	t->uv.data = t;
	return t;
}

void
timer_at(struct timer *t, int64_t now_ms)
{
	timer_stop(t);
	t->at_ms = now_ms;
	if (now_ms != INT64_MAX)
		arm(t);
}

void
timer_in(struct timer *t, int64_t delay_ms)
{
	int64_t at_ms;

	if (__builtin_add_overflow(clock_now_ms(), delay_ms, &at_ms))
		at_ms = INT64_MAX;
	timer_at(t, at_ms);
}

void
timer_stop(struct timer *t)
{
	uv_timer_stop(&t->uv);
	turn_stop(t->soon);
}

static void
timer_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void
timer_free(struct timer *t)
{
	if (t == NULL)
		return;
	turn_free(t->soon);
	uv_close((uv_handle_t *)&t->uv, timer_closed);
}
