/* SPDX-License-Identifier: MIT */
/*
 * logwatch scan: a grep with many rules, without state or actions.
 */
#include "cmd/cmd.h"

#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "cmd/ahead.h"
#include "cmd/around.h"
#include "cmd/logfile.h"
#include "cmd/progress.h"
#include "cmd/unmatched.h"
#include "incident/record.h"
#include "io/loop.h"
#include "io/timer.h"
#include "ruleset.h"
#include "tail/archive.h"
#include "tail/streams.h"

#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

static const char help[] =
    "Usage: logwatch scan [OPTION...] --rules FILE LOG...\n"
    "Prints every event that a rule's patterns match, with its rule.\n"
    "LOG may be -, standard input; gzip, zstd, xz and bzip2 are unpacked.\n"
    "\n"
    "  --count            RULE<TAB>N a rule, also those with 0\n"
    "  --follow           go on as the logs grow, through rotations, until\n"
    "                     SIGINT or SIGTERM\n"
    "  --json             an object a match: path, line, offset, rule, event,\n"
    "                     captures\n"
    "  -A N, -B N, -C N   print N lines after, before, around each too\n"
    "  --unmatched        print instead what looks like trouble and no rule\n"
    "                     matches: how many lines of a shape, and the first\n"
    "  --rule ID          only this rule; may recur\n"
    "  --source NAME      read the logs as this source\n"
    "  --rules FILE|DIR   a rule file, or a directory of them; may recur\n"
    "  --help             this\n"
    "\n"
    "Exit status: 0 something matched, 1 nothing did, 2 wrong usage, 3 a log\n"
    "could not be read to its end, after what could be done.\n";

#define LINES_MAX 10000 /* around a hit */

enum flag {
	OPTION_COUNT = 1,
	OPTION_FOLLOW,
	OPTION_JSON,
	OPTION_RULE,
	OPTION_SOURCE,
	OPTION_RULES,
	OPTION_UNMATCHED,
	OPTION_HELP,
};

static const struct option options[] = {
	{ "count", no_argument, NULL, OPTION_COUNT },
	{ "follow", no_argument, NULL, OPTION_FOLLOW },
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "rule", required_argument, NULL, OPTION_RULE },
	{ "source", required_argument, NULL, OPTION_SOURCE },
	{ "rules", required_argument, NULL, OPTION_RULES },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ "unmatched", no_argument, NULL, OPTION_UNMATCHED },
	{ NULL, 0, NULL, 0 },
};

/* An event that was told. */
struct last {
	uint64_t file;
	int64_t offset;
};

struct scan {
	/* as asked for */
	struct paths rules, ids;
	const char *source_name;
	bool count, json, colour, terminal, follow, unmatched_only;
	int64_t before, after; /* lines around each hit */

	struct ruleset *rs;
	size_t source;
	bool *wanted; /* by rule */
	struct matcher *matcher;
	struct progress *progress;
	int64_t done; /* bytes of all logs */
	struct ahead *ahead;
	struct blocks *blocks; /* of the log that is read */
	uint64_t file;         /* the same */
	uint64_t *hits;        /* by rule */
	struct last *last;     /* by rule: the event that was printed last */
	struct map *beside;    /* struct beside by file; NULL: none is wanted */
	bool failed;

	/* what no rule matches */
	struct unmatched *unmatched; /* NULL: it is not asked for */
	struct rule *all_rules; /* those of the rule file, and the one for it */
	struct last claimed;    /* the event that a rule matched last */

	/* to follow */
	struct loop *loop;
	struct tail *tail;
	struct streams *streams;
	struct timer *due;
	bool only_streams; /* it ends where they do */
};

/* Log text as a terminal may show it; a pipe gets it as the rules saw it. */
static void
put(struct scan *s, struct text text)
{
	if (s->terminal)
		display(text, stdout);
	else if (text.len > 0) /* no text may have no address */
		fwrite(text.data, 1, text.len, stdout);
}

/* The lines around hits. */

/* Those of one log. */
struct beside {
	struct scan *scan;
	struct around *around;
	char *path;
};

