/* SPDX-License-Identifier: MIT */
/*
 * Which keys there are, and who reads them.
 */
#include "ruleset.h"

#include "base/mem.h"
#include "conf/node.h"
#include "detect/written.h"
#include "incident/causes.h"

#include <assert.h>
#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#define MIB (1024 * 1024)
#define INCLUDE_DEPTH_MAX 16 /* files one in another */
#define INCLUDED_MAX 1000    /* files in all */

static const struct key outbox_keys[] = {
	{ "max", false, .type = KEY_SIZE, .fallback = "64MiB",
	    .what = "So many bytes; past them the oldest is dropped." },
	{ "age", false, .type = KEY_DURATION, .fallback = "3d",
	    .what = "What was tried for so long is a dead letter." },
	{ 0 },
};

static const struct key context_keys[] = {
	{ "before", false, .type = KEY_INT, .fallback = "5",
	    .what = "How many lines before an event go into the record, at "
		    "most 100." },
	{ "after", false, .type = KEY_INT, .fallback = "20",
	    .what = "How many lines after an event go into the record, at "
		    "most 100." },
	{ 0 },
};

static const struct key settings_keys[] = {
	{ "state", false, .type = KEY_TEXT,
	    .what = "The state file. Default: in $STATE_DIRECTORY or "
		    "$XDG_STATE_HOME/logwatch, named after the first rule "
		    "file." },
	{ "context", false, .keys = context_keys,
	    .what = "How many lines around an event go into the incident "
		    "record." },
	{ "history", false, .type = KEY_DURATION, .fallback = "90d",
	    .what = "How long a resolved incident is kept in the state file." },
	{ "host", false, .type = KEY_TEXT,
	    .what = "What the machine is called in incidents. Default: its "
		    "host name." },
	{ "listen", true, .type = KEY_TEXT,
	    .what = "The address and port of the web page, the API and the "
		    "metrics; off unless set." },
	{ "token_file", true, .type = KEY_TEXT,
	    .what = "A file with the token that the web page and the API ask "
		    "for." },
	{ "heartbeat", true,
	    .what = "A URL that is asked while logwatch works and every "
		    "source can be read." },
	{ "late_after", false, .type = KEY_DURATION,
	    .what = "What is found in a log that nobody wrote to for longer "
		    "than this, after downtime, opens its incident and runs "
		    "no script. Default: nothing is late." },
	{ "builtin", false, .type = KEY_BOOL, .fallback = "true",
	    .what = "Whether logwatch opens incidents of its own troubles." },
	{ "actions", false, .type = KEY_NAME, .shape = KEY_ONE_OR_LIST,
	    .what = "What a built-in incident calls for." },
	{ "outbox", false, .keys = outbox_keys,
	    .what = "How much may wait for receivers that are down, and for "
		    "how long." },
	{ 0 },
};

static const char *const start_words[] = { "end", "beginning", NULL };
static const char *const ansi_words[] = { "strip", "keep", NULL };
static const char *const format_words[] = { "text", "json", NULL };

static const struct key multiline_keys[] = {
	{ "start", false, .type = KEY_PATTERN, .shape = KEY_ONE_OR_LIST,
	    .need = KEY_ONE_OF,
	    .what = "Matches the lines that begin an event." },
	{ "continue", false, .type = KEY_PATTERN, .shape = KEY_ONE_OR_LIST,
	    .need = KEY_ONE_OF,
	    .what = "Matches the lines that go on with the event before." },
	{ "max_lines", false, .type = KEY_INT, .fallback = "500",
	    .what = "Past so many lines a new event begins." },
	{ "timeout", false, .type = KEY_DURATION, .fallback = "1s",
	    .what = "An event is whole so long after its last line." },
	{ 0 },
};

static const struct key source_keys[] = {
	{ "path", false, .type = KEY_TEXT, .shape = KEY_ONE_OR_LIST,
	    .need = KEY_ONE_OF,
	    .what = "Which files: paths with *, ?, [] and **; '-' alone is "
		    "standard input." },
	{ "command", false, .type = KEY_TEXT, .shape = KEY_LIST,
	    .need = KEY_ONE_OF,
	    .what = "A program and its arguments, without a shell, whose "
		    "output is the log." },
	{ "exclude", false, .type = KEY_TEXT, .shape = KEY_ONE_OR_LIST,
	    .with = "path",
	    .what = "Globs for whole paths or base names that are left out." },
	{ "start_at", false, .words = start_words, .with = "path",
	    .fallback = "end",
	    .what = "Where to begin with a file that is there at the very "
		    "first start; one that appears later is always read from "
		    "its beginning." },
	{ "rotated", false, .type = KEY_TEXT, .shape = KEY_ONE_OR_LIST,
	    .with = "path",
	    .what = "Globs for where rotated files are looked for. Default: "
		    "the path with a dot or a hyphen and more behind it." },
	{ "multiline", false, .keys = multiline_keys,
	    .what = "Joins lines to one event. Default: each line is an "
		    "event." },
	{ "timestamp", false, .words = stamping_words, .keys = stamping_keys,
	    .fallback = "auto",
	    .what = "Where the time of an event stands in it, and in which "
		    "format." },
	{ "ansi", false, .words = ansi_words, .fallback = "strip",
	    .what = "Whether terminal escape sequences are taken out before "
		    "anything looks at a line." },
	{ "format", false, .words = format_words, .fallback = "text",
	    .what = "Whether a line is text, or a JSON object whose other "
		    "fields are captures." },
	{ "message", false, .type = KEY_TEXT, .fallback = "message",
	    .what = "Of JSON objects, the field that patterns see; nested "
		    "ones as a.b." },
	{ "max_line", false, .type = KEY_SIZE, .fallback = "1MiB",
	    .what = "A longer line is matched on this much, marked as "
		    "truncated and counted; the rest of it is skipped." },
	{ "silent", false, .type = KEY_DURATION,
	    .what = "Opens the incident logwatch.source-silent when no line "
		    "was read for so long. Default: a source may be silent." },
	{ 0 },
};

static const struct synonym source_words[] = {
	{ "file", "path" },
	{ "files", "path" },
	{ "paths", "path" },
	{ "glob", "path" },
	{ "cmd", "command" },
	{ "exec", "command" },
	{ NULL, NULL },
};

