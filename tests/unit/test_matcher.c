/* SPDX-License-Identifier: MIT */
/*
 * Blocks into hits: which rules are asked, in which order, and what they say.
 */
#include "match/matcher.h"

#include "base/mem.h"
#include "conf/node.h"
#include "tail/block.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define RULES_MAX 8

static const char *const sources[] = { "app", "db" };

static bool sieved; /* from the first line on, or not at all */

/* Rules of YAML, a matcher of them, and what it told. */
struct bench {
	struct diag *diag;
	struct doc *doc;
	struct rule rules[RULES_MAX];
	struct event_source sources[2];
	struct proof proofs[2];
	struct matcher_spec spec;
	struct matcher *matcher;
	struct str told;    /* "PART RULE LINE [CAPTURES] 'SPAN'|" each */
	struct block at[3]; /* where each file is */
	size_t failed;
};

static void
note_hit(const struct hit *hit, void *ctx)
{
	static const char *const parts[] = { "verify", "resolve", "second",
		"match" };
	struct bench *b = ctx;

	str_printf(&b->told, "%s ", parts[hit->part]);
	if (hit->part == PART_VERIFY)
		str_printf(&b->told, "%zu ", hit->index);
	else
		str_printf(&b->told, "%s ", b->rules[hit->index].id);
	str_printf(&b->told, "%lld", (long long)hit->event->line);
	for (size_t i = 0; i < hit->captures->count; i++)
		str_printf(&b->told, " %s=%.*s", hit->captures->v[i].name,
		    (int)hit->captures->v[i].value.len,
		    hit->captures->v[i].value.data);
	str_printf(&b->told, " '%.*s'|", (int)hit->span.len, hit->span.data);
}

static void
note_failed(size_t index, enum part part, const struct event *event, void *ctx)
{
	struct bench *b = ctx;

	b->failed++;
	str_printf(&b->told, "failed %zu %d %lld|", index, part,
	    (long long)event->line);
}

static struct pattern *
compiled(const char *text)
{
	struct err err;
	struct pattern *p = pattern_compile(text_of(text), NULL, &err);

	assert_non_null(p);
	return p;
}

static void
patterns_put(struct patterns *ps, const char *text)
{
	ps->v = mem_resize(ps->v, ps->count + 1, sizeof(struct pattern *));
	ps->v[ps->count++] = compiled(text);
}

static struct bench *
bench_new(const char *rules)
{
	struct bench *b = mem_new(1, sizeof *b);
	struct source_names names = { .names = sources, .count = 2 };

	b->diag = diag_new();
	b->doc = doc_parse("test.yml", text_of(rules), b->diag);
	b->spec.rule_count = node_count(doc_root(b->doc));
	for (size_t i = 0; i < b->spec.rule_count; i++) {
		const struct node *n = node_at(doc_root(b->doc), i);
		const char *id;

		assert_true(node_text(node_get(n, "id"), &id));
		rule_read(&b->rules[i], id, n, &names);
	}
	assert_int_equal(diag_errors(b->diag), 0);
	for (size_t i = 0; i < 2; i++) {
		b->sources[i] = (struct event_source){
			.max_lines = 5,
			.max_bytes = 1000,
			.timeout_ms = 1000,
			.strip = true,
		};
		b->proofs[i] = (struct proof){ 0 };
	}
	for (size_t i = 0; i < 3; i++)
		b->at[i] = (struct block){
			.file = i + 1,
			.source = i == 2,
			.path = "a.log",
			.line = 1,
		};
	b->spec.rules = b->rules;
	b->spec.sources = b->sources;
	b->spec.source_count = 2;
	b->spec.proofs = b->proofs;
	b->spec.proof_count = 2;
	b->spec.context_lines = 2;
	b->spec.sieve_after = sieved ? 0 : UINT64_MAX;
	return b;
}

static void
bench_start(struct bench *b)
{
	struct matcher_callbacks callbacks = { note_hit, b,
		{ note_failed, NULL, NULL, b } };

	b->matcher = matcher_new(&b->spec, &callbacks);
}

