/* SPDX-License-Identifier: MIT */
/*
 * From libyaml's events to a tree that knows where it was written.
 */
#include "conf/tree.h"

#include "base/mem.h"
#include "base/utf8.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <search.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml.h>

#define DEPTH_MAX 64
#define NODES_MAX 100000
#define TEXT_MAX_BYTES (16 * 1024 * 1024) /* of all scalars together */

/*
 * What libyaml's scanner and parser say, in the words of who writes a rule
 * file.
 */
static const struct problem {
	const char *problem;
	const char *context; /* how libyaml's context ends; NULL: any */
	bool at_context;     /* the place is where the context began */
	const char *text;
	const char *origin; /* what began at the context, where it helps */
} problems[] = {
	{ "mapping values are not allowed in this context", NULL, false,
	    "':' cannot stand here (quote text that holds ': ', and look at "
	    "the indentation)",
	    NULL },
	{ "did not find expected key", NULL, false,
	    "expected a key (look at the indentation and the quotes)",
	    "the map" },
	{ "did not find expected '-' indicator", NULL, false,
	    "expected '- ' (look at the indentation and the quotes)",
	    "the list" },
	{ "did not find expected ',' or ']'", NULL, false,
	    "expected ',' or ']'", "the list" },
	{ "did not find expected ',' or '}'", NULL, false,
	    "expected ',' or '}'", "the map" },
	{ "could not find expected ':'", NULL, true,
	    "expected ':' and a value behind this key", NULL },
	{ "found unexpected end of stream", "quoted scalar", true,
	    "the quote is never closed", NULL },
	{ "found unexpected document indicator", "quoted scalar", true,
	    "the quote is not closed before the document ends", NULL },
	{ "found a tab character that violates indentation", NULL, false,
	    "a tab cannot indent (use blanks)", NULL },
	{ "found a tab character where an indentation space is expected", NULL,
	    false, "a tab cannot indent (use blanks)", NULL },
	{ "block sequence entries are not allowed in this context", NULL, false,
	    "'- ' cannot begin a list here (put it on a line of its own)",
	    NULL },
	{ "mapping keys are not allowed in this context", NULL, false,
	    "'? ' cannot stand here (quote text that begins with it)", NULL },
	{ "did not find expected alphabetic or numeric character", "alias",
	    true, "text cannot begin with '*' (quote it)", NULL },
	{ "did not find expected alphabetic or numeric character", "anchor",
	    true, "text cannot begin with '&' (quote it)", NULL },
	{ "did not find expected comment or line break", "block scalar", false,
	    "a block begins on the line below '|' or '>' (quote text that "
	    "begins with them)",
	    NULL },
	{ "found unexpected ':'", NULL, false,
	    "':' cannot stand here (quote text that holds it)", NULL },
	{ "did not find expected node content", NULL, false, "expected a value",
	    NULL },
	{ "did not find expected <document start>", NULL, false,
	    "expected '---' behind the directives", NULL },
	{ "found undefined tag handle", NULL, true,
	    "text cannot begin with '!' (quote it)", NULL },
	{ "did not find expected whitespace or line break", "a tag", true,
	    "text cannot begin with '!' (quote it)", NULL },
	{ "did not find expected tag URI", NULL, true,
	    "text cannot begin with '!' (quote it)", NULL },
	{ "found unknown directive name", NULL, true,
	    "text cannot begin with '%' (quote it)", NULL },
	{ "found unexpected non-alphabetical character", NULL, true,
	    "text cannot begin with '%' (quote it)", NULL },
	{ "could not find expected directive name", NULL, true,
	    "text cannot begin with '%' (quote it)", NULL },
	{ "found incompatible YAML document", NULL, false,
	    "only YAML 1.1 and 1.2 are known", NULL },
	{ "found invalid Unicode character escape code", NULL, false,
	    "there is no such character", NULL },
};

struct reader {
	struct doc *doc;
	yaml_parser_t parser;
	void *anchors; /* of tsearch(3): struct anchor by name */
	size_t size, bytes;
	bool stopped; /* by a fault that leaves nothing to read */
};

/* The byte of a place in libyaml's words. */
static size_t
mark_offset(const struct reader *r, yaml_mark_t mark)
{
	return diag_offset(r->doc->diag, r->doc->file, mark.index);
}

