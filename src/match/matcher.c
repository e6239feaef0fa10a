/* SPDX-License-Identifier: MIT */
/*
 * Holds each event to the patterns that its source's rules ask for.
 */
#include "match/matcher.h"

#include "base/map.h"
#include "base/mem.h"
#include "event/multiline.h"
#include "match/fields.h"
#include "match/guard.h"
#include "match/literal.h"
#include "match/messages.h"
#include "match/prefilter.h"
#include "match/seen.h"
#include "match/sieve.h"
#include "tail/block.h"

#include <assert.h>

/* Files at once; the tail has its own bound, far below. */
#define FILES_MAX 1000000
/* Patterns that may give up on one event, a millisecond each, before those that
 * come behind are not asked about it. */
#define GIVE_UPS_MAX 20
/* Bytes from one line that is asked about for nothing to the next; where it is
 * less, something else may be better looked for. */
#define IDLE 4096
/* Bytes after which it is, at least and at most. */
#define SPAN (UINT64_C(1) << 20)
#define SPAN_MAX (UINT64_C(1) << 30)

/* One thing that events of a source are held to. */
struct probe {
	enum part part;
	size_t index;
	const struct patterns *patterns;
	const struct patterns *except; /* NULL: none */
	const struct where *where;     /* likewise */
	struct guard guard, except_guard;
};

/* What joins the lines of a source. */
struct joint {
	struct matcher *matcher;
	struct probe probe; /* of its `start` or its `continue` */
	bool starts;
};

struct reading {
	struct multiline *multiline;
	struct context *context;
	/* The lines before the event that waits, while it waits: by its end
	 * its own lines have taken their place in the context. */
	int64_t kept_for; /* the event's offset; -1: none */
	struct str kept;  /* each with a newline behind it */
};

/* What decides which lines of a source its probes are asked about. */
struct sieving {
	uint64_t bytes; /* of it so far */
	bool tried;
	struct sieve *sieve; /* NULL: there is none, or not yet */
	struct matcher_look *look;

	struct str sample; /* of what came last, while it is to learn */
	uint64_t learned;  /* at so many bytes */
	uint64_t span;     /* to the next time, at least */
	uint64_t idle;     /* lines that a pattern was asked about since, for
	                      nothing */
};

struct matcher_look {
	struct candidates *candidates;
	struct messages *messages; /* NULL: lines are text */
	bool strip;
	bool failed; /* all lines are to be held to all patterns */
};

struct matcher {
	struct matcher_spec spec;
	struct matcher_callbacks callbacks;
	struct probe **probes; /* by source */
	size_t *probe_counts;
	struct joint *joints;     /* by source */
	struct sieving *sievings; /* likewise */
	bool *wanted[PART_COUNT]; /* by index of the rule or action */
	struct map *readings;     /* by file */
	int64_t due_ms;
	unsigned give_ups; /* on the event at hand */
	struct seen seen;  /* what it is, where it is a JSON object */
	struct fields fields;

	/* While the lines of a block are joined: what could match in it. */
	struct candidates *sifted; /* NULL: not known */
	const struct block *sifting;
	size_t sifted_to; /* of the list, up to the event at hand */
	bool *asked;      /* by probe, about that event */
};

static void
probe_add(struct matcher *m, size_t source, struct probe probe)
{
	size_t *count = &m->probe_counts[source];

	m->probes[source] =
	    mem_resize(m->probes[source], *count + 1, sizeof(struct probe));
	m->probes[source][(*count)++] = probe;
}

static void
rules_probe(struct matcher *m, size_t source, enum part part)
{
	for (size_t i = 0; i < m->spec.rule_count; i++) {
		const struct rule *rule = &m->spec.rules[i];

		if (rule->sources[source] && rule->parts[part].count > 0)
			probe_add(m, source,
			    (struct probe){ .part = part,
				.index = i,
				.patterns = &rule->parts[part],
				.except =
				    part == PART_RESOLVE ? NULL : &rule->except,
				.where = part == PART_RESOLVE ? NULL
			                                      : &rule->where });
	}
}

static void
proofs_probe(struct matcher *m, size_t source)
{
	for (size_t i = 0; i < m->spec.proof_count; i++) {
		const struct proof *proof = &m->spec.proofs[i];

		if (proof->sources != NULL && proof->sources[source])
			probe_add(m, source,
			    (struct probe){ .part = PART_VERIFY,
				.index = i,
				.patterns = &proof->patterns });
	}
}