static const struct key rule_keys[] = {
	{ "id", false, .type = KEY_NAME, .need = KEY_REQUIRED,
	    .what = "Names the rule; unique. 'logwatch.' at its beginning is "
		    "reserved." },
	{ "source", false, .type = KEY_NAME, .shape = KEY_ONE_OR_LIST,
	    .what = "The sources that the rule looks at. Default: all of "
		    "them." },
	{ "enabled", false, .type = KEY_BOOL, .fallback = "true",
	    .what = "With false the rule asks for nothing, but its faults are "
		    "told." },
	{ "mode", false, .words = mode_words, .fallback = "act",
	    .what = "With observe it opens incidents and sends notifications, "
		    "and runs no script." },
	{ "match", false, .type = KEY_PATTERN, .shape = KEY_ONE_OR_LIST,
	    .need = KEY_ONE_OF,
	    .what = "An event that one of these matches is a hit." },
	{ "followed_by", false, .keys = followed_keys, .with = "match",
	    .what = "Fires when such a second event comes in time after the "
		    "first." },
	{ "not_followed_by", false, .keys = followed_keys, .with = "match",
	    .what = "Fires when such a second event is missing when the time "
		    "is up; resolves when it comes after all." },
	{ "absent", false, .type = KEY_PATTERN, .shape = KEY_ONE_OR_LIST,
	    .need = KEY_ONE_OF, .with = "for",
	    .what = "Fires when no event matched for the time of 'for'; "
		    "resolves at the next match." },
	{ "process", false, .keys = process_keys, .need = KEY_ONE_OF,
	    .what = "Fires when processes are missing, or too many; resolves "
		    "when that is over." },
	{ "probe", false, .type = KEY_TEXT, .shape = KEY_LIST,
	    .need = KEY_ONE_OF,
	    .what = "A program and its arguments, without a shell, run every "
		    "so often. Fires when its answer is bad; resolves when it "
		    "is not any more." },
	{ "http", false, .type = KEY_TEXT, .need = KEY_ONE_OF,
	    .what =
		"A URL that is asked every so often. Fires when it does "
		"not answer as it should; resolves when it answers again." },
	{ "schedule", false, .type = KEY_TEXT, .need = KEY_ONE_OF,
	    .what = "The times at which the actions run, in the five fields "
		    "of cron." },
	{ "for", false, .type = KEY_DURATION,
	    .what = "How long nothing may have matched, or for how long what "
		    "is looked at must be bad." },
	{ "forget", false, .type = KEY_DURATION, .with = "key",
	    .what = "Of 'absent': a value of 'key' that was not seen for so "
		    "long is not awaited any more. Default: never." },
	{ "every", false, .type = KEY_DURATION, .fallback = "1m",
	    .what = "Of 'probe' and 'http': from one start to the next." },
	{ "timeout", false, .type = KEY_DURATION, .fallback = "10s",
	    .what = "Of 'probe' and 'http': how long an answer may take." },
	{ "above", false, .type = KEY_NUMBER, .with = "probe",
	    .what = "It is bad when the probe prints a number above this." },
	{ "below", false, .type = KEY_NUMBER, .with = "probe",
	    .what = "It is bad when the probe prints a number below this." },
	{ "output", false, .type = KEY_PATTERN, .shape = KEY_ONE_OR_LIST,
	    .with = "probe",
	    .what = "It is bad when this matches what the probe prints." },
	{ "not_falling", false, .type = KEY_DURATION, .with = "probe",
	    .what = "It is bad when the probe prints a number above 0 that "
		    "has not become less for so long." },
	{ "status", false, .type = KEY_INT, .shape = KEY_ONE_OR_LIST,
	    .with = "http",
	    .what = "The statuses that are good. Default: 200 to 299." },
	{ "zone", false, .type = KEY_TEXT, .with = "schedule",
	    .what = "The time zone of the schedule, such as Asia/Taipei. "
		    "Default: the machine's." },
	{ "except", false, .type = KEY_PATTERN, .shape = KEY_ONE_OR_LIST,
	    .what = "An event that one of these matches too is no hit." },
	{ "where", false, .type = KEY_TEXT, .shape = KEY_NAMED,
	    .what = "What captures have to be: a text, or a comparison such "
		    "as '>= 500'." },
	{ "key", false, .type = KEY_TEXT, .shape = KEY_ONE_OR_LIST,
	    .what = "The captures that tell incidents of this rule apart. "
		    "Default: none, so one incident a rule." },
	{ "threshold", false, .keys = threshold_keys, .with = "match",
	    .what = "Fires only with so many hits of one key within a time. "
		    "Default: every hit fires." },
	{ "severity", false, .words = severity_words, .fallback = "error",
	    .what = "How bad it is." },
	{ "summary", false, .type = KEY_TEMPLATE,
	    .what = "One line for people. Default: the rule's id, or what its "
		    "detector says." },
	{ "description", false, .type = KEY_TEMPLATE,
	    .what = "More than a line." },
	{ "runbook", false, .type = KEY_TEXT,
	    .what = "Where to read what to do; notifications link to it." },
	{ "labels", false, .type = KEY_TEXT, .shape = KEY_NAMED,
	    .what = "Facts for receivers and templates." },
	{ "actions", false, .type = KEY_NAME, .shape = KEY_ONE_OR_LIST,
	    .what = "What is done when the incident opens, in this order." },
	{ "escalate", false, .type = KEY_NAME, .shape = KEY_ONE_OR_LIST,
	    .keys = escalate_keys,
	    .what = "What is done when a script fails, is not verified, or "
		    "hits its limit." },
	{ "remind", false, .type = KEY_DURATION, .words = remind_words,
	    .what = "While an incident is open and nobody acknowledged it, it "
		    "is told again after so long, then after twice as long "
		    "each time. Default: 4h for critical ones, never for "
		    "others." },
	{ "resolve", false, .keys = resolve_keys, .words = resolve_words,
	    .what = "When an open incident is over. Default: quiet for 15m." },
	{ "cooldown", false, .type = KEY_DURATION,
	    .what = "So long after an incident was resolved a hit of the same "
		    "key opens it again instead of another." },
	{ "caused_by", false, .keys = caused_by_keys,
	    .what = "The rules whose open incident, begun shortly before, is "
		    "the cause of this one." },
	{ "collect", false, .type = KEY_TEXT, .shape = KEY_LISTS,
	    .what = "Commands that only look, run when an incident opens and "
		    "when it resolves; what they print goes into the record." },
	{ "active", false, .keys = active_keys,
	    .what =
		"The days and hours in which hits count. Default: always." },
	{ 0 },
};

