/* SPDX-License-Identifier: MIT */
/*
 * YAML as people and strangers write it, and the values in it.
 */
#include "conf/node.h"

#include "base/mem.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
	struct diag *diag;
	struct doc *doc;
	const struct node *root;
};

static struct fixture
parse(struct text yaml)
{
	struct fixture f = { .diag = diag_new() };

	f.doc = doc_parse("f", yaml, f.diag);
	assert_non_null(f.doc);
	f.root = doc_root(f.doc);
	return f;
}

static void
done(struct fixture *f)
{
	doc_free(f->doc);
	diag_free(f->diag);
}

/* The faults as "LINE:COLUMN text|" each, without what is quoted. */
static char *
faults(const struct diag *d)
{
	char *text = NULL, *save = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	struct str all = { 0 };

	diag_print(d, out, false);
	assert_int_equal(fclose(out), 0);
	for (char *line = strtok_r(text, "\n", &save); line != NULL;
	     line = strtok_r(NULL, "\n", &save)) {
		char *error = strstr(line, ": error: ");

		if (strncmp(line, "f:", 2) != 0)
			continue;
		assert_non_null(error);
		if (error > line + 1)
			str_add(&all, line + 2, (size_t)(error - line - 2));
		str_printf(&all, " %s|", error + strlen(": error: "));
	}
	free(text);
	return str_take(&all);
}

static void
expect_faults(const struct fixture *f, const char *expected)
{
	char *found = faults(f->diag);

	assert_string_equal(found, expected);
	free(found);
}

#define INDENTED " (look at the indentation and the quotes); "
#define COLON                                                                  \
	"':' cannot stand here (quote text that holds ': ', and look at the "  \
	"indentation)|"
#define PATTERN "(a pattern is best written in single quotes"

/* What libyaml refuses: one fault, and nothing to read. */
static const struct {
	struct text yaml;
	const char *fault;
} broken[] = {
	{ TEXT("rules:\n  - match: 'abc\n"),
	    "2:12 the quote is never closed|" },
	{ TEXT("a: \"abc\nb: 2\n"), "1:4 the quote is never closed|" },
	{ TEXT("a: 'x\n---\nb: 1\n"),
	    "1:4 the quote is not closed before the document ends|" },
	{ TEXT("match: \"\\d+\"\n"),
	    "1:9 '\\d' is no escape in double quotes " PATTERN ": '\\d+')|" },
	{ TEXT("- \"it's \\\"\\w\\\" \\\\s\"\n"),
	    "1:11 '\\w' is no escape in double quotes " PATTERN
	    ": 'it''s \"\\w\" \\s')|" },
	{ TEXT("m: \"\\d\n  x\"\n"),
	    "1:5 '\\d' is no escape in double quotes " PATTERN ")|" },
	{ TEXT("m: \"a\\xZZ\"\n"),
	    "1:6 '\\x' is no escape in double quotes " PATTERN ": 'a\\xZZ')|" },
	{ TEXT("m: \"\\\xc3\xa9\"\n"),
	    "1:5 '\\\xc3\xa9' is no escape in double quotes " PATTERN
	    ": '\\\xc3\xa9')|" },
	{ TEXT("m: \"\\uD800\"\n"), "1:7 there is no such character|" },
	{ TEXT("a:\n\tb: 1\n"), "2:1 a tab cannot indent (use blanks)|" },
	{ TEXT("a:\n  b: 1\n\tc: 2\n"),
	    "3:1 a tab cannot indent (use blanks)|" },
	{ TEXT("a: |\n\tb\n"), "2:1 a tab cannot indent (use blanks)|" },
	{ TEXT("summary: foo: bar\n"), "1:13 " COLON },
	{ TEXT("version: 1\n rules: 2\n"), "2:7 " COLON },
	{ TEXT("version: 1\nrules\nactions: {}\n"),
	    "2:1 expected ':' and a value behind this key|" },
	{ TEXT("a: [1, 2\nb: 3\n"),
	    "2:2 expected ',' or ']'; the list begins on line 1|" },
	{ TEXT("x: 1\na: {b: 1\nc: 3\n"),
	    "3:2 expected ',' or '}'; the map begins on line 2|" },
	{ TEXT("a: {b: 1]\n"),
	    "1:9 expected ',' or '}'; the map begins on line 1|" },
	{ TEXT("x: 1\na:\n    b: 1\n  c: 2\n"),
	    "4:3 expected a key" INDENTED "the map begins on line 1|" },
	{ TEXT("a:\n  - b\n  c: 2\n"),
	    "3:3 expected '- '" INDENTED "the list begins on line 2|" },
	{ TEXT("match: 'it's'\n"),
	    "1:12 expected a key" INDENTED "the map begins on line 1|" },
	{ TEXT("s: '\xe4\xb8\x8a\xe5\x8d\x88' foo\n"),
	    "1:9 expected a key" INDENTED "the map begins on line 1|" },
	{ TEXT("a: 1\r\nb:\r\n  - c\r\n d: 1\r\n"),
	    "4:2 expected a key" INDENTED "the map begins on line 1|" },
	{ TEXT("path: *.log\n"), "1:7 text cannot begin with '*' (quote it)|" },
	{ TEXT("path: *foo.log\n"),
	    "1:7 text cannot begin with '*' (quote it)|" },
	{ TEXT("a: & b\n"), "1:4 text cannot begin with '&' (quote it)|" },
	{ TEXT("channel: @ops\n"),
	    "1:10 text cannot begin with '@' (quote it)|" },
	{ TEXT("a: `date`\n"), "1:4 text cannot begin with '`' (quote it)|" },
	{ TEXT("a: %s\n"), "1:4 text cannot begin with '%' (quote it)|" },
	{ TEXT("%s: 1\n"), "1:1 text cannot begin with '%' (quote it)|" },
	{ TEXT("a: !foo!bar x\n"),
	    "1:4 text cannot begin with '!' (quote it)|" },
	{ TEXT("a: [x, |]\n"), "1:8 text cannot begin with '|' (quote it)|" },
	{ TEXT("ms: >= 500\n"), "1:6 a block begins on the line below '|' or "
				"'>' (quote text that begins with them)|" },
	{ TEXT("a: - b\n"), "1:4 '- ' cannot begin a list here (put it on a "
			    "line of its own)|" },
	{ TEXT("a: ? b\n"), "1:4 '? ' cannot stand here (quote text that "
			    "begins with it)|" },
	{ TEXT("a: [,]\n"), "1:5 expected a value|" },
	{ TEXT("%YAML 1.2\na: 1\n"),
	    "2:1 expected '---' behind the directives|" },
	{ TEXT("%YAML 2.0\n---\na: 1\n"),
	    "1:1 only YAML 1.1 and 1.2 are known|" },
	/* what we refuse ourselves */
	{ TEXT("%TAG ! foo\n---\na: 1\n"), "1:1 %TAG is not supported|" },
	{ TEXT("a: 1\n---\nb: 2\n"),
	    "2:1 a second document begins here (a file holds one)|" },
	{ TEXT("a: 1\n... # end\n\nb: 2\n"),
	    "4:1 a second document begins here (a file holds one)|" },
	{ TEXT("{a: 1}\nfoo\n"),
	    "2:1 expected nothing more (look at the indentation)|" },
	{ TEXT("a: x\0y\n"),
	    "1:5 a NUL byte (save the file as text in UTF-8)|" },
	{ TEXT("b: 1\na: caf\xe9\n"),
	    "2:7 the byte 0xE9 is no UTF-8 (save the file as UTF-8)|" },
	{ TEXT("\xff\xfe"
	       "a\0:\0"),
	    "1:1 the file is UTF-16 (save it as UTF-8)|" },
	{ TEXT("a: \x1b[31m\n"),
	    "1:4 the character U+001B cannot stand in YAML "
	    "(in a pattern write \\x{1b})|" },
	{ TEXT("\xef\xbb\xbf"
	       "a: b: 1\n"),
	    "1:5 " COLON },
	{ TEXT(""), "1:1 the file holds nothing|" },
	{ TEXT("\n# only\n\n# comments"), "1:1 the file holds nothing|" },
	{ TEXT("---\n"), "1:1 the file holds nothing|" },
	{ TEXT("a: &a [*a]\n"),
	    "1:8 the alias '*a' stands inside what it stands for|" },
	{ TEXT("a: &a\n  b: {c: *a}\n"),
	    "2:10 the alias '*a' stands inside what it stands for|" },
};

