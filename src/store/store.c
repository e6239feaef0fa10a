/* SPDX-License-Identifier: MIT */
/*
 * The state: opening it in its three ways, and its rows.
 */
#include "store/store.h"

#include "base/log.h"
#include "base/mem.h"
#include "store/database.h"
#include "store/intents.h"
#include "store/statefile.h"

#include <inttypes.h>
#include <unistd.h>

/* Another that starts at the same time may get in between. */
#define OPEN_TRIES 5

/* Numbers above it, half of all, are no work of ours: a damaged row must not
 * leave us without. */
#define NUMBER_MAX "4611686018427387903"

enum statement {
	POSITION_PUT,
	POSITION_DELETE,
	POSITIONS,
	INCIDENT_PUT,
	INCIDENTS,
	INCIDENTS_PRUNE,
	DETECTOR_PUT,
	DETECTOR_DELETE,
	DETECTORS,
	RUN_LAST,
	RUN_PUT,
	RUNS,
	RUNS_PRUNE,
	DELIVERY_LAST,
	DELIVERY_PUT,
	DELIVERY_DELETE,
	DELIVERIES,
	BODY_PUT,
	BODY_GET,
	BODY_DELETE,
	STATEMENTS
};

static const char *const sql[STATEMENTS] = {
	[POSITION_PUT] = "INSERT OR REPLACE INTO position(source, device,"
			 " inode, path, offset, line, head, anchor, seen_ms)"
			 " VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)",
	[POSITION_DELETE] = "DELETE FROM position"
			    " WHERE source = ? AND device = ? AND inode = ?",
	[POSITIONS] = "SELECT source, device, inode, path, offset, line, head,"
		      " anchor, seen_ms FROM position",
	[INCIDENT_PUT] = "INSERT INTO incident(id, rule, open, opened_ms,"
			 " resolved_ms, record, state)"
			 " VALUES(?, ?, ?, ?, ?, ?, ?)"
			 " ON CONFLICT(id) DO UPDATE SET rule = excluded.rule,"
			 " open = excluded.open,"
			 " opened_ms = excluded.opened_ms,"
			 " resolved_ms = excluded.resolved_ms,"
			 " record = excluded.record, state = excluded.state",
	[INCIDENTS] = "SELECT id, rule, open, opened_ms, resolved_ms, record,"
		      " state FROM incident"
		      " WHERE open = 1 OR rowid IN (SELECT rowid"
		      " FROM incident WHERE open = 0 AND resolved_ms >= ?1"
		      " ORDER BY resolved_ms DESC"
		      " LIMIT CASE WHEN ?1 = 0 THEN -1 ELSE 10000 END)"
		      " ORDER BY opened_ms, rowid",
	[INCIDENTS_PRUNE] = "DELETE FROM incident"
			    " WHERE open = 0 AND resolved_ms < ?",
	[DETECTOR_PUT] = "INSERT OR REPLACE INTO detector(rule, key, state)"
			 " VALUES(?, ?, ?)",
	[DETECTOR_DELETE] = "DELETE FROM detector WHERE rule = ? AND key = ?",
	[DETECTORS] = "SELECT rule, key, state FROM detector",
	[RUN_LAST] =
	    "SELECT max(id) FROM run WHERE id BETWEEN 0 AND " NUMBER_MAX,
	[RUN_PUT] = "INSERT OR REPLACE INTO run(id, incident, action, state,"
		    " attempt, pid, start_time, started_ms, ended_ms)"
		    " VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)",
	[RUNS] = "SELECT id, incident, action, state, attempt, pid,"
		 " start_time, started_ms, ended_ms FROM run"
		 " WHERE started_ms >= ? ORDER BY started_ms, id",
	[RUNS_PRUNE] = "DELETE FROM run WHERE started_ms < ?",
	[DELIVERY_LAST] = "SELECT max(seq) FROM delivery"
			  " WHERE seq BETWEEN 0 AND " NUMBER_MAX,
	[DELIVERY_PUT] =
	    "INSERT INTO delivery(seq, id, action, incident, change,"
	    " dead, attempts, created_ms, next_ms, error, body_bytes)"
	    " VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
	    " ON CONFLICT(seq) DO UPDATE SET id = excluded.id,"
	    " action = excluded.action, incident = excluded.incident,"
	    " change = excluded.change, dead = excluded.dead,"
	    " attempts = excluded.attempts,"
	    " created_ms = excluded.created_ms,"
	    " next_ms = excluded.next_ms, error = excluded.error,"
	    " body_bytes = CASE excluded.body_bytes"
	    " WHEN 0 THEN body_bytes ELSE excluded.body_bytes END",
	[DELIVERY_DELETE] = "DELETE FROM delivery WHERE seq = ?",
	[DELIVERIES] = "SELECT seq, id, action, incident, change, dead,"
		       " attempts, created_ms, next_ms, error, body_bytes"
		       " FROM delivery ORDER BY seq",
	[BODY_PUT] = "INSERT OR REPLACE INTO body(seq, bytes) VALUES(?, ?)",
	[BODY_GET] = "SELECT bytes FROM body WHERE seq = ?",
	[BODY_DELETE] = "DELETE FROM body WHERE seq = ?",
};