static bool
ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), end_len = strlen(end);

	return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

static const struct problem *
problem_find(const char *problem, const char *context)
{
	for (size_t i = 0; i < sizeof problems / sizeof *problems; i++) {
		const struct problem *known = &problems[i];

		if (strcmp(problem, known->problem) == 0 &&
		    (known->context == NULL ||
			ends_with(context, known->context)))
			return known;
	}
	return NULL;
}

/*
 * The double-quoted scalar that opens at a byte as it would be in single
 * quotes; false where it does not end on its line.
 */
static bool
single_quoted(struct text content, size_t open, struct str *out)
{
	str_putc(out, '\'');
	for (size_t i = open + 1; i < content.len; i++) {
		char c = content.data[i];
		char next = content.data[i + 1]; /* NUL behind the last */

		if (c == '\n' || c == '\r' || out->len > 2 * SHOWN_MAX)
			return false;
		if (c == '"') {
			str_putc(out, '\'');
			return true;
		}
		if (c == '\\' && (next == '"' || next == '\\'))
			c = content.data[++i];
		else if (c == '\\' && next != '\n' && next != '\r') {
			str_putc(out, c);
			c = content.data[++i];
		}
		str_puts(out, c == '\'' ? "'" : "");
		str_putc(out, c);
	}
	return false;
}

/* An escape that double quotes do not have: most often one of a pattern. */
static void
escape_fault(struct reader *r)
{
	struct doc *doc = r->doc;
	size_t at = mark_offset(r, r->parser.problem_mark);
	size_t open = mark_offset(r, r->parser.context_mark);
	struct str form = { 0 };
	size_t len = 1;

	while (at > open && doc->content.data[at] != '\\')
		at--; /* libyaml is at the digits of \x */
	if (at + 1 < doc->content.len)
		len += utf8_next((struct text){ doc->content.data + at + 1,
				     doc->content.len - at - 1 })
		           .len;
	if (!single_quoted(doc->content, open, &form))
		str_clear(&form);
	doc_error(doc, at,
	    "'%.*s' is no escape in double quotes (a pattern is best "
	    "written in single quotes%s%s)",
	    (int)len, doc->content.data + at, form.len > 0 ? ": " : "",
	    form.len > 0 ? form.data : "");
	str_free(&form);
}

/* A character that nothing can begin with. */
static void
start_fault(struct reader *r)
{
	size_t at = mark_offset(r, r->parser.problem_mark);
	char c = r->doc->content.data[at];

	if (c == '\t')
		doc_error(r->doc, at, "a tab cannot indent (use blanks)");
	else
		doc_error(
		    r->doc, at, "text cannot begin with '%c' (quote it)", c);
}

static void
known_fault(struct reader *r, const struct problem *known)
{
	yaml_mark_t problem = r->parser.problem_mark;
	yaml_mark_t context = r->parser.context_mark;
	size_t origin = mark_offset(r, context);
	size_t at = known->at_context ? origin : mark_offset(r, problem);

	if (known->origin == NULL) {
		doc_error(r->doc, at, "%s", known->text);
		return;
	}
	doc_error(r->doc, at, "%s; %s begins on line %u", known->text,
	    known->origin, diag_place(r->doc->diag, r->doc->file, origin).line);
}

/* libyaml cannot go on: the one fault that says why. */
static void
syntax_fault(struct reader *r)
{
	const yaml_parser_t *p = &r->parser;
	const char *problem = p->problem != NULL ? p->problem : "not readable";
	const char *context = p->context != NULL ? p->context : "as YAML";
	const struct problem *known = problem_find(problem, context);

	r->stopped = true;
	if (p->error == YAML_MEMORY_ERROR)
		mem_check(NULL);
	if (known != NULL)
		known_fault(r, known);
	else if (strcmp(problem, "found unknown escape character") == 0 ||
		 strcmp(problem, "did not find expected hexdecimal number") ==
		     0)
		escape_fault(r);
	else if (strcmp(problem,
		     "found character that cannot start any token") == 0)
		start_fault(r);
	else
		doc_error(r->doc, mark_offset(r, p->problem_mark), "%s %s",
		    problem, context);
}

