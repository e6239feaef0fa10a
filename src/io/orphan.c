/* SPDX-License-Identifier: MIT */
/*
 * A pidfd, or where there is none to be had a look once a second.
 */
#include "io/orphan.h"

#include "base/mem.h"
#include "io/loop.h"
#include "io/process.h"
#include "io/timer.h"

#include <errno.h>
#include <stdbool.h>
#include <unistd.h>

enum { LOOK_MS = 1000 };

struct orphan {
	pid_t pid;
	int64_t start_time;
	int pidfd; /* -1: looked at by the timer */
	struct on_readable *watch;
	struct timer *timer;
	orphan_end_fn *end;
	void *ctx;
};

/* Stops watching: from here on nothing more can come. */
static void
stop(struct orphan *o)
{
	on_readable_free(o->watch);
	o->watch = NULL;
	timer_free(o->timer);
	o->timer = NULL;
	if (o->pidfd >= 0)
		close(o->pidfd);
	o->pidfd = -1;
}

static void
ended(struct orphan *o)
{
	stop(o);
	o->end(o->ctx);
}

static void
pidfd_came(int fd, void *ctx)
{
	(void)fd;
	ended(ctx);
}

static void
time_to_look(void *ctx)
{
	struct orphan *o = ctx;
	struct process p;

	if (!process_read(o->pid, &p) || p.ended ||
	    p.start_time != o->start_time)
		ended(o);
	else
		timer_in(o->timer, LOOK_MS);
}

struct orphan *
orphan_watch(struct loop *l, pid_t pid, int64_t start_time, orphan_end_fn *end,
    void *ctx)
{
	int pidfd = process_open(pid, start_time);
	struct orphan *o;

	if (pidfd < 0 && errno == ESRCH)
		return NULL;
	o = mem_new(1, sizeof *o);
	o->pid = pid;
	o->start_time = start_time;
	o->pidfd = pidfd;
	o->end = end;
	o->ctx = ctx;
	if (pidfd >= 0) {
		o->watch = on_readable_new(l, pidfd, pidfd_came, o);
	} else {
		o->timer = timer_new(l, time_to_look, o);
		timer_in(o->timer, LOOK_MS);
	}
	return o;
}

void
orphan_free(struct orphan *o)
{
	if (o == NULL)
		return;
	stop(o);
	free(o);
}
