/* SPDX-License-Identifier: MIT */
/*
 * Where the blocks of .xz files begin, and what dictionaries they ask for.
 */
#include "tail/xz.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define SEED 20251124u

static uint32_t
next_random(uint32_t *seed)
{
	return *seed = *seed * 1664525u + 1013904223u;
}

static void
add_random(struct str *s, size_t len, uint32_t *seed)
{
	while (len-- > 0)
		str_putc(s, (char)(next_random(seed) >> 24));
}

static void
add_zeros(struct str *s, size_t len)
{
	while (len-- > 0)
		str_putc(s, '\0');
}

static void
pad(struct str *s)
{
	add_zeros(s, -s->len & 3);
}

/* sizes: 0x40 for the compressed one, 0x80 for the other, or both. */
static void
add_block_header(struct str *s, int sizes, bool delta, unsigned char bits)
{
	size_t begin = s->len;

	str_putc(s, 0);
	str_putc(s, (char)(sizes | (delta ? 1 : 0)));
	if (sizes & 0x40)
		str_add(s, "\xff\xff\x7f", 3);
	if (sizes & 0x80)
		str_add(s, "\x80\x01", 2);
	if (delta)
		str_add(s, "\x03\x01\x21", 3);
	str_add(s, "\x21\x01", 2);
	str_putc(s, (char)bits);
	add_zeros(s, -(s->len - begin) & 3);
	s->data[begin] = (char)((s->len - begin) / 4);
	str_add(s, "crc!", 4);
}

static void
add_chunks(struct str *s, uint32_t *seed)
{
	str_add(s, "\x01\x00\xff", 3); /* stored */
	add_random(s, 256, seed);
	str_add(s, "\xe0\xff\xff\x01\x02\x5d", 6); /* compressed, new state */
	add_random(s, 0x103, seed);
	str_add(s, "\x80\x00\x00\x00\x00", 5); /* compressed, of one byte */
	add_random(s, 1, seed);
	str_add(s, "\x02\xff\xff", 3);
	add_random(s, 65536, seed);
	str_putc(s, 0);
}

static void
add_index(struct str *s, size_t blocks)
{
	str_putc(s, 0);
	if (blocks >= 128)
		str_putc(s, (char)(blocks | 0x80));
	str_putc(s, (char)(blocks >= 128 ? blocks >> 7 : blocks));
	for (size_t i = 0; i < blocks; i++)
		str_add(s, "\x81\x82\x03\x04", 4);
	if (blocks % 2)
		s->data[s->len - 1] = '\x05';
	pad(s);
	str_add(s, "crc!crc!size\0\x01YZ", 16);
}

/* Each kind of block: its sizes, a filter before it, its check. */
static void
add_stream(struct str *s, size_t blocks, uint32_t *seed)
{
	static const struct {
		char id;
		size_t len;
	} checks[] = { { 0, 0 }, { 1, 4 }, { 4, 8 }, { 10, 32 }, { 15, 64 } };
	size_t check = next_random(seed) % 5;

	str_add(s,
	    "\xfd"
	    "7zXZ\0",
	    7);
	str_putc(s, checks[check].id);
	str_add(s, "crc!", 4);
	for (size_t i = 0; i < blocks; i++) {
		add_block_header(s, (int)(i & 3) << 6, i % 3 == 0, 28);
		if (blocks < 100)
			add_chunks(s, seed);
		else
			str_putc(s, 0);
		pad(s);
		add_random(s, checks[check].len, seed);
	}
	add_index(s, blocks);
}

/* Gives the bytes in pieces; returns how many may be unpacked. */
static size_t
feed(struct text in, size_t piece, uint64_t *refused)
{
	struct xz *x = xz_new();
	size_t len = 0;

	while (len < in.len) {
		struct text part = { in.data + len, in.len - len };
		size_t n;

		if (part.len > piece)
			part.len = piece;
		n = xz_feed(x, part);
		assert_true(n <= part.len);
		len += n;
		if (n < part.len)
			break;
	}
	*refused = xz_refused(x);
	if (*refused != 0)
		assert_int_equal(xz_feed(x, in), 0);
	xz_free(x);
	return len;
}

