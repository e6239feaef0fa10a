/* SPDX-License-Identifier: MIT */
/**
 * One PCRE2 pattern: compiled once with JIT where that is allowed, matched
 * within limits, its named captures as views of the subject.
 */
#ifndef LOGWATCH_MATCH_PATTERN_H
#define LOGWATCH_MATCH_PATTERN_H

#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

#define PATTERN_SIZE_MAX 65536 /* bytes of a pattern */
#define PATTERN_NAMES_MAX 64   /* names that one defines */
#define CAPTURES_MAX 264       /* names that are remembered of one hit */

/** Named captures of a hit: views of the event's text, or of the fields of the
 * object that it is. */
struct captures {
	size_t count;
	struct capture {
		const char *name;  /* the pattern's or the field's */
		struct text value; /* empty where it took no part */
		bool told;         /* a field of which the rule says nothing:
		                      its name is the log's, too */
	} v[CAPTURES_MAX];
};

/** Adds one that a rule knows of; there must be room. */
void captures_add(struct captures *cs, const char *name, struct text value);
/** The value of a name; NULL data where there is none of that name. */
struct text captures_get(const struct captures *cs, const char *name);
/** Adds one whose name is not there yet, where there is room. */
void captures_offer(struct captures *cs, const struct capture *more);
/** Adds those of more that are not there yet. */
void captures_merge(struct captures *cs, const struct captures *more);

enum match_result {
	MATCH_NO,
	MATCH_YES,
	MATCH_FAILED, /* a limit was hit: neither yes nor no; counted */
};

struct pattern;

/**
 * Compiles with UTF and MULTILINE, newline is LF, without UCP.
 *
 * offset  on failure the byte of the pattern at which it is wrong
 *
 * Returns a pattern to free with pattern_free(), or NULL with PCRE2's words.
 */
struct pattern *pattern_compile(
    struct text text, size_t *offset, struct err *err);
void pattern_free(struct pattern *p); /* NULL does nothing */

/**
 * Searches well-formed UTF-8.
 *
 * captures  filled on MATCH_YES; may be NULL
 * span      where it matched; may be NULL
 */
enum match_result pattern_match(struct pattern *p, struct text subject,
    struct captures *captures, struct text *span);

/** How far a pattern got that does not match. */
struct reach {
	size_t start, end;     /* bytes of the subject: the longest stretch that
	                          matched the pattern's beginning */
	size_t want, want_len; /* bytes of the pattern: the item that nothing
	                          behind it matched; none at its end */
};

/**
 * Searches again, item by item, which takes a hundred times as long: for who
 * wants to know why.  By PCRE2's automatic callouts, pcre2callout(3).
 *
 * Returns false where it gave up: *out is then how far it was until there.
 */
bool pattern_reach(
    const struct pattern *p, struct text subject, struct reach *out);

/** As it was written; lent. */
struct text pattern_text(const struct pattern *p);
size_t pattern_names(const struct pattern *p);
const char *pattern_name(const struct pattern *p, size_t i);
/** Whether it matches the empty text: likely a slip. */
bool pattern_matches_empty(struct pattern *p);
/** Times a limit was hit. */
uint64_t pattern_failures(const struct pattern *p);
/** Whether JIT is used for it. */
bool pattern_is_jit(const struct pattern *p);

/** Any of several patterns; captures are those of the first that matches. */
struct patterns {
	struct pattern **v;
	size_t count;
};
enum match_result patterns_match(const struct patterns *ps, struct text subject,
    struct captures *captures, struct text *span);
void patterns_free(struct patterns *ps);

#endif
