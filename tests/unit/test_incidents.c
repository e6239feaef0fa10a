/* SPDX-License-Identifier: MIT */
/*
 * Findings into incidents: what opens, counts, ends and comes back.
 */
#include "incident/incidents.h"

#include "base/mem.h"
#include "conf/node.h"
#include "detect/key.h"
#include "incident/causes.h"
#include "incident/record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define RULES_MAX 4
#define WALL_MS INT64_C(1760688000000) /* what the wall clock adds */

static const char *const sources[] = { "app" };

/* Rules of YAML, their incidents, and the changes they told. */
struct bench {
	struct diag *diag;
	struct doc *doc;
	struct rule rules[RULES_MAX];
	struct policy policies[RULES_MAX];
	size_t count;
	struct incidents *incidents;
	struct incident *last; /* that a finding belongs to */
	struct str told;       /* "CHANGE RULE [KEY] COUNT|" each; ~: folded */
};

static void
note(const struct change *change, void *ctx)
{
	struct bench *b = ctx;
	const struct incident *i = change->incident;

	str_printf(&b->told, "%s%s%s%s %s ", change->folded ? "~" : "",
	    change->surfaced ? "surfaced " : "", change->reopened ? "re" : "",
	    change_name(change->kind), i->rule_id);
	for (size_t k = 0; k < i->key.count; k++)
		str_printf(&b->told, "[%s] ", i->key.v[k].value);
	str_printf(&b->told, "%lld|", (long long)i->count);
}

static void
start(struct bench *b)
{
	struct incidents_spec spec = { b->rules, b->policies, b->count, sources,
		"crm-1" };

	b->incidents = incidents_new(&spec, note, b);
}

static struct bench *
bench_new(const char *rules)
{
	struct bench *b = mem_new(1, sizeof *b);
	struct source_names names = { .names = sources, .count = 1 };
	const struct node *maps[RULES_MAX];

	b->diag = diag_new();
	b->doc = doc_parse("test.yml", text_of(rules), b->diag);
	b->count = node_count(doc_root(b->doc));
	assert_true(b->count <= RULES_MAX);
	for (size_t i = 0; i < b->count; i++) {
		const struct node *n = node_at(doc_root(b->doc), i);
		const char *id;

		assert_true(node_text(node_get(n, "id"), &id));
		rule_read(&b->rules[i], id, n, &names);
		policy_read(&b->policies[i], &b->rules[i], n);
		maps[i] = n;
	}
	causes_link(b->rules, b->policies, b->count, maps, b->count);
	assert_int_equal(diag_errors(b->diag), 0);
	start(b);
	return b;
}

static void
bench_free(struct bench *b)
{
	incidents_free(b->incidents);
	for (size_t i = 0; i < b->count; i++) {
		rule_free(&b->rules[i]);
		policy_free(&b->policies[i]);
	}
	doc_free(b->doc);
	diag_free(b->diag);
	str_free(&b->told);
	free(b);
}

static void
check(struct bench *b, const char *want)
{
	str_puts(&b->told, "");
	assert_string_equal(b->told.data, want);
	str_clear(&b->told);
}

struct arrival {
	size_t rule;
	const char *line;
	int64_t now_ms;
	bool quiet; /* a hit that by itself does not fire */
	int64_t count, first_ms;
};

static enum taken
arrive(struct bench *b, struct arrival a)
{
	const struct rule *rule = &b->rules[a.rule];
	struct captures captures;
	struct str key = { 0 };
	struct event event = {
		.path = "a.log",
		.line = 12,
		.offset = 340,
		.text = text_of(a.line),
		.wall_ms = WALL_MS + a.now_ms,
	};
	struct finding f = {
		.rule = a.rule,
		.fired = !a.quiet,
		.captures = &captures,
		.event = &event,
		.count = a.count > 0 ? a.count : 1,
		.first_ms = a.count > 0 ? a.first_ms : a.now_ms,
		.now_ms = a.now_ms,
	};
	enum taken taken;

	assert_int_equal(patterns_match(&rule->parts[PART_MATCH], event.text,
			     &captures, &f.span),
	    MATCH_YES);
	key_write(&captures, rule->key, rule->keys, &key);
	f.key = str_text(&key);
	taken = incidents_find(b->incidents, &f, &b->last);
	str_free(&key);
	return taken;
}

static enum taken
find(struct bench *b, const char *line, int64_t now_ms)
{
	return arrive(b, (struct arrival){ .line = line, .now_ms = now_ms });
}

/* An event that resolves. */
static void
over(struct bench *b, size_t rule, const char *line, int64_t now_ms)
{
	struct event event = { .text = text_of(line),
		.wall_ms = WALL_MS + now_ms };
	struct captures captures;
	struct hit hit = { rule, PART_RESOLVE, &event, &captures, { "", 0 } };

	assert_int_equal(patterns_match(&b->rules[rule].parts[PART_RESOLVE],
			     event.text, &captures, &hit.span),
	    MATCH_YES);
	incidents_resolve_match(b->incidents, &hit, now_ms);
}

static void
tick(struct bench *b, int64_t now_ms)
{
	incidents_tick(b->incidents, now_ms, WALL_MS + now_ms);
}

