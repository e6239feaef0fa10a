/* SPDX-License-Identifier: MIT */
/*
 * Streams on a real loop: pipes, terminals, files on standard input, and
 * commands that end, fail, flood or will not stop.
 */
#include "tail/stream.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "io/loop.h"
#include "io/process.h"
#include "io/timer.h"
#include "tail/command.h"
#include "tail/streams.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { DEADLINE_MS = 20000, MAX_LINE = 4096 };

/* What was told: a block is its bytes, then ~ where it is truncated and ! where
 * it is unfinished; an end is <end>. */
static struct world {
	struct loop *loop;
	struct timer *deadline;
	struct streams *streams;
	struct str told;
	bool count_only;
	size_t bytes, ends, turns;
	uint64_t file;
	size_t longest; /* block */
	/* the loop stops there */
	const char *awaited;
	size_t awaited_ends, awaited_bytes;
	bool until_ended, until_stopped;
	size_t fds;
	int saved_stdin;
} w;

static bool
is_there(void)
{
	if (w.until_ended)
		return streams_ended(w.streams);
	if (w.until_stopped)
		return streams_stopped(w.streams);
	if (w.awaited != NULL)
		return text_is(str_text(&w.told), w.awaited);
	if (w.awaited_bytes > 0)
		return w.bytes >= w.awaited_bytes;
	return w.ends >= w.awaited_ends;
}

static void
on_block(const struct block *b, void *ctx)
{
	(void)ctx;
	assert_true(b->file >> 63 == 1);
	assert_true(b->len > 0);
	w.file = b->file;
	w.bytes += b->len;
	if (b->len > w.longest)
		w.longest = b->len;
	if (w.count_only)
		return;
	str_add(&w.told, b->data, b->len);
	if (b->truncated || b->unfinished)
		str_putc(&w.told, b->truncated ? '~' : '!');
}

static void
on_end(uint64_t file, void *ctx)
{
	(void)ctx;
	assert_true(file >> 63 == 1);
	w.ends++;
	if (!w.count_only)
		str_puts(&w.told, "<end>");
}

static void
on_turn(void *ctx)
{
	(void)ctx;
	w.turns++;
	if (is_there())
		loop_stop(w.loop);
}

static void
too_late(void *ctx)
{
	(void)ctx;
	fail_msg("nothing came in time, but: %s",
	    w.told.data != NULL ? w.told.data : "");
}

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

static int
world_new(void **state)
{
	(void)state;
	memset(&w, 0, sizeof w);
	w.saved_stdin = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	w.fds = count_fds();
	w.loop = loop_new();
	w.deadline = timer_new(w.loop, too_late, NULL);
	return 0;
}

/* Who was killed as the loop ended needs a moment; who was not stays. */
static void
reap(void)
{
	int64_t deadline_ms = clock_now_ms() + DEADLINE_MS;
	siginfo_t info;

	while (waitid(P_ALL, 0, &info, WEXITED | WNOHANG) == 0) {
		assert_true(clock_now_ms() < deadline_ms);
		usleep(1000);
	}
	assert_int_equal(errno, ECHILD);
}

/* Nothing may be left: no process, no descriptor. */
static int
world_free(void **state)
{
	(void)state;
	streams_free(w.streams);
	timer_free(w.deadline);
	loop_free(w.loop);
	str_free(&w.told);
	assert_int_equal(count_fds(), w.fds);
	dup2(w.saved_stdin, STDIN_FILENO);
	close(w.saved_stdin);
	reap();
	return 0;
}

static void
run(void)
{
	timer_in(w.deadline, DEADLINE_MS);
	if (!is_there())
		loop_run(w.loop);
	timer_stop(w.deadline);
	assert_true(is_there());
}

static void
expect(const char *want)
{
	w.awaited = want;
	run();
	w.awaited = NULL;
}

static void
run_until_ended(void)
{
	w.until_ended = true;
	run();
	w.until_ended = false;
}

static void
assert_told(const char *want)
{
	assert_string_equal(w.told.data != NULL ? w.told.data : "", want);
}