struct store {
	struct database *db;
	struct intents *intents; /* NULL: none are kept */
	/* The last numbers given out.  A rollback does not take them back: the
	 * caller keeps the row, and puts it again with its number. */
	int64_t run_id, delivery_seq;
	char *moved_to; /* where a damaged file went; NULL: there was none */
};

static struct query
query(struct store *s, enum statement id)
{
	return database_query(s->db, id, sql[id]);
}

static int
last_number(struct store *s, enum statement id, int64_t *out, struct err *err)
{
	struct query q = query(s, id);

	if (query_next(&q))
		*out = query_int(&q, 0);
	return query_end(&q, "read", err);
}

/* Takes over db and intents; on failure they are closed. */
static struct store *
store_new(struct database *db, struct intents *intents, struct err *err)
{
	struct store *s = mem_new(1, sizeof *s);

	s->db = db;
	s->intents = intents;
	if (last_number(s, RUN_LAST, &s->run_id, err) == 0 &&
	    last_number(s, DELIVERY_LAST, &s->delivery_seq, err) == 0)
		return s;
	store_close(s);
	return NULL;
}

/* Puts a damaged file out of the way, so that the next try makes a new one.
 * *moved_to is replaced by where it went. */
static int
make_way(const char *path, const char *file, const struct stat *judged,
    const struct err *reason, char **moved_to, struct err *err)
{
	char *moved;

	if (statefile_is_foreign(file))
		return err_set(err,
		    "%s is no state file of logwatch and is left as it is: "
		    "name another file with --state",
		    path);
	if (statefile_move_aside(file, judged, &moved, err) != 0)
		return err_wrap(
		    err, "state file %s is damaged (%s)", path, reason->text);
	if (moved == NULL)
		return 0;
	log_warning("state file is damaged, starting with a new one; "
		    "positions in logs, open incidents, notifications "
		    "that waited and the ledger of runs are lost "
		    "reason=%s path=%s moved_to=%s",
	    reason->text, path, moved);
	free(*moved_to);
	*moved_to = moved;
	return 0;
}

static int
refuse_second(const char *path, pid_t holder, struct err *err)
{
	char pid[32] = "";

	if (holder != 0)
		snprintf(pid, sizeof pid, " (pid %d)", (int)holder);
	return err_set(err,
	    "state file %s is in use by another logwatch%s: stop it first or "
	    "name another file with --state",
	    path, pid);
}

/* What SQLite would take for a new file, although something was in it. */
static bool
emptied(const char *file, const struct stat *st, struct err *err)
{
	if (st->st_size == 1)
		err_set(err, "there is only one byte in it");
	else if (st->st_size == 0 && statefile_has_wal(file))
		err_set(err, "it is empty, but its log %s-wal is not", file);
	else
		return false;
	return true;
}

/* Without it nothing is lost but time: what would start at once waits for a
 * commit. */
static struct intents *
open_intents(const char *file)
{
	struct str path = { 0 };
	struct err err;
	struct intents *is;

	str_printf(&path, "%s-intents", file);
	is = intents_open(path.data, &err);
	if (is == NULL)
		log_warning("scripts start a little later, for what is noted "
			    "before a start has no file: %s",
		    err.text);
	str_free(&path);
	return is;
}