static void
what_is_no_yaml_is_one_fault_at_its_place(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
		struct fixture f = parse(broken[i].yaml);

		expect_faults(&f, broken[i].fault);
		assert_int_equal(diag_errors(f.diag), 1);
		assert_null(f.root);
		done(&f);
	}
}

/* What can be read on, so that all faults are told. */
static void
faults_of_the_tree_do_not_hide_each_other(void **state)
{
	struct fixture f = parse(TEXT("a: 1\n"
				      "b: &b {x: 1}\n"
				      "a: 2\n"
				      "c:\n"
				      "  <<: *b\n"
				      "  '<<': text\n"
				      "  ? [k]\n"
				      "  : 1\n"
				      "  '': 2\n"
				      "  \"a\\0b\": 3\n"
				      "d: !!binary eA==\n"
				      "e: &x !!python/name:os.system y\n"
				      "f: !!map [z]\n"
				      "g: *nowhere\n"
				      "\"a\": 3\n"));

	(void)state;
	expect_faults(&f,
	    "3:1 key 'a' is there twice (first on line 1)|"
	    "5:3 '<<' (merge) is not supported: write the keys out|"
	    "7:5 a key must be text, not a list|"
	    "9:3 a key cannot be empty|"
	    "10:3 a key cannot hold NUL|"
	    "11:4 the tag '!!binary' is not supported (leave it out)|"
	    "12:4 the tag '!!python/name:os.system' is not supported (leave "
	    "it out)|"
	    "13:4 the tag '!!map' is not supported (leave it out)|"
	    "14:4 no anchor '&nowhere' above (quote text that begins with "
	    "'*')|"
	    "15:1 key 'a' is there twice (first on line 1)|");
	assert_int_equal(node_count(f.root), 7);
	assert_string_equal(node_key_name(f.root, 6), "g");
	assert_int_equal(node_count(node_get(f.root, "c")), 1);
	done(&f);
}

static void
what_is_a_fault_already_is_not_told_again(void **state)
{
	static const struct key keys[] = { { .name = "x" }, { 0 } };
	struct fixture f = parse(TEXT("g: *nowhere\n"));
	const struct node *g = node_get(f.root, "g");
	const char *text;
	char **texts;
	size_t count;

	(void)state;
	assert_false(node_text(g, &text));
	assert_false(node_texts(g, true, &texts, &count));
	assert_false(node_keys(g, keys, NULL, "g"));
	node_error(g, "more");
	node_error_at(g, 3, "more");
	assert_int_equal(diag_errors(f.diag), 1);
	done(&f);
}

