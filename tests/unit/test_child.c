/* SPDX-License-Identifier: MIT */
/*
 * Real programs on a real loop: what they are given, how they end, what they
 * leave behind.
 */
#include "io/child.h"

#include "base/mem.h"
#include "io/loop.h"
#include "io/orphan.h"
#include "io/process.h"
#include "io/timer.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { DEADLINE_MS = 10000, STARTED_MS = 1000 };

static const char *const plain_env[] = { "PATH=/usr/bin:/bin", NULL };

/* A loop, one child, and what was told of it. */
struct world {
	struct loop *loop;
	struct timer *deadline;
	struct child *child;
	struct text input; /* of the next start */
	bool ended;
	struct child_end end;
	struct str output, lines;
	bool free_at_end, free_at_line;
	char dir[64];
	size_t fds;
};

static void
too_late(void *ctx)
{
	(void)ctx;
	fail_msg("nothing came in time");
}

/* Descriptors of this process. */
static size_t
count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	size_t n = 0;

	assert_non_null(dir);
	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	return n;
}

static bool
no_children(void)
{
	siginfo_t info;

	return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 &&
	       errno == ECHILD;
}

static int
world_new(void **state)
{
	static struct world world;

	world = (struct world){ .loop = loop_new() };
	world.deadline = timer_new(world.loop, too_late, NULL);
	strcpy(world.dir, "/tmp/test_child.XXXXXX");
	assert_non_null(mkdtemp(world.dir));
	world.fds = count_fds();
	*state = &world;
	return 0;
}

static void
remove_dir(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;

	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.')
			unlinkat(dirfd(dir), entry->d_name, 0);
	closedir(dir);
	rmdir(path);
}

/* Nothing may be left: no child, no zombie, no descriptor. */
static int
world_free(void **state)
{
	struct world *w = *state;

	child_free(w->child);
	assert_int_equal(count_fds(), w->fds);
	assert_true(no_children());
	timer_free(w->deadline);
	loop_free(w->loop);
	str_free(&w->output);
	str_free(&w->lines);
	remove_dir(w->dir);
	return 0;
}

static void
line_came(struct text line, void *ctx)
{
	struct world *w = ctx;

	assert_non_null(w->child);
	str_printf(&w->lines, "[%.*s]", (int)line.len, line.data);
	if (w->free_at_line) {
		child_free(w->child);
		w->child = NULL;
		loop_stop(w->loop);
	}
}

static void
end_came(const struct child_end *end, void *ctx)
{
	struct world *w = ctx;

	assert_non_null(w->child); /* not from within child_start() */
	assert_false(w->ended);
	w->ended = true;
	w->end = *end;
	str_add_text(&w->output, end->output);
	w->end.output = str_text(&w->output);
	if (w->free_at_end) {
		child_free(w->child);
		w->child = NULL;
	}
	loop_stop(w->loop);
}

static void
run(struct world *w)
{
	timer_in(w->deadline, DEADLINE_MS);
	loop_run(w->loop);
	timer_stop(w->deadline);
}

static struct child_spec
spec_of(const char *const *argv)
{
	return (struct child_spec){ .argv = argv,
		.envp = plain_env,
		.timeout_ms = INT64_MAX,
		.grace_ms = DEADLINE_MS,
		.output_max = 4096 };
}

/* Starts what must start. */
static void
start_spec(struct world *w, const struct child_spec *spec)
{
	struct err err = { "" };

	child_free(w->child);
	w->ended = false;
	str_clear(&w->output);
	str_clear(&w->lines);
	w->child = child_start(w->loop, spec, end_came, line_came, w, &err);
	if (w->child == NULL)
		fail_msg("%s", err.text);
	child_feed(w->child, w->input);
}

static void
run_spec(struct world *w, const struct child_spec *spec)
{
	start_spec(w, spec);
	run(w);
	assert_true(w->ended);
}

#define ARGV(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define SHELL(script) ARGV("sh", "-c", script)

static void
run_argv(struct world *w, const char *const *argv)
{
	struct child_spec spec = spec_of(argv);

	run_spec(w, &spec);
}

static void
assert_ended(const struct world *w, bool signaled, int code, bool timed_out)
{
	assert_int_equal(w->end.signaled, signaled);
	assert_int_equal(w->end.code, code);
	assert_int_equal(w->end.timed_out, timed_out);
}

static void
assert_output(const struct world *w, const char *data, size_t len)
{
	assert_int_equal(w->end.output.len, len);
	assert_memory_equal(w->end.output.data, data, len);
}

static bool
runs(pid_t pid)
{
	struct process p;

	return process_read(pid, &p) && !p.ended;
}