static const struct synonym rule_words[] = {
	{ "regex", "match" },
	{ "pattern", "match" },
	{ "regexp", "match" },
	{ "name", "id" },
	{ "title", "summary" },
	{ "message", "summary" },
	{ "action", "actions" },
	{ "group_by", "key" },
	{ "exclude", "except" },
	{ "ignore", "except" },
	{ "level", "severity" },
	{ "window", "threshold" },
	{ "sources", "source" },
	{ "interval", "every" },
	{ "timezone", "zone" },
	{ "missing", "absent" },
	{ "within", "for" },
	{ "duration", "for" },
	{ NULL, NULL },
};

const struct key top_keys[] = {
	{ "version", false, .type = KEY_VERSION, .need = KEY_REQUIRED,
	    .what = "The version of the rule file: 1. It comes first." },
	{ "include", false, .type = KEY_TEXT, .shape = KEY_ONE_OR_LIST,
	    .what = "Other rule files that belong to this one; relative to "
		    "its directory." },
	{ "settings", false, .keys = settings_keys,
	    .what = "What holds for logwatch as a whole." },
	{ "sources", false, .shape = KEY_NAMED, .keys = source_keys,
	    .what = "The logs that are followed, by name." },
	{ "rules", false, .shape = KEY_LIST, .keys = rule_keys,
	    .what = "What is an incident." },
	{ "actions", false, .shape = KEY_NAMED, .keys = action_keys,
	    .what = "What rules may call for, by name: scripts and "
		    "notifications." },
	{ "tests", false, .shape = KEY_LIST, .keys = trial_keys,
	    .what = "What the rules are to find in given lines; 'logwatch "
		    "test' runs them." },
	{ 0 },
};

static const struct synonym top_words[] = {
	{ "logs", "sources" },
	{ "inputs", "sources" },
	{ "files", "sources" },
	{ "alerts", "rules" },
	{ "notifications", "actions" },
	{ "receivers", "actions" },
	{ "groups", "rules" },
	{ NULL, NULL },
};

/* The sections of a name each, of which several files may have some. */
struct reading {
	struct ruleset *rs;
	struct diag *diag;
	struct doc **docs;
	char **reals;    /* their canonical paths */
	bool incomplete; /* something that is included is not there */
	size_t doc_count;
	const struct node **source_nodes, **action_nodes, **rule_nodes;
	const char **action_names;
};

static const struct node *
section(const struct reading *r, size_t doc, const char *name)
{
	const struct node *root = doc_root(r->docs[doc]);

	return root != NULL ? node_get(root, name) : NULL;
}

static void
top_check(const struct node *root)
{
	const struct node *version = node_get(root, "version");
	int64_t number = 0;

	if (!node_keys(root, top_keys, top_words, "the rule file"))
		return;
	if (node_lacks(root, "version", top_keys))
		node_error(root, "the rule file: needs 'version: 1' first");
	else if (version != NULL && node_int(version, 0, INT64_MAX, &number) &&
		 number != 1)
		node_error(version,
		    "this is version %lld of the rule file; this logwatch "
		    "reads version 1",
		    (long long)number);
	else if (version != NULL &&
		 strcmp(node_key_name(root, 0), "version") != 0)
		node_warning(version, "'version' should come first");
}

static void
outbox_read(struct ruleset *rs, const struct node *n)
{
	if (n == NULL || !node_keys(n, outbox_keys, NULL, "settings: outbox"))
		return;
	node_size(node_get(n, "max"), MIB / 16, INT64_C(16384) * MIB,
	    &rs->outbox_bytes);
	node_duration(node_get(n, "age"), 1000, &rs->outbox_age_ms);
}

static void
settings_read(struct ruleset *rs, const struct node *n)
{
	const struct node *context = node_get(n, "context");
	int64_t lines;
	const char *text;

	if (n == NULL || !node_keys(n, settings_keys, NULL, "settings"))
		return;
	if (node_text(node_get(n, "state"), &text)) {
		free(rs->state);
		rs->state = mem_text(text);
	}
	if (node_text(node_get(n, "host"), &text)) {
		free(rs->host);
		rs->host = mem_text(text);
	}
	node_duration(node_get(n, "history"), 1, &rs->history_ms);
	node_duration(node_get(n, "late_after"), 1, &rs->late_ms);
	node_bool(node_get(n, "builtin"), &rs->builtin);
	outbox_read(rs, node_get(n, "outbox"));
	if (context == NULL ||
	    !node_keys(context, context_keys, NULL, "settings: context"))
		return;
	if (node_int(node_get(context, "before"), 0, CONTEXT_LINES_MAX, &lines))
		rs->context_before = (size_t)lines;
	if (node_int(node_get(context, "after"), 0, CONTEXT_LINES_MAX, &lines))
		rs->context_after = (size_t)lines;
}

static void
multiline_read(struct event_source *es, const struct node *n, const char *what)
{
	struct str owner = { 0 };
	int64_t lines;

	es->max_lines = 500;
	es->timeout_ms = 1000;
	if (n == NULL)
		return;
	str_printf(&owner, "%s: multiline", what);
	if (node_keys(n, multiline_keys, NULL, owner.data)) {
		if ((node_get(n, "start") == NULL) ==
		    (node_get(n, "continue") == NULL))
			node_error(n,
			    "%s: needs exactly one of 'start' and 'continue'",
			    owner.data);
		patterns_read(&es->start, node_get(n, "start"), owner.data);
		patterns_read(&es->cont, node_get(n, "continue"), owner.data);
		if (node_int(node_get(n, "max_lines"), 1, 100000, &lines))
			es->max_lines = (size_t)lines;
		node_duration(node_get(n, "timeout"), 1, &es->timeout_ms);
	}
	str_free(&owner);
}

static bool
is_stdin(char *const *paths)
{
	return paths != NULL && paths[0] != NULL &&
	       strcmp(paths[0], "-") == 0 && paths[1] == NULL;
}

/* Whether it has what a shell would take for {a,b}. */
static bool
has_alternatives(const char *path)
{
	const char *open = strchr(path, '{');
	const char *comma = open != NULL ? strchr(open, ',') : NULL;

	return comma != NULL && strchr(comma, '}') != NULL;
}