static struct joint
joint_of(struct matcher *m, size_t source)
{
	const struct event_source *s = &m->spec.sources[source];
	bool starts = s->start.count > 0;

	return (struct joint){
		.matcher = m,
		.probe = { .part = PART_JOIN,
		    .index = source,
		    .patterns = starts ? &s->start : &s->cont },
		.starts = starts,
	};
}

static void
reading_free(void *value)
{
	struct reading *r = value;

	multiline_free(r->multiline);
	context_free(r->context);
	str_free(&r->kept);
	free(r);
}

struct matcher *
matcher_new(
    const struct matcher_spec *spec, const struct matcher_callbacks *callbacks)
{
	struct matcher *m = mem_new(1, sizeof *m);
	size_t most = 0;

	m->spec = *spec;
	m->callbacks = *callbacks;
	m->due_ms = INT64_MAX;
	m->readings = map_new(FILES_MAX, reading_free);
	m->probes = mem_new(spec->source_count, sizeof *m->probes);
	m->probe_counts = mem_new(spec->source_count, sizeof(size_t));
	m->joints = mem_new(spec->source_count, sizeof *m->joints);
	m->sievings = mem_new(spec->source_count, sizeof *m->sievings);
	for (int part = 0; part < PART_COUNT; part++)
		m->wanted[part] = mem_new(
		    part == PART_VERIFY ? spec->proof_count : spec->rule_count,
		    sizeof(bool));
	memset(m->wanted[PART_MATCH], true, spec->rule_count);
	for (size_t s = 0; s < spec->source_count; s++) {
		m->joints[s] = joint_of(m, s);
		proofs_probe(m, s);
		rules_probe(m, s, PART_RESOLVE);
		rules_probe(m, s, PART_SECOND);
		rules_probe(m, s, PART_MATCH);
		if (m->probe_counts[s] > most)
			most = m->probe_counts[s];
	}
	m->asked = mem_new(most, sizeof *m->asked);
	return m;
}

void
matcher_free(struct matcher *m)
{
	if (m == NULL)
		return;
	map_free(m->readings);
	for (int part = 0; part < PART_COUNT; part++)
		free(m->wanted[part]);
	for (size_t s = 0; s < m->spec.source_count; s++) {
		free(m->probes[s]);
		matcher_look_free(m->sievings[s].look);
		sieve_free(m->sievings[s].sieve);
		str_free(&m->sievings[s].sample);
	}
	seen_free(&m->seen);
	fields_free(&m->fields);
	free(m->joints);
	free(m->sievings);
	free(m->asked);
	free(m->probes);
	free(m->probe_counts);
	free(m);
}

void
matcher_want(struct matcher *m, enum part part, size_t index, bool wanted)
{
	assert(part != PART_MATCH);
	m->wanted[part][index] = wanted;
}

/* Asks patterns about an event, where they are worth it. */
static enum match_result
ask(struct matcher *m, const struct probe *probe, struct guard *guard,
    const struct patterns *patterns, struct hit *hit, struct captures *captures)
{
	const struct matcher_reports *reports = &m->callbacks.reports;
	const struct event *event = hit->event;
	enum match_result result = MATCH_FAILED;
	uint64_t events;

	if (!guard_asks(guard))
		return MATCH_FAILED;
	if (m->give_ups < GIVE_UPS_MAX)
		result = patterns_match(patterns, event->text, captures,
		    captures != NULL ? &hit->span : NULL);
	events = guard_note(guard, result == MATCH_FAILED);
	if (result != MATCH_FAILED)
		return result;
	m->give_ups++;
	reports->failed(probe->index, probe->part, event, reports->ctx);
	if (events > 0 && reports->suspended != NULL)
		reports->suspended(
		    probe->index, probe->part, event, events, reports->ctx);
	return result;
}

/* What else is known of an object that matched. */
static void
add_fields(struct matcher *m, const struct probe *probe,
    const struct event *event, struct captures *captures)
{
	const struct event_source *s = &m->spec.sources[event->source];
	const struct fields_spec spec = {
		.message = s->message,
		.wanted = probe->part != PART_VERIFY
		              ? m->spec.rules[probe->index].fields
		              : NULL,
		.strip = s->strip,
	};

	fields_read(&m->fields, event->object, &spec);
	fields_capture(&m->fields, captures);
}