static void
a_tree_knows_its_places(void **state)
{
	struct fixture f = parse(TEXT("# comment\n"
				      "version: 1\n"
				      "rules:\n"
				      "  - id: a\n"
				      "    key: [x, \"y\"]\n"
				      "  - &n !!str   text\n"
				      "none:\n"
				      "deep: &m\n"
				      "  k: v\n"));
	static const struct {
		const char *path; /* keys and item numbers */
		enum node_kind kind;
		const char *kind_name;
		unsigned line, column;
	} nodes[] = {
		{ "", NODE_MAP, "a map", 2, 1 },
		{ "version", NODE_SCALAR, "text", 2, 10 },
		{ "rules", NODE_LIST, "a list", 4, 3 },
		{ "rules 0", NODE_MAP, "a map", 4, 5 },
		{ "rules 0 key", NODE_LIST, "a list", 5, 10 },
		{ "rules 0 key 1", NODE_SCALAR, "text", 5, 14 },
		{ "rules 1", NODE_SCALAR, "text", 6, 16 },
		{ "none", NODE_SCALAR, "nothing", 7, 6 },
		{ "deep", NODE_MAP, "a map", 9, 3 },
	};

	(void)state;
	assert_int_equal(diag_errors(f.diag), 0);
	for (size_t i = 0; i < sizeof nodes / sizeof *nodes; i++) {
		const struct node *n = f.root;
		char path[64], *save = NULL;

		snprintf(path, sizeof path, "%s", nodes[i].path);
		for (char *step = strtok_r(path, " ", &save); step != NULL;
		     step = strtok_r(NULL, " ", &save))
			n = node_kind(n) == NODE_MAP
			        ? node_get(n, step)
			        : node_at(n, strtoul(step, NULL, 10));
		assert_non_null(n);
		assert_int_equal(node_kind(n), nodes[i].kind);
		assert_string_equal(node_kind_name(n), nodes[i].kind_name);
		assert_string_equal(node_place(n).file, "f");
		assert_int_equal(node_place(n).line, nodes[i].line);
		assert_int_equal(node_place(n).column, nodes[i].column);
	}
	assert_int_equal(node_place(node_key(f.root, 1)).line, 3);
	assert_null(node_get(f.root, "nothing"));
	assert_null(node_get(node_get(f.root, "version"), "x"));
	assert_int_equal(node_count(node_get(f.root, "version")), 0);
	done(&f);
}

static void
ordinary_yaml_of_all_sorts_is_read(void **state)
{
	static const struct text fine[] = {
		TEXT("a: 1"),
		TEXT("\xef\xbb\xbf"
		     "a: 1\r\nb: 2\r\n"),
		TEXT("%YAML 1.2\n--- # start\na: 1\n...\n# end\n...\n"),
		TEXT("{a: {b: [c, 'd', \"e\\n\"]}, url: http://x/y?z=1}"),
		TEXT("a: !!str 5\nb: ! x\nc: !!map {}\nd: !!seq []\n"),
		TEXT("a: 1\rb: 2\r"),
		TEXT("a: 'x\xe2\x80\xa8y\xc2\x85z'\n"),
		TEXT("a: |-\n  x\n\n    y\nb: >+\n  folded\n  text\n\n"),
		TEXT("a: &x [1]\nb: &x [2]\nc: *x\nd: {? e, f: }\n"),
		TEXT("- - - a\n    - b\n"),
	};

	(void)state;
	for (size_t i = 0; i < sizeof fine / sizeof *fine; i++) {
		struct fixture f = parse(fine[i]);

		expect_faults(&f, "");
		assert_non_null(f.root);
		done(&f);
	}
}

static void
an_alias_is_what_it_stands_for_under_its_own_key(void **state)
{
	struct fixture f = parse(TEXT("a: &x [5, &y 6]\n"
				      "b: *x\n"
				      "timeout: *y\n"
				      "a2: &x {k: v}\n"
				      "c: *x\n"));
	int64_t ms;

	(void)state;
	assert_int_equal(node_count(node_get(f.root, "b")), 2);
	assert_int_equal(node_kind(node_get(f.root, "c")), NODE_MAP);
	assert_false(node_duration(node_get(f.root, "timeout"), 0, &ms));
	expect_faults(&f,
	    "1:14 'timeout': expected a duration such as 500ms, 10s or "
	    "1h30m, not '6' (a number needs a unit)|");
	done(&f);
}

static void
add_times(struct str *s, const char *text, size_t count)
{
	for (size_t i = 0; i < count; i++)
		str_puts(s, text);
}

static void
levels_are_counted_through_aliases_up_to_64(void **state)
{
	static const struct {
		size_t inner, outer; /* levels in the anchor, around it */
		bool fine;
	} cases[] = { { 0, 63, true }, { 0, 64, false }, { 40, 23, true },
		{ 40, 24, false } };

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct str yaml = { 0 };
		struct fixture f;

		str_puts(&yaml, "a: &a ");
		add_times(&yaml, "[", cases[i].inner);
		add_times(&yaml, "]", cases[i].inner);
		str_puts(&yaml, "\nb: ");
		add_times(&yaml, "[", cases[i].outer);
		str_puts(&yaml, "*a");
		add_times(&yaml, "]", cases[i].outer);
		f = parse(str_text(&yaml));
		assert_int_equal(f.root != NULL, cases[i].fine);
		assert_int_equal(diag_errors(f.diag), !cases[i].fine);
		done(&f);
		str_free(&yaml);
	}
}