static void
print_around(int64_t number, struct text raw, void *ctx)
{
	struct beside *b = ctx;
	struct scan *s = b->scan;
	struct str scratch = { 0 };

	printf("%s-%" PRId64 "- ", b->path, number);
	put(s,
	    event_clean(raw, s->rs->event_sources[s->source].strip, &scratch));
	putchar('\n');
	str_free(&scratch);
}

static void
print_gap(void *ctx)
{
	(void)ctx;
	puts("--");
}

static struct text
file_key(const uint64_t *file)
{
	return (struct text){ (const char *)file, sizeof *file };
}

static void
beside_free(void *value)
{
	struct beside *b = value;

	around_free(b->around);
	free(b->path);
	free(b);
}

static struct beside *
beside_new(struct scan *s, const char *path)
{
	const struct event_source *source = &s->rs->event_sources[s->source];
	bool joins = source->start.count > 0 || source->cont.count > 0;
	struct beside *b = mem_new(1, sizeof *b);
	const struct around_spec spec = {
		.before = (size_t)s->before,
		.after = (size_t)s->after,
		.event_lines = joins ? source->max_lines : 0,
		.line = print_around,
		.gap = print_gap,
		.ctx = b,
	};

	b->scan = s;
	b->path = mem_text(path);
	b->around = around_new(&spec);
	return b;
}

/* NULL: no lines around hits are wanted. */
static struct around *
around_of(struct scan *s, uint64_t file, const char *path)
{
	struct beside *b;

	if (s->beside == NULL)
		return NULL;
	b = map_get(s->beside, file_key(&file));
	if (b == NULL) {
		b = beside_new(s, path);
		map_put(s->beside, file_key(&file), b);
	}
	return b->around;
}

static int64_t
waiting_in(const struct scan *s, uint64_t file)
{
	int64_t offset, line;

	return matcher_pending(s->matcher, file, &offset, &line) ? line
	                                                         : INT64_MAX;
}

static void
print_after(struct scan *s, const struct block *block)
{
	struct around *a = around_of(s, block->file, block->path);

	if (a != NULL)
		around_block(a, block, waiting_in(s, block->file));
}

/* What waited in a file may have been told. */
static void
print_more(struct text key, void *value, void *ctx)
{
	struct beside *b = value;
	uint64_t file;

	memcpy(&file, key.data, sizeof file);
	around_more(b->around, waiting_in(ctx, file));
}

/* A file ended, and so did its last event. */
static void
end_around(struct scan *s, uint64_t file)
{
	struct beside *b =
	    s->beside != NULL ? map_get(s->beside, file_key(&file)) : NULL;

	if (b == NULL)
		return;
	around_more(b->around, INT64_MAX);
	map_remove(s->beside, file_key(&file));
}

static void
print_text(struct scan *s, const struct hit *hit)
{
	const struct event *e = hit->event;
	struct text before = { e->text.data,
		(size_t)(hit->span.data - e->text.data) };
	const char *end = hit->span.data + hit->span.len;
	struct text after = { end, (size_t)(e->text.data + e->text.len - end) };
	struct around *around = around_of(s, e->file, e->path);

	if (around != NULL)
		around_hit(around, e);
	printf("%s:%" PRId64 ": %s: ", e->path, e->line,
	    s->rs->rules[hit->index].id);
	put(s, before);
	if (s->colour)
		fputs("\033[1;31m", stdout);
	put(s, hit->span);
	if (s->colour)
		fputs("\033[0m", stdout);
	put(s, after);
	putchar('\n');
}