/* What a path is unlikely to begin with, or to be. */
static void
path_check(const struct node *at, const char *path, const char *what)
{
	struct stat st;

	if (strncmp(path, "~/", 2) == 0)
		node_warning(at,
		    "%s: '~' is no home directory here: write ${HOME}", what);
	else if (path[0] == '$')
		node_warning(at,
		    "%s: a variable is written ${NAME}; this is a name that "
		    "begins with '$'",
		    what);
	else if (strstr(path, "://") != NULL)
		node_warning(at, "%s: this is a path, not a url", what);
	else if (has_alternatives(path) && access(path, F_OK) != 0)
		node_warning(at,
		    "%s: there are no {a,b} in globs: write a list of paths",
		    what);
	else if (strstr(path, ", ") != NULL && access(path, F_OK) != 0)
		node_warning(at,
		    "%s: this is one path: write several as a list, [a, b]",
		    what);
	else if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		node_warning(at,
		    "%s: this is a directory: name the files in it, such as "
		    "%s%s*.log",
		    what, path, path[strlen(path) - 1] == '/' ? "" : "/");
}

static void
paths_check(const struct node *n, char **paths, const char *what)
{
	if (paths != NULL && paths[0] == NULL)
		node_error(n, "%s: the list of paths is empty", what);
	for (size_t i = 0; paths != NULL && paths[i] != NULL; i++) {
		const struct node *at =
		    node_kind(n) == NODE_LIST ? node_at(n, i) : n;

		if (strcmp(paths[i], "-") == 0 && !is_stdin(paths))
			node_error(at,
			    "%s: '-' is standard input, which is a source of "
			    "its own: no other path goes with it",
			    what);
		else if (paths[i][0] == '\0')
			node_error(at, "%s: path is empty", what);
		else
			path_check(at, paths[i], what);
	}
}

static void
command_check(const struct node *n, char **argv, const char *what)
{
	const char *name = argv[0];

	if (name == NULL || name[0] == '\0')
		node_error(name != NULL ? node_at(n, 0) : n,
		    "%s: command: needs a program", what);
	else if (strchr(name, '/') != NULL && access(name, F_OK) != 0)
		node_warning(node_at(n, 0),
		    "%s: there is no %s (relative paths start where logwatch "
		    "is started)",
		    what, name);
	else if (strchr(name, '/') != NULL && access(name, X_OK) != 0)
		node_warning(node_at(n, 0),
		    "%s: %s is not executable; chmod +x it", what, name);
}

/* What says something about files has no meaning for a stream. */
static void
stream_check(const struct node *n, const char *kind, const char *what)
{
	static const char *const file_only[] = { "exclude", "start_at",
		"rotated" };

	for (size_t i = 0; i < sizeof file_only / sizeof *file_only; i++)
		if (node_get(n, file_only[i]) != NULL)
			node_error(node_get(n, file_only[i]),
			    "%s: '%s' is for files, not for %s", what,
			    file_only[i], kind);
}

/* One of files, a command and standard input. */
static void
input_read(struct ruleset *rs, size_t i, const struct node *n, const char *what)
{
	const struct node *path = node_get(n, "path");
	const struct node *command = node_get(n, "command");
	size_t count;

	if (path != NULL && command != NULL)
		node_error(command,
		    "%s: needs one of 'path' and 'command', "
		    "not both",
		    what);
	else if (command == NULL && node_lacks(n, "path", source_keys))
		node_error(n, "%s: needs 'path' or 'command'", what);
	if (node_texts(path, true, &rs->source_paths[i], &count))
		paths_check(path, rs->source_paths[i], what);
	if (node_texts(command, false, &rs->source_commands[i], &count))
		command_check(command, rs->source_commands[i], what);
	if (command != NULL)
		stream_check(n, "a command", what);
	else if (is_stdin(rs->source_paths[i]))
		stream_check(n, "standard input", what);
}

/* Only one can read it. */
static void
stdin_check(const struct ruleset *rs, const struct node *n, const char *what)
{
	if (ruleset_stdin(rs) != NULL)
		node_error(n,
		    "%s: source '%s' reads standard input already; only one "
		    "can",
		    what, ruleset_stdin(rs));
}

static void
stream_add(struct ruleset *rs, size_t i)
{
	rs->stream_sources[rs->stream_count++] = (struct stream_source){
		.name = rs->source_names[i],
		.source = i,
		.command = (const char *const *)rs->source_commands[i],
		.max_line = rs->tail_sources[i].max_line,
	};
}

static void
format_read(struct event_source *es, const struct node *n, const char *what)
{
	const struct node *message = node_get(n, "message");
	const char *field = "message";
	size_t word = 0;

	/* A word that is none was told already: one fault is enough. */
	if (node_get(n, "format") != NULL &&
	    !node_word(node_get(n, "format"), format_words, &word))
		word = message != NULL;
	if (message != NULL && word == 0)
		node_error(message,
		    "%s: 'message' is a field of JSON objects: it needs "
		    "'format: json'",
		    what);
	if (word == 0)
		return;
	if (node_text(message, &field) && field[0] == '\0')
		node_error(message, "%s: message: names no field", what);
	if (node_get(n, "multiline") != NULL)
		node_error(node_get(n, "multiline"),
		    "%s: 'multiline' does not go with 'format: json': each "
		    "line is an object of its own",
		    what);
	es->message = mem_text(field);
}

static void
source_read(struct ruleset *rs, size_t i, const struct node *n)
{
	struct tail_source *ts = &rs->tail_sources[i];
	struct event_source *es = &rs->event_sources[i];
	static const char *const no_paths[] = { NULL };
	struct trouble_source *trouble = &rs->trouble_sources[i];
	int64_t max_line = MIB;
	size_t count, word = 0;
	struct str what = { 0 };

	str_printf(&what, "source '%s'", rs->source_names[i]);
	ts->name = rs->source_names[i];
	es->strip = true;
	trouble->silent_ms = INT64_MAX;
	if (node_keys(n, source_keys, source_words, what.data)) {
		input_read(rs, i, n, what.data);
		node_texts(node_get(n, "exclude"), true,
		    &rs->source_excludes[i], &count);
		node_texts(node_get(n, "rotated"), true, &rs->source_rotated[i],
		    &count);
		if (node_word(node_get(n, "start_at"), start_words, &word))
			ts->from_beginning = word == 1;
		if (node_word(node_get(n, "ansi"), ansi_words, &word))
			es->strip = word == 0;
		format_read(es, n, what.data);
		node_size(node_get(n, "max_line"), 16, 64 * MIB, &max_line);
		node_duration(node_get(n, "silent"), 1, &trouble->silent_ms);
	}
	multiline_read(es, node_get(n, "multiline"), what.data);
	stamping_read(&rs->stampings[i], node_get(n, "timestamp"), what.data);
	ts->paths = (const char *const *)rs->source_paths[i];
	ts->exclude = (const char *const *)rs->source_excludes[i];
	ts->rotated = (const char *const *)rs->source_rotated[i];
	ts->max_line = (size_t)max_line;
	es->max_bytes = (size_t)max_line;
	if (is_stdin(rs->source_paths[i]))
		stdin_check(rs, node_get(n, "path"), what.data);
	if (rs->source_commands[i] != NULL || is_stdin(rs->source_paths[i])) {
		ts->paths = no_paths;
		stream_add(rs, i);
	}
	trouble->name = ts->name;
	trouble->paths = ts->paths;
	str_free(&what);
}

