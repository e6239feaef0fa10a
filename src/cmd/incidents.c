/* SPDX-License-Identifier: MIT */
/*
 * logwatch incidents: what the state file knows of incidents.
 */
#include "cmd/cmd.h"

#include "base/mem.h"
#include "base/when.h"
#include "ruleset.h"
#include "store/store.h"

#include <getopt.h>
#include <inttypes.h>
#include <jansson.h>

static const char help[] =
    "Usage: logwatch incidents [OPTION...] --rules FILE | --state FILE\n"
    "Prints the open incidents from the state file, also while a logwatch\n"
    "holds it.\n"
    "\n"
    "  --all              the resolved ones too\n"
    "  --json             a record a line\n"
    "  --rules FILE|DIR   the rule file whose state to read\n"
    "  --state FILE       the state file\n"
    "  --help             this\n";

enum flag {
	OPTION_ALL = 1,
	OPTION_JSON,
	OPTION_RULES,
	OPTION_STATE,
	OPTION_HELP
};

static const struct option options[] = {
	{ "all", no_argument, NULL, OPTION_ALL },
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "rules", required_argument, NULL, OPTION_RULES },
	{ "state", required_argument, NULL, OPTION_STATE },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ NULL, 0, NULL, 0 },
};

struct printing {
	bool json;
	size_t count;
	size_t damaged; /* records that are no JSON */
};

static const char *
get(const json_t *record, const char *name)
{
	const char *text = json_string_value(json_object_get(record, name));

	return text != NULL ? text : "";
}

/* One line a person can read; log text as it may be shown. */
static void
print_line(const json_t *record, int64_t opened_ms)
{
	const char *summary = get(record, "summary");
	char opened[WHEN_SIZE];

	printf("%s  %-8s  %-8s  %-24s  %6" JSON_INTEGER_FORMAT "  %-24s  ",
	    get(record, "id"), get(record, "state"), get(record, "severity"),
	    when_write(opened_ms, opened),
	    json_integer_value(json_object_get(record, "count")),
	    get(record, "rule"));
	display((struct text){ summary, strcspn(summary, "\n") }, stdout);
	putchar('\n');
}

static void
print(const struct incident_row *row, void *ctx)
{
	struct printing *p = ctx;
	json_t *record =
	    json_loadb(row->record.data, row->record.len, JSON_ALLOW_NUL, NULL);

	if (record == NULL) {
		p->damaged++;
		return;
	}
	if (p->json) {
		printf("%.*s\n", (int)row->record.len, row->record.data);
		goto out;
	}
	if (p->count++ == 0)
		printf("%-26s  %-8s  %-8s  %-24s  %6s  %-24s  %s\n", "ID",
		    "STATE", "SEVERITY", "OPENED", "COUNT", "RULE", "SUMMARY");
	print_line(record, row->opened_ms);
out:
	json_decref(record);
}

static int
incidents(const char *path, bool all, bool json)
{
	struct printing printing = { .json = json };
	bool missing = false;
	struct err err;
	struct store *s = store_open_snapshot(path, &missing, &err);
	int ret;

	if (missing)
		return failed("there is no state file %s: no logwatch has run "
			      "with it yet",
		    path);
	if (s == NULL)
		return failed("%s", err.text);
	ret = store_incidents(s, all ? 0 : INT64_MAX, print, &printing, &err);
	store_close(s);
	if (!json && ret == 0 && printing.count == 0)
		puts(all ? "no incidents" : "no open incidents");
	if (ret < 0)
		return failed("%s", err.text);
	if (printing.damaged > 0) {
		finish_output(STATUS_OK);
		return failed("incidents in %s that are damaged and left "
			      "out: %zu",
		    path, printing.damaged);
	}
	return finish_output(STATUS_OK);
}

/* The state file of rule files, also where these have faults. */
static char *
path_of(const struct paths *rules, const char *state, struct err *err)
{
	struct diag *diag;
	struct ruleset *rs;
	char *path;

	if (state != NULL)
		return mem_text(state);
	diag = diag_new();
	rs = ruleset_read(rules->v, rules->count, diag, err);
	path = rs != NULL ? state_path(NULL, rs, rules->v[0], err) : NULL;
	ruleset_free(rs);
	diag_free(diag);
	return path;
}

int
cmd_incidents(int argc, char **argv)
{
	struct paths rules = { 0 };
	const char *state = NULL;
	bool all = false, json = false;
	char *path = NULL;
	struct err err;
	int option, status;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		switch (option) {
		case OPTION_ALL:
			all = true;
			break;
		case OPTION_JSON:
			json = true;
			break;
		case OPTION_RULES:
			paths_add(&rules, optarg);
			break;
		case OPTION_STATE:
			state = optarg;
			break;
		case OPTION_HELP:
			fputs(help, stdout);
			status = finish_output(STATUS_OK);
			goto out;
		default:
			fputs("Try 'logwatch incidents --help'.\n", stderr);
			status = STATUS_USAGE;
			goto out;
		}
	if (optind < argc || (state == NULL && rules.count == 0)) {
		status = usage_wrong("incidents",
		    optind < argc ? "unexpected argument '%s'"
				  : "name the rules or the state file%s",
		    optind < argc ? argv[optind] : "");
		goto out;
	}
	path = path_of(&rules, state, &err);
	status =
	    path != NULL ? incidents(path, all, json) : failed("%s", err.text);
out:
	free(path);
	paths_free(&rules);
	return status;
}
