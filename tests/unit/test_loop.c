/* SPDX-License-Identifier: MIT */
/*
 * The loop and what hangs on it in one line each: turns, timers, signals,
 * descriptors.
 */
#include "io/loop.h"

#include "base/str.h"
#include "io/timer.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include <cmocka.h>

enum { DEADLINE_MS = 10000 };

/* A loop, and what the callbacks below leave. */
struct world {
	struct loop *loop;
	struct timer *deadline, *timer, *other;
	struct turn *turn;
	struct on_signal *on_signal;
	struct on_readable *on_readable;
	struct at_end *at_end;
	int count, wanted;
	struct str log;
	int64_t due_ms, came_ms;
};

static void
too_late(void *ctx)
{
	(void)ctx;
	fail_msg("nothing came in time");
}

static int
world_new(void **state)
{
	static struct world world;

	world = (struct world){ .loop = loop_new(), .wanted = 1 };
	world.deadline = timer_new(world.loop, too_late, NULL);
	*state = &world;
	return 0;
}

static int
world_free(void **state)
{
	struct world *w = *state;

	timer_free(w->deadline);
	timer_free(w->timer);
	timer_free(w->other);
	turn_free(w->turn);
	on_signal_free(w->on_signal);
	on_readable_free(w->on_readable);
	loop_free(w->loop);
	str_free(&w->log);
	return 0;
}

static void
run(struct world *w)
{
	timer_in(w->deadline, DEADLINE_MS);
	loop_run(w->loop);
	timer_stop(w->deadline);
}

/* How long the loop would wait for what happens; -1: for ever. */
static int
wait_ms(struct world *w)
{
	uv_run(loop_uv(w->loop), UV_RUN_NOWAIT); /* registers descriptors */
	return uv_backend_timeout(loop_uv(w->loop));
}

static void
count(void *ctx)
{
	struct world *w = ctx;

	w->came_ms = clock_now_ms();
	if (++w->count == w->wanted)
		loop_stop(w->loop);
}

static void
log_a(void *ctx)
{
	struct world *w = ctx;

	str_puts(&w->log, "a");
	count(w);
}

static void
log_b(void *ctx)
{
	struct world *w = ctx;

	str_puts(&w->log, "b");
	count(w);
}

static void
an_idle_loop_waits_without_a_deadline(void **state)
{
	struct world *w = *state;

	w->timer = timer_new(w->loop, count, w);
	w->turn = turn_new(w->loop, count, w);
	w->on_signal = on_signal_new(w->loop, SIGUSR2, NULL, NULL);
	assert_int_equal(wait_ms(w), -1);
	turn_ask(w->turn);
	assert_int_equal(uv_backend_timeout(loop_uv(w->loop)), 0);
	run(w);
	assert_int_equal(wait_ms(w), -1);
}

static void
a_turn_comes_once_however_often_it_is_asked_for(void **state)
{
	struct world *w = *state;

	w->turn = turn_new(w->loop, log_a, w);
	w->timer = timer_new(w->loop, log_b, w);
	timer_in(w->timer, 20);
	w->wanted = 2;
	turn_ask(w->turn);
	turn_ask(w->turn);
	assert_int_equal(w->log.len, 0);
	run(w);
	assert_string_equal(w->log.data, "ab");
}

static void
a_turn_taken_back_does_not_come(void **state)
{
	struct world *w = *state;

	w->turn = turn_new(w->loop, log_a, w);
	w->timer = timer_new(w->loop, log_b, w);
	timer_in(w->timer, 5);
	turn_ask(w->turn);
	turn_stop(w->turn);
	run(w);
	assert_string_equal(w->log.data, "b");
}

static void
ask_again(void *ctx)
{
	struct world *w = ctx;

	turn_ask(w->turn);
}

static void
a_turn_that_asks_again_lets_others_come(void **state)
{
	struct world *w = *state;

	w->turn = turn_new(w->loop, ask_again, w);
	w->timer = timer_new(w->loop, count, w);
	timer_in(w->timer, 5);
	turn_ask(w->turn);
	run(w);
	assert_int_equal(w->count, 1);
}

static void
free_turn(void *ctx)
{
	struct world *w = ctx;

	turn_free(w->turn);
	w->turn = NULL;
	count(w);
}

static void
a_turn_may_be_freed_when_it_comes(void **state)
{
	struct world *w = *state;

	w->turn = turn_new(w->loop, free_turn, w);
	turn_ask(w->turn);
	run(w);
	assert_null(w->turn);
}

