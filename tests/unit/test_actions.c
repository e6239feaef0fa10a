/* SPDX-License-Identifier: MIT */
/*
 * Changes into scripts and notifications: real scripts, a real state file, a
 * wall clock that is a number.
 */
#include "action/actions.h"

#include "action/outbox.h"
#include "base/log.h"
#include "base/mem.h"
#include "detect/key.h"
#include "incident/incidents.h"
#include "incident/record.h"
#include "io/fetch.h"
#include "io/loop.h"
#include "io/process.h"
#include "io/timer.h"
#include "ruleset.h"
#include "store/store.h"

#include <errno.h>
#include <ftw.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define DEADLINE_MS 20000
#define WALL_MS INT64_C(1760688000000)

/* A directory with a rule file, scripts and a state file; what pipeline.c
 * joins, without the steps before. */
struct bench {
	char dir[64];
	char *rules_path, *state_path;
	struct diag *diag;
	struct ruleset *rs;
	struct loop *loop;
	struct turn *commit;
	struct timer *poll, *deadline;
	struct fetcher *fetcher;
	struct store *store;
	struct outbox *outbox;
	struct incidents *incidents;
	struct actions *actions;
	int64_t wall_ms;
	bool dry_run;
	bool late;      /* so is what opens */
	bool held;      /* commits wait for the test */
	bool full;      /* commits fail */
	bool timed_out; /* the deadline came */
	bool (*until)(struct bench *b);
	struct incident *last;
	struct str told;  /* "CHANGE|" each */
	struct str asked; /* "want N|", "starting N|", "reset N|" each */
	struct str ended; /* "ACTION: ERROR|", or "ACTION: done|", each */
	size_t resets;
};

static char *
path_in(const struct bench *b, const char *name)
{
	struct str path = { 0 };

	str_printf(&path, "%s/%s", b->dir, name);
	return str_take(&path);
}

static void
write_file(const struct bench *b, const char *name, const char *text, int mode)
{
	char *path = path_in(b, name);
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, (mode_t)mode), 0);
	free(path);
}

/* A script that runs in the directory. */
static void
script(const struct bench *b, const char *name, const char *text)
{
	struct str whole = { 0 };

	str_printf(&whole, "#!/bin/sh\ncd '%s' || exit 99\n%s\n", b->dir, text);
	write_file(b, name, whole.data, 0700);
	str_free(&whole);
}

/* The content of a file; "" where there is none.  The caller frees it. */
static char *
read_file(const struct bench *b, const char *name)
{
	char *path = path_in(b, name), buf[4096];
	FILE *f = fopen(path, "re");
	struct str text = { 0 };
	size_t len;

	while (f != NULL && (len = fread(buf, 1, sizeof buf, f)) > 0)
		str_add(&text, buf, len);
	if (f != NULL)
		fclose(f);
	free(path);
	return str_take(&text);
}

static void
file_is(const struct bench *b, const char *name, const char *want)
{
	char *got = read_file(b, name);

	assert_string_equal(got, want);
	free(got);
}

static bool
exists(const struct bench *b, const char *name)
{
	char *path = path_in(b, name);
	bool there = access(path, F_OK) == 0;

	free(path);
	return there;
}

/* What pipeline.c does */

static void
save_incident(struct incident *i, void *ctx)
{
	struct bench *b = ctx;
	json_t *json;
	char *record, *state;
	struct incident_row row = {
		.id = i->id,
		.rule = i->rule_id,
		.open = i->state == INCIDENT_OPEN,
		.opened_ms = i->detected_ms,
		.resolved_ms = i->resolved_ms,
	};
	struct err err;

	if (incident_is_untold(i))
		return;
	json = record_of(i, CHANGE_UPDATED);
	record = json_dumps(json, 0);
	state = record_state(i);
	row.record = text_of(record);
	row.state = text_of(state);
	assert_int_equal(store_incident_put(b->store, &row, &err), 0);
	json_decref(json);
	free(record);
	free(state);
}

static void
save(struct bench *b)
{
	struct err err;

	assert_int_equal(store_begin(b->store, &err), 0);
	incidents_dirty(b->incidents, save_incident, b);
	assert_int_equal(actions_save(b->actions, &err), 0);
	assert_int_equal(outbox_save(b->outbox, &err), 0);
	assert_int_equal(store_commit(b->store, true, &err), 0);
	incidents_saved(b->incidents);
	actions_saved(b->actions);
}

static void
on_commit(void *ctx)
{
	struct bench *b = ctx;

	if (b->held)
		return;
	if (!b->full)
		save(b);
	actions_start(b->actions, !b->full);
}

static void
on_dirty(void *ctx)
{
	struct bench *b = ctx;

	turn_ask(b->commit);
}

static void
on_change(const struct change *change, void *ctx)
{
	struct bench *b = ctx;

	str_printf(&b->told, "%s%s|", change->reopened ? "re" : "",
	    change_name(change->kind));
	if (change->kind == CHANGE_OPENED)
		change->incident->late = b->late;
	actions_change(b->actions, change);
	on_dirty(b);
}

static void
on_want(size_t action, bool wanted, void *ctx)
{
	struct bench *b = ctx;

	str_printf(&b->asked, "%s %s|", wanted ? "want" : "done",
	    b->rs->actions[action].name);
}

static void
on_starting(size_t action, void *ctx)
{
	struct bench *b = ctx;

	str_printf(&b->asked, "starting %s|", b->rs->actions[action].name);
}

static void
on_reset(size_t rule, void *ctx)
{
	struct bench *b = ctx;

	b->resets++;
	str_printf(&b->asked, "reset %s|", b->rs->rules[rule].id);
}

static void
on_ended(const char *action, const char *incident, const char *error, void *ctx)
{
	struct bench *b = ctx;

	assert_int_equal(strlen(incident), ULID_SIZE - 1);
	str_printf(
	    &b->ended, "%s: %s|", action, error != NULL ? error : "done");
}

static int64_t
on_clock(void *ctx)
{
	struct bench *b = ctx;

	return b->wall_ms;
}

static void
on_poll(void *ctx)
{
	struct bench *b = ctx;

	if (b->until(b))
		loop_stop(b->loop);
	else
		timer_in(b->poll, 5);
}

static void
on_deadline(void *ctx)
{
	struct bench *b = ctx;

	b->timed_out = true;
	loop_stop(b->loop);
}

/* Runs the loop until that is so. */
static void
run_until(struct bench *b, bool (*until)(struct bench *))
{
	b->until = until;
	b->timed_out = false;
	timer_in(b->poll, 0);
	timer_in(b->deadline, DEADLINE_MS);
	loop_run(b->loop);
	timer_stop(b->poll);
	timer_stop(b->deadline);
	if (b->timed_out)
		fail_msg("not within its time; told: %s", b->told.data);
}

/* Nothing is under way, and what there was is saved. */
static bool
is_idle(struct bench *b)
{
	return !actions_busy(b->actions);
}

static bool
is_running(struct bench *b)
{
	return actions_running(b->actions);
}

static void
look_at(struct incident *i, void *ctx)
{
	bool *verifying = ctx;

	*verifying |= i->runs[0].state == RUN_VERIFYING;
}

/* An incident's first action waits for its proof. */
static bool
is_verifying(struct bench *b)
{
	bool verifying = false;

	incidents_each_open(b->incidents, look_at, &verifying);
	return verifying;
}

static bool
has_turned(struct bench *b)
{
	static int turns;

	(void)b;
	return ++turns % 10 == 0;
}

static void
load_incident(const struct incident_row *row, void *ctx)
{
	struct bench *b = ctx;

	b->last = record_read(row->record, row->state);
	assert_non_null(b->last);
	incidents_restore(b->incidents, b->last);
}

static void
start(struct bench *b)
{
	struct incidents_spec incidents = { b->rs->rules, b->rs->policies,
		b->rs->rule_count, (const char *const *)b->rs->source_names,
		"crm-1" };
	struct actions_callbacks callbacks = { on_dirty, on_want, on_starting,
		on_reset, on_ended, on_clock, on_clock, b };
	struct actions_spec spec = {
		.actions = b->rs->actions,
		.action_count = b->rs->action_count,
		.plans = b->rs->plans,
		.plan_count = b->rs->rule_count,
		.dry_run = b->dry_run,
	};
	struct err err;

	b->loop = loop_new();
	b->commit = turn_new(b->loop, on_commit, b);
	b->poll = timer_new(b->loop, on_poll, b);
	b->deadline = timer_new(b->loop, on_deadline, b);
	b->fetcher = fetcher_new(b->loop);
	b->store = store_open(b->state_path, &err);
	if (b->store == NULL)
		fail_msg("%s", err.text);
	b->outbox = outbox_new(b->loop, b->fetcher, b->store, b->rs->notifiers,
	    b->rs->notifier_count, on_dirty, b);
	b->incidents = incidents_new(&incidents, on_change, b);
	spec.loop = b->loop;
	spec.store = b->store;
	spec.outbox = b->outbox;
	spec.incidents = b->incidents;
	b->actions = actions_new(&spec, &callbacks);
	assert_int_equal(
	    store_incidents(b->store, 0, load_incident, b, &err), 0);
	assert_int_equal(outbox_load(b->outbox, &err), 0);
	assert_int_equal(actions_load(b->actions, &err), 0);
}

static void
end(struct bench *b)
{
	actions_free(b->actions);
	outbox_free(b->outbox);
	incidents_free(b->incidents);
	fetcher_free(b->fetcher);
	store_close(b->store);
	turn_free(b->commit);
	timer_free(b->poll);
	timer_free(b->deadline);
	loop_free(b->loop);
}

/* The end of a process and the next one, which knows what was saved. */
static void
restart(struct bench *b)
{
	end(b);
	str_clear(&b->told);
	str_clear(&b->asked);
	b->last = NULL;
	start(b);
}

