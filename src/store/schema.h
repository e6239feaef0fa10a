/* SPDX-License-Identifier: MIT */
/**
 * The format of the state file: its tables, its marks, and whether a database
 * is one.
 */
#ifndef LOGWATCH_STORE_SCHEMA_H
#define LOGWATCH_STORE_SCHEMA_H

#include "base/err.h"

#include <sqlite3.h>

/** What came of looking into a file. */
enum schema_verdict {
	SCHEMA_OURS,    /* of this format, and whole */
	SCHEMA_EMPTY,   /* nothing in it yet */
	SCHEMA_NEWER,   /* of a newer logwatch */
	SCHEMA_DAMAGED, /* no state of ours, or broken */
	SCHEMA_BUSY,    /* another process holds it */
	SCHEMA_FAILED,  /* the world: it could not be read or written */
};

/** What a result of SQLite on a file that was not judged yet means.  With it
 * come the words in err. */
enum schema_verdict schema_fault(sqlite3 *db, int rc, struct err *err);

/** Looks without writing.  The reason is in err for all but the first two. */
enum schema_verdict schema_judge(sqlite3 *db, struct err *err);

/** Makes the tables of an empty database, in one transaction: SCHEMA_OURS, or
 * why not. */
enum schema_verdict schema_create(sqlite3 *db, struct err *err);

/** SQLite's words for what just failed, and for files the system's: errno was
 * set to 0 before.  Returns -1, always. */
int schema_error(sqlite3 *db, struct err *err);

#endif