static void
timers_come_in_the_order_of_their_deadlines(void **state)
{
	struct world *w = *state;

	w->wanted = 2;
	w->timer = timer_new(w->loop, log_a, w);
	w->other = timer_new(w->loop, log_b, w);
	timer_in(w->timer, 30);
	timer_in(w->other, 5);
	run(w);
	assert_string_equal(w->log.data, "ba");
}

static void
again_and_early(void *ctx)
{
	struct world *w = ctx;

	if (clock_now_ms() < w->due_ms)
		fail_msg("%d ms early", (int)(w->due_ms - clock_now_ms()));
	count(w);
	w->due_ms = clock_now_ms() + w->count % 4;
	timer_at(w->timer, w->due_ms);
}

static void
a_timer_is_never_early(void **state)
{
	struct world *w = *state;

	w->wanted = 100;
	w->timer = timer_new(w->loop, again_and_early, w);
	timer_at(w->timer, 0);
	run(w);
	assert_in_range(w->count, 100, 101);
}

/* Time passes between the start of a turn, from where libuv counts, and now. */
static void
a_timer_counts_from_now_and_not_from_the_start_of_the_turn(void **state)
{
	struct world *w = *state;
	int64_t began_ms;

	w->timer = timer_new(w->loop, count, w);
	assert_int_equal(wait_ms(w), -1);
	began_ms = clock_now_ms();
	while (clock_now_ms() < began_ms + 30)
		;
	w->due_ms = clock_now_ms() + 15;
	timer_in(w->timer, 15);
	assert_true(uv_backend_timeout(loop_uv(w->loop)) >= 44);
	run(w);
	assert_true(w->came_ms >= w->due_ms);
}

static void
a_deadline_that_has_passed_comes_on_the_next_turn(void **state)
{
	static const int64_t passed[] = { INT64_MIN, -1, 0, 1 };
	struct world *w = *state;

	w->timer = timer_new(w->loop, count, w);
	for (size_t i = 0; i < sizeof passed / sizeof *passed; i++) {
		w->wanted = (int)i + 1;
		timer_at(w->timer, passed[i]);
		assert_int_equal(w->count, i);
		assert_int_equal(uv_backend_timeout(loop_uv(w->loop)), 0);
		run(w);
		assert_int_equal(w->count, i + 1);
	}
}

static void
set_passed_again(void *ctx)
{
	struct world *w = ctx;

	timer_at(w->timer, 0);
}

static void
a_timer_that_is_always_due_lets_others_come(void **state)
{
	struct world *w = *state;

	w->timer = timer_new(w->loop, set_passed_again, w);
	w->turn = turn_new(w->loop, count, w);
	timer_at(w->timer, 0);
	turn_ask(w->turn);
	run(w);
	assert_int_equal(w->count, 1);
}

static void
a_timer_without_a_deadline_waits_for_ever(void **state)
{
	struct world *w = *state;

	w->timer = timer_new(w->loop, count, w);
	timer_in(w->timer, 5000);
	timer_at(w->timer, INT64_MAX);
	assert_int_equal(wait_ms(w), -1);
	timer_in(w->timer, INT64_MAX);
	assert_int_equal(wait_ms(w), -1);
	timer_in(w->timer, INT64_MAX - 1);
	assert_int_equal(wait_ms(w), -1);
}

static void
a_stopped_timer_does_not_come(void **state)
{
	struct world *w = *state;

	w->timer = timer_new(w->loop, log_a, w);
	w->other = timer_new(w->loop, log_b, w);
	timer_in(w->timer, 1);
	timer_stop(w->timer);
	timer_at(w->timer, 0);
	timer_stop(w->timer);
	timer_in(w->other, 10);
	run(w);
	assert_string_equal(w->log.data, "b");
}

static void
free_timer(void *ctx)
{
	struct world *w = ctx;

	timer_free(w->timer);
	w->timer = NULL;
	count(w);
}

static void
a_timer_may_be_freed_when_it_comes(void **state)
{
	struct world *w = *state;

	for (int64_t delay_ms = 0; delay_ms < 2; delay_ms++) {
		w->count = 0;
		w->timer = timer_new(w->loop, free_timer, w);
		timer_in(w->timer, delay_ms);
		run(w);
		assert_null(w->timer);
	}
}

static void
signal_came(int signum, void *ctx)
{
	struct world *w = ctx;

	assert_int_equal(signum, SIGUSR1);
	on_signal_free(w->on_signal);
	w->on_signal = NULL;
	count(w);
}

static void
a_signal_is_told_and_may_be_let_go_then(void **state)
{
	struct world *w = *state;

	w->on_signal = on_signal_new(w->loop, SIGUSR1, signal_came, w);
	kill(getpid(), SIGUSR1);
	run(w);
	assert_null(w->on_signal);
}

