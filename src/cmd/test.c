/* SPDX-License-Identifier: MIT */
/*
 * logwatch test: the tests of the rule files, under a simulated clock.
 */
#include "cmd/cmd.h"

#include "base/mem.h"
#include "base/when.h"
#include "cmd/explanation.h"
#include "cmd/simulation.h"
#include "event/event.h"
#include "incident/record.h"
#include "ruleset.h"
#include "tail/block.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <unistd.h>

static const char help[] =
    "Usage: logwatch test [OPTION...] --rules FILE|DIR ...\n"
    "Runs the tests of rule files under a simulated clock.\n"
    "\n"
    "  --rules FILE|DIR   a rule file, or a directory of them; may recur\n"
    "  --name TEXT        only tests whose name holds TEXT\n"
    "  --json             an object a test: name, file, line, passed, faults\n"
    "  --verbose          what incidents came to, too\n"
    "  --help             this\n"
    "\n"
    "Exit status: 0 all passed, 1 some did not, 2 wrong usage, 3 a rule file\n"
    "cannot be read or has faults.\n";

/* Where no event says what time it is: a Monday, noon. */
#define START_MS INT64_C(1735560000000)
#define REFERENCE_MS INT64_C(4115750400000) /* 2100-06-04 */

#define LOG_FILE_MAX (64 * 1024 * 1024)
#define RESOLVED_MAX 10000 /* incidents that are remembered */

enum flag {
	OPTION_RULES = 1,
	OPTION_NAME,
	OPTION_JSON,
	OPTION_VERBOSE,
	OPTION_HELP,
};

static const struct option options[] = {
	{ "rules", required_argument, NULL, OPTION_RULES },
	{ "name", required_argument, NULL, OPTION_NAME },
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "verbose", no_argument, NULL, OPTION_VERBOSE },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ NULL, 0, NULL, 0 },
};

struct testing {
	struct paths rules;
	const char *name; /* NULL: all */
	bool json, verbose, colour;
	struct ruleset *rs;
	size_t passed, failed;
};

/* One test that runs. */
struct running {
	struct testing *all;
	const struct trial *trial;
	struct simulation *simulation;
	struct blocks *blocks;
	struct incident **incidents; /* as they were when they resolved; while
	                                they are judged, also the open ones */
	size_t count;
	struct str last; /* line of log */
	json_t *faults;
	bool failed;
	bool broken; /* a file of it cannot be read */
};

static void
put(const char *text)
{
	display(text_of(text), stdout);
}

/* What a test sees of an incident: it as it was at its last change. */
static struct incident *
copy_of(struct incident *i)
{
	json_t *json = record_of(i, CHANGE_UPDATED);
	char *record = json_dumps(json, JSON_COMPACT), *state = record_state(i);
	struct incident *copy = record_read(text_of(record), text_of(state));

	if (copy != NULL)
		copy->rule = i->rule;
	free(record);
	free(state);
	json_decref(json);
	return copy;
}

static void
incidents_clear(struct running *r, enum incident_state state)
{
	size_t kept = 0;

	for (size_t i = 0; i < r->count; i++)
		if (r->incidents[i]->state == state)
			incident_free(r->incidents[i]);
		else
			r->incidents[kept++] = r->incidents[i];
	r->count = kept;
}

static void
incident_add(struct incident *i, void *ctx)
{
	struct running *r = ctx;
	struct incident *copy = copy_of(i);

	if (copy == NULL)
		return;
	r->incidents =
	    mem_resize(r->incidents, r->count + 1, sizeof *r->incidents);
	r->incidents[r->count++] = copy;
}

/* It is open again. */
static void
incident_remove(struct running *r, const char *id)
{
	size_t kept = 0;

	for (size_t i = 0; i < r->count; i++)
		if (strcmp(r->incidents[i]->id, id) == 0)
			incident_free(r->incidents[i]);
		else
			r->incidents[kept++] = r->incidents[i];
	r->count = kept;
}

static void
on_change(const struct change *change, void *ctx)
{
	struct running *r = ctx;
	const struct incident *i = change->incident;
	char at[WHEN_SIZE];

	if (change->kind == CHANGE_RESOLVED && r->count < RESOLVED_MAX)
		incident_add(change->incident, r);
	if (change->reopened)
		incident_remove(r, i->id);
	if (!r->all->verbose || r->all->json)
		return;
	printf("      %s  %-9s %s: ",
	    when_write(simulation_now(r->simulation), at),
	    change->reopened ? "reopened" : change_name(change->kind),
	    i->rule_id);
	put(i->summary);
	putchar('\n');
}