/* sieved: because it was found, not because it is asked about every line */
static void
hold_to(struct matcher *m, struct probe *probe, const struct event *event,
    bool sieved)
{
	struct captures captures;
	struct hit hit = {
		.index = probe->index,
		.part = probe->part,
		.event = event,
		.captures = &captures,
	};

	if (ask(m, probe, &probe->guard, probe->patterns, &hit, &captures) !=
	    MATCH_YES) {
		m->sievings[event->source].idle += sieved;
		return;
	}
	if (event->object.data != NULL)
		add_fields(m, probe, event, &captures);
	if (probe->where != NULL &&
	    !where_holds(probe->where, probe->patterns, &captures))
		return;
	/* Where that is not known, better one alarm too many. */
	if (probe->except != NULL && probe->except->count > 0 &&
	    ask(m, probe, &probe->except_guard, probe->except, &hit, NULL) ==
		MATCH_YES)
		return;
	m->callbacks.hit(&hit, m->callbacks.ctx);
}

/* An event of several lines is asked about where a match could end in one of
 * them.  Not known of one that began in an earlier block, nor of one that was
 * cut off: its end is none of a line. */
static bool
is_sieved(const struct matcher *m, const struct event *event)
{
	return m->sifted != NULL && event->block == m->sifting &&
	       event->offset >= event->block->offset && !event->truncated;
}

/* Finds out what could match an event; they come in their order.  False: only
 * the open ones could. */
static bool
sift(struct matcher *m, const struct event *event)
{
	size_t count;
	const struct candidate *found = candidates_list(m->sifted, &count);
	bool any = false;

	memset(m->asked, false, m->probe_counts[event->source]);
	for (; m->sifted_to < count; m->sifted_to++) {
		const struct candidate *c = &found[m->sifted_to];
		size_t at = candidates_raw(m->sifted, c->start);

		if (at >= event->after)
			break;
		if (at < event->before)
			continue;
		m->asked[c->group] = true;
		any = true;
	}
	return any;
}

/* Holds an event to the probes that are asked about it, and to the open ones;
 * cs NULL: to all. */
static void
hold_asked(
    struct matcher *m, const struct event *event, const struct candidates *cs)
{
	struct probe *probes = m->probes[event->source];
	size_t count = m->probe_counts[event->source];

	m->give_ups = 0;
	for (size_t i = 0; i < count; i++) {
		bool found = cs != NULL && m->asked[i];

		if (m->wanted[probes[i].part][probes[i].index] &&
		    (cs == NULL || found || candidates_is_open(cs, i)))
			hold_to(m, &probes[i], event, found);
	}
}

static void
on_event(const struct event *event, void *ctx)
{
	struct matcher *m = ctx;
	bool sieved = is_sieved(m, event);

	if (sieved && !sift(m, event) && !candidates_any_open(m->sifted))
		return;
	hold_asked(m, event, sieved ? m->sifted : NULL);
}

/* Where that is not known, a line is not added to what it perhaps is none of.
 */
static bool
line_begins(const struct event *line, void *ctx)
{
	struct joint *j = ctx;
	struct hit hit = { .event = line };

	j->matcher->give_ups = 0;
	switch (ask(j->matcher, &j->probe, &j->probe.guard, j->probe.patterns,
	    &hit, NULL)) {
	case MATCH_YES:
		return j->starts;
	case MATCH_NO:
		return !j->starts;
	case MATCH_FAILED:
		break;
	}
	return true;
}

static bool
joins(const struct event_source *source)
{
	return source->start.count > 0 || source->cont.count > 0;
}

static struct text
file_key(const uint64_t *file)
{
	return (struct text){ (const char *)file, sizeof *file };
}

static struct reading *
reading_of(struct matcher *m, const struct block *block)
{
	const struct event_source *s = &m->spec.sources[block->source];
	struct reading *r = map_get(m->readings, file_key(&block->file));
	struct multiline_options options = {
		.begins = joins(s) ? line_begins : NULL,
		.ctx = &m->joints[block->source],
		.max_lines = s->max_lines,
		.max_bytes = s->max_bytes,
		.timeout_ms = s->timeout_ms,
		.strip = s->strip,
	};

	if (r != NULL)
		return r;
	r = mem_new(1, sizeof *r);
	r->multiline = multiline_new(&options, on_event, m);
	r->context = context_new(m->spec.context_lines);
	r->kept_for = -1;
	map_put(m->readings, file_key(&block->file), r);
	return r;
}

static void
keep_line(struct text line, void *ctx)
{
	str_add_text(ctx, line);
	str_putc(ctx, '\n');
}

