/* SPDX-License-Identifier: MIT */
/*
 * logwatch scan: a grep with many rules, without state or actions.
 */
#include "cmd/cmd.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "incident/record.h"
#include "io/loop.h"
#include "io/timer.h"
#include "ruleset.h"
#include "tail/archive.h"
#include "tail/streams.h"

#include <errno.h>
#include <fcntl.h>
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
    "  --rule ID          only this rule; may recur\n"
    "  --source NAME      read the logs as this source\n"
    "  --rules FILE|DIR   a rule file, or a directory of them; may recur\n"
    "  --help             this\n"
    "\n"
    "Exit status: 0 something matched, 1 nothing did, 2 wrong usage, 3 a log\n"
    "could not be read to its end, after what could be done.\n";

static const char stdin_name[] = "(standard input)";

enum flag {
	OPTION_COUNT = 1,
	OPTION_FOLLOW,
	OPTION_JSON,
	OPTION_RULE,
	OPTION_SOURCE,
	OPTION_RULES,
	OPTION_HELP,
	OPTION_LATER,
};

static const struct option options[] = {
	{ "count", no_argument, NULL, OPTION_COUNT },
	{ "follow", no_argument, NULL, OPTION_FOLLOW },
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "rule", required_argument, NULL, OPTION_RULE },
	{ "source", required_argument, NULL, OPTION_SOURCE },
	{ "rules", required_argument, NULL, OPTION_RULES },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ "unmatched", no_argument, NULL, OPTION_LATER },
	{ NULL, 0, NULL, 0 },
};

struct scan {
	/* as asked for */
	struct paths rules, ids;
	const char *source_name;
	bool count, json, colour, follow;

	struct ruleset *rs;
	size_t source;
	bool *wanted; /* by rule */
	struct matcher *matcher;
	uint64_t file;  /* the one that is read */
	uint64_t *hits; /* by rule */
	struct last {
		uint64_t file;
		int64_t offset;
	} * last; /* by rule: the event that was printed last */
	bool failed;
	struct str shown;

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
	if (isatty(STDOUT_FILENO)) {
		str_clear(&s->shown);
		utf8_display(text, &s->shown);
		text = str_text(&s->shown);
	}
	if (text.len > 0) /* no text may have no address */
		fwrite(text.data, 1, text.len, stdout);
}

static void
print_text(struct scan *s, const struct hit *hit)
{
	const struct event *e = hit->event;
	struct text before = { e->text.data,
		(size_t)(hit->span.data - e->text.data) };
	const char *end = hit->span.data + hit->span.len;
	struct text after = { end, (size_t)(e->text.data + e->text.len - end) };

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

static void
on_hit(const struct hit *hit, void *ctx)
{
	struct scan *s = ctx;
	struct last *last = &s->last[hit->index];

	/* An event that is both halves of a pair is one hit of its rule. */
	if (!s->wanted[hit->index] || (last->file == hit->event->file &&
					  last->offset == hit->event->offset))
		return;
	*last = (struct last){ hit->event->file, hit->event->offset };
	s->hits[hit->index]++;
	if (s->json)
		print_json(s, hit);
	else if (!s->count)
		print_text(s, hit);
}

static void
on_failed(size_t index, enum part part, const struct event *event, void *ctx)
{
	struct scan *s = ctx;

	(void)part;
	s->failed = true;
	failed("rule '%s': a pattern hit its match limit at %s:%" PRId64
	       ": neither a match nor none; make it simpler",
	    s->rs->rules[index].id, event->path, event->line);
}

static void
on_unsieved(size_t source, const char *why, void *ctx)
{
	(void)source;
	(void)ctx;
	fprintf(stderr, "logwatch: slower than it could be: %s\n", why);
}

static void
on_block(const struct block *block, void *ctx)
{
	struct scan *s = ctx;

	matcher_feed(s->matcher, block, s->follow ? clock_now_ms() : 0, 0);
}

static int
open_log(const char *path)
{
	struct stat st;
	int fd;

	if (strcmp(path, "-") == 0)
		return dup(STDIN_FILENO);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
		close(fd);
		errno = EISDIR;
		return -1;
	}
	return fd;
}

