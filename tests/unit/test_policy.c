/* SPDX-License-Identifier: MIT */
/*
 * What a rule says of its incidents, as it is written in YAML.
 */
#include "incident/policy.h"

#include "base/mem.h"
#include "conf/node.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static const char *const sources[] = { "app" };

struct bench {
	struct diag *diag;
	struct doc *doc;
	struct rule rule;
	struct policy policy;
};

static void
bench_read(struct bench *b, const char *yaml)
{
	struct source_names names = { .names = sources, .count = 1 };

	*b = (struct bench){ .diag = diag_new() };
	b->doc = doc_parse("test.yml", text_of(yaml), b->diag);
	rule_read(&b->rule, "r", doc_root(b->doc), &names);
	policy_read(&b->policy, &b->rule, doc_root(b->doc));
}

static void
bench_free(struct bench *b)
{
	policy_free(&b->policy);
	rule_free(&b->rule);
	doc_free(b->doc);
	diag_free(b->diag);
}

static void
what_is_not_said_has_its_default(void **state)
{
	struct bench b;

	(void)state;
	bench_read(&b, "match: x");
	assert_int_equal(diag_errors(b.diag), 0);
	assert_int_equal(b.policy.severity, SEVERITY_ERROR);
	assert_null(b.policy.summary);
	assert_null(b.policy.description);
	assert_null(b.policy.runbook);
	assert_int_equal(b.policy.labels.count, 0);
	assert_int_equal(b.policy.quiet_ms, 15 * 60 * 1000);
	assert_int_equal(b.policy.same_count, 0);
	assert_int_equal(b.policy.cooldown_ms, 0);
	bench_free(&b);
}

static void
what_is_said_is_taken(void **state)
{
	struct bench b;

	(void)state;
	setenv("LOGWATCH_TEST_TEAM", "crm", 1);
	bench_read(&b, "match: '(?<t>x)'\n"
		       "severity: critical\n"
		       "summary: 'on {{t}}, {{ team }}'\n"
		       "description: 'in {{source}} $${x}'\n"
		       "runbook: 'https://wiki/${LOGWATCH_TEST_TEAM}'\n"
		       "labels: {team: '${LOGWATCH_TEST_TEAM}', n: 12}\n"
		       "resolve: {match: 'y(?<t>x)', same: [t], quiet: 10m}\n"
		       "cooldown: 1h30m\n");
	unsetenv("LOGWATCH_TEST_TEAM");
	assert_int_equal(diag_errors(b.diag), 0);
	assert_int_equal(b.policy.severity, SEVERITY_CRITICAL);
	assert_int_equal(template_count(b.policy.summary), 2);
	assert_string_equal(template_name(b.policy.description, 0), "source");
	assert_string_equal(b.policy.runbook, "https://wiki/crm");
	assert_true(text_is(pairs_get(&b.policy.labels, "team"), "crm"));
	assert_true(text_is(pairs_get(&b.policy.labels, "n"), "12"));
	assert_int_equal(b.policy.quiet_ms, 600000);
	assert_int_equal(b.policy.same_count, 1);
	assert_string_equal(b.policy.same[0], "t");
	assert_int_equal(b.policy.cooldown_ms, 5400000);
	assert_true(policy_knows(&b.policy, &b.rule, "t"));
	assert_true(policy_knows(&b.policy, &b.rule, "team"));
	assert_true(policy_knows(&b.policy, &b.rule, "runbook"));
	assert_false(policy_knows(&b.policy, &b.rule, "x"));
	bench_free(&b);
}

static void
each_severity_has_its_word(void **state)
{
	static const char *const words[] = { "info", "warning", "error",
		"critical" };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct bench b;
		struct str yaml = { 0 };

		str_printf(&yaml, "{match: x, severity: %s}", words[i]);
		bench_read(&b, yaml.data);
		assert_int_equal(b.policy.severity, i);
		assert_string_equal(severity_name(b.policy.severity), words[i]);
		bench_free(&b);
		str_free(&yaml);
	}
}

