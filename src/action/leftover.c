/* SPDX-License-Identifier: MIT */
#include "action/leftover.h"

#include "base/log.h"
#include "base/mem.h"
#include "io/orphan.h"
#include "io/timer.h"
#include "store/store.h"

#include <inttypes.h>
#include <signal.h>
#include <string.h>

struct leftover {
	struct leftover *next;
	struct leftovers *owner;
	struct run_row row;              /* its texts are here: */
	char *incident, *action, *state; /* owned */
	char *rule, *lock;               /* may be NULL */
	bool known;
	struct orphan *orphan;
	struct timer *deadline; /* NULL: its time is not known */
};

struct leftovers {
	struct loop *loop;
	leftover_end_fn *ended;
	void *ctx;
	struct leftover *first;
};

struct leftovers *
leftovers_new(struct loop *l, leftover_end_fn *ended, void *ctx)
{
	struct leftovers *ls = mem_new(1, sizeof *ls);

	*ls = (struct leftovers){ .loop = l, .ended = ended, .ctx = ctx };
	return ls;
}

static void
leftover_free(struct leftover *o)
{
	orphan_free(o->orphan);
	timer_free(o->deadline);
	free(o->incident);
	free(o->action);
	free(o->state);
	free(o->rule);
	free(o->lock);
	free(o);
}

void
leftovers_free(struct leftovers *ls)
{
	if (ls == NULL)
		return;
	while (ls->first != NULL) {
		struct leftover *o = ls->first;

		ls->first = o->next;
		leftover_free(o);
	}
	free(ls);
}

static void
on_end(void *ctx)
{
	struct leftover *o = ctx, **link = &o->owner->first;
	struct leftovers *ls = o->owner;

	while (*link != o)
		link = &(*link)->next;
	*link = o->next;
	ls->ended(&o->row, ls->ctx);
	leftover_free(o);
}

static void
on_timeout(void *ctx)
{
	const struct leftover *o = ctx;

	log_warning("a script of an earlier logwatch ran out of time; ending "
		    "it id=%s action=%s pid=%" PRId64,
	    o->incident, o->action, o->row.pid);
	/* It leads its session, and is there as long as nobody told its end. */
	kill((pid_t)-o->row.pid, SIGKILL);
}

/* What is left of its time; if the clock was set back, all of it. */
static void
limit(struct leftover *o, const struct leftover_spec *spec)
{
	int64_t left = o->row.started_ms + spec->timeout_ms - spec->wall_ms;

	if (left > spec->timeout_ms)
		left = spec->timeout_ms;
	o->deadline = timer_new(o->owner->loop, on_timeout, o);
	timer_in(o->deadline, left > 0 ? left : 0);
}

static char *
copy(const char *text)
{
	return text != NULL ? mem_text(text) : NULL;
}

bool
leftovers_add(struct leftovers *ls, const struct leftover_spec *spec)
{
	struct leftover *o = mem_new(1, sizeof *o);

	o->owner = ls;
	o->row = *spec->row;
	o->orphan = orphan_watch(
	    ls->loop, (pid_t)o->row.pid, o->row.start_time, on_end, o);
	if (o->orphan == NULL) {
		free(o);
		return false;
	}
	o->row.incident = o->incident = mem_text(spec->row->incident);
	o->row.action = o->action = mem_text(spec->row->action);
	o->row.state = o->state = mem_text(spec->row->state);
	o->rule = copy(spec->rule);
	o->lock = copy(spec->lock);
	o->known = spec->known;
	if (o->known)
		limit(o, spec);
	o->next = ls->first;
	ls->first = o;
	return true;
}

bool
leftovers_hold(const struct leftovers *ls, const char *rule, const char *lock)
{
	for (const struct leftover *o = ls->first; o != NULL; o = o->next) {
		if (rule != NULL && o->rule != NULL &&
		    strcmp(o->rule, rule) == 0)
			return true;
		if (lock != NULL &&
		    (!o->known ||
			(o->lock != NULL && strcmp(o->lock, lock) == 0)))
			return true;
	}
	return false;
}
