/* SPDX-License-Identifier: MIT */
/*
 * A ring of jobs: each has a block, whose memory it took from the reader for
 * its own, and what it found.
 */
#include "cmd/ahead.h"

#include "base/mem.h"
#include "io/loop.h"
#include "io/work.h"
#include "match/matcher.h"
#include "tail/block.h"

#include <stdbool.h>

#define AHEAD 3 /* jobs for each processor, so that none waits */

struct job {
	const struct matcher *matcher;
	struct work *work;
	struct matcher_look *look;
	struct block block;
	struct blocks_memory memory; /* that the block is in */
};

struct ahead {
	struct matcher *matcher;
	ahead_fn *told;
	void *ctx;
	struct loop *loop; /* NULL: there is one processor */
	struct job *jobs;
	size_t size, first, count; /* of the ring, and in it */
};

struct ahead *
ahead_new(struct matcher *m, ahead_fn *told, void *ctx)
{
	size_t processors = work_processors();
	struct ahead *a = mem_new(1, sizeof *a);

	a->matcher = m;
	a->told = told;
	a->ctx = ctx;
	if (processors == 1)
		return a;
	work_threads(processors - 1); /* this one works too */
	a->loop = loop_new();
	a->size = AHEAD * processors;
	a->jobs = mem_new(a->size, sizeof *a->jobs);
	return a;
}

void
ahead_free(struct ahead *a)
{
	if (a == NULL)
		return;
	ahead_finish(a);
	for (size_t i = 0; i < a->size; i++) {
		work_free(a->jobs[i].work);
		matcher_look_free(a->jobs[i].look);
		free(a->jobs[i].memory.data);
	}
	free(a->jobs);
	loop_free(a->loop);
	free(a);
}

/* On another thread. */
static void
run(void *ctx)
{
	struct job *job = ctx;

	matcher_look(job->look, &job->block);
}

/* Does the last of the jobs that nobody has begun.  False: there is none. */
static bool
help(struct ahead *a)
{
	for (size_t i = a->count; i > 0; i--)
		if (work_help(a->jobs[(a->first + i - 1) % a->size].work))
			return true;
	return false;
}

static void
tell_first(struct ahead *a)
{
	struct job *job = &a->jobs[a->first];

	while (!work_is_done(job->work) && help(a))
		;
	work_wait(job->work);
	matcher_feed_looked(a->matcher, &job->block, job->look);
	a->told(&job->block, a->ctx);
	a->first = (a->first + 1) % a->size;
	a->count--;
}

void
ahead_finish(struct ahead *a)
{
	while (a->count > 0)
		tell_first(a);
}

/* A job for a block; NULL: it is to be fed as it is. */
static struct job *
job_for(struct ahead *a, const struct block *block)
{
	struct job *job;

	if (a->loop == NULL)
		return NULL;
	if (a->count == a->size)
		tell_first(a);
	job = &a->jobs[(a->first + a->count) % a->size];
	if (job->look == NULL)
		job->look = matcher_look_new(a->matcher, block);
	if (job->look == NULL)
		return NULL;
	if (job->work == NULL)
		job->work = work_new(a->loop, run, job);
	return job;
}

void
ahead_feed(struct ahead *a, const struct block *block, struct blocks *bs)
{
	struct job *job = job_for(a, block);

	if (job == NULL || !blocks_take(bs, &job->memory)) {
		ahead_finish(a);
		matcher_feed(a->matcher, block, 0, 0);
		a->told(block, a->ctx);
		return;
	}
	job->block = *block;
	a->count++;
	work_start(job->work);
}