/* Texts that cost libyaml or a naive reader a time that grows by squares. */
static void
hostile_input_is_refused_at_once(void **state)
{
	static const struct {
		const char *head, *repeat;
		size_t count;
		const char *fault; /* ends so */
	} cases[] = {
		{ "a: ", "[", 100000, "more than 64 levels|" },
		{ "a: ", "[\n", 100000, "more than 64 levels|" },
		{ "a: ", "{a: ", 100000, "more than 64 levels|" },
		{ "", "- ", 300000, "more than 64 levels|" },
		{ "", "? ", 300000, "more than 64 levels|" },
		{ "[", "? [", 100000, "more than 64 levels|" },
		{ "[", "a,", 400000,
		    "more than 100,000 nodes (an alias counts as what it "
		    "stands for)|" },
		{ "", "%TAG !a! x\n", 80000, "%TAG is not supported|" },
		{ "a: 1\n...\n", "%TAG !a! x\n", 80000,
		    "a second document begins here (a file holds one)|" },
		{ "", ":", 1000000, NULL },
		{ "", "%foo\n", 200000, NULL },
		{ "", "!", 1000000, NULL },
		{ "", "*a ", 300000, NULL },
		{ "[", ",", 1000000, "expected a value|" },
		{ "a: '", "x", 1048576, "the file is larger than 1 MiB|" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct str yaml = { 0 };
		clock_t start = clock();
		struct fixture f;
		char *found;

		str_puts(&yaml, cases[i].head);
		add_times(&yaml, cases[i].repeat, cases[i].count);
		f = parse(str_text(&yaml));
		found = faults(f.diag);
		assert_null(f.root);
		assert_in_range(diag_errors(f.diag), 1, 2);
		if (cases[i].fault != NULL)
			assert_string_equal(
			    strchr(found, ' ') + 1, cases[i].fault);
		/* Squares take minutes under sanitizers; this takes 0.2 s. */
		assert_true(clock() - start < 5 * CLOCKS_PER_SEC);
		free(found);
		done(&f);
		str_free(&yaml);
	}
}

static void
aliases_cannot_make_a_file_large(void **state)
{
	struct str laughs = { 0 }, texts = { 0 };
	struct fixture f;

	(void)state;
	str_puts(&laughs, "a: &a [x,x,x,x,x,x,x,x,x]\n");
	for (int c = 'b'; c < 'k'; c++) {
		str_printf(&laughs, "%c: &%c [", c, c);
		for (int i = 0; i < 9; i++)
			str_printf(&laughs, "*%c,", c - 1);
		str_puts(&laughs, "]\n");
	}
	f = parse(str_text(&laughs));
	expect_faults(&f, "6:8 more than 100,000 nodes (an alias counts as "
			  "what it stands for)|");
	assert_null(f.root);
	done(&f);
	str_puts(&texts, "a: &a '");
	add_times(&texts, "x", 500000);
	str_puts(&texts, "'\nb: [");
	add_times(&texts, "*a,", 40);
	str_puts(&texts, "]\n");
	f = parse(str_text(&texts));
	expect_faults(&f, "2:101 more than 16 MiB of text (an alias counts as "
			  "what it stands for)|");
	done(&f);
	str_free(&laughs);
	str_free(&texts);
}

static void
many_anchors_and_keys_are_read_in_good_time(void **state)
{
	struct str yaml = { 0 };
	clock_t start = clock();
	struct fixture f;

	(void)state;
	str_puts(&yaml, "a: [");
	for (int i = 0; i < 30000; i++)
		str_printf(&yaml, "&a%d x,", i);
	str_puts(&yaml, "]\nb: [");
	for (int i = 0; i < 30000; i++)
		str_printf(&yaml, "*a%d,", i);
	str_puts(&yaml, "]\n");
	for (int i = 0; i < 15000; i++)
		str_printf(&yaml, "k%d: 1\n", i);
	f = parse(str_text(&yaml));
	expect_faults(&f, "");
	assert_int_equal(node_count(f.root), 15002);
	assert_true(clock() - start < 5 * CLOCKS_PER_SEC);
	done(&f);
	str_free(&yaml);
}

/* The place of each byte of a scalar's text. */
static void
a_fault_inside_text_stands_under_its_character(void **state)
{
	static const struct {
		struct text yaml;
		size_t offset;
		unsigned line, column;
	} cases[] = {
		{ TEXT("    match: 'heap (out of memory'"), 19, 1, 32 },
		{ TEXT("m: abc"), 0, 1, 4 },
		{ TEXT("m: abc"), 2, 1, 6 },
		{ TEXT("m: abc"), 3, 1, 7 },
		{ TEXT("m: abc"), 99, 1, 7 },
		{ TEXT("m: ab\n   cd"), 3, 2, 4 },
		{ TEXT("m: ab\n\n   cd"), 3, 3, 4 },
		{ TEXT("m: \xc3\xa9z"), 2, 1, 5 },
		{ TEXT("m: 'a''b(c'"), 1, 1, 6 },
		{ TEXT("m: 'a''b(c'"), 2, 1, 8 },
		{ TEXT("m: 'a''b(c'"), 5, 1, 11 },
		{ TEXT("m: 'a\n  b'"), 2, 2, 3 },
		{ TEXT("m: \"a\\tb\""), 1, 1, 6 },
		{ TEXT("m: \"a\\tb\""), 2, 1, 8 },
		{ TEXT("m: \"\\x41\\u00e9\\U0001F600b\""), 7, 1, 25 },
		{ TEXT("m: \"\\x41\\u00e9b\""), 2, 1, 9 },
		{ TEXT("m: \"a\\\n   b\""), 1, 2, 4 },
		{ TEXT("m: &x !!str 'a(b'"), 1, 1, 15 },
		{ TEXT("m: |-\n  a(b\n  c)d\n"), 0, 2, 3 },
		{ TEXT("m: |-\n  a(b\n  c)d\n"), 1, 2, 4 },
		{ TEXT("m: |-\n  a(b\n  c)d\n"), 5, 3, 4 },
		{ TEXT("m: |-\n  a(b\n  c)d\n"), 7, 3, 6 },
		{ TEXT("m: |\n  a\n\n    b\n"), 5, 4, 5 },
		{ TEXT("m: |2-\n    a\n  b\n"), 2, 2, 5 },
		{ TEXT("m: |2-\n    a\n  b\n"), 4, 3, 3 },
		{ TEXT("m: | # why\r\n  ab\r\n  cd\r\n"), 3, 3, 3 },
		{ TEXT("m: >-\n  ab\n  cd\n"), 3, 3, 3 },
		{ TEXT("m: >-\n  ab\n\n  cd\n"), 4, 4, 4 },
		{ TEXT("m: [x]"), 5, 1, 4 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct fixture f = parse(cases[i].yaml);
		char expected[64];

		node_error_at(node_get(f.root, node_key_name(f.root, 0)),
		    cases[i].offset, "case %zu", i);
		snprintf(expected, sizeof expected, "%u:%u case %zu|",
		    cases[i].line, cases[i].column, i);
		expect_faults(&f, expected);
		done(&f);
	}
}

static void
keys_that_are_not_known_are_faults_with_a_suggestion(void **state)
{
	static const struct key keys[] = { { .name = "match" },
		{ .name = "threshold" }, { .name = "within" },
		{ .name = "absent", .later = true }, { .name = "id" }, { 0 } };
	static const struct synonym synonyms[] = { { "regex", "match" },
		{ "window", "within" }, { "name", "id" }, { NULL, NULL } };
	struct fixture f = parse(TEXT("match: x\n"
				      "treshold: 1\n"
				      "Regex: 2\n"
				      "regexp: 3\n"
				      "absent: 4\n"
				      "absnt: 5\n"
				      "colour: 6\n"
				      "list: [a]\n"
				      "void:\n"));

	(void)state;
	assert_true(node_keys(f.root, keys, synonyms, "rule 'oom'"));
	assert_false(
	    node_keys(node_get(f.root, "list"), keys, synonyms, "rule 'oom'"));
	assert_false(
	    node_keys(node_get(f.root, "void"), keys, NULL, "rule 'oom'"));
	assert_false(
	    node_keys(node_get(f.root, "match"), keys, NULL, "source"));
	expect_faults(&f,
	    "1:8 source: expected a map, not text|"
	    "2:1 rule 'oom': unknown key 'treshold' (did you mean "
	    "'threshold'?)|"
	    "3:1 rule 'oom': unknown key 'Regex' (did you mean 'match'?)|"
	    "4:1 rule 'oom': unknown key 'regexp' (did you mean 'match'?)|"
	    "5:1 rule 'oom': 'absent' is not supported yet|"
	    "6:1 rule 'oom': unknown key 'absnt' (did you mean 'absent'?)|"
	    "7:1 rule 'oom': unknown key 'colour'|"
	    "8:1 rule 'oom': unknown key 'list'|"
	    "8:7 rule 'oom': expected a map, not a list|"
	    "9:1 rule 'oom': unknown key 'void'|"
	    "9:6 rule 'oom': expected a map, not nothing|");
	done(&f);
}

/* One value 'v', read as text. */
static void
expect_text(const char *yaml, const char *expected)
{
	struct str all = { 0 };
	struct fixture f;
	const char *text = NULL;

	str_printf(&all, "v: %s\n", yaml);
	f = parse(str_text(&all));
	assert_non_null(f.root);
	if (!node_text(node_get(f.root, "v"), &text)) {
		char *found = faults(f.diag);

		assert_string_equal(found, expected);
		free(found);
	} else {
		assert_string_equal(text, expected);
		assert_int_equal(diag_errors(f.diag), 0);
	}
	done(&f);
	str_free(&all);
}

static void
variables_are_replaced_in_text(void **state)
{
	static const struct {
		const char *yaml, *text;
	} cases[] = {
		{ "plain", "plain" },
		{ "''", "" },
		{ "${LW_SET}", "val ue" },
		{ "a${LW_SET}b${LW_SET}", "aval uebval ue" },
		{ "${LW_SET:-other}", "val ue" },
		{ "'${LW_UNSET:-other}'", "other" },
		{ "'${LW_UNSET:-}'", "" },
		{ "'${LW_UNSET:-a: $b ${c\"}'", "a: $b ${c\"" },
		{ "'[${LW_EMPTY}]'", "[]" },
		{ "${LW_EMPTY:-other}", "other" },
		{ "'${LW_SET:?must be set}'", "val ue" },
		/* never expanded, parsed or split again */
		{ "${LW_NESTED}", "${LW_SET}: [x]\n# $$" },
		{ "a$$b", "a$b" },
		{ "$${LW_SET}", "${LW_SET}" },
		{ "$$$${LW_SET}", "$${LW_SET}" },
		{ "$$$$$", "$$$" },
		{ "a$b $ $1 $", "a$b $ $1 $" },
		{ "$LW_SET", "$LW_SET" },
	};

	(void)state;
	setenv("LW_SET", "val ue", 1);
	setenv("LW_EMPTY", "", 1);
	setenv("LW_NESTED", "${LW_SET}: [x]\n# $$", 1);
	unsetenv("LW_UNSET");
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		expect_text(cases[i].yaml, cases[i].text);
}

#define FORMS                                                                  \
	"expected ${NAME}, ${NAME:-default} or ${NAME:?message} (for a '$' "   \
	"of its own write $$)|"

static void
variables_that_cannot_be_replaced_are_faults_at_their_place(void **state)
{
	static const struct {
		const char *yaml, *fault;
	} cases[] = {
		{ "a${LW_UNSET}",
		    "1:5 'v': the variable LW_UNSET is not set (set it, or "
		    "give a default: ${LW_UNSET:-...})|" },
		{ "'ab ${LW_UNSET:?ask ops for it}'",
		    "1:8 'v': ask ops for it (the variable LW_UNSET is not "
		    "set)|" },
		{ "'${LW_EMPTY:?ask}'",
		    "1:5 'v': ask (the variable LW_EMPTY is not set)|" },
		{ "'${LW_UNSET:?}'",
		    "1:5 'v': the variable LW_UNSET is not set (set it, or "
		    "give a default: ${LW_UNSET:-...})|" },
		{ "'it''s ${LW_SET'",
		    "1:11 'v': '${' without '}' (for a '$' of its own write "
		    "$$)|" },
		{ "'${}'", "1:7 'v': " FORMS },
		{ "'${1A}'", "1:7 'v': " FORMS },
		{ "'${A-b}'", "1:8 'v': " FORMS },
		{ "'${A:b}'", "1:8 'v': " FORMS },
		{ "'${A b}'", "1:8 'v': " FORMS },
		{ "${LW_LATIN}",
		    "1:4 'v': the variable LW_LATIN is no UTF-8|" },
		{ "\"a\\0b\"", "1:6 'v': text cannot hold NUL|" },
		{ "", "1:3 'v': expected text, not nothing|" },
		{ "~", "1:4 'v': expected text, not nothing|" },
		{ "null", "1:4 'v': expected text, not nothing|" },
		{ "[a]", "1:4 'v': expected text, not a list|" },
		{ "{a: b}", "1:4 'v': expected text, not a map|" },
	};

	(void)state;
	setenv("LW_SET", "x", 1);
	setenv("LW_EMPTY", "", 1);
	setenv("LW_LATIN", "caf\xe9", 1);
	unsetenv("LW_UNSET");
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		expect_text(cases[i].yaml, cases[i].fault);
}

static void
all_variables_of_a_text_that_are_not_set_are_told(void **state)
{
	struct fixture f = parse(TEXT("v: ${LW_ONE} ${LW_TWO:?two}\n"));
	const char *text;

	(void)state;
	unsetenv("LW_ONE");
	unsetenv("LW_TWO");
	assert_false(node_text(node_get(f.root, "v"), &text));
	assert_int_equal(diag_errors(f.diag), 2);
	done(&f);
}

static void
a_pattern_is_taken_as_it_is_written(void **state)
{
	struct fixture f = parse(TEXT("a: '^\\d+${1}$$ # x'\n"
				      "b: \"x\\0y\"\n"
				      "c: |-\n"
				      "  one\n"
				      "  two\n"
				      "d: plain # cut\n"
				      "e: 'quoted' # not cut\n"
				      "f: plain#not cut\n"
				      "g: [a]\n"));
	struct text raw;

	(void)state;
	assert_true(node_raw(node_get(f.root, "a"), &raw));
	assert_true(text_is(raw, "^\\d+${1}$$ # x"));
	assert_true(node_raw(node_get(f.root, "b"), &raw));
	assert_true(text_equal(raw, TEXT("x\0y")));
	assert_true(node_raw(node_get(f.root, "c"), &raw));
	assert_true(text_is(raw, "one\ntwo"));
	assert_false(node_is_plain(node_get(f.root, "c")));
	assert_true(node_is_plain(node_get(f.root, "d")));
	assert_true(node_is_cut(node_get(f.root, "d")));
	assert_false(node_is_plain(node_get(f.root, "e")));
	assert_false(node_is_cut(node_get(f.root, "e")));
	assert_true(node_is_plain(node_get(f.root, "f")));
	assert_false(node_is_cut(node_get(f.root, "f")));
	assert_false(node_is_plain(node_get(f.root, "g")));
	assert_false(node_raw(node_get(f.root, "g"), &raw));
	expect_faults(&f, "9:4 'g': expected text, not a list|");
	done(&f);
}

enum reader { BOOL, INT, DURATION, SIZE, WORD };

static bool
read_value(enum reader reader, const struct node *n, int64_t *out)
{
	static const char *const words[] = { "info", "warning", "error",
		"critical", NULL };
	bool flag = false, good = false;
	size_t word = 0;

	switch (reader) {
	case BOOL:
		good = node_bool(n, &flag);
		*out = good ? flag : *out;
		return good;
	case INT:
		return node_int(n, 1, 100, out);
	case DURATION:
		return node_duration(n, 1000, out);
	case SIZE:
		return node_size(n, 1024, INT64_C(2) << 30, out);
	case WORD:
		good = node_word(n, words, &word);
		*out = good ? (int64_t)word : *out;
		return good;
	}
	return false;
}

static void
values_are_read(void **state)
{
	static const struct {
		enum reader reader;
		const char *yaml;
		int64_t value;
	} cases[] = {
		{ BOOL, "true", 1 },
		{ BOOL, "'false'", 0 },
		{ INT, "1", 1 },
		{ INT, "100", 100 },
		{ INT, "'42'", 42 },
		{ INT, "${LW_NUMBER}", 7 },
		{ DURATION, "1s", 1000 },
		{ DURATION, "1h30m", 5400000 },
		{ SIZE, "1KiB", 1024 },
		{ SIZE, "2000B", 2000 },
		{ SIZE, "64kB", 64000 },
		{ SIZE, "3MB", 3000000 },
		{ SIZE, "1MiB", 1048576 },
		{ SIZE, "1GB", 1000000000 },
		{ SIZE, "2GiB", INT64_C(2) << 30 },
		{ WORD, "info", 0 },
		{ WORD, "'critical'", 3 },
	};

	(void)state;
	setenv("LW_NUMBER", "7", 1);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct str yaml = { 0 };
		int64_t value = -1;
		struct fixture f;

		str_printf(&yaml, "v: %s\n", cases[i].yaml);
		f = parse(str_text(&yaml));
		assert_true(
		    read_value(cases[i].reader, node_get(f.root, "v"), &value));
		assert_int_equal(value, cases[i].value);
		assert_int_equal(diag_errors(f.diag), 0);
		done(&f);
		str_free(&yaml);
	}
}

#define INT_WANTED "expected a whole number from 1 to 100, not "
#define DURATION_WANTED "expected a duration such as 500ms, 10s or 1h30m, not "
#define SIZE_WANTED "expected a size such as 64KiB or 1MiB, not "
#define WORD_WANTED "expected info, warning, error or critical, not "

static void
a_wrong_value_says_what_was_expected(void **state)
{
	static const struct {
		enum reader reader;
		const char *yaml, *fault;
	} cases[] = {
		{ BOOL, "yes",
		    "expected true or false, not 'yes' (write true)" },
		{ BOOL, "Off",
		    "expected true or false, not 'Off' (write false)" },
		{ BOOL, "TRUE",
		    "expected true or false, not 'TRUE' (write true)" },
		{ BOOL, "0", "expected true or false, not '0' (write false)" },
		{ BOOL, "maybe", "expected true or false, not 'maybe'" },
		{ BOOL, "", "expected true or false, not nothing" },
		{ BOOL, "[true]", "expected true or false, not a list" },
		{ INT, "0", INT_WANTED "'0'" },
		{ INT, "101", INT_WANTED "'101'" },
		{ INT, "-5", INT_WANTED "'-5'" },
		{ INT, "012", INT_WANTED "'012' (without leading zeros)" },
		{ INT, "0777", INT_WANTED "'0777' (without leading zeros)" },
		{ INT, "1e1", INT_WANTED "'1e1'" },
		{ INT, "1_0", INT_WANTED "'1_0'" },
		{ INT, "0x10", INT_WANTED "'0x10'" },
		{ INT, "12:30:45", INT_WANTED "'12:30:45'" },
		{ INT, "5.0", INT_WANTED "'5.0'" },
		{ INT, "' 5'", INT_WANTED "' 5'" },
		{ INT, "+5", INT_WANTED "'+5'" },
		{ INT, "99999999999999999999",
		    INT_WANTED "'99999999999999999999'" },
		{ INT, "''", INT_WANTED "''" },
		{ INT, "~", INT_WANTED "nothing" },
		{ INT, "${LW_SECRET}",
		    INT_WANTED "the value of '${LW_SECRET}'" },
		{ DURATION, "10",
		    DURATION_WANTED "'10' (a number needs a unit)" },
		{ DURATION, "5 min",
		    DURATION_WANTED "'5 min' (no blanks in a duration)" },
		{ DURATION, "-1s",
		    DURATION_WANTED "'-1s' (it cannot be negative)" },
		{ DURATION, "1000000000000000000s",
		    DURATION_WANTED
		    "'1000000000000000000s' (at most 100 years)" },
		{ DURATION, "999ms",
		    "expected a duration of at least 1s, not '999ms'" },
		{ DURATION, "{}", DURATION_WANTED "a map" },
		{ SIZE, "64", SIZE_WANTED "'64' (a number needs a unit)" },
		{ SIZE, "1.5MiB", SIZE_WANTED "'1.5MiB' (only whole numbers)" },
		{ SIZE, "-1B", SIZE_WANTED "'-1B' (it cannot be negative)" },
		{ SIZE, "big", SIZE_WANTED "'big' (it begins with a number)" },
		{ SIZE, "1mb",
		    SIZE_WANTED "'1mb' (the units are B, kB, KiB, MB, MiB, "
				"GB and GiB)" },
		{ SIZE, "1023B",
		    "expected a size from 1KiB to 2GiB, not '1023B'" },
		{ SIZE, "99999999999999999999GiB",
		    "expected a size from 1KiB to 2GiB, not "
		    "'99999999999999999999GiB'" },
		{ SIZE, "9999999999999GiB",
		    "expected a size from 1KiB to 2GiB, not "
		    "'9999999999999GiB'" },
		{ WORD, "fatal", WORD_WANTED "'fatal'" },
		{ WORD, "eror", WORD_WANTED "'eror' (did you mean 'error'?)" },
		{ WORD, "Info", WORD_WANTED "'Info' (did you mean 'info'?)" },
		{ WORD, "null", WORD_WANTED "nothing" },
		{ WORD,
		    "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeee"
		    "ffffffffffg",
		    WORD_WANTED "'aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeee"
				"eeeeeeffffffffff'..." },
	};

	(void)state;
	setenv("LW_SECRET", "hunter2", 1);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct str yaml = { 0 }, expected = { 0 };
		int64_t value = -77;
		struct fixture f;

		str_printf(&yaml, "value: %s\n", cases[i].yaml);
		f = parse(str_text(&yaml));
		assert_false(read_value(
		    cases[i].reader, node_get(f.root, "value"), &value));
		assert_int_equal(value, -77);
		str_printf(&expected, "1:%d 'value': %s|",
		    *cases[i].yaml == '\0' ? 7 : 8, cases[i].fault);
		expect_faults(&f, expected.data);
		done(&f);
		str_free(&yaml);
		str_free(&expected);
	}
}

