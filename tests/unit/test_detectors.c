/* SPDX-License-Identifier: MIT */
/*
 * Hits and time into findings: thresholds, pairs, and what of them survives.
 */
#include "detect/detectors.h"

#include "base/map.h"
#include "base/mem.h"
#include "conf/node.h"
#include "detect/key.h"
#include "detect/window.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

static const char *const sources[] = { "app" };

/* Rules of YAML, their detectors, and what they told. */
struct bench {
	struct diag *diag;
	struct doc *doc;
	struct rule *rules;
	struct detector *specs;
	size_t count;
	struct detectors *detectors;
	struct str told; /* "RULE+ KEY [CAPTURES] COUNT FIRST-NOW|" each; - for
	                    + where it did not fire */
};

static void
note(const struct finding *f, void *ctx)
{
	struct bench *b = ctx;

	str_printf(
	    &b->told, "%s%c ", b->rules[f->rule].id, f->fired ? '+' : '-');
	if (f->key.len > 0)
		str_printf(&b->told, "[%.*s] ", (int)f->key.len, f->key.data);
	for (size_t i = 0; i < f->captures->count; i++)
		str_printf(&b->told, "%s=%.*s ", f->captures->v[i].name,
		    (int)f->captures->v[i].value.len,
		    f->captures->v[i].value.data);
	str_printf(&b->told, "%lld %lld-%lld|", (long long)f->count,
	    (long long)f->first_ms, (long long)f->now_ms);
}

static void
note_over(size_t rule, struct text key, int64_t now_ms, void *ctx)
{
	struct bench *b = ctx;

	str_printf(&b->told, "%s over ", b->rules[rule].id);
	if (key.len > 0)
		str_printf(&b->told, "[%.*s] ", (int)key.len, key.data);
	str_printf(&b->told, "%lld|", (long long)now_ms);
}

/* Detectors of the rules, without a memory. */
static struct detectors *
new_detectors(struct bench *b)
{
	struct detectors_callbacks callbacks = { note, note_over, b };

	return detectors_new(b->rules, b->specs, b->count, &callbacks);
}

/* Reads the rules, whatever their faults. */
static struct bench *
bench_read(const char *rules)
{
	struct bench *b = mem_new(1, sizeof *b);
	struct source_names names = { .names = sources, .count = 1 };

	b->diag = diag_new();
	b->doc = doc_parse("test.yml", text_of(rules), b->diag);
	b->count = node_count(doc_root(b->doc));
	b->rules = mem_new(b->count, sizeof *b->rules);
	b->specs = mem_new(b->count, sizeof *b->specs);
	for (size_t i = 0; i < b->count; i++) {
		const struct node *n = node_at(doc_root(b->doc), i);
		const char *id;

		assert_true(node_text(node_get(n, "id"), &id));
		rule_read(&b->rules[i], id, n, &names);
		detector_read(&b->specs[i], &b->rules[i], n);
	}
	return b;
}

static struct bench *
bench_new(const char *rules)
{
	struct bench *b = bench_read(rules);

	assert_int_equal(diag_errors(b->diag), 0);
	b->detectors = new_detectors(b);
	return b;
}

