/* SPDX-License-Identifier: MIT */
/**
 * One connection to SQLite, set up for little memory and for what the state
 * needs: transactions that are all or nothing, kept statements, values.
 */
#ifndef LOGWATCH_STORE_DATABASE_H
#define LOGWATCH_STORE_DATABASE_H

#include "base/err.h"
#include "base/str.h"
#include "store/schema.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct database;

enum database_kind {
	DATABASE_STATE,  /* the state file, locked, made where it is empty */
	DATABASE_COPY,   /* a private copy of one, to read from */
	DATABASE_MEMORY, /* in memory and empty */
};

/**
 * Opens a file that is there.
 *
 * name        what to call it in messages
 * statements  how many will be kept: the ids of queries are below it
 * verdict     what the file is; where it is not SCHEMA_OURS when this returns,
 *             the reason is in err
 *
 * Returns a database to close with database_close(), or NULL.
 */
struct database *database_open(const char *file, enum database_kind kind,
    const char *name, size_t statements, enum schema_verdict *verdict,
    struct err *err);
void database_close(struct database *db); /* NULL does nothing */

/** Fills to, in memory and empty, with what from holds. */
int database_copy(struct database *to, struct database *from, struct err *err);

int database_begin(struct database *db, struct err *err);
/** On -1 it is rolled back; where only the disk did not confirm, it is there
 * but may not survive a power cut, and doing it again does no harm. */
int database_commit(struct database *db, bool durable, struct err *err);
void database_rollback(struct database *db);

/** A statement at work: values bound in their order, then rows. */
struct query {
	struct database *db;
	sqlite3_stmt *stmt;
	int bound;
	int rc;
};

/** Starts the statement id, which is always the same sql.  Values that are
 * bound live until query_end(). */
struct query database_query(struct database *db, size_t id, const char *sql);
void query_bind_int(struct query *q, int64_t value);
void query_bind_name(struct query *q, const char *name);
void query_bind_text(struct query *q, struct text text);

bool query_next(struct query *q); /* false: no more, or a fault */
/* Columns count from 0; what they lend lives until the next row. */
int64_t query_int(const struct query *q, int column);
const char *query_name(const struct query *q, int column); /* never NULL */
struct text query_text(const struct query *q, int column);

/** Lets the statement go.  -1, with the reason, where anything on the way
 * failed: the transaction can then only be rolled back.  what: "write x". */
int query_end(struct query *q, const char *what, struct err *err);
/** For statements that give no rows: query_next() and query_end(). */
int query_run(struct query *q, const char *what, struct err *err);

#endif
