/* SPDX-License-Identifier: MIT */
/*
 * SQLite: connection, transactions, statements.
 */
#include "store/database.h"

#include "base/log.h"
#include "base/mem.h"

#include <assert.h>
#include <errno.h>

#define TEXT_MAX (64 * 1024 * 1024) /* bytes of one value, and of a row */

/* Pages in the write-ahead log from which it is brought into the database.
 * That costs two syncs, so who waits for a durable commit is spared it for
 * longer. */
#define WAL_PAGES 512
#define WAL_PAGES_DURABLE 2048

struct database {
	sqlite3 *handle;
	char *name;
	enum database_kind kind;
	bool ours;     /* may be changed */
	bool active;   /* between begin and its end */
	bool doomed;   /* something in it failed: reason says what */
	bool unsynced; /* committed, but the disk did not confirm it */
	bool grows;    /* the last checkpoint failed, and that was said */
	int wal_pages;
	struct err reason;
	size_t count;
	sqlite3_stmt **statements;
	sqlite3_stmt *begin, *commit;
};

/* Locking comes first: only then is the index of the write-ahead log in
 * memory, without a third file that others could join.  The journal's mode is
 * set when it is clear that the file is ours to change. */
static const char setup[] = "PRAGMA locking_mode=EXCLUSIVE;"
			    "PRAGMA cache_size=-256;"
			    "PRAGMA mmap_size=0;"
			    "PRAGMA temp_store=MEMORY;"
			    "PRAGMA synchronous=NORMAL;"
			    "PRAGMA cell_size_check=ON;";

static int
fail(struct database *db, const char *what, struct err *err)
{
	schema_error(db->handle, err);
	return err_wrap(err, "state file %s: %s", db->name, what);
}

/* Runs statements, so that fail() can say why one did not work. */
static int
run(struct database *db, const char *sql)
{
	errno = 0;
	return sqlite3_exec(db->handle, sql, NULL, NULL, NULL);
}

/* The same, for a statement of every transaction, which is kept. */
static int
run_kept(struct database *db, sqlite3_stmt **stmt, const char *sql)
{
	int rc = SQLITE_OK;

	errno = 0;
	if (*stmt == NULL)
		rc = sqlite3_prepare_v3(
		    db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, stmt, NULL);
	if (rc == SQLITE_OK) {
		sqlite3_step(*stmt);
		rc = sqlite3_reset(*stmt);
	}
	return rc;
}

static int
count_pages(void *ctx, sqlite3 *handle, const char *schema, int pages)
{
	struct database *db = ctx;

	(void)handle;
	(void)schema;
	db->wal_pages = pages;
	return SQLITE_OK;
}

/* The file may come from anywhere: what is in it must not do anything, and it
 * stays as it is until it is known to be ours. */
static void
distrust(sqlite3 *handle)
{
	static const struct {
		int option, value;
	} options[] = {
		{ SQLITE_DBCONFIG_DEFENSIVE, 1 },
		{ SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0 },
		{ SQLITE_DBCONFIG_ENABLE_TRIGGER, 0 },
		{ SQLITE_DBCONFIG_ENABLE_VIEW, 0 },
		{ SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1 },
	};

	for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
		sqlite3_db_config(
		    handle, options[i].option, options[i].value, NULL);
	sqlite3_limit(handle, SQLITE_LIMIT_LENGTH, TEXT_MAX);
	sqlite3_limit(handle, SQLITE_LIMIT_ATTACHED, 0);
}

/* Whether the path no longer leads to what is being written to. */
static bool
moved(struct database *db)
{
	int answer = 0;

	if (db->kind == DATABASE_STATE)
		sqlite3_file_control(
		    db->handle, "main", SQLITE_FCNTL_HAS_MOVED, &answer);
	return answer != 0;
}

static enum schema_verdict
connect(struct database *db, const char *file, struct err *err)
{
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX |
	            SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_EXRESCODE;
	enum schema_verdict verdict;
	int rc;

	errno = 0;
	rc = sqlite3_open_v2(file, &db->handle, flags, NULL);
	mem_check(db->handle);
	if (rc == SQLITE_OK) {
		distrust(db->handle);
		rc = run(db, setup);
	}
	if (rc != SQLITE_OK)
		return schema_fault(db->handle, rc, err);
	verdict = schema_judge(db->handle, err);
	/* Had it been moved aside just before it was locked, the log beside it
	 * would be another file's.  Now that it is locked nobody may. */
	if (moved(db)) {
		err_set(err, "it was replaced at this moment");
		verdict = SCHEMA_BUSY;
	}
	return verdict;
}

static int
note_mode(void *ctx, int count, char **values, char **names)
{
	bool *wal = ctx;

	(void)names;
	*wal = count == 1 && values[0] != NULL && strcmp(values[0], "wal") == 0;
	return 0;
}

