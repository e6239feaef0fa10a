/* SPDX-License-Identifier: MIT */
/*
 * logwatch explain: why a rule is hit by an event, or why not.
 */
#include "cmd/cmd.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "base/when.h"
#include "cmd/explanation.h"
#include "cmd/logfile.h"
#include "cmd/simulation.h"
#include "event/event.h"
#include "io/loop.h"
#include "ruleset.h"
#include "tail/block.h"

#include <getopt.h>
#include <inttypes.h>
#include <unistd.h>

static const char help[] =
    "Usage: logwatch explain [OPTION...] --rules FILE --line TEXT\n"
    "       logwatch explain [OPTION...] --rules FILE LOG...\n"
    "Says for each rule whether an event is a hit of it, or the first part "
    "that\n"
    "fails: how far its pattern got, what it wanted there and what it saw.\n"
    "Of a log: how many hits there are, or of its last lines the one that got\n"
    "farthest.  LOG may be -, standard input.\n"
    "\n"
    "  --line TEXT        the event; may hold newlines\n"
    "  --json             an object a rule\n"
    "  --rule ID          only this rule; may recur\n"
    "  --source NAME      read it as this source\n"
    "  --rules FILE|DIR   a rule file, or a directory of them; may recur\n"
    "  --help             this\n"
    "\n"
    "Exit status: 0 some rule is hit, 1 none is, 2 wrong usage, 3 it could "
    "not\n"
    "do its work: the rules have faults, a log could not be read, a pattern "
    "gave\n"
    "up.\n";

#define LAST_LINES 1000  /* of which the one that got farthest is looked for */
#define LAST_BYTES 16384 /* of one, as far as it is remembered */

enum flag {
	OPTION_LINE = 1,
	OPTION_JSON,
	OPTION_RULE,
	OPTION_SOURCE,
	OPTION_RULES,
	OPTION_HELP,
};

static const struct option options[] = {
	{ "line", required_argument, NULL, OPTION_LINE },
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "rule", required_argument, NULL, OPTION_RULE },
	{ "source", required_argument, NULL, OPTION_SOURCE },
	{ "rules", required_argument, NULL, OPTION_RULES },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ NULL, 0, NULL, 0 },
};

/** What came of a rule over a log. */
struct outcome {
	uint64_t hits, incidents;
	int64_t first_line; /* of a hit */
	struct str first;   /* the event */
};

struct explain {
	/* as asked for */
	struct paths rules, ids;
	const char *source_name, *line;
	bool json, colour;

	struct ruleset *rs;
	size_t source;
	bool *wanted; /* by rule */
	struct simulation *simulation;
	struct outcome *outcomes; /* by rule */
	struct explained event;   /* at hand */
	struct str last[LAST_LINES];
	size_t last_count; /* in all */
	bool begun, any, failed;
};

static bool
wants(const struct explain *e, size_t rule)
{
	return e->wanted[rule] && e->rs->rules[rule].sources != NULL;
}