static void
value_is(const struct incident *i, const char *name, const char *want)
{
	struct str scratch = { 0 };
	struct text got = incident_value(i, name, WALL_MS + 65000, &scratch);

	if (!text_is(got, want))
		fail_msg(
		    "%s: '%.*s', not '%s'", name, (int)got.len, got.data, want);
	str_free(&scratch);
}

static void
one_incident_is_open_for_a_rule_and_a_key(void **state)
{
	struct bench *b = bench_new("- {id: a, match: 'u(?<n>.)', key: n}\n"
				    "- {id: b, match: 'u'}\n");
	struct incident *first;

	(void)state;
	assert_int_equal(find(b, "u1", 0), TAKEN_OPENED);
	first = b->last;
	assert_int_equal(find(b, "u2", 10), TAKEN_OPENED);
	assert_int_equal(find(b, "u1", 20), TAKEN_COUNTED);
	assert_ptr_equal(b->last, first);
	assert_int_equal(arrive(b, (struct arrival){ .rule = 1, .line = "u1" }),
	    TAKEN_OPENED);
	check(b, "opened a [1] 1|opened a [2] 1|opened b 1|");
	assert_int_equal(first->count, 2);
	assert_int_equal(incidents_open_count(b->incidents), 3);
	assert_true(incidents_open(b->incidents, 0));
	assert_string_not_equal(first->id, b->last->id);
	bench_free(b);
}

static void
an_id_that_is_expected_is_given_once_and_to_its_key_alone(void **state)
{
	struct bench *b = bench_new("- {id: a, match: 'u(?<k>.)', key: k}\n");
	static const char id[] = "01M85M3PV1RSS07CNXKRN6Z82Y";

	(void)state;
	incidents_expect(b->incidents, "gone", TEXT("1:a"), id);
	incidents_expect(b->incidents, "a", TEXT("1:a"), id);
	find(b, "ub", 0);
	assert_string_not_equal(b->last->id, id);
	find(b, "ua", 1);
	assert_string_equal(b->last->id, id);
	incidents_expect(b->incidents, "a", TEXT("1:c"), id);
	incidents_expect_none(b->incidents);
	find(b, "uc", 2);
	assert_string_not_equal(b->last->id, id);
	bench_free(b);
}

static void
a_storm_is_one_incident_with_a_count(void **state)
{
	struct bench *b = bench_new("- {id: a, match: 'u'}\n");

	(void)state;
	for (int i = 0; i < 100000; i++)
		find(b, "u", i / 100);
	check(b, "opened a 1|");
	assert_int_equal(b->last->count, 100000);
	assert_int_equal(b->last->last_ms, WALL_MS + 999);
	bench_free(b);
}

static void
a_hit_that_does_not_fire_opens_nothing_but_counts(void **state)
{
	struct bench *b = bench_new("- {id: a, match: 'u'}\n");
	struct arrival quiet = { .line = "u", .now_ms = 5, .quiet = true };
	struct arrival fired = {
		.line = "u", .now_ms = 60, .count = 3, .first_ms = 20
	};

	(void)state;
	assert_int_equal(arrive(b, quiet), TAKEN_NOT);
	assert_null(b->last);
	check(b, "");
	/* A threshold's hits are its count, the first of them is the first. */
	assert_int_equal(arrive(b, fired), TAKEN_OPENED);
	check(b, "opened a 3|");
	assert_int_equal(b->last->first_ms, WALL_MS + 20);
	assert_int_equal(b->last->last_ms, WALL_MS + 60);
	assert_int_equal(b->last->detected_ms, WALL_MS + 60);
	quiet.now_ms = 70;
	assert_int_equal(arrive(b, quiet), TAKEN_COUNTED);
	assert_int_equal(b->last->count, 4);
	assert_int_equal(b->last->last_ms, WALL_MS + 70);
	/* One that fires again is one more hit. */
	fired.now_ms = 80;
	assert_int_equal(arrive(b, fired), TAKEN_COUNTED);
	assert_int_equal(b->last->count, 5);
	bench_free(b);
}

static void
quiet_for_long_enough_is_the_end(void **state)
{
	struct bench *b =
	    bench_new("- {id: a, match: 'u', resolve: {quiet: 10s}}\n");

	(void)state;
	assert_true(incidents_due(b->incidents) == INT64_MAX);
	find(b, "u", 1000);
	incidents_saved(b->incidents);
	assert_int_equal(incidents_due(b->incidents), 11000);
	find(b, "u", 5000);
	tick(b, 11000);
	check(b, "opened a 1|");
	assert_int_equal(incidents_due(b->incidents), 15000);
	tick(b, 14999);
	check(b, "");
	tick(b, 15000);
	check(b, "resolved a 2|");
	assert_int_equal(b->last->resolved_ms, WALL_MS + 15000);
	assert_int_equal(b->last->state, INCIDENT_RESOLVED);
	assert_false(incidents_open(b->incidents, 0));
	/* The next one is another. */
	incidents_saved(b->incidents);
	assert_int_equal(find(b, "u", 15000), TAKEN_OPENED);
	check(b, "opened a 1|");
	bench_free(b);
}