static void
a_key_that_is_not_there_is_no_fault(void **state)
{
	struct fixture f = parse(TEXT("a: 1\n"));
	const struct node *none = node_get(f.root, "none");
	const char *text;
	struct text raw;
	char **texts;
	size_t count;
	int64_t value = 0;

	(void)state;
	for (enum reader reader = BOOL; reader <= WORD; reader++)
		assert_false(read_value(reader, none, &value));
	assert_false(node_text(none, &text));
	assert_false(node_raw(none, &raw));
	assert_false(node_texts(none, true, &texts, &count));
	assert_int_equal(diag_errors(f.diag), 0);
	done(&f);
}

static void
bounds_that_bound_nothing_are_not_told(void **state)
{
	struct fixture f = parse(TEXT("a: -1\nb: 1B\n"));
	int64_t value;

	(void)state;
	assert_false(node_int(node_get(f.root, "a"), 0, INT64_MAX, &value));
	assert_false(node_size(node_get(f.root, "b"), 1000, INT64_MAX, &value));
	expect_faults(&f,
	    "1:4 'a': expected a whole number of at least 0, not '-1'|"
	    "2:4 'b': expected a size of at least 1kB, not '1B'|");
	assert_true(
	    node_int(node_get(f.root, "a"), INT64_MIN, INT64_MAX, &value));
	assert_int_equal(value, -1);
	done(&f);
}

