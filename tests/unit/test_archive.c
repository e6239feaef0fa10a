/* SPDX-License-Identifier: MIT */
/*
 * Compressed files, whole and broken, as the bytes that were compressed.
 */
#include "tail/archive.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>
#ifdef HAVE_LIBARCHIVE
#include <archive.h>
#include <archive_entry.h>
#endif

#define SEED 20251017u

typedef void pack_fn(struct text plain, struct str *packed);

static void
pack_gzip(struct text plain, struct str *packed)
{
	z_stream z = { 0 };
	uLong most;

	assert_int_equal(
	    deflateInit2(&z, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
	most = deflateBound(&z, plain.len) + 64;
	z.next_in = (Bytef *)(uintptr_t)plain.data;
	z.avail_in = (uInt)plain.len;
	z.next_out = (Bytef *)str_reserve(packed, most);
	z.avail_out = (uInt)most;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	packed->len += z.total_out;
	deflateEnd(&z);
}

#ifdef HAVE_LIBARCHIVE
static void
pack_by(int filter, struct text plain, struct str *packed)
{
	struct archive *a = archive_write_new();
	struct archive_entry *entry = archive_entry_new();
	size_t room = plain.len + plain.len / 8 + 65536, used = 0;

	assert_int_equal(archive_write_add_filter(a, filter), ARCHIVE_OK);
	archive_write_set_format_raw(a);
	archive_write_set_bytes_in_last_block(a, 1);
	assert_int_equal(archive_write_open_memory(
			     a, str_reserve(packed, room), room, &used),
	    ARCHIVE_OK);
	archive_entry_set_pathname(entry, "data");
	archive_entry_set_filetype(entry, AE_IFREG);
	assert_int_equal(archive_write_header(a, entry), ARCHIVE_OK);
	assert_int_equal(archive_write_data(a, plain.data, plain.len),
	    (la_ssize_t)plain.len);
	assert_int_equal(archive_write_close(a), ARCHIVE_OK);
	packed->len += used;
	archive_entry_free(entry);
	archive_write_free(a);
}

static void
pack_zstd(struct text plain, struct str *packed)
{
	pack_by(ARCHIVE_FILTER_ZSTD, plain, packed);
}

static void
pack_xz(struct text plain, struct str *packed)
{
	pack_by(ARCHIVE_FILTER_XZ, plain, packed);
}

static void
pack_bzip2(struct text plain, struct str *packed)
{
	pack_by(ARCHIVE_FILTER_BZIP2, plain, packed);
}
#endif

static const struct format {
	const char *name;
	pack_fn *pack;
	size_t lost; /* most bytes before a damage that are lost with it */
	size_t window_kb;
	bool proved; /* by a checksum */
} formats[] = {
	{ "gzip", pack_gzip, 0, 1024, true },
#ifdef HAVE_LIBARCHIVE
	{ "zstd", pack_zstd, 131072, 16384, false },
	{ "xz", pack_xz, 65536, 16384, true },
	{ "bzip2", pack_bzip2, 65536 + 900000, 16384, true },
#endif
};
#define FORMATS (sizeof formats / sizeof *formats)

static int
file_of(struct text bytes)
{
	int fd = memfd_create("packed", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes.data, bytes.len), bytes.len);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

/* Reads all there is; returns 0, or -1 with the reason. */
static int
unpack(struct text packed, size_t step, struct str *plain, struct err *err)
{
	int fd = file_of(packed), status = -1;
	struct packed *p = packed_open(fd, (struct text){ 0 }, err);
	ssize_t n = 0;

	err->text[p == NULL ? sizeof err->text - 1 : 0] = '\0';
	while (p != NULL) {
		n = packed_read(p, str_reserve(plain, step), step, err);
		assert_true(n <= (ssize_t)step);
		if (n <= 0)
			break;
		plain->len += (size_t)n;
		assert_int_equal(packed_offset(p), plain->len);
	}
	if (p != NULL && n == 0)
		status = 0;
	if (p != NULL) /* it stays at the end, or at its fault */
		assert_int_equal(packed_skip(p, 1, err), status);
	packed_free(p);
	close(fd);
	return status;
}

static uint32_t
next_random(uint32_t *seed)
{
	return *seed = *seed * 1664525u + 1013904223u;
}

/* Lines of words and numbers, as logs have them. */
static struct str
log_text(size_t len)
{
	struct str s = { 0 };
	uint32_t seed = SEED;

	while (s.len < len)
		str_printf(&s, "%zu job %u of queue %u processed in %ums\n",
		    s.len, next_random(&seed) >> 12, next_random(&seed) >> 28,
		    next_random(&seed) >> 20);
	s.len = len;
	return s;
}

static void
check_whole(struct str *packed, struct text plain, size_t step)
{
	struct str got = { 0 };
	struct err err;

	if (unpack(str_text(packed), step, &got, &err) != 0)
		fail_msg("%s", err.text);
	assert_true(text_equal(str_text(&got), plain));
	str_free(&got);
}

static void
what_was_compressed_is_read(void **state)
{
	static const size_t steps[] = { 1000, 65536, 1048576 };
	struct str plain = log_text(1000000);

	(void)state;
	for (size_t i = 0; i < FORMATS; i++) {
		struct str packed = { 0 };

		formats[i].pack(str_text(&plain), &packed);
		assert_true(compression_is(str_text(&packed)));
		for (size_t k = 0; k < 3; k++)
			check_whole(&packed, str_text(&plain), steps[k]);
		str_free(&packed);
	}
	str_free(&plain);
}

static void
nothing_compressed_is_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < FORMATS; i++) {
		struct str packed = { 0 };

		formats[i].pack((struct text){ "", 0 }, &packed);
		assert_true(compression_is(str_text(&packed)));
		check_whole(&packed, (struct text){ "", 0 }, 10);
		str_free(&packed);
	}
}