static void
quiet_is_a_quarter_of_an_hour_unless_said(void **state)
{
	static const struct {
		const char *rule;
		int64_t due;
	} cases[] = {
		{ "- {id: a, match: 'u'}\n", 900000 },
		{ "- {id: a, match: 'u', resolve: manual}\n", INT64_MAX },
		{ "- {id: a, match: 'u', resolve: {match: d}}\n", INT64_MAX },
		{ "- {id: a, match: 'u', resolve: {match: d, quiet: 1h}}\n",
		    3600000 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct bench *b = bench_new(cases[i].rule);

		find(b, "u", 0);
		assert_true(incidents_due(b->incidents) == cases[i].due);
		bench_free(b);
	}
}

/* Whether a tick then tells that. */
static void
told_at(struct bench *b, int64_t now_ms, const char *want)
{
	tick(b, now_ms);
	check(b, want);
}

#define HOUR_MS INT64_C(3600000)

static void
who_does_not_acknowledge_is_reminded_less_and_less_often(void **state)
{
	static const int64_t hours[] = { 4, 12, 28, 52, 76 };
	struct bench *b = bench_new("- {id: a, match: u, severity: critical, "
				    "resolve: manual}\n");

	(void)state;
	find(b, "u", 0);
	check(b, "opened a 1|");
	for (size_t k = 0; k < sizeof hours / sizeof *hours; k++) {
		assert_true(incidents_due(b->incidents) == hours[k] * HOUR_MS);
		told_at(b, hours[k] * HOUR_MS - 1, "");
		told_at(b, hours[k] * HOUR_MS, "reminded a 1|");
	}
	b->last->acknowledged_ms = WALL_MS;
	told_at(b, 1000 * HOUR_MS, "");
	assert_true(incidents_due(b->incidents) == INT64_MAX);
	bench_free(b);
}

static void
only_the_critical_are_told_again_unless_the_rule_says_so(void **state)
{
	static const struct {
		const char *rule;
		int64_t due;
	} cases[] = {
		{ "severity: critical", 4 * HOUR_MS },
		{ "severity: error", INT64_MAX },
		{ "severity: critical, remind: never", INT64_MAX },
		{ "severity: info, remind: 1s", 1000 },
		{ "remind: 3d", 72 * HOUR_MS },
	};

	(void)state;
	for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
		struct str yaml = { 0 };
		struct bench *b;

		str_printf(&yaml, "- {id: a, match: u, resolve: manual, %s}\n",
		    cases[k].rule);
		b = bench_new(yaml.data);
		find(b, "u", 0);
		assert_true(incidents_due(b->incidents) == cases[k].due);
		bench_free(b);
		str_free(&yaml);
	}
}

static void
a_long_sleep_is_one_reminder_and_the_next_is_counted_from_it(void **state)
{
	struct bench *b =
	    bench_new("- {id: a, match: u, remind: 1h, resolve: manual}\n");
	struct incident *copy;
	json_t *record;
	char *text, *more;

	(void)state;
	find(b, "u", 0);
	told_at(b, HOUR_MS, "opened a 1|reminded a 1|");
	/* Down for a month. */
	record = record_of(b->last, CHANGE_UPDATED);
	text = json_dumps(record, 0);
	more = record_state(b->last);
	copy = record_read(text_of(text), text_of(more));
	incidents_free(b->incidents);
	start(b);
	incidents_restore(b->incidents, copy);
	told_at(b, 2 * HOUR_MS, "");
	told_at(b, 720 * HOUR_MS, "reminded a 1|");
	told_at(b, 724 * HOUR_MS - 1, "");
	told_at(b, 724 * HOUR_MS, "reminded a 1|");
	free(text);
	free(more);
	json_decref(record);
	bench_free(b);
}

static void
an_incident_that_is_back_is_reminded_of_anew(void **state)
{
	struct bench *b =
	    bench_new("- {id: a, match: u, remind: 1h, cooldown: 1d, "
		      "resolve: {match: d}}\n");

	(void)state;
	find(b, "u", 0);
	told_at(b, HOUR_MS, "opened a 1|reminded a 1|");
	b->last->acknowledged_ms = WALL_MS;
	over(b, 0, "d", 2 * HOUR_MS);
	told_at(b, 10 * HOUR_MS, "resolved a 1|");
	find(b, "u", 10 * HOUR_MS);
	assert_true(b->last->acknowledged_ms == 0);
	assert_true(b->last->opened_ms == WALL_MS + 10 * HOUR_MS);
	told_at(b, 11 * HOUR_MS, "reopened a 2|reminded a 2|");
	bench_free(b);
}

static void
what_is_over_by_now_is_not_reminded_of(void **state)
{
	struct bench *b = bench_new(
	    "- {id: a, match: u, remind: 1h, resolve: {quiet: 2h}}\n");

	(void)state;
	find(b, "u", 0);
	told_at(b, 5 * HOUR_MS, "opened a 1|resolved a 1|");
	bench_free(b);
}

#define CAUSE "- {id: a, match: A, resolve: {match: okA}}\n"
#define EFFECT                                                                 \
	"- {id: b, match: B, resolve: {match: okB}, cooldown: 1d,"             \
	" caused_by: {rules: a, within: 1m}}\n"

static void
an_incident_is_told_as_an_update_of_its_cause(void **state)
{
	struct bench *b = bench_new(CAUSE EFFECT);
	struct incident *cause, *effect;

	(void)state;
	find(b, "A", 0);
	cause = b->last;
	arrive(b, (struct arrival){ .rule = 1, .line = "B", .now_ms = 60000 });
	effect = b->last;
	assert_string_equal(effect->caused_by, cause->id);
	assert_int_equal(cause->effect_count, 1);
	assert_string_equal(cause->effects[0], effect->id);
	over(b, 1, "okB", 70000);
	over(b, 0, "okA", 80000);
	check(b, "opened a 1|~opened b 1|updated a 1|~resolved b 1|"
		 "updated a 1|resolved a 1|");
	bench_free(b);
}