static void
assert_gone(pid_t pid)
{
	int64_t deadline_ms = clock_now_ms() + DEADLINE_MS;

	while (runs(pid)) {
		if (clock_now_ms() > deadline_ms)
			fail_msg("process %d is still there", (int)pid);
		usleep(2000);
	}
}

/* The pids that the child printed, one a line. */
static size_t
read_pids(const struct world *w, pid_t *pids, size_t max)
{
	const char *at = w->output.data;
	size_t n = 0;

	while (at != NULL && *at != '\0' && n < max) {
		char *end;
		long pid = strtol(at, &end, 10);

		if (end == at || *end != '\n')
			break;
		pids[n++] = (pid_t)pid;
		at = end + 1;
	}
	return n;
}

static void
stop_loop(void *ctx)
{
	loop_stop(ctx);
}

/* Lets the loop run until all children have been waited for. */
static void
run_until_reaped(struct world *w)
{
	struct timer *t = timer_new(w->loop, stop_loop, w->loop);
	int64_t deadline_ms = clock_now_ms() + DEADLINE_MS;

	while (!no_children()) {
		if (clock_now_ms() > deadline_ms)
			fail_msg("a child or zombie is left");
		timer_in(t, 5);
		run(w);
	}
	timer_free(t);
}

static void
arguments_arrive_as_they_are(void **state)
{
	static const char expected[] =
	    "a b\0'\"\0$(id)\0`id`\0\nx\n\0*\0\0-n\0\\0\0\xff\xfe";

	run_argv(*state, ARGV("printf", "%s\\0", "a b", "'\"", "$(id)", "`id`",
			     "\nx\n", "*", "", "-n", "\\0", "\xff\xfe"));
	assert_output(*state, expected, sizeof expected);
}

static void
the_environment_is_what_was_given_and_nothing_else(void **state)
{
	static const char expected[] = "A=1\0EMPTY=\0LINES=a\nb\0PATH=/nowhere";
	struct child_spec spec =
	    spec_of(ARGV("/bin/cat", "/proc/self/environ"));

	spec.envp = ARGV("A=1", "EMPTY=", "LINES=a\nb", "PATH=/nowhere");
	run_spec(*state, &spec);
	assert_output(*state, expected, sizeof expected);
	spec.envp = (const char *const[]){ NULL };
	run_spec(*state, &spec);
	assert_output(*state, "", 0);
}

