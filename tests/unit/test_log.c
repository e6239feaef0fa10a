/* SPDX-License-Identifier: MIT */
/*
 * The log's lines, and what happens when they cannot be written.
 */
#include "base/log.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/when.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

struct place {
	char directory[64];
	char path[96];
};

static int
set_up(void **state)
{
	struct place *p = mem_new(1, sizeof *p);

	strcpy(p->directory, "/tmp/test_log.XXXXXX");
	if (mkdtemp(p->directory) == NULL)
		return -1;
	snprintf(p->path, sizeof p->path, "%s/log", p->directory);
	*state = p;
	return 0;
}

static int
tear_down(void **state)
{
	struct place *p = *state;

	log_open(&(struct log_options){ .level = LOG_INFO }, NULL);
	unlink(p->path);
	rmdir(p->directory);
	free(p);
	return 0;
}

static void
open_log(const char *path, enum log_level level, bool json)
{
	struct log_options options = { path, level, json };

	assert_int_equal(log_open(&options, NULL), 0);
}

static struct str
content(const char *path)
{
	struct str s = { 0 };
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	assert_true(fd >= 0);
	while ((n = read(fd, str_reserve(&s, 65536), 65536)) > 0)
		s.len += (size_t)n;
	close(fd);
	str_putc(&s, '\0');
	s.len--;
	return s;
}

/* The lines without the times in front, which are checked to be times. */
static struct str
lines_without_times(const char *path)
{
	struct str all = content(path), out = { 0 };

	for (char *line = all.data; *line != '\0';) {
		char *end = strchr(line, '\n');
		char when[WHEN_SIZE] = "";
		int64_t ms;

		assert_non_null(end);
		memcpy(when, line, 24);
		assert_true(when_read(when, &ms));
		assert_int_equal(line[24], ' ');
		str_add(&out, line + 25, (size_t)(end + 1 - line - 25));
		line = end + 1;
	}
	str_free(&all);
	return out;
}

static void
expect_lines(const char *path, const char *expected)
{
	struct str lines = lines_without_times(path);

	assert_string_equal(lines.data ? lines.data : "", expected);
	str_free(&lines);
}

static void
a_line_is_time_level_and_message(void **state)
{
	struct place *p = *state;

	open_log(p->path, LOG_DEBUG, false);
	log_error("cannot %s count=%d", "go on", 3);
	log_warning("file truncated was=8192 now=0");
	log_info("%s", "");
	log_debug("detail");
	expect_lines(p->path, "error: cannot go on count=3\n"
			      "warning: file truncated was=8192 now=0\n"
			      "info: \n"
			      "debug: detail\n");
}

static void
lines_below_the_level_are_left_out(void **state)
{
	struct place *p = *state;

	open_log(p->path, LOG_WARNING, false);
	log_info("not this");
	log_debug("nor this");
	log_warning("this");
	log_error("and this");
	expect_lines(p->path, "warning: this\nerror: and this\n");
}

static void
a_line_stays_a_line_whatever_is_in_it(void **state)
{
	struct place *p = *state;

	open_log(p->path, LOG_INFO, false);
	log_info("a\nb\tc\x1b[31m \x7f caf\xc3\xa9 \xff\xfe %s %s", "\xc2\x9b",
	    "\xe2\x80\x8e back\\slash");
	expect_lines(p->path,
	    "info: a\\x0Ab\\x09c\\x1B[31m \\x7F caf\xc3\xa9 \\xFF\\xFE "
	    "\\xC2\\x9B \\xE2\\x80\\x8E back\\slash\n");
}

static void
a_long_line_is_cut_and_says_so(void **state)
{
	struct place *p = *state;
	char *text = mem_new(100001, 1);
	struct str lines;

	memset(text, 'x', 100000);
	memset(text + 4000, '\n', 10);
	open_log(p->path, LOG_INFO, false);
	log_info("%s", text);
	lines = content(p->path);
	assert_true(lines.len > 4000 && lines.len <= 4096);
	assert_string_equal(lines.data + lines.len - 8, "\\x0A...\n");
	str_free(&lines);
	free(text);
}

static void
json_is_one_object_a_line(void **state)
{
	struct place *p = *state;
	struct str all;
	json_t *object;
	const char *when, *level, *message;
	int64_t ms;

	open_log(p->path, LOG_INFO, true);
	log_warning("quote \" and \xff and\nnewline");
	all = content(p->path);
	object = json_loadb(all.data, all.len, 0, NULL);
	assert_non_null(object);
	assert_int_equal(json_unpack(object, "{s:s, s:s, s:s !}", "time", &when,
			     "level", &level, "message", &message),
	    0);
	assert_true(when_read(when, &ms));
	assert_string_equal(level, "warning");
	assert_string_equal(message, "quote \" and \\xFF and\\x0Anewline");
	assert_ptr_equal(strchr(all.data, '\n'), all.data + all.len - 1);
	json_decref(object);
	str_free(&all);
}

static void
errno_is_shown_and_kept(void **state)
{
	struct place *p = *state;

	open_log(p->path, LOG_INFO, false);
	errno = ENOENT;
	log_info("open: %m");
	assert_int_equal(errno, ENOENT);
	expect_lines(p->path, "info: open: No such file or directory\n");
}

