/* SPDX-License-Identifier: MIT */
/*
 * Bytes into blocks of whole lines.
 */
#include "tail/block.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define MAX_LINE 8

/* What was emitted: lines as they came, blocks ended by |, a truncated one by
 * ~, an unfinished one by !. */
struct seen {
	struct str text;
	int64_t offset, line; /* of the last block */
	size_t blocks;
	struct blocks *takes; /* who is told takes the memory of these */
	struct blocks_memory memory;
};

static void
note(const struct block *b, void *ctx)
{
	struct seen *s = ctx;

	if (s->takes != NULL)
		blocks_take(s->takes, &s->memory);
	assert_int_equal(b->file, 7);
	assert_int_equal(b->source, 3);
	assert_string_equal(b->path, "a.log");
	assert_false(b->truncated && b->unfinished);
	str_add(&s->text, b->data, b->len);
	str_puts(&s->text, b->truncated ? "~" : b->unfinished ? "!" : "|");
	s->offset = b->offset;
	s->line = b->line;
	s->blocks++;
}

static void
feed(struct blocks *bs, const char *data, size_t len)
{
	while (len > 0) {
		size_t room;
		char *to = blocks_room(bs, &room);
		size_t part = len < room ? len : room;

		assert_true(room > 0);
		memcpy(to, data, part);
		blocks_feed(bs, part);
		data += part;
		len -= part;
	}
}

static struct blocks *
start_at(struct seen *s, size_t max_line, int64_t offset, const char *before)
{
	struct block_origin origin = {
		.file = 7,
		.source = 3,
		.path = "a.log",
		.offset = offset,
		.line = 1,
		.before = text_of(before),
	};

	*s = (struct seen){ .line = 0 };
	return blocks_new(&origin, max_line, note, s);
}

static void
check_text(struct seen *s, const char *want)
{
	assert_string_equal(s->text.data == NULL ? "" : s->text.data, want);
}

static void
check_position(const struct blocks *bs, int64_t offset, int64_t line)
{
	int64_t is_offset, is_line;

	blocks_position(bs, &is_offset, &is_line);
	assert_int_equal(is_offset, offset);
	assert_int_equal(is_line, line);
}

static const struct {
	const char *pieces[5];
	const char *want;
	int64_t offset, line; /* where to go on */
} cases[] = {
	{ { "a\n" }, "a\n|", 2, 2 },
	{ { "a\nb\nc\n" }, "a\nb\nc\n|", 6, 4 },
	{ { "ab", "cd\nef" }, "abcd\n|", 5, 2 },
	{ { "a", "b", "\n" }, "ab\n|", 3, 2 },
	{ { "a\nb", "c", "\nd" }, "a\n|bc\n|", 5, 3 },
	{ { "\n\n\n" }, "\n\n\n|", 3, 4 },
	{ { "a\r", "\nb\r\n" }, "a\r\nb\r\n|", 6, 3 },
	{ { "a\rb\n" }, "a\rb\n|", 4, 2 },
	{ { "abc" }, "", 0, 1 },
	/* exactly max_line is whole, one more is not */
	{ { "12345678\n" }, "12345678\n|", 9, 2 },
	{ { "1234", "5678\nx\n" }, "12345678\nx\n|", 11, 3 },
	{ { "123456789\n" }, "12345678~", 10, 2 },
	{ { "12345678", "\n" }, "12345678\n|", 9, 2 },
	{ { "12345678", "9" }, "12345678~", 8, 1 },
	{ { "12345678", "9\n" }, "12345678~", 10, 2 },
	{ { "12345678", "9", "0", "\nab\n" }, "12345678~ab\n|", 14, 3 },
	{ { "a\n123456789\nb\n" }, "a\n12345678~b\n|", 14, 4 },
	{ { "123456789\n123456789\n" }, "12345678~12345678~", 20, 3 },
	{ { "a\nb\n123456789012345678901234567890\n\nc\n" },
	    "a\nb\n12345678~\nc\n|", 38, 6 },
	{ { "a\n12345678901" }, "a\n|12345678~", 10, 2 },
};

static void
lines_are_whole_however_they_were_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct seen s;
		struct blocks *bs = start_at(&s, MAX_LINE, 0, NULL);

		for (size_t j = 0; cases[i].pieces[j] != NULL; j++) {
			feed(
			    bs, cases[i].pieces[j], strlen(cases[i].pieces[j]));
			blocks_rest(bs);
		}
		check_text(&s, cases[i].want);
		check_position(bs, cases[i].offset, cases[i].line);
		blocks_free(bs);
		str_free(&s.text);
	}
}

/* What was taken is the taker's: it may be written over. */
static void
lines_are_whole_also_where_their_memory_is_taken(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct seen s;
		struct blocks *bs = start_at(&s, MAX_LINE, 0, NULL);

		s.takes = bs;
		for (size_t j = 0; cases[i].pieces[j] != NULL; j++) {
			feed(
			    bs, cases[i].pieces[j], strlen(cases[i].pieces[j]));
			if (s.memory.data != NULL)
				memset(s.memory.data, 'Z', s.memory.capacity);
		}
		check_text(&s, cases[i].want);
		check_position(bs, cases[i].offset, cases[i].line);
		blocks_free(bs);
		free(s.memory.data);
		str_free(&s.text);
	}
}

