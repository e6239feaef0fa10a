/* SPDX-License-Identifier: MIT */
/**
 * A line that is one JSON object, RFC 8259, read where it stands.  Strings may
 * hold control characters, as some writers let them.
 */
#ifndef LOGWATCH_EVENT_OBJECT_H
#define LOGWATCH_EVENT_OBJECT_H

#include "base/str.h"

#include <stdbool.h>

#define OBJECT_DEPTH_MAX 64 /* what is nested deeper is no object */

/** Goes over the members of an object.  All zero but `rest`: at its start. */
struct members {
	struct text rest; /* what was not read yet */
	bool begun;
	bool whole; /* the last was read, and the object ended rightly */
};

/**
 * The next member, as it is written: name with its quotes, value without the
 * blanks around it.  False: there is none, or it is not well-formed.
 */
bool members_next(struct members *m, struct text *name, struct text *value);

/**
 * Whether a line is one object, with nothing but blanks around it.
 *
 * field  of the object, nested ones as a.b; NULL: none is asked for
 * value  set to that field as it is written, the last where it is there more
 *        than once; data NULL where it is not there
 */
bool object_read(struct text line, const char *field, struct text *value);

/** Adds a value as text: a string without quotes and escapes, any other as it
 * is written. */
void object_value(struct text value, struct str *out);

/** value is as it is written, and no object.  False: no more are wanted. */
typedef bool object_field_fn(struct text name, struct text value, void *ctx);

/** Tells the fields of a line that object_read() takes, in their order; those
 * of nested objects as a.b. */
void object_each(struct text line, object_field_fn *fn, void *ctx);

#endif
