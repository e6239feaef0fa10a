/* SPDX-License-Identifier: MIT */
/**
 * Faults and warnings about rule files, collected and printed as compilers do:
 *
 *     FILE:LINE:COLUMN: error: what is wrong (and what to do)
 *       12 |     match: 'heap (out of memory'
 *          |                                ^
 */
#ifndef LOGWATCH_CONF_DIAG_H
#define LOGWATCH_CONF_DIAG_H

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct diag;

enum diag_severity { DIAG_ERROR, DIAG_WARNING };

/** A place in a file; line and column count from 1, the column in characters.
 */
struct place {
	const char *file; /* lives as long as the diag: see diag_file() */
	unsigned line;    /* 0: the file as a whole */
	unsigned column;
};

struct diag *diag_new(void);
void diag_free(struct diag *d); /* NULL does nothing */

/**
 * Remembers a file's content, for the lines that are quoted below faults.
 *
 * Returns the name to use in places; it lives as long as d.
 */
const char *diag_file(struct diag *d, const char *name, struct text content);

/** The place of a byte of a remembered file; one behind its end is its end. */
struct place diag_place(const struct diag *d, const char *file, size_t offset);
/** The byte at which the index-th character of it stands, from 0. */
size_t diag_offset(const struct diag *d, const char *file, size_t index);

/*
 * A fault that is there already is not added again.  Texts are shown without
 * controls and cut at 2 KiB; past the 1,000th fault they are only counted,
 * which diag_print() says.
 */
void diag_error(struct diag *d, struct place at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void diag_warning(struct diag *d, struct place at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

size_t diag_errors(const struct diag *d);
size_t diag_warnings(const struct diag *d);

/**
 * Prints all, by file in the order of diag_file() and then by line and column,
 * each once.  Text from the file is shown without controls; tabs keep the
 * caret in place; of a long line the part around the caret is shown.
 */
void diag_print(const struct diag *d, FILE *out, bool colour);

/** Prints all as JSON, an object a line: file, line, column, severity, text. */
void diag_print_json(const struct diag *d, FILE *out);

/**
 * The one of count candidates that word was likely meant to be: the nearest by
 * Damerau-Levenshtein distance (optimal string alignment, capitals as small
 * letters), at most a third of the longer one's length away.
 *
 * Returns one of candidates, or NULL where none is near.
 */
const char *diag_suggest(
    const char *word, const char *const *candidates, size_t count);

#endif
