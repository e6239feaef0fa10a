/* SPDX-License-Identifier: MIT */
/*
 * libuv's queue of work.
 */
#include "io/work.h"

#include "base/mem.h"
#include "io/loop.h"

#include <assert.h>
#include <sched.h>
#include <stdbool.h>
#include <uv.h>

struct work {
	uv_work_t uv;
	struct loop *loop;
	work_fn *fn;
	void *ctx;
	bool running;
};

struct work *
work_new(struct loop *l, work_fn *fn, void *ctx)
{
	struct work *w = mem_new(1, sizeof *w);

	w->loop = l;
	w->fn = fn;
	w->ctx = ctx;
	w->uv.data = w;
	return w;
}

void
work_free(struct work *w)
{
	assert(w == NULL || !w->running);
	free(w);
}

static void
run(uv_work_t *uv)
{
	struct work *w = uv->data;

	w->fn(w->ctx);
}

static void
on_done(uv_work_t *uv, int status)
{
	struct work *w = uv->data;

	(void)status;
	w->running = false;
}

void
work_start(struct work *w)
{
	assert(!w->running);
	w->running = true;
	uv_queue_work(loop_uv(w->loop), &w->uv, run, on_done);
}

bool
work_help(struct work *w)
{
	if (!w->running || uv_cancel((uv_req_t *)&w->uv) != 0)
		return false;
	w->fn(w->ctx);
	work_wait(w); /* it is only to be told that nothing is left to do */
	return true;
}

bool
work_is_done(const struct work *w)
{
	return !w->running;
}

void
work_wait(struct work *w)
{
	while (w->running)
		uv_run(loop_uv(w->loop), UV_RUN_ONCE);
}

size_t
work_processors(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof set, &set) != 0)
		return 1;
	return (size_t)CPU_COUNT(&set);
}

void
work_threads(size_t count)
{
	char text[32];

	snprintf(text, sizeof text, "%zu", count);
	setenv("UV_THREADPOOL_SIZE", text, 0);
}