/* An event that began in this block and waits for the next one. */
static void
keep_before(struct reading *r)
{
	const struct event *e = multiline_waiting(r->multiline);

	if (e == NULL || e->block == NULL)
		return;
	str_clear(&r->kept);
	r->kept_for = e->offset;
	context_before(r->context, e, keep_line, &r->kept);
}

/* Lines that are events, sieved. */

/* A place between two lines: in the block and in its clean text. */
struct place {
	size_t raw, clean;
	int64_t line;
};

/* Goes on to the line that starts at `clean` in the clean text. */
static void
go_to(struct place *at, const struct block *block, struct candidates *cs,
    size_t clean)
{
	size_t raw = candidates_raw(cs, clean);

	at->line += newlines_count(block->data + at->raw, raw - at->raw);
	at->raw = raw;
	at->clean = clean;
}

/* The event of the line at a place. */
static struct event
event_at(const struct place *at, const struct block *block, struct text clean,
    int64_t wall_ms)
{
	const char *text = clean.data + at->clean;
	const char *stop = memchr(text, '\n', clean.len - at->clean);
	const char *raw = block->data + at->raw;
	const char *next = memchr(raw, '\n', block->len - at->raw);

	if (stop == NULL)
		stop = clean.data + clean.len;
	return (struct event){
		.file = block->file,
		.source = block->source,
		.path = block->path,
		.offset = block->offset + (int64_t)at->raw,
		.line = at->line,
		.text = { text, (size_t)(stop - text) },
		.truncated = next == NULL && block->truncated,
		.wall_ms = wall_ms,
		.block = block,
		.before = at->raw,
		.after = next != NULL ? (size_t)(next + 1 - block->data)
		                      : block->len,
	};
}

/* Holds an event to the probes that could match it, and to the open ones. */
static void
hold_line(struct matcher *m, const struct event *event,
    const struct candidates *cs, const struct candidate *found, size_t count)
{
	struct probe *probes = m->probes[event->source];
	bool open = candidates_any_open(cs);
	size_t all = open ? m->probe_counts[event->source] : count;

	m->give_ups = 0;
	for (size_t i = 0; i < all; i++) {
		size_t k = open ? i : found[i].group;
		bool sieved = !open || (count > 0 && found->group == k);

		if (open && sieved) {
			found++;
			count--;
		}
		if ((sieved || candidates_is_open(cs, k)) &&
		    m->wanted[probes[k].part][probes[k].index])
			hold_to(m, &probes[k], event, sieved);
	}
}

static void
hold_lines(struct matcher *m, const struct block *block, struct candidates *cs,
    int64_t wall_ms)
{
	/* An event may switch them on for the next. */
	bool open = candidates_any_open(cs);
	struct place at = { .line = block->line };
	struct text clean = candidates_text(cs);
	size_t count;
	const struct candidate *found = candidates_list(cs, &count);

	while (count > 0 || (open && at.raw < block->len)) {
		struct event event;
		size_t n = 0, end;

		if (!open)
			go_to(&at, block, cs, found->start);
		while (n < count && found[n].start == at.clean)
			n++;
		event = event_at(&at, block, clean, wall_ms);
		hold_line(m, &event, cs, found, n);
		found += n;
		count -= n;
		if (!open)
			continue;
		/* On to the next: the last may have nothing left of it. */
		end = at.clean + event.text.len;
		at = (struct place){ event.after, end + (end < clean.len),
			at.line + 1 };
	}
}

/* Lines that are JSON objects. */

static void
hold_object(struct matcher *m, const struct block *block,
    const struct message *message, int64_t line, int64_t wall_ms,
    const struct candidates *cs)
{
	const struct event_source *s = &m->spec.sources[block->source];
	const char *next = message->line.data + message->line.len;
	bool ends = next < block->data + block->len;

	seen_line(&m->seen, message->line, s->message, s->strip);
	hold_asked(m,
	    &(struct event){
		.file = block->file,
		.source = block->source,
		.path = block->path,
		.offset = block->offset + (int64_t)message->raw,
		.line = line,
		.text = m->seen.text,
		.object = m->seen.object,
		.truncated = !ends && block->truncated,
		.wall_ms = wall_ms,
		.block = block,
		.before = message->raw,
		.after = (size_t)(next - block->data) + ends,
	    },
	    cs);
}

/* Those of a message's lines of text come one after the other. */
static bool
sift_message(
    struct matcher *m, struct candidates *cs, size_t source, size_t end)
{
	size_t count;
	const struct candidate *found = candidates_list(cs, &count);
	bool any = false;