static struct stream_source source;

static void
start(const char *const *command, bool once)
{
	static const struct tail_callbacks callbacks = {
		.block = on_block, .end = on_end, .turn = on_turn
	};

	source = (struct stream_source){ .name = "test",
		.source = 3,
		.command = command,
		.max_line = MAX_LINE };
	w.streams = streams_new(w.loop, &source, 1, once, &callbacks);
	streams_start(w.streams);
}

#define SHELL(script) ((const char *const[]){ "sh", "-c", script, NULL })

/* Puts a descriptor in the place of standard input. */
static void
give_stdin(int fd)
{
	assert_int_equal(dup2(fd, STDIN_FILENO), STDIN_FILENO);
	close(fd);
}

/* A pipe as standard input; returns the end to write to. */
static int
pipe_stdin(void)
{
	int fds[2];

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	give_stdin(fds[0]);
	return fds[1];
}

static void
put(int fd, const char *text)
{
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static void
a_line_written_in_two_pieces_is_one_line(void **state)
{
	int fd = pipe_stdin();

	(void)state;
	start(NULL, false);
	put(fd, "one\ntw");
	expect("one\n");
	put(fd, "o\nthree");
	expect("one\ntwo\n");
	close(fd);
	expect("one\ntwo\nthree!<end>");
	assert_true(streams_ended(w.streams));
}

static void
a_file_on_standard_input_is_read_from_where_it_stands(void **state)
{
	int fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	(void)state;
	assert_true(fd >= 0);
	put(fd, "skipped\nread\nto its end");
	lseek(fd, 8, SEEK_SET);
	give_stdin(fd);
	start(NULL, true);
	run_until_ended();
	assert_told("read\nto its end!<end>");
}

static void
an_empty_standard_input_ends_at_once(void **state)
{
	(void)state;
	give_stdin(open("/dev/null", O_RDONLY | O_CLOEXEC));
	start(NULL, true);
	run_until_ended();
	assert_told("<end>");
}

static void
a_terminal_is_read_and_left_as_it_is(void **state)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	int fd;

	(void)state;
	assert_true(master >= 0);
	assert_int_equal(grantpt(master), 0);
	assert_int_equal(unlockpt(master), 0);
	fd = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(fd >= 0);
	give_stdin(fd);
	start(NULL, false);
	put(master, "typed\n");
	expect("typed\n");
	assert_int_equal(fcntl(STDIN_FILENO, F_GETFL) & O_NONBLOCK, 0);
	put(master, "\004"); /* end of file */
	expect("typed\n<end>");
	close(master);
}

static void
a_socket_is_read_and_left_as_it_is(void **state)
{
	int fds[2];

	(void)state;
	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	give_stdin(fds[0]);
	start(NULL, false);
	put(fds[1], "line\n");
	expect("line\n");
	assert_int_equal(fcntl(STDIN_FILENO, F_GETFL) & O_NONBLOCK, 0);
	close(fds[1]);
	expect("line\n<end>");
}

