/* SPDX-License-Identifier: MIT */
#include "match/messages.h"

#include "base/mem.h"
#include "base/utf8.h"
#include "event/event.h"
#include "event/object.h"
#include "tail/block.h"

#include <string.h>

struct messages {
	const char *field;
	bool strip;
	struct str text, clean;
	struct message *v;
	size_t count, capacity;
};

struct messages *
messages_new(const char *message, bool strip)
{
	struct messages *ms = mem_new(1, sizeof *ms);

	ms->field = message;
	ms->strip = strip;
	return ms;
}

void
messages_free(struct messages *ms)
{
	if (ms == NULL)
		return;
	str_free(&ms->text);
	str_free(&ms->clean);
	free(ms->v);
	free(ms);
}

static void
add(struct messages *ms, const struct block *block, struct text line)
{
	size_t from = (size_t)(line.data - block->data);
	struct text value;

	if (block->offset + (int64_t)from == 0) {
		size_t bom = utf8_bom(line);

		line.data += bom;
		line.len -= bom;
	}
	if (ms->count == ms->capacity) {
		ms->capacity = ms->capacity ? ms->capacity * 2 : 1024;
		ms->v = mem_resize(ms->v, ms->capacity, sizeof *ms->v);
	}
	ms->v[ms->count++] = (struct message){
		.raw = from,
		.line = line,
		.text = ms->text.len,
	};
	if (object_read(
		event_clean(line, ms->strip, &ms->clean), ms->field, &value))
		object_value(value, &ms->text);
	else
		str_add_text(&ms->text, line);
	str_putc(&ms->text, '\n');
}

void
messages_read(struct messages *ms, const struct block *block)
{
	const char *p = block->data, *end = p + block->len;

	ms->count = 0;
	str_clear(&ms->text);
	while (p < end) {
		const char *stop = memchr(p, '\n', (size_t)(end - p));

		if (stop == NULL)
			stop = end;
		add(ms, block, (struct text){ p, (size_t)(stop - p) });
		p = stop + 1;
	}
}

struct text
messages_text(const struct messages *ms)
{
	return str_text(&ms->text);
}

const struct message *
messages_list(const struct messages *ms, size_t *count)
{
	*count = ms->count;
	return ms->v;
}
