/* SPDX-License-Identifier: MIT */
/*
 * A queue of jobs, one for each time that an incident opens or resolves; a job
 * runs its commands one after the other.
 */
#include "action/collector.h"

#include "action/exec.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "io/child.h"
#include "io/loop.h"
#include "io/program.h"
#include "io/timer.h"

#include <string.h>

#define RUNNING_MAX 4  /* commands at once */
#define QUEUE_MAX 2000 /* jobs: what comes late says little */
#define TIMEOUT_MS 10000
#define GRACE_MS 2000
#define FAILURES_MAX 10000 /* that are told apart */
#define FAILURES_SAID 1000 /* of one, each so many */

struct job {
	struct job *next;
	struct collector *owner;
	struct incident *incident; /* kept by its `collecting` */
	const struct programs *commands;
	size_t command; /* the one that is next, or runs */
	bool resolved;
	char **argv; /* of the one that runs */
	int64_t at_ms;
	struct child *child; /* NULL: none runs */
};

struct collector {
	struct collector_spec spec;
	struct collector_callbacks callbacks;
	struct job *jobs; /* oldest first */
	struct job **last;
	size_t count, running, dropped;
	struct map *failures; /* by rule and command -> how many */
	struct turn *turn;
	char **envp;
	bool stopping;
};

static void on_turn(void *ctx);

struct collector *
collector_new(const struct collector_spec *spec,
    const struct collector_callbacks *callbacks)
{
	struct collector *c = mem_new(1, sizeof *c);

	c->spec = *spec;
	c->callbacks = *callbacks;
	c->last = &c->jobs;
	c->failures = map_new(FAILURES_MAX, free);
	c->turn = turn_new(spec->loop, on_turn, c);
	c->envp = program_environment();
	return c;
}

static void
job_free(struct job *j)
{
	if (j->child != NULL) {
		child_stop(j->child);
		child_free(j->child);
	}
	exec_texts_free(j->argv);
	free(j);
}

/* What was under way stays counted in the incidents, so that the next start can
 * say what became of it. */
static void
drop_all(struct collector *c)
{
	while (c->jobs != NULL) {
		struct job *j = c->jobs;

		c->jobs = j->next;
		job_free(j);
	}
	c->last = &c->jobs;
	c->count = c->running = 0;
}

void
collector_free(struct collector *c)
{
	if (c == NULL)
		return;
	drop_all(c);
	turn_free(c->turn);
	map_free(c->failures);
	exec_texts_free(c->envp);
	free(c);
}

static void
refuse(struct collector *c, const struct incident *i)
{
	if (c->dropped++ == 0)
		log_error("too many incidents at once: nothing is collected "
			  "for this one and those to come, until there is "
			  "room rule=%s id=%s waiting=%zu",
		    i->rule_id, i->id, c->count);
}

static void
add(struct collector *c, struct incident *i, const struct programs *commands,
    bool resolved)
{
	struct job *j;

	if (c->count == QUEUE_MAX) {
		refuse(c, i);
		return;
	}
	if (c->dropped > 0)
		log_warning("there is room again; nothing was collected %zu "
			    "times",
		    c->dropped);
	c->dropped = 0;
	j = mem_new(1, sizeof *j);
	j->owner = c;
	j->incident = i;
	j->commands = commands;
	j->resolved = resolved;
	*c->last = j;
	c->last = &j->next;
	c->count++;
	i->collecting++;
	i->dirty = true;
}

void
collector_change(struct collector *c, const struct change *change)
{
	struct incident *i = change->incident;
	const struct programs *commands;

	if (i->rule == NO_RULE || c->stopping ||
	    (change->kind != CHANGE_OPENED && change->kind != CHANGE_RESOLVED))
		return;
	commands = &c->spec.plans[i->rule].collect;
	if (commands->count == 0)
		return;
	if (c->spec.dry_run)
		log_info("dry run: would collect rule=%s id=%s commands=%zu",
		    i->rule_id, i->id, commands->count);
	else
		add(c, i, commands, change->kind == CHANGE_RESOLVED);
}