static void
several_members_are_one_text(void **state)
{
	struct str plain = log_text(300000);
	size_t cuts[] = { 0, 1, 100000, 100000, 299999, 300000 };

	(void)state;
	for (size_t i = 0; i < FORMATS; i++) {
		struct str packed = { 0 };

		for (size_t k = 0; k + 1 < 6; k++)
			formats[i].pack((struct text){ plain.data + cuts[k],
					    cuts[k + 1] - cuts[k] },
			    &packed);
		check_whole(&packed, str_text(&plain), 4096);
		str_free(&packed);
	}
	str_free(&plain);
}

/* Each length near the start and the end, and some between. */
static size_t
next_cut(size_t len, size_t whole, uint32_t *seed)
{
	if (len < 40 || len + 40 > whole)
		return len + 1;
	len += next_random(seed) % 2000 + 1;
	return len + 40 > whole ? whole - 39 : len;
}

static void
a_truncated_file_gives_what_there_is_and_says_so(void **state)
{
	struct str plain = log_text(400000);

	(void)state;
	for (size_t i = 0; i < FORMATS; i++) {
		struct str packed = { 0 }, got = { 0 };
		uint32_t seed = SEED;
		struct err err;

		formats[i].pack(str_text(&plain), &packed);
		for (size_t len = 1; len < packed.len;
		     len = next_cut(len, packed.len, &seed)) {
			struct text part = { packed.data, len };

			str_clear(&got);
			assert_int_equal(unpack(part, 5000, &got, &err), -1);
			if (len >= COMPRESSION_HEAD)
				assert_non_null(strstr(err.text, "truncated"));
			assert_true(got.len <= plain.len);
			assert_memory_equal(got.data, plain.data, got.len);
			/* Text comes about as fast as its bytes. */
			assert_true(got.len + formats[i].lost + 20000 >=
				    plain.len / packed.len * len);
		}
		/* Without gzip's trailer the text is there. */
		if (formats[i].lost == 0)
			assert_int_equal(got.len, plain.len);
		str_free(&packed);
		str_free(&got);
	}
	str_free(&plain);
}

