/* SPDX-License-Identifier: MIT */
/*
 * The steps side by side, what flows between them, and the transaction around.
 */
#include "pipeline.h"

#include "action/actions.h"
#include "action/collector.h"
#include "action/outbox.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "event/backlog.h"
#include "incident/judge.h"
#include "incident/record.h"
#include "incident/silences.h"
#include "incident/troubles.h"
#include "io/fetch.h"
#include "io/loop.h"
#include "io/timer.h"
#include "ruleset.h"
#include "store/store.h"
#include "tail/streams.h"

#include <inttypes.h>

#define LAZY_MS 1000    /* a position alone may wait so long to be saved */
#define RETRY_MS 5000   /* after a transaction that failed */
#define END_BYTES 65536 /* of a file, in which its last stamp is looked for */
#define STOP_MS 10000   /* for scripts that run when we are to stop */
#define LEDGER_MS (INT64_C(90) * 24 * 3600 * 1000)

/** How long a file was when an action started: what is before that is no proof
 * of it. */
struct mark {
	int64_t size;
};

/** A file whose last stamp is looked for. */
struct dating {
	struct pipeline *p;
	size_t source;
};

/** A row of a detector's memory that is of no use any more. */
struct outdated {
	char *rule;
	struct str key;
};

/** What is known of the detectors of the last start. */
struct earlier {
	struct map *written; /* char *, see write_written(), by rule */
	bool *changed;       /* by rule: its detector was another */
	struct outdated *outdated;
	size_t outdated_count;
};

struct pipeline {
	struct pipeline_spec spec;
	const struct ruleset *rs;
	struct tail *tail;
	struct streams *streams;
	struct judge *judge;
	struct matcher *matcher;     /* the judge's */
	struct detectors *detectors; /* likewise */
	struct incidents *incidents; /* likewise */
	struct processes *processes;
	const struct process_spec **process_specs; /* by rule */
	struct probes *probes;
	const struct probe_spec **probe_specs; /* likewise */
	struct https *https;
	const struct http_spec **http_specs; /* likewise */
	struct schedules *schedules;
	const struct schedule_spec **schedule_specs; /* likewise */
	struct troubles *troubles; /* NULL: they are switched off */
	struct silences *silences;
	struct actions *actions;
	struct collector *collector;
	struct outbox *outbox;
	size_t dropped;         /* by it, as was told */
	uint64_t *hits;         /* by rule */
	int64_t *last_event_ms; /* by source */
	struct fetcher *fetcher;

	struct map **marks;      /* by action: file -> struct mark */
	struct backlog *backlog; /* what was there when we started */
	int64_t age_ms;          /* of the event at hand, by its own stamp */

	struct turn *commit_turn;
	struct timer *lazy, *due, *stop;
	bool lazy_set;
	bool urgent;   /* something waits for the commit */
	bool save_all; /* the last transaction failed */
	bool flushed;  /* events were told that had waited: the positions of
	                  their files moved */
	bool stopping, finished;
	int64_t steady_offset_ms; /* from the monotonic clock to our time */
	int64_t failed_ms;        /* when the last transaction failed */
	struct map *failures;     /* patterns that gave up, said once */
	struct earlier earlier;
};

/*
 * Our time starts as the wall clock and then counts as the monotonic one does:
 * no jump of the wall clock moves a deadline, and what is stored still means
 * something after a restart.
 */
static int64_t
steady_ms(void *ctx)
{
	const struct pipeline *p = ctx;

	return clock_now_ms() + p->steady_offset_ms;
}

static struct moment
moment(struct pipeline *p)
{
	return (struct moment){ steady_ms(p), clock_wall_ms() };
}

static int64_t
wall_ms(void *ctx)
{
	(void)ctx;
	return clock_wall_ms();
}

/* Saving */

struct saving {
	struct pipeline *p;
	struct err *err;
	int ret;
};

static void
save_position(uint64_t file, const struct position *position, void *ctx)
{
	struct saving *s = ctx;
	struct position p = *position;

	/* An event that is not whole yet is read again after a restart. */
	matcher_pending(s->p->matcher, file, &p.offset, &p.line);
	if (s->ret == 0)
		s->ret = store_position_put(s->p->spec.store, &p, s->err);
}

static void
forget_position(const char *source, uint64_t device, uint64_t inode, void *ctx)
{
	struct saving *s = ctx;

	if (s->ret == 0)
		s->ret = store_position_delete(
		    s->p->spec.store, source, device, inode, s->err);
}

static void
save_detector(const char *rule, struct text key, struct text state, void *ctx)
{
	struct saving *s = ctx;

	if (s->ret == 0)
		s->ret = store_detector_put(
		    s->p->spec.store, rule, key, state, s->err);
}

/* The key of what a probe remembers beside its condition. */
#define PROBE_KEY TEXT("numbers")

static void
save_probe(size_t rule, struct text state, void *ctx)
{
	struct saving *s = ctx;

	save_detector(s->p->rs->rules[rule].id, PROBE_KEY, state, ctx);
}

/* Under a name that no rule can have, by the id of the rule. */
#define SILENCES "logwatch.silences"

static void
save_silence(const char *rule, struct text state, void *ctx)
{
	save_detector(SILENCES, text_of(rule), state, ctx);
}

static bool
is_errand(const struct pipeline *p, const struct incident *i)
{
	return i->rule != NO_RULE && p->rs->plans[i->rule].scheduled;
}

/* An errand of which nothing has failed is no incident: it is what its detector
 * remembers, until it is done. */