static void
lists_of_texts_are_read(void **state)
{
	struct fixture f = parse(TEXT("a: [x, '${LW_SET}', ' ']\n"
				      "b: single\n"
				      "c: []\n"
				      "d: [x, [y], ~]\n"
				      "e: {f: g}\n"
				      "h:\n"));
	char **texts = NULL;
	size_t count = 99;

	(void)state;
	setenv("LW_SET", "value", 1);
	assert_true(node_texts(node_get(f.root, "a"), false, &texts, &count));
	assert_int_equal(count, 3);
	assert_string_equal(texts[0], "x");
	assert_string_equal(texts[1], "value");
	assert_string_equal(texts[2], " ");
	assert_null(texts[3]);
	node_texts_free(texts);
	assert_true(node_texts(node_get(f.root, "b"), true, &texts, &count));
	assert_int_equal(count, 1);
	assert_string_equal(texts[0], "single");
	assert_null(texts[1]);
	node_texts_free(texts);
	assert_true(node_texts(node_get(f.root, "c"), true, &texts, &count));
	assert_int_equal(count, 0);
	assert_null(texts[0]);
	node_texts_free(texts);
	node_texts_free(NULL);
	count = 99;
	assert_false(node_texts(node_get(f.root, "b"), false, &texts, &count));
	assert_false(node_texts(node_get(f.root, "d"), true, &texts, &count));
	assert_false(node_texts(node_get(f.root, "e"), true, &texts, &count));
	assert_false(node_texts(node_get(f.root, "h"), false, &texts, &count));
	assert_int_equal(count, 99);
	expect_faults(&f,
	    "2:4 'b': expected a list of texts, not text|"
	    "4:8 'd': expected text, not a list|"
	    "4:13 'd': expected text, not nothing|"
	    "5:4 'e': expected text or a list of texts, not a map|"
	    "6:3 'h': expected a list of texts, not nothing|");
	done(&f);
}