/* In the child: prints which descriptors are open. */
static int
print_fds(void)
{
	for (int fd = 0; fd < 1024; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			printf("%d ", fd);
	return 0;
}

static void
only_descriptors_0_1_and_2_are_open(void **state)
{
	struct world *w = *state;

	assert_int_equal(dup2(STDERR_FILENO, 777), 777);
	run_argv(w, ARGV("/proc/self/exe", "print-fds"));
	close(777);
	assert_output(w, "0 1 2 ", 6);
}

static void
it_leads_a_session_of_its_own_without_a_terminal(void **state)
{
	struct world *w = *state;
	struct child_spec spec = spec_of(ARGV("cat"));
	struct process p;

	start_spec(w, &spec);
	assert_true(process_read(child_pid(w->child), &p));
	assert_int_equal(p.session, p.pid);
	assert_int_equal(p.group, p.pid);
	assert_int_equal(p.start_time, process_start_time(p.pid));
	run(w);
	assert_ended(w, false, 0, false);
}

static void
signals_are_at_their_defaults_and_none_is_blocked(void **state)
{
	static const char expected[] = "SigBlk:\t0000000000000000\n"
				       "SigIgn:\t0000000000000000\n";
	struct world *w = *state;
	sigset_t some, before;

	signal(SIGHUP, SIG_IGN);
	signal(SIGUSR1, SIG_IGN);
	sigemptyset(&some);
	sigaddset(&some, SIGTERM);
	sigaddset(&some, SIGUSR2);
	sigprocmask(SIG_BLOCK, &some, &before);
	run_argv(w, ARGV("grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status"));
	sigprocmask(SIG_SETMASK, &before, NULL);
	signal(SIGHUP, SIG_DFL);
	signal(SIGUSR1, SIG_DFL);
	assert_output(w, expected, sizeof expected - 1);
}

static void
it_runs_in_the_directory_it_was_given(void **state)
{
	struct world *w = *state;
	struct child_spec spec = spec_of(ARGV("pwd"));

	spec.cwd = w->dir;
	run_spec(w, &spec);
	assert_int_equal(w->end.output.len, strlen(w->dir) + 1);
	assert_memory_equal(w->end.output.data, w->dir, strlen(w->dir));
}

static void
the_end_says_how_it_ended(void **state)
{
	static const struct {
		const char *script;
		bool signaled;
		int code;
	} cases[] = {
		{ "exit 0", false, 0 },
		{ "exit 1", false, 1 },
		{ "exit 127", false, 127 },
		{ "exit 255", false, 255 },
		{ "kill -TERM $$", true, SIGTERM },
		{ "kill -KILL $$", true, SIGKILL },
		{ "ulimit -c 0; kill -SEGV $$", true, SIGSEGV },
		{ "kill -PIPE $$", true, SIGPIPE },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		run_argv(*state, SHELL(cases[i].script));
		assert_ended(*state, cases[i].signaled, cases[i].code, false);
	}
}

static void
standard_output_and_error_are_read_together(void **state)
{
	run_argv(*state, SHELL("echo a; echo b >&2; echo c"));
	assert_output(*state, "a\nb\nc\n", 6);
}

static void
lines_are_told_whole_and_the_last_one_at_the_end(void **state)
{
	struct world *w = *state;

	run_argv(w, SHELL("printf 'a\\n\\nb'; printf 'c\\nd'"));
	assert_string_equal(w->lines.data, "[a][][bc][d]");
	run_argv(w, SHELL("printf %20000d 1; echo; echo x"));
	assert_int_equal(w->lines.len, 8192 + 2 + 3);
	assert_string_equal(w->lines.data + 8192 + 1, "][x]");
	assert_int_equal(w->end.output_bytes, 20003);
}

static void
input_arrives_whole(void **state)
{
	enum { SIZE = 1000 * 1000 };
	struct world *w = *state;
	struct child_spec spec = spec_of(ARGV("cat"));
	char *input = mem_new(1, SIZE);

	for (size_t i = 0; i < SIZE; i++)
		input[i] = (char)(i * 2654435761u >> 13);
	w->input = (struct text){ input, SIZE };
	spec.output_max = (size_t)2 * SIZE;
	run_spec(w, &spec);
	assert_output(w, input, SIZE);
	free(input);
}

/* The output would be more than a pipe holds: cat would wait for ever for a
 * reader that waits for cat. */
static void
input_that_nobody_reads_does_no_harm(void **state)
{
	static const struct {
		const char *script, *output;
	} cases[] = {
		{ "exit 0", "" },
		{ "exec 0<&-; echo closed", "closed\n" },
		{ "head -c 500000 | wc -c", "500000\n" },
		{ "echo started; exec sleep 0.05", "started\n" },
	};
	enum { SIZE = 1000 * 1000 };
	struct world *w = *state;
	char *input = mem_new(1, SIZE);

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct child_spec spec = spec_of(SHELL(cases[i].script));

		w->input = (struct text){ input, SIZE };
		run_spec(w, &spec);
		assert_ended(w, false, 0, false);
		assert_output(w, cases[i].output, strlen(cases[i].output));
	}
	free(input);
}

static void
of_a_flood_the_last_bytes_are_kept(void **state)
{
	struct world *w = *state;
	struct child_spec spec =
	    spec_of(SHELL("yes | head -c 20000000; printf end"));

	spec.output_max = 1000;
	start_spec(w, &spec);
	w->free_at_line = false;
	run(w);
	assert_int_equal(w->end.output_bytes, 20000003);
	assert_int_equal(w->end.output.len, 1000);
	assert_memory_equal(w->end.output.data + 990, "\ny\ny\ny\nend", 10);
	spec.output_max = 0;
	run_spec(w, &spec);
	assert_output(w, "", 0);
}

static void
an_endless_flood_ends_with_its_time(void **state)
{
	struct world *w = *state;
	struct child_spec spec = spec_of(ARGV("yes"));
	struct err err;

	spec.timeout_ms = 200;
	w->child = child_start(w->loop, &spec, end_came, NULL, w, &err);
	assert_non_null(w->child);
	child_feed(w->child, TEXT(""));
	run(w);
	assert_ended(w, true, SIGTERM, true);
	assert_int_equal(w->end.output.len, spec.output_max);
	assert_in_range(w->end.duration_ms, 200, DEADLINE_MS);
}

static void
a_grandchild_that_holds_the_pipe_does_not_delay_the_end(void **state)
{
	struct world *w = *state;
	pid_t pid = 0;

	run_argv(w, SHELL("sleep 1000 & echo $!; exit 3"));
	assert_ended(w, false, 3, false);
	assert_int_equal(read_pids(w, &pid, 1), 1);
	assert_true(runs(pid));
	kill(pid, SIGKILL);
	assert_gone(pid);
}

