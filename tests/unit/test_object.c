/* SPDX-License-Identifier: MIT */
/*
 * Lines that are JSON objects.
 */
#include "event/object.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The field m of a line, as text; "(none)" where the object has none, "(text)"
 * where the line is no object. */
static char *
message_of(struct text line)
{
	struct str out = { 0 };
	struct text value;

	if (!object_read(line, "m", &value))
		str_puts(&out, "(text)");
	else if (value.data == NULL)
		str_puts(&out, "(none)");
	else
		object_value(value, &out);
	return str_take(&out);
}

static void
the_message_is_what_the_field_says(void **state)
{
	static const struct {
		const char *line, *message;
	} cases[] = {
		{ "{}", "(none)" },
		{ "{\"m\":\"x\"}", "x" },
		{ " \t{ \"m\" : \"x\" } \r", "x" },
		{ "{\"m\":\"\"}", "" },
		{ "{\"a\":1,\"m\":\"x\",\"b\":{\"m\":2},\"c\":[{\"m\":3}]}",
		    "x" },
		/* The last counts. */
		{ "{\"m\":\"x\",\"m\":\"y\"}", "y" },
		/* What is no string is as it is written. */
		{ "{\"m\":1.50e+3}", "1.50e+3" },
		{ "{\"m\":null}", "null" },
		{ "{\"m\":[1, \"a\"]}", "[1, \"a\"]" },
		{ "{\"m\":{\"a\": 1}}", "{\"a\": 1}" },
		/* Escapes, also of the name. */
		{ "{\"\\u006d\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u00e4\"}",
		    "\"\\/\b\f\n\r\tA\xc3\xa4" },
		{ "{\"m\":\"\\ud83d\\ude00 \\uD83D\\uDE00\"}",
		    "\xf0\x9f\x98\x80 \xf0\x9f\x98\x80" },
		/* Half a pair. */
		{ "{\"m\":\"\\ud83d \\ude00\\ud83d\\u0041\\ud83d\"}",
		    "\xef\xbf\xbd \xef\xbf\xbd\xef\xbf\xbd"
		    "A\xef\xbf\xbd" },
		/* Some writers do not escape them. */
		{ "{\"m\":\"a\tb\x1b[1m\"}", "a\tb\x1b[1m" },
		/* No object. */
		{ "", "(text)" },
		{ "x", "(text)" },
		{ "[{\"m\":\"x\"}]", "(text)" },
		{ "\"m\"", "(text)" },
		{ "{\"m\":\"x\"", "(text)" },
		{ "{\"m\":\"x\"} y", "(text)" },
		{ "y {\"m\":\"x\"}", "(text)" },
		{ "{\"m\":\"x\"}{\"m\":\"y\"}", "(text)" },
		{ "{\"m\":\"x\",}", "(text)" },
		{ "{,\"m\":\"x\"}", "(text)" },
		{ "{\"m\" \"x\"}", "(text)" },
		{ "{m:\"x\"}", "(text)" },
		{ "{'m':'x'}", "(text)" },
		{ "{\"m\":x}", "(text)" },
		{ "{\"m\":\"x\\q\"}", "(text)" },
		{ "{\"m\":\"\\u12g4\"}", "(text)" },
		{ "{\"m\":\"\\u123\"}", "(text)" },
		{ "{\"m\":\"x\\", "(text)" },
		{ "{\"m\":-}", "(text)" },
		{ "{\"m\":1.}", "(text)" },
		{ "{\"m\":1e}", "(text)" },
		{ "{\"m\":+1}", "(text)" },
		{ "{\"m\":nul}", "(text)" },
		{ "{\"m\":[1,]}", "(text)" },
		{ "{\"m\":[1}", "(text)" },
		{ "{\"m\":{\"a\":1]}", "(text)" },
		{ "{\"m\":\"x\",\"b\":[[}", "(text)" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char *got = message_of(text_of(cases[i].line));

		if (strcmp(got, cases[i].message) != 0)
			fail_msg("%s: '%s'", cases[i].line, got);
		free(got);
	}
}

static void
a_nul_is_a_character(void **state)
{
	struct str out = { 0 };
	struct text value;

	(void)state;
	assert_true(object_read(TEXT("{\"m\":\"a\0b\\u0000c\"}"), "m", &value));
	object_value(value, &out);
	assert_true(text_equal(str_text(&out), TEXT("a\0b\0c")));
	assert_false(object_read(TEXT("{\"m\":\"a\"}\0"), "m", &value));
	assert_false(object_read(TEXT("{\"m\":\"\\\0\"}"), "m", &value));
	str_free(&out);
}

static void
a_field_may_be_of_an_object_in_it(void **state)
{
	const struct text line = TEXT("{\"a\":{\"b\":{\"c\":1},\"b.c\":2},"
				      "\"x.y\":3,\"x\":{\"y\":4},\"ab\":5}");
	static const struct {
		const char *field, *value;
	} cases[] = {
		{ "a.b.c", "2" },
		{ "x.y", "4" },
		{ "ab", "5" },
		{ "a.b", "{\"c\":1}" },
		{ "a", "{\"b\":{\"c\":1},\"b.c\":2}" },
		{ "a.c", NULL },
		{ "x.y.z", NULL },
		{ "", NULL },
		{ "a.", NULL },
		{ "b", NULL },
	};
	struct text value;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		assert_true(object_read(line, cases[i].field, &value));
		if (cases[i].value == NULL ? value.data != NULL
					   : !text_is(value, cases[i].value))
			fail_msg("%s: '%.*s'", cases[i].field, (int)value.len,
			    value.data);
	}
}

static void
what_is_nested_too_deep_is_no_object(void **state)
{
	struct text value;

	(void)state;
	for (int depth = 1; depth < 3 * OBJECT_DEPTH_MAX; depth++) {
		struct str line = { 0 };
		bool taken;

		str_puts(&line, "{\"m\":");
		for (int i = 0; i < depth; i++)
			str_puts(&line, i % 2 ? "{\"a\":" : "[");
		str_puts(&line, "1");
		for (int i = depth; i-- > 0;)
			str_puts(&line, i % 2 ? "}" : "]");
		str_puts(&line, "}");
		taken = object_read(str_text(&line), "m", &value);
		if (taken != (depth < OBJECT_DEPTH_MAX))
			fail_msg("depth %d: %d", depth, taken);
		str_free(&line);
	}
}

static bool
note(struct text name, struct text value, void *ctx)
{
	str_printf(ctx, "%.*s=%.*s|", (int)name.len, name.data, (int)value.len,
	    value.data);
	return !text_is(name, "stop");
}

static void
each_field_is_told_until_no_more_are_wanted(void **state)
{
	struct str out = { 0 };

	(void)state;
	object_each(TEXT("{\"a\":1,\"b\":{\"c\":\"x\",\"d\":{\"\\u0065\":[2]}"
			 ",\"f\":{}},\"g\":true}"),
	    note, &out);
	assert_string_equal(out.data, "a=1|b.c=\"x\"|b.d.e=[2]|g=true|");
	str_clear(&out);
	object_each(TEXT("{\"a\":{\"stop\":1,\"b\":2},\"stop\":3,\"c\":4}"),
	    note, &out);
	assert_string_equal(out.data, "a.stop=1|a.b=2|stop=3|");
	str_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_message_is_what_the_field_says),
		cmocka_unit_test(a_nul_is_a_character),
		cmocka_unit_test(a_field_may_be_of_an_object_in_it),
		cmocka_unit_test(what_is_nested_too_deep_is_no_object),
		cmocka_unit_test(each_field_is_told_until_no_more_are_wanted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