/* What doc_read() says of a path that cannot be read as a file. */
static void
expect_unreadable(const char *verb, const char *path, const char *reason)
{
	struct diag *d = diag_new();
	struct err err = { "" };
	struct str expected = { 0 };

	assert_null(doc_read(path, d, &err));
	str_printf(&expected, "%s %s: %s", verb, path, reason);
	assert_string_equal(err.text, expected.data);
	assert_int_equal(diag_errors(d), 0);
	str_free(&expected);
	diag_free(d);
}

static void
what_is_no_readable_file_is_an_error_and_no_wait(void **state)
{
	char directory[] = "/tmp/test_node.XXXXXX";
	char fifo[64];

	(void)state;
	assert_non_null(mkdtemp(directory));
	snprintf(fifo, sizeof fifo, "%s/fifo", directory);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	expect_unreadable("read", directory, "a directory, not a file");
	expect_unreadable("read", fifo, "not a regular file");
	expect_unreadable("read", "/dev/zero", "not a regular file");
	expect_unreadable(
	    "open", "/nowhere/rules.yml", "No such file or directory");
	unlink(fifo);
	rmdir(directory);
}

static void
a_file_is_read_up_to_1_mib(void **state)
{
	char path[] = "/tmp/test_node.XXXXXX";
	int fd = mkstemp(path);
	struct diag *d = diag_new();
	struct err err;
	struct doc *doc;
	char *blanks = mem_new(1024, 1);

	(void)state;
	assert_true(fd >= 0);
	memset(blanks, '\n', 1024);
	assert_int_equal(write(fd, "a: 1\n", 5), 5);
	doc = doc_read(path, d, &err);
	assert_non_null(doc_root(doc));
	assert_string_equal(node_place(doc_root(doc)).file, path);
	doc_free(doc);
	for (size_t n = 5; n < 1024 * 1024;) {
		size_t len = 1024 * 1024 - n < 1024 ? 1024 * 1024 - n : 1024;

		assert_int_equal(write(fd, blanks, len), len);
		n += len;
	}
	doc = doc_read(path, d, &err);
	assert_non_null(doc_root(doc));
	doc_free(doc);
	assert_int_equal(write(fd, "\n", 1), 1);
	doc = doc_read(path, d, &err);
	assert_null(doc_root(doc));
	assert_int_equal(diag_errors(d), 1);
	doc_free(doc);
	diag_free(d);
	free(blanks);
	close(fd);
	unlink(path);
}

