/* SPDX-License-Identifier: MIT */
/*
 * One timer for all; it looks at the wall clock once a minute at least, for no
 * timer is told when that jumps.
 */
#include "detect/schedules.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/zone.h"
#include "conf/node.h"
#include "io/loop.h"
#include "io/timer.h"

#define LOOK_MS 60000
/* As cron(8): a jump of less is one of summer time, a larger one sets a clock
 * right that was wrong. */
#define JUMP_MS INT64_C(10800000)

void
schedule_spec_read(
    struct schedule_spec *s, const struct node *map, const char *owner)
{
	const struct node *schedule = node_get(map, "schedule");
	const struct node *zone = node_get(map, "zone");
	const char *text, *name = NULL;
	struct err err;
	size_t place;

	if (node_text(schedule, &text) &&
	    cron_read(&s->cron, text, &place, &err) != 0)
		node_error_at(
		    schedule, place, "%s: schedule: %s", owner, err.text);
	if (zone != NULL && !node_text(zone, &name))
		return;
	s->zone = zone_open(name, &err);
	if (s->zone == NULL)
		node_error(zone != NULL ? zone : schedule, "%s: zone: %s",
		    owner, err.text);
}

void
schedule_spec_free(struct schedule_spec *s)
{
	zone_free(s->zone);
}

struct schedule
schedule_begin(const struct schedule_spec *spec, int64_t wall_ms)
{
	return (struct schedule){
		.spec = spec,
		.next_ms = cron_next(&spec->cron, spec->zone, wall_ms),
		.seen_ms = wall_ms,
	};
}

enum schedule_sight
schedule_look(struct schedule *s, int64_t wall_ms)
{
	const struct cron *cron = &s->spec->cron;
	int64_t back_ms = s->seen_ms - wall_ms;
	bool comes = wall_ms >= s->next_ms;
	bool missed = comes && wall_ms - s->next_ms >= JUMP_MS;

	s->seen_ms = wall_ms;
	/* Back by little: fixed times that came do not come again. */
	if (comes || back_ms >= JUMP_MS || (back_ms > 0 && !cron->fixed))
		s->next_ms = cron_next(cron, s->spec->zone, wall_ms);
	else if (back_ms > 0)
		s->seen_ms += back_ms;
	return missed  ? SCHEDULE_MISSED
	       : comes ? SCHEDULE_COMES
	               : SCHEDULE_WAITS;
}

struct planned {
	size_t rule;
	struct schedule schedule;
};

struct schedules {
	struct timer *timer;
	schedule_fn *fn;
	void *ctx;
	struct planned *v;
	size_t count;
};

static void on_time(void *ctx);

struct schedules *
schedules_new(struct loop *loop, const struct schedule_spec *const *specs,
    size_t count, schedule_fn *fn, void *ctx)
{
	struct schedules *ss = mem_new(1, sizeof *ss);

	ss->timer = timer_new(loop, on_time, ss);
	ss->fn = fn;
	ss->ctx = ctx;
	ss->v = mem_new(count, sizeof *ss->v);
	for (size_t i = 0; i < count; i++)
		if (specs[i] != NULL)
			ss->v[ss->count++] =
			    (struct planned){ i, { .spec = specs[i] } };
	return ss;
}

void
schedules_free(struct schedules *ss)
{
	if (ss == NULL)
		return;
	timer_free(ss->timer);
	free(ss->v);
	free(ss);
}

static void
rearm(struct schedules *ss)
{
	int64_t wall_ms = clock_wall_ms(), in_ms = LOOK_MS;

	for (size_t i = 0; i < ss->count; i++) {
		int64_t next_ms = ss->v[i].schedule.next_ms;

		if (next_ms - wall_ms < in_ms)
			in_ms = next_ms - wall_ms;
	}
	if (ss->count > 0)
		timer_in(ss->timer, in_ms > 0 ? in_ms : 0);
}

static void
on_time(void *ctx)
{
	struct schedules *ss = ctx;

	for (size_t i = 0; i < ss->count; i++) {
		enum schedule_sight sight =
		    schedule_look(&ss->v[i].schedule, clock_wall_ms());

		if (sight != SCHEDULE_WAITS)
			ss->fn(ss->v[i].rule, sight == SCHEDULE_COMES, ss->ctx);
	}
	rearm(ss);
}

void
schedules_start(struct schedules *ss)
{
	for (size_t i = 0; i < ss->count; i++)
		ss->v[i].schedule =
		    schedule_begin(ss->v[i].schedule.spec, clock_wall_ms());
	rearm(ss);
}