static void
bench_free(struct bench *b)
{
	detectors_free(b->detectors);
	for (size_t i = 0; i < b->count; i++) {
		rule_free(&b->rules[i]);
		detector_free(&b->specs[i]);
	}
	free(b->rules);
	free(b->specs);
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

/* A hit of a part by what its pattern captures in a line. */
static void
hit(struct bench *b, size_t rule, enum part part, const char *line,
    int64_t now_ms)
{
	struct event event = { .text = text_of(line), .wall_ms = now_ms };
	struct captures captures;
	struct hit h = { rule, part, &event, &captures, { "", 0 } };

	assert_int_equal(patterns_match(&b->rules[rule].parts[part], event.text,
			     &captures, &h.span),
	    MATCH_YES);
	detectors_hit(b->detectors, &h, now_ms);
}

static void
match(struct bench *b, const char *line, int64_t now_ms)
{
	hit(b, 0, PART_MATCH, line, now_ms);
}

static void
second(struct bench *b, const char *line, int64_t now_ms)
{
	hit(b, 0, PART_SECOND, line, now_ms);
}

static void
without_a_threshold_each_hit_fires(void **state)
{
	struct bench *b = bench_new("- {id: r, match: 'u(?<n>\\d+)', key: n}");

	(void)state;
	match(b, "u1", 100);
	match(b, "u2", 100);
	match(b, "u1", 200);
	check(b, "r+ [1:1] n=1 1 100-100|r+ [1:2] n=2 1 100-100|"
		 "r+ [1:1] n=1 1 200-200|");
	bench_free(b);
}

/* From one to two o'clock, in 1970. */
#define ACTIVE "active: {hours: '01:00-02:00', zone: UTC}"
#define HOUR INT64_C(3600000)

static void
what_a_rule_looks_at_fires_only_while_it_is_active(void **state)
{
	struct bench *b =
	    bench_new("- {id: r, http: 'http://h/', for: 1s, " ACTIVE "}");
	const struct captures none = { 0 };
	struct detectors *ds = b->detectors;

#define AT(ms) ((struct moment){ (ms), (ms) })
	(void)state;
	detectors_see(ds, 0, SIGHT_BAD, &none, text_of("x"), AT(1000));
	detectors_see(ds, 0, SIGHT_BAD, &none, text_of("x"), AT(3000));
	assert_int_equal(detectors_due(ds), HOUR);
	detectors_tick(ds, AT(HOUR - 1));
	check(b, "");
	detectors_tick(ds, AT(HOUR));
	check(b, "r+ 1 3600000-3600000|");
	assert_int_equal(detectors_due(ds), INT64_MAX);
	/* What is good is so at any time. */
	detectors_see(ds, 0, SIGHT_GOOD, &none, text_of("x"), AT(2 * HOUR));
	check(b, "r over 7200000|");
	/* Its time came within, and nobody looked before that was over. */
	detectors_see(
	    ds, 0, SIGHT_BAD, &none, text_of("x"), AT(2 * HOUR - 1001));
	detectors_tick(ds, AT(2 * HOUR));
	check(b, "");
	assert_int_equal(detectors_due(ds), 25 * HOUR);
	bench_free(b);
}

static void
hits_outside_of_active_do_not_count(void **state)
{
	struct bench *b = bench_new("- {id: r, match: x, threshold: {count: 2, "
				    "within: 1h}, " ACTIVE "}");

	(void)state;
	match(b, "x", HOUR - 1);
	match(b, "x", HOUR);
	check(b, "r- 1 3600000-3600000|");
	match(b, "x", 2 * HOUR - 1);
	match(b, "x", 2 * HOUR);
	check(b, "r+ 2 3600000-7199999|");
	bench_free(b);
}

static void
what_is_awaited_may_come_at_any_time(void **state)
{
	struct bench *b = bench_new("- {id: r, match: 'a', not_followed_by: "
				    "{match: 'b', within: 1s}, " ACTIVE "}");

	(void)state;
	detectors_caught_up(b->detectors, true);
	match(b, "a", HOUR - 1);
	assert_int_equal(detectors_due(b->detectors), INT64_MAX);
	match(b, "a", 2 * HOUR - 1);
	detectors_tick(b->detectors, AT(2 * HOUR + 999));
	assert_int_equal(detectors_due(b->detectors), 25 * HOUR);
	second(b, "b", 3 * HOUR);
	assert_int_equal(detectors_due(b->detectors), INT64_MAX);
	match(b, "a", 25 * HOUR);
	detectors_tick(b->detectors, AT(25 * HOUR + 1000));
	check(b, "r+ 1 90001000-90001000|");
	bench_free(b);
}

static void
a_threshold_of_one_is_none(void **state)
{
	struct bench *b =
	    bench_new("- {id: r, match: x, threshold: {count: 1, within: 1s}}");

	(void)state;
	match(b, "x", 100);
	match(b, "x", 100);
	check(b, "r+ 1 100-100|r+ 1 100-100|");
	bench_free(b);
}

static void
a_hit_counts_while_it_is_younger_than_within(void **state)
{
	static const struct {
		int64_t times[6];
		const char *want;
	} cases[] = {
		{ { 1, 2, 3 }, "r- 1 1-1|r- 1 1-2|r+ 3 1-3|" },
		{ { 5, 5, 5 }, "r- 1 5-5|r- 1 5-5|r+ 3 5-5|" },
		{ { 1, 2, 1000 }, "r- 1 1-1|r- 1 1-2|r+ 3 1-1000|" },
		/* As old as within: no more. */
		{ { 1, 2, 1001 }, "r- 1 1-1|r- 1 1-2|r- 1 2-1001|" },
		{ { 1, 2, 1001, 1001 },
		    "r- 1 1-1|r- 1 1-2|r- 1 2-1001|r+ 3 2-1001|" },
		{ { 1, 1001, 2001, 3001 },
		    "r- 1 1-1|r- 1 1001-1001|r- 1 2001-2001|r- 1 3001-3001|" },
		/* It fires at each hit as long as enough are within. */
		{ { 1, 2, 3, 4, 1002 },
		    "r- 1 1-1|r- 1 1-2|r+ 3 1-3|r+ 3 2-4|r+ 3 3-1002|" },
		{ { 1, 500, 900, 1400, 1950 },
		    "r- 1 1-1|r- 1 1-500|r+ 3 1-900|r+ 3 500-1400|"
		    "r- 1 1400-1950|" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct bench *b = bench_new(
		    "- {id: r, match: x, threshold: {count: 3, within: 1s}}");

		for (size_t k = 0; k < 6 && cases[i].times[k] > 0; k++)
			match(b, "x", cases[i].times[k]);
		check(b, cases[i].want);
		bench_free(b);
	}
}

static void
each_key_has_a_window_of_its_own(void **state)
{
	struct bench *b =
	    bench_new("- {id: r, match: '(?<a>\\w*) (?<b>\\w*)', key: [a, b],\n"
		      "   threshold: {count: 2, within: 1s}}");

	(void)state;
	match(b, "x yz", 1);
	match(b, "xy z", 2);
	match(b, " xyz", 3);
	match(b, "xyz ", 4);
	check(b, "r- [1:x2:yz] a=x b=yz 1 1-1|r- [2:xy1:z] a=xy b=z 1 2-2|"
		 "r- [0:3:xyz] a= b=xyz 1 3-3|r- [3:xyz0:] a=xyz b= 1 4-4|");
	match(b, "xy z", 5);
	check(b, "r+ [2:xy1:z] a=xy b=z 2 2-5|");
	bench_free(b);
}

static void
distinct_counts_values_each_once_at_its_last_time(void **state)
{
	struct bench *b =
	    bench_new("- {id: r, match: '(?<t>\\w*)',\n"
		      "   threshold: {count: 3, within: 1s, distinct: t}}");

	(void)state;
	match(b, "a", 1);
	match(b, "a", 2);
	match(b, "a", 3);
	match(b, "b", 4);
	match(b, "a", 900);
	str_clear(&b->told);
	match(b, "c", 1003); /* b is still younger than a second, as is a */
	check(b, "r+ t=c 3 4-1003|");
	match(b, "d", 1004); /* b is not any more */
	check(b, "r+ t=d 3 900-1004|");
	match(b, "c", 1950); /* nor a */
	check(b, "r- t=c 1 1004-1950|");
	/* The empty text is a value too. */
	match(b, "", 1960);
	check(b, "r+ t= 3 1004-1960|");
	bench_free(b);
}

static void
a_reset_empties_the_window_of_a_key_or_of_all(void **state)
{
	struct bench *b = bench_new("- {id: r, match: '(?<k>\\w)', key: k,\n"
				    "   threshold: {count: 2, within: 1s}}");
	struct text key = TEXT("1:a"), other = TEXT("1:z");

	(void)state;
	match(b, "a", 1);
	match(b, "b", 1);
	str_clear(&b->told);
	detectors_reset(b->detectors, 0, &key, 0);
	detectors_reset(b->detectors, 0, &other, 0);
	match(b, "a", 2);
	match(b, "b", 2);
	check(b, "r- [1:a] k=a 1 2-2|r+ [1:b] k=b 2 1-2|");
	detectors_reset(b->detectors, 0, NULL, 0);
	match(b, "a", 3);
	match(b, "b", 3);
	check(b, "r- [1:a] k=a 1 3-3|r- [1:b] k=b 1 3-3|");
	bench_free(b);
}

static void
a_pair_is_one_hit_at_the_time_of_its_second_half(void **state)
{
	struct bench *b = bench_new(
	    "- id: r\n"
	    "  match: 'begin (?<job>\\d+) (?<what>\\w+)'\n"
	    "  followed_by: {match: 'abort (?<job>\\d+) (?<why>\\w+)',\n"
	    "    within: 1s, same: [job]}\n"
	    "  key: [job]\n");

	(void)state;
	assert_false(detectors_waits(b->detectors, 0));
	second(b, "abort 1 early", 5);
	match(b, "begin 1 mail", 10);
	assert_true(detectors_waits(b->detectors, 0));
	second(b, "abort 2 other", 20);
	check(b, "");
	second(b, "abort 1 late", 1009);
	check(b, "r+ [1:1] job=1 why=late what=mail 1 1009-1009|");
	/* It is settled. */
	assert_false(detectors_waits(b->detectors, 0));
	second(b, "abort 1 again", 1010);
	check(b, "");
	bench_free(b);
}

static void
a_second_half_comes_too_late_when_within_is_over(void **state)
{
	struct bench *b =
	    bench_new("- {id: r, match: a, followed_by: {match: b, "
		      "within: 1s}}");

	(void)state;
	match(b, "a", 10);
	assert_true(detectors_waits(b->detectors, 0));
	second(b, "b", 1010);
	check(b, "");
	assert_false(detectors_waits(b->detectors, 0));
	match(b, "a", 2000);
	second(b, "b", 2999);
	check(b, "r+ 1 2999-2999|");
	bench_free(b);
}

static void
a_first_half_that_comes_again_keeps_its_deadline(void **state)
{
	struct bench *b =
	    bench_new("- {id: r, match: 'a(?<n>.)', followed_by: {match: b, "
		      "within: 1s}}");

	(void)state;
	match(b, "a1", 0);
	match(b, "a2", 900);
	second(b, "b", 1000);
	check(b, "");
	match(b, "a1", 2000);
	match(b, "a2", 2900);
	second(b, "b", 2999);
	check(b, "r+ n=1 1 2999-2999|");
	bench_free(b);
}

static void
one_second_half_settles_all_with_equal_captures(void **state)
{
	struct bench *b = bench_new(
	    "- id: r\n"
	    "  match: 'q(?<q>.) j(?<j>.)'\n"
	    "  followed_by: {match: 'died q(?<q>.)', within: 1s, same: q}\n"
	    "  key: [j]\n");

	(void)state;
	match(b, "q1 j1", 1);
	match(b, "q1 j2", 2);
	match(b, "q2 j3", 3);
	second(b, "died q1", 10);
	check(b, "r+ [1:1] q=1 j=1 1 10-10|r+ [1:2] q=1 j=2 1 10-10|");
	second(b, "died q1", 11);
	check(b, "");
	second(b, "died q2", 12);
	check(b, "r+ [1:3] q=2 j=3 1 12-12|");
	bench_free(b);
}

static void
without_same_any_second_half_settles_all(void **state)
{
	struct bench *b =
	    bench_new("- {id: r, match: 'a(?<n>.)', followed_by: {match: b, "
		      "within: 1s}, key: n}");

	(void)state;
	match(b, "a1", 1);
	match(b, "a2", 2);
	second(b, "b", 3);
	check(b, "r+ [1:1] n=1 1 3-3|r+ [1:2] n=2 1 3-3|");
	bench_free(b);
}

static void
resetting_a_key_leaves_the_firsts_of_others_waiting(void **state)
{
	struct bench *b = bench_new(
	    "- {id: r, match: 'a(?<n>.)', followed_by: {match: 'b(?<n>.)', "
	    "within: 1s, same: n}, key: n}");
	struct text key = TEXT("1:1");

	(void)state;
	match(b, "a1", 1);
	match(b, "a2", 1);
	detectors_reset(b->detectors, 0, &key, 0);
	second(b, "b2", 3);
	check(b, "r+ [1:2] n=2 1 3-3|");
	detectors_reset(b->detectors, 0, NULL, 0);
	second(b, "b1", 3);
	check(b, "");
	bench_free(b);
}

/* The memory that was told: rule, key and state each, to be restored. */
struct memory {
	char *rule;
	char *key, *state;
	size_t key_len, state_len;
};

struct memories {
	struct memory v[16];
	size_t count;
};

static void
keep(const char *rule, struct text key, struct text state, void *ctx)
{
	struct memories *ms = ctx;

	assert_true(ms->count < 16);
	ms->v[ms->count++] =
	    (struct memory){ mem_text(rule), mem_copy(key.data, key.len),
		    mem_copy(state.data, state.len), key.len, state.len };
}

static void
forget(struct memories *ms)
{
	while (ms->count > 0) {
		struct memory *m = &ms->v[--ms->count];

		free(m->rule);
		free(m->key);
		free(m->state);
	}
}

/* A restart: other detectors with what the first ones told. */
static void
restart_at(struct bench *b, struct memories *ms, int64_t now_ms)
{
	detectors_free(b->detectors);
	b->detectors = new_detectors(b);
	for (size_t i = 0; i < ms->count; i++) {
		struct memory *m = &ms->v[i];

		if (m->state_len > 0)
			assert_true(detectors_restore(b->detectors, m->rule,
			    (struct text){ m->key, m->key_len },
			    (struct text){ m->state, m->state_len }, now_ms));
	}
}

static void
restart(struct bench *b, struct memories *ms)
{
	restart_at(b, ms, 0);
}

static void
a_window_goes_on_after_a_restart(void **state)
{
	struct bench *b =
	    bench_new("- {id: r, match: '(?<k>\\w) (?<v>\\w)', key: k,\n"
		      "   threshold: {count: 3, within: 1s, distinct: v}}\n"
		      "- {id: s, match: '(?<k>\\w)', key: k,\n"
		      "   threshold: {count: 2, within: 1s}}");
	struct memories ms = { .count = 0 };

	(void)state;
	match(b, "a 1", 1);
	match(b, "a 2", 2);
	match(b, "b 1", 3);
	hit(b, 1, PART_MATCH, "a", 500);
	detectors_changed(b->detectors, keep, &ms);
	assert_int_equal(ms.count, 3);
	str_clear(&b->told);
	restart(b, &ms);
	match(b, "a 2", 10);
	match(b, "a 3", 1000);
	match(b, "b 3", 1000);
	check(b, "r- [1:a] k=a v=2 1 1-10|r+ [1:a] k=a v=3 3 1-1000|"
		 "r- [1:b] k=b v=3 1 3-1000|");
	hit(b, 1, PART_MATCH, "a", 1499);
	hit(b, 1, PART_MATCH, "a", 2499);
	check(b, "s+ [1:a] k=a 2 500-1499|s- [1:a] k=a 1 2499-2499|");
	forget(&ms);
	bench_free(b);
}

static void
firsts_that_wait_go_on_after_a_restart(void **state)
{
	struct bench *b = bench_new(
	    "- {id: r, match: 'a(?<n>.) (?<t>.*)', key: n,\n"
	    "   followed_by: {match: 'b(?<n>.)', within: 1s, same: n}}");
	struct memories ms = { .count = 0 };

	(void)state;
	match(b, "a1 \xc3\xa4\"\\", 1);
	match(b, "a2 x", 2);
	match(b, "a3 y", 3);
	second(b, "b3", 4);
	str_clear(&b->told);
	detectors_changed(b->detectors, keep, &ms);
	restart(b, &ms);
	assert_true(detectors_waits(b->detectors, 0));
	match(b, "a1 again", 500); /* keeps the first deadline */
	second(b, "b1", 1000);
	check(b, "r+ [1:1] n=1 t=\xc3\xa4\"\\ 1 1000-1000|");
	second(b, "b3", 1001);
	check(b, "");
	second(b, "b2", 1002); /* its time is up */
	check(b, "");
	forget(&ms);
	bench_free(b);
}

/* The last first, as many as there may be. */
static void
restore_backwards(struct bench *b, const char *rule, bool pair)
{
	for (int i = 100000; i-- > 0;) {
		char key[32], text[96];

		snprintf(
		    key, sizeof key, pair ? "7:5:%05d5:%05d" : "5:%05d", i, i);
		snprintf(text, sizeof text,
		    "{\"ms\":%d,\"captures\":{},\"path\":\"\",\"text\":\"\"}",
		    i);
		assert_true(detectors_restore(
		    b->detectors, rule, text_of(key), text_of(text), 100000));
	}
}

static void
many_are_restored_in_whatever_order(void **state)
{
	struct bench *b = bench_new(
	    "- {id: p, match: 'a(?<n>\\d+)', key: n,\n"
	    "   followed_by: {match: 'b(?<n>\\d+)', within: 1m, same: n}}\n"
	    "- {id: m, match: 'a(?<n>\\d+)', key: n,\n"
	    "   not_followed_by: {match: 'b(?<n>\\d+)', within: 1m, same: n}}\n"
	    "- {id: s, absent: 'a(?<n>\\d+)', key: n, for: 2m}\n");
	clock_t start = clock();

	(void)state;
	restore_backwards(b, "p", true);
	restore_backwards(b, "m", true);
	restore_backwards(b, "s", false);
	detectors_order(b->detectors);
	detectors_begin(b->detectors, 100000);
	assert_true(clock() - start < 15 * CLOCKS_PER_SEC);
	detectors_caught_up(b->detectors, true);
	assert_int_equal(detectors_due(b->detectors), 60000);
	detectors_tick(b->detectors, (struct moment){ 60000, 60000 });
	check(b, "m+ [5:00000] 1 60000-60000|");
	assert_int_equal(detectors_due(b->detectors), 60001);
	second(b, "b00000", 60000); /* its time is up */
	check(b, "");
	second(b, "b00001", 60000);
	check(b, "p+ [5:00001] n=00001 1 60000-60000|");
	bench_free(b);
}

static void
only_what_changed_is_told_until_it_is_saved(void **state)
{
	struct bench *b = bench_new("- {id: r, match: '(?<k>\\w)', key: k,\n"
				    "   threshold: {count: 3, within: 1s}}");
	struct memories ms = { .count = 0 };
	struct text key = TEXT("1:a");

	(void)state;
	match(b, "a", 1);
	match(b, "a", 2);
	detectors_changed(b->detectors, keep, &ms);
	assert_int_equal(ms.count, 1);
	assert_string_equal(ms.v[0].rule, "r");
	assert_string_equal(ms.v[0].key, "1:a");
	/* Told again, for it was not saved. */
	detectors_changed(b->detectors, keep, &ms);
	assert_int_equal(ms.count, 2);
	assert_string_equal(ms.v[1].state, ms.v[0].state);
	detectors_saved(b->detectors);
	forget(&ms);
	detectors_changed(b->detectors, keep, &ms);
	assert_int_equal(ms.count, 0);
	match(b, "b", 3);
	detectors_changed(b->detectors, keep, &ms);
	assert_int_equal(ms.count, 1);
	assert_string_equal(ms.v[0].key, "1:b");
	detectors_saved(b->detectors);
	forget(&ms);
	/* What is gone is told as empty. */
	detectors_reset(b->detectors, 0, &key, 0);
	detectors_changed(b->detectors, keep, &ms);
	assert_int_equal(ms.count, 1);
	assert_string_equal(ms.v[0].key, "1:a");
	assert_int_equal(ms.v[0].state_len, 0);
	forget(&ms);
	bench_free(b);
}

static void
memory_that_is_none_does_no_harm(void **state)
{
	static const char *const states[] = { "", "[", "null", "[1,2]", "[[]]",
		"{}", "[\"a\",1]", "[{\"ms\":1}]", "[1e400]",
		"{\"ms\":1,\"captures\":[]}", "{\"ms\":\"1\",\"captures\":{}}",
		"\xff\xfe", "[1,\"a\",2,\"b\",3,\"c\",4,\"d\",5,\"e\"]" };
	struct bench *b = bench_new(
	    "- {id: r, match: 'a', followed_by: {match: b, within: 1s}}\n"
	    "- {id: w, match: a, threshold: {count: 3, within: 1s}}\n"
	    "- {id: n, match: a}\n");
	struct text key = TEXT(""), id = TEXT("0:");

	(void)state;
	for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
		struct text text = text_of(states[i]);

		assert_false(detectors_restore(b->detectors, "r", id, text, 0));
		assert_true(detectors_restore(b->detectors, "w", key, text, 0));
		assert_false(
		    detectors_restore(b->detectors, "n", key, text, 0));
		assert_false(
		    detectors_restore(b->detectors, "gone", key, text, 0));
		second(b, "b", 10);
		hit(b, 1, PART_MATCH, "a", 100000);
	}
	/* A capture that is none is empty. */
	assert_true(detectors_restore(b->detectors, "r", id,
	    TEXT("{\"ms\":1,\"captures\":{\"n\":5}}"), 0));
	second(b, "b", 10);
	bench_free(b);
}

static void
a_clock_that_was_set_back_makes_no_storm(void **state)
{
	struct bench *b = bench_new(
	    "- {id: w, match: a, threshold: {count: 3, within: 1m}}\n"
	    "- {id: r, match: 'a', followed_by: {match: b, within: 1m}}\n");
	struct text key = TEXT("");

	(void)state;
	/* Restored: an hour ahead of the clock as it is now. */
	assert_true(detectors_restore(
	    b->detectors, "w", key, TEXT("[3600000,3600001]"), 0));
	match(b, "a", 1000);
	check(b, "w- 1 1000-1000|");
	match(b, "a", 1001);
	match(b, "a", 1002);
	check(b, "w- 1 1000-1001|w+ 3 1000-1002|");
	assert_true(detectors_restore(b->detectors, "r", TEXT("0:"),
	    TEXT("{\"ms\":3600000,\"captures\":{}}"), 0));
	hit(b, 1, PART_SECOND, "b", 1000);
	check(b, "");
	bench_free(b);
}

/* Absence: all was read, from 0 ms on. */
static struct bench *
awaiting(const char *rules)
{
	struct bench *b = bench_new(rules);

	detectors_order(b->detectors);
	detectors_begin(b->detectors, 0);
	detectors_caught_up(b->detectors, true);
	return b;
}

static void
tick(struct bench *b, int64_t now_ms)
{
	detectors_tick(b->detectors, (struct moment){ now_ms, now_ms });
}

static void
what_never_came_is_absent_when_the_time_is_up(void **state)
{
	struct bench *b = awaiting("- {id: r, absent: '^alive', for: 10s}");

	(void)state;
	assert_int_equal(detectors_due(b->detectors), 10000);
	tick(b, 9999);
	check(b, "");
	tick(b, 10000);
	check(b, "r+ 1 10000-10000|");
	assert_int_equal(detectors_due(b->detectors), INT64_MAX);
	tick(b, 100000);
	check(b, "");
	bench_free(b);
}

static void
a_match_ends_an_absence_and_begins_the_next_wait(void **state)
{
	struct bench *b =
	    awaiting("- {id: r, absent: [x, 'alive (?<n>\\d+)'], for: 10s}");

	(void)state;
	match(b, "alive 7", 4000);
	check(b, "r over 4000|");
	tick(b, 13999);
	check(b, "");
	/* With what it captured when it came last. */
	tick(b, 14000);
	check(b, "r+ n=7 1 14000-14000|");
	match(b, "x", 20000);
	check(b, "r over 20000|");
	assert_int_equal(detectors_due(b->detectors), 30000);
	tick(b, 30000);
	check(b, "r+ 1 30000-30000|");
	bench_free(b);
}

static void
each_key_has_a_timer_once_it_was_seen(void **state)
{
	struct bench *b =
	    awaiting("- {id: r, absent: 'from (?<h>\\w+)', key: h, for: 10s}");

	(void)state;
	assert_int_equal(detectors_due(b->detectors), INT64_MAX);
	match(b, "from a", 0);
	match(b, "from b", 1000);
	match(b, "from a", 2000);
	check(b, "r over [1:a] 0|r over [1:b] 1000|r over [1:a] 2000|");
	tick(b, 11000);
	check(b, "r+ [1:b] h=b 1 11000-11000|");
	tick(b, 12000);
	check(b, "r+ [1:a] h=a 1 12000-12000|");
	match(b, "from b", 13000);
	check(b, "r over [1:b] 13000|");
	bench_free(b);
}

static void
a_key_is_forgotten_and_its_incident_is_over(void **state)
{
	struct bench *b =
	    awaiting("- {id: r, absent: '(?<h>\\w+)', key: h, for: 10s,\n"
		     "   forget: 1m}");

	(void)state;
	match(b, "a", 0);
	match(b, "b", 5000);
	str_clear(&b->told);
	tick(b, 20000);
	check(b, "r+ [1:a] h=a 1 20000-20000|r+ [1:b] h=b 1 20000-20000|");
	assert_int_equal(detectors_due(b->detectors), 60000);
	tick(b, 60000);
	check(b, "r over [1:a] 60000|");
	assert_int_equal(detectors_due(b->detectors), 65000);
	/* Seen again it is a new one. */
	match(b, "a", 61000);
	check(b, "r over [1:a] 61000|");
	tick(b, 71000);
	check(b, "r+ [1:a] h=a 1 71000-71000|r over [1:b] 71000|");
	bench_free(b);
}

static void
nothing_is_absent_before_all_was_read(void **state)
{
	struct bench *b = awaiting("- {id: r, absent: alive, for: 10s}");

	(void)state;
	detectors_caught_up(b->detectors, false);
	assert_int_equal(detectors_due(b->detectors), INT64_MAX);
	tick(b, 20000);
	check(b, "");
	match(b, "alive", 21000);
	check(b, "r over 21000|");
	detectors_caught_up(b->detectors, true);
	tick(b, 30999);
	check(b, "");
	tick(b, 31000);
	check(b, "r+ 1 31000-31000|");
	bench_free(b);
}

static void
an_absence_goes_on_after_a_restart(void **state)
{
	struct bench *b =
	    awaiting("- {id: r, absent: 'alive (?<n>\\d+)', for: 3d}\n"
		     "- {id: s, absent: 'x(?<k>\\w)', key: k, for: 1s}\n");
	struct memories ms = { .count = 0 };
	const int64_t day_ms = INT64_C(24) * 3600 * 1000;

	(void)state;
	match(b, "alive 1", 1000);
	hit(b, 1, PART_MATCH, "xy", 1000);
	tick(b, 2000);
	check(b, "r over 1000|s over [1:y] 1000|s+ [1:y] k=y 1 2000-2000|");
	for (int days = 1; days <= 2; days++) {
		detectors_changed(b->detectors, keep, &ms);
		restart_at(b, &ms, days * day_ms);
		forget(&ms);
		detectors_order(b->detectors);
		detectors_begin(b->detectors, days * day_ms);
		detectors_caught_up(b->detectors, true);
		tick(b, days * day_ms + 1000);
		check(b, "");
		/* All of it is to be saved again, for the test's sake. */
		detectors_reset(b->detectors, 1, NULL, days * day_ms);
		tick(b, days * day_ms + 1000);
		check(b, days == 1 ? "s+ [1:y] k=y 1 86401000-86401000|"
				   : "s+ [1:y] k=y 1 172801000-172801000|");
		if (days == 1) {
			match(b, "alive 2", day_ms);
			str_clear(&b->told);
		}
	}
	/* Three days after it came last, however often we were restarted. */
	tick(b, 4 * day_ms - 1);
	check(b, "");
	tick(b, 4 * day_ms);
	check(b, "r+ n=2 1 345600000-345600000|");
	bench_free(b);
}

static void
a_reset_begins_to_wait_anew(void **state)
{
	struct bench *b = awaiting("- {id: r, absent: alive, for: 10s}");
	struct text key = TEXT("");

	(void)state;
	tick(b, 10000);
	str_clear(&b->told);
	detectors_reset(b->detectors, 0, &key, 12000);
	assert_int_equal(detectors_due(b->detectors), 22000);
	detectors_reset(b->detectors, 0, NULL, 13000);
	assert_int_equal(detectors_due(b->detectors), 23000);
	tick(b, 23000);
	check(b, "r+ 1 23000-23000|");
	bench_free(b);
}

/* Second halves that do not come. */

static const char jobs[] =
    "- {id: r, match: 'start (?<job>\\d+) on (?<q>\\w+)', key: q,\n"
    "   not_followed_by: {match: 'end (?<job>\\d+)', within: 10s,\n"
    "                     same: job}}\n";

static void
a_second_half_that_does_not_come_is_missed(void **state)
{
	struct bench *b = awaiting(jobs);

	(void)state;
	assert_false(detectors_waits(b->detectors, 0));
	match(b, "start 1 on a", 0);
	match(b, "start 2 on b", 1000);
	match(b, "start 3 on c", 2000);
	assert_true(detectors_waits(b->detectors, 0));
	second(b, "end 2", 9000);
	second(b, "end 9", 9000);
	assert_int_equal(detectors_due(b->detectors), 10000);
	tick(b, 9999);
	check(b, "");
	tick(b, 10000);
	check(b, "r+ [1:a] job=1 q=a 1 10000-10000|");
	assert_int_equal(detectors_due(b->detectors), 12000);
	tick(b, 12000);
	check(b, "r+ [1:c] job=3 q=c 1 12000-12000|");
	/* After all. */
	second(b, "end 1", 20000);
	check(b, "r over [1:a] 20000|");
	second(b, "end 1", 20000);
	check(b, "");
	second(b, "end 3", 30000);
	check(b, "r over [1:c] 30000|");
	assert_false(detectors_waits(b->detectors, 0));
	bench_free(b);
}

static void
a_repeated_first_keeps_its_deadline(void **state)
{
	struct bench *b = awaiting(jobs);

	(void)state;
	match(b, "start 1 on a", 0);
	match(b, "start 1 on a", 9000);
	tick(b, 10000);
	check(b, "r+ [1:a] job=1 q=a 1 10000-10000|");
	match(b, "start 1 on a", 11000);
	tick(b, 30000);
	check(b, "");
	bench_free(b);
}

static void
one_second_half_settles_every_first_with_its_captures(void **state)
{
	struct bench *b = awaiting(jobs);

	(void)state;
	match(b, "start 1 on a", 0);
	match(b, "start 1 on b", 1000);
	match(b, "start 1 on c", 2000);
	tick(b, 11000);
	check(b, "r+ [1:a] job=1 q=a 1 11000-11000|"
		 "r+ [1:b] job=1 q=b 1 11000-11000|");
	second(b, "end 1", 11500);
	/* In no order. */
	assert_non_null(strstr(b->told.data, "r over [1:a] 11500|"));
	assert_non_null(strstr(b->told.data, "r over [1:b] 11500|"));
	str_clear(&b->told);
	tick(b, 99999);
	check(b, "");
	bench_free(b);
}

static void
a_key_is_over_when_none_of_its_is_missed_any_more(void **state)
{
	struct bench *b = awaiting(jobs);
	struct text key = TEXT("1:a");

	(void)state;
	match(b, "start 1 on a", 0);
	match(b, "start 2 on a", 0);
	match(b, "start 3 on a", 5000);
	tick(b, 10000);
	str_clear(&b->told);
	second(b, "end 1", 11000);
	check(b, "");
	second(b, "end 2", 12000);
	check(b, "r over [1:a] 12000|");
	/* That it is resolved ends what was missed, not what is awaited. */
	detectors_reset(b->detectors, 0, &key, 12000);
	tick(b, 15000);
	check(b, "r+ [1:a] job=3 q=a 1 15000-15000|");
	detectors_reset(b->detectors, 0, &key, 16000);
	second(b, "end 3", 17000);
	check(b, "");
	/* A repair that is proved begins anew. */
	match(b, "start 4 on a", 20000);
	detectors_reset(b->detectors, 0, NULL, 21000);
	assert_int_equal(detectors_due(b->detectors), INT64_MAX);
	bench_free(b);
}

static void
nothing_is_missed_before_all_was_read(void **state)
{
	struct bench *b = awaiting(jobs);

	(void)state;
	match(b, "start 1 on a", 0);
	detectors_caught_up(b->detectors, false);
	assert_int_equal(detectors_due(b->detectors), INT64_MAX);
	tick(b, 20000);
	second(b, "end 1", 20000);
	detectors_caught_up(b->detectors, true);
	tick(b, 30000);
	check(b, "");
	bench_free(b);
}

static void
what_is_missed_goes_on_after_a_restart(void **state)
{
	struct bench *b = awaiting(jobs);
	struct memories ms = { .count = 0 };

	(void)state;
	match(b, "start 1 on a", 0);
	match(b, "start 2 on b", 5000);
	match(b, "start 3 on c", 6000);
	second(b, "end 3", 7000);
	tick(b, 10000);
	str_clear(&b->told);
	detectors_changed(b->detectors, keep, &ms);
	restart_at(b, &ms, 12000);
	forget(&ms);
	detectors_order(b->detectors);
	detectors_begin(b->detectors, 12000);
	detectors_caught_up(b->detectors, true);
	assert_true(detectors_waits(b->detectors, 0));
	tick(b, 14999);
	check(b, "");
	tick(b, 15000);
	check(b, "r+ [1:b] job=2 q=b 1 15000-15000|");
	second(b, "end 1", 16000);
	check(b, "r over [1:a] 16000|");
	/* What is settled is not remembered either. */
	detectors_changed(b->detectors, keep, &ms);
	for (size_t i = 0; i < ms.count; i++)
		if (ms.v[i].key_len > 2 && ms.v[i].key[4] == '1')
			assert_int_equal(ms.v[i].state_len, 0);
	forget(&ms);
	bench_free(b);
}

static void
what_is_no_memory_of_a_first_is_left_out(void **state)
{
	static const char *const ids[] = { "", ":", "3:1:1", "1:", "9:1:11:a",
		"99999999999999999999:1", "x:1", "3:1:11:a" };
	static const char *const states[] = { "", "[]", "{\"ms\":1}",
		"{\"ms\":1,\"captures\":{},\"path\":\"p\"}",
		"{\"ms\":1,\"captures\":{\"q\":\"a\"},\"path\":\"p\","
		"\"text\":\"t\"}" };
	struct bench *b = bench_new(jobs);

	(void)state;
	for (size_t i = 0; i < sizeof ids / sizeof *ids; i++)
		for (size_t k = 0; k < sizeof states / sizeof *states; k++)
			assert_true(detectors_restore(b->detectors, "r",
			    text_of(ids[i]), text_of(states[k]), 1000));
	detectors_caught_up(b->detectors, true);
	/* Those with which nothing is wrong. */
	tick(b, 99999);
	assert_non_null(strstr(b->told.data, "r+ [1:a] q=a 1 99999-99999|"));
	second(b, "end 1", 99999);
	assert_non_null(strstr(b->told.data, "r over [1:a] 99999|"));
	bench_free(b);
}

static void
what_is_no_memory_of_an_absence_is_left_out(void **state)
{
	static const char *const states[] = { "", "[", "null", "[1]", "{}",
		"{\"ms\":\"1\"}", "{\"ms\":1,\"captures\":[]}",
		"{\"ms\":1,\"captures\":{\"n\":5},\"path\":\"p\","
		"\"text\":\"t\"}",
		"{\"ms\":9e99}", "\xff" };
	struct text key = TEXT("");

	(void)state;
	for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
		struct bench *b =
		    bench_new("- {id: r, absent: 'a(?<n>b)?', for: 1s}\n"
			      "- {id: k, absent: 'a(?<n>b)', key: n, for: 1s}");

		assert_true(detectors_restore(
		    b->detectors, "r", key, text_of(states[i]), 1000));
		assert_false(detectors_restore(
		    b->detectors, "k", key, text_of(states[i]), 1000));
		detectors_order(b->detectors);
		detectors_begin(b->detectors, 1000);
		detectors_caught_up(b->detectors, true);
		tick(b, 2000);
		assert_non_null(strstr(b->told.data, "r+ "));
		bench_free(b);
	}
	/* From the future, after the clock was set back: it is now. */
	struct bench *b = bench_new("- {id: r, absent: a, for: 1s}");

	assert_true(detectors_restore(
	    b->detectors, "r", key, TEXT("{\"ms\":99999999}"), 1000));
	detectors_caught_up(b->detectors, true);
	assert_int_equal(detectors_due(b->detectors), 2000);
	bench_free(b);
}

