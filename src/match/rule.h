/* SPDX-License-Identifier: MIT */
/**
 * What of a rule is about log text: which sources, the patterns of its parts,
 * the captures they define, the key.
 */
#ifndef LOGWATCH_MATCH_RULE_H
#define LOGWATCH_MATCH_RULE_H

#include "match/hit.h"
#include "match/where.h"

#include <stdbool.h>

struct node;

struct rule {
	char *id;
	bool disabled; /* it asks for nothing */
	bool *sources; /* by index of the source: whether it is asked */
	size_t source_count;
	struct patterns parts[PART_COUNT]; /* PART_VERIFY and PART_JOIN are none
	                                      of a rule */
	struct patterns except;
	struct where where;
	const char *const *given; /* names that its detector captures otherwise,
	                             NULL-ended; NULL: none */
	bool reads_objects; /* of one of its sources lines are JSON objects */
	char **fields;      /* of these, what the rule names and no pattern
	                       captures; NULL-ended; NULL: none */
	char **key;         /* names of captures, NULL-ended; NULL: none */
	size_t keys;
};

/** The names of the sources, by index. */
struct source_names {
	const char *const *names;
	size_t count;
	const bool *objects; /* whether its lines are JSON objects; NULL: of
	                        none */
};

/**
 * Reads `source`, `match` or `absent`, `except`, `where`, `followed_by.match`,
 * `resolve.match` and `key` of a rule's map; faults go to the diag.  id is
 * copied.
 */
void rule_read(struct rule *rule, const char *id, const struct node *map,
    const struct source_names *sources);
void rule_free(struct rule *rule); /* what is in it */

/** Whether a name may stand for a capture: one of its patterns or its detector
 * defines it, or it could be a field. */
bool rule_captures(const struct rule *rule, const char *name);
/** The same of one part. */
bool rule_part_captures(
    const struct rule *rule, enum part part, const char *name);
/** Notes that it names a capture, which may be a field. */
void rule_name(struct rule *rule, const char *name);

/** The capture that a name which is none was likely meant to be, or NULL. */
const char *rule_near(const struct rule *rule, const char *name);

/** A fault: name is no capture of the rule; part is what named it. */
void rule_unknown_capture(const struct rule *rule, const char *name,
    const struct node *at, const char *owner, const char *part);

/** Whether a pattern defines it. */
bool patterns_capture(const struct patterns *ps, const char *name);

/** Reads a pattern or a list of them; owner is for the texts of faults. */
void patterns_read(
    struct patterns *ps, const struct node *n, const char *owner);

/** Reads the name or the names of sources; NULL means all.  The caller frees
 * the flags, of which there is one a source. */
bool *sources_read(const struct node *n, const struct source_names *sources,
    const char *owner);

#endif