static void
a_grandchild_that_floods_the_pipe_does_not_delay_the_end(void **state)
{
	struct world *w = *state;
	pid_t pid = 0;

	run_argv(w, SHELL("echo $$; yes & exit 4"));
	assert_ended(w, false, 4, false);
	pid = (pid_t)strtol(w->output.data, NULL, 10);
	assert_gone(pid);
}

static void
a_time_out_ends_the_session_and_who_left_it(void **state)
{
	struct world *w = *state;
	struct child_spec spec = spec_of(SHELL("sleep 1000 & echo $!;"
					       "setsid sleep 1000 & echo $!;"
					       "setsid sh -c 'sleep 1000 &"
					       "  echo $!; wait' & wait"));
	pid_t pids[3] = { 0 };

	spec.timeout_ms = STARTED_MS;
	run_spec(w, &spec);
	assert_ended(w, true, SIGTERM, true);
	assert_int_equal(read_pids(w, pids, 3), 3);
	for (size_t i = 0; i < 3; i++)
		assert_gone(pids[i]);
	run_until_reaped(w); /* the first may have ended before the others */
}

static void
who_ignores_the_time_out_is_killed(void **state)
{
	struct world *w = *state;
	struct child_spec spec =
	    spec_of(SHELL("trap '' TERM; setsid sleep 1000 & echo $!;"
			  "sleep 1000 & echo $!; sleep 1000"));
	pid_t pids[2] = { 0 };

	spec.timeout_ms = STARTED_MS;
	spec.grace_ms = 100;
	run_spec(w, &spec);
	assert_ended(w, true, SIGKILL, true);
	assert_in_range(w->end.duration_ms, STARTED_MS + 100, DEADLINE_MS);
	assert_int_equal(read_pids(w, pids, 2), 2);
	assert_gone(pids[0]);
	assert_gone(pids[1]);
}

static void
nobody_born_while_the_others_are_killed_survives(void **state)
{
	struct world *w = *state;
	struct child_spec spec =
	    spec_of(SHELL("trap '' TERM; while :; do"
			  "  setsid sleep 1000 & echo $!; sleep 0.002; done"));
	pid_t pids[2000] = { 0 };
	size_t count;

	spec.timeout_ms = 300;
	spec.grace_ms = 100;
	spec.output_max = sizeof pids * 8;
	run_spec(w, &spec);
	assert_ended(w, true, SIGKILL, true);
	count = read_pids(w, pids, sizeof pids / sizeof *pids);
	assert_in_range(count, 2, sizeof pids / sizeof *pids);
	for (size_t i = 0; i < count; i++)
		assert_gone(pids[i]);
}

static void
who_outlives_the_time_out_of_its_parent_keeps_its_grace(void **state)
{
	struct world *w = *state;
	struct child_spec spec =
	    spec_of(SHELL("(trap '' TERM; sleep 1000) & echo $!;"
			  "(trap '' TERM; exec setsid sleep 1000) & echo $!;"
			  "wait"));
	pid_t pids[2] = { 0 };

	for (int letting_go = 0; letting_go < 2; letting_go++) {
		spec.timeout_ms = STARTED_MS;
		spec.grace_ms = 500;
		w->free_at_end = letting_go == 1;
		run_spec(w, &spec);
		assert_ended(w, true, SIGTERM, true);
		assert_int_equal(read_pids(w, pids, 2), 2);
		assert_true(runs(pids[0]));
		assert_true(runs(pids[1]));
		while (waitid(P_ALL, 0, &(siginfo_t){ 0 },
			   WEXITED | WNOHANG | WNOWAIT) == 0) {
			struct timer *t =
			    timer_new(w->loop, stop_loop, w->loop);

			timer_in(t, 10);
			run(w);
			timer_free(t);
		}
		assert_gone(pids[0]);
		assert_gone(pids[1]);
	}
}

static void
when_the_loop_ends_nobody_keeps_a_grace(void **state)
{
	struct world w = { .loop = loop_new(), .free_at_end = true };
	struct child_spec spec =
	    spec_of(SHELL("(trap '' TERM; exec sleep 1000) & echo $!; wait"));
	pid_t pid = 0;

	(void)state;
	w.deadline = timer_new(w.loop, too_late, NULL);
	spec.timeout_ms = STARTED_MS;
	run_spec(&w, &spec);
	assert_int_equal(read_pids(&w, &pid, 1), 1);
	timer_free(w.deadline);
	loop_free(w.loop);
	assert_gone(pid);
	str_free(&w.output);
	str_free(&w.lines);
}