static void
only_what_is_open_and_began_just_before_is_a_cause(void **state)
{
	static const struct {
		int64_t at_ms;
		bool over;
		bool caused;
	} cases[] = {
		{ 0, false, true },
		{ 60000, false, true },
		{ 60001, false, false },
		{ 10, true, false },
		{ -1, false, false },
	};

	(void)state;
	for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
		struct bench *b = bench_new(CAUSE EFFECT);

		find(b, "A", 0);
		if (cases[k].over)
			over(b, 0, "okA", 5);
		arrive(
		    b, (struct arrival){
			   .rule = 1, .line = "B", .now_ms = cases[k].at_ms });
		if ((b->last->caused_by[0] != '\0') != cases[k].caused)
			fail_msg("case %zu", k);
		bench_free(b);
	}
}

static void
the_cause_that_began_last_is_the_cause(void **state)
{
	struct bench *b =
	    bench_new("- {id: a, match: A, resolve: manual}\n"
		      "- {id: b, match: B, resolve: manual}\n"
		      "- {id: c, match: C, caused_by: {rules: [b, a], "
		      "within: 1m}, resolve: manual}\n");

	(void)state;
	arrive(b, (struct arrival){ .rule = 1, .line = "B" });
	arrive(b, (struct arrival){ .rule = 0, .line = "A", .now_ms = 1 });
	arrive(b, (struct arrival){ .rule = 2, .line = "C", .now_ms = 2 });
	check(b, "opened b 1|opened a 1|~opened c 1|updated a 1|");
	bench_free(b);
}

static void
what_outlives_its_cause_is_told_as_one_of_its_own(void **state)
{
	struct bench *b = bench_new(CAUSE EFFECT);

	(void)state;
	find(b, "A", 0);
	arrive(b, (struct arrival){ .rule = 1, .line = "B", .now_ms = 1 });
	over(b, 0, "okA", 10);
	check(b, "opened a 1|~opened b 1|updated a 1|resolved a 1|"
		 "surfaced updated b 1|");
	over(b, 1, "okB", 20);
	check(b, "resolved b 1|");
	/* The next time it has no cause. */
	arrive(b, (struct arrival){ .rule = 1, .line = "B", .now_ms = 30 });
	check(b, "reopened b 2|");
	assert_string_equal(b->last->caused_by, "");
	bench_free(b);
}

static void
an_escalation_is_told_of_the_incident_itself_and_what_follows_too(void **state)
{
	struct bench *b = bench_new(CAUSE EFFECT);

	(void)state;
	find(b, "A", 0);
	arrive(b, (struct arrival){ .rule = 1, .line = "B", .now_ms = 1 });
	incidents_tell(b->incidents, b->last, CHANGE_REMEDIATED);
	incidents_tell(b->incidents, b->last, CHANGE_ESCALATED);
	over(b, 1, "okB", 20);
	over(b, 0, "okA", 30);
	check(b, "opened a 1|~opened b 1|updated a 1|~remediated b 1|"
		 "updated a 1|escalated b 1|updated a 1|resolved b 1|"
		 "updated a 1|resolved a 1|");
	bench_free(b);
}

static void
a_chain_of_causes_is_told_at_its_head(void **state)
{
	struct bench *b = bench_new(
	    CAUSE EFFECT "- {id: c, match: C, caused_by: {rules: [a, b], "
			 "within: 1m}, resolve: manual}\n");

	(void)state;
	find(b, "A", 0);
	arrive(b, (struct arrival){ .rule = 1, .line = "B", .now_ms = 1 });
	arrive(b, (struct arrival){ .rule = 2, .line = "C", .now_ms = 2 });
	check(b, "opened a 1|~opened b 1|updated a 1|"
		 "~opened c 1|~updated b 1|updated a 1|");
	over(b, 0, "okA", 3);
	check(b, "resolved a 1|surfaced updated b 1|");
	bench_free(b);
}

/* Rules that say the reverse are read while both are known. */
static void
what_an_incident_caused_does_not_become_its_cause(void **state)
{
	struct bench *b = bench_new(
	    "- {id: a, match: A, resolve: {match: okA}, cooldown: 1d}\n"
	    "- {id: b, match: B, resolve: manual,"
	    " caused_by: {rules: a, within: 1m}}\n"
	    "- {id: c, match: C, resolve: manual,"
	    " caused_by: {rules: b, within: 1m}}\n");
	struct policy *a = &b->policies[0];

	(void)state;
	find(b, "A", 0);
	arrive(b, (struct arrival){ .rule = 1, .line = "B", .now_ms = 1 });
	arrive(b, (struct arrival){ .rule = 2, .line = "C", .now_ms = 2 });
	over(b, 0, "okA", 3);
	b->told.len = 0;
	free(a->causes);
	a->causes = mem_new(1, sizeof *a->causes);
	a->causes[0] = 2;
	a->cause_count = 1;
	a->caused_within_ms = 60000;
	arrive(b, (struct arrival){ .rule = 0, .line = "A", .now_ms = 4 });
	check(b, "reopened a 2|");
	assert_string_equal(b->last->caused_by, "");
	bench_free(b);
}