static void
on_block(const struct block *block, void *ctx)
{
	struct running *r = ctx;
	size_t len = block->len;
	const char *from;

	simulation_block(r->simulation, block);
	if (len > 0 && block->data[len - 1] == '\n')
		len--;
	if (len == 0)
		return;
	from = memrchr(block->data, '\n', len);
	from = from != NULL ? from + 1 : block->data;
	str_clear(&r->last);
	str_add(&r->last, from, (size_t)(block->data + len - from));
}

/* What failed. */

static void
value_write(json_t *json, const char *name, const struct pairs *ps)
{
	json_t *object;

	if (ps->count == 0)
		return;
	object = json_object();
	for (size_t i = 0; i < ps->count; i++)
		json_object_set_new(object, ps->v[i].name,
		    record_text((struct text){ ps->v[i].value, ps->v[i].len }));
	json_object_set_new(json, name, object);
}

static json_t *
expected_json(const struct running *r, const struct expected *e)
{
	json_t *json = json_object();

	json_object_set_new(
	    json, "rule", json_string(r->all->rs->rules[e->rule].id));
	json_object_set_new(
	    json, "state", json_string(e->resolved ? "resolved" : "open"));
	if (e->count >= 0)
		json_object_set_new(json, "count", json_integer(e->count));
	if (e->summary != NULL)
		json_object_set_new(
		    json, "summary", record_text(text_of(e->summary)));
	value_write(json, "key", &e->key);
	value_write(json, "captures", &e->captures);
	return json;
}

static json_t *
got_json(const struct incident *i)
{
	json_t *json = json_object();

	json_object_set_new(json, "rule", json_string(i->rule_id));
	json_object_set_new(
	    json, "state", json_string(incident_state_name(i->state)));
	json_object_set_new(json, "count", json_integer(i->count));
	json_object_set_new(json, "summary", record_text(text_of(i->summary)));
	value_write(json, "key", &i->key);
	value_write(json, "captures", &i->captures);
	return json;
}

static json_t *
fault_new(const struct running *r, unsigned line, const char *why)
{
	json_t *fault = json_object();

	json_object_set_new(
	    fault, "file", record_text(text_of(r->trial->file)));
	json_object_set_new(fault, "line", json_integer(line));
	json_object_set_new(fault, "text", record_text(text_of(why)));
	json_object_set_new(
	    fault, "last_line", record_text(str_text(&r->last)));
	return fault;
}

/* Why the line that came last is a hit of a rule, or why not. */
static json_t *
explain_last(const struct running *r, size_t rule)
{
	const struct ruleset *rs = r->all->rs;
	struct explained event = { 0 };
	struct explanation x;
	char *text = NULL;
	size_t len = 0;
	FILE *out = mem_check(open_memstream(&text, &len));
	json_t *json;

	explained_see(
	    &event, &rs->event_sources[r->trial->source], str_text(&r->last));
	explain_rule(&rs->rules[rule], &event, true, &x);
	explanation_print(rs, rule, event.seen.text, &x, false, out);
	fclose(out);
	json = record_text((struct text){ text, len });
	free(text);
	explained_free(&event);
	return json;
}

static void
expect_failed(struct running *r, const struct trial_step *step,
    const struct expected *missing, const struct incident *surplus)
{
	json_t *expected = json_array(), *got = json_array(), *fault;
	struct str why = { 0 };
	unsigned line = missing != NULL ? missing->line : step->line;

	if (missing != NULL)
		str_printf(&why, "rule '%s' has no %s incident like this",
		    r->all->rs->rules[missing->rule].id,
		    missing->resolved ? "resolved" : "open");
	else
		str_printf(&why, "rule '%s' has an open incident too many",
		    surplus->rule_id);
	for (size_t i = 0; i < step->count; i++)
		json_array_append_new(expected, expected_json(r, &step->v[i]));
	for (size_t i = 0; i < r->count; i++)
		json_array_append_new(got, got_json(r->incidents[i]));
	fault = fault_new(r, line, why.data);
	json_object_set_new(fault, "expected", expected);
	json_object_set_new(fault, "got", got);
	json_object_set_new(fault, "explanation",
	    explain_last(r, missing != NULL ? missing->rule : surplus->rule));
	json_array_append_new(r->faults, fault);
	r->failed = true;
	str_free(&why);
}

