/* SPDX-License-Identifier: MIT */
/*
 * logwatch status: whether all is well, and if not what, on one screen.
 */
#include "cmd/control.h"

#include "base/when.h"

#include <getopt.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
    "Usage: logwatch status [OPTION...]\n"
    "Says how the logwatch that runs is doing: what is degraded, what is "
    "open,\n"
    "and how far each source is read.\n"
    "\n"
    "  --json             as the API has it\n"
    "  --rules FILE|DIR   the rules of the logwatch that runs; may recur\n"
    "  --socket PATH      or its control socket\n"
    "  --state FILE       or its state file; none: the only one of this user\n"
    "  --help             this\n"
    "\n"
    "Exit status: 0 nothing is degraded, 1 something is, 2 wrong usage, 3 no\n"
    "logwatch answers.\n";

#define FILES_SHOWN 20 /* of a source */

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

struct screen {
	bool colour;
};

static const char *
text_of_member(const json_t *object, const char *name, const char *otherwise)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text != NULL ? text : otherwise;
}

static json_int_t
number_of(const json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

static void
title(const struct screen *s, const char *text)
{
	printf("\n%s%s%s\n", s->colour ? "\033[1m" : "", text,
	    s->colour ? "\033[0m" : "");
}

static void
print_degraded(const struct screen *s, const json_t *list)
{
	const json_t *one;
	size_t i;

	if (json_array_size(list) == 0)
		return;
	title(s, "Degraded");
	json_array_foreach(list, i, one)
	{
		fputs(s->colour ? "  \033[1;31m!\033[0m " : "  ! ", stdout);
		display(text_of(json_string_value(one)), stdout);
		putchar('\n');
	}
}

static void
print_incidents(const struct screen *s, const json_t *list)
{
	const json_t *one;
	size_t i;

	if (json_array_size(list) == 0)
		return;
	title(s, "Open incidents");
	json_array_foreach(list, i, one)
	{
		const char *summary = text_of_member(one, "summary", "");

		printf("  %s  %-8s  ", text_of_member(one, "id", ""),
		    text_of_member(one, "severity", ""));
		display(
		    (struct text){ summary, strcspn(summary, "\n") }, stdout);
		if (!json_is_null(json_object_get(one, "acknowledged_at")))
			fputs("  (acknowledged)", stdout);
		putchar('\n');
	}
}

static void
print_file(const json_t *file)
{
	json_int_t at = number_of(file, "position");
	const json_t *size = json_object_get(file, "size");

	fputs("    ", stdout);
	display(text_of(text_of_member(file, "path", "(gone)")), stdout);
	printf("  %" JSON_INTEGER_FORMAT, at);
	if (json_is_integer(size))
		printf(" of %" JSON_INTEGER_FORMAT " bytes%s",
		    json_integer_value(size),
		    at < json_integer_value(size) ? ", behind" : "");
	if (strcmp(text_of_member(file, "watched", ""), "poll") == 0)
		fputs(", looked at every second", stdout);
	putchar('\n');
}

static void
print_sources(const struct screen *s, const json_t *list)
{
	const json_t *source, *file;
	size_t i, k;

	title(s, "Sources");
	json_array_foreach(list, i, source)
	{
		const json_t *files = json_object_get(source, "files");

		printf("  %-16s last event %s\n",
		    text_of_member(source, "name", ""),
		    text_of_member(source, "last_event", "none yet"));
		json_array_foreach(files, k, file)
		{
			if (k == FILES_SHOWN)
				break;
			print_file(file);
		}
		if (json_array_size(files) > FILES_SHOWN)
			printf("    and %zu more\n",
			    json_array_size(files) - FILES_SHOWN);
	}
}

static void
print_rules(const struct screen *s, const json_t *list)
{
	const json_t *rule;
	size_t i;

	title(s, "Rules");
	json_array_foreach(list, i, rule)
	{
		printf("  %-32s %10" JSON_INTEGER_FORMAT " hits  %s\n",
		    text_of_member(rule, "id", ""), number_of(rule, "hits"),
		    text_of_member(rule, "state", ""));
	}
}

static void
print(const json_t *status, const json_t *incidents)
{
	const struct screen s = { wants_colour(STDOUT_FILENO) };
	const json_t *degraded = json_object_get(status, "degraded");
	const json_t *deliveries = json_object_get(status, "deliveries");
	json_int_t open =
	    number_of(json_object_get(status, "incidents"), "open");
	char up[WHEN_SIZE];

	printf("logwatch %s, up %s: ", text_of_member(status, "version", "?"),
	    duration_write(number_of(status, "uptime_s") * 1000, up));
	if (open == 0 && json_array_size(degraded) == 0)
		fputs("all quiet", stdout);
	else
		printf("%" JSON_INTEGER_FORMAT " open, %s", open,
		    json_array_size(degraded) > 0 ? "degraded"
						  : "nothing degraded");
	printf("; %" JSON_INTEGER_FORMAT
	       " notifications wait, %" JSON_INTEGER_FORMAT " given up\n",
	    number_of(deliveries, "pending"), number_of(deliveries, "dead"));
	print_degraded(&s, degraded);
	print_incidents(&s, json_object_get(incidents, "incidents"));
	print_sources(&s, json_object_get(status, "sources"));
	print_rules(&s, json_object_get(status, "rules"));
}

static int
status_of(const struct controlled *c, bool json)
{
	json_t *status, *incidents = NULL;
	int ret = control_request(c, "/api/v1/status", NULL, &status);
	bool degraded;

	if (ret != STATUS_OK)
		return ret;
	degraded = json_array_size(json_object_get(status, "degraded")) > 0;
	if (json) {
		json_dumpf(status, stdout, JSON_COMPACT);
		putchar('\n');
	} else {
		ret = control_request(c, "/api/v1/incidents", NULL, &incidents);
		if (ret == STATUS_OK)
			print(status, incidents);
	}
	json_decref(status);
	json_decref(incidents);
	return ret == STATUS_OK
	           ? finish_output(degraded ? STATUS_NO : STATUS_OK)
	           : ret;
}

int
cmd_status(int argc, char **argv)
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
			fputs(help, stdout);
			status = finish_output(STATUS_OK);
			goto out;
		default:
			fputs("Try 'logwatch status --help'.\n", stderr);
			status = STATUS_USAGE;
			goto out;
		}
	status = optind == argc
	             ? status_of(&c, json)
	             : usage_wrong(
			   "status", "it takes no argument '%s'", argv[optind]);
out:
	controlled_free(&c);
	return status;
}
