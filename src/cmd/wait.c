/* SPDX-License-Identifier: MIT */
/*
 * logwatch wait: the start gate of a start script.  Goes on when a line of a
 * source says so, and gives up when one says otherwise, a process is gone, or
 * the time is up.
 */
#include "cmd/cmd.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/when.h"
#include "io/loop.h"
#include "io/timer.h"
#include "ruleset.h"
#include "tail/block.h"
#include "tail/streams.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <unistd.h>

static const char help[] =
    "Usage: logwatch wait [OPTION...] --rules FILE --for PATTERN\n"
    "Waits until a new line of a source matches: one that comes after this "
    "has\n"
    "begun, or in a file that was not there yet.\n"
    "\n"
    "  --for PATTERN      go on when an event matches\n"
    "  --fail PATTERN     give up when one matches\n"
    "  --pid PID          give up when this process is gone\n"
    "  --timeout D        give up after so long, such as 90s\n"
    "  --tail N           lines to print then, the last ones (50)\n"
    "  --source NAME      the source; needed where there are more than one\n"
    "  --rules FILE|DIR   a rule file, or a directory of them; may recur\n"
    "  --help             this\n"
    "\n"
    "Exit status: 0 a line matched, 1 it gave up, 2 wrong usage, 3 it could "
    "not\n"
    "do its work.\n";

#define TAIL_DEFAULT 50
#define TAIL_MAX 100000
#define LINE_BYTES 8192 /* of a line that is printed */

enum flag {
	OPTION_FOR = 1,
	OPTION_FAIL,
	OPTION_PID,
	OPTION_TIMEOUT,
	OPTION_TAIL,
	OPTION_SOURCE,
	OPTION_RULES,
	OPTION_HELP,
};

static const struct option options[] = {
	{ "for", required_argument, NULL, OPTION_FOR },
	{ "fail", required_argument, NULL, OPTION_FAIL },
	{ "pid", required_argument, NULL, OPTION_PID },
	{ "timeout", required_argument, NULL, OPTION_TIMEOUT },
	{ "tail", required_argument, NULL, OPTION_TAIL },
	{ "source", required_argument, NULL, OPTION_SOURCE },
	{ "rules", required_argument, NULL, OPTION_RULES },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ NULL, 0, NULL, 0 },
};

/** What an event may be, in the order in which it is asked. */
enum answer { ANSWER_FAIL, ANSWER_FOR, ANSWER_COUNT };

struct wait {
	/* as asked for */
	struct paths rules;
	const char *source_name;
	struct pattern *patterns[ANSWER_COUNT]; /* NULL: not asked for */
	pid_t pid;                              /* 0: none */
	int64_t timeout_ms;                     /* INT64_MAX: for ever */
	size_t tail_lines;

	struct ruleset *rs;
	size_t source;
	struct rule asked[ANSWER_COUNT];
	struct matcher *matcher;
	struct loop *loop;
	struct tail *tail;
	struct streams *streams;
	struct timer *due, *timeout;
	struct on_readable *process;
	int pidfd;
	bool gone; /* the process is */
	bool over;
	int status;
	const char *why;   /* it gave up */
	struct str *last;  /* tail_lines of them, a ring */
	size_t last_count; /* in all */
};

static void
end(struct wait *w, int status, const char *why)
{
	if (w->over)
		return;
	w->over = true;
	w->status = status;
	w->why = why;
	loop_stop(w->loop);
}

/* What comes */

static void
on_hit(const struct hit *hit, void *ctx)
{
	struct wait *w = ctx;

	if (hit->index == ANSWER_FOR)
		end(w, STATUS_OK, NULL);
	else
		end(w, STATUS_NO, "a line matched --fail");
}

static void
on_failed(size_t index, enum part part, const struct event *event, void *ctx)
{
	struct wait *w = ctx;

	(void)part;
	if (!w->over)
		failed("%s: the pattern hit its match limit at %s:%" PRId64
		       ": neither a match nor none; make it simpler",
		    index == ANSWER_FOR ? "--for" : "--fail", event->path,
		    event->line);
	end(w, STATUS_FAILED, NULL);
}

static void
remember(struct wait *w, struct text line)
{
	struct str *slot;

	if (w->tail_lines == 0)
		return;
	slot = &w->last[w->last_count++ % w->tail_lines];
	if (line.len > LINE_BYTES)
		line.len = LINE_BYTES;
	str_clear(slot);
	str_add_text(slot, line);
}

static void
on_block(const struct block *block, void *ctx)
{
	struct wait *w = ctx;
	struct block own = *block;
	const char *p = block->data, *stop, *last = p + block->len;

	own.source = w->source;
	for (; p < last; p = stop + 1) {
		stop = memchr(p, '\n', (size_t)(last - p));
		if (stop == NULL)
			stop = last;
		remember(w, (struct text){ p, (size_t)(stop - p) });
	}
	matcher_feed(w->matcher, &own, clock_now_ms(), 0);
}

