/* SPDX-License-Identifier: MIT */
/*
 * logwatch init: a rule file to begin with, for logs that are there or will be.
 * In it, a `#` and one blank begin a comment; a `#` at the margin before
 * anything else hides a line that works once it is taken away.
 */
#include "cmd/cmd.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/utf8.h"
#include "base/write.h"
#include "cmd/logkind.h"
#include "cmd/sample.h"
#include "cmd/suggest.h"
#include "conf/quote.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <strings.h>
#include <unistd.h>

static const char help[] =
    "Usage: logwatch init [--output FILE] [LOG...]\n"
    "Writes a rule file to begin with: the logs as sources, a rule for what\n"
    "goes wrong most often in them, and in comments what else there is.\n"
    "Of a log it looks at the first and last 256 KiB.\n"
    "\n"
    "  --output FILE  into this file, which must not be there yet; otherwise\n"
    "                 it is printed\n"
    "  --help         this\n"
    "\n"
    "Exit status: 0 written, also where a log is not there yet; 2 wrong "
    "usage,\n"
    "3 it could not be written.\n";

#define NAME_MAX_BYTES 60

enum flag { OPTION_OUTPUT = 1, OPTION_HELP };

static const struct option options[] = {
	{ "output", required_argument, NULL, OPTION_OUTPUT },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ NULL, 0, NULL, 0 },
};

struct log {
	const char *path;
	char *name;       /* of its source */
	const char *what; /* it was, so that nothing is seen of it; or NULL */
	struct sample sample;
	struct logkind *kind;
	struct suggestion suggestion;
};

struct logs {
	struct log *v;
	size_t count;
	const struct log *first; /* that the rule is for */
};

/* The logs. */

/* A file's name without what says how it was packed. */
static size_t
packed_from(const char *path)
{
	static const char *const ends[] = { ".gz", ".zst", ".xz", ".bz2" };
	size_t len = strlen(path);

	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
		if (len > strlen(ends[i]) &&
		    strcmp(path + len - strlen(ends[i]), ends[i]) == 0)
			return len - strlen(ends[i]);
	return len;
}

static bool
is_taken(const struct logs *logs, const char *name)
{
	for (size_t i = 0; i < logs->count; i++)
		if (strcmp(logs->v[i].name, name) == 0)
			return true;
	return false;
}

static bool
is_name_char(char c)
{
	return ((c | 32) >= 'a' && (c | 32) <= 'z') || (c >= '0' && c <= '9') ||
	       c == '_';
}

/* A file's name up to its first dot, in what the name of a source may have. */
static void
stem_write(struct str *out, const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *c = slash != NULL ? slash + 1 : path;
	bool gap = false;

	for (; *c != '\0' && (*c != '.' || out->len == 0); c++) {
		if (!is_name_char(*c)) {
			gap = out->len > 0;
			continue;
		}
		if (out->len >= NAME_MAX_BYTES)
			return;
		if (gap)
			str_putc(out, '-');
		str_putc(out, *c);
		gap = false;
	}
	if (out->len == 0)
		str_puts(out, strcmp(path, "-") == 0 ? "stdin" : "log");
	else if (strcasecmp(out->data, "null") == 0)
		str_puts(out, "-log"); /* alone it is nothing, to YAML */
}

/* With a number where another has it. */
static char *
name_make(const struct logs *logs, const char *path)
{
	struct str stem = { 0 }, name = { 0 };

	stem_write(&stem, path);
	str_add_text(&name, str_text(&stem));
	for (size_t n = 2; is_taken(logs, name.data); n++) {
		str_clear(&name);
		str_printf(&name, "%s-%zu", stem.data, n);
	}
	str_free(&stem);
	return str_take(&name);
}

/* What cannot be looked at is a source all the same: its log may come. */
static void
log_look(struct log *log)
{
	struct err err = { "" };
	int there = sample_read(&log->sample, log->path, &err);

	if (there > 0)
		log->what = "not there yet";
	else if (there < 0)
		log->what = "unreadable";
	else if (log->sample.binary)
		log->what = "no text";
	else if (log->sample.count == 0)
		log->what = "empty";
	if (log->what != NULL)
		fprintf(stderr,
		    "logwatch: %s: %s; it is a source all the same\n",
		    log->path, there < 0 ? err.text : log->what);
}