static void
who_is_reminded_of_the_cause_is_not_of_its_effects(void **state)
{
	struct bench *b =
	    bench_new("- {id: a, match: A, resolve: {match: okA}}\n"
		      "- {id: b, match: B, remind: 1h, resolve: manual, "
		      "caused_by: {rules: a, within: 1m}}\n");

	(void)state;
	find(b, "A", 0);
	arrive(b, (struct arrival){ .rule = 1, .line = "B" });
	check(b, "opened a 1|~opened b 1|updated a 1|");
	told_at(b, HOUR_MS, "");
	over(b, 0, "okA", HOUR_MS + 1000);
	check(b, "resolved a 1|surfaced updated b 1|");
	told_at(b, 2 * HOUR_MS + 999, "");
	told_at(b, 2 * HOUR_MS + 1000, "reminded b 1|");
	bench_free(b);
}

static void
the_effects_that_are_listed_are_bounded_and_the_rest_counted(void **state)
{
	struct incident *i = incident_new();
	char id[ULID_SIZE];

	(void)state;
	for (int k = 0; k < EFFECTS_MAX + 5; k++) {
		snprintf(id, sizeof id, "%026d", k);
		incident_add_effect(i, id);
	}
	assert_int_equal(i->effect_count, EFFECTS_MAX);
	assert_int_equal(i->effects_omitted, 5);
	incident_free(i);
}

static void
an_event_that_resolves_needs_equal_captures_where_it_says_same(void **state)
{
	struct bench *b =
	    bench_new("- id: same\n"
		      "  match: 'down (?<n>.) (?<x>.)'\n"
		      "  key: [n, x]\n"
		      "  resolve: {match: 'up (?<n>.)', same: n}\n"
		      "- id: all\n"
		      "  match: 'down (?<n>.)'\n"
		      "  key: n\n"
		      "  resolve: {match: 'up'}\n");

	(void)state;
	over(b, 0, "up 1", 0); /* nothing is open */
	find(b, "down 1 a", 1);
	find(b, "down 1 b", 1);
	find(b, "down 2 a", 1);
	arrive(b, (struct arrival){ .rule = 1, .line = "down 1" });
	arrive(b, (struct arrival){ .rule = 1, .line = "down 2" });
	str_clear(&b->told);
	over(b, 0, "up 3", 2);
	check(b, "");
	over(b, 0, "up 1", 3);
	check(b, "resolved same [1] [a] 1|resolved same [1] [b] 1|");
	over(b, 1, "up 3", 4);
	check(b, "resolved all [1] 1|resolved all [2] 1|");
	over(b, 1, "up 3", 5);
	check(b, "");
	assert_int_equal(incidents_open_count(b->incidents), 1);
	bench_free(b);
}

static void
within_the_cooldown_one_hit_opens_it_again(void **state)
{
	struct bench *b = bench_new("- id: a\n"
				    "  match: 'u(?<v>.)'\n"
				    "  resolve: {match: done}\n"
				    "  cooldown: 5s\n");
	struct incident *first;
	struct arrival quiet = { .line = "u2", .now_ms = 6999, .quiet = true };
	char id[ULID_SIZE];

	(void)state;
	find(b, "u1", 1000);
	first = b->last;
	memcpy(id, first->id, sizeof id);
	over(b, 0, "done", 2000);
	incidents_saved(b->incidents);
	/* Also one that by itself would not fire. */
	assert_int_equal(arrive(b, quiet), TAKEN_OPENED);
	assert_ptr_equal(b->last, first);
	assert_string_equal(first->id, id);
	assert_int_equal(first->count, 2);
	assert_int_equal(first->resolved_ms, 0);
	assert_int_equal(first->state, INCIDENT_OPEN);
	value_is(first, "v", "2");
	check(b, "opened a 1|resolved a 1|reopened a 2|");
	assert_int_equal(incidents_open_count(b->incidents), 1);
	/* Resolved again; the cooldown is over when its time has come. */
	over(b, 0, "done", 10000);
	incidents_saved(b->incidents);
	quiet.now_ms = 15000;
	assert_int_equal(arrive(b, quiet), TAKEN_NOT);
	assert_int_equal(find(b, "u3", 15000), TAKEN_OPENED);
	assert_string_not_equal(b->last->id, id);
	check(b, "resolved a 2|opened a 1|");
	/* Of the old one nothing is left. */
	tick(b, 15000);
	assert_int_equal(incidents_open_count(b->incidents), 1);
	assert_int_equal(find(b, "u3", 15001), TAKEN_COUNTED);
	bench_free(b);
}

static void
without_a_cooldown_the_next_hit_is_another_incident(void **state)
{
	struct bench *b =
	    bench_new("- {id: a, match: u, resolve: {match: done}}\n");

	(void)state;
	for (int i = 0; i < 1000; i++) {
		find(b, "u", i);
		over(b, 0, "done", i);
		if (i % 7 == 0) {
			incidents_saved(b->incidents);
			tick(b, i);
		}
	}
	assert_int_equal(incidents_open_count(b->incidents), 0);
	bench_free(b);
}