static void
a_flipped_bit_does_no_harm_and_is_noticed(void **state)
{
	struct str plain = log_text(200000);
	uint32_t seed = SEED;

	(void)state;
	print_message("seed %u\n", seed);
	for (size_t i = 0; i < FORMATS; i++) {
		struct str packed = { 0 }, got = { 0 };
		size_t unnoticed = 0;
		struct err err;

		formats[i].pack(str_text(&plain), &packed);
		for (size_t k = 0; k < 150; k++) {
			size_t at = 12 + next_random(&seed) % (packed.len - 20);
			char bit = (char)(1 << (next_random(&seed) >> 29));

			str_clear(&got);
			packed.data[at] ^= bit;
			if (unpack(str_text(&packed), 70000, &got, &err) == 0)
				unnoticed++;
			else
				assert_non_null(strstr(err.text, "compressed"));
			packed.data[at] ^= bit;
		}
		if (formats[i].proved)
			assert_int_equal(unnoticed, 0);
		str_free(&packed);
		str_free(&got);
	}
	str_free(&plain);
}

static void
what_follows_is_padding_or_a_fault(void **state)
{
	struct str plain = log_text(200000);
	char zeros[1000] = { 0 };

	(void)state;
	for (size_t i = 0; i < FORMATS; i++) {
		struct str packed = { 0 }, got = { 0 };
		struct err err;

		formats[i].pack(str_text(&plain), &packed);
		if (strcmp(formats[i].name, "zstd") != 0) {
			str_add(&packed, zeros, sizeof zeros);
			check_whole(&packed, str_text(&plain), 4096);
		}
		str_puts(&packed, "a line behind\n");
		assert_int_equal(
		    unpack(str_text(&packed), 4096, &got, &err), -1);
		assert_non_null(strstr(err.text, "compressed"));
		assert_true(got.len + formats[i].lost >= plain.len);
		str_free(&packed);
		str_free(&got);
	}
	str_free(&plain);
}

static void
what_was_read_already_counts(void **state)
{
	struct str plain = log_text(500000);

	(void)state;
	for (size_t i = 0; i < FORMATS; i++)
		for (size_t len = COMPRESSION_HEAD; len < 200000; len *= 7) {
			struct str packed = { 0 }, got = { 0 };
			struct text head;
			struct packed *p;
			struct err err;
			ssize_t n;
			int fd;

			formats[i].pack(str_text(&plain), &packed);
			head = str_text(&packed);
			if (head.len > len)
				head.len = len;
			fd = file_of(str_text(&packed));
			lseek(fd, (off_t)head.len, SEEK_SET);
			p = packed_open(fd, head, &err);
			assert_non_null(p);
			while ((n = packed_read(p, str_reserve(&got, 9999),
				    9999, &err)) > 0)
				got.len += (size_t)n;
			assert_int_equal(n, 0);
			assert_true(
			    text_equal(str_text(&got), str_text(&plain)));
			packed_free(p);
			close(fd);
			str_free(&packed);
			str_free(&got);
		}
	str_free(&plain);
}

static void
what_is_skipped_is_not_read_again(void **state)
{
	struct str plain = log_text(500000);

	(void)state;
	for (size_t i = 0; i < FORMATS; i++) {
		struct str packed = { 0 };
		int64_t left = 234567;
		struct packed *p;
		struct err err;
		char next[10];
		int fd;

		formats[i].pack(str_text(&plain), &packed);
		fd = file_of(str_text(&packed));
		p = packed_open(fd, (struct text){ 0 }, &err);
		while (left > 0) {
			ssize_t n = packed_skip(p, (size_t)left, &err);

			assert_true(n > 0 && n <= left);
			left -= n;
		}
		assert_int_equal(packed_offset(p), 234567);
		assert_int_equal(packed_read(p, next, 10, &err), 10);
		assert_memory_equal(next, plain.data + 234567, 10);
		packed_free(p);
		close(fd);
		str_free(&packed);
	}
	str_free(&plain);
}