static void
opening_again_goes_on_in_a_new_file(void **state)
{
	struct place *p = *state;
	char old[128];

	snprintf(old, sizeof old, "%s.1", p->path);
	open_log(p->path, LOG_INFO, false);
	log_info("one");
	assert_int_equal(rename(p->path, old), 0);
	log_info("two");
	open_log(p->path, LOG_INFO, false);
	log_info("three");
	expect_lines(old, "info: one\ninfo: two\n");
	expect_lines(p->path, "info: three\n");
	open_log(p->path, LOG_INFO, false);
	log_info("four");
	expect_lines(p->path, "info: three\ninfo: four\n");
	unlink(old);
}

static void
a_log_that_cannot_be_opened_leaves_the_old_one(void **state)
{
	struct place *p = *state;
	struct log_options wrong = { "/nowhere/log", LOG_ERROR, true };
	struct err err;

	open_log(p->path, LOG_INFO, false);
	assert_int_equal(log_open(&wrong, &err), -1);
	assert_string_equal(err.text, "open log file /nowhere/log: No such "
				      "file or directory");
	wrong.path = p->directory;
	assert_int_equal(log_open(&wrong, NULL), -1);
	log_info("still here");
	expect_lines(p->path, "info: still here\n");
}

static void
a_fifo_that_nobody_reads_is_an_error_and_no_wait(void **state)
{
	struct place *p = *state;
	struct log_options options = { p->path, LOG_INFO, false };
	struct err err;

	assert_int_equal(mkfifo(p->path, 0600), 0);
	assert_int_equal(log_open(&options, &err), -1);
	assert_non_null(strstr(err.text, "No such device or address"));
}

static void
the_file_is_closed_on_exec_and_no_standard_stream(void **state)
{
	struct place *p = *state;
	int saved = dup(STDIN_FILENO), found = 0;
	struct stat log;

	close(STDIN_FILENO);
	open_log(p->path, LOG_INFO, false);
	if (saved >= 0)
		dup2(saved, STDIN_FILENO);
	close(saved);
	assert_int_equal(stat(p->path, &log), 0);
	for (int fd = 0; fd < 64; fd++) {
		struct stat st;

		if (fstat(fd, &st) != 0 || st.st_ino != log.st_ino ||
		    st.st_dev != log.st_dev)
			continue;
		found++;
		assert_true(fd > STDERR_FILENO);
		assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	}
	assert_int_equal(found, 1);
}

/* Runs fn in a process of its own; returns how it ended, as wait(2) does. */
static int
in_a_process(void (*fn)(const char *path), const char *path)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		fn(path);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void
log_to_a_broken_pipe(const char *path)
{
	int ends[2];

	(void)path;
	if (pipe2(ends, O_CLOEXEC) != 0)
		_exit(1);
	dup2(ends[1], STDERR_FILENO);
	close(ends[0]);
	log_error("nobody reads this");
	_exit(7);
}

static void
log_to_a_closed_stream(const char *path)
{
	(void)path;
	close(STDERR_FILENO);
	log_error("nowhere to go");
	_exit(7);
}

/* Lines that a file size limit stops half way, then room again. */
static void
log_to_a_full_file(const char *path)
{
	struct log_options options = { path, LOG_INFO, false };
	struct rlimit limit;

	signal(SIGXFSZ, SIG_IGN);
	if (getrlimit(RLIMIT_FSIZE, &limit) != 0 || log_open(&options, NULL))
		_exit(1);
	log_info("fits");
	limit.rlim_cur = 50;
	setrlimit(RLIMIT_FSIZE, &limit);
	log_info("is cut");
	log_info("is lost");
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_FSIZE, &limit);
	log_info("fits again");
	_exit(7);
}

static void
a_failing_write_does_no_harm(void **state)
{
	struct place *p = *state;
	int status = in_a_process(log_to_a_broken_pipe, p->path);

	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 7);
	status = in_a_process(log_to_a_closed_stream, p->path);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 7);
}

static void
lost_lines_are_counted_and_told(void **state)
{
	struct place *p = *state;
	int status = in_a_process(log_to_a_full_file, p->path);
	struct str all;
	char *second;

	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 7);
	all = content(p->path);
	second = strchr(all.data, '\n') + 1;
	assert_non_null(strstr(all.data, " info: fits\n"));
	assert_int_equal(second[50 - (second - all.data)], '\n');
	assert_non_null(strstr(second, "Z warning: log lines lost count=2\n"));
	assert_non_null(strstr(second, "Z info: fits again\n"));
	assert_null(strstr(second, "is lost"));
	str_free(&all);
}

static void
levels_have_names(void **state)
{
	enum log_level level = LOG_ERROR;

	(void)state;
	assert_true(log_level_parse("debug", &level));
	assert_int_equal(level, LOG_DEBUG);
	assert_true(log_level_parse("error", &level));
	assert_int_equal(level, LOG_ERROR);
	assert_true(log_level_parse("warning", &level));
	assert_int_equal(level, LOG_WARNING);
	assert_false(log_level_parse("Info", &level));
	assert_false(log_level_parse("", &level));
	assert_int_equal(level, LOG_WARNING);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_line_is_time_level_and_message),
		TEST(lines_below_the_level_are_left_out),
		TEST(a_line_stays_a_line_whatever_is_in_it),
		TEST(a_long_line_is_cut_and_says_so),
		TEST(json_is_one_object_a_line),
		TEST(errno_is_shown_and_kept),
		TEST(opening_again_goes_on_in_a_new_file),
		TEST(a_log_that_cannot_be_opened_leaves_the_old_one),
		TEST(a_fifo_that_nobody_reads_is_an_error_and_no_wait),
		TEST(the_file_is_closed_on_exec_and_no_standard_stream),
		TEST(a_failing_write_does_no_harm),
		TEST(lost_lines_are_counted_and_told),
		cmocka_unit_test(levels_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