static void
print_json(struct scan *s, const struct hit *hit)
{
	const struct event *e = hit->event;
	json_t *object = json_object(), *captures = json_object();

	for (size_t k = 0; k < hit->captures->count; k++)
		json_object_set_new(captures, hit->captures->v[k].name,
		    record_text(hit->captures->v[k].value));
	json_object_set_new(object, "path", record_text(text_of(e->path)));
	json_object_set_new(object, "line", json_integer(e->line));
	json_object_set_new(object, "offset", json_integer(e->offset));
	json_object_set_new(
	    object, "rule", json_string(s->rs->rules[hit->index].id));
	json_object_set_new(object, "event", record_text(e->text));
	json_object_set_new(object, "captures", captures);
	json_dumpf(object, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(object);
}

static bool
is_event(const struct last *last, const struct event *event)
{
	return last->file == event->file && last->offset == event->offset;
}

/* The rule for what no other one matches comes after them. */
static void
claim(struct scan *s, const struct hit *hit)
{
	if (hit->index < s->rs->rule_count)
		s->claimed =
		    (struct last){ hit->event->file, hit->event->offset };
	else if (!is_event(&s->claimed, hit->event))
		unmatched_add(s->unmatched, hit->event);
}

static void
on_hit(const struct hit *hit, void *ctx)
{
	struct scan *s = ctx;
	struct last *last;

	if (s->unmatched != NULL) {
		claim(s, hit);
		return;
	}
	/* An event that is both halves of a pair is one hit of its rule. */
	last = &s->last[hit->index];
	if (!s->wanted[hit->index] || is_event(last, hit->event))
		return;
	*last = (struct last){ hit->event->file, hit->event->offset };
	s->hits[hit->index]++;
	if (s->json)
		print_json(s, hit);
	else if (!s->count)
		print_text(s, hit);
}

/* Whether a pattern is of a rule or a source of the rule file. */
static bool
is_theirs(const struct scan *s, size_t index, enum part part)
{
	return part == PART_JOIN || index < s->rs->rule_count;
}

static void
on_failed(size_t index, enum part part, const struct event *event, void *ctx)
{
	struct scan *s = ctx;
	struct pattern_owner owner;

	if (!is_theirs(s, index, part))
		return;
	s->failed = true;
	owner = ruleset_owner(s->rs, index, part);
	failed("%s '%s': a pattern hit its match limit at %s:%" PRId64
	       ": neither a match nor none; make it simpler",
	    owner.kind, owner.name, event->path, event->line);
}

static void
on_suspended(size_t index, enum part part, const struct event *event,
    uint64_t events, void *ctx)
{
	struct scan *s = ctx;
	struct pattern_owner owner;

	if (!is_theirs(s, index, part))
		return;
	owner = ruleset_owner(s->rs, index, part);
	failed("%s '%s': a pattern keeps hitting its match limit: the next "
	       "%" PRIu64 " events after %s:%" PRId64 " are not held to it",
	    owner.kind, owner.name, events, event->path, event->line);
}

static void
on_unsieved(size_t source, const char *why, void *ctx)
{
	(void)source;
	(void)ctx;
	fprintf(stderr, "logwatch: slower than it could be: %s\n", why);
}

/* Of a log that is read to its end. */
static void
on_block(const struct block *block, void *ctx)
{
	struct scan *s = ctx;

	ahead_feed(s->ahead, block, s->blocks);
}

static void
on_told(const struct block *block, void *ctx)
{
	struct scan *s = ctx;

	print_after(s, block);
	s->done += (int64_t)block->len;
	progress_at(s->progress, s->done);
}

/* Bytes that could not be had: the log ends here. */
static void
cut_short(struct scan *s, const char *path, const char *why)
{
	failed("%s: %s", path, why);
	s->failed = true;
}

/* As much of a log as can be read anywhere; what is left follows in its order.
 */
static void
read_parts(struct scan *s, int fd, struct block_origin *origin)
{
	const struct block block = { .file = origin->file,
		.source = origin->source,
		.path = origin->path };
	struct stat st;

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) ||
	    lseek(fd, 0, SEEK_CUR) != 0 || packed_is(fd))
		return;
	origin->offset = ahead_file(s->ahead, &block, fd, st.st_size,
	    s->rs->tail_sources[s->source].max_line, output_is_closed,
	    &origin->line);
	if (origin->offset == 0)
		return;
	origin->before = TEXT("\n");
	lseek(fd, origin->offset, SEEK_SET);
}

static void
scan_log(struct scan *s, const char *path)
{
	struct block_origin origin = {
		.file = ++s->file,
		.source = s->source,
		.path = logfile_name(path),
		.line = 1,
	};
	struct err err;
	int fd = logfile_open(path, &err);
	struct blocks *bs;

	if (fd < 0) {
		failed("%s", err.text);
		s->failed = true;
		return;
	}
	read_parts(s, fd, &origin);
	bs = blocks_new(
	    &origin, s->rs->tail_sources[s->source].max_line, on_block, s);
	s->blocks = bs;
	if (logfile_read(bs, fd, NULL, NULL, &err) < 0)
		cut_short(s, origin.path, err.text);
	ahead_finish(s->ahead);
	matcher_end(s->matcher, origin.file);
	end_around(s, origin.file);
	blocks_free(bs);
	close(fd);
}