static bool
is_name(const char *name)
{
	size_t len = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				  "abcdefghijklmnopqrstuvwxyz0123456789_.-");

	return len > 0 && name[len] == '\0';
}

/* Collects the entries of a section that is a map by name, over all files. */
static size_t
collect(const struct reading *r, const char *name, const struct node ***nodes,
    const char ***names)
{
	size_t count = 0;

	*nodes = mem_new(1, sizeof(struct node *));
	*names = mem_new(1, sizeof(char *));
	for (size_t d = 0; d < r->doc_count; d++) {
		const struct node *n = section(r, d, name);

		if (n == NULL)
			continue;
		if (node_kind(n) != NODE_MAP) {
			node_error(n, "%s: expected a map, not %s", name,
			    node_kind_name(n));
			continue;
		}
		for (size_t i = 0; i < node_count(n); i++) {
			const char *one = node_key_name(n, i);

			if (node_kind(node_at(n, i)) == NODE_LIST &&
			    key_find(top_keys, one) != NULL) {
				node_error(node_key(n, i),
				    "%s: '%s' is a section of its own: is it "
				    "indented too far?",
				    name, one);
				continue;
			}
			for (size_t k = 0; k < count; k++)
				if (strcmp((*names)[k], one) == 0)
					node_error(node_key(n, i),
					    "%s: '%s' is there already", name,
					    one);
			if (!is_name(one))
				node_error(node_key(n, i),
				    "%s: '%s' is no name: letters, digits, "
				    "'_', '.' and '-' only",
				    name, one);
			*nodes = mem_resize(
			    *nodes, count + 1, sizeof(struct node *));
			*names = mem_resize(*names, count + 1, sizeof(char *));
			(*nodes)[count] = node_at(n, i);
			(*names)[count++] = one;
		}
	}
	return count;
}

static void
sources_section(struct reading *r)
{
	struct ruleset *rs = r->rs;
	const char **names;
	size_t n = collect(r, "sources", &r->source_nodes, &names);

	assert(r->source_nodes != NULL); /* also where there are none */
	rs->source_count = n;
	rs->source_names = mem_new(n + 1, sizeof(char *));
	rs->source_objects = mem_new(n, sizeof *rs->source_objects);
	rs->source_paths = mem_new(n, sizeof(char **));
	rs->source_excludes = mem_new(n, sizeof(char **));
	rs->source_rotated = mem_new(n, sizeof(char **));
	rs->source_commands = mem_new(n, sizeof(char **));
	rs->tail_sources = mem_new(n, sizeof *rs->tail_sources);
	rs->stream_sources = mem_new(n, sizeof *rs->stream_sources);
	rs->event_sources = mem_new(n, sizeof *rs->event_sources);
	rs->stampings = mem_new(n, sizeof *rs->stampings);
	rs->trouble_sources = mem_new(n, sizeof *rs->trouble_sources);
	for (size_t i = 0; i < n; i++) {
		rs->source_names[i] = mem_text(names[i]);
		source_read(rs, i, r->source_nodes[i]);
		rs->source_objects[i] = rs->event_sources[i].message != NULL;
	}
	free(names);
}

static struct source_names
names_of(const struct ruleset *rs)
{
	return (struct source_names){
		.names = (const char *const *)rs->source_names,
		.count = rs->source_count,
		.objects = rs->source_objects,
	};
}

static void
notifier_add(
    struct ruleset *rs, struct action *a, char *name, const void *settings)
{
	size_t i = rs->notifier_count++;

	rs->notifiers = mem_resize(rs->notifiers, i + 1, sizeof *rs->notifiers);
	rs->notifier_names =
	    mem_resize(rs->notifier_names, i + 1, sizeof(char *));
	rs->notifier_names[i] = name;
	rs->notifiers[i] = (struct notifier){ name, a->receiver, settings };
	a->notifier_count++;
}

/* Of several, each has a queue of its own, by its number. */
static void
notifiers_add(struct ruleset *rs, struct action *a)
{
	const struct receiver *r = a->receiver;
	size_t count = r->instances != NULL ? r->instances(a->settings) : 1;

	a->notifier = rs->notifier_count;
	for (size_t i = 0; i < count; i++) {
		struct str name = { 0 };

		str_puts(&name, a->name);
		if (count > 1)
			str_printf(&name, "/%zu", i + 1);
		notifier_add(rs, a, str_take(&name),
		    r->instance != NULL ? r->instance(a->settings, i)
					: a->settings);
	}
}

static void
actions_section(struct reading *r)
{
	struct ruleset *rs = r->rs;
	const struct source_names sources = names_of(rs);
	size_t n = collect(r, "actions", &r->action_nodes, &r->action_names);

	assert(r->action_nodes != NULL && r->action_names != NULL);
	rs->action_count = n;
	rs->actions = mem_new(n, sizeof *rs->actions);
	rs->proofs = mem_new(n, sizeof *rs->proofs);
	for (size_t i = 0; i < n; i++) {
		struct action *a = &rs->actions[i];

		action_read(
		    a, r->action_names[i], r->action_nodes[i], &sources);
		rs->proofs[i] = a->proof;
		if (a->kind == ACTION_NOTIFY)
			notifiers_add(rs, a);
	}
}

static bool
id_read(const struct ruleset *rs, const struct node *n, const char **id)
{
	const struct node *at = node_get(n, "id");

	if (node_kind(n) == NODE_MAP && node_lacks(n, "id", rule_keys))
		node_error(n, "a rule needs an 'id'");
	if (!node_text(at, id))
		return false;
	if (!is_name(*id))
		node_error(at,
		    "rule id '%s': letters, digits, '_', '.' and '-' only",
		    *id);
	if (strncmp(*id, "logwatch.", 9) == 0)
		node_error(at,
		    "rule id '%s': names that begin with 'logwatch.' are "
		    "reserved",
		    *id);
	for (size_t i = 0; i < rs->rule_count; i++)
		if (strcmp(rs->rules[i].id, *id) == 0) {
			node_error(at, "rule id '%s' is there already", *id);
			break;
		}
	return true;
}