static void
read_one(int fd, void *ctx)
{
	struct world *w = ctx;
	char c = '-';

	assert_in_range(read(fd, &c, 1), 0, 1);
	str_putc(&w->log, c);
	count(w);
}

static void
a_descriptor_is_told_while_it_is_readable_and_when_it_is_closed(void **state)
{
	struct world *w = *state;
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	w->on_readable = on_readable_new(w->loop, fds[0], read_one, w);
	assert_int_equal(write(fds[1], "xyz", 3), 3);
	close(fds[1]);
	w->wanted = 4;
	run(w);
	assert_string_equal(w->log.data, "xyz-");
	on_readable_free(w->on_readable);
	w->on_readable = NULL;
	close(fds[0]);
}

static void
free_readable(int fd, void *ctx)
{
	struct world *w = ctx;

	on_readable_free(w->on_readable);
	w->on_readable = NULL;
	close(fd);
	count(w);
}

static void
a_descriptor_may_be_let_go_and_closed_when_it_is_told(void **state)
{
	struct world *w = *state;
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	w->on_readable = on_readable_new(w->loop, fds[0], free_readable, w);
	assert_int_equal(write(fds[1], "x", 1), 1);
	run(w);
	assert_null(w->on_readable);
	close(fds[1]);
}

static void
error_came(int fd, void *ctx)
{
	(void)fd;
	count(ctx);
}

/* The write end of a pipe without a reader is in error and nothing else. */
static void
a_descriptor_in_error_is_told_too(void **state)
{
	struct world *w = *state;
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	close(fds[0]);
	w->wanted = 3;
	w->on_readable = on_readable_new(w->loop, fds[1], error_came, w);
	run(w);
	assert_int_equal(w->count, 3);
	on_readable_free(w->on_readable);
	w->on_readable = NULL;
	close(fds[1]);
}

static void
a_loop_stopped_beforehand_does_not_run(void **state)
{
	struct world *w = *state;

	w->turn = turn_new(w->loop, count, w);
	turn_ask(w->turn);
	loop_stop(w->loop);
	run(w);
	assert_int_equal(w->count, 0);
}

static void
end_came(void *ctx)
{
	struct world *w = ctx;

	at_end_free(w->at_end);
	timer_free(w->timer);
	str_puts(&w->log, "end");
}

static void
what_was_let_go_is_told_when_the_loop_is_freed(void **state)
{
	struct world w = { .loop = loop_new() };

	(void)state;
	w.timer = timer_new(w.loop, count, &w);
	timer_in(w.timer, DEADLINE_MS);
	w.at_end = at_end_new(w.loop, end_came, &w);
	at_end_free(at_end_new(w.loop, end_came, &w));
	loop_free(w.loop);
	assert_string_equal(w.log.data, "end");
	str_free(&w.log);
}

static void
nothing_at_all_may_be_freed(void **state)
{
	(void)state;
	loop_free(NULL);
	timer_free(NULL);
	turn_free(NULL);
	on_signal_free(NULL);
	on_readable_free(NULL);
	at_end_free(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_new, world_free)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_idle_loop_waits_without_a_deadline),
		TEST(a_turn_comes_once_however_often_it_is_asked_for),
		TEST(a_turn_taken_back_does_not_come),
		TEST(a_turn_that_asks_again_lets_others_come),
		TEST(a_turn_may_be_freed_when_it_comes),
		TEST(timers_come_in_the_order_of_their_deadlines),
		TEST(a_timer_is_never_early),
		TEST(
		    a_timer_counts_from_now_and_not_from_the_start_of_the_turn),
		TEST(a_deadline_that_has_passed_comes_on_the_next_turn),
		TEST(a_timer_that_is_always_due_lets_others_come),
		TEST(a_timer_without_a_deadline_waits_for_ever),
		TEST(a_stopped_timer_does_not_come),
		TEST(a_timer_may_be_freed_when_it_comes),
		TEST(a_signal_is_told_and_may_be_let_go_then),
		TEST(
		    a_descriptor_is_told_while_it_is_readable_and_when_it_is_closed),
		TEST(a_descriptor_may_be_let_go_and_closed_when_it_is_told),
		TEST(a_descriptor_in_error_is_told_too),
		TEST(a_loop_stopped_beforehand_does_not_run),
		cmocka_unit_test(
		    what_was_let_go_is_told_when_the_loop_is_freed),
		cmocka_unit_test(nothing_at_all_may_be_freed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
