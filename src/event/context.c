/* SPDX-License-Identifier: MIT */
/*
 * A small ring of the last lines, and walks over those of a block.
 */
#include "event/context.h"

#include "base/mem.h"
#include "base/utf8.h"
#include "tail/block.h"

#include <assert.h>

struct kept {
	int64_t line;
	struct str text; /* raw */
};

struct context {
	size_t size;
	size_t next;  /* where the next line goes; the oldest once it is full */
	int64_t line; /* number of the line to come; 0: none came yet */
	struct kept *ring;
};

struct context *
context_new(size_t lines)
{
	struct context *c = mem_new(1, sizeof *c);

	assert(lines <= CONTEXT_LINES_MAX);
	c->size = lines;
	c->ring = mem_new(lines, sizeof *c->ring);
	return c;
}

void
context_free(struct context *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < c->size; i++)
		str_free(&c->ring[i].text);
	free(c->ring);
	free(c);
}

static void
tell(struct text raw, context_line_fn *fn, void *ctx)
{
	struct str scratch = { 0 };

	if (raw.len > CONTEXT_LINE_MAX)
		raw.len = CONTEXT_LINE_MAX;
	fn(event_clean(raw, true, &scratch), ctx);
	str_free(&scratch);
}

/* The last line of text that ends at len (before its newline, if any): where
 * it starts. */
static size_t
last_line(const char *data, size_t len)
{
	const char *newline;

	if (len > 0 && data[len - 1] == '\n')
		len--;
	newline = len > 0 ? memrchr(data, '\n', len) : NULL;
	return newline != NULL ? (size_t)(newline + 1 - data) : 0;
}

static struct text
without_newline(const char *data, size_t start, size_t end)
{
	if (end > start && data[end - 1] == '\n')
		end--;
	return (struct text){ data + start, end - start };
}

/* Number of lines, for the line numbers of what is kept. */
static int64_t
count_lines(const struct block *b)
{
	return newlines_count(b->data, b->len) +
	       (b->len > 0 && b->data[b->len - 1] != '\n');
}

static void
forget(struct context *c)
{
	for (size_t i = 0; i < c->size; i++)
		c->ring[i].line = 0;
}

void
context_note(struct context *c, const struct block *block)
{
	size_t starts[CONTEXT_LINES_MAX + 1];
	size_t n = 0, end = block->len;
	int64_t number;

	for (; n < c->size && end > 0; n++) {
		starts[n] = last_line(block->data, end);
		end = starts[n];
	}
	if (block->line < c->line) /* the file was written anew */
		forget(c);
	number = block->line + (n > 0 ? count_lines(block) : 0) - (int64_t)n;
	for (size_t i = n; i-- > 0; number++) {
		struct kept *k = &c->ring[c->next];
		size_t stop = i > 0 ? starts[i - 1] : block->len;
		struct text line =
		    without_newline(block->data, starts[i], stop);

		if (line.len > CONTEXT_LINE_MAX)
			line.len = CONTEXT_LINE_MAX;
		k->line = number;
		str_clear(&k->text);
		str_add_text(&k->text, line);
		c->next = (c->next + 1) % c->size;
	}
	c->line = number;
}

void
context_before(const struct context *c, const struct event *event,
    context_line_fn *fn, void *ctx)
{
	size_t starts[CONTEXT_LINES_MAX + 1];
	size_t n = 0, end = event->block != NULL ? event->before : 0;
	const char *data = event->block != NULL ? event->block->data : "";

	for (starts[0] = end; n < c->size && end > 0; n++) {
		end = last_line(data, end);
		starts[n + 1] = end;
	}
	/* What the block does not have comes from earlier ones. */
	for (size_t i = 0; i < c->size; i++) {
		const struct kept *k = &c->ring[(c->next + i) % c->size];
		int64_t gap = event->line - (int64_t)n - k->line;

		if (k->line > 0 && gap > 0 && gap <= (int64_t)(c->size - n))
			tell(str_text(&k->text), fn, ctx);
	}
	while (n-- > 0)
		tell(without_newline(data, starts[n + 1], starts[n]), fn, ctx);
}

size_t
context_after(const struct block *block, size_t from, size_t max,
    context_line_fn *fn, void *ctx)
{
	size_t n = 0;

	for (; n < max && from < block->len; n++) {
		const char *start = block->data + from;
		const char *newline = memchr(start, '\n', block->len - from);
		size_t len = newline != NULL ? (size_t)(newline - start)
		                             : block->len - from;

		tell((struct text){ start, len }, fn, ctx);
		from += len + 1;
	}
	return n;
}