static void
a_whole_session_ends_with_its_leader(void **state)
{
	struct world *w = *state;
	struct child_spec spec =
	    spec_of(SHELL("(trap '' TERM; sleep 1000) & echo $!;"
			  "sleep 1000 & echo $!; exit 5"));
	pid_t pids[2] = { 0 };

	spec.whole = true;
	spec.grace_ms = 200;
	run_spec(w, &spec);
	assert_ended(w, false, 5, false);
	assert_int_equal(read_pids(w, pids, 2), 2);
	run_until_reaped(w);
	assert_gone(pids[0]);
	assert_gone(pids[1]);
}

static void
who_is_stopped_is_ended_as_if_its_time_were_up(void **state)
{
	struct world *w = *state;
	struct child_spec spec =
	    spec_of(SHELL("trap '' TERM; sleep 1000 & sleep 1000"));

	spec.grace_ms = 200;
	start_spec(w, &spec);
	child_stop(w->child);
	child_stop(w->child);
	run(w);
	assert_true(w->ended);
	assert_true(w->end.signaled);
	assert_true(w->end.timed_out);
	run_until_reaped(w);
	child_stop(w->child); /* nobody is there any more */
}

static void
standard_output_can_go_elsewhere(void **state)
{
	struct world *w = *state;
	struct child_spec spec = spec_of(SHELL("echo out; echo err >&2"));
	char buf[16] = "";
	int fds[2];

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	spec.stdout_fd = &fds[1];
	run_spec(w, &spec);
	close(fds[1]);
	assert_int_equal(read(fds[0], buf, sizeof buf), 4);
	assert_string_equal(buf, "out\n");
	assert_int_equal(read(fds[0], buf, sizeof buf), 0);
	close(fds[0]);
	assert_output(w, "err\n", 4);
}

static void
who_stopped_itself_is_ended_too(void **state)
{
	struct world *w = *state;
	struct child_spec spec =
	    spec_of(SHELL("setsid sh -c 'echo $$; kill -STOP $$' & sleep 0.1;"
			  "kill -STOP $$"));
	pid_t pid = 0;

	spec.timeout_ms = STARTED_MS;
	run_spec(w, &spec);
	assert_ended(w, true, SIGTERM, true);
	assert_int_equal(read_pids(w, &pid, 1), 1);
	assert_gone(pid);
	run_until_reaped(w);
}

static void
an_end_that_came_before_the_time_out_was_seen_is_in_time(void **state)
{
	struct world *w = *state;
	struct child_spec spec = spec_of(ARGV("true"));

	spec.timeout_ms = 50;
	start_spec(w, &spec);
	assert_gone(child_pid(w->child));
	usleep(60 * 1000); /* nobody looks while the time runs out */
	run(w);
	assert_ended(w, false, 0, false);
}

static void
a_child_may_be_let_go_at_its_end(void **state)
{
	struct world *w = *state;

	w->free_at_end = true;
	run_argv(w, SHELL("echo x"));
	assert_null(w->child);
}

/* The first comes while it runs, the second at its end. */
static void
a_child_may_be_let_go_when_it_says_a_line(void **state)
{
	static const char *const scripts[] = { "echo x; sleep 0.05", "echo x" };
	struct world *w = *state;

	w->free_at_line = true;
	for (size_t i = 0; i < 2; i++) {
		struct child_spec spec = spec_of(SHELL(scripts[i]));
		pid_t pid = 0;

		start_spec(w, &spec);
		pid = child_pid(w->child);
		if (i == 1)
			assert_gone(pid);
		run(w);
		assert_null(w->child);
		assert_false(w->ended);
		run_until_reaped(w);
	}
}

/* Its time-out does not follow it either. */
static void
a_child_let_go_runs_on_and_leaves_no_zombie(void **state)
{
	struct world *w = *state;
	struct child_spec spec =
	    spec_of(SHELL("head -c 1000000 /dev/zero; sleep 0.3; exit 0"));
	struct timer *t = timer_new(w->loop, stop_loop, w->loop);
	pid_t pid = 0;

	spec.timeout_ms = 100;
	start_spec(w, &spec);
	pid = child_pid(w->child);
	child_free(w->child);
	w->child = NULL;
	timer_in(t, 200);
	run(w);
	assert_true(runs(pid));
	timer_free(t);
	run_until_reaped(w);
	assert_false(w->ended);
}

static void
a_child_let_go_outlives_the_loop(void **state)
{
	struct world w = { .loop = loop_new() };
	struct child_spec spec = spec_of(ARGV("sleep", "1000"));
	pid_t pid = 0;
	int status;

	(void)state;
	w.input = TEXT("nobody reads me");
	start_spec(&w, &spec);
	pid = child_pid(w.child);
	child_free(w.child);
	loop_free(w.loop);
	assert_true(runs(pid));
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
}

