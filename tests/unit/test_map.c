/* SPDX-License-Identifier: MIT */
/*
 * A map that remembers the order of its keys and has a bound.
 */
#include "base/map.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static size_t freed;

static void
release(void *value)
{
	freed++;
	free(value);
}

static void
put(struct map *m, const char *key, const char *value)
{
	map_put(m, text_of(key), mem_text(value));
}

static void
join(struct text key, void *value, void *ctx)
{
	str_add_text(ctx, key);
	str_printf(ctx, "=%s ", (const char *)value);
}

static void
holds(struct map *m, const char *want)
{
	struct str got = { 0 };

	str_puts(&got, "");
	map_each(m, join, &got);
	assert_string_equal(got.data, want);
	str_free(&got);
}

static void
what_was_put_is_there_in_the_order_it_came(void **state)
{
	struct map *m = map_new(10, release);

	(void)state;
	assert_null(map_get(m, TEXT("a")));
	assert_null(map_oldest(m, NULL));
	put(m, "b", "1");
	put(m, "a", "2");
	put(m, "", "3");
	holds(m, "b=1 a=2 =3 ");
	assert_string_equal(map_get(m, TEXT("")), "3");
	assert_string_equal(map_get(m, TEXT("a")), "2");
	assert_null(map_get(m, TEXT("c")));
	assert_int_equal(map_count(m), 3);
	map_free(m);
}

static void
a_key_that_comes_again_is_new(void **state)
{
	struct map *m = map_new(3, release);
	struct text key;

	(void)state;
	freed = 0;
	put(m, "a", "1");
	put(m, "b", "2");
	put(m, "a", "3");
	assert_int_equal(freed, 1);
	holds(m, "b=2 a=3 ");
	assert_string_equal(map_oldest(m, &key), "2");
	assert_true(text_is(key, "b"));
	/* Replacing makes no room and takes none. */
	put(m, "c", "4");
	put(m, "b", "5");
	holds(m, "a=3 c=4 b=5 ");
	assert_int_equal(map_evicted(m), 0);
	map_free(m);
}

static void
a_full_one_gives_up_its_oldest(void **state)
{
	struct map *m = map_new(2, release);

	(void)state;
	freed = 0;
	put(m, "a", "1");
	put(m, "b", "2");
	put(m, "c", "3");
	holds(m, "b=2 c=3 ");
	assert_int_equal(freed, 1);
	assert_int_equal(map_evicted(m), 1);
	for (int i = 0; i < 100; i++) {
		char key[24];

		snprintf(key, sizeof key, "%d", i);
		put(m, key, "x");
	}
	assert_int_equal(map_count(m), 2);
	assert_int_equal(map_evicted(m), 101);
	holds(m, "98=x 99=x ");
	map_free(m);
	assert_int_equal(freed, 103);
	map_free(NULL);
}

static void
what_was_removed_is_gone_wherever_it_stood(void **state)
{
	struct map *m = map_new(10, release);

	(void)state;
	freed = 0;
	map_remove(m, TEXT("nobody"));
	for (const char *key = "abcde"; *key != '\0'; key++)
		map_put(m, (struct text){ key, 1 }, mem_copy(key, 1));
	map_remove(m, TEXT("c"));
	holds(m, "a=a b=b d=d e=e ");
	map_remove(m, TEXT("a"));
	holds(m, "b=b d=d e=e ");
	map_remove(m, TEXT("e"));
	holds(m, "b=b d=d ");
	map_remove(m, TEXT("e"));
	assert_int_equal(freed, 3);
	put(m, "f", "f");
	holds(m, "b=b d=d f=f ");
	map_clear(m);
	holds(m, "");
	assert_int_equal(map_count(m), 0);
	put(m, "g", "g");
	holds(m, "g=g ");
	map_free(m);
}

static void
keys_are_bytes(void **state)
{
	struct map *m = map_new(10, NULL);
	int64_t one = 1, other = INT64_C(1) << 40;
	char key[] = "key";

	(void)state;
	map_put(m, (struct text){ (const char *)&one, sizeof one }, &one);
	map_put(m, (struct text){ (const char *)&other, sizeof other }, &other);
	map_put(m, TEXT("a\0b"), key);
	assert_ptr_equal(
	    map_get(m, (struct text){ (const char *)&one, sizeof one }), &one);
	assert_null(map_get(m, TEXT("a")));
	assert_null(map_get(m, TEXT("a\0c")));
	/* Copied: what the caller does with its own is its business. */
	map_put(m, text_of(key), key);
	key[0] = 'x';
	assert_non_null(map_get(m, TEXT("key")));
	assert_null(map_get(m, TEXT("xey")));
	map_free(m);
}

/* Removes the entry it is told, when it has an even value. */
static void
remove_even(struct text key, void *value, void *ctx)
{
	if (*(const char *)value % 2 == 0)
		map_remove(ctx, key);
}

static void
one_that_is_told_may_be_removed(void **state)
{
	struct map *m = map_new(10, release);

	(void)state;
	for (const char *c = "12345678"; *c != '\0'; c++)
		map_put(m, (struct text){ c, 1 }, mem_copy(c, 1));
	map_each(m, remove_even, m);
	holds(m, "1=1 3=3 5=5 7=7 ");
	map_free(m);
}

static void
many_keys_are_found_as_fast_as_few(void **state)
{
	struct map *m = map_new(300000, NULL);
	char key[24];

	(void)state;
	for (int i = 0; i < 300000; i++) {
		snprintf(key, sizeof key, "key %d", i);
		map_put(m, text_of(key), m);
	}
	assert_int_equal(map_count(m), 300000);
	for (int i = 0; i < 300000; i += 2) {
		snprintf(key, sizeof key, "key %d", i);
		assert_non_null(map_get(m, text_of(key)));
		map_remove(m, text_of(key));
		assert_null(map_get(m, text_of(key)));
	}
	assert_int_equal(map_count(m), 150000);
	assert_non_null(map_get(m, TEXT("key 299999")));
	map_free(m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_put_is_there_in_the_order_it_came),
		cmocka_unit_test(a_key_that_comes_again_is_new),
		cmocka_unit_test(a_full_one_gives_up_its_oldest),
		cmocka_unit_test(what_was_removed_is_gone_wherever_it_stood),
		cmocka_unit_test(keys_are_bytes),
		cmocka_unit_test(one_that_is_told_may_be_removed),
		cmocka_unit_test(many_keys_are_found_as_fast_as_few),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