static void
memory_is_taken_once_a_feed(void **state)
{
	struct seen s;
	struct blocks *bs = start_at(&s, MAX_LINE, 0, NULL);
	struct blocks_memory other = { 0 };

	(void)state;
	s.takes = bs;
	feed(bs, "a\n", 2);
	assert_false(blocks_take(bs, &other));
	s.takes = NULL;
	feed(bs, "b\n", 2);
	assert_true(blocks_take(bs, &other));
	blocks_free(bs);
	free(s.memory.data);
	free(other.data);
	str_free(&s.text);
}

static void
any_split_gives_the_same_lines(void **state)
{
	static const char text[] = "a\nbc\n\n123456789012\n12345678\nxyz\nq";
	size_t len = sizeof text - 1;

	(void)state;
	for (size_t i = 0; i <= len; i++)
		for (size_t j = i; j <= len; j++) {
			struct seen s;
			struct blocks *bs = start_at(&s, MAX_LINE, 0, NULL);
			size_t n = 0;

			feed(bs, text, i);
			feed(bs, text + i, j - i);
			feed(bs, text + j, len - j);
			for (size_t k = 0; k < s.text.len; k++)
				if (s.text.data[k] != '|')
					s.text.data[n++] = s.text.data[k];
			s.text.data[n] = '\0';
			check_text(&s, "a\nbc\n\n12345678~12345678\nxyz\n");
			check_position(bs, (int64_t)len - 1, 7);
			assert_int_equal(blocks_truncated(bs), 1);
			assert_int_equal(blocks_read_offset(bs), (int64_t)len);
			blocks_free(bs);
			str_free(&s.text);
		}
}

static void
a_line_keeps_its_nul_bytes(void **state)
{
	struct seen s;
	struct blocks *bs = start_at(&s, MAX_LINE, 0, NULL);

	(void)state;
	feed(bs, "a\0b\n\0\0\n", 7);
	assert_int_equal(s.text.len, 8);
	assert_memory_equal(s.text.data, "a\0b\n\0\0\n|", 8);
	check_position(bs, 7, 3);
	blocks_free(bs);
	str_free(&s.text);
}

static void
a_block_says_where_it_starts(void **state)
{
	struct seen s;
	struct blocks *bs = start_at(&s, MAX_LINE, 0, NULL);

	(void)state;
	feed(bs, "a\nb\n", 4);
	assert_int_equal(s.offset, 0);
	assert_int_equal(s.line, 1);
	feed(bs, "cd", 2);
	feed(bs, "e\n", 2);
	assert_int_equal(s.offset, 4);
	assert_int_equal(s.line, 3);
	blocks_free(bs);
	str_free(&s.text);
}

static void
an_unfinished_line_is_emitted_at_the_end_only(void **state)
{
	struct seen s;
	struct blocks *bs = start_at(&s, MAX_LINE, 0, NULL);

	(void)state;
	feed(bs, "a\nbc", 4);
	check_text(&s, "a\n|");
	blocks_end(bs);
	check_text(&s, "a\n|bc!");
	check_position(bs, 4, 2);
	blocks_end(bs);
	check_text(&s, "a\n|bc!");
	blocks_free(bs);
	str_free(&s.text);
}

static void
a_restart_drops_the_unfinished_line(void **state)
{
	struct seen s;
	struct blocks *bs = start_at(&s, MAX_LINE, 0, NULL);

	(void)state;
	feed(bs, "a\nhalf", 6);
	blocks_restart(bs, 0, 1, (struct text){ NULL, 0 });
	assert_int_equal(blocks_read_anchor(bs).len, 0);
	feed(bs, "new\n", 4);
	check_text(&s, "a\n|new\n|");
	check_position(bs, 4, 2);
	blocks_restart(bs, 0, 1, (struct text){ NULL, 0 });
	feed(bs, "123456789", 9); /* its rest is skipped */
	blocks_restart(bs, 0, 1, (struct text){ NULL, 0 });
	feed(bs, "b\n", 2);
	check_text(&s, "a\n|new\n|12345678~b\n|");
	blocks_free(bs);
	str_free(&s.text);
}

static void
a_line_that_began_before_the_start_is_skipped(void **state)
{
	struct seen s;
	struct blocks *bs = start_at(&s, MAX_LINE, 100, "x\nhalf of a l");

	(void)state;
	check_position(bs, 100, 1);
	feed(bs, "ine", 3);
	check_position(bs, 100, 1);
	feed(bs, "\nb\n", 3);
	check_text(&s, "b\n|");
	assert_int_equal(s.offset, 104);
	assert_int_equal(s.line, 2);
	blocks_free(bs);
	str_free(&s.text);

	bs = start_at(&s, MAX_LINE, 100, "x\n");
	feed(bs, "a\n", 2);
	check_text(&s, "a\n|");
	blocks_free(bs);
	str_free(&s.text);
}