static void
many_in_a_row_leave_nothing(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < 200; i++) {
		run_argv(w, SHELL("exit 7"));
		assert_ended(w, false, 7, false);
	}
	child_free(w->child);
	w->child = NULL;
	assert_int_equal(count_fds(), w->fds);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

static void
write_file(const struct world *w, const char *name, const char *data,
    size_t len, mode_t mode)
{
	char path[256];
	int fd;

	snprintf(path, sizeof path, "%s/%s", w->dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, len), len);
	fchmod(fd, mode);
	close(fd);
}

/* Copies a program, with the name of its loader spoilt. */
static void
write_unloadable(const struct world *w, const char *name)
{
	char *program = mem_new(1, 1 << 20), *loader;
	FILE *f = fopen("/bin/true", "re");
	size_t len;

	assert_non_null(f);
	len = fread(program, 1, 1 << 20, f);
	fclose(f);
	loader = memmem(program, len, "/ld-", 4);
	assert_non_null(loader);
	loader[1] = 'X';
	write_file(w, name, program, len, 0700);
	free(program);
}

static void
assert_refused(
    struct world *w, const struct child_spec *spec, const char *reason)
{
	struct err err = { "" };

	assert_null(child_start(w->loop, spec, end_came, line_came, w, &err));
	if (strstr(err.text, reason) == NULL)
		fail_msg("got '%s', wanted '%s'", err.text, reason);
	assert_int_equal(count_fds(), w->fds);
}

#define SCRIPT(name, text, mode) write_file(w, name, text, strlen(text), mode)

static void
a_program_that_cannot_be_executed_is_told_at_once(void **state)
{
	static const struct {
		const char *name, *reason;
	} cases[] = {
		{ "./nothing", "run ./nothing: No such file or directory" },
		{ "nothing", "run nothing: not found in PATH (/usr/bin:.)" },
		{ "", "run: the name of the program is empty" },
		{ "./script/x", "run ./script/x: Not a directory" },
		{ "./plain", "run ./plain: not executable for this user" },
		{ "plain", "run ./plain: not executable for this user" },
		{ "/tmp", "run /tmp: it is a directory" },
		{ "/dev/null", "run /dev/null: it is no regular file" },
		{ "./text", "no program for this machine, nor a script" },
		{ "./empty", "no program for this machine, nor a script" },
		{ "./unloadable", "the loader that it was linked for is not" },
		{ "./crlf", "its interpreter '/bin/sh\\r' is not there: the "
			    "script has Windows line ends (CRLF)" },
		{ "./lost", "its interpreter /opt/no is not there" },
		{ "./closed", "its interpreter ./plain: Permission denied" },
		{ "./nobody", "run ./nobody: no" },
		{ "./looping", "run ./looping: Too many levels" },
	};
	struct world *w = *state;
	char path[256];

	SCRIPT("script", "#!/bin/sh\n", 0700);
	SCRIPT("plain", "#!/bin/sh\n", 0600);
	SCRIPT("text", "echo hello\n", 0700);
	SCRIPT("empty", "", 0700);
	SCRIPT("crlf", "#! /bin/sh\r\necho\r\n", 0700);
	SCRIPT("lost", "#!/opt/no such\n", 0700);
	SCRIPT("closed", "#!./plain -e\n", 0700);
	SCRIPT("nobody", "#!\n", 0700);
	write_unloadable(w, "unloadable");
	snprintf(path, sizeof path, "%s/looping", w->dir);
	assert_int_equal(symlink("looping", path), 0);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct child_spec spec = spec_of(ARGV(cases[i].name));

		spec.cwd = w->dir;
		spec.envp = ARGV("PATH=/usr/bin:.");
		assert_refused(w, &spec, cases[i].reason);
	}
}

static void
a_directory_that_cannot_be_worked_in_is_told(void **state)
{
	struct world *w = *state;
	struct child_spec spec = spec_of(ARGV("/bin/true"));

	spec.cwd = "/nowhere/at/all";
	assert_refused(w, &spec,
	    "run /bin/true: its directory /nowhere/at/all: No such file");
	spec.cwd = "/dev/null";
	assert_refused(
	    w, &spec, "run /bin/true: its directory /dev/null is none");
}

static void
a_program_that_is_being_written_is_told(void **state)
{
	struct world *w = *state;
	struct child_spec spec = spec_of(ARGV("./busy"));
	char path[256];
	int fd;

	SCRIPT("busy", "#!/bin/sh\n", 0700);
	snprintf(path, sizeof path, "%s/busy", w->dir);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	w->fds++;
	spec.cwd = w->dir;
	assert_refused(w, &spec, "run ./busy: it is being written to");
	close(fd);
	w->fds--;
}