/* The next event; false where there is none for a fault. */
static bool
event_next(struct reader *r, yaml_event_t *event)
{
	if (r->stopped)
		return false;
	if (yaml_parser_parse(&r->parser, event))
		return true;
	syntax_fault(r);
	return false;
}

static void __attribute__((format(printf, 3, 4)))
reader_stop(struct reader *r, size_t offset, const char *format, ...)
{
	va_list args;
	char *text;

	r->stopped = true;
	va_start(args, format);
	text = text_format(format, args);
	va_end(args);
	doc_error(r->doc, offset, "%s", text);
	free(text);
}

/*
 * Counts what a node adds to the document before it is added, so that aliases
 * of aliases cannot make it large.
 */
static void
reader_count(struct reader *r, const struct node *n, size_t at)
{
	r->size += n->size;
	r->bytes += n->bytes;
	if (r->size > NODES_MAX)
		reader_stop(r, at,
		    "more than 100,000 nodes (an alias counts as what it "
		    "stands for)");
	else if (r->bytes > TEXT_MAX_BYTES)
		reader_stop(r, at,
		    "more than 16 MiB of text (an alias counts as what it "
		    "stands for)");
}

struct anchor {
	const char *name;
	struct node *node;
};

static int
anchor_compare(const void *a, const void *b)
{
	const struct anchor *x = a, *y = b;

	return strcmp(x->name, y->name);
}

/* A name that is there already means the new node from here on. */
static void
anchor_add(struct reader *r, const yaml_char_t *name, struct node *n)
{
	struct anchor *a;
	struct anchor **place;

	if (name == NULL)
		return;
	a = doc_alloc(r->doc, 1, sizeof *a);
	a->name = doc_copy(r->doc, text_of((const char *)name)).data;
	place = mem_check(tsearch(a, &r->anchors, anchor_compare));
	(*place)->node = n;
}

static struct node *
anchor_find(struct reader *r, const yaml_char_t *name)
{
	struct anchor wanted = { (const char *)name, NULL };
	struct anchor **place = tfind(&wanted, &r->anchors, anchor_compare);

	return place == NULL ? NULL : (*place)->node;
}

static void
anchor_keep(void *anchor)
{
	(void)anchor; /* the document's memory */
}

static struct node *
node_new(struct reader *r, enum node_kind kind, const char *name)
{
	struct node *n = doc_alloc(r->doc, 1, sizeof *n);

	n->doc = r->doc;
	n->kind = kind;
	n->name = name;
	n->size = 1;
	return n;
}

/* Where a node itself begins, behind its anchor and tag. */
static size_t
properties_skip(struct text content, size_t at, size_t end)
{
	while (at < end && strchr("&!", content.data[at]) != NULL) {
		while (at < end && !strchr(" \t\r\n", content.data[at]))
			at++;
		while (at < end && strchr(" \t\r\n#", content.data[at])) {
			bool comment = content.data[at] == '#';

			while (comment && at < end &&
			       !strchr("\r\n", content.data[at]))
				at++;
			at += !comment;
		}
	}
	return at;
}

static void
node_span(struct reader *r, struct node *n, const yaml_event_t *event,
    bool properties)
{
	struct text content = r->doc->content;

	n->from = mark_offset(r, event->start_mark);
	n->to = mark_offset(r, event->end_mark);
	if (properties)
		n->from = properties_skip(content, n->from,
		    n->kind == NODE_SCALAR ? n->to : content.len);
}

/* Only the tags of what the node is anyway. */
static void
tag_check(
    struct reader *r, const struct node *n, const yaml_char_t *tag, size_t at)
{
	static const char prefix[] = "tag:yaml.org,2002:";
	static const char *const scalars[] = { "str", "int", "float", "bool",
		"null" };
	const char *name = (const char *)tag;
	bool standard;

	if (tag == NULL || strcmp(name, "!") == 0)
		return;
	standard = strncmp(name, prefix, strlen(prefix)) == 0;
	if (standard)
		name += strlen(prefix);
	if (standard && n->kind == NODE_LIST && strcmp(name, "seq") == 0)
		return;
	if (standard && n->kind == NODE_MAP && strcmp(name, "map") == 0)
		return;
	for (size_t i = 0; i < sizeof scalars / sizeof *scalars; i++)
		if (standard && n->kind == NODE_SCALAR &&
		    strcmp(name, scalars[i]) == 0)
			return;
	doc_error(r->doc, at, "the tag '%s%.60s' is not supported (%s)",
	    standard ? "!!" : "", name,
	    strcmp(name, "!include") == 0
		? "name the file under 'include', at the top"
		: "leave it out");
}

