/* SPDX-License-Identifier: MIT */
/*
 * libuv's loop and its handles.  A handle's memory lives until libuv has closed
 * it, so that each may be freed from within its own callback.
 */
#include "io/loop.h"

#include "base/mem.h"

#include <assert.h>
#include <stdio.h>
#include <sys/queue.h>
#include <time.h>
#include <uv.h>

struct at_end {
	at_end_fn *fn;
	void *ctx;
	LIST_ENTRY(at_end) link;
};

struct loop {
	uv_loop_t uv;
	uv_async_t keep; /* never sent: keeps uv_run() from returning */
	LIST_HEAD(at_ends, at_end) ends;
};

struct on_signal {
	uv_signal_t uv;
	signal_fn *fn;
	void *ctx;
};

struct on_readable {
	uv_poll_t uv;
	int fd;
	readable_fn *fn;
	void *ctx;
};

struct turn {
	uv_idle_t uv;
	turn_fn *fn;
	void *ctx;
};

/* What libuv refuses here is a bug, or a machine out of descriptors or memory
 * for the kernel's lists: the same end as that of base/mem.h. */
static void
check(int result, const char *what)
{
	if (result == 0)
		return;
	fprintf(stderr, "logwatch: %s: %s\n", what, uv_strerror(result));
	abort();
}

static void
free_closed(uv_handle_t *handle)
{
	free(handle->data);
}

struct loop *
loop_new(void)
{
	struct loop *l = mem_new(1, sizeof *l);

	LIST_INIT(&l->ends);
	check(uv_loop_init(&l->uv), "event loop");
	check(uv_async_init(&l->uv, &l->keep, NULL), "event loop");
	return l;
}

static void
check_closing(uv_handle_t *handle, void *ctx)
{
	(void)ctx;
	assert(uv_is_closing(handle));
	(void)handle;
}

void
loop_free(struct loop *l)
{
	if (l == NULL)
		return;
	while (!LIST_EMPTY(&l->ends)) {
		struct at_end *e = LIST_FIRST(&l->ends);

		e->fn(e->ctx);
		assert(LIST_FIRST(&l->ends) != e);
	}
	uv_close((uv_handle_t *)&l->keep, NULL);
	uv_walk(&l->uv, check_closing, NULL);
	while (uv_run(&l->uv, UV_RUN_NOWAIT) != 0)
		;
	check(uv_loop_close(&l->uv), "close event loop");
	free(l);
}

void
loop_run(struct loop *l)
{
	uv_run(&l->uv, UV_RUN_DEFAULT);
}

void
loop_stop(struct loop *l)
{
	uv_stop(&l->uv);
}

struct uv_loop_s *
loop_uv(struct loop *l)
{
	return &l->uv;
}

static int64_t
clock_ms(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t
clock_now_ms(void)
{
	return clock_ms(CLOCK_BOOTTIME);
}

int64_t
clock_wall_ms(void)
{
	return clock_ms(CLOCK_REALTIME);
}

static void
signal_came(uv_signal_t *uv, int signum)
{
	struct on_signal *s = uv->data;

	s->fn(signum, s->ctx);
}

struct on_signal *
on_signal_new(struct loop *l, int signum, signal_fn *fn, void *ctx)
{
	struct on_signal *s = mem_new(1, sizeof *s);

	s->fn = fn;
	s->ctx = ctx;
	check(uv_signal_init(&l->uv, &s->uv), "watch signal");
	s->uv.data = s;
	check(uv_signal_start(&s->uv, signal_came, signum), "watch signal");
	return s;
}

void
on_signal_free(struct on_signal *s)
{
	if (s != NULL)
		uv_close((uv_handle_t *)&s->uv, free_closed);
}

/* On EPOLLERR libuv stops the handle and gives no events; who reads the
 * descriptor learns why, and may still find bytes in it. */
static void
readable_came(uv_poll_t *uv, int status, int events)
{
	struct on_readable *r = uv->data;

	(void)events;
	if (status < 0)
		uv_poll_start(&r->uv, UV_READABLE, readable_came);
	r->fn(r->fd, r->ctx);
}

struct on_readable *
on_readable_new(struct loop *l, int fd, readable_fn *fn, void *ctx)
{
	struct on_readable *r = mem_new(1, sizeof *r);

	r->fd = fd;
	r->fn = fn;
	r->ctx = ctx;
	check(uv_poll_init(&l->uv, &r->uv, fd), "watch descriptor");
	r->uv.data = r;
	check(uv_poll_start(&r->uv, UV_READABLE, readable_came),
	    "watch descriptor");
	return r;
}

void
on_readable_free(struct on_readable *r)
{
	if (r != NULL)
		uv_close((uv_handle_t *)&r->uv, free_closed);
}

static void
turn_came(uv_idle_t *uv)
{
	struct turn *t = uv->data;

	uv_idle_stop(&t->uv);
	t->fn(t->ctx);
}

struct turn *
turn_new(struct loop *l, turn_fn *fn, void *ctx)
{
	struct turn *t = mem_new(1, sizeof *t);

	t->fn = fn;
	t->ctx = ctx;
	uv_idle_init(&l->uv, &t->uv);
	t->uv.data = t;
	return t;
}

void
turn_ask(struct turn *t)
{
	uv_idle_start(&t->uv, turn_came);
}

void
turn_stop(struct turn *t)
{
	uv_idle_stop(&t->uv);
}

void
turn_free(struct turn *t)
{
	if (t != NULL)
		uv_close((uv_handle_t *)&t->uv, free_closed);
}

struct at_end *
at_end_new(struct loop *l, at_end_fn *fn, void *ctx)
{
	struct at_end *e = mem_new(1, sizeof *e);

	e->fn = fn;
	e->ctx = ctx;
	LIST_INSERT_HEAD(&l->ends, e, link);
	return e;
}

void
at_end_free(struct at_end *e)
{
	if (e == NULL)
		return;
	LIST_REMOVE(e, link);
	free(e);
}