static void
save_errand(struct saving *s, const struct incident *i, const char *record,
    const char *state)
{
	json_t *json =
	    json_pack("{s:s, s:s}", "record", record, "state", state);
	char *text = json_dumps(json, JSON_COMPACT);
	bool lasts = i->state == INCIDENT_UNOPENED;

	if (s->ret == 0)
		s->ret = store_detector_put(s->p->spec.store, i->rule_id,
		    TEXT(""), text_of(lasts ? text : ""), s->err);
	free(text);
	json_decref(json);
}

static void
save_incident(struct incident *i, void *ctx)
{
	struct saving *s = ctx;
	json_t *json = record_of(i, CHANGE_UPDATED);
	char *record, *state = record_state(i);
	struct incident_row row = {
		.id = i->id,
		.rule = i->rule_id,
		.open = i->state == INCIDENT_OPEN,
		.opened_ms = i->detected_ms,
		.resolved_ms = i->resolved_ms,
		.state = text_of(state),
	};

	/* What the record's reader asks for is the state, not a change; the
	 * last one that was told is the nearest to the word. */
	json_object_set_new(
	    json, "change", json_string(change_name(i->last_change)));
	record = json_dumps(json, JSON_COMPACT);
	row.record = text_of(record);
	if (is_errand(s->p, i))
		save_errand(s, i, record, state);
	if (s->ret == 0 && !incident_is_untold(i))
		s->ret = store_incident_put(s->p->spec.store, &row, s->err);
	free(record);
	free(state);
	json_decref(json);
}

static int
save(struct pipeline *p, struct err *err)
{
	struct saving s = { p, err, 0 };

	if (store_begin(p->spec.store, err) < 0)
		return -1;
	tail_gone(p->tail, forget_position, &s);
	tail_positions(p->tail, p->save_all || p->flushed, save_position, &s);
	detectors_changed(p->detectors, save_detector, &s);
	probes_changed(p->probes, save_probe, &s);
	silences_changed(p->silences, save_silence, &s);
	if (p->troubles != NULL)
		troubles_changed(p->troubles, save_detector, &s);
	incidents_dirty(p->incidents, save_incident, &s);
	if (s.ret < 0 || actions_save(p->actions, err) < 0 ||
	    outbox_save(p->outbox, err) < 0) {
		store_rollback(p->spec.store);
		return -1;
	}
	return store_commit(p->spec.store, p->urgent, err);
}

static void
saved(struct pipeline *p)
{
	if (p->save_all)
		log_info("the state can be written again");
	p->save_all = p->flushed = false;
	tail_gone_saved(p->tail);
	detectors_saved(p->detectors);
	probes_saved(p->probes);
	silences_saved(p->silences);
	if (p->troubles != NULL)
		troubles_saved(p->troubles);
	incidents_saved(p->incidents);
	actions_saved(p->actions);
}

static void
not_saved(struct pipeline *p, const struct err *err)
{
	if (!p->save_all)
		log_error("the state cannot be written, going on in memory; "
			  "what happens now may be told again after a "
			  "restart, retry in %d s: %s",
		    RETRY_MS / 1000, err->text);
	p->save_all = true;
	timer_in(p->lazy, RETRY_MS);
	p->lazy_set = true;
}

static void finish_if_done(struct pipeline *p);

static void
rearm(struct pipeline *p)
{
	int64_t due = judge_due(p->judge);
	int64_t wall = actions_due(p->actions);

	if (silences_due(p->silences) < wall)
		wall = silences_due(p->silences);
	if (p->troubles != NULL && troubles_due(p->troubles) < due)
		due = troubles_due(p->troubles);
	if (due != INT64_MAX && due != INT64_MIN)
		due -= p->steady_offset_ms;
	if (wall != INT64_MAX && clock_now_ms() + wall - clock_wall_ms() < due)
		due = clock_now_ms() + wall - clock_wall_ms();
	timer_at(p->due, due);
}

static void
save_lazily(struct pipeline *p)
{
	timer_in(p->lazy, LAZY_MS);
	p->lazy_set = true;
}

/* What was dropped is told with what waits. */
static void
look_at_outbox(struct pipeline *p)
{
	size_t dropped = outbox_dropped(p->outbox);

	if (p->troubles != NULL && dropped != p->dropped)
		troubles_outbox(p->troubles, dropped, moment(p));
	p->dropped = outbox_dropped(p->outbox);
}

/* Saves what there is and begins what waited for that. */
static void
commit_now(struct pipeline *p)
{
	struct err err;

	if (!p->urgent)
		judge_save_gathered(p->judge);
	look_at_outbox(p);
	timer_stop(p->lazy);
	p->lazy_set = false;
	if (save(p, &err) == 0)
		saved(p);
	else
		not_saved(p, &err);
	p->urgent = false;
	actions_start(p->actions, !p->save_all);
	collector_start(p->collector);
	if (tail_caught_up(p->tail) && matcher_due(p->matcher) == INT64_MAX)
		actions_read_up(p->actions);
	rearm(p);
	if (!p->lazy_set && judge_gathered(p->judge))
		save_lazily(p);
}

static void
commit(struct pipeline *p)
{
	if (!actions_hurry(p->actions))
		commit_now(p);
}

static void
on_commit_turn(void *ctx)
{
	struct pipeline *p = ctx;

	commit(p);
	finish_if_done(p);
}

static void
on_lazy(void *ctx)
{
	commit(ctx);
}

static void
on_dirty(void *ctx)
{
	struct pipeline *p = ctx;

	p->urgent = true;
	turn_ask(p->commit_turn);
}

/* Lines */

static void
on_block(const struct block *block, void *ctx)
{
	struct pipeline *p = ctx;

	p->last_event_ms[block->source] = clock_wall_ms();
	if (p->troubles != NULL)
		troubles_line(p->troubles, block->source, steady_ms(p));
	judge_block(p->judge, block);
}

static struct text
file_key(const uint64_t *file)
{
	return (struct text){ (const char *)file, sizeof *file };
}