/* One look at the file, which is made where it is not there. */
static struct database *
try_open(const char *path, enum schema_verdict *verdict, pid_t *holder,
    char **moved_to, struct intents **intents, struct err *err)
{
	struct database *db = NULL;
	struct err reason = { "" };
	struct stat st;
	char *file = statefile_make(path, &st, &reason);

	*verdict = SCHEMA_FAILED;
	if (file == NULL) {
		err_set(err, "state file %s: %s", path, reason.text);
		return NULL;
	}
	if (emptied(file, &st, &reason)) {
		*verdict = SCHEMA_DAMAGED;
	} else {
		db = database_open(
		    file, DATABASE_STATE, path, STATEMENTS, verdict, &reason);
	}
	if (*verdict == SCHEMA_DAMAGED &&
	    make_way(path, file, &st, &reason, moved_to, err) != 0)
		*verdict = SCHEMA_FAILED;
	else if (*verdict == SCHEMA_BUSY)
		*holder = statefile_holder(file);
	else if (db == NULL)
		err_set(err, "state file %s: %s", path, reason.text);
	if (db != NULL)
		*intents = open_intents(file);
	free(file);
	return db;
}

static struct database *
open_locked(const char *path, char **moved_to, struct intents **intents,
    struct err *err)
{
	enum schema_verdict verdict = SCHEMA_BUSY;
	pid_t holder = 0;

	for (int i = 0; i < OPEN_TRIES && holder == 0; i++) {
		struct database *db =
		    try_open(path, &verdict, &holder, moved_to, intents, err);

		if (db != NULL)
			return db;
		if (verdict != SCHEMA_BUSY && verdict != SCHEMA_DAMAGED)
			return NULL;
	}
	refuse_second(path, holder, err);
	return NULL;
}

struct store *
store_open(const char *path, struct err *err)
{
	int queue = statefile_queue(path);
	char *moved_to = NULL;
	struct intents *intents = NULL;
	struct database *db = open_locked(path, &moved_to, &intents, err);
	struct store *s = NULL;

	if (queue >= 0)
		close(queue);
	if (db != NULL)
		s = store_new(db, intents, err);
	if (s == NULL)
		free(moved_to);
	else
		s->moved_to = moved_to;
	return s;
}

/* Opens a copy of the file, which is gone from the disk when this returns. */
static struct database *
open_private(const char *path, bool *missing, enum schema_verdict *verdict,
    struct err *err)
{
	struct database *db;
	struct err reason = { "" };
	char *copy = statefile_copy(path, missing, &reason);

	*verdict = SCHEMA_FAILED;
	if (copy == NULL) {
		if (!*missing)
			err_set(err, "state file %s: %s", path, reason.text);
		return NULL;
	}
	db = database_open(
	    copy, DATABASE_COPY, path, STATEMENTS, verdict, &reason);
	statefile_discard(copy);
	if (db == NULL)
		err_set(err, "state file %s%s: %s", path,
		    *verdict == SCHEMA_DAMAGED ? " is damaged" : "",
		    reason.text);
	return db;
}

struct store *
store_open_snapshot(const char *path, bool *missing, struct err *err)
{
	enum schema_verdict verdict;
	struct database *db = open_private(path, missing, &verdict, err);

	return db != NULL ? store_new(db, NULL, err) : NULL;
}

struct store *
store_open_copy(const char *path, struct err *err)
{
	enum schema_verdict verdict, found;
	struct database *from = NULL, *db;
	bool missing = true;
	int ret = 0;

	if (path != NULL)
		from = open_private(path, &missing, &found, err);
	if (from == NULL && !missing && found != SCHEMA_DAMAGED)
		return NULL;
	if (from == NULL && !missing)
		log_warning("starting without the state file reason=%s",
		    err != NULL ? err->text : "damaged");
	db = database_open(NULL, DATABASE_MEMORY,
	    path != NULL ? path : "in memory", STATEMENTS, &verdict, err);
	if (db != NULL && from != NULL)
		ret = database_copy(db, from, err);
	database_close(from);
	if (ret != 0) {
		database_close(db);
		return NULL;
	}
	return db != NULL ? store_new(db, NULL, err) : NULL;
}

void
store_close(struct store *s)
{
	if (s == NULL)
		return;
	database_close(s->db);
	intents_close(s->intents);
	free(s->moved_to);
	free(s);
}

const char *
store_moved_to(const struct store *s)
{
	return s->moved_to;
}

int
store_begin(struct store *s, struct err *err)
{
	return database_begin(s->db, err);
}

int
store_commit(struct store *s, bool durable, struct err *err)
{
	return database_commit(s->db, durable, err);
}

