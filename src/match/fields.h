/* SPDX-License-Identifier: MIT */
/**
 * The fields of a JSON object as captures.
 */
#ifndef LOGWATCH_MATCH_FIELDS_H
#define LOGWATCH_MATCH_FIELDS_H

#include "match/pattern.h"

#define FIELDS_MAX 200     /* of an object that are captured */
#define FIELD_NAME_MAX 200 /* bytes of a name; a longer one is none */

/** All zero holds none. */
struct fields {
	size_t count;
	struct field {
		size_t name, value, value_len; /* in text */
		bool wanted;
	} v[FIELDS_MAX];
	struct str text; /* each name with a NUL behind it, each value */
};

/** How an object is to be read. */
struct fields_spec {
	const char *message; /* the field that is the event's text, and no
	                        capture */
	char *const *wanted; /* names that go first, so that they find room,
	                        NULL-ended; NULL: none */
	bool strip;          /* escape sequences off */
};

/** Takes the fields of an object, as object_read() takes it, in place of those
 * that were there.  Those that find no room are left out. */
void fields_read(
    struct fields *f, struct text object, const struct fields_spec *spec);
void fields_free(struct fields *f); /* what is in it */

/** Adds those that are not there yet.  Views of f; those that are not wanted
 * are marked as `told`. */
void fields_capture(const struct fields *f, struct captures *captures);

#endif