static void
log_add(struct logs *logs, const char *path, bool look)
{
	struct log *log = &logs->v[logs->count];

	log->path = path;
	log->name = name_make(logs, path);
	logs->count++;
	if (look)
		log_look(log);
	log->kind = logkind_new(log->sample.lines, log->sample.count);
	suggestion_find(&log->suggestion, &log->sample, log->kind);
	if (logs->first == NULL ||
	    log->suggestion.count > logs->first->suggestion.count)
		logs->first = log;
}

static void
logs_free(struct logs *logs)
{
	for (size_t i = 0; i < logs->count; i++) {
		free(logs->v[i].name);
		logkind_free(logs->v[i].kind);
		suggestion_free(&logs->v[i].suggestion);
		sample_free(&logs->v[i].sample);
	}
	free(logs->v);
}

/* The rule file. */

/* A path as a glob that matches only it, as far as a rule file can say. */
static void
path_write(struct str *out, const struct log *log)
{
	struct text path = { log->path, log->sample.packed
					    ? packed_from(log->path)
					    : strlen(log->path) };
	struct str glob = { 0 };

	while (path.len > 0) {
		struct utf8_char c = utf8_next(path);

		if (!c.valid)
			str_putc(&glob, '?');
		else if (strchr("*?[", path.data[0]) != NULL)
			str_printf(&glob, "[%c]", path.data[0]);
		else
			str_add(&glob, path.data, c.len);
		path.data += c.len;
		path.len -= c.len;
	}
	quote_add_value(out, str_text(&glob));
	str_free(&glob);
}

static void
source_write(struct str *out, const struct log *log)
{
	bool start;
	const char *multiline = logkind_multiline(log->kind, &start);

	if (log->what != NULL)
		str_printf(
		    out, "  # When this was written it was %s.\n", log->what);
	else if (log->sample.count > 0)
		str_printf(out, "  # %s.\n", logkind_name(log->kind));
	str_printf(out, "  %s:\n", log->name);
	if (log->sample.packed)
		str_puts(out, "    # The log that the compressed one was, as "
			      "far as its name tells.\n");
	str_puts(out, "    path: ");
	path_write(out, log);
	str_putc(out, '\n');
	if (multiline != NULL) {
		str_puts(out, "    # Several lines are one event, as with a "
			      "stack trace.\n");
		str_printf(
		    out, "    multiline: {%s: ", start ? "start" : "continue");
		quote_add(out, text_of(multiline));
		str_puts(out, "}\n");
	}
}

static void
rule_write(struct str *out, const struct log *log)
{
	const struct suggestion *s = &log->suggestion;

	if (s->count > 0)
		str_printf(out,
		    "  # What goes wrong most often there: %" PRIu64
		    " of %zu lines that were looked at.\n",
		    s->count, log->sample.count);
	else
		str_puts(out, "  # Nothing that goes wrong was seen yet: this "
			      "is for what likely will.\n");
	str_printf(out,
	    "  - id: %s-error\n"
	    "    source: %s\n"
	    "    # PCRE2; (?<name>...) is a capture, {{name}} in the texts "
	    "below.\n"
	    "    match: ",
	    log->name, log->name);
	quote_add(out, text_of(s->pattern));
	str_puts(out,
	    "\n"
	    "    severity: error    # info, warning, error or critical\n"
	    "    summary: '{{source}}: {{event}}'\n"
	    "    # It is over when this did not come again for so long.\n"
	    "    resolve: {quiet: 15m}\n"
	    "    # What is done about it, see the end of this file.\n"
	    "#    actions: [chat, restart]\n"
	    "#    escalate: [chat]\n"
	    "\n");
}

