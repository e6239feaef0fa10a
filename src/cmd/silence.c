/* SPDX-License-Identifier: MIT */
/*
 * logwatch silence, unsilence: nobody is told of a rule for a while.
 */
#include "cmd/control.h"

#include "base/mem.h"
#include "base/when.h"

#include <getopt.h>
#include <string.h>

static const char help_silence[] =
    "Usage: logwatch silence [OPTION...] RULE --for DURATION --reason TEXT\n"
    "       logwatch silence [OPTION...]\n"
    "Tells nobody of a rule's incidents for a while; they are opened and "
    "repaired as\n"
    "ever.  What is not over by then is told.  Without a rule, prints the "
    "silences.\n"
    "\n"
    "  --for DURATION     how long, such as 2h, at most 365d\n"
    "  --reason TEXT      why, for who wonders\n";

static const char help_unsilence[] =
    "Usage: logwatch unsilence [OPTION...] [RULE|ID]\n"
    "Ends the silence of a rule, or one by its id; without either, all of "
    "them.\n"
    "\n";

static const char help_options[] =
    "  --json             print what the daemon answers\n"
    "  --rules FILE|DIR   the rules of the logwatch that runs; may recur\n"
    "  --socket PATH      or its control socket\n"
    "  --state FILE       or its state file; none: the only one of this user\n"
    "  --help             this\n"
    "\n"
    "Exit status: 0 done, 1 there is no such rule or silence, 2 wrong usage, "
    "3 no\n"
    "logwatch answers.\n";

enum flag {
	OPTION_JSON = 1,
	OPTION_FOR,
	OPTION_REASON,
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
	{ "for", required_argument, NULL, OPTION_FOR },
	{ "reason", required_argument, NULL, OPTION_REASON },
	{ NULL, 0, NULL, 0 },
};

struct silencing {
	const char *name; /* of the command */
	struct controlled controlled;
	bool json;
	const char *what; /* the rule, or the id of a silence; NULL: none */
	const char *time, *reason;
};

static void
put(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	display(text_of(text != NULL ? text : ""), stdout);
}

static void
put_json(const json_t *answer)
{
	json_dumpf(answer, stdout, JSON_COMPACT);
	putchar('\n');
}

static void
print_silence(const json_t *silence)
{
	put(silence, "rule");
	fputs(": until ", stdout);
	put(silence, "until");
	fputs(" (", stdout);
	put(silence, "id");
	fputs(")  ", stdout);
	put(silence, "reason");
	putchar('\n');
}

static int
list(const struct silencing *s)
{
	json_t *answer, *silences;
	size_t i;
	const json_t *one;
	int status =
	    control_request(&s->controlled, "/api/v1/silences", NULL, &answer);

	if (status != STATUS_OK)
		return status;
	silences = json_object_get(answer, "silences");
	json_array_foreach(silences, i, one)
	{
		if (s->json)
			put_json(one);
		else
			print_silence(one);
	}
	json_decref(answer);
	return finish_output(STATUS_OK);
}

static int
silence(const struct silencing *s)
{
	json_t *answer, *ask;
	int64_t ms;
	char *body;
	const char *fault;
	int status;

	if (s->time == NULL || s->reason == NULL)
		return usage_wrong(s->name,
		    "say how long with --for, such as 2h, and why with "
		    "--reason");
	fault = duration_read(text_of(s->time), &ms);
	if (fault != NULL)
		return usage_wrong(s->name, "--for: %s", fault);
	ask = json_pack("{s: s, s: s, s: s}", "rule", s->what, "for", s->time,
	    "reason", s->reason);
	if (ask == NULL)
		return usage_wrong(s->name, "rule and reason must be UTF-8");
	body = mem_check(json_dumps(ask, JSON_COMPACT));
	status =
	    control_request(&s->controlled, "/api/v1/silences", body, &answer);
	free(body);
	json_decref(ask);
	if (status != STATUS_OK)
		return status;
	if (s->json) {
		put_json(answer);
	} else {
		printf("%s: silenced until ", s->what);
		put(answer, "until");
		fputs(" (", stdout);
		put(answer, "id");
		fputs(")\n", stdout);
	}
	json_decref(answer);
	return finish_output(STATUS_OK);
}

