/* SPDX-License-Identifier: MIT */
/**
 * A change told in words for a person, the same words for every chat: what
 * happened, where, since when, the log around it, what was done, what is next.
 * Pure.  All text is cleaned and cut, but not escaped: that is the receiver's.
 */
#ifndef LOGWATCH_ACTION_MESSAGE_H
#define LOGWATCH_ACTION_MESSAGE_H

#include "base/str.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* Characters that one text may have; a longer one shows its head and tail.
 * Escaped, a character may become five: with that, each still fits where the
 * narrowest receiver puts it. */
#define MESSAGE_TITLE_MAX 50
#define MESSAGE_NAME_MAX 64
#define MESSAGE_HEADLINE_MAX 400
#define MESSAGE_TEXT_MAX 1400
#define MESSAGE_FACT_NAME_MAX 50
#define MESSAGE_FACT_MAX 200
#define MESSAGE_STEP_MAX 200
#define MESSAGE_LINE_MAX 300
#define MESSAGE_EVENT_LINE_MAX 1500
#define MESSAGE_URL_MAX 500

/* How many there may be. */
#define MESSAGE_FACTS 10
#define MESSAGE_STEPS 6
#define MESSAGE_LINES 50
#define MESSAGE_OUTPUT_LINES 10

enum message_tone {
	MESSAGE_INFO,
	MESSAGE_WARNING,
	MESSAGE_ERROR,
	MESSAGE_CRITICAL,
	MESSAGE_GOOD, /* repaired, resolved */
};

/** Lines of log or output; skipped says how many more there were. */
struct message_lines {
	char **line;
	size_t count, skipped;
};

struct message_fact {
	char *name, *value; /* never empty */
};

/** One action and what became of it. */
struct message_step {
	char *text;
	struct message_lines output; /* its last lines, where it failed */
};

/** NULL or a count of 0: there is none.  What is there is never empty. */
struct message {
	enum message_tone tone;
	char *title;    /* "CRITICAL: opened" */
	char *headline; /* "[critical] opened: SUMMARY (HOST)" */
	char *summary;
	char *need; /* what the reader must know or do first */
	char *description;
	char *where;   /* host, source, path:line, id */
	char *runbook; /* http or https, without what could end a link */
	struct message_fact facts[MESSAGE_FACTS];
	size_t fact_count;
	struct message_lines before, event, after;
	struct message_step steps[MESSAGE_STEPS];
	size_t step_count;
	bool shortened; /* the record says more than this */
};

/** Where the rest is, for a message that was shortened. */
extern const char message_rest[];

/**
 * Makes a message of an incident record, whatever that holds.
 *
 * Returns a message to free with message_free(); never NULL.
 */
struct message *message_new(const json_t *record);
void message_free(struct message *m); /* NULL does nothing */

/**
 * Drops what is needed least, piece by piece until so much is gone: context
 * after, context before, facts, description, output, then parts of what is
 * left.
 *
 * over   bytes that are too many
 * piece  bytes that a line or fact costs beside its text
 *
 * Returns false where nothing can go any more; some 3,000 characters are left.
 */
bool message_drop(struct message *m, size_t over, size_t piece);

/**
 * Adds the log lines as one text: those of the event behind an arrow, those
 * around it indented likewise.
 */
void message_log(const struct message *m, struct str *out);
/** Adds lines as one text, each behind prefix. */
void message_lines_add(
    const struct message_lines *lines, const char *prefix, struct str *out);

/** Whether a capture of a record is a field of which its rule says nothing: its
 * name is the log's, too. */
bool message_tells(const json_t *record, const char *capture);

/** Adds a value of a record as text: null is empty, lists and maps as "a, b"
 * and "name=a, name=b". */
void message_value(const json_t *value, struct str *out);

#endif
