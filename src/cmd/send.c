/* SPDX-License-Identifier: MIT */
/*
 * logwatch send: a test message through one notification action, by the very
 * outbox that `run` sends with, but once.
 */
#include "cmd/cmd.h"

#include "action/outbox.h"
#include "base/log.h"
#include "base/mem.h"
#include "incident/record.h"
#include "io/fetch.h"
#include "io/loop.h"
#include "ruleset.h"
#include "store/store.h"

#include <assert.h>
#include <getopt.h>
#include <inttypes.h>

static const char help[] =
    "Usage: logwatch send [OPTION...] --rules FILE ACTION\n"
    "Sends a test message through a notification action, once, and shows the\n"
    "answer.\n"
    "\n"
    "  --json             an object: action, sent, status, duration_ms, "
    "answer,\n"
    "                     error\n"
    "  --rules FILE|DIR   a rule file, or a directory of them; may recur\n"
    "  --help             this\n"
    "\n"
    "Exit status: 0 it was sent, 2 wrong usage, 3 it was not.\n";

enum flag {
	OPTION_JSON = 1,
	OPTION_RULES,
	OPTION_HELP,
};

static const struct option options[] = {
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "rules", required_argument, NULL, OPTION_RULES },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ NULL, 0, NULL, 0 },
};

struct send {
	/* as asked for */
	struct paths rules;
	const char *name;
	bool json;

	struct ruleset *rs;
	struct loop *loop;
	struct fetcher *fetcher;
	struct store *store;
	struct outbox *outbox;
	bool ended;
	char *error; /* NULL: it was sent */
	int status;  /* of the last answer; 0: none came */
	int64_t duration_ms;
	struct str answer;
};

static void
on_dirty(void *ctx)
{
	(void)ctx; /* what is in memory need not be saved */
}

static void
on_ended(const char *action, const char *incident, const char *error, void *ctx)
{
	struct send *s = ctx;

	(void)action;
	(void)incident;
	s->ended = true;
	s->error = error != NULL ? mem_text(error) : NULL;
	loop_stop(s->loop);
}

static void
on_answer(const char *action, const struct fetch_end *end, void *ctx)
{
	struct send *s = ctx;

	(void)action;
	s->status = end->status;
	s->duration_ms = end->duration_ms;
	str_clear(&s->answer);
	str_add_text(&s->answer, end->answer);
}

/* The action of that name; NULL, said: there is none to send with. */
static const struct action *
find(const struct send *s)
{
	assert(s->name != NULL); /* else it was not taken */
	for (size_t i = 0; i < s->rs->action_count; i++) {
		const struct action *a = &s->rs->actions[i];

		if (strcmp(a->name, s->name) != 0)
			continue;
		if (a->kind == ACTION_NOTIFY)
			return a;
		usage_wrong("send",
		    "'%s' is a script; name an action that notifies", s->name);
		return NULL;
	}
	usage_wrong("send", "no action '%s'", s->name);
	return NULL;
}

static json_t *
test_record(const struct send *s, char id[static ULID_SIZE])
{
	struct incident *i = incident_new();
	struct str text = { 0 };
	json_t *record;

	ulid_new(clock_wall_ms(), i->id);
	memcpy(id, i->id, ULID_SIZE);
	i->rule_id = mem_text("logwatch.test");
	i->severity = SEVERITY_INFO;
	i->state = INCIDENT_OPEN;
	i->host = mem_text(s->rs->host);
	i->source = mem_text("");
	i->path = mem_text("");
	i->runbook = mem_text("");
	i->count = 1;
	i->first_ms = i->last_ms = i->detected_ms = clock_wall_ms();
	str_printf(&text, "Test message of logwatch on %s", s->rs->host);
	i->summary = str_take(&text);
	str_printf(&text, "Sent by 'logwatch send %s'.  Nothing has happened.",
	    s->name);
	i->description = str_take(&text);
	record = record_of(i, CHANGE_TEST);
	incident_free(i);
	return record;
}

/* Commits what there is, for only then it is sent. */
static int
commit(struct send *s, struct err *err)
{
	if (store_begin(s->store, err) < 0 || outbox_save(s->outbox, err) < 0 ||
	    store_commit(s->store, false, err) < 0)
		return -1;
	outbox_send(s->outbox);
	return 0;
}