static bool
has_detector(const struct node *map)
{
	static const char *const names[] = { "match", "absent", "process",
		"probe", "http", "schedule" };

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (node_get(map, names[i]) != NULL)
			return true;
	return false;
}

/* What is awaited may have come, and be held back for lines to be joined. */
static void
grace_read(
    const struct ruleset *rs, const struct rule *rule, struct detector *d)
{
	for (size_t i = 0; i < rs->source_count; i++) {
		const struct event_source *es = &rs->event_sources[i];

		if (rule->sources[i] &&
		    (es->start.count > 0 || es->cont.count > 0) &&
		    es->timeout_ms > d->grace_ms)
			d->grace_ms = es->timeout_ms;
	}
}

/* A rule that is switched off is read for its faults only. */
static void
enabled_read(struct rule *rule, struct detector *d, const struct node *n)
{
	bool enabled = true;

	node_bool(node_get(n, "enabled"), &enabled);
	rule->disabled = !enabled;
	if (enabled)
		return;
	memset(rule->sources, false, rule->source_count);
	detector_free(d);
	*d = (struct detector){ .kind = DETECT_MATCH, .count = 1 };
}

/* What of a rule names captures beside `where` and `key`. */
static void
fields_name(struct rule *rule, const struct detector *d, const struct policy *p)
{
	const struct template *const texts[] = { p->summary, p->description };

	if (d->distinct != NULL)
		rule_name(rule, d->distinct);
	for (size_t i = 0; i < d->same_count; i++)
		rule_name(rule, d->same[i]);
	for (size_t i = 0; i < p->same_count; i++)
		rule_name(rule, p->same[i]);
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		for (size_t k = 0;
		     texts[i] != NULL && k < template_count(texts[i]); k++) {
			const char *name = template_name(texts[i], k);

			if (!incident_has_value(name) &&
			    pairs_get(&p->labels, name).data == NULL)
				rule_name(rule, name);
		}
}

static void
rule_section(struct reading *r, const struct node *n)
{
	struct ruleset *rs = r->rs;
	const struct source_names sources = names_of(rs);
	size_t i = rs->rule_count;
	const char *id = "?";
	struct str what = { 0 };

	id_read(rs, n, &id);
	str_printf(&what, "rule '%s'", id);
	if (node_keys(n, rule_keys, rule_words, what.data)) {
		rs->rules = mem_resize(rs->rules, i + 1, sizeof *rs->rules);
		rs->detectors =
		    mem_resize(rs->detectors, i + 1, sizeof *rs->detectors);
		rs->policies =
		    mem_resize(rs->policies, i + 1, sizeof *rs->policies);
		rs->plans = mem_resize(rs->plans, i + 1, sizeof *rs->plans);
		r->rule_nodes =
		    mem_resize(r->rule_nodes, i + 1, sizeof *r->rule_nodes);
		r->rule_nodes[i] = n;
		rs->rules[i] = (struct rule){ 0 };
		rs->detectors[i] = (struct detector){ 0 };
		rs->policies[i] = (struct policy){ 0 };
		rs->plans[i] = (struct plan){ 0 };
		rs->rule_count++;
		if (!has_detector(n) && node_lacks(n, "match", rule_keys))
			node_error(n, "%s: needs a detector, such as 'match'",
			    what.data);
		rule_read(&rs->rules[i], id, n, &sources);
		detector_read(&rs->detectors[i], &rs->rules[i], n);
		policy_read(&rs->policies[i], &rs->rules[i], n);
		fields_name(&rs->rules[i], &rs->detectors[i], &rs->policies[i]);
		plan_read(&rs->plans[i], &rs->rules[i], &rs->policies[i], n,
		    rs->actions, rs->action_count);
		grace_read(rs, &rs->rules[i], &rs->detectors[i]);
		enabled_read(&rs->rules[i], &rs->detectors[i], n);
		rs->policies[i].active = rs->detectors[i].active;
	}
	str_free(&what);
}

static void
rules_section(struct reading *r)
{
	for (size_t d = 0; d < r->doc_count; d++) {
		const struct node *n = section(r, d, "rules");

		if (n == NULL)
			continue;
		if (node_kind(n) != NODE_LIST)
			node_error(n, "rules: expected a list, not %s",
			    node_kind_name(n));
		else
			for (size_t i = 0; i < node_count(n); i++)
				rule_section(r, node_at(n, i));
	}
}

/* The rules that are ours, behind those of the file. */
static void
builtin_section(struct reading *r)
{
	struct ruleset *rs = r->rs;
	size_t total = rs->rule_count + BUILTIN_COUNT;

	for (size_t d = 0; d < r->doc_count; d++)
		plan_read_builtin(&rs->builtin_plan, section(r, d, "settings"),
		    rs->actions, rs->action_count);
	if (!rs->builtin)
		return;
	rs->rules = mem_resize(rs->rules, total, sizeof *rs->rules);
	rs->policies = mem_resize(rs->policies, total, sizeof *rs->policies);
	rs->plans = mem_resize(rs->plans, total, sizeof *rs->plans);
	for (size_t k = 0; k < BUILTIN_COUNT; k++) {
		size_t i = rs->rule_count + k;

		rs->rules[i] = (struct rule){ 0 };
		rs->policies[i] = (struct policy){ 0 };
		rs->plans[i] = rs->builtin_plan;
		builtin_rule(&rs->rules[i], k);
		builtin_policy(&rs->policies[i], k);
	}
	rs->builtin_count = BUILTIN_COUNT;
}

/* Whether a notification of a rule tells that its incidents are updated. */
static bool
tells_updates(const struct ruleset *rs, const struct plan *p)
{
	for (size_t k = 0; k < p->notifies.count; k++)
		if (rs->actions[p->notifies.v[k]].changes &
		    1u << CHANGE_UPDATED)
			return true;
	return false;
}