static enum style
style_of(yaml_scalar_style_t style)
{
	switch (style) {
	case YAML_SINGLE_QUOTED_SCALAR_STYLE:
		return STYLE_SINGLE;
	case YAML_DOUBLE_QUOTED_SCALAR_STYLE:
		return STYLE_DOUBLE;
	case YAML_LITERAL_SCALAR_STYLE:
	case YAML_FOLDED_SCALAR_STYLE:
		return STYLE_BLOCK;
	case YAML_ANY_SCALAR_STYLE:
	case YAML_PLAIN_SCALAR_STYLE:
		break;
	}
	return STYLE_PLAIN;
}

static struct node *
scalar_read(struct reader *r, const yaml_event_t *event, const char *name)
{
	struct node *n = node_new(r, NODE_SCALAR, name);
	const yaml_char_t *anchor = event->data.scalar.anchor;
	const yaml_char_t *tag = event->data.scalar.tag;

	n->style = style_of(event->data.scalar.style);
	n->raw = doc_copy(
	    r->doc, (struct text){ (const char *)event->data.scalar.value,
			event->data.scalar.length });
	n->bytes = n->raw.len;
	node_span(r, n, event, anchor != NULL || tag != NULL);
	tag_check(r, n, tag, mark_offset(r, event->start_mark));
	anchor_add(r, anchor, n);
	reader_count(r, n, n->from);
	return n;
}

/* A node of its own that shares what is below it with the anchored one. */
static struct node *
alias_read(struct reader *r, const yaml_event_t *event, const char *name,
    unsigned depth)
{
	const yaml_char_t *anchor = event->data.alias.anchor;
	size_t at = mark_offset(r, event->start_mark);
	struct node *target = anchor_find(r, anchor);
	struct node *n = node_new(r, NODE_SCALAR, name);

	if (target == NULL) {
		doc_error(r->doc, at,
		    "no anchor '&%.60s' above (quote text that begins with "
		    "'*')",
		    (const char *)anchor);
		n->bad = true;
		n->from = n->to = at;
		n->raw = TEXT("");
		return n;
	}
	if (target->open) {
		reader_stop(r, at,
		    "the alias '*%.60s' stands inside what it stands for",
		    (const char *)anchor);
		return NULL;
	}
	if (depth - 1 + target->height > DEPTH_MAX) {
		reader_stop(r, at, "more than %d levels", DEPTH_MAX);
		return NULL;
	}
	*n = *target;
	n->name = name;
	reader_count(r, n, at);
	return n;
}

static struct node *node_read(struct reader *r, const yaml_event_t *event,
    const char *name, unsigned depth);

/* Reads the next node, or NULL at end or after a fault. */
static struct node *
next_read(struct reader *r, yaml_event_type_t end, const char *name,
    unsigned depth, size_t *to)
{
	yaml_event_t event;
	struct node *n = NULL;

	if (!event_next(r, &event))
		return NULL;
	if (event.type == end)
		*to = mark_offset(r, event.end_mark);
	else
		n = node_read(r, &event, name, depth);
	yaml_event_delete(&event);
	return r->stopped ? NULL : n;
}

/* Reads a list or map after its first event was. */
static struct node *
collection_begin(struct reader *r, struct node *n, const yaml_event_t *event,
    const yaml_char_t *anchor, const yaml_char_t *tag, unsigned depth)
{
	node_span(r, n, event, anchor != NULL || tag != NULL);
	n->open = true;
	n->height = 1;
	if (depth > DEPTH_MAX) {
		reader_stop(r, n->from, "more than %d levels", DEPTH_MAX);
		return NULL;
	}
	tag_check(r, n, tag, mark_offset(r, event->start_mark));
	anchor_add(r, anchor, n);
	reader_count(r, n, n->from);
	return r->stopped ? NULL : n;
}

/* What a node is with a child more. */
static void
child_count(struct node *n, const struct node *child)
{
	n->size += child->size;
	n->bytes += child->bytes;
	if (child->height >= n->height)
		n->height = child->height + 1;
}

