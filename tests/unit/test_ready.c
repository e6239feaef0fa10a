/* SPDX-License-Identifier: MIT */
/*
 * Processes made in advance: what they become, and what ends them before that.
 * What the program then finds around it is test_child's business.
 */
#include "io/ready.h"

#include "base/mem.h"
#include "io/process.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { DEADLINE_MS = 10000 };

static const char *const no_env[] = { NULL };
static const char *const echo_argv[] = { "sh", "-c", "echo $$", NULL };
static const struct ready_program echo_pid = {
	.path = "/bin/sh",
	.argv = echo_argv,
	.envp = no_env,
};

static struct ready *
make(void)
{
	struct err err;
	struct ready *r = ready_new(NULL, &err);

	assert_non_null(r);
	return r;
}

static void
start(struct ready *r)
{
	struct err err;

	assert_int_equal(ready_start(r, &echo_pid, &err), 0);
}

/* Lets it go, and sees that it says its pid and ends well. */
static void
check_runs(struct ready *r)
{
	pid_t pid = ready_pid(r);
	char expected[32], got[32] = "";
	siginfo_t info;
	int in, out;

	snprintf(expected, sizeof expected, "%d\n", (int)pid);
	ready_let_go(r, &in, &out);
	assert_int_equal(read(out, got, sizeof got - 1), strlen(expected));
	assert_string_equal(got, expected);
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED), 0);
	assert_int_equal(info.si_code, CLD_EXITED);
	assert_int_equal(info.si_status, 0);
	close(in);
	close(out);
}

/* Nothing may be left. */
static int
no_children(void **state)
{
	siginfo_t info;

	(void)state;
	assert_int_equal(
	    waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT), -1);
	assert_int_equal(errno, ECHILD);
	return 0;
}

static void
the_program_runs_in_the_process_that_was_there(void **state)
{
	struct ready *r = make();
	pid_t pid = ready_pid(r);

	(void)state;
	start(r);
	assert_int_equal(ready_pid(r), pid);
	check_runs(r);
}

static void
one_that_is_not_needed_leaves_nothing(void **state)
{
	(void)state;
	ready_free(make());
}

static void
it_has_a_session_and_a_name_of_its_own(void **state)
{
	struct ready *r = make();
	struct process p = { 0 };
	char path[64], name[32] = "";
	FILE *f;

	(void)state;
	/* it is on its way */
	for (int i = 0; i < DEADLINE_MS && p.session != ready_pid(r); i++) {
		assert_true(process_read(ready_pid(r), &p));
		poll(NULL, 0, 1);
	}
	assert_int_equal(p.session, ready_pid(r));
	snprintf(path, sizeof path, "/proc/%d/comm", (int)ready_pid(r));
	f = fopen(path, "re");
	assert_non_null(f);
	assert_non_null(fgets(name, sizeof name, f));
	fclose(f);
	assert_string_equal(name, "logwatch-ready\n");
	ready_free(r);
}

static void
a_program_that_cannot_be_executed_is_told(void **state)
{
	static const struct {
		const char *path, *cwd;
		int number;
	} cases[] = { { "/nowhere/to/be/found", NULL, ENOENT },
		{ "/etc", NULL, EACCES }, { "/bin/sh", "/nowhere", ENOENT },
		{ "/bin/sh", "/etc/passwd", ENOTDIR } };

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct ready_program program = {
			.path = cases[i].path,
			.argv = echo_argv,
			.envp = no_env,
			.cwd = cases[i].cwd,
		};
		struct ready *r = make();
		struct err err;

		assert_int_equal(
		    ready_start(r, &program, &err), cases[i].number);
		ready_free(r);
	}
}

static void
where_it_was_killed_another_one_starts(void **state)
{
	struct ready *r = make();
	pid_t pid = ready_pid(r);
	siginfo_t info;

	(void)state;
	kill(pid, SIGKILL);
	waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT);
	start(r);
	assert_int_not_equal(ready_pid(r), pid);
	check_runs(r);
}

static void
where_it_was_stopped_another_one_starts(void **state)
{
	struct ready *r = make();
	pid_t pid = ready_pid(r);
	siginfo_t info;

	(void)state;
	kill(pid, SIGSTOP);
	waitid(P_PID, (id_t)pid, &info, WSTOPPED);
	start(r);
	assert_int_not_equal(ready_pid(r), pid);
	check_runs(r);
}

/* The test in a process of its own, which is killed. */
static _Noreturn void
make_and_be_killed(int fd)
{
	struct ready *r = make();
	pid_t pid = ready_pid(r);

	if (write(fd, &pid, sizeof pid) == sizeof pid)
		kill(getpid(), SIGKILL);
	_exit(1);
}

static void
it_ends_when_who_made_it_is_killed(void **state)
{
	int fds[2];
	pid_t pid, maker;
	struct pollfd gone = { .events = POLLIN };

	(void)state;
	assert_int_equal(pipe(fds), 0);
	maker = fork();
	if (maker == 0)
		make_and_be_killed(fds[1]);
	close(fds[1]);
	assert_int_equal(read(fds[0], &pid, sizeof pid), sizeof pid);
	close(fds[0]);
	gone.fd = pidfd_open(pid, 0);
	if (gone.fd >= 0) { /* else it is gone already */
		assert_int_equal(poll(&gone, 1, DEADLINE_MS), 1);
		close(gone.fd);
	}
	waitid(P_PID, (id_t)maker, &(siginfo_t){ 0 }, WEXITED);
}

#define TEST(name) cmocka_unit_test_teardown(name, no_children)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_program_runs_in_the_process_that_was_there),
		TEST(one_that_is_not_needed_leaves_nothing),
		TEST(it_has_a_session_and_a_name_of_its_own),
		TEST(a_program_that_cannot_be_executed_is_told),
		TEST(where_it_was_killed_another_one_starts),
		TEST(where_it_was_stopped_another_one_starts),
		TEST(it_ends_when_who_made_it_is_killed),
	};

	signal(SIGPIPE, SIG_IGN); /* as logwatch has it */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
