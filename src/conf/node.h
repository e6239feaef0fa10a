/* SPDX-License-Identifier: MIT */
/**
 * YAML that knows its line and column, read by libyaml, and the values in it:
 * text with ${VARIABLES}, numbers, durations, sizes.  Every reader leaves its
 * faults in the file's diag and goes on.  Knows no key of the rule file.
 */
#ifndef LOGWATCH_CONF_NODE_H
#define LOGWATCH_CONF_NODE_H

#include "base/err.h"
#include "base/str.h"
#include "conf/diag.h"
#include "conf/key.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct doc;
struct node;

enum node_kind { NODE_SCALAR, NODE_LIST, NODE_MAP };

/**
 * Reads a YAML file in UTF-8.  Syntax faults, duplicate keys, keys that are no
 * text, merge keys, tags but !!str and its like, second documents, unknown
 * aliases and cycles, and more than 1 MiB, 64 levels, 100,000 nodes or 16 MiB
 * of text (aliases counted as what they stand for) are faults in diag.
 *
 * Returns a document to free with doc_free(); its root is NULL where the file
 * holds faults that leave nothing to read.  NULL with the reason in err where
 * the file cannot be read at all.  diag must outlive the document.
 */
struct doc *doc_read(const char *path, struct diag *diag, struct err *err);

/** The same from memory; name stands in faults.  Never NULL. */
struct doc *doc_parse(const char *name, struct text content, struct diag *diag);
void doc_free(struct doc *doc); /* NULL does nothing */

const struct node *doc_root(const struct doc *doc); /* NULL: faults, or empty */

enum node_kind node_kind(const struct node *n);
/** "text", "a list", "a map"; "nothing" for a plain null, ~ or no value. */
const char *node_kind_name(const struct node *n);
struct place node_place(const struct node *n);

/**
 * Adds an error at n; "FILE:LINE:COLUMN: error: …".  Nothing is added where n
 * stands for something that is a fault already, such as an unknown alias.
 */
void node_error(const struct node *n, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void node_warning(const struct node *n, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/**
 * Adds an error at a byte of n's raw text: the caret stands under it also in
 * quoted text and in block scalars, as near as the escapes allow.
 */
void node_error_at(const struct node *n, size_t offset, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/**
 * diag_suggest() for a word that stands at n; also NULL where there are so many
 * faults already that nobody reads the hint, for names can be a file long.
 */
const char *node_suggest(const struct node *n, const char *word,
    const char *const *candidates, size_t count);

/* Lists and maps.  Lent pointers live as long as the document. */
size_t node_count(const struct node *n);                    /* 0 for a scalar */
const struct node *node_at(const struct node *n, size_t i); /* item or value */
const struct node *node_key(const struct node *n, size_t i); /* of a map */
const char *node_key_name(const struct node *n, size_t i);
/** The value of a key; NULL where n is no map or has none. */
const struct node *node_get(const struct node *map, const char *key);

/**
 * Checks that n is a map with no key but those of the table: any other is an
 * error with a suggestion (from keys and synonyms), a later one an error that
 * says "'KEY' is not supported yet".  The table ends with a NULL name;
 * synonyms likewise, or NULL.
 *
 * what  for the text, such as "rule 'oom'"
 *
 * Returns true where n is a map, whatever its keys.
 */
bool node_keys(const struct node *n, const struct key *keys,
    const struct synonym *synonyms, const char *what);

/**
 * Whether a map lacks a key that it needs.  Not where it has an unknown one:
 * that is likely the same key, misspelt, and one fault is enough.
 */
bool node_lacks(
    const struct node *map, const char *key, const struct key *keys);

/*
 * Values.  Faults begin with the key that n is the value of, or an item of:
 * "'timeout': expected a duration …".  What a ${VARIABLE} held is not shown in
 * them.  They return false, with a fault in the diag where n is there but
 * wrong, and without one where n is NULL (the key is not there); *out is then
 * untouched.
 */

/** The bytes as written after YAML's own unescaping, for patterns. */
bool node_raw(const struct node *n, struct text *out);
/**
 * Text with ${NAME}, ${NAME:-default}, ${NAME:?message} replaced and $$ a $;
 * unset without a default is a fault.  Lives as long as the document.
 */
bool node_text(const struct node *n, const char **out);
/** Whether the scalar was written plain (no quotes, no block). */
bool node_is_plain(const struct node *n);
/** Whether a comment stands right behind a plain scalar, so that " #" may have
 * cut what was meant as text. */
bool node_is_cut(const struct node *n);
/** Exactly true or false; yes, no, on, off are faults that say so. */
bool node_bool(const struct node *n, bool *out);
/** A whole number from min to max. */
bool node_int(const struct node *n, int64_t min, int64_t max, int64_t *out);
/** A duration from min_ms up ("10s"); a bare number is a fault saying so. */
bool node_duration(const struct node *n, int64_t min_ms, int64_t *out_ms);
/** A size such as 64KiB, 1MiB, 2GiB, 512B (also kB, MB, GB), min to max. */
bool node_size(
    const struct node *n, int64_t min, int64_t max, int64_t *out_bytes);
/**
 * One of the words, which end with NULL; *out is its index.  A near miss gets
 * a suggestion, any other the list of the words.
 */
bool node_word(const struct node *n, const char *const *words, size_t *out);

/** What is defined elsewhere and meant by its name. */
struct defined {
	const char *kind;    /* of what, as "source" */
	const char *section; /* where it is defined; NULL: no need to say */
	const char *const *names;
	size_t count;
};
/** That there is none of that name, with the one that may be meant. */
void node_undefined(const struct node *at, const char *what, const char *name,
    const struct defined *defined);
/**
 * A list of texts, or one text as a list of one where single is true: an array
 * of *count + 1 pointers that ends with NULL, to free with node_texts_free().
 */
bool node_texts(const struct node *n, bool single, char ***out, size_t *count);
void node_texts_free(char **texts); /* NULL does nothing */

#endif
