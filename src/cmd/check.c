/* SPDX-License-Identifier: MIT */
/*
 * logwatch check: every fault of the rule files.
 */
#include "cmd/cmd.h"

#include "cmd/costs.h"
#include "ruleset.h"

#include <getopt.h>
#include <unistd.h>

static const char help[] =
    "Usage: logwatch check [OPTION...] --rules FILE|DIR ...\n"
    "Reads rule files and prints every fault, with its place.\n"
    "\n"
    "  --rules FILE|DIR   a rule file, or a directory of them; may recur\n"
    "  --strict           warnings count as faults\n"
    "  --json             an object a line: file, line, column, severity, "
    "text\n"
    "  --verbose          what each pattern costs, and why\n"
    "  --help             this\n"
    "\n"
    "Exit status: 0 no fault, 1 faults, 2 wrong usage, 3 a file cannot be "
    "read.\n";

enum flag {
	OPTION_RULES = 1,
	OPTION_STRICT,
	OPTION_JSON,
	OPTION_VERBOSE,
	OPTION_HELP,
};

static const struct option options[] = {
	{ "rules", required_argument, NULL, OPTION_RULES },
	{ "strict", no_argument, NULL, OPTION_STRICT },
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "verbose", no_argument, NULL, OPTION_VERBOSE },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ NULL, 0, NULL, 0 },
};

static int
check(const struct paths *paths, bool strict, bool json, bool verbose)
{
	struct diag *diag = diag_new();
	struct err err;
	struct ruleset *rs = ruleset_read(paths->v, paths->count, diag, &err);
	size_t faults = diag_errors(diag) + (strict ? diag_warnings(diag) : 0);
	int status = faults > 0 ? STATUS_NO : STATUS_OK;

	if (json)
		diag_print_json(diag, stdout);
	else
		diag_print(diag, stdout, wants_colour(STDOUT_FILENO));
	if (rs != NULL && verbose && diag_errors(diag) == 0)
		costs_print(rs, json);
	if (rs != NULL && !json)
		printf("%s%s: %zu error%s, %zu warning%s; %zu rule%s, %zu "
		       "source%s, %zu action%s\n",
		    paths->v[0], paths->count > 1 ? " …" : "",
		    diag_errors(diag), diag_errors(diag) == 1 ? "" : "s",
		    diag_warnings(diag), diag_warnings(diag) == 1 ? "" : "s",
		    rs->rule_count, rs->rule_count == 1 ? "" : "s",
		    rs->source_count, rs->source_count == 1 ? "" : "s",
		    rs->action_count, rs->action_count == 1 ? "" : "s");
	status = finish_output(status);
	if (rs == NULL)
		status = failed("%s", err.text);
	ruleset_free(rs);
	diag_free(diag);
	return status;
}

int
cmd_check(int argc, char **argv)
{
	struct paths paths = { 0 };
	bool strict = false, json = false, verbose = false;
	int option, status;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		switch (option) {
		case OPTION_RULES:
			paths_add(&paths, optarg);
			break;
		case OPTION_STRICT:
			strict = true;
			break;
		case OPTION_JSON:
			json = true;
			break;
		case OPTION_VERBOSE:
			verbose = true;
			break;
		case OPTION_HELP:
			fputs(help, stdout);
			status = finish_output(STATUS_OK);
			goto out;
		default:
			fputs("Try 'logwatch check --help'.\n", stderr);
			status = STATUS_USAGE;
			goto out;
		}
	while (optind < argc)
		paths_add(&paths, argv[optind++]);
	status = paths.count > 0
	             ? check(&paths, strict, json, verbose)
	             : usage_wrong("check", "name a rule file with --rules");
out:
	paths_free(&paths);
	return status;
}