static void
arguments_that_are_too_long_are_told(void **state)
{
	char *argument = mem_new(1, 200000);
	struct child_spec spec = spec_of(ARGV("true", argument));

	memset(argument, 'x', 199999);
	assert_refused(*state, &spec, "arguments or environment are too long");
	free(argument);
}

static void
a_name_without_a_slash_is_looked_up_in_the_path_it_is_given(void **state)
{
	static const struct {
		const char *path, *output;
	} cases[] = {
		{ "PATH=/usr/bin:.", "own\n" },
		{ "PATH=.", "own\n" },
		{ "PATH=", "own\n" },
		{ "PATH=/nowhere:", "own\n" },
		{ "PATH=:/bin", "own\n" },
		{ "PATH=/nowhere::/bin", "own\n" },
		{ "PATH=/dev/null:./sub/../.", "own\n" },
	};
	struct world *w = *state;
	struct child_spec spec = spec_of(ARGV("own"));
	char path[256];

	SCRIPT("own", "#!/bin/sh\necho own\n", 0700);
	snprintf(path, sizeof path, "%s/sub", w->dir);
	assert_int_equal(mkdir(path, 0700), 0);
	spec.cwd = w->dir;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		spec.envp = ARGV(cases[i].path);
		run_spec(w, &spec);
		assert_output(w, cases[i].output, strlen(cases[i].output));
	}
	spec.argv = ARGV("echo", "default");
	spec.envp = ARGV("NOPATH=/nowhere");
	run_spec(w, &spec);
	assert_output(w, "default\n", 8);
	rmdir(path);
}

static void
it_is_scheduled_as_we_are(void **state)
{
	static const struct {
		int policy;
		const char *field; /* 41 of /proc/self/stat: see proc(5) */
	} cases[] = { { SCHED_OTHER, "0\n" }, { SCHED_BATCH, "3\n" } };
	struct world *w = *state;
	struct child_spec spec = spec_of(ARGV("sed",
	    "s/.*) //; s/ /\\n/38; s/.*\\n//; s/ .*//", "/proc/self/stat"));

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct sched_param none = { 0 };

		assert_int_equal(
		    sched_setscheduler(0, cases[i].policy, &none), 0);
		run_spec(w, &spec);
		assert_int_equal(sched_getscheduler(0), cases[i].policy);
		assert_int_equal(sched_setscheduler(0, SCHED_OTHER, &none), 0);
		assert_output(w, cases[i].field, 2);
	}
}

static void
too_few_descriptors_are_an_error_and_nothing_more(void **state)
{
	struct world *w = *state;
	struct child_spec spec = spec_of(ARGV("true"));
	struct rlimit before, tight;
	int free_fd = dup(STDERR_FILENO), refused = 0, started = 0;

	close(free_fd);
	getrlimit(RLIMIT_NOFILE, &before);
	tight = before;
	for (int more = 0; more < 8; more++) {
		struct err err = { "" };

		tight.rlim_cur = (rlim_t)free_fd + (rlim_t)more;
		setrlimit(RLIMIT_NOFILE, &tight);
		w->ended = false;
		w->child =
		    child_start(w->loop, &spec, end_came, line_came, w, &err);
		setrlimit(RLIMIT_NOFILE, &before);
		if (w->child == NULL) {
			assert_string_equal(
			    err.text, "pipe: Too many open files");
			refused++;
			continue;
		}
		child_feed(w->child, TEXT(""));
		run(w);
		assert_ended(w, false, 0, false);
		started++;
		child_free(w->child);
		w->child = NULL;
	}
	assert_in_range(refused, 1, 7);
	assert_in_range(started, 1, 7);
}

/* In a process of its own: starts a child where 0, 1 and 2 are closed.  libuv's
 * own descriptors must not be among them. */
static int
start_without_standard_files(void)
{
	struct world w = { 0 };
	struct child_spec spec = spec_of(SHELL("cat; echo err >&2"));
	struct err err;
	bool good;

	w.loop = loop_new();
	close(STDIN_FILENO);
	close(STDOUT_FILENO);
	close(STDERR_FILENO);
	w.child = child_start(w.loop, &spec, end_came, NULL, &w, &err);
	if (w.child == NULL)
		return 2;
	child_feed(w.child, TEXT("in "));
	loop_run(w.loop);
	good = text_is(w.end.output, "in err\n");
	child_free(w.child);
	loop_free(w.loop);
	str_free(&w.output);
	return good ? 0 : 1;
}