void
store_rollback(struct store *s)
{
	database_rollback(s->db);
}

int
store_position_put(struct store *s, const struct position *p, struct err *err)
{
	struct query q = query(s, POSITION_PUT);

	query_bind_name(&q, p->source);
	query_bind_int(&q, (int64_t)p->device);
	query_bind_int(&q, (int64_t)p->inode);
	query_bind_name(&q, p->path);
	query_bind_int(&q, p->offset);
	query_bind_int(&q, p->line);
	query_bind_text(&q, p->head);
	query_bind_text(&q, p->anchor);
	query_bind_int(&q, p->seen_ms);
	return query_run(&q, "write a position", err);
}

int
store_position_delete(struct store *s, const char *source, uint64_t device,
    uint64_t inode, struct err *err)
{
	struct query q = query(s, POSITION_DELETE);

	query_bind_name(&q, source);
	query_bind_int(&q, (int64_t)device);
	query_bind_int(&q, (int64_t)inode);
	return query_run(&q, "delete a position", err);
}

int
store_positions(
    struct store *s, store_position_fn *fn, void *ctx, struct err *err)
{
	struct query q = query(s, POSITIONS);

	while (query_next(&q)) {
		struct position p = { .source = query_name(&q, 0),
			.device = (uint64_t)query_int(&q, 1),
			.inode = (uint64_t)query_int(&q, 2),
			.path = query_name(&q, 3),
			.offset = query_int(&q, 4),
			.line = query_int(&q, 5),
			.head = query_text(&q, 6),
			.anchor = query_text(&q, 7),
			.seen_ms = query_int(&q, 8) };

		fn(&p, ctx);
	}
	return query_end(&q, "read the positions", err);
}

int
store_incident_put(
    struct store *s, const struct incident_row *row, struct err *err)
{
	struct query q = query(s, INCIDENT_PUT);

	query_bind_name(&q, row->id);
	query_bind_name(&q, row->rule);
	query_bind_int(&q, row->open);
	query_bind_int(&q, row->opened_ms);
	query_bind_int(&q, row->resolved_ms);
	query_bind_text(&q, row->record);
	query_bind_text(&q, row->state);
	return query_run(&q, "write an incident", err);
}

int
store_incidents(struct store *s, int64_t resolved_since_ms,
    store_incident_fn *fn, void *ctx, struct err *err)
{
	struct query q = query(s, INCIDENTS);

	query_bind_int(&q, resolved_since_ms);
	while (query_next(&q)) {
		struct incident_row row = { .id = query_name(&q, 0),
			.rule = query_name(&q, 1),
			.open = query_int(&q, 2) != 0,
			.opened_ms = query_int(&q, 3),
			.resolved_ms = query_int(&q, 4),
			.record = query_text(&q, 5),
			.state = query_text(&q, 6) };

		fn(&row, ctx);
	}
	return query_end(&q, "read the incidents", err);
}

int
store_incidents_prune(struct store *s, int64_t before_ms, struct err *err)
{
	struct query q = query(s, INCIDENTS_PRUNE);

	query_bind_int(&q, before_ms);
	return query_run(&q, "delete old incidents", err);
}

int
store_detector_put(struct store *s, const char *rule, struct text key,
    struct text state, struct err *err)
{
	struct query q =
	    query(s, state.len > 0 ? DETECTOR_PUT : DETECTOR_DELETE);

	query_bind_name(&q, rule);
	query_bind_text(&q, key);
	if (state.len > 0)
		query_bind_text(&q, state);
	return query_run(&q, "write a detector's state", err);
}

int
store_detectors(
    struct store *s, store_detector_fn *fn, void *ctx, struct err *err)
{
	struct query q = query(s, DETECTORS);

	while (query_next(&q))
		fn(query_name(&q, 0), query_text(&q, 1), query_text(&q, 2),
		    ctx);
	return query_end(&q, "read the detectors' states", err);
}

int
store_run_put(struct store *s, struct run_row *row, struct err *err)
{
	struct query q = query(s, RUN_PUT);

	if (row->id == 0)
		row->id = ++s->run_id;
	query_bind_int(&q, row->id);
	query_bind_name(&q, row->incident);
	query_bind_name(&q, row->action);
	query_bind_name(&q, row->state);
	query_bind_int(&q, row->attempt);
	query_bind_int(&q, row->pid);
	query_bind_int(&q, row->start_time);
	query_bind_int(&q, row->started_ms);
	query_bind_int(&q, row->ended_ms);
	return query_run(&q, "write a run", err);
}

