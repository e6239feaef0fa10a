/* SPDX-License-Identifier: MIT */
/*
 * logwatch replay: what the rules would have reported over old logs, in the
 * logs' own time.
 */
#include "cmd/cmd.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/when.h"
#include "cmd/explanation.h"
#include "cmd/logfile.h"
#include "cmd/progress.h"
#include "cmd/simulation.h"
#include "cmd/timeline.h"
#include "incident/record.h"
#include "io/loop.h"
#include "ruleset.h"
#include "tail/block.h"

#include <getopt.h>
#include <inttypes.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

static const char help[] =
    "Usage: logwatch replay [OPTION...] --rules FILE LOG...\n"
    "Says what the rules would have reported over old logs, by the time "
    "stamps\n"
    "in them.  Actions are named, not run.  LOG may be -, standard input; "
    "gzip,\n"
    "zstd, xz and bzip2 are unpacked.\n"
    "\n"
    "  --json             a record a line for each change of an incident\n"
    "  --source NAME      read the logs as this source\n"
    "  --rules FILE|DIR   a rule file, or a directory of them; may recur\n"
    "  --help             this\n"
    "\n"
    "Exit status: 0 done, 2 wrong usage, 3 it could not do its work: the "
    "rules\n"
    "have faults, or after what could be done, a log could not be read to its\n"
    "end or a pattern gave up.\n";

/* Bytes in which a first stamp is looked for. */
#define HEAD_MAX (1024 * 1024)

enum flag {
	OPTION_JSON = 1,
	OPTION_SOURCE,
	OPTION_RULES,
	OPTION_HELP,
};

static const struct option options[] = {
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "source", required_argument, NULL, OPTION_SOURCE },
	{ "rules", required_argument, NULL, OPTION_RULES },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ NULL, 0, NULL, 0 },
};

/** A log that is read. */
struct log {
	const char *path;
	size_t given;         /* which of those that were given, from 0 */
	int64_t reference_ms; /* nothing in it is later, if it is in order */
	int64_t first_ms;     /* its first stamp; INT64_MAX: it has none */
	int64_t looked_at;    /* bytes, for that */
};

struct replay {
	/* as asked for */
	struct paths rules;
	const char *source_name;
	bool json;

	struct ruleset *rs;
	size_t source;
	struct log *logs, *reading;
	struct simulation *simulation;
	struct timeline *timeline;
	struct progress *progress;
	int64_t done; /* bytes */
	int64_t lines;
	bool begun;
	int64_t from_ms;
	bool failed;
};