/* Once all rules are known. */
static void
causes_section(struct reading *r)
{
	const struct ruleset *rs = r->rs;

	causes_link(rs->rules, rs->policies, rs->rule_count + rs->builtin_count,
	    r->rule_nodes, rs->rule_count);
	assert(rs->rule_count == 0 || r->rule_nodes != NULL);
	for (size_t i = 0; i < rs->rule_count; i++)
		for (size_t k = 0; k < rs->policies[i].cause_count; k++) {
			size_t cause = rs->policies[i].causes[k];

			if (rs->plans[i].notifies.count > 0 &&
			    !tells_updates(rs, &rs->plans[cause]))
				node_warning(
				    node_get(r->rule_nodes[i], "caused_by"),
				    "rule '%s': caused_by: no notification of "
				    "'%s' tells updates, so nobody hears of "
				    "this one while that is open",
				    rs->rules[i].id, rs->rules[cause].id);
		}
}

static void
tests_section(struct reading *r)
{
	struct ruleset *rs = r->rs;
	const struct trial_names names = { rs->rules, rs->rule_count,
		names_of(rs) };

	for (size_t d = 0; d < r->doc_count; d++)
		trials_read(&rs->trials, section(r, d, "tests"), &names);
}

/* Whether there is nothing in a section, and nothing said of it either: that it
 * holds something else than it should, or is misspelt. */
static bool
is_missing(const struct reading *r, const char *name, enum node_kind kind)
{
	if (r->incomplete)
		return false;
	for (size_t d = 0; d < r->doc_count; d++) {
		const struct node *root = doc_root(r->docs[d]);
		const struct node *n = section(r, d, name);

		if (n == NULL && root != NULL &&
		    !node_lacks(root, name, top_keys))
			return false;
		if (n != NULL && (node_kind(n) != kind || node_count(n) > 0))
			return false;
	}
	return true;
}

/* What only the whole can tell. */
static void
whole_check(const struct reading *r)
{
	const struct node *first = NULL;

	for (size_t d = 0; d < r->doc_count; d++)
		if (first == NULL)
			first = doc_root(r->docs[d]);
	if (first == NULL || node_kind(first) != NODE_MAP)
		return;
	if (r->rs->source_count == 0 && is_missing(r, "sources", NODE_MAP))
		node_error(first, "there are no sources: name the logs to "
				  "follow under 'sources'");
	if (r->rs->rule_count == 0 && is_missing(r, "rules", NODE_LIST))
		node_error(first, "there are no rules: say what to look for "
				  "under 'rules'");
	for (size_t i = 0; i < r->rs->action_count; i++)
		if (!r->rs->actions[i].used)
			node_warning(r->action_nodes[i],
			    "action '%s' is used by no rule",
			    r->rs->actions[i].name);
}

static char *
host_name(void)
{
	char name[256] = "";

	if (gethostname(name, sizeof name - 1) != 0 || name[0] == '\0')
		return mem_text("localhost");
	return mem_text(name);
}

/* Files. */

/* Where a file was included, and those that included it. */
struct including {
	const struct including *by; /* NULL: it was named by the user */
	const char *path, *real;
	size_t depth;
};

static int path_add(struct reading *r, const char *path,
    const struct including *by, struct err *err);

static bool
is_read(const struct reading *r, const char *real)
{
	for (size_t i = 0; i < r->doc_count; i++)
		if (strcmp(r->reals[i], real) == 0)
			return true;
	return false;
}

/* Whether it is being read, for it included what includes it. */
static bool
is_circle(const struct including *by, const char *real)
{
	for (; by != NULL; by = by->by)
		if (strcmp(by->real, real) == 0)
			return true;
	return false;
}

/* Relative to the file that includes it. */
static char *
included_path(const char *by, const char *path)
{
	const char *slash = strrchr(by, '/');
	struct str joined = { 0 };

	if (path[0] != '/' && slash != NULL)
		str_add(&joined, by, (size_t)(slash + 1 - by));
	str_puts(&joined, path);
	return joined.data;
}

static void
include_one(
    struct reading *r, const struct node *at, const struct including *by)
{
	const char *text = NULL;
	char *path;
	struct err err;

	r->incomplete = true;
	if (!node_text(at, &text))
		return;
	path = included_path(by->path, text);
	if (text[0] == '\0')
		node_error(at, "include: the path is empty");
	else if (by->depth == INCLUDE_DEPTH_MAX)
		node_error(at, "include: more than %d files one in another",
		    INCLUDE_DEPTH_MAX);
	else if (path_add(r, path, by, &err) < 0)
		node_error(at, "include: %s", err.text);
	else
		r->incomplete = false;
	free(path);
}

static void
includes_read(
    struct reading *r, const struct doc *doc, const struct including *by)
{
	const struct node *root = doc_root(doc);
	const struct node *n = root != NULL ? node_get(root, "include") : NULL;
	bool incomplete = r->incomplete;

	if (n == NULL)
		return;
	if (node_kind(n) != NODE_LIST)
		include_one(r, n, by);
	for (size_t i = 0; node_kind(n) == NODE_LIST && i < node_count(n);
	     i++) {
		include_one(r, node_at(n, i), by);
		incomplete |= r->incomplete;
	}
	r->incomplete |= incomplete;
}

static void
doc_keep(struct reading *r, struct doc *doc, char *real)
{
	r->docs = mem_resize(r->docs, r->doc_count + 1, sizeof(struct doc *));
	r->reals = mem_resize(r->reals, r->doc_count + 1, sizeof(char *));
	r->docs[r->doc_count] = doc;
	r->reals[r->doc_count++] = real;
}

/* What cannot be said to be the same as another is another. */
static char *
real_path(const char *path)
{
	char *real = realpath(path, NULL);

	return real != NULL ? real : mem_text(path);
}

/* What a file includes comes before what is in it.  One that several include
 * is read once. */
static int
doc_add(struct reading *r, const char *path, const struct including *by,
    struct err *err)
{
	char *real = real_path(path);
	const struct including self = { by, path, real,
		by != NULL ? by->depth + 1 : 0 };
	struct doc *doc = NULL;
	int ret = -1;

	if (is_circle(by, real)) {
		err_set(err, "%s includes itself, by way of this file", path);
		goto out;
	}
	ret = 0;
	if (is_read(r, real))
		goto out;
	ret = -1;
	if (r->doc_count == INCLUDED_MAX) {
		err_set(err, "more than %d files", INCLUDED_MAX);
		goto out;
	}
	doc = doc_read(path, r->diag, err);
	if (doc == NULL)
		goto out;
	includes_read(r, doc, &self);
	doc_keep(r, doc, real);
	return 0;
out:
	free(real);
	return ret;
}

static int
is_rule_file(const struct dirent *entry)
{
	const char *dot = strrchr(entry->d_name, '.');

	return entry->d_name[0] != '.' && dot != NULL &&
	       (strcmp(dot, ".yml") == 0 || strcmp(dot, ".yaml") == 0);
}