	memset(m->asked, false, m->probe_counts[source]);
	for (; m->sifted_to < count; m->sifted_to++) {
		if (candidates_raw(cs, found[m->sifted_to].start) >= end)
			break;
		m->asked[found[m->sifted_to].group] = true;
		any = true;
	}
	return any;
}

/* cs  NULL: each is held to all */
static void
hold_objects(struct matcher *m, const struct block *block,
    const struct messages *messages, struct candidates *cs, int64_t wall_ms)
{
	size_t count, end;
	const struct message *v = messages_list(messages, &count);

	m->sifted_to = 0;
	for (size_t i = 0; i < count; i++) {
		end = i + 1 < count ? v[i + 1].text : SIZE_MAX;
		if (cs == NULL || sift_message(m, cs, block->source, end) ||
		    candidates_any_open(cs))
			hold_object(m, block, &v[i], block->line + (int64_t)i,
			    wall_ms, cs);
	}
}

/* Returns whether the sample is large enough. */
static bool
sample_add(struct sieving *s, const struct block *block)
{
	size_t room = LITERAL_SAMPLE - s->sample.len;

	str_add(&s->sample, block->data, block->len < room ? block->len : room);
	return s->sample.len == LITERAL_SAMPLE;
}

/* Goes by what comes now. */
static void
learn(struct matcher *m, const struct block *block)
{
	struct sieving *s = &m->sievings[block->source];
	uint64_t since = s->bytes - s->learned;

	if (s->sieve == NULL || since < s->span ||
	    (s->idle < since / IDLE && since < SPAN_MAX) ||
	    !sample_add(s, block))
		return;
	/* What is frequent whatever is looked for is not asked about again
	 * soon. */
	if (sieve_learn(s->sieve, str_text(&s->sample)))
		s->span = SPAN;
	else if (s->span < SPAN_MAX)
		s->span *= 4;
	str_free(&s->sample);
	s->learned = s->bytes;
	s->idle = 0;
}

/* Makes it once enough was read. */
static struct sieve *
sieve_for(struct matcher *m, const struct block *block)
{
	const struct matcher_reports *reports = &m->callbacks.reports;
	struct sieving *s = &m->sievings[block->source];
	size_t count = m->probe_counts[block->source];
	const struct patterns **groups;
	struct err err;

	if (s->tried || count == 0)
		return s->sieve;
	sample_add(s, block);
	if (s->bytes < m->spec.sieve_after)
		return NULL;
	s->tried = true;
	groups = mem_new(count, sizeof *groups);
	for (size_t i = 0; i < count; i++)
		groups[i] = m->probes[block->source][i].patterns;
	s->sieve = sieve_new(groups, count, str_text(&s->sample), &err);
	free(groups);
	str_free(&s->sample);
	s->learned = s->bytes;
	s->span = SPAN;
	if (s->sieve == NULL && reports->unsieved != NULL &&
	    prefilter_is_built())
		reports->unsieved(block->source, err.text, reports->ctx);
	return s->sieve;
}

/* sieve  NULL: all lines are to be held to all patterns */
static struct matcher_look *
look_new(const struct event_source *source, struct sieve *sieve)
{
	struct matcher_look *look = mem_new(1, sizeof *look);

	if (sieve != NULL)
		look->candidates = candidates_new(sieve);
	if (source->message != NULL)
		look->messages = messages_new(source->message, source->strip);
	look->strip = source->strip;
	return look;
}

struct matcher_look *
matcher_look_new(struct matcher *m, const struct block *block)
{
	struct sieve *sieve = sieve_for(m, block);

	if (sieve == NULL)
		return NULL;
	return look_new(&m->spec.sources[block->source], sieve);
}

void
matcher_look_free(struct matcher_look *look)
{
	if (look == NULL)
		return;
	candidates_free(look->candidates);
	messages_free(look->messages);
	free(look);
}

void
matcher_look(struct matcher_look *look, const struct block *block)
{
	struct text text = { block->data, block->len };
	bool first = block->offset == 0;

	if (look->messages != NULL) {
		messages_read(look->messages, block);
		text = messages_text(look->messages);
		first = false; /* its byte order mark is off */
	}
	look->failed =
	    look->candidates == NULL ||
	    candidates_find(look->candidates, text, first, look->strip) < 0;
}

/* Joins lines to events; look NULL: each is held to all. */
static void
feed_joined(struct matcher *m, const struct block *block,
    struct multiline *multiline, const struct matcher_look *look,
    int64_t now_ms, int64_t wall_ms)
{
	m->sifted = look != NULL ? look->candidates : NULL;
	m->sifting = block;
	m->sifted_to = 0;
	multiline_feed(multiline, block, now_ms, wall_ms);
	m->sifted = NULL;
}