/* Keys and values while they are read; a list has no keys. */
struct member {
	struct node *key, *value;
};
struct members {
	struct member *at;
	size_t count, room;
};

static void
members_add(struct members *ms, struct node *key, struct node *value)
{
	if (ms->count == ms->room) {
		ms->room = ms->room * 2 + 8;
		ms->at = mem_resize(ms->at, ms->room, sizeof *ms->at);
	}
	ms->at[ms->count++] = (struct member){ key, value };
}

/* Hands over what was read to the node. */
static struct node *
collection_end(struct reader *r, struct node *n, struct members *ms)
{
	n->values = doc_alloc(r->doc, ms->count, sizeof *n->values);
	n->keys = doc_alloc(r->doc, ms->count, sizeof *n->keys);
	for (size_t i = 0; i < ms->count; i++) {
		if (ms->at[i].value == NULL)
			continue;
		n->keys[n->count] = ms->at[i].key;
		n->values[n->count] = ms->at[i].value;
		n->count++;
		if (n->kind == NODE_MAP)
			child_count(n, ms->at[i].key);
		child_count(n, ms->at[i].value);
	}
	n->open = false;
	free(ms->at);
	return r->stopped ? NULL : n;
}

static struct node *
list_read(struct reader *r, const yaml_event_t *event, const char *name,
    unsigned depth)
{
	struct node *n = node_new(r, NODE_LIST, name);
	struct members ms = { 0 };
	struct node *item;

	if (collection_begin(r, n, event, event->data.sequence_start.anchor,
		event->data.sequence_start.tag, depth) == NULL)
		return NULL;
	while ((item = next_read(r, YAML_SEQUENCE_END_EVENT, name, depth + 1,
		    &n->to)) != NULL)
		members_add(&ms, NULL, item);
	return collection_end(r, n, &ms);
}

/* Characters that look like blanks, as they are pasted or typed. */
static bool
begins_with_no_blank(struct text key)
{
	static const char *const no_blanks[] = { "\xc2\xa0", "\xe3\x80\x80" };

	for (size_t i = 0; i < sizeof no_blanks / sizeof *no_blanks; i++)
		if (strncmp(key.data, no_blanks[i], strlen(no_blanks[i])) == 0)
			return true;
	return false;
}

/* Whether a node may be a key; a fault where it may not. */
static bool
key_check(struct reader *r, const struct node *key)
{
	if (key->bad)
		return false;
	if (key->kind != NODE_SCALAR)
		doc_error(r->doc, key->from, "a key must be text, not %s%s",
		    node_kind_name(key),
		    key->kind == NODE_MAP && key->from > 0 &&
			    r->doc->content.data[key->from - 1] == '{'
			? " (quote text that begins with '{{')"
			: "");
	else if (memchr(key->raw.data, '\0', key->raw.len) != NULL)
		doc_error(r->doc, key->from, "a key cannot hold NUL");
	else if (key->raw.len == 0)
		doc_error(r->doc, key->from, "a key cannot be empty");
	else if (key->style == STYLE_PLAIN && begins_with_no_blank(key->raw))
		doc_error(r->doc, key->from,
		    "a wide or no-break blank cannot indent (use blanks)");
	else if (key->style == STYLE_PLAIN && text_is(key->raw, "<<"))
		doc_error(r->doc, key->from,
		    "'<<' (merge) is not supported: write the keys out");
	else
		return true;
	return false;
}

/* By key, then in the order of the file. */
static int
member_compare(const void *a, const void *b)
{
	const struct member *const *x = a, *const *y = b;
	int order = strcmp((*x)->key->raw.data, (*y)->key->raw.data);

	return order != 0 ? order : *x < *y ? -1 : *x > *y;
}

static void
duplicate_fault(
    struct reader *r, const struct node *first, const struct node *second)
{
	struct place at = diag_place(r->doc->diag, r->doc->file, first->from);
	struct text shown = utf8_head(second->raw, SHOWN_MAX);

	doc_error(r->doc, second->from,
	    "key '%.*s' is there twice (first on line %u)", (int)shown.len,
	    shown.data, at.line);
}