/* Every head and every byte knocked over: nothing crashes or hangs. */
static void
damaged_files_do_no_harm(void **state)
{
	static const struct text yaml =
	    TEXT("version: 1\nrules:\n  - id: &a x\n    match: |-\n      a(b\n"
		 "    key: [\"q\\x41\", 'it''s', *a]\n    where: {ms: '>= 5'}\n"
		 "  - ? k\n    : >\n      ${A:-b}\n      folded\n");
	static const char knocks[] = "\t\n [{'\"&*!|>%@:-?#\\\xff";

	(void)state;
	for (size_t i = 0; i <= yaml.len; i++) {
		struct fixture f = parse((struct text){ yaml.data, i });

		done(&f);
		for (size_t j = 0; i < yaml.len && j < sizeof knocks; j++) {
			char *copy = mem_copy(yaml.data, yaml.len);

			copy[i] = knocks[j];
			f = parse((struct text){ copy, yaml.len });
			assert_true(f.root != NULL || diag_errors(f.diag) > 0);
			done(&f);
			free(copy);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_no_yaml_is_one_fault_at_its_place),
		cmocka_unit_test(faults_of_the_tree_do_not_hide_each_other),
		cmocka_unit_test(what_is_a_fault_already_is_not_told_again),
		cmocka_unit_test(a_tree_knows_its_places),
		cmocka_unit_test(ordinary_yaml_of_all_sorts_is_read),
		cmocka_unit_test(
		    an_alias_is_what_it_stands_for_under_its_own_key),
		cmocka_unit_test(levels_are_counted_through_aliases_up_to_64),
		cmocka_unit_test(hostile_input_is_refused_at_once),
		cmocka_unit_test(aliases_cannot_make_a_file_large),
		cmocka_unit_test(many_anchors_and_keys_are_read_in_good_time),
		cmocka_unit_test(
		    a_fault_inside_text_stands_under_its_character),
		cmocka_unit_test(
		    keys_that_are_not_known_are_faults_with_a_suggestion),
		cmocka_unit_test(variables_are_replaced_in_text),
		cmocka_unit_test(
		    variables_that_cannot_be_replaced_are_faults_at_their_place),
		cmocka_unit_test(
		    all_variables_of_a_text_that_are_not_set_are_told),
		cmocka_unit_test(a_pattern_is_taken_as_it_is_written),
		cmocka_unit_test(values_are_read),
		cmocka_unit_test(a_wrong_value_says_what_was_expected),
		cmocka_unit_test(a_key_that_is_not_there_is_no_fault),
		cmocka_unit_test(bounds_that_bound_nothing_are_not_told),
		cmocka_unit_test(lists_of_texts_are_read),
		cmocka_unit_test(
		    what_is_no_readable_file_is_an_error_and_no_wait),
		cmocka_unit_test(a_file_is_read_up_to_1_mib),
		cmocka_unit_test(damaged_files_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
