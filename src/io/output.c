/* SPDX-License-Identifier: MIT */
/*
 * The tail of a stream, and its lines.
 */
#include "io/output.h"

#include "base/mem.h"

enum { LINE_MAX_BYTES = 8192 };

struct output {
	size_t max;
	uint64_t bytes;
	struct str kept; /* at most 2 * max */
	struct str line; /* the unfinished one, at most LINE_MAX_BYTES */
	output_line_fn *fn;
	void *ctx;
};

struct output *
output_new(size_t max, output_line_fn *line, void *ctx)
{
	struct output *o = mem_new(1, sizeof *o);

	o->max = max;
	o->fn = line;
	o->ctx = ctx;
	return o;
}

void
output_free(struct output *o)
{
	if (o == NULL)
		return;
	str_free(&o->kept);
	str_free(&o->line);
	free(o);
}

static struct text
tail_of(struct text text, size_t max)
{
	if (text.len <= max)
		return text;
	return (struct text){ text.data + text.len - max, max };
}

static void
keep(struct output *o, struct text bytes)
{
	struct text tail;

	bytes = tail_of(bytes, o->max);
	if (o->kept.len + bytes.len > 2 * o->max) {
		tail = tail_of(str_text(&o->kept), o->max - bytes.len);
		memmove(o->kept.data, tail.data, tail.len);
		o->kept.len = tail.len;
	}
	str_add_text(&o->kept, bytes);
}

static void
line_add(struct output *o, const char *data, size_t len)
{
	size_t room = LINE_MAX_BYTES - o->line.len;

	str_add(&o->line, data, len < room ? len : room);
}

static void
line_tell(struct output *o)
{
	o->fn(str_text(&o->line), o->ctx);
	str_clear(&o->line);
}

static void
split(struct output *o, struct text bytes)
{
	const char *end;

	while ((end = memchr(bytes.data, '\n', bytes.len)) != NULL) {
		size_t len = (size_t)(end - bytes.data);

		line_add(o, bytes.data, len);
		line_tell(o);
		bytes.data += len + 1;
		bytes.len -= len + 1;
	}
	line_add(o, bytes.data, bytes.len);
}

void
output_feed(struct output *o, struct text bytes)
{
	if (bytes.len == 0)
		return;
	o->bytes += bytes.len;
	keep(o, bytes);
	if (o->fn != NULL)
		split(o, bytes);
}

void
output_end(struct output *o)
{
	if (o->fn != NULL && o->line.len > 0)
		line_tell(o);
}

struct text
output_text(const struct output *o)
{
	return tail_of(str_text(&o->kept), o->max);
}

uint64_t
output_bytes(const struct output *o)
{
	return o->bytes;
}