static void
on_file_end(uint64_t file, void *ctx)
{
	struct pipeline *p = ctx;

	judge_file_end(p->judge, file);
	backlog_remove(p->backlog, file);
	for (size_t k = 0; k < p->rs->action_count; k++)
		if (p->marks[k] != NULL)
			map_remove(p->marks[k], file_key(&file));
}

/* What is absent is judged only when all is read that was written. */
static void
look_whether_read(struct pipeline *p)
{
	judge_caught_up(
	    p->judge, tail_caught_up(p->tail) && !streams_wait(p->streams));
}

static void
on_tail_turn(void *ctx)
{
	struct pipeline *p = ctx;

	look_whether_read(p);
	if (p->troubles != NULL)
		troubles_caught_up(p->troubles, tail_caught_up(p->tail));
	if (p->urgent || detectors_crowded(p->detectors))
		commit(p);
	else if (!p->lazy_set)
		save_lazily(p);
	rearm(p);
	finish_if_done(p);
}

/* Hits, findings, changes */

static bool
is_proof(const struct pipeline *p, const struct hit *hit)
{
	const struct mark *mark =
	    p->marks[hit->index] != NULL
		? map_get(p->marks[hit->index], file_key(&hit->event->file))
		: NULL;

	return mark == NULL || hit->event->offset >= mark->size;
}

static void
on_proof(const struct hit *hit, void *ctx)
{
	struct pipeline *p = ctx;

	if (is_proof(p, hit))
		actions_proof(p->actions, hit->index);
}

static void
on_suspended(size_t index, enum part part, const struct event *event,
    uint64_t events, void *ctx)
{
	struct pipeline *p = ctx;
	struct pattern_owner owner = ruleset_owner(p->rs, index, part);

	if (p->troubles != NULL)
		troubles_suspended(
		    p->troubles, owner.name, part, event, steady_ms(p));
	log_error("a pattern keeps hitting its match limit, events are not "
		  "held to it for a while; make it simpler %s=%s path=%s "
		  "line=%" PRId64 " events=%" PRIu64,
	    owner.kind, owner.name, event->path, event->line, events);
}

static void
on_unsieved(size_t source, const char *why, void *ctx)
{
	const struct pipeline *p = ctx;

	log_warning("each line is held to each pattern, which is slower: %s "
		    "source=%s",
	    why, p->rs->tail_sources[source].name);
}

/* A limit of PCRE2 is no 'nothing happened': said once a rule and part, and
 * again every thousandth time. */
static void
on_failed(size_t index, enum part part, const struct event *event, void *ctx)
{
	struct pipeline *p = ctx;
	uint64_t id = (uint64_t)index * PART_COUNT + part;
	size_t *count = map_get(p->failures, file_key(&id));
	struct pattern_owner owner = ruleset_owner(p->rs, index, part);

	if (p->troubles != NULL)
		troubles_pattern(
		    p->troubles, owner.name, part, event, steady_ms(p));
	if (count == NULL) {
		count = mem_new(1, sizeof *count);
		map_put(p->failures, file_key(&id), count);
	}
	if ((*count)++ % 1000 == 0)
		log_error("a pattern hit its match limit: neither a match nor "
			  "none; make it simpler %s=%s path=%s line=%" PRId64
			  " times=%zu",
		    owner.kind, owner.name, event->path, event->line, *count);
}

static void
on_refused(const struct finding *finding, void *ctx)
{
	struct pipeline *p = ctx;

	log_error("too many incidents are open; this one and those to come are "
		  "not opened until some are resolved rule=%s open=%zu",
	    p->rs->rules[finding->rule].id, incidents_open_count(p->incidents));
}

static void
log_change(const struct change *change)
{
	const struct incident *i = change->incident;
	void (*log)(const char *, ...) =
	    change->kind == CHANGE_ESCALATED ? log_error
	    : change->kind == CHANGE_OPENED && i->severity >= SEVERITY_WARNING
		? log_warning
		: log_info;

	log("incident %s rule=%s id=%s severity=%s count=%" PRId64
	    " path=%s line=%" PRId64 "%s%s%s summary=%s",
	    change->reopened ? "reopened" : change_name(change->kind),
	    i->rule_id, i->id, severity_name(i->severity), i->count, i->path,
	    i->line, i->late ? " late=yes" : "",
	    i->caused_by[0] != '\0' ? " caused_by=" : "", i->caused_by,
	    i->summary);
}

/* The end of a file, as it was when we started, tells when its last event was.
 */
static int64_t
last_stamp(uint64_t file, int64_t size, void *ctx)
{
	const struct dating *d = ctx;
	struct pipeline *p = d->p;
	char *end = mem_new(END_BYTES, 1);
	ssize_t len = tail_end(p->tail, file, size, end, END_BYTES);
	const struct block block = {
		.source = d->source,
		.data = end,
		.len = len > 0 ? (size_t)len : 0,
	};
	int64_t stamp_ms = 0;

	if (!judge_last_stamp(
		p->judge, &block, SIZE_MAX, clock_wall_ms(), &stamp_ms))
		stamp_ms = 0;
	free(end);
	return stamp_ms;
}

static void
on_event(struct event *event, const struct hit *hit, void *ctx)
{
	struct pipeline *p = ctx;
	struct dating dating = { p, event->source };

	if (hit->part == PART_MATCH || hit->part == PART_SECOND)
		p->hits[hit->index]++;
	p->age_ms = backlog_age(p->backlog, event->file, event->offset,
	    event->stamp_ms, event->wall_ms, last_stamp, &dating);
	event->age_ms = p->age_ms;
}

/* Whether a hit is older than `late_after` for sure: it was there when we
 * started, and says so itself, or nobody had written to its file for so long.
 * That its rule has seen a younger one, in another file, makes it no younger.
 */