static void
scan_logs(struct scan *s, char *const *logs, size_t count)
{
	bool shown = wants_colour(STDERR_FILENO) &&
	             (s->count || s->unmatched_only || !isatty(STDOUT_FILENO));

	s->progress = progress_new(logfiles_size(logs, count), shown);
	s->ahead = ahead_new(s->matcher, on_told, s);
	for (size_t i = 0; i < count && !ferror(stdout); i++)
		scan_log(s, logs[i]);
	ahead_free(s->ahead);
	progress_free(s->progress);
}

/* Following */

static void
on_due(void *ctx)
{
	struct scan *s = ctx;

	matcher_tick(s->matcher, clock_now_ms());
	if (s->beside != NULL)
		map_each(s->beside, print_more, s);
	fflush(stdout);
	timer_at(s->due, matcher_due(s->matcher));
}

/* The tail knows one source, and the rules may have more. */
static void
on_followed(const struct block *block, void *ctx)
{
	struct scan *s = ctx;
	struct block b = *block;

	b.source = s->source;
	if (strcmp(b.path, "-") == 0)
		b.path = logfile_name("-");
	matcher_feed(s->matcher, &b, clock_now_ms(), 0);
	print_after(s, &b);
}

static void
on_end(uint64_t file, void *ctx)
{
	struct scan *s = ctx;

	matcher_end(s->matcher, file);
	end_around(s, file);
	/* a truncated file comes to the same offsets again */
	if (s->claimed.file == file)
		s->claimed.file = 0;
	for (size_t k = 0; k < s->rs->rule_count; k++)
		if (s->last[k].file == file)
			s->last[k].file = 0;
}

static void
on_turn(void *ctx)
{
	struct scan *s = ctx;

	fflush(stdout);
	tail_gone_saved(s->tail); /* there is nothing to forget them in */
	timer_at(s->due, matcher_due(s->matcher));
	if (ferror(stdout) || (s->only_streams && streams_ended(s->streams)))
		loop_stop(s->loop);
}

static void
on_lost(const struct tail_loss *loss, void *ctx)
{
	struct scan *s = ctx;

	(void)loss;
	s->failed = true;
}

static void
on_stop(int signum, void *ctx)
{
	struct scan *s = ctx;

	(void)signum;
	loop_stop(s->loop);
}

/* Which of the logs are files that can grow.  Returns how many. */
static size_t
files_of(struct scan *s, char *const *logs, size_t count, const char **paths)
{
	size_t files = 0;

	for (size_t i = 0; i < count; i++) {
		if (strcmp(logs[i], "-") == 0)
			continue;
		if (!logfile_is_compressed(logs[i])) {
			paths[files++] = logs[i];
			continue;
		}
		failed("%s is compressed and will not grow: scan it without "
		       "--follow",
		    logs[i]);
		s->failed = true;
	}
	return files;
}

static int
follow_start(struct scan *s, struct err *err)
{
	const struct log_options log = { .level = LOG_WARNING };

	if (log_open(&log, err) < 0)
		return -1;
	tail_start(s->tail);
	streams_start(s->streams);
	return 0;
}

static void
follow_run(struct scan *s)
{
	struct on_signal *stops[] = {
		on_signal_new(s->loop, SIGINT, on_stop, s),
		on_signal_new(s->loop, SIGTERM, on_stop, s),
	};
	struct err err;

	if (follow_start(s, &err) == 0) {
		loop_run(s->loop);
		matcher_flush(s->matcher);
		if (s->beside != NULL)
			map_each(s->beside, print_more, s);
	} else {
		failed("%s", err.text);
		s->failed = true;
	}
	on_signal_free(stops[0]);
	on_signal_free(stops[1]);
}

