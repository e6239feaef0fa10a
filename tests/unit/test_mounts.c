/* SPDX-License-Identifier: MIT */
/*
 * Mounts of our own, which takes root or a user namespace.
 */
#include "io/mounts.h"

#include "io/loop.h"
#include "io/timer.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cmocka.h>

enum { DEADLINE_MS = 10000, QUIET_MS = 300 };

struct world {
	struct loop *loop;
	struct timer *deadline;
	struct mounts *mounts;
	int count, wanted;
};

static char dir[] = "/tmp/test_mounts.XXXXXX";

static bool
has_namespace(void)
{
	return (unshare(CLONE_NEWNS) == 0 ||
		   unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0) &&
	       mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mkdtemp(dir) != NULL;
}

static void
stop(void *ctx)
{
	loop_stop(ctx);
}

static void
count(void *ctx)
{
	struct world *w = ctx;

	w->count++;
	if (w->count == w->wanted)
		loop_stop(w->loop);
}

/* Runs until so many were told of, or for so long. */
static void
expect(struct world *w, int wanted, int64_t within_ms)
{
	w->count = 0;
	w->wanted = wanted;
	timer_in(w->deadline, within_ms);
	loop_run(w->loop);
	timer_stop(w->deadline);
	assert_int_equal(w->count, wanted);
}

static void
mounts_are_told_once_and_nothing_else(void **state)
{
	struct world w = { .loop = loop_new() };

	(void)state;
	w.deadline = timer_new(w.loop, stop, w.loop);
	if (!has_namespace()) {
		print_message("no mounts of our own: not tried\n");
	} else {
		w.mounts = mounts_new(w.loop, count, &w);
		assert_non_null(w.mounts);
		expect(&w, 0, QUIET_MS);
		assert_int_equal(mount("none", dir, "tmpfs", 0, NULL), 0);
		expect(&w, 1, DEADLINE_MS);
		assert_int_equal(umount2(dir, MNT_DETACH), 0);
		expect(&w, 1, DEADLINE_MS);
		for (int i = 0; i < 20; i++)
			mount("none", dir, "tmpfs", 0, NULL);
		expect(&w, 1, DEADLINE_MS);
		expect(&w, 0, QUIET_MS);
	}
	mounts_free(w.mounts);
	timer_free(w.deadline);
	loop_free(w.loop);
	while (umount2(dir, MNT_DETACH) == 0)
		;
	rmdir(dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mounts_are_told_once_and_nothing_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