static void
print_all(const char *title, const json_t *array)
{
	size_t i;
	json_t *one, *rest;

	if (json_array_size(array) == 0)
		printf("      %-9s none\n", title);
	json_array_foreach(array, i, one)
	{
		char *text;

		rest = json_copy(one);
		json_object_del(rest, "rule");
		json_object_del(rest, "state");
		text = json_dumps(rest, 0);
		printf("      %-9s ", i == 0 ? title : "");
		put(json_string_value(json_object_get(one, "rule")));
		printf(
		    " %s ", json_string_value(json_object_get(one, "state")));
		put(text);
		putchar('\n');
		free(text);
		json_decref(rest);
	}
}

static void
print_indented(const char *text)
{
	while (*text != '\0') {
		size_t len = strcspn(text, "\n");

		printf("      %.*s\n", (int)len, text);
		text += len + (text[len] == '\n');
	}
}

static void
fault_print(const json_t *fault)
{
	const json_t *last = json_object_get(fault, "last_line");

	fputs("    ", stdout);
	put(json_string_value(json_object_get(fault, "file")));
	printf(":%" JSON_INTEGER_FORMAT ": ",
	    json_integer_value(json_object_get(fault, "line")));
	put(json_string_value(json_object_get(fault, "text")));
	putchar('\n');
	if (json_object_get(fault, "expected") == NULL)
		return;
	print_all("expected", json_object_get(fault, "expected"));
	print_all("got", json_object_get(fault, "got"));
	fputs("      last line ", stdout);
	put(json_string_length(last) > 0 ? json_string_value(last) : "none");
	putchar('\n');
	if (json_string_length(last) > 0)
		print_indented(
		    json_string_value(json_object_get(fault, "explanation")));
}

/* Steps. */

static void
feed(struct running *r, const char *data, size_t len)
{
	while (len > 0) {
		size_t room, part;
		char *to = blocks_room(r->blocks, &room);

		part = len < room ? len : room;
		memcpy(to, data, part);
		blocks_feed(r->blocks, part);
		data += part;
		len -= part;
	}
}

static void
cannot_read(struct running *r, const struct trial_step *step, const char *what)
{
	struct str why = { 0 };

	str_printf(&why, "log_file %s: %s", step->path, what);
	json_array_append_new(r->faults, fault_new(r, step->line, why.data));
	str_free(&why);
	r->failed = r->broken = true;
}

static void
feed_file(struct running *r, const struct trial_step *step)
{
	char buf[65536], last = '\n';
	size_t total = 0, n;
	FILE *f = step->path != NULL ? fopen(step->path, "re") : NULL;

	if (f == NULL) {
		cannot_read(r, step, strerror(errno));
		return;
	}
	while ((n = fread(buf, 1, sizeof buf, f)) > 0 &&
	       (total += n) <= LOG_FILE_MAX) {
		feed(r, buf, n);
		last = buf[n - 1];
	}
	if (ferror(f))
		cannot_read(r, step, strerror(errno));
	else if (total > LOG_FILE_MAX)
		cannot_read(r, step, "it is larger than 64 MiB");
	else if (last != '\n')
		feed(r, "\n", 1);
	fclose(f);
}

static void
expect(struct running *r, const struct trial_step *step)
{
	const struct expected *missing;
	const struct incident *surplus;

	simulation_flush(r->simulation);
	incidents_clear(r, INCIDENT_OPEN);
	simulation_open(r->simulation, incident_add, r);
	if (!expected_are(step->v, step->count, r->incidents, r->count,
		&missing, &surplus))
		expect_failed(r, step, missing, surplus);
}

static void
step_run(struct running *r, const struct trial_step *step)
{
	switch (step->kind) {
	case TRIAL_LOG:
		feed(r, step->log.data, step->log.len);
		break;
	case TRIAL_LOG_FILE:
		feed_file(r, step);
		break;
	case TRIAL_WAIT:
		simulation_until(r->simulation,
		    simulation_now(r->simulation) + step->wait_ms);
		break;
	case TRIAL_EXPECT:
		expect(r, step);
		break;
	}
}

static void
report(struct running *r)
{
	const struct trial *t = r->trial;
	const char *mark = r->failed ? "FAIL" : "PASS";
	const char *colour = r->failed ? "\033[1;31m" : "\033[1;32m";
	size_t i;
	json_t *fault;

	if (r->all->json) {
		json_t *json = json_object();

		json_object_set_new(
		    json, "name", record_text(text_of(t->name)));
		json_object_set_new(
		    json, "file", record_text(text_of(t->file)));
		json_object_set_new(json, "line", json_integer(t->line));
		json_object_set_new(json, "passed", json_boolean(!r->failed));
		json_object_set(json, "faults", r->faults);
		json_dumpf(json, stdout, JSON_COMPACT);
		putchar('\n');
		json_decref(json);
		return;
	}
	printf("%s%s%s  ", r->all->colour ? colour : "", mark,
	    r->all->colour ? "\033[0m" : "");
	put(t->name);
	putchar('\n');
	json_array_foreach(r->faults, i, fault) fault_print(fault);
}

