/* SPDX-License-Identifier: MIT */
/*
 * From a byte of a scalar's text back to where it was written, through quotes,
 * escapes, folding and indentation.
 */
#include "conf/tree.h"

#include "base/utf8.h"

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The leading blanks of the first line that has more than blanks. */
static size_t
indent_of(struct text text)
{
	size_t indent = 0;

	for (size_t i = 0; i < text.len && is_blank(text.data[i]); i++)
		indent = text.data[i] == ' ' ? indent + 1 : 0;
	return indent;
}

/* A scalar as written, walked beside what YAML made of it. */
struct walk {
	enum style style;
	struct text source, raw;
	size_t at, done; /* bytes passed of either */
	size_t indent;   /* of a block's lines, not part of it */
};

static struct walk
walk_begin(const struct node *n)
{
	struct walk w = { .style = n->style, .raw = n->raw };
	struct text body;
	size_t outer, inner;

	w.source =
	    (struct text){ n->doc->content.data + n->from, n->to - n->from };
	if (n->style == STYLE_SINGLE || n->style == STYLE_DOUBLE)
		w.at = 1;
	if (n->style != STYLE_BLOCK)
		return w;
	while (w.at < w.source.len && w.source.data[w.at] != '\n')
		w.at++;
	body = (struct text){ w.source.data + w.at, w.source.len - w.at };
	outer = indent_of(body);
	inner = indent_of(n->raw);
	w.indent = outer > inner ? outer - inner : 0;
	return w;
}

/* Over a line's end, and the indentation behind it. */
static void
walk_newline(struct walk *w)
{
	w->at++;
	for (size_t i = 0; i < w->indent && w->at < w->source.len &&
			   w->source.data[w->at] == ' ';
	     i++)
		w->at++;
}

/* Over an escape in double quotes, which is one character or a line's end. */
static void
walk_escape(struct walk *w)
{
	char kind = w->source.data[w->at + 1]; /* NUL behind the file */
	struct text rest = { w->raw.data + w->done, w->raw.len - w->done };

	w->at += kind == 'x' ? 4 : kind == 'u' ? 6 : kind == 'U' ? 10 : 2;
	if (kind != '\n' && kind != '\r')
		w->done += utf8_next(rest).len;
}

/*
 * Over one character.  Where folding made the two differ, blanks are passed on
 * one side until they agree again.
 */
static void
walk_step(struct walk *w)
{
	char c = w->source.data[w->at];
	bool same = c == w->raw.data[w->done];

	if (w->style == STYLE_DOUBLE && c == '\\') {
		walk_escape(w);
		return;
	}
	if (same || !is_blank(c))
		w->done++;
	if (w->style == STYLE_SINGLE && c == '\'')
		w->at += 2;
	else if (c == '\n')
		walk_newline(w);
	else if (same || is_blank(c))
		w->at++;
}

/* Over what stands before a character without being part of the text. */
static void
walk_settle(struct walk *w, size_t offset)
{
	while (offset < w->raw.len && w->at + 1 < w->source.len) {
		const char *c = w->source.data + w->at;

		if (w->style == STYLE_DOUBLE && c[0] == '\\' &&
		    (c[1] == '\n' || c[1] == '\r'))
			w->at += 2;
		else if (is_blank(c[0]) && c[0] != w->raw.data[offset])
			w->at++;
		else
			break;
	}
}

size_t
node_source(const struct node *n, size_t offset)
{
	struct walk w = walk_begin(n);
	size_t before = w.at;

	if (w.style == STYLE_BLOCK && w.at < w.source.len)
		walk_newline(&w);
	while (w.done < offset && w.at < w.source.len) {
		before = w.at;
		walk_step(&w);
	}
	if (w.done > offset)
		w.at = before; /* inside what an escape stands for */
	walk_settle(&w, offset);
	return n->from + (w.at < w.source.len ? w.at : w.source.len);
}
