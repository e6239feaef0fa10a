/* SPDX-License-Identifier: MIT */
/*
 * Lines into events: what is joined, what waits, and for how long.
 */
#include "event/multiline.h"

#include "base/mem.h"
#include "tail/block.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define TIMEOUT_MS 1000

/* What was emitted: "LINE@OFFSET:TEXT|" each, newlines in it as /, a truncated
 * one ended by ~ instead. */
struct seen {
	struct str text;
	struct event last; /* its texts are gone */
};

static void
note(const struct event *e, void *ctx)
{
	struct seen *s = ctx;

	assert_int_equal(e->file, 7);
	assert_int_equal(e->source, 3);
	assert_string_equal(e->path, "a.log");
	str_printf(
	    &s->text, "%lld@%lld:", (long long)e->line, (long long)e->offset);
	for (size_t i = 0; i < e->text.len; i++)
		str_putc(&s->text,
		    (char)(e->text.data[i] == '\n' ? '/' : e->text.data[i]));
	str_putc(&s->text, e->truncated ? '~' : '|');
	s->last = *e;
}

/* A line that begins an event has a capital first; one that goes on a blank. */
static bool
is_capital(const struct event *line, void *ctx)
{
	struct text text = line->text;

	(void)ctx;
	return text.len > 0 && text.data[0] >= 'A' && text.data[0] <= 'Z';
}

static bool
is_not_indented(const struct event *line, void *ctx)
{
	(void)ctx;
	return line->text.len == 0 || line->text.data[0] != ' ';
}

static struct multiline_options
options_for(char mode)
{
	return (struct multiline_options){
		.begins = mode == 's'   ? is_capital
		          : mode == 'c' ? is_not_indented
		                        : NULL,
		.max_lines = 4,
		.max_bytes = 40,
		.timeout_ms = TIMEOUT_MS,
		.strip = true,
	};
}

/* Feeds the next block of a file; *at is where it starts and then where it
 * ends. */
static void
feed(struct multiline *m, struct text data, struct block *at, int64_t now_ms)
{
	at->file = 7;
	at->source = 3;
	at->path = "a.log";
	at->data = data.data;
	at->len = data.len;
	multiline_feed(m, at, now_ms, now_ms + 500000);
	at->offset += (int64_t)data.len;
	at->line += newlines_count(data.data, data.len);
	at->data = NULL; /* it is gone now */
}

static void
check(struct seen *s, const char *want)
{
	str_puts(&s->text, "");
	assert_string_equal(s->text.data, want);
	str_clear(&s->text);
}