/* A rule file of these rules and actions; DIR in it is the directory. */
static void
load(struct bench *b, const char *rules)
{
	struct str text = { 0 };
	const char *const *paths = (const char *const *)&b->rules_path;
	struct err err;

	str_puts(&text, "version: 1\nsources:\n  app: {path: app.log}\n");
	for (const char *p = rules; *p != '\0'; p++)
		if (strncmp(p, "DIR", 3) == 0) {
			str_puts(&text, b->dir);
			p += 2;
		} else {
			str_putc(&text, *p);
		}
	write_file(b, "rules.yml", text.data, 0600);
	str_free(&text);
	b->diag = diag_new();
	b->rs = ruleset_read(paths, 1, b->diag, &err);
	assert_non_null(b->rs);
	if (diag_errors(b->diag) > 0) {
		diag_print(b->diag, stderr, false);
		fail();
	}
	start(b);
}

static int
bench_make(void **state)
{
	struct bench *b = mem_new(1, sizeof *b);
	struct log_options options = { .level = LOG_DEBUG };
	struct err err;
	char *path;

	strcpy(b->dir, "/tmp/test_actions.XXXXXX");
	assert_non_null(mkdtemp(b->dir));
	b->rules_path = path_in(b, "rules.yml");
	b->state_path = path_in(b, "state.db");
	b->wall_ms = WALL_MS;
	options.path = path = path_in(b, "log");
	assert_int_equal(log_open(&options, &err), 0);
	free(path);
	*state = b;
	return 0;
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int
bench_free(void **state)
{
	struct bench *b = *state;

	if (b->rs != NULL)
		end(b);
	ruleset_free(b->rs);
	diag_free(b->diag);
	nftw(b->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(b->rules_path);
	free(b->state_path);
	str_free(&b->told);
	str_free(&b->asked);
	str_free(&b->ended);
	free(b);
	return 0;
}

static void
told(struct bench *b, const char *want)
{
	str_puts(&b->told, "");
	assert_string_equal(b->told.data, want);
	str_clear(&b->told);
}

static void
asked(struct bench *b, const char *want)
{
	str_puts(&b->asked, "");
	assert_string_equal(b->asked.data, want);
	str_clear(&b->asked);
}

/* A hit of a rule in a line. */
static void
hit_text(struct bench *b, size_t rule, struct text line)
{
	const struct rule *r = &b->rs->rules[rule];
	struct captures captures;
	struct str key = { 0 };
	struct event event = { .path = "app.log",
		.line = 7,
		.text = line,
		.wall_ms = b->wall_ms };
	struct finding f = { .rule = rule,
		.fired = true,
		.captures = &captures,
		.event = &event,
		.count = 1,
		.first_ms = b->wall_ms,
		.now_ms = b->wall_ms };

	assert_int_equal(
	    patterns_match(&r->parts[PART_MATCH], line, &captures, &f.span),
	    MATCH_YES);
	key_write(&captures, r->key, r->keys, &key);
	f.key = str_text(&key);
	incidents_find(b->incidents, &f, &b->last);
	str_free(&key);
}

static void
hit(struct bench *b, size_t rule, const char *line)
{
	hit_text(b, rule, text_of(line));
}

static void
tick(struct bench *b)
{
	incidents_tick(b->incidents, b->wall_ms, b->wall_ms);
}

/* "NAME STATE ATTEMPT EXIT|" of each action of the last incident. */
static void
runs_are(const struct incident *i, const char *want)
{
	struct str got = { 0 };

	str_puts(&got, "");
	for (size_t k = 0; k < i->run_count; k++)
		str_printf(&got, "%s %s %d %d|", i->runs[k].name,
		    run_state_name(i->runs[k].state), i->runs[k].attempt,
		    i->runs[k].code);
	assert_string_equal(got.data, want);
	str_free(&got);
}

/* The ledger as it is stored: "ACTION STATE ATTEMPT pid|" each, with pid where
 * there is one, and - where it never ended. */
static void
list_run(const struct run_row *row, void *ctx)
{
	str_printf(ctx, "%s %s %d%s%s|", row->action, row->state,
	    (int)row->attempt, row->pid > 0 ? " pid" : "",
	    row->ended_ms > 0 ? "" : " -");
}

static void
ledger_is(struct bench *b, const char *want)
{
	struct str got = { 0 };
	struct err err;

	str_puts(&got, "");
	assert_int_equal(store_runs(b->store, 0, list_run, &got, &err), 0);
	assert_string_equal(got.data, want);
	str_free(&got);
}

/* What waits in the outbox: "ACTION CHANGE[-N]|" each. */
static void
list_delivery(const struct delivery_row *row, void *ctx)
{
	assert_int_equal(
	    strncmp(row->id, row->incident, strlen(row->incident)), 0);
	assert_int_equal(row->id[ULID_SIZE - 1], '-');
	str_printf(ctx, "%s %s|", row->action, row->id + ULID_SIZE);
}

static void
deliveries_are(struct bench *b, const char *want)
{
	struct str got = { 0 };
	struct err err;

	save(b);
	str_puts(&got, "");
	assert_int_equal(
	    store_deliveries(b->store, list_delivery, &got, &err), 0);
	assert_string_equal(got.data, want);
	str_free(&got);
}

/* Remediations */

static void
scripts_run_in_the_order_written_and_their_success_is_told(void **state)
{
	struct bench *b = *state;

	script(b, "one", "echo one >>order; echo out of one");
	script(b, "two", "sleep 0.1; echo two >>order");
	script(b, "three", "echo three >>order; exit 0");
	load(b, "rules:\n"
		"  - {id: r, match: x, actions: [three, one, two]}\n"
		"actions:\n"
		"  one: {exec: [DIR/one]}\n"
		"  two: {exec: [DIR/two]}\n"
		"  three: {exec: [DIR/three]}\n");
	hit(b, 0, "x");
	assert_true(actions_busy(b->actions));
	run_until(b, is_idle);
	told(b, "opened|remediated|");
	file_is(b, "order", "three\none\ntwo\n");
	runs_are(b->last, "three succeeded 1 0|one succeeded 1 0|"
			  "two succeeded 1 0|");
	assert_string_equal(b->last->runs[1].output, "out of one\n");
	assert_true(b->last->runs[2].duration_ms >= 100);
	assert_null(b->last->runs[0].error);
	assert_false(b->last->held);
	asked(b, "reset r|");
	save(b);
	ledger_is(b, "three succeeded 1 pid|one succeeded 1 pid|"
		     "two succeeded 1 pid|");
}

static void
nothing_starts_before_it_is_committed(void **state)
{
	struct bench *b = *state;

	script(b, "one", "touch ran");
	load(b, "rules:\n  - {id: r, match: x, actions: [one]}\n"
		"actions:\n  one: {exec: [DIR/one]}\n");
	b->held = true;
	hit(b, 0, "x");
	run_until(b, has_turned);
	assert_false(exists(b, "ran"));
	assert_false(actions_running(b->actions));
	/* The intent is in the ledger before the script is started. */
	save(b);
	ledger_is(b, "one running 1 -|");
	run_until(b, has_turned);
	assert_false(exists(b, "ran"));
	b->held = false;
	actions_start(b->actions, true);
	assert_true(actions_running(b->actions));
	run_until(b, is_idle);
	assert_true(exists(b, "ran"));
	save(b);
	ledger_is(b, "one succeeded 1 pid|");
}

static void
after_one_that_fails_the_later_ones_are_skipped_and_it_escalates(void **state)
{
	static const struct {
		const char *script, *rule;
		int mode;
		const char *runs, *error;
	} cases[] = {
		{ "#!/bin/sh\necho no; exit 3\n", "", 0700,
		    "one failed 1 3|two skipped 0 -1|", "exit status 3" },
		{ "#!/bin/sh\nkill -9 $$\n", "", 0700,
		    "one failed 1 -1|two skipped 0 -1|",
		    "killed by signal 9 (Killed)" },
		{ "#!/bin/sh\nsleep 30\n", ", timeout: 100ms", 0700,
		    "one failed 1 -1|two skipped 0 -1|",
		    "ended for its time-out of 100ms" },
		{ "#!/bin/sh\n", "", 0600, "one failed 1 -1|two skipped 0 -1|",
		    "not executable" },
		{ "#!/no/such/interpreter\n", "", 0700,
		    "one failed 1 -1|two skipped 0 -1|", "interpreter" },
		{ NULL, "", 0, "one failed 1 -1|two skipped 0 -1|",
		    "no such file" },
		{ "#!/bin/sh\n", ", cwd: /no/such/place", 0700,
		    "one failed 1 -1|two skipped 0 -1|", "/no/such/place" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct bench *b;
		struct str rules = { 0 };
		void *own;

		bench_make(&own);
		b = own;
		if (cases[i].script != NULL)
			write_file(b, "one", cases[i].script, cases[i].mode);
		script(b, "two", "touch two-ran");
		script(b, "cry", "echo $LOGWATCH_CHANGE >cried");
		str_printf(&rules,
		    "rules:\n"
		    "  - {id: r, match: x, actions: [one, two],\n"
		    "     escalate: [cry]}\n"
		    "actions:\n"
		    "  one: {exec: [DIR/one]%s}\n"
		    "  two: {exec: [DIR/two]}\n"
		    "  cry: {exec: [DIR/cry]}\n",
		    cases[i].rule);
		load(b, rules.data);
		str_free(&rules);
		hit(b, 0, "x");
		run_until(b, is_idle);
		told(b, "opened|escalated|");
		if (b->last->runs[0].error == NULL ||
		    strcasestr(b->last->runs[0].error, cases[i].error) == NULL)
			fail_msg("%s, not %s", b->last->runs[0].error,
			    cases[i].error);
		assert_false(exists(b, "two-ran"));
		file_is(b, "cried", "escalated\n");
		assert_int_equal(b->last->run_count, 3);
		assert_int_equal(b->last->runs[2].state, RUN_SUCCEEDED);
		b->last->run_count = 2;
		runs_are(b->last, cases[i].runs);
		b->last->run_count = 3;
		assert_true(b->last->escalated_ms == WALL_MS);
		assert_false(b->last->held);
		assert_int_equal(b->resets, 0);
		bench_free(&own);
	}
}

static void
one_that_escalates_in_vain_ends(void **state)
{
	struct bench *b = *state;

	script(b, "no", "exit 1");
	load(b, "rules:\n"
		"  - {id: r, match: x, actions: [one], escalate: [two, "
		"three]}\n"
		"actions:\n"
		"  one: {exec: [DIR/no]}\n"
		"  two: {exec: [DIR/no]}\n"
		"  three: {exec: [DIR/no]}\n");
	hit(b, 0, "x");
	run_until(b, is_idle);
	told(b, "opened|escalated|");
	runs_are(b->last, "one failed 1 1|two failed 1 1|three skipped 0 -1|");
	assert_false(b->last->held);
	assert_string_equal(b->ended.data, "two: exit status 1|");
}

static void
output_keeps_its_end(void **state)
{
	struct bench *b = *state;

	script(b, "one",
	    "printf 'a\\377b\\n'; i=0; while [ $i -lt 1000 ]; do echo line "
	    "$i; i=$((i+1)); done; printf 'end'");
	load(b, "rules:\n  - {id: r, match: x, actions: [one]}\n"
		"actions:\n  one: {exec: [DIR/one]}\n");
	hit(b, 0, "x");
	run_until(b, is_idle);
	assert_int_equal(strlen(b->last->runs[0].output), OUTPUT_MAX);
	assert_non_null(
	    strstr(b->last->runs[0].output, "line 998\nline 999\nend"));
}

static void
a_script_may_print_anything(void **state)
{
	struct bench *b = *state;
	json_t *record;

	script(b, "one", "printf 'a\\377\\000b\\033[31m'; exit 1");
	load(b, "rules:\n  - {id: r, match: x, actions: [one]}\n"
		"actions:\n  one: {exec: [DIR/one]}\n");
	hit(b, 0, "x");
	run_until(b, is_idle);
	record = record_of(b->last, CHANGE_OPENED);
	assert_non_null(json_object_get(
	    json_array_get(json_object_get(record, "actions"), 0), "output"));
	assert_non_null(strchr(b->last->runs[0].output, 'b'));
	json_decref(record);
}

/* Proofs */

static void
load_verify(struct bench *b, const char *within)
{
	struct str rules = { 0 };

	str_printf(&rules,
	    "rules:\n  - {id: r, match: 'x(?<k>.?)', key: k,\n"
	    "     actions: [one, two], resolve: {quiet: 10s}}\n"
	    "actions:\n"
	    "  one: {exec: [DIR/one], verify: {match: ok, within: %s}}\n"
	    "  two: {exec: [DIR/two]}\n",
	    within);
	load(b, rules.data);
	str_free(&rules);
}

static void
a_proof_that_comes_after_the_script_lets_it_go_on(void **state)
{
	struct bench *b = *state;

	script(b, "one", "touch one-ran");
	script(b, "two", "touch two-ran");
	load_verify(b, "10s");
	actions_proof(b->actions, 0); /* before anything: none */
	hit(b, 0, "x");
	actions_proof(b->actions, 0); /* and before it started */
	run_until(b, is_verifying);
	assert_true(exists(b, "one-ran"));
	asked(b, "done one|starting one|want one|want one|");
	assert_false(actions_running(b->actions));
	assert_true(actions_busy(b->actions));
	run_until(b, has_turned);
	assert_false(exists(b, "two-ran"));
	assert_true(is_verifying(b));
	actions_proof(b->actions, 1); /* another action's */
	assert_true(is_verifying(b));
	actions_proof(b->actions, 0);
	run_until(b, is_idle);
	assert_true(exists(b, "two-ran"));
	told(b, "opened|remediated|");
	runs_are(b->last, "one succeeded 1 0|two succeeded 1 0|");
	actions_proof(b->actions, 0); /* nobody waits */
	told(b, "");
}

static void
a_proof_that_comes_while_the_script_runs_counts(void **state)
{
	struct bench *b = *state;

	script(b, "one", "while [ ! -e go ]; do sleep 0.02; done");
	script(b, "two", ":");
	load_verify(b, "10s");
	hit(b, 0, "x");
	run_until(b, is_running);
	actions_proof(b->actions, 0);
	run_until(b, has_turned);
	runs_are(b->last, "one running 1 -1|two pending 0 -1|");
	write_file(b, "go", "", 0600);
	run_until(b, is_idle);
	told(b, "opened|remediated|");
	runs_are(b->last, "one succeeded 1 0|two succeeded 1 0|");
}

static void
a_proof_does_not_save_a_script_that_fails(void **state)
{
	struct bench *b = *state;

	script(b, "one", "while [ ! -e go ]; do sleep 0.02; done; exit 1");
	load_verify(b, "10s");
	hit(b, 0, "x");
	run_until(b, is_running);
	actions_proof(b->actions, 0);
	write_file(b, "go", "", 0600);
	run_until(b, is_idle);
	told(b, "opened|escalated|");
	runs_are(b->last, "one failed 1 1|two skipped 0 -1|");
}

static void
without_a_proof_in_time_it_escalates(void **state)
{
	struct bench *b = *state;

	script(b, "one", ":");
	load_verify(b, "150ms");
	hit(b, 0, "x");
	run_until(b, is_idle);
	told(b, "opened|escalated|");
	runs_are(b->last, "one unverified 1 0|two skipped 0 -1|");
	assert_non_null(strstr(b->last->runs[0].error, "within 150ms"));
	actions_proof(b->actions, 0); /* too late */
	told(b, "");
	assert_int_equal(b->resets, 0);
}

static void
a_probe_that_ends_well_is_a_proof(void **state)
{
	struct bench *b = *state;

	script(b, "one", "echo ran >>ran");
	script(b, "ask", "echo \"$1\" >>asked; test $(wc -l <asked) -ge 2");
	load(b, "rules:\n"
		"  - {id: r, match: 'x(?<k>.)', key: k, actions: [one, two]}\n"
		"actions:\n"
		"  one: {exec: [DIR/one],\n"
		"    verify: {probe: [DIR/ask, 'for {{k}} a'], within: 30s}}\n"
		"  two: {exec: ['true']}\n");
	hit(b, 0, "xy");
	run_until(b, is_idle);
	told(b, "opened|remediated|");
	runs_are(b->last, "one succeeded 1 0|two succeeded 1 0|");
	file_is(b, "ran", "ran\n");
	file_is(b, "asked", "for y a\nfor y a\n");
}

static void
without_a_probe_that_ends_well_it_escalates_and_says_why(void **state)
{
	static const struct {
		const char *probe, *why;
	} cases[] = {
		{ "false", "no probe proved within 50ms that it worked: exit "
			   "status 1" },
		{ "/not/there", "no probe proved within 50ms that it worked: "
				"run /not/there: No such file" },
		{ "sleep, '60'", "no probe proved within 50ms that it worked" },
	};
	struct bench *b = *state;
	struct str rules = { 0 };

	str_puts(&rules, "rules:\n");
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		str_printf(&rules,
		    "  - {id: r%zu, match: x, actions: [a%zu]}\n", i, i);
	str_puts(&rules, "actions:\n");
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		str_printf(&rules,
		    "  a%zu: {exec: ['true'], verify: {probe: [%s], "
		    "within: 50ms}}\n",
		    i, cases[i].probe);
	load(b, rules.data);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		hit(b, i, "x");
		run_until(b, is_idle);
		told(b, "opened|escalated|");
		assert_int_equal(b->last->runs[0].state, RUN_UNVERIFIED);
		if (strstr(b->last->runs[0].error, cases[i].why) == NULL)
			fail_msg(
			    "%s: %s", cases[i].probe, b->last->runs[0].error);
	}
	str_free(&rules);
}

static void
a_probe_goes_on_after_a_restart(void **state)
{
	struct bench *b = *state;

	script(b, "one", "echo ran >>ran");
	script(b, "ask", "test -e well");
	load(b, "rules:\n"
		"  - {id: r, match: x, actions: [one]}\n"
		"actions:\n"
		"  one: {exec: [DIR/one],\n"
		"    verify: {probe: [DIR/ask], within: 30s}}\n");
	hit(b, 0, "x");
	run_until(b, is_verifying);
	restart(b);
	write_file(b, "well", "", 0600);
	run_until(b, is_idle);
	told(b, "remediated|");
	runs_are(b->last, "one succeeded 1 0|");
	file_is(b, "ran", "ran\n");
}

static void
a_script_runs_as_its_user(void **state)
{
	struct bench *b = *state;

	load(b, "rules:\n"
		"  - {id: r, match: x, actions: [one]}\n"
		"  - {id: s, match: y, actions: [two]}\n"
		"actions:\n"
		"  one: {exec: [sh, -c, 'id -un; id -G; echo \"$HOME\"'],\n"
		"    user: nobody}\n"
		"  two: {exec: ['true'], user: nobody-of-that-name}\n");
	hit(b, 0, "x");
	run_until(b, is_idle);
	if (geteuid() == 0) {
		told(b, "opened|remediated|");
		assert_string_equal(
		    b->last->runs[0].output, "nobody\n65534\n/nonexistent\n");
	} else {
		told(b, "opened|escalated|");
		assert_non_null(
		    strstr(b->last->runs[0].error, "only root can run"));
	}
	hit(b, 1, "y");
	run_until(b, is_idle);
	told(b, "opened|escalated|");
	assert_non_null(strstr(
	    b->last->runs[0].error, "there is no user 'nobody-of-that-name'"));
}

static void
what_ends_while_it_is_proved_is_told_after_the_success(void **state)
{
	struct bench *b = *state;

	script(b, "one", ":");
	script(b, "two", ":");
	load_verify(b, "10s");
	hit(b, 0, "x");
	run_until(b, is_verifying);
	b->wall_ms += 60000;
	tick(b);
	told(b, "opened|");
	actions_proof(b->actions, 0);
	run_until(b, is_idle);
	tick(b);
	told(b, "remediated|resolved|");
	assert_true(b->last->resolved_ms == WALL_MS + 60000);
}

static void
hits_while_it_is_repaired_count_and_start_nothing(void **state)
{
	struct bench *b = *state;

	script(b, "one", "echo ran >>ran");
	script(b, "two", ":");
	load_verify(b, "10s");
	hit(b, 0, "x");
	run_until(b, is_verifying);
	hit(b, 0, "x");
	hit(b, 0, "x");
	run_until(b, has_turned);
	assert_int_equal(b->last->count, 3);
	actions_proof(b->actions, 0);
	run_until(b, is_idle);
	hit(b, 0, "x");
	run_until(b, is_idle);
	file_is(b, "ran", "ran\n");
	told(b, "opened|remediated|");
}

/* Turns and limits */

static void
incidents_of_one_rule_are_repaired_one_after_the_other(void **state)
{
	struct bench *b = *state;

	/* Two at once would find the other's directory. */
	script(b, "one",
	    "mkdir busy || exit 1; echo $LOGWATCH_CAPTURE_K >>order; "
	    "sleep 0.05; rmdir busy");
	load(b, "rules:\n"
		"  - {id: r, match: 'x(?<k>.)', key: k, actions: [one]}\n"
		"  - {id: s, match: 'x(?<k>.)', key: k, actions: [two]}\n"
		"actions:\n  one: {exec: [DIR/one]}\n"
		"  two: {exec: [sleep, '0.01']}\n");
	hit(b, 0, "xa");
	hit(b, 0, "xb");
	hit(b, 0, "xc");
	run_until(b, is_idle);
	file_is(b, "order", "a\nb\nc\n");
	told(b, "opened|opened|opened|remediated|remediated|remediated|");
	/* Another rule does not wait. */
	hit(b, 0, "xd");
	hit(b, 1, "xa");
	run_until(b, is_running);
	run_until(b, is_idle);
	file_is(b, "order", "a\nb\nc\nd\n");
}

static void
a_limit_holds_and_is_over_when_its_time_is(void **state)
{
	struct bench *b = *state;

	script(b, "one", "echo ran >>ran");
	load(b, "rules:\n"
		"  - {id: r, match: 'x(?<k>.)', key: k, actions: [one, two]}\n"
		"actions:\n"
		"  one: {exec: [DIR/one], limit: {runs: 2, within: 1h}}\n"
		"  two: {exec: ['true']}\n");
	hit(b, 0, "xa");
	run_until(b, is_idle);
	b->wall_ms += 1000;
	hit(b, 0, "xb");
	run_until(b, is_idle);
	told(b, "opened|remediated|opened|remediated|");
	hit(b, 0, "xc");
	run_until(b, is_idle);
	told(b, "opened|escalated|");
	runs_are(b->last, "one limited 0 -1|two skipped 0 -1|");
	assert_non_null(strstr(b->last->runs[0].error, "2 times within 1h"));
	file_is(b, "ran", "ran\nran\n");
	/* A run counts while it is younger than within. */
	b->wall_ms = WALL_MS + 3600000 - 1;
	hit(b, 0, "xd");
	run_until(b, is_idle);
	told(b, "opened|escalated|");
	b->wall_ms = WALL_MS + 3600000;
	hit(b, 0, "xe");
	run_until(b, is_idle);
	told(b, "opened|remediated|");
	hit(b, 0, "xf");
	run_until(b, is_idle);
	told(b, "opened|escalated|");
	file_is(b, "ran", "ran\nran\nran\n");
}

static void
a_limit_counts_what_ran_before_a_restart(void **state)
{
	struct bench *b = *state;

	script(b, "one", "echo ran >>ran; exit 1");
	load(b, "rules:\n"
		"  - {id: r, match: 'x(?<k>.)', key: k, actions: [one]}\n"
		"actions:\n"
		"  one: {exec: [DIR/one], limit: {runs: 1, within: 1h}}\n");
	hit(b, 0, "xa");
	run_until(b, is_idle);
	told(b, "opened|escalated|");
	save(b);
	restart(b);
	hit(b, 0, "xb");
	run_until(b, is_idle);
	told(b, "opened|escalated|");
	runs_are(b->last, "one limited 0 -1|");
	file_is(b, "ran", "ran\n");
}

static void
what_fails_is_tried_again_as_often_as_it_says(void **state)
{
	struct bench *b = *state;

	script(b, "one", "echo ran >>ran; test $(wc -l <ran) -ge 3");
	load(b, "rules:\n"
		"  - {id: r, match: x, actions: [one, two]}\n"
		"actions:\n"
		"  one: {exec: [DIR/one], retry: {attempts: 3, backoff: 1ms}}\n"
		"  two: {exec: ['true']}\n");
	hit(b, 0, "x");
	run_until(b, is_idle);
	told(b, "opened|remediated|");
	runs_are(b->last, "one succeeded 3 0|two succeeded 1 0|");
	assert_null(b->last->runs[0].error);
	file_is(b, "ran", "ran\nran\nran\n");
}

static void
what_fails_each_time_escalates_once(void **state)
{
	struct bench *b = *state;

	script(b, "one", "echo ran >>ran; exit 7");
	load(b, "rules:\n"
		"  - {id: r, match: x, actions: [one, two]}\n"
		"actions:\n"
		"  one: {exec: [DIR/one], retry: {attempts: 3, backoff: 1ms}}\n"
		"  two: {exec: ['true']}\n");
	hit(b, 0, "x");
	run_until(b, is_idle);
	told(b, "opened|escalated|");
	runs_are(b->last, "one failed 3 7|two skipped 0 -1|");
	file_is(b, "ran", "ran\nran\nran\n");
}

static void
what_is_not_proved_is_tried_again(void **state)
{
	struct bench *b = *state;

	script(b, "one", "echo ran >>ran");
	load(b, "rules:\n"
		"  - {id: r, match: x, actions: [one]}\n"
		"actions:\n"
		"  one: {exec: [DIR/one], retry: {attempts: 2, backoff: 1ms},\n"
		"    verify: {match: well, within: 10ms}}\n");
	hit(b, 0, "x");
	run_until(b, is_idle);
	told(b, "opened|escalated|");
	runs_are(b->last, "one unverified 2 0|");
	file_is(b, "ran", "ran\nran\n");
}

static void
each_attempt_counts_against_the_limit(void **state)
{
	struct bench *b = *state;

	script(b, "one", "echo ran >>ran; exit 1");
	load(b, "rules:\n"
		"  - {id: r, match: x, actions: [one]}\n"
		"actions:\n"
		"  one: {exec: [DIR/one], retry: {attempts: 5, backoff: 1ms},\n"
		"    limit: {runs: 2, within: 1h}}\n");
	hit(b, 0, "x");
	run_until(b, is_idle);
	told(b, "opened|escalated|");
	runs_are(b->last, "one limited 2 1|");
	file_is(b, "ran", "ran\nran\n");
}

/* The first attempt is over, and saved. */
static bool
is_resting(struct bench *b)
{
	return b->last != NULL && !b->last->dirty &&
	       b->last->runs[0].attempt == 1 &&
	       b->last->runs[0].state == RUN_PENDING;
}

static void
a_restart_between_two_attempts_shortens_nothing(void **state)
{
	struct bench *b = *state;

	script(b, "one", "echo ran >>ran; test $(wc -l <ran) -ge 2");
	load(b,
	    "rules:\n"
	    "  - {id: r, match: x, actions: [one]}\n"
	    "actions:\n"
	    "  one: {exec: [DIR/one], retry: {attempts: 2, backoff: 1h}}\n");
	hit(b, 0, "x");
	run_until(b, is_resting);
	b->wall_ms += 3599000;
	restart(b);
	run_until(b, has_turned);
	assert_true(actions_busy(b->actions));
	file_is(b, "ran", "ran\n");
	b->wall_ms += 1000;
	restart(b);
	run_until(b, is_idle);
	told(b, "remediated|");
	runs_are(b->last, "one succeeded 2 0|");
	file_is(b, "ran", "ran\nran\n");
}

static void
scripts_that_share_a_lock_never_overlap(void **state)
{
	struct bench *b = *state;

	script(b, "one",
	    "mkdir held || echo overlap >>bad\n"
	    "echo begin >>ran; sleep 0.02; echo end >>ran; rmdir held");
	load(b, "rules:\n"
		"  - {id: r, match: x, actions: [one]}\n"
		"  - {id: s, match: y, actions: [two]}\n"
		"  - {id: t, match: z, actions: [other]}\n"
		"  - {id: u, match: v, actions: [one]}\n"
		"actions:\n"
		"  one: {exec: [DIR/one], lock: worker}\n"
		"  two: {exec: [DIR/one], lock: worker,\n"
		"    verify: {match: well, within: 20ms}}\n"
		"  other: {exec: [touch, DIR/other], lock: database}\n");
	hit(b, 0, "x");
	hit(b, 1, "y");
	hit(b, 2, "z");
	hit(b, 3, "v");
	run_until(b, is_idle);
	assert_false(exists(b, "bad"));
	assert_true(exists(b, "other"));
	file_is(b, "ran", "begin\nend\nbegin\nend\nbegin\nend\n");
}

static void
an_incident_that_is_back_is_not_repaired_again_but_escalates(void **state)
{
	struct bench *b = *state;

	script(b, "one", "echo ran >>ran");
	load(b, "rules:\n"
		"  - {id: r, match: x, actions: [one], cooldown: 1h,\n"
		"     resolve: {quiet: 1s}}\n"
		"actions:\n  one: {exec: [DIR/one]}\n");
	hit(b, 0, "x");
	run_until(b, is_idle);
	b->wall_ms += 1000;
	tick(b);
	told(b, "opened|remediated|resolved|");
	hit(b, 0, "x");
	run_until(b, is_idle);
	told(b, "reopened|escalated|");
	file_is(b, "ran", "ran\n");
}

static void
a_late_incident_runs_nothing_until_it_is_back(void **state)
{
	struct bench *b = *state;

	script(b, "one", "echo ran >>ran");
	load(b, "rules:\n"
		"  - {id: r, match: x, actions: [one], cooldown: 1h,\n"
		"     resolve: {quiet: 1s}, escalate: {actions: one, after: "
		"500ms}}\n"
		"actions:\n  one: {exec: [DIR/one]}\n");
	b->late = true;
	hit(b, 0, "x");
	run_until(b, is_idle);
	runs_are(b->last, "one skipped 0 -1|");
	assert_string_equal(
	    b->last->runs[0].error, "not run: the hit is late, from a backlog");
	b->wall_ms += 500;
	actions_tick(b->actions, b->wall_ms);
	b->wall_ms += 500;
	tick(b);
	told(b, "opened|escalated|resolved|");
	hit(b, 0, "x");
	run_until(b, is_idle);
	told(b, "reopened|");
	assert_false(exists(b, "ran"));
	b->late = false;
	b->wall_ms += 1000;
	tick(b);
	hit(b, 0, "x");
	run_until(b, is_idle);
	told(b, "resolved|reopened|remediated|");
	file_is(b, "ran", "ran\n");
	runs_are(b->last, "one succeeded 1 0|");
	assert_null(b->last->runs[0].error);
}

static void
a_dry_run_runs_and_posts_nothing(void **state)
{
	struct bench *b = *state;
	char *log;

	b->dry_run = true;
	script(b, "one", "touch ran");
	load(b, "rules:\n"
		"  - {id: r, match: 'x(?<k>.*)', actions: [one, hook]}\n"
		"actions:\n  one: {exec: [DIR/one, '{{k}}']}\n"
		"  hook: {webhook: {url: 'http://127.0.0.1:1/'}}\n");
	hit(b, 0, "x y z");
	run_until(b, has_turned);
	assert_false(actions_busy(b->actions));
	assert_false(exists(b, "ran"));
	deliveries_are(b, "");
	ledger_is(b, "");
	runs_are(b->last, "");
	log = read_file(b, "log");
	assert_non_null(strstr(log, "one' ' y z'"));
	assert_non_null(strstr(log, "would notify"));
	free(log);
}

/* What a script gets */

static void
arguments_and_variables_are_what_the_log_says_byte_for_byte(void **state)
{
	static const char *const values[] = { "plain", "two words", "'", "\"",
		"`touch pwned`", "$(touch pwned)", ";touch pwned;", "|&><*?[a]",
		"%s%n", "../../etc/passwd", "-rf", "\\", "\xf0\x9f\x98\x80",
		"{{rule}}", "${HOME}", "a\tb", "" };
	struct bench *b = *state;

	script(b, "one",
	    "for a; do printf '[%s]' \"$a\"; done >args\n"
	    "printf '[%s]' \"$LOGWATCH_CAPTURE_V\" >env\n"
	    "cat >stdin");
	load(b, "rules:\n"
		"  - {id: r, match: '<(?<v>.*)>', key: v, actions: [one]}\n"
		"actions:\n  one: {exec: [DIR/one, '{{v}}', "
		"'a{{v}}b{{v}}', '']}\n");
	for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
		struct str line = { 0 }, want = { 0 };
		const char *v = values[i];
		json_t *record;
		char *got;

		str_printf(&line, "<%s>", v);
		hit(b, 0, line.data);
		run_until(b, is_idle);
		str_printf(&want, "[%s][a%sb%s][]", v, v, v);
		file_is(b, "args", want.data);
		str_clear(&want);
		str_printf(&want, "[%s]", v);
		file_is(b, "env", want.data);
		got = read_file(b, "stdin");
		assert_int_equal(got[strlen(got) - 1], '\n');
		record = json_loads(got, 0, NULL);
		assert_string_equal(
		    json_string_value(json_object_get(
			json_object_get(record, "captures"), "v")),
		    v);
		assert_string_equal(
		    json_string_value(json_object_get(record, "change")),
		    "opened");
		json_decref(record);
		free(got);
		str_free(&line);
		str_free(&want);
	}
	assert_false(exists(b, "pwned"));
}

static void
a_nul_is_left_out_of_arguments_and_variables(void **state)
{
	struct bench *b = *state;
	char *got;

	script(b, "one",
	    "printf '%s' \"$1\" >args; printf '%s' \"$LOGWATCH_CAPTURE_V\" "
	    ">env; cat >stdin");
	load(b, "rules:\n"
		"  - {id: r, match: '<(?<v>.*)>', actions: [one]}\n"
		"actions:\n  one: {exec: [DIR/one, '{{v}}']}\n");
	hit_text(b, 0, TEXT("<a\0b>"));
	run_until(b, is_idle);
	file_is(b, "args", "ab");
	file_is(b, "env", "ab");
	got = read_file(b, "stdin");
	assert_non_null(strstr(got, "\"a\\u0000b\""));
	free(got);
}

static void
a_huge_event_is_cut_and_the_script_still_starts(void **state)
{
	struct bench *b = *state;
	struct str line = { 0 };

	script(b, "one",
	    "printf '%s' \"$1\" | wc -c >arg; printf '%s' \"$LOGWATCH_EVENT\" "
	    "| wc -c >env");
	load(b, "rules:\n"
		"  - {id: r, match: 'x', actions: [one]}\n"
		"actions:\n  one: {exec: [DIR/one, '{{event}}']}\n");
	for (int i = 0; i < 1000000; i++)
		str_putc(&line, 'x');
	hit_text(b, 0, str_text(&line));
	run_until(b, is_idle);
	runs_are(b->last, "one succeeded 1 0|");
	file_is(b, "arg", "32768\n");
	file_is(b, "env", "32768\n");
	str_free(&line);
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void
the_environment_is_built_from_nothing(void **state)
{
	static const char *const names[] = { "HOME", "LANG",
		"LOGWATCH_CAPTURE_", "LOGWATCH_CHANGE", "LOGWATCH_COUNT",
		"LOGWATCH_EVENT", "LOGWATCH_ID", "LOGWATCH_LINE",
		"LOGWATCH_PATH", "LOGWATCH_RULE", "LOGWATCH_SEVERITY",
		"LOGWATCH_SOURCE", "LOGWATCH_STATE", "LOGWATCH_SUMMARY", "MINE",
		"PATH", "PWD", "SHLVL", "TZ", "_", "OLDPWD" };
	struct bench *b = *state;
	char *got, *lines[64], *rest;
	size_t count = 0;

	setenv("BASH_ENV", "/tmp/evil", 1);
	setenv("SLACK_WEBHOOK_URL", "https://secret.example/", 1);
	setenv("NOTIFY_SOCKET", "/run/notify", 1);
	setenv("LD_LIBRARY_PATH", "/tmp/evil", 1);
	setenv("TZ", "Asia/Taipei", 1);
	script(b, "one", "env >env");
	load(b,
	    "rules:\n"
	    "  - {id: r, match: '(?<PATH>a)(?<ld_preload>b)(?<IFS>c)"
	    "(?<rule>d)',\n"
	    "     labels: {id: mine}, summary: s, actions: [one]}\n"
	    "actions:\n"
	    "  one: {exec: [DIR/one], env: {MINE: '{{rule}}', LANG: xx}}\n");
	hit(b, 0, "abcd");
	run_until(b, is_idle);
	unsetenv("BASH_ENV");
	unsetenv("SLACK_WEBHOOK_URL");
	unsetenv("NOTIFY_SOCKET");
	unsetenv("LD_LIBRARY_PATH");
	unsetenv("TZ");
	runs_are(b->last, "one succeeded 1 0|");
	got = read_file(b, "env");
	rest = got;
	for (char *line; (line = strsep(&rest, "\n")) != NULL;) {
		bool known = *line == '\0';

		for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
			size_t len = strlen(names[k]);

			known |= strncmp(line, names[k], len) == 0 &&
			         (line[len] == '=' || names[k][len - 1] == '_');
		}
		if (!known)
			fail_msg("%s", line);
		if (*line != '\0' && count < 64)
			lines[count++] = line;
	}
	qsort(lines, count, sizeof *lines, by_text);
	for (size_t k = 1; k < count; k++)
		assert_string_not_equal(lines[k - 1], lines[k]);
	free(got);
	got = read_file(b, "env");
	assert_non_null(strstr(got, "LOGWATCH_CAPTURE_PATH=a\n"));
	assert_non_null(strstr(got, "LOGWATCH_CAPTURE_LD_PRELOAD=b\n"));
	assert_non_null(strstr(got, "LOGWATCH_CAPTURE_IFS=c\n"));
	assert_non_null(strstr(got, "LOGWATCH_CAPTURE_RULE=d\n"));
	/* No capture and no label takes the place of what is the incident's. */
	assert_non_null(strstr(got, "LOGWATCH_RULE=r\n"));
	assert_non_null(strstr(got, b->last->id));
	assert_non_null(strstr(got, "LOGWATCH_LINE=7\n"));
	assert_non_null(strstr(got, "LOGWATCH_SOURCE=app\n"));
	assert_non_null(strstr(got, "LOGWATCH_STATE=open\n"));
	assert_non_null(strstr(got, "LOGWATCH_SEVERITY=error\n"));
	assert_non_null(strstr(got, "LOGWATCH_SUMMARY=s\n"));
	assert_non_null(strstr(got, "LOGWATCH_CHANGE=opened\n"));
	assert_non_null(strstr(got, "LOGWATCH_EVENT=abcd\n"));
	assert_non_null(strstr(got, "LOGWATCH_COUNT=1\n"));
	assert_non_null(strstr(got, "LOGWATCH_PATH=app.log\n"));
	assert_non_null(strstr(got, "MINE={{rule}}\n"));
	assert_non_null(strstr(got, "LANG=xx\n"));
	assert_non_null(strstr(got, "TZ=Asia/Taipei\n"));
	assert_non_null(strstr(got, "\nPATH="));
	free(got);
}

static void
captures_that_differ_in_case_are_one_variable(void **state)
{
	struct bench *b = *state;

	script(b, "one", "env | grep -c ^LOGWATCH_CAPTURE_ >count");
	load(b, "rules:\n"
		"  - {id: r, match: '(?<v>a)(?<V>b)', actions: [one]}\n"
		"actions:\n  one: {exec: [DIR/one]}\n");
	hit(b, 0, "ab");
	run_until(b, is_idle);
	file_is(b, "count", "1\n");
}

static void
a_script_has_the_three_descriptors_and_its_directory(void **state)
{
	struct bench *b = *state;

	write_file(b, "one",
	    "#!/bin/sh\nls /proc/self/fd | wc -l >fds\npwd >pwd\n", 0700);
	load(b, "rules:\n  - {id: r, match: x, actions: [one]}\n"
		"actions:\n  one: {exec: [./one], cwd: DIR}\n");
	hit(b, 0, "x");
	run_until(b, is_idle);
	runs_are(b->last, "one succeeded 1 0|");
	/* And that by which ls reads the directory. */
	file_is(b, "fds", "4\n");
	assert_true(exists(b, "pwd"));
}

/* Notifications */

static const char hooks[] =
    "actions:\n"
    "  fix: {exec: [DIR/fix]}\n"
    "  all: {webhook: {url: 'http://127.0.0.1:1/'}}\n"
    "  some: {webhook: {url: 'http://127.0.0.1:1/'},\n"
    "    changes: [remediated, resolved]}\n"
    "  none: {webhook: {url: ''}}\n"
    "  oncall: {webhook: {url: 'http://127.0.0.1:1/'}}\n";

static void
load_hooks(struct bench *b, const char *rules)
{
	struct str text = { 0 };

	str_puts(&text, rules);
	str_puts(&text, hooks);
	load(b, text.data);
	str_free(&text);
}

static void
each_notification_gets_its_changes_in_order(void **state)
{
	struct bench *b = *state;

	script(b, "fix", ":");
	load_hooks(b, "rules:\n"
		      "  - {id: r, match: x, actions: [none, fix, some, all],\n"
		      "     escalate: [oncall], resolve: {quiet: 1s}}\n");
	hit(b, 0, "x");
	/* In the same transaction as what it tells. */
	deliveries_are(b, "all opened|");
	run_until(b, is_idle);
	b->wall_ms += 1000;
	tick(b);
	told(b, "opened|remediated|resolved|");
	deliveries_are(b, "all opened|some remediated|all remediated|"
			  "some resolved|all resolved|");
}

static void
who_was_called_for_an_escalation_hears_its_end(void **state)
{
	struct bench *b = *state;

	script(b, "fix", "exit 1");
	load_hooks(b, "rules:\n"
		      "  - {id: r, match: x, actions: [fix, all],\n"
		      "     escalate: [oncall, all], cooldown: 1h,\n"
		      "     resolve: {quiet: 1s}}\n"
		      "  - {id: s, match: x, actions: [some]}\n");
	hit(b, 0, "x");
	run_until(b, is_idle);
	b->wall_ms += 1000;
	tick(b);
	told(b, "opened|escalated|resolved|");
	deliveries_are(b, "all opened|all escalated|oncall escalated|"
			  "all resolved|oncall resolved|");
	/* What recurs has a number. */
	hit(b, 0, "x");
	told(b, "reopened|escalated|");
	deliveries_are(b, "all opened|all escalated|oncall escalated|"
			  "all resolved|oncall resolved|all opened-2|"
			  "oncall opened-2|all escalated-2|"
			  "oncall escalated-2|");
}

static void
what_nobody_acknowledges_escalates_when_its_time_has_come(void **state)
{
	struct bench *b = *state;
	struct incident *first;

	load_hooks(b,
	    "rules:\n"
	    "  - {id: r, match: 'x(?<k>.)', key: k, actions: [some],\n"
	    "     escalate: {actions: [oncall, fix], after: 30m}}\n"
	    "  - {id: s, match: x, actions: [all]}\n");
	script(b, "fix", "touch fixed");
	assert_true(actions_due(b->actions) == INT64_MAX);
	hit(b, 0, "xa");
	first = b->last;
	b->wall_ms += 1000;
	hit(b, 0, "xb");
	assert_true(actions_due(b->actions) == WALL_MS + 1800000);
	first->acknowledged_ms = WALL_MS + 5;
	str_clear(&b->told);
	actions_tick(b->actions, WALL_MS + 1800000);
	told(b, "");
	assert_true(actions_due(b->actions) == WALL_MS + 1801000);
	b->wall_ms = WALL_MS + 1801000;
	actions_tick(b->actions, b->wall_ms - 1);
	told(b, "");
	actions_tick(b->actions, b->wall_ms);
	told(b, "escalated|");
	run_until(b, is_idle);
	assert_true(exists(b, "fixed"));
	deliveries_are(b, "oncall escalated|");
	/* Once. */
	assert_true(actions_due(b->actions) == INT64_MAX);
	actions_tick(b->actions, b->wall_ms + 1);
	told(b, "");
}

static void
the_time_to_escalate_survives_a_restart(void **state)
{
	struct bench *b = *state;

	load_hooks(b, "rules:\n"
		      "  - {id: r, match: 'x', actions: [some, all, fix],\n"
		      "     escalate: {actions: [oncall], after: 30m}}\n");
	b->held = true;
	hit(b, 0, "x");
	b->last->runs[0].state = RUN_SUCCEEDED;
	save(b);
	b->held = false;
	restart(b);
	assert_true(actions_due(b->actions) == WALL_MS + 1800000);
}

/* Restarts */

static void
what_was_intended_and_never_started_is_unknown(void **state)
{
	struct bench *b = *state;

	script(b, "one", "echo ran >>ran");
	script(b, "two", "echo two >>ran");
	load(b, "rules:\n  - {id: r, match: x, actions: [one, two]}\n"
		"actions:\n  one: {exec: [DIR/one]}\n"
		"  two: {exec: [DIR/two]}\n");
	b->held = true;
	hit(b, 0, "x");
	save(b); /* and here it is killed */
	b->held = false;
	restart(b);
	run_until(b, is_idle);
	assert_false(exists(b, "ran"));
	told(b, "escalated|");
	runs_are(b->last, "one unknown 1 -1|two skipped 0 -1|");
	ledger_is(b, "one unknown 1|");
}

/* Killed before anything was saved but the intent, and started again; the line
 * is still to be read. */
static void
kill_in_a_hurry(struct bench *b, const char *line, char id[ULID_SIZE])
{
	b->held = true;
	hit(b, 0, line);
	assert_true(actions_hurry(b->actions));
	strcpy(id, b->last->id);
	restart(b);
	b->held = false;
}

static void
the_first_script_starts_before_it_is_committed(void **state)
{
	struct bench *b = *state;

	script(b, "one", "cat >record");
	script(b, "two", "echo two >ran");
	load(b, "rules:\n  - {id: r, match: x, actions: [one, two]}\n"
		"actions:\n  one: {exec: [DIR/one]}\n"
		"  two: {exec: [DIR/two]}\n");
	assert_false(actions_hurry(b->actions));
	hit(b, 0, "x");
	assert_true(actions_hurry(b->actions));
	assert_true(actions_running(b->actions));
	ledger_is(b, "");
	assert_true(actions_hurry(b->actions)); /* it is on its way still */
	run_until(b, is_idle);
	save(b);
	ledger_is(b, "one succeeded 1 pid|two succeeded 1 pid|");
	assert_true(exists(b, "record"));
	restart(b);
	actions_read_up(b->actions); /* no intent is left */
	save(b);
	ledger_is(b, "one succeeded 1 pid|two succeeded 1 pid|");
}

static void
one_hurry_goes_before_a_commit(void **state)
{
	struct bench *b = *state;

	script(b, "one", "echo $LOGWATCH_RULE >>ran");
	load(b, "rules:\n  - {id: a, match: x, actions: [one]}\n"
		"  - {id: b, match: x, actions: [one]}\n"
		"actions:\n  one: {exec: [DIR/one]}\n");
	b->held = true;
	hit(b, 0, "x");
	assert_true(actions_hurry(b->actions));
	hit(b, 1, "x");
	while (actions_hurry(b->actions))
		run_until(b, has_turned);
	run_until(b, has_turned);
	file_is(b, "ran", "a\n");
	save(b);
	assert_false(actions_hurry(b->actions)); /* that one is committed */
	b->held = false;
	actions_start(b->actions, true);
	run_until(b, is_idle);
	file_is(b, "ran", "a\nb\n");
}

static void
a_script_in_a_hurry_that_cannot_start_has_failed(void **state)
{
	struct bench *b = *state;

	load(b, "rules:\n  - {id: r, match: x, actions: [one]}\n"
		"actions:\n  one: {exec: [DIR/not-there]}\n");
	hit(b, 0, "x");
	actions_hurry(b->actions);
	run_until(b, is_idle);
	save(b);
	ledger_is(b, "one failed 1|");
	told(b, "opened|escalated|");
}

static void
a_script_killed_in_a_hurry_is_waited_for_when_the_line_comes_again(void **state)
{
	struct bench *b = *state;
	char id[ULID_SIZE], *text;
	pid_t pid;

	script(b, "one",
	    "echo $$ >pid; while [ ! -e go ]; do sleep 0.02; done; echo ran "
	    ">>ran");
	script(b, "two", "echo two >>ran");
	load(b, "rules:\n  - {id: r, match: 'x(?<k>.)', key: k, "
		"actions: [one, two]}\n"
		"actions:\n  one: {exec: [DIR/one]}\n"
		"  two: {exec: [DIR/two]}\n");
	kill_in_a_hurry(b, "xa", id);
	assert_null(b->last); /* nothing of it was saved */
	hit(b, 0, "xa");
	assert_string_equal(b->last->id, id);
	runs_are(b->last, "one running 1 -1|two pending 0 -1|");
	save(b);
	ledger_is(b, "one running 1 pid -|");
	while (!exists(b, "pid"))
		run_until(b, has_turned);
	write_file(b, "go", "", 0600);
	run_until(b, is_idle);
	told(b, "opened|escalated|");
	runs_are(b->last, "one unknown 1 -1|two skipped 0 -1|");
	file_is(b, "ran", "ran\n");
	hit(b, 0, "xb"); /* of another key: an id of its own */
	assert_string_not_equal(b->last->id, id);
	run_until(b, is_idle);
	file_is(b, "ran", "ran\nran\ntwo\n");
	text = read_file(b, "pid");
	pid = (pid_t)atoi(text);
	free(text);
	assert_true(pid > 0);
	/* Here, unlike after a real restart, they were our own children. */
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
}

static void
a_kill_between_the_commit_and_the_end_of_the_intent_does_no_harm(void **state)
{
	struct bench *b = *state;
	struct intent_row intent = { .rule = "r",
		.action = "one",
		.pid = getpid(),
		.started_ms = WALL_MS };
	char id[ULID_SIZE];

	script(b, "one", "echo ran >>ran");
	load(b, "rules:\n  - {id: r, match: x, actions: [one]}\n"
		"actions:\n  one: {exec: [DIR/one]}\n");
	hit(b, 0, "x");
	run_until(b, is_idle);
	save(b);
	strcpy(id, b->last->id);
	intent.incident = id;
	assert_true(store_intent_put(b->store, &intent));
	restart(b);
	actions_read_up(b->actions);
	assert_false(actions_busy(b->actions));
	save(b);
	ledger_is(b, "one succeeded 1 pid|");
	told(b, "");
}

/* Both were noted, and nothing of them is saved. */
static void
what_ran_while_the_disk_was_full_does_not_run_again(void **state)
{
	struct bench *b = *state;
	char id[ULID_SIZE];

	script(b, "one", "echo one >>ran");
	script(b, "two", "echo two >>ran");
	load(b, "rules:\n  - {id: r, match: x, actions: [one, two]}\n"
		"actions:\n  one: {exec: [DIR/one]}\n"
		"  two: {exec: [DIR/two], limit: {runs: 1, within: 1h}}\n");
	b->full = true;
	hit(b, 0, "x");
	run_until(b, is_idle);
	file_is(b, "ran", "one\ntwo\n");
	ledger_is(b, "");
	strcpy(id, b->last->id);
	b->full = false;
	restart(b);
	hit(b, 0, "x");
	assert_string_equal(b->last->id, id);
	run_until(b, is_idle);
	file_is(b, "ran", "one\ntwo\n");
	runs_are(b->last, "one succeeded 0 -1|two unknown 1 -1|");
	ledger_is(b, "two unknown 1|");
}

static bool
is_held_back(struct bench *b)
{
	char *log = read_file(b, "log");
	bool is = strstr(log, "a script is held back") != NULL;

	free(log);
	return is;
}

static void
what_cannot_be_noted_waits_until_it_can_be_saved(void **state)
{
	struct bench *b = *state;

	script(b, "one", "echo one >>ran");
	load(b, "rules:\n  - {id: r, match: x, actions: [one]}\n"
		"actions:\n  one: {exec: [DIR/one]}\n");
	for (int i = 0; i < 16; i++) {
		struct intent_row other = {
			.rule = "o", .incident = "o", .action = "o"
		};

		assert_true(store_intent_put(b->store, &other));
	}
	b->full = true;
	hit(b, 0, "x");
	run_until(b, is_held_back);
	assert_false(exists(b, "ran"));
	b->full = false;
	on_dirty(b);
	run_until(b, is_idle);
	file_is(b, "ran", "one\n");
	ledger_is(b, "one succeeded 1 pid|");
}

static void
what_is_not_found_again_counts_against_its_limit(void **state)
{
	struct bench *b = *state;
	char id[ULID_SIZE], *log;

	script(b, "one", "echo ran >>ran");
	load(b, "rules:\n  - {id: r, match: x, actions: [one]}\n"
		"actions:\n"
		"  one: {exec: [DIR/one], limit: {runs: 1, within: 1h}}\n");
	kill_in_a_hurry(b, "x", id);
	actions_read_up(b->actions);
	save(b);
	ledger_is(b, "one unknown 1|");
	log = read_file(b, "log");
	assert_non_null(strstr(log, "is not found in the logs again"));
	assert_non_null(strstr(log, id));
	free(log);
	hit(b, 0, "x");
	assert_string_not_equal(b->last->id, id);
	runs_are(b->last, "one limited 0 -1|");
	restart(b);
	hit(b, 0, "x");
	runs_are(b->last, "one limited 0 -1|");
	while (waitpid(-1, NULL, 0) > 0)
		;
	file_is(b, "ran", "ran\n");
}

static void
a_script_that_still_runs_is_waited_for(void **state)
{
	struct bench *b = *state;
	pid_t pid;
	char *text;

	script(b, "one",
	    "echo $$ >pid; while [ ! -e go ]; do sleep 0.02; done; echo ran "
	    ">>ran");
	script(b, "two", "echo two >>ran");
	load_verify(b, "10s");
	hit(b, 0, "x");
	run_until(b, is_running);
	while (!exists(b, "pid"))
		run_until(b, has_turned);
	run_until(b, has_turned); /* its pid is saved */
	restart(b);
	assert_true(actions_busy(b->actions));
	run_until(b, has_turned);
	runs_are(b->last, "one running 1 -1|two pending 0 -1|");
	assert_true(b->last->held);
	write_file(b, "go", "", 0600);
	run_until(b, is_verifying);
	actions_proof(b->actions, 0);
	run_until(b, is_idle);
	file_is(b, "ran", "ran\ntwo\n");
	told(b, "remediated|");
	text = read_file(b, "pid");
	pid = (pid_t)atoi(text);
	free(text);
	/* Here, unlike after a real restart, it was our own child. */
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void
a_script_that_ended_meanwhile_is_unknown_and_never_run_again(void **state)
{
	struct bench *b = *state;

	script(b, "one", "echo ran >>ran");
	script(b, "two", "echo two >>ran");
	load_verify(b, "10s");
	hit(b, 0, "x");
	run_until(b, is_verifying);
	/* As if logwatch had been killed while the script ran. */
	b->last->runs[0].state = RUN_RUNNING;
	b->last->runs[0].code = -1;
	b->last->dirty = true;
	save(b);
	restart(b);
	run_until(b, is_idle);
	told(b, "escalated|");
	runs_are(b->last, "one unknown 1 -1|two skipped 0 -1|");
	file_is(b, "ran", "ran\n");
}

static void
a_script_that_may_be_rerun_is_where_its_end_is_unknown(void **state)
{
	struct bench *b = *state;

	script(b, "one", "echo ran >>ran");
	script(b, "two", "echo two >>ran");
	load(b, "rules:\n"
		"  - {id: r, match: x, actions: [one, two]}\n"
		"actions:\n"
		"  one: {exec: [DIR/one], if_interrupted: rerun,\n"
		"    limit: {runs: 2, within: 1h},\n"
		"    verify: {match: well, within: 10s}}\n"
		"  two: {exec: [DIR/two]}\n");
	hit(b, 0, "x");
	run_until(b, is_verifying);
	for (int i = 0; i < 2; i++) {
		/* As if logwatch had been killed while the script ran. */
		b->last->runs[0].state = RUN_RUNNING;
		b->last->runs[0].code = -1;
		b->last->dirty = true;
		save(b);
		restart(b);
		if (i == 0)
			run_until(b, is_verifying);
	}
	/* Each counts. */
	run_until(b, is_idle);
	told(b, "escalated|");
	runs_are(b->last, "one limited 2 -1|two skipped 0 -1|");
	file_is(b, "ran", "ran\nran\n");
}

static void
what_is_left_of_the_time_to_prove_it_counts_on(void **state)
{
	struct bench *b = *state;

	script(b, "one", "echo ran >>ran");
	script(b, "two", "echo two >>ran");
	load_verify(b, "10s");
	hit(b, 0, "x");
	run_until(b, is_verifying);
	save(b);
	restart(b);
	assert_true(is_verifying(b));
	assert_true(b->last->held);
	actions_proof(b->actions, 0);
	run_until(b, is_idle);
	told(b, "remediated|");
	file_is(b, "ran", "ran\ntwo\n");
}

static void
the_time_to_prove_it_may_be_over_at_the_start(void **state)
{
	struct bench *b = *state;

	script(b, "one", "echo ran >>ran");
	load_verify(b, "10s");
	hit(b, 0, "x");
	run_until(b, is_verifying);
	save(b);
	b->wall_ms += 10000;
	restart(b);
	run_until(b, is_idle);
	told(b, "escalated|");
	runs_are(b->last, "one unverified 1 0|two skipped 0 -1|");
	file_is(b, "ran", "ran\n");
}

static void
what_waited_for_its_turn_waits_for_it_again(void **state)
{
	struct bench *b = *state;

	script(b, "one", "echo $LOGWATCH_CAPTURE_K >>ran");
	script(b, "two", ":");
	load_verify(b, "10s");
	hit(b, 0, "xa");
	run_until(b, is_verifying);
	b->wall_ms--; /* loaded first, and still not the first */
	hit(b, 0, "xb");
	save(b);
	restart(b);
	assert_true(actions_busy(b->actions));
	run_until(b, has_turned);
	file_is(b, "ran", "a\n");
	actions_proof(b->actions, 0);
	run_until(b, is_verifying);
	actions_proof(b->actions, 0);
	run_until(b, is_idle);
	file_is(b, "ran", "a\nb\n");
	told(b, "remediated|remediated|");
}

/* The end */

static void
after_the_stop_no_script_starts(void **state)
{
	struct bench *b = *state;

	script(b, "one", "echo ran >>ran");
	script(b, "two", "echo two >>ran");
	load_verify(b, "10s");
	actions_stop(b->actions);
	hit(b, 0, "x");
	run_until(b, has_turned);
	assert_false(exists(b, "ran"));
	runs_are(b->last, "one pending 0 -1|two pending 0 -1|");
	/* The next start does what is left. */
	save(b);
	restart(b);
	run_until(b, is_verifying);
	actions_proof(b->actions, 0);
	run_until(b, is_idle);
	file_is(b, "ran", "ran\ntwo\n");
}

static void
a_stop_between_the_intent_and_the_start_loses_nothing(void **state)
{
	struct bench *b = *state;

	script(b, "one", "echo ran >>ran");
	script(b, "two", "echo two >>ran");
	load_verify(b, "10s");
	b->held = true;
	hit(b, 0, "x");
	actions_stop(b->actions);
	b->held = false;
	turn_ask(b->commit);
	run_until(b, has_turned);
	assert_false(actions_running(b->actions));
	assert_false(exists(b, "ran"));
	save(b);
	restart(b);
	run_until(b, is_verifying);
	actions_proof(b->actions, 0);
	run_until(b, is_idle);
	file_is(b, "ran", "ran\ntwo\n");
}

static void
look_for(struct incident *i, void *ctx)
{
	struct incident **found = ctx;

	*found = i;
}

/* The open incident; NULL: none. */
static struct incident *
open_one(struct bench *b)
{
	struct incident *found = NULL;

	incidents_each_open(b->incidents, look_for, &found);
	return found;
}

#define ERRAND                                                                 \
	"rules:\n"                                                             \
	"  - {id: r, schedule: '* * * * *', actions: [one, two],\n"            \
	"     escalate: {actions: [page]}}\n"                                  \
	"actions:\n  one: {exec: [DIR/one]}\n  two: {exec: [DIR/two]}\n"       \
	"  page: {exec: [DIR/page]}\n"

static void
what_a_schedule_runs_is_no_incident_as_long_as_it_goes_well(void **state)
{
	struct bench *b = *state;

	script(b, "one", "echo one >>ran");
	script(b, "two", "echo two >>ran");
	load(b, ERRAND);
	actions_errand(b->actions, 0);
	run_until(b, is_idle);
	assert_null(open_one(b));
	actions_errand(b->actions, 0);
	run_until(b, is_idle);
	file_is(b, "ran", "one\ntwo\none\ntwo\n");
	told(b, "");
	ledger_is(b, "one succeeded 1 pid|two succeeded 1 pid|"
		     "one succeeded 1 pid|two succeeded 1 pid|");
	restart(b);
	assert_null(b->last);
}

static void
a_schedule_that_fails_opens_once_and_resolves_when_it_goes_well(void **state)
{
	struct bench *b = *state;
	struct incident *i;
	char *path;

	script(b, "one", "echo one >>ran; [ ! -e broken ]");
	script(b, "two", "echo two >>ran");
	script(b, "page", "echo page >>ran");
	write_file(b, "broken", "", 0600);
	load(b, ERRAND);
	actions_errand(b->actions, 0);
	run_until(b, is_idle);
	told(b, "opened|escalated|");
	i = open_one(b);
	runs_are(i, "one failed 1 1|two skipped 0 -1|page succeeded 1 0|");
	assert_string_equal(i->summary, "r: action one failed: exit status 1");
	assert_int_equal(i->count, 1);
	b->wall_ms += 60000;
	actions_errand(b->actions, 0);
	run_until(b, is_idle);
	told(b, "");
	assert_ptr_equal(open_one(b), i);
	assert_int_equal(i->count, 2);
	file_is(b, "ran", "one\npage\none\n");
	save(b);
	restart(b); /* nothing goes on by itself */
	run_until(b, is_idle);
	file_is(b, "ran", "one\npage\none\n");
	path = path_in(b, "broken");
	assert_int_equal(unlink(path), 0);
	free(path);
	actions_errand(b->actions, 0);
	run_until(b, is_idle);
	told(b, "remediated|resolved|");
	assert_null(open_one(b));
	file_is(b, "ran", "one\npage\none\none\ntwo\n");
	/* The next failure is another incident. */
	write_file(b, "broken", "", 0600);
	actions_errand(b->actions, 0);
	run_until(b, is_idle);
	told(b, "opened|escalated|");
	assert_int_equal(open_one(b)->count, 1);
}

static void
a_schedule_whose_scripts_still_run_leaves_that_time_out(void **state)
{
	struct bench *b = *state;

	script(
	    b, "one", "echo one >>ran; while [ ! -e go ]; do sleep 0.02; done");
	script(b, "two", "echo two >>ran");
	load(b, ERRAND);
	actions_errand(b->actions, 0);
	run_until(b, is_running);
	actions_errand(b->actions, 0);
	write_file(b, "go", "", 0600);
	run_until(b, is_idle);
	file_is(b, "ran", "one\ntwo\n");
	told(b, "");
}

static void
a_schedule_in_a_dry_run_or_of_a_rule_that_observes_runs_nothing(void **state)
{
	struct bench *b = *state;
	char *log;

	b->dry_run = true;
	script(b, "one", "touch ran");
	load(b, "rules:\n"
		"  - {id: r, schedule: '@daily', actions: [one]}\n"
		"  - {id: s, schedule: '@daily', actions: [one],\n"
		"     mode: observe}\n"
		"actions:\n  one: {exec: [DIR/one]}\n");
	actions_errand(b->actions, 0);
	run_until(b, has_turned);
	b->dry_run = false;
	restart(b);
	actions_errand(b->actions, 1);
	run_until(b, has_turned);
	assert_false(actions_busy(b->actions));
	assert_false(exists(b, "ran"));
	told(b, "");
	ledger_is(b, "");
	log = read_file(b, "log");
	assert_non_null(strstr(log, "would run rule=r"));
	assert_non_null(strstr(log, "the rule only observes rule=s"));
	free(log);
}

static void
a_schedule_beyond_its_limit_or_without_its_proof_has_failed(void **state)
{
	struct bench *b = *state;

	script(b, "one", ":");
	load(b, "rules:\n"
		"  - {id: r, schedule: '@daily', actions: [one]}\n"
		"  - {id: s, schedule: '@daily', actions: [two]}\n"
		"actions:\n"
		"  one: {exec: [DIR/one], limit: {runs: 1, within: 1h}}\n"
		"  two: {exec: [DIR/one], verify: {match: x, within: 50ms}}\n");
	actions_errand(b->actions, 0);
	run_until(b, is_idle);
	told(b, "");
	actions_errand(b->actions, 0);
	run_until(b, is_idle);
	told(b, "opened|escalated|");
	runs_are(open_one(b), "one limited 0 -1|");
	b->wall_ms += 3600000;
	actions_errand(b->actions, 0);
	run_until(b, is_idle);
	told(b, "remediated|resolved|");
	actions_errand(b->actions, 1);
	run_until(b, is_idle);
	told(b, "opened|escalated|");
	actions_errand(b->actions, 1);
	run_until(b, is_verifying);
	actions_proof(b->actions, 1);
	run_until(b, is_idle);
	told(b, "remediated|resolved|");
}

static void
a_script_that_runs_at_the_end_is_left_running(void **state)
{
	struct bench *b = *state;

	script(
	    b, "one", "while [ ! -e go ]; do sleep 0.02; done; echo ran >>ran");
	script(b, "two", ":");
	load_verify(b, "10s");
	hit(b, 0, "x");
	run_until(b, is_running);
	actions_stop(b->actions);
	assert_true(actions_running(b->actions));
	run_until(b, has_turned);
	restart(b);
	write_file(b, "go", "", 0600);
	run_until(b, is_verifying);
	file_is(b, "ran", "ran\n");
}

#define actions_test(name)                                                     \
	cmocka_unit_test_setup_teardown(name, bench_make, bench_free)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		actions_test(
		    scripts_run_in_the_order_written_and_their_success_is_told),
		actions_test(nothing_starts_before_it_is_committed),
		cmocka_unit_test(
		    after_one_that_fails_the_later_ones_are_skipped_and_it_escalates),
		actions_test(one_that_escalates_in_vain_ends),
		actions_test(output_keeps_its_end),
		actions_test(a_script_may_print_anything),
		actions_test(a_proof_that_comes_after_the_script_lets_it_go_on),
		actions_test(a_proof_that_comes_while_the_script_runs_counts),
		actions_test(a_proof_does_not_save_a_script_that_fails),
		actions_test(without_a_proof_in_time_it_escalates),
		actions_test(a_probe_that_ends_well_is_a_proof),
		actions_test(
		    without_a_probe_that_ends_well_it_escalates_and_says_why),
		actions_test(a_probe_goes_on_after_a_restart),
		actions_test(a_script_runs_as_its_user),
		actions_test(
		    what_a_schedule_runs_is_no_incident_as_long_as_it_goes_well),
		actions_test(
		    a_schedule_that_fails_opens_once_and_resolves_when_it_goes_well),
		actions_test(
		    a_schedule_whose_scripts_still_run_leaves_that_time_out),
		actions_test(
		    a_schedule_in_a_dry_run_or_of_a_rule_that_observes_runs_nothing),
		actions_test(
		    a_schedule_beyond_its_limit_or_without_its_proof_has_failed),
		actions_test(
		    what_ends_while_it_is_proved_is_told_after_the_success),
		actions_test(hits_while_it_is_repaired_count_and_start_nothing),
		actions_test(
		    incidents_of_one_rule_are_repaired_one_after_the_other),
		actions_test(a_limit_holds_and_is_over_when_its_time_is),
		actions_test(a_limit_counts_what_ran_before_a_restart),
		actions_test(what_fails_is_tried_again_as_often_as_it_says),
		actions_test(what_fails_each_time_escalates_once),
		actions_test(what_is_not_proved_is_tried_again),
		actions_test(each_attempt_counts_against_the_limit),
		actions_test(a_restart_between_two_attempts_shortens_nothing),
		actions_test(scripts_that_share_a_lock_never_overlap),
		actions_test(
		    an_incident_that_is_back_is_not_repaired_again_but_escalates),
		actions_test(a_late_incident_runs_nothing_until_it_is_back),
		actions_test(a_dry_run_runs_and_posts_nothing),
		actions_test(
		    arguments_and_variables_are_what_the_log_says_byte_for_byte),
		actions_test(a_nul_is_left_out_of_arguments_and_variables),
		actions_test(a_huge_event_is_cut_and_the_script_still_starts),
		actions_test(the_environment_is_built_from_nothing),
		actions_test(captures_that_differ_in_case_are_one_variable),
		actions_test(
		    a_script_has_the_three_descriptors_and_its_directory),
		actions_test(each_notification_gets_its_changes_in_order),
		actions_test(who_was_called_for_an_escalation_hears_its_end),
		actions_test(
		    what_nobody_acknowledges_escalates_when_its_time_has_come),
		actions_test(the_time_to_escalate_survives_a_restart),
		actions_test(what_was_intended_and_never_started_is_unknown),
		actions_test(the_first_script_starts_before_it_is_committed),
		actions_test(one_hurry_goes_before_a_commit),
		actions_test(a_script_in_a_hurry_that_cannot_start_has_failed),
		actions_test(
		    a_script_killed_in_a_hurry_is_waited_for_when_the_line_comes_again),
		actions_test(
		    a_kill_between_the_commit_and_the_end_of_the_intent_does_no_harm),
		actions_test(
		    what_ran_while_the_disk_was_full_does_not_run_again),
		actions_test(what_cannot_be_noted_waits_until_it_can_be_saved),
		actions_test(what_is_not_found_again_counts_against_its_limit),
		actions_test(a_script_that_still_runs_is_waited_for),
		actions_test(
		    a_script_that_ended_meanwhile_is_unknown_and_never_run_again),
		actions_test(
		    a_script_that_may_be_rerun_is_where_its_end_is_unknown),
		actions_test(what_is_left_of_the_time_to_prove_it_counts_on),
		actions_test(the_time_to_prove_it_may_be_over_at_the_start),
		actions_test(what_waited_for_its_turn_waits_for_it_again),
		actions_test(after_the_stop_no_script_starts),
		actions_test(
		    a_stop_between_the_intent_and_the_start_loses_nothing),
		actions_test(a_script_that_runs_at_the_end_is_left_running),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
