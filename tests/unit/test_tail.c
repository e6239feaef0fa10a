/* SPDX-License-Identifier: MIT */
/*
 * The tail on a real loop and on real files: what writers, logrotate and
 * restarts do to a log.
 */
#include "tail/tail.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "io/loop.h"
#include "io/timer.h"
#include "store/store.h"
#include "tail/position.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define DEADLINE_MS 20000 /* never reached where all is well */
#define MAX_LINE 4096
#define POSITIONS_MAX 64

static char dir[] = "/tmp/test_tail.XXXXXX";

/* A tail that runs, and what it told.  A block is its bytes, then ~ where it
 * is truncated and ! where it is unfinished; an end is <end>. */
static struct {
	struct loop *loop;
	struct timer *deadline;
	struct turn *settling;
	int settle_turns;
	struct tail *tail;
	struct tail_source source;
	struct str told;
	bool with_places;  /* told has OFFSET:LINE: before each block */
	bool keep_quiet;   /* count only */
	struct str states; /* PATH followed, missing or unreadable; */
	struct str losses; /* PATH; */
	uint64_t lines, blocks, turns, ends;
	int64_t lost_bytes;
	const char *awaited;
	uint64_t awaited_lines, awaited_ends;
	void (*between)(void); /* called at the next block */
	bool timed_out;
	struct position *positions[POSITIONS_MAX]; /* as a store has them */
} w;

static bool
is_there(void)
{
	struct text told = str_text(&w.told);

	if (w.awaited != NULL)
		return text_is(told, w.awaited);
	if (w.awaited_ends > 0)
		return w.ends >= w.awaited_ends;
	return w.awaited_lines > 0 && w.lines >= w.awaited_lines;
}

static void
on_block(const struct block *b, void *ctx)
{
	void (*between)(void) = w.between;

	(void)ctx;
	w.between = NULL;
	if (between != NULL)
		between();
	assert_true(b->len > 0);
	assert_false(b->truncated && b->unfinished);
	assert_int_equal(
	    b->truncated || b->unfinished, b->data[b->len - 1] != '\n');
	w.blocks++;
	w.lines += (uint64_t)newlines_count(b->data, b->len);
	if (w.keep_quiet)
		return;
	if (w.with_places)
		str_printf(
		    &w.told, "%" PRId64 ":%" PRId64 ":", b->offset, b->line);
	str_add(&w.told, b->data, b->len);
	if (b->truncated || b->unfinished)
		str_putc(&w.told, b->truncated ? '~' : '!');
}

static void
on_end(uint64_t file, void *ctx)
{
	(void)file;
	(void)ctx;
	w.ends++;
	if (!w.keep_quiet)
		str_puts(&w.told, "<end>");
}

static void
on_lost(const struct tail_loss *loss, void *ctx)
{
	(void)ctx;
	assert_int_equal(loss->source, 0);
	assert_true(loss->bytes >= 0);
	assert_true(strlen(loss->why) > 0);
	w.lost_bytes += loss->bytes;
	str_printf(&w.losses, "%s;", loss->path);
}

static void
on_state(size_t source, const char *path, enum tail_path_state state,
    const char *reason, void *ctx)
{
	static const char *const words[] = {
		[TAIL_PATH_FOLLOWED] = "followed",
		[TAIL_PATH_MISSING] = "missing",
		[TAIL_PATH_UNREADABLE] = "unreadable",
	};

	(void)ctx;
	assert_true(source < 2);
	assert_int_equal(reason == NULL, state == TAIL_PATH_FOLLOWED);
	str_printf(&w.states, "%s %s;", path, words[state]);
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
on_deadline(void *ctx)
{
	(void)ctx;
	w.timed_out = true;
	loop_stop(w.loop);
}

static void
on_settled(void *ctx)
{
	(void)ctx;
	if (w.settle_turns-- > 0)
		turn_ask(w.settling);
	else
		loop_stop(w.loop);
}

/* What the kernel has to tell is in its queue already when a call of ours
 * returned: a few turns take it all in. */
static void
run_turns(int turns)
{
	w.settle_turns = turns;
	turn_ask(w.settling);
	loop_run(w.loop);
}

static void
settle(void)
{
	do
		run_turns(20);
	while (!tail_caught_up(w.tail));
}

static void
run_until_there(void)
{
	w.timed_out = false;
	if (is_there())
		return;
	timer_in(w.deadline, DEADLINE_MS);
	loop_run(w.loop);
	timer_stop(w.deadline);
}

/* All that was told is this, and stays this. */
static void
expect(const char *want)
{
	w.awaited = want;
	run_until_there();
	settle();
	w.awaited = NULL;
	assert_string_equal(w.told.data == NULL ? "" : w.told.data, want);
}

static void
expect_lines(uint64_t want)
{
	w.awaited_lines = want;
	run_until_there();
	settle();
	w.awaited_lines = 0;
	assert_int_equal(w.lines, want);
}

static void
expect_ends(uint64_t want)
{
	w.awaited_ends = want;
	run_until_there();
	settle();
	w.awaited_ends = 0;
	assert_int_equal(w.ends, want);
}

static void
start_source(const struct tail_source *source)
{
	static const struct tail_callbacks callbacks = {
		.block = on_block,
		.end = on_end,
		.turn = on_turn,
		.lost = on_lost,
		.state = on_state,
	};

	w.source = *source;
	w.tail = tail_new(w.loop, &w.source, 1, &callbacks);
	for (size_t i = 0; i < POSITIONS_MAX; i++)
		if (w.positions[i] != NULL)
			tail_resume(w.tail, w.positions[i]);
	tail_start(w.tail);
}

static const char *paths[4];

/* Follows a path or glob, with start_at: beginning. */
static void
start(const char *path)
{
	paths[0] = path;
	start_source(&(struct tail_source){
	    .name = "test",
	    .paths = paths,
	    .from_beginning = true,
	    .max_line = MAX_LINE,
	});
}

static void
put_position(uint64_t file, const struct position *p, void *ctx)
{
	struct position **place = NULL;

	(void)file;
	(void)ctx;
	for (size_t i = 0; i < POSITIONS_MAX; i++) {
		struct position **at = &w.positions[i];

		if (*at == NULL)
			place = place == NULL ? at : place;
		else if ((*at)->inode == p->inode && (*at)->device == p->device)
			place = at;
	}
	assert_non_null(place);
	if (*place != NULL)
		position_free(*place);
	*place = position_copy(p);
}

static void
delete_position(const char *source, uint64_t device, uint64_t inode, void *ctx)
{
	(void)source;
	(void)ctx;
	for (size_t i = 0; i < POSITIONS_MAX; i++) {
		struct position *p = w.positions[i];

		if (p != NULL && p->inode == inode && p->device == device) {
			position_free(p);
			w.positions[i] = NULL;
		}
	}
}

static void
save(void)
{
	tail_gone(w.tail, delete_position, NULL);
	tail_gone_saved(w.tail);
	tail_positions(w.tail, false, put_position, NULL);
}

/* Ends the tail; with its positions saved it is a clean stop. */
static void
stop(void)
{
	tail_free(w.tail);
	w.tail = NULL;
}

/* What was saved was saved two seconds ago. */
static void
let_time_pass(void)
{
	for (size_t i = 0; i < POSITIONS_MAX; i++)
		if (w.positions[i] != NULL)
			w.positions[i]->seen_ms -= 2000;
}

/* A file that is made from now on was made later than those that are there, by
 * the clock that the kernel stamps them with. */
static void
let_the_clock_tick(void)
{
	struct timespec then, now;

	clock_gettime(CLOCK_REALTIME_COARSE, &then);
	do
		clock_gettime(CLOCK_REALTIME_COARSE, &now);
	while (now.tv_sec == then.tv_sec && now.tv_nsec == then.tv_nsec);
}

static size_t
positions_count(void)
{
	size_t count = 0;

	for (size_t i = 0; i < POSITIONS_MAX; i++)
		count += w.positions[i] != NULL && w.positions[i]->inode != 0 &&
		         !position_is_text(w.positions[i]);
	return count;
}

/* Writers. */

static int
open_log(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	return fd;
}

static void
put_bytes(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, data, len);

		assert_true(n > 0);
		data += n;
		len -= (size_t)n;
	}
}

static void
put(int fd, const char *text)
{
	put_bytes(fd, text, strlen(text));
}

static void
append(const char *path, const char *text)
{
	int fd = open_log(path);

	put(fd, text);
	close(fd);
}

static void
move(const char *from, const char *to)
{
	assert_int_equal(rename(from, to), 0);
}

static void
make_dir(const char *path)
{
	assert_int_equal(mkdir(path, 0700), 0);
}

/* How often our own log says it. */
static unsigned
said(const char *what)
{
	char buf[64 * 1024];
	int fd = open("own", O_RDONLY | O_CLOEXEC);
	ssize_t len = read(fd, buf, sizeof buf - 1);
	unsigned count = 0;

	assert_true(len >= 0);
	close(fd);
	buf[len] = '\0';
	for (const char *p = buf; (p = strstr(p, what)) != NULL; p++)
		count++;
	return count;
}