/* Bytes that could not be had: the log ends here. */
static void
cut_short(struct scan *s, const char *path, const char *why)
{
	failed("%s: %s", path, why);
	s->failed = true;
}

static ssize_t
read_some(int fd, char *to, size_t room, struct err *err)
{
	ssize_t n;

	do
		n = read(fd, to, room);
	while (n < 0 && errno == EINTR);
	return n < 0 ? err_set(err, "read: %m") : n;
}

/* Reads on until the first bytes tell whether the log is compressed.  Returns
 * how many there are, or -1. */
static ssize_t
read_head(int fd, char *to, size_t room, struct err *err)
{
	struct text head = { to, 0 };

	while (compression_may_be(head)) {
		ssize_t n = read_some(fd, to + head.len, room - head.len, err);

		if (n < 0)
			return -1;
		if (n == 0)
			break;
		head.len += (size_t)n;
	}
	return (ssize_t)head.len;
}

/* The next bytes as they were before they were compressed, where they were. */
static ssize_t
read_on(struct packed *packed, int fd, struct blocks *bs, struct err *err)
{
	size_t room;
	char *to = blocks_room(bs, &room);

	return packed != NULL ? packed_read(packed, to, room, err)
	                      : read_some(fd, to, room, err);
}

static void
read_log(struct scan *s, struct blocks *bs, int fd, const char *path)
{
	struct packed *packed = NULL;
	struct err err;
	size_t room;
	char *to = blocks_room(bs, &room);
	ssize_t n = read_head(fd, to, room, &err);

	if (n > 0 && compression_is((struct text){ to, (size_t)n })) {
		packed = packed_open(fd, (struct text){ to, (size_t)n }, &err);
		n = packed != NULL ? read_on(packed, fd, bs, &err) : -1;
	}
	while (n > 0 && !ferror(stdout)) {
		blocks_feed(bs, (size_t)n);
		n = read_on(packed, fd, bs, &err);
	}
	packed_free(packed);
	if (n > 0) /* nobody sees what is printed */
		return;
	blocks_end(bs);
	if (n < 0)
		cut_short(s, path, err.text);
}

static void
scan_log(struct scan *s, const char *path)
{
	struct block_origin origin = {
		.file = ++s->file,
		.source = s->source,
		.path = strcmp(path, "-") == 0 ? stdin_name : path,
		.line = 1,
	};
	int fd = open_log(path);
	struct blocks *bs;

	if (fd < 0) {
		failed("open %s: %s", path, strerror(errno));
		s->failed = true;
		return;
	}
	bs = blocks_new(
	    &origin, s->rs->tail_sources[s->source].max_line, on_block, s);
	read_log(s, bs, fd, origin.path);
	matcher_end(s->matcher, origin.file);
	blocks_free(bs);
	close(fd);
}

/* Following */

static void
on_due(void *ctx)
{
	struct scan *s = ctx;

	matcher_tick(s->matcher, clock_now_ms());
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
		b.path = stdin_name;
	on_block(&b, s);
}

