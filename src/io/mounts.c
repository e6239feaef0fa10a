/* SPDX-License-Identifier: MIT */
/*
 * The kernel's list of mounts can be polled: POLLPRI and POLLERR once after
 * each change, see proc_pid_mountinfo(5).  It need not be read for that.
 */
#include "io/mounts.h"

#include "base/mem.h"
#include "io/loop.h"
#include "io/timer.h"

#include <fcntl.h>
#include <unistd.h>
#include <uv.h>

#define PAUSE_MS 100 /* a machine that starts containers mounts all day */

struct mounts {
	uv_poll_t uv;
	int fd;
	struct timer *timer;
	int64_t next_ms; /* not told before */
	mounts_fn *fn;
	void *ctx;
};

static void
tell(void *ctx)
{
	struct mounts *m = ctx;

	m->next_ms = clock_now_ms() + PAUSE_MS;
	m->fn(m->ctx);
}

/* libuv takes an error that comes with PRI for no failure. */
static void
changed(uv_poll_t *uv, int status, int events)
{
	struct mounts *m = uv->data;

	(void)status;
	(void)events;
	if (clock_now_ms() >= m->next_ms)
		tell(m);
	else
		timer_at(m->timer, m->next_ms);
}

static void
free_closed(uv_handle_t *handle)
{
	free(handle->data);
}

struct mounts *
mounts_new(struct loop *l, mounts_fn *fn, void *ctx)
{
	int fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	struct mounts *m;

	if (fd < 0)
		return NULL;
	m = mem_new(1, sizeof *m);
	if (uv_poll_init(loop_uv(l), &m->uv, fd) != 0) {
		close(fd);
		free(m);
		return NULL;
	}
	m->uv.data = m;
	m->fd = fd;
	m->timer = timer_new(l, tell, m);
	m->fn = fn;
	m->ctx = ctx;
	uv_poll_start(&m->uv, UV_PRIORITIZED, changed);
	return m;
}

void
mounts_free(struct mounts *m)
{
	if (m == NULL)
		return;
	timer_free(m->timer);
	uv_poll_stop(&m->uv);
	close(m->fd);
	uv_close((uv_handle_t *)&m->uv, free_closed);
}
