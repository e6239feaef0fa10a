/* SPDX-License-Identifier: MIT */
/*
 * logwatch ack, resolve, retry: what a human does to an incident; and reload.
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

static const char help_retry[] = "Usage: logwatch retry [OPTION...] ID\n"
				 "Does again what failed of an incident: its "
				 "scripts, if it is open, and its\n"
				 "notifications that were given up.\n";

static const char help_reload[] =
    "Usage: logwatch reload [OPTION...]\n"
    "Has the logwatch that runs read its rules again.  New ones with faults "
    "are\n"
    "refused, saying why, and the old ones stay.\n";

static const char help_options[] =
    "\n"
    "  --json             print what the daemon answers\n"
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
	const char *name, *help;
	bool whole; /* it is about no incident */
	void (*print)(const char *id, const json_t *answer);
};

static void
print_ack(const char *id, const json_t *record)
{
	printf("%s: %s acknowledged\n", id,
	    json_string_value(json_object_get(record, "rule")));
}

static void
print_resolve(const char *id, const json_t *record)
{
	const char *state = json_string_value(json_object_get(record, "state"));

	printf("%s: %s %s\n", id,
	    json_string_value(json_object_get(record, "rule")),
	    strcmp(state, "resolved") == 0
		? "resolved"
		: "resolves when its scripts are done");
}

static void
print_retry(const char *id, const json_t *answer)
{
	printf("%s: scripts %s; %" JSON_INTEGER_FORMAT
	       " notifications are sent again\n",
	    id,
	    json_is_true(json_object_get(answer, "scripts")) ? "run again"
							     : "do not run",
	    json_integer_value(json_object_get(answer, "deliveries")));
}

static int
do_it(const struct deed *deed, const struct controlled *c, const char *id,
    bool json)
{
	struct str target = { 0 };
	json_t *record;
	int status;

	if (deed->whole)
		id = "";
	else if (strlen(id) != ULID_SIZE - 1 ||
		 strspn(id, "0123456789ABCDEFGHJKMNPQRSTVWXYZ") !=
		     ULID_SIZE - 1)
		return usage_wrong(deed->name,
		    "'%s' is no id of an incident; 'logwatch incidents' prints "
		    "them",
		    id);
	if (deed->whole)
		str_printf(&target, "/api/v1/%s", deed->name);
	else
		str_printf(&target, "/api/v1/incidents/%s/%s", id, deed->name);
	status = control_request(c, target.data, "{}", &record);
	str_free(&target);
	if (status != STATUS_OK)
		return status;
	if (json) {
		json_dumpf(record, stdout, JSON_COMPACT);
		putchar('\n');
	} else {
		deed->print(id, record);
	}
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
	if (optind + !deed->whole == argc)
		status = do_it(deed, &c, argv[optind], json);
	else
		status = usage_wrong(
		    deed->name, deed->whole ? "it takes no argument"
					    : "name one incident by its id");
out:
	controlled_free(&c);
	return status;
}

int
cmd_ack(int argc, char **argv)
{
	return run(
	    &(struct deed){ "ack", help_ack, false, print_ack }, argc, argv);
}

int
cmd_resolve(int argc, char **argv)
{
	return run(
	    &(struct deed){ "resolve", help_resolve, false, print_resolve },
	    argc, argv);
}

int
cmd_retry(int argc, char **argv)
{
	return run(&(struct deed){ "retry", help_retry, false, print_retry },
	    argc, argv);
}

static void
print_reload(const char *id, const json_t *answer)
{
	(void)id;
	(void)answer;
	puts("the new rules are followed");
}

int
cmd_reload(int argc, char **argv)
{
	return run(&(struct deed){ "reload", help_reload, true, print_reload },
	    argc, argv);
}