static void
on_end(uint64_t file, void *ctx)
{
	struct wait *w = ctx;

	matcher_end(w->matcher, file);
}

/* A process that is gone has said all that it will. */
static void
look_whether_gone(struct wait *w)
{
	if (!w->gone || !tail_caught_up(w->tail) || streams_wait(w->streams))
		return;
	matcher_flush(w->matcher);
	end(w, STATUS_NO, "the process is gone");
}

static void
on_turn(void *ctx)
{
	struct wait *w = ctx;

	tail_gone_saved(w->tail); /* there is nothing to forget them in */
	timer_at(w->due, matcher_due(w->matcher));
	look_whether_gone(w);
}

static void
on_due(void *ctx)
{
	struct wait *w = ctx;

	matcher_tick(w->matcher, clock_now_ms());
	timer_at(w->due, matcher_due(w->matcher));
}

static void
on_gone(int fd, void *ctx)
{
	struct wait *w = ctx;

	(void)fd;
	on_readable_free(w->process);
	w->process = NULL;
	w->gone = true;
	tail_look(w->tail);
}

static void
on_timeout(void *ctx)
{
	struct wait *w = ctx;

	matcher_flush(w->matcher);
	end(w, STATUS_NO, "the time is up");
}

static void
on_stop(int signum, void *ctx)
{
	struct wait *w = ctx;

	if (!w->over)
		failed("ended by a signal: %s", strsignal(signum));
	end(w, STATUS_FAILED, NULL);
}

/* Beginning and end */

static void
new_matcher(struct wait *w)
{
	const struct matcher_callbacks callbacks = { on_hit, w,
		{ on_failed, NULL, NULL, w } };
	struct matcher_spec spec = {
		.rules = w->asked,
		.rule_count = ANSWER_COUNT,
		.sources = w->rs->event_sources,
		.source_count = w->rs->source_count,
		.sieve_after = MATCHER_SIEVE_AFTER,
	};

	for (int k = 0; k < ANSWER_COUNT; k++) {
		struct rule *rule = &w->asked[k];

		rule->sources =
		    mem_new(w->rs->source_count, sizeof *rule->sources);
		rule->source_count = w->rs->source_count;
		rule->sources[w->source] = true;
		if (w->patterns[k] == NULL)
			continue;
		rule->parts[PART_MATCH].v = &w->patterns[k];
		rule->parts[PART_MATCH].count = 1;
	}
	w->matcher = matcher_new(&spec, &callbacks);
}

static int
watch_process(struct wait *w)
{
	if (w->pid == 0)
		return 0;
	w->pidfd = pidfd_open(w->pid, 0);
	if (w->pidfd >= 0)
		w->process = on_readable_new(w->loop, w->pidfd, on_gone, w);
	else if (errno == ESRCH)
		w->gone = true;
	else
		return failed("--pid %d: %s", (int)w->pid, strerror(errno));
	return 0;
}

static void
print_last(const struct wait *w)
{
	size_t count =
	    w->last_count < w->tail_lines ? w->last_count : w->tail_lines;

	for (size_t i = w->last_count - count; i < w->last_count; i++) {
		struct text line = str_text(&w->last[i % w->tail_lines]);

		if (isatty(STDOUT_FILENO))
			display(line, stdout);
		else if (line.len > 0)
			fwrite(line.data, 1, line.len, stdout);
		putchar('\n');
	}
}

static int
run(struct wait *w)
{
	struct on_signal *stops[] = {
		on_signal_new(w->loop, SIGINT, on_stop, w),
		on_signal_new(w->loop, SIGTERM, on_stop, w),
	};
	int status = watch_process(w);

	if (status == 0) {
		tail_start(w->tail);
		streams_start(w->streams);
		timer_in(w->timeout, w->timeout_ms);
		look_whether_gone(w);
		if (!w->over)
			loop_run(w->loop);
		status = w->status;
	}
	on_signal_free(stops[0]);
	on_signal_free(stops[1]);
	if (w->why != NULL) {
		fprintf(stderr, "logwatch: %s\n", w->why);
		print_last(w);
	}
	return finish_output(status);
}

