/* SPDX-License-Identifier: MIT */
/**
 * What survives a kill, in one SQLite file: positions, incidents, the state of
 * detectors, the ledger of runs, the outbox.  Knows rows, not what they mean.
 *
 * All writes happen between store_begin() and store_commit() and become
 * durable together or not at all.  One connection, locked for itself.  Intents
 * alone are written at any time, to a file beside it.
 */
#ifndef LOGWATCH_STORE_STORE_H
#define LOGWATCH_STORE_STORE_H

#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

struct store;

/**
 * Opens the state file, makes it (0600, and its directory 0700) where it is not
 * there, brings an older format up to date.  A file that is no state of ours or
 * is damaged is moved aside to PATH.damaged-N and a new one made, said in the
 * log; one of a newer version is refused.  A second logwatch on it is refused
 * with a text that says so and what to do.
 *
 * The lock ends with a fork, and when the same process opens or copies the file
 * again: open it once, after going to the background.
 *
 * Returns a store to close with store_close(), or NULL with the reason.
 */
struct store *store_open(const char *path, struct err *err);

/** A state in memory that starts as a copy of the file's (as it was last
 * committed; empty where path is NULL, where there is none or, said in the log,
 * where it is damaged), which is not touched. */
struct store *store_open_copy(const char *path, struct err *err);

/**
 * The file's state as last committed, for reading only, also while a logwatch
 * holds it.  NULL with the reason; *missing says that there is no such file.
 */
struct store *store_open_snapshot(
    const char *path, bool *missing, struct err *err);

void store_close(struct store *s); /* NULL does nothing */

/** Where store_open() moved a damaged file to; NULL: none was. */
const char *store_moved_to(const struct store *s);

int store_begin(struct store *s, struct err *err);
/**
 * durable: it is on the disk when this returns, with all that was committed
 * before; else a power cut may take it back, whole.
 *
 * On -1 the transaction is rolled back, or where only the disk did not confirm
 * it may stay: put the same rows again in another one.  Numbers that rows were
 * given stay theirs.  A put that failed within it makes it fail.
 */
int store_commit(struct store *s, bool durable, struct err *err);
void store_rollback(struct store *s);

/** How far a file has been read. */
struct position {
	const char *source;
	const char *path; /* name it was last seen under */
	uint64_t device, inode;
	int64_t offset;   /* next byte to read */
	int64_t line;     /* number of the line that starts there, from 1 */
	struct text head; /* fingerprint of its first bytes, tail's business */
	struct text anchor; /* and of those before offset */
	int64_t seen_ms;    /* wall time it was last there */
};
/* (source, device, inode) is the key of a position. */
int store_position_put(
    struct store *s, const struct position *p, struct err *err);
int store_position_delete(struct store *s, const char *source, uint64_t device,
    uint64_t inode, struct err *err);
typedef void store_position_fn(const struct position *p, void *ctx);
int store_positions(
    struct store *s, store_position_fn *fn, void *ctx, struct err *err);

/** An incident's row; what it holds is incident/'s business. */
struct incident_row {
	const char *id;
	const char *rule;
	bool open;
	int64_t opened_ms;
	int64_t resolved_ms; /* 0 while open */
	struct text record;  /* the incident record as JSON */
	struct text state;   /* what else must survive, as JSON */
};
int store_incident_put(
    struct store *s, const struct incident_row *row, struct err *err);
typedef void store_incident_fn(const struct incident_row *row, void *ctx);
/** In the order in which they opened.  resolved_since_ms: of the resolved ones
 * only those not older, and of these the newest 10,000; INT64_MAX: open ones
 * only; 0: all. */
int store_incidents(struct store *s, int64_t resolved_since_ms,
    store_incident_fn *fn, void *ctx, struct err *err);
/** Deletes what was resolved before then. */
int store_incidents_prune(struct store *s, int64_t before_ms, struct err *err);

/** A detector's memory for one key; an empty state deletes the row. */
int store_detector_put(struct store *s, const char *rule, struct text key,
    struct text state, struct err *err);
typedef void store_detector_fn(
    const char *rule, struct text key, struct text state, void *ctx);
int store_detectors(
    struct store *s, store_detector_fn *fn, void *ctx, struct err *err);

/** The ledger of runs: one row an attempt, written before it starts and again
 * when it ended. */
struct run_row {
	int64_t id; /* 0: a new row; set by store_run_put */
	const char *incident;
	const char *action;
	const char *state; /* running, verifying, succeeded, failed, … */
	int64_t attempt;
	int64_t pid, start_time;      /* 0 where it never started */
	int64_t started_ms, ended_ms; /* wall */
};
int store_run_put(struct store *s, struct run_row *row, struct err *err);
typedef void store_run_fn(const struct run_row *row, void *ctx);
/** Those started at or after since_ms, oldest first. */
int store_runs(struct store *s, int64_t since_ms, store_run_fn *fn, void *ctx,
    struct err *err);
int store_runs_prune(struct store *s, int64_t before_ms, struct err *err);

/** A script's start before anything else of it is saved: enough to know it
 * again. */
struct intent_row {
	int slot;             /* 0: a new one; set by store_intent_put */
	const char *incident; /* the id it will have */
	const char *rule;     /* with key: which incident is meant */
	struct text key;
	const char *action;
	int64_t pid;        /* 0: not known (yet) */
	int64_t spawned_ms; /* when its process was made: time since boot */
	int64_t started_ms; /* wall */
};
/**
 * Writes it where a kill of logwatch cannot take it back; a power cut can.
 *
 * Returns false where it cannot be written, is too long, or too many are there
 * already: what is to be started then has to wait for a commit.
 */
bool store_intent_put(struct store *s, struct intent_row *row);
void store_intent_delete(struct store *s, int slot);
typedef void store_intent_fn(const struct intent_row *row, void *ctx);
void store_intents(struct store *s, store_intent_fn *fn, void *ctx);

/** A notification that waits, or a dead letter. */
struct delivery_row {
	int64_t seq; /* 0: a new row; set by store_delivery_put; their order */
	const char *id; /* idempotency key: ID-CHANGE */
	const char *action;
	const char *incident;
	const char *change;
	struct text body;   /* as it is sent, each time; a put without one
	                       keeps the body that is there, which a rollback
	                       takes back too; lists leave it out */
	int64_t body_bytes; /* told by lists */
	bool dead;
	int64_t attempts;
	int64_t created_ms, next_ms; /* wall */
	const char *error;           /* of the last attempt; "" for none */
};
int store_delivery_put(
    struct store *s, struct delivery_row *row, struct err *err);
/** Adds the body of a delivery to out.  -1 where there is none. */
int store_delivery_body(
    struct store *s, int64_t seq, struct str *out, struct err *err);
int store_delivery_delete(struct store *s, int64_t seq, struct err *err);
typedef void store_delivery_fn(const struct delivery_row *row, void *ctx);
int store_deliveries(
    struct store *s, store_delivery_fn *fn, void *ctx, struct err *err);

#endif