static void
the_block_that_asks_for_too_much_is_found(void **state)
{
	static const size_t blocks[] = { 0, 1, 3, 12, 200 };
	uint32_t seed = SEED;

	(void)state;
	print_message("seed %u\n", seed);
	for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) {
		struct str s = { 0 };
		uint64_t refused;
		size_t begin;

		for (size_t k = 0; k < 5; k++) {
			add_stream(&s, blocks[i], &seed);
			add_zeros(&s, k % 3 * 4);
		}
		assert_int_equal(feed(str_text(&s), 65536, &refused), s.len);
		assert_int_equal(refused, 0);
		str_add(&s,
		    "\xfd"
		    "7zXZ\0\0\0crc!",
		    12);
		begin = s.len;
		add_block_header(&s, 0xc0, true, 29);
		add_chunks(&s, &seed);
		for (size_t piece = 4096; piece < 1 << 20; piece *= 3) {
			/* What was given of the header is given. */
			assert_in_range(feed(str_text(&s), piece, &refused),
			    begin, begin + 19);
			assert_int_equal(refused, UINT64_C(96) << 20);
		}
		assert_int_equal(feed(str_text(&s), s.len, &refused), begin);
		assert_in_range(
		    feed(str_text(&s), 1, &refused), begin, begin + 19);
		str_free(&s);
	}
}

static void
dictionaries_have_the_size_that_the_format_says(void **state)
{
	static const struct {
		unsigned char bits;
		uint64_t refused;
	} cases[] = { { 0, 0 }, { 28, 0 }, { 29, UINT64_C(96) << 20 },
		{ 30, UINT64_C(128) << 20 }, { 39, UINT64_C(3) << 30 },
		{ 40, UINT32_MAX }, { 41, 0 }, { 255, 0 } };

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		for (int kind = 0; kind < 8; kind++) {
			struct str s = { 0 };
			uint64_t refused;

			str_add(&s,
			    "\xfd"
			    "7zXZ\0\0\x04crc!",
			    12);
			add_block_header(
			    &s, (kind & 3) << 6, kind > 3, cases[i].bits);
			feed(str_text(&s), s.len, &refused);
			assert_int_equal(refused, cases[i].refused);
			str_free(&s);
		}
}

static void
damage_is_handed_on(void **state)
{
	uint32_t seed = SEED;

	(void)state;
	print_message("seed %u\n", seed);
	for (size_t i = 0; i < 2000; i++) {
		struct str s = { 0 };
		uint64_t refused;
		size_t n;

		if (i % 2)
			add_stream(&s, i % 5, &seed);
		else
			str_add(&s,
			    "\xfd"
			    "7zXZ\0\0\x04crc!",
			    12);
		for (size_t k = i % 2 ? i % 20 : 0; k > 0; k--)
			s.data[next_random(&seed) % s.len] ^= (char)k;
		add_random(&s, i, &seed);
		n = feed(str_text(&s), i % 100 + 1, &refused);
		if (refused == 0)
			assert_int_equal(n, s.len);
		else
			assert_true(n < s.len && refused > XZ_DICTIONARY);
		str_free(&s);
	}
}

static void
an_index_without_an_end_is_damage(void **state)
{
	static const char bytes[] =
	    "\xfd"
	    "7zXZ\0\0\x04crc!\0"
	    "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff";
	struct text in = { bytes, sizeof bytes - 1 };
	uint64_t refused;

	(void)state;
	assert_int_equal(feed(in, 1, &refused), in.len);
	assert_int_equal(refused, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_block_that_asks_for_too_much_is_found),
		cmocka_unit_test(
		    dictionaries_have_the_size_that_the_format_says),
		cmocka_unit_test(damage_is_handed_on),
		cmocka_unit_test(an_index_without_an_end_is_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
