/* SPDX-License-Identifier: MIT */
/*
 * The tree of a file: its memory, the ways through it, faults at its nodes.
 */
#include "conf/tree.h"

#include "base/mem.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_BYTES 16384
#define HINTS_MAX 100 /* faults, past which no more are suggested */

struct chunk {
	struct chunk *next;
	size_t used, size;
	max_align_t data[];
};

void *
doc_alloc(struct doc *doc, size_t count, size_t size)
{
	size_t unit = sizeof(max_align_t);
	size_t need = (count * size + unit - 1) / unit * unit;
	struct chunk *c = doc->chunks;

	if (c == NULL || c->size - c->used < need) {
		size_t room = need > CHUNK_BYTES ? need : CHUNK_BYTES;

		c = mem_new(1, sizeof *c + room);
		c->size = room;
		c->next = doc->chunks;
		doc->chunks = c;
	}
	c->used += need;
	return (char *)c->data + c->used - need;
}

struct text
doc_copy(struct doc *doc, struct text text)
{
	char *copy = doc_alloc(doc, text.len + 1, 1);

	if (text.len > 0)
		memcpy(copy, text.data, text.len);
	return (struct text){ copy, text.len };
}

char *
text_format(const char *format, va_list args)
{
	char *text = NULL;

	return mem_check(vasprintf(&text, format, args) < 0 ? NULL : text);
}

void
doc_error(struct doc *doc, size_t offset, const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	text = text_format(format, args);
	va_end(args);
	diag_error(
	    doc->diag, diag_place(doc->diag, doc->file, offset), "%s", text);
	free(text);
}

void
doc_free(struct doc *doc)
{
	if (doc == NULL)
		return;
	while (doc->chunks != NULL) {
		struct chunk *next = doc->chunks->next;

		free(doc->chunks);
		doc->chunks = next;
	}
	free(doc);
}

const struct node *
doc_root(const struct doc *doc)
{
	return doc->root;
}

enum node_kind
node_kind(const struct node *n)
{
	return n->kind;
}

bool
node_is_null(const struct node *n)
{
	static const char *const words[] = { "", "~", "null", "Null", "NULL" };

	if (n->kind != NODE_SCALAR || n->style != STYLE_PLAIN)
		return false;
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (text_is(n->raw, words[i]))
			return true;
	return false;
}

const char *
node_kind_name(const struct node *n)
{
	switch (n->kind) {
	case NODE_LIST:
		return "a list";
	case NODE_MAP:
		return "a map";
	case NODE_SCALAR:
		break;
	}
	return node_is_null(n) ? "nothing" : "text";
}

struct place
node_place(const struct node *n)
{
	return diag_place(n->doc->diag, n->doc->file, n->from);
}

void
node_error(const struct node *n, const char *format, ...)
{
	va_list args;
	char *text;

	if (n->bad)
		return;
	va_start(args, format);
	text = text_format(format, args);
	va_end(args);
	diag_error(n->doc->diag, node_place(n), "%s", text);
	free(text);
}

void
node_warning(const struct node *n, const char *format, ...)
{
	va_list args;
	char *text;

	if (n->bad)
		return;
	va_start(args, format);
	text = text_format(format, args);
	va_end(args);
	diag_warning(n->doc->diag, node_place(n), "%s", text);
	free(text);
}

static void __attribute__((format(printf, 3, 0)))
error_at(const struct node *n, size_t offset, const char *format, va_list args)
{
	char *text;

	if (n->bad)
		return;
	if (n->kind == NODE_SCALAR && offset > n->raw.len)
		offset = n->raw.len;
	/* The end of a block's text is its last line's, not the next key. */
	if (n->style == STYLE_BLOCK && offset == n->raw.len)
		while (offset > 0 && n->raw.data[offset - 1] == '\n')
			offset--;
	text = text_format(format, args);
	doc_error(n->doc,
	    n->kind == NODE_SCALAR ? node_source(n, offset) : n->from, "%s",
	    text);
	free(text);
}

void
node_error_at(const struct node *n, size_t offset, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	error_at(n, offset, format, args);
	va_end(args);
}

const char *
node_suggest(const struct node *n, const char *word,
    const char *const *candidates, size_t count)
{
	if (diag_errors(n->doc->diag) > HINTS_MAX)
		return NULL;
	return diag_suggest(word, candidates, count);
}

size_t
node_count(const struct node *n)
{
	return n != NULL ? n->count : 0;
}

const struct node *
node_at(const struct node *n, size_t i)
{
	assert(i < n->count);
	return n->values[i];
}

const struct node *
node_key(const struct node *n, size_t i)
{
	assert(n->kind == NODE_MAP && i < n->count);
	return n->keys[i];
}

const char *
node_key_name(const struct node *n, size_t i)
{
	return node_key(n, i)->raw.data;
}

const struct node *
node_get(const struct node *map, const char *key)
{
	if (map == NULL || map->kind != NODE_MAP)
		return NULL;
	for (size_t i = 0; i < map->count; i++)
		if (text_is(map->keys[i]->raw, key))
			return map->values[i];
	return NULL;
}

bool
node_is_plain(const struct node *n)
{
	return n->kind == NODE_SCALAR && n->style == STYLE_PLAIN;
}

bool
node_is_cut(const struct node *n)
{
	struct text content = n->doc->content;
	size_t at = n->to;

	while (at < content.len && strchr(" \t", content.data[at]) != NULL)
		at++;
	return node_is_plain(n) && at > n->to && at < content.len &&
	       content.data[at] == '#';
}
