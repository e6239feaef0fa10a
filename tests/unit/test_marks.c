/* SPDX-License-Identifier: MIT */
/*
 * How far a file that is shorter now is known to be the same text.
 */
#include "tail/marks.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define SIZE (1 << 20)

/* A text without two places alike, and a file that holds it. */
static struct {
	char *text;
	int fd;
} w;

static int
set_up(void **state)
{
	uint32_t x = 1;

	(void)state;
	w.text = mem_new(SIZE, 1);
	for (size_t i = 0; i < SIZE; i++) {
		x = x * 1664525 + 1013904223;
		w.text[i] = (char)('a' + (x >> 24) % 26);
	}
	w.fd = memfd_create("test", MFD_CLOEXEC);
	return write(w.fd, w.text, SIZE) == SIZE ? 0 : -1;
}

static int
tear_down(void **state)
{
	(void)state;
	free(w.text);
	return close(w.fd);
}

/* Marks of the first bytes of the text, read in pieces of that size. */
static struct marks
read_in(size_t len, size_t piece)
{
	struct marks m = { NULL, 0, 0 };

	for (size_t at = 0; at < len; at += piece) {
		size_t n = len - at < piece ? len - at : piece;

		marks_add(&m, (struct text){ w.text, at },
		    (struct text){ w.text + at, n }, (int64_t)at);
	}
	return m;
}

static void
a_shorter_text_is_known_to_within_a_sixteenth(void **state)
{
	static const size_t pieces[] = { 7, 100, 4096, 100000, SIZE };

	(void)state;
	for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
		struct marks m = read_in(SIZE, pieces[i]);

		for (int64_t size = SIZE / 4; size <= SIZE; size += 12345) {
			int64_t place = marks_find(&m, w.fd, size);

			assert_in_range(place, size - SIZE / 16, size);
		}
		marks_free(&m);
	}
}

static void
a_mark_where_another_text_stands_is_none(void **state)
{
	struct marks m = read_in(SIZE, 4096);
	int64_t place = marks_find(&m, w.fd, SIZE / 2);

	(void)state;
	assert_true(place > 0);
	assert_int_equal(pwrite(w.fd, "#", 1, place - 1), 1);
	assert_int_equal(marks_find(&m, w.fd, SIZE / 2), -1);
	assert_true(marks_find(&m, w.fd, SIZE) > 0);
	marks_free(&m);
}

static void
little_text_has_no_mark(void **state)
{
	struct marks m = read_in(255, 255), none = { NULL, 0, 0 };

	(void)state;
	assert_int_equal(marks_find(&m, w.fd, 255), -1);
	assert_int_equal(marks_find(&none, w.fd, SIZE), -1);
	marks_free(&m);
	marks_free(&none);
}

static void
what_was_cut_off_is_forgotten(void **state)
{
	struct marks m = read_in(SIZE, 4096);

	(void)state;
	marks_cut(&m, 1000);
	assert_int_equal(marks_find(&m, w.fd, SIZE), -1);
	marks_add(
	    &m, (struct text){ NULL, 0 }, (struct text){ w.text, SIZE }, 0);
	assert_true(marks_find(&m, w.fd, SIZE) > SIZE / 2);
	marks_free(&m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    a_shorter_text_is_known_to_within_a_sixteenth, set_up,
		    tear_down),
		cmocka_unit_test_setup_teardown(
		    a_mark_where_another_text_stands_is_none, set_up,
		    tear_down),
		cmocka_unit_test_setup_teardown(
		    little_text_has_no_mark, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    what_was_cut_off_is_forgotten, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
