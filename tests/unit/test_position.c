/* SPDX-License-Identifier: MIT */
/*
 * Whether a file is known again by what it holds.
 */
#include "tail/position.h"

#include "base/mem.h"
#include "store/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

/* A file that holds numbered lines first..last, in memory. */
static int
file_of(int first, int last)
{
	int fd = memfd_create("test", MFD_CLOEXEC);

	assert_true(fd >= 0);
	for (int i = first; i <= last; i++)
		dprintf(fd, "line %06d of a log\n", i);
	return fd;
}

#define LINE 21 /* bytes of one */

/* The position behind so many lines of a file. */
static struct position *
position_at(int fd, int lines)
{
	char head[POSITION_BYTES], before[POSITION_BYTES];
	int64_t offset = (int64_t)lines * LINE;
	size_t len = offset < POSITION_BYTES ? (size_t)offset : POSITION_BYTES;
	struct fingerprint print;
	struct position p = { .source = "s", .path = "p", .offset = offset };

	assert_int_equal(pread(fd, head, len, 0), len);
	assert_int_equal(pread(fd, before, len, offset - (int64_t)len), len);
	position_print(&p, &print, (struct text){ head, len },
	    (struct text){ before, len }, 42, POSITION_PLAIN);
	return position_copy(&p);
}

struct a_case {
	int first, last; /* the lines that the file holds now */
	bool is;
	int64_t found; /* -1: nowhere */
};

static const struct a_case cases[] = {
	{ 0, 99, true, 50 * LINE },
	{ 0, 49, true, 50 * LINE },
	{ 0, 48, false, -1 },
	{ 10, 99, false, 40 * LINE }, /* the head is cut off */
	{ 38, 99, false, -1 },        /* and part of what is searched for */
	{ 50, 99, false, -1 },
	{ 100, 300, false, -1 },
};

static void
a_position_is_found_where_its_text_is(void **state)
{
	int fd = file_of(0, 99);
	struct position *p = position_at(fd, 50);

	(void)state;
	assert_int_equal(position_born_ns(p), 42);
	assert_false(position_is_done(p));
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct a_case *c = &cases[i];
		int other = file_of(c->first, c->last);

		if (position_is(other, p) != c->is ||
		    position_find(other, p) != c->found)
			fail_msg("lines %d to %d", c->first, c->last);
		close(other);
	}
	position_free(p);
	close(fd);
}

static void
text_that_stands_twice_is_not_found(void **state)
{
	int fd = file_of(0, 99), twice = file_of(10, 60);
	struct position *p = position_at(fd, 50);

	(void)state;
	for (int i = 10; i <= 60; i++)
		dprintf(twice, "line %06d of a log\n", i);
	assert_int_equal(position_find(twice, p), -1);
	position_free(p);
	close(twice);
	close(fd);
}

static void
text_that_repeats_itself_is_not_found(void **state)
{
	int fd = memfd_create("a", MFD_CLOEXEC);
	int other = memfd_create("b", MFD_CLOEXEC);
	struct position *p;

	(void)state;
	for (int i = 0; i < 100; i++)
		dprintf(fd, "the same line again.\n");
	for (int i = 0; i < 13; i++) /* just as long as what is searched for */
		dprintf(other, "the same line again.\n");
	p = position_at(fd, 50);
	assert_true(position_is(fd, p));
	assert_int_equal(position_find(other, p), -1);
	position_free(p);
	close(other);
	close(fd);
}

static void
little_text_must_stand_at_the_start(void **state)
{
	int fd = file_of(0, 9), shifted = file_of(1, 9);
	struct position *few = position_at(fd, 5), *one = position_at(fd, 1);

	(void)state;
	assert_int_equal(position_find(fd, few), 5 * LINE);
	assert_int_equal(position_find(shifted, few), -1);
	assert_int_equal(position_find(fd, one), -1); /* too little */
	position_free(few);
	position_free(one);
	close(shifted);
	close(fd);
}

static void
another_head_does_not_matter_where_enough_was_read(void **state)
{
	int fd = file_of(0, 99);
	struct position *p = position_at(fd, 50), *few = position_at(fd, 5);

	(void)state;
	assert_int_equal(pwrite(fd, "LINE", 4, 0), 4);
	assert_true(position_is(fd, p));
	assert_false(position_is(fd, few));
	position_free(p);
	position_free(few);
	close(fd);
}

static void
prints_that_make_no_sense_are_of_no_file(void **state)
{
	int fd = file_of(0, 99);
	struct position *p = position_at(fd, 50);

	(void)state;
	for (size_t i = 8; i < p->anchor.len; i++) { /* behind its place */
		char *byte = (char *)p->anchor.data + i;

		*byte = (char)(*byte ^ 0xff);
		assert_false(position_is(fd, p));
		assert_int_equal(position_find(fd, p), -1);
		*byte = (char)(*byte ^ 0xff);
	}
	p->anchor.len--;
	assert_false(position_is(fd, p));
	assert_int_equal(position_find(fd, p), -1);
	p->anchor.len++;
	assert_true(position_is(fd, p));
	position_free(p);
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_position_is_found_where_its_text_is),
		cmocka_unit_test(text_that_stands_twice_is_not_found),
		cmocka_unit_test(text_that_repeats_itself_is_not_found),
		cmocka_unit_test(little_text_must_stand_at_the_start),
		cmocka_unit_test(
		    another_head_does_not_matter_where_enough_was_read),
		cmocka_unit_test(prints_that_make_no_sense_are_of_no_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