/* look  NULL: each event is held to all; of JSON objects it is not */
static void
feed(struct matcher *m, const struct block *block, struct matcher_look *look,
    int64_t now_ms, int64_t wall_ms)
{
	struct reading *r = reading_of(m, block);
	bool objects = m->spec.sources[block->source].message != NULL;
	struct messages *messages = objects ? look->messages : NULL;
	int64_t due;

	if (look != NULL && look->failed)
		look = NULL;
	learn(m, block);
	if (objects)
		hold_objects(m, block, messages,
		    look != NULL ? look->candidates : NULL, wall_ms);
	else if (look != NULL && !joins(&m->spec.sources[block->source]))
		hold_lines(m, block, look->candidates, wall_ms);
	else
		feed_joined(m, block, r->multiline, look, now_ms, wall_ms);
	if (block->unfinished)
		multiline_flush(r->multiline);
	keep_before(r);
	context_note(r->context, block);
	due = multiline_due(r->multiline);
	if (due < m->due_ms)
		m->due_ms = due;
}

void
matcher_feed_looked(
    struct matcher *m, const struct block *block, struct matcher_look *look)
{
	m->sievings[block->source].bytes += block->len;
	feed(m, block, look, 0, 0);
}

void
matcher_feed(struct matcher *m, const struct block *block, int64_t now_ms,
    int64_t wall_ms)
{
	struct sieving *s = &m->sievings[block->source];

	const struct event_source *source = &m->spec.sources[block->source];
	struct sieve *sieve;

	s->bytes += block->len;
	sieve = sieve_for(m, block);
	if (sieve != NULL && s->look != NULL && s->look->candidates == NULL) {
		matcher_look_free(s->look);
		s->look = NULL;
	}
	if (s->look == NULL && (sieve != NULL || source->message != NULL))
		s->look = look_new(source, sieve);
	if (s->look != NULL)
		matcher_look(s->look, block);
	feed(m, block, s->look, now_ms, wall_ms);
}

void
matcher_end(struct matcher *m, uint64_t file)
{
	struct reading *r = map_get(m->readings, file_key(&file));

	if (r == NULL)
		return;
	multiline_flush(r->multiline);
	map_remove(m->readings, file_key(&file));
}

static void
flush_one(struct text key, void *value, void *ctx)
{
	struct reading *r = value;

	(void)key;
	(void)ctx;
	multiline_flush(r->multiline);
}

void
matcher_flush(struct matcher *m)
{
	map_each(m->readings, flush_one, NULL);
	m->due_ms = INT64_MAX;
}

int64_t
matcher_due(const struct matcher *m)
{
	return m->due_ms;
}

struct tick {
	int64_t now_ms, due_ms;
};

static void
tick_one(struct text key, void *value, void *ctx)
{
	struct reading *r = value;
	struct tick *tick = ctx;

	(void)key;
	multiline_tick(r->multiline, tick->now_ms);
	if (multiline_due(r->multiline) < tick->due_ms)
		tick->due_ms = multiline_due(r->multiline);
}

void
matcher_tick(struct matcher *m, int64_t now_ms)
{
	struct tick tick = { now_ms, INT64_MAX };

	if (now_ms < m->due_ms)
		return;
	map_each(m->readings, tick_one, &tick);
	m->due_ms = tick.due_ms;
}

bool
matcher_pending(
    const struct matcher *m, uint64_t file, int64_t *offset, int64_t *line)
{
	const struct reading *r = map_get(m->readings, file_key(&file));

	return r != NULL && multiline_pending(r->multiline, offset, line);
}

static void
tell_kept(const struct reading *r, context_line_fn *fn, void *ctx)
{
	const char *p = r->kept.data, *end = p + r->kept.len;

	for (const char *newline; p < end; p = newline + 1) {
		newline = memchr(p, '\n', (size_t)(end - p));
		fn((struct text){ p, (size_t)(newline - p) }, ctx);
	}
}

void
matcher_before(const struct matcher *m, const struct event *event,
    context_line_fn *fn, void *ctx)
{
	const struct reading *r = map_get(m->readings, file_key(&event->file));

	if (r == NULL)
		return;
	if (r->kept_for == event->offset)
		tell_kept(r, fn, ctx);
	else
		context_before(r->context, event, fn, ctx);
}