static void
bench_free(struct bench *b)
{
	matcher_free(b->matcher);
	for (size_t i = 0; i < b->spec.rule_count; i++)
		rule_free(&b->rules[i]);
	for (size_t i = 0; i < 2; i++) {
		patterns_free(&b->sources[i].start);
		patterns_free(&b->sources[i].cont);
		patterns_free(&b->proofs[i].patterns);
		free(b->proofs[i].sources);
	}
	doc_free(b->doc);
	diag_free(b->diag);
	str_free(&b->told);
	free(b);
}

/* Feeds lines to a file; files 0 and 1 are of the source app, 2 is of db. */
static void
feed(struct bench *b, size_t file, const char *lines, int64_t now_ms)
{
	struct block *at = &b->at[file];

	at->data = lines;
	at->len = strlen(lines);
	matcher_feed(b->matcher, at, now_ms, now_ms);
	at->offset += (int64_t)at->len;
	at->line += newlines_count(at->data, at->len);
}

static void
check(struct bench *b, const char *want)
{
	str_puts(&b->told, "");
	assert_string_equal(b->told.data, want);
	str_clear(&b->told);
}

static void
each_rule_tells_its_hits_in_the_order_of_the_lines(void **state)
{
	struct bench *b = bench_new("- {id: one, match: 'a(?<n>\\d+)'}\n"
				    "- {id: two, match: ['x', '(?<c>b+)']}\n");

	(void)state;
	bench_start(b);
	feed(b, 0, "a1\nnone\nbba2\nxb\n", 0);
	check(b, "match one 1 n=1 'a1'|match one 3 n=2 'a2'|"
		 "match two 3 c=bb 'bb'|match two 4 'x'|");
	/* Once an event, however often it matches. */
	feed(b, 0, "a1 a2 a3\n", 0);
	check(b, "match one 5 n=1 'a1'|");
	bench_free(b);
}

static void
a_rule_is_asked_about_its_sources_only(void **state)
{
	struct bench *b =
	    bench_new("- {id: all, match: x}\n"
		      "- {id: db, source: db, match: x}\n"
		      "- {id: both, source: [db, app], match: x}\n"
		      "- {id: app, source: app, match: x}\n");

	(void)state;
	bench_start(b);
	feed(b, 0, "x\n", 0);
	check(b, "match all 1 'x'|match both 1 'x'|match app 1 'x'|");
	feed(b, 2, "x\n", 0);
	check(b, "match all 1 'x'|match db 1 'x'|match both 1 'x'|");
	bench_free(b);
}

static void
an_exception_takes_the_hit_away(void **state)
{
	struct bench *b = bench_new("- id: one\n"
				    "  match: [fail, err]\n"
				    "  except: [migration, '^test']\n"
				    "- {id: two, match: fail}\n");

	(void)state;
	bench_start(b);
	feed(b, 0, "fail\nmigration fail\ntest err\nerr a test\n", 0);
	check(b, "match one 1 'fail'|match two 1 'fail'|match two 2 'fail'|"
		 "match one 4 'err'|");
	bench_free(b);
}

static void
an_exception_holds_for_the_second_half_but_not_for_the_end(void **state)
{
	struct bench *b =
	    bench_new("- id: one\n"
		      "  match: begin\n"
		      "  except: drill\n"
		      "  followed_by: {match: abort, within: 1m}\n"
		      "  resolve: {match: done}\n");

	(void)state;
	bench_start(b);
	matcher_want(b->matcher, PART_SECOND, 0, true);
	matcher_want(b->matcher, PART_RESOLVE, 0, true);
	feed(b, 0, "begin drill\nabort drill\ndone drill\nabort\n", 0);
	check(b, "resolve one 3 'done'|second one 4 'abort'|");
	bench_free(b);
}

