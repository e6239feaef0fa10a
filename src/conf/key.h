/* SPDX-License-Identifier: MIT */
/**
 * The keys that a map of the rule file may have: a table for each kind of map,
 * in the folder that reads it.  It says which keys are known (node_keys()), and
 * in words what they are for: `logwatch schema` prints that, and the manual is
 * held against it.
 */
#ifndef LOGWATCH_CONF_KEY_H
#define LOGWATCH_CONF_KEY_H

#include <stdbool.h>

/** What one value is; words and keys of a struct key are others that may stand
 * in its place. */
enum key_type {
	KEY_NONE, /* only a word, or the map that has these keys */
	KEY_TEXT,
	KEY_TEMPLATE,
	KEY_PATTERN,
	KEY_NAME, /* of a source, a rule, an action */
	KEY_DURATION,
	KEY_SIZE,
	KEY_INT,
	KEY_NUMBER,
	KEY_BOOL,
	KEY_VERSION, /* 1 */
};

/** How many of it. */
enum key_shape {
	KEY_ONE,
	KEY_LIST,
	KEY_ONE_OR_LIST,
	KEY_LISTS, /* a list of lists */
	KEY_NAMED, /* a map from a name that the user gives */
};

enum key_need {
	KEY_OPTIONAL,
	KEY_REQUIRED,
	KEY_ONE_OF, /* a map has exactly one of those with this */
	KEY_ANY_OF, /* or at least one of those with this */
};

struct key {
	const char *name;
	bool later; /* of the interface, but refused as 'not supported yet' */

	enum key_type type;
	enum key_shape shape;
	enum key_need need;
	const struct key *keys;   /* of the map that it is; NULL: any */
	const char *const *words; /* NULL-ended; NULL: it takes no words */
	const char *with;         /* goes only with this one beside it */
	const char *fallback;     /* without it; NULL: what says what then is */
	const char *what; /* a sentence, for whoever writes a rule file */
};

/** The key of a table that has that name; NULL: none has, or it is for later.
 */
const struct key *key_find(const struct key *keys, const char *name);

/** A word of another tool for one of ours, for 'did you mean'. */
struct synonym {
	const char *word;
	const char *key;
};

#endif
