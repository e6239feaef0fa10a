/* SPDX-License-Identifier: MIT */
/*
 * Remediations as small state machines, one an incident at a time, one a rule
 * at a time.
 */
#include "action/actions.h"

#include "action/exec.h"
#include "action/leftover.h"
#include "action/outbox.h"
#include "action/prover.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "incident/incidents.h"
#include "incident/record.h"
#include "incident/silences.h"
#include "io/child.h"
#include "io/loop.h"
#include "io/orphan.h"
#include "io/process.h"
#include "io/ready.h"
#include "io/timer.h"
#include "store/store.h"

#include <assert.h>
#include <inttypes.h>
#include <signal.h>

#define RUNNING_MAX 16 /* scripts at once */
#define BACKOFF_MAX_MS (INT64_C(60) * 60 * 1000)
#define SETTLE_MS 1    /* a script has to itself before we go on */
#define LINES_MAX 1000 /* of a script's output that go to the log */

/* Why a script is skipped. */
#define LATE "not run: the hit is late, from a backlog"
#define OBSERVED "not run: the rule only observes"

enum stage {
	STAGE_QUEUED,    /* waits for its rule's turn */
	STAGE_INTENDED,  /* noted; starts when that is committed */
	STAGE_RUNNING,   /* its script runs */
	STAGE_VERIFYING, /* its script is done; waits for the proof */
};

/** The exec actions of one incident on their way. */
struct remedy {
	struct remedy *next;
	struct actions *owner;
	struct incident *incident;
	const struct steps *steps;
	size_t step;
	bool escalation; /* the scripts of `escalate` */
	enum stage stage;
	bool hasty;   /* nothing of its incident was ever saved */
	bool settled; /* its script is attended to */
	bool proved;
	size_t lines;       /* that the step's script printed */
	struct run_row row; /* of the step's attempt; texts are lent */
	bool row_dirty;
	struct child *child;
	struct orphan *orphan;
	struct timer *deadline; /* of the proof */
	struct timer *rest;     /* before the next attempt; NULL: none came */
	bool resting;
	struct prover *prover; /* asks a program for the proof */
};

/** The last of a step that is over, until it is saved. */
struct ended {
	struct ended *next;
	struct run_row row;
	char *incident, *action;
};

/** A start that counts against a limit. */
struct start {
	size_t action;
	int64_t wall_ms;
};

/** What an earlier logwatch began and could not save. */
struct begun {
	struct begun *next;
	struct intent_row row;          /* its texts are here: */
	char *incident, *rule, *action; /* owned */
	bool saved;                     /* all but its pid */
};

struct actions {
	struct actions_spec spec;
	struct actions_callbacks callbacks;
	struct remedy *remedies; /* oldest first */
	struct ended *ended;
	struct begun *begun;
	struct leftovers *leftovers;
	struct timer *settling;
	struct ready *ready;   /* for the next script; NULL: none */
	bool held;             /* something cannot be noted; said */
	bool hurried;          /* something started that is not saved */
	bool unsettled;        /* and a moment ago */
	uint64_t void_intents; /* by slot: with the next commit */
	struct start *starts;
	size_t start_count, start_capacity;
	int64_t due_ms;
	bool stopping;
	bool loading;   /* not all that had begun are there yet */
	bool advancing; /* the queue is being worked through */
};

static void on_settling(void *ctx);
static void on_again(void *ctx);
static void on_leftover_end(const struct run_row *row, void *ctx);
static json_t *on_state(const char *incident, void *ctx);

struct actions *
actions_new(
    const struct actions_spec *spec, const struct actions_callbacks *callbacks)
{
	struct actions *as = mem_new(1, sizeof *as);

	as->spec = *spec;
	as->callbacks = *callbacks;
	as->due_ms = INT64_MAX;
	as->settling = timer_new(spec->loop, on_settling, as);
	as->leftovers = leftovers_new(spec->loop, on_leftover_end, as);
	outbox_on_again(spec->outbox, on_again, on_state, as);
	return as;
}

static void ended_free(struct actions *as);

static void
begun_free(struct begun *b)
{
	free(b->incident);
	free(b->rule);
	free(b->action);
	free(b);
}

static void
remedy_free(struct remedy *r)
{
	child_free(r->child);
	orphan_free(r->orphan);
	timer_free(r->deadline);
	timer_free(r->rest);
	prover_free(r->prover);
	free(r);
}

void
actions_free(struct actions *as)
{
	if (as == NULL)
		return;
	while (as->remedies != NULL) {
		struct remedy *r = as->remedies;

		as->remedies = r->next;
		remedy_free(r);
	}
	while (as->begun != NULL) {
		struct begun *b = as->begun;

		as->begun = b->next;
		begun_free(b);
	}
	ended_free(as);
	leftovers_free(as->leftovers);
	timer_free(as->settling);
	ready_free(as->ready);
	free(as->starts);
	free(as);
}

static const struct action *
action_of(const struct remedy *r)
{
	return &r->owner->spec.actions[r->steps->v[r->step]];
}

static struct run *
run_of(const struct remedy *r)
{
	return incident_run(r->incident, action_of(r)->name);
}

static int64_t
wall(const struct actions *as)
{
	return as->callbacks.wall_ms(as->callbacks.ctx);
}

static void
dirty(struct actions *as)
{
	as->callbacks.dirty(as->callbacks.ctx);
}

/* The limit */

static void
note_start(struct actions *as, size_t action, int64_t wall_ms)
{
	if (as->spec.actions[action].limit_runs == 0)
		return;
	if (as->start_count == as->start_capacity) {
		as->start_capacity =
		    as->start_capacity ? as->start_capacity * 2 : 16;
		as->starts = mem_resize(
		    as->starts, as->start_capacity, sizeof *as->starts);
	}
	as->starts[as->start_count++] = (struct start){ action, wall_ms };
}

static bool
limited(struct actions *as, size_t action, int64_t wall_ms)
{
	const struct action *a = &as->spec.actions[action];
	size_t kept = 0;
	int64_t runs = 0;

	if (a->limit_runs == 0)
		return false;
	for (size_t k = 0; k < as->start_count; k++) {
		const struct start *s = &as->starts[k];
		const struct action *of = &as->spec.actions[s->action];

		if (wall_ms - s->wall_ms >= of->limit_within_ms)
			continue;
		runs += s->action == action;
		as->starts[kept++] = *s;
	}
	as->start_count = kept;
	return runs >= a->limit_runs;
}

/* Proofs */

static void
want_proofs(struct actions *as, size_t action)
{
	bool wanted = false;

	if (as->spec.actions[action].proof.sources == NULL)
		return;
	for (const struct remedy *r = as->remedies; r != NULL; r = r->next)
		wanted |=
		    r->steps->v[r->step] == action &&
		    (r->stage == STAGE_RUNNING || r->stage == STAGE_VERIFYING);
	as->callbacks.want_proof(action, wanted, as->callbacks.ctx);
}

static void
enter(struct remedy *r, enum stage stage)
{
	r->stage = stage;
	want_proofs(r->owner, r->steps->v[r->step]);
}

/* The ledger */