/* Takes out all but the first entry of each key. */
static void
duplicates_drop(struct reader *r, struct members *ms)
{
	struct member **sorted = mem_new(ms->count, sizeof(struct member *));
	size_t first = 0;

	for (size_t i = 0; i < ms->count; i++)
		sorted[i] = &ms->at[i];
	qsort(sorted, ms->count, sizeof *sorted, member_compare);
	for (size_t i = 1; i < ms->count; i++) {
		if (!text_equal(sorted[first]->key->raw, sorted[i]->key->raw)) {
			first = i;
			continue;
		}
		duplicate_fault(r, sorted[first]->key, sorted[i]->key);
		sorted[i]->value = NULL;
	}
	free(sorted);
}

static struct node *
map_read(struct reader *r, const yaml_event_t *event, const char *name,
    unsigned depth)
{
	struct node *n = node_new(r, NODE_MAP, name);
	struct members ms = { 0 };
	struct node *key;

	if (collection_begin(r, n, event, event->data.mapping_start.anchor,
		event->data.mapping_start.tag, depth) == NULL)
		return NULL;
	while ((key = next_read(r, YAML_MAPPING_END_EVENT, NULL, depth + 1,
		    &n->to)) != NULL) {
		bool good = key_check(r, key);
		struct node *value = next_read(r, YAML_NO_EVENT,
		    good ? key->raw.data : NULL, depth + 1, &n->to);

		if (value != NULL && good)
			members_add(&ms, key, value);
	}
	duplicates_drop(r, &ms);
	return collection_end(r, n, &ms);
}

/* The node that begins with an event; NULL where the reader stopped. */
static struct node *
node_read(struct reader *r, const yaml_event_t *event, const char *name,
    unsigned depth)
{
	switch (event->type) {
	case YAML_SCALAR_EVENT:
		return scalar_read(r, event, name);
	case YAML_ALIAS_EVENT:
		return alias_read(r, event, name, depth);
	case YAML_SEQUENCE_START_EVENT:
		return list_read(r, event, name, depth);
	case YAML_MAPPING_START_EVENT:
		return map_read(r, event, name, depth);
	default:
		break;
	}
	assert(!"an event that begins no node");
	return NULL;
}

/*
 * Looks by itself behind the document: libyaml reads all directives of a
 * second one at once, in a time that grows with their square.
 */
static void
rest_check(struct reader *r, size_t at, bool explicit)
{
	struct text content = r->doc->content;

	while (at < content.len) {
		size_t left = content.len - at;
		const char *p = content.data + at;

		if (*p == '#')
			while (at < content.len && content.data[at] != '\n')
				at++;
		else if (strchr(" \t\r\n", *p) != NULL)
			at++;
		else if (left >= 3 && memcmp(p, "...", 3) == 0)
			at += 3, explicit = true;
		else
			break;
	}
	if (at == content.len)
		return;
	if (explicit || strchr("-%", content.data[at]) != NULL)
		reader_stop(
		    r, at, "a second document begins here (a file holds one)");
	else
		reader_stop(
		    r, at, "expected nothing more (look at the indentation)");
}

static void
document_read(struct reader *r)
{
	yaml_event_t event;
	struct node *root = NULL;
	size_t end = 0;

	if (!event_next(r, &event)) /* the start of the stream */
		return;
	yaml_event_delete(&event);
	if (!event_next(r, &event))
		return;
	if (event.type == YAML_DOCUMENT_START_EVENT)
		root = next_read(r, YAML_NO_EVENT, NULL, 1, &end);
	yaml_event_delete(&event);
	if (r->stopped || (root != NULL && root->bad))
		return;
	if (root == NULL || node_is_null(root)) {
		reader_stop(r, 0, "the file holds nothing");
		return;
	}
	if (!event_next(r, &event)) /* the end of the document */
		return;
	rest_check(r, mark_offset(r, event.end_mark),
	    !event.data.document_end.implicit);
	yaml_event_delete(&event);
	if (!r->stopped)
		r->doc->root = root;
}