static bool
is_late(const struct pipeline *p, const struct event *event)
{
	if (event == NULL ||
	    !backlog_has(p->backlog, event->file, event->offset))
		return false;
	return p->age_ms > p->rs->late_ms ||
	       event->wall_ms - backlog_written_ms(p->backlog, event->file) >
	           p->rs->late_ms;
}

/* Whether it is of a rule of the file, that has patterns and a detector. */
static bool
is_rule(const struct pipeline *p, size_t rule)
{
	return rule < p->rs->rule_count;
}

static void
on_change(const struct change *change, void *ctx)
{
	struct pipeline *p = ctx;

	if (change->kind == CHANGE_OPENED)
		change->incident->late = is_late(p, judge_event(p->judge));
	log_change(change);
	actions_change(p->actions, change);
	collector_change(p->collector, change);
	on_dirty(p);
}

/* Actions */

static void
on_want_proof(size_t action, bool wanted, void *ctx)
{
	struct pipeline *p = ctx;

	matcher_want(p->matcher, PART_VERIFY, action, wanted);
}

static void
mark_file(uint64_t file, int64_t size, int64_t written_ms, void *ctx)
{
	struct map *marks = ctx;
	struct mark *mark = mem_new(1, sizeof *mark);

	(void)written_ms;
	mark->size = size;
	map_put(marks, file_key(&file), mark);
}

static void
on_starting(size_t action, void *ctx)
{
	struct pipeline *p = ctx;

	map_free(p->marks[action]);
	p->marks[action] = map_new(SIZE_MAX, free);
	tail_sizes(p->tail, mark_file, p->marks[action]);
	streams_sizes(p->streams, mark_file, p->marks[action]);
}

static void
on_reset(size_t rule, void *ctx)
{
	struct pipeline *p = ctx;

	judge_reset(p->judge, rule);
}

/* Troubles of our own */

static void
on_trouble(const struct finding *finding, void *ctx)
{
	struct pipeline *p = ctx;

	judge_finding(p->judge, finding);
}

static void
on_over(size_t rule, struct text key, int64_t now_ms, void *ctx)
{
	struct pipeline *p = ctx;

	(void)now_ms;
	judge_over(p->judge, rule, key);
}

static void
on_lost(const struct tail_loss *loss, void *ctx)
{
	struct pipeline *p = ctx;

	if (p->troubles != NULL)
		troubles_lost(p->troubles, loss, moment(p));
}

static void
on_path(size_t source, const char *path, enum tail_path_state state,
    const char *reason, void *ctx)
{
	struct pipeline *p = ctx;

	if (p->troubles != NULL)
		troubles_path(
		    p->troubles, source, path, state, reason, moment(p));
}

static bool
is_of(const struct pipeline *p, const struct incident *i, enum builtin b)
{
	return i->rule != NO_RULE && i->rule == p->rs->rule_count + b;
}

/* Where nobody hears that an action failed, that is no news of its own: it
 * would have no end. */
static void
on_ended(const char *action, const char *incident, const char *error, void *ctx)
{
	struct pipeline *p = ctx;
	const struct incident *i = incidents_get(p->incidents, incident);

	if (p->troubles == NULL ||
	    (error != NULL && i != NULL && is_of(p, i, BUILTIN_ACTION_FAILED)))
		return;
	troubles_action(p->troubles, action, incident, error, moment(p));
}

static void
on_unsilenced(const struct silence *s, void *ctx)
{
	struct pipeline *p = ctx;

	log_info("a silence is over rule=%s id=%s", s->rule, s->id);
	actions_unsilenced(p->actions, s->rule);
}

static void
on_due(void *ctx)
{
	struct pipeline *p = ctx;

	p->flushed |= steady_ms(p) >= matcher_due(p->matcher);
	look_whether_read(p);
	judge_tick(p->judge);
	if (p->troubles != NULL)
		troubles_tick(p->troubles, moment(p));
	actions_tick(p->actions, clock_wall_ms());
	silences_tick(p->silences, clock_wall_ms(), on_unsilenced, p);
	turn_ask(p->commit_turn);
}

/* Beginning and end */

static void
finish(struct pipeline *p)
{
	if (p->finished)
		return;
	p->finished = true;
	p->urgent = true;
	commit_now(p);
	p->spec.done(p->spec.ctx);
}

static void
finish_if_done(struct pipeline *p)
{
	if (p->finished || p->urgent)
		return;
	if (p->stopping) {
		if (!actions_running(p->actions) && streams_stopped(p->streams))
			finish(p);
		return;
	}
	if (!p->spec.once || !tail_caught_up(p->tail) ||
	    !streams_ended(p->streams))
		return;
	p->flushed = true;
	/* Either may lead to more. */
	matcher_flush(p->matcher);
	detectors_tick(p->detectors, moment(p));
	if (!p->urgent && !actions_busy(p->actions) &&
	    !collector_busy(p->collector) && !outbox_busy(p->outbox))
		finish(p);
}

static void
on_stop_timeout(void *ctx)
{
	struct pipeline *p = ctx;

	if (actions_running(p->actions))
		log_warning("a script still runs; leaving it running, the next "
			    "start waits for it");
	finish(p);
}

static void
wind_down(struct pipeline *p)
{
	if (p->stopping)
		return;
	p->stopping = true;
	actions_stop(p->actions);
	collector_stop(p->collector);
	streams_stop(p->streams);
	if (actions_running(p->actions))
		log_info("waiting for a script that runs");
	turn_ask(p->commit_turn);
}

void
pipeline_drain(struct pipeline *p)
{
	wind_down(p);
}

void
pipeline_stop(struct pipeline *p)
{
	wind_down(p);
	timer_in(p->stop, STOP_MS);
}

