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

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define AHEAD 3            /* jobs for each processor, so that none waits */
#define PROCESSORS_MAX 8   /* each job has half a megabyte */
#define PART (256 * 1024)  /* of a file, a job */
#define WINDOW (16 * 1024) /* at its end, in which a line is to end */

struct job {
	struct work *work;
	struct matcher_look *look;
	struct block block;
	struct blocks_memory memory; /* that the block is in */
	bool part;                   /* of a file: */
	int fd;
	bool read;     /* it is read already */
	bool failed;   /* it could not be */
	int64_t lines; /* in it */
};

struct ahead {
	struct matcher *matcher;
	ahead_fn *told;
	void *ctx;
	struct loop *loop; /* NULL: there is one processor */
	struct job *jobs;
	size_t size, first, count; /* of the ring, and in it */
	/* Of a file: */
	int64_t line;      /* of the part to be told next */
	int64_t failed_at; /* offset of the first that failed; -1: none did */
};

struct ahead *
ahead_new(struct matcher *m, ahead_fn *told, void *ctx)
{
	size_t processors = work_processors();
	struct ahead *a = mem_new(1, sizeof *a);

	if (processors > PROCESSORS_MAX)
		processors = PROCESSORS_MAX;
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

static bool
read_part(struct job *job)
{
	size_t done = 0;

	while (done < job->block.len) {
		ssize_t n = pread(job->fd, job->memory.data + done,
		    job->block.len - done, job->block.offset + (off_t)done);

		if (n == 0 || (n < 0 && errno != EINTR))
			return false;
		done += n > 0 ? (size_t)n : 0;
	}
	job->lines = newlines_count(job->memory.data, done);
	return true;
}

/* On another thread. */
static void
run(void *ctx)
{
	struct job *job = ctx;

	if (!job->read)
		job->failed = !read_part(job);
	if (!job->failed)
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
	if (job->failed && a->failed_at < 0)
		a->failed_at = job->block.offset;
	/* Behind a part that is missing nothing is told. */
	if (!job->part || a->failed_at < 0) {
		if (job->part)
			job->block.line = a->line;
		a->line += job->lines;
		matcher_feed_looked(a->matcher, &job->block, job->look);
		a->told(&job->block, a->ctx);
	}
	a->first = (a->first + 1) % a->size;
	a->count--;
}

void
ahead_finish(struct ahead *a)
{
	while (a->count > 0)
		tell_first(a);
}

/* One that is free; NULL: there are none. */
static struct job *
job_next(struct ahead *a)
{
	if (a->loop == NULL)
		return NULL;
	if (a->count == a->size)
		tell_first(a);
	return &a->jobs[(a->first + a->count) % a->size];
}

/* False: its block is to be fed as it is. */
static bool
job_ready(struct ahead *a, struct job *job, const struct block *block)
{
	if (job->look == NULL)
		job->look = matcher_look_new(a->matcher, block);
	if (job->look == NULL)
		return false;
	if (job->work == NULL)
		job->work = work_new(a->loop, run, job);
	return true;
}

void
ahead_feed(struct ahead *a, const struct block *block, struct blocks *bs)
{
	struct job *job = job_next(a);

	if (job == NULL || !job_ready(a, job, block) ||
	    !blocks_take(bs, &job->memory)) {
		ahead_finish(a);
		matcher_feed(a->matcher, block, 0, 0);
		a->told(block, a->ctx);
		return;
	}
	job->block = *block;
	job->part = job->failed = false;
	job->read = true;
	job->lines = 0;
	a->count++;
	work_start(job->work);
}

/* Where the last line ends that ends before a place; 0: none near to it. */
static int64_t
line_end(int fd, int64_t at)
{
	char window[WINDOW];
	const char *newline;

	if (pread(fd, window, sizeof window, at - WINDOW) != sizeof window)
		return 0;
	newline = memrchr(window, '\n', sizeof window);
	return newline != NULL ? at - WINDOW + (newline + 1 - window) : 0;
}

/* Makes a part a job's.  The first is read at once: what is looked for goes by
 * it.  False: it cannot be one. */
static bool
take_part(struct ahead *a, struct job *job, const struct block *part, int fd)
{
	if (job->memory.capacity < part->len) {
		job->memory.data = mem_resize(job->memory.data, PART, 1);
		job->memory.capacity = PART;
	}
	job->block = *part;
	job->block.data = job->memory.data;
	job->part = true;
	job->fd = fd;
	job->read = job->look == NULL && read_part(job);
	job->failed = false;
	return (job->look != NULL || job->read) &&
	       job_ready(a, job, &job->block);
}

int64_t
ahead_file(struct ahead *a, const struct block *block, int fd, int64_t size,
    size_t max_line, bool (*stop)(void), int64_t *line)
{
	struct block part = *block;

	part.offset = 0;
	a->line = 1;
	a->failed_at = -1;
	while (max_line >= PART && size - part.offset > PART &&
	       a->failed_at < 0 && !stop()) {
		int64_t end = line_end(fd, part.offset + PART);
		struct job *job;

		if (end <= part.offset)
			break;
		part.len = (size_t)(end - part.offset);
		job = job_next(a);
		if (job == NULL || !take_part(a, job, &part, fd))
			break;
		a->count++;
		work_start(job->work);
		part.offset = end;
	}
	ahead_finish(a);
	*line = a->line;
	return a->failed_at >= 0 ? a->failed_at : part.offset;
}