/* What libyaml's reader would refuse, and NUL, with a place. */
static bool
character_fault(struct doc *doc, size_t at, struct utf8_char c)
{
	unsigned char byte = (unsigned char)doc->content.data[at];

	if (!c.valid)
		doc_error(doc, at,
		    "the byte 0x%02X is no UTF-8 (save the file as UTF-8)",
		    byte);
	else if (c.code == 0)
		doc_error(
		    doc, at, "a NUL byte (save the file as text in UTF-8)");
	else if ((c.code < 0x20 && strchr("\t\r\n", byte) == NULL) ||
		 (c.code >= 0x7f && c.code < 0xa0 && c.code != 0x85) ||
		 c.code == 0xfeff || c.code == 0xfffe || c.code == 0xffff)
		doc_error(doc, at,
		    "the character U+%04X cannot stand in YAML (in a pattern "
		    "write \\x{%x})",
		    c.code, c.code);
	else
		return false;
	return true;
}

static bool
characters_check(struct doc *doc)
{
	struct text rest = doc->content;

	if (rest.len >= 2 && (memcmp(rest.data, "\xff\xfe", 2) == 0 ||
				 memcmp(rest.data, "\xfe\xff", 2) == 0)) {
		doc_error(doc, 0, "the file is UTF-16 (save it as UTF-8)");
		return false;
	}
	while (rest.len > 0) {
		struct utf8_char c = utf8_next(rest);

		if (character_fault(
			doc, (size_t)(rest.data - doc->content.data), c))
			return false;
		rest = (struct text){ rest.data + c.len, rest.len - c.len };
	}
	return true;
}

/*
 * %TAG stands before the document only; libyaml compares each with all before
 * it, and no tag needs one.
 */
static bool
directives_check(struct doc *doc)
{
	struct text content = doc->content;
	size_t at = 0;

	while (at < content.len && strchr(" \t\r\n#%", content.data[at])) {
		bool line = strchr("#%", content.data[at]) != NULL;

		if (content.len - at > 4 &&
		    memcmp(content.data + at, "%TAG", 4) == 0) {
			doc_error(doc, at, "%%TAG is not supported");
			return false;
		}
		while (line && at < content.len &&
		       !strchr("\r\n", content.data[at]))
			at++;
		at += !line;
	}
	return true;
}

static void
doc_fill(struct doc *doc)
{
	struct reader r = { .doc = doc };

	if (!yaml_parser_initialize(&r.parser))
		mem_check(NULL);
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r.parser,
	    (const unsigned char *)doc->content.data, doc->content.len);
	document_read(&r);
	yaml_parser_delete(&r.parser);
	tdestroy(r.anchors, anchor_keep);
}

struct doc *
doc_parse(const char *name, struct text content, struct diag *diag)
{
	struct doc *doc = mem_new(1, sizeof *doc);
	bool large = content.len > FILE_MAX_BYTES;

	if (content.len >= 3 && memcmp(content.data, "\xef\xbb\xbf", 3) == 0)
		content = (struct text){ content.data + 3, content.len - 3 };
	if (large)
		content.len = 0;
	doc->diag = diag;
	doc->content = doc_copy(doc, content);
	doc->file = diag_file(diag, name, content);
	if (large)
		diag_error(diag, (struct place){ doc->file, 0, 0 },
		    "the file is larger than 1 MiB");
	else if (characters_check(doc) && directives_check(doc))
		doc_fill(doc);
	return doc;
}

/* Reads what is no more than a byte too long. */
static int
file_read(int fd, const char *path, struct str *out, struct err *err)
{
	while (out->len <= FILE_MAX_BYTES) {
		size_t room = FILE_MAX_BYTES + 1 - out->len;
		ssize_t n = read(fd, str_reserve(out, room), room);

		if (n == 0)
			return 0;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(err, "read %s: %m", path);
		out->len += (size_t)n;
	}
	return 0;
}

struct doc *
doc_read(const char *path, struct diag *diag, struct err *err)
{
	/* O_NONBLOCK: a FIFO without a writer must not hold us up. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct str content = { 0 };
	struct doc *doc = NULL;
	struct stat st;

	if (fd < 0) {
		err_set(err, "open %s: %m", path);
		return NULL;
	}
	if (fstat(fd, &st) != 0)
		err_set(err, "read %s: %m", path);
	else if (S_ISDIR(st.st_mode))
		err_set(err, "read %s: a directory, not a file", path);
	else if (!S_ISREG(st.st_mode))
		err_set(err, "read %s: not a regular file", path);
	else if (file_read(fd, path, &content, err) == 0)
		doc = doc_parse(path, str_text(&content), diag);
	str_free(&content);
	close(fd);
	return doc;
}