static int
post(struct send *s, const struct action *a, struct err *err)
{
	char id[ULID_SIZE];
	json_t *record = test_record(s, id);
	struct str delivery = { 0 };
	int ret;

	str_printf(&delivery, "%s-test", id);
	outbox_add(
	    s->outbox, a->notifier, delivery.data, record, clock_wall_ms());
	str_free(&delivery);
	json_decref(record);
	ret = commit(s, err);
	if (ret == 0)
		loop_run(s->loop);
	return ret;
}

static void
print(const struct send *s, const struct action *a)
{
	json_t *json;

	if (s->json) {
		json = json_pack("{s: s, s: b, s: o, s: I, s: o, s: o}",
		    "action", a->name, "sent", s->error == NULL, "status",
		    s->status > 0 ? json_integer(s->status) : json_null(),
		    "duration_ms", (json_int_t)s->duration_ms, "answer",
		    record_text(str_text(&s->answer)), "error",
		    s->error != NULL ? record_text(text_of(s->error))
				     : json_null());
		json_dumpf(json, stdout, JSON_COMPACT);
		putchar('\n');
		json_decref(json);
		return;
	}
	if (s->error == NULL)
		printf("%s: sent by %s in %" PRId64 " ms", a->name,
		    a->receiver->name, s->duration_ms);
	else
		printf("%s: not sent by %s", a->name, a->receiver->name);
	if (s->status > 0)
		printf(", answer %d", s->status);
	if (s->answer.len > 0) {
		fputs(": ", stdout);
		display(str_text(&s->answer), stdout);
	}
	putchar('\n');
}

static int
send_message(struct send *s)
{
	/* What is to be said is said below. */
	const struct log_options log = { .path = "/dev/null" };
	const struct action *a;
	struct err err;
	int ret;

	s->rs = rules_load(&s->rules);
	if (s->rs == NULL)
		return STATUS_FAILED;
	a = find(s);
	if (a == NULL)
		return STATUS_USAGE;
	if (a->disabled)
		return failed(
		    "action '%s' is left out: its url is empty", a->name);
	if (log_open(&log, &err) < 0)
		return failed("%s", err.text);
	s->loop = loop_new();
	s->fetcher = fetcher_new(s->loop);
	s->store = store_open_copy(NULL, &err);
	if (s->store == NULL)
		return failed("%s", err.text);
	s->outbox = outbox_new(s->loop, s->fetcher, s->store, s->rs->notifiers,
	    s->rs->notifier_count, on_dirty, s);
	outbox_limit(s->outbox, OUTBOX_BYTES, OUTBOX_ONCE);
	outbox_on_ended(s->outbox, on_ended);
	outbox_on_answer(s->outbox, on_answer);
	ret = outbox_load(s->outbox, &err) < 0 ? -1 : post(s, a, &err);
	if (ret < 0)
		return failed("%s", err.text);
	print(s, a);
	ret = finish_output(STATUS_OK);
	return s->error != NULL ? failed("%s", s->error) : ret;
}

static void
clear(struct send *s)
{
	outbox_free(s->outbox);
	store_close(s->store);
	fetcher_free(s->fetcher);
	loop_free(s->loop);
	ruleset_free(s->rs);
	paths_free(&s->rules);
	str_free(&s->answer);
	free(s->error);
}

/* Returns -1, or a status where that is all. */
static int
parse(struct send *s, int argc, char **argv)
{
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		switch (option) {
		case OPTION_RULES:
			paths_add(&s->rules, optarg);
			break;
		case OPTION_JSON:
			s->json = true;
			break;
		case OPTION_HELP:
			fputs(help, stdout);
			return finish_output(STATUS_OK);
		default:
			fputs("Try 'logwatch send --help'.\n", stderr);
			return STATUS_USAGE;
		}
	if (s->rules.count == 0)
		return usage_wrong("send", "name a rule file with --rules");
	if (optind + 1 != argc)
		return usage_wrong("send", "name one action");
	s->name = argv[optind];
	return -1;
}

int
cmd_send(int argc, char **argv)
{
	struct send s = { 0 };
	int status = parse(&s, argc, argv);

	if (status < 0)
		status = send_message(&s);
	clear(&s);
	return status;
}
