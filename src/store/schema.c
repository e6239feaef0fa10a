/* SPDX-License-Identifier: MIT */
/*
 * The tables, and how to know them again.
 */
#include "store/schema.h"

#include "base/str.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define FORMAT 1
#define APPLICATION_ID 0x4c675774 /* "LgWt" */

/* The format and, above it, its complement: one flipped byte must look like
 * damage and not like a newer logwatch. */
#define VERSION_OF(format) ((int32_t)((~(uint32_t)(format) << 16) | (format)))

/* What a log or a rule file brought is a BLOB, for it may hold any byte.  The
 * body of a delivery has a table of its own, so that counting an attempt does
 * not write it again.  What is only read at a start, where all is checked
 * anyway, has no index: each is one more page in a commit that somebody waits
 * for. */
static const struct {
	const char *name, *sql;
} objects[] = {
	{ "position", "CREATE TABLE position(source TEXT NOT NULL,"
		      " device INTEGER NOT NULL, inode INTEGER NOT NULL,"
		      " path TEXT NOT NULL, offset INTEGER NOT NULL,"
		      " line INTEGER NOT NULL, head BLOB NOT NULL,"
		      " anchor BLOB NOT NULL, seen_ms INTEGER NOT NULL,"
		      " PRIMARY KEY(source, device, inode))"
		      " STRICT, WITHOUT ROWID" },
	{ "incident", "CREATE TABLE incident(id TEXT NOT NULL PRIMARY KEY,"
		      " rule TEXT NOT NULL, open INTEGER NOT NULL,"
		      " opened_ms INTEGER NOT NULL,"
		      " resolved_ms INTEGER NOT NULL, record BLOB NOT NULL,"
		      " state BLOB NOT NULL) STRICT" },
	{ "detector", "CREATE TABLE detector(rule TEXT NOT NULL,"
		      " key BLOB NOT NULL, state BLOB NOT NULL,"
		      " PRIMARY KEY(rule, key)) STRICT, WITHOUT ROWID" },
	{ "run", "CREATE TABLE run(id INTEGER PRIMARY KEY,"
		 " incident TEXT NOT NULL, action TEXT NOT NULL,"
		 " state TEXT NOT NULL, attempt INTEGER NOT NULL,"
		 " pid INTEGER NOT NULL, start_time INTEGER NOT NULL,"
		 " started_ms INTEGER NOT NULL, ended_ms INTEGER NOT NULL)"
		 " STRICT" },
	{ "delivery", "CREATE TABLE delivery(seq INTEGER PRIMARY KEY,"
		      " id TEXT NOT NULL, action TEXT NOT NULL,"
		      " incident TEXT NOT NULL, change TEXT NOT NULL,"
		      " body_bytes INTEGER NOT NULL, dead INTEGER NOT NULL,"
		      " attempts INTEGER NOT NULL,"
		      " created_ms INTEGER NOT NULL,"
		      " next_ms INTEGER NOT NULL, error TEXT NOT NULL)"
		      " STRICT" },
	{ "body", "CREATE TABLE body(seq INTEGER PRIMARY KEY,"
		  " bytes BLOB NOT NULL) STRICT" },
};
#define OBJECTS (sizeof objects / sizeof objects[0])

int
schema_error(sqlite3 *db, struct err *err)
{
	int number = errno;
	int rc = sqlite3_extended_errcode(db);

	if (rc == SQLITE_READONLY_DIRECTORY)
		return err_set(
		    err, "no file can be made beside it: Permission denied");
	/* sqlite3_system_errno() does not know about commits. */
	if (number == 0 ||
	    ((rc & 0xff) != SQLITE_IOERR && (rc & 0xff) != SQLITE_CANTOPEN))
		return err_set(err, "%s", sqlite3_errmsg(db));
	errno = number;
	return err_set(err, "%s: %m", sqlite3_errmsg(db));
}

enum schema_verdict
schema_fault(sqlite3 *db, int rc, struct err *err)
{
	schema_error(db, err);
	switch (rc & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return SCHEMA_BUSY;
	case SQLITE_CANTOPEN:
	case SQLITE_IOERR:
	case SQLITE_PERM:
	case SQLITE_FULL:
	case SQLITE_NOMEM:
	case SQLITE_PROTOCOL:
	case SQLITE_INTERRUPT:
		return SCHEMA_FAILED;
	case SQLITE_READONLY:
		/* The plain one: a header that asks for a newer SQLite. */
		return rc == SQLITE_READONLY ? SCHEMA_DAMAGED : SCHEMA_FAILED;
	default:
		return SCHEMA_DAMAGED;
	}
}