void
pipeline_log_status(const struct pipeline *p)
{
	log_info("status open=%zu acting=%s waiting=%zu dead=%zu caught_up=%s "
		 "state=%s",
	    incidents_open_count(p->incidents),
	    actions_busy(p->actions) ? "yes" : "no", outbox_waiting(p->outbox),
	    outbox_dead(p->outbox), tail_caught_up(p->tail) ? "yes" : "no",
	    p->save_all ? "cannot be written" : "saved");
}

void
pipeline_view(const struct pipeline *p, struct pipeline_view *out)
{
	*out = (struct pipeline_view){
		.ruleset = p->rs,
		.incidents = p->incidents,
		.store = p->spec.store,
		.tail = p->tail,
		.outbox = p->outbox,
		.silences = p->silences,
		.hits = p->hits,
		.last_event_ms = p->last_event_ms,
		.saved = !p->save_all,
	};
}

bool
pipeline_acknowledge(struct pipeline *p, const char *id)
{
	return incidents_acknowledge(p->incidents, id, clock_wall_ms());
}

bool
pipeline_resolve(struct pipeline *p, const char *id)
{
	return incidents_resolve(p->incidents, id, moment(p));
}

const char *
pipeline_silence(struct pipeline *p, const char *rule, int64_t for_ms,
    const char *reason, int64_t *until_ms)
{
	const struct silence *s =
	    silences_add(p->silences, rule, for_ms, reason, clock_wall_ms());

	if (s == NULL)
		return NULL;
	*until_ms = s->until_ms;
	on_dirty(p);
	return s->id;
}

bool
pipeline_unsilence(struct pipeline *p, const char *id)
{
	return silences_end(p->silences, id, on_unsilenced, p);
}

bool
pipeline_has_rule(const struct pipeline *p, const char *id)
{
	for (size_t k = 0; k < p->rs->rule_count + p->rs->builtin_count; k++)
		if (strcmp(p->rs->rules[k].id, id) == 0)
			return true;
	return false;
}

struct pipeline_retried
pipeline_retry(struct pipeline *p, const char *id)
{
	struct incident *i = incidents_find_id(p->incidents, id);
	struct pipeline_retried done = { .known = i != NULL };

	if (i != NULL)
		done.scripts = actions_retry(p->actions, i);
	done.deliveries = outbox_retry(p->outbox, NULL, id);
	done.known |= done.deliveries > 0;
	on_dirty(p);
	return done;
}

size_t
pipeline_retry_deliveries(struct pipeline *p, const char *id)
{
	size_t count = outbox_retry(p->outbox, id, NULL);

	on_dirty(p);
	return count;
}

size_t
pipeline_waiting(const struct pipeline *p)
{
	return outbox_waiting(p->outbox);
}

/* What rules look at by themselves */

static void
on_seen(size_t rule, enum sight sight, const struct captures *captures,
    struct text says, void *ctx)
{
	struct pipeline *p = ctx;

	detectors_see(p->detectors, rule, sight, captures, says, moment(p));
	turn_ask(p->commit_turn);
}

/* Three times in a row is an incident of its own. */
static void
on_probe_failed(size_t rule, const char *why, void *ctx)
{
	struct pipeline *p = ctx;
	const char *id = p->rs->rules[rule].id;

	if (why != NULL)
		log_warning("a probe cannot tell: %s rule=%s", why, id);
	if (p->troubles != NULL)
		troubles_probe(p->troubles, id, why, moment(p));
}

/* The time of a rule's schedule. */
static void
on_schedule(size_t rule, bool came, void *ctx)
{
	struct pipeline *p = ctx;

	if (came)
		actions_errand(p->actions, rule);
	else
		log_warning("the clock went forward past a schedule's time, "
			    "which is left out rule=%s",
		    p->rs->rules[rule].id);
}

static void
new_lookouts(struct pipeline *p)
{
	const struct ruleset *rs = p->rs;
	const struct probes_callbacks probes = { on_seen, on_probe_failed,
		steady_ms, p };

	p->process_specs = mem_new(rs->rule_count, sizeof *p->process_specs);
	p->probe_specs = mem_new(rs->rule_count, sizeof *p->probe_specs);
	p->http_specs = mem_new(rs->rule_count, sizeof *p->http_specs);
	p->schedule_specs = mem_new(rs->rule_count, sizeof *p->schedule_specs);
	for (size_t i = 0; i < rs->rule_count; i++) {
		const struct detector *d = &rs->detectors[i];

		if (d->kind == DETECT_PROCESS)
			p->process_specs[i] = &d->process;
		if (d->kind == DETECT_PROBE)
			p->probe_specs[i] = &d->probe;
		if (d->kind == DETECT_HTTP)
			p->http_specs[i] = &d->http;
		if (d->kind == DETECT_SCHEDULE)
			p->schedule_specs[i] = &d->schedule;
	}
	p->processes = processes_new(
	    p->spec.loop, p->process_specs, rs->rule_count, on_seen, p);
	p->probes =
	    probes_new(p->spec.loop, p->probe_specs, rs->rule_count, &probes);
	p->https = https_new(p->spec.loop, p->fetcher, p->http_specs,
	    rs->rule_count, on_seen, p);
	p->schedules = schedules_new(
	    p->spec.loop, p->schedule_specs, rs->rule_count, on_schedule, p);
}

static void
new_actions(struct pipeline *p)
{
	const struct ruleset *rs = p->rs;
	struct actions_spec spec = {
		.loop = p->spec.loop,
		.store = p->spec.store,
		.outbox = p->outbox,
		.incidents = p->incidents,
		.actions = rs->actions,
		.action_count = rs->action_count,
		.plans = rs->plans,
		.plan_count = rs->rule_count + rs->builtin_count,
		.dry_run = p->spec.dry_run,
		.silences = p->silences,
	};
	struct actions_callbacks callbacks = {
		.dirty = on_dirty,
		.want_proof = on_want_proof,
		.starting = on_starting,
		.reset = on_reset,
		.ended = on_ended,
		.now_ms = steady_ms,
		.wall_ms = wall_ms,
		.ctx = p,
	};

	p->actions = actions_new(&spec, &callbacks);
}