static void
what_resolved_and_is_not_saved_is_not_forgotten(void **state)
{
	struct bench *b =
	    bench_new("- {id: a, match: u, resolve: {match: done}}\n");

	(void)state;
	find(b, "u", 1);
	over(b, 0, "done", 2);
	tick(b, 100000);
	tick(b, 200000);
	/* It is still there to be saved. */
	assert_true(b->last->dirty);
	incidents_saved(b->incidents);
	assert_false(b->last->dirty);
	assert_int_equal(incidents_due(b->incidents), 2);
	tick(b, 200000);
	assert_true(incidents_due(b->incidents) == INT64_MAX);
	bench_free(b);
}

static void
while_it_is_held_it_is_not_resolved(void **state)
{
	struct bench *b = bench_new(
	    "- {id: a, match: u, resolve: {match: done, quiet: 10s}}\n");

	(void)state;
	find(b, "u", 0);
	str_clear(&b->told);
	incidents_hold(b->incidents, b->last, true, 0, 0);
	tick(b, 20000);
	over(b, 0, "done", 20000);
	check(b, "");
	assert_int_equal(b->last->state, INCIDENT_OPEN);
	/* Let go, what was seen takes effect. */
	incidents_hold(b->incidents, b->last, false, 21000, WALL_MS + 21000);
	check(b, "resolved a 1|");
	assert_int_equal(b->last->resolved_ms, WALL_MS + 21000);
	bench_free(b);
}

static void
a_hit_after_the_end_was_seen_takes_it_back(void **state)
{
	struct bench *b = bench_new(
	    "- {id: a, match: u, resolve: {match: done, quiet: 10s}}\n");

	(void)state;
	find(b, "u", 0);
	str_clear(&b->told);
	incidents_hold(b->incidents, b->last, true, 0, 0);
	over(b, 0, "done", 1000);
	assert_int_equal(find(b, "u", 2000), TAKEN_COUNTED);
	incidents_hold(b->incidents, b->last, false, 3000, WALL_MS + 3000);
	check(b, "");
	assert_int_equal(b->last->state, INCIDENT_OPEN);
	/* From then on it is as quiet as any. */
	tick(b, 11999);
	check(b, "");
	assert_int_equal(incidents_due(b->incidents), 12000);
	tick(b, 12000);
	check(b, "resolved a 2|");
	bench_free(b);
}

static void
an_incident_tells_what_the_rule_and_the_event_say(void **state)
{
	struct bench *b = bench_new(
	    "- id: fk\n"
	    "  match: 'table (?<table>\\w+)( on (?<key>\\w+))?'\n"
	    "  key: [table]\n"
	    "  severity: critical\n"
	    "  summary: '{{table}}/{{key}} {{team}} {{severity}} {{count}}'\n"
	    "  description: 'at {{path}}:{{line}} of {{source}} on "
	    "{{host}}: {{event}}'\n"
	    "  runbook: https://wiki.example/fk\n"
	    "  labels: {team: crm, event: mine}\n");
	struct incident *i;

	(void)state;
	find(b, "table t1 on k1\nsecond", 5);
	i = b->last;
	assert_string_equal(i->summary, "t1/k1 crm critical 1");
	assert_string_equal(
	    i->description, "at a.log:12 of app on crm-1: mine");
	value_is(i, "rule", "fk");
	value_is(i, "id", i->id);
	value_is(i, "key", "k1"); /* a capture goes before */
	value_is(i, "severity", "critical");
	value_is(i, "state", "open");
	value_is(i, "host", "crm-1");
	value_is(i, "source", "app");
	value_is(i, "path", "a.log");
	value_is(i, "line", "12");
	value_is(i, "count", "1");
	value_is(i, "first_seen", "2025-10-17T08:00:00.005Z");
	value_is(i, "last_seen", "2025-10-17T08:00:00.005Z");
	value_is(i, "duration", "1m4s995ms");
	value_is(i, "runbook", "https://wiki.example/fk");
	value_is(i, "nobody", "");
	/* Captures and what is made of them are those of the last hit. */
	find(b, "table t1", 6);
	value_is(i, "key", "");
	assert_string_equal(i->summary, "t1/ crm critical 2");
	assert_true(text_is(str_text(&i->event), "table t1 on k1\nsecond"));
	assert_int_equal(i->offset, 340);
	value_is(i, "last_seen", "2025-10-17T08:00:00.006Z");
	bench_free(b);
}

static void
without_a_summary_the_event_is_one(void **state)
{
	struct bench *b = bench_new("- {id: a, match: u}\n");
	char line[1000];

	(void)state;
	find(b, "u was here\nand more", 0);
	assert_string_equal(b->last->summary, "a: u was here");
	find(b, "u again", 0);
	assert_string_equal(b->last->summary, "a: u was here");
	assert_string_equal(b->last->description, "");
	value_is(b->last, "key", "");
	bench_free(b);
	memset(line, 'u', sizeof line);
	line[999] = '\0';
	b = bench_new("- {id: a, match: u}\n");
	find(b, line, 0);
	assert_int_equal(strlen(b->last->summary), 3 + 200);
	bench_free(b);
}

