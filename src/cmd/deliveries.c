/* SPDX-License-Identifier: MIT */
/*
 * logwatch deliveries: notifications that wait, and those that were given up.
 */
#include "cmd/control.h"

#include "base/mem.h"

#include <getopt.h>
#include <string.h>

static const char help[] =
    "Usage: logwatch deliveries [OPTION...]\n"
    "       logwatch deliveries --retry [OPTION...] [ID]\n"
    "Prints the notifications that wait to be sent and those that were given "
    "up,\n"
    "or sends the latter again: one, or all.\n"
    "\n"
    "  --json             an object each; with --retry what the daemon "
    "answers\n"
    "  --retry            send dead letters again\n"
    "  --rules FILE|DIR   the rules of the logwatch that runs; may recur\n"
    "  --socket PATH      or its control socket\n"
    "  --state FILE       or its state file; none: the only one of this user\n"
    "  --help             this\n"
    "\n"
    "Exit status: 0 done, 1 there is no such dead letter, 2 wrong usage, 3 no\n"
    "logwatch answers.\n";

enum flag {
	OPTION_JSON = 1,
	OPTION_RETRY,
	OPTION_RULES,
	OPTION_SOCKET,
	OPTION_STATE,
	OPTION_HELP,
};

static const struct option options[] = {
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "retry", no_argument, NULL, OPTION_RETRY },
	{ "rules", required_argument, NULL, OPTION_RULES },
	{ "socket", required_argument, NULL, OPTION_SOCKET },
	{ "state", required_argument, NULL, OPTION_STATE },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ NULL, 0, NULL, 0 },
};

struct deliveries {
	struct controlled controlled;
	bool json, retry;
};

static void
put(const json_t *delivery, const char *name)
{
	const char *text = json_string_value(json_object_get(delivery, name));

	display(text_of(text != NULL ? text : ""), stdout);
}

static void
print(const json_t *delivery)
{
	json_int_t attempts =
	    json_integer_value(json_object_get(delivery, "attempts"));

	put(delivery, "id");
	fputs("  ", stdout);
	put(delivery, "action");
	fputs("  ", stdout);
	put(delivery, "state");
	printf("  %" JSON_INTEGER_FORMAT " attempt%s", attempts,
	    attempts == 1 ? "" : "s");
	if (json_is_string(json_object_get(delivery, "next_at"))) {
		fputs(", next ", stdout);
		put(delivery, "next_at");
	}
	if (json_is_string(json_object_get(delivery, "error"))) {
		fputs(": ", stdout);
		put(delivery, "error");
	}
	putchar('\n');
}

static int
list(const struct deliveries *d)
{
	json_t *answer;
	const json_t *all, *one;
	size_t i;
	int status = control_request(
	    &d->controlled, "/api/v1/deliveries", NULL, &answer);

	if (status != STATUS_OK)
		return status;
	all = json_object_get(answer, "deliveries");
	json_array_foreach(all, i, one)
	{
		if (!d->json) {
			print(one);
			continue;
		}
		json_dumpf(one, stdout, JSON_COMPACT);
		putchar('\n');
	}
	if (!d->json && json_array_size(all) == 0)
		puts("nothing waits");
	json_decref(answer);
	return finish_output(STATUS_OK);
}

static int
retry(const struct deliveries *d, const char *id)
{
	json_t *ask = json_object(), *answer;
	char *body;
	int status;

	if (id != NULL)
		json_object_set_new(ask, "id", json_string(id));
	body = mem_check(json_dumps(ask, JSON_COMPACT));
	status = control_request(
	    &d->controlled, "/api/v1/deliveries/retry", body, &answer);
	free(body);
	json_decref(ask);
	if (status != STATUS_OK)
		return status;
	if (d->json) {
		json_dumpf(answer, stdout, JSON_COMPACT);
		putchar('\n');
	} else {
		printf("%" JSON_INTEGER_FORMAT
		       " notifications are sent again\n",
		    json_integer_value(json_object_get(answer, "deliveries")));
	}
	json_decref(answer);
	return finish_output(STATUS_OK);
}

/* Returns -1, or a status where that is all. */
static int
parse(struct deliveries *d, int argc, char **argv)
{
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		switch (option) {
		case OPTION_JSON:
			d->json = true;
			break;
		case OPTION_RETRY:
			d->retry = true;
			break;
		case OPTION_RULES:
			paths_add(&d->controlled.rules, optarg);
			break;
		case OPTION_SOCKET:
			d->controlled.socket = optarg;
			break;
		case OPTION_STATE:
			d->controlled.state = optarg;
			break;
		case OPTION_HELP:
			fputs(help, stdout);
			return finish_output(STATUS_OK);
		default:
			fputs("Try 'logwatch deliveries --help'.\n", stderr);
			return STATUS_USAGE;
		}
	if (optind + d->retry < argc)
		return usage_wrong("deliveries", "it takes no argument '%s'",
		    argv[optind + d->retry]);
	return -1;
}

int
cmd_deliveries(int argc, char **argv)
{
	struct deliveries d = { 0 };
	int status = parse(&d, argc, argv);

	if (status < 0)
		status = d.retry ? retry(&d, argv[optind]) : list(&d);
	controlled_free(&d.controlled);
	return status;
}