static void
each_mode_joins_the_lines_that_belong_together(void **state)
{
	static const struct {
		char mode; /* s: start, c: continue, -: neither */
		struct text data;
		const char *want, *rest; /* before and after the flush */
	} cases[] = {
		{ '-', TEXT("a\nb\n"), "1@0:a|2@2:b|", "" },
		{ '-', TEXT("\n\n \n"), "1@0:|2@1:|3@2: |", "" },
		{ 's', TEXT("A\n b\nC\n"), "1@0:A/ b|", "3@5:C|" },
		/* Those before the first start are an event of their own. */
		{ 's', TEXT("x\ny\nA\nb\nC\n"), "1@0:x/y|3@4:A/b|", "5@8:C|" },
		{ 's', TEXT("A\n\n\nB\n"), "1@0:A//|", "4@4:B|" },
		{ 'c', TEXT("a\n b\n c\nd\n"), "1@0:a/ b/ c|", "4@8:d|" },
		{ 'c', TEXT(" a\n b\nc\n"), "1@0: a/ b|", "3@6:c|" },
		{ 'c', TEXT("a\nb\n\nc\n"), "1@0:a|2@2:b|3@4:|", "4@5:c|" },
		/* Past max_lines a new one begins. */
		{ 's', TEXT("A\nb\nc\nd\ne\nf\nG\n"), "1@0:A/b/c/d|5@8:e/f|",
		    "7@12:G|" },
		{ 'c', TEXT("a\n b\n c\n d\n e\nf\n"),
		    "1@0:a/ b/ c/ d|5@11: e|", "6@14:f|" },
		/* A CR at the end is no part of a line; others are. */
		{ '-', TEXT("a\r\nb\r\r\nc\rd\n"), "1@0:a|2@3:b\r|3@7:c\rd|",
		    "" },
		{ 's', TEXT("A\r\nb\r\nC\r\n"), "1@0:A/b|", "3@6:C|" },
		{ '-', TEXT("\r\n"), "1@0:|", "" },
		/* Other separators of lines are none. */
		{ '-',
		    TEXT("a\vb\fc\xe2\x80\xa8"
			 "d\n"),
		    "1@0:a\vb\fc\xe2\x80\xa8"
		    "d|",
		    "" },
		/* Tests see the line without colours. */
		{ 's', TEXT("\x1b[31mA\x1b[0m\n b\nB\n"), "1@0:A/ b|",
		    "3@14:B|" },
		/* Bytes that are no UTF-8. */
		{ '-',
		    TEXT("a\xff"
			 "b\n\xc3\n"),
		    "1@0:a\xef\xbf\xbd"
		    "b|2@4:\xef\xbf\xbd|",
		    "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct multiline_options options = options_for(cases[i].mode);
		struct seen s = { 0 };
		struct multiline *m = multiline_new(&options, note, &s);
		struct block at = { .line = 1 };

		feed(m, cases[i].data, &at, 0);
		check(&s, cases[i].want);
		multiline_flush(m);
		check(&s, cases[i].rest);
		multiline_flush(m);
		check(&s, "");
		str_free(&s.text);
		multiline_free(m);
	}
}

static void
an_event_is_the_same_however_its_lines_came(void **state)
{
	static const char text[] = "x\nA 1\n b\n c\nB\nC\n d\n e\n f\n g\nD\n";
	static const char want[] =
	    "1@0:x|2@2:A 1/ b/ c|5@12:B|6@14:C/ d/ e/ f|10@25: g|11@28:D|";
	size_t ends[16], lines = 0;

	(void)state;
	for (size_t i = 0; text[i] != '\0'; i++)
		if (text[i] == '\n')
			ends[lines++] = i + 1;
	/* Each way to cut it into blocks of whole lines. */
	for (unsigned cuts = 0; cuts < 1u << (lines - 1); cuts++) {
		struct multiline_options options = options_for('s');
		struct seen s = { 0 };
		struct multiline *m = multiline_new(&options, note, &s);
		struct block at = { .line = 1 };
		size_t from = 0;

		for (size_t k = 0; k < lines; k++) {
			char *copy;

			if (k + 1 < lines && (cuts & 1u << k) == 0)
				continue;
			copy = mem_copy(text + from, ends[k] - from);
			feed(m, (struct text){ copy, ends[k] - from }, &at, 0);
			free(copy);
			from = ends[k];
		}
		multiline_flush(m);
		check(&s, want);
		str_free(&s.text);
		multiline_free(m);
	}
}

static void
what_waits_is_whole_when_its_time_is_up(void **state)
{
	struct multiline_options options = options_for('s');
	struct seen s = { 0 };
	struct multiline *m = multiline_new(&options, note, &s);
	struct block at = { .line = 1 };
	int64_t offset = -1, line = -1;

	(void)state;
	assert_true(multiline_due(m) == INT64_MAX);
	assert_false(multiline_pending(m, &offset, &line));
	assert_null(multiline_waiting(m));
	feed(m, TEXT("A\n"), &at, 100);
	assert_int_equal(multiline_due(m), 100 + TIMEOUT_MS);
	assert_true(multiline_pending(m, &offset, &line));
	assert_int_equal(offset, 0);
	assert_int_equal(line, 1);
	/* Counted from its last line. */
	feed(m, TEXT(" b\n"), &at, 600);
	assert_int_equal(multiline_due(m), 600 + TIMEOUT_MS);
	multiline_tick(m, 600 + TIMEOUT_MS - 1);
	check(&s, "");
	multiline_tick(m, 600 + TIMEOUT_MS);
	check(&s, "1@0:A/ b|");
	assert_true(multiline_due(m) == INT64_MAX);
	assert_false(multiline_pending(m, &offset, &line));
	/* What comes late is an event by itself. */
	feed(m, TEXT(" c\nD\n"), &at, 5000);
	check(&s, "3@5: c|");
	assert_true(multiline_pending(m, &offset, &line));
	assert_int_equal(offset, 8);
	assert_int_equal(line, 4);
	multiline_flush(m);
	check(&s, "4@8:D|");
	str_free(&s.text);
	multiline_free(m);
}

static void
a_line_by_itself_never_waits(void **state)
{
	struct multiline_options options = options_for('-');
	struct seen s = { 0 };
	struct multiline *m = multiline_new(&options, note, &s);
	struct block at = { .line = 1 };

	(void)state;
	feed(m, TEXT("a\n b\n"), &at, 0);
	check(&s, "1@0:a|2@2: b|");
	assert_true(multiline_due(m) == INT64_MAX);
	assert_null(multiline_waiting(m));
	str_free(&s.text);
	multiline_free(m);
}

static void
an_event_has_the_time_of_its_first_line(void **state)
{
	struct multiline_options options = options_for('s');
	struct seen s = { 0 };
	struct multiline *m = multiline_new(&options, note, &s);
	struct block at = { .line = 1 };

	(void)state;
	feed(m, TEXT("A\n"), &at, 100);
	feed(m, TEXT(" b\n"), &at, 900);
	multiline_flush(m);
	assert_int_equal(s.last.wall_ms, 500100);
	str_free(&s.text);
	multiline_free(m);
}

static void
an_event_is_cut_at_max_bytes_between_characters(void **state)
{
	static const struct {
		const char *lines;
		size_t max;
		const char *want;
	} cases[] = {
		{ "A\nbcd\n", 5, "1@0:A/bcd|" },
		{ "A\nbcde\n", 5, "1@0:A/bcd~" },
		{ "Abcdefg\n", 5, "1@0:Abcde~" },
		{ "A\nbc\xc3\xa4\n", 6, "1@0:A/bc\xc3\xa4|" },
		{ "A\nbc\xc3\xa4\n", 5, "1@0:A/bc~" },
		{ "A\nb\xe4\xb8\x8a\n", 5, "1@0:A/b~" },
		{ "A\nb\xf0\x9f\x98\x80\n", 6, "1@0:A/b~" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct multiline_options options = options_for('s');
		struct seen s = { 0 };
		struct multiline *m;
		struct block at = { .line = 1 };

		options.max_bytes = cases[i].max;
		m = multiline_new(&options, note, &s);
		feed(m, text_of(cases[i].lines), &at, 0);
		multiline_flush(m);
		check(&s, cases[i].want);
		/* The next one is whole again. */
		feed(m, TEXT("B\nc\n"), &at, 0);
		multiline_flush(m);
		assert_false(s.last.truncated);
		str_free(&s.text);
		multiline_free(m);
	}
}

static void
the_memory_of_an_event_has_a_bound(void **state)
{
	struct multiline_options options = options_for('c');
	struct seen s = { 0 };
	struct multiline *m;
	struct block at = { .line = 1 };

	(void)state;
	options.max_lines = 1000;
	options.max_bytes = 100;
	m = multiline_new(&options, note, &s);
	feed(m, TEXT("a\n"), &at, 0);
	for (int i = 0; i < 999; i++)
		feed(m, TEXT(" 23456789 123456789\n"), &at, 0);
	feed(m, TEXT("b\n"), &at, 0);
	assert_true(s.last.truncated);
	assert_int_equal(s.last.line, 1);
	assert_true(s.text.len < 100 + 1000 + 10);
	str_free(&s.text);
	multiline_free(m);
}

static void
only_the_head_of_a_line_that_was_too_long_is_marked(void **state)
{
	static const char modes[] = { '-', 's' };

	(void)state;
	for (size_t i = 0; i < sizeof modes; i++) {
		struct multiline_options options = options_for(modes[i]);
		struct seen s = { 0 };
		struct multiline *m = multiline_new(&options, note, &s);
		struct block at = { .line = 1, .truncated = true };

		feed(m, TEXT("A\nBxxxx"), &at, 0);
		at.truncated = false;
		at.offset += 100; /* its rest was skipped */
		at.line++;
		feed(m, TEXT("C\n"), &at, 0);
		multiline_flush(m);
		check(&s, "1@0:A|2@2:Bxxxx~3@107:C|");
		str_free(&s.text);
		multiline_free(m);
	}
}

static void
colours_stay_where_the_source_keeps_them(void **state)
{
	struct multiline_options options = options_for('-');
	struct seen s = { 0 };
	struct multiline *m;
	struct block at = { .line = 1 };

	(void)state;
	options.strip = false;
	m = multiline_new(&options, note, &s);
	feed(m, TEXT("\x1b[31mred\x1b[0m\n"), &at, 0);
	check(&s, "1@0:\x1b[31mred\x1b[0m|");
	str_free(&s.text);
	multiline_free(m);
}

/* Where an event says that its neighbours are. */
struct around {
	char text[200];
};

static void
note_around(const struct event *e, void *ctx)
{
	struct around *a = ctx;
	size_t len = strlen(a->text);

	if (e->block == NULL)
		snprintf(a->text + len, sizeof a->text - len, "%.1s -- ",
		    e->text.data);
	else
		snprintf(a->text + len, sizeof a->text - len, "%.1s %zu-%zu ",
		    e->text.data, e->before, e->after);
}

static void
an_event_says_where_its_neighbours_are(void **state)
{
	struct multiline_options options = options_for('s');
	struct around around = { "" };
	struct multiline *m = multiline_new(&options, note_around, &around);
	struct block at = { .line = 1 };

	(void)state;
	feed(m, TEXT("A\n b\nC\nD\n"), &at, 0);
	assert_string_equal(around.text, "A 0-5 C 5-7 ");
	/* One that waits since the last block: before it is nothing here. */
	around.text[0] = '\0';
	assert_int_equal(multiline_waiting(m)->before, 7);
	assert_non_null(multiline_waiting(m)->block);
	feed(m, TEXT(" e\nF\n"), &at, 0);
	assert_string_equal(around.text, "D 0-3 ");
	multiline_flush(m);
	assert_string_equal(around.text, "D 0-3 F -- ");
	multiline_free(m);
}

static void
a_million_empty_lines_are_a_million_events(void **state)
{
	struct multiline_options options = options_for('-');
	struct seen s = { 0 };
	struct multiline *m = multiline_new(&options, note, &s);
	size_t size = 1000000;
	char *lines = mem_new(size, 1);
	struct block at = { .line = 1 };

	(void)state;
	memset(lines, '\n', size);
	feed(m, (struct text){ lines, size }, &at, 0);
	assert_int_equal(s.last.line, size);
	assert_int_equal(s.last.offset, size - 1);
	assert_int_equal(s.last.text.len, 0);
	free(lines);
	str_free(&s.text);
	multiline_free(m);
	multiline_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    each_mode_joins_the_lines_that_belong_together),
		cmocka_unit_test(an_event_is_the_same_however_its_lines_came),
		cmocka_unit_test(what_waits_is_whole_when_its_time_is_up),
		cmocka_unit_test(a_line_by_itself_never_waits),
		cmocka_unit_test(an_event_has_the_time_of_its_first_line),
		cmocka_unit_test(
		    an_event_is_cut_at_max_bytes_between_characters),
		cmocka_unit_test(the_memory_of_an_event_has_a_bound),
		cmocka_unit_test(
		    only_the_head_of_a_line_that_was_too_long_is_marked),
		cmocka_unit_test(colours_stay_where_the_source_keeps_them),
		cmocka_unit_test(an_event_says_where_its_neighbours_are),
		cmocka_unit_test(a_million_empty_lines_are_a_million_events),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