static void
texts_of_any_length_are_cut_between_characters(void **state)
{
	struct bench *b = bench_new("- id: a\n"
				    "  match: '(?<all>(?s:.+))'\n"
				    "  summary: '{{all}}'\n"
				    "  description: '{{all}}{{all}}{{all}}"
				    "{{all}}{{all}}{{all}}{{all}}'\n");
	struct str line = { 0 };
	struct text capture;

	(void)state;
	for (int i = 0; i < 10000; i++)
		str_puts(&line, "\xe4\xb8\x8a");
	find(b, line.data, 0);
	capture = pairs_get(&b->last->captures, "all");
	assert_int_equal(capture.len, VALUE_MAX / 3 * 3);
	assert_int_equal(strlen(b->last->summary), 3000);
	assert_true(strlen(b->last->description) <= 4 * 16384);
	str_free(&line);
	bench_free(b);
}

static void
too_many_are_refused_not_forgotten(void **state)
{
	struct bench *b = bench_new("- id: a\n"
				    "  match: '(?<k>\\w+)'\n"
				    "  key: k\n"
				    "  resolve: {quiet: 1s}\n");
	char line[24];

	(void)state;
	for (int i = 0; i < 10000; i++) {
		snprintf(line, sizeof line, "k%d", i);
		assert_int_equal(find(b, line, 0), TAKEN_OPENED);
	}
	assert_int_equal(find(b, "another", 0), TAKEN_REFUSED);
	assert_int_equal(find(b, "k0", 500), TAKEN_COUNTED);
	assert_int_equal(incidents_open_count(b->incidents), 10000);
	/* When some are resolved there is room. */
	tick(b, 1000);
	assert_int_equal(incidents_open_count(b->incidents), 1);
	assert_int_equal(find(b, "another", 1000), TAKEN_OPENED);
	bench_free(b);
}

static void
those_that_cool_down_take_bounded_memory(void **state)
{
	struct bench *b = bench_new("- id: a\n"
				    "  match: '(?<k>\\w+)'\n"
				    "  key: k\n"
				    "  resolve: {match: done}\n"
				    "  cooldown: 1d\n");
	struct arrival young = {
		.line = "k29999", .now_ms = 30001, .quiet = true
	};
	struct arrival old = { .line = "k1", .now_ms = 30001, .quiet = true };
	char line[24];

	(void)state;
	for (int i = 0; i < 30000; i++) {
		snprintf(line, sizeof line, "k%d", i);
		assert_int_equal(find(b, line, i), TAKEN_OPENED);
		over(b, 0, "done", i);
		if (i % 1000 == 0)
			incidents_saved(b->incidents);
	}
	/* The oldest made room, the youngest cool down still. */
	assert_int_equal(arrive(b, young), TAKEN_OPENED);
	assert_int_equal(arrive(b, old), TAKEN_NOT);
	bench_free(b);
}

static void
collect(struct incident *i, void *ctx)
{
	struct str *s = ctx;

	str_printf(s, "%s ", i->rule_id);
}

static void
only_what_changed_is_to_be_saved(void **state)
{
	struct bench *b = bench_new("- {id: a, match: u}\n"
				    "- {id: b, match: u}\n");
	struct str got = { 0 };

	(void)state;
	find(b, "u", 0);
	arrive(b, (struct arrival){ .rule = 1, .line = "u" });
	incidents_dirty(b->incidents, collect, &got);
	incidents_dirty(b->incidents, collect, &got);
	assert_string_equal(got.data, "a b a b ");
	incidents_saved(b->incidents);
	str_clear(&got);
	incidents_dirty(b->incidents, collect, &got);
	assert_string_equal(got.data, "");
	find(b, "u", 1);
	incidents_dirty(b->incidents, collect, &got);
	assert_string_equal(got.data, "a ");
	incidents_saved(b->incidents);
	str_clear(&got);
	incidents_tell(b->incidents, b->last, CHANGE_REMEDIATED);
	incidents_dirty(b->incidents, collect, &got);
	assert_string_equal(got.data, "a ");
	str_clear(&got);
	incidents_each_open(b->incidents, collect, &got);
	assert_string_equal(got.data, "a b ");
	str_free(&got);
	bench_free(b);
}

/* The incident as it comes back from the store. */
static struct incident *
copy_of(const struct incident *i)
{
	json_t *json = record_of(i, CHANGE_OPENED);
	char *record = json_dumps(json, 0), *state = record_state(i);
	struct incident *copy = record_read(text_of(record), text_of(state));

	json_decref(json);
	free(record);
	free(state);
	assert_non_null(copy);
	return copy;
}

static void
after_a_restart_an_open_incident_goes_on(void **state)
{
	struct bench *b = bench_new("- id: a\n"
				    "  match: 'u(?<n>.)'\n"
				    "  key: n\n"
				    "  resolve: {quiet: 10s}\n");
	struct incident *copy;
	char id[ULID_SIZE];

	(void)state;
	/* The clock of the steps starts as the wall clock. */
	find(b, "u1", 0);
	memcpy(id, b->last->id, sizeof id);
	copy = copy_of(b->last);
	incidents_free(b->incidents);
	start(b);
	str_clear(&b->told);
	incidents_restore(b->incidents, copy);
	assert_int_equal(copy->rule, 0);
	assert_true(incidents_open(b->incidents, 0));
	assert_int_equal(incidents_due(b->incidents), WALL_MS + 10000);
	assert_int_equal(find(b, "u1", 100), TAKEN_COUNTED);
	assert_string_equal(b->last->id, id);
	assert_int_equal(find(b, "u2", 100), TAKEN_OPENED);
	check(b, "opened a [2] 1|");
	bench_free(b);
}