static bool
is_meant(const struct silencing *s, const json_t *silence)
{
	return s->what == NULL ||
	       strcmp(json_string_value(json_object_get(silence, "id")),
		   s->what) == 0 ||
	       strcmp(json_string_value(json_object_get(silence, "rule")),
		   s->what) == 0;
}

static int
end(const struct silencing *s, const json_t *silence)
{
	struct str target = { 0 };
	json_t *answer;
	int status;

	str_printf(&target, "/api/v1/silences/%s/end",
	    json_string_value(json_object_get(silence, "id")));
	status = control_request(&s->controlled, target.data, "{}", &answer);
	str_free(&target);
	if (status != STATUS_OK)
		return status;
	if (s->json) {
		put_json(answer);
	} else {
		put(silence, "rule");
		fputs(": is not silent any more\n", stdout);
	}
	json_decref(answer);
	return STATUS_OK;
}

static int
unsilence(const struct silencing *s)
{
	json_t *answer, *silences;
	size_t i, ended = 0;
	const json_t *one;
	int status =
	    control_request(&s->controlled, "/api/v1/silences", NULL, &answer);

	if (status != STATUS_OK)
		return status;
	silences = json_object_get(answer, "silences");
	json_array_foreach(silences, i, one)
	{
		if (status != STATUS_OK || !is_meant(s, one))
			continue;
		status = end(s, one);
		ended++;
	}
	json_decref(answer);
	if (status == STATUS_OK && ended == 0) {
		if (s->what != NULL)
			fprintf(stderr,
			    "logwatch unsilence: there is no silence of '%s'\n",
			    s->what);
		else
			fputs("logwatch unsilence: there is no silence\n",
			    stderr);
		status = STATUS_NO;
	}
	return finish_output(status);
}

/* Returns -1, or a status where that is all. */
static int
parse(struct silencing *s, const char *help, int argc, char **argv)
{
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		switch (option) {
		case OPTION_JSON:
			s->json = true;
			break;
		case OPTION_FOR:
			s->time = optarg;
			break;
		case OPTION_REASON:
			s->reason = optarg;
			break;
		case OPTION_RULES:
			paths_add(&s->controlled.rules, optarg);
			break;
		case OPTION_SOCKET:
			s->controlled.socket = optarg;
			break;
		case OPTION_STATE:
			s->controlled.state = optarg;
			break;
		case OPTION_HELP:
			fputs(help, stdout);
			fputs(help_options, stdout);
			return finish_output(STATUS_OK);
		default:
			fprintf(stderr, "Try 'logwatch %s --help'.\n", s->name);
			return STATUS_USAGE;
		}
	if (argc - optind > 1)
		return usage_wrong(s->name, "name one rule");
	s->what = argv[optind];
	return -1;
}

int
cmd_silence(int argc, char **argv)
{
	struct silencing s = { .name = "silence" };
	int status = parse(&s, help_silence, argc, argv);

	if (status < 0 && s.what == NULL &&
	    (s.time != NULL || s.reason != NULL))
		status = usage_wrong(s.name, "name a rule");
	if (status < 0)
		status = s.what != NULL ? silence(&s) : list(&s);
	controlled_free(&s.controlled);
	return status;
}

int
cmd_unsilence(int argc, char **argv)
{
	struct silencing s = { .name = "unsilence" };
	int status = parse(&s, help_unsilence, argc, argv);

	if (status < 0 && (s.time != NULL || s.reason != NULL))
		status =
		    usage_wrong(s.name, "it takes no --for and no --reason");
	if (status < 0)
		status = unsilence(&s);
	controlled_free(&s.controlled);
	return status;
}