static void
more_write(struct str *out, const struct log *log)
{
	str_printf(out,
	    "  # What does not come: nothing was written for so long.\n"
	    "#  - id: %s-silent\n"
	    "#    source: %s\n"
	    "#    absent: '.'\n"
	    "#    for: 15m\n"
	    "#    severity: warning\n"
	    "#    summary: '{{source}} has said nothing for 15 minutes'\n"
	    "\n",
	    log->name, log->name);
	str_printf(out,
	    "# What rules may call for.  A script gets the incident as JSON on "
	    "its standard\n"
	    "# input; with `verify` it has worked once such a line came.\n"
	    "#actions:\n"
	    "#  chat:\n"
	    "#    slack: {url: '${SLACK_WEBHOOK_URL:-}'}\n"
	    "#  restart:\n"
	    "#    exec: [systemctl, restart, %s]\n"
	    "#    timeout: 90s\n"
	    "#    limit: {runs: 3, within: 1h}\n"
	    "#    verify: {source: %s, match: 'started|listening', within: "
	    "1m}\n",
	    log->name, log->name);
}

static void
test_write(struct str *out, const struct log *log)
{
	const struct suggestion *s = &log->suggestion;

	str_printf(out,
	    "\n"
	    "# What it is to find, under a clock of its own.\n"
	    "tests:\n"
	    "  - name: %s opens an incident\n"
	    "    source: %s\n"
	    "    steps:\n"
	    "      - log: ",
	    s->count > 0 ? "a line of the log" : "a line that is made up",
	    log->name);
	quote_add_value(out, (struct text){ s->line, s->line_len });
	str_printf(out, "\n      - expect: [{rule: %s-error, state: open}]\n",
	    log->name);
}

static void
rules_write(struct str *out, const struct logs *logs)
{
	assert(logs->first != NULL); /* one is there at least */
	str_puts(out,
	    "# A rule file of logwatch to begin with.  Keys behind a # work "
	    "once "
	    "it is taken\n"
	    "# away; logwatch-rules(5) has all there are.\n"
	    "#\n"
	    "#     logwatch check --rules FILE      is it right?\n"
	    "#     logwatch test --rules FILE       does it find what it is "
	    "to?\n"
	    "#     logwatch scan --rules FILE LOG   what would it have found?\n"
	    "#     logwatch --rules FILE            follow, detect, act\n"
	    "#     logwatch schema                  for an editor, see "
	    "logwatch(8)\n"
	    "version: 1\n"
	    "\n"
	    "# The logs.\n"
	    "sources:\n");
	for (size_t i = 0; i < logs->count; i++)
		source_write(out, &logs->v[i]);
	str_puts(out, "\n# What is an incident.\nrules:\n");
	rule_write(out, logs->first);
	more_write(out, logs->first);
	test_write(out, logs->first);
}

/* Writing it. */

/* A file that was begun and could not be ended is taken away again. */
static int
save(const char *path, struct text text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	int status = STATUS_OK;

	if (fd < 0 && errno == EEXIST)
		return failed("%s is there already and is not overwritten: "
			      "name another file, or move it away",
		    path);
	if (fd < 0)
		return failed("create %s: %s", path, strerror(errno));
	if (write_whole(fd, text) != 0) {
		status = failed("write %s: %s", path, strerror(errno));
		unlink(path);
	}
	close(fd);
	return status;
}

static int
init(char *const *paths, size_t count, const char *output)
{
	struct logs logs = { mem_new(count + 1, sizeof *logs.v), 0, NULL };
	struct str out = { 0 };
	int status;

	for (size_t i = 0; i < count; i++)
		log_add(&logs, paths[i], true);
	if (count == 0)
		log_add(&logs, "app.log", false);
	rules_write(&out, &logs);
	if (output != NULL) {
		status = save(output, str_text(&out));
	} else {
		fwrite(out.data, 1, out.len, stdout);
		status = finish_output(STATUS_OK);
	}
	str_free(&out);
	logs_free(&logs);
	return status;
}

int
cmd_init(int argc, char **argv)
{
	const char *output = NULL;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		switch (option) {
		case OPTION_OUTPUT:
			output = optarg;
			break;
		case OPTION_HELP:
			fputs(help, stdout);
			return finish_output(STATUS_OK);
		default:
			fputs("Try 'logwatch init --help'.\n", stderr);
			return STATUS_USAGE;
		}
	return init(argv + optind, (size_t)(argc - optind), output);
}
