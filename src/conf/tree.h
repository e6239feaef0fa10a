/* SPDX-License-Identifier: MIT */
/**
 * What stands behind conf/node.h, for conf/ alone: the tree that node.c reads
 * and value.c takes values from.
 */
#ifndef LOGWATCH_CONF_TREE_H
#define LOGWATCH_CONF_TREE_H

#include "conf/node.h"

#include <stdarg.h>

#define FILE_MAX_BYTES (1024 * 1024)
#define SHOWN_MAX 60 /* characters of a value that a fault shows */

enum style { STYLE_PLAIN, STYLE_SINGLE, STYLE_DOUBLE, STYLE_BLOCK };

struct node {
	struct doc *doc;
	enum node_kind kind;
	enum style style; /* of a scalar */
	bool bad;         /* there is a fault about it already */
	bool open;        /* its end was not read yet */
	unsigned height;  /* levels of lists and maps, itself counted */
	const char *name; /* the key it is the value of, or an item of */
	size_t from, to;  /* bytes of the file */
	struct text raw;  /* of a scalar */
	struct node **keys, **values; /* keys of a map only */
	size_t count;
	size_t size, bytes; /* nodes and text in it, aliases expanded */
};

struct chunk;

struct doc {
	struct diag *diag;
	const char *file;
	struct text content;  /* in the chunks */
	struct chunk *chunks; /* all memory of the document */
	struct node *root;
};

/** Memory that lives as long as the document, zeroed. */
void *doc_alloc(struct doc *doc, size_t count, size_t size);
/** A copy with a NUL behind it, likewise. */
struct text doc_copy(struct doc *doc, struct text text);
/** Adds an error at a byte of the file. */
void doc_error(struct doc *doc, size_t offset, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** The byte of the file at which a byte of a scalar's text was written. */
size_t node_source(const struct node *n, size_t offset);
/** What YAML takes for no value: a plain null, ~ or nothing at all. */
bool node_is_null(const struct node *n);

/** Formats to memory that the caller frees. */
char *text_format(const char *format, va_list args)
    __attribute__((format(printf, 1, 0)));

#endif