/* No stamp is later, and a year that is left out is the same one every day. */
static int64_t
on_reference(uint64_t file, void *ctx)
{
	(void)file;
	(void)ctx;
	return REFERENCE_MS;
}

/* When the first stamp says that it is, less the time that passes before. */
static int64_t
start_of(const struct running *r)
{
	int64_t waited_ms = 0, stamp_ms;

	for (size_t i = 0; i < r->trial->count; i++) {
		const struct trial_step *step = &r->trial->steps[i];
		const struct block block = {
			.source = r->trial->source,
			.data = step->log.data,
			.len = step->log.len,
		};

		if (step->kind == TRIAL_LOG_FILE)
			break;
		if (simulation_first_stamp(r->simulation, &block, &stamp_ms))
			return stamp_ms - waited_ms;
		waited_ms += step->wait_ms;
	}
	return START_MS;
}

/* What a pattern that gave up has to say is not known. */
static void
gave_up(struct running *r)
{
	json_array_append_new(r->faults,
	    fault_new(r, r->trial->line,
		"a pattern hit its match limit: neither a match nor none; "
		"make it simpler"));
	r->failed = true;
}

static void
trial_run(struct testing *all, const struct trial *t)
{
	struct running r = { .all = all, .trial = t, .faults = json_array() };
	const struct simulation_callbacks callbacks = {
		.change = on_change,
		.reference_ms = on_reference,
		.ctx = &r,
	};
	const struct block_origin origin = {
		.file = 1,
		.source = t->source,
		.path = all->rs->source_names[t->source],
		.line = 1,
	};

	r.simulation = simulation_new(all->rs, &callbacks);
	simulation_begin(r.simulation, start_of(&r));
	r.blocks = blocks_new(
	    &origin, all->rs->tail_sources[t->source].max_line, on_block, &r);
	for (size_t i = 0; i < t->count && !r.broken; i++)
		step_run(&r, &t->steps[i]);
	if (simulation_failed(r.simulation))
		gave_up(&r);
	report(&r);
	*(r.failed ? &all->failed : &all->passed) += 1;
	for (size_t i = 0; i < r.count; i++)
		incident_free(r.incidents[i]);
	free(r.incidents);
	blocks_free(r.blocks);
	simulation_free(r.simulation);
	str_free(&r.last);
	json_decref(r.faults);
}

static int
test(struct testing *all)
{
	int status;

	all->rs = rules_load(&all->rules);
	if (all->rs == NULL)
		return STATUS_FAILED;
	for (size_t i = 0; i < all->rs->trials.count; i++)
		if (all->name == NULL ||
		    strstr(all->rs->trials.v[i].name, all->name) != NULL)
			trial_run(all, &all->rs->trials.v[i]);
	if (all->passed + all->failed == 0)
		fprintf(stderr, "logwatch: there are no tests%s in %s\n",
		    all->name != NULL ? " of that name" : "", all->rules.v[0]);
	if (!all->json)
		printf("%zu passed, %zu failed\n", all->passed, all->failed);
	status = finish_output(all->failed > 0 ? STATUS_NO : STATUS_OK);
	ruleset_free(all->rs);
	return status;
}

int
cmd_test(int argc, char **argv)
{
	struct testing all = { .colour = wants_colour(STDOUT_FILENO) };
	int option, status;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		switch (option) {
		case OPTION_RULES:
			paths_add(&all.rules, optarg);
			break;
		case OPTION_NAME:
			all.name = optarg;
			break;
		case OPTION_JSON:
			all.json = true;
			break;
		case OPTION_VERBOSE:
			all.verbose = true;
			break;
		case OPTION_HELP:
			fputs(help, stdout);
			status = finish_output(STATUS_OK);
			goto out;
		default:
			fputs("Try 'logwatch test --help'.\n", stderr);
			status = STATUS_USAGE;
			goto out;
		}
	while (optind < argc)
		paths_add(&all.rules, argv[optind++]);
	status = all.rules.count > 0
	             ? test(&all)
	             : usage_wrong("test", "name a rule file with --rules");
out:
	paths_free(&all.rules);
	return status;
}