static int
directory_add(struct reading *r, const char *path, const struct including *by,
    struct err *err)
{
	struct dirent **entries;
	int count = scandir(path, &entries, is_rule_file, alphasort), ret = 0;

	if (count < 0)
		return err_set(err, "read directory %s: %m", path);
	if (count == 0)
		ret = err_set(err, "%s holds no *.yml and no *.yaml", path);
	for (int i = 0; i < count; i++) {
		struct str file = { 0 };

		str_printf(&file, "%s/%s", path, entries[i]->d_name);
		if (ret == 0)
			ret = doc_add(r, file.data, by, err);
		str_free(&file);
		free(entries[i]);
	}
	free(entries);
	return ret;
}

static int
path_add(struct reading *r, const char *path, const struct including *by,
    struct err *err)
{
	struct stat st;
	bool directory = stat(path, &st) == 0 && S_ISDIR(st.st_mode);

	return (directory ? directory_add : doc_add)(r, path, by, err);
}

static int
docs_read(
    struct reading *r, const char *const *paths, size_t count, struct err *err)
{
	for (size_t i = 0; i < count; i++)
		if (path_add(r, paths[i], NULL, err) < 0)
			return -1;
	return 0;
}

/* What has a fault is of no use, and would be told twice. */
static void
written_section(struct reading *r)
{
	struct ruleset *rs = r->rs;

	for (size_t i = 0; i < rs->rule_count && diag_errors(r->diag) == 0; i++)
		rs->detectors[i].written = written_of(r->rule_nodes[i]);
}

struct ruleset *
ruleset_read(
    const char *const *paths, size_t count, struct diag *diag, struct err *err)
{
	struct reading r = { .diag = diag };
	struct ruleset *rs = NULL;

	if (docs_read(&r, paths, count, err) < 0)
		goto out;
	rs = r.rs = mem_new(1, sizeof *rs);
	rs->host = host_name();
	rs->context_before = 5;
	rs->context_after = 20;
	rs->history_ms = INT64_C(90) * 24 * 3600 * 1000;
	rs->outbox_bytes = OUTBOX_BYTES;
	rs->outbox_age_ms = OUTBOX_AGE_MS;
	rs->builtin = true;
	rs->late_ms = INT64_MAX;
	for (size_t d = 0; d < r.doc_count; d++)
		if (doc_root(r.docs[d]) != NULL)
			top_check(doc_root(r.docs[d]));
	for (size_t d = 0; d < r.doc_count; d++)
		settings_read(rs, section(&r, d, "settings"));
	sources_section(&r);
	actions_section(&r);
	rules_section(&r);
	builtin_section(&r);
	causes_section(&r);
	tests_section(&r);
	whole_check(&r);
	written_section(&r);
out:
	for (size_t d = 0; d < r.doc_count; d++) {
		doc_free(r.docs[d]);
		free(r.reals[d]);
	}
	free(r.docs);
	free(r.reals);
	free(r.source_nodes);
	free(r.action_nodes);
	free(r.rule_nodes);
	free(r.action_names);
	return rs;
}

static void
event_source_free(struct event_source *es)
{
	patterns_free(&es->start);
	patterns_free(&es->cont);
	free(es->message);
}

void
ruleset_free(struct ruleset *rs)
{
	if (rs == NULL)
		return;
	for (size_t i = 0; i < rs->rule_count + rs->builtin_count; i++) {
		rule_free(&rs->rules[i]);
		policy_free(&rs->policies[i]);
	}
	for (size_t i = 0; i < rs->rule_count; i++) {
		detector_free(&rs->detectors[i]);
		plan_free(&rs->plans[i]);
	}
	plan_free(&rs->builtin_plan);
	trials_free(&rs->trials);
	for (size_t i = 0; i < rs->action_count; i++)
		action_free(&rs->actions[i]);
	for (size_t i = 0; i < rs->source_count; i++) {
		event_source_free(&rs->event_sources[i]);
		stamping_free(&rs->stampings[i]);
		node_texts_free(rs->source_paths[i]);
		node_texts_free(rs->source_excludes[i]);
		node_texts_free(rs->source_rotated[i]);
		node_texts_free(rs->source_commands[i]);
		free(rs->source_names[i]);
	}
	free(rs->rules);
	free(rs->detectors);
	free(rs->policies);
	free(rs->plans);
	free(rs->actions);
	free(rs->proofs);
	for (size_t i = 0; i < rs->notifier_count; i++)
		free(rs->notifier_names[i]);
	free(rs->notifier_names);
	free(rs->notifiers);
	free(rs->tail_sources);
	free(rs->event_sources);
	free(rs->stampings);
	free(rs->trouble_sources);
	free(rs->source_names);
	free(rs->source_objects);
	free(rs->source_paths);
	free(rs->source_excludes);
	free(rs->source_rotated);
	free(rs->source_commands);
	free(rs->stream_sources);
	free(rs->state);
	free(rs->host);
	free(rs);
}

size_t
ruleset_source(const struct ruleset *rs, const char *name)
{
	size_t i = 0;

	while (i < rs->source_count && strcmp(rs->source_names[i], name) != 0)
		i++;
	return i;
}

struct pattern_owner
ruleset_owner(const struct ruleset *rs, size_t index, enum part part)
{
	switch (part) {
	case PART_JOIN:
		return (
		    struct pattern_owner){ "source", rs->source_names[index] };
	case PART_VERIFY:
		return (
		    struct pattern_owner){ "action", rs->actions[index].name };
	default:
		return (struct pattern_owner){ "rule", rs->rules[index].id };
	}
}

struct judge_spec
ruleset_judge(const struct ruleset *rs)
{
	return (struct judge_spec){
		.rules = rs->rules,
		.detectors = rs->detectors,
		.rule_count = rs->rule_count,
		.policies = rs->policies,
		.policy_count = rs->rule_count + rs->builtin_count,
		.sources = rs->event_sources,
		.stampings = rs->stampings,
		.source_names = (const char *const *)rs->source_names,
		.source_count = rs->source_count,
		.proofs = rs->proofs,
		.proof_count = rs->action_count,
		.context_before = rs->context_before,
		.context_after = rs->context_after,
		.host = rs->host,
	};
}

const char *
ruleset_stdin(const struct ruleset *rs)
{
	for (size_t i = 0; i < rs->stream_count; i++)
		if (rs->stream_sources[i].command == NULL)
			return rs->stream_sources[i].name;
	return NULL;
}
