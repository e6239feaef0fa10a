/* SPDX-License-Identifier: MIT */
#include "base/utf8.h"
#include "conf/node.h"
#include "conf/quote.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* Reads "k: QUOTED" as a rule file would: as a pattern, or as a value. */
static void
check_back(struct text quoted, struct text want, bool value)
{
	struct str file = { 0 };
	struct diag *diag = diag_new();
	struct text raw = { NULL, 0 };
	const char *text = NULL;
	struct doc *doc;

	str_puts(&file, "k: ");
	str_add_text(&file, quoted);
	str_puts(&file, "\n");
	doc = doc_parse("quote.yml", str_text(&file), diag);
	assert_int_equal(diag_errors(diag), 0);
	if (value) {
		assert_true(node_text(node_get(doc_root(doc), "k"), &text));
		raw = text_of(text);
	} else {
		assert_true(node_raw(node_get(doc_root(doc), "k"), &raw));
	}
	assert_int_equal(raw.len, want.len);
	assert_memory_equal(raw.data, want.data, want.len);
	doc_free(doc);
	diag_free(diag);
	str_free(&file);
}

static void
check(struct text text)
{
	struct str quoted = { 0 };

	quote_add(&quoted, text);
	check_back(str_text(&quoted), text, false);
	str_clear(&quoted);
	quote_add_value(&quoted, text);
	check_back(str_text(&quoted), text, true);
	str_free(&quoted);
}

static void
what_was_quoted_is_read_back(void **state)
{
	static const char *const texts[] = {
		"",
		" ",
		"it's",
		"''",
		"a: b # c",
		"- ? | > & * ! % @ `",
		"{{host}} ${HOME} $$ $",
		"\\ \\\\ \" \\\"",
		"tab\there",
		"two\nlines\r\n",
		"\x01\x1b[31m\x7f",
		"\xc2\x85\xc2\x80\xe2\x80\xa8\xe2\x80\xae",
		"\xef\xbb\xbf \xef\xbf\xbe \xef\xbf\xbf \xef\xbf\xbd",
		"\xe4\xb8\x8a\xe5\x8d\x88 \xf0\x9f\x98\x80",
		"'\x02\"\\",
	};

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		check(text_of(texts[i]));
}

static void
each_character_alone_is_read_back(void **state)
{
	(void)state;
	for (unsigned c = 1; c < 0x80; c++) {
		char text[2] = { (char)c, '\0' };

		check(text_of(text));
	}
}

static void
nul_becomes_the_replacement_character(void **state)
{
	struct str quoted = { 0 };

	(void)state;
	quote_add(&quoted, TEXT("a\0b"));
	assert_string_equal(quoted.data, "\"a\\uFFFDb\"");
	str_free(&quoted);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_quoted_is_read_back),
		cmocka_unit_test(each_character_alone_is_read_back),
		cmocka_unit_test(nul_becomes_the_replacement_character),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