static void
what_cannot_be_read_is_an_end_and_no_crash(void **state)
{
	(void)state;
	give_stdin(open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	start(NULL, false);
	expect("<end>");
}

static void
any_byte_may_come(void **state)
{
	(void)state;
	w.count_only = true;
	start(SHELL("head -c 200000 /dev/urandom; echo; printf '\\000\\377'"),
	    true);
	run_until_ended();
	assert_true(w.bytes > 2);
	assert_int_equal(w.ends, 1);
}

static void
a_line_without_end_is_bounded(void **state)
{
	(void)state;
	w.count_only = true;
	start(SHELL("head -c 100000000 /dev/zero; echo; echo after"), true);
	run_until_ended();
	assert_int_equal(w.longest, MAX_LINE);
	assert_int_equal(w.bytes, MAX_LINE + sizeof "after");
}

static void
a_flood_leaves_turns_for_others(void **state)
{
	(void)state;
	w.count_only = true;
	w.awaited_bytes = 64 << 20;
	start(SHELL("exec yes"), false);
	run();
	assert_true(w.turns >= 64 * 4);
}

/* Its number of runs is the number of lines. */
static void
a_command_that_ends_is_started_again_under_another_number(void **state)
{
	int64_t began_ms = clock_now_ms();
	uint64_t first;

	(void)state;
	start(SHELL("echo run; exit 3"), false);
	expect("run\n<end>");
	assert_false(streams_ended(w.streams));
	assert_false(streams_stopped(w.streams));
	first = w.file;
	expect("run\n<end>run\n<end>");
	assert_true(w.file != first);
	assert_true(clock_now_ms() - began_ms >= 800);
	expect("run\n<end>run\n<end>run\n<end>");
	assert_true(clock_now_ms() - began_ms >= 800 + 1600);
}

static void
an_unfinished_line_ends_with_its_command(void **state)
{
	(void)state;
	start(SHELL("printf 'whole\\npart'"), true);
	run_until_ended();
	assert_told("whole\npart!<end>");
}

static void
once_a_command_is_not_started_again(void **state)
{
	(void)state;
	start(SHELL("echo run; exit 3"), true);
	run_until_ended();
	assert_true(streams_stopped(w.streams));
	assert_told("run\n<end>");
}

static void
a_command_that_cannot_run_is_tried_again(void **state)
{
	char path[] = "/tmp/test_stream.XXXXXX";
	const char *const argv[] = { path, NULL };
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	start(argv, false);
	assert_false(streams_ended(w.streams));
	put(fd, "#!/bin/sh\necho there\n");
	fchmod(fd, 0700);
	close(fd);
	expect("there\n<end>");
	unlink(path);
}

static void
a_command_that_cannot_run_once_is_over(void **state)
{
	(void)state;
	start((const char *const[]){ "/nonexistent/x", NULL }, true);
	assert_true(streams_ended(w.streams));
	assert_told("");
}

static void
assert_gone(pid_t pid)
{
	int64_t deadline_ms = clock_now_ms() + DEADLINE_MS;
	struct process p;

	while (process_read(pid, &p) && !p.ended) {
		assert_true(clock_now_ms() < deadline_ms);
		usleep(1000);
	}
}

static void
what_outlives_a_command_does_not_delay_its_end_and_is_ended(void **state)
{
	(void)state;
	start(SHELL("sleep 1000 & echo $!; exit 0"), true);
	run_until_ended();
	assert_int_equal(w.ends, 1);
	streams_free(w.streams);
	w.streams = NULL;
	assert_gone((pid_t)strtol(w.told.data, NULL, 10));
}

static void
a_command_that_closes_its_output_is_ended(void **state)
{
	(void)state;
	start(SHELL("echo run; exec >&-; sleep 1000"), true);
	run_until_ended();
	assert_told("run\n<end>");
}

static void
a_command_reads_nothing_from_our_standard_input(void **state)
{
	int fd = pipe_stdin();

	(void)state;
	put(fd, "not for it\n");
	start(SHELL("cat; echo done"), true);
	run_until_ended();
	assert_told("done\n<end>");
	close(fd);
}

static void
the_environment_is_path_home_lang_and_tz(void **state)
{
	(void)state;
	setenv("TEST_SECRET", "seen", 1);
	setenv("TZ", "UTC", 1);
	start(SHELL("echo \"${TEST_SECRET-unset} $TZ\""), true);
	run_until_ended();
	assert_told("unset UTC\n<end>");
}

static void
stopping_ends_who_will_not_stop(void **state)
{
	(void)state;
	start(SHELL("trap '' TERM; echo run; sleep 1000; sleep 1000"), false);
	expect("run\n");
	streams_stop(w.streams);
	assert_false(streams_stopped(w.streams));
	w.until_stopped = true;
	run();
	w.until_stopped = false;
	assert_told("run\n<end>");
}

static void
stopping_takes_back_a_start_to_come(void **state)
{
	(void)state;
	start((const char *const[]){ "/nonexistent/x", NULL }, false);
	assert_false(streams_stopped(w.streams));
	streams_stop(w.streams);
	assert_true(streams_stopped(w.streams));
}

static void
freeing_ends_what_runs(void **state)
{
	(void)state;
	start(SHELL("trap '' TERM; echo run; exec sleep 1000"), false);
	expect("run\n");
	/* world_free() looks whether it is gone */
}

static void
standard_error_does_not_mix_with_the_log(void **state)
{
	(void)state;
	start(SHELL("i=0; while [ $i -lt 1000 ]; do echo bad >&2; "
		    "i=$((i + 1)); done; echo good"),
	    true);
	run_until_ended();
	assert_told("good\n<end>");
}

static void
note_size(uint64_t file, int64_t size, int64_t written_ms, void *ctx)
{
	assert_true(written_ms > 0);
	assert_true(file == w.file);
	*(int64_t *)ctx = size;
}

static void
the_size_is_what_was_read_and_what_waits(void **state)
{
	int fd = pipe_stdin();
	int64_t size = -1;

	(void)state;
	start(NULL, false);
	put(fd, "one\n");
	expect("one\n");
	put(fd, "three\nand more");
	streams_sizes(w.streams, note_size, &size);
	assert_int_equal(size, 4 + 14);
	close(fd);
}

static void
a_command_is_shown_on_one_line(void **state)
{
	static const struct {
		const char *const argv[4];
		const char *shown;
	} cases[] = {
		{ { "journalctl", "-f", NULL }, "journalctl -f" },
		{ { "sh", "-c", "a b", NULL }, "sh -c 'a b'" },
		{ { "x", "", NULL }, "x ''" },
		{ { "x", "it's", NULL }, "x 'it'\\''s'" },
		{ { "x", "a\nb\tc\033[1m", NULL }, "x 'a b c[1m'" },
		{ { "x", "\xff", NULL }, "x \xef\xbf\xbd" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char *shown = command_show(cases[i].argv);

		assert_string_equal(shown, cases[i].shown);
		free(shown);
	}
}

static void
a_long_command_is_shown_by_its_head(void **state)
{
	char *argument = mem_new(5001, 1), *shown;

	(void)state;
	memset(argument, 'a', 5000);
	shown = command_show((const char *const[]){ "x", argument, NULL });
	assert_int_equal(strlen(shown), 1024 + 3);
	free(shown);
	free(argument);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_new, world_free)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_line_written_in_two_pieces_is_one_line),
		TEST(a_file_on_standard_input_is_read_from_where_it_stands),
		TEST(an_empty_standard_input_ends_at_once),
		TEST(a_terminal_is_read_and_left_as_it_is),
		TEST(a_socket_is_read_and_left_as_it_is),
		TEST(what_cannot_be_read_is_an_end_and_no_crash),
		TEST(any_byte_may_come),
		TEST(a_line_without_end_is_bounded),
		TEST(a_flood_leaves_turns_for_others),
		TEST(a_command_that_ends_is_started_again_under_another_number),
		TEST(an_unfinished_line_ends_with_its_command),
		TEST(once_a_command_is_not_started_again),
		TEST(a_command_that_cannot_run_is_tried_again),
		TEST(a_command_that_cannot_run_once_is_over),
		TEST(
		    what_outlives_a_command_does_not_delay_its_end_and_is_ended),
		TEST(a_command_that_closes_its_output_is_ended),
		TEST(a_command_reads_nothing_from_our_standard_input),
		TEST(the_environment_is_path_home_lang_and_tz),
		TEST(stopping_ends_who_will_not_stop),
		TEST(stopping_takes_back_a_start_to_come),
		TEST(freeing_ends_what_runs),
		TEST(standard_error_does_not_mix_with_the_log),
		TEST(the_size_is_what_was_read_and_what_waits),
		cmocka_unit_test(a_command_is_shown_on_one_line),
		cmocka_unit_test(a_long_command_is_shown_by_its_head),
	};

	signal(SIGPIPE, SIG_IGN);
	loop_free(loop_new()); /* the first leaves two descriptors open */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