static unsigned
open_descriptors(void)
{
	unsigned count = 0;

	for (int fd = 0; fd < 256; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

/* Appending. */

static void
appended_lines_are_told_in_order(void **state)
{
	int fd = open_log("a.log");

	(void)state;
	put(fd, "one\n");
	start("a.log");
	expect("one\n");
	put(fd, "two\nthree\n");
	expect("one\ntwo\nthree\n");
	close(fd);
}

static void
a_line_in_pieces_is_one_line(void **state)
{
	int fd = open_log("a.log");

	(void)state;
	w.with_places = true;
	start("a.log");
	put(fd, "x\nab");
	expect("0:1:x\n");
	put(fd, "cd");
	settle();
	put(fd, "\nef");
	expect("0:1:x\n2:2:abcd\n");
	close(fd);
}

static void
nul_bytes_stay_in_the_line(void **state)
{
	int fd = open_log("a.log");

	(void)state;
	start("a.log");
	put_bytes(fd, "a\0b\n\0\n", 6);
	expect_lines(2);
	assert_int_equal(w.told.len, 6);
	assert_memory_equal(w.told.data, "a\0b\n\0\n", 6);
	close(fd);
}

static void
a_huge_line_does_no_harm_to_the_next(void **state)
{
	int fd = open_log("a.log");
	char *chunk = mem_new(1 << 20, 1);

	(void)state;
	memset(chunk, 'x', 1 << 20);
	w.keep_quiet = true;
	start("a.log");
	for (int i = 0; i < 100; i++)
		put_bytes(fd, chunk, 1 << 20);
	settle();
	assert_int_equal(w.blocks, 1);
	assert_int_equal(said("line too long"), 1);
	w.keep_quiet = false;
	w.with_places = true;
	put(fd, "\nnext\n");
	expect("104857601:2:next\n");
	free(chunk);
	close(fd);
}

static void
a_fast_file_does_not_starve_a_slow_one(void **state)
{
	char *chunk = mem_new(1 << 20, 1);
	int fd = open_log("a.log");

	(void)state;
	memset(chunk, '\n', 1 << 20);
	for (int i = 0; i < 32; i++)
		put_bytes(fd, chunk, 1 << 20);
	append("b.log", "slow\n");
	w.keep_quiet = true;
	start("*.log");
	w.awaited_lines = 2;
	run_until_there(); /* one turn */
	w.awaited_lines = 0;
	assert_true(w.lines < 8 << 20);
	assert_true(w.lines % (1 << 18) == 1); /* the slow one among them */
	expect_lines((32 << 20) + 1);
	free(chunk);
	close(fd);
}

static void
an_idle_tail_is_silent(void **state)
{
	int fd = open_log("a.log"), other;
	uint64_t turns;

	(void)state;
	start("a.log");
	put(fd, "one\n");
	expect("one\n");
	turns = w.turns;
	other = open_log("other");
	settle();
	for (int i = 0; i < 100; i++)
		put(other, "not ours\n");
	settle();
	assert_int_equal(w.turns, turns);
	close(other);
	close(fd);
}

/* Where reading starts. */

static void
start_at_end(const char *path)
{
	paths[0] = path;
	start_source(&(struct tail_source){
	    .name = "test",
	    .paths = paths,
	    .max_line = MAX_LINE,
	});
}

static void
the_first_start_is_at_the_end(void **state)
{
	(void)state;
	w.with_places = true;
	append("a.log", "old\nolder\n");
	start_at_end("a.log");
	append("a.log", "new\n");
	expect("10:3:new\n");
}

static void
at_the_first_start_the_line_in_progress_is_left_out(void **state)
{
	(void)state;
	w.with_places = true;
	append("a.log", "old\nhalf");
	start_at_end("a.log");
	append("a.log", " of it\nnew\n");
	expect("15:3:new\n");
}

static void
a_file_that_appears_later_is_read_from_its_start(void **state)
{
	(void)state;
	append("a.log", "old\n");
	start_at_end("*.log");
	settle();
	append("b.log", "one\n");
	expect("one\n");
}

static void
a_log_made_while_stopped_is_read_from_its_start(void **state)
{
	(void)state;
	start_at_end("a.log");
	settle();
	save();
	stop();
	append("a.log", "one\n");
	start_at_end("a.log");
	expect("one\n");
}

static void
a_kill_before_lines_are_counted_costs_nothing(void **state)
{
	(void)state;
	append("a.log", "1\n2\n3\n");
	start_at_end("a.log");
	save(); /* no turn of the loop yet */
	stop();
	append("a.log", "new\n");
	w.with_places = true;
	start_at_end("a.log");
	expect("6:4:new\n");
}

/* Rotation. */

static void
the_old_file_is_read_before_the_new(void **state)
{
	(void)state;
	append("a.log", "1\n");
	start("a.log");
	expect("1\n");
	append("a.log", "2\n");
	move("a.log", "a.log.1");
	append("a.log", "3\n");
	expect("1\n2\n3\n");
}

static void
the_old_file_is_finished_however_far_behind(void **state)
{
	char *chunk = mem_new(1 << 20, 1);
	int fd = open_log("a.log");

	(void)state;
	memset(chunk, 'x', 1 << 20);
	for (int i = 1; i <= 1 << 10; i++)
		chunk[i * 1024 - 1] = '\n';
	for (int i = 0; i < 16; i++)
		put_bytes(fd, chunk, 1 << 20);
	put(fd, "last of old\n");
	close(fd);
	start("a.log");
	move("a.log", "a.log.1");
	append("a.log", "first of new\n");
	expect_lines((16 << 10) + 2);
	assert_string_equal(
	    w.told.data + w.told.len - 25, "last of old\nfirst of new\n");
	free(chunk);
}

static void
a_writer_that_goes_on_in_the_renamed_file_is_heard(void **state)
{
	int fd = open_log("a.log");

	(void)state;
	start("a.log");
	put(fd, "1\n");
	expect("1\n");
	move("a.log", "a.log.1");
	expect("1\n");
	put(fd, "2\n");
	expect("1\n2\n");
	append("a.log", "3\n");
	expect("1\n2\n3\n");
	put(fd, "4\n");
	expect("1\n2\n3\n4\n");
	close(fd);
}

static void
a_line_begun_before_the_rotation_is_finished_in_the_renamed_file(void **state)
{
	int fd = open_log("a.log");

	(void)state;
	start("a.log");
	put(fd, "1\nha");
	expect("1\n");
	move("a.log", "a.log.1");
	append("a.log", "3\n");
	expect("1\n3\n");
	put(fd, "lf\n");
	expect("1\n3\nhalf\n");
	close(fd);
}

static void
rotations_while_the_file_is_held_keep_what_is_held(void **state)
{
	int first = open_log("a.log"), second;

	(void)state;
	start("a.log");
	put(first, "1\n");
	expect("1\n");
	move("a.log", "a.log.1");
	second = open_log("a.log");
	put(second, "2\n");
	expect("1\n2\n");
	move("a.log.1", "a.log.2");
	move("a.log", "a.log.1");
	append("a.log", "3\n");
	put(first, "1b\n");
	put(second, "2b\n");
	expect_lines(5);
	close(first);
	close(second);
}

static void
a_rotated_name_that_the_glob_matches_is_not_read_again(void **state)
{
	(void)state;
	append("a.log", "1\n");
	start("a.log*");
	expect("1\n");
	move("a.log", "a.log.1");
	append("a.log", "2\n");
	expect("1\n2\n");
	move("a.log.1", "a.log.2");
	move("a.log", "a.log.1");
	append("a.log", "3\n");
	expect("1\n2\n3\n");
}

static void
a_rotation_back_goes_on_where_it_was(void **state)
{
	(void)state;
	append("a.log", "1\n");
	start("a.log");
	expect("1\n");
	move("a.log", "a.log.1");
	settle();
	move("a.log.1", "a.log");
	append("a.log", "2\n");
	expect("1\n2\n");
}

static void
two_files_that_swap_names_go_on_each_where_it_was(void **state)
{
	(void)state;
	append("a.log", "a1\n");
	append("b.log", "b1\n");
	start("[ab].log");
	expect("a1\nb1\n");
	move("a.log", "x");
	move("b.log", "a.log");
	move("x", "b.log");
	append("a.log", "b2\n");
	expect("a1\nb1\nb2\n");
	append("b.log", "a2\n");
	expect("a1\nb1\nb2\na2\n");
}

static void
a_file_renamed_over_another_is_not_read_again(void **state)
{
	int fd;

	(void)state;
	append("a.log", "a1\n");
	append("b.log", "b1\n");
	start("[ab].log");
	expect("a1\nb1\n");
	fd = open_log("b.log");
	put(fd, "b2\n");
	move("a.log", "b.log");
	append("b.log", "a2\n");
	expect_lines(4);
	put(fd, "b3\n"); /* its writer has it open still */
	expect_lines(5);
	close(fd);
}

static void
a_successor_that_comes_late_is_waited_for(void **state)
{
	(void)state;
	append("a.log", "1\n");
	start("a.log");
	expect("1\n");
	append("a.log", "2\n");
	move("a.log", "a.log-20260101");
	expect("1\n2\n");
	append("a.log", "3\n");
	expect("1\n2\n3\n");
	assert_int_equal(said("log is not there"), 0);
}

/* Truncation. */

static void
a_truncated_file_is_read_from_its_start(void **state)
{
	(void)state;
	w.with_places = true;
	append("a.log", "1\n2\n");
	start("a.log");
	expect("0:1:1\n2\n");
	assert_int_equal(truncate("a.log", 0), 0);
	append("a.log", "3\n");
	expect("0:1:1\n2\n<end>0:1:3\n");
	assert_int_equal(said("file truncated"), 1);
}

static void
a_file_regrown_past_the_old_place_is_seen(void **state)
{
	(void)state;
	append("a.log", "one\ntwo\n");
	start("a.log");
	expect("one\ntwo\n");
	assert_int_equal(truncate("a.log", 0), 0);
	append("a.log", "three\nfour\nfive\n");
	expect("one\ntwo\n<end>three\nfour\nfive\n");
}

static void
a_file_rewritten_to_the_same_size_is_seen(void **state)
{
	(void)state;
	append("a.log", "banner\none\n");
	start("a.log");
	expect("banner\none\n");
	assert_int_equal(truncate("a.log", 0), 0);
	append("a.log", "banner\ntwo\n");
	expect("banner\none\n<end>banner\ntwo\n");
}

static void
half_a_line_is_dropped_when_it_is_truncated(void **state)
{
	(void)state;
	append("a.log", "1\nhalf");
	start("a.log");
	expect("1\n");
	assert_int_equal(truncate("a.log", 0), 0);
	append("a.log", "2\n");
	expect("1\n<end>2\n");
	append("a.log", "ha");
	settle();
	assert_int_equal(truncate("a.log", 2), 0);
	append("a.log", "3\n4\n");
	expect("1\n<end>2\n<end>2\n3\n4\n");
}

static void
the_hole_of_a_writer_that_keeps_its_offset_is_skipped(void **state)
{
	int fd = open("a.log", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	char line[1000];

	(void)state;
	memset(line, 'x', sizeof line);
	line[sizeof line - 1] = '\n';
	w.keep_quiet = true;
	start("a.log");
	for (int i = 0; i < 20; i++)
		put_bytes(fd, line, sizeof line);
	expect_lines(20);
	w.keep_quiet = false;
	w.with_places = true;
	assert_int_equal(ftruncate(fd, 0), 0);
	settle();
	put(fd, "after\n");
	expect("<end>20000:1:after\n");
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(
	    lseek(fd, INT64_C(10) << 30, SEEK_SET), INT64_C(10) << 30);
	put(fd, "far\n");
	expect("<end>20000:1:after\n<end>10737418240:1:far\n");
	close(fd);
}

/* Deletion. */

static void
a_deleted_file_is_read_to_its_end_and_let_go(void **state)
{
	int fd = open_log("a.log");
	unsigned before;

	(void)state;
	start("a.log");
	put(fd, "1\n");
	expect("1\n");
	before = open_descriptors();
	put(fd, "2\nnever ended");
	unlink("a.log");
	expect("1\n2\n");
	put(fd, " but more"); /* a writer that does not know */
	expect_ends(1);
	assert_string_equal(w.told.data, "1\n2\nnever ended but more!<end>");
	assert_int_equal(open_descriptors(), before - 1);
	save();
	assert_int_equal(positions_count(), 0);
	close(fd);
}

static void
a_file_made_anew_under_its_name_is_read_from_its_start(void **state)
{
	(void)state;
	append("a.log", "1\n");
	start("a.log");
	expect("1\n");
	append("a.log", "2\n");
	unlink("a.log");
	append("a.log", "more than before\n");
	expect("1\n2\nmore than before\n");
}

/* Paths. */

static void
a_missing_log_is_followed_when_it_appears(void **state)
{
	(void)state;
	start("d/e/f/a.log");
	settle();
	assert_int_equal(said("log is not there, waiting for it"), 1);
	make_dir("d");
	settle();
	make_dir("d/e");
	make_dir("d/e/f");
	append("d/e/f/a.log", "1\n");
	expect("1\n");
	append("d/e/f/a.log", "2\n");
	expect("1\n2\n");
	assert_int_equal(said("log is not there"), 1);
	assert_string_equal(
	    w.states.data, "d/e/f/a.log missing;d/e/f/a.log followed;");
}

static void
a_directory_made_anew_is_seen(void **state)
{
	(void)state;
	make_dir("d");
	make_dir("d/e");
	append("d/e/a.log", "1\n");
	start("d/e/a.log");
	expect("1\n");
	move("d", "x");
	settle();
	make_dir("d");
	make_dir("d/e");
	append("d/e/a.log", "3\n");
	append("x/e/a.log", "2\n");
	expect_lines(3);
	append("d/e/a.log", "4\n");
	expect_lines(4);
}

static void
new_files_of_a_glob_are_followed(void **state)
{
	(void)state;
	start("d/*.log");
	settle();
	make_dir("d");
	append("d/a.log", "a\n");
	append("d/b.txt", "no\n");
	make_dir("d/dir.log");
	append("d/ ;$(x)\n*.log", "odd\n");
	expect_lines(2);
	for (int i = 0; i < 100; i++) {
		char path[32];

		snprintf(path, sizeof path, "d/%d.log", i);
		append(path, "x\n");
	}
	expect_lines(102);
}

static void
a_double_asterisk_follows_new_directories(void **state)
{
	(void)state;
	start("**/a.log");
	settle();
	make_dir("d");
	make_dir("d/e");
	append("d/e/a.log", "1\n");
	expect("1\n");
	make_dir("d/e/f");
	append("d/e/f/a.log", "2\n");
	append("a.log", "3\n");
	expect_lines(3);
}

static void
excluded_files_are_left_out(void **state)
{
	static const char *const exclude[] = { "*.gz", "d/no*", NULL };

	(void)state;
	make_dir("d");
	append("d/a.gz", "no\n");
	append("d/nothing", "no\n");
	paths[0] = "d/*";
	start_source(&(struct tail_source){
	    .name = "test",
	    .paths = paths,
	    .exclude = exclude,
	    .from_beginning = true,
	    .max_line = MAX_LINE,
	});
	settle();
	append("d/b.gz", "no\n");
	append("d/yes", "yes\n");
	expect("yes\n");
}

static void
a_file_under_two_names_is_read_once(void **state)
{
	(void)state;
	append("a.log", "1\n");
	assert_int_equal(link("a.log", "b.log"), 0);
	assert_int_equal(symlink("a.log", "c.log"), 0);
	paths[1] = "*.log";
	start("a.log");
	expect("1\n");
	append("b.log", "2\n");
	expect("1\n2\n");
	unlink("a.log");
	append("b.log", "3\n");
	expect("1\n2\n3\n");
}

static void
each_source_reads_a_file_for_itself(void **state)
{
	static const char *const all[] = { "a.log", NULL };
	static const struct tail_source sources[] = {
		{ "one", all, NULL, NULL, true, MAX_LINE },
		{ "two", all, NULL, NULL, true, MAX_LINE },
	};
	static const struct tail_callbacks callbacks = {
		.block = on_block,
		.end = on_end,
		.turn = on_turn,
		.lost = on_lost,
		.state = on_state,
	};

	(void)state;
	append("a.log", "1\n");
	w.tail = tail_new(w.loop, sources, 2, &callbacks);
	tail_start(w.tail);
	expect("1\n1\n");
	append("a.log", "2\n");
	expect("1\n1\n2\n2\n");
}

static void
a_link_that_is_swapped_leads_to_the_other_file(void **state)
{
	(void)state;
	append("one", "1\n");
	append("two", "2\n");
	assert_int_equal(symlink("one", "a.log"), 0);
	start("a.log");
	expect("1\n");
	append("one", "1b\n");
	assert_int_equal(symlink("two", "x"), 0);
	move("x", "a.log");
	expect("1\n1b\n2\n");
}

static void
what_a_link_leads_to_may_be_rotated(void **state)
{
	(void)state;
	make_dir("pod");
	append("pod/0.log", "1\n");
	assert_int_equal(symlink("pod/0.log", "a.log"), 0);
	start("a.log");
	expect("1\n");
	append("pod/0.log", "2\n");
	move("pod/0.log", "pod/0.log.1");
	settle();
	append("pod/0.log", "3\n");
	expect("1\n2\n3\n");
}

static void
a_dangling_link_is_followed_once_it_leads_somewhere(void **state)
{
	(void)state;
	make_dir("d");
	assert_int_equal(symlink("d/real", "a.log"), 0);
	assert_int_equal(symlink("loop.log", "loop.log"), 0);
	paths[1] = "loop.log";
	start("a.log");
	settle();
	assert_int_equal(said("path=loop.log"), 1);
	append("d/real", "1\n");
	expect("1\n");
}

static void
what_is_no_file_is_refused_once_and_does_not_hang(void **state)
{
	static const char *const all[] = { "fifo", "dir", "socket", "/dev/zero",
		"a.log", NULL };
	struct sockaddr_un address = { .sun_family = AF_UNIX,
		.sun_path = "socket" };
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	assert_int_equal(mkfifo("fifo", 0600), 0);
	make_dir("dir");
	assert_int_equal(
	    bind(s, (struct sockaddr *)&address, sizeof address), 0);
	start_source(&(struct tail_source){
	    .name = "test",
	    .paths = all,
	    .from_beginning = true,
	    .max_line = MAX_LINE,
	});
	settle();
	tail_look(w.tail);
	append("a.log", "1\n");
	expect("1\n");
	assert_int_equal(said("not followed"), 4);
	assert_int_equal(rmdir("dir"), 0);
	append("dir", "2\n");
	expect("1\n2\n");
	close(s);
}

static void
a_file_that_may_not_be_read_is_followed_once_it_may(void **state)
{
	(void)state;
	if (geteuid() == 0) /* whom no mode keeps out */
		assert_int_equal(seteuid(65534), 0);
	assert_int_equal(close(open("a.log", O_CREAT | O_WRONLY, 0)), 0);
	start("a.log");
	settle();
	assert_int_equal(said("waiting for permission"), 1);
	assert_int_equal(chmod("a.log", 0200), 0);
	append("a.log", "1\n");
	settle();
	assert_int_equal(said("waiting for permission"), 1);
	assert_int_equal(chmod("a.log", 0600), 0);
	expect("1\n");
	move("a.log", "a.log.1");
	assert_int_equal(close(open("a.log", O_CREAT | O_WRONLY, 0)), 0);
	settle();
	assert_int_equal(chmod("a.log", 0600), 0);
	append("a.log", "2\n");
	expect("1\n2\n");
	assert_string_equal(w.states.data,
	    "a.log unreadable;a.log followed;a.log unreadable;"
	    "a.log followed;");
}

static void
a_name_of_a_glob_that_may_not_be_read_and_goes_is_missing(void **state)
{
	(void)state;
	if (geteuid() == 0)
		assert_int_equal(seteuid(65534), 0);
	assert_int_equal(close(open("b.log", O_CREAT | O_WRONLY, 0)), 0);
	append("a.log", "1\n");
	start("*.log");
	expect("1\n");
	assert_int_equal(unlink("b.log"), 0);
	assert_int_equal(unlink("a.log"), 0);
	settle();
	assert_string_equal(
	    w.states.data, "a.log followed;b.log unreadable;b.log missing;");
}

/* Stop and start. */

static void
a_restart_goes_on_where_it_was(void **state)
{
	(void)state;
	append("a.log", "1\nha");
	start("a.log");
	expect("1\n");
	save();
	stop();
	append("a.log", "lf\n3\n");
	w.with_places = true;
	start("a.log");
	expect("1\n2:2:half\n3\n");
}

static void
a_restart_within_a_long_line_skips_its_rest(void **state)
{
	char *line = mem_new(MAX_LINE + 11, 1);

	(void)state;
	memset(line, 'x', MAX_LINE + 10);
	append("a.log", line);
	w.keep_quiet = true;
	start("a.log");
	settle();
	assert_int_equal(w.blocks, 1);
	save();
	stop();
	append("a.log", "yyy\nnext\n");
	w.keep_quiet = false;
	w.with_places = true;
	start("a.log");
	expect("4110:2:next\n");
	free(line);
}

static void
a_position_moved_back_by_its_keeper_is_taken(void **state)
{
	(void)state;
	append("a.log", "1\n2\n3\n");
	start("a.log");
	expect("1\n2\n3\n");
	save();
	stop();
	for (size_t i = 0; i < POSITIONS_MAX; i++)
		if (w.positions[i] != NULL && w.positions[i]->inode != 0) {
			w.positions[i]->offset = 2;
			w.positions[i]->line = 2;
		}
	append("a.log", "4\n");
	w.with_places = true;
	start("a.log");
	expect("1\n2\n3\n2:2:2\n3\n4\n");
}

static void
a_file_renamed_while_stopped_is_found_within_the_glob(void **state)
{
	(void)state;
	append("a.log", "1\n");
	start("*.log");
	expect("1\n");
	save();
	stop();
	append("a.log", "2\n");
	move("a.log", "b.log");
	start("*.log");
	expect("1\n2\n");
}

static void
a_file_rotated_while_stopped_is_finished_first(void **state)
{
	(void)state;
	append("a.log", "1\nha");
	start("a.log");
	expect("1\n");
	save();
	stop();
	append("a.log", "lf\n");
	move("a.log", "a.log.1");
	append("a.log", "3\n");
	start("a.log");
	expect("1\nhalf\n3\n");
	append("a.log.1", "late\n");
	expect("1\nhalf\n3\nlate\n");
	save();
	assert_int_equal(positions_count(), 2);
	stop();
	append("a.log", "4\n"); /* once more, with both positions */
	move("a.log.1", "a.log.2");
	move("a.log", "a.log.1");
	append("a.log", "5\n");
	start("a.log");
	expect("1\nhalf\n3\nlate\n4\n5\n");
}

/* As copytruncate copies a log. */
static void
copy(const char *from, const char *to)
{
	char buf[64 * 1024];
	int in = open(from, O_RDONLY | O_CLOEXEC), out = open_log(to);
	ssize_t len = read(in, buf, sizeof buf);

	assert_true(in >= 0 && len >= 0);
	put_bytes(out, buf, (size_t)len);
	close(in);
	close(out);
}

static void
a_copy_of_a_log_that_was_never_seen_is_read_before_it(void **state)
{
	(void)state;
	append("a.log", "1\n");
	start("a.log");
	expect("1\n");
	save();
	stop();
	move("a.log", "a.log.2");
	append("a.log", "2\n");
	copy("a.log", "a.log.1");
	assert_int_equal(truncate("a.log", 0), 0);
	append("a.log", "3\n");
	start("a.log");
	expect("1\n2\n3\n");
}

/* It was copied and truncated meanwhile, and is rotated before it may be read.
 */
static void
a_log_that_was_denied_after_its_copy_is_read_once_it_may(void **state)
{
	(void)state;
	if (geteuid() == 0)
		assert_int_equal(seteuid(65534), 0);
	append("a.log", "1\n");
	start("a.log");
	expect("1\n");
	save();
	stop();
	let_the_clock_tick();
	copy("a.log", "a.log.1");
	assert_int_equal(truncate("a.log", 0), 0);
	append("a.log", "2\n");
	assert_int_equal(chmod("a.log", 0), 0);
	start("a.log");
	settle();
	assert_int_equal(chmod("a.log", 0600), 0);
	move("a.log", "a.log.2");
	append("a.log", "3\n");
	expect("1\n2\n3\n");
}

/* Whether it is a copy shows only when the other has been read. */
static void
what_begins_like_a_log_that_is_not_read_yet_is_read_when_it_grows(void **state)
{
	(void)state;
	append("a.log", "1\n");
	start("a.log");
	expect("1\n");
	save();
	stop();
	move("a.log", "a.log.9");
	append("a.log.2", "banner\n2\n");
	append("a.log.1", "banner\n");
	start("a.log");
	expect("1\nbanner\n2\n");
	append("a.log.1", "3\n");
	expect("1\nbanner\n2\n3\n");
}

static void
a_copy_of_a_log_that_is_still_whole_is_not_read(void **state)
{
	(void)state;
	append("a.log", "1\n");
	start("a.log");
	expect("1\n");
	save();
	stop();
	move("a.log", "a.log.2");
	append("a.log", "2\n");
	copy("a.log", "a.log.bak");
	copy("a.log.2", "a.log.old");
	append("a.log", "3\n");
	start("a.log");
	expect("1\n2\n3\n");
	append("a.log.bak", "4\n");
	expect("1\n2\n3\n4\n");
}

/* The copy came after the old one, and before what stands in that now. */
static void
a_log_truncated_after_its_rotation_waits_for_its_copy(void **state)
{
	(void)state;
	append("a.log", "1\n");
	start("a.log");
	expect("1\n");
	copy("a.log", "a.log.2");
	append("a.log.2", "2\n");
	assert_int_equal(truncate("a.log", 0), 0);
	append("a.log", "three\n");
	move("a.log", "a.log.1");
	append("a.log", "4\n");
	expect_lines(4);
	assert_true(
	    strstr(w.told.data, "2\n") < strstr(w.told.data, "three\n"));
}

/* It begins with the same line as another that was read further. */
static void
what_begins_like_a_truncated_log_is_not_its_copy(void **state)
{
	(void)state;
	append("a.log", "banner\n1\n");
	start("a.log");
	expect("banner\n1\n");
	move("a.log", "a.log.2");
	append("a.log", "banner\n");
	expect("banner\n1\nbanner\n");
	copy("a.log.2", "a.log.3"); /* as one that is being compressed */
	unlink("a.log.2");
	assert_int_equal(truncate("a.log", 0), 0);
	append("a.log", "2\n");
	expect("banner\n1\nbanner\n<end>2\n");
}

/* Two that begin with the same line had the same number one after the other. */
static void
a_file_under_the_number_of_another_is_not_it_for_its_first_line(void **state)
{
	(void)state;
	append("a.log", "banner\n");
	start("a.log");
	expect("banner\n");
	save();
	stop();
	for (size_t i = 0; i < POSITIONS_MAX; i++) {
		struct position *p = w.positions[i];
		struct fingerprint print;
		const struct text text = { "banner\n", 7 };

		int64_t born_ns;

		if (p == NULL || p->inode == 0)
			continue;
		born_ns = position_born_ns(p) - 1;
		free((char *)p->head.data);
		free((char *)p->anchor.data);
		position_print(p, &print, text, text, born_ns, POSITION_PLAIN);
		w.positions[i] = position_copy(p);
		free((char *)p->source);
		free((char *)p->path);
		free(p);
	}
	copy("a.log", "a.log.2");
	append("a.log", "1\n");
	move("a.log", "a.log.1");
	append("a.log", "2\n");
	start("a.log");
	expect("banner\n1\n2\n");
}

/* The file of the position is there, with another text; that of another is
 * younger. */
static void
a_copy_that_comes_to_the_place_of_the_log_while_stopped_is_read_on(void **state)
{
	(void)state;
	append("a.log", "1\n");
	start("a.log");
	expect("1\n");
	copy("a.log", "a.log.2");
	append("a.log.2", "2\n");
	assert_int_equal(truncate("a.log", 0), 0);
	append("a.log", "three\n");
	expect("1\n<end>2\nthree\n");
	save();
	stop();
	append("a.log", "4\n");
	copy("a.log", "a.log.1");
	assert_int_equal(truncate("a.log", 0), 0);
	append("a.log", "five\n");
	move("a.log", "a.log-5");
	move("a.log.1", "a.log");
	append("a.log", "6\n");
	start("a.log");
	expect_lines(6);
	assert_null(w.losses.data);
}

/* The new text begins with what was read of the old one, so that nothing in the
 * log shows that it is another. */
static void
a_copy_is_read_though_the_log_begins_as_before(void **state)
{
	(void)state;
	append("a.log", "line 1");
	start("a.log");
	settle();
	append("a.log", "\nline 2\n");
	copy("a.log", "a.log.1");
	assert_int_equal(truncate("a.log", 0), 0);
	append("a.log", "line 10\n");
	expect("line 1\nline 2\nline 10\n");
	save();
	stop();
	start("a.log");
	settle();
	assert_int_equal(w.lines, 3);
}

static void
a_copy_that_was_compressed_is_read_though_the_log_begins_as_before(void **state)
{
	(void)state;
	append("a.log", "line 1");
	start("a.log");
	settle();
	append("a.log", "\nline 2\n");
	copy("a.log", "a.log-001");
	assert_int_equal(truncate("a.log", 0), 0);
	assert_int_equal(system("gzip a.log-001"), 0);
	append("a.log", "line 10\n");
	expect("line 1\nline 2\nline 10\n");
}

/* What was told of it is not told again. */
static void
a_copy_is_read_on_though_the_log_begins_with_the_same_banner(void **state)
{
	struct str banner = { 0 };

	(void)state;
	w.keep_quiet = true;
	for (int i = 0; i < 50; i++)
		str_printf(&banner, "the same at each start, line %d\n", i);
	append("a.log", banner.data);
	start("a.log");
	expect_lines(50);
	append("a.log", "1\n2\n");
	copy("a.log", "a.log.1");
	assert_int_equal(truncate("a.log", 0), 0);
	append("a.log", banner.data);
	append("a.log", "3\n4\n5\n");
	expect_lines(50 + 5);
	str_free(&banner);
}

/* It was found while it was being made, or the log was whole still. */
static void
a_copy_that_was_seen_is_read_though_the_log_begins_as_before(void **state)
{
	(void)state;
	append("a.log", "line 1");
	start("a.log");
	settle();
	append("a.log", "\nline 2\n");
	expect("line 1\nline 2\n");
	append("a.log", "line 3");
	settle();
	close(open_log("a.log.1"));
	settle();
	append("a.log.1", "line 1\nli");
	settle();
	append("a.log", "\nline 4\n");
	append("a.log.1", "ne 2\nline 3\nline 4\n");
	assert_int_equal(truncate("a.log", 0), 0);
	append("a.log", "line 1\nline 2\nline 30\n");
	expect_lines(5);
	assert_non_null(strstr(w.told.data, "line 3\nline 4\n"));
	assert_non_null(strstr(w.told.data, "line 30\n"));
}

/* Where the truncation shows, what was seen of the copy counts no more. */
static void
a_copy_that_was_seen_is_read_on_when_the_log_is_truncated(void **state)
{
	(void)state;
	append("a.log", "1\n2\n");
	start("a.log");
	expect("1\n2\n");
	append("a.log.1", "1\n");
	settle();
	append("a.log", "3\n");
	append("a.log.1", "2\n3\n");
	assert_int_equal(truncate("a.log", 0), 0);
	append("a.log", "4\n");
	expect("1\n2\n<end>3\n4\n");
	copy("a.log", "a.log.0");
	settle();
	assert_int_equal(truncate("a.log", 0), 0);
	append("a.log", "5\n6\n");
	expect("1\n2\n<end>3\n4\n<end>5\n6\n");
	save();
	stop();
	start("a.log");
	settle();
	assert_int_equal(w.lines, 6);
}

/* Between a look at the names and the reading that follows it. */
static void
rewrite_between(void)
{
	append("a.log", "\nline 2\n");
	copy("a.log", "a.log.1");
	assert_int_equal(truncate("a.log", 0), 0);
	append("a.log", "line 10\n");
}

static void
a_copy_is_read_though_the_new_text_was_read_before(void **state)
{
	(void)state;
	paths[1] = "a.log";
	append("a.log", "line 1");
	append("b.log", "b\n");
	start("b.log");
	expect("b\n");
	w.between = rewrite_between;
	append("b.log", "b\n");
	append("a.log", " ");
	expect_lines(5);
	paths[1] = NULL;
	assert_non_null(strstr(w.told.data, "line 1 \nline 2\n"));
}

/* Who copies parts of a log, or adds to a copy, rotates nothing. */
static void
what_is_made_beside_a_log_is_not_read(void **state)
{
	(void)state;
	append("a.log", "1\n2\n3\n");
	start("a.log");
	expect("1\n2\n3\n");
	let_the_clock_tick();
	append("a.log.part", "2\n3\n");
	append("a.log.more", "1\n2\n3\nmore\n");
	copy("a.log", "a.log.all");
	close(open_log("a.log-errors"));
	settle();
	append("a.log.all", "more\n");
	append("a.log-errors", "1\n");
	settle();
	append("a.log-errors", "more\n");
	append("a.log", "4\n");
	expect("1\n2\n3\n4\n");
	assert_int_equal(w.ends, 0);
	append("a.log.all", "more\n");
	expect("1\n2\n3\n4\n");
}

/* Nor after a truncation, when it was there long before. */
static void
what_was_made_beside_a_log_is_not_read_when_that_is_truncated(void **state)
{
	const struct timespec long_ago[2] = { { 1, 0 }, { 1, 0 } };

	(void)state;
	append("a.log", "1\n");
	start("a.log");
	expect("1\n");
	close(open_log("a.log.later"));
	settle();
	assert_int_equal(utimensat(AT_FDCWD, "a.log.later", long_ago, 0), 0);
	assert_int_equal(truncate("a.log", 0), 0);
	append("a.log", "two\n");
	expect("1\n<end>two\n");
	append("a.log.later", "more\n");
	expect("1\n<end>two\n");
}

/* It is read on there, for it is the log then. */
static void
a_copy_that_comes_to_the_place_of_the_log_is_read_on(void **state)
{
	(void)state;
	append("a.log", "1\n");
	start("a.log");
	expect("1\n");
	copy("a.log", "a.log.1");
	settle();
	move("a.log.1", "a.log");
	append("a.log", "2\n");
	expect("1\n2\n");
}

/* It was emptied and written anew, and then another took its place that had
 * been there before. */
static void
a_log_of_which_a_copy_was_found_is_read_itself_after_a_stop(void **state)
{
	(void)state;
	append("a.log", "1\n");
	start("a.log");
	expect("1\n");
	copy("a.log", "a.log.1");
	assert_int_equal(truncate("a.log", 0), 0);
	append("a.log", "two\n");
	expect("1\n<end>two\n");
	save();
	stop();
	let_the_clock_tick();
	append("a.log", "3\n");
	copy("a.log", "a.log-001");
	assert_int_equal(truncate("a.log", 0), 0);
	append("a.log", "four\n");
	move("a.log", "a.log-002");
	move("a.log.1", "a.log");
	start("a.log");
	expect_lines(4);
	assert_null(w.losses.data);
}

/* Nothing was read that could show it. */
static void
what_an_empty_log_got_before_it_was_emptied_is_read_in_the_copy(void **state)
{
	(void)state;
	close(open_log("a.log"));
	start("a.log");
	settle();
	append("a.log", "1\n");
	copy("a.log", "a.log.1");
	assert_int_equal(truncate("a.log", 0), 0);
	append("a.log", "two\n");
	expect("1\ntwo\n");
}

/* While it waits for the file before it. */
static void
a_log_that_was_seen_is_noticed_to_be_another_before_it_is_read(void **state)
{
	struct str banner = { 0 };

	(void)state;
	for (int i = 0; i < 100; i++)
		str_printf(&banner, "the same at each start, line %d\n", i);
	w.keep_quiet = true;
	append("a.log", "1\n");
	start("a.log");
	expect_lines(1);
	for (int i = 0; i < 2000; i++)
		append("a.log", banner.data);
	move("a.log", "a.log.9");
	append("a.log", banner.data);
	append("a.log", "2\n");
	run_turns(3);
	assert_in_range(w.lines, 1, 200000); /* it waits still */
	copy("a.log", "a.log.1");
	assert_int_equal(truncate("a.log", 0), 0);
	append("a.log", banner.data);
	append("a.log", "three\n");
	expect_lines(1 + 2000 * 100 + 101 + 101);
	assert_null(w.losses.data);
	str_free(&banner);
}

/* As a copy of what was at the path between two looks is, though that was made
 * before it. */
static void
what_comes_after_a_younger_file_was_read_is_read_too(void **state)
{
	(void)state;
	append("a.log", "1\n");
	start("a.log");
	expect("1\n");
	close(open_log("b.log"));
	let_the_clock_tick();
	move("a.log", "a.log-001");
	append("a.log-002", "2\n");
	expect("1\n2\n");
	append("b.log", "3\n");
	move("b.log", "a.log");
	move("a.log", "a.log.1");
	expect("1\n2\n3\n");
}

static void
an_empty_rotated_file_holds_nobody_up(void **state)
{
	(void)state;
	append("a.log", "1\n");
	start("a.log");
	expect("1\n");
	move("a.log", "a.log.3");
	close(open_log("a.log"));
	move("a.log", "a.log.2");
	close(open_log("a.log"));
	settle();
	append("a.log", "2\n");
	expect("1\n2\n");
}

static void
the_same_while_stopped(void **state)
{
	(void)state;
	close(open_log("a.log"));
	start("a.log");
	settle();
	save();
	stop();
	append("a.log", "1\n");
	copy("a.log", "a.log.1");
	assert_int_equal(truncate("a.log", 0), 0);
	append("a.log", "two\n");
	start("a.log");
	expect("1\ntwo\n");
	assert_null(w.losses.data);
}

static void
what_was_read_and_deleted_is_not_read_in_a_copy_made_while_stopped(void **state)
{
	(void)state;
	append("a.log", "1\n");
	start("a.log");
	expect("1\n");
	move("a.log", "a.log.2");
	append("a.log", "2\n");
	expect("1\n2\n");
	unlink("a.log.2");
	settle();
	save();
	stop();
	append("a.log.1", "1\n");
	append("a.log", "3\n");
	start("a.log");
	expect("1\n2\n3\n");
	assert_null(w.losses.data);
}

static void
a_rotated_file_that_may_not_be_read_is_read_once_it_may(void **state)
{
	(void)state;
	if (geteuid() == 0) /* whom no mode keeps out */
		assert_int_equal(seteuid(65534), 0);
	append("a.log", "1\n");
	start("a.log");
	expect("1\n");
	move("a.log", "a.log.2");
	append("a.log", "2\n");
	assert_int_equal(chmod("a.log", 0), 0);
	move("a.log", "a.log.1");
	append("a.log", "3\n");
	expect("1\n3\n");
	assert_int_equal(said("waiting for permission"), 1);
	assert_int_equal(chmod("a.log.1", 0600), 0);
	expect("1\n3\n2\n");
	assert_int_equal(said("waiting for permission"), 1);
}

static void
a_rotated_file_that_may_not_be_read_is_read_compressed_after_a_stop(
    void **state)
{
	(void)state;
	if (geteuid() == 0)
		assert_int_equal(seteuid(65534), 0);
	append("a.log", "1\n");
	start("a.log");
	expect("1\n");
	move("a.log", "a.log.2");
	append("a.log", "2\n");
	assert_int_equal(chmod("a.log", 0), 0);
	move("a.log", "a.log.1");
	append("a.log", "3\n");
	expect("1\n3\n");
	save();
	stop();
	assert_int_equal(chmod("a.log.1", 0600), 0);
	assert_int_equal(system("gzip a.log.1"), 0);
	assert_int_equal(chmod("a.log.1.gz", 0), 0);
	for (int i = 0; i < 2; i++) {
		start("a.log");
		settle();
		save();
		stop();
	}
	start("a.log");
	settle();
	assert_int_equal(chmod("a.log.1.gz", 0600), 0);
	expect("1\n3\n2\n");
	save();
	stop();
	start("a.log");
	expect("1\n3\n2\n");
	assert_null(w.losses.data);
}

/* What is closed under a rotated name is not it, then. */
static void
a_log_that_is_denied_beside_its_copy_is_read_after_another_stop(void **state)
{
	struct timespec times[2];
	struct stat st;

	(void)state;
	if (geteuid() == 0)
		assert_int_equal(seteuid(65534), 0);
	append("a.log", "1\n");
	start("a.log");
	expect("1\n");
	move("a.log", "a.log.9");
	close(open_log("a.log"));
	settle();
	save();
	stop();
	let_the_clock_tick();
	append("a.log-001", "2\n");
	assert_int_equal(chmod("a.log-001", 0), 0);
	append("a.log", "three\n");
	assert_int_equal(stat("a.log", &st), 0);
	times[0] = times[1] = st.st_mtim;
	times[0].tv_sec = times[1].tv_sec -= 1;
	assert_int_equal(utimensat(AT_FDCWD, "a.log", times, 0), 0);
	assert_int_equal(chmod("a.log", 0), 0);
	start("a.log");
	settle();
	save();
	stop();
	assert_int_equal(chmod("a.log-001", 0600), 0);
	assert_int_equal(chmod("a.log", 0600), 0);
	move("a.log", "a.log-003");
	append("a.log", "4\n");
	start("a.log");
	expect_lines(4);
	assert_null(w.losses.data);
}

/* It is followed under another name when it comes to the log's. */
static void
a_log_that_is_denied_when_it_comes_back_keeps_its_position(void **state)
{
	(void)state;
	if (geteuid() == 0)
		assert_int_equal(seteuid(65534), 0);
	append("a.log", "1\n");
	start("a.log");
	expect("1\n");
	move("a.log", "a.log.1");
	append("a.log", "2\n");
	expect("1\n2\n");
	unlink("a.log");
	assert_int_equal(chmod("a.log.1", 0), 0);
	move("a.log.1", "a.log");
	settle();
	assert_int_equal(chmod("a.log", 0600), 0);
	append("a.log", "3\n");
	expect("1\n2\n3\n");
	save();
	stop();
	start("a.log");
	expect("1\n2\n3\n");
}

/* Found empty, beside the log. */
static void
a_copy_that_is_being_made_is_not_read_again(void **state)
{
	(void)state;
	append("a.log", "1\n");
	start("a.log");
	expect("1\n");
	move("a.log", "a.log.2");
	append("a.log", "two\n");
	close(open_log("a.log.1"));
	expect("1\ntwo\n");
	append("a.log.1", "two\n");
	settle();
	assert_int_equal(truncate("a.log", 0), 0);
	append("a.log", "3\n");
	expect("1\ntwo\n<end>3\n");
	append("a.log", "4\n");
	expect("1\ntwo\n<end>3\n4\n");
}

static void
a_banner_does_not_make_a_file_between_two_looks_the_old_one(void **state)
{
	struct str banner = { 0 }, want = { 0 };

	(void)state;
	for (int i = 0; i < 100; i++)
		str_printf(&banner, "banner %d\n", i);
	str_printf(
	    &want, "%s%s1\n%s2\n", banner.data, banner.data, banner.data);
	append("a.log", banner.data);
	start("a.log");
	expect(banner.data);
	move("a.log", "a.log.2");
	append("a.log", banner.data);
	append("a.log", "1\n");
	move("a.log", "a.log.1");
	append("a.log", banner.data);
	append("a.log", "2\n");
	expect(want.data);
	str_free(&banner);
	str_free(&want);
}

static void
a_banner_does_not_make_a_file_the_one_that_was_deleted(void **state)
{
	struct str banner = { 0 }, want = { 0 };

	(void)state;
	for (int i = 0; i < 100; i++)
		str_printf(&banner, "banner %d\n", i);
	str_printf(&want, "%s%s1\n", banner.data, banner.data);
	append("a.log", banner.data);
	start("a.log");
	expect(banner.data);
	move("a.log", "a.log.2");
	append("a.log", banner.data);
	append("a.log", "1\n");
	expect(want.data);
	unlink("a.log.2");
	settle();
	save();
	stop();
	move("a.log", "a.log.1");
	start("a.log");
	expect(want.data);
	str_free(&banner);
	str_free(&want);
}

/* Of two texts that it begins with, it is a copy of the longer. */
static void
a_banner_does_not_make_a_copy_that_of_another_file(void **state)
{
	struct str banner = { 0 }, want = { 0 };

	(void)state;
	for (int i = 0; i < 100; i++)
		str_printf(&banner, "banner %d\n", i);
	str_printf(&want, "%s%s1\n", banner.data, banner.data);
	append("a.log", banner.data);
	start("a.log");
	expect(banner.data);
	move("a.log", "a.log.2");
	append("a.log", banner.data);
	append("a.log", "1\n");
	expect(want.data);
	unlink("a.log.2");
	settle();
	save();
	stop();
	copy("a.log", "a.log.1");
	unlink("a.log");
	append("a.log", "2\n");
	str_printf(&want, "2\n");
	start("a.log");
	expect(want.data);
	str_free(&banner);
	str_free(&want);
}

static void
a_file_that_is_to_be_compressed_to_is_left_alone_while_empty(void **state)
{
	(void)state;
	append("a.log", "1\n");
	start("a.log");
	expect("1\n");
	move("a.log", "a.log.1");
	append("a.log", "2\n");
	close(open_log("a.log.1.gz"));
	expect("1\n2\n");
	append("a.log.1.gz", "\x1f\x8b\x08");
	settle();
	assert_int_equal(said("not read"), 0);
}

static void
a_file_rotated_while_stopped_waits_for_its_successor(void **state)
{
	(void)state;
	append("a.log", "1\n");
	start("a.log");
	expect("1\n");
	save();
	stop();
	append("a.log", "2\n");
	move("a.log", "a.log.1");
	start("a.log");
	expect("1\n2\n");
	append("a.log", "3\n");
	expect("1\n2\n3\n");
}

static void
a_file_that_is_gone_after_a_restart_is_said_once(void **state)
{
	(void)state;
	append("a.log", "1\n");
	start("a.log");
	expect("1\n");
	save();
	stop();
	move("a.log", "x"); /* so that the new one has another inode */
	append("a.log", "2\n");
	start("a.log");
	expect("1\n2\n");
	assert_int_equal(said("file is gone"), 1);
	assert_string_equal(w.losses.data, "a.log;");
	save();
	assert_int_equal(positions_count(), 1);
	stop();
	start("a.log");
	expect("1\n2\n");
	assert_int_equal(said("file is gone"), 1);
	assert_string_equal(w.losses.data, "a.log;");
}

/* An inode that another text has now: as after it was used again. */
static const struct {
	const char *before, *after;
	const char *want; /* told after the restart */
} rewrites[] = {
	{ "one\n", "two\n", "two\n" },
	{ "one\n", "two\nthree\n", "two\nthree\n" },
	{ "one\ntwo\n", "x\n", "x\n" },
	{ "banner\none\n", "banner\ntwo\nthree\n", "banner\ntwo\nthree\n" },
	{ "one\n", "", "" },
	{ "one\n", "one\ntwo\n", "two\n" },
	{ "", "one\n", "one\n" },
	{ "o", "one\n", "one\n" },
};

static void
another_text_on_the_same_inode_is_read_from_its_start(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rewrites / sizeof *rewrites; i++) {
		append("a.log", rewrites[i].before);
		start("a.log");
		settle();
		save();
		stop();
		str_clear(&w.told);
		assert_int_equal(truncate("a.log", 0), 0);
		append("a.log", rewrites[i].after);
		start("a.log");
		expect(rewrites[i].want);
		save();
		stop();
		assert_int_equal(truncate("a.log", 0), 0);
		str_clear(&w.told);
		for (size_t j = 0; j < POSITIONS_MAX; j++) {
			if (w.positions[j] != NULL)
				position_free(w.positions[j]);
			w.positions[j] = NULL;
		}
	}
}

static const struct {
	int64_t offset, line;
	const char *head, *anchor;
} nonsense[] = {
	{ -1, 1, "", "" },
	{ INT64_MAX, 1, "", "" },
	{ INT64_MIN, INT64_MIN, "", "" },
	{ 2, 2, "", "" },
	{ 2, 2, "0123456789", "012345678901234567" },
	{ 2, 2,
	    "\xff\xff"
	    "23456789",
	    "\xff\xff\xff\xff\xff\xff\xff\xff\xff" },
};

static void
a_position_that_makes_no_sense_is_as_none(void **state)
{
	struct stat st;

	(void)state;
	append("a.log", "1\n2\n");
	assert_int_equal(stat("a.log", &st), 0);
	for (size_t i = 0; i < sizeof nonsense / sizeof *nonsense; i++) {
		struct position p = {
			.source = "test",
			.path = "a.log",
			.device = st.st_dev,
			.inode = st.st_ino,
			.offset = nonsense[i].offset,
			.line = nonsense[i].line,
			.head = text_of(nonsense[i].head),
			.anchor = text_of(nonsense[i].anchor),
		};

		put_position(0, &p, NULL);
		start("a.log");
		expect("1\n2\n");
		stop();
		str_clear(&w.told);
	}
}

static void
the_device_may_have_another_number_after_a_restart(void **state)
{
	(void)state;
	append("a.log", "1\n");
	start("a.log");
	expect("1\n");
	save();
	stop();
	for (size_t i = 0; i < POSITIONS_MAX; i++)
		if (w.positions[i] != NULL && w.positions[i]->inode != 0)
			w.positions[i]->device ^= 1;
	append("a.log", "2\n");
	start("a.log");
	expect("1\n2\n");
	save();
	assert_int_equal(positions_count(), 1);
}

/* Files that were never open. */

/* Written to long ago. */
static void
append_old(const char *path, const char *text)
{
	static const struct timespec times[] = { { 1, 0 }, { 1, 0 } };

	append(path, text);
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

/* As logrotate does it: a.log.1 becomes a.log.2, and so on. */
static void
rotate(void)
{
	for (int i = 8; i > 0; i--) {
		char from[16], to[16];

		snprintf(from, sizeof from, "a.log.%d", i);
		snprintf(to, sizeof to, "a.log.%d", i + 1);
		(void)rename(from, to);
	}
	move("a.log", "a.log.1");
}

static void
files_of_rotations_between_two_looks_are_read_in_order(void **state)
{
	(void)state;
	append_old("a.log.1", "older than all\n");
	append("a.log", "1\n");
	start("a.log");
	expect("1\n");
	append("a.log", "2\n");
	for (int i = 3; i <= 7; i++) {
		char line[] = { (char)('0' + i), '\n', '\0' };

		rotate();
		append("a.log", line);
	}
	expect("1\n2\n3\n4\n5\n6\n7\n");
	append("a.log.2", "late\n");
	expect("1\n2\n3\n4\n5\n6\n7\nlate\n");
}

static void
a_file_that_came_and_went_is_read_though_nothing_is_there_now(void **state)
{
	(void)state;
	append("a.log", "1\n");
	start("a.log");
	expect("1\n");
	move("a.log", "a.log.2");
	append("a.log", "2\n");
	move("a.log", "a.log.1");
	expect("1\n2\n");
	append("a.log", "3\n");
	expect("1\n2\n3\n");
}

/* Of a glob's name that nobody looked at yet; then of one that nobody finds. */
static void
a_new_log_that_was_rotated_before_it_was_seen_is_read_with_what_it_was(
    void **state)
{
	(void)state;
	append_old("a.log.3", "before the start\n");
	start("*.log");
	settle();
	append("a.log", "1\n");
	move("a.log", "a.log.2");
	append("a.log", "2\n");
	move("a.log", "a.log.1");
	append("a.log", "3\n");
	expect("1\n2\n3\n");
	append("b.log", "4\n");
	move("b.log", "b.log.1");
	expect("1\n2\n3\n4\n");
	save();
	stop();
	append("c.log", "5\n");
	move("c.log", "c.log.1");
	append("c.log", "6\n");
	start("*.log");
	expect("1\n2\n3\n4\n5\n6\n");
}

/* The same of a path. */
static void
a_log_that_came_and_went_unseen_is_read(void **state)
{
	(void)state;
	start("a.log");
	settle();
	append("a.log", "1\n");
	move("a.log", "a.log.1");
	expect("1\n");
	save();
	stop();
	append("a.log", "2\n");
	move("a.log", "a.log.2");
	start("a.log");
	expect("1\n2\n");
}

/* Live, then while stopped. */
static void
a_file_that_was_there_while_the_log_was_away_is_read(void **state)
{
	(void)state;
	append("a.log", "1\n");
	start("a.log");
	expect("1\n");
	move("a.log", "a.log.2");
	append("a.log", "2\n");
	move("a.log", "a.log.1");
	move("a.log.2", "a.log");
	expect("1\n2\n");
	append("a.log", "3\n");
	expect("1\n2\n3\n");
	save();
	stop();
	move("a.log", "a.log.2");
	append("a.log", "4\n");
	move("a.log", "a.log.3");
	move("a.log.2", "a.log");
	append("a.log", "5\n");
	start("a.log");
	expect_lines(5);
	assert_non_null(strstr(w.told.data, "4\n"));
}

/* It was seen to be gone before it came back. */
static void
a_file_that_was_there_before_the_log_came_back_is_read(void **state)
{
	(void)state;
	append("a.log", "1\n");
	start("a.log");
	expect("1\n");
	move("a.log", "a.log.1");
	settle();
	append("a.log", "2\n");
	move("a.log", "a.log.2");
	move("a.log.1", "a.log");
	expect("1\n2\n");
	append("a.log", "3\n");
	expect("1\n2\n3\n");
}

static void
files_of_rotations_while_stopped_are_read_in_order(void **state)
{
	(void)state;
	append_old("a.log.9", "older than all\n");
	append("a.log", "1\nha");
	start("a.log");
	expect("1\n");
	save();
	stop();
	append("a.log", "lf\n");
	move("a.log", "a.log.3");
	append("a.log", "3\n");
	move("a.log", "a.log.2");
	append("a.log", "4\n");
	move("a.log", "a.log.1");
	append("a.log", "5\n");
	start("a.log");
	expect("1\nhalf\n3\n4\n5\n");
	save();
	stop();
	start("a.log");
	expect("1\nhalf\n3\n4\n5\n");
}

/* Lines of 20 bytes, of which some are enough to know a text again. */
static void
append_numbered(const char *path, int first, int last)
{
	for (int i = first; i <= last; i++) {
		char line[32];

		snprintf(line, sizeof line, "line number %07d\n", i);
		append(path, line);
	}
}

/* Twenty lines are read. */
static void
start_numbered(void)
{
	append_numbered("a.log", 1, 20);
	w.keep_quiet = true;
	start("a.log");
	expect_lines(20);
}

static void
what_was_not_read_when_it_was_truncated_is_read_in_the_copy(void **state)
{
	(void)state;
	start_numbered();
	append_numbered("a.log", 21, 25);
	copy("a.log", "a.log.1");
	assert_int_equal(truncate("a.log", 0), 0);
	append_numbered("a.log", 26, 28);
	expect_lines(28);
	save();
	stop();
	append_numbered("a.log", 29, 30);
	copy("a.log", "a.log.0");
	assert_int_equal(truncate("a.log", 0), 0);
	append_numbered("a.log", 31, 33);
	start("a.log");
	expect_lines(33);
}

/* As gzip leaves it between making the new file and removing the old one. */
static void
a_copy_that_is_being_compressed_is_read_once(void **state)
{
	(void)state;
	start_numbered();
	append_numbered("a.log", 21, 25);
	copy("a.log", "a.log-001");
	assert_int_equal(system("gzip -k a.log-001"), 0);
	assert_int_equal(truncate("a.log", 0), 0);
	append_numbered("a.log", 26, 28);
	expect_lines(28);
	unlink("a.log-001");
	settle();
	assert_int_equal(w.lines, 28);
}

/* When it was seen, there was nothing in it yet. */
/* All of the copy was read, also what the compressed one does not begin with.
 */
static void
the_longest_of_what_was_read_of_a_copy_counts(void **state)
{
	(void)state;
	append("a.log", "banner\n");
	start("a.log");
	expect("banner\n");
	move("a.log", "a.log.2");
	append("a.log", "banner\n1\n");
	expect("banner\nbanner\n1\n");
	save();
	stop();
	assert_int_equal(system("gzip a.log.2"), 0);
	copy("a.log", "a.log.1");
	assert_int_equal(truncate("a.log", 0), 0);
	append("a.log", "2\n");
	start("a.log");
	expect("banner\nbanner\n1\n2\n");
}

/* What it begins with was told before it was emptied of that. */
static void
what_was_not_read_of_a_log_that_was_compressed_is_behind_its_banner(
    void **state)
{
	struct timespec times[2];
	struct stat st;

	(void)state;
	start_numbered();
	assert_int_equal(truncate("a.log", 0), 0);
	settle();
	let_the_clock_tick();
	move("a.log", "a.log-001");
	append("a.log", "other\n");
	expect_lines(21);
	save();
	stop();
	append_numbered("a.log-001", 1, 23);
	assert_int_equal(system("gzip a.log-001"), 0);
	assert_int_equal(stat("a.log", &st), 0);
	times[0] = times[1] = st.st_mtim; /* before that was made */
	times[0].tv_nsec = times[1].tv_nsec -= times[0].tv_nsec > 0;
	assert_int_equal(utimensat(AT_FDCWD, "a.log-001.gz", times, 0), 0);
	start("a.log");
	expect_lines(24);
	assert_null(w.losses.data);
}

/* As one that was made after it does, too. */
static void
what_was_not_read_of_a_log_that_begins_as_one_that_was_done_is_read(
    void **state)
{
	struct timespec times[2];
	struct stat st;

	(void)state;
	w.keep_quiet = true;
	close(open_log("a.log"));
	start("a.log");
	settle();
	let_the_clock_tick();
	move("a.log", "a.log-001");
	append_numbered("a.log", 1, 20);
	expect_lines(20);
	assert_int_equal(stat("a.log", &st), 0);
	move("a.log", "a.log-002");
	append("a.log", "other\n");
	expect_lines(21);
	save();
	stop();
	append_numbered("a.log-001", 1, 23);
	assert_int_equal(system("gzip a.log-001"), 0);
	times[0] = times[1] = st.st_mtim; /* before that was made */
	times[0].tv_nsec = times[1].tv_nsec -= times[0].tv_nsec > 0;
	assert_int_equal(utimensat(AT_FDCWD, "a.log-001.gz", times, 0), 0);
	start("a.log");
	expect_lines(24);
	assert_null(w.losses.data);
}

static void
a_copy_begun_before_a_stop_is_not_read_after_it(void **state)
{
	(void)state;
	start_numbered();
	move("a.log", "a.log.2");
	append_numbered("a.log", 21, 25);
	close(open_log("a.log.1"));
	expect_lines(25);
	save();
	stop();
	copy("a.log", "a.log.1");
	assert_int_equal(truncate("a.log", 0), 0);
	append_numbered("a.log", 26, 28);
	move("a.log", "a.log.0");
	append_numbered("a.log", 29, 30);
	start("a.log");
	expect_lines(30);
}

/* Who has it open has not heard of the rotation. */
static void
a_copy_of_a_text_before_goes_on_after_a_stop(void **state)
{
	(void)state;
	start_numbered();
	copy("a.log", "b.log");
	assert_int_equal(truncate("a.log", 0), 0);
	append_numbered("a.log", 21, 25);
	expect_lines(25);
	save();
	stop();
	move("b.log", "a.log.1");
	append_numbered("a.log.1", 26, 28);
	start("a.log");
	expect_lines(28);
}

/* Under the number of a file that held another. */
/* It was taken for a copy, of what was never read. */
static void
a_copy_of_an_unread_log_that_is_rewritten_after_a_kill_is_read(void **state)
{
	struct str old = { 0 };

	(void)state;
	w.keep_quiet = true;
	append("a.log", "1\n");
	start("a.log");
	expect_lines(1);
	for (int i = 0; i < 200000; i++)
		str_puts(&old, "it takes some turns to read these lines\n");
	append("a.log", old.data);
	str_free(&old);
	move("a.log", "a.log.9");
	append("a.log", "2\n");
	copy("a.log", "a.log.1");
	run_turns(3);
	assert_in_range(w.lines, 1, 200000); /* it waits still */
	save();
	stop();
	assert_int_equal(truncate("a.log", 0), 0);
	append("a.log", "3\n");
	start("a.log");
	expect_lines(1 + 200000 + 2);
}

static void
a_copy_of_the_oldest_of_four_texts_goes_on(void **state)
{
	(void)state;
	start_numbered();
	copy("a.log", "b.log");
	for (int i = 1; i <= 3; i++) {
		assert_int_equal(truncate("a.log", 0), 0);
		append_numbered("a.log", 100 * i, 100 * i + i);
		settle();
	}
	move("a.log", "a.log.1");
	append("a.log", "new\n");
	expect_lines(20 + 2 + 3 + 4 + 1);
	save();
	stop();
	assert_int_equal(truncate("a.log.1", 0), 0);
	copy("b.log", "a.log.1");
	append_numbered("a.log.1", 21, 23);
	start("a.log");
	expect_lines(30 + 3);
}

/* Its file was gone at the start in between. */
static void
a_copy_of_a_log_that_is_gone_goes_on_after_a_stop(void **state)
{
	(void)state;
	start_numbered();
	save();
	stop();
	move("a.log", "b.log");
	append_numbered("a.log", 21, 25);
	start("a.log");
	expect_lines(25);
	save();
	stop();
	copy("b.log", "a.log.1");
	append_numbered("a.log.1", 26, 28);
	start("a.log");
	expect_lines(28);
}

/* Many logs begin with the same lines: a copy that was made later has at least
 * what was read. */
static void
what_begins_alike_is_no_copy_of_less_than_was_read(void **state)
{
	(void)state;
	append_numbered("a.log", 1, 20);
	append("a.log", "one\ntwo\n");
	w.keep_quiet = true;
	start("a.log");
	expect_lines(22);
	save();
	stop();
	let_time_pass();
	assert_int_equal(truncate("a.log", 0), 0);
	append_numbered("a.log", 1, 20);
	copy("a.log", "a.log.2");
	append("a.log.2", "10\n");
	append("a.log", "six\nten\n");
	copy("a.log", "a.log.1");
	assert_int_equal(truncate("a.log", 0), 0);
	start("a.log");
	expect_lines(22 + 21 + 22);
}

/* cp -p, as logrotate's copytruncate, keeps the time of writing. */
static void
what_was_not_read_before_a_kill_is_read_in_the_copy(void **state)
{
	struct timespec times[2];
	struct stat st;

	(void)state;
	append("a.log", "1\n");
	start("a.log");
	expect("1\n");
	save();
	stop();
	let_time_pass();
	unlink("a.log");
	append("a.log", "2\n");
	start("a.log");
	save();
	stop();
	copy("a.log", "a.log.1");
	assert_int_equal(stat("a.log", &st), 0);
	times[0] = times[1] = st.st_mtim;
	times[0].tv_sec = times[1].tv_sec -= 1;
	assert_int_equal(utimensat(AT_FDCWD, "a.log.1", times, 0), 0);
	assert_int_equal(truncate("a.log", 0), 0);
	append("a.log", "three\n");
	start("a.log");
	expect("1\n2\nthree\n");
}

static void
a_copy_that_the_glob_names_is_not_read_again(void **state)
{
	(void)state;
	append_numbered("a.log", 1, 20);
	w.keep_quiet = true;
	start("a.log*");
	expect_lines(20);
	append_numbered("a.log", 21, 25);
	copy("a.log", "a.log.1");
	expect_lines(25);
	assert_int_equal(truncate("a.log", 0), 0);
	append_numbered("a.log", 26, 28);
	expect_lines(28);
	append("a.log.1", "no copy any more\n");
	expect_lines(29);
	save();
	stop();
	start("a.log*");
	settle();
	assert_int_equal(w.lines, 29);
}

static void
what_looks_like_a_copy_and_is_none_is_read(void **state)
{
	(void)state;
	append_numbered("a.log", 1, 20);
	w.keep_quiet = true;
	start("a.log*");
	expect_lines(20);
	append_numbered("a.log-errors", 1, 10);
	expect_lines(20);
	append_numbered("a.log-errors", 1000, 1000);
	expect_lines(31);
}

static void
text_that_moved_within_its_file_is_not_read_again(void **state)
{
	(void)state;
	append_numbered("a.log", 1, 40);
	w.keep_quiet = true;
	start("a.log");
	expect_lines(40);
	for (int first = 11; first <= 21; first += 10) {
		int fd = open("a.log", O_WRONLY | O_TRUNC | O_CLOEXEC);

		assert_true(fd >= 0);
		close(fd);
		append_numbered("a.log", first, 30 + first);
		expect_lines((uint64_t)(30 + first));
		save();
		stop();
		start("a.log");
	}
}

/* Where exactly it was cut is not known once something was appended. */
static void
of_a_file_truncated_to_a_part_little_is_read_again(void **state)
{
	(void)state;
	append_numbered("a.log", 1, 1000);
	w.keep_quiet = true;
	start("a.log");
	expect_lines(1000);
	assert_int_equal(truncate("a.log", 700 * 20 + 7), 0);
	append("a.log", "\nnew\nnewer\n");
	settle();
	assert_in_range(w.lines, 1003, 1003 + 60);
	w.lines = 0;
	assert_int_equal(truncate("a.log", 19), 0); /* too little to tell */
	append("a.log", "\n");
	expect_lines(1);
}

static void
zeros_at_the_end_are_left_until_they_are_text(void **state)
{
	int fd = open_log("a.log");
	char *map;

	(void)state;
	put(fd, "1\n");
	assert_int_equal(ftruncate(fd, 8192), 0);
	close(fd);
	fd = open("a.log", O_RDWR | O_CLOEXEC);
	map = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(map, MAP_FAILED);
	start("a.log");
	expect("1\n");
	memcpy(map + 2, "2\nha", 4); /* which no event tells of */
	expect("1\n2\n");
	memcpy(map + 6, "lf\n", 3);
	expect("1\n2\nhalf\n");
	munmap(map, 8192);
	close(fd);
}

static void
what_is_no_text_is_told_to_be_unreadable_until_it_is(void **state)
{
	int fd = open_log("a.log");

	(void)state;
	put_bytes(fd,
	    "\xff\xfe"
	    "a\0\n\0",
	    6);
	start("a.log");
	settle();
	put_bytes(fd, "b\0\n\0", 4);
	settle();
	assert_string_equal(w.told.data == NULL ? "" : w.told.data, "");
	assert_string_equal(w.states.data, "a.log followed;a.log unreadable;");
	str_clear(&w.states);
	assert_int_equal(ftruncate(fd, 0), 0);
	put(fd, "text\n");
	expect("<end>text\n");
	assert_string_equal(w.states.data, "a.log followed;");
	close(fd);
}

static void
a_loss_is_told_with_its_size(void **state)
{
	int fd = open_log("a.log");
	char *chunk = mem_new(4 << 20, 1);

	(void)state;
	memset(chunk, '\n', 4 << 20);
	put_bytes(fd, chunk, 4 << 20);
	w.keep_quiet = true;
	start("a.log");
	w.settle_turns = 2;
	turn_ask(w.settling);
	loop_run(w.loop);
	assert_true(w.lines > 0 && w.lines < 4 << 20);
	assert_int_equal(ftruncate(fd, 0), 0);
	put(fd, "new\n");
	settle();
	assert_int_equal(w.lost_bytes, (4 << 20) - (int64_t)w.lines + 1);
	close(fd);
	free(chunk);
}

/* The kernel. */

static long
queue_max(void)
{
	int fd = open(
	    "/proc/sys/fs/inotify/max_queued_events", O_RDONLY | O_CLOEXEC);
	char buf[32] = "";

	assert_true(fd >= 0 && read(fd, buf, sizeof buf - 1) > 0);
	close(fd);
	return strtol(buf, NULL, 10);
}

static void
nothing_is_lost_when_the_queue_overflows(void **state)
{
	int one = open_log("a.log"), two = open_log("b.log");
	uint64_t lines = 0;

	(void)state;
	start("*.log");
	settle();
	/* Events of one file in a row are merged by the kernel, and those of
	 * files in turn are not. */
	for (int i = 0; i < 40000; i++, lines++)
		put(i % 2 ? one : two, "x\n");
	append("c.log", "x\n");
	expect_lines(lines + 1);
	if (queue_max() < 40000)
		assert_int_equal(said("inotify queue overflowed"), 1);
	close(one);
	close(two);
}

static bool
set_watches(const char *value)
{
	int fd =
	    open("/proc/sys/user/max_inotify_watches", O_WRONLY | O_CLOEXEC);
	bool done = fd >= 0 && write(fd, value, strlen(value)) > 0;

	if (fd >= 0)
		close(fd);
	return done;
}

/* In a user namespace of its own, whose limit is nobody else's: the last test,
 * for there is no way back. */
static void
without_watches_files_are_polled(void **state)
{
	(void)state;
	if (unshare(CLONE_NEWUSER) != 0 || !set_watches("0"))
		skip();
	append("a.log", "1\n");
	start("[ab].log");
	append("a.log", "2\n");
	expect("1\n2\n");
	append("a.log", "3\n");
	expect("1\n2\n3\n");
	append("b.log", "4\n");
	expect("1\n2\n3\n4\n");
	assert_int_equal(said("cannot be watched"), 2);
	assert_true(set_watches("100"));
	append("a.log", "5\n");
	expect("1\n2\n3\n4\n5\n");
	append("a.log", "6\n");
	settle(); /* it is watched now: no need to wait for a timer */
	assert_string_equal(w.told.data, "1\n2\n3\n4\n5\n6\n");
}

/* Each test has a directory and a loop of its own. */

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int
set_up(void **state)
{
	struct log_options options = { .path = "own", .level = LOG_INFO };
	struct err err;

	(void)state;
	memcpy(dir + strlen(dir) - 6, "XXXXXX", 6);
	if (mkdtemp(dir) == NULL || chmod(dir, 01777) != 0 || chdir(dir) != 0 ||
	    log_open(&options, &err) < 0)
		return -1;
	memset(&w, 0, sizeof w);
	memset(paths, 0, sizeof paths);
	w.loop = loop_new();
	w.deadline = timer_new(w.loop, on_deadline, NULL);
	w.settling = turn_new(w.loop, on_settled, NULL);
	return 0;
}

static int
tear_down(void **state)
{
	static const struct log_options options = { .level = LOG_INFO };
	struct err err;

	(void)state;
	tail_free(w.tail);
	timer_free(w.deadline);
	turn_free(w.settling);
	loop_free(w.loop);
	str_free(&w.told);
	str_free(&w.states);
	str_free(&w.losses);
	for (size_t i = 0; i < POSITIONS_MAX; i++)
		if (w.positions[i] != NULL)
			position_free(w.positions[i]);
	log_open(&options, &err);
	if (geteuid() != getuid() && seteuid(getuid()) != 0)
		return -1;
	return chdir("/") != 0 ||
	       nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS) != 0;
}

#define real(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		real(appended_lines_are_told_in_order),
		real(a_line_in_pieces_is_one_line),
		real(nul_bytes_stay_in_the_line),
		real(a_huge_line_does_no_harm_to_the_next),
		real(a_fast_file_does_not_starve_a_slow_one),
		real(an_idle_tail_is_silent),
		real(the_first_start_is_at_the_end),
		real(at_the_first_start_the_line_in_progress_is_left_out),
		real(a_file_that_appears_later_is_read_from_its_start),
		real(a_log_made_while_stopped_is_read_from_its_start),
		real(a_kill_before_lines_are_counted_costs_nothing),
		real(the_old_file_is_read_before_the_new),
		real(the_old_file_is_finished_however_far_behind),
		real(a_writer_that_goes_on_in_the_renamed_file_is_heard),
		real(
		    a_line_begun_before_the_rotation_is_finished_in_the_renamed_file),
		real(rotations_while_the_file_is_held_keep_what_is_held),
		real(a_rotated_name_that_the_glob_matches_is_not_read_again),
		real(a_rotation_back_goes_on_where_it_was),
		real(two_files_that_swap_names_go_on_each_where_it_was),
		real(a_file_renamed_over_another_is_not_read_again),
		real(a_successor_that_comes_late_is_waited_for),
		real(a_truncated_file_is_read_from_its_start),
		real(a_file_regrown_past_the_old_place_is_seen),
		real(a_file_rewritten_to_the_same_size_is_seen),
		real(half_a_line_is_dropped_when_it_is_truncated),
		real(the_hole_of_a_writer_that_keeps_its_offset_is_skipped),
		real(a_deleted_file_is_read_to_its_end_and_let_go),
		real(a_file_made_anew_under_its_name_is_read_from_its_start),
		real(a_missing_log_is_followed_when_it_appears),
		real(a_directory_made_anew_is_seen),
		real(new_files_of_a_glob_are_followed),
		real(a_double_asterisk_follows_new_directories),
		real(excluded_files_are_left_out),
		real(a_file_under_two_names_is_read_once),
		real(each_source_reads_a_file_for_itself),
		real(a_link_that_is_swapped_leads_to_the_other_file),
		real(what_a_link_leads_to_may_be_rotated),
		real(a_dangling_link_is_followed_once_it_leads_somewhere),
		real(what_is_no_file_is_refused_once_and_does_not_hang),
		real(a_file_that_may_not_be_read_is_followed_once_it_may),
		real(a_name_of_a_glob_that_may_not_be_read_and_goes_is_missing),
		real(a_restart_goes_on_where_it_was),
		real(a_restart_within_a_long_line_skips_its_rest),
		real(a_position_moved_back_by_its_keeper_is_taken),
		real(a_file_renamed_while_stopped_is_found_within_the_glob),
		real(a_file_rotated_while_stopped_is_finished_first),
		real(a_copy_of_a_log_that_was_never_seen_is_read_before_it),
		real(a_log_that_was_denied_after_its_copy_is_read_once_it_may),
		real(
		    what_begins_like_a_log_that_is_not_read_yet_is_read_when_it_grows),
		real(a_copy_of_a_log_that_is_still_whole_is_not_read),
		real(a_log_truncated_after_its_rotation_waits_for_its_copy),
		real(what_begins_like_a_truncated_log_is_not_its_copy),
		real(
		    a_file_under_the_number_of_another_is_not_it_for_its_first_line),
		real(
		    a_copy_that_comes_to_the_place_of_the_log_while_stopped_is_read_on),
		real(a_copy_is_read_though_the_log_begins_as_before),
		real(
		    a_copy_that_was_compressed_is_read_though_the_log_begins_as_before),
		real(
		    a_copy_is_read_on_though_the_log_begins_with_the_same_banner),
		real(
		    a_copy_that_was_seen_is_read_though_the_log_begins_as_before),
		real(a_copy_that_was_seen_is_read_on_when_the_log_is_truncated),
		real(a_copy_is_read_though_the_new_text_was_read_before),
		real(what_is_made_beside_a_log_is_not_read),
		real(
		    what_was_made_beside_a_log_is_not_read_when_that_is_truncated),
		real(a_copy_that_comes_to_the_place_of_the_log_is_read_on),
		real(
		    a_log_of_which_a_copy_was_found_is_read_itself_after_a_stop),
		real(
		    what_an_empty_log_got_before_it_was_emptied_is_read_in_the_copy),
		real(
		    a_log_that_was_seen_is_noticed_to_be_another_before_it_is_read),
		real(what_comes_after_a_younger_file_was_read_is_read_too),
		real(an_empty_rotated_file_holds_nobody_up),
		real(the_same_while_stopped),
		real(
		    what_was_read_and_deleted_is_not_read_in_a_copy_made_while_stopped),
		real(a_rotated_file_that_may_not_be_read_is_read_once_it_may),
		real(
		    a_rotated_file_that_may_not_be_read_is_read_compressed_after_a_stop),
		real(
		    a_log_that_is_denied_beside_its_copy_is_read_after_another_stop),
		real(
		    a_log_that_is_denied_when_it_comes_back_keeps_its_position),
		real(a_copy_that_is_being_made_is_not_read_again),
		real(
		    a_banner_does_not_make_a_file_between_two_looks_the_old_one),
		real(a_banner_does_not_make_a_file_the_one_that_was_deleted),
		real(a_banner_does_not_make_a_copy_that_of_another_file),
		real(
		    a_file_that_is_to_be_compressed_to_is_left_alone_while_empty),
		real(a_file_rotated_while_stopped_waits_for_its_successor),
		real(a_file_that_is_gone_after_a_restart_is_said_once),
		real(another_text_on_the_same_inode_is_read_from_its_start),
		real(a_position_that_makes_no_sense_is_as_none),
		real(the_device_may_have_another_number_after_a_restart),
		real(files_of_rotations_between_two_looks_are_read_in_order),
		real(
		    a_file_that_came_and_went_is_read_though_nothing_is_there_now),
		real(
		    a_new_log_that_was_rotated_before_it_was_seen_is_read_with_what_it_was),
		real(a_log_that_came_and_went_unseen_is_read),
		real(a_file_that_was_there_while_the_log_was_away_is_read),
		real(a_file_that_was_there_before_the_log_came_back_is_read),
		real(files_of_rotations_while_stopped_are_read_in_order),
		real(
		    what_was_not_read_when_it_was_truncated_is_read_in_the_copy),
		real(a_copy_that_is_being_compressed_is_read_once),
		real(the_longest_of_what_was_read_of_a_copy_counts),
		real(
		    what_was_not_read_of_a_log_that_was_compressed_is_behind_its_banner),
		real(
		    what_was_not_read_of_a_log_that_begins_as_one_that_was_done_is_read),
		real(a_copy_begun_before_a_stop_is_not_read_after_it),
		real(a_copy_of_a_text_before_goes_on_after_a_stop),
		real(
		    a_copy_of_an_unread_log_that_is_rewritten_after_a_kill_is_read),
		real(a_copy_of_the_oldest_of_four_texts_goes_on),
		real(a_copy_of_a_log_that_is_gone_goes_on_after_a_stop),
		real(what_begins_alike_is_no_copy_of_less_than_was_read),
		real(what_was_not_read_before_a_kill_is_read_in_the_copy),
		real(a_copy_that_the_glob_names_is_not_read_again),
		real(what_looks_like_a_copy_and_is_none_is_read),
		real(text_that_moved_within_its_file_is_not_read_again),
		real(of_a_file_truncated_to_a_part_little_is_read_again),
		real(zeros_at_the_end_are_left_until_they_are_text),
		real(what_is_no_text_is_told_to_be_unreadable_until_it_is),
		real(a_loss_is_told_with_its_size),
		real(nothing_is_lost_when_the_queue_overflows),
		real(without_watches_files_are_polled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