static void
keys_without_number_take_bounded_memory(void **state)
{
	struct bench *b = bench_new("- {id: r, match: '(?<k>\\w+)', key: k,\n"
				    "   threshold: {count: 2, within: 1h}}");
	char line[24];

	(void)state;
	match(b, "first", 0);
	for (int i = 0; i < 100000; i++) {
		snprintf(line, sizeof line, "k%d", i);
		match(b, line, 1);
		str_clear(&b->told);
	}
	/* The oldest made room; the youngest is there. */
	match(b, "first", 2);
	check(b, "r- [5:first] k=first 1 2-2|");
	match(b, "k99999", 2);
	check(b, "r+ [6:k99999] k=k99999 2 1-2|");
	bench_free(b);
	/* Of firsts the oldest, whose incident is over if it was missed. */
	b = awaiting("- {id: r, match: 'b(?<k>\\d+)', key: k,\n"
		     "   not_followed_by: {match: 'e(?<k>\\d+)', within: 1s,\n"
		     "   same: k}}");
	match(b, "b0", 0);
	tick(b, 1000);
	for (int i = 1; i < 100000; i++) {
		snprintf(line, sizeof line, "b%d", i);
		match(b, line, 1000);
	}
	str_clear(&b->told);
	match(b, "b100000", 1000);
	check(b, "r over [1:0] 1000|");
	bench_free(b);
	/* Of an absence the longest unseen, whose incident is over. */
	b = awaiting("- {id: r, absent: '(?<k>\\w+)', key: k, for: 1h}");
	for (int i = 0; i < 100000; i++) {
		snprintf(line, sizeof line, "k%d", i);
		match(b, line, 1);
		str_clear(&b->told);
	}
	match(b, "k0", 2);
	str_clear(&b->told);
	match(b, "more", 3);
	check(b, "r over [2:k1] 3|r over [4:more] 3|");
	bench_free(b);
}