static void
new_collector(struct pipeline *p)
{
	const struct collector_spec spec = { p->spec.loop, p->rs->plans,
		p->spec.dry_run };
	const struct collector_callbacks callbacks = { on_dirty, wall_ms, p };

	p->collector = collector_new(&spec, &callbacks);
}

static void
new_judge(struct pipeline *p)
{
	const struct judge_spec spec = ruleset_judge(p->rs);
	struct judge_callbacks callbacks = {
		.now_ms = steady_ms,
		.wall_ms = wall_ms,
		.event = on_event,
		.proof = on_proof,
		.refused = on_refused,
		.change = on_change,
		.ctx = p,
		.reports = { on_failed, on_suspended, on_unsieved, p },
	};

	p->judge = judge_new(&spec, &callbacks);
	p->matcher = judge_matcher(p->judge);
	p->detectors = judge_detectors(p->judge);
	p->incidents = judge_incidents(p->judge);
}

static void
new_troubles(struct pipeline *p)
{
	const struct ruleset *rs = p->rs;
	struct troubles_spec spec = { rs->trouble_sources, rs->source_count,
		rs->rule_count };
	struct troubles_callbacks callbacks = { on_trouble, on_over, p };

	if (rs->builtin_count > 0)
		p->troubles = troubles_new(&spec, &callbacks, steady_ms(p));
}

struct pipeline *
pipeline_new(const struct pipeline_spec *spec)
{
	struct pipeline *p = mem_new(1, sizeof *p);
	const struct ruleset *rs = spec->ruleset;
	struct tail_callbacks tail = {
		.block = on_block,
		.end = on_file_end,
		.turn = on_tail_turn,
		.lost = on_lost,
		.state = on_path,
		.ctx = p,
	};

	p->spec = *spec;
	p->rs = rs;
	p->steady_offset_ms = clock_wall_ms() - clock_now_ms();
	p->commit_turn = turn_new(spec->loop, on_commit_turn, p);
	p->lazy = timer_new(spec->loop, on_lazy, p);
	p->due = timer_new(spec->loop, on_due, p);
	p->stop = timer_new(spec->loop, on_stop_timeout, p);
	p->marks = mem_new(rs->action_count, sizeof *p->marks);
	p->hits = mem_new(rs->rule_count, sizeof *p->hits);
	p->last_event_ms = mem_new(rs->source_count, sizeof *p->last_event_ms);
	p->backlog = backlog_new();
	p->silences = silences_new();
	p->failures = map_new(100000, free);
	p->earlier.written = map_new(SIZE_MAX, free);
	p->earlier.changed =
	    mem_new(rs->rule_count, sizeof *p->earlier.changed);
	p->tail =
	    tail_new(spec->loop, rs->tail_sources, rs->source_count, &tail);
	p->streams = streams_new(spec->loop, rs->stream_sources,
	    rs->stream_count, spec->once, &tail);
	new_judge(p);
	p->fetcher = fetcher_new(spec->loop);
	new_lookouts(p);
	p->outbox = outbox_new(spec->loop, p->fetcher, spec->store,
	    rs->notifiers, rs->notifier_count, on_dirty, p);
	outbox_limit(p->outbox, rs->outbox_bytes, rs->outbox_age_ms);
	outbox_on_ended(p->outbox, on_ended);
	new_actions(p);
	new_collector(p);
	new_troubles(p);
	return p;
}

static void
free_outdated(struct earlier *e)
{
	for (size_t i = 0; i < e->outdated_count; i++) {
		free(e->outdated[i].rule);
		str_free(&e->outdated[i].key);
	}
	free(e->outdated);
	e->outdated = NULL;
	e->outdated_count = 0;
}

void
pipeline_free(struct pipeline *p)
{
	if (p == NULL)
		return;
	actions_free(p->actions);
	collector_free(p->collector);
	outbox_free(p->outbox);
	https_free(p->https);
	schedules_free(p->schedules);
	fetcher_free(p->fetcher);
	troubles_free(p->troubles);
	silences_free(p->silences);
	processes_free(p->processes);
	probes_free(p->probes);
	free(p->process_specs);
	free(p->probe_specs);
	free(p->http_specs);
	free(p->schedule_specs);
	judge_free(p->judge);
	streams_free(p->streams);
	tail_free(p->tail);
	for (size_t k = 0; k < p->rs->action_count; k++)
		map_free(p->marks[k]);
	free(p->marks);
	backlog_free(p->backlog);
	free(p->hits);
	free(p->last_event_ms);
	map_free(p->failures);
	map_free(p->earlier.written);
	free(p->earlier.changed);
	free_outdated(&p->earlier);
	timer_free(p->lazy);
	timer_free(p->due);
	timer_free(p->stop);
	turn_free(p->commit_turn);
	free(p);
}

static void
load_position(const struct position *position, void *ctx)
{
	struct pipeline *p = ctx;

	tail_resume(p->tail, position);
}

/* It says something of a moment that is gone. */
static void
leave_collecting(struct incident *i)
{
	log_warning("logwatch was stopped while it collected for an incident; "
		    "that is not repeated rule=%s id=%s",
	    i->rule_id, i->id);
	i->collecting = 0;
	i->dirty = true;
}