static void
note_run(struct remedy *r)
{
	const struct run *run = run_of(r);

	r->row.incident = r->incident->id;
	r->row.action = action_of(r)->name;
	r->row.state = run_state_name(run->state);
	r->row.attempt = run->attempt;
	r->row_dirty = true;
	r->incident->dirty = true;
	dirty(r->owner);
}

/* The last of a row, which waits to be saved by itself. */
static void
ended_add(struct actions *as, const struct run_row *row)
{
	struct ended *e = mem_new(1, sizeof *e);

	e->row = *row;
	e->row.incident = e->incident = mem_text(row->incident);
	e->row.action = e->action = mem_text(row->action);
	e->next = as->ended;
	as->ended = e;
}

/* A step is over. */
static void
leave_row(struct remedy *r)
{
	if (!r->row_dirty)
		return;
	ended_add(r->owner, &r->row);
	r->row = (struct run_row){ 0 };
	r->row_dirty = false;
}

static void
ended_free(struct actions *as)
{
	while (as->ended != NULL) {
		struct ended *e = as->ended;

		as->ended = e->next;
		free(e->incident);
		free(e->action);
		free(e);
	}
}

/* The course of a remedy */

static void advance(struct remedy *r);

static bool must_wait(const struct remedy *r);

/* One that advances may end, and let others advance: look from the start. */
static void
advance_queued(struct actions *as)
{
	struct remedy *r = as->remedies;

	/* One that ends at once asks for this again; however many do, the
	 * stack stays flat. */
	if (as->advancing)
		return;
	as->advancing = true;
	while (r != NULL)
		/* Whoever is freed was taken out of the list before:
		 * NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
		if (r->stage == STAGE_QUEUED && !must_wait(r)) {
			advance(r);
			r = as->remedies;
		} else {
			r = r->next;
		}
	as->advancing = false;
}

static void
take_out(struct remedy *r)
{
	struct remedy **link = &r->owner->remedies;
	size_t action = r->steps->v[r->step];

	while (*link != r)
		link = &(*link)->next;
	*link = r->next;
	want_proofs(r->owner, action);
}

static void
tell_ended(const struct remedy *r, const char *error)
{
	const struct actions_callbacks *c = &r->owner->callbacks;

	if (c->ended != NULL)
		c->ended(action_of(r)->name, r->incident->id, error, c->ctx);
}

static void
escalate(struct actions *as, struct incident *i)
{
	i->escalated_ms = wall(as);
	incidents_tell(as->spec.incidents, i, CHANGE_ESCALATED);
}

static struct moment
moment(const struct actions *as)
{
	return (
	    struct moment){ as->callbacks.now_ms(as->callbacks.ctx), wall(as) };
}

/* Whether it runs by the clock, and not because its incident opened. */
static bool
is_errand(const struct remedy *r)
{
	return !r->escalation && r->incident->rule != NO_RULE &&
	       r->owner->spec.plans[r->incident->rule].scheduled;
}

/* An errand opens an incident only now. */
static void
errand_failed(struct remedy *r)
{
	struct actions *as = r->owner;
	const struct run *run = run_of(r);
	struct str why = { 0 };

	str_printf(&why, "action %s %s: %s", run->name,
	    run_state_name(run->state), run->error);
	incidents_errand_failed(
	    as->spec.incidents, r->incident, str_text(&why), moment(as));
	str_free(&why);
}

/* The remedy is over.  Its end is told before the incident is let go, so that
 * 'remediated' comes before a 'resolved' that was seen meanwhile. */
static void
finish(struct remedy *r, bool succeeded)
{
	struct actions *as = r->owner;
	struct incident *i = r->incident;
	bool more = false, errand = is_errand(r);

	take_out(r);
	if (errand && !succeeded)
		errand_failed(r);
	if (succeeded && !r->escalation) {
		if (i->rule != NO_RULE)
			as->callbacks.reset(i->rule, as->callbacks.ctx);
		if (i->state == INCIDENT_OPEN)
			incidents_tell(
			    as->spec.incidents, i, CHANGE_REMEDIATED);
	} else if (!succeeded && !r->escalation) {
		if (!errand || i->escalated_ms == 0)
			escalate(as, i);
	} else if (!succeeded) {
		log_error("a script of the escalation failed; a human is "
			  "needed rule=%s id=%s",
		    i->rule_id, i->id);
		if (run_of(r)->state != RUN_LIMITED) /* it ran not long ago */
			tell_ended(r, run_of(r)->error);
	}
	for (const struct remedy *o = as->remedies; o != NULL; o = o->next)
		more |= o->incident == i;
	if (!more)
		incidents_hold(as->spec.incidents, i, false,
		    as->callbacks.now_ms(as->callbacks.ctx), wall(as));
	leave_row(r);
	remedy_free(r);
	if (errand && succeeded)
		incidents_errand_done(as->spec.incidents, i, moment(as));
	dirty(as);
	advance_queued(as);
}

/* Further attempts */

static void
on_rested(void *ctx)
{
	struct remedy *r = ctx;

	r->resting = false;
	advance_queued(r->owner);
}

/* It waits for its turn again: after so long. */
static void
queue_again(struct remedy *r, int64_t rest_ms)
{
	run_of(r)->state = RUN_PENDING;
	r->incident->dirty = true;
	timer_free(r->deadline);
	r->deadline = NULL;
	prover_free(r->prover);
	r->prover = NULL;
	r->resting = rest_ms > 0;
	if (r->resting && r->rest == NULL)
		r->rest = timer_new(r->owner->spec.loop, on_rested, r);
	if (r->resting)
		timer_in(r->rest, rest_ms);
	enter(r, STAGE_QUEUED);
	dirty(r->owner);
}

/* Before the next attempt, after so many. */
static int64_t
backoff(const struct action *a, int attempts)
{
	int64_t ms = a->backoff_ms;

	for (int k = 1; k < attempts && ms < BACKOFF_MAX_MS; k++)
		ms *= 2;
	return ms < BACKOFF_MAX_MS || ms == a->backoff_ms ? ms : BACKOFF_MAX_MS;
}

/* 20 % more or less, so that what failed at once does not come back at once. */
static int64_t
jitter(int64_t ms)
{
	return ms * 4 / 5 + (int64_t)arc4random_uniform((uint32_t)ms * 2 / 5);
}

/* Whether an attempt that ended like this is followed by another. */
static bool
is_tried_again(const struct remedy *r, enum run_state state)
{
	return (state == RUN_FAILED || state == RUN_UNVERIFIED) &&
	       run_of(r)->attempt < action_of(r)->attempts;
}

/* How the attempt ended, for the record and the ledger. */
static void
note_failure(struct remedy *r, enum run_state state, const char *error)
{
	struct run *run = run_of(r);

	run->state = state;
	free(run->error);
	run->error = mem_text(error);
	if (r->row.started_ms != 0) {
		run->ended_ms = r->row.ended_ms = wall(r->owner);
		note_run(r);
	}
}

static void
fail(struct remedy *r, enum run_state state, const char *error)
{
	struct run *run = run_of(r);
	char after[WHEN_SIZE];
	int64_t rest_ms;

	note_failure(r, state, error);
	if (is_tried_again(r, state)) {
		rest_ms = jitter(backoff(action_of(r), run->attempt));
		log_warning("action %s, trying again after %s rule=%s id=%s "
			    "action=%s attempt=%d of=%" PRId64 ": %s",
		    run_state_name(state), duration_write(rest_ms, after),
		    r->incident->rule_id, r->incident->id, run->name,
		    run->attempt, action_of(r)->attempts, error);
		leave_row(r);
		queue_again(r, rest_ms);
		advance_queued(r->owner);
		return;
	}
	log_error("action %s rule=%s id=%s action=%s attempt=%d: %s",
	    run_state_name(state), r->incident->rule_id, r->incident->id,
	    run->name, run->attempt, error);
	for (size_t k = r->step + 1; k < r->steps->count; k++)
		incident_run(
		    r->incident, r->owner->spec.actions[r->steps->v[k]].name)
		    ->state = RUN_SKIPPED;
	r->incident->dirty = true;
	finish(r, false);
}

static void
succeed(struct remedy *r)
{
	struct run *run = run_of(r);
	size_t action = r->steps->v[r->step];

	run->state = RUN_SUCCEEDED;
	log_info("action succeeded rule=%s id=%s action=%s attempt=%d "
		 "duration_ms=%" PRId64 "%s",
	    r->incident->rule_id, r->incident->id, run->name, run->attempt,
	    run->duration_ms,
	    action_is_proved(action_of(r)) ? " verified=yes" : "");
	r->row.ended_ms = wall(r->owner);
	note_run(r);
	tell_ended(r, NULL);
	if (r->step + 1 == r->steps->count) {
		finish(r, true);
		return;
	}
	leave_row(r);
	r->step++;
	timer_free(r->deadline);
	r->deadline = NULL;
	prover_free(r->prover);
	r->prover = NULL;
	r->stage = STAGE_QUEUED;
	want_proofs(r->owner, action);
	advance_queued(r->owner);
}

static void
on_deadline(void *ctx)
{
	struct remedy *r = ctx;
	struct str text = { 0 };
	char within[WHEN_SIZE];

	duration_write(action_of(r)->proof_within_ms, within);
	str_printf(&text,
	    "its script ended well, but %s proved within %s that it worked",
	    r->prover != NULL ? "no probe" : "nothing in the log", within);
	if (r->prover != NULL && prover_last(r->prover)[0] != '\0')
		str_printf(&text, ": %s", prover_last(r->prover));
	fail(r, RUN_UNVERIFIED, text.data);
	str_free(&text);
}

static void
on_proved(void *ctx)
{
	succeed(ctx);
}

/* Its script has ended well: the proof may be there already. */
static void
verify(struct remedy *r, int64_t within_ms)
{
	struct run *run = run_of(r);

	if (!action_is_proved(action_of(r)) || r->proved) {
		succeed(r);
		return;
	}
	run->state = RUN_VERIFYING;
	note_run(r);
	enter(r, STAGE_VERIFYING);
	if (r->deadline == NULL)
		r->deadline = timer_new(r->owner->spec.loop, on_deadline, r);
	timer_in(r->deadline, within_ms > 0 ? within_ms : 0);
	if (action_of(r)->prover.argc > 0)
		r->prover = prover_new(r->owner->spec.loop, action_of(r),
		    r->incident, wall(r->owner), on_proved, r);
}

static void
on_end(const struct child_end *end, void *ctx)
{
	struct remedy *r = ctx;
	struct run *run = run_of(r);
	char text[200], after[WHEN_SIZE];

	run->duration_ms = end->duration_ms;
	run->code = end->signaled ? -1 : end->code;
	run->ended_ms = wall(r->owner);
	free(run->output);
	run->output = exec_output(end->output);
	child_free(r->child);
	r->child = NULL;
	if (!end->signaled && !end->timed_out && end->code == 0) {
		verify(r, action_of(r)->proof_within_ms);
		return;
	}
	if (end->timed_out)
		snprintf(text, sizeof text, "ended for its time-out of %s",
		    duration_write(action_of(r)->timeout_ms, after));
	else if (end->signaled)
		snprintf(text, sizeof text, "killed by signal %d (%s)",
		    end->code, strsignal(end->code));
	else
		snprintf(text, sizeof text, "exit status %d", end->code);
	fail(r, RUN_FAILED, text);
}

static void
on_line(struct text line, void *ctx)
{
	struct remedy *r = ctx;

	if (++r->lines == LINES_MAX)
		log_warning("output of a script goes on; the rest of it is not "
			    "logged action=%s id=%s lines=%d",
		    action_of(r)->name, r->incident->id, LINES_MAX);
	if (r->lines >= LINES_MAX)
		return;
	log_info("output action=%s id=%s: %.*s", action_of(r)->name,
	    r->incident->id, (int)line.len, line.data);
}

static enum change_kind
change_of(const struct remedy *r)
{
	return r->escalation ? CHANGE_ESCALATED : CHANGE_OPENED;
}

/* Returns false where it cannot be started: then it has failed. */
static bool
start(struct remedy *r)
{
	struct actions *as = r->owner;
	const struct action *a = action_of(r);
	struct err err;

	r->proved = r->settled = false;
	r->lines = 0;
	if (a->proof.sources != NULL)
		as->callbacks.starting(r->steps->v[r->step], as->callbacks.ctx);
	r->child = exec_start(as->spec.loop, a, r->incident, change_of(r),
	    wall(as), as->ready, on_end, on_line, r, &err);
	as->ready = NULL;
	enter(r, STAGE_RUNNING);
	if (r->child != NULL)
		return true;
	fail(r, RUN_FAILED, err.text);
	return false;
}

/* What can wait until its script is on its way. */
static void
settle(struct remedy *r)
{
	if (r->settled || r->child == NULL)
		return;
	r->settled = true;
	exec_feed(r->child, r->incident, change_of(r));
	log_info("action started rule=%s id=%s action=%s pid=%d",
	    r->incident->rule_id, r->incident->id, action_of(r)->name,
	    (int)child_pid(r->child));
	r->row.pid = child_pid(r->child);
	r->row.start_time = process_start_time(child_pid(r->child));
	note_run(r);
}

static void
settle_all(struct actions *as)
{
	for (struct remedy *r = as->remedies; r != NULL; r = r->next)
		settle(r);
}

int
actions_save(struct actions *as, struct err *err)
{
	settle_all(as);
	for (struct ended *e = as->ended; e != NULL; e = e->next)
		if (store_run_put(as->spec.store, &e->row, err) < 0)
			return -1;
	for (struct remedy *r = as->remedies; r != NULL; r = r->next)
		if (r->row_dirty &&
		    store_run_put(as->spec.store, &r->row, err) < 0)
			return -1;
	return 0;
}

void
actions_saved(struct actions *as)
{
	ended_free(as);
	for (struct remedy *r = as->remedies; r != NULL; r = r->next)
		r->row_dirty = r->hasty = false;
	for (int slot = 1; as->void_intents >> slot != 0; slot++)
		if (as->void_intents >> slot & 1)
			store_intent_delete(as->spec.store, slot);
	as->void_intents = 0;
	as->held = as->hurried = false;
}

static void
on_settling(void *ctx)
{
	struct actions *as = ctx;

	as->unsettled = false;
	dirty(as);
}

static void
void_intent(struct actions *as, int slot)
{
	as->void_intents |= UINT64_C(1) << slot;
}

/* Notes its start with the pid that it will have, for a script may end us by
 * its first instruction.  Returns whether it was begun. */
static bool
hurry(struct remedy *r)
{
	struct actions *as = r->owner;
	struct err err;
	struct intent_row intent = {
		.incident = r->incident->id,
		.rule = r->incident->rule_id,
		.key = { r->incident->key_text, r->incident->key_len },
		.action = action_of(r)->name,
		.spawned_ms = clock_now_ms(),
		.started_ms = r->row.started_ms,
	};

	if (as->ready == NULL)
		as->ready = ready_new(NULL, &err);
	if (as->ready != NULL) {
		intent.pid = ready_pid(as->ready);
		intent.spawned_ms = ready_made_ms(as->ready);
	}
	if (!store_intent_put(as->spec.store, &intent))
		return false;
	void_intent(as, intent.slot);
	if (start(r) && child_pid(r->child) != intent.pid) {
		intent.pid = child_pid(r->child);
		intent.spawned_ms = child_made_ms(r->child);
		store_intent_put(as->spec.store, &intent);
	}
	return true;
}

bool
actions_hurry(struct actions *as)
{
	struct remedy *r = as->remedies;

	if (as->hurried) /* once: what it holds up is waited for, too */
		return as->unsettled;
	while (r != NULL)
		if (r->stage == STAGE_INTENDED && r->hasty && hurry(r)) {
			as->hurried = true;
			r = as->remedies; /* it may have failed */
		} else {
			r = r->next;
		}
	as->unsettled = as->hurried;
	if (as->unsettled)
		timer_in(as->settling, SETTLE_MS);
	return as->unsettled;
}

/* There is time now to make the process that the next script will be. */
static void
make_ready(struct actions *as)
{
	struct err err;

	for (size_t k = 0; k < as->spec.action_count; k++)
		if (as->spec.actions[k].kind == ACTION_EXEC &&
		    as->ready == NULL && !as->spec.dry_run && !as->stopping)
			as->ready = ready_new(NULL, &err);
}

/* Neither the state nor a note of its start can be written: who ran it all the
 * same would run it again after a restart. */
static void
hold_back(struct remedy *r)
{
	if (!r->owner->held)
		log_error("a script is held back until the state, or a note of "
			  "its start beside it, can be written rule=%s id=%s "
			  "action=%s",
		    r->incident->rule_id, r->incident->id, action_of(r)->name);
	r->owner->held = true;
}

/* Returns whether it has begun, or failed to.  That it is to begin is saved;
 * its pid is not before the next commit, and noted until then. */
static bool
start_intended(struct remedy *r, bool saved)
{
	if (hurry(r))
		return true;
	if (!saved) {
		hold_back(r);
		return false;
	}
	start(r);
	return true;
}

void
actions_start(struct actions *as, bool saved)
{
	struct remedy *r = as->remedies;

	/* A start that fails takes its remedy out, and may move others. */
	while (r != NULL)
		if (r->stage == STAGE_INTENDED && start_intended(r, saved))
			r = as->remedies;
		else
			r = r->next;
	settle_all(as);
	outbox_send(as->spec.outbox);
	make_ready(as);
}

/* Whether it rests, somebody has its lock, or the rule or the machine has
 * enough to do. */
static bool
must_wait(const struct remedy *r)
{
	const char *lock = action_of(r)->lock, *other;
	size_t running = 0;

	if (r->resting)
		return true;
	for (const struct remedy *o = r->owner->remedies; o != NULL;
	     o = o->next) {
		if (o == r || o->stage == STAGE_QUEUED)
			continue;
		other = action_of(o)->lock;
		if (o->incident->rule == r->incident->rule ||
		    (lock != NULL && other != NULL && strcmp(lock, other) == 0))
			return true;
		running += o->stage != STAGE_VERIFYING;
	}
	return r->owner->stopping || r->owner->loading ||
	       running >= RUNNING_MAX ||
	       leftovers_hold(r->owner->leftovers,
		   r->escalation ? NULL : r->incident->rule_id, lock);
}

static void
advance(struct remedy *r)
{
	struct actions *as = r->owner;
	size_t action = r->steps->v[r->step];
	const struct action *a = action_of(r);
	struct run *run = run_of(r);
	char within[WHEN_SIZE], text[200];

	if (must_wait(r))
		return;
	if (limited(as, action, wall(as))) {
		snprintf(text, sizeof text,
		    "not run: it already ran %" PRId64 " times within %s",
		    a->limit_runs, duration_write(a->limit_within_ms, within));
		fail(r, RUN_LIMITED, text);
		return;
	}
	note_start(as, action, wall(as));
	run->state = RUN_RUNNING;
	run->timeout_ms = a->timeout_ms;
	free(run->lock);
	run->lock = a->lock != NULL ? mem_text(a->lock) : NULL;
	run->attempt++;
	free(run->error);
	run->error = NULL;
	r->row = (struct run_row){ .started_ms = wall(as) };
	note_run(r);
	enter(r, STAGE_INTENDED);
}

static struct remedy *
remedy_new(struct actions *as, struct incident *i, const struct steps *steps,
    bool escalation)
{
	struct remedy *r = mem_new(1, sizeof *r);
	struct remedy **link = &as->remedies;

	r->owner = as;
	r->incident = i;
	r->steps = steps;
	r->escalation = escalation;
	for (size_t k = 0; k < steps->count; k++)
		incident_run(i, as->spec.actions[steps->v[k]].name);
	incidents_hold(as->spec.incidents, i, true, 0, 0);
	while (*link != NULL)
		link = &(*link)->next;
	*link = r;
	return r;
}

static void
would_run(
    struct actions *as, const struct incident *i, const struct steps *steps)
{
	for (size_t k = 0; k < steps->count; k++) {
		const struct action *a = &as->spec.actions[steps->v[k]];
		char *command = exec_describe(a, i, wall(as));

		log_info("dry run: would run rule=%s id=%s action=%s: %s",
		    i->rule_id, i->id, a->name, command);
		free(command);
	}
}

static bool take_up(struct remedy *r);

static void
begin(struct actions *as, struct incident *i, const struct steps *steps,
    bool escalation)
{
	struct remedy *r;

	if (steps->count == 0)
		return;
	if (as->spec.dry_run) {
		would_run(as, i, steps);
		return;
	}
	r = remedy_new(as, i, steps, escalation);
	r->hasty = !escalation;
	if (!take_up(r))
		advance_queued(as);
}

/* Whether a rule's scripts still run from the last time, or wait their turn. */
static bool
is_under_way(const struct actions *as, size_t rule)
{
	for (const struct remedy *r = as->remedies; r != NULL; r = r->next)
		if (!r->escalation && r->incident->rule == rule)
			return true;
	return false;
}

/* Whether its scripts did not do what they are for. */
static bool
has_failed(const struct incident *i)
{
	for (size_t k = 0; k < i->run_count; k++)
		if (i->runs[k].state >= RUN_FAILED)
			return true;
	return false;
}

/* They ran for an earlier time. */
static void
reset_runs(struct actions *as, struct incident *i, const struct steps *steps)
{
	for (size_t k = 0; k < steps->count; k++) {
		struct run *run =
		    incident_run(i, as->spec.actions[steps->v[k]].name);

		run->state = RUN_PENDING;
		run->attempt = 0;
		free(run->error);
		run->error = NULL;
	}
	i->dirty = true;
}

void
actions_errand(struct actions *as, size_t rule)
{
	const struct steps *steps = &as->spec.plans[rule].execs;
	struct incident *i;

	if (as->stopping)
		return;
	i = incidents_errand(as->spec.incidents, rule, moment(as));
	if (is_under_way(as, rule)) {
		log_warning("a schedule's scripts still run from the last "
			    "time; this time is left out rule=%s",
		    i->rule_id);
	} else if (as->spec.dry_run || as->spec.plans[rule].observe) {
		if (as->spec.dry_run)
			would_run(as, i, steps);
		else
			log_info("scheduled, and not run: the rule only "
				 "observes rule=%s",
			    i->rule_id);
		if (i->state == INCIDENT_UNOPENED)
			incidents_errand_done(
			    as->spec.incidents, i, moment(as));
	} else {
		log_info("scheduled rule=%s id=%s", i->rule_id, i->id);
		reset_runs(as, i, steps);
		remedy_new(as, i, steps, false);
		advance_queued(as);
	}
	dirty(as);
}

/* Why scripts are not run for an incident: a hit that is long over is nothing
 * to repair.  NULL: they are. */
static const char *
why_not(const struct actions *as, const struct incident *i)
{
	if (i->late)
		return LATE;
	return as->spec.plans[i->rule].observe ? OBSERVED : NULL;
}

static void
skip(struct actions *as, struct incident *i, const struct steps *steps,
    const char *why)
{
	for (size_t k = 0; k < steps->count; k++) {
		const char *name = as->spec.actions[steps->v[k]].name;
		struct run *run = incident_run(i, name);

		if (run->state != RUN_PENDING)
			continue;
		run->state = RUN_SKIPPED;
		run->error = mem_text(why);
		log_warning("action skipped rule=%s id=%s action=%s: %s",
		    i->rule_id, i->id, name, why);
	}
	i->dirty = true;
}

/* Whether its scripts were left out for being late, all of them. */
static bool
was_skipped(const struct incident *i)
{
	bool skipped = i->run_count > 0;

	for (size_t k = 0; k < i->run_count; k++)
		skipped &=
		    i->runs[k].state == RUN_SKIPPED && i->runs[k].attempt == 0;
	return skipped;
}

void
actions_proof(struct actions *as, size_t action)
{
	struct remedy *next;

	for (struct remedy *r = as->remedies; r != NULL; r = next) {
		next = r->next;
		if (r->steps->v[r->step] != action)
			continue;
		if (r->stage == STAGE_RUNNING) {
			r->proved = true;
		} else if (r->stage == STAGE_VERIFYING) {
			succeed(r);
			next = as->remedies; /* the list may have changed */
		}
	}
}

/* Notifications */

static void
notify_one(struct actions *as, const struct change *change, size_t action,
    const char *delivery, const json_t *record)
{
	const struct action *a = &as->spec.actions[action];

	if (a->disabled || (a->changes & 1u << change->kind) == 0)
		return;
	if (as->spec.dry_run)
		log_info("dry run: would notify rule=%s id=%s action=%s "
			 "change=%s",
		    change->incident->rule_id, change->incident->id, a->name,
		    change_name(change->kind));
	else
		for (size_t k = 0; k < a->notifier_count; k++)
			outbox_add(as->spec.outbox, a->notifier + k, delivery,
			    record, wall(as));
}

static bool
has_step(const struct steps *steps, size_t action)
{
	for (size_t k = 0; k < steps->count; k++)
		if (steps->v[k] == action)
			return true;
	return false;
}

/* Whether a change is kept from all by a silence.  The end of what they were
 * told of is told all the same. */
static bool
is_muted(struct actions *as, const struct change *change)
{
	struct incident *i = change->incident;
	unsigned kind =
	    change->surfaced ? CHANGE_OPENED : (unsigned)change->kind;
	bool unheard = (i->muted & 1u << CHANGE_OPENED) != 0;

	if (kind == CHANGE_RESOLVED)
		return unheard;
	if (!silences_has(as->spec.silences, i->rule_id)) {
		if (kind == CHANGE_OPENED)
			i->muted = 0;
		return false;
	}
	i->muted |= 1u << kind;
	i->dirty = true;
	return true;
}

static void
notify(struct actions *as, const struct change *told, const struct plan *p)
{
	const struct incident *i = told->incident;
	struct change own = *told, *change = &own;
	struct str delivery = { 0 };
	json_t *record;

	if (told->folded ||
	    (p->notifies.count == 0 && p->escalate_notifies.count == 0) ||
	    is_muted(as, told))
		return;
	if (told->surfaced) /* that it opened was told of its cause alone */
		own.kind = CHANGE_OPENED;
	record = record_of(i, change->kind);
	str_printf(&delivery, "%s-%s", i->id, change_name(change->kind));
	if (i->changes[change->kind] > 1)
		str_printf(&delivery, "-%zu", i->changes[change->kind]);
	for (size_t k = 0; k < p->notifies.count; k++)
		notify_one(as, change, p->notifies.v[k], delivery.data, record);
	/* Who was told that a human is needed is told what became of it. */
	for (size_t k = 0;
	     i->escalated_ms != 0 && k < p->escalate_notifies.count; k++)
		if (!has_step(&p->notifies, p->escalate_notifies.v[k]))
			notify_one(as, change, p->escalate_notifies.v[k],
			    delivery.data, record);
	str_free(&delivery);
	json_decref(record);
}

/* Whether an action was told of an incident that is open. */
static bool
was_told(const struct action *a, const struct incident *i)
{
	for (unsigned kind = 0; kind < CHANGE_COUNT; kind++)
		if (kind != CHANGE_RESOLVED && i->changes[kind] > 0 &&
		    (a->changes & 1u << kind) != 0)
			return true;
	return false;
}

static void
again_steps(
    struct actions *as, const struct incident *i, const struct steps *steps)
{
	for (size_t k = 0; k < steps->count; k++) {
		const struct action *a = &as->spec.actions[steps->v[k]];

		if (a->receiver->again_ms == 0 || a->disabled ||
		    !was_told(a, i))
			continue;
		for (size_t n = 0; n < a->notifier_count; n++)
			outbox_again(as->spec.outbox, a->notifier + n, i->id);
	}
}

static void
again_incident(struct incident *i, void *ctx)
{
	struct actions *as = ctx;
	const struct plan *p;

	if (i->rule == NO_RULE || incidents_folded(as->spec.incidents, i) ||
	    (i->muted & 1u << CHANGE_OPENED) != 0)
		return;
	p = &as->spec.plans[i->rule];
	again_steps(as, i, &p->notifies);
	if (i->escalated_ms != 0)
		again_steps(as, i, &p->escalate_notifies);
}

static void
on_again(void *ctx)
{
	struct actions *as = ctx;

	if (!as->spec.dry_run)
		incidents_each_open(as->spec.incidents, again_incident, as);
}

static json_t *
on_state(const char *incident, void *ctx)
{
	struct actions *as = ctx;
	const struct incident *i = incidents_get(as->spec.incidents, incident);

	return i != NULL && i->state == INCIDENT_OPEN
	           ? record_of(i, CHANGE_UPDATED)
	           : NULL;
}

static int64_t
escalation_due(const struct actions *as, const struct incident *i)
{
	const struct plan *p =
	    i->rule != NO_RULE ? &as->spec.plans[i->rule] : NULL;

	if (p == NULL || p->escalate_after_ms == INT64_MAX ||
	    i->state != INCIDENT_OPEN || i->escalated_ms != 0 ||
	    i->acknowledged_ms != 0)
		return INT64_MAX;
	return i->opened_ms + p->escalate_after_ms;
}

void
actions_change(struct actions *as, const struct change *change)
{
	struct incident *i = change->incident;
	const struct plan *p;
	const char *why;

	if (i->rule == NO_RULE)
		return;
	p = &as->spec.plans[i->rule];
	why = why_not(as, i);
	if (why != NULL && change->kind == CHANGE_OPENED)
		skip(as, i, &p->execs, why);
	if (why != NULL && change->kind == CHANGE_ESCALATED)
		skip(as, i, &p->escalate_execs, why);
	notify(as, change, p);
	if (change->kind == CHANGE_ESCALATED && why == NULL &&
	    i->changes[CHANGE_ESCALATED] == 1)
		begin(as, i, &p->escalate_execs, true);
	if (change->kind != CHANGE_OPENED)
		return;
	if (escalation_due(as, i) < as->due_ms)
		as->due_ms = escalation_due(as, i);
	if (why != NULL || p->scheduled)
		return;
	if (!change->reopened || was_skipped(i)) {
		begin(as, i, &p->execs, false);
	} else if (p->execs.count > 0) {
		/* A remediation runs once an incident: it did not hold. */
		log_warning("the incident is back and its remediation ran "
			    "already; escalating rule=%s id=%s",
		    i->rule_id, i->id);
		escalate(as, i);
	}
}

bool
actions_retry(struct actions *as, struct incident *i)
{
	const struct steps *steps;

	if (i->rule == NO_RULE || i->state != INCIDENT_OPEN)
		return false;
	steps = &as->spec.plans[i->rule].execs;
	for (const struct remedy *r = as->remedies; r != NULL; r = r->next)
		if (r->incident == i)
			return false;
	if (steps->count == 0 || as->spec.dry_run || as->stopping ||
	    as->spec.plans[i->rule].observe || !has_failed(i))
		return false;
	reset_runs(as, i, steps);
	begin(as, i, steps, false);
	dirty(as);
	return true;
}

struct unsilencing {
	struct actions *as;
	const char *rule;
};

static void
tell_unsilenced(struct incident *i, void *ctx)
{
	const struct unsilencing *u = ctx;
	unsigned muted = i->muted;

	if (strcmp(i->rule_id, u->rule) != 0 || muted == 0)
		return;
	i->muted = 0;
	i->dirty = true;
	if (muted & 1u << CHANGE_OPENED)
		incidents_surface(
		    u->as->spec.incidents, i, moment(u->as).now_ms);
	else if (muted & 1u << CHANGE_ESCALATED)
		incidents_tell(u->as->spec.incidents, i, CHANGE_ESCALATED);
}

void
actions_unsilenced(struct actions *as, const char *rule)
{
	struct unsilencing u = { as, rule };

	incidents_each_open(as->spec.incidents, tell_unsilenced, &u);
	dirty(as);
}

int64_t
actions_due(const struct actions *as)
{
	return as->due_ms;
}

struct ticking {
	struct actions *as;
	int64_t wall_ms;
};

static void
tick_one(struct incident *i, void *ctx)
{
	struct ticking *t = ctx;
	int64_t due = escalation_due(t->as, i);

	if (due <= t->wall_ms)
		escalate(t->as, i);
	else if (due < t->as->due_ms)
		t->as->due_ms = due;
}

void
actions_tick(struct actions *as, int64_t wall_ms)
{
	struct ticking t = { as, wall_ms };

	if (wall_ms < as->due_ms)
		return;
	as->due_ms = INT64_MAX;
	incidents_each_open(as->spec.incidents, tick_one, &t);
}

/* After a restart */

static const char why_unknown[] =
    "logwatch was stopped while it ran; how it ended is unknown";

/* Nobody knows how its script ended. */
static void
interrupted(struct remedy *r)
{
	const char *why = why_unknown;

	if (!action_of(r)->rerun) {
		fail(r, RUN_UNKNOWN, why);
		return;
	}
	note_failure(r, RUN_UNKNOWN, why);
	log_warning("a script was interrupted, running it again rule=%s id=%s "
		    "action=%s attempt=%d: %s",
	    r->incident->rule_id, r->incident->id, action_of(r)->name,
	    run_of(r)->attempt, why);
	leave_row(r);
	queue_again(r, 0);
	advance_queued(r->owner);
}

static void
on_orphan_end(void *ctx)
{
	struct remedy *r = ctx;

	orphan_free(r->orphan);
	r->orphan = NULL;
	timer_free(r->deadline);
	r->deadline = NULL;
	run_of(r)->ended_ms = wall(r->owner);
	if (action_is_proved(action_of(r)))
		verify(r, action_of(r)->proof_within_ms);
	else
		interrupted(r);
}

static void
on_orphan_timeout(void *ctx)
{
	struct remedy *r = ctx;

	log_warning("a script of an earlier logwatch ran out of time; ending "
		    "it id=%s action=%s pid=%" PRId64,
	    r->incident->id, run_of(r)->name, r->row.pid);
	/* It leads its session, and is there as long as nobody told its end. */
	kill((pid_t)-r->row.pid, SIGKILL);
}

/* What is left of a time that began then; if the clock was set back meanwhile,
 * all of it. */
static int64_t
time_left(const struct remedy *r, int64_t since_ms, int64_t all_ms)
{
	int64_t left = since_ms + all_ms - wall(r->owner);

	return left < all_ms ? left : all_ms;
}

/* It has what is left of its time. */
static void
watch_orphan(struct remedy *r)
{
	int64_t left =
	    time_left(r, r->row.started_ms, action_of(r)->timeout_ms);

	r->deadline = timer_new(r->owner->spec.loop, on_orphan_timeout, r);
	timer_in(r->deadline, left > 0 ? left : 0);
}

struct finding_row {
	struct remedy *remedy;
	const struct run *run;
};

static void
match_row(const struct run_row *row, void *ctx)
{
	struct finding_row *f = ctx;
	struct remedy *r = f->remedy;

	if (strcmp(row->incident, r->incident->id) != 0 ||
	    strcmp(row->action, f->run->name) != 0)
		return;
	r->row = *row;
	r->row.incident = r->incident->id;
	r->row.action = action_of(r)->name;
	r->row.state = run_state_name(f->run->state);
}

/* The script of the step at hand was started by an earlier logwatch. */
static void
resume_script(struct remedy *r)
{
	struct actions *as = r->owner;

	enter(r, STAGE_RUNNING);
	if (r->row.pid > 0)
		r->orphan = orphan_watch(as->spec.loop, (pid_t)r->row.pid,
		    r->row.start_time, on_orphan_end, r);
	if (r->orphan != NULL)
		watch_orphan(r);
	if (r->orphan != NULL)
		log_info("a script of an earlier logwatch still runs; waiting "
			 "for its end id=%s action=%s pid=%" PRId64,
		    r->incident->id, run_of(r)->name, r->row.pid);
	else
		interrupted(r);
}

/* Takes one out of the list. */
static void
take_out_begun(struct actions *as, struct begun *b)
{
	struct begun **link = &as->begun;

	while (*link != b)
		link = &(*link)->next;
	*link = b->next;
	void_intent(as, b->row.slot);
}

static void
take_pid_of(struct run_row *row, const struct begun *b)
{
	row->start_time =
	    process_started_at((pid_t)b->row.pid, b->row.spawned_ms);
	row->pid = row->start_time >= 0 ? b->row.pid : 0;
}

/* The pid of a script that was saved without it, from the note of its start.
 * Returns whether there is one. */
static bool
take_pid(struct actions *as, struct run_row *row)
{
	struct begun *b = as->begun;

	while (b != NULL &&
	       (!b->saved || strcmp(b->incident, row->incident) != 0 ||
		   strcmp(b->action, row->action) != 0 ||
		   b->row.started_ms != row->started_ms))
		b = b->next;
	if (b == NULL)
		return false;
	take_pid_of(row, b);
	take_out_begun(as, b);
	begun_free(b);
	return true;
}

/* Goes on where the run of the step at hand was left. */
static void
resume_step(struct remedy *r)
{
	struct actions *as = r->owner;
	struct run *run = run_of(r);
	struct finding_row f = { r, run };
	int64_t left;

	/* Its turn comes when all that had begun are there. */
	if (run->state == RUN_PENDING) {
		left = time_left(
		    r, run->ended_ms, backoff(action_of(r), run->attempt));
		if (run->attempt > 0 && run->ended_ms > 0)
			queue_again(r, left);
		return;
	}
	store_runs(as->spec.store, 0, match_row, &f, NULL);
	if (run->state == RUN_VERIFYING) {
		left =
		    time_left(r, run->ended_ms, action_of(r)->proof_within_ms);
		enter(r, STAGE_VERIFYING);
		verify(r, left);
		return;
	}
	if (take_pid(as, &r->row))
		note_run(r);
	resume_script(r);
}

static void
resume(struct actions *as, struct incident *i, const struct steps *steps,
    bool escalation)
{
	for (size_t k = 0; k < steps->count; k++) {
		const char *name = as->spec.actions[steps->v[k]].name;
		enum run_state state = RUN_SUCCEEDED;
		struct remedy *r;

		for (size_t n = 0; n < i->run_count; n++)
			if (strcmp(i->runs[n].name, name) == 0)
				state = i->runs[n].state;
		if (state == RUN_SUCCEEDED)
			continue;
		if (state == RUN_PENDING || state == RUN_RUNNING ||
		    state == RUN_VERIFYING) {
			r = remedy_new(as, i, steps, escalation);
			r->step = k;
			if (!take_up(r))
				resume_step(r);
		}
		return;
	}
}

static void
resume_incident(struct incident *i, void *ctx)
{
	struct actions *as = ctx;

	if (i->rule == NO_RULE || as->spec.dry_run)
		return;
	if (escalation_due(as, i) < as->due_ms)
		as->due_ms = escalation_due(as, i);
	resume(as, i, &as->spec.plans[i->rule].execs, false);
	if (i->escalated_ms != 0)
		resume(as, i, &as->spec.plans[i->rule].escalate_execs, true);
}

/* Which step of a remedy was begun; -1: none of its. */
static int
step_begun(const struct remedy *r, const struct begun *b)
{
	if (strcmp(b->incident, r->incident->id) != 0)
		return -1;
	for (size_t k = 0; k < r->steps->count; k++)
		if (strcmp(r->owner->spec.actions[r->steps->v[k]].name,
			b->action) == 0)
			return (int)k;
	return -1;
}

/* The last step that was begun of a remedy, those before it are done; taken out
 * of the list.  NULL: none was. */
static struct begun *
take_last_begun(struct remedy *r)
{
	struct actions *as = r->owner;
	struct begun *last = NULL, *next;
	int step = -1;

	for (struct begun *b = as->begun; b != NULL; b = next) {
		struct begun *done = b;

		next = b->next;
		if (b->saved || step_begun(r, b) < 0)
			continue;
		take_out_begun(as, b);
		if (step_begun(r, b) > step) {
			step = step_begun(r, b);
			done = last;
			last = b;
		}
		if (done != NULL)
			begun_free(done);
	}
	if (last != NULL)
		r->step = (size_t)step;
	return last;
}

/* Goes on with what was begun for its incident and could not be saved.  Returns
 * whether there was such a thing. */
static bool
take_up(struct remedy *r)
{
	struct begun *b = take_last_begun(r);

	if (b == NULL)
		return false;
	for (size_t k = 0; k < r->step; k++)
		incident_run(
		    r->incident, r->owner->spec.actions[r->steps->v[k]].name)
		    ->state = RUN_SUCCEEDED;
	run_of(r)->state = RUN_RUNNING;
	run_of(r)->attempt = 1;
	r->row.started_ms = b->row.started_ms;
	take_pid_of(&r->row, b);
	begun_free(b);
	note_run(r);
	resume_script(r);
	return true;
}

static void
load_begun(const struct intent_row *row, void *ctx)
{
	struct actions *as = ctx;
	struct begun *b = mem_new(1, sizeof *b);

	b->row = *row;
	b->incident = mem_text(row->incident);
	b->rule = mem_text(row->rule);
	b->action = mem_text(row->action);
	b->next = as->begun;
	as->begun = b;
	if (incidents_get(as->spec.incidents, b->incident) == NULL)
		incidents_expect(
		    as->spec.incidents, row->rule, row->key, b->incident);
}

static void
count_start(struct actions *as, const char *action, int64_t started_ms)
{
	for (size_t k = 0; k < as->spec.action_count; k++)
		if (strcmp(as->spec.actions[k].name, action) == 0)
			note_start(as, k, started_ms);
}

static void
load_start(const struct run_row *row, void *ctx)
{
	struct actions *as = ctx;
	struct begun *b = as->begun;

	while (b != NULL && (strcmp(b->incident, row->incident) != 0 ||
				strcmp(b->action, row->action) != 0 ||
				b->row.started_ms != row->started_ms))
		b = b->next;
	if (b != NULL && row->pid == 0 && row->ended_ms == 0) {
		b->saved = true;
	} else if (b != NULL) { /* it was saved after all */
		take_out_begun(as, b);
		begun_free(b);
	}
	if (strcmp(row->state, run_state_name(RUN_PENDING)) != 0)
		count_start(as, row->action, row->started_ms);
	/* else it was taken back before it began */
}

/* Scripts that the rules leave to nobody any more. */

/* The name is one in today's rules; NULL: none. */
static const struct action *
find_exec(const struct actions *as, const char *name)
{
	for (size_t k = 0; k < as->spec.action_count; k++)
		if (as->spec.actions[k].kind == ACTION_EXEC &&
		    strcmp(as->spec.actions[k].name, name) == 0)
			return &as->spec.actions[k];
	return NULL;
}

static const struct run *
find_run(const struct incident *i, const char *name)
{
	for (size_t k = 0; i != NULL && k < i->run_count; k++)
		if (strcmp(i->runs[k].name, name) == 0)
			return &i->runs[k];
	return NULL;
}

static bool
is_taken(const struct actions *as, const struct run_row *row)
{
	for (const struct remedy *r = as->remedies; r != NULL; r = r->next)
		if (r->row.id == row->id)
			return true;
	for (const struct ended *e = as->ended; e != NULL; e = e->next)
		if (e->row.id == row->id)
			return true;
	return false;
}

static void
leave_unknown(struct actions *as, const struct run_row *row)
{
	struct run_row last = *row;

	last.state = run_state_name(RUN_UNKNOWN);
	last.ended_ms = wall(as);
	ended_add(as, &last);
	dirty(as);
}

static void
on_leftover_end(const struct run_row *row, void *ctx)
{
	struct actions *as = ctx;

	log_info("a script of an earlier logwatch has ended, and how is "
		 "unknown id=%s action=%s pid=%" PRId64,
	    row->incident, row->action, row->pid);
	leave_unknown(as, row);
	advance_queued(as);
}

static bool
add_leftover(struct actions *as, const struct run_row *row)
{
	const struct incident *i =
	    incidents_get(as->spec.incidents, row->incident);
	const struct action *a = find_exec(as, row->action);
	const struct run *run = find_run(i, row->action);
	struct leftover_spec spec = { .row = row,
		.rule = i != NULL ? i->rule_id : NULL,
		.wall_ms = wall(as) };

	if (run != NULL && run->timeout_ms > 0) {
		spec.lock = run->lock;
		spec.timeout_ms = run->timeout_ms;
		spec.known = true;
	} else if (a != NULL) {
		spec.lock = a->lock;
		spec.timeout_ms = a->timeout_ms;
		spec.known = true;
	}
	return leftovers_add(as->leftovers, &spec);
}

static void
look_for_leftover(const struct run_row *row, void *ctx)
{
	struct actions *as = ctx;
	struct run_row noted = *row;

	if (row->ended_ms != 0 || row->started_ms == 0 ||
	    strcmp(row->state, run_state_name(RUN_PENDING)) == 0 ||
	    is_taken(as, row))
		return;
	take_pid(as, &noted);
	if (noted.pid > 0 && add_leftover(as, &noted))
		log_warning("a script of an earlier logwatch still runs, and "
			    "the rules do not say any more what it is for; "
			    "its lock is kept until it ends id=%s action=%s "
			    "pid=%" PRId64,
		    noted.incident, noted.action, noted.pid);
	else
		leave_unknown(as, &noted);
}

/* Whether a run is under way by its record, and nothing goes on with it. */
static bool
is_left(const struct actions *as, const struct run *run)
{
	for (const struct remedy *r = as->remedies; r != NULL; r = r->next)
		if (run_of(r) == run)
			return false;
	return run->state == RUN_RUNNING || run->state == RUN_VERIFYING;
}

static void
close_runs(struct incident *i, void *ctx)
{
	struct actions *as = ctx;
	bool closed = false;

	for (size_t k = 0; k < i->run_count; k++) {
		struct run *run = &i->runs[k];

		if (!is_left(as, run))
			continue;
		run->state = RUN_UNKNOWN;
		free(run->error);
		run->error = mem_text(why_unknown);
		closed = i->dirty = true;
		log_error("action %s rule=%s id=%s action=%s attempt=%d: %s",
		    run_state_name(run->state), i->rule_id, i->id, run->name,
		    run->attempt, run->error);
	}
	if (closed && i->rule != NO_RULE && i->state == INCIDENT_OPEN)
		escalate(as, i);
}

static int
load_leftovers(struct actions *as, struct err *err)
{
	if (as->spec.dry_run)
		return 0;
	if (store_runs(as->spec.store, 0, look_for_leftover, as, err) < 0)
		return -1;
	incidents_each_open(as->spec.incidents, close_runs, as);
	incidents_each_unopened(as->spec.incidents, close_runs, as);
	return 0;
}

int
actions_load(struct actions *as, struct err *err)
{
	store_intents(as->spec.store, load_begun, as);
	if (store_runs(as->spec.store, 0, load_start, as, err) < 0)
		return -1;
	for (const struct begun *b = as->begun; b != NULL; b = b->next)
		if (!b->saved)
			count_start(as, b->action, b->row.started_ms);
	as->loading = true;
	incidents_each_open(as->spec.incidents, resume_incident, as);
	incidents_each_unopened(as->spec.incidents, resume_incident, as);
	if (load_leftovers(as, err) < 0)
		return -1;
	as->loading = false;
	advance_queued(as);
	return 0;
}

/* Its incident did not come back: what is left of it is a line in the ledger,
 * which counts against the limit. */
static void
give_up(struct actions *as, struct begun *b)
{
	struct remedy none = { .owner = as,
		.row = { .incident = b->incident,
		    .action = b->action,
		    .state = run_state_name(RUN_UNKNOWN),
		    .attempt = 1,
		    .started_ms = b->row.started_ms,
		    .ended_ms = wall(as) },
		.row_dirty = true };

	if (b->saved) {
		begun_free(b);
		return;
	}
	log_warning("a script was started by an earlier logwatch, and what it "
		    "was started for is not found in the logs again; how it "
		    "ended is unknown rule=%s id=%s action=%s pid=%" PRId64,
	    b->rule, b->incident, b->action, b->row.pid);
	leave_row(&none);
	begun_free(b);
}

void
actions_read_up(struct actions *as)
{
	if (as->begun == NULL)
		return;
	incidents_expect_none(as->spec.incidents);
	while (as->begun != NULL) {
		struct begun *b = as->begun;

		take_out_begun(as, b);
		give_up(as, b);
	}
	dirty(as);
}

/* What was noted and has not begun is as if it had not been: the next start
 * begins it. */
static void
take_back(struct remedy *r)
{
	struct run *run = run_of(r);

	run->state = RUN_PENDING;
	run->attempt--;
	note_run(r);
	r->row_dirty = r->row.id != 0;
	leave_row(r);
	enter(r, STAGE_QUEUED);
}

void
actions_stop(struct actions *as)
{
	as->stopping = true;
	for (struct remedy *r = as->remedies; r != NULL; r = r->next)
		if (r->stage == STAGE_INTENDED)
			take_back(r);
}

bool
actions_running(const struct actions *as)
{
	for (const struct remedy *r = as->remedies; r != NULL; r = r->next)
		if (r->child != NULL)
			return true;
	return false;
}

bool
actions_busy(const struct actions *as)
{
	return as->remedies != NULL;
}