static size_t
peak_kb(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (size_t)usage.ru_maxrss;
}

static void
a_bomb_costs_no_memory(void **state)
{
	size_t size = 64 << 20, times = 16, before;
	char *zeros = mem_new(size, 1);

	(void)state;
	for (size_t i = 0; i < FORMATS; i++) {
		struct str packed = { 0 }, one = { 0 };
		struct packed *p;
		struct err err;
		ssize_t n;
		int fd;

		formats[i].pack((struct text){ zeros, size }, &one);
		for (size_t k = 0; k < (i == 0 ? times : 2); k++)
			str_add_text(&packed, str_text(&one));
		fd = file_of(str_text(&packed));
		before = peak_kb();
		p = packed_open(fd, (struct text){ 0 }, &err);
		while ((n = packed_skip(p, size, &err)) > 0)
			assert_true(n <= 131072);
		assert_int_equal(n, 0);
		assert_int_equal(packed_offset(p), size * (i == 0 ? times : 2));
		assert_true(peak_kb() - before <= formats[i].window_kb);
		packed_free(p);
		close(fd);
		str_free(&one);
		str_free(&packed);
	}
	free(zeros);
}

static void
a_file_that_holds_no_text_is_given_up(void **state)
{
	struct str packed = { 0 }, one = { 0 }, got = { 0 };
	struct err err;

	(void)state;
	pack_gzip((struct text){ "", 0 }, &one);
	while (packed.len < 6 << 20)
		str_add_text(&packed, str_text(&one));
	assert_int_equal(unpack(str_text(&packed), 10, &got, &err), -1);
	assert_non_null(strstr(err.text, "hold no text"));
	str_free(&packed);
	str_free(&one);
	str_free(&got);
}

static void
what_begins_as_compressed_and_is_not_is_damaged(void **state)
{
	static const struct text heads[] = { TEXT("\x1f\x8b\x08"),
		TEXT("\x28\xb5\x2f\xfd"),
		TEXT("\xfd"
		     "7zXZ\0"),
		TEXT("BZh91AY&SY"),
		TEXT("BZh9\x17"
		     "rE8P\x90"),
		TEXT("") };
	uint32_t seed = SEED;

	(void)state;
	for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
		for (size_t k = 0; k < 200; k++) {
			struct str bytes = { 0 }, got = { 0 };
			struct err err;

			str_add_text(&bytes, heads[i]);
			for (size_t len = k * 10; len > 0; len--)
				str_putc(
				    &bytes, (char)(next_random(&seed) >> 24));
			assert_int_equal(
			    unpack(str_text(&bytes), 1000, &got, &err), -1);
			assert_true(strlen(err.text) > 5);
			str_free(&bytes);
			str_free(&got);
		}
}