static void
load_incident(const struct incident_row *row, void *ctx)
{
	struct pipeline *p = ctx;
	struct incident *i = record_read(row->record, row->state);

	if (i != NULL && i->collecting > 0)
		leave_collecting(i);
	if (i != NULL)
		incidents_restore(p->incidents, i);
	else
		log_error("an incident in the state file cannot be read and is "
			  "left out id=%s",
		    row->id);
}

/* Scripts of a schedule that an earlier logwatch began.  Returns false where it
 * is nothing of that kind. */
static bool
load_errand(struct pipeline *p, const char *rule, struct text text)
{
	json_t *json = json_loadb(text.data, text.len, JSON_ALLOW_NUL, NULL);
	const char *record = json_string_value(json_object_get(json, "record"));
	const char *state = json_string_value(json_object_get(json, "state"));
	struct incident *i = NULL;

	if (record != NULL && state != NULL)
		i = record_read(text_of(record), text_of(state));
	if (i != NULL && strcmp(i->rule_id, rule) == 0) {
		i->state = INCIDENT_UNOPENED;
		incidents_restore(p->incidents, i);
	} else {
		incident_free(i);
		i = NULL;
	}
	json_decref(json);
	return i != NULL;
}

static bool
is_scheduled(const struct pipeline *p, const char *rule)
{
	for (size_t k = 0; k < p->rs->rule_count; k++)
		if (strcmp(p->rs->rules[k].id, rule) == 0)
			return p->schedule_specs[k] != NULL;
	return false;
}

/* Returns false where it is no memory of a probe. */
static bool
load_probe(
    struct pipeline *p, const char *rule, struct text key, struct text state)
{
	if (!text_equal(key, PROBE_KEY))
		return false;
	for (size_t k = 0; k < p->rs->rule_count; k++)
		if (strcmp(p->rs->rules[k].id, rule) == 0 &&
		    p->probe_specs[k] != NULL) {
			probes_restore(p->probes, k, state);
			return true;
		}
	return false;
}

/* Under a name that no rule can have, by the id of the rule. */
#define WRITTEN "logwatch.detectors"

static void
write_written(uint64_t written, char text[17])
{
	snprintf(text, 17, "%016" PRIx64, written);
}

static void
load_written(const char *rule, struct text key, struct text state, void *ctx)
{
	struct pipeline *p = ctx;

	if (strcmp(rule, WRITTEN) == 0)
		map_put(
		    p->earlier.written, key, mem_copy(state.data, state.len));
}

static size_t
find_rule(const struct pipeline *p, struct text id)
{
	for (size_t k = 0; k < p->rs->rule_count; k++)
		if (text_is(id, p->rs->rules[k].id))
			return k;
	return NO_RULE;
}

static void
note_changed(struct pipeline *p)
{
	for (size_t k = 0; k < p->rs->rule_count; k++) {
		const char *before =
		    map_get(p->earlier.written, text_of(p->rs->rules[k].id));
		char now[17];

		write_written(p->rs->detectors[k].written, now);
		p->earlier.changed[k] =
		    before != NULL && strcmp(before, now) != 0;
	}
}

/* Memory of a rule that is gone, or was another then, would be wrong when it is
 * that again; what a schedule began goes on. */
static bool
is_outdated(const struct pipeline *p, const char *rule)
{
	size_t k = find_rule(p, text_of(rule));

	if (k == NO_RULE)
		return strncmp(rule, "logwatch.", 9) != 0;
	return p->earlier.changed[k] && p->schedule_specs[k] == NULL;
}

static void
note_outdated(struct pipeline *p, const char *rule, struct text key)
{
	struct earlier *e = &p->earlier;
	struct outdated *o;

	e->outdated =
	    mem_resize(e->outdated, e->outdated_count + 1, sizeof *e->outdated);
	o = &e->outdated[e->outdated_count++];
	*o = (struct outdated){ .rule = mem_text(rule) };
	str_add_text(&o->key, key);
}

static void
forget_gone(struct text rule, void *value, void *ctx)
{
	struct saving *s = ctx;

	(void)value;
	if (find_rule(s->p, rule) == NO_RULE)
		save_detector(WRITTEN, rule, TEXT(""), s);
}

/* What the detectors are now, and that the memory of others is gone. */
static int
save_written(struct pipeline *p, struct err *err)
{
	const struct earlier *e = &p->earlier;
	struct saving s = { p, err, 0 };
	char text[17];

	if (store_begin(p->spec.store, err) < 0)
		return -1;
	for (size_t i = 0; i < e->outdated_count; i++)
		save_detector(e->outdated[i].rule,
		    str_text(&e->outdated[i].key), TEXT(""), &s);
	map_each(e->written, forget_gone, &s);
	for (size_t k = 0; k < p->rs->rule_count; k++) {
		struct text id = text_of(p->rs->rules[k].id);

		write_written(p->rs->detectors[k].written, text);
		if (map_get(e->written, id) == NULL || e->changed[k])
			save_detector(WRITTEN, id, text_of(text), &s);
	}
	if (s.ret < 0) {
		store_rollback(p->spec.store);
		return -1;
	}
	return store_commit(p->spec.store, false, err);
}

static void
load_detector(const char *rule, struct text key, struct text state, void *ctx)
{
	struct pipeline *p = ctx;

	if (strcmp(rule, WRITTEN) == 0)
		return;
	if (strcmp(rule, SILENCES) == 0) {
		silences_restore(p->silences, key, state);
		return;
	}
	if (is_outdated(p, rule)) {
		note_outdated(p, rule, key);
		return;
	}
	if ((is_scheduled(p, rule) && load_errand(p, rule, state)) ||
	    load_probe(p, rule, key, state))
		return;
	if (!detectors_restore(p->detectors, rule, key, state, steady_ms(p)) &&
	    (p->troubles == NULL ||
		!troubles_restore(p->troubles, rule, key, state)))
		log_debug("memory of a rule that is gone rule=%s", rule);
}