static void
what_nobody_waits_for_is_not_told(void **state)
{
	struct bench *b =
	    bench_new("- id: one\n"
		      "  match: begin\n"
		      "  followed_by: {match: abort, within: 1m}\n"
		      "  resolve: {match: done}\n");

	(void)state;
	patterns_put(&b->proofs[1].patterns, "proof");
	b->proofs[1].sources = mem_new(2, sizeof(bool));
	b->proofs[1].sources[0] = true;
	bench_start(b);
	feed(b, 0, "proof done abort begin\n", 0);
	check(b, "match one 1 'begin'|");
	/* What ends something comes before what begins something. */
	matcher_want(b->matcher, PART_SECOND, 0, true);
	matcher_want(b->matcher, PART_RESOLVE, 0, true);
	matcher_want(b->matcher, PART_VERIFY, 1, true);
	feed(b, 0, "begin abort done proof\n", 0);
	check(b, "verify 1 2 'proof'|resolve one 2 'done'|"
		 "second one 2 'abort'|match one 2 'begin'|");
	matcher_want(b->matcher, PART_VERIFY, 1, false);
	feed(b, 0, "proof\n", 0);
	check(b, "");
	/* A proof is looked for in its own sources. */
	matcher_want(b->matcher, PART_VERIFY, 1, true);
	feed(b, 2, "proof\n", 0);
	check(b, "");
	bench_free(b);
}

static void
a_part_may_be_switched_on_by_the_event_before(void **state)
{
	struct bench *b =
	    bench_new("- id: one\n"
		      "  match: begin\n"
		      "  followed_by: {match: abort, within: 1m}\n");

	(void)state;
	bench_start(b);
	feed(b, 0, "begin\nabort\n", 0);
	check(b, "match one 1 'begin'|");
	matcher_want(b->matcher, PART_SECOND, 0, true);
	feed(b, 0, "abort\n", 0);
	check(b, "second one 3 'abort'|");
	bench_free(b);
}

static void
a_pattern_that_gives_up_is_told_as_that(void **state)
{
	static const char line[] =
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!\n";
	/* The second half is there for whoever knows without trying that the
	 * first one cannot match: it is no match either, but looks like one. */
	struct bench *b =
	    bench_new("- {id: bad, match: '^(a+)+$|!(?<!!)'}\n"
		      "- {id: good, match: '!'}\n"
		      "- id: shy\n"
		      "  match: '!'\n"
		      "  except: '^(a+)+$'\n"
		      "- {id: list, match: ['^(a+)+$|!(?<!!)', '!']}\n");

	(void)state;
	bench_start(b);
	feed(b, 0, line, 0);
	/* An exception that cannot be decided does not hide an alarm. */
	check(b, "failed 0 3 1|match good 1 '!'|failed 2 3 1|"
		 "match shy 1 '!'|match list 1 '!'|");
	assert_int_equal(b->failed, 2);
	bench_free(b);
}

static void
note_suspended(size_t index, enum part part, const struct event *event,
    uint64_t events, void *ctx)
{
	struct bench *b = ctx;

	str_printf(&b->told, "suspended %zu %d %lld %llu|", index, part,
	    (long long)event->line, (unsigned long long)events);
}

static void
ignore_hit(const struct hit *hit, void *ctx)
{
	size_t *hits = ctx;

	hits[hit->index]++;
}

static void
ignore_failed(
    size_t index, enum part part, const struct event *event, void *ctx)
{
	(void)index;
	(void)part;
	(void)event;
	(void)ctx;
}