static void
print(struct explain *e, size_t rule, const struct explanation *x)
{
	const struct text event = e->event.seen.text;
	json_t *json;

	e->any |= x->answer == ANSWER_HIT;
	if (!e->json) {
		explanation_print(e->rs, rule, event, x, e->colour, stdout);
		return;
	}
	json = explanation_json(e->rs, rule, event, x);
	if (e->outcomes != NULL) {
		const struct outcome *o = &e->outcomes[rule];

		json_object_set_new(
		    json, "hits", json_integer((json_int_t)o->hits));
		json_object_set_new(
		    json, "incidents", json_integer((json_int_t)o->incidents));
	}
	json_dumpf(json, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(json);
}

/* One event. */

static void
print_threshold(const struct explain *e, size_t rule, uint64_t hits)
{
	const struct detector *d = &e->rs->detectors[rule];
	char within[WHEN_SIZE];

	if (e->json || d->kind != DETECT_MATCH || d->count <= 1)
		return;
	printf("    threshold: %" PRIu64 " of %" PRId64
	       " %s within %s: no incident by that\n",
	    hits, d->count, d->distinct != NULL ? "values" : "hits",
	    duration_write(d->within_ms, within));
}

static bool
is_of_source(const struct explain *e, size_t rule)
{
	return e->rs->rules[rule].sources[e->source] ||
	       not_asked_why(e->rs, rule) != NULL;
}

static void
see(struct explain *e, struct text line)
{
	explained_see(&e->event, &e->rs->event_sources[e->source], line);
}

static void
explain_line(struct explain *e)
{
	struct explanation x;

	see(e, text_of(e->line));
	for (size_t i = 0; i < e->rs->rule_count; i++) {
		if (!wants(e, i) || !is_of_source(e, i))
			continue;
		explain_rule(&e->rs->rules[i], &e->event, true, &x);
		print(e, i, &x);
		if (x.answer == ANSWER_HIT)
			print_threshold(e, i, 1);
	}
}

/* A log. */

static void
on_change(const struct change *change, void *ctx)
{
	struct explain *e = ctx;

	if (change->kind == CHANGE_OPENED &&
	    change->incident->rule < e->rs->rule_count)
		e->outcomes[change->incident->rule].incidents++;
}

static void
on_hit(const struct hit *hit, void *ctx)
{
	struct explain *e = ctx;
	struct outcome *o = &e->outcomes[hit->index];

	if (hit->part != PART_MATCH && hit->part != PART_SECOND)
		return;
	if (o->hits++ > 0)
		return;
	o->first_line = hit->event->line;
	if (hit->event->object.data != NULL)
		str_add_text(&o->first, hit->event->object);
	else
		str_add_text(
		    &o->first, utf8_head_bytes(hit->event->text, 65536));
}

static int64_t
on_reference(uint64_t file, void *ctx)
{
	(void)file;
	(void)ctx;
	return clock_wall_ms();
}

static void
remember(struct explain *e, struct text line)
{
	struct str *slot = &e->last[e->last_count++ % LAST_LINES];

	if (line.len > LAST_BYTES)
		line.len = LAST_BYTES;
	str_clear(slot);
	str_add_text(slot, line);
}

/* The lines of a block's end, for only the last ones count. */
static void
remember_lines(struct explain *e, const struct block *block)
{
	const char *end = block->data + block->len, *from = end, *line;

	for (size_t n = 0; n < LAST_LINES && from > block->data; n++) {
		const char *stop = from[-1] == '\n' ? from - 1 : from;

		line = memrchr(block->data, '\n', (size_t)(stop - block->data));
		from = line != NULL ? line + 1 : block->data;
	}
	while (from < end) {
		line = memchr(from, '\n', (size_t)(end - from));
		if (line == NULL)
			line = end;
		remember(e, (struct text){ from, (size_t)(line - from) });
		from = line + 1;
	}
}

static void
on_block(const struct block *block, void *ctx)
{
	struct explain *e = ctx;
	int64_t stamp_ms;

	if (!e->begun) {
		if (!simulation_first_stamp(e->simulation, block, &stamp_ms))
			stamp_ms = clock_wall_ms();
		simulation_begin(e->simulation, stamp_ms);
		e->begun = true;
	}
	simulation_block(e->simulation, block);
	remember_lines(e, block);
}

static void
read_log(struct explain *e, const char *path)
{
	struct block_origin origin = {
		.file = 1,
		.source = e->source,
		.line = 1,
	};
	struct err err;

	if (logfile_tell(path, &origin, e->rs->tail_sources[e->source].max_line,
		on_block, NULL, e, &err) < 0) {
		failed("%s", err.text);
		e->failed = true;
	}
	simulation_flush(e->simulation);
}

/* Of the last lines the one that got farthest. */
static void
print_farthest(struct explain *e, size_t rule)
{
	size_t count = e->last_count < LAST_LINES ? e->last_count : LAST_LINES;
	struct explanation x;
	enum answer answer = ANSWER_MISS;
	size_t best = count, most = 0;

	for (size_t i = 0; i < count && answer != ANSWER_NOT_ASKED; i++) {
		size_t len;

		see(e, str_text(&e->last[i]));
		explain_rule(&e->rs->rules[rule], &e->event, true, &x);
		len = x.reach.end - x.reach.start;
		/* What is more than a miss tells more. */
		if (best < count && x.answer == ANSWER_MISS &&
		    (len <= most || answer != ANSWER_MISS))
			continue;
		answer = x.answer;
		best = i;
		most = len;
	}
	see(e, best < count ? str_text(&e->last[best]) : TEXT(""));
	explain_rule(&e->rs->rules[rule], &e->event, true, &x);
	print(e, rule, &x);
	if (!e->json && x.answer == ANSWER_MISS)
		printf("    of the last %zu lines the one that got farthest\n",
		    count);
}

static void
print_outcome(struct explain *e, size_t rule)
{
	struct outcome *o = &e->outcomes[rule];
	struct explanation x;

	if (o->hits == 0) {
		print_farthest(e, rule);
		return;
	}
	see(e, str_text(&o->first));
	explain_rule(&e->rs->rules[rule], &e->event, false, &x);
	print(e, rule, &x);
	if (e->json)
		return;
	printf("    %" PRIu64 " hit%s, the first in line %" PRId64 "; %" PRIu64
	       " incident%s\n",
	    o->hits, o->hits == 1 ? "" : "s", o->first_line, o->incidents,
	    o->incidents == 1 ? "" : "s");
	if (o->incidents == 0)
		print_threshold(e, rule, o->hits);
}

static void
explain_logs(struct explain *e, char *const *paths, size_t count)
{
	const struct simulation_callbacks callbacks = {
		.change = on_change,
		.hit = on_hit,
		.reference_ms = on_reference,
		.ctx = e,
	};

	e->simulation = simulation_new(e->rs, &callbacks);
	e->outcomes = mem_new(e->rs->rule_count, sizeof *e->outcomes);
	for (size_t i = 0; i < count; i++)
		read_log(e, paths[i]);
	if (!e->begun && !e->failed)
		fputs(
		    "logwatch explain: there is no line to explain\n", stderr);
	for (size_t i = 0; e->begun && i < e->rs->rule_count; i++)
		if (wants(e, i) && is_of_source(e, i))
			print_outcome(e, i);
}

static int
explain(struct explain *e, char *const *paths, size_t count)
{
	const struct log_options log = { .level = LOG_WARNING };
	struct err err;
	int status;

	e->rs = rules_load(&e->rules);
	if (e->rs == NULL)
		return STATUS_FAILED;
	status = choose_source("explain", e->rs, e->source_name, &e->source);
	if (status == STATUS_OK)
		status = choose_rules("explain", e->rs, &e->ids, &e->wanted);
	if (status != STATUS_OK)
		goto out;
	if (log_open(&log, &err) < 0) {
		status = failed("%s", err.text);
		goto out;
	}
	if (e->line != NULL)
		explain_line(e);
	else
		explain_logs(e, paths, count);
	e->failed |= e->simulation != NULL && simulation_failed(e->simulation);
	status = finish_output(e->failed ? STATUS_FAILED
			       : e->any  ? STATUS_OK
					 : STATUS_NO);
out:
	for (size_t i = 0; e->outcomes != NULL && i < e->rs->rule_count; i++)
		str_free(&e->outcomes[i].first);
	for (size_t i = 0; i < LAST_LINES; i++)
		str_free(&e->last[i]);
	explained_free(&e->event);
	simulation_free(e->simulation);
	free(e->outcomes);
	free(e->wanted);
	ruleset_free(e->rs);
	return status;
}

/* Returns -1, or a status where that is all. */
static int
parse(struct explain *e, int argc, char **argv)
{
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		switch (option) {
		case OPTION_LINE:
			e->line = optarg;
			break;
		case OPTION_RULES:
			paths_add(&e->rules, optarg);
			break;
		case OPTION_RULE:
			paths_add(&e->ids, optarg);
			break;
		case OPTION_SOURCE:
			e->source_name = optarg;
			break;
		case OPTION_JSON:
			e->json = true;
			break;
		case OPTION_HELP:
			fputs(help, stdout);
			return finish_output(STATUS_OK);
		default:
			fputs("Try 'logwatch explain --help'.\n", stderr);
			return STATUS_USAGE;
		}
	if (e->rules.count == 0)
		return usage_wrong("explain", "name a rule file with --rules");
	if ((e->line != NULL) == (optind < argc))
		return usage_wrong("explain",
		    "give an event with --line, or name a log, or - for "
		    "standard input");
	return -1;
}

int
cmd_explain(int argc, char **argv)
{
	struct explain *e = mem_new(1, sizeof *e);
	int status;

	e->colour = wants_colour(STDOUT_FILENO);
	status = parse(e, argc, argv);
	if (status < 0)
		status = explain(e, argv + optind, (size_t)(argc - optind));
	paths_free(&e->rules);
	paths_free(&e->ids);
	free(e);
	return status;
}