static void
it_works_where_the_standard_files_are_closed(void **state)
{
	run_argv(*state, ARGV("/proc/self/exe", "start-without-files"));
	assert_ended(*state, false, 0, false);
}

static void
orphan_came(void *ctx)
{
	struct world *w = ctx;

	w->ended = true;
	loop_stop(w->loop);
}

static void
the_end_of_a_process_that_is_not_our_child_is_told(void **state)
{
	struct world *w = *state;
	struct orphan *o;
	int64_t start_time;
	pid_t pid = 0;

	run_argv(w, SHELL("sleep 1000 >&- 2>&- & echo $!"));
	assert_int_equal(read_pids(w, &pid, 1), 1);
	start_time = process_start_time(pid);
	assert_true(start_time > 0);
	assert_null(orphan_watch(w->loop, pid, start_time + 1, orphan_came, w));
	o = orphan_watch(w->loop, pid, start_time, orphan_came, w);
	assert_non_null(o);
	w->ended = false;
	kill(pid, SIGKILL);
	run(w);
	assert_true(w->ended);
	assert_gone(pid);
	orphan_free(o);
	orphan_free(NULL);
}

static void
a_process_that_is_gone_is_no_orphan(void **state)
{
	static const pid_t pids[] = { -1, 0, 0x7fffffff };
	struct world *w = *state;

	for (size_t i = 0; i < sizeof pids / sizeof *pids; i++) {
		assert_int_equal(process_start_time(pids[i]), -1);
		assert_null(orphan_watch(w->loop, pids[i], -1, orphan_came, w));
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_new, world_free)

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(arguments_arrive_as_they_are),
		TEST(the_environment_is_what_was_given_and_nothing_else),
		TEST(only_descriptors_0_1_and_2_are_open),
		TEST(it_leads_a_session_of_its_own_without_a_terminal),
		TEST(signals_are_at_their_defaults_and_none_is_blocked),
		TEST(it_runs_in_the_directory_it_was_given),
		TEST(the_end_says_how_it_ended),
		TEST(standard_output_and_error_are_read_together),
		TEST(lines_are_told_whole_and_the_last_one_at_the_end),
		TEST(input_arrives_whole),
		TEST(input_that_nobody_reads_does_no_harm),
		TEST(of_a_flood_the_last_bytes_are_kept),
		TEST(an_endless_flood_ends_with_its_time),
		TEST(a_grandchild_that_holds_the_pipe_does_not_delay_the_end),
		TEST(a_grandchild_that_floods_the_pipe_does_not_delay_the_end),
		TEST(a_time_out_ends_the_session_and_who_left_it),
		TEST(who_ignores_the_time_out_is_killed),
		TEST(nobody_born_while_the_others_are_killed_survives),
		TEST(who_outlives_the_time_out_of_its_parent_keeps_its_grace),
		cmocka_unit_test(when_the_loop_ends_nobody_keeps_a_grace),
		TEST(a_whole_session_ends_with_its_leader),
		TEST(who_is_stopped_is_ended_as_if_its_time_were_up),
		TEST(standard_output_can_go_elsewhere),
		TEST(who_stopped_itself_is_ended_too),
		TEST(an_end_that_came_before_the_time_out_was_seen_is_in_time),
		TEST(a_child_may_be_let_go_at_its_end),
		TEST(a_child_may_be_let_go_when_it_says_a_line),
		TEST(a_child_let_go_runs_on_and_leaves_no_zombie),
		cmocka_unit_test(a_child_let_go_outlives_the_loop),
		TEST(many_in_a_row_leave_nothing),
		TEST(a_program_that_cannot_be_executed_is_told_at_once),
		TEST(a_directory_that_cannot_be_worked_in_is_told),
		TEST(a_program_that_is_being_written_is_told),
		TEST(arguments_that_are_too_long_are_told),
		TEST(
		    a_name_without_a_slash_is_looked_up_in_the_path_it_is_given),
		TEST(it_is_scheduled_as_we_are),
		TEST(too_few_descriptors_are_an_error_and_nothing_more),
		TEST(it_works_where_the_standard_files_are_closed),
		TEST(the_end_of_a_process_that_is_not_our_child_is_told),
		TEST(a_process_that_is_gone_is_no_orphan),
	};

	signal(SIGPIPE, SIG_IGN);
	if (argc > 1 && strcmp(argv[1], "print-fds") == 0)
		return print_fds();
	if (argc > 1 && strcmp(argv[1], "start-without-files") == 0)
		return start_without_standard_files();
	/* Where one has failed another may wait for what it left behind: that
	 * is a failure, too, and no reason to wait for ever. */
	alarm(300);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