/* All logs side by side, from their beginning and then as they grow. */
static void
follow_logs(struct scan *s, char *const *logs, size_t count)
{
	const char **paths = mem_new(count + 1, sizeof *paths);
	const struct tail_source *as = &s->rs->tail_sources[s->source];
	size_t files = files_of(s, logs, count, paths);
	struct tail_source source = { .name = as->name,
		.paths = paths,
		.from_beginning = true,
		.max_line = as->max_line };
	struct stream_source input = { .name = as->name,
		.max_line = as->max_line };
	struct tail_callbacks callbacks = { .block = on_followed,
		.end = on_end,
		.turn = on_turn,
		.lost = on_lost,
		.ctx = s };
	size_t inputs = 0;

	for (size_t i = 0; i < count; i++)
		inputs |= strcmp(logs[i], "-") == 0;
	s->only_streams = files == 0;
	s->loop = loop_new();
	s->due = timer_new(s->loop, on_due, s);
	s->tail = tail_new(s->loop, &source, 1, &callbacks);
	s->streams = streams_new(s->loop, &input, inputs, true, &callbacks);
	if (files + inputs > 0)
		follow_run(s);
	streams_free(s->streams);
	tail_free(s->tail);
	timer_free(s->due);
	loop_free(s->loop);
	free(paths);
}

/* What is long is worth a sieve from the start. */
static uint64_t
sieve_after(const struct scan *s, char *const *logs, size_t count)
{
	return !s->follow && logfiles_size(logs, count) > MATCHER_SIEVE_AFTER
	           ? 0
	           : MATCHER_SIEVE_AFTER;
}

static void
new_matcher(struct scan *s, char *const *logs, size_t logs_count)
{
	size_t count = s->rs->rule_count;
	struct matcher_spec spec = {
		.rules = s->all_rules != NULL ? s->all_rules : s->rs->rules,
		.rule_count = count + (s->all_rules != NULL),
		.sources = s->rs->event_sources,
		.source_count = s->rs->source_count,
		.sieve_after = sieve_after(s, logs, logs_count),
	};
	const struct matcher_callbacks callbacks = { on_hit, s,
		{ on_failed, on_suspended, on_unsieved, s } };

	s->matcher = matcher_new(&spec, &callbacks);
	for (size_t k = 0; k < count; k++)
		matcher_want(s->matcher, PART_SECOND, k, s->wanted[k]);
}

/* Rules for what the others leave: theirs are lent. */
static void
look_for_unmatched(struct scan *s)
{
	size_t count = s->rs->rule_count;

	s->unmatched = unmatched_new();
	s->all_rules = mem_new(count + 1, sizeof *s->all_rules);
	memcpy(s->all_rules, s->rs->rules, count * sizeof *s->all_rules);
	unmatched_rule(&s->all_rules[count], s->rs->source_count);
}