static void
a_line_behind_a_hole_is_whole(void **state)
{
	struct block_origin origin = {
		.file = 7,
		.source = 3,
		.path = "a.log",
		.offset = 100,
		.line = 1,
		.before = TEXT("x\0\0"),
	};
	struct seen s = { .line = 0 };
	struct blocks *bs = blocks_new(&origin, MAX_LINE, note, &s);

	(void)state;
	feed(bs, "a\n", 2);
	check_text(&s, "a\n|");
	blocks_free(bs);
	str_free(&s.text);
}

static void
check_anchor(struct text anchor, const char *want)
{
	assert_int_equal(anchor.len, strlen(want));
	assert_memory_equal(anchor.data, want, anchor.len);
}

static void
anchors_are_the_bytes_before_both_places(void **state)
{
	struct seen s;
	struct blocks *bs = start_at(&s, MAX_LINE, 3, "xy\n");
	char many[BLOCKS_ANCHOR + 50];

	(void)state;
	check_anchor(blocks_anchor(bs), "xy\n");
	feed(bs, "a\nbc", 4);
	check_anchor(blocks_anchor(bs), "xy\na\n");
	check_anchor(blocks_read_anchor(bs), "xy\na\nbc");
	feed(bs, "defghijklm", 10);
	check_anchor(blocks_anchor(bs), "xy\na\nbcdefghi");
	check_anchor(blocks_read_anchor(bs), "xy\na\nbcdefghijklm");
	feed(bs, "n\no", 3);
	check_anchor(blocks_anchor(bs), "xy\na\nbcdefghijklmn\n");
	check_anchor(blocks_read_anchor(bs), "xy\na\nbcdefghijklmn\no");

	memset(many, 'z', sizeof many);
	many[sizeof many - 1] = '\n';
	feed(bs, many, sizeof many);
	assert_int_equal(blocks_anchor(bs).len, BLOCKS_ANCHOR);
	assert_memory_equal(blocks_anchor(bs).data,
	    many + sizeof many - BLOCKS_ANCHOR, BLOCKS_ANCHOR);
	assert_memory_equal(blocks_read_anchor(bs).data,
	    many + sizeof many - BLOCKS_ANCHOR, BLOCKS_ANCHOR);
	blocks_free(bs);
	str_free(&s.text);
}

static void
a_huge_line_takes_max_line_and_one_read_of_memory(void **state)
{
	const size_t max_line = 1 << 20;
	struct seen s;
	struct blocks *bs = start_at(&s, max_line, 0, NULL);
	size_t most = 0, room;

	(void)state;
	for (size_t i = 0; i < 400; i++) { /* about 100 MB */
		int64_t told, line;
		char *to = blocks_room(bs, &room);
		size_t held;

		blocks_position(bs, &told, &line);
		held =
		    s.blocks > 0 ? 0 : (size_t)(blocks_read_offset(bs) - told);
		if (held + room > most)
			most = held + room;
		if (room > 256 * 1024)
			room = 256 * 1024;
		memset(to, 'a', room);
		blocks_feed(bs, room);
	}
	assert_true(most <= max_line + 256 * 1024);
	assert_int_equal(s.blocks, 1);
	assert_int_equal(s.text.len, max_line + 1);
	feed(bs, "\nb\n", 3);
	assert_string_equal(s.text.data + max_line, "~b\n|");
	assert_int_equal(s.line, 2);
	blocks_free(bs);
	str_free(&s.text);
}

static void
newlines_are_counted_in_any_length(void **state)
{
	char buf[9000];
	int64_t want = 0;

	(void)state;
	for (size_t i = 0; i < sizeof buf; i++) {
		buf[i] = i % 3 == 0 || i > 4000 ? '\n' : 'x';
	}
	for (size_t len = 0; len < sizeof buf; len++) {
		assert_int_equal(newlines_count(buf, len), want);
		want += buf[len] == '\n';
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_whole_however_they_were_read),
		cmocka_unit_test(
		    lines_are_whole_also_where_their_memory_is_taken),
		cmocka_unit_test(memory_is_taken_once_a_feed),
		cmocka_unit_test(any_split_gives_the_same_lines),
		cmocka_unit_test(a_line_keeps_its_nul_bytes),
		cmocka_unit_test(a_block_says_where_it_starts),
		cmocka_unit_test(an_unfinished_line_is_emitted_at_the_end_only),
		cmocka_unit_test(a_restart_drops_the_unfinished_line),
		cmocka_unit_test(a_line_that_began_before_the_start_is_skipped),
		cmocka_unit_test(a_line_behind_a_hole_is_whole),
		cmocka_unit_test(anchors_are_the_bytes_before_both_places),
		cmocka_unit_test(
		    a_huge_line_takes_max_line_and_one_read_of_memory),
		cmocka_unit_test(newlines_are_counted_in_any_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