static void
first_bytes_tell(void **state)
{
	static const struct {
		struct text head;
		bool is, may_be;
	} cases[] = {
		{ TEXT(""), false, true },
		{ TEXT("\x1f"), false, true },
		{ TEXT("\x1f\x8b"), false, true },
		{ TEXT("\x1f\x8b\x08"), true, false },
		{ TEXT("\x1f\x8b\x09"), false, false },
		{ TEXT("\x28\xb5\x2f\xfd"), true, false },
		{ TEXT("\xfd"
		       "7zXZ"),
		    false, true },
		{ TEXT("\xfd"
		       "7zXZ\0"),
		    true, false },
		{ TEXT("\xfd"
		       "7zXZ "),
		    false, false },
		{ TEXT("BZh"), false, true },
		{ TEXT("BZh0"), false, false },
		{ TEXT("BZh9"), false, true },
		{ TEXT("BZh9 is a word"), false, false },
		{ TEXT("BZh91AY&SY"), true, false },
		{ TEXT("BZh1\x17"
		       "rE8P\x90"),
		    true, false },
		{ TEXT("a line\n"), false, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		assert_int_equal(compression_is(cases[i].head), cases[i].is);
		assert_int_equal(
		    compression_may_be(cases[i].head), cases[i].may_be);
	}
}

#ifdef HAVE_LIBARCHIVE
/* Makes the one block of an xz file ask for another dictionary. */
static void
set_dictionary(struct str *packed, unsigned char bits)
{
	char *block = packed->data + 12;
	size_t len = (size_t)*block * 4;
	uLong crc;

	assert_int_equal(block[1], 0); /* one filter, no sizes */
	assert_int_equal(block[2], 0x21);
	block[4] = (char)bits;
	crc = crc32(0, (Bytef *)block, (uInt)len);
	for (size_t i = 0; i < 4; i++)
		block[len + i] = (char)(crc >> 8 * i);
}

static void
xz_takes_a_dictionary_up_to_64_mib(void **state)
{
	static const struct {
		unsigned char bits;
		const char *why;
	} cases[] = {
		{ 27, NULL },
		{ 28, NULL },
		{ 29, "dictionary of 96 MiB, over the 64 MiB" },
		{ 40, "dictionary of 4096 MiB, over the 64 MiB" },
		{ 41, "damaged" },
	};
	struct str plain = log_text(50000);

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct str packed = { 0 }, got = { 0 };
		struct err err;

		pack_xz(str_text(&plain), &packed);
		set_dictionary(&packed, cases[i].bits);
		if (cases[i].why == NULL) {
			check_whole(&packed, str_text(&plain), 4096);
		} else {
			assert_int_equal(
			    unpack(str_text(&packed), 4096, &got, &err), -1);
			assert_non_null(strstr(err.text, cases[i].why));
			assert_int_equal(got.len, 0);
		}
		str_free(&got);
		str_free(&packed);
	}
	str_free(&plain);
}

static void
a_later_dictionary_is_bounded_too(void **state)
{
	struct str plain = log_text(600000), packed = { 0 }, got = { 0 };
	struct str large = { 0 };
	struct err err;

	(void)state;
	pack_xz(str_text(&plain), &packed);
	pack_xz(str_text(&plain), &packed);
	pack_xz(str_text(&plain), &large);
	set_dictionary(&large, 40);
	str_add_text(&packed, str_text(&large));
	assert_int_equal(unpack(str_text(&packed), 4096, &got, &err), -1);
	assert_non_null(strstr(err.text, "dictionary of 4096 MiB"));
	assert_in_range(got.len, 2 * plain.len - 65536, 2 * plain.len);
	assert_memory_equal(got.data, plain.data, plain.len);
	str_free(&large);
	str_free(&got);
	str_free(&packed);
	str_free(&plain);
}
#endif

static void
a_descriptor_that_cannot_be_read_is_an_error(void **state)
{
	struct err err;

	(void)state;
	assert_null(packed_open(-1, (struct text){ 0 }, &err));
	assert_non_null(strstr(err.text, "read"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_bytes_tell),
		cmocka_unit_test(what_was_compressed_is_read),
		cmocka_unit_test(nothing_compressed_is_nothing),
		cmocka_unit_test(several_members_are_one_text),
		cmocka_unit_test(
		    a_truncated_file_gives_what_there_is_and_says_so),
		cmocka_unit_test(a_flipped_bit_does_no_harm_and_is_noticed),
		cmocka_unit_test(what_follows_is_padding_or_a_fault),
		cmocka_unit_test(what_was_read_already_counts),
		cmocka_unit_test(what_is_skipped_is_not_read_again),
		cmocka_unit_test(a_bomb_costs_no_memory),
		cmocka_unit_test(a_file_that_holds_no_text_is_given_up),
		cmocka_unit_test(
		    what_begins_as_compressed_and_is_not_is_damaged),
#ifdef HAVE_LIBARCHIVE
		cmocka_unit_test(xz_takes_a_dictionary_up_to_64_mib),
		cmocka_unit_test(a_later_dictionary_is_bounded_too),
#endif
		cmocka_unit_test(a_descriptor_that_cannot_be_read_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