static int
load_detectors(struct pipeline *p, struct err *err)
{
	struct err why;

	if (store_detectors(p->spec.store, load_written, p, err) < 0)
		return -1;
	note_changed(p);
	if (store_detectors(p->spec.store, load_detector, p, err) < 0)
		return -1;
	if (save_written(p, &why) < 0)
		log_warning(
		    "what detectors remember cannot be tidied: %s", why.text);
	free_outdated(&p->earlier);
	return 0;
}

static int64_t
longest_cooldown(const struct ruleset *rs)
{
	int64_t longest = 0;

	for (size_t k = 0; k < rs->rule_count + rs->builtin_count; k++)
		if (rs->policies[k].cooldown_ms > longest)
			longest = rs->policies[k].cooldown_ms;
	return longest;
}

static int
prune(struct pipeline *p, struct err *err)
{
	int64_t now = clock_wall_ms();

	if (store_begin(p->spec.store, err) < 0)
		return -1;
	if (store_incidents_prune(p->spec.store, now - p->rs->history_ms, err) <
		0 ||
	    store_runs_prune(p->spec.store, now - LEDGER_MS, err) < 0) {
		store_rollback(p->spec.store);
		return -1;
	}
	return store_commit(p->spec.store, false, err);
}

static int
load(struct pipeline *p, struct err *err)
{
	struct store *s = p->spec.store;
	int64_t cooldown = longest_cooldown(p->rs);
	int64_t since = cooldown > 0 ? clock_wall_ms() - cooldown : INT64_MAX;

	if (prune(p, err) < 0)
		log_warning("the state cannot be tidied: %s", err->text);
	if (store_positions(s, load_position, p, err) < 0 ||
	    store_incidents(s, since, load_incident, p, err) < 0 ||
	    load_detectors(p, err) < 0 || outbox_load(p->outbox, err) < 0)
		return -1;
	judge_begin(p->judge);
	return actions_load(p->actions, err);
}

static void
note_backlog(uint64_t file, int64_t size, int64_t written_ms, void *ctx)
{
	struct pipeline *p = ctx;

	backlog_add(p->backlog, file, size, written_ms);
}

static bool
is_action(const struct pipeline *p, struct text name)
{
	for (size_t k = 0; k < p->rs->action_count; k++)
		if (text_is(name, p->rs->actions[k].name))
			return true;
	for (size_t k = 0; k < p->rs->notifier_count; k++)
		if (text_is(name, p->rs->notifiers[k].name))
			return true;
	return false;
}

static bool
is_probe(const struct pipeline *p, struct text name)
{
	for (size_t k = 0; k < p->rs->rule_count; k++)
		if (p->probe_specs[k] != NULL &&
		    text_is(name, p->rs->rules[k].id))
			return true;
	return false;
}

/* A trouble of before with what the rules do not have any more, or that was
 * over before we were there. */
static void
end_trouble(struct incident *i, void *ctx)
{
	struct pipeline *p = ctx;
	struct text key = { i->key_text, i->key_len };
	bool lasts;

	if (is_rule(p, i->rule) || i->rule == NO_RULE)
		return;
	lasts = troubles_may_last(
	    p->troubles, i->rule - p->rs->rule_count, &i->key);
	if (is_of(p, i, BUILTIN_ACTION_FAILED))
		lasts = is_action(p, pairs_get(&i->key, "action"));
	if (is_of(p, i, BUILTIN_PROBE_FAILED))
		lasts = is_probe(p, pairs_get(&i->key, "name"));
	if (!lasts)
		on_over(i->rule, key, steady_ms(p), p);
}

/* Whether only what is forgotten could tell the end of an incident: of a rule
 * that is gone or switched off, or whose detector was another. */
static bool
is_endless(const struct pipeline *p, const struct incident *i)
{
	const struct rule *rule;

	if (!is_rule(p, i->rule))
		return i->rule == NO_RULE;
	rule = &p->rs->rules[i->rule];
	if (rule->disabled || !p->earlier.changed[i->rule])
		return rule->disabled;
	switch (p->rs->detectors[i->rule].kind) {
	case DETECT_MISSING:
		return rule->parts[PART_RESOLVE].count == 0 &&
		       p->rs->policies[i->rule].quiet_ms == INT64_MAX;
	case DETECT_ABSENT:
	case DETECT_PROCESS:
	case DETECT_PROBE:
	case DETECT_HTTP: /* the next look or match ends one without a key */
		return i->key_len > 0;
	case DETECT_MATCH:
	case DETECT_PAIR:
	case DETECT_SCHEDULE:
		break;
	}
	return false;
}

static void
end_endless(struct incident *i, void *ctx)
{
	struct pipeline *p = ctx;

	if (is_endless(p, i))
		incidents_end(p->incidents, i, steady_ms(p), clock_wall_ms());
}

static void
look_at_troubles(struct pipeline *p)
{
	const char *moved_to = store_moved_to(p->spec.store);

	if (p->troubles == NULL)
		return;
	incidents_each_open(p->incidents, end_trouble, p);
	if (moved_to != NULL)
		troubles_state_damaged(p->troubles, moved_to, moment(p));
}

int
pipeline_start(struct pipeline *p, struct err *err)
{
	if (load(p, err) < 0)
		return err_wrap(err, "state");
	tail_start(p->tail);
	streams_start(p->streams);
	processes_start(p->processes);
	probes_start(p->probes);
	https_start(p->https);
	if (!p->spec.once)
		schedules_start(p->schedules);
	tail_sizes(p->tail, note_backlog, p);
	incidents_each_open(p->incidents, end_endless, p);
	look_at_troubles(p);
	turn_ask(p->commit_turn);
	return 0;
}