/* The first column of the first row: as a number, and compared with text where
 * that is not NULL. */
struct answer {
	int64_t number;
	bool equal;
};

static int
ask(sqlite3 *db, const char *sql, const char *name, const char *text,
    struct answer *answer, struct err *err)
{
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);

	*answer = (struct answer){ 0 };
	if (rc != SQLITE_OK)
		return rc;
	if (name != NULL)
		sqlite3_bind_text(stmt, 1, name, -1, SQLITE_STATIC);
	rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW) {
		const char *got = (const char *)sqlite3_column_text(stmt, 0);

		answer->number = sqlite3_column_int64(stmt, 0);
		answer->equal =
		    got != NULL && text != NULL && strcmp(got, text) == 0;
		err_set(err, "%s", got != NULL ? got : "");
	}
	sqlite3_finalize(stmt);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static enum schema_verdict
judge_marks(sqlite3 *db, struct err *err)
{
	struct answer id, version, count;
	uint32_t bits;
	int rc = ask(db, "PRAGMA application_id", NULL, NULL, &id, err);

	if (rc == SQLITE_OK)
		rc = ask(db, "PRAGMA user_version", NULL, NULL, &version, err);
	if (rc == SQLITE_OK)
		rc = ask(db, "SELECT count(*) FROM sqlite_schema", NULL, NULL,
		    &count, err);
	if (rc != SQLITE_OK)
		return schema_fault(db, rc, err);
	if (id.number == 0 && version.number == 0 && count.number == 0)
		return SCHEMA_EMPTY;
	bits = (uint32_t)version.number;
	if (id.number != APPLICATION_ID ||
	    version.number != VERSION_OF(bits & 0xffff) ||
	    (bits & 0xffff) == 0) {
		err_set(err, "it is a database, but no state of logwatch");
		return SCHEMA_DAMAGED;
	}
	if ((bits & 0xffff) > FORMAT) {
		err_set(err,
		    "it was written by a newer logwatch (format %u, this one "
		    "knows %d): use that one, or name another file with "
		    "--state",
		    bits & 0xffff, FORMAT);
		return SCHEMA_NEWER;
	}
	return SCHEMA_OURS;
}

static enum schema_verdict
judge_content(sqlite3 *db, struct err *err)
{
	struct answer answer;
	int rc = ask(db, "PRAGMA integrity_check(1)", NULL, "ok", &answer, err);

	if (rc != SQLITE_OK)
		return schema_fault(db, rc, err);
	if (!answer.equal) {
		for (char *p = err->text; (p = strchr(p, '\n')) != NULL;)
			*p = ' ';
		return SCHEMA_DAMAGED;
	}
	/* A table whose text was damaged may still be one. */
	for (size_t i = 0; i < OBJECTS; i++) {
		rc = ask(db, "SELECT sql FROM sqlite_schema WHERE name = ?1",
		    objects[i].name, objects[i].sql, &answer, err);
		if (rc != SQLITE_OK)
			return schema_fault(db, rc, err);
		if (!answer.equal) {
			err_set(err, "its table %s is not as it was made",
			    objects[i].name);
			return SCHEMA_DAMAGED;
		}
	}
	return SCHEMA_OURS;
}

enum schema_verdict
schema_judge(sqlite3 *db, struct err *err)
{
	enum schema_verdict verdict = judge_marks(db, err);

	return verdict == SCHEMA_OURS ? judge_content(db, err) : verdict;
}

enum schema_verdict
schema_create(sqlite3 *db, struct err *err)
{
	enum schema_verdict verdict = SCHEMA_OURS;
	struct str sql = { 0 };
	int rc;

	str_puts(&sql, "BEGIN IMMEDIATE;");
	for (size_t i = 0; i < OBJECTS; i++)
		str_printf(&sql, "%s;", objects[i].sql);
	str_printf(&sql,
	    "PRAGMA application_id=%d; PRAGMA user_version=%d; COMMIT",
	    APPLICATION_ID, VERSION_OF(FORMAT));
	rc = sqlite3_exec(db, sql.data, NULL, NULL, NULL);
	str_free(&sql);
	if (rc != SQLITE_OK)
		verdict = schema_fault(db, rc, err);
	if (!sqlite3_get_autocommit(db))
		sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	return verdict;
}