static void
on_change(const struct change *change, void *ctx)
{
	struct replay *r = ctx;
	json_t *record;

	timeline_change(r->timeline, change, simulation_now(r->simulation));
	if (!r->json)
		return;
	/* As it would be told: before, its cause was. */
	record = record_of(
	    change->incident, change->surfaced ? CHANGE_OPENED : change->kind);
	json_dumpf(record, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(record);
}

static void
on_hit(const struct hit *hit, void *ctx)
{
	struct replay *r = ctx;

	if (hit->part == PART_MATCH || hit->part == PART_SECOND)
		timeline_hit(r->timeline, hit->index);
}

static int64_t
on_reference(uint64_t file, void *ctx)
{
	const struct replay *r = ctx;

	return r->logs[file - 1].reference_ms;
}

/* Reading. */

/* One log, told block by block. */
static int
read_log(struct replay *r, struct log *log, block_fn *fn,
    bool (*stop)(void *ctx), struct err *err)
{
	struct block_origin origin = {
		.file = 1 + (uint64_t)(log - r->logs),
		.source = r->source,
		.line = 1,
	};

	r->reading = log;
	return logfile_tell(log->path, &origin,
	    r->rs->tail_sources[r->source].max_line, fn, stop, r, err);
}

static void
cannot_read(struct replay *r, const struct err *err)
{
	failed("%s", err->text);
	r->failed = true;
}

/* In which order. */

static void
on_head(const struct block *block, void *ctx)
{
	struct replay *r = ctx;
	struct log *log = r->reading;

	log->looked_at += (int64_t)block->len;
	if (log->first_ms == INT64_MAX)
		simulation_first_stamp(r->simulation, block, &log->first_ms);
}

static bool
is_dated(void *ctx)
{
	const struct log *log = ((struct replay *)ctx)->reading;

	return log->first_ms != INT64_MAX || log->looked_at > HEAD_MAX;
}

static int
earlier(const void *a, const void *b)
{
	const struct log *x = a, *y = b;

	if (x->first_ms != y->first_ms)
		return x->first_ms < y->first_ms ? -1 : 1;
	return x->given < y->given ? -1 : x->given > y->given;
}

/* What comes from a pipe is read once: it is dated as it comes. */
static void
log_date(struct replay *r, struct log *log)
{
	struct stat st;
	struct err err;
	bool is_file = strcmp(log->path, "-") != 0 &&
	               stat(log->path, &st) == 0 && S_ISREG(st.st_mode);

	log->first_ms = INT64_MAX;
	log->reference_ms = clock_wall_ms();
	if (!is_file)
		return;
	log->reference_ms = (int64_t)st.st_mtime * 1000;
	/* What is wrong is said when it is read in earnest. */
	(void)read_log(r, log, on_head, is_dated, &err);
}

/* Replaying. */

static void
on_block(const struct block *block, void *ctx)
{
	struct replay *r = ctx;

	if (!r->begun) {
		r->from_ms = r->reading->first_ms;
		if (r->from_ms == INT64_MAX &&
		    !simulation_first_stamp(r->simulation, block, &r->from_ms))
			r->from_ms = clock_wall_ms();
		simulation_begin(r->simulation, r->from_ms);
		r->begun = true;
	}
	simulation_block(r->simulation, block);
	r->lines += newlines_count(block->data, block->len) +
	            (block->unfinished || block->truncated);
	r->done += (int64_t)block->len;
	progress_at(r->progress, r->done);
}

static void
replay_logs(struct replay *r, char *const *paths, size_t count)
{
	/* The report comes at the end, but records come all the time. */
	bool shown =
	    wants_colour(STDERR_FILENO) && (!r->json || !isatty(STDOUT_FILENO));
	struct err err;

	r->logs = mem_new(count, sizeof *r->logs);
	for (size_t i = 0; i < count; i++) {
		r->logs[i].path = paths[i];
		r->logs[i].given = i;
		r->logs[i].reference_ms = clock_wall_ms();
	}
	for (size_t i = 0; i < count; i++)
		log_date(r, &r->logs[i]);
	qsort(r->logs, count, sizeof *r->logs, earlier);
	r->progress = progress_new(logfiles_size(paths, count), shown);
	for (size_t i = 0; i < count && !output_is_closed(); i++) {
		if (read_log(r, &r->logs[i], on_block, NULL, &err) < 0)
			cannot_read(r, &err);
		/* Its last event ends with it. */
		simulation_flush(r->simulation);
	}
	progress_free(r->progress);
}

/* The end. */

static size_t
columns(void)
{
	struct winsize size;
	const char *text = getenv("COLUMNS");
	size_t width = text != NULL ? strtoul(text, NULL, 10) : 0;

	if (width == 0 && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0)
		width = size.ws_col;
	return width == 0 ? 100 : width < 60 ? 60 : width;
}

static void
print_report(const struct replay *r)
{
	const struct timeline_style style = { columns(),
		wants_colour(STDOUT_FILENO) };
	char from[WHEN_SIZE], to[WHEN_SIZE], span[WHEN_SIZE];
	int64_t to_ms = simulation_now(r->simulation);

	if (!r->begun) {
		puts("no lines");
		return;
	}
	printf("%" PRId64 " line%s, from %s to %s", r->lines,
	    r->lines == 1 ? "" : "s", when_write(r->from_ms, from),
	    when_write(to_ms, to));
	if (to_ms > r->from_ms)
		printf(" (%s)",
		    duration_write((to_ms - r->from_ms) / 1000 * 1000, span));
	fputs("\n\n", stdout);
	timeline_print(r->timeline, r->from_ms, to_ms, &style, stdout);
}

static void
say_what_is_missing(const struct replay *r)
{
	if (r->begun && simulation_now(r->simulation) == r->from_ms)
		fputs("logwatch: no time passes in these logs: their lines "
		      "have no time stamps that can be trusted (see "
		      "'timestamp' in logwatch-rules(5))\n",
		    stderr);
	for (size_t i = 0; r->json && i < r->rs->rule_count; i++)
		if (not_asked_why(r->rs, i) != NULL)
			fprintf(stderr,
			    "logwatch: rule '%s' is not replayed: "
			    "%s\n",
			    r->rs->rules[i].id, not_asked_why(r->rs, i));
}

static int
replay(struct replay *r, char *const *paths, size_t count)
{
	const struct log_options log = { .level = LOG_WARNING };
	const struct simulation_callbacks callbacks = {
		.change = on_change,
		.hit = on_hit,
		.reference_ms = on_reference,
		.ctx = r,
	};
	struct err err;
	int status;

	r->rs = rules_load(&r->rules);
	if (r->rs == NULL)
		return STATUS_FAILED;
	status = choose_source("replay", r->rs, r->source_name, &r->source);
	if (status != STATUS_OK)
		goto out;
	if (log_open(&log, &err) < 0) {
		status = failed("%s", err.text);
		goto out;
	}
	r->timeline = timeline_new(r->rs);
	r->simulation = simulation_new(r->rs, &callbacks);
	replay_logs(r, paths, count);
	if (!r->json)
		print_report(r);
	say_what_is_missing(r);
	r->failed |= simulation_failed(r->simulation);
	status = finish_output(r->failed ? STATUS_FAILED : STATUS_OK);
out:
	simulation_free(r->simulation);
	timeline_free(r->timeline);
	ruleset_free(r->rs);
	free(r->logs);
	return status;
}

int
cmd_replay(int argc, char **argv)
{
	struct replay r = { 0 };
	int option, status;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		switch (option) {
		case OPTION_RULES:
			paths_add(&r.rules, optarg);
			break;
		case OPTION_SOURCE:
			r.source_name = optarg;
			break;
		case OPTION_JSON:
			r.json = true;
			break;
		case OPTION_HELP:
			fputs(help, stdout);
			status = finish_output(STATUS_OK);
			goto out;
		default:
			fputs("Try 'logwatch replay --help'.\n", stderr);
			status = STATUS_USAGE;
			goto out;
		}
	if (r.rules.count == 0)
		status = usage_wrong("replay", "name a rule file with --rules");
	else if (optind == argc)
		status = usage_wrong(
		    "replay", "name a log, or - for standard input");
	else
		status = replay(&r, argv + optind, (size_t)(argc - optind));
out:
	paths_free(&r.rules);
	return status;
}