static void
after_a_restart_one_that_cools_down_opens_again(void **state)
{
	struct bench *b = bench_new("- {id: a, match: u, cooldown: 1m,\n"
				    "   resolve: {match: done}}\n");
	struct incident *copy;

	(void)state;
	find(b, "u", 0);
	over(b, 0, "done", 10);
	copy = copy_of(b->last);
	incidents_free(b->incidents);
	start(b);
	str_clear(&b->told);
	incidents_restore(b->incidents, copy);
	assert_int_equal(incidents_open_count(b->incidents), 0);
	assert_int_equal(find(b, "u", WALL_MS + 60009), TAKEN_OPENED);
	check(b, "reopened a 2|");
	bench_free(b);
}

static void
an_incident_whose_rule_is_gone_stays_open(void **state)
{
	struct bench *b = bench_new("- {id: a, match: u}\n");
	struct incident *copy;

	(void)state;
	find(b, "u", 0);
	copy = copy_of(b->last);
	free(copy->rule_id);
	copy->rule_id = mem_text("gone");
	incidents_restore(b->incidents, copy);
	assert_true(copy->rule == NO_RULE);
	assert_int_equal(incidents_open_count(b->incidents), 2);
	tick(b, WALL_MS * 2);
	assert_int_equal(copy->state, INCIDENT_OPEN);
	assert_int_equal(incidents_open_count(b->incidents), 1);
	bench_free(b);
}

static void
an_action_has_one_run_an_incident(void **state)
{
	struct incident *i = incident_new();
	struct run *run = incident_run(i, "restart");

	(void)state;
	assert_int_equal(run->state, RUN_PENDING);
	assert_int_equal(run->attempt, 0);
	assert_int_equal(run->code, -1);
	assert_string_equal(run->output, "");
	incident_run(i, "clean");
	assert_int_equal(i->run_count, 2);
	assert_string_equal(incident_run(i, "restart")->name, "restart");
	assert_int_equal(i->run_count, 2);
	incident_free(i);
	incident_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_incident_is_open_for_a_rule_and_a_key),
		cmocka_unit_test(
		    an_id_that_is_expected_is_given_once_and_to_its_key_alone),
		cmocka_unit_test(a_storm_is_one_incident_with_a_count),
		cmocka_unit_test(
		    a_hit_that_does_not_fire_opens_nothing_but_counts),
		cmocka_unit_test(quiet_for_long_enough_is_the_end),
		cmocka_unit_test(quiet_is_a_quarter_of_an_hour_unless_said),
		cmocka_unit_test(
		    who_does_not_acknowledge_is_reminded_less_and_less_often),
		cmocka_unit_test(
		    only_the_critical_are_told_again_unless_the_rule_says_so),
		cmocka_unit_test(
		    a_long_sleep_is_one_reminder_and_the_next_is_counted_from_it),
		cmocka_unit_test(an_incident_that_is_back_is_reminded_of_anew),
		cmocka_unit_test(what_is_over_by_now_is_not_reminded_of),
		cmocka_unit_test(an_incident_is_told_as_an_update_of_its_cause),
		cmocka_unit_test(
		    only_what_is_open_and_began_just_before_is_a_cause),
		cmocka_unit_test(the_cause_that_began_last_is_the_cause),
		cmocka_unit_test(
		    what_outlives_its_cause_is_told_as_one_of_its_own),
		cmocka_unit_test(
		    an_escalation_is_told_of_the_incident_itself_and_what_follows_too),
		cmocka_unit_test(a_chain_of_causes_is_told_at_its_head),
		cmocka_unit_test(
		    what_an_incident_caused_does_not_become_its_cause),
		cmocka_unit_test(
		    who_is_reminded_of_the_cause_is_not_of_its_effects),
		cmocka_unit_test(
		    the_effects_that_are_listed_are_bounded_and_the_rest_counted),
		cmocka_unit_test(
		    an_event_that_resolves_needs_equal_captures_where_it_says_same),
		cmocka_unit_test(within_the_cooldown_one_hit_opens_it_again),
		cmocka_unit_test(
		    without_a_cooldown_the_next_hit_is_another_incident),
		cmocka_unit_test(
		    what_resolved_and_is_not_saved_is_not_forgotten),
		cmocka_unit_test(while_it_is_held_it_is_not_resolved),
		cmocka_unit_test(a_hit_after_the_end_was_seen_takes_it_back),
		cmocka_unit_test(
		    an_incident_tells_what_the_rule_and_the_event_say),
		cmocka_unit_test(without_a_summary_the_event_is_one),
		cmocka_unit_test(
		    texts_of_any_length_are_cut_between_characters),
		cmocka_unit_test(too_many_are_refused_not_forgotten),
		cmocka_unit_test(those_that_cool_down_take_bounded_memory),
		cmocka_unit_test(only_what_changed_is_to_be_saved),
		cmocka_unit_test(after_a_restart_an_open_incident_goes_on),
		cmocka_unit_test(
		    after_a_restart_one_that_cools_down_opens_again),
		cmocka_unit_test(an_incident_whose_rule_is_gone_stays_open),
		cmocka_unit_test(an_action_has_one_run_an_incident),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