static void
on_end(uint64_t file, void *ctx)
{
	struct scan *s = ctx;

	matcher_end(s->matcher, file);
	/* a truncated file comes to the same offsets again */
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

static bool
is_compressed(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	bool is = fd >= 0 && packed_is(fd);

	if (fd >= 0)
		close(fd);
	return is;
}

/* Which of the logs are files that can grow.  Returns how many. */
static size_t
files_of(struct scan *s, char *const *logs, size_t count, const char **paths)
{
	size_t files = 0;

	for (size_t i = 0; i < count; i++) {
		if (strcmp(logs[i], "-") == 0)
			continue;
		if (!is_compressed(logs[i])) {
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

static int
choose_source(struct scan *s)
{
	if (s->source_name != NULL) {
		s->source = ruleset_source(s->rs, s->source_name);
		if (s->source == s->rs->source_count)
			return usage_wrong(
			    "scan", "no source '%s'", s->source_name);
	} else if (s->rs->source_count > 1) {
		return usage_wrong("scan",
		    "the rules have %zu sources: say with --source NAME as "
		    "which the logs are to be read",
		    s->rs->source_count);
	}
	return STATUS_OK;
}

static int
choose_rules(struct scan *s)
{
	s->wanted = mem_new(s->rs->rule_count, sizeof *s->wanted);
	if (s->ids.count == 0)
		memset(s->wanted, true, s->rs->rule_count);
	for (size_t i = 0; i < s->ids.count; i++) {
		size_t k = 0;

		while (k < s->rs->rule_count &&
		       strcmp(s->rs->rules[k].id, s->ids.v[i]) != 0)
			k++;
		if (k == s->rs->rule_count)
			return usage_wrong("scan", "no rule '%s'", s->ids.v[i]);
		s->wanted[k] = true;
	}
	return STATUS_OK;
}

static void
new_matcher(struct scan *s)
{
	struct matcher_spec spec = {
		.rules = s->rs->rules,
		.rule_count = s->rs->rule_count,
		.sources = s->rs->event_sources,
		.source_count = s->rs->source_count,
		.sieve_after = MATCHER_SIEVE_AFTER,
	};
	struct matcher_callbacks callbacks = { on_hit, on_failed, on_unsieved,
		s };

	s->matcher = matcher_new(&spec, &callbacks);
	for (size_t k = 0; k < s->rs->rule_count; k++)
		matcher_want(s->matcher, PART_SECOND, k, s->wanted[k]);
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
	struct diag *diag = diag_new();
	struct err err;
	int status;

	s->rs = ruleset_read(s->rules.v, s->rules.count, diag, &err);
	if (s->rs == NULL) {
		status = failed("%s", err.text);
	} else if (diag_errors(diag) > 0) {
		diag_print(diag, stderr, wants_colour(STDERR_FILENO));
		status = failed("the rules have faults");
	} else if ((status = choose_source(s)) == STATUS_OK &&
		   (status = choose_rules(s)) == STATUS_OK) {
		s->hits = mem_new(s->rs->rule_count, sizeof *s->hits);
		s->last = mem_new(s->rs->rule_count, sizeof *s->last);
		new_matcher(s);
		if (s->follow)
			follow_logs(s, logs, count);
		for (size_t i = 0; i < count && !ferror(stdout) && !s->follow;
		     i++)
			scan_log(s, logs[i]);
		status = report(s);
		matcher_free(s->matcher);
	}
	free(s->hits);
	free(s->last);
	free(s->wanted);
	str_free(&s->shown);
	ruleset_free(s->rs);
	diag_free(diag);
	return status;
}

static int
parse(struct scan *s, int argc, char **argv)
{
	int option, index = 0;

	while (
	    (option = getopt_long(argc, argv, "A:B:C:", options, &index)) != -1)
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
		case OPTION_LATER:
			return usage_wrong("scan", "--%s is not supported yet",
			    options[index].name);
		case '?':
			fputs("Try 'logwatch scan --help'.\n", stderr);
			return STATUS_USAGE;
		default:
			return usage_wrong(
			    "scan", "-%c is not supported yet", option);
		}
	if (s->rules.count == 0)
		return usage_wrong("scan", "name a rule file with --rules");
	if (optind == argc)
		return usage_wrong("scan", "name a log to scan, or -");
	return -1;
}

int
cmd_scan(int argc, char **argv)
{
	struct scan s = { .colour = wants_colour(STDOUT_FILENO) };
	int status = parse(&s, argc, argv);

	if (status < 0)
		status = scan(&s, argv + optind, (size_t)(argc - optind));
	paths_free(&s.rules);
	paths_free(&s.ids);
	return status;
}