static void
print_shape(const struct unmatched_shape *shape, void *ctx)
{
	struct scan *s = ctx;
	json_t *object;

	if (!s->json) {
		printf("%" PRIu64 "\t%s:%" PRId64 ": ", shape->count,
		    shape->path, shape->line);
		put(s, shape->text);
		putchar('\n');
		return;
	}
	object = json_object();
	json_object_set_new(
	    object, "count", json_integer((json_int_t)shape->count));
	json_object_set_new(object, "shape", record_text(shape->shape));
	json_object_set_new(object, "path", record_text(text_of(shape->path)));
	json_object_set_new(object, "line", json_integer(shape->line));
	json_object_set_new(object, "event", record_text(shape->text));
	json_dumpf(object, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(object);
}

struct shapes {
	struct scan *scan;
	bool any;
};

static void
print_each(const struct unmatched_shape *shape, void *ctx)
{
	struct shapes *shapes = ctx;

	shapes->any = true;
	print_shape(shape, shapes->scan);
}

static int
report_unmatched(struct scan *s)
{
	struct shapes shapes = { s, false };
	uint64_t others = unmatched_each(s->unmatched, print_each, &shapes);
	int status;

	if (others > 0)
		fprintf(stderr,
		    "logwatch: %" PRIu64 " more lines, of more than %d "
		    "shapes\n",
		    others, UNMATCHED_MAX);
	status = finish_output(shapes.any ? STATUS_OK : STATUS_NO);
	return s->failed ? STATUS_FAILED : status;
}

static int
report(struct scan *s)
{
	uint64_t total = 0;
	int status;

	for (size_t k = 0; k < s->rs->rule_count; k++) {
		total += s->hits[k];
		if (s->count && s->wanted[k])
			printf("%s\t%" PRIu64 "\n", s->rs->rules[k].id,
			    s->hits[k]);
	}
	status = finish_output(total > 0 ? STATUS_OK : STATUS_NO);
	return s->failed ? STATUS_FAILED : status;
}

static int
scan(struct scan *s, char *const *logs, size_t count)
{
	int status;

	s->rs = rules_load(&s->rules);
	if (s->rs == NULL)
		return STATUS_FAILED;
	status = choose_source("scan", s->rs, s->source_name, &s->source);
	if (status == STATUS_OK)
		status = choose_rules("scan", s->rs, &s->ids, &s->wanted);
	if (status == STATUS_OK) {
		s->hits = mem_new(s->rs->rule_count, sizeof *s->hits);
		s->last = mem_new(s->rs->rule_count, sizeof *s->last);
		if (s->unmatched_only)
			look_for_unmatched(s);
		if (s->before + s->after > 0 && !s->count && !s->json)
			s->beside = map_new(SIZE_MAX, beside_free);
		new_matcher(s, logs, count);
		if (s->follow)
			follow_logs(s, logs, count);
		else
			scan_logs(s, logs, count);
		status = s->unmatched != NULL ? report_unmatched(s) : report(s);
		matcher_free(s->matcher);
	}
	if (s->all_rules != NULL)
		rule_free(&s->all_rules[s->rs->rule_count]);
	free(s->all_rules);
	unmatched_free(s->unmatched);
	map_free(s->beside);
	free(s->hits);
	free(s->last);
	free(s->wanted);
	ruleset_free(s->rs);
	return status;
}

static int
parse_lines(struct scan *s, int option, const char *text)
{
	char *end;
	long lines = strtol(text, &end, 10);

	if (end == text || *end != '\0' || lines < 0 || lines > LINES_MAX)
		return -1;
	if (option != 'A')
		s->before = lines;
	if (option != 'B')
		s->after = lines;
	return 0;
}

static int
parse(struct scan *s, int argc, char **argv)
{
	int option;

	while (
	    (option = getopt_long(argc, argv, "A:B:C:", options, NULL)) != -1)
		switch (option) {
		case OPTION_COUNT:
			s->count = true;
			break;
		case OPTION_FOLLOW:
			s->follow = true;
			break;
		case OPTION_JSON:
			s->json = true;
			break;
		case OPTION_RULE:
			paths_add(&s->ids, optarg);
			break;
		case OPTION_SOURCE:
			s->source_name = optarg;
			break;
		case OPTION_RULES:
			paths_add(&s->rules, optarg);
			break;
		case OPTION_HELP:
			fputs(help, stdout);
			return finish_output(STATUS_OK);
		case OPTION_UNMATCHED:
			s->unmatched_only = true;
			break;
		case 'A':
		case 'B':
		case 'C':
			if (parse_lines(s, option, optarg) < 0)
				return usage_wrong("scan",
				    "-%c takes a number of lines up to %d, "
				    "not '%s'",
				    option, LINES_MAX, optarg);
			break;
		default:
			fputs("Try 'logwatch scan --help'.\n", stderr);
			return STATUS_USAGE;
		}
	if (s->unmatched_only && (s->ids.count > 0 || s->count))
		return usage_wrong("scan",
		    "--unmatched is about all rules and counts by itself: it "
		    "goes with neither --rule nor --count");
	if (s->rules.count == 0)
		return usage_wrong("scan", "name a rule file with --rules");
	if (optind == argc)
		return usage_wrong("scan", "name a log to scan, or -");
	return -1;
}

int
cmd_scan(int argc, char **argv)
{
	struct scan s = {
		.colour = wants_colour(STDOUT_FILENO),
		.terminal = isatty(STDOUT_FILENO),
	};
	int status = parse(&s, argc, argv);

	if (status < 0)
		status = scan(&s, argv + optind, (size_t)(argc - optind));
	paths_free(&s.rules);
	paths_free(&s.ids);
	return status;
}