int
store_runs(struct store *s, int64_t since_ms, store_run_fn *fn, void *ctx,
    struct err *err)
{
	struct query q = query(s, RUNS);

	query_bind_int(&q, since_ms);
	while (query_next(&q)) {
		struct run_row row = { .id = query_int(&q, 0),
			.incident = query_name(&q, 1),
			.action = query_name(&q, 2),
			.state = query_name(&q, 3),
			.attempt = query_int(&q, 4),
			.pid = query_int(&q, 5),
			.start_time = query_int(&q, 6),
			.started_ms = query_int(&q, 7),
			.ended_ms = query_int(&q, 8) };

		fn(&row, ctx);
	}
	return query_end(&q, "read the runs", err);
}

int
store_runs_prune(struct store *s, int64_t before_ms, struct err *err)
{
	struct query q = query(s, RUNS_PRUNE);

	query_bind_int(&q, before_ms);
	return query_run(&q, "delete old runs", err);
}

bool
store_intent_put(struct store *s, struct intent_row *row)
{
	return s->intents != NULL && intents_put(s->intents, row);
}

void
store_intent_delete(struct store *s, int slot)
{
	intents_delete(s->intents, slot);
}

void
store_intents(struct store *s, store_intent_fn *fn, void *ctx)
{
	if (s->intents != NULL)
		intents_each(s->intents, fn, ctx);
}

static int
body_put(struct store *s, int64_t seq, struct text body, struct err *err)
{
	struct query q = query(s, BODY_PUT);

	query_bind_int(&q, seq);
	query_bind_text(&q, body);
	return query_run(&q, "write the body of a notification", err);
}

int
store_delivery_put(struct store *s, struct delivery_row *row, struct err *err)
{
	struct query q = query(s, DELIVERY_PUT);

	if (row->seq == 0)
		row->seq = ++s->delivery_seq;
	query_bind_int(&q, row->seq);
	query_bind_name(&q, row->id);
	query_bind_name(&q, row->action);
	query_bind_name(&q, row->incident);
	query_bind_name(&q, row->change);
	query_bind_int(&q, row->dead);
	query_bind_int(&q, row->attempts);
	query_bind_int(&q, row->created_ms);
	query_bind_int(&q, row->next_ms);
	query_bind_name(&q, row->error);
	query_bind_int(&q, (int64_t)row->body.len);
	if (query_run(&q, "write a notification", err) != 0)
		return -1;
	return row->body.len > 0 ? body_put(s, row->seq, row->body, err) : 0;
}

int
store_delivery_body(
    struct store *s, int64_t seq, struct str *out, struct err *err)
{
	struct query q = query(s, BODY_GET);
	bool found;

	query_bind_int(&q, seq);
	found = query_next(&q);
	if (found)
		str_add_text(out, query_text(&q, 0));
	if (query_end(&q, "read the body of a notification", err) != 0)
		return -1;
	return found ? 0 : err_set(err, "no notification %" PRId64, seq);
}

int
store_delivery_delete(struct store *s, int64_t seq, struct err *err)
{
	struct query q = query(s, DELIVERY_DELETE);
	struct query body;

	query_bind_int(&q, seq);
	if (query_run(&q, "delete a notification", err) != 0)
		return -1;
	body = query(s, BODY_DELETE);
	query_bind_int(&body, seq);
	return query_run(&body, "delete a notification", err);
}

int
store_deliveries(
    struct store *s, store_delivery_fn *fn, void *ctx, struct err *err)
{
	struct query q = query(s, DELIVERIES);

	while (query_next(&q)) {
		struct delivery_row row = { .seq = query_int(&q, 0),
			.id = query_name(&q, 1),
			.action = query_name(&q, 2),
			.incident = query_name(&q, 3),
			.change = query_name(&q, 4),
			.dead = query_int(&q, 5) != 0,
			.attempts = query_int(&q, 6),
			.created_ms = query_int(&q, 7),
			.next_ms = query_int(&q, 8),
			.error = query_name(&q, 9),
			.body_bytes = query_int(&q, 10) };

		fn(&row, ctx);
	}
	return query_end(&q, "read the notifications", err);
}
