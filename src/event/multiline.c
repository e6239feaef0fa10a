/* SPDX-License-Identifier: MIT */
/*
 * Walks the lines of blocks; copies only what has to wait for a later one.
 */
#include "event/multiline.h"

#include "base/mem.h"
#include "base/utf8.h"
#include "tail/block.h"

struct multiline {
	struct multiline_options options;
	event_fn *emit;
	void *ctx;
	struct str scratch; /* one cleaned line */
	struct str waiting; /* the cleaned lines of the event that waits */
	size_t lines;       /* in it; 0: none waits */
	struct event event; /* of the event that waits, but its text */
	char *path;         /* its path, which outlives its block */
	int64_t due_ms;
};

struct multiline *
multiline_new(
    const struct multiline_options *options, event_fn *emit, void *ctx)
{
	struct multiline *m = mem_new(1, sizeof *m);

	m->options = *options;
	m->emit = emit;
	m->ctx = ctx;
	m->due_ms = INT64_MAX;
	return m;
}

void
multiline_free(struct multiline *m)
{
	if (m == NULL)
		return;
	str_free(&m->scratch);
	str_free(&m->waiting);
	free(m->path);
	free(m);
}

/* Emits what waits; block and the place in it where the next event starts tell
 * where the lines around it are. */
static void
finish(struct multiline *m, const struct block *block, size_t after)
{
	struct event event = m->event;

	if (m->lines == 0)
		return;
	event.text = str_text(&m->waiting);
	event.path = m->path;
	event.block = block;
	event.after = after;
	m->lines = 0;
	m->due_ms = INT64_MAX;
	m->emit(&event, m->ctx);
	str_clear(&m->waiting);
	if (m->waiting.capacity > 65536)
		str_free(&m->waiting);
}

static bool
begins(const struct multiline *m, const struct event *line)
{
	return m->lines == 0 || m->lines >= m->options.max_lines ||
	       m->options.begins(line, m->options.ctx);
}

static void
join(struct multiline *m, const struct event *line)
{
	struct text text = line->text;
	size_t room;

	if (begins(m, line)) {
		finish(m, line->block, line->before);
		m->event = *line;
		m->event.truncated = false;
		if (m->path == NULL || strcmp(m->path, line->path) != 0) {
			free(m->path);
			m->path = mem_text(line->path);
		}
	} else {
		str_putc(&m->waiting, '\n');
	}
	room = m->options.max_bytes > m->waiting.len
	           ? m->options.max_bytes - m->waiting.len
	           : 0;
	if (text.len > room) {
		/* A cut character would be no UTF-8 any more. */
		while (room > 0 && (text.data[room] & 0xc0) == 0x80)
			room--;
		text.len = room;
		m->event.truncated = true;
	}
	m->event.truncated |= line->truncated;
	str_add_text(&m->waiting, text);
	m->lines++;
}

/* A byte order mark at the start of a file is no text. */
static struct text
without_mark(struct text text)
{
	size_t mark = utf8_bom(text);

	return (struct text){ text.data + mark, text.len - mark };
}

void
multiline_feed(struct multiline *m, const struct block *block, int64_t now_ms,
    int64_t wall_ms)
{
	const char *p = block->data;
	const char *end = block->data + block->len;
	struct event line = {
		.file = block->file,
		.source = block->source,
		.path = block->path,
		.line = block->line,
		.wall_ms = wall_ms,
		.block = block,
	};

	/* What waits began before this block: so did the lines around it. */
	m->event.before = 0;
	m->event.block = NULL;
	for (; p < end; line.line++) {
		const char *newline = memchr(p, '\n', (size_t)(end - p));
		const char *stop = newline != NULL ? newline : end;
		struct text raw = { p, (size_t)(stop - p) };

		line.before = (size_t)(p - block->data);
		line.offset = block->offset + (int64_t)line.before;
		p = newline != NULL ? newline + 1 : end;
		line.after = (size_t)(p - block->data);
		if (line.offset == 0)
			raw = without_mark(raw);
		line.truncated = newline == NULL && block->truncated;
		line.text = event_clean(raw, m->options.strip, &m->scratch);
		if (m->options.begins != NULL)
			join(m, &line);
		else
			m->emit(&line, m->ctx);
	}
	if (m->lines > 0)
		m->due_ms = now_ms + m->options.timeout_ms;
}

const struct event *
multiline_waiting(const struct multiline *m)
{
	return m->lines > 0 ? &m->event : NULL;
}

void
multiline_flush(struct multiline *m)
{
	finish(m, NULL, 0);
}

int64_t
multiline_due(const struct multiline *m)
{
	return m->due_ms;
}

void
multiline_tick(struct multiline *m, int64_t now_ms)
{
	if (now_ms >= m->due_ms)
		multiline_flush(m);
}

bool
multiline_pending(const struct multiline *m, int64_t *offset, int64_t *line)
{
	if (m->lines == 0)
		return false;
	*offset = m->event.offset;
	*line = m->event.line;
	return true;
}
