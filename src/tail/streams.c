/* SPDX-License-Identifier: MIT */
/*
 * One of each kind in a row; what they do is command.c's and stream.c's.
 */
#include "tail/streams.h"

#include "base/log.h"
#include "base/mem.h"
#include "io/loop.h"
#include "tail/command.h"
#include "tail/stream.h"

#include <fcntl.h>
#include <unistd.h>

#define FIRST_FILE (UINT64_C(1) << 63) /* the tail counts from 1 */

struct input {
	struct streams *all;
	const struct stream_source *source;
	struct command *command; /* NULL: it is standard input */
	struct stream *stream;   /* of that, until its end */
	uint64_t file;
};

struct streams {
	struct loop *loop;
	struct tail_callbacks callbacks;
	bool once;
	uint64_t last_file;
	struct input *inputs;
	size_t count;
};

struct streams *
streams_new(struct loop *l, const struct stream_source *sources, size_t count,
    bool once, const struct tail_callbacks *callbacks)
{
	struct streams *ss = mem_new(1, sizeof *ss);

	ss->loop = l;
	ss->callbacks = *callbacks;
	ss->once = once;
	ss->last_file = FIRST_FILE;
	ss->inputs = mem_new(count, sizeof *ss->inputs);
	ss->count = count;
	for (size_t i = 0; i < count; i++) {
		const struct stream_source *source = &sources[i];
		struct command_spec spec = {
			.name = source->name,
			.source = source->source,
			.argv = source->command,
			.max_line = source->max_line,
			.once = once,
			.last_file = &ss->last_file,
		};

		ss->inputs[i].all = ss;
		ss->inputs[i].source = source;
		if (source->command != NULL)
			ss->inputs[i].command =
			    command_new(l, &spec, callbacks);
	}
	return ss;
}

void
streams_free(struct streams *ss)
{
	if (ss == NULL)
		return;
	for (size_t i = 0; i < ss->count; i++) {
		command_free(ss->inputs[i].command);
		stream_free(ss->inputs[i].stream);
	}
	free(ss->inputs);
	free(ss);
}

static void
input_ended(void *ctx)
{
	struct input *in = ctx;

	stream_free(in->stream);
	in->stream = NULL;
	if (in->all->once)
		return;
	log_warning("standard input ended, nothing more comes of this source "
		    "source=%s",
	    in->source->name);
}

static void
input_start(struct input *in)
{
	struct streams *ss = in->all;
	struct stream_spec spec = {
		.fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1),
		.file = ++ss->last_file,
		.source = in->source->source,
		.name = in->source->name,
		.path = "-",
		.max_line = in->source->max_line,
	};
	struct err err;

	in->file = spec.file;
	if (spec.fd >= 0)
		in->stream = stream_new(
		    ss->loop, &spec, &ss->callbacks, input_ended, in, &err);
	else
		err_set(&err, "%m");
	if (in->stream != NULL)
		log_info("following source=%s path=-", in->source->name);
	else
		log_error("standard input cannot be read, nothing comes of "
			  "this source source=%s reason=%s",
		    in->source->name, err.text);
}

void
streams_start(struct streams *ss)
{
	for (size_t i = 0; i < ss->count; i++)
		if (ss->inputs[i].command != NULL)
			command_start(ss->inputs[i].command);
		else
			input_start(&ss->inputs[i]);
}

void
streams_stop(struct streams *ss)
{
	for (size_t i = 0; i < ss->count; i++)
		if (ss->inputs[i].command != NULL)
			command_stop(ss->inputs[i].command);
}

bool
streams_ended(const struct streams *ss)
{
	for (size_t i = 0; i < ss->count; i++)
		if (ss->inputs[i].stream != NULL)
			return false;
	return streams_stopped(ss);
}

bool
streams_wait(const struct streams *ss)
{
	for (size_t i = 0; i < ss->count; i++) {
		const struct input *in = &ss->inputs[i];

		if ((in->stream != NULL && stream_waits(in->stream)) ||
		    (in->command != NULL && command_waits(in->command)))
			return true;
	}
	return false;
}

bool
streams_stopped(const struct streams *ss)
{
	for (size_t i = 0; i < ss->count; i++)
		if (ss->inputs[i].command != NULL &&
		    !command_is_over(ss->inputs[i].command))
			return false;
	return true;
}

void
streams_sizes(const struct streams *ss, tail_size_fn *fn, void *ctx)
{
	for (size_t i = 0; i < ss->count; i++) {
		const struct input *in = &ss->inputs[i];
		uint64_t file = in->file;
		int64_t size;

		if (in->stream != NULL)
			fn(file, stream_size(in->stream), clock_wall_ms(), ctx);
		else if (in->command != NULL &&
			 command_size(in->command, &file, &size))
			fn(file, size, clock_wall_ms(), ctx);
	}
}