static int
wait_for(struct wait *w)
{
	const struct tail_source *of = &w->rs->tail_sources[w->source];
	struct tail_source source = *of;
	const struct tail_callbacks callbacks = {
		.block = on_block,
		.end = on_end,
		.turn = on_turn,
		.ctx = w,
	};
	const struct stream_source *stream = NULL;
	int status;

	for (size_t i = 0; i < w->rs->stream_count; i++)
		if (w->rs->stream_sources[i].source == w->source)
			stream = &w->rs->stream_sources[i];
	source.from_beginning = false;
	w->loop = loop_new();
	w->due = timer_new(w->loop, on_due, w);
	w->timeout = timer_new(w->loop, on_timeout, w);
	w->last = mem_new(w->tail_lines, sizeof *w->last);
	new_matcher(w);
	w->tail = tail_new(w->loop, &source, 1, &callbacks);
	w->streams =
	    streams_new(w->loop, stream, stream != NULL, false, &callbacks);
	status = run(w);
	on_readable_free(w->process);
	if (w->pidfd >= 0)
		close(w->pidfd);
	streams_free(w->streams);
	tail_free(w->tail);
	matcher_free(w->matcher);
	timer_free(w->due);
	timer_free(w->timeout);
	loop_free(w->loop);
	return status;
}

static void
clear(struct wait *w)
{
	for (int k = 0; k < ANSWER_COUNT; k++) {
		free(w->asked[k].sources);
		pattern_free(w->patterns[k]);
	}
	for (size_t i = 0; w->last != NULL && i < w->tail_lines; i++)
		str_free(&w->last[i]);
	free(w->last);
	ruleset_free(w->rs);
	paths_free(&w->rules);
}

/* The command line */

static int
pattern_of(struct wait *w, enum answer answer, const char *name)
{
	struct err err;
	size_t offset;

	pattern_free(w->patterns[answer]);
	w->patterns[answer] = pattern_compile(text_of(optarg), &offset, &err);
	if (w->patterns[answer] == NULL)
		return usage_wrong("wait", "%s: %s, at byte %zu of '%s'", name,
		    err.text, offset, optarg);
	return -1;
}

static int
number_of(const char *name, long least, long most, long *out)
{
	char *rest;

	errno = 0;
	*out = strtol(optarg, &rest, 10);
	if (rest == optarg || *rest != '\0' || errno != 0 || *out < least ||
	    *out > most)
		return usage_wrong("wait",
		    "%s takes a number from %ld to %ld, not '%s'", name, least,
		    most, optarg);
	return -1;
}

static int
option_read(struct wait *w, int option)
{
	const char *wrong;
	long number = 0;
	int status;

	switch (option) {
	case OPTION_FOR:
		return pattern_of(w, ANSWER_FOR, "--for");
	case OPTION_FAIL:
		return pattern_of(w, ANSWER_FAIL, "--fail");
	case OPTION_PID:
		status = number_of("--pid", 1, INT32_MAX, &number);
		w->pid = (pid_t)number;
		return status;
	case OPTION_TAIL:
		status = number_of("--tail", 0, TAIL_MAX, &number);
		w->tail_lines = (size_t)number;
		return status;
	case OPTION_TIMEOUT:
		wrong = duration_read(text_of(optarg), &w->timeout_ms);
		return wrong == NULL
		           ? -1
		           : usage_wrong(
				 "wait", "--timeout: '%s': %s", optarg, wrong);
	case OPTION_SOURCE:
		w->source_name = optarg;
		return -1;
	case OPTION_RULES:
		paths_add(&w->rules, optarg);
		return -1;
	case OPTION_HELP:
		fputs(help, stdout);
		return finish_output(STATUS_OK);
	default:
		fputs("Try 'logwatch wait --help'.\n", stderr);
		return STATUS_USAGE;
	}
}

/* Returns -1, or a status where that is all. */
static int
parse(struct wait *w, int argc, char **argv)
{
	int option, status = -1;

	while (status < 0 &&
	       (option = getopt_long(argc, argv, "", options, NULL)) != -1)
		status = option_read(w, option);
	if (status >= 0)
		return status;
	if (w->rules.count == 0)
		return usage_wrong("wait", "name a rule file with --rules");
	if (w->patterns[ANSWER_FOR] == NULL)
		return usage_wrong("wait", "say what to wait --for");
	if (optind < argc)
		return usage_wrong(
		    "wait", "it takes no argument '%s'", argv[optind]);
	return -1;
}

int
cmd_wait(int argc, char **argv)
{
	const struct log_options log = { .level = LOG_ERROR };
	struct wait w = {
		.timeout_ms = INT64_MAX,
		.tail_lines = TAIL_DEFAULT,
		.pidfd = -1,
	};
	int status = parse(&w, argc, argv);
	struct err err;

	if (status >= 0)
		goto out;
	w.rs = rules_load(&w.rules);
	status = w.rs != NULL
	             ? choose_source("wait", w.rs, w.source_name, &w.source)
	             : STATUS_FAILED;
	if (status != STATUS_OK)
		goto out;
	status =
	    log_open(&log, &err) < 0 ? failed("%s", err.text) : wait_for(&w);
out:
	clear(&w);
	return status;
}