/* The record has each; the log has the first, and then one of many. */
static void
say_failure(struct job *j, const char *error)
{
	struct map *failures = j->owner->failures;
	struct str key = { 0 };
	size_t *count;

	str_printf(&key, "%s %zu", j->incident->rule_id, j->command);
	count = map_get(failures, str_text(&key));
	if (count == NULL) {
		count = mem_new(1, sizeof *count);
		map_put(failures, str_text(&key), count);
	}
	str_free(&key);
	if ((*count)++ % FAILURES_SAID == 0)
		log_warning("a command of collect failed: %s rule=%s id=%s "
			    "command=%s times=%zu",
		    error, j->incident->rule_id, j->incident->id, j->argv[0],
		    *count);
}

/* The command at hand is over; its arguments are given away. */
static void
note(struct job *j, int code, struct text output, const char *error)
{
	if (error != NULL)
		say_failure(j, error);
	incident_collect(
	    j->incident, (struct collected){
			     .resolved = j->resolved,
			     .argv = j->argv,
			     .code = code,
			     .output = exec_output(output),
			     .error = error != NULL ? mem_text(error) : NULL,
			     .at_ms = j->at_ms,
			 });
	j->argv = NULL;
	j->command++;
}

static void
on_end(const struct child_end *end, void *ctx)
{
	struct job *j = ctx;
	struct err error;
	const char *why = NULL;

	if (end->timed_out)
		err_set(&error, "ended for its time-out of %d s",
		    TIMEOUT_MS / 1000);
	else if (end->signaled)
		err_set(&error, "killed by signal %d (%s)", end->code,
		    strsignal(end->code));
	if (end->timed_out || end->signaled)
		why = error.text;
	note(j, end->signaled ? -1 : end->code, end->output, why);
	child_free(j->child);
	j->child = NULL;
	j->owner->running--;
	collector_start(j->owner);
}

/* Returns whether the command at hand runs now. */
static bool
begin(struct job *j)
{
	struct collector *c = j->owner;
	const struct program *command = &j->commands->v[j->command];
	struct err err;

	j->at_ms = c->callbacks.wall_ms(c->callbacks.ctx);
	j->argv = exec_arguments(command, j->incident, j->at_ms);
	j->child = child_start(c->spec.loop,
	    &(struct child_spec){
		.argv = (const char *const *)j->argv,
		.envp = (const char *const *)c->envp,
		.timeout_ms = TIMEOUT_MS,
		.grace_ms = GRACE_MS,
		.output_max = OUTPUT_MAX,
		.whole = true,
	    },
	    on_end, NULL, j, &err);
	if (j->child == NULL) {
		note(j, -1, TEXT(""), err.text);
		return false;
	}
	child_feed(j->child, TEXT(""));
	c->running++;
	return true;
}

static bool
is_done(const struct job *j)
{
	return j->command == j->commands->count;
}

/* Takes out what is done. */
static void
sweep(struct collector *c)
{
	struct job **link = &c->jobs;
	bool any = false;

	while (*link != NULL) {
		struct job *j = *link;

		if (!is_done(j)) {
			link = &j->next;
			continue;
		}
		*link = j->next;
		c->count--;
		j->incident->collecting--;
		j->incident->dirty = true;
		job_free(j);
		any = true;
	}
	c->last = link;
	if (any)
		c->callbacks.dirty(c->callbacks.ctx);
}

/* What cannot be started costs time too: a few of them a turn. */
void
collector_start(struct collector *c)
{
	int failed = 0;

	for (struct job *j = c->jobs;
	     j != NULL && c->running < RUNNING_MAX && failed < RUNNING_MAX;
	     j = j->next)
		if (j->child == NULL && !is_done(j))
			failed += !begin(j);
	if (failed > 0)
		turn_ask(c->turn);
	sweep(c);
}

static void
on_turn(void *ctx)
{
	collector_start(ctx);
}

void
collector_stop(struct collector *c)
{
	if (c->jobs != NULL)
		log_info(
		    "what is being collected is left incidents=%zu", c->count);
	c->stopping = true;
	drop_all(c);
}

bool
collector_busy(const struct collector *c)
{
	return c->jobs != NULL;
}
