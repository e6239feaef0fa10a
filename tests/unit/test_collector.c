/* SPDX-License-Identifier: MIT */
/*
 * Commands that say how things stand: which run, how many, and what becomes of
 * what they print.
 */
#include "action/collector.h"

#include "base/mem.h"
#include "io/loop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define ARGS_MAX 4
#define QUEUE_MAX 2000

/* A rule that collects, and an incident of it. */
struct bench {
	struct loop *loop;
	struct collector *collector;
	struct plan plan;
	struct incident *incident;
};

static void
on_dirty(void *ctx)
{
	struct bench *b = ctx;

	if (!collector_busy(b->collector))
		loop_stop(b->loop);
}

static int64_t
wall_ms(void *ctx)
{
	(void)ctx;
	return 1760688000000;
}

static void
add_program(struct bench *b, const char *const *argv)
{
	struct programs *ps = &b->plan.collect;
	struct program p = { mem_new(ARGS_MAX, sizeof(struct template *)), 0 };

	for (; *argv != NULL; argv++)
		p.argv[p.argc++] = template_parse(text_of(*argv), NULL, NULL);
	ps->v = mem_resize(ps->v, ps->count + 1, sizeof *ps->v);
	ps->v[ps->count++] = p;
}

static void
bench_start(struct bench *b, bool dry_run)
{
	const struct collector_callbacks callbacks = { on_dirty, wall_ms, b };
	struct collector_spec spec;

	*b = (struct bench){ .loop = loop_new(), .incident = incident_new() };
	spec = (struct collector_spec){ b->loop, &b->plan, dry_run };
	b->collector = collector_new(&spec, &callbacks);
	b->incident->rule = 0;
	b->incident->rule_id = mem_text("r");
	pairs_add(&b->incident->captures, "q", TEXT("a b; `id`"));
}

static void
bench_free(struct bench *b)
{
	collector_free(b->collector);
	plan_free(&b->plan);
	incident_free(b->incident);
	loop_free(b->loop);
}

static void
change(struct bench *b, enum change_kind kind)
{
	const struct change told = { .kind = kind, .incident = b->incident };

	collector_change(b->collector, &told);
}

static void
run(struct bench *b)
{
	collector_start(b->collector);
	if (collector_busy(b->collector))
		loop_run(b->loop);
}

static void
what_they_print_is_added_in_order(void **state)
{
	struct bench b;
	const struct collected *got;

	(void)state;
	bench_start(&b, false);
	add_program(&b, (const char *[]){ "echo", "-{{q}}-", NULL });
	add_program(&b, (const char *[]){ "/not/there", NULL });
	add_program(
	    &b, (const char *[]){ "sh", "-c", "printf '\\0x'; exit 3", NULL });
	change(&b, CHANGE_OPENED);
	assert_int_equal(b.incident->collecting, 1);
	assert_int_equal(b.incident->collected_count, 0);
	run(&b);
	got = b.incident->collected;
	assert_int_equal(b.incident->collected_count, 3);
	assert_string_equal(got[0].argv[1], "-a b; `id`-");
	assert_string_equal(got[0].output, "-a b; `id`-\n");
	assert_int_equal(got[0].code, 0);
	assert_null(got[0].error);
	assert_int_equal(got[1].code, -1);
	assert_non_null(got[1].error);
	assert_int_equal(got[2].code, 3);
	assert_string_equal(got[2].output, "\xef\xbf\xbdx");
	assert_false(got[2].resolved);
	assert_int_equal(b.incident->collecting, 0);
	assert_true(b.incident->dirty);
	change(&b, CHANGE_RESOLVED);
	run(&b);
	assert_int_equal(b.incident->collected_count, 6);
	assert_true(b.incident->collected[3].resolved);
	bench_free(&b);
}

static void
only_its_beginning_and_its_end_ask_for_it(void **state)
{
	struct bench b;

	(void)state;
	bench_start(&b, false);
	change(&b, CHANGE_OPENED); /* of a rule that collects nothing */
	add_program(&b, (const char *[]){ "true", NULL });
	change(&b, CHANGE_UPDATED);
	change(&b, CHANGE_REMINDED);
	change(&b, CHANGE_REMEDIATED);
	change(&b, CHANGE_ESCALATED);
	b.incident->rule = NO_RULE;
	change(&b, CHANGE_OPENED);
	assert_false(collector_busy(b.collector));
	bench_free(&b);
}

static void
a_dry_run_collects_nothing(void **state)
{
	struct bench b;

	(void)state;
	bench_start(&b, true);
	add_program(&b, (const char *[]){ "true", NULL });
	change(&b, CHANGE_OPENED);
	assert_false(collector_busy(b.collector));
	bench_free(&b);
}

static void
those_that_wait_are_bounded(void **state)
{
	struct bench b;

	(void)state;
	bench_start(&b, false);
	add_program(&b, (const char *[]){ "/not/there", NULL });
	for (int k = 0; k < QUEUE_MAX + 10; k++)
		change(&b, CHANGE_OPENED);
	assert_int_equal(b.incident->collecting, QUEUE_MAX);
	run(&b);
	assert_int_equal(b.incident->collecting, 0);
	assert_int_equal(b.incident->collected_count, COLLECTED_MAX);
	change(&b, CHANGE_OPENED); /* there is room again */
	assert_int_equal(b.incident->collecting, 1);
	bench_free(&b);
}

static void
a_stop_ends_what_runs_and_leaves_word(void **state)
{
	struct bench b;

	(void)state;
	bench_start(&b, false);
	add_program(&b, (const char *[]){ "sleep", "1000", NULL });
	for (int k = 0; k < 9; k++)
		change(&b, CHANGE_OPENED);
	collector_start(b.collector);
	collector_stop(b.collector);
	assert_false(collector_busy(b.collector));
	assert_int_equal(b.incident->collecting, 9);
	change(&b, CHANGE_RESOLVED);
	assert_false(collector_busy(b.collector));
	bench_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_they_print_is_added_in_order),
		cmocka_unit_test(only_its_beginning_and_its_end_ask_for_it),
		cmocka_unit_test(a_dry_run_collects_nothing),
		cmocka_unit_test(those_that_wait_are_bounded),
		cmocka_unit_test(a_stop_ends_what_runs_and_leaves_word),
	};

	return cmocka_run_group_tests_name("collector", tests, NULL, NULL);
}
