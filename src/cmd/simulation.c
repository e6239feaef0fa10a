/* SPDX-License-Identifier: MIT */
#include "cmd/simulation.h"

#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "ruleset.h"
#include "tail/block.h"

#include <inttypes.h>
#include <string.h>

#define STAMP_LINES 64 /* that are looked at to find one with a stamp */

struct simulation {
	const struct ruleset *rs;
	struct judge *judge;
	int64_t now_ms;
	struct map *failures; /* of patterns: what was said */
	bool failed;
	struct simulation_callbacks callbacks;
	size_t looked_to; /* bytes of the block whose stamps were looked at */
};

static int64_t
on_now(void *ctx)
{
	const struct simulation *s = ctx;

	return s->now_ms;
}

void
simulation_until(struct simulation *s, int64_t at_ms)
{
	int64_t due = judge_due(s->judge), before;

	while (due <= at_ms) {
		if (due > s->now_ms)
			s->now_ms = due;
		judge_tick(s->judge);
		before = due;
		due = judge_due(s->judge);
		if (due == before)
			break;
	}
	if (at_ms > s->now_ms)
		s->now_ms = at_ms;
}

static int64_t
on_reference(uint64_t file, void *ctx)
{
	const struct simulation *s = ctx;

	return s->callbacks.reference_ms(file, s->callbacks.ctx);
}

/* The last of the stamps in the last lines of a block. */
static bool
last_stamp(struct simulation *s, const struct block *block, int64_t *wall_ms)
{
	return judge_last_stamp(s->judge, block, STAMP_LINES,
	    on_reference(block->file, s), wall_ms);
}

/* The lines before an event that are no hits have turned the clock, too: it may
 * have no stamp, as a stack trace below its error has none, or an older one. */
static void
catch_up(struct simulation *s, const struct event *event)
{
	struct block before;
	int64_t stamp_ms;

	if (event->block == NULL || event->before <= s->looked_to)
		return;
	before = *event->block;
	before.data += s->looked_to;
	before.len = event->before - s->looked_to;
	s->looked_to = event->before;
	if (last_stamp(s, &before, &stamp_ms))
		simulation_until(s, stamp_ms);
}

static void
on_event(struct event *event, const struct hit *hit, void *ctx)
{
	struct simulation *s = ctx;

	catch_up(s, event);
	if (event->stamp_ms != 0)
		simulation_until(s, event->stamp_ms);
	event->wall_ms = s->now_ms;
	if (s->callbacks.hit != NULL)
		s->callbacks.hit(hit, s->callbacks.ctx);
}

static void
on_change(const struct change *change, void *ctx)
{
	struct simulation *s = ctx;

	s->callbacks.change(change, s->callbacks.ctx);
}

static void
on_refused(const struct finding *finding, void *ctx)
{
	struct simulation *s = ctx;

	log_warning("too many incidents are open; more are not opened until "
		    "some are resolved rule=%s",
	    s->rs->rules[finding->rule].id);
}

/* Said once for a rule and part. */
static void
on_failed(size_t index, enum part part, const struct event *event, void *ctx)
{
	struct simulation *s = ctx;
	struct pattern_owner owner = ruleset_owner(s->rs, index, part);
	struct str key = { 0 };

	s->failed = true;
	str_printf(&key, "%d %zu", (int)part, index);
	if (map_get(s->failures, str_text(&key)) == NULL) {
		map_put(s->failures, str_text(&key), s);
		log_error("a pattern hit its match limit: neither a match nor "
			  "none; make it simpler %s=%s path=%s line=%" PRId64,
		    owner.kind, owner.name, event->path, event->line);
	}
	str_free(&key);
}

static void
on_suspended(size_t index, enum part part, const struct event *event,
    uint64_t events, void *ctx)
{
	const struct simulation *s = ctx;
	struct pattern_owner owner = ruleset_owner(s->rs, index, part);

	log_error("a pattern keeps hitting its match limit, events are not "
		  "held to it for a while; make it simpler %s=%s path=%s "
		  "line=%" PRId64 " events=%" PRIu64,
	    owner.kind, owner.name, event->path, event->line, events);
}

static void
on_unsieved(size_t source, const char *why, void *ctx)
{
	const struct simulation *s = ctx;

	log_warning("each line is held to each pattern, which is slower: %s "
		    "source=%s",
	    why, s->rs->source_names[source]);
}

struct simulation *
simulation_new(
    const struct ruleset *rs, const struct simulation_callbacks *callbacks)
{
	struct simulation *s = mem_new(1, sizeof *s);
	const struct judge_spec spec = ruleset_judge(rs);
	const struct judge_callbacks own = {
		.now_ms = on_now,
		.wall_ms = on_now,
		.reference_ms = on_reference,
		.event = on_event,
		.refused = on_refused,
		.change = on_change,
		.ctx = s,
		.reports = { on_failed, on_suspended, on_unsieved, s },
	};

	s->rs = rs;
	s->callbacks = *callbacks;
	s->failures = map_new(10000, NULL);
	s->judge = judge_new(&spec, &own);
	return s;
}

void
simulation_begin(struct simulation *s, int64_t start_ms)
{
	s->now_ms = start_ms;
	judge_begin(s->judge);
	/* There is nothing but what it is fed with. */
	judge_caught_up(s->judge, true);
}

bool
simulation_first_stamp(
    struct simulation *s, const struct block *block, int64_t *wall_ms)
{
	return judge_first_stamp(
	    s->judge, block, on_reference(block->file, s), wall_ms);
}

void
simulation_free(struct simulation *s)
{
	if (s == NULL)
		return;
	judge_free(s->judge);
	map_free(s->failures);
	free(s);
}

int64_t
simulation_now(const struct simulation *s)
{
	return s->now_ms;
}

void
simulation_block(struct simulation *s, const struct block *block)
{
	int64_t stamp_ms;

	s->looked_to = 0;
	judge_block(s->judge, block);
	if (last_stamp(s, block, &stamp_ms))
		simulation_until(s, stamp_ms);
}

void
simulation_flush(struct simulation *s)
{
	matcher_flush(judge_matcher(s->judge));
}

bool
simulation_failed(const struct simulation *s)
{
	return s->failed;
}

void
simulation_open(struct simulation *s, incident_fn *fn, void *ctx)
{
	incidents_each_open(judge_incidents(s->judge), fn, ctx);
}