/* Makes the state file ours: locked, with a write-ahead log. */
static enum schema_verdict
take(struct database *db, enum schema_verdict verdict, struct err *err)
{
	bool wal = false;
	int rc = SQLITE_OK;

	/* The first page would get a rollback journal, found by its name also
	 * by who still holds the file that was moved aside. */
	if (verdict == SCHEMA_EMPTY)
		rc = run(db, "PRAGMA journal_mode=MEMORY;"
			     "PRAGMA auto_vacuum=INCREMENTAL");
	if (rc != SQLITE_OK)
		return schema_fault(db->handle, rc, err);
	errno = 0;
	rc = sqlite3_exec(
	    db->handle, "PRAGMA journal_mode=WAL", note_mode, &wal, NULL);
	if (rc != SQLITE_OK)
		return schema_fault(db->handle, rc, err);
	if (!wal) {
		err_set(err, "its file system takes no write-ahead log");
		return SCHEMA_FAILED;
	}
	if (verdict == SCHEMA_EMPTY)
		verdict = schema_create(db->handle, err);
	/* The file itself may be written to: that was tried before. */
	if (verdict == SCHEMA_OURS && sqlite3_db_readonly(db->handle, "main")) {
		err_set(err, "its header lets it be read only");
		verdict = SCHEMA_DAMAGED;
	}
	if (verdict == SCHEMA_OURS) {
		db->ours = true;
		sqlite3_db_config(
		    db->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
	}
	return verdict;
}

struct database *
database_open(const char *file, enum database_kind kind, const char *name,
    size_t statements, enum schema_verdict *verdict, struct err *err)
{
	struct database *db = mem_new(1, sizeof *db);

	db->name = mem_text(name);
	db->kind = kind;
	db->count = statements;
	db->statements = mem_new(statements, sizeof(sqlite3_stmt *));
	*verdict =
	    connect(db, kind == DATABASE_MEMORY ? ":memory:" : file, err);
	if (kind == DATABASE_STATE &&
	    (*verdict == SCHEMA_OURS || *verdict == SCHEMA_EMPTY))
		*verdict = take(db, *verdict, err);
	else if (*verdict == SCHEMA_EMPTY)
		*verdict = schema_create(db->handle, err);
	if (*verdict != SCHEMA_OURS) {
		database_close(db);
		return NULL;
	}
	sqlite3_wal_hook(db->handle, count_pages, db);
	return db;
}

void
database_close(struct database *db)
{
	if (db == NULL)
		return;
	database_rollback(db);
	for (size_t i = 0; i < db->count; i++)
		sqlite3_finalize(db->statements[i]);
	sqlite3_finalize(db->begin);
	sqlite3_finalize(db->commit);
	/* Where this or the checkpoint of the close fails nothing is lost: the
	 * log stays, and the next start reads it. */
	if (db->ours)
		run(db, "PRAGMA incremental_vacuum");
	sqlite3_close(db->handle);
	free(db->statements);
	free(db->name);
	free(db);
}

int
database_copy(struct database *to, struct database *from, struct err *err)
{
	sqlite3_backup *backup =
	    sqlite3_backup_init(to->handle, "main", from->handle, "main");

	assert(to->kind == DATABASE_MEMORY);
	if (backup == NULL)
		return fail(to, "copy", err);
	sqlite3_backup_step(backup, -1);
	if (sqlite3_backup_finish(backup) != SQLITE_OK)
		return fail(to, "copy", err);
	return 0;
}

/* Remembers why the transaction cannot be committed any more. */
static void
doom(struct database *db, const struct err *reason)
{
	if (db->active && !db->doomed) {
		db->doomed = true;
		db->reason = *reason;
	}
}

int
database_begin(struct database *db, struct err *err)
{
	assert(!db->active);
	if (db->kind == DATABASE_COPY)
		return err_set(
		    err, "state file %s: opened for reading only", db->name);
	if (run_kept(db, &db->begin, "BEGIN IMMEDIATE") != SQLITE_OK)
		return fail(db, "begin a transaction", err);
	db->active = true;
	db->doomed = false;
	return 0;
}

void
database_rollback(struct database *db)
{
	/* Some faults have rolled it back already. */
	if (db->active && !sqlite3_get_autocommit(db->handle))
		run(db, "ROLLBACK");
	db->active = false;
}

/* Brings the write-ahead log into the database, which is then synced. */
static int
checkpoint(struct database *db, struct err *err)
{
	/* A log that the disk may not hold must not be read again: an older
	 * page in its beginning would count over a newer in the database. */
	int mode = db->unsynced ? SQLITE_CHECKPOINT_TRUNCATE
	                        : SQLITE_CHECKPOINT_PASSIVE;
	int rc;

	errno = 0;
	rc = sqlite3_wal_checkpoint_v2(db->handle, NULL, mode, NULL, NULL);
	if (rc != SQLITE_OK)
		return fail(db, "write the log into the database", err);
	db->wal_pages = 0;
	db->unsynced = false;
	return 0;
}

/*
 * What synchronous=FULL would do in the commit; but which commits want it is
 * known only after their begin, when SQLite no longer lets the level change.
 * A sync that failed must not just be tried again, for the kernel then takes
 * the pages for clean; the checkpoint writes them anew, elsewhere.
 */
static int
sync_log(struct database *db, struct err *err)
{
	sqlite3_file *log = NULL;

	if (db->kind != DATABASE_STATE)
		return 0;
	sqlite3_file_control(
	    db->handle, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
	if (!db->unsynced && log != NULL && log->pMethods != NULL &&
	    log->pMethods->xSync(log, SQLITE_SYNC_NORMAL) == SQLITE_OK)
		return 0;
	db->unsynced = true;
	return checkpoint(db, err);
}

/* The transaction is committed, whatever becomes of this. */
static void
checkpoint_due(struct database *db, int limit)
{
	struct err err;
	bool failed;

	if (db->wal_pages < limit)
		return;
	failed = checkpoint(db, &err) != 0;
	if (failed && !db->grows)
		log_warning(
		    "state file's log grows, trying again reason=%s", err.text);
	db->grows = failed;
}

/* Why it cannot be committed: something in it failed, or would be lost. */
static int
commit_check(struct database *db, struct err *err)
{
	if (db->doomed)
		return err_set(err, "%s", db->reason.text);
	if (sqlite3_get_autocommit(db->handle))
		return err_set(err,
		    "state file %s: the transaction was given up", db->name);
	if (moved(db))
		return err_set(err,
		    "state file %s was removed or replaced while in use: put "
		    "it back or restart logwatch",
		    db->name);
	return 0;
}

int
database_commit(struct database *db, bool durable, struct err *err)
{
	int ret;

	assert(db->active);
	ret = commit_check(db, err);
	if (ret == 0 && run_kept(db, &db->commit, "COMMIT") != SQLITE_OK)
		ret = fail(db, "commit", err);
	database_rollback(db);
	if (ret == 0 && durable)
		ret = sync_log(db, err);
	if (ret == 0)
		checkpoint_due(db, durable ? WAL_PAGES_DURABLE : WAL_PAGES);
	return ret;
}

struct query
database_query(struct database *db, size_t id, const char *sql)
{
	struct query q = { .db = db };

	assert(id < db->count);
	/* A transaction that SQLite gave up must not go on statement by
	 * statement, each committed by itself. */
	if (db->active && sqlite3_get_autocommit(db->handle)) {
		q.rc = SQLITE_ABORT;
		return q;
	}
	errno = 0;
	if (db->statements[id] == NULL)
		q.rc = sqlite3_prepare_v3(db->handle, sql, -1,
		    SQLITE_PREPARE_PERSISTENT, &db->statements[id], NULL);
	q.stmt = db->statements[id];
	assert(q.stmt == NULL || !sqlite3_stmt_busy(q.stmt));
	assert(q.stmt == NULL || db->active || sqlite3_stmt_readonly(q.stmt));
	return q;
}

void
query_bind_int(struct query *q, int64_t value)
{
	if (q->rc == SQLITE_OK)
		q->rc = sqlite3_bind_int64(q->stmt, ++q->bound, value);
}

void
query_bind_name(struct query *q, const char *name)
{
	if (q->rc == SQLITE_OK)
		q->rc = sqlite3_bind_text64(q->stmt, ++q->bound, name,
		    strlen(name), SQLITE_STATIC, SQLITE_UTF8);
}

void
query_bind_text(struct query *q, struct text text)
{
	/* No pointer would be NULL, and not the empty text. */
	if (q->rc == SQLITE_OK)
		q->rc = sqlite3_bind_blob64(q->stmt, ++q->bound,
		    text.len > 0 ? text.data : "", text.len, SQLITE_STATIC);
}

bool
query_next(struct query *q)
{
	if (q->rc == SQLITE_OK || q->rc == SQLITE_ROW) {
		errno = 0;
		q->rc = sqlite3_step(q->stmt);
	}
	return q->rc == SQLITE_ROW;
}

int64_t
query_int(const struct query *q, int column)
{
	return sqlite3_column_int64(q->stmt, column);
}

const char *
query_name(const struct query *q, int column)
{
	const void *name = sqlite3_column_text(q->stmt, column);

	return name != NULL ? name : "";
}

struct text
query_text(const struct query *q, int column)
{
	/* The pointer first: asking for it may change the length. */
	const char *data = sqlite3_column_blob(q->stmt, column);
	int len = sqlite3_column_bytes(q->stmt, column);

	return (struct text){ data, data != NULL ? (size_t)len : 0 };
}

static bool
is_fault(int rc)
{
	return rc != SQLITE_OK && rc != SQLITE_ROW && rc != SQLITE_DONE;
}

int
query_end(struct query *q, const char *what, struct err *err)
{
	struct database *db = q->db;
	struct err reason = db->reason;
	int ret = 0;

	if (is_fault(q->rc)) {
		/* The first fault is the cause, later ones its effects. */
		if (!db->active || !db->doomed)
			fail(db, what, &reason);
		doom(db, &reason);
		ret = err_set(err, "%s", reason.text);
	}
	if (q->stmt != NULL) {
		sqlite3_reset(q->stmt);
		sqlite3_clear_bindings(q->stmt);
	}
	return ret;
}

int
query_run(struct query *q, const char *what, struct err *err)
{
	query_next(q);
	return query_end(q, what, err);
}