static void
a_huge_value_is_a_key_by_its_head(void **state)
{
	struct bench *b = bench_new("- {id: r, match: '(?<k>\\w+)', key: k}");
	char *line = mem_new(KEY_VALUE_MAX + 100, 1);
	struct str key = { 0 };
	struct captures cs = { 1,
		{ { .name = "k", .value = { line, KEY_VALUE_MAX + 99 } } } };
	char *names[] = { line }; /* set below */
	char name[] = "k";

	(void)state;
	names[0] = name;
	memset(line, 'a', KEY_VALUE_MAX + 99);
	key_write(&cs, names, 1, &key);
	assert_int_equal(key.len, KEY_VALUE_MAX + strlen("1024:"));
	/* No names, no text. */
	key_write(&cs, names, 0, &key);
	assert_int_equal(key.len, 0);
	/* A capture of another name counts as empty. */
	name[0] = 'z';
	key_write(&cs, names, 1, &key);
	assert_true(text_is(str_text(&key), "0:"));
	str_free(&key);
	free(line);
	bench_free(b);
}

static void
a_detector_that_is_wrong_is_a_fault(void **state)
{
	static const struct {
		const char *rule, *fault;
	} cases[] = {
		{ "- {id: r, match: a, threshold: {within: 1s}}",
		    "rule 'r': threshold: needs 'count'" },
		{ "- {id: r, match: a, threshold: {count: 3}}",
		    "rule 'r': threshold: needs 'within'" },
		{ "- {id: r, match: a, threshold: {count: 0, within: 1s}}",
		    "'count': expected a whole number from 1 to 10000" },
		{ "- {id: r, match: a, threshold: {count: 10001, within: 1s}}",
		    "'count': expected a whole number from 1 to 10000" },
		{ "- {id: r, match: a, threshold: {count: 2, within: 60}}",
		    "'within': expected a duration" },
		{ "- {id: r, match: a, threshold: {count: 2, within: 0s}}",
		    "'within': expected a duration of at least 1ms" },
		{ "- {id: r, match: a, threshold: {count: 2, within: 1s, "
		  "distinct: t}}",
		    "rule 'r': threshold: distinct: no pattern of the rule "
		    "has a capture (?<t>" },
		{ "- {id: r, match: a, threshold: {count: 2, within: 1s, "
		  "window: 1s}}",
		    "(did you mean 'within'?)" },
		{ "- {id: r, match: a, threshold: 3}",
		    "rule 'r': threshold: expected a map" },
		{ "- {id: r, match: a, followed_by: {within: 1s}}",
		    "rule 'r': followed_by: needs 'match'" },
		{ "- {id: r, match: a, followed_by: {match: b}}",
		    "rule 'r': followed_by: needs 'within'" },
		{ "- {id: r, match: '(?<n>a)', followed_by: {match: b, "
		  "within: 1s, same: [n]}}",
		    "rule 'r': followed_by: same: 'followed_by' has no "
		    "capture (?<n>" },
		{ "- {id: r, match: a, followed_by: {match: '(?<n>b)', "
		  "within: 1s, same: n}}",
		    "rule 'r': followed_by: same: 'match' has no capture "
		    "(?<n>" },
		{ "- {id: r, match: a, threshold: {count: 2, within: 1s}, "
		  "followed_by: {match: b, within: 1s}}",
		    "rule 'r': 'threshold' does not go with 'followed_by'" },
		{ "- {id: r, absent: a}",
		    "rule 'r': absent: needs 'for', how long nothing may" },
		{ "- {id: r, absent: a, for: 60}",
		    "'for': expected a duration" },
		{ "- {id: r, absent: '(?<k>a)', key: k, for: 1h, forget: 1m}",
		    "rule 'r': 'forget' is shorter than 'for'" },
		{ "- {id: r, absent: a, for: 1m, forget: 1h}",
		    "rule 'r': 'forget' needs 'key'" },
		{ "- {id: r, absent: '(', for: 1m}",
		    "rule 'r': absent: missing closing parenthesis" },
		{ "- {id: r, absent: a, match: b, for: 1m}",
		    "rule 'r': 'match' does not go with 'absent'" },
		{ "- {id: r, absent: a, for: 1m, threshold: {count: 2, "
		  "within: 1s}}",
		    "rule 'r': 'threshold' does not go with 'absent'" },
		{ "- {id: r, absent: a, for: 1m, resolve: {quiet: 1m}}",
		    "rule 'r': 'resolve' does not go with 'absent'" },
		{ "- {id: r, match: a, not_followed_by: {within: 1s}}",
		    "rule 'r': not_followed_by: needs 'match'" },
		{ "- {id: r, match: a, not_followed_by: {match: b}}",
		    "rule 'r': not_followed_by: needs 'within'" },
		{ "- {id: r, match: '(?<n>a)', not_followed_by: {match: b, "
		  "within: 1s, same: [n]}}",
		    "rule 'r': not_followed_by: same: 'not_followed_by' has "
		    "no capture (?<n>" },
		{ "- {id: r, match: a, not_followed_by: {match: b, within: "
		  "1s}, threshold: {count: 2, within: 1s}}",
		    "rule 'r': 'threshold' does not go with "
		    "'not_followed_by'" },
		{ "- {id: r, match: a, not_followed_by: {match: b, within: "
		  "1s}, followed_by: {match: b, within: 1s}}",
		    "rule 'r': 'followed_by' does not go with "
		    "'not_followed_by'" },
		{ "- {id: r, absent: a, for: 1m, not_followed_by: {match: b, "
		  "within: 1s}}",
		    "rule 'r': 'not_followed_by' does not go with "
		    "'absent'" },
		{ "- {id: r, match: a, for: 1m}",
		    "rule 'r': 'for' does not go with 'match'" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct bench *b = bench_read(cases[i].rule);
		char *text = NULL;
		size_t len;
		FILE *out = open_memstream(&text, &len);

		diag_print(b->diag, out, false);
		fclose(out);
		if (diag_errors(b->diag) != 1 ||
		    strstr(text, cases[i].fault) == NULL)
			fail_msg("%s:\n%s", cases[i].rule, text);
		free(text);
		bench_free(b);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_threshold_each_hit_fires),
		cmocka_unit_test(
		    what_a_rule_looks_at_fires_only_while_it_is_active),
		cmocka_unit_test(hits_outside_of_active_do_not_count),
		cmocka_unit_test(what_is_awaited_may_come_at_any_time),
		cmocka_unit_test(a_threshold_of_one_is_none),
		cmocka_unit_test(a_hit_counts_while_it_is_younger_than_within),
		cmocka_unit_test(each_key_has_a_window_of_its_own),
		cmocka_unit_test(
		    distinct_counts_values_each_once_at_its_last_time),
		cmocka_unit_test(a_reset_empties_the_window_of_a_key_or_of_all),
		cmocka_unit_test(
		    a_pair_is_one_hit_at_the_time_of_its_second_half),
		cmocka_unit_test(
		    a_second_half_comes_too_late_when_within_is_over),
		cmocka_unit_test(
		    a_first_half_that_comes_again_keeps_its_deadline),
		cmocka_unit_test(
		    one_second_half_settles_all_with_equal_captures),
		cmocka_unit_test(without_same_any_second_half_settles_all),
		cmocka_unit_test(
		    resetting_a_key_leaves_the_firsts_of_others_waiting),
		cmocka_unit_test(a_window_goes_on_after_a_restart),
		cmocka_unit_test(firsts_that_wait_go_on_after_a_restart),
		cmocka_unit_test(many_are_restored_in_whatever_order),
		cmocka_unit_test(only_what_changed_is_told_until_it_is_saved),
		cmocka_unit_test(memory_that_is_none_does_no_harm),
		cmocka_unit_test(a_clock_that_was_set_back_makes_no_storm),
		cmocka_unit_test(what_never_came_is_absent_when_the_time_is_up),
		cmocka_unit_test(
		    a_match_ends_an_absence_and_begins_the_next_wait),
		cmocka_unit_test(each_key_has_a_timer_once_it_was_seen),
		cmocka_unit_test(a_key_is_forgotten_and_its_incident_is_over),
		cmocka_unit_test(nothing_is_absent_before_all_was_read),
		cmocka_unit_test(an_absence_goes_on_after_a_restart),
		cmocka_unit_test(a_reset_begins_to_wait_anew),
		cmocka_unit_test(what_is_no_memory_of_an_absence_is_left_out),
		cmocka_unit_test(a_second_half_that_does_not_come_is_missed),
		cmocka_unit_test(a_repeated_first_keeps_its_deadline),
		cmocka_unit_test(
		    one_second_half_settles_every_first_with_its_captures),
		cmocka_unit_test(
		    a_key_is_over_when_none_of_its_is_missed_any_more),
		cmocka_unit_test(nothing_is_missed_before_all_was_read),
		cmocka_unit_test(what_is_missed_goes_on_after_a_restart),
		cmocka_unit_test(what_is_no_memory_of_a_first_is_left_out),
		cmocka_unit_test(keys_without_number_take_bounded_memory),
		cmocka_unit_test(a_huge_value_is_a_key_by_its_head),
		cmocka_unit_test(a_detector_that_is_wrong_is_a_fault),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