static const char bad_line[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!\n";

static void
a_pattern_that_keeps_giving_up_is_suspended(void **state)
{
	struct bench *b = bench_new("- {id: bad, match: '^(a+)+$|!(?<!!)'}\n"
				    "- {id: good, match: 'x'}\n");
	struct matcher_callbacks callbacks = { note_hit, b,
		{ note_failed, note_suspended, NULL, b } };

	(void)state;
	b->matcher = matcher_new(&b->spec, &callbacks);
	for (int i = 0; i < 9; i++)
		feed(b, 0, bad_line, 0);
	str_clear(&b->told);
	feed(b, 0, bad_line, 0);
	check(b, "failed 0 3 10|suspended 0 3 10 1024|");
	/* The others are not. */
	feed(b, 0, bad_line, 0);
	feed(b, 0, "x\n", 0);
	check(b, "match good 12 'x'|");
	bench_free(b);
}

/* An exception that is not asked keeps nothing from being a hit. */
static void
a_suspended_exception_hides_nothing(void **state)
{
	struct bench *b = bench_new("- id: shy\n"
				    "  match: '!'\n"
				    "  except: '^(a+)+$|!(?<!!)'\n");
	struct matcher_callbacks callbacks = { ignore_hit, NULL,
		{ ignore_failed, NULL, NULL, NULL } };
	size_t hits[1] = { 0 };

	(void)state;
	callbacks.ctx = hits;
	b->matcher = matcher_new(&b->spec, &callbacks);
	for (int i = 0; i < 100; i++)
		feed(b, 0, bad_line, 0);
	assert_int_equal(hits[0], 100);
	bench_free(b);
}

static void
what_its_captures_are_not_is_no_hit(void **state)
{
	struct bench *b = bench_new(
	    "- {id: r, match: 'took (?<ms>\\d+)ms for (?<job>\\w+)',\n"
	    "   where: {ms: '>= 500', job: import}}\n");

	(void)state;
	bench_start(b);
	feed(b, 0,
	    "took 499ms for import\ntook 500ms for import\n"
	    "took 501ms for export\n",
	    0);
	matcher_flush(b->matcher);
	check(b, "match r 2 job=import ms=500 'took 500ms for import'|");
	bench_free(b);
}

/* Where it is not known whether a line begins an event, it is one of its own,
 * and nothing that it says is overlooked. */
static void
lines_whose_joint_gives_up_are_events_of_their_own(void **state)
{
	static const char *const patterns[] = { "^(a+)+$|!(?<!!)", "^\\[" };
	struct str lines = { 0 };

	(void)state;
	for (int starts = 0; starts < 2; starts++) {
		struct bench *b = bench_new("- {id: all, match: '[ax]'}\n");
		struct patterns *ps =
		    starts ? &b->sources[0].start : &b->sources[0].cont;

		str_clear(&lines);
		str_puts(&lines, "x\n");
		for (int i = 0; i < 40; i++)
			str_putc(&lines, 'a');
		str_puts(&lines, "!\n[x\n");
		for (size_t i = 0; i < 2; i++)
			patterns_put(ps, patterns[i]);
		bench_start(b);
		feed(b, 0, lines.data, 0);
		matcher_flush(b->matcher);
		check(b, starts ? "failed 0 4 2|match all 1 'x'|match all 2 "
				  "'a'|match all 3 'x'|"
				: "failed 0 4 2|match all 1 'x'|match all 2 "
				  "'a'|");
		assert_int_equal(b->failed, 1);
		bench_free(b);
	}
	str_free(&lines);
}

/* One that always does is not asked about every line. */
static void
a_joint_that_keeps_giving_up_is_suspended(void **state)
{
	struct bench *b = bench_new("- {id: all, match: 'z'}\n");
	struct matcher_callbacks callbacks = { note_hit, b,
		{ note_failed, note_suspended, NULL, b } };
	struct str lines = { 0 };

	(void)state;
	for (int i = 0; i < 50; i++)
		str_puts(&lines, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!\n");
	patterns_put(&b->sources[0].start, "^(a+)+$|!(?<!!)");
	b->matcher = matcher_new(&b->spec, &callbacks);
	feed(b, 0, lines.data, 0);
	assert_int_equal(b->failed, 10);
	assert_non_null(strstr(b->told.data, "suspended 0 4 11 1024|"));
	bench_free(b);
	str_free(&lines);
}

/* Of many that give up on one event, those behind are not asked. */
static void
the_time_for_one_event_is_bounded(void **state)
{
	struct bench *b = bench_new(
	    "- {id: r0, match: ['(a+)+$|!(?<!!)', '^(a+)+b|!(?<!!)']}\n"
	    "- {id: r1, match: '^(a+)+$|!(?<!!)'}\n");
	struct rule many[40];
	size_t failed;

	(void)state;
	for (size_t i = 0; i < 40; i++)
		many[i] = b->rules[i % 2];
	b->spec.rules = many;
	b->spec.rule_count = 40;
	bench_start(b);
	feed(b, 0, bad_line, 0);
	failed = b->failed;
	assert_int_equal(failed, 40); /* counted all the same */
	assert_int_equal(
	    pattern_failures(b->rules[1].parts[PART_MATCH].v[0]), 10);
	b->spec.rule_count = 2;
	bench_free(b);
}

static void
bytes_of_every_kind_are_matched(void **state)
{
	struct bench *b = bench_new("- {id: x, match: 'x(?<c>.*)y'}\n");
	struct block at = { .file = 9, .path = "a.log", .line = 1 };
	static const char data[] = "x\xff\xfe"
				   "y\nx\0y\nx\xc3\xa4y\nx\xed\xa0\x80y\r\n"
				   "x\x1b[31mredy\nx\xe2\x82\nxy\n";

	(void)state;
	bench_start(b);
	at.data = data;
	at.len = sizeof data - 1;
	matcher_feed(b->matcher, &at, 0, 0);
	assert_non_null(
	    strstr(b->told.data, "match x 1 c=\xef\xbf\xbd\xef\xbf\xbd '"));
	assert_non_null(strstr(b->told.data, "match x 2 c="));
	assert_non_null(strstr(b->told.data, "match x 3 c=\xc3\xa4 "));
	assert_non_null(
	    strstr(b->told.data, "match x 4 c=\xef\xbf\xbd\xef\xbf\xbd"));
	assert_non_null(strstr(b->told.data, "match x 5 c=red "));
	assert_null(strstr(b->told.data, "match x 6"));
	assert_non_null(strstr(b->told.data, "match x 7 c= 'xy'"));
	bench_free(b);
}

static void
lines_of_two_files_are_not_joined(void **state)
{
	struct bench *b = bench_new("- {id: one, match: '(?s)A.*'}\n");

	(void)state;
	patterns_put(&b->sources[0].start, "^A");
	bench_start(b);
	feed(b, 0, "A1\n", 0);
	feed(b, 1, "A2\n", 100);
	feed(b, 0, " b1\n", 200);
	feed(b, 1, " b2\n", 300);
	check(b, "");
	matcher_flush(b->matcher);
	check(b, "match one 1 'A1\n b1'|match one 1 'A2\n b2'|");
	bench_free(b);
}

static void
each_file_has_its_own_deadline(void **state)
{
	struct bench *b = bench_new("- {id: one, match: '(?s)A.*'}\n");
	int64_t offset, line;

	(void)state;
	patterns_put(&b->sources[0].start, "^A");
	bench_start(b);
	assert_true(matcher_due(b->matcher) == INT64_MAX);
	feed(b, 0, "A1\n", 0);
	feed(b, 1, "A2\n", 400);
	assert_int_equal(matcher_due(b->matcher), 1000);
	assert_true(matcher_pending(b->matcher, 1, &offset, &line));
	assert_false(matcher_pending(b->matcher, 3, &offset, &line));
	feed(b, 0, " b\n", 900);
	matcher_tick(b->matcher, 1000);
	check(b, "");
	assert_int_equal(matcher_due(b->matcher), 1400);
	matcher_tick(b->matcher, 1399);
	check(b, "");
	matcher_tick(b->matcher, 1400);
	check(b, "match one 1 'A2'|");
	assert_int_equal(matcher_due(b->matcher), 1900);
	matcher_tick(b->matcher, 5000);
	check(b, "match one 1 'A1\n b'|");
	assert_true(matcher_due(b->matcher) == INT64_MAX);
	assert_false(matcher_pending(b->matcher, 1, &offset, &line));
	bench_free(b);
}

static void
the_end_of_a_file_ends_its_event(void **state)
{
	struct bench *b = bench_new("- {id: one, match: '(?s)A.*'}\n");

	(void)state;
	patterns_put(&b->sources[0].cont, "^ ");
	bench_start(b);
	feed(b, 0, "A1\n b\n", 0);
	check(b, "");
	matcher_end(b->matcher, 1);
	check(b, "match one 1 'A1\n b'|");
	matcher_end(b->matcher, 1);
	matcher_end(b->matcher, 99);
	check(b, "");
	/* Its last line, which nobody ended, is not waited for either. */
	b->at[1].unfinished = true;
	feed(b, 1, "A2\n A3", 0);
	check(b, "match one 1 'A2\n A3'|");
	bench_free(b);
}

static void
add_line(struct text line, void *ctx)
{
	str_add_text(ctx, line);
	str_putc(ctx, '|');
}

/* A matcher's hit, to look at what went before. */
static void
note_before(const struct hit *hit, void *ctx)
{
	struct bench *b = ctx;

	matcher_before(b->matcher, hit->event, add_line, &b->told);
	str_puts(&b->told, "* ");
}

static void
an_event_comes_with_the_lines_before_it(void **state)
{
	static const struct {
		const char *cont;
		const char *blocks[4];
		const char *want;
	} cases[] = {
		{ NULL, { "A\n" }, "* " },
		{ NULL, { "1\nA\n" }, "1|* " },
		{ NULL, { "1\n2\n3\nA\n" }, "2|3|* " },
		{ NULL, { "1\n2\n", "3\nA\n" }, "2|3|* " },
		{ NULL, { "1\n2\n3\n", "A\n" }, "2|3|* " },
		{ NULL, { "1\n", "2\n", "A\n" }, "1|2|* " },
		{ NULL, { "1\nA\n2\nA\n" }, "1|* A|2|* " },
		/* An event of several lines, whole in a later block. */
		{ "^ ", { "1\n2\nA\n", " b\n c\n", " d\n3\n" }, "1|2|* " },
		{ "^ ", { "1\n2\nA\n b\n c\n d\n" }, "1|2|* " },
		{ "^ ", { "1\n", "2\nA\n", " b\n", "3\n" }, "1|2|* " },
		{ "^ ", { "A\n b\n", "A\n b\n3\n" }, "* A| b|* " },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct bench *b = bench_new("- {id: one, match: '^A'}\n");
		struct matcher_callbacks callbacks = { note_before, b,
			{ note_failed, NULL, NULL, b } };

		if (cases[i].cont != NULL)
			patterns_put(&b->sources[0].cont, cases[i].cont);
		b->matcher = matcher_new(&b->spec, &callbacks);
		for (size_t k = 0; k < 4 && cases[i].blocks[k] != NULL; k++) {
			char *copy = mem_text(cases[i].blocks[k]);

			feed(b, 0, copy, 0);
			free(copy);
		}
		matcher_flush(b->matcher);
		check(b, cases[i].want);
		bench_free(b);
	}
}

static void
note_place(const struct hit *hit, void *ctx)
{
	const struct event *e = hit->event;
	struct bench *b = ctx;

	str_printf(&b->told, "%s %lld %lld %zu-%zu '%.*s'%s|",
	    b->rules[hit->index].id, (long long)e->line, (long long)e->offset,
	    e->before, e->after, (int)e->text.len, e->text.data,
	    e->truncated ? "~" : "");
}

/* What is off and what is in its place does not move what comes behind it. */
static void
events_have_their_place_in_the_file_whatever_is_off(void **state)
{
	static const struct {
		const char *block, *want;
	} cases[] = {
		{ "1\nA\n2\nA3\n", "one 2 2 2-4 'A'|one 4 6 6-9 'A3'|" },
		{ "\xef\xbb\xbf"
		  "A\n\nA\n",
		    "one 1 0 0-5 'A'|one 3 6 6-8 'A'|" },
		{ "\xef\xbb\xbf"
		  "1\nA\r\nA\n",
		    "one 2 5 5-8 'A'|one 3 8 8-10 'A'|" },
		{ "A\r\n1\r\nA\r\n", "one 1 0 0-3 'A'|one 3 6 6-9 'A'|" },
		{ "\033[31mA\033[0m\n\033[1m\n\033[32mx A\n",
		    "one 1 0 0-11 'A'|one 3 16 16-25 'x A'|" },
		{ "\xff"
		  "A\n1\xc3\nA\xe2\x82\n",
		    "one 1 0 0-3 '\xef\xbf\xbd"
		    "A'|"
		    "one 3 6 6-10 'A\xef\xbf\xbd'|" },
		{ "\xc3\xa4\nA\xc3\xa4\n", "one 2 3 3-7 'A\xc3\xa4'|" },
		{ "A\n1\nxA", "one 1 0 0-2 'A'|one 3 4 4-6 'xA'~|" },
		{ "\n\nA", "one 3 2 2-3 'A'~|" },
		{ "\rA\rA\n", "one 1 0 0-5 '\rA\rA'|" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct bench *b = bench_new("- {id: one, match: A}\n");
		struct matcher_callbacks callbacks = { note_place, b,
			{ note_failed, NULL, NULL, b } };
		size_t len = strlen(cases[i].block);

		b->matcher = matcher_new(&b->spec, &callbacks);
		b->at[0].truncated = cases[i].block[len - 1] != '\n';
		feed(b, 0, cases[i].block, 0);
		check(b, cases[i].want);
		bench_free(b);
	}
}

/* One that cannot be looked for is asked about every line, in its turn. */
static void
rules_that_no_sieve_knows_are_asked_about_every_line(void **state)
{
	struct bench *b = bench_new("- {id: one, match: '1'}\n"
				    "- {id: any, match: 'x*(?<n>2?)'}\n"
				    "- {id: two, match: '\\pL2'}\n"
				    "- {id: three, match: '2'}\n");

	(void)state;
	bench_start(b);
	feed(b, 0, "1\n\na2\n", 0);
	check(b, "match one 1 '1'|match any 1 n= ''|match any 2 n= ''|"
		 "match any 3 n= ''|match two 3 'a2'|match three 3 '2'|");
	bench_free(b);
}

static void
a_matcher_without_rules_takes_in_blocks(void **state)
{
	struct bench *b = bench_new("[]");

	(void)state;
	b->spec.proof_count = 0;
	b->spec.context_lines = 0;
	bench_start(b);
	feed(b, 0, "a\n\nb\n", 0);
	matcher_tick(b->matcher, 1);
	matcher_flush(b->matcher);
	check(b, "");
	bench_free(b);
	matcher_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    each_rule_tells_its_hits_in_the_order_of_the_lines),
		cmocka_unit_test(a_rule_is_asked_about_its_sources_only),
		cmocka_unit_test(an_exception_takes_the_hit_away),
		cmocka_unit_test(
		    an_exception_holds_for_the_second_half_but_not_for_the_end),
		cmocka_unit_test(what_nobody_waits_for_is_not_told),
		cmocka_unit_test(a_part_may_be_switched_on_by_the_event_before),
		cmocka_unit_test(what_its_captures_are_not_is_no_hit),
		cmocka_unit_test(a_pattern_that_gives_up_is_told_as_that),
		cmocka_unit_test(
		    lines_whose_joint_gives_up_are_events_of_their_own),
		cmocka_unit_test(a_joint_that_keeps_giving_up_is_suspended),
		cmocka_unit_test(a_pattern_that_keeps_giving_up_is_suspended),
		cmocka_unit_test(a_suspended_exception_hides_nothing),
		cmocka_unit_test(the_time_for_one_event_is_bounded),
		cmocka_unit_test(bytes_of_every_kind_are_matched),
		cmocka_unit_test(lines_of_two_files_are_not_joined),
		cmocka_unit_test(each_file_has_its_own_deadline),
		cmocka_unit_test(the_end_of_a_file_ends_its_event),
		cmocka_unit_test(an_event_comes_with_the_lines_before_it),
		cmocka_unit_test(
		    events_have_their_place_in_the_file_whatever_is_off),
		cmocka_unit_test(
		    rules_that_no_sieve_knows_are_asked_about_every_line),
		cmocka_unit_test(a_matcher_without_rules_takes_in_blocks),
	};
	int failed =
	    cmocka_run_group_tests_name("line by line", tests, NULL, NULL);

	sieved = true;
	return failed +
	       cmocka_run_group_tests_name("sieved", tests, NULL, NULL);
}
