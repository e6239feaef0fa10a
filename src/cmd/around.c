/* SPDX-License-Identifier: MIT */
/*
 * Of earlier blocks the last lines are kept; those of the block at hand are
 * walked through once.
 */
#include "cmd/around.h"

#include "base/mem.h"
#include "event/event.h"
#include "tail/block.h"

/* A run of lines, and how far it was walked through. */
struct run {
	struct text left;
	int64_t line; /* number of the first that is left */
};

struct around {
	struct around_spec spec;
	struct str kept;   /* the last lines of earlier blocks, with newlines */
	int64_t kept_line; /* number of the first of them */
	int64_t next_line; /* of the block to come; 0: none came yet */
	int64_t block_offset; /* of the block at hand; -1: none */
	struct run run;       /* of that block */
	int64_t printed;      /* number of the last line that was printed */
	int64_t until;        /* of the last that is wanted after a hit */
	bool any;             /* something was printed */
};

struct around *
around_new(const struct around_spec *spec)
{
	struct around *a = mem_new(1, sizeof *a);

	a->spec = *spec;
	a->block_offset = -1;
	return a;
}

void
around_free(struct around *a)
{
	if (a == NULL)
		return;
	str_free(&a->kept);
	free(a);
}

/* The length of the first line of some text, with its newline. */
static size_t
line_len(struct text text)
{
	const char *newline = memchr(text.data, '\n', text.len);

	return newline != NULL ? (size_t)(newline + 1 - text.data) : text.len;
}

/* Walks a run up to a line, and tells those from another one on. */
static void
tell_run(struct around *a, struct run *r, int64_t from, int64_t to)
{
	while (r->left.len > 0 && r->line <= to) {
		size_t len = line_len(r->left);
		size_t text_len = len - (r->left.data[len - 1] == '\n');

		if (r->line >= from)
			a->spec.line(r->line,
			    (struct text){ r->left.data, text_len },
			    a->spec.ctx);
		r->left.data += len;
		r->left.len -= len;
		r->line++;
	}
}

/* Tells some lines after what was printed. */
static void
tell(struct around *a, int64_t to)
{
	struct run kept = { str_text(&a->kept), a->kept_line };
	int64_t from = a->printed + 1;

	if (to < from)
		return;
	if (from < a->next_line)
		tell_run(a, &kept, from, to);
	if (a->block_offset >= 0)
		tell_run(a, &a->run, from, to);
	a->printed = to;
	a->any = true;
}

/* The lines begin anew: the file was truncated. */
static void
start_over(struct around *a)
{
	str_clear(&a->kept);
	a->printed = a->until = 0;
}

static void
enter(struct around *a, const struct block *block)
{
	if (block == NULL || a->block_offset == block->offset)
		return;
	if (block->line < a->next_line)
		start_over(a);
	a->next_line = block->line;
	a->block_offset = block->offset;
	a->run = (struct run){ { block->data, block->len }, block->line };
}

static int64_t
least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

void
around_hit(struct around *a, const struct event *event)
{
	int64_t before = (int64_t)a->spec.before, from;

	enter(a, event->block);
	if (event->line <= a->printed)
		return;
	tell(a, least(a->until, event->line - 1));
	from = event->line - before;
	if (from > a->printed + 1) {
		if (a->any)
			a->spec.gap(a->spec.ctx);
		a->printed = from - 1;
	}
	tell(a, event->line - 1);
	a->printed =
	    event->line + newlines_count(event->text.data, event->text.len);
	a->until = a->printed + (int64_t)a->spec.after;
	a->any = true;
}

/* How many bytes at the end of some text are its last lines. */
static size_t
last_lines(struct text text, size_t lines)
{
	size_t at = text.len;

	while (lines-- > 0 && at > 0) {
		const char *newline = memrchr(text.data, '\n', at - 1);

		at = newline != NULL ? (size_t)(newline + 1 - text.data) : 0;
	}
	return text.len - at;
}

/* Keeps the last lines of what is kept and of a block. */
static void
keep(struct around *a, struct text block)
{
	size_t most = a->spec.before + a->spec.event_lines;
	size_t len = last_lines(block, most);
	struct str all = { 0 };
	struct text text;

	if (len == block.len)
		str_add_text(&all, str_text(&a->kept));
	str_add(&all, block.data + block.len - len, len);
	if (len > 0 && all.data[all.len - 1] != '\n') /* one cut off */
		str_putc(&all, '\n');
	text = str_text(&all);
	len = text.len > 0 ? last_lines(text, most) : 0;
	str_clear(&a->kept);
	if (len > 0)
		str_add(&a->kept, text.data + text.len - len, len);
	a->kept_line =
	    a->next_line -
	    newlines_count(a->kept.data != NULL ? a->kept.data : "", len);
	str_free(&all);
}

void
around_block(struct around *a, const struct block *block, int64_t waiting)
{
	int64_t lines = newlines_count(block->data, block->len);

	enter(a, block);
	lines += block->data[block->len - 1] != '\n';
	tell(a, least(a->until, least(waiting - 1, block->line + lines - 1)));
	a->next_line = block->line + lines;
	a->block_offset = -1;
	keep(a, (struct text){ block->data, block->len });
}

void
around_more(struct around *a, int64_t waiting)
{
	tell(a, least(a->until, least(waiting, a->next_line) - 1));
}
