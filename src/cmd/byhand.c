/* SPDX-License-Identifier: MIT */
/*
 * logwatch ack, resolve: what a human does to an incident.
 */
#include "cmd/control.h"

#include "base/mem.h"
#include "base/when.h"

#include <getopt.h>

static const char help_ack[] =
    "Usage: logwatch ack [OPTION...] ID\n"
    "Says that somebody has seen an incident: nobody is reminded of it any "
    "more,\n"
    "and it does not escalate for want of that.\n";

static const char help_resolve[] = "Usage: logwatch resolve [OPTION...] ID\n"
				   "Says that an incident is over.\n";

static const char help_options[] =
    "\n"
    "  --json             print the record\n"
    "  --rules FILE|DIR   the rules of the logwatch that runs; may recur\n"
    "  --socket PATH      or its control socket\n"
    "  --state FILE       or its state file; none: the only one of this user\n"
    "  --help             this\n"
    "\n"
    "Exit status: 0 done, 1 there is no such open incident, 2 wrong usage, 3 "
    "no\n"
    "logwatch answers.\n";

enum flag {
	OPTION_JSON = 1,
	OPTION_RULES,
	OPTION_SOCKET,
	OPTION_STATE,
	OPTION_HELP,
};

static const struct option options[] = {
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "rules", required_argument, NULL, OPTION_RULES },
	{ "socket", required_argument, NULL, OPTION_SOCKET },
	{ "state", required_argument, NULL, OPTION_STATE },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ NULL, 0, NULL, 0 },
};

/** One of the commands. */
struct deed {
	const char *name, *help, *done;
};

static int
do_it(const struct deed *deed, const struct controlled *c, const char *id,
    bool json)
{
	struct str target = { 0 };
	json_t *record;
	int status;

	if (strlen(id) != ULID_SIZE - 1 ||
	    strspn(id, "0123456789ABCDEFGHJKMNPQRSTVWXYZ") != ULID_SIZE - 1)
		return usage_wrong(deed->name,
		    "'%s' is no id of an incident; 'logwatch incidents' prints "
		    "them",
		    id);
	str_printf(&target, "/api/v1/incidents/%s/%s", id, deed->name);
	status = control_request(c, target.data, "{}", &record);
	str_free(&target);
	if (status != STATUS_OK)
		return status;
	if (json)
		json_dumpf(record, stdout, JSON_COMPACT);
	else
		printf("%s: %s %s", id,
		    json_string_value(json_object_get(record, "rule")),
		    deed->done);
	putchar('\n');
	json_decref(record);
	return finish_output(STATUS_OK);
}

static int
run(const struct deed *deed, int argc, char **argv)
{
	struct controlled c = { 0 };
	bool json = false;
	int option, status;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		switch (option) {
		case OPTION_JSON:
			json = true;
			break;
		case OPTION_RULES:
			paths_add(&c.rules, optarg);
			break;
		case OPTION_SOCKET:
			c.socket = optarg;
			break;
		case OPTION_STATE:
			c.state = optarg;
			break;
		case OPTION_HELP:
			fputs(deed->help, stdout);
			fputs(help_options, stdout);
			status = finish_output(STATUS_OK);
			goto out;
		default:
			fprintf(
			    stderr, "Try 'logwatch %s --help'.\n", deed->name);
			status = STATUS_USAGE;
			goto out;
		}
	status = optind + 1 == argc
	             ? do_it(deed, &c, argv[optind], json)
	             : usage_wrong(deed->name, "name one incident by its id");
out:
	controlled_free(&c);
	return status;
}

int
cmd_ack(int argc, char **argv)
{
	return run(
	    &(struct deed){ "ack", help_ack, "acknowledged" }, argc, argv);
}

int
cmd_resolve(int argc, char **argv)
{
	return run(
	    &(struct deed){ "resolve", help_resolve, "resolved" }, argc, argv);
}
