/* SPDX-License-Identifier: MIT */
/*
 * Texts that stand in no file any more: remembered over a stop, and bounded.
 */
#include "tail/texts.h"

#include "base/map.h"
#include "base/mem.h"
#include "store/store.h"
#include "tail/position.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static struct {
	struct map *gone;
	struct texts *texts;
	struct str told; /* the line of each, with a space behind it */
	struct texts *restored;
	int64_t now_ms;
} w;

static int
set_up(void **state)
{
	(void)state;
	w.gone = map_new(SIZE_MAX, position_free);
	w.texts = texts_new(w.gone);
	w.restored = texts_new(w.gone);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	texts_free(w.texts);
	texts_free(w.restored);
	map_free(w.gone);
	str_free(&w.told);
	return 0;
}

/* The text whose only line is its number was read so many lines far. */
static void
add(size_t source, const char *path, int number)
{
	char text[32];
	int len = snprintf(text, sizeof text, "%d\n", number);
	struct fingerprint print;
	struct position p = {
		.source = "s",
		.path = path,
		.device = 1,
		.inode = 1,
		.offset = len,
		.line = number,
		.seen_ms = ++w.now_ms,
	};

	position_print(&p, &print, (struct text){ text, (size_t)len },
	    (struct text){ text, (size_t)len }, 0, POSITION_PLAIN);
	texts_add(w.texts, source, &p);
}

static void
on_text(const struct position *p, void *ctx)
{
	(void)ctx;
	str_printf(&w.told, "%d ", (int)p->line);
}

static const char *
texts_of(const struct texts *t, size_t source, const char *path)
{
	str_clear(&w.told);
	texts_each(t, source, path, on_text, NULL);
	return w.told.data == NULL ? "" : w.told.data;
}

static void
restore(const struct position *p, void *ctx)
{
	(void)ctx;
	assert_true(texts_restore(w.restored, 0, p));
}

static void
those_of_a_path_are_told(void **state)
{
	(void)state;
	add(0, "a", 1);
	add(0, "b", 2);
	add(1, "a", 3);
	add(0, "a", 4);
	assert_string_equal(texts_of(w.texts, 0, "a"), "1 4 ");
	assert_string_equal(texts_of(w.texts, 1, "a"), "3 ");
	assert_string_equal(texts_of(w.texts, 1, "b"), "");
}

static void
of_many_the_oldest_are_forgotten(void **state)
{
	(void)state;
	for (int i = 1; i <= 6; i++)
		add(0, "a", i);
	assert_string_equal(texts_of(w.texts, 0, "a"), "3 4 5 6 ");
	assert_int_equal(map_count(w.gone), 2);
	for (int i = 0; i < 1000; i++) {
		char path[16];

		snprintf(path, sizeof path, "p%d", i);
		add(0, path, i);
	}
	assert_string_equal(texts_of(w.texts, 0, "a"), "");
	assert_string_equal(texts_of(w.texts, 0, "p0"), "0 ");
	assert_int_equal(map_count(w.gone), 6);
}

static void
the_same_text_is_remembered_once(void **state)
{
	(void)state;
	for (int i = 0; i < 6; i++)
		add(0, "a", 1);
	assert_string_equal(texts_of(w.texts, 0, "a"), "1 ");
	assert_int_equal(map_count(w.gone), 0);
}

/* What was forgotten and comes again must not be deleted once more. */
static void
one_that_comes_again_is_not_forgotten(void **state)
{
	(void)state;
	for (int i = 1; i <= 5; i++)
		add(0, "a", i);
	assert_int_equal(map_count(w.gone), 1);
	add(0, "a", 1);
	assert_int_equal(map_count(w.gone), 1);
	assert_string_equal(texts_of(w.texts, 0, "a"), "3 4 5 1 ");
}

static void
they_are_known_after_a_stop(void **state)
{
	(void)state;
	add(0, "a", 1);
	texts_tell(w.texts, false, restore, NULL);
	add(0, "a", 2);
	assert_string_equal(texts_of(w.restored, 0, "a"), "1 ");
	texts_tell(w.texts, false, on_text, NULL); /* once each */
	assert_string_equal(w.told.data, "1 2 ");
	texts_tell(w.texts, true, restore, NULL);
	assert_string_equal(texts_of(w.restored, 0, "a"), "1 2 ");
}

static void
a_file_is_none_and_neither_is_one_of_which_nothing_was_read(void **state)
{
	const struct position p = { .source = "s", .path = "a", .offset = 9 };
	struct fingerprint print;
	struct position none = { .source = "s", .path = "a" };

	(void)state;
	assert_false(texts_restore(w.restored, 0, &p));
	position_print(&none, &print, (struct text){ "", 0 },
	    (struct text){ "", 0 }, 0, POSITION_PLAIN);
	texts_add(w.texts, 0, &none);
	assert_string_equal(texts_of(w.texts, 0, "a"), "");
}

#define wired(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		wired(those_of_a_path_are_told),
		wired(of_many_the_oldest_are_forgotten),
		wired(the_same_text_is_remembered_once),
		wired(one_that_comes_again_is_not_forgotten),
		wired(they_are_known_after_a_stop),
		wired(
		    a_file_is_none_and_neither_is_one_of_which_nothing_was_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
