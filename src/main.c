/* SPDX-License-Identifier: MIT */
/*
 * Options, which command, exit status.
 *
 * A log line goes in on the left, an action comes out on the right:
 *
 *   tail --block--> match --hit--> detect --finding--> incident --change-->
 *   action
 *
 * main.c       this
 * cmd/         one file a command
 * serve/       what listens: the control socket and its API
 * pipeline.c   joins the steps; the one file that sees them all
 * ruleset.c    a rule file as a whole: hands each section to its owner
 * action/      changes -> the world: remediations, notifications
 * incident/    findings -> incidents
 * detect/      hits and time -> findings
 * match/       blocks -> hits: PCRE2
 * event/       a place in a block -> the event around it
 * tail/        files -> blocks: inotify
 * store/       what survives a kill: SQLite
 * conf/        YAML that knows its line and column; faults, collected
 * io/          the outside world on one libuv loop: children, HTTP, timers
 * base/        knows nothing of logs
 *
 * Includes point down this list and never up.
 */
#include "cmd/cmd.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct command {
	const char *name;
	int (*run)(int argc, char **argv); /* NULL: not supported yet */
	const char *what;
};

static const struct command commands[] = {
	{ "run", cmd_run, "follow logs, detect, repair, tell (the default)" },
	{ "check", cmd_check, "print every fault of rule files" },
	{ "test", cmd_test, "run the tests of rule files" },
	{ "replay", cmd_replay,
	    "say what they would have reported over old logs" },
	{ "explain", cmd_explain,
	    "say why an event is a hit of a rule, or why not" },
	{ "scan", cmd_scan, "print every hit of the rules in files" },
	{ "incidents", cmd_incidents, "print incidents from the state file" },
	{ "status", cmd_status, "say how the logwatch that runs is doing" },
	{ "report", NULL, NULL },
	{ "ack", cmd_ack, "say that somebody has seen an incident" },
	{ "resolve", cmd_resolve, "say that an incident is over" },
	{ "retry", cmd_retry, "do again what failed of an incident" },
	{ "silence", cmd_silence, "tell nobody of a rule for a while" },
	{ "unsilence", cmd_unsilence, "end that" },
	{ "deliveries", cmd_deliveries,
	    "print notifications that wait or were given up" },
	{ "reload", cmd_reload, "have it read its rules again" },
	{ "wait", cmd_wait, "go on when a line says so, for start scripts" },
	{ "send", cmd_send, "send a test message through an action" },
	{ "init", cmd_init, "write a rule file to begin with" },
	{ "schema", cmd_schema,
	    "print the JSON Schema of rule files, for editors" },
};

static const size_t command_count = sizeof commands / sizeof *commands;

static int
print_help(void)
{
	fputs("Usage: logwatch --rules FILE [OPTION...]\n"
	      "       logwatch COMMAND [OPTION...]\n"
	      "Follows logs, detects incidents by rules, repairs, proves it, "
	      "and tells.\n"
	      "\n"
	      "Commands ('logwatch COMMAND --help' tells more):\n",
	    stdout);
	for (size_t i = 0; i < command_count; i++)
		if (commands[i].run != NULL)
			printf(
			    "  %-10s %s\n", commands[i].name, commands[i].what);
	fputs("\n"
	      "  --help     this, and --version\n"
	      "\n"
	      "The manual: man 8 logwatch, man 5 logwatch-rules\n",
	    stdout);
	return finish_output(STATUS_OK);
}

static int
print_version(void)
{
	puts(PACKAGE_STRING "\nLicence: MIT");
	return finish_output(STATUS_OK);
}

/* Whoever starts us may have closed them, and then a file that we open would
 * stand in their place and be written to.  What stands there instead fails when
 * it is used: opened the wrong way round. */
static void
open_standard_streams(void)
{
	static const int modes[] = { O_WRONLY, O_RDONLY, O_RDWR };

	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", modes[fd]) < 0)
			abort();
}

int
main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "--help";

	open_standard_streams();
	if (argc < 2) {
		fputs("logwatch: name a rule file with --rules, or a command\n"
		      "Try 'logwatch --help'.\n",
		    stderr);
		return STATUS_USAGE;
	}
	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 ||
	    strcmp(name, "help") == 0)
		return print_help();
	if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0)
		return print_version();
	if (name[0] == '-')
		return cmd_run(argc, argv);
	for (size_t i = 0; i < command_count; i++) {
		if (strcmp(commands[i].name, name) != 0)
			continue;
		if (commands[i].run != NULL)
			return commands[i].run(argc - 1, argv + 1);
		fprintf(stderr, "logwatch: '%s' is not supported yet\n", name);
		return STATUS_USAGE;
	}
	fprintf(stderr,
	    "logwatch: unknown command '%s'\n"
	    "Try 'logwatch --help'.\n",
	    name);
	return STATUS_USAGE;
}