static void
resolve_says_when_it_is_over(void **state)
{
	static const struct {
		const char *resolve;
		int64_t quiet_ms;
	} cases[] = {
		{ "manual", INT64_MAX },
		{ "{quiet: 10s}", 10000 },
		{ "{match: done}", INT64_MAX },
		{ "{match: done, quiet: 1d}", 86400000 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct bench b;
		struct str yaml = { 0 };

		str_printf(&yaml, "{match: x, resolve: %s}", cases[i].resolve);
		bench_read(&b, yaml.data);
		assert_int_equal(diag_errors(b.diag), 0);
		assert_true(b.policy.quiet_ms == cases[i].quiet_ms);
		bench_free(&b);
		str_free(&yaml);
	}
}

/* Every name that the interface gives a template, and none else. */
static void
a_template_knows_the_names_that_every_incident_has(void **state)
{
	static const char *const names[] = { "rule", "id", "key", "severity",
		"state", "summary", "host", "source", "path", "line", "event",
		"count", "first_seen", "last_seen", "duration", "runbook" };

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		assert_true(incident_has_value(names[i]));
	assert_false(incident_has_value("description"));
	assert_false(incident_has_value("offset"));
	assert_false(incident_has_value(""));
	assert_false(incident_has_value("Rule"));
}

static void
a_fault_stands_where_it_is(void **state)
{
	static const struct {
		const char *yaml, *want;
	} cases[] = {
		{ "{match: x, severity: fatal}",
		    "test.yml:1:22: error: 'severity': expected info, warning, "
		    "error or critical, not 'fatal'" },
		{ "{match: '(?<table>x)', summary: 'on {{tabel}}'}",
		    "test.yml:1:39: error: rule 'r': summary: unknown name "
		    "'tabel' (did you mean 'table'?)" },
		{ "{match: x, description: '{{nobody}}'}",
		    "test.yml:1:28: error: rule 'r': description: unknown name "
		    "'nobody': no pattern of the rule captures (?<nobody>" },
		{ "{match: x, summary: 'a {{b'}",
		    "test.yml:1:24: error: rule 'r': summary: '{{' without "
		    "'}}'" },
		{ "{match: x, resolve: {match: '(?<o>o)'}, summary: '{{o}}'}",
		    "test.yml:1:53: error: rule 'r': summary: unknown name "
		    "'o'" },
		{ "{match: x, labels: [a]}",
		    "test.yml:1:20: error: rule 'r': labels: expected a map, "
		    "not a list" },
		{ "{match: x, resolve: never}",
		    "test.yml:1:21: error: 'resolve': expected manual, not "
		    "'never'" },
		{ "{match: x, resolve: {}}",
		    "test.yml:1:21: error: rule 'r': resolve: needs 'match' or "
		    "'quiet'" },
		{ "{match: x, resolve: {quiet: 0s}}",
		    "test.yml:1:29: error: 'quiet': expected a duration of at "
		    "least 1ms" },
		{ "{match: '(?<n>x)', resolve: {match: y, same: n}}",
		    "test.yml:1:46: error: rule 'r': resolve: same: 'n' must "
		    "be a capture of both patterns" },
		{ "{match: x, resolve: {match: '(?<n>y)', same: n}}",
		    "test.yml:1:46: error: rule 'r': resolve: same: 'n' must "
		    "be a capture of both patterns" },
		{ "{match: x, cooldown: 5}",
		    "test.yml:1:22: error: 'cooldown': expected a duration" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct bench b;
		char *text = NULL;
		size_t len;
		FILE *out = open_memstream(&text, &len);

		bench_read(&b, cases[i].yaml);
		diag_print(b.diag, out, false);
		fclose(out);
		if (diag_errors(b.diag) != 1 ||
		    strncmp(text, cases[i].want, strlen(cases[i].want)) != 0)
			fail_msg("%s", text);
		free(text);
		bench_free(&b);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_said_has_its_default),
		cmocka_unit_test(what_is_said_is_taken),
		cmocka_unit_test(each_severity_has_its_word),
		cmocka_unit_test(resolve_says_when_it_is_over),
		cmocka_unit_test(
		    a_template_knows_the_names_that_every_incident_has),
		cmocka_unit_test(a_fault_stands_where_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
